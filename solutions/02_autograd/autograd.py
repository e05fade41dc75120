# ---
# jupyter:
#   course:
#     prerequisites:
#     - 01_tensors
#     summary: Which way is down, and how tensors remember the way they were made
#     title: Autograd
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
# 2 Autograd

**Time:** computed. **You need:** chapter 1, and the derivative from school. **Points:** 34.

A network learns by asking one question again and again: *if I change this number a little, does the
error go up or down?* A network has millions of numbers, so the answer must come fast. After this chapter
you can

- **measure** a derivative without any calculus, and **say** how exact the measurement is;
- **draw** the graph of a computation, and **follow** the chain rule back along all of its paths;
- **predict** what is in `.grad`, and **take** a value out of the graph on purpose;
- **write** the backward step of a sum, of a matrix product and of softmax by hand;
- **build** your own small autograd, and **train** a network with it.

| English | Chinese (中文) | what it is |
|---|---|---|
| derivative, slope | 导数，斜率 | how fast a function changes where you stand |
| partial derivative | 偏导数 | how fast a function changes when one of its inputs moves and the others stay |
| gradient | 梯度 | all partial derivatives of one number, in the shape of the input |
| gradient descent | 梯度下降 | moving against the gradient, step by step |
| chain rule | 链式法则 | slopes along a path multiply; slopes of several paths add up |
| computational graph | 计算图 | what was computed from what |
| forward pass | 前向传播 | computing the values, from the inputs to the result |
| backward pass, backpropagation | 反向传播 | computing the gradients, from the result to the inputs |
| leaf | 叶子节点 | a tensor that no recorded computation made |
| to accumulate | 累加 | to add to what is already there |
| stop-gradient | 停止梯度 | a value that counts as a constant on the way back |
| vector-Jacobian product (VJP) | 向量-雅可比积 | the gradient of a weighted sum of the outputs |

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. Some checks are hidden: they ask for the same on other numbers, when your work is
graded. After a break or a restart of the kernel, choose *Run > Run All Above Selected Cell* first.
"""

# %%
import math

import course_utils as cu
from course_utils import check

import ipywidgets
import torch
from torch.utils.flop_counter import FlopCounterMode

# %% [markdown]
r"""
## 1 Which way is down?

You stand on a curve, in fog. You cannot see the valley. You can only feel the height under your feet, and
the height one small step to the left or to the right. Which way do you go?
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def height(x):
    """The valley of this section. x: float tensor of any shape."""
    return torch.sqrt(1 + x**2)


def draw_fog(ax):
    xs = torch.linspace(-5, 5, 200)
    ax.plot(xs, height(xs), color=cu.plots.COLOURS[0])
    for place, colour in ((-1.5, cu.plots.COLOURS[1]), (1.0, cu.plots.COLOURS[2])):
        here = torch.tensor(place)
        slope = (here / height(here)).item()
        near = here + torch.tensor([-1.6, 1.6])
        ax.plot(near, height(here) + slope * (near - here), "--", color=colour, linewidth=2)
        ax.plot(place, height(here), "o", color=colour, markersize=9)
        ax.annotate(
            f"slope {slope:+.2f}", (place, height(here).item()), (place + 0.5, height(here).item() - 0.1)
        )
    ax.set(xlabel="x", ylabel="height", title="The slope is local, and it knows which way is down")


cu.plots.figure(draw_fog, alt="A valley; on its left side the slope is -0.83, on its right side +0.71")

# %% [markdown]
r"""
On the left the slope is negative: larger x, less height. So you go right. On the right it is positive,
and you go left. **Down is against the sign of the slope.**

How do we get the slope without a formula for it? As in the fog: make a small step $h$ and compare
heights.

$$\text{forward:}\quad \frac{f(x + h) - f(x)}{h}
\qquad\qquad
\text{central:}\quad \frac{f(x + h) - f(x - h)}{2h}$$

At school you hear: the smaller $h$, the better. Let us measure. The derivative of sin is cos, so at $x = 1$ we
know the truth and can plot how wrong each way is.
"""

# %% tags=["experiment"]
steps = 10.0 ** -torch.arange(0.5, 14.5, 0.25, dtype=torch.float64)  # from 0.3 down to 1e-14


def errors(dtype):
    """How wrong the forward and the central difference of sin at 1 are, for each step."""
    x, h = torch.tensor(1.0, dtype=dtype), steps.to(dtype)
    forward = (torch.sin(x + h) - torch.sin(x)) / h
    central = (torch.sin(x + h) - torch.sin(x - h)) / (2 * h)
    return (forward - math.cos(1)).abs(), (central - math.cos(1)).abs()


forward_error, central_error = errors(torch.float64)
cu.plots.curves(
    {"forward": forward_error, "central": central_error, "central in float32": errors(torch.float32)[1]},
    xs=steps,
    x="step h",
    y="error of the slope",
    title="Smaller is better, until it is worse",
    alt="Three U-shaped curves over h, both axes logarithmic; the one for central differences reaches lowest",
    log_x=True,
    log_y=True,
    marker="",
)
at_1e5, at_1e12 = (int((steps - h).abs().argmin()) for h in (10**-4.75, 10**-12.0))
assert central_error[at_1e5] < 1e-8 and forward_error[at_1e5] > 1e-6 and central_error[at_1e12] > 1e-6
print("h about 1e-5:  forward wrong by more than 1e-6, central by less than 1e-8")
print("h about 1e-12: central wrong by more than 1e-6 again")

# %% [markdown]
r"""
Read the picture from right to left. First both errors shrink, because the *formula* gets better: the forward
error goes with $h$, the central error with $h^2$. Then both turn upwards, because the *numbers* get worse:
$f(x + h)$ and $f(x - h)$ agree in almost all of their 16 digits, the difference keeps the few that are left, and
dividing by a tiny $h$ makes the rounding error large. In float32, with 7 digits, the turn comes much earlier. Good
practice: float64, central, $h$ about $10^{-5}$.

For a function of many numbers, move **one entry at a time** and leave the others where they are. The
slopes, put in the shape of $x$, are the **gradient**.
"""

# %% [markdown]
r"""
### Exercise 2.1: `numerical_grad` &nbsp; (3 points, about 12 minutes, ★★☆)

Write the tool that will judge the faster ways of this chapter.

$$g_i = \frac{f(x + h\,e_i) - f(x - h\,e_i)}{2h}$$

where $e_i$ has the shape of $x$, a 1 at place $i$ and zeros elsewhere; $g$ has the shape of $x$.

<details><summary>Hint 1</summary>

Work on a copy, so that `x` itself is never touched. Save the number before you move it, and put it back
before you move the next one: `(a + h) - h` is not always `a`. Save it with `row[i].item()`: `row[i]` alone
is a view of the entry (chapter 1), and shows the moved number later.

<details><summary>Hint 2</summary>

To reach every entry whatever the shape is, make one long row: `x.flatten()` has `x.numel()` entries, and
`row.reshape(x.shape)` turns it back for `f`.

<details><summary>Hint 3</summary>

`float(f(...))` takes a float and a tensor with one element alike. (It warns if that tensor requires a
gradient; `.detach()` or `.item()` first avoids that, but a float has neither.)

</details></details></details>
"""


# %% exercise="numerical_grad"
def numerical_grad(f, x, h=1e-5):
    """The gradient of f at x, by central differences.

    f: function of a tensor of x's shape; returns a float or a tensor with one element.
    x: float64 tensor of any shape; afterwards it is unchanged, bit for bit. h: the step.
    Returns a float64 tensor of x's shape.
    """
    ### BEGIN SOLUTION
    slopes = torch.empty_like(x).flatten()
    for i in range(x.numel()):
        step = torch.zeros_like(x).flatten()
        step[i] = h
        step = step.reshape(x.shape)
        slopes[i] = (float(f(x + step)) - float(f(x - step))) / (2 * h)
    return slopes.reshape(x.shape)
    ### END SOLUTION


# %% test="numerical_grad"
check.exercise("numerical_grad", points=3)
with check.case("finds every partial derivative", points=1):
    x = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 2.0]], dtype=torch.float64)
    w = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.float64)
    slopes, bend = w * torch.cos(x), 0.5e-5 * w * torch.sin(x)
    found = numerical_grad(lambda x: (w * x.sin()).sum(), x)
    wrong = {"all entries move at once; move one at a time": slopes.sum().expand(2, 3)}
    wrong["all entries move at once; move one at a time, and return a slope for each"] = slopes.sum()
    wrong["a whole row moves at once; move one entry at a time"] = slopes.sum(1, keepdim=True).expand(2, 3)
    wrong["nearly 0: divide by 2h in brackets, `/ (2 * h)`, and write it into the result"] = 1e-10 * slopes
    wrong["this is the forward difference; the central one is much more exact"] = slopes - bend
    wrong["twice the slope: the two points are 2h apart"] = 2 * slopes
    wrong["half the slope: divide by 2h once"] = slopes / 2
    window = "was the number saved with `row[i]`? That is a view, and moves along; save `row[i].item()`"
    wrong[f"half of a forward difference ({window})"] = (slopes - bend) / 2
    wrong["the sign is wrong: it is f(x + h) minus f(x - h)"] = -slopes
    wrong["the difference is not divided by 2h"] = 2e-5 * slopes
    check.close(found, slopes, rtol=0, atol=1e-8, known=wrong, strict=True)
    found = numerical_grad(torch.prod, torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64), h=0.1)
    stays = f"an entry that was moved is not back in its place when the next one moves ({window})"
    wrong = {f"{stays}: it stays at x - h": [15.0, 1.9 * 5, 1.9 * 2.9]}
    wrong[f"{stays}: it stays at x + h"] = [15.0, 2.1 * 5, 2.1 * 3.1]
    check.close(found, [15.0, 10.0, 6.0], "the slopes of the product of 2, 3 and 5", known=wrong)
with check.case("takes the central difference, with the step h that it is given", points=0.5):
    x, h = torch.tensor([1.0, 2.0], dtype=torch.float64), 0.1
    wrong = {}
    wrong["this is the forward difference; the central one is much more exact"] = 3 * x**2 + 3 * x * h + h**2
    wrong["this is the backward difference; the central one is much more exact"] = 3 * x**2 - 3 * x * h + h**2
    right, found = 3 * x**2, numerical_grad(lambda x: (x**3).sum(), x, h=h)
    check.close(found, right, "less exact than a central difference", rtol=0, atol=0.0101, known=wrong)
    stairs = numerical_grad(lambda x: (10 * x).round().sum() / 10, x + 0.32, h=1.0)
    wrong = {"h is not used: the step is always the same": torch.zeros(2)}
    check.close(stairs, torch.ones(2), "seen with h = 1, a stair with steps of 0.1 has slope 1", known=wrong)
with check.case("leaves x as it was, bit for bit", points=0.5):
    x = check.uniform((40,), low=-1e-7, high=1e-7, dtype=torch.float64)  # far below h, so rounding shows
    before = x.clone()
    found = numerical_grad(lambda x: (x * x).sum(), x)
    check.that(torch.allclose(x, before, rtol=0, atol=1e-9), "x came back changed; work on a copy")
    rounded = "x came back changed in its last digits: (a + h) - h is not always a; put the saved number back"
    check.that(torch.equal(x, before), rounded)
    check.like(found, before)
with check.case("takes any shape, and an f that returns a float or a one-element tensor", points=0.5):
    squares = [lambda x: float((x**2).sum()), lambda x: (x**2).sum()]
    squares += [lambda x: (x**2).sum().reshape(1), lambda x: (x**2).sum().reshape(1, 1)]
    inputs = [check.normal(shape, dtype=torch.float64) for shape in ((), (1,), (4,), (2, 1, 3))]
    pairs = [(f, inputs[i]) for i in (0, 3) for f in squares] + list(zip(squares[1:3], inputs[1:3]))
    calls = [(f, x.clone()) for f, x in pairs]
    at, h = inputs[0], 1e-5
    rounded = (((at + h) ** 2).float().double() - ((at - h) ** 2).float().double()) / (2 * h)
    wrong = {"a value of f was rounded to float32: torch.tensor(a float) does that; use the float": rounded}
    for (_, x), found in zip(pairs, check.in_turn(numerical_grad, calls)):
        check.close(found, 2 * x, rtol=0, atol=1e-4, strict=True, known=None if x.shape else wrong)
    x, w = check.normal((3, 2), dtype=torch.float64).T, check.normal((2, 3), dtype=torch.float64)
    copied = "x did not move: a long row made from a transpose is a copy of it"
    wrong = {f"{copied}, so give the row to f, in x's shape": torch.zeros(2, 3)}
    found = numerical_grad(lambda x: (w * x).sum(), x)
    check.close(found, w, "for a transpose as x, in another order in memory", rtol=0, atol=1e-8, known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same on other functions", points=0.5, hidden=True):
    A, x = check.normal((3, 3), dtype=torch.float64), check.normal((3,), dtype=torch.float64)
    before = x.clone()
    found = numerical_grad(lambda x: x @ A @ x, x)
    check.close(found, (A + A.T) @ before, rtol=0, atol=1e-8, strict=True)
    check.that(torch.equal(x, before), "x came back changed")
    x = check.uniform((2, 5), low=0.5, high=2, dtype=torch.float64)
    right, found = 1 / x, numerical_grad(lambda x: x.log().sum().item(), x)
    check.close(found, right, rtol=0, atol=1e-8)
    right, found = 3 * x**2, numerical_grad(lambda x: (x**3).sum(), x, h=0.01)
    check.close(found, right, "not as exact as a central difference", rtol=0, atol=1.01e-4)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Walk down with it.** Take a step against the gradient, look again, take the next step. This is **gradient
descent**:

$$x \leftarrow x - \eta\, \nabla f(x),\qquad x \text{ and } \nabla f(x) \text{ of the same shape.}$$

The number $\eta$ is the **learning rate**. Here are twelve steps with $\eta = 0.25$ in a valley of two numbers,
with the slopes that you measure:
"""

# %% tags=["experiment"]
slopes = cu.yours(numerical_grad, instead=lambda f, x: torch.func.grad(f)(x))


def valley(x):
    """x: (2,), or (2, ...) for many places at once."""
    return 0.5 * (x[0] ** 2 + 6 * x[1] ** 2)


places = [torch.tensor([-4.0, 1.5], dtype=torch.float64)]
for _ in range(12):
    places.append(places[-1] - 0.25 * slopes(valley, places[-1]))
walk = torch.stack(places)  # (13, 2)


def draw_valley(ax):
    grid = torch.stack(torch.meshgrid(torch.linspace(-5, 5, 80), torch.linspace(-2, 2, 60), indexing="xy"))
    ax.contour(*grid, valley(grid), levels=12, cmap="Blues_r")
    ax.plot(*walk.T, "o-", color=cu.plots.COLOURS[1])
    ax.set(xlabel="first number", ylabel="second number", title="Twelve steps against the measured slope")


cu.plots.figure(
    draw_valley,
    alt="Elliptic contour lines; a zigzag path begins at (-4, 1.5), narrows, and ends close to the middle",
)

# %% [markdown]
r"""
**How far is a step?** Back in the fog, the walk starts at $x = -4.5$. *Goal: find a learning rate with
which it comes within 0.05 of the bottom in at most 10 steps, and stays there.*
"""


# %% jupyter={"source_hidden": true}
def walk_down(lr, num_steps=40):
    """The places of a gradient descent on sqrt(1 + x^2), from -4.5 on: num_steps + 1 floats."""
    places = [-4.5]
    for _ in range(num_steps):
        x = places[-1]
        places.append(x - lr * x / math.sqrt(1 + x * x))
    return places


def draw_walk(ax, lr):
    """Draw the first 10 steps down the valley. Returns a comment."""
    places = walk_down(lr)
    first = torch.tensor(places[:11])
    xs = torch.linspace(-6, 6, 300)
    ax.plot(xs, torch.sqrt(1 + xs**2), color=cu.plots.COLOURS[5], linewidth=5, alpha=0.4)
    ax.plot(first, torch.sqrt(1 + first**2), "o-", color=cu.plots.COLOURS[1], linewidth=1)
    ax.plot(places[0], math.sqrt(1 + places[0] ** 2), "o", color=cu.plots.COLOURS[0], markersize=9)
    ax.set(
        xlabel="x",
        ylabel="height",
        xlim=(-6, 6),
        ylim=(0.7, 6),
        title=f"Ten steps with learning rate {lr:.1f}",
    )
    arrived = 1 + max(step for step, x in enumerate(places) if abs(x) >= 0.05)  # and stays
    if arrived == len(places):
        how = "It jumps from side to side" if places[-1] * places[-2] < 0 else "It is still on its way"
        return f"Not there within 40 steps. {how}; the last place is x = {places[-1]:.2f}."
    return f"There after {arrived} steps." + (" Goal reached!" if arrived <= 10 else " Too slow.")


cu.demo.explore(
    draw_walk,
    lr=ipywidgets.FloatSlider(value=0.3, min=0.1, max=3, step=0.1, description="lr"),
    alt="A valley and the places of ten steps of gradient descent",
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_walk(ax, 0.3),
    alt="With learning rate 0.3 the walk is still on the left slope after ten steps",
)

# %% [markdown]
r"""
Too small a rate crawls. Too large a rate jumps from one side to the other, and settles late or not at all.

## 2 The chain rule on paper

`numerical_grad` calls `f` twice for every entry of `x`. For a network with a million numbers that is two million runs
through the network, for one step downhill. There is a faster way if we look inside `f`. A long computation is made of
short ones, and the slope of each short one is known. With $u$ and $v$ functions of $x$, and $'$ for the slope with
respect to $x$:

| function | slope | function | slope |
|---|---|---|---|
| constant $c$ | $0$ | $u^n$ | $n\,u^{n-1}\,u'$ |
| $c\,u$ | $c\,u'$ | $e^u$ | $e^u\,u'$ |
| $u + v$ | $u' + v'$ | $\log u$ | $u' / u$ |
| $u\,v$ | $u'\,v + u\,v'$ | $\tanh u$ | $(1 - \tanh^2 u)\,u'$ |
| $u / v$ | $(u'\,v - u\,v') / v^2$ | $\mathrm{relu}\,u = \max(u, 0)$ | $u'$ if $u > 0$, $0$ if $u < 0$ |

The right half is the **chain rule** for five functions: the slope of $f(u)$ is $f'(u) \cdot u'$.

Take $y = (w x + b)^2$ with $w = 3$, $x = 2$, $b = -4$, cut into short steps:
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_graph(ax, boxes, arrows, title):
    """boxes: name -> (column, row, value, gradient). arrows: (from, to) -> the slope of this one step."""
    for (start, end), slope in arrows.items():
        (x0, y0), (x1, y1) = boxes[start][:2], boxes[end][:2]
        ax.annotate("", (x1 - 0.3, y1), (x0 + 0.3, y0), arrowprops={"arrowstyle": "->", "color": "#777777"})
        box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
        ax.text((x0 + x1) / 2, (y0 + y1) / 2, slope, ha="center", va="center", fontsize=9, bbox=box)
    for name, (x, y, value, gradient) in boxes.items():
        ax.barh(y, 0.6, left=x - 0.3, height=0.62, color=cu.plots.COLOURS[5], alpha=0.35)
        ax.text(x, y + 0.17, name, ha="center", va="center", fontsize=9, weight="bold")
        ax.text(x - 0.15, y - 0.13, value, ha="center", va="center", color=cu.plots.COLOURS[0])
        ax.text(x + 0.15, y - 0.13, gradient, ha="center", va="center", color=cu.plots.COLOURS[1])
    rows = [row for _, row, *_ in boxes.values()]
    ax.set(xlim=(-0.3, 3.3), ylim=(min(rows) - 0.4, max(rows) + 0.4), title=title)
    ax.axis("off")


BOXES = {
    "w": (0, 2, 3, 8),
    "x": (0, 1, 2, 12),
    "b": (0, 0, -4, 4),
    "u = w·x": (1, 1.5, 6, 4),
    "v = u + b": (2, 1, 2, 4),
    "y = v²": (3, 1, 4, 1),
}
ARROWS = {
    ("w", "u = w·x"): "x = 2",
    ("x", "u = w·x"): "w = 3",
    ("u = w·x", "v = u + b"): "1",
    ("b", "v = u + b"): "1",
    ("v = u + b", "y = v²"): "2v = 4",
}
title = "Blue: values, computed left to right. Orange: gradients of y, computed right to left."
cu.plots.figure(
    lambda ax: draw_graph(ax, BOXES, ARROWS, title),
    alt="A graph from the leaves w, x and b over u and v to y; every box holds a value and a gradient",
    height=3.4,
)

# %% [markdown]
r"""
This is a **computational graph**. The **forward pass** computes the blue values, from left to right. The number on an
arrow is the slope of that one step. The **backward pass** computes the orange numbers, from right to left: how fast $y$
changes with each box. It starts with $\partial y / \partial y = 1$. *Multiply the gradient of a box by the slope on
an arrow*, and you have what arrives at the box before it. For $w$ that gives

$$\frac{\partial y}{\partial w} = \frac{\partial y}{\partial v}\cdot\frac{\partial v}{\partial u}\cdot
\frac{\partial u}{\partial w} = 2v \cdot 1 \cdot x = 4 \cdot 1 \cdot 2 = 8.$$

The way back uses each arrow once, and all leaves get their gradient from one walk. The method is called
**backpropagation**.

**Two paths.** Now let $a = 2x$, $b = 3a$ and $y = a + b$. Move $x$ by a small $h$. Then $a$ moves by $2h$, $b$ by
$6h$, and $y$ by $2h + 6h = 8h$. Slopes multiply along a path, and **the slopes of several paths add up**: $2 \cdot 1$
directly from $a$, and $2 \cdot 3 \cdot 1$ through $b$.
"""

# %% jupyter={"source_hidden": true} tags=["experiment"]
DIAMOND = {
    "x": (0, 0, 1, 8),
    "a = 2x": (1, 0, 2, "1 + 3"),
    "b = 3a": (2, 0.9, 6, 1),
    "y = a + b": (3, 0, 8, 1),
}
PATHS = {
    ("x", "a = 2x"): "2",
    ("a = 2x", "b = 3a"): "3",
    ("b = 3a", "y = a + b"): "1",
    ("a = 2x", "y = a + b"): "1",
}
cu.plots.figure(
    lambda ax: draw_graph(ax, DIAMOND, PATHS, "a gets 1 from y and 3 from b. Then x gets 2 · 4 = 8."),
    alt="From x to a; from a to y directly and by way of b; the gradients are 1 at y and b, 1 + 3 at a, 8 at x",
    height=2.4,
)

# %% [markdown]
r"""
### Exercise 2.2: `graph_by_hand` &nbsp; (3 points, about 8 minutes, ★★☆)

Take paper. Draw the graph of

$$a = w\,x,\qquad b = x^2,\qquad d = a - b,\qquad L = d^2$$

for $w = 8$ and $x = 3$. Write each value into its box, and the slope of each step on its arrow. Then walk back from $L$.
Enter the four values and the five gradients.

<details><summary>Hint 1</summary>

Five arrows: from w and x to a, from x to b, from a and b to d, and one more. The slope of $d = a - b$ for $b$ is not 1.

<details><summary>Hint 2</summary>

Two arrows leave x. What arrives over each of them?

</details></details>
"""

# %% exercise="graph_by_hand"
graph_by_hand = {
    "a": "?",
    "b": "?",
    "d": "?",
    "L": "?",
    "dL/dd": "?",
    "dL/da": "?",
    "dL/db": "?",
    "dL/dw": "?",
    "dL/dx": "?",
}
### BEGIN SOLUTION
graph_by_hand = {
    "a": 24,
    "b": 9,
    "d": 15,
    "L": 225,
    "dL/dd": 30,
    "dL/da": 30,
    "dL/db": -30,
    "dL/dw": 90,
    "dL/dx": 60,
}
### END SOLUTION

# %% test="graph_by_hand"
check.exercise("graph_by_hand", points=3)
leaves = {name: torch.tensor(value, requires_grad=True) for name, value in (("w", 8.0), ("x", 3.0))}
boxes = {"a": leaves["w"] * leaves["x"], "b": leaves["x"] ** 2}
boxes["d"] = boxes["a"] - boxes["b"]
boxes["L"] = boxes["d"] ** 2
slopes = torch.autograd.grad(boxes["L"], [boxes[name] for name in "dab"] + [leaves["w"], leaves["x"]])
right = {name: box.item() for name, box in boxes.items()}
right |= {f"dL/d{name}": slope.item() for name, slope in zip("dabwx", slopes)}
with check.case("every number is filled in"):
    if all(str(number) == "?" for number in dict(graph_by_hand).values()):
        raise check.NotDoneYet
    for name in right:
        check.that(name in graph_by_hand, f"no answer for {name!r}: keep the keys of the dict as they were")
        check.that(str(graph_by_hand[name]) != "?", f"{name!r} is not filled in yet")
        check.that(not isinstance(graph_by_hand[name], str), f"{name!r} should be a number, without quotes")
with check.case("the values of the forward pass", points=0.5):
    wrong = {"a": {"a is the product of w and x": 11}, "b": {"b is x squared; this is its slope, 2x": 6}}
    wrong["b"] |= {"b is x squared; this is w squared": 64, "b is x squared; this is w times x": 24}
    wrong |= {"d": {"d is a minus b": -15, "a plus b; d is a minus b": 33}, "L": {"L is d squared": 30}}
    for name in "abdL":
        wrong[name] |= {f"the value of {name} is wrong": graph_by_hand[name]}  # does not tell the right one
        check.close(graph_by_hand[name], right[name], known=wrong[name])
with check.case("the gradients at d, a and b", points=1):
    square = {"the slope of d squared is 2d, not d": 15, "this is the value of L; its slope is 2d": 225}
    minus = {"b is subtracted: the slope of a - b for b is -1": 30, "multiply by dL/dd: this is -1 alone": -1}
    wrong = {"d": square, "a": {"the slope of a - b for a is 1": -30, "multiply by dL/dd": 1}, "b": minus}
    for name in "dab":
        found = graph_by_hand[f"dL/d{name}"]
        wrong[name] |= {
            f"dL/d{name} is wrong: multiply the gradient after the arrow by the slope on it": found
        }
        check.close(found, right[f"dL/d{name}"], known=wrong[name])
with check.case("the gradients at the leaves w and x", points=1.5):
    wrong = {"the slope of w * x for w is x, and this is 30 times w": 240, "multiply the slope x by dL/da": 3}
    wrong |= {"the slope of w * x for w is x, and this is 30 times its value": 720}
    wrong |= {"multiply dL/da by the slope on the arrow, x": 30, "dL/dw is wrong": graph_by_hand["dL/dw"]}
    check.close(graph_by_hand["dL/dw"], right["dL/dw"], known=wrong)
    only = "this is what arrives over one of the two arrows from x, the one to"
    wrong = {f"{only} a; add the other one": 240, f"{only} b; add the other one": -180}
    wrong["the sign of the path through b got lost: the slope of a - b for b is -1"] = 420
    wrong["the slope of x squared is 2x, not x"] = 150
    wrong["the slope of x squared is 2x; this takes its value"] = -30
    wrong["the slope of w * x for x is w, not x"] = -90
    wrong["the two paths multiply; they should add up"] = 240 * -180
    wrong["this is the mean of the two paths; they should add up"] = 30
    wrong["the slopes along both paths are there; multiply them by dL/dd = 30"] = 2
    wrong["dL/dx is wrong: add up what arrives over its two arrows"] = graph_by_hand["dL/dx"]
    check.close(graph_by_hand["dL/dx"], right["dL/dx"], known=wrong)
check.score()

# %% [markdown]
r"""
Your numbers in their boxes:
"""

# %% jupyter={"source_hidden": true} tags=["experiment"]
mine = {name: str(number) for name, number in graph_by_hand.items()}
BY_HAND = {
    "w": (0, 1.8, 8, mine["dL/dw"]),
    "x": (0, 0.3, 3, mine["dL/dx"]),
    "a = w·x": (1, 1.6, mine["a"], mine["dL/da"]),
    "b = x²": (1, 0.3, mine["b"], mine["dL/db"]),
    "d = a − b": (2, 0.95, mine["d"], mine["dL/dd"]),
    "L = d²": (3, 0.95, mine["L"], 1),
}
STEPS = {
    ("w", "a = w·x"): "x",
    ("x", "a = w·x"): "w",
    ("x", "b = x²"): "2x",
    ("a = w·x", "d = a − b"): "1",
    ("b = x²", "d = a − b"): "−1",
    ("d = a − b", "L = d²"): "2d",
}
cu.plots.figure(
    lambda ax: draw_graph(ax, BY_HAND, STEPS, "Two arrows leave x, so two products add up in its gradient"),
    alt="A graph from w and x over a and b to d and L, with the values and gradients of exercise 2.2",
    height=2.8,
)

# %% [markdown]
r"""
## 3 Torch draws the graph while you compute

You must ask torch to record: mark the leaves with `requires_grad`. The forward pass is then your computation, and
`y.backward()` is the backward pass. Here is the first graph once more, with its orange numbers:
"""

# %%
w = torch.tensor(3.0, requires_grad=True)
x = torch.tensor(2.0).requires_grad_()  # the same, for a tensor that exists already
b = torch.tensor(-4.0, requires_grad=True)
print("after requires_grad_():  x.grad is", x.grad)
u = w * x
v = u + b
y = v**2
print("after the computation:   x.grad is", x.grad)
y.backward()
print("after y.backward():      w.grad, x.grad, b.grad =", w.grad.item(), x.grad.item(), b.grad.item())
vector = torch.arange(4.0, requires_grad=True)
(2 * torch.dot(vector, vector)).backward()  # a vector works as well; the gradient has its shape
print("the gradient of 2 x · x at", vector.tolist(), "is", vector.grad.tolist(), "= 4 x")

# %% [markdown]
r"""
`requires_grad_()` raises a flag that says "record what is done with me", and does no more. To see it, flag a tensor with
$10^{15}$ entries (one number, stretched by broadcasting), whose gradient would fill four million gigabytes. And only
floating-point and complex numbers can be flagged, because you cannot change a whole number *a little*:
"""

# %%
huge = torch.zeros(1).expand(10**15).requires_grad_()
print("flagged:", huge.requires_grad, " entries:", huge.numel(), " huge.grad is", huge.grad)
try:
    torch.arange(3).requires_grad_()
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
r"""
A tensor that no recorded step has made is a **leaf**. Every other tensor remembers the step that made it, in
`grad_fn`. `backward` leaves gradients at the leaves. The gradients of the tensors in between are thrown away
to save memory, unless you call `retain_grad()` first.
"""

# %%
for name, tensor in {"w": w, "u": u, "v": v, "y": y, "plain": torch.ones(3)}.items():
    step = "nothing" if tensor.grad_fn is None else type(tensor.grad_fn).__name__
    print(f"{name:5}  leaf: {tensor.is_leaf!s:5}  requires_grad: {tensor.requires_grad!s:5}  made by: {step}")

# %% [markdown]
r"""
`w.grad` is 8. Call `backward` on a second computation with the same numbers. What is `w.grad` then?
"""

# %%
((w * x + b) ** 2).backward()
print("after a second computation:", w.grad.item())
w.grad.zero_()  # one way to clear it
print("cleared:", w.grad)
w.grad = None  # another; this is what optimizer.zero_grad() does
((w * x + b) ** 2).backward()
print("fresh:", w.grad.item())

# %% [markdown]
r"""
**`backward` adds to `.grad`. It does not replace, and reading `.grad` computes nothing.** This is useful, because the
gradient of a sum of two errors is the sum of their gradients. When you want a fresh gradient, clear the old one first.

**Twice through the same graph.** Going back through $p \cdot p$ needs the number $p$, so torch keeps it during the
forward pass. Going back through a plain sum needs no number. After the first `backward`, torch frees what it has kept,
unless you say `retain_graph=True`. What does a second `backward` over the same graph find?
"""

# %%
p = torch.tensor([1.0, 2.0], requires_grad=True)


def twice(result, retain_graph=None):
    """Call backward two times on one result, and tell what happened."""
    p.grad = None
    result.backward(retain_graph=retain_graph)
    try:
        result.backward()
    except RuntimeError as error:
        return "RuntimeError: " + str(error).split(" (")[0]
    return f"works, p.grad = {p.grad.tolist()}"


print("(p * p).sum():               ", twice((p * p).sum()))
print("(p * p).sum(), retain_graph: ", twice((p * p).sum(), retain_graph=True))
print("p.sum():                     ", twice(p.sum()))

# %% [markdown]
r"""
Where it works, the two gradients have added up.

## 4 Leaving the graph

Sometimes the graph is in the way. You want to plot a value, to keep a copy of the parameters, or to change a
parameter by hand. The last one looks harmless:
"""

# %%
w = torch.tensor([1.0, 2.0], requires_grad=True)
(w * w).sum().backward()
try:
    w -= 0.25 * w.grad
except RuntimeError as error:
    print("RuntimeError:", error)
with torch.no_grad():
    w -= 0.25 * w.grad
print("inside no_grad it works:", w.tolist(), " still a leaf:", w.is_leaf)

# %% [markdown]
r"""
`w` is a leaf: the graph starts from the number that it holds. If that number is overwritten *and* the change is to be
recorded, the start is lost, so torch refuses. Inside `with torch.no_grad():` nothing is recorded and you may write.

<details><summary>Why not w = w - 0.25 * w.grad?</summary>

That makes a *new* tensor. It is not a leaf, so the next `backward` leaves no `.grad` in it. With `-=` the leaf stays.
</details>

For a single tensor there is `x.detach()`: it returns a new tensor with the same values that is not in the graph; `x`
itself stays in it.

### Exercise 2.3: spot the bug in a snapshot, `detached_copy` &nbsp; (2 points, about 5 minutes, ★★☆)

Somebody walks towards a target and keeps the place with the smallest **loss**, here the squared distance to the target.
From the fourth step on, the learning rate is too large, so the best place is not the last one.
"""


# %%
def best_on_the_way(keep):
    """Six steps towards the target. Returns (the smallest loss seen, the loss at the place that was kept)."""
    target = torch.tensor([3.0, -1.0])
    place = torch.zeros(2, requires_grad=True)
    smallest = math.inf
    for step in range(6):
        loss = ((place - target) ** 2).sum()
        if loss.item() < smallest:
            smallest, best = loss.item(), keep(place)
        place.grad = None
        loss.backward()
        with torch.no_grad():
            place -= (0.3 if step < 3 else 1.2) * place.grad
    return smallest, ((best - target) ** 2).sum().item()


smallest, kept = best_on_the_way(keep=lambda x: x.detach())  # the values at this moment
print(f"smallest loss on the way {smallest:.3f}, loss at the place that was kept {kept:.3f}")

# %% [markdown]
r"""
The two losses should agree. Find out why they do not, and write the function that `keep` was meant to be: a snapshot
of the values of `x` as they are now, whatever happens to `x` later.

<details><summary>Hint 1</summary>

Print `best` in every round. When does it change?

<details><summary>Hint 2</summary>

Whose memory does `place -= ...` write into? (Section 5 of chapter 1.)

</details></details>
"""


# %% exercise="detached_copy"
def detached_copy(x):
    """The values of x, and nothing else of it.

    x: tensor of any shape and dtype, a leaf or not.
    Returns a tensor of x's shape, dtype and device, with x's values, without a graph, with storage of its
    own and requires_grad False. x is unchanged.
    """
    ### BEGIN SOLUTION
    return x.detach().clone()
    ### END SOLUTION


# %% test="detached_copy"
check.exercise("detached_copy", points=2)
with check.case("has the values, no graph and storage of its own", points=1.5):
    leaf = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    inputs = [leaf, 2 * leaf, leaf.double(), torch.tensor([1, 2, 3])]
    before = [(x.tolist(), x.requires_grad, x.grad_fn) for x in inputs]
    copies = check.in_turn(detached_copy, [(x,) for x in inputs])
    for x, (values, flag, made_by), found in zip(inputs, before, copies):
        check.like(found, x)
        check.equal(found.tolist(), values)
        check.that(not found.requires_grad, "the copy is still connected: its requires_grad is True")
        same = x.requires_grad == flag and x.grad_fn is made_by
        check.that(same, "x itself was taken out of its graph")
        check.own_memory(found, x, "they share storage: writing into x would change the copy")
### BEGIN HIDDEN TESTS
with check.case("the same on other shapes and dtypes", points=0.5, hidden=True):
    floats = check.normal((2, 1, 3)).requires_grad_()
    whole, truths = check.integers((3, 2), 0, 9), check.uniform((5,)) > 0.5
    inputs = [whole, truths, check.normal((), dtype=torch.float64), floats.exp(), floats.expand(2, 4, 3)]
    inputs += [other for x in inputs if x.dim() for other in check.layouts(x).values()]
    before, copies = [x.tolist() for x in inputs], check.in_turn(detached_copy, [(x,) for x in inputs])
    for x, values, found in zip(inputs, before, copies):
        check.like(found, x)
        check.equal(found.tolist(), values)
        check.that(not found.requires_grad, "the copy is still connected: its requires_grad is True")
        check.own_memory(found, x, "they share storage: writing into x would change the copy")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
The same walk with your snapshot, and a picture of who holds which numbers:
"""

# %% jupyter={"source_hidden": true} tags=["experiment"]
snapshot = cu.yours(detached_copy, instead=lambda x: torch.tensor(x.tolist()))
smallest, kept = best_on_the_way(keep=snapshot)
print(f"smallest loss on the way {smallest:.3f}, loss at the place that was kept {kept:.3f}")
made = 2 * torch.ones(2, requires_grad=True)
with torch.no_grad():
    made.detach()[1] = -7
print("written through detach(), in a tensor that is not a leaf, inside no_grad:", made.tolist())
TENSORS = {"x": 0, "x.detach()": 1.3, "x.clone()": 3.1, "x.detach().clone()": 4.9}  # name: column
STORAGES = {0.65: "one storage for both", 3.1: "its own", 4.9: "its own"}  # column: label


def draw_storages(ax):
    for name, column in TENSORS.items():
        under = min(STORAGES, key=lambda storage: abs(storage - column))
        ax.annotate("", (under, 0.38), (column, 0.9), arrowprops={"arrowstyle": "->", "color": "#777777"})
        ax.barh(1.1, 1.2, left=column - 0.6, height=0.4, color=cu.plots.COLOURS[5], alpha=0.35)
        ax.text(column, 1.1, name, ha="center", va="center", fontsize=8, weight="bold")
    for column, label in STORAGES.items():
        ax.barh([0.2, 0.2], 0.35, left=[column - 0.35, column], height=0.34, color="white", edgecolor="black")
        ax.text(column, -0.15, label, ha="center", va="center", fontsize=9)
    history = {"arrowstyle": "->", "color": cu.plots.COLOURS[1], "connectionstyle": "arc3,rad=0.25"}
    ax.annotate("", (0, 1.32), (3.1, 1.32), arrowprops=history)
    ax.text(1.55, 1.83, "grad_fn", ha="center", va="center", color=cu.plots.COLOURS[1], fontsize=9)
    ax.set(
        xlim=(-0.7, 5.6),
        ylim=(-0.3, 2),
        title="Grey: where the numbers are. Orange: the recorded step back to x.",
    )
    ax.axis("off")


cu.plots.figure(
    draw_storages,
    alt="x and x.detach() point at one storage; x.clone() and x.detach().clone() have one each, and only "
    "x.clone() is linked back to x",
    height=2.6,
)

# %% [markdown]
r"""
`x.detach()` is a view of the same numbers, without the history. `clone()` has numbers of its own, and the history: a
gradient still flows through it. A snapshot needs both.

**Stop-gradient.** `detach` also works in the middle of a computation. On the way forward the value is used as always.
On the way back nothing flows through it: it counts as a constant. $y = x \cdot x$ has two paths from $x$. Cut one:
"""

# %%
x = torch.tensor(5.0, requires_grad=True)
for name, y in {"x * x": x * x, "x.detach() * x": x.detach() * x}.items():
    x.grad = None
    y.backward()
    print(f"{name:15} value {y.item()}, slope {x.grad.item()}")

# %% [markdown]
r"""
This is called a **stop-gradient**. You need it when a number is computed from the data or by the network, but is
meant as given: a scale, a target, a running mean.

### Exercise 2.4: `scale_by_largest` &nbsp; (2 points, about 7 minutes, ★★☆)

Divide a vector by its largest magnitude, as you do to set the volume of a recording. The divisor counts as given: for the
gradient, it is a constant.

<details><summary>Hint 1</summary>

What is the largest magnitude of (1, −4, 2)? Which step of your formula should the gradient not pass through?

<details><summary>Hint 2</summary>

Zeros divided by zero are nan. If the largest magnitude is 0, which other divisor leaves zeros as they are?

</details></details>
"""


# %% exercise="scale_by_largest"
def scale_by_largest(x):
    """x divided by its largest magnitude, which counts as a constant for the gradient.

    x: float tensor (n,), n at least 1. Returns a tensor of x's shape and dtype, through which a gradient flows
    back to x; x is unchanged. If all entries of x are 0, so are those of the result, and no gradient is nan.
    """
    ### BEGIN SOLUTION
    largest = x.detach().abs().max()
    return x / torch.where(largest == 0, 1.0, largest)
    ### END SOLUTION


# %% test="scale_by_largest"
check.exercise("scale_by_largest", points=2)
with check.case("divides by the largest magnitude, and leaves x unchanged", points=0.5):
    x = torch.tensor([1.0, -4.0, 2.0], dtype=torch.float64)
    found = check.unchanged(scale_by_largest, x)
    wrong = {"it is divided by the largest entry; the largest magnitude is that of -4": x / 2}
    wrong["it is divided by the entry of the largest magnitude, with its sign"] = x / -4
    wrong["it is divided by the sum; the largest magnitude is asked for"] = x / 7
    wrong["it is divided by the length of the vector; the largest magnitude is asked for"] = x / x.norm()
    wrong["each entry is divided by its own magnitude"] = x.sign()
    wrong["nothing was divided"] = x
    check.close(found, x / 4, known=wrong, strict=True)
    added = "small vectors are not scaled: is something added to the largest magnitude, or is it bounded or rounded?"
    check.close(scale_by_largest(1e-35 * x), x / 4, added)
with check.case("counts the largest magnitude as a constant for the gradient", points=1):
    x = torch.tensor([1.0, -4.0, 2.0], dtype=torch.float64)
    known = {"the gradient flows through the largest magnitude, too: detach it": lambda x: x / x.abs().amax()}
    known["x itself counts as a constant; only the largest magnitude should"] = lambda x: (
        x.detach() / x.abs().amax()
    )
    check.gradient(scale_by_largest, lambda x: x / 4, x, known=known)
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers; zeros stay zeros", points=0.5, hidden=True):
    for n in (1, 2, 7):
        x, zeros = check.normal((n,)), torch.zeros(n, requires_grad=True)
        largest = max(abs(number) for number in x.tolist())
        scaled, found = check.in_turn(scale_by_largest, [(x,), (zeros,)], unchanged=True)
        check.close(scaled, x / largest, strict=True)
        check.gradient(scale_by_largest, lambda x, largest=largest: x / largest, x)
        check.close(found, torch.zeros(n), f"{n} zeros should stay zeros", strict=True)
        if found.requires_grad:
            check.backward(found)
            late = "the gradient at zeros is nan: choose another divisor, in place of repairing the nan afterwards"
            check.that(not zeros.grad.isnan().any(), late)
    part = "zeros should stay zeros, and the other entries are still divided"
    check.close(scale_by_largest(torch.tensor([0.0, -2.0])), torch.tensor([0.0, -1.0]), part)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
What does the cut change? Here are the slopes of the sum of the scaled entries, with your function and without the cut:
"""

# %% tags=["experiment"]
scaled = cu.yours(scale_by_largest, instead=lambda x: x / 4)  # right for this x
x = torch.tensor([1.0, -4.0, 2.0], requires_grad=True)
for name, result in {"with the cut": scaled(x), "without": x / x.abs().max()}.items():
    x.grad = None
    result.sum().backward()
    print(f"{name:13} values {result.tolist()}  slopes {x.grad.tolist()}")

# %% [markdown]
r"""
The values agree. Without the cut, a second path leads from −4 to the sum, through the divisor of all three entries.

**What is remembered stays in memory.** A result holds on to the step that made it, through `grad_fn`; that step holds
on to the steps before it, back to the leaves. The next cell overwrites one name a thousand times. How many steps does
the last tensor still keep alive?
"""


# %%
def steps_behind(result):
    """How many recorded steps lead to result, in a computation that is a simple chain."""
    step, count = result.grad_fn, 0
    while step is not None and step.next_functions:
        step, count = step.next_functions[0][0], count + 1
    return count


level = torch.tensor(1.0, requires_grad=True)
for _ in range(1000):
    level = 0.99 * level
print("after 1000 rounds:", steps_behind(level), "steps behind level")
print("level.detach():", steps_behind(level.detach()), " level.item(): a plain", type(level.item()).__name__)

# %% [markdown]
r"""
All of them. As long as you keep a result, its whole graph is kept. Keep `result.item()` or `result.detach()` when you
only want the number.

**Two switches and a question that are often mixed up.** `torch.no_grad()` stops the recording.
`torch.is_grad_enabled()` *asks* whether torch records at the moment. `net.eval()` tells layers such as dropout, which
sets random entries to zero while training, that the training is over. Try all four combinations.
"""

# %%
layer = torch.nn.Dropout(0.5)
ones = torch.ones(1000, requires_grad=True)
for mode in ("train", "eval"):
    for recording in (True, False):
        getattr(layer, mode)()
        with torch.set_grad_enabled(recording):  # False: what no_grad() does
            out = 2 * layer(ones)
            asked = torch.is_grad_enabled()
        print(
            f"layer.{mode + '()':7}  is_grad_enabled() {asked!s:5}  "
            f"graph recorded: {out.requires_grad!s:5}  entries dropped: {bool((out == 0).any())}"
        )

# %% [markdown]
r"""
The recording follows one switch and dropout the other. To measure a trained network you want both: `net.eval()` for
right results, `no_grad()` for less memory and time.

## 5 A gradient without side effects, and its price

`backward` writes into the `.grad` of all leaves of the graph. `torch.autograd.grad(result, leaf)` returns the gradient of the leaf
that you name, in a tuple, and writes nothing. If the leaf is not in the graph of the result, it raises an error, unless
you allow that:
"""

# %%
w, other = torch.tensor(3.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
print("a tuple:               ", torch.autograd.grad(w**2, w), " w.grad is", w.grad)
print("allow_unused=True:     ", torch.autograd.grad(w**2, other, allow_unused=True))
print("materialize_grads=True:", torch.autograd.grad(w**2, other, materialize_grads=True))
print("a result without graph:", torch.tensor(5.0).requires_grad, "- grad and backward refuse it")

# %% [markdown]
r"""
<details><summary>Slopes of slopes</summary>

With `create_graph=True` the gradient is itself recorded and can be differentiated again. For $f(w) = w^3$ at 3:
`(g,) = torch.autograd.grad(w**3, w, create_graph=True)` gives $3w^2 = 27$, and `torch.autograd.grad(g, w)` gives the
second derivative, $6w = 18$.
</details>

### Exercise 2.5: `grad_of` &nbsp; (3 points, about 10 minutes, ★★☆)

Write the fast partner of `numerical_grad`. It leaves `x` as it was, and its result carries no graph. The function `f` may use
other tensors that require a gradient, such as the weights of a network; their `.grad` must not change either.

<details><summary>Hint 1</summary>

Do not flag `x` itself. Take the gradient at a leaf that nobody else knows, made from your answer to 2.3.

<details><summary>Hint 2</summary>

There are two ways not to depend on `x`: the result has no graph at all (its `requires_grad` is False), or it has one
in which your leaf does not occur. Do not catch errors instead: a mistake in `f` would look like a gradient of zeros.

</details></details>
"""


# %% exercise="grad_of"
def grad_of(f, x):
    """The gradient of f at x, by autograd, without side effects.

    f: function of a tensor of x's shape and dtype; returns a scalar tensor. x: float tensor of any shape.
    Returns a tensor of x's shape and dtype that carries no graph; zeros if f does not depend on x.
    x, x.grad, x.requires_grad and the .grad of every other tensor stay as they were.
    An error in f, on the way forward or back, reaches the caller.
    """
    ### BEGIN SOLUTION
    leaf = x.detach().clone().requires_grad_()
    result = f(leaf)
    if not result.requires_grad:
        return torch.zeros_like(leaf, requires_grad=False)
    return torch.autograd.grad(result, leaf, materialize_grads=True)[0]
    ### END SOLUTION


# %% test="grad_of"
check.exercise("grad_of", points=3)
graph = "the result carries a graph (its requires_grad is True): detach it, and leave out create_graph"


def gradient(f, x, kind=""):
    """grad_of(f, x), which should be there, and without a graph."""
    runs = []
    found = grad_of(lambda x: runs.append(1) or f(x), x)
    check.that(len(runs) < 3, "f ran many times, as in numerical_grad; autograd needs one run")
    check.that(
        found is not None, f"None came back{kind}: is there a return? A copy that is not a leaf has no .grad"
    )
    check.that(not getattr(found, "requires_grad", False), graph + kind)
    return found


with check.case("returns the gradient, in the shape and dtype of x, and without a graph", points=0.5):
    table, row = torch.tensor([[1.0, -2.0], [0.5, 3.0]]), torch.tensor([1.0, -2.0], dtype=torch.float64)
    wrong = {"None or zeros came back where there is a slope": torch.zeros(2, 2)}
    check.close(gradient(lambda x: (x**3).sum(), table), 3 * table**2, known=wrong, strict=True)
    expected = 2 * row * (row**2).sum().exp()
    check.close(gradient(lambda x: (x * x).sum().exp(), row), expected, strict=True)
with check.case("leaves x, x.grad and x.requires_grad as they were", points=1):
    plain, flagged, base = (torch.tensor([1.0, 2.0], requires_grad=flag) for flag in (False, True, True))
    flagged.grad, made = torch.tensor([10.0, 20.0]), check.made(torch.mul, base, 1)
    for x, kind in ((plain, ""), (flagged, ""), (made, " (for an x that is not a leaf)")):
        flag, made_by = x.requires_grad, x.grad_fn
        wrong = {"what was in x.grad before is in the result": [12.0, 24.0]}
        check.close(gradient(lambda x: (x * x).sum(), x, kind), torch.tensor([2.0, 4.0]), known=wrong)
        check.equal(x.tolist(), [1.0, 2.0], "x was changed")
        turned = "x requires a gradient now, and did not before; flag a copy of x"
        check.that(flag or not x.requires_grad, turned)
        check.that(x.requires_grad == flag, "x required a gradient before, and does not now")
        check.that(x.grad_fn is made_by, "x was a result with a graph, and was taken out of it")
        check.that(plain.grad is None, "x has a .grad now, and had none before")
        check.that(flagged.grad is not None, "x.grad was there before, and is gone now")
        wrong = {"the gradient was added to x.grad": torch.tensor([12.0, 24.0])}
        check.close(flagged.grad, torch.tensor([10.0, 20.0]), "x.grad was changed", known=wrong)
        beyond = "the leaf that x was made from has a .grad now: backward went on beyond x; detach the copy"
        check.that(base.grad is None, beyond)
with check.case("leaves the .grad of other tensors as it was", points=0.5):
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    found = gradient(lambda x: (w * x * x).sum(), torch.tensor([1.0, 2.0]))
    check.close(found, torch.tensor([6.0, 16.0]))
    check.that(w.grad is None, "a tensor that f uses has a .grad now: backward() writes into all leaves")
with check.case("gives zeros when f does not depend on x", points=0.5):
    x, three, other = torch.tensor([[1.0, 2.0]]), torch.tensor(3.0), torch.tensor(5.0, requires_grad=True)
    constants = [lambda x: three, lambda x: 2 * other, lambda x: (x.detach() ** 2).sum()]
    for found in check.in_turn(grad_of, [(f, x) for f in constants]):
        check.close(found, torch.zeros(1, 2), strict=True)
        check.that(not found.requires_grad, graph)
    check.that(other.grad is None, "a tensor that f uses has a .grad now")
    # Wrong shapes on the way forward; a number that is overwritten, and needed on the way back.
    for broken in (lambda x: (x @ x).sum(), lambda x: x.exp().add_(1).sum()):
        try:
            grad_of(broken, x)
        except RuntimeError:
            continue
        check.fail("f has a mistake and torch raised an error, but an `except` hid it; let it through")
### BEGIN HIDDEN TESTS
with check.case("the same on other functions", points=0.5, hidden=True):
    for shape in ((), (1,), (2, 3), (2, 1, 4)):
        x, A = check.normal(shape, dtype=torch.float64), check.normal(shape, dtype=torch.float64)
        other = check.normal(shape, dtype=torch.float64).requires_grad_()
        other.grad = torch.ones_like(other)
        before = x.clone()
        found = gradient(lambda x: (A * x.sin() * other).sum() + 7, x)
        check.close(found, (A * before.cos() * other).detach(), strict=True)
        check.equal(x, before, "x was changed")
        check.that(x.grad is None and not x.requires_grad, "x does not look as before")
        check.equal(other.grad, torch.ones_like(other), "the .grad of a tensor that f uses was changed")
        flagged = before.clone().requires_grad_()
        calls = [(lambda x: x.exp().sum(), flagged), (lambda x: other.sum(), flagged)]
        _, zeros = check.each(grad_of, calls)
        check.that(flagged.grad is None, "x has a .grad now, and had none before")
        check.close(zeros, torch.zeros_like(before))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Control flow.** What is the slope of a function with `while` and `if`? Torch records the steps that were *taken*, so
it has the graph of this one run. Your two gradients must agree:
"""


# %% tags=["experiment"]
def bounce(x):
    """x: scalar tensor, not 0. Multiply by -3 until the magnitude is at least 100; square it if it is negative."""
    while x.abs() < 100:
        x = -3 * x
    return x if x > 0 else x**2 / 100


fast = cu.yours(grad_of, instead=lambda f, x: torch.func.grad(f)(x))
slow = cu.yours(numerical_grad, instead=lambda f, x: torch.func.grad(f)(x))
for start in (2.0, 5.0, -7.0):
    x = torch.tensor(start, dtype=torch.float64)
    print(f"x = {start:4}: value {bounce(x):7.2f}, slopes {fast(bounce, x):.3f} and {slow(bounce, x):.3f}")
places = torch.linspace(1.5, 12, 300, dtype=torch.float64)
cu.plots.curves(
    {"value": [bounce(x) for x in places], "slope": [fast(bounce, x) for x in places]},
    xs=places,
    x="x",
    y="value, slope",
    title="Each run has its own graph: the slope jumps where another branch is taken",
    alt="Value and slope over x from 1.5 to 12, in three pieces; both jump where the number of rounds changes",
    marker="",
)

# %% [markdown]
r"""
At the jumps there is no slope. Autograd still returns the one of the branch that was taken.

**What does a gradient cost?** Take a network of four layers with 50 · 50 weights each: 10,000 numbers, for which
`numerical_grad` needs 20,000 runs. Guess how many runs one forward and one backward pass are worth. Then count the
additions and multiplications of the matrix products:
"""

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(0)
X = torch.randn(20, 50, generator=generator)
W = torch.randn(4, 50, 50, generator=generator) / 7


def network_loss(W):  # W: (4, 50, 50), the weights of all layers
    H = X
    for layer in W:
        H = torch.tanh(H @ layer)  # (20, 50)
    return (H**2).mean()


fast = cu.yours(grad_of, instead=lambda f, x: torch.func.grad(f)(x))
work = {}
for name, run in {"one run": lambda: network_loss(W), "10,000 slopes": lambda: fast(network_loss, W)}.items():
    with FlopCounterMode(display=False) as counter:
        run()
    work[name] = counter.get_total_flops()
    print(f"{name:14} {work[name]:9,} operations = {work[name] / work['one run']:.2f} runs")
print(f"numerical_grad {20_000 * work['one run']:,} operations = 20,000 runs")

# %% [markdown]
r"""
Fewer than three runs, for all 10,000 slopes. The backward pass has two products for each one of the forward pass: one
to reach the weights, one to reach the layer before, which the first layer does not need. With $n$ such layers that makes
$(3n - 1) / n$ runs, whatever their width. **A few runs, however many inputs there are.** The rest of the price is
memory: the forward pass must keep its intermediate values until the backward pass has used them.

**Why backwards?** The chain rule also works from left to right. *Forward mode* carries along, with each value, its
slope with respect to *one* input. It needs no graph and keeps nothing. But one pass gives the slopes for that one
input, of all results:
"""

# %% tags=["experiment"]
unit = torch.zeros_like(W)
unit[2, 7, 30] = 1  # move this weight only
value, slope = torch.func.jvp(network_loss, (W,), (unit,))  # forward mode
print("forward mode, one pass, one slope:", torch.allclose(slope, torch.func.grad(network_loss)(W)[2, 7, 30]))
print("passes for all slopes: forward mode", f"{W.numel():,}", " reverse mode 1")

# %% [markdown]
r"""
Backpropagation is *reverse mode*: one pass gives the slopes of *one* result, for all inputs. The loss is one result,
and it has millions of inputs, the weights. That is why learning goes backwards. For few inputs and many results,
forward mode is cheaper.

## 6 What do you believe now?

### Exercise 2.6: claim cards &nbsp; (2 points, about 6 minutes, ★★☆)

Students have written or said each of these sentences. Decide with the experiments of this
chapter: answer "true", "false", or the letter of the condition under which it is true.

1. **"storage"**: "`x.requires_grad_(True)` sets aside the memory for the gradient of x."
   (a) only for floats, (b) only if x is a leaf, (c) only if x has more than one entry.
2. **"second call"**: "After a second computation and a second `backward()`, `x.grad` holds the gradient
   of the second result."
   (a) only with `retain_graph=True`, (b) only if `x.grad` was cleared in between, (c) only if both
   results are scalars.
3. **"detach"**: "`x.detach()` takes the values out; what you write into them does not reach x."
   (a) only inside `no_grad()`, (b) only if x is not a leaf, (c) only if `.clone()` follows.
4. **"no_grad"**: "Inside `with torch.no_grad():` a dropout layer drops nothing."
   (a) only if the layer was also put in evaluation mode, (b) only if its input does not require a
   gradient, (c) only if `is_grad_enabled()` was called.
5. **"twice"**: "Calling `backward()` twice on the same result raises an error."
   (a) only if backward needs numbers that the forward pass kept, and the first call freed them, (b) only
   if `.grad` was not cleared, (c) only if the result is not a leaf.
"""

# %% exercise="claims_autograd"
claims_autograd = {
    "storage": "?",
    "second call": "?",
    "detach": "?",
    "no_grad": "?",
    "twice": "?",
}
### BEGIN SOLUTION
claims_autograd = {
    "storage": "false",
    "second call": "b",
    "detach": "c",
    "no_grad": "a",
    "twice": "a",
}
### END SOLUTION

# %% test="claims_autograd"
check.exercise("claims_autograd", points=2)
with check.case("every claim is answered with true, false, a, b or c"):
    claims = ["storage", "second call", "detach", "no_grad", "twice"]
    check.claims(claims_autograd, {claim: ["true", "false", "a", "b", "c"] for claim in claims})
### BEGIN HIDDEN TESTS
with check.case("claims about .grad and backward", points=1, hidden=True):
    expected = {"storage": "false", "second call": "b", "twice": "a"}
    check.right(claims_autograd, expected, "print x.grad at every step, as in section 3")
with check.case("claims about leaving the graph", points=1, hidden=True):
    expected = {"detach": "c", "no_grad": "a"}
    check.right(claims_autograd, expected, "run the cells of section 4 once more")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 2.7: in your own words &nbsp; (2 points, about 5 minutes, marked by your instructor)

A classmate trains a network and wants the mean loss of all steps. In every step, after `loss.backward()`
and the update, the loop does `total = total + loss`, with the tensor `loss`. The training is correct,
but the memory in use grows from step to step. Explain in three or four sentences what is kept alive and
by whom, and name two ways to repair it. Why is it no solution to put the whole loop under `torch.no_grad()`?
"""

# %% [markdown] written="graph" points=2
r"""
**Model answer.** `loss` is not a leaf: it remembers the step that made it, and through it the graph of
its forward pass. `total + loss` is recorded too, so `total` holds on to the graph of every step so far,
and none of them can be thrown away. (`backward` has freed the numbers that were kept for it, but the
graph itself stays, and grows.) It helps to add only the number: `total += loss.item()`, or `total +=
loss.detach()`, or to do the addition inside `no_grad`. With the whole loop under `no_grad` nothing is
recorded, so `loss.backward()` raises an error and nothing is learned.

**Mark scheme.** 1 point: says that `total` keeps the graphs of all steps alive, because the addition is
recorded or because `loss` carries its graph. ½ point: two working ways (`item()`, `float(loss)`,
`detach()`, only the addition under `no_grad`); one way earns ¼. ½ point: without recording there is no
gradient, or `backward` fails.
"""

# %% [markdown]
r"""
**A good place to stop.** What follows needs nothing but `numerical_grad` and the chain rule of section 2.
"""

# %% [markdown]
r"""
## 7 When the result is not one number

The layers of a network return many numbers. Take **softmax**, which you will meet again in chapter 4. It turns any k
scores into k shares that are positive and add up to 1: take exp of each, and divide by the sum of all. In numbers:
"""

# %%
x = torch.tensor([2.0, 1.0, 0.0], dtype=torch.float64, requires_grad=True)


def rounded(tensor):
    return [round(number, 3) for number in tensor.tolist()]


exps = x.exp()
p = exps / exps.sum()
print("scores:", rounded(x), " exp:", rounded(exps), " sum:", round(exps.sum().item(), 3))
print("shares:", rounded(p), " torch.softmax:", rounded(torch.softmax(x, dim=0)))
nudged = torch.softmax(x + torch.tensor([0.01, 0.0, 0.0]), dim=0)
print("slopes for the first score, about:", rounded((nudged - p) / 0.01))

# %% [markdown]
r"""
The first score moved and *all three* shares moved: the first up, the others down. With 3 outputs and 3 inputs there are
9 slopes. Their table is the **Jacobian**, $J_{ij} = \partial p_i / \partial x_j$, one row per output. The quotient
rule gives it, with $p_i = e^{x_i} / S$ and $S = \sum_j e^{x_j}$:

$$i = j:\quad \frac{e^{x_i} S - e^{x_i} e^{x_i}}{S^2} = p_i\,(1 - p_i),
\qquad\qquad i \neq j:\quad \frac{0 \cdot S - e^{x_i} e^{x_j}}{S^2} = -p_i\,p_j$$

In one formula, $J_{ij} = p_i\,(\delta_{ij} - p_j)$, where $\delta_{ij}$ is 1 if $i = j$ and 0 otherwise.
"""

# %% tags=["experiment"]
jacobian = torch.autograd.functional.jacobian(lambda x: torch.softmax(x, dim=0), x.detach())  # (3, 3)
assert torch.allclose(jacobian, torch.diag(p) - torch.outer(p, p))
cu.plots.heatmap(
    jacobian,
    rows=[f"p{i}" for i in range(3)],
    columns=[f"x{j}" for j in range(3)],
    title="The 9 slopes of softmax: every row and column adds up to 0",
    alt="A 3 by 3 table, red on the diagonal and blue elsewhere",
    centre_zero=True,
)

# %% [markdown]
r"""
The first column is what the nudge measured. Nobody builds this table for a real layer: 1,000 inputs, 1,000 outputs and
100 examples would make it $100{,}000 \times 100{,}000 = 10^{10}$ entries. And nobody needs it, because at the end there
*is* one number, the loss $L$. The later steps only have to say how $L$ changes with each output: $g_i = \partial L /
\partial p_i$. Each $x_j$ has a path through every output, and the paths add up:

$$\frac{\partial L}{\partial x_j} = \sum_i g_i\, J_{ij},\qquad
g\,: (3,),\quad J : (3, 3),\quad g J : (3,).$$

A row times a table: a **vector-Jacobian product**, VJP. This is what `p.backward(g)` computes, for any $g$ of the shape
of $p$. It is the gradient of the single number $\sum_i g_i p_i$.
"""

# %% tags=["experiment"]
g = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)


def gradient_left_by(make, *weights):
    """What backward(*weights) leaves in x.grad."""
    x.grad = None
    make().backward(*weights)
    return rounded(x.grad)


try:
    torch.softmax(x, dim=0).backward()
except RuntimeError as error:
    print("RuntimeError:", error)
print("p.backward(g):            ", gradient_left_by(lambda: torch.softmax(x, dim=0), g))
print("(g * p).sum().backward(): ", gradient_left_by(lambda: (g * torch.softmax(x, dim=0)).sum()))
print("g @ Jacobian:             ", rounded(g @ jacobian))
print("(x**2).backward(ones):    ", gradient_left_by(lambda: x**2, torch.ones_like(x)))
print("(x**2).sum().backward():  ", gradient_left_by(lambda: (x**2).sum()))

# %% [markdown]
r"""
With all ones for $g$, the weighted sum is the plain sum of the outputs. It gives neither a direction nor the slopes of
single outputs, unless the function is element-wise: then each output has an input of its own.

**But do not test with ones.** Here are two wrong ways to go back through softmax, judged by your `numerical_grad`, once
with $g$ all ones and once with other numbers:
"""

# %% tags=["experiment"]
measured = cu.yours(numerical_grad, instead=lambda f, x: torch.func.grad(f)(x))
WAYS = {
    "return zeros": lambda p, g: torch.zeros_like(p),
    "p * (g - mean of g)": lambda p, g: p * (g - g.mean()),
}
for name, tried in {"ones": torch.ones(3, dtype=torch.float64), "other": g}.items():
    truth = measured(lambda x, g=tried: (g * torch.softmax(x, dim=0)).sum(), x.detach())
    for way, vjp in WAYS.items():
        agrees = torch.allclose(vjp(p.detach(), tried), truth, atol=1e-6)
        print(f"g {name:6} {way:20} {'passes the test' if agrees else 'is found out'}")

# %% [markdown]
r"""
The shares always add up to 1. Their sum is a constant, its gradient is zero, and a function that returns zeros is
"right". The checks of `matmul_vjp` and `softmax_vjp` use a random $g$ for this reason.

### Exercise 2.8: `unbroadcast` &nbsp; (3 points, about 12 minutes, ★★★)

A bias of shape (3,) was added to a table of shape (2, 3). Broadcasting used each entry of the bias twice, once per row,
so two paths lead from it to the result. If $g$ is `[[1, 2, 3], [10, 20, 30]]`, the gradient of the bias is
`[11, 22, 33]`: each entry of the small tensor receives the sum of $g$ over all the places where it was used. Write this
for any two shapes.

<details><summary>Hint 1</summary>

Broadcasting does two things (chapter 1): it puts missing axes on the **left**, and it stretches axes of
length 1. Undo both.

<details><summary>Hint 2</summary>

`g.dim() - len(shape)` axes on the left are too many: sum them away. After that, wherever `shape` has a
1, sum that axis and keep it: `keepdim=True`. Where there is nothing to sum, do not call `sum`: with an
empty list of axes, `g.sum(dim=())`, it adds up everything.

</details></details>
"""


# %% exercise="unbroadcast"
def unbroadcast(g, shape):
    """Sum g down to `shape`: the reverse of broadcasting `shape` to g's shape.

    g: float tensor. shape: tuple of ints (or torch.Size) that broadcasts to g's shape.
    Returns a tensor of that shape and g's dtype; g is unchanged.
    """
    ### BEGIN SOLUTION
    for _ in range(g.dim() - len(shape)):
        g = g.sum(dim=0)
    for axis, length in enumerate(shape):
        if length == 1:
            g = g.sum(dim=axis, keepdim=True)
    return g
    ### END SOLUTION


# %% test="unbroadcast"
check.exercise("unbroadcast", points=3)
with check.case("sums over the axes that broadcasting put on the left", points=1):
    g = torch.tensor([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0], [5.0, 6.0, 7.0]])
    wrong = {"the mean is not the sum: the slopes of several paths add up": g.mean(0)}
    wrong["summed over the wrong axis: shapes are lined up from the right"] = g.sum(1)
    wrong["only one of the places is used; all of them have to be added up"] = g[0]
    found = check.unchanged(unbroadcast, g, (3,))
    check.close(found, g.sum(0), "g of shape (3, 3), asked down to shape (3,)", known=wrong)
    check.close(unbroadcast(g, ()), torch.tensor(84.0), "g of shape (3, 3), asked down to shape ()")
    check.like(unbroadcast(g.double(), (3,)), torch.zeros(3, dtype=torch.float64))
with check.case("sums over the axes that broadcasting stretched, and keeps them", points=1):
    g = torch.tensor([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    same = "g of shape (2, 3), asked down to shape (2, 3): nothing was broadcast, so nothing is summed"
    empty = {f"{same}; with an empty list of axes, sum adds up everything": torch.tensor(66.0)}
    check.close(unbroadcast(g, (2, 3)), g, same, known=empty)
    wrong = {"the stretched axis is gone: keep it, with length 1": torch.tensor([6.0, 60.0])}
    wrong["the mean is not the sum: the slopes of several paths add up"] = g.mean(1, keepdim=True)
    wrong["only one of the places is used; all of them have to be added up"] = g[:, :1]
    found = check.unchanged(unbroadcast, g, (2, 1))
    check.close(found, torch.tensor([[6.0], [60.0]]), "g of shape (2, 3), asked down to (2, 1)", known=wrong)
    for shape, expected in {(1, 3): [[11.0, 22.0, 33.0]], (1, 1): [[66.0]]}.items():
        says = f"g of shape (2, 3), asked down to {shape}"
        check.close(unbroadcast(g, shape), torch.tensor(expected), says)
    found = unbroadcast(check.uniform((4, 2, 3), 1, 1), (2, 1))
    check.close(found, torch.full((2, 1), 12.0), "g of shape (4, 2, 3), asked down to shape (2, 1)")
### BEGIN HIDDEN TESTS
with check.case("the same on other shapes", points=1, hidden=True):
    shapes = [((3, 1, 2), (3, 4, 2)), ((4, 1), (5, 3, 4, 6)), ((1,), (7,)), ((1, 1, 3), (2, 4, 3))]
    shapes += [((2, 2), (2, 2, 2)), ((1, 5), (1, 5)), ((), ())]
    calls = [(check.normal(large, dtype=torch.float64), torch.Size(small)) for small, large in shapes]
    results = check.in_turn(unbroadcast, calls, unchanged=True)
    for (small, large), (g, _), found in zip(shapes, calls, results):
        leaf = torch.zeros(small, dtype=torch.float64, requires_grad=True)
        (expected,) = torch.autograd.grad(leaf.expand(large), leaf, g)
        check.close(found, expected, f"g of shape {large}, asked down to shape {small}")
        check.like(found, expected)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Three small tensors are added to one table of shape (4, 3). Does your VJP agree with your measured gradient?
"""

# %% tags=["experiment"]
back = cu.yours(unbroadcast, instead=lambda g, shape: g.sum_to_size(shape))
measured = cu.yours(numerical_grad, instead=lambda f, x: torch.func.grad(f)(x))
draw = torch.Generator().manual_seed(2)
table, g = (torch.randn(4, 3, dtype=torch.float64, generator=draw) for _ in range(2))
for name, shape in {"one for each column": (3,), "one for each row": (4, 1), "one for all": ()}.items():
    small = torch.zeros(shape, dtype=torch.float64)
    truth = measured(lambda small: ((table + small) * g).sum(), small)
    print(f"{name:20} agree: {torch.allclose(back(g, shape), truth)}")

# %% [markdown]
r"""
### Exercise 2.9: `matmul_vjp` &nbsp; (2 points, about 8 minutes, ★★☆)

A layer computes $C = A B$. The loss has told us $g = \partial L / \partial C$. What does it say about
$A$ and about $B$?

$$C_{ij} = \sum_l A_{il} B_{lj},\qquad A : (n, k),\quad B : (k, m),\quad C, g : (n, m).$$

<details><summary>Hint 1</summary>

Which entries of $C$ does $A_{il}$ have a part in, and with which factor? Add up the paths: $\sum_j
g_{ij} B_{lj}$.

<details><summary>Hint 2</summary>

That sum is itself a matrix product. Which one can be read off from the shapes: (n, k) has to come from
(n, m) and (k, m). But if all matrices are square, shapes will not warn you.

</details></details>
"""


# %% exercise="matmul_vjp"
def matmul_vjp(A, B, g):
    """The gradients of sum((A @ B) * g) with respect to A and to B.

    A: float (n, k), B: float (k, m), g: float (n, m), all of one dtype.
    Returns (gA, gB), of the shapes and the dtype of A and B. A, B and g are unchanged.
    """
    ### BEGIN SOLUTION
    return g @ B.T, A.T @ g
    ### END SOLUTION


# %% test="matmul_vjp"
check.exercise("matmul_vjp", points=2)
with check.case("sends g back to both factors", points=1):
    A, B, g = (check.normal((3, 3), dtype=torch.float64) for _ in range(3))
    pair, ones = check.unchanged(matmul_vjp, A, B, g), torch.ones_like(g)
    check.that(pair is not None, "should be the pair (gA, gB), found None: is there a return?")
    check.that(not isinstance(pair, torch.Tensor), "should be the pair (gA, gB), found one tensor")
    gA, gB = pair
    wrong = {"the gradient for A is transposed": (g @ B.T).T, "A gets a matrix product, not a `*`": g * B.T}
    wrong["the gradient for A lacks the transpose of B"] = g @ B
    wrong["the gradient for A has its factors in the wrong order"] = B.T @ g
    wrong["the gradient for A takes g as all ones"] = ones @ B.T
    wrong["the gradient for A is a mean: the paths add up"] = g @ B.T / 3
    wrong["the two gradients are in the wrong order: A's comes first"] = A.T @ g
    check.close(gA, torch.einsum("ij,lj->il", g, B), "the gradient for A is wrong", known=wrong)
    wrong = {"the gradient for B is transposed": (A.T @ g).T, "B gets a matrix product, not a `*`": A.T * g}
    wrong["the gradient for B lacks the transpose of A"] = A @ g
    wrong["the gradient for B has its factors in the wrong order"] = g @ A.T
    wrong["the gradient for B takes g as all ones"] = A.T @ ones
    wrong["the gradient for B is a mean: the paths add up"] = A.T @ g / 3
    check.close(gB, torch.einsum("il,ij->lj", A, g), "the gradient for B is wrong", known=wrong)
with check.case("keeps the shapes and the dtype of A and B", points=0.5):
    calls = []
    for n, k, m in ((2, 3, 4), (1, 5, 1), (4, 1, 2)):
        for dtype in (torch.float32, torch.float64):
            calls.append([check.normal(shape, dtype=dtype) for shape in ((n, k), (k, m), (n, m))])
    for (A, B, _), (gA, gB) in zip(calls, check.in_turn(matmul_vjp, calls)):
        check.like(gA, A)
        check.like(gB, B)
### BEGIN HIDDEN TESTS
with check.case("the same on other matrices", points=0.5, hidden=True):
    calls = []
    for n, k, m in ((2, 3, 4), (6, 2, 1), (1, 1, 1), (3, 7, 3)):
        calls.append([check.normal(shape, dtype=torch.float64) for shape in ((n, k), (k, m), (n, m))])
    for (A, B, g), (gA, gB) in zip(calls, check.in_turn(matmul_vjp, calls, unchanged=True)):
        check.close(gA, torch.einsum("ij,lj->il", g, B), "the gradient for A is wrong", strict=True)
        check.close(gB, torch.einsum("il,ij->lj", A, g), "the gradient for B is wrong", strict=True)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Somebody multiplied a table $A$ by a secret matrix and shows you the product $C$. Begin
with $B = 0$ and walk down $L = \frac12 \sum (A B - C)^2$: here $g = A B - C$, and your VJP does the rest.
"""

# %% tags=["experiment"]
both = cu.yours(matmul_vjp, instead=lambda A, B, g: torch.autograd.functional.vjp(torch.matmul, (A, B), g)[1])
draw = torch.Generator().manual_seed(3)
A, secret = torch.randn(20, 3, generator=draw), torch.randn(3, 2, generator=draw)
C, B, losses = A @ secret, torch.zeros(3, 2), []
for _ in range(30):
    g = A @ B - C  # (20, 2)
    losses.append(0.5 * (g**2).sum().item())
    B = B - 0.05 * both(A, B, g)[1]
assert losses[-1] < 1e-3 * losses[0]
print("secret found, to two decimal places:", torch.allclose(B, secret, atol=0.005))
cu.plots.curves(
    {"loss": losses},
    x="step",
    log_y=True,
    title="Learning a matrix with your own backward pass",
    alt="The loss falls along a nearly straight line on a logarithmic axis",
    marker="",
)

# %% [markdown]
r"""
### Exercise 2.10: `softmax_vjp` &nbsp; (3 points, about 12 minutes, ★★★)

Compute $g J$ for softmax over the last axis, with the Jacobian from the beginning of this section.
`torch.softmax` is allowed. Autograd is switched off while your answer runs, and so are the tools that
are built on it, such as `torch.func.vjp` and `torch.func.jacfwd`.

<details><summary>Hint 1</summary>

Put $J_{ij} = p_i(\delta_{ij} - p_j)$ into $\sum_i g_i J_{ij}$ and multiply out: two sums. In the first,
$\delta_{ij}$ leaves one term only. In the second, $p_j$ can be taken out of the sum.

<details><summary>Hint 2</summary>

What is left of the second sum, $\sum_i g_i p_i$, is one number per row. It has to broadcast against the
row: `keepdim=True`.

</details></details>
"""


# %% exercise="softmax_vjp"
def softmax_vjp(x, g):
    """The gradient of sum(softmax(x, -1) * g) with respect to x, without autograd.

    x, g: float tensors of one shape (..., k) and one dtype.
    Returns a tensor of that shape and dtype; x and g are unchanged.
    """
    ### BEGIN SOLUTION
    p = torch.softmax(x, dim=-1)
    return p * (g - (g * p).sum(dim=-1, keepdim=True))  # (..., k) - (..., 1)
    ### END SOLUTION


# %% test="softmax_vjp"
check.exercise("softmax_vjp", points=3)
with check.case("multiplies g by the Jacobian of every row", points=1):
    x, g = check.normal((4, 4), dtype=torch.float64), check.normal((4, 4), dtype=torch.float64)
    p = torch.softmax(x, -1)
    table = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]  # (4, k, k), the Jacobian of each row
    expected = torch.einsum("ni,nij->nj", g, table)
    down = torch.softmax(x, 0)
    with check.without("autograd"):
        found = check.unchanged(softmax_vjp, x, g)
    wrong = {"only the Jacobian's diagonal is used: each output depends on every input": g * p * (1 - p)}
    wrong["g is taken as all ones: that is the gradient of a plain sum, which is 0"] = torch.zeros(4, 4)
    wrong["g is not used: these are the slopes p * (1 - p)"] = p * (1 - p)
    wrong["the second sum is missing: p * g is only half of it"] = p * g
    wrong["p, the factor in front, is missing"] = g - (g * p).sum(-1, keepdim=True)
    wrong["it is softmax over the first axis; the last one is asked for"] = down * (g - (g * down).sum(0))
    wrong["all rows are mixed: the sum runs along the last axis only"] = p * (g - (g * p).sum())
    wrong["the sum of each row meets the wrong row: keepdim=True"] = p * (g - (g * p).sum(-1))
    wrong["it is the sum of g times p, not of g"] = p * (g - g.sum(-1, keepdim=True))
    wrong["it is the sum of g times p, not the mean of g"] = p * (g - g.mean(-1, keepdim=True))
    wrong["softmax runs over the last axis, too, like the sum"] = down * (
        g - (g * down).sum(-1, keepdim=True)
    )
    wrong["one p belongs inside the sum: p times the sum of g * p"] = p * g - p * p * g.sum(-1, keepdim=True)
    wrong["it is the sum of g times p, not the mean"] = p * (g - (g * p).mean(-1, keepdim=True))
    inside = p * g - (p * g).sum(-1, keepdim=True)
    wrong["the factor p is inside the sum only: it is p * g minus p times the sum"] = inside
    wrong["the sign is wrong"] = -expected
    wrong["the sign of the second sum is wrong: it is taken away"] = p * (g + (g * p).sum(-1, keepdim=True))
    table_wide = x.exp() / x.exp().sum()
    inner = (g * table_wide).sum(-1, keepdim=True)
    wrong["exp is divided by the sum of the whole table; each row has its own sum"] = table_wide * (g - inner)
    wrong["this goes back through log_softmax; it is softmax"] = g - p * g.sum(-1, keepdim=True)
    wrong["softmax is forgotten: p is softmax(x), not x"] = x * (g - (g * x).sum(-1, keepdim=True))
    check.close(found, expected, known=wrong, strict=True)
with check.case("takes any number of axes, also k = 1, and keeps shape and dtype", points=1):
    calls = [(check.normal(shape), check.normal(shape)) for shape in ((5,), (2, 3), (2, 3, 4), (3, 1))]
    expected = [torch.autograd.functional.vjp(lambda x: torch.softmax(x, -1), x, g)[1] for x, g in calls]
    with check.without("autograd"):
        for found, right in zip(check.in_turn(softmax_vjp, calls, unchanged=True), expected):
            check.close(found, right, strict=True)
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers", points=1, hidden=True):
    shapes, double = ((7,), (1, 1), (6, 10), (2, 2, 2, 5)), torch.float64
    calls = [
        (check.normal(shape, std=2.0, dtype=double), check.normal(shape, dtype=double)) for shape in shapes
    ]
    expected = [torch.autograd.functional.vjp(lambda x: torch.softmax(x, -1), x, g)[1] for x, g in calls]
    with check.without("autograd"):
        for found, right in zip(check.in_turn(softmax_vjp, calls), expected):
            check.close(found, right, strict=True)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**A whole backward pass.** A classifier computes `softmax(X @ W + b)`. Your three VJPs, one after the other, go back
through it; your `numerical_grad` judges the result:
"""

# %% tags=["experiment"]
through_softmax = cu.yours(
    softmax_vjp,
    instead=lambda x, g: torch.autograd.functional.vjp(lambda x: torch.softmax(x, -1), x, g)[1],
)
through_product = cu.yours(
    matmul_vjp, instead=lambda A, B, g: torch.autograd.functional.vjp(torch.matmul, (A, B), g)[1]
)
through_sum = cu.yours(unbroadcast, instead=lambda g, shape: g.sum_to_size(shape))
measured = cu.yours(numerical_grad, instead=lambda f, x: torch.func.grad(f)(x))
draw = torch.Generator().manual_seed(4)
X, W, b, g = (torch.randn(s, dtype=torch.float64, generator=draw) for s in ((5, 4), (4, 3), (3,), (5, 3)))


def loss(W, b):
    return (torch.softmax(X @ W + b, dim=-1) * g).sum()


g_scores = through_softmax(X @ W + b, g)  # (5, 3)
g_W = through_product(X, W, g_scores)[1]  # (4, 3)
g_b = through_sum(g_scores, b.shape)  # (3,)
for name, mine, truth in (
    ("W", g_W, measured(lambda W: loss(W, b), W)),
    ("b", g_b, measured(lambda b: loss(W, b), b)),
):
    print(f"{name} {tuple(mine.shape)}: differences below 1e-8: {bool((mine - truth).abs().max() < 1e-8)}")

# %% [markdown]
r"""
## 8 Your own autograd

You can write autograd in fifty lines. Yours works with single numbers, and you build it in three stages: a number that
**records** how it was made; the records **in order**; the walk **backward**.

What must one step record? Its inputs, and the slope for each of them. For $6 = 3 \cdot 2$ that is: "made from $w$ with
slope 2, and from $x$ with slope 3". But how do the lines `w * x` and `u + b` come to run *your* code? Python looks for a
method with a fixed name in the class, so the operators are methods that you write:

| you write | Python calls | you write | Python calls |
|---|---|---|---|
| `a + b` | `a.__add__(b)` | `3 + b` | `b.__radd__(3)` |
| `a - b` | `a.__sub__(b)` | `3 - b` | `b.__rsub__(3)` |
| `a * b` | `a.__mul__(b)` | `3 * b` | `b.__rmul__(3)` |
| `a / b` | `a.__truediv__(b)` | `3 / b` | `b.__rtruediv__(3)` |
| `a ** n` | `a.__pow__(n)` | `-a` | `a.__neg__()` |

The right operand can also be a plain number. The smallest way to treat both alike is to wrap the number first. Here is
a class that can be added, and remembers inputs, but knows nothing of slopes:
"""


# %%
class Total:
    """A number that remembers the two inputs of the addition that made it."""

    def __init__(self, data, inputs=()):
        self.data = data
        self.inputs = inputs

    def __add__(self, other):
        other = other if isinstance(other, Total) else Total(other)
        return Total(self.data + other.data, inputs=(self, other))

    def __radd__(self, number):  # number + self: Python asks the number first, which does not know Total
        return self + number


total = 3 + Total(2.0) + 7
print(total.data, "made from", [value.data for value in total.inputs])

# %% [markdown]
r"""
### Exercise 2.11: `Recorded` &nbsp; (3 points, about 24 minutes, ★★☆)

Write the operators. The constructor and the helper `made` are there; make each result with `self.made(...)`, so that
it has the class of `self`. In `x = Recorded(2.0)`, `y = 3 * x`, the list `y.made_from` then contains the pair `(x, 3)`.

<details><summary>Hint 1: fewer operations</summary>

Only `+`, `*`, `**` and the four functions need slopes of their own: $a - b = a + (-1) \cdot b$ and $a /
b = a \cdot b^{-1}$. For a number on the left, Python calls `__radd__`, `__rsub__`, `__rmul__` and
`__rtruediv__` of the number on the right.

<details><summary>Hint 2: an example</summary>

`exp` is its own slope: compute `result = math.exp(self.data)`, and return `self.made(result, (self, result))`. The
other slopes are in the table of section 2; in Python: `math.log`, `math.tanh`.

</details></details>
"""


# %% exercise="Recorded"
class Recorded:
    """A number that records how it was made.

    + - * / take Recorded and plain numbers on either side, ** a constant number as exponent (2 ** v is not asked
    for), and there are unary minus, .relu(), .exp(), .log() and .tanh(). Each returns a new number, made with
    `made`; nothing else changes.
    .data: the number. .grad: 0.0 for now. .made_from: a list of pairs (input, slope), one for each Recorded that
    went into the step, with the slope of the result for this input; empty for a leaf. An operation may be made of
    others, such as a - b of a + (-b); then its inputs are the results of those.
    """

    def __init__(self, data, made_from=()):
        self.data = data
        self.grad = 0.0
        self.made_from = list(made_from)

    def made(self, data, *made_from):
        """A new number of the class of self, made from these pairs (input, slope)."""
        return type(self)(data, made_from)

    def __add__(self, other):
        ### BEGIN SOLUTION
        other = other if isinstance(other, Recorded) else self.made(other)
        return self.made(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Recorded) else self.made(other)
        return self.made(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, exponent):
        return self.made(self.data**exponent, (self, exponent * self.data ** (exponent - 1)))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -other

    def __truediv__(self, other):
        return self * other**-1

    def __radd__(self, number):
        return self + number

    def __rmul__(self, number):
        return self * number

    def __rsub__(self, number):
        return -self + number

    def __rtruediv__(self, number):
        return self**-1 * number

    def relu(self):
        return self.made(max(self.data, 0.0), (self, float(self.data > 0)))

    def exp(self):
        result = math.exp(self.data)
        return self.made(result, (self, result))

    def log(self):
        return self.made(math.log(self.data), (self, 1 / self.data))

    def tanh(self):
        result = math.tanh(self.data)
        return self.made(result, (self, 1 - result**2))
        ### END SOLUTION


# %% test="Recorded"
check.exercise("Recorded", points=3)
with check.case("computes like a number, with numbers on either side", points=1):
    heir = type("Heir", (Recorded,), {})  # inherits the operators, as Value will

    def computed(expression):
        """The result, its .data, and whether what went into it is as before."""
        v, w = heir(-2.0), heir(4.0)
        result = check.expression(expression, v=v, w=w)
        same = (v.data, w.data, v.grad, w.grad) == (-2.0, 4.0, 0.0, 0.0) and not (v.made_from or w.made_from)
        return result, result.data if isinstance(result, Recorded) else None, same

    data = dict(zip(["v + w", "v * w", "-v", "v - w", "v / w"], [2.0, -8.0, 2.0, -6.0, -0.5]))
    data |= dict(zip(["v + 3", "3 + v", "v - 3", "3 - v", "3 * v"], [1.0, 1.0, -5.0, 5.0, -6.0]))
    data |= dict(zip(["v * 0.5", "v / 4", "3 / w", "v ** 3"], [-1.0, -0.5, 0.75, -8.0]))
    data |= dict(zip(["w ** 0.5", "w ** -1", "v.relu()", "w.relu()"], [2.0, 0.25, 0.0, 4.0]))
    data |= {"v.exp()": math.exp(-2.0), "w.log()": math.log(4.0), "v.tanh()": math.tanh(-2.0)}
    results = check.in_turn(computed, [(expression,) for expression in data])
    for (expression, expected), (result, found, same) in zip(data.items(), results):
        check.that(isinstance(result, Recorded), f"`{expression}` should be a Recorded")
        own = f"`{expression}` should have the class of self, which may be another one: use self.made(...)"
        check.that(isinstance(result, heir), own)
        check.that(same, f"`{expression}` changed the number that went into it")
        check.close(found, expected, f"the .data of {expression} is wrong, for v = -2 and w = 4")
with check.case("records the slope of every operation", points=1):
    share, power = math.tanh(-2.0), "the slope of v ** n is n * v ** (n - 1)"
    # First the operations that others may be made of.
    slopes = {
        "3 + v": 1.0,
        "v + w": 1.0,
        "w + v": 1.0,
        "v + v": 2.0,
        "3 * v": 3.0,
        "v * w": 4.0,
        "v * v": -4.0,
    }
    slopes |= {"v ** 3": 12.0, "v ** -2": 0.25, "-v": -1.0, "v.exp()": math.exp(-2.0), "(-v).log()": -0.5}
    slopes |= {"v.tanh()": 1 - share**2, "v.relu()": 0.0, "(-v).relu()": -1.0, "(v + 2.01).relu()": 1.0}
    slopes |= {"(v + 1.99).relu()": 0.0, "v - 3": 1.0, "3 - v": -1.0, "w - v": -1.0, "w / v": -1.0}
    slopes |= {"v / 4": 0.25, "3 / v": -0.75, "(v * v - v).relu()": -5.0}
    factor = {"the slope of a product for one factor is the other factor": -2.0}
    usual = {"3 * v": factor, "v * w": factor}
    usual["v ** 3"] = {
        f"{power}; this is n * v ** n": -24.0,
        f"{power}; this is n": 3.0,
        f"{power}; n is missing": 4.0,
    }
    usual["v.tanh()"] = {"the slope of tanh is 1 - tanh(v) ** 2; the square is missing": 1 - share}
    usual["v.tanh()"]["the slope of tanh is 1 - tanh(v) ** 2, not 1 - v ** 2"] = -3.0
    usual["v.relu()"] = {"the slope of relu is 0 for a negative number": 1.0}
    usual["(-v).relu()"] = {"the slope of relu is 1 for a positive number, not the number": -2.0}
    usual["w - v"] = {"what is subtracted has the slope -1": 1.0}
    usual["w / v"] = {"the slope of w / v for v is -w / v ** 2; the square is missing": 2.0}
    recorded = check.recorded_slopes(slopes, Recorded, v=-2.0, w=4.0)
    for (expression, slope), found in zip(slopes.items(), recorded):
        wrong = dict(usual.get(expression, {}))
        if slope:
            none = f"v is not among the inputs of {expression}: .made_from holds none that leads to it"
            wrong[f"{none}, or one with slope 0"] = 0.0
        if expression in ("v + v", "v * v"):
            wrong[f"{expression} has v as both of its inputs, and only one of them is recorded"] = slope / 2
        check.close(found, slope, f"the slope of {expression} for v is wrong, at v = -2, w = 4", known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers", points=1, hidden=True):
    texts = ["v / w - w / v", "(v * w + 1) ** 2", "(v * v).log()", "(1 - v).relu() - (v - w).tanh()"]

    def data_of(text, v, w):
        return check.expression(text, v=Recorded(v), w=Recorded(w)).data

    for v, w in ((0.7, 2.5), (-1.3, 0.4), (3.0, -0.6)):
        found = check.in_turn(data_of, [(text, v, w) for text in texts])
        recorded = check.recorded_slopes(texts, Recorded, v=v, w=w)
        for text, data, slope in zip(texts, found, recorded):
            x, other = (torch.tensor(number, dtype=torch.float64) for number in (v, w))
            x.requires_grad_()
            expected = eval(text, {}, {"v": x, "w": other})
            expected.backward()
            check.close(data, expected.item(), f"the .data of {text} is wrong, for v = {v}, w = {w}")
            check.close(slope, x.grad.item(), f"the slope of {text} for v is wrong, at v = {v}, w = {w}")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**The order.** A value may pass its gradient on only after all of it has arrived: in the picture with two paths in
section 2, $a$ has to wait for $b$. An order in which every value comes after all that it was made from is
called a **topological order** (拓扑排序); the backward pass goes through it from its end.

There are two traps. A function that calls itself for every input stops at Python's recursion limit, long before the end
of a chain of 5,000 steps. And a walk that follows every *path* on its own takes too long to end: in `v = v + v`, thirty
times, a billion paths lead from the last value to the first. Visit every *value* once.

### Exercise 2.12: `topological_order` &nbsp; (2 points, about 15 minutes, ★★★)

Your function works for any graph, because it is told how to get from a value to its inputs. For y = a + b with a = 2x
and b = 3a it finds `["x", "a", "b", "y"]`:

```python
graph = {"y": ["a", "b"], "b": ["a"], "a": ["x"], "x": []}
topological_order("y", lambda name: graph[name])
```

<details><summary>Hint 1</summary>

Keep a stack (a list with `append` and `pop`) of what is to be visited. A value may be appended to the order only when
its inputs are in it. So visit each value twice: once to put its inputs on the stack, once to append it.

<details><summary>Hint 2</summary>

Put pairs (value, inputs are done) on the stack. A pair with False that you have seen before is skipped. One that is new
goes back with True, and its inputs go on top of it with False.

</details></details>
"""


# %% exercise="topological_order"
def topological_order(result, inputs_of):
    """All values that lead to result, each once and after all of its inputs; result comes last.

    result: any value that can be a key of a dict. inputs_of: function from a value to a list of its inputs, which
    may name an input twice; an empty list for a leaf. No value leads to itself.
    Returns a list. Long chains (5,000 values) work, and so do values that are used many times.
    """
    ### BEGIN SOLUTION
    order, seen, stack = [], set(), [(result, False)]
    while stack:
        value, inputs_are_done = stack.pop()
        if inputs_are_done:
            order.append(value)
        elif value not in seen:
            seen.add(value)
            stack.append((value, True))
            stack.extend((source, False) for source in inputs_of(value))
    return order
    ### END SOLUTION


# %% test="topological_order"
check.exercise("topological_order", points=2)
with check.case("puts each value after its inputs, and each only once", points=1):
    graphs = [{"u": []}, {"y": ["u"], "u": ["w", "x"], "w": [], "x": []}, {"y": ["x", "x"], "x": []}]
    graphs += [{"y": inputs, "b": ["a"], "a": ["x"], "x": []} for inputs in (["a", "b"], ["b", "a"])]
    graphs.append({6: [5, 3], 5: [1, 4], 4: [3], 3: [1, 2], 2: [1], 1: []})
    check.ordered(topological_order, *graphs)
with check.case("goes through 5,000 values, and visits each once", points=0.5):
    check.ordered(topological_order, {n: [n - 1] if n else [] for n in reversed(range(5000))})
    with check.at_most(
        100_000, "it follows every path on its own, a billion of them; visit every value once"
    ):
        check.ordered(topological_order, {n: [n - 1, n - 1] if n else [] for n in reversed(range(31))})
### BEGIN HIDDEN TESTS
with check.case("the same on other graphs", points=0.5, hidden=True):
    graphs = []
    for size in (5, 12, 60):
        names, picks = [f"v{7 * n % 1000}" for n in range(size)], check.integers((size, 3), 0, 10**6).tolist()
        graphs.append({"end": names})
        graphs[-1] |= {names[n]: [names[pick % n] for pick in picks[n]] if n else [] for n in range(size)}
    check.ordered(topological_order, *graphs)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Torch's own graph is such a graph: each step has `next_functions`, the steps that made its inputs. Your function
puts the first graph of this chapter in order. `AccumulateGrad` is the step that writes into the `.grad` of a leaf.
"""

# %% tags=["experiment"]
w, x, b = (torch.tensor(number, requires_grad=True) for number in (3.0, 2.0, -4.0))
last = ((w * x + b) ** 2).grad_fn


def made_by(step):
    return [before for before, _ in step.next_functions if before is not None]


added = made_by(last)[0]
multiplied, leaf = made_by(added)
by_hand = [*made_by(multiplied), multiplied, leaf, added, last]
order = cu.yours(topological_order, instead=lambda last, inputs_of: by_hand)
names = [type(step).__name__.removesuffix("Backward0") for step in order(last, made_by)]
print("backward goes through:", ", ".join(reversed(names)))

# %% [markdown]
r"""
### Exercise 2.13: `Value` &nbsp; (4 points, about 10 minutes, ★★☆)

Put the parts together. `Value` inherits all operators from your `Recorded`. Only `backward` is missing: it uses
`topological_order`, and should make lines like these work:

```python
x = Value(3.0)
y = (2 * x - 1) / x + x**2 - (-x).exp()
y.backward()
x.grad            # the slope of y at 3
```

Like torch, `backward` *adds* to `.grad`: call it on one result, compute another result from the same `x`, call it on
that one, and `x.grad` holds the sum.

<details><summary>Hint 1</summary>

`inputs_of` is a function from a value to its inputs: the first entry of each pair in its `made_from`.

<details><summary>Hint 2</summary>

What is the gradient of the result with respect to itself? Set it first. Then each value, from the result on, adds to
the `.grad` of its inputs.

</details></details>
"""


# %% exercise="Value"
class Value(Recorded):
    """A number that records how it was made, and can pass a gradient back.

    Value(data): data is a float or an int; no gradient has arrived yet, so .grad is 0.0.
    + - * / take Values and numbers on either side, ** a constant number as exponent, and there are unary minus,
    .relu(), .exp(), .log() and .tanh(). Each returns a new Value.
    .data: the number. .grad: float.
    .backward(): adds to the .grad of every Value that this one was made from the slope of this one with
    respect to it, summed over all paths. Calls on further results add up in .grad, when each result is
    freshly computed from leaves; a second call on one result, or on one that was computed from values of an
    older graph, is not asked for.
    Long chains (5,000 operations) work, and so do values that are used many times.
    """

    def backward(self):
        ### BEGIN SOLUTION
        self.grad = 1.0
        order = topological_order(self, lambda value: [source for source, _ in value.made_from])
        for value in reversed(order):
            for source, slope in value.made_from:
                source.grad += value.grad * slope
        ### END SOLUTION


# %% test="Value"
check.exercise("Value", points=4)


def after_backward(number, *expressions):
    """After backward on each expression of v (also x) and of w, 1: the last result, its .data, and v.grad."""
    v, w = Value(number), Value(1.0)
    for expression in expressions:
        result = check.expression(expression, v=v, x=v, w=w)
        if not isinstance(result, Value):
            return result, None, None
        data = result.data
        result.backward()
    return result, data, v.grad


with check.case("computes like a number, and passes slopes back along one path", points=1):
    whole, real = check.each(lambda number: Value(number).grad, [(2,), (2.0,)])
    check.number(whole, float)
    check.equal(real, 0.0, "before backward, .grad is 0.0")
    expected = {"5 * (3 * v)": (-30.0, 15.0), "v + 3": (1.0, 1.0), "3 - v": (5.0, -1.0), "-v": (2.0, -1.0)}
    expected |= {"3 / v": (-1.5, -0.75), "v ** 3": (-8.0, 12.0), "(-v).log()": (math.log(2.0), -0.5)}
    expected |= {"(v + 2.01).relu()": (0.01, 1.0), "(v + 1.99).relu()": (0.0, 0.0)}
    expected |= {"(3 * v).exp()": (math.exp(-6.0), 3 * math.exp(-6.0))}
    expected |= {"(v / 2).tanh()": (math.tanh(-1.0), 0.5 - 0.5 * math.tanh(-1.0) ** 2)}
    none = "no gradient arrives: does the result get its own, 1? Does the walk begin there, and go on?"
    wrong = {none: 0.0, "gradients are passed on without the slopes; multiply by them": 1.0}
    wrong["slopes are passed on alone; multiply each by the gradient of the value that it belongs to"] = 3.0
    wrong["the result's own gradient is 1, not its value"] = -450.0
    results = check.in_turn(after_backward, [(-2, expression) for expression in expected])
    for (expression, (value, slope)), (result, data, grad) in zip(expected.items(), results):
        known, at = wrong if expression == "5 * (3 * v)" else {}, f"{expression} is wrong, for v = -2"
        other = f"`{expression}` should be a Value: in Recorded, make results with self.made(...)"
        check.that(isinstance(result, Value), other)
        check.close(data, value, f"the .data of {at}")
        check.number(grad, float)
        check.close(grad, slope, f"the slope of {at}", known=known)
with check.case("adds up over all paths, and over calls of backward", points=1):
    early = "a value passed its gradient on before all of it had arrived: it needs a topological order"
    wrong = {early: 2.0, "a gradient replaces the one before; add it to .grad": 6.0}
    wrong["a value passed on twice what arrived once: pass on when all has arrived, and once"] = 10.0
    both = ("(a := 2 * x) + 3 * a", "3 * (a := 2 * x) + a")
    calls = [(5.0, both[0]), (5.0, both[1]), (3.0, "x + x"), (3.0, "x * x"), (3.0, "x * x", "2 * x")]
    grads = (grad for _, _, grad in check.in_turn(after_backward, calls))
    for _ in both:
        check.close(next(grads), 8.0, "y = a + b with a = 2 * x and b = 3 * a has slope 8", known=wrong)
    for expression, slope, once in (("x + x", 2.0, 1.0), ("x * x", 6.0, 3.0)):
        lost = {f"{expression} has x as both of its inputs, and only one of them got its gradient": once}
        check.close(next(grads), slope, f"the slope of {expression} is wrong, at x = 3", known=lost)
    wrong = {"the second backward wiped out the gradient of the first: they add up": 2.0}
    check.close(next(grads), 8.0, "after backward on x * x and then on 2 * x, at x = 3", known=wrong)
with check.case("goes through a chain of 5,000 operations, and visits every value once", points=1):
    _, data, grad = check.made(after_backward, 0.5, "sum([w] * 5000, v)")  # v + w + w + ...
    check.close(data, 5000.5)
    check.close(grad, 1.0)

    def doubled(value, times):
        for _ in range(times):
            value = value + value
        return value

    last = check.made(doubled, x := Value(1.0), 30)
    says = "backward follows every path on its own, a billion of them; visit every value once"
    with check.at_most(100_000, says):
        last.backward()
    check.close(x.grad, 2.0**30, "y = y + y, thirty times, has slope 2 ** 30")
### BEGIN HIDDEN TESTS
with check.case("the same as torch on long expressions", points=1, hidden=True):

    def tangled(a, b, c):
        """The .data of a long expression of three Values or tensors, and then their gradients."""
        d = a * b - 2 * c
        e = d.tanh() + (-(d**2)).exp() / (1 + c**2)
        f = (e * 3 - b).relu() + (b - e * 3).relu() + (c * c + 1.5).log()
        for _ in range(3):
            f = f * e / 2 + d - f**2 / 10
        result = 1 / (f * f + 1) - a / (2 + e * e)
        result.backward()
        return result.data, [a.grad, b.grad, c.grad]

    numbers = check.normal((3,), dtype=torch.float64)
    values = check.each(Value, [(number,) for number in numbers.tolist()])
    leaves = [number.clone().requires_grad_() for number in numbers]
    for data, grads in check.in_turn(tangled, [values] * 2):  # their gradients add up
        right, slopes = tangled(*leaves)
        check.close(data, right, "the .data of a long expression is wrong")
        check.close(grads, torch.stack(slopes), "the .grad in a long expression is wrong")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**What you have built.** The next cell uses *your* `Value` for a network with 8
hidden units and 33 parameters, and teaches it to tell two moons apart by the sign of its score. The loss of a point is
$\log(1 + e^{-s})$, where $s$ is the score times +1 for one moon and −1 for the other: large when the sign is wrong.
"""


# %% tags=["experiment"]
def network_score(parameters, x, y):
    """One hidden layer of 8 tanh units. parameters: 33 numbers of any kind; x, y: numbers."""
    score = parameters[-1]
    for unit in range(8):
        w1, w2, b, out = parameters[4 * unit : 4 * unit + 4]
        score = score + out * (w1 * x + w2 * y + b).tanh()
    return score


def train_on_moons(kind, points, num_steps=80, lr=2.0):
    """Gradient descent on the mean logistic loss. Returns (33 floats, loss before each step)."""
    numbers, losses = torch.randn(33, generator=torch.Generator().manual_seed(0)).tolist(), []
    for _ in range(num_steps):
        parameters = [kind(number) for number in numbers]  # fresh leaves, so no gradient is left over
        loss = kind(0.0)
        for x, y, side in points:
            loss = loss + ((-side * network_score(parameters, x, y)).exp() + 1).log() / len(points)
        loss.backward()
        numbers = [float(parameter.data - lr * parameter.grad) for parameter in parameters]
        losses.append(float(loss.data))
    return numbers, losses


# %% jupyter={"source_hidden": true} tags=["experiment"]
def two_moons(num_points=40):
    """Points on two interlocked half circles: list of (x, y, side), side +1 or -1."""
    noise = 0.1 * torch.randn(num_points, 2, generator=torch.Generator().manual_seed(3))
    angles = torch.linspace(0, math.pi, num_points // 2)
    upper = torch.stack([angles.cos(), angles.sin()], dim=1)
    lower = torch.stack([1 - angles.cos(), 0.5 - angles.sin()], dim=1)
    points = torch.cat([upper, lower]) + noise
    return [(x, y, 1 if i < num_points // 2 else -1) for i, (x, y) in enumerate(points.tolist())]


def draw_moons(ax, numbers, points):
    grid = torch.meshgrid(torch.linspace(-1.2, 1.7, 80), torch.linspace(-1.6, 2.6, 120), indexing="ij")
    ys, xs = grid
    scores = network_score(numbers, xs, ys)
    ax.contourf(
        xs, ys, scores.sign(), levels=[-2, 0, 2], colors=[cu.plots.COLOURS[5], cu.plots.COLOURS[4]], alpha=0.3
    )
    for side, marker, colour in ((1, "o", cu.plots.COLOURS[1]), (-1, "s", cu.plots.COLOURS[0])):
        ax.plot(*zip(*[(x, y) for x, y, s in points if s == side]), marker, color=colour, markersize=6)
    ax.set(title="33 numbers, moved down their slopes, draw this border", xlabel="x", ylabel="y")


moons = two_moons()
kind = cu.yours(Value, instead=lambda number: torch.tensor(number, dtype=torch.float64, requires_grad=True))
trained, losses = train_on_moons(kind, moons)
cu.plots.curves(
    {"loss": losses}, x="step", title="Trained with your own autograd", alt="A falling loss curve"
)
cu.plots.figure(
    lambda ax: draw_moons(ax, trained, moons),
    alt="Two interlocked half moons on two coloured regions",
    height=3.4,
)
right = sum(side * network_score(torch.tensor(trained), x, y).item() > 0 for x, y, side in moons)
assert right >= 38 and losses[-1] < losses[0] / 2
print("At least 38 of 40 points are on the right side, and the loss has more than halved.")

# %% [markdown]
r"""
Torch does the same with tensors in place of single numbers, and with a few hundred operations in place
of your seven.

## Recap

- Down is against the gradient; how far you go is the learning rate.
- A numerical gradient is simple and slow: central differences, float64, $h \approx 10^{-5}$.
- Slopes along a path multiply, and the slopes of several paths add up. Backpropagation does this for all inputs in one
  backward pass, at the price of a few runs and of memory.
- Torch records the steps that were taken. `backward` adds the result to the `.grad` of the leaves.
- `detach()`, `clone()`, `no_grad()` and `eval()` are four different tools. Two questions tell them apart:
  whose numbers are these, and is the step recorded?
- For results that are not one number, backward computes vector-Jacobian products. Test them with a random vector.
- A result keeps its graph alive for as long as you keep the result.

**What people get wrong.** They read `.grad` without knowing which calls of `backward` have written into it; write into
one tensor and are surprised that another one changed; follow one path and forget the other; trust a gradient because it
passed a test with `.sum()`; use `eval()` where `no_grad()` is meant; take the smallest `h` for the best; and trust a
numerical slope at a kink, such as relu at 0, where there is none.

**Read on.** [PyTorch: autograd mechanics](https://pytorch.org/docs/stable/notes/autograd.html) · [Dive
into Deep Learning: automatic differentiation](https://d2l.ai/chapter_preliminaries/autograd.html) ·
[Baydin and others: Automatic differentiation in machine learning, a
survey](https://arxiv.org/abs/1502.05767) · [micrograd, an engine like
yours](https://github.com/karpathy/micrograd).

**Next:** [`03_linear_regression`](../03_linear_regression/linear_regression.ipynb), where you walk down a real
loss.
"""
