"""A small training in progress, for what saves, resumes or restores one."""

import copy
from collections.abc import Iterable
from typing import Any

from course_utils.check._statements import equal, that

import torch
from torch import nn
from torch.nn import functional as F


class Training:
    """A network for batches (X (n, 3), y in 0..1) with its optimizer: `net` and `optimizer`.

    The network has parameters, buffers and a mode, and else as little as possible: with each layer, some
    twenty more objects travel between a test and an answer that have processes of their own.
    seed: other weights for each. optimizer: a class of torch.optim, which gets the options.
    """

    def __init__(self, seed: int, optimizer: type = torch.optim.Adam, **options: Any) -> None:
        torch.manual_seed(seed)
        self.net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        self.optimizer = optimizer(self.net.parameters(), **options)

    def go(self, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> "Training":
        """One step for each batch, after which there are no gradients left. Returns this training."""
        for X, y in batches:
            self.optimizer.zero_grad()
            F.cross_entropy(self.net(X), y).backward()
            self.optimizer.step()
        self.optimizer.zero_grad()
        return self

    def state(self) -> dict[str, Any]:
        """All that network and optimizer know: name -> a copy of the value."""
        known = {f"the model's {name}": value for name, value in self.net.state_dict().items()}
        saved = self.optimizer.state_dict()
        for i, entries in saved["state"].items():
            known |= {f"the optimizer's {name} of parameter {i}": value for name, value in entries.items()}
        known |= {
            f"the optimizer's {name}": saved["param_groups"][0][name] for name in ("lr", "weight_decay")
        }
        return copy.deepcopy(known)

    def is_in(self, state: dict[str, Any], sentence: str) -> None:
        """Network and optimizer are in exactly this state; the sentence gets the name of what is not."""
        found = self.state()
        for name, value in state.items():
            that(name in found, f"{sentence.format(name)}: it is missing")
            equal(found[name], value, sentence.format(name))
            if isinstance(value, torch.Tensor):
                that(found[name].dtype == value.dtype, sentence.format(f"the dtype of {name}"))
        for name in found:
            that(name in state, f"{sentence.format(name)}: it is new")
