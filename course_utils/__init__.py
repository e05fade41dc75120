"""What the notebooks of the course import.

`import course_utils` comes before `import torchvision`: it cures torchvision's import beside a CPU-only
torch (see `_torchvision`).
"""

from course_utils import _torchvision

_torchvision.declare_missing_operators()

from course_utils import check, data, demo, devices, plots, training
from course_utils._yours import yours

__all__ = ["check", "data", "demo", "devices", "plots", "training", "yours"]
