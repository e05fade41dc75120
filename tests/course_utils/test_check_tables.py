"""What test cells use to judge features of a table, and Adam on a bias."""

import itertools
import math

from course_utils import check

import numpy as np
import pandas as pd
import pytest
import torch

FEATURES = [[1.0, 0.5], [2.0, -0.5]]


def test_features_may_come_in_any_order():
    check.features(torch.tensor([[0.5, 1.0], [-0.5, 2.0]]), FEATURES)


@pytest.mark.parametrize(
    ("X", "says"),
    [
        (FEATURES, "transform should give a tensor"),
        (torch.ones(2, 3), "Id is among them"),
        (torch.tensor([[1.0, math.nan], [2.0, 0.0]]), "nan or inf among the features"),
        (torch.tensor([[1.0, 0.0], [2.0, 0.0]]), "not standardised"),
        (torch.tensor(FEATURES, dtype=torch.float64), "float32"),
    ],
)
def test_wrong_features_are_named(X, says):
    known = {"not standardised": [[1.0, 0.0], [2.0, 0.0]]}
    with pytest.raises(check._failure.Failed, match=says):
        check.features(X, FEATURES, counts={"Id is among them": 3}, known=known)


def test_a_feature_that_must_be_absent_is_named():
    with pytest.raises(check._failure.Failed, match="no feature for missing"):
        check.features(torch.tensor(FEATURES), FEATURES, absent={"no feature for missing": [1.0, 2.0]})
    check.features(torch.tensor(FEATURES), FEATURES, absent={"no feature for missing": [1.0, 1.0]})


class Preprocessor:
    def __init__(self, gives):
        self.gives = gives

    def fit(self, table):
        self.fitted_to = table
        return self if self.gives else None

    def transform(self, table):
        return self.fitted_to + table


def test_fit_gives_the_preprocessor():
    assert check.fitted(lambda: Preprocessor(True), "table").fitted_to == "table"
    for use in (check.fitted, check.transformed):
        with pytest.raises(check._failure.Failed, match="end it with `return self`"):
            use(lambda: Preprocessor(None), "table")


def test_tables_are_transformed_by_one_preprocessor():
    assert check.transformed(lambda: Preprocessor(True), "a", "b", "c") == ["ab", "ac"]


GRVL, PAVE, MISSING, NEVER = (0, 1, 0), (1, 0, 0), (0, 0, 1), (0, 0, 0)
AREA = (0.5, -1.5, 1.0)


@pytest.mark.parametrize(
    ("features", "says"),
    [
        ([(1, 0, 2), AREA], "became one number"),
        ([GRVL, PAVE, MISSING, MISSING, NEVER, AREA], "nan counts as a category"),
        ([PAVE, MISSING, NEVER, AREA], "a category has no feature"),
        ([GRVL, PAVE, AREA], "the features for missing are missing"),
        ([GRVL, PAVE, MISSING, AREA], "fit saw nothing missing"),
    ],
)
def test_features_of_words_that_are_missing_or_too_many_are_named(features, says):
    X = torch.tensor(features, dtype=torch.float32).T
    with pytest.raises(check._failure.Failed, match=says):
        check.one_hot(X, [GRVL, PAVE], [MISSING, NEVER], numbers=1)


@pytest.mark.parametrize("X", [None, torch.ones(3), torch.ones(3, 5)])
def test_where_the_number_of_features_is_right_nothing_is_said(X):
    check.one_hot(X, [GRVL, PAVE], [MISSING, NEVER], numbers=1)


def test_columns_are_standardised_by_another_table():
    table, by = pd.DataFrame({"a": [1.0, None]}), pd.DataFrame({"a": [3.0, 5.0]})
    assert check.standardised(table, ["a"], by).tolist() == [[-3 / 2**0.5], [0.0]]


def test_wrong_ways_to_standardise_differ_from_the_right_one_and_from_each_other():
    table = pd.DataFrame({"a": [1, 2, 4, 8], "b": [10.0, None, 30.0, 70.0]})
    right = check.standardised(table, ["a", "b"])
    found = [right, *check.wrong_standardised(table, ["a", "b"]).values()]
    assert len(found) == 9
    for one, other in itertools.combinations(found, 2):
        assert not np.allclose(one, other, atol=0.01)


def trained(optimizer, targets, epochs, batches, **options):
    """The log-RMSE after each epoch of torch's own optimizer on a bias."""
    b, history = torch.zeros(1, dtype=torch.float64, requires_grad=True), []
    made = optimizer([b], **options)
    for epoch in range(epochs):
        for rows in batches(epoch):
            made.zero_grad()
            (b - torch.tensor([targets[row] for row in rows])).square().mean().backward()
            made.step()
        errors = [math.log(max(b.item(), 1.0) / target) ** 2 for target in targets]
        history.append(math.sqrt(sum(errors) / len(errors)))
    return history


@pytest.mark.parametrize(
    ("optimizer", "kind"), [(torch.optim.Adam, "right"), (torch.optim.AdamW, "decoupled")]
)
def test_the_path_of_the_bias_is_that_of_torch(optimizer, kind):
    found = trained(optimizer, [200.0], 6, lambda _: [[0]] * 3, lr=5.0, weight_decay=0.1)
    assert check.bias_path(3, 6, 5.0, 0.1, 200.0, kind) == pytest.approx(found, rel=1e-6)


def test_the_rows_that_were_used_are_read_off():
    orders = [(0, 1), (1, 0), (1, 0), (0, 1), (1, 1)]
    history = trained(
        torch.optim.Adam, [500.0, 2000.0], 5, lambda epoch: [[i] for i in orders[epoch]], lr=30.0
    )
    assert check.rows_used(history, 30.0, [500.0, 2000.0]) == orders


def test_a_training_that_no_two_rows_explain_is_not_blamed_on_the_rows():
    history = trained(torch.optim.SGD, [500.0, 2000.0], 5, lambda _: [[0], [1]], lr=0.1)
    with pytest.raises(check.Failed, match="this is not one Adam"):
        check.rows_used(history, 30.0, [500.0, 2000.0])
