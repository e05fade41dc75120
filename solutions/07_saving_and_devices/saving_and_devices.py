# ---
# jupyter:
#   course:
#     prerequisites:
#     - 05_mlp_dropout
#     summary: What a file of weights holds, how a training survives a power cut, and
#       code that runs on any device
#     title: Saving, loading and devices
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
# 7 Saving, loading and devices

**Time:** about 4 hours. **You need:** chapters 1 to 5. **Points:** 23.

Training can take days. The power fails, the laptop goes to sleep, the borrowed GPU has to be returned. After this
chapter you can

- **save** a training run and **resume** it, with the same result as if it had never been stopped;
- **load** the part of a file that fits into a different network;
- **write** code that uses a GPU where there is one and runs unchanged where there is none;
- **find** out where a network is, and **explain** what goes wrong when its parts are on two devices.

You need no GPU for this chapter. If your machine has one, the same cells use it.

| English | Chinese (中文) | what it is |
|---|---|---|
| parameter | 参数 | a tensor that the optimizer changes |
| buffer | 缓冲区 | a tensor that belongs to a network and is not trained |
| state dict | 状态字典 | a dict from names to the parameters and buffers of a network |
| checkpoint | 检查点 | a file with everything that a training run needs to go on |
| pickle | 序列化格式 pickle | Python's file format for objects; reading one can run code |
| device | 设备 | where a tensor's numbers are: in the CPU's memory or in a GPU's |
| host | 主机 | the computer around the GPU: its CPU and its memory |
| transfer learning | 迁移学习 | starting from weights that were trained for another task |
| fine-tuning | 微调 | training such weights further on the new task |
| synchronise | 同步 | wait until a GPU has finished what it was asked to do |

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. The check tells you what is still wrong. Some checks are hidden: they ask for the
same on other numbers, and run when your work is graded. Once the checks of an exercise pass, the next cells work with
*your* function, and say so. When you come back after a break, the kernel has forgotten everything: click the cell where
you want to go on and choose *Run > Run All Above Selected Cell*.
"""

# %%
import copy
import os
import pickle
import pickletools
import tempfile
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import course_utils as cu
from course_utils import check

import ipywidgets
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)  # networks as small as these only wait for a second thread

# %% [markdown]
r"""
## 1 What a network knows about itself

Saving a network means saving its numbers. So the first question is: which numbers does a network count as
its own? Here are two layers, stored in two ways. Count by hand: 4 · 4 + 4 = 20 numbers in the first layer and
4 · 2 + 2 = 10 in the second, 30 together.
"""


# %%
class Tower(nn.Module):
    """One layer after the other, each followed by ReLU."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, X):
        for layer in self.layers:
            X = torch.relu(layer(X))
        return X


layers = [nn.Linear(4, 4), nn.Linear(4, 2)]
for kind, held in (("Python list", layers), ("nn.ModuleList", nn.ModuleList(layers))):
    tower = Tower(held)
    count = sum(p.numel() for p in tower.parameters())
    print(f"{kind:13}: output {tuple(tower(torch.ones(3, 4)).shape)}, parameters: {count}")

# %% [markdown]
r"""
Both towers compute the same function. The first one reports no parameters: an optimizer would train nothing, and a
saved file would contain nothing.

The reason is what `self.x = value` does in an `nn.Module`. It looks at the *type* of the value. An `nn.Parameter` is
registered as a parameter, an `nn.Module` as a child whose own parameters count too. Anything else, such as a list or a
plain tensor, is an ordinary Python attribute, and the module does not look inside. `nn.ModuleList` is a list that is a
module. A tensor that belongs to the network but is not trained can be registered as a **buffer**:
`self.register_buffer("mean", tensor)`.

Here is one module with six attributes of one number each. Predict for each of them: is it in `parameters()`? Is it in
`state_dict()`, the dict that gets saved? Does `.to(...)`, which converts a whole network to another dtype or moves it to
another device, reach it?
"""


# %%
class Six(nn.Module):
    def __init__(self):
        super().__init__()
        self.parameter = nn.Parameter(torch.zeros(1))
        self.register_buffer("buffer", torch.zeros(1))
        self.child = nn.Linear(1, 1, bias=False)
        self.module_list = nn.ModuleList([nn.Linear(1, 1, bias=False)])
        self.plain_tensor = torch.zeros(1)
        self.python_list = [nn.Linear(1, 1, bias=False)]

    def one_number(self, name):
        """The one tensor in the attribute of this name."""
        value = getattr(self, name)
        value = value[0] if name.endswith("list") else value
        return value.weight if isinstance(value, nn.Linear) else value


six = Six()
held = ["parameter", "buffer", "child", "module_list", "plain_tensor", "python_list"]
parameters = {p.data_ptr() for p in six.parameters()}
saved = {t.data_ptr() for t in six.state_dict().values()}
pointers = {name: six.one_number(name).data_ptr() for name in held}
six.to(torch.float64)
table = [
    [pointers[name] in parameters, pointers[name] in saved, six.one_number(name).dtype == torch.float64]
    for name in held
]
print("names in the state dict:", list(six.state_dict()))


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_table(ax):
    ax.imshow(torch.tensor(table).float(), cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
    for row, entries in enumerate(table):
        for column, entry in enumerate(entries):
            colour = "white" if entry else cu.plots.INK
            ax.text(column, row, "yes" if entry else "no", ha="center", va="center", color=colour)
    ax.set_yticks(range(6), [name.replace("_", " ").replace("python", "Python") for name in held])
    ax.set_xticks(range(3), ["in parameters()", "in state_dict()", "reached by .to()"])
    ax.set_title("A plain tensor and a Python list are invisible to the module")


cu.plots.figure(
    draw_table,
    alt="A table: parameter, child and module list are in parameters, in the state dict and reached by to; the "
    "buffer is in the state dict and reached by to; the plain tensor and the Python list are in none of them",
)

# %% [markdown]
r"""
A buffer that need not be saved is registered with `persistent=False`: `.to` reaches it, and the state dict leaves it
out.

**A layer of your own** follows from this table. A network needs the mean and the standard deviation of the training
pictures wherever it is used, so they are buffers. `Chain` below is the core of `nn.Sequential`. Its `forward` is
ordinary Python that runs at each call: loops, `if` and `while` are allowed.
"""


# %%
class Standardize(nn.Module):
    """Subtracts the mean of X and divides by its standard deviation. X is seen only once, here."""

    def __init__(self, X):
        super().__init__()
        self.register_buffer("mean", X.mean())
        self.register_buffer("std", X.std())

    def forward(self, X):
        return (X - self.mean) / self.std


class Chain(nn.Module):
    """Its layers one after the other."""

    def __init__(self, *layers):
        super().__init__()
        for i, layer in enumerate(layers):
            self.add_module(str(i), layer)

    def forward(self, X):
        for layer in self._modules.values():  # children() gives a layer that occurs twice only once
            X = layer(X)
        return X


chain = Chain(Standardize(torch.rand(50, 4)), Chain(nn.Linear(4, 3), nn.ReLU()), nn.Linear(3, 2))
for name, tensor in chain.state_dict().items():
    print(f"{name:10} {tuple(tensor.shape)}")

# %% [markdown]
r"""
The dots are the path from the outside in: `1.0.weight` is the weight of child 0 of child 1. These names are what a
file is matched by later.

**One layer in two places.** A layer that occurs twice is *tied*: one weight, used twice. `nn.Linear(8, 8)` has 8 · 8 + 8
= 72 numbers. How many parameters does a network with this layer twice have, and how many numbers does its state dict
list? And if the two uses alone would give the gradients $g_1$ and $g_2$, what is the gradient of the one weight?
"""

# %%
torch.manual_seed(0)
shared = nn.Linear(8, 8)
tied = nn.Sequential(shared, nn.Tanh(), shared)
untied = nn.Sequential(copy.deepcopy(shared), nn.Tanh(), copy.deepcopy(shared))  # two layers, same numbers
X = torch.randn(5, 8)
tied(X).square().sum().backward()
untied(X).square().sum().backward()
print("parameters:", sum(p.numel() for p in tied.parameters()))
print("numbers in the state dict:", sum(t.numel() for t in tied.state_dict().values()))
sum_of_both = untied[0].weight.grad + untied[2].weight.grad
print("gradient of the tied weight = sum over its two uses:", torch.allclose(shared.weight.grad, sum_of_both))

# %% [markdown]
r"""
72 and 144: the state dict lists the tensor under both names. The gradients add up, as in chapter 2 for any value that
is used twice.

**Find the bug.** The layer below comes from a textbook page. The network trains without an error, and its loss falls.
One thing is wrong. Look at the code and at what is printed before you open the answer.
"""


# %%
class TextbookLinear(nn.Module):
    def __init__(self, num_inputs, num_outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(num_inputs, num_outputs))
        self.bias = nn.Parameter(torch.zeros(num_outputs))

    def forward(self, X):
        return X @ self.weight.data + self.bias.data


torch.manual_seed(0)
suspect = nn.Sequential(TextbookLinear(4, 8), nn.ReLU(), nn.Linear(8, 1))
before = copy.deepcopy(suspect.state_dict())
optimizer = torch.optim.SGD(suspect.parameters(), lr=0.01)
X, y = torch.randn(64, 4), torch.randn(64, 1)
losses = []
for _ in range(100):
    loss = F.mse_loss(suspect(X), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print("the loss is lower at the end:", losses[-1] < losses[0])
for name, tensor in suspect.state_dict().items():
    print(f"{name:9} has changed: {not torch.equal(tensor, before[name])}")

# %% [markdown]
r"""
<details><summary>Answer</summary>

The first layer never learns. `.data` is the tensor without its graph, so no gradient reaches `weight` and `bias`: their
`.grad` stays None, and the optimizer skips them. The loss falls because the last layer does what it can with random
features. Write `X @ self.weight + self.bias`.
</details>
"""

# %% [markdown]
r"""
## 2 What a file holds

`torch.save` writes tensors, and lists, tuples and dicts of them, into one file; `torch.load` reads them back. The usual
endings are `.pt` and `.pth`. All files of this chapter go into a temporary folder.
"""

# %%
temporary = tempfile.TemporaryDirectory()  # is deleted when this notebook's kernel ends
folder = Path(temporary.name)
x, y = torch.arange(4.0), torch.zeros(4)
torch.save({"x": x, "both": [x, y], "step": 7}, folder / "things.pt")
print(torch.load(folder / "things.pt"))

# %% [markdown]
r"""
For a network we save its state dict. Here is the network of chapter 5 as an `nn.Sequential`: 784 inputs, two hidden
layers of 256 units with dropout, 10 scores. Predict the size of its file. Parameters: 784 · 256 + 256 in the first
layer, 256 · 256 + 256 in the second, 256 · 10 + 10 in the third, which makes 269,322. A float32 has 4 bytes: 1,077,288
bytes. What about a file that also holds the state of Adam, which keeps two running means for each parameter?
"""


# %%
def make_net(seed, num_classes=10):
    """784-256-256-num_classes with dropout 0.2 and 0.5; input (n, 28, 28)."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(256, 256),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(256, num_classes),
    )


def train_epoch(net, optimizer, X, y, epoch):
    """One epoch in batches of 64. Order and dropout masks follow from the number of the epoch alone."""
    torch.manual_seed(epoch)
    net.train()
    for batch in torch.randperm(len(y)).split(64):
        loss = F.cross_entropy(net(X[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def evaluate(net, X, y):
    """(mean loss, accuracy) in evaluation mode; the network is left in training mode."""
    net.eval()
    with torch.no_grad():
        scores = net(X)
    net.train()
    return F.cross_entropy(scores, y).item(), (scores.argmax(dim=1) == y).float().mean().item()


# %% tags=["experiment"]
def garments(dataset, first, last):
    """Pictures number first to last - 1 as floats (n, 28, 28), and their labels (n,)."""
    return dataset.data[first:last].float() / 255, dataset.targets[first:last]


train_set, test_set = cu.data.fashion_mnist(train=True), cu.data.fashion_mnist(train=False)
X_train, y_train = garments(train_set, 0, 2_000)
X_valid, y_valid = garments(train_set, 9_000, 10_000)
X_test, y_test = garments(test_set, 0, 2_000)
net = make_net(0)
adam = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(8):
    train_epoch(net, adam, X_train, y_train, epoch)

half = {name: tensor.half() for name, tensor in net.state_dict().items()}
files = {
    "weights": net.state_dict(),
    "weights\nand Adam": {"model": net.state_dict(), "optimizer": adam.state_dict()},
    "weights in\nfloat16": half,
}
sizes = []
for content in files.values():
    torch.save(content, folder / "size.pt")
    sizes.append((folder / "size.pt").stat().st_size)
cu.plots.bars(
    [size / 1e6 for size in sizes],
    labels=list(files),
    y="size of the file in MB",
    title="Adam triples the file, float16 halves it",
    alt="Three bars: 1.08 MB for the weights, 3.24 MB with Adam's state, 0.54 MB in float16",
)
assert 0 < sizes[0] - 4 * 269_322 < 8_000 and 0 < sizes[1] - 12 * 269_322 < 12_000
print("Beyond the predicted bytes there are only a few thousand, for names and shapes.")

# %% [markdown]
r"""
The file is half as large. What does the network lose? Load the float16 numbers into a new network with
the same layers. `load_state_dict` copies them into its float32 parameters.
"""

# %% tags=["experiment"]
from_half = make_net(1)
print(from_half.load_state_dict(half))
exact, rounded = evaluate(net, X_test, y_test)[1], evaluate(from_half, X_test, y_test)[1]
assert abs(exact - rounded) <= 0.003
print(f"test accuracy {exact:.2f}; with the float16 file it differs by at most 0.3 points")
print("dtype of the network's weights after loading:", from_half[1].weight.dtype)

# %% [markdown]
r"""
**The file holds no network**, only names and numbers. The class must be written again, and its names and shapes must
fit, or `load_state_dict` refuses:
"""

# %%
torch.save(nn.Linear(4, 2).state_dict(), folder / "linear.pt")
try:
    nn.Sequential(nn.Linear(4, 2)).load_state_dict(torch.load(folder / "linear.pt"))
except RuntimeError as error:
    print(error)

# %% [markdown]
r"""
**The file does not hold the mode either.** A new network is in training mode, so its dropout is active. Without
`net.eval()` the same pictures get other scores at each call:
"""

# %% tags=["experiment"]
torch.save(net.state_dict(), folder / "net.pt")
loaded = make_net(1)
loaded.load_state_dict(torch.load(folder / "net.pt"))
with torch.no_grad():
    print("training mode, two calls agree:  ", torch.equal(loaded(X_test), loaded(X_test)))
    loaded.eval()
    print("evaluation mode, two calls agree:", torch.equal(loaded(X_test), loaded(X_test)))

# %% [markdown]
r"""
**Ten rows.** A matrix of 1,000 by 1,000 floats takes 4,000,000 bytes. We save its first ten rows, 10,000 floats. How
large is the file?
"""

# %%
big = torch.zeros(1000, 1000)
for name, rows in (("big[:10]", big[:10]), ("big[:10].clone()", big[:10].clone())):
    torch.save(rows, folder / "rows.pt")
    print(f"{name:16}: about {(folder / 'rows.pt').stat().st_size / 1e6:.2f} MB")

# %% [markdown]
r"""
A slice is a view (chapter 1), and `torch.save` writes the whole storage behind it, so that several views of one storage
still share it after loading. `clone()` gives the ten rows a storage of their own.

### The best model that was the last

We train on only 500 pictures for 60 epochs. The loss on new pictures falls, and then rises: the network overfits. We
remember the weights of the best epoch and put them back at the end. Before you run the cell: what does the
loss of the restored network have to be?
"""

# %% tags=["experiment"]
torch.manual_seed(0)
learner = nn.Sequential(
    nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
)
optimizer = torch.optim.Adam(learner.parameters(), lr=1e-3)
curve, best_loss = [], float("inf")
for epoch in range(60):
    train_epoch(learner, optimizer, X_train[:500], y_train[:500], epoch)
    curve.append(evaluate(learner, X_valid, y_valid)[0])
    if curve[-1] < best_loss:
        best_loss, best = curve[-1], learner.state_dict()
        best_copy = copy.deepcopy(learner.state_dict())
stars = {}
for name, remembered in (("learner.state_dict()", best), ("a deep copy of it", best_copy)):
    learner.load_state_dict(remembered)
    stars[name] = evaluate(learner, X_valid, y_valid)[0]


def draw_stars(ax):
    ax.plot(range(1, 61), curve, color=cu.plots.COLOURS[0], label="while training")
    for (name, loss), colour, at in zip(
        stars.items(), cu.plots.COLOURS[1:], (60, 1 + curve.index(best_loss))
    ):
        ax.plot(at, loss, "*", markersize=16, color=colour, label=f"restored from {name}")
    ax.set(xlabel="epoch", ylabel="validation loss", title="One of the two stars is not at the lowest point")
    ax.legend()
    ax.grid()


cu.plots.figure(
    draw_stars,
    alt="The validation loss falls and then rises; the network restored from state_dict has the loss of the last epoch, "
    "the one restored from a deep copy has the lowest",
)
assert stars["learner.state_dict()"] == curve[-1] and stars["a deep copy of it"] == best_loss
print("restored from learner.state_dict(): the loss of the last epoch, exactly")
print("restored from a deep copy: the lowest loss, exactly")

# %% [markdown]
r"""
`state_dict()` does not copy. Its tensors share their storage with the parameters, so `best` followed every later step:
after 60 epochs it *is* the last network. `copy.deepcopy` keeps the numbers as they were at that moment, and so
does a file.
"""

# %%
layer = nn.Linear(2, 1)
view, kept = layer.state_dict(), copy.deepcopy(layer.state_dict())
with torch.no_grad():
    layer.weight.fill_(99.0)
print(
    "state_dict:",
    view["weight"].tolist(),
    " deep copy is still the old one:",
    kept["weight"].max().item() < 1,
)

# %% [markdown]
r"""
## 3 A file can run code

`torch.save` uses Python's **pickle**. A pickle is a little program that builds objects, and any class may say in
`__reduce__` which function is to be called with which arguments when its object is read. An attacker would name
a function that deletes or steals files. Ours names `print`.
"""


# %%
class Gift:
    """Looks like a value. Whoever reads it from a pickle calls print."""

    def __reduce__(self):
        return print, ("(this line was printed by a file while it was being read)",)


torch.save({"weights": torch.ones(2), "extra": Gift()}, folder / "gift.pt")
print("read as a pickle:")
content = torch.load(folder / "gift.pt", weights_only=False)
print("read with weights_only=True:")
try:
    torch.load(folder / "gift.pt", weights_only=True)
except pickle.UnpicklingError as error:
    print("refused:", str(error).split(". ")[0])

# %% [markdown]
r"""
Here are the instructions of two pickles, as Python's own `pickletools` lists them. The first one holds a dict, the
second one our gift. `GLOBAL` fetches a function by its name, and `REDUCE` calls it.
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_instructions(ax):
    for row, value in enumerate(({"weights": 1.5}, Gift())):
        column = 0
        for instruction, argument, _ in pickletools.genops(pickle.dumps(value, protocol=2)):
            if instruction.name.startswith("BINPUT") or instruction.name == "PROTO":
                continue  # bookkeeping
            calls = instruction.name in ("GLOBAL", "REDUCE")
            colour = cu.plots.COLOURS[1 if calls else 0]
            ax.barh(row, 0.94, left=column, height=0.6, color=colour)
            words = "" if argument is None else str(argument).removeprefix("__builtin__ ")
            text = "\n" + (words if len(words) <= 10 else words[:10] + "...")
            ax.text(
                column + 0.47,
                row,
                (instruction.name + text).strip(),
                ha="center",
                va="center",
                color="white",
                fontsize=9,
            )
            column += 1
    ax.set_yticks([0, 1], ["a dict", "a Gift"])
    ax.set(xlim=(-0.1, 5.0), ylim=(1.5, -0.5), xlabel="instruction", xticks=[])
    ax.set_title("Reading the Gift fetches print and calls it (orange)")


cu.plots.figure(
    draw_instructions,
    height=2.2,
    alt="Two rows of instructions. The dict: empty dict, text, number, set item, stop. The gift: global print, text, "
    "tuple, reduce, stop; global and reduce are orange",
)

# %% [markdown]
r"""
Since torch 2.6 `weights_only=True` is the default. It builds tensors, numbers, strings and containers, and refuses a
file that names a class or function outside a short list of harmless ones. So the rule is: read other people's files
with `weights_only=True` and an up-to-date torch (before version 2.6 a crafted file could get around it), and write your
own files so that others can do the same. That is one more reason to save state dicts. A file with a whole network,
`torch.save(net, path)`, names the classes of the network, and is refused:
"""

# %%
torch.save(nn.Sequential(nn.Linear(2, 2)), folder / "whole.pt")
try:
    torch.load(folder / "whole.pt")
except pickle.UnpicklingError as error:
    print(
        "refused:",
        next(line.strip() for line in str(error).split("\n") if "Unsupported" in line).split(". ")[0],
    )

# %% [markdown]
r"""
With `weights_only=False` it could be read, by someone who trusts the writer *and* has the same version of every
class. A state dict needs no trust, and fits any network with the same names and shapes.

## 4 Stopped, and resumed

What does the rest of a training run depend on at the end of an epoch? On the weights and buffers; for Adam on two
running means per parameter and the number of steps; on the current learning rate (a schedule, chapter 11, has a state
dict of its own); on how many epochs are done; and on the random state that decides the next order of the data and the
next dropout masks. A **checkpoint** is a file with all of it.

For the random state there is a simple solution, which `train_epoch` above uses: seed each epoch with its own number.
Then the number of the epoch *is* the random state. (Otherwise save `generator.get_state()`, a tensor of bytes, and
`torch.get_rng_state()` for dropout.)

How much does an optimizer remember? Ask three of them after one step:
"""

# %%
for kind, options in ((torch.optim.SGD, {}), (torch.optim.SGD, {"momentum": 0.9}), (torch.optim.Adam, {})):
    probe = nn.Linear(3, 1)
    optimizer = kind(probe.parameters(), lr=0.1, **options)
    probe(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    memory = optimizer.state_dict()["state"].get(0, {})
    kept = {name: tuple(value.shape) for name, value in memory.items() if value is not None}
    print(
        f"{kind.__name__:4} {options or ''}: for the weight of shape {tuple(probe.weight.shape)} it keeps {kept or 'nothing'}"
    )

# %% [markdown]
r"""
A checkpoint is also the last thing you have when something breaks, so loading one must be all or nothing: if it does
not fit, say so, and leave the network as it was. Look at what torch does:
"""

# %%
small, large = nn.Sequential(nn.Linear(2, 2)), nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
before = copy.deepcopy(large.state_dict())
try:
    large.load_state_dict(small.state_dict())
except RuntimeError as error:
    print(error)
print("layer 0 is unchanged:", torch.equal(large[0].weight, before["0.weight"]))

# %% [markdown]
r"""
The call fails, and half of it has happened: everything that fits was copied before the error was raised.

**A file from a GPU** remembers that its tensors were on one, and `torch.load` tries to put them back there. So that you
can see this without a GPU, `check.from_gpu` rewrites the label inside a file, from `cpu` to `cuda:7`.
"""


# %%
torch.save(torch.ones(2), folder / "from_gpu.pt")
check.from_gpu(folder / "from_gpu.pt", "cuda:7")
try:
    torch.load(folder / "from_gpu.pt")
except RuntimeError as error:
    print(str(error).split(",")[0].split(" but ")[0])
print(torch.load(folder / "from_gpu.pt", map_location="cpu"))

# %% [markdown]
r"""
`map_location` says where the tensors should go. Loading onto the CPU first always works, and `load_state_dict` then
copies the numbers to wherever the parameters are.

### Exercise 7.1: `save_checkpoint` and `load_checkpoint` &nbsp; (5 points, about 25 minutes, ★★★)

Write both. The layout of the file is yours to choose, as long as it can be read with `weights_only=True`. A training run
that is resumed from the file must go on exactly as if it had never been stopped. A file that is damaged, or that belongs
to another model, must do no harm: loading it raises an error and changes nothing.

<details><summary>Hint 1</summary>

A model and an optimizer each have a `state_dict()` and a `load_state_dict(...)`. Which three things go into the file?

<details><summary>Hint 2</summary>

For all or nothing there are two ways: compare everything before you change anything, or remember the old state, try, and
put it back if an error comes. Recall section 2: is `state_dict()` alone enough to remember it?

<details><summary>Hint 3</summary>

In the second way the loading is inside a `try:`. Its `except Exception:` puts the old state back and ends with a bare
`raise`, which passes the error on. Everything that can fail, such as looking up a key, must be inside the `try:` or
before it.

</details></details></details>
"""


# %% exercise="save_checkpoint"
def save_checkpoint(path, model, optimizer, epoch):
    """Write everything needed to resume this training run into the file at path (a str or a Path).

    epoch: int, the number of epochs that are done. The file can be read with weights_only=True.
    model and optimizer stay as they are. Returns nothing.
    """
    ### BEGIN SOLUTION
    checkpoint = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
    unfinished = f"{path}.unfinished"
    torch.save(checkpoint, unfinished)
    os.replace(unfinished, path)
    ### END SOLUTION


def load_checkpoint(path, model, optimizer, device="cpu"):
    """Put the model and the optimizer into the state that was saved in the file; return its epoch, an int.

    model, optimizer: built as the saved ones were, with any weights and any settings. device: where the tensors of the
    file are put when they are read, also if they were saved on a GPU that this machine does not have.
    If the file cannot be read, lacks something that was saved, or belongs to another model (a parameter is missing, left
    over, or of another shape): raises an error, and model and optimizer are as before. Code in the file is never run.
    """
    ### BEGIN SOLUTION
    checkpoint = torch.load(path, map_location=device, weights_only=True)
    old_model, old_optimizer = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    try:
        epoch = checkpoint["epoch"]
        model.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
    except Exception:
        model.load_state_dict(old_model)
        optimizer.load_state_dict(old_optimizer)
        raise
    return epoch
    ### END SOLUTION


# %% test="save_checkpoint"
check.exercise("save_checkpoint", points=5)
OTHER, SGD = "after loading, {} is not what was saved", {"optimizer": torch.optim.SGD, "momentum": 0.9}


def resumed(run, other, epoch, **more):  # what check.resumed gives, once this epoch has come back
    found, *rest = check.resumed(run, other, save=save_checkpoint, load=load_checkpoint, epoch=epoch, **more)
    wrong = {"load_checkpoint returns nothing; it should return the epoch": None}
    wrong["it returns the epoch plus 1; return the number that was saved"] = epoch + 1
    check.that(found, "save_checkpoint has written no file at this path")
    check.that(type(found[0]) in (int, type(None)), "what comes back should be the epoch alone, as an int")
    check.equal(found[0], epoch, "the epoch is wrong", known=wrong)
    return rest


with check.case("a resumed run goes on as if it had never been stopped", points=1.5):
    run, other = check.Training(0, lr=0.02).go(check.batches([5, 4], 3, 2)), check.Training(1, lr=0.02)
    saved, rest = run.state(), check.batches([5, 3], 3, 2)
    before, loaded, *modes, end = resumed(run, other, 3, rest=rest)
    check.same_state(before, saved, "saving changed {}")
    check.same_state(loaded, saved, OTHER)
    for mode, done in zip(modes, ("saving", "loading")):
        check.that(mode, f"{done} left the model in evaluation mode; it was in training mode")
    check.same_state(end, run.go(rest).state(), "after going on, {} is not the same")
with check.case("settings of the optimizer come back; the path is a str", points=1):
    run, other = check.Training(2, lr=0.1, **SGD), check.Training(3, lr=0.5, weight_decay=0.1, **SGD)
    run.go(check.batches([6, 5], 3, 2)).net.eval()
    run.optimizer.param_groups[0]["lr"] = 0.003
    before, loaded, mode, *_ = resumed(run, other, 0, kind=str, device=torch.device("cpu"))
    check.same_state(loaded, before, OTHER)
    check.that(not mode, "saving put the model into training mode; it was in evaluation mode")
with check.case("weights_only=True reads it, also without the GPU", points=1):

    def reads(path, run, other):
        save_checkpoint(path, run.net, run.optimizer, 2)
        try:
            torch.load(path, weights_only=True)
        except (pickle.UnpicklingError, RuntimeError):
            return None, None
        check.from_gpu(path)
        load_checkpoint(path, other.net, other.optimizer, "cpu")
        return run.state(), other.state()

    try:
        saved, found = check.with_file(reads, run, other)
    except RuntimeError as error:
        check.that("CUDA" not in str(error), "the file comes from a GPU that is not here: pass map_location")
        raise
    check.that(found, "weights_only=True refuses the file: let torch.save write state dicts and numbers only")
    check.same_state(found, saved, OTHER)
with check.case("a file that is not this model's changes nothing", points=0.75):

    def foreign(path, run):
        save_checkpoint(path, run.net, run.optimizer, 2)
        load_checkpoint(path, run.net, run.optimizer)
        os.truncate(path, 500)
        yield "half a file"
        nets = {"shorter": run.net[:1], "longer": nn.Sequential(*run.net, nn.Linear(2, 2))}
        for said, net in (nets | {"narrower": nn.Sequential(run.net[0], nn.BatchNorm1d(1))}).items():
            save_checkpoint(path, net, run.optimizer, 2)
            yield f"the file of a {said} model"
        check.with_code_in_it(path)
        yield "a file with code in it"

    for said, found, state, folder in check.attempts(load_checkpoint, run, other, foreign):
        check.that(not found, f"{said} should raise an error, and load_checkpoint says nothing")
        check.same_state(state, other.state(), f"{said} raised an error, and yet it has changed {{}}")
        check.that("opened" not in folder, "weights_only=False has run the code in a file")
### BEGIN HIDDEN TESTS
with check.case("a missing entry changes nothing", points=0.75, hidden=True):
    resumed(run, other, 5)

    def cut(path, run):
        save_checkpoint(path, run.net, run.optimizer, 5)
        file = torch.load(path, weights_only=False)
        parts = dict(enumerate(file)) if isinstance(file, list | tuple) else file
        for name in parts if isinstance(parts, dict) else []:
            if "num_batches_tracked" not in str(name):  # torch itself forgives this one
                left = {key: value for key, value in parts.items() if key != name}
                torch.save(left if parts is file else [*left.values()], path)
                yield f"a file without the entry {name!r}"

    for said, found, state, _ in check.attempts(load_checkpoint, run, other, cut):
        how = "no error, and {} is wrong" if found else "an error, and yet it has changed {}"
        check.same_state(state, (run if found else other).state(), f"{said} raised {how}")
        check.equal([*found, 5][0], 5, f"{said} raised no error, and the epoch is wrong")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Bit for bit.** One run trains for six epochs, and saves a checkpoint after four. A second run has a new network, with
other random weights, and a new optimizer. It loads this checkpoint and trains for the last two epochs.
"""


# %% tags=["experiment"]
def simple_save(path, model, optimizer, epoch):
    torch.save([model.state_dict(), optimizer.state_dict(), epoch], path)


def simple_load(path, model, optimizer, device="cpu"):
    model_state, optimizer_state, epoch = torch.load(path, map_location=device)
    model.load_state_dict(model_state)
    optimizer.load_state_dict(optimizer_state)
    return epoch


save = cu.yours(save_checkpoint, instead=simple_save)
load = load_checkpoint if save is save_checkpoint else simple_load


def begin(seed):
    """A new network and its optimizer."""
    net = make_net(seed)
    return net, torch.optim.Adam(net.parameters(), lr=1e-3)


reference, optimizer = begin(0)
for epoch in range(6):
    if epoch == 4:
        save(folder / "training.pt", reference, optimizer, epoch)
    train_epoch(reference, optimizer, X_train, y_train, epoch)

resumed, optimizer = begin(1)
for epoch in range(load(folder / "training.pt", resumed, optimizer), 6):
    train_epoch(resumed, optimizer, X_train, y_train, epoch)
same = [torch.equal(p, q) for p, q in zip(reference.parameters(), resumed.parameters())]
print("all", sum(p.numel() for p in resumed.parameters()), "numbers are the same, bit for bit:", all(same))

# %% [markdown]
r"""
**What if something is forgotten?** Here are three ways to go on after four epochs: with everything; with the weights
and the epoch but a new Adam; and with weights and Adam but the epochs counted from 0 again, so that the order of the
data is another one. The first picture shows how far the weights are from those of the run that never stopped, step by
step. The second one shows the loss on new pictures. Which mistake would you notice?
"""


# %% tags=["experiment"]
def numbers(net):
    """All parameters in one vector."""
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def steps_after(forget, num_steps=20):
    """Weights and validation loss after each step that follows the stop."""
    net, optimizer = begin(1)
    epoch = load(folder / "training.pt", net, optimizer)
    if forget == "the optimizer":
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    torch.manual_seed(0 if forget == "the epoch" else epoch)
    weights, losses = [], []
    for batch in torch.randperm(len(y_train)).split(64)[:num_steps]:
        loss = F.cross_entropy(net(X_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        weights.append(numbers(net))
        losses.append(evaluate(net, X_valid, y_valid)[0])
    return weights, losses


after = {forget: steps_after(forget) for forget in ("nothing", "the optimizer", "the epoch")}
never_stopped = after["nothing"][0]
cu.plots.curves(
    {
        f"forgot {forget}": [(w - v).norm().item() for w, v in zip(weights, never_stopped)]
        for forget, (weights, _) in after.items()
    },
    x="steps after the stop",
    y="distance of the weights",
    title="Only with everything saved is it still the same run",
    alt="The distance stays 0 if nothing was forgotten; it grows from the first step on in both other cases",
)

# %% tags=["experiment"]
cu.plots.curves(
    {f"forgot {forget}": losses for forget, (_, losses) in after.items()},
    x="steps after the stop",
    y="validation loss",
    title="A new Adam first makes the network worse",
    alt="Without the optimizer's state the validation loss jumps up in the first steps; the other two lines stay close",
)
jump = max(after["the optimizer"][1][:5]) - max(after["nothing"][1][:5])
assert jump > 0.02
print("In the first five steps the loss with a new Adam is higher by more than 0.02.")

# %% [markdown]
r"""
Why the jump? At its first step Adam's running means contain one gradient only, and $\hat m / \sqrt{\hat v} = g / |g|$:
each number whose gradient is not 0 moves by the full learning rate, however small its gradient is (chapter 10 has the
details). This passes after some steps. A forgotten epoch does not show in the loss. It can still do great harm if a run
is stopped again and again. Suppose that it is stopped in the middle of its epoch each time, and starts again with the
same order. How many of the 2,000 pictures will it never see?
"""

# %%
n, batch_size = 2_000, 64
seen = torch.zeros(n, dtype=torch.bool)
for _ in range(10):  # ten times stopped in the middle of an epoch, ten times started with the same seed
    order = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    for batch in order.split(batch_size)[:16]:  # 16 of 32 batches
        seen[batch] = True
print(f"after {10 * 16} steps, pictures that were never seen: {int((~seen).sum())} of {n}")

# %% [markdown]
r"""
16 batches of 64 are 1,024 pictures; with the same seed it is the same 1,024 each time, and 976 are never used.

**The last file.** What if the power fails *while* the checkpoint is being written?
"""

# %% tags=["experiment"]
save(folder / "safe.pt", *begin(0), 3)
whole = (folder / "safe.pt").read_bytes()
(folder / "cut.pt").write_bytes(whole[: len(whole) // 2])
victim, optimizer = begin(1)
before = numbers(victim)
try:
    load(folder / "cut.pt", victim, optimizer)
except Exception as error:
    print("a truncated file:", str(error).split(":")[0])
print("the network is unchanged:", torch.equal(numbers(victim), before))

# %% [markdown]
r"""
A `.pt` file is a zip archive, and its table of contents is at the end. A truncated file has none; that is what the error
says. The network is unharmed, but if this was your only checkpoint, it is lost. So do not overwrite it: write a new file
beside it, and rename the new file when it is complete:

```python
torch.save(checkpoint, f"{path}.unfinished")
os.replace(f"{path}.unfinished", path)
```

`os.replace` is one operation of the file system: if the program dies, `path` is either the whole old file or the whole
new one. (Against a power cut, `os.fsync` before the rename makes sure that the new file is on the disk.) Your
`save_checkpoint` may do so too.

**A good place to stop.** Sections 5 to 7 are about other networks and other devices, and build on sections 1 and 2.
"""

# %% [markdown]
r"""
## 5 Loading what fits

The file holds a network for ten classes, and the new task has fewer. The last layer does not fit, everything before it
does. `load_state_dict(..., strict=False)` forgives names that are missing or unexpected:
"""

# %%
old, new = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 10)), nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
print(new.load_state_dict({"0.weight": old[0].weight, "5.bias": torch.ones(2)}, strict=False))
try:
    new.load_state_dict(old.state_dict(), strict=False)
except RuntimeError as error:
    print(error)

# %% [markdown]
r"""
It does not forgive a wrong shape. And a report that nobody reads hides mistakes: if the names in the file all begin with
`module.`, nothing fits, nothing is loaded, and no error is raised.

### Exercise 7.2: `load_matching` &nbsp; (3 points, about 15 minutes, ★★☆)

Load what fits, and report what does not. Each name that is not loaded is in one of three lists.

<details><summary>Hint 1</summary>

`net.state_dict()` has the names and shapes of the network. Sort the names by two questions: is it in both dicts? If so,
do the shapes agree?

<details><summary>Hint 2</summary>

Once you know the names that match, either hand a dict of just these entries to `load_state_dict`, or copy them one by
one with `copy_`. Recall from section 2 what the tensors of a state dict share with the network.

</details></details>
"""


# %% exercise="load_matching"
def load_matching(net, state_dict):
    """Load every entry of state_dict whose name and shape match one of the network's, in place.

    state_dict: dict from names to tensors; it stays as it is. All other parameters and buffers of net keep their values,
    and the parameters stay the same objects, so that an optimizer made before still works.
    Returns three sorted lists of names (missing, unexpected, mismatched):
    missing are in net.state_dict() but not in state_dict, unexpected are in state_dict but not in net.state_dict(),
    mismatched are in both with different shapes.
    """
    ### BEGIN SOLUTION
    own = net.state_dict()
    missing = sorted(own.keys() - state_dict.keys())
    unexpected = sorted(state_dict.keys() - own.keys())
    shared = own.keys() & state_dict.keys()
    mismatched = sorted(name for name in shared if own[name].shape != state_dict[name].shape)
    fitting = {name: state_dict[name] for name in shared if name not in mismatched}
    net.load_state_dict(fitting, strict=False)
    return missing, unexpected, mismatched
    ### END SOLUTION


# %% test="load_matching"
check.exercise("load_matching", points=3)


def made():
    """A network, and a dict of which only 0.weight and 2.bias fit."""
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Linear(2, 5))
    shapes = {"4.weight": (2, 2), "2.weight": (4, 2), "0.weight": (4, 3), "2.bias": (2,), "3.weight": (1, 2)}
    return net, {name: check.normal(shape) for name, shape in (shapes | {"1.bias": (4,)}).items()}


with check.case("sorts the names into missing, unexpected and mismatched", points=1):
    found = check.unchanged(load_matching, *made())
    check.that(found is not None, "the function returns nothing: is there a return?")
    three = isinstance(found, tuple | list) and len(found) == 3
    check.that(three, "three lists should come back in a tuple: missing, unexpected, mismatched")
    missing, unexpected, mismatched = ["0.bias", "3.bias"], ["1.bias", "4.weight"], ["2.weight", "3.weight"]
    wrong = {"missing and unexpected are swapped": unexpected}
    wrong["a set has no order: make a list"] = set(missing)
    wrong["a name whose shape is wrong is not missing: it is mismatched"] = sorted(missing + mismatched)
    wrong["the names are not sorted"] = missing[::-1]
    check.equal(found[0], missing, "missing is wrong", known=wrong)
    wrong = {"the names are not sorted": unexpected[::-1], "a set has no order: make a list": set(unexpected)}
    wrong["a name whose shape is wrong is not unexpected: it is mismatched"] = sorted(unexpected + mismatched)
    check.equal(found[1], unexpected, "unexpected is wrong", known=wrong)
    wrong = {"(4, 2) and (2, 4) hold as many numbers, but are not the same shape": ["3.weight"]}
    wrong["(1, 2) can be broadcast to (5, 2), but is not the same shape"] = ["2.weight"]
    wrong["entries that fit are in mismatched too"] = ["0.weight", "2.bias", "2.weight", "3.weight"]
    check.equal(found[2], mismatched, "mismatched is wrong", known=wrong)
with check.case("loads what fits, into the parameters that are there, and nothing else", points=1):
    net, given = made()
    weight, before = net[0].weight, copy.deepcopy(net.state_dict())
    check.unchanged(load_matching, net, given)
    for name, value in net.state_dict().items():
        fits = name in ("0.weight", "2.bias")
        wrong = {f"{name} fits, and was not loaded": before[name]} if fits else {}
        said = "fits, and its values are wrong" if fits else "is not to be loaded, and has changed"
        check.close(value, (given if fits else before)[name], f"{name} {said}", known=wrong)
    check.same_object(net[0].weight, weight, "0.weight is a new object: copy the numbers into the old one")
    check.that(net[0].weight.requires_grad, "0.weight can no longer be trained: its requires_grad is False")
    said = "network and state_dict share memory: copy the numbers"
    check.own_memory(net[0].weight, given["0.weight"], said)
### BEGIN HIDDEN TESTS
with check.case("the same with buffers, other dtypes, complete and empty dicts", points=1, hidden=True):
    source, net = (nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 1))) for _ in "ab")
    for holder, count in ((source, 7), (net, 0)):
        holder[1].register_buffer("not_saved", torch.zeros(2), persistent=False)
        holder[1].register_buffer("mean", check.normal((3,)))
        holder[1].register_buffer("count", torch.tensor(count))
    names, before = sorted(net.state_dict()), net[0].weight.detach().clone()
    wrong = {"the buffers are left out": [sorted(name for name, _ in net.named_parameters()), [], []]}
    wrong["1.not_saved is not in net.state_dict()"] = [sorted([*names, "1.not_saved"]), [], []]
    said = "nothing is given, so everything is missing"
    check.equal([*load_matching(net, {})], [names, [], []], said, known=wrong)
    check.close(net[0].weight, before, "nothing is given, and 0.weight has changed")
    given = {name: t.double() if t.is_floating_point() else t for name, t in source.state_dict().items()}
    check.equal([*check.unchanged(load_matching, net, given)], [[], [], []], "everything fits")
    for name, value in net.state_dict().items():
        check.like(value, source.state_dict()[name])
        check.close(value, source.state_dict()[name], f"{name} fits, and is wrong")
    given = {"1.mean": check.normal((4,)), "1.count": torch.tensor(9), "z": torch.ones(1), "a": torch.ones(2)}
    given["2.0.weight"] = check.normal((1, 1))
    left = [name for name in names if name not in given]
    wrong = {"(1, 1) is as long as (1, 3), but is not the same shape": [left, ["a", "z"], ["1.mean"]]}
    check.equal([*load_matching(net, given)], [left, ["a", "z"], ["1.mean", "2.0.weight"]], known=wrong)
    check.equal(net[1].count, torch.tensor(9), "1.count, a buffer, fits and is wrong")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Does it pay?** That depends on the tasks. We have a network for garments, and only five pictures per class for
something new. Two new tasks: a *near* one, where the old network knew all ten garments and the new question is which of
three families a garment belongs to (tops, legs and feet, bags), and a *far* one, where the old network has seen tops
only and the new classes are the five others. Three ways to use the pictures:

- **from scratch**: random weights, all trained;
- **frozen**: old weights in the hidden layers, which stay as they are: `requires_grad_(False)`, and the optimizer gets
  the new last layer only;
- **fine-tuned**: old weights in the hidden layers, and all of them trained further.

Each way gets its own best learning rate of three, chosen on validation data. Predict: which way wins on which task?
"""


# %% tags=["experiment"]
load_what_fits = cu.yours(
    load_matching,
    instead=lambda net, state: net.load_state_dict(
        {name: tensor for name, tensor in state.items() if not name.startswith("7.")}, strict=False
    ),
)
FAMILIES = torch.tensor([0, 1, 0, 0, 0, 1, 0, 1, 2, 1])  # of the ten classes
TOPS, OTHERS = [0, 2, 3, 4, 6], [1, 5, 7, 8, 9]


def only(classes, X, y):
    """The pictures of these classes, with the labels 0, 1, ..., in their order."""
    new_label = torch.full((10,), -1)
    new_label[classes] = torch.arange(len(classes))
    keep = new_label[y] >= 0
    return X[keep], new_label[y[keep]]


def pretrained(X, y, num_classes):
    """The state dict of a network after ten epochs on these pictures."""
    net = make_net(0, num_classes)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(10):
        train_epoch(net, optimizer, X, y, epoch)
    return net.state_dict()


def few(X, y, seed, per_class=5):
    """A random few pictures of each class."""
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(y), generator=generator)
    chosen = [shuffled[y[shuffled] == label][:per_class] for label in range(int(y.max()) + 1)]
    return X[torch.cat(chosen)], y[torch.cat(chosen)]


def learn(how, old_state, lr, X, y, seed):
    """60 steps on all the few pictures at once."""
    net = make_net(seed, int(y.max()) + 1)
    if how != "scratch":
        load_what_fits(net, old_state)
    if how == "frozen":
        net.requires_grad_(False)
        net[7].requires_grad_(True)
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=lr)
    for _ in range(60):
        loss = F.cross_entropy(net(X), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# %% tags=["experiment"]
X_few, y_few = garments(train_set, 2_000, 4_000)  # pictures that the old networks have not seen
tasks = {
    "near": (
        pretrained(X_train, y_train, 10),
        (X_few, FAMILIES[y_few]), (X_valid, FAMILIES[y_valid]), (X_test, FAMILIES[y_test]),
    ),
    "far": (
        pretrained(*only(TOPS, X_train, y_train), 5),
        only(OTHERS, X_few, y_few), only(OTHERS, X_valid, y_valid), only(OTHERS, X_test, y_test),
    ),
}  # fmt: skip
HOW = ("scratch", "frozen", "fine-tuned")
accuracy = {}
for task, (old_state, training, validation, test) in tasks.items():
    for how in HOW:
        accuracies = []
        for seed in range(3):
            tried = [learn(how, old_state, lr, *few(*training, seed), seed) for lr in (3e-4, 1e-3, 1e-2)]
            chosen = max(tried, key=lambda net: evaluate(net, *validation)[1])
            accuracies.append(evaluate(chosen, *test)[1])
        accuracy[task, how] = sum(accuracies) / 3


def draw_transfer(ax):
    for k, how in enumerate(HOW):
        heights = [accuracy[task, how] for task in tasks]
        bars = ax.bar([k, k + 4], heights, color=cu.plots.COLOURS[k], width=0.85, label=how)
        ax.bar_label(bars, fmt="{:.2f}", padding=2)
    ax.set_xticks([1, 5], ["near task: families", "far task: other classes"])
    ax.set(ylabel="test accuracy (mean of 3)", ylim=(0, 1.1))
    ax.set_title("Frozen old weights: best on the near task, worst on the far one")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


cu.plots.figure(
    draw_transfer,
    alt="Two groups of three bars. Near task: frozen is best, fine-tuned next, scratch last. Far task: scratch and "
    "fine-tuned are close together, frozen is far below",
)
near, far = ([accuracy[task, how] for how in HOW] for task in tasks)
assert min(near[1:]) > near[0] + 0.03 and far[1] < far[0] - 0.05
print("near: both ways to use the old weights beat scratch by more than 3 points")
print("far: frozen old weights lose to scratch by more than 5 points")

# %% [markdown]
r"""
On the near task, with five pictures per class, the features that the old network learned from 2,000 labelled pictures
are worth a lot. On the far task they are the wrong features: hidden layers that only had to tell one top from another
need not keep what tells a sandal from a bag, and frozen layers cannot learn it. Fine-tuning can, and comes close to
training from scratch. "Pretrained" is no promise; compare on validation data.

## 6 Where the numbers are

A GPU has its own memory. A tensor is in one memory or another, and its **device** says which: `cpu`, `cuda:0`,
`cuda:1`, and so on (Apple's GPU is called `mps`). An operation needs all of its tensors on one device, and it runs
there.

The picture shows how tensors get from one memory to the other.
"""


# %% jupyter={"source_hidden": true} tags=["experiment"]
def draw_devices(ax):
    for left, name, tensors, colour in ((0, "CPU: memory of the host", "x", 0), (6, "GPU: cuda:0", "z", 2)):
        ax.barh(0, 4, left=left, height=2.2, color=cu.plots.COLOURS[colour], alpha=0.15)
        ax.text(left + 2, 0.85, name, ha="center", va="center")
        for k in range(2):
            text, at = (tensors, left + 1.2) if k == 0 else (f"{tensors} + {tensors}", left + 2.9)
            ax.text(at, -0.1, text, ha="center", va="center", color="white", fontsize=11,
                    bbox={"boxstyle": "round,pad=0.5", "color": cu.plots.COLOURS[colour]})  # fmt: skip
    arrow = {"arrowstyle": "-|>", "color": cu.plots.INK, "linewidth": 1.5}
    ax.annotate("", (5.9, 0.35), (4.1, 0.35), arrowprops=arrow)
    ax.annotate("", (4.1, -0.45), (5.9, -0.45), arrowprops=arrow)
    ax.text(5, 0.6, 'x.to("cuda:0")', ha="center", va="center", fontsize=9)
    ax.text(5, -0.72, 'z.to("cpu")', ha="center", va="center", fontsize=9)
    ax.set(xlim=(-0.2, 10.2), ylim=(-1.2, 1.2))
    ax.set_axis_off()
    ax.set_title("Two memories: a result is where its inputs are, and `to` moves it")


cu.plots.figure(
    draw_devices,
    height=2.0,
    alt="Two boxes, the memory of the CPU with x and x + x, and the memory of the GPU with z and z + z; arrows between "
    "them say x.to(cuda:0) and z.to(cpu)",
)

# %% [markdown]
r"""
Every installation of torch has one more device, `meta`. A meta tensor has a shape and a dtype but no numbers. It takes
no memory, and for us it is a second device on any machine: what goes wrong between the CPU and a GPU goes wrong here
too.
"""

# %%
x = torch.ones(2, 3)  # on the CPU, unless we say otherwise
z = torch.ones(2, 3, device="meta")  # made there at once, without a detour
print(x.device, z.device, z.shape)
for what, attempt in {
    "x + z": lambda: x + z,
    "nn.Linear(3, 1)(z)": lambda: nn.Linear(3, 1)(z),
    "z + 2": lambda: z + 2,
    "z + torch.tensor(2.0)": lambda: z + torch.tensor(2.0),
}.items():
    try:
        print(f"{what}: works, the result is on {attempt().device}")
    except RuntimeError as error:
        print(f"{what}: {error}")
try:
    torch.ones(1, device="cuda:99")
except Exception:  # its type depends on the version of torch
    print("cuda:99, a GPU that is not there: an error, and no CPU in its place")

# %% [markdown]
r"""
Torch does not move tensors behind your back: a hidden copy between two memories would be slow, and you would never
know. One exception is a single number: a tensor of shape `()` on the CPU may be combined with a tensor on another
device. Two GPUs are two devices, too: after `Z = X.to("cuda:1")` with `X` on `cuda:0`, `X + Z` fails. (`X.cuda(1)` is
an older way to write the same move.)

`.to(device)` moves. What exactly does it change? Look at three cases:
"""

# %%
x = torch.ones(2, 3)
x.to("meta")
print("after x.to('meta') x is on", x.device)
print("x.to('cpu') is x itself:", x.to("cpu") is x)
layer = nn.Linear(3, 1)
layer.to("meta")
print("after layer.to('meta') its weight is on", layer.weight.device)

# %% [markdown]
r"""
For a **tensor**, `to` returns a copy on the other device, or the tensor itself if it is there already. Without an
assignment the copy is lost: write `x = x.to(device)`. A **module** is changed in place, and `net.to(device)` is enough.
Move a network *before* you build its optimizer: a move to some devices, `meta` among them, makes new parameters, and an
optimizer built earlier would keep the old ones.

### Exercise 7.3: `try_gpu` &nbsp; (1 point, about 5 minutes, ★☆☆)

Code that says `cuda:0` fails on a machine without a GPU. Write a function that gives a GPU if it is there and the CPU
otherwise. `torch.cuda.device_count()` says how many there are (`torch.cuda.is_available()` only whether there is one);
they are numbered from 0. The check pretends that your machine has none or several, so ask for the number; do not try to
use a GPU.

<details><summary>Hint</summary>

A device with a number is `torch.device("cuda", 2)` or `torch.device("cuda:2")`. Making the object needs no GPU; only
putting a tensor there does.

</details>
"""


# %% exercise="try_gpu"
def try_gpu(i=0):
    """GPU number i as a torch.device if this machine has it, else the CPU, also for a negative i."""
    ### BEGIN SOLUTION
    if 0 <= i < torch.cuda.device_count():
        return torch.device("cuda", i)
    return torch.device("cpu")
    ### END SOLUTION


# %% test="try_gpu"
check.exercise("try_gpu", points=1)
wrong = {"this is a string; return a torch.device": "cuda:2"}
wrong["GPU 2 is there, and this is the CPU: ask device_count(), do not try the GPU out"] = torch.device("cpu")
wrong["this is GPU 0; number i was asked for"] = torch.device("cuda:0")
wrong["`cuda` without a number is whichever GPU is the current one; give the number"] = torch.device("cuda")
with check.case("GPU number i where there are three, the CPU where there is none", points=0.5):
    with check.gpus(3):
        check.equal(try_gpu(2), torch.device("cuda", 2), known=wrong)
        check.equal(try_gpu(), torch.device("cuda", 0), "without an argument it is GPU 0", known=wrong)
    with check.gpus(0):
        wrong = {"this is a string; return a torch.device": "cpu", "without a GPU nothing comes back": None}
        wrong["the CPU has no number: torch.device('cpu')"] = torch.device("cpu", 0)
        check.equal(try_gpu(), torch.device("cpu"), "there is no GPU", known=wrong)
with check.case("the CPU for a number that is not there", points=0.25):
    with check.gpus(3):
        wrong = {"three GPUs have the numbers 0, 1 and 2, so number 3 is not there": torch.device("cuda", 3)}
        wrong["number 3 is not there: return the CPU, not the last GPU"] = torch.device("cuda", 2)
        check.equal(try_gpu(3), torch.device("cpu"), known=wrong)
        check.equal(try_gpu(-1), torch.device("cpu"), "a negative number is no GPU")
### BEGIN HIDDEN TESTS
with check.case("the same with other numbers of GPUs", points=0.25, hidden=True):
    for count, i in ((1, 0), (1, 1), (2, 1), (2, 5), (8, 7), (8, -2), (0, 3)):
        with check.gpus(count):
            expected = torch.device("cuda", i) if i in range(count) else torch.device("cpu")
            check.equal(try_gpu(i), expected, f"number {i}, where device_count() is {count}")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 7.4: `try_all_gpus`, spot the bugs &nbsp; (2 points, about 10 minutes, ★★☆)

These lines come from a page of notes. They should return a list of all GPUs, or a list with the CPU alone if there is
none:

```python
def try_all_gpus():
    devices = [torch.device(f"cuda:{i}")]
    for i in range(torch.cuda.device_count()):
        devices.append(torch.device(f"cuda:{i}"))
        return devices if devices else [torch.device("cpu")]
```

Run them in your head on a machine with no GPU, with one, and with three. What comes back each time? Then write a version
that works on all three.

<details><summary>Hint 1</summary>

Line 2 uses a name that does not have a value yet. What would come back for three GPUs if line 2 were `devices = []`?
And for none?

<details><summary>Hint 2</summary>

The list is complete only after the loop. An empty list counts as False.

</details></details>
"""


# %% exercise="try_all_gpus"
def try_all_gpus():
    """All GPUs of this machine in their order, a list of torch.devices; a list with only the CPU if there is none."""
    ### BEGIN SOLUTION
    devices = [torch.device("cuda", i) for i in range(torch.cuda.device_count())]
    return devices or [torch.device("cpu")]
    ### END SOLUTION


# %% test="try_all_gpus"
check.exercise("try_all_gpus", points=2)
cpu, cuda = torch.device("cpu"), [torch.device("cuda", i) for i in range(3)]
with check.case("three GPUs: all of them, in their order", points=0.75):
    wrong = {"only the first GPU comes back: is the `return` inside the loop?": cuda[:1]}
    wrong["GPU 0 is in the list twice"] = cuda[:1] + cuda
    wrong["the numbers begin at 0, and this begins at 1"] = [*cuda[1:], torch.device("cuda", 3)]
    wrong["the CPU is in the list, although there are GPUs"] = [*cuda, cpu]
    wrong["the CPU is in the list, although there are GPUs."] = [cpu, *cuda]
    wrong["these are strings; make torch.devices of them"] = ["cuda:0", "cuda:1", "cuda:2"]
    wrong["this is a tuple; a list is asked for"] = tuple(cuda)
    wrong["the last GPU is missing"] = cuda[:2]
    wrong["there is one GPU too many: three have the numbers 0, 1 and 2"] = [*cuda, torch.device("cuda", 3)]
    wrong["the order is reversed"] = cuda[::-1]
    wrong["`cuda` without a number is the current GPU; give the numbers"] = [torch.device("cuda")] * 3
    wrong["it returns nothing: is there a return?"] = None
    with check.gpus(3):
        check.equal(try_all_gpus(), cuda, known=wrong)
with check.case("no GPU: a list with only the CPU", points=0.75):
    wrong = {"the list is empty; without a GPU it holds the CPU": []}
    wrong["it returns nothing where there is no GPU: a `return` inside the loop is never reached"] = None
    wrong["this is the CPU, and not a list with it"] = cpu
    wrong["this is GPU 0, which is not there"] = cuda[:1]
    wrong["these are the GPUs of an earlier call: make a new list in each call"] = cuda
    wrong["this is a string in a list; make it a torch.device"] = ["cpu"]
    with check.gpus(0):
        check.equal(try_all_gpus(), [cpu], known=wrong)
### BEGIN HIDDEN TESTS
with check.case("the same with one GPU and with five", points=0.5, hidden=True):
    for count in (1, 5):
        with check.gpus(count):
            expected = [torch.device("cuda", i) for i in range(count)]
            check.equal(try_all_gpus(), expected, f"{count} GPU{'s' * (count > 1)}")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Batches come in many forms.** A loader may give a pair (pictures, labels), a dict, or pairs of dicts of lists. To write
`X, y = X.to(device), y.to(device)` for each of them is tedious; one function can handle them all.

### Exercise 7.5: `move_batch` &nbsp; (3 points, about 15 minutes, ★★☆)

Move all tensors in nested containers, and return containers of the same form. A *named tuple* is a tuple whose places
have names: after `Pair = namedtuple("Pair", ["picture", "label"])`, a pair is made by `Pair(x, y)` and read by
`pair.picture` or `pair[0]`.

<details><summary>Hint 1</summary>

The function calls itself: what is in a list is a smaller batch. What does it return for a batch that is neither a tensor
nor a container?

<details><summary>Hint 2</summary>

`type(batch)` is the class of a container, and calling it makes a new one. Lists and tuples are made from *one* argument
that can be iterated, a named tuple from *one argument per place*. You can tell a named tuple by its attribute `_fields`.

</details></details>
"""


# %% exercise="move_batch"
def move_batch(batch, device):
    """The batch with all its tensors on device.

    batch: a tensor, or tuples, named tuples, lists and dicts of tensors and of each other, nested in any way. There are no
    other containers, such as sets or an OrderedDict. Any other value (a number, a string, None) is kept. The containers of
    the result have the types and the lengths of the given ones, and the given ones are not changed.
    """
    ### BEGIN SOLUTION
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: move_batch(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(move_batch(value, device) for value in batch))
    if isinstance(batch, (list, tuple)):
        return type(batch)(move_batch(value, device) for value in batch)
    return batch
    ### END SOLUTION


# %% test="move_batch"
check.exercise("move_batch", points=3)
Pair = namedtuple("Pair", ["picture", "label"])


def form(batch, device=None):
    """The same nest in words: each tensor as its shape and device, each container with the name of its type."""
    if isinstance(batch, torch.Tensor):
        return f"{tuple(batch.shape)} on {device or batch.device}"
    if isinstance(batch, dict):
        return {key: form(value, device) for key, value in batch.items()}
    if isinstance(batch, list | tuple):
        return [type(batch).__name__, *(form(value, device) for value in batch)]
    return batch


def compare(batch, known=None):
    before, expected = form(batch), form(batch, "meta")
    found = move_batch(batch, "meta")
    check.equal(form(batch), before, "the given batch was changed: make new containers")
    wrong = {
        "nothing was moved: `to` returns the moved tensor, and leaves the old one": before,
        "it returns nothing: is there a return?": None,
    }
    check.that(not hasattr(found, "__next__"), "an iterator comes back: make a list or a tuple of it")
    check.equal(form(found), expected, known=wrong | (known or {}))


with check.case("moves a tensor, a tuple, a list, a dict and a named tuple", points=1):
    X, y = check.normal((4, 2)), check.integers((4,), 0, 3)
    compare(X)
    wrong = {"a list comes back; the batch was a tuple": form([X, y], "meta")}
    wrong["y was not moved; tensors of whole numbers move as well"] = ["tuple", form(X, "meta"), form(y)]
    compare((X, y), wrong)
    compare([X, y], {"a tuple comes back; the batch was a list": form((X, y), "meta")})
    wrong = {"a list of the keys comes back; the batch was a dict": ["list", "X", "y"]}
    wrong["the keys of the dict are lost"] = form([X, y], "meta")
    compare({"X": X, "y": y}, wrong)
    wrong = {"a plain tuple comes back; the batch was a named tuple": form((X, y), "meta")}
    wrong["a list comes back; the batch was a named tuple"] = form([X, y], "meta")
    wrong["a dict comes back; the batch was a named tuple"] = form({"picture": X, "label": y}, "meta")
    compare(Pair(X, y), wrong)
with check.case("goes into containers inside containers", points=0.75):
    batch = {"inputs": [check.normal((2, 3)), (check.normal((1,)),)], "mask": check.normal((4,))}
    wrong = {"what is inside the inner containers was not moved": form(batch) | {"mask": "(4,) on meta"}}
    wrong["entries of the dict are gone"] = {"mask": "(4,) on meta"}
    compare(batch, wrong)
    compare({"target": Pair(check.normal((5,)), []), "n": 5})
    compare([{"a": (check.normal((2,)), {"b": check.normal((3,))})}, ()])
with check.case("keeps other values, and on the CPU the numbers", points=0.75):
    batch = (check.normal((2,)), "shirt", 7, None, [1.5, "a"], {"id": 3})
    lost = form((batch[0], None, None, None, [None, None], {"id": None}), "meta")
    compare(batch, {"what is no tensor comes back as None; keep it": lost})
    X, y = check.normal((3, 2)), check.integers((3,), 0, 9)
    found = check.unchanged(move_batch, {"X": X, "rest": [y, "coat"]}, torch.device("cpu"))
    check.like(found["X"], X)
    check.equal(found["X"], X, "the numbers of X have changed")
    check.like(found["rest"][0], y)
    check.equal(found["rest"][0], y, "the numbers of y have changed")
### BEGIN HIDDEN TESTS
with check.case("the same on other nests", points=0.5, hidden=True):
    Triple = namedtuple("Triple", ["a", "b", "c"])
    compare([[[check.normal((1, 2))]], "x", Triple({"k": [check.normal((2,))]}, (), None)])
    compare({"a": {"b": {"c": check.integers((2,), 0, 5)}}, 3: (Pair("text", check.normal(())),)})
    compare("a string alone")
    compare([])
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Where is this network?** Code that gets a network as an argument has to ask it. People write
`next(net.parameters()).device`, which looks at one tensor only. Here is a network that answers `cpu` to this question
and still fails on the CPU:
"""

# %%
lost = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))  # BatchNorm has buffers: a running mean and variance
lost[1].running_mean = lost[1].running_mean.to("meta")
print("first parameter:", next(lost.parameters()).device)
try:
    lost(torch.ones(4, 3))
except RuntimeError as error:
    print(type(error).__name__)

# %% [markdown]
r"""
### Exercise 7.6: `module_device` &nbsp; (2 points, about 10 minutes, ★★☆)

Ask all parameters and all buffers. The answer is one device, or an error that says what is wrong.

<details><summary>Hint 1</summary>

`net.parameters()` and `net.buffers()` go through all children. Which Python container keeps each value once?

<details><summary>Hint 2</summary>

Three cases: no device, one, several.

</details></details>
"""


# %% exercise="module_device"
def module_device(net):
    """The one device, a torch.device, on which all parameters and all buffers of net are.

    Buffers count too, also those registered with persistent=False.
    Raises ValueError, with a message that says what is wrong, if they are on several devices or if net has neither
    parameters nor buffers.
    """
    ### BEGIN SOLUTION
    devices = {tensor.device for tensor in [*net.parameters(), *net.buffers()]}
    if not devices:
        raise ValueError("this network has no parameters and no buffers, so it is on no device")
    if len(devices) > 1:
        raise ValueError(f"this network is on several devices: {', '.join(sorted(map(str, devices)))}")
    return devices.pop()
    ### END SOLUTION


# %% test="module_device"
check.exercise("module_device", points=2)


class Holds(nn.Module):
    """A module with these buffers, and around another module."""

    def __init__(self, *buffers, persistent=True, around=None):
        super().__init__()
        self.around = around
        for i, buffer in enumerate(buffers):
            self.register_buffer(f"buffer{i}", buffer, persistent=persistent)


cpu, meta = torch.device("cpu"), torch.device("meta")
here, there = torch.zeros(2), torch.zeros(2, device="meta")
with check.case("the one device of a network", points=0.5):
    wrong = {"this is a string; return the torch.device": "cpu", "this is a set; return the one in it": {cpu}}
    wrong["a GPU, whatever the network says"] = torch.device("cuda")
    wrong["GPU 0, whatever the network says"] = torch.device("cuda", 0)
    check.equal(module_device(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))), cpu, known=wrong)
    wrong = {"the CPU, whatever the network says": cpu, "this is a string; return the torch.device": "meta"}
    check.equal(module_device(nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2)).to("meta")), meta, known=wrong)
with check.case("buffers alone are enough, and frozen parameters count", points=0.5):
    check.equal(module_device(Holds(there)), meta, "a network with a buffer and no parameter")
    check.equal(module_device(Holds(there, persistent=False)), meta, "a buffer with persistent=False alone")
    check.equal(module_device(nn.Linear(2, 2).requires_grad_(False)), cpu, "a network of frozen parameters")
with check.case("an error for several devices, and for none", points=0.5):
    split = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, device="meta"), nn.Linear(2, 2))
    check.raises(ValueError, module_device, split)
    check.raises(ValueError, module_device, nn.Sequential(nn.Linear(2, 2), Holds(there)))
    check.raises(ValueError, module_device, nn.Sequential(nn.Flatten(), nn.ReLU()))
### BEGIN HIDDEN TESTS
with check.case("the same on other networks", points=0.5, hidden=True):
    frozen = nn.Linear(2, 2, device="meta").requires_grad_(False)
    for net in (
        Holds(here, there.long()),
        Holds(there, persistent=False, around=nn.Linear(2, 2)),
        nn.Sequential(nn.Sequential(Holds(here)), nn.Sequential(Holds(there, persistent=False))),
        Holds(here, around=nn.Sequential(nn.ReLU(), nn.Sequential(frozen))),
        nn.Sequential(nn.Linear(2, 2), frozen),
        nn.Sequential(),
    ):
        check.raises(ValueError, module_device, net)
    check.equal(module_device(Holds(here, here, around=nn.Sequential(nn.Sequential(nn.Linear(1, 1))))), cpu)
    check.equal(module_device(Holds(there, around=frozen)), meta)
### END HIDDEN TESTS
check.score()

# %% tags=["experiment"]
where = cu.yours(module_device, instead=lambda net: next(net.parameters()).device)
move = cu.yours(move_batch, instead=lambda batch, device: tuple(tensor.to(device) for tensor in batch))
device = cu.yours(try_gpu, instead=cu.devices.try_gpu)()
everywhere = cu.yours(try_all_gpus, instead=cu.devices.try_all_gpus)()
copies = [make_net(0).to(one) for one in everywhere]
print("one network on each device; the first one is where it should be:", where(copies[0]) == everywhere[0])
X, y = move((X_test, y_test), where(copies[0]))
print("batch and network are on the same device:", X.device == where(copies[0]))

# %% [markdown]
r"""
## 7 Moving costs time, and so does waiting

A GPU can multiply large matrices tens of times faster than a CPU. It is still not always the faster choice. Before it
can start, the numbers must get from the host's memory into its own, and each operation has to be *launched*, which
takes about 10 microseconds however small it is. A product of two n × n matrices moves $3n^2$ numbers, two matrices in
and one out, and takes about $2n^3$ operations. So transfer grows with $n^2$ and computing with $n^3$, and a matrix that
is used many times is moved only once.

**Try it.** A model with round numbers: the CPU does $10^{11}$ operations per second, the GPU $10^{13}$, the connection
moves $10^{10}$ bytes per second, a launch takes 10 µs. `n` is the size of the matrices, `uses` is how many products are
computed before the result goes back. *Goals: find the smallest n for which the GPU is faster with uses = 1. Then make
it at least 20 times faster with n no larger than 256.*
"""


# %% jupyter={"source_hidden": true}
def race(n, uses):
    """Seconds on the CPU, and the parts of the GPU's time, for `uses` products of n x n matrices."""
    work = uses * 2.0 * n**3
    return work / 1e11, {"transfer": 3 * 4 * n**2 / 1e10, "launch": uses * 10e-6, "compute": work / 1e13}


def draw_race(ax, n, uses):
    """Draw both times. Returns a comment."""
    cpu, parts = race(n, uses)
    gpu = sum(parts.values())
    ax.barh(0, cpu * 1e3, color=cu.plots.COLOURS[0], height=0.6, label="compute")
    left = 0.0
    for part, colour in (("transfer", 1), ("launch", 4), ("compute", 0)):
        label = None if part == "compute" else part
        ax.barh(1, parts[part] * 1e3, left=left, color=cu.plots.COLOURS[colour], height=0.6, label=label)
        left += parts[part] * 1e3
    ax.set_yticks([0, 1], ["CPU", "GPU"])
    ax.set(xlabel="milliseconds", ylim=(1.6, -0.6))
    ax.set_title(f"n = {n}, uses = {uses}: the GPU is {cpu / gpu:.2g} times as fast")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    if n <= 256 and cpu >= 20 * gpu:
        return "Second goal reached: move once, compute often."
    smaller_cpu, smaller_parts = race(n - 8, uses)
    if uses == 1 and cpu > gpu and smaller_cpu <= sum(smaller_parts.values()):
        return "First goal reached: with a smaller n the CPU is faster."
    return f"Of the GPU's time {parts['transfer'] / gpu:.0%} is transfer, {parts['launch'] / gpu:.0%} is launching."


cu.demo.explore(
    draw_race,
    n=ipywidgets.IntSlider(value=64, min=16, max=1024, step=8),
    uses=ipywidgets.IntSlider(value=1, min=1, max=100),
    alt="Two bars: the time of the CPU, and that of the GPU split into transfer, launch and compute",
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_race(ax, 256, 1),
    alt="n = 256, one use: the CPU needs 0.34 ms; the GPU 0.09 ms, most of it transfer",
)

# %% [markdown]
r"""
Two habits follow. Keep data on the device: move it once, not back and forth. And prefer few large operations to many
small ones. The second one can be measured on any machine. Predict: 1,000 products of 16 × 16 matrices, one by one or in
one batched call. It is the same arithmetic, $1000 \cdot 2 \cdot 16^3 \approx 8$ million operations.
"""

# %%
A, B = torch.randn(2, 1000, 16, 16)


def seconds(work):
    """The shortest of seven tries."""
    times = []
    for _ in range(7):
        with cu.training.Timer() as timer:
            work()
        times.append(timer.seconds)
    return min(times)


one_by_one = seconds(lambda: [a @ b for a, b in zip(A, B)])
together = seconds(lambda: A @ B)
assert one_by_one > 3 * together
print("one batched call is more than three times as fast as 1,000 calls")

# %% [markdown]
r"""
**A GPU works through a queue.** `A @ B` on a GPU returns before the product is computed: the work has only been put into
a queue. Python runs ahead until it needs a number. Here is a toy version, with a thread as the device and jobs of
50 milliseconds. We hand in five jobs and stop the clock in two places.
"""

# %%
toy_device = ThreadPoolExecutor(max_workers=1)  # one worker takes the jobs in their order
start = time.perf_counter()
promises = [toy_device.submit(time.sleep, 0.05) for _ in range(5)]
handed_in = time.perf_counter() - start
promises[-1].result()  # wait for the last one
finished = time.perf_counter() - start
toy_device.shutdown()
print("clock stopped after handing in: less than a fifth of the real time:", handed_in < finished / 5)
print("clock stopped after waiting: at least 5 x 50 ms:", finished >= 0.25)

# %% [markdown]
r"""
If you stop the clock without waiting, you measure how fast Python hands in work. On a GPU, `torch.cuda.synchronize()`
waits; `cu.training.Timer(device)` calls it at both ends. Everything that needs a number waits too: `print(loss)`,
`loss.item()`, `.cpu()`, `if loss > 1`. A loop that calls `loss.item()` at each step therefore stops the queue at each
step. Add the losses up as a tensor, `total += loss.detach()`, and call `item()` once at the end of the epoch.

Two more words you will meet: a tensor in *pinned* memory (`x.pin_memory()`, or `pin_memory=True` in a DataLoader) can
be copied with `x.to(device, non_blocking=True)`. Then Python does not wait for the copy, and can prepare the next batch
meanwhile.

If there is a GPU, the next cell measures three things: moving a matrix, one product, and one product timed wrongly.
"""

# %% tags=["experiment"]
if device.type == "cuda":
    M = torch.randn(4096, 4096)
    N = M.to(device)
    N @ N  # the first call also loads the library
    measured = {}
    with cu.training.Timer(device) as timer:
        M.to(device)
    measured["transfer of 67 MB"] = timer.seconds
    with cu.training.Timer(device) as timer:
        N @ N
    measured["product"] = timer.seconds
    start = time.perf_counter()
    N @ N
    measured["product, not waited for"] = time.perf_counter() - start
    for name, duration in measured.items():
        print(f"{name:24} {1e3 * duration:8.3f} ms")
else:
    print("No GPU here, so nothing to measure: the toy above shows the effect.")

# %% [markdown]
r"""
## 8 A training run that survives

Now everything together, with *your* functions: find a device, move the network and each batch there, save after each
epoch, and start again after each crash. The loop does not know where it was stopped. It looks for a checkpoint, and
goes on from there. An epoch has 32 steps, and the power fails three times, at steps 40, 90 and 150. Predict how many
steps are made in all until 6 · 32 = 192 of them count.
"""


# %% tags=["experiment"]
class PowerCut(Exception):
    """Stands for everything that can stop a program."""


def train_or_die(path, num_epochs, dies_at, steps):
    """Go on from the last checkpoint, if there is one. steps: gets for each step how many count by then."""
    net = make_net(0).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    done = load(path, net, optimizer, device) if path.exists() else 0
    counting = 32 * done
    for epoch in range(done, num_epochs):
        torch.manual_seed(epoch)
        net.train()
        for batch in torch.randperm(len(y_train)).split(64):
            if len(steps) in dies_at:
                dies_at.remove(len(steps))
                raise PowerCut
            X, y = move((X_train[batch], y_train[batch]), where(net))
            loss = F.cross_entropy(net(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            counting += 1
            steps.append(counting)
        save(path, net, optimizer, epoch + 1)
    return net


steps, dies_at, survivor = [], [40, 90, 150], None
while survivor is None:
    try:
        survivor = train_or_die(folder / "survivor.pt", 6, dies_at, steps)
    except PowerCut:
        print(f"power cut at step {len(steps)}")
print(f"{len(steps)} steps in all")
if device.type == "cpu":  # a GPU may add up in another order at each run
    print(
        "same as the run of section 4 that never stopped:", torch.equal(numbers(survivor), numbers(reference))
    )
cu.plots.curves(
    {"steps": steps},
    x="steps made in all",
    y="steps that count",
    title="Each power cut throws the run back to its last checkpoint",
    alt="A line that rises to 192 and drops three times, to 32, 64 and 96",
)

# %% [markdown]
r"""
A power cut costs what was done since the last checkpoint: 40 - 32 = 8 steps, then 90 - 40 - 32 = 18, then 150 - 90 - 32
= 28, and 192 + 54 = 246.

On a GPU some operations add up in an order that changes from run to run, so the last bits can differ there;
`torch.use_deterministic_algorithms(True)` asks for an exact order where there is one.

### Exercise 7.7: claim cards &nbsp; (5 points, about 10 minutes, ★★☆)

Decide with the experiments of this chapter: answer "true", "false", or the letter of the condition under which the claim
is true.

1. **"best"**: "To get the best weights back, write `best = net.state_dict()` in the best epoch, and
   `net.load_state_dict(best)` after the last one." (a) only if the network is in evaluation mode, (b) only if the
   values are copied, for instance by `copy.deepcopy`, (c) only with an optimizer that has no state.
2. **"to"**: "After the line `x.to(device)`, without an assignment, x is on this device." (a) only if x is a module or
   was there before, (b) only if x is a tensor without a graph, (c) only if the device is a GPU.
3. **"weights only"**: "The state dict of the network and the number of the epoch are enough to resume a run exactly."
   (a) only with Adam, (b) only if the network has no buffers, (c) only with an optimizer that keeps nothing between
   steps, if order and dropout masks follow from the epoch.
4. **"single number"**: "A tensor on the CPU with a single number, of shape (), can be added to a tensor on another
   device."
   (a) only if both have the same dtype, (b) only if it is moved there first, (c) only if neither has a graph.
5. **"half"**: "A network into which a state dict of float16 numbers is loaded computes in float16 from then on."
   (a) only if all entries are float16, (b) only if the file was read with `weights_only=True`, (c) only on a GPU.
"""

# %% exercise="claims_saving"
answers = {
    "best": "?",
    "to": "?",
    "weights only": "?",
    "single number": "?",
    "half": "?",
}
### BEGIN SOLUTION
answers = {
    "best": "b",
    "to": "a",
    "weights only": "c",
    "single number": "true",
    "half": "false",
}
### END SOLUTION

# %% test="claims_saving"
check.exercise("claims_saving", points=5)
CLAIMS = ["best", "to", "weights only", "single number", "half"]
with check.case("every claim is answered with true, false, a, b or c"):
    check.claims(answers, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("claims about state dicts and files", points=2, hidden=True):
    check.right(answers, {"best": "b", "half": "false"}, "the experiments are in section 2")
with check.case("claim about resuming", points=1, hidden=True):
    check.right(answers, {"weights only": "c"}, "look at the cells of section 4")
with check.case("claims about devices", points=2, hidden=True):
    check.right(answers, {"to": "a", "single number": "true"}, "the experiments are in section 6")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 7.8: in your own words &nbsp; (2 points, about 10 minutes, marked by your instructor)

A friend trains for three days on a GPU at the university, with Adam and a learning rate that falls over time, and runs
`torch.save(net.state_dict(), "net.pt")` after each epoch. On the third night the machine restarts. Which things that
the rest of the run depends on are lost? Describe what the training loss will look like if your friend goes on from
`net.pt` with a new Adam. One of the files was being written when the machine went down, and cannot be read: how would
you have saved it? Finally, your friend wants to look at the network at home, on a laptop without a GPU: which two lines
or arguments does that take besides building the network?
"""

# %% [markdown] written="lost_night" points=2
r"""
**Model answer.** Lost are Adam's two running means and its count of steps, the learning rate and the state of its
schedule, the number of the epoch, and the random state that decides the order of the data and the dropout masks. With a
new Adam the loss jumps up in the first steps, because each weight moves by the full learning rate, the more so if the
rate starts at its high first value again; it then comes down, but the run is no longer the same run. The file should be
written under another name and then renamed with `os.replace`, or each epoch should get a file of its own, so that an
older whole file is left. At home: `torch.load("net.pt", map_location="cpu")`, and `net.eval()` before the predictions.

**Mark scheme.** ½ point: at least three of: the optimizer's running means, its step count, learning rate or schedule,
epoch, random state or order. ½ point: the loss rises at first (or jumps) and recovers, with a reason. ½ point: a new
file and a rename, or several files. ½ point: `map_location` and `eval()`; only one of them: ¼.
"""

# %% [markdown]
r"""
## Recap

- A module knows its parameters, its buffers and its children. A plain tensor or a Python list is not trained, not saved
  and not moved.
- A state dict maps dotted names to tensors. It shares the network's memory: copy it to keep it. A file holds no class,
  no mode, and for a view the whole storage.
- Read other people's files with `weights_only=True`. Write state dicts.
- A checkpoint has the state of the network and of the optimizer, the epoch, and what decides the random numbers. Load
  all of it or nothing, and replace the old file only when the new one is whole.
- Old weights help if the old task asked for what the new one needs. Measure it.
- An operation needs its tensors on one device. `to` returns a tensor, and changes a module. Move once, compute often,
  in few large operations; a clock that does not wait for the GPU measures nothing.

**What people get wrong.** They remember `net.state_dict()` without a copy; keep layers in a list; save the weights and
forget the optimizer; overwrite their only checkpoint; load with `strict=False` and do not read the report; forget
`eval()` after loading; write `x.to(device)` without an assignment; build the optimizer, then replace its parameters;
call `.item()` in each step.

**Read on.** [PyTorch: saving and loading models](https://pytorch.org/tutorials/beginner/saving_loading_models.html) ·
[PyTorch: serialization semantics](https://pytorch.org/docs/stable/notes/serialization.html), on views, `weights_only`
and `map_location` · [PyTorch: reproducibility](https://pytorch.org/docs/stable/notes/randomness.html) · [Dive into Deep
Learning, chapter 6](https://d2l.ai/chapter_builders-guide/index.html) ·
[safetensors](https://github.com/huggingface/safetensors), a format for weights that is no pickle.

**Next:** [`08_convolutions_lenet`](../08_convolutions_lenet/convolutions_lenet.ipynb), where a network looks at neighbouring pixels together.
"""
