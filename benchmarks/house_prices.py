"""House prices on the real tables: the setting of the d2l book, and the best model of chapter 06.

    COURSE_DATA=real python -m benchmarks.house_prices

Needs the tables that `make data` fetches. The book's setting is k = 5, 100 epochs of Adam at rate 5, no
weight decay, batches of 64, squared error in dollars; it prints a mean validation log-RMSE of 0.170293. The
chapter's model predicts the log price by a linear layer with weight decay, whose strength is chosen by four
folds inside each training part: the held-out fold has no say in it. Both use features that are fitted inside
the fold. About half a minute.
"""

import statistics
import sys
from collections.abc import Callable

from course_utils import data, tables

import numpy as np
import pandas as pd
import torch

BOOK = {"folds": (0.1569, 0.1888, 0.1682, 0.1547, 0.1829), "mean": 0.170293}
PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)


def book_model(train: pd.DataFrame, valid: pd.DataFrame) -> torch.Tensor:
    """The book's setting: Adam on the squared error in dollars."""
    torch.manual_seed(0)
    prepared = tables.TableFeatures().fit(train)
    prices = torch.tensor(train["SalePrice"].to_numpy(), dtype=torch.float32)
    order = torch.Generator().manual_seed(0)
    net, _ = tables.train_linear(prepared.transform(train), prices, 100, 5.0, 0.0, 64, order)
    return net(prepared.transform(valid)).detach()


def ridge_model(penalty: float) -> Callable:
    """The chapter's model with this weight decay."""

    def fit_predict(train: pd.DataFrame, valid: pd.DataFrame) -> torch.Tensor:
        prepared = tables.TableFeatures().fit(train)
        log_prices = torch.tensor(np.log(train["SalePrice"].to_numpy()))
        net = tables.ridge(prepared.transform(train), log_prices, penalty)
        return net(prepared.transform(valid).double()).exp()

    return fit_predict


def chosen_inside(train: pd.DataFrame, valid: pd.DataFrame) -> torch.Tensor:
    """The chapter's model with the weight decay that does best in four folds of train."""
    scores = {
        penalty: statistics.mean(tables.cross_validate(train, 4, ridge_model(penalty)))
        for penalty in PENALTIES
    }
    return ridge_model(min(scores, key=scores.get))(train, valid)


def main() -> int:
    torch.set_num_threads(1)
    try:
        source = data.source("house_prices")
        train, _ = data.load_house_prices()
    except data.DataError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{source} tables, {len(train)} houses; log-RMSE of five folds, none of which had a say in its model"
    )
    scores = {
        "the book's setting": tables.cross_validate(train, 5, book_model),
        "the chapter's best": tables.cross_validate(train, 5, chosen_inside),
    }
    for name, values in {"the book prints": list(BOOK["folds"]), **scores}.items():
        folds = " ".join(f"{value:.4f}" for value in values)
        print(
            f"{name:20} mean {statistics.mean(values):.4f}  sd {statistics.pstdev(values):.4f}  folds {folds}"
        )
    ours, best = (statistics.mean(values) for values in scores.values())
    wins = sum(b < a for a, b in zip(*scores.values(), strict=True))
    print(f"difference to the book's mean: {ours - BOOK['mean']:+.4f}")
    print(f"the chapter's best is lower by {ours - best:.4f} on average and in {wins} of 5 folds")
    if source == "real" and not (abs(ours - BOOK["mean"]) < 0.01 and best < ours):
        print("this is not what the chapter promises", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
