"""The machine as a case needs it: a folder for files, GPUs that are not there, a solver that is steady."""

import contextlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from course_utils.check import _desk
from course_utils.check._failure import Failed, mistake_id

import torch
from torch.overrides import TorchFunctionMode


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """An empty folder, for files that the student's code writes and reads; it is gone afterwards.

    It lies where the student's code runs: a test reaches files in it by exists(), read_bytes() and
    write_bytes() of their paths, and otherwise by `check.made(torch.load, path)`.
    """
    path = _Folder(_desk.run(tempfile.mkdtemp))
    try:
        yield path
    finally:
        _desk.run(shutil.rmtree, path, ignore_errors=True)


class _Folder(type(Path())):
    """A path of a test's. Its files are looked at, read and written beside the student's code."""

    def __fspath__(self) -> str:
        if _desk.is_elsewhere():
            raise RuntimeError(f"{self} lies where the student's code runs: reach it by check.made")
        return str(self)

    def exists(self) -> bool:
        return _desk.run(os.path.exists, str(self))

    def read_bytes(self) -> bytes:
        return _desk.run(Path.read_bytes, Path(self))

    def write_bytes(self, data: bytes) -> int:
        return _desk.run(Path.write_bytes, Path(self), data)


def with_code_in_it(path: Path) -> Path:
    """Save a file of torch.save whose unpickling makes a folder. Returns the path of that folder."""
    opened = path.with_name("opened")
    _desk.run(_save_code, str(path), str(opened))
    return opened


def _save_code(path: str, opened: str) -> None:
    torch.save(type("Gift", (), {"__reduce__": lambda self: (os.mkdir, (opened,))})(), path)


def gpus(count: int) -> contextlib.AbstractContextManager:
    """Torch says that it has `count` GPUs, however it is asked. No tensor can be put on a pretended one."""
    return _desk.inside(_pretended_gpus, count)


@contextlib.contextmanager
def _pretended_gpus(count: int) -> Iterator[None]:
    cuda = torch.device("cuda") if count else None
    with contextlib.ExitStack() as pretended:
        for target, name, value in (
            (torch.cuda, "_is_compiled", lambda: True),
            (torch.cuda, "_cached_device_count", count),
            (torch._C, "_cuda_getDeviceCount", lambda: count),
            (torch._C, "_accelerator_getAccelerator", lambda: cuda),
        ):
            pretended.enter_context(mock.patch.object(target, name, value, create=True))
        yield


def from_gpu(path: Path, device: str = "cuda:7") -> bool:
    """Rewrite a file of torch.save as if its tensors had been saved on this device.

    Returns whether there was a tensor from the CPU in it. A file in another format stays as it is.
    """
    return _desk.run(_rewritten, path, device)


def _rewritten(path: Path, device: str) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    old, new = (b"X" + len(name).to_bytes(4, "little") + name.encode() for name in ("cpu", device))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    changed = {name for name, part in parts.items() if name.endswith("/data.pkl") and old in part}
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part.replace(old, new) if name in changed else part)
    return bool(changed)


def on_meta(function: Callable[[], Any]) -> Any:
    """What function() gives on torch's meta device, where large weights take no time.

    It is called on the CPU if that fails: an answer may need the values of a tensor that it makes.
    """
    return _desk.run(_on_meta, function)


def _on_meta(function: Callable[[], Any]) -> Any:
    try:
        with torch.device("meta"):
            return function()
    except Exception:
        return function()


def steady_lstsq() -> contextlib.AbstractContextManager:
    """Context: torch.linalg.lstsq with its default method is refused on collinear columns.

    What it returns there depends on leftovers in memory (PyTorch issue 187411), so it cannot be graded.
    """
    return _desk.inside(_SteadyLstsq)


class _SteadyLstsq(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.linalg.lstsq and kwargs.get("driver") in (None, "gelsy"):
            A = args[0] if args else kwargs.get("input", kwargs.get("A"))
            if torch.linalg.matrix_rank(A) < min(A.shape):
                trap = "lstsq's default method is unreliable on collinear columns"
                message = f'{trap}; use driver="gelsd", or the pseudo-inverse'
                raise Failed(message, mistake_id(message))
        return func(*args, **kwargs)
