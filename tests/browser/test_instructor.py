"""An instructor in JupyterLab: from the chapters that the formgrader lists to the feedback of a student."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from course_format.chapter import chapters
from tests.browser.desk import menu, serving
from tests.nbgrader_course import cell_of, fresh_clone
from tests.students import all_ids, solve

FIRST = chapters()[0]
COMMENT = "Right; and say where keepdim helps."
MEDDLES = "window.top.meddled = true"


def course_grader(folder: Path, *arguments: str) -> str:
    """Run a command as the instructor does, in the course's top folder. Returns what it printed."""
    command = [Path(sys.executable).with_name("course-grader"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A fresh clone in which one submission of the first chapter was graded, which tries to run scripts."""
    clone = fresh_clone(tmp_path_factory.mktemp("clone"))
    notebook = solve(FIRST, all_ids(FIRST))
    cell_of(notebook, "written_broadcasting").source += f'\n\n<img src="nowhere" onerror="{MEDDLES}">'
    shows = f'from IPython.display import HTML, display\ndisplay(HTML("<script>{MEDDLES}</script>"))'
    cell_of(notebook, "ramp").source += f"\n{shows}"
    clone.submit("ada", FIRST.name, notebook, FIRST.stem)
    course_grader(clone.folder, "grade", FIRST.name)
    return clone.folder


@pytest.fixture(scope="module")
def server(browser, course, tmp_path_factory):
    """What `make instructor` starts in the top folder."""
    with serving(["-m", "jupyterlab"], course, tmp_path_factory.mktemp("private") / "jupyter") as server:
        yield server


def test_a_written_question_is_marked_in_the_formgrader_and_counts(page, server, course):
    page.goto(server.lab())
    expect(page.locator(".jp-Launcher")).to_be_visible()
    menu(page, "Nbgrader", "Formgrader")
    formgrader = page.frame_locator("iframe")
    for chapter in chapters():
        expect(formgrader.get_by_role("row", name=chapter.name)).to_be_visible()

    formgrader.get_by_role("link", name="Manual Grading").click()
    expect(formgrader.get_by_role("row", name=FIRST.name)).to_contain_text("34 / 36")
    formgrader.get_by_role("link", name=FIRST.name).click()
    formgrader.get_by_role("link", name=FIRST.stem, exact=True).click()
    expect(formgrader.get_by_role("row", name="Submission #1")).to_contain_text("0 / 2")
    formgrader.get_by_role("link", name="Submission #1").click()
    expect(formgrader.locator("body")).to_contain_text("Mark scheme.")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.meddled") is None
    for box, entry in (("#written_broadcasting", "1.5"), ("#written_broadcasting-comment", COMMENT)):
        formgrader.locator(box).fill(entry)
        with page.expect_response(lambda response: response.request.method == "PUT") as saved:
            formgrader.locator(box).press("Tab")
        assert saved.value.ok

    formgrader.get_by_role("link", name=FIRST.stem, exact=True).click()
    expect(formgrader.get_by_role("row", name="Submission #1")).to_contain_text("35.5 / 36")

    assert course_grader(course, "feedback", FIRST.name) == "1 page in feedback/\n"
    page.goto((course / "feedback" / "ada" / FIRST.name / f"{FIRST.stem}.html").as_uri())
    expect(page.locator("body")).to_contain_text("35.5")
    expect(page.locator("body")).to_contain_text(COMMENT)
