"""The course's own networks."""

from course_utils import nets

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
