"""The checks of early stopping tell the mistakes apart."""

from course_utils import stopping

import pytest
from torch import nn

# The losses on which chapter 13 checks.
CHECKED = [
    ([6.0, 4.0, 5.5, 4.25, 1.25, 4.0, 5.5, 4.25, 1.25], 2, 0.0),
    ([6.0, 1.5, 1.25, 1.25, 4.75, 3.0, 1.0, 5.0, 5.5, 5.5, 2.5], 3, 0.0),
    ([6.0, 3.0, 6.0, 4.0, 2.5, 2.25, 4.5, 1.0, 2.25, 1.0, 2.25], 2, 0.5),
]


def test_stops_after_patience_checks_in_a_row():
    assert stopping.decide([5.0, 4.0, 4.5, 3.0, 3.0, 3.5, 2.0], 2) == [False] * 5 + [True, False]
    assert stopping.decide([5.0, 4.5, 4.0, 3.0], 2, 0.5) == [False, False, False, False]


@pytest.mark.parametrize("data", CHECKED)
def test_no_two_mistakes_give_the_same_answers(data):
    answers = [*map(tuple, stopping.mistakes(*data).values()), tuple(stopping.decide(*data))]
    assert len(set(answers)) == len(answers)


def test_filled_nets_show_what_is_in_them():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    stopping.fill(net, 4)
    assert stopping.contents(net) == [[4], [4]]


def test_nets_are_filled_used_and_looked_at_in_order():
    def multiply(factor, net):
        stopping.fill(net, factor * stopping.contents(net)[0][0])

    found = stopping.uses(nn.Linear(2, 1), (3, multiply, 2), (4, stopping.contents))
    assert found == [[[6], []], [[4], []]]


def test_bests_are_read_after_each_loss():
    class Lowest:
        best_loss = 9.0

        def step(self, loss, model):
            self.best_loss = min(self.best_loss, loss)

    assert stopping.bests(Lowest(), [5.0, 7.0, 2.0], nn.Linear(1, 1)) == [5.0, 5.0, 2.0]
