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

- **build** tensors of a wanted shape and dtype, **pick** parts of them, and **predict** the shape of a result;
- **replace** loops by broadcasting, along the axis you mean;
- **choose** between the four products that all look like "times";
- **predict** which tensors share memory, and **change** one in place without surprises.

| English | Chinese (中文) | what it is |
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
| slice | 切片 | a range of an axis, such as `2:5` |
| norm | 范数 | the length of a vector: the root of the sum of its squares |
| in place | 原地 | writing into existing memory |
| view | 视图 | another way to look at the same memory |

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. The check tells you what is still wrong. Some checks are hidden: they ask for the
same on other numbers, and run when your work is graded. Once the checks of an exercise pass, the next cells work with
*your* function, and say so. When you come back after a break, the kernel has forgotten everything: click the cell where
you want to go on and choose *Run > Run All Above Selected Cell*.
"""

# %%
import course_utils as cu
from course_utils import check, garments

import ipywidgets
import numpy as np
import torch

# %% [markdown]
r"""
## 1 A picture is a grid of numbers

What does a computer see when it looks at a boot? Here is one from the data set that will stay with us for
most of the course: ten kinds of garments, 28 by 28 pixels each. These are six boots.
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
Each boot is a table of whole numbers from 0, black, to 255, white.

The garments are drawn by a program of the course, so that nothing has to be downloaded. They imitate the photographs
of the data set *Fashion-MNIST* (Zalando Research, MIT licence). `make data` fetches the photographs; from then on the
chapters use them, and this strip shows both:
"""

# %% tags=["experiment"]
drawn, kinds = garments.draw(10, seed=4)
strips = {"drawn by the course": torch.from_numpy(drawn[kinds.argsort()])}
if cu.data.source() == "real":
    strips["real"] = torch.stack([clothes.data[clothes.targets == k][0] for k in range(10)])
cu.plots.images(
    torch.cat(list(strips.values())),
    titles=list(cu.data.FASHION_CLASSES) * len(strips),
    columns=5,
    title=" and, below, ".join(strips).capitalize(),
    alt="Ten garments drawn by the course; with the real data set, ten photographs below them",
)

# %% [markdown]
r"""
All 28 rows of a picture have the same length, so one pair of numbers describes the grid: its **shape**, (28, 28). A
tensor is such a grid, with any number of axes, and three things worth asking about:
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
    torch.ones(2, 3, device="cpu") > 0,  # where the numbers live; chapter 7 puts them on a GPU
):
    print(f"{made.dtype!s:14}", tuple(made.shape), made.device)

# %% [markdown]
r"""
Networks compute with `float32` by default: about seven digits, four bytes a number. (Large ones often use 16 bits.)
Labels are `int64`. The pixels of a picture are `uint8`, whole numbers of one byte, and these are not made for
arithmetic. Predict the results before you look:
"""

# %%
pixels = torch.tensor([200, 100], dtype=torch.uint8)
print("200 + 100 =", (pixels[0] + pixels[1]).item())
print("100 - 200 =", (pixels[1] - pixels[0]).item())
try:
    pixels.mean()
except RuntimeError:
    print("mean of whole numbers: refused; as floats:", pixels.float().mean().item())
print("division gives floats:", pixels / 2, " // keeps whole numbers:", pixels // 3)

# %% [markdown]
r"""
One byte counts up to 255 and then starts again at 0: 300 becomes 44, and −100 becomes 156. No error tells you. Convert
with `.float()` before you calculate.

`reshape` arranges the same numbers in other rows, always **row by row**: it fills the first row, then the second
(this is called row-major order).
Write -1 for one length that can be worked out from the others.
"""

# %%
grid = x.reshape(3, 4)
print(grid)
print(x.reshape(2, -1).shape, x.reshape(-1, 1).shape)

# %% [markdown]
r"""
**Parts of a tensor.** Brackets pick a part: one entry for each axis, counted from 0, or from the end when it is
negative. A *slice* `start:stop` is a range without `stop`, `start:stop:step` takes every step-th, and `:` alone takes
all. Cover the output and predict the shapes.
"""

# %%
for name, part in {
    "grid[1, 2]": grid[1, 2],
    "grid[1]": grid[1],
    "grid[1:2]": grid[1:2],
    "grid[:, -1]": grid[:, -1],
    "grid[0:2, 1:3]": grid[0:2, 1:3],
    "grid[:, ::2]": grid[:, ::2],
    "grid[2:9]": grid[2:9],
}.items():
    print(f"{name:15} shape {tuple(part.shape)!s:7} {part.tolist()}")

# %% [markdown]
r"""
An axis with a number disappears, an axis with a slice stays, even with length 1. The last line asks for rows that do
not exist: a slice takes what there is and does not complain. (`grid[9]` raises an IndexError.)

On the left of `=`, the same brackets say where to write. The value is a number, or a tensor that fits the place:
"""

# %% tags=["experiment"]
scratched, striped, bright = boots[0].clone(), boots[0].clone(), boots[0].clone()
scratched[10:18, 8:12] = 255  # a white patch
striped[:, ::3] = 0  # every third column is black
bright[bright > 100] = 255  # where the picture is light already, white
cu.plots.images(
    [boots[0], scratched, striped, bright],
    titles=["as it was", "[10:18, 8:12] = 255", "[:, ::3] = 0", "[boot > 100] = 255"],
    columns=4,
    title="Writing into parts of a picture",
    alt="A boot, the boot with a white patch, with black stripes, and with all light pixels white",
)

# %% [markdown]
r"""
The third index is a comparison: it picks every place where the comparison is true. Section 2 returns to it. A slice
copies nothing. It is a **view**, a window on the same numbers, and writing into it changes the tensor behind it; that
is why the cell above works on clones. `boot[boot > 100]`, taken out, is a copy. Section 5 shows how views work.
"""

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
    stretched = torch.linspace(0, 6, 6).reshape(2, 3)
    wrong["it ends at rows * cols; the last number is one less, and the steps are 1"] = stretched
    wrong["a row begins `cols` after the one above it, not `rows`"] = [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]]
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
### Exercise 1.2: `crop` &nbsp; (2 points, about 8 minutes, ★★☆)

Cut the same square window out of each of n pictures, without copying a pixel. You have seen that a slice does not
complain when it leaves the tensor. Your function should.

<details><summary>Hint 1</summary>

The pictures have the shape (n, h, w). Which of the three axes gets a plain `:`?

<details><summary>Hint 2</summary>

Where does the window end? Compare both ends with h and w before you slice. And a negative start counts from the end.

</details></details>
"""


# %% exercise="crop"
def crop(images, top, left, size):
    """The same square window of each picture, as a view.

    images: (n, h, w), any dtype. top, left: row and column of the window's first pixel. size: its side, at least 1.
    Returns a tensor (n, size, size) that shares the memory of images.
    Raises ValueError, with a message, if the window leaves the picture.
    """
    ### BEGIN SOLUTION
    _, height, width = images.shape
    if top < 0 or left < 0 or top + size > height or left + size > width:
        raise ValueError(f"the window leaves the picture of {height} by {width} pixels")
    return images[:, top : top + size, left : left + size]
    ### END SOLUTION


# %% test="crop"
check.exercise("crop", points=2)
with check.case("cuts the window out of each picture", points=0.5):
    images = torch.arange(2 * 5 * 7).reshape(2, 5, 7)
    found = check.unchanged(crop, images, 1, 3, 3)
    wrong = {"top and left are swapped: top is the row": images[:, 3:6, 1:4]}
    wrong["the window is too large by one: a slice ends before `stop`"] = images[:, 1:5, 3:7]
    wrong["the window is too small by one: a slice ends before `stop`"] = images[:, 1:3, 3:5]
    wrong["`size` is used as the end of the window; it ends at top + size"] = images[:, 1:3, 3:3]
    wrong["only the first picture is cut"] = images[0, 1:4, 3:6]
    wrong["the first axis counts the pictures: give it a plain `:`"] = images[1:4, 3:6]
    wrong["the window starts one pixel too early: rows and columns count from 0"] = images[:, 0:3, 2:5]
    check.close(found, images[:, 1:4, 3:6], known=wrong, strict=True)
with check.case("is a view", points=0.5):
    images = torch.zeros(2, 4, 4)
    check.shares_memory(crop(images, 1, 1, 2), images, "the window is a copy: slice, and do no more")
with check.case("refuses a window that leaves the picture, and no other", points=0.5):
    for top, left, size in ((3, 0, 3), (0, 5, 3), (-3, 0, 2), (0, -4, 2), (0, 0, 6)):
        check.raises(ValueError, crop, torch.zeros(2, 5, 7), top, left, size)
    for top, left, size in ((0, 0, 5), (0, 2, 5), (4, 6, 1)):
        check.like(crop(torch.zeros(2, 5, 7), top, left, size), torch.zeros(2, size, size))
### BEGIN HIDDEN TESTS
with check.case("the same on other pictures", points=0.5, hidden=True):
    for n, height, width, top, left, size in ((3, 28, 28, 7, 0, 14), (1, 6, 4, 2, 1, 3), (5, 4, 9, 0, 5, 4)):
        images = check.integers((n, height, width), 0, 256).to(torch.uint8)
        pixels = range(size)
        expected = [[[p[top + i, left + j].item() for j in pixels] for i in pixels] for p in images]
        found = check.unchanged(crop, images, top, left, size)
        check.close(found, torch.tensor(expected, dtype=torch.uint8), strict=True)
        check.shares_memory(found, images, "the window is a copy")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Put it to work: how much of a garment must one see to name it?
"""

# %% tags=["experiment"]
window = cu.yours(
    crop, instead=lambda images, top, left, size: images.narrow(1, top, size).narrow(2, left, size)
)
seen = torch.stack([clothes.data[clothes.targets == k][1] for k in range(10)])  # (10, 28, 28)
cu.plots.images(
    window(seen, 7, 7, 14),
    titles=cu.data.FASHION_CLASSES,
    columns=5,
    title="The middle quarter of ten garments",
    alt="Ten small windows; trousers show a gap, the tops look nearly the same",
)

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
and `all` reduce a mask to one answer, or along an axis if you name one. A mask picks elements, and can say where to write:
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
### Exercise 1.3: `outer` &nbsp; (2 points, about 5 minutes, ★☆☆)

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
An outer product makes a picture of two profiles. Take the mean of each row of a picture, 28 numbers, and of each
column, 28 more. Their products, divided by the mean of the picture, have the same row and column means as the picture:
"""

# %% tags=["experiment"]
products = cu.yours(outer, instead=torch.outer)
chosen = [clothes.data[clothes.targets == k][0].float() / 255 for k in (0, 1, 8)]
from_profiles = [products(one.mean(dim=1), one.mean(dim=0)) / one.mean() for one in chosen]
cu.plots.images(
    [*chosen, *[one.clamp(0, 1) for one in from_profiles]],
    columns=3,
    title="Above, three garments; below, the outer product of their row and column means",
    alt="A T-shirt, trousers and a bag, and below each a blurred version made of horizontal and vertical bands",
)

# %% [markdown]
r"""
### Exercise 1.4: `one_hot` &nbsp; (3 points, about 10 minutes, ★★☆)

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
    left = torch.eye(5)[torch.tensor([2, 0, 1, 2, 2]), 1:]
    wrong["the 1 is one place too far to the left: the classes count from 0"] = left
    wrong["0 and 1 are swapped"] = 1 - expected
    everywhere = torch.tensor([1.0, 1.0, 1.0, 0.0]).expand(5, 4)
    wrong["each row has the 1s of all labels: it should have its own alone"] = everywhere
    wrong["there are 1s in front of the label, too: compare with =="] = expected.flip(1).cumsum(1).flip(1)
    wrong["the label itself is written; write a 1"] = expected * torch.arange(4)
    wrong["num_classes is ignored: a class without a label has a column, too"] = expected[:, :3]
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
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 1.5: `standardize_columns` &nbsp; (4 points, about 15 minutes, ★★★)

A flat has 3 rooms and 800,000 square centimetres. A network that adds up both hardly notices the first
number. The remedy is to put every column on the same scale: subtract its mean, divide by its standard
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
    X = torch.tensor([[1.0, 200.0], [2.0, 100.0], [3.0, 300.0], [6.0, 200.0]], dtype=torch.float64)
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
    wrong["one mean for the whole table; each column has its own"] = (X - X.mean()) / std
    wrong["one standard deviation for the whole table; each column has its own"] = centred / X.std(
        correction=0
    )
    wrong["the entries are subtracted from the mean; subtract the mean from them"] = -centred / std
    distance = centred.abs().mean(0)
    wrong["it divides by the mean distance; the standard deviation squares the distances first"] = (
        centred / distance
    )
    summed = centred / (centred**2).sum(0).sqrt()
    wrong["under the root is the sum of the squares; their mean belongs there"] = summed
    between = (X - X.amin(0)) / (X.amax(0) - X.amin(0))
    wrong["each column runs from 0 to 1; subtract its mean, divide by its standard deviation"] = between
    wrong["every column becomes zeros: only one whose entries are all equal should"] = torch.zeros(4, 2)
    ends = torch.where(X[0] == X[-1], 0.0, centred / std)
    wrong["the first entry equals the last, and the others differ: that column is not constant"] = ends
    check.close(check.unchanged(standardize_columns, X), centred / std, known=wrong)
with check.case("keeps shape and dtype", points=0.5):
    for X in (check.normal((5, 3)), check.normal((4, 4), dtype=torch.float64)):
        check.like(standardize_columns(X), X)
with check.case("turns a column of equal entries into zeros", points=1):
    X = torch.tensor([[7.0, 1.0], [7.0, 2.0], [7.0, 3.0]])
    found = standardize_columns(X)
    check.equal(list(found.shape), [3, 2], "the column stays where it is, as zeros: keep the shape of X")
    check.close(found[:, 0], torch.zeros(3), "the first column holds only sevens")
    X = torch.full((7, 1), 0.1)
    check.close(standardize_columns(X), torch.zeros(7, 1), "every entry is 0.1, so the column becomes zeros")
    row = torch.tensor([[4.0, -2.0]])
    check.close(standardize_columns(row), torch.zeros(1, 2), "a single row is constant")
    signs = torch.tensor([[-1.0], [1.0], [-1.0], [1.0]], dtype=torch.float64)
    narrow = 5 + 2**-20 * signs
    words = "a narrow column is not a constant one: compare its entries exactly, add nothing to its deviation"
    found = standardize_columns(narrow)
    shrunk = isinstance(found, torch.Tensor) and ((found * signs >= 0) & (found * signs < 1)).all()
    wrong = {
        "the sample standard deviation divides by n - 1; the population one divides by n": signs * 0.75**0.5
    }
    check.close(found, signs, words if shrunk else "", known=wrong, rtol=1e-3)
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
Which flat is most like the first one, with 3 rooms and 80 square metres: another one with 3 rooms and 81, or one with
7 rooms and 80.5? Take the sum of squared differences, once in the raw columns, and once in the standardised ones.
"""

# %% tags=["experiment"]
scaled = cu.yours(standardize_columns, instead=lambda X: (X - X.mean(0)) / X.std(0, correction=0))
flats = torch.tensor([[3, 800_000], [3, 810_000], [7, 805_000], [2, 560_000], [5, 1_200_000.0]])
for name, columns in (("raw", flats), ("standardised", scaled(flats))):
    apart = ((columns - columns[0]) ** 2).sum(dim=1)  # (5,)
    print(f"{name:13} most like flat 0: flat {apart[1:].argmin().item() + 1}")

# %% [markdown]
r"""
In the raw columns, half a square metre counts more than four rooms.

**A good place to stop.** What follows needs nothing but the functions above.

## 4 Four products that all look like "times"

| written | shapes | result | meaning |
|---|---|---|---|
| `A * B` | same, or broadcast | broadcast | each number with its partner (Hadamard product) |
| `torch.dot(x, y)` | (d,), (d,) | () | multiply partners, add up |
| `torch.mv(A, x)` | (n, d), (d,) | (n,) | one dot product per row of A |
| `torch.mm(A, B)` | (n, d), (d, m) | (n, m) | one dot product per row of A and column of B |

With indices, where every $C_{ij}$ is the dot product of row i of $A$ and column j of $B$:

$$C_{ij} = \sum_{k=1}^{d} A_{ik} B_{kj},\qquad A: (n, d),\ B: (d, m),\ C: (n, m).$$

`A @ B` chooses the last three by itself, and works on whole stacks: (10, n, d) @ (10, d, m) is ten products,
and so is (10, n, d) @ (d, m), with the same right factor in each.
In every matrix product the two inner lengths must agree, and they are the ones that disappear. Functions such as
`exp`, `sqrt` and `abs` are like `*`: they work on each number alone and keep the shape.
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
A product needs one dtype on both sides, and matching lengths. Element-wise operations are more tolerant:
they turn int into float where both meet, and broadcast.

**What a product can do.** In section 2, a loop over the classes computed ten mean pictures. One matrix product does it:
with the labels as one-hot rows $Y$, (n, 10), and the pixels $X$, (n, 784), the product $Y^\top X$, (10, 784), adds up the
pictures of each class.
"""

# %% tags=["experiment"]
rows = cu.yours(one_hot, instead=torch.nn.functional.one_hot)
Y, X = rows(clothes.targets, 10).float(), clothes.data.flatten(1).float()  # (n, 10), (n, 784)
means = (Y.T @ X) / Y.sum(dim=0)[:, None]  # (10, 784) / (10, 1)
print("as the loop:", torch.allclose(means.reshape(10, 28, 28), mean_pictures, atol=1e-2))
cu.plots.images(
    means.reshape(10, 28, 28) / 255,
    titles=cu.data.FASHION_CLASSES,
    columns=5,
    title="Ten mean pictures from one product",
    alt="The ten blurred mean garments of section 2",
)

# %% [markdown]
r"""
**What a product costs.** Each of the n · m results adds up d products, so a matrix product takes n · d · m
multiplications. $(AB)C$ and $A(BC)$ are the same table, up to rounding, but not the same work. Predict how many multiplications each
takes for A (1000, 2), B (2, 1000) and C (1000, 2).
"""

# %% tags=["experiment"]
g = torch.Generator().manual_seed(2)
A, B, C = (torch.randn(shape, generator=g) for shape in ((1000, 2), (2, 1000), (1000, 2)))
print(f"(AB)C: {1000 * 2 * 1000 + 1000 * 1000 * 2:,} multiplications")
print(f"A(BC): {2 * 1000 * 2 + 1000 * 2 * 2:,}")
print("same table:", torch.allclose((A @ B) @ C, A @ (B @ C), atol=1e-2))


def milliseconds(work):
    """The time of the fastest of 30 runs on one processor core: other programs disturb it least."""
    threads, seconds = torch.get_num_threads(), []
    torch.set_num_threads(1)
    for _ in range(30):
        with cu.training.Timer() as timer:
            work()
        seconds.append(timer.seconds)
    torch.set_num_threads(threads)
    return 1000 * min(seconds)


cu.plots.bars(
    [milliseconds(lambda: (A @ B) @ C), milliseconds(lambda: A @ (B @ C))],
    labels=["(A B) C", "A (B C)"],
    y="milliseconds, the fastest of 30",
    title="Where the brackets are decides how long it takes",
    alt="The bar of (AB)C is much taller than that of A(BC)",
)

# %% [markdown]
r"""
The work differs by a factor of 500, the time by less: starting an operation takes time, too.

### Exercise 1.6: `shapes` &nbsp; (3 points, about 10 minutes, ★★☆)

Most mistakes with tensors are mistakes with shapes, and you can find them before you run anything. Let A have the shape
(2, 3), B (3, 4), v (3,) and T (5, 2, 3). Write down the shape of each expression as a tuple: `(2, 3)`, with one axis
`(3,)`, without any `()`. Predict first; then try.

<details><summary>Hint 1</summary>

Write the two shapes below each other, right-aligned. For `@`, the inner lengths disappear.

<details><summary>Hint 2</summary>

Make `A = torch.zeros(2, 3)` and the others in a cell of your own, and look at those that surprise you.

</details></details>
"""

# %% exercise="shapes"
shapes = {
    "A * v": "?",
    "v[:, None] * v": "?",
    "A @ B": "?",
    "A @ v": "?",
    "T @ B": "?",
    "T + A": "?",
    "A[0]": "?",
    "A[0:1]": "?",
    "T[:, 0, -1]": "?",
    "T.sum(dim=1)": "?",
    "T.mean(dim=0, keepdim=True)": "?",
    "torch.dot(v, v)": "?",
    "torch.cat((A, A))": "?",
    "torch.stack((A, A))": "?",
}
### BEGIN SOLUTION
shapes = {
    "A * v": (2, 3),
    "v[:, None] * v": (3, 3),
    "A @ B": (2, 4),
    "A @ v": (2,),
    "T @ B": (5, 2, 4),
    "T + A": (5, 2, 3),
    "A[0]": (3,),
    "A[0:1]": (1, 3),
    "T[:, 0, -1]": (5,),
    "T.sum(dim=1)": (5, 3),
    "T.mean(dim=0, keepdim=True)": (1, 2, 3),
    "torch.dot(v, v)": (),
    "torch.cat((A, A))": (4, 3),
    "torch.stack((A, A))": (2, 2, 3),
}
### END SOLUTION

# %% test="shapes"
check.exercise("shapes", points=3)
given = shapes if isinstance(shapes, dict) else {}
predicted = {key: tuple(s) if isinstance(s, (list, torch.Size)) else s for key, s in given.items()}
stretched, products = ["A * v", "v[:, None] * v", "T + A"], ["A @ B", "A @ v", "T @ B", "torch.dot(v, v)"]
parts = ["A[0]", "A[0:1]", "T[:, 0, -1]"]
axes = ["T.sum(dim=1)", "T.mean(dim=0, keepdim=True)", "torch.cat((A, A))", "torch.stack((A, A))"]
with check.case("every expression has a shape, written as a tuple"):
    if given and all(isinstance(s, str) and s == "?" for s in given.values()):
        raise check.NotDoneYet
    for key in (*stretched, *products, *parts, *axes):
        check.that(key in predicted, f"no answer for {key!r}: keep the keys of the dict as they were")
        check.that(predicted[key] != "?", f"{key!r} is not predicted yet")
        form = f"the shape of {key!r} should be a tuple: (2, 3), with one axis (3,), without any ()"
        check.that(isinstance(predicted[key], tuple), form)
### BEGIN HIDDEN TESTS
with check.case("broadcasting", points=0.75, hidden=True):
    expected = dict(zip(stretched, [(2, 3), (3, 3), (5, 2, 3)]))
    check.right(predicted, expected, "write the shapes below each other, right-aligned")
with check.case("products", points=0.75, hidden=True):
    expected = dict(zip(products, [(2, 4), (2,), (5, 2, 4), ()]))
    check.right(predicted, expected, "the inner lengths must agree, and disappear")
with check.case("parts", points=0.75, hidden=True):
    expected = dict(zip(parts, [(3,), (1, 3), (5,)]))
    check.right(predicted, expected, "an axis with a number disappears, an axis with a slice stays")
with check.case("sums, means and joining", points=0.75, hidden=True):
    expected = dict(zip(axes, [(5, 3), (1, 2, 3), (4, 3), (2, 2, 3)]))
    check.right(predicted, expected, "which axis is named, and does it go, stay or grow?")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**How long is a vector?** Its **norm** is the root of the sum of its squared entries, by Pythagoras:
$\lVert x \rVert = \sqrt{\sum_k x_k^2} = \sqrt{x \cdot x}$, in torch `x.norm()`. `X.norm(dim=1)` gives one norm per row.
Twice the vector has twice the norm, and points in the same direction. To compare directions alone, divide the dot product by both norms. This is the **cosine** of the
angle between the two:

$$\cos(a, b) = \frac{a \cdot b}{\lVert a \rVert \, \lVert b \rVert}$$

It is 1 for the same direction, 0 for a right angle, −1 for opposite directions.
"""

# %%
a, b = torch.tensor([3.0, 4.0]), torch.tensor([4.0, -3.0])
print("norms:", a.norm().item(), (2 * a).norm().item())
for name, other in (("2 a", 2 * a), ("b", b), ("-a", -a)):
    print(f"cosine of a and {name}:", (torch.dot(a, other) / (a.norm() * other.norm())).item())

# %% [markdown]
r"""
### Exercise 1.7: `cosine_similarity` &nbsp; (3 points, about 12 minutes, ★★☆)

Compare each row of A with each row of B: n · m cosines from one matrix product. Torch has a function for it, which is
switched off here.

<details><summary>Hint 1</summary>

Which product of A, (n, d), and B, (m, d), has the shape (n, m)? One of them must be transposed.

<details><summary>Hint 2</summary>

Divide every row by its norm first. The norms of all rows, with `keepdim=True`, have a shape that fits.

<details><summary>Hint 3</summary>

A row of zeros has the norm 0, and 0 / 0 is nan. What else could you divide such a row by, so that it stays zero?

</details></details></details>
"""


# %% exercise="cosine_similarity"
def cosine_similarity(A, B):
    """The cosine of the angle between every row of A and every row of B.

    A: float (n, d), B: float (m, d) of the same dtype; n and m may be 0.
    Returns a tensor (n, m) of that dtype. A row of zeros has cosine 0 with everything.
    """
    ### BEGIN SOLUTION
    lengths_a, lengths_b = A.norm(dim=1, keepdim=True), B.norm(dim=1, keepdim=True)  # (n, 1), (m, 1)
    unit_a = A / torch.where(lengths_a == 0, 1.0, lengths_a)
    unit_b = B / torch.where(lengths_b == 0, 1.0, lengths_b)
    return unit_a @ unit_b.T
    ### END SOLUTION


# %% test="cosine_similarity"
check.exercise("cosine_similarity", points=3)
with check.case("divides the dot products by both norms", points=1):
    A, B = torch.tensor([[3.0, 4.0], [0.0, 2.0]]), torch.tensor([[6.0, 8.0], [-4.0, 3.0], [0.0, -5.0]])
    dots, a, b = A @ B.T, A.norm(dim=1, keepdim=True), B.norm(dim=1)
    wrong = {"these are the dot products; divide by both norms": dots}
    wrong["it divides by the norms of A only"] = dots / a
    wrong["it divides by the norms of B only"] = dots / b
    wrong["rows and columns are swapped: A belongs to the rows"] = (dots / a / b).T
    wrong["it divides by the squared norms; take their roots"] = dots / a**2 / b**2
    wrong["one norm for the whole table; every row has its own"] = dots / A.norm() / B.norm()
    wrong["these are absolute values; opposite directions have cosine -1"] = (dots / a / b).abs()
    wrong["these are distances, 1 minus the cosine; the cosine is asked for"] = 1 - dots / a / b
    sums = A.abs().sum(dim=1, keepdim=True) * B.abs().sum(dim=1)
    wrong["it divides by sums of absolute values; the norm is the root of the sum of squares"] = dots / sums
    wrong["these are the angles; their cosines are asked for"] = (dots / a / b).acos()
    columns = (A / A.norm(dim=0)) @ (B / B.norm(dim=0)).T
    wrong["these are the norms of the columns; every row is divided by its own norm"] = columns
    U, V = A - A.mean(dim=1, keepdim=True), B - B.mean(dim=1, keepdim=True)
    centred = U @ V.T / U.norm(dim=1, keepdim=True) / V.norm(dim=1)
    wrong["the mean of each row is subtracted; the cosine takes the rows as they are"] = centred
    with check.without("torch.nn.functional.cosine_similarity"):
        check.close(check.unchanged(cosine_similarity, A, B), dots / a / b, known=wrong)
with check.case("gives 0 for a row of zeros, and the right cosine for a very short one", points=1):
    A = torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 2.0]])
    with check.without("torch.nn.functional.cosine_similarity"):
        found = cosine_similarity(A, A)
        short = cosine_similarity(1e-6 * A[1:], A[1:])
    check.like(found, torch.zeros(2, 2))
    check.close(found[1, 0], 0.0, "the first row of B is all zeros: its cosine with every row is 0")
    check.close(found[0, 1], 0.0, "the first row of A is all zeros: its cosine with every row is 0")
    check.close(found[0, 0], 0.0, "two rows of zeros have cosine 0, too")
    check.close(found[1, 1], 1.0, "the same row twice has cosine 1")
    words = "a short vector has a direction, too: add nothing to the norms"
    check.close(short, torch.ones(1, 1), words, rtol=1e-3)
with check.case("keeps the dtype, and works with no rows", points=0.5):
    for n, m, dtype in ((4, 2, torch.float64), (0, 2, torch.float32), (3, 0, torch.float32)):
        A, B = check.normal((n, 3), dtype=dtype), check.normal((m, 3), dtype=dtype)
        with check.without("torch.nn.functional.cosine_similarity"):
            check.like(cosine_similarity(A, B), torch.zeros(n, m, dtype=dtype))
### BEGIN HIDDEN TESTS
with check.case("the same on other vectors", points=0.5, hidden=True):
    for n, m, d in ((5, 5, 3), (1, 7, 2), (6, 2, 20)):
        A, B = check.normal((n, d), dtype=torch.float64), check.normal((m, d), std=50.0, dtype=torch.float64)
        A[0] = 0
        with check.without("torch.nn.functional.cosine_similarity"):
            found = check.unchanged(cosine_similarity, A, B)
        check.close(found, torch.nn.functional.cosine_similarity(A[:, None], B, dim=2), rtol=0, atol=1e-6)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
How alike are two garments? Subtract each picture's mean, and compare directions: a picture and itself have cosine 1, up to
rounding. Another picture has it only if it is the same up to brightness and contrast.
"""

# %% tags=["experiment"]
cosines = cu.yours(
    cosine_similarity, instead=lambda A, B: torch.nn.functional.cosine_similarity(A[:, None], B, dim=2)
)
ten = torch.stack([clothes.data[clothes.targets == k][0].flatten().float() for k in range(10)])  # (10, 784)
ten = ten - ten.mean(dim=1, keepdim=True)
cu.plots.heatmap(
    cosines(ten, ten),
    rows=cu.data.FASHION_CLASSES,
    columns=cu.data.FASHION_CLASSES,
    title="How alike are ten garments? (1: the same up to brightness and contrast)",
    alt="A 10 by 10 table of cosines, with 1.00 along the diagonal; tops and trousers are alike, the sandal is like none",
    centre_zero=True,
)

# %% [markdown]
r"""
### Exercise 1.8: spot the bug in `weigh_doubled` &nbsp; (3 points, about 10 minutes, ★★☆)

Somebody wrote in a notebook: "double my copy of the table and multiply it by the weights; the table itself
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
    wrong["these are the products of partners; add them up along each row"] = 2 * X * weights
    wrong["this is the mean along each row; take the sum"] = [-4 / 3, -4 / 3]
    wrong["the entries are squared, not doubled"] = X**2 @ weights
    check.close(weigh_doubled(X, weights), torch.tensor([-4.0, -4.0]), known=wrong, strict=True)
with check.case("leaves the table and the weights as they were", points=1):
    X, weights = torch.ones(2, 3), torch.ones(3)
    products = weigh_doubled(X, weights)
    wrong = {"the table itself was doubled, or a tensor that shares its memory": torch.full((2, 3), 2.0)}
    check.close(X, torch.ones(2, 3), "the table was changed", known=wrong)
    check.close(weights, torch.ones(3), "the weights were changed")
    check.like(products, torch.ones(2))
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
### Exercise 1.9: `pairwise_sq_dists` &nbsp; (4 points, about 15 minutes, ★★★)

The simplest classifier of all: to name a garment, find the one it is nearest to, and take its label. It
needs the squared distance between every picture of one set and every picture of another:

$$D_{ij} = \sum_{k=1}^{d} (A_{ik} - B_{jk})^2,\qquad A: (n, d),\ B: (m, d),\ D: (n, m).$$

Your result has to be correct to one part in 10,000 (or to 0.0001, whichever is more), even where two points are
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
    middle = ((A[:, None] - B) ** 2).sum(1)
    wrong["the wrong axis disappeared: add up over the d entries, the last axis"] = middle
    wrong["the differences are added up before they are squared"] = [[49.0, 0.0, 1.0], [25.0, 4.0, 1.0]]
    wrong["these are absolute differences; square them"] = [[7.0, 0.0, 1.0], [5.0, 2.0, 1.0]]
    wrong["the sums are squared; take the differences"] = [[25.0, 0.0, 1.0], [41.0, 2.0, 5.0]]
    wrong["the squares are subtracted; square the differences"] = [[-25.0, 0.0, -1.0], [-23.0, 2.0, 1.0]]
    wrong["this is the largest of the d squares; take their sum"] = [[16.0, 0.0, 1.0], [9.0, 1.0, 1.0]]
    wrong["the 2 is missing: 2 a · b"] = squared + A @ B.T
    check.close(check.unchanged(pairwise_sq_dists, A, B), squared, known=wrong)
with check.case("keeps the dtype, and works with no rows", points=1):
    for n, m, d, dtype in ((4, 5, 3, torch.float32), (2, 2, 3, torch.float64), (0, 2, 3, torch.float32)):
        A, B = check.normal((n, d), dtype=dtype), check.normal((m, d), dtype=dtype)
        check.like(pairwise_sq_dists(A, B), torch.zeros(n, m, dtype=dtype))
        check.like(pairwise_sq_dists(B, A), torch.zeros(m, n, dtype=dtype))
with check.case("stays exact for close points far from the origin", points=1):
    A = check.uniform((40, 16), low=90, high=100)
    B = A + check.uniform((40, 16), low=-0.1, high=0.1)
    D = check.unchanged(pairwise_sq_dists, A, B)
    check.like(D, torch.zeros(40, 40))
    exact = ((A.double()[:, None] - B.double()) ** 2).sum(2)
    near = (D - exact).abs().max() < 1
    below = "some squared distances are negative: the shortcut loses the digits that matter"
    check.that((D >= 0).all() or not near, below)
    advice = "not exact enough: subtract the points first, then square" if near else ""
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
Broadcasting has a price: the differences are a tensor of 100 · 500 · 784 numbers, 39 million, which take 157 million
bytes for a moment. With 10,000 known garments it would be 3 billion bytes; then one works in batches of rows.

**Why not a loop?** Subtract from each of 500 pictures its own mean, once in a Python loop over the pictures and
once with broadcasting.
"""


# %% tags=["experiment"]
def loop():
    return torch.stack([picture - picture.mean() for picture in known_pixels])


def broadcast():
    return known_pixels - known_pixels.mean(dim=1, keepdim=True)


print("same result:", torch.allclose(loop(), broadcast(), atol=1e-6))
cu.plots.bars(
    [milliseconds(loop), milliseconds(broadcast)],
    labels=["a loop over the pictures", "broadcasting"],
    y="milliseconds, the fastest of 30",
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
print("A[:, 1:]", A[:, 1:].tolist(), " shape", tuple(A[:, 1:].shape), " stride", A[:, 1:].stride(), end="")
print("  offset", A[:, 1:].storage_offset())
print("A and A.T begin at the same place in memory:", A.data_ptr() == A.T.data_ptr())


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_reading(ax, name, tensor):
    """The storage below, the tensor above, and an arrow from each entry to its place in the storage."""
    for place in range(6):
        ax.barh(0, 0.92, left=place - 0.46, height=0.8, color="#0072b2")
        ax.text(place, 0, str(place), ha="center", va="center", color="white", fontsize=13)
    rows, columns = tensor.shape
    for row in range(rows):
        for column in range(columns):
            x, y = 1.2 * column + 2.5 - 0.6 * (columns - 1), 4.6 - row
            place = tensor.storage_offset() + row * tensor.stride(0) + column * tensor.stride(1)
            ax.annotate(
                "", (place, 0.4), (x, y), arrowprops={"arrowstyle": "->", "color": f"C{row}", "alpha": 0.7}
            )
            edge = {"edgecolor": f"C{row}", "linewidth": 2}
            ax.barh(y, 0.9, left=x - 0.45, height=0.8, color="#cfe8f7", zorder=3, **edge)
            ax.text(x, y, str(tensor[row, column].item()), ha="center", va="center", fontsize=13, zorder=4)
    ax.set(xlim=(-0.6, 5.6), ylim=(-1.3, 5.3), title=name)
    ax.text(2.5, -1, f"offset {tensor.storage_offset()}, strides {tensor.stride()}", ha="center")
    ax.axis("off")


def draw_views(left, middle, right):
    for ax, name, tensor in ((left, "A", A), (middle, "A.T", A.T), (right, "A[:, 1:]", A[:, 1:])):
        draw_reading(ax, name, tensor)


cu.plots.figure(
    draw_views,
    panels=3,
    height=3.4,
    alt="Three times the same six numbers in memory; arrows show where A, its transpose and its last two columns read",
)

# %% [markdown]
r"""
One step to the right in A is one step in the storage; one step down is three. In A.T it is the other way round. The
place of entry (i, j) is offset + i · first stride + j · second stride: for `A[:, 1:]` and (1, 0), 1 + 3 + 0 = 4.

A tensor whose numbers lie in its storage in reading order and without gaps, like A, is called **contiguous**; A.T is
not, and neither is `A[:, ::2]`.

So a second name, a view or a NumPy array may look at the same numbers, and a write through one of them changes what
the others show. To find out, ask NumPy whether the two have memory in common. (`id(A)` will not do: a view is a new
Python object on old memory. Nor will `A.data_ptr()`, the address of A's own first number: A's second row
begins with another one.)
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
### Exercise 1.10: `add_in_place` &nbsp; (2 points, about 5 minutes, ★☆☆)

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
        wrong["B was added twice"] = before + 2 * B
        wrong["B was subtracted"] = before - B
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
### Exercise 1.11: `shares_memory` &nbsp; (3 points, about 10 minutes, ★★☆)

Predict first, then try with `shares`. (`detach()` returns a tensor without its history of computation, which
chapter 2 is about.) `A` and `B` are float tensors of shape (2, 3), and `array` is a NumPy array. Does
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
### Exercise 1.12: claim cards &nbsp; (3 points, about 10 minutes, ★★☆)

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
### Exercise 1.13: in your own words &nbsp; (2 points, about 5 minutes, marked by your instructor)

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
- An index that is a number removes its axis; a slice keeps it, copies nothing, and is cut off at the end without a word.
- Pixels are `uint8`: 200 + 100 is 44. Convert before you calculate.
- The axis that you name in a reduction is the one that disappears; `keepdim=True` leaves a 1 in its place.
- Broadcasting lines shapes up from the right and stretches axes of length 1.
- `*` multiplies partners; `@` multiplies and adds up along the inner axis. (n, d) @ (d, m) costs n · d · m
  multiplications.
- The cosine of two vectors is their dot product divided by both norms: 1 for the same direction.
- `clone()` and `torch.tensor` copy; `detach()`, views, `numpy()` and `from_numpy` share.

**What people get wrong.** They think that a full sum is a 1-by-1 table; that no error means the right axis;
that `.numpy()` gives a copy; that `A = A + B` changes the tensor others hold; that `reshape` never copies.

**Read on.** [PyTorch: broadcasting semantics](https://pytorch.org/docs/stable/notes/broadcasting.html) ·
[PyTorch: tensor views](https://pytorch.org/docs/stable/tensor_view.html) ·
[Dive into Deep Learning, chapter 2](https://d2l.ai/chapter_preliminaries/index.html).

**Next:** [`02_autograd`](../02_autograd/autograd.ipynb), where
tensors begin to remember how they were made.
"""
