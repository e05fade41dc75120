# ---
# jupyter:
#   course:
#     prerequisites:
#     - Python
#     summary: Numbers in a grid, and what a network does to them
#     title: Tensors
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
# 1 Tensors

**Time:** about 3.5 hours. **You need:** Python. **Points:** 28.

Everything that a network reads, computes and learns is a grid of numbers, a *tensor*. After this chapter
you can

- **build** tensors of a wanted shape and dtype, and **read** the shape of a result before you run it;
- **replace** loops by broadcasting, along the axis you mean;
- **choose** between the four products that all look like "times";
- **predict** which tensors share memory, and **change** one in place without surprises.

| English | 中文 | what it is |
|---|---|---|
| tensor | 张量 | a grid of numbers with any number of axes |
| axis, dimension | 轴，维度 | one direction of the grid |
| shape | 形状 | the length of every axis |
| dtype | 数据类型 | the kind of number in every cell |
| broadcasting | 广播机制 | lining up tensors of different shapes |
| element-wise | 按元素 | each number with the number in the same place |
| storage | 存储 | the piece of memory that holds the numbers |
| stride | 步幅 | how far apart in the storage two neighbours along an axis are |
| mask | 掩码 | a tensor of True and False that picks elements |
| in place | 原地 | writing into existing memory |
| view | 视图 | another way to look at the same memory |

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. The check tells you what is still wrong. Some checks are hidden: they ask for the
same on other numbers, and run when your work is graded. When you come back after a break, the kernel has forgotten
everything: click the cell where you want to go on and choose *Run > Run All Above Selected Cell*.
"""

# %%
import course_utils as cu
from course_utils import check

import ipywidgets
import numpy as np
import torch

# %% [markdown]
r"""
## 1 A picture is a grid of numbers

What does a computer see when it looks at a boot? Here is one from the data set that will stay with us for
half of the course: ten kinds of garments, 28 by 28 pixels each. These are six boots.
"""

# %% tags=["experiment"]
clothes = cu.data.fashion_mnist(train=True)
boots = clothes.data[clothes.targets == 9][:6]  # uint8 (6, 28, 28): six of the pictures with the label 9
cu.plots.images(boots, columns=6, title="Ankle boots", alt="Six grey pictures of ankle boots on black")
cu.plots.heatmap(
    boots[0][12:20, 8:20].float(),
    rows=[str(row) for row in range(12, 20)],
    columns=[str(column) for column in range(8, 20)],
    title="Rows 12 to 19, columns 8 to 19 of the first boot: a larger number is a darker blue",
    alt="A table of numbers, 0 where the boot is black and up to 255 where it is lightest",
)

# %% [markdown]
r"""
Each boot is a table of whole numbers from 0, black, to 255, white. (The second picture uses shades of blue, so that
the numbers stay readable.) The garments are drawn by a program of the course, after the real photographs of the
data set Fashion-MNIST; chapter 04 tells how to use those. All 28 rows have the same length, so one pair of numbers describes the grid: its **shape**, (28, 28). A tensor is such a grid, with any number
of axes, and three things worth asking about:
"""

# %%
x = torch.arange(12)  # the whole numbers from 0 to 11
print(x)
print("shape:", x.shape, " numbers in all:", x.numel(), " kind of number:", x.dtype)

# %% [markdown]
r"""
`shape` holds the length of every axis, `numel()` is their product, and `dtype` is the kind of number in
the cells. Every cell of a tensor has the same kind. Which kind you get depends on how you ask:
"""

# %%
for made in (
    torch.arange(3),
    torch.arange(3, dtype=torch.float32),
    torch.tensor([1.0, 2, 4, 8]),  # one float among the numbers makes all of them floats
    torch.zeros(2, 3),
    torch.zeros((2, 3, 4)),  # three axes; the lengths may come as a tuple
    torch.ones(2, 3, device="cpu") > 0,  # where the numbers live; chapter 07 puts them on a GPU
):
    print(f"{made.dtype!s:14}", tuple(made.shape), made.device)

# %% [markdown]
r"""
Networks compute with `float32` by default: about seven digits, four bytes a number. (Large ones often use 16 bits.) Labels are `int64`.

`reshape` arranges the same numbers in other rows, always **row by row**: it fills the first row, then the second
(this is called row-major order).
Write -1 for one length that can be worked out from the others.
"""

# %%
print(x.reshape(3, 4))
print(x.reshape(2, -1).shape, x.reshape(-1, 1).shape)

# %% [markdown]
r"""
Random numbers come in two kinds that are easily mixed up: `rand` spreads them evenly over [0, 1), `randn`
draws from the bell curve with mean 0 and standard deviation 1.
"""

# %% jupyter={"source_hidden": true} tags=["experiment"]
g = torch.Generator().manual_seed(1)
evenly, normally = torch.rand(20_000, generator=g), torch.randn(20_000, generator=g)


def draw_histograms(ax):
    ax.hist(
        [evenly, normally],
        bins=80,
        range=(-4, 4),
        label=["torch.rand", "torch.randn"],
        histtype="stepfilled",
        alpha=0.7,
    )
    ax.set(xlabel="value", ylabel="how many of 20,000", title="Two kinds of random numbers")
    ax.legend()


cu.plots.figure(draw_histograms, alt="A flat block from 0 to 1 for rand, a bell around 0 for randn")

# %% [markdown]
r"""
### Exercise 1.1: `ramp` &nbsp; (2 points, about 5 minutes, ★☆☆)

Build a grid that counts. It will be our favourite test picture, because each number tells where it sits.

<details><summary>Hint 1</summary>

Make all the numbers in one long row first.

<details><summary>Hint 2</summary>

`torch.arange` has an argument for the dtype; look at the loop over dtypes above.

</details></details>
"""


# %% exercise="ramp"
def ramp(rows, cols):
    """The numbers 0, 1, 2, ..., rows * cols - 1 in row-major order.

    rows, cols: ints, 0 or more.
    Returns a float32 tensor of shape (rows, cols).
    """
    ### BEGIN SOLUTION
    return torch.arange(rows * cols, dtype=torch.float32).reshape(rows, cols)
    ### END SOLUTION


# %% test="ramp"
check.exercise("ramp", points=2)
with check.case("counts row by row", points=1):
    wrong = {}
    wrong["it counts down the columns; row-major means along the rows"] = [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]
    wrong["it starts at 1; the first number is 0"] = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    wrong["rows and cols are swapped: the shape is (rows, cols)"] = [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    wrong["one long row: give it the shape (rows, cols)"] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    check.close(ramp(2, 3), torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]), known=wrong)
with check.case("gives float32 in the shape (rows, cols), also when there is nothing to count", points=0.5):
    for rows, cols in ((4, 5), (1, 1), (0, 3), (3, 0), (0, 0)):
        check.like(ramp(rows, cols), torch.zeros(rows, cols))
### BEGIN HIDDEN TESTS
with check.case("the same in other sizes", points=0.5, hidden=True):
    for rows, cols in ((7, 1), (1, 9), (60, 70)):
        expected = torch.tensor([[float(row * cols + col) for col in range(cols)] for row in range(rows)])
        check.close(ramp(rows, cols), expected, strict=True)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 2 Which axis disappears?

What does the average pullover look like? We have 28-by-28 pictures by the thousand; we want one. So the
axis that counts the pictures has to go, and the two axes of the picture have to stay.
"""

# %% tags=["experiment"]
mean_pictures = torch.stack([clothes.data[clothes.targets == k].float().mean(dim=0) for k in range(10)])
print("one mean picture:", tuple(mean_pictures[2].shape), " all ten:", tuple(mean_pictures.shape))
cu.plots.images(
    mean_pictures / 255,
    titles=cu.data.FASHION_CLASSES,
    columns=5,
    title="The mean picture of each class",
    alt="Ten blurred garments; pullover, coat and shirt look nearly the same",
)

# %% [markdown]
r"""
`mean(dim=0)` ran along axis 0 and **that axis disappeared**. It is the same with `sum` and `std`: the axis
that you name is the one that goes. (NumPy calls it `axis`; torch takes both words.)
"""

# %%
A = torch.arange(6.0).reshape(2, 3)
for name, result in {
    "A": A,
    "A.sum(dim=0)": A.sum(dim=0),  # the rows are added up: one sum per column
    "A.sum(dim=1)": A.sum(dim=1),  # one sum per row
    "A.sum()": A.sum(),  # every axis is gone
    "A.sum(dim=(0, 1), keepdim=True)": A.sum(dim=(0, 1), keepdim=True),
}.items():
    print(f"{name:32} shape {tuple(result.shape)!s:7} {result.tolist()}")

# %% [markdown]
r"""
Look at the last two lines. `A.sum()` is a tensor with **no axes at all**: shape `()`, called 0-dimensional. It
is not a 1-by-1 table, which would have two axes of length 1; for that you need `keepdim=True`. `item()` takes the
number out of a tensor with one element, whatever its shape; for a tensor with more it raises an error.

Two tensors can be joined in two ways. `cat` makes an existing axis longer; the other axes must agree. `stack`
makes a new axis; all of them must agree.
"""

# %%
B = torch.full((2, 3), 9.0)
for name, joined in (
    ("cat,   dim=0", torch.cat((A, B), dim=0)),
    ("cat,   dim=1", torch.cat((A, B), dim=1)),
    ("stack, dim=0", torch.stack((A, B), dim=0)),
):
    print(name, "->", tuple(joined.shape))
for name, join in (("cat", torch.cat), ("stack", torch.stack)):
    try:
        join((A, torch.zeros(2, 4)))
    except RuntimeError:
        print(f"{name} of (2, 3) and (2, 4) along axis 0: refused")

# %% [markdown]
r"""
Comparing gives a tensor of True and False, a **mask**. `|` is "or", `&` is "and", element by element; `any`
and `all` boil a mask down, along an axis if you name one. A mask picks elements, and can say where to write:
"""

# %%
print(A > 2)
print("bigger than 2:", A[A > 2].tolist(), "  any below 0 or above 4:", ((A < 0) | (A > 4)).any().item())
print("columns that are all below 5:", (A < 5).all(dim=0).tolist())
print("0 where A is odd:", torch.where(A % 2 == 1, 0.0, A).tolist())
capped = A.clone()
capped[:, (A < 5).all(dim=0)] = -1  # write into the columns that the mask picks
print(capped.tolist())

# %% [markdown]
r"""
Beware of `==` between floats. They are rounded, so two ways to the same number may end a little apart:
"""

# %%
tenths = torch.tensor(0.1, dtype=torch.float64) * 3
third = torch.tensor(0.3, dtype=torch.float64)
print("0.1 * 3 == 0.3:", bool(tenths == third), "  close to it:", torch.allclose(tenths, third))

# %% [markdown]
r"""
## 3 Broadcasting: small tensors meet large ones

A photographer would say: subtract each picture's own brightness, so that light and dark photos become
comparable. That is one number per picture, to be subtracted from 784 numbers per picture. No loop is
needed: torch *lines the shapes up from the right* and stretches every axis of length 1.
"""

# %%
pictures = torch.tensor([[10.0, 20.0, 30.0, 40.0], [1.0, 2.0, 3.0, 4.0]])  # 2 pictures of 4 pixels
brightness = pictures.mean(dim=1, keepdim=True)  # (2, 1): keepdim leaves an axis of length 1
print("brightness", tuple(brightness.shape), brightness.tolist())
print((pictures - brightness).tolist())

# %% [markdown]
r"""
The rule, in full:

1. Write the shapes under each other, **right-aligned**. Missing axes on the left count as 1.
2. In every column the lengths must be equal, or one of them must be 1.
3. The result has the length that is not 1 (or 1, if both are); an axis of length 1 is read again and again.

```
pictures      2  4           (2, 4)          3  1  5
brightness    2  1           (   4)             4  1
              ----                           -------
result        2  4           (2, 4)          3  4  5
```

Without `keepdim` the brightness would have shape (2,). Right-aligned, its 2 meets the 4 of the pixels, and
torch refuses. That is the lucky case. With as many pictures as pixels nothing is refused, and the answer
is wrong:
"""

# %%
try:
    pictures - pictures.mean(dim=1)
except RuntimeError as error:
    print("2 pictures of 4 pixels:", error)
square = pictures[:, :2]  # 2 pictures of 2 pixels
print("2 pictures of 2 pixels:", (square - square.mean(dim=1)).tolist(), " wrong, and silent")
print("with keepdim:          ", (square - square.mean(dim=1, keepdim=True)).tolist())

# %% [markdown]
r"""
When the axis of length 1 is not there yet, `None` in an index makes one: `v[:, None]` turns a vector of shape
(n,) into a column of shape (n, 1), and `v[None, :]` into a row of shape (1, n). A column meets a row:
"""

# %%
v = torch.tensor([1.0, 2.0, 3.0])
print(tuple(v[:, None].shape), "+", tuple(v[None, :2].shape), "->", (v[:, None] + v[None, :2]).tolist())

# %% [markdown]
r"""
**Try it.** Choose the shapes of two tensors. The picture shows how they line up. *Goal: reach the result
(3, 4, 2) with as few stored numbers as you can. The record is 10.*
"""

# %% jupyter={"source_hidden": true}
SHAPES = {
    "A": [(3, 1, 1), (3, 4, 1), (3, 1, 2), (3, 4, 2), (1, 1, 2)],
    "B": [(2,), (4, 1), (4, 2), (3, 2), (3, 4, 2)],
}


def draw_shapes(ax, A, B):
    """Draw two shapes right-aligned, and the result or the column where they clash. Returns a comment."""
    padded = [(1,) * (3 - len(shape)) + tuple(shape) for shape in (A, B)]
    clash = [a != b and 1 not in (a, b) for a, b in zip(*padded)]
    result = ["?" if bad else b if a == 1 else a for a, b, bad in zip(*padded, clash)]
    for row, (name, lengths) in enumerate((("A", padded[0]), ("B", padded[1]), ("A + B", result))):
        ax.text(-0.9, -row, name, va="center", ha="right", fontsize=13)
        for column, length in enumerate(lengths):
            colour = "#f5c6a5" if clash[column] else "#d6ecf8" if length == 1 else "#7cc0ea"
            ax.barh(-row, 0.9, left=column - 0.45, height=0.8, color=colour)
            missing = name != "A + B" and 3 - column > len(A if name == "A" else B)
            ax.text(
                column,
                -row,
                "(1)" if missing else str(length),
                va="center",
                ha="center",
                fontsize=15,
                color="black",
            )
    ax.set(
        xlim=(-2, 3),
        ylim=(-2.7, 0.7),
        title="Shapes line up from the right; pale cells are stretched, (1) is added",
    )
    ax.axis("off")
    stored = int(np.prod(A) + np.prod(B))
    if any(clash):
        return "These shapes do not fit: the orange lengths differ and neither is 1."
    return f"The result is {tuple(result)}; A and B store {stored} numbers." + (
        " The record!" if result == [3, 4, 2] and stored == 10 else ""
    )


cu.demo.explore(
    draw_shapes,
    A=ipywidgets.Dropdown(options=SHAPES["A"]),
    B=ipywidgets.Dropdown(options=SHAPES["B"]),
    alt="Three rows of cells: the shapes of A, of B and of A + B",
)

# %% [markdown]
r"""
A still picture for readers without a kernel: A has the shape (3, 1, 1) and B the shape (4, 2). B gets a 1 on the left,
A is stretched along both axes of length 1, and 3 + 8 = 11 numbers are stored: one more than the record.
"""

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_shapes(ax, (3, 1, 1), (4, 2)),
    alt="A has shape 3, 1, 1 and B has shape 4, 2, read as 1, 4, 2; the result is 3, 4, 2",
)

# %% [markdown]
r"""
### Exercise 1.2: `outer` &nbsp; (2 points, about 5 minutes, ★☆☆)

The multiplication table of two vectors: entry (i, j) is `a[i] * b[j]`.

<details><summary>Hint 1</summary>

You want the shape (n, m) from (n,) and (m,). Which shapes would broadcast to it?

<details><summary>Hint 2</summary>

`None` in an index makes an axis of length 1. Which of the two vectors becomes a column?

</details></details>
"""


# %% exercise="outer"
def outer(a, b):
    """All products of an entry of a with an entry of b.

    a: (n,), b: (m,), tensors of any dtype; n and m may be 0.
    Returns a tensor of shape (n, m) whose dtype is torch.result_type(a, b).
    """
    ### BEGIN SOLUTION
    return a[:, None] * b  # (n, 1) * (m,) -> (n, m)
    ### END SOLUTION


# %% test="outer"
check.exercise("outer", points=2)
with check.case("multiplies every a with every b", points=1):
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0, 5.0])
    wrong = {}
    wrong["rows and columns are swapped: a belongs to the rows"] = [[3.0, 6.0], [4.0, 8.0], [5.0, 10.0]]
    wrong["these are the sums; the products are asked for"] = [[4.0, 5.0, 6.0], [5.0, 6.0, 7.0]]
    expected = torch.tensor([[3.0, 4.0, 5.0], [6.0, 8.0, 10.0]])
    check.close(check.unchanged(outer, a, b), expected, known=wrong)
with check.case("follows torch's rules for the dtype, also for vectors without entries", points=0.5):
    whole, real = torch.tensor([1, 2]), torch.tensor([1.5, 2.5, 3.5])
    for x, y in ((whole, real), (whole, whole), (real, real.double()), (real[:0], real), (whole, real[:0])):
        check.like(outer(x, y), torch.zeros(len(x), len(y), dtype=torch.result_type(x, y)))
### BEGIN HIDDEN TESTS
with check.case("the same on other sizes, also 0 and 1", points=0.5, hidden=True):
    for n, m in ((4, 4), (1, 6), (5, 1), (0, 3), (3, 0)):
        a, b = check.normal((n,), dtype=torch.float64), check.normal((m,), dtype=torch.float64)
        expected = torch.tensor([[x * y for y in b.tolist()] for x in a.tolist()], dtype=torch.float64)
        check.close(outer(a, b), expected.reshape(n, m), strict=True)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 1.3: `one_hot` &nbsp; (3 points, about 10 minutes, ★★☆)

A network answers "which class?" with one number per class. To compare, write the label 2 of four classes
as `[0, 0, 1, 0]`. Torch has `torch.nn.functional.one_hot`; here it is switched off, because comparing with
broadcasting does the same in one line.

<details><summary>Hint 1</summary>

Entry (i, j) is 1 where `labels[i] == j`. Which two tensors, of which shapes, do you compare?

<details><summary>Hint 2</summary>

A column of labels, (n, 1), compared with the row of all classes: the result contains True and False.

<details><summary>Hint 3</summary>

For the error, build a mask as in section 2, and ask whether any of its entries is True.

</details></details></details>
"""


# %% exercise="one_hot"
def one_hot(labels, num_classes):
    """Class labels as rows with a single 1.

    labels: int64 (n,), each in 0..num_classes - 1; n may be 0.
    Returns a float32 tensor of shape (n, num_classes).
    Raises ValueError, with a message, if a label is outside 0..num_classes - 1.
    """
    ### BEGIN SOLUTION
    if ((labels < 0) | (labels >= num_classes)).any():
        raise ValueError(f"labels must be in 0..{num_classes - 1}, got {labels.tolist()}")
    return (
        labels[:, None] == torch.arange(num_classes, device=labels.device)
    ).float()  # (n, 1) == (k,) -> (n, k)
    ### END SOLUTION


# %% test="one_hot"
check.exercise("one_hot", points=3)
with check.case("puts one 1 in each row, at the label", points=1):
    with check.without("torch.nn.functional.one_hot"):
        rows = check.unchanged(one_hot, torch.tensor([2, 0, 1, 2, 2]), 4)
    expected = torch.eye(4)[torch.tensor([2, 0, 1, 2, 2])]
    wrong = {}
    wrong["rows and columns are swapped: each label is a row"] = expected.T
    wrong["the 1 is one place too far to the right: label 0 is the first column"] = expected.roll(1, 1)
    wrong["0 and 1 are swapped"] = 1 - expected
    check.close(rows, expected, known=wrong)
with check.case("gives float32 of shape (n, num_classes), also for no labels", points=0.5):
    with check.without("torch.nn.functional.one_hot"):
        check.like(one_hot(torch.tensor([1]), 3), torch.zeros(1, 3))
        check.like(one_hot(torch.tensor([], dtype=torch.int64), 3), torch.zeros(0, 3))
with check.case("refuses labels that are no class", points=0.5):
    with check.without("torch.nn.functional.one_hot"):
        check.raises(ValueError, one_hot, torch.tensor([0, 3]), 3)
        check.raises(ValueError, one_hot, torch.tensor([0, -1]), 3)
### BEGIN HIDDEN TESTS
with check.case("the same on other labels", points=1, hidden=True):
    for n, classes in ((50, 10), (3, 1), (10, 300)):
        labels = check.integers((n,), 0, classes)
        expected = torch.tensor([[float(label == k) for k in range(classes)] for label in labels.tolist()])
        with check.without("torch.nn.functional.one_hot"):
            check.close(one_hot(labels, classes), expected, strict=True)
            check.raises(ValueError, one_hot, torch.tensor([classes]), classes)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 1.4: `standardize_columns` &nbsp; (4 points, about 15 minutes, ★★★)

A flat has 3 rooms and 800,000 square centimetres. A network that adds up both will only ever notice the
second number. The remedy is to put every column on the same scale: subtract its mean, divide by its standard
deviation. With $x$ and $z$ of shape (n, d), $\mu$ and $\sigma$ of shape (d,):

$$z_{ij} = \frac{x_{ij} - \mu_j}{\sigma_j},\qquad
\mu_j = \frac1n\sum_{i=1}^n x_{ij},\qquad
\sigma_j = \sqrt{\frac1n\sum_{i=1}^n (x_{ij}-\mu_j)^2}$$

This is the *population* standard deviation: it divides by $n$, not
by $n - 1$. A column whose entries are all equal has no scale; it becomes zeros.

<details><summary>Hint 1</summary>

Which axis should disappear when you compute the means? Look at the shapes: (n, d) minus (d,).

<details><summary>Hint 2</summary>

Look up the argument `correction` in `help(torch.std)`.

<details><summary>Hint 3</summary>

Do not ask whether the standard deviation is 0. The mean of seven times 0.1 is rounded, so the distances
from it may not be exactly 0. Ask whether all entries equal the first one, and write the zeros with a mask,
as in section 2. (Multiplying by 0 will not do: a division by zero has left nan there, and nan times 0 is nan.)

</details></details></details>
"""


# %% exercise="standardize_columns"
def standardize_columns(X):
    """Each column shifted to mean 0 and scaled to population standard deviation 1.

    X: float tensor (n, d), n and d at least 1.
    Returns a tensor of X's shape and dtype; X is unchanged. A column whose entries are all equal
    becomes zeros, whatever rounding does to its mean.
    """
    ### BEGIN SOLUTION
    constant = (X == X[0]).all(dim=0)  # (d,)
    centred = X - X.mean(dim=0)
    scaled = centred / torch.where(constant, 1.0, X.std(dim=0, correction=0))
    return torch.where(constant, 0.0, scaled)
    ### END SOLUTION


# %% test="standardize_columns"
check.exercise("standardize_columns", points=4)
with check.case("gives each column mean 0 and population standard deviation 1", points=1.5):
    X = torch.tensor([[1.0, 100.0], [2.0, 300.0], [3.0, 200.0], [6.0, 200.0]], dtype=torch.float64)
    centred, std = X - X.mean(dim=0), X.std(dim=0, correction=0)
    wrong = {}
    sample = centred / X.std(dim=0)
    wrong["it divides by the sample standard deviation (n - 1); the population one divides by n"] = sample
    rows = X - X.mean(1, keepdim=True)
    wrong["it standardises the rows; the columns are asked for"] = rows / X.std(1, correction=0, keepdim=True)
    wrong["it divides by the variance; take the square root of it"] = centred / std**2
    wrong["it multiplies by the standard deviation; divide by it"] = centred * std
    wrong["the mean is subtracted, and the division by the standard deviation is missing"] = centred
    wrong["the mean is not subtracted"] = X / std
    whole = (X - X.mean()) / X.std(correction=0)
    wrong["one mean and one standard deviation for the whole table; each column has its own"] = whole
    check.close(check.unchanged(standardize_columns, X), centred / std, known=wrong)
with check.case("keeps shape and dtype", points=0.5):
    for X in (check.normal((5, 3)), check.normal((4, 4), dtype=torch.float64)):
        check.like(standardize_columns(X), X)
with check.case("turns a column of equal entries into zeros", points=1):
    X = torch.tensor([[7.0, 1.0], [7.0, 2.0], [7.0, 3.0]])
    check.close(standardize_columns(X)[:, 0], torch.zeros(3), "the first column holds only sevens")
    X = torch.full((7, 1), 0.1)
    check.close(standardize_columns(X), torch.zeros(7, 1), "every entry is 0.1, so the column becomes zeros")
    row = torch.tensor([[4.0, -2.0]])
    check.close(standardize_columns(row), torch.zeros(1, 2), "a single row is constant")
    narrow = torch.tensor([[5.0], [5.0 + 2**-10], [5.0], [5.0 + 2**-10]])
    signs = torch.tensor([[-1.0], [1.0], [-1.0], [1.0]])
    check.close(standardize_columns(narrow), signs, "a narrow column is not a constant one", rtol=1e-3)
### BEGIN HIDDEN TESTS
with check.case("the same on other tables", points=1, hidden=True):
    X = check.normal((200, 5), mean=3.0, std=10.0, dtype=torch.float64)
    expected = torch.stack([(c - c.mean()) / ((c - c.mean()) ** 2).mean().sqrt() for c in X.unbind(1)], dim=1)
    check.close(standardize_columns(X), expected)
    narrow = torch.tensor([[0.0], [2.0**-20], [2.0**-20], [0.0]])
    signs = torch.tensor([[-1.0], [1.0], [1.0], [-1.0]])
    check.close(standardize_columns(narrow), signs, "a narrow column is not a constant one", rtol=1e-3)
    for n, value in ((9, 1e6 / 3), (11, 0.7), (101, -1e-3)):
        zeros = torch.zeros(n, 2)
        check.close(standardize_columns(torch.full((n, 2), value)), zeros, "a constant column becomes zeros")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 4 Four products that all look like "times"

| written | shapes | result | meaning |
|---|---|---|---|
| `A * B` | same, or broadcast | broadcast | each number with its partner (Hadamard product) |
| `torch.dot(x, y)` | (d,), (d,) | () | multiply partners, add up |
| `torch.mv(A, x)` | (n, d), (d,) | (n,) | one dot product per row of A |
| `torch.mm(A, B)` | (n, d), (d, m) | (n, m) | one dot product per row of A and column of B |

`A @ B` chooses the last three by itself, and works on whole stacks: (10, n, d) @ (10, d, m) is ten products.
In every matrix product the two inner lengths must agree, and they are the ones that disappear.
"""

# %%
A, x = torch.arange(6.0).reshape(2, 3), torch.tensor([1.0, 0.0, 2.0])
print("A * x  ", (A * x).tolist())
print("A @ x  ", (A @ x).tolist(), " the same, added up along each row:", (A * x).sum(dim=1).tolist())
print("A @ A.T", (A @ A.T).tolist())
print("ten products at once:", tuple((torch.ones(10, 2, 3) @ torch.ones(10, 3, 4)).shape))
print("x . x  ", torch.dot(x, x).item())
REFUSED = {
    "dot of two tables": lambda: torch.dot(A, A),
    "dot of float and int": lambda: torch.dot(x, torch.tensor([1, 2, 3])),
    "(2, 3) @ (2,)": lambda: A @ torch.ones(2),
    "float @ int": lambda: A @ torch.tensor([1, 2, 3]),
}
for name, product in REFUSED.items():
    try:
        product()
    except RuntimeError:
        print("refused:", name)

# %% [markdown]
r"""
A product wants one dtype on both sides, and matching lengths. Element-wise operations are more tolerant:
they turn int into float where both meet, and broadcast.

**What products are good for.** How alike are two garments? Take the dot product of two brightness-corrected
pictures: it is large where light meets light and dark meets dark. If every picture is first scaled to length 1
(the root of its dot product with itself), a picture and itself get 1, up to rounding. Another picture gets 1 only if it
is the same up to brightness and contrast. One matrix product compares all with all.
"""

# %% tags=["experiment"]
ten = torch.stack([clothes.data[clothes.targets == k][0].flatten().float() for k in range(10)])  # (10, 784)
ten = ten - ten.mean(dim=1, keepdim=True)
ten = ten / ten.norm(dim=1, keepdim=True)  # each picture scaled to length 1
cu.plots.heatmap(
    ten @ ten.T,
    rows=cu.data.FASHION_CLASSES,
    columns=cu.data.FASHION_CLASSES,
    title="How alike are ten garments? (1: the same up to brightness and contrast)",
    alt="A 10 by 10 table of similarities, with 1.00 along the diagonal",
)

# %% [markdown]
r"""
### Exercise 1.5: spot the bug in `weigh_doubled` &nbsp; (3 points, about 10 minutes, ★★☆)

Somebody wrote in a notebook: "double my copy of the table and multiply it with the weights; the table itself
stays as it was". The call below shows that neither half of the sentence came true. Find both mistakes and
write the function as it was meant.
"""


# %%
def weigh_doubled_broken(X, weights):
    A = X.numpy()  # "my own copy, as an array"
    A *= 2
    return torch.mv(A, weights)


table = torch.ones(2, 3)
try:
    weigh_doubled_broken(table, torch.ones(3))
except TypeError as error:
    print("TypeError:", str(error).splitlines()[0])
print("the table afterwards:", table.tolist())

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Read the error: which argument has which type?

<details><summary>Hint 2</summary>

The table was all ones before the call. Who wrote the twos into it? `X.numpy()` is not a copy; section 5 tells
why. An operation that assigns nothing, such as `2 * X`, makes a new tensor, and so does `X.clone()`.

</details></details>
"""


# %% exercise="weigh_doubled"
def weigh_doubled(X, weights):
    """The doubled table, multiplied by the weights.

    X: float (n, d), weights: float (d,) of the same dtype; both are unchanged afterwards.
    Returns a tensor of shape (n,) and of that dtype.
    """
    ### BEGIN SOLUTION
    return torch.mv(2 * X, weights)
    ### END SOLUTION


# %% test="weigh_doubled"
check.exercise("weigh_doubled", points=3)
with check.case("returns twice the table times the weights, as a tensor", points=1):
    X, weights = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), torch.tensor([1.0, 0.0, -1.0])
    wrong = {"the doubling is lost": [-2.0, -2.0], "the table was doubled twice": [-8.0, -8.0]}
    check.close(weigh_doubled(X, weights), torch.tensor([-4.0, -4.0]), known=wrong, strict=True)
with check.case("leaves the table and the weights as they were", points=1):
    X, weights = torch.ones(2, 3), torch.ones(3)
    weigh_doubled(X, weights)
    wrong = {"the table itself was doubled: what you doubled shares its memory": torch.full((2, 3), 2.0)}
    check.close(X, torch.ones(2, 3), "the table was changed", known=wrong)
    check.close(weights, torch.ones(3), "the weights were changed")
### BEGIN HIDDEN TESTS
with check.case("the same on other tables", points=1, hidden=True):
    for shape in ((5, 3), (1, 1), (3, 8)):
        X, weights = check.normal(shape, dtype=torch.float64), check.normal(shape[1:], dtype=torch.float64)
        expected = [2 * sum(x * w for x, w in zip(row, weights.tolist())) for row in X.tolist()]
        expected = torch.tensor(expected, dtype=torch.float64)
        check.close(check.unchanged(weigh_doubled, X, weights), expected, strict=True)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 1.6: `pairwise_sq_dists` &nbsp; (4 points, about 15 minutes, ★★★)

The simplest classifier of all: to name a garment, find the one it is nearest to, and take its label. It
needs the squared distance between every picture of one set and every picture of another:

$$D_{ij} = \sum_{k=1}^{d} (A_{ik} - B_{jk})^2,\qquad A: (n, d),\ B: (m, d),\ D: (n, m).$$

Your result has to be correct to one part in 10,000 (or to 0.0001, whichever is more), also where two points are
close together and far from the origin. That is a trap for the well-known shortcut $|a|^2 + |b|^2 - 2\,a\cdot b$: it subtracts numbers that
agree in nearly all of the seven digits which float32 has.

<details><summary>Hint 1</summary>

Broadcast to all differences first. Which shape do they have?

<details><summary>Hint 2</summary>

You need the shapes (n, 1, d) and (1, m, d). Their difference is (n, m, d): which axis has to disappear?

</details></details>
"""


# %% exercise="pairwise_sq_dists"
def pairwise_sq_dists(A, B):
    """Squared Euclidean distance from every row of A to every row of B.

    A: float (n, d), B: float (m, d) of the same dtype, entries within +-100; n or m may be 0.
    Returns a tensor (n, m) of that dtype; no entry is negative, and each is right to a relative or
    absolute 1e-4.
    """
    ### BEGIN SOLUTION
    differences = A[:, None, :] - B[None, :, :]  # (n, m, d)
    return (differences**2).sum(dim=2)
    ### END SOLUTION


# %% test="pairwise_sq_dists"
check.exercise("pairwise_sq_dists", points=4)
with check.case("measures from every row of A to every row of B", points=1):
    A, B = torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([[3.0, 4.0], [0.0, 0.0], [1.0, 0.0]])
    squared = torch.tensor([[25.0, 0.0, 1.0], [13.0, 2.0, 1.0]])
    wrong = {}
    wrong["these are the distances; the squared distances are asked for"] = squared.sqrt()
    wrong["rows and columns are swapped: A belongs to the rows"] = squared.T
    wrong["this is the mean over the d entries; take their sum"] = squared / 2
    wrong["the differences are added up before they are squared"] = [[49.0, 0.0, 1.0], [25.0, 4.0, 1.0]]
    wrong["these are absolute differences; square them"] = [[7.0, 0.0, 1.0], [5.0, 2.0, 1.0]]
    check.close(check.unchanged(pairwise_sq_dists, A, B), squared, known=wrong)
with check.case("keeps the dtype, and works with no rows", points=1):
    for n, m, d, dtype in ((4, 5, 3, torch.float32), (2, 2, 3, torch.float64), (0, 2, 3, torch.float32)):
        A, B = check.normal((n, d), dtype=dtype), check.normal((m, d), dtype=dtype)
        check.like(pairwise_sq_dists(A, B), torch.zeros(n, m, dtype=dtype))
        check.like(pairwise_sq_dists(B, A), torch.zeros(m, n, dtype=dtype))
with check.case("stays exact for close points far from the origin", points=1):
    A = check.uniform((40, 16), low=90, high=100)
    B = A + check.uniform((40, 16), low=-0.1, high=0.1)
    D = pairwise_sq_dists(A, B)
    check.like(D, torch.zeros(40, 40))
    exact = ((A.double()[:, None] - B.double()) ** 2).sum(2)
    below = "some squared distances are negative: the shortcut loses the digits that matter"
    check.that((D >= 0).all(), below)
    advice = "not exact enough: subtract the points first, then square" if (D - exact).abs().max() < 1 else ""
    check.close(D, exact, advice, rtol=1e-4, atol=1e-4)
### BEGIN HIDDEN TESTS
with check.case("the same on other points", points=1, hidden=True):
    for n, m, d in ((30, 50, 7), (1, 1, 1), (6, 6, 6), (0, 0, 2)):
        A, B = check.uniform((n, d), low=-100, high=100), check.uniform((m, d), low=-100, high=100)
        exact = ((A.double()[:, None] - B.double()) ** 2).sum(2)
        D = check.unchanged(pairwise_sq_dists, A, B)
        check.close(D, exact.float(), rtol=1e-4, atol=1e-4, strict=True)
    A = check.uniform((60, 8), low=-100, high=-99)
    check.that((pairwise_sq_dists(A, A) >= 0).all(), "some squared distances are negative")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**What you have built.** Your distances name 100 new garments by the nearest of 500 known ones.
"""

# %% jupyter={"source_hidden": true} tags=["experiment"]
new = cu.data.fashion_mnist(train=False)
known_pixels, known_labels = clothes.data[:500].flatten(1).float() / 255, clothes.targets[:500]
new_pixels, new_labels = new.data[:100].flatten(1).float() / 255, new.targets[:100]
distances = cu.yours(pairwise_sq_dists, instead=torch.cdist)  # (100, 784), (500, 784) -> (100, 500)
nearest = distances(new_pixels, known_pixels).argmin(dim=1)
share = (known_labels[nearest] == new_labels).float().mean()
print(f"right: about {10 * round(10 * share.item())} % (guessing: 10 %)")
wrong = (known_labels[nearest] != new_labels).nonzero().flatten()[:5]
taken_for = nearest[wrong]
cu.plots.images(
    torch.cat([new_pixels[wrong], known_pixels[taken_for]]).reshape(-1, 28, 28),
    titles=[cu.data.FASHION_CLASSES[k] for k in torch.cat([new_labels[wrong], known_labels[taken_for]])],
    columns=5,
    title="Five mistakes: above, the new garment; below it, its nearest neighbour",
    alt="Five new garments, each above a known garment that looks like it but has another label",
)

# %% [markdown]
r"""
**Why not a loop?** Subtract from each of 500 pictures its own mean, once in a Python loop over the pictures and
once with broadcasting.
"""

# %% tags=["experiment"]
with cu.training.Timer() as loop:
    slow = torch.stack([picture - picture.mean() for picture in known_pixels])
with cu.training.Timer() as broadcast:
    fast = known_pixels - known_pixels.mean(dim=1, keepdim=True)
print("same result:", torch.allclose(slow, fast, atol=1e-6))
cu.plots.bars(
    [loop.seconds * 1000, broadcast.seconds * 1000],
    labels=["a loop over the pictures", "broadcasting"],
    y="milliseconds",
    title="Taking the mean out of 500 pictures",
    alt="The bar for the loop towers over the bar for broadcasting",
)

# %% [markdown]
r"""
## 5 Who owns the numbers?

Transposing with `A.T` costs the same for a table of six numbers and for one of six billion. How can that be? Nothing
is moved. A tensor is two things: a **storage**, one long row of numbers in memory, and a note on how to read it. The
note says the dtype, the shape, the **offset** (where in the storage the first element is), and for every axis a
**stride**: how far apart two neighbours along that axis are in the storage.
"""

# %%
A = torch.arange(6).reshape(2, 3)
print("storage", A.as_strided((6,), (1,)).tolist(), " shape", tuple(A.shape), " stride", A.stride())
print("A.T    ", A.T.tolist(), " shape", tuple(A.T.shape), " stride", A.T.stride())
print("both begin at the same place in memory:", A.data_ptr() == A.T.data_ptr())


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_storage(ax):
    for place in range(6):
        ax.barh(0, 0.92, left=place - 0.46, height=0.7, color="#0072b2", alpha=0.8)
        ax.text(place, 0, str(place), ha="center", va="center", color="white", fontsize=14)
    for row in range(2):
        for column in range(3):
            ax.barh(1.9 - 0.6 * row, 0.5, left=column * 0.55 - 0.2, height=0.5, color="#56b4e9")
            ax.text(column * 0.55 + 0.05, 1.9 - 0.6 * row, str(3 * row + column), ha="center", va="center")
    for row in range(3):
        for column in range(2):
            ax.barh(1.9 - 0.6 * row, 0.5, left=3.9 + column * 0.55, height=0.5, color="#e69f00")
            ax.text(4.15 + column * 0.55, 1.9 - 0.6 * row, str(row + 3 * column), ha="center", va="center")
    ax.text(0.6, 2.4, "A: stride (3, 1)", ha="center")
    ax.text(4.4, 2.4, "A.T: stride (1, 3)", ha="center")
    ax.set(xlim=(-0.6, 5.6), ylim=(-0.5, 2.7), title="One storage, two ways to read it")
    ax.axis("off")


cu.plots.figure(
    draw_storage, alt="Six numbers in a row; above them A and its transpose, which read the same six numbers"
)

# %% [markdown]
r"""
A tensor whose numbers lie in its storage in reading order and without gaps, like A, is called **contiguous**; A.T is
not, and neither is `A[:, ::2]`.

So a second name, a view or a NumPy array may look at the same numbers, and a write through one of them changes what
the others show. To find out, ask NumPy whether the two have memory in common. (`id(A)` will not do: a view is a new
Python object on old memory. Nor does `A.data_ptr()`, the address of A's own first number: a row of A has another
first number than A.)
"""


# %%
def shares(a, b):
    """Whether two tensors or NumPy arrays have memory in common."""
    return np.shares_memory(np.asarray(a), np.asarray(b))  # neither call copies


A = torch.zeros(2, 3)
window, copy = A.T, A.clone()
array, array_copy = A.numpy(), A.numpy().copy()
A[0, 1] = 99
print(
    "view:",
    window[1, 0].item(),
    " clone:",
    copy[0, 1].item(),
    " numpy():",
    array[0, 1].item(),
    " numpy().copy():",
    array_copy[0, 1].item(),
)
print("two names, one storage:", shares(A, window), "  as Python objects they differ:", id(A) != id(window))
array[0, 1] = 7
print("written through the array, seen in the tensor:", A[0, 1].item())
numbers = np.zeros(3)
shared, copied = torch.from_numpy(numbers), torch.tensor(numbers)
numbers[0] = 99
print("from_numpy:", shared.tolist(), "  torch.tensor:", copied.tolist())
print("A and its second row share:", shares(A, A[1]), "  same first number:", A.data_ptr() == A[1].data_ptr())

# %% [markdown]
r"""
`reshape` shares when it can, and copies when it must. It must when no strides could read the old storage in
the new order, as after a transpose. `view` never copies: it refuses instead.
"""

# %%
A = torch.arange(6).reshape(2, 3)
print("reshape(1, 6) shares:", shares(A, A.reshape(1, 6)))
print("after a transpose, reshape(2, 3) shares:", shares(A, A.T.reshape(2, 3)))
try:
    A.T.view(6)
except RuntimeError:
    print("A.T.view(6): refused; A.T is contiguous:", A.T.is_contiguous())
print("contiguous() copies if it must:", not shares(A, A.T.contiguous()), A.T.contiguous().view(6).tolist())

# %% [markdown]
r"""
Last, the plus sign. `A = A + B` computes into **new** memory and then moves the name `A` there; everyone
else who held the old tensor keeps the old numbers. `A += B` and `A[:] = A + B` write into the old memory.
There is one difference: Python works out the right-hand side first, so `A[:] = A + B` builds the whole sum in
new memory and then copies it into A; `A += B` needs no second tensor.
"""


# %%
def what_happens(change):
    A = torch.ones(3)
    friend = A  # a second name for the same tensor
    before = A.data_ptr()
    A = change(A, torch.ones(3))
    return f"same memory: {A.data_ptr() == before!s:5}  the friend sees {friend.tolist()}"


def assign(A, B):
    A = A + B
    return A


def add_assign(A, B):
    A += B
    return A


def slice_assign(A, B):
    A[:] = A + B
    return A


for change in (assign, add_assign, slice_assign):
    print(f"{change.__name__:13}", what_happens(change))

A, B = torch.ones(3), torch.ones(3)
print("the right-hand side A + B shares A's memory:", shares(A, A + B))

# %% [markdown]
r"""
### Exercise 1.7: `add_in_place` &nbsp; (2 points, about 5 minutes, ★☆☆)

Training changes millions of numbers, the parameters of a network, step by step, in the memory where they lie. Write such a step.

<details><summary>Hint</summary>

Two of the three functions above do it.

</details>
"""


# %% exercise="add_in_place"
def add_in_place(A, B):
    """Add B to A, in A's own memory.

    A: tensor with at least one axis. B: tensor that broadcasts to A's shape; it is unchanged.
    Returns A itself, the same object.
    """
    ### BEGIN SOLUTION
    A += B
    return A
    ### END SOLUTION


# %% test="add_in_place"
check.exercise("add_in_place", points=2)
with check.case("adds, in A's own memory", points=1):
    for name, A in check.layouts(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])).items():
        B, before, friend = torch.tensor([1.0, 2.0, 3.0]), A.clone(), A[:]
        result = add_in_place(A, B)
        wrong = {"A itself did not change: the sum went into new memory": before}
        check.close(A, before + B, f"A is wrong ({name} in memory)", known=wrong)
        wrong = {"A moved to new memory: a view of the old A does not see the sum": before}
        check.close(friend, before + B, known=wrong)
        check.close(result, before + B)
        check.close(B, torch.tensor([1.0, 2.0, 3.0]), "B was changed")
with check.case("returns A itself", points=0.5):
    A = torch.zeros(2)
    check.same_object(add_in_place(A, torch.ones(2)), A, "what comes back is not the object A")
### BEGIN HIDDEN TESTS
with check.case("the same on other shapes and on a part of a larger tensor", points=0.5, hidden=True):
    for shape, other in (((4, 1, 3), (1, 1)), ((2, 2), (2, 1)), ((3,), (3,)), ((2, 0), (1, 0))):
        for A in check.layouts(check.normal(shape)).values():
            B, before = check.normal(other), A.clone()
            check.same_object(add_in_place(A, B), A, "what comes back is not the object A")
            check.close(A, before + B)
    A, B = torch.zeros(2, 3), torch.tensor([[1.0], [2.0]]).expand(2, 3)
    add_in_place(A, B)
    check.close(A, B)
    whole = torch.zeros(3, 4, dtype=torch.int64)
    add_in_place(whole[:, 1], torch.tensor([1, 2, 3]))
    check.equal(whole[:, 1], torch.tensor([1, 2, 3]), "the larger tensor did not change")
    check.equal(whole.sum(), torch.tensor(6), "more than the part was changed")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 1.8: `shares_memory` &nbsp; (3 points, about 10 minutes, ★★☆)

Predict first, then try with `shares`. (`detach()` returns a tensor without its history of computation, which
chapter 02 is about.) `A` and `B` are float tensors of shape (2, 3), and `array` is a NumPy array. Does
the **result** share its storage with the **original**? Replace each "?" by `True` or `False`.

| key | original | result |
|---|---|---|
| "reshape of contiguous" | `A` | `A.reshape(3, 2)` |
| "reshape of transposed" | `A` | `A.T.reshape(6)` |
| "transpose" | `A` | `A.T` |
| "clone" | `A` | `A.clone()` |
| "detach" | `A` | `A.detach()` |
| "numpy()" | `A` | `A.numpy()` |
| "from_numpy" | `array` | `torch.from_numpy(array)` |
| "torch.tensor of array" | `array` | `torch.tensor(array)` |
| "A = A + B" | `A` before | `A` after |
| "A += B" | `A` before | `A` after |
| "A[:] = A + B" | `A` before | `A` after |

<details><summary>Hint</summary>

For the last three, keep a second name: `before = A`, then the change, then `shares(before, A)`.

</details>
"""

# %%
# Room for experiments.
A = torch.zeros(2, 3)
print(shares(A, A.flatten()))

# %% exercise="shares_memory"
shares_memory = {
    "reshape of contiguous": "?",
    "reshape of transposed": "?",
    "transpose": "?",
    "clone": "?",
    "detach": "?",
    "numpy()": "?",
    "from_numpy": "?",
    "torch.tensor of array": "?",
    "A = A + B": "?",
    "A += B": "?",
    "A[:] = A + B": "?",
}
### BEGIN SOLUTION
copies = {"reshape of transposed", "clone", "torch.tensor of array", "A = A + B"}
shares_memory = {key: key not in copies for key in shares_memory}
### END SOLUTION

# %% test="shares_memory"
check.exercise("shares_memory", points=3)
with check.case("every question has an answer, True or False"):
    views = ["reshape of contiguous", "reshape of transposed", "transpose"]
    copies = ["clone", "detach", "numpy()", "from_numpy", "torch.tensor of array"]
    sums = ["A = A + B", "A += B", "A[:] = A + B"]
    check.claims(shares_memory, {key: [True, False] for key in [*views, *copies, *sums]})
### BEGIN HIDDEN TESTS
with check.case("reshape and transpose", points=1, hidden=True):
    check.right(shares_memory, dict(zip(views, [True, False, True])), "try them with `shares`")
with check.case("clone, detach and NumPy", points=1, hidden=True):
    expected = dict(zip(copies, [False, True, True, True, False]))
    check.right(shares_memory, expected, "try them with `shares`, or write 99 into one and look at the other")
with check.case("three ways to add", points=1, hidden=True):
    check.right(shares_memory, dict(zip(sums, [False, True, True])), "run `what_happens` once more")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 1.9: claim cards &nbsp; (3 points, about 10 minutes, ★★☆)

Students have written each of these sentences. Decide with the experiments of this chapter: answer "true",
"false", or the letter of the condition under which it is true. ("false" means: under none of the three.)

1. **"sum"**: "`X.sum()` returns a 1-by-1 tensor."
   (a) only if X has two axes, (b) only if X has two axes and both are kept with `keepdim=True`, (c) only for floats.
2. **"tensor and from_numpy"**: "After `B = torch.tensor(array)`, writing into `array` changes B."
   (a) only for float arrays, (b) only with `torch.from_numpy` in place of `torch.tensor`, (c) only on a GPU.
3. **"in place"**: "`A[:] = A + B` changes A without needing memory for a second tensor of A's size."
   (a) only if B has one element, (b) only if A is contiguous, (c) only written as `A += B` (or `A.add_(B)`).
4. **"friends"**: "`A += B` changes A and nothing else."
   (a) only if no other tensor or array looks at A's storage, (b) only if B is smaller than A, (c) only for int64.
5. **"dot"**: "`torch.dot(x, y)` works for any two tensors of equal shape."
   (a) only if both have one axis and the same dtype of numbers, (b) only if both are matrices, (c) only for float32.
"""

# %% exercise="claims_tensors"
answers = {
    "sum": "?",
    "tensor and from_numpy": "?",
    "in place": "?",
    "friends": "?",
    "dot": "?",
}
### BEGIN SOLUTION
answers = {"sum": "b", "tensor and from_numpy": "b", "in place": "c", "friends": "a", "dot": "a"}
### END SOLUTION

# %% test="claims_tensors"
check.exercise("claims_tensors", points=3)
with check.case("every claim is answered with true, false, a, b or c"):
    claims = ["sum", "tensor and from_numpy", "in place", "friends", "dot"]
    check.claims(answers, {claim: ["true", "false", "a", "b", "c"] for claim in claims})
### BEGIN HIDDEN TESTS
with check.case("claims about shapes", points=1, hidden=True):
    check.right(answers, {"sum": "b", "dot": "a"}, "ask torch: print the shapes, try other dtypes")
with check.case("claims about memory", points=2, hidden=True):
    expected = {"tensor and from_numpy": "b", "in place": "c", "friends": "a"}
    check.right(answers, expected, "look at the experiments of section 5 once more")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 1.10: in your own words &nbsp; (2 points, about 5 minutes, marked by your instructor)

A classmate computes `scores - scores.mean(dim=1)` for `scores` of shape (50, 50), one row per student, to
see how far each mark is from *that student's* mean. No error appears. Explain in three or four sentences
what was computed instead, why torch did not complain, how one could have noticed, and how to fix it.
"""

# %% [markdown] written="broadcasting" points=2
r"""
**Model answer.** `scores.mean(dim=1)` has the shape (50,). Lined up from the right, its 50 entries meet the
*columns*: from column j the mean of student j is subtracted, so each mark is compared with somebody else's
mean. Torch cannot know: 50 fits 50. One would notice with a table that is not square, where torch refuses, or
by checking that every row of the result has mean 0. `mean(dim=1, keepdim=True)` has the shape (50, 1) and
is stretched along the row, as meant.

**Mark scheme.** 1 point: says that the means meet the columns (the wrong axis), because shapes are lined up
from the right. ½ point: says why there is no error, or a way to notice it. ½ point: `keepdim=True`, or an
equivalent such as `[:, None]`.
"""

# %% [markdown]
r"""
## Recap

- A tensor is a storage plus a note: dtype, shape, offset and strides. Transposing and most reshaping change only the
  note, not the numbers.
- The axis that you name in a reduction is the one that disappears; `keepdim=True` leaves a 1 in its place.
- Broadcasting lines shapes up from the right and stretches axes of length 1.
- `*` multiplies partners; `@` multiplies and adds up along the inner axis.
- `clone()` and `torch.tensor` copy; `detach()`, views, `numpy()` and `from_numpy` share.

**What people get wrong.** They think that a full sum is a 1-by-1 table; that no error means the right axis;
that `.numpy()` gives a copy; that `A = A + B` changes the tensor others hold; that `reshape` never copies.

**Read on.** [PyTorch: broadcasting semantics](https://pytorch.org/docs/stable/notes/broadcasting.html) ·
[PyTorch: tensor views](https://pytorch.org/docs/stable/tensor_view.html) ·
[Dive into Deep Learning, chapter 2](https://d2l.ai/chapter_preliminaries/index.html). Next: `02_autograd`, where
tensors begin to remember how they were made.
"""
