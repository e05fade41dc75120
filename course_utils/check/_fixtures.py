"""What several test cells need: small nets with known weights, batches, objects that note their use."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from course_utils.check import _desk
from course_utils.check._data import integers, normal
from course_utils.check._statements import that

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


def weights(net: nn.Module) -> torch.Tensor:
    """A copy of all parameters in one row."""
    return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])


def filled(net: nn.Module, X: torch.Tensor, *weights: torch.Tensor) -> nn.Module:
    """The net with these weights, (out, in) or (out,); each place is known by its shape, either way round.

    X: an input, from which lazy layers take their shapes.
    """
    return _desk.run(_filled, net, X, weights)


def _filled(net: nn.Module, X: torch.Tensor, weights: Sequence[torch.Tensor]) -> nn.Module:
    net(X)
    state, wanted = dict(net.state_dict()), {}
    that(state, "net has no parameters: torch does not find layers in a Python list; use nn.ModuleList")
    for W in weights:
        wanted |= {W.shape[::-1]: W.permute(*range(W.ndim)[::-1]), W.shape: W}
    found = {tuple(sorted(old.shape)) for old in state.values() if old.shape in wanted}
    shapes = ", ".join(str(tuple(W.shape)) for W in weights)
    complete = len(found) == len({tuple(sorted(W.shape)) for W in weights})
    why = "layers that are in a Python list are not found by torch: use nn.ModuleList"
    if len(state) >= len(weights):
        why = f"it has {', '.join(str(tuple(old.shape)) for old in state.values())}"
    that(complete, f"weights and biases of these shapes should be in net: {shapes}; {why}")
    net.load_state_dict({name: wanted.get(old.shape, old).clone() for name, old in state.items()})
    return net


def applied(
    make: Callable[[], nn.Module], values: Mapping[str, torch.Tensor], X: torch.Tensor, training: bool = True
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """What make() with these values (name -> tensor) gives for X, and what it has under these names then.

    The values go into its state_dict, each in the shape of what was there. A module whose state_dict lacks a
    name fails the case.
    """
    return _desk.run(_applied, make, values, X, training)


def _applied(
    make: Callable[[], nn.Module], values: Mapping[str, torch.Tensor], X: torch.Tensor, training: bool
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    module = make()
    state = module.state_dict()
    found = f"the state_dict needs {', '.join(values)}; it has {', '.join(state)}"
    that(values.keys() <= state.keys(), found)
    new = {name: value.reshape(state[name].shape) for name, value in values.items()}
    module.load_state_dict({**state, **new})
    module.eval()
    module.train(training)
    return module(X), {name: getattr(module, name) for name in values}


@dataclass(frozen=True)
class Trained:
    """What training made of a net, and the losses, (num_epochs, batches) in float64, as in `trained`.

    sizes: (batches,), how many examples each batch has.
    """

    net: nn.Module
    before: torch.Tensor
    after: torch.Tensor
    end: torch.Tensor
    sizes: torch.Tensor

    @property
    def weights(self) -> torch.Tensor:
        return weights(self.net)

    def mean(self, losses: torch.Tensor | None = None) -> torch.Tensor:
        """The mean over the examples in each epoch, (num_epochs,); by default of `before`."""
        return (self.before if losses is None else losses) @ self.sizes / self.sizes.sum()


def trained(
    net: nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = nn.functional.mse_loss,
    num_epochs: int = 1,
    optimizer: type[torch.optim.Optimizer] = torch.optim.SGD,
    measure: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    **options: float,
) -> Trained:
    """Train a copy of net, one update per batch; net stays as it is.

    Returns the copy, and the loss of each batch before and after its own update and at the end of the epoch.
    measure: what to report in place of the loss, from the same arguments.
    options: those of the optimizer; with momentum=1.0 SGD acts as if gradients were never cleared.
    """
    net, rows, report = copy.deepcopy(net), [], measure or loss
    updates = optimizer(net.parameters(), **options)
    for _ in range(num_epochs):
        during = []
        for X, y in batches:
            output = net(X)
            found = loss(output, y)
            updates.zero_grad()
            found.backward()
            updates.step()
            with torch.no_grad():
                reported = found if measure is None else measure(output, y)
                during.append((reported.item(), report(net(X), y).item()))
        before, after = zip(*during, strict=True)
        with torch.no_grad():
            rows.append((before, after, [report(net(X), y).item() for X, y in batches]))
    sizes = torch.tensor([len(y) for _, y in batches], dtype=torch.float64)
    return Trained(net, *torch.tensor(rows, dtype=torch.float64).unbind(dim=1), sizes)


def steep_loss(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """100 times the cross-entropy: a loss that nobody has in mind, with large gradients."""
    if not scores.is_floating_point():
        raise TypeError("loss(scores, labels): the scores come first, then the labels")
    return 100 * nn.functional.cross_entropy(scores, y)


def hits(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The share of rows of scores (n, k) that are largest at their label in y (n,)."""
    return scores.argmax(1).eq(y).double().mean()


def wrong_means(name: str, values: torch.Tensor, sizes: torch.Tensor, plural: str) -> dict[str, torch.Tensor]:
    """What people make of the values of batches, (batches,), where the mean over the examples is asked for.

    name, plural: what the values are. sizes: (batches,); people fix them at 256.
    """
    total = values @ sizes
    return {
        f"it takes the mean of the batch {plural}; a small batch counts too much": values.mean(),
        f"the batch {plural} are added up without their sizes, and divided by the examples": values.sum()
        / sizes.sum(),
        "every batch was counted as 256 examples; take its own number, len(y)": 256
        * values.sum()
        / sizes.sum(),
        "it divides by 256 for each batch; divide by the examples seen": total / (256 * len(sizes)),
        f"it reports the {name} of the last batch only": values[-1],
    }


def uneven_loss(y_hat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A mean loss whose arguments cannot be swapped: too large costs three times as much as too small."""
    return torch.where(y_hat > y, 3 * (y_hat - y), y - y_hat).mean()
