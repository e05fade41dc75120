"""What the server and its processes do beforehand leaves no trace that a notebook could notice."""

import subprocess
import sys

from course_format.chapter import ROOT

WATCHED = """
import os
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import torch
torch.set_num_threads(1)
from course_grader.inside.isolation import use_large_pages
from course_grader.inside.practice import practise, practise_more
from course_grader.inside.shell import make_shell

shell = make_shell()
held = dict(shell.user_ns)
threads = os.listdir("/proc/self/task")  # numpy has some, and ends them itself before a fork
random, number = torch.get_rng_state(), shell.execution_count
practise()
practise_more()
assert all(use_large_pages())
practise()
assert shell.user_ns.keys() == held.keys()
assert shell.execution_count == number
assert torch.equal(torch.get_rng_state(), random)
assert os.listdir("/proc/self/task") == threads, "a child would wait for threads that it does not have"
if os.fork() == 0:
    X = torch.ones(2, 1, 8, 8, requires_grad=True)
    torch.nn.Conv2d(1, 3, 3)(X).sum().backward()
    os._exit(0 if X.grad.shape == X.shape else 1)
assert os.wait()[1] == 0
"""


def test_practice_leaves_nothing_behind_and_children_can_work():
    command = [sys.executable, "-W", "error", "-c", WATCHED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
