# ---
# jupyter:
#   course:
#     prerequisites:
#     - 05_mlp_dropout
#     - 07_saving_and_devices
#     summary: A small window slides over a picture, learns what to look for, and becomes
#       a network
#     title: Convolutions and LeNet
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
# 8 Convolutions and LeNet

**Time:** about 4 hours. **You need:** chapters 1 to 5, and 7. **Points:** 26.

The networks so far have turned every picture into a row of 784 numbers before looking at it. This chapter builds
networks that see neighbours. After it you can

- **slide** a kernel over a picture, and **learn** a kernel from examples;
- **predict** the size of each layer's output, and how many pixels one output sees;
- **write** convolution with many channels, padding and stride, and pooling;
- **build** and train LeNet, and **find** the mistake in a training loss that stands still;
- **explain** what a shifted picture does to a convolution, to a pooling layer and to a whole network.

| English | Chinese (中文) | what it is |
|---|---|---|
| cross-correlation | 互相关 | sum of products of a kernel and each window of a picture |
| convolution | 卷积 | cross-correlation with the kernel turned by 180°; in deep learning often the name for both |
| kernel, filter | 卷积核 | the small table of weights that slides |
| channel | 通道 | one of several values per pixel |
| feature map | 特征图 | the picture that one kernel gives |
| padding | 填充 | a border of zeros around the picture |
| stride | 步幅 | how far the window moves each time |
| pooling | 汇聚（池化） | the maximum or mean of each window |
| receptive field | 感受野 | the input pixels that can affect an output |
| equivariance | 等变性 | shift the input, and the output shifts with it |
| invariance | 不变性 | shift the input, and the output stays the same |

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. The check tells you what is still wrong. Some checks are hidden: they ask for the
same on other numbers, and run when your work is graded. Once the checks of an exercise pass, the next cells work with
*your* function, and say so. When you come back after a break, the kernel has forgotten everything: click the cell where
you want to go on and choose *Run > Run All Above Selected Cell*.
"""

# %%
import math

import course_utils as cu
from course_utils import check, nets

import ipywidgets
import numpy as np
import torch
from matplotlib.patches import Rectangle
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)  # networks as small as these gain nothing from a second thread

# %% jupyter={"source_hidden": true}
train_set, test_set = cu.data.fashion_mnist(train=True), cu.data.fashion_mnist(train=False)
pictures, labels = test_set.data.float() / 255, test_set.targets  # (2000, 28, 28) in [0, 1], (2000,)
boot, bag, pullover = (pictures[labels == label][0] for label in (9, 8, 2))


def draw_maps(ax, maps, titles, columns=6):
    """Draw 2-D maps side by side, each with its own scale: white is 0, red positive, blue negative."""
    for i, (values, text) in enumerate(zip(maps, titles, strict=True)):
        left, top = 1.08 * (i % columns), 1.3 * (i // columns)
        largest = max(values.abs().max().item(), 1e-12)
        ax.imshow(
            values.detach().numpy(),
            cmap=cu.plots.DIVERGING,
            vmin=-largest,
            vmax=largest,
            extent=(left, left + 1, top + values.shape[0] / values.shape[1], top),
        )
        ax.text(left + 0.5, top - 0.04, text, ha="center", fontsize=9)
    rows, tallest = -(-len(maps) // columns), max(values.shape[0] / values.shape[1] for values in maps)
    ax.set(xlim=(-0.02, 1.08 * min(columns, len(maps))), ylim=(1.3 * (rows - 1) + tallest + 0.02, -0.25))
    ax.set_axis_off()


def show_maps(maps, titles, title, alt, columns=6):
    """The maps as a picture of the chapter."""

    def draw(ax):
        draw_maps(ax, maps, titles, columns)
        ax.set_title(title)

    rows = -(-len(maps) // columns)
    cu.plots.figure(draw, alt=alt, height=0.45 + rows * 1.35 * 6 / max(columns, 4))


# %% [markdown]
r"""
## 1 A network that cannot see neighbours

Take one fixed, random order of the 784 pixels, and rearrange every picture in this order. Below each garment are the same
numbers in other places:
"""

# %% tags=["experiment"]
order = torch.randperm(784, generator=torch.Generator().manual_seed(8))


def scramble(images):
    """Move the pixels of every picture (n, 28, 28) to the same new places."""
    return images.flatten(1)[:, order].reshape(images.shape)


cu.plots.images(
    torch.cat([pictures[:6], scramble(pictures[:6])]),
    columns=6,
    title="Six garments, and the same six with scrambled pixels",
    alt="Six garments in the first row; below each one, a square of grey noise made of the same pixels",
)

# %% [markdown]
r"""
You cannot tell a boot from a bag in the second row. Can an MLP? **Predict** its test accuracy on scrambled
pictures, if it is trained on scrambled pictures, before you run the next cell. Both trainings use 8,000 pictures.
"""


# %% tags=["experiment"]
def fit(net, images, targets, *, lr, num_epochs, test=(test_set.data[:1000], test_set.targets[:1000])):
    """Train net with Adam, which chapter 5 used and chapter 10 takes apart. Returns the history."""
    history = cu.training.train_classifier(
        net,
        cu.data.BatchLoader(images, targets, 64, shuffle=True),
        cu.data.BatchLoader(*test, 500),
        num_epochs=num_epochs,
        optimizer=torch.optim.Adam(net.parameters(), lr=lr),
        device=cu.devices.default_device(),  # a GPU if there is one
        live=False,
    )
    net.cpu()
    return history


def new_mlp():
    """784 - 256 - 10 with ReLU: the network of chapter 5."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))


first_8000 = train_set.data[:8000], train_set.targets[:8000]
cu.training.seed_everything(1)
mlp = new_mlp()
straight = fit(mlp, *first_8000, lr=2e-3, num_epochs=4)
cu.training.seed_everything(1)
scrambled_test = scramble(test_set.data[:1000]), test_set.targets[:1000]
scrambled = fit(new_mlp(), scramble(first_8000[0]), first_8000[1], lr=2e-3, num_epochs=4, test=scrambled_test)
cu.plots.curves(
    {"straight pictures": straight.test_accuracy, "scrambled pictures": scrambled.test_accuracy},
    y="test accuracy",
    title="An MLP learns scrambled garments as well as straight ones",
    alt="Test accuracy over four epochs: the curves for straight and scrambled pictures lie on each other",
)
difference = abs(straight.test_accuracy[-1] - scrambled.test_accuracy[-1])
print("the two final accuracies differ by less than 0.03:", difference < 0.03)

# %% [markdown]
r"""
This is no accident. A *dense* layer, another name for a linear layer, computes $XW$ with $X$ (n, 784) and $W$ (784, h). If the columns of $X$ are
rearranged and the rows of $W$ in the same way, each sum has the same terms in another order. For each network on
straight pictures there is an equally good one on scrambled pictures. A dense layer knows nothing about which pixels
are neighbours, and has to learn it from data.

**What should a layer for pictures look like?** Start from the dense layer and remove what it does not need. Give
input and output two axes each. From 28×28 to 28×28 pixels, a dense layer is

$$H_{ij} = \sum_{k,l} W_{ijkl}\, X_{kl} \qquad \text{with } 28^4 = 614{,}656 \text{ weights.}$$

1. Count positions from the output pixel, $k = i + a$, $l = j + b$, and call the same weights
   $V_{ijab} = W_{i,j,i+a,j+b}$. Then $H_{ij} = \sum_{a,b} V_{ijab} X_{i+a,j+b}$. Nothing has changed yet.
2. **Sharing.** An edge is an edge wherever it is, so the weights should not depend on $i, j$:
   $H_{ij} = \sum_{a,b} V_{ab} X_{i+a,j+b}$. The offsets $a$ and $b$ run from −27 to 27, so $55^2 = 3{,}025$ weights remain.
3. **Locality.** What a pixel belongs to can be seen near it: $|a|, |b| \le \Delta$. For $\Delta = 2$ there are
   $5^2 = 25$ weights.

From 614,656 to 25 by two assumptions, both about pictures. If they are wrong, as for scrambled pixels, such a layer
should suffer. Section 10 puts this to the test; write down your prediction for it now: how much will a network of such
layers lose when the pixels are scrambled?

## 2 A window slides

The third formula with only non-negative offsets is the **cross-correlation** of a picture $X$ (h, w) with a
**kernel** $K$ (kh, kw):

$$Y_{ij} = \sum_{a=0}^{kh-1} \sum_{b=0}^{kw-1} K_{ab}\, X_{i+a,\,j+b}, \qquad Y: (h - kh + 1,\; w - kw + 1) .$$

Put the kernel on a window of the picture, multiply entry by entry, add up, and move on by one. A window of width
kw has $w - kw + 1$ places in a row of $w$ pixels.

The picture `band` below is white (1) with a black band (0) in columns 2 to 5. The kernel is $[1, -1]$, so
$Y_{ij} = X_{ij} - X_{i,j+1}$. **Predict** on paper: what shape does the result have, where is it not 0, and with which signs?
"""

# %%
band = torch.ones(6, 8)
band[:, 2:6] = 0
edge = torch.tensor([[1.0, -1.0]])

# %% [markdown]
r"""
### Exercise 8.1: `corr2d` &nbsp; (2 points, about 10 minutes, ★★☆)

Write the cross-correlation of one picture with one kernel. Torch has it built in (you will meet it below);
a loop of your own shows what it does.

<details><summary>Hint 1</summary>

How many rows and columns does the result have? Make a tensor of zeros of this shape, with the dtype of `X`
(`X.new_zeros(...)`), and fill it entry by entry.

<details><summary>Hint 2</summary>

The window that belongs to entry (i, j) starts in row i and column j, and has the shape of the kernel. Which slice of
`X` is that?

</details></details>
"""


# %% exercise="corr2d"
def corr2d(X, K):
    """Cross-correlation of a picture with a kernel, over the windows that lie inside the picture.

    X: float tensor (h, w). K: float tensor (kh, kw) of the same dtype, 1 <= kh <= h, 1 <= kw <= w.
    Returns a tensor (h - kh + 1, w - kw + 1) of X's dtype; X and K are unchanged.
    """
    ### BEGIN SOLUTION
    kh, kw = K.shape
    Y = X.new_zeros(X.shape[0] - kh + 1, X.shape[1] - kw + 1)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + kh, j : j + kw] * K).sum()
    return Y
    ### END SOLUTION


# %% test="corr2d"
check.exercise("corr2d", points=2)


def slid(X, K):
    """The cross-correlation, by torch."""
    return F.conv2d(X[None, None], K[None, None])[0, 0]


with check.case("multiplies each window by the kernel, and adds up", points=1):
    X, K = check.integers((5, 7), 1, 10).float(), check.integers((2, 3), 1, 10).float()
    Y = slid(X, K)
    wrong = {"this is a convolution, with the kernel turned by 180 degrees; leave it": slid(X, K.flip(0, 1))}
    wrong["the kernel is flipped upside down; leave it as it is"] = slid(X, K.flip(0))
    wrong["the kernel is flipped left to right; leave it as it is"] = slid(X, K.flip(1))
    wrong["the kernel lies on its side: it is kh rows high and kw columns wide"] = slid(X, K.T)
    wrong["the last row and the last column of the kernel are left out"] = slid(
        X, F.pad(K[:-1, :-1], (0, 1, 0, 1))
    )
    wrong["the sum is not set back to 0 for each window"] = Y.flatten().cumsum(0).view(4, 5)
    wrong["it takes the mean of the products; take their sum"] = Y / 6
    wrong["`@` multiplies matrices; multiply entry by entry, with `*`"] = slid(X, K.sum(0).expand(2, 3))
    wrong["the last row and the last column are missing: there are h - kh + 1 rows of windows"] = Y[:-1, :-1]
    wrong["the last row and the last column stay 0: the loops end too early"] = F.pad(
        Y[:-1, :-1], (0, 1, 0, 1)
    )
    wrong["the last row is missing: h - kh + 1 windows fit below each other"] = Y[:-1]
    wrong["the last column is missing: w - kw + 1 windows fit side by side"] = Y[:, :-1]
    wrong["the picture was padded with zeros; only windows inside it count"] = slid(F.pad(X, (1, 1, 1, 1)), K)
    wrong["the result should be smaller than X: only windows inside X count"] = F.pad(Y, (0, 2, 0, 1))
    wrong["the result has the shape of X; only windows inside X count"] = slid(F.pad(X, (1, 1, 0, 1)), K)
    wrong["the windows move by the size of the kernel; they move by 1"] = Y[::2, ::3]
    turned = [[(X[j : j + 2, i : i + 3] * K).sum() for j in range(5)] for i in range(4)]
    wrong["row and column are mixed up: window (i, j) begins in row i and column j"] = torch.tensor(turned)
    wrong["only the first entry is filled: is the return inside the loop?"] = F.pad(Y[:1, :1], (0, 4, 0, 3))
    wrong["only the first row is filled: is the return inside the loop?"] = F.pad(Y[:1], (0, 0, 0, 3))
    wrong["the windows are added up without the kernel"] = slid(X, torch.ones(2, 3))
    wrong["it takes the largest product; take the sum"] = (X.unfold(0, 2, 1).unfold(1, 3, 1) * K).amax((2, 3))
    wrong["the result is transposed"] = Y.T
    wrong["each sum overwrites all entries: assign to entry [i, j] alone"] = Y[-1:, -1:].expand(4, 5)
    found = check.unchanged(corr2d, X, K)
    check.close(found, Y, known=wrong)
    check.like(found, Y)
with check.case("kernels of one entry and as large as the picture, transposed pictures, float64", points=0.5):
    X, K = check.normal((4, 3), dtype=torch.float64), check.normal((4, 3), dtype=torch.float64)
    one = (X * K).sum().reshape(1, 1)
    wrong = {"a kernel as large as the picture fits once: the result has one entry": torch.zeros(0, 0)}
    wrong["`squeeze` also drops axes of the result that have length 1: use [0, 0]"] = one[0, 0]
    check.close(corr2d(X, K), one, "the kernel is as large as the picture", known=wrong)
    check.like(corr2d(X, K), one)
    check.close(corr2d(X, K[:1, :1]), X * K[0, 0], "the kernel has one entry")
    wrong = {"it reads X's memory row by row; X.stride() tells the steps": slid(X.reshape(3, 4), K[:2, :1])}
    check.close(corr2d(X.T, K[:2, :1]), slid(X.T, K[:2, :1]), "a transposed picture", known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same on other pictures and kernels", points=0.5, hidden=True):
    for size, kernel, dtype in (
        ((6, 8), (1, 2), torch.float32),
        ((9, 4), (3, 1), torch.float64),
        ((5, 5), (2, 4), torch.float32),
    ):
        X, K = check.normal(size, dtype=dtype), check.normal(kernel, dtype=dtype)
        check.close(check.unchanged(corr2d, X, K), slid(X, K), atol=1e-5, strict=True)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Compare with your prediction. What does the same kernel find in the transposed picture?
"""


# %% tags=["experiment"]
def torch_corr2d(X, K):
    """Torch's own, which wants pictures and kernels with four axes; section 5 says why."""
    return F.conv2d(X[None, None], K[None, None])[0, 0]


slide = cu.yours(corr2d, instead=torch_corr2d)
print("first row of the result:  ", slide(band, edge)[0].tolist())
print("band transposed, all zero:", bool((slide(band.T, edge) == 0).all()))

# %% [markdown]
r"""
White to black gives +1, black to white −1, and everything else 0. On the transposed band the kernel sees nothing:
$[1, -1]$ finds vertical edges and misses horizontal ones. Each kernel looks for one thing. Here are five of them, applied to
a boot:
"""

# %% tags=["experiment"]
kernels = {
    "blur": torch.ones(3, 3) / 9,
    "sharpen": torch.tensor([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "vertical edges": torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]),
    "horizontal edges": torch.tensor([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]]),
    "Laplacian": torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]),
}
show_maps(
    [boot, *(slide(boot, K) for K in kernels.values()), torch.zeros(3, 3), *kernels.values()],
    ["the boot", *kernels, "", *["its kernel"] * 5],
    "What five kernels see in a boot: red positive, blue negative",
    "A boot and five maps of it: blurred, sharpened, its vertical edges, its horizontal edges, and its outline; "
    "below each map the three by three kernel",
)

# %% [markdown]
r"""
The entries of *blur* sum to 1, so flat regions keep their value. The entries of both edge kernels and of the
*Laplacian* sum to 0, so flat regions become 0.

**Convolution or cross-correlation?** In mathematics, a *convolution* turns the kernel by 180° before it slides.
One bright pixel shows the difference:
"""

# %%
dot = torch.zeros(5, 5)
dot[2, 2] = 1
K = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]])
print("cross-correlation:", F.conv2d(dot[None, None], K[None, None])[0, 0].int().tolist())
print("convolution:      ", F.conv2d(dot[None, None], K.flip(0, 1)[None, None])[0, 0].int().tolist())

# %% [markdown]
r"""
Cross-correlation leaves a turned copy of the kernel, convolution an upright one. For a kernel that a turn by 180° does not
change, such as blur, there is no difference. Deep learning computes the cross-correlation and calls it convolution,
`nn.Conv2d` included. For a *learned* kernel it does not matter: if the layer turned it, training would find the turned
weights.

## 3 Learn the kernel

**Try it.** Somebody has sent the bag on the left through a secret 3×3 kernel. You choose a column of three numbers
(top, middle, bottom) and a row of three (left, centre, right). Your kernel is their product: entry (a, b) is
column[a] × row[b]. *Goal: bring the error below 0.01.* Tip: first find out whether the secret kernel sees
vertical or horizontal edges.
"""


# %% jupyter={"source_hidden": true}
def draw_secret(ax, top, middle, bottom, left, centre, right):
    """Draw the bag, the target and the result of the chosen kernel. Returns a comment on the error."""
    K = torch.tensor([[top], [middle], [bottom]]) * torch.tensor([[left, centre, right]])
    secret = torch.tensor([[1.0], [2], [1]]) * torch.tensor([[1.0, 0, -1]])
    target = F.conv2d(bag[None, None], secret[None, None])[0, 0]
    mine = F.conv2d(bag[None, None], K[None, None])[0, 0]
    error = ((mine - target) ** 2).sum().item() / (target**2).sum().item()
    draw_maps(
        ax, [bag, target, mine, mine - target], ["the bag", "target", "yours", "yours - target"], columns=4
    )
    ax.set_title(f"squared error / squared target: {error:.3f}")
    if error < 0.01:
        return f"Error {error:.3f}. Goal reached. You have just minimised a squared error by hand."
    return f"Error {error:.3f}. An error above 1 is worse than a kernel of zeros."


START = (1.0, 1.0, 1.0, 0.0, 1.0, 0.0)
cu.demo.explore(
    draw_secret,
    **{
        name: ipywidgets.FloatSlider(value=value, min=-2, max=2, step=0.5)
        for name, value in zip(("top", "middle", "bottom", "left", "centre", "right"), START)
    },
    alt="Four maps: the bag, the target, the result of the chosen kernel, and the difference of the last two",
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_secret(ax, *START),
    alt="The bag; the target, red and blue along the vertical edges of the bag; the result of a kernel that blurs "
    "from top to bottom; and their difference, which is large",
)

# %% [markdown]
r"""
What you did by hand is gradient descent's job. Let $\hat Y$ be the cross-correlation of $X$ with the current kernel,
$E = \hat Y - Y$ the error, and the loss $L = \sum_{ij} E_{ij}^2$. How does $L$ depend on the weight $K_{ab}$?

$$\frac{\partial L}{\partial K_{ab}}
= \sum_{ij} 2 E_{ij} \frac{\partial \hat Y_{ij}}{\partial K_{ab}}
= \sum_{ij} 2 E_{ij}\, X_{i+a,\,j+b}
= 2 \sum_{ij} E_{ij}\, X_{a+i,\,b+j} .$$

The last sum is a cross-correlation again: the picture $X$ with the error $E$ as the kernel. Shapes: $X$ (h, w) and
$E$ (h − kh + 1, w − kw + 1) give (kh, kw), which is the shape of $K$. The gradient for the picture is a
cross-correlation as well: of $E$, padded with zeros on all sides, with the kernel turned by 180°. (Here the turn of the
true convolution comes back.) Autograd agrees:
"""

# %%
X, K = torch.rand(6, 8).requires_grad_(), torch.randn(3, 2).requires_grad_()
Y_hat = F.conv2d(X[None, None], K[None, None])[0, 0]
G = torch.randn(Y_hat.shape)  # any gradient that arrives from above
Y_hat.backward(G)
with torch.no_grad():
    for_K = F.conv2d(X[None, None], G[None, None])[0, 0]
    wide_G = F.pad(G, (1, 1, 2, 2))  # kw - 1 columns left and right, kh - 1 rows above and below
    for_X = F.conv2d(wide_G[None, None], K.flip(0, 1)[None, None])[0, 0]
print("gradient for K:", torch.allclose(K.grad, for_K, atol=1e-5))
print("gradient for X:", torch.allclose(X.grad, for_X, atol=1e-5))

# %% [markdown]
r"""
One trap on the way, with a loss that is still a table. You know it from chapters 2 and 4. What does `backward` do with one number per output?
"""

# %%
K = torch.randn(1, 2, requires_grad=True)
l = (F.conv2d(band[None, None], K[None, None])[0, 0] - torch.ones(6, 7)) ** 2  # (6, 7)
try:
    l.backward()
except RuntimeError as error:
    print("l.backward():      ", error)
l.sum().backward()
print("l.sum().backward(): one gradient of shape", tuple(K.grad.shape), "for 42 squared errors")
K.grad = None
one = (F.conv2d(band[None, None, :1, :2], K[None, None])[0, 0] - 1) ** 2  # (1, 1)
one.backward()
print("a table with one entry: no error, gradient of shape", tuple(K.grad.shape))

# %% [markdown]
r"""
### Exercise 8.2: `learn_kernel` &nbsp; (3 points, about 15 minutes, ★★★)

Learn a kernel from a picture and the result that it should give. Use the formula above or autograd. For the
cross-correlation, use your `corr2d` or `F.conv2d(X[None, None], K[None, None])[0, 0]`.

<details><summary>Hint 1</summary>

A random start with the dtype of `X`: `torch.randn(kernel_size, dtype=X.dtype)`. Then, `num_steps` times: the error, the
gradient, the update.

<details><summary>Hint 2</summary>

With autograd, the update belongs inside `torch.no_grad()`, the gradient must be cleared in each step, and the result
has to leave the graph (`detach`). (Older code writes to `weight.data` instead.) With the formula, none of this is needed;
do not forget its factor.

</details></details>
"""


# %% exercise="learn_kernel"
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    """Learn the kernel that turns X into Y, by gradient descent on the summed squared error.

    X: float tensor (h, w). Y: (h - kh + 1, w - kw + 1), same dtype. kernel_size: (kh, kw).
    Starts from random weights (of your choice, not constant) and makes num_steps steps with learning rate lr.
    Returns the kernel (kh, kw), in X's dtype, without a graph; X and Y are unchanged.
    """
    ### BEGIN SOLUTION
    K = torch.randn(kernel_size, dtype=X.dtype, device=X.device)
    for _ in range(num_steps):
        error = F.conv2d(X[None, None], K[None, None])[0, 0] - Y
        K = K - lr * 2 * F.conv2d(X[None, None], error[None, None])[0, 0]
    return K
    ### END SOLUTION


# %% test="learn_kernel"
check.exercise("learn_kernel", points=3)


def example(kh, kw, h, w, dtype=torch.float32):
    """A kernel (kh, kw), a picture (h, w), and what the kernel makes of it."""
    K, X = check.uniform((kh, kw), 1, 3, dtype), check.normal((h, w), dtype=dtype)
    return K, X, F.conv2d(X[None, None], K[None, None])[0, 0]


def one_dot(kh, kw, value):
    """The same for one bright pixel: n steps from K0 lead to K + (1 - 2 lr value^2)^n (K0 - K)."""
    K, X = check.uniform((kh, kw), 1, 3), torch.zeros(2 * kh - 1, 2 * kw - 1)
    X[kh - 1, kw - 1] = value
    return K, X, value * K.flip(0, 1)


with check.case("finds the kernel, and returns it without a graph", points=1):
    K, X, Y = example(2, 3, 10, 12)
    found = check.unchanged(learn_kernel, X, Y, (2, 3), lr=1 / 300, num_steps=100)
    wrong = {"the kernel is turned by 180 degrees: it was learned for a convolution": K.flip(0, 1)}
    wrong["this is the result Y_hat, not the kernel"] = Y
    wrong["a kernel of shape (kh, kw) is asked for: drop the extra axes"] = K[None, None]
    check.close(found, K, "100 steps should lead to the kernel that made Y", known=wrong, atol=1e-3)
    check.like(found, K)
    check.that(not found.requires_grad, "the result still has its graph, or asks for a gradient: detach it")
with check.case("each step follows the gradient of the summed squared error", points=1):
    K, X, Y = one_dot(2, 3, 2.0)
    found = learn_kernel(X, Y, (2, 3), 1 / 8, 1)
    if not torch.allclose(found.float(), K, atol=1e-4):
        far = (learn_kernel(X, Y, (2, 3), 1 / 16, 30) - K).norm() > 1e4
        check.that(not far, "the steps lead uphill: subtract the gradient")
        factors = {"it follows the gradient of the mean squared error; the sum is asked for": 6}
        factors["half of the gradient: the derivative of the square has a factor 2"] = 2
        factors["twice the gradient: is the factor 2 there twice?"] = 0.5
        for sentence, factor in factors.items():
            again = learn_kernel(X, Y, (2, 3), factor / 8, 1).float()
            check.that(not torch.allclose(again, K, atol=1e-4), sentence)
    sentence = (
        "a plain step (no bias, no momentum, no Adam) with rate 1/8 leads to the kernel from anywhere here"
    )
    check.close(found, K, sentence, atol=1e-4)
    at_once = torch.allclose(learn_kernel(X, Y, (2, 3), 0.0, 1), K, atol=1e-4)
    check.that(
        not at_once, "with the rate 0 it has the kernel, too: it solves for it, and does not take steps"
    )
    sentence = (
        "the second step leads away again: gradients of earlier steps must be cleared (and no momentum)"
    )
    check.close(learn_kernel(X, Y, (2, 3), 1 / 8, 2), K, sentence, atol=1e-4)
with check.case("starts at random, makes num_steps steps; defaults are 10 steps and 0.03", points=0.5):
    K, X, Y = one_dot(3, 3, 1.0)
    start = learn_kernel(X, Y, (3, 3), 0.0, 1)  # with the rate 0 it stays where it began
    check.that(start.max() > start.min(), "the start should be random, and here all weights are equal")
    runs = {n: learn_kernel(X, Y, (3, 3), 1001 / 2, *([n] if n else [])) for n in (3, 2, None)}
    digits = {n: (found - K).double().norm().log10() for n, found in runs.items()}
    for steps in runs:  # each step makes the error 1000 times larger: it gets 3 more digits
        right, as_asked = 3 * (steps or 10), abs(digits[3] - digits[2] - 3) < 0.6
        wrong = {"one step too few": right - 2.3, "one step too many": right + 3.7} if as_asked else {}
        wrong |= {"it makes 10 steps, whatever num_steps is": 30.7} if steps else {}
        wrong["it uses the learning rate 0.03, whatever lr is"] = 0.7
        what = f"not {steps} steps" if steps else "not 10 steps by default"
        check.between(digits[steps], right - 0.5, right + 2, f"{what}, or steps of another size", known=wrong)
    K, X, Y = one_dot(2, 2, (1 / 0.06) ** 0.5)
    check.close(learn_kernel(X, Y, (2, 2)), K, "by default, the learning rate is 0.03", atol=1e-4)
### BEGIN HIDDEN TESTS
with check.case("the same on other pictures", points=0.5, hidden=True):
    for size, shape, dtype in (((1, 2), (9, 9), torch.float32), ((3, 1), (8, 14), torch.float64)):
        K, X, Y = example(*size, *shape, dtype)
        found = check.unchanged(learn_kernel, X, Y, size, lr=1 / 500, num_steps=100)
        check.close(found, K, atol=1e-3, strict=True)
    K, X, Y = one_dot(1, 4, 0.5)
    check.close(learn_kernel(X, Y, (1, 4), 2.0, 1), K, atol=1e-4)
    check.close(learn_kernel(X, Y, (1, 4), 2.0, 3), K, atol=1e-4)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Your learner on the band.** How fast can it learn? For `band` and a 1×2 kernel, the loss is a bowl over two weights, and
its matrix of second derivatives is $\begin{pmatrix} 36 & 24 \\ 24 & 36 \end{pmatrix}$: 36 is twice the number of windows
whose left (or right) pixel is white, 24 twice the number with two white pixels. The matrix times (1, 1) is (60, 60), and
times (1, −1) it is (12, −12). So the bowl has the curvature 60 along (1, 1) and 12 along (1, −1). A step multiplies the
error along such a direction by $1 - \text{lr} \cdot \text{curvature}$, which is −0.8 and 0.64 for lr = 0.03. **Predict:**
above which learning rate does the loss grow?
"""


# %% tags=["experiment"]
def by_least_squares(X, Y, kernel_size, lr=3e-2, num_steps=10):
    """The best kernel in one go: torch's least squares over all windows."""
    windows = F.unfold(X[None, None], kernel_size)[0].T
    return torch.linalg.lstsq(windows, Y.reshape(-1, 1)).solution.reshape(kernel_size)


learner = cu.yours(learn_kernel, instead=by_least_squares)
band_edges = torch_corr2d(band, edge)


def loss_after(steps, lr):
    """The summed squared error after so many steps from the same start."""
    torch.manual_seed(2)
    return ((torch_corr2d(band, learner(band, band_edges, (1, 2), lr, steps)) - band_edges) ** 2).sum().item()


steps = [2, 4, 6, 8, 10]
cu.plots.curves(
    {f"lr = {lr}": [loss_after(n, lr) for n in steps] for lr in (0.02, 0.03, 0.033, 0.035)}
    | {"published, lr = 0.03": [6.422, 1.225, 0.266, 0.070, 0.022]},
    xs=steps,
    x="step",
    y="summed squared error",
    log_y=True,
    title="Learning [1, -1] from the band: 0.03 is near the edge",
    alt="The loss falls on a logarithmic scale for the rates 0.02 and 0.03 and for the published run, hardly falls for "
    "0.033, and rises for 0.035",
)
torch.manual_seed(2)
print(
    "learned in 100 steps:", [round(k, 2) for k in learner(band, band_edges, (1, 2), 0.03, 100)[0].tolist()]
)
secret_map = torch_corr2d(bag, kernels["vertical edges"])  # what the demonstration showed
safe_lr = (1 / (18 * (bag**2).sum())).item()  # no curvature is larger than 2 * 9 * the sum of squares
print("the secret kernel:", learner(bag, secret_map, (3, 3), safe_lr, 3000).round().int().tolist())

# %% [markdown]
r"""
The edge is at $2 / 60 = 0.0333$: above it, $|1 - \text{lr} \cdot 60| > 1$. At 0.03 the loss shrinks in two steps to between
$0.64^4 = 0.17$ and $0.8^4 = 0.41$ of itself. The published losses, from another random start, do: 0.19, 0.22, 0.26, 0.31.
The direction that shrinks more slowly remains, so the ratio creeps towards 0.41. Here that is the direction of the
*larger* curvature, whose steps overshoot.
"""

# %% [markdown]
r"""
## 4 Borders and steps

Each layer of 5×5 windows cuts off four rows and four columns. After six such layers 4×4 of 28×28 pixels are left, and a
seventh no longer fits. **Padding** adds a border of $p$ zeros on each side. **Stride** $s$ moves the window by $s$ pixels
instead of one, and gives a smaller output on purpose. Here are 8 pixels and windows of 3:
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_windows(*axes):
    for ax, (padding, stride) in zip(axes, ((0, 1), (0, 2), (1, 2))):
        pixels = range(-padding, 8 + padding)
        for x in pixels:
            shade = "#ffffff" if x < 0 or x > 7 else "#dddddd"
            ax.add_patch(Rectangle((x, 0), 0.9, 0.9, facecolor=shade, edgecolor="#999999"))
        for i, left in enumerate(range(-padding, 8 + padding - 2, stride)):
            ax.plot(
                [left + 0.1, left + 2.8], [-0.5 - 0.5 * i] * 2, color=cu.plots.COLOURS[i % 2], linewidth=4
            )
        ax.set(xlim=(-1.2, 9.2), ylim=(-3.8, 1.2), title=f"p = {padding}, s = {stride}: {i + 1} windows")
        ax.set_axis_off()


cu.plots.figure(
    draw_windows,
    panels=3,
    height=1.9,
    alt="Eight pixels and the windows of width three: six windows with stride 1; three with stride 2, where the last "
    "pixel is in no window; four with stride 2 and one zero on either side",
)

# %% [markdown]
r"""
How many windows fit? With zeros on both sides there are $n + 2p$ pixels. The first window ends at pixel $k$; each
stride after it needs $s$ more. So

$$n_{\text{out}} = \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1 .$$

$\lfloor\cdot\rfloor$ rounds down, as a window that does not fit completely is not used: in the middle picture
$(8 - 3)/2 = 2.5$, two strides, three windows, and the last pixel is never seen. Height and width follow the formula
separately. With **dilation** $d$ the entries of the kernel lie $d$ pixels apart, so that it covers $d(k - 1) + 1$ pixels
instead of $k$. An odd kernel with $p = (k - 1)/2$ and stride 1 keeps the size ("same"); $p = 0$ is "valid". In torch,
$p$ counts the zeros on *each* side; some books count both sides together.

What do the zeros do? Count in how many windows of 3×3 each pixel of a 5×5 picture lies:
"""

# %% tags=["experiment"]
ones = torch.ones(1, 1, 5, 5)
for padding in (0, 1):
    counts = F.conv_transpose2d(torch.ones_like(F.conv2d(ones, torch.ones(1, 1, 3, 3), padding=padding)),
                                torch.ones(1, 1, 3, 3), padding=padding)  # fmt: skip
    print(f"padding {padding}: corner in {counts[0, 0, 0, 0]:.0f}, edge in {counts[0, 0, 0, 2]:.0f}, "
          f"centre in {counts[0, 0, 2, 2]:.0f} windows")  # fmt: skip
blurred = F.conv2d(ones, torch.ones(1, 1, 3, 3) / 9, padding=1)[0, 0]
cu.plots.heatmap(
    blurred,
    title="A white picture, blurred with padding 1: the border is visible",
    alt="A five by five table: 1 inside, 0.67 along the edges, 0.44 in the corners",
)

# %% [markdown]
r"""
Padding makes the border count more than before, though still less than the centre. And the zeros leave a mark: after
one layer, a constant picture has smaller values at its border. So a padded network can know where the border is.

### Exercise 8.3: `conv_output_size` &nbsp; (2 points, about 8 minutes, ★☆☆)

Write the formula with everything in it.

<details><summary>Hint 1</summary>

First the number of pixels that the kernel covers. If it is larger than the padded picture, there is no output.

<details><summary>Hint 2</summary>

`//` rounds down, also below zero: is $-1 // 2$ what you want? Check the fit before you divide.

</details></details>
"""


# %% exercise="conv_output_size"
def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    """The size of a convolution's or pooling layer's output along one axis.

    size, kernel, stride, dilation: ints, at least 1. padding: zeros on each side, an int, at least 0.
    Returns an int. Raises ValueError, with a message that says what is wrong, if the kernel, spread by dilation, does
    not fit into the padded input.
    """
    ### BEGIN SOLUTION
    covered = dilation * (kernel - 1) + 1
    room = size + 2 * padding - covered
    if room < 0:
        raise ValueError(f"a kernel that covers {covered} pixels does not fit into {size + 2 * padding}")
    return room // stride + 1
    ### END SOLUTION


# %% test="conv_output_size"
check.exercise("conv_output_size", points=2)
with check.case("counts the windows that fit, with padding and stride", points=0.75):
    wrong = {"the + 1 is missing": 23, "one window too many": 25, "by default, the stride is 1": 5}
    check.equal(conv_output_size(28, 5), 24, "28 pixels, windows of 5", known=wrong)
    check.number(conv_output_size(28, 5), int)
    wrong = {"padding lies on both sides: it counts twice": 26}
    check.equal(conv_output_size(28, 5, padding=2), 28, "28 pixels, windows of 5, padding 2", known=wrong)
    wrong = {"a window that does not fit completely is not used: round down": 4}
    wrong["the result must be a whole number: round down"] = 3.5
    wrong |= {"the stride is ignored": 6, "the + 1 is missing": 2}
    check.equal(conv_output_size(8, 3, stride=2), 3, "8 pixels, windows of 3, stride 2", known=wrong)
    wrong = {"the + 1 comes before the division by the stride; it counts the first window": 4}
    wrong["stride and padding are exchanged: the stride comes first"] = 11
    check.equal(conv_output_size(9, 3, 2, 1), 5, "9 pixels, windows of 3, stride 2, padding 1", known=wrong)
    wrong = {"it rounds to the nearest number; a window that does not fit completely is not used": 3}
    check.equal(conv_output_size(9, 4, 3), 2, "9 pixels, windows of 4, stride 3", known=wrong)
with check.case("spreads the kernel by dilation", points=0.5):
    wrong = {"dilation is ignored": 10, "a kernel of 3 with dilation 2 covers 5 pixels, not 6": 7}
    wrong["a kernel of 3 with dilation 2 covers 5 pixels, not 4"] = 9
    check.equal(conv_output_size(12, 3, dilation=2), 8, "12 pixels, windows of 3, dilation 2", known=wrong)
    check.equal(conv_output_size(12, 1, dilation=5), 12, "a kernel of 1 covers 1 pixel, for each dilation")
with check.case("refuses a kernel that does not fit", points=0.5):
    check.raises(ValueError, conv_output_size, 4, 5)
    check.raises(ValueError, conv_output_size, 4, 5, stride=2)
    check.raises(ValueError, conv_output_size, 4, 3, dilation=2)
    check.equal(conv_output_size(4, 4), 1, "a kernel as large as the input fits once")
    check.equal(conv_output_size(3, 5, padding=1), 1, "with padding 1, a kernel of 5 fits into 3 pixels once")
### BEGIN HIDDEN TESTS
with check.case("the same on other sizes", points=0.25, hidden=True):
    for size, kernel, stride, padding, dilation in (
        (224, 11, 4, 2, 1),
        (7, 3, 3, 0, 1),
        (10, 3, 2, 2, 3),
        (1, 1, 1, 0, 1),
        (6, 2, 4, 1, 2),
    ):
        expected = F.conv1d(
            torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), None, stride, padding, dilation
        ).shape[2]
        check.equal(conv_output_size(size, kernel, stride, padding, dilation), expected)
    check.raises(ValueError, conv_output_size, 5, 4, 3, 1, 3)
    check.raises(ValueError, conv_output_size, 2, 3, 4)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Use it to plan. Which sizes do 28 pixels pass through in a network with windows of 5 (padding 2), 2 (stride 2), 5, and 2
(stride 2)? Torch measures the same. Both refuse a picture that is too small, and say why:
"""


# %% tags=["experiment"]
def measured_size(size, kernel, stride=1, padding=0, dilation=1):
    """Ask torch: run a layer on zeros, and look."""
    return nn.Conv1d(1, 1, kernel, stride, padding, dilation)(torch.zeros(1, 1, size)).shape[2]


out_size = cu.yours(conv_output_size, instead=measured_size)
PLAN = {"windows of 5, padding 2": (5, 1, 2), "pool 2": (2, 2), "windows of 5": (5,), "pool 2 ": (2, 2)}
size, measured = 28, 28
for name, layer in PLAN.items():
    size, measured = out_size(size, *layer), measured_size(measured, *layer)
    print(f"{name:24} {size:3} predicted, {measured:3} measured")
for name, function in (("predicted", out_size), ("measured", measured_size)):
    try:
        function(3, 5)
    except (ValueError, RuntimeError) as error:
        print(f"3 pixels, windows of 5, {name}: {error}")

# %% [markdown]
r"""
## 5 Many channels

A colour picture has three values per pixel, a feature map of a network may have hundreds. Torch orders a batch of
pictures as (n, c, h, w), "NCHW": picture, **channel**, row, column. A kernel now has a slice for each input channel, and the
products are summed over channels, too. For several output channels there are several kernels:

$$Y_{o,i,j} = b_o + \sum_{c=1}^{c_{in}} \sum_{a,b} K_{o,c,a,b}\, X_{c,\,i+a,\,j+b}, \qquad
X: (c_{in}, h, w),\; K: (c_{out}, c_{in}, kh, kw),\; Y: (c_{out}, h', w') .$$

There is one bias $b_o$ per output channel. **Predict** the number of parameters of `nn.Conv2d(3, 4, 5)`, and how many
multiplications and additions it needs for an output of 10×10 pixels:
"""

# %%
layer = nn.Conv2d(3, 4, kernel_size=5)  # 3 channels in, 4 out
print("weight", tuple(layer.weight.shape), " bias", tuple(layer.bias.shape))
print("parameters:", sum(p.numel() for p in layer.parameters()), "= 4 * 3 * 5 * 5 + 4")
print("multiply-adds for 10 x 10 pixels:", 10 * 10 * layer.weight.numel())

# %% [markdown]
r"""
The number of parameters does not depend on the size of the picture; the work does: $h' \cdot w' \cdot k^2 \cdot
c_{in} \cdot c_{out}$. A **1×1 kernel** sees no neighbours; it mixes the channels of each pixel, like a dense layer from
$c_{in}$ to $c_{out}$ numbers applied to each pixel.

**One matrix product.** Copy each window into a column of a table $U$, with one row per weight. Then all windows meet all
kernels in one product of matrices: $(c_{out},\, c_{in} k^2) \times (c_{in} k^2,\, h'w')$. Torch's `F.unfold` builds $U$.
Many fast convolutions work like this, at the price of storing each pixel up to $k^2$ times. Seen from the other side, a
convolution is a dense layer whose matrix is mostly zeros and repeats the same few weights:
"""

# %% tags=["experiment"]
X, K = torch.randn(2, 3, 8, 9), torch.randn(4, 3, 3, 3)  # two pictures with three channels, four kernels
U = F.unfold(X, kernel_size=3)  # (2, 27, 42)
same = torch.allclose((K.flatten(1) @ U).reshape(2, 4, 6, 7), F.conv2d(X, K), atol=1e-4)
print("unfold and one matrix product give the convolution:", same)
small_K = torch.tensor([[[[1.0, 2], [3, 4]]]])
each_pixel = torch.eye(16).reshape(16, 1, 4, 4)  # sixteen pictures with one bright pixel each
as_matrix = F.conv2d(each_pixel, small_K).flatten(1).T  # (9 outputs, 16 pixels)
cu.plots.heatmap(
    as_matrix,
    title="A 2x2 convolution of 4x4 pixels as a dense layer: 9x16 weights, 4 different ones",
    alt="A nine by sixteen matrix; each row has the numbers 1, 2, 3, 4 at shifted places and zeros elsewhere",
)

# %% [markdown]
r"""
### Exercise 8.4: `corr2d_multi` &nbsp; (4 points, about 20 minutes, ★★★)

Write the layer for one picture: all channels, zero padding and stride (no bias). `F.conv2d` would pass; one of the two
views above, windows or unfold, teaches more.

<details><summary>Hint 1</summary>

`F.pad(X, (left, right, top, bottom))` adds the zeros. `Z.unfold(axis, size, step)` gives all windows along an axis, as a
new last axis: apply it to the rows, then to the columns.

<details><summary>Hint 2</summary>

You then have windows of shape (c_in, h', w', kh, kw). Which axes do they share with K, and over which of these do you
sum? `torch.einsum` or a broadcast product with `sum` can do it.

</details></details>
"""


# %% exercise="corr2d_multi"
def corr2d_multi(X, K, stride=1, padding=0):
    """Cross-correlation of one picture with several kernels, each over all channels.

    X: float tensor (c_in, h, w). K: (c_out, c_in, kh, kw), same dtype. stride: int, at least 1. padding: zeros on each
    side, an int, at least 0. Only windows that lie inside the padded picture count; at least one does.
    Returns a tensor (c_out, h', w') of X's dtype; X and K are unchanged.
    """
    ### BEGIN SOLUTION
    padded = F.pad(X, (padding, padding, padding, padding))
    windows = padded.unfold(1, K.shape[2], stride).unfold(2, K.shape[3], stride)  # (c_in, h', w', kh, kw)
    return torch.einsum("chwab,ocab->ohw", windows, K)
    ### END SOLUTION


# %% test="corr2d_multi"
check.exercise("corr2d_multi", points=4)


def layer_of(X, K, **options):
    """The layer, by torch."""
    return F.conv2d(X[None], K, **options)[0]


with check.case("sums over the input channels, one map per kernel", points=1):
    X, K = check.integers((2, 5, 6), 1, 9).float(), check.integers((3, 2, 2, 3), 1, 9).float()
    Y, maps = layer_of(X, K), torch.stack([layer_of(X[c : c + 1], K[:, c : c + 1]) for c in range(2)], 1)
    wrong = {"the kernels are turned by 180 degrees; leave them as they are": layer_of(X, K.flip(2, 3))}
    wrong["only the first channel of X is used"] = maps[:, 0]
    wrong["only the last channel of X is used"] = maps[:, 1]
    wrong["one slice of the kernel serves all channels; each has its own"] = layer_of(
        X.sum(0, True), K[:, :1]
    )
    wrong["channels are added before the product; multiply first"] = layer_of(X.sum(0, True), K.sum(1, True))
    wrong["it takes the mean over the channels; take the sum"] = Y / 2
    wrong["the channels must be summed, too: one map per kernel"] = maps
    wrong["the maps are summed over the kernels; sum over the input channels"] = maps.sum(0)
    wrong["the maps are added up; each kernel has a map of its own"] = Y.sum(0)
    wrong["only the first kernel is used"] = Y[:1]
    wrong["the maps should come first: (c_out, h', w')"] = Y.permute(1, 2, 0)
    wrong["the last row and the last column of windows are missing: is there a + 1?"] = Y[:, :-1, :-1]
    found = check.unchanged(corr2d_multi, X, K)
    if isinstance(found, torch.Tensor) and found.shape == Y.shape:
        wrong["a number is added to each map: leave the bias out"] = Y + (found - Y)[:, :1, :1]
    check.close(found, Y, known=wrong)
    check.like(found, Y)
    wrong = {"`squeeze` also drops axes of the result that have length 1: use [0]": maps[0, 0]}
    check.close(corr2d_multi(X[:1], K[:1, :1]), maps[:1, 0], "one channel and one kernel", known=wrong)
with check.case("adds zeros on each side", points=1):
    X, K = check.integers((2, 4, 5), 1, 9).float(), check.integers((3, 2, 3, 2), 1, 9).float()
    borders = {"repeats the pixels at the edge": "replicate", "mirrors the picture": "reflect"}
    borders["shows the opposite edge"] = "circular"
    wrong = {"padding is ignored": layer_of(X, K)}
    wrong["the zeros are only added below and on the right"] = layer_of(F.pad(X, (0, 1, 0, 1)), K)
    wrong["zeros below and on the right, or their windows, are missing"] = layer_of(F.pad(X, (1, 0, 1, 0)), K)
    wrong["there are twice as many zeros as asked: padding counts those on one side"] = layer_of(
        X, K, padding=2
    )
    wrong["the zeros are only added left and right"] = layer_of(X, K, padding=(0, 1))
    wrong["the zeros are only added above and below"] = layer_of(X, K, padding=(1, 0))
    wrong["the border is filled with ones; add zeros"] = layer_of(F.pad(X, (1, 1, 1, 1), value=1.0), K)
    for words, mode in borders.items():
        wrong[f"the border {words}; add zeros"] = layer_of(F.pad(X[None], (1, 1, 1, 1), mode=mode)[0], K)
    wrong["the zeros were added around the result; add them around X"] = F.pad(layer_of(X, K), (1, 1, 1, 1))
    found = check.unchanged(corr2d_multi, X, K, padding=1)
    check.close(found, layer_of(X, K, padding=1), "padding 1", known=wrong)
with check.case("moves by the stride along both axes", points=1):
    X, K = check.integers((2, 8, 7), 1, 9).float(), check.integers((3, 2, 3, 2), 1, 9).float()
    Y, padded = layer_of(X, K), F.pad(X[:, ::3, ::3], (2, 2, 2, 2))
    wrong = {"the stride is ignored": Y}
    wrong["the stride only acts on the rows"] = Y[:, ::2]
    wrong["the stride only acts on the columns"] = Y[:, :, ::2]
    wrong["only the shape follows the stride: window (i, j) begins at i * stride, j * stride"] = Y[:, :3, :3]
    found = check.unchanged(corr2d_multi, X, K, stride=2)
    check.close(found, layer_of(X, K, stride=2), "stride 2", known=wrong)
    wrong, Y = (
        {"the stride acts before the padding": layer_of(padded, K)},
        layer_of(X, K, stride=3, padding=2),
    )
    check.close(corr2d_multi(X, K, stride=3, padding=2), Y, "stride 3 and padding 2", known=wrong)
    found = check.unchanged(corr2d_multi, X, K, 2, 1)
    expected = layer_of(X, K, stride=2, padding=1)
    wrong = {"stride and padding are exchanged: the stride comes first": layer_of(X, K, stride=1, padding=2)}
    check.close(found, expected, "the arguments in order: stride 2, padding 1", known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same on other pictures", points=1, hidden=True):
    for shape, kernels, stride, padding in (
        ((1, 6, 9), (2, 1, 5, 1), 2, 2),
        ((4, 5, 3), (1, 4, 1, 1), 1, 0),
        ((3, 7, 8), (5, 3, 2, 4), 4, 1),
        ((2, 3, 3), (3, 2, 3, 3), 5, 0),
    ):
        for dtype in (torch.float32, torch.float64):
            X, K = check.normal(shape, dtype=dtype), check.normal(kernels, dtype=dtype)
            found = check.unchanged(corr2d_multi, X, K, stride=stride, padding=padding)
            check.close(found, layer_of(X, K, stride=stride, padding=padding), atol=1e-4, strict=True)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Here are two layers made by hand. The first looks for edges in four directions. ReLU keeps only what matches. The second, a
1×1 layer, adds the four maps to one outline.
"""


# %% tags=["experiment"]
def torch_multi(X, K, stride=1, padding=0):
    """Torch's own, for one picture."""
    return F.conv2d(X[None], K, stride=stride, padding=padding)[0]


multi = cu.yours(corr2d_multi, instead=torch_multi)
left_to_right = kernels["vertical edges"]
four_edges = torch.stack([left_to_right.rot90(k) for k in range(4)]).unsqueeze(1)  # (4, 1, 3, 3)
edge_maps = torch.relu(multi(bag[None], four_edges, padding=1))  # (4, 28, 28)
outline = multi(edge_maps, torch.ones(1, 4, 1, 1))  # (1, 28, 28)
show_maps(
    [bag, *edge_maps, outline[0]],
    ["the bag", "bright left", "bright below", "bright right", "bright above", "sum of the four"],
    "Four edge kernels, then a 1x1 layer that adds their maps",
    "A bag, four maps that each show the edges of one direction, and their sum, the whole outline",
)

# %% [markdown]
r"""
## 6 Pooling, and two words that are often confused

It often does not matter where exactly an edge is. **Pooling** replaces each window by its maximum or its mean. It works on
each channel separately and has no weights. By default the windows lie side by side: in torch, the stride of a pooling layer
is its window size, while that of a convolution is 1.
"""

# %%
line = torch.tensor([[1.0, 5, 2, 0, 3, 4, 1]])
print("MaxPool1d(3):          ", nn.MaxPool1d(3)(line).tolist())
print("MaxPool1d(3, stride=1):", nn.MaxPool1d(3, stride=1)(line).tolist())

# %% [markdown]
r"""
The seventh number is in no window of the first line (`ceil_mode=True` would let a last, incomplete window count).

### Exercise 8.5: `pool2d` &nbsp; (3 points, about 10 minutes, ★★☆)

Write pooling for one map, for windows and strides that may differ along the two axes.

<details><summary>Hint 1</summary>

Either a loop as in `corr2d`, where window (i, j) begins at (i · sh, j · sw), or two `unfold`s as in `corr2d_multi`.

<details><summary>Hint 2</summary>

Find the number of windows along each axis with the formula of section 4. Decide what to do with `mode` before the
loop, so that an unknown one is refused for any input.

</details></details>
"""


# %% exercise="pool2d"
def pool2d(X, pool_size, mode="max", stride=None):
    """Maximum or mean of each window of a map.

    X: float tensor (h, w). pool_size: (ph, pw), at most (h, w). mode: "max" or "avg". stride: (sh, sw), or None for
    pool_size. Only windows that lie inside X count. Returns a tensor (h', w') of X's dtype; X is unchanged.
    Raises ValueError, with a message that says what is wrong, for another mode.
    """
    ### BEGIN SOLUTION
    if mode not in ("max", "avg"):
        raise ValueError(f'mode must be "max" or "avg", got {mode!r}')
    (ph, pw), (sh, sw) = pool_size, stride or pool_size
    windows = X.unfold(0, ph, sh).unfold(1, pw, sw)  # (h', w', ph, pw)
    return windows.amax((2, 3)) if mode == "max" else windows.mean((2, 3))
    ### END SOLUTION


# %% test="pool2d"
check.exercise("pool2d", points=3)


def pooled(X, size, mode="max", stride=None, **options):
    """Pooling by torch."""
    return (F.max_pool2d if mode == "max" else F.avg_pool2d)(X[None], size, stride, **options)[0]


def mixed_up(X, size, mode, sh, sw):
    """What mistakes with the two strides give."""
    wrong = {"the stride is turned: it is (rows, columns)": pooled(X, size, mode, (sw, sh))}
    wrong["the first stride is used for both axes"] = pooled(X, size, mode, sh)
    wrong["the second stride is used for both axes"] = pooled(X, size, mode, sw)
    return wrong


with check.case("takes the maximum of windows that lie side by side", points=1):
    X, size = check.uniform((8, 9), low=-9, high=-1), (2, 3)
    wrong = mixed_up(X, size, "max", *size)
    wrong["by default the windows lie side by side: the stride is pool_size"] = pooled(X, size, stride=1)
    wrong["this is the mean, and the maximum is asked for"] = pooled(X, size, "avg")
    wrong["the window is turned: pool_size is (height, width)"] = pooled(X, (3, 2))
    wrong["the window is turned: it is ph rows high, and pw columns wide"] = pooled(X, (3, 2), stride=size)
    wrong["this is the smallest entry of each window"] = -pooled(-X, size)
    wrong["the maximum of magnitudes; negative numbers are smaller than others"] = pooled(X.abs(), size)
    wrong["0 for negative entries: start from the window itself, not from 0"] = torch.zeros(4, 3)
    wrong["the last row of windows is missing"] = pooled(X, size)[:-1]
    wrong["the last row and the last column of windows are missing"] = pooled(X, size)[:-1, :-1]
    found = check.unchanged(pool2d, X, size)
    check.close(found, pooled(X, size), known=wrong)
    check.like(found, X[:4, :3])
with check.case("takes the mean in mode 'avg', and refuses other modes", points=0.5):
    X, size = check.normal((6, 6)), (3, 2)
    right = pooled(X, size, "avg")
    wrong = {"mode is ignored: this is the maximum": pooled(X, size), "this is the sum": 6 * right}
    check.close(check.unchanged(pool2d, X, size, mode="avg"), right, "mode 'avg'", known=wrong)
    check.raises(ValueError, pool2d, X, size, mode="mean")
with check.case("takes the stride along each axis, and leaves out incomplete windows", points=1):
    X, size = check.normal((7, 8)), (2, 3)
    wrong = {"incomplete windows at the border do not count": pooled(X, size, ceil_mode=True)}
    wrong["the last column of windows is missing"] = pooled(X, size)[:, :-1]
    found = check.unchanged(pool2d, X, size)
    check.close(found, pooled(X, size), "7 rows and 8 columns, windows (2, 3)", known=wrong)
    wrong = {"`squeeze` also drops axes of the result that have length 1: use [0, 0]": X.max()}
    check.close(pool2d(X, (7, 8)), X.max().reshape(1, 1), "a window as large as the map", known=wrong)
    for mode in ("max", "avg"):
        right, begun = pooled(X, (3, 2), mode, (1, 3)), pooled(X, (3, 2), mode, 1)[:5, :3]
        wrong = mixed_up(X, (3, 2), mode, 1, 3) | {"the stride is ignored": pooled(X, (3, 2), mode)}
        wrong["only the shape follows the stride: window (i, j) begins at i * sh, j * sw"] = begun
        wrong["the mean divides by the size of the stride; divide by that of the window"] = 2 * right
        check.close(pool2d(X, (3, 2), mode, (1, 3)), right, "windows (3, 2), stride (1, 3)", known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same on other maps", points=0.5, hidden=True):
    for shape, size, stride in (((5, 9), (2, 4), None), ((9, 5), (1, 2), (4, 1)), ((6, 7), (3, 3), (2, 2))):
        for mode, dtype in (("max", torch.float32), ("avg", torch.float64)):
            X = check.uniform(shape, low=-5, high=-1, dtype=dtype)
            found = check.unchanged(pool2d, X, size, mode, stride)
            check.close(found, pooled(X, size, mode, stride), strict=True)
    check.raises(ValueError, pool2d, torch.ones(4, 4), (2, 2), "MAX")
### END HIDDEN TESTS
check.score()


# %% tags=["experiment"]
def torch_pool(X, pool_size, mode="max", stride=None):
    """Torch's own, for one map."""
    return (F.max_pool2d if mode == "max" else F.avg_pool2d)(X[None], pool_size, stride)[0]


pool = cu.yours(pool2d, instead=torch_pool)
show_maps(
    [
        outline[0],
        pool(outline[0], (2, 2)),
        pool(outline[0], (4, 4)),
        pool(outline[0], (2, 2), "avg"),
        pool(outline[0], (4, 4), "avg"),
    ],
    ["28 x 28", "max 2 x 2", "max 4 x 4", "mean 2 x 2", "mean 4 x 4"],
    "The outline of the bag, pooled: the maximum keeps thin lines, the mean softens them",
    "An outline of 28 by 28 pixels and four coarser ones; those by maximum are stronger than those by mean",
    columns=5,
)

# %% [markdown]
r"""
<details><summary>Aside: pooling in other words</summary>

Average pooling is a convolution with fixed, equal weights, the stride of the window and one kernel per channel. Max
pooling is made of ReLUs: $\max(a, b) = b + \mathrm{relu}(a - b)$, applied again and again. Some networks leave pooling out
and use convolutions with stride 2 instead.
</details>

**Equivariance and invariance.** A map $f$ of pictures is *equivariant* to shifts if shifting the input shifts the
output: $f(\text{shift}(X)) = \text{shift}(f(X))$. It is *invariant* if the output stays the same:
$f(\text{shift}(X)) = f(X)$. Which one is a convolution? **Predict** the two columns for a convolution, for one with a
pooling layer of 2, and for two such blocks, when a boot with much black around it moves to the right by 1, 2 and 4 pixels.
"""

# %% tags=["experiment"]
torch.manual_seed(6)
first, second = nn.Conv2d(1, 6, 5, bias=False), nn.Conv2d(6, 16, 5, bias=False)  # random kernels
stages = {"convolution": (nn.Sequential(first, nn.ReLU()), 1)}
stages["and pool 2"] = (nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(2)), 2)
stages["both again"] = (
    nn.Sequential(first, nn.ReLU(), nn.MaxPool2d(2), second, nn.ReLU(), nn.MaxPool2d(2)),
    4,
)
far_from_borders = F.pad(boot, (24, 24, 24, 24))[None, None]  # (1, 1, 76, 76)
with torch.no_grad():
    print("               shift   moved with the input?   changed by")
    for name, (f, jump) in stages.items():
        for shift in (1, 2, 4):
            before, after = f(far_from_borders), f(far_from_borders.roll(shift, dims=3))
            moved = "not a whole step"
            if shift % jump == 0:
                moved = (
                    "yes" if torch.allclose(after, before.roll(shift // jump, dims=3), atol=1e-5) else "no"
                )
            print(f"{name:14} {shift:4}      {moved:20} {(after - before).norm() / before.norm():8.0%}")

# %% [markdown]
r"""
Away from borders, a convolution is equivariant to shifts by any number of pixels, and not at all invariant. A pooling
layer of 2 is equivariant to even shifts. After two of them, shifts by multiples of 4 remain. Pooling makes the output
change *less* when the picture moves a little (compare the three rows for shift 1); this is the approximate invariance
that it is praised for. Neither layer makes a network invariant. Section 11 measures what LeNet does with moved garments.

**A good place to stop.** The building blocks are complete. From here on they become a network.
"""

# %% [markdown]
r"""
## 7 How far one number sees

An output of a 5×5 convolution depends on 5×5 pixels. What about an output of the *second* convolution, behind a
pooling layer? The input pixels that can affect it are its **receptive field**. Follow it along one axis with two
numbers: $r$, the pixels that one output sees, and $j$ (jump), how many input pixels lie between neighbouring outputs.
The picture itself has $r = 1$, $j = 1$. A layer with windows of $k$ combines $k$ neighbours, and the last one looks
$(k - 1)$ jumps further than the first:

$$r \leftarrow r + (k - 1)\, j, \qquad \text{then} \qquad j \leftarrow j \cdot s .$$

**Predict** on paper for three 3×3 convolutions, and for LeNet's convolution 5, pool 2, convolution 5, pool 2.

### Exercise 8.6: `receptive_field` &nbsp; (2 points, about 8 minutes, ★★☆)

Write the bookkeeping for a list of layers.

<details><summary>Hint 1</summary>

Two variables, and a loop over the layers. Does the stride of a layer matter for the layer itself, or only for those
after it?

<details><summary>Hint 2</summary>

Test it on small cases that you can draw: [(2, 2), (2, 2)] sees 4 pixels, and so does [(2, 2), (2, 1)].

</details></details>
"""


# %% exercise="receptive_field"
def receptive_field(layers):
    """Input pixels along one axis, from the first to the last that one output sees.

    layers: list of (kernel, stride), ints from 1 on, from the input on; it may be empty, and is unchanged.
    Returns an int.
    """
    ### BEGIN SOLUTION
    pixels, jump = 1, 1
    for kernel, stride in layers:
        pixels += (kernel - 1) * jump
        jump *= stride
    return pixels
    ### END SOLUTION


# %% test="receptive_field"
check.exercise("receptive_field", points=2)


def field(layers):
    """The right answer, from the last layer to the first."""
    size = 1
    for kernel, stride in reversed(layers):
        size = (size - 1) * stride + kernel
    return size


def mistaken(layers):
    """What known mistakes give."""
    (k, s), count = zip(*layers), range(len(layers))
    jumps = [math.prod(s[:i]) for i in count]

    def grown(jumps, k=k):
        return 1 + sum((kernel - 1) * jump for kernel, jump in zip(k, jumps))

    wrong = {"start from 1 pixel, not from 0": grown(jumps) - 1}
    wrong["this is an area; count the pixels along one axis"] = grown(jumps) ** 2
    wrong["the kernel sizes are added; a layer adds only kernel - 1"] = sum(k)
    wrong["the kernel sizes are multiplied"] = math.prod(k)
    wrong["a layer adds (kernel - 1) jumps, not kernel"] = grown(jumps) + sum(jumps)
    wrong["the strides are ignored"] = grown([1 for _ in k])
    wrong["a layer adds (kernel - 1) jumps; here its own stride stands for the jump"] = grown(s)
    own = [math.prod(s[: i + 1]) for i in count]
    wrong["the jump must not contain the layer's own stride: it matters for later layers"] = grown(own)
    wrong["the jump is the product of all strides before, not the last of them"] = grown([1, *s])
    added = [1 + sum(s[:i]) for i in count]
    wrong["the jump is the product of all strides before; here they are added"] = grown(added)
    backwards = [math.prod(s[i + 1 :]) for i in count]
    wrong["the layers are taken from the last to the first"] = grown(backwards)
    exchanged = [math.prod(k[:i]) for i in count]
    wrong["kernel and stride are exchanged: a layer is (kernel, stride)"] = grown(exchanged, s)
    wrong["only the first layer counts: is the return inside the loop?"] = k[0]
    return {sentence: value for sentence, value in wrong.items() if value != grown(jumps)}


with check.case("grows with each layer, by more behind a stride", points=1):
    for layers in ([(4, 2), (6, 3), (5, 2)], [(5, 1), (2, 2), (5, 1), (2, 2)], [(3, 1), (3, 1), (3, 1)]):
        found = check.unchanged(receptive_field, layers)
        check.equal(found, field(layers), f"the layers {layers}", known=mistaken(layers))
    check.equal(receptive_field([(5, 1)]), 5, "one layer with windows of 5")
    check.number(receptive_field([(3, 2)]), int)
with check.case("windows with gaps, windows of 1, and no layers", points=0.5):
    wrong = {"count also the pixels in the gaps, from the first to the last": 6}
    found = receptive_field([(2, 4), (3, 1)])
    check.equal(found, 10, "windows of 2 with stride 4, then of 3: from the first to the last", known=wrong)
    check.equal(receptive_field([(1, 2), (3, 1)]), 5, "windows of 1 with stride 2, then of 3")
    wrong = {"start from 1 pixel, not from 0": 0}
    check.equal(receptive_field([]), 1, "without layers, a pixel sees itself", known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same on other networks", points=0.5, hidden=True):
    for layers in (
        [(7, 2), (3, 2), (3, 1), (3, 1)],
        [(4, 4), (4, 4), (2, 1)],
        [(1, 1), (1, 3), (5, 2), (2, 1)],
    ):
        check.equal(receptive_field(layers), field(layers))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
A gradient can check the prediction. Take one number in the middle of LeNet's last feature map, and ask how it changes
with each input pixel: outside the receptive field, the gradient is exactly 0.
"""


# %% tags=["experiment"]
def field_by_gradient(layers):
    """Measure it: the pixels that get a gradient from the middle output of a chain of average poolings."""
    chain = nn.Sequential(*(nn.AvgPool1d(kernel, stride) for kernel, stride in layers))
    X = torch.zeros(1, 1, 400, requires_grad=True)
    Y = chain(X)
    Y[0, 0, Y.shape[2] // 2].backward()
    seen = X.grad.flatten().nonzero()
    return int(seen.max() - seen.min() + 1)


field = cu.yours(receptive_field, instead=field_by_gradient)
LENET = [(5, 1), (2, 2), (5, 1), (2, 2)]
torch.manual_seed(3)
features = nets.lenet(nn.ReLU)[:6]  # up to the second pooling layer
shown = []
for place in (1, 2):  # the output in row and column 1, and 2
    X = torch.rand(200, 1, 28, 28, requires_grad=True)
    features(X)[:, :, place, place].sum().backward()
    shown.append(X.grad.abs().mean((0, 1)))
    rows = shown[-1].sum(1).nonzero().flatten()
    print(f"output ({place}, {place}): gradient in rows {rows.min()} to {rows.max()}, {len(rows)} of them")


def draw_fields(*axes):
    for ax, gradient, first in zip(axes, shown, (2, 6)):
        ax.imshow(gradient.numpy(), cmap=cu.plots.SEQUENTIAL)
        box = Rectangle(
            (first - 0.5, first - 0.5),
            field(LENET),
            field(LENET),
            fill=False,
            edgecolor=cu.plots.COLOURS[1],
            linewidth=2,
        )
        ax.add_patch(box)
        ax.set(xlabel="column of the picture", ylabel="row")
    axes[0].set_title("Mean |gradient| of two outputs, and your prediction (frame)")


cu.plots.figure(
    draw_fields,
    panels=2,
    height=3.4,
    alt="Two squares of 28 by 28 pixels with a blue patch of 16 by 16, framed; the patch is dark in the middle and "
    "pale at its edges; in the second square it lies four pixels further right and down",
)
middle = shown[1][10:18, 10:18].sum() / shown[1].sum()
print(
    "the middle 8 x 8 pixels, a quarter of the field, have over a third of the gradient:",
    bool(middle > 1 / 3),
)

# %% [markdown]
r"""
Each field is sixteen pixels wide, and that of the next output lies four pixels further. The middle quarter of the field has
more than its share of the gradient, since more paths lead through it.

Two 3×3 convolutions see 5×5 pixels, with 18 weights instead of 25. Without an activation between them they *are* one 5×5
convolution, whose kernel is the true convolution of the two. (With an activation, they are more: chapter 9.)
"""

# %% tags=["experiment"]
X, K1, K2 = torch.randn(1, 1, 12, 12), torch.randn(1, 1, 3, 3), torch.randn(1, 1, 3, 3)
K5 = F.conv2d(K1, K2.flip(2, 3), padding=2)  # (1, 1, 5, 5)
print(
    "two 3x3 = one 5x5:         ", torch.allclose(F.conv2d(F.conv2d(X, K1), K2), F.conv2d(X, K5), atol=1e-4)
)
with_relu = F.conv2d(torch.relu(F.conv2d(X, K1)), K2)
print("with a ReLU between the two:", torch.allclose(with_relu, F.conv2d(X, K5), atol=1e-4))

# %% [markdown]
r"""
## 8 LeNet

In 1998, LeCun, Bottou, Bengio and Haffner described a network of this kind, which banks used to read cheques. Two
rounds of convolution, activation and pooling turn a picture into 16 small maps; three dense layers turn these into scores.
The size shrinks, the number of channels grows.

| layer | output for one picture |
|---|---|
| the picture | (1, 28, 28) |
| convolution: 6 kernels of 5×5, padding 2; sigmoid | (6, 28, 28) |
| average pooling 2×2 | (6, 14, 14) |
| convolution: 16 kernels of 5×5; sigmoid | (16, 10, 10) |
| average pooling 2×2 | (16, 5, 5) |
| flatten | (400) |
| dense; sigmoid | (120) |
| dense; sigmoid | (84) |
| dense: the scores | (10) |

<details><summary>Aside: the original</summary>

This is the usual modern sketch. The original, LeNet-5, read pictures of 32×32 pixels without padding; its activation was
a scaled tanh; its pooling layers had a weight and a bias per map; most maps of its second convolution saw only some of the
six maps before them; its output measured distances to drawn digits. It had 60,000 trainable parameters.
</details>

### Exercise 8.7: `make_lenet` &nbsp; (3 points, about 10 minutes, ★★☆)

Build the network of the table. It has 61,706 parameters: count before you run the check.

<details><summary>Hint 1</summary>

Twelve layers: `nn.Conv2d`, `nn.Sigmoid`, `nn.AvgPool2d`, the same three again, `nn.Flatten`, and so on. The last layer
gives scores, which nothing squeezes.

<details><summary>Hint 2</summary>

If a shape does not fit, push zeros through the layers, one after another, and print:
`for layer in net: X = layer(X); print(X.shape)`.

</details></details>
"""


# %% exercise="make_lenet"
def make_lenet():
    """LeNet for pictures (n, 1, 28, 28), with ten classes.

    Returns an nn.Sequential of single layers, not nested, freshly made at each call: 61,706 parameters, sigmoid after
    each convolution and after each dense layer but the last, average pooling; it gives scores (n, 10).
    """
    ### BEGIN SOLUTION
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2),
        nn.Sigmoid(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, kernel_size=5),
        nn.Sigmoid(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Sigmoid(),
        nn.Linear(120, 84),
        nn.Sigmoid(),
        nn.Linear(84, 10),
    )
    ### END SOLUTION


# %% test="make_lenet"
check.exercise("make_lenet", points=3)
SHAPES = [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 400), (120,), (84, 120), (84,), (10, 84), (10,)]
s, relu, same, mean, largest = torch.sigmoid, torch.relu, torch.clone, F.avg_pool2d, F.max_pool2d


def used(X):  # the scores of a new net, its weights and biases: beside the answer, for a net travels slowly
    net = make_lenet()
    return net(X), net(X), [weight.detach() for weight in net.parameters()]


def scores_and_weights(X):
    """The same, once it is clear that the weights and biases are those of LeNet."""
    scores, again, w = check.made(used, X)
    wrong = {"the layers have no biases": SHAPES[::2]}
    wrong["the convolutions have no biases"] = SHAPES[:1] + SHAPES[2:3] + SHAPES[4:]
    wrong["the dense layers have no biases"] = SHAPES[:4] + SHAPES[4::2]
    wrong["the dense layer with 84 units is missing"] = [*SHAPES[:6], (10, 120), (10,)]
    found = [tuple(weight.shape) for weight in w]
    check.equal(found, SHAPES, "the shapes of all weights and biases, in order", known=wrong)
    check.that(torch.equal(scores, again), "two calls give different scores: the table has no dropout")
    return scores, w


def same_as_new(net):  # whether another call gives the first weight of this net
    return next(make_lenet().parameters()) is next(net.parameters())


def by_hand(w, X, act=(s,) * 4, pool=(mean,) * 2, last=same):
    """The scores of LeNet with the weights w, or of a network that differs from it as told."""
    X = pool[0](act[0](F.conv2d(X, w[0], w[1], padding=2)), 2)
    X = pool[1](act[1](F.conv2d(X, w[2], w[3])), 2).flatten(1)
    return last(F.linear(act[3](F.linear(act[2](F.linear(X, w[4], w[5])), w[6], w[7])), w[8], w[9]))


def mistakes(w, X):  # sentence -> the scores that this mistake gives
    wrong = {"there are no activations": by_hand(w, X, [same] * 4)}
    both = by_hand(w, X, [relu] * 4, [largest] * 2)
    wrong["ReLU and max pooling; the table says sigmoid and average"] = both
    for act in (relu, torch.tanh, F.silu, F.hardsigmoid):
        wrong[f"the activations are {act.__name__}; the table says sigmoid"] = by_hand(w, X, [act] * 4)
    places = ("first convolution", "second convolution", "first dense layer", "second dense layer")
    for i, name in enumerate(places):
        acts = [same if i == j else s for j in range(4)]
        wrong[f"the activation after the {name} is missing"] = by_hand(w, X, acts)
    wrong["there are no activations after the convolutions"] = by_hand(w, X, [same, same, s, s])
    wrong["there are no activations after the dense layers"] = by_hand(w, X, [s, s, same, same])
    late = by_hand(w, X, [same, same, s, s], [lambda X, size: s(mean(X, size))] * 2)
    wrong["pooling comes before the sigmoid; the table has it after"] = late
    pools = {"pooling takes the maximum": [largest] * 2, "first pooling takes the maximum": [largest, mean]}
    for name, pool in (pools | {"second pooling takes the maximum": [mean, largest]}).items():
        wrong[f"the {name}; the table says average"] = by_hand(w, X, pool=pool)
    ends = {"sigmoid": s, "ReLU": relu, "softmax": nn.Softmax(1), "log-softmax": nn.LogSoftmax(1)}
    for name, last in ends.items():
        wrong[f"the last layer gives scores: no {name} after it"] = by_hand(w, X, last=last)
    return wrong


with check.case("is a flat nn.Sequential, new at each call, with the outputs of the table", points=0.5):
    net, X = make_lenet(), torch.zeros(2, 1, 28, 28)
    check.that(isinstance(net, nn.Sequential), "an nn.Sequential is asked for")
    nested = any(isinstance(layer, nn.Sequential | nn.ModuleList) for layer in net)
    check.that(not nested, "put the layers into one Sequential, not into a Sequential inside another")
    wrong = {"the first convolution needs padding=2 to keep 28 x 28 pixels": (2, 6, 24, 24)}
    wrong["the first convolution has padding 1; it needs padding=2"] = (2, 6, 26, 26)
    check.equal(tuple(net[0](X).shape), (2, 6, 28, 28), "the output of the first layer", known=wrong)
    table = [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (400,), (120,), (84,), (10,)]
    for i, layer in enumerate(net):
        flat = X.ndim == 2 or not isinstance(layer, nn.Linear)
        check.that(flat, f"layer {i + 1} is dense and gets {tuple(X.shape[1:])}: flatten the maps first")
        X, name = layer(X), type(layer).__name__
        found = tuple(X.shape[1:])
        check.that(found in table, f"layer {i + 1}, {name}, gives {found}: this is not in the table")
    same_weight = check.made(same_as_new, net)
    check.that(not same_weight, "each call should make a new network of new layers, with their own weights")
with check.case("has the layers of the table, with 61,706 parameters", points=1):
    found, _ = scores_and_weights(torch.zeros(3, 1, 28, 28))
    check.equal(tuple(found.shape), (3, 10), "the shape of the scores of three pictures")
with check.case("has sigmoids and average pooling where they belong, none after the last layer", points=1):
    X = 4 * check.normal((2, 1, 28, 28))
    Y, w = scores_and_weights(X)
    check.close(Y, by_hand(w, X), "the scores of random pictures", known=lambda: mistakes(w, X), atol=1e-5)
### BEGIN HIDDEN TESTS
with check.case("the same for one picture, and for another network", points=0.5, hidden=True):
    X = check.uniform((1, 1, 28, 28))
    found, w = scores_and_weights(X)
    check.close(found, by_hand(w, X), atol=1e-5)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Where are the parameters, and where is the work? **Predict**: more than half of the parameters in the convolutions, or in
the dense layers? And of the multiplications?
"""

# %% tags=["experiment"]
build = cu.yours(make_lenet, instead=nets.lenet)
X, rows = torch.zeros(1, 1, 28, 28), []
for layer in build():
    X = layer(X)
    if isinstance(layer, nn.Conv2d | nn.Linear):
        pixels = X[0, 0].numel() if X.ndim == 4 else 1
        rows.append((layer, sum(p.numel() for p in layer.parameters()), pixels * layer.weight.numel()))
        name, shape = type(layer).__name__, str(tuple(X.shape[1:]))
        print(f"{name:7} output {shape:12} {rows[-1][1]:7,} parameters {rows[-1][2]:8,} multiply-adds")
totals = [sum(row[i] for row in rows) for i in (1, 2)]
in_convolutions = [sum(row[i] for row in rows if isinstance(row[0], nn.Conv2d)) for i in (1, 2)]
print(f"in convolutions: {in_convolutions[0] / totals[0]:.0%} of {totals[0]:,} parameters, "
      f"{in_convolutions[1] / totals[1]:.0%} of {totals[1]:,} multiply-adds")  # fmt: skip
try:
    build()(torch.zeros(1, 1, 32, 32))
except RuntimeError as error:
    print("a 32 x 32 picture:", error)

# %% [markdown]
r"""
The convolutions take a picture of any size that is large enough; the first dense layer does not. From 32×32 pixels, 16 maps
of 6×6 arrive, 576 numbers in place of 400.

## 9 Training, and a loss that stands still

To train it, somebody copies an epoch from the notes of a friend. It runs without an error. Here it trains a small
network, so that you need not wait:
"""


# %%
def epoch_as_copied(net, batches, loss, optimizer):
    """One epoch. Returns (mean loss, accuracy)."""
    metric = [0.0, 0.0, 0.0]  # sum of the losses, right answers, examples
    net.train()
    for X, y in batches:
        optimizer.zero_grad()
        scores = net(X)
        l = loss(scores, y)
        l.backward()
        optimizer.step()
        with torch.no_grad():
            metric[0] += 1 * X.shape[0]
            metric[1] += (scores.argmax(dim=1) == y).sum().item()
            metric[2] += X.shape[0]
    return metric[0] / metric[2], metric[1] / metric[2]


# %% tags=["experiment"]
cu.training.seed_everything(5)
small = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
small_batches = cu.data.BatchLoader(train_set.data[:2000], train_set.targets[:2000], 64, shuffle=True)
descent = torch.optim.SGD(small.parameters(), lr=0.1)
for epoch in range(4):
    mean, accuracy = epoch_as_copied(small, small_batches, nn.CrossEntropyLoss(), descent)
    print(f"epoch {epoch + 1}: loss {mean:.3f}, accuracy {accuracy:.2f}")

# %% [markdown]
r"""
The accuracy rises, so the network learns. The loss stays where it is, to the last digit. Is it the learning rate, the
loss function, the data, the gradient? Find the line. (Read it aloud, character by character.)

### Exercise 8.8: spot the bug, `mean_loss` &nbsp; (2 points, about 8 minutes, ★☆☆)

Write the part of the report that the copied epoch gets wrong, as a function of its own: the mean loss over all
*examples* of an epoch, from the mean losses of its batches and their sizes. The last batch may be smaller.

<details><summary>Hint 1</summary>

What does a batch's mean loss have to be multiplied by to become the sum over its examples?

<details><summary>Hint 2</summary>

`float(loss)` takes the number out of a 0-d tensor, and leaves a float as it is.

</details></details>
"""


# %% exercise="mean_loss"
def mean_loss(batch_losses, batch_sizes):
    """The mean loss over all examples.

    batch_losses: list of the batches' mean losses, floats or 0-d tensors. batch_sizes: list of as many ints, from 1
    on; at least one batch. Both, and the tensors in them, are unchanged. Returns a float.
    """
    ### BEGIN SOLUTION
    total = sum(float(loss) * size for loss, size in zip(batch_losses, batch_sizes, strict=True))
    return total / sum(batch_sizes)
    ### END SOLUTION


# %% test="mean_loss"
check.exercise("mean_loss", points=2)
with check.case("weights each batch by its size", points=1):
    losses, sizes, total = [3.0, 2.5, 4.0], [100, 60, 8], 300.0 + 150.0 + 32.0
    wrong = {"it adds up the sizes only: is there a digit 1 in place of a letter l?": 1.0}
    wrong["a mean of the batch means: the small batch counts as much as the large ones"] = 9.5 / 3
    wrong["this is the sum over all examples; divide it by their number"] = total
    wrong["the losses are summed without the sizes, and divided by the number of examples"] = 9.5 / 168
    wrong["the sum over the examples must be divided by the number of examples, not of batches"] = total / 3
    wrong["this is the loss of the last batch"] = 4.0
    wrong["this is the loss of the first batch: is the return inside the loop?"] = 3.0
    wrong["this is the sum of the batch losses"] = 9.5
    wrong["the last batch is left out"] = 450 / 160
    wrong["the sum is right, but the examples of the last batch are not counted"] = total / 160
    wrong["the losses are cut to whole numbers: use float, not int"] = (300 + 120 + 32) / 168
    wrong["all batches are taken to be as large as the first"] = total / 300
    wrong["each loss is multiplied by the size of the first batch; take its own"] = 9.5 * 100 / 168
    wrong["`//` rounds down to a whole number; divide by `/`"] = total // 168
    wrong["all batches but the last are taken to be as large as the first"] = 582 / 208
    wrong["the result is rounded; return it as it is"] = round(total / 168, 3)
    check.close(check.unchanged(mean_loss, losses, sizes), total / 168, known=wrong)
with check.case("takes 0-d tensors, too, and returns a float", points=0.5):
    found = check.unchanged(mean_loss, [torch.tensor(1.0), torch.tensor(3.0)], [3, 1])
    check.number(found, float)
    check.close(found, 1.5)
    check.number(mean_loss([1.0], [5]), float)
### BEGIN HIDDEN TESTS
with check.case("the same on other batches", points=0.5, hidden=True):
    for sizes in ([7], [256, 256, 33], [1, 2, 3, 4]):
        losses = check.uniform((len(sizes),), high=3, dtype=torch.float64)
        expected = (losses * torch.tensor(sizes)).sum().item() / sum(sizes)
        check.close(mean_loss(losses.tolist(), sizes), expected)
        check.close(mean_loss(list(losses.float()), sizes), expected, rtol=1e-5)
        check.number(mean_loss(list(losses.float()), sizes), float)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
<details><summary>More traps in copied training loops</summary>

- A printed book marks code for its library with `#@save`. Without the `#`, `@save` is a decorator, and Python stops with
  a NameError.
- Indentation lost: if the lines that record a curve have slipped out of the inner loop, there is one point per epoch.
- `if (i + 1) % (num_batches // 5) == 0` reports five times per epoch, and stops with a ZeroDivisionError if there are
  fewer than five batches.
- "Examples per second" from a timer around the step only leaves out loading the data; on a GPU it also has to
  synchronise (chapter 7).
- The accuracy on test data needs `net.eval()` and `torch.no_grad()`, and its batches on the network's device.
</details>

**LeNet on garments**, with your `make_lenet` and your `mean_loss`. The weights start with Xavier's rule (chapter 12), each
batch goes to the network's device, and the loss of each single step is kept for a closer look.
"""


# %% tags=["experiment"]
def start_xavier(net):
    """Xavier's uniform start for all convolutions and dense layers; biases keep theirs."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
    return net


def numpy_mean_loss(batch_losses, batch_sizes):
    """NumPy's weighted average."""
    return float(np.average([float(loss) for loss in batch_losses], weights=batch_sizes))


report = cu.yours(mean_loss, instead=numpy_mean_loss)
cu.training.seed_everything(1)
device = cu.devices.default_device()
lenet = start_xavier(build()).to(device)
adam = torch.optim.Adam(lenet.parameters(), lr=4e-3)
batches, test_batches = cu.data.load_fashion_mnist(64, train_size=8000, test_size=1000, device=device)
step_losses, epoch_losses, test_accuracy = [], [], []
alt = "LeNet's mean training loss falls, and its test accuracy rises, over four epochs."
with cu.plots.LiveCurves(
    {"loss": ["training loss"], "accuracy": ["test accuracy"]}, title="LeNet", until=4, alt=alt
) as live:
    for epoch in range(1, 5):
        lenet.train()
        losses, sizes = [], []
        for X, y in batches:
            l = F.cross_entropy(lenet(X), y)
            adam.zero_grad()
            l.backward()
            adam.step()
            losses.append(l.detach())
            sizes.append(len(y))
        step_losses += losses
        epoch_losses.append(report(losses, sizes))
        test_accuracy.append(cu.training.evaluate_accuracy(lenet, test_batches))
        live.add(epoch, {"training loss": epoch_losses[-1], "test accuracy": test_accuracy[-1]})
lenet.cpu()
print("published, real garments, 10 epochs: loss 0.469, training accuracy 0.823, test accuracy 0.779")
print("here the test accuracy after 4 epochs is above 0.75:", test_accuracy[-1] > 0.75)

# %% tags=["experiment"]
per_step = torch.stack(step_losses).cpu()[:250]


def draw_steps(ax):
    ax.plot(range(1, 251), per_step.numpy(), color=cu.plots.COLOURS[0], linewidth=1)
    ax.axhline(math.log(10), color=cu.plots.COLOURS[1], linestyle="--")
    ax.text(245, 2.34, "log 10", ha="right", fontsize=9)
    ax.set(xlabel="step", ylabel="loss of the batch", ylim=(0.3, 2.9))
    ax.set_title("The first 250 steps: a plateau at log 10, then a fall")


cu.plots.figure(
    draw_steps,
    alt="The loss of single batches stays near 2.3 for some dozens of steps, then falls below 1",
)

# %% [markdown]
r"""
At the start the loss *does* stand still, at $\log 10$: the network gives each class about 1/10. A sigmoid's outputs lie
between 0 and 1 around 0.5, and differ little from picture to picture. Its derivative is at most 1/4, so behind four
sigmoids the gradient that reaches the first kernels contains a factor of at most $1/256$. Section 10 measures what another
activation does.

## 10 Which parts matter?

Two parts of this LeNet have modern rivals: ReLU for the sigmoid, and the maximum for the average. That makes four networks;
the MLP is the fifth. A fair comparison gives each one its best learning rate: three rates, 800 pictures, four epochs with
batches of 32, judged on 500 *validation* pictures that no training sees and that are not the test pictures.

First, the gradient at the start. **Predict** the ratio of the two numbers, to a power of ten:
"""


# %% tags=["experiment"]
def variant(activation, pool):
    """Your LeNet with another activation and pooling, and a new Xavier start."""
    net = build()
    for i, layer in enumerate(net):
        if isinstance(layer, nn.Sigmoid):
            net[i] = activation()
        elif isinstance(layer, nn.AvgPool2d):
            net[i] = pool(2)
    return start_xavier(net)


ratio = []
for seed in range(5):
    sizes = []
    for activation in (nn.Sigmoid, nn.ReLU):
        torch.manual_seed(seed)
        net = variant(activation, nn.AvgPool2d)
        F.cross_entropy(net(pictures[:200].unsqueeze(1)), labels[:200]).backward()
        sizes.append(net[0].weight.grad.norm())
    ratio.append((sizes[1] / sizes[0]).item())
print("gradient of the first kernels, ReLU / sigmoid: over 10 in", sum(r > 10 for r in ratio), "of 5 starts")

# %% tags=["experiment"]
little = train_set.data[:800], train_set.targets[:800]
held_out = train_set.data[9000:9500], train_set.targets[9000:9500]
contestants = {
    f"{activation.__name__}, {kind}": (lambda activation=activation, pool=pool: variant(activation, pool))
    for activation in (nn.Sigmoid, nn.ReLU)
    for kind, pool in (("average", nn.AvgPool2d), ("max", nn.MaxPool2d))
} | {"MLP": new_mlp}
best = {}
for name, make in contestants.items():
    for lr in (1e-3, 4e-3, 1.6e-2):
        cu.training.seed_everything(0)
        net = make()
        history = cu.training.train_classifier(
            net,
            cu.data.BatchLoader(*little, 32, shuffle=True),
            cu.data.BatchLoader(*held_out, 500),
            num_epochs=4,
            optimizer=torch.optim.Adam(net.parameters(), lr=lr),
            live=False,
        )
        if name not in best or history.test_accuracy[-1] > best[name][1][-1]:
            best[name] = lr, history.test_accuracy
cu.plots.curves(
    {f"{name} (rate {lr:g})": accuracy for name, (lr, accuracy) in best.items()},
    y="validation accuracy",
    title="800 pictures: ReLU matters, the kind of pooling hardly",
    alt="Five curves over four epochs: both networks with sigmoid start near 0.1 and end far below the other three",
)
final = {name: accuracy[-1] for name, (_, accuracy) in best.items()}
behind = min(final["ReLU, average"], final["ReLU, max"]) - max(
    final["Sigmoid, average"], final["Sigmoid, max"]
)
print("each at its best rate, ReLU ends more than 0.1 above sigmoid:", behind > 0.1)

# %% [markdown]
r"""
With so few pictures and epochs, the activation makes the difference: the sigmoid networks spend a good part of the time on
the plateau (with ten times as many pictures, as in section 9, they get far). Average and maximum differ by a few points at
most, as much as another seed may change. One run each cannot settle that.

**LeNet with ReLU and max pooling on 8,000 pictures**, and what it has learned. Its learning rate is 0.004, the middle of
the three.
"""

# %% tags=["experiment"]
cu.training.seed_everything(4)
modern = variant(nn.ReLU, nn.MaxPool2d)
modern_history = fit(modern, *first_8000, lr=4e-3, num_epochs=3)
with torch.no_grad():
    boot_maps = modern[:2](boot[None, None])[0]  # (6, 28, 28)
show_maps(
    [*modern[0].weight[:, 0], *boot_maps],
    [*(f"kernel {i}" for i in range(6)), *(f"map {i}" for i in range(6))],
    "The six kernels that LeNet learned, and what they see in a boot",
    "Six five by five kernels with red and blue weights, and below each one its feature map of a boot; some maps show "
    "edges, some the whole surface",
)
print("LeNet with ReLU and max, 3 epochs, test accuracy above 0.75:", modern_history.test_accuracy[-1] > 0.75)

# %% tags=["experiment"]
with torch.no_grad():
    said = {"MLP": mlp(pictures).argmax(1), "LeNet": modern(pictures.unsqueeze(1)).argmax(1)}
errors = {
    name: [(p != labels)[labels == c].float().mean().item() for c in range(10)] for name, p in said.items()
}


def draw_errors(ax):
    for i, (name, shares) in enumerate(errors.items()):
        ax.bar([c + 0.4 * i - 0.2 for c in range(10)], shares, 0.38, color=cu.plots.COLOURS[i], label=name)
    ax.set_xticks(range(10), cu.data.FASHION_CLASSES, rotation=40, ha="right", rotation_mode="anchor")
    ax.set(ylabel="share of errors", title="Errors by class, MLP and LeNet (ReLU, max)")
    ax.legend()


cu.plots.figure(
    draw_errors,
    alt="Two bars for each of ten classes; shirts have the most errors for both networks",
)
shown, texts = [], []
for wrong_one, right_one in (("MLP", "LeNet"), ("LeNet", "MLP")):
    for i in ((said[wrong_one] != labels) & (said[right_one] == labels)).nonzero().flatten()[:5].tolist():
        shown.append(pictures[i])
        names = [cu.data.FASHION_CLASSES[k].split("/")[0] for k in (labels[i], said[wrong_one][i])]
        texts.append(f"{names[0]}\n{wrong_one}: {names[1]}")
cu.plots.images(
    shown,
    titles=texts,
    columns=5,
    title="Above: only the MLP is wrong. Below: only LeNet",
    alt="Ten garments with their true class and the wrong answer: five that only the MLP gets wrong, five that only "
    "LeNet gets wrong",
)

# %% [markdown]
r"""
The two networks make different mistakes. (Neither was tuned for 8,000 pictures; look at the kinds of mistakes, not at the
totals.)

**The scrambled pixels of section 1.** LeNet's kernels assume that neighbours belong together. What did you predict? The same
network, the same rate and the same number of epochs, on pictures scrambled as in section 1:
"""

# %% tags=["experiment"]
cu.training.seed_everything(4)
lost = fit(
    variant(nn.ReLU, nn.MaxPool2d),
    scramble(first_8000[0]),
    first_8000[1],
    lr=4e-3,
    num_epochs=3,
    test=scrambled_test,
)
four = [straight, scrambled, modern_history, lost]
cu.plots.bars(
    [history.test_accuracy[-1] for history in four],
    labels=["MLP, straight", "MLP, scrambled", "LeNet, straight", "LeNet, scrambled"],
    y="test accuracy",
    title="Scrambling hardly changes the MLP, and costs LeNet several points",
    alt="Four bars: those of the MLP are equally high; LeNet's is a little higher on straight pictures and lower on "
    "scrambled ones",
)
fall = modern_history.test_accuracy[-1] - lost.test_accuracy[-1]
print("LeNet loses more than 0.01 by scrambling:", fall > 0.01)

# %% [markdown]
r"""
On straight pictures LeNet is level with the MLP or a little ahead: in three short epochs its accuracy still jumps by a point
or two. Scrambling takes away more than that. The assumptions of section 1, sharing and locality, help where they are true.
On scrambled pixels they are false, and the same network is no better than the MLP, which assumes neither. (It does not fail:
the dense layers at its end can still use what is left.) How much neighbours matter depends on the data and on the
start: on the real Fashion-MNIST, three starts lost between 1 and 4 points.

## 11 A garment moves

"Convolutional networks do not care where the object is." Do they? **Predict** LeNet's accuracy on test garments that are
moved to the right by 4 pixels, a seventh of the picture. Then compare three networks: the MLP, LeNet, and a copy of LeNet
that has been trained for two more epochs, with each batch moved at random by up to 8 pixels to either side.
"""


# %% tags=["experiment"]
def move(X, shift):
    """Pictures (n, 1, 28, 28) moved to the right (or left, if negative), with black coming in."""
    return F.pad(X, (shift, -shift))


cu.training.seed_everything(4)
moved_net = variant(nn.ReLU, nn.MaxPool2d)
moved_net.load_state_dict(modern.state_dict())
adam = torch.optim.Adam(moved_net.parameters(), lr=4e-3)
for _ in range(2):
    for X, y in cu.data.BatchLoader(*first_8000, 64, shuffle=True):
        l = F.cross_entropy(moved_net(move(X, int(torch.randint(-8, 9, ())))), y)
        adam.zero_grad()
        l.backward()
        adam.step()
shifts = range(9)
by_shift = {
    name: [
        cu.training.evaluate_accuracy(
            lambda X, net=net, s=s: net(move(X, s)),
            cu.data.BatchLoader(test_set.data[:1000], labels[:1000], 500),
        )
        for s in shifts
    ]
    for name, net in (("MLP", mlp), ("LeNet", modern), ("LeNet, trained on moved garments", moved_net))
}
cu.plots.curves(
    by_shift,
    xs=list(shifts),
    x="shift to the right (pixels)",
    y="test accuracy",
    title="LeNet is not shift invariant: four pixels ruin it",
    alt="Accuracy against shift: MLP and LeNet fall from 0.9 to below 0.4 at 4 pixels and below 0.2 at 8; the network trained "
    "on moved garments falls slowly",
)
print("LeNet loses more than 0.3 at a shift of 4 pixels:", by_shift["LeNet"][0] - by_shift["LeNet"][4] > 0.3)
ahead = by_shift["LeNet, trained on moved garments"][4] - by_shift["LeNet"][4]
print("trained on moved garments, it is more than 0.2 better there:", ahead > 0.2)

# %% [markdown]
r"""
Convolution and pooling keep *where* something is: the maps move with the garment. Then `nn.Flatten` gives each place of
the maps weights of its own, and the dense layers have only seen garments in the middle. Invariance has to be learned from
moved pictures, or built in, for example by averaging each map over all places before the last layer.

**Equivariance at work.** The same property lets LeNet search a larger picture. A dense layer on maps of (16, 5, 5) is a
convolution with 5×5 kernels; the other dense layers are 1×1 convolutions. The same 61,706 weights, in another shape, slide
over a picture of any size and give a *map* of scores. Here, on scenes of 96×96 pixels with four garments:
"""

# %% tags=["experiment"]
sliding = nn.Sequential(
    *modern[:6], nn.Conv2d(16, 120, 5), nn.ReLU(), nn.Conv2d(120, 84, 1), nn.ReLU(), nn.Conv2d(84, 10, 1)
)
with torch.no_grad():
    for here, there in ((6, 7), (8, 9), (10, 11)):
        sliding[here].weight.copy_(modern[there].weight.reshape(sliding[here].weight.shape))
        sliding[here].bias.copy_(modern[there].bias)
X = pictures[:100].unsqueeze(1)
print("same parameters:", sum(p.numel() for p in sliding.parameters()) == 61_706)
print("same scores for 28 x 28 pixels:", torch.allclose(sliding(X).flatten(1), modern(X), atol=1e-4))


def make_scene(g):
    """A scene (96, 96) with four garments of different classes: (scene, [(class, row, column)])."""
    scene, placed = torch.zeros(96, 96), []
    for k, label in enumerate(torch.randperm(10, generator=g)[:4].tolist()):
        choices = (labels == label).nonzero().flatten()
        garment = pictures[choices[torch.randint(len(choices), (), generator=g)]]
        row, column = (torch.randint(0, 21, (2,), generator=g) + 48 * torch.tensor([k // 2, k % 2])).tolist()
        scene[row : row + 28, column : column + 28] = garment
        placed.append((label, row, column))
    return scene, placed


g = torch.Generator().manual_seed(11)
scenes = [make_scene(g) for _ in range(150)]
with torch.no_grad():
    scores = sliding(torch.stack([scene for scene, _ in scenes]).unsqueeze(1))  # (150, 10, 18, 18)
    score_maps = scores.log_softmax(dim=1)
print("a score map for each class:", tuple(score_maps.shape))
found = [[] for _ in range(10)]
for (_, placed), maps in zip(scenes, score_maps):
    for label, row, column in placed:
        best_place = divmod(maps[label].argmax().item(), 18)  # a step in the map is 4 pixels
        found[label].append(max(abs(4 * best_place[0] - row), abs(4 * best_place[1] - column)) <= 8)
scene, placed = scenes[0]
show_maps(
    [
        scene,
        *(F.pad(score_maps[0, label].exp(), (3, 3, 3, 3)) for label, _, _ in placed),
    ],  # 24 x 24, as 96 / 4
    ["the scene", *(cu.data.FASHION_CLASSES[label] for label, _, _ in placed)],
    "A scene, and where LeNet sees each of its four garments",
    "A scene with four garments, and four maps of probabilities with red spots; not all spots are where the garment is",
    columns=5,
)
cu.plots.bars(
    [sum(hits) / len(hits) for hits in found],
    labels=cu.data.FASHION_CLASSES,
    y="share found within 8 pixels",
    title="The highest probability is at the garment for some classes, and rarely for others",
    alt="Ten bars between 0 and 1: some are close to 1, others below one half",
)

# %% [markdown]
r"""
Nobody has told LeNet where the garments are, and for several classes the highest probability is usually at the right place.
For others it is often elsewhere: windows that show half a coat and half a bag are unlike anything in the training pictures,
and LeNet has to call them *something*. A detector must also learn what "nothing" looks like (chapter 14).

### Exercise 8.9: claim cards &nbsp; (3 points, about 8 minutes, ★★☆)

Decide with the experiments of this chapter: "true", "false", or the letter of the condition under which the claim is true.

1. **"moves along"**: "Move the picture, and the feature map of a convolution (stride 1) moves along."
   (a) only for symmetric kernels, (b) only after training, (c) only away from the borders.
2. **"same class"**: "LeNet gives a moved garment the same class, since convolution and pooling do not care about position."
   (a) only for shifts by multiples of 4, (b) only with max pooling, (c) only with ReLU.
3. **"each error"**: "For a table `l` of squared errors, `l.backward()` computes the gradient of each of them."
   (a) only if `l` has one entry, (b) only after `zero_grad`, (c) only under `no_grad`.
4. **"size"**: "A convolution with kernel 3 and stride 2, without padding, turns n ≥ 3 pixels into (n − 3)/2 + 1."
   (a) only for even n, (b) only for odd n, (c) only for n of at least 28.
5. **"cost"**: "Most of what LeNet costs is in its convolutions."
   (a) only if cost means parameters, (b) only if cost means multiplications, (c) only for batches of one picture.
"""

# %% exercise="claims_convolutions"
answers = {
    "moves along": "?",
    "same class": "?",
    "each error": "?",
    "size": "?",
    "cost": "?",
}
### BEGIN SOLUTION
answers = {
    "moves along": "c",
    "same class": "false",
    "each error": "a",
    "size": "b",
    "cost": "b",
}
### END SOLUTION

# %% test="claims_convolutions"
check.exercise("claims_convolutions", points=3)
CLAIMS = ("moves along", "same class", "each error", "size", "cost")
with check.case("every claim is answered with true, false, a, b or c", points=0):
    check.claims(answers, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("claims about moved pictures", points=1.2, hidden=True):
    check.right(
        answers, {"moves along": "c", "same class": "false"}, "the experiments are in sections 6 and 11"
    )
with check.case("claims about gradients, sizes and costs", points=1.8, hidden=True):
    check.right(answers, {"each error": "a", "size": "b", "cost": "b"}, "look at sections 3, 4 and 8")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 8.10: in your own words &nbsp; (2 points, about 8 minutes, marked by your instructor)

A shop trains LeNet on garments in the middle of the picture: 92 % right. Its camera sees garments anywhere in the picture,
and there the network is right in 30 % of the cases. "Convolutional networks are translation invariant," says the manager, "so the camera
must be broken." Explain what is wrong with the sentence: which layers keep track of the position, how, and which layer makes
the scores depend on it? Then name two changes, to the training or to the network, and say for one of them how you would
measure whether it has helped.
"""

# %% [markdown] written="moved_garments" points=2
r"""
**Model answer.** Convolution is equivariant, not invariant: if the garment moves, the feature maps move with it (exactly
only away from the borders). Pooling keeps this for shifts by multiples of its stride, and makes the maps change less for
small shifts; it does not remove the position. Flatten gives each place of the maps its own inputs of the first dense layer,
with weights of their own. They have been trained with garments in the middle only, so elsewhere the scores are
meaningless. Changes: train with garments moved at random (augmentation); average or take the maximum of each map over all
places before the last layer (global pooling); find the garment first and cut it out; use the network as convolutions on a
larger picture, with training on empty windows. Measure: the accuracy on held-out test garments that are moved by 0, 1, 2, ...
pixels, before and after the change, with all else equal.

**Mark scheme.** ½ point: equivariant and invariant are distinguished. ½ point: flatten and the dense layers make the
scores depend on the position ("the dense layers" is enough). ½ point: two plausible changes (¼ each); "more layers" or
"more data of the same kind" do not count. ½ point: a measurement on moved pictures that were not used for training.
"""

# %% [markdown]
r"""
## Recap

- A convolution is a dense layer with two assumptions: the same weights everywhere, and only near pixels. 614,656 weights
  become 25. On scrambled pixels the assumptions are false, and the advantage is gone.
- Layers compute the cross-correlation. The gradient of a kernel is a cross-correlation, too, of the input with the error.
- Output size: $\lfloor (n + 2p - d(k - 1) - 1)/s \rfloor + 1$. Weights: $(c_{out}, c_{in}, kh, kw)$ and one bias per output
  channel. Receptive field: $r + (k - 1)j$, then $j \cdot s$.
- Convolution is equivariant to shifts away from borders; pooling makes the output change less under small shifts; LeNet as a
  whole is neither equivariant nor invariant, because of its dense layers.
- LeNet's parameters are mostly in the dense layers, its multiplications mostly in the convolutions. ReLU starts to learn at
  once, where four sigmoids wait on a plateau.

**What people get wrong.** They call equivariance invariance; forget the floor, or `padding=2`; take the stride of
`nn.MaxPool2d(3)` for 1; put an activation after the last layer; flip a kernel that should not be flipped; call `backward`
on a table; write 1 for l; take the mean of batch means; expect a network to cope with positions it has never seen.

**Read on.** [LeCun, Bottou, Bengio and Haffner 1998: Gradient-based learning applied to document
recognition](https://doi.org/10.1109/5.726791) · [PyTorch:
Conv2d](https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html) · [Dive into Deep Learning, chapter
7](https://d2l.ai/chapter_convolutional-neural-networks/index.html) · [Dumoulin and Visin 2016: A guide to convolution
arithmetic for deep learning](https://arxiv.org/abs/1603.07285) · [Zhang 2019: Making convolutional networks
shift-invariant again](https://arxiv.org/abs/1904.11486).

**Next:** [`09_vgg_batch_norm`](../09_vgg_batch_norm/vgg_batch_norm.ipynb), where the networks become deep.
"""
