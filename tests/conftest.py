"""How tests spread over processes, and the classes that nbgrader grades once for all that look at them."""

import copy
import gc
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from nbformat import NotebookNode
from nbgrader import api
from xdist.scheduler import LoadScopeScheduling

from course_format.chapter import SOLUTIONS, Chapter, chapters
from tests.nbgrader_course import Course, cell_of, fresh_clone
from tests.students import all_ids, solve, untouched, with_known_answers

torch.set_num_threads(1)  # forked children of a threaded torch would hang, and the other cores are taken
# nbgrader starts a program for each new gradebook, which takes a second, to ask for what never changes.
api.get_alembic_version = cache(api.get_alembic_version)

read_anew = Chapter.read


@cache
def read_text(chapter: Chapter, text: str) -> NotebookNode:
    """What a chapter of this text is."""
    return read_anew(chapter)


def read(chapter: Chapter) -> NotebookNode:
    """As Chapter.read, which the tests ask for hundreds of times: each text of the course is read once."""
    if chapter.folder.parent != SOLUTIONS or not chapter.text.exists():
        return read_anew(chapter)
    return copy.deepcopy(read_text(chapter, chapter.text.read_text(encoding="utf-8")))


Chapter.read = read

CHAPTERS = chapters()
FIRST = CHAPTERS[0].name  # `make test` runs the real nbgrader on this one only
CHAPTER = re.compile(r"\[(\d\d_\w+)")
NOT_READ = "known_0", "known_1", "noisy_half"  # no test looks at the feedback of these


class Spread(LoadScopeScheduling):
    """Hands out the tests of a file to one process, since they share what is expensive to make.

    Real nbgrader runs, and the known answers, go by chapter instead.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.split("::")[0]).name
        chapter = CHAPTER.search(nodeid)
        if chapter and file in ("test_round_trip.py", "test_like_nbgrader.py"):
            return f"nbgrader {chapter[1]}"
        return f"{file} {chapter[1]}" if chapter and file == "test_answers.py" else file


def pytest_xdist_make_scheduler(config: pytest.Config, log) -> Spread:
    config.option.loadscopereorder = False
    return Spread(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest goes first, so that no process is left alone with it at the end."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if "nbgraded" in item.fixturenames:
        return 0
    if item.path.parent.name in ("browser", "hub"):
        return 1  # these often wait, and the answers after them do not
    return 2 if item.path.name == "test_answers.py" else 3


def pytest_collection_finish() -> None:
    """Spare the collector thousands of tests and modules, and forked children a copy of their memory."""
    gc.freeze()


@pytest.fixture(
    params=[
        pytest.param(one, id=one.name, marks=() if one.name == FIRST else pytest.mark.everything)
        for one in CHAPTERS
    ]
)
def chapter(request) -> Chapter:
    """Each chapter in turn: the first one in `make test`, the others in `make everything`."""
    return request.param


@pytest.fixture
def nbgraded(chapter, by_nbgrader) -> Course:
    """A fresh clone in which nbgrader has graded a class in this chapter, and written its feedback."""
    return by_nbgrader(chapter)


@pytest.fixture(scope="session")
def by_nbgrader(tmp_path_factory) -> Callable[[Chapter], Course]:
    """Grades once per chapter."""

    @cache
    def graded(chapter: Chapter) -> Course:
        clone = fresh_clone(tmp_path_factory.mktemp("clone"))
        clone.nbgrader("generate_assignment", chapter.name, "--force")
        for student, notebook in submissions(chapter).items():
            clone.submit(student, chapter.name, notebook, chapter.stem)
        clone.nbgrader("autograde", chapter.name)
        unread = f"--CourseDirectory.student_id_exclude={','.join(NOT_READ)}"
        clone.nbgrader("generate_feedback", chapter.name, unread)
        return clone

    return graded


NOISE = """
import os, sys, warnings
_ramp = ramp
def ramp(rows, cols):
    print("I am here")
    warnings.warn("a warning of mine")
    os.write(2, b"bytes on file descriptor 2\\n")
    return _ramp(rows, cols)
"""
WRONG_RAMP = "def ramp(rows, cols):\n    return torch.arange(rows * cols).reshape(rows, cols)"


def submissions(chapter: Chapter) -> dict:
    """student -> notebook. The first chapter has a class of five, every other one of four."""
    ids = all_ids(chapter)
    handed_in = {
        "perfect": solve(chapter, ids),
        "untouched": untouched(chapter),
        "known_0": with_known_answers(chapter, 0),
    }
    if chapter.name != FIRST:
        handed_in["known_1"] = with_known_answers(chapter, 1)
    else:
        handed_in["wrong"] = solve(chapter, ids)
        cell_of(handed_in["wrong"], "ramp").source = WRONG_RAMP
        cell_of(handed_in["wrong"], "claims_tensors").source = 'answers = {"sum": "true"}'
        handed_in["noisy_half"] = solve(chapter, ids[: len(ids) // 2])
        cell_of(handed_in["noisy_half"], "ramp").source += NOISE
    return handed_in
