"""What nearly every submission does, done once by the server and once by each of its processes beforehand.

The first call of many a function takes milliseconds: it looks for what it needs, and in a forked process it
copies the memory that it changes. So that passes before a submission's turn. Nothing that a notebook could
notice changes, and no thread begins.
"""

import torch
from torch.nn import functional as F

from course_grader.inside import session
from course_grader.inside.shell import make_shell


def practise() -> None:
    """Run a cell, and the commonest calls of torch under the settings of a test."""
    make_shell().run_cell("pass", store_history=False)
    with session.usual_settings()():
        torch.manual_seed(torch.initial_seed())
        X = torch.arange(6.0, requires_grad=True).reshape(2, 3)
        repr(X)
        (X @ X.T).pow(2).mean(0).sum()
        F.conv2d(X[None, None], X[None, None])
