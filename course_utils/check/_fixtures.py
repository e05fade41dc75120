"""What several test cells need: small nets with known weights, batches, objects that note their use."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from course_utils.check._data import integers, normal

import torch
from torch import nn


def linear(W: torch.Tensor, b: torch.Tensor | None = None, *, stale: float | None = None) -> nn.Linear:
    """A linear layer with weights W (out, in) and bias b (out,), or without a bias.

    stale: a number that fills the gradients, as an earlier step would have left some.
    """
    net = nn.Linear(W.shape[1], W.shape[0], bias=b is not None, dtype=W.dtype)
    with torch.no_grad():
        net.weight.copy_(W)
        if b is not None:
            net.bias.copy_(b)
    for parameter in net.parameters():
        parameter.grad = None if stale is None else torch.full_like(parameter, stale)
    return net


def batches(sizes: Sequence[int], d: int, k: int | None = None) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Batches (X (n, d) from N(0, 1), y) of these sizes; y is float (n, 1), or int64 (n,) in 0..k - 1."""
    return [(normal((n, d)), normal((n, 1)) if k is None else integers((n,), 0, k)) for n in sizes]


def scored(right: Sequence[int], sizes: Sequence[int], k: int = 4) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Batches (scores (n, k), labels (n,)) of these sizes; in each, so many labels have the largest score."""
    found = []
    for count, n in zip(right, sizes, strict=True):
        scores = normal((n, k))
        best = scores.argmax(dim=1)
        found.append((scores, torch.where(torch.arange(n) < count, best, (best + 1) % k)))
    return found


class Counted:
    """Items that can be iterated again and again.

    passes: how often an iteration was begun. given: how many items were handed out in all.
    """

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = list(items)
        self.passes = self.given = 0

    def __iter__(self) -> Iterator[Any]:
        self.passes += 1
        for item in self.items:
            self.given += 1
            yield item

    def __len__(self) -> int:
        return len(self.items)


class Noting(nn.Module):
    """A module around another one, which notes how it is used.

    notes: for each use whether it was in training mode, and whether a graph was recorded.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.notes: list[tuple[bool, bool]] = []

    def forward(self, *inputs: Any) -> Any:
        result = self.module(*inputs)
        self.notes.append((self.training, result.requires_grad))
        return result


def layouts(tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    """The same values in different places of memory: name -> tensor.

    Contiguous; as every other entry along the last axis of a larger tensor; and, from two axes on, as the
    transpose of a tensor. Each one has memory of its own.
    """
    wide = tensor.new_zeros((*tensor.shape[:-1], 2 * tensor.shape[-1]))
    wide[..., ::2] = tensor
    found = {"contiguous": tensor.clone(memory_format=torch.contiguous_format), "sliced": wide[..., ::2]}
    if tensor.ndim >= 2:
        found["transposed"] = tensor.mT.clone(memory_format=torch.contiguous_format).mT
    return found
