from course_utils import devices

import pytest
import torch


@pytest.fixture
def gpus(monkeypatch):
    """Sets the number of GPUs that this machine seems to have."""
    return lambda count: monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


def test_try_gpu_takes_the_gpu_asked_for(gpus):
    gpus(2)
    assert devices.try_gpu() == torch.device("cuda:0")
    assert devices.try_gpu(1) == torch.device("cuda:1")


def test_try_gpu_falls_back_to_the_cpu(gpus):
    gpus(1)
    assert devices.try_gpu(1) == torch.device("cpu")
    gpus(0)
    assert devices.try_gpu() == torch.device("cpu")


def test_try_gpu_refuses_a_negative_number(gpus):
    gpus(1)
    with pytest.raises(ValueError, match="numbered from 0, got -1"):
        devices.try_gpu(-1)


@pytest.mark.parametrize(
    ("count", "names"), [(0, ["cpu"]), (1, ["cuda:0"]), (3, ["cuda:0", "cuda:1", "cuda:2"])]
)
def test_try_all_gpus(gpus, count, names):
    gpus(count)
    assert devices.try_all_gpus() == [torch.device(name) for name in names]


@pytest.mark.parametrize(("count", "name"), [(0, "cpu"), (2, "cuda:0")])
def test_default_device_is_the_first_gpu_or_the_cpu(gpus, count, name):
    gpus(count)
    assert devices.default_device() == torch.device(name)
