"""Networks that a chapter uses until the reader has built them: what `cu.yours` gives instead."""

from collections.abc import Callable, Sequence
from itertools import pairwise

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


def vgg(
    conv_arch: Sequence[tuple[int, int]],
    in_channels: int = 1,
    image_size: int = 224,
    num_classes: int = 10,
    hidden: int = 4096,
) -> nn.Sequential:
    """VGG for square pictures: a child for each (num_convs, out_channels), and eight more. d2l: VGG.

    Each block halves the size, rounding down. Raises ValueError if it leaves nothing.
    """
    side = image_size // 2 ** len(conv_arch)
    if side == 0:
        raise ValueError(f"{len(conv_arch)} blocks leave nothing of a picture of {image_size} pixels")
    channels = [in_channels, *(out_channels for _, out_channels in conv_arch)]
    blocks = []
    for (num_convs, _), (before, after) in zip(conv_arch, pairwise(channels), strict=True):
        sizes = pairwise([before, *[after] * num_convs])
        convs = [m for a, b in sizes for m in (nn.Conv2d(a, b, 3, padding=1), nn.ReLU())]
        blocks.append(nn.Sequential(*convs, nn.MaxPool2d(2)))
    widths = pairwise([channels[-1] * side**2, hidden, hidden])
    dense = [m for a, b in widths for m in (nn.Linear(a, b), nn.ReLU(), nn.Dropout(0.5))]
    return nn.Sequential(*blocks, nn.Flatten(), *dense, nn.Linear(hidden, num_classes))
