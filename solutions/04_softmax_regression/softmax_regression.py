# ---
# jupyter:
#   course:
#     title: Softmax regression
#     summary: Scores become probabilities, and a linear network learns to name garments
#     minutes: 180
#     prerequisites: [03_linear_regression]
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: course
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
r"""
# 4 Softmax regression

**Time:** about 3 hours. **You need:** chapters 1 to 3. **Points:** 30.

Chapter 3 predicted a number. Now the answer is a *kind*: shirt, coat or sandal? After this chapter you can

- **turn** scores into probabilities, also where the textbook formula breaks off with nan;
- **measure** with the cross-entropy how wrong a classifier is, and **explain** why it is this measure;
- **train** a linear classifier on garments, and **report** loss and accuracy over an epoch correctly;
- **evaluate** a network without disturbing it, and **read** from a confusion matrix what it mixes up.

| English | 中文 | what it is |
|---|---|---|
| class, label | 类别，标签 | the kind of thing; its number 0, 1, ..., k − 1 |
| score, logit | 得分，未规范化的预测 | what the last layer gives for a class, any real number |
| softmax | softmax 函数 | turns k scores into k probabilities |
| overflow, underflow | 上溢，下溢 | a number too large, or too close to 0, for its dtype |
| likelihood | 似然 | the probability that a model gives to what was observed |
| entropy | 熵 | the smallest mean loss that a distribution allows |
| cross-entropy | 交叉熵 | the mean loss when the wrong distribution is believed |
| KL divergence | KL 散度（相对熵） | cross-entropy minus entropy |
| accuracy | 准确率 | the share of examples that are classified correctly |
| confusion matrix | 混淆矩阵 | how often class i was taken for class j |

**How the exercises work.** Write your answer in place of `# YOUR CODE HERE`, run the cell, then run the
check below it. Some checks are hidden: they ask for the same on other numbers when your work is graded.
"""

# %%
import math

import course_utils as cu
from course_utils import check

import ipywidgets
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)  # networks as small as these only wait for a second thread

# %% [markdown]
r"""
## 1 Three scores that want to be probabilities

A network looks at a garment and gives one **score** per class, also called a *logit*: shirt 2.0, coat 1.0,
sandal −1.5. How sure is it that this is a shirt? Probabilities are never negative and add up to 1. Scores
do as they like. The first idea is to divide by their sum.
"""

# %%
scores = torch.tensor([2.0, 1.0, -1.5])  # shirt, coat, sandal
print("divided by the sum:", [round(p, 2) for p in (scores / scores.sum()).tolist()])

# %% [markdown]
r"""
A shirt with probability 1.33, a sandal with probability −1. What is missing is a step that makes every
number positive and keeps the order: the exponential function. *After* it, dividing by the sum is fine.
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_three_steps(ax):
    exps = scores.exp()
    for step, values in enumerate((scores, exps, exps / exps.sum())):
        for j, (value, colour) in enumerate(zip(values.tolist(), cu.plots.COLOURS)):
            place = 4 * step + j
            ax.bar(place, value, color=colour, width=0.8)
            ax.text(place, max(value, 0) + 0.12, f"{value:.2f}", ha="center", fontsize=9)
    ax.axhline(0, color="#999999", linewidth=0.8)
    ax.set_ylim(-2, 8.5)
    ax.set_xticks([1, 5, 9], ["scores", "exp of the scores", "probabilities"])
    ax.set_title("Shirt (blue), coat (orange), sandal (green)")


cu.plots.figure(
    draw_three_steps,
    alt="Three groups of three bars: scores, one of them negative; their exponentials; the probabilities",
)

# %% [markdown]
r"""
This is the **softmax**. For scores $O$ of shape (n, k), one row per example,

$$P_{ij} = \frac{\exp(O_{ij})}{\sum_{c=1}^{k} \exp(O_{ic})}, \qquad P: (n, k), \quad \text{each row sums to } 1 .$$

Three facts to see at once: the largest score keeps the largest probability; only *differences* between
the scores of a row count, because adding 5 to all multiplies every exponential by the same $e^5$; and doubling
the scores makes the answer surer.
"""

# %%
for name, row in (("scores", scores), ("scores + 5", scores + 5), ("scores * 2", scores * 2)):
    print(f"{name:12}", [round(p, 3) for p in torch.softmax(row, dim=0).tolist()])

# %% [markdown]
r"""
Can a probability be exactly 0 or 1? An exponential is never 0, so with two classes or more each one is
smaller than the sum of all. So on paper every probability lies strictly **between** 0 and 1. Ask the computer:
"""

# %%
for gap, dtype in ((20.0, torch.float32), (200.0, torch.float32), (200.0, torch.float64)):
    p = torch.softmax(torch.tensor([0.0, -gap], dtype=dtype), dim=0)[1].item()
    print(f"a gap of {gap:3.0f} in {dtype}: {p:.1e}")

# %% [markdown]
r"""
$e^{-200} \approx 10^{-87}$ is too small for float32, whose smallest positive number is about
$10^{-45}$, so it is rounded to 0: **underflow**. The 0 is the computer's, not the formula's.

**Try it.** The *temperature* $T$ divides all scores before the softmax. Class 2 is the right one, and its
loss is $-\log p_2$, small when $p_2$ is near 1. *Goal: first move only the temperature, and see how low the
loss will go. Then bring it below 0.1 by moving the temperature and one of the three scores.*
"""

# %% jupyter={"source_hidden": true}
START = (2.0, 1.0, 0.0)


def draw_temperature(ax, score_0, score_1, score_2, temperature):
    """Draw the three probabilities. Returns a comment on the loss of class 2."""
    now = (score_0, score_1, score_2)
    p = torch.softmax(torch.tensor(now) / temperature, dim=0).tolist()
    bars = ax.bar(range(3), p, color=["#56b4e9", "#56b4e9", "#0072b2"])
    ax.bar_label(bars, fmt="{:.3f}", padding=2)
    ax.set_xticks(range(3), [f"class {j}" + (" (right)" if j == 2 else "") for j in range(3)])
    loss = -math.log(p[2])
    title = f"softmax(scores / temperature); the loss of class 2 is {loss:.2f}"
    ax.set(ylim=(0, 1.1), ylabel="probability", title=title)
    moved = sum(a != b for a, b in zip(now, START))
    said = f"The loss of class 2 is {loss:.2f}."
    if loss < 0.1 and moved == 1:
        return said + " Goal reached: the score decides who wins, the temperature how clearly."
    if moved == 0 and temperature > 5:
        return said + " Heat makes all classes equal: the loss stays above log 3 = 1.10."
    if moved > 1:
        return said + f" You have moved {moved} scores; one is enough."
    return said


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
**Where the formula breaks.** Typed in as it stands, softmax is one line. Here it meets two scores, $o$ and 0,
for growing $o$.
"""


# %%
def softmax_as_printed(O):
    """The textbook formula, good for small scores only."""
    return O.exp() / O.exp().sum(dim=-1, keepdim=True)


for o in (10.0, 88.0, 89.0, 1000.0):
    print(f"o = {o:6}: exp(o) = {torch.tensor(o).exp().item():.3g},", end=" ")
    print("probabilities", [round(p, 3) for p in softmax_as_printed(torch.tensor([o, 0.0])).tolist()])


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_overflow(ax):
    o = torch.linspace(-10, 120, 521)
    p = softmax_as_printed(torch.stack([o, torch.zeros_like(o)], dim=1))[:, 0]
    ax.plot(o, p, color=cu.plots.COLOURS[0], label="as printed, float32")
    ax.axvspan(math.log(torch.finfo(torch.float32).max), 120, color=cu.plots.COLOURS[1], alpha=0.25)
    ax.text(104, 0.5, "nan", ha="center", fontsize=14)
    ax.set(xlabel="score o (the other score is 0)", ylabel="probability of o", title="The formula as printed")
    ax.legend(loc="center", bbox_to_anchor=(0.4, 0.5))


cu.plots.figure(
    draw_overflow,
    alt="The probability rises from 0 to 1 and stays there until the score 88.7; from there on it is nan",
)

# %% [markdown]
r"""
$e^{89}$ is larger than every float32: **overflow** makes it inf, and inf / inf is nan, "not a number". One
nan in a loss turns all weights into nan at the next step.

The exercise needs the largest entry of each row. Along an axis, `max` gives two tensors, and each has a name:
"""

# %%
largest = torch.tensor([[1.0, 4.0], [3.0, 2.0]]).max(dim=1, keepdim=True)
print("values:", largest.values.tolist(), " where they stand:", largest.indices.tolist())

# %% [markdown]
r"""
### Exercise 4.1: `softmax` &nbsp; (3 points, about 10 minutes, ★★☆)

Write a softmax that survives any finite scores. Torch has one built in, which would pass; writing your own from
`exp`, `max` and `sum` is what teaches.

<details><summary>Hint 1</summary>

Only differences count, so you may subtract the same number from all scores of a row. Which number makes it
certain that no exponential overflows, and that not all of them underflow?

<details><summary>Hint 2</summary>

The largest score *of each row*, `O.max(dim=-1, keepdim=True).values`: then the largest exponential is
$e^0 = 1$.

</details></details>
"""


# %% nbgrader={"grade": false, "grade_id": "softmax", "locked": false, "schema_version": 3, "solution": true, "task": false}
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


# %% nbgrader={"grade": true, "grade_id": "test_softmax", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.exercise("softmax", points=3)
with check.case("turns each row of scores into probabilities", points=1):
    toy_O = torch.tensor([[1.0, 2.0, 3.0], [2.0, 0.0, -1.0]])
    E = torch.tensor([[math.exp(o) for o in row] for row in toy_O.tolist()])
    R = E / E.amax(1, keepdim=True)
    check.close(
        check.unchanged(softmax, toy_O),
        torch.tensor([[e / sum(row) for e in row] for row in E.tolist()]),
        known={
            "the exponentials are not divided by their sum": E,
            "it divides by the sum down each column; every row has its own sum": E / E.sum(0),
            "one sum for the whole table; every row has its own": E / E.sum(),
            "the maxima are those of the rows, but the sum is that of the whole table": R / R.sum(),
            "the exponentials are missing: it divides the scores by their sum": toy_O
            / toy_O.sum(1, keepdim=True),
            "this is the logarithm of the probabilities": (E / E.sum(1, keepdim=True)).log(),
        },
    )
with check.case("works along the last axis of any shape, and keeps the dtype", points=0.5):
    toy_O = check.normal((2, 3, 4))
    E = toy_O.double().exp()
    toy_P = softmax(toy_O)
    check.like(toy_P, toy_O)
    check.close(
        toy_P,
        E / E.sum(2, keepdim=True),
        known={
            "it sums along axis 1; the last axis is meant": E / E.sum(1, keepdim=True),
            "it sums along axis 0; the last axis is meant": E / E.sum(0, keepdim=True),
        },
    )
    check.like(softmax(check.normal((5,), dtype=torch.float64)), torch.zeros(5, dtype=torch.float64))
    check.close(softmax(torch.tensor([3.0])), torch.ones(1), "a single class has probability 1")
with check.case("stays right for scores of 10,000 and finite for larger ones", points=1):
    toy_O = torch.tensor(
        [[1e4, 1e4 - 1.25, 1e4 - 2.5], [-1e4, -1e4, -1e4 + 1.5], [1e4, -1e4, 0.0], [-40.0, -40.5, -41.0]]
    )
    top = toy_O.double() - toy_O.double().max(dim=1, keepdim=True).values
    E, G = toy_O.exp(), (toy_O - toy_O.max()).exp()
    M, C = (toy_O - toy_O.abs().max(1, keepdim=True).values).exp(), toy_O.clamp(-80, 80).exp()
    A, L = (toy_O - toy_O.mean(1, keepdim=True)).exp(), (toy_O - toy_O.amin(1, keepdim=True)).exp()
    check.close(
        softmax(toy_O),
        top.exp() / top.exp().sum(1, keepdim=True),
        rtol=0.0,
        atol=1e-5,
        known={
            "exp overflows, and inf / inf is nan: subtract a number from each row first": E
            / E.sum(1, keepdim=True),
            "it subtracts one maximum for the whole table; every row needs its own": G
            / G.sum(1, keepdim=True),
            "it subtracts the largest magnitude; subtract the largest score": M / M.sum(1, keepdim=True),
            "it subtracts the mean of each row, and exp still overflows; subtract the largest score": A
            / A.sum(1, keepdim=True),
            "it subtracts the smallest score, and exp still overflows; subtract the largest": L
            / L.sum(1, keepdim=True),
            "it cuts large scores off, so that different scores become equal": C / C.sum(1, keepdim=True),
            "not exact enough: logsumexp of scores near 10,000 is rounded to steps of 0.001; shift first": (
                toy_O - toy_O.logsumexp(1, keepdim=True)
            ).exp(),
        },
    )
    toy_largest = torch.tensor([[3e38, 0.0, -3e38], [-3e38, -3e38, -3e38]])
    toy_P = softmax(toy_largest)
    check.that(toy_P.isfinite().all(), "there are nan or inf in it for scores of 3e38")
    check.close(toy_P, torch.tensor([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]]))
    check.close(
        softmax(torch.tensor([[3.0], [-200.0]])), torch.ones(2, 1), "a single class has probability 1"
    )
### BEGIN HIDDEN TESTS
with check.case("the same on other scores", points=0.5, hidden=True):
    for shape, toy_dtype in (((6, 5), torch.float32), ((3, 1, 2, 7), torch.float32), ((4, 9), torch.float64)):
        toy_O = check.uniform(shape, low=-1e4, high=1e4, dtype=toy_dtype)
        toy_O[..., 1] = toy_O[..., 0] - 0.75  # two scores close together, so that both have a share
        toy_P = check.unchanged(softmax, toy_O)
        check.like(toy_P, toy_O)
        top = toy_O.double() - toy_O.double().amax(-1, keepdim=True)
        check.close(toy_P, top.exp() / top.exp().sum(-1, keepdim=True), rtol=0.0, atol=1e-5)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 2 The logarithm of almost nothing

Learning needs the *logarithm* of a probability, as section 3 will show. Two scores, 0 and −200. The
second class has the probability $e^{-200}$, whose logarithm is −200, a harmless number. Take the softmax
first and the logarithm after it:
"""

# %%
pair = torch.tensor([0.0, -200.0])
print("log(softmax):", torch.softmax(pair, dim=0).log().tolist())
print("log_softmax: ", torch.log_softmax(pair, dim=0).tolist())
print("log(softmax) of 0 and -800 in float64:", torch.softmax(4 * pair.double(), dim=0).log().tolist())
pair.requires_grad_()
torch.softmax(pair, dim=0).log()[1].backward()
print("gradient of the second log(softmax):", pair.grad.tolist())


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_two_logarithms(ax):
    gaps = torch.arange(0.0, 161.0)
    rows = torch.stack([torch.zeros_like(gaps), -gaps], dim=1)
    separate = torch.softmax(rows, dim=1)[:, 1].log()
    seen = separate.isfinite()
    ax.plot(gaps, torch.log_softmax(rows, dim=1)[:, 1], color=cu.plots.COLOURS[0], label="log_softmax")
    ax.plot(gaps[seen], separate[seen], "--", color=cu.plots.COLOURS[1], linewidth=4, label="log(softmax)")
    ax.axvspan(gaps[seen].max(), 160, color=cu.plots.COLOURS[1], alpha=0.25)
    ax.text(134, -40, "log(softmax)\nis -inf", ha="center", fontsize=11)
    ax.set(xlabel="gap between two scores", ylabel="log of the smaller probability")
    ax.set_title("The logarithm of a small probability, in float32")
    ax.legend(loc="lower left")


cu.plots.figure(
    draw_two_logarithms,
    alt="Both fall along the same straight line until a gap of about 103; there log(softmax) ends in -inf",
)

# %% [markdown]
r"""
The two agree as long as the probability fits into a float32. Past a gap of about 100 the probability is
rounded to 0, its logarithm is −inf, and its gradient is nan, which would spoil every weight. So never form the
probability. Take the logarithm on paper, where exp and log cancel:

$$\log P_{ij} = O_{ij} - \log \sum_{c} \exp(O_{ic})
\qquad\text{and, with } m_i = \max_c O_{ic},\qquad
\log \sum_{c} \exp(O_{ic}) = m_i + \log \sum_{c} \exp(O_{ic} - m_i) .$$

Shapes: $O$ is (n, k); $m$ and the log-sum-exp have one number per row, (n, 1) with `keepdim=True`; the result
$\log P$ is (n, k) again.

The second equation is the **log-sum-exp trick**. After it all exponents are at most 0, and one of them is 0,
so the sum lies between 1 and k and its logarithm is safe.

One more trap waits at large scores: float32 has about seven digits, so near 10,000 its numbers are 0.001 apart.
"""

# %%
print("10000 + 0.0003 == 10000:", bool(torch.tensor(10_000.0) + 0.0003 == 10_000.0))
row = torch.tensor([10_000.0, 9_998.75])
print("raw scores minus logsumexp: ", [round(x, 5) for x in (row - row.logsumexp(0)).tolist()])
print(
    "shifted by the maximum first:",
    [round(x, 5) for x in (row - 10_000 - (row - 10_000).logsumexp(0)).tolist()],
)

# %% [markdown]
r"""
So do not program the second equation to the letter: whoever adds $m_i$ back, as in $O - (m + \log \sum \dots)$,
rounds the small part away. Subtract $m_i$ from the scores first, and go on with the shifted scores.

### Exercise 4.2: `log_softmax` &nbsp; (3 points, about 10 minutes, ★★☆)

Write the logarithm of the softmax, right to five digits after the point, wherever the scores lie.

<details><summary>Hint 1</summary>

Start as in the softmax: subtract each row's maximum. What is the log-sum-exp of the *shifted* scores?

<details><summary>Hint 2</summary>

`shifted - shifted.exp().sum(dim=-1, keepdim=True).log()`.

</details></details>
"""


# %% nbgrader={"grade": false, "grade_id": "log_softmax", "locked": false, "schema_version": 3, "solution": true, "task": false}
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


# %% nbgrader={"grade": true, "grade_id": "test_log_softmax", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.exercise("log_softmax", points=3)


def as_exact_as_promised(found, O, known=None):
    """Within 1e-5 of the float64 value, absolute above -100 and relative below."""
    exact = torch.log_softmax(O.double(), dim=-1)
    check.like(found, O)
    above = exact > -100
    for part, rtol, atol in ((above, 0.0, 1e-5), (~above, 1e-5, 0.0)):
        wrong = {words: torch.where(part, values.double(), exact) for words, values in (known or {}).items()}
        check.close(torch.where(part, found.double(), exact), exact, known=wrong, rtol=rtol, atol=atol)


with check.case("gives the logarithm of each probability", points=1):
    toy_O = torch.tensor([[1.0, 2.0, 3.0], [2.0, 0.0, -1.0]])
    as_exact_as_promised(
        check.unchanged(log_softmax, toy_O),
        toy_O,
        known={
            "these are the probabilities; take their logarithm": torch.softmax(toy_O, 1),
            "this is the loss, with the opposite sign": -torch.log_softmax(toy_O, 1),
            "the logarithm is to base 2; use the natural one": torch.log_softmax(toy_O, 1) / math.log(2),
            "it sums down each column; every row has its own sum": torch.log_softmax(toy_O, 0),
            "only the maximum is subtracted; the logarithm of the sum is missing": toy_O
            - toy_O.max(1, keepdim=True).values,
            "the maximum is subtracted inside exp only; outside, too, the shifted scores are needed": toy_O
            - (toy_O - toy_O.amax(1, keepdim=True)).exp().sum(1, keepdim=True).log(),
        },
    )
    for other in (check.normal((4,)), check.normal((2, 3, 4)), check.normal((5, 1), dtype=torch.float64)):
        as_exact_as_promised(log_softmax(other), other)
with check.case("stays finite and right where the probability is too small for float32", points=0.5):
    toy_O = torch.tensor([[0.0, -200.0, -3.0], [50.0, -1000.0, 49.0]])
    found = log_softmax(toy_O)
    check.like(found, toy_O)
    check.that(
        not ((found[:, 1] > -150) & (found[:, 1] < 0)).any(),
        "something keeps the probability above 0, and so puts a floor under its logarithm: -200 should stay -200",
    )
    as_exact_as_promised(
        found,
        toy_O,
        known={
            "log(softmax) is -inf where the probability underflows to 0: do not form the probability": (
                torch.softmax(toy_O, 1).log()
            ),
            "log(softmax) underflows to -inf in float64 too, only later: do not form the probability": (
                torch.softmax(toy_O.double(), 1).log()
            ),
        },
    )
with check.case("stays right for scores of 10,000 on either side, in float32 and float64", points=1):
    toy_O = torch.tensor(
        [[1e4, 1e4 - 1.25, 1e4 - 2.5], [-1e4, -1e4, -1e4 + 1.5], [1e4, -1e4, 0.0], [-40.0, -40.5, -41.0]]
    )
    shifted, magnitude = toy_O - toy_O.max(), toy_O - toy_O.abs().max(1, keepdim=True).values
    as_exact_as_promised(
        log_softmax(toy_O),
        toy_O,
        known={
            "log(softmax) is -inf where the probability underflows to 0: do not form the probability": (
                torch.softmax(toy_O, 1).log()
            ),
            "exp overflows: subtract a number from each row first": toy_O
            - toy_O.exp().sum(1, keepdim=True).log(),
            "it subtracts one maximum for the whole table; every row needs its own": (
                shifted - shifted.exp().sum(1, keepdim=True).log()
            ),
            "it subtracts the largest magnitude; subtract the largest score": magnitude
            - magnitude.exp().sum(1, keepdim=True).log(),
            "logsumexp near 10,000 is rounded to steps of 0.001: subtract the maximum first, do not add it back": (
                toy_O - toy_O.logsumexp(1, keepdim=True)
            ),
        },
    )
    as_exact_as_promised(log_softmax(toy_O.double()), toy_O.double())
### BEGIN HIDDEN TESTS
with check.case("the same on other scores", points=0.5, hidden=True):
    for shape, toy_dtype in (((40, 5), torch.float32), ((3, 2, 7), torch.float32), ((8, 6), torch.float64)):
        for size in (3, 300, 1e4):
            toy_O = check.uniform(shape, low=-size, high=size, dtype=toy_dtype)
            toy_O[..., 0] = toy_O[..., 1] + 0.5
            as_exact_as_promised(check.unchanged(log_softmax, toy_O), toy_O)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 3 One number for "how wrong"

Two networks look at the same three garments. Both are right twice and wrong once, so their accuracy is the
same. Which would you rather have?
"""

# %%
# What each network gives to the three right classes. Both call the third garment something else.
careful, loud = torch.tensor([0.8, 0.9, 0.4]), torch.tensor([0.8, 0.9, 0.0001])
for name, p in (("careful", careful), ("loud", loud)):
    print(f"{name:8} likelihood of all three labels: {p.prod():.6f}")

# %% [markdown]
r"""
The **likelihood** is the probability that the network gives to all the labels together: the product, when
the examples are independent. The loud network was nearly certain of something wrong, and pays with a
likelihood near 0. *Maximum likelihood* means: choose the weights that make the observed labels most probable.

A product of 60,000 probabilities is no number for a computer, though; a sum of logarithms is:
"""

# %%
many = torch.full((60_000,), 0.9)
print("product:", many.prod().item(), "  mean of -log p:", round(-many.log().mean().item(), 4))

# %% [markdown]
r"""
A logarithm keeps the order, so the largest likelihood is where the mean of $-\log p$ is smallest. This mean is
the **cross-entropy loss**. With scores $O$ of shape (n, k) and labels $y$ of shape (n,):

$$L = -\frac1n \sum_{i=1}^{n} \log P_{i, y_i}
= \frac1n \sum_{i=1}^{n} \Bigl(\log \sum_{c} \exp(O_{ic}) - O_{i, y_i}\Bigr), \qquad \text{a single number.}$$

Only the probability of the right class appears. A network that knows nothing gives each of ten classes 1/10,
and its loss is $\log 10 \approx 2.303$; keep this number in mind.
"""

# %%
O = torch.tensor([[2.0, 1.0, -1.5], [0.0, 3.0, 0.0]])  # 2 examples, 3 classes
y = torch.tensor([0, 2])
by_hand = -torch.log_softmax(O, dim=1)[torch.arange(2), y]  # (2,): pick row i, column y[i]
print(
    "per example:", [round(loss, 4) for loss in by_hand.tolist()], " mean:", round(by_hand.mean().item(), 4)
)
print("torch:      ", round(nn.CrossEntropyLoss()(O, y).item(), 4))
print("ten equal scores:", round(F.cross_entropy(torch.zeros(1, 10), torch.tensor([3])).item(), 3))

# %% [markdown]
r"""
`nn.CrossEntropyLoss` wants **scores**, because it contains the softmax: together, the two never form a
probability, and stay finite. A network for it ends in a plain linear layer. Whoever adds a softmax applies it
twice, without any error message. The best that such a network can do is to give probability 1 to the right one
of ten classes. In the cell below `F.one_hot` makes such a row, a 1 at the place of the label and 0 elsewhere:
"""

# %%
perfect = F.one_hot(torch.tensor([3]), 10).float()
print(
    "loss of a perfect answer, softmax applied twice:",
    round(F.cross_entropy(perfect, torch.tensor([3])).item(), 3),
)

# %% [markdown]
r"""
**The gradient** is the nicest in all of deep learning: what was predicted minus what was true.

$$\frac{\partial L}{\partial O_{ij}} = \frac1n \bigl( P_{ij} - [\,j = y_i\,] \bigr), \qquad (n, k) .$$
"""

# %%
O.requires_grad_()
nn.CrossEntropyLoss()(O, y).backward()
print("autograd:        ", [[round(g, 3) for g in row] for row in O.grad.tolist()])
formula = (torch.softmax(O.detach(), dim=1) - F.one_hot(y, 3)) / 2
print("(P - one-hot) / n:", [[round(g, 3) for g in row] for row in formula.tolist()])

# %% [markdown]
r"""
### Exercise 4.3: `cross_entropy` &nbsp; (4 points, about 15 minutes, ★★☆)

Write the cross-entropy loss from scores. It must stay finite where a network is certain and wrong, and so must
its gradient: that is where learning is needed most.

<details><summary>Hint 1</summary>

Which entry of the table of log-probabilities belongs to example i? Look at `by_hand` above.

<details><summary>Hint 2</summary>

Start from a `log_softmax`, not from a `softmax`. Your own from exercise 4.2 is welcome; if it is not done
yet, `torch.log_softmax` will do.

</details></details>
"""


# %% nbgrader={"grade": false, "grade_id": "cross_entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
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


# %% nbgrader={"grade": true, "grade_id": "test_cross_entropy", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check.exercise("cross_entropy", points=4)
with check.case("is the mean of -log p of the right classes", points=1):
    logits = torch.tensor([[1.0, 2.0, 0.5, -1.0], [0.0, 0.3, 3.0, 0.1], [-2.0, 0.0, 1.0, 2.5]])
    toy_labels = torch.tensor([1, 0, 3])
    E = torch.tensor([[math.exp(o) for o in row] for row in logits.tolist()], dtype=torch.float64)
    toy_P = E / E.sum(1, keepdim=True)
    toy_right = toy_P[torch.arange(3), toy_labels]
    found = check.unchanged(cross_entropy, logits, toy_labels)
    check.close(
        found,
        -(math.log(toy_right[0]) + math.log(toy_right[1]) + math.log(toy_right[2])) / 3,
        known={
            "the losses are added up; take their mean": -toy_right.log().sum(),
            "the mean goes over all n * k entries; it goes over the n examples": -toy_right.log().sum() / 12,
            "the minus sign is missing": toy_right.log().mean(),
            "the logarithm is missing": -toy_right.mean(),
            "it is 1 - p; take -log p": (1 - toy_right).mean(),
            "the logarithm is to base 2; use the natural one": -toy_right.log2().mean(),
            "softmax is applied twice": F.cross_entropy(toy_P, toy_labels),
            "it takes the largest probability; the label says which one counts": -toy_P.max(1)
            .values.log()
            .mean(),
            "softmax runs down the columns; every row is one example": F.nll_loss(
                torch.log_softmax(logits.double(), 0), toy_labels
            ),
            "one loss per example; return their mean": -toy_right.log(),
            "`[:, labels]` takes whole columns; every row has one label": -toy_P.log()[:, toy_labels].mean(),
        },
    )
with check.case("is a scalar of the dtype of the scores, also for one example or one class", points=0.5):
    check.like(cross_entropy(check.normal((5, 3)), check.integers((5,), 0, 3)), torch.tensor(0.0))
    double = check.normal((1, 4), dtype=torch.float64)
    check.like(cross_entropy(double, torch.tensor([2])), torch.tensor(0.0, dtype=torch.float64))
    check.close(
        cross_entropy(double, torch.tensor([2])), double.exp().sum().log() - double[0, 2], "one example"
    )
    check.close(cross_entropy(check.normal((3, 1)), torch.zeros(3, dtype=torch.int64)), 0.0, "one class")
with check.case("has the gradient (P - one-hot) / n", points=1):
    logits, toy_labels = check.normal((5, 3)), torch.tensor([2, 0, 1, 1, 0])
    check.gradient(
        lambda O: cross_entropy(O, toy_labels),
        lambda O: F.cross_entropy(O.double(), toy_labels).float(),
        logits,
        known={
            "the gradient is n times too large: take the mean over the examples": lambda O: F.cross_entropy(
                O, toy_labels, reduction="sum"
            )
        },
    )
with check.case("stays finite, value and gradient, for scores of 10,000 on either side", points=1):
    for logits, toy_labels, toy_loss in (
        (torch.tensor([[1e4, -1e4, 0.0]]), torch.tensor([0]), 0.0),
        (torch.tensor([[1e4, -1e4, 0.0]]), torch.tensor([1]), 20_000.0),
        (torch.tensor([[-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]]), torch.tensor([0, 2]), 10_000.9),
    ):
        found = cross_entropy(logits, toy_labels)
        check.like(found, torch.tensor(0.0))
        check.that(
            not (toy_loss > 1000 and 10 < found < 200),
            "a clamp, or a small number added to p, puts a ceiling on the loss; it should be huge here",
        )
        check.close(
            found,
            toy_loss,
            "the value is wrong for scores of 10,000",
            rtol=1e-4,
            atol=1e-2,
            known={
                "the loss is inf where the probability underflows to 0: work with log-probabilities": math.inf,
                "the loss is nan: an exponential overflows, or a logarithm of 0 meets a 0": math.nan,
            },
        )
        check.gradient(
            lambda O, toy_labels=toy_labels: cross_entropy(O, toy_labels),
            lambda O, toy_labels=toy_labels: F.cross_entropy(O.double(), toy_labels).float(),
            logits,
            rtol=1e-2,
            atol=2e-3,
            known={
                "the gradient is 0 at a certain and wrong answer: there is a floor under p": lambda O: (
                    0 * O.sum()
                )
            },
        )
### BEGIN HIDDEN TESTS
with check.case("the same on other scores", points=0.5, hidden=True):
    for n, k, size in ((7, 7, 1.0), (20, 10, 5.0), (1, 2, 1.0), (6, 4, 1e4)):
        logits, toy_labels = check.normal((n, k), std=size), check.integers((n,), 0, k)
        logits = logits.clamp(-1e4, 1e4)
        found = check.unchanged(cross_entropy, logits, toy_labels)
        check.like(found, torch.tensor(0.0))
        check.close(
            found, F.cross_entropy(logits.double(), toy_labels), rtol=1e-4, atol=1e-2 if size > 5 else 1e-5
        )
        check.gradient(
            lambda O, toy_labels=toy_labels: cross_entropy(O, toy_labels),
            lambda O, toy_labels=toy_labels: F.cross_entropy(O.double(), toy_labels).float(),
            logits,
            rtol=1e-2 if size > 5 else 1e-4,
            atol=2e-3 if size > 5 else 1e-6,
        )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 4 How low can the loss go?

Suppose that some pictures cannot be told apart: of the garments that look like *this*, 70 % are shirts and 30 %
are coats. No network can be right about all of them. Which probability of "shirt" gives the lowest mean
loss? Try them all.
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_cross_entropy(ax):
    q = torch.linspace(0.02, 0.98, 193)
    loss = -(0.7 * q.log() + 0.3 * (1 - q).log())
    entropy = -(0.7 * math.log(0.7) + 0.3 * math.log(0.3))
    ax.plot(q, loss, color=cu.plots.COLOURS[0], label="H(P, Q), the mean loss")
    ax.axhline(entropy, color=cu.plots.COLOURS[1], linestyle="--", label="H(P), the entropy")
    ax.fill_between(q, entropy, loss, color=cu.plots.COLOURS[0], alpha=0.15, label="KL(P ‖ Q)")
    ax.plot(0.7, entropy, "o", color=cu.plots.COLOURS[1])
    brier = 0.7 * (1 - q) ** 2 + 0.3 * q**2
    ax.plot(q, brier, ":", color=cu.plots.COLOURS[2], label="mean squared error")
    ax.plot(q[brier.argmin()], brier.min(), "s", color=cu.plots.COLOURS[2])
    ax.set(xlabel="Q: what the network believes of 'shirt'", ylabel="mean loss", ylim=(0, 2.2))
    ax.set_title("P: 70 % of these garments are shirts")
    ax.legend(loc="upper center")


cu.plots.figure(
    draw_cross_entropy,
    alt="The mean loss is a bowl, lowest at q = 0.7 with 0.61; the shaded gap above 0.61 is the KL divergence; "
    "the mean squared error is a flatter bowl, lowest at q = 0.7 too",
)

# %% [markdown]
r"""
The truth wins: 0.7. (It wins with the dotted curve too, the mean squared error $0.7\,(1-q)^2 + 0.3\,q^2$; section 5
comes back to it.) Even there the mean loss is not 0 but 0.61. This floor is the **entropy** of $P$, and what a
belief $Q$ pays on top is the **KL divergence**. For distributions over k classes:

$$H(P, Q) = -\sum_j P_j \log Q_j, \qquad H(P) = H(P, P), \qquad
\mathrm{KL}(P \,\|\, Q) = \sum_j P_j \log \frac{P_j}{Q_j} = H(P, Q) - H(P) \ \ge 0 .$$
"""


# %%
def mean_loss_of_belief(P, Q):
    """The cross-entropy H(P, Q) of two distributions, both (k,); Q has no zeros."""
    return -(P * Q.log()).sum().item()


P, Q = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.1, 0.1, 0.8])
for name, value in (
    ("H(P, Q)", mean_loss_of_belief(P, Q)),
    ("H(Q, P)", mean_loss_of_belief(Q, P)),
    ("H(P, P)", mean_loss_of_belief(P, P)),
    ("KL(P ‖ Q)", mean_loss_of_belief(P, Q) - mean_loss_of_belief(P, P)),
    ("KL(Q ‖ P)", mean_loss_of_belief(Q, P) - mean_loss_of_belief(Q, Q)),
):
    print(f"{name:9} = {value:.3f}")

# %% [markdown]
r"""
Read the five numbers as a test of a sentence that one meets everywhere, "cross-entropy is the distance
between two distributions". A distance does not depend on the direction, and the distance to oneself is 0. Check
both.

The picture shows $\mathrm{KL} \ge 0$ for one $P$ only. Here are 10,000 random pairs $P$, $Q$ over three classes, and
then the lowest mean loss for two special $P$: all on one class (*one-hot*), and the same for every class
(*uniform*).
"""

# %%
generator = torch.Generator().manual_seed(0)
Ps, Qs = torch.randn(2, 10_000, 3, generator=generator, dtype=torch.float64).softmax(dim=-1)
divergences = (Ps * (Ps / Qs).log()).sum(dim=1)  # (10_000,)
print("the smallest KL of 10,000 random pairs is positive:", divergences.min().item() > 0)
one_hot, uniform = torch.tensor([1.0, 0.0, 0.0]), torch.full((3,), 1 / 3)
for sure in (0.9, 0.99, 0.999):
    belief = torch.tensor([sure, (1 - sure) / 2, (1 - sure) / 2])
    print(f"P one-hot, Q gives its class {sure}: H(P, Q) = {mean_loss_of_belief(one_hot, belief):.3f}")
print(f"P uniform, Q = P, the best there is: H(P, Q) = {mean_loss_of_belief(uniform, uniform):.3f}")

# %% [markdown]
r"""
In training $P$ is given by the labels and only $Q$ moves. $H(P)$ then is a constant, so three goals are one:
lowering the cross-entropy, lowering $\mathrm{KL}(P\,\|\,Q)$, raising the likelihood. A single label is a
*one-hot* $P$. Its entropy is 0, so the loss of one example may come as near to 0 as you like.
`nn.CrossEntropyLoss(label_smoothing=0.1)` trains towards $0.9 \cdot$ one-hot $+\ 0.1/k$ instead, with ten classes
0.91 for the right one and 0.01 for each other: its floor is not 0.

**Two classes** are a special case. With the scores $z$ and 0 the softmax is the *sigmoid*
$\sigma(z) = 1 / (1 + e^{-z})$, and for a label $y$ in {0, 1} the loss is the *binary cross-entropy*
$-y \log \sigma(z) - (1 - y) \log (1 - \sigma(z))$. In torch it is `nn.BCEWithLogitsLoss`, which takes scores too.
Mind the order of the classes: the label 1 belongs to the score $z$, and `F.cross_entropy` takes a label as a
column number, so there the row of scores is (0, z).
"""

# %%
z = torch.tensor(1.7)
print("softmax of (z, 0):", round(torch.softmax(torch.stack([z, torch.tensor(0.0)]), 0)[0].item(), 4))
print("sigmoid(z):       ", round(torch.sigmoid(z).item(), 4))
for label in (0, 1):
    p = torch.sigmoid(z).item()
    formula = -label * math.log(p) - (1 - label) * math.log(1 - p)
    binary = nn.BCEWithLogitsLoss()(z, torch.tensor(float(label))).item()
    two_scores = F.cross_entropy(torch.tensor([[0.0, z]]), torch.tensor([label])).item()
    print(
        f"y = {label}: formula {formula:.4f}, BCEWithLogitsLoss {binary:.4f}, cross_entropy {two_scores:.4f}"
    )
smooth = torch.full((1, 10), 0.01)
smooth[0, 3] = 0.91
floor = F.cross_entropy(smooth.log(), torch.tensor([3]), label_smoothing=0.1).item()
print(f"label_smoothing=0.1, ten classes, Q = the smoothed label: loss {floor:.3f}")

# %% [markdown]
r"""
## 5 Why not the squared error?

Chapter 3 used the squared error. What is wrong with $\frac12(\sigma(z) - y)^2$ for a label $y$? One
explanation goes round: "labels are discrete, so a difference between label and probability means nothing". That
cannot be it: the squared error of probabilities (*Brier score*) is a respected measure, and it is smallest at
the true probabilities, as the dotted curve of section 4 shows. Look at the gradients instead. The label is 1,
and z moves from far too low to high.
"""

# %% tags=["experiment"]
z = torch.linspace(-12, 6, 181)
p = torch.sigmoid(z)
cu.plots.curves(
    {"cross-entropy: 1 - p": 1 - p, "squared error: (1 - p) p (1 - p)": (1 - p) * p * (1 - p)},
    xs=z,
    x="score z (the right answer is a large z)",
    y="pull on the score",
    title="How strongly does each loss pull z upwards?",
    alt="Cross-entropy pulls with strength 1 at z = -12; squared error hardly pulls there, only near z = 0",
)
for value in (-2.0, -5.0, -10.0):
    p = torch.sigmoid(torch.tensor(value)).item()
    print(
        f"z = {value:5}: cross-entropy pulls with {1 - p:.4f}, squared error with {(1 - p) * p * (1 - p):.1e}"
    )

# %% [markdown]
r"""
The chain rule multiplies the squared error's gradient with $\sigma'(z) = p(1-p)$, which is nearly 0 where the
network is certain. Certain *and wrong* is just the case where it should learn. With cross-entropy this factor
cancels.

Does it matter in practice? Softmax regression on the garments with both losses, from a good start (tiny
weights, no opinion) and from a bad one (large random weights: certain, and mostly wrong).
"""


# %% tags=["experiment"]
def squared_error(scores, y):
    """Mean squared error of the probabilities, summed over the classes."""
    return ((torch.softmax(scores, dim=1) - F.one_hot(y, 10)) ** 2).sum(dim=1).mean()


def run(loss, std):
    """Test accuracies of softmax regression over 6 epochs from weights N(0, std^2)."""
    cu.training.seed_everything(4)
    train_iter, test_iter = cu.data.load_fashion_mnist(64, train_size=4_000, test_size=1_000)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    nn.init.normal_(net[1].weight, std=std)
    history = cu.training.train_classifier(net, train_iter, test_iter, num_epochs=6, loss=loss, live=False)
    return history.test_accuracy


starts = {
    "cross-entropy, good start": run(nn.CrossEntropyLoss(), 0.01),
    "squared error, good start": run(squared_error, 0.01),
    "cross-entropy, bad start": run(nn.CrossEntropyLoss(), 1.0),
    "squared error, bad start": run(squared_error, 1.0),
}


def draw_starts(ax):
    for (name, accuracies), colour, dash in zip(starts.items(), cu.plots.COLOURS, ("-", "--", "-.", ":")):
        ax.plot(range(1, 7), accuracies, dash, color=colour, marker="o", label=name)
    ax.set(xlabel="epoch", ylabel="test accuracy", ylim=(0, 1), title="Two losses, two starts")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


cu.plots.figure(
    draw_starts,
    alt="From the good start both losses end close together; from the bad start cross-entropy climbs well above",
)
good, bad = (
    [starts[f"{loss}, {start} start"][-1] for loss in ("cross-entropy", "squared error")]
    for start in ("good", "bad")
)
assert good[1] > 0.6 and good[0] > 0.6 and bad[0] > bad[1] + 0.1
print("squared error, good start: it learns")
print("bad start: cross-entropy is ahead by more than 10 points after 6 epochs")

# %% [markdown]
r"""
## 6 The garments, and a network of one layer

Enough of three scores. The data are grey pictures of ten kinds of garments, 28 by 28 pixels, in the format of
[Fashion-MNIST](https://github.com/zalandoresearch/fashion-mnist). Without a download you get garments drawn by
a program; once `make data`, typed in a terminal, has fetched the real set, the same line loads that.
"""

# %%
train_iter, test_iter = cu.data.load_fashion_mnist(batch_size=256, train_size=10_000, test_size=2_000)
X, y = next(iter(test_iter))
print("a batch:", tuple(X.shape), X.dtype, " labels:", tuple(y.shape), y.dtype)
print("pixels from", X.min().item(), "to", X.max().item(), " batches per epoch:", len(train_iter))

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
10,000 examples in batches of 256 make 40 batches, and the last one has only 16 examples. Section 8 comes back
to this short batch.

**The network.** `nn.Flatten` lays the 784 pixels in a row, (n, 1, 28, 28) → (n, 784), and one linear layer
gives ten scores, (n, 784) → (n, 10). There is no softmax at the end, because the loss contains it. Weights
start small and random, so that at first the network has no opinion. `net.apply(f)` calls `f` on
every part of the network:
"""


# %%
def init_weights(m):
    if type(m) == nn.Linear:  # a condition that is often seen; see below
        nn.init.normal_(m.weight, std=0.01)


net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
net.apply(init_weights)
print("scores:", tuple(net(X).shape), " parameters:", sum(p.numel() for p in net.parameters()))
print(
    "loss before any training:",
    round(nn.CrossEntropyLoss()(net(X), y).item(), 1),
    " log 10 =",
    round(math.log(10), 1),
)

# %% [markdown]
r"""
`type(m) == nn.Linear` asks for exactly this class. A layer of a class *derived* from `nn.Linear` is
passed over, silently. `isinstance(m, nn.Linear)` includes it:
"""


# %%
class ScaledLinear(nn.Linear):
    """A linear layer whose output is divided by 10."""

    def forward(self, X):
        return super().forward(X) / 10


layer = ScaledLinear(784, 10)
before = layer.weight.detach().clone()
layer.apply(init_weights)
print("initialised:", not torch.equal(before, layer.weight), " isinstance:", isinstance(layer, nn.Linear))

# %% [markdown]
r"""
## 7 One loss per example

In some programs you find `loss = nn.CrossEntropyLoss(reduction="none")`: no mean, one loss for each example.
That is useful to find the garments that the network finds hardest. But put into a plain
training step, it stops:
"""


# %%
def step_broken(net, loss, optimizer, X, y):
    losses = loss(net(X), y)  # (n,) because of reduction="none"
    optimizer.zero_grad()
    losses.backward()
    optimizer.step()
    return losses


loss_each = nn.CrossEntropyLoss(reduction="none")
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
print("the losses:", tuple(loss_each(net(X), y).shape))
try:
    step_broken(net, loss_each, optimizer, X, y)
except RuntimeError as error:
    print("RuntimeError:", error)
print(
    "a batch of one example:", tuple(step_broken(net, loss_each, optimizer, X[:1], y[:1]).shape), "no error"
)

# %% [markdown]
r"""
`backward()` starts from one number, and 256 losses are not one number. (A batch with one example has one
loss, so there the mistake hides.)

<details><summary>For readers of the d2l book</summary>

The book's training function `d2l.train_ch3` took such losses and made the mean itself. It has left the book's
library, so programs that call it no longer run, and the bare loss stayed behind. The course has
`cu.training.train_classifier` in its place. Of the book's helper classes, `Accumulator` is three plain sums here
(exercise 4.7), `Animator` is `cu.plots.LiveCurves`, and `Timer` is `cu.training.Timer`. Where the book writes
`resize=`, to suit a network made for larger pictures, this course leaves the pictures alone: enlarging adds no
information.

</details>

A classmate repairs it with `losses.sum().backward()`. No error any more. What happens to the garments,
with the same learning rate?
"""

# %% tags=["experiment"]
reductions = {}
for name, reduce in (("mean", torch.mean), ("sum", torch.sum)):
    cu.training.seed_everything(5)
    batches, _ = cu.data.load_fashion_mnist(256, train_size=10_000)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    descent = torch.optim.SGD(model.parameters(), lr=0.1)
    reductions[name] = []
    for pictures, labels in batches:
        losses = loss_each(model(pictures), labels)
        descent.zero_grad()
        reduce(losses).backward()
        descent.step()
        reductions[name].append(losses.mean().item())
cu.plots.curves(
    {"losses.mean().backward()": reductions["mean"], "losses.sum().backward()": reductions["sum"]},
    x="step",
    y="mean loss of the batch",
    log_y=True,
    marker="",
    title="Learning rate 0.1, one epoch",
    alt="With the mean the loss falls from 2.3; with the sum it jumps far above 2.3 and stays there",
)
assert sum(reductions["sum"][-10:]) > 5 * sum(reductions["mean"][-10:])
assert reductions["mean"][-1] < reductions["mean"][0]
print("mean: the loss falls. sum: over the last 10 steps it is more than 5 times as large.")

# %% [markdown]
r"""
The gradient of a sum over 256 examples is 256 times that of the mean: the same as a learning rate of 25.6. Sum
or mean is a choice, but the learning rate has to follow it.

### Exercise 4.4: spot the bug in `repaired_step` &nbsp; (2 points, about 10 minutes, ★★☆)

Write `step_broken` as it was meant: one update with the gradient of the **mean** loss, and the n losses
returned in a tensor without a graph. There is a second, silent mistake in it: whoever keeps the returned
losses in a list keeps the whole computational graph of every batch in memory. Mend it too.

<details><summary>Hint 1</summary>

Reduce the losses to one number before `backward()`.

<details><summary>Hint 2</summary>

`losses.requires_grad` tells whether a tensor is tied to a graph. Chapter 2 had a method that cuts it off.

</details></details>
"""


# %% nbgrader={"grade": false, "grade_id": "repaired_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def repaired_step(net, loss, optimizer, X, y):
    """One training step with a loss that gives one number per example.

    net: maps X to scores. loss: maps (scores, y) to losses of shape (n,). X: (n, ...), y: (n,).
    optimizer: of net's parameters; makes one update, with the gradient of the mean of the n losses. What was
    in .grad before does not matter.
    Returns the n losses from before the update, shape (n,), without a graph.
    """
    ### BEGIN SOLUTION
    losses = loss(net(X), y)
    optimizer.zero_grad()
    losses.mean().backward()
    optimizer.step()
    return losses.detach()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_repaired_step", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.exercise("repaired_step", points=2)


def net_and_sgd(k, d, lr):
    """A linear net with known weights and stale gradients, its optimizer, and its weights in float64."""
    net = nn.Linear(d, k, bias=False)
    with torch.no_grad():
        net.weight.copy_(check.normal((k, d)))
    net.weight.grad = torch.full((k, d), 100.0)
    return net, torch.optim.SGD(net.parameters(), lr=lr), net.weight.detach().double()


with check.case("moves the weights along the gradient of the mean loss", points=1):
    toy_net, toy_optimizer, W = net_and_sgd(3, 4, lr=0.5)
    toy_X, toy_y = check.normal((6, 4)), torch.tensor([0, 2, 1, 1, 0, 2])
    toy_P = torch.softmax(toy_X.double() @ W.T, dim=1)
    step = (toy_P - F.one_hot(toy_y, 3)).T @ toy_X.double()  # the gradient of the sum of the losses
    repaired_step(toy_net, nn.CrossEntropyLoss(reduction="none"), toy_optimizer, toy_X, toy_y)
    check.close(
        toy_net.weight,
        W - 0.5 * step / 6,
        known={
            "the step is n times too long: take the mean of the losses, not their sum": W - 0.5 * step,
            "no update was made": W,
            "the gradient from before was added to: clear it first": W - 0.5 * (step / 6 + 100),
            "the gradient was cleared between backward and step": W,
        },
    )
with check.case("returns the n losses from before the update, without a graph", points=0.5):
    toy_net, toy_optimizer, W = net_and_sgd(3, 4, lr=2.0)
    toy_X, toy_y = check.normal((5, 4)), torch.tensor([0, 2, 1, 1, 0])
    toy_scores = toy_X.double() @ W.T
    each = toy_scores.exp().sum(1).log() - toy_scores[torch.arange(5), toy_y]
    toy_losses = repaired_step(toy_net, nn.CrossEntropyLoss(reduction="none"), toy_optimizer, toy_X, toy_y)
    after = (toy_X @ toy_net.weight.detach().T).double()
    check.close(
        toy_losses,
        each,
        known={
            "it returns the mean; the n losses are asked for": each.mean(),
            "it returns the losses from after the update": after.exp().sum(1).log()
            - after[torch.arange(5), toy_y],
        },
    )
    check.like(toy_losses, each.float())
    check.that(not toy_losses.requires_grad, "the returned losses still hold the graph of the whole batch")
### BEGIN HIDDEN TESTS
with check.case("the same on other batches, also of one example", points=0.5, hidden=True):
    for n, k, d in ((1, 5, 3), (9, 2, 2), (40, 10, 7)):
        toy_net, toy_optimizer, W = net_and_sgd(k, d, lr=0.3)
        toy_X, toy_y = check.normal((n, d)), check.integers((n,), 0, k)
        toy_scores = toy_X.double() @ W.T
        toy_losses = check.unchanged(
            lambda toy_X, toy_y, toy_net=toy_net, toy_optimizer=toy_optimizer: repaired_step(
                toy_net, nn.CrossEntropyLoss(reduction="none"), toy_optimizer, toy_X, toy_y
            ),
            toy_X,
            toy_y,
        )
        check.close(
            toy_losses,
            toy_scores.exp().sum(1).log() - toy_scores[torch.arange(n), toy_y],
            atol=1e-5,
            rtol=1e-4,
        )
        check.like(toy_losses, torch.zeros(n))
        step = (torch.softmax(toy_scores, dim=1) - F.one_hot(toy_y, k)).T @ toy_X.double() / n
        check.close(toy_net.weight, W - 0.3 * step, atol=1e-5, rtol=1e-4)
        check.that(
            not toy_losses.requires_grad, "the returned losses still hold the graph of the whole batch"
        )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 8 Counting what is right

The loss trains the network; people ask for the **accuracy**, the share of right answers. It cannot train
anything: move a weight a little, and nearly always no answer changes, so its gradient is 0.

The predicted class is the one with the largest score. There is no need for a softmax, which keeps the order.

### Exercise 4.5: `count_correct` &nbsp; (2 points, about 10 minutes, ★★☆)

Count the right answers, from scores or from classes that have been predicted already.

<details><summary>Hint 1</summary>

Scores have two axes, predicted classes have one. `argmax` along which axis?

<details><summary>Hint 2</summary>

Comparing gives a tensor of True and False; `sum` counts the True ones, and `item` or `int` makes a Python
number of it.

</details></details>
"""


# %% nbgrader={"grade": false, "grade_id": "count_correct", "locked": false, "schema_version": 3, "solution": true, "task": false}
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


# %% nbgrader={"grade": true, "grade_id": "test_count_correct", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.exercise("count_correct", points=2)
with check.case("counts the rows whose largest score is at the label", points=0.5):
    toy_scores = torch.tensor(
        [[0.1, 9.0, -1.0], [3.0, 0.0, 1.0], [-5.0, -4.0, -3.0], [0.2, 0.1, 0.0], [1.0, 4.0, 2.0]]
    )
    found = check.unchanged(count_correct, toy_scores, torch.tensor([1, 0, 2, 1, 1]))
    check.close(
        found,
        4,
        known={
            "it counts the wrong ones": 1,
            "this is the share; the number is asked for": 0.8,
            "argmax without dim finds one place in the whole table; every row has its own": 3,
            "it says which are right; count them": torch.tensor([True, True, True, False, True]),
        },
    )
    check.number(found, int)
with check.case("takes predicted classes as well", points=0.5):
    found = count_correct(torch.tensor([2, 0, 1, 1]), torch.tensor([2, 1, 1, 0]))
    check.number(found, int)
    check.equal(found, 2)
    check.equal(count_correct(torch.tensor([7]), torch.tensor([7])), 1, "one prediction")
with check.case("takes scores for a single class, and a single row of scores", points=0.5):
    check.equal(
        count_correct(torch.tensor([[2.0], [-1.0], [0.5]]), torch.zeros(3, dtype=torch.int64)),
        3,
        known={"scores were taken for predicted classes; with a single class, every row is class 0": 0},
    )
    check.equal(
        count_correct(torch.tensor([[0.5, -1.0, 3.5]]), torch.tensor([2])), 1, "a batch of one example"
    )
### BEGIN HIDDEN TESTS
with check.case("the same on other predictions", points=0.5, hidden=True):
    for n, k in ((100, 10), (3, 3), (1, 1), (10, 2)):
        toy_scores, toy_y = check.normal((n, k)), check.integers((n,), 0, k)
        toy_best = [max(range(k), key=row.__getitem__) for row in toy_scores.tolist()]
        expected = sum(a == b for a, b in zip(toy_best, toy_y.tolist()))
        found = check.unchanged(count_correct, toy_scores, toy_y)
        check.number(found, int)
        check.equal(found, expected)
        check.equal(count_correct(torch.tensor(toy_best), toy_y), expected)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Over many batches** there is a tempting shortcut: measure the accuracy of each batch, then take the mean.
Three batches with 100, 100 and 7 examples:
"""

# %%
right, sizes = torch.tensor([50.0, 60.0, 7.0]), torch.tensor([100.0, 100.0, 7.0])
print(f"mean of the batch accuracies: {(right / sizes).mean():.3f}")
print(f"right answers / examples:     {right.sum() / sizes.sum():.3f}")

# %% [markdown]
r"""
The seven examples of the last batch counted as much as a hundred others. **Count, then divide once.** It is the
same with losses: a batch mean counts with the size of its batch.

**Two switches** belong to every evaluation. Some layers work differently while training, dropout
for example (chapter 5), which sets random activations to zero; `net.eval()` puts all parts of a network into
evaluation mode, where dropout does nothing. And `torch.no_grad()` keeps autograd from remembering what nobody will differentiate. The
two have nothing to do with each other:
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
        print(
            f"train({mode!s:5}), grad {'on, ' if grad else 'off,'} same answer each time: {same!s:5}  graph: {graph}"
        )

# %% [markdown]
r"""
A good measurement leaves no trace. If a part of the network was frozen in evaluation mode on purpose, as
people do when they reuse a trained network, then `net.train()` at the end would wake it.

### Exercise 4.6: `evaluate_accuracy` &nbsp; (3 points, about 15 minutes, ★★☆)

Measure the accuracy of a network over all batches, and leave everything as you found it: every part in its own
mode, and autograd switched on.

<details><summary>Hint 1</summary>

`net.modules()` gives the network and all its parts, and each has an attribute `training`.

<details><summary>Hint 2</summary>

Remember a list of the modes before `net.eval()`, and write each one back at the end with
`module.training = mode`.

</details></details>
"""


# %% nbgrader={"grade": false, "grade_id": "evaluate_accuracy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def evaluate_accuracy(net, data_iter):
    """The share of all examples that net classifies correctly.

    net: nn.Module that maps X (n, ...) to scores (n, k). data_iter: batches (X, y), X float32 (n, ...) and y
    int64 (n,), of any sizes, at least one example in all.
    Returns a float in [0, 1]. net works in evaluation mode and without a graph. Afterwards every submodule is
    back in the mode it had, and autograd records as before.
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


# %% nbgrader={"grade": true, "grade_id": "test_evaluate_accuracy", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
check.exercise("evaluate_accuracy", points=3)


class Scores(nn.Module):
    """Passes its input on as scores, times a weight of 1."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, X):
        return X * self.weight


def log_of_uses(layer):
    """A list that grows by (in training mode?, with a graph?) at each use of layer, or of a copy of it."""
    uses = []
    layer.register_forward_hook(lambda used, _, scores: uses.append((used.training, scores.requires_grad)))
    return uses


def batches_with(right, sizes, k=4):
    """Batches of scores (n, k) of which so many are right."""
    batches = []
    for count, n in zip(right, sizes):
        X = check.normal((n, k))
        best = X.argmax(1)
        batches.append((X, torch.where(torch.arange(n) < count, best, (best + 1) % k)))
    return batches


with check.case("divides the right answers of all batches by all examples", points=1):
    found = evaluate_accuracy(Scores(), batches_with([3, 1, 0], [4, 1, 2]))
    check.close(
        found,
        4 / 7,
        known={
            "it takes the mean of the batch accuracies; a small batch counts too much": (3 / 4 + 1 + 0) / 3,
            "it counts every batch as large as the first": 4 / 12,
            "it counts every batch as large as the last": 4 / 6,
            "only the last batch counts": 0.0,
            "only the first batch counts": 3 / 4,
            "this is the number of right answers; divide by the number of examples": 4.0,
            "it divides by the number of batches; divide by the number of examples": 4 / 3,
            "this is in per cent; a share from 0 to 1 is asked for": 400 / 7,
        },
    )
    check.number(found, float)
with check.case("uses the net in evaluation mode and without a graph", points=1):
    toy_net = nn.Sequential(nn.Dropout(0.9), Scores())
    uses = log_of_uses(toy_net[1])
    found = evaluate_accuracy(toy_net, batches_with([9, 8], [10, 10]))
    check.that(uses, "the net was never used")
    check.that(not any(training for training, _ in uses), "net is in training mode while it is measured")
    check.that(not any(graph for _, graph in uses), "a graph is recorded while the net is measured")
    check.close(found, 17 / 20)
with check.case("leaves every part of the net in the mode it had, and autograd switched on", points=0.5):
    toy_net = nn.Sequential(nn.Sequential(nn.Dropout(0.5), nn.Identity()), Scores())
    toy_batches = batches_with([1], [2])
    for frozen in ([], [toy_net[0]], list(toy_net.modules())):
        toy_net.train()
        for module in frozen:
            module.eval()
        toy_before = [module.training for module in toy_net.modules()]
        evaluate_accuracy(toy_net, toy_batches)
        check.that(
            torch.is_grad_enabled(), "autograd is still switched off afterwards: nothing can be trained"
        )
        after = [module.training for module in toy_net.modules()]
        check.equal(
            after,
            toy_before,
            "the modes of net and its parts have changed (True is training)",
            known={
                "net is left in evaluation mode": [False] * 5 if not frozen else None,
                "a part that was in evaluation mode is in training mode now": [True] * 5
                if frozen == [toy_net[0]]
                else None,
                "net was in evaluation mode before, and is in training mode now": [True] * 5
                if len(frozen) > 3
                else None,
            },
        )
### BEGIN HIDDEN TESTS
with check.case("the same on other nets and batches", points=0.5, hidden=True):
    toy_net = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Sequential(Scores(), nn.Dropout(0.9)))
    toy_net.eval()
    toy_net[2].train()
    toy_net[2][0].eval()
    toy_before = [module.training for module in toy_net.modules()]
    toy_batches = [(X.reshape(-1, 1, 2, 3), y) for X, y in batches_with([30, 5, 1], [50, 20, 1], k=6)]
    uses = log_of_uses(toy_net[2][0])
    check.close(evaluate_accuracy(toy_net, toy_batches), 36 / 71)
    check.that(
        not any(training or graph for training, graph in uses),
        "not measured in evaluation mode, without a graph",
    )
    check.equal(
        [module.training for module in toy_net.modules()],
        toy_before,
        "the modes of net and its parts have changed",
    )
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(*batches_with([7], [11])[0]), batch_size=4
    )
    found = evaluate_accuracy(Scores(), loader)
    check.number(found, float)
    check.close(found, 7 / 11)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 9 An epoch, honestly reported

Training loss and training accuracy come for free: the scores that a step computes anyway are also what
can be counted. Count *those* scores. A second look after the update would be cheating a little, since the
network has just learned from exactly these examples:
"""

# %% tags=["experiment"]
cu.training.seed_everything(6)
model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
descent = torch.optim.SGD(model.parameters(), lr=0.1)
before_update, after_update, examples = 0, 0, 0
small_batches, _ = cu.data.load_fashion_mnist(8, train_size=800)
for pictures, labels in small_batches:
    scores_before = model(pictures)
    descent.zero_grad()
    nn.CrossEntropyLoss()(scores_before, labels).backward()
    descent.step()
    before_update += (scores_before.argmax(1) == labels).sum().item()
    after_update += (model(pictures).argmax(1) == labels).sum().item()
    examples += len(labels)
assert after_update > before_update + 0.05 * examples
print("batches of 8: measured after the update, accuracy looks more than 5 points better")

# %% [markdown]
r"""
### Exercise 4.7: `train_epoch` &nbsp; (5 points, about 20 minutes, ★★★)

Write one epoch of training, with its report: the mean loss and the accuracy over all examples that went
by. Batches may have different sizes.

<details><summary>Hint 1</summary>

The step is that of chapter 3. Around it you need three running totals: of losses, of right answers, of
examples.

<details><summary>Hint 2</summary>

`loss` gives the mean of a batch. What do you have to multiply it with, to get that batch's part of the total?

<details><summary>Hint 3</summary>

Keep the scores in a variable, `scores = net(X)`: the loss, the gradient and the count all come from them.
`l.item()` takes the number out of the loss and leaves the graph behind.

</details></details></details>
"""


# %% nbgrader={"grade": false, "grade_id": "train_epoch", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_epoch(net, train_iter, loss, optimizer):
    """Train net for one pass over the data.

    net: nn.Module that maps X (n, ...) to scores (n, k); it is put in training mode. train_iter: batches (X, y),
    X float32 (n, ...) and y int64 (n,), of any sizes, at least one. loss: maps (scores, y) to the mean loss of
    the batch, a scalar tensor. optimizer: of net's parameters; it makes one update per batch.
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


# %% nbgrader={"grade": true, "grade_id": "test_train_epoch", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
check.exercise("train_epoch", points=5)


class Watched(nn.Linear):
    """A linear layer that notes its mode in each pass that a gradient comes back from."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.modes = []  # for each gradient that passed: was the layer in training mode?

    def forward(self, X):
        scores = super().forward(X)
        if scores.requires_grad:
            scores.register_hook(lambda _, mode=self.training: self.modes.append(mode))
        return scores


class SecondThoughts(nn.Linear):
    """A linear layer that turns its scores round when it sees the same batch again."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def forward(self, X):
        again = X.tolist() in self.seen
        self.seen.append(X.tolist())
        return super().forward(X) * (-1 if again else 1)


def epoch_by_hand(W, batches, lr, momentum=0.0):
    """One epoch of SGD on the cross-entropy, in float64: weights, and per batch its losses and counts."""
    velocity, report = torch.zeros_like(W), []
    for X, y in batches:
        X = X.double()
        scores = X @ W.T
        losses = scores.exp().sum(1).log() - scores[torch.arange(len(y)), y]
        gradient = (torch.softmax(scores, 1) - F.one_hot(y, len(W))).T @ X / len(y)
        velocity = momentum * velocity + gradient
        W = W - lr * velocity
        after = X @ W.T
        report.append(
            {
                "n": len(y),
                "loss": losses.mean().item(),
                "right": int((scores.argmax(1) == y).sum()),
                "loss after": (after.exp().sum(1).log() - after[torch.arange(len(y)), y]).mean().item(),
                "right after": int((after.argmax(1) == y).sum()),
            }
        )
    return W, report


def mean_of(report, key):
    """The mean over all examples of a batch mean."""
    return sum(b[key] * b["n"] for b in report) / sum(b["n"] for b in report)


def start(layer, sizes, k=4, d=5):
    """A bias-free net of this class with known weights, its weights in float64, and batches."""
    net = layer(d, k, bias=False)
    with torch.no_grad():
        net.weight.copy_(check.normal((k, d)))
    batches = [(check.normal((n, d)), check.integers((n,), 0, k)) for n in sizes]
    return net, net.weight.detach().double(), batches


def two(found):
    """What train_epoch returned, if it is a pair."""
    pair = isinstance(found, (tuple, list)) and len(found) == 2
    check.that(pair, "return two values: mean loss, accuracy")
    return found


def doubled(scores, y):
    """A loss that is not the cross-entropy itself."""
    return 2 * F.cross_entropy(scores, y)


with check.case("makes one update per batch, with the loss that it was given", points=1):
    toy_net, W, toy_batches = start(nn.Linear, [8, 8, 3])
    train_epoch(toy_net, toy_batches, doubled, torch.optim.SGD(toy_net.parameters(), lr=0.25))
    check.close(
        toy_net.weight,
        epoch_by_hand(W, toy_batches, 0.5)[0],
        known={
            "the weights have not moved": W,
            "only one update was made, with the last batch: is the step inside the loop?": epoch_by_hand(
                W, toy_batches[-1:], 0.5
            )[0],
            "only the first batch was used: is the return inside the loop?": epoch_by_hand(
                W, toy_batches[:1], 0.5
            )[0],
            "the gradients of earlier batches were added to: clear them for every batch": epoch_by_hand(
                W, toy_batches, 0.5, momentum=1.0
            )[0],
            "the weights went uphill": epoch_by_hand(W, toy_batches, -0.5)[0],
            "it trains with cross-entropy; train with `loss`, whatever that is": epoch_by_hand(
                W, toy_batches, 0.25
            )[0],
        },
        rtol=1e-4,
        atol=1e-5,
    )
with check.case("reports the mean loss over the examples", points=1):
    toy_net, W, toy_batches = start(nn.Linear, [40, 40, 7])
    _, report = epoch_by_hand(W, toy_batches, 2.0)
    mean_loss, _ = two(
        train_epoch(toy_net, toy_batches, doubled, torch.optim.SGD(toy_net.parameters(), lr=1.0))
    )
    expected = 2 * mean_of(report, "loss")
    check.close(
        mean_loss,
        expected,
        rtol=1e-4,
        known={
            "it takes the mean of the batch losses; a small batch counts too much": (
                2 * sum(b["loss"] for b in report) / 3
            ),
            "the batch losses are added up without the batch sizes, and divided by the examples": (
                2 * sum(b["loss"] for b in report) / 87
            ),
            "it reports the total loss; divide by the number of examples": expected * 87,
            "every batch was counted as 256 examples; take its own number, len(y)": (
                2 * 256 * sum(b["loss"] for b in report) / 87
            ),
            "it reports the loss of the last batch only": 2 * report[-1]["loss"],
            "it reports the loss after each update; the loss before it is asked for": (
                2 * mean_of(report, "loss after")
            ),
            "it reports cross-entropy; report what `loss` gives": expected / 2,
            "the loss is exactly 1: a digit 1 stands where the loss should be": 1.0,
            "the two results are swapped: first the mean loss, then the accuracy": (
                sum(b["right"] for b in report) / 87
            ),
        },
    )
    check.number(mean_loss, float)
with check.case("reports the accuracy of the scores that the loss came from", points=1):
    toy_net, W, toy_batches = start(nn.Linear, [40, 40, 40, 7])
    W_end, report = epoch_by_hand(W, toy_batches, 3.0)
    toy_optimizer = torch.optim.SGD(toy_net.parameters(), lr=3.0)
    _, accuracy = two(train_epoch(toy_net, toy_batches, nn.CrossEntropyLoss(), toy_optimizer))
    toy_right = sum(b["right"] for b in report)
    right_at_end = sum(int(((X.double() @ W_end.T).argmax(1) == y).sum()) for X, y in toy_batches)
    check.close(
        accuracy,
        toy_right / 127,
        known={
            "it measures the accuracy after each update": sum(b["right after"] for b in report) / 127,
            "it measures the accuracy at the end of the epoch": right_at_end / 127,
            "it takes the mean of the batch accuracies; a small batch counts too much": (
                sum(b["right"] / b["n"] for b in report) / 4
            ),
            "it reports the number of right answers; divide by the number of examples": toy_right,
            "this is in per cent; a share from 0 to 1 is asked for": 100 * toy_right / 127,
            "the two results are swapped: first the mean loss, then the accuracy": mean_of(report, "loss"),
        },
    )
    check.number(accuracy, float)
    toy_net, _, toy_batches = start(SecondThoughts, [6, 6])
    toy_batches = [(X, (X @ toy_net.weight.detach().T).argmax(1)) for X, _ in toy_batches]
    toy_optimizer = torch.optim.SGD(toy_net.parameters(), lr=1e-6)
    mean_loss, accuracy = two(train_epoch(toy_net, toy_batches, nn.CrossEntropyLoss(), toy_optimizer))
    second = sum(F.cross_entropy(-X @ toy_net.weight.detach().T, y).item() for X, y in toy_batches) / 2
    message = "loss and accuracy come from two different runs of net: keep the scores of the first"
    check.close(accuracy, 1.0, message)
    check.that(abs(mean_loss - second) > 1e-3, message)
with check.case("puts the net, and all its parts, in training mode", points=1):
    inner, _, toy_batches = start(Watched, [4, 3])
    toy_net = nn.Sequential(nn.Flatten(), inner)
    toy_net.eval()
    train_epoch(toy_net, toy_batches, nn.CrossEntropyLoss(), torch.optim.SGD(toy_net.parameters(), lr=0.1))
    check.that(len(inner.modes) >= 2, "the net was not trained on every batch")
    check.that(all(inner.modes), "net was in evaluation mode while it was trained: call net.train()")
### BEGIN HIDDEN TESTS
with check.case("the same with other batches, another optimizer and another loss", points=1, hidden=True):
    for toy_sizes, k, d in (([1], 3, 2), ([5, 1, 9, 2], 6, 4), ([30, 30], 2, 8)):
        toy_net, W, toy_batches = start(nn.Linear, toy_sizes, k, d)
        W_end, report = epoch_by_hand(W, toy_batches, 0.4, momentum=0.5)
        toy_optimizer = torch.optim.SGD(toy_net.parameters(), lr=0.1, momentum=0.5)
        found = two(
            train_epoch(toy_net, toy_batches, lambda scores, y: 4 * F.cross_entropy(scores, y), toy_optimizer)
        )
        check.close(toy_net.weight, W_end, "the weights are wrong", rtol=1e-3, atol=1e-4)
        check.close(found[0], 4 * mean_of(report, "loss"), "the mean loss is wrong", rtol=1e-3)
        toy_right = sum(b["right"] for b in report)
        check.close(found[1], toy_right / sum(toy_sizes), "the accuracy is wrong")
        check.number(found[0], float)
        check.number(found[1], float)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Twenty epochs on the garments.** The experiment trains with the course's `cu.training.train_classifier`,
which wraps an epoch like yours in a loop and draws the curves. Code copied from older notes calls
`d2l.train_ch3` at this point, often after loading the pictures with `resize=`; the current d2l package no longer
has `train_ch3`, so such code stops with an AttributeError (the box in section 7 says what replaces it).
"""

# %% tags=["experiment"]
cu.training.seed_everything(7)
train_iter, test_iter = cu.data.load_fashion_mnist(batch_size=256)
classifier = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
nn.init.normal_(classifier[1].weight, std=0.01)
history = cu.training.train_classifier(
    classifier, train_iter, test_iter, num_epochs=20, lr=0.1, title="Softmax regression on garments"
)
assert 0.72 < history.test_accuracy[-1] < 0.92
assert 0.35 < history.train_loss[-1] < 0.75 < history.train_loss[0]
print("published, 10 epochs: loss 0.45, training accuracy 0.85, test accuracy 0.83 to 0.84")
print(
    f"here, 20 epochs:      loss {history.train_loss[-1]:.2f}, training accuracy "
    f"{history.train_accuracy[-1]:.2f}, test accuracy {history.test_accuracy[-1]:.2f}"
)

# %% [markdown]
r"""
A single linear layer names more than four of five garments. The published numbers, read off the plots of *Dive
into Deep Learning*, belong to the real Fashion-MNIST; notice that even the published test accuracies of two
equal programs differ by almost a point. The test curve has dips because every step follows the gradient of one
batch only, and the learning rate stays as large as at the start: the last few steps before a measurement can
push the weights to a less good place.

The training loss is a mean over the examples that the network learned from (the *empirical risk*). A low one
shows that the network fits these; whether it is any good, only examples that it has not seen can tell. The same
network, trained on 100 pictures for 600 epochs:
"""

# %% tags=["experiment"]
cu.training.seed_everything(9)
few_pictures, _ = cu.data.load_fashion_mnist(100, train_size=100)
model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
descent = torch.optim.SGD(model.parameters(), lr=0.1)
pictures, labels = next(iter(few_pictures))  # one batch holds all 100
for _ in range(600):
    loss_of_100 = F.cross_entropy(model(pictures), labels)
    descent.zero_grad()
    loss_of_100.backward()
    descent.step()
test_accuracy = cu.training.evaluate_accuracy(model, test_iter)
assert loss_of_100.item() < 0.15 < history.train_loss[-1]
assert test_accuracy + 0.03 < history.test_accuracy[-1]
print("100 pictures: training loss below 0.15, far lower than with all of them;")
print("test accuracy more than 3 points worse")

# %% [markdown]
r"""
The lower training loss belongs to the worse network.

**The mistake without an error message.** Section 3 warned of a softmax before the loss. This is how it looks in
training, beside the right program:
"""


# %% tags=["experiment"]
def softmax_twice(scores, y):
    """The mistake: cross_entropy applies its own softmax to what are probabilities already."""
    return F.cross_entropy(torch.softmax(scores, dim=1), y)


runs = {}
for name, loss in (("scores into the loss", F.cross_entropy), ("softmax before the loss", softmax_twice)):
    cu.training.seed_everything(8)
    batches, few = cu.data.load_fashion_mnist(256, train_size=10_000, test_size=1_000)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    runs[name] = cu.training.train_classifier(
        model, batches, few, num_epochs=10, lr=0.1, loss=loss, live=False
    )


def draw_twice(ax):
    for (name, run), colour, dash in zip(runs.items(), cu.plots.COLOURS, ("-", "--")):
        ax.plot(range(1, 11), run.train_loss, dash, color=colour, marker="o", label=name)
    ax.axhline(
        1.461, color="#555555", linewidth=0.8, label="1.461, the lowest possible\nwith a softmax too many"
    )
    ax.set(xlabel="epoch", ylabel="training loss", ylim=(0, 2.5))
    ax.set_title("With a softmax too many, the program still learns")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


cu.plots.figure(
    draw_twice,
    alt="Without it the loss falls below 0.6; with it the loss falls slowly from 2.3 towards 1.9, above the line 1.461",
)
wrong = runs["softmax before the loss"]
assert wrong.train_loss[-1] < 2.0 and 0.6 < wrong.train_accuracy[-1]
assert runs["scores into the loss"].train_loss[-1] < 0.7
print(
    "softmax before the loss, 10 epochs: the loss falls from 2.3 to below 2.0, training accuracy is above 0.6"
)

# %% [markdown]
r"""
It learns, only slowly, and its loss can never pass 1.461. Because something moves, this mistake is easily
overlooked.

**What has it learned?** Each class has 784 weights, one per pixel, so they can be drawn as a picture.
Light pixels speak for the class, dark ones against it, grey ones do not matter.
"""

# %% tags=["experiment"]
weights = classifier[1].weight.detach().reshape(10, 28, 28)
largest = weights.abs().amax(dim=(1, 2), keepdim=True)
cu.plots.images(
    0.5 + 0.5 * weights / largest,
    titles=cu.data.FASHION_CLASSES,
    columns=5,
    title="The weights of the ten classes",
    alt="Ten grey patterns; in several of them the outline of the garment can be seen",
)

# %% [markdown]
r"""
One pattern per class is all it has. A coat shifted by three pixels meets the wrong weights; that is a
matter for chapter 8. Here are garments of which the network is *most certain and wrong*: the largest
losses of the test set, which is what `reduction="none"` is good for.
"""

# %% tags=["experiment"]
classifier.eval()
with torch.no_grad():
    collected = [(X, y, classifier(X)) for X, y in test_iter]
test_pictures, test_labels, test_scores = map(torch.cat, zip(*collected))  # test_scores: (n, 10)
predicted = test_scores.argmax(dim=1)
hardest = F.cross_entropy(test_scores, test_labels, reduction="none").argsort(descending=True)[:8]
cu.plots.images(
    test_pictures[hardest],
    titles=[
        f"{cu.data.FASHION_CLASSES[test_labels[i]]},\ntaken for\n{cu.data.FASHION_CLASSES[predicted[i]]}"
        for i in hardest
    ],
    columns=4,
    title="The eight largest losses",
    alt="Eight garments, each with its true class and the wrong class that the network is sure of",
)

# %% [markdown]
r"""
## 10 Who is taken for whom?

One number hides which classes are hard. The **confusion matrix** counts every pair: row = true class,
column = predicted class. The diagonal holds the right answers. Two lists of labels are all it needs, so
here is a small one to look at:

| true | predicted |
|---|---|
| 0 | 0 |
| 0 | 2 |
| 2 | 2 |
| 0 | 2 |

With three classes the matrix is `[[1, 0, 2], [0, 0, 0], [0, 0, 1]]`: of three examples of class 0, two
were taken for class 2.

### Exercise 4.8: `confusion_matrix` &nbsp; (2 points, about 10 minutes, ★★☆)

Count the pairs. Beware of one line that looks right: in `matrix[y_true, y_pred] += 1` a pair that occurs
twice is counted once, because all the old values are read before any new one is written.

<details><summary>Hint 1</summary>

A loop over the examples is fine. Without a loop: give each pair one number, true * num_classes +
predicted, and count how often each number occurs.

<details><summary>Hint 2</summary>

`torch.bincount` counts, and its `minlength` is needed when the last pairs never occur. Another way is
`index_put_` with `accumulate=True`.

</details></details>
"""


# %% nbgrader={"grade": false, "grade_id": "confusion_matrix", "locked": false, "schema_version": 3, "solution": true, "task": false}
def confusion_matrix(y_true, y_pred, num_classes):
    """How often each class was predicted as each class.

    y_true, y_pred: int64 (n,), each entry in 0..num_classes - 1; n may be 0.
    Returns an int64 tensor (num_classes, num_classes), rows true, columns predicted.
    """
    ### BEGIN SOLUTION
    pairs = y_true * num_classes + y_pred
    return torch.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test_confusion_matrix", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
check.exercise("confusion_matrix", points=2)
with check.case("counts every pair, rows true and columns predicted", points=1):
    y_true, y_pred = torch.tensor([0, 0, 2, 0, 1, 1]), torch.tensor([0, 2, 2, 2, 0, 2])
    matrix = torch.tensor([[1, 0, 2], [1, 0, 1], [0, 0, 1]])
    check.equal(
        check.unchanged(confusion_matrix, y_true, y_pred, 3),
        matrix,
        known={
            "rows and columns are swapped: the true class is the row": matrix.T,
            "a pair that occurs more than once is counted once": matrix.clamp(max=1),
            "these are shares; counts are asked for": matrix / matrix.sum(1, keepdim=True),
        },
    )
with check.case(
    "gives int64 of shape (num_classes, num_classes), also with no examples or absent classes", points=0.5
):
    check.like(
        confusion_matrix(torch.tensor([0, 1]), torch.tensor([1, 1]), 4), torch.zeros(4, 4, dtype=torch.int64)
    )
    check.equal(
        confusion_matrix(torch.tensor([1]), torch.tensor([0]), 3),
        torch.tensor([[0, 0, 0], [1, 0, 0], [0, 0, 0]]),
    )
    nobody = torch.zeros(0, dtype=torch.int64)
    check.like(confusion_matrix(nobody, nobody, 3), torch.zeros(3, 3, dtype=torch.int64))
    check.equal(confusion_matrix(nobody, nobody, 3), torch.zeros(3, 3, dtype=torch.int64))
### BEGIN HIDDEN TESTS
with check.case("the same on other labels", points=0.5, hidden=True):
    for n, k in ((200, 10), (50, 3), (9, 1), (1, 5)):
        y_true, y_pred = check.integers((n,), 0, k), check.integers((n,), 0, k)
        counts = [[0] * k for _ in range(k)]
        for a, b in zip(y_true.tolist(), y_pred.tolist()):
            counts[a][b] += 1
        found = check.unchanged(confusion_matrix, y_true, y_pred, k)
        check.like(found, torch.zeros(k, k, dtype=torch.int64))
        check.equal(found, torch.tensor(counts))
### END HIDDEN TESTS
check.score()

# %% tags=["experiment"]
pairs = torch.bincount(test_labels * 10 + predicted, minlength=100).reshape(10, 10)
cu.plots.confusion(
    pairs,
    cu.data.FASHION_CLASSES,
    title="Softmax regression on the test garments",
    alt="A 10 by 10 table of counts; the coloured mistakes lie mostly between shirt, pullover, coat and T-shirt",
)
mistakes = pairs.clone().fill_diagonal_(0)
tops = [0, 2, 3, 4, 6]  # T-shirt, pullover, dress, coat, shirt
assert mistakes[tops][:, tops].sum() > mistakes.sum() / 2
print("More than half of all mistakes take a top for another kind of top.")

# %% [markdown]
r"""
## 11 Softmax inside a network?

Some notes list softmax among the *activation functions* for hidden layers, beside sigmoid, tanh and ReLU, at
least for networks that are not deep. Take the shallowest case, one hidden layer with 64 units (chapter 5 tells
what hidden layers are for), and put in each of them. The learning rate is 0.1, with three seeds each; in case
softmax is only slow, it gets two more tries, with 10 and with 50 times that rate.
"""


# %% tags=["experiment"]
def run_hidden(activation, lr, seed):
    """Ten epochs of a network with one hidden layer."""
    cu.training.seed_everything(seed)
    train_iter, test_iter = cu.data.load_fashion_mnist(128, train_size=2_500, test_size=1_000)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), activation, nn.Linear(64, 10))
    return cu.training.train_classifier(net, train_iter, test_iter, num_epochs=10, lr=lr, live=False)


hidden = {
    name: [run_hidden(activation, lr, seed) for seed in range(3)]
    for name, activation, lr in (
        ("ReLU", nn.ReLU(), 0.1),
        ("tanh", nn.Tanh(), 0.1),
        ("softmax", nn.Softmax(dim=1), 0.1),
        ("softmax, rate 1", nn.Softmax(dim=1), 1.0),
        ("softmax, rate 5", nn.Softmax(dim=1), 5.0),
    )
}
cu.plots.curves(
    {name: [run.test_accuracy for run in runs] for name, runs in hidden.items()},
    y="test accuracy",
    title="One hidden layer, three activations, three seeds",
    alt="The runs with ReLU and tanh climb high; the runs with softmax, at all three rates, stay far below",
)
best = {name: [max(run.test_accuracy) for run in runs] for name, runs in hidden.items()}
best_softmax = max(best["softmax"] + best["softmax, rate 1"] + best["softmax, rate 5"])
assert best_softmax + 0.15 < min(best["ReLU"] + best["tanh"])
assert all(abs(loss - math.log(10)) < 0.03 for run in hidden["softmax"] for loss in run.train_loss)
print("The best of nine runs with softmax stays more than 15 points below the worst with ReLU or tanh.")
print("softmax at rate 0.1: the training loss of all ten epochs lies within 0.03 of log 10 = 2.303.")

# %% [markdown]
r"""
At the start, 64 hidden numbers that must add up to 1 are about 1/64 each: nearly the same for every
picture, so the next layer has little to work with. And a unit can only rise when others fall. A larger
learning rate gets the training started, but in ten epochs it does not close the gap. Softmax
belongs where exactly one of several answers is wanted: at the end, inside the loss. (It returns inside
networks as *attention*, which is such a choice.)
"""

# %% [markdown]
r"""
### Exercise 4.9: claim cards &nbsp; (4 points, about 15 minutes, ★★☆)

Each sentence comes from study notes or from talk in class. Decide with the experiments of this chapter: answer
"true", "false", or the letter of the condition under which it is true.

1. **"exactly zero"**: "A probability that softmax gives to one of several classes can be exactly 0."
   (a) only if a score is negative, (b) only because floating-point numbers are rounded, (c) only if all
   other scores are equal.
2. **"log of softmax"**: "`torch.softmax(O, -1).log()` is as good as `torch.log_softmax(O, -1)`."
   (a) only while no probability of the row underflows, (b) only if all scores are positive,
   (c) only in float64, and there always.
3. **"hidden"**: "In a network that is not deep, softmax is as good an activation for the hidden layer as
   ReLU or tanh."
   (a) only with a single hidden layer, (b) only if the loss is the cross-entropy, (c) only with a
   learning rate of at least 0.1.
4. **"backward"**: "With `reduction='none'`, `loss(net(X), y).backward()` runs without an error."
   (a) only if the learning rate is divided by the batch size, (b) only after `net.train()`, (c) only if
   the batch has one example.
5. **"distance"**: "The cross-entropy H(P, Q) is a distance between the distributions P and Q."
   (a) only after subtracting H(P), (b) only with the natural logarithm, (c) only if both have the same
   number of classes.
6. **"lowest"**: "The lowest value of H(P, Q) over all distributions Q is 0, or as near to 0 as you like."
   (a) only if P is one-hot, (b) only if P is uniform, (c) only if Q is a softmax.
7. **"same goal"**: "For fixed P, the Q that makes H(P, Q) smallest also makes KL(P ‖ Q) smallest."
   (a) only if P is one-hot, (b) only for two classes, (c) only if P is uniform.
8. **"squared"**: "A classifier cannot be trained with squared error, because labels are discrete and
   their difference from a probability means nothing."
   (a) only with more than two classes, (b) only if the network ends in a softmax, (c) only if the data
   are pictures.
9. **"batches"**: "The accuracy over a data set is the mean of the accuracies of its batches", for any
   right and wrong answers.
   (a) only if the order is shuffled, (b) only if all batches have the same size, (c) only in evaluation mode.
"""

# %% nbgrader={"grade": false, "grade_id": "claims_softmax", "locked": false, "schema_version": 3, "solution": true, "task": false}
answers = {
    "exactly zero": "?",
    "log of softmax": "?",
    "hidden": "?",
    "backward": "?",
    "distance": "?",
    "lowest": "?",
    "same goal": "?",
    "squared": "?",
    "batches": "?",
}
### BEGIN SOLUTION
answers = {
    "exactly zero": "b",
    "log of softmax": "a",
    "hidden": "false",
    "backward": "c",
    "distance": "false",
    "lowest": "a",
    "same goal": "true",
    "squared": "false",
    "batches": "b",
}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test_claims_softmax", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
check.exercise("claims_softmax", points=4)
CLAIMS = [
    "exactly zero",
    "log of softmax",
    "hidden",
    "backward",
    "distance",
    "lowest",
    "same goal",
    "squared",
    "batches",
]
with check.case("every claim is answered with true, false, a, b or c"):
    check.claims(answers, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("claims about softmax", points=1.5, hidden=True):
    check.right(
        answers,
        {"exactly zero": "b", "log of softmax": "a", "hidden": "false"},
        "the experiments are in sections 1, 2 and 11",
    )
with check.case("claims about entropies and squared error", points=1.5, hidden=True):
    check.right(
        answers,
        {"distance": "false", "lowest": "a", "same goal": "true", "squared": "false"},
        "read the picture and the numbers of section 4, and the curves of section 5",
    )
with check.case("claims about losses and accuracies of batches", points=1, hidden=True):
    check.right(answers, {"backward": "c", "batches": "b"}, "the experiments are in sections 7 and 8")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 4.10: in your own words &nbsp; (2 points, about 10 minutes, marked by your instructor)

A classmate trains a classifier for ten classes. From the first epoch to the last the training loss stands
at 2.303 and the accuracy at about 10 %. No error appears. What does the number 2.303 say about the
probabilities that the network gives? Name two different mistakes in a program that keep the loss at this value
(a mistake with which the loss still falls or grows is not the answer; the curves of sections 7, 9 and 11 show
some of either kind), and for each one a quick test that would show whether it is the one.
"""

# %% [markdown] nbgrader={"grade": true, "grade_id": "written_stuck_loss", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
r"""
**Model answer.** 2.303 is log 10: the right class gets, on (geometric) average, the probability 1/10. The
network has no opinion and gives all ten classes about the same probability, whatever the picture. It
never leaves its start, so no learning arrives at the weights. Possible causes: `optimizer.step()` is
missing, or the learning rate is 0 or far too small (test: compare the weights before and after an epoch);
the optimizer was built from the parameters of another network (test: are `net.parameters()` the tensors
in `optimizer.param_groups`?); the scores are detached from the graph, or gradients are cleared between
`backward` and `step` (test: print the norm of `.grad` just before the step); all pictures arrive as
zeros, or scaled to nearly 0 (test: print `X.max()`); the hidden layer uses a softmax, with a small
learning rate (section 11; test: replace it).

**Mark scheme.** ½ point: 2.303 = log 10, so about 1/10 for every class (or "as good as guessing", with
log 10 named). 1 point: two plausible, different causes, ½ each. Causes that give a moving or growing loss
do not count: a learning rate that is too large, the sum in place of the mean (section 7), a softmax before the
loss (section 9: it falls below 2.0). ½ point: for both causes a test that would tell.
"""

# %% [markdown]
r"""
## Recap

- Softmax takes k scores to k probabilities; only differences between scores count, so subtract the row's
  maximum first.
- Work with log-probabilities: `log_softmax` is finite where `log(softmax)` is −inf. `nn.CrossEntropyLoss`
  takes scores.
- Cross-entropy is the mean of −log p of the right class. Lowering it, lowering the KL divergence and
  raising the likelihood are the same. Its gradient with respect to the scores is P minus one-hot.
- Squared error also has its minimum at the truth, but hardly pulls where the network is certain and wrong.
- Totals first, one division at the end: batches are not equally large. Evaluate in evaluation mode,
  without a graph, and leave no trace.

**What people get wrong.** They put a softmax before `nn.CrossEntropyLoss`; take the logarithm of a
softmax; subtract one maximum for the whole batch; call cross-entropy a distance; take the mean of batch
means; measure the training accuracy after the update; write `net.train()` after an evaluation without
asking what it was before.

**Read on.** [PyTorch:
CrossEntropyLoss](https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html) (see
`label_smoothing` for labels that are not quite one-hot) · [Dive into Deep Learning, chapter
4](https://d2l.ai/chapter_linear-classification/index.html) · [Xiao, Rasul and Vollgraf 2017:
Fashion-MNIST](https://arxiv.org/abs/1708.07747) · [Blanchard, Higham and Higham 2021: Accurately
computing the log-sum-exp and softmax functions](https://doi.org/10.1093/imanum/draa038). Next:
`05_mlp_dropout`, where a hidden layer gives each class more than one pattern.
"""
