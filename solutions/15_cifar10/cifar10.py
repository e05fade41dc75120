# ---
# jupyter:
#   course:
#     prerequisites:
#     - 08_convolutions_lenet
#     - 09_vgg_batch_norm
#     - 11_learning_rate_schedules
#     - 13_losses_generalization
#     summary: One project from the files to a model card, with everything that the
#       course has taught
#     title: CIFAR-10
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
# 15 CIFAR-10

**Time:** computed. **You need:** chapters 1 to 5 and 7 to 13. **Points:** computed.

This is the last chapter, and one whole project: small colour pictures of ten kinds of things, a network that somebody has left
behind with bugs in it, and at the end a network of your own with a card that says what it can and cannot do. After it you can

- **load** pictures with torchvision's data sets, transforms and torch's `DataLoader`, and **split** them for an honest report;
- **normalise** pictures, and say what a mean and a standard deviation of 0.5 do and do not do;
- **find** and repair the bugs in a network and in its training loop, and **measure** what each repair is worth;
- **augment** pictures, after looking at the result, and **choose** an augmentation on validation data;
- **report** a network by class, with an interval, with its calibration and with its surest mistakes.

| English | Chinese (中文) | what it is |
|---|---|---|
| transform | 变换 | a function that a data set applies to a picture when it is asked for it |
| data augmentation | 数据增强 | random changes of the training pictures that leave their labels right |
| random crop, horizontal flip | 随机裁剪，水平翻转 | a window at a random place; left and right exchanged |
| validation split | 验证集划分 | training pictures set aside to make choices |
| baseline | 基线 | a simple model that a better one has to beat |
| recall of a class | 召回率 | the share of the pictures of a class that are recognised; also its per-class accuracy |
| calibration | 校准 | of the answers given with confidence 0.8, are 80 % right? |
| expected calibration error | 期望校准误差 | mean distance between confidence and accuracy, over bins |
| temperature | 温度 | a number that divides all scores before softmax |
| test-time augmentation | 测试时增强 | average the answers for several versions of a picture |
| fine-tuning | 微调 | start from the weights of a network that was trained for something else |
| model card | 模型卡 | a page that says what a model is for, how good it is, and where it fails |

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. The check tells you what is still wrong. Some checks are hidden: they ask for the
same on other numbers, and run when your work is graded. Once the checks of an exercise pass, the next cells work with
*your* function, and say so. When you come back after a break, the kernel has forgotten everything: click the cell where
you want to go on and choose *Run > Run All Above Selected Cell*.
"""

# %%
import math

import course_utils as cu
from course_utils import check, thumbnails

import ipywidgets
import numpy as np
import pandas as pd
import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision.transforms import v2

torch.set_num_threads(1)  # networks as small as these gain nothing from a second thread

# %% [markdown]
r"""
## 1 From files to batches

CIFAR-10 is a famous set of 60,000 colour pictures, 32×32 pixels each, in ten classes. Most programs that train on it import the same six things: `torchvision.datasets`, `torchvision.transforms`, `DataLoader`, `torch.nn`, `torch.nn.functional` and `torch.optim`. The course brings a smaller set of its own,
drawn by code in the same ten classes and stored in the same files, so that this chapter runs offline. If you have run `make data`, the real
pictures take its place.
"""

# %%
train_set, test_set = cu.data.cifar10(train=True), cu.data.cifar10(train=False)
CLASSES = train_set.classes
print("classes:", ", ".join(CLASSES))
picture, label = train_set[0]
print("all pictures:", train_set.data.shape[1:], train_set.data.dtype)
print("one example: ", type(picture).__name__, picture.size, "and the label", label, "for", CLASSES[label])

# %% tags=["experiment"]
targets = torch.tensor(train_set.targets)
examples = [(targets == k).nonzero().flatten()[:7] for k in range(10)]
cu.plots.images(
    torch.from_numpy(train_set.data[torch.cat(examples)]).permute(0, 3, 1, 2),
    titles=[name if k == 0 else "" for name in CLASSES for k in range(7)],
    columns=7,
    title="Seven pictures of each class: places, sizes, colours and surroundings vary",
    alt="Ten rows of seven small pictures: airplanes, automobiles, birds, cats, deer, dogs, frogs, horses, ships and "
    "trucks in front of sky, sea, grass, trees, roads and rooms",
)

# %% [markdown]
r"""
`cu.data.cifar10` returns torchvision's own class `torchvision.datasets.CIFAR10`: an object with a length that gives a pair (picture, label) for each
index. The picture is a PIL image, the usual type for a decoded photograph in Python. Used directly, the class reads files that are already there, or downloads
them. **Predict** what the next cell prints on a machine without the files.
"""

# %%
try:
    torchvision.datasets.CIFAR10(root="no_such_folder", train=True, download=False)
except RuntimeError as error:
    print(error)

# %% [markdown]
r"""
Many scripts contain `download=False`, because their authors already had the files. Such a script fails on every other machine.

**Transforms** turn the PIL image into what the network wants. `v2.Compose` chains them. `ToImage` makes a uint8 tensor of shape (3, 32, 32), `ToDtype` with
`scale=True` divides by 255, and `Normalize` subtracts a mean and divides by a standard deviation, one of each per channel. (Older code has `ToTensor` for the first two.)

**DataLoader** collects pictures into batches. It is an iterable, so `iter` starts a pass through it and `next` takes a batch.
"""

# %%
to_tensor = v2.Compose(
    [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    ]
)
loader = DataLoader(
    cu.data.cifar10(train=True, transform=to_tensor), batch_size=4, shuffle=True, num_workers=0
)
batches = iter(loader)
images, labels = next(batches)
print("images", tuple(images.shape), images.dtype, " labels", tuple(labels.shape), labels.dtype)
print("batches in a pass:", len(loader), " all values from -1 to 1:", bool(images.abs().max() <= 1))
try:
    batches.next()
except AttributeError as error:
    print("batches.next():", error)

# %% [markdown]
r"""
Old versions of torch had `batches.next()`, and many tutorials still show it. The right way is `next(batches)`.

**Workers.** With `num_workers=0`, pictures are loaded and transformed in your own process, while the network waits. With `num_workers=2`, two further processes prepare
batches in advance. Three things follow. Each worker has its own copy of the data set and its own random numbers (the loader gives each a seed of its own).
On Windows and macOS a worker starts as a fresh Python process, which imports your file again: so a script needs `if __name__ == "__main__":` around its main part, and what a notebook
defines cannot be found there. And starting a worker costs time, so for pictures as small as ours it often does not pay.
(Another option, `drop_last=True`, leaves out an incomplete last batch. In training this does no harm. In an evaluation it would silently leave out pictures.)

There is a third way, for data that fit in memory: keep all pictures in one uint8 tensor, and normalise and augment whole batches with tensor operations. This
chapter does so from here on, and you write these operations.

<details><summary>Aside: your own folders and tables</summary>

If the pictures lie in one folder per class, `torchvision.datasets.ImageFolder(root, transform=...)` reads them; the classes are numbered in the alphabetical order of the
folders' names. If the labels are in a csv file, look them up by the picture's name, never by the order of `os.listdir`, which is arbitrary. And when you write
predictions to a csv file, write each picture's id beside its prediction, in the order in which the loader gave them: with `shuffle=True`, ids and predictions do not match.
</details>
"""

# %%
images = torch.from_numpy(train_set.data[:5000]).permute(0, 3, 1, 2)  # uint8 (5000, 3, 32, 32)
labels = torch.tensor(train_set.targets[:5000])  # int64 (5000,)
test_images = torch.from_numpy(test_set.data[:2000]).permute(0, 3, 1, 2)
test_labels = torch.tensor(test_set.targets[:2000])

# %% [markdown]
r"""
## 2 Data to train on, to choose by, to report on

The test set reports once, at the end. Until then all choices need other pictures: part of the training pictures is set aside for validation. How many? The accuracy on
$n$ pictures has a standard error of $\sqrt{a(1-a)/n}$ (chapter 13). **Compute** it for $a = 0.6$ and $n = 1{,}000$ before you go on: which differences between two networks
will these pictures be able to show?

### Exercise 15.1: `split_indices` &nbsp; (2 points, about 8 minutes, ★☆☆)

Split the numbers 0 to n − 1 at random. (The next picture in a file often resembles the one before, or has the same class. So a split by position is a risk.)

<details><summary>Hint 1</summary>

`torch.randperm` gives the numbers in a random order, and takes a `generator`.

<details><summary>Hint 2</summary>

Compute the number of validation examples with Python's `round`. Which two slices of the random order do you need?

</details></details>
"""


# %% exercise="split_indices"
def split_indices(n, valid_fraction, generator=None):
    """Split 0 .. n - 1 at random into training and validation indices.

    n: int, at least 1. valid_fraction: share for validation, in [0, 1]; round(n * valid_fraction) indices, with Python's
    round. Every random number comes from `generator` if it is given.
    Returns (train_idx, valid_idx): two int64 tensors in any order, which have no index in common and together hold all.
    """
    ### BEGIN SOLUTION
    order = torch.randperm(n, generator=generator)
    num_valid = round(n * valid_fraction)
    return order[num_valid:], order[:num_valid]
    ### END SOLUTION


# %% test="split_indices"
check.exercise("split_indices", points=2)
with check.case("round(n * valid_fraction) indices for validation, the others for training", points=0.5):
    asked = (20, 0.3), (10, 0.26), (4, 0.1), (5, 0.5), (7, 0.5), (6, 1.0), (1, 0.2)
    for (n, fraction), found in zip(asked, check.in_turn(split_indices, asked)):
        few, exact = round(n * fraction), n * fraction
        pair = isinstance(found, tuple | list) and len(found) == 2
        check.that(pair, "two tensors are asked for: train_idx, valid_idx")
        for part in found:
            check.like(part, torch.zeros(len(part), dtype=torch.int64))
        wrong = {"all indices are used for training, also those for validation": [n, few]}
        if n == 20:
            wrong["the two are exchanged: training comes first, validation second"] = [few, n - few]
        down, up, nearest = int(exact), math.ceil(exact), int(exact + 0.5)
        if n in (10, 4):
            wrong["the number for validation is rounded down; use round"] = [n - down, down]
            wrong["the number for validation is rounded up; use round"] = [n - up, up]
            wrong["no validation index is asked for here, and all are given: [-0:] is the whole order"] = [
                0,
                n,
            ]
        words = (
            "round the number for validation, not the one for training; Python's round takes the even number"
        )
        wrong[words] = [n - nearest, nearest]
        wrong = {words: sizes for words, sizes in wrong.items() if sizes != [n - few, few]}
        sizes = [len(part) for part in found]
        check.equal(sizes, [n - few, few], f"the sizes for n = {n}, fraction {fraction}", known=wrong)
with check.case("no index twice, and none is missing", points=0.5):
    train, valid = split_indices(40, 0.5)
    check.equal(len(set(train.tolist()) & set(valid.tolist())), 0, "indices that are in both parts")
    twice = len(valid) > len(valid.unique())
    check.that(not twice, "an index is in the validation part twice: draw without replacement")
    wrong = {"the indices should start from 0, not from 1": list(range(1, 41))}
    check.equal(sorted(train.tolist() + valid.tolist()), list(range(40)), "both parts", known=wrong)
with check.case("a random choice, from the generator if there is one", points=0.5):
    picks = check.made(
        lambda g: torch.cat([split_indices(10, 0.3, g)[1] for _ in range(200)]), check.generator()
    )
    words = "the number of validation indices changes from call to call: do not toss a coin for each index"
    check.that(len(picks) % 200 == 0, words)
    counts = picks.bincount(minlength=10)
    check.that(counts.max() < 200, "some index is always chosen for validation: the choice is not random")
    check.that(counts.min() > 0, "some index is never chosen for validation")
    words = "in 200 splits with fraction 0.3, each index should be chosen about 60 times"
    check.between(counts.min(), 35, 60, words)
    blocks = sum(len(pick) == 3 and int(pick.max() - pick.min()) == 2 for pick in picks.split(3))
    check.that(blocks < 50, "the validation indices are neighbours: pick each of them at random")
    together = {(i, j) for pick in picks.split(3) for i in pick.tolist() for j in pick.tolist()}
    check.that(len(together) > 80, "some indices are never chosen together: pick each of them at random")
    check.seeded(lambda g: [torch.cat(split_indices(200, 0.5, g)).double()], "the split", beside=True)
    check.unseeded(lambda: [torch.cat(split_indices(200, 0.5)).double()], "split", beside=True)
### BEGIN HIDDEN TESTS
with check.case("the same for other numbers", points=0.5, hidden=True):
    asked = (101, 0.1), (2, 0.25), (9, 0.5), (12, 0.0), (3, 0.9), (1000, 0.333)
    g = check.generator()
    splits = check.in_turn(split_indices, [(*numbers, g) for numbers in asked])
    for (n, fraction), (train, valid) in zip(asked, splits):
        check.like(valid, torch.zeros(round(n * fraction), dtype=torch.int64))
        check.equal(sorted(train.tolist() + valid.tolist()), list(range(n)))
    first, second = (sorted(pair[1].tolist()) for pair in check.each(split_indices, [(50, 0.5, g)] * 2))
    check.that(first != second, "the generator starts again in each call")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Use it. 4,000 pictures remain for training, and 1,000 choose. A random split gives each class about its share, not exactly. (A *stratified* split divides each class separately; it is worth the effort
when a class is rare.)
"""


# %%
def torch_split(n, valid_fraction, generator=None):
    """Torch's own way: subsets of a data set, which know their indices."""
    few = round(n * valid_fraction)
    parts = torch.utils.data.random_split(range(n), [n - few, few], generator=generator)
    return tuple(torch.tensor(list(part.indices), dtype=torch.int64) for part in parts)


train_rows, valid_rows = torch_split(5000, 0.2, torch.Generator().manual_seed(15))

# %% tags=["experiment"]
splitter = cu.yours(split_indices, instead=torch_split)
train_rows, valid_rows = splitter(5000, 0.2, torch.Generator().manual_seed(15))
shares = labels[valid_rows].bincount(minlength=10)
cu.plots.bars(
    shares,
    labels=CLASSES,
    y="validation pictures",
    title="A random split gives the classes nearly equal shares",
    alt="Ten bars with heights near 100",
)
print("standard error of an accuracy of 0.6 on 1,000 pictures:", round(math.sqrt(0.6 * 0.4 / 1000), 3))

# %% [markdown]
r"""
So an accuracy measured on the validation pictures is uncertain by ±3 points (two standard errors). Two networks that are judged by the *same* pictures can be compared a little more sharply,
since hard pictures are hard for both. Differences of one point still mean little.

## 3 What normalising with 0.5 is, and what it is not

`Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))` computes $(x - 0.5)/0.5 = 2x - 1$. It maps [0, 1] to [−1, 1]. **Predict** for our pictures: will the mean of each channel then be 0, and the standard deviation 1?

### Exercise 15.2: `normalize_images` &nbsp; (3 points, about 10 minutes, ★★☆)

Write the two steps, scaling and normalising, for a whole batch.

<details><summary>Hint 1</summary>

`torch.as_tensor` makes a tensor of a list, and leaves a tensor as it is. Into which shape must `mean` be brought so that it meets the channels of (n, c, h, w)?

<details><summary>Hint 2</summary>

Only uint8 has to be divided by 255. For float32, `x.float()` returns `x` itself, not a copy: what does an in-place operation then do?

</details></details>
"""


# %% exercise="normalize_images"
def normalize_images(x, mean, std):
    """Subtract the mean of each channel, and divide by its standard deviation.

    x: (n, c, h, w); uint8 is first scaled from 0 .. 255 to [0, 1], floats are taken as they are.
    mean, std: sequences or tensors of c numbers. Returns float32 (n, c, h, w); x is unchanged.
    """
    ### BEGIN SOLUTION
    scaled = x.float() / 255 if x.dtype == torch.uint8 else x.float()
    mean, std = (
        torch.as_tensor(v, dtype=torch.float32, device=x.device).reshape(-1, 1, 1) for v in (mean, std)
    )
    return (scaled - mean) / std
    ### END SOLUTION


# %% test="normalize_images"
check.exercise("normalize_images", points=3)
M, S = (0.25, 0.5, 0.75), (0.1, 0.2, 0.4)


def normal_form(x, m=M, s=S):
    """(x - m) / s by channel, in float64."""
    m, s = (torch.tensor(values, dtype=torch.float64).view(-1, 1, 1) for values in (m, s))
    return (x.double() - m) / s


with check.case("subtracts the mean of each channel, divides by its standard deviation", points=1):
    x = check.uniform((2, 3, 4, 3))
    own = x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    wide = normal_form(x.transpose(1, 3)).transpose(1, 3)
    wrong = {"mean and std are applied along the width; they belong to the channels": wide}
    wrong["floats are in [0, 1] already: divide only uint8 by 255"] = normal_form(x / 255)
    wrong["it multiplies by std; divide by it"] = normal_form(x, M, [1 / s for s in S])
    shifts = [m * s for m, s in zip(M, S)]
    wrong["it divides before it subtracts: (x - mean) / std"] = normal_form(x, shifts)
    wrong["mean / std is subtracted from x: brackets are missing"] = normal_form(
        x, [2.5, 2.5, 1.875], [1] * 3
    )
    wrong["the mean is not subtracted"] = normal_form(x, [0] * 3)
    wrong["the mean is added; subtract it"] = normal_form(x, [-m for m in M])
    wrong["it does not divide by std"] = normal_form(x, M, [1] * 3)
    wrong["it divides by the variance, std squared"] = normal_form(x, M, [s * s for s in S])
    wrong["mean and std are exchanged"] = normal_form(x, S, M)
    wrong["it normalises by the statistics of the batch; use the arguments"] = (x - own[0]) / own[1]
    wrong["the first mean and std are used for all channels"] = normal_form(x, M[:1] * 3, S[:1] * 3)
    wrong["the result is clipped to [-1, 1]"] = normal_form(x).clamp(-1, 1)
    wrong["it takes 0.5 for mean and std; use the arguments"] = normal_form(x, [0.5] * 3, [0.5] * 3)
    found = check.unchanged(normalize_images, x, M, S)
    check.close(found, normal_form(x), known=wrong, rtol=1e-4, atol=1e-5)
    check.like(found, x)
with check.case("scales uint8 to [0, 1] first, and gives float32", points=1):
    x = check.integers((2, 3, 5, 4), 0, 256).to(torch.uint8)
    wrong = {"uint8 is not scaled: divide it by 255 first": normal_form(x)}
    wrong["uint8 has 256 values, and its largest is 255: divide by 255"] = normal_form(x / 256)
    wrong["uint8 is divided by 255 in whole numbers"] = normal_form(x // 255)
    wrong["it divides by 255 after subtracting the mean; scale first"] = normal_form(x) / 255
    words = "mean and std have become uint8, so that they are 0; make them float32"
    wrong[words] = normal_form(x / 255, [0] * 3, [0] * 3)
    found = check.unchanged(normalize_images, x, list(M), list(S))
    check.close(found, normal_form(x / 255), "uint8", known=wrong, rtol=1e-4, atol=1e-5)
    check.like(found, x.float())
    dark = x // 128  # values 0 and 1
    wrong = {"uint8 is always divided by 255, also if its largest value is 1": normal_form(dark)}
    found, words = normalize_images(dark, M, S), "a dark uint8 picture"
    check.close(found, normal_form(dark / 255), words, known=wrong, rtol=1e-4, atol=1e-5)
with check.case("takes tensors, whole numbers, other numbers of channels and float64", points=0.5):
    x = check.uniform((1, 1, 2, 6), 0, 3, torch.float64)
    found = check.unchanged(normalize_images, x, torch.tensor([2.0]), torch.tensor([0.5]))
    words = "floats are taken as they are, also above 1: divide only uint8 by 255"
    wrong = {words: normal_form(x / 255, [2.0], [0.5])}
    check.close(found, normal_form(x, [2.0], [0.5]), "one channel", known=wrong, atol=1e-5)
    check.like(found, x.float())
    x, m, s = check.uniform((3, 4, 1, 5)), [0, 0, 1, 2], [1, 2, 4, 1]
    found = check.unchanged(normalize_images, x, m, s)
    check.close(found, normal_form(x, m, s), "four channels", atol=1e-5)
    found = normalize_images(x, *(torch.tensor(v, dtype=torch.float64) for v in (m, s)))
    check.that(found.dtype == torch.float32, "the result is float32 also for a float64 mean and std")
### BEGIN HIDDEN TESTS
with check.case("the same on other pictures", points=0.5, hidden=True):
    m, s = (0.1, 0.9), (0.5, 0.05)
    for x in (check.normal((4, 2, 3, 7)), check.uniform((1, 2, 6, 2), -1, 5, torch.float64)):
        found = check.unchanged(normalize_images, x, torch.tensor(m), torch.tensor(s))
        check.close(found, normal_form(x, m, s), rtol=1e-4, atol=1e-4)
        check.like(found, x.float())
    x = check.integers((2, 2, 8, 3), 0, 256).to(torch.uint8)
    check.close(normalize_images(x, m, s), normal_form(x / 255, m, s), rtol=1e-4, atol=1e-4)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Three ways**, on the training pictures: only scaled to [0, 1]; with 0.5 and 0.5; and **standardised**, with the mean and standard deviation of each channel, measured over all pixels of all
*training* pictures.
"""


# %%
def torchvision_normalize(x, mean, std):
    """Torchvision's own two steps."""
    to_list = [torch.as_tensor(v, dtype=torch.float32).tolist() for v in (mean, std)]
    return v2.functional.normalize(v2.functional.to_dtype(x, torch.float32, scale=True), *to_list)


scaled = images[train_rows[:2000]].float() / 255
MEAN, STD = (
    scaled.mean((0, 2, 3)),
    scaled.std((0, 2, 3)),
)  # (3,), (3,): one number per channel, red, green, blue

# %% tags=["experiment"]
normalize = cu.yours(normalize_images, instead=torchvision_normalize)
ways = {"[0, 1]": ([0.0] * 3, [1.0] * 3), "0.5 and 0.5": ([0.5] * 3, [0.5] * 3), "standardised": (MEAN, STD)}
inputs = {name: normalize(images, *numbers) for name, numbers in ways.items()}


def draw_channels(*axes):
    for ax, (name, x) in zip(axes, inputs.items()):
        for channel, colour in enumerate((cu.plots.COLOURS[1], cu.plots.COLOURS[2], cu.plots.COLOURS[0])):
            values = x[train_rows[:500], channel].flatten()
            heights, edges = np.histogram(values.numpy(), bins=40, range=(-3, 3), density=True)
            ax.plot(
                (edges[:-1] + edges[1:]) / 2, heights, color=colour, label=("red", "green", "blue")[channel]
            )
        ax.set(title=name, xlabel="value", xlim=(-3, 3))
    axes[0].set_ylabel("density")
    axes[0].legend()


cu.plots.figure(
    draw_channels,
    panels=3,
    alt="Densities of the red, green and blue values: between 0 and 1; between -1 and 1; and centred at 0 with spread 1",
)
for name in ("0.5 and 0.5", "standardised"):
    values = inputs[name][train_rows[:2000]]
    means, stds = values.mean((0, 2, 3)).abs().tolist(), values.std((0, 2, 3)).tolist()
    print(
        f"{name:13} |mean| of a channel at most {max(means):.1f}, standard deviations {min(stds):.1f} to {max(stds):.1f}"
    )

# %% [markdown]
r"""
Normalising with 0.5 is a change of the range. It centres roughly, since pixels are on average not far from 0.5, but it does not standardise: the standard deviation is about 0.4 to 0.5 and not 1. Neither of
the two changes what can be computed: the first layer could undo both. They change where training starts, and section 6 measures how much this matters.

The numbers belong to the *training* pictures. Validation and test pictures, and each picture that arrives later, are normalised by the same numbers.

A detail that is often copied wrongly: for CIFAR-10 you will find the standard deviations (0.2023, 0.1994, 0.2010) in many programs. They are the means of the standard deviations *within* each picture. Over all pixels
they are about (0.247, 0.244, 0.262), larger, because pictures also differ from each other in brightness. Compare on our pictures:
"""

# %% tags=["experiment"]
within = scaled.std((2, 3)).mean(0)
cu.plots.heatmap(
    torch.stack([STD, within]),
    rows=["over all pixels", "within a picture, averaged"],
    columns=["red", "green", "blue"],
    title="Standard deviations",
    alt="A table of two rows and three columns; each number of the second row is smaller than the one above it",
)
print("smaller in each channel:", bool((within < STD).all()))

# %% [markdown]
r"""
## 4 A network that somebody has left behind

Here is a network for these pictures, found in an old folder. **Read it before you run it.** It runs. What is wrong with it?
"""


# %%
class FoundNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels=3, out_channels=16, kernel_size=5)
        self.pool1 = nn.MaxPool2d(kernel_size=2)
        self.conv2 = nn.Conv2d(in_channels=16, out_channels=36, kernel_size=3)
        self.pool2 = nn.MaxPool2d(kernel_size=2)
        self.fc1 = nn.Linear(1296, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = self.pool1(F.relu(self.conv1(x)))
        x = self.pool2(F.relu(self.conv2(x)))
        x = x.view(-1, 1296)
        return F.relu(self.fc2(F.relu(self.fc1(x))))


torch.manual_seed(0)
found_net = FoundNet()
print("scores of two pictures 32 x 32:", tuple(found_net(torch.zeros(2, 3, 32, 32)).shape))
print("scores of four pictures 44 x 44:", tuple(found_net(torch.zeros(4, 3, 44, 44)).shape))
print("parameters:", sum(p.numel() for p in found_net.parameters()))
print(
    "smallest score of 500 pictures:", found_net(torchvision_normalize(images[:500], MEAN, STD)).min().item()
)

# %% [markdown]
r"""
Follow the sizes on paper: $32 \to 28 \to 14 \to 12 \to 6$, and $36 \cdot 6 \cdot 6 = 1{,}296$. For pictures of 44 pixels: $44 \to 40 \to 20 \to 18 \to 9$, and $4 \cdot 36 \cdot 81 = 9 \cdot 1{,}296$. So
`view(-1, 1296)` cuts the numbers of *four* pictures into *nine* rows, and each row holds parts of different pictures or places. There is no error. `flatten(1)` would keep the batch axis, and the next layer would refuse the
wrong size. But that is not enough: for 33, 34 and 35 pixels, the sizes round down to the same 6, and the pixels at the border are silently ignored.

The second bug costs accuracy. You have seen its sign in the last line above. Which scores can a ReLU at the end not give? What happens to the gradient of a class whose score is negative before it?

### Exercise 15.3: spot the bugs, then write `CNNNet` &nbsp; (4 points, about 15 minutes, ★★☆)

The same layers, without the bugs.

<details><summary>Hint 1</summary>

Check the shape of the input in `forward` before anything else. `x.shape[1:]` is (3, 32, 32) for all legal inputs, and `x.ndim` is 4.

<details><summary>Hint 2</summary>

What does the loss, cross-entropy from logits, expect: any numbers, positive numbers, or probabilities?

</details></details>
"""


# %% exercise="CNNNet"
class CNNNet(nn.Module):
    """16 convolutions 5x5, ReLU, max pooling 2; 36 convolutions 3x3, ReLU, max pooling 2; dense 128, ReLU; dense 10.

    No padding, biases everywhere: 173,742 parameters, each net's its own. Input: float (n, 3, 32, 32), n >= 1; output:
    logits (n, 10).
    Raises ValueError with a message that says what is wrong for an input of any other shape.
    """

    def __init__(self):
        ### BEGIN SOLUTION
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=5)
        self.conv2 = nn.Conv2d(16, 36, kernel_size=3)
        self.fc1 = nn.Linear(36 * 6 * 6, 128)
        self.fc2 = nn.Linear(128, 10)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        if x.ndim != 4 or x.shape[1:] != (3, 32, 32):
            raise ValueError(f"CNNNet takes pictures (n, 3, 32, 32), got {tuple(x.shape)}")
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # (n, 16, 14, 14)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # (n, 36, 6, 6)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))
        ### END SOLUTION


# %% test="CNNNet"
check.exercise("CNNNet", points=4)
SHAPES = ((16, 3, 5, 5), (16,), (36, 16, 3, 3), (36,), (128, 1296), (128,), (10, 128), (10,))
SHAPES = {math.prod(shape): shape for shape in SHAPES}


def net_and_weights(dtype=torch.float32):
    """A net, and a copy of each of its weights and biases."""
    net = CNNNet().to(dtype)
    return net, [p.detach().clone() for p in net.parameters()]


def by_hand(weights, X, acts=(F.relu,) * 3, pool=F.max_pool2d, last=torch.clone):
    """The scores from the net's own weights and biases, with these three activations."""
    sizes = sorted(p.numel() for p in weights)
    words = "the weights and biases have other sizes, so the scores are not compared"
    check.that(sizes == sorted(SHAPES), words)
    w = {p.numel(): p.reshape(SHAPES[p.numel()]) for p in weights}
    X = pool(acts[0](F.conv2d(X, w[1200], w[16])), 2)
    X = pool(acts[1](F.conv2d(X, w[5184], w[36])), 2).flatten(1)
    return last(F.linear(acts[2](F.linear(X, w[165888], w[128])), w[1280], w[10]))


def mistakes(weights, X):
    """The scores that usual mistakes give, by their sentences."""
    wrong, ends = {}, {"a ReLU": F.relu, "a softmax": nn.Softmax(1), "a sigmoid": torch.sigmoid}
    more = {"a log-softmax": nn.LogSoftmax(1), "a softmax over the pictures": nn.Softmax(0)}
    for name, f in (ends | more).items():
        wrong[f"there is {name} after the last layer; logits are asked for"] = by_hand(weights, X, last=f)
    wrong["the pooling takes the mean; the maximum is asked for"] = by_hand(weights, X, pool=F.avg_pool2d)
    places = {"the first convolution": "0", "the second convolution": "1", "the dense layer of 128": "2"}
    for name, out in {**places, "the convolutions": "01", "the hidden layers": "012"}.items():
        acts = [torch.clone if str(i) in out else F.relu for i in range(3)]
        wrong[f"there is no ReLU after {name}"] = by_hand(weights, X, acts)
    for act in (torch.sigmoid, torch.tanh, F.gelu, F.leaky_relu, F.elu, F.silu):
        wrong[f"the activations are {act.__name__}; ReLU is asked for"] = by_hand(weights, X, (act,) * 3)
    wrong["forward normalises the pictures first; take x as it is"] = by_hand(weights, 2 * X - 1)
    return wrong


def without_gradient(net, X):
    """Of the weights and biases of net, and of another net, whether the scores of X leave them without a gradient."""
    net(X).sum().backward()
    return [[p.grad is None for p in each.parameters()] for each in (net, CNNNet())]


with check.case("has the right layers and 173,742 parameters", points=1):
    net = CNNNet()
    check.that(isinstance(net, nn.Module), "CNNNet should be a subclass of nn.Module")
    right = 173742
    wrong = {"the biases of the convolutions are missing": right - 52, "the biases are missing": right - 190}
    wrong["the convolutions have padding: they should have none"] = right + 128 * 36 * 28
    wrong["the second convolution has 5 x 5 kernels; they are 3 x 3"] = right + 9216 - 128 * 36 * 11
    wrong["the dense layer of 128 is missing"] = 1200 + 16 + 5184 + 36 + 12960 + 10
    wrong["the layers must be attributes (self.conv1 = ...), or torch does not find their parameters"] = 0
    sizes = sorted(check.made(lambda net: [p.numel() for p in net.parameters()], net))
    check.equal(sum(sizes), right, "the number of parameters", known=wrong)
    check.equal(sizes, sorted(SHAPES), "the sizes of the weights and biases")
    inputs = [check.normal((n, 3, 32, 32)) for n in (1, 3)]
    for X, found in zip(inputs, check.in_turn(net, [(X,) for X in inputs])):
        check.like(found, torch.zeros(len(X), 10))
with check.case("ReLU between the layers, max pooling, and nothing after the logits", points=1.5):
    (net, weights), X = check.made(net_and_weights), 4 * check.normal((2, 3, 32, 32))
    expected = by_hand(weights, X)
    found, again = check.each(net, [(X,), (X,)])
    check.like(found, torch.zeros(2, 10))
    words = "two calls give different scores: is there a dropout, or a layer that forward makes anew?"
    check.that(torch.allclose(again, found), words)
    check.close(found, expected, known=lambda: mistakes(weights, X), atol=1e-4)
    check.that(found.requires_grad, "the scores have lost their graph, so the net cannot be trained")
    cut, others = check.made(without_gradient, net, X[:1])
    check.that(all(others), "two nets have the same weights: make the layers of each net in its __init__")
    check.that(not any(cut), "some layers get no gradient: is there a detach, or a no_grad, in forward?")
with check.case("refuses pictures of another shape, instead of mixing them up", points=1):
    net = CNNNet()
    shapes = (4, 3, 44, 44), (2, 3, 33, 33), (2, 3, 32, 35), (2, 3, 28, 32), (3, 32, 32), (2, 1, 32, 32)
    check.each_raises(ValueError, net, [(torch.zeros(shape),) for shape in shapes])
### BEGIN HIDDEN TESTS
with check.case("the same on other pictures", points=0.5, hidden=True):
    net, weights = check.made(net_and_weights, torch.float64)
    X = 9 * check.normal((2, 3, 32, 32), dtype=torch.float64)
    found, one = check.made(lambda net: (net(X), net.eval()(X[:1])), net)
    expected = by_hand(weights, X)
    check.close(found, expected, atol=1e-4)
    check.close(one, expected[:1], atol=1e-4)
    shapes = (1, 3, 35, 35), (2, 32, 32, 3), (2, 4, 32, 32), (3072,), (1, 2, 3, 32, 32)
    check.each_raises(ValueError, net, [(torch.zeros(shape, dtype=torch.float64),) for shape in shapes])
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 5 A loss that nobody sees

The same folder holds the training loop. With batches of 4, the 50,000 pictures of the real CIFAR-10 make 12,500 batches, `i` from 0 to 12,499.

```python
for epoch in range(10):
    running_loss = 0.0
    for i, (inputs, labels) in enumerate(trainloader):
        optimizer.zero_grad()
        loss = criterion(net(inputs), labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    if i % 2000 == 1999:                       # every 2,000 batches
        print(epoch + 1, i + 1, running_loss / 2000)
        running_loss = 0.0
        print("Finished Training")
```

**What does it print** in ten epochs? Work it out before you read on. (Look at the indentation, and compute 12,499 modulo 2,000.)

<details><summary>Answer</summary>

Nothing at all. The `if` is outside the inner loop, so it is reached once per epoch, with `i` = 12,499. And 12,499 mod 2,000 is 499. (With 2,000, 4,000, ... batches it would print once per epoch, a sum over *all* batches divided by 2,000, and then "Finished Training" each time.)
</details>

### Exercise 15.4: `running_means` &nbsp; (3 points, about 12 minutes, ★★☆)

Write the report that was meant, as a function of the list of losses: after each block of `every` steps, the mean of that block. A shorter block at the end is reported, too, with its own mean.

<details><summary>Hint 1</summary>

`range(0, len(losses), every)` gives the place where each block starts. A slice that reaches beyond the end of a list is just shorter.

<details><summary>Hint 2</summary>

By which number must you divide the sum of the last block? And how do you compute the (1-based) step at which a block ends?

</details></details>
"""


# %% exercise="running_means"
def running_means(losses, every):
    """The mean loss of each block of `every` steps.

    losses: list of floats, one for each step; it may be empty, and is unchanged. every: int, at least 1.
    Returns a list of pairs (step, mean): steps every, 2 * every, ... (counted from 1) with the mean of the last `every` losses;
    if some losses are left over, they come last, at step len(losses), with their own mean.
    """
    ### BEGIN SOLUTION
    report = []
    for start in range(0, len(losses), every):
        block = losses[start : start + every]
        report.append((start + len(block), sum(block) / len(block)))
    return report
    ### END SOLUTION


# %% test="running_means"
check.exercise("running_means", points=3)


def report_of(losses, every):
    """The student's report as a list of steps and a list of means."""
    found = check.unchanged(running_means, losses, every)
    words = "return it, do not print it" if found is None else f"found a value of type {type(found).__name__}"
    check.that(isinstance(found, list), f"a list of pairs (step, mean) is asked for: {words}")
    pairs = all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in found)
    check.that(pairs, "each entry is a pair (step, mean)")
    texts = any(isinstance(value, str) for pair in found for value in pair)
    check.that(not texts, "step and mean are numbers, not texts")
    check.that(all(float(step) == int(step) for step, _ in found), "the steps are whole numbers")
    return [int(step) for step, _ in found], [float(mean) for _, mean in found]


with check.case("the mean of each block, at steps every, 2 * every, ...", points=1):
    steps, means = report_of([8.0, 4.0, 3.0, 1.0, 2.0, 0.0], 2)
    wrong = {"steps are counted from 1: the first block ends at step `every`": [1, 3, 5]}
    wrong["these are the numbers of the blocks; give the step at which each ends"] = [1, 2, 3]
    wrong["these are the steps where the blocks start"] = [0, 2, 4]
    wrong["the last block is missing"] = [2, 4]
    wrong["the two are exchanged: (step, mean) is asked for"] = [6, 2, 1]
    wrong["only the last block is reported: is the report behind the loop, not in it?"] = [6]
    wrong["there is one block too many: nothing is left over here"] = [2, 4, 6, 6]
    wrong["only the first block is reported: is the return inside the loop?"] = [2]
    wrong["there is an entry for each step; give one for each block"] = [1, 2, 3, 4, 5, 6]
    wrong["the blocks overlap; the next one starts where the last one ends"] = [2, 3, 4, 5, 6]
    wrong["there is a report at step 0, before anything was measured"] = [0, 2, 4, 6]
    check.equal(steps, [2, 4, 6], "the steps for six losses, every = 2", known=wrong)
    wrong = {"the sum is not set back to 0 after each report": [6.0, 8.0, 9.0]}
    wrong["this is the mean of all losses so far; take the last block alone"] = [6.0, 4.0, 3.0]
    wrong["these are the sums of the blocks"] = [12.0, 4.0, 2.0]
    wrong["this is the last loss of each block"] = [4.0, 1.0, 0.0]
    wrong["this is the first loss of each block"] = [8.0, 3.0, 2.0]
    check.close(means, [6.0, 2.0, 1.0], "the means for [8, 4, 3, 1, 2, 0], every = 2", known=wrong)
with check.case("what is left over comes last, with its own mean", points=1):
    steps, means = report_of([5.0, 1.0, 6.0, 4.0, 9.0, 2.0, 8.0, 4.0], 3)
    wrong = {"the two losses at the end are missing": [3, 6], "the last step is len(losses)": [3, 6, 9]}
    check.equal(steps, [3, 6, 8], "the steps for eight losses, every = 3", known=wrong)
    wrong = {"the last sum must be divided by 2 (what is left over), not by every": [4.0, 5.0, 4.0]}
    wrong["the last entry is a mean of the last three losses; only two are left over"] = [4.0, 5.0, 14 / 3]
    wrong["the last entry is the mean of all losses"] = [4.0, 5.0, 39 / 8]
    check.close(means, [4.0, 5.0, 6.0], "the means", known=wrong)
with check.case("a short list, an empty one, and every = 1", points=0.5):
    wrong = {"nothing is reported": ([], [])}
    check.equal(report_of([2.0, 6.0], 5), ([2], [4.0]), "two losses, every = 5", known=wrong)
    check.equal(report_of([], 3), ([], []), "no losses")
    check.equal(report_of([3.0, 1.0], 1), ([1, 2], [3.0, 1.0]), "two losses, every = 1")
    wrong = {"the mean is rounded; return it as it is": [0.33]}
    check.close(report_of([1.0, 0.0, 0.0], 3)[1], [1 / 3], "the mean of [1, 0, 0]", known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same on other losses", points=0.5, hidden=True):
    for n, every in ((10, 4), (9, 3), (1, 1), (7, 6), (23, 5), (4, 9)):
        losses = check.uniform((n,), 0, 3, torch.float64).tolist()
        blocks = [losses[i : i + every] for i in range(0, n, every)]
        steps, means = report_of(losses, every)
        check.equal(steps, [min(n, every * k) for k in range(1, len(blocks) + 1)])
        check.close(means, [sum(block) / len(block) for block in blocks], atol=1e-6)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 6 What each repair is worth

There are three kinds of bugs. Some stop the program: `download=False`, `batches.next()`. They cost time, and no accuracy. Some mislead: the report that never comes, `view`, a validation set that does not exist, and
`print("%d %%" % accuracy)`, which turns 59.9 into 59. And some make the network worse. For these, only a measurement tells how much. **Predict** an order: the network as found with its own normalisation (0.5), the network without ReLU on the scores, the same with standardised
inputs, the same with inputs in [0, 1].

The test in the old folder has `_, predicted = torch.max(outputs.data, 1)`. It is right: `torch.max` along an axis gives the largest values and their places. Today one writes `outputs.argmax(1)`.

The comparison is fair if nothing else differs: the same 2,000 pictures, the same seed, the same 800 steps with batches of 4, and the rate (0.001) and momentum (0.9) of the old folder.
"""


# %%
def course_net():
    """The repaired network, made of torch's own layers that find out their number of inputs."""

    def block(channels, size):
        return nn.LazyConv2d(channels, size), nn.MaxPool2d(2), nn.ReLU()

    net = nn.Sequential(
        *block(16, 5), *block(36, 3), nn.Flatten(), nn.LazyLinear(128), nn.ReLU(), nn.LazyLinear(10)
    )
    net(torch.zeros(1, 3, 32, 32))
    return net


def fit(net, X, y, *, epochs, lr, batch_size=50, change=None, sgd=False, max_steps=None, seed=0):
    """Train net on normalised pictures. Returns the losses of all steps.

    change(batch, generator) alters a batch of pictures. sgd: plain SGD with momentum 0.9 at a constant rate; otherwise Adam
    with a rate that rises to lr and falls again (chapter 11).
    """
    generator, losses = torch.Generator().manual_seed(seed), []
    total = epochs * -(-len(X) // batch_size)
    optimizer = (
        torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
        if sgd
        else torch.optim.Adam(net.parameters(), lr=lr)
    )
    schedule = None if sgd else torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=total)
    net.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            batch = X[rows] if change is None else change(X[rows], generator=generator)
            loss = F.cross_entropy(net(batch), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if schedule:
                schedule.step()
            losses.append(loss.item())
            if len(losses) == max_steps:
                return losses
    return losses


@torch.no_grad()
def scores_of(net, X):
    """The logits (n, 10) in evaluation mode."""
    net.eval()
    return torch.cat([net(part) for part in X.split(500)])


def accuracy(net, X, y):
    """The share of right answers in evaluation mode."""
    return (scores_of(net, X).argmax(1) == y).float().mean().item()


def as_fast_as_possible(X, make_net):
    """X in the order of memory that convolutions prefer (channels last), if make_net()'s network can take it."""
    fast = X.contiguous(memory_format=torch.channels_last)
    try:
        make_net()(fast[:2])
    except RuntimeError:
        return X
    return fast


# %% tags=["experiment"]
my_net = cu.yours(CNNNet, instead=course_net)
report = cu.yours(
    running_means,
    instead=lambda losses, every: [
        *pd.Series(losses).groupby(lambda i: i // every).agg(lambda b: (b.index[-1] + 1, b.mean()))
    ],
)
inputs = {name: as_fast_as_possible(x, my_net) for name, x in inputs.items()}
few = train_rows[:2000]
rungs = {
    "as found": (FoundNet, "0.5 and 0.5"),
    "no last ReLU": (my_net, "0.5 and 0.5"),
    "and standardised": (my_net, "standardised"),
    "or in [0, 1]": (my_net, "[0, 1]"),
}
ladder, curves, never = {}, {}, {}
for name, (make_net, way) in rungs.items():
    torch.manual_seed(1)
    net = make_net()
    X = inputs[way].contiguous() if make_net is FoundNet else inputs[way]
    losses = fit(net, X[few], labels[few], epochs=2, lr=0.001, batch_size=4, sgd=True, max_steps=800)
    given = scores_of(net, X[valid_rows]).argmax(1)
    ladder[name] = (given == labels[valid_rows]).float().mean().item()
    never[name] = 10 - len(given.unique())
    curves[name] = report(losses, 100)
cu.plots.curves(
    {name: [mean for _, mean in pairs] for name, pairs in curves.items()},
    xs={name: [step for step, _ in pairs] for name, pairs in curves.items()},
    x="step",
    y="mean loss of 100 steps",
    title="The report that was missing: at the start, every network has a loss of log 10 = 2.303",
    alt="Four curves start at 2.30; with standardised inputs the loss falls fastest, then without the ReLU; as found, and on inputs from 0 to 1, it hardly falls",
)
cu.plots.bars(
    list(ladder.values()),
    labels=list(ladder),
    y="validation accuracy",
    title="After 800 steps: each repair helps, and the inputs matter as much as the bug",
    alt="Four bars: the network as found is little better than guessing, 0.1; without the ReLU higher; standardised highest; in [0, 1] it is as low as at first",
)
rising = ladder["as found"] < ladder["no last ReLU"] < ladder["and standardised"]
print("each repair raises the validation accuracy:", rising)
print(
    "inputs in [0, 1] are worse than both normalisations:",
    ladder["or in [0, 1]"] < ladder["no last ReLU"],
)
print("as found, some classes are never given:", never["as found"] > 0)
evaluation = scores_of(net, X[:8])
print("train() or eval() makes no difference for this network:", torch.equal(net.train()(X[:8]), evaluation))

# %% [markdown]
r"""
**Why does the ReLU hurt?** Let $z_k \le 0$ be the score of the true class before it. After it the score is 0, and the gradient with respect to $z_k$ is 0 as well: the picture cannot raise the score of its own class. A class whose score is negative for all pictures is never learned; it
has died, like the units of chapter 12. How many classes die depends on the start.

**Why do the inputs matter?** In [0, 1] all inputs are positive, so the gradients for the weights of one unit in the first layer tend to have the same sign, and the mean of each channel acts like a large, constant input. Centring
removes this part. With 0.5 it is removed roughly, and the rest of the gap is scale: with smaller inputs, the same rate makes smaller steps. (Each way could have a better rate of its own; here the old rate is fixed on purpose.)

The last line is a warning. This network has neither dropout nor batch norm, so the missing `eval()` of the old folder did no harm. It will, as soon as somebody adds such a layer (chapter 9).

**And the recipe?** With batches of 50, Adam and a rate that rises and falls, the same network learns much more from the same number of pictures. From here on, all networks use it, with a largest rate of 0.003. It was
chosen among 0.001, 0.002, 0.003 and 0.005 on validation pictures (0.003 and 0.005 were level).

### Exercise 15.5: claims about repairs &nbsp; (2.5 points, about 7 minutes, ★★☆)

Answer "true", "false", or the letter of the one condition under which the claim is true.

1. **"half"**: "Normalising with 0.5 and 0.5 gives a channel mean 0 and standard deviation 1."
   (a) if its mean and standard deviation are 0.5 before, (b) if the pictures are uint8, (c) if it is computed on training pictures.
2. **"view"**: "If the pictures have the wrong size, `x.view(-1, 1296)` raises an error."
   (a) if there is more than one picture, (b) if the count of values in the last feature maps is no multiple of 1,296, (c) if the pictures are larger than 32×32.
3. **"last relu"**: "A ReLU on the logits changes nothing, since softmax makes all numbers positive anyway."
   (a) if no logit of the network is ever negative, (b) if it is removed for the test, (c) if the loss is cross-entropy.
4. **"silence"**: "A training loop that prints no loss has not trained the network."
   (a) if there are fewer than 2,000 batches, (b) if the loss is not summed, (c) in the last epoch.
5. **"own numbers"**: "Validation pictures must be standardised by their own mean and standard deviation."
   (a) if they are fewer than the training pictures, (b) if they are darker, (c) if the network has no batch norm.
"""

# %% exercise="claims_repairs"
claims_repairs = {
    "half": "?",
    "view": "?",
    "last relu": "?",
    "silence": "?",
    "own numbers": "?",
}
### BEGIN SOLUTION
claims_repairs = {
    "half": "a",
    "view": "b",
    "last relu": "a",
    "silence": "false",
    "own numbers": "false",
}
### END SOLUTION

# %% test="claims_repairs"
check.exercise("claims_repairs", points=2.5)
CLAIMS = ["half", "view", "last relu", "silence", "own numbers"]
with check.case("every claim is answered with true, false, a, b or c"):
    check.claims(claims_repairs, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("the claims about normalising", points=1, hidden=True):
    check.right(claims_repairs, {"half": "a", "own numbers": "false"}, "look at section 3")
with check.case("the claims about the network and its loop", points=1.5, hidden=True):
    check.right(
        claims_repairs, {"view": "b", "last relu": "a", "silence": "false"}, "look at sections 4 to 6"
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**A good place to stop.** The network is repaired. What follows makes it better, and then measures how good it is.

## 7 Look before you augment

A horse that looks to the left is a horse. If a mirrored picture keeps its label, each training picture can be used in two versions; if the thing may be anywhere, in many more. This is **data augmentation**. Torchvision has a transform
for almost any change. Which of these keep the label?
"""

# %% tags=["experiment"]
changes = {
    "original": v2.Identity(),
    "flip left-right": v2.RandomHorizontalFlip(p=1.0),
    "flip upside down": v2.RandomVerticalFlip(p=1.0),
    "crop": v2.RandomCrop(32, padding=4),
    "resized crop": v2.RandomResizedCrop(32, scale=(0.3, 0.6), ratio=(0.75, 1.33), antialias=True),
    "turn": v2.RandomRotation(30),
    "brightness": v2.ColorJitter(brightness=0.6),
    "contrast": v2.ColorJitter(contrast=0.8),
    "saturation": v2.ColorJitter(saturation=0.9),
    "hue": v2.ColorJitter(hue=0.4),
}
torch.manual_seed(4)
shown = (
    [(labels == CLASSES.index(name)).nonzero()[1].item() for name in ("horse", "ship")]
    if "horse" in CLASSES
    else [0, 1]
)
cu.plots.images(
    torch.stack([change(images[i]) for i in shown for change in changes.values()]),
    titles=[name for _ in shown for name in changes],
    columns=5,
    title="Ten versions of two pictures. Which would you still label the same?",
    alt="A horse and a ship, each in ten versions: mirrored, upside down, shifted with a black border, enlarged, turned, and with "
    "other brightness, contrast, saturation and hue",
)

# %% [markdown]
r"""
The answer depends on the classes, not on the transform. Left and right may be exchanged here, but not for digits (2), letters (b, d) or road signs. There are no horses upside down. Strong changes of hue make a green frog violet, harmless if
colour says little about the class. A crop may cut off what matters: look at the result, never only at the code.

Three rules. (1) Training pictures are augmented, anew in each epoch. Validation and test pictures are not, or their accuracy would be random. So a program has two transforms: `v2.Compose([v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip(), ...])` for training, and the one of section 1 for the rest.
(2) Be careful with a change of size in training alone: `RandomResizedCrop` magnifies, so the training pictures show larger things than the test pictures. (3) The versions should look like pictures that you may get.

### Exercise 15.6: `random_crop_flip` &nbsp; (4 points, about 18 minutes, ★★★)

Write the usual augmentation for a batch at once: zeros around each picture, a window of the old size at a random place, and with probability ½ a horizontal flip. A call like torchvision's `RandomCrop` on a batch would move all pictures alike; here, each picture
has its own place and its own coin.

<details><summary>Hint 1</summary>

`F.pad(x, (padding,) * 4)` adds the border. In it, the window can start in row 0 to 2 · padding: how many places are these? `torch.randint` does not include its upper end. Draw n rows, n columns and n coins.

<details><summary>Hint 2</summary>

A loop over the pictures with a slice for each, and `flip(-1)` for some, then `torch.stack`, is right and fast enough. Without a loop: indices of rows (n, h, 1) and columns (n, 1, w), and one index for the picture (n, 1, 1).

</details></details>
"""


# %% exercise="random_crop_flip"
def random_crop_flip(x, padding=4, generator=None):
    """Random crops of zero-padded pictures, each mirrored left to right with probability 1/2.

    x: (n, c, h, w). Each picture gets `padding` zeros on all four sides; then a window (h, w) at a random place, each of the
    (2 * padding + 1) ** 2 places equally likely; and its own coin for the flip. All channels move together.
    Every random number comes from `generator` if it is given.
    Returns a tensor of x's shape and dtype; x is unchanged.
    """
    ### BEGIN SOLUTION
    n, _, h, w = x.shape
    padded = F.pad(x, (padding,) * 4)
    top = torch.randint(0, 2 * padding + 1, (n,), generator=generator)
    left = torch.randint(0, 2 * padding + 1, (n,), generator=generator)
    flip = torch.rand(n, generator=generator) < 0.5
    rows = top[:, None] + torch.arange(h)  # (n, h)
    columns = left[:, None] + torch.arange(w)  # (n, w)
    columns = torch.where(flip[:, None], columns.flip(1), columns)
    pictures = torch.arange(n)[:, None, None]
    return padded.permute(0, 2, 3, 1)[pictures, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    ### END SOLUTION


# %% test="random_crop_flip"
check.exercise("random_crop_flip", points=4)
SIDES, ALL = ((), (3,)), ((), (3,), (2,), (2, 3))


def found_in(result, x, p, border="constant", flips=SIDES):
    """For each picture (top, left, which flip) of the window that it shows, or -1s: int64 (n, 3)."""
    padded, (h, w), found = F.pad(x.double(), (p,) * 4, mode=border), x.shape[2:], torch.full((len(x), 3), -1)
    windows = padded.unfold(2, h, 1).unfold(3, w, 1)  # (n, c, places, places, h, w)
    for k, axes in enumerate(flips):
        same = (windows == result.double().flip(axes)[:, :, None, None]).all(1).flatten(3).all(3)
        picture, top, left = same.nonzero(as_tuple=True)
        found[picture] = torch.stack([top, left, torch.full_like(top, k)], dim=1)
    return found


def look(result, x, p, zeros="`padding` zeros"):
    """The windows that the pictures show; the case ends if one is no legal window."""
    check.like(result, x)
    found, upside, both = found_in(result, x, p), ((), (2,)), ((), (2, 3))
    if (found < 0).any():
        wrong = {"the flip is upside down; exchange left and right": ("constant", upside)}
        wrong["rows and columns are flipped together; exchange only left and right"] = ("constant", both)
        wrong["pictures are also flipped upside down; exchange only left and right"] = ("constant", ALL)
        wrong["the channels are exchanged; left and right are the last axis"] = ("constant", ((), (1,)))
        wrong["the border repeats the pixels at the edge; fill it with zeros"] = ("replicate", SIDES)
        wrong["the border mirrors the picture; fill it with zeros"] = ("reflect", SIDES)
        wrong["what leaves on one side comes back on the other; fill with zeros"] = ("circular", SIDES)
        for words, (border, flips) in wrong.items():
            check.that((found_in(result, x, p, border, flips) < 0).any(), words)
        apart = [found_in(result[:, c : c + 1], x[:, c : c + 1], p).min() for c in range(x.shape[1])]
        check.that(min(apart) < 0, "the channels of a picture move separately; they must stay together")
        check.fail(f"a result is no window of the picture with {zeros} around it, mirrored or not")
    return found


with check.case("each result is a window of its picture with zeros around, mirrored or not", points=1.5):
    x = check.uniform((60, 2, 4, 6), 1, 2)
    look(check.unchanged(random_crop_flip, x, 2), x, 2)
    x = check.uniform((40, 2, 5, 5), 1, 2)
    places = look(random_crop_flip(x), x, 4, "4 zeros, as many as by default,")[:, :2]
    low, high = places.min(), 8 - places.max()
    check.that(low == 0 or low != high, "by default, padding is 4")
with check.case("each picture has its own place and its own coin", points=1):
    x = check.uniform((600, 1, 3, 4), 1, 2)
    top, left, flip = look(check.unchanged(random_crop_flip, x, 1), x, 1).T
    check.that(len({*zip(top.tolist(), left.tolist())}) > 1, "all pictures are cropped at the same place")
    check.that(flip.max() > 0, "no picture is mirrored")
    check.that(flip.min() < 1, "all pictures are mirrored; each has its own coin")
    check.between(flip.double().mean(), 0.4, 0.6, "the share of mirrored pictures")
    alone = check.made(lambda: torch.cat([random_crop_flip(x[:1].clone(), 0) for _ in range(60)]))
    alone = look(alone, x[:1].expand(60, -1, -1, -1), 0)[:, 2].sum()
    words = "of 60 batches of one picture, about half should be mirrored: each has a coin"
    check.between(alone, 8, 52, words)
    for place, axis in ((top, "row"), (left, "column")):
        check.that(place.max() > place.min(), f"all windows start in the same {axis}")
        counts = place.bincount(minlength=3)
        words = f"the last place is missing along the {axis}s: randint excludes its end, 2 * padding + 1"
        check.that(counts[2] > 0, words)
        check.that(counts[0] > 0, f"place 0 is missing along the {axis}s")
        words = f"the middle {axis} starts too many windows: round() halves the share of the ends"
        check.that(counts[1] < 250, words)
        check.between(counts.min(), 140, 200, f"each of three {axis}s should start about 200 of 600 windows")
        both = ((place - 1.0) * (2.0 * flip - 1)).mean()
        check.that(abs(both) < 0.15, f"the coin depends on the {axis}; draw it separately")
    pairs = (3 * top + left).bincount(minlength=9)
    check.that(pairs.min() > 30, "the column depends on the row; draw two random numbers for each picture")
with check.case("padding 0 only flips; random numbers come from the generator", points=1):
    x = check.uniform((64, 2, 3, 4), 1, 2, torch.float64)
    flip = look(check.unchanged(random_crop_flip, x, 0), x, 0)[:, 2]
    check.between(flip.sum(), 12, 52, "of 64 pictures, about half should be mirrored")

    def draw(generator=None):
        return [random_crop_flip(x, p, generator) for p in (0, 2)]

    check.seeded(draw, "the flip", "the crop", beside=True)
    check.unseeded(draw, "flip", "crop", beside=True)
### BEGIN HIDDEN TESTS
with check.case("the same on other pictures", points=0.5, hidden=True):
    for shape, p in (((100, 2, 4, 5), 3), ((60, 1, 6, 3), 1), ((1, 2, 4, 4), 2)):
        x = check.uniform(shape, 1, 9, torch.float64 if p == 1 else torch.float32)
        found = look(check.unchanged(random_crop_flip, x, p, check.generator(3)), x, p)
        if len(x) > 1:
            check.equal(found.amax(0).tolist(), [2 * p, 2 * p, 1], "the last place, and the flip")
            check.equal(found.amin(0).tolist(), [0, 0, 0], "the first place, and no flip")
    x = check.integers((30, 3, 4, 5), 1, 200).to(torch.uint8)
    look(random_crop_flip(x, 2), x, 2)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Look first.** One picture in 16 versions. Is there one that you would have labelled differently?
"""


# %% tags=["experiment"]
def torchvision_crop_flip(x, padding=4, generator=None):
    """Torchvision's transforms, one picture at a time; they use torch's global random numbers."""
    change = v2.Compose([v2.RandomCrop(tuple(x.shape[2:]), padding=padding), v2.RandomHorizontalFlip()])
    return torch.stack([change(picture) for picture in x])


augment = cu.yours(random_crop_flip, instead=torchvision_crop_flip)
torch.manual_seed(2)
cu.plots.images(
    augment(images[shown[:1] * 16], 4),
    columns=8,
    title="One training picture, as 16 epochs would see it (padding 4)",
    alt="Sixteen versions of one picture, shifted by up to four pixels with black borders, half of them mirrored",
)

# %% [markdown]
r"""
**With and without.** Three networks from the same start: without augmentation, with flips alone (`padding=0`), and with crops of padding 2 as well. Each is trained for 12 epochs on the same 1,500
pictures. **Predict** for training and validation accuracy: which goes up, which goes down?

After normalising, the padding's zero is the mean colour of each channel, not black.
"""

# %% tags=["experiment"]
X, fewer = inputs["standardised"], train_rows[:1500]
plans = {
    "none": None,
    "flips": lambda batch, generator: augment(batch, 0, generator),
    "flips and crops": lambda batch, generator: augment(batch, 2, generator),
}
trained = {}
for name in ("none", "flips"):
    torch.manual_seed(2)
    trained[name] = my_net()
    fit(trained[name], X[fewer], labels[fewer], epochs=12, lr=0.003, change=plans[name], seed=2)

# %% tags=["experiment"]
torch.manual_seed(2)
trained["flips and crops"] = my_net()
fit(
    trained["flips and crops"],
    X[fewer],
    labels[fewer],
    epochs=12,
    lr=0.003,
    change=plans["flips and crops"],
    seed=2,
)
on_train = {name: accuracy(net, X[fewer], labels[fewer]) for name, net in trained.items()}
on_valid = {name: accuracy(net, X[valid_rows], labels[valid_rows]) for name, net in trained.items()}


def draw_gaps(ax):
    for i, (name, values) in enumerate((("training", on_train), ("validation", on_valid))):
        bars = ax.bar(
            [k + 0.4 * i - 0.2 for k in range(3)],
            list(values.values()),
            0.38,
            color=cu.plots.COLOURS[i],
            label=name,
        )
        ax.bar_label(bars, fmt="{:.2f}", fontsize=9)
    ax.set_xticks(range(3), list(on_train))
    ax.set(
        ylabel="accuracy",
        title="Augmentation: lower in training, and the gap to new pictures shrinks",
        ylim=(0, 1.05),
    )
    ax.legend(loc="upper right")


cu.plots.figure(
    draw_gaps,
    alt="Three pairs of bars: without augmentation the training accuracy is far above the validation accuracy; with flips and crops the gap is smaller",
)
gaps = {name: on_train[name] - on_valid[name] for name in trained}
print("the gap is largest without augmentation:", gaps["none"] > max(gaps["flips"], gaps["flips and crops"]))

# %% [markdown]
r"""
Augmentation makes training harder: the versions change from epoch to epoch, so learning by heart takes longer. What it gives is a smaller gap. Whether it pays within a fixed number of steps depends on how long you train: stronger augmentation needs
more epochs. In longer runs by the authors, crops with padding 4 were four points behind no augmentation after 12 epochs, and had caught up after 16.

**This run was picked.** One run of each plan says little: compare the differences with the standard error, 0.015. The authors made fourteen pairs of runs, with and without flips, with other starts, splits and lengths. Flips gained two points of validation accuracy on average, and between
zero and five points in a single pair. The authors saw these results, and then chose the start shown here (seed 2), because its gain on the course's pictures is near the average; with seed 0 there was no difference. So the plot above is an illustration, and the evidence is the average of fourteen pairs. Another start may put the three plans in another order: try one.

**Average at test time.** A flip can also be used for asking: average the probabilities of a picture and of its mirror image (test-time augmentation). A network that has never seen mirrored pictures should gain more from it:
"""


# %% tags=["experiment"]
def with_mirror(net, X):
    """The mean of the probabilities for the pictures and for their mirror images."""
    return (scores_of(net, X).softmax(1) + scores_of(net, X.flip(3)).softmax(1)) / 2


asked_twice = {
    name: (with_mirror(net, X[valid_rows]).argmax(1) == labels[valid_rows]).float().mean().item()
    for name, net in trained.items()
}
cu.plots.bars(
    [asked_twice[name] - on_valid[name] for name in trained],
    labels=list(trained),
    y="gain in validation accuracy",
    title="What asking twice adds, for a network trained with each plan",
    alt="Three bars: the gain is largest for the network that was trained without flips",
)

# %% [markdown]
r"""
## 8 Choose on the validation pictures, report once

The recipe of an honest project has four steps. (1) Make all choices on the validation pictures: here the augmentation with the highest validation accuracy (the rate was chosen in the same way). (2) Train a fresh network with these choices on *all* training pictures, validation pictures included.
(3) Measure it once on the test pictures. (4) Report this number with its standard error, whatever it is.

The report needs a baseline. Without one, nobody knows whether 0.7 is much. A simple one is softmax regression on the 3,072 numbers (chapter 4), with the best of three rates. And how does it compare with guessing?
"""

# %% tags=["experiment"]
chosen = max(on_valid, key=on_valid.get)
torch.manual_seed(0)
final = my_net()
fit(final, X, labels, epochs=6, lr=0.003, change=plans[chosen])
torch.manual_seed(0)
linear = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
_ = fit(linear, X.contiguous(), labels, epochs=6, lr=0.001)

# %% tags=["experiment"]
X_test = as_fast_as_possible(normalize(test_images, MEAN, STD), my_net)
test_scores = scores_of(final, X_test)
right = (test_scores.argmax(1) == test_labels).float()
tested, error = right.mean().item(), math.sqrt(right.mean().item() * (1 - right.mean().item()) / len(right))
baseline = accuracy(linear, X_test.contiguous(), test_labels)


def draw_report(ax):
    values = [0.1, baseline, tested]
    spread = [2 * math.sqrt(v * (1 - v) / len(right)) for v in values]
    bars = ax.bar(
        ["guessing", "softmax regression", "your network"],
        values,
        0.5,
        yerr=[0, *spread[1:]],
        color=cu.plots.COLOURS[0],
        ecolor=cu.plots.INK,
        capsize=6,
    )
    ax.bar_label(bars, fmt="{:.2f}", padding=3)
    ax.set(ylabel="test accuracy", ylim=(0, 1), title="The report: measured once, with two standard errors")


cu.plots.figure(
    draw_report,
    alt="Three bars: guessing 0.1, softmax regression between 0.3 and 0.4, the network between 0.6 and 0.75, with error bars of 0.02",
)
print("the network beats the linear baseline by more than 0.2:", tested - baseline > 0.2)
print("two standard errors on 2,000 pictures: about", round(2 * error, 2))

# %% [markdown]
r"""
**On real photographs.** The same ladder on a part of the real CIFAR-10 (7,728 pictures to train on, 846 to test, so ± 0.033), measured by the authors of this course: the nearest neighbour in the
training pictures 0.27, softmax regression 0.36, `CNNNet` after 10 epochs 0.59 without augmentation, 0.62 with flips and 0.65 with flips and crops of padding 2
(means of two starts), and 0.66 after 25 epochs. With all 50,000 pictures more is possible; residual networks
have passed 0.95. Drawn pictures are not photographs, and the numbers differ. The order is the same: linear model, network, network with augmentation.

<details><summary>Aside: deeper networks, and networks that start from others</summary>

**Residual blocks.** A block computes $F(x)$ with two convolutions and gives $\text{relu}(F(x) + x)$. If the shapes differ, a 1×1 convolution (with stride) brings $x$ into the shape of $F(x)$. With all weights of $F$ at 0, the block passes its (non-negative) input on, so additional blocks do not make the start worse; gradients
have a direct way back. Many networks with an accuracy above 0.9 are made of such blocks with batch norm.

**Fine-tuning.** For a new task with few pictures, copy all layers but the last from a network that was trained on many pictures, put a fresh last layer (the *head*) on top, and train: the copied layers with a small rate, the head with ten times this rate. Two parameter groups of one optimizer do it. If the new pictures are very few, leave the copied layers as they are and train the head alone. With plenty of new pictures, the
advantage over a fresh start goes away. Torchvision offers such networks: `torchvision.models.resnet18(weights="DEFAULT")` downloads one (older code has `pretrained=True`).

**More.** Weight decay of 5e-4 and label smoothing belong to many published recipes for CIFAR-10; mixup trains on blends of two pictures and their labels; an ensemble averages the probabilities of several networks.
</details>

## 9 The same accuracy for less work?

Chapter 9 split a convolution into a depthwise and a pointwise one. Here, replace the second convolution, 3×3 from 16 to 36 channels. **Compute** on paper how many weights and how many multiplications it has (its output has 12×12 pixels), and how many the pair has: 3×3 for each of 16 channels, then 1×1 from 16 to 36.
"""


# %%
def separable_net():
    """CNNNet with a depthwise separable second convolution."""
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 16, 3, groups=16), nn.Conv2d(16, 36, 1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(36 * 6 * 6, 128), nn.ReLU(), nn.Linear(128, 10)),
    )


def count_work(net):
    """A table of the layers with weights: parameters, and multiplications for one picture."""
    rows, hooks = [], []

    def note(layer, _, output):
        places = output.shape[2:].numel()  # 1 for a dense layer
        rows.append((sum(p.numel() for p in layer.parameters()), places * layer.weight.numel()))

    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            hooks.append(layer.register_forward_hook(note))
    net(torch.zeros(1, 3, 32, 32))
    for hook in hooks:
        hook.remove()
    return rows


full_work, separable_work = count_work(course_net()), count_work(separable_net())
for name, rows in (("full", full_work), ("separable", separable_work)):
    print(
        f"{name:10} parameters {sum(p for p, _ in rows):>9,}   multiplications {sum(m for _, m in rows):>10,}"
    )
print(
    "second convolution alone:",
    f"{full_work[1][1]:,} multiplications against {separable_work[1][1] + separable_work[2][1]:,}",
)

# %% tags=["experiment"]
torch.manual_seed(2)
separable = separable_net()
fit(separable, X[fewer], labels[fewer], epochs=12, lr=0.003, seed=2)
pair = {"full": on_valid["none"], "separable": accuracy(separable, X[valid_rows], labels[valid_rows])}


def milliseconds(net):
    """The time for the scores of 100 pictures."""
    with cu.training.Timer() as timer:
        scores_of(net, X[:100])
    return 1000 * timer.seconds


rounds = [(milliseconds(trained["none"]), milliseconds(separable)) for _ in range(20)]
times = [min(column) for column in zip(*rounds)]  # the fastest round is the least disturbed one


def draw_costs(*axes):
    parameters, work = ([sum(row[k] for row in rows) for rows in (full_work, separable_work)] for k in (0, 1))
    rows = [n / 1e3 for n in parameters], [n / 1e6 for n in work], times, list(pair.values())
    names = "parameters (thousands)", "multiplications (millions)", "time (ms)", "validation accuracy"
    for ax, values, y in zip(axes, rows, names):
        ax.bar(list(pair), values, 0.5, color=cu.plots.COLOURS[0])
        ax.set(ylabel=y)
    axes[0].set_title("Parameters: almost the same")
    axes[1].set_title("Work: two thirds")
    axes[2].set_title("100 pictures, here")
    axes[3].set_title("Accuracy: one run each")


cu.plots.figure(
    draw_costs,
    panels=4,
    width=10.0,
    alt="Four pairs of bars: parameters 173,742 and about 169,000; multiplications 1.85 and 1.2 million; times measured on this machine; accuracies that differ little",
)
print("the accuracies differ by less than 0.1:", abs(pair["full"] - pair["separable"]) < 0.1)

# %% [markdown]
r"""
The second convolution becomes about seven times cheaper, the network as a whole only by a third: the first convolution is now most of the work, and the first dense layer still has 95 % of the parameters. Before you make a network smaller, count where its parameters and its multiplications are. Fewer multiplications do not mean proportionally
fewer seconds: compare the second panel with the third. Depthwise convolutions do little work per number that they fetch from memory.

The accuracy is not the same: it was lower in each of six starts that the authors tried, by four points on average (between one and five). The saving has a price.

## 10 Where is it wrong?

One number hides ten. The accuracy of a class, also called its *recall*, is the share of its pictures that are recognised.

### Exercise 15.7: `per_class_accuracy` &nbsp; (3 points, about 12 minutes, ★★☆)

Measure the recall of each class, over all batches. The network must come out in the modes that it had.

<details><summary>Hint 1</summary>

Count for each class two numbers over all batches: its pictures, and how many of them got the right answer. `torch.bincount(y, minlength=num_classes)` counts classes. Divide once, at the end.

<details><summary>Hint 2</summary>

Remember the `training` flag of *every* module before you call `eval()`, and give each one its own back. What is 0 / 0 for floats?

</details></details>
"""


# %% exercise="per_class_accuracy"
def per_class_accuracy(net, data_iter, num_classes):
    """The share of right answers among the pictures of each class.

    net: a Module, X -> scores (b, num_classes); used in evaluation mode and without a graph; afterwards each of its modules is in the
    mode it had. data_iter: batches (X, y), y int64 (b,) in 0 .. num_classes - 1; batches may differ in size.
    Returns a float tensor (num_classes,); nan for a class without examples.
    """
    ### BEGIN SOLUTION
    modes = [(module, module.training) for module in net.modules()]
    total, right = torch.zeros(num_classes), torch.zeros(num_classes)
    net.eval()
    with torch.no_grad():
        for X, y in data_iter:
            hits = y[net(X).argmax(dim=1) == y]
            total += torch.bincount(y, minlength=num_classes)
            right += torch.bincount(hits, minlength=num_classes)
    for module, training in modes:
        module.training = training
    return right / total
    ### END SOLUTION


# %% test="per_class_accuracy"
check.exercise("per_class_accuracy", points=3)


def answers(given, truth, k):
    """A batch for a net that passes its input on: scores whose largest entry, at the given class, is often small."""
    return F.one_hot(torch.tensor(given), k) + check.uniform((len(given), k)), torch.tensor(truth)


def passing(k):
    return check.linear(torch.eye(k))


with check.case("divides the right answers of each class by its examples", points=1):
    first = answers([0, 0, 1, 2, 1, 0, 0], [0, 0, 0, 2, 1, 1, 0], 3)
    last = answers([1, 1, 2, 0], [1, 1, 1, 2], 3)
    words = "it divides by how often a class is given (precision); divide by how often it is true"
    wrong = {words: (3 / 5, 3 / 4, 1 / 2)}
    wrong["it divides by the number of all examples; each class has its own"] = (3 / 11, 3 / 11, 1 / 11)
    wrong["these are counts; divide by the examples of each class"] = (3.0, 3.0, 1.0)
    wrong["it takes the mean of the batches' accuracies; count, and divide once"] = (3 / 4, 7 / 12, 1 / 2)
    wrong["only the first batch counts"] = (3 / 4, 1 / 2, 1.0)
    wrong["only the last batch counts"] = (math.nan, 2 / 3, 0.0)
    wrong["these are the shares of wrong answers"] = (1 / 4, 2 / 5, 1 / 2)
    wrong["refusals count as right answers; count only the pictures of the class"] = (8 / 11, 8 / 11, 9 / 11)
    wrong["all shares are 0: is it max in place of argmax, or `//` in place of `/`?"] = (0.0, 0.0, 0.0)
    wrong["`counts[y] += 1` counts a class once in each batch; use torch.bincount"] = (1.0, 1.0, 1 / 2)
    wrong["these are per cent; shares from 0 to 1 are asked for"] = (75.0, 60.0, 50.0)
    wrong["each class has the same number, the accuracy of all examples"] = (7 / 11,) * 3
    found = check.unchanged(per_class_accuracy, passing(3), [first, last], 3)
    check.close(found, (3 / 4, 3 / 5, 1 / 2), known=wrong, atol=1e-5)
    floats = isinstance(found, torch.Tensor) and found.is_floating_point()
    check.that(floats, "a tensor of floats is asked for")
with check.case("nan for a class without examples, 0 for one that is never right", points=0.5):
    found, nan = per_class_accuracy(passing(4), [answers([0, 3, 1], [0, 1, 0], 4)], 4), math.nan
    wrong = {"a class without examples has no accuracy: give nan, not 0": (0.5, 0.0, 0.0, 0.0)}
    wrong["a class without examples has no accuracy: give nan, not 1"] = (0.5, 0.0, 1.0, 1.0)
    wrong["a class that is never right has accuracy 0, not nan"] = (0.5, nan, nan, nan)
    check.close(found, (0.5, 0.0, nan, nan), known=wrong, atol=1e-5)
with check.case("evaluation mode, no graph, and each module gets its mode back", points=1):
    noting = check.Noting(passing(3))
    net = nn.Sequential(nn.Dropout(0.95), nn.Sequential(nn.Identity(), nn.Dropout(0.9)), noting)
    net[1].eval()
    before = [module.training for module in net.modules()]
    found = per_class_accuracy(net, [answers([0, 1, 2, 2], [0, 1, 2, 1], 3)], 3)
    training, graph = [any(notes) for notes in zip(*noting.notes)] or (False, False)
    check.that(not training, "net is in training mode while it is measured")
    check.that(not graph, "a graph is recorded while the net is measured")
    check.close(found, (1.0, 0.5, 1.0), atol=1e-5)
    after = [module.training for module in net.modules()]
    wrong = {"net is left in evaluation mode": [False] * len(before)}
    wrong["all modules are in training mode now; some were not before"] = [True] * len(before)
    wrong["only net itself gets its mode back; its modules do not"] = [True] + [False] * (len(before) - 1)
    check.equal(after, before, "the modes of net and its modules have changed", known=wrong)
    check.that(torch.is_grad_enabled(), "autograd is switched off afterwards")
### BEGIN HIDDEN TESTS
with check.case("the same on other batches", points=0.5, hidden=True):
    truth, given = check.integers((50,), 0, 6), check.integers((50,), 0, 6)
    given[::2] = truth[::2]
    expected = torch.stack([(given[truth == k] == k).double().mean() for k in range(7)])
    batches = [answers(g.tolist(), t.tolist(), 7) for g, t in zip(given.split(9), truth.split(9))]
    loader, net = check.Counted(batches), passing(7).eval()
    check.close(per_class_accuracy(net, loader, 7), expected, atol=1e-5)
    check.that(not net.training, "a net in evaluation mode is in training mode afterwards")
    check.equal(loader.passes, 1, "the number of passes through data_iter")
### END HIDDEN TESTS
check.score()


# %% tags=["experiment"]
def from_confusion(net, data_iter, num_classes):
    """The diagonal of the confusion matrix, divided by the sums of the rows."""
    X, y = (torch.cat(parts) for parts in zip(*data_iter))
    counts = cu.training.confusion_matrix(y, scores_of(net, X).argmax(1), num_classes)
    return counts.diagonal() / counts.sum(1)


by_class = cu.yours(per_class_accuracy, instead=from_confusion)
test_batches = [*zip(X_test.split(500), test_labels.split(500))]
recall = by_class(final, test_batches, 10)


def draw_recall(ax):
    order = recall.argsort().tolist()
    n = test_labels.bincount(minlength=10)[order]
    values = recall[order].float()
    ax.barh(
        range(10),
        values.tolist(),
        xerr=(2 * (values * (1 - values) / n).sqrt()).tolist(),
        color=cu.plots.COLOURS[0],
        ecolor=cu.plots.INK,
        capsize=3,
    )
    ax.axvline(tested, color=cu.plots.COLOURS[1], linestyle="--", label="all classes")
    ax.set_yticks(range(10), [CLASSES[k] for k in order])
    ax.set(
        xlabel="test accuracy of the class (bars: two standard errors)",
        xlim=(0, 1),
        title="One accuracy, ten different ones",
    )
    ax.legend(loc="lower right")


cu.plots.figure(
    draw_recall,
    height=3.6,
    alt="Ten horizontal bars from the hardest class to the easiest, with error bars of about 0.06, and a dashed line for the mean",
)
answer = test_scores.argmax(1)
cu.plots.confusion(
    cu.training.confusion_matrix(test_labels, answer, 10),
    CLASSES,
    title="What it takes for what: 200 test pictures of each class",
    alt="A ten by ten table of counts; besides the diagonal, cat and dog, automobile and truck, deer and horse are often exchanged",
)
print(
    "the mean of the ten class accuracies is the accuracy, as the classes are equally large:",
    bool(abs(recall.mean() - tested) < 0.02),
)

# %% [markdown]
r"""
With 200 pictures per class the error bars are three times as wide as for all 2,000 together. Which of the differences between classes can you trust?

**The surest mistakes.** Among the wrong answers, look at those that the network is most certain of. They hint at what it looks at.
"""

# %% tags=["experiment"]
confidence = test_scores.softmax(1).amax(1)
surest = torch.where(answer == test_labels, torch.zeros_like(confidence), confidence).topk(12).indices
cu.plots.images(
    test_images[surest],
    titles=[f"{CLASSES[test_labels[i]]}\ntaken for {CLASSES[answer[i]]}" for i in surest.tolist()],
    columns=6,
    title="Wrong, and certain",
    alt="Twelve test pictures with their true class and the class that the network gave",
)

# %% [markdown]
r"""
**A ship on a meadow.** Many ships are at sea and many cars on a road. Has the network learned ships, or the sea? The pictures of this course are drawn by code, so the question can be put directly: the *same* 1,000 things once where they belong, and once somewhere else. **Predict** how much accuracy the network loses, and
how much the linear model loses.
"""

# %% tags=["experiment"]
settings = {
    name: thumbnails.draw(1000, seed=9, habitat=share)
    for name, share in (("at home", 1.0), ("elsewhere", 0.0))
}
pictures = {name: torch.from_numpy(drawn).permute(0, 3, 1, 2) for name, (drawn, _) in settings.items()}
kinds = torch.from_numpy(settings["at home"][1]).long()
cu.plots.images(
    torch.cat(
        [pictures[name][[(kinds == k).nonzero()[1].item() for k in (8, 1, 3, 0, 7, 6)]] for name in settings]
    ),
    columns=6,
    title="The same six things: at home above, elsewhere below",
    alt="A ship, a car, a cat, an airplane, a horse and a frog in their usual surroundings, and below in others",
)
found = {
    name: [
        accuracy(net, as_fast_as_possible(normalize(pictures[place], MEAN, STD), my_net).contiguous(), kinds)
        for place in settings
    ]
    for name, net in (("linear model", linear), ("your network", final))
}


def draw_places(ax):
    for i, place in enumerate(settings):
        bars = ax.bar(
            [k + 0.4 * i - 0.2 for k in range(2)],
            [values[i] for values in found.values()],
            0.38,
            color=cu.plots.COLOURS[i],
            label=place,
        )
        ax.bar_label(bars, fmt="{:.2f}", fontsize=9)
    ax.set_xticks(range(2), list(found))
    ax.set(ylabel="accuracy", ylim=(0, 1), title="Part of what was learned is the surroundings")
    ax.legend(loc="upper left")


cu.plots.figure(
    draw_places,
    alt="Two pairs of bars: both models are worse elsewhere than at home; the linear model loses about half of its accuracy",
)
share = {name: there / home for name, (home, there) in found.items()}
print("both lose accuracy elsewhere:", max(share.values()) < 0.95)
print("the linear model loses the larger part:", share["linear model"] < share["your network"])

# %% [markdown]
r"""
The test set has not shown this, because its pictures come from the same source: most ships are at sea there, too. A good test accuracy says that the network works on pictures *like these*. Whoever uses it elsewhere has to measure again.

## 11 How sure is it, and how right?

A weather forecaster is *calibrated* if it rains on 80 % of the days for which she says "80 %". For a classifier: sort the answers by confidence (the largest probability) into bins, and compare in each bin the mean confidence with the share of right answers. The plot is called a **reliability diagram**; the
mean distance, weighted by the number of answers in each bin, is the **expected calibration error**:

$$\text{ECE} = \sum_b \frac{n_b}{n} \left| \text{acc}_b - \text{conf}_b \right| .$$

Accuracy does not change if all scores are multiplied by a positive number, since the order stays the same. Confidence does. Dividing the scores by a **temperature** $T > 1$ makes a network less sure, $T < 1$ surer.

**Try it.** A made-up network is right as often as its true probabilities say, but somebody has multiplied its scores. *Goal: find the temperature at which the ECE is below 0.02.* **Predict** first in which direction to go: its dots lie below the diagonal.
"""


# %% jupyter={"source_hidden": true}
def ece_bins(probabilities, y, bins=10):
    """(mean confidence, share of right answers, share of all answers) of each bin with answers, and the ECE."""
    confidence, given = probabilities.max(1)
    place = (confidence * bins).long().clamp(max=bins - 1)
    rows = [
        (
            confidence[place == b].mean().item(),
            (given == y)[place == b].float().mean().item(),
            (place == b).float().mean().item(),
        )
        for b in place.unique()
    ]
    return rows, sum(n * abs(acc - conf) for conf, acc, n in rows)


def draw_bins(ax, rows, title, colour=0):
    """A reliability diagram; the area of a dot shows how many answers it stands for."""
    ax.plot([0, 1], [0, 1], color="#999999", linewidth=1)
    conf, acc, share = zip(*rows)
    ax.scatter(conf, acc, s=[20 + 600 * n for n in share], color=cu.plots.COLOURS[colour], alpha=0.75)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="share of right answers", title=title)


g = torch.Generator().manual_seed(3)
true_scores = 2 * torch.randn(4000, 10, generator=g)
made_up_labels = torch.multinomial(true_scores.softmax(1), 1, generator=g).flatten()
made_up_scores = 2.2 * true_scores


def draw_temperature(ax, temperature):
    """The made-up network at this temperature. Returns a comment on the goal."""
    rows, ece = ece_bins((made_up_scores / temperature).softmax(1), made_up_labels)
    draw_bins(ax, rows, f"temperature {temperature:.1f}: ECE {ece:.3f}")
    right_now = (made_up_scores.argmax(1) == made_up_labels).float().mean().item()
    side = "too sure" if sum(n * (conf - acc) for conf, acc, n in rows) > 0 else "not sure enough"
    if ece < 0.02:
        return f"Goal reached at T = {temperature:.1f}; the accuracy is still {right_now:.2f}."
    return f"The network is {side}. The accuracy is {right_now:.2f} at every temperature."


cu.demo.explore(
    draw_temperature,
    temperature=ipywidgets.FloatSlider(value=1.0, min=0.5, max=4.0, step=0.1),
    width=4.6,
    height=3.6,
    alt="A reliability diagram: confidence against the share of right answers in ten bins, at the chosen temperature",
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_temperature(ax, 1.0),
    width=4.6,
    height=3.6,
    alt="At temperature 1, the dots lie below the diagonal: the network is too sure",
)

# %% [markdown]
r"""
**Your network.** Compare two: the one without augmentation, trained for 12 epochs on 1,500 pictures, and the final one. Each gets the temperature at which the mean cross-entropy of half of the validation pictures is lowest; the other half is for the measurement. (For the final network, which has been trained on the validation pictures,
half of the test pictures have to serve. This is one number fitted to 1,000 answers, and the accuracy is not touched by it.)
"""


# %% tags=["experiment"]
def best_temperature(scores, y):
    """The T from 0.5 to 5 with the lowest mean cross-entropy."""
    return min((0.5 + 0.05 * k for k in range(91)), key=lambda T: F.cross_entropy(scores / T, y).item())


halves = {
    "no augmentation": (scores_of(trained["none"], X[valid_rows]), labels[valid_rows]),
    "final network": (test_scores, test_labels),
}
calibration = {}
for name, (scores, y) in halves.items():
    middle = len(y) // 2
    T = best_temperature(scores[:middle], y[:middle])
    rest, truth = scores[middle:], y[middle:]
    calibration[name] = {
        "T": T,
        "before": ece_bins(rest.softmax(1), truth),
        "after": ece_bins((rest / T).softmax(1), truth),
    }


def draw_calibration(*axes):
    for ax, (name, found) in zip(axes, calibration.items()):
        for i, when in enumerate(("before", "after")):
            draw_bins(ax, found[when][0], f"{name}, T = {found['T']:.2f}", colour=1 - i)
            ax.text(0.03, 0.92 - 0.1 * i, f"{when}: ECE {found[when][1]:.3f}", color=cu.plots.COLOURS[1 - i])


cu.plots.figure(
    draw_calibration,
    panels=2,
    width=8.0,
    height=3.8,
    alt="Two reliability diagrams, before and after dividing by a temperature. Without augmentation the dots lie far below the diagonal before, and near it after; the final network is closer to it from the start",
)
plain, last = calibration["no augmentation"], calibration["final network"]
print("without augmentation, the network is too sure (T above 1.2):", plain["T"] > 1.2)
print("its temperature lowers the ECE:", plain["after"][1] < plain["before"][1])
print("the final network starts with the lower ECE:", last["before"][1] < plain["before"][1])

# %% [markdown]
r"""
A network that has learned its training pictures by heart is right on almost all of them, and its scores grow as long as it is trained. On new pictures this confidence is not justified. One number, fitted on pictures that it has not been trained on, repairs
most of it. The final network has seen more pictures and knows fewer of them by heart. There is little to repair, and a difference of 0.01 in the ECE of 1,000 answers means nothing.

### Exercise 15.8: claims about reports &nbsp; (2.5 points, about 7 minutes, ★★☆)

Answer "true", "false", or the letter of the one condition under which the claim is true.

1. **"mirror"**: "A horizontal flip keeps the label of a picture."
   (a) if no class is told from another by left and right, (b) if it is applied to half of the pictures, (c) if the network has pooling layers.
2. **"test too"**: "Validation pictures should be augmented like the training pictures, for a fair comparison."
   (a) if flips are among the changes, (b) if the comparison is repeated, (c) if the training accuracy is low.
3. **"sure"**: "An answer with probability 0.9 is right in 90 % of the cases."
   (a) if the network is calibrated, (b) if the accuracy is 0.9, (c) if the network has a softmax.
4. **"temperature"**: "Dividing all scores by a temperature of 2 changes the accuracy."
   (a) if the network is too sure, (b) if it is calibrated, (c) if it was trained with augmentation.
5. **"elsewhere"**: "A network with 70 % test accuracy is right on about 70 % of a user's pictures."
   (a) if the user's pictures come from the same source as the test pictures, (b) if the test set was used once, (c) if all classes are equally frequent.
"""

# %% exercise="claims_reports"
claims_reports = {
    "mirror": "?",
    "test too": "?",
    "sure": "?",
    "temperature": "?",
    "elsewhere": "?",
}
### BEGIN SOLUTION
claims_reports = {
    "mirror": "a",
    "test too": "false",
    "sure": "a",
    "temperature": "false",
    "elsewhere": "a",
}
### END SOLUTION

# %% test="claims_reports"
check.exercise("claims_reports", points=2.5)
CLAIMS = ["mirror", "test too", "sure", "temperature", "elsewhere"]
with check.case("every claim is answered with true, false, a, b or c"):
    check.claims(claims_reports, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("the claims about augmentation", points=1, hidden=True):
    check.right(claims_reports, {"mirror": "a", "test too": "false"}, "look at section 7")
with check.case("the claims about confidence and use", points=1.5, hidden=True):
    check.right(
        claims_reports, {"sure": "a", "temperature": "false", "elsewhere": "a"}, "look at sections 10 and 11"
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 12 The card of your network

Whoever gets a network from you will not read the notebook. A **model card** says on one page what it is for, which data it was made with, how good it is and for what, and where its limits are. The numbers below have been measured in this session, on your network; read them as a buyer would. Which question does the card not answer?
"""


# %% tags=["experiment"]
def draw_card(left, right_side):
    for ax in (left, right_side):
        ax.set_axis_off()
    weakest, strongest = recall.argsort()[[0, 1]].tolist(), recall.argsort()[[-1, -2]].tolist()
    at_home, away = found["your network"]
    lines = [
        ("Model", f"CNNNet, {sum(p.numel() for p in final.parameters()):,} parameters, {sum(m for _, m in full_work) / 1e6:.2f} million\nmultiplications per picture"),
        ("Data", f"{len(labels):,} training pictures 32 x 32 in ten classes,\n{'drawn by code' if isinstance(train_set, cu.data.DrawnCIFAR10) else 'CIFAR-10'}; augmentation: {chosen}"),
        ("Intended use", "learning how image classifiers work.\nNot for decisions about people, animals or traffic"),
        ("Test accuracy", f"{tested:.3f}, 95 % interval {tested - 1.96 * error:.3f} to {tested + 1.96 * error:.3f}\n({len(right):,} pictures, measured once; linear baseline {baseline:.3f})"),
        ("Calibration", f"ECE {last['before'][1]:.3f}; with temperature {last['T']:.2f}: {last['after'][1]:.3f}"),
        ("Limits", f"weakest: {', '.join(CLASSES[k] for k in weakest)}; strongest: {', '.join(CLASSES[k] for k in strongest)}.\nIn unusual surroundings {away:.2f} in place of {at_home:.2f}.\nOther sizes are refused; other kinds of things get one of\nthe ten names all the same"),
    ]  # fmt: skip
    y = 0.98
    for head, text in lines:
        left.text(0, y, head, fontweight="bold", va="top")
        left.text(0.0, y - 0.055, text, va="top", fontsize=9)
        y -= 0.085 + 0.052 * (text.count("\n") + 1)
    left.set_title("Model card: your network")
    chart = right_side.inset_axes((0.28, 0.08, 0.7, 0.84))
    order = recall.argsort().tolist()
    chart.barh(range(10), recall[order].tolist(), color=cu.plots.COLOURS[0])
    chart.set_yticks(range(10), [CLASSES[k] for k in order])
    chart.set(xlim=(0, 1), xlabel="accuracy", title="By class")


cu.plots.figure(
    draw_card,
    panels=2,
    width=9.0,
    height=5.2,
    alt="A page with the headings model, data, intended use, test accuracy, calibration and limits, each with measured numbers, and a bar chart of the accuracy by class",
)
print("the interval holds the accuracy and is less than 0.05 wide:", 2 * 1.96 * error < 0.05)

# %% [markdown]
r"""
### Exercise 15.9: in your own words &nbsp; (2 points, about 10 minutes, marked by your instructor)

A nature park wants to count deer and birds with cameras at its waterholes, day and night. Somebody offers a network "with 71 % accuracy on CIFAR-10" and proposes to buy it, because "it knows deer and birds". The answers with probability below 0.9 would be thrown away, "so at least 90 % of the rest is right". Write to the park's
director: what does the number 71 % say about their pictures, and what not? What is wrong with the argument about 0.9? Which measurements, on which pictures, would you ask for before they decide?
"""

# %% [markdown] written="nature_park" points=2
r"""
**Model answer.** 71 % is the share of right answers on test pictures from the same source as the training pictures: ten classes, equally frequent, small, mostly by day. In the park, the surroundings, the light, the sizes of the animals and the share of each class differ, there are animals that are none of the ten, and empty pictures; the
network gives one of its ten names to all of them. So the accuracy there is unknown and probably lower, and the numbers of deer and birds may be far from 71 %. The argument about 0.9 assumes a calibrated network; networks are often too sure, and calibration, too, was measured on other pictures. Throwing away unsure answers also changes
the counts: hard pictures (night) are not a random part. Before deciding: label a random sample of the park's own pictures, from all cameras, day and night; measure accuracy or recall and precision for deer and bird with intervals, how often something is counted on empty pictures, and a reliability diagram; fit the temperature on one part and measure on another; then fine-tune if needed.

**Mark scheme.** ½ point: the number holds for pictures from the same source (another distribution, class shares or unknown classes named). ½ point: 0.9 is only right if calibrated, or calibrated elsewhere. ½ point: a labelled sample of the park's own pictures, not used for training. ½ point: at least two fitting measurements (per class, interval, calibration, empty
pictures, day against night).
"""

# %% [markdown]
r"""
## 13 Looking back

This chapter has used something from each chapter before it. Go through the list, and stop at lines where you could not explain the right column to a friend.

| chapter | what it gave | where you have just used it |
|---|---|---|
| 1 Tensors | shapes, broadcasting, views | mean and std of shape (3, 1, 1); the trap of `view(-1, 1296)` |
| 2 Autograd | gradients through any code | why a ReLU on the scores stops learning |
| 3 Linear regression | the five steps of training | the loop of the old folder |
| 4 Softmax regression | logits, cross-entropy, confusion | the baseline; the loss that expects logits |
| 5 MLP, dropout | hidden layers, parameters | where 95 % of the parameters are |
| 6 House prices | preprocessing without leaks | statistics of the training pictures only |
| 7 Saving, devices | checkpoints | a card needs a saved network: `torch.save(final.state_dict(), ...)` |
| 8 Convolutions | sizes, sharing, pooling | 32 → 28 → 14 → 12 → 6 |
| 9 VGG, batch norm | blocks, modes, depthwise | `eval()`; the separable network |
| 10 Optimizers | momentum, Adam | SGD of the old folder against Adam |
| 11 Schedules | warm-up and decay | the rate that rises and falls |
| 12 Activations | dead units, starts | dead classes; why inputs are centred |
| 13 Generalisation | validation, intervals, overfitting | choose there, report once |
| 14 Detection | where, not only what | what this network cannot do: two things in one picture |

What to do next, in order of effort: run this chapter on the real pictures (`make data`); train for 40 epochs with crops of padding 4; write a residual network with batch norm; take your own photographs in three classes, and make a model card for them.

## Recap

- `CIFAR10` gives PIL pictures, transforms make tensors of them, `DataLoader` makes batches; `next(iter(loader))` gives one.
- Normalising with 0.5 changes the range to [−1, 1]. Standardising uses the mean and standard deviation of the training pictures' channels.
- Logits get no ReLU. `flatten(1)` keeps the batch axis; a check of the shape refuses what does not fit. Report means of blocks, and look at where the report stands in the loop.
- Measure what a repair is worth, with everything else equal. Some bugs cost accuracy, some only the truth about it.
- Look at augmented pictures first. Augment in training only. It lowers the training accuracy and shrinks the gap.
- Choose on validation pictures, retrain on all, report once with a standard error, a baseline, the classes, the calibration and the limits.

**What people get wrong.** They augment the validation pictures; compute mean and std over all pictures, or take them from another data set; move a whole batch by the same crop; put a ReLU or a softmax before the loss; choose on the test pictures; trust a probability as if it were a frequency; believe that test accuracy holds elsewhere;
print a mean that has been divided by the wrong number.

**Read on.** [Krizhevsky 2009: Learning multiple layers of features from tiny images](https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf) · [PyTorch: torchvision.transforms.v2](https://pytorch.org/vision/stable/transforms.html) · [He and others 2015: Deep residual learning](https://arxiv.org/abs/1512.03385) · [Guo and others 2017: On calibration of
modern neural networks](https://arxiv.org/abs/1706.04599) · [Mitchell and others 2019: Model cards for model reporting](https://arxiv.org/abs/1810.03993) · [Beery and others 2018: Recognition in terra incognita](https://arxiv.org/abs/1807.04975) · [Recht and others 2018: Do CIFAR-10 classifiers generalize to
CIFAR-10?](https://arxiv.org/abs/1806.00451) · [Dive into Deep Learning, chapter 14](https://d2l.ai/chapter_computer-vision/index.html). The course ends here. What you have built in it is yours to use: the functions in your notebooks are small, checked, and ready for other projects.
"""
