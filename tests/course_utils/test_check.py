"""The language of the test cells, called as a test cell calls it."""

import logging
import os
import random
import sys

from course_utils import check

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def at_the_desk(monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)


def judge(body):
    """The record of one case whose body is a function."""
    check.exercise("thing", points=1)
    with check.case("does it", points=1):
        body()
    return check.records()[0]


def message(body):
    record = judge(body)
    assert record.status == "failed", record
    return record.message


def passes(body):
    return judge(body).status == "passed"


# --- cells, cases and scores ------------------------------------------------------------------------------


def run_three_cases():
    check.exercise("thing", points=3)
    with check.case("passes", points=1.5):
        pass
    with check.case("fails", points=1):
        check.fail("something is wrong")
    with check.case("is hidden", points=0.5, hidden=True):
        check.that(True, "never")


def test_records_tell_everything_about_each_case():
    run_three_cases()
    first, second, third = check.records()
    assert (first.exercise, first.case, first.points, first.earned, first.status) == (
        "thing",
        "passes",
        1.5,
        1.5,
        "passed",
    )
    assert (second.earned, second.status, second.message) == (0.0, "failed", "something is wrong")
    assert (third.hidden, first.hidden) == (True, False)


def test_under_autograde_the_score_is_the_sum(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    run_three_cases()
    assert check.score() == 2.0


def test_a_score_does_not_carry_rounding(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    check.exercise("thing", points=0.3)
    for name in "abc":
        with check.case(name, points=0.1):
            pass
    assert check.score() == 0.3


def test_under_validate_failures_end_in_one_error(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    run_three_cases()
    with pytest.raises(Exception, match="something is wrong") as caught:
        check.score()
    assert caught.value._render_traceback_() == [str(caught.value)]


def test_under_validate_success_is_silent(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    check.exercise("thing", points=1)
    with check.case("passes", points=0.5):
        pass
    assert check.score() is None


def test_at_the_desk_there_is_a_summary_and_no_value(capsys):
    check.exercise("thing", points=2)
    with check.case("passes", points=1.5):
        pass
    assert check.score() is None
    out = capsys.readouterr().out
    assert "thing: 1.5 of 1.5 points; hidden checks decide about 0.5 more when your work is graded" in out


def test_claims_that_are_judged_later_say_so(capsys):
    check.exercise("claims", points=3)
    with check.case("all answered"):
        pass
    check.score()
    assert (
        "claims: hidden checks decide about its 3 points when your work is graded" in capsys.readouterr().out
    )


def test_an_untouched_exercise_says_so(capsys):
    check.exercise("thing", points=1)
    with check.case("works", points=1):
        raise check.NotDoneYet
    check.score()
    assert "works: not done yet\nthing: not done yet\n" in capsys.readouterr().out


def test_a_cell_that_breaks_off_leaves_nothing_behind(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    check.exercise("first", points=1)
    with check.case("passes", points=1):
        pass
    check.exercise("second", points=1)  # the first one never reached its score
    assert check.score() == 0.0


def test_an_interrupt_is_not_swallowed():
    check.exercise("thing", points=1)
    with pytest.raises(KeyboardInterrupt), check.case("takes for ever", points=1):
        raise KeyboardInterrupt
    assert check.records() == []


@pytest.mark.parametrize("points", [float("nan"), float("inf"), -1])
def test_points_that_are_no_points_are_refused(points):
    with pytest.raises(ValueError, match="points must be a number from 0 on"):
        check.exercise("thing", points=points)
    check.exercise("thing", points=1)
    with pytest.raises(ValueError, match="points must be"), check.case("case", points=points):
        pass


def test_more_points_than_the_exercise_has_are_refused():
    check.exercise("thing", points=1)
    with pytest.raises(ValueError, match="offer more than its 1 points"), check.case("case", points=1.5):
        pass


def test_a_case_outside_of_an_exercise_is_refused():
    check.exercise("thing", points=1)
    check.score()
    with pytest.raises(RuntimeError, match="a test cell starts with"), check.case("lost", points=1):
        pass


# --- the surroundings -------------------------------------------------------------------------------------


def test_what_goes_to_stderr_arrives_on_stdout(capfd):
    handler = logging.StreamHandler(sys.stderr)  # keeps the stream, as logging.basicConfig does

    def noisy():
        print("printed", file=sys.stderr)
        os.write(2, b"from C\n")
        handler.emit(logging.LogRecord("x", logging.ERROR, "", 0, "logged", None, None))

    assert passes(noisy)
    out, err = capfd.readouterr()
    assert err == ""
    assert all(text in out for text in ("printed", "from C", "logged"))


def test_stderr_works_again_after_a_case(capfd):
    judge(lambda: None)
    print("late", file=sys.stderr)
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "late\nlater\n"


def test_the_numbers_depend_on_the_case_alone():
    drawn = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        judge(lambda: drawn.append((check.normal((3,)), torch.rand(2), random.random(), np.random.rand())))
    assert torch.equal(drawn[0][0], drawn[1][0])
    assert torch.equal(drawn[0][1], drawn[1][1])
    assert drawn[0][2:] == drawn[1][2:]


DRAWS = {
    "torch": lambda: torch.rand(3).tolist(),
    "numpy": lambda: np.random.rand(3).tolist(),
    "numpy, half of a pair": lambda: np.random.randn(3).tolist(),
    "python": lambda: [random.gauss() for _ in range(3)],
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_a_case_leaves_the_global_state_of_the_notebook_alone(draw):
    def seed():
        torch.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        draw()

    def use_all():
        for each in DRAWS.values():
            each()

    seed()
    expected = draw()
    seed()
    judge(use_all)
    assert draw() == expected


def test_a_notebook_may_have_another_generator_of_numpy():
    own = np.random.get_bit_generator()
    try:
        np.random.set_bit_generator(np.random.PCG64(3))
        drawn = []
        record = judge(lambda: drawn.append(np.random.rand()))
        assert record.status == "passed"
        assert type(np.random.get_bit_generator()) is np.random.PCG64
    finally:
        np.random.set_bit_generator(own)
    judge(lambda: drawn.append(np.random.rand()))
    assert drawn[0] == drawn[1]


def test_a_strange_notebook_does_not_change_the_case():
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            record = judge(
                lambda: (check.like(torch.ones(1), torch.ones(1, dtype=torch.float32)), check_grad_is_on())
            )
            assert not torch.is_grad_enabled()
        assert record.status == "passed"
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def check_grad_is_on():
    assert torch.is_grad_enabled()


# --- what the student is told -----------------------------------------------------------------------------


def run_cell(source, name, namespace):
    """Execute source as a notebook cell of this name, so that its lines can be shown."""
    import linecache

    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), namespace)


def test_an_exception_points_to_the_students_line():
    cell = {"check": check}
    run_cell("def half(x):\n    y = 0\n    return x / y\n", "<answer>", cell)
    test = "check.exercise('half', points=1)\nwith check.case('halves', points=1):\n    half(1)\n"
    run_cell(test, "<test>", cell)
    (record,) = check.records()
    assert record.message == (
        "your code stopped with ZeroDivisionError: division by zero\n"
        "in `half`, line 3 of its cell: return x / y\ncalled with x = 1"
    )


@pytest.mark.parametrize(
    ("said", "html"),
    [
        ("use `a < b`, not `b`", "use <code>a &lt; b</code>, not <code>b</code>"),
        ("`<i>`\n`", "<code>&lt;i&gt;</code><br>`"),
        ("no `name\nends` here", "no `name<br>ends` here"),
    ],
)
def test_names_between_backticks_are_set_as_code_in_html_alone(monkeypatch, said, html):
    shown = []
    monkeypatch.setattr(check._cell, "_show", shown.append)
    judge(lambda: check.fail(said))
    assert f">{html}</div>" in shown[0]["text/html"]
    assert said.replace("\n", "\n    ") in shown[0]["text/plain"]


def test_an_exception_inside_of_torch_points_to_the_students_line():
    cell = {"check": check, "torch": torch}
    run_cell("def f(x):\n    return torch.nn.functional.linear(x, x[0, :1])\n", "<answer>", cell)
    run_cell(
        "check.exercise('f', points=1)\nwith check.case('c', points=1):\n    f(torch.ones(2, 3))\n",
        "<test>",
        cell,
    )
    assert "line 2 of its cell: return torch.nn.functional.linear" in check.records()[0].message


def test_a_missing_function_says_to_run_its_cell():
    cell = {"check": check}
    run_cell(
        "check.exercise('f', points=1)\nwith check.case('c', points=1):\n    forgotten(1)\n", "<test>", cell
    )
    assert check.records()[0].message == "`forgotten` does not exist: run the cell that defines it first"


USE = """
check.exercise('f', points=1)
with check.case('c', points=1, hidden={hidden}):
    None.shape
"""


def test_an_answer_that_the_check_cannot_use():
    run_cell(USE.format(hidden=False), "<test>", {"check": check})
    told, place = check.records()[0].message.split("\n")
    assert told.startswith("this use of your answer failed: AttributeError: 'NoneType'")
    assert told.endswith(": is there a return?")
    assert place == "in the check: None.shape"


def test_a_line_of_a_hidden_case_is_not_shown():
    run_cell(USE.format(hidden=True), "<test>", {"check": check})
    assert "None.shape" not in check.records()[0].message


def test_exit_is_a_failure_like_any_other():
    assert "SystemExit" in message(lambda: sys.exit(0))


# --- statements -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        lambda: check.number(None),
        lambda: check.equal(None, 3),
        lambda: check.equal(None, [3], "a list of one"),
        lambda: check.close(None, 3.0),
        lambda: check.same_object(None, [3]),
        lambda: check.own_memory(None, torch.ones(2)),
    ],
)
def test_none_makes_one_think_of_the_return(statement):
    assert message(statement).endswith("found None: is there a return?")


def test_like_tells_shape_dtype_and_kind_apart():
    pattern = torch.zeros(2, 3)
    assert passes(lambda: check.like(torch.ones(2, 3), pattern))
    assert (
        message(lambda: check.like(torch.ones(3, 2), pattern)) == "the shape should be (2, 3), found (3, 2)"
    )
    assert "float32, found float64" in message(lambda: check.like(torch.ones(2, 3).double(), pattern))
    assert "found None: is there a return?" in message(lambda: check.like(None, pattern))
    assert "found a value of type list" in message(lambda: check.like([1], pattern))


def test_number_wants_a_plain_number():
    assert passes(lambda: check.number(1.5))
    assert passes(lambda: check.number(3, int))
    assert "should be a Python float, found a value of type Tensor" in message(
        lambda: check.number(torch.tensor(1.0))
    )
    assert "should be a Python int" in message(lambda: check.number(True, int))


def test_close_within_tolerance():
    x = torch.tensor([1.0, 2.0])
    assert passes(lambda: check.close(x * (1 + 1e-6), x))
    assert "at [0]: expected 1, found 1.001 (2 of 2 entries are off)" in message(
        lambda: check.close(x * 1.001, x)
    )
    assert passes(lambda: check.close(x * 1.001, x, rtol=1e-2))
    assert passes(lambda: check.close(1.0, torch.tensor(1.0)))
    assert "expected 1, found 2" in message(lambda: check.close(2.0, 1.0))


def test_close_tells_shapes_apart_and_never_broadcasts():
    assert "expected shape (2,), found (2, 1)" in message(
        lambda: check.close(torch.ones(2, 1), torch.ones(2))
    )
    assert "expected shape (2,), found ()" in message(lambda: check.close(torch.tensor(1.0), torch.ones(2)))


def test_close_can_ask_for_the_dtype_too():
    x = torch.tensor([1.0, 2.0])
    assert passes(lambda: check.close(x * (1 + 1e-6), x, strict=True))
    assert "dtype should be float32" in message(lambda: check.close(x.double(), x, strict=True))
    assert "expected 1, found 2" in message(lambda: check.close(2 * x, x, strict=True))
    assert "should be a tensor" in message(lambda: check.close([1.0, 2.0], x, strict=True))
    wrong = {"only the first": x[0]}
    assert "only the first" in message(lambda: check.close(x[0], x, strict=True, known=wrong))


def test_close_and_what_is_not_finite():
    bad = torch.tensor([1.0, float("nan")])
    assert "nan or inf" in message(lambda: check.close(bad, torch.ones(2)))
    assert passes(lambda: check.close(bad, bad.clone()))
    assert passes(lambda: check.close(torch.tensor(float("inf")), torch.tensor(float("inf"))))


def test_close_is_as_strict_as_the_less_precise_dtype_allows():
    x = torch.tensor([1.0], dtype=torch.float64)
    assert not passes(lambda: check.close(x + 1e-5, x))
    assert passes(lambda: check.close((x + 1e-5).float(), x))


def test_numbers_that_differ_look_different():
    x = torch.tensor([1.0], dtype=torch.float64)
    assert "expected 1, found 1.000001 " in message(lambda: check.close(x + 1e-6, x))


def test_each_call_raises_the_error_with_a_message():
    def half(x, words="an even number is asked for"):
        if x % 2:
            raise ValueError(words)
        return x // 2

    def stub(x):
        raise check.NotDoneYet

    check.each_raises(ValueError, half, [(1,), (3,)])
    check.each_raises(ValueError, half, [])
    assert message(lambda: check.each_raises(ValueError, half, [(1,), (4,), (3,)])) == (
        "half(4) should raise ValueError, it returned 2"
    )
    assert "half(3) should raise TypeError" in message(lambda: check.each_raises(TypeError, half, [(3,)]))
    assert "should say" in message(lambda: check.each_raises(ValueError, half, [(1,), (1, " ")]))
    with pytest.raises(check.NotDoneYet):
        check.each_raises(NotImplementedError, stub, [(1,)])


def test_a_known_mistake_is_named():
    record = judge(
        lambda: check.close(
            torch.tensor(4.0), torch.tensor(2.0), "wrong", known={"You squared it!": torch.tensor(4.0)}
        )
    )
    assert (record.message, record.mistake) == ("You squared it!", "you-squared-it")


def test_known_mistakes_may_be_worked_out_only_when_something_is_wrong():
    asked = []

    def known():
        asked.append(True)
        return {"it is squared": 4.0}

    check.close(2.0, 2.0, known=known)
    assert not asked
    assert message(lambda: check.close(4.0, 2.0, known=known)) == "it is squared"
    assert "expected" in message(lambda: check.close(3.0, 2.0, known=known))


def test_gradients_of_mistakes_are_worked_out_only_when_something_is_wrong():
    asked = []

    def tripled(x):
        asked.append(True)
        return 3 * x

    known, x = {"it is tripled": tripled}, torch.ones(2)
    check.gradient(lambda x: 2 * x, lambda x: 2 * x, x, known=known)
    assert not asked
    assert (
        message(lambda: check.gradient(lambda x: 3 * x, lambda x: 2 * x, x, known=known)) == "it is tripled"
    )


def test_equal_is_exact_and_knows_kinds_apart():
    assert passes(lambda: check.equal(3, 3))
    assert passes(lambda: check.equal([1, 2], [1, 2]))
    assert "expected 3, found 4" in message(lambda: check.equal(4, 3))
    assert "expected True, found 1" in message(lambda: check.equal(1, True))
    assert message(lambda: check.equal(4, 3, known={"one too many": 4})) == "one too many"
    long = [f"layer {i}" for i in range(20)]
    other = [*long[:-1], "pooling"]
    assert message(lambda: check.equal(other, long)) == "at [19]: expected 'layer 19', found 'pooling'"
    assert message(lambda: check.equal([*long, "pooling"], long)) == "expected 20 entries, found 21"
    assert passes(lambda: check.equal(torch.tensor([1, 2]), torch.tensor([1, 2])))
    assert "at [1]: expected 2, found 3" in message(
        lambda: check.equal(torch.tensor([1, 3]), torch.tensor([1, 2]))
    )


def test_between():
    assert passes(lambda: check.between(torch.tensor(0.3), 0.28, 0.32))
    assert "from 0.28 to 0.32, found 0.5" in message(lambda: check.between(0.5, 0.28, 0.32))
    assert not passes(lambda: check.between(float("nan"), 0, 1))
    assert message(lambda: check.between(0.71, 0.28, 0.32, known={"it keeps": 0.7})) == "it keeps"


def test_that_counts_its_sentence_as_a_mistake():
    record = judge(lambda: check.that(torch.tensor(False), "Rows are mixed up."))
    assert (record.message, record.mistake) == ("Rows are mixed up.", "rows-are-mixed-up")


def test_raises():
    def refuse(x):
        raise ValueError(f"no {x}")

    def stay_silent(x):
        raise ValueError

    assert passes(lambda: check.raises(ValueError, refuse, 3))
    assert "should say in its message" in message(lambda: check.raises(ValueError, stay_silent, 3))
    assert "net(2) should raise ValueError, it returned 2" in message(
        lambda: check.raises(ValueError, torch.nn.Identity(), 2)
    )
    assert "<lambda>(3) should raise ValueError, it returned 3" in message(
        lambda: check.raises(ValueError, lambda x: x, 3)
    )
    assert "it raised TypeError" in message(lambda: check.raises(ValueError, len, 3))


def test_a_value_is_shown_in_one_line():
    class Tall:
        def __repr__(self):
            return "Tall (\n    rate: 0.1\n)"

    assert "<lambda>(Tall ( rate: 0.1 )) should" in message(
        lambda: check.raises(ValueError, lambda x: 3, Tall())
    )


def test_raises_does_not_take_a_stub_for_an_answer():
    def stub():
        raise check.NotDoneYet

    assert judge(lambda: check.raises(NotImplementedError, stub)).status == "not done"


def test_unchanged_returns_the_result_and_sees_changes():
    assert passes(lambda: check.equal(check.unchanged(lambda x: x.numel(), torch.ones(3)), 3))
    said = message(lambda: check.unchanged(lambda x: x.add_(1), torch.ones(3)))
    assert said.startswith("the function changed its input x: look for `-=`")
    said = message(lambda: check.unchanged(lambda xs: xs.append(1), [1]))
    assert said.endswith(" input xs: look for `x[...] =`, `+=`, `del` or a method such as `pop`")
    said = message(lambda: check.unchanged(lambda xs: xs.reverse(), [1, 2]))
    assert said.startswith("the function changed its input xs: look for `-=`, `x[...] =`")
    assert not passes(lambda: check.unchanged(lambda a: a.fill(1), np.zeros(2)))
    assert passes(lambda: check.unchanged(lambda x: x + 1, torch.tensor([float("nan")])))


def test_each_gives_all_results_in_order():
    assert check.each(pow, [(2, 3), (3, 2)]) == [8, 9]
    assert check.each(lambda: 1, [()] * 2) == [1, 1]
    assert check.each(pow, []) == []
    with pytest.raises(ZeroDivisionError):
        check.each(pow, [(2, 3), (0, -1)])


def test_in_turn_raises_an_error_after_the_results_before_it():
    assert list(check.in_turn(pow, [(2, 3), (3, 2)])) == [8, 9]
    assert list(check.in_turn(pow, [])) == []
    found = check.in_turn(pow, [(2, 3), (3, 2), (0, -1), (2, 2)])
    assert [next(found), next(found)] == [8, 9]
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_in_turn_sees_changes():
    x, y = torch.ones(2), torch.ones(2)
    found = check.in_turn(lambda a, b: a.add_(b), [(x, 0), (y, 1)], unchanged=True)
    assert torch.equal(next(found), torch.ones(2))
    with pytest.raises(check.Failed, match="the function changed its input a: "):
        next(found)
    assert [one.tolist() for one in check.in_turn(torch.Tensor.add_, [(y, 1)])] == [[3.0, 3.0]]


def test_in_turn_makes_each_call_once_and_none_after_an_error():
    made = []

    def answer(n):
        made.append(n)
        return 6 / n

    found = check.in_turn(answer, [(3,), (0,), (2,)])
    assert next(found) == 2.0
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert made == [3, 0]


def test_gradient_finds_what_a_sum_would_hide():
    x = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    assert passes(
        lambda: check.gradient(lambda x: torch.exp(x) / torch.exp(x).sum(), lambda x: x.softmax(0), x)
    )
    # The entries of a softmax sum to 1, so its gradient through .sum() is zero, as is that of this constant.
    assert not passes(lambda: check.gradient(lambda x: 0 * x + 1 / 3, lambda x: x.softmax(0), x))
    assert "lost its graph" in message(lambda: check.gradient(lambda x: x.detach(), lambda x: 2 * x, x))
    named = message(
        lambda: check.gradient(lambda x: 3 * x, lambda x: 2 * x, x, known={"tripled": lambda x: 3 * x})
    )
    assert named == "tripled"


def test_gradient_looks_at_every_argument():
    a, b = torch.ones(2, 3, dtype=torch.float64), torch.ones(3, 2, dtype=torch.float64)
    assert passes(lambda: check.gradient(lambda a, b: a @ b, torch.mm, a, b))
    assert "the gradient for b" in message(
        lambda: check.gradient(lambda a, b: a @ b.detach(), torch.mm, a, b)
    )


def test_without_refuses_the_function_under_any_name():
    hidden_name = torch.nn.functional.one_hot
    labels = torch.tensor([0, 1])

    def answer():
        with check.without("torch.nn.functional.one_hot"):
            hidden_name(labels)

    assert message(answer) == "solve this one without `torch.nn.functional.one_hot`"
    assert hidden_name(labels).shape == (2, 2)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("torch.nn.functional.one_hot", lambda: torch.ops.aten.one_hot(torch.tensor([1]), 2)),
        ("torch.softmax", lambda: torch.ops.aten.softmax.int(torch.ones(2), 0)),
        ("torch.softmax", lambda: torch.ops.aten._softmax(torch.ones(2), 0, False)),
    ],
)
def test_without_sees_operators_of_torch_too(name, call):
    with pytest.raises(check.Failed, match=f"solve this one without `{name}`"), check.without(name):
        call()
    with check.without("torch.tanh"):
        call()


def test_without_refuses_functions_that_torch_writes_in_python():
    fill = torch.nn.init.kaiming_normal_

    def answer():
        with check.without("torch.nn.init.kaiming_normal_"):
            fill(torch.zeros(3, 4))

    def other():
        with check.without("torch.nn.init.kaiming_normal_"):
            torch.nn.init.normal_(torch.zeros(3, 4), std=0.1)

    assert message(answer) == "solve this one without `torch.nn.init.kaiming_normal_`"
    other()


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own, in forward mode
@pytest.mark.parametrize(
    "differentiate",
    [
        lambda x: (x * x).sum().backward(),
        lambda x: torch.autograd.grad((x * x).sum(), x),
        lambda x: torch.func.grad(lambda y: (y * y).sum())(x.detach()),
        lambda x: torch.func.jvp(lambda y: y * y, (x.detach(),), (torch.ones(2),)),
        lambda x: torch.func.jacfwd(lambda y: y * y)(x.detach()),
        lambda x: torch.autograd.functional.jacobian(lambda y: y * y, x),
    ],
    ids=["backward", "grad", "func.grad", "jvp", "jacfwd", "jacobian"],
)
def test_without_autograd_refuses_every_way_to_differentiate(differentiate):
    def answer():
        with check.without("autograd"):
            differentiate(torch.ones(2, requires_grad=True))

    assert message(answer) == "solve this one without `autograd`"


def test_without_autograd_leaves_the_rest_alone():
    def answer():
        with check.without("autograd"):
            torch.ones(2, requires_grad=True) + 1

    assert passes(answer)


def test_claims_are_answered_or_not_and_legal_or_not():
    options = {"a": ["true", "false"], "b": [True, False]}
    assert passes(lambda: check.claims({"a": "true", "b": False}, options))
    assert passes(lambda: check.claims({"a": " (True)", "b": "false"}, options))
    assert judge(lambda: check.claims({"a": "?", "b": "?"}, options)).status == "not done"
    assert message(lambda: check.claims({"a": "true", "b": "?"}, options)) == "not answered yet: 'b'"
    assert "'a': 'yes' is not one of the answers" in message(
        lambda: check.claims({"a": "yes", "b": True}, options)
    )
    assert "no answer for 'b'" in message(lambda: check.claims({"a": "true"}, options))
    assert "stay in a dict" in message(lambda: check.claims(["true"], options))


def test_wrong_claims_are_counted_and_not_named():
    expected = {"a": "true", "b": "false", "c": "a"}
    assert passes(lambda: check.right(dict(expected), expected, "look again"))
    told = message(lambda: check.right({"a": "true", "b": "true", "c": "b"}, expected, "look again"))
    assert told == "2 of 3 are not right yet; look again"


# --- kinds of numbers, and of memory ----------------------------------------------------------------------


def test_whole_numbers_are_compared_exactly_however_large():
    large = torch.tensor([2**53 + 1])
    assert passes(lambda: check.equal(large, large.clone()))
    assert "expected 9007199254740992" in message(lambda: check.equal(large, torch.tensor([2**53])))
    assert "found" in message(lambda: check.equal(2**70, 2**70 + 1))
    assert "should be a tensor" in message(lambda: check.close(2**70, 1.0))


def test_complex_numbers_are_no_real_ones():
    complex_one = torch.tensor([1 + 5j])
    message(lambda: check.close(complex_one, torch.tensor([1.0])))
    assert passes(lambda: check.close(complex_one, torch.tensor([1 + 5j])))
    assert "real number" in message(lambda: check.between(torch.tensor(1 + 0j), 0, 2))


def test_one_number_is_one_number():
    three = torch.tensor([0.1, 0.2, 0.3])
    assert message(lambda: check.between(three, 0, 1)).startswith("should be one number, found float32")
    assert message(lambda: check.that(three > 0, "no")).startswith("should be True or False, found bool")


def test_a_known_band_is_a_pair():
    known = {"it is far too much": (5, 100)}
    assert message(lambda: check.between(60.0, 0, 1, known=known)) == "it is far too much"
    assert "expected a number from 0 to 1" in message(lambda: check.between(3.0, 0, 1, known=known))


def test_memory_and_identity():
    A = torch.zeros(2, 3)
    assert passes(lambda: check.shares_memory(A, A[1]))
    assert passes(lambda: check.shares_memory(A.T, A.numpy()))
    assert passes(lambda: check.own_memory(A, A.clone()))
    assert passes(lambda: check.own_memory(A[:, ::2], A[:, 1]))
    assert passes(lambda: check.own_memory(torch.zeros(0), torch.zeros(0)))
    assert "share memory" in message(lambda: check.own_memory(A, A.detach()))
    assert "should share" in message(lambda: check.shares_memory(A, A + 0))
    assert passes(lambda: check.same_object(A, A))
    assert message(lambda: check.same_object(A.clone(), A, "not A")).startswith("not A\n")
    assert "should be a tensor, found None" in message(lambda: check.own_memory(None, A))


def test_fixed_arguments_get_no_gradient():
    logits, labels = torch.zeros(2, 3, dtype=torch.float64), torch.tensor([0, 2])
    loss = torch.nn.functional.cross_entropy
    assert passes(lambda: check.gradient(loss, loss, logits, fixed=(labels,)))
    wrong = {"it is doubled": lambda scores, y: 2 * loss(scores, y)}
    double = wrong["it is doubled"]
    assert (
        message(lambda: check.gradient(double, loss, logits, fixed=(labels,), known=wrong)) == "it is doubled"
    )


# --- streams that a notebook has changed ------------------------------------------------------------------


class Through:
    """A stream of a notebook's own that passes everything on to another."""

    def __init__(self, other):
        self.other = other

    def write(self, text):
        return self.other.write(text)

    def flush(self):
        self.other.flush()


CHANGES = {
    "stderr is stdout": lambda patch: patch.setattr(sys, "stderr", sys.stdout),
    "stdout is stderr": lambda patch: patch.setattr(sys, "stdout", sys.stderr),
    "stderr through stdout": lambda patch: patch.setattr(sys, "stderr", Through(sys.stdout)),
    "stdout through stderr": lambda patch: patch.setattr(sys, "stdout", Through(sys.stderr)),
    "no stderr": lambda patch: patch.setattr(sys, "stderr", None),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_streams_that_a_notebook_has_changed_cost_nothing(monkeypatch, change):
    def noisy():
        print("beware", file=sys.stderr)
        print("printed")

    change(monkeypatch)
    assert passes(noisy)
    assert passes(noisy)


# --- a stub that was left in place ------------------------------------------------------------------------

UNTOUCHED = "def half(x):\n    'Half of x.'\n    # YOUR CODE HERE\n    raise check.NotDoneYet\n"


def stub_message(answer):
    cell = {"check": check}
    run_cell(answer, "<stub>", cell)
    run_cell("check.exercise('half', points=1)\nwith check.case('halves'):\n    half(1)\n", "<test>", cell)
    (record,) = check.records()
    assert record.status == "not done"
    return record.message


def test_a_stub_below_finished_work_is_named():
    assert stub_message(UNTOUCHED) == "not done yet"
    said = stub_message(UNTOUCHED.replace("# YOUR CODE HERE", "y = x / 2"))
    assert said == "your code is there; now delete `raise check.NotDoneYet` in line 4 of its cell"
