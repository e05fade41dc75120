"""Known answers to the exercises of chapter 03."""

import math
import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from tests.answers import edit, odd, odd_value, wrong, wrong_value

# --- synthetic_data ---------------------------------------------------------------------------------------


@wrong("y has the shape (n,); it should be a column, (n, 1)")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.randn(num_examples, len(w), generator=generator, dtype=w.dtype)
    return X, X @ w + b + noise_std * torch.randn(num_examples, generator=generator, dtype=w.dtype)


@wrong("y has the shape (n, n): (n,) plus (n, 1) was broadcast")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.randn(num_examples, len(w), generator=generator, dtype=w.dtype)
    return X, X @ w + b + noise_std * torch.randn(num_examples, 1, generator=generator, dtype=w.dtype)


@wrong("b is missing in y")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.randn(num_examples, len(w), generator=generator, dtype=w.dtype)
    noise = noise_std * torch.randn(num_examples, 1, generator=generator, dtype=w.dtype)
    return X, X @ w[:, None] + noise


@wrong("the noise is scaled with noise_std**2; noise_std is already the standard deviation")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.randn(num_examples, len(w), generator=generator, dtype=w.dtype)
    noise = noise_std**2 * torch.randn(num_examples, 1, generator=generator, dtype=w.dtype)
    return X, X @ w[:, None] + b + noise


@wrong("X is spread evenly over [0, 1) (torch.rand); it should come from N(0, 1)")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.rand(num_examples, len(w), generator=generator, dtype=w.dtype)
    noise = noise_std * torch.randn(num_examples, 1, generator=generator, dtype=w.dtype)
    return X, X @ w[:, None] + b + noise


@wrong("the noise is spread evenly (torch.rand); it should come from a normal distribution")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.randn(num_examples, len(w), generator=generator, dtype=w.dtype)
    noise = noise_std * torch.rand(num_examples, 1, generator=generator, dtype=w.dtype)
    return X, X @ w[:, None] + b + noise


@wrong("every example has the same noise, or none")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.randn(num_examples, len(w), generator=generator, dtype=w.dtype)
    return X, X @ w[:, None] + b + noise_std * torch.randn(1, generator=generator, dtype=w.dtype)


@wrong("the noise does not come from `generator`: equal generators gave different numbers")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.randn(num_examples, len(w), generator=generator, dtype=w.dtype)
    y = X @ w[:, None] + b
    return X, y + torch.randn_like(y) * noise_std


@wrong("X does not come from `generator`: equal generators gave different numbers")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.normal(0, 1, (num_examples, len(w)), dtype=w.dtype)
    noise = noise_std * torch.randn(num_examples, 1, generator=generator, dtype=w.dtype)
    return X, X @ w[:, None] + b + noise


@wrong("torch's global random state was changed")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    if generator is not None:
        torch.manual_seed(generator.initial_seed())
    X = torch.randn(num_examples, len(w), dtype=w.dtype)
    return X, X @ w[:, None] + b + noise_std * torch.randn(num_examples, 1, dtype=w.dtype)


@wrong("another generator gave the same X")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(num_examples, len(w), generator=generator, dtype=w.dtype)
    noise = noise_std * torch.randn(num_examples, 1, generator=generator, dtype=w.dtype)
    return X, X @ w[:, None] + b + noise


@wrong("X is not torch.float64 as w is: draw it with dtype=w.dtype")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.randn(num_examples, len(w), generator=generator)
    return X, X @ w[:, None] + b + noise_std * torch.randn(num_examples, 1, generator=generator)


@wrong("without a generator, every call gave the same X")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    generator = generator or torch.Generator().manual_seed(0)
    X = torch.randn(num_examples, len(w), generator=generator, dtype=w.dtype)
    noise = noise_std * torch.randn(num_examples, 1, generator=generator, dtype=w.dtype)
    return X, X @ w[:, None] + b + noise


@wrong("without a generator, every call gave the same noise")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.randn(num_examples, len(w), generator=generator, dtype=w.dtype)
    generator = generator or torch.Generator().manual_seed(0)
    noise = noise_std * torch.randn(num_examples, 1, generator=generator, dtype=w.dtype)
    return X, X @ w[:, None] + b + noise


@wrong("the dtype of X should be that of w, torch.float64: draw X with dtype=w.dtype")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.randn(num_examples, len(w), generator=generator)
    noise = noise_std * torch.randn(num_examples, 1, generator=generator)
    return X, X @ w.float()[:, None] + b + noise


edit("synthetic_data", {"None] + b": "None] - b"}, says="b is subtracted; it should be added")
edit("synthetic_data", {"noise_std * z": "0.01 * z"}, says="noise_std is not used")
edit("synthetic_data", {"noise_std * z": "z / noise_std"}, says="y should be Xw + b up to noise")
edit("synthetic_data", {"noise_std * z": "z"}, says="y should be Xw + b up to noise")
edit("synthetic_data", {"noise_std * z": "noise_std**0.5 * z"}, says="with the square root of noise_std")
edit("synthetic_data", {"noise_std * z": "noise_std * X[:, :1]"}, says="the noise depends on X")
edit("synthetic_data", {"noise_std * z": "0 * z"}, says="every example has the same noise, or none")
edit("synthetic_data", {"X @ w[:, None]": "X @ w.flip(0)[:, None]"}, says="y should be Xw + b up to noise")
edit("synthetic_data", {"noise_std=0.01": "noise_std=0.1"}, says="without noise_std")
edit(
    "synthetic_data",
    {"1, generator=generator, dtype=w.dtype": "1, generator=generator"},
    says="the dtype should be float16, found float32",
)


@odd
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    """The noise first, all of it in float64, rows one by one."""
    noise = torch.normal(0.0, float(noise_std), (num_examples,), generator=generator, dtype=torch.float64)
    X = torch.normal(0.0, 1.0, (len(w), num_examples), generator=generator, dtype=torch.float64).T
    X = X.to(w.dtype).contiguous()
    y = torch.tensor([float(x @ w) + float(b) + float(e) for x, e in zip(X, noise, strict=True)])
    return X, y.to(w.dtype).reshape(-1, 1)


@odd
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    """NumPy draws, seeded from the generator."""
    seed = int(torch.randint(2**31, (1,), generator=generator))
    rng = np.random.default_rng(seed)
    X = torch.from_numpy(rng.normal(size=(num_examples, len(w)))).to(w.dtype)
    noise = torch.from_numpy(rng.normal(scale=noise_std, size=(num_examples, 1))).to(w.dtype)
    return X, nn.functional.linear(X, w[None]) + b + noise


@wrong("the features come first: return X, then y")
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    X = torch.randn(num_examples, len(w), generator=generator, dtype=w.dtype)
    z = torch.randn(num_examples, 1, generator=generator, dtype=w.dtype)
    return X @ w[:, None] + b + noise_std * z, X


# --- data_iter --------------------------------------------------------------------------------------------


@wrong("the last, smaller batch is missing")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    order = torch.randperm(len(features), generator=generator) if shuffle else torch.arange(len(features))
    for i in range(len(features) // batch_size):
        batch = order[i * batch_size : (i + 1) * batch_size]
        yield features[batch], labels[batch]


@wrong("the last batch is filled up; it may be smaller")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    n = len(features)
    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)
    for i in range(0, n, batch_size):
        batch = order[torch.arange(i, i + batch_size) % n]
        yield features[batch], labels[batch]


@wrong("labels (n,) should stay (n,)")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    """Labels always become a column."""
    n = len(features)
    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)
    for start in range(0, n, batch_size):
        batch = order[start : start + batch_size]
        yield features[batch], labels[batch].reshape(-1, 1)


@wrong("features and labels do not belong together: use one order for both")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    n = len(features)
    if shuffle:
        features = features[torch.randperm(n, generator=generator)]
        labels = labels[torch.randperm(n, generator=generator)]
    for i in range(0, n, batch_size):
        yield features[i : i + batch_size], labels[i : i + batch_size]


@wrong("some examples come twice or not at all in one pass")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    n = len(features)
    for i in range(0, n, batch_size):
        batch = torch.arange(i, min(i + batch_size, n))
        if shuffle:
            batch = torch.randint(n, (len(batch),), generator=generator)
        yield features[batch], labels[batch]


@wrong("the order is not shuffled")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    for i in range(0, len(features), batch_size):
        yield features[i : i + batch_size], labels[i : i + batch_size]


@wrong("the examples are shuffled only inside their batch")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    for start in range(0, len(features), batch_size):
        X, y = features[start : start + batch_size], labels[start : start + batch_size]
        order = torch.randperm(len(X), generator=generator) if shuffle else torch.arange(len(X))
        yield X[order], y[order]


@wrong("the order does not come from `generator`: equal generators gave different numbers")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    indices = list(range(len(features)))
    if shuffle:
        random.shuffle(indices)
    for i in range(0, len(indices), batch_size):
        batch = torch.tensor(indices[i : i + batch_size])
        yield features[batch], labels[batch]


@wrong("another generator gave the same order")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    order = np.random.RandomState(1).permutation(len(features)) if shuffle else np.arange(len(features))
    for i in range(0, len(order), batch_size):
        yield features[order[i : i + batch_size]], labels[order[i : i + batch_size]]


@wrong("the features that were passed in are changed")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    if shuffle:
        order = torch.randperm(len(features), generator=generator)
        features[:], labels[:] = features[order], labels[order]
    for i in range(0, len(features), batch_size):
        yield features[i : i + batch_size], labels[i : i + batch_size]


@wrong("there is an empty batch")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    n = len(features)
    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)
    for i in range(n // batch_size + 1):
        batch = order[i * batch_size : (i + 1) * batch_size]
        yield features[batch], labels[batch]


@wrong("no examples should give no batches")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    n = len(features)
    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)
    for batch in order.split(batch_size):
        yield features[batch], labels[batch]


@wrong("the order only starts elsewhere and goes round")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    n = len(features)
    order = torch.arange(n)
    if shuffle and n:
        order = order.roll(int(torch.randint(n, (1,), generator=generator)))
    for i in range(0, n, batch_size):
        yield features[order[i : i + batch_size]], labels[order[i : i + batch_size]]


@wrong("neighbours stay together: shuffle the single examples, not whole batches or pieces")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    """Only the full batches change places."""
    n = len(features)
    starts = torch.arange(0, n, batch_size)
    full = n // batch_size
    if shuffle:
        starts[:full] = starts[:full][torch.randperm(full, generator=generator)]
    for i in starts.tolist():
        yield features[i : i + batch_size], labels[i : i + batch_size]


@wrong("neighbours stay together")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    """The batches change places, and the examples inside each."""
    n = len(features)
    pieces = list(torch.arange(n).split(batch_size)) if n else []
    if shuffle:
        full = n // batch_size
        pieces = [pieces[i] for i in torch.randperm(full, generator=generator)] + pieces[full:]
        pieces = [piece[torch.randperm(len(piece), generator=generator)] for piece in pieces]
    for batch in pieces:
        yield features[batch], labels[batch]


@wrong("neighbours stay together")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    """Backwards is not random."""
    n = len(features)
    cut = int(torch.randint(1, max(n, 2), (1,), generator=generator))
    order = torch.arange(n).roll(cut).flip(0) if shuffle else torch.arange(n)
    for i in range(0, n, batch_size):
        yield features[order[i : i + batch_size]], labels[order[i : i + batch_size]]


@wrong("without a generator, every call gave the same order")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    n = len(features)
    generator = generator or torch.Generator().manual_seed(0)
    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)
    for i in range(0, n, batch_size):
        yield features[order[i : i + batch_size]], labels[order[i : i + batch_size]]


@wrong("a single batch was returned; use yield in place of return")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    n = len(features)
    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)
    for i in range(0, n, batch_size):
        return features[order[i : i + batch_size]], labels[order[i : i + batch_size]]


@wrong("nothing was returned: use yield for each batch")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    """Makes the batches, and keeps them."""
    [(features[i : i + batch_size], labels[i : i + batch_size]) for i in range(0, len(features), batch_size)]


@wrong("only the first batch came: `return` ends the loop; use yield in its place")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    n = len(features)
    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)
    for i in range(0, n, batch_size):
        batch = order[i : i + batch_size]
        return [(features[batch], labels[batch])]


edit("data_iter", {"n, batch_size)": "n - 1, batch_size)"}, says="the last batch is missing")
edit(
    "data_iter", {"labels[batch]": "labels[batch].to(features.dtype)"}, says="should be int64, found float64"
)
edit("data_iter", {"labels[batch]": "list(labels[batch])"}, says="found a value of type list")


@wrong("the smaller batch is not the last one")
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    starts = torch.arange(0, len(features), batch_size)
    if shuffle:
        starts = starts[torch.randperm(len(starts), generator=generator)]
    for start in starts.tolist():
        yield features[start : start + batch_size], labels[start : start + batch_size]


edit(
    "data_iter",
    {"n, batch_size)": "n, n or 1)", "start + batch_size": "start + n"},
    says="all examples came in one batch",
)
edit("data_iter", {"labels[batch]": "labels[start : start + batch_size]"}, says="use one order for both")
edit("data_iter", {"if shuffle": "if not shuffle"}, says="the order changed")


@odd
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    """A list, made with torch's own loader, whose batches are lists."""
    if len(features) == 0:
        return []
    dataset = TensorDataset(features, labels)
    return list(DataLoader(dataset, batch_size, shuffle=shuffle, generator=generator))


@odd
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    """Sorts by random keys, keeps features and labels in one table, and uses its memory again."""
    table = torch.cat((features, labels.reshape(len(labels), 1)), dim=1)
    if shuffle:
        table = table[torch.rand(len(table), generator=generator).argsort()]
    buffer = torch.empty(batch_size, table.shape[1], dtype=table.dtype)
    while len(table):
        rows = buffer[: min(batch_size, len(table))]
        rows.copy_(table[:batch_size])
        table = table[batch_size:]
        yield rows[:, :-1], rows[:, -1:].reshape(-1, *labels.shape[1:]).to(labels.dtype)


@odd
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    """One example at a time, with Python's random numbers seeded from the generator."""
    indices = list(range(len(features)))
    if shuffle:
        seed = int(torch.randint(2**31, (1,), generator=generator))
        random.Random(seed).shuffle(indices)
    X, y = [], []
    for i in indices:
        X.append(features[i])
        y.append(labels[i])
        if len(X) == batch_size:
            yield torch.stack(X), torch.stack(y)
            X, y = [], []
    if X:
        yield torch.stack(X), torch.stack(y)


# --- linreg -----------------------------------------------------------------------------------------------


@wrong("b is missing")
def linreg(X, w, b):
    return X @ w


@wrong("the shape should be (3, 1), found (3,)")
def linreg(X, w, b):
    return torch.mv(X, w[:, 0]) + b


@wrong("the shape should be (3, 1), found (3, 2)")
def linreg(X, w, b):
    return X * w.T + b


@wrong("the shape should be (3, 1), found (3, 3)")
def linreg(X, w, b):
    return X @ w + b + torch.zeros(len(X))


@wrong("the result has lost its graph, so no gradient flows back")
def linreg(X, w, b):
    with torch.no_grad():
        return X @ w + b


@wrong("mat1 and mat2 shapes cannot be multiplied")
def linreg(X, w, b):
    return w @ X + b


@wrong("the gradient for b is wrong")
def linreg(X, w, b):
    return X @ w + b.item()


@wrong("it raised")
def linreg(X, w, b):
    if b.dim() != 1:
        raise ValueError("it raised")
    return X @ w + b


edit("linreg", {"return X @ w + b": "return X @ w - b"}, says="b is subtracted; it should be added")
edit("linreg", {"return X @ w": "return X @ w.flip(0)"}, says="expected 12.5, found 21.5")
edit("linreg", {"return X @ w": "return X[:, :1] @ w[:1]"}, says="the second feature has no effect")


@odd
def linreg(X, w, b):
    return nn.functional.linear(X, w.T, b.reshape(1))


@odd
def linreg(X, w, b):
    return torch.stack([(x * w[:, 0]).sum() + b.sum() for x in X])[:, None]


# --- squared_loss -----------------------------------------------------------------------------------------

edit("squared_loss", {"** 2 / 2": "* 2 / 2"}, says="this is the error: square it")
edit("squared_loss", {"return (": "return -("}, says="the sign is wrong: no loss is below 0")
edit(
    "squared_loss",
    {"** 2 / 2": "** 2 / (2 * len(y))"},
    says="the losses are divided by the number of examples",
)


@wrong("every prediction is compared with every label: (n, 1) minus (n,) is (n, n)")
def squared_loss(y_hat, y):
    return (y_hat - y) ** 2 / 2


@wrong("the half is missing")
def squared_loss(y_hat, y):
    return (y_hat - y.reshape(y_hat.shape)) ** 2


@wrong("the losses are summed or averaged; give one loss per example")
def squared_loss(y_hat, y):
    return ((y_hat - y.reshape(y_hat.shape)) ** 2 / 2).mean()


@wrong("the shape should be (3, 1), found (3,)")
def squared_loss(y_hat, y):
    return (y_hat.squeeze() - y.squeeze()) ** 2 / 2


@wrong("this is half the error; it should be squared")
def squared_loss(y_hat, y):
    return (y_hat - y.reshape(y_hat.shape)) / 2


@wrong("the error is halved before it is squared")
def squared_loss(y_hat, y):
    return ((y_hat - y.reshape(y_hat.shape)) / 2) ** 2


@wrong("the function changed its input")
def squared_loss(y_hat, y):
    if y.dim() == 1:
        y.unsqueeze_(1)
    return (y_hat - y) ** 2 / 2


@wrong("the function changed its input")
def squared_loss(y_hat, y):
    with torch.no_grad():
        y_hat -= y.reshape(y_hat.shape)
    return y_hat**2 / 2


@wrong("the result has lost its graph")
def squared_loss(y_hat, y):
    return (y_hat.detach() - y.reshape(y_hat.shape)) ** 2 / 2


edit(
    "squared_loss",
    {"(y_hat - y.reshape(y_hat.shape)) ** 2": "(y_hat - y.reshape(y_hat.shape)).abs()"},
    says="half the absolute error",
)


@odd
def squared_loss(y_hat, y):
    return 0.5 * nn.functional.mse_loss(y_hat, y.view_as(y_hat), reduction="none")


@odd
def squared_loss(y_hat, y):
    """The diagonal of the table of all pairs."""
    return ((y_hat - y.flatten()) ** 2).diagonal()[:, None] / 2


@odd
def squared_loss(y_hat, y):
    y = y if y.ndim == 2 else y.unsqueeze(-1)
    return (
        (y_hat * y_hat - 2 * y_hat * y + y * y) / 2 if y_hat.dtype == torch.float64 else (y_hat - y) ** 2 / 2
    )


# --- gaussian_nll -----------------------------------------------------------------------------------------

edit("gaussian_nll", {"((y - y_hat) ** 2)": "(y - y_hat).abs()"}, says="the errors are not squared")
edit(
    "gaussian_nll",
    {"(2 * sigma**2) + math.log(sigma)": "(2 * sigma) + math.log(sigma) / 2"},
    says="both terms take sigma for the variance; it is sigma squared",
)


@wrong("gaussian_nll_loss takes sigma**2 as var, and full=True")
def gaussian_nll(y_hat, y, sigma):
    if sigma <= 0:
        raise ValueError("sigma must be positive")
    return torch.nn.functional.gaussian_nll_loss(y_hat, y, torch.full_like(y, sigma))


edit("gaussian_nll", {" + math.log(2 * math.pi) / 2": ""}, says="the constant, half the logarithm of 2 pi")
edit("gaussian_nll", {" + math.log(sigma)": ""}, says="the logarithm of sigma is missing")
edit("gaussian_nll", {"math.log(sigma)": "math.log(sigma**2)"}, says="not of sigma squared")
edit("gaussian_nll", {"+ math.log(sigma)": "- math.log(sigma)"}, says="the logarithm of sigma is subtracted")
edit("gaussian_nll", {"(2 * sigma**2)": "(2 * sigma)"}, says="sigma is used as the variance")
edit("gaussian_nll", {"(2 * sigma**2)": "sigma**2"}, says="the half of the squared error is missing")
edit("gaussian_nll", {"/ (2 * sigma**2)": "* sigma**2 / 2"}, says="divide by it")
edit("gaussian_nll", {".mean()": ".sum()"}, says="only the squared errors are added up")
edit("gaussian_nll", {".mean()": ""}, says="this is one loss per example")
edit("gaussian_nll", {"return (": "return -("}, says="the squared errors are subtracted")
edit("gaussian_nll", {"(2 * sigma**2)": "(2 * sigma) ** 2"}, says="(2 * sigma)**2 squares the 2, too")
edit("gaussian_nll", {"(2 * math.pi) / 2": "(2 * math.pi)"}, says="the constant is only half")
edit("gaussian_nll", {"math.log(sigma)": "math.log(sigma) / 2"}, says="the logarithm of sigma is halved")
edit("gaussian_nll", {"math.log(sigma)": "math.log10(sigma)", "math.log(2": "math.log10(2"}, says="natural")
edit("gaussian_nll", {"((y - y_hat) ** 2).mean()": "(y - y_hat).mean() ** 2"}, says="square each error")
edit("gaussian_nll", {"((y - y_hat) ** 2).mean()": "((y - y_hat) ** 2).mean().float()"}, says="found float32")
edit("gaussian_nll", {'f"sigma must be positive, got {sigma}"': ""}, says="should say in its message")
edit("gaussian_nll", {"((y - y_hat) ** 2)": "((y - y_hat) ** 2).detach()"}, says="lost its graph")
edit("gaussian_nll", {" + math.log(sigma) + math.log(2 * math.pi) / 2": ""}, says="the first term alone")


@wrong("should raise ValueError")
def gaussian_nll(y_hat, y, sigma):
    """A tensor's logarithm of 0 is -inf, without an error."""
    s = torch.tensor(sigma, dtype=y.dtype)
    return ((y - y_hat) ** 2).mean() / (2 * s**2) + s.log() + math.log(2 * math.pi) / 2


@wrong("it is inf: the density is 0 there")
def gaussian_nll(y_hat, y, sigma):
    if sigma <= 0:
        raise ValueError("sigma must be positive")
    density = torch.exp(-((y - y_hat) ** 2) / (2 * sigma**2)) / (math.sqrt(2 * math.pi) * sigma)
    return -density.log().mean()


@wrong("this is the log-likelihood")
def gaussian_nll(y_hat, y, sigma):
    return torch.distributions.Normal(y_hat, sigma).log_prob(y).mean()


@wrong("the losses are added up; take their mean")
def gaussian_nll(y_hat, y, sigma):
    return -torch.distributions.Normal(y_hat, sigma).log_prob(y).sum()


@odd
def gaussian_nll(y_hat, y, sigma):
    """Torch's distribution, which refuses a sigma of 0 by itself."""
    return -torch.distributions.Normal(y_hat, sigma).log_prob(y).mean()


@odd
def gaussian_nll(y_hat, y, sigma):
    """One example after another, with tensors for the constants."""
    if not sigma > 0:
        raise ValueError("sigma should be positive")
    s = torch.as_tensor(sigma, dtype=y.dtype)
    losses = [
        ((a - b) / s) ** 2 / 2 + torch.log(s * math.sqrt(2 * math.pi))
        for a, b in zip(y_hat[:, 0], y[:, 0], strict=True)
    ]
    return torch.stack(losses).mean()


@odd
def gaussian_nll(y_hat, y, sigma):
    """math.log refuses a sigma of 0 or below."""
    return 0.5 * nn.functional.mse_loss(y_hat / sigma, y / sigma) + math.log(sigma * math.sqrt(2 * math.pi))


# --- sgd --------------------------------------------------------------------------------------------------


@wrong("only the first parameter changed")
def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            if param.grad is not None:
                param -= lr * param.grad / batch_size
                param.grad.zero_()
            return


@wrong("the parameters did not change")
def sgd(params, lr, batch_size):
    for param in params:
        if param.grad is not None:
            gradient = param.grad
            with torch.no_grad():
                param = param - lr * gradient / batch_size
            gradient.zero_()


@wrong("`param = param - ...` makes a new tensor: its .grad is None, and the parameter has not changed")
def sgd(params, lr, batch_size):
    """The most typical mistake."""
    with torch.no_grad():
        for param in params:
            if param.grad is not None:
                param = param - lr * param.grad / batch_size
                param.grad.zero_()


@wrong("a .grad that was None was filled; skip this parameter")
def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            if param.grad is None:
                param.grad = torch.zeros_like(param)
            param -= lr * param.grad / batch_size
            param.grad.zero_()


@wrong("'NoneType' object has no attribute 'zero_'")
def sgd(params, lr, batch_size):
    """Clears outside of the `if`."""
    with torch.no_grad():
        for param in params:
            if param.grad is not None:
                param -= lr * param.grad / batch_size
            param.grad.zero_()


@wrong("the gradient is not divided by batch_size")
def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            if param.grad is not None:
                param -= lr * param.grad
                param.grad.zero_()


@wrong("the step goes uphill: subtract the gradient")
def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            if param.grad is not None:
                param += lr * param.grad / batch_size
                param.grad.zero_()


@wrong("a gradient is None; it should be 0")
def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            if param.grad is not None:
                param -= lr * param.grad / batch_size
                param.grad = None


@wrong("a gradient is not 0 after the step")
def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            if param.grad is not None:
                param -= lr * param.grad / batch_size


@wrong("the parameters did not change")
def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            if param.grad is not None:
                param.grad.zero_()
                param -= lr * param.grad / batch_size


@wrong("a leaf Variable that requires grad is being used in an in-place operation")
def sgd(params, lr, batch_size):
    for param in params:
        if param.grad is not None:
            param -= lr * param.grad / batch_size
            param.grad.zero_()


@wrong("unsupported operand type(s) for *: 'float' and 'NoneType'")
def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            param -= lr * param.grad / batch_size
            param.grad.zero_()


@wrong("it stops at the first parameter without a gradient; the others come after it")
def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            if param.grad is None:
                return
            param -= lr * param.grad / batch_size
            param.grad.zero_()


@wrong("a parameter moved to new memory; change it in place")
def sgd(params, lr, batch_size):
    for param in params:
        if param.grad is not None:
            param.data = param.data - lr * param.grad / batch_size
            param.grad.zero_()


@wrong("a parameter has lost requires_grad")
def sgd(params, lr, batch_size):
    for param in params:
        if param.grad is not None:
            gradient = param.grad
            param.requires_grad_(False)
            param -= lr * gradient / batch_size
            gradient.zero_()


@wrong("gradients are still switched off after the step")
def sgd(params, lr, batch_size):
    torch.set_grad_enabled(False)
    for param in params:
        if param.grad is not None:
            param -= lr * param.grad / batch_size
            param.grad.zero_()


@wrong("a parameter did not become param - lr * grad / batch_size")
def sgd(params, lr, batch_size):
    with torch.no_grad():
        for param in params:
            if param.grad is not None:
                param -= lr * param.grad / len(param)
                param.grad.zero_()


@wrong("in memory did not change: reshape and flatten make a copy of it")
def sgd(params, lr, batch_size):
    """A copy where the parameter is transposed in memory."""
    for param in params:
        if param.grad is not None:
            flat = param.data.reshape(-1)
            flat -= lr * param.grad.reshape(-1) / batch_size
            param.grad.zero_()


edit("sgd", {"lr * param.grad": "param.grad"}, says="the learning rate is missing")
edit(
    "sgd",
    {"param.grad / batch_size": "param.grad * batch_size"},
    says="the gradient is multiplied by batch_size",
)


@odd
def sgd(params, lr, batch_size):
    """Through .data, with a new tensor of zeros as gradient."""
    for param in params:
        if param.grad is None:
            continue
        param.data.add_(param.grad, alpha=-lr / batch_size)
        param.grad = torch.zeros_like(param)


@odd
def sgd(params, lr, batch_size):
    """torch's own optimizer, on gradients that were divided before."""
    params = [param for param in params if param.grad is not None]
    for param in params:
        param.grad /= batch_size
    optimizer = torch.optim.SGD(params, lr=lr)
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)


@odd
@torch.no_grad()
def sgd(params, lr, batch_size):
    for param in filter(lambda p: p.grad is not None, params):
        param.copy_(param - param.grad * (lr / batch_size))
        param.grad *= 0
    return params


# --- train_step -------------------------------------------------------------------------------------------


@wrong("the old gradients were not cleared: backward() adds to what is in .grad")
def train_step(net, loss, optimizer, X, y):
    batch_loss = loss(net(X), y)
    batch_loss.backward()
    optimizer.step()
    return batch_loss.item()


@wrong(
    "no parameter changed: the gradients were cleared between backward() and step(), "
    "or step() came before backward()"
)
def train_step(net, loss, optimizer, X, y):
    batch_loss = loss(net(X), y)
    batch_loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return batch_loss.item()


@wrong("no parameter changed: step() needs gradients that backward() has computed and nobody has cleared")
def train_step(net, loss, optimizer, X, y):
    batch_loss = loss(net(X), y)
    optimizer.zero_grad()
    optimizer.step()
    batch_loss.backward()
    return batch_loss.item()


@wrong("the step used the old gradients: backward() has to come before step()")
def train_step(net, loss, optimizer, X, y):
    batch_loss = loss(net(X), y)
    optimizer.step()
    optimizer.zero_grad()
    batch_loss.backward()
    return batch_loss.item()


@wrong("the old gradients were not cleared")
def train_step(net, loss, optimizer, X, y):
    """Clears at the end only, so the caller's old gradients are added."""
    batch_loss = loss(net(X), y)
    batch_loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return batch_loss.item()


@wrong("this is the loss after the update")
def train_step(net, loss, optimizer, X, y):
    optimizer.zero_grad()
    loss(net(X), y).backward()
    optimizer.step()
    return loss(net(X), y).item()


@wrong("should be a Python float, found a value of type Tensor")
def train_step(net, loss, optimizer, X, y):
    batch_loss = loss(net(X), y)
    optimizer.zero_grad()
    batch_loss.backward()
    optimizer.step()
    return batch_loss


@wrong("should be a Python float, found None")
def train_step(net, loss, optimizer, X, y):
    batch_loss = loss(net(X), y)
    optimizer.zero_grad()
    batch_loss.backward()
    optimizer.step()


@wrong("the loss is already a mean; do not divide by the batch size again")
def train_step(net, loss, optimizer, X, y):
    batch_loss = loss(net(X), y)
    optimizer.zero_grad()
    (batch_loss / len(y)).backward()
    optimizer.step()
    return batch_loss.item()


@wrong("this is the sum, not the mean")
def train_step(net, loss, optimizer, X, y):
    batch_loss = loss(net(X), y)
    optimizer.zero_grad()
    batch_loss.backward()
    optimizer.step()
    return batch_loss.item() * len(y)


@wrong("`loss` was not used: this is the mean squared error")
def train_step(net, loss, optimizer, X, y):
    batch_loss = ((net(X) - y) ** 2).mean()
    optimizer.zero_grad()
    batch_loss.backward()
    optimizer.step()
    return batch_loss.item()


@wrong("`loss` was not used: these are steps for the mean squared error")
def train_step(net, loss, optimizer, X, y):
    """Reports the loss that is given, and trains on another."""
    optimizer.zero_grad()
    nn.functional.mse_loss(net(X), y).backward()
    with torch.no_grad():
        batch_loss = loss(net(X), y).item()
    optimizer.step()
    return batch_loss


@wrong(
    "no parameter changed: the gradients were cleared between backward() and step(), or step() came before"
)
def train_step(net, loss, optimizer, X, y):
    batch_loss = loss(net(X), y)
    optimizer.zero_grad()
    optimizer.step()
    batch_loss.backward()
    return batch_loss.item()


@wrong("the arguments of `loss` are swapped: the predictions come first")
def train_step(net, loss, optimizer, X, y):
    """Labels and predictions swapped: equal for the squared error, not for every loss."""
    batch_loss = loss(y, net(X))
    optimizer.zero_grad()
    batch_loss.backward()
    optimizer.step()
    return batch_loss.item()


@wrong("`optimizer` was not used: this is plain gradient descent")
def train_step(net, loss, optimizer, X, y):
    """A step of its own, which knows nothing of momentum."""
    batch_loss = loss(net(X), y)
    gradients = torch.autograd.grad(batch_loss, list(net.parameters()))
    with torch.no_grad():
        for param, gradient in zip(net.parameters(), gradients, strict=True):
            param -= optimizer.param_groups[0]["lr"] * gradient
    return batch_loss.item()


edit("train_step", {"batch_loss.backward()": "(-batch_loss).backward()"}, says="the update goes uphill")
edit("train_step", {"optimizer.step()": "optimizer.step(), optimizer.step()"}, says="twice in a row")
edit("train_step", {"batch_loss.backward()": "(len(y) * batch_loss).backward()"}, says="that of a sum")
edit(
    "train_step",
    {"batch_loss.item()": "batch_loss.item() / len(y)"},
    says="divided by the batch size once more",
)


@odd
def train_step(net, loss, optimizer, X, y):
    """A closure, which the optimizer calls."""

    def closure():
        for param in net.parameters():
            param.grad = None
        value = loss(net(X), y)
        value.backward()
        return value

    return optimizer.step(closure).item()


@odd
def train_step(net, loss, optimizer, X, y):
    """Sets the gradients by hand and clears them at the end."""
    with torch.no_grad():
        before = loss(net(X), y).tolist()
    params = [param for group in optimizer.param_groups for param in group["params"]]
    for param, gradient in zip(params, torch.autograd.grad(loss(net(X), y), params), strict=True):
        param.grad = gradient
    optimizer.step()
    net.zero_grad(set_to_none=False)
    return before


@odd
def train_step(net, loss, optimizer, X, y):
    net.train()
    net.zero_grad()
    batch_loss = loss(net(X), y)
    batch_loss.backward()
    value = batch_loss.detach().numpy().item()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return value


# --- fit --------------------------------------------------------------------------------------------------


@wrong("the gradients of all batches are added up, for one update per epoch")
def fit(net, train_iter, loss, optimizer, num_epochs):
    history = []
    for _ in range(num_epochs):
        total = count = 0
        optimizer.zero_grad()
        for X, y in train_iter:
            value = loss(net(X), y)
            value.backward()
            total += value.item() * len(y)
            count += len(y)
        optimizer.step()
        history.append(total / count)
    return history


@wrong("only one update was made: backward and step belong in the inner loop")
def fit(net, train_iter, loss, optimizer, num_epochs):
    """The notes' loop."""
    history = []
    for _ in range(num_epochs):
        total, examples = 0.0, 0
        for X, y in train_iter:
            batch_loss = loss(net(X), y)
            total, examples = total + batch_loss.item() * len(y), examples + len(y)
        history.append(total / examples)
    optimizer.zero_grad()
    batch_loss.backward()
    optimizer.step()
    return history


@wrong("only one update per epoch was made: backward and step belong in the inner loop")
def fit(net, train_iter, loss, optimizer, num_epochs):
    history = []
    for _ in range(num_epochs):
        total, examples = 0.0, 0
        for X, y in train_iter:
            batch_loss = loss(net(X), y)
            total, examples = total + batch_loss.item() * len(y), examples + len(y)
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
        history.append(total / examples)
    return history


@wrong("the gradients are cleared only once per epoch; clear them for every batch")
def fit(net, train_iter, loss, optimizer, num_epochs):
    history = []
    for _ in range(num_epochs):
        total, examples = 0.0, 0
        optimizer.zero_grad()
        for X, y in train_iter:
            batch_loss = loss(net(X), y)
            batch_loss.backward()
            optimizer.step()
            total, examples = total + batch_loss.item() * len(y), examples + len(y)
        history.append(total / examples)
    return history


@wrong("'Tensor' object is not callable")
def fit(net, train_iter, loss, optimizer, num_epochs):
    history = []
    for _ in range(num_epochs):
        total, examples = 0.0, 0
        for X, y in train_iter:
            loss = loss(net(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total, examples = total + loss.item() * len(y), examples + len(y)
        history.append(total / examples)
    return history


@wrong("go through train_iter in every epoch: a DataLoader shuffles again")
def fit(net, train_iter, loss, optimizer, num_epochs):
    batches, history = list(train_iter), []
    for _ in range(num_epochs):
        pairs = [(v.item(), n) for v, n in _train(net, batches, loss, optimizer)]
        history.append(sum(v * n for v, n in pairs) / sum(n for _, n in pairs))
    return history


@wrong("`loss` was not used: this is the mean squared error")
def fit(net, train_iter, loss, optimizer, num_epochs):
    history = []
    for _ in range(num_epochs):
        pairs = [(v.item(), n) for v, n in _train(net, train_iter, nn.MSELoss(), optimizer)]
        history.append(sum(v * n for v, n in pairs) / sum(n for _, n in pairs))
    return history


@wrong("`optimizer` was not used: this is plain gradient descent")
def fit(net, train_iter, loss, optimizer, num_epochs):
    optimizer = torch.optim.SGD(net.parameters(), lr=optimizer.param_groups[0]["lr"])
    history = []
    for _ in range(num_epochs):
        pairs = [(v.item(), n) for v, n in _train(net, train_iter, loss, optimizer)]
        history.append(sum(v * n for v, n in pairs) / sum(n for _, n in pairs))
    return history


@wrong("neither `loss` nor `optimizer` was used")
def fit(net, train_iter, loss, optimizer, num_epochs):
    optimizer = torch.optim.SGD(net.parameters(), lr=optimizer.param_groups[0]["lr"])
    history = []
    for _ in range(num_epochs):
        pairs = [(v.item(), n) for v, n in _train(net, train_iter, nn.MSELoss(), optimizer)]
        history.append(sum(v * n for v, n in pairs) / sum(n for _, n in pairs))
    return history


@wrong("the gradients are never cleared: backward() adds to them in every batch")
def fit(net, train_iter, loss, optimizer, num_epochs):
    """Never clears the gradients."""
    history = []
    for _ in range(num_epochs):
        total, examples = 0.0, 0
        for X, y in train_iter:
            batch_loss = loss(net(X), y)
            batch_loss.backward()
            optimizer.step()
            total, examples = total + batch_loss.item() * len(y), examples + len(y)
        history.append(total / examples)
    return history


def _train(net, train_iter, loss, optimizer):
    """One epoch; yields the loss and the size of each batch."""
    for X, y in train_iter:
        batch_loss = loss(net(X), y)
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
        yield batch_loss, len(y)


@wrong("the batches are not weighted: the last one has fewer examples")
def fit(net, train_iter, loss, optimizer, num_epochs):
    history = []
    for _ in range(num_epochs):
        losses = [batch_loss.item() for batch_loss, _ in _train(net, train_iter, loss, optimizer)]
        history.append(sum(losses) / len(losses))
    return history


@wrong("this is the loss of the last batch")
def fit(net, train_iter, loss, optimizer, num_epochs):
    history = []
    for _ in range(num_epochs):
        for batch_loss, _ in _train(net, train_iter, loss, optimizer):
            last = batch_loss.item()
        history.append(last)
    return history


@wrong("this is measured after the epoch; measure while training")
def fit(net, train_iter, loss, optimizer, num_epochs):
    history = []
    for _ in range(num_epochs):
        list(_train(net, train_iter, loss, optimizer))
        with torch.no_grad():
            sums = [(loss(net(X), y).item() * len(y), len(y)) for X, y in train_iter]
        history.append(sum(total for total, _ in sums) / sum(n for _, n in sums))
    return history


@wrong("this is the sum over the batches; divide by the number of examples")
def fit(net, train_iter, loss, optimizer, num_epochs):
    return [sum(v.item() for v, _ in _train(net, train_iter, loss, optimizer)) for _ in range(num_epochs)]


@wrong("the last batch is smaller: divide by the 10 examples, not by 3 batches of 4")
def fit(net, train_iter, loss, optimizer, num_epochs):
    history, size = [], len(next(iter(train_iter))[1])
    for _ in range(num_epochs):
        pairs = [(value.item(), n) for value, n in _train(net, train_iter, loss, optimizer)]
        history.append(sum(value * n for value, n in pairs) / (size * len(pairs)))
    return history


@wrong("the sums go on from epoch to epoch; start again at 0")
def fit(net, train_iter, loss, optimizer, num_epochs):
    history, total, examples = [], 0.0, 0
    for _ in range(num_epochs):
        for batch_loss, n in _train(net, train_iter, loss, optimizer):
            total, examples = total + batch_loss.item() * n, examples + n
        history.append(total / examples)
    return history


@wrong("there is one loss per batch, not per epoch")
def fit(net, train_iter, loss, optimizer, num_epochs):
    return [v.item() for _ in range(num_epochs) for v, _ in _train(net, train_iter, loss, optimizer)]


@wrong("should be a Python float, found a value of type Tensor")
def fit(net, train_iter, loss, optimizer, num_epochs):
    history = []
    for _ in range(num_epochs):
        total, examples = 0.0, 0
        for batch_loss, n in _train(net, train_iter, loss, optimizer):
            total, examples = total + batch_loss.detach() * n, examples + n
        history.append(total / examples)
    return history


@wrong("only one epoch was trained")
def fit(net, train_iter, loss, optimizer, num_epochs):
    """A loader's iterator is used up after one pass."""
    batches, history = iter(train_iter), []
    for _ in range(num_epochs):
        pairs = [(v.item(), n) for v, n in _train(net, batches, loss, optimizer)]
        history.append(sum(v * n for v, n in pairs) / max(1, sum(n for _, n in pairs)))
    return history


@wrong("fit should return a list")
def fit(net, train_iter, loss, optimizer, num_epochs):
    for _ in range(num_epochs):
        list(_train(net, train_iter, loss, optimizer))


@wrong("the mean training loss of each epoch is wrong")
def fit(net, train_iter, loss, optimizer, num_epochs):
    """The digit 1 for the letter l, as in the notes' later chapters."""
    history = []
    for _ in range(num_epochs):
        sizes = [n for _, n in _train(net, train_iter, loss, optimizer)]
        history.append(sum(1.0 * n for n in sizes) / sum(sizes))
    return history


edit("fit", {"= loss(net(X), y)": "= loss(y, net(X))"}, says="the arguments of `loss` are swapped")
edit(
    "fit",
    {"    history.append(total / examples)": "        return [total / examples] * num_epochs"},
    says="is the return inside?",
)
edit("fit", {"total / examples)": "total / (len(train_iter) * len(y)))"}, says="not by 3 batches of 2")
COUNT, TOTAL = "examples = 0\n    for _", "total = 0.0\n    for _"
edit("fit", {"total, examples = 0.0, 0": "total = 0.0", "for _": COUNT}, says="the count goes on")
edit("fit", {"total, examples = 0.0, 0": "examples = 0", "for _": TOTAL}, says="the sum goes on")
edit("fit", {"batch_loss.item()": "loss(net(X), y).item()"}, says="measured after its update")
edit("fit", {"total / examples)": "total)"}, says="weighted, but not divided")
edit("fit", {"examples += len(y)": "examples += 1"}, says="divided by the number of batches")
edit("fit", {" * len(y)": ""}, says="weigh each loss by its batch")


@odd
def fit(net, train_iter, loss, optimizer, num_epochs):
    """A running mean."""
    history = []
    for _ in range(num_epochs):
        mean, seen = 0.0, 0
        for batch_loss, n in _train(net, train_iter, loss, optimizer):
            seen += n
            mean += (batch_loss.item() - mean) * n / seen
        history.append(mean)
    return history


@odd
def fit(net, train_iter, loss, optimizer, num_epochs):
    """Counts the examples in a pass of its own, and gives NumPy's float, which is a float."""
    weights = [len(X) for X, _ in train_iter]
    history = []
    for _ in range(num_epochs):
        batches = list(train_iter)
        optimizer.zero_grad()
        losses = []
        for X, y in batches:
            value = loss(net(X), y)
            value.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(value.item())
        history.append(np.average(losses, weights=weights))
    return history


@odd
def fit(net, train_iter, loss, optimizer, num_epochs):
    """A copy of the net measures each batch before the net is trained on it."""
    history = []
    for _ in range(num_epochs):
        total, count = 0.0, 0
        for X, y in train_iter:
            with torch.no_grad():
                total += y.numel() * loss(net(X), y).item()
            count += y.numel()
            optimizer.step(lambda X=X, y=y: (optimizer.zero_grad(), loss(net(X), y).backward())[1])
        history += [total / count]
    return history


# --- least_squares ----------------------------------------------------------------------------------------


@wrong("the line has no intercept: it is forced through 0")
def least_squares(X, y):
    return torch.linalg.pinv(X) @ y, torch.zeros(1, dtype=X.dtype)


@wrong("b is the mean of y; that is right only if the columns of X have mean 0")
def least_squares(X, y):
    return torch.linalg.pinv(X) @ y, y.mean(dim=0)


@wrong("collinear columns: the matrix has no inverse; take a pseudo-inverse")
def least_squares(X, y):
    """NumPy's inverse."""
    A = np.hstack([X.numpy(), np.ones((len(X), 1), dtype=X.numpy().dtype)])
    solution = torch.from_numpy(np.linalg.inv(A.T @ A) @ A.T @ y.numpy())
    return solution[:-1], solution[-1]


@wrong("collinear columns: the matrix has no inverse; take a pseudo-inverse")
def least_squares(X, y):
    """The normal equations, which collinear columns make singular."""
    A = torch.cat((X, torch.ones_like(X[:, :1])), dim=1)
    solution = torch.linalg.solve(A.T @ A, A.T @ y)
    return solution[:-1], solution[-1]


@wrong('use driver="gelsd", or the pseudo-inverse')
def least_squares(X, y):
    A = torch.cat((X, torch.ones_like(X[:, :1])), dim=1)
    solution = torch.linalg.lstsq(A, y).solution
    return solution[:-1], solution[-1]


@wrong("the shape should be (1, 1), found (1,)")
def least_squares(X, y):
    A = torch.cat((X, torch.ones_like(X[:, :1])), dim=1)
    solution = (torch.linalg.pinv(A) @ y).flatten()
    return solution[:-1], solution[-1:]


@wrong("the shape should be (1,), found ()")
def least_squares(X, y):
    A = torch.cat((X, torch.ones_like(X[:, :1])), dim=1)
    solution = torch.linalg.pinv(A) @ y
    return solution[:-1], solution[-1, 0]


@wrong("the shape should be (1,), found (1, 1)")
def least_squares(X, y):
    A = torch.cat((X, torch.ones_like(X[:, :1])), dim=1)
    solution = torch.linalg.pinv(A) @ y
    return solution[:-1], solution[-1:]


@wrong("w and b are swapped")
def least_squares(X, y):
    A = torch.cat((torch.ones_like(X[:, :1]), X), dim=1)
    solution = torch.linalg.pinv(A) @ y
    return solution[:-1], solution[-1]


@wrong("another plane has a smaller squared error")
def least_squares(X, y):
    """A penalty that looks small, and is not for features in small units."""
    A = torch.cat((X, torch.ones_like(X[:, :1])), dim=1)
    solution = torch.linalg.solve(A.T @ A + 1e-6 * torch.eye(A.shape[1], dtype=X.dtype), A.T @ y)
    return solution[:-1], solution[-1]


@wrong("another plane has a smaller squared error")
def least_squares(X, y):
    """A penalty on the weights makes every matrix invertible, and every fit wrong."""
    A = torch.cat((X, torch.ones_like(X[:, :1])), dim=1)
    eye = torch.eye(A.shape[1], dtype=X.dtype)
    solution = torch.linalg.solve(A.T @ A + 1e-3 * eye, A.T @ y)
    return solution[:-1], solution[-1]


@wrong("expected m1 and m2 to have the same dtype")
def least_squares(X, y):
    A = torch.cat((X, torch.ones(len(X), 1)), dim=1).float()
    solution = torch.linalg.pinv(A) @ y
    return solution[:-1], solution[-1]


@odd
def least_squares(X, y):
    """Centre, fit without an intercept, then find b from the means."""
    x_mean, y_mean = X.mean(dim=0, keepdim=True), y.mean(dim=0)
    w = torch.linalg.pinv(X - x_mean) @ (y - y_mean)
    return w, y_mean - (x_mean @ w)[0]


@odd
def least_squares(X, y):
    A = torch.nn.functional.pad(X, (1, 0), value=1.0)
    solution = torch.linalg.lstsq(A, y, driver="gelsd").solution
    return solution[1:], solution[0]


@odd
def least_squares(X, y):
    """NumPy in float64, the ones first."""
    A = np.hstack([np.ones((len(X), 1)), X.double().numpy()])
    solution = torch.from_numpy(np.linalg.lstsq(A, y.double().numpy(), rcond=None)[0]).to(X.dtype)
    return solution[1:], solution[0]


@odd
def least_squares(X, y):
    """The normal equations, with a pseudo-inverse in place of the inverse."""
    A = torch.cat((X, torch.ones_like(X[:, :1])), dim=1)
    solution = torch.linalg.pinv(A.T @ A, hermitian=True) @ (A.T @ y)
    return solution[:-1], solution[-1]


@odd
def least_squares(X, y):
    """The default solver where it is reliable, on columns without the superfluous ones."""
    A = torch.cat((X, torch.ones_like(X[:, :1])), dim=1)
    kept = []
    for column in range(A.shape[1]):
        if torch.linalg.matrix_rank(A[:, [*kept, column]]) == len(kept) + 1:
            kept.append(column)
    solution = torch.zeros(A.shape[1], 1, dtype=X.dtype)
    solution[kept] = torch.linalg.lstsq(A[:, kept], y).solution
    return solution[:-1], solution[-1]


edit(
    "least_squares", {"return solution[:-1], solution[-1]": "return solution"}, says="return the pair (w, b)"
)
edit(
    "least_squares",
    {"return solution[:-1], solution[-1]": "return solution[-1], solution[:-1]"},
    says="the weights come first: return w, then b",
)


@wrong("w is found without b, on a line through 0")
def least_squares(X, y):
    w = torch.linalg.pinv(X) @ y
    return w, (y - X @ w).mean(dim=0)


@wrong("w is right, and b is the mean of y")
def least_squares(X, y):
    return torch.linalg.pinv(X - X.mean(dim=0)) @ (y - y.mean(dim=0)), y.mean(dim=0)


# --- claims_regression ------------------------------------------------------------------------------------

CLAIMS = {
    "step": "false",
    "indentation": "b",
    "floors": "a",
    "shapes": "c",
    "evaluation": "false",
}
wrong_value("claims_regression", "answers", CLAIMS | {"floors": "true"}, "1 of 2 is not right yet")
wrong_value("claims_regression", "answers", CLAIMS | {"floors": "b", "shapes": "a"}, "2 of 2 are not right")
wrong_value("claims_regression", "answers", CLAIMS | {"step": "a"}, "1 of 3 is not right yet")
wrong_value(
    "claims_regression",
    "answers",
    CLAIMS | {"evaluation": "a", "indentation": "true"},
    "2 of 3 are not right",
)
wrong_value("claims_regression", "answers", CLAIMS | {"shapes": "e"}, "'e' is not one of the answers")
wrong_value("claims_regression", "answers", CLAIMS | {"step": "?"}, "not answered yet: 'step'")
wrong_value("claims_regression", "answers", {"step": "false"}, "keep the keys of the dict as they were")
odd_value("claims_regression", "answers", {key: f" {value.upper()}" for key, value in CLAIMS.items()})
odd_value("claims_regression", "answers", CLAIMS | {"step": False, "evaluation": False, "more": 1})
