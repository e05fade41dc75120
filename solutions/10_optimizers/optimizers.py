# ---
# jupyter:
#   course:
#     prerequisites:
#     - 05_mlp_dropout
#     summary: How gradient descent, momentum, AdaGrad, RMSprop and Adam move, and what
#       decides how fast
#     title: Optimizers
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
# 10 Optimizers

**Time:** about 4 hours. **You need:** chapters 1 to 5. **Points:** 33.

Most networks of this course are trained by a line that says `torch.optim.SGD` or `torch.optim.Adam`. This
chapter is about what that line does. After it you can

- **predict** from the curvature which learning rates work, and how many steps a problem needs;
- **compute** how noisy the gradient of a minibatch is;
- **write** SGD with momentum, AdaGrad, RMSprop, Adam and AdamW, equal to PyTorch's, and train a network with them;
- **clip** gradients, and **diagnose** a faulty optimizer from what it does;
- **judge** common claims about optimizers by an experiment.

| English | Chinese (中文) | what it is |
|---|---|---|
| gradient descent | 梯度下降 | step along the negative gradient of the loss over all examples |
| SGD (stochastic gradient descent) | 随机梯度下降 | a step along the negative gradient of the loss over a random batch |
| curvature | 曲率 | the second derivative along a direction |
| Hessian | 海森矩阵 | the matrix of all second derivatives |
| condition number | 条件数 | largest curvature divided by smallest |
| convex function | 凸函数 | no chord runs below its graph |
| saddle point | 鞍点 | gradient zero; up in some directions, down in others |
| momentum | 动量法 | step along a decaying sum of past gradients |
| adaptive method | 自适应方法 | divides each coordinate of the step by the size of its own gradients |
| bias correction | 偏差修正 | makes up for a running mean that started at zero |
| weight decay | 权重衰减 | every step shrinks the weights by a fixed factor |
| gradient clipping | 梯度裁剪 | shortens gradients that are too long |

A word on names. Strictly, SGD uses *one* random example per step, gradient descent uses all, and minibatch SGD
is in between. In practice, and in `torch.optim`, "SGD" means any batch size. We follow practice.

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. The check tells you what is still wrong. Some checks are hidden: they ask for the
same on other numbers, and run when your work is graded. Once the checks of an exercise pass, the next cells work with
*your* function, and say so. When you come back after a break, the kernel has forgotten everything: click the cell where
you want to go on and choose *Run > Run All Above Selected Cell*.
"""

# %%
import itertools
import math
import time

import course_utils as cu
from course_utils import check, steps

import ipywidgets
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)  # a second thread would slow networks as small as these down

# %% [markdown]
r"""
## 1 Which way, and how far?

The **gradient** of a loss $f$ at a point $x$ of shape (d,) is the vector of its d partial derivatives. In the
direction of a unit vector $u$, the slope at $x$ is the dot product $\nabla f(x) \cdot u = \|\nabla f(x)\|
\cos\theta$, where $\theta$ is the angle between the two. It is largest for $\theta = 0$ and most negative for
$\theta = 180°$. So the gradient points *up* the steepest way, and its negative points down it:

$$x \leftarrow x - \eta\, \nabla f(x), \qquad x, \nabla f(x): (d,), \quad \eta > 0 \text{ the learning rate.}$$

That answers *which way*. It says nothing about *how far*, and most of this chapter is about how far.
"""

# %% [markdown]
r"""
### Exercise 10.1: `gradient_descent` &nbsp; (2 points, about 6 minutes, ★☆☆)

Write the loop, and keep every point that it visits.

<details><summary>Hint 1</summary>

Start a list with `x0`, and append a point after each update. `torch.stack` makes one tensor of it.

<details><summary>Hint 2</summary>

If you update with `-=`, every entry of your list is the same tensor, and so is `x0`. Make a new tensor in each
step.

</details></details>
"""


# %% exercise="gradient_descent"
def gradient_descent(grad, x0, lr, num_steps):
    """The points that gradient descent visits.

    grad: function from a point (d,) to the gradient there (d,). x0: float tensor (d,), the start.
    lr: learning rate. num_steps: int, at least 0.
    Returns a tensor (num_steps + 1, d) of x0's dtype: x0, then the point after each step. x0 is unchanged.
    """
    ### BEGIN SOLUTION
    points = [x0]
    for _ in range(num_steps):
        points.append(points[-1] - lr * grad(points[-1]))
    return torch.stack(points)
    ### END SOLUTION


# %% test="gradient_descent"
check.exercise("gradient_descent", points=2)
with check.case("walks down a bowl from the start, point by point", points=1):
    curvature, start = torch.tensor([0.5, 2.0, 1.0]), torch.tensor([4.0, -1.0, 2.0])
    powers = torch.arange(5.0)[:, None]  # (5, 1)
    right = start * (1 - 0.3 * curvature) ** powers  # (5, 3)
    last = start * (1 - 0.3 * curvature) ** 5
    g = curvature * start
    wrong = {}
    wrong["it climbs: subtract the gradient"] = start * (1 + 0.3 * curvature) ** powers
    wrong["the start is missing from the trajectory"] = torch.cat([right[1:], last[None]])
    wrong["the start is missing from the trajectory, and so it is one row short"] = right[1:]
    wrong["the last point is missing: num_steps steps give num_steps + 1 points"] = right[:-1]
    wrong["one step too many"] = torch.cat([right, last[None]])
    wrong["every row is the same tensor: an in-place update changes all of them"] = right[-1:].expand(5, 3)
    wrong["the gradient is taken at x0 in every step; take it at the current point"] = (
        start - 0.3 * g * powers
    )
    wrong["the learning rate is missing"] = start * (1 - curvature) ** powers
    wrong["grad gives the gradient already; do not differentiate it once more"] = (
        start - 0.3 * curvature * powers
    )
    x = rows = start[None]
    for _ in range(4):
        x = x - 0.3 * curvature * x / (curvature * x).norm()
        rows = torch.cat([rows, x])
    wrong["the gradient is divided by its length; the step is lr times the gradient itself"] = rows
    wrong["each row is the step alone; subtract it from the point before"] = (
        start * (0.3 * curvature) ** powers
    )
    wrong["this is the last point alone; every point is asked for"] = right[-1]
    wrong["rows and columns are swapped: one row for each point"] = right.T
    found = check.unchanged(gradient_descent, lambda x: curvature * x, start, 0.3, 4)
    check.close(found, right, known=wrong)
    check.like(found, right)
with check.case("works for no step and one coordinate, and keeps the dtype", points=0.5):
    start = torch.tensor([3.0], dtype=torch.float64)
    check.like(gradient_descent(lambda x: x, start, 0.1, 0), torch.zeros(1, 1, dtype=torch.float64))
    check.close(gradient_descent(lambda x: x, start, 0.1, 2), torch.tensor([[3.0], [2.7], [2.43]]).double(),
                "grad may return its own argument, here x")  # fmt: skip
    check.close(gradient_descent(lambda x: x, 0 * start, 0.1, 3), torch.zeros(4, 1).double(),
                "where the gradient is 0 the walk stays; num_steps steps still give num_steps + 1 points")  # fmt: skip
### BEGIN HIDDEN TESTS
with check.case("the same on a loss that is no bowl", points=0.5, hidden=True):
    start, rows = check.normal((4,), dtype=torch.float64), []
    x = start
    for _ in range(7):
        rows.append(x)
        x = x - 0.05 * (x**3 - x.flip(0))
    check.close(gradient_descent(lambda x: x**3 - x.flip(0), start, 0.05, 6), torch.stack(rows))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### One direction

Near a minimum, a smooth loss usually looks like a parabola. Take $f(x) = \frac{\lambda}{2} x^2$ with **curvature**
$\lambda > 0$. Its gradient is $\lambda x$, so one step is

$$x \leftarrow x - \eta \lambda x = (1 - \eta\lambda)\, x .$$

Each step multiplies the distance to the minimum by $1 - \eta\lambda$. Predict what happens for $\eta\lambda$ = 0.5,
1, 1.8 and 2.1, before you run the cell.
"""

# %%
for product in (0.5, 1.0, 1.8, 2.1):
    x = torch.tensor([1.0])
    for _ in range(5):
        x = x - product * x  # curvature 1, so the rate is the product
    print(
        f"rate * curvature = {product}: after 5 steps x = {x.item():6.2f}, predicted {(1 - product) ** 5:6.2f}"
    )


# %% [markdown]
r"""
Below 1 the walk approaches from one side, and at 1 it arrives in one step. Between 1 and 2 it jumps over the minimum
and back, and still gets closer. Above 2 each jump is longer than the last. So the **largest stable rate is
$2/\lambda$**: the more curved the loss, the smaller the rate must be.

### Two directions

Now two curvatures at once, a **ravine**: $f(x) = \frac12 (0.2\, x_1^2 + 4\, x_2^2)$. The coordinates do not
mix: $x_1$ is multiplied by $1 - 0.2\eta$ and $x_2$ by $1 - 4\eta$. The steep direction allows rates up to $2/4
= 0.5$. At that rate the flat one still shrinks by only 10 % per step.

For gradient descent, a ravine that does not follow the axes is no harder. For $f(x) = \frac12 x^\top H x$ with a
symmetric matrix $H$ (d, d), the **Hessian**, write $H = Q \Lambda Q^\top$ with its eigenvectors in $Q$ and its
eigenvalues $\lambda_i$ on the diagonal of $\Lambda$. With $x = Qz$,

$$Qz \leftarrow Qz - \eta\, Q \Lambda Q^\top Q z \quad\Longrightarrow\quad z_i \leftarrow (1 - \eta \lambda_i)\, z_i .$$

Along each eigenvector the walk is one-dimensional. Which rate is best? The slowest coordinate decides, and
it is the flattest or the steepest one. The best rate makes both equally slow, $1 - \eta\lambda_{\min} =
-(1 - \eta\lambda_{\max})$:

$$\eta^* = \frac{2}{\lambda_{\min} + \lambda_{\max}}, \qquad \text{factor per step } \frac{\kappa - 1}{\kappa + 1}, \qquad
\kappa = \frac{\lambda_{\max}}{\lambda_{\min}} .$$

$\kappa$ is the **condition number**. For a round bowl it is 1, and one step is enough. Here it is 20, the best rate
is 2/4.2 = 0.476, and the factor is 19/21 = 0.905. By hand: how many steps until the distance has shrunk by a factor
of a million? $\log 10^6 / -\log 0.905 \approx 138$.
"""


# %% jupyter={"source_hidden": true}
RAVINE = torch.tensor([0.2, 4.0])  # its two curvatures
START = torch.tensor([-5.0, -2.0])


def ravine(x):
    """The loss of the ravine at points (..., 2)."""
    return (RAVINE * x**2).sum(-1) / 2


def steps_needed(path, factor=1e-6):
    """How many steps until the distance to 0 has shrunk by this factor; inf if it never does."""
    near = path.norm(dim=1) <= factor * path[0].norm()
    return near.nonzero()[0].item() if near.any() else math.inf


def draw_paths(ax, f, paths, x_range, y_range, title, legend=True):
    """Contours of f and, over them, name -> path (n, 2)."""
    xs, ys = torch.linspace(*x_range, 121), torch.linspace(*y_range, 121)
    grid = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), dim=-1)  # (121, 121, 2)
    ax.contour(xs, ys, f(grid), levels=14, colors="#bbbbbb", linewidths=0.8)
    for (name, path), colour, marker in zip(paths.items(), cu.plots.COLOURS, cu.plots.MARKERS):
        ax.plot(path[:, 0], path[:, 1], color=colour, marker=marker, linewidth=1.2, label=name)
    ax.plot(
        *paths[next(iter(paths))][0],
        marker="*",
        color=cu.plots.INK,
        markersize=11,
        linestyle="none",
        label="start",
    )
    ax.set(xlim=x_range, ylim=y_range, xlabel="$x_1$", ylabel="$x_2$", title=title)
    if legend:
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


# %% tags=["experiment"]
descend = cu.yours(
    gradient_descent,
    instead=lambda grad, x0, lr, num_steps: steps.walk(
        steps.torch_step(torch.optim.SGD), grad, x0, num_steps, lr=lr
    ),
)
paths = [
    {f"rate {lr:g}": descend(lambda x: curvature * x, START, lr, 20) for lr in (0.05, 0.476, 0.51)}
    for curvature in (torch.ones(2), RAVINE)
]


def draw_bowl_and_ravine(left, right):
    draw_paths(
        left,
        lambda x: (x**2).sum(-1) / 2,
        paths[0],
        (-6, 6),
        (-4, 4),
        "A round bowl: straight in",
        legend=False,
    )
    draw_paths(right, ravine, paths[1], (-6, 6), (-3, 3), "A ravine: 0.476 zigzags in, 0.51 out")


cu.plots.figure(
    draw_bowl_and_ravine,
    alt="Left, a round bowl: all three paths run straight to the minimum. Right, a ravine: the path at rate 0.05 "
    "creeps along the floor, at 0.476 it zigzags towards the minimum, at 0.51 the zigzags grow",
    width=9,
    panels=2,
)
for lr in (0.1, 0.4, 2 / 4.2, 0.49):
    path = descend(lambda x: RAVINE.double() * x, START.double(), lr, 1000)
    print(f"rate {lr:.3f}: {steps_needed(path):3} steps to come a million times closer")

# %% [markdown]
r"""
In a round bowl the negative gradient points at the minimum. In a ravine it points mostly across, except on the floor.
The formula said 138, and the count is 139. The number of steps grows roughly in proportion to $\kappa$: at
$\kappa = 1000$, one factor of ten costs $\log 10 / -\log(999/1001) \approx 1151$ steps.

### A network finds $2/\eta$ by itself

Does this say anything about a network? Its loss is not a parabola, and its curvature changes from point to point.
Here is a small tanh network, trained on 200 garments with all of them in every step (no batches, no noise). The
*largest eigenvalue* of its Hessian is measured on the way: multiply a vector by $H$ again and again, and it turns
towards the direction of the largest curvature. The product $Hv$ is the gradient of $\nabla f \cdot v$ for a fixed
$v$, so no d × d matrix is needed.

Predict: does the largest curvature stay below $2/\eta$, and what happens to the loss if it does not?
"""


# %% tags=["experiment"]
def garments(start, count):
    """Training pictures at half size, (count, 196), and their labels."""
    data = cu.data.fashion_mnist(train=True)
    pictures = F.avg_pool2d(data.data[start : start + count].unsqueeze(1).float() / 255, 2)
    return pictures.flatten(1), data.targets[start : start + count]


X, y = garments(0, 1000)
X_valid, y_valid = garments(5000, 1000)
mean, std = X.mean(), X.std()
X, X_valid = (X - mean) / std, (X_valid - mean) / std


def train_and_measure_curvature(lr, num_steps=800, every=10):
    """(losses, largest eigenvalues of the Hessian every so many steps)."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(196, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 10))
    params = list(net.parameters())
    pictures, targets = X[:200], F.one_hot(y[:200], 10).float()
    v, losses, curvatures = [torch.randn_like(p) for p in params], [], []
    for t in range(num_steps):
        loss = ((net(pictures) - targets) ** 2).sum(1).mean() / 2
        grads = torch.autograd.grad(loss, params, create_graph=t % every == 0)
        if t % every == 0:
            for _ in range(8 if t == 0 else 4):
                Hv = torch.autograd.grad(grads, params, v, retain_graph=True)
                curvatures.append(math.sqrt(sum(a.square().sum().item() for a in Hv)))
                v = [a / curvatures[-1] for a in Hv]
            del curvatures[-8 if t == 0 else -4 : -1]
        losses.append(loss.item())
        with torch.no_grad():
            for p, g in zip(params, grads):
                p -= lr * g
    return losses, curvatures


sharp = {lr: train_and_measure_curvature(lr) for lr in (0.1, 1 / 15)}


def draw_sharpness(ax):
    for (lr, (_, curvatures)), colour, dash in zip(sharp.items(), cu.plots.COLOURS, cu.plots.DASHES):
        ax.plot(range(0, 800, 10), curvatures, color=colour, linestyle=dash, label=f"rate {lr:.3f}")
        ax.axhline(2 / lr, color=colour, linewidth=0.8)
        ax.text(820, 2 / lr, f"2 / rate = {2 / lr:.0f}", va="bottom", fontsize=9)
    ax.set(
        xlabel="step",
        ylabel="largest curvature",
        title="The largest curvature climbs to 2 / rate and stays there",
    )
    ax.set_xlim(-20, 960)
    ax.legend(loc="center right")


cu.plots.figure(
    draw_sharpness,
    alt="Two curves: at rate 0.1 the curvature hovers near 20, at rate 0.067 it rises above 30 and then hovers there",
)
for lr, (losses, curvatures) in sharp.items():
    late = sum(curvatures[-10:]) / 10
    assert 0.85 < late / (2 / lr) < 1.15 and losses[-1] < losses[400] < losses[100]
    print(f"rate {lr:.3f}: late curvature within 15 % of 2 / rate = {2 / lr:.0f}; the loss is still falling")

# %% [markdown]
r"""
The curvature drops at first. Then it rises to the limit of stability and stays close to it, sometimes above,
sometimes below. Yet the loss goes on falling. Above the limit, the walk zigzags ever more in the steepest direction,
until it lands where the curvature is lower (Cohen and others, below, explain how). The parabola's $2/\eta$ shapes
the training of a real network.

### Why not divide by the curvature?

**Newton's method** gives each direction its own rate, one over its curvature: $x \leftarrow x - H^{-1} \nabla f(x)$.
On a parabola it arrives in one step. Two facts keep it out of everyday deep learning. First, here it is on $f(x) = x
\cos(0.15 \pi x)$:
"""

# %%
x = torch.tensor(10.0, dtype=torch.float64, requires_grad=True)
for t in range(8):
    value = x * torch.cos(0.15 * math.pi * x)
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, x)
    if t in (0, 1, 2, 7):
        print(f"step {t}: x = {x.item():5.2f}, f = {value.item():6.2f}, curvature {curvature.item():5.2f}")
    x = (x - slope / curvature).detach().requires_grad_()
print(f"the Hessian of LeNet: {61_706**2 * 4 / 1e9:.1f} GB in float32")

# %% [markdown]
r"""
It stops at $x = 26.83$ with *negative* curvature: a maximum. Newton's method looks for points with zero
gradient, of any kind. Second, the Hessian of LeNet (chapter 8), with its 61,706 parameters, fills 15 GB. What is affordable
is one number per parameter, a *diagonal*. Sections 5 and 6 come back to this.

## 2 Bowls, saddles, and what convex means

A function is **convex** if the chord between any two points of its graph never runs below the graph: for $0 \le
\alpha \le 1$, $f(\alpha a + (1-\alpha) b) \le \alpha f(a) + (1-\alpha) f(b)$. For a convex $f$, *a local
minimum is a global one*. Suppose $a$ is a local minimum and $f(b) < f(a)$. Move from $a$ a little towards $b$:

$$f\big((1-\alpha) a + \alpha b\big) \le (1-\alpha) f(a) + \alpha f(b) < f(a) \quad \text{for every } \alpha > 0,$$

so there are lower points as close to $a$ as you like, and $a$ is not a local minimum after all.

Does a high dimension make a loss non-convex? Test it with chords: least squares in 10,000 dimensions, against
$(ab - 1)^2$ in two. The second is the smallest "network" there is: weight $a$, then weight $b$, input 1, target 1.
"""


# %%
def chord_gap(f, a, b):
    """How far the graph lies above the middle of the chord from a to b; positive: not convex."""
    return (f((a + b) / 2) - (f(a) + f(b)) / 2).item()


g = torch.Generator().manual_seed(0)
A = torch.randn(20, 10_000, generator=g, dtype=torch.float64) / 100
target = torch.randn(20, generator=g, dtype=torch.float64)
gaps = [
    chord_gap(
        lambda w: ((A @ w - target) ** 2).mean(), *torch.randn(2, 10_000, generator=g, dtype=torch.float64)
    )
    for _ in range(100)
]
print(f"least squares, 10,000 dimensions: {sum(gap > 0 for gap in gaps)} of 100 chords below the graph")
tiny = chord_gap(lambda w: (w[0] * w[1] - 1) ** 2, torch.tensor([1.0, 1.0]), torch.tensor([-1.0, -1.0]))
print(f"(ab - 1)^2, 2 dimensions: from one minimum to the other, the graph is {tiny:.0f} above the chord")

# %% [markdown]
r"""
The Hessian of least squares is $2A^\top A / n$, and $v^\top A^\top A v = \|Av\|^2 \ge 0$ in any dimension. What
breaks convexity here is *composition*: a product of weights has symmetries. $(1, 1)$ and $(-1, -1)$ compute the same
function. In a larger one, any order of the hidden units gives the same function. Train a network with 32 hidden
units, make a twin whose hidden units are in another order, and walk straight from one to the other. Beside it, the
line from a trained softmax regression to one with random weights.
"""


# %% tags=["experiment"]
def make_net(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(196, 32), nn.ReLU(), nn.Linear(32, 10))


def trained(net, lr=0.01, num_updates=300):
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    for _ in range(num_updates):
        rows = torch.randint(len(y), (64,))
        optimizer.zero_grad()
        F.cross_entropy(net(X[rows]), y[rows]).backward()
        optimizer.step()
    return {name: value.detach() for name, value in net.named_parameters()}


def losses_between(net, one, other):
    """Training losses at 21 points of the straight line between two sets of weights."""
    found = []
    for alpha in torch.linspace(0, 1, 21):
        weights = {name: (1 - alpha) * one[name] + alpha * other[name] for name in one}
        found.append(F.cross_entropy(torch.func.functional_call(net, weights, (X,)), y).item())
    return found


mlp, order = make_net(0), torch.randperm(32, generator=torch.Generator().manual_seed(0))
one = trained(mlp)
twin = {"0.weight": one["0.weight"][order], "0.bias": one["0.bias"][order],
        "2.weight": one["2.weight"][:, order], "2.bias": one["2.bias"]}  # fmt: skip
linear = nn.Sequential(nn.Linear(196, 10))
between = {
    "MLP to its twin": losses_between(mlp, one, twin),
    "softmax regression": losses_between(
        linear, trained(linear), {"0.weight": torch.randn(10, 196) / 5, "0.bias": torch.zeros(10)}
    ),
}
cu.plots.curves(
    between,
    xs=torch.linspace(0, 1, 21),
    x="share of the second set of weights",
    y="training loss",
    title="There is a hill between two equal networks; softmax regression stays below its chord",
    alt="The loss of the MLP is low at both ends and high in the middle; that of softmax regression curves upwards",
)
hill, valley = between["MLP to its twin"], between["softmax regression"]
assert abs(hill[0] - hill[-1]) < 1e-3 and hill[10] > 2 * hill[0] and valley[10] < (valley[0] + valley[-1]) / 2
print(
    "MLP: the same loss at both ends, more than twice as much halfway. Softmax regression: below the chord."
)

# %% [markdown]
r"""
### Where the gradient is zero

Zero gradient can mean a minimum, a maximum or a **saddle point**. The eigenvalues of the Hessian tell: all
positive, a minimum; all negative, a maximum; both signs, a saddle. A zero eigenvalue decides nothing: $x^4$,
$-x^4$ and $x^3$ all have $f' = f'' = 0$ at 0, and are a minimum, a maximum and neither. $(ab-1)^2$ has gradient
0 at $(0, 0)$, with Hessian $\begin{pmatrix} 0 & -2 \\ -2 & 0\end{pmatrix}$ and eigenvalues $-2$ and $2$: a
saddle.

A walk that starts exactly on the ridge $a = -b$ goes to the saddle and stays. One that starts 0.01 beside it
slows down there, then leaves. A third walk starts on the ridge, but has noise in its gradients, as minibatches
do.
"""


# %% tags=["experiment"]
def saddle(x):
    return (x[..., 0] * x[..., 1] - 1) ** 2


def saddle_grad(x):
    return 2 * (x[0] * x[1] - 1) * x.flip(0)


starts = {"on the ridge": (-1.2, 1.2), "0.01 beside it": (-1.19, 1.2)}
saddle_paths = {name: descend(saddle_grad, torch.tensor(start), 0.1, 60) for name, start in starts.items()}
g = torch.Generator().manual_seed(0)
saddle_paths["on the ridge, noisy"] = descend(
    lambda x: saddle_grad(x) + 0.05 * torch.randn(2, generator=g), torch.tensor([-1.2, 1.2]), 0.1, 60
)
cu.plots.figure(
    lambda ax: draw_paths(
        ax,
        saddle,
        saddle_paths,
        (-1.7, 1.7),
        (-1.7, 1.7),
        "On the ridge without noise, the walk ends at the saddle",
    ),
    alt="All three paths run to the middle; one stops there, the others turn towards a minimum",
    height=3.6,
)
cu.plots.curves(
    {name: saddle(path) for name, path in saddle_paths.items()},
    xs=range(61),
    x="step",
    y="loss",
    title="A plateau in the loss can be a saddle",
    alt="All three losses fall to 1; one stays there, the others fall on to 0 after some 20 steps",
)
assert saddle(saddle_paths["on the ridge"][-1]) > 0.99 > 0.1 > saddle(saddle_paths["on the ridge, noisy"][-1])
print("after 60 steps on the ridge: the loss is still 1; with noise, or 0.01 beside it: below 0.1")

# %% [markdown]
r"""
So gradient descent that has come to rest need not be at a minimum, let alone the lowest. Noise pushed the walk
off the ridge. It *can* also push a walk out of a narrow minimum, but nothing guarantees that.
"""

# %% [markdown]
r"""
## 3 The noise of a batch

A step on all N examples costs N gradients. A minibatch of K costs K, and gives an *estimate*: the mean of K of
the N per-example gradients. If every example is equally likely to be drawn, the expected value of that mean is
the mean over all N, whatever K is. A larger batch does not make the estimate less biased, since it has no bias;
it makes it less *noisy*.

How noisy? Take one entry of the gradient: N numbers with population variance $s^2$ (divide by N). **With
replacement** the K draws are independent, and their mean has variance $s^2 / K$. **Without replacement**, two
different draws are negatively correlated: a large value drawn first cannot be drawn again. All N values
together have a fixed sum, so with $c$ the covariance of two different draws,

$$0 = \operatorname{Var}(\text{sum of all } N) = N s^2 + N(N-1)\, c \quad\Longrightarrow\quad c = -\frac{s^2}{N-1},$$
$$\operatorname{Var}(\text{mean of } K) = \frac{K s^2 + K(K-1)\, c}{K^2} = \frac{s^2}{K} \cdot \frac{N-K}{N-1} .$$

Check it at the ends: for K = 1 it is $s^2$, for K = N it is 0, as it should be.
"""

# %% [markdown]
r"""
### Exercise 10.2: `minibatch_mean_variance` &nbsp; (3 points, about 8 minutes, ★★☆)

The four values 0, 0, 0, 4 have mean 1 and $s^2 = 3$. By hand: what should your function give for K = 2, with
and without replacement?

<details><summary>Hint 1</summary>

`values.var()` divides by N − 1. Which argument makes it divide by N?

<details><summary>Hint 2</summary>

The second formula has a division by zero for one value of N. What is the variance of a batch drawn from a
single value?

</details></details>
"""


# %% exercise="minibatch_mean_variance"
def minibatch_mean_variance(values, batch_size, replacement):
    """The variance of the mean of a random batch.

    values: float tensor (N,), N at least 1. batch_size: int, at least 1, and at most N without replacement.
    replacement: bool, whether one value can be drawn more than once.
    Returns a float: the exact variance over all batches, by formula, not by simulation. For N = 1 it is 0.0.
    """
    ### BEGIN SOLUTION
    n = len(values)
    variance = values.var(correction=0).item() / batch_size
    if replacement:
        return variance
    return variance * (n - batch_size) / (n - 1) if n > 1 else 0.0
    ### END SOLUTION


# %% test="minibatch_mean_variance"
check.exercise("minibatch_mean_variance", points=3)


def by_counting(values, size, replacement):
    """The variance over all batches, one by one."""
    if replacement:
        batches = list(itertools.product(values.tolist(), repeat=size))
    else:
        batches = list(itertools.combinations(values.tolist(), size))
    return torch.tensor(batches, dtype=torch.float64).mean(1).var(correction=0).item()


six = torch.tensor([3.0, -1.0, 4.0, 1.0, 5.5, -9.0], dtype=torch.float64)
s2 = six.var(correction=0).item()
with check.case("with replacement", points=1):
    wrong = {"the variance is that of a sample (N - 1); all values are known, so divide by N": s2 * 6 / 5 / 4}
    wrong["this is the standard deviation; the variance is asked for"] = math.sqrt(s2 / 4)
    wrong["divide by the batch size, not by its square root"] = s2 / 2
    wrong["divide by the batch size, not by batch_size - 1"] = s2 / 3
    wrong["divide by the batch size, not by its square"] = s2 / 16
    wrong["this is the variance of the sum of a batch; its mean is asked for"] = s2 * 4
    wrong["this is the variance of a single value; the mean of a batch varies less"] = s2
    wrong["divide by the batch size, not by N"] = s2 / 6
    wrong["this is the mean of the squares; subtract the squared mean"] = six.square().mean().item() / 4
    wrong["with replacement there is no factor (N - K) / (N - 1)"] = s2 / 4 * 2 / 5
    found = check.unchanged(minibatch_mean_variance, six.clone(), 4, True)
    check.close(found, by_counting(six, 4, True), known=wrong)
    check.number(found, float)
with check.case("without replacement", points=1):
    wrong = {"the factor (N - K) / (N - 1) is missing": s2 / 4}
    wrong["the factor is (N - K) / (N - 1), not (N - K) / N"] = s2 / 4 * 2 / 6
    wrong["the factor is (N - K) / (N - 1), not 1 - (K - 1) / N"] = s2 / 4 * 3 / 6
    wrong["the factor is (N - K) / (N - 1), not (N - K + 1) / (N - 1)"] = s2 / 4 * 3 / 5
    wrong["the factor is upside down"] = s2 / 4 * 5 / 2
    sample = "the variance is that of a sample (N - 1); all values are known, so divide by N"
    wrong[sample] = s2 / 4 * 2 / 5 * 6 / 5
    wrong["this is the standard deviation; the variance is asked for"] = math.sqrt(s2 / 4 * 2 / 5)
    wrong["this is the variance of the sum of a batch; its mean is asked for"] = s2 * 4 * 2 / 5
    found = check.unchanged(minibatch_mean_variance, six.clone(), 4, False)
    check.close(found, by_counting(six, 4, False), known=wrong)
    check.number(found, float)
    found = minibatch_mean_variance(six.clone(), 6, False)
    check.close(found, 0.0, "all N values, without replacement: nothing is random")
with check.case("a single value", points=0.25):
    for size, replacement in ((1, True), (3, True), (1, False)):
        found = minibatch_mean_variance(torch.tensor([2.5]), size, replacement)
        check.close(found, 0.0, f"N = 1, batch_size = {size}, replacement = {replacement}")
        check.number(found, float)
### BEGIN HIDDEN TESTS
with check.case("the same on other values", points=0.75, hidden=True):
    for size, count in ((1, 5), (2, 7), (5, 5), (3, 2), (1, 2)):
        values = check.normal((count,), mean=2, std=3, dtype=torch.float64)
        found = check.unchanged(minibatch_mean_variance, values, size, True)
        check.close(found, by_counting(values, size, True))
        if size <= count:
            found = check.unchanged(minibatch_mean_variance, values, size, False)
            check.close(found, by_counting(values, size, False))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
(By hand: 1.5 and 1.) Does the formula hold for a network? The next cell computes the gradient of the loss for
each of 1,000 garments alone, at 20 weights of a network, and compares the variance of 2,000 random batches with
your function. A prediction: from K = 10 to K = 100 the variance falls by a factor of about ten. At K = 1000, without
replacement, it is zero.
"""


# %% tags=["experiment"]
net = make_net(1)
variance_of = cu.yours(
    minibatch_mean_variance,
    instead=lambda v, k, again: (
        v.var(correction=0) / k * (1 if again else (len(v) - k) / (len(v) - 1))
    ).item(),
)


def loss_of_one(weights, picture, label):
    return F.cross_entropy(torch.func.functional_call(net, weights, (picture,)), label)


weights = {name: p.detach() for name, p in net.named_parameters()}
per_example = torch.func.vmap(torch.func.grad(loss_of_one), (None, 0, 0))(weights, X, y)
columns = per_example["2.weight"].flatten(1)[:, ::16]  # (1000, 20)
g = torch.Generator().manual_seed(0)
for again in (True, False):
    for size in (1, 10, 100, 1000):
        if again:
            batches = torch.randint(1000, (2000, size), generator=g)
        else:
            batches = torch.rand(2000, 1000, generator=g).argsort(1)[:, :size]
        means = torch.stack([columns[rows].mean(0) for rows in batches])  # (2000, 20)
        found = means.double().var(0, correction=0).sum().item()
        formula = sum(variance_of(column.double(), size, again) for column in columns.T)
        assert abs(found - formula) < 0.1 * formula + 1e-10
        bias = (means.double().mean(0) - columns.double().mean(0)).norm().item()
        assert bias < 2 * math.sqrt(formula / 2000) + 1e-6  # twice its own standard error
        print(f"{'with' if again else 'without':7} replacement, K = {size:4}: formula {formula:.4f}, and the batches "
              "agree within 10 %")  # fmt: skip
print("for each K, the mean over all batches agrees with the full gradient: no bias")
missed = (1 - 1 / 1000) ** 1000
print(
    f"with replacement, an epoch of 1,000 draws misses {missed:.0%} of the examples; a shuffled epoch misses none"
)

# %% [markdown]
r"""
That is one reason why data loaders shuffle the data and go through them, instead of drawing each batch anew: no
example is left out, and the noise is no larger.

### The floor

With a fixed rate $\eta$, noisy gradients keep a walk from settling. On a parabola with curvature $\lambda$ and
gradient noise of variance $\sigma^2$, the step is $x \leftarrow (1 - \eta\lambda) x - \eta \epsilon$. In the
long run the variance $V$ of $x$ no longer changes:

$$V = (1-\eta\lambda)^2 V + \eta^2 \sigma^2 \;\Longrightarrow\; V = \frac{\eta \sigma^2}{\lambda (2 - \eta\lambda)},
\qquad \text{mean loss } \frac{\lambda}{2} V = \frac{\eta\sigma^2}{2(2-\eta\lambda)} .$$

For small rates this **noise floor** is proportional to $\eta$: smaller rate, lower floor, slower walk. That is
the reason for learning rate schedules, chapter 11.
"""


# %%
def noise_floor(lr, momentum, num_walks=4000, num_steps=600):
    """Mean loss of walks on x^2 / 2 with gradient noise of variance 1, over the second half of the steps."""
    g = torch.Generator().manual_seed(0)
    x, v, losses = torch.zeros(num_walks), torch.zeros(num_walks), []
    for _ in range(num_steps):
        v = momentum * v + x + torch.randn(num_walks, generator=g)
        x = x - lr * v
        losses.append((x**2).mean().item() / 2)
    return sum(losses[num_steps // 2 :]) / (num_steps - num_steps // 2)


for lr in (0.05, 0.1, 0.4):
    print(f"rate {lr}: measured {noise_floor(lr, 0.0):.3f}, formula {lr / (2 * (2 - lr)):.3f}")

# %% [markdown]
r"""
### Which batch size?

The real question is what a batch size costs. The cell below trains the network from section 2 with batches of
1, 10, 100 and 1,000 (all). Each size uses the better of two rates, and the same data are drawn three times:
against updates, against examples seen, and against seconds.
"""


# %% tags=["experiment"]
def train(net, optimizer, batch_size, num_updates, *, seed=0, pictures=X, before_step=None, marks=()):
    """Train on shuffled epochs. Returns (updates, seconds, training loss) after each number of updates in marks."""
    g, queue, found, seconds = torch.Generator().manual_seed(seed), torch.empty(0, dtype=torch.int64), [], 0.0
    for t in range(1, num_updates + 1):
        begin = time.perf_counter()
        if len(queue) < batch_size:
            queue = torch.randperm(len(y), generator=g)
        rows, queue = queue[:batch_size], queue[batch_size:]
        optimizer.zero_grad()
        F.cross_entropy(net(pictures[rows]), y[rows]).backward()
        if before_step is not None:
            before_step(net)
        optimizer.step()
        seconds += time.perf_counter() - begin
        if t in marks:
            found.append((t, seconds, mean_loss(net, pictures, y)))
    return found


def mean_loss(net, pictures, labels):
    with torch.no_grad():
        return F.cross_entropy(net(pictures), labels).item()


by_size = {}
for size, num_updates, rates in (
    (1, 4000, (0.01, 0.03)),
    (10, 1000, (0.03, 0.1)),
    (100, 300, (0.1, 0.2)),
    (1000, 150, (0.2, 0.4)),
):
    marks, runs = {round(num_updates ** (i / 14)) for i in range(15)}, []
    for lr in rates:
        net = make_net(0)
        runs.append(train(net, torch.optim.SGD(net.parameters(), lr=lr), size, num_updates, marks=marks))
    by_size[size] = min(runs, key=lambda run: run[-1][-1])


def draw_costs(*panels):
    for panel, label in zip(panels, ("updates", "examples", "seconds")):
        for (size, run), colour, dash in zip(by_size.items(), cu.plots.COLOURS, cu.plots.DASHES):
            xs = [{"updates": t, "examples": t * size, "seconds": s}[label] for t, s, _ in run]
            panel.plot(xs, [loss for _, _, loss in run], color=colour, linestyle=dash, label=f"batch {size}")
        panel.set(xscale="log", xlabel=label, ylim=(0, 2.5))
        panel.grid()
    panels[0].set(ylabel="training loss", title="The best batch size depends on what you count")
    panels[0].figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


cu.plots.figure(
    draw_costs,
    alt="Training loss for four batch sizes. Counted in updates, large batches win; counted in examples, small ones; in "
    "seconds, batches of 10 and 100 are ahead",
    height=3.4,
    panels=3,
)


def at(size, examples):
    return [loss for t, _, loss in by_size[size] if t * size <= examples][-1]


assert at(1, 4000) < at(100, 4000) < at(1000, 4000)
print("After 4,000 examples: batch 1 is ahead of batch 100, and batch 100 of batch 1,000.")

# %% [markdown]
r"""
Per update, a large batch is better, since its gradient is cleaner. Per example, a small one is better, since it
makes more updates. Per second, the winner is in between: an update with 100 examples takes little longer than
one with a single example, since the computer works on all of them at once.

If a batch K times as large is to make the same progress per example, each update must move about K times as far:
that is the **linear scaling rule**, K times the rate. It holds for SGD while the rate stays below the stability
limit; a large rate often needs a warm-up, too (chapter 11). For Adam (section 6) it does not hold: Adam divides by
the size of its gradients, noise included, so less noise makes its steps longer already. The square root of K is a
common choice there.

**Do large batches generalise worse?** It is often said, so let us measure it: batches of 10 against batches of 500, the
accuracy on 1,000 new garments, three seeds.
"""


# %% tags=["experiment"]
def accuracy(net):
    with torch.no_grad():
        return (net(X_valid).argmax(1) == y_valid).float().mean().item()


def outcomes(batch_size, lr, num_updates):
    """Accuracy on new garments and training loss, each for three seeds: (2, 3)."""
    found = []
    for seed in range(3):
        net = make_net(seed)
        train(net, torch.optim.SGD(net.parameters(), lr=lr), batch_size, num_updates, seed=seed)
        found.append((accuracy(net), mean_loss(net, X, y)))
    return torch.tensor(found).T


small, same_rate, own_rate = outcomes(10, 0.05, 500), outcomes(500, 0.05, 10), outcomes(500, 0.3, 500)
assert same_rate[0].max() < small[0].min() - 0.2 and same_rate[1].min() > small[1].max() + 1
assert abs(own_rate[0].mean() - small[0].mean()) < 0.08
cu.plots.bars(
    [result[0].mean().item() for result in (small, same_rate, own_rate)],
    labels=["batch 10", "500, same rate", "500, own rate"],
    y="accuracy on new garments",
    title="A large batch needs its own rate and enough updates",
    alt="Three bars: batch 10 about 0.8, batch 500 with the same rate and epochs below 0.5, batch 500 with its own "
    "rate and as many updates about 0.85",
)
print("batch 500 at the rate and epochs of batch 10: more than 20 points worse, and a training loss that is")
print("larger by more than 1, in all three seeds")
print("batch 500 with a rate of its own and as many updates: within 8 points of batch 10, on average")

# %% [markdown]
r"""
With the same rate and the same number of epochs, the large batch makes 50 times fewer updates and has hardly
started to learn. Its *training* loss is worse, too, so this is not overfitting. In this experiment the gap comes
from the tuning. Whether a small one remains in very large networks is disputed.
"""

# %% [markdown]
r"""
### Exercise 10.3: claim cards &nbsp; (2.5 points, about 6 minutes, ★★☆)

Decide with the experiments so far: "true", "false", or the letter of the condition under which the claim is
true.

1. **"lower"**: "A step along the negative gradient lowers a smooth loss, if the gradient is not zero."
   (a) only if the step is short enough, (b) only if the loss is convex, (c) only if the Hessian has no zero eigenvalue.
2. **"at rest"**: "Where gradient descent comes to rest, there is a minimum."
   (a) only if the rate is below 2 / curvature, (b) only if the loss is convex, (c) only if there are more than two parameters.
3. **"dimension"**: "A loss with very many parameters cannot be convex."
   (a) only above a million parameters, (b) only for least squares, (c) only with minibatches.
4. **"bias"**: "A larger batch makes the estimate of the gradient less biased."
   (a) only if drawn with replacement, (b) only for batches above N / 2, (c) only if the gradients have large variance.
5. **"large batch"**: "Batches of 500 give a worse accuracy on new garments than batches of 10", in the experiment above.
   (a) only with the same rate and number of epochs, (b) only with as many updates, (c) only if the examples are shuffled.
"""

# %% exercise="claims_descent"
claims_descent = {
    "lower": "?",
    "at rest": "?",
    "dimension": "?",
    "bias": "?",
    "large batch": "?",
}
### BEGIN SOLUTION
claims_descent = {
    "lower": "a",
    "at rest": "b",
    "dimension": "false",
    "bias": "false",
    "large batch": "a",
}
### END SOLUTION

# %% test="claims_descent"
check.exercise("claims_descent", points=2.5)
with check.case("every claim is answered with true, false, a, b or c"):
    legal = ["true", "false", "a", "b", "c"]
    check.claims(
        claims_descent, {claim: legal for claim in ("lower", "at rest", "dimension", "bias", "large batch")}
    )
### BEGIN HIDDEN TESTS
with check.case("claims about landscapes", points=1.5, hidden=True):
    check.right(
        claims_descent,
        {"lower": "a", "at rest": "b", "dimension": "false"},
        "see the rates and the saddle in sections 1 and 2",
    )
with check.case("claims about batches", points=1, hidden=True):
    check.right(
        claims_descent,
        {"bias": "false", "large batch": "a"},
        "see the formula and the last experiment of section 3",
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 4 Momentum

Near the best rate, the steep coordinate of the ravine flips its sign in every step while the flat one keeps
it. A *sum* of past gradients cancels the first and collects the second. **Momentum** steps along a decaying sum:

$$v_t = \beta v_{t-1} + g_t = g_t + \beta g_{t-1} + \beta^2 g_{t-2} + \dots, \qquad x \leftarrow x - \eta\, v_t .$$

If the gradient stays $g$, the sum tends to $g\,(1 + \beta + \beta^2 + \dots) = g/(1-\beta)$. With $\beta = 0.9$
the walk ends up *ten times* as fast, so $\eta/(1-\beta)$ is the **effective rate**. A gradient loses half its
weight after $\log 2 / -\log 0.9 \approx 6.6$ steps.

This is PyTorch's convention: the rate is not inside $v$, and the new gradient has weight 1, not $1-\beta$. With the
rate outside, a change of rate acts at once; inside, $v$ would still contain old rates.

**Nesterov's** momentum looks ahead. A part of the coming step is known beforehand: $-\eta\beta v$. So take the
gradient at the point where that part leads. If the look-ahead point is what we store, as PyTorch does, the
update is the same except that $g_t + \beta v_t$ replaces $v_t$ in the step.

**Weight decay** here means: before anything else, $\lambda x$ is added to the gradient. That is the gradient of
the penalty $\frac{\lambda}{2}\|x\|^2$.

By hand, for $\eta = 0.1$, $\beta = 0.9$, and gradients 1, 1: the steps are −0.1, then −0.19. With Nesterov:
−0.19, then −0.271.
"""

# %% [markdown]
r"""
### Exercise 10.4: `sgd_momentum_step` &nbsp; (4 points, about 12 minutes, ★★★)

One step of `torch.optim.SGD`. The function has no memory; what the next step needs goes into `state`, a dict that
belongs to this parameter and is empty at the first step.

<details><summary>Hint 1</summary>

Three lines in this order: the decay, the velocity, the step. `state.get("v", 0)` gives the velocity, or 0 in
the first step.

<details><summary>Hint 2</summary>

`param` may require a gradient. Then it may be changed in place only without a graph: inside `with
torch.no_grad():`, or in a function with `@torch.no_grad()` above it. A later backward pass may overwrite `grad`, so
never store `grad` itself; store a copy or the result of a computation.

</details></details>
"""


# %% exercise="sgd_momentum_step"
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    """One step of SGD with momentum, as torch.optim.SGD does it. Changes param and state in place, returns nothing.

    param: float tensor of any shape, may require a gradient. grad: tensor of the same shape, is left unchanged.
    state: dict of this parameter alone, empty at the first step; what is in it is yours to choose.
    lr may differ from step to step. weight_decay * param is added to the gradient first. No graph is recorded.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        grad = grad + weight_decay * param
        state["velocity"] = momentum * state.get("velocity", 0) + grad
        param -= lr * (grad + momentum * state["velocity"] if nesterov else state["velocity"])
    ### END SOLUTION


# %% test="sgd_momentum_step"
check.exercise("sgd_momentum_step", points=4)


def play(old=0.8, new=1.0, first=1.0, l2=0.0, move=lambda g, v: v):
    """The path of SGD with momentum 0.8, with variations."""

    def update(x, g, v, lr, t):
        g = g + l2 * x
        v = old * v + (first if t == 1 else new) * g
        return x - lr * move(g, v), v

    return steps.play(update)


def rate_inside(x, g, v, lr, t):
    return x - (0.8 * v + lr * g), 0.8 * v + lr * g


def same_tensor(x, g, v, lr, t):
    v = 0.8 * (g if t == 2 else v) + g
    return x - lr * v, v


right, path_of, nesterov = play(), steps.path_of, play(move=lambda g, v: g + 0.8 * v)
with check.case("steps along the decaying sum of the gradients", points=1.5):
    wrong = {"`param` is unchanged: change it in place, with -= or a method that ends in _": steps.still(4)}
    wrong["it climbs: subtract the step"] = play(move=lambda g, v: -v)
    wrong["this is plain SGD: the momentum is missing, or `state` is not kept"] = play(old=0.0)
    wrong["the new gradient has weight 1, not 1 - momentum"] = play(new=0.2, first=0.2)
    wrong["the new gradient has weight 1 also after the first step, not 1 - momentum"] = play(new=0.2)
    wrong["the rate is inside the velocity, so the velocity still contains old rates"] = steps.play(
        rate_inside
    )
    wrong["the default momentum 0.9 is used, not the argument"] = play(old=0.9)
    wrong["the old gradients do not fade: momentum multiplies the old velocity"] = play(old=1.0)
    wrong["this is Nesterov's step; it is asked for only with nesterov=True"] = nesterov
    wrong["the step uses the old velocity; update it first"] = steps.play(
        lambda x, g, v, lr, t: (x - lr * v, 0.8 * v + g)
    )
    wrong["`state` holds the gradient tensor itself, which is overwritten later: store a copy"] = steps.play(
        same_tensor
    )
    check.close(path_of(sgd_momentum_step, momentum=0.8), right, known=wrong)
    check.close(path_of(sgd_momentum_step), play(old=0.9), "the default momentum is 0.9")
with check.case("Nesterov's step", points=0.75):
    wrong = {"`nesterov` makes no difference: the step is gradient + momentum * (the new velocity)": right}
    wrong["here the velocity is added without the factor momentum"] = play(move=lambda g, v: g + v)
    wrong["this is momentum * velocity alone; the gradient is added to it"] = play(move=lambda g, v: 0.8 * v)
    wrong["this is (1 + momentum) * velocity; it is gradient + momentum * velocity"] = play(
        move=lambda g, v: 1.8 * v
    )
    wrong["here the velocity is not kept in `state`"] = play(old=0.0, move=lambda g, v: g + 0.8 * v)
    wrong["the look-ahead belongs in the step only, not in the stored velocity"] = steps.play(
        lambda x, g, v, lr, t: (x - lr * (g + 0.8 * (0.8 * v + g)), g + 0.8 * (0.8 * v + g))
    )
    wrong["the first step looks ahead, too: it is gradient + momentum * velocity"] = steps.play(
        lambda x, g, v, lr, t: (x - lr * (g + 0.8 * (0.8 * v + g) if t > 1 else g), 0.8 * v + g)
    )
    check.close(path_of(sgd_momentum_step, momentum=0.8, nesterov=True), nesterov, known=wrong)
with check.case("weight decay", points=0.75):
    wrong = {"`weight_decay` makes no difference": right, "the decay has the wrong sign": play(l2=-0.5)}
    wrong["the decay is twice as large: its penalty is weight_decay / 2 * param ** 2"] = play(l2=1.0)
    wrong["the decay acts on the parameter; here it is part of the gradient, inside the velocity"] = (
        steps.play(lambda x, g, v, lr, t: (x - lr * (0.5 * x + 0.8 * v + g), 0.8 * v + g))
    )
    wrong["the decay acts on the parameter after the step; here it is part of the gradient"] = steps.play(
        lambda x, g, v, lr, t: ((x - lr * (0.8 * v + g)) * (1 - lr * 0.5), 0.8 * v + g)
    )
    wrong["the rate is in the decay twice: weight_decay * param is added to the gradient"] = steps.play(
        lambda x, g, v, lr, t: (x - lr * (0.8 * v + g + lr * 0.5 * x), 0.8 * v + g + lr * 0.5 * x)
    )
    check.close(path_of(sgd_momentum_step, momentum=0.8, weight_decay=0.5), play(l2=0.5), known=wrong)
    found = path_of(sgd_momentum_step, momentum=0.8, weight_decay=0.5, nesterov=True)
    wrong["the gradient that Nesterov's step adds has no decay"] = steps.play(
        lambda x, g, v, lr, t: (x - lr * (g + 0.8 * (0.8 * v + g + 0.5 * x)), 0.8 * v + g + 0.5 * x)
    )
    check.close(found, play(l2=0.5, move=lambda g, v: g + 0.8 * v), "together with Nesterov", known=wrong)
with check.case("parameters that require a gradient, are not contiguous, or are several", points=0.5):
    steps.check_in_place(
        sgd_momentum_step, steps.torch_step(torch.optim.SGD), momentum=0.8, weight_decay=0.25
    )
### BEGIN HIDDEN TESTS
with check.case("the same as torch.optim.SGD on other numbers", points=0.5, hidden=True):
    steps.like_torch(sgd_momentum_step, torch.optim.SGD, 0.05, momentum=0.5)
    steps.like_torch(sgd_momentum_step, torch.optim.SGD, 0.05, momentum=0.95, nesterov=True, weight_decay=0.1)
    steps.like_torch(sgd_momentum_step, torch.optim.SGD, 0.05, momentum=0.0)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Back to the ravine with your function. First the theory. On a parabola, momentum multiplies the pair (velocity,
position) by a matrix:

$$\begin{pmatrix} v \\ x \end{pmatrix} \leftarrow \begin{pmatrix} \beta & \lambda \\ -\eta\beta & 1-\eta\lambda \end{pmatrix} \begin{pmatrix} v \\ x \end{pmatrix},
\qquad \text{determinant } \beta .$$

The larger eigenvalue, in absolute value, is the factor per step. The two are complex while $(1 -
\sqrt{\eta\lambda})^2 < \beta < (1 + \sqrt{\eta\lambda})^2$. Complex eigenvalues are conjugate, so both have
size $\sqrt{\beta}$, *whatever the rate*. The walk is stable for $\eta\lambda < 2(1+\beta)$. The picture shows
the factor; find the three facts in it.
"""


# %% tags=["experiment"]
def momentum_factor(product, beta):
    """The factor per step for rate * curvature = product."""
    matrix = torch.tensor([[beta, 1.0], [-product * beta, 1 - product]], dtype=torch.float64)
    return torch.linalg.eigvals(matrix).abs().max().item()


products = torch.linspace(0.005, 4.2, 240)
cu.plots.curves(
    {f"β = {beta:g}": [momentum_factor(p, beta) for p in products.tolist()] for beta in (0.0, 0.5, 0.9)},
    xs=products,
    x="rate × curvature",
    y="factor per step",
    title="Momentum widens the range of good rates: the factor is flat at √β",
    alt="Without momentum a V with its tip at 1; with 0.5 and 0.9, flat stretches at 0.71 and 0.95 that end near 3 and 3.8",
)

# %% [markdown]
r"""
For $\beta = 0$ it is the V of section 1. A ravine with curvatures from $\lambda_{\min}$ to $\lambda_{\max}$
does best if both lie at the ends of a flat stretch, $(1 - \sqrt{\eta\lambda_{\min}})^2 = \beta =
(\sqrt{\eta\lambda_{\max}} - 1)^2$, that is

$$\eta = \Big(\frac{2}{\sqrt{\lambda_{\min}} + \sqrt{\lambda_{\max}}}\Big)^2, \qquad \beta = \Big(\frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}\Big)^2,
\qquad \text{factor } \frac{\sqrt\kappa - 1}{\sqrt\kappa + 1} .$$

Momentum replaces $\kappa$ by $\sqrt\kappa$. At $\kappa = 1000$ a factor of ten costs 36 steps instead of 1151.
Here, $\kappa = 20$ gives $\eta$ = 0.668, $\beta$ = 0.403, and a factor of 0.634: about 30 steps for a million,
a few more because the two eigenvalues coincide. In the picture, plain and tuned have the rates of the formulas,
the other two the best of 61 rates.
"""

# %% tags=["experiment"]
step = cu.yours(sgd_momentum_step, instead=steps.torch_step(torch.optim.SGD))


def count(lr, beta, nesterov=False):
    path = steps.walk(
        step, lambda x: RAVINE.double() * x, START.double(), 250, lr=lr, momentum=beta, nesterov=nesterov
    )
    return steps_needed(path)


def best_count(beta, nesterov=False):
    return min(count(lr / 100, beta, nesterov) for lr in range(15, 76))


table = {
    "plain": count(2 / 4.2, 0.0),
    "tuned, β 0.40": count(0.668, 0.403),
    "β 0.9": best_count(0.9),
    "Nesterov, β 0.7": best_count(0.7, nesterov=True),
}
cu.plots.bars(
    list(table.values()),
    labels=list(table),
    y="steps to a millionth",
    title="Tuned momentum is nearly four times as fast, β = 0.9 slower than plain",
    alt="Bars: plain 139 steps, tuned momentum 38, momentum 0.9 more than plain, Nesterov about 31",
)
assert table["tuned, β 0.40"] < 42 and table["β 0.9"] > table["plain"] > 3 * table["Nesterov, β 0.7"]
print("plain:", table["plain"], "steps; tuned momentum:", table["tuned, β 0.40"], "steps")

# %% [markdown]
r"""
So $\beta = 0.9$ is not best everywhere: its factor cannot be below $\sqrt{0.9} = 0.95$, which is too slow for
$\kappa = 20$. By the formula, 0.9 is right for $\kappa \approx 1{,}400$.

**Try it.** The loss is 10.5 at the start. *Goal: a loss below 0.001 within 20 steps.* First find out how far you get
with momentum 0.
"""


# %% jupyter={"source_hidden": true}
def draw_momentum(ax, rate, momentum):
    """Draw 20 steps in the ravine. Returns a comment on the loss."""
    path = steps.walk(
        steps.torch_step(torch.optim.SGD), lambda x: RAVINE * x, START, 20, lr=rate, momentum=momentum
    )
    loss = ravine(path[-1]).item()
    shown = path.clamp(-20, 20)
    draw_paths(
        ax,
        ravine,
        {"20 steps": shown},
        (-6, 6),
        (-3, 3),
        f"rate {rate:.2f}, momentum {momentum:.2f}: loss {loss:.2g}",
    )
    if loss < 1e-3:
        return f"Goal reached: loss {loss:.1g}. Theory's best is rate 0.67 and momentum 0.40."
    if momentum == 0 and 0.44 <= rate < 0.5:
        return f"Loss {loss:.2f}: as good as it gets without momentum."
    if loss > 10:
        return f"Loss {loss:.3g}: it diverges."
    return f"Loss {loss:.3g}: not yet below 0.001."


cu.demo.explore(
    draw_momentum,
    rate=ipywidgets.FloatSlider(value=0.1, min=0.02, max=1.2, step=0.02),
    momentum=ipywidgets.FloatSlider(value=0.0, min=0.0, max=0.95, step=0.05),
    alt="The path of 20 steps through a ravine at the chosen rate and momentum",
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_momentum(ax, 0.1, 0.0),
    alt="20 steps at rate 0.1 without momentum: the path reaches the floor of the ravine and creeps along it, loss 1.1",
)

# %% [markdown]
r"""
**Does momentum average the noise away?** It looks like an average of gradients. The noise floor with momentum,
by the same kind of calculation as in section 3, is

$$\frac{\eta\sigma^2 (1+\beta)}{2 (1-\beta)\,\big(2(1+\beta) - \eta\lambda\big)} .$$

Predict: rate 0.1 with $\beta = 0.9$, against rate 0.1 without, and rate 0.01 with $\beta = 0.9$, which has the
same effective rate.
"""

# %%
for lr, beta in ((0.1, 0.0), (0.1, 0.9), (0.01, 0.9)):
    formula = lr * (1 + beta) / (2 * (1 - beta) * (2 * (1 + beta) - lr))
    print(f"rate {lr}, momentum {beta}: measured {noise_floor(lr, beta):.3f}, formula {formula:.3f}")

# %% [markdown]
r"""
At the same rate, momentum makes the floor ten times as high. At the same *effective* rate it is as high as
without. Momentum speeds a walk up; it hardly averages noise away. When you switch it on, divide the rate by
about $1/(1-\beta)$.

**A good place to stop.** The second half, about as long, gives each parameter its own rate.
"""

# %% [markdown]
r"""
## 5 One rate for each parameter

Newton's method divides each direction by its curvature. That is too expensive, but each *coordinate* can be
divided by something that every step has anyway: the size of its own gradients. (All operations from here on are
per entry, and so is the square.)

**AdaGrad** adds up all squared gradients of a coordinate and divides by the root,

$$s_t = s_{t-1} + g_t^2, \qquad x \leftarrow x - \eta\, \frac{g_t}{\sqrt{s_t} + \epsilon} .$$

A coordinate with rare or small gradients keeps a large rate. The price: $s$ never shrinks, so the rate $\eta /
\sqrt{s_t}$ only falls. AdaGrad comes from online *convex* optimisation, where a falling rate is what the proof
needs.

**RMSprop** forgets. It replaces the sum by a running mean, so old squares fade:

$$s_t = \alpha s_{t-1} + (1-\alpha)\, g_t^2, \qquad x \leftarrow x - \eta\, \frac{g_t}{\sqrt{s_t} + \epsilon} .$$

In both, $s_0 = 0$, and the small $\epsilon$, outside the root as in PyTorch, prevents a division by zero.

By hand, for a constant gradient $g$: AdaGrad's steps are $\eta/\sqrt{1}, \eta/\sqrt2, \eta/\sqrt3, \dots$,
whatever $g$ is. RMSprop's first step with $\alpha = 0.99$ is $\eta / \sqrt{0.01} = 10\,\eta$, and then its
steps fall towards $\eta$.
"""

# %% [markdown]
r"""
### Exercise 10.5: `adagrad_step` &nbsp; (1.5 points, about 5 minutes, ★☆☆)

As in 10.4: in place, without a graph (the decorator takes care of that), and all memory in `state`.

<details><summary>Hint 1</summary>

`grad**2` is a new tensor, so you may store it. Then comes one division.

</details>
"""


# %% exercise="adagrad_step"
@torch.no_grad()
def adagrad_step(param, grad, state, lr, eps=1e-10):
    """One step of AdaGrad, as torch.optim.Adagrad does it. Changes param and state in place, returns nothing.

    param, grad, state, lr: as in sgd_momentum_step. eps is added to the root, not under it.
    """
    ### BEGIN SOLUTION
    state["sum"] = state.get("sum", 0) + grad**2
    param -= lr * grad / (state["sum"].sqrt() + eps)
    ### END SOLUTION


# %% test="adagrad_step"
check.exercise("adagrad_step", points=1.5)


def play(total=lambda s, g: s + g**2, scale=lambda s, t: s.sqrt(), top=lambda g: g):
    """The path of AdaGrad, with variations: the new sum, what divides, what is divided."""

    def update(x, g, s, lr, t):
        s = total(s, g)
        return x - lr * top(g) / (scale(s, t) + 1e-10), s

    return steps.play(update)


with check.case("divides by the root of the sum of squared gradients", points=0.75):
    right = play()
    wrong = {"`param` is unchanged: change it in place, with -= or a method that ends in _": steps.still(4)}
    wrong["it climbs: subtract the step"] = 2 * steps.START - right
    wrong["the root is missing"] = play(scale=lambda s, t: s)
    wrong["it multiplies by the root; divide by it"] = play(scale=lambda s, t: 1 / s.sqrt())
    wrong["the gradients are not squared in the sum"] = play(lambda s, g: s + g.abs())
    wrong["the gradient itself is missing in the step"] = play(top=torch.ones_like)
    wrong["one sum for the whole tensor; every entry has its own"] = play(lambda s, g: s + (g**2).sum())
    wrong["this divides by the root of the mean square; AdaGrad takes the sum"] = play(
        scale=lambda s, t: (s / t).sqrt()
    )
    wrong["only the newest gradient counts: keep the sum in `state`"] = play(lambda s, g: g**2)
    wrong["the sum lacks the newest gradient: add it first"] = steps.play(
        lambda x, g, s, lr, t: (x - lr * g / (s.sqrt() + 1e-10), s + g**2)
    )
    wrong["the old sum fades, as in RMSprop; AdaGrad forgets nothing"] = play(
        lambda s, g: 0.99 * s + 0.01 * g**2
    )
    wrong["the gradients are added up and then squared; square first"] = play(
        lambda s, g: s + g, lambda s, t: s.abs()
    )
    wrong["this divides by the sum of the sizes; take the root of the sum of squares"] = play(
        lambda s, g: s + g.abs(), lambda s, t: s
    )
    check.close(steps.path_of(adagrad_step), right, known=wrong, **steps.TOLERANCE)
with check.case("eps is outside the root; a parameter may need a gradient or be not contiguous", points=0.5):
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    wrong = {"eps is under the root; it is added to the root": -one / math.sqrt(1.5)}
    wrong["the argument eps is not used"] = -one
    wrong["eps is added to the quotient: put the root and eps in parentheses"] = -one * 1.5
    check.close(steps.path_of(adagrad_step, zero, [one], [1.0], eps=0.5)[0], -one / 1.5, known=wrong)
    found = steps.path_of(adagrad_step, zero, [one * 1e-10], [1.0])[0]
    check.close(found, -one / 2, "the default eps is 1e-10")
    found = steps.path_of(adagrad_step, zero, [zero, one], [1.0, 1.0])[-1]
    check.close(found, -one, "for the gradients 0, 1")
    steps.check_in_place(adagrad_step, steps.torch_step(torch.optim.Adagrad))
### BEGIN HIDDEN TESTS
with check.case("the same as torch.optim.Adagrad on other numbers", points=0.25, hidden=True):
    steps.like_torch(adagrad_step, torch.optim.Adagrad, 0.3, eps=0.01)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 10.6: `rmsprop_step` &nbsp; (1.5 points, about 5 minutes, ★☆☆)

As AdaGrad, but old squares fade. `state` is empty at the first step, and $s_0 = 0$.

<details><summary>Hint 1</summary>

The two weights of a running mean add up to 1. Which of them is close to 1: that of the old mean, or that of the
new square?

</details>
"""


# %% exercise="rmsprop_step"
@torch.no_grad()
def rmsprop_step(param, grad, state, lr, alpha=0.99, eps=1e-8):
    """One step of RMSprop, as torch.optim.RMSprop does it. Changes param and state in place, returns nothing.

    param, grad, state, lr: as in sgd_momentum_step. alpha: weight of the old running mean of squares, in [0, 1).
    The running mean starts at 0, without correction. eps is added to the root, not under it.
    """
    ### BEGIN SOLUTION
    state["mean"] = alpha * state.get("mean", 0) + (1 - alpha) * grad**2
    param -= lr * grad / (state["mean"].sqrt() + eps)
    ### END SOLUTION


# %% test="rmsprop_step"
check.exercise("rmsprop_step", points=1.5)


def play(mean=lambda s, g: 0.8 * s + 0.2 * g**2, scale=lambda s, t: s.sqrt(), top=lambda g: g):
    """The path of RMSprop with alpha 0.8, with variations: the new mean, what divides, what is divided."""

    def update(x, g, s, lr, t):
        s = mean(s, g)
        return x - lr * top(g) / (scale(s, t) + 1e-8), s

    return steps.play(update)


with check.case("divides by the root of a running mean of squared gradients", points=0.75):
    right, slow = play(), play(lambda s, g: 0.99 * s + 0.01 * g**2)
    wrong = {"`param` is unchanged: change it in place, with -= or a method that ends in _": steps.still(4)}
    wrong["it climbs: subtract the step"] = 2 * steps.START - right
    wrong["the weights are swapped: alpha belongs to the old mean"] = play(lambda s, g: 0.2 * s + 0.8 * g**2)
    wrong["the new square has weight 1, not 1 - alpha"] = play(lambda s, g: 0.8 * s + g**2)
    wrong["the old squares do not fade, as in AdaGrad"] = play(lambda s, g: s + g**2)
    wrong["this is the mean of all squares so far; old squares should fade"] = play(
        lambda s, g: s + g**2, lambda s, t: (s / t).sqrt()
    )
    wrong["the default alpha 0.99 is used, not the argument"] = slow
    wrong["the running mean starts with the first square; it starts at 0"] = play(
        lambda s, g: torch.where(s == 0, g**2, 0.8 * s + 0.2 * g**2)
    )
    wrong["this corrects the bias, as Adam does; RMSprop does not"] = play(
        scale=lambda s, t: (s / (1 - 0.8**t)).sqrt()
    )
    wrong["only the newest gradient counts: keep the running mean in `state`"] = play(lambda s, g: 0.2 * g**2)
    wrong["the root is missing"] = play(scale=lambda s, t: s)
    wrong["it multiplies by the root; divide by it"] = play(scale=lambda s, t: 1 / s.sqrt())
    wrong["the gradient itself is missing in the step"] = play(top=torch.ones_like)
    wrong["this is a running mean of the sizes of the gradients; square them"] = play(
        lambda s, g: 0.8 * s + 0.2 * g.abs()
    )
    wrong["this is the size of a running mean of the gradients; square them first"] = play(
        lambda s, g: 0.8 * s + 0.2 * g, lambda s, t: s.abs()
    )
    wrong["one running mean for the whole tensor; every entry has its own"] = play(
        lambda s, g: 0.8 * s + 0.2 * (g**2).mean()
    )
    wrong["the step uses the old running mean: update it first"] = steps.play(
        lambda x, g, s, lr, t: (x - lr * g / (s.sqrt() + 1e-8), 0.8 * s + 0.2 * g**2)
    )
    check.close(steps.path_of(rmsprop_step, alpha=0.8), right, known=wrong, **steps.TOLERANCE)
    check.close(steps.path_of(rmsprop_step), slow, "the default alpha is 0.99", rtol=1e-3, atol=1e-3)
with check.case("eps is outside the root; a parameter may need a gradient or be not contiguous", points=0.5):
    zero, one = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    wrong = {"eps is under the root; it is added to the root": -one / math.sqrt(0.75)}
    wrong["the argument eps is not used"] = -one / 0.5
    wrong["eps is added to the quotient: put the root and eps in parentheses"] = -one * 2.5
    check.close(steps.path_of(rmsprop_step, zero, [one], [1.0], alpha=0.75, eps=0.5)[0], -one, known=wrong)
    found = steps.path_of(rmsprop_step, zero, [one * 1e-8], [1.0], alpha=0.75)[0]
    check.close(found, -one / 1.5, "the default eps is 1e-8")
    found = steps.path_of(rmsprop_step, zero, [zero, one], [1.0, 1.0], alpha=0.75)[-1]
    check.close(found, -2 * one, "for the gradients 0, 1")
    steps.check_in_place(rmsprop_step, steps.torch_step(torch.optim.RMSprop), alpha=0.8)
### BEGIN HIDDEN TESTS
with check.case("the same as torch.optim.RMSprop on other numbers", points=0.25, hidden=True):
    steps.like_torch(rmsprop_step, torch.optim.RMSprop, 0.03, alpha=0.9, eps=0.01)
    steps.like_torch(rmsprop_step, torch.optim.RMSprop, 0.03, alpha=0.0, eps=0.1)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Who forgets?** One parameter, rate 1. The gradient is 10 for 100 steps, then 0.1. How long is each step, with
your functions?
"""

# %% tags=["experiment"]
adagrad = cu.yours(adagrad_step, instead=steps.torch_step(torch.optim.Adagrad))
rmsprop = cu.yours(rmsprop_step, instead=steps.torch_step(torch.optim.RMSprop))


def step_lengths(step, gradients, **settings):
    param, state, found = torch.zeros(1, dtype=torch.float64), {}, []
    for g in gradients:
        before = param.item()
        step(param, torch.full((1,), g, dtype=torch.float64), state, **settings)
        found.append(abs(param.item() - before))
    return found


drop = [10.0] * 100 + [0.1] * 900
lengths = {
    "AdaGrad": step_lengths(adagrad, drop, lr=1.0),
    "RMSprop, α = 0.99": step_lengths(rmsprop, drop, lr=1.0, alpha=0.99),
}
cu.plots.curves(
    lengths,
    x="step",
    y="length of the step",
    log_y=True,
    title="The gradient falls at step 100: RMSprop recovers, AdaGrad does not",
    alt="Both lengths drop at step 100; RMSprop's climbs back to 1 within 900 steps, AdaGrad's stays near 0.001",
)
assert lengths["AdaGrad"][-1] < 0.002 and lengths["RMSprop, α = 0.99"][-1] > 0.5
print("AdaGrad's step after 1,000 steps: under 0.002. RMSprop's: above 0.5.")

# %% [markdown]
r"""
**Where AdaGrad is strong.** One feature is always 1, the other is 1 in one example out of a hundred. Both have true
weight 1. SGD with noise needs a falling rate, $\eta/\sqrt t$, and by the time the rare feature has been seen a few
times, the rate is low. AdaGrad lowers the rate of each weight by *its own* gradients. 2,000 steps, four rates for
each:
"""


# %% tags=["experiment"]
def learn_rare(step, lr, falling=False):
    """Both weights after each of 2,000 examples: (2000, 2)."""
    g = torch.Generator().manual_seed(0)
    seen = torch.stack([torch.ones(2000), (torch.rand(2000, generator=g) < 0.01).float()], dim=1)
    labels = seen.sum(1) + 0.1 * torch.randn(2000, generator=g)
    w, state, path = torch.zeros(2), {}, []
    for t, (x, label) in enumerate(zip(seen, labels), 1):
        step(w, (w @ x - label) * x, state, lr / math.sqrt(t) if falling else lr)
        path.append(w.clone())
    return torch.stack(path)


plain = steps.torch_step(torch.optim.SGD)
rates = (0.1, 0.5, 1.0, 1.5)
rare = {
    "SGD, falling rate": [learn_rare(plain, lr, falling=True)[-1, 1].item() for lr in rates],
    "AdaGrad": [learn_rare(adagrad, lr)[-1, 1].item() for lr in rates],
}
cu.plots.curves(
    rare,
    xs=rates,
    x="rate",
    y="weight of the rare feature",
    title="AdaGrad learns the rare feature (true weight 1)",
    alt="SGD's weight for the rare feature reaches at most about 0.8, at rate 1.5; AdaGrad's is above 0.85 from rate 0.5 on",
)
off = {name: min(abs(w - 1) for w in found) for name, found in rare.items()}
assert off["SGD, falling rate"] > 0.2 and off["AdaGrad"] < 0.1
print("rare weight, best of four rates: SGD with a falling rate more than 0.2 off, AdaGrad less than 0.1")
noise = {
    name: learn_rare(s, 0.5)[-500:, 0].std().item() for name, s in (("SGD", plain), ("AdaGrad", adagrad))
}
assert noise["SGD"] > 1.5 * noise["AdaGrad"]
print("common weight at the constant rate 0.5, last 500 steps: SGD's noise is more than 1.5 times AdaGrad's")

# %% [markdown]
r"""
A *constant* rate would let SGD learn the rare weight, too, but the last line shows the price: the common weight
stays noisy.

**Where it is weak.** An adaptive method sees coordinates only. Turn the ravine by 45°, and every coordinate mixes
both curvatures. For plain gradient descent this makes no difference. Predict what happens to AdaGrad and Adam. Each
entry is the number of steps to a thousandth of the distance, at the best of eleven rates.
"""


# %% tags=["experiment"]
def best_in_ravine(step, hessian, start):
    rates = (0.1, 0.2, 0.3, 0.4, 0.45, 2 / 4.2, 0.6, 1, 2, 3, 5)
    return min(steps_needed(steps.walk(step, lambda x: hessian @ x, start, 150, lr=lr), 1e-3) for lr in rates)


c = math.sqrt(0.5)
turn = torch.tensor([[c, -c], [c, c]])
found = [
    [
        best_in_ravine(step, torch.diag(RAVINE), START),
        best_in_ravine(step, turn @ torch.diag(RAVINE) @ turn.T, turn @ START),
    ]
    for step in (plain, adagrad, steps.torch_step(torch.optim.Adam))
]
cu.plots.heatmap(
    found,
    rows=["gradient descent", "AdaGrad", "Adam"],
    columns=["on the axes", "turned"],
    title="Steps needed",
    alt="Table of steps: gradient descent the same in both columns, AdaGrad far fewer along the axes than turned, Adam more turned",
)
assert found[0][0] == found[0][1] and found[1][0] < 10 and found[1][1] > 60 and found[2][1] > found[2][0]
print(
    "The turn changes nothing for gradient descent, costs Adam steps, and takes AdaGrad from under 10 to over 60."
)

# %% [markdown]
r"""
## 6 Adam

**Adam** combines both ideas: a running mean of gradients as direction, and a running mean of their squares as
scale,

$$m_t = \beta_1 m_{t-1} + (1-\beta_1)\, g_t, \qquad v_t = \beta_2 v_{t-1} + (1-\beta_2)\, g_t^2, \qquad m_0 = v_0 = 0,$$

with $\beta_1 = 0.9$ and $\beta_2 = 0.999$. Starting from zero, both are too small at first. By how much? For a
constant gradient,

$$m_t = (1-\beta_1)\,(1 + \beta_1 + \dots + \beta_1^{t-1})\, g = (1 - \beta_1^t)\, g,$$

and in the same way $v_t = (1-\beta_2^t)\, g^2$. So Adam divides by these factors, the **bias correction**:

$$\hat m = \frac{m_t}{1-\beta_1^t}, \qquad \hat v = \frac{v_t}{1-\beta_2^t}, \qquad x \leftarrow x - \eta\, \frac{\hat m}{\sqrt{\hat v} + \epsilon}, \qquad t = 1, 2, \dots$$

Without the correction, are Adam's first steps too small or too large? $m$ is too small, but so is $v$, and it
is *divided* by the root of $v$. Work it out on paper before you go on.
"""

# %% [markdown]
r"""
### Exercise 10.7: `first_steps` &nbsp; (2 points, about 6 minutes, ★★☆)

The rate is 0.1, the first gradient is 0.02. How far does each optimizer of this chapter move in its first step?
Give the size of the step, without a sign, to three significant digits; ignore $\epsilon$. Use $\alpha = 0.99$,
$\beta_1 = 0.9$, $\beta_2 = 0.999$. For the last entry, the second gradient is −0.02, and the size of Adam's *second*
step is asked for.

<details><summary>Hint 1</summary>

Write the first step of each one as a fraction, with $g$ in the numerator and the denominator. Where does $g$
cancel?

</details>
"""

# %% exercise="first_steps"
first_steps = {
    "SGD": "?",
    "AdaGrad": "?",
    "RMSprop": "?",
    "Adam without bias correction": "?",
    "Adam": "?",
    "Adam, second step": "?",
}
### BEGIN SOLUTION
first_steps = {
    "SGD": 0.1 * 0.02,
    "AdaGrad": 0.1,
    "RMSprop": 0.1 / math.sqrt(0.01),
    "Adam without bias correction": 0.1 * 0.1 / math.sqrt(0.001),
    "Adam": 0.1,
    "Adam, second step": 0.1 * 0.01 / (1 - 0.9**2),
}
### END SOLUTION

# %% test="first_steps"
check.exercise("first_steps", points=2)


def given(name):
    """The number given for this optimizer."""
    check.that(
        isinstance(first_steps, dict) and name in first_steps,
        f"no answer for {name!r}: keep the keys as they were",
    )
    if first_steps[name] == "?":
        raise check.NotDoneYet
    text = isinstance(first_steps[name], str)
    check.that(not text, f"the answer for {name!r} is a text: write a number, without quotation marks")
    return first_steps[name]


with check.case("SGD and AdaGrad", points=0.5):
    wrong = {"the rate is missing: the step is lr * gradient": 0.02}
    check.close(given("SGD"), 0.002, known=wrong, rtol=0.01)
    wrong = {
        "the gradient is divided by its own size: it cancels": 0.002,
        "the gradient cancels, the rate remains": 1.0,
    }
    wrong["the sum holds the square of the gradient, and the root of that is the gradient"] = 0.1 / math.sqrt(
        0.02
    )
    check.close(given("AdaGrad"), 0.1, known=wrong, rtol=0.01)
### BEGIN HIDDEN TESTS
with check.case("RMSprop", points=0.5, hidden=True):
    wrong = {"s is 0.01 times the square of the gradient, since it starts at 0": 0.1}
    wrong["the root of 0.01 is 0.1"] = 0.1 / 0.01
    check.close(given("RMSprop"), 1.0, known=wrong, rtol=0.01)
with check.case("Adam", points=1, hidden=True):
    wrong = {"v is too small as well, and its root is in the denominator": 0.01}
    wrong["take the root of 1 - beta2"] = 0.1 * 0.1 / 0.001
    wrong["this is the step divided by the rate"] = 3.16
    wrong["this is Adam's step with the correction"] = 0.1
    check.close(given("Adam without bias correction"), 0.316, known=wrong, rtol=0.01)
    check.close(
        given("Adam"), 0.1, "with the correction, m is g and the root of v is the size of g", rtol=0.01
    )
    wrong = {"m is 0.9 * 0.1 g - 0.1 g; this is its size without the bias correction": 0.001}
    wrong["the two gradients do not cancel: the older one has faded"] = 0.0
    wrong["this is the step without the bias correction"] = 0.0224
    wrong["the direction is a running mean of both gradients, not the second alone"] = 0.1
    wrong["the size of the step is asked for, without a sign"] = -0.00526
    check.close(given("Adam, second step"), 0.00526, known=wrong, rtol=0.02)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Weight decay, twice

There are two ways to pull weights towards zero. **L2** adds the gradient of the penalty
$\frac{\lambda}{2}\|x\|^2$, which is $\lambda x$, to $g$, and everything else follows. **Decoupled** decay
shrinks the weight directly and leaves $g$ alone. For plain SGD it makes no difference:

$$x - \eta\,(g + \lambda x) = (1 - \eta\lambda)\, x - \eta g .$$

For Adam it does: in the L2 form, $\lambda x$ goes through $m$ and is *divided by* $\sqrt{\hat v}$. A weight
with large gradients is hardly decayed. **AdamW** is Adam with decoupled decay:

$$x \leftarrow x - \eta \Big( \frac{\hat m}{\sqrt{\hat v} + \epsilon} + \lambda x \Big), \qquad \text{with the same } x \text{ on the right in both places.}$$
"""

# %% [markdown]
r"""
### Exercise 10.8: `adam_step` &nbsp; (5 points, about 14 minutes, ★★★)

Adam and AdamW in one function.

<details><summary>Hint 1</summary>

Three things live in `state`: m, v and the number of steps. At the first step t is 1, not 0.

<details><summary>Hint 2</summary>

Deal with the decay first: if `decoupled`, multiply `param` by a number slightly below 1; if not, change the
gradient (into a new tensor).

</details></details>
"""


# %% exercise="adam_step"
@torch.no_grad()
def adam_step(param, grad, state, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    """One step of Adam or AdamW, as in torch.optim. Changes param and state in place, returns nothing.

    param, grad, state, lr: as in sgd_momentum_step. betas: (beta1, beta2), both in [0, 1).
    weight_decay is added to the gradient as weight_decay * param (Adam), or, if decoupled, acts on the value that
    param has before the step, as param -= lr * weight_decay * param (AdamW). eps is added to the root of v-hat.
    """
    ### BEGIN SOLUTION
    beta1, beta2 = betas
    if decoupled:
        param *= 1 - lr * weight_decay
    else:
        grad = grad + weight_decay * param
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * grad
    state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * grad**2
    m_hat = state["m"] / (1 - beta1**t)
    v_hat = state["v"] / (1 - beta2**t)
    param -= lr * m_hat / (v_hat.sqrt() + eps)
    ### END SOLUTION


# %% test="adam_step"
check.exercise("adam_step", points=5)


def play(**mistake):
    """A function that gives Adam's path with betas (0.8, 0.95), with a mistake."""
    return lambda: steps.adam_path(0.8, 0.95, **mistake)


def variant(scale=lambda v, t: (v / (1 - 0.95**t)).sqrt(), after=0.0, beside=0.0, first=False):
    """Other mistakes: what divides m-hat, decay of the result or added to m-hat, m and v begin with a gradient."""

    def update(x, g, mv, lr, t):
        mv = torch.stack([g, g**2]) if first and t == 1 else mv
        m, v = 0.8 * mv[0] + 0.2 * g, 0.95 * mv[1] + 0.05 * g**2
        x = x - lr * (m / (1 - 0.8**t) + beside * x) / scale(v, t)
        return x * (1 - lr * after), torch.stack([m, v])

    return lambda: steps.play(update)


adam, near = {"betas": (0.8, 0.95)}, steps.TOLERANCE
adamw = adam | {"weight_decay": 0.5}
with check.case("Adam without weight decay", points=1.5):
    wrong = {"`param` is unchanged: change it in place, with -= or a method that ends in _": steps.still(4)}
    wrong["it climbs: subtract the step"] = play(sign=-1)
    wrong["no bias correction: divide m by 1 - beta1**t, and v by 1 - beta2**t"] = play(fix=(0, 0))
    wrong["v is not corrected for its start at 0"] = play(fix=(1, 0))
    wrong["m is not corrected for its start at 0"] = play(fix=(0, 1))
    wrong["t is one too large in the bias correction: it is 1 at the first step"] = play(late=1)
    wrong["nan: t is 0 at the first step, and 1 - beta**0 is 0; t counts from 1"] = play(late=-1)
    wrong["t stays 1: count the steps in `state`"] = play(stuck=True)
    wrong["`state` should keep m and v without the correction, which changes with t"] = play(store_fixed=True)
    wrong["m is not kept in `state` from step to step"] = play(keep=(0, 1))
    wrong["v is not kept in `state` from step to step"] = play(keep=(1, 0))
    wrong["the root of v is missing"] = play(root=1.0)
    wrong["the gradients are not squared in v"] = play(power=1)
    wrong["the two betas are swapped"] = lambda: steps.adam_path(0.95, 0.8)
    wrong["the default betas are used, not the argument"] = expected = steps.adam_path(0.9, 0.999)
    wrong["m is a sum here: the new gradient has weight 1 - beta1"] = play(new=(1.0, None))
    wrong["v is a sum here: the new square has weight 1 - beta2"] = play(new=(None, 1.0))
    wrong["the correction of v belongs under the root"] = variant(lambda v, t: v.sqrt() / (1 - 0.95**t))
    wrong["v is corrected with beta1; its own beta is beta2"] = variant(
        lambda v, t: (v / (1 - 0.8**t)).sqrt()
    )
    wrong["one v for the whole tensor; every entry has its own"] = variant(
        lambda v, t: (v.mean() / (1 - 0.95**t)).sqrt()
    )
    wrong["m and v begin with the first gradient and its square; both begin at 0"] = variant(first=True)
    check.close(steps.path_of(adam_step, **adam), play()(), known=steps.worked_out(wrong), **near)
    check.close(steps.path_of(adam_step), expected, "the default betas are 0.9 and 0.999", **near)
with check.case("Adam with L2 in the gradient", points=1):
    wrong = {"`weight_decay` makes no difference": play(), "the decay has the wrong sign": play(l2=-0.5)}
    wrong["this decay is decoupled; without `decoupled` it is added to the gradient"] = play(decay=0.5)
    wrong["weight_decay * param is added to the gradient without the rate"] = play(l2=0.5, rates=(1, 1))
    check.close(steps.path_of(adam_step, **adamw), play(l2=0.5)(), known=steps.worked_out(wrong), **near)
with check.case("AdamW: decoupled decay", points=1):
    wrong = {"`weight_decay` makes no difference": play(), "the decay has the wrong sign": play(decay=-0.5)}
    wrong["`decoupled` makes no difference: the decay still goes through m and v"] = play(l2=0.5)
    wrong["the decay is there twice: in the gradient and on the parameter"] = play(l2=0.5, decay=0.5)
    wrong["the decay lacks the rate: it is lr * weight_decay * param"] = play(decay=0.5, rates=(0, 0))
    wrong["the decay acts on the value after the step; take the value before it"] = variant(after=0.5)
    wrong["the decay is divided by the root of v-hat; it is added to the quotient"] = variant(beside=0.5)
    wrong["`param` is unchanged: change it in place, with *= or -="] = steps.still(4)
    found = steps.path_of(adam_step, **adamw, decoupled=True)
    check.close(found, play(decay=0.5)(), known=steps.worked_out(wrong), **near)
with check.case("eps; parameters that require a gradient, are not contiguous, or are several", points=1):
    steps.check_adam_eps(adam_step)
    for settings in ({"decoupled": False}, {"decoupled": True}):
        steps.check_in_place(adam_step, steps.torch_step(torch.optim.Adam), weight_decay=0.25, **settings)
### BEGIN HIDDEN TESTS
with check.case("the same as torch.optim on other numbers", points=0.5, hidden=True):
    for decoupled, betas in ((False, (0.7, 0.9)), (True, (0.0, 0.9))):
        settings = {"weight_decay": 0.2, "decoupled": decoupled}
        steps.like_torch(adam_step, torch.optim.Adam, 0.03, betas=betas, **settings)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Your Adam, measured.** Four predictions:

1. *Without correction*, a constant gradient gives a first step of 3.16 times the rate, $0.1/\sqrt{0.001}$. The next steps are still longer, since $m$ takes about 10 steps to reach $g$, and $v$ takes about 1,000 to reach $g^2$.
2. *Multiply the loss by 1,000*, and the path stays the same: $\hat m$ and $\sqrt{\hat v}$ both grow by a factor of 1,000. The same holds for AdaGrad and RMSprop. What does SGD do?
3. *A lone gradient after 10,000 zeros* moves the weight at once by 3.16 times the rate, whatever its size: long after the start, the correction is 1, and $m = 0.1 g$, $v = 0.001 g^2$. How far do all later steps take it, if only zeros follow?
4. *A gradient as small as $10^{-9}$* meets $\epsilon = 10^{-8}$ in the denominator: the first step is $1/(1+10) = 0.09$ times the rate.
"""

# %% tags=["experiment"]
adam = cu.yours(adam_step, instead=steps.torch_step(torch.optim.Adam))
uncorrected = [(1 - 0.9**t) / math.sqrt(1 - 0.999**t) for t in range(1, 3001)]
cu.plots.curves(
    {"without correction": uncorrected, "Adam": step_lengths(adam, [5.0] * 3000, lr=1.0)},
    x="step",
    y="length of the step / rate",
    log_x=True,
    title="A constant gradient: without correction, early steps are too long",
    alt="Without correction the length starts at 3.2, rises to more than 6 and falls to 1 after thousands of steps; Adam's is 1 throughout",
)
print(f"1. without correction: first {uncorrected[0]:.2f}, longest {max(uncorrected):.1f} times the rate")


def scaled_path(step, scale, **settings):
    return steps.walk(step, lambda x: scale * RAVINE.double() * x, START.double(), 50, **settings)


for adaptive_step in (adagrad, rmsprop, adam):
    assert (
        scaled_path(adaptive_step, 1000.0, lr=0.1) - scaled_path(adaptive_step, 1.0, lr=0.1)
    ).abs().max() < 1e-4
far = scaled_path(plain, 1000.0, lr=0.1)[2].abs().max()
assert far > 1e5
print(
    "2. loss times 1,000: the paths of AdaGrad, RMSprop and Adam are the same to about four decimal places;"
)
print("   SGD is more than 100,000 away from the minimum after two steps")
lone = step_lengths(adam, [0.0] * 10_000 + [5.0] + [0.0] * 200, lr=1.0)
print(f"3. a lone gradient after 10,000 zeros: {lone[10_000]:.2f} times the rate, {sum(lone):.0f} in the end")
print(f"4. a first gradient of 1e-9: {step_lengths(adam, [1e-9], lr=1.0)[0]:.2f} times the rate")

# %% [markdown]
r"""
Number 3 shows a weakness: a rare gradient moves a weight by some 30 times the rate in all, *however large* it is. Once
$v$ has forgotten it, small gradients that come often take full steps again. If they point the other way, they outweigh
it. So Adam can fail even on convex problems.

### How much is left of a weight?

A weight starts at 1. Its gradient has size $|g|$ and changes its sign in every step, so on its own it leads nowhere.
Rate 0.01, decay 0.1, 200 steps. With decoupled decay, each step multiplies the weight by $1 - 0.01 \cdot 0.1$. With
L2 and $|g|$ well above $\lambda x$, the decay is divided by $\sqrt{\hat v} \approx |g|$, and the factor per step is
$1 - 0.01 \cdot 0.1 / |g|$. With $|g|$ far below $\lambda x$, the decay itself is the gradient, and Adam takes full
steps of 0.01 towards zero.

### Exercise 10.9: `weights_left` &nbsp; (1.5 points, about 5 minutes, ★★☆)

What is left of the weight after 200 steps? Within 0.04 is right.
"""

# %% exercise="weights_left"
weights_left = {
    "AdamW, |g| = 10": "?",
    "AdamW, |g| = 0.001": "?",
    "Adam with L2, |g| = 10": "?",
    "Adam with L2, |g| = 1": "?",
    "Adam with L2, |g| = 0.001": "?",
}
### BEGIN SOLUTION
full, tenth = 0.999**200, 0.9999**200  # what the full decay leaves, and a tenth of it
weights_left = {
    "AdamW, |g| = 10": full,
    "AdamW, |g| = 0.001": full,
    "Adam with L2, |g| = 10": tenth,
    "Adam with L2, |g| = 1": full,
    "Adam with L2, |g| = 0.001": 0.0,
}
### END SOLUTION

# %% test="weights_left"
check.exercise("weights_left", points=1.5)


def given(name):
    """The number given for this case."""
    check.that(
        isinstance(weights_left, dict) and name in weights_left,
        f"no answer for {name!r}: keep the keys as they were",
    )
    if weights_left[name] == "?":
        raise check.NotDoneYet
    text = isinstance(weights_left[name], str)
    check.that(not text, f"the answer for {name!r} is a text: write a number, without quotation marks")
    return weights_left[name]


with check.case("all five are numbers from 0 to 1"):
    for name in (
        "AdamW, |g| = 10",
        "AdamW, |g| = 0.001",
        "Adam with L2, |g| = 10",
        "Adam with L2, |g| = 1",
        "Adam with L2, |g| = 0.001",
    ):
        check.that(0 <= given(name) <= 1, f"{name!r}: what is left of a weight of 1 lies between 0 and 1")
### BEGIN HIDDEN TESTS
with check.case("AdamW", points=0.5, hidden=True):
    wrong = {"the decay is lr * weight_decay per step; the rate is missing here": 0.0}
    check.close(
        given("AdamW, |g| = 10"),
        0.819,
        "the gradient plays no role in it, and each of the 200 steps counts",
        known=wrong,
        rtol=0,
        atol=0.04,
    )
    check.close(
        given("AdamW, |g| = 0.001"),
        0.819,
        "the gradient plays no role in it, and each of the 200 steps counts",
        known=wrong,
        rtol=0,
        atol=0.04,
    )
with check.case("Adam with L2", points=1, hidden=True):
    check.close(given("Adam with L2, |g| = 10"), 0.98, "the decay is divided by 10 here", rtol=0, atol=0.04)
    check.close(given("Adam with L2, |g| = 1"), 0.819, "the decay is divided by 1 here", rtol=0, atol=0.04)
    check.close(
        given("Adam with L2, |g| = 0.001"),
        0.0,
        "full steps towards 0: 200 times 0.01 is more than 1",
        rtol=0,
        atol=0.04,
    )
### END HIDDEN TESTS
check.score()


# %% tags=["experiment"]
def left_of_weight(size, decoupled):
    """The weight after 200 steps, the mean over both signs of the first gradient."""
    weights, state = torch.ones(2, dtype=torch.float64), {}
    gradient = torch.tensor([size, -size], dtype=torch.float64)
    for t in range(200):
        adam(weights, gradient * (-1) ** t, state, lr=0.01, weight_decay=0.1, decoupled=decoupled)
    return weights.mean().item()


sizes = (0.001, 0.01, 0.1, 1.0, 10.0)
cu.plots.heatmap(
    [[left_of_weight(size, decoupled) for size in sizes] for decoupled in (False, True)],
    rows=["Adam with L2", "AdamW"],
    columns=[f"|g| = {size:g}" for size in sizes],
    title="What is left of a weight of 1 after 200 steps",
    alt="Adam with L2: 0.02 for the two smallest gradients, then more and more, 0.98 for the largest. AdamW: 0.82 in all columns",
)
for size in (0.001, 1.0, 10.0):
    print(
        f"|g| = {size}: Adam with L2 {left_of_weight(size, False):.2f}, AdamW {left_of_weight(size, True):.2f}"
    )

# %% [markdown]
r"""
With L2, Adam decays the weights that have small gradients and spares those with large ones. AdamW treats all
alike.

In practice, biases and the scales of batch norm (chapter 9) are often left without decay. An optimizer takes *parameter
groups* for that, each with its own settings:
"""

# %%
small_net = nn.Sequential(nn.Linear(196, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
matrices = [p for p in small_net.parameters() if p.ndim >= 2]
vectors = [p for p in small_net.parameters() if p.ndim < 2]
optimizer = torch.optim.AdamW(
    [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}], lr=0.001
)
print([(len(group["params"]), group["weight_decay"]) for group in optimizer.param_groups])

# %% [markdown]
r"""
## 7 Clipping

One bad batch can ruin a training: a cliff in the loss, or pictures that somebody forgot to scale. **Clipping by
norm** limits the damage. Take all gradients of the network as *one* long vector $g$ with norm $\|g\| =
\sqrt{\sum_i g_i^2}$, over all entries of all parameters. If it is longer than a limit $c$, scale it back:

$$g \leftarrow g \cdot \min\Big(1, \frac{c}{\|g\|}\Big) .$$

The direction stays, a gradient within the limit is untouched, and a small one is *not* enlarged. **Clipping by
value** cuts each entry to $[-c, c]$, which can change the direction of the vector:
"""

# %%
weight = nn.Parameter(torch.zeros(2))
for gradient in ((3.0, 0.4), (0.003, 0.0004)):
    for name, clip in (("norm", nn.utils.clip_grad_norm_), ("value", nn.utils.clip_grad_value_)):
        weight.grad = torch.tensor(gradient)
        clip([weight], 1.0)
        turned = (
            F.cosine_similarity(weight.grad, torch.tensor(gradient), dim=0).clamp(max=1).arccos().rad2deg()
        )
        print(
            f"{gradient} clipped by {name:5}: {[round(v, 4) for v in weight.grad.tolist()]}, turned by {turned:.0f} degrees"
        )

# %% [markdown]
r"""
### Exercise 10.10: `clip_grad_norm` &nbsp; (3 points, about 8 minutes, ★★☆)

Write it, as `nn.utils.clip_grad_norm_` does. The norm that it returns is worth logging: a jump in it is the
first sign of trouble.

<details><summary>Hint 1</summary>

`net.parameters()` is a generator: after one loop it is empty. Collect the gradients in a list first.

<details><summary>Hint 2</summary>

The norm of all gradients together follows from the sum of the squares of all entries. Scale each gradient in
place.

</details></details>
"""


# %% exercise="clip_grad_norm"
def clip_grad_norm(params, max_norm):
    """Scale all gradients together so that their joint norm is at most max_norm.

    params: any iterable of parameters, read once. Parameters whose .grad is None are skipped.
    max_norm: positive number. Gradients are scaled in place, and only if their joint norm is larger.
    Returns the joint norm before clipping as a float; 0.0 if there are no gradients.
    """
    ### BEGIN SOLUTION
    grads = [p.grad for p in params if p.grad is not None]
    norm = math.sqrt(sum(g.square().sum().item() for g in grads))
    if norm > max_norm:
        for g in grads:
            g.mul_(max_norm / norm)
    return norm
    ### END SOLUTION


# %% test="clip_grad_norm"
check.exercise("clip_grad_norm", points=3)


def clipped(gradients, max_norm):
    """(what the function returns, the gradients afterwards in one vector); None stands for no gradient."""
    params = [nn.Parameter(torch.full((2,) if g is None else g.shape, 0.5)) for g in gradients]
    for p, g in zip(params, gradients):
        p.grad = None if g is None else g.clone()
    before = [p.grad for p in params]
    given = check.Counted(params)
    found = clip_grad_norm(given, max_norm)
    check.that(
        given.passes == 1, f"`params` is read {given.passes} times; a generator is empty after the first time"
    )
    for p, g in zip(params, before):
        check.that(g is not None or p.grad is None, "a parameter without a gradient was given one: skip it")
        check.same_object(p.grad, g, "`.grad` is another tensor now: scale the old one in place")
        check.that((p == 0.5).all(), "the parameters changed; scale only their gradients")
    return found, torch.cat([torch.zeros(0), *(p.grad.flatten() for p in params if p.grad is not None)])


A, b = torch.tensor([[3.0, -6.0, 2.0], [0.5, 1.0, -4.0]]), torch.tensor([2.0, -8.0])
both = torch.cat([A.flatten(), b])
length = both.norm().item()
with check.case("returns the joint norm before clipping, as a float", points=1):
    found, _ = clipped([A, b], 2.0)
    wrong = {"this is the norm after clipping; return the one before": 2.0, "the root is missing": length**2}
    wrong["these are the norms of the parameters added up"] = (A.norm() + b.norm()).item()
    wrong["this is the largest entry, not the norm"] = 8.0
    wrong["this is the norm of the parameters; the gradients are in `.grad`"] = 0.5 * math.sqrt(8)
    wrong["the squares are averaged; add them up"] = math.sqrt(A.square().mean() + b.square().mean())
    wrong["this is the sum of the magnitudes; take the root of the sum of squares"] = both.abs().sum().item()
    wrong["this is the norm of the first gradient alone"] = A.norm().item()
    wrong["this is the norm of the last gradient alone"] = b.norm().item()
    check.close(found, length, known=wrong, rtol=1e-4)
    check.number(found, float)
with check.case("scales all gradients together if they are too long, and only then", points=1):
    _, after = clipped([A, b], 2.0)
    wrong = {"the gradients are unchanged: scale them in place, with *= or a method that ends in _": both}
    single = torch.cat([(2 / A.norm() * A).flatten(), 2 / b.norm() * b])
    wrong["each parameter is clipped on its own; all have one factor"] = single
    wrong["this clips by value: it cuts each entry, which changes the direction"] = both.clamp(-2, 2)
    wrong["the joint norm should be max_norm; here it is 1: multiply by max_norm"] = both / length
    wrong["the factor is upside down: it is max_norm / norm"] = both * length / 2
    check.close(after, 2 / length * both, known=wrong, rtol=1e-4)
    wrong = {
        "short gradients are enlarged: scale only if the norm is larger than max_norm": 50 / length * both
    }
    check.close(clipped([A, b], 50.0)[1], both, known=wrong)
with check.case("skips parameters without a gradient; without any gradient the norm is 0.0", points=0.5):
    found, after = clipped([None, b, None], 2.0)
    wrong = {"the loop ends at a parameter without a gradient: skip it and go on": 0.0}
    check.close(found, b.norm().item(), known=wrong, rtol=1e-4)
    check.close(after, 2 / b.norm() * b, rtol=1e-4)
    for gradients in ([], [None, None], [torch.zeros(3)]):
        found, after = clipped(gradients, 1.0)
        check.close(found, 0.0)
        check.number(found, float)
        check.that(after.isfinite().all(), "a gradient of zeros becomes nan: do not divide by its norm")
### BEGIN HIDDEN TESTS
with check.case("the same on other gradients", points=0.5, hidden=True):
    for max_norm in (0.5, 3.0, 100.0):
        gradients = [check.normal((4, 3)), check.normal((2, 1, 5), std=3), check.normal(())]
        whole = torch.cat([g.flatten() for g in gradients])
        found, after = clipped(gradients, max_norm)
        check.close(found, whole.norm().item(), rtol=1e-4)
        check.close(after, whole * min(1, max_norm / whole.norm().item()), rtol=1e-4)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Clipping at work.** Somebody stored 10 of the 1,000 training pictures on a scale 100 times as large. SGD with
momentum trains with and without your clipping at norm 1; three seeds. The picture shows what your function
returned on the way.
"""

# %% tags=["experiment"]
clip = cu.yours(clip_grad_norm, instead=nn.utils.clip_grad_norm_)
broken = X.clone()
broken[::100] *= 100


def train_on_broken(limit, seed):
    """(accuracy on good pictures, gradient norms)"""
    net, norms = make_net(seed), []
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    train(
        net,
        optimizer,
        20,
        300,
        seed=seed,
        pictures=broken,
        before_step=lambda net: norms.append(float(clip(net.parameters(), limit))),
    )
    return accuracy(net), norms


crash = {
    name: [train_on_broken(limit, seed) for seed in range(3)]
    for name, limit in (("no clipping", math.inf), ("norm 1", 1.0))
}
cu.plots.curves(
    {name: runs[0][1] for name, runs in crash.items()},
    x="update",
    y="gradient norm before clipping",
    log_y=True,
    title="The bad pictures show as spikes in the gradient norm",
    alt="Gradient norms around 2, with spikes up to a hundred where a bad picture is in the batch",
)
assert min(a for a, _ in crash["norm 1"]) > max(a for a, _ in crash["no clipping"]) + 0.1
print(
    "accuracy on good pictures: with clipping more than 10 points better, the worst run against the best without"
)

# %% [markdown]
r"""
(With `math.inf` as limit, the function only measures.) Clipping helps against gradients that explode. Against
vanishing ones it does nothing, as it never makes a gradient longer.

## 8 All of them, compared fairly

`torch.optim.Optimizer` is a list of parameter groups and a `state` for each parameter. So a small adapter turns
your step functions into optimizers that any training loop can use, also with schedules (chapter 11).
"""


# %%
class StepOptimizer(torch.optim.Optimizer):
    """An optimizer whose update is a step function. settings: what else the step takes."""

    def __init__(self, params, step_function, lr, **settings):
        params = list(params)
        if not params:
            raise ValueError("this optimizer has no parameters to train: did you pass net.parameters()?")
        if not 0 < lr < math.inf:
            raise ValueError(f"the learning rate must be a positive number, got {lr}")
        super().__init__(params, {"lr": lr, **settings})
        self.step_function = step_function

    def step(self):
        for group in self.param_groups:
            settings = {name: value for name, value in group.items() if name != "params"}
            for p in group["params"]:
                if p.grad is not None:
                    with torch.no_grad():
                        self.step_function(p, p.grad, self.state[p], **settings)


for params, lr in (([], 0.1), ([nn.Parameter(torch.zeros(1))], -0.1)):
    try:
        StepOptimizer(params, steps.torch_step(torch.optim.SGD), lr=lr)
    except ValueError as error:
        print(error)

# %% [markdown]
r"""
What is a fair comparison? Every method gets the *same budget*: five runs with five rates, each $\sqrt{10}$ times the
one before, 200 updates each. The best validation loss of the five counts. A method that is compared at a rate which
suits another method may lose for that reason alone.

We compare twice: on the pictures as they are, and with each pixel multiplied by a number of its own, between 0.03
and 30. The information is the same, the condition number is not. Predict for each case: who wins, and by how
much?
"""

# %% tags=["experiment"]
methods = {
    "SGD": (step, {"momentum": 0.0}, 0.1),
    "momentum": (step, {"momentum": 0.9}, 0.01),
    "Nesterov": (step, {"momentum": 0.9, "nesterov": True}, 0.02),
    "AdaGrad": (adagrad, {}, 0.03),
    "RMSprop": (rmsprop, {}, 0.003),
    "Adam": (adam, {}, 0.005),
}
pixel_scale = torch.logspace(-1.5, 1.5, 196)[torch.randperm(196, generator=torch.Generator().manual_seed(0))]


def validation_losses(step_function, settings, middle, scale):
    """Rate -> loss on new garments after 200 updates; inf for a run that diverged."""
    found = {}
    for factor in (-1.5, -1, -0.5, 0, 0.5):
        lr, net = middle * 10**factor, make_net(0)
        train(
            net,
            StepOptimizer(net.parameters(), step_function, lr=lr, **settings),
            32,
            200,
            pictures=X * scale,
        )
        loss = mean_loss(net, X_valid * scale, y_valid)
        found[lr] = loss if math.isfinite(loss) else math.inf
    return found


results = {
    kind: {name: validation_losses(*method, scale) for name, method in methods.items()}
    for kind, scale in (("pictures as they are", 1.0), ("badly scaled pixels", pixel_scale))
}
best = {
    kind: {name: min(losses.values()) for name, losses in found.items()} for kind, found in results.items()
}


def draw_comparison(ax):
    for i, (kind, found) in enumerate(best.items()):
        places = [j + 0.4 * i for j in range(len(found))]
        drawn = ax.bar(places, list(found.values()), width=0.38, color=cu.plots.COLOURS[i], label=kind)
        ax.bar_label(drawn, fmt="{:.2f}", padding=2, fontsize=9)
    ax.set_xticks([j + 0.2 for j in range(len(methods))], list(methods))
    ax.set(
        ylabel="validation loss, best of five rates",
        title="Near equal on good data; adaptive methods lead on badly scaled data",
    )
    ax.set_ylim(0, 1.25 * max(max(found.values()) for found in best.values()))
    ax.legend(loc="upper center", ncols=2)


cu.plots.figure(
    draw_comparison,
    alt="Two bars for each of six optimizers: on the plain pictures all are near 0.5; with badly scaled pixels SGD, momentum and "
    "Nesterov are near 0.7, AdaGrad, RMSprop and Adam near 0.6",
)
plain_best, scaled_best = best.values()
assert max(plain_best.values()) - min(plain_best.values()) < 0.15
adaptive = ("AdaGrad", "RMSprop", "Adam")
lead = sum((-1 if name in adaptive else 1) * loss / 3 for name, loss in scaled_best.items())
assert lead > 0.05
print("Pictures as they are: all six within 0.15 of each other.")
print("Badly scaled: the mean of the three adaptive methods is more than 0.05 below that of the others.")
rate = {name: min(losses, key=losses.get) for name, losses in results["pictures as they are"].items()}
kept = {name: results["badly scaled pixels"][name][lr] for name, lr in rate.items()}
assert kept["SGD"] > 1.5 and kept["Adam"] < 0.9
print("Badly scaled, at the rate that was best for good pictures: SGD's loss is above 1.5, Adam's below 0.9.")

# %% tags=["experiment"]
cu.plots.curves(
    {name: list(losses.values()) for name, losses in results["pictures as they are"].items()},
    xs={name: list(losses) for name, losses in results["pictures as they are"].items()},
    x="learning rate",
    y="validation loss",
    log_x=True,
    title="The rate matters more than the method",
    alt="Six U-shaped curves of validation loss over the learning rate, with their lowest points at different rates",
)
worst_rate = {name: max(losses.values()) for name, losses in results["pictures as they are"].items()}
assert min(worst_rate[name] - plain_best[name] for name in methods) > max(plain_best.values()) - min(
    plain_best.values()
)
print("For each method, the worst of its five rates costs more than the choice of the method.")

# %% [markdown]
r"""
On well-scaled inputs, tuned SGD is about as good as the rest. On badly scaled ones the adaptive methods lead, not by
much, as long as every method gets its best rate. The larger difference is in the rates: at the rate that was best on
the good pictures, SGD fails on the badly scaled ones, and Adam comes close to its best there. That is one reason why
Adam is a common first choice. Its rate still has to be found. (Some train with Adam first and switch to SGD for the
end; whether that helps is a question for validation data.)

Two practical numbers. **Memory**: momentum keeps one extra number per parameter, Adam two. **A gauge for the
rate**: the length of an update divided by the length of the weights. A rule of thumb says that it should be
near a thousandth. Far above, training tends to be unstable; far below, it is slow.
"""

# %% tags=["experiment"]
net = make_net(0)
optimizer = StepOptimizer(net.parameters(), adam, lr=0.003)
train(net, optimizer, 32, 100)
before = net[0].weight.detach().clone()
train(net, optimizer, 32, 1, seed=1)
ratio = ((net[0].weight - before).norm() / before.norm()).item()
assert 3e-4 < ratio < 3e-2
print("Adam at rate 0.003, after 100 updates: the update-to-weight ratio lies between 0.0003 and 0.03")

# %% [markdown]
r"""
### Exercise 10.11: spot the bug &nbsp; (2.5 points, about 7 minutes, ★★★)

Five steps that colleagues wrote. Their momentum, betas and weight decay are fixed. At most one thing is wrong
with each. The table below them was measured: the first step for a gradient of 0.02, as a multiple of the rate;
the second step, for the same gradient but with the *rate set to 0*; and whether the gradient tensor was the
same before and after two steps.
"""


# %%
@torch.no_grad()
def step_1(param, grad, state, lr):  # Adam
    m = state["m"] = 0.9 * state.get("m", 0) + 0.1 * grad
    v = state["v"] = 0.999 * state.get("v", 0) + 0.001 * grad**2
    param -= lr * m / (v.sqrt() + 1e-8)


@torch.no_grad()
def step_2(param, grad, state, lr):  # SGD with momentum
    v = state["v"] = 0.9 * state.get("v", 0) + lr * grad
    param -= v


@torch.no_grad()
def step_3(param, grad, state, lr):  # SGD with momentum
    v = state["v"] = state["v"].mul_(0.9).add_(grad) if "v" in state else grad
    param -= lr * v


@torch.no_grad()
def step_4(param, grad, state, lr):  # RMSprop, without correction
    s = state["s"] = 0.99 * state.get("s", 0) + 0.01 * grad**2
    param -= lr * grad / (s.sqrt() + 1e-8)


@torch.no_grad()
def step_5(param, grad, state, lr):  # AdamW with weight decay 0.1
    grad = grad + 0.1 * param
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = 0.9 * state.get("m", 0) + 0.1 * grad
    v = state["v"] = 0.999 * state.get("v", 0) + 0.001 * grad**2
    param -= lr * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)


for name, function in (("1", step_1), ("2", step_2), ("3", step_3), ("4", step_4), ("5", step_5)):
    param, grad, state = torch.zeros(1), torch.tensor([0.02]), {}
    function(param, grad, state, 0.1)
    first = -param.item()
    function(param, grad, state, 0.0)
    print(f"step_{name}: first step {first / 0.1:5.2f} x rate, second step at rate 0: {-param.item() - first:.4f}, "
          f"gradient unchanged: {grad.item() == torch.tensor(0.02).item()}")  # fmt: skip

# %% [markdown]
r"""
Which diagnosis belongs to which step? Each letter can be used once, more than once, or not at all.

(a) Nothing is wrong. (b) The bias correction is missing. (c) The state holds the gradient tensor itself and
then overwrites it. (d) The rate is inside the velocity, so a new rate takes effect too late. (e) The decay is
not decoupled. (f) Epsilon is under the root. (g) The bias correction is made twice.
"""

# %% exercise="claims_bugs"
claims_bugs = {
    "step_1": "?",
    "step_2": "?",
    "step_3": "?",
    "step_4": "?",
    "step_5": "?",
}
### BEGIN SOLUTION
claims_bugs = {
    "step_1": "b",
    "step_2": "d",
    "step_3": "c",
    "step_4": "a",
    "step_5": "e",
}
### END SOLUTION

# %% test="claims_bugs"
check.exercise("claims_bugs", points=2.5)
with check.case("every step has a diagnosis from a to g"):
    check.claims(claims_bugs, {f"step_{i}": list("abcdefg") for i in range(1, 6)})
### BEGIN HIDDEN TESTS
with check.case("SGD with momentum", points=1, hidden=True):
    check.right(
        claims_bugs,
        {"step_2": "d", "step_3": "c"},
        "read the table: which moves at rate 0, and which changes the gradient?",
    )
with check.case("adaptive methods", points=1.5, hidden=True):
    check.right(
        claims_bugs,
        {"step_1": "b", "step_4": "a", "step_5": "e"},
        "compare each line with the formulas of sections 5 and 6",
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 10.12: claim cards &nbsp; (2.5 points, about 6 minutes, ★★☆)

"true", "false", or the letter of the condition under which it is true.

1. **"first step"**: "With the usual betas and a constant gradient, Adam's first steps are too small without bias correction."
   (a) only if the gradient is below 1, (b) only at the very first step, (c) only if ε is 0.
2. **"decay"**: "An L2 penalty and decoupled weight decay are the same update."
   (a) only for plain SGD, (b) only for Adam, (c) only if all gradients are small.
3. **"clipping"**: "Clipping by norm enlarges small gradients, and so it helps against vanishing ones."
   (a) only if max_norm is above 1, (b) only if one parameter has all of the gradient, (c) only with momentum.
4. **"recovers"**: "When the gradients get smaller, the step grows back to its old length."
   (a) for RMSprop, not for AdaGrad, (b) for AdaGrad, not for RMSprop, (c) for SGD only.
5. **"scale"**: "Multiplying the loss by 1,000 hardly changes the path."
   (a) for Adam, AdaGrad and RMSprop, not for SGD, (b) for SGD with momentum only, (c) only if the rate is below 0.001.
"""

# %% exercise="claims_steps"
claims_steps = {
    "first step": "?",
    "decay": "?",
    "clipping": "?",
    "recovers": "?",
    "scale": "?",
}
### BEGIN SOLUTION
claims_steps = {
    "first step": "false",
    "decay": "a",
    "clipping": "false",
    "recovers": "a",
    "scale": "a",
}
### END SOLUTION

# %% test="claims_steps"
check.exercise("claims_steps", points=2.5)
with check.case("every claim is answered with true, false, a, b or c"):
    legal = ["true", "false", "a", "b", "c"]
    check.claims(
        claims_steps, {claim: legal for claim in ("first step", "decay", "clipping", "recovers", "scale")}
    )
### BEGIN HIDDEN TESTS
with check.case("claims about Adam and decay", points=1, hidden=True):
    check.right(
        claims_steps,
        {"first step": "false", "decay": "a"},
        "see the first picture and the table of section 6",
    )
with check.case("claims about clipping, forgetting and scale", points=1.5, hidden=True):
    check.right(
        claims_steps,
        {"clipping": "false", "recovers": "a", "scale": "a"},
        "see the pictures of sections 5 and 6, and the cell before 10.10",
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 10.13: in your own words &nbsp; (2 points, about 8 minutes, marked by your instructor)

An interview question. "We moved a training from batches of 32 to batches of 512, because the GPU was half idle.
Everything else stayed as it was: SGD, the rate, ten epochs. Now both the training loss and the validation loss
are clearly worse. A colleague says that large batches overfit." Is the colleague right? What happened? Name two
changes that you would try, and how you would compare the two batch sizes fairly.
"""

# %% [markdown] written="large_batch" points=2
r"""
**Model answer.** No: overfitting would show as a low training loss with a high validation loss, and here the
training loss is worse as well. With batches 16 times as large, ten epochs are 16 times fewer updates at the
same rate, so the weights have moved less far; the network has not finished learning. Changes: raise the rate,
up to 16 times (linear scaling), as the gradient is less noisy, but stay below the stability limit 2 / λ_max and
use a warm-up; and/or train for more epochs, up to the same number of updates. Fair comparison: for each batch
size choose the best rate on validation data from the same number of tries, say what is held equal (updates,
examples or seconds), and use several seeds.

**Mark scheme.** ½ point: not overfitting, because the *training* loss is worse, too. ½ point: 16 times fewer
updates. ½ point: two sensible changes (larger rate, with or without warm-up; more epochs; momentum counts as a
larger effective rate), without claiming that the rate may grow without limit. ½ point: each size at its own
best rate, chosen on validation data, with the budget named. "Less noise, therefore a bad minimum" without the
number of updates earns nothing for the second half point.
"""

# %% [markdown]
r"""
## Recap

- On a parabola every eigenvector is a walk of its own, with factor $1 - \eta\lambda$. The largest stable rate is $2/\lambda_{\max}$, and the network above found that limit by itself.
- A minibatch gradient has no bias and variance $s^2/K$, times $(N-K)/(N-1)$ without replacement. At a fixed small rate it leaves a noise floor proportional to the rate.
- Momentum sums old gradients: the effective rate is $\eta/(1-\beta)$, and tuned momentum replaces $\kappa$ by $\sqrt\kappa$.
- AdaGrad adds squares up, RMSprop forgets, Adam adds a running mean of gradients and corrects both for their start at zero. All three see coordinates only.
- Decoupled decay shrinks all weights alike; L2 inside Adam spares those with large gradients.
- Clipping by norm keeps the direction and never lengthens a gradient.
- Compare methods at their own best rates, from the same budget.

**What people get wrong.** They think that the gradient points downhill, that high dimension makes a loss
non-convex, that a point with zero gradient is a minimum, that Adam's rate needs no tuning, that Adam without
bias correction starts too slowly, that `weight_decay` in Adam and AdamW is the same, and they switch on
momentum 0.9 without lowering the rate.

**Read on.** [Goh 2017: Why momentum really works](https://distill.pub/2017/momentum/) · [Kingma and Ba 2015:
Adam](https://arxiv.org/abs/1412.6980) · [Loshchilov and Hutter 2019: Decoupled weight decay
regularization](https://arxiv.org/abs/1711.05101) · [Duchi, Hazan and Singer 2011:
AdaGrad](https://jmlr.org/papers/v12/duchi11a.html) · [Cohen et al. 2021: Gradient descent on neural networks
typically occurs at the edge of stability](https://arxiv.org/abs/2103.00065) · [Dive into Deep Learning, chapter
12](https://d2l.ai/chapter_optimization/index.html) ·
[`torch.optim`](https://pytorch.org/docs/stable/optim.html).

**Next:** [`11_learning_rate_schedules`](../11_learning_rate_schedules/learning_rate_schedules.ipynb), where the rate
changes during the training.
"""
