"""What the notebooks of the course import.

Importing this package is quick: its modules, and torch with them, are imported when they are first used,
so that the commands for students (`lab`, `progress`, `start_over`) answer at once. It also cures the import
of torchvision beside a CPU-only torch (see `_torchvision`).
"""

import importlib

from course_utils import _torchvision

_torchvision.cure_on_import()

MODULES = ("check", "data", "demo", "devices", "plots", "training")
FUNCTIONS = {"worked": "_worked", "yours": "_yours"}  # name -> the module that defines it
__all__ = [*MODULES, *FUNCTIONS]


def __getattr__(name: str) -> object:
    if name in MODULES:
        return importlib.import_module(f"course_utils.{name}")
    if name in FUNCTIONS:
        return getattr(importlib.import_module(f"course_utils.{FUNCTIONS[name]}"), name)
    raise AttributeError(f"module 'course_utils' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
