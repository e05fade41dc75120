"""Learning rate schedules as functions of the step, played by torch's schedulers.

Chapter 11 writes these functions as formulas; its experiments use the ones here until the reader's are right.
Each takes t, a step number from 0 on, and the settings of the exercise of its name, and returns a float.
"""

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from course_utils import check

import torch
from torch import nn
from torch.optim import lr_scheduler

Scheduler = lr_scheduler.LRScheduler


def optimizer_at(lr: float) -> torch.optim.Optimizer:
    """An optimizer that has a rate and nothing to train."""
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)


def record(optimizer: torch.optim.Optimizer, scheduler: Scheduler, num_steps: int) -> list[float]:
    """The rates in use at so many steps."""
    rates = []
    for _ in range(num_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def step_decay(t: int, lr0: float, gamma: float, step_size: int) -> float:
    """The rate lr0, multiplied by gamma once in every step_size steps."""
    return _played(lr_scheduler.StepLR, lr0, t, step_size=step_size, gamma=gamma)


def inverse_time_decay(t: int, lr0: float, k: float) -> float:
    """1 / rate grows by k / lr0 in every step."""
    return 1 / (1 / lr0 + t * k / lr0)


def exponential_decay(t: int, lr0: float, gamma: float) -> float:
    """The rate lr0, multiplied by gamma in every step."""
    return _played(lr_scheduler.ExponentialLR, lr0, t, gamma=gamma)


def natural_exp_decay(t: int, lr0: float, k: float) -> float:
    """The same, with gamma = e^-k."""
    return exponential_decay(t, lr0, math.exp(-k))


def cosine_decay(t: int, lr0: float, total: int, lr_min: float = 0.0) -> float:
    """Half a cosine from lr0 to lr_min at step total, and lr_min after it."""
    return _played(lr_scheduler.CosineAnnealingLR, lr0, min(t, total), T_max=total, eta_min=lr_min)


def linear_warmup(t: int, lr: float, warmup: int) -> float:
    """Equal steps up to lr, which is reached at step warmup - 1."""
    return _played(lr_scheduler.LinearLR, lr, t, start_factor=1 / warmup, total_iters=warmup - 1)


def warmup_cosine(t: int, lr: float, warmup: int, total: int, lr_min: float = 0.0) -> float:
    """linear_warmup for the first steps, then a cosine from lr to lr_min at step total."""
    if t < warmup:
        return linear_warmup(t, lr, warmup)
    return cosine_decay(t - warmup, lr, total - warmup, lr_min)


def triangular(t: int, lr_min: float, lr_max: float, half_period: int) -> float:
    """Straight lines from lr_min up to lr_max and down again, half_period steps each."""
    settings = {"base_lr": lr_min, "max_lr": lr_max, "step_size_up": half_period, "cycle_momentum": False}
    return _played(lr_scheduler.CyclicLR, lr_min, t, **settings)


def cosine_restarts(t: int, lr_max: float, lr_min: float, first_period: int, mult: int = 1) -> float:
    """Half cosines from lr_max to lr_min, each mult times as long as the one before."""
    settings = {"T_0": first_period, "T_mult": mult, "eta_min": lr_min}
    return _played(lr_scheduler.CosineAnnealingWarmRestarts, lr_max, t, **settings)


def make_warmup_cosine(optimizer: torch.optim.Optimizer, warmup: int, total: int) -> Scheduler:
    """The schedule warmup_cosine with lr_min 0 as one scheduler; the peak is the optimizer's rate."""
    peak = optimizer.param_groups[0]["lr"]
    return lr_scheduler.LambdaLR(optimizer, lambda t: warmup_cosine(t, peak, warmup, total) / peak)


def _played(make: Callable[..., Scheduler], lr: float, t: int, **settings: float) -> float:
    if t < 0:
        raise ValueError(f"steps are numbered from 0, got {t}")
    longer = 64 << (t // 64).bit_length()  # few lengths, so that few are played
    return _rates(make, lr, longer, tuple(settings.items()))[t]


@functools.lru_cache(maxsize=256)
def _rates(make: Callable[..., Scheduler], lr: float, num_steps: int, settings: tuple) -> list[float]:
    optimizer = optimizer_at(lr)
    return record(optimizer, make(optimizer, **dict(settings)), num_steps)


def rates_of(
    schedule: Callable[..., float], ts: Iterable[int], *settings: float, **more: float
) -> torch.Tensor:
    """For checks: the rates at these steps, float64 (n,). Each must be a Python float."""
    rates = [schedule(t, *settings, **more) for t in ts]
    for rate in rates:
        check.number(rate, float)
    return torch.tensor(rates, dtype=torch.float64)


def close(
    found: Any,
    expected: Any,
    message: str = "",
    *,
    known: Mapping[str, Any] | None = None,
    rtol: float = 1e-5,
    atol: float = 1e-8,
) -> None:
    """For checks: check.close for rates, which may have been computed in float32."""
    check.close(found, expected, message, known=known, rtol=rtol, atol=atol)
