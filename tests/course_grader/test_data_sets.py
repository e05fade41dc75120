"""Data sets are drawn when the code that will run names them, and not before."""

from course_utils import data

import nbformat
import pytest

from course_format.chapter import chapters
from course_grader.inside.data_sets import NAMED, named_in
from course_grader.job import GraderError, Job
from course_grader.run import engine
from course_grader.run.client import ForkServer
from tests.course_grader import small
from tests.course_grader.attempts import ALL, attempt, printed

LOADERS = {
    "data.fashion_mnist(train=True)": "fashion_mnist",
    "data.load_fashion_mnist(100)": "fashion_mnist",
    "scenes.draw(3)": "fashion_mnist",
    "data.load_house_prices()": "house_prices",
    "data.house_price_files()": "house_prices",
    "data.cifar10(train=False)": "cifar10",
}


@pytest.mark.parametrize(("code", "name"), LOADERS.items())
def test_a_set_is_found_by_the_code_that_loads_it(code, name):
    assert named_in(["import math", code]) == {name}
    assert set(NAMED) == {*LOADERS.values()} == {*data.REAL_SETS}


def test_code_that_loads_none_names_none():
    assert named_in(["from course_utils import data", "print(data)"]) == set()


def test_what_a_cell_or_a_module_beside_the_notebook_loads_is_drawn(server):
    cell = "from course_utils import data\nprint(len(data.load_house_prices()[0]))"
    result = attempt(server, cell)
    assert (small.earned(result), printed(result, "before").strip()) == (ALL, "1460")
    module = b"from course_utils import data\npictures = data.cifar10(train=False)"
    notebook = small.handed_in(first="import mine\ndef first(x):\n    return x + 1 + 0 * len(mine.pictures)")
    job = small.job(notebook)
    result = small.grade(server, notebook, files=job.files | {"mine.py": module})
    assert (small.earned(result), result.reason) == (ALL, "")


def test_a_set_that_cannot_be_drawn_ends_the_grading():
    with ForkServer(sandboxed=False) as server, pytest.raises(GraderError, match=r"drawn: .*flowers"):
        server.draw({"flowers"})


def test_a_set_that_only_cells_load_which_are_passed_over_is_not_drawn(server, monkeypatch):
    chapter = next(chapter for chapter in chapters() if chapter.name == "15_cifar10")
    notebook = nbformat.writes(chapter.read())
    assert named_in([notebook]) == {"cifar10"}
    job = Job(chapter.name, "ada", chapter.stem, notebook, "", {f"{chapter.stem}.ipynb": notebook.encode()})
    asked = set()
    monkeypatch.setattr(server, "draw", asked.update)
    run = engine._Run(job, server, engine.assemble(job))
    run.prepare()
    run.close()
    assert asked == set()
