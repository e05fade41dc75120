"""Training and measuring a classifier."""

import contextlib
import math
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from course_utils import plots

import numpy as np
import torch
from torch import nn
from tqdm import tqdm


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's generators, on the CPU and on all GPUs."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class Timer:
    """Measures the seconds spent inside `with`. d2l: Timer.

        with Timer(device=device) as timer:
            ...
        print(timer.seconds)

    A GPU works on after Python has moved on: given its device, the timer waits for it at both ends.
    `seconds` grows while the block runs and stands still afterwards.
    """

    def __init__(self, device: torch.device | str | None = None):
        self._device = None if device is None else torch.device(device)
        self._start: float | None = None
        self._end: float | None = None

    @property
    def seconds(self) -> float:
        if self._start is None:
            raise RuntimeError("the timer has not been started: use it as `with Timer() as timer:`")
        return (time.perf_counter() if self._end is None else self._end) - self._start

    def __enter__(self) -> "Timer":
        self._wait()
        self._start, self._end = time.perf_counter(), None
        return self

    def __exit__(self, *_: object) -> None:
        self._wait()
        self._end = time.perf_counter()

    def _wait(self) -> None:
        if self._device is not None and self._device.type != "cpu":
            torch.accelerator.synchronize(self._device)


@dataclass
class History:
    """What a training went through; the lists hold one number per epoch."""

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    seconds: float = 0.0  # spent training, without measuring on the test data and drawing
    examples_per_second: float = 0.0


def evaluate_accuracy(net: Callable[[torch.Tensor], torch.Tensor], data_iter: Iterable) -> float:
    """The share of examples, in [0, 1], that net classifies correctly. d2l: evaluate_accuracy.

    net: a Module, used in evaluation mode and without a graph and then put back into the modes it had,
    or a plain function; it maps X to scores of shape (batch, classes).
    data_iter: batches (X, y), y of shape (batch,) with class numbers.
    Raises ValueError if there is no example or if the scores have another shape.
    """
    device = _device_of(net)
    right, examples = 0, 0
    with _evaluation_mode(net), torch.no_grad():
        for X, y in data_iter:
            X, y = X.to(device), y.to(device)
            right += _count_right(net(X), y)
            examples += len(y)
    if examples == 0:
        raise ValueError("there is no example to measure the accuracy on: data_iter is empty or used up")
    return float(right) / examples


def count_correct(scores: torch.Tensor, y: torch.Tensor) -> int:
    """How many rows of scores (batch, classes) are largest at their label in y (batch,). d2l: accuracy.

    Raises ValueError for other shapes.
    """
    return int(_count_right(scores, y))


def confusion_matrix(y_true: torch.Tensor, y_pred: torch.Tensor, num_classes: int) -> torch.Tensor:
    """How often class i (the row) was predicted as class j (the column): int64 (num_classes, num_classes).

    y_true, y_pred: class numbers (n,) on the same device; n may be 0.
    """
    counts = torch.zeros(num_classes, num_classes, dtype=torch.int64, device=y_true.device)
    return counts.index_put_((y_true, y_pred), torch.ones_like(y_true), accumulate=True)


def train_epoch(
    net: nn.Module, train_iter: Iterable, loss: Callable, optimizer: torch.optim.Optimizer
) -> tuple[float, float]:
    """Train net for one pass over the data: (mean loss, accuracy). d2l: train_epoch_ch3, train_epoch_ch6.

    As in `train_classifier`, both are means over the examples, measured on the scores that the training
    steps used. Raises ValueError for an iterator without examples.
    """
    return _train_epoch(net, train_iter, loss, optimizer, _device_of(net))[:2]


def train_classifier(
    net: nn.Module,
    train_iter: Iterable,
    test_iter: Iterable,
    *,
    num_epochs: int,
    lr: float = 0.1,
    optimizer: torch.optim.Optimizer | None = None,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    device: torch.device | str | None = None,
    live: bool = True,
    title: str = "Training",
) -> History:
    """Train net for num_epochs and draw its learning curves. d2l: train_ch3, train_ch6.

    train_iter, test_iter: batches (X, y), y of shape (batch,) with class numbers; iterated every epoch.
    optimizer: SGD with learning rate lr by default; one of your own has its own rate, and lr is ignored.
    loss: maps (scores, y) to the mean loss of the batch, or to one loss per example;
    cross-entropy by default.
    device: where to train; by default where net is. live: whether to show curves (in a notebook) or a
    progress bar (in a terminal).
    Training loss and accuracy are means over the examples of an epoch, measured on the scores that the
    training steps used; test accuracy is measured after each epoch.
    Raises ValueError for an iterator without examples, FloatingPointError if the loss is not finite.
    """
    if num_epochs < 1:
        raise ValueError(f"num_epochs must be at least 1, got {num_epochs}")
    device = _device_of(net) if device is None else torch.device(device)
    net.to(device)
    optimizer = optimizer or torch.optim.SGD(net.parameters(), lr=lr)
    loss = loss or nn.CrossEntropyLoss()
    history, trained_on = History(), 0
    with _live_curves(num_epochs, title, live) as curves:
        for epoch in _progress_bar(num_epochs, title, live):
            with Timer(device) as timer:
                mean_loss, accuracy, examples = _train_epoch(net, train_iter, loss, optimizer, device)
            _check_loss(mean_loss, epoch, optimizer)
            history.train_loss.append(mean_loss)
            history.train_accuracy.append(accuracy)
            history.test_accuracy.append(evaluate_accuracy(net, test_iter))
            history.seconds += timer.seconds
            trained_on += examples
            if curves is not None:
                curves.add(epoch, _last_epoch(history))
    history.examples_per_second = trained_on / history.seconds
    return history


# --- one epoch ------------------------------------------------------------------------------------------


def _train_epoch(
    net: nn.Module,
    train_iter: Iterable,
    loss: Callable,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
) -> tuple[float, float, int]:
    """One pass over the data: (mean loss, accuracy, number of examples)."""
    net.train()
    losses, right, sizes = [], [], []
    for X, y in train_iter:
        X, y = X.to(device), y.to(device)
        scores = net(X)
        batch_loss = loss(scores, y)
        if batch_loss.ndim:  # one loss per example
            batch_loss = batch_loss.mean()
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
        # The numbers stay on the device until the epoch ends: reading each one would stop a GPU.
        losses.append(batch_loss.detach())
        right.append(_count_right(scores.detach(), y))
        sizes.append(len(y))
    examples = sum(sizes)
    if examples == 0:
        raise ValueError(
            "train_iter gave no examples: pass something that can be iterated in every epoch, such as a "
            "DataLoader, and not a generator, which is used up after one"
        )
    weights = torch.tensor(sizes, dtype=torch.float64) / examples
    mean_loss = float(torch.stack(losses).cpu().double() @ weights)
    return mean_loss, float(torch.stack(right).sum()) / examples, examples


def _count_right(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """How many rows of scores (batch, classes) are largest at y (batch,), as a tensor with one number."""
    if scores.ndim != 2 or y.shape != scores.shape[:1]:
        raise ValueError(
            f"net should give scores of shape (batch, classes) for y of shape (batch,); "
            f"the shapes are {tuple(scores.shape)} and {tuple(y.shape)}"
        )
    return (scores.argmax(dim=1) == y).sum()


def _check_loss(mean_loss: float, epoch: int, optimizer: torch.optim.Optimizer) -> None:
    if not math.isfinite(mean_loss):
        raise FloatingPointError(
            f"the training loss is {mean_loss} in epoch {epoch}: try a smaller learning rate than "
            f"{optimizer.param_groups[0]['lr']:g}, and check that the inputs hold no nan or infinity"
        )


@contextlib.contextmanager
def _evaluation_mode(net: object) -> Iterator[None]:
    modules = list(net.modules()) if isinstance(net, nn.Module) else []
    modes = [module.training for module in modules]
    try:
        if isinstance(net, nn.Module):
            net.eval()
        yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def _device_of(net: object) -> torch.device | None:
    """Where net's parameters are; None, which `to` takes as "leave it", for nets without any."""
    first = next(net.parameters(), None) if isinstance(net, nn.Module) else None
    return None if first is None else first.device


# --- what the reader sees -------------------------------------------------------------------------------


def _live_curves(num_epochs: int, title: str, live: bool) -> contextlib.AbstractContextManager:
    if not live:
        return contextlib.nullcontext()
    return plots.LiveCurves(
        {"loss": ["training loss"], "accuracy": ["training accuracy", "test accuracy"]},
        title=title,
        until=num_epochs,
        alt=f"{title}: learning curves over {num_epochs} epochs, the training loss on the left, training and "
        "test accuracy on the right.",
    )


def _last_epoch(history: History) -> dict[str, float]:
    return {
        "training loss": history.train_loss[-1],
        "training accuracy": history.train_accuracy[-1],
        "test accuracy": history.test_accuracy[-1],
    }


def _progress_bar(num_epochs: int, title: str, live: bool) -> Iterable[int]:
    # In a notebook the bar would be text on stderr, which nbval compares and nbgrader counts as an error;
    # there the curves show the progress.
    on_terminal = sys.stderr.isatty() and not plots._in_notebook()
    return tqdm(range(1, num_epochs + 1), desc=title, unit="epoch", disable=not (live and on_terminal))
