"""Features made of a table: compared column by column, in whatever order they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from course_utils.check import _desk
from course_utils.check._statements import close, equal, like, that

import numpy as np
import torch

if TYPE_CHECKING:
    import pandas as pd


def features(
    X: Any,
    expected: Any,
    message: str = "",
    *,
    counts: Mapping[str, int] | None = None,
    known: Mapping[str, Any] | None = None,
    absent: Mapping[str, Any] | None = None,
) -> None:
    """X holds these features: a float32 tensor (n, d) that is finite, with its columns in any order.

    expected: numbers (n, d). counts: sentence -> the wrong number of features that it explains.
    known: sentence -> the wrong features that it explains. absent: sentence -> a feature (n,) that X must not
    have.
    """
    pattern = torch.tensor(np.asarray(expected, dtype="float32"))
    that(_is_table(X), "transform should give a tensor (n, num_features)")
    for sentence, feature in (absent or {}).items():
        that(not any(np.array_equal(column, feature) for column in np.asarray(X, dtype=float).T), sentence)
    equal(X.shape[1], pattern.shape[1], "the number of features is not right", known=counts)
    like(X, pattern)
    that(X.isfinite().all(), "there is nan or inf among the features: missing -> 0, after standardising")
    wrong = {sentence: _in_order(value) for sentence, value in (known or {}).items()}
    close(_in_order(X), _in_order(pattern), message, known=wrong, rtol=1e-4, atol=1e-5)


def fitted(make: Callable[[], Any], table: pd.DataFrame) -> Any:
    """What make().fit(table) gives, which is the preprocessor itself, as in scikit-learn."""
    return _desk.run(_fitted, make, table)


def transformed(make: Callable[[], Any], table: pd.DataFrame, *others: pd.DataFrame) -> list[Any]:
    """What a preprocessor make(), fitted to the table, transforms each of the other tables into."""
    return _desk.run(_transformed, make, table, others)


def _fitted(make: Callable[[], Any], table: pd.DataFrame) -> Any:
    found = make().fit(table)
    that(found is not None, "fit gives None: end it with `return self`")
    return found


def _transformed(make: Callable[[], Any], table: pd.DataFrame, others: Sequence[pd.DataFrame]) -> list[Any]:
    preprocessor = _fitted(make, table)
    return [preprocessor.transform(other) for other in others]


def one_hot(X: Any, categories: Sequence[tuple], missing: Sequence[tuple], numbers: int) -> None:
    """X holds a feature for each category of some columns of words, and one for missing of each column.

    Names what is missing or too many, and says nothing where the number of features is right: `features`
    compares them then. categories, missing: these features, zeros and ones. numbers: how many others there
    are.
    """
    if not _is_table(X) or X.shape[1] == len(categories) + len(missing) + numbers:
        return
    found = Counter(tuple(column) for column in X.double().round(decimals=3).T.tolist())
    others = sum(count for column, count in found.items() if not set(column) <= {0.0, 1.0})
    that(others <= numbers, "a column of words became one number: one-hot it")
    extra = any(found[column] > count for column, count in Counter(missing).items())
    that(not extra, "nan counts as a category: dropna() before you collect the categories")
    without = any(found[column] < count for column, count in Counter(categories).items())
    that(not without, "a category has no feature: each category seen in fit gets one")
    that(any(found[column] for column in missing), "the features for missing are missing")
    never = [column for column in missing if not any(column)]
    each = all(found[column] for column in never)
    that(each, "a column where fit saw nothing missing needs its feature for missing, too")


def standardised(
    table: pd.DataFrame, names: list[str], by: pd.DataFrame | None = None, ddof: int = 1
) -> np.ndarray:
    """These columns (n, d) by mean and sample standard deviation of the table `by`; 0 for what is missing."""
    return _standardised(_numbers(table, names), _numbers(table if by is None else by, names), ddof)


def wrong_standardised(table: pd.DataFrame, names: list[str]) -> dict[str, np.ndarray]:
    """What people make of columns instead of standardising them, by sentence."""
    numbers = _numbers(table, names)
    missing, mean, spread = np.isnan(numbers), np.nanmean(numbers, axis=0), np.nanstd(numbers, axis=0, ddof=1)
    z, late, early = _standardised(numbers, numbers), np.where(missing, mean, numbers), _with_zeros(numbers)
    low, high = np.nanmin(numbers, axis=0), np.nanmax(numbers, axis=0)
    wrong = {}
    by_n = _standardised(numbers, numbers, ddof=0)
    wrong["the standard deviation divides by n; the sample one divides by n - 1"] = by_n
    filled = _standardised(late, late)
    wrong["the mean is filled in before standardising; that shrinks the standard deviation"] = filled
    filled = _standardised(early, early)
    wrong["0 is filled in before standardising, where it means a house without land"] = filled
    wrong["the standard deviation is missing: divide by it"] = z * spread
    wrong["the mean is not subtracted"] = _with_zeros(numbers / spread)
    wrong["the numbers are not standardised"] = early
    wrong["it divides by the variance; take its root"] = z / spread
    wrong["the numbers are scaled to 0..1, not standardised"] = _with_zeros((numbers - low) / (high - low))
    return wrong


def _numbers(table: pd.DataFrame, names: list[str]) -> np.ndarray:
    """These columns (n, d), nan for what is missing. NumPy works on so few rows much quicker than pandas."""
    return table[names].to_numpy(dtype=float)


def _standardised(numbers: np.ndarray, by: np.ndarray, ddof: int = 1) -> np.ndarray:
    return _with_zeros((numbers - np.nanmean(by, axis=0)) / np.nanstd(by, axis=0, ddof=ddof))


def _with_zeros(numbers: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(numbers), 0.0, numbers)


def _is_table(X: Any) -> bool:
    return isinstance(X, torch.Tensor) and X.ndim == 2


def _in_order(X: Any) -> torch.Tensor:
    """The columns in a fixed order, which rounding does not change."""
    columns = np.asarray(X, dtype=float).T.tolist()
    return torch.tensor(sorted(columns, key=lambda column: [round(value, 3) for value in column])).T
