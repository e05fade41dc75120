"""Adam on a linear layer whose features are all 0, so that only the bias learns, from 0.

Its path can be worked out step by step, and says what a training did: how many steps, with which loss, on
which rows.
"""

import math
from collections.abc import Sequence

from course_utils.check._statements import that

BETAS, EPS = (0.9, 0.999), 1e-8
TARGET = 5000.0  # the label of every row, unless another one is given
CLOSE = 0.01  # how far a log-RMSE may be from that of the path: the first bias is near 0, not 0
SUMMED = "the loss is summed: take the mean over the batch"


def bias_path(
    steps_per_epoch: int,
    num_epochs: int,
    lr: float,
    weight_decay: float = 0.0,
    target: float = TARGET,
    kind: str = "right",
) -> list[float]:
    """The log-RMSE after each epoch, for labels that all equal target and the mean squared error as the loss.

    kind: a mistake. "half", "sum" (of batches of 4, 4 and 2) and "root" are other losses; with "piled" no
    gradient is cleared, with "late" they are once an epoch; with "anew" each epoch has an optimizer of its
    own, with "before" the log-RMSE is that before the epoch; "decoupled" is AdamW.
    """
    b, m, v, t, total, history = 0.0, 0.0, 0.0, 0, 0.0, []
    for _ in range(num_epochs):
        if kind == "anew":
            m, v, t = 0.0, 0.0, 0
        total = 0.0 if kind == "late" else total
        before = b
        for step in range(steps_per_epoch):
            gradient = {"half": 1, "sum": 2 * min(4, 10 - 4 * step)}.get(kind, 2) * (b - target)
            gradient = math.copysign(1, b - target) if kind == "root" else gradient
            gradient += weight_decay * b if kind != "decoupled" else 0.0
            total = total + gradient if kind in ("piled", "late") else gradient
            t, m, v = t + 1, *_moments(m, v, total)
            b -= lr * weight_decay * b if kind == "decoupled" else 0.0
            b -= lr * _direction(m, v, t)
        at = before if kind == "before" else b
        history.append(abs(math.log(max(at, 1.0)) - math.log(target)))
    return history


def wrong_bias_paths(rows: int, batch_size: int, num_epochs: int, lr: float) -> dict[str, list[float]]:
    """What people's trainings give in place of `bias_path`, without weight decay: sentence -> path.

    The last batch is smaller than batch_size.
    """
    steps = rows // batch_size + 1
    mistakes = {
        "anew": "Adam is made anew in every epoch, and forgets: one optimizer serves all epochs",
        "piled": "gradients pile up from step to step: clear them",
        "late": "gradients are cleared once an epoch, and pile up in between: clear them before each step",
        "before": "the log-RMSE is measured before the epoch; after it is asked for",
        "root": "the loss is the mean of the squares: no root, no absolute values",
        "sum": SUMMED,
    }
    known = {words: bias_path(steps, num_epochs, lr, kind=kind) for kind, words in mistakes.items()}
    counts = {
        steps - 1: "the last, smaller batch is not used",
        1: "it takes one step an epoch: use batches of batch_size rows",
        rows: "it takes a step for every row: use batches of batch_size rows",
    }
    known |= {words: bias_path(count, num_epochs, lr) for count, words in counts.items()}
    right = bias_path(steps, num_epochs, lr)
    known["the squared errors are returned, not their root"] = [value**2 for value in right]
    words = "nothing is learned: does Adam get lr and all parameters, does the layer have a bias, "
    words += "is the loss without logarithm and clamp, and does step() come right after backward()?"
    known[words] = [math.log(TARGET)] * num_epochs
    words = "the learning rate is divided by batch_size; the mean in the loss does that already"
    known[words] = bias_path(steps, num_epochs, lr / batch_size)
    known["lr is not used: the learning rate is always 5"] = bias_path(steps, num_epochs, 5.0)
    return known


def rows_used(history: Sequence[float], lr: float, targets: Sequence[float]) -> list[tuple[int, int]]:
    """The rows, 0 or 1, of the two steps of each epoch, read off the log-RMSE after the epochs.

    targets: the labels of the two rows; batches of one row, no weight decay. Where no two rows lead to a
    log-RMSE, something else is wrong, and the case says so.
    """
    state, used = (0.0, 0.0, 0.0, 0), []
    for value in history:
        ends = {}
        for pair in ((0, 1), (1, 0), (0, 0), (1, 1)):
            b, m, v, t = state
            for row in pair:
                t, m, v = t + 1, *_moments(m, v, 2 * (b - targets[row]))
                b -= lr * _direction(m, v, t)
            errors = [math.log(max(b, 1.0) / target) ** 2 for target in targets]
            ends[pair] = abs(math.sqrt(sum(errors) / 2) - value), (b, m, v, t)
        used.append(min(ends, key=lambda pair: ends[pair][0]))
        other = "two rows in batches of one: this is not one Adam for all epochs; see the checks above"
        that(ends[used[-1]][0] < CLOSE, other)
        state = ends[used[-1]][1]
    return used


def _moments(m: float, v: float, gradient: float) -> tuple[float, float]:
    return BETAS[0] * m + (1 - BETAS[0]) * gradient, BETAS[1] * v + (1 - BETAS[1]) * gradient**2


def _direction(m: float, v: float, t: int) -> float:
    return m / (1 - BETAS[0] ** t) / (math.sqrt(v / (1 - BETAS[1] ** t)) + EPS)
