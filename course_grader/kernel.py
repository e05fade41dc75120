"""An ordinary IPython kernel in the forked child: what `python -m ipykernel_launcher` is, ready at once."""

import atexit
import gc
import json
import os
import socket
import sys
import time
import traceback
from pathlib import Path

import ipykernel_launcher
import ipywidgets
import numpy as np
import torch
from ipykernel.kernelapp import IPKernelApp
from IPython.core.pylabtools import activate_matplotlib
from matplotlib_inline.backend_inline import configure_inline_support

from course_grader.work import Limits

# What an ordinary kernel has. The server imports this module before it goes down to one thread.
THREADS = torch.get_num_threads()


def start(connection: socket.socket, request: dict, limits: Limits) -> int:
    """Be a kernel until it is shut down; limits are for sessions. Returns the exit status.

    request: "arguments" as on the command line behind `ipykernel_launcher`, "env", "cwd", and "descriptors",
    the files for standard output and standard error. Says {"started": process id}, then lets go of the
    connection: from there on it belongs to the keeper.
    """
    _take_over(request)
    connection.sendall(json.dumps({"started": os.getpid()}).encode() + b"\n")
    connection.close()
    try:
        app = IPKernelApp.instance(parent_handle=os.getppid())
        app.initialize(request["arguments"])
        _make_up_for_imports(app)
        app.start()
    except Exception:
        traceback.print_exc(file=sys.__stderr__)
        return 1
    _end_as_python_does(app)
    return 0


def _take_over(request: dict) -> None:
    """Have what a process of its own would have been given."""
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate([nothing, *request["descriptors"]]):
        os.dup2(file, number)
        os.close(file)
    sys.argv = [ipykernel_launcher.__file__, *request["arguments"]]
    sys.path.insert(_place_of_own_folder(), "")
    np.random.seed()  # Python's own generator does so by itself
    torch.default_generator.seed()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    torch.set_num_threads(int(threads) if threads.isdigit() else THREADS)


def _place_of_own_folder() -> int:
    """Where IPython puts the working folder in sys.path, unless Python runs with -P as the server does."""
    names = [Path(path).name for path in sys.path]
    return next((i for i, name in enumerate(names) if name in ("site-packages", "dist-packages")), 0)


def _make_up_for_imports(app: IPKernelApp) -> None:
    """Do what these modules do when a kernel imports them: here they were imported before it was one."""
    backend = os.environ["MPLBACKEND"]
    activate_matplotlib(backend)
    configure_inline_support(app.shell, backend)
    ipywidgets.register_comm_target()


def _end_as_python_does(app: IPKernelApp) -> None:
    """Run what was registered for the end, and flush the files that were left open."""
    # The control thread may still be flushing the output. It would wait for ever once app.close, one of these
    # functions, has stopped the thread that sends it.
    app.control_thread.stop()
    app.control_thread.join()
    atexit._run_exitfuncs()
    app.shell.user_ns.clear()
    gc.collect()
