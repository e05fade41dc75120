"""Tables: from columns of numbers and words to a prediction, and how far to trust it. For chapter 06.

These are the course's own versions of what the chapter asks for, and the least squares with a penalty.
"""

from collections.abc import Callable
from typing import Self

import numpy as np
import pandas as pd
import torch
from torch import nn

NO_FEATURES = ("Id", "SalePrice")


class TableFeatures:
    """Numbers standardised, words one-hot, with what `fit` saw; missing is 0, or a feature of its own.

    `transform` gives float32 (n, len(feature_names)).
    """

    feature_names: list[str]

    def fit(self, table: pd.DataFrame) -> Self:
        table = table.drop(columns=list(NO_FEATURES), errors="ignore")
        numbers = table.select_dtypes("number").astype("float64")
        varied = numbers.max() > numbers.min()
        self._mean = numbers.mean().fillna(0.0)
        self._spread = numbers.std().where(varied, np.inf)  # what does not vary becomes 0
        words = table.drop(columns=list(numbers))
        self._categories = {name: [*sorted(words[name].dropna().unique()), None] for name in words}
        pairs = [f"{name}={category}" for name, all_ in self._categories.items() for category in all_]
        self.feature_names = [*numbers, *pairs]
        return self

    def transform(self, table: pd.DataFrame) -> torch.Tensor:
        if not hasattr(self, "_mean"):
            raise ValueError("call fit before transform")
        numbers = table[list(self._mean.index)].astype("float64")
        parts = [((numbers - self._mean) / self._spread).fillna(0.0).to_numpy()]
        for name, categories in self._categories.items():
            codes = pd.Index(categories[:-1], dtype=object).get_indexer(table[name].astype(object))
            unseen = (codes < 0) & table[name].notna().to_numpy()
            one_hot = np.eye(len(categories))[codes]  # the code -1 is the last one, missing
            parts.append(one_hot * ~unseen[:, None])
        return torch.tensor(np.hstack(parts), dtype=torch.float32)


def log_rmse(net: Callable, features: torch.Tensor, labels: torch.Tensor) -> float:
    """Root mean squared error of the log prices; predictions below 1 count as 1."""
    with torch.no_grad():
        predictions = net(features).reshape(-1)
    return log_error(predictions, labels)


def log_error(predictions: object, prices: object) -> float:
    """The same for predicted prices: arrays, tensors or Series of n numbers."""
    found, true = (
        torch.tensor(np.asarray(values, dtype=float)).reshape(-1) for values in (predictions, prices)
    )
    return (found.clamp(min=1).log() - true.log()).square().mean().sqrt().item()


def k_fold(n: int, k: int, i: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(training indices, validation indices) of the i-th of k contiguous folds of nearly equal size."""
    if not 2 <= k <= n or not 0 <= i < k:
        raise ValueError(f"need 2 <= k <= n and 0 <= i < k, got n = {n}, k = {k}, i = {i}")
    folds = torch.arange(n).tensor_split(k)
    return torch.cat([*folds[:i], *folds[i + 1 :]]), folds[i]


def cross_validate(table: pd.DataFrame, k: int, fit_predict: Callable) -> list[float]:
    """The log-RMSE on each of k folds, by a model that fit_predict(train, valid) fits to the rest."""
    scores = []
    for i in range(k):
        train, valid = (table.iloc[indices.numpy()] for indices in k_fold(len(table), k, i))
        scores.append(log_error(fit_predict(train, valid.drop(columns="SalePrice")), valid["SalePrice"]))
    return scores


def train_linear(
    features: torch.Tensor,
    labels: torch.Tensor,
    num_epochs: int,
    lr: float,
    weight_decay: float,
    batch_size: int,
    generator: torch.Generator | None = None,
) -> tuple[nn.Linear, list[float]]:
    """A linear layer trained by Adam on the squared error, and its log-RMSE after each epoch."""
    labels = labels.reshape(-1, 1)
    net = nn.Linear(features.shape[1], 1, dtype=features.dtype)
    optimizer = torch.optim.Adam(net.parameters(), lr=lr, weight_decay=weight_decay)
    history = []
    for _ in range(num_epochs):
        for batch in torch.randperm(len(features), generator=generator).split(batch_size):
            loss = nn.functional.mse_loss(net(features[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        history.append(log_rmse(net, features, labels))
    return net, history


def make_submission(ids: object, predictions: object) -> pd.DataFrame:
    """Columns Id and SalePrice, one row for each house.

    Raises ValueError if there are more or fewer prices than houses, or if a price is not finite.
    """
    ids, prices = np.asarray(ids).reshape(-1), np.asarray(predictions, dtype=float).reshape(-1)
    if len(ids) != len(prices) or not np.isfinite(prices).all():
        raise ValueError(
            f"need a finite price for each house, got {len(prices)} prices for {len(ids)} houses"
        )
    return pd.DataFrame({"Id": ids.astype(int), "SalePrice": prices})


def ridge(features: torch.Tensor, labels: torch.Tensor, penalty: float) -> nn.Linear:
    """The linear layer with the smallest sum of squared errors + penalty * sum of squared weights.

    features: (n, d), labels: (n,) or (n, 1). The bias is not penalised. Solved exactly, in float64.
    """
    X, y = features.double(), labels.double().reshape(-1, 1)
    Z, target = X - X.mean(dim=0), y - y.mean()
    w = torch.linalg.solve(Z.T @ Z + penalty * torch.eye(X.shape[1], dtype=X.dtype), Z.T @ target)
    net = nn.Linear(X.shape[1], 1, dtype=X.dtype)
    with torch.no_grad():
        net.weight.copy_(w.T)
        net.bias.copy_(y.mean() - X.mean(dim=0) @ w)
    return net.requires_grad_(False)
