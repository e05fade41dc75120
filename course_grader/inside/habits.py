"""What notebooks do for another machine, or set for all that follows, and should cost nothing."""

import bdb
import contextlib
import functools
import locale
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch

# Options of pandas that change what its functions return, and not only how that is shown.
PANDAS = (
    "future.distinguish_nan_and_na",
    "future.infer_string",
    "future.python_scalars",
    "mode.string_storage",
)


def make_harmless() -> Callable[[], contextlib.AbstractContextManager]:
    """Let default devices that are not there, and debuggers that nobody sits at, pass by.

    Returns a context in which the global settings are as they are now; behind it the notebook's own are back.
    """
    torch.set_default_device = _or_cpu(torch.set_default_device)
    torch.set_default_tensor_type = _or_nothing(torch.set_default_tensor_type)
    torch.cuda.set_device = _or_nothing(torch.cuda.set_device)
    torch.cuda.synchronize = _or_nothing(torch.cuda.synchronize)
    bdb.Bdb.set_trace = _go_on
    bdb.Bdb.set_quit = bdb.Bdb.set_continue  # at the end of the input, which is at once
    return functools.partial(_settings, np.geterr(), _pandas(), locale.setlocale(locale.LC_ALL))


def _or_cpu(set_default_device: Callable) -> Callable:
    """Setting a default device; it stays the CPU where that device is not there."""

    @functools.wraps(set_default_device)
    def set_if_there(device: object) -> None:
        set_default_device(device)
        try:
            torch.empty(0)
        except (AssertionError, RuntimeError) as error:
            set_default_device(None)
            print(f"there is no {device} here, so the default device is the CPU ({error})")

    return set_if_there


def _or_nothing(function: Callable) -> Callable:
    """A function of a GPU, which does nothing where there is none."""

    @functools.wraps(function)
    def call_if_there(*arguments: object, **options: object) -> object:
        try:
            return function(*arguments, **options)
        except (AssertionError, AttributeError, RuntimeError, TypeError) as error:
            if torch.cuda.is_available():
                raise
            print(f"there is no GPU here, so {function.__name__} did nothing ({error})")

    return call_if_there


def _go_on(debugger: bdb.Bdb, frame: object = None) -> None:
    """A breakpoint: the debugger lets the program go on at once."""


@contextlib.contextmanager
def _settings(numpy: dict, pandas: dict, region: str) -> Iterator[None]:
    """Have these settings, and those with which torch and the warnings of Python begin."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(np.errstate(**numpy))
        stack.enter_context(warnings.catch_warnings())
        warnings.filters[:] = [one for one in warnings.filters if one[0] != "error"]
        warnings.simplefilter("default", append=True)  # has Python notice that they have changed
        stack.enter_context(_torch())
        of_notebook = _pandas()
        changed = {name: value for name, value in pandas.items() if of_notebook[name] != value}
        if changed:
            stack.enter_context(pd.option_context(changed))
        own = locale.setlocale(locale.LC_ALL)
        stack.callback(locale.setlocale, locale.LC_ALL, own)
        locale.setlocale(locale.LC_ALL, region)
        if not Path(".").exists():  # it was removed
            os.chdir(os.environ["HOME"])
        yield


@contextlib.contextmanager
def _torch() -> Iterator[None]:
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    deterministic, anomaly = torch.are_deterministic_algorithms_enabled(), torch.is_anomaly_enabled()
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.use_deterministic_algorithms(False)
    torch.autograd.set_detect_anomaly(False)
    try:
        with torch.autocast("cpu", enabled=False):
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_default_device(device if device.type != "cpu" else None)
        torch.use_deterministic_algorithms(deterministic)
        torch.autograd.set_detect_anomaly(anomaly)


def _pandas() -> dict[str, object]:
    """The values of those options that this pandas has."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one of them is on its way out
        for name in PANDAS:
            with contextlib.suppress(pd.errors.OptionError):
                found[name] = pd.get_option(name)
    return found
