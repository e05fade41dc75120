"""What a student reads in the feedback, and what nobody may read there."""

import base64
import os
from html.parser import HTMLParser

import nbformat
import pytest
from nbformat.v4 import new_output

from course_format.cells import is_test, nbgrader
from course_format.chapter import chapters
from course_grader.course import Course, GraderError
from course_grader.pages.feedback import DRAWN, LONGEST_PRINT, write_feedback
from course_grader.pages.leaks import LEFT_OUT
from tests.course_grader.classes import graded_class, printed, record, small_chapter
from tests.leaks import secret_lines

NAME = "01_sums"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"picture" * 5).decode()
ATTACK = '<script>alert("x")</script><img src=x onerror=alert(1)>'


class Page(HTMLParser):
    """A page as a browser would take it: its texts, where they stand, and its tags."""

    def __init__(self, source: str):
        super().__init__()
        self.source, self.tags, self.folded, self.open = source, [], [], []
        self._inside = []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("span", "b", "code"):
            self.handle_data(" ")
        if tag in ("style", "title", "summary") or (tag == "details" and "open" not in dict(attributes)):
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data):
        if not {"style", "title"} & set(self._inside):
            visible = self._inside in ([], ["summary"], ["details", "summary"])
            (self.open if visible else self.folded).append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.open + self.folded).split())

    def says(self, text: str) -> bool:
        """Whether a text is read without opening anything."""
        return text in " ".join("".join(self.open).split())

    def folds(self, text: str) -> bool:
        return text in " ".join("".join(self.folded).split())


@pytest.fixture
def class_(tmp_path):
    return graded_class(tmp_path, NAME, small_chapter())


def page_of(class_, student="ann", **graded) -> Page:
    class_.add(student, **graded)
    (path,) = write_feedback(class_.course, class_.assignment, [student])
    return Page(path.read_text(encoding="utf-8"))


def test_where_the_pages_are(class_):
    for student in ("bob", "ann", "eve"):
        class_.add(student)
    folder = class_.course.folder
    paths = [folder / "feedback" / student / NAME / "sums.html" for student in ("ann", "bob", "eve")]
    assert write_feedback(class_.course, NAME, ["bob"]) == [paths[1]]
    assert not paths[0].exists()
    assert write_feedback(class_.course, NAME) == paths
    assert os.listdir(paths[0].parent) == ["sums.html"]


def test_points_of_exercises_and_in_all(class_):
    page = page_of(
        class_,
        outputs={"test_add": [record("adds", 1), record("adds large numbers", 1, "too small")]},
        manual={"why": 1.5},
    )
    assert page.says("2.5 of 7 points")
    assert page.says("1 of 2 points") and page.says("1.5 of 2 points") and page.says("0 of 3 points")
    assert page.says("0 of 0 points")
    assert "so far" not in page.text


def test_the_late_penalty_is_told_and_taken_off(class_):
    page = page_of(class_, outputs={"test_twice": [record("doubles", 3)]}, manual={"why": 0}, penalty=1)
    assert page.says("2 of 7 points")
    assert page.says("1 point was taken off because the work was handed in late")


def test_a_penalty_takes_no_more_than_there_is(class_):
    assert page_of(class_, penalty=10).says("0 of 7 points")


def test_failed_checks_are_open_and_passed_ones_folded(class_):
    page = page_of(
        class_,
        outputs={
            "test_add": [record("adds"), record("adds large numbers", 1, "it is `too` small", hidden=True)]
        },
    )
    assert page.says("adds large numbers") and page.says("it is too small") and page.says("hidden check")
    assert page.folds("adds (1 of 1)")
    assert page.says("1 of 2 checks to look at")
    assert ("code", {}) in page.tags


def test_an_exercise_that_is_not_done(class_):
    undone = [record("adds", message="not done yet", status="not done")]
    page = page_of(class_, outputs={"test_add": undone}, answers={"add": "raise check.NotDoneYet"})
    assert page.says("not done yet") and page.says("the 1 check has nothing to look at")


def test_unanswered_claim_cards_are_not_done_though_their_hidden_checks_fail(class_):
    answered = record("answered", 0, "not done yet", status="not done")
    right = record("right", 2, "2 are not right yet", hidden=True)
    page = page_of(class_, outputs={"test_add": [answered, right]})
    assert page.says("not done yet") and "not right yet" not in page.text


def test_a_half_done_exercise_shows_what_is_wrong_with_its_half(class_):
    undone = record("adds large numbers", message="not done yet", status="not done")
    page = page_of(class_, outputs={"test_add": [record("adds", 1, "it subtracts"), undone]})
    assert page.says("it subtracts") and page.says("2 of 2 checks to look at")


def test_the_students_code_is_shown_with_line_numbers(class_):
    page = page_of(class_, answers={"add": "def add(a, b):\n    return a"})
    assert page.says("def add(a, b): return a")
    assert sum(attributes.get("class") == "line" for _, attributes in page.tags) == 2


def test_a_written_answer_that_waits(class_):
    page = page_of(class_, answers={"why": "Because **both** count `a` and b."})
    assert page.says("Why is $a + b = b + a$?") and page.says("Because both count a and b.")
    assert page.says("Not marked yet.") and page.says("points so far")
    assert page.says("2 more points wait for your instructor to mark.")


def test_a_written_answer_that_is_marked(class_):
    page = page_of(
        class_, answers={"why": "Because."}, manual={"why": 1}, comments={"why": "Say more.\nWhy <so>?"}
    )
    assert page.says("1 of 2 points") and page.says("Your instructor says Say more. Why <so>?")
    assert "ot marked yet" not in page.text


def test_no_written_answer(class_):
    assert page_of(class_).says("There is no answer.")


def test_a_comment_and_points_of_a_person_on_code(class_):
    page = page_of(
        class_,
        outputs={"test_add": [record("adds", 1), record("adds large numbers", 1, "too small")]},
        manual={"test_add": 2},
        comments={"add": "The test was too strict."},
    )
    assert page.says("2 of 2 points") and page.says("The test was too strict.")
    assert page.says("Your instructor set the points of this exercise; the checks gave 1.")


def test_extra_points(class_):
    class_.add("ann", outputs={"test_add": [record("adds", 2)]})
    with class_.gradebook() as gradebook:
        gradebook.find_grade("test_add", "sums", NAME, "ann").extra_credit = 0.5
        gradebook.db.commit()
    (path,) = write_feedback(class_.course, NAME)
    page = Page(path.read_text(encoding="utf-8"))
    assert page.says("2.5 of 2 points") and page.says("With 0.5 extra from your instructor.")


def test_reasons_are_told_and_flags_are_not(class_):
    notes = {"reason": "Cell 3 took too long.\nThe rest ran.", "flags": ["`check` was replaced"]}
    page = page_of(class_, notes=notes)
    assert page.says("What was not as expected when your work was graded") and page.says(
        "Cell 3 took too long."
    )
    assert "replaced" not in page.source


def test_a_reason_names_the_exercise_by_its_title(class_):
    page = page_of(class_, notes={"reason": "test_add: this cell was stopped after 30 seconds"})
    assert page.says("Exercise 1.1: add: this cell was stopped after 30 seconds")
    assert page.says("Look for a loop that never ends.")


def test_points_that_nobody_has_given_yet_are_up_to(class_):
    page = page_of(class_)
    assert page.says("up to 2 points") and "– of" not in page.text


def test_a_test_that_broke_off_keeps_its_records(class_):
    error = new_output("error", ename="Timeout", evalue="stopped after 30 seconds", traceback=["line 3 <b>"])
    page = page_of(class_, outputs={"test_add": [record("adds"), error]})
    assert page.says("did not come to its end") and page.says("stopped after 30 seconds")
    assert page.folds("adds") and "line 3" not in page.text


def test_missing_records_and_cells(class_):
    path = class_.add("ann")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = notebook.cells[:2]
    del notebook.metadata["course_grader"]
    nbformat.write(notebook, path)
    (made,) = write_feedback(class_.course, NAME)
    page = Page(made.read_text(encoding="utf-8"))
    assert page.says("no check of this exercise left a result") and page.says("no check ran")
    assert page.says("is not in the notebook that you handed in")
    assert page.says("There is no answer.")


def test_malformed_records_are_left_out(class_):
    bad = [record("no number", "many"), record("odd", status="great"), record("endless", float("nan"))]
    for data in bad:
        data["earned"] = 0
    page = page_of(class_, outputs={"test_add": [*bad, record("adds")]})
    assert page.folds("adds")
    assert not any(text in page.text for text in ("no number", "odd", "endless"))


def test_prints_are_shown_folded_and_cut(class_):
    page = page_of(class_, outputs={"test_add": [printed("hello\n"), printed("9" * 10**6), record("adds")]})
    assert page.folds("hello") and page.folds("... and more, which is left out here")
    assert len(page.source) < 40_000 + LONGEST_PRINT


NOT_SHOWN = "What your code printed in hidden checks is not shown."
VISIBLE, HIDDEN = record("adds"), record("adds large numbers", hidden=True)


def shows(text):
    return new_output("display_data", data={"text/plain": text})


@pytest.mark.parametrize(
    ("outputs", "shown", "told"),
    [
        ([printed("it is 3"), VISIBLE, HIDDEN], "it is 3", False),
        ([printed("it is 3"), VISIBLE, printed("secret"), HIDDEN], "it is 3", True),
        ([printed("it is 3"), VISIBLE, shows("secret"), HIDDEN], "it is 3", True),
        ([shows("it is 3"), VISIBLE, HIDDEN, printed("secret")], "it is 3", True),
        ([VISIBLE, printed("secret"), HIDDEN, printed("secret"), record("a third")], "", True),
        ([printed("it is 3"), VISIBLE, printed("secret")], "it is 3", True),
        ([printed("secret")], "", True),
        ([VISIBLE, printed("\n"), HIDDEN], "", False),
    ],
    ids=["visible", "hidden", "displayed", "at the end", "later", "broken off", "no record", "an empty line"],
)
def test_what_was_printed_in_hidden_cases_is_not_shown(class_, outputs, shown, told):
    page = page_of(class_, outputs={"test_add": outputs})
    assert "secret" not in page.source
    assert (NOT_SHOWN in page.text) == told
    assert page.folds(shown)
    assert ("during the test" in page.text) == bool(shown)


def test_a_test_without_hidden_cases_shows_all_that_was_printed(class_):
    page = page_of(class_, outputs={"test_twice": [record("doubles", 3), printed("at the end")]})
    assert page.folds("at the end") and NOT_SHOWN not in page.text


def test_nothing_of_the_student_becomes_html(class_):
    html_output = new_output("display_data", data={"text/html": ATTACK, "text/plain": ATTACK})
    script = new_output("display_data", data={"application/javascript": "alert(2)"})
    page = page_of(
        class_,
        student="<b>ann",
        first_name=ATTACK,
        answers={"add": f"x = '''{ATTACK}'''", "why": f"{ATTACK} [l](javascript:alert(1)) ![p](//x.org/p)"},
        outputs={
            "test_add": [printed(ATTACK), html_output, script, record(ATTACK, 1, f"`{ATTACK}`")],
            "add": [html_output, new_output("display_data", data={"image/svg+xml": "<svg onload=alert(3)>"})],
        },
        comments={"add": ATTACK},
        notes={"reason": ATTACK},
    )
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "svg", "form", "link", "base", "b2"}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert page.text.count("<script>") >= 6
    assert not page.source.count("<script")


def test_the_page_needs_nothing_from_outside(class_):
    page = page_of(class_, answers={"why": "<https://example.org> and http://example.org"})
    targets = [value for _, a in page.tags for name, value in a.items() if name in ("href", "src", "action")]
    assert targets and all(target.startswith("#") for target in targets)
    assert "url(" not in page.source and "@import" not in page.source
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "script" not in policy


def test_only_png_pictures_of_the_answer_are_shown(class_):
    def picture(kind, data):
        return new_output("display_data", data={kind: data, "text/plain": "<Figure>"})

    bad = [
        picture("image/jpeg", PNG),
        picture("image/png", '"><script>'),
        picture("image/png", base64.b64encode(b"<svg/>").decode()),
    ]
    page = page_of(
        class_,
        outputs={"add": [*bad, picture("image/png", PNG)], "test_add": [picture("image/png", PNG)]},
    )
    assert [a["src"] for tag, a in page.tags if tag == "img"] == [f"data:image/png;base64,{PNG}"]


def test_a_picture_has_its_own_alt_text_or_a_plain_one(class_):
    def picture(metadata):
        return new_output("display_data", data={"image/png": PNG, "text/plain": "x"}, metadata=metadata)

    secret = class_.chapter.cells[3].source.splitlines()[2]
    told = [
        {"image/png": {"alt": "The loss falls"}},
        {},
        {"image/png": {"alt": ["no text"]}},
        {"image/png": {"alt": secret}},
    ]
    page = page_of(class_, outputs={"add": [picture(metadata) for metadata in told]})
    alts = [a["alt"] for tag, a in page.tags if tag == "img"]
    assert alts == ["The loss falls", DRAWN, DRAWN, LEFT_OUT]


def test_a_model_answer_is_not_given_back(class_):
    model = class_.chapter.cells[-1].source
    page = page_of(class_, answers={"why": f"Well,\n{model}"})
    assert page.says("it repeats the model answer")
    assert "Counting does not care" not in page.text


def test_own_code_in_a_message_is_kept(class_):
    line = "return sum((a, b), start=0 * a)"
    message = f"your code stopped with TypeError\nin `add`, line 2 of its cell: {line}"
    answers = {"add": f"def add(a, b):\n    {line}"}
    page = page_of(class_, answers=answers, outputs={"test_add": [record("adds", 1, message)]})
    assert page.says(f"line 2 of its cell: {line}")


CHAPTERS = chapters()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])
def test_no_way_leads_a_hidden_test_into_the_page(chapter, tmp_path):
    """A student who has got hold of the tests prints them, raises them, and forges records with them."""
    solved = nbformat.read(chapter.solved, as_version=4)
    for cell in solved.cells:
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.outputs = []
    secret = sorted(secret_lines(chapter, "SOLUTION", "HIDDEN TESTS"))
    tests = [cell for cell in solved.cells if is_test(cell) and "### BEGIN HIDDEN TESTS" in cell.source]
    hidden = {nbgrader(cell)["grade_id"]: hidden_part(cell.source) for cell in tests}
    ways = [
        lambda source: [printed(source), record("prints")],
        lambda source: [*(printed(line + "\n") for line in source.splitlines()), record("prints")],
        lambda source: [record("raises", 1, f"your code stopped with ValueError: {source}")],
        lambda source: [record("raises", 1, f"your code stopped with KeyError: {source!r}")],
        lambda source: [record(source, 1, "it is wrong", hidden=True)],
        lambda source: [printed(repr(source.splitlines())), record("prints")],
        lambda source: [new_output("error", ename="E", evalue=source, traceback=[source])],
        lambda source: [
            new_output("display_data", data={"text/plain": source, "text/html": source}),
            record("shows"),
        ],
    ]
    outputs = {name: ways[n % len(ways)](source) for n, (name, source) in enumerate(hidden.items())}
    class_ = graded_class(tmp_path, chapter.name, solved)
    page = page_of(class_, outputs=outputs, notes={"reason": "the tests are\n" + "\n".join(secret)})
    assert [line for line in secret if line in page.source or line in page.text] == []
    assert page.text.count(LEFT_OUT) == len(hidden) + 1


def hidden_part(source: str) -> str:
    return source.split("### BEGIN HIDDEN TESTS\n")[1].split("### END HIDDEN TESTS")[0]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])
def test_each_hidden_line_alone_stays_out(chapter, tmp_path):
    solved = nbformat.read(chapter.solved, as_version=4)
    first = nbgrader(next(cell for cell in solved.cells if is_test(cell)))["grade_id"]
    for cell in solved.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    lines = sorted(secret_lines(chapter, "HIDDEN TESTS"))
    class_ = graded_class(tmp_path, chapter.name, solved)
    records = [record(f"case {n}", 0, f"I saw\n{line}\nin the test") for n, line in enumerate(lines[:50])]
    page = page_of(class_, outputs={first: records})
    assert page.text.count(LEFT_OUT) == len(records)


def test_nobody_graded(class_):
    with pytest.raises(GraderError, match=f"nobody is graded for {NAME}: run `course-grader grade {NAME}`"):
        write_feedback(class_.course, NAME)


def test_a_student_who_is_not_graded(class_):
    class_.add("ann")
    with pytest.raises(GraderError, match="bob is not graded"):
        write_feedback(class_.course, NAME, ["ann", "bob"])


def test_no_gradebook(class_):
    (class_.course.folder / "gradebook.db").unlink()
    with pytest.raises(GraderError, match="there is no gradebook"):
        write_feedback(Course(class_.course.folder), NAME)
    assert not (class_.course.folder / "gradebook.db").exists()


@pytest.mark.parametrize("content", [None, b"", b"[]", b"\xff", b'{"cells": 3}'])
def test_an_autograded_notebook_that_cannot_be_read(class_, content):
    path = class_.add("ann")
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GraderError, match=r"cannot read .*: grade again with .* --student ann"):
        write_feedback(class_.course, NAME)
