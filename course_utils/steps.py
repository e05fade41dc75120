"""Step functions: one update of one parameter, `step(param, grad, state, lr, **settings)`, in place.

`state` is a dict that belongs to the parameter and is empty at its first step. Chapter 10 writes the
rules of the known optimizers in this form; here is what its experiments and its checks share.
"""

from collections.abc import Callable, Sequence

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

    As in a training, one gradient tensor is overwritten in each step; a step that changes it fails.
    """
    param, grad, state, path = start.clone(), torch.zeros_like(start), {}, []
    for g, lr in zip(grads, rates, strict=False):
        grad.copy_(g)
        step(param, grad, state, lr, **settings)
        check.equal(grad, g, "the step changed `grad`; only `param` and `state` may change")
        path.append(param.clone())
    return torch.stack(path)


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


def still(num_steps: int) -> torch.Tensor:
    """For checks: the path of a step that changes nothing."""
    return START.expand(num_steps, *START.shape)


def check_in_place(step: Step, reference: Step, **settings: object) -> None:
    """For checks: the step takes parameters that require a gradient, are not contiguous, or are several."""
    mine, twin, state, twins = nn.Parameter(START.clone()), START.clone(), {}, {}
    mine.grad = -START  # the gradient is the argument, not this one
    for g in GRADS[:2]:
        step(mine, g.clone(), state, 0.1, **settings)
        reference(twin, g.clone(), twins, 0.1, **settings)
    check.that(
        mine.requires_grad and mine.is_leaf,
        "the parameter became the result of a computation: work without a graph",
    )
    kept = [value for value in state.values() if isinstance(value, torch.Tensor)]
    check.that(
        all(value.grad_fn is None for value in kept), "`state` keeps a graph alive: work without a graph"
    )
    check.close(mine, twin, "for an nn.Parameter", **TOLERANCE)
    for function, param in ((step, mine), (reference, twin)):
        function(param, GRADS[2].clone(), {}, 0.1, **settings)
    check.close(mine, twin, "an empty `state` is a new start: keep nothing outside `state`", **TOLERANCE)
    twin = START.clone()
    reference(twin, GRADS[0].clone(), {}, 0.1, **settings)
    for name, param in check.layouts(START).items():
        step(param, GRADS[0].clone(), {}, 0.1, **settings)
        check.close(param, twin, f"for a parameter that is {name} in memory", **TOLERANCE)
    params, states = [START.clone(), START.clone()], [{}, {}]
    twins = [START.clone(), START.clone()], [{}, {}]
    for one, other in ((0, 2), (1, 3)):
        for i, g in enumerate((GRADS[one], GRADS[other])):
            step(params[i], g.clone(), states[i], 0.1, **settings)
            reference(twins[0][i], g.clone(), twins[1][i], 0.1, **settings)
    for param, twin in zip(params, twins[0], strict=True):
        check.close(param, twin, "two parameters disturb each other: keep everything in `state`", **TOLERANCE)


def like_torch(
    step: Step, optimizer_class: type[torch.optim.Optimizer], lr: float, **settings: object
) -> None:
    """For checks: eight steps on random gradients end where the optimizer of torch ends."""
    mine, state, twin, twins, reference = (
        check.normal((2, 4)),
        {},
        torch.zeros(2, 4),
        {},
        torch_step(optimizer_class),
    )
    twin.copy_(mine)
    for _ in range(8):
        grad = check.normal((2, 4))
        step(mine, grad.clone(), state, lr, **settings)
        reference(twin, grad, twins, lr, **settings)
    check.close(
        mine, twin, ", ".join(f"{name} = {value}" for name, value in settings.items()), rtol=1e-4, atol=1e-5
    )
