"""The course's own networks."""

from course_utils import nets

import pytest
import torch
from torch import nn


def test_lenet_has_the_published_number_of_parameters():
    assert sum(p.numel() for p in nets.lenet().parameters()) == 61_706


def test_lenet_gives_ten_scores_for_each_picture():
    assert nets.lenet()(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


def test_lenet_takes_other_parts():
    kinds = [type(layer) for layer in nets.lenet(nn.ReLU, nn.MaxPool2d)]
    assert kinds.count(nn.ReLU) == 4
    assert kinds.count(nn.MaxPool2d) == 2


def test_vgg_has_the_published_numbers_of_parameters():
    with torch.device("meta"):
        eleven = nets.vgg(((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)))
        sixteen = nets.vgg(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 3, num_classes=1000)
    assert [sum(p.numel() for p in net.parameters()) for net in (eleven, sixteen)] == [
        128_806_154,
        138_357_544,
    ]


def test_vgg_rounds_the_size_down():
    net = nets.vgg(((1, 2), (2, 3)), in_channels=2, image_size=13, num_classes=4, hidden=5)
    assert net(torch.zeros(3, 2, 13, 13)).shape == (3, 4)
    assert len(net) == 2 + 8


def test_vgg_refuses_a_picture_of_which_nothing_is_left():
    with pytest.raises(ValueError, match="3 blocks leave nothing of a picture of 7 pixels"):
        nets.vgg(((1, 2),) * 3, image_size=7)
