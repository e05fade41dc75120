"""The colour pictures: deterministic, well formed, symmetric, and as hard as the lessons need."""

import hashlib

from course_utils import thumbnails

import numpy as np
import pytest
import torch
from torch import nn


@pytest.fixture(scope="module")
def drawn():
    """The pictures as the course uses them: training images and labels, test images and labels."""
    return *thumbnails.draw(5_000, seed=1), *thumbnails.draw(2_000, seed=2)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_images_and_labels_are_bytes_of_the_stated_shape(drawn):
    images, labels, test_images, test_labels = drawn
    assert images.dtype == labels.dtype == np.uint8
    assert images.shape == (5_000, 32, 32, 3) and labels.shape == (5_000,)
    assert test_images.shape == (2_000, 32, 32, 3) and test_labels.shape == (2_000,)


def test_classes_are_equally_many_and_mixed(drawn):
    labels = drawn[1]
    assert (np.bincount(labels) == 500).all()
    assert set(labels[:100]) == set(range(10))


def test_every_picture_is_in_colour_and_none_is_blank(drawn):
    pictures = drawn[0].astype(float)
    assert (pictures.std(axis=3).mean(axis=(1, 2)) > 1).all()  # the channels differ
    assert (pictures.mean(axis=3).std(axis=(1, 2)) > 2).all()  # and so do the pixels
    assert len(np.unique(drawn[0].reshape(5_000, -1), axis=0)) == 5_000


def test_same_seed_same_pictures():
    first, again, other = thumbnails.draw(50, 3), thumbnails.draw(50, 3), thumbnails.draw(50, 4)
    assert (first[0] == again[0]).all() and (first[1] == again[1]).all()
    assert (first[0] != other[0]).any()


def test_pictures_are_those_of_this_version(drawn):
    """A failure after a change of the drawing means: raise thumbnails.VERSION, then write the new numbers.

    Labels must agree to the byte; pictures may differ in the last bit where a machine rounds in its own way.
    """
    images, labels = drawn[:2]
    found = [round(float(images[labels == label].mean()), 1) for label in range(10)]
    assert thumbnails.VERSION == 1
    assert hashlib.sha256(labels.tobytes()).hexdigest() == LABELS_SHA256
    assert found == pytest.approx(MEAN_BRIGHTNESS, abs=0.15)


LABELS_SHA256 = "762657873e352895f1f4b9dcdc2a50f76221598833b8a5da4be5424b935a0180"
MEAN_BRIGHTNESS = [149.9, 121.4, 127.5, 123.0, 116.1, 121.3, 107.5, 125.4, 131.1, 118.4]


def test_left_and_right_are_alike(drawn):
    """Mirrored pictures have the same statistics: no class looks to one side more often."""
    images, labels = drawn[0].astype(np.float32), drawn[1]
    for label in range(10):
        mean = images[labels == label].mean(axis=(0, 3))
        assert abs(mean[:, :16].mean() - mean[:, 16:].mean()) < 3


def test_same_things_in_other_surroundings():
    """The surroundings change, the things do not: the middle of the picture changes less than the border."""
    home, labels = thumbnails.draw(500, 5, habitat=1.0)
    away, same_labels = thumbnails.draw(500, 5, habitat=0.0)
    assert (labels == same_labels).all()
    change = np.abs(home.astype(float) - away).mean(axis=(0, 3))
    border = np.ones((32, 32), dtype=bool)
    border[4:-4, 4:-4] = False
    assert change[14:20, 12:20].mean() < 0.6 * change[border].mean()


def test_surroundings_belong_to_the_thing_as_often_as_asked():
    """A ship at home is at sea, so blue exceeds red below; away it seldom does."""
    shares = []
    for habitat in (1.0, 0.0):
        images, labels = thumbnails.draw(1_000, 6, habitat=habitat)
        below = images[labels == 8][:, -5:].mean(axis=(1, 2))
        shares.append((below[:, 2] > below[:, 0]).mean())
    assert shares[0] > 0.85 and shares[1] < 0.5


@pytest.mark.parametrize("count", [0, -10, 15])
def test_count_must_be_a_positive_multiple_of_ten(count):
    with pytest.raises(ValueError, match="positive multiple of 10"):
        thumbnails.draw(count, seed=1)


@pytest.mark.parametrize("habitat", [-0.1, 1.1, float("nan")])
def test_habitat_is_a_probability(habitat):
    with pytest.raises(ValueError, match="from 0 to 1"):
        thumbnails.draw(10, seed=1, habitat=habitat)


# How hard the pictures are. The bands hold the numbers measured here with room for other machines.


def settled(net, drawn, epochs, rate):
    """Train with Adam and a rate that rises and falls; the test accuracy and which classes were given."""
    images, labels, test_images, test_labels = (torch.from_numpy(values) for values in drawn)
    X, X_test = (A.permute(0, 3, 1, 2).float() / 127.5 - 1 for A in (images, test_images))
    X = X.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), rate)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * -(-len(X) // 32))
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(X[rows]), labels[rows].long()).backward()
            optimizer.step()
            scheduler.step()
    with torch.no_grad():
        given = torch.cat([net(part).argmax(1) for part in X_test.split(500)])
    return (given == test_labels).float().mean().item(), given


def test_a_linear_model_gets_about_a_third(drawn):
    torch.manual_seed(0)
    accuracy, _ = settled(nn.Sequential(nn.Flatten(), nn.Linear(3_072, 10)), drawn, 6, 1e-3)
    assert 0.25 <= accuracy <= 0.48


@pytest.mark.everything
def test_a_small_convolutional_network_gets_two_thirds_and_confuses_what_looks_alike(drawn):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 36, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1_296, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    accuracy, given = settled(net, drawn, 8, 2e-3)
    assert 0.6 <= accuracy <= 0.8
    truth = torch.from_numpy(drawn[3]).long()
    counts = torch.zeros(10, 10, dtype=torch.int64).index_put_((truth, given), torch.ones_like(truth), True)
    mixed_up = counts + counts.T
    mixed_up.fill_diagonal_(0)
    pairs = mixed_up.triu().flatten().topk(3).indices.tolist()
    assert (3 * 10 + 5) in pairs  # cat and dog
