"""The course's own pieces for tables: what they promise beyond what chapter 06 checks of its students."""

import math

from course_utils import tables

import numpy as np
import pandas as pd
import pytest
import torch

HOMES = pd.DataFrame(
    {
        "Id": [1, 2, 3, 4],
        "Area": [1000.0, None, 3000.0, 2000.0],
        "Rooms": [4, 4, 4, 4],
        "Roof": ["Gable", "Hip", None, "Gable"],
        "SalePrice": [100_000, 150_000, 250_000, 200_000],
    }
)


def column(prepared, X, name):
    return X[:, prepared.feature_names.index(name)].tolist()


def test_features_are_standardised_and_one_hot():
    prepared = tables.TableFeatures().fit(HOMES)
    X = prepared.transform(HOMES)
    assert X.dtype == torch.float32 and X.shape == (4, len(prepared.feature_names)) == (4, 5)
    assert column(prepared, X, "Area") == [-1, 0, 1, 0] and column(prepared, X, "Rooms") == [0, 0, 0, 0]
    assert column(prepared, X, "Roof=Gable") == [1, 0, 0, 1] and column(prepared, X, "Roof=None") == [
        0,
        0,
        1,
        0,
    ]


def test_what_fit_saw_is_used_on_other_tables():
    prepared = tables.TableFeatures().fit(HOMES)
    other = pd.DataFrame({"Roof": ["Flat", None], "Rooms": [9, 4], "Area": [4000, 2000], "Owner": ["A", "B"]})
    X = prepared.transform(other)
    assert column(prepared, X, "Area") == [2, 0] and column(prepared, X, "Rooms") == [0, 0]
    roofs = [column(prepared, X, f"Roof={name}") for name in ("Gable", "Hip", None)]
    assert np.transpose(roofs).tolist() == [[0, 0, 0], [0, 0, 1]]


def test_transform_needs_fit():
    with pytest.raises(ValueError, match="fit before transform"):
        tables.TableFeatures().transform(HOMES)


def test_log_error_takes_anything_with_numbers():
    prices = HOMES["SalePrice"]
    for predictions in (prices * math.e, torch.tensor(prices.to_numpy() * math.e), list(prices * math.e)):
        assert tables.log_error(predictions, prices) == pytest.approx(1)
    assert tables.log_error([-5.0, 0.5], [1.0, 1.0]) == 0


def test_folds_hold_out_each_row_once():
    held_out = torch.cat([tables.k_fold(11, 4, i)[1] for i in range(4)])
    assert held_out.tolist() == list(range(11))
    with pytest.raises(ValueError, match="k = 1"):
        tables.k_fold(11, 1, 0)


def test_cross_validation_shows_no_price_of_the_fold():
    def mean_price(train, valid):
        assert "SalePrice" not in valid and len(train) + len(valid) == 4
        return np.full(len(valid), train["SalePrice"].mean())

    scores = tables.cross_validate(HOMES[::-1], 4, mean_price)
    assert scores[0] == pytest.approx(abs(math.log(200 / (500 / 3))))


def test_steps_come_to_the_least_squares():
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(50, 2, generator=generator)
    prices = 1000 + X @ torch.tensor([100.0, -50.0])
    net, history = tables.train_linear(X, prices, 200, 5.0, 0.0, 20, generator)
    assert len(history) == 200 and history[-1] < 0.01 < history[0]
    assert torch.allclose(net(X).squeeze(1), prices, atol=5)


def test_ridge_solves_its_equation():
    generator = torch.Generator().manual_seed(0)
    X, y = torch.randn(30, 4, generator=generator).double(), torch.randn(30, generator=generator).double()
    net = tables.ridge(X, y, penalty=3.0)
    residual = net(X).squeeze(1) - y
    assert torch.allclose(X.T @ residual + 3 * net.weight[0], torch.zeros(4, dtype=torch.float64), atol=1e-9)
    assert residual.sum().abs() < 1e-9
    assert tables.ridge(X, y, penalty=1e12).weight.abs().max() < 1e-9


def test_submission_is_refused_when_something_is_wrong():
    table = tables.make_submission(pd.Series([7, 8], index=[5, 3]), torch.tensor([[1.5], [2.5]]))
    assert table.to_dict("list") == {"Id": [7, 8], "SalePrice": [1.5, 2.5]}
    for prices in ([1.0], [1.0, math.nan]):
        with pytest.raises(ValueError, match="a finite price for each house"):
            tables.make_submission([7, 8], prices)
