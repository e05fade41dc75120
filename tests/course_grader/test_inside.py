"""Calls that travel from the examiner to the desk, and what comes back."""

import math
import socket
from collections import Counter, OrderedDict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from course_utils import check

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from course_grader.inside import settings, wire
from course_grader.inside.codec import Decoder
from course_grader.inside.twins import Twins
from tests.apart import desk_with


class Namespace:
    """An object of a test's."""

    def __init__(self, n: int) -> None:
        self.n = n


@pytest.fixture
def at_desk():
    """Defines names at a desk, from source; gives what stands for them."""
    opened = []

    def define(source: str) -> SimpleNamespace:
        names: dict = {"torch": torch, "nn": nn, "np": np, "math": math, "__name__": "__main__"}

        def run() -> dict:
            exec(compile(source, "<answer>", "exec"), names)
            return names

        context = desk_with(run, "<test>")
        desk = context.__enter__()
        opened.append(context)
        defined = [
            line.split("(")[0].split()[1].rstrip(":")
            for line in source.splitlines()
            if line[:4] in ("def ", "clas")
        ]
        return SimpleNamespace(**{name: desk.name(name) for name in defined})

    yield define
    for context in opened:
        context.__exit__(None, None, None)


VALUES = [
    None,
    True,
    3,
    -0.5,
    math.inf,
    2 + 3j,
    "text \u4e2d",
    b"bytes",
    [1, [2.5, "x"]],
    (1, (2, 3)),
    {"a": 1, 2: [3]},
    {1, 2},
    frozenset("ab"),
    range(2, 9, 3),
    slice(1, None),
    ...,
    torch.Size((2, 3)),
    torch.float64,
    torch.device("cpu"),
    np.float32(0.5),
    np.int64(7),
    np.str_("text"),
    np.datetime64("2020-01-31"),
    Counter("aab"),
    OrderedDict(b=1, a=2),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_plain_values_come_back_as_they_went(at_desk, value):
    found = at_desk("def same(x):\n    return (x, x)").same(value)
    assert type(found[0]) is type(value)
    assert found == (value, value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.arange(6.0).reshape(2, 3),
        lambda: torch.arange(24).reshape(2, 3, 4)[:, ::2].mT,
        lambda: torch.zeros(0, 3),
        lambda: torch.tensor(1 + 2j),
        lambda: torch.ones(1, 1).expand(4, 5),
        lambda: torch.tensor([math.nan, -math.inf]),
        lambda: torch.tensor([True, False]),
    ],
)
def test_new_tensors_arrive_with_shape_dtype_and_values(at_desk, make):
    given = make()
    found = at_desk("def copied(x):\n    return x.clone(memory_format=torch.preserve_format)").copied(given)
    assert (found.shape, found.dtype, found.requires_grad) == (given.shape, given.dtype, False)
    torch.testing.assert_close(found, given, equal_nan=True)


def test_arrays_and_tables_arrive(at_desk):
    made = at_desk("""
def made():
    import pandas as pd
    return np.eye(2, dtype='float32'), pd.DataFrame({'a': [1, 2], 'b': ['x', None]})""")
    array, table = made.made()
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, np.eye(2))
    pd.testing.assert_frame_equal(table, pd.DataFrame({"a": [1, 2], "b": ["x", None]}))


def test_columns_of_all_kinds_arrive(at_desk):
    columns = {
        "whole": pd.array([1, None], dtype="Int64"),
        "day": pd.to_datetime(["2020-01-31", None]),
        "yes": pd.array([True, None], dtype="boolean"),
        "kind": pd.Categorical(["x", "y"]),
    }
    table = pd.DataFrame(columns)
    found = at_desk("def same(x):\n    return x.copy()").same(table)
    assert list(found.dtypes) == list(table.dtypes)
    pd.testing.assert_frame_equal(found, table)


TOO_LARGE = {
    "a list of three million": "[0] * 3_000_000",
    "arrays of 200 MB": "[np.ones(2**22) + i for i in range(6)]",
    "a text of 200 MB": "'x' * 2**28",
    "lists in lists": "nested",
}


@pytest.mark.parametrize("value", TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_is_too_large_to_send_is_an_error_of_the_answer(at_desk, value):
    source = "nested, x = [], torch.ones(2)\nfor _ in range(99): nested = [nested]\n"
    source += f"def large():\n    return x, {value}\ndef grow(items):\n    items.append({value})\n"
    desk = at_desk(source + "def small():\n    return x")
    with pytest.raises(ValueError, match="too") as raised:
        desk.large()
    assert raised.value.students_part is None  # no line of the student's is to blame
    assert desk.small().tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="too"):
        desk.grow([])


def test_what_cannot_be_sent_stays_there(at_desk):
    desk = at_desk("""
def long():
    return 10**6000
def taken():
    x = torch.ones(2)
    x.untyped_storage().resize_(0)
    return x
def grown(x):
    x.resize_(9)""")
    with pytest.raises(check.Failed, match="should be a plain"):
        check.close(desk.taken(), torch.ones(2))
    assert isinstance(desk.long(), int)
    with pytest.raises(ValueError, match="another size"):
        desk.grown(torch.ones(2))


def test_an_argument_that_comes_back_is_the_same_object(at_desk):
    desk = at_desk("def same(x):\n    return [x, x]")
    for given in (torch.ones(2), [1], {}, np.ones(2), nn.Linear(1, 1)):
        first, second = desk.same(given)
        assert first is given
        assert second is given


def test_what_changes_in_place_changes_here(at_desk):
    desk = at_desk(
        "def change(x, items, table, a):\n    x[:, 0] += 1\n    items.append(x)\n"
        "    table['n'] = len(items)\n    a *= 2"
    )
    x, items, table, a = torch.zeros(2, 2), [], {}, np.ones(3)
    view, transposed = x[:, 0], x.T
    desk.change(transposed, items, table, a)
    assert x.tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert view.tolist() == [1.0, 0.0]
    assert items[0] is transposed
    assert table == {"n": 1}
    assert a.tolist() == [2.0, 2.0, 2.0]


def test_memory_is_shared_there_as_it_is_here(at_desk):
    desk = at_desk(
        "def row(x):\n    return x[1]\ndef copied(x):\n    return x[1].clone()\ndef array(x):\n"
        "    return x.numpy()"
    )
    x = torch.zeros(3, 2)
    check.shares_memory(desk.row(x), x)
    check.own_memory(desk.copied(x), x)
    desk.row(x).fill_(7)
    assert x[1].tolist() == [7.0, 7.0]
    check.shares_memory(desk.array(x), x)


def test_changes_here_arrive_there(at_desk):
    desk = at_desk("def total(items):\n    return sum(float(x.sum()) for x in items)")
    x = torch.ones(3)
    items = [x]
    assert desk.total(items) == 3.0
    x.mul_(2)
    items.append(torch.ones(1))
    assert desk.total(items) == 7.0


KEEPS = """
kept = []
def keep(x):
    kept.append({what})
def change():
    {change}
"""


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("x", "kept[0][0] = 7"),
        ("x[:1]", "kept[0][0] = 7"),
        ("x.detach()", "kept[0].fill_(7)"),
        ("x.numpy()", "kept[0][:] = 7"),
        ("x.untyped_storage()", "torch.tensor([]).set_(kept[0]).fill_(7)"),
        ("(lambda: x)", "kept[0]().fill_(7)"),
    ],
)
def test_an_argument_that_the_answer_keeps_may_change_in_a_later_call(at_desk, what, change):
    desk = at_desk(KEEPS.format(what=what, change=change))
    x = torch.zeros(3)
    desk.keep(x)
    for _ in range(3):
        desk.change()
        assert x[0] == 7.0
        x.zero_()


def test_a_leaf_that_only_a_graph_refers_to_gets_its_gradient_in_a_later_call(at_desk):
    desk = at_desk(
        "losses = []\ndef keep(w):\n    losses.append((3 * w).sum())\ndef go():\n    losses[-1].backward()"
    )
    w = torch.ones(2, requires_grad=True)
    desk.keep(w)
    desk.go()
    assert w.grad.tolist() == [3.0, 3.0]


def test_kept_containers_and_objects_may_change_in_a_later_call(at_desk):
    desk = at_desk(
        "kept = []\ndef keep(*items):\n    kept.extend(items)\ndef change():\n    kept[0].append(1)\n"
        "    kept[1]['a'] = kept[0]\n    kept[2].add(2)\n    kept[3].n = 4\n    kept[4]['n'] = 5\n"
        "def variables(x):\n    kept.append(vars(x))"
    )
    items, table, group, first, second = [], {}, set(), Namespace(n=0), Namespace(n=0)
    desk.keep(items, table, group, first)
    desk.variables(second)
    desk.change()
    assert (items, group, first.n, second.n) == ([1], {2}, 4, 5)
    assert table["a"] is items


def test_an_argument_that_rested_is_compared_again_when_it_is_named(at_desk):
    desk = at_desk("def grow(x, items):\n    x += 1\n    items[0] *= 2\n    return x[:1]")
    x, inner = torch.zeros(3), torch.ones(2)
    rows = []
    for _ in range(3):
        rows.append(desk.grow(x, [inner]))
        x = x + 1
    assert x.tolist() == [6.0, 6.0, 6.0]
    assert inner.tolist() == [8.0, 8.0]
    assert [row.tolist() for row in rows] == [[1.0], [3.0], [5.0]]


def test_what_a_test_no_longer_refers_to_is_forgotten(at_desk):
    desk = at_desk("class Pair:\n    pass\ndef made(x, items):\n    return Pair(), [x], torch.ones(3)")
    twins = type(desk.made)._desk.twins
    for _ in range(20):
        desk.made(torch.zeros(3), [1, 2])
    assert max(len(twins.objects), len(twins.storages), len(twins.stand_ins)) < 20


def test_an_object_of_the_desk_is_known_again_after_the_test_has_let_it_go(at_desk):
    desk = at_desk(
        "class One:\n    def me(self):\n        return self\none = One()\ndef same(_):\n    return one"
    )
    twice = desk.same(desk.same(0).me())
    assert twice is desk.same(twice.me)
    items = [desk.same(0)]
    del twice
    assert items[0] is desk.same(items)


def test_functions_of_a_test_run_there_and_leave_their_notes_here(at_desk):
    desk, seen = at_desk("def twice(f, x):\n    return f(f(x))"), []

    def double(x):
        seen.append(x)
        return 2 * x

    assert desk.twice(double, 3) == 12
    assert seen == [3, 6]


def test_iterators_work_in_both_directions(at_desk):
    desk = at_desk("def doubled(items):\n    for item in items:\n        yield 2 * item")
    found = desk.doubled(number for number in range(10**9))
    assert [next(found) for _ in range(3)] == [0, 2, 4]


def test_a_class_of_the_students_stays_there(at_desk):
    desk = at_desk(
        "class Pair:\n    def __init__(self, a):\n        self.a = a\n    def __add__(self, other):\n"
        "        return type(self)(self.a + (other.a if isinstance(other, Pair) else other))\n"
        "    __radd__ = __add__\n    def __len__(self):\n        return 2\n"
        "    def __eq__(self, other):\n        return True"
    )
    pair = desk.Pair(3)
    assert isinstance(pair, desk.Pair)
    assert ((pair + desk.Pair(4)).a, (1 + pair).a, len(pair)) == (7, 4, 2)
    pair.a = 9
    assert pair.a == 9
    heir = type("Heir", (desk.Pair,), {})
    assert isinstance(heir(1) + 1, heir)
    assert isinstance(heir(1), desk.Pair)
    with pytest.raises(AttributeError, match="no_such"):
        _ = pair.no_such
    with pytest.raises(check.Failed):
        check.equal(pair, 3)


def test_what_is_right_is_not_shown_to_an_object_of_the_students(at_desk):
    desk = at_desk(
        "class Any(float):\n    def __eq__(self, other):\n        return True\n"
        "    __lt__ = __le__ = __gt__ = __ge__ = __eq__\n    __hash__ = float.__hash__\n"
    )
    found = desk.Any(3)
    assert not (found == 5.0 or found == 5.0 or found in [5.0])
    assert found != 5.0
    assert found == desk.Any(4)
    for compare in (lambda: found < 5.0, lambda: found > 5.0):
        with pytest.raises(TypeError):
            compare()


def test_libraries_get_neither_memory_nor_verdicts_from_an_object_of_the_students(at_desk):
    desk = at_desk("""
class Any(float):
    __array_interface__ = {"data": (64, False), "shape": (1,), "typestr": "<f8", "version": 3}
    def __array__(self, *_, **__):
        return np.ones(1)
    @classmethod
    def __torch_function__(cls, *_, **__):
        return True
    @classmethod
    def __array_function__(cls, *_, **__):
        return True""")
    found = desk.Any()
    assert np.asarray(found).dtype == object
    with pytest.raises(TypeError):
        torch.equal(found, torch.ones(1))
    with pytest.raises(AttributeError):
        _ = found.__reduce_ex__
    with pytest.raises(check.Failed):
        check.close(found, torch.ones(1))


def test_modules_of_torch_are_built_here_and_the_students_stay_there(at_desk):
    desk = at_desk(
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layer = nn.Linear(2, 1)\n"
        "    def forward(self, x):\n        return self.layer(x)\n"
        "def mlp():\n    return nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))\n"
        "def shrink(net):\n    net.eval()\n    with torch.no_grad():\n"
        "        for p in net.parameters():\n            p.mul_(0)"
    )
    net = desk.mlp()
    assert type(net) is nn.Sequential
    assert [type(layer) for layer in net] == [nn.Linear, nn.ReLU, nn.Linear]
    desk.shrink(net)
    assert not net[0].training
    assert all(parameter.abs().sum() == 0 for parameter in net.parameters())
    own = desk.Net()
    assert isinstance(own, nn.Module)
    assert isinstance(own.layer, nn.Linear)
    X = torch.ones(4, 2)
    torch.testing.assert_close(own(X).detach(), own.layer(X).detach())


def test_optimizers_and_gradients_are_kept_equal(at_desk):
    desk = at_desk(
        "def step(net, optimizer, x):\n    optimizer.zero_grad()\n    net(x).sum().backward()\n"
        "    optimizer.step()"
    )
    net = check.linear(torch.zeros(1, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
    for _ in range(2):
        desk.step(net, optimizer, torch.ones(1, 2))
    assert net.weight.tolist() == [[-1.45, -1.45]] or torch.allclose(net.weight, torch.full((1, 2), -1.45))
    assert net.weight.grad.tolist() == [[1.0, 1.0]]
    assert torch.allclose(optimizer.state[net.weight]["momentum_buffer"], torch.full((1, 2), 1.9))


def test_graphs_are_kept_there(at_desk):
    desk = at_desk("def square(x):\n    return x * x")
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    found = desk.square(x)
    assert found.requires_grad
    assert not found.is_leaf
    check.backward(found)
    assert x.grad.tolist() == [4.0, 6.0]
    check.gradient(desk.square, lambda x: x**2, torch.tensor([1.0, 5.0]))


def test_random_numbers_are_drawn_from_one_stream(at_desk):
    desk = at_desk("def draw(generator=None):\n    return torch.rand(2, generator=generator)")
    torch.manual_seed(3)
    first, second = torch.rand(2), torch.rand(2)
    torch.manual_seed(3)
    assert torch.equal(desk.draw(), first)
    assert torch.equal(torch.rand(2), second)
    generator, same = check.generator(5), check.generator(5)
    torch.rand(2, generator=same)
    desk.draw(generator)
    assert torch.equal(generator.get_state(), same.get_state())


def test_errors_come_with_the_students_line(at_desk):
    desk = at_desk(
        "def broken(x):\n    return x['a']\nclass Odd(ValueError): pass\ndef odd():\n    raise Odd('why')"
    )
    with pytest.raises(KeyError) as raised:
        desk.broken({})
    assert "in `broken`, line 2 of its cell" in raised.value.students_part
    with pytest.raises(ValueError, match="why") as raised:
        desk.odd()
    assert type(raised.value).__name__ == "Odd"


@pytest.mark.parametrize(
    "name",
    ["Failed", "NotDoneYet", "eval", "KeyError", "ExceptionGroup", "SystemExit", "UnicodeDecodeError"],
)
def test_an_exception_is_what_its_fixed_table_says(at_desk, name):
    desk = at_desk(f"class {name}(Exception): pass\ndef odd():\n    raise {name}('why')")
    with pytest.raises(BaseException, match="why") as raised:
        desk.odd()
    assert type(raised.value).__name__ in (name, "ValueError", "Exception")
    assert not isinstance(raised.value, check.Failed | check.NotDoneYet | wire.Hangup)
    assert "your code stopped with" in raised.value.students_part


def test_the_mistake_of_a_failure_is_a_short_text_or_nothing(at_desk):
    desk = at_desk(
        "from course_utils import check\ndef odd(mistake):\n    raise check.Failed('why', mistake)"
    )
    for given, kept in (("one", "one"), ("x" * 10**6, None), (3, None), ({"a": 1}, None)):
        with pytest.raises(check.Failed, match="why") as raised:
            desk.odd(given)
        assert raised.value.mistake == kept


def test_a_refused_function_is_refused_there(at_desk):
    desk = at_desk("def softmax(x):\n    return torch.softmax(x, 0)")
    with check.without("torch.softmax"), pytest.raises(check.Failed, match="solve this one without"):
        desk.softmax(torch.ones(2))
    check.close(desk.softmax(torch.ones(2)), torch.full((2,), 0.5))


def test_a_tensor_too_large_to_send_keeps_its_shape(at_desk):
    found = at_desk("def large():\n    return torch.zeros(5000, 5000)").large()
    assert found.shape == (5000, 5000)
    assert found.isnan().all()


NONSENSE = {
    "an unknown tag": ["code", "print"],
    "no number": ["list", "x", []],
    "a number of the examiner's": ["list", 2, []],
    "an unknown object": ["ref", 99],
    "an unknown storage": [
        "tensor",
        1,
        55,
        [[1], [1], 0, "torch.float32"],
        [False, True, False, "cpu"],
        None,
    ],
    "a place outside the storage": [
        *("tensor", 1, [3, 0], [[10**6], [1], 0, "torch.float32"], [False, True, False, "cpu"], None)
    ],
    "no memory at all": [
        *("tensor", 1, None, [[3], [1], 0, "torch.float32"], [False, True, False, "cpu"], None)
    ],
    "a special method that no stand-in has": ["class", 1, "A", ["getattribute"], [], "builtins.object"],
    "a dtype that is none": ["dtype", "load"],
    "an array of objects": ["bytes array", 1, "O", [1], 0],
    "an array outside its storage": ["array", 1, [3, 0], "float32", [10**6], [4], 0],
    "a class that is no module": ["module", 1, "torch.nn.parameter", "Parameter", []],
    "a class of another library": ["module", 1, "os", "system", []],
    "a name that is none": ["named", "__class__", ["a"], [1]],
    "too deep": [],
    "too many": ["tuple", [["tuple", [0] * 2000]] * 2000],
    "no list": {"a": 1},
}
deep: list = NONSENSE["too deep"]
for _ in range(100):
    deep[:] = ["tuple", [list(deep)]] if deep else ["tuple", []]


@pytest.mark.parametrize("data", NONSENSE.values(), ids=NONSENSE)
def test_what_no_desk_sends_is_refused(data):
    decoder = Decoder(Twins(first=0), [bytes(16)], lambda *_: None, lambda *_: object)
    with pytest.raises((ValueError, TypeError, KeyError, IndexError, RuntimeError, AttributeError)):
        decoder.value(data)


def test_numpy_never_reads_beyond_its_numbers():
    said = settings.to_json(settings.now())
    for place in (-1, 10**6, None):
        said["numpy"][2] = place
        with pytest.raises(ValueError, match="beyond"):
            settings.from_json(said)


@pytest.mark.parametrize(
    "said", [b"\xff\xff\xff\xff", b"\0\0\0\2{}", b'\0\0\0\x1a{"head": 1, "sizes": [-3]}']
)
def test_what_is_no_message_is_refused(said):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(said)
        with pytest.raises(wire.NoMessage):
            wire.receive(ours)


def test_a_hang_up_is_noticed():
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(wire.Hangup):
        wire.receive(ours)


COUNTER = """
class Counter:
    def __init__(self):
        self.n = 0
    def step(self, by=1):
        self.n += by
        return self.n
    def change(self):
        self.step = 7
def change_class():
    Counter.step = lambda self: 'another'
"""


def trips(work: Callable[[], Any]) -> int:
    """How often the examiner asks the desk while work() runs."""
    sent, send = [], wire.send
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "send", lambda *message: (sent.append(1), send(*message)))
        work()
    return len(sent)


def test_a_method_is_looked_up_once(at_desk):
    names = at_desk(COUNTER)
    counter = names.Counter()
    assert trips(lambda: counter.step()) == 2
    assert trips(lambda: [counter.step(2), counter.step(by=3)]) == 2
    assert counter.n == 6


def test_a_method_that_gives_way_to_a_value_is_looked_up_again(at_desk):
    counter = at_desk(COUNTER).Counter()
    assert counter.step() == 1
    counter.change()
    assert counter.step == 7


def test_a_method_that_the_class_gets_anew_is_looked_up_again(at_desk):
    names = at_desk(COUNTER)
    counter = names.Counter()
    assert counter.step() == 1
    names.change_class()
    assert counter.step() == "another"


def test_a_property_and_an_attribute_of_the_object_are_looked_up_each_time(at_desk):
    counter = at_desk("""
class Ticking:
    def __init__(self):
        self.n, self.up = 0, self.tick
    def tick(self):
        self.n += 1
        return self.n
    @property
    def now(self):
        return self.tick()
""").Ticking()
    assert [counter.now, counter.now, counter.up(), counter.up(), counter.n] == [1, 2, 3, 4, 4]


def test_a_kept_method_does_not_keep_its_object(at_desk):
    names = at_desk("""
import weakref
class Held:
    def step(self):
        return 1
def watched(held, known=[]):
    known.append(weakref.ref(held))
def alive():
    return sum(one() is not None for one in watched.__defaults__[0])
""")
    held = names.Held()
    held.step()
    names.watched(held)
    assert names.alive() == 1
    del held
    names.alive()  # tells the desk that nobody needs it; its method goes with it, and is told the next time
    names.alive()
    assert names.alive() == 0


def test_what_a_call_gives_away_is_compared_no_more(at_desk):
    double = at_desk("def double(x):\n    return x * 2").double
    desk, X = type(double)._desk, torch.ones(3)
    found = [double(X) for _ in range(50)]
    assert len(desk.twins.objects) < 20 and len(desk.twins.storages) < 20
    found[0][0] = 5.0  # it is the test's own now, and travels anew
    torch.testing.assert_close(double(found[0]), torch.tensor([10.0, 4.0, 4.0]))


def test_what_the_desk_keeps_stays_the_same_object(at_desk):
    names = at_desk("""
kept = []
def keep(x):
    kept.append(x * 2)
    return kept[-1]
def same(x):
    return x is kept[0] and x.data_ptr() == kept[0].data_ptr()
def change():
    kept[0].zero_()
def add(x, y):
    return x + y
""")
    first = names.keep(torch.ones(3))
    for _ in range(4):
        names.add(torch.ones(1), torch.ones(1))
    assert names.same(first)
    names.change()
    assert first.tolist() == [0.0, 0.0, 0.0]


def test_a_view_of_what_was_given_away_still_shares_its_memory(at_desk):
    names = at_desk("""
def double(x):
    return x * 2
def fill(x, y):
    x.fill_(3.0)
    return y.tolist()
""")
    whole = names.double(torch.ones(4))
    part = whole[:2]
    for _ in range(3):
        names.double(part)
    assert names.fill(part, whole) == [3.0, 3.0, 2.0, 2.0]
    assert whole.tolist() == [3.0, 3.0, 2.0, 2.0]
    whole[0] = 9.0
    assert names.fill(whole[2:], part) == [9.0, 3.0]


def test_parameters_come_in_one_piece(at_desk):
    net = at_desk("""
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(10))
""").Net()
    found = net.parameters()
    assert trips(lambda: list(found)) == 1
    assert len(list(net.parameters())) == 20


def test_a_students_iterator_runs_only_as_far_as_it_is_asked_to(at_desk):
    names = at_desk("""
made = []
def count():
    for i in range(10):
        made.append(i)
        yield i
def so_far():
    return list(made)
""")
    numbers = iter(names.count())
    assert [next(numbers), next(numbers)] == [0, 1]
    assert names.so_far() == [0, 1]


def test_many_calls_travel_together(at_desk):
    desk = at_desk("""
def grow(x, by):
    x += by
    return x.sum().item()
""")
    x, y = torch.zeros(2), torch.ones(2)
    assert check.each(desk.grow, [(x, 1), (y, 2), (x, 3)]) == [2.0, 6.0, 8.0]
    assert x.tolist() == [4.0, 4.0] and y.tolist() == [3.0, 3.0]
    with pytest.raises(TypeError) as caught:
        check.each(desk.grow, [(x, 1), (x, None)])
    assert "line 3" in caught.value.students_part
    assert x.tolist() == [5.0, 5.0]


def test_calls_that_travel_together_can_be_looked_at_in_turn(at_desk):
    desk = at_desk("""
made = []
def divide(a, b):
    made.append(b)
    return a / b
def so_far():
    return made
""")
    found = check.in_turn(desk.divide, [(6, 2), (6, 0), (6, 3)])
    assert next(found) == 3.0
    with pytest.raises(ZeroDivisionError) as caught:
        next(found)
    assert "line 5" in caught.value.students_part
    assert desk.so_far() == [2, 0]


def test_files_of_a_check_lie_at_the_desk(at_desk):
    names = at_desk("""
import os
def save(path):
    assert os.path.isdir(path.parent)
    path.write_bytes(b"abc")
def size(path):
    return path.stat().st_size
""")
    with check.folder() as place:
        names.save(place / "a.bin")
        assert (place / "a.bin").exists() and (place / "a.bin").read_bytes() == b"abc"
        (place / "b.bin").write_bytes(b"four")
        assert names.size(place / "b.bin") == 4
        with pytest.raises(RuntimeError, match=r"reach it by check\.made"):
            (place / "a.bin").stat()
    assert not place.exists()
