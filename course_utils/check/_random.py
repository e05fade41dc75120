"""Statements about where the random numbers of an answer come from.

`draw` calls the student's code and returns one tensor for each of the names, which the messages use ("X",
"the noise").
"""

from collections.abc import Callable, Sequence

from course_utils.check._data import generator
from course_utils.check._statements import that

import torch


def seeded(draw: Callable[[torch.Generator], Sequence[torch.Tensor]], *names: str) -> None:
    """Every random number comes from the generator that draw is called with."""
    state = torch.get_rng_state()
    first, second, other = (draw(generator(seed)) for seed in (7, 7, 8))
    for name, one, same in zip(names, first, second, strict=True):
        message = f"{name} does not come from `generator`: equal generators gave different numbers"
        that(torch.allclose(one, same, atol=1e-5), message)
    that(torch.equal(state, torch.get_rng_state()), "torch's global random state was changed")
    for name, one, new in zip(names, first, other, strict=True):
        that(not torch.allclose(one, new, atol=1e-5), f"another generator gave {_the_same(name)}")


def unseeded(draw: Callable[[], Sequence[torch.Tensor]], *names: str) -> None:
    """Without a generator each call takes new numbers."""
    for name, one, new in zip(names, draw(), draw(), strict=True):
        message = f"without a generator, every call gave {_the_same(name)}"
        cure = "take torch's global random numbers, with no fixed seed"
        that(not torch.allclose(one, new, atol=1e-4), f"{message}: {cure}")


def _the_same(name: str) -> str:
    return f"the same {name.removeprefix('the ')}"
