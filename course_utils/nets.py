"""Networks that a chapter uses until the reader has built them: what `cu.yours` gives instead."""

from collections.abc import Callable

from torch import nn


def lenet(
    activation: Callable[[], nn.Module] = nn.Sigmoid, pool: Callable[[int], nn.Module] = nn.AvgPool2d
) -> nn.Sequential:
    """LeNet for pictures (n, 1, 28, 28), ten classes; 61,706 parameters. d2l: LeNet.

    activation: makes a layer, with no argument; pool: makes one from its window's size.
    """
    return nn.Sequential(
        *(nn.Conv2d(1, 6, kernel_size=5, padding=2), activation(), pool(2)),  # (n, 6, 14, 14)
        *(nn.Conv2d(6, 16, kernel_size=5), activation(), pool(2)),  # (n, 16, 5, 5)
        nn.Flatten(),  # (n, 400)
        *(nn.Linear(400, 120), activation()),
        *(nn.Linear(120, 84), activation()),
        nn.Linear(84, 10),
    )
