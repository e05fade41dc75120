"""Known answers to the exercises of chapter 06."""

import math

import numpy as np
import pandas as pd
import torch
from torch import nn

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- log_rmse ---------------------------------------------------------------------------------------------

edit("log_rmse", {".sqrt().item()": ".item()"}, says="the root is missing")
edit("log_rmse", {".square().mean().sqrt()": ".abs().mean()"}, says="mean of absolute differences")
edit("log_rmse", {".square().mean().sqrt()": ".mean().abs()"}, says="the means are taken before")
edit("log_rmse", {".square().mean().sqrt()": ".square().sum().sqrt()"}, says="it adds up the squares")
edit(
    "log_rmse",
    {"predictions.log() - labels.reshape(-1).log()": "predictions - labels.reshape(-1)"},
    says="the logarithms are missing",
)
edit(
    "log_rmse",
    {"predictions.log() - labels.reshape(-1).log()": "predictions / labels.reshape(-1) - 1"},
    says="relative to the price",
)
edit(
    "log_rmse",
    {".log() -": ".log10() -", "labels.reshape(-1).log()": "labels.reshape(-1).log10()"},
    says="base 10",
)
edit("log_rmse", {".square().mean()": ".square().mean().div(2)"}, says="halved")
edit("log_rmse", {".reshape(-1)": "", "labels.reshape(-1)": "labels"}, says="(n, n)")
edit("log_rmse", {".clamp(min=1)": ""}, says="nan: clamp the predictions first")
edit("log_rmse", {".clamp(min=1)": ".clamp(min=0)"}, says="clamp at 1, not at 0")
edit("log_rmse", {".clamp(min=1)": ".abs().clamp(min=1)"}, says="absolute values")
edit("log_rmse", {"with torch.no_grad():": "if True:"}, says="it records a graph")
edit("log_rmse", {".item()": ""}, says="should be a Python float")
edit(
    "log_rmse",
    {"predictions.log() - labels.reshape(-1).log()": "(predictions - labels.reshape(-1)).abs().log()"},
    says="take the difference of the logarithms",
)


@wrong("it records a graph")
def log_rmse(net, features, labels):
    """What d2l's readers write."""
    clipped = torch.clamp(net(features), 1, float("inf"))
    return torch.sqrt(nn.MSELoss()(torch.log(clipped), torch.log(labels.reshape(-1, 1)))).item()


@odd
def log_rmse(net, features, labels):
    """Ratios, in float64, with numpy at the end."""
    with torch.inference_mode():
        y_hat = net(features).double().flatten().numpy().copy()
    y_hat[y_hat < 1] = 1
    return math.sqrt(
        sum(math.log(a / b) ** 2 for a, b in zip(y_hat, labels.flatten().tolist(), strict=True)) / len(y_hat)
    )


@odd
def log_rmse(net, features, labels):
    with torch.no_grad():
        logs = torch.log(torch.clamp(net(features), 1, float("inf")))
        return float(nn.functional.mse_loss(logs, torch.log(labels.view_as(logs))) ** 0.5)


# --- bug_lines --------------------------------------------------------------------------------------------

LINES = {
    "its result is thrown away": 6,
    "joins the test table in, so that its houses enter the means": 7,
    "takes words for numbers in pandas 3": 8,
    "makes columns that torch.tensor refuses": 11,
    "uses a module that was never imported": 14,
}
wrong_value(
    "bug_lines", "bug_lines", LINES | {"takes words for numbers in pandas 3": 9}, "1 of 3 is not right yet"
)
wrong_value(
    "bug_lines",
    "bug_lines",
    LINES | {"makes columns that torch.tensor refuses": 12},
    "1 of 3 is not right yet",
)
wrong_value("bug_lines", "bug_lines", LINES | {"its result is thrown away": 10}, "1 of 2 is not right yet")
wrong_value("bug_lines", "bug_lines", LINES | {"its result is thrown away": 15}, "is not one of the answers")
wrong_value("bug_lines", "bug_lines", LINES | {"its result is thrown away": "?"}, "not answered yet")
odd_value("bug_lines", "bug_lines", {symptom: str(line) for symptom, line in LINES.items()})

# --- HousePreprocessor ------------------------------------------------------------------------------------

PREPROCESSOR = "HousePreprocessor"
edit(PREPROCESSOR, {"entries.std())": "entries.std(ddof=0))"}, says="the sample one divides by n - 1")
edit(PREPROCESSOR, {"entries.std())": "entries.var())"}, says="divides by the variance")
edit(PREPROCESSOR, {"entries.std())": "1.0)"}, says="the standard deviation is missing")
edit(
    PREPROCESSOR,
    {"(entries.mean(), entries.std())": "(0.0, entries.std())"},
    says="the mean is not subtracted",
)
edit(PREPROCESSOR, {"(entries.mean(), entries.std())": "(0.0, 1.0)"}, says="the numbers are not standardised")
edit(
    PREPROCESSOR,
    {"(entries.mean(), entries.std())": "(entries.min(), entries.max() - entries.min())"},
    says="scaled to 0..1",
)
FILLED = """entries = df[name].dropna()
            if pd.api.types.is_numeric_dtype(df[name]):
                entries = df[name].fillna(entries.mean())"""
edit(PREPROCESSOR, {"entries = df[name].dropna()": FILLED}, says="that shrinks the standard deviation")
edit(PREPROCESSOR, {".fillna(0) for": " for"}, says="nan or inf among the features")
edit(
    PREPROCESSOR,
    {'columns=["Id", "SalePrice"]': 'columns=["Id"]'},
    says="Id is among the features, or SalePrice",
)
edit(PREPROCESSOR, {'columns=["Id", "SalePrice"]': 'columns=["SalePrice"]'}, says="Id is among the features")
edit(
    PREPROCESSOR,
    {'columns=["Id", "SalePrice"]': "columns=[]"},
    says="Id and SalePrice are among the features",
)
edit(
    PREPROCESSOR,
    {"            columns.append(df[name].isna())\n": "", '[*categories, "missing"]': "categories"},
    says="the features for missing are missing",
)
edit(
    PREPROCESSOR,
    {"columns.append(df[name].isna())": "columns.append(df[name].isna() * 0)"},
    says="a missing entry has a 1",
)
edit(
    PREPROCESSOR,
    {"columns.append(df[name].isna())": "columns.append(~df[name].isin(categories))"},
    says="an unseen category counts as missing",
)
edit(
    PREPROCESSOR,
    {"or entries.min() == entries.max()": "or entries.std() == 0"},
    says="B has one entry, C none: 0 in every table",
)
edit(
    PREPROCESSOR, {"or entries.min() == entries.max()": ""}, says="B has one entry, C none: 0 in every table"
)
edit(PREPROCESSOR, {"len(entries) < 2": "len(entries) < 3"}, says="D has two entries, which is enough")
edit(
    PREPROCESSOR,
    {"(0.0, math.inf)": "(entries.mean(), 1.0)"},
    says="B has one entry, C none: 0 in every table",
)
edit(PREPROCESSOR, {'hasattr(self, "feature_names")': "True"}, says="should raise ValueError")
edit(PREPROCESSOR, {"        return self\n": ""}, says="end it with `return self`")
edit(PREPROCESSOR, {'.astype("float32")': ""}, says="float64")
edit(PREPROCESSOR, {'errors="ignore")': 'errors="ignore", inplace=True) or df'}, says="the table was changed")
edit(
    PREPROCESSOR,
    {"        if not hasattr": "        self.fit(df)\n        if not hasattr"},
    says="it should use what fit learned",
)
edit(
    PREPROCESSOR,
    {"((df[name] - mean) / std)": "((df[name] - df[name].mean()) / df[name].std())"},
    says="use those of fit",
)
edit(
    PREPROCESSOR,
    {"            self.feature_names += [f": "            self.feature_names = [f"},
    says="one name for each feature",
)
edit(
    PREPROCESSOR,
    {"not pd.api.types.is_numeric_dtype(df[name])": 'df[name].dtype == "object"'},
    says="with string dtype",
)
edit(PREPROCESSOR, {"torch.tensor(": "("}, says="transform should give a tensor")


@wrong("a column where fit saw nothing missing needs its feature for missing, too")
class HousePreprocessor:
    """get_dummies without dummy_na, and a feature for missing only where fit saw one."""

    def fit(self, df):
        df = df.drop(columns=["Id", "SalePrice"], errors="ignore")
        self.numeric = list(df.select_dtypes("number"))
        self.mean, self.std = df[self.numeric].mean(), df[self.numeric].std()
        self.text = {name: list(df[name].unique()) for name in df if name not in self.numeric}
        self.feature_names = self.numeric + [f"{n}_{c}" for n, cs in self.text.items() for c in cs]
        return self

    def transform(self, df):
        if not hasattr(self, "text"):
            raise ValueError("fit first")
        columns = [((df[n] - self.mean[n]) / self.std[n]).fillna(0) for n in self.numeric]
        for n, categories in self.text.items():
            columns += [df[n].isna() if pd.isna(c) else df[n] == c for c in categories]
        return torch.tensor(np.column_stack(columns).astype(np.float32))


@odd
class HousePreprocessor:
    """get_dummies and reindex; features in another order; plain numpy inside."""

    def fit(self, df):
        body = df.drop(columns=[name for name in ("Id", "SalePrice") if name in df])
        self.text = [name for name in body if not pd.api.types.is_numeric_dtype(body[name])]
        numbers = body[[name for name in body if name not in self.text]].astype(float)
        self.mu, self.sd = numbers.mean(), numbers.std()
        self.sd[(numbers.nunique() < 2).to_numpy()] = np.nan
        self.seen = {name: set(body[name].dropna()) for name in self.text}
        self.feature_names = list(self._table(body))
        return self

    def _table(self, df):
        parts = []
        for name in self.text:
            column = df[name].where(df[name].isin(self.seen[name]))
            part = pd.DataFrame({f"{name}?": df[name].isna().astype(float)}, index=df.index)
            for category in self.seen[name]:
                part[f"{name}:{category}"] = (column == category).fillna(False).astype(float)
            parts.append(part)
        parts.append(((df[self.mu.index] - self.mu) / self.sd).fillna(0.0))
        return pd.concat(parts, axis=1)

    def transform(self, df):
        if not hasattr(self, "seen"):
            raise ValueError("this preprocessor has not been fitted")
        return torch.from_numpy(self._table(df)[self.feature_names].to_numpy(dtype=np.float32, copy=True))


@odd
class HousePreprocessor:
    """pd.get_dummies with dummy_na on known categories."""

    feature_names = None

    def fit(self, df):
        features = [name for name in df if name not in ("Id", "SalePrice")]
        self.numbers = [name for name in features if df[name].dtype.kind in "iufb"]
        self.words = {
            name: sorted(df[name].dropna().unique()) for name in features if name not in self.numbers
        }
        self.stats = {}
        for name in self.numbers:
            known = df[name].dropna().to_numpy(dtype=float)
            if len(known) > 1 and known.max() > known.min():
                self.stats[name] = known.mean(), known.std(ddof=1)
        self.feature_names = self.numbers + [f"{n}={c}" for n, cs in self.words.items() for c in [*cs, None]]
        return self

    def transform(self, df):
        if self.feature_names is None:
            raise ValueError("transform before fit")
        X = torch.zeros(len(df), len(self.feature_names))
        for j, name in enumerate(self.numbers):
            if name in self.stats:
                mean, std = self.stats[name]
                values = torch.tensor(df[name].to_numpy(dtype=float, na_value=float("nan")))
                X[:, j] = ((values - mean) / std).nan_to_num(0.0)
        j = len(self.numbers)
        for name, categories in self.words.items():
            for category in categories:
                X[:, j] = torch.tensor([float(entry == category) for entry in df[name]])
                j += 1
            X[:, j] = torch.tensor([float(gone) for gone in df[name].isna()])
            j += 1
        return X


@odd
class HousePreprocessor:
    """What d2l does, with categories fixed by reindex."""

    def fit(self, df):
        df = df.drop(columns=["Id", "SalePrice"], errors="ignore")
        self.num = df.select_dtypes("number").columns
        self.text = df.columns.difference(self.num)
        self.mean, self.std = df[self.num].mean().fillna(0), df[self.num].std()
        self.std[df[self.num].nunique() <= 1] = np.inf
        self.columns = pd.get_dummies(df[self.text], dummy_na=True).columns
        self.feature_names = [*self.num, *self.columns]
        return self

    def transform(self, df):
        if not hasattr(self, "num"):
            raise ValueError("fit first")
        numbers = ((df[self.num] - self.mean) / self.std).fillna(0)
        words = pd.get_dummies(df[self.text], dummy_na=True).reindex(columns=self.columns, fill_value=False)
        return torch.tensor(pd.concat([numbers, words], axis=1).astype("float32").to_numpy())


@wrong("a column of words became one number")
class HousePreprocessor:
    """Categories are numbered, and the numbers standardised."""

    def fit(self, df):
        self.known = df.drop(columns=["Id", "SalePrice"], errors="ignore")
        self.feature_names = list(self.known)
        return self

    def transform(self, df):
        if not hasattr(self, "known"):
            raise ValueError("fit first")
        columns = []
        for name in self.known:
            x, y = df[name], self.known[name]
            if not pd.api.types.is_numeric_dtype(y):
                x, y = (pd.Series(pd.factorize(values)[0]) for values in (x, y))
            columns.append(((x - y.mean()) / y.std()).fillna(0).to_numpy())
        return torch.tensor(np.column_stack(columns).astype("float32"))


# --- k_fold -----------------------------------------------------------------------------------------------


@wrong("rows are never held out")
def k_fold(n, k, i):
    """As in the book: whole folds of n // k rows."""
    if k < 2 or k > n or not 0 <= i < k:
        raise ValueError("no such fold")
    size = n // k
    rows = torch.arange(n)
    valid = rows[i * size : (i + 1) * size]
    return torch.cat([rows[: i * size], rows[(i + 1) * size :]]), valid


@wrong("they may differ by one at most")
def k_fold(n, k, i):
    """The last fold takes what is left."""
    if k < 2 or k > n or not 0 <= i < k:
        raise ValueError("no such fold")
    size, rows = n // k, torch.arange(n)
    end = n if i == k - 1 else (i + 1) * size
    return torch.cat([rows[: i * size], rows[end:]]), rows[i * size : end]


@wrong("the folds are not contiguous")
def k_fold(n, k, i):
    if k < 2 or k > n or not 0 <= i < k:
        raise ValueError("no such fold")
    rows = torch.arange(n)
    return rows[rows % k != i], rows[rows % k == i]


edit(
    "k_fold",
    {"rows[:begin], rows[end:]": "rows[:begin], rows[begin:]"},
    says="held-out rows are among the training rows",
)
edit(
    "k_fold",
    {"torch.cat([rows[:begin], rows[end:]])": "rows[:begin]"},
    says="does not use all the other rows",
)
edit("k_fold", {"(i + 1) * n // k": "(i + 1) * n // k - 1"}, says="never held out")
edit("k_fold", {"(i + 1) * n // k": "i * n // k + n // k"}, says="rows are never held out")
edit("k_fold", {"(i + 1) * n // k": "i * n // k + n // k + 1"}, says="held out more than once")
edit(
    "k_fold",
    {
        "return torch.cat([rows[:begin], rows[end:]]), rows[begin:end]": (
            "return rows[begin:end], torch.cat([rows[:begin], rows[end:]])"
        )
    },
    says="swapped",
)
edit("k_fold", {"rows = torch.arange(n)": "rows = torch.arange(n) + 1"}, says="rows count from 0 to n - 1")
edit("k_fold", {"rows = torch.arange(n)": "rows = torch.arange(n).float()"}, says="int64")
edit("k_fold", {"rows = torch.arange(n)": "rows = torch.randperm(n)"}, says="some rows are held out twice")
edit("k_fold", {"i * n // k, (i + 1)": "(k - 1 - i) * n // k, (k - i)"}, says="not in order")
edit("k_fold", {"2 <= k <= n": "1 <= k <= n"}, says="should raise ValueError")
edit("k_fold", {"2 <= k <= n": "2 <= k"}, says="should raise ValueError")
edit("k_fold", {"0 <= i < k": "0 <= i <= k"}, says="should raise ValueError")
edit("k_fold", {"0 <= i < k": "i < k"}, says="should raise ValueError")
edit("k_fold", {"2 <= k <= n": "2 <= k < n"}, says="k must be from 2 to 5")
edit(
    "k_fold",
    {
        "torch.cat([rows[:begin], rows[end:]])": "[*range(begin), *range(end, n)]",
    },
    says="should be tensors",
)


@odd
def k_fold(n, k, i):
    """Larger folds first, and a mask."""
    if not (1 < k <= n and i in range(k)):
        raise ValueError(f"no fold {i} of {k} for {n} rows")
    valid = torch.tensor_split(torch.arange(n), k)[i]
    mask = torch.ones(n, dtype=torch.bool)
    mask[valid] = False
    return mask.nonzero().flatten(), valid


@odd
def k_fold(n, k, i):
    """The training rows begin behind the fold."""
    if k < 2 or k > n or i < 0 or i >= k:
        raise ValueError("k or i")
    edges = [round(j * n / k) for j in range(k + 1)]
    rest = [*range(edges[i + 1], n), *range(edges[i])]
    return torch.tensor(rest, dtype=torch.int64), torch.arange(edges[i], edges[i + 1])


# --- cross_validate ---------------------------------------------------------------------------------------

CV = "cross_validate"
edit(CV, {"float(np.sqrt(np.mean(errors**2)))": "float(np.mean(errors**2))"}, says="the root is missing")
edit(
    CV,
    {"float(np.sqrt(np.mean(errors**2)))": "float(np.mean(np.abs(errors)))"},
    says="mean of absolute differences",
)
edit(CV, {"df.iloc[train_rows], valid.drop": "df, valid.drop"}, says="fitted to all rows")
edit(CV, {"df.iloc[train_rows], valid.drop": "valid, valid.drop"}, says="fitted to the held-out fold itself")
edit(CV, {'valid.drop(columns="SalePrice")': "valid"}, says="look up the answers")
edit(
    CV,
    {"df.iloc[train_rows]": 'df.iloc[train_rows].drop(columns="Id", errors="ignore")'},
    says="one is lost or added",
)
edit(
    CV,
    {'drop(columns="SalePrice")': 'drop(columns=["SalePrice", "Id"], errors="ignore")'},
    says="valid_df has lost a column",
)
edit(CV, {"np.maximum(predictions, 1)": "predictions"}, says="counts as 1")
edit(CV, {"np.maximum(predictions, 1)": "np.maximum(predictions, 0)"}, says="counts as 1")
edit(CV, {"return scores": "return float(np.mean(scores))"}, says="not their mean")
edit(
    CV,
    {
        "np.log(np.maximum(predictions, 1)) - np.log(": "(predictions - (",
        '["SalePrice"].to_numpy())': '["SalePrice"].to_numpy()))',
    },
    says="the logarithms are missing",
)
edit(
    CV,
    {"valid = df.iloc": "valid = df.loc", "df.iloc[train_rows]": "df.loc[train_rows]"},
    says="rows are taken by their index",
)
edit(
    CV,
    {"np.asarray(fit_predict": "(fit_predict", '["SalePrice"].to_numpy()': '["SalePrice"]'},
    says="Cannot interpret 'torch.float64'",
)
edit(
    CV,
    {
        'valid.drop(columns="SalePrice")': 'valid.drop(columns="SalePrice").reset_index(drop=True)',
        "np.asarray(fit_predict": "(fit_predict",
        '["SalePrice"].to_numpy()': '["SalePrice"]',
    },
    says="make arrays of predictions and prices",
)
odd_edit(CV, {"float(np.sqrt(np.mean(errors**2)))": "np.sqrt(np.mean(errors**2))"})
edit(CV, {"range(k)": "range(k - 1)"}, says="one score for each fold")


@wrong("one score over all houses; each fold has its own")
def cross_validate(df, k, fit_predict):
    """The root of the mean of all squares."""
    squares = []
    for rows in np.array_split(np.arange(len(df)), k):
        train, valid = df.iloc[np.setdiff1d(np.arange(len(df)), rows)], df.iloc[rows]
        y_hat = np.asarray(fit_predict(train, valid.drop(columns="SalePrice")))
        squares += list((np.log(np.maximum(y_hat, 1)) - np.log(valid["SalePrice"].to_numpy())) ** 2)
    return [float(np.sqrt(np.mean(squares)))] * k


@wrong("the table was changed")
def cross_validate(df, k, fit_predict):
    prices = df.pop("SalePrice").to_numpy()
    scores = []
    for rows in np.array_split(np.arange(len(df)), k):
        rest = np.setdiff1d(np.arange(len(df)), rows)
        train = df.iloc[rest].assign(SalePrice=prices[rest])
        y_hat = np.asarray(fit_predict(train, df.iloc[rows]))
        scores.append(float(np.sqrt(np.mean((np.log(np.clip(y_hat, 1, None)) - np.log(prices[rows])) ** 2))))
    return scores


@odd
def cross_validate(df, k, fit_predict):
    """In torch, with numpy's folds."""
    found = []
    parts = np.array_split(np.arange(len(df)), k)
    for i in range(k):
        rest = np.concatenate(parts[:i] + parts[i + 1 :])
        valid = df.iloc[parts[i]].copy()
        y = torch.tensor(valid.pop("SalePrice").to_numpy(dtype=float))
        y_hat = torch.as_tensor(np.array(fit_predict(df.iloc[rest].copy(), valid), dtype=float))
        found.append((y_hat.clamp(min=1).log() - y.log()).pow(2).mean().sqrt().item())
    return found


@odd
def cross_validate(df, k, fit_predict):
    """A list comprehension of a helper, with ratios."""
    n = len(df)

    def score(a, b):
        mask = np.zeros(n, dtype=bool)
        mask[a:b] = True
        prices = df["SalePrice"].to_numpy()[mask]
        y_hat = fit_predict(df[~mask], df[mask].drop("SalePrice", axis=1))
        return math.sqrt(
            np.mean([math.log(max(float(p), 1.0) / y) ** 2 for p, y in zip(y_hat, prices, strict=True)])
        )

    return [score(i * n // k, (i + 1) * n // k) for i in range(k)]


# --- train_linear -----------------------------------------------------------------------------------------

TRAIN = "train_linear"
OPTIMIZER = "    optimizer = torch.optim.Adam(net.parameters(), lr=lr, weight_decay=weight_decay)\n"
edit(
    TRAIN,
    {OPTIMIZER: "", "    for _ in range(num_epochs):\n": "    for _ in range(num_epochs):\n    " + OPTIMIZER},
    says="Adam is made anew",
)
edit(TRAIN, {"            optimizer.zero_grad()\n": ""}, says="gradients pile up")
edit(TRAIN, {"torch.optim.Adam(net": "torch.optim.SGD(net"}, says="plain SGD")
edit(TRAIN, {"torch.optim.Adam(net": "torch.optim.AdamW(net"}, says="AdamW")
edit(TRAIN, {", weight_decay=weight_decay": ""}, says="weight_decay has no effect")
edit(
    TRAIN,
    {
        "net.parameters(), lr=lr, weight_decay=weight_decay": (
            '[{"params": [net.weight], "weight_decay": weight_decay}, {"params": [net.bias]}], lr=lr'
        )
    },
    says="weight_decay has no effect on the bias",
)
edit(
    TRAIN,
    {".split(batch_size):": ".split(batch_size)[: len(features) // batch_size]:"},
    says="the last, smaller batch is not used",
)
edit(TRAIN, {".split(batch_size):": ".split(len(features)):"}, says="one step an epoch")
edit(TRAIN, {".split(batch_size):": ".split(1):"}, says="a step for every row")
edit(
    TRAIN,
    {"torch.randperm(len(features), generator=generator)": "torch.arange(len(features))"},
    says="another generator changes nothing",
)
edit(TRAIN, {"generator=generator)": "generator=None)"}, says="another generator changes nothing")
edit(TRAIN, {"labels.reshape(-1, 1)": "labels.reshape(-1)"}, says="(n, 1) minus (n,) is (n, n)")
edit(
    TRAIN,
    {"labels = labels.reshape(-1, 1)": "labels = labels.reshape(-1, 1).log()"},
    says="it learns the logarithm of the prices",
)
edit(
    TRAIN,
    {"net(features[rows]), labels[rows])": "net(features[rows]).clamp(min=1).log(), labels[rows].log())"},
    says="nothing is learned",
)
edit(TRAIN, {"    return net, history": "    return history"}, says="return a pair")
edit(TRAIN, {"        history.append": "            history.append"}, says="it has one for each step")
edit(TRAIN, {"range(num_epochs)": "range(num_epochs - 1)"}, says="one number for each epoch")
edit(
    TRAIN,
    {"history.append(tables.log_rmse(net, features, labels))": "history.append(loss.item())"},
    says="squared errors in dollars",
)
edit(
    TRAIN,
    {"tables.log_rmse(net, features, labels))": "tables.log_rmse(net, features, labels) ** 2)"},
    says="not their root",
)
edit(
    TRAIN,
    {"nn.Linear(features.shape[1], 1)": "nn.Linear(features.shape[1], 1, bias=False)"},
    says="nothing is learned",
)
edit(TRAIN, {"            optimizer.step()\n": ""}, says="nothing is learned")
edit(TRAIN, {"lr=lr": "lr=lr / batch_size"}, says="divided by batch_size")
edit(
    TRAIN,
    {
        "(num_epochs):\n": "(num_epochs):\n        history.append(tables.log_rmse(net, features, labels))\n",
        "        history.append(tables.log_rmse(net, features, labels))\n    return": "    return",
    },
    says="measured before the epoch",
)


@odd
def train_linear(features, labels, num_epochs, lr, weight_decay, batch_size, generator=None):
    """A DataLoader, a Sequential and a bias that starts at 0."""
    data = torch.utils.data.TensorDataset(features, labels.view(len(labels), 1))
    loader = torch.utils.data.DataLoader(data, batch_size, shuffle=True, generator=generator)
    net = nn.Sequential(nn.Linear(features.shape[1], 1))
    nn.init.zeros_(net[0].bias)
    loss = nn.MSELoss()
    optimizer = torch.optim.Adam(net.parameters(), lr, weight_decay=weight_decay)
    history = []
    for _epoch in range(num_epochs):
        for X, y in loader:
            optimizer.zero_grad(set_to_none=False)
            loss(net(X), y).backward()
            optimizer.step()
        with torch.no_grad():
            clipped = net(features).clamp(min=1)
        history.append(loss(clipped.log(), labels.view(-1, 1).log()).sqrt().item())
    return net, history


@odd
def train_linear(features, labels, num_epochs, lr, weight_decay, batch_size, generator=None):
    """The sum of squares over the batch divided by hand; gradients cleared at the end of a step."""
    net = nn.Linear(features.shape[1], 1)
    adam = torch.optim.Adam(net.parameters(), lr=lr, weight_decay=weight_decay, foreach=False)
    y, history, n = labels.flatten(), [], len(labels)
    while len(history) < num_epochs:
        order = torch.randperm(n, generator=generator)
        for start in range(0, n, batch_size):
            rows = order[start : start + batch_size]
            (((net(features[rows]).squeeze(1) - y[rows]) ** 2).sum() / len(rows)).backward()
            adam.step()
            for p in net.parameters():
                p.grad = None
        E = net(features).detach().squeeze(1).clamp(min=1).log() - y.log()
        history.append(float((E**2).mean() ** 0.5))
    return net, history


# --- find_leaks -------------------------------------------------------------------------------------------

LEAKS = {
    "standardise with statistics of train and test together": True,
    "standardise with statistics of the training fold": False,
    "one-hot categories from all rows": True,
    "one-hot categories from the training fold": False,
    "drop the Id column": False,
    "fill missing with the column mean over all rows": True,
    "choose the learning rate on the fold that is reported": True,
    "replace a category by its mean price over all rows": True,
    "take the log of the price": False,
}
wrong_value("find_leaks", "find_leaks", LEAKS | {"one-hot categories from all rows": False}, "not right yet")
wrong_value("find_leaks", "find_leaks", LEAKS | {"take the log of the price": True}, "not right yet")
wrong_value(
    "find_leaks",
    "find_leaks",
    LEAKS | {"choose the learning rate on the fold that is reported": False},
    "not right yet",
)
wrong_value("find_leaks", "find_leaks", LEAKS | {"drop the Id column": "maybe"}, "is not one of the answers")
wrong_value("find_leaks", "find_leaks", LEAKS | {"drop the Id column": "?"}, "not answered yet")
for step in LEAKS:
    wrong_value("find_leaks", "find_leaks", LEAKS | {step: not LEAKS[step]}, "1 of")
odd_value("find_leaks", "find_leaks", {step: str(leaks).lower() for step, leaks in LEAKS.items()})

# --- make_submission --------------------------------------------------------------------------------------

SUBMIT = "make_submission"


@wrong("Series are matched by their index")
def make_submission(ids, predictions):
    if len(ids) != len(predictions) or not np.isfinite(np.asarray(predictions, dtype=float)).all():
        raise ValueError("these do not fit")
    if isinstance(predictions, torch.Tensor):
        predictions = pd.Series(predictions.flatten().numpy())
    table = pd.DataFrame(
        {"Id": list(ids)}, index=getattr(ids, "index", None) if isinstance(ids, pd.Series) else None
    )
    table["SalePrice"] = pd.Series(predictions, dtype=float)
    return table.astype({"Id": int})


edit(SUBMIT, {", dtype=float)": ")"}, says="SalePrice should have floats")
odd_edit(SUBMIT, {"len(ids) != len(prices)": "False"})  # pandas itself refuses arrays of two lengths
edit(SUBMIT, {"np.isfinite(prices)": "~np.isnan(prices)"}, says="should raise ValueError")
edit(SUBMIT, {"np.isfinite(prices)": "~np.isinf(prices)"}, says="should raise ValueError")
edit(
    SUBMIT, {"not np.isfinite(prices).all()": "not np.isfinite(prices).any()"}, says="should raise ValueError"
)
edit(
    SUBMIT,
    {'{"Id": ids.astype(int), "SalePrice": prices}': '{"SalePrice": prices, "Id": ids.astype(int)}'},
    says="wrong order",
)
edit(SUBMIT, {'"SalePrice": prices}': '"Price": prices}'}, says="the columns should be Id and SalePrice")
edit(SUBMIT, {"ids.astype(int)": "ids.astype(float)"}, says="Id should have whole numbers")
edit(
    SUBMIT, {'"SalePrice": prices}': '"SalePrice": prices.astype(int)}'}, says="SalePrice should have floats"
)
edit(SUBMIT, {'"SalePrice": prices}': '"SalePrice": prices.round()}'}, says="the prices are rounded")
edit(SUBMIT, {'"SalePrice": prices}': '"SalePrice": np.log(prices)}'}, says="these are logarithms")
edit(SUBMIT, {'"SalePrice": prices}': '"SalePrice": np.sort(prices)}'}, says="the prices are sorted")
edit(
    SUBMIT,
    {'"SalePrice": prices})': '"SalePrice": prices}).sort_values("Id")'},
    says="the ids are not those given",
)
edit(SUBMIT, {"return pd.DataFrame(": "return dict("}, says="return a pandas DataFrame")
edit(SUBMIT, {"dtype=float).ravel()": "dtype=float)"}, says="Per-column arrays must each be 1-dimensional")


@odd
def make_submission(ids, predictions):
    """Row by row."""
    rows = [(int(i), float(p)) for i, p in zip(list(ids), list(predictions), strict=True)]
    if any(not math.isfinite(price) for _, price in rows):
        raise ValueError("a price is not finite")
    return pd.DataFrame(rows, columns=["Id", "SalePrice"])


@odd
def make_submission(ids, predictions):
    prices = torch.tensor(np.asarray(predictions, dtype=np.float64)).flatten()
    index = np.asarray(ids)
    if prices.shape != (len(index),) or prices.isfinite().logical_not().any():
        raise ValueError("one finite price for each id, please")
    return pd.Series(prices.numpy(), index=index, name="SalePrice").rename_axis("Id").reset_index()


# --- claims_houses ----------------------------------------------------------------------------------------

RIGHT = {"order": "a", "rate": "false", "decay": "a", "statistics": "false", "folds": "a"}
for claim in RIGHT:
    wrong_value("claims_houses", "answers", RIGHT | {claim: "true"}, "not right yet")
    wrong_value("claims_houses", "answers", RIGHT | {claim: "b"}, "not right yet")
wrong_value("claims_houses", "answers", RIGHT | {"order": "?"}, "not answered yet")
wrong_value("claims_houses", "answers", RIGHT | {"order": "d"}, "is not one of the answers")
odd_value(
    "claims_houses",
    "answers",
    {"order": "(A)", "rate": False, "decay": " a", "statistics": "False", "folds": "a."},
)

# --- mistakes that a fresh reader tried -----------------------------------------------------------------

edit("log_rmse", {".square().mean().sqrt()": ".std(correction=0)"}, says="this is the standard deviation")
edit(
    "log_rmse",
    {".clamp(min=1)": "", "predictions.log()": "predictions.log().nan_to_num(0, neginf=0)"},
    says="only what is negative or 0 is replaced",
)
edit("log_rmse", {".clamp(min=1)": ".clamp(1, 5e5)"}, says="high predictions are cut off")
edit(
    PREPROCESSOR,
    {
        "self.numeric, self.categories = {}, {}": 'self.numeric, self.categories = getattr(self, "numeric", {}), {}'  # noqa: E501
    },
    says="a second fit should forget the first",
)
edit(
    PREPROCESSOR,
    {
        "for name, (mean, std) in self.numeric.items()]": (
            "for name, (mean, std) in self.numeric.items()]\n"
            "        columns += [df[name].isna() for name in self.numeric]"
        )
    },
    says="only columns of words get one",
)
odd_edit("HousePreprocessor", {"entries.min() == entries.max()": "entries.std() < 1e-8"})
edit(
    PREPROCESSOR,
    {"sorted(entries.unique())": "sorted(entries.unique())[1:]"},
    says="a category has no feature",
)
edit(PREPROCESSOR, {"sorted(entries.unique())": "list(df[name].unique())"}, says="nan counts as a category")
edit(
    CV,
    {"errors = np": "predictions = predictions.reshape(-1, 1)\n        errors = np"},
    says="(n, 1) minus (n,)",
)
edit(CV, {"train_rows, valid_rows =": "valid_rows, train_rows ="}, says="the two parts of k_fold are swapped")
edit(
    CV,
    {
        "(rows.numpy() for rows in tables.k_fold(len(df), k, i))": (
            "(rows.numpy() for rows in tables.k_fold(len(df) // k * k, k, i))"
        )
    },
    says="a house is never held out",
)
edit(
    CV,
    {"df.iloc[train_rows], valid": "df.iloc[train_rows].assign(Row=1), valid"},
    says="one is lost or added",
)
edit(
    TRAIN,
    {"tables.log_rmse(net, features, labels))": "tables.log_rmse(net, features[rows], labels[rows]))"},
    says="on all rows, not on a batch",
)
edit(
    TRAIN,
    {
        "    for _ in range(num_epochs):\n": (
            "    order = torch.randperm(len(features), generator=generator)\n    for _ in range(num_epochs):\n"  # noqa: E501
        ),
        "torch.randperm(len(features), generator=generator).split": "order.split",
    },
    says="the order is drawn once",
)
edit(
    TRAIN,
    {
        "torch.randperm(len(features), generator=generator)": (
            "torch.randint(0, len(features), (len(features),), generator=generator)"
        )
    },
    says="a row is used twice",
)
edit(
    TRAIN,
    {
        "net.parameters(), lr=lr, weight_decay=weight_decay": (
            '[{"params": [net.bias], "weight_decay": weight_decay}, {"params": [net.weight]}], lr=lr'
        )
    },
    says="does not reach the weights",
)
edit(
    TRAIN,
    {
        "            optimizer.zero_grad()\n": "",
        "for _ in range(num_epochs):\n": "for _ in range(num_epochs):\n        optimizer.zero_grad()\n",
    },
    says="gradients are cleared once an epoch",
)
edit(TRAIN, {"lr=lr": "lr=5.0"}, says="lr is not used")
edit(TRAIN, {"Adam(net.parameters()": "Adam([net.bias]"}, says="does Adam get the weights")
edit(TRAIN, {"labels[rows]": "labels[: len(rows)]"}, says="each row its own label")
edit(TRAIN, {"return net, history": "return net.weight, history"}, says="return a pair: the net and")
edit(TRAIN, {"Adam(net": "RMSprop(net"}, says="this is not one Adam for all epochs")
edit(
    TRAIN,
    {"labels = labels.reshape(-1, 1)": "labels = (labels - labels.mean()).reshape(-1, 1) / labels.std()"},
    says="history holds nan: train on the prices as they are",
)
LOSS = "nn.functional.mse_loss(net(features[rows]), labels[rows])"
edit(TRAIN, {LOSS: LOSS + " / 2"}, says="the loss is halved")
edit(TRAIN, {LOSS: LOSS + " * len(rows)"}, says="the loss is summed")
edit(TRAIN, {LOSS: LOSS + ".sqrt()"}, says="no root, no absolute values")
edit(TRAIN, {LOSS: LOSS.replace("mse", "l1")}, says="no root, no absolute values")
edit(
    TRAIN,
    {
        "nn.Linear(features.shape[1], 1)": "nn.Sequential(nn.Linear(features.shape[1], 8), nn.ReLU(), nn.Linear(8, 1))"  # noqa: E501
    },
    says="one linear layer",
)


@wrong("ids and prices were matched by their index")
def make_submission(ids, predictions):
    if isinstance(predictions, torch.Tensor):
        predictions = predictions.numpy().ravel()
    if len(ids) != len(predictions):
        raise ValueError("the two differ in length")
    table = pd.DataFrame({"Id": ids, "SalePrice": predictions})
    if not np.isfinite(table["SalePrice"]).all():
        raise ValueError("some prices are not finite")
    return table.astype({"SalePrice": float})


edit(SUBMIT, {"dtype=float)": "dtype=np.float32)"}, says="loses cents")
