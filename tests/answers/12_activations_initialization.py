"""Known answers to the exercises of chapter 12."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- sigmoid ----------------------------------------------------------------------------------------------

SIGMOID = "1 / (1 + (-x).exp())"
OVERFLOW = "exp(x) overflows for large x, and inf / inf is nan"
edit("sigmoid", {SIGMOID: "x.exp() / (1 + x.exp())"}, OVERFLOW)
edit("sigmoid", {SIGMOID: "torch.exp(x) / (torch.exp(x) + 1)"}, OVERFLOW)
edit("sigmoid", {SIGMOID: "1 - (-x).exp() / (1 + (-x).exp())"}, "exp(-x) overflows for very negative x")
edit("sigmoid", {"(-x)": "x"}, "the sign in the exponent is wrong")
edit("sigmoid", {SIGMOID: "1 / 1 + (-x).exp()"}, "brackets are needed")
edit("sigmoid", {SIGMOID: "1 + (-x).exp()"}, "brackets are needed")
edit("sigmoid", {SIGMOID: "1 / (-x).exp()"}, "the 1 in the denominator is missing")
edit("sigmoid", {SIGMOID: "torch.tanh(x)"}, "this is tanh")
edit("sigmoid", {SIGMOID: "torch.softmax(x, -1)"}, "it divides by the sum over a row")
edit("sigmoid", {SIGMOID: "torch.sigmoid(x)"}, "solve this one without `torch.sigmoid`")
edit("sigmoid", {SIGMOID: "x.sigmoid()"}, "solve this one without `torch.Tensor.sigmoid`")
edit("sigmoid", {SIGMOID: "F.sigmoid(x)"}, "solve this one without")
edit("sigmoid", {SIGMOID: "nn.Sigmoid()(x)"}, "solve this one without `torch.sigmoid`")
edit("sigmoid", {SIGMOID: "torch.special.expit(x)"}, "solve this one without `torch.special.expit`")
edit("sigmoid", {SIGMOID: "(-F.softplus(-x))"}, "this is the logarithm of the sigmoid")
edit("sigmoid", {"(-x)": "(-x.clamp(-5, 5))"}, "inputs beyond 5 are cut off")
edit("sigmoid", {"(-x)": "(-x.clamp(-10, 10))"}, "inputs beyond 10 are cut off")
edit("sigmoid", {"(-x)": "(-x.clamp(-8, 8))"}, "inputs beyond 8 are cut off")
edit("sigmoid", {SIGMOID: "(x - (1 + x.exp()).log()).exp()"}, "the sigmoid is 1 there")
edit("sigmoid", {SIGMOID: "F.hardsigmoid(x)"}, "made of straight lines")
edit("sigmoid", {"(-x)": "(-x.abs())"}, "the sign of x is lost")
edit("sigmoid", {SIGMOID: "1 / (1 + 2.718**-x)"}, "not exact enough for e")
edit("sigmoid", {"(-x)": "x.neg_()"}, "the function changed its input x")
edit("sigmoid", {SIGMOID: "1 / (1 + (-x.double()).exp())"}, "float64")
edit("sigmoid", {SIGMOID: "1 / (1 + (-x.float()).exp())"}, "float32")
edit("sigmoid", {SIGMOID: "1 / (1 + math.exp(-x))"}, "only one element tensors")
edit("sigmoid", {SIGMOID: "(torch.tanh(x) + 1) / 2"}, "this is sigmoid(2x)")
edit("sigmoid", {SIGMOID: "1 / (1 + 2**-x)"}, "the base is e")
edit("sigmoid", {SIGMOID: "x.clone().sigmoid_()"}, "solve this one without `torch.Tensor.sigmoid_`")
edit("sigmoid", {SIGMOID: "torch.sigmoid_(x.clone())"}, "solve this one without `torch.sigmoid_`")
edit("sigmoid", {SIGMOID: "(x.exp() / (1 + x.exp())).nan_to_num()"}, "nan became 0")
edit("sigmoid", {SIGMOID: "F.softsign(x)"}, "this is x / (1 + |x|)")
odd_edit("sigmoid", {SIGMOID: "0.5 * (torch.tanh(x / 2) + 1)"})
odd_edit("sigmoid", {SIGMOID: "F.logsigmoid(x).exp()"})
odd_edit("sigmoid", {SIGMOID: "torch.softmax(torch.stack([x, torch.zeros_like(x)]), 0)[0]"})
odd_edit("sigmoid", {"(-x)": "(-x.clamp(-50, 50))"})
odd_edit("sigmoid", {SIGMOID: "(1 + torch.exp(-x)) ** -1"})


@odd
def sigmoid(x):
    """An exponent that is never positive."""
    e = torch.exp(-x.abs())
    return torch.where(x >= 0, 1 / (1 + e), e / (1 + e))


@odd
def sigmoid(x):
    """Assigned by masks, in float64."""
    y = torch.empty_like(x, dtype=torch.float64)
    up = x >= 0
    y[up] = 1 / (1 + torch.exp(-x[up].double()))
    y[~up] = torch.exp(x[~up].double()) / (1 + torch.exp(x[~up].double()))
    return y.to(x.dtype)


@odd
def sigmoid(x):
    """One Python number at a time."""
    values = [
        1 / (1 + math.exp(-v)) if v > 0 else math.exp(v) / (1 + math.exp(v)) for v in x.flatten().tolist()
    ]
    return torch.tensor(values, dtype=x.dtype).reshape(x.shape)


# --- tanh -------------------------------------------------------------------------------------------------

TANH = "2 / (1 + (-2 * x).exp()) - 1"
edit("tanh", {TANH: "(1 - (-2 * x).exp()) / (1 + (-2 * x).exp())"}, "exp(-2x) overflows for very negative x")
edit("tanh", {TANH: "((2 * x).exp() - 1) / ((2 * x).exp() + 1)"}, "exp(2x) overflows for large x")
edit("tanh", {TANH: "(x.exp() - (-x).exp()) / (x.exp() + (-x).exp())"}, "exp overflows at both ends")
edit("tanh", {TANH: "torch.sinh(x) / torch.cosh(x)"}, "exp overflows at both ends")
edit("tanh", {TANH: "((1 - (-2 * x).exp()) / (1 + (-2 * x).exp())).nan_to_num()"}, "nan became 0")
edit("tanh", {TANH: "((1 - (-2 * x).exp()) / (1 + (-2 * x).exp())).nan_to_num(1)"}, "nan became 1")
edit("tanh", {"(-2 * x)": "(-x)"}, "this is tanh(x / 2)")
edit("tanh", {TANH: "2 * torch.sigmoid(x) - 1"}, "this is tanh(x / 2)")
edit("tanh", {"(-2 * x)": "(-4 * x)"}, "this is tanh(2 x)")
edit("tanh", {"(-2 * x)": "(2 * x)"}, "the sign is the wrong way round")
edit("tanh", {"2 / (1": "1 / (1"}, "the factor of 2 in front is missing")
edit("tanh", {" - 1\n": "\n"}, "subtract 1")
edit("tanh", {TANH: "torch.sigmoid(2 * x)"}, "it still goes from 0 to 1")
edit("tanh", {TANH: "torch.sigmoid(x)"}, "this is the sigmoid")
edit("tanh", {TANH: "x.clamp(-1, 1)"}, "tanh bends smoothly")
edit("tanh", {TANH: "torch.tanh(x)"}, "solve this one without `torch.tanh`")
edit("tanh", {TANH: "x.tanh()"}, "solve this one without `torch.Tensor.tanh`")
edit("tanh", {TANH: "x.clone().tanh_()"}, "solve this one without `torch.Tensor.tanh_`")
edit("tanh", {TANH: "torch.tanh_(x.clone())"}, "solve this one without `torch.tanh_`")
edit("tanh", {TANH: "torch.sigmoid(2 * x) - 0.5"}, "goes from -0.5 to 0.5")
edit("tanh", {TANH: "(x.sinh() / x.cosh()).nan_to_num()"}, "-1 on the left and to 1 on the right")
edit("tanh", {TANH: "nn.Tanh()(x)"}, "solve this one without `torch.tanh`")
edit("tanh", {"-2 * x": "-2 * x.clamp(-3, 3)"}, "inputs beyond 3 are cut off")
edit("tanh", {"-2 * x": "-2 * x.clamp(-5, 5)"}, "inputs beyond 5 are cut off")
edit(
    "tanh", {TANH: "(((2 * x).exp() - 1) / ((2 * x).exp() + 1)).nan_to_num()"}, "tanh of a large number is 1"
)


@wrong("each is used on the side where it overflows")
def tanh(x):
    p, m = (2 * x).exp(), (-2 * x).exp()
    return torch.where(x > 0, (p - 1) / (p + 1), (1 - m) / (1 + m))


edit("tanh", {TANH: "2 / (1 + (-2 * x.abs()).exp()) - 1"}, "the sign is lost")
edit("tanh", {TANH: "(x.exp() - (-x).exp()) / 2"}, "this is sinh")
edit("tanh", {TANH: "torch.atan(x)"}, "this is arctan")
odd_edit("tanh", {TANH: "2 * torch.sigmoid(2 * x) - 1"})
odd_edit("tanh", {TANH: "1 - 2 / (1 + (2 * x).exp())"})
odd_edit("tanh", {TANH: "x.sign() * (1 - (-2 * x.abs()).exp()) / (1 + (-2 * x.abs()).exp())"})
odd_edit("tanh", {TANH: "((1 - (-2 * x).exp()) / (1 + (-2 * x).exp())).nan_to_num(-1)"})
odd_edit("tanh", {TANH: "torch.sinh(x.clamp(-20, 20)) / torch.cosh(x.clamp(-20, 20))"})


@odd
def tanh(x):
    return torch.as_tensor(np.tanh(x.numpy()))


# --- leaky_relu -------------------------------------------------------------------------------------------

LEAKY = "torch.where(x >= 0, x, negative_slope * x)"
edit(
    "leaky_relu",
    {LEAKY: "torch.maximum(negative_slope * x, x)"},
    "takes the wrong one of the two on both sides",
)
edit(
    "leaky_relu", {LEAKY: "torch.max(x, negative_slope * x)"}, "takes the wrong one of the two on both sides"
)
edit(
    "leaky_relu", {LEAKY: "torch.minimum(negative_slope * x, x)"}, "the slope belongs to the negative inputs"
)
edit("leaky_relu", {LEAKY: "torch.relu(x)"}, "negative inputs become 0")
edit("leaky_relu", {"negative_slope * x)": "-negative_slope * x)"}, "the slope on the left is positive")
edit("leaky_relu", {"where(x >= 0": "where(x <= 0"}, "the slope belongs to the negative inputs")
edit("leaky_relu", {LEAKY: "negative_slope * x"}, "both sides are multiplied")
edit("leaky_relu", {"negative_slope * x)": "negative_slope)"}, "it returns the slope itself")
edit("leaky_relu", {"negative_slope * x)": "0.01 * x)"}, "negative_slope is left out")
edit("leaky_relu", {"=0.01": "=0.1"}, "the default of negative_slope should be 0.01, not 0.1")
edit("leaky_relu", {"=0.01": "=0.2"}, "the default of negative_slope should be 0.01, not 0.2")
edit("leaky_relu", {LEAKY: "torch.relu(x) + negative_slope * x"}, "on the right there is x alone")
edit("leaky_relu", {"negative_slope * x)": "(negative_slope or 0.01) * x)"}, "of 0 is a number, too")
edit("leaky_relu", {"negative_slope * x)": "min(negative_slope, 1) * x)"}, "a slope above 1 is cut off at 1")
edit("leaky_relu", {LEAKY: "F.leaky_relu(x, negative_slope)"}, "solve this one without")
edit("leaky_relu", {LEAKY: "nn.LeakyReLU(negative_slope)(x)"}, "solve this one without")
edit(
    "leaky_relu",
    {LEAKY: "F.rrelu(x, 0, 2 * negative_slope, training=True)"},
    "the slope is fixed, not random",
)
edit("leaky_relu", {"negative_slope * x)": "x / negative_slope)"}, "divided by the slope")
odd_edit("leaky_relu", {LEAKY: "x.clamp(min=0) + negative_slope * x.clamp(max=0)"})
odd_edit("leaky_relu", {LEAKY: "torch.relu(x) - negative_slope * torch.relu(-x)"})
odd_edit("leaky_relu", {"where(x >= 0": "where(x > 0"})
odd_edit("leaky_relu", {LEAKY: "x * ((x > 0) + negative_slope * (x <= 0))"})


@wrong("the function changed its input x")
def leaky_relu(x, negative_slope=0.01):
    x[x < 0] *= negative_slope
    return x


@odd
def leaky_relu(x, negative_slope=0.01):
    """The larger or the smaller of the two, by the slope."""
    pick = torch.maximum if negative_slope <= 1 else torch.minimum
    return pick(negative_slope * x, x)


@odd
def leaky_relu(x, negative_slope=0.01):
    y = x.clone()
    y[y < 0] *= negative_slope
    return y


# --- silu -------------------------------------------------------------------------------------------------

SILU = "x / (1 + (-x).exp())"
edit("silu", {SILU: "x * x.exp() / (1 + x.exp())"}, "exp(x) overflows for large x")
edit("silu", {SILU: "x * (x.exp() / (1 + x.exp()))"}, "exp(x) overflows for large x")
edit(
    "silu",
    {SILU: "x - x / (1 + x.exp()) if False else x * (1 - (-x).exp() / (1 + (-x).exp()))"},
    "exp(-x) overflows",
)
edit("silu", {"(-x)": "x"}, "x is multiplied by sigmoid(-x)")
edit("silu", {SILU: "1 / (1 + (-x).exp())"}, "this is the sigmoid alone")
edit("silu", {SILU: "F.gelu(x)"}, "this is GELU")
edit("silu", {SILU: "x * torch.sigmoid(1.702 * x)"}, "the approximation of GELU")
edit("silu", {SILU: "torch.relu(x) * torch.sigmoid(x)"}, "negative inputs count, too")
edit("silu", {SILU: "x + torch.sigmoid(x)"}, "multiply")
edit("silu", {SILU: "x * torch.tanh(x)"}, "this is x * tanh(x)")
edit("silu", {SILU: "x * torch.sigmoid(x) * (1 - torch.sigmoid(x))"}, "x is multiplied by the slope")
edit("silu", {SILU: "(x * x.exp() / (1 + x.exp())).nan_to_num()"}, "for large x, SiLU is nearly x")
edit("silu", {SILU: "F.silu(x)"}, "solve this one without")
edit("silu", {SILU: "nn.SiLU()(x)"}, "solve this one without")
edit("silu", {SILU: "x.mul_(torch.sigmoid(x))"}, "the function changed its input x")
edit("silu", {SILU: "x * torch.tanh(F.softplus(x))"}, "this is Mish")
edit("silu", {SILU: "x * (1 + torch.tanh(x)) / 2"}, "this is x * sigmoid(2 x)")
edit("silu", {SILU: "F.softplus(x)"}, "this is softplus")
edit("silu", {SILU: "F.elu(x)"}, "this is ELU")
edit("silu", {SILU: "x * torch.softmax(x, -1)"}, "a softmax over the row")
odd_edit("silu", {SILU: "x - x / (1 + x.exp())"})
odd_edit("silu", {SILU: "x * torch.special.expit(x)"})
odd_edit("silu", {SILU: "x * torch.sigmoid(x)"})
odd_edit("silu", {SILU: "x / 2 * (1 + torch.tanh(x / 2))"})
odd_edit("silu", {SILU: "torch.where(x < -80, 0.0, x / (1 + (-x).exp())).to(x.dtype)"})
odd_edit("silu", {SILU: "x * F.logsigmoid(x).exp()"})

# --- dead_fraction ----------------------------------------------------------------------------------------

DEAD = "(preactivations <= 0).all(dim=0).double().mean().item()"
edit("dead_fraction", {"(preactivations <=": "(preactivations <"}, "compare with <=, not with <")
edit("dead_fraction", {"(preactivations <=": "(preactivations =="}, "only pre-activations of exactly 0 count")
edit("dead_fraction", {".all(dim=0)": ""}, "this is the share of zeros among all outputs")
edit("dead_fraction", {".all(dim=0)": ".any(dim=0)"}, "it counts units that are off on some example")
edit("dead_fraction", {"dim=0": "dim=1"}, "it asks for each example, along the rows")
edit("dead_fraction", {".double().mean()": ".sum()"}, "should be a Python float, found a value of type int")
edit("dead_fraction", {".double().mean().item()": ".sum().item() * 1.0"}, "this is the number of dead units")
edit(
    "dead_fraction",
    {".double().mean().item()": ".sum().item() / len(preactivations)"},
    "divides the number of dead units by the number of examples",
)
edit(
    "dead_fraction", {DEAD: "(preactivations > 0).any(dim=0).double().mean().item()"}, "units that are alive"
)
edit("dead_fraction", {DEAD: "(preactivations.mean(0) <= 0).double().mean().item()"}, "the mean of each unit")
edit("dead_fraction", {DEAD: "(preactivations[0] <= 0).double().mean().item()"}, "the first example only")
edit("dead_fraction", {DEAD: "(preactivations[-1] <= 0).double().mean().item()"}, "the last example only")
edit("dead_fraction", {DEAD: "(preactivations.median(0).values <= 0).double().mean().item()"}, "the median")
edit("dead_fraction", {".item()": ""}, "should be a Python float, found a value of type Tensor")
edit("dead_fraction", {DEAD: "100 * " + DEAD}, "in percent")
edit(
    "dead_fraction",
    {DEAD: "(preactivations == 0).all(0).double().mean().item()"},
    "only pre-activations of exactly 0 count",
)
edit("dead_fraction", {DEAD: "(preactivations.sum(0) <= 0).double().mean().item()"}, "the mean of each unit")
edit("dead_fraction", {DEAD: "(preactivations.max(0).values < 1e-3).double().mean().item()"}, "however small")
edit("dead_fraction", {DEAD: "(preactivations.min(0).values <= 0).double().mean().item()"}, "some example")
odd_edit("dead_fraction", {DEAD: "(preactivations.amax(dim=0) <= 0).float().mean().item()"})
odd_edit("dead_fraction", {DEAD: "1 - (preactivations > 0).any(0).sum().item() / preactivations.shape[1]"})
odd_edit("dead_fraction", {DEAD: "float((torch.relu(preactivations).sum(0) == 0).double().mean())"})


@odd
def dead_fraction(preactivations):
    """By the gradient of the sum: a dead unit gets none."""
    z = preactivations.detach().clone().requires_grad_()
    torch.relu(z).sum().backward()
    return float((z.grad.abs().sum(0) == 0).double().mean())


@odd
def dead_fraction(preactivations):
    """A streaming maximum."""
    top = [-math.inf] * preactivations.shape[1]
    for row in preactivations.tolist():
        top = [max(old, new) for old, new in zip(top, row, strict=True)]
    return sum(value <= 0 for value in top) / len(top)


# --- activation_grad --------------------------------------------------------------------------------------

edit("activation_grad", {"return s * (1 - s)": "return s"}, "sigmoid: this is the sigmoid, not its slope")
edit("activation_grad", {"return s * (1 - s)": "return x * (1 - x)"}, "x (1 - x) with x itself")
edit("activation_grad", {"return s * (1 - s)": "return 1 - s"}, "sigmoid: this is 1 - sigmoid(x)")
edit("activation_grad", {"return s * (1 - s)": "return s * (1 + s)"}, "has the wrong sign")
edit("activation_grad", {"return s * (1 - s)": "return 1 - s**2"}, "the form for tanh")
edit("activation_grad", {"return s * (1 - s)": "return s * (s - 1)"}, "the slope is positive")
edit(
    "activation_grad",
    {"return s * (1 - s)": "return (-x).exp() / (1 + (-x).exp()) ** 2"},
    "sigmoid: an exponential overflows, so the slope is nan",
)
edit("activation_grad", {"1 - torch.tanh(x) ** 2": "1 - torch.tanh(x)"}, "tanh: the square is missing")
edit("activation_grad", {"1 - torch.tanh(x) ** 2": "1 - x**2"}, "tanh: x itself is squared")
edit("activation_grad", {"1 - torch.tanh(x) ** 2": "torch.tanh(x)"}, "tanh: this is tanh, not its slope")
edit("activation_grad", {"1 - torch.tanh(x) ** 2": "s * (1 - s)"}, "this is the slope of the sigmoid")
edit(
    "activation_grad",
    {"1 - torch.tanh(x) ** 2": "torch.tanh(x) * (1 - torch.tanh(x))"},
    "the form for the sigmoid",
)
edit(
    "activation_grad",
    {"1 - torch.tanh(x) ** 2": "2 * torch.sigmoid(2 * x) * (1 - torch.sigmoid(2 * x))"},
    "one factor of 2 is missing",
)
edit(
    "activation_grad",
    {"(x > 0).to(x.dtype)": "(x >= 0).to(x.dtype)"},
    "relu: the slope at 0 should be 0; here it is 1",
)
edit("activation_grad", {"(x > 0).to(x.dtype)": "(x > 0)"}, "dtype")
edit("activation_grad", {"(x > 0).to(x.dtype)": "torch.relu(x)"}, "relu: this is the function")
edit(
    "activation_grad",
    {"(x > 0).to(x.dtype)": "(x < 0).to(x.dtype)"},
    "the slope of 1 is on the negative side",
)
edit("activation_grad", {"(x > 0).to(x.dtype)": "(x.sign() + 1) / 2"}, "here it is halfway")
edit(
    "activation_grad",
    {"(x > 0, 1.0": "(x >= 0, 1.0"},
    "leaky_relu: the slope at 0 should be 0.01; here it is 1",
)
edit("activation_grad", {"0.01).to": "0.0).to"}, "for negative x the slope is 0.01, not 0")
edit("activation_grad", {"0.01).to": "-0.01).to"}, "the slope for negative x is positive")
edit("activation_grad", {"0.01).to": "0.01 * x).to"}, "this is 0.01 x")
edit("activation_grad", {"0.01).to": "0.1).to"}, "the slope for negative x is 0.01, not 0.1")
edit("activation_grad", {"(x > 0).to(x.dtype)": "torch.relu(x) / x"}, "relu: 0 / 0 is nan")
edit("activation_grad", {"1 - torch.tanh(x) ** 2": "4 * s * (1 - s)"}, "has sigmoid(2x), not sigmoid(x)")
edit(
    "activation_grad",
    {"1 - torch.tanh(x) ** 2": "torch.sigmoid(2 * x) * torch.sigmoid(-2 * x)"},
    "both factors of 2 are missing",
)
edit(
    "activation_grad", {"s + x * s * (1 - s)": "x * s + s * (1 - s)"}, "x belongs to the slope of the sigmoid"
)
edit("activation_grad", {'(f"unknown activation {name!r}")': ""}, "should say in its message")
edit("activation_grad", {'name == "leaky_relu"': '"relu" in name'}, "activation_grad('prelu'")
edit(
    "activation_grad",
    {"torch.where(x > 0, 1.0, 0.01)": "F.leaky_relu(x)"},
    "leaky_relu: this is the function",
)
edit(
    "activation_grad",
    {"return s + x * s * (1 - s)": "return s"},
    "silu: the product rule has two terms; x times",
)
edit(
    "activation_grad",
    {"return s + x * s": "return x * s"},
    "silu: the product rule has two terms; sigmoid(x)",
)
edit(
    "activation_grad", {"return s + x * s * (1 - s)": "return F.silu(x)"}, "silu: this is SiLU, not its slope"
)
edit("activation_grad", {"s + x * s * (1 - s)": "s + s * (1 - s)"}, "the second term is multiplied by x")
edit("activation_grad", {"s + x * s * (1 - s)": "s - x * s * (1 - s)"}, "the second term is added")
edit("activation_grad", {"s + x * s * (1 - s)": "s + x * s * s"}, "sigmoid(x) twice")
edit("activation_grad", {"s + x * s * (1 - s)": "s + x * (1 - s)"}, "lacks the factor sigmoid(x)")
edit("activation_grad", {"s + x * s * (1 - s)": "s + x * s"}, "lacks the factor 1 - sigmoid(x)")
edit(
    "activation_grad",
    {'raise ValueError(f"unknown activation {name!r}")': "return torch.zeros_like(x)"},
    "should raise ValueError",
)
edit("activation_grad", {"raise ValueError": "raise KeyError"}, "should raise ValueError")
edit("activation_grad", {'== "silu"': '!= ""'}, "should raise ValueError")


@wrong("solve this one without")
def activation_grad(name, x):
    functions = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "silu": F.silu}
    functions["leaky_relu"] = F.leaky_relu
    if name not in functions:
        raise ValueError(name)
    x = x.detach().requires_grad_()
    return torch.autograd.grad(functions[name](x).sum(), x)[0]


@wrong("the function changed its input x")
def activation_grad(name, x):
    """ReLU's slopes are written into x."""
    if "relu" in name:
        low = {"relu": 0.0, "leaky_relu": 0.01}[name]
        up = x > 0
        x[up], x[~up] = 1.0, low
        return x
    s, t = torch.sigmoid(x), torch.tanh(x)
    slopes = {"sigmoid": s * (1 - s), "tanh": 1 - t**2, "silu": s * (1 + x * (1 - s))}
    if name not in slopes:
        raise ValueError(f"no slope for {name}")
    return slopes[name]


@wrong("here it is halfway")
def activation_grad(name, x, h=1e-6):
    """Central differences."""
    functions = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "silu": F.silu}
    functions["leaky_relu"] = F.leaky_relu
    if name not in functions:
        raise ValueError(f"no activation {name}")
    x64 = x.double()
    return ((functions[name](x64 + h) - functions[name](x64 - h)) / (2 * h)).to(x.dtype)


@odd
def activation_grad(name, x):
    """A table of functions, other forms, float64 inside."""
    z = x.double()
    rules = {
        "sigmoid": lambda: torch.sigmoid(z) * torch.sigmoid(-z),
        "tanh": lambda: 1 / torch.cosh(z) ** 2,
        "relu": lambda: torch.heaviside(z, torch.zeros_like(z)),
        "leaky_relu": lambda: torch.ones_like(z).masked_fill(z <= 0, 0.01),
        "silu": lambda: torch.sigmoid(z) * (1 + z * torch.sigmoid(-z)),
    }
    if name not in rules:
        raise ValueError(f"{name} is not one of {list(rules)}")
    return rules[name]().to(x.dtype)


@odd
def activation_grad(name, x):
    match name:
        case "sigmoid":
            y = 1 / (1 + torch.exp(-x))
            return y - y**2
        case "tanh":
            return 4 * activation_grad("sigmoid", 2 * x)
        case "relu":
            return torch.sign(torch.relu(x))
        case "leaky_relu":
            return 0.01 + 0.99 * (x > 0).to(x.dtype)
        case "silu":
            y = F.silu(x)
            return y + torch.sigmoid(x) * (1 - y)
    raise ValueError("unknown")


odd_edit("activation_grad", {"(x > 0).to(x.dtype)": "torch.where(x > 0, 1.0, 0.0).type_as(x)"})

# --- forward_std ------------------------------------------------------------------------------------------

edit("forward_std", {"h.std().item()": "h.var().item()"}, "these are variances")
edit(
    "forward_std", {"weight_std * torch": "math.sqrt(weight_std) * torch"}, "here it is used as the variance"
)
edit("forward_std", {"weight_std * torch": "weight_std**2 * torch"}, "weight_std is squared")
edit("forward_std", {"weight_std * torch": "torch"}, "weight_std is missing")
edit("forward_std", {"stds = []": "stds = [h.std().item()]"}, "4 layers should give 4 numbers, found 5")
edit("forward_std", {"    return stds": "    return stds[-1]"}, "it should return a list")
edit("forward_std", {".std().item()": ".std()"}, "should be a Python float")
edit("forward_std", {"activation(h @ W)": "h @ W"}, "taken before the activation")
edit(
    "forward_std",
    {"h = activation(h @ W)": "z = h @ W", "h.std().item())": "z.std().item())\n        h = activation(z)"},
    "taken before the activation",
)
edit(
    "forward_std",
    {"h = activation": "y = activation", "h.std()": "y.std()"},
    "each layer gets the input again",
)
edit("forward_std", {"h.std()": "h.std(dim=0).mean()"}, "each unit's standard deviation")
edit(
    "forward_std",
    {"stds.append(h.std().item())": "stds.append(h.std().item())\n        h = h / h.std()"},
    "hand on the output as it is",
)
edit("forward_std", {"h.std()": "h.std(dim=1).mean()"}, "each row's standard deviation")
edit("forward_std", {"h.std()": "h.square().mean().sqrt()"}, "this is the root of the mean square")
edit("forward_std", {"randn(num_examples": "randn(256"}, "it has 256 rows")
edit("forward_std", {"=256": "=64"}, "num_examples should be 256 by default")
edit("forward_std", {"generator=generator)\n    stds": ")\n    stds"}, "pass it to each call that draws")
edit(
    "forward_std", {"width, width, generator=generator)": "width, width)"}, "pass it to each call that draws"
)
edit(
    "forward_std",
    {
        "torch.randn(width, width": "(2 * torch.rand(width, width",
        "generator=generator)\n        h": "generator=generator) - 1)\n        h",
    },
    "so much comes from uniform numbers",
)
edit("forward_std", {"weight_std * torch": "weight_std / math.sqrt(width) * torch"}, "divided by root(width)")
edit(
    "forward_std",
    {"h = activation(h @ W)": "h = activation(h @ W + 0.05 * torch.rand(width, generator=generator))"},
    "no bias",
)
edit("forward_std", {"activation(h @ W)": "torch.relu(h @ W)"}, "or from ReLU")
edit("forward_std", {"activation(h @ W)": "torch.relu(activation(h @ W))"}, "apply it alone")
edit("forward_std", {"    stds = []": "    h, stds = activation(h), []"}, "the input of the first layer goes")
edit(
    "forward_std",
    {"h = activation(h @ W)": "h = h @ W", "h.std()": "activation(h).std()"},
    "its output does not go on",
)
edit("forward_std", {"h.std().item()": "round(h.std().item(), 3)"}, "do not round")
edit("forward_std", {"range(num_layers)": "range(num_layers - 1)"}, "4 layers should give 4 numbers, found 3")
edit(
    "forward_std",
    {"randn(num_examples": "rand(num_examples"},
    "so much comes from uniform numbers",
)
edit(
    "forward_std",
    {"    h = torch": "    generator = torch.Generator().manual_seed(0)\n    h = torch"},
    "another generator should give other numbers",
)


@wrong("multiplies by the same weights")
def forward_std(num_layers, width, weight_std, activation, num_examples=256, generator=None):
    h = torch.randn(num_examples, width, generator=generator)
    W = torch.randn(width, width, generator=generator) * weight_std
    stds = []
    for _ in range(num_layers):
        h = activation(h @ W)
        stds.append(h.std().item())
    return stds


@odd
def forward_std(num_layers, width, weight_std, activation, num_examples=256, generator=None):
    """Examples in columns, population standard deviation, weights by torch.normal."""
    h = torch.normal(0.0, 1.0, (width, num_examples), generator=generator)
    stds = []
    for _ in range(num_layers):
        W = torch.empty(width, width).normal_(0, weight_std, generator=generator)
        h = activation(W @ h)
        stds.append(float(h.std(correction=0)))
    return stds


@odd
def forward_std(num_layers, width, weight_std, activation, num_examples=256, generator=None):
    """Real layers, float64, and the weights drawn before the input."""
    layers = [nn.Linear(width, width, bias=False).double() for _ in range(num_layers)]
    for layer in layers:
        nn.init.normal_(layer.weight, 0, weight_std, generator=generator)
    x = torch.randn(num_examples, width, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        return [(x := activation(layer(x))).std().item() for layer in layers]


# --- fans -------------------------------------------------------------------------------------------------

BOTH = "weight.shape[1] * places, weight.shape[0] * places"
edit("fans", {BOTH: "weight.shape[0] * places, weight.shape[1] * places"}, "the two are swapped")
edit("fans", {BOTH: "weight.shape[1], weight.shape[0]"}, "the places under the kernel are missing")
edit("fans", {BOTH: "weight.shape[1] * places, weight.shape[0]"}, "in fan-out it is missing")
edit("fans", {BOTH: "weight.shape[1], weight.shape[0] * places"}, "in fan-in it is missing")
edit("fans", {"math.prod(weight.shape[2:])": "sum(weight.shape[2:]) or 1"}, "are added; multiply them")
edit("fans", {"weight.shape[2:]": "weight.shape[2:3]"}, "only one side of the kernel")
edit("fans", {"weight.shape[2:]": "weight.shape[3:]"}, "only the last side of the kernel")
edit("fans", {"math.prod(weight.shape[2:])": "math.prod(weight.shape[2:3]) ** 2"}, "2 is counted twice")
edit("fans", {BOTH: "weight.shape[-1], weight.shape[-2]"}, "these are the last two axes")
edit("fans", {BOTH: "weight[0].numel(), weight.numel()"}, "the number of weights")
edit("fans", {BOTH: "weight.numel(), weight.numel()"}, "this is the number of weights")
edit("fans", {"weight.ndim < 2": "False"}, "should raise ValueError")
edit("fans", {"raise ValueError": "raise TypeError"}, "should raise ValueError")
edit(
    "fans",
    {"weight.ndim < 2": "weight.ndim not in (2, 4)", "raise ValueError": "raise IndexError"},
    "ValueError",
)
odd_edit("fans", {BOTH: "weight[0].numel(), weight[:, 0].numel()"})
odd_edit("fans", {BOTH: "tuple(n * places for n in weight.shape[1::-1])"})
odd_edit(
    "fans",
    {
        "math.prod(weight.shape[2:])": "int(np.prod(weight.shape[2:]))",
        "    if": "    import numpy as np\n    if",
    },
)


@wrong("solve this one without `torch.nn.init._calculate_fan_in_and_fan_out`")
def fans(weight):
    return nn.init._calculate_fan_in_and_fan_out(weight)


edit("fans", {BOTH: "[weight.shape[1] * places, weight.shape[0] * places]"}, "in a list; return a tuple")
edit("fans", {BOTH: "weight.numel() / len(weight), weight.numel() / weight.shape[1]"}, "a Python int")
edit("fans", {"math.prod(weight.shape[2:])": "torch.tensor(weight.shape[2:]).prod()"}, "a Python int")
edit("fans", {'(f"a weight needs at least two axes, got {weight.ndim}")': ""}, "should say in its message")


# --- kaiming_normal_ --------------------------------------------------------------------------------------

KAIMING = "math.sqrt(2 / weight[0].numel())"
edit("kaiming_normal_", {KAIMING: "2 / weight[0].numel()"}, "this uses the variance")
edit("kaiming_normal_", {KAIMING: "math.sqrt(2 / weight[:, 0].numel())"}, "this is the fan-out")
edit(
    "kaiming_normal_",
    {KAIMING: "math.sqrt(2 / (weight.shape[0] + weight.shape[1]))"},
    "this is Xavier's variance",
)
edit("kaiming_normal_", {KAIMING: "math.sqrt(1 / weight[0].numel())"}, "the factor 2 for ReLU is missing")
edit("kaiming_normal_", {KAIMING: "2 / math.sqrt(weight[0].numel())"}, "the factor 2 stands outside the root")
edit(
    "kaiming_normal_", {KAIMING: "math.sqrt(2 / weight.shape[1])"}, "the places under the kernel are missing"
)
edit("kaiming_normal_", {KAIMING: "math.sqrt(2 / weight.numel())"}, "the number of all weights")
edit("kaiming_normal_", {KAIMING: "math.sqrt(2) / weight[0].numel()"}, "the root covers the 2 alone")
edit("kaiming_normal_", {KAIMING: "math.sqrt(1 / (3 * weight[0].numel()))"}, "which nn.Linear takes")
edit("kaiming_normal_", {KAIMING: "1"}, "the standard deviation is 1")
edit(
    "kaiming_normal_",
    {KAIMING: "math.sqrt(2 / (weight.shape[1] * weight.shape[-1] ** (weight.ndim > 2)))"},
    "only the last side",
)
edit(
    "kaiming_normal_", {KAIMING: "math.sqrt(2 / math.prod(weight.shape[1:3]))"}, "only one side of the kernel"
)
edit("kaiming_normal_", {"weight.normal_(0, ": "weight.normal_(0.1, "}, "the mean should be 0")
edit(
    "kaiming_normal_",
    {"generator=generator)": "generator=generator).abs_()"},
    "there are no negative weights",
)
edit("kaiming_normal_", {"weight[0].numel": "weight[1].numel"}, "out of bounds")
edit("kaiming_normal_", {"torch.no_grad()": "torch.enable_grad()"}, "leaf Variable that requires grad")
edit("kaiming_normal_", {", generator=generator)": ")"}, "the weight does not come from `generator`")
edit("kaiming_normal_", {"return weight.normal_": "weight.normal_"}, "return the weight itself")
edit("kaiming_normal_", {"return weight.normal_": "return weight.clone().normal_"}, "fill it in place")
edit(
    "kaiming_normal_",
    {"return weight.normal_": "return weight.contiguous().normal_"},
    "return the weight itself",
)
edit(
    "kaiming_normal_",
    {"generator=generator)": "generator=generator or torch.Generator().manual_seed(0))"},
    "without a generator, every call gave the same weight",
)
edit(
    "kaiming_normal_",
    {"    with": "    generator = torch.Generator().manual_seed(0)\n    with"},
    "another generator gave the same weight",
)


@wrong("the numbers are uniform")
def kaiming_normal_(weight, generator=None):
    bound = math.sqrt(6 / weight[0].numel())
    with torch.no_grad():
        return weight.uniform_(-bound, bound, generator=generator)


@wrong("solve this one without `torch.nn.init.kaiming_normal_`")
def kaiming_normal_(weight, generator=None):
    return nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)


@wrong("are multiplied by the random numbers")
def kaiming_normal_(weight, generator=None):
    with torch.no_grad():
        return weight.mul_(torch.randn(weight.shape, generator=generator) * (2 / weight[0].numel()) ** 0.5)


@wrong("beyond two standard deviations are cut off")
def kaiming_normal_(weight, generator=None):
    std = (2 / weight[0].numel()) ** 0.5
    return nn.init.trunc_normal_(weight, std=std, a=-2 * std, b=2 * std, generator=generator)


@wrong("the random numbers are added to the old weights")
def kaiming_normal_(weight, generator=None):
    with torch.no_grad():
        return weight.add_(torch.randn(weight.shape, generator=generator) * (2 / weight[0].numel()) ** 0.5)


@wrong("gives it other memory")
def kaiming_normal_(weight, generator=None):
    weight.data = torch.randn(weight.shape, generator=generator) * (2 / weight[0].numel()) ** 0.5
    return weight


@wrong("autograd stays switched off afterwards")
def kaiming_normal_(weight, generator=None):
    torch.set_grad_enabled(False)
    return weight.normal_(0, (2 / weight[0].numel()) ** 0.5, generator=generator)


@wrong("old numbers are left")
def kaiming_normal_(weight, generator=None):
    weight.data.reshape(-1).normal_(0, (2 / weight[0].numel()) ** 0.5, generator=generator)
    return weight


@odd
def kaiming_normal_(weight, generator=None):
    return nn.init.normal_(weight, std=math.sqrt(2 / weight[0].numel()), generator=generator)


@wrong("this is Xavier's variance")
def kaiming_normal_(weight, generator=None):
    return nn.init.xavier_normal_(weight, generator=generator)


@wrong("fill it in place")
def kaiming_normal_(weight, generator=None):
    weight = torch.randn(weight.shape, generator=generator) * math.sqrt(2 / weight[0].numel())
    return weight


@wrong("whole rows or columns are equal")
def kaiming_normal_(weight, generator=None):
    row = torch.randn(weight.shape[1:], generator=generator) * math.sqrt(2 / weight[0].numel())
    with torch.no_grad():
        return weight.copy_(row.expand_as(weight))


@odd
def kaiming_normal_(weight, generator=None):
    """Through .data, with standard normal numbers scaled afterwards."""
    fan_in = weight.shape[1] * math.prod(weight.shape[2:])
    weight.data.copy_(torch.randn(weight.shape, generator=generator) * (2 / fan_in) ** 0.5)
    return weight


@odd
@torch.no_grad()
def kaiming_normal_(weight, generator=None):
    """Entry by entry of a flat list, in Python's own loop."""
    numbers = torch.empty(weight.numel()).normal_(generator=generator).tolist()
    std = math.sqrt(2 / (weight.numel() // len(weight)))
    weight[...] = torch.tensor([std * z for z in numbers], dtype=weight.dtype).reshape(weight.shape)
    return weight


# --- xavier_uniform_ --------------------------------------------------------------------------------------

BOUND = "math.sqrt(6 / (fan_in + fan_out))"
edit("xavier_uniform_", {BOUND: "math.sqrt(2 / (fan_in + fan_out))"}, "needs root 3 times that")
edit("xavier_uniform_", {BOUND: "2 / (fan_in + fan_out)"}, "the bound is the variance")
edit("xavier_uniform_", {BOUND: "6 / (fan_in + fan_out)"}, "the root is missing")
edit("xavier_uniform_", {BOUND: "math.sqrt(6 / fan_in)"}, "only the fan-in is counted")
edit("xavier_uniform_", {BOUND: "math.sqrt(6 / fan_out)"}, "only the fan-out is counted")
edit("xavier_uniform_", {BOUND: "math.sqrt(3 / fan_in)"}, "only the fan-in is counted, twice")
edit("xavier_uniform_", {BOUND: "3 * math.sqrt(2 / (fan_in + fan_out))"}, "it should be root 3")
edit("xavier_uniform_", {BOUND: "6 / math.sqrt(fan_in + fan_out)"}, "the 6 stands outside the root")
edit("xavier_uniform_", {BOUND: "math.sqrt(12 / (fan_in + fan_out))"}, "12 / (fan_in + fan_out)")
edit("xavier_uniform_", {BOUND: "math.sqrt(3 / (fan_in + fan_out))"}, "3 / (fan_in + fan_out)")
edit("xavier_uniform_", {BOUND: "math.sqrt(6) / (fan_in + fan_out)"}, "the root covers the 6 alone")
edit("xavier_uniform_", {BOUND: "math.sqrt(6 / (fan_in * fan_out))"}, "the fans are multiplied; add them")
edit("xavier_uniform_", {BOUND: "1"}, "the bound is 1")
edit(
    "xavier_uniform_",
    {BOUND: "math.sqrt(6) / (math.sqrt(fan_in) + math.sqrt(fan_out))"},
    "take the root of their sum",
)
edit("xavier_uniform_", {BOUND: "5 / 3 * math.sqrt(6 / (fan_in + fan_out))"}, "the gain for tanh")
edit("xavier_uniform_", {BOUND: "fan_in**-0.5"}, "the bound is 1 / root(fan_in)")
edit(
    "xavier_uniform_",
    {"(-bound, bound": "(-bound / 2, bound / 2"},
    "rand() - 0.5 has to be multiplied by 2 a",
)
edit("xavier_uniform_", {"weight[:, 0].numel": "weight[:, 1].numel"}, "out of bounds")
edit("xavier_uniform_", {"uniform_(-bound": "uniform_(0"}, "there are no negative weights")
edit(
    "xavier_uniform_",
    {"weight[0].numel(), weight[:, 0].numel()": "weight.shape[1], weight.shape[0]"},
    "in both fans",
)
edit("xavier_uniform_", {"weight[:, 0].numel()": "weight.shape[0]"}, "missing in the fan-out")
edit("xavier_uniform_", {"weight[0].numel()": "weight.shape[1]"}, "missing in the fan-in")
edit(
    "xavier_uniform_",
    {"weight.uniform_(-bound, bound,": "weight.normal_(0, bound / math.sqrt(3),"},
    "the numbers are normal",
)
edit("xavier_uniform_", {", generator=generator)": ")"}, "the weight does not come from `generator`")
edit("xavier_uniform_", {"return weight.uniform_": "return weight.clone().uniform_"}, "fill it in place")
edit("xavier_uniform_", {"return weight.uniform_": "weight.uniform_"}, "return the weight itself")
edit("xavier_uniform_", {"torch.no_grad()": "torch.enable_grad()"}, "leaf Variable that requires grad")


@wrong("solve this one without `torch.nn.init.xavier_uniform_`")
def xavier_uniform_(weight, generator=None):
    return nn.init.xavier_uniform_(weight, generator=generator)


@wrong("the random numbers are added to the old weights")
def xavier_uniform_(weight, generator=None):
    a = (6 / (weight[0].numel() + weight[:, 0].numel())) ** 0.5
    weight.data += a * (2 * torch.rand(weight.shape, generator=generator) - 1)
    return weight


@odd
def xavier_uniform_(weight, generator=None):
    a = (6 / (weight[0].numel() + weight[:, 0].numel())) ** 0.5
    return nn.init.uniform_(weight, -a, a, generator=generator)


@wrong("only the fan-in is counted")
def xavier_uniform_(weight, generator=None):
    return nn.init.kaiming_uniform_(weight, nonlinearity="relu", generator=generator)


@odd
def xavier_uniform_(weight, generator=None):
    """Numbers from [0, 1), stretched and shifted."""
    places = math.prod(weight.shape[2:])
    a = (6 / ((weight.shape[0] + weight.shape[1]) * places)) ** 0.5
    weight.data.copy_((2 * torch.rand(weight.shape, generator=generator) - 1) * a)
    return weight


odd_edit("xavier_uniform_", {BOUND: "math.sqrt(3) * math.sqrt(2 / (fan_in + fan_out))"})
odd_edit(
    "xavier_uniform_",
    {
        "return weight.uniform_": "weight.detach().uniform_",
        "=generator)\n": "=generator)\n    return weight\n",
    },
)

# --- claims_activations -----------------------------------------------------------------------------------

RIGHT = {"bounded": "false", "below one": "a", "dead": "b", "leaky": "false", "softmax": "false"}
wrong_value("claims_activations", "claims_activations", RIGHT | {"bounded": "true"}, "not right yet")
wrong_value(
    "claims_activations", "claims_activations", RIGHT | {"below one": "true"}, "the slopes at 0 in section 5"
)
wrong_value("claims_activations", "claims_activations", RIGHT | {"dead": "a"}, "look at the census")
wrong_value("claims_activations", "claims_activations", RIGHT | {"leaky": "a"}, "the three calls")
wrong_value("claims_activations", "claims_activations", RIGHT | {"softmax": "c"}, "the bars of section 5")
wrong_value("claims_activations", "claims_activations", RIGHT | {"dead": "d"}, "not one of the answers")
wrong_value("claims_activations", "claims_activations", dict.fromkeys(RIGHT, "true"), "not right yet")
odd_value("claims_activations", "claims_activations", RIGHT | {"bounded": False, "dead": "(B)"})

# --- claims_initialization --------------------------------------------------------------------------------

STARTS = {"variance": "false", "xavier": "a", "zero": "a", "constant": "b", "healthy": "false"}
wrong_value(
    "claims_initialization",
    "claims_initialization",
    STARTS | {"variance": "true"},
    "the experiments are in section 6",
)
wrong_value(
    "claims_initialization", "claims_initialization", STARTS | {"xavier": "b"}, "a setting without activation"
)
wrong_value(
    "claims_initialization", "claims_initialization", STARTS | {"zero": "true"}, "read the ranks in section 8"
)
wrong_value(
    "claims_initialization",
    "claims_initialization",
    STARTS | {"constant": "true"},
    "read the ranks in section 8",
)
wrong_value(
    "claims_initialization",
    "claims_initialization",
    STARTS | {"healthy": "a"},
    "the experiments are in section 6",
)
wrong_value("claims_initialization", "claims_initialization", STARTS | {"zero": "?"}, "not answered yet")
odd_value(
    "claims_initialization", "claims_initialization", STARTS | {"variance": " False ", "constant": "(b)"}
)
