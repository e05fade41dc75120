"""What an instructor reads in the class report."""

import os
import re

import pytest

from course_grader.course import GraderError
from course_grader.pages.report import Bar, distribution, write_report
from tests.course_grader.classes import graded_class, printed, record, small_chapter
from tests.course_grader.test_copies import odd
from tests.course_grader.test_feedback import ATTACK, Page

NAME = "01_sums"
RIGHT = [record("adds"), record("adds large numbers")]
WRONG = [record("adds"), record("adds large numbers", 1, "large numbers stay `small`", mistake="stay-small")]
UNDONE = [
    record("adds", 1, "not done yet", status="not done"),
    record("adds large numbers", 1, "it is too small", mistake="stay-small", hidden=True),
]


@pytest.fixture
def class_(tmp_path):
    return graded_class(tmp_path, NAME, small_chapter())


def report_of(class_, **options) -> Page:
    return Page(write_report(class_.course, NAME, **options).read_text(encoding="utf-8"))


def test_where_it_is(class_):
    class_.add("ann")
    path = write_report(class_.course, NAME)
    assert path == class_.course.folder / "reports" / f"{NAME}.html"
    assert os.listdir(path.parent) == [f"{NAME}.html"]


def test_the_class_in_numbers(class_):
    for student, marks in {"ann": 2, "bob": 0.5, "eve": 1}.items():
        class_.add(student, outputs={"test_add": RIGHT}, manual={"why": marks}, penalty=1)
    page = report_of(class_)
    assert page.says("3 submissions") and page.says("2 median of 7 points") and page.says("1.5 – 3")
    assert "for your marks" not in page.text


def test_what_waits_for_a_mark(class_):
    class_.add("ann", manual={"why": 1})
    class_.add("bob")
    page = report_of(class_)
    assert page.says("1 waits for your marks") and page.says("1 some, 1 not marked")


def test_hardest_exercises_first_with_what_most_are_told(class_):
    right, wrong = record("doubles", 3), record("doubles", 3, "no")
    for student, add, twice in (("ann", WRONG, right), ("bob", WRONG, right), ("eve", UNDONE, wrong)):
        class_.add(student, outputs={"test_add": add, "test_twice": [twice]}, manual={"why": 2})
    page = report_of(class_)
    assert page.says("Exercise 1.1: add 33 % of its points earned")
    assert page.says("2 of 2 who tried fail “adds large numbers”. Told most often:")
    assert page.says("large numbers stay small") and page.says("2 some, 1 not done")
    assert page.says("Exercise 1.2: twice 67 % of its points earned")
    table = page.text[page.text.index("Exercises, hardest first") :]
    order = [table.index(title) for title in ("1.1", "1.2", "1.3", "free")]
    assert order == sorted(order)
    assert page.says("free – of 0")


def test_an_exercise_that_all_know_is_not_hard(class_):
    everything = {"test_add": RIGHT, "test_twice": [record("doubles", 3)]}
    class_.add("ann", outputs=everything, manual={"why": 2})
    page = report_of(class_)
    for text in ("Nothing stands out", "No check failed.", "Nobody made a mistake"):
        assert page.says(text)


def test_a_written_answer_is_hard_once_half_of_them_are_marked(class_):
    right = {"test_add": RIGHT, "test_twice": [record("doubles", 3)]}
    for student in ("ann", "bob"):
        class_.add(student, outputs=right)
    class_.add("eve", outputs=right, manual={"why": 0.5})
    assert report_of(class_).says("Nothing stands out")
    class_.add("dan", outputs=right, manual={"why": 0.5})
    assert report_of(class_).says("Exercise 1.3: in your own words 25 % of its points earned")


def test_cases_that_fail_most_often(class_):
    twice = record("doubles", 3, "no")
    class_.add("ann", outputs={"test_add": WRONG, "test_twice": [twice]})
    class_.add("bob", outputs={"test_add": RIGHT, "test_twice": [twice]})
    class_.add("eve", outputs={"test_add": UNDONE, "test_twice": [twice]})
    page = report_of(class_)
    table = page.text[page.text.index("Checks that fail most often") :]
    assert "doubles 3 of 3" in table and "adds large numbers 1 of 2" in table
    assert table.index("doubles") < table.index("adds large numbers")
    assert page.folds("ann, bob, eve")


def test_a_known_mistake_counts_once_per_student(class_):
    again = record("adds", 1, "large numbers stay `small`", mistake="stay-small")
    class_.add("ann", outputs={"test_add": [again, WRONG[1]]})
    class_.add("bob", outputs={"test_add": WRONG})
    class_.add("eve", outputs={"test_twice": [record("doubles", 3, "halved", mistake="halved")]})
    page = report_of(class_)
    table = page.text[page.text.index("Known mistakes") :]
    assert re.search("2 large numbers stay small.*1 halved", table)


def test_what_did_not_run_through_and_what_needs_review(class_):
    class_.add("ann", notes={"reason": "Cell 3 took too long.\nThe rest ran.", "seconds": 31.5})
    class_.add("bob", notes={"flags": ["`check` was replaced"], "seconds": 0.25}, last_name="Baker")
    class_.add("eve")
    page = report_of(class_)
    assert page.says("1 to look at") and page.says("look ann 0 Cell 3 took too long. The rest ran.")
    assert page.says("1 to review") and page.says("Baker (bob) 0 check was replaced")
    assert page.says("ann 31.5 Baker (bob) 0.2")


def test_a_class_without_trouble_has_no_such_sections(class_):
    class_.add("ann")
    page = report_of(class_)
    for heading in ("Whom to look at", "To review", "Slowest"):
        assert heading not in page.text


def copied_class(class_):
    """Thirty students, of whom two share three odd answers."""
    names = ("add", "twice", "free")
    for n in range(30):
        own = {name: odd(1000 * (n + 1) + i) for i, name in enumerate(names)}
        class_.add(f"s{n:02}", own if n not in (4, 17) else {name: odd(i) for i, name in enumerate(names)})


def test_a_copied_pair_is_found_and_explained(class_):
    copied_class(class_)
    page = report_of(class_)
    assert page.says("1 pair alike") and page.says("s04 and s17 : 3 answers alike")
    assert page.says("This proves nothing.")
    assert page.folds("2 of 30 students have this answer") and page.folds("the same to the letter")


def test_equal_short_answers_are_no_pair(class_):
    for n in range(30):
        answers = {"add": "def add(a, b):\n    return a + b", "twice": "def twice(x):\n    return 2 * x"}
        class_.add(f"s{n:02}", answers, outputs={"test_add": RIGHT})
    assert report_of(class_).says("No pair stands out.")


def test_untouched_answers_are_no_pair(class_):
    for n in range(30):
        answers = dict.fromkeys(("add", "twice", "free"), odd(1 if n < 2 else n))
        class_.add(f"s{n:02}", answers, outputs={f"test_{name}": UNDONE for name in answers})
    assert report_of(class_).says("No pair stands out.")


def test_without_names(class_):
    copied_class(class_)
    person = {"first_name": "Xenia", "last_name": "Quillfeather", "email": "xq77@example.org"}
    told = "your code stopped with OSError: /mnt/quillfeather/x4711_old, by XENIA <xq77@example.org>"
    class_.add(
        "x4711",
        {name: f"# {told}\n{odd(i)}" for i, name in enumerate(("add", "twice", "free"))},
        outputs={"test_add": [printed(told), record("adds", 1, told, mistake="m")]},
        notes={"reason": f"{told}.", "flags": [told, f"{'-' * 395} Quillfeather"], "seconds": 3},
        **person,
    )
    named, page = report_of(class_), report_of(class_, anonymous=True)
    for name in ("x4711", "xenia", "quillfeather", "xq77", "s04", "s17", "quil"):
        assert name in named.source.lower()
        assert name not in page.source.lower()
    assert page.says("without names") and page.says("OSError: /mnt/[name]/[name]_old, by [name]")
    assert page.text.count("Student ") > 5


def test_pseudonyms_stay_and_do_not_follow_the_ids(class_):
    for n in range(40):
        class_.add(f"s{n:02}", notes={"seconds": float(n)})
    first, second = report_of(class_, anonymous=True), report_of(class_, anonymous=True)
    numbers = [int(number) for number in re.findall(r"Student (\d+) ", first.text)]
    assert first.source == second.source
    assert len(set(numbers)) == 10 and numbers != sorted(numbers) and numbers != sorted(numbers, reverse=True)


def test_short_ids_are_not_cut_out_of_the_sentences(class_):
    class_.add("3", outputs={"test_add": [record("adds", 1, "expected 3, found 4")]})
    assert report_of(class_, anonymous=True).says("expected 3, found 4")


def test_nothing_of_a_student_becomes_html(class_):
    class_.add(
        "<i>ann",
        {"add": ATTACK},
        outputs={"test_add": [record(ATTACK, 1, f"`{ATTACK}`", mistake=ATTACK)]},
        notes={"reason": ATTACK, "flags": [ATTACK], "seconds": 1},
        last_name=ATTACK,
    )
    page = report_of(class_)
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    targets = [value for _, a in page.tags for name, value in a.items() if name in ("href", "src", "action")]
    assert all(target.startswith("#") for target in targets)
    assert page.text.count("<script>") >= 5


def test_one_student_without_any_record(class_):
    class_.add("ann")
    page = report_of(class_)
    assert page.says("1 submission 0 median of 7 points")
    assert page.says("The class is too small to say anything.")


def test_an_assignment_without_points(tmp_path):
    chapter = small_chapter()
    chapter.cells = [cell for cell in chapter.cells if "free" in cell.id]
    class_ = graded_class(tmp_path, NAME, chapter)
    class_.add("ann", outputs={"test_free": [record("is there", 0)]})
    page = report_of(class_)
    assert page.says("This assignment has no points.") and page.says("0 median of 0 points")


def test_nobody_graded(class_):
    with pytest.raises(GraderError, match=f"nobody is graded for {NAME}: run `course-grader grade"):
        write_report(class_.course, NAME)


def test_the_distribution_has_whole_points_and_counts_everyone():
    scores = [0, 2.9, 3, 27.5, 28, 29]
    bars = distribution(scores, 28)
    assert (bars[0], bars[1], bars[-1]) == (Bar(0, 3, 2), Bar(3, 6, 1), Bar(27, 28, 3))
    assert sum(bar.count for bar in bars) == len(scores)
    assert distribution([1.5, 2], 2) == [Bar(0, 1, 0), Bar(1, 2, 2)]
    assert distribution([0.5], 0.5) == [Bar(0, 0.5, 1)]
    assert distribution([0], 0) == []


def test_the_picture_has_a_bar_for_each_step_and_names_its_axes(class_):
    class_.add("ann", outputs={"test_add": RIGHT})
    class_.add("bob")
    page = report_of(class_)
    bars = [attributes for tag, attributes in page.tags if tag == "rect"]
    assert len(bars) == 7
    assert [float(bar["height"]) > 0 for bar in bars] == [True, False, True, False, False, False, False]
    assert page.says("points students")
