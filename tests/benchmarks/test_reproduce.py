"""The table of the book's experiments, without the training that takes minutes."""

import pytest
import torch

from benchmarks import reproduce
from benchmarks.reproduce import EXPERIMENTS, Experiment, row, rows


def test_a_row_has_the_mean_and_the_range_with_the_digits_that_the_number_needs():
    assert row("net", "loss", 0.5, [0.25, 0.75]) == "| net | loss | 0.500 | 0.500 (0.250 to 0.750) |"
    assert (
        row("net", "loss", 0.0005, [0.0004]) == "| net | loss | 0.000500 | 0.000400 (0.000400 to 0.000400) |"
    )
    assert row("net", "examples/s", 2463.7, [9000, 1000]) == (
        "| net | examples/s | 2,464 | 5,000 (1,000 to 9,000) |"
    )


def test_rows_hold_one_run_for_each_seed():
    experiment = Experiment("net", {"loss": 0.5}, lambda seed: {"loss": seed / 2})
    assert rows(experiment, 3) == ["| net | loss | 0.500 | 0.500 (0.000 to 1.000) |"]


def test_what_was_not_measured_has_no_row():
    experiment = Experiment("net", {"loss": 0.5, "examples/s": 1000.0}, lambda seed: {"loss": 0.5})
    assert len(rows(experiment, 1)) == 1


def test_every_experiment_on_garments_publishes_what_a_run_measures():
    measured = reproduce.of(0.1, 0.9, 0.8, 1000.0).keys()
    for experiment in EXPERIMENTS:
        if "test accuracy" in experiment.published:
            assert experiment.published.keys() <= measured


def test_the_edge_kernel_learns():
    measures = reproduce.edge_kernel(0)
    assert list(measures) == list(next(e for e in EXPERIMENTS if "edge" in e.name).published)
    assert measures["loss, step 10"] < measures["loss, step 2"] / 10


@pytest.mark.parametrize("make", [reproduce.narrow_vgg, reproduce.lenet_with_batch_norm])
def test_networks_give_ten_scores(make):
    side = 224 if make is reproduce.narrow_vgg else 28
    with torch.device("meta"):
        assert make()(torch.empty(2, 1, side, side)).shape == (2, 10)
