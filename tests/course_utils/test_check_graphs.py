"""check's looks at graphs: orders in which inputs come first, and the slopes that numbers record."""

import graphlib

from course_utils import check

import pytest

DIAMOND = {"y": ["a", "b"], "b": ["a"], "a": ["x", "x"], "x": []}


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (["x", "a", "b", "y"], ""),
        (("x", "a", "b", "y"), ""),
        (None, "is there a return?"),
        (iter(["x", "a", "b", "y"]), "should be a list, found a value of type list_iterator"),
        (["x", "a", "b", "c", "y"], "contains ['c'], which is no value"),
        (["x", "a", "b", "a", "y"], "more than once"),
        (["x", "a", "b"], "the result itself is missing"),
        (["b", "y"], "['a', 'x'] should be in the list"),
        (["y", "b", "a", "x"], "turn the list around"),
        (["y", "a", "b", "x"], "'y' comes before its input ['a']"),
        (["a", "x", "b", "y"], "'a' comes before its input ['x']"),
        (["x", "b", "a", "y"], "'b' comes before its input ['a'] in ['x', 'b', 'a', 'y']"),
    ],
)
def test_an_order_has_each_value_once_and_after_its_inputs(order, says):
    if not says:
        check.ordered(lambda last, inputs_of: order, DIAMOND)
        return
    with pytest.raises(check.Failed) as failure:
        check.ordered(lambda last, inputs_of: order, DIAMOND)
    assert says in str(failure.value)


def test_an_order_is_found_by_what_is_told_of_the_inputs():
    def find(last, inputs_of):
        return list(graphlib.TopologicalSorter({value: inputs_of(value) for value in DIAMOND}).static_order())

    check.ordered(find, DIAMOND)
    check.ordered(lambda last, inputs_of: [last], {"x": []})


def test_several_graphs_are_looked_at_one_after_the_other():
    def alone(last, inputs_of):
        if last == "lost":
            raise KeyError(last)
        return [last]

    check.ordered(alone, {"x": []}, {"y": []})
    with pytest.raises(check.Failed, match="'x'"):
        check.ordered(alone, {"x": []}, {"y": ["x"], "x": []}, {"lost": []})
    with pytest.raises(KeyError, match="lost"):
        check.ordered(alone, {"x": []}, {"lost": []}, {"y": ["x"], "x": []})


def test_a_list_that_is_kept_from_call_to_call_is_named():
    order = []

    def kept(last, inputs_of):
        order.append(last)
        return order

    with pytest.raises(check.Failed, match="which belongs to another call"):
        check.ordered(kept, {"x": []}, {"y": []})


class Number:
    def __init__(self, data, made_from=()):
        self.made_from = list(made_from)

    def __mul__(self, other):
        return Number(0, [(self, 3.0), (other, 2.0)])

    def __neg__(self):
        return Number(0, [(2.0, self)])


def test_recorded_slopes_multiply_along_paths_and_add_up():
    found = check.recorded_slopes(["v", "v * w", "(v * v) * v", "w * w", "-v"], Number, v=1.0, w=2.0)
    assert [next(found) for _ in range(4)] == [1.0, 3.0, 3.0 * 5.0 + 2.0, 0.0]
    with pytest.raises(check.Failed, match="each input a Number"):
        next(found)


class Shared(Number):
    def __init__(self, data, made_from=[]):  # noqa: B006
        self.made_from = made_from

    def __mul__(self, other):
        result = Shared(0)
        result.made_from += [(self, 3.0), (other, 2.0)]
        return result


def test_numbers_that_share_a_list_are_told_so():
    with pytest.raises(check.Failed, match="two numbers share one list"):
        list(check.recorded_slopes(["v * w"], Shared, v=1.0, w=2.0))


def test_what_find_gets_neither_changes_the_graph_nor_gives_its_order_away():
    graph = {"y": ["a", "x"], "x": [], "a": ["x"]}

    def emptied(last, inputs_of):
        [cell] = inputs_of.__closure__
        found = cell.cell_contents
        found.clear()
        found[last] = []
        return [last]

    with pytest.raises(check.Failed, match="missing"):
        check.ordered(emptied, graph)
    with pytest.raises(check.Failed, match="comes before its input"):
        check.ordered(lambda last, inputs_of: list(inputs_of.__closure__[0].cell_contents), graph)
