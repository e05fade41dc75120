"""The schedules that torch plays agree with the formulas of chapter 11."""

import math

from course_utils import check, schedules

import pytest
import torch


def half_cosine(share):
    return (1 + math.cos(math.pi * share)) / 2


CASES = [
    ("step_decay", (25, 0.8, 0.5, 10), 0.2),
    ("inverse_time_decay", (9, 0.8, 1 / 3), 0.2),
    ("exponential_decay", (70, 0.8, 0.99), 0.8 * 0.99**70),
    ("natural_exp_decay", (200, 0.8, 0.01), 0.8 * math.exp(-2)),
    ("cosine_decay", (5, 0.8, 20, 0.2), 0.2 + 0.6 * half_cosine(0.25)),
    ("cosine_decay", (21, 0.8, 20, 0.2), 0.2),
    ("linear_warmup", (0, 0.8, 1), 0.8),
    ("linear_warmup", (1, 0.8, 4), 0.4),
    ("linear_warmup", (9, 0.8, 4), 0.8),
    ("warmup_cosine", (3, 0.8, 4, 12), 0.8),
    ("warmup_cosine", (6, 0.8, 4, 12), 0.8 * half_cosine(0.25)),
    ("warmup_cosine", (50, 0.8, 4, 12, 0.1), 0.1),
    ("triangular", (7, 0.2, 0.8, 5), 0.8 - 2 / 5 * 0.6),
    ("cosine_restarts", (12, 0.8, 0.2, 4, 2), 0.8),
    ("cosine_restarts", (10, 0.8, 0.2, 4, 2), 0.2 + 0.6 * half_cosine(6 / 8)),
]


@pytest.mark.parametrize(("name", "arguments", "rate"), CASES)
def test_rate(name, arguments, rate):
    assert getattr(schedules, name)(*arguments) == pytest.approx(rate)


def test_steps_are_numbered_from_0():
    with pytest.raises(ValueError, match="numbered from 0, got -1"):
        schedules.cosine_decay(-1, 0.8, 20)


def test_make_warmup_cosine():
    optimizer = schedules.optimizer_at(0.8)
    rates = schedules.record(optimizer, schedules.make_warmup_cosine(optimizer, 4, 12), 13)
    assert rates == pytest.approx([schedules.warmup_cosine(t, 0.8, 4, 12) for t in range(13)], abs=1e-9)


def test_rates_of():
    assert schedules.rates_of(schedules.step_decay, [0, 10], 0.8, 0.5, 10).tolist() == [0.8, 0.4]
    with pytest.raises(check.Failed, match="should be a Python float"):
        schedules.rates_of(lambda t: 1, [0])


def test_close():
    """Rates in float32 are exact enough."""
    right = torch.tensor([0.7, 0.0], dtype=torch.float64)
    schedules.close(right.float().double() + 1e-9, right)
    with pytest.raises(check.Failed, match=r"at step 3\nat \[0\]: expected 0.7, found 0.7001"):
        schedules.close(right + 1e-4, right, "at step 3")
    with pytest.raises(check.Failed, match="too large by one"):
        schedules.close(right + 1, right, known={"too large by one": right + 1})
