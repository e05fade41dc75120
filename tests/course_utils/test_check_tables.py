"""What test cells use to judge features of a table, and Adam on a bias."""

import math

from course_utils import check

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
