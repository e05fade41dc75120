# ---
# jupyter:
#   course:
#     prerequisites:
#     - 01_tensors
#     - 02_autograd
#     summary: The smallest network, and the training loop that all others share
#     title: Linear regression
#   jupytext:
#     cell_metadata_filter: all,-nbgrader
#     formats: ipynb,py:percent
#     notebook_metadata_filter: course,kernelspec,jupytext,-jupytext.text_representation
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
r"""
# 3 Linear regression

**Time:** about 4 hours. **You need:** chapters 1 and 2. **Points:** 35.

A line through a cloud of points is the smallest network there is. It has everything that the large ones
have: data, a loss, gradients, a training loop. So we build every part of it by hand, and then meet the same
parts in PyTorch. After this chapter you can

- **make** data with a known truth, and **cut** them into minibatches;
- **write** the forward pass, the loss and the update by hand;
- **run** the training loop in the right order, and **recognise** the wrong orders by their loss curves;
- **measure** a training loss that can be compared with somebody else's;
- **check** a trained model against the exact solution.

| English | Chinese (中文) | what it is |
|---|---|---|
| feature | 特征 | a number that we know about an example |
| label | 标签 | the number that we want to predict |
| weight, bias | 权重，偏置 | the parameters of the line |
| loss | 损失 | how wrong the predictions are, as one number |
| minibatch, batch | 小批量 | the few examples that one update looks at |
| update, iteration | 迭代 | one change of the parameters |
| epoch | 轮 | one pass over all training examples |
| learning rate | 学习率 | how far one update goes against the gradient |
| error | 误差 | prediction minus label |
| residual | 残差 | label minus prediction, after the fit |
| optimizer | 优化器 | the object that updates the parameters from their gradients |
| SGD (stochastic gradient descent) | 随机梯度下降 | updates with the gradient of a minibatch |
| negative log-likelihood | 负对数似然 | minus the logarithm of the probability of what was observed |
| validation set | 验证集 | examples kept back to make choices on |
| normal equations | 正规方程 | the closed-form solution of least squares |

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. The check tells you what is still wrong. Some checks are hidden: they ask for the
same on other numbers, and run when your work is graded. Once the checks of an exercise pass, the next cells work with
*your* function, and say so. When you come back after a break, the kernel has forgotten everything: click the cell where
you want to go on and choose *Run > Run All Above Selected Cell*.
"""

# %%
import math

import course_utils as cu
from course_utils import check

import ipywidgets
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# %% [markdown]
r"""
## 1 A line by eye

A courier wrote down 40 trips: how many kilometres, how many minutes. The next trip is 6 km long. How many
minutes should the courier tell the customer?
"""

# %%
g = torch.Generator().manual_seed(3)
km = 1 + 8 * torch.rand(40, generator=g)  # (40,)
minutes = 8 + 3 * km + 4 * torch.randn(40, generator=g)  # (40,)
cu.plots.points(
    {"trips": torch.stack((km, minutes), dim=1)},
    x="kilometres",
    y="minutes",
    title="40 trips of a courier",
    alt="A cloud of 40 points that rises from the lower left to the upper right",
)

# %% [markdown]
r"""
No single trip gives the answer, but a straight line through the cloud does: minutes = w · kilometres + b.
Two numbers describe the line. Which two are best?

**Try it.** The thin lines are the errors, prediction minus label, one for each trip. The **loss** is the mean of their squares,
halved. *Goal: bring the loss below 5.7.*
"""


# %% jupyter={"source_hidden": true}
def draw_line(ax, w, b):
    """Draw the trips, the line minutes = w * km + b and its errors. Returns a comment with the loss."""
    predicted = w * km + b
    loss = ((predicted - minutes) ** 2 / 2).mean().item()
    ax.vlines(km, minutes, predicted, color="#d55e00", linewidth=0.8, alpha=0.8)
    ax.scatter(km, minutes, s=22, color="#0072b2", alpha=0.8, linewidths=0)
    ax.plot([0, 10], [b, b + 10 * w], color="#333333")
    ax.set(xlim=(0, 10), ylim=(0, 48), xlabel="kilometres", ylabel="minutes")
    ax.set_title(f"w = {w:.1f}, b = {b:.1f}: loss {loss:.2f}")
    return f"The loss is {loss:.2f}." + (" Goal reached." if loss < 5.7 else "")


cu.demo.explore(
    draw_line,
    alt="The 40 trips, a line, and the vertical distance of each trip from it",
    w=ipywidgets.FloatSlider(value=1.0, min=0.0, max=6.0, step=0.1),
    b=ipywidgets.FloatSlider(value=20.0, min=-5.0, max=30.0, step=0.5),
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_line(ax, 1.0, 20.0),
    alt="A line that is too flat: short trips lie under it, and most long trips above it",
)

# %% [markdown]
r"""
What did you do? You looked at the loss, moved one slider a little, and kept the move if the loss fell.
A computer does not need to try: the gradient of the loss says which way each slider should go. This
chapter turns that sentence into code, piece by piece: **data, model, loss, update**.

With several features the line becomes a plane, and nothing else changes. For n examples with d features,

$$\hat{\mathbf y} = \mathbf X \mathbf w + b, \qquad
\underset{(n, 1)}{\hat{\mathbf y}} = \underset{(n, d)}{\mathbf X}\;\underset{(d, 1)}{\mathbf w} + \underset{(1,)}{b} .$$
"""

# %% [markdown]
r"""
## 2 Data whose truth we know

We will never know the "true" w and b of the courier. To test a learning method we want data for which we know them:
choose w and b, draw random features, compute the labels, and add a little noise. If training finds w and b
again, the method works.
"""

# %% [markdown]
r"""
### Exercise 3.1: `synthetic_data` &nbsp; (3 points, about 10 minutes, ★☆☆)

Make such data. The labels are one **column**, (n, 1), not a row of n numbers; section 4 shows why this
matters so much. All random numbers come from `generator` if there is one, so that a caller can get the same
data again.

<details><summary>Hint 1</summary>

`torch.randn` takes the arguments `generator`, `dtype` and `device`; X and the noise both need `dtype=w.dtype`. A
generator draws on its own device, `generator.device`; `.to(w.device)` moves the result. If `z` is drawn from
N(0, 1), what is the standard deviation of `c * z`?

<details><summary>Hint 2</summary>

`X @ w` has the shape (n,). Make it a column before you add noise of the shape (n, 1): (n,) plus (n, 1) gives
(n, n).

</details></details>
"""


# %% exercise="synthetic_data"
def synthetic_data(w, b, num_examples, noise_std=0.01, generator=None):
    """Features and labels of a linear model with noise: y = Xw + b + noise.

    w: float tensor (d,). b: a number or a scalar tensor. num_examples: int, may be 0.
    noise_std: standard deviation of the noise, which is drawn from N(0, noise_std^2) for each example.
    generator: torch.Generator from which every random number comes; None for torch's global one.
    Returns (X, y) in w's dtype, on w's device: X (num_examples, d) from N(0, 1), y (num_examples, 1).
    """
    ### BEGIN SOLUTION
    device = w.device if generator is None else generator.device  # a generator draws only on its own device
    X = torch.randn(num_examples, len(w), generator=generator, dtype=w.dtype, device=device).to(w.device)
    z = torch.randn(num_examples, 1, generator=generator, dtype=w.dtype, device=device).to(w.device)
    return X, X @ w[:, None] + b + noise_std * z  # (n, d) @ (d, 1) -> (n, 1)
    ### END SOLUTION


# %% test="synthetic_data"
check.exercise("synthetic_data", points=3)


def made(w, b, n, **options):
    """The student's X and y, and the noise in y, after a look at shapes and dtypes."""
    try:
        X, y = check.unchanged(synthetic_data, w, b, n, **options)
    except RuntimeError as error:
        check.that("same dtype" not in str(error), f"X is not {w.dtype} as w is: draw it with dtype=w.dtype")
        raise
    right, shape = getattr(X, "dtype", w.dtype) == w.dtype, getattr(y, "shape", ())
    check.that(right, f"the dtype of X should be that of w, {w.dtype}: draw X with dtype=w.dtype")
    swapped = n > 0 and len(w) > 1 and (getattr(X, "shape", ()), shape) == ((n, 1), (n, len(w)))
    check.that(not swapped, "the features come first: return X, then y")
    check.like(X, w.new_zeros(n, len(w)))
    check.that(shape != (n,), "y has the shape (n,); it should be a column, (n, 1)")
    check.that(n < 2 or shape != (n, n), "y has the shape (n, n): (n,) plus (n, 1) was broadcast")
    check.like(y, w.new_zeros(n, 1))
    return X, y, y[:, 0] - X @ w - b


with check.case("gives X (n, d) and a column y (n, 1) in w's dtype, also for 1 and 0 examples", points=0.5):
    sizes = {5: torch.float32, 1: torch.float32, 0: torch.float32, 4: torch.float64, 3: torch.float16}
    for n, dtype in sizes.items():
        made(torch.tensor([2.0, -3.4, 0.5], dtype=dtype), 4.2, n)
with check.case("computes y = Xw + b, up to the noise", points=0.5):
    w = torch.tensor([2.0, -3.4], dtype=torch.float64)
    for b in (4.2, torch.tensor(-1.5, dtype=torch.float64)):
        X, y, _ = made(w, b, 200, noise_std=0.001)
        product = (X @ w)[:, None]
        wrong = {"b is missing in y": product, "b is subtracted; it should be added": product - b}
        says = "y should be Xw + b up to noise with the standard deviation 0.001"
        check.close(y, product + b, says, known=wrong, rtol=0, atol=0.0065)
with check.case("draws X from N(0, 1), and noise with standard deviation noise_std", points=1):
    made(torch.ones(2), 0.5, 5)  # a y of shape (n, n) is found here: for the next n it takes gigabytes
    X, y, noise = made(torch.tensor([1.0, -2.0], dtype=torch.float64), 0.5, 20_000, noise_std=0.5)
    wrong = {"X is spread evenly over [0, 1) (torch.rand); it should come from N(0, 1)": 0.5}
    check.between(X.mean(), -0.026, 0.026, "the mean of X should be near 0", known=wrong)
    check.between(X.std(), 0.982, 1.018, "the standard deviation of X should be near 1")
    check.between((X.abs() < 1).double().mean(), 0.67, 0.695, "68 % of N(0, 1) lie between -1 and 1")
    check.between(X.prod(dim=1).mean(), -0.036, 0.036, "the columns of X are not independent")
    wrong = {"every example has the same noise, or none": (0.0, 1e-6)}
    wrong["noise_std is not used: the noise has the standard deviation 0.01"] = (0.0098, 0.0102)
    wrong["the noise is scaled with noise_std**2; noise_std is already the standard deviation"] = 0.25
    wrong["the noise is scaled with the square root of noise_std; it is the standard deviation"] = 0.7071
    wrong["the noise is not scaled with noise_std"] = 1.0
    wrong["the noise is divided by noise_std; multiply by it"] = 2.0
    wrong["the noise is spread evenly (torch.rand); it should come from a normal distribution"] = 0.1443
    check.between(noise.std(), 0.487, 0.513, "the standard deviation of the noise should be 0.5", known=wrong)
    check.between(noise.mean(), -0.018, 0.018, "the mean of the noise should be near 0")
    check.between((noise.abs() < 0.5).double().mean(), 0.665, 0.7, "the noise is not normally distributed")
    check.between((noise * X[:, 0]).mean(), -0.018, 0.018, "the noise depends on X")
with check.case("takes every random number from the generator", points=0.25):
    check.seeded(lambda g: made(torch.ones(2), 0.5, 50, noise_std=1.0, generator=g)[::2], "X", "the noise")
with check.case("takes new random numbers for each call without a generator", points=0.25):
    check.unseeded(lambda: made(torch.ones(2), 0.5, 50, noise_std=1.0)[::2], "X", "the noise")
### BEGIN HIDDEN TESTS
with check.case("the same for other models", points=0.5, hidden=True):
    for w in (torch.tensor([3.0]), torch.tensor([1.0, 0.0, -1.0, 0.5, 10.0])):
        X, y, noise = made(w.double(), torch.tensor(7.0), 2_000)
        check.between(noise.std(), 0.0092, 0.0108, "without noise_std, its standard deviation is 0.01")
        check.between(noise.mean(), -0.0012, 0.0012, "the mean of the noise should be near 0")
        check.between(X.std(), 0.91, 1.09, "the standard deviation of X should be near 1")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
From here on the chapter uses 1,000 examples with **w = (2, −3.4)**, **b = 4.2** and noise 0.01, made with
NumPy so that your answer above stays your own.
"""

# %%
rng = np.random.default_rng(3)
true_w, true_b = torch.tensor([[2.0], [-3.4]]), 4.2
features = torch.tensor(rng.normal(size=(1000, 2)), dtype=torch.float32)  # (1000, 2)
labels = features @ true_w + true_b + torch.tensor(rng.normal(0, 0.01, (1000, 1)), dtype=torch.float32)
print("features", tuple(features.shape), " labels", tuple(labels.shape))


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_features(ax):
    ax.set_axis_off()
    for i, name in enumerate(("first feature", "second feature")):
        ax.text(0.54 * i, 1.03, f"1,000 labels over the {name}", fontsize=11)
        panel = ax.inset_axes([0.54 * i, 0.0, 0.46, 1.0])
        panel.scatter(features[:, i], labels, s=8, alpha=0.5, linewidths=0, color=cu.plots.COLOURS[i])
        panel.set(xlabel=name, ylabel="label", xlim=(-4.2, 4.2))


cu.plots.figure(
    draw_features,
    alt="Two clouds: labels rise with the first feature, and fall more steeply with the second",
)

# %% [markdown]
r"""
The clouds are wide although the noise is tiny: each cloud hides the other feature. Together, the two features
explain the label almost completely.
"""

# %% [markdown]
r"""
## 3 A few examples at a time

The gradient over all examples is exact, but slow to compute when there are a million of them. Ten examples already point
roughly the right way, for a hundred-thousandth of the work. So training looks at one **minibatch** after the
other. PyTorch's tools for it are a data set and a loader:
"""

# %%
dataset = TensorDataset(features[:23], labels[:23])  # pairs: dataset[i] is (features[i], labels[i])
print("one example:", [tuple(part.shape) for part in dataset[0]])
for drop_last in (False, True):
    loader = DataLoader(dataset, batch_size=10, drop_last=drop_last)
    print(f"drop_last={drop_last!s:5}  {len(loader)} batches of sizes {[len(y) for X, y in loader]}")

# %% [markdown]
r"""
23 examples do not divide by 10, so the last batch has 3; `drop_last=True` leaves it out. Three words to keep
apart:

- a **batch** is the examples that one update looks at;
- an **update**, also called iteration, is one change of the parameters;
- an **epoch** is one pass over all examples. Here one epoch has 3 updates.

With `shuffle=True` the examples come in a new order in every epoch. Feature and label of an example stay
together: here each label is ten times its feature.
"""

# %%
numbers = torch.arange(6.0)[:, None]
g = torch.Generator().manual_seed(0)
loader = DataLoader(TensorDataset(numbers, 10 * numbers), batch_size=4, shuffle=True, generator=g)
for epoch in range(2):
    seen = torch.cat([X for X, y in loader])
    print(
        f"epoch {epoch + 1}: every example once: {sorted(seen.flatten().tolist()) == numbers.flatten().tolist()}"
    )
print("pairs kept together:", all(torch.equal(10 * X, y) for X, y in loader))


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_epochs(ax, n=23, batch_size=10):
    """A bar of n examples in the order of the data set, and cut into minibatches in two epochs."""
    g = torch.Generator().manual_seed(1)
    bars = {
        "data set": [torch.arange(n)],
        "epoch 1": torch.randperm(n, generator=g).split(batch_size),
        "epoch 2": torch.randperm(n, generator=g).split(batch_size),
    }
    for bottom, batches in zip((2.6, 1.2, 0.0), bars.values()):
        left = 0
        for batch in batches:
            edges = left + np.arange(len(batch) + 1)
            ax.pcolormesh(
                edges,
                [bottom, bottom + 0.7],
                batch[None],
                cmap="viridis",
                vmin=0,
                vmax=n - 1,
                edgecolors="white",
            )
            for x, i in zip(edges, batch.tolist()):
                colour = "black" if i > n / 2 else "white"
                ax.text(x + 0.5, bottom + 0.35, i, ha="center", va="center", fontsize=8, color=colour)
            left += len(batch) + 1
    ax.set_yticks([2.95, 1.55, 0.35], bars)
    ax.tick_params(length=0)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set_xticks([5, 16, 23.5], ["batch 1: 10", "batch 2: 10", "batch 3: 3"])
    ax.set_title("23 examples, batches of 10: a new order in every epoch")


cu.plots.figure(
    draw_epochs,
    alt="A bar of 23 examples; below, twice, its cells in a shuffled order, cut into batches of 10, 10 and 3",
    height=2.4,
)

# %% [markdown]
r"""
### Exercise 3.2: `data_iter` &nbsp; (4 points, about 15 minutes, ★★☆)

Write a loader of your own, as a generator function: a function that uses `yield` in place of `return`.

<details><summary>Hint 1</summary>

Shuffle the *numbers* of the examples, 0 .. n − 1, not the examples. Then the same numbers pick from features
and labels.

<details><summary>Hint 2</summary>

`torch.randperm(n, generator=generator)` gives the shuffled numbers, and `tensor.split(batch_size)` cuts a
tensor into pieces. Look at what `split` does with a tensor of length 0.

</details></details>
"""


# %% exercise="data_iter"
def data_iter(batch_size, features, labels, shuffle=True, generator=None):
    """One pass over the examples, in minibatches.

    batch_size: int >= 1. features: (n, d), labels: (n,) or (n, 1), tensors of any dtypes; n may be 0, then
    there are no batches.
    shuffle: if True, the examples come in a random order, all orders equally likely; if False, in the given one.
    generator: torch.Generator from which every random number comes; None for torch's global one.
    Yields (X, y) in the dtypes of features and labels: X (batch_size, d), y (batch_size,) or (batch_size, 1), as
    the labels are; only the last batch may be smaller. Every example comes exactly once, with its own label.
    """
    ### BEGIN SOLUTION
    n = len(features)
    order = torch.randperm(n, generator=generator) if shuffle else torch.arange(n)
    for start in range(0, n, batch_size):
        batch = order[start : start + batch_size]
        yield features[batch], labels[batch]
    ### END SOLUTION


# %% test="data_iter"
check.exercise("data_iter", points=4)
PLAIN = torch.arange(100.0)
with check.case("cuts the data into batches in the given order when shuffle is False", points=1):
    for labels in ((-1, 1), (-1,)):
        found = check.one_pass(data_iter, 10, 4, labels=labels, shuffle=False)
        check.close(found, PLAIN[:10], "the order changed")
with check.case("shuffles: every example once, in a random place and with its own label", points=1):
    for batch_size, found in zip((8, 10), check.passes(data_iter, [(100, 8), (100, 10)])):
        check.that(not torch.equal(found, PLAIN), "the order is not shuffled")
        inside = torch.equal(torch.cat([part.sort().values for part in found.split(batch_size)]), PLAIN)
        check.that(not inside, "the examples are shuffled only inside their batch")
        says = "the order only starts elsewhere and goes round; every example should get a random place"
        check.that((found.diff() == 1).sum() < 98, says)
        # Of the 99 pairs of neighbours a random order keeps 2 on average, and more than 12 once in 10^7 orders.
        says = "neighbours stay together: shuffle the single examples, not whole batches or pieces"
        check.that((found.diff().abs() == 1).sum() <= 12, says)
with check.case("takes the shuffle from the generator", points=0.25):
    check.seeded(lambda generator: [check.one_pass(data_iter, 60, 7, generator=generator)], "the order")
with check.case("shuffles anew in every pass without a generator", points=0.25):
    check.unseeded(lambda: [check.one_pass(data_iter, 60, 7)], "the order")
with check.case("works for batches of one, for one large batch, and for no examples", points=0.5):
    for shuffle in (True, False):
        list(check.passes(data_iter, [(6, 1), (6, 6), (6, 3), (6, 100), (0, 3)], shuffle=shuffle))
### BEGIN HIDDEN TESTS
with check.case("the same on other data", points=1, hidden=True):
    sizes = [(1, 1), (65, 32), (50, 10), (51, 10)]
    list(check.passes(data_iter, sizes, dtype=torch.float64, label_dtype=torch.int64))
    for found in check.passes(data_iter, sizes, dtype=torch.float64, shuffle=False):
        check.close(found, PLAIN[: len(found)], "the order changed")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 4 The model, the loss, and a trap

The model is one matrix product, and `b` is added to every row by broadcasting.
"""

# %% [markdown]
r"""
### Exercise 3.3: `linreg` &nbsp; (2 points, about 5 minutes, ★☆☆)

Compute the predictions for a whole batch at once.

<details><summary>Hint</summary>

Write the shapes under each other: (n, d), (d, 1) → (n, 1). Which of the four products of chapter 1 is it?

</details>
"""


# %% exercise="linreg"
def linreg(X, w, b):
    """The linear model Xw + b.

    X: (n, d). w: (d, 1). b: (1,) or a scalar tensor. Floats of one dtype.
    Returns the predictions, (n, 1); gradients flow back to X, w and b.
    """
    ### BEGIN SOLUTION
    return X @ w + b
    ### END SOLUTION


# %% test="linreg"
check.exercise("linreg", points=2)
with check.case("computes Xw + b", points=1):
    X, w = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), torch.tensor([[10.0], [1.0]])
    right = torch.tensor([[12.5], [34.5], [56.5]])
    wrong = {"b is missing": right - 0.5, "b is subtracted; it should be added": right - 1}
    wrong["the second feature has no effect"] = right - X[:, 1:]
    for b in (torch.tensor([0.5]), torch.tensor(0.5)):
        y_hat = check.unchanged(linreg, X, w, b)
        check.close(y_hat, right, known=wrong, strict=True)
with check.case("lets gradients flow back to X, w and b", points=0.5):
    X, w, b = check.normal((4, 3)), check.normal((3, 1)), check.normal((1,))
    check.gradient(linreg, lambda X, w, b: (X * w[:, 0]).sum(dim=1, keepdim=True) + b, X, w, b)
### BEGIN HIDDEN TESTS
with check.case("the same in other sizes", points=0.5, hidden=True):
    for n, d, shape in ((1, 1, ()), (1, 4, (1,)), (6, 1, (1,)), (3, 3, ()), (20, 7, (1,))):
        X, w, b = (check.normal(size, dtype=torch.float64) for size in ((n, d), (d, 1), shape))
        right = (X * w[:, 0]).sum(dim=1, keepdim=True) + b
        check.close(check.unchanged(linreg, X, w, b), right, strict=True)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Why whole batches?** The same 1,000 predictions, once example by example in a Python loop, and once as your single
product. Guess the ratio before you look.
"""

# %% tags=["experiment"]
whole_batch = cu.yours(linreg, instead=lambda X, w, b: torch.addmm(b, X, w))
rows, bias = features.tolist(), torch.tensor([4.2])


def microseconds(predict_all):
    """The predictions, and the time of the fastest of ten runs: the first run of a function is often slow."""
    times = []
    for _ in range(10):
        with cu.training.Timer() as timer:
            result = predict_all()
        times.append(1_000_000 * timer.seconds)
    return result, min(times)


slow, one_by_one = microseconds(lambda: [row[0] * 2.0 + row[1] * -3.4 + 4.2 for row in rows])
fast, at_once = microseconds(lambda: whole_batch(features, true_w, bias))
print("same predictions:", np.allclose(slow, fast[:, 0], atol=1e-5))
cu.plots.bars(
    [one_by_one, at_once],
    labels=["one by one", "one product"],
    y="microseconds",
    title="1,000 predictions with two features",
    alt="The bar of the loop is much taller than that of the product",
)

# %% [markdown]
r"""
The product runs in compiled code, and a processor multiplies several numbers in one instruction. With 100 features the
ratio is larger still. So training reads its examples in batches: for a model this small, a batch of 10 costs hardly more
than a single example.

Now the loss. Somebody stores the labels as a plain row of numbers, (n,), as many data files do, and trains
with the mean of `(y_hat - y) ** 2`. Nothing complains. Here are the two trainings side by side: the same
data, the same start, the same updates; only the shape of `y` differs.
"""


# %% tags=["experiment"]
def losses_while_training(y_all, lr=0.03, batch_size=10):
    """Train on the mean of (y_hat - y) ** 2 for one epoch; returns the losses on all data, and w."""
    w, b = torch.zeros(2, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([w, b], lr=lr)
    losses = []
    for X, y in zip(features.split(batch_size), y_all.split(batch_size)):
        with torch.no_grad():
            losses.append(((features @ w + b - y_all) ** 2).mean().item())
        optimizer.zero_grad()
        ((X @ w + b - y) ** 2).mean().backward()
        optimizer.step()
    return losses, w.detach().flatten()


column_losses, column_w = losses_while_training(labels)
row_losses, row_w = losses_while_training(labels[:, 0])
variance = labels.var(correction=0).item()
cu.plots.curves(
    {"y of shape (n, 1)": column_losses, "y of shape (n,)": row_losses, "variance of y": [variance] * 100},
    x="update",
    y="mean squared error",
    title="One shape decides everything",
    alt="With (n, 1) the loss falls to zero; with (n,) it stays at the line that marks the variance of y",
)
assert column_losses[-1] < 0.01
assert abs(row_losses[-1] / variance - 1) < 0.1
assert row_w.abs().max() < 1 and (column_w - true_w.flatten()).abs().max() < 0.05
print("stuck within 10 % of the variance of y; both weights stay smaller than 1")

# %% [markdown]
r"""
What happened? (n, 1) minus (n,) is not n differences. By the rule of chapter 1 it is a table:
"""

# %%
y_hat = torch.tensor([[1.0], [2.0], [3.0]])  # (3, 1), perfect predictions
y = torch.tensor([1.0, 2.0, 3.0])  # (3,)
print("y_hat - y has the shape", tuple((y_hat - y).shape))
print((y_hat - y).tolist())
print("with one example:", tuple((y_hat[:1] - y[:1]).shape))

# %% [markdown]
r"""
Every prediction is compared with **every** label of the batch. No number is close to all labels; the best
one is their mean, and the mean squared distance from the mean is the **variance** of y. A loss
that stops near the variance of y says: *the network ignores its input.* (`nn.MSELoss` prints a warning in
this case. A formula of your own prints nothing.)
"""

# %% [markdown]
r"""
### Exercise 3.4: `squared_loss` &nbsp; (3 points, about 10 minutes, ★★☆)

Write a loss that cannot fall into the trap. For each example it is half the squared error; the half makes the
derivative plainly y_hat − y.

<details><summary>Hint 1</summary>

Which of the two shapes do you know for certain? Bring the other one into it before you subtract.

<details><summary>Hint 2</summary>

`y.reshape(y_hat.shape)`. (`squeeze()` on both does not help: the result has the wrong shape, and with
one example it is a 0-d tensor.)

</details></details>
"""


# %% exercise="squared_loss"
def squared_loss(y_hat, y):
    """Half the squared error of each example: (y_hat - y)^2 / 2.

    y_hat: predictions, (n, 1). y: labels, (n,) or (n, 1). Floats of one dtype.
    Returns the losses in y_hat's shape and dtype, (n, 1); they are not averaged. Gradients flow back to y_hat.
    """
    ### BEGIN SOLUTION
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2
    ### END SOLUTION


# %% test="squared_loss"
check.exercise("squared_loss", points=3)
with check.case("gives half the squared error of each example", points=1):
    y_hat, y = torch.tensor([[1.0], [2.0], [5.0]]), torch.tensor([[3.0], [2.0], [1.0]])
    losses = check.unchanged(squared_loss, y_hat, y)
    one = getattr(losses, "shape", None) != ()
    check.that(one, "the losses are summed or averaged; give one loss per example")
    right = torch.tensor([[2.0], [0.0], [8.0]])
    wrong = {"the half is missing": 2 * right, "the error is halved before it is squared": right / 2}
    wrong["this is half the error; it should be squared"] = (y_hat - y) / 2
    wrong["this is the error: square it, with `** 2`, and halve it"] = y_hat - y
    wrong["the sign is wrong: no loss is below 0"] = -right
    wrong["the losses are divided by the number of examples; no mean is taken here"] = right / 3
    wrong["this is half the absolute error; it should be squared"] = (y_hat - y).abs() / 2
    check.close(losses, right, known=wrong, strict=True)
with check.case("gives the same (n, 1) for labels of shape (n,)", points=1):
    for n in (3, 1):
        y_hat, y = check.normal((n, 1)), check.normal((n,))
        losses = check.unchanged(squared_loss, y_hat, y)
        table = n > 1 and getattr(losses, "shape", None) == (n, n)
        check.that(not table, "every prediction is compared with every label: (n, 1) minus (n,) is (n, n)")
        check.close(losses, 0.5 * (y_hat - y[:, None]) ** 2, strict=True)
with check.case("has the gradient y_hat - y", points=0.5):
    y_hat, y, wrong = check.normal((5, 1)), check.normal((5, 1)), {}
    wrong["the half is missing"] = lambda y_hat, y: (y_hat - y).square()
    check.gradient(squared_loss, lambda p, y: (p - y).square() / 2, y_hat, fixed=(y,), known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same on other sizes", points=0.5, hidden=True):
    for shape in ((1,), (1, 1), (2,), (2, 1), (64,), (64, 1)):
        y = check.normal(shape, dtype=torch.float64)
        y_hat = check.normal((len(y), 1), dtype=torch.float64)
        right = lambda y_hat, y: (y_hat - y.reshape(-1, 1)) ** 2 / 2  # noqa: E731
        check.close(check.unchanged(squared_loss, y_hat, y), right(y_hat, y), strict=True)
        check.gradient(squared_loss, right, y_hat, fixed=(y,))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Why squared?** Why not the absolute error, or the fourth power? That depends on the noise. With the true w and b, our
labels are $y = \hat y + \varepsilon$, with $\varepsilon$ from a normal distribution with mean 0 and standard deviation σ. The
probability density of a label is then

$$p(y) = \frac{1}{\sqrt{2\pi}\,\sigma} \exp\Big(-\frac{(y - \hat y)^2}{2\sigma^2}\Big).$$

A good model makes the labels that were observed probable. The principle of **maximum likelihood** is to choose the w and
b that make them most probable. For independent examples the densities multiply, so their logarithms add up. A minus sign
makes it a loss, something to minimise: the **negative log-likelihood**. Its mean over n examples is

$$\frac1n \sum_{i=1}^n -\log p(y_i) = \frac{1}{2\sigma^2} \cdot
\underbrace{\frac1n \sum_{i=1}^n (y_i - \hat y_i)^2}_{\text{mean squared error}} + \log\sigma + \tfrac12 \log 2\pi .$$

The model appears in the squared error alone. So whatever σ is, the same w and b minimise the squared error and the
negative log-likelihood.
"""

# %% [markdown]
r"""
### Exercise 3.5: `gaussian_nll` &nbsp; (3 points, about 10 minutes, ★★☆)

Compute the formula on the right. Do not compute densities and take their logarithm: 50 standard deviations away, a
density is 0 in a computer, and its logarithm is −∞.

<details><summary>Hint 1</summary>

σ is a Python number, and so are log σ and ½ log 2π: `math.log` will do. (For σ ≤ 0 it raises a ValueError of its own,
which says nothing about σ; your message can.) The mean squared error is a tensor.

<details><summary>Hint 2</summary>

Both tensors have the shape (n, 1), so nothing is broadcast. Which function turns n numbers into one?

</details></details>
"""


# %% exercise="gaussian_nll"
def gaussian_nll(y_hat, y, sigma):
    """The mean negative log-likelihood of labels with normal noise.

    y_hat, y: (n, 1), floats of one dtype, n at least 1. sigma: the standard deviation of the noise, a positive number.
    Returns a scalar tensor of the same dtype; gradients flow back to y_hat.
    Raises ValueError, with a message, if sigma is not positive.
    """
    ### BEGIN SOLUTION
    if sigma <= 0:
        raise ValueError(f"sigma must be positive, got {sigma}")
    return ((y - y_hat) ** 2).mean() / (2 * sigma**2) + math.log(sigma) + math.log(2 * math.pi) / 2
    ### END SOLUTION


# %% test="gaussian_nll"
check.exercise("gaussian_nll", points=3)
with check.case("is the mean of -log p, constants included", points=1):
    y_hat, y, sigma = torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[2.0], [0.0], [4.5]]), 0.25
    squares, log, constant = (y - y_hat) ** 2, math.log(sigma), math.log(2 * math.pi) / 2
    first, last = squares.mean() / (2 * sigma**2), log + constant
    right = first + last
    wrong = {"the constant, half the logarithm of 2 pi, is missing": right - constant}
    wrong["the constant is only half the logarithm of 2 pi"] = right + constant
    wrong["the logarithm of sigma is missing"] = right - log
    wrong["the logarithm of sigma is subtracted; add it"] = right - 2 * log
    wrong["it is the logarithm of sigma, not of sigma squared"] = right + log
    wrong["the logarithm of sigma is halved; only that of 2 pi should be"] = right - log / 2
    wrong["this is the first term alone; both logarithms are missing"] = first
    wrong["take natural logarithms, math.log"] = first + last / math.log(10)
    wrong["sigma is used as the variance; square it"] = sigma * first + last
    wrong["(2 * sigma)**2 squares the 2, too; write 2 * sigma**2"] = first / 2 + last
    wrong["the half of the squared error is missing"] = 2 * first + last
    wrong["both terms take sigma for the variance; it is sigma squared"] = sigma * first + log / 2 + constant
    missing = "and the constant is missing (gaussian_nll_loss takes sigma**2 as var, and full=True)"
    wrong[f"both terms take sigma for the variance, {missing}"] = sigma * first + log / 2
    wrong["the errors are not squared"] = (y - y_hat).abs().mean() / (2 * sigma**2) + last
    wrong["the squared errors are multiplied by sigma squared; divide by it"] = sigma**4 * first + last
    wrong["the losses are added up; take their mean"] = 3 * right
    wrong["only the squared errors are added up; take their mean"] = 3 * first + last
    wrong["the squared errors are subtracted; add them"] = -first + last
    wrong["this is the log-likelihood; the negative one is asked for"] = -right
    wrong["square each error before you take the mean"] = (y - y_hat).mean() ** 2 / (2 * sigma**2) + last
    wrong["this is one loss per example; take the mean"] = squares / (2 * sigma**2) + last
    check.close(check.unchanged(gaussian_nll, y_hat, y, sigma), right, known=wrong, strict=True)
with check.case("stays finite 1,000 standard deviations away", points=0.5):
    far = gaussian_nll(torch.zeros(2, 1), torch.ones(2, 1), 0.001)
    wrong = {"it is inf: the density is 0 there; work with the formula of its logarithm": math.inf}
    check.close(far, 500_000 + math.log(0.001) + constant, known=wrong)
with check.case("lets gradients flow back to y_hat", points=0.25):
    y_hat, y = check.normal((4, 1)), check.normal((4, 1))
    check.gradient(gaussian_nll, lambda p, y, s: ((p - y) ** 2).mean() / (2 * s**2), y_hat, fixed=(y, 0.7))
with check.case("refuses a sigma that is not positive, with a message", points=0.25):
    for sigma in (0.0, -1.0):
        check.raises(ValueError, gaussian_nll, torch.zeros(2, 1), torch.ones(2, 1), sigma)
### BEGIN HIDDEN TESTS
with check.case("the same on other data", points=1, hidden=True):
    for n, sigma in ((1, 1.0), (7, 0.01), (40, 3)):
        y_hat, y = check.normal((n, 1), dtype=torch.float64), check.normal((n, 1), dtype=torch.float64)
        right = -torch.distributions.Normal(y_hat, sigma).log_prob(y).mean()
        check.close(check.unchanged(gaussian_nll, y_hat, y, sigma), right, rtol=1e-6, strict=True)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Two predictions before you look at the picture. On the left, the slope of the courier's line is varied, for three values of
σ: where are the three lowest points? On the right, the line is the best one, and σ is varied. Set the derivative with
respect to σ to zero: $-\text{MSE}/\sigma^3 + 1/\sigma = 0$ gives $\sigma^2 = \text{MSE}$.
"""

# %% jupyter={"source_hidden": true} tags=["experiment"]
nll = cu.yours(
    gaussian_nll,
    instead=lambda y_hat, y, sigma: nn.functional.gaussian_nll_loss(
        y_hat, y, torch.full_like(y, sigma**2), full=True
    ),
)
best_w, best_b = np.polyfit(km.numpy(), minutes.numpy(), 1)
times = minutes[:, None]  # (40, 1)


def nll_of(slope, sigma):
    """The negative log-likelihood of the line with this slope through the middle of the cloud."""
    line = slope * (km - km.mean()) + best_w * km.mean() + best_b  # (40,)
    return nll(line[:, None], times, sigma).item()


slopes, sigmas = np.linspace(best_w - 2, best_w + 2, 81), np.linspace(1, 8, 141)
rmse = (minutes - best_w * km - best_b).square().mean().sqrt().item()


def draw_likelihoods(left, right):
    for sigma in (2.0, 4.0, 8.0):
        left.plot(slopes, [nll_of(slope, sigma) for slope in slopes], label=f"σ = {sigma:.0f} minutes")
    left.axvline(best_w, color="#333333", linestyle=":")
    left.set(
        xlabel="slope", ylabel="negative log-likelihood", ylim=(2, 9), title="The slope: one lowest point"
    )
    left.legend()
    right.plot(sigmas, [nll_of(best_w, sigma) for sigma in sigmas])
    right.axvline(rmse, color="#333333", linestyle=":")
    right.set(xlabel="σ in minutes", title="σ: lowest at the root of the MSE")


cu.plots.figure(
    draw_likelihoods,
    panels=2,
    alt="Three bowls with their lowest points at the same slope; a curve over sigma with its lowest point at a dotted line",
)
for sigma in (2.0, 4.0, 8.0):
    assert abs(slopes[np.argmin([nll_of(slope, sigma) for slope in slopes])] - best_w) < 0.051
assert abs(sigmas[np.argmin([nll_of(best_w, sigma) for sigma in sigmas])] - rmse) < 0.051

# %% [markdown]
r"""
All three curves are lowest at the slope of least squares, and σ is best where it equals the root of the mean squared
error. The squared error is the loss of normal noise. Other noise has another loss: if the density falls like
$\exp(-|\varepsilon|/s)$, the same steps lead to the absolute error. Chapter 13 compares such losses on data with outliers.
"""

# %% [markdown]
r"""
## 5 Down the hill

Back to the courier. Every pair (w, b) has a loss, so the loss is a landscape over a map, and training walks
downhill. Each update goes against the gradient, and the **learning rate** says how far:

$$\underset{(d, 1)}{\mathbf w} \leftarrow \underset{(d, 1)}{\mathbf w} - \eta\,
\underset{(d, 1)}{\frac{\partial L}{\partial \mathbf w}}, \qquad
\underset{(1,)}{b} \leftarrow \underset{(1,)}{b} - \eta\, \underset{(1,)}{\frac{\partial L}{\partial b}} .$$

L and the learning rate η are single numbers, so a gradient has the shape of its parameter.

With the gradient of **all** trips the walk is gradient descent; with the gradient of **a few** it is
minibatch **stochastic gradient descent** (SGD). We measure kilometres from their mean and in units of their
standard deviation: then the valley is nearly round, and the *negative* gradient points almost at its lowest point.
"""

# %% jupyter={"source_hidden": true} tags=["experiment"]
x = (km - km.mean()) / km.std()


def walk(batch_size, lr, num_updates, seed=0):
    """The path (num_updates + 1, 2) of (w, b) under SGD on the trips."""
    g = torch.Generator().manual_seed(seed)
    w, b = torch.tensor(-4.0), torch.tensor(8.0)
    path = [(w.item(), b.item())]
    while len(path) <= num_updates:
        for batch in torch.randperm(40, generator=g).split(batch_size):
            error = w * x[batch] + b - minutes[batch]
            w, b = w - lr * (error * x[batch]).mean(), b - lr * error.mean()
            path.append((w.item(), b.item()))
    return torch.tensor(path[: num_updates + 1])


def draw_walks(ax):
    ws, bs = torch.linspace(-13, 27, 80), torch.linspace(5, 33, 80)
    heights = ((ws[:, None, None] * x + bs[None, :, None] - minutes) ** 2 / 2).mean(dim=2)  # (80, 80)
    ax.contour(ws, bs, heights.T, levels=[7, 12, 25, 50, 90, 140, 200], colors="#aaaaaa", linewidths=0.8)
    for batch_size, colour in ((40, "#0072b2"), (2, "#d55e00")):
        path = walk(batch_size, lr=0.15, num_updates=40)
        name = "all 40 trips" if batch_size == 40 else f"{batch_size} trips"
        ax.plot(*path.T, "o-", markersize=3, linewidth=1, color=colour, label=f"gradient of {name}")
    ax.set(xlabel="w", ylabel="b", title="40 updates downhill, starting at the lower left", aspect="equal")
    ax.legend(loc="lower right")


cu.plots.figure(
    draw_walks,
    alt="Nested contour lines; a smooth path runs straight to the middle, a restless one wanders around it",
    height=4,
)

# %% [markdown]
r"""
The smooth walk reads 40 trips for each update, the restless one reads 2. Both arrive; the restless one keeps
wandering around the lowest point, because the gradient of a small batch points a little off.

The loss of exercise 3.4 is one number per example. If we call `backward()` on its **sum**, the gradients are
sums over the batch, and the update has to divide by the batch size.
"""

# %% [markdown]
r"""
### Exercise 3.6: `sgd` &nbsp; (4 points, about 15 minutes, ★★☆)

Write the update. It works in place, because the training loop and the optimizer keep these very tensors. Afterwards the
gradients are 0, since `backward()` *adds* to what is in `.grad`.

<details><summary>Hint 1</summary>

Writing `param -= ...` on a tensor that requires gradients raises an error. Which switch of chapter 2 lets you
change parameters without recording it?

<details><summary>Hint 2</summary>

`param = param - ...` gives the *name* `param` to a new tensor, which has no `.grad`; the caller's tensor stays
as it was.

</details></details>
"""


# %% exercise="sgd"
def sgd(params, lr, batch_size):
    """One update of minibatch stochastic gradient descent, in place.

    params: list of tensors with requires_grad, whose .grad holds the gradient of a sum over the batch.
    Each becomes param - lr * grad / batch_size, in its own memory; then its gradient is set to 0 (not None).
    A parameter whose .grad is None is skipped: it stays as it is, and its .grad stays None.
    Records no graph. Returns nothing.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        for param in params:
            if param.grad is not None:
                param -= lr * param.grad / batch_size
                param.grad.zero_()
    ### END SOLUTION


# %% test="sgd"
check.exercise("sgd", points=4)


def parameter(value):
    value.requires_grad_().grad = check.normal(value.shape, dtype=value.dtype)
    return value


def run(params, lr, batch_size):
    """One step of the student's. For each parameter: a view of its memory, its value and gradient before."""
    old = [(p.detach(), p.detach().clone(), None if p.grad is None else p.grad.clone()) for p in params]
    try:
        sgd(params, lr, batch_size)
    except AttributeError as error:
        new = "'NoneType'" in str(error) and torch.equal(params[0].detach(), old[0][1])
        says = "its .grad is None, and the parameter has not changed; change the parameter in place"
        check.that(not new, f"`param = param - ...` makes a new tensor: {says}")
        raise
    return old


def moved(param, view, old, gradient, lr, batch_size, name="contiguous"):
    """The parameter took the right step, in its own memory."""
    copied = f"a parameter that is {name} in memory did not change: reshape and flatten make a copy of it"
    check.that(name == "contiguous" or not torch.equal(param.detach(), old), copied)
    step, wrong = lr * gradient / batch_size, {}
    lost = "`param = param - ...` makes a new tensor, and a gradient that is cleared before the step is 0"
    wrong[f"the parameters did not change: {lost}"] = old
    wrong["the gradient is not divided by batch_size"] = old - batch_size * step
    wrong["the step goes uphill: subtract the gradient"] = old + step
    wrong["the gradient is multiplied by batch_size"] = old - batch_size**2 * step
    wrong["the learning rate is missing"] = old - step / lr
    says = f"a parameter did not become param - lr * grad / batch_size ({name} in memory)"
    check.close(param, old - step, says, known=wrong)
    check.that(torch.equal(view, param.detach()), "a parameter moved to new memory; change it in place")


with check.case("takes the step param - lr * grad / batch_size, in place", points=1.5):
    for name, value in check.layouts(check.normal((3, 2))).items():
        params = [parameter(value), parameter(check.normal((1,)))]
        before = run(params, 0.3, 5)
        first, second = (torch.equal(p.detach(), old) for p, (_, old, _) in zip(params, before))
        check.that(first or not second, "only the first parameter changed: does a return end the loop?")
        for param, old in zip(params, before):
            moved(param, *old, 0.3, 5, name)
with check.case("sets the gradients to 0, not to None", points=0.5):
    params = [parameter(check.normal((3, 1))), parameter(check.normal((1,)))]
    run(params, 0.1, 4)
    for param in params:
        check.that(param.grad is not None, "a gradient is None; it should be 0")
        check.that(not param.grad.any(), "a gradient is not 0 after the step")
with check.case("records no graph", points=0.5):
    param = parameter(check.normal((3, 1)))
    [(_, before, _)] = run([param], 0.1, 4)
    check.that(param.requires_grad, "a parameter has lost requires_grad")
    check.that(param.is_leaf, "the update was recorded in a graph: change parameters under torch.no_grad()")
    check.that(torch.is_grad_enabled(), "gradients are still switched off after the step")
    check.that(not torch.equal(param.detach(), before), "the parameter did not change")
with check.case("skips parameters without a gradient, and goes on to the others", points=0.5):
    params = [parameter(check.normal(shape)) for shape in ((2, 2), (2,), (3, 1), ())]
    params[1].grad = params[3].grad = None
    old = run(params, 0.5, 4)
    for i in (1, 3):
        check.close(params[i], old[i][1], "a parameter without a gradient was changed")
        check.that(params[i].grad is None, "a .grad that was None was filled; skip this parameter")
    stops = "it stops at the first parameter without a gradient; the others come after it"
    first, third = (torch.equal(params[i].detach(), old[i][1]) for i in (0, 2))
    check.that(first or not third, stops)
    for i in (0, 2):
        moved(params[i], *old[i], 0.5, 4)
### BEGIN HIDDEN TESTS
with check.case("the same on other parameters, three steps in a row", points=1, hidden=True):
    for shape, lr, batch_size in (((), 0.3, 1), ((2, 3), 0.01, 10), ((5,), 1.0, 7)):
        params = [parameter(check.normal(size, dtype=torch.float64)) for size in (shape, (4, 1))]
        for _ in range(3):
            for param, old in zip(params, run(params, lr, batch_size)):
                moved(param, *old, lr, batch_size)
                clean = param.is_leaf and param.grad is not None and not param.grad.any()
                check.that(clean, "after the step a gradient is not 0, or a graph is left over")
            sum((p**2).sum() for p in params).backward()
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**All your parts together.** Your functions are a whole training program: new data with w = (1.5, −2, 0.5) and b = −1,
batches of 10, three epochs. If a check has not passed yet, NumPy or PyTorch does that part.
"""


# %% tags=["experiment"]
def numpy_data(w, b, num_examples, noise_std=0.01, generator=None):
    rng = np.random.default_rng(0)
    X = torch.tensor(rng.normal(size=(num_examples, len(w))), dtype=w.dtype)
    return X, torch.tensor(rng.normal((X @ w + b)[:, None], noise_std), dtype=w.dtype)


def torch_loader(batch_size, features, labels, shuffle=True, generator=None):
    return DataLoader(TensorDataset(features, labels), batch_size, shuffle, generator=generator)


def torch_sgd(params, lr, batch_size):
    optimizer = torch.optim.SGD(params, lr=lr / batch_size)
    optimizer.step()
    optimizer.zero_grad()


make_data = cu.yours(synthetic_data, instead=numpy_data)
batches_of = cu.yours(data_iter, instead=torch_loader)
predict = cu.yours(linreg, instead=lambda X, w, b: torch.addmm(b, X, w))
loss_of = cu.yours(
    squared_loss, instead=lambda y_hat, y: nn.functional.mse_loss(y_hat, y, reduction="none") / 2
)
update = cu.yours(sgd, instead=torch_sgd)

g = torch.Generator().manual_seed(0)
all_X, all_y = make_data(torch.tensor([1.5, -2.0, 0.5]), -1.0, 1000, generator=g)  # (1000, 3), (1000, 1)
w, b = torch.zeros(3, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
losses = []
for _ in range(3):
    for X, y in batches_of(10, all_X, all_y, generator=g):
        with torch.no_grad():
            losses.append(loss_of(predict(all_X, w, b), all_y).mean().item())
        loss_of(predict(X, w, b), y).sum().backward()
        update([w, b], lr=0.03, batch_size=10)
cu.plots.curves(
    {"loss on all data": losses, "half the variance of the noise": [0.00005] * 300},
    x="update",
    y="half squared error",
    log_y=True,
    title="Your training: down to the noise",
    alt="On a logarithmic axis the loss falls along a straight line, then stays level at 0.00005",
)
print("w:", [round(value, 2) for value in w.flatten().tolist()], " b:", round(b.item(), 2))
assert losses[-1] < 0.0001

# %% [markdown]
r"""
The true values come back, correct to two decimal places. The loss falls by about the same factor in each update,
until the noise is all that is left.
"""

# %% [markdown]
r"""
## 6 The same with PyTorch

You write `sgd` by hand once. PyTorch has all these parts ready. Training needs these **four
ingredients**: a data set, a loader, a loss, and an optimizer (and of course something to train).

What we train is a **module**: an object that holds its parameters and is called like a function, `net(X)`.
`nn.Linear(2, 1)` is the module of our model, with 2 features and 1 output, and `nn.Sequential` is a module that
sends X through a list of modules, one after the other. `net.parameters()` gives all their weights and biases,
for the optimizer; `nn.init` has functions that set the first values of a parameter.
"""

# %%
dataset = TensorDataset(features, labels)
g = torch.Generator().manual_seed(0)
loader = DataLoader(dataset, batch_size=10, shuffle=True, generator=g)
net = nn.Sequential(nn.Linear(2, 1))  # net[0] is the linear layer
loss = nn.MSELoss()  # the mean of the squared errors; no half
optimizer = torch.optim.SGD(net.parameters(), lr=0.03)

net[0].weight.data.normal_(0, 0.01)  # the old way to set the first weights
net[0].bias.data.fill_(0)
nn.init.normal_(net[0].weight, mean=0.0, std=0.01)  # and the modern way, which does the same
nn.init.zeros_(net[0].bias)
print(net)
print("weight", tuple(net[0].weight.shape), " bias", tuple(net[0].bias.shape))

# %% [markdown]
r"""
Why the modern way? `.data` goes behind autograd's back. The derivative of w² at w = 3 is 6, and `backward()` needs
the 3 for it. Change w between forward and backward, once through `.data` and once under `no_grad`:
"""

# %%
w = torch.tensor(3.0, requires_grad=True)
square = w**2
w.data.fill_(5.0)
square.backward()
print(f"changed through .data:  the gradient is {w.grad:.0f}, no error")

w = torch.tensor(3.0, requires_grad=True)
square = w**2
with torch.no_grad():
    w.fill_(5.0)
try:
    square.backward()
except RuntimeError as error:
    print("changed under no_grad: ", str(error).split(":")[0])

# %% [markdown]
r"""
The first gradient is wrong: 10 is the derivative at 5, but w² was computed at 3. PyTorch counts the changes of a
tensor and refuses a graph whose numbers have changed; a change through `.data` is not counted. The functions of
`nn.init` work under `no_grad` and are as short. (`nn.Linear` stores its weight as (outputs, inputs), the transpose
of our w.)

One update takes **five lines**:

1. **get** a batch X, y from the loader,
2. **compute the loss** of the predictions,
3. **clear** the old gradients: `optimizer.zero_grad()`,
4. **backward**: `loss.backward()` adds the new gradients to `.grad`,
5. **step**: `optimizer.step()` changes the parameters.

What exactly does the last line change? Some study notes say that it "updates the gradients".
"""

# %%
X, y = features[:10], labels[:10]
optimizer.zero_grad()
loss(net(X), y).backward()
weight, gradient = net[0].weight.detach().clone(), net[0].weight.grad.clone()
optimizer.step()
print("the gradient is the same as before step(): ", torch.equal(net[0].weight.grad, gradient))
print("the weight is the same as before step():   ", torch.equal(net[0].weight.detach(), weight))
print("new weight == weight - lr * gradient:      ", torch.allclose(net[0].weight, weight - 0.03 * gradient))

# %% [markdown]
r"""
`step()` reads the gradients and writes the parameters. Now the whole loop. The code below comes from a set of
study notes. It runs without an error:
"""


# %%
def broken_training(net, loader, loss, optimizer, num_epochs):
    """The training loop of the notes."""
    for _ in range(num_epochs):
        for X, y in loader:
            batch_loss = loss(net(X), y)
    optimizer.zero_grad()
    batch_loss.backward()
    optimizer.step()


nn.init.zeros_(net[0].weight)
nn.init.zeros_(net[0].bias)
updates = []
hook = optimizer.register_step_post_hook(lambda *args: updates.append(1))  # is called after each step()
with torch.no_grad():
    before = loss(net(features), labels).item()
broken_training(net, loader, loss, optimizer, num_epochs=3)
hook.remove()
with torch.no_grad():
    after = loss(net(features), labels).item()
print(f"300 batches were read, and {len(updates)} update was made")
print("the loss fell by more than half:", after < before / 2)

# %% [markdown]
r"""
Do you see it? Read the indentation. Three lines belong in the inner loop, but come after both loops. Python
computes 300 losses, throws 299 away, and learns from the last one. No error appears;
the loss just falls too little.
"""

# %% [markdown]
r"""
### Exercise 3.7: spot the bug, `train_step` &nbsp; (4 points, about 10 minutes, ★★☆)

Keep lines together that belong together: write **one update** as a function, which a loop can then
call for every batch. Watch the order of the lines, too: the function must work whatever an earlier caller
left in `.grad`. It must also work with any loss and any optimizer. Some optimizers remember earlier gradients
(**momentum**, chapter 10); `optimizer.step()` takes care of that.

<details><summary>Hint 1</summary>

Lines 2 to 5 of the list above, in this order.

<details><summary>Hint 2</summary>

A tensor with one number becomes a Python float with `.item()`. The loss that was computed before `step()`
*is* the loss before the update.

</details></details>
"""


# %% exercise="train_step"
def train_step(net, loss, optimizer, X, y):
    """One update of the parameters on one batch.

    net: a module. loss: loss(net(X), y) returns the mean loss of the batch, a scalar tensor.
    optimizer: a torch optimizer for net's parameters. X: (n, d), y: (n, 1), floats in the dtype of net.
    Whatever was in .grad before has no effect on the update.
    Returns the loss before the update, a Python float.
    """
    ### BEGIN SOLUTION
    batch_loss = loss(net(X), y)
    optimizer.zero_grad()
    batch_loss.backward()
    optimizer.step()
    return batch_loss.item()
    ### END SOLUTION


# %% test="train_step"
check.exercise("train_step", points=4)


def run(make, batches, loss=nn.functional.mse_loss, optimizer=torch.optim.SGD, **options):
    """What the student's train_step returns for each batch, and the weights of the net afterwards."""

    def steps(X, y):
        net = make()
        updates = optimizer(net.parameters(), **options)
        return [train_step(net, loss, updates, *batch) for batch in zip(X, y)], check.weights(net)

    return check.unchanged(lambda X, y: check.made(steps, X, y), *map(list, zip(*batches)))


def new(d, **options):
    """A function that makes a net, with the same weights in every call."""
    W, b = check.normal((1, d)), check.normal((1,))
    return lambda: check.linear(W, b, **options)


with check.case("moves the parameters by one step against the gradient", points=1):
    make, batches, wrong = new(3), check.batches([8], 3), {}
    start, right = check.weights(make()), check.trained(make(), batches, lr=0.1).weights
    none = "no parameter changed: step() needs gradients that backward() has computed and nobody has cleared"
    wrong[none] = start
    wrong["the update was made twice in a row"] = start + 2 * (right - start)
    wrong["the update goes uphill"] = 2 * start - right
    wrong["the loss is already a mean; do not divide by the batch size again"] = start + (right - start) / 8
    wrong["the gradient is that of a sum; `loss` already gives the mean"] = start + 8 * (right - start)
    _, found = run(make, batches, lr=0.1)
    check.close(found, right, known=wrong, rtol=1e-4, atol=1e-5)
with check.case("returns the loss before the update, as a float", points=0.5):
    make, batches = new(2), check.batches([6], 2)
    trained, ([found], _) = check.trained(make(), batches, lr=0.2), run(make, batches, lr=0.2)
    check.number(found)
    before, after = trained.before.item(), trained.after.item()
    wrong = {"this is the loss after the update": after, "this is the sum, not the mean": 6 * before}
    wrong["this is the mean divided by the batch size once more"] = before / 6
    check.close(found, before, "the loss before the update", known=wrong, rtol=1e-4)
with check.case("does not care what was in .grad before", points=1):
    make, batches, wrong = new(3, stale=2.0), check.batches([5], 3), {}
    start, right = check.weights(make()), check.trained(make(), batches, lr=0.1).weights
    wrong["the old gradients were not cleared: backward() adds to what is in .grad"] = right - 0.2
    wrong["the step used the old gradients: backward() has to come before step()"] = start - 0.2
    none = "the gradients were cleared between backward() and step(), or step() came before backward()"
    wrong[f"no parameter changed: {none}"] = start
    _, found = run(make, batches, lr=0.1)
    check.close(found, right, known=wrong, rtol=1e-4, atol=1e-5)
with check.case("uses the loss and the optimizer that it is given", points=0.5):
    make, batches, options = new(3), check.batches([8, 8, 8], 3), {"lr": 0.1, "momentum": 0.9}
    [X, y], y_hat, uneven = batches[0], make()(batches[0][0]).detach(), check.uneven_loss
    right = check.trained(make(), batches, uneven, **options)
    wrong = {"`loss` was not used: this is the mean squared error": (y_hat - y).square().mean()}
    wrong["the arguments of `loss` are swapped: the predictions come first"] = uneven(y, y_hat)
    losses, weights = run(make, batches, uneven, **options)
    check.close(losses[0], right.before[0, 0], "the loss before the update", known=wrong, rtol=1e-4)

    def mistakes():
        plain = check.trained(make(), batches, uneven, lr=0.1)
        squares = check.trained(make(), batches, **options)
        wrong = {"`optimizer` was not used: this is plain gradient descent": plain.weights}
        return wrong | {"`loss` was not used: these are steps for the mean squared error": squares.weights}

    check.close(weights, right.weights, known=mistakes, rtol=1e-4, atol=1e-5)
    check.close(losses, right.before[0], "the losses before three updates", rtol=1e-4)
### BEGIN HIDDEN TESTS
with check.case("the same with other losses, a hidden layer and Adam", points=1, hidden=True):
    W, b, last, single = check.normal((5, 3)), check.normal((5,)), new(5), new(3)
    deep = lambda: nn.Sequential(check.linear(W, b), nn.Tanh(), last()).double()  # noqa: E731
    doubled = lambda y_hat, y: (y_hat - 2 * y).square().mean()  # noqa: E731
    for make, optimizer, dtype, loss in (
        (deep, torch.optim.Adam, torch.float64, doubled),
        (single, torch.optim.SGD, torch.float32, nn.L1Loss()),
    ):
        batches = [(X.to(dtype), y.to(dtype)) for X, y in check.batches([9, 1], 3)]
        right = check.trained(make(), batches, loss, optimizer=optimizer, lr=0.02)
        losses, weights = run(make, batches, loss, optimizer, lr=0.02)
        check.close(losses, right.before[0], rtol=1e-3, atol=1e-5)
        check.close(weights, right.weights, rtol=1e-3, atol=1e-5)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**The repaired loop.** The same net, the same three epochs, with your `train_step`:
"""


# %% tags=["experiment"]
def step_with_closure(net, loss, optimizer, X, y):
    def closure():
        optimizer.zero_grad()
        value = loss(net(X), y)
        value.backward()
        return value

    return optimizer.step(closure).item()


one_update = cu.yours(train_step, instead=step_with_closure)
nn.init.zeros_(net[0].weight)
nn.init.zeros_(net[0].bias)
for _ in range(3):
    for X, y in loader:
        one_update(net, loss, optimizer, X, y)
with torch.no_grad():
    repaired = loss(net(features), labels).item()
print(f"loss at the start {before:.1f}, after the broken loop {after:.1f}, after 300 updates {repaired:.4f}")
assert repaired < 0.001

# %% [markdown]
r"""
**Which order matters?** Five loops, each with the lines in another order, 100 updates each. Guess the curves
before you look.
"""


# %% tags=["experiment"]
def losses_of_order(order):
    """Train for one epoch with these lines in this order; returns the losses on all data."""
    net, mse = nn.Linear(2, 1), nn.MSELoss()
    for param in net.parameters():
        nn.init.zeros_(param)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.03)
    losses = []
    for X, y in zip(features.split(10), labels.split(10)):
        batch_loss = mse(net(X), y)
        lines = {"zero_grad": optimizer.zero_grad, "backward": batch_loss.backward, "step": optimizer.step}
        for line in order:
            lines[line]()
        with torch.no_grad():
            losses.append(mse(net(features), labels).item())
    return losses


ORDERS = [
    ("zero_grad", "backward", "step"),
    ("backward", "step", "zero_grad"),
    ("backward", "zero_grad", "step"),
    ("zero_grad", "step", "backward"),
    ("backward", "step"),
]
by_order = {", ".join(order): losses_of_order(order) for order in ORDERS}
cu.plots.curves(
    by_order,
    x="update",
    y="loss on all data",
    title="The same three lines in five orders",
    alt="Two curves fall together to zero, one swings up and down, two stay where they began",
)
first, second, cleared_too_soon, stepped_too_soon, never_cleared = by_order.values()
assert np.allclose(first, second) and first[-1] < 0.01
assert cleared_too_soon[0] == cleared_too_soon[-1] and stepped_too_soon[0] == stepped_too_soon[-1]
assert max(never_cleared[20:]) > 1

# %% [markdown]
r"""
Clearing first and clearing last are the same. Never clearing adds up the gradients of all batches so far, and
the parameters swing like a pendulum. Clearing between `backward` and `step`, or stepping before `backward`,
leaves nothing to step with: the curves lie flat on each other. **Clear anywhere, but not between backward and
step.**
"""

# %% [markdown]
r"""
## 7 A loss to report

Training prints one number per epoch. Which? Batches come in different sizes, and this hides a mistake. Three
batches, the last one small and difficult:
"""

# %%
batch_losses, batch_sizes = [1.0, 1.0, 10.0], [10, 10, 1]
mean_of_means = sum(batch_losses) / 3
mean_over_examples = sum(mean * n for mean, n in zip(batch_losses, batch_sizes)) / sum(batch_sizes)
print(f"mean of the batch losses: {mean_of_means:.2f}   mean over the examples: {mean_over_examples:.2f}")

# %% [markdown]
r"""
The one example in the last batch counted as much as ten others. A loss that can be compared weighs each batch
by its number of examples.
"""

# %% [markdown]
r"""
### Exercise 3.8: `fit` &nbsp; (4 points, about 15 minutes, ★★☆)

The whole training loop. It reports one loss per epoch: the mean over the examples of the losses that were
measured *while* training in that epoch, each before its update. You may call your `train_step`.

<details><summary>Hint 1</summary>

Keep two sums per epoch: loss times examples, and examples. `loss` is the function: call the loss of a batch
something else, or the next batch has no function to call.

<details><summary>Hint 2</summary>

`len(y)` is the number of examples of a batch. Count them; do not assume that all batches are equal.

</details></details>
"""


# %% exercise="fit"
def fit(net, train_iter, loss, optimizer, num_epochs):
    """Train net, one update per batch.

    train_iter: batches (X, y) with X (n, d), y (n, 1), floats in the dtype of net, such as a DataLoader or a
    list; n may differ.
    loss: loss(net(X), y) returns the mean loss of the batch, a scalar tensor.
    optimizer: a torch optimizer for net's parameters. num_epochs: int >= 1. Every epoch goes through
    train_iter anew, as a DataLoader may shuffle in each pass.
    Returns a list of num_epochs floats: the mean training loss of each epoch over its examples, each batch
    measured before its own update.
    """
    ### BEGIN SOLUTION
    history = []
    for _ in range(num_epochs):
        total, examples = 0.0, 0
        for X, y in train_iter:
            batch_loss = loss(net(X), y)
            optimizer.zero_grad()
            batch_loss.backward()
            optimizer.step()
            total += batch_loss.item() * len(y)
            examples += len(y)
        history.append(total / examples)
    return history
    ### END SOLUTION


# %% test="fit"
check.exercise("fit", points=4)


def run(make, batches, num_epochs, loss=nn.functional.mse_loss, optimizer=torch.optim.SGD, **options):
    """What the student's fit returns, and the weights of the net afterwards."""

    def trained(net):
        return fit(net, batches, loss, optimizer(net.parameters(), **options), num_epochs), check.weights(net)

    return check.made(lambda: trained(make()))


def new(d=2, dtype=torch.float32):  # a function that makes a net, with the same weights in every call
    W, b = check.normal((1, d), dtype=dtype), check.normal((1,), dtype=dtype)
    return lambda: check.linear(W, b)


with check.case("makes one update per batch in every epoch", points=1):
    make, batches = new(), check.batches([4, 4, 2], 2)
    after = lambda *args, **more: check.trained(make(), *args, lr=0.1, **more).weights  # noqa: E731
    uncleared = lambda net: check.trained(net, batches, lr=0.1, momentum=1.0).net  # noqa: E731
    whole = [[torch.cat(parts) for parts in zip(*batches)]]  # one batch; its loss is the sum of the three
    added = lambda y_hat, y: sum(map(nn.functional.mse_loss, y_hat.split(4), y.split(4)))  # noqa: E731
    inner, wrong = "backward and step belong in the inner loop", {}
    wrong["no parameter changed"] = lambda: check.weights(make())
    wrong[f"only one update was made: {inner}"] = lambda: after(batches[-1:])
    wrong[f"only one update per epoch was made: {inner}"] = lambda: after(batches[-1:], num_epochs=2)
    sums = "the gradients of all batches are added up, for one update per epoch: step() belongs in the inner loop"
    wrong[sums] = lambda: after(whole, added, num_epochs=2)
    wrong["only one epoch was trained"] = lambda: after(batches)
    wrong["only the first batch was used: is the return inside?"] = lambda: after(batches[:1])
    never = "the gradients are never cleared: backward() adds to them in every batch"
    wrong[never] = lambda: after(batches, num_epochs=2, momentum=1.0)
    once = "the gradients are cleared only once per epoch; clear them for every batch"
    wrong[once] = lambda: check.weights(uncleared(uncleared(make())))
    right, (_, found) = after(batches, num_epochs=2), run(make, batches, 2, lr=0.1)
    check.close(found, right, known=lambda: {words: find() for words, find in wrong.items()}, atol=1e-5)
with check.case("returns one float per epoch", points=0.5):
    history, _ = run(new(), check.batches([4, 2], 2), 3, lr=0.01)
    check.that(isinstance(history, list), "fit should return a list")
    wrong = {"there is one loss per batch, not per epoch": 6, "there is only one loss": 1}
    check.equal(len(history), 3, "one loss per epoch", known=wrong)
    [check.number(found) for found in history]
with check.case("reports the mean over the examples, measured while training", points=1):
    make, batches = new(), [(X, y + 5 * (len(y) == 2)) for X, y in check.batches([4, 4, 2], 2)]
    trained = check.trained(make(), batches, num_epochs=2, lr=0.05)
    losses, mean, total, wrong = trained.before, trained.mean(), 10 * trained.mean(), {}
    wrong["the batches are not weighted: the last one has fewer examples"] = losses.mean(dim=1)
    wrong["this is the sum over the batches; divide by the number of examples"] = losses.sum(dim=1)
    wrong["the losses are weighted, but not divided by the number of examples"] = total
    wrong["weigh each loss by its batch before you divide by the examples"] = losses.sum(dim=1) / 10
    wrong["this is the loss of the last batch"] = losses[:, -1]
    wrong["each batch is measured after its update; measure it before"] = trained.mean(trained.after)
    wrong["this is measured after the epoch; measure while training"] = trained.mean(trained.end)
    smaller = "the last batch is smaller: divide by the 10 examples, not by 3 batches of"
    wrong |= {f"{smaller} 4": total / 12, f"{smaller} 2": total / 6}
    wrong["the weighted losses are divided by the number of batches"] = total / 3
    counted, on = torch.tensor([10, 20]), "from epoch to epoch; start again at 0"
    wrong |= {f"the count goes on {on}": total / counted, f"the sum goes on {on}": total.cumsum(dim=0) / 10}
    wrong[f"the sums go on {on}"] = total.cumsum(dim=0) / counted
    says = "the mean training loss of each epoch is wrong"
    check.close(run(make, batches, 2, lr=0.05)[0], mean, says, known=wrong, rtol=1e-4)
with check.case("uses the loss and the optimizer that it is given", points=0.5):
    make, batches, uneven = new(), check.batches([4, 2], 2), check.uneven_loss
    trained = lambda loss, m=0.9: check.trained(make(), batches, loss, 2, lr=0.05, momentum=m)  # noqa: E731
    swapped, mse = lambda y_hat, y: uneven(y, y_hat), nn.MSELoss()
    wrong = {"`loss` was not used: this is the mean squared error": lambda: trained(mse).mean()}
    wrong["neither `loss` nor `optimizer` was used"] = lambda: trained(mse, 0.0).mean()
    wrong["`optimizer` was not used: this is plain gradient descent"] = lambda: trained(uneven, 0.0).mean()
    wrong["the arguments of `loss` are swapped: the predictions come first"] = lambda: trained(swapped).mean()
    right, mistakes = trained(uneven), lambda: {words: find() for words, find in wrong.items()}
    history, weights = run(make, batches, 2, uneven, lr=0.05, momentum=0.9)
    check.close(history, right.mean(), known=mistakes, rtol=1e-4)
    check.close(weights, right.weights, "the steps are not those for `loss`", atol=1e-5)
with check.case("goes through train_iter anew in every epoch", points=0.5):
    run(new(), batches := check.Counted(check.batches([3, 3], 2)), 3, lr=0.01)
    check.that(batches.passes >= 3, "go through train_iter in every epoch: a DataLoader shuffles again")
### BEGIN HIDDEN TESTS
with check.case("the same with a DataLoader, momentum and other sizes", points=0.5, hidden=True):
    for n, batch_size, d in ((7, 3, 3), (4, 4, 1)):
        X, y = check.normal((n, d), dtype=torch.float64), check.normal((n, 1), dtype=torch.float64)
        loader, make = DataLoader(TensorDataset(X, y), batch_size=batch_size), new(d, torch.float64)
        right = check.trained(make(), list(loader), check.uneven_loss, 2, lr=0.02, momentum=0.5)
        history, weights = run(make, loader, 2, check.uneven_loss, lr=0.02, momentum=0.5)
        check.close(history, right.mean(), rtol=1e-5)
        check.close(weights, right.weights, rtol=1e-5)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Does it match what others measured?** The Chinese edition of *Dive into Deep Learning*
([linear regression from scratch](https://zh.d2l.ai/chapter_linear-networks/linear-regression-scratch.html) and its
short version) trains on data of the same kind (same w, b and noise; batch 10, learning rate 0.03, 3 epochs) and prints
the loss on all data after each epoch: once from scratch with the half squared error, once with `nn.MSELoss`. (The
English edition uses batches of 32 and shows curves.) We do both five times. The loss is only looked at here,
not trained on, so it is computed under `torch.no_grad()`: no graph is built for nothing.
"""


# %% tags=["experiment"]
def losses_after_epochs(half, seed):
    """Three epochs of SGD with half the squared error or with the squared error itself."""
    g = torch.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Linear(2, 1))
    nn.init.normal_(net[0].weight, std=0.01, generator=g)
    nn.init.zeros_(net[0].bias)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.03)

    def loss(y_hat, y):
        squared = ((y_hat - y) ** 2).mean()
        return squared / 2 if half else squared

    losses = []
    for _ in range(3):
        for batch in torch.randperm(1000, generator=g).split(10):
            optimizer.zero_grad()
            loss(net(features[batch]), labels[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            losses.append(loss(net(features), labels).item())
    return losses


# %% jupyter={"source_hidden": true} tags=["experiment"]
scratch = [losses_after_epochs(True, seed) for seed in range(5)]
concise = [losses_after_epochs(False, seed) for seed in range(5)]
BANDS = {
    "half squared error": (
        scratch,
        [(0.02, 0.06), (8e-5, 3e-4), (4.4e-5, 5.8e-5)],
        [0.042790, 0.000162, 0.000051],
    ),
    "squared error": (
        concise,
        [(1.3e-4, 5e-4), (8.8e-5, 1.16e-4), (8.8e-5, 1.16e-4)],
        [0.000248, 0.000103, 0.000103],
    ),
}
for name, (runs, bands, published) in BANDS.items():
    for epoch, ((low, high), book) in enumerate(zip(bands, published)):
        assert all(low < run[epoch] < high for run in runs), (name, epoch, [run[epoch] for run in runs])
        mean = np.format_float_positional(np.mean(runs, axis=0)[epoch], precision=2, fractional=False)
        print(f"{name:18}  epoch {epoch + 1}: mean of our 5 runs {mean:8}  book {book:.6f}")
cu.plots.curves(
    {"half squared error": scratch, "squared error": concise},
    y="loss on all data",
    log_y=True,
    title="Two losses, five runs each",
    alt="On a logarithmic axis the squared error starts lower and ends at twice the half squared error",
)

# %% [markdown]
r"""
These numbers raise two questions.

**Why 0.000051 and 0.000103?** Nobody can predict the noise, whose variance is 0.01² = 0.0001. The mean squared
error cannot fall below about 0.0001, half of it not below about 0.00005. Both trainings have reached their
floor. It is **the same fit**, measured with two rulers.

**Why is the first epoch so different?** The squared error has twice the gradient, so the same learning rate
makes updates of twice the length. With features from N(0, 1) each update shrinks the distance to the solution to
about 1 − 0.03 = 0.97 of it, or to 0.94. The loss grows with the square of the distance, so 100 updates should
bring it from its first value to

$$0.97^{200} \cdot \text{first} + \text{floor} \qquad\text{or}\qquad 0.94^{200} \cdot \text{first} + \text{floor} .$$
"""

# %%
first = (labels**2).mean().item()  # the squared error of w = 0, b = 0
print(f"half squared error after epoch 1: predicted {0.97**200 * first / 2 + 0.00005:.2g}, book 0.042790")
print(f"squared error after epoch 1:      predicted {0.94**200 * first + 0.0001:.2g}, book 0.000248")

# %% [markdown]
r"""
Before you compare two losses, ask for the formula; before you compare two learning rates, too.
"""

# %% [markdown]
r"""
## 8 How large a batch, how large a learning rate?

Three epochs for every pair of batch size and learning rate, half squared error, from w = 0 and b = 0. The
table shows the **power of ten** of the loss on all data: −4.3 is the floor. A grey cell (nan, "not a number")
stands for a training that exploded: its loss became larger and larger.
"""


# %% tags=["experiment"]
def loss_after_three_epochs(batch_size, lr):
    """Half the mean squared error on all data after SGD; not finite if training explodes."""
    g = torch.Generator().manual_seed(0)
    w, b = torch.zeros(2, 1), torch.zeros(1)
    for _ in range(3):
        for batch in torch.randperm(1000, generator=g).split(batch_size):
            X = features[batch]
            error = X @ w + b - labels[batch]
            w, b = w - lr * X.T @ error / len(batch), b - lr * error.mean(dim=0)
    return ((features @ w + b - labels) ** 2 / 2).mean().item()


BATCH_SIZES, RATES = [1, 10, 100, 1000], [0.003, 0.03, 0.3, 3.0]
final = torch.tensor([[loss_after_three_epochs(n, lr) for lr in RATES] for n in BATCH_SIZES])
exploded = ~(final < 1000)
cu.plots.heatmap(
    final.log10().masked_fill(exploded, float("nan")),
    rows=[f"batch {n}, {3000 // n:,} updates" for n in BATCH_SIZES],
    columns=[f"lr {lr}" for lr in RATES],
    title="log10 of the loss after 3 epochs",
    alt="Small batches reach the floor with small learning rates; large batches need larger ones; 3 explodes",
)
assert exploded[:, 3].all() and not exploded[:, :3].any()
assert (final[3, :2] > 10).all() and (final[:2, 1] < 1e-4).all()
print("batch 1000 with lr 0.03 has made 3 updates, and its loss is still above 10")

# %% [markdown]
r"""
Read the column of 0.03 downwards. Batches of 1 and of 10 both reach the floor. From 10 on, the larger the batch,
the worse the result, and the row names say why: an epoch with larger batches has **fewer updates**. Now read the row
of batch 1: with 0.3 the loss is above the floor again, because each update follows the error of a single example too
far. And in the last column the updates jump over the valley and land higher than before.
"""

# %% [markdown]
r"""
## 9 The exact answer

Linear regression is one of the few models that can be solved with a formula. Give X a column of ones,
$\tilde{\mathbf X} = [\mathbf X, \mathbf 1]$ of shape (n, d + 1), so that b becomes one more weight, the last entry
of $\tilde{\mathbf w}$. The loss is then $L = \frac{1}{2n} \sum_i (\tilde{\mathbf X}\tilde{\mathbf w} - \mathbf y)_i^2$.
Its derivative with respect to weight j is the mean over the examples of error · feature j; for all weights at once,

$$\frac{\partial L}{\partial \tilde{\mathbf w}} = \frac{1}{n}\, \tilde{\mathbf X}^\top
(\tilde{\mathbf X}\, \tilde{\mathbf w} - \mathbf y), \qquad
(d{+}1, 1) = (d{+}1, n)\,(n, 1) .$$

Its first d rows are ∂L/∂**w**, (d, 1), and its last row is ∂L/∂b, (1,), just as **w̃** is **w** over b.

At the lowest point the gradient is zero. That gives the **normal equations**

$$\tilde{\mathbf X}^\top \tilde{\mathbf X}\, \tilde{\mathbf w} = \tilde{\mathbf X}^\top \mathbf y, \qquad
(d{+}1, d{+}1)\,(d{+}1, 1) = (d{+}1, 1) .$$

No learning rate, no epochs. So why do we train at all? Because the other networks of this course have no such
formula. Here it is an **oracle**: it tells what training should find.

One thing can go wrong. A shop records lengths in centimetres *and* in inches. One column is then a multiple of
the other, and infinitely many pairs of weights give the same predictions. Columns are called **collinear** if one
of them can be computed from the others by multiplying and adding. The column of ones counts, too: a feature
that is the same for all examples is collinear with it. The **rank** of a matrix is the number of columns that
are left when all such superfluous ones are taken out:
"""

# %%
cm = torch.tensor([[10.0], [20.0], [40.0], [80.0]], dtype=torch.float64)
both = torch.cat((cm, cm / 2.54, torch.ones(4, 1, dtype=torch.float64)), dim=1)  # cm, inches, ones
print("columns:", both.shape[1], " rank:", torch.linalg.matrix_rank(both).item())
for weights in ([1.0, 0.0, 0.0], [0.0, 2.54, 0.0], [3.0, -5.08, 0.0]):
    print(weights, "predicts", (both @ torch.tensor(weights, dtype=torch.float64)).round(decimals=3).tolist())

# %% [markdown]
r"""
The matrix of the normal equations then has no inverse, and solving with it fails or returns nonsense. The
**pseudo-inverse** `torch.linalg.pinv(A)` takes the place of the inverse here: `pinv(A) @ y` is always one of the
minimisers, the one with the smallest norm.

<details><summary>If you would rather use torch.linalg.lstsq</summary>

PyTorch has a least-squares solver, too, with a trap of its own: its default method, `driver="gelsy"`, may return
**wrong** weights for collinear columns, depending on what was in the computer's memory before (seen in torch 2.13.0;
[PyTorch issue 187411](https://github.com/pytorch/pytorch/issues/187411)). `driver="gelsd"` is reliable. A
result that changes from run to run cannot be graded, so the check below refuses the default method on collinear
columns.

</details>
"""

# %% [markdown]
r"""
### Exercise 3.9: `least_squares` &nbsp; (3 points, about 10 minutes, ★★☆)

Compute the best w and b without training. With collinear columns, any of the best ones will do.

<details><summary>Hint 1</summary>

Which matrix A makes A @ solution equal to Xw + b, so that one solver finds both?

<details><summary>Hint 2</summary>

`torch.cat((X, torch.ones_like(X[:, :1])), dim=1)`. Multiply y by its pseudo-inverse, then take the solution
apart: all rows but the last, and the last.

</details></details>
"""


# %% exercise="least_squares"
def least_squares(X, y):
    """The w and b that minimise the squared error of Xw + b, in closed form.

    X: (n, d), y: (n, 1), floats of one dtype; n and d are at least 1.
    Returns (w, b) in X's dtype: w (d, 1), b (1,). With collinear columns any minimiser; there the check refuses
    torch.linalg.lstsq with its default driver "gelsy", whose result is unreliable.
    """
    ### BEGIN SOLUTION
    A = torch.cat((X, torch.ones_like(X[:, :1])), dim=1)  # (n, d + 1)
    solution = torch.linalg.pinv(A) @ y  # (d + 1, 1)
    return solution[:-1], solution[-1]
    ### END SOLUTION


# %% test="least_squares"
check.exercise("least_squares", points=3)


def solved(*problems):
    """(the student's w and b, and the values Xw + b) for each of these problems (X, y)."""
    solutions = []
    try:
        with check.steady_lstsq():
            found = list(check.in_turn(least_squares, problems, unchanged=True))
    except (torch.linalg.LinAlgError, np.linalg.LinAlgError):
        check.fail("collinear columns: the matrix has no inverse; take a pseudo-inverse", mistake="singular")
    for (X, y), pair in zip(problems, found):
        check.that(isinstance(pair, tuple | list) and len(pair) == 2, "return the pair (w, b)")
        w, b = pair
        turned = [getattr(part, "shape", ()) for part in pair] == [(1,), (X.shape[1], 1)]
        check.that(X.shape[1] == 1 or not turned, "the weights come first: return w, then b")
        check.like(w, X[:1].T)
        check.like(b, y[0])
        solutions.append((w, b, X @ w + b))
    return solutions


def best(X, y, ones=1):
    """NumPy's own fitted values; without an intercept for ones = 0."""
    A = np.column_stack([X.double().numpy(), np.full(len(X), ones)])
    return torch.from_numpy(A @ np.linalg.lstsq(A, y.double().numpy(), rcond=None)[0])


MEAN = "b is the mean of y; that is right only if the columns of X have mean 0"
with check.case("finds the line through points that lie on one", points=1):
    X = torch.tensor([[0.0], [1.0], [3.0]])
    [(w, b, _)] = solved((X, 2 * X + 5))
    wrong = {"the line has no intercept: it is forced through 0": [4.0, 0.0], MEAN: [4.0, 23 / 3]}
    wrong |= {"w and b are swapped": [5.0, 2.0], "X and y are swapped": [0.5, -2.5]}
    wrong["w is found without b, on a line through 0; find both together"] = [4.0, 7 / 3]
    wrong["w is right, and b is the mean of y; take the mean of y - Xw"] = [2.0, 23 / 3]
    check.close(torch.cat((w[0], b)), [2.0, 5.0], "w should be 2, b 5", known=wrong, rtol=1e-3, atol=1e-3)
with check.case("finds the least squared error for points around a plane", points=0.5):
    X = check.normal((30, 3), mean=1.0, dtype=torch.float64)
    y = X[:, :1] - 2 * X[:, 1:2] + 3 + check.normal((30, 1), dtype=torch.float64)
    flat, says = best(X, y, ones=0), "another plane has a smaller squared error"
    wrong = {"there is no intercept: the plane is forced through 0": flat, MEAN: flat + y.mean()}
    # The same lengths, once in metres and once in kilometres: the same plane.
    for _, _, found in solved((X, y), (X / 1000, y)):
        check.close(found, best(X, y), says, known=wrong, rtol=1e-6, atol=1e-6)
with check.case("copes with collinear columns", points=0.5):
    half = torch.tensor([3.0, 2.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    x = torch.cat((half, -half))[:, None]  # sum 0, sum of squares 32
    y = 1 + x + check.normal((16, 1), dtype=torch.float64)
    # All but the last give normal equations of powers of two, which are singular without any rounding.
    others = {"a column twice": x, "a column and its double": 2 * x, "a feature that is always 1": x * 0 + 1}
    others |= {"a feature that is always 0": x * 0, "centimetres and inches": x / 2.54}
    names = [name for name in others for _ in range(2)]
    orders = [torch.cat(pair, dim=1) for other in others.values() for pair in ((x, other), (other, x))]
    right = best(x, y)
    for name, (_, _, found) in zip(names, solved(*((X, y) for X in orders))):
        check.close(found, right, f"{name}: not the best fit", rtol=1e-5, atol=1e-5)
### BEGIN HIDDEN TESTS
with check.case("the same on other data", points=1, hidden=True):
    problems = []
    for n, d in ((50, 1), (200, 6), (12, 2), (1, 1)):
        for dtype in (torch.float32, torch.float64):
            X, y = check.normal((n, d), std=2, dtype=dtype), check.normal((n, 1), mean=3, dtype=dtype)
            problems.append((X, y))
    for (X, y), (_, _, found) in zip(problems, solved(*problems)):
        check.close(found.double(), best(X, y), rtol=1e-3, atol=1e-3)
    X, y = check.normal((20, 3), dtype=torch.float64), check.normal((20, 1), dtype=torch.float64)
    extras = 2 * X[:, :1] - X[:, 1:2], torch.ones(20, 1, dtype=torch.float64)
    for _, _, found in solved(*((torch.cat((X, extra), dim=1), y) for extra in extras)):
        check.close(found, best(X, y), rtol=1e-5, atol=1e-5)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**The oracle speaks.** Three epochs with your `fit` against the exact solution of your `least_squares`, on our 1,000
examples:
"""


# %% tags=["experiment"]
def numpy_solution(X, y):
    solution = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y.numpy(), rcond=None)[0]
    return torch.tensor(solution[:-1]), torch.tensor(solution[-1])


def short_fit(net, train_iter, loss, optimizer, num_epochs):
    for _ in range(num_epochs):
        for X, y in train_iter:
            step_with_closure(net, loss, optimizer, X, y)


solve, train = cu.yours(least_squares, instead=numpy_solution), cu.yours(fit, instead=short_fit)
exact = torch.cat([part.flatten() for part in solve(features, labels)]).numpy()  # w1, w2, b
trained = nn.Linear(2, 1)
nn.init.zeros_(trained.weight)
nn.init.zeros_(trained.bias)
shuffled = DataLoader(dataset, batch_size=10, shuffle=True, generator=torch.Generator().manual_seed(0))
train(trained, shuffled, nn.MSELoss(), torch.optim.SGD(trained.parameters(), lr=0.03), 3)
learned = torch.cat((trained.weight.detach().flatten(), trained.bias.detach())).numpy()
for name, truth, best, found in zip(("w1", "w2", "b "), (2.0, -3.4, 4.2), exact, learned):
    print(f"{name}: true {truth:7.4f}   exact {best:7.4f}   trained {found:7.4f}")
assert np.abs(exact - [2.0, -3.4, 4.2]).max() < 0.002 and np.abs(learned - exact).max() < 0.004

# %% [markdown]
r"""
All three agree to two decimal places. The small difference between "true" and "exact" comes from the noise in the labels; from
these 1,000 examples no method can remove it. "Trained" differs from "exact" because SGD stops near the lowest point.
What do the mistakes of the trained model look like? What is left after the fit, label minus
prediction, is called a **residual** (残差): the error with the other sign. Here are all 1,000:
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
with torch.no_grad():
    predictions = trained(features)  # (1000, 1)
residuals = labels - predictions  # (1000, 1)


def draw_residuals(ax):
    """The residuals over the predictions, and how often each size occurs."""
    ax.set_axis_off()
    ax.text(0.0, 1.03, "label minus prediction", fontsize=11)
    left = ax.inset_axes([0.0, 0.0, 0.56, 1.0])
    left.scatter(predictions, residuals, s=8, alpha=0.5, linewidths=0, color=cu.plots.COLOURS[0])
    left.axhline(0, color="#333333")
    left.set(xlabel="prediction", ylabel="residual", ylim=(-0.04, 0.04))
    ax.text(0.68, 1.03, "how often; line: the noise", fontsize=11)
    right = ax.inset_axes([0.68, 0.0, 0.32, 1.0])
    right.hist(
        residuals.flatten().numpy(), bins=25, range=(-0.04, 0.04), density=True, color=cu.plots.COLOURS[0]
    )
    xs = np.linspace(-0.04, 0.04, 100)
    noise_density = np.exp(-((xs / 0.01) ** 2) / 2) / (0.01 * np.sqrt(2 * np.pi))
    right.plot(xs, noise_density, color=cu.plots.COLOURS[1])
    right.set(xlabel="residual", yticks=[])


cu.plots.figure(
    draw_residuals,
    alt="A level band of points around 0, equally wide everywhere, and a histogram under the bell of the noise",
)
assert 0.0095 < residuals.std() < 0.0105 and residuals.mean().abs() < 0.002
print(f"standard deviation of the residuals: {residuals.std():.2f}, as that of the noise")

# %% [markdown]
r"""
The band has no slope, no bend, and the same width everywhere: what is left looks like the noise that we put in, so
there is nothing more to learn from these features. (It may lie a little off 0: SGD stops near the best b, not on
it.) A slope would say that training stopped too early; a bend, that a plane is the wrong model.

The formula also answers the first question of this chapter:
"""

# %%
w_courier, b_courier = np.polyfit(km.numpy(), minutes.numpy(), 1)  # least squares for one feature
print(f"minutes = {w_courier:.1f} * kilometres + {b_courier:.1f}")
print(f"6 km: about {6 * w_courier + b_courier:.0f} minutes")

# %% [markdown]
r"""
## 10 Data that training never saw

So far every loss was measured on the examples that trained the model. With 1,000 examples and three parameters this is
harmless. Now take 30 examples with 25 features, of which only the first two matter, and noise of standard deviation 1.
The model has 26 parameters and may use each of them to explain the noise of its 30 examples. To see whether it does, we
keep 1,000 more examples back: a **validation set**, which no update ever reads. Before you look: which of the two losses
can fall below 1, the variance of the noise?
"""


# %% tags=["experiment"]
def two_losses(seed):
    """Train on 30 examples for 200 epochs; the losses on them and on 1,000 others after each epoch."""
    g = torch.Generator().manual_seed(seed)
    X, held_X = torch.randn(30, 25, generator=g), torch.randn(1000, 25, generator=g)
    y, held_y = (2 * A[:, :1] - 3.4 * A[:, 1:2] + torch.randn(len(A), 1, generator=g) for A in (X, held_X))
    net = nn.Linear(25, 1)
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    seen, unseen = [], []
    for _ in range(200):
        train(net, [(X, y)], nn.MSELoss(), optimizer, 1)
        with torch.no_grad():
            seen.append(nn.MSELoss()(net(X), y).item())
            unseen.append(nn.MSELoss()(net(held_X), held_y).item())
    return seen, unseen


runs = [two_losses(seed) for seed in range(5)]
cu.plots.curves(
    {
        "training set": [seen for seen, _ in runs],
        "validation set": [unseen for _, unseen in runs],
        "noise variance": [1.0] * 200,
    },
    y="mean squared error",
    log_y=True,
    title="Five draws: better and better on what was seen",
    alt="Five training losses fall far below the line of the noise; five validation losses stay well above it",
)
lowest = [int(np.argmin(unseen)) + 1 for _, unseen in runs]
assert all(seen[-1] < 0.4 and min(unseen) > 2 for seen, unseen in runs)
assert lowest[0] < 60 and runs[0][1][-1] > 1.5 * min(runs[0][1])
print("epochs with the lowest validation loss differ widely: from below 60 to above 150:", max(lowest) > 150)

# %% [markdown]
r"""
On new data, no model can be expected to have a mean squared error below 1: nobody can predict the noise. The training
losses fall far below 1, because each model fits the noise of its own 30 examples. This is called **overfitting** (过拟合).
The training loss hides it, and the validation loss shows it. In some draws the validation loss falls and then rises again,
so it can also tell when to stop. But a validation loss that was used to choose a model is a little too low for that model.
A fair judgement needs a third set, the **test set**. Chapters 4, 5 and 13 come back to this.
"""

# %% [markdown]
r"""
### Exercise 3.10: claim cards &nbsp; (3 points, about 10 minutes, ★★☆)

Five sentences that people say about training. Decide with the experiments of
this chapter: answer "true", "false", or the letter of the condition under which it is true.

1. **"step"**: "`optimizer.step()` updates the gradients."
   (a) only after `backward()`, (b) only if the learning rate is not 0, (c) only for optimizers other than SGD.
2. **"indentation"**: "With `zero_grad`, `backward` and `step` after both loops, there is one update per epoch."
   (a) only with large batches, (b) only if `num_epochs` is 1, (c) only without shuffling.
3. **"floors"**: "One training ends at the loss 0.000051, another on the same data at 0.000103. The first fits
   better." (a) only if both losses have the same formula, (b) only if both have the same learning rate,
   (c) only if both have the same number of epochs.
4. **"shapes"**: "For outputs (n, 1) and labels (n,), `(y_hat - y) ** 2` holds one squared error per example."
   (a) only for float labels, (b) only if there is one feature, (c) only if n is 1.
5. **"evaluation"**: "After an epoch, one line computes `value = loss(net(features), labels)`. This line changes what
   is in `.grad`." (a) only if it is run outside `no_grad`, (b) only after `zero_grad()`,
   (c) only if it is the first such line after `step()`.
"""

# %%
# Room for experiments: does looking at a loss change the gradients?
probe = nn.Linear(2, 1)
probe_loss = nn.MSELoss()(probe(features), labels)
print("a graph was recorded:", probe_loss.requires_grad, "  .grad:", probe.weight.grad)

# %% exercise="claims_regression"
answers = {
    "step": "?",
    "indentation": "?",
    "floors": "?",
    "shapes": "?",
    "evaluation": "?",
}
### BEGIN SOLUTION
answers = {
    "step": "false",
    "indentation": "b",
    "floors": "a",
    "shapes": "c",
    "evaluation": "false",
}
### END SOLUTION

# %% test="claims_regression"
check.exercise("claims_regression", points=3)
CLAIMS = ("step", "indentation", "floors", "shapes", "evaluation")
with check.case("every claim is answered with true, false, a, b or c"):
    check.claims(answers, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("claims about losses", points=1, hidden=True):
    hint = "look at the table of shapes in section 4 and at the two rulers in section 7"
    check.right(answers, {"floors": "a", "shapes": "c"}, hint)
with check.case("claims about updates and gradients", points=2, hidden=True):
    hint = "section 6 prints what step() changes, and counts updates; print .grad before and after"
    check.right(answers, {"step": "false", "indentation": "b", "evaluation": "false"}, hint)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 3.11: in your own words &nbsp; (2 points, about 5 minutes, marked by your instructor)

A classmate trains with batches of 10 and then with batches of 100: the same data, the same learning rate, 3
epochs each. The second loss is much higher. "Large batches learn worse", the classmate concludes. In three or
four sentences: what else differed between the two trainings, why can the experiment not support the
conclusion, and how would you make a fairer comparison?
"""

# %% [markdown] written="batch_size" points=2
r"""
**Model answer.** With batches of 100 an epoch has a tenth of the updates: 1,000 examples and 3 epochs give 30
updates in place of 300, each with the same learning rate. The second training was simply stopped earlier on its
way, so the difference may come from the number of updates alone. A fairer comparison gives both the same number
of updates (30 epochs for batches of 100), or lets each batch size have its own best learning rate, since the
steadier gradient of a large batch allows a larger learning rate. It should be repeated with several seeds.

**Mark scheme.** 1 point: says that larger batches mean fewer updates in the same number of epochs (with or
without the numbers 300 and 30). ½ point: says that two things changed at once, so the conclusion does not
follow. ½ point: a fairer comparison: equal updates, or a learning rate chosen for each batch size.
"""

# %% [markdown]
r"""
## Recap

- Four ingredients: data set, loader, loss, optimizer. Five lines: batch, loss, clear, backward, step.
- `backward()` adds to `.grad`; `step()` reads `.grad` and writes the parameters. Clear anywhere but between them.
- An epoch is one pass over the data; it has as many updates as batches, and the last batch may be smaller.
- (n, 1) minus (n,) is (n, n). If a loss stays at the variance of y, look for this mistake.
- The mean squared error is the negative log-likelihood of normal noise, up to a factor and a constant.
- `nn.MSELoss` has no half. The floor of a loss is set by the noise and by the formula.
- A mean over batches is not a mean over examples unless all batches are equal.
- A training mean squared error well below the variance of the noise means overfitting. Examples kept back show it.
- The normal equations give the exact fit, and so a check on the training.

**What people get wrong.** They let `backward` and `step` slip out of the inner loop; they think that `step()`
changes gradients; they compare losses of different formulas; they compare batch sizes at different numbers of
updates; they silence the warning about shapes.

**Read on.** [PyTorch: optimizing model parameters](https://pytorch.org/tutorials/beginner/basics/optimization_tutorial.html) ·
[PyTorch: torch.utils.data](https://pytorch.org/docs/stable/data.html) ·
[Dive into Deep Learning, chapter 3](https://d2l.ai/chapter_linear-regression/index.html).

**Next:** [`04_softmax_regression`](../04_softmax_regression/softmax_regression.ipynb),
where the network has to choose among ten classes.
"""
