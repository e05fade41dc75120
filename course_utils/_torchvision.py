"""Makes `import torchvision` work beside a CPU-only torch.

The torchvision on PyPI is built for CUDA on Linux. Beside a torch without CUDA its extension cannot be
loaded, and its import then dies with "operator torchvision::nms does not exist", because it attaches
shape rules to operators that the extension would have declared. Declaring them is enough: the course
uses torchvision for its data sets and never calls these operators.
"""

import importlib.abc
import importlib.util
import sys
from pathlib import Path

MISSING_OPERATORS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}

# Kept for the life of the process: torch forgets the declarations when the library object goes.
_library = None


class _BeforeTorchvision(importlib.abc.MetaPathFinder):
    """Finds no module; it only notices when torchvision is about to be imported."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "torchvision":
            sys.meta_path.remove(self)  # first of all: looking for the extension asks for torchvision again
            declare_missing_operators()


def cure_on_import() -> None:
    """Declare the missing operators right before torchvision is imported, whenever that will be."""
    if "torchvision" not in sys.modules:
        sys.meta_path.insert(0, _BeforeTorchvision())


def declare_missing_operators() -> None:
    """Declare the operators that torchvision's Python code needs, if its extension cannot."""
    global _library
    import torch  # here, because importing it takes seconds

    if _library is None and not _extension_loads(torch):
        _library = torch.library.Library("torchvision", "DEF")
        for name, schema in MISSING_OPERATORS.items():
            _library.define(name + schema)


def _extension_loads(torch: object) -> bool:
    folder = Path(importlib.util.find_spec("torchvision").submodule_search_locations[0])
    extension = next((path for path in folder.glob("_C*") if path.suffix in {".so", ".pyd"}), None)
    if extension is None:
        return False
    try:
        torch.ops.load_library(extension)
    except OSError:
        return False
    return True
