"""The training in progress that test cells use."""

import copy

from course_utils import check
from course_utils.check._training import Training

import pytest
import torch

BATCHES = [(torch.eye(3), torch.tensor([0, 1, 1]))]
SENTENCE = "{} differs"


def test_the_same_seed_gives_the_same_training():
    first, second = Training(0, lr=0.1), Training(0, lr=0.1)
    first.go(BATCHES)
    second.go(BATCHES)
    first.is_in(second.state(), SENTENCE)


def test_no_gradients_are_left():
    training = Training(0).go(BATCHES)
    assert all(parameter.grad is None for parameter in training.net.parameters())


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda t: t.net[0].bias.data.add_(1), "the model's 0.bias"),
        (lambda t: t.net[1].running_mean.add_(1), "the model's 1.running_mean"),
        (lambda t: t.optimizer.param_groups[0].update(lr=0.2), "the optimizer's lr"),
        (lambda t: t.optimizer.state.clear(), "the optimizer's step of parameter 0"),
    ],
)
def test_what_differs_is_named(change, name):
    training = Training(0, lr=0.1)
    training.go(BATCHES)
    state = training.state()
    training.is_in(state, SENTENCE)
    change(training)
    with pytest.raises(check.Failed, match=f"^{name} differs"):
        training.is_in(state, SENTENCE)


def test_what_is_new_is_named():
    training = Training(0, optimizer=torch.optim.SGD, lr=0.1, momentum=0.9)
    state = copy.deepcopy(training.state())
    training.net = torch.nn.Sequential(*training.net, torch.nn.Linear(1, 1))
    with pytest.raises(check.Failed, match=r"2\.weight differs: it is new"):
        training.is_in(state, SENTENCE)
