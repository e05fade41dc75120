"""Which pairs of students are listed as having answers that look copied."""

import time
import tracemalloc
from collections.abc import Iterator

import pytest

from course_grader.pages.copies import FEWEST, Answer, alike, normal_form

SOLUTION = """
def mean(rows):
    total = 0.0
    for row in rows:
        total += sum(row) / len(row)
    return total / len(rows)
"""
EXERCISES = ("first", "second", "third", "fourth")


def odd(number: int) -> str:
    """An answer that only this number gives."""
    return (
        f"def mean(rows):\n    numbers = [{number}]\n    for row in rows:\n        numbers.append(sum(row))\n"
        f"    del numbers[0]\n    return sum(numbers) / (len(rows) * len(rows[0])) + {number} - {number}\n"
    )


def class_of(size: int, **answers: dict[str, str]) -> list[Answer]:
    """Everyone writes something of their own, but for the answers given: student -> exercise -> source."""
    students = [*answers, *(f"s{number}" for number in range(size - len(answers)))]
    own = {
        name: {e: odd(1000 * n + i) for i, e in enumerate(EXERCISES)} for n, name in enumerate(students, 1)
    }
    return [
        Answer(student, exercise, source, right=exercise != "fourth")
        for student in students
        for exercise, source in (own[student] | answers.get(student, {})).items()
    ]


def pairs(answers):
    return [pair.students for pair in alike(answers, dict.fromkeys(EXERCISES, SOLUTION))]


def test_two_who_share_rare_answers_are_listed():
    copied = {exercise: odd(n) for n, exercise in enumerate(EXERCISES)}
    (pair,) = alike(class_of(30, eve=copied, bob=copied), {})
    assert pair.students == ("bob", "eve")
    assert [shared.having for shared in pair.shared] == [2] * 4
    assert all(shared.to_the_letter for shared in pair.shared)


DISGUISES = {
    "names": lambda source: source.replace("numbers", "nums").replace("row", "line"),
    "comments": lambda source: source.replace(":\n", ":  # go on\n"),
    "docstring": lambda source: source.replace("(rows):\n", '(rows):\n    """Mine."""\n', 1),
    "spaces": lambda source: source.replace("    ", "  ").replace(" + ", "+") + "\n\n",
    "annotations": lambda source: source.replace("(rows)", "(rows: list) -> float", 1),
}


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_a_disguised_copy_is_found(disguise):
    copied = {exercise: odd(n) for n, exercise in enumerate(EXERCISES)}
    changed = {exercise: disguise(source) for exercise, source in copied.items()}
    assert changed["first"] != copied["first"]
    assert pairs(class_of(30, eve=copied, bob=changed)) == [("bob", "eve")]


def test_short_equal_answers_are_no_sign():
    short = dict.fromkeys(EXERCISES, "def mean(rows):\n    return sum(map(sum, rows)) / len(rows)\n")
    assert pairs(class_of(30, eve=short, bob=short)) == []


def test_the_chapters_own_solution_is_no_sign():
    right = dict.fromkeys(EXERCISES, SOLUTION.replace("total", "t"))
    assert pairs(class_of(30, eve=right, bob=right)) == []


def test_what_many_write_is_no_sign():
    usual = {exercise: odd(n) for n, exercise in enumerate(EXERCISES)}
    assert pairs(class_of(30, **{f"u{n}": usual for n in range(10)})) == []


def test_values_such_as_claims_are_no_sign():
    claims = dict.fromkeys(EXERCISES, f"answers = {dict.fromkeys(map(str, range(30)), 'b')}")
    assert pairs(class_of(30, eve=claims, bob=claims)) == []


def test_one_rare_right_answer_is_not_enough():
    assert pairs(class_of(30, eve={"first": odd(1)}, bob={"first": odd(1)})) == []


def test_a_wrong_answer_counts_double():
    right = alike(class_of(30, **{name: {e: odd(1) for e in EXERCISES[:3]} for name in ("a", "b")}), {})
    wrong = alike(class_of(30, **{name: {e: odd(1) for e in EXERCISES[1:]} for name in ("a", "b")}), {})
    assert wrong[0].weight == pytest.approx(right[0].weight * 4 / 3)


def test_the_most_unlikely_pair_comes_first():
    everything = {exercise: odd(1) for exercise in EXERCISES}
    most = {exercise: odd(2) for exercise in EXERCISES[1:]}
    assert pairs(class_of(30, a=most, b=everything, c=most, d=everything)) == [("b", "d"), ("a", "c")]


def test_a_small_class_says_nothing():
    copied = {exercise: odd(1) for exercise in EXERCISES}
    assert pairs(class_of(FEWEST - 1, eve=copied, bob=copied)) == []
    assert pairs([]) == []


@pytest.mark.parametrize(
    "source",
    ["def f(:\n" + "  x = y\n" * 20, "\0", "(" * 3000 + ")" * 3000, "x = " + "-" * 9000 + "1", "'\\d'", ""],
    ids=["no Python", "null", "parentheses", "minus", "escape", "empty"],
)
def test_strange_code_does_no_harm(source):
    strange = {exercise: source for exercise in EXERCISES}
    assert pairs(class_of(30, eve=strange)) == []


def test_code_that_is_no_python_is_compared_as_text():
    broken = "def f(x:\n" + "  total = total + x  # add\n" * 8
    assert normal_form(broken) == normal_form(broken.replace("# add", "#"))
    assert normal_form(broken) is not None


def test_other_statements_are_another_answer():
    assert normal_form(odd(1)) != normal_form(odd(2))
    assert normal_form(odd(1)) != normal_form(odd(1).replace("del numbers[0]", "numbers.pop(0)"))


def crowd(size: int) -> Iterator[Answer]:
    """Seven answers that a seventh of the class share each, and one pair with answers of its own."""
    for number in range(size):
        for exercise in EXERCISES[:3]:
            source = odd(-1) if number in (17, 4711) else odd(number % 7)
            yield Answer(f"s{number:05}", exercise, source, right=True)


def test_ten_thousand_students_fit_into_memory_and_a_minute():
    tracemalloc.start()
    started = time.monotonic()
    (pair,) = alike(crowd(10_000), {}, most=15)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pair.students == ("s00017", "s04711")
    assert time.monotonic() - started < 60 and most < 500e6  # all pairs at once took 66 s and 2 GiB


def test_the_most_unlikely_pairs_come_first_and_no_more_than_asked_for():
    answers = class_of(
        30,
        **{name: {exercise: odd(n) for n, exercise in enumerate(EXERCISES)} for name in ("bob", "eve")},
        **{
            name: {exercise: odd(-n) for n, exercise in enumerate(EXERCISES[:3], 9)}
            for name in ("ann", "joe")
        },
    )
    assert [pair.students for pair in alike(answers, {})] == [("bob", "eve"), ("ann", "joe")]
    assert [pair.students for pair in alike(answers, {}, most=1)] == [("bob", "eve")]
