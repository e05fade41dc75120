"""What notebooks do for another machine than this one, and should cost nothing here."""

import bdb
import functools
from collections.abc import Callable

import torch


def make_harmless() -> None:
    """Let default devices that are not there, and debuggers that nobody sits at, pass by."""
    torch.set_default_device = _or_cpu(torch.set_default_device)
    torch.set_default_tensor_type = _or_nothing(torch.set_default_tensor_type)
    torch.cuda.set_device = _or_nothing(torch.cuda.set_device)
    torch.cuda.synchronize = _or_nothing(torch.cuda.synchronize)
    bdb.Bdb.set_trace = _go_on
    bdb.Bdb.set_quit = bdb.Bdb.set_continue  # at the end of the input, which is at once


def _or_cpu(set_default_device: Callable) -> Callable:
    """Setting a default device; it stays the CPU where that device is not there."""

    @functools.wraps(set_default_device)
    def set_if_there(device: object) -> None:
        set_default_device(device)
        try:
            torch.empty(0)
        except (AssertionError, RuntimeError, NotImplementedError) as error:
            set_default_device(None)
            print(f"there is no {device} here, so the default device is the CPU ({error})")

    return set_if_there


def _or_nothing(function: Callable) -> Callable:
    """A function of a GPU, which does nothing where there is none."""

    @functools.wraps(function)
    def call_if_there(*arguments: object, **options: object) -> object:
        try:
            return function(*arguments, **options)
        except (AssertionError, RuntimeError, TypeError) as error:
            if torch.cuda.is_available():
                raise
            print(f"there is no GPU here, so {function.__name__} did nothing ({error})")

    return call_if_there


def _go_on(debugger: bdb.Bdb, frame: object = None) -> None:
    """A breakpoint: the debugger lets the program go on at once."""
