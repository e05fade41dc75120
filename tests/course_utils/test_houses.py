"""The made houses: deterministic, well formed, and with the lessons of the real table in them.

Each lesson is measured on the embedded tables and, where the real files are at hand, on the real ones.
"""

import hashlib
import os
from pathlib import Path

from course_utils import data, houses

import numpy as np
import pandas as pd
import pytest

REAL_FILES = Path(
    os.environ.get("COURSE_REAL_FILES") or Path(__file__).resolve().parents[3] / "shared" / "data"
)
DIGEST = "fc85183a322a"


@pytest.fixture(scope="module")
def drawn():
    return houses.draw()


@pytest.fixture(scope="module", params=["embedded", "real"])
def tables(request, tmp_path_factory):
    """Training and test table as pandas reads them."""
    if request.param == "real":
        folder = REAL_FILES / "house_prices"
        if not folder.is_dir():
            pytest.skip(f"the real files are not in {folder}")
        return tuple(pd.read_csv(folder / f"kaggle_house_pred_{part}.csv") for part in ("train", "test"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", "embedded")
        patch.setenv("COURSE_DATA_DIR", str(tmp_path_factory.mktemp("cache")))
        return data.load_house_prices()


# The tables themselves


def test_columns_and_rows(tables):
    train, test = tables
    assert train.shape == (1460, 81) and test.shape == (1459, 80)
    assert list(train) == list(houses.COLUMNS) and list(test) == list(houses.COLUMNS[:-1])
    assert train["Id"].tolist() == list(range(1, 1461)) and test["Id"].tolist() == list(range(1461, 2920))


def test_types(tables):
    train, _ = tables
    assert set(train.select_dtypes("number")) == houses.NUMERIC_COLUMNS
    floats = {name for name in train if train[name].dtype == "float64"}
    assert floats == {"LotFrontage", "MasVnrArea", "GarageYrBlt"}


def test_drawing_is_deterministic(drawn):
    again = houses.draw()
    assert all(first.equals(second) for first, second in zip(drawn, again, strict=True))
    assert not houses.draw(seed=2)[0].equals(drawn[0])
    digest = hashlib.sha256(drawn[0].to_csv().encode()).hexdigest()[:12]
    assert digest == DIGEST, "the tables have changed: raise houses.VERSION, and build chapter 06 again"


def test_what_a_house_lacks_is_missing_together(tables):
    train, _ = tables
    assert (train["GarageType"].isna() == (train["GarageCars"] == 0)).all()
    assert (train["GarageType"].isna() == train["GarageYrBlt"].isna()).all()
    assert (train["BsmtQual"].isna() == (train["TotalBsmtSF"] == 0)).all()
    assert (train["FireplaceQu"].isna() == (train["Fireplaces"] == 0)).all()
    assert (train["PoolQC"].isna() == (train["PoolArea"] == 0)).all()
    areas = train["1stFlrSF"] + train["2ndFlrSF"] + train["LowQualFinSF"]
    assert (areas == train["GrLivArea"]).all()
    assert (train["BsmtFinSF1"] + train["BsmtFinSF2"] + train["BsmtUnfSF"] == train["TotalBsmtSF"]).all()


def test_what_is_missing_as_often_as_in_the_real_table(tables):
    train, test = tables
    for name, low, high in (
        ("LotFrontage", 220, 340), ("Alley", 1340, 1400), ("GarageType", 60, 100), ("BsmtQual", 25, 55),
        ("FireplaceQu", 650, 830), ("PoolQC", 1445, 1459), ("Fence", 1150, 1210), ("Electrical", 1, 1),
    ):  # fmt: skip
        assert low <= train[name].isna().sum() <= high, name
    missing = test.isna().sum()
    assert missing["MSZoning"] == 4 and missing["KitchenQual"] == 1 and missing["GarageCars"] == 1
    assert 19 <= (train.isna().sum() > 0).sum() <= 19


def test_the_word_none_is_read_as_missing(tables):
    assert 800 < tables[0]["MasVnrType"].isna().sum() < 950
    assert tables[0]["MasVnrArea"].isna().sum() < 20


def test_prices_are_log_normal(tables):
    price = tables[0]["SalePrice"]
    logs = np.log(price)
    assert price.skew() > 1 and abs(logs.skew()) < 0.3
    assert 0.37 < logs.std() < 0.42
    assert 155_000 < price.median() < 170_000 and price.min() > 30_000 and price.max() < 760_000


# The lessons


def features(fitted, table):
    """The preprocessing of the chapter in a few lines of its own: float64 (n, features)."""
    numeric = [name for name in fitted.select_dtypes("number") if name not in ("Id", "SalePrice")]
    spread = fitted[numeric].std().replace(0, 1)
    parts = [((table[numeric] - fitted[numeric].mean()) / spread).fillna(0).to_numpy(float)]
    for name in fitted.select_dtypes(exclude="number"):
        entries = table[name].fillna("NA").to_numpy(object)[:, None]
        parts.append(entries == np.array([*sorted(fitted[name].dropna().unique()), "NA"], object))
    return np.hstack([np.asarray(part, float) for part in parts])


def ridge(X, y, penalty):
    """(weights, intercept) of the least squares with penalty * |weights|^2."""
    Z, target = X - X.mean(0), y - y.mean()
    w = np.linalg.solve(Z.T @ Z + penalty * np.eye(Z.shape[1]), Z.T @ target)
    return w, y.mean() - X.mean(0) @ w


def folds(n, k=5):
    edges = np.linspace(0, n, k + 1).astype(int)
    return [(np.r_[0 : edges[i], edges[i + 1] : n], np.arange(edges[i], edges[i + 1])) for i in range(k)]


@pytest.fixture(scope="module")
def five_folds(tables):
    """For each fold: features and log prices of the rest, features of the fold, its rows and log prices."""
    train, _ = tables
    y = np.log(train["SalePrice"].to_numpy(float))
    found = []
    for inside, outside in folds(len(train)):
        rest = train.iloc[inside]
        held_out = features(rest, train.iloc[outside])
        found.append((features(rest, rest), y[inside], held_out, outside, y[outside]))
    return found


def out_of_fold(five_folds, penalty):
    """(log-RMSE of the training rows per fold, errors of all rows while held out)."""
    errors, fits = np.zeros(1460), []
    for X, y, held_out, outside, y_outside in five_folds:
        w, b = ridge(X, y, penalty)
        fits.append(np.sqrt(np.mean((X @ w + b - y) ** 2)))
        errors[outside] = held_out @ w + b - y_outside
    return np.array(fits), errors


def per_fold(errors):
    return np.array([np.sqrt(np.mean(errors[outside] ** 2)) for _, outside in folds(len(errors))])


def test_baselines_and_everything(tables, five_folds):
    train, _ = tables
    y = np.log(train["SalePrice"].to_numpy(float))
    X = np.c_[np.log(train["GrLivArea"]), train["OverallQual"]]
    w, b = ridge(X, y, 0)
    two_columns = np.sqrt(np.mean((X @ w + b - y) ** 2))
    everything = per_fold(out_of_fold(five_folds, 10)[1]).mean()
    assert 0.37 < y.std() < 0.42 and 0.17 < two_columns < 0.21 and 0.13 < everything < 0.155


def test_penalty_has_a_best_size(five_folds):
    fits, valid = {}, {}
    for penalty in (0.01, 10, 100, 1e4):
        fit, errors = out_of_fold(five_folds, penalty)
        fits[penalty], valid[penalty] = fit.mean(), per_fold(errors)
    assert fits[0.01] < fits[10] < fits[100] < fits[1e4]
    assert valid[10].mean() < min(valid[0.01].mean(), valid[1e4].mean())
    assert (valid[10] < valid[100]).mean() >= 0.8 and valid[10].std() > 0.02


def test_one_house_is_a_fifth_of_all_squared_error(tables, five_folds):
    train, _ = tables
    errors = out_of_fold(five_folds, 20)[1] ** 2
    assert train["Id"].iloc[errors.argmax()] == houses.OUTLIER
    assert 0.15 < errors.max() / errors.sum() < 0.25
    house = train.set_index("Id").loc[houses.OUTLIER]
    assert house["GrLivArea"] > 5_500 and house["SalePrice"] == 160_000


def test_missing_speaks(tables):
    price, none = tables[0]["SalePrice"], tables[0]["GarageType"].isna()
    assert price[none].median() < 0.65 * price[~none].median()


def test_more_rows_help(tables):
    train, _ = tables
    y, means = np.log(train["SalePrice"].to_numpy(float)), []
    for rows in (50, 200, 1168):
        found = []
        for seed in range(5):
            order = np.random.default_rng(seed).permutation(len(train))
            held_out, used = order[:292], order[292 : 292 + rows]
            fitted = train.iloc[used]
            w, b = ridge(features(fitted, fitted), y[used], 20)
            errors = features(fitted, train.iloc[held_out]) @ w + b - y[held_out]
            found.append(np.sqrt(np.mean(errors**2)))
        means.append(np.median(found))
    assert means[0] > means[1] + 0.01 > means[2] + 0.02


def test_dice_predict_prices_when_their_encoding_leaks(tables):
    """Random numbers in 0..699 are replaced by their mean log price: over all rows, or inside the fold."""
    train, _ = tables
    y = np.log(train["SalePrice"].to_numpy(float))
    for seed in range(3):
        dice = pd.Series(np.random.default_rng(seed).integers(0, 700, len(train)))
        scores = {}
        for leaky in (True, False):
            errors = np.zeros(len(y))
            for inside, outside in folds(len(y)):
                rows = np.arange(len(y)) if leaky else inside
                encoding = dice.map(pd.Series(y[rows]).groupby(dice[rows].to_numpy()).mean())
                encoding = encoding.fillna(y[inside].mean()).to_numpy()[:, None]
                w, b = ridge(encoding[inside], y[inside], 1e-6)
                errors[outside] = encoding[outside] @ w + b - y[outside]
            scores[leaky] = np.sqrt(np.mean(errors**2))
        assert scores[True] < 0.85 * y.std() < y.std() < scores[False]
