"""Statements about where random numbers come from."""

from course_utils import check
from course_utils.check import Failed

import pytest
import torch


def fixed(generator=None):
    return torch.rand(3, generator=torch.Generator().manual_seed(0))


def seeds_the_world(generator=None):
    torch.manual_seed(generator.initial_seed())
    return torch.rand(3)


def right(generator=None):
    return torch.rand(3, generator=generator)


@pytest.mark.parametrize("beside", [False, True])
def test_numbers_from_the_generator_and_new_ones_without_pass(beside):
    check.seeded(lambda generator: [right(generator), right(generator)], "X", "the noise", beside=beside)
    check.unseeded(lambda: [right(), right()], "X", "the noise", beside=beside)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda generator: [right(generator), torch.rand(3)], "the noise does not come from `generator`"),
        (lambda generator: [fixed(), right(generator)], "another generator gave the same X"),
        (lambda generator: [right(generator), fixed()], "another generator gave the same noise"),
        (lambda generator: [seeds_the_world(generator)] * 2, "torch's global random state was changed"),
    ],
)
def test_other_numbers_are_named(draw, message, beside):
    torch.manual_seed(0)  # or the state is the one that an earlier test has left
    with pytest.raises(Failed, match=message):
        check.seeded(draw, "X", "the noise", beside=beside)


@pytest.mark.parametrize("beside", [False, True])
def test_a_fixed_seed_is_named(beside):
    with pytest.raises(Failed, match="without a generator, every call gave the same noise"):
        check.unseeded(lambda: [right(), fixed()], "X", "the noise", beside=beside)
