"""The statements of the test language. Each returns quietly or raises Failed with a sentence.

Where a statement takes `known`, it maps a sentence for the student to the wrong value which that sentence
explains: `known={"the survivors are not scaled": X}`. `close` also takes a function that gives this mapping,
and calls it only when something is wrong.
"""

import contextlib
import inspect
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from course_utils.check import _desk
from course_utils.check._data import normal
from course_utils.check._failure import NO_RETURN, Failed, NotDoneYet, mistake_id
from course_utils.check._show import first_difference, show, show_dtype

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

UNANSWERED = "?"
NAMELESS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

# Types that the student cannot have changed. Other objects may call themselves equal to anything.
PLAIN = {bool, int, float, complex, str, bytes, type(None), range, torch.dtype, torch.device}
PLAIN |= set(np.sctypeDict.values())
TENSORS = {torch.Tensor, torch.nn.Parameter}
NUMBERS = {float: {float, np.float64}, int: {int}}  # np.float64 is a float and behaves like one

# What `without` knows by one name. Forward mode, in all its forms, makes its dual numbers with _make_dual.
GROUPS = {
    "autograd": (
        "torch.autograd.grad",
        "torch.autograd.backward",
        "torch.Tensor.backward",
        "torch._make_dual",
    )
}

# Relative and absolute tolerance of `close` when the test cell names none: some thousand roundings.
TOLERANCES = {torch.float64: (1e-7, 1e-9), torch.float32: (1e-4, 1e-6)}


def fail(message: str, *, mistake: str | None = None) -> None:
    """End the case with this sentence."""
    raise Failed(message, mistake)


def that(condition: bool | torch.Tensor, message: str) -> None:
    """The condition holds; the message says what is wrong otherwise, and is counted as a known mistake."""
    if isinstance(condition, torch.Tensor):
        _tensor(condition)
        _one_entry(condition, "True or False")
    elif type(condition) not in PLAIN | {list, tuple, dict, set}:
        raise Failed(f"should be True or False, found {_kind(condition)}", "type")
    if not bool(condition):
        raise Failed(message, mistake_id(message))


def like(found: Any, expected: torch.Tensor) -> None:
    """A tensor with the shape, dtype and device of `expected`, which only serves as a pattern."""
    _tensor(found)
    if found.shape != expected.shape:
        raise Failed(f"the shape should be {tuple(expected.shape)}, found {tuple(found.shape)}", "shape")
    if found.dtype != expected.dtype:
        raise Failed(
            f"the dtype should be {show_dtype(expected.dtype)}, found {show_dtype(found.dtype)}", "dtype"
        )
    if found.device != expected.device:
        raise Failed(f"the device should be {expected.device}, found {found.device}", "device")


def number(found: Any, kind: type = float) -> None:
    """A plain Python number of this kind (float or int), not a tensor and not a bool."""
    if type(found) not in NUMBERS[kind]:
        raise Failed(f"should be a Python {kind.__name__}, found {_found(found)}", "type")


def close(
    found: Any,
    expected: Any,
    message: str = "",
    *,
    known: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    strict: bool = False,
) -> None:
    """Shape and values agree within tolerance; dtypes may differ. nan agrees with nan.

    found, expected: tensors of any shape, or numbers. rtol, atol: as in torch.isclose; the default fits
    the less precise of the two dtypes. strict: dtype and device must be those of `expected`, too.
    """
    if strict:
        _tensor(found)
    value, right = _as_tensor(found), _as_tensor(expected)
    if rtol is None and atol is None:
        rtol, atol = max(_tolerance(value), _tolerance(right))
    tolerance = {"rtol": rtol or 0.0, "atol": atol or 0.0}
    agree = _agree(value, right, tolerance)
    if not agree:
        _raise_known(value, known() if callable(known) else known, tolerance)
    if strict:
        like(found, expected)
    if not agree:
        raise Failed(_sentence(message, _difference(value, right, tolerance)), _named(message))


def equal(found: Any, expected: Any, message: str = "", *, known: Mapping[str, Any] | None = None) -> None:
    """Exactly the same: for ints, bools, strings, lists, dicts of these, and tensors of whole numbers."""
    if isinstance(expected, torch.Tensor):
        close(found, expected, message, known=known, rtol=0.0, atol=0.0)
        return
    if not _same(found, expected):
        for sentence, wrong in (known or {}).items():
            if _same(found, wrong):
                raise Failed(sentence, mistake_id(sentence))
        texts = show(expected), show(found)
        place = ""
        if texts[0] == texts[1] and type(found) is type(expected) is list:  # they differ behind what is shown
            if len(found) != len(expected):
                texts = f"{len(expected)} entries", str(len(found))
            else:
                i = next(i for i, pair in enumerate(zip(found, expected, strict=True)) if not _same(*pair))
                place, texts = f"at [{i}]: ", (show(expected[i]), show(found[i]))
        detail = f"{place}expected {texts[0]}, found {texts[1]}{NO_RETURN if found is None else ''}"
        raise Failed(_sentence(message, detail), _named(message))


def between(
    found: Any,
    low: float,
    high: float,
    message: str = "",
    *,
    known: Mapping[str, float | tuple[float, float]] | None = None,
) -> None:
    """One number in [low, high].

    known: sentence -> the wrong value it explains, matched within half the width, or its own (low, high).
    """
    value = _real_number(found)
    if not low <= value <= high:
        for sentence, wrong in (known or {}).items():
            if _in_band(value, wrong, (high - low) / 2):
                raise Failed(sentence, mistake_id(sentence))
        detail = f"expected a number from {low:g} to {high:g}, found {value:.6g}"
        raise Failed(_sentence(message, detail), _named(message))


def _one_of(answer: Any, options: Sequence[Any]) -> None:
    """The answer to a claim card is given and legal; whether it is right is another case's business.

    Capitals, and brackets or spaces around an answer, do not matter.
    """
    if _answer(answer) == UNANSWERED:
        raise NotDoneYet
    if _answer(answer) not in map(_answer, options):
        raise Failed(f"{show(answer)} is not one of the answers: {', '.join(map(show, options))}", "illegal")


def claims(answers: Any, options: Mapping[str, Sequence[Any]]) -> None:
    """Every claim of a dict of answers is answered with one of its options."""
    if not isinstance(answers, dict):
        raise Failed(f"the answers should stay in a dict, found {_kind(answers)}", "type")
    missing = [claim for claim in options if claim not in answers]
    if missing:
        raise Failed(f"no answer for {missing[0]!r}: keep the keys of the dict as they were", "missing")
    open_claims = [claim for claim in options if _answer(answers[claim]) == UNANSWERED]
    if len(open_claims) == len(options):
        raise NotDoneYet
    if open_claims:
        raise Failed(f"not answered yet: {', '.join(map(repr, open_claims))}", "incomplete")
    for claim, legal in options.items():
        try:
            _one_of(answers[claim], legal)
        except Failed as failure:
            raise Failed(f"{claim!r}: {failure}", failure.mistake) from None


def right(answers: Mapping[str, Any], expected: Mapping[str, Any], hint: str) -> None:
    """The answers to these claims are right. Tells how many are not, and never which or what is."""
    wrong = sum(_answer(answers[claim]) != _answer(right) for claim, right in expected.items())
    if wrong:
        are = "is" if wrong == 1 else "are"
        raise Failed(f"{wrong} of {len(expected)} {are} not right yet; {hint}", "wrong-claims")


def expression(text: str, **values: Any) -> Any:
    """What a Python expression of these values gives, such as "3 - v".

    Where Python finds no operator or method for it, the sentence names the expression.
    """
    return _desk.run(_evaluate, text, values)


def _evaluate(text: str, values: dict[str, Any]) -> Any:
    try:
        return eval(compile(text, __file__, "eval"), {}, values)
    except (TypeError, AttributeError) as error:
        if error.__traceback__.tb_next.tb_next is not None:
            raise  # from inside the answer: the feedback points at its line
        raise Failed(f"`{text}` does not work: {error}", "no-operator") from None


def at_most(steps: int, message: str) -> contextlib.AbstractContextManager:
    """What is called inside takes at most so many steps of Python's machine: for walks that might not end."""
    return _desk.inside(_counting, [steps], message)


@contextlib.contextmanager
def _counting(left: list[int], message: str) -> Iterator[None]:
    before = sys.gettrace()

    def count(frame, event, _):
        frame.f_trace_opcodes = True
        left[0] -= event == "opcode"
        if left[0] < 0:
            raise Failed(message, mistake_id(message))
        return count

    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(before)


def raises(error: type[Exception], function: Callable, *args: Any, **kwargs: Any) -> None:
    """The call raises this error, with a message."""
    try:
        result = function(*args, **kwargs)
    except NotDoneYet:
        raise
    except error as raised:
        that(str(raised).strip() != "", f"the {error.__name__} should say in its message what was wrong")
        return
    except Exception as other:
        raise Failed(
            f"{_call(function, args, kwargs)} should raise {error.__name__}, "
            f"it raised {type(other).__name__}: {other}",
            "wrong-error",
        ) from None
    raise Failed(
        f"{_call(function, args, kwargs)} should raise {error.__name__}, it returned {show(result)}",
        "no-error",
    )


def each_raises(error: type[Exception], function: Callable, calls: Iterable[tuple]) -> None:
    """`raises` for function(*call) of each of these calls, which travel together."""
    calls = list(calls)
    for call in calls[_desk.run(_raising, error, function, calls) :]:
        raises(error, function, *call)


def _raising(error: type[Exception], function: Callable, calls: list[tuple]) -> int:
    """How many of the calls, from the first on, raise this error with a message."""
    for count, call in enumerate(calls):
        try:
            function(*call)
            return count
        except Exception as raised:
            if isinstance(raised, NotDoneYet) or not isinstance(raised, error) or not str(raised).strip():
                return count
    return len(calls)


def unchanged(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call the function, return its result, and hold it to leaving its arguments as they were."""
    before = _copy((args, kwargs))
    result = function(*args, **kwargs)
    _refuse_changes(function, args, kwargs, before)
    return result


def _refuse_changes(function: Callable, args: tuple, kwargs: dict, before: tuple) -> None:
    """before: copies of args and kwargs, made before the call."""
    if not _same((args, kwargs), before):
        arguments = _arguments(function, args, kwargs, before)
        changed = [(name, now, old) for name, now, old in arguments if not _same(now, old)]
        where = "look for `-=`, `x[...] =` or a method whose name ends in `_`"
        if all(isinstance(old, list) and len(now) != len(old) for _, now, old in changed):
            where = "look for `x[...] =`, `+=`, `del` or a method such as `pop`"
        names = ", ".join(name for name, _, _ in changed)
        raise Failed(f"the function changed its input {names}: {where}", "changed-input")


def same_object(found: Any, expected: Any, message: str = "") -> None:
    """It is this very object, not an equal one."""
    if found is not expected:
        other = f"None{NO_RETURN}" if found is None else "another one"
        detail = f"it should be the very object that was passed in, found {other}"
        raise Failed(_sentence(message, detail), _named(message) or "another-object")


def shares_memory(a: Any, b: Any, message: str = "") -> None:
    """The two tensors or arrays have memory in common."""
    if not _overlap(a, b):
        raise Failed(message or "the two should share their memory, and do not", _named(message) or "copied")


def own_memory(a: Any, b: Any, message: str = "") -> None:
    """The two tensors or arrays have no memory in common."""
    if _overlap(a, b):
        raise Failed(
            message or "the two share memory: one of them should be a copy", _named(message) or "shared"
        )


def gradient(
    function: Callable,
    reference: Callable,
    *inputs: torch.Tensor,
    fixed: Sequence[Any] = (),
    known: Mapping[str, Callable] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """The function's gradient with respect to each input is that of the reference.

    All functions are called with the inputs and then the `fixed` arguments, which get no gradient. Their
    results are multiplied by one random tensor before they are summed: a plain sum would hide mistakes (the
    entries of a softmax, for one, always sum to 1).
    known: sentence -> function whose gradient explains the mistake.
    """
    cotangent = normal(reference(*inputs, *fixed).shape, dtype=inputs[0].dtype)
    expected = _pull_back(reference, inputs, fixed, cotangent)
    found = _desk.run(_pull_back, function, inputs, fixed, cotangent)

    def wrong(i: int) -> dict[str, torch.Tensor]:
        mistakes = (known or {}).items()
        return {words: _pull_back(other, inputs, fixed, cotangent)[i] for words, other in mistakes}

    names = _parameters(function, len(inputs) + len(fixed)) if len(inputs) > 1 else []
    for i, (mine, right) in enumerate(zip(found, expected, strict=True)):
        name = "the gradient" if len(inputs) == 1 else f"the gradient for {names[i]}"
        close(mine, right, f"{name} is wrong", known=partial(wrong, i), rtol=rtol, atol=atol)


def backward(result: torch.Tensor) -> None:
    """Differentiate the sum of a result of the student's code: the gradients are in .grad of its leaves."""
    _desk.run(_backward, result)


def _backward(result: torch.Tensor) -> None:
    result.sum().backward()


def made(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """What function(*args, **kwargs) gives, called beside the student's code.

    A tensor made so keeps its graph on its way to an answer, and a file is found where the answer wrote it.
    """
    return _desk.run(function, *args, **kwargs)


def each(function: Callable, calls: Iterable[tuple]) -> list:
    """[function(*call) for each of these calls]. All are made before any result is looked at.

    Where tests and answers have processes of their own, many calls take as long to travel as one.
    """
    return _desk.run(_each, function, list(calls))


def _each(function: Callable, calls: list[tuple]) -> list:
    return [function(*call) for call in calls]


def in_turn(function: Callable, calls: Iterable[tuple], *, unchanged: bool = False) -> Iterator[Any]:
    """What `each` gives, one by one: an error is raised when the results before it have been looked at.

    unchanged: hold the function to leaving its arguments alone.
    """
    calls = list(calls)
    copies = [_copy((call, {})) if unchanged else None for call in calls]
    for call, before, result in zip(calls, copies, _in_turn(function, calls), strict=True):
        if unchanged:
            _refuse_changes(function, call, {}, before)
        yield result


def _in_turn(function: Callable, calls: list[tuple]) -> Iterator[Any]:
    found, fail = _desk.run(_up_to_an_error, function, calls)
    yield from found
    if fail is not None:
        fail()


def _up_to_an_error(function: Callable, calls: list[tuple]) -> tuple[list, Callable | None]:
    """The results, and what raises the error that came after them, if one came."""
    found = []
    for call in calls:
        try:
            found.append(function(*call))
        except Exception as error:
            return found, partial(_raise, error)
    return found, None


def _raise(error: Exception) -> None:
    raise error


def without(*names: str) -> contextlib.AbstractContextManager:
    """Make functions unavailable while the student's code runs.

    names: full names of torch functions, such as "torch.nn.functional.one_hot" or "torch.Tensor.softmax",
    or "autograd" for every way to differentiate. A call fails the case, also one through another name that
    the student gave the function.
    """
    return _desk.inside(_RefuseTorchFunctions, *names)


class _RefuseTorchFunctions(TorchFunctionMode):
    """Sees every call of a torch function, under whatever name it was imported."""

    def __init__(self, *names: str):
        super().__init__()
        parts = [(part, name) for name in names for part in GROUPS.get(name, (name,))]
        self.names = {_resolve(part): name for part, name in parts}
        self.codes = {f.__code__: name for f, name in self.names.items() if inspect.isfunction(f)}
        self.operators = {part.rpartition(".")[2].strip("_"): name for part, name in parts}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = self.names.get(func) or self._operator(func) or self._caller()
        if name:
            raise Failed(f"solve this one without `{name}`", "forbidden")
        return func(*args, **(kwargs or {}))

    def _operator(self, func: Callable) -> str | None:
        """The refused function of which this is the operator, such as torch.ops.aten.one_hot."""
        if isinstance(func, torch._ops.OpOverload):
            func = func.overloadpacket
        if not isinstance(func, torch._ops.OpOverloadPacket):
            return None
        own = func.__name__
        return next((name for end, name in self.operators.items() if own.endswith(end)), None)

    def _caller(self) -> str | None:
        """The refused function that is running. Those of torch.nn.init are seen only by what they call."""
        frame = sys._getframe(2) if self.codes else None
        while frame and frame.f_code not in self.codes:
            frame = frame.f_back
        return self.codes[frame.f_code] if frame else None


def _resolve(name: str) -> Callable:
    target = torch
    for part in name.split(".")[1:]:
        target = getattr(target, part)
    return target


def _pull_back(
    function: Callable, inputs: Sequence[torch.Tensor], fixed: Sequence[Any], cotangent: torch.Tensor
) -> list[torch.Tensor]:
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    result = function(*leaves, *fixed)
    like(result, cotangent)
    if not result.requires_grad:
        raise Failed("the result has lost its graph, so no gradient flows back", "no-graph")
    gradients = torch.autograd.grad(result, leaves, cotangent, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, gradients, strict=True)]


def _parameters(function: Callable, count: int) -> list[str]:
    """What the function calls its first arguments; their places if it does not say."""
    places = [f"argument {i + 1}" for i in range(count)]
    try:
        named = [p.name for p in inspect.signature(function).parameters.values() if p.kind not in NAMELESS]
    except (TypeError, ValueError):
        return places
    return named[:count] + places[len(named) :]


def _arguments(
    function: Callable, args: tuple, kwargs: dict, before: tuple
) -> Iterator[tuple[str, Any, Any]]:
    """(name, value now, value before) of each argument of a call."""
    yield from zip(_parameters(function, len(args)), args, before[0], strict=True)
    yield from ((name, value, before[1][name]) for name, value in kwargs.items())


def _overlap(a: Any, b: Any) -> bool:
    arrays = []
    for value in (a, b):
        if isinstance(value, torch.Tensor):
            _tensor(value)
            value = value.detach().resolve_conj().resolve_neg().cpu().numpy()
        if not isinstance(value, np.ndarray):
            raise Failed(f"should be a tensor, found {_found(value)}", "type")
        arrays.append(value)
    return bool(np.shares_memory(*arrays))


def _one_entry(tensor: torch.Tensor, wanted: str) -> None:
    if tensor.numel() != 1:
        raise Failed(f"should be {wanted}, found {show(tensor)}", "shape")


def _real_number(value: Any) -> float:
    tensor = _as_tensor(value)
    _one_entry(tensor, "one number")
    if tensor.is_complex():
        raise Failed(f"should be a real number, found {show(tensor)}", "dtype")
    return float(tensor)


def _in_band(value: float, wrong: float | tuple[float, float], width: float) -> bool:
    low, high = wrong if isinstance(wrong, tuple) else (wrong - width, wrong + width)
    return low <= value <= high


def _answer(answer: Any) -> str:
    """Answers are compared by what they say: "B", "(b)" and " b" are the same, and so are True and "true"."""
    return str.strip(str.lower(str(answer)), " ().")  # a class of the student's may have other methods


def _tensor(found: Any) -> None:
    if not isinstance(found, torch.Tensor):
        raise Failed(f"should be a tensor, found {_found(found)}", "type")
    if type(found) not in TENSORS:
        raise Failed(f"should be a plain torch.Tensor, found {_kind(found)}", "type")
    replaced = [name for name in vars(found) if hasattr(torch.Tensor, name)]
    if replaced:
        raise Failed(f"should be a plain torch.Tensor, found one whose {replaced[0]!r} was replaced", "type")


def _kind(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _found(value: Any) -> str:
    """What came back where something of another kind should have."""
    return f"None{NO_RETURN}" if value is None else _kind(value)


def _as_tensor(value: Any) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        _tensor(value)
        return value.detach()
    if isinstance(value, bool | int | float | np.number | np.ndarray | list | tuple):
        try:
            return torch.as_tensor(value, dtype=torch.float64 if isinstance(value, float) else None)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            raise Failed(f"should be a tensor or a number, found {show(value)}", "type") from None
    raise Failed(f"should be a tensor or a number, found {_found(value)}", "type")


def _tolerance(tensor: torch.Tensor) -> tuple[float, float]:
    return TOLERANCES.get(tensor.dtype, (0.0, 0.0))


def _isclose(found: torch.Tensor, expected: torch.Tensor, tolerance: dict) -> torch.Tensor:
    if found.is_complex() or expected.is_complex():
        return torch.isclose(
            found.to(torch.complex128), expected.to(torch.complex128), equal_nan=True, **tolerance
        )
    if not found.is_floating_point() and not expected.is_floating_point():
        return found == expected  # whole numbers do not fit into float64 beyond 2^53
    return torch.isclose(found.double(), expected.double(), equal_nan=True, **tolerance)


def _agree(found: torch.Tensor, expected: torch.Tensor, tolerance: dict) -> bool:
    return found.shape == expected.shape and bool(_isclose(found, expected, tolerance).all())


def _raise_known(found: torch.Tensor, known: Mapping[str, Any] | None, tolerance: dict) -> None:
    for sentence, wrong in (known or {}).items():
        if _agree(found, _as_tensor(wrong), tolerance):
            raise Failed(sentence, mistake_id(sentence))


def _difference(found: torch.Tensor, expected: torch.Tensor, tolerance: dict) -> str:
    if found.shape != expected.shape:
        return f"expected shape {tuple(expected.shape)}, found {tuple(found.shape)}"
    wrong = ~_isclose(found, expected, tolerance)
    detail = first_difference(found, expected, wrong)
    bad = found.is_floating_point() and not found.isfinite().all() and bool(expected.isfinite().all())
    return detail + ("; there are nan or inf in it" if bad else "")


def _sentence(message: str, detail: str) -> str:
    return f"{message}\n{detail}" if message else detail


def _named(message: str) -> str | None:
    return mistake_id(message) if message else None


def _copy(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {key: _copy(entry) for key, entry in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_copy, value))
    return value


def _same(a: Any, b: Any) -> bool:
    """a: the student's."""
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return _same_tensor(a, b)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(np.asarray(a), np.asarray(b))
    if isinstance(a, dict) and isinstance(b, dict):
        a, b = dict.copy(a), dict.copy(b)
        return {*map(type, a)} <= PLAIN and a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    for kind in (list, tuple):
        if isinstance(a, kind) and isinstance(b, kind):
            a, b = kind.__getitem__(a, slice(None)), kind.__getitem__(b, slice(None))
            return len(a) == len(b) and all(map(_same, a, b))
    return a is b or _same_value(a, b)


def _same_value(a: Any, b: Any) -> bool:
    """Neither holds other values."""
    if type(a) is not type(b) and {type(a), type(b)} & {bool, str}:
        return False  # True is not 1
    if isinstance(a, torch.Tensor | np.ndarray) and type(b) in PLAIN and a.ndim == 0:
        a = _as_tensor(a).item()
    if type(a) is float and type(b) is float and math.isnan(a) and math.isnan(b):
        return True
    return (type(a) in PLAIN or type(a) is type(b)) and bool(a == b)


def _same_tensor(a: torch.Tensor, b: torch.Tensor) -> bool:
    _tensor(a)
    same_kind = a.shape == b.shape and a.dtype == b.dtype and a.requires_grad == b.requires_grad
    return same_kind and bool(((a == b) | ((a != a) & (b != b))).all())


def _call(function: Callable, args: tuple, kwargs: dict) -> str:
    words = [show(arg) for arg in args] + [f"{name}={show(value)}" for name, value in kwargs.items()]
    name = "net" if isinstance(function, torch.nn.Module) else "the function"
    return f"{getattr(function, '__name__', name)}({', '.join(words)})"
