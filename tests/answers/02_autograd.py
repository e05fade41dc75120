"""Known answers to the exercises of chapter 02."""

import copy
import graphlib
import itertools
import math
import sys
import warnings

import numpy as np
import torch

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- numerical_grad ---------------------------------------------------------------------------------------


def entry_by_entry(x, slope):
    """A tensor of x's shape; its entry i is slope(the i-th unit tensor)."""
    units = torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape)
    return torch.stack([torch.as_tensor(slope(unit), dtype=x.dtype).reshape(()) for unit in units]).reshape(
        x.shape
    )


@wrong("this is the forward difference")
def numerical_grad(f, x, h=1e-5):
    return entry_by_entry(x, lambda unit: (f(x + h * unit) - f(x)) / h)


@wrong("this is the backward difference")
def numerical_grad(f, x, h=1e-5):
    return entry_by_entry(x, lambda unit: (f(x) - f(x - h * unit)) / h)


@wrong("twice the slope: the two points are 2h apart")
def numerical_grad(f, x, h=1e-5):
    return entry_by_entry(x, lambda unit: (f(x + h * unit) - f(x - h * unit)) / h)


@wrong("half the slope")
def numerical_grad(f, x, h=1e-5):
    return entry_by_entry(x, lambda unit: (f(x + h * unit / 2) - f(x - h * unit / 2)) / (2 * h))


@wrong("the sign is wrong")
def numerical_grad(f, x, h=1e-5):
    return entry_by_entry(x, lambda unit: (f(x - h * unit) - f(x + h * unit)) / (2 * h))


@wrong("all entries move at once")
def numerical_grad(f, x, h=1e-5):
    slope = (float(f(x + h)) - float(f(x - h))) / (2 * h)
    return torch.full_like(x, slope)


@wrong("all entries move at once")
def numerical_grad(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / (2 * h)


@wrong("not back in its place when the next one moves")
def numerical_grad(f, x, h=1e-5):
    """Never puts the entry back on the copy."""
    row, slopes = x.flatten().clone(), []
    for i, number in enumerate(x.flatten().tolist()):
        row[i] = number + h
        up = float(f(row.reshape(x.shape)))
        row[i] = number - h
        slopes.append((up - float(f(row.reshape(x.shape)))) / (2 * h))
    return torch.tensor(slopes, dtype=x.dtype).reshape(x.shape)


@wrong("it stays at x + h")
def numerical_grad(f, x, h=1e-5):
    row, slopes = x.flatten().clone(), []
    for i, number in enumerate(x.flatten().tolist()):
        row[i] = number - h
        down = float(f(row.reshape(x.shape)))
        row[i] = number + h
        slopes.append((float(f(row.reshape(x.shape))) - down) / (2 * h))
    return torch.tensor(slopes, dtype=x.dtype).reshape(x.shape)


@wrong("half of a forward difference")
def numerical_grad(f, x, h=1e-5):
    """A window in place of the saved number."""
    row, slopes = x.flatten().clone(), torch.zeros_like(x).flatten()
    for i in range(x.numel()):
        old = row[i]
        row[i] = old + h
        up = float(f(row.reshape(x.shape)))
        row[i] = old - h
        down = float(f(row.reshape(x.shape)))
        row[i] = old
        slopes[i] = (up - down) / (2 * h)
    return slopes.reshape(x.shape)


@wrong("save `row[i].item()`")
def numerical_grad(f, x, h=1e-5):
    """The window is put back in place of the number: nothing happens."""
    row, slopes = x.flatten().clone(), torch.zeros_like(x).flatten()
    for i in range(x.numel()):
        old = row[i]
        row[i] += h
        up = float(f(row.reshape(x.shape)))
        row[i] -= 2 * h
        down = float(f(row.reshape(x.shape)))
        row[i] = old
        slopes[i] = (up - down) / (2 * h)
    return slopes.reshape(x.shape)


@wrong("x came back changed in its last digits")
def numerical_grad(f, x, h=1e-5):
    """The same way back as forth, which cancels the roundings more often than not."""
    slopes, row = torch.zeros_like(x), x.view(-1)
    for i in range(x.numel()):
        row[i] += h
        up = float(f(x))
        row[i] -= h
        row[i] -= h
        down = float(f(x))
        row[i] += h
        slopes.view(-1)[i] = (up - down) / (2 * h)
    return slopes


@wrong("h is not used")
def numerical_grad(f, x, h=1e-5):
    h = 1e-5
    return entry_by_entry(x, lambda unit: (f(x + h * unit) - f(x - h * unit)) / (2 * h))


@wrong("the dtype should be float64, found float32")
def numerical_grad(f, x, h=1e-5):
    slopes = torch.zeros(x.shape)
    for place in itertools.product(*map(range, x.shape)):
        up, down = x.clone(), x.clone()
        up[place] += h
        down[place] -= h
        slopes[place] = float(f(up) - f(down)) / (2 * h)
    return slopes


@wrong("expected")
def numerical_grad(f, x, h=1e-5):
    """In float32."""
    small = x.float()
    slopes = entry_by_entry(
        small, lambda unit: (float(f(small + h * unit)) - float(f(small - h * unit))) / (2 * h)
    )
    return slopes.to(x.dtype)


@wrong("a whole row moves at once")
def numerical_grad(f, x, h=1e-5):
    """Moves x[i], which is an entry for one axis only."""
    slopes = torch.zeros_like(x)
    for i in range(len(x)):
        step = torch.zeros_like(x)
        step[i] = h
        slopes[i] = (float(f(x + step)) - float(f(x - step))) / (2 * h)
    return slopes


@wrong("nearly 0: divide by 2h in brackets")
def numerical_grad(f, x, h=1e-5):
    return entry_by_entry(x, lambda unit: (f(x + h * unit) - f(x - h * unit)) / 2 * h)


@wrong("x came back changed in its last digits")
def numerical_grad(f, x, h=1e-5):
    slopes, row = torch.zeros_like(x), x.view(-1)
    for i in range(x.numel()):
        row[i] += h
        up = float(f(x))
        row[i] -= 2 * h
        down = float(f(x))
        row[i] += h
        slopes.view(-1)[i] = (up - down) / (2 * h)
    return slopes


@wrong("x came back changed; work on a copy")
def numerical_grad(f, x, h=1e-5):
    slopes, row = torch.zeros_like(x), x.view(-1)
    for i in range(x.numel()):
        down = float(f(x - h * torch.eye(x.numel(), dtype=x.dtype)[i].reshape(x.shape)))
        row[i] += h
        slopes.view(-1)[i] = (float(f(x)) - down) / (2 * h)
    return slopes


@wrong("a value of f was rounded to float32")
def numerical_grad(f, x, h=1e-5):
    """as_tensor makes float32 of a float."""

    def value(place):
        return torch.as_tensor(f(place)).reshape(())

    return entry_by_entry(x, lambda unit: (value(x + h * unit) - value(x - h * unit)) / (2 * h))


@wrong("'float' object has no attribute 'item'")
def numerical_grad(f, x, h=1e-5):
    return entry_by_entry(x, lambda unit: (f(x + h * unit).item() - f(x - h * unit).item()) / (2 * h))


@wrong("the shape should be (2, 3), found (6,)")
def numerical_grad(f, x, h=1e-5):
    return entry_by_entry(x, lambda unit: (f(x + h * unit) - f(x - h * unit)) / (2 * h)).flatten()


@wrong("0-d tensor")
def numerical_grad(f, x, h=1e-5):
    slopes = torch.zeros_like(x)
    for i in range(len(x)):
        for place in itertools.product([i], *map(range, x.shape[1:])):
            up, down = x.clone(), x.clone()
            up[place] += h
            down[place] -= h
            slopes[place] = (float(f(up)) - float(f(down))) / (2 * h)
    return slopes


@wrong("a long row made from a transpose is a copy of it")
def numerical_grad(f, x, h=1e-5):
    """In place, through a row that is a window on x only if x is contiguous."""
    row, slopes = x.reshape(-1), []
    for i, number in enumerate(row.tolist()):
        row[i] = number + h
        up = float(f(x))
        row[i] = number - h
        slopes.append((up - float(f(x))) / (2 * h))
        row[i] = number
    return torch.tensor(slopes, dtype=x.dtype).reshape(x.shape)


@odd
def numerical_grad(f, x, h=1e-5):
    """In place, with the saved number put back."""
    slopes = torch.zeros_like(x)
    for place in np.ndindex(*x.shape):
        saved = x[place].item()
        x[place] = saved + h
        up = float(f(x))
        x[place] = saved - h
        down = float(f(x))
        x[place] = saved
        slopes[place] = (up - down) / (2 * h)
    return slopes


@odd
def numerical_grad(f, x, h=1e-5):
    """Richardson's extrapolation of two central differences: exact up to h ** 4."""

    def central(unit, h):
        return (float(f(x + h * unit)) - float(f(x - h * unit))) / (2 * h)

    return entry_by_entry(x, lambda unit: (4 * central(unit, h / 2) - central(unit, h)) / 3)


@odd
def numerical_grad(f, x, h=1e-5):
    """By way of NumPy, with the step that rounding really leaves."""
    numbers, slopes = x.numpy().reshape(-1).copy(), []
    for i, number in enumerate(numbers):
        row = numbers.copy()
        row[i] = high = number + h
        up = float(f(torch.from_numpy(row.reshape(x.shape))))
        row[i] = low = number - h
        down = float(f(torch.from_numpy(row.reshape(x.shape))))
        slopes.append((up - down) / (high - low))
    return torch.tensor(np.reshape(slopes, x.shape))


# --- grad_of ----------------------------------------------------------------------------------------------


@wrong("x requires a gradient now, and did not before")
def grad_of(f, x):
    x.requires_grad_()
    (grad,) = torch.autograd.grad(f(x), x, allow_unused=True)
    return grad


@wrong("x has a .grad now, and had none before")
def grad_of(f, x):
    flag = x.requires_grad
    x.requires_grad_(True)
    f(x).backward()
    grad = x.grad.clone()
    x.requires_grad_(flag)
    return grad


@wrong("what was in x.grad before is in the result")
def grad_of(f, x):
    if not x.requires_grad:
        leaf = x.clone().requires_grad_()
        f(leaf).backward()
        return leaf.grad
    f(x).backward()
    return x.grad.clone()


@wrong("the gradient was added to x.grad")
def grad_of(f, x):
    if not x.requires_grad:
        leaf = x.clone().requires_grad_()
        f(leaf).backward()
        return leaf.grad
    before = x.grad.clone()
    f(x).backward()
    return x.grad - before


@wrong("x.grad was there before, and is gone now")
def grad_of(f, x):
    flag = x.requires_grad
    x.requires_grad_(True)
    x.grad = None
    f(x).backward()
    grad, x.grad = x.grad, None
    x.requires_grad_(flag)
    return grad


@wrong("x required a gradient before, and does not now")
def grad_of(f, x):
    x.requires_grad_(True)
    (grad,) = torch.autograd.grad(f(x), x)
    x.requires_grad_(False)
    return grad


@wrong("backward() writes into all leaves")
def grad_of(f, x):
    leaf = x.detach().clone().requires_grad_()
    result = f(leaf)
    if result.requires_grad:
        result.backward()
    return torch.zeros_like(x) if leaf.grad is None else leaf.grad


@wrong("the result carries a graph (its requires_grad is True)")
def grad_of(f, x):
    leaf = x.detach().clone().requires_grad_()
    return torch.autograd.grad(f(leaf), leaf, create_graph=True)[0]


@wrong("does not require grad and does not have a grad_fn")
def grad_of(f, x):
    leaf = x.detach().clone().requires_grad_()
    return torch.autograd.grad(f(leaf), leaf, materialize_grads=True)[0]


@wrong("appears to not have been used in the graph")
def grad_of(f, x):
    leaf = x.detach().clone().requires_grad_()
    result = f(leaf)
    if not result.requires_grad:
        return torch.zeros_like(x)
    return torch.autograd.grad(result, leaf)[0]


@wrong("an `except` hid it")
def grad_of(f, x):
    leaf = x.detach().clone().requires_grad_()
    try:
        return torch.autograd.grad(f(leaf), leaf)[0]
    except RuntimeError:
        return torch.zeros_like(leaf, requires_grad=False)


@wrong("an `except` hid it")
def grad_of(f, x):
    """Hides only what goes wrong on the way back."""
    leaf = x.detach().clone().requires_grad_()
    result = f(leaf)
    try:
        return torch.autograd.grad(result, leaf)[0]
    except RuntimeError:
        return torch.zeros_like(leaf, requires_grad=False)


@wrong("should be a tensor, found a value of type tuple")
def grad_of(f, x):
    leaf = x.detach().clone().requires_grad_()
    return torch.autograd.grad(f(leaf), leaf)


@wrong("found None")
def grad_of(f, x):
    leaf = x.detach().clone().requires_grad_()
    result = f(leaf)
    return torch.autograd.grad(result, leaf, allow_unused=True)[0] if result.requires_grad else None


@wrong("backward went on beyond x")
def grad_of(f, x):
    """Without detach, the copy of a result is one more step of its graph."""
    copy = x.detach().clone().requires_grad_() if x.is_leaf else x.clone()
    copy.retain_grad()
    f(copy).backward()
    return copy.grad


@wrong("x was a result with a graph, and was taken out of it")
def grad_of(f, x):
    """Takes x itself out, and puts only the flag back."""
    flag = x.requires_grad
    x.detach_().requires_grad_()
    result = f(x)
    grad = None
    if result.requires_grad:
        (grad,) = torch.autograd.grad(result, x, allow_unused=True)
    x.requires_grad_(flag)
    return torch.zeros_like(x, requires_grad=False) if grad is None else grad


@wrong("A copy that is not a leaf has no .grad")
def grad_of(f, x):
    """A clone alone: a leaf only if x has no graph."""
    copy = x.clone().requires_grad_()
    f(copy).backward()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return copy.grad


@odd
def grad_of(f, x):
    """backward that names its leaf."""
    leaf = x.detach().requires_grad_()
    result = f(leaf) + 0 * leaf.sum()
    result.backward(inputs=[leaf])
    return leaf.grad


@odd
def grad_of(f, x):
    """By functional transforms."""
    return torch.func.grad(f)(x.detach()).detach()


@odd
def grad_of(f, x):
    return torch.autograd.functional.jacobian(f, x.detach().clone())


@odd
def grad_of(f, x):
    """On x itself, and everything put back."""
    flag = x.requires_grad
    x.requires_grad_(True)
    result = f(x)
    grad = None
    if result.requires_grad:
        grad = torch.autograd.grad(result, x, allow_unused=True)[0]
    x.requires_grad_(flag)
    return torch.zeros_like(x).detach() if grad is None else grad


@wrong("f ran many times, as in numerical_grad")
def grad_of(f, x):
    return numerical_grad(f, x.detach().double()).to(x.dtype)


# --- detached_copy ----------------------------------------------------------------------------------------


@wrong("they share storage: writing into x would change the copy")
def detached_copy(x):
    return x.detach()


@wrong("they share storage")
def detached_copy(x):
    return x.data


@wrong("the copy is still connected")
def detached_copy(x):
    return x.clone()


@wrong("you can only change requires_grad flags of leaf variables")
def detached_copy(x):
    return x.clone().requires_grad_(False)


@wrong("x itself was taken out of its graph")
def detached_copy(x):
    values = x.detach_()
    return values.clone()


@wrong("Can't call numpy() on Tensor that requires grad")
def detached_copy(x):
    return torch.tensor(x.numpy())


@wrong("the dtype should be")
def detached_copy(x):
    return torch.tensor(x.tolist(), dtype=torch.float32)


@wrong("the copy is still connected")
def detached_copy(x):
    return x.detach().clone().requires_grad_(x.requires_grad)


@wrong("the dtype should be float64, found float32")
def detached_copy(x):
    return x.detach().clone().float()


@odd
def detached_copy(x):
    with torch.no_grad():
        return x.clone()


@odd
def detached_copy(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of this way, but it does what is asked
        return torch.tensor(x)


@odd
def detached_copy(x):
    return copy.deepcopy(x.detach()).contiguous().clone()


@odd
def detached_copy(x):
    return torch.from_numpy(np.array(x.detach().numpy()))


@odd
def detached_copy(x):
    twin = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    twin.copy_(x.detach())
    return twin


# --- graph_by_hand ----------------------------------------------------------------------------------------

BY_HAND = {"a": 24, "b": 9, "d": 15, "L": 225}
BY_HAND |= {"dL/dd": 30, "dL/da": 30, "dL/db": -30, "dL/dw": 90, "dL/dx": 60}
SLIPS = {
    "a": {11: "a is the product of w and x", 2.67: "the value of a is wrong"},
    "b": {6: "b is x squared; this is its slope, 2x", 64: "this is w squared", 24: "this is w times x"},
    "d": {-15: "d is a minus b", 33: "a plus b; d is a minus b"},
    "L": {30: "L is d squared", 15: "the value of L is wrong"},
    "dL/dd": {
        15: "the slope of d squared is 2d, not d",
        225: "this is the value of L",
        2: "dL/dd is wrong: multiply the gradient",
    },
    "dL/da": {-30: "the slope of a - b for a is 1", 1: "multiply by dL/dd"},
    "dL/db": {30: "the slope of a - b for b is -1", -1: "multiply by dL/dd: this is -1 alone"},
    "dL/dw": {
        240: "the slope of w * x for w is x",
        720: "the slope of w * x for w is x, and this is 30 times its value",
        3: "multiply the slope x by dL/da",
        60: "dL/dw is wrong",
        30: "multiply dL/da by the slope on the arrow, x",
    },
    "dL/dx": {
        240: "what arrives over one of the two arrows from x, the one to a; add the other one",
        -180: "what arrives over one of the two arrows from x, the one to b; add the other one",
        420: "the sign of the path through b got lost",
        150: "the slope of x squared is 2x, not x",
        -30: "the slope of x squared is 2x; this takes its value",
        -90: "the slope of w * x for x is w, not x",
        -43200: "the two paths multiply; they should add up",
        30: "this is the mean of the two paths",
        2: "multiply them by dL/dd = 30",
        8: "dL/dx is wrong: add up what arrives over its two arrows",
    },
}
for box, slips in SLIPS.items():
    for number, words in slips.items():
        wrong_value("graph_by_hand", "graph_by_hand", BY_HAND | {box: number}, words)
wrong_value("graph_by_hand", "graph_by_hand", BY_HAND | {"dL/dx": "?"}, "'dL/dx' is not filled in yet")
wrong_value("graph_by_hand", "graph_by_hand", dict.fromkeys(BY_HAND, "?"), "not done yet")
wrong_value("graph_by_hand", "graph_by_hand", {"a": 24}, "keep the keys of the dict as they were")
wrong_value(
    "graph_by_hand", "graph_by_hand", BY_HAND | {"dL/dw": "90"}, "'dL/dw' should be a number, without quotes"
)
odd_value("graph_by_hand", "graph_by_hand", {box: float(number) for box, number in reversed(BY_HAND.items())})
TENSORS = "graph_by_hand = {box: torch.tensor(number) for box, number in graph_by_hand.items()}\n"
odd_edit("graph_by_hand", {'"dL/dx": 60,\n}\n': '"dL/dx": 60,\n}\n' + TENSORS})

# --- scale_by_largest -------------------------------------------------------------------------------------

LARGEST = {"x.detach().abs().max()": "x.abs().max()"}
edit("scale_by_largest", LARGEST, says="the gradient flows through the largest magnitude, too: detach it")
edit("scale_by_largest", {".abs().max()": ".max()"}, says="it is divided by the largest entry")
edit("scale_by_largest", {".abs().max()": ".abs().sum()"}, says="it is divided by the sum")
edit("scale_by_largest", {".abs().max()": ".norm()"}, says="it is divided by the length of the vector")
edit("scale_by_largest", {".abs().max()": ".abs()"}, says="each entry is divided by its own magnitude")
edit("scale_by_largest", {"x.detach().abs().max()": "x.detach()[x.abs().argmax()]"}, says="with its sign")
edit("scale_by_largest", {"return x /": "return x.detach() /"}, says="the result has lost its graph")
edit(
    "scale_by_largest", {"torch.where(largest == 0, 1.0, largest)": "largest"}, says="zeros should stay zeros"
)
edit(
    "scale_by_largest",
    {"torch.where(largest == 0, 1.0, largest)": "(largest + 1e-8)"},
    says="is something added to the largest magnitude",
)
edit(
    "scale_by_largest",
    {"torch.where(largest == 0, 1.0, largest)": "largest.clamp(min=1e-6)"},
    says="is something added to the largest magnitude, or is it bounded",
)
edit(
    "scale_by_largest",
    LARGEST | {"return x /": "return x.detach() /"},
    says="x itself counts as a constant; only the largest magnitude should",
)
edit("scale_by_largest", {"return x /": "return x.float() /"}, says="the dtype should be float64")
DIVISOR = "torch.where(largest == 0, 1.0, largest)"
edit("scale_by_largest", {DIVISOR: "largest.clamp(min=1e-30)"}, says="small vectors are not scaled")
edit(
    "scale_by_largest",
    {f"x / {DIVISOR}": "torch.nan_to_num(x / largest)"},
    says="the gradient at zeros is nan",
)
edit(
    "scale_by_largest",
    {f"x / {DIVISOR}": "torch.where(largest > 0, x / largest, torch.zeros_like(x))"},
    says="the gradient at zeros is nan: choose another divisor",
)
edit(
    "scale_by_largest",
    {f"x / {DIVISOR}": "x / largest if x.all() else 0 * x"},
    says="the other entries are still",
)


@wrong("the function changed its input")
def scale_by_largest(x):
    with torch.no_grad():
        x /= x.abs().max()
    return x


@odd
def scale_by_largest(x):
    with torch.no_grad():
        largest = max(abs(number) for number in x.tolist())
    return x * 1 if largest == 0 else x * (1 / largest)


@odd
def scale_by_largest(x):
    largest = torch.linalg.vector_norm(x, ord=math.inf).item()
    return x / (largest or 1.0)


@odd
def scale_by_largest(x):
    if not x.any():
        return torch.zeros_like(x)
    return x / x.detach().abs().max()


@odd
def scale_by_largest(x):
    if not x.any():
        return x.clone()
    return torch.div(x, x.abs().sort().values[-1].data)


# --- unbroadcast ------------------------------------------------------------------------------------------


@wrong("the mean is not the sum")
def unbroadcast(g, shape):
    while g.dim() > len(shape):
        g = g.mean(0)
    for axis, length in enumerate(shape):
        if length == 1:
            g = g.mean(axis, keepdim=True)
    return g


@wrong("summed over the wrong axis")
def unbroadcast(g, shape):
    while g.dim() > len(shape):
        g = g.sum(-1)
    return g


@wrong("only one of the places is used")
def unbroadcast(g, shape):
    return g.flatten()[: math.prod(shape)].reshape(shape)


@wrong("the stretched axis is gone: keep it, with length 1")
def unbroadcast(g, shape):
    while g.dim() > len(shape):
        g = g.sum(0)
    for axis in reversed(range(len(shape))):
        if shape[axis] == 1:
            g = g.sum(axis)
    return g


@wrong("expected shape (2, 1), found (2, 3)")
def unbroadcast(g, shape):
    """Only the axes on the left."""
    return g.sum(dim=tuple(range(g.dim() - len(shape)))) if g.dim() > len(shape) else g


@wrong("is invalid for input of size")
def unbroadcast(g, shape):
    """Only the stretched axes."""
    for axis, length in enumerate(shape):
        if length == 1:
            g = g.sum(axis, keepdim=True)
    return g.reshape(shape)


@wrong("with an empty list of axes, sum adds up everything")
def unbroadcast(g, shape):
    """sum over an empty list of axes is the sum over all."""
    lead = g.dim() - len(shape)
    axes = [
        *range(lead),
        *(lead + i for i, length in enumerate(shape) if length == 1 and g.shape[lead + i] > 1),
    ]
    g = g.sum(dim=axes)
    return g.reshape(shape) if g.numel() == math.prod(shape) else g


@wrong("g of shape (3, 3), asked down to shape ()")
def unbroadcast(g, shape):
    """Only the first axis, and the stretched ones."""
    if g.dim() > len(shape):
        g = g.sum(0)
    for axis, length in enumerate(shape):
        if length == 1:
            g = g.sum(axis, keepdim=True)
    return g


@wrong("nothing was broadcast, so nothing is summed; with an empty list of axes, sum adds up everything")
def unbroadcast(g, shape):
    """The same for the axes on the left alone: all else then has no axes left."""
    g = g.sum(dim=tuple(range(g.dim() - len(shape))))
    axes = tuple(axis for axis, length in enumerate(shape) if length == 1)
    return g.sum(dim=axes, keepdim=True) if axes else g


@wrong("the dtype should be float64, found float32")
def unbroadcast(g, shape):
    return g.float().sum_to_size(shape)


@wrong("the function changed its input")
def unbroadcast(g, shape):
    total = g.sum_to_size(shape).clone()
    g.zero_()
    return total


@odd
def unbroadcast(g, shape):
    return g.sum_to_size(shape)


@odd
def unbroadcast(g, shape):
    leaf = torch.zeros(shape, dtype=g.dtype, requires_grad=True)
    (leaf.expand(g.shape) * g).sum().backward()
    return leaf.grad


@odd
def unbroadcast(g, shape):
    """Every number of g goes to the cell that it came from."""
    cells = torch.arange(math.prod(shape)).reshape(shape).expand(g.shape).flatten()
    return torch.zeros(math.prod(shape), dtype=g.dtype).index_add_(0, cells, g.flatten()).reshape(shape)


# --- matmul_vjp -------------------------------------------------------------------------------------------


@wrong("the gradient for A is transposed")
def matmul_vjp(A, B, g):
    return B @ g.T, A.T @ g


@wrong("the gradient for A lacks the transpose of B")
def matmul_vjp(A, B, g):
    return g @ B, A @ g


@wrong("the gradient for A has its factors in the wrong order")
def matmul_vjp(A, B, g):
    return B.T @ g, g @ A.T


@wrong("the gradient for B has its factors in the wrong order")
def matmul_vjp(A, B, g):
    return g @ B.T, g @ A.T


@wrong("the gradient for B is transposed")
def matmul_vjp(A, B, g):
    return g @ B.T, g.T @ A


@wrong("the gradient for A takes g as all ones")
def matmul_vjp(A, B, g):
    A, B = A.clone().requires_grad_(), B.clone().requires_grad_()
    (A @ B).sum().backward()
    return A.grad, B.grad


@wrong("the two gradients are in the wrong order")
def matmul_vjp(A, B, g):
    return A.T @ g, g @ B.T


@wrong("the gradient for A is wrong")
def matmul_vjp(A, B, g):
    return g * B, g * A


@wrong("A gets a matrix product, not a `*`")
def matmul_vjp(A, B, g):
    return g * B.T, A.T * g


@wrong("the gradient for B is a mean: the paths add up")
def matmul_vjp(A, B, g):
    return g @ B.T, A.T @ g / len(A)


@wrong("the dtype should be float64, found float32")
def matmul_vjp(A, B, g):
    A, B, g = A.float(), B.float(), g.float()
    return g @ B.T, A.T @ g


@wrong("should be the pair (gA, gB), found one tensor")
def matmul_vjp(A, B, g):
    return g @ B.T


@wrong("should be the pair (gA, gB), found None")
def matmul_vjp(A, B, g):
    (g @ B.T, A.T @ g)


@odd
def matmul_vjp(A, B, g):
    A, B = A.clone().requires_grad_(), B.clone().requires_grad_()
    return torch.autograd.grad(A @ B, (A, B), g)


@odd
def matmul_vjp(A, B, g):
    """One rank-one product per row and column."""
    gA, gB = torch.zeros_like(A), torch.zeros_like(B)
    for i in range(len(A)):
        for j in range(B.shape[1]):
            gA[i] += g[i, j] * B[:, j]
            gB[:, j] += g[i, j] * A[i]
    return [gA, gB]


# --- softmax_vjp ------------------------------------------------------------------------------------------


@wrong("exp is divided by the sum of the whole table")
def softmax_vjp(x, g):
    p = x.exp() / x.exp().sum()
    return p * (g - (g * p).sum(-1, keepdim=True))


@wrong("this goes back through log_softmax")
def softmax_vjp(x, g):
    return g - torch.softmax(x, -1) * g.sum(-1, keepdim=True)


@wrong("solve this one without `autograd`")
def softmax_vjp(x, g):
    x = x.clone().requires_grad_()
    return torch.autograd.grad(torch.softmax(x, -1), x, g)[0]


@wrong("solve this one without `autograd`")
def softmax_vjp(x, g):
    x = x.clone().requires_grad_()
    torch.softmax(x, -1).backward(g)
    return x.grad


@wrong("solve this one without `autograd`")
def softmax_vjp(x, g):
    return torch.func.vjp(lambda x: torch.softmax(x, -1), x)[1](g)[0]


@wrong("solve this one without `autograd`")
def softmax_vjp(x, g):
    """The Jacobian of softmax is symmetric, so the forward mode gives the same."""
    return torch.func.jvp(lambda x: torch.softmax(x, -1), (x,), (g,))[1]


@wrong("solve this one without `autograd`")
def softmax_vjp(x, g):
    """The whole Jacobian, by the forward mode."""
    return torch.tensordot(g, torch.func.jacfwd(lambda x: torch.softmax(x, -1))(x), dims=g.dim())


@wrong("only the Jacobian's diagonal is used")
def softmax_vjp(x, g):
    p = torch.softmax(x, -1)
    return g * p * (1 - p)


@wrong("g is taken as all ones")
def softmax_vjp(x, g):
    return torch.zeros_like(x)


@wrong("g is not used")
def softmax_vjp(x, g):
    p = torch.softmax(x, -1)
    return p * (1 - p)


@wrong("the second sum is missing")
def softmax_vjp(x, g):
    return torch.softmax(x, -1) * g


@wrong("it is softmax over the first axis")
def softmax_vjp(x, g):
    p = torch.softmax(x, 0)
    return p * (g - (g * p).sum(0))


@wrong("all rows are mixed")
def softmax_vjp(x, g):
    p = torch.softmax(x, -1)
    return p * (g - (g * p).sum())


@wrong("the sum of each row meets the wrong row: keepdim=True")
def softmax_vjp(x, g):
    p = torch.softmax(x, -1)
    return p * (g - (g * p).sum(-1))


@wrong("it is the sum of g times p, not of g")
def softmax_vjp(x, g):
    p = torch.softmax(x, -1)
    return p * (g - g.sum(-1, keepdim=True))


@wrong("it is the sum of g times p, not the mean")
def softmax_vjp(x, g):
    p = torch.softmax(x, -1)
    return p * (g - (g * p).mean(-1, keepdim=True))


@wrong("the sign is wrong")
def softmax_vjp(x, g):
    p = torch.softmax(x, -1)
    return p * ((g * p).sum(-1, keepdim=True) - g)


@wrong("the sign of the second sum is wrong")
def softmax_vjp(x, g):
    p = torch.softmax(x, -1)
    return p * g + p * (g * p).sum(-1, keepdim=True)


@wrong("softmax is forgotten")
def softmax_vjp(x, g):
    return x * (g - (g * x).sum(-1, keepdim=True))


@wrong("the dtype should be float64, found float32")
def softmax_vjp(x, g):
    p = torch.softmax(x.float(), -1)
    return p * (g.float() - (g.float() * p).sum(-1, keepdim=True))


@wrong("the function changed its input")
def softmax_vjp(x, g):
    p = torch.softmax(x, -1)
    g -= (g * p).sum(-1, keepdim=True)
    return p * g


@odd
def softmax_vjp(x, g):
    """The whole Jacobian."""
    p = torch.softmax(x, -1)
    jacobian = torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)
    return (g.unsqueeze(-2) @ jacobian).squeeze(-2)


@odd
def softmax_vjp(x, g):
    p = x.exp() / x.exp().sum(-1, keepdim=True)
    return p * g - p * torch.einsum("...i,...i->...", p, g)[..., None]


@odd
def softmax_vjp(x, g):
    """Row by row, entry by entry, in Python's own numbers."""
    rows = []
    for xs, gs in zip(x.reshape(-1, x.shape[-1]).tolist(), g.reshape(-1, x.shape[-1]).tolist(), strict=True):
        top = max(xs)
        exps = [math.exp(number - top) for number in xs]
        p = [number / sum(exps) for number in exps]
        mean = sum(a * b for a, b in zip(p, gs, strict=True))
        rows.append([a * (b - mean) for a, b in zip(p, gs, strict=True)])
    return torch.tensor(rows, dtype=x.dtype).reshape(x.shape)


@wrong("it is the sum of g times p, not the mean of g")
def softmax_vjp(x, g):
    p = torch.softmax(x, -1)
    return p * (g - g.mean(-1, keepdim=True))


@wrong("softmax runs over the last axis, too")
def softmax_vjp(x, g):
    p = torch.softmax(x, 0)
    return p * (g - (g * p).sum(-1, keepdim=True))


@wrong("one p belongs inside the sum")
def softmax_vjp(x, g):
    p = torch.softmax(x, -1)
    return p * g - p * p * g.sum(-1, keepdim=True)


# --- Recorded ---------------------------------------------------------------------------------------------

WRAP = "other = other if isinstance(other, Recorded) else self.made(other)\n        "
NUMBER = "return self.made(self.data + other, (self, 1), (other, 1))"
PLAIN = f"if not isinstance(other, Recorded):\n            {NUMBER}\n        "
SUM = "return self.made(self.data + other.data"
SLOPES = "(self, 1 / other.data), (other, -self.data / other.data**2)"
SUM_ALONE = "return Recorded(self.data + other.data, [(self, 1.0), (other, 1.0)])"
DIFFERENCE = "return self.made(self.data - other.data, (self, 1.0), (other, 1.0))"
RATIO = "return self.made(self.data / other.data, (self, 1 / other.data), (other, -self.data / other.data))"
QUOTIENT = f"return self.made(self.data / other.data, {SLOPES})"
edit("Recorded", {"return -self + number": "return self - number"}, says="the .data of 3 - v is wrong")
edit("Recorded", {"return self**-1 * number": "return self / number"}, says="the .data of 3 / w is wrong")
edit(
    "Recorded",
    {"(self, other.data), (other, self.data)": "(self, self.data), (other, other.data)"},
    says="the slope of a product for one factor is the other factor",
)
edit("Recorded", {"** (exponent - 1)": "** exponent"}, says="this is n * v ** n")
edit("Recorded", {"exponent * self.data ** (exponent - 1)": "exponent"}, says="this is n")
edit("Recorded", {"exponent * self.data ** (": "self.data ** ("}, says="n is missing")
edit("Recorded", {"1 - result**2": "1 - result"}, says="the square is missing")
edit("Recorded", {"1 - result**2": "1 - self.data**2"}, says="not 1 - v ** 2")
edit(
    "Recorded",
    {"float(self.data > 0)": "max(self.data, 0.0)"},
    says="1 for a positive number, not the number",
)
edit(
    "Recorded",
    {"return self * -1": "return self.made(-self.data, (self, 1.0))"},
    says="the slope of -v for v is",
)
edit("Recorded", {"return self + -other": WRAP + DIFFERENCE}, says="what is subtracted has the slope -1")
edit("Recorded", {"return self * other**-1": WRAP + RATIO}, says="is -w / v ** 2; the square is missing")
edit(
    "Recorded", {"(self, 1 / self.data)": "(self, self.data)"}, says="the slope of (-v).log() for v is wrong"
)
edit("Recorded", {"self.data > 0": "self.data > 1"}, says="v is not among the inputs of (v + 2.01).relu()")
edit("Recorded", {"self.data > 0": "self.data > -1"}, says="the slope of (v + 1.99).relu() for v is wrong")
edit("Recorded", {"float(self.data > 0)": "1.0"}, says="the slope of relu is 0 for a negative number")
edit("Recorded", {"(other, 1.0)": "(other, 0.0)"}, says="v is not among the inputs of w + v")
edit(
    "Recorded",
    {"return self.made(self.data + other.data, (self, 1.0), (other, 1.0))": "return self.data + other.data"},
    says="`v + w` should be a Recorded",
)
edit(
    "Recorded",
    {"(self, other.data), (other, self.data)": "*{self: other.data, other: self.data}.items()"},
    says="v * v has v as both of its inputs, and only one of them is recorded",
)
edit("Recorded", {", (self, 1 / self.data)": ""}, says="v is not among the inputs of (-v).log()")
edit("Recorded", {"(self, result))": "(result, self))"}, says=".made_from should hold pairs (input, slope)")
edit("Recorded", {"(self, result))": "self, result)"}, says=".made_from should hold pairs (input, slope)")
edit("Recorded", {WRAP + SUM: PLAIN + SUM}, says="hold pairs (input, slope), each input a Recorded")
edit(
    "Recorded",
    {"    def __radd__(self, number):\n        return self + number\n\n": ""},
    says="`3 + v` does not work: unsupported operand type(s) for +: 'int' and 'Recorded'",
)
edit("Recorded", {"def relu(self)": "def rectified(self)"}, says="`v.relu()` does not work")
edit(
    "Recorded",
    {"return self * -1": "self.data = -self.data\n        return self"},
    says="`-v` changed the number that went into it",
)
edit(
    "Recorded",
    {"result = math.exp(self.data)\n": "self.grad = result = math.exp(self.data)\n"},
    says="`v.exp()` changed the number that went into it",
)
edit(
    "Recorded",
    {
        "made_from=()": "made_from=[]",
        "list(made_from)": "made_from",
        "return type(self)(data, made_from)": "result = type(self)(data)\n        result.made_from += made_from\n        return result",  # noqa: E501
    },
    says="`v + w` changed the number that went into it",
)
edit("Recorded", {"math.exp(self.data)": "torch.exp(self.data)"}, says="must be Tensor, not float")
edit("Recorded", {"return self**-1 * number": "return Recorded(number) / self"}, says="use self.made(...)")
edit(
    "Recorded",
    {"return self.made(self.data + other.data, (self, 1.0), (other, 1.0))": SUM_ALONE},
    says="`v + w` should have the class of self",
)
edit(
    "Recorded",
    {"(self, other.data), (other, self.data)": "(self, other), (other, self)"},
    says="a slope is a Recorded; record a plain number",
)
odd_edit("Recorded", {"return self + -other": "return self + other * -1"})
odd_edit("Recorded", {"max(self.data, 0.0)": "self.data * (self.data > 0)"})
odd_edit("Recorded", {"self.made(other)": "Recorded(other)"})
odd_edit("Recorded", {"return self * other**-1": WRAP + QUOTIENT})


# --- topological_order ------------------------------------------------------------------------------------


@wrong("RecursionError")
def topological_order(result, inputs_of):
    order, seen = [], set()

    def visit(value):
        if value not in seen:
            seen.add(value)
            for source in inputs_of(value):
                visit(source)
            order.append(value)

    visit(result)
    return order


@wrong("comes before its input")
def topological_order(result, inputs_of):
    """Breadth first, turned around."""
    order = [result]
    for value in order:
        order += [source for source in dict.fromkeys(inputs_of(value)) if source not in order]
    return order[::-1]


@wrong("comes before its input")
def topological_order(result, inputs_of):
    """Depth first, in the order of the first visits, turned around."""
    order, stack = [], [result]
    while stack:
        value = stack.pop()
        if value not in order:
            order.append(value)
            stack.extend(inputs_of(value))
    return order[::-1]


@wrong("a value is in the list more than once")
def topological_order(result, inputs_of):
    """No list of what was visited; a limit keeps it from running on."""
    order, stack = [], [result]
    while stack and len(order) < 10_000:
        value = stack.pop()
        order.append(value)
        stack.extend(inputs_of(value))
    return order[::-1]


@wrong("it follows every path on its own")
def topological_order(result, inputs_of):
    """All paths, level by level; the last visit of a value counts: right, and without end."""
    levels = [[result]]
    while levels[-1]:
        levels.append([source for value in levels[-1] for source in inputs_of(value)])
    return list(dict.fromkeys(value for level in reversed(levels) for value in level))


edit(
    "topological_order", {"return order": "return order[::-1]"}, says="the result comes first; turn the list"
)
edit("topological_order", {"return order": "return order[:-1]"}, says="the result itself is missing")
edit("topological_order", {"return order": "return iter(order)"}, says="should be a list, found")
edit(
    "topological_order",
    {"(result, inputs_of):": "(result, inputs_of, order=[]):", "order, seen": "seen", "[], set()": "set()"},
    says="which belongs to another call",
)
edit("topological_order", {"return order": "order.reverse()"}, says="found None: is there a return?")
edit("topological_order", {"order.append(value)": "order.append((value, True))"}, says="which is no value")
edit(
    "topological_order",
    {"(source, False) for source in inputs_of(value)": "(source, False) for source in inputs_of(value)[:1]"},
    says="should be in the list and are missing",
)
edit(
    "topological_order",
    {"            seen.add(value)\n": ""},
    says="a value is in the list more than once",
)


@wrong("should be in the list and are missing")
def topological_order(result, inputs_of):
    return [*inputs_of(result), result]


@odd
def topological_order(result, inputs_of):
    """The standard library's."""
    graph, waiting = {}, [result]
    while waiting:
        value = waiting.pop()
        if value not in graph:
            graph[value] = list(inputs_of(value))
            waiting += graph[value]
    return list(graphlib.TopologicalSorter(graph).static_order())


@odd
def topological_order(result, inputs_of):
    """Kahn's algorithm, from the result on."""
    waiting, stack, seen = {}, [result], {result}
    while stack:
        for source in inputs_of(stack.pop()):
            waiting[source] = waiting.get(source, 0) + 1
            if source not in seen:
                seen.add(source)
                stack.append(source)
    order, ready = [], [result]
    while ready:
        value = ready.pop()
        order.append(value)
        for source in inputs_of(value):
            waiting[source] -= 1
            if not waiting[source]:
                ready.append(source)
    return order[::-1]


@odd
def topological_order(result, inputs_of):
    """Iterators on the stack."""
    order, seen, stack = [], {result}, [(result, iter(inputs_of(result)))]
    while stack:
        value, rest = stack[-1]
        source = next((one for one in rest if one not in seen), None)
        if source is None:
            order.append(value)
            stack.pop()
        else:
            seen.add(source)
            stack.append((source, iter(inputs_of(source))))
    return order


@odd
def topological_order(result, inputs_of):
    """Recursion, with a limit that lets it through."""
    order = {}

    def visit(value):
        if value not in order:
            for source in inputs_of(value):
                visit(source)
            order[value] = True

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        visit(result)
    finally:
        sys.setrecursionlimit(limit)
    return list(order)


# --- Value ------------------------------------------------------------------------------------------------

# The solution inherits from Recorded; these are edits of its `backward`.
FIRST = "        self.grad = 1.0\n"
WIPED = "        for value in order:\n            value.grad = 0.0\n"
LOOP = "        for value in reversed(order):\n"
INPUTS = "lambda value: [source for source, _ in value.made_from]"
INIT = "\n    def __init__(self, data, made_from=()):\n        super().__init__(float(data), made_from)\n"
edit("Value", {FIRST: ""}, says="no gradient arrives: does the result get its own, 1?")
edit("Value", {"reversed(order)": "order"}, says="no gradient arrives")
edit("Value", {"source.grad +=": "source.grad ="}, says="a gradient replaces the one before; add it to .grad")
edit("Value", {"value.grad * slope": "slope"}, says="slopes are passed on alone")
edit("Value", {"value.grad * slope": "value.grad"}, says="without the slopes; multiply by them")
edit("Value", {"self.grad = 1.0": "self.grad = self.data"}, says="own gradient is 1, not its value")
edit("Value", {LOOP: WIPED + FIRST + LOOP}, says="the second backward wiped out the gradient of the first")
edit("Value", {f"topological_order(self, {INPUTS})": "[self]"}, says="Does the walk begin there, and go on?")
edit("Value", {INPUTS: "lambda value: value.made_from"}, says="made_from")
odd_edit("Value", {"self.grad = 1.0": "self.grad += 1.0"})
odd_edit("Value", {"value.grad * slope": "slope * value.grad", "reversed(order)": "order[::-1]"})
odd_edit("Value", {INPUTS: "lambda value: dict(value.made_from)"})
odd_edit("Value", {"class Value(Recorded):\n": "class Value(Recorded):" + INIT})


def number_of(other):
    return getattr(other, "data", other)


class Arithmetic:
    """The operations of Value, for a class that says how `made(data, (input, slope), ...)` builds one."""

    def parts(self, other, a, b):
        """The inputs that are no plain numbers, with their slopes."""
        return [(self, a)] + ([(other, b)] if isinstance(other, Arithmetic) else [])

    def __add__(self, other):
        return self.made(self.data + number_of(other), *self.parts(other, 1.0, 1.0))

    def __mul__(self, other):
        return self.made(self.data * number_of(other), *self.parts(other, number_of(other), self.data))

    def __sub__(self, other):
        return self.made(self.data - number_of(other), *self.parts(other, 1.0, -1.0))

    def __truediv__(self, other):
        divisor = number_of(other)
        return self.made(self.data / divisor, *self.parts(other, 1 / divisor, -self.data / divisor**2))

    def __pow__(self, n):
        return self.made(self.data**n, (self, n * self.data ** (n - 1)))

    def __neg__(self):
        return self.made(-self.data, (self, -1.0))

    __radd__, __rmul__ = __add__, __mul__

    def relu(self):
        return self.made(self.data if self.data > 0 else 0.0, (self, 1.0 if self.data > 0 else 0.0))

    def exp(self):
        return self.made(math.exp(self.data), (self, math.exp(self.data)))

    def log(self):
        return self.made(math.log(self.data), (self, 1 / self.data))

    def tanh(self):
        return self.made(math.tanh(self.data), (self, 1 / math.cosh(self.data) ** 2))


class NumberOnTheLeft:
    """The two operations that are not the same from the other side."""

    def __rsub__(self, other):
        return self.made(other - self.data, (self, -1.0))

    def __rtruediv__(self, other):
        return self.made(other / self.data, (self, -other / self.data**2))


class Unfinished(Arithmetic):
    """Remembers (input, slope), and walks back; knows no 3 - v and no 3 / v."""

    def __init__(self, data):
        self.data, self.grad, self.sources = data, 0.0, []

    def made(self, data, *sources):
        result = type(self)(data)
        result.sources = list(sources)
        return result

    def order(self):
        """Inputs first, without recursion."""
        order, seen, stack = [], set(), [(self, iter(self.sources))]
        while stack:
            value, rest = stack[-1]
            source = next((source for source, _ in rest if source not in seen), None)
            if source is None:
                order.append(value)
                stack.pop()
            else:
                seen.add(source)
                stack.append((source, iter(source.sources)))
        return order

    def backward(self):
        self.grad = 1.0
        for value in reversed(self.order()):
            for source, slope in value.sources:
                source.grad += slope * value.grad


class Complete(NumberOnTheLeft, Unfinished):
    """All of it; what the answers below do differently, they say."""


@odd
class Value(Complete):
    """An iterative depth-first search with iterators on the stack."""


@wrong("`3 - v` does not work: unsupported operand type(s) for -: 'int' and 'Value'")
class Value(Unfinished):
    """A number on the left is forgotten."""


@wrong("unsupported operand type(s) for +: 'int' and 'Value'")
class Value(Complete):
    def __radd__(self, other):
        return NotImplemented


@wrong("`(v + 2.01).relu()` does not work")
class Value(Complete):
    relu = property()  # reading it is an AttributeError


@wrong("x + x has x as both of its inputs, and only one of them got its gradient")
class Value(Complete):
    """The inputs are the keys of a dict, which keeps the last slope of each."""

    def made(self, data, *sources):
        return super().made(data, *dict(sources).items())


@wrong("a gradient replaces the one before; add it to .grad")
class Value(Complete):
    def backward(self):
        self.grad = 1.0
        for value in reversed(self.order()):
            for source, slope in value.sources:
                source.grad = slope * value.grad


@wrong("a value passed its gradient on before all of it had arrived")
class Value(Complete):
    """Breadth first: near the result first."""

    def backward(self):
        self.grad, queue, seen = 1.0, [self], {self}
        for value in queue:
            for source, slope in value.sources:
                source.grad += slope * value.grad
                if source not in seen:
                    seen.add(source)
                    queue.append(source)


@wrong("a value passed on twice what arrived once")
class Value(Complete):
    """No list of what was visited: a value pays out all it has once for every path."""

    def backward(self):
        self.grad, queue = 1.0, [self]
        for value in queue:
            for source, slope in value.sources:
                source.grad += slope * value.grad
                queue.append(source)
                if len(queue) > 20_000:
                    return


@wrong("the second backward wiped out the gradient of the first")
class Value(Complete):
    def backward(self):
        order = self.order()
        for value in order:
            value.grad = 0.0
        self.grad = 1.0
        for value in reversed(order):
            for source, slope in value.sources:
                source.grad += slope * value.grad


@wrong("RecursionError")
class Value(Complete):
    """The textbook's recursion."""

    def order(self):
        order, seen = [], set()

        def visit(value):
            if value not in seen:
                seen.add(value)
                for source, _ in value.sources:
                    visit(source)
                order.append(value)

        visit(self)
        return order


@wrong("visit every value once")
class Value(Complete):
    """Every path on its own: right, and without end."""

    def backward(self):
        stack = [(self, 1.0)]
        while stack:
            value, gradient = stack.pop()
            value.grad += gradient
            for source, slope in value.sources:
                stack.append((source, gradient * slope))


@wrong("the .data of 3 - v is wrong")
class Value(Complete):
    __rsub__ = Complete.__sub__


@wrong("the .data of 3 / v is wrong")
class Value(Complete):
    __rtruediv__ = Complete.__truediv__


@wrong("the slope of v ** 3 is wrong")
class Value(Complete):
    def __pow__(self, n):
        return self.made(self.data**n, (self, n * self.data**n))


@wrong("math domain error")
class Value(Complete):
    """A power by way of the logarithm, which negative numbers do not have."""

    def __pow__(self, n):
        return (self.log() * n).exp()


@wrong("the slope of (v / 2).tanh() is wrong")
class Value(Complete):
    def tanh(self):
        return self.made(math.tanh(self.data), (self, 1 - math.tanh(self.data)))


@wrong("the slope of (v + 2.01).relu() is wrong")
class Value(Complete):
    """The bend of relu at 1."""

    def relu(self):
        return self.made(max(0.0, self.data), (self, float(self.data > 1)))


@wrong("the slope of (v + 1.99).relu() is wrong")
class Value(Complete):
    """The bend of the slope at -1."""

    def relu(self):
        return self.made(max(0.0, self.data), (self, float(self.data > -1)))


@wrong("the slope of (v + 2.01).relu() is wrong")
class Value(Complete):
    def relu(self):
        return self.made(max(0.0, self.data), (self, 0.0))


@wrong("the .grad in a long expression is wrong")
class Value(Complete):
    def __truediv__(self, other):
        divisor = number_of(other)
        return self.made(self.data / divisor, *self.parts(other, 1 / divisor, self.data / divisor**2))


@wrong("should be a Python float, found None")
class Value(Complete):
    def __init__(self, data):
        super().__init__(data)
        self.grad = None


@wrong("should be a Python float, found a value of type int")
class Value(Complete):
    """A gradient of the type of data."""

    def __init__(self, data):
        super().__init__(data)
        self.grad = type(data)(0)


@wrong("`v + 3` should be a Value")
class Value(Complete):
    def __add__(self, other):
        return self.data + number_of(other)


@odd
class Value(Complete):
    """Kahn's algorithm: a value is ready when all that it went into have delivered."""

    def backward(self):
        waiting, stack, seen = {}, [self], {self}
        while stack:
            for source, _ in stack.pop().sources:
                waiting[source] = waiting.get(source, 0) + 1
                if source not in seen:
                    seen.add(source)
                    stack.append(source)
        self.grad, ready = 1.0, [self]
        while ready:
            value = ready.pop()
            for source, slope in value.sources:
                source.grad += slope * value.grad
                waiting[source] -= 1
                if not waiting[source]:
                    ready.append(source)


made_so_far = itertools.count()


@odd
class Value(NumberOnTheLeft, Arithmetic):
    """Numbered as they are made, with closures; inputs are older than results."""

    def __init__(self, data):
        self.data, self.grad, self.number = float(data), 0.0, next(made_so_far)
        self.pass_on, self.inputs = lambda: None, ()

    def made(self, data, *sources):
        result = type(self)(data)

        def pass_on():
            for source, slope in sources:
                source.grad += slope * result.grad

        result.pass_on, result.inputs = pass_on, [source for source, _ in sources]
        return result

    def backward(self):
        found, stack = {self}, [self]
        while stack:
            for source in stack.pop().inputs:
                if source not in found:
                    found.add(source)
                    stack.append(source)
        self.grad = 1.0
        for value in sorted(found, key=lambda value: -value.number):
            value.pass_on()


@odd
class Value(Arithmetic):
    """Keeps no graph of its own: torch does the work."""

    def __init__(self, data):
        self.tensor = (
            data if isinstance(data, torch.Tensor) else torch.tensor(float(data), dtype=torch.float64)
        )
        if not self.tensor.requires_grad:
            self.tensor.requires_grad_()
        self.leaf = self.tensor.is_leaf

    data = property(lambda self: self.tensor.item(), lambda self, data: self.tensor.data.fill_(data))

    @property
    def grad(self):
        if not self.leaf or self.tensor.grad is None:
            return 0.0
        return self.tensor.grad.item()

    def combine(self, other, operation):
        other = getattr(other, "tensor", other)
        return type(self)(operation(self.tensor, other))

    def __add__(self, other):
        return self.combine(other, lambda a, b: a + b)

    def __sub__(self, other):
        return self.combine(other, lambda a, b: a - b)

    def __rsub__(self, other):
        return self.combine(other, lambda a, b: b - a)

    def __mul__(self, other):
        return self.combine(other, lambda a, b: a * b)

    def __truediv__(self, other):
        return self.combine(other, lambda a, b: a / b)

    def __rtruediv__(self, other):
        return self.combine(other, lambda a, b: b / a)

    def __pow__(self, n):
        return self.combine(n, lambda a, b: a**b)

    def __neg__(self):
        return self * -1

    __radd__, __rmul__ = __add__, __mul__

    def relu(self):
        return type(self)(self.tensor.relu())

    def exp(self):
        return type(self)(self.tensor.exp())

    def log(self):
        return type(self)(self.tensor.log())

    def tanh(self):
        return type(self)(self.tensor.tanh())

    def backward(self):
        self.tensor.backward(retain_graph=True)


@odd
class Value(Complete):
    """Recursion, with a limit that lets it through."""

    def order(self):
        order, seen = [], set()

        def visit(value):
            if value not in seen:
                seen.add(value)
                for source, _ in value.sources:
                    visit(source)
                order.append(value)

        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(100_000)
        try:
            visit(self)
        finally:
            sys.setrecursionlimit(limit)
        return order


# --- claims_autograd --------------------------------------------------------------------------------------

CLAIMS = {
    "storage": "false",
    "second call": "b",
    "detach": "c",
    "no_grad": "a",
    "twice": "a",
}
wrong_value(
    "claims_autograd",
    "claims_autograd",
    CLAIMS | {"storage": "true"},
    "1 of 3 is not right yet; print x.grad",
)
wrong_value(
    "claims_autograd", "claims_autograd", CLAIMS | {"storage": "a", "second call": "false"}, "2 of 3 are not"
)
wrong_value("claims_autograd", "claims_autograd", CLAIMS | {"detach": "true"}, "run the cells of section 4")
wrong_value("claims_autograd", "claims_autograd", CLAIMS | {"no_grad": "true"}, "1 of 2 is not right yet")
wrong_value("claims_autograd", "claims_autograd", CLAIMS | {"twice": "true"}, "1 of 3 is not right yet")
wrong_value("claims_autograd", "claims_autograd", CLAIMS | {"twice": "e"}, "'e' is not one of the answers")
wrong_value("claims_autograd", "claims_autograd", CLAIMS | {"twice": "?"}, "not answered yet: 'twice'")
odd_value("claims_autograd", "claims_autograd", {key: f" {value.upper()}" for key, value in CLAIMS.items()})
odd_value("claims_autograd", "claims_autograd", CLAIMS | {"storage": False})
