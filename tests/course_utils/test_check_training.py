"""The training in progress that test cells use."""

import pickle

from course_utils import check
from course_utils.check._training import Training

import pytest
import torch

BATCHES = [(torch.eye(3), torch.tensor([0, 1, 1]))]
SENTENCE = "{} differs"


def save(path, net, optimizer, epoch):
    torch.save([net.state_dict(), optimizer.state_dict(), epoch], path)


def load(path, net, optimizer, device="cpu"):
    weights, steps, epoch = torch.load(path, map_location=device)
    net.load_state_dict(weights)
    optimizer.load_state_dict(steps)
    return epoch


def test_the_same_seed_gives_the_same_training():
    first, second = Training(0, lr=0.1), Training(0, lr=0.1)
    check.same_state(first.go(BATCHES).state(), second.go(BATCHES).state(), SENTENCE)


def test_no_gradients_are_left():
    training = Training(0).go(BATCHES)
    assert all(parameter.grad is None for parameter in training.net.parameters())


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda t: t.net[0].bias.data.add_(1), "the model's 0.bias"),
        (lambda t: t.net[1].running_mean.add_(1), "the model's 1.running_mean"),
        (lambda t: t.net.double(), "the dtype of the model's 0.weight"),
        (lambda t: t.optimizer.param_groups[0].update(lr=0.2), "the optimizer's lr"),
        (lambda t: t.optimizer.state.clear(), "the optimizer's step of parameter 0"),
    ],
)
def test_what_differs_is_named(change, name):
    training = Training(0, lr=0.1).go(BATCHES)
    state = training.state()
    check.same_state(training.state(), state, SENTENCE)
    change(training)
    with pytest.raises(check.Failed, match=f"^{name} differs"):
        check.same_state(training.state(), state, SENTENCE)


def test_what_is_new_is_named():
    training = Training(0, optimizer=torch.optim.SGD, lr=0.1, momentum=0.9)
    state = training.state()
    training.net = torch.nn.Sequential(*training.net, torch.nn.Linear(1, 1))
    with pytest.raises(check.Failed, match=r"2\.weight differs: it is new"):
        check.same_state(training.state(), state, SENTENCE)


@pytest.mark.parametrize(
    "options", [{}, {"optimizer": torch.optim.SGD, "momentum": 0.9}], ids=["Adam", "SGD"]
)
@pytest.mark.parametrize("batches", [[], BATCHES], ids=["new", "old"])
def test_a_copy_knows_the_same_and_goes_on_in_the_same_way(options, batches):
    training = Training(0, lr=0.1, **options).go(batches)
    training.optimizer.param_groups[0]["lr"] = 0.3
    evaluated = Training(0)
    evaluated.net.eval()
    copied = pickle.loads(pickle.dumps(training))
    assert copied.net.training and not pickle.loads(pickle.dumps(evaluated)).net.training
    check.same_state(copied.state(), training.state(), SENTENCE)
    check.same_state(copied.go(BATCHES).state(), training.go(BATCHES).state(), SENTENCE)


def test_a_file_is_used_beside_copies_and_gone_afterwards():
    training = Training(0)
    state = training.state()

    def use(path, copied, word):
        assert not path.exists()
        path.write_text(word)
        copied.go(BATCHES)
        return path, path.read_text()

    path, found = check.with_file(use, training, word="x")
    assert found == "x"
    assert not path.exists()
    check.same_state(training.state(), state, SENTENCE)


def test_a_run_is_saved_and_resumed():
    run, other = Training(0, lr=0.1).go(BATCHES), Training(1)
    found, before, loaded, *modes, end = check.resumed(
        run, other, save=save, load=load, epoch=3, rest=BATCHES
    )
    assert found == [3]
    assert modes == [True, True]
    check.same_state(before, run.state(), SENTENCE)
    check.same_state(loaded, run.state(), SENTENCE)
    check.same_state(end, run.go(BATCHES).state(), SENTENCE)


def test_where_no_file_was_written_nothing_is_loaded():
    run, other = Training(0), Training(1)
    found, _, loaded, *_ = check.resumed(run, other, save=lambda *args: None, load=load, epoch=3)
    assert found == []
    check.same_state(loaded, other.state(), SENTENCE)


def test_each_file_is_loaded_into_a_copy_of_its_own():
    run, other = Training(0).go(BATCHES), Training(1)

    def files(path, run):
        save(path, run.net, run.optimizer, 5)
        yield "whole"
        path.write_text("no checkpoint")
        yield "broken"

    whole, broken = check.attempts(load, run, other, files)
    assert (whole[:2], broken[:2]) == (("whole", [5]), ("broken", []))
    assert whole[3] == broken[3] == ["file.pt"]
    check.same_state(whole[2], run.state(), SENTENCE)
    check.same_state(broken[2], other.state(), SENTENCE)
