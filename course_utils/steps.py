"""Step functions: one update of one parameter, `step(param, grad, state, lr, **settings)`, in place.

`state` is a dict that belongs to the parameter and is empty at its first step. Chapter 10 writes the
rules of the known optimizers in this form; here is what its experiments and its checks share.
"""

import math
from collections.abc import Callable, Mapping, Sequence

from course_utils import check

import torch
from torch import nn

Step = Callable[..., None]

# What the checks feed to a step function: a start (2, 3), four gradients, and rates that change.
START = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]], dtype=torch.float64)
GRADS = [
    torch.tensor([[a, b, -a], [1.0, -b, 0.5]], dtype=torch.float64)
    for a, b in ((1.0, 2.0), (-3.0, 0.5), (0.25, 4.0), (2.0, 1.0))
]
RATES = [0.1, 0.02, 0.3, 0.1]
TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}  # some write Adam with epsilon beside the uncorrected root
NEW_START = "an empty `state` is a new start: keep nothing outside `state`"


def torch_step(optimizer_class: type[torch.optim.Optimizer]) -> Step:
    """A step function in which an optimizer of torch does the work; `decoupled` turns Adam into AdamW."""

    def step(param: torch.Tensor, grad: torch.Tensor, state: dict, lr: float, **settings: object) -> None:
        if "decoupled" in settings:
            settings["decoupled_weight_decay"] = settings.pop("decoupled")
        if not state:
            state["twin"] = param.detach().requires_grad_()  # shares param's memory
            state["optimizer"] = optimizer_class([state["twin"]], lr=lr, **settings)
        state["optimizer"].param_groups[0].update(settings, lr=lr)
        state["twin"].grad = grad
        state["optimizer"].step()

    return step


def walk(
    step: Step,
    grad: Callable[[torch.Tensor], torch.Tensor],
    x0: torch.Tensor,
    num_steps: int,
    **settings: object,
) -> torch.Tensor:
    """The points (num_steps + 1, d) that a step function visits from x0 (d,); grad gives the gradients."""
    param, state, points = x0.clone(), {}, [x0.clone()]
    for _ in range(num_steps):
        step(param, grad(param), state, **settings)
        points.append(param.clone())
    return torch.stack(points)


def path_of(
    step: Step,
    start: torch.Tensor = START,
    grads: Sequence[torch.Tensor] = GRADS,
    rates: Sequence[float] = RATES,
    **settings: object,
) -> torch.Tensor:
    """For checks: the values after each step on these gradients, (steps, *shape of start).

    As in a training, one gradient tensor is overwritten in each step; a step that changes it fails. So does
    one that goes another way when the same steps come again with a new state.
    """
    path, left, again = check.made(_path, step, start, list(grads), rates, settings)
    for found, g in zip(left, grads, strict=False):
        check.equal(found, g, "the step changed `grad`; only `param` and `state` may change")
    check.that(path.allclose(again, equal_nan=True), NEW_START)
    return path


def _path(
    step: Step, start: torch.Tensor, grads: list[torch.Tensor], rates: Sequence[float], settings: dict
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The values after each step, what each step left of its gradient, and the values when it begins anew."""
    paths = []
    for _ in range(2):
        param, grad, state, path, left = start.clone(), torch.zeros_like(start), {}, [], []
        for g, lr in zip(grads, rates, strict=False):
            grad.copy_(g)
            step(param, grad, state, lr, **settings)
            path.append(param.clone())
            left.append(grad.clone())
        paths.append(torch.stack(path))
    return paths[0], torch.stack(left), paths[1]


def play(
    update: Callable[..., tuple],
    start: torch.Tensor = START,
    grads: Sequence[torch.Tensor] = GRADS,
    rates: Sequence[float] = RATES,
) -> torch.Tensor:
    """For checks: the path of a rule without a state dict, update(x, g, memory, lr, t) -> (x, memory).

    memory is a tensor that starts as zeros, t counts from 1.
    """
    x, memory, path = start, torch.zeros_like(start), []
    for t, (g, lr) in enumerate(zip(grads, rates, strict=False), 1):
        x, memory = update(x, g, memory, lr, t)
        path.append(x)
    return torch.stack(path)


def adam_path(
    b1: float,
    b2: float,
    *,
    l2: float = 0.0,
    decay: float = 0.0,
    rates: tuple[bool, bool] = (False, True),
    power: int = 2,
    root: float = 0.5,
    new: tuple[float | None, float | None] = (None, None),
    keep: tuple[bool, bool] = (True, True),
    fix: tuple[bool, bool] = (True, True),
    late: int = 0,
    stuck: bool = False,
    store_fixed: bool = False,
    sign: int = 1,
) -> torch.Tensor:
    """For checks: Adam's path, right by default, or with a mistake.

    b1, b2: the betas. l2, decay: weight decay in the gradient and on the parameter; rates: whether each of
    these is multiplied by the rate. power, root: exponents in v and of its root. new: weights of the new
    gradient and its square, 1 - beta by default. keep: whether m and v are kept; fix: whether they are
    corrected, with a t that is `late` too large or is stuck at 1; store_fixed: whether the corrected ones are
    kept.
    """

    def update(x: torch.Tensor, g: torch.Tensor, memory: torch.Tensor, lr: float, t: int) -> tuple:
        x = x * (1 - (lr if rates[1] else 1) * decay)
        g, t = g + l2 * (lr if rates[0] else 1) * x, 1 if stuck else t + late
        m = keep[0] * b1 * memory[0] + (new[0] or 1 - b1) * g
        v = keep[1] * b2 * memory[1] + (new[1] or 1 - b2) * g**power
        m_hat, v_hat = m / (1 - fix[0] * b1**t), v / (1 - fix[1] * b2**t)
        kept = (m_hat, v_hat) if store_fixed else (m, v)
        return x - lr * sign * m_hat / (v_hat**root + 1e-8), torch.stack(kept)

    return play(update)


def worked_out(wrong: Mapping[str, torch.Tensor | Callable]) -> Callable[[], dict[str, torch.Tensor]]:
    """For checks: `known` of check.close from paths, and from functions that give one when it is needed."""
    return lambda: {says: path() if callable(path) else path for says, path in wrong.items()}


def still(num_steps: int) -> torch.Tensor:
    """For checks: the path of a step that changes nothing."""
    return START.expand(num_steps, *START.shape)


def check_adam_eps(step: Step) -> None:
    """For checks: Adam's eps, its default 1e-8, and a gradient of 0, in a first step at rate 1.

    With both corrections in the rate, as in the paper's short form, eps is beside the root of v, not of
    v-hat. That is accepted.
    """
    zero, one, root = torch.zeros(1).double(), torch.ones(1).double(), math.sqrt(1 - 0.999)

    def first(size: float, **eps: float) -> torch.Tensor:
        found = path_of(step, zero, [one * size], [1.0], **eps)[0]
        short_form = -one * root / (1 + root)  # where eps equals the gradient
        return -one / 2 if found.allclose(short_form) else found

    wrong = {"eps is under the root; it is added to the root": -one / math.sqrt(1.01)}
    check.close(first(1e-3), -one, known=wrong, rtol=1e-3)
    wrong = {"eps is added to the quotient: put the root and eps in parentheses": -2 * one}
    wrong["the argument eps is not used"] = -one
    check.close(first(1.0, eps=1.0), -one / 2, "for a gradient of 1 and eps = 1", known=wrong, **TOLERANCE)
    check.close(first(1e-8), -one / 2, "the default eps is 1e-8: for a gradient of 1e-8", **TOLERANCE)
    check.close(path_of(step, one, [zero], [1.0])[0], one, "a zero gradient moves nothing")


def check_in_place(step: Step, reference: Step, **settings: object) -> None:
    """For checks: the step takes parameters that require a gradient, are not contiguous, or are several."""
    mine, twin = nn.Parameter(START.clone()), START.clone()
    mine.grad = -START  # the gradient is the argument, not this one
    no_graphs = check.made(_taken, step, [mine], [GRADS[:2]], 0.1, settings)
    _taken(reference, [twin], [GRADS[:2]], 0.1, settings)
    check.that(
        mine.requires_grad and mine.is_leaf,
        "the parameter became the result of a computation: work without a graph",
    )
    check.that(no_graphs, "`state` keeps a graph alive: work without a graph")
    check.close(mine, twin, "for an nn.Parameter", **TOLERANCE)
    check.made(_taken, step, [mine], [GRADS[2:3]], 0.1, settings)
    _taken(reference, [twin], [GRADS[2:3]], 0.1, settings)
    check.close(mine, twin, NEW_START, **TOLERANCE)
    twin, layouts = START.clone(), check.layouts(START)
    views = [param.detach() for param in layouts.values()]
    _taken(reference, [twin], [GRADS[:1]], 0.1, settings)
    taken = check.in_turn(_taken, [(step, [one], [GRADS[:1]], 0.1, settings) for one in layouts.values()])
    moved = "`param.data = ...` moves the parameter to new memory; change it in place"
    for (name, param), view, _ in zip(layouts.items(), views, taken, strict=True):
        check.close(param, twin, f"for a parameter that is {name} in memory", **TOLERANCE)
        check.that(torch.equal(view, param), moved)
    params, twins = [START.clone(), START.clone()], [START.clone(), START.clone()]
    check.made(_taken, step, params, [GRADS[:2], GRADS[2:]], 0.1, settings)
    _taken(reference, twins, [GRADS[:2], GRADS[2:]], 0.1, settings)
    for param, twin in zip(params, twins, strict=True):
        check.close(param, twin, "two parameters disturb each other: keep everything in `state`", **TOLERANCE)


def _taken(
    step: Step,
    params: list[torch.Tensor],
    grads: list[list[torch.Tensor]],
    lr: float,
    settings: dict,
) -> bool:
    """For each parameter a step on each of its gradients, in turn. Returns whether no state keeps a graph."""
    states: list[dict] = [{} for _ in params]
    for row in zip(*grads, strict=True):
        for param, g, state in zip(params, row, states, strict=True):
            step(param, g.clone(), state, lr, **settings)
    kept = [value for state in states for value in state.values() if isinstance(value, torch.Tensor)]
    return all(value.grad_fn is None for value in kept)


def like_torch(
    step: Step, optimizer_class: type[torch.optim.Optimizer], lr: float, **settings: object
) -> None:
    """For checks: eight steps on random gradients end where the optimizer of torch ends."""
    mine = check.normal((2, 4))
    twin, grads = mine.clone(), [check.normal((2, 4)) for _ in range(8)]
    check.made(_taken, step, [mine], [grads], lr, settings)
    _taken(torch_step(optimizer_class), [twin], [grads], lr, settings)
    check.close(
        mine, twin, ", ".join(f"{name} = {value}" for name, value in settings.items()), rtol=1e-4, atol=1e-5
    )
