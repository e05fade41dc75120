# ---
# jupyter:
#   course:
#     prerequisites:
#     - 07_saving_and_devices
#     - 08_convolutions_lenet
#     summary: Networks made of blocks, and the layer that lets them become deep
#     title: VGG and batch norm
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
# 9 VGG and batch norm

**Time:** about 3.5 hours. **You need:** chapters 1 to 5, 7 and 8. **Points:** 24.

LeNet has two convolutions. This chapter builds networks with sixteen, first by repeating blocks, then by adding the
layer that makes such depth trainable. After it you can

- **build** a network from blocks, and **count** its parameters and multiplications before you run it;
- **find** three mistakes in a batch-norm function, and **write** the function and the layer yourself;
- **explain** why the same network gives other answers in training mode than in evaluation mode;
- **fuse** batch norm into a convolution for a faster network with the same answers;
- **replace** a convolution by a depthwise and a pointwise one, and say what this saves.

| English | Chinese (中文) | what it is |
|---|---|---|
| block | 块 | a few layers that are repeated as one unit |
| batch normalisation | 批量规范化 | shift and scale each channel by the mean and variance of the batch |
| running statistics | 移动平均统计量 | moving averages of these means and variances, used in evaluation mode |
| buffer | 缓冲区 | a tensor that belongs to a layer and is saved, but is not trained |
| layer normalisation | 层规范化 | batch normalisation with the mean and variance of one example |
| skip connection | 跳跃连接 | adds the input of some layers to their output |
| depthwise convolution | 深度卷积 | one kernel for each channel; channels are not mixed |
| pointwise convolution | 逐点卷积 | a 1×1 convolution; mixes channels, not pixels |

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. The check tells you what is still wrong. Some checks are hidden: they ask for the
same on other numbers, and run when your work is graded. Once the checks of an exercise pass, the next cells work with
*your* function, and say so. When you come back after a break, the kernel has forgotten everything: click the cell where
you want to go on and choose *Run > Run All Above Selected Cell*.
"""

# %%
import copy
import math

import course_utils as cu
from course_utils import check, nets

import ipywidgets
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)  # networks as small as these gain nothing from a second thread

# %% jupyter={"source_hidden": true}
train_set, test_set = cu.data.fashion_mnist(train=True), cu.data.fashion_mnist(train=False)


def as_pictures(data):
    """uint8 (n, 28, 28) -> float (n, 1, 28, 28) in [0, 1]."""
    return data.float().unsqueeze(1) / 255


X_train, y_train = as_pictures(train_set.data[:4000]), train_set.targets[:4000]
X_valid, y_valid = as_pictures(train_set.data[4000:5000]), train_set.targets[4000:5000]
X_test, y_test = as_pictures(test_set.data[:1000]), test_set.targets[:1000]


def he_init(net):
    """Draw the weights from N(0, 2 / inputs of the layer); biases 0. Returns net."""
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return net


def accuracy(net, X, y, batch_size=500):
    """The share of right answers, in the mode in which net is, without a graph."""
    with torch.no_grad():
        right = [(net(A).argmax(1) == b).sum() for A, b in zip(X.split(batch_size), y.split(batch_size))]
    return sum(right).item() / len(y)


def run_steps(net, lr, num_steps, batch_size=64, seed=0):
    """Train net by num_steps of SGD on the training pictures. Returns the losses of the steps."""
    g, losses = torch.Generator().manual_seed(seed), []
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    net.train()
    for _ in range(num_steps):
        rows = torch.randint(len(X_train), (batch_size,), generator=g)
        loss = F.cross_entropy(net(X_train[rows]), y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def count(net):
    """The number of parameters."""
    return sum(p.numel() for p in net.parameters())


# %% [markdown]
r"""
## 1 Why small kernels, many times

LeNet's kernels are 5×5. Two 3×3 convolutions in a row also see 5×5 pixels: by chapter 8 the receptive field grows by
2 with each layer of stride 1. Three of them see 7×7. Let all layers have $c$ channels in and out, without biases.
**Count the weights** on paper before you read on: one 5×5 layer against two 3×3; one 7×7 against three 3×3.

A layer with a k×k kernel has $k^2c^2$ weights. So $25c^2$ against $2 \cdot 9c^2 = 18c^2$, and $49c^2$ against
$27c^2$. The small kernels need fewer weights for the same view, and there is room for a ReLU after each of them. A
gradient shows the view: which input pixels change the middle of the output?
"""


# %% tags=["experiment"]
def view_of(kernel, depth):
    """The gradient of the middle output for a picture 11 x 11, through `depth` averaging kernels."""
    X = torch.zeros(1, 1, 11, 11, requires_grad=True)
    Y, K = X, torch.full((1, 1, kernel, kernel), 1 / kernel**2)
    for _ in range(depth):
        Y = F.conv2d(Y, K, padding=kernel // 2)
    Y[0, 0, 5, 5].backward()
    return X.grad[0, 0]


views = {(k, d): view_of(k, d) for k, d in ((5, 1), (3, 2), (7, 1), (3, 3))}
cu.plots.images(
    [view / view.max() for view in views.values()],
    titles=[f"{d} of {k}x{k}" for k, d in views],
    columns=4,
    title="Two 3x3 layers see 5x5 pixels, three see 7x7",
    alt="Four squares: one 5x5 kernel and two 3x3 kernels see the same square, so do one 7x7 and three 3x3; with several "
    "layers the middle counts more",
)
for (k, d), view in views.items():
    side = int((view[5] > 0).sum())
    print(f"{d} of {k}x{k}: sees {side}x{side} pixels, {d * k * k} c^2 weights")

# %% [markdown]
r"""
The views agree in size, not in weight: with equal weights, several layers look more at the middle.

## 2 Blocks

Instead of choosing each layer by hand, VGG (2014, named after the Visual Geometry Group in Oxford) repeats a
**block**: some 3×3 convolutions with padding 1, each with a ReLU, which keep the size; then a 2×2 max pooling, which
halves it. While the picture shrinks, the number of channels grows.

### Exercise 9.1: `vgg_block` &nbsp; (2 points, about 6 minutes, ★☆☆)

<details><summary>Hint 1</summary>

Collect the layers in a list, then write `nn.Sequential(*layers)`; the star hands the entries of a list over one by one.

<details><summary>Hint 2</summary>

Only the first convolution sees `in_channels`. What do the others see?

</details></details>
"""


# %% exercise="vgg_block"
def vgg_block(num_convs, in_channels, out_channels):
    """num_convs convolutions, each with a ReLU after it, then max pooling.

    num_convs: int >= 1. The convolutions are 3 x 3 with padding 1, have biases and give out_channels.
    Returns an nn.Sequential: float (n, in_channels, h, w) -> (n, out_channels, h // 2, w // 2).
    """
    ### BEGIN SOLUTION
    layers = []
    for _ in range(num_convs):
        layers += [nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1), nn.ReLU()]
        in_channels = out_channels
    return nn.Sequential(*layers, nn.MaxPool2d(2))
    ### END SOLUTION


# %% test="vgg_block"
check.exercise("vgg_block", points=2)


def same(X):
    return X


def by_hand(w, X, acts, pool=F.max_pool2d):
    """The block with weights w, an activation for each convolution, and a pooling."""
    for W, b, act in zip(w[::2], w[1::2], acts):
        X = act(F.conv2d(X, W, b, padding=1))
    return pool(X, 2)


def used(X, *sizes):
    """The weights and biases of a block, in order, and what it makes of X.

    This runs beside the answer, for a block takes long to travel.
    """
    block = vgg_block(*sizes)
    return [p.detach() for p in block.parameters()], block(X)


def mistakes(w, X):
    """What usual mistakes in a block of two convolutions make of X."""
    relu, wrong = torch.relu, {"there are no ReLUs": by_hand(w, X, [same, same])}
    wrong["the ReLU after the last convolution is missing"] = by_hand(w, X, [relu, same])
    wrong["only the last convolution has a ReLU; each needs one"] = by_hand(w, X, [same, relu])
    wrong["the pooling takes the mean; the maximum is asked for"] = by_hand(w, X, [relu] * 2, F.avg_pool2d)
    wrong["the activations are sigmoids"] = by_hand(w, X, [torch.sigmoid] * 2)
    wrong["the activations are tanh"] = by_hand(w, X, [torch.tanh] * 2)
    wrong["the activations are leaky ReLUs"] = by_hand(w, X, [F.leaky_relu] * 2)
    strided = by_hand(w, X, [relu] * 2, lambda Y, side: Y[..., ::side, ::side])
    wrong["it takes every second value; the maximum of each window is asked for"] = strided
    large = by_hand(w, X, [relu] * 2, lambda Y, side: F.max_pool2d(Y, 3, side, padding=1))
    wrong["the windows of the pooling are 3 x 3; 2 x 2 is asked for"] = large
    return wrong


with check.case("has the right layers, with weights of the right shapes", points=1):
    block = vgg_block(3, 2, 5)
    check.that(isinstance(block, nn.Sequential), "an nn.Sequential is asked for")
    lazy = any(nn.parameter.is_lazy(p) for p in block.parameters())
    check.that(not lazy, "a lazy layer does not know its shape yet; use nn.Conv2d")
    expected = [(5, 2, 3, 3), (5,), (5, 5, 3, 3), (5,), (5, 5, 3, 3), (5,)]
    wrong = {"the convolutions have no biases": expected[::2]}
    wrong["there is only one convolution; num_convs says how many"] = expected[:2]
    wrong["there is one convolution too few, or one is used twice"] = expected[:4]
    wrong["there is one convolution too many"] = expected + expected[2:4]
    normed = [shape for pair in zip(expected[::2], expected[1::2]) for shape in (*pair, (5,), (5,))]
    wrong["there is a batch norm after each convolution; leave it out here"] = normed
    wrong["each convolution takes in_channels; from the second on it is out_channels"] = expected[:2] * 3
    wrong["in_channels and out_channels are exchanged"] = [(2, 5, 3, 3), (2,)] + [(2, 2, 3, 3), (2,)] * 2
    for k in (1, 5, 7):
        sizes = [s if len(s) == 1 else (*s[:2], k, k) for s in expected]
        wrong[f"the kernels are {k} x {k}; 3 x 3 is asked for"] = sizes
    found = [tuple(p.shape) for p in block.parameters()]
    check.equal(found, expected, "the shapes of all weights and biases, in order", known=wrong)
    wrong = {"the convolutions need padding=1 to keep the size": (4, 5, 1, 2)}
    wrong["there is no pooling"] = (4, 5, 8, 10)
    wrong["it pools after each convolution; once, at the end, is enough"] = (4, 5, 1, 1)
    wrong["the pooling has stride 1; it should halve the size"] = (4, 5, 7, 9)
    found = tuple(block(torch.zeros(4, 2, 8, 10)).shape)
    check.equal(found, (4, 5, 4, 5), "the output for pictures (4, 2, 8, 10)", known=wrong)
with check.case("convolution, ReLU, convolution, ReLU, then the maximum of each window", points=0.5):
    X = 3 * check.normal((3, 3, 6, 8))
    w, found = check.made(used, X, 2, 3, 4)
    check.equal(len(w), 4, "the number of weights and biases for num_convs=2")
    check.close(found, by_hand(w, X, [torch.relu] * 2), known=lambda: mistakes(w, X), atol=1e-5)
### BEGIN HIDDEN TESTS
with check.case("other numbers of convolutions and channels", points=0.5, hidden=True):
    for num_convs, i, o in ((1, 1, 6), (4, 5, 2)):
        X = 3 * check.normal((2, i, 7, 4))
        w, found = check.made(used, X, num_convs, i, o)
        check.equal([tuple(p.shape) for p in w[::2]], [(o, i, 3, 3)] + [(o, o, 3, 3)] * (num_convs - 1))
        acts = [torch.relu] * num_convs
        up = by_hand(w, X, acts, lambda Y, side: F.max_pool2d(Y, side, ceil_mode=True))
        wrong = {"the size is rounded up; h // 2 rounds down": up}
        check.close(found, by_hand(w, X, acts), known=wrong, atol=1e-5)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 3 VGG

Five blocks, then two large dense layers with dropout and one for the scores: with the numbers of convolutions 1, 1,
2, 2, 2 and the channels 64, 128, 256, 512, 512, this is **VGG-11**, for its 8 + 3 layers with weights. For pictures
of 224×224 pixels, **predict** on paper: the height after each block, and the number of inputs of the first dense
layer.

### Exercise 9.2: `vgg` &nbsp; (3 points, about 12 minutes, ★★☆)

<details><summary>Hint 1</summary>

Go through `conv_arch` in a loop, append a block to a list, and remember the channels for the next one. A block halves
the size. Write down how many pixels are left after all of them.

<details><summary>Hint 2</summary>

The first dense layer has channels × height × width inputs. Keep the last number of channels in a variable that you
have set yourself, before the loop: it then has a value even when `conv_arch` is short.

</details></details>
"""


# %% exercise="vgg"
def vgg(conv_arch, in_channels=1, image_size=224, num_classes=10, hidden=4096):
    """A VGG network for square pictures of image_size pixels.

    conv_arch: ((num_convs, out_channels), ...), one pair for each block.
    Returns an nn.Sequential of the blocks (each an nn.Sequential, as in vgg_block), and then the layers Flatten,
    Linear, ReLU, Dropout(0.5), Linear, ReLU, Dropout(0.5), Linear. The first two dense layers have `hidden` outputs.
    Scores: (n, num_classes). Each block halves the size, rounding down; if 0 pixels are left, a ValueError that says so.
    """
    ### BEGIN SOLUTION
    blocks, size = [], image_size
    for num_convs, out_channels in conv_arch:
        layers = []
        for _ in range(num_convs):
            layers += [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.ReLU()]
            in_channels = out_channels
        blocks.append(nn.Sequential(*layers, nn.MaxPool2d(2)))
        size //= 2
    if size == 0:
        raise ValueError(f"{len(blocks)} blocks leave nothing of a picture of {image_size} pixels")
    return nn.Sequential(
        *blocks,
        nn.Flatten(),
        nn.Linear(in_channels * size**2, hidden),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(hidden, num_classes),
    )
    ### END SOLUTION


# %% test="vgg"
check.exercise("vgg", points=3)
NET, CONVS = (((1, 3), (2, 5)), 2, 13, 4, 6), [(3, 2, 3, 3), (5, 3, 3, 3), (5, 5, 3, 3)]
TAIL = ["Flatten", "Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]


def scores_by_hand(w, X, convs, last=torch.clone):
    """The scores in evaluation mode, from weights and biases in order."""
    for num_convs in convs:
        for _ in range(num_convs):
            X, w = F.conv2d(X, w[0], w[1], padding=1).relu(), w[2:]
        X = F.max_pool2d(X, 2)
    X = F.linear(F.linear(X.flatten(1), w[0], w[1]).relu(), w[2], w[3]).relu()
    return last(F.linear(X, w[4], w[5]))


def shapes(inputs, hidden=6, classes=4, convs=CONVS):  # of all weights; inputs: of the first Linear
    return [*convs, (hidden, inputs), (hidden, hidden), (classes, hidden)]


def asked(question, *args, **options):  # question(vgg(...)), beside the answer: a network travels slowly
    return check.made(lambda: question(vgg(*args, **options)))


def evaluated(X, *args, **options):  # the weights and biases in order, and the scores in evaluation mode
    return asked(lambda v: ([p.detach() for p in v.parameters()], v.eval()(X)), *args, **options)


with check.case("one child for each block, and eight layers after them", points=1):
    net = vgg(*NET)
    check.that(isinstance(net, nn.Sequential), "an nn.Sequential is asked for")
    kinds, blocks = [type(child).__name__ for child in net], ["Sequential"] * 2
    check.that(not any("Lazy" in k for k in kinds), "a lazy layer does not know its shape yet; use nn.Linear")
    wrapped = "the blocks are wrapped in a Sequential of their own; put them into the network"
    wrong = {wrapped: blocks[:1] + TAIL}
    wrong["the dense layers are wrapped in a Sequential of their own"] = ["Sequential"] * 3
    wrong["Flatten is missing: the dense layers take rows"] = blocks + TAIL[1:]
    wrong["the dropouts are missing"] = blocks + [k for k in TAIL if k != "Dropout"]
    wrong["the first dropout is missing"] = blocks + TAIL[:3] + TAIL[4:]
    wrong["the second dropout is missing"] = blocks + TAIL[:6] + TAIL[7:]
    early = TAIL[:2] + ["Dropout", "ReLU", "Linear"] * 2
    wrong["dropout comes after the ReLU, not before it"] = blocks + early
    wrong["there are two Linear layers; three are asked for"] = blocks + TAIL[:4] + TAIL[-1:]
    for kind in ("Softmax", "LogSoftmax", "ReLU"):
        wrong[f"there is an activation after the scores: {kind}"] = blocks + TAIL + [kind]
    check.equal(kinds, blocks + TAIL, "the children", known=wrong)
    dropouts = [child.p for child in net if isinstance(child, nn.Dropout)]
    check.equal(dropouts, [0.5, 0.5], "the probabilities of the dropouts")
with check.case("has weights of the right shapes", points=0.5):
    found = asked(lambda v: [tuple(p.shape) for p in v.parameters() if p.ndim > 1], *NET)
    stuck, wrong = [CONVS[0], (5, 2, 3, 3), CONVS[2]], {}
    wrong["the first Linear needs channels x height x width inputs: height is not squared"] = shapes(15)
    wrong["the first Linear has 7 x 7 pixels as in the large VGG; here 3 x 3 are left"] = shapes(245)
    wrong["each block rounds the size down: 13 -> 6 -> 3"] = shapes(80)
    wrong["the size is halved once; each block halves it"] = shapes(180)
    wrong["the size is not halved; each block halves it"] = shapes(845)
    wrong["the blocks do not pass on their channels to the next block"] = shapes(45, convs=stuck)
    wrong["in_channels stays 2: the channels are not passed on"] = shapes(18, convs=stuck)
    wrong["in_channels is fixed at 1"] = shapes(45, convs=[(3, 1, 3, 3), *CONVS[1:]])
    wrong["num_classes is fixed at 10"] = shapes(45, classes=10)
    wrong["hidden is fixed at 4096"] = shapes(45, hidden=4096)
    check.equal(found, shapes(45), "the shapes of the weights", known=wrong)
    found = asked(lambda v: tuple(v(torch.zeros(2, 2, 13, 13)).shape), *NET)
    check.equal(found, (2, 4), "the scores of two pictures")
with check.case("gives the scores of these layers in evaluation mode", points=0.5):
    X = 4 * check.normal((3, 2, 13, 13))
    w, found = evaluated(X, *NET)
    wrong = {"a softmax follows the scores": scores_by_hand(w, X, (1, 2), nn.Softmax(1))}
    check.close(found, scores_by_hand(w, X, (1, 2)), known=wrong, atol=1e-5)
with check.case("nothing left of the picture: a ValueError; the defaults", points=0.5):
    check.raises(ValueError, vgg, ((1, 2), (1, 2), (1, 2)), 1, 7, 10, 3)
    inputs = asked(lambda v: v[8].in_features, ((1, 2),) * 7, hidden=3)
    check.equal(inputs, 2, "the default image size leaves one pixel of two channels")
    found = asked(lambda v: (v[0][0].in_channels, v[-1].out_features), ((1, 2),), image_size=2, hidden=3)
    check.equal(found, (1, 10), "in_channels and num_classes")
    hidden = check.on_meta(lambda: vgg(((1, 1),), image_size=2)[2].out_features)
    check.equal(hidden, 4096, "the default of hidden")
### BEGIN HIDDEN TESTS
with check.case("the same for other networks", points=0.5, hidden=True):
    for arch, c, size, classes in ((((2, 4),), 3, 9, 7), (((1, 2), (1, 5), (3, 4)), 1, 16, 2)):
        X = 4 * check.normal((2, c, size, size))
        check.equal(asked(len, arch, c, size, classes, hidden=5), len(arch) + 8)
        w, found = evaluated(X, arch, c, size, classes, hidden=5)
        check.close(found, scores_by_hand(w, X, [n for n, _ in arch]), atol=1e-5)
    check.equal(asked(lambda v: [one.p for one in v if isinstance(one, nn.Dropout)], *NET), [0.5, 0.5])
    check.raises(ValueError, vgg, ((1, 2), (1, 2)), 1, 3, 10, 3)
    check.equal(asked(lambda v: v[3].in_features, ((1, 2), (1, 2)), 1, 4, 10, 3), 2)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Numbers without a network: on torch's `meta` device, tensors have shapes and no memory. So a laptop can trace a
network with half a gigabyte of weights. Compare with your predictions:
"""


# %% tags=["experiment"]
my_vgg = cu.yours(vgg, instead=nets.vgg)
VGG_11 = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))
VGG_16 = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
with torch.device("meta"):
    large, X = my_vgg(VGG_11), torch.zeros(1, 1, 224, 224)
    for layer in large:
        X = layer(X)
        print(f"{type(layer).__name__:10}  {tuple(X.shape)!s:18} {count(layer):>11,} parameters")
    print(f"VGG-11: {count(large):,}")
    print(f"VGG-16, 3 channels, 1000 classes: {count(my_vgg(VGG_16, in_channels=3, num_classes=1000)):,}")

# %% [markdown]
r"""
The first dense layer has $25{,}088 \cdot 4{,}096 + 4{,}096 = 102{,}764{,}544$ parameters, more than all the rest
together. Does it also do most of the work? A convolution uses each of its weights once for each pixel of its output,
a dense layer uses each weight once. So count multiplications as weights × output pixels:
"""

# %% tags=["experiment"]
with torch.device("meta"):
    large, X = nets.vgg(VGG_11), torch.zeros(1, 1, 224, 224)
names, weights, work, floats = [], [], [], 0
for layer in (m for m in large.modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.MaxPool2d | nn.Flatten)):
    X = layer(X)
    if isinstance(layer, nn.Conv2d | nn.Linear):
        names.append(f"{'conv' if isinstance(layer, nn.Conv2d) else 'dense'} {len(names) + 1}")
        weights.append(count(layer))
        work.append(layer.weight.numel() * X[0, 0].numel())
        floats += X.numel() if isinstance(layer, nn.Conv2d) else 0


def draw_shares(ax):
    for i, (name, values) in enumerate({"parameters": weights, "multiplications": work}.items()):
        shares = [100 * v / sum(values) for v in values]
        ax.bar([k + 0.4 * i - 0.2 for k in range(11)], shares, 0.38, color=cu.plots.COLOURS[i], label=name)
    ax.set_xticks(range(11), names, rotation=40, ha="right", rotation_mode="anchor")
    ax.set(ylabel="share (%)", title="VGG-11: dense layers hold the parameters, convolutions do the work")
    ax.legend()


cu.plots.figure(
    draw_shares,
    alt="Two bars for each of eleven layers: parameters are nearly all in the first dense layer, multiplications in the "
    "convolutions",
)
print(f"dense layers: {sum(weights[8:]) / sum(weights):.1%} of {sum(weights):,} parameters")
print(f"dense layers: {sum(work[8:]) / sum(work):.1%} of {sum(work) / 1e9:.2f} billion multiplications")
print(f"outputs of the convolutions: {floats:,} numbers, {4 * floats / 1e6:.0f} MB for one picture")
with torch.device("meta"):
    narrow = nets.vgg([(n, c // 4) for n, c in VGG_11])
narrow_dense = sum(count(m) for m in narrow if isinstance(m, nn.Linear))
print(
    f"all channels divided by 4: {count(narrow):,} parameters, {narrow_dense / count(narrow):.1%} of them dense"
)
pooled = sum(weights[:8]) + 512 * 10 + 10
print(f"no dense layers, a 1x1 convolution to 10 channels and the mean of each: {pooled:,}")

# %% [markdown]
r"""
The last line is the remedy of *Network in Network* (2013): a 1×1 convolution makes one map for each class, and the
mean of each map is the score of its class. That leaves 9.2 million parameters in place of 128.8 million, needs no
`Flatten`, and takes pictures of other sizes as well. Many later networks end in
such a mean.

A garment of 28×28 pixels is too small for five blocks: 28 → 14 → 7 → 3 → 1, and the fifth leaves nothing. Enlarging it
to 224 would make each convolution 64 times as expensive and add no information. We take three blocks and few channels.
If you have a GPU, the last lines train the same code at 224 pixels, as a VGG-11 with a quarter of the channels. They
stop after 4,000 pictures. Ten epochs on the 60,000 of the real Fashion-MNIST take about a minute on a large GPU, an
NVIDIA H200. The test accuracy was then 0.92 in each of three trainings; the published number is 0.920.
"""

# %% tags=["experiment"]
my_vgg = cu.yours(vgg, instead=nets.vgg)
try:
    my_vgg(VGG_11, image_size=28)
except ValueError as error:
    print("28 pixels:", error)
cu.training.seed_everything(9)
small_vgg = he_init(my_vgg(((1, 8), (1, 16), (2, 32)), image_size=28, hidden=64))
history = cu.training.train_classifier(
    small_vgg,
    cu.data.BatchLoader(train_set.data[:4000], y_train, 64, shuffle=True),
    cu.data.BatchLoader(test_set.data[:1000], y_test, 500),
    num_epochs=4,
    optimizer=torch.optim.Adam(small_vgg.parameters(), lr=2e-3),
    live=False,
)
cu.plots.curves(
    {"training": history.train_accuracy, "test": history.test_accuracy},
    y="accuracy",
    title="A small VGG on 4,000 garments: dropout makes training look worse",
    alt="Accuracy over four epochs: the test curve lies above the training curve, and reaches more than 0.7",
)
print("parameters:", f"{count(small_vgg):,}", " test accuracy above 0.7:", history.test_accuracy[-1] > 0.7)
if torch.cuda.is_available():
    at_224 = he_init(my_vgg([(n, c // 4) for n, c in VGG_11])).cuda()
    optimizer = torch.optim.Adam(at_224.parameters(), lr=1e-4)
    for start in range(0, 4000, 100):
        X = F.interpolate(X_train[start : start + 100].cuda(), size=224)
        loss = F.cross_entropy(at_224(X), y_train[start : start + 100].cuda())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if start % 1000 == 0:
            print(f"224 pixels on the GPU, after {start:,} pictures: loss {loss.item():.2f}")

# %% [markdown]
r"""
The training accuracy is measured with dropout at work, the test accuracy without; so the test curve can be above.

## 4 What goes wrong in deep networks

From here on the networks have no dropout and no pooling, so that depth is the only difference: a 5×5 convolution with
stride 4 makes 7×7 maps, then 3×3 convolutions follow, 12 channels each. They start with weights from $N(0,
2/\text{fan-in})$ (`he_init` above; chapter 12 derives it). With torch's default weights, what tells one picture from
another shrinks to almost nothing in a network of this depth. Send 100 pictures through it, and after each convolution
and ReLU measure the cosine between the outputs for two pictures (chapter 1): 1 means the same direction. **Predict:**
does depth pull the pictures apart or together?
"""


# %%
def conv_net(norm=None, depth=16, channels=12, after=False, skip=False):
    """A net of `depth` convolutions for pictures (n, 1, 28, 28), with ten scores.

    norm: makes a layer from the number of channels, before the ReLU or, if `after`, after it.
    skip: each convolution but the first is x + F(x), and starts with F(x) = 0.
    """

    def unit(conv):
        norms = [] if norm is None else [norm(channels)]
        return [conv, nn.ReLU(), *norms] if after else [conv, *norms, nn.ReLU()]

    layers = unit(nn.Conv2d(1, channels, 5, stride=4, padding=2))
    for _ in range(depth - 1):
        more = unit(nn.Conv2d(channels, channels, 3, padding=1))
        layers += [Skip(more)] if skip else more
    return he_init(nn.Sequential(*layers, nn.Flatten(), nn.Linear(49 * channels, 10)))


class Skip(nn.Module):
    """x + F(x), where F is [convolution, batch norm, ReLU] and starts as 0."""

    def __init__(self, layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        nn.init.zeros_(self.layers[1].weight)

    def forward(self, X):
        return X + self.layers(X)


# %% tags=["experiment"]
alike = {}
for seed in (0, 1):
    torch.manual_seed(seed)
    net = conv_net()
    X, alike[f"seed {seed}"] = X_train[:100], []
    with torch.no_grad():
        for layer in net:
            X = layer(X)
            if isinstance(layer, nn.ReLU):
                unit = F.normalize(X.flatten(1), dim=1)
                alike[f"seed {seed}"].append((unit @ unit.T).mean().item())
cu.plots.curves(
    alike,
    x="convolution",
    y="mean cosine of two pictures",
    title="Deep in the network, pictures look more alike",
    alt="The mean cosine between the outputs for two pictures, after each of sixteen convolutions, for two seeds: it rises "
    "from about 0.6 to about 0.9, with dips on the way",
)
print("after the first convolution below 0.7:", all(values[0] < 0.7 for values in alike.values()))
print("after the last one above 0.8:", all(values[-1] > 0.8 for values in alike.values()))

# %% [markdown]
r"""
A ReLU gives no negative numbers, so each layer adds up values with a positive mean, and a large part of each sum is the
same for all pictures. Before any training, what tells a boot from a bag is then a small difference between large
numbers. And during training, each step of the lower layers shifts the inputs of all layers above.

**Batch normalisation** (2015) measures each channel over the batch and removes mean and scale. For $X$ (n, d), over the
$m = n$ examples; for $X$ (n, c, h, w), over the $m = nhw$ values of a channel:

$$\mu = \frac1m \sum_i x_i, \qquad \sigma^2 = \frac1m \sum_i (x_i - \mu)^2, \qquad
\hat x_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad y_i = \gamma \hat x_i + \beta .$$

$\mu, \sigma^2, \gamma$ and $\beta$ have one entry per channel: shape (c,), or (1, c, 1, 1) for broadcasting. $\gamma$
and $\beta$ are trained; with $\gamma = \sigma$ and $\beta = \mu$ they could undo the rest. $\epsilon$ prevents a
division by 0.

When the network is used, there may be a single picture and no batch. So training also keeps moving averages of $\mu$
and $\sigma^2$, the **running statistics**, and evaluation mode uses these.

## 5 Three mistakes in one function

Here is somebody's first try. It runs on pictures, but it has three mistakes. Two of them raise no error.
"""


# %%
def first_try(X, gamma, beta, moving_mean, moving_var, eps=1e-5, momentum=0.9):
    """Batch norm with three mistakes. gamma ... moving_var: (1, c, 1, 1), or (d,) for X (n, d)."""
    if not torch.is_grad_enabled():
        X_hat = (X - moving_mean) / torch.sqrt(moving_var + eps)
    else:
        if X.ndim == 2:
            mean = X.mean(dim=0)
            var = ((X - mean) ** 2).mean(dim=0)
        else:
            mean = X.mean(dim=(0, 2, 3), keepdim=True)
            var = ((X - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
            X_hat = (X - mean) / torch.sqrt(var + eps)
            moving_mean.mul_(momentum).add_((1 - momentum) * mean.detach())
            moving_var.mul_(momentum).add_((1 - momentum) * var.detach())
    return gamma * X_hat + beta, moving_mean, moving_var


# %% [markdown]
r"""
Try it on what a network meets: dense layers and convolutions; training, and evaluation with and without `no_grad`; a
caller who still needs the old statistics.

### Exercise 9.3: `batch_norm` &nbsp; (4 points, about 20 minutes, ★★★)

Write batch norm without the three mistakes. The mode is now an argument. Write the arithmetic: the check refuses
torch's own `batch_norm`.

<details><summary>Hint 1</summary>

Which lines should run for each number of axes, and which for one only? Look at the indentation. And what does the
question "does torch record a graph?" have to do with the question "are we training?"

<details><summary>Hint 2</summary>

Let `axes` be (0,) or (0, 2, 3), and `wide` the shape with which c numbers meet X: (1, d) or (1, c, 1, 1). Reshape what
comes in to `wide`, and what goes out to the shape it came in.

<details><summary>Hint 3</summary>

`mul_` and `add_` change the caller's tensors. Build new ones. `X.var(dim)` divides by m − 1 unless you tell it
otherwise.

</details></details></details>
"""


# %% exercise="batch_norm"
def batch_norm(X, gamma, beta, moving_mean, moving_var, eps=1e-5, momentum=0.9, training=True):
    """Batch normalisation, as a function.

    X: float (n, d) or (n, c, h, w); else a ValueError that says so. The other tensors have d or c entries, in the
    shape (c,) or (1, c, 1, 1). Returns (Y, new moving_mean, new moving_var).
    training=True: normalises by the mean and the biased variance (divided by m) of the batch; the new
    statistics are momentum * moving + (1 - momentum) * batch, without a graph, in the shape in which they came.
    training=False: normalises by moving_mean and moving_var, and returns them as they are. Nothing is changed in place.
    """
    ### BEGIN SOLUTION
    if X.ndim not in (2, 4):
        raise ValueError(f"batch_norm takes inputs with 2 or 4 axes, got {X.ndim}")
    axes, wide = ((0,), (1, -1)) if X.ndim == 2 else ((0, 2, 3), (1, -1, 1, 1))
    if training:
        mean, var = X.mean(axes), X.var(axes, unbiased=False)
        new_mean = mean.detach().reshape(moving_mean.shape)
        new_var = var.detach().reshape(moving_var.shape)
        moving_mean = momentum * moving_mean + (1 - momentum) * new_mean
        moving_var = momentum * moving_var + (1 - momentum) * new_var
    else:
        mean, var = moving_mean, moving_var
    X_hat = (X - mean.reshape(wide)) / torch.sqrt(var.reshape(wide) + eps)
    return gamma.reshape(wide) * X_hat + beta.reshape(wide), moving_mean, moving_var
    ### END SOLUTION


# %% test="batch_norm"
check.exercise("batch_norm", points=4)
FLAT, ROW, WIDE = ((6, 4), (4,)), ((2, 3, 4, 5), (3,)), ((2, 3, 4, 5), (1, 3, 1, 1))


def inputs(size, shape, **options):
    """X of this size, and gamma, beta, moving_mean, moving_var of this shape."""
    ends = (0.5, 2), (1, 3), (2, 4), (5, 9)
    return 2 + 3 * check.normal(size, **options), *(check.uniform(shape, *pair, **options) for pair in ends)


def called(*args, **options):
    """What the answer returns, if it is three things."""
    with check.without("torch.nn.functional.batch_norm", "torch.batch_norm"):
        found = check.unchanged(batch_norm, *args, **options)
    three = isinstance(found, tuple | list) and len(found) == 3
    check.that(three, "it should return Y, moving_mean, moving_var")
    return found


def output(size, shape):
    """The case of one kind of input."""
    X, gamma, beta, *old = inputs(size, shape)
    Y = called(X, gamma, beta, *old, eps=0.3, momentum=0.7)[0]

    def wrong():
        new = [a.flatten().lerp(b, 0.3) for a, b in zip(old, check.channel_statistics(X))]
        return check.wrong_in_training(X, gamma, beta, old, new, eps=0.3)

    check.close(Y, check.normed(X, gamma, beta, eps=0.3), f"gamma of shape {shape}", known=wrong, strict=True)


with check.case("training, (n, d): normalises each feature over the batch", points=0.75):
    output(*FLAT)
with check.case("training, (n, c, h, w): normalises each channel", points=0.75):
    output(*ROW)
    output(*WIDE)
with check.case("training: returns new moving statistics, in the old shape", points=1):
    for size, shape in (FLAT, ROW, WIDE):
        X, gamma, beta, *old = inputs(size, shape)
        mean, var = (t.reshape(shape) for t in check.channel_statistics(X))
        unbiased = check.channel_statistics(X, unbiased=True)[1].reshape(shape)
        _, *new = called(X, gamma, beta, *old, momentum=0.7)
        mv, slips = old[1], {"moving_mean and moving_var are exchanged": old[1].lerp(var, 0.3)}
        slips["the variance is the unbiased one; the biased one is asked for"] = mv.lerp(unbiased, 0.3)
        slips["these are averages of standard deviations; take variances"] = mv.lerp(var.sqrt(), 0.3)
        slips["eps is part of the moving variance"] = mv.lerp(var + 1e-5, 0.3)
        if len(size) == 4:
            apart = X.flatten(2).var(2, unbiased=False).mean(0).reshape(shape)
            slips["each picture has its own variance; take it over the batch as well"] = mv.lerp(apart, 0.3)
        for name, now, before, batch in zip(("moving_mean", "moving_var"), new, old, (mean, var)):
            how = "momentum is the weight of the old value, 1 - momentum that of the new"
            wrong = check.wrong_averages(name, before, batch, 0.3, 0.1, how)
            check.close(now, before.lerp(batch, 0.3), f"the new {name}", known={**wrong, **slips})
        kept = batch_norm(X.requires_grad_(), gamma, beta, *old)[1:]
        check.that(not any(t.requires_grad for t in kept), "the moving statistics carry a graph: detach them")
with check.case("evaluation: uses the moving statistics; with and without a graph", points=0.75):
    for size, shape in (WIDE, ((1, 2, 3, 3), (2,)), FLAT):
        X, gamma, beta, *old = inputs(size, shape)
        expected = check.normed(X, gamma, beta, *old)
        Y, *kept = called(X, gamma, beta, *old, training=False)
        wrong = check.wrong_in_evaluation(X, gamma, beta, old, "training")
        wrong["the default of eps is 1e-3; 1e-5 is asked for"] = check.normed(X, gamma, beta, *old, eps=1e-3)
        check.close(Y, expected, known=wrong, strict=True)
        for name, now, before in zip(("moving_mean", "moving_var"), kept, old):
            check.close(now, before, f"{name} should come back as it was")
    Y, new_mean, _ = torch.no_grad()(called)(X, gamma, beta, *old)
    wrong = {"it uses the moving statistics: the mode is `training`, not whether there is a graph": expected}
    check.close(Y, check.normed(X, gamma, beta), "training=True under no_grad", known=wrong)
    expected = old[0].lerp(check.channel_statistics(X)[0], 0.1)
    check.close(new_mean, expected, "training=True under no_grad, default momentum: the new moving_mean")
### BEGIN HIDDEN TESTS
with check.case("gradients, inputs with other axes, other sizes", points=0.75, hidden=True):
    X, gamma, beta, *old = inputs((5, 2, 3, 2), (2,), dtype=torch.float64)
    wrong = {"mean and variance get no gradient: they are detached too early": check.detached_norm}
    check.gradient(
        lambda X, gamma, beta: batch_norm(X, gamma, beta, *old)[0], check.normed, X, gamma, beta, known=wrong
    )
    bad = [torch.zeros(size) for size in ((4,), (2, 2, 4), (2, 2, 2, 2, 2))]
    for mode in (True, False):
        check.each_raises(ValueError, batch_norm, [(X, gamma, beta, *old, 1e-5, 0.9, mode) for X in bad])
    for size in ((9, 1), (3, 2), (1, 4, 3, 2), (4, 1, 2, 2)):
        X, gamma, beta, *old = inputs(size, size[1:2], dtype=torch.float64)
        Y, *new = called(X, gamma, beta, *old, eps=1e-3, momentum=0.2)
        check.close(Y, check.normed(X, gamma, beta, eps=1e-3), strict=True)
        for now, before, batch in zip(new, old, check.channel_statistics(X)):
            check.close(now, before.lerp(batch, 0.8))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
What does it do to the garments? And does it make the channels independent of each other?
"""


# %% tags=["experiment"]
def torch_norm(X, gamma, beta, moving_mean, moving_var, eps=1e-5, momentum=0.9, training=True):
    """Torch's own; its momentum is the weight of the new value."""
    mean, var = moving_mean.clone(), moving_var.clone()
    Y = F.batch_norm(X, mean, var, gamma, beta, training, 1 - momentum, eps)
    return Y, mean, var


my_norm = cu.yours(batch_norm, instead=torch_norm)
torch.manual_seed(1)
with torch.no_grad():
    maps = conv_net()[:9](X_train[:200])  # after four convolutions and ReLUs, and a fifth convolution
    normal = my_norm(maps, torch.ones(12), torch.zeros(12), torch.zeros(12), torch.ones(12))[0]


def draw_channels(left, right):
    for ax, values, name in ((left, maps, "before"), (right, normal, "after")):
        for channel in range(4):
            ax.hist(
                values[:, channel].flatten(),
                bins=60,
                histtype="step",
                color=cu.plots.COLOURS[channel],
                density=True,
                label=f"channel {channel}",
            )
        ax.set(xlabel="value", ylabel="density", title=f"{name} batch norm")
    left.legend()


cu.plots.figure(
    draw_channels,
    panels=2,
    alt="Histograms of four channels, before: different centres and widths; after: all centred on 0 with width 1",
)
flat = normal.transpose(0, 1).flatten(1)
print(
    "means all 0:",
    bool((flat.mean(1).abs() < 1e-3).all()),
    " variances all 1:",
    bool((flat.var(1) - 1).abs().max() < 0.01),
)
before, after = (torch.corrcoef(v.transpose(0, 1).flatten(1)) for v in (maps, normal))
print("correlations between channels before and after are equal:", torch.allclose(before, after, atol=1e-3))
print("largest between two channels is above 0.5:", bool((after - torch.eye(12)).abs().max() > 0.5))

# %% [markdown]
r"""
Mean 0 and variance 1 for each channel, and nothing else: the correlations between channels are unchanged, and the shape
of each histogram is the same. Batch norm does not make the data independent or identically distributed. In one
sense it does the opposite: it couples the examples, since each output depends on the whole batch.

## 6 A layer that remembers

A layer holds the function, its parameters and its running statistics. Torch's layer differs from exercise 9.3 in two
conventions, which have confused many readers of old code:

| | Exercise 9.3 (as in d2l) | `nn.BatchNorm2d` |
|---|---|---|
| new running value | momentum · old + (1 − momentum) · batch | (1 − momentum) · old + momentum · batch |
| default momentum | 0.9 | 0.1 |
| variance for the running value | biased, divided by m | unbiased, divided by m − 1 |
| variance for normalising | biased | biased |

**By hand:** the running variance starts at 1; a batch of two numbers, 0 and 2, arrives; momentum 0.1. The biased
variance is 1, the unbiased one 2. So torch has 0.9 · 1 + 0.1 · 2 = 1.1, and exercise 9.3 has 1.

And there is a trap in *where* the layer keeps its statistics. A copy of a model is saved, loaded, and asked again:
"""


# %%
class ForgetfulNorm(nn.Module):
    """Batch norm that keeps its statistics as plain attributes."""

    def __init__(self, num_features):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.mean, self.var = torch.zeros(num_features), torch.ones(num_features)

    def forward(self, X):
        if self.training:
            return F.batch_norm(X, self.mean, self.var, self.weight, self.bias, training=True)
        return F.batch_norm(X, self.mean, self.var, self.weight, self.bias)


first, second = ForgetfulNorm(3), ForgetfulNorm(3)
for _ in range(50):
    first(5 + 3 * torch.randn(64, 3))
second.load_state_dict(first.state_dict())
X = torch.full((1, 3), 5.0)
print("in the state dict:", list(first.state_dict()))
print("trained:", [round(v) for v in first.eval()(X)[0].tolist()])
print("loaded: ", [round(v) for v in second.eval()(X)[0].tolist()])

# %% [markdown]
r"""
`load_state_dict` did not complain, and the loaded model is wrong: `state_dict` holds parameters and **buffers**, not
plain attributes. `self.register_buffer("running_mean", tensor)` makes a buffer: it is saved, it moves with
`net.to(device)`, and no optimizer trains it.

### Exercise 9.4: `BatchNorm` &nbsp; (5 points, about 25 minutes, ★★★)

Write the layer so that it can replace torch's. Write the arithmetic here, too: the check refuses torch's own.

<details><summary>Hint 1</summary>

Four tensors of shape (num_features,): two parameters, two buffers. Which start as zeros, which as ones?

<details><summary>Hint 2</summary>

`self.training` says which mode the layer is in; `train()` and `eval()` set it. In training mode the update of the
buffers comes under `torch.no_grad()`, in place: `self.running_mean.mul_(...).add_(...)` or `lerp_`.

<details><summary>Hint 3</summary>

$m$ = `X.numel() / num_features` values belong to a channel. The unbiased variance is the biased one times m/(m − 1).
What happens for m = 1?

</details></details></details>
"""


# %% exercise="BatchNorm"
class BatchNorm(nn.Module):
    """Batch normalisation as nn.BatchNorm1d (num_dims=2) or nn.BatchNorm2d (num_dims=4).

    BatchNorm(num_features, num_dims, eps=1e-5, momentum=0.1). Input (n, c) or (n, c, h, w), c = num_features.
    Parameters weight (ones) and bias (zeros), buffers running_mean (zeros) and running_var (ones), all of shape (c,);
    nothing else is in the state_dict.
    Training mode: normalises by the batch (biased variance); running = (1 - momentum) * running + momentum * batch,
    with the unbiased variance. Evaluation mode: normalises by the running statistics and leaves them alone.
    A ValueError that says what is wrong: for another number of axes than num_dims, in both modes; for one value per
    channel in training mode, since one value has no variance.
    """

    def __init__(self, num_features, num_dims, eps=1e-5, momentum=0.1):
        super().__init__()
        ### BEGIN SOLUTION
        self.num_dims, self.eps, self.momentum = num_dims, eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        ### END SOLUTION

    def forward(self, X):
        ### BEGIN SOLUTION
        if X.ndim != self.num_dims:
            raise ValueError(f"expected an input with {self.num_dims} axes, got {X.ndim}")
        wide = (1, -1) + (1,) * (X.ndim - 2)
        mean, var = self.running_mean, self.running_var
        if self.training:
            m, axes = X.numel() // X.shape[1], (0, *range(2, X.ndim))
            if m < 2:
                raise ValueError("in training mode, a channel needs more than one value")
            mean, var = X.mean(axes), X.var(axes, unbiased=False)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var * m / (m - 1), self.momentum)
        X_hat = (X - mean.reshape(wide)) / torch.sqrt(var.reshape(wide) + self.eps)
        return self.weight.reshape(wide) * X_hat + self.bias.reshape(wide)
        ### END SOLUTION


# %% test="BatchNorm"
check.exercise("BatchNorm", points=5)
ENDS = {"weight": (0.5, 2), "bias": (1, 2), "running_mean": (2, 3), "running_var": (4, 6)}


def data(dims):  # dims; other values than at the start, by name; an input; the values once more
    values = {k: check.uniform((3,), *ends) for k, ends in ENDS.items()}
    return dims, values, 1 + 2 * check.normal((7, 3) if dims == 2 else (2, 3, 2, 4)), *values.values()


def used(dims, values, X, training=True, **options):  # what such a layer makes of X; what it then keeps
    with check.without("torch.nn.functional.batch_norm", "torch.batch_norm"):
        return check.unchanged(check.applied, lambda: BatchNorm(3, dims, **options), values, X, training)


def new_layer(X, num_dims, training=True):  # what it makes of X
    return check.made(lambda: BatchNorm(3, num_dims).train(training)(X))


def scaled(X, weight, bias):  # what a new layer makes of X with this weight and bias
    return check.made(torch.func.functional_call, BatchNorm(3, X.ndim), dict(weight=weight, bias=bias), X)


def ten_steps(dims, inputs, options):  # the outputs; the state_dict; what it then makes of one example
    layer = BatchNorm(3, dims, **options)
    return [layer(X.clone()) for X in inputs], layer.state_dict(), layer.eval()(inputs[-1][:1])


with check.case("keeps four tensors: two parameters and two buffers", points=1):
    state = check.made(lambda: BatchNorm(3, 2).state_dict())
    found = sorted(check.made(lambda: [name for name, _ in BatchNorm(3, 2).named_parameters()]))
    lost = "the state_dict lacks the running statistics: register_buffer saves them, unless persistent=False"
    check.equal(sorted(state), sorted(ENDS), "the names in the state_dict", known={lost: ["bias", "weight"]})
    check.that({"weight", "bias"} <= set(found), "weight and bias must be nn.Parameter, to be trained")
    saved = "the running statistics are parameters, so an optimizer trains them; make them buffers"
    check.equal(found, ["bias", "weight"], "the parameters", known={saved: sorted(ENDS)})
    for name, value in zip(ENDS, (1.0, 0.0, 0.0, 1.0)):
        check.close(state[name], torch.full((3,), value), f"the start of {name}")
with check.case("training mode: the output", points=1):
    for dims, values, X, w, b, *old in map(data, (2, 4)):
        new = [a.lerp(c, 0.1) for a, c in zip(old, check.channel_statistics(X, unbiased=True))]
        wrong = check.wrong_in_training(X, w, b, old, new, eps=0.2, names=("weight", "bias"))
        Y, _ = used(dims, values, X, eps=0.2)
        check.close(Y, check.normed(X, w, b, eps=0.2), f"{dims=}", known=wrong, atol=1e-5)
with check.case("training mode: the running statistics", points=1.25):
    for dims, values, X, _, _, *old in map(data, (2, 4)):
        n, batch, biased = len(X), check.channel_statistics(X, unbiased=True), check.channel_statistics(X)[1]
        _, kept = used(dims, values, X.clone().requires_grad_(), momentum=0.3)
        slips = {"running_var takes the unbiased variance, divided by m - 1": old[1].lerp(biased, 0.3)}
        slips["m counts the values of a channel, n x h x w"] = old[1].lerp(biased * n / (n - 1), 0.3)
        slips["the running variance averages standard deviations"] = old[1].lerp(batch[1].sqrt(), 0.3)
        for name, a, c in zip(("running_mean", "running_var"), old, batch):
            wrong = check.wrong_averages(name, a, c, 0.3, 0.1, "momentum is the weight of the new value")
            check.close(kept[name], a.lerp(c, 0.3), name, known={**wrong, **slips})
            check.that(not kept[name].requires_grad, "the averages carry a graph; update them under no_grad")
with check.case("evaluation mode: uses the running statistics, and keeps them", points=0.75):
    for dims, values, X, w, b, *old in map(data, (2, 4)):
        running, wrong = check.normed(X, w, b, *old), check.wrong_in_evaluation(X, w, b, old, "self.training")
        Y, kept = used(dims, values, X, training=False)
        check.close(Y, running, known=wrong, atol=1e-5)
        for name, value in values.items():
            check.close(kept[name], value, f"{name} has changed in evaluation mode")
        wrong = {"under no_grad it behaves as in evaluation mode: ask self.training": running}
        Y, _ = torch.no_grad()(used)(dims, values, X)
        check.close(Y, check.normed(X, w, b), "training mode under no_grad", known=wrong, atol=1e-5)
### BEGIN HIDDEN TESTS
with check.case("as torch's layer: ten steps, gradients, wrong inputs", points=1, hidden=True):
    wrong = {"mean and variance get no gradient: they are detached too early": check.detached_norm}
    for dims, size, kind in ((2, (5, 3), nn.BatchNorm1d), (4, (3, 3, 2, 2), nn.BatchNorm2d)):
        own = {"eps": 1e-2, "momentum": 0.4} if dims == 4 else {}
        steps, twin = [step + check.normal(size) for step in range(10)], kind(3, **own)
        outputs, state, last = check.made(ten_steps, dims, steps, own)
        check.close(torch.stack(outputs), torch.stack([twin(X) for X in steps]), atol=1e-4)
        for name in ("running_mean", "running_var"):
            check.close(state[name], twin.state_dict()[name], name, rtol=1e-4)
        check.close(last, twin.eval()(steps[-1][:1]), atol=1e-4)
        check.gradient(scaled, check.normed, steps[0], *data(dims)[3:5], known=wrong, rtol=1e-3, atol=1e-4)
    bad = (2, (2, 3, 4, 4)), (4, (5, 3)), (4, (2, 3, 4)), (2, (2, 3, 4))
    check.each_raises(ValueError, new_layer, [(torch.zeros(s), d, m) for d, s in bad for m in (True, False)])
    for dims, one in ((2, torch.ones(1, 3)), (4, torch.ones(1, 3, 1, 1))):
        check.raises(ValueError, new_layer, one, dims)
        check.close(new_layer(one, dims, training=False), one, atol=1e-4)
        check.gradient(lambda X: new_layer(X, dims, training=False), torch.clone, one, rtol=1e-4)
    X, one = check.normal((2, 3)), torch.ones(1, 3, 2, 2)
    check.close(new_layer(X, 2), nn.BatchNorm1d(3)(X), "two values per channel are enough", atol=1e-4)
    check.close(new_layer(one, 4), 0 * one, "one picture of four pixels has a variance")
### END HIDDEN TESTS
check.score()


# %% [markdown]
r"""
**A good place to stop.** What follows puts your layer into deep networks.

## 7 What batch norm does to a deep network

Sixteen convolutions, 80 steps of SGD, three networks: plain; with batch norm before each ReLU (your layer, once it
passes its checks); and with batch norm in **skip connections**, where a unit computes $x + F(x)$. There, the last
scale $\gamma$ starts at 0, so that $F(x) = 0$ and each unit begins as the identity. Each network gets three learning
rates, and its best one on the *validation* pictures counts.
"""

# %% tags=["experiment"]
my_layer = cu.yours(BatchNorm, instead=lambda c, dims: nn.BatchNorm2d(c))


def my_norm_2d(channels):
    return my_layer(channels, 4)


plans = {
    "plain": ({}, (0.01, 0.03, 0.1)),
    "batch norm": ({"norm": my_norm_2d}, (0.03, 0.1, 0.3)),
    "batch norm and skip": ({"norm": nn.BatchNorm2d, "skip": True}, (0.1, 0.3, 1.0)),
}
by_rate, best = {}, {}
for name, (options, rates) in plans.items():
    found = []
    for lr in rates:
        torch.manual_seed(1)
        net = conv_net(**options)
        run_steps(net, lr, 80, batch_size=32)
        net.eval()
        found.append((accuracy(net, X_valid, y_valid), lr, net))
    by_rate[name] = [a for a, _, _ in found]
    best[name] = max(found, key=lambda entry: entry[0])
cu.plots.curves(
    by_rate,
    xs={name: rates for name, (_, rates) in plans.items()},
    x="learning rate",
    y="validation accuracy",
    log_x=True,
    marker="o",
    title="Batch norm allows larger rates, and skip connections larger ones still",
    alt="Validation accuracy against learning rate for three networks: plain falls off at 0.1, batch norm is best "
    "there, and skip connections are ahead at each rate",
)
score = {name: accuracy(net, X_test, y_test) for name, (_, _, net) in best.items()}
print("best rate of skip > best rate of plain:", best["batch norm and skip"][1] > best["plain"][1])
print("test accuracy: with skip > plain:", score["batch norm and skip"] > score["plain"])
print("plain at rate 0.1 stays below 0.4:", by_rate["plain"][-1] < 0.4)

# %% [markdown]
r"""
The plain network is best at a small rate, and at 0.1 it hardly learns. Batch norm moves the best rate up and is well
ahead. With skip connections the network is best of all, and a rate of 0.3 does it no harm. (One run each: look at the
large differences.) $x + F(x)$ is the idea of ResNets (2015), and hardly more than one line.

**Is batch norm a cure for exploding gradients?** Look before any training. **Predict:** how large is the gradient of
an early layer's weights, compared with the last layer's, for 16 and for 32 convolutions?
"""

# %% tags=["experiment"]
ratios = {}
for depth in (16, 32):
    for name, norm in (("plain", None), ("batch norm", nn.BatchNorm2d)):
        torch.manual_seed(0)
        net = conv_net(norm, depth)
        F.cross_entropy(net(X_train[:64]), y_train[:64]).backward()
        norms = [m.weight.grad.norm().item() for m in net if isinstance(m, nn.Conv2d)]
        ratios[f"{name}, {depth}"] = norms[0] / norms[-1]
cu.plots.bars(
    list(ratios.values()),
    labels=list(ratios),
    y="first / last gradient norm",
    title="Before training, batch norm makes early gradients explode",
    alt="Four bars: the ratio of the gradient norms is near 1 for plain networks, and larger with batch norm: several for 16 "
    "convolutions, dozens for 32",
)
print("32 convolutions with batch norm: ratio above 20:", ratios["batch norm, 32"] > 20)

# %% [markdown]
r"""
The good start of $N(0, 2/\text{fan-in})$ keeps the plain gradients level; batch norm at the start makes early ones
*larger*, more so with each layer. It helps training all the same: after the first steps the scales adapt, for a
reason that section 8 derives. "Batch norm cures vanishing and exploding gradients" is too simple; skip connections do
more for that. Its authors had another explanation: it keeps the distribution of each layer's inputs steady while the
layers below change ("internal covariate shift"). This is disputed: Santurkar and others (2018) added random shifts
after each batch norm, and training was hardly worse.

**Which part helps?** Take a network of 10 convolutions, and leave something out. The mode stays "training" for the
measurement, so that the variants without running statistics can be compared:
"""


# %% tags=["experiment"]
class Part(nn.Module):
    """Batch norm with only its mean, or only its scale."""

    def __init__(self, part):
        super().__init__()
        self.part = part

    def forward(self, X):
        if self.part == "mean":
            return X - X.mean((0, 2, 3), keepdim=True)
        return X / (X.var((0, 2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()


variants = {
    "before ReLU": (nn.BatchNorm2d, False),
    "after ReLU": (nn.BatchNorm2d, True),
    "no gamma, beta": (lambda c: nn.BatchNorm2d(c, affine=False), False),
    "scale only": (lambda c: Part("scale"), False),
    "mean only": (lambda c: Part("mean"), False),
}
results = []
for norm, after in variants.values():
    found = []
    for lr in (0.03, 0.1):
        torch.manual_seed(0)
        net = conv_net(norm, 10, after=after)
        run_steps(net, lr, 60, batch_size=32)
        found.append((accuracy(net, X_valid, y_valid), net))
    results.append(accuracy(max(found, key=lambda entry: entry[0])[1], X_test, y_test))
cu.plots.bars(
    results,
    labels=list(variants),
    y="test accuracy",
    title="Before or after the ReLU matters little; scale or mean alone do less",
    alt="Five bars of test accuracy, each at its better rate of two: the first three are close, scale only and mean only "
    "are lower",
)
print("mean only is more than 0.02 below the best:", max(results) - results[-1] > 0.02)

# %% [markdown]
r"""
One run for each: do not read much into a point or two. Networks put batch norm before the ReLU mostly by habit.

## 8 The gradient, and a built-in brake

$\mu$ and $\sigma$ depend on all values of the channel, so the gradient goes through them. For one channel with $m$
values, let $g_i = \partial L/\partial y_i$ arrive, and write $\sigma$ for $\sqrt{\sigma^2 + \epsilon}$,
$\overline{g}$ for a mean over $i$.

1. $\hat x_j = (x_j - \mu)/\sigma$, with $\partial\mu/\partial x_i = 1/m$ and $\partial\sigma/\partial x_i = \hat
   x_i/m$.
2. So $\partial \hat x_j / \partial x_i = \frac{1}{\sigma}\left(\delta_{ij} - \frac1m - \frac{\hat x_j \hat
   x_i}{m}\right)$, where $\delta_{ij}$ is 1 for $i = j$ and 0 otherwise.
3. $\partial L/\partial x_i = \gamma \sum_j g_j\, \partial\hat x_j/\partial x_i$.
4. Insert line 2: $\;\displaystyle\frac{\partial L}{\partial x_i} = \frac{\gamma}{\sigma}\left(g_i - \overline{g} - \hat
   x_i\, \overline{g \hat x}\right).$

Batch norm removes from the gradient its mean and its part along $\hat x$. Two consequences, which can be predicted:

- **A bias before batch norm gets no gradient.** The bias $b$ adds the same to all $x_i$; its gradient is $\sum_i
  \partial L/\partial x_i = 0$, as $\sum_i \hat x_i = 0$. Write `bias=False`; $\beta$ does the job.
- **The scale of the weights does not matter.** If a layer's weights $w$ become $\alpha w$ with $\alpha > 0$, the next
  batch norm divides $\alpha$ out: $L(\alpha w) = L(w)$, up to the small $\epsilon$. The derivative for $\alpha$ at 1 is
  $w \cdot \nabla_w L = 0$: the gradient is perpendicular to the weights. By Pythagoras a step of plain SGD gives $\|w -
  \eta\nabla\|^2 = \|w\|^2 + \eta^2\|\nabla\|^2$. Without weight decay, a pull towards 0 (chapter 6), the weights can only grow. And since $\nabla
  L(\alpha w) = \nabla L(w)/\alpha$, larger weights have smaller gradients: the *relative* step is proportional to
  $\eta/\|w\|^2$. A rate that is too large makes the weights grow until it is small enough. This is the brake.
"""

# %%
torch.manual_seed(3)
conv, norm, readout = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(64, 10)
X, y = torch.randn(32, 3, 6, 6), torch.randint(10, (32,))
x = conv(X)
x.retain_grad()
out = norm(x)
out.retain_grad()
F.cross_entropy(readout(out.relu().flatten(1)), y).backward()

g, sigma = out.grad, (x.var((0, 2, 3), unbiased=False, keepdim=True) + norm.eps).sqrt()
x_hat = (x - x.mean((0, 2, 3), keepdim=True)) / sigma
by_formula = (g - g.mean((0, 2, 3), keepdim=True) - x_hat * (g * x_hat).mean((0, 2, 3), keepdim=True)) / sigma
print("formula of line 4:", torch.allclose(x.grad, by_formula, atol=1e-6))
print("bias gradient / weight gradient < 1e-5:", bool(conv.bias.grad.norm() < 1e-5 * conv.weight.grad.norm()))

w, dw = conv.weight.detach().clone(), conv.weight.grad.clone()
cosine = (w * dw).sum() / (w.norm() * dw.norm())
print("cosine between w and its gradient < 1e-3:", bool(cosine.abs() < 1e-3))
print(
    "predicted and measured norm agree:",
    torch.allclose((w - dw).norm() ** 2, w.norm() ** 2 + dw.norm() ** 2, rtol=1e-3),
)
with torch.no_grad():
    conv.weight.mul_(10)
conv.zero_grad()
F.cross_entropy(readout(norm(conv(X)).relu().flatten(1)), y).backward()
print("weights times 10, gradient times", round((conv.weight.grad.norm() / dw.norm()).item(), 2))

# %% [markdown]
r"""
## 9 Two modes, two functions

**Try it.** A channel delivers values with mean 5 and standard deviation 3, in batches of 8. The running mean starts
at 0, the running variance at 1. After some steps the network is switched to evaluation mode: what mean and standard
deviation do its outputs have there? In training mode they are 0 and 1. *Goal: with at most 30 steps, bring the
evaluation mean to within 0.1 of 0, and the standard deviation to within 0.1 of 1.* Then try momentum 1, and explain
what you see.
"""


# %% jupyter={"source_hidden": true}
def draw_running(ax, momentum, steps):
    """Draw the running statistics over the steps. Returns a comment on the outputs in evaluation mode."""
    batches = 5 + 3 * torch.randn(100, 8, generator=torch.Generator().manual_seed(2))
    mean, var, means, deviations = 0.0, 1.0, [0.0], [1.0]
    for batch in batches[:steps]:
        mean += momentum * (batch.mean().item() - mean)
        var += momentum * (batch.var().item() - var)
        means.append(mean)
        deviations.append(math.sqrt(var))
    for i, (values, true, name) in enumerate(
        ((means, 5, "running mean"), (deviations, 3, "root of running variance"))
    ):
        ax.plot(values, color=cu.plots.COLOURS[i], label=name)
        ax.axhline(true, color=cu.plots.COLOURS[i], linestyle=":")
    ax.set(
        xlabel="step",
        ylabel="value",
        xlim=(0, 100),
        ylim=(-0.3, 8),
        title="Running statistics (dotted: the true values)",
    )
    ax.legend(loc="upper right")
    shift, spread = (5 - mean) / deviations[-1], 3 / deviations[-1]
    said = f"In evaluation mode, outputs have mean {shift:.2f} and standard deviation {spread:.2f}."
    reached = steps <= 30 and abs(shift) <= 0.1 and abs(spread - 1) <= 0.1
    return said + (" Goal reached." if reached else "")


cu.demo.explore(
    draw_running,
    momentum=ipywidgets.FloatSlider(value=0.02, min=0.02, max=1, step=0.02),
    steps=ipywidgets.IntSlider(value=10, min=1, max=100),
    alt="Running mean and the root of the running variance over the steps, with dotted lines at the true values 5 and 3",
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_running(ax, 0.1, 60),
    alt="Momentum 0.1: the running mean climbs from 0 to about 5 within 40 steps, the root of the running variance from 1 "
    "to about 3, and both wobble a little",
)

# %% [markdown]
r"""
With a small momentum the running statistics lag behind; with a large one they follow the noise of the last batches.
After one step with momentum 0.1, the running mean is a tenth of the batch's. Batch norm is sometimes said to give the
network the same distribution in training and testing. In fact it creates a difference that was not there: two modes,
two functions. They agree as far as the running statistics fit the batches.

**The remedy for stale statistics:** compute them freshly. With `momentum=None` torch averages all batches of one pass
equally:
"""


# %% tags=["experiment"]
def fresh_statistics(net, X, batch_size=100):
    """Replace the running statistics by the means over one pass through X, without training."""
    layers = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    net.train()
    with torch.no_grad():
        for batch in X.split(batch_size):
            net(batch)
    for layer in layers:
        layer.momentum = 0.1


rows = {"moving average": [], "one fresh pass": []}
stops = (1, 3, 10, 30, 100)
for num_steps in stops:
    torch.manual_seed(1)
    net = conv_net(nn.BatchNorm2d, 6)
    run_steps(net, 0.1, num_steps)
    net.eval()
    rows["moving average"].append(accuracy(net, X_valid, y_valid))
    fresh_statistics(net, X_train[:1000])
    net.eval()
    rows["one fresh pass"].append(accuracy(net, X_valid, y_valid))
cu.plots.curves(
    rows,
    xs=stops,
    x="training steps",
    y="validation accuracy",
    log_x=True,
    marker="o",
    title="Fresh statistics help when training was short",
    alt="Validation accuracy after 1 to 100 steps: the curve with fresh statistics is above or level with the other, and they meet "
    "at the end",
)
print(
    "after 100 steps the two differ by less than 0.05:",
    abs(rows["moving average"][-1] - rows["one fresh pass"][-1]) < 0.05,
)

# %% [markdown]
r"""
**The forgotten `eval()`.** Train a network, and measure its test accuracy in training mode, with batches of 100.
**Predict** what happens if (1) the test pictures come in random order, (2) they are sorted by class, so that a batch
holds one kind of garment.
"""

# %% tags=["experiment"]
torch.manual_seed(1)
deep = conv_net(nn.BatchNorm2d, 12)
losses = run_steps(deep, 0.1, 150)
by_class = y_test.argsort(stable=True)
measured = {}
for mode in ("eval()", "train()"):
    for order, rows in (("random", torch.arange(1000)), ("by class", by_class)):
        net = copy.deepcopy(deep).train(mode == "train()")
        measured[f"{mode}, {order}"] = accuracy(net, X_test[rows], y_test[rows], 100)
cu.plots.bars(
    list(measured.values()),
    labels=list(measured),
    y="test accuracy",
    title="Your answer depends on your neighbours, if you forget eval()",
    alt="Four bars: evaluation mode gives the same for both orders, training mode about as much for random order, and less "
    "for pictures sorted by class",
)
print(
    "eval(): the order does not matter:",
    abs(measured["eval(), random"] - measured["eval(), by class"]) < 0.002,
)
print(
    "train(): sorted is worse by more than 0.03:",
    measured["train(), random"] - measured["train(), by class"] > 0.03,
)
deep.eval()
with torch.no_grad():
    alone, among = deep(X_test[:1]), deep(X_test[:50])[:1]
print("eval(): alone as among others:", torch.allclose(alone, among, atol=1e-3))
try:
    nn.BatchNorm1d(3).train()(torch.ones(1, 3))
except ValueError as error:
    print("train(), one example:", str(error).split(", got")[0])

# %% [markdown]
r"""
On shuffled batches the bug is invisible. It shows when a user sends pictures of one kind.
`torch.no_grad()` does not help: it stops the recording of the graph and leaves the mode alone. A layer that looks at
the graph to find out its mode, as in section 5, gives other results as soon as somebody forgets `no_grad`, or adds it
to save memory.

**Small batches.** A channel averages over batch × height × width values, so convolutions cope with small batches
better than dense layers do. Still, the statistics of two pictures are noisy, and the noise depends on the neighbours.
(In training a little of this noise does no harm: it regularises, as dropout does.) Other norms do not use the batch at
all.

## 10 Which numbers share a mean?

Every norm of this kind subtracts a mean and divides by a standard deviation. They differ in the set of numbers over
which these are taken:
"""


# %% tags=["experiment"]
def draw_groups(*axes):
    groups = {
        "batch norm": lambda n, c: c == 1,
        "layer norm": lambda n, c: n == 1,
        "group norm, 2 groups": lambda n, c: (n == 1) & (c < 3),
        "instance norm": lambda n, c: (n == 1) & (c == 1),
    }
    n, c = torch.meshgrid(torch.arange(5), torch.arange(6), indexing="ij")
    for ax, (name, group) in zip(axes, groups.items(), strict=True):
        ax.imshow(group(n, c).float(), cmap="Blues", vmin=0, vmax=1.4)
        ax.set_xticks([x - 0.5 for x in range(1, 6)], labels=[])
        ax.set_yticks([y - 0.5 for y in range(1, 5)], labels=[])
        ax.grid(color="grey", linewidth=0.6)
        ax.set(xlabel="channel", ylabel="example", title=name)


cu.plots.figure(
    draw_groups,
    panels=4,
    width=9.0,
    height=2.4,
    alt="Four tables of examples by channels, with the cells that share a mean in blue: a column for batch norm, a row for layer "
    "norm, half a row for group norm, one cell for instance norm",
)
X = torch.randn(4, 6)
layer_norm = nn.LayerNorm(6)
print("layer norm: alone as among others:", torch.allclose(layer_norm(X)[:1], layer_norm(X[:1])))
print("LN(3x) = LN(x):  ", torch.allclose(layer_norm(3 * X), layer_norm(X), atol=1e-4))
print("LN(-3x) = -LN(x):", torch.allclose(layer_norm(-3 * X), -layer_norm(X), atol=1e-4))
small = {}
for name, norm in {"batch norm": nn.BatchNorm2d, "group norm": lambda c: nn.GroupNorm(4, c)}.items():
    found = []
    for lr in (0.01, 0.03):
        torch.manual_seed(0)
        net = conv_net(norm, 6)
        run_steps(net, lr, 250, batch_size=2)
        net.eval()
        found.append((accuracy(net, X_valid, y_valid), net))
    small[name] = accuracy(max(found, key=lambda entry: entry[0])[1], X_test, y_test)
print("batches of two pictures: both norms reach more than 0.5:", min(small.values()) > 0.5)

# %% [markdown]
r"""
Each cell stands for the h × w values of a channel of an example. Layer norm has no running statistics and no
difference between the modes. It removes a *positive* factor; a negative one changes the sign. In this short test with
two pictures per batch, batch norm still trains: each mean is over 98 values. For large networks with one or two
pictures per device, group norm is the usual choice.

## 11 Fuse it

In evaluation mode, batch norm is a fixed affine map per channel, and a convolution before it is affine as well. Two
affine maps in a row are one. For output channel $k$, with the convolution's weights $W_k$ (c_in, kh, kw) and bias
$b_k$:

$$\gamma_k\,\frac{(W_k * X + b_k) - \mu_k}{\sqrt{\sigma_k^2 + \epsilon}} + \beta_k = W'_k * X + b'_k .$$

**Derive** $W'_k$ and $b'_k$ on paper.

### Exercise 9.5: `fuse_conv_bn` &nbsp; (3 points, about 12 minutes, ★★☆)

<details><summary>Hint 1</summary>

Let $s_k = \gamma_k/\sqrt{\sigma_k^2 + \epsilon}$. What multiplies $W_k * X$? What is left, without $X$?

<details><summary>Hint 2</summary>

A copy (`copy.deepcopy`) of the convolution already has the right stride, padding, groups and dilation. Give it a new
weight and a new bias, as `nn.Parameter`. A weight has the shape (c_out, c_in / groups, kh, kw): which axis belongs to
$k$? What if `conv.bias` or `bn.weight` is None?

</details></details>
"""


# %% exercise="fuse_conv_bn"
def fuse_conv_bn(conv, bn):
    """One convolution that does the work of conv and then bn, in evaluation mode.

    conv: nn.Conv2d, any stride, padding, groups and dilation, with or without bias. bn: nn.BatchNorm2d for
    conv.out_channels, with or without affine (then weight and bias are None), in either mode.
    Returns a new nn.Conv2d with bias; conv and bn are unchanged.
    """
    ### BEGIN SOLUTION
    scale = 1 / torch.sqrt(bn.running_var + bn.eps)
    if bn.weight is not None:
        scale = scale * bn.weight
    bias = -bn.running_mean if conv.bias is None else conv.bias - bn.running_mean
    bias = scale * bias
    if bn.bias is not None:
        bias = bias + bn.bias
    fused = copy.deepcopy(conv)
    fused.weight = nn.Parameter((conv.weight * scale.reshape(-1, 1, 1, 1)).detach())
    fused.bias = nn.Parameter(bias.detach())
    return fused
    ### END SOLUTION


# %% test="fuse_conv_bn"
check.exercise("fuse_conv_bn", points=3)


def pair(*sizes, affine=True, **options):
    """A convolution and a batch norm that has already seen something."""
    conv, bn = nn.Conv2d(*sizes, **options), nn.BatchNorm2d(sizes[1], eps=0.2, affine=affine)
    conv.load_state_dict({k: check.normal(v.shape) for k, v in conv.state_dict().items()})
    for value in bn.state_dict().values():
        if value.ndim:
            value.copy_(check.uniform(value.shape, 0.5, 3))
    if affine:
        bn.weight.data[::2].neg_()
    return conv.eval(), bn.eval()


def fused_by(conv, bn, X, scale=None, shift=None):
    """conv without its bias, scaled and shifted per channel: what a mistake gives."""
    Y = F.conv2d(X, conv.weight, None, conv.stride, conv.padding, conv.dilation, conv.groups)
    return (Y * scale.reshape(-1, 1, 1) + shift.reshape(-1, 1, 1)).detach()


def mistakes(conv, bn, X):
    """What usual mistakes make of X, by their sentences."""
    s, mean, b = bn.weight / (bn.running_var + bn.eps).sqrt(), bn.running_mean, conv.bias
    plain, bare = bn.weight / bn.running_var.sqrt(), s / bn.weight
    small, square = bn.weight / (bn.running_var + 1e-5).sqrt(), bn.weight / (bn.running_var + bn.eps)
    pairs = {"the bias of the convolution is lost; it is scaled, too": (s, bn.bias - s * mean)}
    pairs["the bias of the convolution must be scaled, too"] = s, b - s * mean + bn.bias
    pairs["the running mean must be scaled, too"] = s, s * b - mean + bn.bias
    pairs["the running mean is added; subtract it"] = s, s * (b + mean) + bn.bias
    pairs["the running mean is missing"] = s, s * b + bn.bias
    pairs["the bias of bn is missing"] = s, s * (b - mean)
    pairs["the bias of bn is not scaled: it comes last"] = s, s * (b - mean + bn.bias)
    pairs["eps is missing; take bn.eps"] = plain, plain * (b - mean) + bn.bias
    pairs["eps is fixed at 1e-5; take bn.eps"] = small, small * (b - mean) + bn.bias
    words = "divide by the standard deviation, not by the variance"
    pairs[words] = square, square * (b - mean) + bn.bias
    pairs["the weight of bn is missing"] = bare, bare * (b - mean) + bn.bias
    pairs["the weights are not scaled, only the bias"] = torch.ones(4), s * (b - mean) + bn.bias
    pairs["the bias is not changed, only the weights"] = s, b
    wrong = {words: fused_by(conv, bn, X, *pair) for words, pair in pairs.items()}
    return {**wrong, "this is the convolution as it was": conv(X).detach()}


with check.case("gives what conv and bn give in evaluation mode", points=1.5):
    (conv, bn), X = pair(2, 4, 3), check.normal((3, 2, 6, 5))
    old = copy.deepcopy((conv, bn))
    expected, fused = bn(conv(X)).detach(), fuse_conv_bn(conv, bn)
    check.that(isinstance(fused, nn.Conv2d), "a single nn.Conv2d is asked for")
    check.that(fused.bias is not None, "the fused convolution has no bias")
    check.close(fused(X), expected, known=lambda: mistakes(*old, X), atol=1e-4)
with check.case("conv without bias, bn without affine; conv and bn stay as they are", points=1):
    for affine, bias in ((True, False), (False, True), (False, False)):
        (conv, bn), X = pair(2, 4, 3, affine=affine, bias=bias), check.normal((3, 2, 6, 5))
        before = [v.clone() for m in (conv, bn) for v in m.state_dict().values()]
        expected, fused = bn(conv(X)).detach(), fuse_conv_bn(conv, bn)
        check.that(fused is not conv, "this is the old convolution, changed; make a new one")
        after = [v for m in (conv, bn) for v in m.state_dict().values()]
        same = len(before) == len(after) and all(torch.equal(a, c) for a, c in zip(before, after))
        check.that(same, "conv or bn has been changed; work on a deep copy")
        wrong = {}
        if not affine:
            maps, mean = conv(X).detach(), bn.running_mean.reshape(-1, 1, 1)
            wrong["without weight and bias, bn still subtracts the mean and divides"] = maps
            wrong["without weight and bias, bn still divides by the standard deviation"] = maps - mean
        check.close(fused(X), expected, f"affine={affine}, bias={bias}", known=wrong, atol=1e-4)
        fused.weight.data.zero_()
        check.that(
            bool(conv.weight.abs().sum() > 0), "the fused convolution shares the memory of conv's weight"
        )
### BEGIN HIDDEN TESTS
with check.case("stride, padding, groups, dilation; bn in training mode", points=0.5, hidden=True):
    for sizes, options in (
        ((4, 6, (3, 2)), {"stride": (2, 1), "padding": (1, 2)}),
        ((4, 4, 3), {"groups": 4, "padding": "same"}),
        ((4, 8, 3), {"groups": 2, "dilation": 2, "bias": False}),
    ):
        (conv, bn), X = pair(*sizes, **options), check.normal((2, 4, 9, 8), dtype=torch.float64)
        # In float64, for the first float32 convolutions of such kinds take long.
        expected = copy.deepcopy(bn).double()(copy.deepcopy(conv).double()(X))
        fused = fuse_conv_bn(conv, bn.train())
        check.close(fused.double()(X), expected, str(options), atol=1e-4)
        check.that(bn.training, "bn should stay in the mode in which it was")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
At work on the network of section 9, with 12 convolutions:
"""


# %% tags=["experiment"]
def torch_fuse(conv, bn):
    """Torch's own, which wants both in evaluation mode."""
    return torch.nn.utils.fusion.fuse_conv_bn_eval(copy.deepcopy(conv).eval(), copy.deepcopy(bn).eval())


my_fuse = cu.yours(fuse_conv_bn, instead=torch_fuse)
layers = list(deep.eval())
fast = nn.Sequential(
    *(
        my_fuse(layer, following) if isinstance(following, nn.BatchNorm2d) else layer
        for layer, following in zip(layers, [*layers[1:], None])
        if not isinstance(layer, nn.BatchNorm2d)
    )
)
with torch.no_grad():
    print("same scores:", torch.allclose(fast(X_test), deep(X_test), atol=1e-3))
print(f"layers: {len(deep)} -> {len(fast)}, parameters: {count(deep):,} -> {count(fast):,}")


def milliseconds(net):
    with cu.training.Timer() as timer, torch.no_grad():
        net(X_test)
    return 1000 * timer.seconds


times = [(milliseconds(deep), milliseconds(fast)) for _ in range(5)]
cu.plots.bars(
    [min(pair) for pair in zip(*times)],
    labels=["with batch norm", "fused"],
    y="time for 1,000 pictures (ms)",
    title="The fused network is faster",
    alt="Two bars: the fused network needs less time for 1,000 pictures than the network with batch norm",
)

# %% [markdown]
r"""
Same scores, a third of the layers gone, and the parameters of batch norm with them: while it trains, batch norm
*adds* two parameters per channel. Networks are usually fused before they go onto a phone or a camera.

## 12 Two cheap layers for an expensive one

A convolution does two things at once: it looks at neighbours, and it mixes channels. **Depthwise separable**
convolution does one after the other. The *depthwise* convolution has one k×k kernel for each channel
(`groups=in_channels`); the *pointwise* 1×1 convolution mixes the channels at each pixel. **Predict** on paper,
without biases: what share of the weights of a k×k convolution from $c_{in}$ to $c_{out}$ channels is left?

$$\frac{k^2 c_{in} + c_{in} c_{out}}{k^2 c_{in} c_{out}} = \frac{1}{c_{out}} + \frac{1}{k^2} .$$

For k = 3, 128 channels in and 256 out: 0.115, nearly nine times fewer.

### Exercise 9.6: `depthwise_separable` &nbsp; (2 points, about 6 minutes, ★☆☆)

<details><summary>Hint 1</summary>

With `groups=g`, a convolution splits the channels into g groups, and each group sees only itself. How many groups
does the depthwise convolution need?

<details><summary>Hint 2</summary>

Which padding keeps the size, for kernels of size 3, 5, 7?

</details></details>
"""


# %% exercise="depthwise_separable"
def depthwise_separable(in_channels, out_channels, kernel_size):
    """A depthwise convolution, then a pointwise one, with nothing in between.

    kernel_size: odd int. Both convolutions have biases; the first keeps the number of channels.
    Returns an nn.Sequential of two nn.Conv2d: float (n, in_channels, h, w) -> (n, out_channels, h, w).
    """
    ### BEGIN SOLUTION
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, kernel_size, padding=kernel_size // 2, groups=in_channels),
        nn.Conv2d(in_channels, out_channels, kernel_size=1),
    )
    ### END SOLUTION


# %% test="depthwise_separable"
check.exercise("depthwise_separable", points=2)
with check.case("two convolutions with weights of the right shapes", points=1):
    net = depthwise_separable(3, 5, 3)
    check.that(isinstance(net, nn.Sequential), "an nn.Sequential is asked for")
    kinds = [type(m).__name__ for m in net]
    check.that(not any("Lazy" in k for k in kinds), "a lazy layer does not know its shape yet; use nn.Conv2d")
    wrong = {"there should be nothing between the two": ["Conv2d", "ReLU", "Conv2d"]}
    check.equal(kinds, ["Conv2d", "Conv2d"], "the layers", known=wrong)
    expected = [(3, 1, 3, 3), (3,), (5, 3, 1, 1), (5,)]
    wrong = {"the first convolution mixes the channels: groups=in_channels": [(3, 3, 3, 3), *expected[1:]]}
    wrong["the convolutions have no biases"] = expected[::2]
    wrong["the depthwise convolution has no bias"] = [expected[0], *expected[2:]]
    wrong["the pointwise convolution has no bias"] = expected[:3]
    turned = [(5, 3, 1, 1), (5,), (5, 1, 3, 3), (5,)]
    wrong["the pointwise convolution comes first; it should come second"] = turned
    wrong["the second convolution should be 1 x 1"] = [*expected[:2], (5, 3, 3, 3), (5,)]
    found = [tuple(p.shape) for p in net.parameters()]
    check.equal(found, expected, "the shapes of weights and biases", known=wrong)
    for k in (3, 5):
        net, X = depthwise_separable(3, 4, k), check.normal((2, 3, 8, 7))
        wrong = {"the size shrinks: the depthwise convolution needs a padding": (2, 4, 9 - k, 8 - k)}
        words = "the size grows: the first padding is too large, or the second convolution has one as well"
        wrong[words] = (2, 4, 10, 9)
        wrong["padding 1 fits kernels of size 3 only"] = (2, 4, 6, 5)
        check.equal(tuple(net(X).shape), (2, 4, 8, 7), f"the output for kernel_size={k}", known=wrong)
        check.equal(net[0].kernel_size, (k, k), f"the depthwise kernel for kernel_size={k}")
with check.case("each channel has its own kernel, zeros come in at the border", points=0.5):
    net, X = depthwise_separable(3, 4, 3), check.normal((2, 3, 8, 7))
    A, a, B, b = (p.detach() for p in net.parameters())
    deep_maps = F.conv2d(X, A, a, padding=1, groups=3)
    wrong = {"there should be nothing between the two": F.conv2d(deep_maps.relu(), B, b)}
    check.close(net(X), F.conv2d(deep_maps, B, b), known=wrong, atol=1e-5)
### BEGIN HIDDEN TESTS
with check.case("other sizes", points=0.5, hidden=True):
    for i, o, k in ((1, 1, 1), (4, 2, 7), (2, 6, 5)):
        net, X = depthwise_separable(i, o, k), check.normal((2, i, 9, 8))
        A, a, B, b = (p.detach() for p in net.parameters())
        check.equal([tuple(A.shape), tuple(B.shape)], [(i, 1, k, k), (o, i, 1, 1)], "the weights' shapes")
        check.close(net(X), F.conv2d(F.conv2d(X, A, a, padding=k // 2, groups=i), B, b), atol=1e-5)
### END HIDDEN TESTS
check.score()

# %% tags=["experiment"]
my_separable = cu.yours(
    depthwise_separable,
    instead=lambda i, o, k: nn.Sequential(nn.LazyConv2d(i, k, padding="same", groups=i), nn.LazyConv2d(o, 1)),
)
table = {}
for name in ("full", "separable"):
    found = []
    for lr in (0.1, 0.3):
        torch.manual_seed(0)
        net = conv_net(nn.BatchNorm2d, 6)
        if name == "separable":
            for i, layer in enumerate(net):
                if isinstance(layer, nn.Conv2d) and i > 0:
                    net[i] = my_separable(12, 12, 3)
            net(X_train[:2])  # a lazy layer takes its shape from its first input
            he_init(net)
        run_steps(net, lr, 120)
        net.eval()
        found.append((accuracy(net, X_valid, y_valid), net))
    net = max(found, key=lambda entry: entry[0])[1]
    table[name] = count(net[:-1]), accuracy(net, X_test, y_test)


def draw_table(left, right):
    for ax, k, y in ((left, 0, "parameters without the last layer"), (right, 1, "test accuracy")):
        ax.bar(list(table), [row[k] for row in table.values()], 0.5, color=cu.plots.COLOURS[0])
        ax.set(ylabel=y)
    left.set_title("A quarter of the parameters ...")
    right.set_title("... and most of the accuracy")


cu.plots.figure(
    draw_table,
    panels=2,
    alt="Two pairs of bars: the separable network has about a quarter of the full one's parameters, and nearly its accuracy",
)
for name, (parameters, _) in table.items():
    print(f"{name}: {parameters:,} parameters without the last layer")
print("the accuracies differ by less than 0.15:", abs(table["full"][1] - table["separable"][1]) < 0.15)

# %% [markdown]
r"""
By the formula, 1/12 + 1/9 = 0.19 of the 3×3 weights are left; the first layer, biases and norms make it more. In this
small test the accuracy hardly suffers; another seed may change it by a point or two. A 1×1 convolution is a dense layer
over the channels, applied at each pixel with the same weights. It replaces a dense layer over a whole picture only
together with an average over the pixels, as in section 3.

### Exercise 9.7: claim cards &nbsp; (3 points, about 8 minutes, ★★☆)

Decide with the experiments of this chapter: "true", "false", or the letter of the condition under which the claim is
true.

1. **"independent"**: "Batch norm makes the features of a batch independent of each other." (a) only in training mode,
   (b) only for large batches, (c) only if γ = 1 and β = 0.
2. **"one function"**: "For a given batch, a network with batch norm gives the same scores in training mode and in
   evaluation mode." (a) only if γ = 1 and β = 0, (b) only if the running statistics equal those of the batch, (c)
   only under `no_grad`.
3. **"fewer"**: "Batch norm lowers the number of parameters that are trained." (a) only in convolutions, (b) only in
   evaluation mode, (c) only with momentum 0.
4. **"bias"**: "The bias of a convolution right before a batch norm can be dropped: the two layers can still compute
   the same functions." (a) only with large batches, (b) only before a ReLU, (c) only for 1×1 kernels. Batch norm has
   its usual γ and β.
5. **"no_grad"**: "Under `torch.no_grad()`, `nn.BatchNorm2d` normalises by its running statistics." (a) only after
   `eval()`, (b) only for a batch of one picture, (c) only if momentum is None.
"""

# %% exercise="claims_batch_norm"
answers = {
    "independent": "?",
    "one function": "?",
    "fewer": "?",
    "bias": "?",
    "no_grad": "?",
}
### BEGIN SOLUTION
answers = {
    "independent": "false",
    "one function": "b",
    "fewer": "false",
    "bias": "true",
    "no_grad": "a",
}
### END SOLUTION

# %% test="claims_batch_norm"
check.exercise("claims_batch_norm", points=3)
CLAIMS = ("independent", "one function", "fewer", "bias", "no_grad")
with check.case("every claim is answered with true, false, a, b or c", points=0):
    check.claims(answers, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("claims about what it computes", points=1.8, hidden=True):
    known = {"independent": "false", "fewer": "false", "bias": "true"}
    check.right(answers, known, "the experiments are in sections 5, 8 and 11")
with check.case("claims about the two modes", points=1.2, hidden=True):
    check.right(answers, {"one function": "b", "no_grad": "a"}, "the experiments are in section 9")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 9.8: in your own words &nbsp; (2 points, about 8 minutes, marked by your instructor)

A clinic's network with batch norm has 91 % test accuracy, measured with shuffled batches of 100. In use, a nurse
uploads all pictures of one ward at a time, and the accuracy is 60 %. For a single picture the program stops with an
error (its batch norms follow dense layers). Name the most likely mistake, explain all three observations with it, and
say how you would test your explanation without new training.
"""

# %% [markdown] written="clinic" points=2
r"""
**Model answer.** The network was left in training mode: `eval()` is missing. Batch norm then normalises by the
statistics of the current batch. A shuffled batch of 100 resembles a training batch, so its statistics are about right
and the test looked good. The pictures of one ward are alike, so their statistics differ from those in training; what
they have in common is subtracted, and answers depend on the neighbours. One picture has one value per feature and no
variance, so torch raises an error. Test: call `net.eval()` and measure again on shuffled pictures, on those of one
ward and on a single one; or, in both modes, give the same picture with different neighbours.

**Mark scheme.** ½ point: training mode, or the forgotten `eval()`; `no_grad` alone does not count. ½ point: the
shuffled test looked good, since its batches are like the training batches. ½ point: one ward, and a single picture,
explained by batch statistics (¼ each). ½ point: a test that changes only the mode or only the neighbours.
"""

# %% [markdown]
r"""
## Recap

- Two 3×3 layers see as far as one 5×5, with 18c² weights in place of 25c². VGG repeats blocks of them; its dense
  layers hold 92.8 % of the parameters, its convolutions do 98.4 % of the work.
- Batch norm: per channel, subtract the batch's mean, divide by its standard deviation, then γ and β. Running
  statistics for evaluation are buffers.
- It allows larger rates in deep networks: under SGD the weights before it grow, and larger weights take smaller
  relative steps. Skip connections help further.
- Training and evaluation mode are two functions. `eval()` sets the mode; `no_grad()` does not.
- In evaluation mode, batch norm is affine, and can be fused into the convolution before it.
- Depthwise + pointwise needs 1/c_out + 1/k² of the weights.

**What people get wrong.** They forget `eval()`, or take `no_grad()` for it; keep running statistics as plain
attributes; confuse the two conventions of momentum; average over the examples only and forget height and width; keep
a useless bias; call batch norm a decorrelation; put it into a network with batches of one.

**Read on.** [Simonyan and Zisserman 2014: VGG](https://arxiv.org/abs/1409.1556) · [Ioffe and Szegedy 2015: Batch
normalization](https://arxiv.org/abs/1502.03167) · [Santurkar and others 2018: How does batch normalization help
optimization?](https://arxiv.org/abs/1805.11604) · [He and others 2015: Deep residual
learning](https://arxiv.org/abs/1512.03385) · [Wu and He 2018: Group normalization](https://arxiv.org/abs/1803.08494)
· [Howard and others 2017: MobileNets](https://arxiv.org/abs/1704.04861) · [Dive into Deep Learning, chapter
8](https://d2l.ai/chapter_convolutional-modern/index.html).

**Next:** [`10_optimizers`](../10_optimizers/optimizers.ipynb), which improves the steps
themselves.
"""
