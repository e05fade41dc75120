"""A small training in progress, for what saves, resumes or restores one."""

import contextlib
import copy
import os
import pickle
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from course_utils.check import _desk
from course_utils.check._statements import equal, that

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Training:
    """A network for batches (X (n, 3), y in 0..1) with its optimizer: `net` and `optimizer`.

    The network has parameters, buffers and a mode, and else as little as possible.
    seed: other weights for each. optimizer: a class of torch.optim, which gets the options.
    """

    def __init__(self, seed: int, optimizer: type = torch.optim.Adam, **options: Any) -> None:
        torch.manual_seed(seed)
        self.options = optimizer, options
        self.net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        self.optimizer = optimizer(self.net.parameters(), **options)

    def __reduce__(self) -> tuple:  # torch takes ten times as long to pickle small tensors
        kind, options = self.options
        saved = self.optimizer.state_dict()
        states = {i: _arrays(entries) for i, entries in saved["state"].items()}
        weights, mode = _arrays(self.net.state_dict()), self.net.training
        return _made_again, (kind, options, weights, mode, states, saved["param_groups"])

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
        return {name: value.clone() if _is_tensor(value) else value for name, value in known.items()}


def _arrays(tensors: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def _tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(array) for name, array in arrays.items()}


def _made_again(
    kind: type, options: dict, weights: dict, mode: bool, states: dict[int, dict], groups: list
) -> Training:
    new = Training(0, kind, **options)
    new.net.train(mode).load_state_dict(_tensors(weights))
    states = {i: _tensors(entries) for i, entries in states.items()}
    new.optimizer.load_state_dict({"state": states, "param_groups": groups})
    return new


def same_state(found: Mapping[str, Any], expected: Mapping[str, Any], sentence: str) -> None:
    """The states of two trainings are exactly the same; the sentence gets the name of what is not."""
    for name, value in expected.items():
        that(name in found, f"{sentence.format(name)}: it is missing")
        if _is_same_tensor(found[name], value):
            continue  # `equal` takes much longer to say so
        equal(found[name], value, sentence.format(name))
        if _is_tensor(value):
            that(found[name].dtype == value.dtype, sentence.format(f"the dtype of {name}"))
    for name in found:
        that(name in expected, f"{sentence.format(name)}: it is new")


def with_file(use: Callable, *trainings: Training, **options: Any) -> Any:
    """What use(path, *copies of the trainings, **options) gives beside the student's code.

    The path is free for a file, which is gone afterwards.
    """
    # A training consists of a hundred objects, each of which would be compared after each call.
    return _desk.run(_with_file, use, pickle.dumps(trainings), options)


def _with_file(use: Callable, trainings: bytes, options: Mapping[str, Any]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return use(Path(folder) / "file.pt", *pickle.loads(trainings), **options)


def resumed(
    run: Training,
    other: Training,
    *,
    save: Callable,
    load: Callable,
    epoch: int,
    kind: type = Path,
    device: str | torch.device = "cpu",
    rest: Iterable = (),
) -> tuple:
    """Save a copy of the run, load the file into a copy of the other one, and go on with that.

    save(path, net, optimizer, epoch), load(path, net, optimizer, device): an answer's. kind: of the path.
    rest: the batches to go on with.
    Returns [what load gives], or [] if there is no file; the state of the run after saving, and of the other
    one after loading; whether their nets are in training mode then; the state of the other one at the end.
    """
    return with_file(
        _resumed, run, other, save=save, load=load, epoch=epoch, kind=kind, device=device, rest=rest
    )


def _resumed(
    path: Path,
    run: Training,
    other: Training,
    save: Callable,
    load: Callable,
    epoch: int,
    kind: type,
    device: Any,
    rest: Iterable,
) -> tuple:
    save(kind(path), run.net, run.optimizer, epoch)
    found, saved = [], run.state()
    if path.exists():
        found = [load(kind(path), other.net, other.optimizer, device)]
    return found, saved, other.state(), run.net.training, other.net.training, other.go(rest).state()


def attempts(load: Callable, run: Training, other: Training, files: Callable) -> list[tuple]:
    """Load one file after the other, each into a copy of the other run.

    files(path, copy of the run) writes them to the same path, and yields what each one is.
    Returns for each what it is; [what load(path, net, optimizer) gives], or [] after an error; the state of
    the copy then; the names of all files in the folder.
    """
    return with_file(_attempts, run, other, load=load, files=files)


def _attempts(path: Path, run: Training, other: Training, load: Callable, files: Callable) -> list[tuple]:
    results = []
    for said in files(path, run):
        trial, found = copy.deepcopy(other), []
        with contextlib.suppress(Exception):
            found = [load(path, trial.net, trial.optimizer)]
        results.append((said, found, trial.state(), os.listdir(path.parent)))
    return results


def _is_tensor(value: Any) -> bool:
    return type(value) is torch.Tensor


def _is_same_tensor(a: Any, b: Any) -> bool:
    return _is_tensor(a) and _is_tensor(b) and a.dtype == b.dtype and torch.equal(a, b)
