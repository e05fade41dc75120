"""Where tensors live: the CPU, or a GPU when there is one."""

import torch


def try_gpu(i: int = 0) -> torch.device:
    """GPU number i if this machine has it, else the CPU. d2l: try_gpu.

    Raises ValueError for a negative number.
    """
    if i < 0:
        raise ValueError(f"GPUs are numbered from 0, got {i}")
    return torch.device("cuda", i) if torch.cuda.device_count() > i else torch.device("cpu")


def try_all_gpus() -> list[torch.device]:
    """All GPUs of this machine, or a list with only the CPU if there is none. d2l: try_all_gpus."""
    gpus = [torch.device("cuda", i) for i in range(torch.cuda.device_count())]
    return gpus or [torch.device("cpu")]


def default_device() -> torch.device:
    """The device on which the course trains: the first CUDA GPU, else the CPU.

    Apple's GPU (mps) is never chosen: it lacks float64 and some operators of the course.
    Ask for it by name, `torch.device("mps")`, to try it.
    """
    return try_gpu(0)
