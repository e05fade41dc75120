"""Features made of a table: compared column by column, in whatever order they come."""

from collections.abc import Mapping
from typing import Any

from course_utils.check._statements import close, equal, like, that

import numpy as np
import torch


def features(
    X: Any,
    expected: Any,
    message: str = "",
    *,
    counts: Mapping[str, int] | None = None,
    known: Mapping[str, Any] | None = None,
) -> None:
    """X holds these features: a float32 tensor (n, d) that is finite, with its columns in any order.

    expected: numbers (n, d). counts: sentence -> the wrong number of features that it explains.
    known: sentence -> the wrong features that it explains.
    """
    pattern = torch.tensor(np.asarray(expected, dtype="float32"))
    tensor = isinstance(X, torch.Tensor) and X.ndim == 2
    that(tensor, "transform should give a tensor (n, num_features)")
    equal(X.shape[1], pattern.shape[1], "the number of features is not right", known=counts)
    like(X, pattern)
    that(X.isfinite().all(), "there is nan or inf among the features: missing -> 0, after standardising")
    wrong = {sentence: _in_order(value) for sentence, value in (known or {}).items()}
    close(_in_order(X), _in_order(pattern), message, known=wrong, rtol=1e-4, atol=1e-5)


def _in_order(X: Any) -> torch.Tensor:
    """The columns in a fixed order, which rounding does not change."""
    columns = np.asarray(X, dtype=float).T.tolist()
    return torch.tensor(sorted(columns, key=lambda column: [round(value, 3) for value in column])).T
