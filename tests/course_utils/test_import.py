"""Importing the package: at once, and cured of what torchvision does beside a CPU-only torch."""

import subprocess
import sys

import course_utils as cu

import pytest


def in_a_fresh_process(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_package_and_what_students_start_import_no_torch():
    tools = "course_utils, course_utils.lab, course_utils.progress"
    in_a_fresh_process(f"import sys, {tools}\nassert 'torch' not in sys.modules")


def test_every_name_is_there():
    in_a_fresh_process("import course_utils as cu\nassert [getattr(cu, name) for name in dir(cu)]")


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        cu.chekc  # noqa: B018


@pytest.mark.parametrize("imports", ["torchvision.ops", "torch, torchvision"])
def test_torchvision_is_cured_whenever_it_is_imported(imports):
    script = f"""
import sys
import course_utils
from course_utils._torchvision import _BeforeTorchvision
import {imports}
assert not any(isinstance(finder, _BeforeTorchvision) for finder in sys.meta_path)
import torch
assert torch.ops.torchvision.nms
"""
    in_a_fresh_process(script)
