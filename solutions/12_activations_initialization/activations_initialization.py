# ---
# jupyter:
#   course:
#     prerequisites:
#     - 05_mlp_dropout
#     - 08_convolutions_lenet
#     - 10_optimizers
#     summary: Why a deep network falls silent, and how slopes and starting weights
#       keep its signal alive
#     title: Activations and initialisation
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
# 12 Activations and initialisation

**Time:** about 4 hours. **You need:** chapters 1 to 5, 7, 8 and 10. **Points:** 24.

A network with ten layers can fail to learn anything at all, without an error message. After this chapter you can

- **write** the common activations and their derivatives so that no input turns them into nan;
- **explain** by slopes and weights why a signal or a gradient vanishes on its way, and **measure** where;
- **find** dead units, and **say** what kills them;
- **derive** the variance that starting weights need, and **initialise** dense and convolutional layers;
- **tell** from a loss that stands still whether the start is to blame.

| English | Chinese (中文) | what it is |
|---|---|---|
| activation | 激活函数 | the function after a linear layer, applied to each entry |
| pre-activation | 预激活值（净输入） | what the linear layer gives, before the activation |
| saturation | 饱和 | the activation is flat at this input: its slope is nearly 0 |
| vanishing, exploding gradient | 梯度消失，梯度爆炸 | the gradient shrinks, or grows, from layer to layer |
| dead unit | 死亡神经元 | a ReLU unit that gives 0 for each example |
| initialisation | 参数初始化 | the choice of the weights before the first step |
| fan-in, fan-out | 扇入，扇出 | how many inputs a unit adds up; how many units an input reaches |
| symmetry breaking | 打破对称性 | starting weights that make units different from one another |
| standardise, whiten | 标准化，白化 | give columns mean 0 and variance 1; also remove their correlation |

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

torch.set_num_threads(1)  # networks as small as these only wait for a second thread

# %% [markdown]
r"""
## 1 Ten layers that learn nothing

Take the garments: 2,000 pictures for training, 1,000 to choose learning rates on (validation), and 1,000
for testing. All pixels are shifted and scaled by the same two numbers, so that they have mean 0 and standard deviation 1.
"""

# %%
train_iter, test_iter = cu.data.load_fashion_mnist(batch_size=256, train_size=3_000, test_size=1_000)
pixels = train_iter.images.flatten(1).float()  # (3000, 784)
test_pixels = test_iter.images.flatten(1).float()
centre, spread = pixels[:2_000].mean(), pixels[:2_000].std()
X_train, y_train = (pixels[:2_000] - centre) / spread, train_iter.labels[:2_000]
X_valid, y_valid = (pixels[2_000:] - centre) / spread, train_iter.labels[2_000:]
X_test, y_test = (test_pixels - centre) / spread, test_iter.labels
print("training:", tuple(X_train.shape), " validation:", tuple(X_valid.shape), " test:", tuple(X_test.shape))

# %% [markdown]
r"""
`deep_net` builds `depth` hidden layers of the same width. `init` is called on each weight; without it, the weights
are those that `nn.Linear` draws by itself. `fit` makes 150 steps of plain SGD, and `best_of` tries
several learning rates and keeps the run that is best on the validation data.
"""


# %%
def deep_net(activation, depth=10, width=64, init=None, seed=0):
    """depth x (Linear, activation()), then Linear to 10 scores. Input (n, 784)."""
    torch.manual_seed(seed)
    layers = []
    for inputs in [784] + [width] * (depth - 1):
        layers += [nn.Linear(inputs, width), activation()]
    net = nn.Sequential(*layers, nn.Linear(width, 10))
    for layer in net:
        if init is not None and isinstance(layer, nn.Linear):
            init(layer.weight)
            nn.init.zeros_(layer.bias)
    return net


def fit(net, lr, steps=150, batch_size=64, seed=1):
    """Plain SGD on cross-entropy; returns the losses of the steps."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        batch = torch.randint(len(X_train), (batch_size,), generator=generator)
        loss = F.cross_entropy(net(X_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def accuracy(net, X, y):
    return (net.eval()(X).argmax(dim=1) == y).float().mean().item()


def best_of(make_net, rates, steps=150):
    """Train a fresh net at each rate; returns (losses, test accuracy) of the best on validation data."""
    runs = []
    for lr in rates:
        net = make_net()
        losses = fit(net, lr, steps)
        runs.append((accuracy(net, X_valid, y_valid), losses, accuracy(net, X_test, y_test)))
    return max(runs, key=lambda run: run[0])[1:]


# %% [markdown]
r"""
Three networks with ten hidden layers of 64 units. The first two differ in one word, sigmoid or ReLU. The third is
the second with other random numbers at the start. Each gets the best of four learning rates. Which of the three
learns?
"""


# %% tags=["experiment"]
makers = {
    "sigmoid, PyTorch's start": lambda: deep_net(nn.Sigmoid),
    "ReLU, PyTorch's start": lambda: deep_net(nn.ReLU),
    "ReLU, the start of section 7": lambda: deep_net(nn.ReLU, init=nn.init.kaiming_normal_),
}
runs = {name: best_of(make, (0.01, 0.03, 0.1, 0.3)) for name, make in makers.items()}


def draw_three_runs(ax):
    for (name, (losses, _)), colour, dash in zip(runs.items(), cu.plots.COLOURS, ("--", "-.", "-")):
        means = torch.tensor(losses).reshape(-1, 10).mean(dim=1)
        ax.plot(range(10, 151, 10), means, dash, color=colour, label=name)
    ax.axhline(math.log(10), color="#999999", linestyle=":", label="log 10 = 2.303")
    ax.set(xlabel="step", ylabel="loss, mean of 10 steps", ylim=(0, 4))
    ax.set_title("Ten hidden layers: only one of three networks learns")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


cu.plots.figure(
    draw_three_runs,
    alt="Two loss curves stand still at 2.303 for 150 steps; the third falls to about 0.6",
)
silent_sigmoid, silent_relu, alive = (acc for _, acc in runs.values())
assert max(silent_sigmoid, silent_relu) < 0.2 and alive > 0.6
print("sigmoid and ReLU with PyTorch's start: at most 20 % right, hardly better than guessing")
print("ReLU with the other start: more than 60 % right")

# %% [markdown]
r"""
Two networks are silent: they stay at $\log 10 \approx 2.303$, the loss of a network that gives each of ten classes the
probability 1/10. Nothing is wrong with the data, the loop or the rates. Look at the gradients instead: one batch, before
the first step, the typical size (root of the mean square) of the gradient of each weight matrix.
"""


# %%
def weight_gradients(net):
    """Root mean square of the gradient of each Linear weight, first layer first, on 256 pictures."""
    net.zero_grad()
    F.cross_entropy(net(X_train[:256]), y_train[:256]).backward()
    return [layer.weight.grad.square().mean().sqrt().item() for layer in net if isinstance(layer, nn.Linear)]


# %% tags=["experiment"]
gradients = {name: weight_gradients(make()) for name, make in makers.items()}
cu.plots.curves(
    gradients,
    x="layer (1 is the first, 11 gives the scores)",
    y="size of the gradient",
    log_y=True,
    title="In two networks hardly any gradient reaches the first layers",
    alt="Gradient sizes of eleven layers: the sigmoid's and one ReLU line fall steeply towards layer 1, the "
    "third stays level",
)
sigmoid_gradients, relu_gradients, he_gradients = gradients.values()
assert sigmoid_gradients[0] < 1e-6 * sigmoid_gradients[-1] and relu_gradients[0] < 1e-2 * relu_gradients[-1]
assert he_gradients[0] > 0.01 * he_gradients[-1]
print("sigmoid: the first layer's gradient is less than a millionth of the last layer's")
print("ReLU, PyTorch's start: less than a hundredth.  ReLU, the other start: comparable")

# %% [markdown]
r"""
The gradient **vanishes** on its way back. To see what shrinks it, write one layer, without its bias, with batch size n and width w:

$$Z_l = H_{l-1} W_l \quad (n, w) = (n, w)(w, w), \qquad H_l = \varphi(Z_l) .$$

The chain rule takes the gradient one layer back,

$$\frac{\partial L}{\partial H_{l-1}} = \Big(\frac{\partial L}{\partial H_l} \odot \varphi'(Z_l)\Big)\, W_l^\top
\qquad (n, w) = (n, w)(w, w) .$$

There are two factors per layer: the **slope** $\varphi'$ of the activation, and the **weights** $W_l$. Ten layers
multiply ten of each. A product of ten factors near 0.3 is about $10^{-5}$; of ten factors near 3, about $10^5$.
Sections 2 to 5 are about the slope, sections 6 and 7 about the weights.
"""

# %% [markdown]
r"""
## 2 Sigmoid: a slope of at most one quarter

The sigmoid $\sigma(x) = 1 / (1 + e^{-x})$ maps any number to (0, 1). Its slope follows in four lines:

$$\begin{aligned}
\sigma(x) &= (1 + e^{-x})^{-1} \\
\sigma'(x) &= (1 + e^{-x})^{-2} \, e^{-x} \\
&= \frac{1}{1 + e^{-x}} \cdot \frac{e^{-x}}{1 + e^{-x}} \\
&= \sigma(x)\,(1 - \sigma(x)) .
\end{aligned}$$

Two numbers that add up to 1 have a product of at most $\frac12 \cdot \frac12 = \frac14$, reached at $x = 0$. Predict: by
which factor do ten sigmoids shrink a gradient at least, if the weights change nothing? $(1/4)^{10} \approx 10^{-6}$.
The gradients of section 1 shrink even more, because PyTorch's weights contribute another factor of about 0.6 per layer (section 6).

Multiply numerator and denominator of the sigmoid by $e^x$, and you have a second form that is often seen: $e^x / (1 + e^x)$. In
float32, the exponential overflows to inf beyond an exponent of 88.7. What does each form give at −10,000, and at 10,000?
"""

# %%
for x in (torch.tensor(-1e4), torch.tensor(1e4)):
    print(f"x = {x:8.0f}:", end=" ")
    print(f"1 / (1 + exp(-x)) = {1 / (1 + (-x).exp()):.0f},", end=" ")
    print(f"exp(x) / (1 + exp(x)) = {x.exp() / (1 + x.exp()):.0f}")

# %% [markdown]
r"""
1 / inf is 0, which is right, and inf / inf is nan, "not a number". Two forms that are equal on paper differ on
the computer.

### Exercise 12.1: `sigmoid` &nbsp; (1 point, about 5 minutes, ★☆☆)

<details><summary>Hint 1</summary>

Which of the two forms survives at both ends?

<details><summary>Hint 2</summary>

An overflow that ends as 1 / inf does no harm. Or use a form in which the exponent is never positive: it needs
`torch.where` and `x.abs()`.

</details></details>
"""


# %% exercise="sigmoid"
def sigmoid(x):
    """The sigmoid of each entry, without torch's own sigmoid.

    x: float tensor of any shape; it is unchanged. Returns a tensor of x's shape and dtype, correct to 1e-6 and
    finite for entries within +-1e4.
    """
    ### BEGIN SOLUTION
    return 1 / (1 + (-x).exp())
    ### END SOLUTION


# %% test="sigmoid"
check.exercise("sigmoid", points=1)
OWN = ["torch.sigmoid", "torch.Tensor.sigmoid", "torch.special.expit", "torch.nn.functional.sigmoid"]
OWN += ["torch.sigmoid_", "torch.Tensor.sigmoid_"]
with check.case("is right for small numbers", points=0.4):
    x = torch.tensor([[-2.0, -0.5, 0.0], [0.25, 1.0, 3.0]])
    s = torch.sigmoid(x)
    with check.without(*OWN):
        found = check.unchanged(sigmoid, x)
    wrong = {}
    wrong["the sign in the exponent is wrong: this falls where the sigmoid rises"] = 1 - s
    wrong["this is 1 + exp(-x): 1 / 1 + exp(-x) divides before it adds, so brackets are needed"] = (
        1 + (-x).exp()
    )
    wrong["this is the slope of the sigmoid"] = s * (1 - s)
    wrong["this is tanh"] = torch.tanh(x)
    wrong["this is sigmoid(2x): a factor of 2 is in the exponent"] = torch.sigmoid(2 * x)
    wrong["this is sigmoid(x / 2): x is halved in the exponent"] = torch.sigmoid(x / 2)
    wrong["the powers are those of 2; the base is e: use exp"] = 1 / (1 + 2.0**-x)
    wrong["2.718 is not exact enough for e: use exp"] = 1 / (1 + 2.718**-x)
    wrong["the sign of x is lost: sigmoid(-2) is not sigmoid(2)"] = torch.sigmoid(x.abs())
    wrong["this is x / (1 + |x|), which is not the sigmoid"] = x / (1 + x.abs())
    wrong["this is a step from 0 to 1; the sigmoid is smooth"] = (x > 0).float()
    wrong["this is the hard sigmoid, made of straight lines; the sigmoid is smooth"] = F.hardsigmoid(x)
    wrong["this is 1 / exp(-x): the 1 in the denominator is missing"] = x.exp()
    wrong["this is the logarithm of the sigmoid"] = s.log()
    wrong["it divides by the sum over all entries; each entry stands alone"] = torch.softmax(
        x.flatten(), 0
    ).view(2, 3)
    wrong["it divides by the sum over a row; each entry stands alone"] = torch.softmax(x, 1)
    check.close(found, s, known=wrong, rtol=0.0, atol=1e-6)
with check.case("stays right up to 10,000 on both sides, and keeps shape and dtype", points=0.4):
    x = torch.tensor([-1e4, -200.0, -90.0, -15.0, -5.0, 5.0, 15.0, 90.0, 200.0, 1e4])
    e, m = x.exp(), (-x).exp()
    with check.without(*OWN):
        found, double, single = sigmoid(x), sigmoid(x.double().view(5, 2)), sigmoid(torch.tensor(0.0))
    wrong = {}
    wrong["exp(x) overflows for large x, and inf / inf is nan"] = e / (1 + e)
    wrong["exp(-x) overflows for very negative x, and inf / inf is nan"] = 1 - m / (1 + m)
    words = "exp(x) overflows for large x, and gives 0 (or nan became 0); the sigmoid is 1 there"
    wrong[words] = (e / (1 + e)).nan_to_num(0)
    for limit in (5, 6, 8, 10):
        wrong[f"inputs beyond {limit} are cut off: sigmoid(15) and sigmoid({limit}) differ"] = torch.sigmoid(
            x.clamp(-limit, limit)
        )
    check.close(found, torch.sigmoid(x), known=wrong, rtol=0.0, atol=1e-6)
    check.like(double, x.double().view(5, 2))
    check.like(single, torch.tensor(0.5))
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers", points=0.2, hidden=True):
    for dtype in (torch.float32, torch.float64):
        x = torch.cat(
            [check.uniform((40,), low=-1e4, high=1e4, dtype=dtype), check.normal((40,), std=3, dtype=dtype)]
        )
        with check.without(*OWN):
            found = check.unchanged(sigmoid, x.view(2, 40, 1))
        check.like(found, x.view(2, 40, 1))
        check.close(found, torch.sigmoid(x).view(2, 40, 1), rtol=0.0, atol=1e-6)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Here are the curve and its slope, drawn with your function, and the slope by the formula.
"""

# %% tags=["experiment"]
s = cu.yours(sigmoid, instead=torch.sigmoid)
x = torch.linspace(-8, 8, 321)
cu.plots.curves(
    {"sigmoid": s(x), "its slope": s(x) * (1 - s(x))},
    xs=x,
    x="x",
    y="value",
    title="The slope is at most 0.25, and nearly 0 beyond ±5",
    alt="The sigmoid rises from 0 to 1; its slope is a low bump of height 0.25, nearly 0 for |x| above 5",
)

# %% [markdown]
r"""
Where the curve is flat it is **saturated**: the unit hardly reacts to its input, and hardly any gradient passes. At
$x = 5$ the slope is 0.0066. Weights decide how far out the pre-activations lie. Take one hidden layer, and scale its
starting weights up. Predict: does the gradient of these weights grow or shrink?
"""

# %% tags=["experiment"]
scales, saturated, arriving = (0.1, 0.5, 1, 2, 5, 10, 30), [], []
for scale in scales:
    net = deep_net(nn.Sigmoid, depth=1)
    nn.init.normal_(net[0].weight, std=scale / 28)  # 28 is the root of 784 inputs
    outputs = net[:2](X_train[:256])
    saturated.append(((outputs < 0.01) | (outputs > 0.99)).float().mean().item())
    arriving.append(weight_gradients(net)[0])


def draw_saturation(left, right):
    left.plot(scales, saturated, "o-", color=cu.plots.COLOURS[0])
    left.set(xscale="log", xlabel="std of a pre-activation (about)", ylabel="share of outputs", ylim=(0, 1))
    left.set_title("Outputs within 0.01 of 0 or 1")
    right.plot(scales, arriving, "s-", color=cu.plots.COLOURS[1])
    right.set(
        xscale="log", xlabel="std of a pre-activation (about)", ylabel="size of the gradient", ylim=(0, None)
    )
    right.set_title("Gradient of the first weights")


cu.plots.figure(
    draw_saturation,
    panels=2,
    alt="As the weights grow, the share of saturated outputs rises from 0 to nearly 0.9, and the gradient falls to "
    "a tenth",
)
assert saturated[2] < 0.02 and saturated[-1] > 0.8 and arriving[-1] < arriving[0] / 5
print("weights 300 times as large: over 80 % of the outputs saturated, the gradient less than a fifth")

# %% [markdown]
r"""
"Too large" does not have to mean "explodes". Before a saturating activation, weights that are too large make the
gradient *vanish*.

## 3 tanh: a slope of one

$\tanh(x) = \dfrac{e^x - e^{-x}}{e^x + e^{-x}}$ maps any number to (−1, 1). Divide numerator and denominator by $e^x$ and you
have the form in which it is often printed:

$$\tanh(x) = \frac{1 - e^{-2x}}{1 + e^{-2x}} .$$

A classmate types this in and uses it for a month, until one day all weights of a network turn into nan. On the numbers
below it agrees with torch.
"""


# %%
def tanh_as_printed(x):
    return (1 - (-2 * x).exp()) / (1 + (-2 * x).exp())


x = torch.linspace(-3, 3, 601)
print("agrees with torch on -3 to 3:", torch.allclose(tanh_as_printed(x), torch.tanh(x), atol=1e-6))

# %% [markdown]
r"""
### Exercise 12.2: spot the bug in `tanh` &nbsp; (2 points, about 7 minutes, ★★☆)

Find an input at which `tanh_as_printed` fails, say to yourself why, and write a `tanh` that does not.

<details><summary>Hint 1</summary>

Try the numbers with which you tried the sigmoid. One side is fine.

<details><summary>Hint 2</summary>

A form that is safe on one side is enough: $\tanh(-x) = -\tanh(x)$. Or write tanh by means of a sigmoid: both
go from a lower to an upper limit. Which stretching and shifting takes one into the other?

</details></details>
"""


# %% exercise="tanh"
def tanh(x):
    """The hyperbolic tangent of each entry, without torch's own tanh.

    x: float tensor of any shape; it is unchanged. Returns a tensor of x's shape and dtype, correct to 1e-6 and
    finite for entries within +-1e4.
    """
    ### BEGIN SOLUTION
    return 2 / (1 + (-2 * x).exp()) - 1
    ### END SOLUTION


# %% test="tanh"
check.exercise("tanh", points=2)
OWN = ["torch.tanh", "torch.tanh_", "torch.Tensor.tanh", "torch.Tensor.tanh_", "torch.nn.functional.tanh"]
with check.case("is right for small numbers", points=0.5):
    x = torch.tensor([[-2.0, -0.5, 0.0], [0.25, 1.0, 3.0]])
    t = torch.tanh(x)
    with check.without(*OWN):
        found = check.unchanged(tanh, x)
    wrong = {}
    wrong["the sign is the wrong way round: tanh rises"] = -t
    wrong["this is tanh(x / 2): the exponent needs a factor of 2"] = torch.tanh(x / 2)
    wrong["this is tanh(2 x): the factor of 2 in the exponent is there twice"] = torch.tanh(2 * x)
    wrong["this is the sigmoid"] = torch.sigmoid(x)
    wrong["this is sigmoid(2 x): it still goes from 0 to 1"] = torch.sigmoid(2 * x)
    wrong["sigmoid(2 x) - 1 goes from -1 to 0: the factor of 2 in front is missing"] = (
        torch.sigmoid(2 * x) - 1
    )
    wrong["sigmoid(2 x) - 0.5 goes from -0.5 to 0.5: multiply by 2"] = t / 2
    wrong["this goes from 0 to 2: subtract 1"] = 2 * torch.sigmoid(2 * x)
    wrong["this is the slope of tanh"] = 1 - t**2
    wrong["this is 1 / tanh"] = 1 / t
    wrong["this is sinh: it is not divided by cosh"] = torch.sinh(x)
    wrong["this is arctan: bounded as well, but another function"] = torch.atan(x)
    wrong["the sign is lost: tanh of a negative number is negative"] = t.abs()
    wrong["this cuts x off at -1 and 1; tanh bends smoothly"] = x.clamp(-1, 1)
    check.close(found, t, known=wrong, rtol=0.0, atol=1e-6)
with check.case("stays right up to 10,000 on both sides, and keeps shape and dtype", points=1):
    x = torch.tensor([-1e4, -200.0, -50.0, -5.0, -2.0, 2.0, 5.0, 50.0, 200.0, 1e4])
    e, m, p = x.exp(), (-2 * x).exp(), (2 * x).exp()
    with check.without(*OWN):
        found, double, single = check.unchanged(tanh, x), tanh(x.double().view(5, 2)), tanh(torch.tensor(0.0))
    one_side, right = (1 - m) / (1 + m), torch.tanh(x)
    wrong = {}
    wrong["exp(-2x) overflows for very negative x, and -inf / inf is nan"] = one_side
    wrong["exp(2x) overflows for large x, and inf / inf is nan"] = (p - 1) / (p + 1)
    wrong["exp overflows at both ends, and inf / inf is nan"] = (e - 1 / e) / (e + 1 / e)
    words = "the two forms are the wrong way round: each is used on the side where it overflows"
    wrong[words] = torch.where(x > 0, (p - 1) / (p + 1), one_side)
    wrong["nan became 0; tanh of a large number is 1"] = ((p - 1) / (p + 1)).nan_to_num(0)
    wrong["nan became 0; tanh of a very negative number is -1"] = one_side.nan_to_num(0)
    both_sides = ((e - 1 / e) / (e + 1 / e)).nan_to_num(0)
    wrong["nan became 0; tanh goes to -1 on the left and to 1 on the right"] = both_sides
    wrong["nan became 1; tanh of a very negative number is -1"] = one_side.nan_to_num(1)
    wrong["it takes the absolute value and forgets the sign"] = right.abs()
    for limit in (1, 2, 3, 4, 5):
        wrong[f"inputs beyond {limit} are cut off: tanh(50) and tanh({limit}) differ"] = torch.tanh(
            x.clamp(-limit, limit)
        )
    check.close(found, right, known=wrong, rtol=0.0, atol=1e-6)
    check.like(double, x.double().view(5, 2))
    check.like(single, torch.tensor(0.0))
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers", points=0.5, hidden=True):
    for dtype in (torch.float32, torch.float64):
        x = torch.cat(
            [check.uniform((40,), low=-1e4, high=1e4, dtype=dtype), check.normal((40,), std=2, dtype=dtype)]
        )
        with check.without(*OWN):
            found = check.unchanged(tanh, x.view(2, 40, 1))
        check.like(found, x.view(2, 40, 1))
        check.close(found, torch.tanh(x).view(2, 40, 1), rtol=0.0, atol=1e-6)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
tanh is a sigmoid, stretched and shifted: $\tanh(x) = 2\,\sigma(2x) - 1$. Its slope is $4\,\sigma'(2x) = 1 - \tanh^2(x)$, which is
**1** at $x = 0$, four times the sigmoid's best. Your two functions have to agree on this:
"""

# %% tags=["experiment"]
t, s = cu.yours(tanh, instead=torch.tanh), cu.yours(sigmoid, instead=torch.sigmoid)
x = torch.linspace(-5, 5, 401)
assert (t(x) - (2 * s(2 * x) - 1)).abs().max() < 1e-5
print("tanh(x) and 2 sigmoid(2x) - 1 differ by less than 0.00001 between -5 and 5")
cu.plots.curves(
    {"tanh": t(x), "slope of tanh": 1 - t(x) ** 2, "slope of sigmoid": s(x) * (1 - s(x))},
    xs=x,
    x="x",
    y="value",
    title="The slope of tanh reaches 1, that of the sigmoid 0.25",
    alt="tanh rises from -1 to 1; its slope is a bump of height 1 at 0, the sigmoid's a wider one of height 0.25",
)

# %% [markdown]
r"""
The stretching and shifting can be absorbed by the linear layers around it. So each sigmoid network has a tanh
network with other weights that computes *the same function*. Here is one of two hidden layers, translated weight by weight:
$\sigma(z) = \frac12 (\tanh(z/2) + 1)$ halves what comes in, halves what goes on, and adds a constant to the next bias.
Then both learn at the same five rates.
"""


# %%
@torch.no_grad()
def translated(net):
    """The tanh network that computes what this sigmoid network of two hidden layers computes."""
    twin = deep_net(nn.Tanh, depth=2)
    twin.load_state_dict(net.state_dict())
    for layer in (twin[2], twin[4]):  # what comes in is (tanh + 1) / 2
        layer.bias += layer.weight.sum(dim=1) / 2
        layer.weight /= 2
    for layer in (twin[0], twin[2]):  # what goes into tanh is z / 2
        layer.weight /= 2
        layer.bias /= 2
    return twin


# %% tags=["experiment"]
same = (deep_net(nn.Sigmoid, depth=2)(X_test) - translated(deep_net(nn.Sigmoid, depth=2))(X_test)).abs().max()
assert same < 1e-5
print("largest difference between their scores before training: below 0.00001")
rates = (0.03, 0.1, 0.3, 1.0, 3.0)
ends = {"sigmoid": [], "the same function with tanh": []}
for lr in rates:
    for name, net in zip(ends, (deep_net(nn.Sigmoid, depth=2), translated(deep_net(nn.Sigmoid, depth=2)))):
        ends[name].append(sum(fit(net, lr)[-20:]) / 20)
cu.plots.curves(
    ends,
    xs=rates,
    x="learning rate",
    y="training loss after 150 steps",
    log_x=True,
    log_y=True,
    title="Two networks, one function at the start: tanh learns faster",
    alt="Up to a learning rate of 0.3 the tanh network's loss is far below the sigmoid's; at 3 it diverges",
)
by_sigmoid, by_tanh = ends.values()
assert max(by_tanh[i] / by_sigmoid[i] for i in range(3)) < 0.8 and min(by_tanh) < min(by_sigmoid)
print("same start, same rate up to 0.3: tanh is ahead; best rate of each: tanh is ahead, too")

# %% [markdown]
r"""
The functions that a network *can* compute are the same; the path of training is not. Besides the slope there is a second
reason. The sigmoid's outputs are all positive. The gradient of the weights into one unit is (its error) times (its
inputs), so for one example all of these have the same sign: the weights of a unit go up together or down together.
To move in a direction of mixed signs, they have to zigzag. Count the units whose incoming weights all get one sign:
"""

# %% tags=["experiment"]
for activation in (nn.Sigmoid, nn.Tanh, nn.ReLU):
    net = deep_net(activation, depth=2)
    F.cross_entropy(net(X_train[:1]), y_train[:1]).backward()
    G = net[2].weight.grad  # (64, 64), one row per unit
    one_sign = ((G >= 0).all(dim=1) | (G <= 0).all(dim=1)).float().mean().item()
    print(f"{activation.__name__:8} {one_sign:.0%} of the units get gradients of one sign only")

# %% [markdown]
r"""
ReLU shares this flaw: the zigzag belongs to all activations that are not centred at zero, not to the sigmoid alone.

**Is the bounded range to blame?** A common explanation says that gradients vanish because the sigmoid squeezes all numbers into (0, 1).
Test it with a function that squeezes just as hard: $\sigma(4x) - \frac12$ also has a range of length 1, but a slope of 1
at 0. Twenty layers, the same random weights for all (variance 1/64 between hidden layers):
"""


# %%
class Apply(nn.Module):
    """Any function of a tensor as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


# %% tags=["experiment"]
squeezers = {
    "sigmoid(x): range 1, slope 0.25": torch.sigmoid,
    "sigmoid(4x) - 0.5: range 1, slope 1": lambda x: torch.sigmoid(4 * x) - 0.5,
    "tanh(x): range 2, slope 1": torch.tanh,
}
backward = {}
for name, function in squeezers.items():
    net = deep_net(lambda function=function: Apply(function), depth=20, init=nn.init.xavier_normal_)
    backward[name] = weight_gradients(net)
cu.plots.curves(
    backward,
    x="layer",
    y="size of the gradient",
    log_y=True,
    title="The gradient dies of small slopes, not of a bounded range",
    alt="Over 20 layers the sigmoid's gradient falls by more than ten powers of ten; the other two stay within two",
)
ratios = [sizes[0] / sizes[-2] for sizes in backward.values()]
assert ratios[0] < 1e-9 and min(ratios[1:]) > 1e-2
print("from layer 20 to layer 1: sigmoid below 1e-9; the other two lose less than a factor of 100")

# %% [markdown]
r"""
## 4 ReLU: a slope of one, or none

$\mathrm{relu}(x) = \max(x, 0)$ needs one comparison and no exponential. For positive pre-activations its slope is exactly 1,
however large they are: nothing saturates on that side. For negative ones it is 0. At $x = 0$ the curve has a corner and
no derivative; a program has to choose a number. Torch takes 0, and so does this chapter:
"""

# %%
corner = torch.zeros(1, requires_grad=True)
torch.relu(corner).backward()
print("torch's slope of relu at 0:", corner.grad.item())
outputs = deep_net(nn.ReLU, depth=1, init=nn.init.kaiming_normal_)[:2](X_train)
print(f"share of outputs that are exactly 0 at the start: {(outputs == 0).float().mean():.1f}")

# %% [markdown]
r"""
About half of all outputs are 0, because at random weights pre-activations are about as often negative as positive. Such
**sparse** activations are cheap, and the pattern differs from picture to picture.

A unit whose output is 0 for *each* picture is another matter. Then its slope is 0 for each picture, no gradient reaches its weights, and
plain SGD cannot bring it back as long as its inputs stay the same: the unit is **dead**.

### Exercise 12.3: `dead_fraction` &nbsp; (2 points, about 6 minutes, ★★☆)

Take the census of a layer: what fraction of its units has a pre-activation that is never above 0?

<details><summary>Hint 1</summary>

Two questions, one after the other: one for each entry of the table, and one for each column. The second one has the word "all" in it.

</details>
"""


# %% exercise="dead_fraction"
def dead_fraction(preactivations):
    """The fraction of units that are dead on these examples.

    preactivations: float tensor (n, units), what a linear layer gave for n examples; n and units at least 1.
    A unit is dead if its pre-activation is <= 0 on every example.
    Returns a Python float in [0, 1]; the table is unchanged.
    """
    ### BEGIN SOLUTION
    return (preactivations <= 0).all(dim=0).double().mean().item()
    ### END SOLUTION


# %% test="dead_fraction"
check.exercise("dead_fraction", points=2)
with check.case("counts the units that are never above 0", points=0.8):
    units = [[-1, -2, -0.2, -5, -3], [9, -1, -1, 2, -1], [-1, -2, -1, 0.5, -1], [-0.3, -1, -4, -2, -1]]
    units += [[1, 4, -2, 0.5, 3], [2, 1, -1, 3, 0.1], [0.2, -5, -1, 1, 2], [0.3, 0.2, -4, -4, 0.1]]
    z = torch.tensor(units).T.contiguous()  # (5, 8); the units 0 and 3 are dead
    found = check.unchanged(dead_fraction, z)
    check.number(found, float)
    off = (z <= 0).double()
    wrong = {}
    wrong["this is the number of dead units; divide by the number of units"] = 2.0
    wrong["it divides the number of dead units by the number of examples"] = 0.4
    wrong["this is the share of zeros among all outputs; a unit is dead if it is off on every example"] = (
        off.mean()
    )
    wrong["it counts units that are off on some example; a dead unit is off on every one"] = 1.0
    wrong["this is the fraction of units that are alive"] = 0.75
    wrong["it asks for each example, along the rows; a unit is a column"] = off.bool().all(1).double().mean()
    wrong["it looks at the mean of each unit; one positive entry is enough to be alive"] = (
        (z.mean(0) <= 0).double().mean()
    )
    wrong["it looks at the first example only"] = off[0].mean()
    wrong["it looks at the last example only, or at the median"] = off[-1].mean()
    wrong["only pre-activations of exactly 0 count; negative ones give 0 as well"] = 0.0
    wrong["this is in percent; 1 stands for all units"] = 25.0
    check.close(found, 0.25, known=wrong)
with check.case("a pre-activation of exactly 0 does not make a unit alive", points=0.6):
    z = torch.tensor([[0.0, -1.0, 2.0, 1e-6], [0.0, 0.0, -0.5, 0.0], [0.0, -3.0, 1.0, 5e-7]])
    wrong = {}
    wrong["the output at 0 is 0, and so is the slope: compare with <=, not with <"] = 0.0
    wrong["only columns of zeros count; negative pre-activations give 0 as well"] = 0.25
    wrong["a positive pre-activation, however small, makes the unit alive"] = 0.75
    check.close(dead_fraction(z), 0.5, known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same on other layers", points=0.6, hidden=True):
    for n, units, bias in ((1, 6, 0.0), (50, 1, -9.0), (40, 30, -2.0), (7, 200, 0.3)):
        z = check.normal((n, units)) + bias
        check.close(
            check.unchanged(dead_fraction, z), sum(max(column) <= 0 for column in z.T.tolist()) / units
        )
    check.close(dead_fraction(check.normal((9, 4), dtype=torch.float64).abs()), 0.0)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**What kills a unit?** Three suspects: negative weights, a very negative bias, a learning rate that is too high. One
hidden layer of 64 units, the start of section 7, census over all 2,000 training pictures: before training, after 150 steps at the rate
given, and after 150 more at a gentle rate of 0.05. Predict first: in which rows are units dead at the start, in which at the end?
"""


# %%
def one_layer(activation=nn.ReLU, bias=0.0, negative_weights=False):
    """64 hidden units; all biases of the hidden layer equal `bias`."""
    net = deep_net(activation, depth=1, init=nn.init.kaiming_normal_)
    nn.init.constant_(net[0].bias, bias)
    if negative_weights:
        net[0].weight.data.abs_().neg_()
    return net


# %% jupyter={"source_hidden": true} tags=["experiment"]
census = cu.yours(dead_fraction, instead=lambda z: 1 - F.relu(z).amax(dim=0).sign().mean().item())


@torch.no_grad()
def dead_in(net):
    return census(net[0](X_train))


suspects = {
    "usual start, rate 0.1": (one_layer(), 0.1),
    "all weights negative, rate 0.1": (one_layer(negative_weights=True), 0.1),
    "bias -3, rate 0.1": (one_layer(bias=-3.0), 0.1),
    "bias -10, rate 0.1": (one_layer(bias=-10.0), 0.1),
    "usual start, rate 3": (one_layer(), 3.0),
}
before, after, later = {}, {}, {}
for name, (net, lr) in suspects.items():
    before[name] = dead_in(net)
    fit(net, lr)
    after[name] = dead_in(net)
    fit(net, 0.05)
    later[name] = dead_in(net)
cu.plots.heatmap(
    [[table[name] for table in (before, after, later)] for name in suspects],
    rows=list(suspects),
    columns=["step 0", "step 150", "step 300"],
    title="The fraction of dead units",
    alt="Dead fractions: none for the usual start and for negative weights; about 0.4 for bias -3; all for bias "
    "-10; none before and most of them after training at rate 3; those stay dead",
)
usual, negative, small, large, fast = suspects
assert before[usual] == after[usual] == before[negative] == after[negative] == 0
assert 0.2 < before[small] < 0.6 and before[large] == later[large] == 1
assert before[fast] == 0 and after[fast] > 0.6 and later[fast] > 0.6
print("negative weights kill nobody: the inputs have mean 0, so w.x + b is positive for many pictures")
print("bias -10: dead from the start.  rate 3: over 60 % dead at the end, and they stay dead at rate 0.05")
with torch.no_grad():
    shifted = census(one_layer(negative_weights=True)[0](X_train - X_train.min()))
print(f"all weights negative, pixels shifted so that the smallest is 0: dead fraction {shifted:.0f}")

# %% [markdown]
r"""
The signs of the weights alone do not decide; $w \cdot x + b$ on *every* example does. The last line shows what the inputs contribute:
where none is negative, as in raw pixels or after another ReLU, negative weights and a bias of 0 never give a positive sum. A few steps
at too high a rate can change a bias or weights so much that a unit is dead from then on. In a deeper layer, a dead unit may come
back when the layers below it change its inputs; in the first layer, the inputs are the data and stay.

Note the words "every example": a census over a single batch of 32 pictures counts units as dead that other pictures would wake.
"""

# %% tags=["experiment"]
net = one_layer(bias=-3.0)
with torch.no_grad():
    for n in (32, 256, 2_000):
        print(f"{n:5} pictures: dead fraction about {census(net[0](X_train[:n])):.1f}")

# %% [markdown]
r"""
**LeakyReLU** leaves a way back: for negative x it returns `negative_slope` · x, where `negative_slope` is a small positive number
such as 0.01 that is fixed beforehand. The slope is then never 0. A classmate writes it in one line, and torch
agrees:
"""


# %%
def leaky_in_one_line(x, negative_slope=0.01):
    return torch.maximum(negative_slope * x, x)


x = torch.linspace(-3, 3, 601)
print("agrees with torch:", torch.allclose(leaky_in_one_line(x), F.leaky_relu(x)))

# %% [markdown]
r"""
### Exercise 12.4: spot the bug in `leaky_relu` &nbsp; (1 point, about 5 minutes, ★★☆)

The one line is wrong for some values of `negative_slope`. Which? Write a `leaky_relu` that is right for each slope from 0 on.

<details><summary>Hint 1</summary>

Draw the two lines $y = x$ and $y = a x$ for $a = 0.5$ and for $a = 2$. Which of the two is the larger one on the left, and which
on the right?

</details>
"""


# %% exercise="leaky_relu"
def leaky_relu(x, negative_slope=0.01):
    """x where x >= 0, negative_slope * x elsewhere, without torch's own leaky_relu.

    x: float tensor of any shape; it is unchanged. negative_slope: a number >= 0, also above 1.
    Returns a tensor of x's shape and dtype, correct to 1e-6, finite for entries within +-1e4.
    """
    ### BEGIN SOLUTION
    return torch.where(x >= 0, x, negative_slope * x)
    ### END SOLUTION


# %% test="leaky_relu"
check.exercise("leaky_relu", points=1)
OWN = ["torch.nn.functional.leaky_relu", "torch.nn.functional.leaky_relu_"]
with check.case("is right for small slopes, 0.01 by default", points=0.3):
    x = torch.tensor([[-4.0, -0.5, -1e-3], [0.0, 1e-3, 3.0]])
    left, right = x.clamp(max=0), x.clamp(min=0)
    with check.without(*OWN):
        default, found = check.unchanged(leaky_relu, x), check.unchanged(leaky_relu, x, 0.2)
        again = leaky_relu(x, 0.2)
    same = found.shape != x.shape or torch.equal(found[x < 0], again[x < 0])
    check.that(same, "two calls with the same input differ: the slope is fixed, not random")
    for result, slope in ((default, 0.01), (found, 0.2)):
        wrong = {}
        wrong["negative inputs become 0: this is relu"] = right
        wrong["the slope on the left is positive: negative inputs give negative outputs"] = (
            right - slope * left
        )
        wrong["the slope belongs to the negative inputs; here it is on the positive ones"] = (
            left + slope * right
        )
        wrong["both sides are multiplied by the slope"] = slope * x
        wrong["it returns the slope itself, not the slope times x"] = torch.where(x >= 0, x, slope)
        wrong["negative x is divided by the slope; multiply"] = right + left / slope
        wrong["negative_slope is left out: it uses 0.01, whatever is asked for"] = right + 0.01 * left
        wrong["a * x is added on both sides; on the right there is x alone"] = right + slope * x
        for other in (0.1, 0.2):
            wrong[f"the default of negative_slope should be 0.01, not {other}"] = right + other * left
        check.close(result, right + slope * left, known=wrong, rtol=1e-5, atol=1e-6)
with check.case("is right for slopes of 0, 1 and above, and keeps shape and dtype", points=0.5):
    x = torch.tensor([-1e4, -3.0, -0.25, 0.0, 0.25, 2.0, 1e4], dtype=torch.float64)
    with check.without(*OWN):
        results = {slope: check.unchanged(leaky_relu, x, slope) for slope in (0.0, 1.0, 2.0)}
        single = leaky_relu(torch.tensor(-1.0))
    for slope, result in results.items():
        wrong = {}
        wrong["for a slope above 1, max(slope * x, x) takes the wrong one of the two on both sides"] = (
            torch.maximum(slope * x, x)
        )
        wrong["min(slope * x, x) swaps the sides for slopes below 1"] = torch.minimum(slope * x, x)
        wrong["a negative_slope of 0 is a number, too: it became 0.01"] = torch.where(
            x >= 0, x, (slope or 0.01) * x
        )
        wrong["a slope above 1 is cut off at 1"] = torch.where(x >= 0, x, min(slope, 1.0) * x)
        check.like(result, x)
        check.close(result, torch.where(x >= 0, x, slope * x), known=wrong, rtol=1e-5, atol=1e-6)
    check.like(single, torch.tensor(-0.01))
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers and slopes", points=0.2, hidden=True):
    x = check.normal((3, 1, 20), std=50)
    for slope in (0.05, 0.9, 1.1, 7.0):
        with check.without(*OWN):
            found = check.unchanged(leaky_relu, x, negative_slope=slope)
        check.like(found, x)
        check.close(found, F.leaky_relu(x, slope), rtol=1e-5, atol=1e-6)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Does it help?** All 64 units start dead, with a bias of −10. Three activations, each at the best of three rates: ReLU, and your LeakyReLU with slopes 0.01 and 0.2.
"""

# %% tags=["experiment"]
leaky = cu.yours(leaky_relu, instead=F.leaky_relu)
patients = {
    "ReLU": nn.ReLU,
    "leaky, slope 0.01": lambda: Apply(leaky),
    "leaky, slope 0.2": lambda: Apply(lambda x: leaky(x, 0.2)),
}
healed = {}
for name, activation in patients.items():
    healed[name] = best_of(lambda activation=activation: one_layer(activation, bias=-10.0), (0.03, 0.1, 0.3))[
        1
    ]
cu.plots.bars(
    list(healed.values()),
    labels=list(healed),
    y="test accuracy",
    title="Started dead: only a slope above 0 brings units back, a larger one sooner",
    alt="Test accuracy after 150 steps: ReLU as bad as guessing, slope 0.01 somewhat better, slope 0.2 far better",
)
none, little, much = healed.values()
assert none < 0.2 and none < little < much and much > 0.5
print("ReLU: guessing.  Slope 0.01: better.  Slope 0.2: more than half of the test pictures right")
hasty = one_layer(lambda: Apply(leaky))
fit(hasty, 3.0)
assert accuracy(hasty, X_test, y_test) < 0.3
print("LeakyReLU at rate 3, from the usual start: no better than guessing")

# %% [markdown]
r"""
A slope of 0.01 lets one hundredth of the gradient pass, so the rescue is slow. Nor does it help against a rate that is too
high, as the last line shows.

Two relatives differ in where the slope comes from. In **PReLU** it is a parameter and is learned. In **RReLU** it is drawn at random
from $[\frac18, \frac13]$ for each entry in training, and is their mean, 11/48 ≈ 0.229, in evaluation. Apply each three times to the number −1:
"""

# %%
for layer in (nn.LeakyReLU(), nn.PReLU(), nn.RReLU()):
    outputs = [layer(torch.tensor([-1.0])).item() for _ in range(3)]
    learned = sum(p.numel() for p in layer.parameters())
    print(
        f"{type(layer).__name__:10} three calls agree: {len(set(outputs)) == 1!s:5}  learned parameters: {learned}"
    )

# %% [markdown]
r"""
<details><summary>Aside: a model of nerve cells?</summary>

ReLU is sometimes defended by biology: a nerve cell fires only above a threshold (one-sided inhibition), and at any moment an estimated 1 to 4 % of the cells in a brain
are active. The network above has about half of its units active, far more than that. The reasons that count here are the slope of 1 and
the price of one comparison.

</details>

## 5 Smooth relatives, and all slopes on one page

ReLU decides by the sign alone. Smooth activations decide more gently: they multiply x by a number between 0 and 1 that
grows with x.

- **SiLU**: $x\,\sigma(x)$. With a steepness β it is called **Swish**, $x\,\sigma(\beta x)$: β = 0 gives the straight line
  $x/2$, and β → ∞ gives ReLU.
- **GELU**: $x\,\Phi(x)$, where $\Phi(x)$ is the probability that a standard normal number is below x. It is common in
  transformers. $x\,\sigma(1.702\,x)$ is a cheap approximation.

For very negative x both are nearly 0, for large x nearly x. What happens in between?

### Exercise 12.5: `silu` &nbsp; (1 point, about 4 minutes, ★☆☆)

<details><summary>Hint 1</summary>

What does $-10^4 \cdot \sigma(-10^4)$ become, if the exponential overflows? Your sigmoid knows the answer. You may use torch's
sigmoid, or divide by something.

</details>
"""


# %% exercise="silu"
def silu(x):
    """x * sigmoid(x) for each entry, without torch's own silu.

    x: float tensor of any shape; it is unchanged. Returns a tensor of x's shape and dtype, correct to 1e-6 and
    finite for entries within +-1e4.
    """
    ### BEGIN SOLUTION
    return x / (1 + (-x).exp())
    ### END SOLUTION


# %% test="silu"
check.exercise("silu", points=1)
OWN = ["torch.nn.functional.silu"]
with check.case("is right for small numbers", points=0.5):
    x = torch.tensor([[-3.0, -1.25, -0.5], [0.0, 0.75, 2.0]])
    s = torch.sigmoid(x)
    with check.without(*OWN):
        found = check.unchanged(silu, x)
    wrong = {}
    wrong["this is the sigmoid alone; multiply it by x"] = s
    wrong["x is multiplied by sigmoid(-x): the sign in the exponent is wrong"] = x * (1 - s)
    wrong["this is the slope of SiLU"] = s + x * s * (1 - s)
    wrong["x is multiplied by the slope of the sigmoid"] = x * s * (1 - s)
    wrong["this is GELU"] = F.gelu(x)
    wrong["this is the approximation of GELU: the factor 1.702 belongs there"] = x * torch.sigmoid(1.702 * x)
    wrong["x is added to the sigmoid; multiply"] = x + s
    wrong["this is relu(x) * sigmoid(x): negative inputs count, too"] = torch.relu(x) * s
    wrong["this is x * tanh(x)"] = x * torch.tanh(x)
    wrong["this is x * sigmoid(2 x): a factor of 2 is in the exponent"] = x * torch.sigmoid(2 * x)
    wrong["this is softplus, log(1 + exp(x))"] = F.softplus(x)
    wrong["this is ELU, exp(x) - 1 for negative x"] = F.elu(x)
    wrong["x is multiplied by a softmax over the row; each entry stands alone"] = x * torch.softmax(x, 1)
    wrong["this is Mish, x * tanh(log(1 + exp(x)))"] = F.mish(x)
    wrong["this is the hard variant, x * clamp(x + 3, 0, 6) / 6"] = F.hardswish(x)
    check.close(found, x * s, known=wrong, rtol=1e-5, atol=1e-6)
with check.case("stays right up to 10,000 on both sides, and keeps shape and dtype", points=0.3):
    x = torch.tensor([-1e4, -200.0, -90.0, -12.0, -2.0, 2.0, 12.0, 90.0, 200.0, 1e4])
    e, m = x.exp(), (-x).exp()
    with check.without(*OWN):
        found, double, single = check.unchanged(silu, x), silu(x.double().view(5, 2)), silu(torch.tensor(0.0))
    wrong = {}
    wrong["exp(x) overflows for large x, and inf / inf is nan"] = x * e / (1 + e)
    wrong["exp(-x) overflows for very negative x"] = x * (1 - m / (1 + m))
    wrong["nan became 0; for large x, SiLU is nearly x"] = (x * e / (1 + e)).nan_to_num(0)
    wrong["x itself is cut off; only the exponent may be"] = F.silu(x.clamp(-20, 20))
    check.close(found, F.silu(x), known=wrong, rtol=1e-5, atol=1e-6)
    check.like(double, x.double().view(5, 2))
    check.like(single, torch.tensor(0.0))
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers", points=0.2, hidden=True):
    for dtype in (torch.float32, torch.float64):
        x = torch.cat(
            [check.uniform((40,), low=-1e4, high=1e4, dtype=dtype), check.normal((40,), std=3, dtype=dtype)]
        )
        with check.without(*OWN):
            found = check.unchanged(silu, x.view(2, 40, 1))
        check.like(found, x.view(2, 40, 1))
        check.close(found, (x * torch.sigmoid(x)).view(2, 40, 1), rtol=1e-5, atol=1e-6)
### END HIDDEN TESTS
check.score()

# %% tags=["experiment"]
mine = cu.yours(silu, instead=F.silu)
x = torch.linspace(-5, 1, 6001, dtype=torch.float64)
smooth = {
    "SiLU": mine(x),
    "GELU": F.gelu(x),
    "Swish, β = 5": x * torch.sigmoid(5 * x),
    "ReLU": torch.relu(x),
}


def draw_smooth(ax):
    for (name, y), colour, dash in zip(smooth.items(), cu.plots.COLOURS, cu.plots.DASHES):
        ax.plot(x, y, dash, color=colour, label=name)
    ax.set(xlabel="x", ylabel="value", title="Smooth activations dip below 0 before they rise")
    ax.legend(loc="upper left")


cu.plots.figure(
    draw_smooth,
    alt="SiLU dips to -0.28 near x = -1.28, GELU to -0.17 near -0.75; Swish with beta 5 nearly follows ReLU",
)
for name, y in (("SiLU", mine(x)), ("GELU", F.gelu(x))):
    print(f"{name}: lowest value {y.min():.3f} at x = {x[y.argmin()]:.2f}")
z = torch.randn(10_000, generator=torch.Generator().manual_seed(0))
print(f"mean output on inputs from N(0, 1): SiLU {mine(z).mean():.1f}, ReLU {torch.relu(z).mean():.1f}")
gap = (F.gelu(x) - x * torch.sigmoid(1.702 * x)).abs().max()
print(f"GELU and x * sigmoid(1.702 x) differ by at most {gap:.2f}")

# %% [markdown]
r"""
SiLU falls, has a minimum of −0.278 and rises: it is not monotone. It lets some negative values through, so its mean is nearer to 0 than ReLU's, though not 0.

### Exercise 12.6: `activation_grad` &nbsp; (3 points, about 12 minutes, ★★★)

Write all five slopes, by hand. For SiLU use the product rule.

<details><summary>Hint 1</summary>

The sigmoid's and tanh's slopes are in sections 2 and 3, each in terms of the function itself. In that form nothing overflows.

<details><summary>Hint 2</summary>

SiLU is a product of x and σ(x). The product rule gives two terms; the second one contains the sigmoid's slope. For ReLU
and LeakyReLU compare x with 0, and mind which side 0 belongs to and that the result is a tensor of floats.

</details></details>
"""


# %% exercise="activation_grad"
def activation_grad(name, x):
    """The derivative of an activation at each entry of x, without autograd.

    name: "sigmoid", "tanh", "relu" (slope 0 at 0), "leaky_relu" (slope 0.01 for x <= 0) or "silu".
    x: float tensor of any shape, entries within +-1e4; it is unchanged. Returns a finite tensor of x's shape
    and dtype.
    Raises ValueError with a message that says what is wrong for another name.
    """
    ### BEGIN SOLUTION
    s = torch.sigmoid(x)
    if name == "sigmoid":
        return s * (1 - s)
    if name == "tanh":
        return 1 - torch.tanh(x) ** 2
    if name == "relu":
        return (x > 0).to(x.dtype)
    if name == "leaky_relu":
        return torch.where(x > 0, 1.0, 0.01).to(x.dtype)
    if name == "silu":
        return s + x * s * (1 - s)
    raise ValueError(f"unknown activation {name!r}")
    ### END SOLUTION


# %% test="activation_grad"
check.exercise("activation_grad", points=3)
x = torch.tensor([[-3.0, -1.25, -0.5, -1e-3], [0.25, 1.0, 2.0, 1e-3]])
s, t = torch.sigmoid(x), torch.tanh(x)
with check.case("sigmoid and tanh", points=0.8):
    with check.without("autograd"):
        found = {name: check.unchanged(activation_grad, name, x) for name in ("sigmoid", "tanh")}
    wrong = {}
    wrong["sigmoid: this is the sigmoid, not its slope"] = s
    wrong["sigmoid: x (1 - x) with x itself; the sigmoid of x belongs there"] = x * (1 - x)
    wrong["sigmoid: this is 1 - sigmoid(x)"] = 1 - s
    wrong["sigmoid: s (1 + s) has the wrong sign"] = s * (1 + s)
    wrong["sigmoid: the slope is positive"] = -s * (1 - s)
    wrong["sigmoid: 1 - s^2 is the form for tanh"] = 1 - s**2
    check.close(found["sigmoid"], s * (1 - s), known=wrong, rtol=1e-4, atol=1e-5)
    wrong = {}
    wrong["tanh: this is tanh, not its slope"] = t
    wrong["tanh: the square is missing"] = 1 - t
    wrong["tanh: x itself is squared; the tanh of x belongs there"] = 1 - x**2
    wrong["tanh: t (1 - t) is the form for the sigmoid"] = t * (1 - t)
    wrong["tanh: 1 + tanh^2 has the wrong sign"] = 1 + t**2
    wrong["tanh = 2 sigmoid(2x) - 1: one factor of 2 is missing"] = (1 - t**2) / 2
    wrong["tanh = 2 sigmoid(2x) - 1: both factors of 2 are missing"] = (1 - t**2) / 4
    wrong["tanh = 2 sigmoid(2x) - 1: the slope has sigmoid(2x), not sigmoid(x)"] = 4 * s * (1 - s)
    wrong["this is the slope of the sigmoid"] = s * (1 - s)
    check.close(found["tanh"], 1 - t**2, known=wrong, rtol=1e-4, atol=1e-5)
with check.case("relu and leaky_relu, also at 0 and close to it", points=0.8):
    z = torch.tensor([[-3.0, -1e-4, 0.0], [1e-4, 0.5, 7.0]])
    up = (z > 0).float()
    with check.without("autograd"):
        found = {name: check.unchanged(activation_grad, name, z) for name in ("relu", "leaky_relu")}
    for name, low in (("relu", 0.0), ("leaky_relu", 0.01)):
        right = up + low * (1 - up)
        wrong = {}
        wrong[f"{name}: the slope at 0 should be {low:g}; here it is 1"] = torch.where(z == 0, 1.0, right)
        middle = torch.where(z == 0, (1 + low) / 2, right)
        wrong[f"{name}: the slope at 0 should be {low:g}; here it is halfway"] = middle
        wrong["leaky_relu: the slope at 0 should be 0.01; here it is 0"] = torch.where(z == 0, 0.0, right)
        wrong[f"{name}: this is the function, not its slope"] = F.leaky_relu(z, low)
        wrong[f"{name}: the two sides are swapped"] = low * up + 1 - up
        wrong[f"{name}: the slope of 1 is on the negative side"] = torch.where(z < 0, 1.0, low)
        wrong["leaky_relu: for negative x the slope is 0.01, not 0"] = up
        wrong["leaky_relu: the slope for negative x is 0.01, not 0.1"] = up + 0.1 * (1 - up)
        wrong["leaky_relu: the slope for negative x is positive"] = up - 0.01 * (1 - up)
        wrong["leaky_relu: for negative x this is 0.01 x; the slope is 0.01"] = up + 0.01 * z * (1 - up)
        wrong[f"{name}: for positive x this is x; the slope is 1"] = torch.where(z > 0, z, low)
        check.like(found[name], z)
        check.close(found[name], right, known=wrong, rtol=1e-4, atol=1e-5)
with check.case("silu", points=0.5):
    with check.without("autograd"):
        found = activation_grad("silu", x)
    wrong = {}
    wrong["silu: the product rule has two terms; x times the sigmoid's slope is missing"] = s
    wrong["silu: the product rule has two terms; sigmoid(x) is missing"] = x * s * (1 - s)
    wrong["silu: the second term is multiplied by x"] = s + s * (1 - s)
    wrong["silu: x belongs to the slope of the sigmoid, not to the sigmoid"] = x * s + s * (1 - s)
    wrong["silu: the second term is added, not subtracted"] = s - x * s * (1 - s)
    wrong["silu: this is SiLU, not its slope"] = x * s
    wrong["silu: this is the slope of the sigmoid alone; the factor x was dropped"] = s * (1 - s)
    wrong["silu: the second term has sigmoid(x) twice; one of them is 1 - sigmoid(x)"] = s + x * s * s
    wrong["silu: the second term lacks the factor sigmoid(x)"] = s + x * (1 - s)
    wrong["silu: the second term lacks the factor 1 - sigmoid(x)"] = s + x * s
    check.close(found, s + x * s * (1 - s), known=wrong, rtol=1e-4, atol=1e-5)
with check.case("finite at 10,000, and the right dtype", points=0.3):
    z = torch.tensor([-1e4, -200.0, 0.0, 200.0, 1e4])
    ends = {"sigmoid": (0, 0.25, 0), "tanh": (0, 1, 0), "relu": (0, 0, 1), "silu": (0, 0.5, 1)}
    for name, (low, middle, high) in (ends | {"leaky_relu": (0.01, 0.01, 1)}).items():
        for values in (z, z.double()):
            found, right = activation_grad(name, values), values.new_tensor([low, low, middle, high, high])
            check.like(found, values)
            why = "an exponential overflows, so the slope is nan: use the form with the function itself"
            why = "0 / 0 is nan; compare x with 0 instead of dividing by it" if "relu" in name else why
            check.that(not found.isnan().any(), f"{name}: {why}")
            check.close(found, right, f"{name} at -10000, -200, 0, 200, 10000", rtol=1e-4, atol=1e-5)
with check.case("an unknown name is refused, with a message", points=0.2):
    for name in ("softmax", "prelu", "Sigmoid"):
        check.raises(ValueError, activation_grad, name, z)
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers", points=0.4, hidden=True):
    z = check.normal((3, 1, 30), std=3, dtype=torch.float64)
    s, up = torch.sigmoid(z), (z > 0).double()
    expected = {"sigmoid": s * (1 - s), "tanh": 1 - torch.tanh(z) ** 2, "relu": up}
    expected |= {"leaky_relu": 0.01 + 0.99 * up, "silu": s * (1 + z * (1 - s))}
    for name, right in expected.items():
        found = check.unchanged(activation_grad, name, z)
        check.close(found, right, f"{name} on other numbers", rtol=1e-4, atol=1e-5)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
All five slopes, drawn by your function:
"""


# %% tags=["experiment"]
def by_autograd(name, x):
    functions = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "silu": F.silu}
    x = x.clone().requires_grad_()
    functions.get(name, F.leaky_relu)(x).sum().backward()
    return x.grad


slope = cu.yours(activation_grad, instead=by_autograd)
x = torch.linspace(-6, 6, 1201)
slopes = {name: slope(name, x) for name in ("sigmoid", "tanh", "relu", "leaky_relu", "silu")}
cu.plots.curves(
    slopes,
    xs=x,
    x="x",
    y="slope",
    title="Five slopes on one page",
    alt="Slopes: sigmoid a bump of 0.25, tanh a bump of 1, relu a step from 0 to 1, leaky relu from 0.01 to 1, silu from "
    "0 over -0.1 to 1.1 and back to 1",
)
for name, values in slopes.items():
    print(
        f"{name:10} slope from {values.min():5.2f} to {values.max():4.2f};  at 0: {slope(name, torch.zeros(1)).item():.2f}"
    )

# %% [markdown]
r"""
**And softmax?** It is bounded and smooth, so why not use it in a hidden layer? Its outputs depend on one another: they add up to 1, so 64
of them are 1/64 on average. One hidden layer, plain SGD, each activation at the best of five rates:
"""

# %% tags=["experiment"]
candidates = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "ReLU": nn.ReLU,
    "SiLU": nn.SiLU,
    "softmax": lambda: nn.Softmax(dim=1),
}
scores = {}
for name, activation in candidates.items():
    scores[name] = best_of(
        lambda activation=activation: deep_net(activation, depth=1), (0.1, 0.3, 1.0, 3.0, 10.0), steps=100
    )[1]
cu.plots.bars(
    list(scores.values()),
    labels=list(scores),
    y="test accuracy",
    title="One hidden layer of 64 units: softmax is no activation like the others",
    alt="Test accuracy near 0.8 for sigmoid, tanh, ReLU and SiLU; softmax is below 0.5",
)
others = [score for name, score in scores.items() if name != "softmax"]
assert min(others) > 0.7 and scores["softmax"] < 0.5 and max(others) - min(others) < 0.1
print(
    "sigmoid, tanh, ReLU and SiLU: more than 70 % right, within 10 points of one another.  softmax: below 50 %"
)

# %% [markdown]
r"""
With one hidden layer the choice among the first four hardly matters. (In our trials Adam lifts the softmax to about two thirds right, which
is still behind.) Softmax belongs where outputs compete on purpose: in the last layer, or in attention. For hidden layers, begin with ReLU;
many large networks use GELU or SiLU.

### Exercise 12.7: claims about activations &nbsp; (2 points, about 8 minutes, ★★☆)

For each claim answer "true", "false", or the letter of the one condition under which it is true.

1. **"bounded"**: "Gradients vanish in a deep sigmoid network because the sigmoid's range is bounded."
   (a) only without biases, (b) only in float32, (c) only if the network has no hidden layer.
2. **"below one"**: "The slope is below 1 at every x."
   (a) for sigmoid but not for tanh, (b) for tanh but not for sigmoid, (c) for SiLU but not for sigmoid.
3. **"dead"**: "A ReLU unit in the first layer gives 0 on the whole training set and cannot recover."
   (a) if all its weights are negative, (b) if w · x + b ≤ 0 for each training example, (c) if w · x + b ≤ 0 on average.
4. **"leaky"**: "LeakyReLU multiplies a negative input by a random slope."
   (a) only in training mode, (b) only if negative_slope is below 1, (c) only in the first layer.
5. **"softmax"**: "Under plain SGD, softmax serves as well as sigmoid or tanh in a hidden layer."
   (a) at a high enough rate, (b) if the inputs have mean 0 and variance 1, (c) with one hidden layer.
"""

# %% exercise="claims_activations"
claims_activations = {
    "bounded": "?",
    "below one": "?",
    "dead": "?",
    "leaky": "?",
    "softmax": "?",
}
### BEGIN SOLUTION
claims_activations = {
    "bounded": "false",
    "below one": "a",
    "dead": "b",
    "leaky": "false",
    "softmax": "false",
}
### END SOLUTION

# %% test="claims_activations"
check.exercise("claims_activations", points=2)
CLAIMS = ["bounded", "below one", "dead", "leaky", "softmax"]
with check.case("every claim is answered with true, false, a, b or c"):
    check.claims(claims_activations, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("the claims about slopes", points=0.8, hidden=True):
    check.right(
        claims_activations,
        {"bounded": "false", "below one": "a"},
        "compare the three curves at the end of section 3, and the slopes at 0 in section 5",
    )
with check.case("the claims about dead units, leaky slopes and softmax", points=1.2, hidden=True):
    check.right(
        claims_activations,
        {"dead": "b", "leaky": "false", "softmax": "false"},
        "look at the census and the three calls in section 4, and the bars of section 5",
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**A good place to stop.** You have the slopes; the weights come next.
"""

# %% [markdown]
r"""
## 6 Weights: the variance of a signal

A layer with fan-in n (each unit adds up n products) has $z_j = \sum_{k=1}^{n} h_k w_{kj}$. Let the weights be independent of the
inputs and of one another, with mean 0 and variance $\sigma^2$. Then

$$\begin{aligned}
\mathbb{E}[z_j] &= \sum_k \mathbb{E}[h_k]\,\mathbb{E}[w_{kj}] = 0 \\
\operatorname{Var}(z_j) &= \sum_k \mathbb{E}[h_k^2]\,\mathbb{E}[w_{kj}^2] = n\,\sigma^2\,\mathbb{E}[h^2] \\
\text{no activation:}\quad \operatorname{Var}(z_l) &= n\sigma^2 \cdot \operatorname{Var}(z_{l-1}) \\
\text{ReLU:}\quad \operatorname{Var}(z_l) &= \tfrac12\, n\sigma^2 \cdot \operatorname{Var}(z_{l-1}) .
\end{aligned}$$

In the second line the mixed terms vanish because different weights are independent with mean 0. The last line holds because
ReLU keeps half of a symmetric distribution: $\mathbb{E}[\mathrm{relu}(z)^2] = \frac12 \mathbb{E}[z^2]$.

So each layer multiplies the **variance** by $n\sigma^2$, or by half of that with ReLU, and the standard deviation by the
root. Take care with the words: `nn.init.normal_(weight, std=0.01)` asks for the standard deviation. The variance is
$0.01^2 = 0.0001$.

**Predict.** Width 100, 50 layers, inputs from N(0, 1). By which factor does the standard deviation of the pre-activations
change in each layer, and what is left after 50 layers,

1. with `std=0.01` and no activation? $\sqrt{100 \cdot 0.0001} = 0.1$ per layer; $10^{-50}$, which float32 rounds to 0.
2. with `std=0.1` and no activation?
3. with `std=0.1` and ReLU?

Work out the last two before you measure them with your own function. The next picture's cell prints both factors.

### Exercise 12.8: `forward_std` &nbsp; (3 points, about 12 minutes, ★★☆)

<details><summary>Hint 1</summary>

Keep one tensor h of shape (num_examples, width). Each layer needs a new weight matrix of shape (width, width), a product, the
activation, and one number for the list.

<details><summary>Hint 2</summary>

`torch.randn` takes `generator=` and gives standard deviation 1. By what do you multiply its result? The standard deviation is taken
after the activation, over all entries, and as a Python float.

</details></details>
"""


# %% exercise="forward_std"
def forward_std(num_layers, width, weight_std, activation, num_examples=256, generator=None):
    """Standard deviation of the signal after each layer of a random network.

    The input is (num_examples, width) from N(0, 1). Each of num_layers layers multiplies by its own
    (width, width) weights from N(0, weight_std^2), without bias, and applies activation, a function of a tensor.
    Returns a list of num_layers floats: the standard deviation over all entries of each activation's output.
    All random numbers come from generator when it is given.
    """
    ### BEGIN SOLUTION
    h = torch.randn(num_examples, width, generator=generator)
    stds = []
    for _ in range(num_layers):
        W = weight_std * torch.randn(width, width, generator=generator)
        h = activation(h @ W)
        stds.append(h.std().item())
    return stds
    ### END SOLUTION


# %% test="forward_std"
check.exercise("forward_std", points=3)


def same(z):
    return z


def count(z):
    return torch.arange(z.numel(), dtype=z.dtype).reshape(z.shape)


def band(factor, k):
    return 0.88 * factor**k, 1.12 * factor**k


with check.case("without an activation, each layer multiplies by weight_std * sqrt(width)", points=1):
    found = forward_std(4, 256, 0.125, same, num_examples=200)
    check.that(isinstance(found, list), "it should return a list")
    check.that(len(found) == 4, f"4 layers should give 4 numbers, found {len(found)}; the input is no layer")
    for k, std in enumerate(found, start=1):
        check.number(std, float)
        wrong = {}
        wrong["these are variances; take the root"] = band(4.0, k)
        wrong["weight_std is a standard deviation; here it is used as the variance"] = band(32**0.5, k)
        wrong["weight_std is squared before it multiplies the random numbers"] = band(0.25, k)
        wrong["the weights have variance 1: weight_std is missing"] = band(16.0, k)
        uniform = "so much comes from uniform numbers, or from ReLU: draw from N(0, 1), apply `activation`"
        wrong[uniform] = band(2 / 3**0.5, k)
        wrong["the weights are divided by root(width); take weight_std as it is given"] = band(0.125, k)
        first = "the first number is that of the input; start after the first layer"
        later = "each layer gets the input again, or a scaled output; hand on the output as it is"
        wrong[first if k == 1 else later] = (0.9, 1.1) if k == 1 else (1.8, 2.2)
        check.between(std, 0.9 * 2.0**k, 1.1 * 2.0**k, f"after layer {k}", known=wrong)
with check.case("applies the activation, and measures after it", points=0.8):
    found = forward_std(3, 256, 0.125, lambda z: 5 + 0 * z, num_examples=100)
    wrong = {"this is the root of the mean square; the standard deviation subtracts the mean": 5.0}
    wrong["the standard deviation is taken before the activation, or there is no activation"] = (7.0, 13.0)
    why = "an activation that is always 5 has standard deviation 0: apply it in each layer, and measure after it"
    check.between(max(found), 0.0, 1e-3, why, known=wrong)
    found = forward_std(2, 256, (2 / 256) ** 0.5, torch.relu, num_examples=200)
    first = {"these are variances; take the root": (0.65, 0.71)}
    first["this is the root of the mean square; the standard deviation subtracts the mean"] = (0.93, 1.07)
    first["the input of the first layer goes through the activation, too"] = (0.54, 0.63)
    second = {"the output is scaled before it goes on to the next layer; hand it on as it is": (0.93, 1.07)}
    second["this is the mean of each unit's standard deviation; take one over all entries"] = (0.61, 0.71)
    second["the activation is measured, but its output does not go on to the next layer"] = (1.1, 1.25)
    for k, (std, wrong) in enumerate(zip(found, (first, second)), start=1):
        check.between(std, 0.72, 0.92, f"ReLU with He's variance, after layer {k}", known=wrong)
with check.case("num_examples and width give the size; all entries count", points=0.4):
    found = forward_std(2, 5, 1.0, count, num_examples=6)
    rows = torch.arange(30.0).reshape(6, 5)
    wrong, (units, examples) = {}, (rows.std(0).mean(), rows.std(1).mean())
    wrong["this is the mean of each unit's standard deviation; take one over all entries"] = units
    wrong["this is the mean of each row's standard deviation; take one over all entries"] = examples
    wrong["the input should be (num_examples, width); it has 256 rows, whatever is asked for"] = (360, 380)
    wrong["the input has width rows; it should have num_examples"] = (7.0, 7.5)
    check.between(found[0], 8.65, 8.81, "entries 0, 1, ..., 29", known=wrong)
    default = forward_std(1, 3, 1.0, count)
    check.between(default[0], 221.0, 222.5, "num_examples should be 256 by default")
with check.case("new weights for each layer, no bias, and all randomness from the generator", points=0.4):
    why = "with weights of 0 each output is 0: the layers have no bias"
    check.that(max(forward_std(2, 9, 0.0, same)) < 1e-9, why)
    check.that(min(forward_std(2, 9, 1e-4, same)) > 0, "small numbers became 0: do not round")
    one = forward_std(3, 1, 1.0, same, num_examples=50, generator=check.generator(1))
    check.that(
        min(one) > 0, "here `activation` changes nothing, and yet an output is always 0: apply it alone"
    )
    ratios = one[1] / one[0], one[2] / one[1]
    why = "each layer multiplies by the same weights: draw new ones for each layer"
    check.that(abs(ratios[0] / ratios[1] - 1) > 1e-3, why)
    again = forward_std(3, 1, 1.0, same, num_examples=50, generator=check.generator(1))
    why = "the same generator should give the same numbers: pass it to each call that draws"
    check.that(one == again, why)
    other = forward_std(3, 1, 1.0, same, num_examples=50, generator=check.generator(2))
    check.that(one != other, "another generator should give other numbers")
    one, two = (forward_std(2, 3, 1.0, same) for _ in range(2))
    check.that(one != two, "without a generator, two calls should differ")
### BEGIN HIDDEN TESTS
with check.case("the same on other networks", points=0.4, hidden=True):
    for layers, width, std, factor in ((1, 300, 0.03, 0.03 * 300**0.5), (6, 225, 0.08, 0.08 * 225**0.5)):
        found = forward_std(layers, width, std, same, num_examples=200, generator=check.generator())
        check.that(len(found) == layers, f"{layers} layers should give {layers} numbers, found {len(found)}")
        check.between(found[-1], 0.85 * factor**layers, 1.15 * factor**layers, f"after layer {layers}")
    check.between(forward_std(2, 300, 300**-0.5, torch.tanh)[0], 0.61, 0.645, "tanh of N(0, 1)")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Fifty layers, five starts.** ReLU, width 100, measured with your function. The five standard deviations are 0.01; 1;
PyTorch's own (`nn.Linear` draws uniformly from $\pm 1/\sqrt{n}$, which has variance $1/(3n)$); $\sqrt{1/n}$; and $\sqrt{2/n}$, for which
$\frac12 n \sigma^2 = 1$. Predict which of them survive, and the factor per layer of PyTorch's: $\sqrt{\frac12 \cdot n \cdot \frac{1}{3n}} = 1/\sqrt6 \approx 0.41$.
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def reference_std(num_layers, width, weight_std, activation, num_examples=256, generator=None):
    x, stds = torch.randn(num_examples, width, generator=generator), []
    for layer in nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(num_layers)):
        nn.init.normal_(layer.weight, std=weight_std, generator=generator)
        x = activation(layer(x)).detach()
        stds.append(x.std().item())
    return stds


measure = cu.yours(forward_std, instead=reference_std)
starts = {"0.01": 0.01, "1": 1.0, "PyTorch's own": 300**-0.5, "root of 1/n": 0.1, "root of 2/n": 0.02**0.5}
signals = {
    name: measure(50, 100, std, torch.relu, generator=torch.Generator().manual_seed(0))
    for name, std in starts.items()
}
cu.plots.curves(
    signals,
    x="layer",
    y="std of the outputs",
    log_y=True,
    marker="",
    title="ReLU, width 100: only a variance of 2/n keeps the signal",
    alt="Standard deviations on a logarithmic axis over 50 layers: three lines fall, one rises beyond float32, and the one for "
    "the root of 2/n stays near 1",
)
default = signals["PyTorch's own"]
print(
    f"PyTorch's own: factor per layer {(default[49] / default[9]) ** (1 / 40):.1f}, after 50 layers about 10^{math.log10(default[49]):.0f}"
)
for name, activation in (("no activation", lambda z: z), ("ReLU", torch.relu)):
    stds = measure(20, 400, 0.05, activation, generator=torch.Generator().manual_seed(0))
    print(f"variance 1/n, {name}: factor per layer {(stds[-1] / stds[0]) ** (1 / 19):.1f}")
w = nn.init.normal_(torch.empty(500, 500), std=0.01)
print(f"nn.init.normal_(w, std=0.01): variance {w.var().item():.4f}")
print(
    "std 0.01: exactly 0 after 50 layers:",
    signals["0.01"][-1] == 0,
    "  std 1: finite:",
    math.isfinite(signals["1"][-1]),
)
assert 0.05 < signals["root of 2/n"][-1] < 5

# %% [markdown]
r"""
That is the second silent network of section 1.

**A healthy number that means nothing.** `nn.Linear` also draws its *biases* at random, from the same range. Run 50 such
layers, with biases, and measure two things: the standard deviation over all outputs, and the standard deviation *between
examples* (of each unit over the 256 inputs, then the mean over the units).
"""

# %% tags=["experiment"]
torch.manual_seed(0)
h, overall, between = torch.randn(256, 100), [], []
for _ in range(50):
    h = torch.relu(nn.Linear(100, 100)(h)).detach()
    overall.append(h.std().item())
    between.append(h.std(dim=0).mean().item())
cu.plots.curves(
    {"over all outputs": overall, "between examples": between},
    x="layer",
    y="standard deviation",
    log_y=True,
    marker="",
    title="PyTorch's start: the outputs vary, but not with the input",
    alt="The standard deviation over all outputs settles at a few hundredths; between examples it falls below 1e-8",
)
assert 0.01 < overall[-1] < 0.1 and between[-1] < 1e-7
print("layer 50: std over all outputs a few hundredths; between examples below 1e-7")

# %% [markdown]
r"""
After 50 layers the biases have replaced the signal: all inputs give the same output. "The standard deviation is fine" is a statement about
the signal only if it is taken between examples.

Even the right variance forgets something. Follow the *directions* of the 256 inputs, random and so nearly at right angles to one
another, through 50 layers with variance 2/n, and take the mean cosine of two of them:
"""

# %%
generator = torch.Generator().manual_seed(0)
h = torch.randn(256, 256, generator=generator)
for layer in range(1, 51):
    h = torch.relu(h @ torch.randn(256, 256, generator=generator) * (2 / 256) ** 0.5)
    if layer in (1, 10, 50):
        unit = F.normalize(h, dim=1)
        cosines = unit @ unit.T  # (256, 256), 1 on the diagonal
        print(
            f"layer {layer:2}: mean cosine of two different inputs {(cosines.sum() - 256) / (256 * 255):.1f}"
        )

# %% [markdown]
r"""
The lengths stay the same, but the angles close: at layer 50, the mean cosine is 1.0 to one decimal place. This is one reason why very deep plain
networks are hard to train even with a good start, and why batch normalisation (chapter 9) and skip connections help.

**The way back** obeys the same rule. In section 1, $\partial L / \partial H_{l-1}$ was a product with $W_l^\top$: each of its entries
adds up as many products as the layer has *outputs*, and ReLU's slope lets about half of them through. So the gradient keeps its size if

$$\tfrac12 \, n_{\text{out}} \, \sigma^2 = 1 \quad\text{(ReLU)}, \qquad\text{the signal if}\qquad \tfrac12 \, n_{\text{in}}\, \sigma^2 = 1 .$$

In a layer with as many inputs as outputs both are the same. Elsewhere one of the two rules is enough: over several layers the ratios
$n_{\text{out}} / n_{\text{in}}$ cancel, since one layer's output is the next one's input. **Xavier** initialisation (Glorot and Bengio 2010) takes the mean of the two fans, and has no ½, since
it was made for activations with slope 1 at 0: $\sigma^2 = 2 / (n_{\text{in}} + n_{\text{out}})$, drawn uniformly in the original paper. **Kaiming** initialisation (He and
others 2015) is made for ReLU: $\sigma^2 = 2 / n_{\text{in}}$. For other activations torch has a *gain*, a factor on $1/\sqrt{n_{\text{in}}}$:
`nn.init.calculate_gain("relu")` is √2, and for `"tanh"` it is 5/3, which makes $n\sigma^2 = 25/9 \approx 2.8$.

**Try it.** One slider is $n\sigma^2$, from 0.25 to 6. *Goal: for ReLU, keep both curves inside the grey band, between 0.1 and 10, through all 50
layers. Then do it for tanh; what does torch's gain do there? Then try sigmoid.*
"""


# %% jupyter={"source_hidden": true}
def there_and_back(activation, scale, width=128, num_examples=64, num_layers=50):
    """Forward: std of each layer's output. Backward: size of the gradient at each layer's output."""
    generator = torch.Generator().manual_seed(3)
    h = torch.randn(num_examples, width, generator=generator).requires_grad_()
    outputs = [h]
    for _ in range(num_layers):
        h = activation(h @ torch.randn(width, width, generator=generator) * (scale / width) ** 0.5)
        h.retain_grad()
        outputs.append(h)
    h.backward(torch.randn(h.shape, generator=generator))
    return [o.std().item() for o in outputs], [o.grad.square().mean().sqrt().item() for o in outputs]


def draw_signal(ax, activation, scale):
    """Draw both curves. Returns a comment on whether they stay in the band."""
    functions = {"ReLU": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "none": lambda z: z}
    forward, backward = there_and_back(functions[activation], scale)
    ax.axhspan(0.1, 10, color="#dddddd")
    ax.plot(forward, color=cu.plots.COLOURS[0], label="forward: std of the outputs")
    ax.plot(backward, "--", color=cu.plots.COLOURS[1], label="backward: size of the gradient")
    ax.set(yscale="log", ylim=(1e-12, 1e12), xlabel="layer", ylabel="size")
    ax.set_title(f"{activation}, n σ² = {scale:g}")
    ax.legend(loc="upper right")
    if all(0.1 < value < 10 for value in forward + backward):
        return "Goal reached: both stay between 0.1 and 10 through 50 layers."
    if activation == "sigmoid":
        return "The sigmoid's slope of at most 1/4 shrinks the gradient, whatever this slider says. Goal: impossible here."
    return f"Layer 50: forward {forward[-1]:.1e}. First layer: backward {backward[0]:.1e}."


cu.demo.explore(
    draw_signal,
    activation=ipywidgets.Dropdown(options=["ReLU", "tanh", "sigmoid", "none"], value="ReLU"),
    scale=ipywidgets.FloatSlider(value=1.0, min=0.25, max=6, step=0.25, description="n σ²"),
    alt="Two curves over 50 layers on a logarithmic axis: the size of the signal and of the gradient",
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_signal(ax, "ReLU", 1.0),
    alt="ReLU with n σ² = 1: the signal falls from 1 to about 1e-8 at layer 50, and the gradient falls as much on its way back",
)

# %% [markdown]
r"""
**Means hide what is typical.** The derivation is about a *mean* over random networks. Multiply 100 random 4 × 4 matrices with entries from N(0, 1). The mean of the squared size of
the product is $4^{101}$, so a size of $2^{101} \approx 10^{30}$ is predicted. The next cell shows the median of 1,000 such
products, and the median length of a vector of length 1 after 100 linear layers with variance 1/n, whose mean square is 1.
"""

# %%
generator = torch.Generator().manual_seed(0)
product = torch.eye(4, dtype=torch.float64).expand(1_000, 4, 4)
for _ in range(100):
    product = product @ torch.randn(1_000, 4, 4, generator=generator, dtype=torch.float64)
print(f"4 x 4 matrices: median size about 10^{product.flatten(1).norm(dim=1).median().log10():.1f}")
for n in (4, 16, 64):
    v = torch.full((200, n, 1), n**-0.5)
    for _ in range(100):
        v = torch.randn(200, n, n, generator=generator) @ v / n**0.5
    print(f"width {n:2}, variance 1/n: median length about 10^{v.norm(dim=(1, 2)).median().log10():.1f}")

# %% [markdown]
r"""
A few huge products carry the mean; a typical narrow network shrinks the signal even at the "right" variance. At width 64 and above the mean and the typical case
come close. Narrow and deep is a bad combination.
"""

# %% [markdown]
r"""
## 7 From fans to starting weights

A convolution is a linear layer, too: each output adds up one product for each input channel *and* each place under the kernel. A weight
of shape (out, in, kh, kw) has the fan-in in · kh · kw. Going back, an input is reached by out · kh · kw products (with stride 1, and away from the edge). A dense weight has the
shape (out, in).

Predict the two fans of LeNet's second convolution, whose weight has shape (16, 6, 5, 5), before you go on.

### Exercise 12.9: `fans` &nbsp; (1 point, about 5 minutes, ★☆☆)

<details><summary>Hint 1</summary>

For both kinds: one size times the number of places under the kernel. A dense layer has one place. What is the product of an empty
list of sizes, `math.prod([])`?

</details>
"""


# %% exercise="fans"
def fans(weight):
    """The fan-in and the fan-out of a weight, without torch.nn.init.

    weight: (out, in) of a Linear or (out, in, kh, kw) of a Conv2d layer. Returns a tuple of two ints.
    Raises ValueError with a message that says what is wrong for fewer than two axes.
    """
    ### BEGIN SOLUTION
    if weight.ndim < 2:
        raise ValueError(f"a weight needs at least two axes, got {weight.ndim}")
    places = math.prod(weight.shape[2:])
    return weight.shape[1] * places, weight.shape[0] * places
    ### END SOLUTION


# %% test="fans"
check.exercise("fans", points=1)
OWN = "torch.nn.init._calculate_fan_in_and_fan_out"
with check.case("a dense weight (out, in)", points=0.3):
    wrong = {}
    wrong["the two are swapped: nn.Linear stores its weight as (out, in)"] = (20, 30)
    wrong["this is the number of weights"] = (600, 600)
    wrong["the numbers are right, but in a list; return a tuple"] = [30, 20]
    with check.without(OWN):
        found = check.unchanged(fans, torch.zeros(20, 30))
    check.equal(found, (30, 20), known=wrong)
    for fan in found:
        check.number(fan, int)
with check.case("a convolution (out, in, kh, kw), also with a kernel that is not square", points=0.4):
    for out, ins, kh, kw in ((8, 3, 2, 7), (16, 6, 5, 5)):
        wrong = {}
        wrong["the places under the kernel are missing: each output adds up in * kh * kw products"] = (
            ins,
            out,
        )
        wrong["the kernel belongs to both fans; in fan-out it is missing"] = (ins * kh * kw, out)
        wrong["the kernel belongs to both fans; in fan-in it is missing"] = (ins, out * kh * kw)
        wrong["the two are swapped: a convolution stores its weight as (out, in, kh, kw)"] = (
            out * kh * kw,
            ins * kh * kw,
        )
        wrong["only one side of the kernel is counted"] = (ins * kh, out * kh)
        wrong["only the last side of the kernel is counted"] = (ins * kw, out * kw)
        for side in (kh, kw):
            wrong[f"{side} is counted twice; the kernel is {kh} x {kw}"] = (ins * side**2, out * side**2)
        wrong["these are the last two axes, the sides of the kernel"] = (kw, kh)
        wrong["the sides of the kernel are added; multiply them"] = (ins * (kh + kw), out * (kh + kw))
        wrong["fan-out contains the input channels: this is the number of weights"] = (
            ins * kh * kw,
            out * ins * kh * kw,
        )
        right = ins * kh * kw, out * kh * kw
        wrong["the numbers are right, but in a list; return a tuple"] = list(right)
        with check.without(OWN):
            found = fans(torch.zeros(out, ins, kh, kw))
        check.equal(found, right, f"weight {(out, ins, kh, kw)}", known=wrong)
with check.case("fewer than two axes are refused, with a message", points=0.1):
    check.raises(ValueError, fans, torch.zeros(7))
    check.raises(ValueError, fans, torch.tensor(1.0))
### BEGIN HIDDEN TESTS
with check.case("the same on other weights", points=0.2, hidden=True):
    for shape, right in (((1, 9), (9, 1)), ((5, 1, 3, 2), (6, 30)), ((10, 4, 3, 1), (12, 30))):
        with check.without(OWN):
            check.equal(fans(nn.Parameter(torch.zeros(shape))), right, f"weight {shape}")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 12.10: `kaiming_normal_` &nbsp; (2 points, about 6 minutes, ★★☆)

Fill a weight in place, for ReLU, by the formula. In torch, an underscore at the end of a name says "in place", and the same weight
is returned. A parameter refuses to be filled in place while autograd records.

<details><summary>Hint 1</summary>

Variance or standard deviation: which of the two does `normal_` take?

<details><summary>Hint 2</summary>

Chapter 2 had a context for changes that autograd must not record. Tensors have a method `normal_(mean, std, generator=...)`. The fan-in
is one line; do not forget kernels.

</details></details>
"""


# %% exercise="kaiming_normal_"
def kaiming_normal_(weight, generator=None):
    """Fill a weight in place with numbers from N(0, 2 / fan_in), the start for ReLU, without torch's own.

    weight: tensor or parameter, (out, in) or (out, in, kh, kw), with any numbers in it. Returns weight itself;
    records no graph. All random numbers come from generator when it is given.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        return weight.normal_(0, math.sqrt(2 / weight[0].numel()), generator=generator)
    ### END SOLUTION


# %% test="kaiming_normal_"
check.exercise("kaiming_normal_", points=2)
SAME = "whole rows or columns are equal: draw each entry"
SIZE = "standard deviation, as a multiple of the right one"
OLD = "the weight is as it was: fill it in place"
OWN = "torch.nn.init.kaiming_normal_"
with check.case("a dense weight gets variance 2 / fan_in, and mean 0", points=0.6):
    W = torch.full((400, 250), 7.0)
    with check.without(OWN):
        kaiming_normal_(W)
    check.that(not (W == 7).all(), OLD)
    check.that((W[0] != W[1]).any() and (W[:, 0] != W[:, 1]).any(), SAME)
    check.that(W.mean() < 6, "the random numbers are added to the old weights; overwrite these")
    check.that((W < 0).any(), "there are no negative weights; the mean should be 0")
    ratio = W.std().item() / (2 / 250) ** 0.5
    wrong = {}
    wrong["normal_ takes the standard deviation; this uses the variance 2 / fan_in"] = (0.08, 0.1)
    wrong["this is the fan-out; a weight is (out, in)"] = (250 / 400) ** 0.5
    wrong["this is Xavier's variance, 2 / (fan_in + fan_out)"] = (250 / 650) ** 0.5
    wrong["the factor 2 for ReLU is missing, or the root of it is taken twice"] = 0.5**0.5
    wrong["the factor 2 stands outside the root"] = 2**0.5
    wrong["the root of 1 / fan_in is halved"] = 0.5**1.5
    wrong["this divides by the number of all weights"] = (0.048, 0.052)
    wrong["the root covers the 2 alone: it is the root of (2 / fan_in)"] = (0.0615, 0.065)
    wrong["the standard deviation is 1"] = 125**0.5
    wrong["this is 1 / fan_in as standard deviation"] = (0.043, 0.046)
    wrong["this is the variance 1 / (3 fan_in), which nn.Linear takes"] = 6**-0.5
    wrong["the old weights, 7, are multiplied by the random numbers; overwrite them"] = (6.8, 7.2)
    cut = 0.87 < ratio < 0.89 and 1.9 < W.abs().max() / (2 / 250) ** 0.5 < 2.01
    check.that(not cut, "numbers beyond two standard deviations are cut off; keep them")
    check.between(ratio, 0.98, 1.02, SIZE, known=wrong)
    check.between(W.mean() / W.std(), -0.02, 0.02, "the mean should be 0")
    far = (W.abs() > 2 * W.std()).double().mean()
    wrong = {"the numbers are uniform; they should be normal": (0.0, 0.02)}
    check.between(far, 0.04, 0.052, "share of numbers beyond two standard deviations", known=wrong)
with check.case("a convolution counts the places under the kernel", points=0.4):
    W = torch.zeros(40, 10, 4, 5)
    with check.without(OWN):
        kaiming_normal_(W)
    wrong = {}
    wrong["the places under the kernel are missing in the fan-in"] = (4.2, 4.75)
    wrong["this is the fan-out"] = 0.5
    wrong["only one side of the kernel is counted"] = (2.15, 2.32)
    wrong["only the last side of the kernel is counted"] = (1.92, 2.08)
    check.between(W.std().item() / (2 / 200) ** 0.5, 0.96, 1.04, SIZE, known=wrong)
with check.case("works in place, on parameters too, and returns the weight", points=0.6):
    filled = check.layouts(torch.full((60, 80), 7.0))
    for where, W in (filled | {"a parameter's": nn.Parameter(torch.full((60, 80), 7.0))}).items():
        memory, grad = W.data_ptr(), W.requires_grad
        with check.without(OWN):
            check.same_object(kaiming_normal_(W), W, "return the weight itself")
        check.that((W != 7).all(), f"in {where} memory, old numbers are left: fill the weight in place")
        check.that(W.data_ptr() == memory, "`weight.data = ...` gives it other memory; fill what it has")
        leaf = W.grad_fn is None and W.requires_grad == grad
        check.that(leaf, "the parameter should stay a leaf that requires a gradient")
    check.that(torch.is_grad_enabled(), "autograd stays switched off afterwards: use `with torch.no_grad():`")
### BEGIN HIDDEN TESTS
with check.case("the same on other weights, and all randomness from the generator", points=0.4, hidden=True):
    for shape, fan_in in (((30, 500), 500), ((1, 9000), 9000), ((64, 3, 7, 2), 42)):
        W = torch.zeros(shape, dtype=torch.float64)
        with check.without(OWN):
            kaiming_normal_(W)
        check.between(W.std().item() / (2 / fan_in) ** 0.5, 0.95, 1.05, f"{shape}: {SIZE}")

    def draw(generator=None):
        return [kaiming_normal_(torch.zeros(4, 3), generator=generator)]

    check.seeded(draw, "the weight")
    check.unseeded(draw, "the weight")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Uniform numbers.** A uniform distribution on $[-a, a]$ has the variance

$$\frac{1}{2a} \int_{-a}^{a} x^2 \, dx = \frac{1}{2a} \cdot \frac{2 a^3}{3} = \frac{a^2}{3} ,$$

so a wanted variance $\sigma^2$ needs the bound $a = \sqrt{3}\,\sigma$, not $\sigma$.

### Exercise 12.11: `xavier_uniform_` &nbsp; (2 points, about 6 minutes, ★★☆)

<details><summary>Hint 1</summary>

Put Xavier's variance of section 6 into $a = \sqrt3\,\sigma$, and simplify. In a convolution both fans count the kernel.

</details>
"""


# %% exercise="xavier_uniform_"
def xavier_uniform_(weight, generator=None):
    """Fill a weight in place with uniform numbers of mean 0 and variance 2 / (fan_in + fan_out).

    Without torch's own. weight: tensor or parameter, (out, in) or (out, in, kh, kw), with any numbers in it.
    Returns weight itself; records no graph. All random numbers come from generator when it is given.
    """
    ### BEGIN SOLUTION
    fan_in, fan_out = weight[0].numel(), weight[:, 0].numel()
    bound = math.sqrt(6 / (fan_in + fan_out))
    with torch.no_grad():
        return weight.uniform_(-bound, bound, generator=generator)
    ### END SOLUTION


# %% test="xavier_uniform_"
check.exercise("xavier_uniform_", points=2)
SAME = "whole rows or columns are equal: draw each entry"
SIZE = "standard deviation, as a multiple of the right one"
LARGEST = "largest weight, as a multiple of the bound"
OLD = "the weight is as it was: fill it in place"
OWN = "torch.nn.init.xavier_uniform_"
with check.case("a dense weight lies within the right bound, on both sides of 0", points=0.7):
    W = torch.full((350, 250), 7.0)
    with check.without(OWN):
        xavier_uniform_(W)
    check.that(not (W == 7).all(), OLD)
    check.that((W[0] != W[1]).any() and (W[:, 0] != W[:, 1]).any(), SAME)
    check.that(W.mean() < 6, "the random numbers are added to the old weights; overwrite these")
    check.that((W < 0).any(), "there are no negative weights: draw from -a to a")
    bound = 0.1
    wrong = {}
    wrong["the bound is a / 2: rand() - 0.5 has to be multiplied by 2 a"] = (0.498, 0.5001)
    wrong["the bound is 1 / root(fan_in), which is what nn.Linear takes"] = (0.628, 0.6326)
    wrong["the bound is the standard deviation; a uniform distribution needs root 3 times that"] = 3**-0.5
    wrong["the bound is the variance 2 / (fan_in + fan_out)"] = (0.03, 0.035)
    wrong["the root is missing: 6 / (fan_in + fan_out)"] = (0.096, 0.101)
    wrong["the root covers the 6 alone: it is the root of (6 / (fan_in + fan_out))"] = (0.04, 0.0412)
    wrong["the fans are multiplied; add them"] = (0.082, 0.0835)
    wrong["only the fan-in is counted, twice"] = 1.2**0.5
    wrong["only the fan-in is counted"] = 2.4**0.5
    wrong["only the fan-out is counted"] = (600 / 350) ** 0.5
    wrong["the bound is 3 standard deviations; it should be root 3"] = (1.7, 1.74)
    wrong["the 6 stands outside the root, or a factor of root 6 is there twice"] = 6**0.5
    wrong["the mean of the fans is doubled: 12 / (fan_in + fan_out)"] = 2**0.5
    wrong["a factor of 2 is missing in the variance: 3 / (fan_in + fan_out)"] = (0.7045, 0.7072)
    wrong["the roots of the fans are added; take the root of their sum"] = (0.7075, 0.7103)
    wrong["the bound is 1"] = 10.0
    wrong["the old weights, 7, are multiplied by the random numbers; overwrite them"] = (6.95, 7.001)
    wrong["the bound has the gain for tanh, 5/3, which Xavier's formula lacks"] = 5 / 3
    largest = W.abs().max().item() / bound
    spread = W.std().item() / (bound / 3**0.5)
    if largest > 1.2 and 0.98 < spread < 1.02:
        check.fail("the variance is right, but the numbers are normal; they should be uniform")
    check.between(largest, 0.995, 1.0001, LARGEST, known=wrong)
    check.between(spread, 0.98, 1.02, SIZE)
    check.between(W.mean() / bound, -0.02, 0.02, "the mean should be 0")
with check.case("a convolution counts the places under the kernel in both fans", points=0.4):
    W = torch.zeros(45, 5, 7, 8)
    with check.without(OWN):
        xavier_uniform_(W)
    bound = (6 / (280 + 2520)) ** 0.5
    wrong = {}
    wrong["the places under the kernel are missing in both fans"] = 56**0.5
    wrong["the places under the kernel are missing in the fan-out"] = (2800 / 325) ** 0.5
    wrong["the places under the kernel are missing in the fan-in"] = (2800 / 2525) ** 0.5
    wrong["only one side of the kernel is counted"] = 8**0.5
    wrong["only the last side of the kernel is counted"] = 7**0.5
    check.between(W.abs().max().item() / bound, 0.99, 1.0001, LARGEST, known=wrong)
with check.case("works in place, on parameters too, and returns the weight", points=0.5):
    filled = check.layouts(torch.full((60, 80), 7.0))
    for where, W in (filled | {"a parameter's": nn.Parameter(torch.full((60, 80), 7.0))}).items():
        memory, grad = W.data_ptr(), W.requires_grad
        with check.without(OWN):
            check.same_object(xavier_uniform_(W), W, "return the weight itself")
        check.that((W != 7).all(), f"in {where} memory, old numbers are left: fill the weight in place")
        check.that(W.data_ptr() == memory, "`weight.data = ...` gives it other memory; fill what it has")
        leaf = W.grad_fn is None and W.requires_grad == grad
        check.that(leaf, "the parameter should stay a leaf that requires a gradient")
    check.that(torch.is_grad_enabled(), "autograd stays switched off afterwards: use `with torch.no_grad():`")
### BEGIN HIDDEN TESTS
with check.case("the same on other weights, and all randomness from the generator", points=0.4, hidden=True):
    for shape, total in (((50, 550), 600), ((1, 5999), 6000), ((5999, 1), 6000), ((40, 3, 7, 2), 602)):
        W = torch.zeros(shape, dtype=torch.float64)
        with check.without(OWN):
            xavier_uniform_(W)
        check.between(W.abs().max().item() / (6 / total) ** 0.5, 0.98, 1.0001, f"{shape}: {LARGEST}")
        check.between(W.std().item() / (2 / total) ** 0.5, 0.95, 1.05, f"{shape}: {SIZE}")

    def draw(generator=None):
        return [xavier_uniform_(torch.zeros(4, 3), generator=generator)]

    check.seeded(draw, "the weight")
    check.unseeded(draw, "the weight")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Your weights in the networks of section 1.** Four pairs of activation and start, ten layers, each at the best of three rates. The
fans are yours as well.
"""

# %% tags=["experiment"]
kaiming = cu.yours(kaiming_normal_, instead=nn.init.kaiming_normal_)
xavier = cu.yours(xavier_uniform_, instead=nn.init.xavier_uniform_)
both_fans = cu.yours(fans, instead=nn.init._calculate_fan_in_and_fan_out)
print("fans of LeNet's second convolution:", both_fans(torch.zeros(16, 6, 5, 5)))
pairs = {
    "sigmoid, Xavier": (nn.Sigmoid, xavier),
    "tanh, Xavier": (nn.Tanh, xavier),
    "ReLU, Xavier": (nn.ReLU, xavier),
    "ReLU, Kaiming": (nn.ReLU, kaiming),
}
ten_layers = {
    name: best_of(lambda pair=pair: deep_net(pair[0], init=pair[1]), (0.01, 0.03, 0.1))[1]
    for name, pair in pairs.items()
}
cu.plots.bars(
    list(ten_layers.values()),
    labels=list(ten_layers),
    y="test accuracy",
    title="Ten layers: the start has to fit the activation",
    alt="Test accuracy of ten layers: sigmoid at 0.1, tanh with Xavier near 0.8, ReLU with Xavier and Kaiming behind it",
)
assert (
    ten_layers["sigmoid, Xavier"] < 0.2 and min(ten_layers["tanh, Xavier"], ten_layers["ReLU, Kaiming"]) > 0.6
)
print("sigmoid, Xavier: no better than guessing.  tanh with Xavier, ReLU with Kaiming: more than 60 % right")

# %% [markdown]
r"""
How exactly must the scale fit, for two layers and for twenty? A map: depth against $n\sigma^2$, ReLU, training accuracy after 60 steps at
the better of two rates, 0.01 and 0.05. Where do you expect the ridge, and how does its width change with depth?
"""


# %% tags=["experiment"]
def trained(depth, scale, lr):
    def scaled(weight):
        nn.init.normal_(weight, std=(scale / both_fans(weight)[0]) ** 0.5)

    net = deep_net(nn.ReLU, depth=depth, width=48, init=scaled)
    fit(net, lr, steps=60)
    return accuracy(net, X_train, y_train)


depths, scales = (2, 5, 10, 20), (0.5, 1, 1.5, 2, 3, 4)
trainable = [[max(trained(depth, scale, lr) for lr in (0.01, 0.05)) for scale in scales] for depth in depths]
cu.plots.heatmap(
    trainable,
    rows=[f"{depth} layers" for depth in depths],
    columns=[f"n σ² = {scale:g}" for scale in scales],
    title="Training accuracy after 60 steps, ReLU: a ridge that narrows with depth",
    alt="Two layers train at each scale; at 20 layers only n σ² = 2 is clearly above guessing",
)
assert min(trainable[0]) > 0.5 and trainable[-1][0] < 0.2 and trainable[-1][-1] < 0.2
assert max(trainable[2]) > 0.4 and trainable[2][0] < 0.2
print("2 layers: more than half right at each scale.  20 layers: guessing at both ends of the row")

# %% [markdown]
r"""
**When no formula fits.** The variance can also be read off the data: send one batch through the network, layer by layer, and divide each
weight by the standard deviation that its layer gives. This *data-driven* start works for any activation.

**The first loss is a test.** A network that prefers no class has a loss of $\log 10$. Scores that start out large prefer some classes
without a reason, and the first steps are spent on undoing that. Kaiming's factor 2 has no purpose in the last layer, which no ReLU follows.
"""


# %%
@torch.no_grad()
def rescale(net, X):
    """Divide each Linear weight, from the first on, by the std of its layer's output on X. In place."""
    for layer in net:
        if isinstance(layer, nn.Linear):
            layer.weight /= layer(X).std()
        X = layer(X)


nets = {"Kaiming": deep_net(nn.ReLU, init=nn.init.kaiming_normal_)}
nets["rescaled on data"] = deep_net(nn.ReLU, init=nn.init.xavier_uniform_)
rescale(nets["rescaled on data"], X_train[:256])
nets["Kaiming, last weight divided by 10"] = deep_net(nn.ReLU, init=nn.init.kaiming_normal_)
nets["Kaiming, last weight divided by 10"][-1].weight.data /= 10
for name, net in nets.items():
    with torch.no_grad():
        loss = F.cross_entropy(net(X_train), y_train).item()
    print(f"{name:35} first loss {loss:.1f}   (log 10 = {math.log(10):.1f})")

# %% [markdown]
r"""
**A film of the activations.** One column per step: the histogram of the pre-activations of layer 5 on 256 pictures, dark where there
are many. Which of the three runs is the silent network of section 1?
"""


# %% tags=["experiment"]
def film(init, lr, steps=60, edges=(-12, 12), bins=60):
    """Histograms (bins, steps) of the pre-activations of layer 5 while the network trains."""
    net, columns = deep_net(nn.ReLU, init=init), []
    for step in range(steps):
        with torch.no_grad():
            z = net[:9](X_train[:256])
        columns.append(torch.histc(z.nan_to_num(0).clamp(*edges), bins, *edges).log1p())
        fit(net, lr, steps=1, seed=step)
    return torch.stack(columns, dim=1)


films = {
    "Kaiming, rate 0.01": film(nn.init.kaiming_normal_, 0.01),
    "Kaiming, rate 0.1": film(nn.init.kaiming_normal_, 0.1),
    "PyTorch's start, rate 0.1": film(None, 0.1),
}


def draw_films(*axes):
    for ax, (name, picture) in zip(axes, films.items()):
        ax.imshow(picture, origin="lower", aspect="auto", cmap="Blues", extent=(0, 60, -12, 12))
        ax.set(xlabel="step", title=name)
    axes[0].set_ylabel("pre-activation of layer 5")


cu.plots.figure(
    draw_films,
    panels=3,
    height=3.2,
    alt="Three films. Kaiming at rate 0.01: a cloud that widens slowly; at rate 0.1: it jumps and shrinks; PyTorch's "
    "start: a thin line that never moves",
)

# %% [markdown]
r"""
On the right nothing moves: the layer gives nearly the same number for each picture, and the steps do not change it. In the middle the rate is so high that
the whole layer jumps from step to step. On the left the cloud is broad from the start and changes slowly.
"""

# %% [markdown]
r"""
## 8 Symmetry that never breaks

Why random weights at all? Give each weight of both layers the same constant. Then all units of the hidden layer compute the same, send the
same to the scores, receive the same gradient, and stay the same after each step. The weight matrix then has only one kind of row: rank 1.

Before you run the next cell, predict the rank of the first weight matrix, (16, 784), after 60 steps, for a constant 0.01 in both layers; zero
in both; zero with sigmoid; a constant first layer with a random second one; and a constant in both with dropout.
"""


# %%
def rank_history(first, second, activation=nn.ReLU, dropout=0.0, steps=60):
    """Rank of the first weights after each step. first, second: a constant for each layer; None: random."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(784, 16), activation(), nn.Dropout(dropout), nn.Linear(16, 10))
    for layer, constant in ((net[0], first), (net[3], second)):
        if constant is not None:
            nn.init.constant_(layer.weight, constant)
            nn.init.zeros_(layer.bias)
    ranks = []
    for step in range(steps):
        fit(net, 0.1, steps=1, seed=step)
        ranks.append(torch.linalg.matrix_rank(net[0].weight.detach(), rtol=1e-4).item())
    return ranks, net


# %% tags=["experiment"]
cases = {
    "random in both": {"first": None, "second": None},
    "0.01 first, random second": {"first": 0.01, "second": None},
    "0.01 in both, dropout 0.5": {"first": 0.01, "second": 0.01, "dropout": 0.5},
    "0.01 in both": {"first": 0.01, "second": 0.01},
    "0 in both, sigmoid": {"first": 0.0, "second": 0.0, "activation": nn.Sigmoid},
    "0 in both": {"first": 0.0, "second": 0.0},
}
histories = {name: rank_history(**case)[0] for name, case in cases.items()}
cu.plots.heatmap(
    [history[:12] for history in histories.values()],
    rows=list(histories),
    columns=[str(step) for step in range(1, 13)],
    title="Rank of the first weights after each of the first 12 steps",
    alt="Rank 16 from the start for random weights; it grows to 16 with a random second layer and with dropout; 1 for constants; "
    "0, then 1 for zeros with sigmoid; 0 for zeros with ReLU",
)
for name, history in histories.items():
    print(f"{name:26} rank after 60 steps: {history[-1]}")

# %% [markdown]
r"""
Read the rows from the bottom up.

- Zeros with ReLU: all hidden outputs are 0, so the second layer's weights get no gradient, and since they are 0, the first layer's get none
  either. Only the biases of the scores move.
- Zeros with sigmoid: the hidden outputs are ½, so the second layer moves at once and the first one from the second step on. But all
  units stay equal.
- A constant: the same. Mind what is equal: the *units*. Within one unit the 784 weights do drift apart, since each pixel has its own gradient.
- Dropout removes different units at each step, so they get different gradients.
- Random weights in the second layer are enough, too. After one step the rank is 10: the errors of the ten scores add up to 0, which leaves nine
  independent ones, and the constant start adds one more. After the second step it is 16.

Biases may start at 0: random weights already make the units different.
"""

# %%
_, stuck = rank_history(0.01, 0.01)
W = stuck[0].weight.detach()  # (16, 784)
print(
    "all units equal:",
    torch.allclose(W, W[:1].expand_as(W), atol=1e-6),
    "  all weights of a unit equal:",
    bool(W.std(dim=1).max() < 1e-4),
)

# %% [markdown]
r"""
## 9 The first signal: inputs

All of the above assumed inputs with mean 0 and variance 1. What if they do not come that way? Here are 400 houses with two columns, in
different units and related to each other. **Standardising** subtracts each column's mean and divides by its standard deviation. **Whitening** also
rotates the cloud to its main axes first, so that the new columns are uncorrelated (their covariance is the identity
matrix). The main axes are the eigenvectors of the covariance matrix; chapter 13 writes this as an exercise.
"""

# %%
generator = torch.Generator().manual_seed(0)
raw = torch.randn(400, 2, generator=generator) @ torch.tensor([[30.0, 9.0], [0.0, 3.0]]) + torch.tensor(
    [100.0, 50.0]
)
standardized = (raw - raw.mean(dim=0)) / raw.std(dim=0)
variances, axes = torch.linalg.eigh(torch.cov(raw.T))  # (2,), (2, 2): one axis per column
whitened = (raw - raw.mean(dim=0)) @ axes / variances.sqrt()
clouds = {"raw": raw, "standardised": standardized, "whitened": whitened}
for name, X in clouds.items():
    print(
        f"{name:13} means {[round(m) + 0 for m in X.mean(0).tolist()]}, variances {[round(v) for v in X.var(0).tolist()]},",
        end=" ",
    )
    print(f"correlation {abs(torch.corrcoef(X.T)[0, 1].item()):.2f}")


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_clouds(*panels):
    for ax, (name, X), colour in zip(panels, clouds.items(), cu.plots.COLOURS):
        ax.scatter(*X.T, s=6, color=colour, alpha=0.6, linewidths=0)
        ax.axhline(0, color="#999999", linewidth=0.8)
        ax.axvline(0, color="#999999", linewidth=0.8)
        ax.set_aspect("equal", adjustable="datalim")
        ax.set(title=name, xlabel="column 1" + (" (m²)" if name == "raw" else ""))
    panels[0].set_ylabel("column 2")


cu.plots.figure(
    draw_clouds,
    panels=3,
    alt="Three clouds: a long slanted one far from the origin; a slanted one around the origin; a round one around the origin",
)

# %% [markdown]
r"""
Fit a linear target to each of the three by gradient descent (full batch, zeros at the start), at the best of eleven rates from
$10^{-7}$ to 1.5. How many steps until the mean squared error is 0.1 % of the target's variance?
"""


# %% tags=["experiment"]
def steps_needed(X, y, rates=(1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 0.5, 1.0, 1.5), most=2_000):
    """Fewest steps over the rates, or `most` if none gets there."""
    X, fewest = torch.cat([X, torch.ones(len(X), 1)], dim=1), most
    for lr in rates:
        w = torch.zeros(3)
        for step in range(fewest):
            error = X @ w - y
            if not error.isfinite().all():
                break
            if error.square().mean() < 1e-3 * y.var():
                fewest = step
                break
            w -= lr * X.T @ error / len(X)
    return fewest


target = raw @ torch.tensor([0.05, -0.1]) + 3
needed = {name: steps_needed(X, target) for name, X in clouds.items()}
assert needed["raw"] == 2_000 and 10 < needed["standardised"] < 200 and needed["whitened"] <= 3
print(f"raw: not within 2,000 steps.  standardised: some dozens.  whitened: {needed['whitened']}")

# %% [markdown]
r"""
Gradient descent has one rate for all directions. Whitening makes all directions equal, so one rate fits all of them. With 784
pixels whitening is expensive and amplifies noise in directions of small variance; standardising is usual, and batch normalisation does it again between
layers. Compute means, deviations and axes on the training data alone.

### Exercise 12.12: claims about starting weights &nbsp; (2 points, about 8 minutes, ★★☆)

Answer "true", "false", or the letter of the one condition under which the claim is true.

1. **"variance"**: "`nn.init.normal_(w, std=0.01)` draws weights with variance 0.01."
   (a) if the fan-in is 100, (b) after the first step, (c) for square weights.
2. **"xavier"**: "In a stack of square layers, weights of variance 1/n keep the standard deviation of the signal, layer after layer."
   (a) if no activation stands between the layers, (b) with ReLU, (c) with sigmoid.
3. **"zero"**: "If all weights and biases of a network with one hidden layer start at 0, its weights stay at 0."
   (a) if the activation gives 0 at 0, like ReLU or tanh, (b) if it gives ½ at 0, like sigmoid, (c) if the learning rate is small.
4. **"constant"**: "Units of one hidden layer that start with equal weights, incoming and outgoing, and equal biases stay equal to one another."
   (a) if the constant is 0, (b) if nothing treats them differently, as dropout would, (c) if the activation is sigmoid.
5. **"healthy"**: "If the standard deviation over all outputs of layer 50 is 0.04 and steady, layer 50 still tells the inputs apart."
   (a) with ReLU, (b) with PyTorch's own start, (c) with random biases.
"""

# %% exercise="claims_initialization"
claims_initialization = {
    "variance": "?",
    "xavier": "?",
    "zero": "?",
    "constant": "?",
    "healthy": "?",
}
### BEGIN SOLUTION
claims_initialization = {
    "variance": "false",
    "xavier": "a",
    "zero": "a",
    "constant": "b",
    "healthy": "false",
}
### END SOLUTION

# %% test="claims_initialization"
check.exercise("claims_initialization", points=2)
CLAIMS = ["variance", "xavier", "zero", "constant", "healthy"]
with check.case("every claim is answered with true, false, a, b or c"):
    check.claims(claims_initialization, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("the claims about variances", points=1.2, hidden=True):
    check.right(
        claims_initialization,
        {"variance": "false", "xavier": "a", "healthy": "false"},
        "the experiments are in section 6; the demonstration there has a setting without activation",
    )
with check.case("the claims about symmetry", points=0.8, hidden=True):
    check.right(
        claims_initialization,
        {"zero": "a", "constant": "b"},
        "read the ranks in section 8, and why each row is as it is",
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 12.13: in your own words &nbsp; (2 points, about 8 minutes, marked by your instructor)

A job interview. "We had a network of 30 dense layers, all of the same width, with tanh and Xavier initialisation; it learned. Then
someone replaced tanh by ReLU and changed nothing else. Now the loss stays at log 10." Predict, with a number, what happened to the standard
deviation of the signal at layer 30, and say where the number comes from. Name the smallest change that fixes it. Which measurement, before any
training, would show that your explanation is right and that the problem is not, for example, dead units?
"""

# %% [markdown] written="tanh_to_relu" points=2
r"""
**Model answer.** Xavier gives variance 1/n for square layers. ReLU keeps half of the mean square, so each layer multiplies the variance of the pre-activations by
½ and the standard deviation by 0.71. After 30 layers that is $2^{-15} \approx 3 \cdot 10^{-5}$ of the first. The gradient shrinks by the same factor on its way
back, and the scores hardly depend on the input, so the loss stays at log 10. Smallest change: multiply the weights by √2, that is, Kaiming's variance
2/n (batch normalisation or another data-driven scale also works). Measurement: the standard deviation of the outputs, between examples, after
each layer: a straight line on a logarithmic axis with a factor of 0.71 per layer (and the size of each layer's weight gradient). With
Kaiming the line is level. Dead units would show in a census over the data set as a fraction well above 0; here each unit is active on about half of the
examples.

**Mark scheme.** ½ point: factor ½ in variance, or √½ in standard deviation, per layer, with the reason (ReLU keeps half of the mean square). ½ point: about $2^{-15}$, or
$3 \cdot 10^{-5}$ (accept $10^{-4}$ to $10^{-5}$; $2^{-30}$ named as variance is right, too). ½ point: variance 2/n or an equivalent; "a higher learning rate" or "more epochs" does not count.
½ point: a measurement per layer before training (standard deviation or gradient), and the census or the share of zeros to tell it from dead units.
"""

# %% [markdown]
r"""
## Recap

- One layer multiplies a gradient by two things: the slope of the activation and the weights. A deep network multiplies many of both.
- The sigmoid's slope is at most ¼; tanh, ReLU and SiLU reach 1. A small slope, whether from saturation or at every x, makes a gradient vanish; a bounded range does not.
- Two forms that are equal on paper can differ on the computer: avoid inf / inf.
- A unit is dead if w · x + b ≤ 0 on every example. A very negative bias or a high rate can cause that; negative weights alone do not,
  unless no input is negative. A leaky slope leaves a way back.
- Variance per layer: $n\sigma^2$, half of it with ReLU. Kaiming: 2/fan-in. Xavier: 2/(fan-in + fan-out). A uniform distribution needs the bound √3 σ.
- Measure standard deviations between examples, and the first loss against log k.
- Equal units stay equal, unless something random tells them apart.

**What people get wrong.** They take `std` for a variance; leave the √3 out of a uniform bound; forget the kernel in the fans; keep Xavier, or PyTorch's own start, for deep ReLU
networks; count dead units on one batch; call a unit dead because its weights are negative; measure a standard deviation that comes from the biases; start all weights at the same constant.

**Read on.** [Glorot and Bengio 2010: Understanding the difficulty of training deep feedforward neural
networks](https://proceedings.mlr.press/v9/glorot10a.html) · [He and others 2015: Delving deep into
rectifiers](https://arxiv.org/abs/1502.01852) · [Mishkin and Matas 2015: All you need is a good
init](https://arxiv.org/abs/1511.06422) (data-driven rescaling) · [Hendrycks and Gimpel 2016: Gaussian error linear
units](https://arxiv.org/abs/1606.08415) · [PyTorch: torch.nn.init](https://docs.pytorch.org/docs/stable/nn.init.html) · [Dive into Deep Learning, numerical stability and
initialization](https://d2l.ai/chapter_multilayer-perceptrons/numerical-stability-and-init.html).

**Next:** [`13_losses_generalization`](../13_losses_generalization/losses_generalization.ipynb), about what to minimise and what it is worth on new data.
"""
