"""One pass of a student's loader over examples that carry their numbers."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from course_utils.check._statements import close, equal, in_turn, like, that

import torch


def one_pass(
    loader: Callable,
    n: int,
    batch_size: int,
    *,
    labels: tuple[int, ...] = (-1, 1),
    dtype: torch.dtype = torch.float32,
    label_dtype: torch.dtype | None = None,
    **options: Any,
) -> torch.Tensor:
    """The numbers of the examples, (n,), in the order of loader(batch_size, features, labels, **options).

    Example i has the features i and i + 0.5 and the label 10 i. The batches have the right sizes, hold each
    example once and with its own label, and the tensors that were passed in are left alone.
    labels: the shape of the labels, for reshape. label_dtype: their dtype, if it is not that of the features.
    options: further arguments of the loader.
    """
    [found] = passes(
        loader, [(n, batch_size)], labels=labels, dtype=dtype, label_dtype=label_dtype, **options
    )
    return found


def passes(
    loader: Callable,
    sizes: Iterable[tuple[int, int]],
    *,
    labels: tuple[int, ...] = (-1, 1),
    dtype: torch.dtype = torch.float32,
    label_dtype: torch.dtype | None = None,
    **options: Any,
) -> Iterator[torch.Tensor]:
    """What `one_pass` gives for each of these (n, batch_size), one by one, for a loop."""
    sizes = list(sizes)
    given = [_examples(n, labels, dtype, label_dtype or dtype) for n, _ in sizes]
    calls = [(loader, batch_size, *data, options) for (_, batch_size), data in zip(sizes, given, strict=True)]
    copies = [[part.clone() for part in data] for data in given]
    for (n, batch_size), data, before, found in zip(
        sizes, given, copies, in_turn(_joined, calls), strict=True
    ):
        yield _numbers(found, n, batch_size, data, before)


def _examples(
    n: int, labels: tuple[int, ...], dtype: torch.dtype, label_dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    numbers = torch.arange(n, dtype=dtype)
    return torch.stack((numbers, numbers + 0.5), dim=1), (10 * numbers).reshape(labels).to(label_dtype)


def _numbers(
    found: Any,
    n: int,
    batch_size: int,
    given: tuple[torch.Tensor, torch.Tensor],
    copies: list[torch.Tensor],
) -> torch.Tensor:
    """The examples' numbers in their order. found: what _joined gave. copies: of given, before the pass."""
    that(found is not None, "nothing was returned: use yield for each batch")
    that(not isinstance(found, str), f"each batch should hold two tensors, found a value of type {found}")
    that(isinstance(found, list), "a single batch was returned; use yield in place of return")
    sizes, X, y = found
    for name, now, before in zip(("features", "labels"), given, copies, strict=True):
        close(now, before, f"the {name} that were passed in are changed")
    _sizes(sizes, n, batch_size)
    if not sizes:
        return copies[0][:, 0]
    kind = "(n, 1)" if given[1].dim() == 2 else "(n,)"
    that(y.dim() == given[1].dim(), f"labels {kind} should stay {kind}")
    like(X, copies[0])
    like(y, copies[1])
    together = torch.equal(y.flatten().to(X.dtype), 10 * X[:, 0]) and torch.equal(X[:, 1], X[:, 0] + 0.5)
    that(together, "features and labels do not belong together: use one order for both")
    once = torch.equal(X[:, 0].sort().values, copies[0][:, 0])
    that(once, "some examples come twice or not at all in one pass")
    return X[:, 0]


def _joined(
    loader: Callable, batch_size: int, features: torch.Tensor, labels: torch.Tensor, options: dict
) -> list | tuple | str | None:
    """[sizes of the batches, all features, all labels].

    None, or a single batch, as it is. Where a part of a batch is no tensor, the name of its type.
    """
    found = loader(batch_size, features, labels, **options)
    if found is None or (isinstance(found, tuple) and found and isinstance(found[0], torch.Tensor)):
        return found
    batches = [(_copied(X), _copied(y)) for X, y in found]  # a loader may use its memory again
    others = [part for batch in batches for part in batch if not isinstance(part, torch.Tensor)]
    if others:
        return type(others[0]).__name__
    X, y = map(torch.cat, zip(*batches, strict=True)) if batches else (None, None)
    return [[len(labels) for _, labels in batches], X, y]


def _copied(part: Any) -> Any:
    return part.clone() if isinstance(part, torch.Tensor) else part


def _sizes(found: list[int], n: int, batch_size: int) -> None:
    """The sizes of the batches are those of a pass over n examples."""
    full, rest = divmod(n, batch_size)
    sizes = full * [batch_size] + [rest] * (rest > 0)
    early = found != sizes and sorted(found) == sorted(sizes)
    that(not early, "the smaller batch is not the last one: shuffle the examples, not the batches")
    wrong = {"no examples should give no batches": [0]}
    wrong["there is an empty batch"] = [*sizes, 0]
    wrong[f"the last{', smaller' * (rest > 0)} batch is missing"] = sizes[:-1]
    wrong["only the first batch came: `return` ends the loop; use yield in its place"] = sizes[:1]
    wrong["the last batch is filled up; it may be smaller"] = (full + 1) * [batch_size]
    wrong["all examples came in one batch: batch_size was not used"] = [n]
    equal(found, sizes, f"{n} examples, batch_size {batch_size}", known=wrong)
