"""Checks of early stopping, which chapter 13 writes: when it stops, and what it brings back."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from course_utils import check

import torch
from torch import nn


def decide(
    losses: Sequence[float],
    patience: int,
    delta: float = 0.0,
    *,
    late: int = 0,
    previous: bool = False,
    equal: bool = False,
    total: bool = False,
    moving: bool = False,
    once: bool = False,
    share: bool = False,
) -> list[bool]:
    """Whether to stop after each of these losses: right by default, or with a mistake.

    late: checks waited beyond patience. previous: compares with the loss before, not with the best. equal: an
    improvement of delta counts. total: bad checks are never forgotten. moving: improvements too small to
    count still move the best loss. once: True at the end of the patience only. share: delta is a share of
    the best loss.
    """
    best, waited, last, found = math.inf, 0, math.inf, []
    for loss in losses:
        level = best * (1 - delta) if share else (last if previous else best) - delta
        better = loss < level or (equal and loss == level)
        waited = (waited if total else 0) if better else waited + 1
        best = loss if better or (moving and loss < best) else best
        last = loss
        found.append(waited == patience if once else waited >= patience + late)
    return found


def mistakes(losses: Sequence[float], patience: int, delta: float = 0.0) -> dict[str, list[bool]]:
    """What the known mistakes answer to these losses: sentence -> answers."""
    data, wrong = (losses, patience, delta), {"it never stops": [False] * len(losses)}
    wrong["it stops one check too late: at `patience` checks without improvement, not after them"] = decide(
        *data, late=1
    )
    wrong["it stops one check too early"] = decide(*data, late=-1)
    wrong["it compares with the previous loss; compare with the best one"] = decide(*data, previous=True)
    wrong["a loss equal to the limit does not improve by more than min_delta"] = decide(*data, equal=True)
    wrong["bad checks must be in a row: an improvement starts the count anew"] = decide(*data, total=True)
    wrong["True and False are exchanged"] = [not answer for answer in decide(*data)]
    wrong["True should stay True while nothing improves"] = decide(*data, once=True)
    if delta:
        wrong["min_delta has no effect"] = decide(losses, patience)
        wrong["min_delta has the wrong sign: a loss that is a little worse counts as better"] = decide(
            losses, patience, -delta
        )
        wrong["an improvement too small to count still became the best loss"] = decide(*data, moving=True)
        wrong["min_delta is an amount, not a share of the best loss"] = decide(*data, share=True)
    return wrong


def check_stops(stopper_class: Callable, losses: Sequence[float], patience: int, delta: float = 0.0) -> None:
    """For checks: the answers of step to these losses are right."""
    found = check.made(_answers_of_new, stopper_class, losses, patience, delta)
    for answer in found:
        check.that(
            isinstance(answer, bool), f"step returned {answer}: it should return True or False at each check"
        )
    words = f"for the losses {losses}, patience {patience}, min_delta {delta}"
    check.equal(found, decide(losses, patience, delta), words, known=mistakes(losses, patience, delta))


def _answers_of_new(
    stopper_class: Callable, losses: Sequence[float], patience: int, delta: float
) -> list[bool]:
    return _answers(stopper_class(patience, min_delta=delta), losses, nn.Linear(1, 1))


def answers(stopper: Any, losses: Sequence[float], model: nn.Module) -> list[bool]:
    """What step says to each of these losses."""
    return check.made(_answers, stopper, losses, model)


def _answers(stopper: Any, losses: Sequence[float], model: nn.Module) -> list[bool]:
    return [stopper.step(loss, model) for loss in losses]


def bests(stopper: Any, losses: Sequence[float], model: nn.Module) -> list[float]:
    """The best_loss after each of these losses."""
    return check.made(_bests, stopper, losses, model)


def _bests(stopper: Any, losses: Sequence[float], model: nn.Module) -> list[float]:
    found = []
    for loss in losses:
        stopper.step(loss, model)
        found.append(stopper.best_loss)
    return found


def uses(net: nn.Module, *calls: tuple) -> list[list[list[float]]]:
    """For each of these calls (number, use, *arguments): fill the net with the number, use(*arguments, net).

    Returns what `contents` says after each call.
    """
    return check.made(_uses, net, calls)


def _uses(net: nn.Module, calls: Sequence[tuple]) -> list[list[list[float]]]:
    found = []
    for number, use, *arguments in calls:
        fill(net, number)
        use(*arguments, net)
        found.append(contents(net))
    return found


@torch.no_grad()
def fill(net: nn.Module, number: float) -> None:
    """Put this number into each entry of the parameters and buffers."""
    for tensor in (*net.parameters(), *net.buffers()):
        tensor.fill_(number)


def contents(net: nn.Module) -> list[list[float]]:
    """The numbers in the parameters, and those in the buffers, each once."""
    return [
        sorted({x for t in tensors for x in t.flatten().tolist()})
        for tensors in (net.parameters(), net.buffers())
    ]
