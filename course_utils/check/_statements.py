"""The statements of the test language. Each returns quietly or raises Failed with a sentence.

Where a statement takes `known`, it maps a sentence for the student to the wrong value which that sentence
explains: `known={"the survivors are not scaled": X}`.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from course_utils.check._data import normal
from course_utils.check._failure import Failed, NotDoneYet, mistake_id
from course_utils.check._show import first_difference, show, show_dtype

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

UNANSWERED = "?"

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
        raise Failed(f"should be a Python {kind.__name__}, found {_kind(found)}", "type")


def close(
    found: Any,
    expected: Any,
    message: str = "",
    *,
    known: Mapping[str, Any] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Shape and values agree within tolerance; dtypes may differ (see `like`). nan agrees with nan.

    found, expected: tensors of any shape, or numbers. rtol, atol: as in torch.isclose; the default fits
    the less precise of the two dtypes.
    """
    found, expected = _as_tensor(found), _as_tensor(expected)
    if rtol is None and atol is None:
        rtol, atol = max(_tolerance(found), _tolerance(expected))
    tolerance = {"rtol": rtol or 0.0, "atol": atol or 0.0}
    if not _agree(found, expected, tolerance):
        _raise_known(found, known, tolerance)
        raise Failed(_sentence(message, _difference(found, expected, tolerance)), _named(message))


def equal(found: Any, expected: Any, message: str = "", *, known: Mapping[str, Any] | None = None) -> None:
    """Exactly the same: for ints, bools, strings, lists, dicts of these, and tensors of whole numbers."""
    if isinstance(expected, torch.Tensor):
        close(found, expected, message, known=known, rtol=0.0, atol=0.0)
        return
    if not _same(found, expected):
        for sentence, wrong in (known or {}).items():
            if _same(found, wrong):
                raise Failed(sentence, mistake_id(sentence))
        detail = f"expected {show(expected)}, found {show(found)}"
        raise Failed(_sentence(message, detail), _named(message))


def between(
    found: Any, low: float, high: float, message: str = "", *, known: Mapping[str, float] | None = None
) -> None:
    """A number in [low, high]; a known wrong value matches within the same width."""
    value = float(_as_tensor(found))
    if not low <= value <= high:
        for sentence, wrong in (known or {}).items():
            if abs(value - wrong) <= (high - low) / 2:
                raise Failed(sentence, mistake_id(sentence))
        detail = f"expected a number from {low:g} to {high:g}, found {value:.6g}"
        raise Failed(_sentence(message, detail), _named(message))


def some(mask: torch.Tensor, message: str) -> torch.Tensor:
    """At least one entry of the mask is True; returns the mask."""
    that(mask.any(), message)
    return mask


def one_of(answer: Any, options: Sequence[Any]) -> None:
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
            one_of(answers[claim], legal)
        except Failed as failure:
            raise Failed(f"{claim!r}: {failure}", failure.mistake) from None


def right(answers: Mapping[str, Any], expected: Mapping[str, Any], hint: str) -> None:
    """The answers to these claims are right. Tells how many are not, and never which or what is."""
    wrong = sum(_answer(answers[claim]) != _answer(right) for claim, right in expected.items())
    if wrong:
        raise Failed(f"{wrong} of {len(expected)} are not right yet; {hint}", "wrong-claims")


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


def unchanged(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """Call the function, return its result, and hold it to leaving its arguments as they were."""
    before = _copy((args, kwargs))
    result = function(*args, **kwargs)
    if not _same((args, kwargs), before):
        raise Failed("the function changed its input", "changed-input")
    return result


def gradient(
    function: Callable,
    reference: Callable,
    *inputs: torch.Tensor,
    known: Mapping[str, Callable] | None = None,
    rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """The function's gradient with respect to each input is that of the reference.

    Both results are multiplied with the same random tensor before they are summed: a plain sum would hide
    mistakes (the entries of a softmax, for one, always sum to 1).
    known: sentence -> function whose gradient explains the mistake.
    """
    cotangent = normal(reference(*inputs).shape, dtype=inputs[0].dtype)
    expected = _pull_back(reference, inputs, cotangent)
    found = _pull_back(function, inputs, cotangent)
    wrong = {sentence: _pull_back(other, inputs, cotangent) for sentence, other in (known or {}).items()}
    for i, (mine, right) in enumerate(zip(found, expected, strict=True)):
        name = "the gradient" if len(inputs) == 1 else f"the gradient for argument {i + 1}"
        explained = {sentence: gradients[i] for sentence, gradients in wrong.items()}
        close(mine, right, f"{name} is wrong", known=explained, rtol=rtol, atol=atol)


@contextlib.contextmanager
def without(*names: str) -> Iterator[None]:
    """Make functions unavailable while the student's code runs.

    names: full names of torch functions, such as "torch.nn.functional.one_hot" or "torch.Tensor.softmax",
    or "autograd" for every way to differentiate. A call fails the case, also one through another name that
    the student gave the function.
    """
    functions = [(part, name) for name in names for part in GROUPS.get(name, (name,))]
    with _RefuseTorchFunctions({_resolve(part): name for part, name in functions}):
        yield


class _RefuseTorchFunctions(TorchFunctionMode):
    """Sees every call of a torch function, under whatever name it was imported."""

    def __init__(self, names: dict[Callable, str]):
        super().__init__()
        self.names = names

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in self.names:
            raise Failed(f"solve this one without `{self.names[func]}`", "forbidden")
        return func(*args, **(kwargs or {}))


def _resolve(name: str) -> Callable:
    target = torch
    for part in name.split(".")[1:]:
        target = getattr(target, part)
    return target


def _pull_back(
    function: Callable, inputs: Sequence[torch.Tensor], cotangent: torch.Tensor
) -> list[torch.Tensor]:
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    result = function(*leaves)
    like(result, cotangent)
    if not result.requires_grad:
        raise Failed("the result has lost its graph, so no gradient flows back", "no-graph")
    gradients = torch.autograd.grad(result, leaves, cotangent, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, gradients, strict=True)]


def _answer(answer: Any) -> str:
    """Answers are compared by what they say: "B", "(b)" and " b" are the same, and so are True and "true"."""
    return str.strip(str.lower(str(answer)), " ().")  # a class of the student's may have other methods


def _tensor(found: Any) -> None:
    if not isinstance(found, torch.Tensor):
        hint = ": is there a return?" if found is None else ""
        raise Failed(f"should be a tensor, found {_kind(found)}{hint}", "type")
    if type(found) not in TENSORS:
        raise Failed(f"should be a plain torch.Tensor, found {_kind(found)}", "type")
    replaced = [name for name in vars(found) if hasattr(torch.Tensor, name)]
    if replaced:
        raise Failed(f"should be a plain torch.Tensor, found one whose {replaced[0]!r} was replaced", "type")


def _kind(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _as_tensor(value: Any) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        _tensor(value)
        return value.detach()
    if isinstance(value, bool | int | float | np.number | np.ndarray | list | tuple):
        try:
            return torch.as_tensor(value, dtype=torch.float64 if isinstance(value, float) else None)
        except (TypeError, ValueError, RuntimeError):
            raise Failed(f"should be a tensor or a number, found {show(value)}", "type") from None
    hint = ": is there a return?" if value is None else ""
    raise Failed(f"should be a tensor or a number, found {_kind(value)}{hint}", "type")


def _tolerance(tensor: torch.Tensor) -> tuple[float, float]:
    return TOLERANCES.get(tensor.dtype, (0.0, 0.0))


def _isclose(found: torch.Tensor, expected: torch.Tensor, tolerance: dict) -> torch.Tensor:
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
    return f"{getattr(function, '__name__', 'the function')}({', '.join(words)})"
