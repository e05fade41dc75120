"""`course-grader collect`: what platforms give, whose it is, when it was handed in, and where it goes."""

import io
import shutil
import stat
import struct
import zipfile
from datetime import datetime
from pathlib import Path

from course_utils import hand_in

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook, Student

from course_format import CourseError
from course_format.cells import nbgrader
from course_grader import __main__
from course_grader.collecting import collect, roster, uploads
from course_grader.collecting.collect import Options
from course_grader.course import Course
from course_grader.handed_in.timestamps import parse
from course_grader.job import GraderError
from tests.course_grader.classes import graded_class, small_chapter, solution_cell

NAME = "01_sums"
ROSTER = (
    "id,name,email\nada,Ada Lovelace,ada@example.org\nzoe,Zoë Núñez,zoe@example.org\ngrace,Grace Hopper,\n"
)
WORKSHEET = """\ufeffIdentifier,"Full name","ID number","Email address",Grade,"Last modified (submission)"
"Participant 101","Ada Lovelace",ada,ada@example.org,,"Friday, 20 November 2026, 2:03 PM"
"Participant 102","Zoë Núñez",zoe,zoe@example.org,,"Saturday, 21 November 2026, 11:59\u202fPM"
"Participant 103","Grace Hopper",grace,grace@example.org,,-
"""
MOODLE_ADA = "Ada Lovelace_101_assignsubmission_file_"
CANVAS_ADA = "lovelaceada_9001_7001"


def notebook(answer="a + b", cells=None):
    """A student's notebook of the chapter, as bytes."""
    made = small_chapter()
    for cell in made.cells:
        if nbgrader(cell).get("grade_id") == "add":
            cell.source = f"def add(a, b):\n    return {answer}"
    if cells is not None:
        made.cells = cells
    return nbformat.writes(made).encode()


MINE, YOURS = notebook(), notebook("b + a")
OTHER_CHAPTER = nbformat.writes(
    new_notebook(cells=[solution_cell("other", "def other(): ..."), solution_cell("more", "def more(): ...")])
).encode()


def zipped(files, **options):
    """A zip as bytes. files: name, or ZipInfo, -> content."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content, **options)
    return made.getvalue()


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    """What each test gets a copy of: making a gradebook takes a while."""
    top = tmp_path_factory.mktemp("pattern")
    (top / "course").mkdir()
    graded_class(top / "course", NAME, small_chapter())
    other = top / "course" / "solutions" / "02_other" / "other.ipynb"
    other.parent.mkdir()
    other.write_bytes(OTHER_CHAPTER)
    (top / "roster.csv").write_text(ROSTER, encoding="utf-8")
    (top / "grading.csv").write_text(WORKSHEET, encoding="utf-8")
    return top


@pytest.fixture
def course(pattern, tmp_path):
    """A course of two chapters, whose gradebook has no students; beside it roster.csv and grading.csv."""
    shutil.copytree(pattern, tmp_path, dirs_exist_ok=True)
    return Course(tmp_path / "course")


def gather(course, files, roster="roster.csv", **options):
    """Collect a zip with these files, or these bytes as a zip."""
    source = course.folder.parent / "download.zip"
    source.write_bytes(files if isinstance(files, bytes) else zipped(files))
    chosen = Options(roster=roster and course.folder.parent / roster, **options)
    return collect.collect(course, source, NAME, chosen)


def submitted(course):
    """Path below submitted/ -> content; the times as texts."""
    folder = course.folder / "submitted"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def results(summary):
    return {one.student: one.what for one in summary.outcomes}


def notes(summary):
    return [note for one in summary.outcomes for note in one.notes]


@pytest.mark.parametrize(
    "name",
    [
        f"{MOODLE_ADA}/sums.ipynb",
        "Ada Lovelace_101_assignsubmission_file/sums.ipynb",  # since Moodle 4.1
        f"{MOODLE_ADA}sums.ipynb",  # without folders
        f"{MOODLE_ADA}/{NAME}/sums.ipynb",
        "Lovelace Ada_101_assignsubmission_file_/sums.ipynb",
        f"Course-Sums-77/{MOODLE_ADA}/sums.ipynb",
        f"{CANVAS_ADA}_sums.ipynb",
        f"{CANVAS_ADA}_sums-1.ipynb",
        "lovelaceada_LATE_9001_7001_sums.ipynb",
        "ps1_ada_attempt_2026-11-20-14-03-00_sums.ipynb",
        f"submitted/ada/{NAME}/sums.ipynb",
        f"ada/{NAME}/sums.ipynb",
        "ada/sums.ipynb",
        "Ada Lovelace/sums (1).ipynb",
        "ada@example.org/sums.ipynb",
        "ada.ipynb",
        "ada_sums.ipynb",
        f"Ada Lovelace {NAME}.ipynb",
    ],
)
def test_the_student_is_known_from_every_platforms_names(course, name):
    summary = gather(course, {name: MINE})
    assert (results(summary), summary.refused) == ({"ada": "collected"}, {})
    assert submitted(course)[f"ada/{NAME}/sums.ipynb"] == MINE


def test_the_gradebook_learns_the_names_of_the_roster_and_keeps_those_that_it_has(course):
    with Gradebook(course.db_url, course.directory.course_id) as gradebook:
        gradebook.add_student("zoe", first_name="Zoe", email="z@example.org")
        gradebook.add_student("grace")
    files = {"ada.ipynb": MINE, "zoe.ipynb": YOURS}
    gather(course, files, dry_run=True)
    assert names(course) == {"zoe": ("Zoe", None, "z@example.org"), "grace": (None, None, None)}
    gather(course, files | {"grace.ipynb": MINE})
    gather(course, files)
    assert names(course) == {
        "ada": ("Ada", "Lovelace", "ada@example.org"),
        "zoe": ("Zoe", None, "z@example.org"),
        "grace": ("Grace", "Hopper", ""),
    }


def test_a_name_brings_no_markup_into_the_gradebook(course):
    (course.folder.parent / "odd.csv").write_text("id,name\nada,Ada <img src=x onerror=alert(1)> Lovelace\n")
    gather(course, {"ada.ipynb": MINE}, "odd.csv")
    assert names(course)["ada"][:2] == ("Ada img src=x onerror=alert(1)", "Lovelace")


def names(course):
    with Gradebook(course.db_url, course.directory.course_id) as gradebook:
        return {one.id: (one.first_name, one.last_name, one.email) for one in gradebook.students}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ada Lovelace", ("Ada", "Lovelace")),
        ("Lovelace, Ada King", ("Ada King", "Lovelace")),
        ("Ada King Lovelace ", ("Ada King", "Lovelace")),
        ("李明", ("", "李明")),
        ("", ("", "")),
    ],
)
def test_a_full_name_has_a_first_and_a_last_one(name, parts):
    assert roster.first_and_last(name) == parts


@pytest.mark.parametrize("slug", ["01-sums", "sums", "the-first-homework"])
def test_clones_from_github_are_known_by_the_account(course, slug):
    """Besides, they hold the chapter as it was handed out, for their own checks."""
    (course.folder.parent / "github.csv").write_text("identifier,github_username\nAda,Ada-L\n7,zoe\n")
    (course.folder.parent / "class.csv").write_text("id,github_username\nada,Ada-L\nzoe,\n")
    clones = {f"{slug}-ada-l/sums.ipynb": MINE, f"{slug}-zoe/sums.ipynb": YOURS, f"{slug}-zoe/add.py": b"1"}
    clones |= {f"{slug}-zoe/.github/course/{NAME}/sums.ipynb": MINE, f"{slug}-zoe/.git/HEAD": b"ref: x"}
    summary = gather(course, clones, "class.csv")
    assert (results(summary), summary.refused) == ({"ada": "collected", "zoe": "collected"}, {})
    assert submitted(course)[f"zoe/{NAME}/sums.ipynb"] == YOURS
    assert {name for name in submitted(course) if name.startswith("zoe/")} == {
        *(f"zoe/{NAME}/sums.ipynb", f"zoe/{NAME}/add.py")
    }
    assert results(gather(course, clones, "github.csv")) == {"Ada-L": "collected", "zoe": "unchanged"}


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        (f"{MOODLE_ADA}/01_sums-2026-11-20-140300.zip", f"{NAME}/sums.ipynb"),
        (f"{CANVAS_ADA}_01_sums-2026-11-20-140300-1.zip", f"{NAME}/sums.ipynb"),
        ("ada.zip", "sums.ipynb"),
        (f"ada/{NAME}.zip", f"work/{NAME}/sums.ipynb"),
        (f"submitted/ada/{NAME}/{NAME}.zip", "sums.ipynb"),
    ],
)
def test_zips_of_students_are_opened(course, name, inside):
    folder = inside.rpartition("sums.ipynb")[0]
    upload = zipped({inside: MINE, f"{folder}helper.py": b"x = 1", f"{folder}data/a.csv": b"1"})
    summary = gather(course, {name: upload})
    assert (results(summary), summary.refused, notes(summary)) == ({"ada": "collected"}, {}, [])
    there = submitted(course)
    assert there[f"ada/{NAME}/sums.ipynb"] == MINE
    assert there[f"ada/{NAME}/helper.py"] == b"x = 1"
    assert there[f"ada/{NAME}/data/a.csv"] == b"1"


def test_what_hand_in_packs_is_collected_byte_for_byte(course):
    work = course.folder.parent / "work"
    (work / NAME).mkdir(parents=True)
    (work / NAME / "sums.ipynb").write_bytes(MINE)
    (work / NAME / "helper.py").write_bytes(b"x = 1")
    mine = hand_in.find("1", course.folder / "solutions", work)
    packed = hand_in.pack(mine, hand_in.files(mine)[0], course.folder.parent, datetime(2026, 11, 20, 14, 3))
    summary = gather(course, {f"{MOODLE_ADA}/{packed.name}": packed.read_bytes()}, "grading.csv", zone="UTC")
    assert (summary.refused, notes(summary)) == ({}, [])
    assert submitted(course) == {
        f"ada/{NAME}/sums.ipynb": MINE,
        f"ada/{NAME}/helper.py": b"x = 1",
        f"ada/{NAME}/timestamp.txt": b"2026-11-20 14:03:00 UTC\n",
    }


def test_a_folder_is_read_as_a_zip_is(course, tmp_path):
    folder = tmp_path / "download" / MOODLE_ADA
    folder.mkdir(parents=True)
    (folder / "sums.ipynb").write_bytes(MINE)
    (folder / "link.py").symlink_to(folder / "sums.ipynb")
    summary = collect.collect(course, tmp_path / "download", NAME, Options(tmp_path / "roster.csv"))
    assert results(summary) == {"ada": "collected"}
    assert summary.refused == {f"{MOODLE_ADA}/link.py": "it is a link or no regular file"}


def test_running_it_twice_changes_nothing(course):
    files = {
        f"{MOODLE_ADA}/a.zip": zipped({"sums.ipynb": MINE}),
        "Zoë Núñez_102_assignsubmission_file_/sums.ipynb": YOURS,
    }
    assert set(results(gather(course, files, "grading.csv", zone="UTC")).values()) == {"collected"}
    before = {path: path.stat().st_mtime_ns for path in (course.folder / "submitted").rglob("*")}
    assert set(results(gather(course, files, "grading.csv", zone="UTC")).values()) == {"unchanged"}
    assert {path: path.stat().st_mtime_ns for path in (course.folder / "submitted").rglob("*")} == before


def test_a_dry_run_writes_nothing_and_says_the_same(course):
    files = {f"{MOODLE_ADA}/sums.ipynb": MINE, f"{MOODLE_ADA}/again.ipynb": YOURS}
    dry = gather(course, files, dry_run=True)
    assert not (course.folder / "submitted").exists()
    wet = gather(course, files)
    assert dry.outcomes == wet.outcomes


# ---- times


def stamp(course, student="ada"):
    return submitted(course).get(f"{student}/{NAME}/timestamp.txt", b"").decode().strip()


def test_moodles_grading_worksheet_is_roster_and_times_at_once(course):
    files = {f"{MOODLE_ADA}/sums.ipynb": MINE, "Núñez Zoë_102_assignsubmission_file_/sums.ipynb": MINE}
    summary = gather(course, files, "grading.csv", zone="Europe/Berlin")
    assert [one.handed_in for one in summary.outcomes] == [
        "2026-11-20 13:03:00 UTC",
        "2026-11-21 22:59:00 UTC",
    ]
    assert parse(stamp(course)) == (datetime(2026, 11, 20, 13, 3), "")
    assert parse(stamp(course, "zoe")) == (datetime(2026, 11, 21, 22, 59), "")


def test_the_time_of_what_is_not_taken_is_told(course):
    summary = gather(course, {f"{MOODLE_ADA}/sums.pdf": b"%PDF"}, "grading.csv", zone="UTC")
    assert [(one.what, one.handed_in) for one in summary.outcomes] == [
        ("NOT TAKEN", "2026-11-20 14:03:00 UTC")
    ]


def test_times_come_from_a_file_of_their_own(course):
    (course.folder.parent / "times.csv").write_text("student_id;submitted_at\nada;2026-11-20T14:03:00Z\n")
    gather(course, {f"{CANVAS_ADA}_sums.ipynb": MINE}, times=course.folder.parent / "times.csv")
    assert stamp(course) == "2026-11-20 14:03:00 UTC"


def test_the_times_of_a_zip_count_only_if_asked(course):
    member = zipfile.ZipInfo(f"{MOODLE_ADA}/sums.ipynb", (2026, 11, 20, 14, 4, 0))
    assert gather(course, {member: MINE}).outcomes[0].handed_in == "not known"
    assert stamp(course) == ""
    summary = gather(course, {member: MINE}, times=Path("zip"), zone="Europe/Berlin")
    assert (results(summary), stamp(course)) == ({"ada": "time added"}, "2026-11-20 13:04:00 UTC")


def test_blackboard_has_the_time_in_its_names(course):
    gather(course, {"ps1_ada_attempt_2026-11-20-14-03-00_sums.ipynb": MINE}, zone="UTC")
    assert stamp(course) == "2026-11-20 14:03:00 UTC"


def test_nbgraders_timestamp_is_copied(course):
    files = {
        f"submitted/ada/{NAME}/sums.ipynb": MINE,
        f"submitted/ada/{NAME}/timestamp.txt": b"2026-11-20 14:03 UTC\n",
    }
    gather(course, files)
    assert stamp(course) == "2026-11-20 14:03 UTC"


def test_a_students_own_timestamp_does_not_count(course):
    inner = zipped({f"{NAME}/sums.ipynb": MINE, f"{NAME}/timestamp.txt": b"2020-01-01 00:00 UTC"})
    summary = gather(
        course, {f"{MOODLE_ADA}/a.zip": inner, f"{MOODLE_ADA}/timestamp.txt": b"2020-01-01 00:00 UTC"}
    )
    assert stamp(course) == ""
    assert notes(summary) == [
        "the student's own 01_sums/timestamp.txt does not count: the platform says when",
        "the student's own timestamp.txt does not count: the platform says when",
    ]


def test_late_in_canvas_is_told_with_what_to_do(course):
    summary = gather(course, {"lovelaceada_LATE_9001_7001_sums.ipynb": MINE})
    assert summary.outcomes[0].handed_in == "not known (LATE)"
    assert notes(summary) == [
        "late, says the platform, which does not say when: if that costs points, write "
        "submitted/ada/01_sums/timestamp.txt, or use --times"
    ]


@pytest.mark.parametrize("said", ["vendredi 20 novembre 2026, 14:03", "20/11/26, 14:03", "soon"])
def test_a_time_that_cannot_be_read_is_an_error(course, said):
    (course.folder.parent / "times.csv").write_text(f'id,time\nada,"{said}"\n')
    with pytest.raises(
        GraderError, match=r"times.csv, line 2: the time .* cannot be read: write it as 2026-12-31"
    ):
        gather(course, {"ada.ipynb": MINE}, times=course.folder.parent / "times.csv")


def test_an_unknown_time_zone_is_an_error(course):
    with pytest.raises(CourseError, match="there is no time zone 'Mars': write one such as Europe/Berlin"):
        gather(course, {"ada.ipynb": MINE}, zone="Mars")


# ---- who


def test_who_is_unknown_is_named_with_who_comes_close(course):
    summary = gather(
        course,
        {
            "Ada Lovelance_101_assignsubmission_file_/sums.ipynb": MINE,
            "Eve_9_assignsubmission_file_/sums.ipynb": MINE,
        },
    )
    assert summary.refused == {
        "Ada Lovelance_101_assignsubmission_file_/sums.ipynb": "nobody in roster.csv is called "
        "'Ada Lovelance' (is it ada, Ada Lovelace?)",
        "Eve_9_assignsubmission_file_/sums.ipynb": "nobody in roster.csv is called 'Eve'",
    }
    assert submitted(course) == {}


def test_the_number_of_the_platform_decides_between_equal_names(course):
    (course.folder.parent / "two.csv").write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Sums (1)\n    Points Possible,,,,,7\n"
        '"Lovelace, Ada",1,x,ada,A,\n"Lovelace, Ada",2,y,ada2,B,\n"Student, Test",3,,,A,\n'
    )
    files = {"lovelaceada_1_11_sums.ipynb": MINE, "lovelaceada_2_12_sums.ipynb": YOURS}
    assert results(gather(course, files, "two.csv")) == {"ada": "collected", "ada2": "collected"}
    assert submitted(course)[f"ada2/{NAME}/sums.ipynb"] == YOURS


def test_equal_names_without_numbers_are_refused(course):
    (course.folder.parent / "two.csv").write_text("id,name\nada,Ada Lovelace\nada2,Lovelace Ada\n")
    summary = gather(course, {"lovelaceada_1_11_sums.ipynb": MINE}, "two.csv")
    assert summary.refused["lovelaceada_1_11_sums.ipynb"] == (
        "'lovelaceada' may be each of ada, ada2 in two.csv: rename it to the id"
    )


def test_two_people_of_one_name_are_not_taken_for_one(course):
    summary = gather(course, {"lovelaceada_1_11_sums.ipynb": MINE, "lovelaceada_2_12_sums.ipynb": YOURS})
    assert submitted(course) == {}
    assert set(summary.refused.values()) == {
        "several people on the platform have the name of ada: give its own CSV file, which has their "
        "numbers, as --roster"
    }


def test_without_a_roster_the_gradebook_says_who_is_who(course):
    with Gradebook(course.db_url, "deep_learning") as gradebook:
        gradebook.db.add(Student(id="s1", first_name="Ada", last_name="Lovelace", email="ada@example.org"))
        gradebook.db.commit()
    assert results(gather(course, {f"{CANVAS_ADA}_sums.ipynb": MINE}, None)) == {"s1": "collected"}
    (course.folder.parent / "mails.csv").write_text(
        "Name,E-mail\nA. L.,ADA@example.org\nNew,new@example.org\n"
    )
    files = {
        "A. L._1_assignsubmission_file_/sums.ipynb": MINE,
        "New_2_assignsubmission_file_/sums.ipynb": YOURS,
    }
    assert results(gather(course, files, "mails.csv")) == {"s1": "unchanged", "new@example.org": "collected"}


def test_nobody_knows_who_is_in_the_class(course):
    with pytest.raises(
        GraderError, match="these are files from Canvas, and the gradebook has no students with names"
    ):
        gather(course, {f"{CANVAS_ADA}_sums.ipynb": MINE}, None)
    assert results(gather(course, {f"submitted/new/{NAME}/sums.ipynb": MINE}, None)) == {"new": "collected"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "names no students: its first line needs `id` or `email`"),
        ("name\nAda\n", "names no students"),
        ("id,name\n../ada,Ada\n", "line 2: '../ada' cannot be the id of a student"),
        ("id,name\n<b>ada,Ada\n", "line 2: '<b>ada' cannot be the id of a student"),
        ("id,name\nada,Ada\nada,Eve\n", "has two lines for the id 'ada': each student needs one"),
    ],
)
def test_a_roster_that_is_none(course, text, sentence):
    (course.folder.parent / "bad.csv").write_text(text)
    with pytest.raises(GraderError) as error:
        gather(course, {"ada.ipynb": MINE}, "bad.csv")
    assert sentence in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_rosters_of_spreadsheets(course, encoding, separator):
    text = ROSTER.replace(",", separator)
    (course.folder.parent / "sheet.csv").write_text(text, encoding=encoding)
    assert results(gather(course, {"Zoe Nunez.ipynb": MINE}, "sheet.csv")) == {"zoe": "collected"}


# ---- several submissions of one student


def older(course):
    """Notebooks that were kept beside a submission of ada."""
    return [
        content
        for name, content in submitted(course).items()
        if name.startswith(f"ada/{NAME}.older/") and "ipynb" in name
    ]


def test_the_newest_is_taken_and_the_older_kept(course):
    files = {"lovelaceada_1_12_sums-1.ipynb": YOURS, "lovelaceada_1_11_sums.ipynb": MINE}
    summary = gather(course, files)
    assert (submitted(course)[f"ada/{NAME}/sums.ipynb"], older(course)) == (YOURS, [MINE])
    [note] = notes(summary)
    said = "lovelaceada_1_11_sums.ipynb is another submission: kept in submitted/ada/01_sums.older/"
    assert note.startswith(said)
    assert gather(course, files).outcomes[0].what == "unchanged"
    assert older(course) == [MINE]


def test_packed_later_is_newer(course):
    files = {
        f"{MOODLE_ADA}/01_sums-2026-11-20-140300.zip": zipped({f"{NAME}/sums.ipynb": MINE}),
        f"{MOODLE_ADA}/01_sums-2026-11-20-140301 (1).zip": zipped({f"{NAME}/sums.ipynb": YOURS}),
    }
    summary = gather(course, files)
    assert (submitted(course)[f"ada/{NAME}/sums.ipynb"], older(course)) == (YOURS, [MINE])
    assert "which of the submissions is the newest is not known: look at them" not in notes(summary)


def test_which_is_newer_is_not_known(course):
    summary = gather(course, {f"{MOODLE_ADA}/sums.ipynb": MINE, f"{MOODLE_ADA}/final.ipynb": YOURS})
    assert (submitted(course)[f"ada/{NAME}/sums.ipynb"], older(course)) == (MINE, [YOURS])
    assert "which of the submissions is the newest is not known: look at them" in notes(summary)


def test_the_same_notebook_twice_is_one_submission(course):
    summary = gather(
        course, {f"{MOODLE_ADA}/sums.ipynb": MINE, f"{MOODLE_ADA}/a.zip": zipped({"sums.ipynb": MINE})}
    )
    assert (results(summary), notes(summary), older(course)) == ({"ada": "collected"}, [], [])


def test_files_beside_go_with_the_submission(course):
    files = {
        f"{CANVAS_ADA}_sums-2.ipynb": MINE,
        "lovelaceada_9001_7002_helper-2.py": b"x = 1",
        "lovelaceada_9001_7003_photo.jpg": b"jpg",
        "lovelaceada_9001_text.html": b"<p>",
    }
    assert gather(course, files).refused == {}
    assert sorted(submitted(course)) == [
        f"ada/{NAME}/{name}" for name in ("helper.py", "photo.jpg", "sums.ipynb", "text.html")
    ]


def test_several_notebooks_in_one_zip(course):
    inner = zipped({"sums.ipynb": MINE, "sums-Copy1.ipynb": YOURS, "other.ipynb": OTHER_CHAPTER})
    summary = gather(course, {f"{MOODLE_ADA}/a.zip": inner})
    assert (summary.refused, older(course)) == ({}, [OTHER_CHAPTER, YOURS])
    assert f"sums-Copy1.ipynb in {MOODLE_ADA}/a.zip is another submission" in "".join(notes(summary))
    there = submitted(course)
    assert (there[f"ada/{NAME}/sums.ipynb"], there[f"ada/{NAME}/other.ipynb"]) == (MINE, OTHER_CHAPTER)


def test_of_files_with_one_name_none_is_lost(course):
    inner = zipped(
        {f"{NAME}/final.ipynb": MINE, f"{NAME}/sums.ipynb": OTHER_CHAPTER, f"{NAME}/a.py": b"1", "a.py": b"2"}
    )
    gather(course, {f"{MOODLE_ADA}/a.zip": inner, f"{MOODLE_ADA}/a.py": b"3", f"{MOODLE_ADA}/b.py": b"4"})
    folder = f"ada/{NAME}"
    assert submitted(course) == {
        f"{folder}/sums.ipynb": MINE,
        f"{folder}/more/sums.ipynb": OTHER_CHAPTER,
        f"{folder}/a.py": b"1",
        f"{folder}/more/a.py": b"2",
        f"{folder}/more/more/a.py": b"3",
        f"{folder}/b.py": b"4",
    }


# ---- what is in submitted/ already


def test_what_is_there_is_not_overwritten(course):
    gather(course, {"ada.ipynb": MINE})
    summary = gather(course, {"ada.ipynb": YOURS})
    assert results(summary) == {"ada": "NOT TAKEN"}
    assert summary.refused["ada.ipynb"] == (
        "submitted/ada/01_sums holds something else: --update replaces it by what is newer"
    )
    assert submitted(course)[f"ada/{NAME}/sums.ipynb"] == MINE


def handed_in(minute, content):
    return {f"ps1_ada_attempt_2026-11-20-14-{minute:02}-00_sums.ipynb": content}


def test_update_takes_what_is_newer_and_keeps_what_was_there(course):
    gather(course, handed_in(3, MINE), zone="UTC")
    summary = gather(course, handed_in(4, YOURS), zone="UTC", update=True)
    assert results(summary) == {"ada": "updated"}
    assert (submitted(course)[f"ada/{NAME}/sums.ipynb"], older(course)) == (YOURS, [MINE])
    assert stamp(course) == "2026-11-20 14:04:00 UTC"
    summary = gather(course, handed_in(3, MINE), zone="UTC", update=True)
    assert list(summary.refused.values()) == [
        "submitted/ada/01_sums holds what was handed in later, at 2026-11-20 14:04:00 UTC"
    ]
    assert submitted(course)[f"ada/{NAME}/sums.ipynb"] == YOURS


def test_update_without_times_says_that_nobody_knows(course):
    gather(course, {"ada.ipynb": MINE})
    summary = gather(course, {"ada.ipynb": YOURS}, update=True)
    assert results(summary) == {"ada": "updated"}
    assert notes(summary)[-1] == "which of the two is newer is not known: look at them"
    assert older(course) == [MINE]


def test_another_time_for_the_same_files(course):
    gather(course, handed_in(3, MINE), zone="UTC")
    summary = gather(course, handed_in(4, MINE), zone="UTC")
    assert notes(summary) == [
        "timestamp.txt says 2026-11-20 14:03:00 UTC, and the platform 2026-11-20 14:04:00 UTC: "
        "--update writes the latter"
    ]
    assert stamp(course) == "2026-11-20 14:03:00 UTC"
    assert results(gather(course, handed_in(4, MINE), zone="UTC", update=True)) == {"ada": "time updated"}
    assert stamp(course) == "2026-11-20 14:04:00 UTC"


# ---- what is not taken


def linked(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("upload", "reason"),
    [
        ({"sums.ipynb": OTHER_CHAPTER}, "it is a notebook of 02_other, not of 01_sums"),
        ({"sums.ipynb": notebook(cells=[new_code_cell("1")])}, "it has no exercise of 01_sums"),
        ({"sums.ipynb": b"{ broken"}, "it is no notebook: it is not JSON"),
        ({"sums.ipynb": b""}, "it is no notebook: the file is empty"),
        ({"sums.pdf": b"%PDF"}, "no notebook of the chapter came with it"),
        ({"a.zip": b"PK\x03\x04broken"}, "it is no zip"),
        ({"a.zip": b"Rar!\x1a\x07"}, "it is a RAR archive: ask for a zip"),
        ({"a.7z": b"7z\xbc\xaf"}, "it is a 7z archive: ask for a zip"),
        ({"a.zip": zipped({"sums.ipynb": OTHER_CHAPTER})}, "it is a notebook of 02_other, not of 01_sums"),
        ({"a.zip": zipped({"readme.txt": b"1"})}, "there is no notebook in the zip"),
        (
            {"a.zip": zipped({"b.zip": zipped({"sums.ipynb": MINE})})},
            "there is no notebook in the zip, only another zip",
        ),
        ({"a.zip": zipped({"../sums.ipynb": MINE})}, "its name leads out of the folder"),
        ({"a.zip": zipped({"/etc/sums.ipynb": MINE})}, "its name leads out of the folder"),
        ({"a.zip": zipped({"C:\\sums.ipynb": MINE})}, "its name leads out of the folder"),
        ({"a.zip": zipped({linked("sums.ipynb"): b"/etc/passwd"})}, "it is a link or no regular file"),
    ],
)
def test_what_cannot_be_taken_is_told_with_a_reason(course, upload, reason):
    summary = gather(course, {f"{MOODLE_ADA}/{name}": content for name, content in upload.items()})
    assert any(why.startswith(reason) for why in summary.refused.values()), summary.refused
    assert results(summary) == {"ada": "NOT TAKEN"}
    assert submitted(course) == {}
    assert not (course.folder.parent / "sums.ipynb").exists()


@pytest.mark.parametrize("name", ["../ada.ipynb", "/ada.ipynb", "..\\ada.ipynb"])
def test_names_that_lead_out_of_the_platforms_zip(course, name):
    summary = gather(course, {name: MINE, "zoe.ipynb": MINE})
    assert list(summary.refused.values()) == ["its name leads out of the folder"]
    assert results(summary) == {"zoe": "collected"}


def test_one_bad_file_in_a_zip_does_not_cost_the_others(course):
    inner = zipped({"sums.ipynb": MINE, "../helper.py": b"1", "good.py": b"2"})
    summary = gather(course, {f"{MOODLE_ADA}/a.zip": inner})
    assert summary.refused == {f"{MOODLE_ADA}/a.zip: ../helper.py": "its name leads out of the folder"}
    assert sorted(submitted(course)) == [f"ada/{NAME}/good.py", f"ada/{NAME}/sums.ipynb"]


def test_a_bomb_is_stopped_whatever_it_says_about_its_size(course, monkeypatch):
    monkeypatch.setattr(uploads, "LIMIT", 100_000)
    bomb = zipped({"sums.ipynb": MINE, "bomb.csv": b"0" * 1_000_000})
    at = bomb.rindex(b"PK\x01\x02")
    lying = bomb[: at + 24] + struct.pack("<I", 10) + bomb[at + 28 :]  # the size in the directory
    for upload in (bomb, lying):
        summary = gather(course, {f"{MOODLE_ADA}/a.zip": upload}, update=True)
        assert list(summary.refused) == [f"{MOODLE_ADA}/a.zip: bomb.csv"]
        assert results(summary)["ada"] in ("collected", "unchanged")
    assert sorted(submitted(course)) == [f"ada/{NAME}/sums.ipynb"]


def test_too_many_files(course, monkeypatch):
    monkeypatch.setattr(uploads, "MOST_FILES", 3)
    inner = zipped({"sums.ipynb": MINE} | {f"{k}.txt": b"1" for k in range(5)})
    summary = gather(course, {f"{MOODLE_ADA}/a.zip": inner})
    assert list(summary.refused.values()) == ["a submission has at most 3 files"] * 3
    assert len(submitted(course)) == 3


def test_a_damaged_member_is_told(course):
    inner = bytearray(zipped({"sums.ipynb": MINE}))
    inner[60] ^= 0xFF
    summary = gather(course, {f"{MOODLE_ADA}/a.zip": bytes(inner)})
    assert next(iter(summary.refused.values())).startswith("it is broken (")


def test_a_zip_with_a_password_is_told(course):
    inner = bytearray(zipped({"sums.ipynb": MINE}))
    inner[6] |= 1
    inner[inner.rindex(b"PK\x01\x02") + 8] |= 1
    summary = gather(course, {f"{MOODLE_ADA}/a.zip": bytes(inner)})
    assert "it is locked with a password: ask for a zip without one" in summary.refused.values()


def test_a_name_twice_in_a_zip(course):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("ada.ipynb", MINE)
        archive.writestr("ada.ipynb", YOURS)
    summary = gather(course, made.getvalue())
    assert summary.refused == {"ada.ipynb (again)": "a file of the same name comes before it in the zip"}
    assert submitted(course)[f"ada/{NAME}/sums.ipynb"] == MINE


def test_names_in_utf8_that_does_not_say_so(course):
    name = "núñezzoë_9002_7003_sums.ipynb".encode()
    content = zipped({"x" * len(name): MINE}).replace(b"x" * len(name), name)
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() != [name.decode()]
    summary = gather(course, content)
    assert (results(summary), summary.refused) == ({"zoe": "collected"}, {})


def test_what_archives_leave_behind_is_passed_by(course):
    files = {
        "ada.ipynb": MINE,
        "__MACOSX/._ada.ipynb": b"1",
        ".DS_Store": b"1",
        "ada/.ipynb_checkpoints/sums.ipynb": YOURS,
    }
    assert gather(course, files).refused == {}


def test_a_file_that_is_named_unlike_the_others(course):
    summary = gather(
        course,
        {
            f"{MOODLE_ADA}/sums.ipynb": MINE,
            "Zoë_102_assignsubmission_file_/sums.ipynb": MINE,
            "x.ipynb": MINE,
        },
    )
    assert summary.refused["x.ipynb"] == "it is not named as files from Moodle, and the other files are"


def test_a_submission_at_the_wrong_level(course):
    files = {f"submitted/ada/{NAME}/sums.ipynb": MINE, "submitted/zoe/sums.ipynb": MINE}
    summary = gather(course, files)
    assert summary.refused == {
        "submitted/zoe/sums.ipynb": "it is not named STUDENT/01_sums/..., and the other files are"
    }


def test_a_disk_that_cannot_be_written_to_is_told(course):
    (course.folder / "submitted").write_text("a file in the place of the folder")
    summary = gather(course, {"ada.ipynb": MINE})
    assert summary.refused["ada.ipynb"].startswith("it cannot be written (")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "there is no"),
        (b"id,name", "cannot be opened: it is no zip"),
        (zipped({}), "there are no files in"),
    ],
)
def test_a_source_that_is_none(course, content, sentence):
    source = course.folder.parent / "some.zip"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(GraderError, match=sentence):
        collect.collect(course, source, NAME, Options(course.folder.parent / "roster.csv"))


def test_a_notebook_whose_cells_lost_their_metadata_is_of_the_chapter(course):
    bare = nbformat.reads(MINE.decode(), as_version=4)
    for cell in bare.cells:
        cell.metadata = {}
    assert results(gather(course, {"ada.ipynb": nbformat.writes(bare).encode()})) == {"ada": "collected"}


# ---- the command


def test_the_command_prints_a_table_and_what_was_not_taken(course, monkeypatch, capsys):
    monkeypatch.chdir(course.folder)
    source = course.folder.parent / "download.zip"
    source.write_bytes(
        zipped({f"{MOODLE_ADA}/homework.ipynb": MINE, "Eve_9_assignsubmission_file_/sums.ipynb": MINE})
    )
    asked = ["collect", str(source), NAME, "--roster", "../grading.csv", "--timezone", "UTC"]
    assert __main__.main([*asked, "--dry-run"]) == 1
    assert capsys.readouterr().out.endswith(
        "1 collected, 1 file NOT TAKEN (a dry run: nothing was written)\n"
    )
    assert __main__.main(asked) == 1
    assert capsys.readouterr().out.splitlines() == [
        "Files from Moodle; times are UTC.",
        "student  as uploaded   handed in                result",
        "ada      Ada Lovelace  2026-11-20 14:03:00 UTC  collected",
        "    homework.ipynb was taken as sums.ipynb",
        "Not taken:",
        "    Eve_9_assignsubmission_file_/sums.ipynb: nobody in grading.csv is called 'Eve'",
        "01_sums: 1 collected, 1 file NOT TAKEN",
    ]
    source.write_bytes(zipped({f"{MOODLE_ADA}/homework.ipynb": MINE}))
    assert __main__.main(asked) == 0


def test_the_table_of_the_command_has_straight_columns_whatever_the_script(course):
    (course.folder.parent / "names.csv").write_text(
        "id,name\n王,王小明\nada,Ada Lovelace\n", encoding="utf-8"
    )
    files = {"王 小明_1_assignsubmission_file_/sums.ipynb": MINE, f"{MOODLE_ADA}/sums.ipynb": MINE}
    lines = list(collect.told(gather(course, files, "names.csv"), NAME, False))
    assert lines[1:4] == [
        "student  as uploaded   handed in  result",
        "ada      Ada Lovelace  not known  collected",
        "王       王 小明       not known  collected",
    ]
