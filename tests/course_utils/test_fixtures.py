"""The fixtures of check: what test cells get without defining it."""

import pickle

from course_utils import check

import pytest
import torch
from torch import nn


@pytest.fixture(autouse=True)
def a_case():
    check.exercise("thing", points=1)
    with check.case("does it", points=1):
        yield


def test_a_linear_layer_has_the_weights_that_it_is_given():
    W, b = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), torch.tensor([0.5, -0.5])
    net = check.linear(W, b)
    assert torch.equal(net(torch.ones(1, 3)), torch.tensor([[6.5, 14.5]]))
    assert net.weight.grad is None
    assert net.weight is not W
    bare = check.linear(W.double(), stale=7.0)
    assert bare.bias is None
    assert torch.equal(bare.weight.grad, torch.full((2, 3), 7.0, dtype=torch.float64))


def test_batches_have_the_sizes_that_were_asked_for():
    kinds = check.batches([3, 1], d=2, k=5)
    assert [(tuple(X.shape), tuple(y.shape), y.dtype) for X, y in kinds] == [
        ((3, 2), (3,), torch.int64),
        ((1, 2), (1,), torch.int64),
    ]
    ((_, y),) = check.batches([4], d=2)
    assert (tuple(y.shape), y.dtype) == ((4, 1), torch.float32)


def test_scored_batches_have_so_many_right():
    batches = check.scored([3, 0, 2], [4, 1, 2], k=3)
    assert [int((X.argmax(1) == y).sum()) for X, y in batches] == [3, 0, 2]
    assert [len(y) for _, y in batches] == [4, 1, 2]


def test_counted_items_say_what_was_asked_of_them():
    items = check.Counted("abc")
    assert list(items) == ["a", "b", "c"]
    next(iter(items))
    assert (items.passes, items.given, len(items)) == (2, 4, 3)


def test_a_noting_module_says_how_it_was_used():
    net = check.Noting(nn.Linear(2, 1))
    net(torch.ones(1, 2))
    net.eval()
    with torch.no_grad():
        net(torch.ones(1, 2))
    assert net.notes == [(True, True), (False, False)]


def test_layouts_hold_the_same_values_in_different_places():
    tensor = check.normal((2, 3))
    found = check.layouts(tensor)
    assert list(found) == ["contiguous", "sliced", "transposed"]
    assert all(torch.equal(one, tensor) for one in found.values())
    assert [one.is_contiguous() for one in found.values()] == [True, False, False]
    found["sliced"].zero_()
    assert not torch.equal(found["contiguous"], found["sliced"])
    assert list(check.layouts(torch.ones(3))) == ["contiguous", "sliced"]


def test_a_copy_is_trained_and_the_net_stays_as_it_is():
    net = check.linear(torch.tensor([[2.0]]), torch.tensor([1.0]), stale=5.0)
    batches = [(torch.tensor([[1.0]]), torch.tensor([[0.0]])), (torch.tensor([[0.0]]), torch.tensor([[1.0]]))]
    trained = check.trained(net, batches, lr=0.1)
    # error 3 at x = 1: the gradients are 6 and 6; then b = 0.4 and error -0.6 at x = 0: 0 and -1.2
    assert torch.allclose(trained.weights, torch.tensor([1.4, 0.52]))
    assert torch.allclose(trained.before, torch.tensor([[9.0, 0.36]], dtype=torch.float64))
    assert torch.allclose(trained.after, torch.tensor([[1.8**2, 0.48**2]], dtype=torch.float64))
    assert torch.allclose(trained.end, torch.tensor([[1.92**2, 0.48**2]], dtype=torch.float64))
    assert torch.equal(check.weights(net), torch.tensor([2.0, 1.0]))


def test_the_mean_over_the_examples_of_an_epoch_weighs_the_batches():
    trained = check.trained(
        check.linear(torch.tensor([[1.0]])), check.batches([3, 1], 1), num_epochs=2, lr=0.1
    )
    assert torch.equal(trained.sizes, torch.tensor([3.0, 1.0], dtype=torch.float64))
    assert torch.allclose(trained.mean(), (3 * trained.before[:, 0] + trained.before[:, 1]) / 4)
    assert torch.allclose(trained.mean(trained.end), (3 * trained.end[:, 0] + trained.end[:, 1]) / 4)


def test_a_net_is_trained_with_the_loss_optimizer_and_epochs_that_are_given():
    net, batches = check.linear(torch.tensor([[2.0]])), [(torch.tensor([[1.0]]), torch.tensor([[0.0]]))]
    trained = check.trained(net, batches, check.uneven_loss, 3, torch.optim.Adam, lr=0.5)
    assert trained.before.shape == (3, 1)
    assert torch.allclose(trained.before[:, 0], torch.tensor([6.0, 4.5, 3.0], dtype=torch.float64))


def test_a_training_reports_another_measure_than_its_loss():
    net, batches = check.linear(torch.tensor([[2.0]])), [(torch.tensor([[1.0]]), torch.tensor([[0.0]]))]
    trained = check.trained(net, batches, measure=lambda y_hat, y: y_hat.sum(), lr=0.1)
    assert torch.allclose(trained.weights, torch.tensor([1.6]))
    assert trained.before.item() == 2.0
    assert trained.after.item() == trained.end.item() == pytest.approx(1.6)


def test_no_wrong_shift_gives_the_softmax_of_the_extreme_scores():
    scores = check.extreme_scores()
    right = torch.softmax(scores.double(), 1)
    exps = [(scores - shift).exp() for shift in check.wrong_shifts(scores).values()]
    found = [(one / one.sum(1, True)).double() for one in exps]
    for i, one in enumerate(found):
        assert not torch.allclose(one, right)
        assert not any(torch.allclose(one, other, equal_nan=True) for other in found[:i])


def test_the_arguments_of_the_uneven_loss_cannot_be_swapped():
    large, small = torch.tensor([[2.0], [1.0]]), torch.tensor([[1.0], [1.0]])
    assert check.uneven_loss(large, small) == 1.5
    assert check.uneven_loss(small, large) == 0.5


@pytest.mark.parametrize(("size", "kind"), [((6, 3), nn.BatchNorm1d), ((2, 3, 4, 5), nn.BatchNorm2d)])
def test_normed_channels_are_those_of_torch(size, kind):
    layer, X, scale, shift = kind(3, eps=0.3), check.normal(size), check.uniform((3,)), check.normal((3,))
    layer.load_state_dict({**layer.state_dict(), "weight": scale, "bias": shift})
    assert torch.allclose(check.normed(X, scale, shift.reshape(1, 3), eps=0.3), layer(X), atol=1e-5)
    mean, var = layer.running_mean, layer.running_var
    own = check.channel_statistics(X, unbiased=True)
    assert all(torch.allclose(a, 0.1 * b) for a, b in zip((mean, var - 0.9), own, strict=True))
    assert torch.allclose(check.normed(X, scale, shift, mean, var, 0.3), layer.eval()(X), atol=1e-5)


def test_a_detached_norm_has_the_right_values_and_a_wrong_gradient():
    X, one, none = check.normal((6, 3)).requires_grad_(), torch.ones(3), torch.zeros(3)
    right, detached = check.normed(X, one, none), check.detached_norm(X)
    assert torch.equal(right, detached)
    assert torch.equal(check.detached_norm(X, 2 * one, one), 2 * right + 1)
    gradients = [torch.autograd.grad(Y[0, 0], X)[0] for Y in (right, detached)]
    assert gradients[1].count_nonzero() == 1
    assert gradients[0].count_nonzero() > 1


@pytest.mark.parametrize(("size", "count"), [((6, 3), 16), ((2, 3, 4, 5), 18)])
def test_no_two_mistakes_of_a_norm_look_alike(size, count):
    X, scale, shift = 2 + 3 * check.normal(size), check.uniform((3,), 0.5, 2), check.uniform((3,), 1, 3)
    old, updated = [check.uniform((3,), 5, 9) for _ in "mv"], [check.uniform((3,), 2, 5) for _ in "mv"]
    training = check.wrong_in_training(X, scale, shift, old, updated, 0.3, ("weight", "bias"))
    assert "weight and bias are exchanged" in training
    evaluation = check.wrong_in_evaluation(X, scale, shift, old, "self.training")
    averages = check.wrong_averages(
        "running_mean", old[0], updated[0], 0.3, 0.1, "momentum weighs the new value"
    )
    for right, known, length in (
        (check.normed(X, scale, shift, eps=0.3), training, count),
        (check.normed(X, scale, shift, *old), evaluation, 5),
        (old[0].lerp(updated[0], 0.3), averages, 4),
    ):
        values = [right, *known.values()]
        assert len(known) == length
        for i, one in enumerate(values):
            assert not any(torch.allclose(one, other, atol=1e-4) for other in values[:i])


def test_a_module_is_applied_with_values_given_by_name():
    values = {"weight": torch.tensor([2.0, 3.0]), "running_mean": torch.tensor([4.0, 5.0])}

    def layer():
        return nn.BatchNorm1d(2, eps=1e-12, momentum=0.5)

    X = torch.tensor([[0.0, 0.0], [2.0, 4.0]])
    Y, kept = check.applied(layer, values, X)
    assert Y.tolist() == [[-2, -3], [2, 3]]
    assert {name: value.tolist() for name, value in kept.items()} == {
        "weight": [2, 3],
        "running_mean": [2.5, 3.5],
    }
    Y, kept = check.applied(layer, values, X, training=False)
    assert Y.tolist() == [[-8, -15], [-4, -3]]
    assert kept["running_mean"].tolist() == [4, 5]


def test_values_take_the_shape_of_what_was_there_and_a_missing_name_is_told():
    values, X = {"weight": torch.tensor([2.0, 3.0])}, torch.ones(1, 2)
    assert check.applied(lambda: nn.Linear(2, 1), values, X)[1]["weight"].tolist() == [[2, 3]]
    values["running_mean"] = torch.zeros(2)
    with pytest.raises(check.Failed, match="the state_dict needs weight, running_mean; it has weight, bias"):
        check.applied(lambda: nn.Linear(2, 1), values, X)


def test_a_net_is_filled_by_shape_and_a_missing_place_is_named():
    net, X = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.Linear(4, 2)), torch.ones(1, 3)
    W = torch.arange(12.0).reshape(4, 3)
    assert torch.equal(check.filled(net, X, W)[0].weight, W)
    with pytest.raises(check._failure.Failed, match=r"should be in net: \(9, 9\); it has \(4, 3\), \(4,\)"):
        check.filled(net, X, torch.ones(9, 9))
    with pytest.raises(check._failure.Failed, match=r"use nn\.ModuleList"):
        check.filled(nn.Linear(3, 4), X, W, torch.ones(4), torch.ones(9, 9))


def test_wrong_means_are_not_the_mean_over_the_examples():
    values, sizes = torch.tensor([1.0, 4.0]), torch.tensor([3.0, 1.0])
    wrong = check.wrong_means("loss", values, sizes, "losses")
    assert wrong["it takes the mean of the batch losses; a small batch counts too much"] == 2.5
    assert wrong["it reports the loss of the last batch only"] == 4.0
    assert wrong["it divides by 256 for each batch; divide by the examples seen"] == 7 / 512
    assert all(value != values @ sizes / sizes.sum() for value in wrong.values())


def test_hits_and_the_steep_loss_measure_scores():
    scores, y = torch.tensor([[2.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 0])
    assert check.hits(scores, y) == 0.5
    assert torch.equal(check.steep_loss(scores, y), 100 * nn.functional.cross_entropy(scores, y))
    with pytest.raises(TypeError, match="the scores come first"):
        check.steep_loss(y, scores)


def test_a_file_with_code_in_it_makes_its_folder_when_it_is_unpickled(tmp_path):
    opened = check.with_code_in_it(tmp_path / "gift.pt")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "gift.pt", weights_only=True)
    assert not opened.exists()
    torch.load(tmp_path / "gift.pt", weights_only=False)
    assert opened.is_dir()


def test_wrong_bias_paths_are_wrong():
    right = check.bias_path(3, 6, 300.0)
    wrong = check.wrong_bias_paths(10, 4, 6, 300.0)
    assert wrong["the last, smaller batch is not used"] == check.bias_path(2, 6, 300.0)
    assert len(wrong) == 13
    assert all(path != right for path in wrong.values())
