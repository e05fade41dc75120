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

**Time:** about 2½ hours. **You need:** chapters 1 and 2. **Points:** 32.

A line through a cloud of points is the smallest network there is. It has everything that the large ones
have: data, a loss, gradients, a training loop. So we build every part of it by hand, and then meet the same
parts in PyTorch. After this chapter you can

- **make** data with a known truth, and **cut** them into minibatches;
- **write** the forward pass, the loss and the update step by hand;
- **run** the training loop in the right order, and **recognise** the wrong orders by their loss curves;
- **measure** a training loss that can be compared with somebody else's;
- **check** a trained model against the exact solution.

| English | 中文 | what it is |
|---|---|---|
| feature | 特征 | a number that we know about an example |
| label | 标签 | the number that we want to predict |
| weight, bias | 权重，偏置 | the parameters of the line |
| loss | 损失 | how wrong the predictions are, as one number |
| minibatch, batch | 小批量 | the few examples that one update looks at |
| iteration, step | 迭代 | one update of the parameters |
| epoch | 轮 | one pass over all training examples |
| learning rate | 学习率 | how far one step goes against the gradient |
| optimizer | 优化器 | the object that updates the parameters from their gradients |
| SGD (stochastic gradient descent) | 随机梯度下降 | updates with the gradient of a minibatch |
| normal equations | 正规方程 | the closed-form solution of least squares |

**How the exercises work.** Replace `# YOUR CODE HERE`, run the cell, then run the check below it. Hidden
checks ask for the same on other data when your work is graded.
"""

# %%
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
minutes should the customer be told?
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
No trip tells the answer by itself, but a straight line through the cloud does: minutes = w · kilometres + b.
Two numbers describe the line. Which two are best?

**Try it.** The thin lines are the errors, one for each trip. The **loss** is the mean of their squares,
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
What did your hand do? You looked at the loss, moved one slider a little, and kept the move if the loss fell.
A computer can do better than trying: the gradient of the loss says which way each slider should go. This
chapter turns that sentence into code, piece by piece: **data, model, loss, update**.

With several features the line becomes a plane, and nothing else changes. For n examples with d features,

$$\hat{\mathbf y} = \mathbf X \mathbf w + b, \qquad
\underset{(n, 1)}{\hat{\mathbf y}} = \underset{(n, d)}{\mathbf X}\;\underset{(d, 1)}{\mathbf w} + \underset{(1,)}{b} .$$
"""

# %% [markdown]
r"""
## 2 Data whose truth we know

Of the courier we will never know the "true" w and b. To test a learning method we want data where we do:
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


def made(w, *args, **kwargs):
    """The student's X and y. Names the mistake where tensors of two dtypes met in a product."""
    try:
        X, y = check.unchanged(synthetic_data, w, *args, **kwargs)
    except RuntimeError as error:
        check.that("same dtype" not in str(error), f"X is not {w.dtype} as w is: draw it with dtype=w.dtype")
        raise
    check.that(
        getattr(X, "dtype", w.dtype) == w.dtype,
        f"the dtype of X should be that of w, {w.dtype}: draw X with dtype=w.dtype",
    )
    return X, y


with check.case("gives X (n, d) and a column y (n, 1) in w's dtype, also for 1 and 0 examples", points=0.5):
    for n, dtype in ((5, torch.float32), (1, torch.float32), (0, torch.float32), (4, torch.float64)):
        X, y = made(torch.tensor([2.0, -3.4, 0.5], dtype=dtype), 4.2, n)
        check.like(X, torch.zeros(n, 3, dtype=dtype))
        shape = tuple(getattr(y, "shape", ()))
        check.that(shape != (n,), "y has the shape (n,); it should be a column, (n, 1)")
        check.that(n < 2 or shape != (n, n), "y has the shape (n, n): (n,) plus (n, 1) was broadcast")
        check.like(y, torch.zeros(n, 1, dtype=dtype))
with check.case("computes y = Xw + b, up to the noise", points=0.5):
    w = torch.tensor([2.0, -3.4], dtype=torch.float64)
    for b in (4.2, torch.tensor(-1.5, dtype=torch.float64)):
        X, y = made(w, b, 200, noise_std=0.001)
        product = (2.0 * X[:, 0] - 3.4 * X[:, 1])[:, None]
        check.close(
            y,
            product + b,
            "y should be Xw + b up to noise with standard deviation 0.001",
            known={"b is missing in y": product, "b is subtracted; it should be added": product - b},
            rtol=0,
            atol=0.0065,
        )
with check.case("draws X from N(0, 1), and noise with standard deviation noise_std", points=1):
    w = torch.tensor([1.0, -2.0], dtype=torch.float64)
    X, y = made(w, 0.5, 20_000, noise_std=0.5)
    noise = y[:, 0] - (X[:, 0] - 2 * X[:, 1] + 0.5)
    uniform = "X is spread evenly over [0, 1) (torch.rand); it should come from N(0, 1)"
    check.between(X.mean(), -0.026, 0.026, "the mean of X should be near 0", known={uniform: 0.5})
    check.between(X.std(), 0.982, 1.018, "the standard deviation of X should be near 1")
    inside = (X.abs() < 1).double().mean()
    check.between(inside, 0.670, 0.695, "about 68 % of N(0, 1) lie between -1 and 1")
    check.between((X[:, 0] * X[:, 1]).mean(), -0.036, 0.036, "the columns of X are not independent")
    check.between(
        noise.std(),
        0.487,
        0.513,
        "the standard deviation of the noise should be near noise_std = 0.5",
        known={
            "every example has the same noise, or none": 0.0,
            "the noise is scaled with noise_std**2; noise_std is already the standard deviation": 0.25,
            "the noise is scaled with the square root of noise_std; it is the standard deviation": 0.7071,
            "the noise is not scaled with noise_std": 1.0,
            "the noise is spread evenly (torch.rand); it should come from a normal distribution": 0.1443,
        },
    )
    check.between(noise.mean(), -0.018, 0.018, "the mean of the noise should be near 0")
    check.between((noise.abs() < 0.5).double().mean(), 0.665, 0.700, "the noise is not normally distributed")
    check.between((noise * X[:, 0]).mean(), -0.018, 0.018, "the noise depends on X")
with check.case("takes every random number from the generator", points=0.25):
    w = torch.tensor([1.0, 2.0])
    cu.training.seed_everything(1)
    X1, y1 = synthetic_data(w, 0.5, 50, noise_std=1.0, generator=check.generator(7))
    cu.training.seed_everything(2)
    state = torch.get_rng_state()
    X2, y2 = synthetic_data(w, 0.5, 50, noise_std=1.0, generator=check.generator(7))
    check.that(torch.equal(X1, X2), "X does not come from `generator`: equal generators gave different X")
    check.that(
        torch.allclose(y1, y2, atol=1e-5),
        "the noise does not come from `generator`: equal generators gave different y",
    )
    check.that(torch.equal(state, torch.get_rng_state()), "torch's global random state was changed")
    X3, y3 = synthetic_data(w, 0.5, 50, noise_std=1.0, generator=check.generator(8))
    check.that(not torch.allclose(X1, X3), "another generator gave the same X")
with check.case("takes new random numbers for each call without a generator", points=0.25):
    w = torch.tensor([1.0, 2.0])
    cu.training.seed_everything(1)
    (X1, y1), (X2, y2) = (synthetic_data(w, 0.5, 50, noise_std=1.0) for _ in range(2))
    cu.training.seed_everything(2)
    X3, y3 = synthetic_data(w, 0.5, 50, noise_std=1.0)
    check.that(
        not torch.allclose(X1, X2) and not torch.allclose(X1, X3),
        "without a generator, every call gave the same X: take torch's global random numbers, with no fixed seed",
    )
    noise = [y - (X[:, :1] + 2 * X[:, 1:] + 0.5) for X, y in ((X1, y1), (X2, y2), (X3, y3))]
    check.that(
        not torch.allclose(noise[0], noise[1], atol=1e-4)
        and not torch.allclose(noise[0], noise[2], atol=1e-4),
        "without a generator, every call gave the same noise",
    )
### BEGIN HIDDEN TESTS
with check.case("the same for other models", points=0.5, hidden=True):
    for w in (torch.tensor([3.0]), torch.tensor([1.0, 0.0, -1.0, 0.5, 10.0])):
        X, y = made(w.double(), torch.tensor(7.0), 2_000)
        check.like(X, torch.zeros(2_000, len(w), dtype=torch.float64))
        check.like(y, torch.zeros(2_000, 1, dtype=torch.float64))
        noise = y[:, 0] - sum(float(w[i]) * X[:, i] for i in range(len(w))) - 7
        check.between(noise.std(), 0.0092, 0.0108, "noise_std should be 0.01 by default")
        check.between(noise.mean(), -0.0012, 0.0012, "the mean of the noise should be near 0")
        check.between(X.std(), 0.91, 1.09, "the standard deviation of X should be near 1")
    X, y = synthetic_data(torch.tensor([2.0]), 1, 1, generator=check.generator(3))
    check.close(y, 2 * X + 1, rtol=0, atol=0.07)
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

The gradient over all examples is exact, and slow when there are a million of them. Ten examples already point
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
- an **iteration** (or step) is one update of the parameters;
- an **epoch** is one pass over all examples. Here one epoch has 3 iterations.

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


def numbered(n, dtype=torch.float32):
    """Example i has the features i and i + 0.5 and the label 10 * i."""
    column = torch.arange(n, dtype=dtype)[:, None]
    return torch.cat((column, column + 0.5), dim=1), 10 * column


def batches_of(batches):
    """Copies of the batches, so that a loader may use its memory again."""
    check.that(batches is not None, "data_iter returned None: use yield for each batch")
    single = isinstance(batches, tuple) and len(batches) and isinstance(batches[0], torch.Tensor)
    check.that(not single, "a single batch was returned; use yield in place of return")
    return [(X.clone(), y.clone()) for X, y in batches]


def order_of(batches):
    """The numbers of the examples in the order in which they come."""
    return torch.cat([X[:, 0] for X, y in batches_of(batches)])


def every_example_once(batches, rows, targets):
    """The batches hold each pair of features and labels exactly once, in any order."""
    found = torch.cat([torch.cat((X, y), dim=1) for X, y in batches])
    check.like(found, torch.cat((rows, targets), dim=1))
    check.that(
        torch.equal(found[:, 2], 10 * found[:, 0]),
        "features and labels do not belong together: use one order for both",
    )
    counts = [int((found[:, 0] == i).sum()) for i in range(len(rows))]
    check.that(min(counts) == 1 == max(counts), "some examples come twice or not at all in one pass")


with check.case("cuts the data into batches in the given order when shuffle is False", points=1):
    rows, targets = numbered(10)
    batches = batches_of(data_iter(4, rows, targets, shuffle=False))
    check.equal(
        [len(X) for X, y in batches],
        [4, 4, 2],
        "10 examples in batches of 4",
        known={
            "the last, smaller batch is missing": [4, 4],
            "only the first batch came: `return` ends the loop; use yield in its place": [4],
            "the last batch is filled up; it may be smaller": [4, 4, 4],
        },
    )
    check.close(torch.cat([X for X, y in batches]), rows, "the order of the features changed")
    check.close(torch.cat([y for X, y in batches]), targets, "the order of the labels changed")
    check.like(batches[2][0], torch.zeros(2, 2))
    check.like(batches[2][1], torch.zeros(2, 1))
    rows_of_labels = [y for X, y in batches_of(data_iter(4, rows, targets[:, 0], shuffle=False))]
    check.close(torch.cat(rows_of_labels), targets[:, 0], "labels (n,) should stay (n,)")
with check.case("shuffles: every example once, with its own label", points=0.5):
    rows, targets = numbered(100)
    batches = batches_of(data_iter(8, rows, targets))
    check.close(rows, numbered(100)[0], "the features that were passed in are changed")
    check.close(targets, numbered(100)[1], "the labels that were passed in are changed")
    check.that(len(batches) > 1, "there is only one batch")
    every_example_once(batches, rows, targets)
    check.equal([len(X) for X, y in batches], 12 * [8] + [4], "100 examples in batches of 8")
    check.that(not torch.equal(torch.cat([X for X, y in batches]), rows), "the order is not shuffled")
    check.that(
        any(
            not torch.equal(X.sort(dim=0).values, rows[8 * i : 8 * i + 8]) for i, (X, y) in enumerate(batches)
        ),
        "the examples are shuffled only inside their batch",
    )
with check.case("shuffles every single example: few neighbours stay neighbours", points=0.5):
    # Of the 99 pairs of neighbours a random order keeps 2 on average, and more than 12 once in 10^7 orders.
    rows, targets = numbered(100)
    for batch_size in (8, 10):
        steps = order_of(data_iter(batch_size, rows, targets)).diff()
        check.that(not (steps == 1).all(), "the order is not shuffled")
        check.that(
            (steps == 1).sum() < 98,
            "the order only starts at another example and goes round; every example should get a random place",
        )
        check.that(
            (steps.abs() == 1).sum() <= 12,
            "neighbours stay together: shuffle the single examples, not whole batches or pieces",
        )
with check.case("takes the shuffle from the generator", points=0.25):
    rows, targets = numbered(60)
    cu.training.seed_everything(1)
    first = order_of(data_iter(7, rows, targets, generator=check.generator(5)))
    cu.training.seed_everything(2)
    state = torch.get_rng_state()
    second = order_of(data_iter(7, rows, targets, generator=check.generator(5)))
    check.that(
        torch.equal(first, second),
        "the shuffle does not come from `generator`: equal generators gave different orders",
    )
    check.that(torch.equal(state, torch.get_rng_state()), "torch's global random state was changed")
    other = order_of(data_iter(7, rows, targets, generator=check.generator(6)))
    check.that(not torch.equal(first, other), "another generator gave the same order")
with check.case("shuffles anew in every pass without a generator", points=0.25):
    rows, targets = numbered(60)
    cu.training.seed_everything(1)
    orders = [order_of(data_iter(7, rows, targets)) for _ in range(2)]
    cu.training.seed_everything(2)
    orders.append(order_of(data_iter(7, rows, targets)))
    check.that(
        not torch.equal(orders[0], orders[1]) and not torch.equal(orders[0], orders[2]),
        "without a generator, every pass had the same order: take torch's global random numbers, with no fixed seed",
    )
with check.case("works for batches of one, for one large batch, and for no examples", points=0.5):
    rows, targets = numbered(6)
    for batch_size, sizes in ((1, [1] * 6), (6, [6]), (3, [3, 3]), (100, [6])):
        for shuffle in (True, False):
            batches = batches_of(data_iter(batch_size, rows, targets, shuffle))
            check.that(all(len(y) for X, y in batches), "there is an empty batch")
            check.equal([len(y) for X, y in batches], sizes, f"6 examples, batch_size {batch_size}")
            every_example_once(batches, rows, targets)
    for shuffle in (True, False):
        empty = batches_of(data_iter(3, torch.zeros(0, 2), torch.zeros(0, 1), shuffle))
        check.equal(len(empty), 0, "no examples should give no batches")
### BEGIN HIDDEN TESTS
with check.case("the same on other data", points=1, hidden=True):
    for n, batch_size in ((1, 1), (33, 32), (50, 10), (51, 10)):
        rows, targets = numbered(n, torch.float64)
        for shuffle in (True, False):
            batches = batches_of(data_iter(batch_size, rows, targets, shuffle))
            sizes = [batch_size] * (n // batch_size) + ([n % batch_size] if n % batch_size else [])
            check.equal([len(X) for X, y in batches], sizes, f"{n} examples, batch_size {batch_size}")
            every_example_once(batches, rows, targets)
            if not shuffle:
                check.close(torch.cat([X for X, y in batches]), rows)
        check.close(rows, numbered(n, torch.float64)[0], "the features that were passed in are changed")
        check.close(targets, numbered(n, torch.float64)[1], "the labels that were passed in are changed")
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
    X = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    w = torch.tensor([[10.0], [1.0]])
    for b in (torch.tensor([0.5]), torch.tensor(0.5)):
        y_hat = check.unchanged(linreg, X, w, b)
        check.like(y_hat, torch.zeros(3, 1))
        check.close(
            y_hat,
            torch.tensor([[12.5], [34.5], [56.5]]),
            known={
                "b is missing": torch.tensor([[12.0], [34.0], [56.0]]),
                "b is subtracted; it should be added": torch.tensor([[11.5], [33.5], [55.5]]),
                "the second feature has no effect": torch.tensor([[10.5], [30.5], [50.5]]),
            },
        )
with check.case("lets gradients flow back to X, w and b", points=0.5):
    X, w, b = check.normal((4, 3)), check.normal((3, 1)), check.normal((1,))
    check.gradient(linreg, lambda X, w, b: (X * w[:, 0]).sum(dim=1, keepdim=True) + b, X, w, b)
### BEGIN HIDDEN TESTS
with check.case("the same in other sizes", points=0.5, hidden=True):
    for n, d in ((1, 1), (1, 4), (6, 1), (3, 3), (20, 7)):
        for shape in ((1,), ()):
            X, w = check.normal((n, d), dtype=torch.float64), check.normal((d, 1), dtype=torch.float64)
            b = check.normal(shape, dtype=torch.float64)
            y_hat = check.unchanged(linreg, X, w, b)
            check.like(y_hat, torch.zeros(n, 1, dtype=torch.float64))
            rows = [[sum(x * v for x, v in zip(row, w[:, 0].tolist())) + b.item()] for row in X.tolist()]
            check.close(y_hat, torch.tensor(rows, dtype=torch.float64))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
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
Every prediction is compared with **every** label of the batch. No prediction can please all labels; the best
it can do is to be their mean, and the mean squared distance from the mean is the **variance** of y. A loss
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

`y.reshape(y_hat.shape)`. (`squeeze()` on both is no cure: the result would have the wrong shape, and with
one example nothing is left but a 0-d tensor.)

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
    check.that(
        not isinstance(losses, torch.Tensor) or losses.dim() > 0,
        "the losses are summed or averaged; give one loss per example",
    )
    check.like(losses, y_hat)
    check.close(
        losses,
        torch.tensor([[2.0], [0.0], [8.0]]),
        known={
            "the half is missing": torch.tensor([[4.0], [0.0], [16.0]]),
            "this is half the error; it should be squared": torch.tensor([[-1.0], [0.0], [2.0]]),
            "the error is halved before it is squared": torch.tensor([[1.0], [0.0], [4.0]]),
        },
    )
with check.case("gives the same (n, 1) for labels of shape (n,)", points=1):
    for n in (3, 1):
        y_hat, y = check.normal((n, 1)), check.normal((n,))
        losses = check.unchanged(squared_loss, y_hat, y)
        check.that(
            n == 1 or getattr(losses, "shape", None) != (n, n),
            "every prediction is compared with every label: (n, 1) minus (n,) is (n, n)",
        )
        check.like(losses, y_hat)
        check.close(losses[:, 0], 0.5 * (y_hat[:, 0] - y) ** 2)
with check.case("has the gradient y_hat - y", points=0.5):
    y_hat, y = check.normal((5, 1)), check.normal((5, 1))
    check.gradient(
        lambda p: squared_loss(p, y),
        lambda p: 0.5 * (p - y).square(),
        y_hat,
        known={"the half is missing": lambda p: (p - y).square()},
    )
### BEGIN HIDDEN TESTS
with check.case("the same on other sizes", points=0.5, hidden=True):
    for n in (1, 2, 64):
        y_hat, row = check.normal((n, 1), dtype=torch.float64), check.normal((n,), dtype=torch.float64)
        expected = torch.tensor(
            [[(p - q) ** 2 / 2] for p, q in zip(y_hat[:, 0].tolist(), row.tolist())], dtype=torch.float64
        )
        for y in (row, row[:, None]):
            losses = check.unchanged(squared_loss, y_hat, y)
            check.like(losses, y_hat)
            check.close(losses, expected)
            check.gradient(
                lambda p, y=y: squared_loss(p, y), lambda p, row=row: (p - row[:, None]) ** 2 / 2, y_hat
            )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 5 Down the hill

Back to the courier. Every pair (w, b) has a loss, so the loss is a landscape over a map, and training is a
walk downhill. Each step goes against the gradient, and the **learning rate** says how far:

$$\underset{(d, 1)}{\mathbf w} \leftarrow \underset{(d, 1)}{\mathbf w} - \eta\,
\underset{(d, 1)}{\frac{\partial L}{\partial \mathbf w}}, \qquad
\underset{(1,)}{b} \leftarrow \underset{(1,)}{b} - \eta\, \underset{(1,)}{\frac{\partial L}{\partial b}} .$$

L and the learning rate η are single numbers, so a gradient has the shape of its parameter.

With the gradient of **all** trips the walk is gradient descent; with the gradient of **a few** it is
minibatch **stochastic gradient descent** (SGD). We measure kilometres from their mean and in units of their
standard deviation: then the valley is nearly round, and the gradient points almost at its lowest point.
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
    ax.set(xlabel="w", ylabel="b", title="40 steps downhill, starting at the lower left", aspect="equal")
    ax.legend(loc="lower right")


cu.plots.figure(
    draw_walks,
    alt="Nested contour lines; a smooth path runs straight to the middle, a restless one wanders around it",
    height=4,
)

# %% [markdown]
r"""
The calm walk pays for every step with 40 trips, the restless one with 2. Both arrive; the restless one keeps
wandering around the lowest point, because each small batch points a little wrong.

The loss of exercise 3.4 is one number per example. If we call `backward()` on its **sum**, the gradients are
sums over the batch, and the update has to divide by the batch size.
"""

# %% [markdown]
r"""
### Exercise 3.5: `sgd` &nbsp; (4 points, about 15 minutes, ★★☆)

Write the update step. It works in place, because the training loop (and every optimizer) keeps hold of these
very tensors. Afterwards the gradients are 0, since `backward()` *adds* to what is in `.grad`.

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
    """One step of minibatch stochastic gradient descent, in place.

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


def parameter(shape, dtype=torch.float32, with_gradient=True):
    """A tensor that requires gradients, by default with a gradient."""
    param = check.normal(shape, dtype=dtype).requires_grad_()
    if with_gradient:
        param.grad = check.normal(shape, dtype=dtype)
    return param


def student_step(params, lr, batch_size):
    """One step of the student's. params[0] has a gradient."""
    old = params[0].detach().clone()
    try:
        sgd(params, lr, batch_size)
    except AttributeError as error:
        check.that(
            "'NoneType'" not in str(error) or not torch.equal(params[0].detach(), old),
            "`param = param - ...` makes a new tensor: its .grad is None, and the parameter has not changed; "
            "change the parameter in place",
        )
        raise


def is_updated(param, window, old, gradient, lr, batch_size):
    """The parameter took the right step, and is seen through a window on its old memory."""
    check.close(
        param,
        old - lr * gradient / batch_size,
        "a parameter did not become param - lr * grad / batch_size",
        known={
            "the parameters did not change: `param = param - ...` makes a new tensor, "
            "and a gradient that is cleared before the step is 0": old,
            "the gradient is not divided by batch_size": old - lr * gradient,
            "the step goes uphill: subtract the gradient": old + lr * gradient / batch_size,
            "the gradient is multiplied by batch_size": old - lr * gradient * batch_size,
            "the learning rate is missing": old - gradient / batch_size,
        },
    )
    check.close(window, param, "a parameter moved to new memory; change it in place")


with check.case("takes the step param - lr * grad / batch_size, in place", points=1.5):
    params = [parameter((3, 1)), parameter((1,))]
    before = [(p.detach(), p.detach().clone(), p.grad.clone()) for p in params]
    student_step(params, 0.1, 4)
    for param, (window, old, gradient) in zip(params, before):
        is_updated(param, window, old, gradient, 0.1, 4)
with check.case("sets the gradients to 0, not to None", points=0.5):
    params = [parameter((3, 1)), parameter((1,))]
    student_step(params, 0.1, 4)
    for param in params:
        check.that(param.grad is not None, "a gradient is None; it should be 0")
        check.that(not param.grad.any(), "a gradient is not 0 after the step")
with check.case("records no graph", points=0.5):
    params = [parameter((3, 1)), parameter((1,))]
    student_step(params, 0.1, 4)
    for param in params:
        check.that(param.requires_grad, "a parameter has lost requires_grad")
        check.that(
            param.is_leaf, "the update was recorded in a graph: change parameters under torch.no_grad()"
        )
    check.that(torch.is_grad_enabled(), "gradients are still switched off after the step")
with check.case("skips parameters without a gradient, and goes on to the others", points=0.5):
    params = [parameter((2, 2)), parameter((2,), with_gradient=False)]
    params += [parameter((3, 1)), parameter((), with_gradient=False)]
    before = [(p.detach(), p.detach().clone(), None if p.grad is None else p.grad.clone()) for p in params]
    student_step(params, 0.5, 2)
    is_updated(params[0], *before[0], 0.5, 2)
    for i in (1, 3):
        check.close(params[i], before[i][1], "a parameter without a gradient was changed")
        check.that(params[i].grad is None, "a .grad that was None was filled; skip this parameter")
    stops = "it stops at the first parameter without a gradient; the others come after it"
    check.that(not torch.equal(params[2].detach(), before[2][1]), stops)
    is_updated(params[2], *before[2], 0.5, 2)
### BEGIN HIDDEN TESTS
with check.case("the same on other parameters, three steps in a row", points=1, hidden=True):
    for shape, lr, batch_size in (((), 0.3, 1), ((2, 3), 0.01, 10), ((5,), 1.0, 7)):
        params = [parameter(shape, torch.float64), parameter((4, 1), torch.float64)]
        targets = [check.normal(p.shape, dtype=torch.float64) for p in params]
        windows, values = [p.detach() for p in params], [p.detach().clone() for p in params]
        for p in params:
            p.grad.zero_()
        for _ in range(3):
            sum(((p - t) ** 2).sum() for p, t in zip(params, targets)).backward()
            student_step(params, lr, batch_size)
            values = [v - lr * 2 * (v - t) / batch_size for v, t in zip(values, targets)]
        for param, window, value in zip(params, windows, values):
            check.close(param, value, "wrong after three steps")
            check.close(window, value, "a parameter moved to new memory; change it in place")
            check.that(
                param.is_leaf and param.requires_grad,
                "the update was recorded in a graph, or a parameter has lost requires_grad",
            )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 6 The same with PyTorch

Nobody writes `sgd` by hand twice. PyTorch has all four parts ready. Training always needs these **four
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

One update, the **five steps**:

1. **get** a batch X, y from the loader,
2. **compute the loss** of the predictions,
3. **clear** the old gradients: `optimizer.zero_grad()`,
4. **backward**: `loss.backward()` adds the new gradients to `.grad`,
5. **step**: `optimizer.step()` changes the parameters.

What exactly does the last line change? Study notes like to say that it "updates the gradients".
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
study notes, where it continues on the next page. It runs without an error:
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
Do you see it? Read the indentation. Three lines belong into the inner loop, but come after both loops. Python
computes 300 losses, throws 299 away, and learns from the last one. There is no error to find in the output;
only a loss that hardly falls.
"""

# %% [markdown]
r"""
### Exercise 3.6: spot the bug, `train_step` &nbsp; (4 points, about 10 minutes, ★★☆)

The lines that belong together should stand together: write **one update** as a function, which a loop can then
call for every batch. Watch the order of the lines, too: the function must work whatever an earlier caller
left in `.grad`. It must also work with any loss and any optimizer. Some optimizers remember earlier gradients
(**momentum**, chapter 10); that is no concern of your function, as `optimizer.step()` takes care of it.

<details><summary>Hint 1</summary>

Steps 2 to 5 of the list above, in this order.

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


def filled(model):
    """The model, with parameters from the private generator."""
    with torch.no_grad():
        for param in model.parameters():
            param.copy_(check.normal(param.shape))
    return model


def linear_net(d, dtype=torch.float32):
    """A linear layer in a Sequential, with weights from the private generator."""
    return filled(nn.Sequential(nn.Linear(d, 1, dtype=dtype)))


def flat(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def loss_and_gradient(model, X, y):
    """Mean squared error and its gradient with respect to weight and bias, by the formula."""
    with torch.no_grad():
        error = X @ model[0].weight.T + model[0].bias - y
        return error.square().mean(), torch.cat((2 * (error * X).mean(dim=0), 2 * error.mean(dim=0)))


with check.case("moves the parameters by one step against the gradient", points=1):
    model, X, y = linear_net(3), check.normal((8, 3)), check.normal((8, 1))
    student_optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    old, (_, gradient) = flat(model.parameters()), loss_and_gradient(model, X, y)
    check.unchanged(lambda X, y: train_step(model, nn.MSELoss(), student_optimizer, X, y), X, y)
    check.close(
        flat(model.parameters()),
        old - 0.1 * gradient,
        "the parameters should move by one step of the optimizer",
        known={
            "no parameter changed: step() needs gradients that backward() has computed and nobody has cleared": old,
            "the update was made twice in a row": old - 0.2 * gradient,
            "the loss is already a mean; do not divide by the batch size again": old - 0.1 * gradient / 8,
            "the gradient is that of a sum; `loss` already gives the mean": old - 0.8 * gradient,
        },
        rtol=1e-4,
        atol=1e-5,
    )
with check.case("returns the loss before the update, as a float", points=0.5):
    model, X, y = linear_net(2), check.normal((6, 2)), check.normal((6, 1))
    student_optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    before, _ = loss_and_gradient(model, X, y)
    found = train_step(model, nn.MSELoss(), student_optimizer, X, y)
    after, _ = loss_and_gradient(model, X, y)
    check.number(found)
    check.close(
        found,
        before.item(),
        "the loss before the update",
        known={
            "this is the loss after the update": after.item(),
            "this is the sum, not the mean": 6 * before.item(),
        },
        rtol=1e-4,
        atol=1e-6,
    )
with check.case("does not care what was in .grad before", points=1):
    model, X, y = linear_net(3), check.normal((5, 3)), check.normal((5, 1))
    student_optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for param in model.parameters():
        param.grad = check.normal(param.shape)
    stale = flat(param.grad for param in model.parameters())
    old, (_, gradient) = flat(model.parameters()), loss_and_gradient(model, X, y)
    train_step(model, nn.MSELoss(), student_optimizer, X, y)
    check.close(
        flat(model.parameters()),
        old - 0.1 * gradient,
        known={
            "the old gradients were not cleared: backward() adds to what is in .grad": old
            - 0.1 * (gradient + stale),
            "the step used the old gradients: backward() has to come before step()": old - 0.1 * stale,
            "no parameter changed: the gradients were cleared between backward() and step(), "
            "or step() came before backward()": old,
        },
        rtol=1e-4,
        atol=1e-5,
    )
with check.case("uses the loss and the optimizer that it is given", points=0.5):
    model = linear_net(3)
    start = flat(model.parameters())
    batches = [(check.normal((8, 3)), check.normal((8, 1))) for _ in range(3)]

    def uneven_loss(y_hat, y):
        """A prediction that is too large costs three times as much as one that is too small."""
        error = y_hat - y
        return torch.where(error > 0, 3 * error, -error).mean()

    def slope_of_uneven_loss(error):
        return torch.where(error > 0, 3.0, -1.0)

    def after(slope, momentum):
        """The parameters after the three batches, for a loss with this derivative."""
        value, velocity = start, torch.zeros(4)
        for X, y in batches:
            slopes = slope(X @ value[:3, None] + value[3] - y)
            velocity = momentum * velocity + torch.cat(((slopes * X).mean(dim=0), slopes.mean(dim=0)))
            value = value - 0.1 * velocity
        return value

    student_optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for X, y in batches:
        with torch.no_grad():
            expected = uneven_loss(model(X), y).item()
            squared = nn.functional.mse_loss(model(X), y).item()
            swapped = uneven_loss(y, model(X)).item()
        check.close(
            train_step(model, uneven_loss, student_optimizer, X, y),
            expected,
            "the loss before the update",
            known={
                "`loss` was not used: this is the mean squared error": squared,
                "the arguments of `loss` are swapped: the predictions come first": swapped,
            },
            rtol=1e-4,
            atol=1e-5,
        )
    check.close(
        flat(model.parameters()),
        after(slope_of_uneven_loss, 0.9),
        "the parameters after three steps of an optimizer with momentum",
        known={
            "`optimizer` was not used: this is plain gradient descent": after(slope_of_uneven_loss, 0.0),
            "`loss` was not used: these are steps for the mean squared error": after(lambda e: 2 * e, 0.9),
        },
        rtol=1e-4,
        atol=1e-5,
    )
### BEGIN HIDDEN TESTS
with check.case(
    "the same for several steps with momentum, and for a loss of your own", points=0.5, hidden=True
):
    model = linear_net(2, torch.float64)
    student_optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    value, velocity = flat(model.parameters()), torch.zeros(3, dtype=torch.float64)
    for n in (7, 1, 4):
        X, y = check.normal((n, 2), dtype=torch.float64), check.normal((n, 1), dtype=torch.float64)
        before, gradient = loss_and_gradient(model, X, 2 * y)
        velocity = 0.9 * velocity + gradient
        value = value - 0.05 * velocity
        found = train_step(model, lambda y_hat, y: (y_hat - 2 * y).square().mean(), student_optimizer, X, y)
        check.close(found, before.item(), "the loss before the update")
        check.close(flat(model.parameters()), value)
with check.case("the same with a hidden layer and with Adam", points=0.5, hidden=True):
    for make in (torch.optim.Adam, torch.optim.SGD):
        model = filled(nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)))
        twin = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
        twin.load_state_dict(model.state_dict())
        student_optimizer, reference = make(model.parameters(), lr=0.02), make(twin.parameters(), lr=0.02)
        for _ in range(3):
            X, y = check.normal((9, 3)), check.normal((9, 1))
            expected = nn.functional.l1_loss(twin(X), y)
            for param, gradient in zip(
                twin.parameters(), torch.autograd.grad(expected, list(twin.parameters()))
            ):
                param.grad = gradient
            reference.step()
            check.close(
                train_step(model, nn.L1Loss(), student_optimizer, X, y), expected.item(), rtol=1e-4, atol=1e-5
            )
            check.close(flat(model.parameters()), flat(twin.parameters()), rtol=1e-3, atol=1e-5)
### END HIDDEN TESTS
check.score()

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
    ("backward", "step"),
    ("backward", "zero_grad", "step"),
    ("zero_grad", "step", "backward"),
]
by_order = {", ".join(order): losses_of_order(order) for order in ORDERS}
cu.plots.curves(
    by_order,
    x="update",
    y="loss on all data",
    title="The same three lines in five orders",
    alt="Two curves fall together to zero, one swings up and down, two stay where they began",
)
first, second, never_cleared, cleared_too_soon, stepped_too_soon = by_order.values()
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
### Exercise 3.7: `fit` &nbsp; (4 points, about 15 minutes, ★★☆)

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


def linear_layer(d):
    """A linear layer in float64, with weights from the private generator."""
    model = nn.Linear(d, 1, dtype=torch.float64)
    with torch.no_grad():
        for param in model.parameters():
            param.copy_(check.normal(param.shape))
    return model


def some_batches(sizes, d):
    """Batches of these sizes; the labels of the last one are far away."""
    batches = [
        [check.normal((n, d), dtype=torch.float64), check.normal((n, 1), dtype=torch.float64)] for n in sizes
    ]
    batches[-1][1] += 5
    return [tuple(batch) for batch in batches]


def mse(w, b, X, y):
    return float((X @ w + b - y).square().mean())


def always(epoch, i):
    return True


def by_hand(model, batches, lr, num_epochs, momentum=0.0, updates=always, clears=always):
    """Training by the formula: weight, bias, and per epoch the batch losses and the loss on all data after it.

    updates(epoch, i): whether batch i of an epoch makes an update.
    clears(epoch, i): whether the gradients are cleared before this update.
    """
    w, b = model.weight.detach().clone().T, model.bias.detach().clone()
    gw, gb = torch.zeros_like(w), torch.zeros_like(b)
    vw, vb, during, after = torch.zeros_like(w), torch.zeros_like(b), [], []
    for epoch in range(num_epochs):
        during.append([])
        for i, (X, y) in enumerate(batches):
            during[-1].append(mse(w, b, X, y))
            if updates(epoch, i):
                error = 2 * (X @ w + b - y) / len(y)
                kept = 0 if clears(epoch, i) else 1
                gw, gb = kept * gw + X.T @ error, kept * gb + error.sum(dim=0)
                vw, vb = momentum * vw + gw, momentum * vb + gb
                w, b = w - lr * vw, b - lr * vb
        after.append(mse(w, b, torch.cat([X for X, y in batches]), torch.cat([y for X, y in batches])))
    return torch.cat((w.flatten(), b)), during, after


with check.case("makes one update per batch in every epoch", points=1):
    model, batches = linear_layer(2), some_batches((4, 4, 2), 2)
    last = len(batches) - 1
    start = torch.cat((model.weight.detach().flatten(), model.bias.detach()))
    expected, _, _ = by_hand(model, batches, 0.1, 3)
    one_epoch, _, _ = by_hand(model, batches, 0.1, 1)
    once, _, _ = by_hand(model, batches, 0.1, 3, updates=lambda epoch, i: (epoch, i) == (2, last))
    per_epoch, _, _ = by_hand(model, batches, 0.1, 3, updates=lambda epoch, i: i == last)
    uncleared, _, _ = by_hand(model, batches, 0.1, 3, clears=lambda epoch, i: False)
    cleared_per_epoch, _, _ = by_hand(model, batches, 0.1, 3, clears=lambda epoch, i: i == 0)
    fit(model, batches, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=0.1), 3)
    check.close(
        torch.cat((model.weight.flatten(), model.bias)),
        expected,
        "the parameters are not those of three epochs of training",
        known={
            "no parameter changed": start,
            "only one update was made: backward and step belong into the inner loop": once,
            "only one update per epoch was made: backward and step belong into the inner loop": per_epoch,
            "only one epoch was trained": one_epoch,
            "the gradients are never cleared: backward() adds to them in every batch": uncleared,
            "the gradients are cleared only once per epoch; clear them for every batch": cleared_per_epoch,
        },
        rtol=1e-5,
        atol=1e-6,
    )
with check.case("returns one float per epoch", points=0.5):
    model, batches = linear_layer(2), some_batches((4, 2), 2)
    history = fit(model, batches, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=0.01), 4)
    check.that(isinstance(history, list), "fit should return a list")
    check.equal(
        len(history), 4, "one loss per epoch", known={"there is one loss per batch, not per epoch": 8}
    )
    for found in history:
        check.number(found)
with check.case("reports the mean over the examples, measured while training", points=1):
    model, batches = linear_layer(2), some_batches((4, 4, 2), 2)
    _, during, after = by_hand(model, batches, 0.05, 2)
    history = fit(model, batches, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=0.05), 2)
    check.close(
        history,
        [(4 * a + 4 * b + 2 * c) / 10 for a, b, c in during],
        "the mean training loss of each epoch is wrong",
        known={
            "the batches are not weighted: the last one has fewer examples": [sum(ls) / 3 for ls in during],
            "this is the sum over the batches; divide by the number of examples": [sum(ls) for ls in during],
            "the losses are weighted, but not divided by the number of examples": [
                4 * a + 4 * b + 2 * c for a, b, c in during
            ],
            "the losses are summed and divided by the number of examples; each is a mean, so weigh it by its batch": [
                sum(ls) / 10 for ls in during
            ],
            "this is the loss of the last batch": [ls[-1] for ls in during],
            "this is measured after the epoch; measure while training": after,
            "the last batch is smaller: divide by the 10 examples, not by 3 batches of 4": [
                (4 * a + 4 * b + 2 * c) / 12 for a, b, c in during
            ],
            "the weighted losses are divided by the number of batches": [
                (4 * a + 4 * b + 2 * c) / 3 for a, b, c in during
            ],
            "the sums go on from epoch to epoch; start them again in each": [
                (4 * during[0][0] + 4 * during[0][1] + 2 * during[0][2]) / 10,
                sum(4 * a + 4 * b + 2 * c for a, b, c in during) / 20,
            ],
        },
        rtol=1e-5,
        atol=1e-6,
    )
with check.case("uses the loss and the optimizer that it is given", points=0.5):
    model, batches = linear_layer(2), some_batches((4, 4, 2), 2)
    start = torch.cat((model.weight.detach().flatten(), model.bias.detach()))

    def by_hand_absolute(momentum):
        """Two epochs of training on the mean absolute error: parameters, mean loss of each epoch."""
        value, velocity, means = start, torch.zeros_like(start), []
        for _ in range(2):
            total = 0.0
            for X, y in batches:
                error = X @ value[:2, None] + value[2] - y
                total += float(error.abs().sum())
                slopes = error.sign()
                velocity = momentum * velocity + torch.cat(((slopes * X).mean(dim=0), slopes.mean(dim=0)))
                value = value - 0.05 * velocity
            means.append(total / 10)
        return value, means

    expected, means = by_hand_absolute(0.9)
    _, plain_means = by_hand_absolute(0.0)
    on_squares, squared_losses, _ = by_hand(model, batches, 0.05, 2, momentum=0.9)
    _, plain_squared_losses, _ = by_hand(model, batches, 0.05, 2)
    squared_means, plain_squared_means = (
        [(4 * a + 4 * b + 2 * c) / 10 for a, b, c in losses]
        for losses in (squared_losses, plain_squared_losses)
    )
    student_optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    history = fit(model, batches, lambda y_hat, y: (y_hat - y).abs().mean(), student_optimizer, 2)
    check.close(
        history,
        means,
        "the mean absolute error of each epoch, trained with momentum",
        known={
            "`loss` was not used: this is the mean squared error": squared_means,
            "neither `loss` nor `optimizer` was used": plain_squared_means,
            "`optimizer` was not used: this is plain gradient descent": plain_means,
        },
        rtol=1e-5,
        atol=1e-6,
    )
    check.close(
        torch.cat((model.weight.flatten(), model.bias)),
        expected,
        known={"`loss` was not used: these are steps for the mean squared error": on_squares},
        rtol=1e-5,
        atol=1e-6,
    )


class CountedBatches:
    """Batches that count how often somebody starts to go through them."""

    def __init__(self, batches):
        self.batches, self.passes = batches, 0

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        self.passes += 1
        return iter(self.batches)


with check.case("goes through train_iter anew in every epoch", points=0.5):
    model, batches = linear_layer(2), CountedBatches(some_batches((3, 3), 2))
    fit(model, batches, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=0.01), 4)
    check.that(
        batches.passes >= 4,
        "train_iter was not gone through in every epoch, so a DataLoader could not shuffle again",
    )
### BEGIN HIDDEN TESTS
with check.case("the same with a DataLoader, momentum and other sizes", points=0.5, hidden=True):
    for n, batch_size, d in ((11, 5, 3), (6, 6, 1), (9, 4, 2), (3, 1, 2)):
        X, y = check.normal((n, d), dtype=torch.float64), check.normal((n, 1), dtype=torch.float64)
        y[-1] += 4
        batches = list(zip(X.split(batch_size), y.split(batch_size)))
        student_loader = DataLoader(TensorDataset(X, y), batch_size=batch_size)
        model = linear_layer(d)
        expected, during, _ = by_hand(model, batches, 0.02, 3, momentum=0.5)
        student_optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.5)
        history = fit(model, student_loader, nn.MSELoss(), student_optimizer, 3)
        means = [sum(mean * len(y) for mean, (_, y) in zip(ls, batches)) / n for ls in during]
        check.close(torch.cat((model.weight.flatten(), model.bias)), expected, rtol=1e-5, atol=1e-6)
        check.close(history, means, rtol=1e-5, atol=1e-6)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Does it match what others measured?** The d2l book trains on data of the same kind (same w, b and noise;
batch 10, learning rate 0.03, 3 epochs) and reports the loss on all data after each epoch: once from scratch
with the half squared error, once with `nn.MSELoss`. We do both five times. The loss is only looked at here,
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
Two questions hide in these numbers.

**Why 0.000051 and 0.000103?** Nobody can predict the noise, whose variance is 0.01² = 0.0001. The mean squared
error cannot fall below about 0.0001, half of it not below about 0.00005. Both trainings have reached their
floor. It is **the same fit**, measured with two rulers.

**Why is the first epoch so different?** The squared error has twice the gradient, so the same learning rate
takes steps of twice the length. With features from N(0, 1) each step shrinks the distance to the solution to
about 1 − 0.03 = 0.97 of it, or to 0.94. The loss grows with the square of the distance, so 100 steps should
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
## 8 How large a batch, how large a step?

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
the worse the result, and the row names say why: an epoch with larger batches has **fewer updates**. Now read the row of batch 1: with 0.3 the loss
is above the floor again, because each step follows the error of a single example too far. And in the last
column every step jumps over the valley to a place higher than before.
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

No step size, no epochs. So why do we train at all? Because no other network of this course has such a
formula. But here it is the perfect **oracle**: it tells what training ought to find.

One thing can go wrong. A shop notes lengths in centimetres *and* in inches. One column is then a multiple of
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
### Exercise 3.8: `least_squares` &nbsp; (3 points, about 10 minutes, ★★☆)

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


def fitted(X, y):
    """The values Xw + b of the student's fit, after a look at shapes and dtypes."""
    w, b = check.unchanged(least_squares, X, y)
    check.like(w, X[:1].T)
    check.like(b, y[0])
    return X @ w + b


class RefuseUnreliable(torch.overrides.TorchFunctionMode):
    """Refuses lstsq's default method on collinear columns: its result depends on leftovers in memory."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.linalg.lstsq and kwargs.get("driver") in (None, "gelsy"):
            A = args[0] if args else kwargs["input"]
            check.that(
                torch.linalg.matrix_rank(A) == min(A.shape),
                'lstsq\'s default method is unreliable on collinear columns; use driver="gelsd", or the pseudo-inverse',
            )
        return func(*args, **kwargs)


def fitted_collinear(X, y):
    """As `fitted`, for collinear columns."""
    try:
        with RefuseUnreliable():
            return fitted(X, y)
    except (torch.linalg.LinAlgError, np.linalg.LinAlgError):
        check.fail(
            "collinear columns: the matrix has no inverse; take a pseudo-inverse",
            mistake="singular",
        )


def best_fit(X, y):
    """NumPy's own fitted values."""
    A = np.column_stack([X.double().numpy(), np.ones(len(X))])
    return torch.from_numpy(A @ np.linalg.lstsq(A, y.double().numpy(), rcond=None)[0])


with check.case("finds the line through points that lie on one", points=1):
    X = torch.tensor([[0.0], [1.0], [3.0]])
    w, b = check.unchanged(least_squares, X, 2 * X + 5)
    check.like(w, torch.zeros(1, 1))
    check.like(b, torch.zeros(1))
    check.close(
        torch.cat((w[0], b)),
        torch.tensor([2.0, 5.0]),
        known={
            "the line has no intercept: it is forced through 0": torch.tensor([4.0, 0.0]),
            "b is the mean of y; that is right only if the columns of X have mean 0": torch.tensor(
                [4.0, 23 / 3]
            ),
            "w and b are swapped": torch.tensor([5.0, 2.0]),
        },
        rtol=1e-3,
        atol=1e-3,
    )
with check.case("finds the least squared error for points around a plane", points=0.5):
    X = check.normal((30, 3), mean=1.0, dtype=torch.float64)
    y = X[:, :1] - 2 * X[:, 1:2] + 3 + check.normal((30, 1), dtype=torch.float64)
    through_zero = torch.from_numpy(X.numpy() @ np.linalg.lstsq(X.numpy(), y.numpy(), rcond=None)[0])
    for unit in (1, 1000):  # the same lengths, once in metres and once in kilometres: the same plane
        check.close(
            fitted(X / unit, y),
            best_fit(X, y),
            "another plane has a smaller squared error",
            known={
                "there is no intercept: the plane is forced through 0": through_zero,
                "b is the mean of y; that is right only if the columns of X have mean 0": through_zero
                + y.mean(),
            },
            rtol=1e-6,
            atol=1e-6,
        )
with check.case("copes with collinear columns", points=0.5):
    half = torch.tensor([3.0, 2.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    x = torch.cat((half, -half))[:, None]  # sum 0, sum of squares 32
    y = 1 + x + check.normal((16, 1), dtype=torch.float64)
    # All but the last give normal equations of powers of two, which are singular without any rounding.
    for name, other in (
        ("a column twice", x),
        ("a column and its double", 2 * x),
        ("a feature that is always 1", torch.ones_like(x)),
        ("a feature that is always 0", torch.zeros_like(x)),
        ("centimetres and inches", x / 2.54),
    ):
        for X in (torch.cat((x, other), dim=1), torch.cat((other, x), dim=1)):
            found = fitted_collinear(X, y)
            check.close(found, best_fit(x, y), f"{name}: not a least-squares fit", rtol=1e-5, atol=1e-5)
### BEGIN HIDDEN TESTS
with check.case("the same on other data", points=1, hidden=True):
    for n, d in ((50, 1), (200, 6), (12, 2)):
        for dtype in (torch.float32, torch.float64):
            X, y = check.normal((n, d), std=2, dtype=dtype), check.normal((n, 1), mean=3, dtype=dtype)
            check.close(fitted(X, y).double(), best_fit(X, y), rtol=1e-3, atol=1e-3)
    X, y = check.normal((20, 3), dtype=torch.float64), check.normal((20, 1), dtype=torch.float64)
    for extra in (2 * X[:, :1] - X[:, 1:2], torch.ones(20, 1, dtype=torch.float64)):
        found = fitted_collinear(torch.cat((X, extra), dim=1), y)
        check.close(found, best_fit(X, y), rtol=1e-5, atol=1e-5)
    X, y = check.normal((1, 1), dtype=torch.float64), check.normal((1, 1), dtype=torch.float64)
    check.close(fitted(X, y), y, "one example can be fitted exactly", rtol=1e-5, atol=1e-5)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**The oracle speaks.** Three epochs of SGD against NumPy's exact solution, on our 1,000 examples:
"""

# %% tags=["experiment"]
exact = np.linalg.lstsq(np.column_stack([features, np.ones(1000)]), labels.numpy(), rcond=None)[0].ravel()
g = torch.Generator().manual_seed(0)
trained = nn.Linear(2, 1)
nn.init.zeros_(trained.weight)
nn.init.zeros_(trained.bias)
trainer, mse_loss = torch.optim.SGD(trained.parameters(), lr=0.03), nn.MSELoss()
for _ in range(3):
    for batch in torch.randperm(1000, generator=g).split(10):
        trainer.zero_grad()
        mse_loss(trained(features[batch]), labels[batch]).backward()
        trainer.step()
learned = torch.cat((trained.weight.detach().flatten(), trained.bias.detach())).numpy()
for name, truth, best, found in zip(("w1", "w2", "b "), (2.0, -3.4, 4.2), exact, learned):
    print(f"{name}: true {truth:5.2f}   exact {best:5.2f}   trained {found:5.2f}")
assert np.abs(exact - [2.0, -3.4, 4.2]).max() < 0.002 and np.abs(learned - exact).max() < 0.004

# %% [markdown]
r"""
All three agree to two digits. What is left between "true" and "exact" is the noise in the labels: no method
could remove it. What do the mistakes of the trained model look like? An error that is left after the fit, label minus
prediction, is called a **residual** (残差). Here are all 1,000:
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
### Exercise 3.9: claim cards &nbsp; (3 points, about 10 minutes, ★★☆)

Each sentence comes from real study notes, or from a real misunderstanding. Decide with the experiments of
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
5. **"updates"**: "A loader cuts 1,003 examples into batches of 10. One epoch has 101 iterations."
   (a) only without shuffling, (b) only if the loader keeps the last, smaller batch, (c) only in the first epoch.
6. **"evaluation"**: "After an epoch, one line computes `value = loss(net(features), labels)`. This line changes what
   is in `.grad`." (a) only if it is run outside `no_grad`, (b) only after `zero_grad()`,
   (c) only if it is the first such line after `step()`.
7. **"zero"**: "`optimizer.zero_grad()` must be the line directly before `backward()`."
   (a) only for SGD, (b) only from the second batch on, (c) only if the batches differ in size.
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
    "updates": "?",
    "evaluation": "?",
    "zero": "?",
}
### BEGIN SOLUTION
answers = {
    "step": "false",
    "indentation": "b",
    "floors": "a",
    "shapes": "c",
    "updates": "b",
    "evaluation": "false",
    "zero": "false",
}
### END SOLUTION

# %% test="claims_regression"
check.exercise("claims_regression", points=3)
CLAIMS = ["step", "indentation", "floors", "shapes", "updates", "evaluation", "zero"]
with check.case("every claim is answered with true, false, a, b or c"):
    check.claims(answers, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("claims about losses", points=1, hidden=True):
    check.right(
        answers,
        {"floors": "a", "shapes": "c"},
        "look at the table of shapes in section 4 and at the two rulers in section 7",
    )
with check.case("claims about counting updates", points=1, hidden=True):
    check.right(
        answers,
        {"indentation": "b", "updates": "b"},
        "count the updates of the broken loop, and the batches of a small DataLoader",
    )
with check.case("claims about gradients", points=1, hidden=True):
    check.right(
        answers,
        {"step": "false", "evaluation": "false", "zero": "false"},
        "section 6 prints what step() changes and compares five orders; print .grad before and after",
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 3.10: in your own words &nbsp; (2 points, about 5 minutes, marked by your instructor)

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
steadier gradient of a large batch allows longer steps. It should be repeated with several seeds.

**Mark scheme.** 1 point: says that larger batches mean fewer updates in the same number of epochs (with or
without the numbers 300 and 30). ½ point: says that two things changed at once, so the conclusion does not
follow. ½ point: a fairer comparison: equal updates, or a learning rate chosen for each batch size.
"""

# %% [markdown]
r"""
## Recap

- Four ingredients: data set, loader, loss, optimizer. Five steps: batch, loss, clear, backward, step.
- `backward()` adds to `.grad`; `step()` reads `.grad` and writes the parameters. Clear anywhere but between them.
- An epoch is one pass over the data; it has as many iterations as batches, and the last batch may be smaller.
- (n, 1) minus (n,) is (n, n). If a loss stays at the variance of y, look for this mistake.
- `nn.MSELoss` has no half. The floor of a loss is set by the noise and by the formula.
- A mean over batches is not a mean over examples unless all batches are equal.
- The normal equations give the exact fit, and so a check on the training.

**What people get wrong.** They let `backward` and `step` slip out of the inner loop; they think that `step()`
changes gradients; they compare losses of different formulas; they compare batch sizes at different numbers of
updates; they silence the warning about shapes.

**Read on.** [PyTorch: optimizing model parameters](https://pytorch.org/tutorials/beginner/basics/optimization_tutorial.html) ·
[PyTorch: torch.utils.data](https://pytorch.org/docs/stable/data.html) ·
[Dive into Deep Learning, chapter 3](https://d2l.ai/chapter_linear-regression/index.html). Next: `04_softmax_regression`,
where the network has to choose among ten classes.
"""
