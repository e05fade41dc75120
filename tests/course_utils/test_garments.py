"""The drawn pictures: deterministic, well formed, and as hard to tell apart as the lessons need."""

import hashlib

from course_utils import garments

import numpy as np
import pytest
import torch
from torch import nn

TOPS = [0, 2, 4, 6]  # T-shirt/top, pullover, coat, shirt


@pytest.fixture(scope="module")
def drawn():
    """The pictures as the course uses them: training images and labels, test images and labels."""
    return *garments.draw(10_000, seed=1), *garments.draw(2_000, seed=2)


@pytest.fixture(scope="module")
def tensors(drawn):
    """The same for training: X float32 (n, 1, 28, 28) in [0, 1], y int64 (n,), for training and for test."""
    images, labels, test_images, test_labels = (torch.from_numpy(values) for values in drawn)
    return images[:, None] / 255, labels.long(), test_images[:, None] / 255, test_labels.long()


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_images_and_labels_are_bytes_of_the_stated_shape(drawn):
    images, labels, test_images, test_labels = drawn
    assert images.dtype == labels.dtype == np.uint8
    assert images.shape == (10_000, 28, 28) and labels.shape == (10_000,)
    assert test_images.shape == (2_000, 28, 28) and test_labels.shape == (2_000,)


def test_classes_are_equally_many_and_mixed(drawn):
    labels = drawn[1]
    assert (np.bincount(labels) == 1_000).all()
    assert set(labels[:100]) == set(range(10))


def test_every_garment_is_drawn_float32_and_differs_from_picture_to_picture():
    for garment in garments.GARMENTS.values():
        pictures = garment(garments.Sheet(8, np.random.default_rng(0)))
        assert pictures.dtype == np.float32 and pictures.shape == (8, 28, 28)
        assert len(np.unique(pictures, axis=0)) == 8


def test_every_picture_shows_something_on_black(drawn):
    ink = (drawn[0] > 25).mean(axis=(1, 2))
    assert ink.min() > 0.03 and ink.max() < 0.95
    assert (drawn[0][:, 0, [0, -1]] == 0).mean() > 0.95  # the upper corners


def test_same_seed_same_pictures():
    first, again, other = garments.draw(50, 3), garments.draw(50, 3), garments.draw(50, 4)
    assert (first[0] == again[0]).all() and (first[1] == again[1]).all()
    assert (first[0] != other[0]).any()


def test_pictures_are_those_of_this_version(drawn):
    """A failure here after a change of the drawing means: raise garments.VERSION, then write the new numbers.

    Labels must agree to the byte; pictures may differ in the last bit where a machine rounds in its own way.
    """
    images, labels = drawn[:2]
    found = [round(float(images[labels == label].mean()), 1) for label in range(10)]
    assert garments.VERSION == 2
    assert hashlib.sha256(labels.tobytes()).hexdigest() == LABELS_SHA256
    assert found == pytest.approx(MEAN_BRIGHTNESS, abs=0.15)


LABELS_SHA256 = "3067326e484adbfa41044bf19fddaec9e43bc62576eb66940d1908d2c845881f"
MEAN_BRIGHTNESS = [60.7, 48.9, 66.6, 51.7, 75.1, 21.3, 59.3, 49.6, 39.5, 57.4]


@pytest.mark.parametrize("count", [0, -10, 15])
def test_count_must_be_a_positive_multiple_of_ten(count):
    with pytest.raises(ValueError, match="positive multiple of 10"):
        garments.draw(count, seed=1)


# How hard the pictures are. The bands hold the numbers measured here with room for other machines.


def train(net, X, y, epochs, optimizer, batch_size, scheduler=None):
    """Train, yielding after each epoch."""
    for _ in range(epochs):
        net.train()
        for batch in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(X[batch]), y[batch]).backward()
            optimizer.step()
        if scheduler:
            scheduler.step()
        net.eval()
        yield


@torch.no_grad()
def accuracy(net, X, y):
    return (net(X).argmax(1) == y).float().mean().item()


def settled(net, tensors, epochs, learning_rate, batch_size):
    """Train with Adam and a learning rate that falls to a twentieth: without, single epochs jump."""
    X, y, _, _ = tensors
    optimizer = torch.optim.Adam(net.parameters(), learning_rate)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.05, epochs)
    for _ in train(net, X, y, epochs, optimizer, batch_size, scheduler):
        pass
    return net


def softmax_regression():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def mlp(hidden=256, dropout=0.0):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 10)
    )


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_softmax_regression_with_plain_sgd_gets_80_to_86_percent(tensors, seed):
    """The median of the last five of ten epochs: single epochs jump by several points, as on the real set."""
    X, y, X_test, y_test = tensors
    torch.manual_seed(seed)
    net = softmax_regression()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    found = [accuracy(net, X_test, y_test) for _ in train(net, X, y, 10, optimizer, 256)]
    assert 0.80 <= np.median(found[-5:]) <= 0.86


@pytest.mark.everything
def test_each_richer_model_is_better(tensors):
    _, _, X_test, y_test = tensors
    torch.manual_seed(0)
    linear = accuracy(settled(softmax_regression(), tensors, 10, 1e-3, 256), X_test, y_test)
    hidden = accuracy(settled(mlp(), tensors, 10, 1e-3, 256), X_test, y_test)
    convolution = accuracy(settled(lenet(), tensors, 8, 3e-3, 128), X_test, y_test)
    assert 0.84 <= linear <= 0.88
    assert linear + 0.02 <= hidden <= 0.92
    assert hidden + 0.01 <= convolution <= 0.95


def test_tops_are_what_gets_confused(tensors):
    _, _, X_test, y_test = tensors
    torch.manual_seed(0)
    net = settled(mlp(), tensors, 6, 1e-3, 256)
    with torch.no_grad():
        predicted = net(X_test).argmax(1)
    mistakes = torch.bincount(y_test[predicted != y_test], minlength=10)
    top, guessed_top = torch.isin(y_test, torch.tensor(TOPS)), torch.isin(predicted, torch.tensor(TOPS))
    among_tops = ((predicted != y_test) & top & guessed_top).sum()
    assert mistakes.argmax() == 6  # shirt
    assert among_tops > 0.6 * mistakes.sum()


@pytest.mark.everything
def test_big_mlp_learns_few_pictures_by_heart_and_dropout_lowers_its_test_loss(tensors):
    """200 pictures, five draws of them. The accuracy hardly moves with dropout, as on the real set."""
    X, y, X_test, y_test = tensors
    gains = []
    for run in range(5):
        few = slice(200 * run, 200 * (run + 1))
        losses = {}
        for dropout in (0.0, 0.5):
            torch.manual_seed(run)
            net = mlp(512, dropout)
            for _ in train(net, X[few], y[few], 60, torch.optim.Adam(net.parameters(), 2e-3), 50):
                pass
            with torch.no_grad():
                losses[dropout] = nn.functional.cross_entropy(net(X_test), y_test).item()
            if dropout == 0:
                assert accuracy(net, X[few], y[few]) == 1
                assert 0.68 <= accuracy(net, X_test, y_test) <= 0.82
        gains.append(losses[0.0] - losses[0.5])
    assert min(gains) > 0.02
