"""Statements about where the random numbers of an answer come from.

`draw` calls the student's code and returns one tensor for each of the names, which the messages use ("X",
"the noise"). beside: draw does nothing else, and all its calls are made beside that code, which is quicker.
"""

from collections.abc import Callable, Sequence

from course_utils.check import _desk
from course_utils.check._data import generator
from course_utils.check._statements import that

import torch


def seeded(
    draw: Callable[[torch.Generator], Sequence[torch.Tensor]], *names: str, beside: bool = False
) -> None:
    """Every random number comes from the generator that draw is called with."""
    state = torch.get_rng_state()
    first, second, other = _desk.run(_drawn, draw) if beside else _drawn(draw)
    for name, one, same in zip(names, first, second, strict=True):
        message = f"{name} does not come from `generator`: equal generators gave different numbers"
        that(torch.allclose(one, same, atol=1e-5), message)
    that(torch.equal(state, torch.get_rng_state()), "torch's global random state was changed")
    for name, one, new in zip(names, first, other, strict=True):
        that(not torch.allclose(one, new, atol=1e-5), f"another generator gave {_the_same(name)}")


def unseeded(draw: Callable[[], Sequence[torch.Tensor]], *names: str, beside: bool = False) -> None:
    """Without a generator each call takes new numbers."""
    first, second = _desk.run(_twice, draw) if beside else _twice(draw)
    for name, one, new in zip(names, first, second, strict=True):
        message = f"without a generator, every call gave {_the_same(name)}"
        cure = "take torch's global random numbers, with no fixed seed"
        that(not torch.allclose(one, new, atol=1e-4), f"{message}: {cure}")


def _drawn(draw: Callable[[torch.Generator], Sequence[torch.Tensor]]) -> list[Sequence[torch.Tensor]]:
    """With two equal generators and another one."""
    return [draw(generator(seed)) for seed in (7, 7, 8)]


def _twice(draw: Callable[[], Sequence[torch.Tensor]]) -> list[Sequence[torch.Tensor]]:
    return [draw(), draw()]


def _the_same(name: str) -> str:
    return f"the same {name.removeprefix('the ')}"
