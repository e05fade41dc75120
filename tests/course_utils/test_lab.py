"""`make lab`: what it copies, what it leaves alone, its pages, and the students' JupyterLab."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from course_utils import lab, progress

import nbformat
import pytest
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyterlab_server.config import get_federated_extensions
from nbformat.sign import NotebookNotary
from traitlets.config import Config

from tests.course_utils.small_course import chapter, said, save, write

PASSED = said("works", "passed"), said("works with nothing", "passed")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """notebooks/ with two chapters, and an empty work/. Signatures are kept beside them."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    return write(tmp_path)


# --- chapters -----------------------------------------------------------------------------------------------


def test_missing_chapters_are_copied(course):
    assert lab.copy_missing(*course) == ["01_one", "02_two"]
    assert (course[1] / "02_two" / "two.ipynb").is_file()
    assert lab.copy_missing(*course) == []


def test_a_students_chapter_is_never_overwritten(course):
    notebooks, work = course
    lab.copy_missing(notebooks, work)
    (work / "01_one" / "one.ipynb").write_text("my own work")
    (notebooks / "01_one" / "one.ipynb").write_text("a newer release")
    lab.copy_missing(notebooks, work)
    assert (work / "01_one" / "one.ipynb").read_text() == "my own work"


def test_a_copy_that_broke_off_is_made_again(course):
    notebooks, work = course
    (work / ".01_one.part").mkdir()
    assert lab.copy_missing(notebooks, work) == ["01_one", "02_two"]
    assert not (work / ".01_one.part").exists()


def test_jupyterlab_trusts_what_was_copied_and_nothing_else(course):
    notebooks, work = course
    save(work, "01_one", chapter(answer="a = 'from somebody else'"))
    lab.prepare(notebooks, work)
    notary = NotebookNotary()
    found = [nbformat.read(work / name, as_version=4) for name in ("01_one/one.ipynb", "02_two/two.ipynb")]
    assert [notary.check_signature(notebook) for notebook in found] == [False, True]


def test_a_course_starts_where_nothing_can_be_signed(course, monkeypatch, tmp_path):
    (tmp_path / "data").write_text("no folder")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    assert lab.prepare(*course) == ["01_one", "02_two"]


# --- pages --------------------------------------------------------------------------------------------------


def start_page(course):
    lab.write_pages(*course)
    return (course[1] / "START.md").read_text(encoding="utf-8")


def test_the_start_page_shows_time_points_and_progress(course):
    save(course[1], "01_one", chapter(*PASSED[:1]))
    page = start_page(course)
    row = "| [01_one](01_one/one.ipynb) | **Things**: What things are | 0.5&nbsp;hours | 5 | 1.5 of 2 |"
    assert row in page
    assert "**Go on with [exercise 1.1: `a`](01_one/one.ipynb#cell-id=heading_a) in 01_one.**" in page
    assert "[Your progress](PROGRESS.md)" in page
    assert "[glossary](GLOSSARY.md)" in page and '01["01 Things"]' in page


def test_the_start_page_says_what_is_done_where_it_is_shown(course, monkeypatch):
    at_home = start_page(course)
    assert "make hand-in" in at_home and "Assignment List" not in at_home
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    on_a_hub = start_page(course)
    assert "Assignment List" in on_a_hub and "make " not in on_a_hub


def test_the_start_page_promises_worked_solutions_only_where_there_are_some(course):
    assert "cu.worked" not in start_page(course)
    (course[0].parent / "worked").mkdir()
    assert 'cu.worked("ramp")' in start_page(course)


def test_the_page_of_progress_is_beside_it(course):
    save(course[1], "01_one", chapter(*PASSED))
    lab.write_pages(*course)
    assert "| [01_one](01_one/one.ipynb) | 1 | 0 | 1 | 2 of 2 |" in (course[1] / "PROGRESS.md").read_text()


def test_a_broken_notebook_is_named_and_stops_nothing(course):
    save(course[1], "01_one", chapter()).write_text("{ broken")
    assert "one.ipynb is not a notebook (any more): restore it from a copy" in start_page(course)


def test_without_chapters_it_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="the course is not complete"):
        lab.write_pages(tmp_path, tmp_path)


# --- after each save ----------------------------------------------------------------------------------------


@pytest.fixture
def server(course, monkeypatch):
    """JupyterLab's own file manager, with the configuration that the students' JupyterLab reads."""
    monkeypatch.setattr(sys, "path", [str(lab.JUPYTER.parents[1]), *sys.path])
    settings = json.loads((lab.JUPYTER / "jupyter_server_config.json").read_text())
    return AsyncLargeFileManager(root_dir=str(course[1]), config=Config(settings))


def saved(server, course, kind="notebook"):
    server.run_post_save_hooks({"type": kind}, str(course[1] / "01_one" / "one.ipynb"))


def test_the_pages_follow_each_save(server, course):
    start_page(course)
    save(course[1], "01_one", chapter(*PASSED))
    saved(server, course)
    assert "| 2 of 2 |" in (course[1] / "START.md").read_text()
    assert "| 2 of 2 |" in (course[1] / "PROGRESS.md").read_text()


def test_they_leave_alone_what_is_no_notebook(server, course):
    saved(server, course, kind="file")
    assert list(course[1].iterdir()) == []


def test_a_save_succeeds_where_the_pages_cannot_be_written(server, course, caplog):
    (course[1] / "START.md").mkdir()
    server.log = logging.getLogger("course")
    saved(server, course)
    assert "the start page and the page of progress are not up to date" in caplog.text


# --- JupyterLab ---------------------------------------------------------------------------------------------


def test_the_wrong_folder_is_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="run this in the top folder of the course"):
        lab.main()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def own_environment(monkeypatch):
    """set_up_jupyterlab changes the environment of its process: here only for this test."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


def test_jupyterlab_is_started_on_the_start_page(course, monkeypatch, own_environment):
    notebooks, work = course
    monkeypatch.chdir(notebooks.parent)
    monkeypatch.setattr(sys, "argv", ["lab", "--no-browser"])
    started = []
    monkeypatch.setattr(lab, "LabApp", SimpleNamespace(launch_instance=started.extend))
    lab.main()
    assert f"--ServerApp.root_dir={work.resolve()}" in started
    assert "--LabApp.default_url=/lab/tree/START.md" in started
    assert started[-1] == "--no-browser"
    assert {path.name for path in work.iterdir()} == {
        "01_one",
        "02_two",
        "START.md",
        "PROGRESS.md",
        "GLOSSARY.md",
    }


def test_this_python_is_the_one_in_jupyterlabs_terminals(monkeypatch, own_environment):
    monkeypatch.delenv("JUPYTER_CONFIG_PATH", raising=False)
    lab.set_up_jupyterlab()
    assert os.environ["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    assert os.environ["JUPYTER_CONFIG_PATH"] == str(lab.JUPYTER)


# What JupyterLab makes of the settings, asked of JupyterLab's own code in a process of its own.
ASK = """
import json, sys
from course_utils import lab
if sys.argv[1] == "student":
    lab.set_up_jupyterlab()
from jupyter_server.extension.config import ExtensionConfigManager
from jupyterlab_server.config import get_static_page_config
from jupyter_core.paths import jupyter_config_path
enabled = ExtensionConfigManager(read_config_path=jupyter_config_path()).get_jpserver_extensions()
print(json.dumps({
    "disabled": get_static_page_config(level="all").get("disabledExtensions", {}),
    "server": sorted(name for name, on in enabled.items() if on),
}))
"""


def settings_of(who, home):
    """What JupyterLab would load for a student or an instructor in this environment."""
    environment = os.environ | {"HOME": str(home), "JUPYTER_CONFIG_DIR": str(home)}
    done = subprocess.run([sys.executable, "-c", ASK, who], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


TEACHER_TOOLS = {
    f"nbgrader.server_extensions.{name}"
    for name in ("assignment_list", "course_list", "formgrader", "validate_assignment")
}


def test_students_meet_no_tools_of_instructors(tmp_path):
    student = settings_of("student", tmp_path)
    assert TEACHER_TOOLS & set(student["server"]) == set()
    assert "jupyterlab" in student["server"]
    assert student["disabled"]["@jupyter/nbgrader"]


def test_instructors_in_the_same_environment_keep_them(tmp_path):
    instructor = settings_of("instructor", tmp_path)
    assert set(instructor["server"]) >= TEACHER_TOOLS
    assert "@jupyter/nbgrader" not in instructor["disabled"]


def lab_folder():
    return Path(sys.prefix) / "share" / "jupyter" / "lab"


def test_every_setting_is_one_that_jupyterlab_knows():
    """A name that JupyterLab does not know would be passed over in silence."""
    changed = json.loads((lab.JUPYTER / "labconfig" / "default_setting_overrides.json").read_text())
    for plugin, values in changed.items():
        folder, name = plugin.rsplit(":", 1)
        schema = json.loads((lab_folder() / "schemas" / folder / f"{name}.json").read_text())
        assert values.keys() <= schema["properties"].keys(), plugin
        for key, value in values.items():
            kind = {"boolean": bool, "number": int, "string": str, "object": dict, "array": list}
            assert isinstance(value, kind[schema["properties"][key]["type"]]), f"{plugin}: {key}"


def test_the_extension_of_the_course_is_one_that_jupyterlab_loads():
    found = get_federated_extensions([str(lab.JUPYTER / "labextensions")])
    (extension,) = found.values()
    entry = Path(extension["ext_path"]) / extension["jupyterlab"]["_build"]["load"]
    script = entry.read_text()
    assert f'["{extension["name"]}"]' in script
    for page in (lab.START, progress.PAGE):
        assert f'"{page}"' in script
    (button,) = json.loads((lab.JUPYTER / "labconfig" / "default_setting_overrides.json").read_text())[
        "@jupyterlab/notebook-extension:panel"
    ]["toolbar"]
    assert f'addCommand("{button["command"]}"' in script
