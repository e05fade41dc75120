# ---
# jupyter:
#   course:
#     prerequisites:
#     - 04_softmax_regression
#     summary: A bend between two layers, a network that can memorise anything, and
#       what keeps it honest
#     title: Multilayer perceptrons and dropout
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
# 5 Multilayer perceptrons and dropout

**Time:** about 4 hours. **You need:** chapters 1 to 4. **Points:** 25.

Softmax regression has one weight for each pixel and class, so each pixel votes on its own. In this
chapter you put a layer in between, and get a network that can learn nearly anything, including nonsense. After
this chapter you can

- **show** that linear layers without a bend between them are a single linear layer;
- **write** a multilayer perceptron and its backward pass by hand, and **find** a wrong gradient;
- **start** a network so that its units can become different;
- **recognise** a network that memorises, from its two learning curves;
- **build** dropout into a network, and **say** what it does in training, in evaluation, and to the result.

| English | Chinese (中文) | what it is |
|---|---|---|
| hidden layer, hidden unit | 隐藏层，隐藏单元 | a layer between input and output; one of its numbers |
| activation function | 激活函数 | the function applied to each hidden number, such as ReLU |
| multilayer perceptron (MLP) | 多层感知机 | linear layers with an activation function between them |
| affine function | 仿射函数 | XW + b: linear, plus a constant |
| training error, generalisation error | 训练误差，泛化误差 | the error on the training data; the expected error on new data |
| overfitting, underfitting | 过拟合，欠拟合 | to learn the examples themselves; to learn too little even of them |
| capacity | 模型容量 | how many different functions a model can represent |
| dropout | 暂退法（随机失活） | setting hidden numbers to zero at random during training |
| early stopping | 早停 | ending the training when the validation loss stops falling |
| distributed representation | 分布式表示 | many units together describe a thing, and each takes part in many things |

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. The check tells you what is still wrong. Some checks are hidden: they ask for the
same on other numbers, and run when your work is graded. Once the checks of an exercise pass, the next cells work with
*your* function, and say so. When you come back after a break, the kernel has forgotten everything: click the cell where
you want to go on and choose *Run > Run All Above Selected Cell*.
"""

# %%
import itertools
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
## 1 Four points that no line separates

Two switches control one lamp. The lamp is on if exactly one of the switches is on. This is **XOR**, "exclusive
or": four points, two of each kind. Which function $f(x_1, x_2) = w_1 x_1 + w_2 x_2 + b$ is positive at the two
points with light, and negative at the two without?
"""

# %%
corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])  # (4, 2)
lamp = torch.tensor([0.0, 1.0, 1.0, 0.0])  # (4,)


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_surface(ax, f, title):
    """The function f of a grid of points as colour, and the four points on it."""
    side = torch.linspace(-0.3, 1.3, 161)
    grid = torch.cartesian_prod(side, side)
    values = f(grid).reshape(161, 161).T
    levels = torch.arange(-1.05, 1.06, 0.1).tolist()
    ax.contourf(side, side, values - 0.5, levels=levels, cmap="RdBu_r", extend="both")
    for kind, marker, name in ((1.0, "o", "light"), (0.0, "X", "no light")):
        ax.scatter(*corners[lamp == kind].T, s=110, marker=marker, color="#222222", label=name)
    ax.set(xlabel="switch 1", ylabel="switch 2", title=title, xticks=[0, 1], yticks=[0, 1])
    ax.legend(loc="center")


def two_bends(grid):
    total = grid.sum(dim=1)
    return torch.relu(total) - 2 * torch.relu(total - 1)


def draw_xor(left, right):
    A = torch.cat([corners, torch.ones(4, 1)], dim=1)
    w = torch.linalg.lstsq(A, lamp[:, None]).solution  # (3, 1)
    draw_surface(left, lambda grid: grid @ w[:2, 0] + w[2, 0], "Best affine function: 0.5 all over")
    draw_surface(right, two_bends, "Two bends: 1 with light, 0 without")


cu.plots.figure(
    draw_xor,
    panels=2,
    height=3.3,
    alt="Left: one even pale colour, the value 0.5 at all four points. Right: a red ridge runs through the two points "
    "with light, where the value is 1; the other two points lie on blue slopes, where it is 0",
)

# %% [markdown]
r"""
There is none, and two lines show it. Add up the values at opposite corners:

$$f(0, 0) + f(1, 1) = w_1 + w_2 + 2b = f(0, 1) + f(1, 0) .$$

The left side would have to be negative and the right side positive. The best that least squares finds is the
constant 0.5 on the left of the picture.

A picture of a garment has 784 switches instead of two, and the same problem. An affine score rises or falls
steadily with each pixel: making pixel 300 brighter moves it in the same direction, by the same amount, whatever
the other pixels show. A pixel that counts for "bag" among bright neighbours counts just as much for "bag" when
it stands alone.

**Two layers, then?** Let a first layer compute 256 numbers from the picture, and a second one compute the
scores from these: $(X W_1 + b_1) W_2 + b_2$. The weights are now 203,530 numbers, where softmax regression has
7,850. Before you read on, predict: how many more functions can these two layers represent?

### Exercise 5.1: `collapse_affine` &nbsp; (2 points, about 10 minutes, ★★☆)

Find the single layer that does the same as the two.

<details><summary>Hint 1</summary>

Expand the bracket. Which terms contain X, and which do not?

<details><summary>Hint 2</summary>

The weights are a product of two matrices, (d, h)(h, q). The first layer's bias also passes through the second
layer on its way to the scores.

</details></details>
"""


# %% exercise="collapse_affine"
def collapse_affine(W1, b1, W2, b2):
    """One affine layer in place of two.

    W1: (d, h). b1: (h,). W2: (h, q). b2: (q,). All are floats of one dtype.
    Returns (W, b), W of shape (d, q) and b of shape (q,), such that
    (X @ W1 + b1) @ W2 + b2 equals X @ W + b for every X (n, d).
    """
    ### BEGIN SOLUTION
    return W1 @ W2, b1 @ W2 + b2
    ### END SOLUTION


# %% test="collapse_affine"
check.exercise("collapse_affine", points=2)


def two_layers(d, h, q, dtype=torch.float32):
    shapes = ((d, h), (h,), (h, q), (q,))
    return [check.normal(shape, dtype=dtype) for shape in shapes]


def taken_apart(answer):
    check.that(isinstance(answer, tuple | list) and len(answer) == 2, "return two tensors: `return W, b`")
    return answer


with check.case("W does what the two weight matrices do", points=0.5):
    W1, b1, W2, b2 = two_layers(3, 4, 2)
    W, b = taken_apart(check.unchanged(collapse_affine, W1, b1, W2, b2))
    wrong = {}
    wrong["the two results are in the wrong order: W first, then b"] = b1 @ W2 + b2
    wrong["W has the shape of its transpose: (d, q) is asked for"] = (W1 @ W2).T
    check.close(W, W1 @ W2, known=wrong)
    check.like(W, torch.zeros(3, 2))
with check.case("b is what the two layers give for an input of zeros", points=0.5):
    W1, b1, W2, b2 = two_layers(3, 2, 2)
    _, b = taken_apart(check.unchanged(collapse_affine, W1, b1, W2, b2))
    wrong = {}
    wrong["b1 passes through the second layer, too: multiply it by W2"] = b1 + b2
    wrong["b2 is missing"] = b1 @ W2
    wrong["b1 is missing: it passes through the second layer"] = b2
    wrong["b is (q,), a vector; this has one axis too many"] = (b1 @ W2 + b2)[None]
    wrong["b1 @ W2 is meant, a sum over the hidden units; this multiplies by the transpose"] = W2 @ b1 + b2
    wrong["b1 must be multiplied by W2 only; b2 is added after the second layer"] = (b1 + b2) @ W2
    check.close(b, b1 @ W2 + b2, known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same for other sizes, in float32 and float64", points=1, hidden=True):
    for d, h, q, dtype in ((5, 1, 3, torch.float32), (1, 6, 1, torch.float64), (4, 3, 4, torch.float64)):
        W1, b1, W2, b2 = two_layers(d, h, q, dtype)
        X = check.normal((7, d), dtype=dtype)
        W, b = taken_apart(check.unchanged(collapse_affine, W1, b1, W2, b2))
        check.like(W, torch.zeros(d, q, dtype=dtype))
        check.like(b, torch.zeros(q, dtype=dtype))
        check.close(X @ W + b, (X @ W1 + b1) @ W2 + b2, rtol=1e-4, atol=1e-5)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
So the answer is: none at all. The 203,530 numbers describe no function that 7,850 could not. The same step can
be repeated. Here a stack of six linear layers is folded into one, two layers at a time.
"""


# %% tags=["experiment"]
def by_jacobian(W1, b1, W2, b2):
    """The course's own: slope and value of the two layers at an input of zeros."""

    def both(x):
        return (x @ W1 + b1) @ W2 + b2

    zeros = torch.zeros(len(W1), dtype=W1.dtype)
    return torch.func.jacrev(both)(zeros).T, both(zeros)


collapse = cu.yours(collapse_affine, instead=by_jacobian)
torch.manual_seed(1)
widths = (2, 30, 300, 30, 300, 30, 1)
stack = [
    (torch.randn(a, b, dtype=torch.float64) / a**0.5, torch.randn(b, dtype=torch.float64))
    for a, b in itertools.pairwise(widths)
]
H, (W, b) = corners.double(), stack[0]
for layer in stack:
    H = H @ layer[0] + layer[1]  # six layers, one after the other
for layer in stack[1:]:
    W, b = collapse(W, b, *layer)  # ... folded into one
assert torch.allclose(H, corners.double() @ W + b)
print(
    "numbers in six layers:", sum(W.numel() + b.numel() for W, b in stack), " in one:", W.numel() + b.numel()
)
print(f"f(0,0) + f(1,1) - f(0,1) - f(1,0) of the six layers: {abs((H[0] + H[3] - H[1] - H[2]).item()):.6f}")

# %% [markdown]
r"""
## 2 What a bend can do

Something has to happen *between* the layers that is not affine. The simplest such thing is a bend: keep
positive numbers, and replace negative ones by 0. This is the **rectified linear unit**, **ReLU**:

$$\operatorname{relu}(z) = \max(z, 0) \quad \text{for each entry } z .$$

### Exercise 5.2: `relu` &nbsp; (1 point, about 3 minutes, ★☆☆)

Write ReLU for a tensor of any shape.

<details><summary>Hint 1</summary>

`torch.maximum`, `clamp` and `torch.where` all can do it.

<details><summary>Hint 2</summary>

For `torch.maximum` both arguments must be tensors: `torch.zeros_like(X)` is one of X's shape. With `clamp` you
need only one of its two bounds. Which?

</details></details>
"""


# %% exercise="relu"
def relu(X):
    """max(x, 0) for each entry x.

    X: float tensor of any shape, finite.
    Returns a new tensor of X's shape and dtype; X is unchanged, and gradients flow back through it.
    """
    ### BEGIN SOLUTION
    return torch.maximum(X, torch.zeros_like(X))
    ### END SOLUTION


# %% test="relu"
check.exercise("relu", points=1)
with check.case("keeps positive numbers and replaces negative ones by 0", points=0.5):
    X = torch.tensor([[30.0, -2.0, 0.5], [-0.1, 0.0, -7.0]])
    wrong = {}
    wrong["negative numbers become 0; this changes their sign"] = X.abs()
    wrong["this keeps the negative numbers and drops the positive ones"] = X.clamp(max=0)
    wrong["this says where X is positive; keep X's own values there"] = (X > 0).float()
    wrong["this is the largest entry of all; compare each entry with 0"] = X.max()
    axis = "these are the largest entries along an axis: in `torch.max(X, 0)` the 0 is the axis"
    wrong[axis] = X.max(0).values
    wrong["positive numbers stay as they are, also those above 1"] = X.clamp(0, 1)
    wrong["positive numbers stay as they are, also those above 6"] = F.relu6(X)
    wrong["this is the sigmoid"] = torch.sigmoid(X)
    wrong["nothing happens to negative numbers"] = X
    wrong["negative numbers become 0, and not a small part of them"] = F.leaky_relu(X)
    for name in ("elu", "gelu", "silu", "softplus"):
        wrong[f"this is {name}, which is smooth; ReLU has a bend at 0"] = getattr(F, name)(X)
    found = check.unchanged(relu, X)
    check.that(not isinstance(found, torch.return_types.max), axis)
    check.close(found, torch.tensor([[30.0, 0.0, 0.5], [0.0, 0.0, 0.0]]), known=wrong)
    check.like(found, X)
    X = X.abs() + 1
    said = "where nothing is negative, X itself comes back, or a view of it; a new tensor is asked for"
    check.own_memory(relu(X), X, said)
with check.case("lets gradients through where X is positive", points=0.25):
    check.gradient(relu, torch.relu, torch.tensor([1.5, -1.0, 0.25, -3.0]))
### BEGIN HIDDEN TESTS
with check.case("the same on other shapes", points=0.25, hidden=True):
    for shape, dtype in (((3, 1, 4, 5), torch.float32), ((), torch.float64), ((0, 2), torch.float32)):
        X = check.normal(shape, std=3.0, dtype=dtype)
        found = check.unchanged(relu, X)
        check.like(found, X)
        check.close(found, (X + X.abs()) / 2)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Before ReLU, the usual choice was the sigmoid $\sigma(z) = 1/(1 + e^{-z})$ of chapter 4. Here are both, with
their slopes. To get the slopes from autograd, sum the values: each value depends on its own $z$ only, so the
gradient of the sum holds all slopes.
"""

# %% tags=["experiment"]
bend = cu.yours(relu, instead=torch.relu)
z = torch.linspace(-5, 5, 401, requires_grad=True)
both = {"ReLU": bend(z), "sigmoid": torch.sigmoid(z)}
slopes = {name: torch.autograd.grad(values.sum(), z)[0] for name, values in both.items()}


def draw_activations(left, right):
    for ax, lines, title in ((left, both, "Two activation functions"), (right, slopes, "Their slopes")):
        for (name, values), colour, dash in zip(lines.items(), cu.plots.COLOURS, cu.plots.DASHES):
            ax.plot(z.detach(), values.detach(), dash, color=colour, label=name)
        ax.set(xlabel="z", ylabel="value" if ax is left else "slope", title=title)
        ax.grid()
        ax.legend()
    left.set_ylim(-0.1, 3)


cu.plots.figure(
    draw_activations,
    panels=2,
    alt="Left: ReLU is 0 up to 0 and then rises straight; the sigmoid rises from 0 to 1. Right: the slope of ReLU "
    "jumps from 0 to 1; that of the sigmoid is a low hill, 0.25 at its top",
)
print(f"largest slope of the sigmoid: {slopes['sigmoid'].max():.2f}")

# %% [markdown]
r"""
The sigmoid passes on at most a quarter of a gradient, and almost nothing once $|z|$ is large. ReLU passes on
all of it or none. (At 0 its slope does not exist; torch takes 0 there.)

With ReLU, two hidden units are enough for the lamp. The first one counts the switches that are on; the second
starts to act when there is more than one, and pulls the value down twice as fast:

$$f(x) = \operatorname{relu}(x_1 + x_2) - 2 \operatorname{relu}(x_1 + x_2 - 1) .$$
"""

# %%
total = corners.sum(dim=1)  # (4,)
print("light:", lamp.tolist(), "  f:", (torch.relu(total) - 2 * torch.relu(total - 1)).tolist())

# %% [markdown]
r"""
**Each hidden unit is one bend.** With a single input $x$, the unit $v \cdot \operatorname{relu}(x - k)$ is flat
up to $k$ and has the slope $v$ from there on. Add up several, and you get a line that changes its slope by
$v_i$ at each $k_i$.

**Try it.** Three units bend at 0, 1 and 3. *Goal: make the sum follow the dashed roof, with a gap of less than
0.1 everywhere. Before you move the second slider, say by how much the slope has to change at 1.*
"""

# %% jupyter={"source_hidden": true}
BENDS = torch.tensor([0.0, 1.0, 3.0])


def roof(x):
    """Up with slope 2 from 0 to 1, down with slope -1 from 1 to 3, then flat."""
    return torch.minimum(2 * x, 3 - x).clamp(min=0)


def draw_roof(ax, v1, v2, v3):
    """Draw the sum of three units beside the roof. Returns a comment on the largest gap."""
    x = torch.linspace(-1, 5, 601)
    y = (x[:, None] - BENDS).relu() @ torch.tensor([v1, v2, v3])  # (601, 3) @ (3,) -> (601,)
    ax.plot(x, roof(x), "--", color=cu.plots.COLOURS[6], label="the roof")
    ax.plot(x, y, color=cu.plots.COLOURS[0], label="your three units")
    for k in BENDS.tolist():
        ax.axvline(k, color="#bbbbbb", linewidth=0.8)
    gap = (y - roof(x)).abs().max().item()
    ax.set(xlabel="x", ylabel="sum of the units", ylim=(-2, 4), title=f"Largest gap: {gap:.2f}")
    ax.legend(loc="upper left")
    if gap < 0.1:
        return f"Largest gap {gap:.2f}. Goal reached: each weight is a change of slope, +2, -3, +1."
    wrong = [name for name, v, right in (("v1", v1, 2), ("v2", v2, -3), ("v3", v3, 1)) if v != right]
    return f"Largest gap {gap:.2f}. The slope is wrong to the right of the bend of {wrong[0]}."


cu.demo.explore(
    draw_roof,
    v1=ipywidgets.FloatSlider(value=1.0, min=-4, max=4, step=0.5),
    v2=ipywidgets.FloatSlider(value=0.0, min=-4, max=4, step=0.5),
    v3=ipywidgets.FloatSlider(value=0.0, min=-4, max=4, step=0.5),
    alt="A dashed roof and a line that bends at 0, 1 and 3, with the chosen changes of slope",
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_roof(ax, 1.0, 0.0, 0.0),
    alt="With v1 = 1 and the others 0 the line rises straight with slope 1 from 0 on; the dashed roof rises to 2 at "
    "x = 1 and is back at 0 at x = 3",
)

# %% [markdown]
r"""
If three bends make a roof, then $h$ bends can follow any curve on an interval: join $h + 1$ of its points by
straight pieces, and write the change of slope at each point into $v$. No training is needed. For one period of
a sine, how does the error shrink when you double $h$? A curve leaves its chord by at most $\tfrac18 \max|f''|
\cdot \text{width}^2$, so once the pieces are short, half the width
should leave a quarter of the error.
"""


# %%
def joined(f, h, x):
    """A sum of h ReLU units that meets f at h + 1 evenly spaced points of [0, 1], evaluated at x."""
    points = torch.arange(h + 1) / h
    slopes = (f(points)[1:] - f(points)[:-1]) * h  # (h,) of the straight pieces
    v = torch.cat([slopes[:1], slopes[1:] - slopes[:-1]])  # (h,) changes of slope
    return f(points[0]) + (x[:, None] - points[:-1]).relu() @ v


def wave(x):
    return torch.sin(2 * math.pi * x)


x = torch.linspace(0, 1, 1001)
for h in (4, 8, 16, 32):
    print(f"{h:2} units: largest error {(joined(wave, h, x) - wave(x)).abs().max():.3f}")

# %% [markdown]
r"""
This is the **universal approximation theorem** at work. Stated exactly (Leshno and others, 1993): let $f$ be
*continuous* on a *closed and bounded* set of inputs, and let the activation function be continuous and *not a
polynomial*. Then for every $\varepsilon > 0$ there are a number of hidden units and weights such that the
network with one hidden layer differs from $f$ by less than $\varepsilon$ everywhere on that set.

Note what it does not say. It does not say how many units are needed. It says nothing about inputs outside the
set. And it says that the weights *exist*, not that training *finds* them. The last two points show in the next
picture, which has the 16 units written down above and the best of three trainings of 16 units. (They take 1,000
steps from three random starts. The optimizer is **Adam**, which chapter 10 explains: gradient descent that adapts
the length of the step to each weight. This chapter uses it because it trains small networks in few steps.)
"""


# %% tags=["experiment"]
def learn_wave(seed):
    """16 ReLU units, fitted to 129 points of the wave in 1,000 steps. Returns its values as a function."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
    grid = torch.linspace(0, 1, 129)[:, None]
    for _ in range(1_000):
        optimizer.zero_grad()
        F.mse_loss(net(grid), wave(grid)).backward()
        optimizer.step()
    return lambda x: net(x[:, None])[:, 0].detach()


def written(x):
    return joined(wave, 16, x)


def gap(g):
    return (g(x) - wave(x)).abs().max().item()


learned = min((learn_wave(seed) for seed in range(3)), key=gap)


def draw_waves(ax):
    wide = torch.linspace(-0.5, 1.5, 401)
    ax.axvspan(0, 1, color="#eeeeee")
    for g, dash, colour, name in (
        (wave, "-", "#bbbbbb", "the wave"),
        (written, "--", cu.plots.COLOURS[0], "16 units, weights written down"),
        (learned, "-.", cu.plots.COLOURS[1], "16 units, best of three trainings"),
    ):
        ax.plot(wide, g(wide), dash, color=colour, label=name, linewidth=4 if g is wave else 1.8)
    ax.set(xlabel="x (training points lie in the grey part)", ylabel="value", ylim=(-3.5, 3.5))
    ax.set_title("Close inside the set, straight and wrong outside")
    ax.legend(loc="lower left")


cu.plots.figure(
    draw_waves,
    alt="Between 0 and 1 both networks follow the wave, the learned one less closely; outside they go on in "
    "straight lines while the wave turns",
)
assert gap(learned) > 2 * gap(written)
print("The best of three trainings has more than twice the error of the weights that were written down.")

# %% [markdown]
r"""
<details><summary>An aside: what depth adds</summary>

With one input, $h$ units in one layer give at most $h$ bends. In several layers the bends multiply. The
function $t(x) = 2 \operatorname{relu}(x) - 4 \operatorname{relu}(x - \tfrac12)$ maps $[0, 1]$ onto a roof: up
to 1 in the middle and down to 0 again, two straight pieces made of two units. In $t(t(x))$ the roof is run
through once on the way up and once on the way down: four pieces. Applied $L$ times, $2L$ units give $2^L$
pieces. One hidden layer would need at least $2^L - 1$ units for the same function.

</details>

## 3 A hidden layer for garments

We return to the 28 by 28 pictures of chapter 4 and put a **hidden layer** of 256 units with ReLU between the
pixels and the scores. Such a network is a **multilayer perceptron**, **MLP**:

$$Z = X W_1 + b_1, \qquad H = \operatorname{relu}(Z), \qquad O = H W_2 + b_2 .$$

| | $X$ | $W_1$ | $b_1$ | $Z$, $H$ | $W_2$ | $b_2$ | $O$ |
|---|---|---|---|---|---|---|---|
| shape | (n, 784) | (784, 256) | (256,) | (n, 256) | (256, 10) | (10,) | (n, 10) |

Weights and biases are 784 · 256 + 256 + 256 · 10 + 10 = 203,530 numbers, as before. With the bend between the
layers they are no longer wasted.
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_layers(ax):
    shown = (
        (0.0, 2.6, "X\n(n, 784)"),
        (3.0, 1.7, "Z\n(n, 256)"),
        (5.4, 1.7, "H\n(n, 256)"),
        (8.4, 0.7, "O\n(n, 10)"),
    )
    for (left, height, name), colour in zip(shown, ("#cccccc", "#a6cee3", "#a6cee3", "#fdd0a2")):
        ax.bar(left + 0.5, height, width=1.0, bottom=-height / 2, color=colour)
        ax.text(left + 0.5, 0, name, ha="center", va="center")
    steps = (
        (1.0, 3.0, "W1 (784, 256)\n+ b1 (256,)"),
        (4.0, 5.4, "relu"),
        (6.4, 8.4, "W2 (256, 10)\n+ b2 (10,)"),
    )
    for left, right, name in steps:
        arrow = {"arrowstyle": "-|>", "color": "#333333"}
        ax.annotate("", (right - 0.05, 0), (left + 0.05, 0), arrowprops=arrow)
        ax.text((left + right) / 2, 0.12, name, ha="center", va="bottom", fontsize=9)
    ax.set(xlim=(-0.1, 9.5), ylim=(-1.5, 1.6), title="Pixels, hidden units, scores")
    ax.set_axis_off()


cu.plots.figure(
    draw_layers,
    height=2.4,
    alt="Four boxes joined by arrows: X (n, 784), Z (n, 256), H (n, 256), O (n, 10); the arrows carry W1 and b1, "
    "relu, W2 and b2",
)

# %% [markdown]
r"""
### Exercise 5.3: `mlp` &nbsp; (3 points, about 10 minutes, ★★☆)

Write the network. Its input may be a batch of pictures, (n, 1, 28, 28), so lay the pixels of each example in a
row first.

<details><summary>Hint 1</summary>

Three steps: flatten all axes but the first, hidden layer with `relu`, scores. Nothing happens to the scores:
the softmax is part of the loss.

<details><summary>Hint 2</summary>

`X.flatten(1)` keeps the first axis, also in an empty batch, where `X.reshape(0, -1)` raises an error because it
cannot guess the second size.

</details></details>
"""


# %% exercise="mlp"
def mlp(X, W1, b1, W2, b2):
    """The scores of a multilayer perceptron with one hidden ReLU layer.

    X: float (n, ...), flattened to (n, d). W1: (d, h). b1: (h,). W2: (h, q). b2: (q,). n may be 0.
    Returns the scores (n, q), with gradients for all five arguments.
    """
    ### BEGIN SOLUTION
    H = torch.relu(X.flatten(1) @ W1 + b1)
    return H @ W2 + b2
    ### END SOLUTION


# %% test="mlp"
check.exercise("mlp", points=3)


def mlp_inputs(n, pixels, h, q, dtype=torch.float32):
    d = math.prod(pixels)
    shapes = ((n, *pixels), (d, h), (h,), (h, q), (q,))
    return [check.normal(shape, dtype=dtype) for shape in shapes]


def mlp_reference(X, W1, b1, W2, b2):
    Z = X.reshape(len(X), len(W1)) @ W1 + b1
    return (Z * (Z > 0)) @ W2 + b2


with check.case("is affine, bend, affine", points=1):
    X, W1, b1, W2, b2 = mlp_inputs(6, (5,), 4, 3)
    Z = X @ W1 + b1
    O = Z.clamp(min=0) @ W2 + b2
    wrong = {}
    wrong["there is no ReLU, so this is one affine function"] = Z @ W2 + b2
    wrong["the scores go through a ReLU, too; they may be negative"] = O.clamp(min=0)
    wrong["b1 is missing"] = (X @ W1).clamp(min=0) @ W2 + b2
    wrong["b2 is missing"] = Z.clamp(min=0) @ W2
    wrong["b1 is added after the ReLU; it belongs inside"] = ((X @ W1).clamp(min=0) + b1) @ W2 + b2
    wrong["the scores go through a softmax; the loss does that"] = O.softmax(1)
    wrong["the scores go through a log-softmax; the loss does that"] = O.log_softmax(1)
    wrong["a second ReLU comes before b2; the scores get none"] = (O - b2).clamp(min=0) + b2
    wrong["the hidden layer uses a sigmoid; ReLU is asked for"] = Z.sigmoid() @ W2 + b2
    wrong["the hidden layer keeps a part of the negative numbers"] = F.leaky_relu(Z) @ W2 + b2
    wrong["these are the hidden numbers; the second layer is missing"] = Z.clamp(min=0)
    check.close(check.unchanged(mlp, X, W1, b1, W2, b2), O, known=wrong)
with check.case("flattens each example, one at a time or in an empty batch", points=0.5):
    for n, pixels in ((4, (1, 3, 2)), (1, (2, 2)), (0, (1, 2, 3))):
        inputs = mlp_inputs(n, pixels, 4, 3)
        found = check.unchanged(mlp, *inputs)
        check.like(found, torch.zeros(n, 3))
        check.close(found, mlp_reference(*inputs))
with check.case("has gradients for the input and for all weights", points=0.5):
    check.gradient(mlp, mlp_reference, *mlp_inputs(5, (1, 2, 2), 6, 3))
### BEGIN HIDDEN TESTS
with check.case("the same on other sizes, in float32 and float64", points=1, hidden=True):
    for n, pixels, h, q, dtype in (
        (8, (1, 4, 4), 1, 5, torch.float32),
        (3, (7,), 9, 1, torch.float64),
        (0, (3,), 2, 2, torch.float64),
        (1, (2, 3, 2), 5, 4, torch.float64),
    ):
        inputs = mlp_inputs(n, pixels, h, q, dtype)
        found = check.unchanged(mlp, *inputs)
        check.like(found, torch.zeros(n, q, dtype=dtype))
        check.close(found, mlp_reference(*inputs))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**The garments.** All cells from here on share these pictures. The test pictures are looked at often here, in order to
understand; what is chosen is chosen on other pictures.
"""

# %%
train_iter, test_iter = cu.data.load_fashion_mnist(50, train_size=10_000, test_size=2_000)
images, labels = (
    train_iter.images.unsqueeze(1).float() / 255,
    train_iter.labels,
)  # (10000, 1, 28, 28), (10000,)
test_images, test_labels = test_iter.images.unsqueeze(1).float() / 255, test_iter.labels

# %% [markdown]
r"""
Your `mlp` is a function of bare tensors. `nn.Sequential` builds the same network from layers. Started from the
same weights and given the same batches, the two should go through the same losses. Do they?
"""


# %% tags=["experiment"]
def torch_mlp(X, W1, b1, W2, b2):
    """The course's own: the layers of torch, working with these weights."""
    names = ("1.weight", "1.bias", "3.weight", "3.bias")
    return torch.func.functional_call(layers, dict(zip(names, (W1.T, b1, W2.T, b2))), X)


layers = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
torch.manual_seed(2)
W1, b1 = (0.01 * torch.randn(784, 256)).requires_grad_(), torch.zeros(256, requires_grad=True)
W2, b2 = (0.01 * torch.randn(256, 10)).requires_grad_(), torch.zeros(10, requires_grad=True)
with torch.no_grad():
    for parameter, weight in zip(layers.parameters(), (W1.T, b1, W2.T, b2)):
        parameter.copy_(weight)

my_mlp = cu.yours(mlp, instead=torch_mlp)
bare = {"bare tensors": lambda X: my_mlp(X, W1, b1, W2, b2), "nn.Sequential": layers}
losses = {}
for (name, network), parameters in zip(bare.items(), ([W1, b1, W2, b2], list(layers.parameters()))):
    sgd, losses[name] = torch.optim.SGD(parameters, lr=0.3), []
    for rows in torch.arange(2_500).split(50):
        loss = F.cross_entropy(network(images[rows]), labels[rows])
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        losses[name].append(loss.item())
cu.plots.curves(
    losses,
    x="step",
    y="loss of the batch",
    title="Bare tensors and torch's layers take the same path",
    alt="Two curves of 50 losses that fall from 2.3 to about 1 and lie on top of each other",
)
furthest = max(abs(a - b) for a, b in zip(*losses.values()))
assert furthest < 1e-3 and losses["nn.Sequential"][-1] < 1.6
print("The two losses differ by less than 0.001 at each of the 50 steps.")

# %% [markdown]
r"""
**How wide?** Here the hidden layer is narrower than the input and wider than the output. That is a choice and
not a rule: other networks have hidden layers that are wider than their input. But a very narrow layer has to
throw information away. Predict the accuracy with 2 hidden units and with 64, then look. (The three networks share
one learning rate and five epochs.)
"""


# %% tags=["experiment"]
def measure(net, X, y):
    """(mean loss, accuracy) in evaluation mode."""
    net.eval()
    with torch.no_grad():
        scores = net(X)
    return F.cross_entropy(scores, y).item(), (scores.argmax(dim=1) == y).float().mean().item()


def train(net, X, y, num_epochs, lr, after_epoch=None, batch_size=50):
    """Train with Adam. Returns what after_epoch(net) gives after each epoch."""
    optimizer, found = torch.optim.Adam(net.parameters(), lr=lr), []
    for _ in range(num_epochs):
        net.train()
        for rows in torch.randperm(len(y)).split(batch_size):
            optimizer.zero_grad()
            F.cross_entropy(net(X[rows]), y[rows]).backward()
            optimizer.step()
        found.append(after_epoch(net) if after_epoch else None)
    return found


def one_hidden(h):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, h), nn.ReLU(), nn.Linear(h, 10))


accuracies = {}
for h in (2, 8, 64):
    torch.manual_seed(0)
    wide = one_hidden(h)
    train(wide, images[:5_000], labels[:5_000], num_epochs=5, lr=5e-3)
    accuracies[h] = measure(wide, test_images, test_labels)[1]
cu.plots.bars(
    list(accuracies.values()),
    labels=[f"{h} hidden units" for h in accuracies],
    y="test accuracy",
    title="Two hidden units are too few to tell ten garments apart",
    alt="Three bars: the accuracy with 2 hidden units is far below that with 8 and 64",
)
assert accuracies[2] + 0.1 < accuracies[64]
print("With 2 hidden units the accuracy is more than 10 points below that with 64.")

# %% [markdown]
r"""
You may read that describing data by fewer numbers "removes noise". Try it where you can see everything: two
kinds of points, described by two numbers each. The first number has a large spread and says nothing about the
kind; the second has a small spread and says everything. Keep one of them.
"""

# %%
g = torch.Generator().manual_seed(3)
kind = torch.randint(0, 2, (2_000,), generator=g) * 2 - 1  # -1 or +1
points = torch.randn(2_000, 2, generator=g) * torch.tensor([5.0, 0.3])
points[:, 1] += kind
for axis in (0, 1):
    spread, right = points[:, axis].std(), (points[:, axis].sign() == kind).float().mean()
    print(f"keep number {axis + 1}: spread {spread:.1f}, kinds told apart by its sign: {right:.0%}")

# %% [markdown]
r"""
Keeping number 1, the one with the larger spread, throws the signal away and keeps the noise. Fewer numbers help
if the signal lies in the directions that are kept.

<details><summary>An aside: two methods that describe data by fewer numbers</summary>

*Principal component analysis* (PCA) keeps the directions in which the data have the largest spread, so here it
would keep number 1, the noise. *t-SNE* turns the many numbers of each example into a point on a flat map. It makes
pictures to look at, and does not clean data.

</details>

## 4 Backward, by hand

Let $G = \partial L / \partial O$, shape (n, q), be the gradient that arrives from the loss; for the mean
cross-entropy it is $(P - \text{one-hot}) / n$, as in chapter 4. The backward pass goes through the three steps
of the network in reverse order. For the products, recall `matmul_vjp` of chapter 2: if $C = AB$ and $g$ arrives
for $C$, then $g B^\top$ goes to $A$ and $A^\top g$ goes to $B$. Hence

$$\frac{\partial L}{\partial W_2} = H^\top G \;\; (h, q), \qquad \frac{\partial L}{\partial H} = G W_2^\top \;\; (n, h) .$$

This needs $X$, $Z$ and $H$ from the forward pass. So during training the hidden numbers of all layers stay in
memory for the whole batch; when we only predict, a layer's numbers can go as soon as the next layer has used
them.

A classmate has written the whole pass. With it the training loss falls, and the accuracy is decent:
"""


# %%
def matmul_vjp(A, B, g):
    """The gradients for A (n, k) and B (k, m), given g (n, m) for A @ B. Yours of chapter 2 will do as well."""
    return g @ B.T, A.T @ g


def mlp_grads_broken(X, W1, b1, W2, b2, G):
    """Gradients of the loss for W1, b1, W2, b2. X: (n, d). G: (n, q), the gradient for the scores."""
    H = torch.relu(X @ W1 + b1)
    gH, gW2 = matmul_vjp(H, W2, G)
    _, gW1 = matmul_vjp(X, W1, gH)
    return gW1, gH.mean(0), gW2, G.sum(0)


# %% tags=["experiment"]
def train_by_hand(grads, num_epochs=3):
    """The MLP trained with these gradients and plain SGD. Returns (losses of all steps, test accuracy)."""
    g, losses = torch.Generator().manual_seed(0), []
    weights = [
        0.01 * torch.randn(784, 256, generator=g),
        torch.zeros(256),
        0.01 * torch.randn(256, 10, generator=g),
        torch.zeros(10),
    ]
    for _ in range(num_epochs):
        for rows in torch.randperm(5_000, generator=g).split(50):
            X, y = images[rows].flatten(1), labels[rows]
            O = torch_mlp(X, *weights)
            losses.append(F.cross_entropy(O, y).item())
            G = (torch.softmax(O, dim=1) - F.one_hot(y, 10)) / len(y)
            for weight, grad in zip(weights, grads(X, *weights, G)):
                weight -= 0.3 * grad
    with torch.no_grad():
        scores = torch_mlp(test_images, *weights)
    return losses, (scores.argmax(dim=1) == test_labels).float().mean().item()


broken_losses, broken_accuracy = train_by_hand(mlp_grads_broken)
assert broken_losses[0] > 2.2 and sum(broken_losses[-20:]) < 20 * 0.9 and broken_accuracy > 0.65
print("broken gradients: the loss falls from 2.3 to less than 0.9, the test accuracy is above 65 %")

# %% [markdown]
r"""
### Exercise 5.4: spot the bug in `mlp_grads` &nbsp; (3 points, about 15 minutes, ★★★)

Two of the four gradients are wrong. Find out which and why, and write the backward pass as it should be.

<details><summary>Hint 1</summary>

Measure before you read the code. Make the four weights small random tensors with `requires_grad=True`, compute
`(mlp(X, W1, b1, W2, b2) * G).sum().backward()`, and compare each `.grad` with what the function gives. That is
a gradient check.

<details><summary>Hint 2</summary>

Count the steps of the forward pass: affine, ReLU, affine. How many of them have a step in `mlp_grads_broken`?

<details><summary>Hint 3</summary>

A bias is added to every row of the batch. What does chapter 2's `unbroadcast` say about its gradient?

</details></details></details>
"""


# %% exercise="mlp_grads"
def mlp_grads(X, W1, b1, W2, b2, G):
    """The backward pass of the MLP relu(X @ W1 + b1) @ W2 + b2, without autograd.

    X: (n, d). W1: (d, h). b1: (h,). W2: (h, q). b2: (q,). n is at least 1.
    G: (n, q), the gradient of the loss for the scores. (It already contains the 1/n of a mean loss.)
    Returns the gradients of the loss for (W1, b1, W2, b2), in this order and in the shapes of these four.
    """
    ### BEGIN SOLUTION
    Z = X @ W1 + b1
    gZ = (G @ W2.T) * (Z > 0)
    return X.T @ gZ, gZ.sum(0), torch.relu(Z).T @ G, G.sum(0)
    ### END SOLUTION


# %% test="mlp_grads"
check.exercise("mlp_grads", points=3)


def grads_inputs(n, d, h, q, dtype=torch.float32):
    shapes = ((n, d), (d, h), (h,), (h, q), (q,), (n, q))
    return [check.normal(shape, dtype=dtype) for shape in shapes]


def four(X, W1, b1, W2, b2, G, wanted=("W1", "b1", "W2", "b2")):
    with check.without("autograd"):
        found = check.unchanged(mlp_grads, X, W1, b1, W2, b2, G)
    check.that(isinstance(found, tuple | list) and len(found) == 4, "return four gradients: W1, b1, W2, b2")
    shapes = [getattr(grad, "shape", ()) for grad in found]
    by_kind = shapes == [W1.shape, W2.shape, b1.shape, b2.shape]
    check.that(not by_kind, "these come as W1, W2, b1, b2; the order is W1, b1, W2, b2")
    for name, shape, weight in zip(("W1", "b1", "W2", "b2"), shapes, (W1, b1, W2, b2)):
        message = f"the gradient for {name} should have the shape of {name}, {tuple(weight.shape)}"
        check.that(name not in wanted or tuple(shape) == tuple(weight.shape), message)
    return found


with check.case("the gradients of the second layer", points=0.5):
    X, W1, b1, W2, b2, G = grads_inputs(6, 3, 5, 2)
    Z = X @ W1 + b1
    H = Z.clamp(min=0)
    _, _, gW2, gb2 = four(X, W1, b1, W2, b2, G, wanted=("W2", "b2"))
    wrong = {"W2 is multiplied by H, the values after the ReLU; this uses Z": Z.T @ G}
    wrong["G already contains the 1/n of the mean: do not divide again"] = H.T @ G / 6
    wrong["Z is X @ W1 + b1; here b1 is missing"] = (X @ W1).clamp(min=0).T @ G
    check.close(gW2, H.T @ G, "the gradient for W2", known=wrong)
    wrong = {"b2 is added to every row, so its gradients add up; this is their mean": G.mean(0)}
    check.close(gb2, G.sum(0), "the gradient for b2", known=wrong)
with check.case("the gradients of the first layer", points=1.5):
    X, W1, b1, W2, b2, G = grads_inputs(6, 3, 5, 2)
    Z = X @ W1 + b1
    on, gH = (Z > 0).float(), G @ W2.T
    gW1, gb1, _, _ = four(X, W1, b1, W2, b2, G, wanted=("W1", "b1"))
    no_mask = "the ReLU has no backward step: where Z is negative, nothing may come back"
    wrong = {no_mask: gH, "the gradient is cut where *it* is negative; what counts is Z": gH.clamp(min=0)}
    wrong["it multiplies by the values of the ReLU; multiply by its slope, 1 or 0"] = gH * Z.clamp(min=0)
    wrong["the gradient passes where Z is negative, and is cut where it is positive"] = gH * (1 - on)
    wrong["G already contains the 1/n of the mean: do not divide again"] = gH * on / 6
    wrong["Z is X @ W1 + b1; here b1 is missing"] = gH * (X @ W1 > 0)
    wrong["the gradient itself goes through a ReLU, too; only Z decides what passes"] = (gH * on).clamp(min=0)
    wrong = {sentence: X.T @ gZ for sentence, gZ in wrong.items()}
    check.close(gW1, X.T @ (gH * on), "the gradient for W1", known=wrong)
    wrong = {no_mask + " (b1)": gH.sum(0), no_mask + ", and it is a mean (b1)": gH.mean(0)}
    wrong["b1 is added to every row, so its gradients add up; this is their mean"] = (gH * on).mean(0)
    check.close(gb1, (gH * on).sum(0), "the gradient for b1", known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same for other sizes", points=1, hidden=True):
    for n, d, h, q in ((1, 4, 3, 2), (9, 2, 7, 5), (4, 5, 1, 1)):
        X, *weights, G = grads_inputs(n, d, h, q, torch.float64)
        found = four(X, *weights, G)
        leaves = [weight.clone().requires_grad_() for weight in weights]
        W1, b1, W2, b2 = leaves
        expected = torch.autograd.grad((((X @ W1 + b1).relu() @ W2 + b2) * G).sum(), leaves)
        for name, mine, right in zip(("W1", "b1", "W2", "b2"), found, expected):
            check.close(mine, right, f"the gradient for {name}")
### END HIDDEN TESTS
check.score()


# %% tags=["experiment"]
def torch_grads(X, W1, b1, W2, b2, G):
    """The course's own: autograd."""
    weights = [weight.clone().requires_grad_() for weight in (W1, b1, W2, b2)]
    return torch.autograd.grad(torch_mlp(X, *weights), weights, G)


right_losses, right_accuracy = train_by_hand(cu.yours(mlp_grads, instead=torch_grads))


def smooth(losses):
    return torch.tensor(losses).unfold(0, 20, 5).mean(dim=1)  # the mean of 20 steps, every 5 steps


cu.plots.curves(
    {"broken gradients": smooth(broken_losses), "right gradients": smooth(right_losses)},
    xs=torch.arange(20, 301, 5),
    x="step",
    y="loss, mean of 20 steps",
    title="Wrong gradients also go downhill, but less far",
    alt="Both losses fall from 2.3; from step 150 on, the curve of the right gradients is the lower one",
)
assert sum(right_losses[-60:]) < sum(broken_losses[-60:])
print("Over the last 60 of 300 steps the right gradients have the lower loss.")

# %% [markdown]
r"""
A falling loss does not show that the gradients are right. A gradient check takes five lines and would have
found both mistakes.

## 5 A start that lets units differ

All weights need a first value. Why not the same for all? Here is a network with 16 hidden units whose weights
all start at 0.01. Predict what the 16 units look like after five epochs.
"""


# %% tags=["experiment"]
def small_net(start, *after_relu, seed=0):
    """784-16-10, trained for five epochs on 2,000 pictures. start(net) sets the first weights."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), *after_relu, nn.Linear(16, 10))
    start(net)
    train(net, images[:2_000], labels[:2_000], num_epochs=5, lr=3e-3)
    return net


def same_number(value):
    def start(net):
        for name, parameter in net.named_parameters():
            nn.init.constant_(parameter, 0.0 if name.endswith("bias") else value)

    return start


def random_numbers(net):
    for m in (net[1], net[-1]):
        nn.init.normal_(m.weight, std=0.01)
        nn.init.zeros_(m.bias)


def different_units(net):
    return torch.linalg.matrix_rank(net[1].weight.detach(), rtol=1e-3).item()


equal, unequal = small_net(same_number(0.01)), small_net(random_numbers)


def draw_weights(ax):
    """Eight units of each network: their 784 weights as pictures."""
    for row, (net, name) in enumerate(((equal, "all at 0.01"), (unequal, "random"))):
        units = net[1].weight.detach()[:8].reshape(8, 28, 28)
        for j, unit in enumerate(units):
            limit = unit.abs().max().item()
            place = (30 * j, 30 * j + 28, 32 * row + 28, 32 * row)
            ax.imshow(unit, cmap="RdBu_r", vmin=-limit, vmax=limit, extent=place)
        ax.text(-3, 32 * row + 14, name, ha="right", va="center")
    ax.set(xlim=(-48, 240), ylim=(62, -2), title="Weights of eight hidden units after training, by start")
    ax.set_axis_off()


cu.plots.figure(
    draw_weights,
    height=2.1,
    alt="Upper row: eight times the same picture of weights. Lower row: eight different pictures, some of which "
    "resemble garments",
)
print(
    "different units of 16:",
    different_units(equal),
    "from equal weights,",
    different_units(unequal),
    "from random ones",
)
assert measure(equal, test_images, test_labels)[1] < 0.4 < 0.6 < measure(unequal, test_images, test_labels)[1]
print("test accuracy: below 40 % from equal weights, above 60 % from random ones")

# %% [markdown]
r"""
Equal units compute the same number from every picture, so they receive the same gradient and take the same
step. They stay equal, and 16 units are worth as much as one. Random weights break this *symmetry*.

Two more facts. From **all zeros** a ReLU network does not even learn as one unit: $H$ is 0, so $W_2$ gets no
gradient, and $W_2$ is 0, so nothing comes back to $W_1$. And the same symmetry has a harmless side: exchange
two hidden units, each with all its weights, and the numbers are in other places, but the function is the same.
With 256 units there are 256! such networks, more than $10^{500}$.

(A unit in the picture above that still shows only noise is off for nearly every picture; chapter 12 returns to
such units.)
"""

# %% tags=["experiment"]
dead = small_net(same_number(0.0))
print("largest weight after a start at 0:", max(dead[i].weight.abs().max().item() for i in (1, -1)))

order = torch.randperm(16)
exchanged = one_hidden(16)
with torch.no_grad():
    exchanged[1].weight.copy_(unequal[1].weight[order])
    exchanged[1].bias.copy_(unequal[1].bias[order])
    exchanged[3].weight.copy_(unequal[-1].weight[:, order])
    exchanged[3].bias.copy_(unequal[-1].bias)
    gap = (exchanged(test_images) - unequal.eval()(test_images)).abs().max().item()
assert gap < 1e-3
print("16 units in another order: the scores differ by less than 0.001")

# %% [markdown]
r"""
### Exercise 5.5: `init_normal_` &nbsp; (2 points, about 10 minutes, ★★☆)

Give a network its first weights: small random numbers for every linear layer, zeros for the biases. The
underscore at the end of the name says, as in torch, that the function works in place.

<details><summary>Hint 1</summary>

`net.modules()` gives the network itself and all its parts, however deeply they are nested. `isinstance(m,
nn.Linear)` is also true for layers derived from `nn.Linear`.

<details><summary>Hint 2</summary>

`nn.init` has functions that fill a tensor in place. Mind the order of their arguments: the mean comes before
the standard deviation. A layer made with `bias=False` has `m.bias` equal to None.

</details></details>
"""


# %% exercise="init_normal_"
def init_normal_(net, std=0.01):
    """Random first weights for every linear layer of net, in place.

    net: nn.Module, possibly itself a linear layer. Every nn.Linear in it, at any depth, gets weights from
    N(0, std^2), and bias 0 if it has a bias; so does every layer of a class derived from nn.Linear. Each weight
    is drawn on its own, and anew at each call. Parameters stay the same objects. All other modules are left alone.
    Returns net.
    """
    ### BEGIN SOLUTION
    for m in net.modules():
        if isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, mean=0.0, std=std)
            if m.bias is not None:
                nn.init.zeros_(m.bias)
    return net
    ### END SOLUTION


# %% test="init_normal_"
check.exercise("init_normal_", points=2)
Derived = nn.modules.linear.NonDynamicallyQuantizableLinear  # an nn.Linear, in nn.MultiheadAttention


def is_normal(weight, std, untouched="these are torch's own first weights: nothing was changed"):
    own = 1 / math.sqrt(3 * weight.shape[1])  # the standard deviation that nn.Linear starts with
    wrong = {untouched: (0.98 * own, 1.02 * own)}
    wrong["the standard deviation is std; this takes std squared"] = (0.97 * std**2, 1.03 * std**2)
    root = std**0.5
    wrong["the standard deviation is the root of std; take std itself, by default 0.01"] = (
        0.97 * root,
        1.03 * root,
    )
    wrong["the weights are all equal"] = (0, 1e-6)
    swapped = "the standard deviation is 1: in `nn.init.normal_(weight, std)` the number is the mean"
    wrong[swapped] = (0.98, 1.02)
    wrong["the standard deviation is always 0.01; use the argument std"] = (0.0098, 0.0102)
    for axis, alike in (
        (0, "all units start with the same weights"),
        (1, "a unit starts with equal weights"),
    ):
        apart = weight.std() < 1e-6 or weight.std(axis).mean() > 0.5 * weight.std()
        check.that(apart, f"{alike}: draw a random number for each weight")
    check.between(weight.std(), 0.98 * std, 1.02 * std, "the standard deviation of the weights", known=wrong)
    check.between(weight.mean() / std, -0.03, 0.03, "the mean of the weights, in units of std, should be 0")
    outside = (weight.abs() > 2 * std).double().mean()
    wrong = {"these numbers are uniform, not normal": (0, 0.001)}
    check.between(outside, 0.035, 0.056, "4.6 % of normal numbers are more than 2 std from 0", known=wrong)


with check.case("fills weights from N(0, std^2), and biases with 0", points=0.75):
    net = nn.Sequential(nn.Linear(200, 150), nn.ReLU(), nn.Linear(150, 9), nn.ReLU(), nn.Linear(150, 9))
    init_normal_(net)
    is_normal(net[0].weight, 0.01)
    check.that(net[0].bias is not None, "the layer has lost its bias")
    check.close(net[0].bias, torch.zeros(150), "the biases should be 0")
    same = "two layers start with the same numbers: is a seed set inside the function?"
    check.that(not torch.equal(net[2].weight, net[4].weight), same)
    first = net[0].weight.clone()
    init_normal_(net)
    same = "two calls give the same numbers: is a seed set inside the function?"
    check.that(not torch.equal(first, net[0].weight), same)
with check.case("finds each linear layer: net itself, inner ones, derived ones", points=0.5):
    layer = nn.Linear(200, 150)
    init_normal_(layer)
    itself = "net itself may be a linear layer: children() leaves net out, modules() includes it"
    is_normal(layer.weight, 0.01, itself)
    no_bias = nn.Linear(200, 150, bias=False)
    net = nn.Sequential(nn.Sequential(nn.Linear(150, 200), nn.ReLU()), no_bias)
    init_normal_(net, std=0.5)
    is_normal(net[0][0].weight, 0.5, "the linear layer inside an inner nn.Sequential was passed over")
    is_normal(no_bias.weight, 0.5, "the layer without a bias was passed over")
    layer = Derived(200, 150)
    init_normal_(layer, std=0.5)
    is_normal(layer.weight, 0.5, "a layer of a class derived from nn.Linear was passed over")
with check.case("works in place, returns net, and leaves other modules alone", points=0.5):
    others = nn.LayerNorm(5), nn.Embedding(7, 2)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Linear(12, 5), *others)
    parameters = list(net.parameters())
    before = {name: value.clone() for name, value in net.state_dict().items()}
    check.same_object(init_normal_(net, 0.1), net, "return net itself")
    for old, new in zip(parameters, net.parameters()):
        check.same_object(new, old, "a parameter was replaced, and an optimizer would still hold the old one")
        check.that(new.requires_grad, "the parameters do not require a gradient any more")
    for name, value in net.state_dict().items():
        if not name.startswith("2."):
            message = f"{name} does not belong to a linear layer and should stay as it was"
            check.equal(value, before[name], message)
    check.close(net[2].bias, torch.zeros(5), "the biases should be 0")
### BEGIN HIDDEN TESTS
with check.case("the same in a deeper net", points=0.25, hidden=True):
    net = nn.ModuleDict({"a": Derived(180, 150), "b": nn.Sequential(nn.Sequential(nn.Linear(150, 200)))})
    net["b"].requires_grad_(False)
    init_normal_(net, std=0.3)
    is_normal(net["a"].weight, 0.3)
    is_normal(net["b"][0][0].weight, 0.3, "a layer that is frozen, or deep inside, was passed over")
### END HIDDEN TESTS
check.score()


# %% tags=["experiment"]
def torch_init(net, std=0.01):
    """The course's own, for the flat networks of this chapter."""
    for name, parameter in net.named_parameters():
        nn.init.constant_(parameter, 0.0) if name.endswith("bias") else nn.init.normal_(parameter, 0.0, std)
    return net


start = cu.yours(init_normal_, instead=torch_init)
torch.manual_seed(4)
fresh = start(one_hidden(256))
first_loss, _ = measure(fresh, test_images, test_labels)
assert abs(first_loss - math.log(10)) < 0.02
print(f"loss before training: {first_loss:.1f}, log 10: {math.log(10):.1f}")

# %% [markdown]
r"""
Ten nearly equal scores, and the loss of a guess: a good place to start from. (Each further layer makes the
numbers smaller, and 0.01 becomes too little. The networks with two hidden layers below start from 0.05; chapter
12 derives the right size.) In other people's code you will meet `net.apply(f)` in place of your loop: it calls
`f(m)` for each module `m` of the network, and `f` sets the weights of one layer.

### What hidden units say

An output like "class 3 of 10" is *local*: one unit for one thing, and with 10 units
you can name 10 things. Hidden units work differently. Each is on for some pictures and off for others, and $h$
of them can be on and off in $2^h$ patterns. How many does the network with 64 hidden units from section 3 use
for the 2,000 test pictures?
"""

# %% tags=["experiment"]
with torch.no_grad():
    on = wide[1](wide[0](test_images)) > 0  # (2000, 64)
patterns, share = len(on.unique(dim=0)), on.float().mean(dim=0)
several = ((share > 0.05) & (share < 0.95)).sum().item()
assert patterns > 500 and several > 32
print("More than 500 different patterns; more than half of the units are on for 5 to 95 % of the pictures.")

# %% [markdown]
r"""
This is a **distributed representation**: many units together describe a picture, and each unit takes part in
describing many pictures. Ten local units can name ten things; ten on-or-off units together have $2^{10}$
patterns.

**A good place to stop.** You are about halfway.

## 6 A network that can learn anything

Take 500 garments and shuffle their labels. Now nothing in a picture says which label it has. What training
accuracy will the network reach, and what test accuracy?
"""

# %% tags=["experiment"]
shuffled = labels[:500][torch.randperm(500, generator=torch.Generator().manual_seed(5))]
memory = {}
for name, y in (("true labels", labels[:500]), ("shuffled labels", shuffled)):

    def both_accuracies(net, y=y):
        test = measure(net, test_images[:1_000], test_labels[:1_000])
        return measure(net, images[:500], y)[1], test[1]

    torch.manual_seed(5)
    net = start(one_hidden(128), std=0.05)
    found = train(net, images[:500], y, num_epochs=60, lr=4e-3, after_epoch=both_accuracies)
    memory[f"{name}, training"], memory[f"{name}, test"] = zip(*found)
cu.plots.curves(
    memory,
    y="accuracy",
    title="The network learns nonsense, too; only the test tells",
    alt="Training accuracy climbs towards 1 for true and for shuffled labels; test accuracy is near 0.8 for true "
    "labels and near 0.1 for shuffled ones",
)
assert memory["shuffled labels, training"][-1] > 0.95 and memory["true labels, training"][-1] > 0.97
assert memory["shuffled labels, test"][-1] < 0.2 and memory["true labels, test"][-1] > 0.7
print("shuffled labels: training accuracy above 95 %, test accuracy below 20 %")

# %% [markdown]
r"""
A model that can fit anything proves nothing by fitting. We need two words for two things. The **training
error** is computed from the training data: a number that you have. The **generalisation error** is an
expectation over all the examples that could come, drawn independently from the same distribution as the
training data (*IID*, independent and identically distributed): a number that you can only estimate. The test
error estimates it, as long as the test examples are new and from the same source. The difference,
generalisation error minus training error, is the *gap*. If both errors are high, the model **underfits**; if the gap
is large, it **overfits**.

The two learning curves show which. Here are 200 pictures and networks of four sizes, all trained at the same rate. Predict
which of them has the worst test accuracy.
"""

# %% tags=["experiment"]
SIZES = (4, 16, 128, 512)


def losses_and_accuracy(net):
    """Training loss, test loss, test accuracy."""
    return measure(net, images[:200], labels[:200])[0], *measure(
        net, test_images[:1_000], test_labels[:1_000]
    )


few = {}
for h in SIZES:
    torch.manual_seed(6)
    net = start(one_hidden(h))
    found = train(net, images[:200], labels[:200], 40, 5e-3, after_epoch=losses_and_accuracy, batch_size=40)
    few[h] = torch.tensor(found)  # (40, 3)


def draw_sizes(left, right):
    titles = ("Training loss: the larger, the faster", "Test loss: large networks turn up")
    for ax, column, title in ((left, 0, titles[0]), (right, 1, titles[1])):
        for (h, found), colour, dash in zip(few.items(), cu.plots.COLOURS, cu.plots.DASHES):
            ax.plot(range(1, 41), found[:, column], dash, color=colour, label=f"{h} hidden units")
        ax.set(xlabel="epoch", ylabel=f"{'test' if column else 'training'} loss", ylim=(0, 2.4), title=title)
        ax.grid()
    left.legend()


cu.plots.figure(
    draw_sizes,
    panels=2,
    alt="Left: all training losses fall, the more units the faster. Right: the test losses of the large networks "
    "fall first and then rise again; that of the network with 4 units falls slowly",
)
last = {h: few[h][-1] for h in SIZES}
larger = [last[h][2].item() for h in SIZES[1:]]
assert last[512][1] > few[512][:, 1].min() + 0.05 and last[4][2] < min(larger)
assert max(larger) - min(larger) < 0.05 and last[512][1] > last[4][1]
print("Worst test accuracy: 4 units. The other three lie within 5 points of each other.")
print("Final test loss: higher with 512 units than with 4.")

# %% [markdown]
r"""
**Capacity** is the first knob, and the curves show both of its ends. Four units underfit: in these 40 epochs
even the training loss stays high. The large networks reach a training loss near 0, and then their *test loss
rises*: they become more and more certain, also of the pictures that they get wrong. In the end it is even higher
with 512 units than with 4. Their test *accuracy* hardly suffers. So "too many parameters" is not a mistake in
itself. Which size is worse depends on the measure: in accuracy, too few units cost more here; in the final test
loss, too many.

**Data** is the second knob. Predict both accuracies with 100 pictures and with 10,000. (More pictures get fewer
epochs, and still more steps in all: 160 for 100 pictures, 1,000 for 10,000.)
"""

# %% tags=["experiment"]
amounts = {}
for n, num_epochs in ((100, 80), (300, 50), (1_000, 30), (3_000, 12), (10_000, 5)):
    torch.manual_seed(7)
    net = start(one_hidden(64))
    train(net, images[:n], labels[:n], num_epochs, lr=3e-3)
    amounts[n] = measure(net, images[:n], labels[:n])[1], measure(net, test_images, test_labels)[1]
cu.plots.curves(
    dict(zip(("training", "test"), zip(*amounts.values()))),
    xs=list(amounts),
    x="number of training pictures",
    y="accuracy",
    log_x=True,
    title="More data closes the gap from both sides",
    alt="From 100 to 10,000 pictures the test accuracy rises and the training accuracy falls; the curves approach",
)
gaps = {n: train_accuracy - test_accuracy for n, (train_accuracy, test_accuracy) in amounts.items()}
assert gaps[100] > 0.2 and gaps[10_000] < 0.1
print("gap with 100 pictures: more than 20 points; with 10,000: less than 10")

# %% [markdown]
r"""
When there are no more data to be had, a third knob remains: **regularisation**, which is any means against
memorising.

## 7 Dropout

A network that memorises 200 pictures can rely on chance: if one hidden unit happens to respond to a speck in
picture 17, that is all the next layer needs to name picture 17. **Dropout** makes this unsafe. At each training
step, every hidden number is set to 0 with probability $p$, each on its own, so the next layer cannot rely on
any single unit.

Predict before you run the cell: 256 hidden numbers, each dropped with $p = 0.5$. What happens to their sum?
"""

# %%
g = torch.Generator().manual_seed(8)
h = torch.rand(256, generator=g)  # 256 hidden numbers
keep = (torch.rand(10_000, 256, generator=g) >= 0.5).float()  # (10000, 256) of zeros and ones
sums = (keep * h).sum(dim=1)  # (10000,)
print(f"sum of all: {h.sum():.0f}, mean sum with half of them dropped: {sums.mean():.0f}")

# %% [markdown]
r"""
Half of it is missing. In evaluation nothing is dropped, so every layer would receive twice what it was trained
with. *Inverted* dropout corrects this during training: it divides what it keeps by the probability of keeping
it,

$$h' = \begin{cases} 0 & \text{with probability } p \\ h / (1 - p) & \text{with probability } 1 - p . \end{cases}$$

The mean and the variance follow in four lines, for a given number $h$:

$$\begin{aligned}
\mathbb{E}[h'] &= p \cdot 0 + (1 - p) \cdot \frac{h}{1 - p} = h \\
\mathbb{E}[h'^2] &= (1 - p) \cdot \frac{h^2}{(1 - p)^2} = \frac{h^2}{1 - p} \\
\operatorname{Var}[h'] &= \mathbb{E}[h'^2] - \mathbb{E}[h']^2 = \frac{p}{1 - p}\, h^2 \\
\operatorname{Var}\Bigl[\sum_j h'_j\Bigr] &= \frac{p}{1 - p} \sum_j h_j^2 \quad \text{(independent masks)} .
\end{aligned}$$

So the mean is right, and dropout adds noise: the larger $p$, the more. (If $h$ is itself random, take the mean
over $h$ as well in the first two lines; the variance is then $\mathbb{E}[h^2]/(1-p) - \mathbb{E}[h]^2 =
\operatorname{Var}[h]/(1-p) + \frac{p}{1-p} \mathbb{E}[h]^2$.)

### Exercise 5.6: `dropout_layer` &nbsp; (3 points, about 10 minutes, ★★☆)

Write the layer as it acts during training. (`F.dropout` and `nn.Dropout` do the same, and the check accepts them.
You learn more if you draw the mask yourself.)

<details><summary>Hint 1</summary>

You need one random number for each element of `X`, on the same device. Which torch function makes a tensor
*like* another one?

<details><summary>Hint 2</summary>

A number from `rand` lies in [0, 1) and is below `dropout` with probability `dropout`. Which comparison is True
for the elements to keep? And for one value of `dropout` the division fails.

</details></details>
"""


# %% exercise="dropout_layer"
def dropout_layer(X, dropout):
    """Inverted dropout, as it acts during training.

    X: float tensor of any shape. dropout: the probability of dropping an element, a number in [0, 1].
    Returns a tensor of X's shape, dtype and device: each element, on its own, is 0 with probability
    dropout, and else divided by 1 - dropout. 0 gives X, 1 gives zeros. X is unchanged, and gradients flow
    back through the elements that are kept.
    Raises ValueError, with a message, if dropout is outside [0, 1].
    """
    ### BEGIN SOLUTION
    if not 0 <= dropout <= 1:
        raise ValueError(f"dropout must be in [0, 1], got {dropout}")
    if dropout == 1:
        return torch.zeros_like(X)
    keep = torch.rand_like(X) >= dropout
    return X * keep / (1 - dropout)
    ### END SOLUTION


# %% test="dropout_layer"
check.exercise("dropout_layer", points=3)


def no_single_coin():
    found = check.each(dropout_layer, [(torch.ones(3, 4), 0.5) for _ in range(20)])
    shares = {(Y == 0).double().mean().item() for Y in found}
    together = "all elements are kept or dropped together: draw a random number for each element"
    check.that(shares != {0.0, 1.0}, together)


with check.case("drops about the requested share", points=0.5):
    X = check.uniform((300, 400), low=1, high=2)
    Y = check.unchanged(dropout_layer, X, 0.3)
    check.like(Y, X)
    no_single_coin()
    wrong = {"`dropout` is the probability of dropping, and this keeps with that probability": 0.7}
    wrong["nothing is dropped"] = 0.0
    wrong["everything is dropped"] = 1.0
    wrong["half of the elements are dropped, whatever `dropout` is"] = (0.49, 0.51)
    wrong["the random numbers are normal; take uniform ones from [0, 1)"] = (0.61, 0.626)
    check.between((Y == 0).double().mean(), 0.29, 0.31, "about 30 % of the elements should be 0", known=wrong)
with check.case("divides what it keeps by 1 - dropout", points=0.75):
    X = check.uniform((30, 40), low=1, high=2)
    Y = check.unchanged(dropout_layer, X, 0.3)
    check.like(Y, X)
    kept = Y != 0
    check.that(kept.any(), "in this call everything is dropped")
    wrong = {"the kept values are not scaled": X[kept]}
    wrong["the kept values are divided by dropout, not by 1 - dropout"] = (X / 0.3)[kept]
    wrong["the kept values are multiplied by 1 - dropout; divide by it"] = (X * 0.7)[kept]
    wrong["the kept values are multiplied by dropout; divide by 1 - dropout"] = (X * 0.3)[kept]
    wrong["the kept values are divided by 1 - dropout twice"] = (X / 0.7**2)[kept]
    wrong["divide by 1 - dropout, not by the share that happens to be kept"] = (X / kept.float().mean())[kept]
    wrong["the kept values became 1 / (1 - dropout): multiply the mask by X"] = (X * 0 + 1 / 0.7)[kept]
    wrong["the mask itself came back: multiply it by X, and divide by 1 - dropout"] = (X * 0 + 1)[kept]
    check.close(Y[kept], (X / 0.7)[kept], known=wrong)
with check.case("decides for each element on its own, and anew at each call", points=0.5):
    no_single_coin()
    X = torch.ones(200, 300)
    Y, Z = check.each(dropout_layer, [(X, 0.5), (X, 0.5)])
    same = "two calls drop the same elements: is a seed set inside the function, or nothing drawn?"
    check.that(not torch.equal(Y, Z), same)
    dropped = (Y == 0).double()
    columns, rows = dropped.mean(0).std(), dropped.mean(1).std()
    check.that(columns < 0.1, "whole columns are dropped together: one mask for all rows")
    check.that(rows < 0.1, "whole rows are dropped together: one mask for all columns")
    alike = "or columns lose the same number of elements: decide for each element on its own"
    check.that(columns > 0.02 and rows > 0.02, f"all rows {alike}")
    found = check.each(dropout_layer, [(torch.ones(10), 0.5) for _ in range(20)])
    counts = {int((Y == 0).sum()) for Y in found}
    check.that(len(counts) > 1, "each call drops the same number of elements: decide for each on its own")
with check.case("0 keeps all, 1 drops all, and anything outside is refused", points=0.5):
    X = check.normal((5, 4))
    check.close(check.unchanged(dropout_layer, X, 0.0), X, "with 0 nothing changes")
    nan = {"1 - dropout is 0, and 0 / 0 is nan": X * 0 / 0}
    check.close(dropout_layer(X, 1.0), torch.zeros(5, 4), "with 1 all is 0", known=nan)
    for dropout in (1.5, -0.1):
        check.raises(ValueError, dropout_layer, X, dropout)
with check.case("lets gradients back through what it keeps", points=0.5):
    keeps_nearly_all = 1e-9
    check.gradient(dropout_layer, lambda X, dropout: X * 1, check.normal((4, 5)), fixed=(keeps_nearly_all,))
### BEGIN HIDDEN TESTS
with check.case("the same on other shapes", points=0.25, hidden=True):
    X = check.uniform((3, 1, 64, 64), low=-2, high=-1, dtype=torch.float64)
    for dropout in (0.1, 0.8):
        Y = check.unchanged(dropout_layer, X, dropout)
        check.like(Y, X)
        check.between((Y == 0).double().mean(), dropout - 0.02, dropout + 0.02, "the share that is dropped")
        check.close(Y[Y != 0], (X / (1 - dropout))[Y != 0])
    check.like(dropout_layer(X, 1.0), X)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Now the 256 numbers again, through *your* layer. The fourth line above predicts the mean and the spread of the
sum:
"""

# %% tags=["experiment"]
drop = cu.yours(dropout_layer, instead=F.dropout)
torch.manual_seed(9)
spreads = {p: drop(h.expand(4_000, 256).clone(), p).sum(dim=1) for p in (0.2, 0.5)}


def draw_sums(ax):
    for (p, sums), colour in zip(spreads.items(), cu.plots.COLOURS):
        ax.hist(sums, bins=60, density=True, color=colour, alpha=0.4, label=f"p = {p}, measured")
        std = (p / (1 - p) * (h**2).sum()).sqrt().item()
        s = torch.linspace(h.sum() - 4 * std, h.sum() + 4 * std, 200)
        bell = torch.exp(-(((s - h.sum()) / std) ** 2) / 2) / (std * (2 * math.pi) ** 0.5)
        ax.plot(s, bell, color=colour, label=f"p = {p}, predicted")
    ax.axvline(h.sum(), color="#333333", linewidth=0.8)
    ax.set(xlabel="sum of 256 numbers after dropout", ylabel="density")
    ax.set_title("The mean stays, the noise grows with p")
    ax.legend()


cu.plots.figure(
    draw_sums,
    alt="Two histograms around the sum without dropout; the one for p = 0.5 is twice as wide as the one for "
    "p = 0.2, and both match their predicted bells",
)
for p, sums in spreads.items():
    predicted = (p / (1 - p) * (h**2).sum()).sqrt()
    assert abs(sums.mean() - h.sum()) < 4 * predicted / 4_000**0.5 and abs(sums.std() / predicted - 1) < 0.06
print("mean and standard deviation are as predicted, for p = 0.2 and p = 0.5")

# %% [markdown]
r"""
**Hidden numbers, not weights.** Dropout multiplies the hidden numbers $H$ (n, h) by a mask of the same shape: each
example has its own. The weights stay as they are. A relative of dropout, *DropConnect*, masks the weights
instead. Look at which tensor has the zeros:
"""

# %%
g = torch.Generator().manual_seed(114)
H, W = torch.rand(2, 4, generator=g) + 1, torch.rand(4, 3, generator=g) + 1  # two examples, four hidden units
mask_H, mask_W = torch.rand(2, 4, generator=g) >= 0.5, torch.rand(4, 3, generator=g) >= 0.5
print(
    "dropout:     zeros in H",
    (H * mask_H == 0).sum().item(),
    "of 8, zeros in W",
    (W == 0).sum().item(),
    "of 12",
)
print(
    "DropConnect: zeros in H",
    (H == 0).sum().item(),
    "of 8, zeros in W",
    (W * mask_W == 0).sum().item(),
    "of 12",
)
print("hidden numbers dropped for each of the two examples:", (H * mask_H == 0).sum(dim=1).tolist())

# %% [markdown]
r"""
**Why does noise help?** For linear regression a few lines of algebra give an answer. Put dropout on the inputs $x$, and
let $\hat y' = \sum_j w_j x'_j$. Its mean is $\hat y = \sum_j w_j x_j$, so for one example

$$\begin{aligned}
\mathbb{E}(\hat y' - y)^2 &= (\mathbb{E}\,\hat y' - y)^2 + \operatorname{Var}[\hat y'] \\
&= (\hat y - y)^2 + \sum_j w_j^2 \operatorname{Var}[x'_j] \\
&= (\hat y - y)^2 + \frac{p}{1 - p} \sum_j w_j^2 x_j^2 .
\end{aligned}$$

The mean over all examples is the loss without dropout plus $\frac{p}{1-p} \sum_j w_j^2 \, \overline{x_j^2}$: a
*penalty on large weights*, which is stricter for inputs that are larger. Simulate it with your layer:
"""

# %% tags=["experiment"]
torch.manual_seed(11)
X, w = torch.randn(200, 5) * torch.tensor([0.5, 1.0, 1.5, 2.0, 2.5]), torch.tensor([1.0, -1.0, 2.0, 0.5, 1.0])
y = X @ w + torch.randn(200)
formula = ((X @ w - y) ** 2).mean() + 0.4 / 0.6 * (w**2 * (X**2).mean(dim=0)).sum()
simulated = torch.stack([((drop(X, 0.4) @ w - y) ** 2).mean() for _ in range(4_000)]).mean()
assert abs(simulated / formula - 1) < 0.02
print(
    f"loss without dropout {((X @ w - y) ** 2).mean():.1f}, formula with p = 0.4 {formula:.1f}, simulated {simulated:.1f}"
)

# %% [markdown]
r"""
## 8 A network with dropout

Torch's layer is `nn.Dropout(p)`, with $p$ the probability of dropping. It comes after the activation function.
Rates between 0.2 and 0.5 are common, with the smaller one near the input, and none on the scores:
"""

# %%
with_dropout = nn.Sequential(
    nn.Flatten(),
    nn.Linear(784, 256),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(256, 256),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(256, 10),
)
X = test_images[:100]
for mode in (True, False):
    with_dropout.train(mode)
    same = torch.equal(with_dropout(X), with_dropout(X))
    print(f"train({mode}): the same scores twice: {same}")

# %% [markdown]
r"""
In evaluation mode the layer passes everything on unchanged. A layer knows its mode from the attribute
`training`, which `net.train()` and `net.eval()` set in the network and in all its parts.

**Lines that do not stand alone.** Code that is copied out of a longer text often uses a name whose own line stayed
behind, or loses a bracket at the end of a page. Here are a slope and a network as they were found. Each runs where
only `torch` and `nn` are known. What does Python say, and what once the bracket is there?
"""

# %%
slope = "y.backward(torch.ones_like(x))"
network = "nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Dropout(dropout1), nn.Linear(256, 10)"
for found in (slope, network, network + ")"):
    try:
        eval(found, {"torch": torch, "nn": nn})
    except (NameError, SyntaxError) as error:
        print(f"{type(error).__name__}: {error.args[0]}")

# %% [markdown]
r"""
Python reads all of a cell before it runs any of it, so a missing bracket shows at once. A missing name shows when its
line is reached, which can be after an hour of training, or never: in a notebook, an old cell may have left something
of this name behind. *Kernel > Restart Kernel and Run All Cells* shows it.

A classmate has written the network as a class, with the functions of `torch.nn.functional`. It trains. But each
time she measures its test accuracy, the result is different, although she has called `eval()`.
"""


# %%
class FirstTry(nn.Module):
    def __init__(self, hiddens=(256, 256), dropouts=(0.2, 0.5)):
        super().__init__()
        self.hidden1 = nn.Linear(784, hiddens[0])
        self.hidden2 = nn.Linear(hiddens[0], hiddens[1])
        self.output = nn.Linear(hiddens[1], 10)
        self.dropouts = dropouts

    def forward(self, X):
        H = F.dropout(F.relu(self.hidden1(X.flatten(1))), self.dropouts[0])
        H = F.dropout(F.relu(self.hidden2(H)), self.dropouts[1])
        return F.relu(self.output(H))


first_try = FirstTry().eval()
print("the same scores twice:", torch.equal(first_try(X), first_try(X)))
print("smallest of 1,000 scores:", first_try(X).min().item())

# %% [markdown]
r"""
### Exercise 5.7: spot the bugs, then write `DropoutMLP` &nbsp; (4 points, about 20 minutes, ★★★)

`FirstTry` has two mistakes; the two printed lines are their symptoms. Find both. Then write the class without
them, for any number of hidden layers.

<details><summary>Hint 1</summary>

Read the signature of `F.dropout` (type `F.dropout?` in a cell). Where could it learn the mode from? And which
values should a score be able to take?

<details><summary>Hint 2</summary>

`nn.Dropout` is a module and has a mode; `F.dropout` needs to be told. As for the number of layers: torch finds
layers that are attributes, or that are in an `nn.ModuleList` or `nn.Sequential`. It does not find those in a
Python list.

<details><summary>Hint 3</summary>

`zip(hiddens, dropouts)` pairs each hidden layer with its dropout. A variable for the current width, num_inputs at first,
gives the two sizes of each layer. The last layer has neither ReLU nor dropout.

</details></details></details>
"""


# %% exercise="DropoutMLP"
class DropoutMLP(nn.Module):
    """An MLP with dropout.

    DropoutMLP(num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)): hiddens are the sizes of
    the hidden layers, at least one; dropouts are their probabilities of dropping, one for each.
    Input: float (n, ...), flattened to (n, num_inputs). Output: scores (n, num_outputs).
    After each hidden layer comes ReLU and then dropout, which acts in training mode only.
    """

    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        ### BEGIN SOLUTION
        layers, width = [], num_inputs
        for hidden, dropout in zip(hiddens, dropouts):
            layers += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)]
            width = hidden
        self.hidden = nn.Sequential(*layers)
        self.output = nn.Linear(width, num_outputs)
        ### END SOLUTION

    def forward(self, X):
        ### BEGIN SOLUTION
        return self.output(self.hidden(X.flatten(1)))
        ### END SOLUTION


# %% test="DropoutMLP"
check.exercise("DropoutMLP", points=4)


def weights_of(*sizes):
    return [check.normal(shape) for a, b in itertools.pairwise(sizes) for shape in ((b, a), (b,))]


def scores_of(X, weights, bend):
    for W, b in zip(weights[:-2:2], weights[1:-2:2]):
        X = bend(X @ W.T + b)
    return X @ weights[-2].T + weights[-1]


def used(weights, X, *args):
    """What DropoutMLP(*args) with these weights gives: twice in evaluation, then twice in training mode."""
    net = check.filled(DropoutMLP(*args), X, *weights)
    return [*(net.eval()(X) for _ in range(2)), *(net.train()(X) for _ in range(2))]


def untrained(X, *args):
    """How many weights and biases of DropoutMLP(*args) get no gradient."""
    net = DropoutMLP(*args)
    check.backward(net(X))
    return sum(p.grad is None for p in net.parameters())


def sums_of_three(net):
    """Scores in training mode, each the sum of three units of layer 1. The weights are large: made there."""
    W1 = torch.full((256, 784), 1 / 784)
    three = torch.eye(256) + torch.eye(257)[1:, :-1] + torch.eye(257)[:-1, 1:]
    check.filled(net, W1[:1], W1, torch.zeros(256), three, torch.eye(10, 256), torch.zeros(10))
    return net.train()(torch.ones(500, 1, 28, 28))


with check.case("in evaluation mode: affine, ReLU, and an affine layer for the scores", points=1):
    X, weights = check.normal((7, 1, 2, 3)), weights_of(6, 5, 4, 3)
    found, again, *_ = check.unchanged(check.made, used, weights, X, 6, (5, 4), 3, (0.5, 0.5))
    check.close(again, found, "after net.eval() two runs give different scores: something still drops")
    X = X.flatten(1)
    O = scores_of(X, weights, torch.relu)
    wrong = {"the scores go through a ReLU, too; they may be negative": O.clamp(min=0)}
    wrong["the scores go through a softmax; the loss does that"] = O.softmax(1)
    wrong["there is no ReLU"] = scores_of(X, weights, torch.clone)
    wrong["the hidden layers use a sigmoid; ReLU is asked for"] = scores_of(X, weights, torch.sigmoid)
    wrong["in evaluation mode nothing is scaled"] = scores_of(X, weights, lambda Z: 0.5 * Z.relu())
    check.close(found, O, known=wrong)
    lost = check.made(untrained, X, 6, (5, 4), 3, (0.5, 0.5))
    check.that(not lost, "a weight or bias gets no gradient: is there a `detach` or `.data` in `forward`?")
with check.case("works with a single hidden layer", points=0.5):
    X, weights = check.normal((7, 6)), weights_of(6, 5, 3)
    check.close(check.made(used, weights, X, 6, (5,), 3, (0.5,))[0], scores_of(X, weights, torch.relu))
with check.case("in training mode: each hidden layer drops with its own probability", points=1):
    X = torch.ones(100, 150)
    pairs = torch.eye(152, 151) + torch.eye(152, 152)[:, 1:]  # sums of two units of layer 1
    weights = [torch.eye(151, 150), torch.zeros(151), pairs, torch.zeros(152)]
    weights += [torch.eye(153, 152), torch.zeros(153)]
    late, early = "dropout acts on the scores, too", "dropout acts on the input, too"
    swapped, before = "the probabilities are exchanged", "dropout belongs after the ReLU of its layer"
    known = {(0.3, 0.0): {early: 0.51**2, swapped: 0.3}, (0.0, 0.6): {late: 0.84, before: 0.36}}
    for (p1, p2), wrong in known.items():
        *_, O, again = (Y[:, :149] for Y in check.made(used, weights, X, 150, (151, 152), 153, (p1, p2)))
        lost = (O == 0).double()
        check.that(lost.mean() < 1, "all is lost: dropouts are probabilities of dropping, not of keeping")
        check.that(lost.any(), f"nothing is dropped in training mode, dropouts={(p1, p2)}")
        check.that(not torch.equal(again, O), "each call drops the same numbers: draw anew in `forward`")
        check.that(lost.mean(0).std() < 0.2, "all examples lose the same hidden numbers")
        check.that(lost.mean(1).std() < 0.2, "an example loses all of its hidden numbers, or none")
        share = max(p1**2, p2)  # both units of a pair are lost, or the number itself
        wrong["both hidden layers use the first number of dropouts"] = 1 - (1 - p1**2) * (1 - p1)
        message = f"with dropouts={(p1, p2)}, the share of scores that are lost"
        check.between(lost.mean(), share - 0.02, share + 0.02, message, known=wrong)
        wrong = {"what is kept should be divided by 1 - p": (2 - 2 * p1) * (1 - p2)}
        check.between(O.mean(), 1.9, 2.1, "dropout should leave the mean as it was", known=wrong)
with check.case("has the right defaults, and flattens pictures", points=0.5):
    net, X = DropoutMLP(), torch.ones(1, 1, 28, 28)
    check.like(net(X), torch.zeros(1, 10))
    lost = (check.made(sums_of_three, net)[:, 1:] == 0).double().mean()
    wrong = {"the default dropouts, 0.2 and then 0.5, are exchanged": 1 - 0.8 * (1 - 0.5**3)}
    check.between(lost, 0.47, 0.54, "the share of hidden numbers that are lost by default", known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same with one or three hidden layers, and back to training mode", points=1, hidden=True):
    for d, *hiddens in ((4, 7), (6, 5, 3, 8)):
        X, weights = check.normal((40, d)), weights_of(d, *hiddens, 2)
        found, _, *dropped = check.made(used, weights, X, d, hiddens, 2, [0.5] * len(hiddens))
        check.close(found, scores_of(X, weights, torch.relu))
        check.that(not torch.equal(*dropped), "after eval() and train() nothing drops, or always the same")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**How large is it?** Work out the number of weights of `DropoutMLP()` on paper before you count them with code.

### Exercise 5.8: `count_parameters` &nbsp; (2 points, about 5 minutes, ★★☆)

Count the numbers that training can change.

<details><summary>Hint 1</summary>

`net.parameters()` gives each parameter once, even if two layers share it. Some parameters are frozen: what
tells you?

<details><summary>Hint 2</summary>

The number of entries of a tensor is `numel()`, and a frozen one has `requires_grad` False.

</details></details>
"""


# %% exercise="count_parameters"
def count_parameters(net):
    """The number of trainable scalars in net.

    net: nn.Module. A parameter that is used in several places counts once; frozen parameters
    (requires_grad False) and buffers do not count. A net without parameters has 0.
    Returns a Python int.
    """
    ### BEGIN SOLUTION
    return sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)
    ### END SOLUTION


# %% test="count_parameters"
check.exercise("count_parameters", points=2)
with check.case("counts the entries of all weights and biases", points=0.5):
    net = nn.Sequential(nn.Flatten(), nn.Linear(6, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 3, bias=False)))
    wrong = {"these are the parameter tensors; count the numbers in them": 3}
    wrong["the biases are missing"] = 36
    wrong["parts inside parts are missing"] = 28
    wrong["modules() and parameters() both go into the parts, so these are counted again and again"] = 92
    found = count_parameters(net)
    check.equal(found, 40, known=wrong)
    check.number(found, int)
    check.equal(count_parameters(nn.Sequential(nn.ReLU(), nn.Flatten())), 0, "a net without parameters")
    wrong = {"net itself may be a layer: children() leaves net out, parameters() includes its weights": 0}
    check.equal(count_parameters(nn.Linear(5, 3)), 18, known=wrong)
with check.case("leaves out what is frozen, and buffers", points=0.5):
    net = nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    net[0].weight.requires_grad_(False)
    wrong = {"you counted the frozen parameters; leave out those with requires_grad False": 42}
    wrong["you counted what is frozen; count the rest"] = 20
    wrong["you counted frozen parameters and buffers, which are both in state_dict; leave them out"] = 51
    wrong["you counted the buffers; leave them out, they are not trained"] = 31
    check.equal(count_parameters(net), 22, known=wrong)
with check.case("counts what is shared once", points=0.5):
    shared = nn.Linear(3, 3)
    net = nn.Sequential(shared, nn.ReLU(), shared, nn.Linear(3, 3))
    net[3].weight = shared.weight
    net[3].bias.data.copy_(shared.bias.data)
    wrong = {"you counted a weight twice because two layers share it; count it once": 24}
    wrong["you counted a layer twice because it is used twice; count it once"] = 27
    wrong["you counted a shared parameter at each of its uses; count it once"] = 36
    wrong["two biases with the same shape or the same numbers are two, and you counted one"] = 12
    check.equal(count_parameters(net), 15, known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same on other networks", points=0.5, hidden=True):
    net = nn.ModuleDict(
        {"a": nn.Conv2d(2, 3, 5), "b": nn.ModuleList([nn.Embedding(7, 2), nn.BatchNorm2d(3)])}
    )
    net["c"] = nn.Linear(2, 7, bias=False)
    net["c"].weight = net["b"][0].weight
    check.equal(count_parameters(net), 2 * 3 * 25 + 3 + 14 + 6)
    net["a"].bias.requires_grad_(False)
    check.equal(count_parameters(net), 2 * 3 * 25 + 14 + 6)
    check.equal(count_parameters(nn.Linear(784, 10).half()), 7850)
    own = nn.ParameterList([torch.ones(2, 4), torch.tensor(3.0)])
    check.equal(count_parameters(own), 9, "parameters that belong to no layer, one of them a single number")
### END HIDDEN TESTS
check.score()


# %% tags=["experiment"]
def two_hidden(num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
    """The course's own, for two hidden layers."""
    (a, b), (p, q) = hiddens, dropouts
    lower = nn.Sequential(nn.Flatten(), nn.Linear(num_inputs, a), nn.ReLU(), nn.Dropout(p))
    return nn.Sequential(*lower, nn.Linear(a, b), nn.ReLU(), nn.Dropout(q), nn.Linear(b, num_outputs))


Net = cu.yours(DropoutMLP, instead=two_hidden)
count = cu.yours(
    count_parameters, instead=lambda net: nn.utils.parameters_to_vector(net.parameters()).numel()
)
print(f"on paper {784 * 256 + 256 + 256 * 256 + 256 + 256 * 10 + 10:,}, counted {count(Net()):,}")

# %% [markdown]
r"""
**A forgotten `eval()`.** We train your network on 1,000 pictures, with $p = 0.5$ in both layers, and measure
its test accuracy 20 times in training mode, then once in evaluation mode. How many points do you expect
training mode to cost?
"""

# %% tags=["experiment"]
torch.manual_seed(12)
half = start(Net(hiddens=(128, 128), dropouts=(0.5, 0.5)), std=0.05)
train(half, images[:1_000], labels[:1_000], num_epochs=25, lr=2e-3)
half.train()
with torch.no_grad():
    masked = torch.stack([torch.softmax(half(test_images), dim=1) for _ in range(20)])  # (20, 2000, 10)
forgotten = (masked.argmax(dim=2) == test_labels).float().mean(dim=1)  # (20,)
evaluated = measure(half, test_images, test_labels)[1]
averaged = (masked.mean(dim=0).argmax(dim=1) == test_labels).float().mean().item()


def draw_forgotten(ax):
    ax.scatter(range(1, 21), forgotten, color=cu.plots.COLOURS[1], label="one random mask: eval() forgotten")
    ax.axhline(evaluated, color=cu.plots.COLOURS[0], label="evaluation mode")
    ax.axhline(averaged, color=cu.plots.COLOURS[2], linestyle="--", label="mean prediction of the 20 masks")
    ax.set(
        xlabel="measurement",
        ylabel="test accuracy",
        title="A forgotten eval() costs accuracy, and adds noise",
    )
    ax.set_xticks([1, 5, 10, 15, 20])
    ax.grid()
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


cu.plots.figure(
    draw_forgotten,
    alt="Twenty dots, all different, below a solid line for evaluation mode; a dashed line for the mean of the 20 "
    "predictions is close to the solid one",
)
assert (
    forgotten.max() < evaluated
    and forgotten.mean() < evaluated - 0.02
    and averaged > forgotten.max()
    and abs(averaged - evaluated) < 0.02
)
agree = (masked.argmax(dim=2) == masked.argmax(dim=2)[0]).all(dim=0)  # (2000,)
sure, unsure = (
    (masked.mean(dim=0).argmax(dim=1) == test_labels)[which].float().mean() for which in (agree, ~agree)
)
assert sure > 0.9 and unsure < 0.8
print("eval() forgotten: all 20 measurements are worse, by more than 2 points on average")
print("where all 20 masks agree more than 90 % are right, elsewhere less than 80 %")

# %% [markdown]
r"""
The picture shows one more thing. Each mask leaves a smaller network, and all $2^{256}$ of these networks (128 + 128
hidden units) share their weights. The mean prediction of 20 of them is better than any single one, and about as good as evaluation
mode: using all units at once is a cheap substitute for the mean over all masks. And where the masks agree, the
network is more often right. So dropout that is left on deliberately can tell us what the network is unsure of.

**One more effect.** In section 5 units that started equal stayed equal, because all of them were treated
equally. With dropout they are not: each step drops different units. How many different units do you expect now?
"""

# %% tags=["experiment"]
noisy = small_net(same_number(0.01), nn.Dropout(0.5))
print(f"different units of 16, from equal weights: {different_units(equal)} without dropout,", end=" ")
print(f"{different_units(noisy)} with p = 0.5")

# %% [markdown]
r"""
## 9 Does dropout help?

Three comparisons follow. All of them train the same network for 30 epochs:

| | pictures | labels | what is compared | learning rate |
|---|---|---|---|---|
| A | 500 | true | without dropout, $p = 0.5$ | 0.002 for both, five starts |
| B | 500 | true | without dropout, $p = 0.5$ | for each the best of three, one start |
| C | 1,000 | 40 % redrawn at random | without dropout, $p = 0.5$, early stopping | 0.002 for all, three starts |

We begin with A and B. The rate that is best in B is the one with the lowest final loss on 500 *validation* pictures.
Predict: what will dropout improve, the loss or the accuracy?
"""


# %% tags=["experiment"]
def few_pictures(p, lr, seed):
    """Returns the trained network and its validation loss after each of 30 epochs."""
    torch.manual_seed(seed)
    net = start(Net(hiddens=(128, 128), dropouts=(p, p)), std=0.05)
    return net, train(net, images[:500], labels[:500], 30, lr, lambda net: measure(net, *valid)[0])


valid = images[500:1_000], labels[500:1_000]
runs = {p: [few_pictures(p, 2e-3, seed) for seed in range(5)] for p in (0.0, 0.5)}
tuned = {}
for p in (0.0, 0.5):
    candidates = [runs[p][0], few_pictures(p, 5e-4, seed=0), few_pictures(p, 8e-3, seed=0)]
    net, _ = min(candidates, key=lambda run: run[1][-1])
    tuned[p] = measure(net, test_images, test_labels)
cu.plots.curves(
    {"without dropout": [losses for _, losses in runs[0.0]], "p = 0.5": [losses for _, losses in runs[0.5]]},
    y="validation loss",
    title="With dropout the loss on new pictures hardly turns up (500 pictures, five starts)",
    alt="Five curves without dropout are lowest between epochs 7 and 12 and clearly rise after epoch 20; five curves "
    "with dropout fall more slowly, are lowest between epochs 18 and 24, and rise only a little",
)
final = {p: torch.tensor([measure(net, test_images, test_labels) for net, _ in runs[p]]) for p in runs}
better = (final[0.5] - final[0.0]).T  # (2, 5): loss and accuracy
assert (better[0] < 0).all() and better[0].mean() < -0.1 and better[1].mean().abs() < 0.02
print(
    "A, rate 0.002: with dropout the final test loss is lower in 5 of 5 runs, by more than 0.1 on average;",
    end=" ",
)
print("the mean accuracy differs by less than 2 points")
assert abs(tuned[0.0][0] - tuned[0.5][0]) < 0.1
print("B, each at the best of three rates: the two test losses differ by less than 0.1")

# %% [markdown]
r"""
Be careful with what this says. In A, at one rate and for a fixed number of epochs, the loss hardly turns up with
dropout, and any gain in accuracy is within the noise of the starts. In B, once each network has its own rate, the
advantage in the loss is gone. (When this chapter was written, the test losses in B were 0.51 without dropout and 0.53
with it: no dropout was slightly ahead. That is one start each, so it says little.)

**The lying labels.** Now comparison C: redraw 40 % of the labels of 1,000 pictures at random, in the training and in
the validation data; the test labels stay true. A network that learns these labels by heart learns lies. We compare
three networks: without dropout; with $p = 0.5$; and the first one again, but stopped at the epoch with the
lowest validation loss. This is **early stopping** (you will write it in chapter 13). The rate is 0.002 for all,
because a smaller rate for the same number of epochs would be another way to stop early.
"""


# %% tags=["experiment"]
def liars(p, seed):
    """30 epochs with 40 % of the labels redrawn. Returns (epochs, 3): validation loss, test accuracy, lies learned."""
    g = torch.Generator().manual_seed(seed)
    random_labels = torch.randint(0, 10, (1_500,), generator=g)
    y = torch.where(torch.rand(1_500, generator=g) < 0.4, random_labels, labels[:1_500])
    lies = (y != labels[:1_500])[:1_000]

    def after_epoch(net):
        valid_loss, _ = measure(net, images[1_000:1_500], y[1_000:])
        _, accuracy = measure(net, test_images[:1_000], test_labels[:1_000])
        _, learnt = measure(net, images[:1_000][lies], y[:1_000][lies])
        return valid_loss, accuracy, learnt

    torch.manual_seed(seed)
    net = start(Net(hiddens=(128, 128), dropouts=(p, p)), std=0.05)
    return torch.tensor(train(net, images[:1_000], y[:1_000], 30, 2e-3, after_epoch))


lied = {p: [liars(p, seed) for seed in range(3)] for p in (0.0, 0.5)}
cu.plots.curves(
    {
        "without dropout": [run[:, 1] for run in lied[0.0]],
        "p = 0.5": [run[:, 1] for run in lied[0.5]],
    },
    y="accuracy on true test labels",
    title="Without dropout the network first learns the garments, then the lies (three starts)",
    alt="Three curves without dropout rise to almost 0.8 within a few epochs and then fall to about 0.6; three curves "
    "with dropout rise more slowly, from below 0.5, and end above 0.7",
)
plain, dropped = (torch.stack([run[-1] for run in lied[p]]) for p in (0.0, 0.5))  # (3, 3)
stopped = torch.stack([run[run[:, 0].argmin(), 1] for run in lied[0.0]])  # (3,) at the lowest validation loss
assert (plain[:, 2] > 0.6).all() and (dropped[:, 2] < 0.4).all()
assert (dropped[:, 1] > plain[:, 1] + 0.06).all() and (stopped > plain[:, 1] + 0.06).all()
assert stopped.mean() > dropped[:, 1].mean()
print("lies learned by heart: more than 60 % without dropout, less than 40 % with it")
print("accuracy: dropout ahead of no dropout by more than 6 points in 3 of 3 runs; early stopping as well")
print("mean accuracy of the three runs: early stopping ahead of dropout")

# %% [markdown]
r"""
Here dropout gains a lot of *accuracy*, and stopping in time gains even more. Both help where there is much to
memorise that should not be learned. With clean labels they had little to gain:

| | final test loss | test accuracy |
|---|---|---|
| A: true labels, same rate | dropout lower by more than 0.1 | no clear difference |
| B: true labels, own rates | no clear difference | not compared |
| C: 40 % redrawn labels | not compared | dropout higher by more than 6 points, early stopping by more still |

## 10 Your network and the garments

Now everything together: your `DropoutMLP`, started by your `init_normal_`, competes with softmax regression.
Both learn from 9,000 pictures, with Adam; the last 1,000 are for validation. Each gets the rate that is best on
them after two epochs. Then each trains for seven epochs at this rate and two more at a tenth of it: at a
constant rate the accuracy jumps up and down from one epoch to the next.
"""


# %% tags=["experiment"]
def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def test_accuracy(net):
    return measure(net, test_images, test_labels)[1]


contest = {"softmax regression": (linear, (3e-3, 1e-2, 3e-2)), "DropoutMLP": (Net, (1e-3, 4e-3))}
curves, trained = {}, {}
for name, (make, rates) in contest.items():
    tried = {}
    for lr in rates:
        torch.manual_seed(13)
        net = start(make(), std=0.05)
        train(net, images[:9_000], labels[:9_000], 2, lr, batch_size=125)
        tried[lr] = measure(net, images[9_000:], labels[9_000:])[1]
    lr = max(tried, key=tried.get)
    torch.manual_seed(14)
    trained[name] = net = start(make(), std=0.05)
    curves[name] = train(net, images[:9_000], labels[:9_000], 7, lr, test_accuracy, batch_size=125)
    curves[name] += train(net, images[:9_000], labels[:9_000], 2, lr / 10, test_accuracy, batch_size=125)
cu.plots.curves(
    curves,
    y="test accuracy",
    title="With hidden layers the accuracy ends higher",
    alt="Both curves rise, jump a little, and end smoothly; the curve of DropoutMLP ends above that of softmax regression",
)
softmax_accuracy, mlp_accuracy = (found[-1] for found in curves.values())
assert mlp_accuracy > softmax_accuracy > 0.8
print("DropoutMLP ends above softmax regression; both are right for more than 80 % of the test garments")

# %% tags=["experiment"]
with torch.no_grad():
    right = {name: net.eval()(test_images).argmax(dim=1) == test_labels for name, net in trained.items()}
    named = trained["DropoutMLP"](test_images).argmax(dim=1)
gained = (right["DropoutMLP"] & ~right["softmax regression"]).nonzero()[:5, 0]
lost = (~right["DropoutMLP"] & right["softmax regression"]).nonzero()[:5, 0]
rows = torch.cat([gained, lost])
cu.plots.images(
    test_images[rows],
    titles=[
        f"{cu.data.FASHION_CLASSES[test_labels[i]]}\nMLP: {cu.data.FASHION_CLASSES[named[i]]}" for i in rows
    ],
    columns=5,
    title="Above: only the MLP is right. Below: only softmax regression is right",
    alt="Two rows of five garments, each with its true class and the class that the MLP named",
)
wins = (right["DropoutMLP"] & ~right["softmax regression"]).sum().item()
losses = (~right["DropoutMLP"] & right["softmax regression"]).sum().item()
assert wins > losses
print("The MLP alone is right on more garments than softmax regression alone.")

# %% [markdown]
r"""
The hidden layers do not win on every picture. For the real Fashion-MNIST (60,000 pictures, 10 epochs of plain
SGD) we read these test accuracies off the plots of the book *Dive into Deep Learning*, for two runs of each network:
softmax regression 0.836 and 0.828, an MLP with 256 hidden units 0.823 and 0.838, two hidden layers with dropout 0.2
and 0.5 0.857 and 0.844. Two runs of one network differ by up to 1.5 points there, so small differences between
networks mean little. (Our pictures are drawn, and easier.)

### Exercise 5.9: claim cards &nbsp; (3 points, about 10 minutes, ★★☆)

Decide with the experiments of this chapter: answer "true", "false", or the letter of the condition under which
the claim is true.

1. **"any function"**: "A network with one hidden ReLU layer comes as close as you like to any function."
   (a) only if it is trained long enough, (b) only if the function is continuous, the inputs stay in a closed and
   bounded set, and there may be as many units as needed, (c) only if there are more units than training examples.
2. **"perfect fit"**: "A training accuracy near 100 % shows that the network has found what distinguishes the classes."
   (a) only if there are fewer hidden units than pictures, (b) only if the loss is the cross-entropy, (c) only without dropout.
3. **"zero weights"**: "A random mask on a layer means that some weights are zero in this training step."
   (a) only if the mask is that of dropout, with p = 0.5, (b) only if the mask is that of dropout, with any p above 0,
   (c) only if the mask is that of DropConnect.
4. **"equal units"**: "Hidden units whose weights (incoming and outgoing) and biases start equal stay equal during the
   whole training."
   (a) only if nothing random, such as dropout, treats them differently, (b) only if the biases start at 0,
   (c) only with plain SGD.
5. **"fewer numbers"**: "Describing each example by fewer numbers removes noise and keeps what matters."
   (a) only if the numbers with the largest spread are kept, (b) only if the hidden layer is wider than the output,
   (c) only if the directions that are kept are those that hold the signal.
"""

# %% exercise="claims_mlp"
answers = {
    "any function": "?",
    "perfect fit": "?",
    "zero weights": "?",
    "equal units": "?",
    "fewer numbers": "?",
}
### BEGIN SOLUTION
answers = {
    "any function": "b",
    "perfect fit": "false",
    "zero weights": "c",
    "equal units": "a",
    "fewer numbers": "c",
}
### END SOLUTION

# %% test="claims_mlp"
check.exercise("claims_mlp", points=3)
CLAIMS = ["any function", "perfect fit", "zero weights", "equal units", "fewer numbers"]
with check.case("every claim is answered with true, false, a, b or c"):
    check.claims(answers, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("claims about what a network can do", points=1, hidden=True):
    found = {"any function": "b", "perfect fit": "false"}
    check.right(answers, found, "read the theorem in section 2 and the curves of section 6")
with check.case("claims about weights and units", points=2, hidden=True):
    found = {"zero weights": "c", "equal units": "a", "fewer numbers": "c"}
    check.right(answers, found, "the experiments are in sections 3, 7 and 8")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 5.10: in your own words &nbsp; (2 points, about 10 minutes, marked by your instructor)

A classmate trains an MLP on 1,000 pictures for 60 epochs. The training loss ends at 0.02; the test loss was
lowest, 0.45, after 15 epochs and ends at 0.80. She concludes: "The network is too large. I will use 16 hidden
units instead of 256." Say what the three losses show. Name two other things she could try, and for each one say which
curve you expect to change, and how. On which data would you decide between them, and why not on the test data?
"""

# %% [markdown] written="overfitting" points=2
r"""
**Model answer.** The training loss near 0 shows that the network can represent its training data, labels and
chance details included; by itself that proves nothing about new pictures. The test loss that falls and rises
shows that up to epoch 15 it learned what carries over to new pictures, and after that mostly the examples
themselves: it overfits, and the gap at the end is 0.78. A smaller network is one thing to try, but in section
6 four units had the lowest accuracy. Others: stop at the epoch with the lowest validation loss
(the end of the curve is cut off, at about 0.45); dropout (the training loss stays higher, the test loss turns
up later or not at all); more pictures (the training loss rises, the test loss falls); a smaller learning rate
for the same number of epochs (both curves move more slowly). Decide on validation data that no network was
trained on: the best of several measures looks better than it is on the data that chose it, and the test data
can give an unbiased estimate only as long as they have decided nothing.

**Mark scheme.** ½ point: overfitting, read from *both* losses (a low training loss alone is not enough). 1
point: two measures other than the size of the network, each with the expected change of a curve, ½ each (a
measure without its curve: ¼). ½ point: validation data, with the reason that choosing on test data makes their
error too optimistic.
"""

# %% [markdown]
r"""
## Recap

- Linear layers without a bend between them are one linear layer. ReLU is the simplest bend; $h$ units, $h$ bends.
- With enough units, one hidden layer comes close to any continuous function on a closed and bounded set. Whether training finds
  the weights is another question.
- Backward: $H^\top G$, then $G W_2^\top$, cut where $Z < 0$, then $X^\top$ times that. Check gradients by measurement.
- Start weights at small random numbers: units that start equal and are treated equally stay equal.
- A model that can fit anything proves nothing by fitting. Watch the gap between training and test error. Three knobs: data,
  capacity, and regularisation, which holds memorising back (dropout, stopping early).
- Dropout sets hidden numbers to zero, divides the rest by $1 - p$, keeps the mean, and adds noise that acts like a penalty on large
  weights. In evaluation mode it does nothing.

**What people get wrong.** They leave the activation function out; put a ReLU on the scores; expect `F.dropout`
to react to `eval()`; read the $p$ of `nn.Dropout` as the probability of keeping; measure the test accuracy in
training mode; keep layers in a Python list; start all weights at 0; trust a backward pass because the loss
falls; expect dropout to help where there is nothing to memorise.

**Read on.** [Srivastava and others 2014: Dropout](https://jmlr.org/papers/v15/srivastava14a.html) · [Zhang and
others 2017: Understanding deep learning requires rethinking generalization](https://arxiv.org/abs/1611.03530)
(shuffled labels) · [Leshno and others 1993: Multilayer feedforward networks with a nonpolynomial activation
function can approximate any function](https://doi.org/10.1016/S0893-6080(05)80131-5) · [Wan and others 2013:
Regularization of neural networks using DropConnect](https://proceedings.mlr.press/v28/wan13.html) · [Dive into
Deep Learning, chapter 5](https://d2l.ai/chapter_multilayer-perceptrons/index.html) · [PyTorch:
Dropout](https://pytorch.org/docs/stable/generated/torch.nn.Dropout.html).

**Next:** [`06_house_prices`](../06_house_prices/house_prices.ipynb), where you
choose between models with data that did not train them.
"""
