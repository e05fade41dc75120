# ---
# jupyter:
#   course:
#     prerequisites:
#     - 03_linear_regression
#     summary: Scores become probabilities, and a network of one layer learns to name
#       garments
#     title: Softmax regression
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
# 4 Softmax regression

**Time:** about 4.5 hours. **You need:** chapters 1 to 3. **Points:** 30.

Chapter 3 predicted a number. Now the answer is a *class*: shirt, coat or sandal? After this chapter you can

- **turn** scores into probabilities, even where the textbook formula gives nan;
- **derive** the cross-entropy loss and its gradient, and **compute** both by hand and in code;
- **train** a classifier with your own code, and **report** its loss and accuracy correctly;
- **choose** a learning rate on validation data, and **state** how far to trust the result;
- **read** a confusion matrix, and **find** the faulty line in a program that seems to work.

| English | Chinese (中文) | what it is |
|---|---|---|
| class, label | 类别，标签 | the kind of thing; its number 0, 1, ..., k − 1 |
| score (logit) | 得分，未规范化的预测 | what the last layer gives for a class: any real number |
| softmax | softmax 函数 | turns k scores into k probabilities |
| overflow, underflow | 上溢，下溢 | a number too large, or too close to 0, for its dtype |
| likelihood | 似然 | the probability that a model gives to what was observed |
| cross-entropy | 交叉熵 | the mean of −log p, where p is the probability of the right class |
| one-hot | 独热编码 | a row with a 1 at the label and 0 elsewhere |
| accuracy | 准确率 | the share of examples that are classified correctly |
| validation set | 验证集 | examples kept back to make choices on |
| confusion matrix | 混淆矩阵 | how often class i was taken for class j |

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
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)  # networks as small as these gain nothing from a second thread

# %% [markdown]
r"""
## 1 From scores to probabilities

A network looks at a garment and gives one **score** for each class, also called a *logit*: shirt 2.0, coat 1.0,
sandal −1.5. How sure is it that this is a shirt? A natural first idea is to divide each score by their sum, 1.5.
Work out the three results before you go on.

You get 1.33, 0.67 and −1. A probability of 1.33 is nonsense, and so is one of −1. We need a step that makes every
number positive and keeps the order. The exponential function does both. *After* it, dividing by the sum works.
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_three_steps(*panels):
    scores = torch.tensor([2.0, 1.0, -1.5])
    exps = scores.exp()
    titles = ("scores: one is negative", "exp(scores): all positive", "divided by 10.33")
    for ax, title, values in zip(panels, titles, (scores, exps, exps / exps.sum())):
        bars = ax.bar(["shirt", "coat", "sandal"], values, color=cu.plots.COLOURS[:3])
        ax.bar_label(bars, fmt="{:.2f}", padding=2)
        ax.axhline(0, color="#999999", linewidth=0.8)
        ax.set_title(title)
        ax.margins(y=0.15)
    panels[0].set_ylabel("score")
    panels[2].set_ylabel("probability")


cu.plots.figure(
    draw_three_steps,
    panels=3,
    height=2.6,
    alt="Three groups of three bars: scores 2, 1 and -1.5; their exponentials 7.39, 2.72 and 0.22; the "
    "probabilities 0.72, 0.26 and 0.02",
)

# %% [markdown]
r"""
This is the **softmax**. For a matrix of scores $O$ of shape (n, k), with one row for each example,

$$P_{ij} = \frac{\exp(O_{ij})}{\sum_{c=1}^{k} \exp(O_{ic})}, \qquad P: (n, k), \quad \text{each row sums to } 1 .$$

Three properties follow at once. The largest score gets the largest probability. Only the *differences* between the
scores of a row matter: adding 5 to each of them multiplies every exponential by the same $e^5$, which cancels. And
doubling the scores squares the ratios of the probabilities, so the largest one gains. What should the three lines
below show?
"""

# %%
scores = torch.tensor([2.0, 1.0, -1.5])
for name, row in (("scores", scores), ("scores + 5", scores + 5), ("scores * 2", scores * 2)):
    print(f"{name:12}", [round(p, 3) for p in torch.softmax(row, dim=0).tolist()])

# %% [markdown]
r"""
Can a probability be exactly 0 or 1? The exponential of a finite score is positive, so each term is smaller
than the sum of all, as soon as there are two classes. On paper, every probability lies strictly *between* 0 and 1.
The computer disagrees:
"""

# %%
for gap, dtype in ((20.0, torch.float32), (200.0, torch.float32), (200.0, torch.float64)):
    p = torch.softmax(torch.tensor([0.0, -gap], dtype=dtype), dim=0)[1].item()
    print(f"scores 0 and -{gap:3.0f} in {dtype}: the second probability is {p:.1e}")

# %% [markdown]
r"""
$e^{-200} \approx 10^{-87}$ is too small for float32, whose smallest positive number is about $10^{-45}$. It is
rounded to 0, which is called **underflow**. The 0 comes from rounding and not from the formula.

**Try it.** The *temperature* $T$ divides all scores before the softmax. Class 2 is the right one. The number
$-\log p_2$ measures how wrong the three probabilities are: it is near 0 when $p_2$ is near 1, and large when $p_2$ is
near 0. We call it the *loss* here; section 3 derives it. *Goal: first move only the temperature and find out how low the
loss can get. Then bring it below 0.1 by moving the temperature and one of the three scores.*
"""

# %% jupyter={"source_hidden": true}
START = (2.0, 1.0, 0.0)


def draw_temperature(ax, score_0, score_1, score_2, temperature):
    """Draw the three probabilities. Returns a comment on the loss of class 2."""
    now = (score_0, score_1, score_2)
    p = torch.softmax(torch.tensor(now) / temperature, dim=0).tolist()
    colours = [cu.plots.COLOURS[5], cu.plots.COLOURS[5], cu.plots.COLOURS[0]]
    ax.bar_label(ax.bar(range(3), p, color=colours), fmt="{:.3f}", padding=2)
    ax.set_xticks(range(3), [f"class {j}" + (" (right)" if j == 2 else "") for j in range(3)])
    loss = -math.log(p[2])
    ax.set(ylim=(0, 1.1), ylabel="probability", title=f"The loss of class 2 is {loss:.2f}")
    moved = sum(a != b for a, b in zip(now, START))
    if loss < 0.1 and moved == 1:
        return "Goal reached: the scores decide which class wins, the temperature how clearly it wins."
    if moved == 0 and temperature > 5:
        return "A high temperature makes the classes nearly equal, and the loss stays above log 3 = 1.10."
    return f"You have moved {moved} scores; one is enough." if moved > 1 else ""


cu.demo.explore(
    draw_temperature,
    score_0=ipywidgets.FloatSlider(value=START[0], min=-2, max=3, step=0.5),
    score_1=ipywidgets.FloatSlider(value=START[1], min=-2, max=3, step=0.5),
    score_2=ipywidgets.FloatSlider(value=START[2], min=-2, max=3, step=0.5),
    temperature=ipywidgets.FloatSlider(value=1.0, min=0.1, max=10, step=0.1),
    alt="Three bars: the probabilities of three classes at the chosen scores and temperature",
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_temperature(ax, *START, 1.0),
    alt="Scores 2, 1, 0 at temperature 1: probabilities 0.665, 0.245 and, for the right class, 0.090; loss 2.41",
)

# %% [markdown]
r"""
**Where the formula breaks.** Written in code just as it is printed, softmax is one line. Try it on two scores,
$o$ and 0, for growing $o$.
"""


# %%
def softmax_as_printed(O):
    """The textbook formula, good for small scores only."""
    return O.exp() / O.exp().sum(dim=-1, keepdim=True)


for o in (10.0, 88.0, 89.0, 1000.0):
    print(f"o = {o:6}: exp(o) = {torch.tensor(o).exp().item():.3g},", end=" ")
    print("probabilities", [round(p, 3) for p in softmax_as_printed(torch.tensor([o, 0.0])).tolist()])

# %% [markdown]
r"""
$e^{89}$ is larger than any float32 number. This is **overflow**: the result becomes inf, and inf / inf is nan, "not
a number". A nan in the loss turns every weight into nan at the next step.

### Exercise 4.1: `softmax` &nbsp; (3 points, about 10 minutes, ★★☆)

Write a softmax that works for any finite scores. Torch has one built in, and it would pass; writing your own from
`exp`, `max` and `sum` is how you learn what it does.

<details><summary>Hint 1</summary>

Only differences matter, so you may subtract the same number from all scores of a row. Which number guarantees
that no exponential overflows, and that not all of them underflow?

<details><summary>Hint 2</summary>

The largest score *of each row*. Along an axis, `max` returns two tensors: `O.max(dim=-1, keepdim=True)` has the
fields `.values` and `.indices`. After the subtraction, the largest exponential is $e^0 = 1$.

</details></details>
"""


# %% exercise="softmax"
def softmax(O):
    """Probabilities from scores, over the last axis.

    O: float tensor (..., k), k at least 1.
    Returns a tensor of O's shape and dtype whose entries along the last axis sum to 1. It is finite for any
    finite O, and for entries within +-1e4 the absolute error is at most 1e-5, in float32 too.
    """
    ### BEGIN SOLUTION
    exps = (O - O.max(dim=-1, keepdim=True).values).exp()
    return exps / exps.sum(dim=-1, keepdim=True)
    ### END SOLUTION


# %% test="softmax"
check.exercise("softmax", points=3)
with check.case("turns each row of scores into probabilities", points=1):
    O = torch.tensor([[1.0, 2.0, 3.0], [2.0, 0.0, -1.0]])
    E, R, C = O.exp(), (O - O.amax(1, True)).exp(), (O - O.amax(0)).exp()
    wrong = {"the exponentials are not divided by their sum": E}
    wrong["the exponentials are divided by the largest one; divide by their sum"] = R
    wrong["the exponentials are divided by the largest one of the whole table"] = E / E.max()
    wrong["it divides by the sum down each column; every row has its own sum"] = E / E.sum(0)
    wrong["one sum for the whole table; every row has its own"] = E / E.sum()
    wrong["the maxima are those of the rows, but the sum is that of the whole table"] = R / R.sum()
    wrong["the maximum is subtracted above the line only; subtract it below, too"] = R / E.sum(1, True)
    wrong["the maximum is subtracted below the line only; subtract it above, too"] = E / R.sum(1, True)
    wrong["it subtracts the largest score of each column; subtract that of each row"] = C / C.sum(1, True)
    wrong["the exponentials are missing: it divides the scores by their sum"] = O / O.sum(1, True)
    wrong["this is the logarithm of the probabilities"] = torch.log_softmax(O, 1)
    wrong["the signs are reversed: the largest score gets the smallest probability"] = torch.softmax(-O, 1)
    wrong["the powers are to base 2; use exp"] = torch.softmax(O * math.log(2), 1)
    wrong["sigmoid treats each score alone; divide by the sum over the row"] = torch.sigmoid(O)
    check.close(check.unchanged(softmax, O), torch.softmax(O, 1), known=wrong)
with check.case("works along the last axis of any shape, and keeps the dtype", points=0.5):
    O = check.normal((2, 3, 4))
    wrong = {f"it sums along axis {i}; the last axis is meant": torch.softmax(O, i) for i in (0, 1)}
    check.close(check.unchanged(softmax, O), torch.softmax(O, 2), known=wrong)
    for given in (O, check.normal((5,), dtype=torch.float64)):
        check.like(softmax(given), given)
    check.close(softmax(torch.tensor([3.0])), torch.ones(1), "a single class has probability 1")
with check.case("stays right for scores of 10,000 and finite for larger ones", points=1):
    O = check.extreme_scores()
    E = {words: (O - shift).exp() for words, shift in check.wrong_shifts(O).items()}
    wrong = {words: e / e.sum(1, True) for words, e in E.items()}
    wrong["it cuts large scores off: different scores become equal"] = torch.softmax(O.clamp(-80, 80), 1)
    wrong["logsumexp of 10,000 is rounded to 0.001; shift first"] = (O - O.logsumexp(1, True)).exp()
    found = check.unchanged(softmax, O)
    check.close(found, torch.softmax(O.double(), 1), rtol=0.0, atol=1e-5, known=wrong)
    P = softmax(torch.tensor([[3e38, 0.0, -3e38], [-3e38, -3e38, -3e38]]))
    check.that(P.isfinite().all(), "there are nan or inf in it for scores of 3e38")
### BEGIN HIDDEN TESTS
with check.case("the same on other scores", points=0.5, hidden=True):
    for shape, dtype in (((6, 5), torch.float32), ((3, 1, 2, 7), torch.float32), ((4, 9), torch.float64)):
        O = check.uniform(shape, low=-1e4, high=1e4, dtype=dtype)
        O[..., 1] = O[..., 0] - 0.75  # two scores close together, so that both have a share
        expected = torch.softmax(O.double(), -1).to(dtype)
        check.close(check.unchanged(softmax, O), expected, rtol=0.0, atol=1e-5, strict=True)
### END HIDDEN TESTS
check.score()

# %% tags=["experiment"]
probabilities = cu.yours(softmax, instead=lambda O: torch.softmax(O, dim=-1))
o = torch.linspace(-10, 120, 521)
pairs = torch.stack([o, torch.zeros_like(o)], dim=1)  # (521, 2)


def draw_overflow(ax):
    ax.plot(
        o,
        probabilities(pairs)[:, 0],
        color=cu.plots.COLOURS[0],
        label="with the shift",
        linewidth=4,
        alpha=0.5,
    )
    ax.plot(o, softmax_as_printed(pairs)[:, 0], "--", color=cu.plots.COLOURS[1], label="as printed")
    ax.axvspan(88.7, 120, color=cu.plots.COLOURS[1], alpha=0.2)
    ax.text(104, 0.5, "as printed: nan", ha="center")
    ax.set(xlabel="score o (the other score is 0)", ylabel="probability of o")
    ax.set_title("The formula as printed breaks off at a score of 88.7")
    ax.legend(loc="center", bbox_to_anchor=(0.4, 0.5))


cu.plots.figure(
    draw_overflow,
    alt="Two curves rise from 0 to 1 together; the one as printed ends at a score of 88.7, the other continues at 1",
)

# %% [markdown]
r"""
## 2 One layer: O = XW + b

The data are grey pictures of ten kinds of garment, 28 by 28 pixels, in the format of
[Fashion-MNIST](https://github.com/zalandoresearch/fashion-mnist). By default the course uses garments drawn by a program;
run `make data` in a terminal once, and the same line loads the real set.

We split the 10,000 training pictures at random. The network learns from 8,000 of them. The other 2,000 are the
**validation set**: section 8 uses it to make a choice. The 2,000 test pictures stay untouched until the end. `BatchLoader` hands out a data set in batches, as your loader of
chapter 3 did. A batch of pictures has the shape (n, 1, 28, 28): n pictures, one channel (grey; a colour picture has
three), 28 rows, 28 columns.
"""

# %%
everything, test_iter = cu.data.load_fashion_mnist(batch_size=256, train_size=10_000, test_size=2_000)
order = torch.randperm(10_000, generator=torch.Generator().manual_seed(4))
train_rows, valid_rows = order[:8_000], order[8_000:]
train_iter = cu.data.BatchLoader(
    everything.images[train_rows], everything.labels[train_rows], 256, shuffle=True
)
valid_iter = cu.data.BatchLoader(everything.images[valid_rows], everything.labels[valid_rows], 256)
X, y = next(iter(valid_iter))
print("a batch:", tuple(X.shape), X.dtype, " labels:", tuple(y.shape), y.dtype)
print("pixels from", X.min().item(), "to", X.max().item())
print("batches in an epoch:", len(train_iter), " size of the last one:", 8_000 - 31 * 256)

# %% tags=["experiment"]
cu.plots.images(
    X[:10],
    titles=[cu.data.FASHION_CLASSES[label] for label in y[:10]],
    columns=5,
    title="Ten garments and their labels",
    alt="Ten grey garments with the names of their classes",
)

# %% [markdown]
r"""
The network is the simplest one there is. It lays the 784 pixels of a picture in a row, and each class computes its
score as a weighted sum of them plus a bias. For a whole batch, this is one product of matrices:

$$\underset{(n,\,10)}{O} \;=\; \underset{(n,\,784)}{X}\;\underset{(784,\,10)}{W} \;+\; \underset{(10,)}{b} .$$

Column $j$ of $W$ belongs to class $j$. The bias $b$ is broadcast over the n rows. How many parameters does the
network have? Work it out before you run the second cell.
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_layer(ax):
    boxes = [  # left, bottom, width, height, name, shape, colour
        (0.0, 1.2, 4.2, 1.2, "X", "n × 784", 5),
        (5.2, 0.0, 0.8, 3.6, "W", "784 × 10", 4),
        (7.2, 1.7, 0.8, 0.25, "b", "10", 3),
        (9.2, 1.2, 0.8, 1.2, "O", "n × 10", 2),
    ]
    for left, bottom, width, height, name, shape, colour in boxes:
        box = {"facecolor": cu.plots.COLOURS[colour], "alpha": 0.45, "edgecolor": cu.plots.INK}
        ax.bar(left + width / 2, height, width=width, bottom=bottom, **box)
        ax.text(left + width / 2, bottom + height + 0.12, f"{name}: {shape}", ha="center")
    ax.bar(2.1, 0.16, width=4.2, bottom=1.9, color=cu.plots.COLOURS[0])  # one picture
    ax.bar(5.72, 3.6, width=0.09, color=cu.plots.COLOURS[0])  # one class
    ax.bar(9.72, 0.16, width=0.09, bottom=1.9, color=cu.plots.COLOURS[0])  # its score
    for place, sign in ((4.7, "@"), (6.6, "+"), (8.6, "=")):
        ax.text(place, 1.8, sign, ha="center", va="center", fontsize=14)
    ax.text(2.1, 0.85, "one row: one picture", ha="center", color=cu.plots.COLOURS[0])
    ax.text(5.6, -0.35, "one column: one class", ha="center", color=cu.plots.COLOURS[0])
    ax.text(9.6, 0.85, "one score", ha="center", color=cu.plots.COLOURS[0])
    ax.set(xlim=(-0.2, 10.4), ylim=(-0.5, 4.2), title="A row of X times a column of W gives one score")
    ax.set_axis_off()


cu.plots.figure(
    draw_layer,
    alt="Four rectangles: X, n by 784, times W, 784 by 10, plus b, 10 numbers, gives O, n by 10; "
    "a row of X and a column of W are marked, and the score where they meet",
)

# %%
generator = torch.Generator().manual_seed(4)
W = 0.01 * torch.randn(784, 10, generator=generator)  # small: at first, no class is preferred
b = torch.zeros(10)
O = X.flatten(start_dim=1) @ W + b  # (256, 1, 28, 28) -> (256, 784) -> (256, 10)
net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))  # the same layer in torch, with its own start
print("scores:", tuple(O.shape), " parameters: 784 * 10 + 10 =", W.numel() + b.numel())
print("torch keeps W the other way round:", tuple(net[1].weight.shape), " bias:", tuple(net[1].bias.shape))

# %% [markdown]
r"""
There is no softmax in `net`: section 4 shows why the loss should do that part. Here are the ten probabilities that
the untrained layer gives to the first garment.
"""

# %% tags=["experiment"]
probabilities = cu.yours(softmax, instead=lambda O: torch.softmax(O, dim=-1))
cu.plots.bars(
    probabilities(O)[0],
    labels=cu.data.FASHION_CLASSES,
    y="probability",
    title=f"Before training: the network cannot tell what this {cu.data.FASHION_CLASSES[y[0]]} is",
    alt="Ten bars, all of them close to 0.1",
)

# %% [markdown]
r"""
## 3 How wrong is a classifier?

Two networks look at the same three garments. Both are right twice and wrong once, so their accuracy is the same.
The careful one gave the three right classes the probabilities 0.8, 0.9 and 0.4; the loud one 0.8, 0.9 and 0.0001.
Which would you rather use?

The **likelihood** is the probability that a network gives to all the labels together. When the examples are
independent, it is a product: $0.8 \cdot 0.9 \cdot 0.4 = 0.288$ for the careful network and 0.000072 for the loud
one, which was nearly certain of something wrong. *Maximum likelihood* means: choose the weights that make the
observed labels most probable.

The real training set has 60,000 pictures, and a product of so many probabilities underflows. A mean of logarithms does not:
"""

# %%
many = torch.full((60_000,), 0.9)
print("product:", many.prod().item(), "  mean of -log p:", round(-many.log().mean().item(), 4))

# %% [markdown]
r"""
The logarithm keeps the order, so the likelihood is largest where the mean of $-\log p$ is smallest. This mean is
the **cross-entropy loss**. With scores $O$ of shape (n, k) and labels $y$ of shape (n,), it is a single number:

$$L = -\frac1n \sum_{i=1}^{n} \log P_{i, y_i}
= \frac1n \sum_{i=1}^{n} \Bigl(\log \sum_{c} \exp(O_{ic}) - O_{i, y_i}\Bigr) .$$

Only the probability of the right class appears. You can read $-\log p$ as *surprise*: 0 for something that was
certain, large for something that was thought impossible. With the logarithm to base 2 it is measured in **bits**: an
event of probability 1/2 has 1 bit of surprise; one of probability 1/8 has 3 bits, like three coin tosses that all come
up heads. With the natural logarithm the unit is the *nat*, and 1 nat is $1/\log 2 \approx 1.44$ bits.

Predict: what is the loss of a network that knows nothing and gives each of ten classes the probability 1/10?
"""

# %%
O3 = torch.tensor([[2.0, 1.0, -1.5], [0.0, 3.0, 0.0]])  # (2, 3): 2 examples, 3 classes
y3 = torch.tensor([0, 2])
each = -torch.log_softmax(O3, dim=1)[torch.arange(2), y3]  # (2,): in row i, column y3[i]
print("for each example:", [round(loss, 4) for loss in each.tolist()], " mean:", round(each.mean().item(), 4))
print("torch:           ", round(nn.CrossEntropyLoss()(O3, y3).item(), 4))
print(
    "ten equal scores:",
    round(F.cross_entropy(torch.zeros(1, 10), torch.tensor([3])).item(), 3),
    "nats,",
    end=" ",
)
print(round(math.log2(10), 3), "bits")

# %% [markdown]
r"""
$\log 10 \approx 2.303$. Keep this number in mind: a ten-class network whose loss stays there has learned nothing.

**How low can the loss get?** Suppose that some garments cannot be told apart: of those that look like *this one*,
70 % are shirts and 30 % are coats. A network that gives "shirt" the probability $q$ then has the mean loss
$-0.7 \log q - 0.3 \log(1 - q)$. Which $q$ is best?
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_cross_entropy(ax):
    q = torch.linspace(0.02, 0.98, 193)
    loss = -(0.7 * q.log() + 0.3 * (1 - q).log())
    entropy = -(0.7 * math.log(0.7) + 0.3 * math.log(0.3))
    brier = 0.7 * (1 - q) ** 2 + 0.3 * q**2
    ax.plot(q, loss, color=cu.plots.COLOURS[0], label="cross-entropy H(P, Q)")
    ax.axhline(entropy, color=cu.plots.COLOURS[1], linestyle="--", label="entropy H(P) = 0.61")
    ax.fill_between(q, entropy, loss, color=cu.plots.COLOURS[0], alpha=0.15, label="KL(P ‖ Q)")
    ax.plot(q, brier, "-.", color=cu.plots.COLOURS[2], label="squared error of q")
    ax.plot([0.7, 0.7], [entropy, brier.min()], "o", color=cu.plots.INK)
    ax.set(xlabel="q: the probability that the network gives to 'shirt'", ylabel="mean loss", ylim=(0, 2.2))
    ax.set_title("Both losses are lowest at the true share, 0.7, and neither is 0 there")
    ax.legend(loc="upper center")


cu.plots.figure(
    draw_cross_entropy,
    alt="The cross-entropy is a bowl, lowest at q = 0.7 with 0.61; the shaded gap above 0.61 is the KL divergence; "
    "the squared error is a flatter bowl, lowest at q = 0.7 too",
)

# %% [markdown]
r"""
The loss is lowest at the truth, $q = 0.7$, and even there it is 0.61. So when labels are ambiguous, a good network
has a loss well above 0. The dash-dotted curve is the squared error $0.7\,(1-q)^2 + 0.3\,q^2$. It is lowest at 0.7
as well; section 5 shows where it falls short.

<details><summary>The names of the dashed line and of the shaded gap</summary>

For distributions $P$ (the truth) and $Q$ (what the network says) over k classes,
$H(P, Q) = -\sum_j P_j \log Q_j$ is the cross-entropy and $H(P) = H(P, P)$ the **entropy** (熵) of $P$, the dashed line.
Their difference $\mathrm{KL}(P \,\|\, Q) = H(P, Q) - H(P) = \sum_j P_j \log (P_j / Q_j)$ is the
**KL divergence** (KL 散度), the shaded gap; it is 0 for $Q = P$ and positive otherwise. (Neither is a distance: $H(P, P)$ is
not 0 in general, and both change when $P$ and $Q$ are swapped.) In training, the data fix $P$ and
only $Q$ changes, so lowering $H(P, Q)$ also lowers the KL divergence. For a label that is certain, $P$ is one-hot,
its entropy is 0, and the loss can get as close to 0 as you like. Chapter 13 returns to all three, to smoothed labels
and to the case of two classes, where the softmax of the scores $(z, 0)$ is the sigmoid of $z$.

</details>
"""

# %% [markdown]
r"""
## 4 The logarithm of almost nothing

The loss needs the logarithm of a probability. Take the scores 0 and −200. The second class has a probability of
almost exactly $e^{-200}$, whose logarithm is −200, a harmless number. But if we compute the softmax first and the
logarithm after it:
"""

# %%
pair = torch.tensor([0.0, -200.0])
for gap in (50, 100, 200):
    row = torch.tensor([0.0, -gap])
    two_steps, one_step = torch.softmax(row, dim=0).log()[1], torch.log_softmax(row, dim=0)[1]
    print(f"scores 0 and -{gap}: log(softmax) {two_steps.item():.2f}, log_softmax {one_step.item():.2f}")
print("log(softmax) of 0 and -800 in float64:", torch.softmax(4 * pair.double(), dim=0).log().tolist())
pair.requires_grad_()
torch.softmax(pair, dim=0).log()[1].backward()
print("gradient of the second log(softmax):", pair.grad.tolist())

# %% [markdown]
r"""
At a gap of 100, close to underflow, the probability has lost most of its digits, and the second decimal of its
logarithm is wrong. Once it has been rounded to 0, its logarithm is −inf and its gradient is nan. So do not form the
probability at all. Take the logarithm on paper, where exp and log cancel:

$$\log P_{ij} = O_{ij} - \log \sum_{c} \exp(O_{ic})
\qquad\text{and, with } m_i = \max_c O_{ic},\qquad
\log \sum_{c} \exp(O_{ic}) = m_i + \log \sum_{c} \exp(O_{ic} - m_i) .$$

Shapes: $O$ is (n, k); $m$ and the log-sum-exp have one number per row, (n, 1) with `keepdim=True`; $\log P$ is (n, k)
again. The second equation is the **log-sum-exp trick**: its exponents are at most 0 and one of them is 0, so the sum
lies between 1 and k, and its logarithm is safe.

There is a second trap at large scores. A float32 has about seven digits, so near 10,000 its values are 0.001 apart.
"""

# %%
print("10000 + 0.0003 == 10000:", bool(torch.tensor(10_000.0) + 0.0003 == 10_000.0))
row = torch.tensor([10_000.0, 9_998.75])
shifted = row - row.max()
print("scores minus logsumexp:      ", [round(x, 5) for x in (row - row.logsumexp(0)).tolist()])
print("shifted by the maximum first:", [round(x, 5) for x in (shifted - shifted.logsumexp(0)).tolist()])

# %% [markdown]
r"""
So do not add $m_i$ back: the sum would be rounded, and the small part lost. Subtract $m_i$ from the scores first, and
work with the shifted scores from then on.

### Exercise 4.2: `log_softmax` &nbsp; (3 points, about 10 minutes, ★★☆)

Write the logarithm of the softmax, correct to five decimal places wherever the scores lie.

<details><summary>Hint 1</summary>

Start as in the softmax: subtract the maximum of each row. What is the log-sum-exp of the *shifted* scores?

<details><summary>Hint 2</summary>

Write the first equation above with the shifted scores in both places where $O$ occurs.

</details></details>
"""


# %% exercise="log_softmax"
def log_softmax(O):
    """Logarithms of the softmax probabilities, over the last axis.

    O: float tensor (..., k), k at least 1, entries within +-1e4.
    Returns a tensor of O's shape and dtype, in float32 as in float64 with an absolute error of at most 1e-5
    where the true value is above -100, and a relative error of at most 1e-5 elsewhere.
    """
    ### BEGIN SOLUTION
    shifted = O - O.max(dim=-1, keepdim=True).values
    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()
    ### END SOLUTION


# %% test="log_softmax"
check.exercise("log_softmax", points=3)


def judge(O, wrong=None):
    """The answer is close to the value in float64."""
    found = check.unchanged(log_softmax, O)
    check.like(found, O)
    check.close(found, torch.log_softmax(O.double(), -1), rtol=1e-5, atol=1e-5, known=wrong)


UNFORMED = "log(softmax) is -inf where the probability underflows to 0: do not form the probability"
with check.case("gives the logarithm of each probability", points=1):
    O = torch.tensor([[1.0, 2.0, 3.0], [2.0, 0.0, -1.0]])
    S, right = O - O.amax(1, True), torch.log_softmax(O, 1)
    E, total = S.exp(), O.exp().sum(1, True)
    wrong = {"these are the probabilities; take their logarithm": right.exp()}
    wrong["this is the loss, with the opposite sign"] = -right
    wrong["the logarithm is to base 2; use the natural one"] = right / math.log(2)
    wrong["the logarithm of the sum is to base 10; use the natural one"] = S - E.sum(1, True).log10()
    wrong["it sums down each column; every row has its own sum"] = torch.log_softmax(O, 0)
    wrong["one sum for the whole table; every row has its own"] = O - O.exp().sum().log()
    wrong["the maxima are those of the rows, but the sum is that of the whole table"] = S - E.sum().log()
    wrong["only the maximum is subtracted; the logarithm of the sum is missing"] = S
    wrong["the logarithm of the sum is missing: it subtracts the sum itself"] = O - total
    wrong["the logarithm of the sum is added; subtract it"] = S + E.sum(1, True).log()
    wrong["the logarithm of the sum is added to the scores; subtract it"] = O + total.log()
    wrong["the maximum is subtracted inside exp only; subtract it outside, too"] = O - E.sum(1, True).log()
    wrong["the maximum is subtracted outside exp only; subtract it inside, too"] = S - total.log()
    judge(O, wrong)
    for shape, dtype in (((4,), torch.float32), ((2, 3, 4), torch.float32), ((5, 1), torch.float64)):
        O = check.normal(shape, dtype=dtype)
        axes = range(O.ndim - 1)
        judge(O, {f"it sums along axis {i}; the last axis is meant": torch.log_softmax(O, i) for i in axes})
with check.case("stays finite and right where the probability is too small for float32", points=0.5):
    O = torch.tensor([[0.0, -200.0, -3.0], [50.0, -1000.0, 49.0]])
    double = "log(softmax) underflows to -inf in float64 too, only later: do not form the probability"
    floor = "what keeps the probability above 0 puts a floor under its logarithm: -200 should stay -200"
    found = log_softmax(O)[:, 1]
    check.that(not ((found > -150) & (found < 0)).any(), floor)
    judge(O, {UNFORMED: torch.softmax(O, 1).log(), double: torch.softmax(O.double(), 1).log()})
with check.case("stays right for scores of 10,000 on either side, in float32 and float64", points=1):
    O = check.extreme_scores()
    S = {words: O - shift for words, shift in check.wrong_shifts(O).items()}
    wrong = {words: s - s.exp().sum(1, True).log() for words, s in S.items()}
    wrong[UNFORMED] = torch.softmax(O, 1).log()
    wrong["near 10,000, sums are rounded to 0.001: do not add the maximum back"] = O - O.logsumexp(1, True)
    judge(O, wrong)
    judge(O.double())
### BEGIN HIDDEN TESTS
with check.case("the same on other scores", points=0.5, hidden=True):
    for shape, dtype in (((40, 5), torch.float32), ((3, 2, 7), torch.float32), ((8, 6), torch.float64)):
        for size in (3, 300, 1e4):
            O = check.uniform(shape, low=-size, high=size, dtype=dtype)
            O[..., 0] = O[..., 1] + 0.5
            judge(O)
### END HIDDEN TESTS
check.score()

# %% tags=["experiment"]
log_probabilities = cu.yours(log_softmax, instead=lambda O: torch.log_softmax(O, dim=-1))
gaps = torch.arange(0.0, 161.0)
rows = torch.stack([torch.zeros_like(gaps), -gaps], dim=1)  # (161, 2)
in_two_steps = torch.softmax(rows, dim=1)[:, 1].log()


def draw_two_logarithms(ax):
    seen = in_two_steps.isfinite()
    ax.plot(gaps, log_probabilities(rows)[:, 1], color=cu.plots.COLOURS[0], label="log_softmax")
    ax.plot(
        gaps[seen], in_two_steps[seen], "--", color=cu.plots.COLOURS[1], linewidth=4, label="log(softmax)"
    )
    ax.axvspan(gaps[seen].max(), 160, color=cu.plots.COLOURS[1], alpha=0.2)
    ax.text(134, -50, "log(softmax)\nis -inf", ha="center")
    ax.set(xlabel="gap between the two scores", ylabel="log of the smaller probability")
    ax.set_title("In float32, log(softmax) ends at a gap of about 103")
    ax.legend(loc="lower left")


cu.plots.figure(
    draw_two_logarithms,
    alt="Both fall along the same straight line until a gap of about 103, where log(softmax) ends; log_softmax goes on",
)

# %% [markdown]
r"""
This is why `nn.CrossEntropyLoss` takes **scores**: it works with log-probabilities inside, and stays finite. A
network trained with it should end in a plain linear layer.

### Exercise 4.3: `cross_entropy` &nbsp; (3 points, about 12 minutes, ★★☆)

Write the cross-entropy loss from scores. Its value and its gradient must stay finite where a network is certain
and wrong: that is where it has most to learn.

<details><summary>Hint 1</summary>

Which entry of the matrix of log-probabilities belongs to example i? Look at `each` in section 3.

<details><summary>Hint 2</summary>

Start from a `log_softmax`, not from a `softmax`. You may call your own from exercise 4.2; if it is not done yet, use
`torch.log_softmax`.

</details></details>
"""


# %% exercise="cross_entropy"
def cross_entropy(logits, labels):
    """The mean of -log(probability of the right class).

    logits: float scores (n, k). labels: int64 (n,), each in 0..k - 1. n and k are at least 1.
    Returns a scalar tensor, shape (), of the dtype of logits. Its value, and its gradient with respect to
    logits, are finite for entries within +-1e4.
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_probabilities = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    return -log_probabilities[torch.arange(len(labels)), labels].mean()
    ### END SOLUTION


# %% test="cross_entropy"
check.exercise("cross_entropy", points=3)
with check.case("is the mean of -log p of the right classes", points=0.5):
    O = torch.tensor([[1.0, 2.0, 0.5, -1.0], [0.0, 0.3, 3.0, 0.1], [-2.0, 0.0, 1.0, 2.5]])
    y = torch.tensor([1, 0, 3])
    P = torch.softmax(O, 1)
    p = P[torch.arange(3), y]
    wrong = {"the losses are added up; take their mean": -p.log().sum()}
    wrong["the mean goes over all n * k entries; it goes over the n examples"] = -p.log().sum() / 12
    wrong["it is divided by k; divide by n, the number of examples"] = -p.log().sum() / 4
    wrong["the minus sign is missing"] = p.log().mean()
    wrong["the logarithm is missing"] = -p.mean()
    wrong["it is the logarithm of the mean; take the mean of the logarithms"] = -p.mean().log()
    wrong["it is 1 - p; take -log p"] = (1 - p).mean()
    wrong["the logarithm is to base 2; use the natural one"] = -p.log2().mean()
    wrong["softmax is applied twice"] = F.cross_entropy(P, y)
    wrong["it takes the largest probability; the label says which one counts"] = -P.amax(1).log().mean()
    wrong["softmax runs down the columns; every row is one example"] = F.nll_loss(torch.log_softmax(O, 0), y)
    wrong["one loss per example; return their mean"] = -p.log()
    wrong["`[:, labels]` takes whole columns; every row has one label"] = -P.log()[:, y].mean()
    wrong["this is the loss of a yes or no for each class; exactly one class is right"] = (
        F.binary_cross_entropy_with_logits(O, F.one_hot(y, 4).float())
    )
    check.close(check.unchanged(cross_entropy, O, y), F.cross_entropy(O, y), known=wrong)
with check.case("is a scalar with the gradient (P - one-hot) / n, for one example or class, too", points=1):
    for n, k, dtype in ((5, 3, torch.float32), (1, 4, torch.float64), (3, 1, torch.float32)):
        O, y = check.normal((n, k), dtype=dtype), check.integers((n,), 0, k)
        found = check.unchanged(cross_entropy, O, y)
        check.close(found, F.cross_entropy(O, y), f"n = {n}, k = {k}", strict=True)
        check.gradient(cross_entropy, F.cross_entropy, O, fixed=(y,))
with check.case("stays finite, value and gradient, for scores of 10,000 on either side", points=1):
    ceiling = "a clamp, or a small number added to p, puts a ceiling on the loss; it should be huge here"
    wrong = {"the loss is inf where the probability underflows to 0: work with log-probabilities": math.inf}
    wrong["the loss is -inf: one maximum for the whole batch; every row needs its own"] = -math.inf
    wrong["the loss is nan: an exponential overflows, or a logarithm of 0 meets a 0"] = math.nan
    flat = {"the gradient is 0 at a certain and wrong answer: p has a floor": lambda O, y: 0 * O.sum()}
    certain, both = [[1e4, -1e4, 0]], [[-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]]
    for O, y in ((certain, [0]), (certain, [1]), (both, [0, 2])):
        O, y = torch.tensor(O), torch.tensor(y)
        found, right = check.unchanged(cross_entropy, O, y), F.cross_entropy(O, y)
        check.that(not (right > 1000 and 10 < found < 200), ceiling)
        check.close(found, right, "scores of 10,000", known=wrong, rtol=1e-4, atol=1e-2)
        check.gradient(cross_entropy, F.cross_entropy, O, fixed=(y,), rtol=1e-2, atol=2e-3, known=flat)
### BEGIN HIDDEN TESTS
with check.case("the same on other scores", points=0.5, hidden=True):
    for n, k, size, tolerance in ((7, 7, 1.0, 1e-5), (20, 10, 5.0, 1e-5), (6, 4, 1e4, 2e-3)):
        O, y = check.normal((n, k), std=size).clamp(-1e4, 1e4), check.integers((n,), 0, k)
        right = F.cross_entropy(O, y)
        check.close(check.unchanged(cross_entropy, O, y), right, rtol=1e-4, atol=5 * tolerance)
        check.gradient(cross_entropy, F.cross_entropy, O, fixed=(y,), rtol=5 * tolerance, atol=tolerance)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Before any training, what loss should the ten-class network have on the validation pictures? And what does one picture
cost if the network gives its class a score 20 below the best?
"""

# %% tags=["experiment"]
loss = cu.yours(cross_entropy, instead=F.cross_entropy)
with torch.no_grad():
    untrained = loss(X.flatten(1) @ W + b, y).item()
assert abs(untrained - math.log(10)) < 0.15
print(f"untrained: {untrained:.1f}, and log 10 = {math.log(10):.1f}")
print(f"certain and wrong by 20: {loss(torch.tensor([[20.0, 0.0]]), torch.tensor([1])).item():.1f}")

# %% [markdown]
r"""
## 5 The gradient in four lines

How should the score $O_{ij}$ change to lower the loss? For one example with label $y$, write
$\ell = \log \sum_c e^{O_c} - O_y$, and let $[j = y]$ be 1 for the right class and 0 for the others. Then

$$\begin{aligned}
\frac{\partial \ell}{\partial O_j}
&= \frac{\partial}{\partial O_j} \log \sum_c e^{O_c} - \frac{\partial O_y}{\partial O_j} \\
&= \frac{1}{\sum_c e^{O_c}} \cdot \frac{\partial}{\partial O_j} \sum_c e^{O_c} - [j = y] \\
&= \frac{e^{O_j}}{\sum_c e^{O_c}} - [j = y] \\
&= P_j - [j = y] .
\end{aligned}$$

The gradient is *what was predicted minus what was true*. For the mean over n examples, with $Y$ the (n, k) matrix
whose rows are one-hot, each row is divided by n:

$$\frac{\partial L}{\partial O} = \frac{1}{n} \, (P - Y), \qquad \text{shape } (n, k) .$$

A step against the gradient raises the right score in proportion to the missing probability $1 - P_y$, and lowers each
other score in proportion to the probability that its class should not have. What is the sum of a row?
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_gradient(ax):
    P = torch.softmax(torch.tensor([0.0, 3.0, 1.0, -1.0]), dim=0)
    Y = torch.tensor([0.0, 0.0, 1.0, 0.0])
    names = ("predicted P", "true Y", "gradient P − Y")
    for i, (name, values) in enumerate(zip(names, (P, Y, P - Y))):
        bars = ax.bar(
            torch.arange(4) + 0.27 * (i - 1), values, width=0.25, color=cu.plots.COLOURS[i], label=name
        )
        ax.bar_label(bars, fmt="{:.2f}", padding=2, fontsize=8)
    ax.axhline(0, color="#999999", linewidth=0.8)
    ax.set_xticks(range(4), ["class 0", "class 1", "class 2 (right)", "class 3"])
    ax.set(ylim=(-1.15, 1.5), ylabel="probability, or gradient")
    ax.set_title("Scores 0, 3, 1, −1: the gradient is negative for the right class only")
    ax.legend(loc="upper right", ncols=3)


cu.plots.figure(
    draw_gradient,
    alt="Four classes with three bars each: P, the one-hot Y and their difference, which is -0.89 for the right "
    "class and positive for the others",
)

# %% [markdown]
r"""
### Exercise 4.4: `cross_entropy_grad` &nbsp; (3 points, about 12 minutes, ★★☆)

Compute this gradient from scores and labels. Autograd is switched off while your answer is checked.

<details><summary>Hint 1</summary>

You need $P$ from the stable softmax of section 1; calling your own is fine.

<details><summary>Hint 2</summary>

Subtracting $Y$ changes one entry in each row: the one that `each` in section 3 picked out. Or build $Y$: chapter 1
had an exercise for it.

</details></details>
"""


# %% exercise="cross_entropy_grad"
def cross_entropy_grad(logits, labels):
    """The gradient of the mean cross-entropy with respect to the scores, without autograd.

    logits: float scores (n, k). labels: int64 (n,), each in 0..k - 1. n and k are at least 1.
    Returns a tensor of the shape and dtype of logits. It is finite for entries within +-1e4.
    """
    ### BEGIN SOLUTION
    exps = (logits - logits.max(dim=1, keepdim=True).values).exp()
    gradient = exps / exps.sum(dim=1, keepdim=True)
    gradient[torch.arange(len(labels)), labels] -= 1
    return gradient / len(labels)
    ### END SOLUTION


# %% test="cross_entropy_grad"
check.exercise("cross_entropy_grad", points=3)


def judge(O, y, message="", known=None):
    """The answer is close to the gradient in float64, and found without autograd."""
    with check.without("autograd"):
        found = check.unchanged(cross_entropy_grad, O, y)
    check.like(found, O)
    right = (torch.softmax(O.double(), 1) - F.one_hot(y, O.shape[1])) / len(y)
    check.close(found, right, message, known=known, rtol=1e-4, atol=1e-6)


with check.case("is (P - one-hot) / n, without autograd", points=1.5):
    O = torch.tensor([[1.0, 2.0, 0.5, -1.0], [0.0, 0.3, 3.0, 0.1], [-2.0, 0.0, 1.0, 2.5]])
    y = torch.tensor([1, 0, 3])
    P, Y, columns = torch.softmax(O, 1), F.one_hot(y, 4), torch.zeros(4).index_fill(0, y, 1)
    wrong = {"this is the gradient of the sum of the losses: divide by n": P - Y}
    wrong["it is divided by n * k; divide by n"] = (P - Y) / 12
    wrong["it is divided by k; divide by n, the number of examples"] = (P - Y) / 4
    wrong["it is divided by n - 1; divide by n"] = (P - Y) / 2
    wrong["the sign is reversed: predicted minus true"] = (Y - P) / 3
    wrong["P (1 - P) is the slope of a probability; what was predicted minus what was true"] = P * (1 - P) / 3
    wrong["these are log-probabilities minus one-hot; take the probabilities"] = (P.log() - Y) / 3
    wrong["these are the probabilities; subtract 1 at each label"] = P
    wrong["these are the probabilities divided by n; subtract 1 at each label first"] = P / 3
    wrong["the numbers of the labels are subtracted; subtract one-hot rows"] = (P - y[:, None]) / 3
    wrong["1 is subtracted after the division by n; subtract it before"] = P / 3 - Y
    wrong["1 is subtracted at each label and the rest is 0: where are the probabilities?"] = -Y / 3
    wrong["one-hot rows are subtracted from the scores; subtract them from the probabilities"] = (O - Y) / 3
    wrong["softmax runs down the columns; every row is one example"] = (torch.softmax(O, 0) - Y) / 3
    wrong["`[:, labels]` takes whole columns; every row has one label"] = (P - columns) / 3
    wrong["only the scores at the labels have a gradient here; all the others have P / n"] = (P - 1) * Y / 3
    wrong["this is the gradient with respect to the probabilities; go on to the scores"] = -Y / P / 3
    judge(O, y, known=wrong)
with check.case("works for one example, one class and float64", points=0.5):
    for n, k, dtype in ((1, 4, torch.float32), (3, 1, torch.float32), (5, 3, torch.float64)):
        judge(check.normal((n, k), dtype=dtype), check.integers((n,), 0, k), f"n = {n}, k = {k}")
with check.case("stays finite for scores of 10,000 on either side", points=0.5):
    O, y = check.extreme_scores(), torch.tensor([2, 0, 1, 1, 0])
    E = {words: (O - shift).exp() for words, shift in check.wrong_shifts(O).items()}
    P, Y = torch.softmax(O, 1), F.one_hot(y, 3)
    wrong = {words: (e / e.sum(1, True) - Y) / 5 for words, e in E.items()}
    G = -Y / P / 5  # the gradient with respect to P
    wrong["Y / P breaks where P underflows: simplify to P - Y on paper"] = P * (G - (P * G).sum(1, True))
    judge(O, y, known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same on other scores", points=0.5, hidden=True):
    for n, k, size in ((7, 7, 1.0), (20, 10, 5.0), (6, 4, 5e3)):
        judge(check.normal((n, k), std=size).clamp(-1e4, 1e4), check.integers((n,), 0, k))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Check it by finite differences.** Chapter 2 had a tool for judging gradients: move one score by $h$ in both
directions and divide the change of the loss by $2h$.
"""

# %% tags=["experiment"]
gradient_of = cu.yours(cross_entropy_grad, instead=torch.func.grad(F.cross_entropy))
O64, h = O3.double(), 1e-5
numeric = torch.zeros_like(O64)  # (2, 3)
for place in range(O64.numel()):
    move = torch.zeros_like(O64)
    move.view(-1)[place] = h
    numeric.view(-1)[place] = (F.cross_entropy(O64 + move, y3) - F.cross_entropy(O64 - move, y3)) / (2 * h)
print("finite differences:", [[round(g, 4) for g in row] for row in numeric.tolist()])
print("(P - Y) / n:       ", [[round(g, 4) for g in row] for row in gradient_of(O64, y3).tolist()])
assert (numeric - gradient_of(O64, y3)).abs().max() < 1e-8
print("largest difference below 1e-8")

# %% [markdown]
r"""
**Train with it.** From the scores it is one more step to the parameters. $O = XW + b$, so by the chain rule

$$\underset{(784,\,10)}{\frac{\partial L}{\partial W}} = \underset{(784,\,n)}{X^{\top}}\;
\underset{(n,\,10)}{\frac{\partial L}{\partial O}}, \qquad
\frac{\partial L}{\partial b} = \text{the sum of } \frac{\partial L}{\partial O} \text{ over its rows}.$$

That is all a classifier needs: no autograd, no `nn`, no optimizer. Five epochs with your gradient:
"""

# %% tags=["experiment"]
gradient_of = cu.yours(cross_entropy_grad, instead=torch.func.grad(F.cross_entropy))
cu.training.seed_everything(4)
W_hand, b_hand, by_hand = W.clone(), b.clone(), []
for _ in range(5):
    for pictures, labels in train_iter:
        pictures = pictures.flatten(1)  # (n, 784)
        G = gradient_of(pictures @ W_hand + b_hand, labels)  # (n, 10)
        W_hand -= 0.1 * pictures.T @ G
        b_hand -= 0.1 * G.sum(dim=0)
        by_hand.append(F.cross_entropy(pictures @ W_hand + b_hand, labels).item())
cu.plots.curves(
    {"loss of the batch, after its step": by_hand},
    x="step",
    y="cross-entropy",
    title="Ten lines of code learn to name garments",
    alt="The loss starts at 2.3 and falls to about 0.7 in 160 steps",
)
assert sum(by_hand[-32:]) / 32 < 0.9
print("mean loss of the last 32 steps is below 0.9; it started at log 10 = 2.3")

# %% [markdown]
r"""
**Why not the squared error?** Section 3 showed that the squared error of the probabilities is lowest at the truth, too,
so it is a legitimate measure (its name is *Brier score*). Look at the gradients instead. Take two classes, with the
scores $z$ and 0. The right one has the probability $p = 1/(1 + e^{-z})$. The derivative of $-\log p$ with respect to z is
$p - 1$. The squared error $(1 - p)^2 / 2$ brings in one more factor, the slope $p\,(1 - p)$ of $p$ itself:
$(p - 1) \cdot p\,(1 - p)$. What does this factor do at $z = -10$?
"""

# %% tags=["experiment"]
z = torch.linspace(-12, 6, 181)
p = torch.sigmoid(z)
cu.plots.curves(
    {"cross-entropy: 1 - p": 1 - p, "squared error: (1 - p) p (1 - p)": (1 - p) * p * (1 - p)},
    xs=z,
    x="score z of the right class (the other score is 0)",
    y="upward pull on z",
    title="Certain and wrong (left): the squared error hardly pulls",
    alt="Cross-entropy pulls with strength 1 at z = -12; squared error hardly pulls there, only near z = 0",
)
for value in (-2.0, -5.0, -10.0):
    p = torch.sigmoid(torch.tensor(value)).item()
    print(
        f"z = {value:5}: cross-entropy pulls with {1 - p:.4f}, squared error with {(1 - p) * p * (1 - p):.1e}"
    )

# %% [markdown]
r"""
A network that is certain and wrong should learn most, and there the squared error teaches it almost nothing. Section 9
measures what this costs on the garments.

**A good place to stop.** What follows uses your functions to train, measure and choose.
"""

# %% [markdown]
r"""
## 6 Counting what is right

The loss trains the network; people ask for the **accuracy**, the share of right answers. Accuracy cannot do the
training: if a weight moves a little, usually no answer changes, so the gradient is 0.

The predicted class is the one with the largest score. The softmax is not needed for that, because it keeps the order.

### Exercise 4.5: `count_correct` &nbsp; (2 points, about 6 minutes, ★☆☆)

Count the right answers, given either scores or classes that have been predicted already.

<details><summary>Hint 1</summary>

Scores have two axes, predicted classes have one. `argmax` along which axis?

<details><summary>Hint 2</summary>

Comparing two tensors gives True and False; `sum` counts the True ones. The result is a tensor with one number.

</details></details>
"""


# %% exercise="count_correct"
def count_correct(y_hat, y):
    """How many predictions are right.

    y_hat: float scores (n, k), k may be 1, or int64 predicted classes (n,). y: int64 labels (n,). n is at
    least 1.
    Returns a Python int.
    """
    ### BEGIN SOLUTION
    predicted = y_hat.argmax(dim=1) if y_hat.ndim == 2 else y_hat
    return int((predicted == y).sum())
    ### END SOLUTION


# %% test="count_correct"
check.exercise("count_correct", points=2)
with check.case("counts the rows whose largest score is at the label", points=0.5):
    O = [[0.1, 9.0, -1], [3, 0, 1], [-5, -4, -3], [0.2, 0.1, 0], [1, 1.3, 1.2], [-6, -4, -2]]
    O, y = torch.tensor(O), torch.tensor([1, 0, 2, 2, 1, 2])
    wrong = {"it counts the wrong ones": 1, "this is the share; the number is asked for": 5 / 6}
    wrong["argmax without dim finds one place in the whole table; every row has its own"] = 2
    wrong["it takes the score farthest from 0; take the largest one"] = 3
    wrong["where no probability is above 0.5, the largest one still wins"] = 4
    wrong["it says which are right; count them"] = O.argmax(1) == y
    wrong["(n, 1) compared with (n,) gives (n, n): every row was compared with every label"] = 12
    wrong["this is the largest score; its place is asked for"] = 0
    for scores in (O, O.double()):
        found = check.unchanged(count_correct, scores, y)
        check.close(found, 5, known=wrong)
        check.number(found, int)
with check.case("takes predicted classes as well", points=0.5):
    wrong = {"y_hat with one axis holds classes already; no argmax": 1, "it counts the wrong ones": 2}
    found = count_correct(torch.tensor([0, 3, 1, 1, 2, 0]), torch.tensor([0, 3, 1, 2, 0, 0]))
    check.equal(found, 4, known=wrong)
    check.number(found, int)
    check.equal(count_correct(torch.tensor([7]), torch.tensor([7])), 1, "one prediction")
with check.case("takes scores for a single class, and a single row of scores", points=0.5):
    wrong = {"scores were taken for predicted classes; with a single class, every row is class 0": 0}
    wrong["(n, 1) compared with (n,) gives (n, n): every row was compared with every label"] = 9
    found = count_correct(torch.tensor([[2.0], [-1.0], [3.5]]), torch.zeros(3, dtype=torch.int64))
    check.equal(found, 3, known=wrong)
    check.equal(count_correct(torch.tensor([[0.5, -1.0, 3.5]]), torch.tensor([2])), 1, "one example")
### BEGIN HIDDEN TESTS
with check.case("the same on other predictions", points=0.5, hidden=True):
    for n, k in ((100, 10), (3, 3), (1, 1), (10, 2)):
        O, y = check.normal((n, k)), check.integers((n,), 0, k)
        best = [max(range(k), key=row.__getitem__) for row in O.tolist()]
        for y_hat in (O, torch.tensor(best)):
            found = check.unchanged(count_correct, y_hat, y)
            check.number(found, int)
            check.equal(found, sum(a == b for a, b in zip(best, y.tolist())))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Over many batches** there is a tempting shortcut: compute the accuracy of each batch and take the mean. Suppose that
50 of 100, 60 of 100 and 7 of 7 are right. The mean of the three accuracies is 0.7; but 117 of 207 are right, which is
0.565. The seven examples of the last batch counted as much as a hundred others. **Count, then divide once.** The same
holds for losses, as chapter 3 showed: multiply the mean of a batch by its size before you add it up.

Here is the accuracy of the ten lines of section 5, with the validation pictures in batches of 1,900 and 100.
"""

# %% tags=["experiment"]
count = cu.yours(count_correct, instead=cu.training.count_correct)
pictures, labels = valid_iter.images.flatten(1).float() / 255, valid_iter.labels
batch_scores = (pictures @ W_hand + b_hand).split([1_900, 100])
batch_labels = labels.split([1_900, 100])
right = [count(s, t) for s, t in zip(batch_scores, batch_labels)]
assert 1_400 < sum(right) < 1_750
print(f"right answers in all, divided by 2,000: {sum(right) / 2_000:.2f}")

# %% [markdown]
r"""
**Two switches** belong to every evaluation. Some layers behave differently in training: `nn.Dropout` (chapter 5), for
example, sets random numbers to 0. `net.eval()` puts all parts of a network in evaluation mode, where dropout does
nothing. `torch.no_grad()` stops autograd from recording. The two are independent, as in chapter 2:
"""

# %%
noisy = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
probe = torch.ones(1, 4)
for mode in (True, False):
    for grad in (True, False):
        noisy.train(mode)
        with torch.set_grad_enabled(grad):
            same = all(torch.equal(noisy(probe), noisy(probe)) for _ in range(20))
            graph = noisy(probe).requires_grad
        print(f"train({mode!s:5}), autograd {'on: ' if grad else 'off:'}", end=" ")
        print(f"same answer each time {same!s:5}  graph {graph}")

# %% [markdown]
r"""
A good measurement leaves no trace. Suppose that part of a network was put in evaluation mode on purpose, as people do
when they reuse a trained network. Then calling `net.train()` at the end would undo that.

### Exercise 4.6: `evaluate_accuracy` &nbsp; (3 points, about 12 minutes, ★★☆)

Measure the accuracy of a network over all batches, and leave everything as you found it: every part in its own
mode, every parameter trainable or not as it was, and autograd on or off as it was.

<details><summary>Hint 1</summary>

`net.modules()` gives the network and all its parts, and each of them has an attribute `training`.

<details><summary>Hint 2</summary>

Store the modes before `net.eval()`. At the end, give each module its own mode back. `module.train(mode)` changes all the
parts inside, too; the attribute `training` does not.

</details></details>
"""


# %% exercise="evaluate_accuracy"
def evaluate_accuracy(net, data_iter):
    """The share of all examples that net classifies correctly.

    net: nn.Module that maps X (n, ...) to scores (n, k). data_iter: batches (X, y), X float32 (n, ...) and y
    int64 (n,), of any sizes, at least one example in all.
    Returns a float in [0, 1]. net works in evaluation mode and without a graph. Afterwards every submodule is
    back in the mode it had, requires_grad is as it was, and autograd is on or off as before.
    """
    ### BEGIN SOLUTION
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    right, examples = 0, 0
    with torch.no_grad():
        for X, y in data_iter:
            right += int((net(X).argmax(dim=1) == y).sum())
            examples += len(y)
    for module, mode in modes:
        module.training = mode
    return right / examples
    ### END SOLUTION


# %% test="evaluate_accuracy"
check.exercise("evaluate_accuracy", points=3)
with check.case("divides the right answers of all batches by all examples", points=1):
    wrong = {"it takes the mean of the batch accuracies; a small batch counts too much": (3 / 4 + 1 + 0) / 3}
    wrong["it counts every batch as large as the first"] = 4 / 12
    wrong["it counts every batch as large as the last"] = 4 / 6
    wrong["only the last batch counts"] = 0.0
    wrong["only the first batch counts"] = 3 / 4
    wrong["this is the share of wrong answers"] = 3 / 7
    wrong["this is the number of right answers; divide by the number of examples"] = 4.0
    wrong["it divides by the number of batches; divide by the number of examples"] = 4 / 3
    wrong["this is in per cent; a share from 0 to 1 is asked for"] = 400 / 7
    found = evaluate_accuracy(check.linear(torch.eye(4)), check.scored([3, 1, 0], [4, 1, 2]))
    check.close(found, 4 / 7, known=wrong)
    check.number(found, float)
with check.case("uses the net in evaluation mode and without a graph", points=1):
    noting = check.Noting(check.linear(torch.eye(4)))
    found = evaluate_accuracy(nn.Sequential(nn.Dropout(0.9), noting), check.scored([9, 8], [10, 10]))
    training, graph = [any(notes) for notes in zip(*noting.notes)] or (False, False)
    check.that(not training, "net is in training mode while it is measured")
    check.that(not graph, "a graph is recorded while the net is measured")
    check.close(found, 17 / 20)
with check.case("leaves net and autograd as it found them", points=0.5):
    for part, recording in ((None, True), ("", True), ("0", True), ("0.1", True), ("1", False)):
        inner = nn.Sequential(nn.Dropout(0.5), nn.Identity())
        net = nn.Sequential(inner, check.linear(torch.eye(4), torch.zeros(4)))
        if part is not None:
            net.get_submodule(part).eval()
        net[1].weight.requires_grad_(False)
        before = [module.training for module in net.modules()]
        with torch.set_grad_enabled(recording):
            share = evaluate_accuracy(net, check.scored([1], [2]))
            words = f"autograd was {'on' if recording else 'off'} before, and is not now"
            check.that(torch.is_grad_enabled() == recording, words)
        wrong = {"net is left in evaluation mode": [False] * 5}
        wrong["a part that was in evaluation mode is in training mode now"] = [True] * 5
        wrong["only net itself is back in training mode; its parts are not"] = [True] + [False] * 4
        after = [module.training for module in net.modules()]
        check.equal(after, before, "the modes of net and its parts have changed", known=wrong)
        found = [parameter.requires_grad for parameter in net.parameters()]
        check.equal(found, [False, True], "requires_grad of the parameters has changed")
        check.close(share, 1 / 2)
### BEGIN HIDDEN TESTS
with check.case("the same on other nets and batches", points=0.5, hidden=True):
    noting = check.Noting(check.linear(torch.eye(6)))
    net = nn.Sequential(nn.Flatten(1, 3), nn.Dropout(0.5), nn.Sequential(noting, nn.Dropout(0.9)))
    net.eval()
    net[2].training = net[2][1].training = True
    before = [module.training for module in net.modules()]
    batches = [(X.reshape(-1, 1, 2, 3), y) for X, y in check.scored([30, 5, 1], [50, 20, 1], k=6)]
    check.close(evaluate_accuracy(net, batches), 36 / 71)
    check.that(not any(map(any, noting.notes)), "not measured in evaluation mode, without a graph")
    check.equal([module.training for module in net.modules()], before, "the modes have changed")
    examples = torch.utils.data.TensorDataset(*check.scored([7], [11])[0])
    loader = torch.utils.data.DataLoader(examples, batch_size=4)
    check.close(evaluate_accuracy(check.linear(torch.eye(4)), loader), 7 / 11)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 7 An epoch, correctly reported

A training step computes scores anyway, so the training loss and the training accuracy cost nothing extra: count
*those* scores. Both are then running means over weights that change from step to step; in the first epoch they look
worse than the network is by the end of it.

One detail about the loss. `nn.CrossEntropyLoss()` returns the mean of the batch. With `reduction="none"` it returns n
losses, one for each example, which is useful for finding the hardest pictures. In a training step it stops:
"""

# %%
loss_each = nn.CrossEntropyLoss(reduction="none")
for name, rows in (("256 examples", slice(0, 256)), ("1 example", slice(0, 1))):
    losses = loss_each(net(X[rows]), y[rows])
    try:
        losses.backward()
        print(f"{name}: losses of shape {tuple(losses.shape)}, backward() runs")
    except RuntimeError as error:
        print(f"{name}: losses of shape {tuple(losses.shape)}, RuntimeError: {error}")
net.zero_grad()

# %% [markdown]
r"""
`backward()` needs a single number to start from (chapter 2), so reduce the losses first. The mean and the sum both work, but the
gradient of the sum is n times as large; with 256 examples, a learning rate of 0.1 acts like one of 25.6.

### Exercise 4.7: `train_epoch` &nbsp; (5 points, about 18 minutes, ★★★)

Write one epoch of training with its report: the mean loss and the accuracy over all examples that went by. Batches
may have different sizes, and an earlier step may have left gradients in the parameters, which must not count.

<details><summary>Hint 1</summary>

The step is the one from chapter 3. Around it you need three running totals: of losses, right answers and examples.

<details><summary>Hint 2</summary>

`loss` returns the mean of a batch. By what must you multiply it to get this batch's part of the total?

<details><summary>Hint 3</summary>

Keep the scores in a variable: the loss, the gradient and the count all come from the same scores. And keep numbers in
your totals rather than tensors with a graph.

</details></details></details>
"""


# %% exercise="train_epoch"
def train_epoch(net, train_iter, loss, optimizer):
    """Train net for one pass over the data.

    net: nn.Module that maps X (n, ...) to scores (n, k); it is put in training mode. train_iter: batches (X, y),
    X float32 (n, ...) and y int64 (n,), of any sizes, at least one. loss: maps (scores, y) to the mean loss of
    the batch, a scalar tensor. optimizer: of net's parameters; it makes one update per batch, from
    the gradient of this batch alone, whatever .grad held before.
    Returns (mean loss, accuracy), two floats: means over all examples, of the scores that the loss of each
    batch was computed from.
    """
    ### BEGIN SOLUTION
    net.train()
    total_loss, right, examples = 0.0, 0, 0
    for X, y in train_iter:
        scores = net(X)
        batch_loss = loss(scores, y)
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
        total_loss += batch_loss.item() * len(y)
        right += int((scores.argmax(dim=1) == y).sum())
        examples += len(y)
    return total_loss / examples, right / examples
    ### END SOLUTION


# %% test="train_epoch"
check.exercise("train_epoch", points=5)
steep, hits, SGD = check.steep_loss, check.hits, torch.optim.SGD


def run(make, batches, loss=steep, **options):  # the pair that comes back, and the weights of the net then
    both = lambda net: (train_epoch(net, batches, loss, SGD(net.parameters(), **options)), check.weights(net))  # noqa: E731
    found, weights = check.made(lambda: both(make()))
    check.that(isinstance(found, (tuple, list)) and len(found) == 2, "return two values: mean loss, accuracy")
    return found, weights


SWAPPED = "the two results are swapped: first the mean loss, then the accuracy"
with check.case("makes one update per batch, with the loss and the optimizer that it was given", points=1):
    W, batches, make = check.normal((4, 5)), check.batches([8, 8, 3], 5, 4), lambda: check.linear(W, stale=3)
    end = lambda data=batches, loss=steep, **more: check.trained(make(), data, loss, lr=0.005, **more).weights  # noqa: E731

    def mistakes():
        wrong = {"the weights have not moved": W.flatten(), "the weights went uphill": end(maximize=True)}
        wrong["only one update was made, with the last batch: is the step in the loop?"] = end(batches[2:])
        wrong["only the first batch was used: is the return inside the loop?"] = end(batches[:1])
        wrong["the gradients of earlier batches are added to: clear them for every batch"] = end(momentum=1.0)
        wrong["no gradients are cleared: clear them for every batch"] = end(momentum=1.0) - 9 * 0.005
        wrong["gradients from before the epoch are added to: clear them before backward()"] = right - 0.015
        early = "a softmax comes before the loss; give it the scores"
        wrong[early] = end(loss=lambda scores, y: steep(scores.softmax(1), y))
        times = "the step is n times too long: train on the mean loss, multiply by n in the report only"
        wrong[times] = end(loss=lambda scores, y: len(y) * steep(scores, y))
        wrong["it trains with cross-entropy; train with `loss`, whatever that is"] = end(loss=F.cross_entropy)
        return wrong

    right, pushed, near = end(), end(momentum=0.5), {"rtol": 1e-4, "atol": 1e-5}
    check.close(run(make, batches, lr=0.005)[1], right, "after three updates", known=mistakes, **near)
    wrong = {"`optimizer` was not used: this is plain gradient descent": right}
    _, found = run(lambda: check.linear(W), batches, lr=0.005, momentum=0.5)
    check.close(found, pushed, "with momentum", known=wrong, **near)
with check.case("reports the mean loss over the examples", points=1):
    W, batches = check.normal((4, 5)), check.batches([40, 40, 7], 5, 4)
    trained = check.trained(check.linear(W), batches, steep, lr=0.02)
    [loss], [mean], [after] = trained.before, trained.mean(), trained.mean(trained.after)
    wrong = check.wrong_means("loss", loss, trained.sizes, "losses")
    wrong["it reports the total loss; divide by the number of examples"] = 87 * mean
    wrong["it reports the loss after each update; the loss before it is asked for"] = after
    wrong["it reports cross-entropy; report what `loss` gives"] = mean / 100
    wrong["the loss is exactly 1: a digit 1 stands where the loss should be"] = 1.0
    share = lambda: check.trained(check.linear(W), batches, steep, measure=hits, lr=0.02).mean()[0]  # noqa: E731
    (found, _), _ = run(lambda: check.linear(W), batches, lr=0.02)
    check.close(found, mean, rtol=1e-4, known=lambda: wrong | {SWAPPED: share()})
    check.number(found, float)
with check.case("reports the accuracy of the scores that the loss came from", points=1):
    W, batches, seen = check.normal((4, 5)), check.batches([40, 40, 40, 7], 5, 4), []
    trained = check.trained(check.linear(W), batches, steep, measure=hits, lr=0.03)
    [right], [share] = trained.before, trained.mean()
    wrong = check.wrong_means("accuracy", right, trained.sizes, "accuracies")
    wrong["it measures the accuracy after each update"] = trained.mean(trained.after)[0]
    wrong["it measures the accuracy at the end of the epoch"] = trained.mean(trained.end)[0]
    wrong["it reports the number of right answers; divide by the number of examples"] = 127 * share
    wrong["this is in per cent; a share from 0 to 1 is asked for"] = 100 * share
    loss = lambda: check.trained(check.linear(W), batches, steep, lr=0.03).mean()[0]  # noqa: E731
    (_, found), _ = run(lambda: check.linear(W), batches, lr=0.03)
    check.close(found, share, known=lambda: wrong | {SWAPPED: loss()})
    check.number(found, float)

    def noting(scores, y):
        seen.append((steep(scores, y).item(), hits(scores, y).item()))
        return steep(scores, y)

    found, _ = run(lambda: nn.Sequential(nn.Dropout(0.5), check.linear(W)), batches[:1], noting, lr=1e-9)
    two_runs = "loss and accuracy come from two different runs of net: keep the scores of the first"
    check.that(seen, "`loss` was not used")
    check.close(torch.tensor(found), torch.tensor(seen[0]), two_runs)
with check.case("puts the net, and all its parts, in training mode", points=1):
    inner = check.Noting(check.linear(check.normal((4, 6))))
    batches = [(X.reshape(-1, 2, 3), y) for X, y in check.batches([4, 3], 6, 4)]
    run(lambda: nn.Sequential(nn.Flatten(1, 2), inner).eval(), batches, lr=0.001)
    modes = [training for training, graph in inner.notes if graph]
    check.that(modes and all(modes), "net was in evaluation mode while it was trained: call net.train()")
### BEGIN HIDDEN TESTS
with check.case("the same with other batches, another optimizer and another loss", points=1, hidden=True):
    for sizes, k, d in (([1], 3, 2), ([5, 1, 9, 2], 6, 4), ([30, 30], 2, 8)):
        W, batches = check.normal((k, d)), check.batches(sizes, d, k)
        trained = check.trained(check.linear(W), batches, steep, lr=0.004, momentum=0.5)
        share = check.trained(check.linear(W), batches, steep, measure=hits, lr=0.004, momentum=0.5).mean()
        found, weights = run(lambda: check.linear(W, stale=1.0), batches, lr=0.004, momentum=0.5)
        check.close(weights, trained.weights, "the weights are wrong", rtol=1e-3, atol=1e-4)
        check.close(found[0], trained.mean()[0], "the mean loss is wrong", rtol=1e-3)
        check.close(found[1], share[0], "the accuracy is wrong")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Twenty epochs on the garments**, with your `train_epoch` and your `evaluate_accuracy`. The untrained network starts at
a loss of about 2.3. Where will it end?
"""

# %% tags=["experiment"]
one_epoch = cu.yours(train_epoch, instead=cu.training.train_epoch)
accuracy_of = cu.yours(evaluate_accuracy, instead=cu.training.evaluate_accuracy)


def new_network(lr, std=0.01, seed=0):
    """A new network and its optimizer."""
    cu.training.seed_everything(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    nn.init.normal_(net[1].weight, std=std)
    return net, torch.optim.SGD(net.parameters(), lr=lr)


def train(lr, num_epochs=10, loss=F.cross_entropy, std=0.01, seed=0, batches=train_iter, live=None):
    """A trained network. live: takes (epoch, loss, training accuracy, validation accuracy)."""
    net, optimizer = new_network(lr, std, seed)
    for epoch in range(1, num_epochs + 1):
        report = one_epoch(net, batches, loss, optimizer)
        if live is not None:
            live(epoch, *report, accuracy_of(net, valid_iter))
    return net


report = []
with cu.plots.LiveCurves(
    {"loss": ["training loss"], "accuracy": ["training accuracy", "validation accuracy"]},
    title="Your code learns to name garments",
    until=20,
    alt="On the left the training loss falls from 1.5 to below 0.5; on the right both accuracies rise to about 0.85",
) as curves:

    def show(epoch, loss, train_accuracy, valid_accuracy):
        report.append((loss, train_accuracy, valid_accuracy))
        names = ("training loss", "training accuracy", "validation accuracy")
        curves.add(epoch, dict(zip(names, report[-1])))

    classifier = train(0.1, num_epochs=20, live=show)
last_loss, last_train, last_valid = report[-1]
assert 0.35 < last_loss < 0.6 and 0.78 < last_train < 0.92 and 0.76 < last_valid < 0.9
print("after 20 epochs: training loss near 0.45, training accuracy above 0.8, validation accuracy above 0.78")

# %% [markdown]
r"""
A single linear layer names more than four in five garments. On the real Fashion-MNIST, *Dive into Deep Learning*
reaches after 10 epochs a loss of 0.45, a training accuracy of 0.85 and a test accuracy of 0.83 to 0.84 (read off its
plots; two equivalent programs differ by almost a point). The dips in the curve come from steps that follow the gradient
of one batch at a learning rate that stays the same.

<details><summary>For readers of the d2l book</summary>

The book's `train_ch3` does what `train_epoch` and `evaluate_accuracy` do here; it took losses with `reduction="none"`
and formed the mean itself. Release 0.17 of the book's package has it, the current source no longer does. Its helper
`Accumulator` is three plain totals here, `Animator` is `cu.plots.LiveCurves`, and `Timer` is `cu.training.Timer`. Its
`init_weights` tests `type(m) == nn.Linear`, which skips classes derived from `nn.Linear`; `isinstance(m, nn.Linear)`
includes them.

</details>

### Exercise 4.8: find the faulty lines &nbsp; (1.5 points, about 10 minutes, ★★☆)

A classmate wrote this epoch. It runs without an error, and the network learns something.
"""


# %%
def classmates_epoch(net, train_iter, loss, optimizer):
    net.train()  # line 1
    total, right, examples = 0.0, 0, 0  # line 2
    for X, y in train_iter:  # line 3
        outputs = torch.softmax(net(X), dim=1)  # line 4
        batch_loss = loss(outputs, y)  # line 5
        optimizer.zero_grad()  # line 6
        batch_loss.backward()  # line 7
        optimizer.step()  # line 8
        total += 1 * len(y)  # line 9
        right += (net(X).argmax(dim=1) == y).sum().item()  # line 10
        examples += len(y)  # line 11
    return total / examples, right / examples  # line 12


# %% tags=["experiment"]
seen = []  # for each batch: what loss(...) returned, and how many of its outputs were right


def watched_loss(outputs, y):
    value = F.cross_entropy(outputs, y)
    seen.append((value.item(), (outputs.argmax(dim=1) == y).sum().item()))
    return value


inside, accuracies = {}, {}
for lr in (0.1, 1.0, 3.0):
    seen.clear()
    net_of_classmate, optimizer = new_network(lr)
    reports = [classmates_epoch(net_of_classmate, train_iter, watched_loss, optimizer) for _ in range(10)]
    inside[f"learning rate {lr}"] = [value for value, _ in seen]
    accuracies[lr] = accuracy_of(net_of_classmate, valid_iter)


def draw_inside(ax):
    for (name, values), colour in zip(inside.items(), cu.plots.COLOURS):
        ax.plot(range(1, len(values) + 1), values, color=colour, linewidth=1, label=name)
    ax.axhline(1.46, color=cu.plots.INK, linestyle="--", label="1.46")
    ax.set(xlabel="step", ylabel="what loss(...) returned", ylim=(1.2, 2.4))
    ax.set_title("At three learning rates, no batch has a loss below 1.46")
    ax.legend(ncols=2)


cu.plots.figure(
    draw_inside,
    alt="Three noisy curves start near 2.3 and fall; none of them gets below a dashed line at 1.46 in 320 steps",
)
assert all(loss == 1.0 for loss, _ in reports) and min(map(min, inside.values())) > 1.46
assert accuracy_of(train(0.1), valid_iter) > accuracies[0.1] + 0.08
print("losses that it reports:", [f"{loss:.3f}" for loss, _ in reports[:5]], "...")
print("validation accuracy after 10 epochs at 0.1: more than 8 points behind train_epoch")

# %% [markdown]
r"""
Now one epoch on 800 pictures in batches of 8. The watched loss counts the right answers among the outputs that it gets.
"""

# %% tags=["experiment"]
seen.clear()
few = cu.data.BatchLoader(everything.images[:800], everything.labels[:800], 8, shuffle=True)
net_of_classmate, optimizer = new_network(0.3)
_, reported = classmates_epoch(net_of_classmate, few, watched_loss, optimizer)
counted = sum(right for _, right in seen) / 800
assert reported > counted + 0.03
print("the accuracy that it reports is more than 3 points above that of the outputs given to loss")

# %% [markdown]
r"""
Three symptoms, three faulty lines. For each symptom, give the number of the line that has to be changed.

- **"one"**: the reported loss is 1.000 in every epoch.
- **"floor"**: the loss of a batch never falls below 1.46, and learning is slow.
- **"flattering"**: the reported accuracy is higher than that of the outputs that the loss was computed from.

<details><summary>Hint 1</summary>

Take the symptoms one by one. Which variable is too large or too small, and which lines change it?

<details><summary>Hint 2</summary>

For "floor": what does `cross_entropy` expect as its first argument? Suppose that a row of it is exactly one-hot, with the
1 in the right place, and work out the loss of this row.

</details></details>
"""

# %% exercise="claims_faulty_lines"
faulty = {"one": "?", "floor": "?", "flattering": "?"}
### BEGIN SOLUTION
faulty = {"one": 9, "floor": 4, "flattering": 10}
### END SOLUTION

# %% test="claims_faulty_lines"
check.exercise("claims_faulty_lines", points=1.5)
with check.case("every symptom has the number of a line"):
    check.claims(faulty, {symptom: range(1, 13) for symptom in ("one", "floor", "flattering")})
### BEGIN HIDDEN TESTS
with check.case("the reported loss", points=0.5, hidden=True):
    check.right(faulty, {"one": 9}, "which line adds to the total, and what does it add?")
with check.case("the floor", points=0.5, hidden=True):
    check.right(faulty, {"floor": 4}, "what does cross_entropy expect as its first argument?")
with check.case("the reported accuracy", points=0.5, hidden=True):
    check.right(faulty, {"flattering": 10}, "which outputs are counted, and when were they computed?")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 8 A choice, and a number to trust

How good is the classifier really? Its training accuracy cannot tell us. The same network, trained on 100 pictures
for 600 epochs, gets all of them right:
"""

# %% tags=["experiment"]
hundred = cu.data.BatchLoader(everything.images[train_rows[:100]], everything.labels[train_rows[:100]], 100)
memoriser = train(0.1, num_epochs=600, batches=hundred)
on_its_own, on_new = accuracy_of(memoriser, hundred), accuracy_of(memoriser, valid_iter)
assert on_its_own == 1.0 and 0.55 < on_new < 0.75
print(f"100 pictures: training accuracy {on_its_own:.2f}, validation accuracy {on_new:.1f}")

# %% [markdown]
r"""
So judge on pictures that the network has not learned from. And if you use such pictures to make a *choice*, they are
no longer new: among many candidates, the best one on these pictures is partly the luckiest. Hence three sets: train on
the first, choose on the second (the **validation set**), and report on the third (the **test set**), once.

Our choice is the learning rate. Five candidates, ten epochs, three random starts each:
"""

# %% tags=["experiment"]
rates = (0.01, 0.03, 0.1, 0.3, 1.0)
nets = {lr: [train(lr, seed=seed) for seed in range(3)] for lr in rates}
found = {lr: [accuracy_of(net, valid_iter) for net in nets[lr]] for lr in rates}


def draw_rates(ax):
    for lr in rates:
        ax.plot([lr] * 3, found[lr], "o", color=cu.plots.COLOURS[0], alpha=0.7)
    ax.plot(rates, [sum(found[lr]) / 3 for lr in rates], color=cu.plots.COLOURS[0])
    ax.set(
        xscale="log", xlabel="learning rate (10 epochs each)", ylabel="validation accuracy", ylim=(0.7, 0.9)
    )
    ax.set_title("Small rates are slow; at 1.0 the result depends on the start (line: mean)")
    ax.grid()


cu.plots.figure(
    draw_rates,
    alt="Validation accuracy against learning rate: rising from 0.78 at 0.01 to about 0.85 at 0.1 and 0.3; "
    "at 1.0 the three starts are far apart",
)
mean = {lr: sum(found[lr]) / 3 for lr in rates}
chosen = max(mean, key=mean.get)
assert mean[chosen] > mean[0.01] + 0.02
print(f"chosen: {chosen}")

# %% [markdown]
r"""
Is the lead of 0.3 over 0.1, about one point, a real difference? Give a picture 1 if it is classified correctly and 0 if
not. A variable that is 1 with probability $a$ and 0 otherwise has the variance $a(1-a)$; the mean of n of them has the
variance $a(1-a)/n$. So an accuracy $a$ measured on n pictures has the **standard error** $\sqrt{a(1-a)/n}$: in about two
of three such measurements, the true value lies within one standard error. For $a = 0.85$ and n = 2,000 that is 0.008,
nearly as much as the lead.

But 0.008 is the error of *one* accuracy. Two networks tested on the same pictures share most of their luck: both fail
on the same hard ones. So look at the differences, picture by picture: 0 where both are right or both wrong, 1 or −1
where only one of them is right.
"""

# %% tags=["experiment"]
valid_pictures = valid_iter.images.float() / 255
with torch.no_grad():
    right = {
        lr: torch.stack([(net(valid_pictures).argmax(1) == valid_iter.labels).float() for net in nets[lr]])
        for lr in (0.1, 0.3)
    }  # two of shape (3, 2000): a row for each start
differences = right[0.3] - right[0.1]
errors = differences.std(dim=1) / math.sqrt(2_000)
assert errors.max() < 0.007
for seed in range(3):
    print(f"start {seed}: 0.3 is ahead by {differences[seed].mean():.3f} +- {errors[seed]:.3f}")

# %% [markdown]
r"""
The standard error of the difference is about half as large, and 0.3 is ahead from all three starts. On these 2,000
pictures and with ten epochs the lead is small, but more than luck.

Only now do we open the test set. Predict the standard error for groups of 100 pictures, then see how far the accuracies of
random groups of 100 test pictures spread.
"""

# %% tags=["experiment"]
final = train(chosen)
final.eval()
with torch.no_grad():
    test_pictures, test_labels = map(torch.cat, zip(*test_iter))  # (2000, 1, 28, 28), (2000,)
    test_scores = final(test_pictures)  # (2000, 10)
test_accuracy = accuracy_of(final, test_iter)
hits = (test_scores.argmax(dim=1) == test_labels).float()
groups = hits[torch.randint(2_000, (1_000, 100), generator=generator)].mean(dim=1)  # (1000,)
assert 0.7 < test_accuracy < 0.9
cu.plots.figure(
    lambda ax: (
        ax.hist(groups, bins=torch.arange(0.695, 1.0, 0.01), color=cu.plots.COLOURS[0]),
        ax.axvline(test_accuracy, color=cu.plots.COLOURS[1], label="all 2,000"),
        ax.set(xlabel="accuracy on 100 test pictures", ylabel="groups"),
        ax.set_title("One network, measured on 100 pictures at a time"),
        ax.legend(),
    ),
    alt="A bell-shaped histogram of the accuracies of 1,000 groups, centred on the accuracy of all pictures",
)
print(
    f"test accuracy {test_accuracy:.2f}, standard error on 2,000 pictures {math.sqrt(test_accuracy * (1 - test_accuracy) / 2_000):.3f}"
)
print(
    f"groups of 100: predicted spread {math.sqrt(test_accuracy * (1 - test_accuracy) / 100):.2f}, found {groups.std().item():.2f}"
)

# %% [markdown]
r"""
**A good place for a break.** The classifier is trained, chosen and tested. What follows asks what its accuracy depends on.

## 9 Another loss, other pictures

**Which loss?** Compare cross-entropy and the squared error of the probabilities from a good start (tiny
weights) and from a bad one (large random weights: certain, and mostly wrong). A comparison at one learning rate would be
unfair, so each of the four gets five rates, and is judged by its best epoch.
"""


# %% tags=["experiment"]
def squared_error(scores, y):
    """Squared error of the probabilities, summed over the classes; mean of the batch."""
    return ((torch.softmax(scores, dim=1) - F.one_hot(y, 10)) ** 2).sum(dim=1).mean()


more_rates = (0.1, 0.3, 1.0, 3.0, 10.0)
by_loss = {}
for loss_name, loss in (("cross-entropy", F.cross_entropy), ("squared error", squared_error)):
    for start, std in (("good start", 0.01), ("bad start", 1.0)):
        by_loss[f"{loss_name}, {start}"] = best_epochs = []
        for lr in more_rates:
            accuracies = []
            train(lr, num_epochs=6, loss=loss, std=std, live=lambda *now, to=accuracies: to.append(now[-1]))
            best_epochs.append(max(accuracies))


def draw_losses(ax):
    for (name, accuracies), colour, dash in zip(by_loss.items(), cu.plots.COLOURS, cu.plots.DASHES):
        ax.plot(more_rates, accuracies, dash, marker="o", color=colour, label=name)
    ax.set(xscale="log", xlabel="learning rate", ylabel="validation accuracy", ylim=(0, 1))
    ax.set_title("From a bad start, the squared error stays below 0.6 in six epochs")
    ax.grid()
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


cu.plots.figure(
    draw_losses,
    alt="Four curves over five learning rates; three reach above 0.8 somewhere, squared error from the bad start "
    "stays below 0.6",
)
best = {name: max(accuracies) for name, accuracies in by_loss.items()}
assert abs(best["cross-entropy, good start"] - best["squared error, good start"]) < 0.05
assert best["cross-entropy, bad start"] > best["squared error, bad start"] + 0.15
print("best rate each, good start: the two losses are less than 5 points apart")
print("best rate each, bad start: cross-entropy is more than 15 points ahead")
bad = by_loss["cross-entropy, bad start"]
print("the best rate of cross-entropy from the bad start:", more_rates[bad.index(max(bad))])

# %% [markdown]
r"""
From a good start, both losses train well. From a bad start the squared error recovers much more slowly, as the
gradients of section 5 predicted. There, the best rate of cross-entropy is the largest one that we tried, so a still larger
one may do better.

**A test accuracy holds for pictures of the same kind.** What happens to it if the camera changes? (From here on, the test
pictures help us to understand the network, and no longer to choose anything.)
"""

# %% tags=["experiment"]
changes = {
    "as they were": test_pictures,
    "half as bright": 0.5 * test_pictures,
    "mirrored": test_pictures.flip(3),
    "3 pixels to the right": test_pictures.roll(3, dims=3),
    "dark on light": 1 - test_pictures,
}
with torch.no_grad():
    after_change = [(final(X).argmax(1) == test_labels).float().mean().item() for X in changes.values()]
cu.plots.bars(
    after_change,
    labels=list(changes),
    y="test accuracy",
    title="The same network, the same garments, changed pictures",
    alt="Bars: about 0.85 unchanged, about the same at half the brightness, lower when mirrored, below 0.5 when shifted "
    "by 3 pixels, and near 0 for dark on light",
)
assert after_change[0] > 0.78 and after_change[3] < 0.5 and after_change[4] < 0.1
print("3 pixels to the right: below 0.5; dark on light: below 0.1, worse than guessing")

# %% [markdown]
r"""
This is **distribution shift**: the data that the network meets in use differ from those it was trained on. No number
measured on the old kind of picture warns of it. A new scanner, a new fashion and a different share of shirts are all
examples. Check what comes in, and measure again on labelled examples of the new kind.

## 10 What has it learned?

Each class has 784 weights, one for each pixel, so they can be shown as a picture. Where a pixel is red, brightness there
raises the score of the class; where it is blue, it lowers the score.
"""


# %% tags=["experiment"]
def draw_templates(ax):
    weights = final[1].weight.detach().reshape(10, 28, 28)
    largest = weights.abs().amax(dim=(1, 2), keepdim=True)
    wall = torch.full((2 * 32, 5 * 32), math.nan)
    for j, template in enumerate(weights / largest):
        top, left = 32 * (j // 5) + 4, 32 * (j % 5)
        wall[top : top + 28, left : left + 28] = template
        ax.text(left + 14, top - 1.5, cu.data.FASHION_CLASSES[j], ha="center", fontsize=9)
    ax.imshow(wall, cmap="RdBu_r", vmin=-1, vmax=1)
    ax.set_axis_off()
    ax.set_title("The weights of the ten classes: one pattern each")


cu.plots.figure(
    draw_templates,
    height=3.4,
    alt="Ten patterns in red and blue; in several of them the outline of the garment can be seen",
)

# %% [markdown]
r"""
One pattern for each class is all that this network has. A coat shifted by three pixels meets the wrong weights: that
explains the bar of the last section. Chapter 8 does something about it.

**Which classes does it mix up?** A single accuracy does not say. The **confusion matrix** counts every pair: the row is
the true class, the column the predicted one, and the diagonal holds the right answers. It needs only two lists. For
true classes 0, 0, 2, 0 and predictions 0, 2, 2, 2 with three classes, it is `[[1, 0, 2], [0, 0, 0], [0, 0, 1]]`: of three
examples of class 0, two were taken for class 2.

### Exercise 4.9: `confusion_matrix` &nbsp; (2 points, about 8 minutes, ★★☆)

Count the pairs. The line `matrix[y_true, y_pred] += 1` looks right, but it counts a pair that occurs twice only once,
because all the old values are read before any new one is written.

<details><summary>Hint 1</summary>

A loop over the examples is fine. Without a loop: give each pair (true, predicted) a number of its own, from 0 to
`num_classes ** 2 - 1`, and count how often each number occurs.

<details><summary>Hint 2</summary>

`torch.bincount` counts; look up what its `minlength` is for. Another way is `index_put_` with `accumulate=True`.

</details></details>
"""


# %% exercise="confusion_matrix"
def confusion_matrix(y_true, y_pred, num_classes):
    """How often each class was predicted as each class.

    y_true, y_pred: int64 (n,), each entry in 0..num_classes - 1; n may be 0.
    Returns an int64 tensor (num_classes, num_classes), rows true, columns predicted.
    """
    ### BEGIN SOLUTION
    pairs = y_true * num_classes + y_pred
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
    ### END SOLUTION


# %% test="confusion_matrix"
check.exercise("confusion_matrix", points=2)
with check.case("counts every pair, rows true and columns predicted", points=1):
    y_true, y_pred = torch.tensor([0, 0, 2, 0, 1, 1]), torch.tensor([0, 2, 2, 2, 0, 2])
    matrix = torch.tensor([[1, 0, 2], [1, 0, 1], [0, 0, 1]])
    wrong = {"rows and columns are swapped: the true class is the row": matrix.T}
    wrong["a pair that occurs more than once is counted once"] = matrix.clamp(max=1)
    wrong["these are shares; counts are asked for"] = matrix / matrix.sum(1, keepdim=True)
    wrong["only the right answers are counted; the mistakes belong in it, too"] = matrix.diag().diag()
    wrong["the counts start at 1; start at 0"] = matrix + 1
    wrong["all rows are one and the same list: every count is added to each"] = matrix.sum(0).expand(3, 3)
    wrong["a whole row is counted for each example; count one entry"] = matrix.sum(1, True).expand(3, 3)
    check.equal(check.unchanged(confusion_matrix, y_true, y_pred, 3), matrix, known=wrong)
with check.case("works with absent classes and without examples", points=0.5):
    for n, k in ((2, 4), (1, 3), (0, 3)):
        y, right = torch.arange(n), torch.zeros(k, k, dtype=torch.int64)
        right[y, 0] = 1
        found = confusion_matrix(y, torch.zeros_like(y), k)
        check.close(found, right, f"{n} examples, {k} classes", strict=True)
### BEGIN HIDDEN TESTS
with check.case("the same on other labels", points=0.5, hidden=True):
    for n, k in ((200, 12), (50, 3), (9, 1), (1, 5)):
        y_true, y_pred = check.integers((n,), 0, k), check.integers((n,), 0, k)
        matrix = F.one_hot(y_true, k).T @ F.one_hot(y_pred, k)
        check.close(check.unchanged(confusion_matrix, y_true, y_pred, k), matrix, strict=True)
### END HIDDEN TESTS
check.score()

# %% tags=["experiment"]
counts_of = cu.yours(confusion_matrix, instead=cu.training.confusion_matrix)
predicted = test_scores.argmax(dim=1)
matrix = counts_of(test_labels, predicted, 10)
cu.plots.confusion(
    matrix,
    cu.data.FASHION_CLASSES,
    title="The final network on the 2,000 test pictures",
    alt="A 10 by 10 table of counts; most mistakes lie between shirt, coat, pullover and T-shirt",
)
mistakes = matrix.clone().fill_diagonal_(0)
recall = matrix.diag() / matrix.sum(dim=1)  # (10,)
with_sleeves = [0, 2, 4, 6]  # T-shirt, pullover, coat, shirt
assert mistakes[with_sleeves][:, with_sleeves].sum() > mistakes.sum() / 2
assert recall.argmin() == 6 and recall[6] < 0.7
print("T-shirt, pullover, coat and shirt, taken for each other: more than half of all mistakes")
print(f"the class that is found least often: Shirt, {recall[6]:.2f} of them")

# %% [markdown]
r"""
Read your matrix. What are most shirts taken for when they are not recognised? Is a coat taken for a shirt as often as a
shirt for a coat? A row, divided by its sum, shows which share of a class is found (its *recall*); a column tells how far
to trust a prediction (*precision*): of all pictures called "shirt", how many are shirts?

Now the pictures to which the network gives **the right class the lowest probability**. This is a use for one loss per example:
"""

# %% tags=["experiment"]
hardest = loss_each(test_scores, test_labels).argsort(descending=True)[:8]
names = cu.data.FASHION_CLASSES
cu.plots.images(
    test_pictures[hardest],
    titles=[f"{names[test_labels[i]]},\ntaken for\n{names[predicted[i]]}" for i in hardest],
    columns=4,
    title="The eight largest losses of the test set",
    alt="Eight garments, each with its true class and the wrong class that the network predicts",
)

# %% [markdown]
r"""
**One new picture.** In real use there are no labels and no batches. Here are three garments that are in none of our sets. A
picture is (28, 28) and uint8, as a file would hold it; the network expects a batch of floats in [0, 1], with the shape
(1, 1, 28, 28).
"""

# %% tags=["experiment"]
probabilities = cu.yours(softmax, instead=lambda O: torch.softmax(O, dim=-1))
new_pictures, _ = cu.data.garments.draw(10, seed=2026)  # uint8 (10, 28, 28)


def predict(picture):
    """The three most probable classes of one picture, uint8 (28, 28), with their probabilities."""
    X = torch.from_numpy(picture).float().reshape(1, 1, 28, 28) / 255
    with torch.no_grad():
        best = probabilities(final(X))[0].topk(3)
    return [(cu.data.FASHION_CLASSES[j], p) for p, j in zip(best.values.tolist(), best.indices.tolist())]


cu.plots.images(
    new_pictures[:3],
    titles=["\n".join(f"{name} {p:.2f}" for name, p in predict(picture)) for picture in new_pictures[:3]],
    columns=3,
    title="Three new garments and the three most probable classes of each",
    alt="Three garments with three class names and probabilities above each",
)

# %% [markdown]
r"""
**A decision is more than the largest probability.** Suppose that a wrong label costs 5 and that asking a person
costs 1. If the largest probability is $p$, deciding costs $5\,(1 - p)$ on average, so ask when this is more than
1: when $p < 0.8$. The rule holds as far as the probabilities can be trusted. Can they? If so, the
accuracy is equal to the mean of the largest probabilities. This alone is not enough: it must also be so among the pictures
with a high probability, and among those with a low one.
"""

# %% tags=["experiment"]
largest = probabilities(test_scores).max(dim=1).values  # (2000,)
thresholds = torch.linspace(0, 1, 41)
costs = [torch.where(largest < t, 1.0, 5 * (1 - hits)).mean().item() for t in thresholds]
cu.plots.figure(
    lambda ax: (
        ax.plot(thresholds, costs, color=cu.plots.COLOURS[0]),
        ax.axvline(0.8, color=cu.plots.COLOURS[1], linestyle="--", label="the rule: ask below 0.8"),
        ax.set(
            xlabel="ask when the largest probability is below ...",
            ylabel="mean cost of a picture",
            ylim=(0, 1.1),
        ),
        ax.set_title("Asking in doubt is cheaper than never asking (left) and always asking (right)"),
        ax.legend(loc="lower right"),
    ),
    alt="A curve of the cost over the threshold: about 0.7 at 0, lowest near 0.6, 1 at the right end",
)
never, rule, always = costs[0], costs[32], costs[-1]
assert rule < never - 0.05 and rule < always - 0.2 and hits.mean() > largest.mean() + 0.04
print("the rule costs less than never asking, and less than always asking")
print("the accuracy is more than 4 points above the mean of the largest probabilities")
for low, high in ((0.0, 0.4), (0.4, 0.95), (0.95, 1.01)):
    group = (largest >= low) & (largest < high)
    print(
        f"{low:.2f} to {min(high, 1):.2f}: mean {largest[group].mean():.2f}, accuracy {hits[group].mean():.2f}"
    )

# %% [markdown]
r"""
The probabilities above 0.95 can be trusted. Below, the network is right more often than they say: it is
*underconfident*, and the best threshold is below 0.8.
Large networks that were trained for long are often *overconfident*. Check which it is before you act on a probability.

<details><summary>Softmax inside a network?</summary>

Softmax is at times listed among the activation functions for hidden layers, which chapter 5 introduces. With one hidden
layer of 64 units, 10 epochs in batches of 64 on our 8,000 pictures and the best of the rates 0.1, 0.3, 1 and 3 (SGD), the
validation accuracy at the end is 0.86 for ReLU, 0.87 for tanh and 0.49 for softmax; with Adam, another optimizer, at the best
of 0.001, 0.003 and 0.01, it is 0.92, 0.91 and 0.59 (one start each). The reason: 64 numbers that must add up to 1 start near 1/64, nearly the same for every picture, and one of them can
rise only if others fall. Softmax belongs where one of several things is to be selected: in the loss of a classifier, and in
*attention*, which forms weighted means.

</details>

## 11 Claims

### Exercise 4.10: claim cards &nbsp; (2.5 points, about 8 minutes, ★★☆)

Decide with the experiments of this chapter. Answer "true", "false", or the letter of the condition that makes the
sentence true.

1. **"exactly zero"**: "A probability that softmax computes from finite scores of several classes can be exactly 0."
   (a) only if a score is negative, (b) only because floating-point numbers are rounded, (c) only if all
   other scores are equal.
2. **"log of softmax"**: "`torch.softmax(O, -1).log()` is as good as `torch.log_softmax(O, -1)`."
   (a) only while no probability of the row underflows or is close to underflow, (b) only if all scores are positive,
   (c) only in float64, and there always.
3. **"backward"**: "With `reduction='none'`, `loss(net(X), y).backward()` runs without an error."
   (a) only if the learning rate is divided by the batch size, (b) only after `net.train()`, (c) only if
   the batch has one example.
4. **"zero loss"**: "With enough pictures and a good enough network, the mean cross-entropy on new pictures gets as close
   to 0 as you like."
   (a) only if the picture determines the label, (b) only with the natural logarithm, (c) only for two classes.
5. **"squared"**: "A classifier cannot be trained with the squared error, because labels are discrete and their
   difference from a probability means nothing."
   (a) only with more than two classes, (b) only if the network ends in a softmax, (c) only if the data
   are pictures.
"""

# %% exercise="claims_softmax"
answers = {
    "exactly zero": "?",
    "log of softmax": "?",
    "backward": "?",
    "zero loss": "?",
    "squared": "?",
}
### BEGIN SOLUTION
answers = {
    "exactly zero": "b",
    "log of softmax": "a",
    "backward": "c",
    "zero loss": "a",
    "squared": "false",
}
### END SOLUTION

# %% test="claims_softmax"
check.exercise("claims_softmax", points=2.5)
with check.case("every claim is answered with true, false, a, b or c"):
    claims = ("exactly zero", "log of softmax", "backward", "zero loss", "squared")
    check.claims(answers, {claim: ["true", "false", "a", "b", "c"] for claim in claims})
### BEGIN HIDDEN TESTS
with check.case("claims about softmax", points=1, hidden=True):
    expected = {"exactly zero": "b", "log of softmax": "a"}
    check.right(answers, expected, "the experiments are in sections 1 and 4")
with check.case("claims about losses", points=1.5, hidden=True):
    expected = {"backward": "c", "zero loss": "a", "squared": "false"}
    check.right(answers, expected, "read the picture of section 3, and the experiments of sections 7 and 9")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 4.11: in your own words &nbsp; (2 points, about 8 minutes, marked by your instructor)

A classmate trains a classifier for ten classes. From the first epoch to the last, the training loss stays at 2.303 and
the accuracy at about 10 %. No error appears. What does the number 2.303 say about the probabilities that the network
gives? Name two different mistakes in a program that keep the loss at this value (a mistake with which the loss falls
or grows is not an answer), and for each one a quick test that would show whether it is the cause.
"""

# %% [markdown] written="stuck_loss" points=2
r"""
**Model answer.** 2.303 is log 10: the right class gets, on (geometric) average, the probability 1/10. The network has no
opinion and gives all ten classes about the same probability, whatever the picture. It never leaves its start, so the
weights do not learn. Possible causes: `optimizer.step()` is missing, or the learning rate is 0 or far too small (test:
compare the weights before and after an epoch); the optimizer was built from the parameters of another network (test: are
`net.parameters()` the tensors in `optimizer.param_groups`?); the gradients are cleared between `backward` and `step`
(test: print the norm of `.grad` just before the step); all pictures arrive as zeros, or scaled to nearly 0 (test:
print `X.max()`); a softmax in a hidden layer, with a small learning rate (test: replace it).

**Mark scheme.** ½ point: 2.303 = log 10, so about 1/10 for every class (or "as good as guessing", with log 10 named). 1
point: two plausible, different causes, ½ each. Causes that give a moving or growing loss do not count: a learning rate
that is too large, the sum in place of the mean, a softmax before the loss (it falls below 2.0). Nor does a
cause that raises an error, such as detached scores. ½ point: for both causes a test that would tell.
"""

# %% [markdown]
r"""
## Recap

- Softmax takes k scores to k probabilities. Only differences between scores matter, so subtract the maximum of the row
  first.
- Cross-entropy is the mean of −log p of the right class. Compute it from log-probabilities: `nn.CrossEntropyLoss`
  takes scores. An untrained ten-class network has a loss of log 10 = 2.303.
- The gradient with respect to the scores is (P − Y) / n: predicted minus true. With $X^\top$ in front of it, it
  trains the weights.
- Add up totals and divide once at the end. Evaluate in evaluation mode, without a graph, and leave no trace.
- Train on one set, choose on a second, report on a third, and give the standard error. The report holds for pictures of the
  same kind.
- The confusion matrix shows which classes are mixed up; probabilities, with the costs of mistakes, lead to decisions.

**What people get wrong.** They apply a softmax before `nn.CrossEntropyLoss` (with ten classes, the loss then cannot
fall below $-\log \frac{e}{e + 9} = 1.461$); take the logarithm of a softmax; subtract one maximum for the whole batch; form
the mean of batch means; write the digit 1 for the letter l; measure the training accuracy after the update; choose on the
test set; compare two methods at a learning rate that suits one of them.

**Read on.** [PyTorch:
CrossEntropyLoss](https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html) · [Dive into Deep Learning,
chapter 4](https://d2l.ai/chapter_linear-classification/index.html) · [Xiao, Rasul and Vollgraf 2017:
Fashion-MNIST](https://arxiv.org/abs/1708.07747) · [Blanchard, Higham and Higham 2021: Accurately computing the
log-sum-exp and softmax functions](https://doi.org/10.1093/imanum/draa038) · [Guo et al. 2017: On calibration of modern
neural networks](https://arxiv.org/abs/1706.04599).

**Next:** [`05_mlp_dropout`](../05_mlp_dropout/mlp_dropout.ipynb), where a hidden layer gives each class more
than one pattern.
"""
