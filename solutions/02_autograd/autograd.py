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

**Time:** about 5 hours. **You need:** chapter `01_tensors`, and the derivative from school. **Points:** 30.

A network learns by asking one question again and again: *if I change this number a little, does the
error go up or down?* A network has millions of numbers, so the answer must come fast. After this chapter
you can

- **measure** a derivative without any calculus, and **say** how exact the measurement is;
- **draw** the graph that torch records, and **follow** the chain rule back through it;
- **predict** what is in `.grad`: after one call of `backward`, after two, and after none;
- **write** the backward step of a sum, of a matrix product and of softmax by hand;
- **build** your own small autograd, and **train** a network with it.

| English | 中文 | what it is |
|---|---|---|
| derivative, slope | 导数，斜率 | how fast a function changes where you stand |
| partial derivative | 偏导数 | the same, when only one of many inputs moves |
| gradient | 梯度 | all partial derivatives of one number, in the shape of the input |
| chain rule | 链式法则 | slopes along a path multiply; slopes of several paths add up |
| computational graph | 计算图 | what was computed from what |
| leaf | 叶子节点 | a tensor that no recorded computation made |
| backward pass | 反向传播 | walking through the graph from the result to the leaves |
| to accumulate | 累加 | to add to what is already there |
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

# %% [markdown]
r"""
## 1 Which way is down?

You stand on a curve, in fog. You cannot see the valley. You can only feel the height under your feet, and
the height one small step to the left or to the right. Which way do you go?
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def height(x):
    """The curve of sections 1 and 4. x: float tensor of any shape."""
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
and you go left. **Down is against the sign of the slope.** The slope also says how steep it is here.

How do we get the slope without a formula for it? As in the fog: make a small step $h$ and compare
heights. Two ways come to mind.

$$\text{forward:}\quad \frac{f(x + h) - f(x)}{h}
\qquad\qquad
\text{central:}\quad \frac{f(x + h) - f(x - h)}{2h}$$

School says: the smaller $h$, the better. Let us not believe it but measure. The derivative of sin is
cos, so at $x = 1$ we know the truth and can plot how wrong each way is.
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
assert central_error[at_1e5] < 1e-8 < forward_error[at_1e5] and central_error[at_1e12] > 1e-6
print("h about 1e-5:  forward wrong by more than 1e-6, central by less than 1e-8")
print("h about 1e-12: central wrong by more than 1e-6 again")

# %% [markdown]
r"""
Read the picture from right to left. First both errors shrink: the *formula* gets better. The forward
error goes with $h$, the central error with $h^2$: with both axes logarithmic, as they are here, its line
is twice as steep. Then both turn upwards: the *numbers* get worse. $f(x + h)$ and $f(x - h)$ agree in almost all of their 16 digits, the difference
keeps the few that are left, and dividing by a tiny $h$ makes the rounding error large. In float32, with
7 digits, the turn comes much earlier, and on the far left $x + h$ is rounded to $x$: the measured slope
is 0, whatever the truth is. Good practice: float64, central, $h$ about $10^{-5}$.

For a function of many numbers, move **one entry at a time** and leave the others where they are. The
slopes, put in the shape of $x$, are the **gradient**.
"""

# %% [markdown]
r"""
### Exercise 2.1: `numerical_grad` &nbsp; (4 points, about 15 minutes, ★★☆)

Write the tool with which many test suites judge other ways to get a gradient: slow, simple, and hard to get wrong.

$$g_i = \frac{f(x + h\,e_i) - f(x - h\,e_i)}{2h}$$

where $e_i$ has the shape of $x$, a 1 at place $i$ and zeros elsewhere; $g$ has the shape of $x$.

<details><summary>Hint 1</summary>

Work on a copy, so that `x` itself is never touched. Save the number before you move it, and put it back
before you move the next one: `(a + h) - h` is not always `a`. Save it with `row[i].item()`: `row[i]` alone
is a window on the entry (chapter 1), and shows the moved number later.

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
check.exercise("numerical_grad", points=4)
with check.case("finds every partial derivative", points=1):
    x = torch.tensor([[1.0, -2.0, 0.5], [0.0, 3.0, 2.0]], dtype=torch.float64)
    w = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.float64)
    slopes, bend = w * torch.cos(x), 0.5e-5 * w * torch.sin(x)
    found = numerical_grad(lambda x: (w * torch.sin(x)).sum(), x)
    together = {"all entries move at once; move one at a time": slopes.sum()}
    if not isinstance(found, torch.Tensor) or found.dim() == 0:
        check.close(found, slopes, known=together, rtol=0, atol=1e-3)
    check.like(found, x)
    wrong = {"all entries move at once; move one at a time": slopes.sum().expand(2, 3)}
    wrong["this is the forward difference; the central one is much more exact"] = slopes - bend
    wrong["twice the slope: the two points are 2h apart"] = 2 * slopes
    wrong["half the slope: divide by 2h once"] = slopes / 2
    window = "was the number saved with `row[i]`? That is a view, and moves along; save `row[i].item()`"
    wrong[f"half of a forward difference ({window})"] = (slopes - bend) / 2
    wrong["the sign is wrong: it is f(x + h) minus f(x - h)"] = -slopes
    wrong["the difference is not divided by 2h"] = 2e-5 * slopes
    check.close(found, slopes, rtol=0, atol=1e-8, known=wrong)
    found = numerical_grad(torch.prod, torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64), h=0.1)
    stays = f"an entry that was moved is not back in its place when the next one moves ({window})"
    wrong = {f"{stays}: it stays at x - h": [15.0, 1.9 * 5, 1.9 * 2.9]}
    wrong[f"{stays}: it stays at x + h"] = [15.0, 2.1 * 5, 2.1 * 3.1]
    check.close(found, [15.0, 10.0, 6.0], "the slopes of the product of 2, 3 and 5", known=wrong)
with check.case("takes the central difference, with the step h that it is given", points=1):
    x, h = torch.tensor([1.0, 2.0], dtype=torch.float64), 0.1
    wrong = {}
    wrong["this is the forward difference; the central one is much more exact"] = 3 * x**2 + 3 * x * h + h**2
    wrong["this is the backward difference; the central one is much more exact"] = 3 * x**2 - 3 * x * h + h**2
    found = numerical_grad(lambda x: (x**3).sum(), x, h=h)
    check.close(found, 3 * x**2, "less exact than a central difference", rtol=0, atol=0.0101, known=wrong)
    stairs = numerical_grad(lambda x: torch.round(10 * x).sum() / 10, x + 0.32, h=1.0)
    wrong = {"h is not used: the step is always the same": torch.zeros(2)}
    check.close(stairs, torch.ones(2), "seen with h = 1, a stair with steps of 0.1 has slope 1", known=wrong)
with check.case("leaves x as it was, bit for bit", points=0.5):
    x = check.uniform((40,), low=-1e-7, high=1e-7, dtype=torch.float64)  # far below h, so rounding shows
    before = x.clone()
    numerical_grad(lambda x: (x * x).sum(), x)
    check.that(torch.allclose(x, before, rtol=0, atol=1e-9), "x came back changed; work on a copy")
    rounded = "x came back changed in its last digits: (a + h) - h is not always a; put the saved number back"
    check.that(torch.equal(x, before), rounded)
with check.case("takes any shape, and an f that returns a float or a one-element tensor", points=0.5):
    for shape in ((), (1,), (4,), (2, 1, 3)):
        x = check.normal(shape, dtype=torch.float64)
        for kind in (float, torch.clone, lambda y: y.reshape(1), lambda y: y.reshape(1, 1)):
            found = numerical_grad(lambda x: kind((x**2).sum()), x)
            check.close(found, 2 * x, rtol=0, atol=1e-4, strict=True)
    x, w = check.normal((3, 2), dtype=torch.float64).T, check.normal((2, 3), dtype=torch.float64)
    copied = "x did not move: a long row made from a transpose is a copy of it"
    wrong = {f"{copied}, so give the row to f, in x's shape": torch.zeros(2, 3)}
    found = numerical_grad(lambda x: (w * x).sum(), x)
    check.close(found, w, "for a transpose as x, in another order in memory", rtol=0, atol=1e-8, known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same on other functions", points=1, hidden=True):
    A, x = check.normal((3, 3), dtype=torch.float64), check.normal((3,), dtype=torch.float64)
    before = x.clone()
    found = numerical_grad(lambda x: x @ A @ x, x)
    check.close(found, (A + A.T) @ before, rtol=0, atol=1e-8, strict=True)
    check.that(torch.equal(x, before), "x came back changed")
    x = check.uniform((2, 5), low=0.5, high=2, dtype=torch.float64)
    check.close(numerical_grad(lambda x: x.log().sum().item(), x), 1 / x, rtol=0, atol=1e-8)
    found = numerical_grad(lambda x: (x**3).sum(), x, h=0.01)
    check.close(found, 3 * x**2, "not as exact as a central difference", rtol=0, atol=1.01e-4)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 2 The graph that torch draws while you compute

`numerical_grad` calls `f` twice for every entry of `x`. For a network with a million parameters that is
two million runs through the network, for one step downhill. We need all slopes at the price of a few runs, however
many inputs there are.

The trick is to look inside `f`. Every long computation is a chain of short ones, and each short one has a
derivative that everybody knows. Here is $y = (w x + b)^2$ with $w = 3$, $x = 2$, $b = -4$.
"""

# %% jupyter={"source_hidden": true} tags=["experiment"]
NODES = {  # name: (column, row, value, gradient)
    "w": (0, 2, 3, 8),
    "x": (0, 1, 2, 12),
    "b": (0, 0, -4, 4),
    "u = w·x": (1, 1.5, 6, 4),
    "v = u + b": (2, 1, 2, 4),
    "y = v²": (3, 1, 4, 1),
}
EDGES = {  # from, to: the slope of this one step
    ("w", "u = w·x"): "x = 2",
    ("x", "u = w·x"): "w = 3",
    ("u = w·x", "v = u + b"): "1",
    ("b", "v = u + b"): "1",
    ("v = u + b", "y = v²"): "2v = 4",
}


def draw_graph(ax):
    for (start, end), slope in EDGES.items():
        (x0, y0), (x1, y1) = NODES[start][:2], NODES[end][:2]
        ax.annotate("", (x1 - 0.3, y1), (x0 + 0.3, y0), arrowprops={"arrowstyle": "->", "color": "#777777"})
        box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
        ax.text((x0 + x1) / 2, (y0 + y1) / 2, slope, ha="center", va="center", fontsize=9, bbox=box)
    for name, (x, y, value, gradient) in NODES.items():
        ax.barh(y, 0.6, left=x - 0.3, height=0.62, color=cu.plots.COLOURS[5], alpha=0.35)
        ax.text(x, y + 0.17, name, ha="center", va="center", fontsize=9, weight="bold")
        ax.text(x - 0.15, y - 0.13, value, ha="center", va="center", color=cu.plots.COLOURS[0])
        ax.text(x + 0.15, y - 0.13, gradient, ha="center", va="center", color=cu.plots.COLOURS[1])
    ax.set(xlim=(-0.3, 3.3), ylim=(-0.4, 2.4))
    ax.set_title("Blue: values, computed left to right. Orange: gradients of y, computed right to left.")
    ax.axis("off")


cu.plots.figure(
    draw_graph,
    alt="A graph from the leaves w, x and b over u and v to y; every box holds a value and a gradient",
    height=3.4,
)

# %% [markdown]
r"""
This is a **computational graph**. The number on an arrow is the slope of that one step. To get from $y$
back to $w$, **multiply the slopes along the path**: $4 \cdot 1 \cdot 2 = 8$. That is the chain rule:

$$\frac{\partial y}{\partial w} = \frac{\partial y}{\partial v}\cdot\frac{\partial v}{\partial u}\cdot
\frac{\partial u}{\partial w} = 2v \cdot 1 \cdot x .$$

Going from right to left, every arrow is used once, and *all* leaves get their gradient. One walk
forward, one walk back, however many leaves there are. That is the whole idea of `backward`.

You must ask torch to record the graph: mark the leaves with `requires_grad`.
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

# %% [markdown]
r"""
The orange numbers. The input may have any shape, and the gradient has the same one. For $y = 2\,x \cdot
x$ of a vector $x$ it is $4x$:
"""

# %%
vector = torch.arange(4.0, requires_grad=True)
(2 * torch.dot(vector, vector)).backward()
print("x      ", vector.tolist())
print("x.grad ", vector.grad.tolist())

# %% [markdown]
r"""
What does `requires_grad_()` do to a tensor? It raises a flag that says "record what is done with me". Look
again at what `x.grad` was after each of the three steps above. Then flag a tensor with $10^{15}$ entries:
one stored number, stretched by broadcasting. Its gradient, as a tensor of floats, would fill four million
gigabytes. And only floating-point and complex numbers can be flagged, because you cannot change a
whole number *a little*:
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
A tensor that no recorded step has made is a **leaf**. Every other tensor remembers the step that made
it, in `grad_fn`. `backward` leaves gradients at the leaves; what flows through the tensors between is
thrown away to save memory, unless you say `retain_grad()` first.
"""

# %%
for name, tensor in {"w": w, "u": u, "v": v, "y": y, "plain": torch.ones(3)}.items():
    step = "nothing" if tensor.grad_fn is None else type(tensor.grad_fn).__name__
    print(f"{name:5}  leaf: {tensor.is_leaf!s:5}  requires_grad: {tensor.requires_grad!s:5}  made by: {step}")

u = w * x
u.retain_grad()
((u + b) ** 2).backward()
print("u.grad =", u.grad.item())

# %% [markdown]
r"""
One more thing to see. `w.grad` was 8 after the first `backward`. We have just called `backward` a second
time, on a second computation with the same numbers. What is it now?
"""

# %%
print("w.grad =", w.grad.item())
((w * x + b) ** 2).backward()
print("w.grad =", w.grad.item(), "after one more")

# %% [markdown]
r"""
**`backward` adds to `.grad`. It never replaces, and reading `.grad` computes nothing.** This is useful:
the gradient of a sum of two errors is the sum of their gradients, so you may call `backward` on each.
But when you want a fresh gradient, you must clear the old one. There are two ways: fill it with zeros,
or take it away. (Older code writes `w.grad.data.zero_()`; the `.data` is not needed.)
"""

# %%
w.grad.zero_()
print("zeros: ", w.grad)
w.grad = None  # what optimizer.zero_grad() does; zeros again with zero_grad(set_to_none=False)
print("None:  ", w.grad)
((w * x + b) ** 2).backward()
print("fresh: ", w.grad.item())

# %% [markdown]
r"""
**Twice through the same graph.** Going back through $p \cdot p$ takes the number $p$, so torch keeps it
during the forward walk. Going back through a plain sum takes no number at all, and torch keeps none.
After the first `backward`, torch frees what it has kept, unless you say `retain_graph=True`. What does a
second `backward` over the same graph find?
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
And with `retain_graph=True` the two gradients were added up, as always.

### Exercise 2.2: `grad_of` &nbsp; (4 points, about 15 minutes, ★★☆)

A gradient without side effects: call `grad_of(f, x)` anywhere, as often as you like, and nothing but the
result tells that it happened. The function `f` may use other tensors that require a gradient, such as
the weights of a network; they must not notice either.

<details><summary>Hint 1</summary>

Do not flag `x` itself: work on a copy that no one else knows. `x.detach().clone()` has no graph and its
own memory.

<details><summary>Hint 2</summary>

`backward()` writes into the `.grad` of *every* leaf of the graph. `torch.autograd.grad(result, leaf)`
hands back the gradient of the leaf that you name, in a tuple, and writes nowhere.
(`backward(inputs=[leaf])` is another way.)

<details><summary>Hint 3</summary>

Two ways not to depend on `x`: the result has no graph at all (`requires_grad` is False), or it has one in
which the leaf does not occur. For the second, `torch.autograd.grad` takes `allow_unused=True`, and hands
back None for such a leaf, or `materialize_grads=True`, and hands back zeros. Do not catch errors instead:
a mistake in `f` would look like a gradient of zeros.

</details></details></details>
"""


# %% exercise="grad_of"
def grad_of(f, x):
    """The gradient of f at x, by autograd, without side effects.

    f: function of a tensor of x's shape and dtype; returns a scalar tensor, which may or may not depend
    on its argument, and may or may not have a graph. x: float tensor of any shape.
    Returns a tensor of x's shape and dtype that carries no graph; zeros if f does not depend on x.
    x, x.grad, x.requires_grad and the .grad of every other tensor stay as they were.
    An error in f, on the way forward or back, is not hidden: it reaches the caller.
    """
    ### BEGIN SOLUTION
    leaf = x.detach().clone().requires_grad_()
    result = f(leaf)
    if not result.requires_grad:
        return torch.zeros_like(leaf, requires_grad=False)
    return torch.autograd.grad(result, leaf, materialize_grads=True)[0]
    ### END SOLUTION


# %% test="grad_of"
check.exercise("grad_of", points=4)
graph = "the result carries a graph (its requires_grad is True): detach it, and leave out create_graph"
with check.case("returns the gradient, in the shape and dtype of x, and without a graph", points=1):
    table, row = torch.tensor([[1.0, -2.0], [0.5, 3.0]]), torch.tensor([1.0, -2.0], dtype=torch.float64)
    for x, f, slopes in (
        (table, lambda x: (x**3).sum(), 3 * table**2),
        (row, lambda x: (x * x).sum().exp(), 2 * row * (row**2).sum().exp()),
    ):
        found, wrong = grad_of(f, x), {"None or zeros came back where there is a slope": torch.zeros_like(x)}
        check.close(found, slopes, known=wrong, strict=True)
        check.that(not found.requires_grad, graph)
with check.case("leaves x, x.grad and x.requires_grad as they were", points=1):
    x = torch.tensor([1.0, 2.0])
    grad_of(lambda x: (x * x).sum(), x)
    check.that(not x.requires_grad, "x requires a gradient now, and did not before; flag a copy of x")
    check.that(x.grad is None, "x has a .grad now, and had none before")
    check.equal(x, torch.tensor([1.0, 2.0]), "x was changed")
    x.requires_grad_()
    x.grad = torch.tensor([10.0, 20.0])
    found = grad_of(lambda x: (x * x).sum(), x)
    wrong = {"what was in x.grad before is in the result": torch.tensor([12.0, 24.0])}
    check.close(found, torch.tensor([2.0, 4.0]), known=wrong)
    check.that(not found.requires_grad, graph)
    check.that(x.requires_grad, "x required a gradient before, and does not now")
    check.that(x.grad is not None, "x.grad was there before, and is gone now")
    wrong = {"the gradient was added to x.grad": torch.tensor([12.0, 24.0])}
    check.close(x.grad, torch.tensor([10.0, 20.0]), "x.grad was changed", known=wrong)
    base = torch.tensor([1.0, 2.0], requires_grad=True)
    x = 2 * base
    made_by = x.grad_fn
    found = grad_of(lambda x: (x * x).sum(), x)
    check.close(found, torch.tensor([4.0, 8.0]), "for an x that is not a leaf")
    check.that(not found.requires_grad, f"{graph} (for an x that is not a leaf)")
    beyond = "the leaf that x was made from has a .grad now: backward went on beyond x; detach the copy"
    check.that(base.grad is None, beyond)
    check.that(x.grad_fn is made_by, "x was a result with a graph, and was taken out of it")
with check.case("leaves the .grad of other tensors as it was", points=0.5):
    w = torch.tensor([3.0, 4.0], requires_grad=True)
    found = grad_of(lambda x: (w * x * x).sum(), torch.tensor([1.0, 2.0]))
    check.close(found, torch.tensor([6.0, 16.0]))
    check.that(w.grad is None, "a tensor that f uses has a .grad now: backward() writes into all leaves")
    check.that(not found.requires_grad, graph)
with check.case("gives zeros when f does not depend on x", points=0.5):
    x, other = torch.tensor([[1.0, 2.0]]), torch.tensor(5.0, requires_grad=True)
    for f in (lambda x: torch.tensor(3.0), lambda x: 2 * other, lambda x: (x.detach() ** 2).sum()):
        found = grad_of(f, x)
        check.close(found, torch.zeros(1, 2), strict=True)
        check.that(not found.requires_grad, graph)
    check.that(other.grad is None, "a tensor that f uses has a .grad now")
    # Wrong shapes on the way forward; a number that is overwritten, and needed on the way back.
    for broken in (lambda x: (x @ torch.ones(3)).sum(), lambda x: x.exp().add_(1).sum()):
        try:
            grad_of(broken, x)
        except RuntimeError:
            continue
        check.fail("f has a mistake and torch raised an error, but an `except` hid it; let it through")
### BEGIN HIDDEN TESTS
with check.case("the same on other functions", points=1, hidden=True):
    for shape in ((), (1,), (2, 3), (2, 1, 4)):
        x, A = check.normal(shape, dtype=torch.float64), check.normal(shape, dtype=torch.float64)
        other = check.normal(shape, dtype=torch.float64).requires_grad_()
        other.grad = torch.ones_like(other)
        before = x.clone()
        found = grad_of(lambda x: (A * torch.sin(x) * other).sum() + 7, x)
        check.close(found, (A * torch.cos(before) * other).detach(), strict=True)
        check.that(not found.requires_grad, "the result carries a graph")
        check.equal(x, before, "x was changed")
        check.that(x.grad is None and not x.requires_grad, "x does not look as before")
        check.equal(other.grad, torch.ones_like(other), "the .grad of a tensor that f uses was changed")
        flagged = before.clone().requires_grad_()
        grad_of(lambda x: x.exp().sum(), flagged)
        check.that(flagged.grad is None, "x has a .grad now, and had none before")
        check.close(grad_of(lambda x: other.sum(), flagged), torch.zeros_like(before))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 3 Leaving the graph

Sometimes the graph is in the way. You want to plot a value, to keep yesterday's parameters, or to change
a parameter by hand. The last one looks harmless:
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
`w` is a leaf: the graph starts from the number that it holds. If that number is overwritten *and* the
change is to be recorded, the start is lost, so torch refuses. Inside `with torch.no_grad():` nothing is
recorded and you may write. (`w = w - 0.25 * w.grad` does not help: it makes a *new* tensor, which is no
leaf, and gets no `.grad`.)

`detach()` returns a new tensor with the same numbers that is not in the graph; the original stays in it. It copies
nothing, and chapter 1 has told you what that means.
"""

# %%
window = w.detach()
copy = w.detach().clone()
window[0] = 99
print("detached:     requires_grad", window.requires_grad, " w is now", w.tolist())
print("cloned after: the copy is still", copy.tolist())
print("clone alone:  requires_grad", w.clone().requires_grad, " made by", type(w.clone().grad_fn).__name__)
made = 2 * copy.requires_grad_()
with torch.no_grad():
    made.detach()[1] = -7
print("no leaf, and inside no_grad: made is now", made.tolist())

# %% jupyter={"source_hidden": true} tags=["experiment"]
TENSORS = {"w": 0, "w.detach()": 1.3, "w.clone()": 3.1, "w.detach().clone()": 4.9}  # name: column
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
        title="Grey: where the numbers are. Orange: the recorded step back to w.",
    )
    ax.axis("off")


cu.plots.figure(
    draw_storages,
    alt="w and w.detach() point at one storage; w.clone() and w.detach().clone() have one each, and only "
    "w.clone() is linked back to w",
    height=2.6,
)

# %% [markdown]
r"""
`detach()` is a window on the same numbers, without the history. `clone()` has its own numbers, and the
history: a gradient still flows through it. For numbers of its own *and* no history you need both.

**What is remembered stays in memory.** A result holds on to the step that made it, through `grad_fn`;
that step holds on to the steps before it, back to the leaves. The next cell overwrites one name a thousand
times. How many steps does the last tensor still keep alive?
"""


# %%
def steps_behind(result):
    """How many recorded steps lead to result, in a computation that is a simple chain."""
    step, count = result.grad_fn, 0
    while step is not None and step.next_functions:
        step, count = step.next_functions[0][0], count + 1
    return count


level = torch.tensor(1.0, requires_grad=True)
for number_of_steps in range(1, 1001):
    level = 0.99 * level
    if number_of_steps in (1, 10, 1000):
        print(f"after {number_of_steps:4} rounds: {steps_behind(level):4} steps behind level")
print("level.detach():", steps_behind(level.detach()), "steps behind it")
print("level.item():  ", type(level.item()).__name__, "- a plain number of Python, which has no graph")

# %% [markdown]
r"""
All of them. As long as you keep a result, its whole graph is kept. Keep `result.item()` or
`result.detach()` when you only want the number.

### Exercise 2.3: `detached_copy` &nbsp; (1 point, about 3 minutes, ★☆☆)

Keep a snapshot: the numbers of `x` as they are now, whatever happens to `x` later.

<details><summary>Hint</summary>

The cell above makes one.

</details>
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
check.exercise("detached_copy", points=1)
with check.case("has the values, no graph and storage of its own", points=0.5):
    leaf = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    for x in (leaf, 2 * leaf, leaf.double(), torch.tensor([1, 2, 3])):
        before, flag, made_by = x.tolist(), x.requires_grad, x.grad_fn
        found = detached_copy(x)
        check.like(found, x)
        check.equal(found.tolist(), before)
        check.that(not found.requires_grad, "the copy is still connected: its requires_grad is True")
        same = x.requires_grad == flag and x.grad_fn is made_by
        check.that(same, "x itself was taken out of its graph")
        check.own_memory(found, x, "they share storage: writing into the copy would change x")
### BEGIN HIDDEN TESTS
with check.case("the same on other shapes and dtypes", points=0.5, hidden=True):
    floats = check.normal((2, 1, 3)).requires_grad_()
    whole, truths = check.integers((3, 2), 0, 9), check.uniform((5,)) > 0.5
    for one in (whole, truths, check.normal((), dtype=torch.float64), floats.exp(), floats.expand(2, 4, 3)):
        for x in (one, *(check.layouts(one).values() if one.dim() else ())):
            values, found = x.tolist(), detached_copy(x)
            check.like(found, x)
            check.equal(found.tolist(), values)
            check.that(not found.requires_grad, "the copy is still connected: its requires_grad is True")
            check.own_memory(found, x, "they share storage: writing into the copy would change x")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Two switches and a question that are often mixed up.** `torch.no_grad()` stops the recording.
`torch.is_grad_enabled()` *asks* whether torch records at the moment. `net.eval()`
tells layers such as dropout, which zeroes random entries while training, that the training is over. Try
all four combinations.
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
The recording follows one switch, dropout follows the other, and neither affects the other. To
measure a trained network you want both: `net.eval()` for right results, `no_grad()` for less memory and
time.
"""

# %% [markdown]
r"""
## 4 Walking down

Back to the fog. You know the slope $g$ where you stand, and you walk against it. How far? **Gradient
descent** takes a step of $\eta\, g$: long where it is steep, short where it is flat. The number $\eta$
is the **learning rate**.

$$x \leftarrow x - \eta\, \nabla f(x),\qquad x \text{ and } \nabla f(x) \text{ of the same shape.}$$

**Try it.** The walk starts at $x = -4.5$. *Goal: come within 0.05 of the bottom in at most 10 steps, and
stay there. Then find the smallest number of steps. Then find the smallest learning rate at which the walk
is not there within 40 steps because it jumps from side to side, and not because it is slow.*
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
Too small a rate crawls. Too large a rate jumps from one side to the other, and settles late or never: at
2.0 this walk needs 199 steps, and above 2.0 it ends in jumping between two places for good. You will meet
both again with every network.

### Exercise 2.4: spot the bug in `descend` &nbsp; (3 points, about 15 minutes, ★★☆)

Here is gradient descent for a function of any tensor, as somebody wrote it. The valley of $f(x) = \lVert
x \rVert^2$ is at 0, and with a learning rate of 0.1 each step should take a fifth of the way that is
left. Run it twice.
"""


# %%
def descend_broken(f, x0, lr, num_steps):
    x = x0.detach()  # a copy to work on
    x.requires_grad_()
    for _ in range(num_steps):
        f(x).backward()  # x.grad is now the gradient at x
        with torch.no_grad():
            x -= lr * x.grad
    return x.detach()


start = torch.tensor([4.0, -2.0])
for attempt in ("first ", "second"):
    end = descend_broken(lambda x: (x**2).sum(), start, lr=0.1, num_steps=8)
    print(
        attempt,
        "walk ends at",
        [round(number, 3) for number in end.tolist()],
        " expected about [0.671, -0.336]",
    )
print("start is now", [round(number, 3) for number in start.tolist()])

# %% [markdown]
r"""
It runs through the valley and up the other side; and the second walk does not begin where the first one
began. Two comments in the code are wrong. Find them, and write the function as it was meant.

<details><summary>Hint 1</summary>

Print `x.grad` in every round, and compare it with `2 * x`. What does `backward` do with the gradient of
the round before?

<details><summary>Hint 2</summary>

Whose numbers does `x -= ...` overwrite? Look again at the cell in section 3 where 99 was written.

<details><summary>Hint 3</summary>

Two ways to clear a gradient are in section 2. One of them needs a gradient that is there: before the first
`backward`, `x.grad` is None, and None has no `zero_()`. `x.grad = None` works at any time.

</details></details></details>
"""


# %% exercise="descend"
def descend(f, x0, lr, num_steps):
    """Gradient descent: num_steps times x <- x - lr * (gradient of f at x), from x0 on.

    f: function of a tensor of x0's shape and dtype; returns a scalar tensor that depends on it.
    x0: float tensor of any shape that requires no gradient; it is unchanged.
    lr: learning rate. num_steps: int, 0 or more.
    Returns the last x, a tensor of x0's shape and dtype with requires_grad False.
    """
    ### BEGIN SOLUTION
    x = x0.detach().clone()
    for _ in range(num_steps):
        x.requires_grad_()
        (gradient,) = torch.autograd.grad(f(x), x)
        x = x.detach() - lr * gradient
    return x.detach()
    ### END SOLUTION


# %% test="descend"
check.exercise("descend", points=3)
with check.case("goes down with a fresh gradient in every step", points=1):
    x0 = torch.tensor([4.0, -2.0])
    one = descend(lambda x: (x**2).sum(), x0.clone(), 0.1, 1)
    wrong = {"it walks uphill: a step is x minus lr times the gradient": 1.2 * x0}
    wrong["no step was taken"] = x0
    check.close(one, 0.8 * x0, "one step of 0.1 times the gradient", known=wrong)
    summed, piled = torch.zeros(2), x0
    for _ in range(5):
        summed = summed + 2 * piled
        piled = piled - 0.1 * summed
    wrong = {"the gradients of all steps pile up: clear the gradient before each backward": piled}
    wrong["every step uses the gradient of the starting point"] = x0 - 5 * 0.1 * 2 * x0
    wrong["it takes one step, not num_steps"] = 0.8 * x0
    wrong["it takes one step too few"] = 0.8**4 * x0
    wrong["it takes one step too many"] = 0.8**6 * x0
    check.close(descend(lambda x: (x**2).sum(), x0.clone(), 0.1, 5), 0.8**5 * x0, known=wrong)
    x0 = torch.tensor([1.0, -2.0], dtype=torch.float64)
    end = descend(lambda x: ((x - 3) ** 2).sum(), x0.clone(), 0.25, 2)
    check.like(end, x0)
    wrong = {"f is not used: 2 * x is the gradient of the sum of x ** 2, and of no other f": x0 / 4}
    said = "two steps of 0.25 times the gradient of the sum of (x - 3) ** 2, from [1, -2]"
    check.close(end, torch.tensor([2.5, 1.75]), said, known=wrong)
with check.case("leaves the starting point as it was", points=1):
    x0 = torch.tensor([[4.0, -2.0]])
    end = descend(lambda x: (x**2).sum(), x0, 0.1, 3)
    shared = "the starting point was changed: detach() alone shares its storage"
    check.close(x0, torch.tensor([[4.0, -2.0]]), shared)
    check.that(not x0.requires_grad, "the starting point requires a gradient now; flag a copy of it")
    check.like(end, x0)
    check.that(not end.requires_grad, "the result should not require a gradient")
### BEGIN HIDDEN TESTS
with check.case("the same on other functions, shapes and numbers of steps", points=1, hidden=True):
    for shape, num_steps in (((), 4), ((3,), 0), ((2, 3), 1), ((5, 1), 30)):
        x0, centre = check.normal(shape, dtype=torch.float64), check.normal(shape, dtype=torch.float64)
        place, before = x0.clone(), x0.clone()
        for _ in range(num_steps):
            place = place - 0.05 * (place - centre) ** 3
        end = descend(lambda x: ((x - centre) ** 4).sum() / 4, x0, 0.05, num_steps)
        check.close(end, place, strict=True)
        check.that(not end.requires_grad, "the result should not require a gradient")
        check.equal(x0, before, "the starting point was changed")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 5 When the result is not one number

"Which way is down?" has an answer only if there is *one* height. Softmax returns four numbers for four,
the layers of a network return thousands. `backward()` alone refuses to start from them:
"""

# %%
x = torch.tensor([1.0, 2.0, 0.5, 0.0], requires_grad=True)
p = torch.softmax(x, dim=0)
try:
    p.backward()
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
r"""
With 4 outputs and 4 inputs there are 16 slopes. Their table is the **Jacobian**, $J_{ij} = \partial p_i
/ \partial x_j$, one row per output. For softmax, $J_{ij} = p_i\,(\delta_{ij} - p_j)$, where
$\delta_{ij}$ is 1 if $i = j$ and 0 otherwise: raising $x_j$ raises its own share and lowers all others.
"""

# %% tags=["experiment"]
jacobian = torch.autograd.functional.jacobian(lambda x: torch.softmax(x, dim=0), x.detach())  # (4, 4)
cu.plots.heatmap(
    jacobian,
    rows=[f"p{i}" for i in range(4)],
    columns=[f"x{j}" for j in range(4)],
    title="The 16 slopes of softmax",
    alt="A 4 by 4 table, red on the diagonal and blue elsewhere; every row and every column adds up to 0",
    centre_zero=True,
)

# %% [markdown]
r"""
Nobody builds this table in a real network. Take a layer with 1,000 inputs and 1,000 outputs, and 100
examples: that is 100,000 numbers in and 100,000 numbers out, so the table has $100{,}000 \times 100{,}000
= 10^{10}$ entries. And nobody needs it, because in the end there *is* one number,
the loss $L$. All that the layers behind us have to say is how $L$ changes with each output: $g_i =
\partial L / \partial p_i$. The chain rule adds up over all outputs:

$$\frac{\partial L}{\partial x_j} = \sum_i g_i\, J_{ij},\qquad
g\,: (4,),\quad J : (4, 4),\quad g J : (4,).$$

A row times a table: a **vector-Jacobian product**, VJP. This is what `p.backward(g)` computes, for any
$g$ of the shape of $p$. It is the gradient of the single number $\sum_i g_i p_i$.
"""

# %%
g = torch.tensor([0.5, -1.0, 2.0, 0.0])
jacobian_table = torch.diag(p) - torch.outer(p, p)


def gradient_left_by(result, *weights):
    """What backward(*weights) leaves in x.grad."""
    x.grad = None
    result.backward(*weights, retain_graph=result is p)  # p is needed again below
    return x.grad


def rounded(tensor):
    return [round(number, 4) for number in tensor.tolist()]


print("p.backward(g):            ", rounded(gradient_left_by(p, g)))
print("(g * p).sum().backward(): ", rounded(gradient_left_by((g * torch.softmax(x, dim=0)).sum())))
print("g @ Jacobian:             ", rounded(g @ jacobian_table))

# %% [markdown]
r"""
One $g$ is used so often that people forget what it is: all ones. What does `y.backward(ones)` leave in
`x.grad`, and what has it to do with `y.sum()`? Guess before you run the cell, for three kinds of $y$: each
output made from its own input; each output made from several inputs; and a $y$ of another shape than $x$.
"""

# %%
table = torch.arange(8.0).reshape(2, 4)
for name, make in {
    "x ** 2": lambda: x**2,
    "x.cumsum(0)": lambda: x.cumsum(dim=0),  # x0, x0 + x1, x0 + x1 + x2, ...
    "table @ x": lambda: table @ x,
}.items():
    y = make()
    by_ones = gradient_left_by(y, torch.ones_like(y))
    by_sum = gradient_left_by(make().sum())
    print(f"{name:12} y has shape {tuple(y.shape)}  y.backward(ones): {rounded(by_ones)}")
    print(f"{'':33}y.sum().backward(): {rounded(by_sum)}")

# %% [markdown]
r"""
With ones for $g$, the sum $\sum_i g_i y_i$ is just the sum of all outputs. For an element-wise function
that is very handy, because each output depends on its own input only, and the sum does not mix them. One
call gives the slope of the sigmoid at 200 places:
"""

# %% tags=["experiment"]
places = torch.linspace(-8, 8, 200, requires_grad=True)
sigmoid = torch.sigmoid(places)
sigmoid.backward(torch.ones_like(sigmoid))
cu.plots.curves(
    {"sigmoid": sigmoid, "its slope": places.grad},
    xs=places,
    x="x",
    title="The slope of the sigmoid is never above 0.25",
    alt="The sigmoid rises from 0 to 1; its slope is a hill of height 0.25 around 0",
    marker="",
)

# %% [markdown]
r"""
**But do not test with ones.** Here are three ways to go back through softmax: torch's own and two wrong
ones. Each is tried with $g$ all ones, which is the same as testing `softmax(x).sum()`, and with a random
$g$.
"""

# %% tags=["experiment"]
WAYS = {
    "return zeros": lambda p, g: torch.zeros_like(p),
    "p * (g - mean of g)": lambda p, g: p * (g - g.mean()),
}
random_g = torch.randn(4, generator=torch.Generator().manual_seed(2))
for tried_g, name in ((torch.ones(4), "ones:  "), (random_g, "random:")):
    (truth,) = torch.autograd.grad(p, x, tried_g, retain_graph=True)
    for way, vjp in WAYS.items():
        agrees = torch.allclose(vjp(p.detach(), tried_g), truth, atol=1e-6)
        print(f"g {name}  {way:20} {'passes the test' if agrees else 'is found out'}")

# %% [markdown]
r"""
The entries of softmax always add up to 1. The sum is a constant, its gradient is zero, and any function
that returns zeros is "right". The checks of `matmul_vjp` and `softmax_vjp` below use a random $g$ for this reason.

Three VJPs come up in most classifiers: of broadcasting, of the matrix product, and of softmax. You will now
write them.

### Exercise 2.5: `unbroadcast` &nbsp; (3 points, about 15 minutes, ★★★)

A bias of shape (3,) was added to a table of shape (2, 3). Broadcasting used every entry of the bias
twice, once per row.
"""

# %%
bias = torch.zeros(3, requires_grad=True)
g = torch.tensor([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
(torch.ones(2, 3) + bias).backward(g)
print("g       ", g.tolist())
print("bias.grad", bias.grad.tolist())

# %% [markdown]
r"""
Two paths lead from an entry of the bias to the result, and **slopes of several paths add up**. So going
back through broadcasting means summing: each entry of the small tensor receives the sum of $g$ over all
the places where it was used. Write this for any two shapes.

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
    wrong = {"the stretched axis is gone: keep it, with length 1": torch.tensor([6.0, 60.0])}
    wrong["the mean is not the sum: the slopes of several paths add up"] = g.mean(1, keepdim=True)
    wrong["only one of the places is used; all of them have to be added up"] = g[:, :1]
    found = check.unchanged(unbroadcast, g, (2, 1))
    check.close(found, torch.tensor([[6.0], [60.0]]), "g of shape (2, 3), asked down to (2, 1)", known=wrong)
    for shape, expected in {(1, 3): [[11.0, 22.0, 33.0]], (1, 1): [[66.0]]}.items():
        says = f"g of shape (2, 3), asked down to {shape}"
        check.close(unbroadcast(g, shape), torch.tensor(expected), says)
    same = "g of shape (2, 3), asked down to shape (2, 3): nothing was broadcast, so nothing is summed"
    check.close(unbroadcast(g, (2, 3)), g, same)
    found = unbroadcast(check.uniform((4, 2, 3), 1, 1), (2, 1))
    check.close(found, torch.full((2, 1), 12.0), "g of shape (4, 2, 3), asked down to shape (2, 1)")
### BEGIN HIDDEN TESTS
with check.case("the same on other shapes", points=1, hidden=True):
    shapes = [((3, 1, 2), (3, 4, 2)), ((4, 1), (5, 3, 4, 6)), ((1,), (7,)), ((1, 1, 3), (2, 4, 3))]
    for small, large in [*shapes, ((2, 2), (2, 2, 2)), ((1, 5), (1, 5)), ((), ())]:
        g = check.normal(large, dtype=torch.float64)
        leaf = torch.zeros(small, dtype=torch.float64, requires_grad=True)
        (expected,) = torch.autograd.grad(leaf.expand(large), leaf, g)
        found = check.unchanged(unbroadcast, g, torch.Size(small))
        check.close(found, expected, f"g of shape {large}, asked down to shape {small}")
        check.like(found, expected)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 2.6: `matmul_vjp` &nbsp; (2 points, about 10 minutes, ★★☆)

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
    wrong = {"the gradient for A is transposed": (g @ B.T).T}
    wrong["the gradient for A lacks the transpose of B"] = g @ B
    wrong["the gradient for A has its factors in the wrong order"] = B.T @ g
    wrong["the gradient for A takes g as all ones"] = ones @ B.T
    wrong["the two gradients are in the wrong order: A's comes first"] = A.T @ g
    check.close(gA, torch.einsum("ij,lj->il", g, B), "the gradient for A is wrong", known=wrong)
    wrong = {"the gradient for B is transposed": (A.T @ g).T}
    wrong["the gradient for B lacks the transpose of A"] = A @ g
    wrong["the gradient for B has its factors in the wrong order"] = g @ A.T
    wrong["the gradient for B takes g as all ones"] = A.T @ ones
    check.close(gB, torch.einsum("il,ij->lj", A, g), "the gradient for B is wrong", known=wrong)
with check.case("keeps the shapes and the dtype of A and B", points=0.5):
    for n, k, m in ((2, 3, 4), (1, 5, 1), (4, 1, 2)):
        for dtype in (torch.float32, torch.float64):
            A, B = check.normal((n, k), dtype=dtype), check.normal((k, m), dtype=dtype)
            gA, gB = matmul_vjp(A, B, check.normal((n, m), dtype=dtype))
            check.like(gA, A)
            check.like(gB, B)
### BEGIN HIDDEN TESTS
with check.case("the same on other matrices", points=0.5, hidden=True):
    for n, k, m in ((2, 3, 4), (6, 2, 1), (1, 1, 1), (3, 7, 3)):
        A, B = check.normal((n, k), dtype=torch.float64), check.normal((k, m), dtype=torch.float64)
        g = check.normal((n, m), dtype=torch.float64)
        gA, gB = check.unchanged(matmul_vjp, A, B, g)
        check.close(gA, torch.einsum("ij,lj->il", g, B), "the gradient for A is wrong", strict=True)
        check.close(gB, torch.einsum("il,ij->lj", A, g), "the gradient for B is wrong", strict=True)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 2.7: `softmax_vjp` &nbsp; (3 points, about 15 minutes, ★★★)

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
    wrong["it is the sum of g times p, not the mean"] = p * (g - (g * p).mean(-1, keepdim=True))
    inside = p * g - (p * g).sum(-1, keepdim=True)
    wrong["the factor p is inside the sum only: it is p * g minus p times the sum"] = inside
    wrong["the sign is wrong"] = -expected
    wrong["the sign of the second sum is wrong: it is taken away"] = p * (g + (g * p).sum(-1, keepdim=True))
    wrong["softmax is forgotten: p is softmax(x), not x"] = x * (g - (g * x).sum(-1, keepdim=True))
    check.close(found, expected, known=wrong, strict=True)
with check.case("takes any number of axes, also k = 1, and keeps shape and dtype", points=1):
    for shape in ((5,), (2, 3), (2, 3, 4), (3, 1)):
        x, g = check.normal(shape), check.normal(shape)
        with check.without("autograd"):
            found = check.unchanged(softmax_vjp, x, g)
        (expected,) = torch.autograd.functional.vjp(lambda x: torch.softmax(x, -1), x, g)[1:]
        check.close(found, expected, strict=True)
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers", points=1, hidden=True):
    for shape in ((7,), (1, 1), (6, 10), (2, 2, 2, 5)):
        x, g = check.normal(shape, std=2.0, dtype=torch.float64), check.normal(shape, dtype=torch.float64)
        (expected,) = torch.autograd.functional.vjp(lambda x: torch.softmax(x, -1), x, g)[1:]
        with check.without("autograd"):
            found = softmax_vjp(x, g)
        check.close(found, expected, strict=True)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 6 Your own autograd

Nothing about autograd is magic, and you can write it in fifty lines. Ours works with single numbers,
called `Value`. It keeps the same two promises as torch: while you compute, it remembers; when you say
`backward()`, it walks back.

What must one step remember? Its inputs, and the slope for each of them. For $6 = 3 \cdot 2$ that is:
"made from $w$ with slope 2, and from $x$ with slope 3". Here is such a record written down by hand, and
the way back along one path:
"""

# %%
w, x = {"data": 3.0, "grad": 0.0, "made_from": []}, {"data": 2.0, "grad": 0.0, "made_from": []}
u = {"data": w["data"] * x["data"], "grad": 0.0, "made_from": [(w, x["data"]), (x, w["data"])]}
u["grad"] = 1.0  # the slope of u with respect to u
for source, slope in u["made_from"]:
    source["grad"] += u["grad"] * slope  # add: other paths may lead here, too
print("w.grad", w["grad"], " x.grad", x["grad"])

# %% [markdown]
r"""
How do the lines `w * x` and `u + b` come to run *your* code? Python looks for a method with a fixed name in
the class, so the operators are methods that you write:

| you write | Python calls | | you write | Python calls |
|---|---|---|---|---|
| `a + b` | `a.__add__(b)` | | `3 + b` | `b.__radd__(3)` |
| `a - b` | `a.__sub__(b)` | | `3 - b` | `b.__rsub__(3)` |
| `a * b` | `a.__mul__(b)` | | `3 * b` | `b.__rmul__(3)` |
| `a / b` | `a.__truediv__(b)` | | `3 / b` | `b.__rtruediv__(3)` |
| `a ** n` | `a.__pow__(n)` | | `-a` | `a.__neg__()` |

On the right may stand a number as well, and then `other` is a plain int or float. The smallest way to treat
both alike is to wrap the number first. Here is a class that can be added, and remembers inputs, but knows
nothing of slopes:
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
The rest is order. A value may pass its gradient on only **after everything that it went into has
delivered**. Look at $y = a + b$ with $a = 2x$ and $b = 3a$:
"""

# %% jupyter={"source_hidden": true} tags=["experiment"]
PLACES = {"x": (0, 0.6), "a = 2x": (1, 0.6), "b = 3a": (2, 1.2), "y = a + b": (3, 0.6)}
PATHS = [
    ("x", "a = 2x", "2"),
    ("a = 2x", "b = 3a", "3"),
    ("b = 3a", "y = a + b", "1"),
    ("a = 2x", "y = a + b", "1"),
]


def draw_diamond(ax):
    for start, end, slope in PATHS:
        (x0, y0), (x1, y1) = PLACES[start], PLACES[end]
        ax.annotate("", (x1 - 0.28, y1), (x0 + 0.28, y0), arrowprops={"arrowstyle": "->", "color": "#777777"})
        ax.text((x0 + x1) / 2, (y0 + y1) / 2 + 0.08, slope, ha="center")
    for name, (x, y) in PLACES.items():
        ax.barh(y, 0.56, left=x - 0.28, height=0.3, color=cu.plots.COLOURS[5], alpha=0.35)
        ax.text(x, y, name, ha="center", va="center", weight="bold", fontsize=9)
    ax.set(
        xlim=(-0.28, 3.28),
        ylim=(0.35, 1.45),
        title="a has to wait for b: its gradient is 1 + 3, and x gets 2 · 4 = 8",
    )
    ax.axis("off")


cu.plots.figure(
    draw_diamond,
    alt="From x to a; from a to y directly and by way of b: two paths that part and meet",
    height=2.4,
)

# %% [markdown]
r"""
If $a$ passes its gradient on before $b$ has added to it, $x$ receives too little. An order in which
every value comes after all that it was made from is called a **topological order** (拓扑排序); `backward`
walks through it from its end.

Two traps. A walk that calls itself for every input stops at Python's recursion limit, long before the
end of a chain of 5,000 steps. And a walk that follows every *path* on its own never ends: in `v = v +
v`, thirty times, a billion paths lead from the last value to the first. Visit every *value* once.

### Exercise 2.8: `Value` &nbsp; (5 points, about 60 minutes, ★★★)

Write the class. It should make lines like these work:

```python
x = Value(3.0)
y = (2 * x - 1) / x + x**2 - (-x).exp()
y.backward()
x.grad            # the slope of y at 3
```

The stub has the constructor only. Add the methods that you need, and further arguments with defaults if you
like, as `Total` has one. Like torch, `backward` *adds* to `.grad`: call it on one result, compute another
result from the same `x`, call it on that one, and `x.grad` holds the sum. Only this is asked: every result
is computed afresh from the leaves. Calling `backward` twice on one result, or computing on with a value of
an old graph, is not tested.

<details><summary>Hint 1: remembering</summary>

Give every `Value` a list of pairs (input, slope), empty for a leaf. Write one helper that makes a new
`Value` with such a list. Then each operation is one line.

<details><summary>Hint 2: fewer operations</summary>

Only `+`, `*`, `**` and the four functions need slopes of their own: $a - b = a + (-1) \cdot b$ and $a /
b = a \cdot b^{-1}$. For a number on the left, Python calls `__radd__`, `__rsub__`, `__rmul__` and
`__rtruediv__` of the `Value` on the right.

<details><summary>Hint 3: the order</summary>

Without recursion: keep a stack. Take a value from it. If you meet it for the first time, put it back
with the note "done after its inputs", and put its inputs on top. When it comes up again with the note,
append it to the order.

A shorter way: number all values as they are made. Inputs are always older than results.

<details><summary>Hint 4: the slopes</summary>

$(v^n)' = n\,v^{n-1}$, $\exp' = \exp$, $\log' = 1/v$, $\tanh' = 1 - \tanh^2$; relu has slope 1 where $v >
0$ and 0 where $v < 0$. In Python: `math.exp`, `math.log`, `math.tanh`.

</details></details></details></details>
"""


# %% exercise="Value"
class Value:
    """A number that remembers how it was made, and can pass a gradient back.

    Value(data): data is a float or an int; no gradient has arrived yet, so .grad is 0.0.
    + - * / take Values and numbers on either side, ** a constant number as exponent (2 ** v is not asked
    for), and there are unary minus, .relu(), .exp(), .log() and .tanh(). Each returns a new Value.
    .data: the number. .grad: float.
    .backward(): adds to the .grad of every Value that this one was made from the slope of this one with
    respect to it, summed over all paths. Calls on further results add up in .grad, when each result is
    freshly computed from leaves; a second call on one result, or on one that was computed from values of an
    older graph, is not asked for.
    Long chains (5,000 operations) work, and so do values that are used many times.
    """

    def __init__(self, data):
        ### BEGIN SOLUTION
        self.data = data
        self.grad = 0.0
        self._made_from = ()  # pairs (input, slope of this value with respect to it)

    @classmethod
    def _made(cls, data, *made_from):
        result = cls(data)
        result._made_from = made_from
        return result

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return self._made(self.data + other.data, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return self._made(self.data * other.data, (self, other.data), (other, self.data))

    def __pow__(self, exponent):
        return self._made(self.data**exponent, (self, exponent * self.data ** (exponent - 1)))

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -other

    def __truediv__(self, other):
        return self * other**-1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other

    def relu(self):
        return self._made(max(self.data, 0.0), (self, float(self.data > 0)))

    def exp(self):
        result = math.exp(self.data)
        return self._made(result, (self, result))

    def log(self):
        return self._made(math.log(self.data), (self, 1 / self.data))

    def tanh(self):
        result = math.tanh(self.data)
        return self._made(result, (self, 1 - result**2))

    def _inputs_first(self):
        """All values that this one was made from, and itself at the end, in topological order."""
        order, seen, stack = [], set(), [(self, False)]
        while stack:
            value, inputs_done = stack.pop()
            if inputs_done:
                order.append(value)
            elif value not in seen:
                seen.add(value)
                stack.append((value, True))
                stack.extend((source, False) for source, _ in value._made_from)
        return order

    def backward(self):
        arrived = {self: 1.0}  # of this call only; .grad may hold more, from earlier calls
        for value in reversed(self._inputs_first()):
            value.grad += arrived[value]
            for source, slope in value._made_from:
                arrived[source] = arrived.get(source, 0.0) + arrived[value] * slope
        ### END SOLUTION


# %% test="Value"
check.exercise("Value", points=5)
with check.case("computes like a number, with numbers on either side", points=1):
    check.number(Value(2.0).grad, float)
    check.equal(Value(2.0).grad, 0.0, "before backward, .grad is 0.0")
    check.close(Value(3).data, 3.0, "the .data of Value(3), made from an int, is wrong")
    check.that(type(Value(3).grad) is float, "the .grad of Value(3), made from an int, should be a float")
    data = dict(zip(["v + w", "v - w", "v * w", "v / w", "-v"], [2.0, -6.0, -8.0, -0.5, 2.0]))
    data |= dict(zip(["v + 3", "3 + v", "v - 3", "3 - v", "3 * v"], [1.0, 1.0, -5.0, 5.0, -6.0]))
    data |= dict(zip(["v * 0.5", "v / 4", "3 / w", "v ** 3"], [-1.0, -0.5, 0.75, -8.0]))
    data |= dict(zip(["w ** 0.5", "w ** -1", "v.relu()", "w.relu()"], [2.0, 0.25, 0.0, 4.0]))
    data |= {"v.exp()": math.exp(-2.0), "w.log()": math.log(4.0), "v.tanh()": math.tanh(-2.0)}
    for expression, expected in data.items():
        result = check.expression(expression, v=Value(-2.0), w=Value(4.0))
        check.that(isinstance(result, Value), f"`{expression}` should be a Value")
        check.close(result.data, expected, f"the .data of {expression} is wrong, for v = -2 and w = 4")
with check.case("knows the slope of every operation", points=1):
    slopes = {"3 + v": 1.0, "v - 3": 1.0, "3 - v": -1.0, "-v": -1.0, "3 * v": 3.0, "v / 4": 0.25}
    slopes |= {"3 / v": -0.75} | {
        "v ** 3": 12.0,
        "v ** -2": 0.25,
        "v.relu()": 0.0,
        "(-v).relu()": -1.0,
        "(-v).log()": -0.5,
    }
    slopes |= {"v.exp()": math.exp(-2.0), "v.tanh()": 1 - math.tanh(-2.0) ** 2}
    slopes |= {"(v + 2.01).relu()": 1.0, "(v + 1.99).relu()": 0.0, "(v * v - v).relu()": -5.0}
    for expression, slope in slopes.items():
        v = Value(-2.0)
        check.expression(expression, v=v).backward()
        check.close(v.grad, slope, f"the slope of {expression} is wrong, at v = -2")
    a, b = Value(3.0), Value(-4.0)
    (a * b - a / b).backward()
    check.number(a.grad, float)
    check.close(a.grad, -4 + 1 / 4, "the slope of a * b - a / b for a is wrong, at a = 3 and b = -4")
    check.close(b.grad, 3 + 3 / 16, "the slope of a * b - a / b for b is wrong, at a = 3 and b = -4")
    x = Value(3)
    (x * x).backward()
    check.number(x.grad, float)
with check.case("adds up over all paths, and over calls of backward", points=1):
    early = "a value passed its gradient on before all of it had arrived: it needs a topological order"
    wrong = {early: 2.0, "a gradient replaces the one before; add it to .grad": 6.0}
    wrong["a value passed on twice what arrived once: pass on when all has arrived, and once"] = 10.0
    for swapped in (False, True):
        x = Value(5.0)
        doubled = 2 * x
        tripled = 3 * doubled
        (tripled + doubled if swapped else doubled + tripled).backward()
        check.close(x.grad, 8.0, "y = a + b with a = 2 * x and b = 3 * a has slope 8", known=wrong)
    for expression, slope, once in (("x + x", 2.0, 1.0), ("x * x", 6.0, 3.0)):
        x = Value(3.0)
        check.expression(expression, x=x).backward()
        lost = f"{expression} has x as both of its inputs, and only one of them got its gradient: a dict with the inputs"
        wrong = {f"{lost} as keys, or a set, keeps x once": once}
        check.close(x.grad, slope, f"the slope of {expression} is wrong, at x = 3", known=wrong)
    x = Value(3.0)
    (x * x).backward()
    (2 * x).backward()
    wrong = {"the second backward wiped out the gradient of the first: they add up": 2.0}
    check.close(x.grad, 8.0, "after backward on x * x and then on 2 * x, at x = 3", known=wrong)
with check.case("goes through a chain of 5,000 operations, and visits every value once", points=1):
    x = last = Value(0.5)
    for _ in range(5000):
        last = last + 1
    last.backward()
    check.close(last.data, 5000.5)
    check.close(x.grad, 1.0)
    x = last = Value(1.0)
    for _ in range(30):
        last = last + last
    says = "backward follows every path on its own, a billion of them; visit every value once"
    with check.at_most(200_000, says):
        last.backward()
    check.close(x.grad, 2.0**30, "y = y + y, thirty times, has slope 2 ** 30")
### BEGIN HIDDEN TESTS
with check.case("the same as torch on long expressions", points=1, hidden=True):

    def tangle(a, b, c, exp, log, tanh, relu):
        d = a * b - 2 * c
        e = tanh(d) + exp(-(d**2)) / (1 + c**2)
        f = relu(e * 3 - b) + relu(b - e * 3) + log(c * c + 1.5)
        for _ in range(3):
            f = f * e / 2 + d - f**2 / 10
        return 1 / (f * f + 1) - a / (2 + e * e)

    grads = [0.0, 0.0, 0.0]
    values = [Value(number) for number in check.normal((3,), dtype=torch.float64).tolist()]
    for _ in range(3):  # fresh graphs over the same leaves: their gradients add up
        leaves = [torch.tensor(value.data, dtype=torch.float64, requires_grad=True) for value in values]
        result = tangle(*leaves, torch.exp, torch.log, torch.tanh, torch.relu)
        result.backward()
        grads = [total + leaf.grad.item() for total, leaf in zip(grads, leaves)]
        mine = tangle(*values, Value.exp, Value.log, Value.tanh, Value.relu)
        mine.backward()
        check.close(mine.data, result.item(), "the .data of a long expression is wrong")
        check.close([value.grad for value in values], grads, "the .grad in a long expression is wrong")
    x = last = Value(0.7)
    for _ in range(1250):
        last = 3 - (2 + -last) * 1
    last.backward()
    check.close(last.data, 1250.7)
    check.close(x.grad, 1.0, "a chain of 5,000 mixed operations with slope 1")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**What you have built.** Is this enough for a neural network? The next cell uses *your* `Value` (when it
is written) for a network with 8 hidden units and 33 parameters, and teaches it to tell two moons apart:
compute the loss, clear, `backward`, step down.
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def two_moons(num_points=40):
    """Points on two interlocked half circles: list of (x, y, side), side +1 or -1."""
    noise = 0.1 * torch.randn(num_points, 2, generator=torch.Generator().manual_seed(3))
    angles = torch.linspace(0, math.pi, num_points // 2)
    upper = torch.stack([angles.cos(), angles.sin()], dim=1)
    lower = torch.stack([1 - angles.cos(), 0.5 - angles.sin()], dim=1)
    points = torch.cat([upper, lower]) + noise
    return [(x, y, 1 if i < num_points // 2 else -1) for i, (x, y) in enumerate(points.tolist())]


def draw_moons(ax, parameters, points):
    numbers = torch.tensor([parameter.data for parameter in parameters], dtype=torch.float64)
    w1, w2, b, out = numbers[:-1].reshape(8, 4).T[:, :, None, None]
    ys, xs = torch.meshgrid(torch.linspace(-1.2, 1.7, 80), torch.linspace(-1.6, 2.6, 120), indexing="ij")
    scores = (out * torch.tanh(w1 * xs + w2 * ys + b)).sum(dim=0) + numbers[-1]
    ax.contourf(
        xs, ys, scores.sign(), levels=[-2, 0, 2], colors=[cu.plots.COLOURS[5], cu.plots.COLOURS[4]], alpha=0.3
    )
    for side, marker, colour in ((1, "o", cu.plots.COLOURS[1]), (-1, "s", cu.plots.COLOURS[0])):
        ax.plot(*zip(*[(x, y) for x, y, s in points if s == side]), marker, color=colour, markersize=6)
    ax.set(title="33 numbers, moved down their slopes, draw this border", xlabel="x", ylabel="y")


# %% tags=["experiment"]
def network_score(parameters, x, y):
    """One hidden layer of 8 tanh units. parameters: 33 Values; x, y: numbers."""
    score = parameters[-1]
    for unit in range(8):
        w1, w2, b, out = parameters[4 * unit : 4 * unit + 4]
        score = score + out * (w1 * x + w2 * y + b).tanh()
    return score


def train_on_moons(points, num_steps=80, lr=2.0):
    """Gradient descent on the mean logistic loss. Returns (parameters, loss before each step)."""
    start = torch.randn(33, generator=torch.Generator().manual_seed(0)).tolist()
    parameters, losses = [Value(number) for number in start], []
    for _ in range(num_steps):
        loss = Value(0.0)
        for x, y, side in points:
            loss = loss + ((-side * network_score(parameters, x, y)).exp() + 1).log() / len(points)
        for parameter in parameters:
            parameter.grad = 0.0
        loss.backward()
        for parameter in parameters:
            parameter.data -= lr * parameter.grad
        losses.append(loss.data)
    return parameters, losses


try:
    moons = two_moons()
    trained, losses = train_on_moons(moons)
except check.NotDoneYet:
    print("Write Value first, then run this cell again.")
else:
    cu.plots.curves(
        {"loss": losses}, x="step", title="Trained with your own autograd", alt="A falling loss curve"
    )
    cu.plots.figure(
        lambda ax: draw_moons(ax, trained, moons),
        alt="Two interlocked half moons on two coloured regions",
        height=3.4,
    )
    right = sum(side * network_score(trained, x, y).data > 0 for x, y, side in moons)
    assert right >= 38 and losses[-1] < losses[0] / 2
    print("At least 38 of 40 points are on the right side, and the loss has more than halved.")

# %% [markdown]
r"""
Torch does the same with tensors in place of single numbers, and with a few hundred operations in place
of your seven.

## 7 What do you believe now?

### Exercise 2.9: claim cards &nbsp; (3 points, about 10 minutes, ★★☆)

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
   (a) only if backward needs numbers that the forward walk kept, and the first call freed them, (b) only
   if `.grad` was not cleared, (c) only if the result is not a leaf.
"""

# %% exercise="claims_autograd"
answers = {
    "storage": "?",
    "second call": "?",
    "detach": "?",
    "no_grad": "?",
    "twice": "?",
}
### BEGIN SOLUTION
answers = {
    "storage": "false",
    "second call": "b",
    "detach": "c",
    "no_grad": "a",
    "twice": "a",
}
### END SOLUTION

# %% test="claims_autograd"
check.exercise("claims_autograd", points=3)
with check.case("every claim is answered with true, false, a, b or c"):
    claims = ["storage", "second call", "detach", "no_grad", "twice"]
    check.claims(answers, {claim: ["true", "false", "a", "b", "c"] for claim in claims})
### BEGIN HIDDEN TESTS
with check.case("claims about .grad", points=1, hidden=True):
    expected = {"storage": "false", "second call": "b"}
    check.right(answers, expected, "print x.grad at every step, as in section 2")
with check.case("claims about leaving the graph", points=1, hidden=True):
    check.right(answers, {"detach": "c", "no_grad": "a"}, "run the cells of section 3 once more")
with check.case("a claim about calling backward twice", points=1, hidden=True):
    check.right(answers, {"twice": "a"}, "see the last cell of section 2")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 2.10: in your own words &nbsp; (2 points, about 5 minutes, marked by your instructor)

A classmate trains a network and wants the mean loss of an epoch. In every step, after `loss.backward()`
and the update, the loop does `total = total + loss`, with the tensor `loss`. The training is correct,
but the memory in use grows from step to step. Explain in three or four sentences what is kept alive and
by whom, and name two ways to repair it. Why is it no remedy to put the whole loop under `torch.no_grad()`?
"""

# %% [markdown] written="graph" points=2
r"""
**Model answer.** `loss` is not a leaf: it remembers the step that made it, and through it the graph of
its forward walk. `total + loss` is recorded too, so `total` holds on to the graph of every step so far,
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
## Recap

- Down is against the gradient; how far you go is the learning rate.
- A numerical gradient is simple and slow. Central differences in float64 with $h \approx 10^{-5}$ are
  good to about ten digits.
- Torch records a graph while you compute. `backward` walks through it once, multiplies slopes along a
  path, adds up over paths, and leaves the result in the `.grad` of the leaves.
- `detach()`, `clone()`, `no_grad()` and `eval()` are four different tools. Two questions tell them apart:
  whose numbers are these, and is the step recorded?
- For results that are not one number, backward computes vector-Jacobian products. Test them with a
  random vector.
- A result keeps its whole graph alive for as long as you keep the result.

**What people get wrong.** They read `.grad` without knowing which calls of `backward` have written into it,
or whether any has; write into one tensor and wonder that another one changed; trust a gradient because it
passed a test with `.sum()`; use `eval()` where `no_grad()` is meant, and the other way round; take the
smallest `h` for the best; and trust a numerical slope at a kink, such as relu at 0, where there is none.

**Read on.** [PyTorch: autograd mechanics](https://pytorch.org/docs/stable/notes/autograd.html) · [Dive
into Deep Learning: automatic differentiation](https://d2l.ai/chapter_preliminaries/autograd.html) ·
[Baydin and others: Automatic differentiation in machine learning, a
survey](https://arxiv.org/abs/1502.05767) · [micrograd, an engine like
yours](https://github.com/karpathy/micrograd). Next: `03_linear_regression`, where you walk down a real
loss.
"""
