"""Folders and pretended GPUs for test cells."""

from course_utils import check
from course_utils.check import _machine

import pytest
import torch


def test_a_folder_is_empty_and_gone_afterwards():
    with _machine.folder() as folder:
        assert list(folder.iterdir()) == []
        (folder / "file").write_text("x")
    assert not folder.exists()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_every_way_to_ask_gives_the_pretended_number_of_gpus(count):
    before = torch.cuda.device_count(), torch.cuda.is_available(), torch.accelerator.device_count()
    with _machine.gpus(count):
        assert torch.cuda.device_count() == torch.accelerator.device_count() == count
        assert torch.cuda.is_available() == torch.accelerator.is_available() == (count > 0)
        assert (torch.accelerator.current_accelerator() is None) == (count == 0)
    assert (torch.cuda.device_count(), torch.cuda.is_available(), torch.accelerator.device_count()) == before


def test_a_file_from_a_pretended_gpu_needs_map_location(tmp_path):
    path = tmp_path / "file.pt"
    torch.save({"x": torch.arange(3.0), "name": "cpu load"}, path)
    assert _machine.from_gpu(path)
    with pytest.raises(RuntimeError, match="CUDA"):
        torch.load(path)
    loaded = torch.load(path, map_location="cpu")
    assert loaded["x"].tolist() == [0.0, 1.0, 2.0]
    assert loaded["name"] == "cpu load"


def test_what_takes_time_is_made_on_the_meta_device():
    assert check.on_meta(lambda: torch.ones(2)).device.type == "meta"


def test_what_needs_values_is_made_on_the_cpu():
    assert check.on_meta(lambda: torch.ones(2).sum().item()) == 2
    with pytest.raises(ZeroDivisionError):
        check.on_meta(lambda: 1 / 0)


def test_a_file_in_another_format_stays_as_it_is(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("cpu")
    assert not _machine.from_gpu(path)
    assert path.read_text() == "cpu"


def test_the_default_solver_is_refused_only_where_columns_are_collinear():
    y, x = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[1.0], [2.0], [3.0]])
    twice = torch.cat((x, 2 * x), dim=1)
    with check.steady_lstsq():
        assert torch.allclose(torch.linalg.lstsq(x, y).solution, torch.tensor([[17 / 14]]))
        torch.linalg.lstsq(twice, y, driver="gelsd")
        with pytest.raises(check.Failed, match="unreliable on collinear columns"):
            torch.linalg.lstsq(twice, y)
