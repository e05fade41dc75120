"""Known answers to the exercises of chapter 05."""

import itertools
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- collapse_affine --------------------------------------------------------------------------------------

edit("collapse_affine", {"b1 @ W2 + b2": "b1 + b2"}, "b1 passes through the second layer, too")
edit("collapse_affine", {"b1 @ W2 + b2": "b2"}, "b1 is missing: it passes through the second layer")
edit("collapse_affine", {"b1 @ W2 + b2": "b1 @ W2"}, "b2 is missing")
edit(
    "collapse_affine",
    {"W1 @ W2, b1 @ W2 + b2": "b1 @ W2 + b2, W1 @ W2"},
    "in the wrong order: W first, then b",
)
edit("collapse_affine", {"W1 @ W2,": "(W1 @ W2).T,"}, "the shape of its transpose")
edit("collapse_affine", {"b1 @ W2 + b2": "(b1 @ W2 + b2)[None]"}, "one axis too many")
edit("collapse_affine", {"W1 @ W2, b1 @ W2 + b2": "W1 @ W2"}, "return two tensors")
edit("collapse_affine", {"W1 @ W2,": "W2 @ W1,"}, "mat1 and mat2 shapes cannot be multiplied")


@wrong("the function changed its input")
def collapse_affine(W1, b1, W2, b2):
    b2 += b1 @ W2
    return W1 @ W2, b2


@odd
def collapse_affine(W1, b1, W2, b2):
    """Read off from the network: its value at 0, and at the unit vectors."""

    def network(X):
        return (X @ W1 + b1) @ W2 + b2

    b = network(W1.new_zeros(1, len(W1)))[0]
    return network(torch.eye(len(W1), dtype=W1.dtype)) - b, b


@odd
def collapse_affine(W1, b1, W2, b2):
    W = torch.einsum("dh,hq->dq", W1, W2)
    return [W, torch.einsum("h,hq->q", b1, W2) + b2]


# --- relu -------------------------------------------------------------------------------------------------

edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "X.abs()"}, "this changes their sign")
edit(
    "relu",
    {"torch.maximum(X, torch.zeros_like(X))": "torch.minimum(X, torch.zeros_like(X))"},
    "drops the positive ones",
)
edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "(X > 0).float()"}, "keep X's own values there")
edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "X.clamp(0, 1)"}, "also those above 1")
edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "X.max()"}, "compare each entry with 0")
edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "F.leaky_relu(X)"}, "and not a small part of them")
edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "X.clamp_(min=0)"}, "the function changed its input")
edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "X.detach().clamp(min=0)"}, "lost its graph")
edit("relu", {"return torch": "torch"}, "is there a return?")
edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "F.relu6(X)"}, "also those above 6")
edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "torch.max(X, 0)"}, "the 0 is the axis")
edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "torch.max(X, 0).values"}, "the 0 is the axis")
odd_edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "X * (X > 0)"})
odd_edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "torch.max(X, torch.zeros_like(X))"})
odd_edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "torch.where(X > 0, X, 0.0)"})
odd_edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "(X + X.abs()) / 2"})
odd_edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "F.leaky_relu(X, 0.0)"})


@odd
def relu(X):
    """Into a copy."""
    Y = X.clone()
    Y[Y < 0] = 0
    return Y


edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "F.gelu(X)"}, "this is gelu, which is smooth")
edit(
    "relu",
    {"torch.maximum(X, torch.zeros_like(X))": "X if X.numel() and X.min() >= 0 else X.clamp(min=0)"},
    "X itself comes back",
)
odd_edit("relu", {"torch.maximum(X, torch.zeros_like(X))": "X - torch.minimum(X, X.new_zeros(()))"})

# --- mlp --------------------------------------------------------------------------------------------------

edit("mlp", {"torch.relu(X.flatten(1) @ W1 + b1)": "X.flatten(1) @ W1 + b1"}, "there is no ReLU")
edit("mlp", {"H @ W2 + b2": "torch.relu(H @ W2 + b2)"}, "they may be negative")
edit("mlp", {"X.flatten(1) @ W1 + b1": "X.flatten(1) @ W1"}, "b1 is missing")
edit("mlp", {"H @ W2 + b2": "H @ W2"}, "b2 is missing")
edit("mlp", {"(X.flatten(1) @ W1 + b1)": "(X.flatten(1) @ W1) + b1"}, "b1 is added after the ReLU")
edit("mlp", {"H @ W2 + b2": "torch.softmax(H @ W2 + b2, dim=1)"}, "the scores go through a softmax")
edit("mlp", {"H @ W2 + b2": "H"}, "the second layer is missing")
edit("mlp", {"torch.relu": "torch.sigmoid"}, "the hidden layer uses a sigmoid")
edit("mlp", {"X.flatten(1)": "X"}, "shapes")
edit("mlp", {"X.flatten(1)": "X.reshape(len(X), -1)"}, "cannot reshape tensor of 0 elements")
edit("mlp", {"X.flatten(1)": "X.flatten()"}, "shapes cannot be multiplied")
edit("mlp", {"H @ W2 + b2": "(H @ W2 + b2).detach()"}, "lost its graph")
edit("mlp", {"X.flatten(1) @ W1": "X.flatten(1) @ W1.detach()"}, "gradient")
odd_edit("mlp", {"X.flatten(1)": "X.reshape(-1, W1.shape[0])"})
odd_edit("mlp", {"torch.relu(X.flatten(1) @ W1 + b1)": "F.relu(F.linear(X.flatten(1), W1.T, b1))"})


edit("mlp", {"H @ W2 + b2": "torch.log_softmax(H @ W2 + b2, dim=1)"}, "through a log-softmax")
edit("mlp", {"H @ W2 + b2": "torch.relu(H @ W2) + b2"}, "a second ReLU comes before b2")


odd_edit("mlp", {"X.flatten(1)": "X.view(-1, len(W1))"})
edit("mlp", {"torch.relu": "F.leaky_relu"}, "keeps a part of the negative numbers")


@odd
def mlp(X, W1, b1, W2, b2):
    """Weights in the shape of a picture, one for each pixel."""
    Z = torch.tensordot(X, W1.reshape(*X.shape[1:], len(b1)), dims=X.ndim - 1) + b1
    return Z.clamp_min(0).matmul(W2).add(b2)


@odd
def mlp(X, W1, b1, W2, b2):
    """The biases as one more column of ones."""
    ones = torch.ones(len(X), 1, dtype=X.dtype)
    H = torch.cat([X.flatten(1), ones], 1) @ torch.cat([W1, b1[None]])
    return torch.cat([H.clamp(min=0), ones], 1) @ torch.cat([W2, b2[None]])


# --- mlp_grads --------------------------------------------------------------------------------------------


@wrong("the ReLU has no backward step")
def mlp_grads(X, W1, b1, W2, b2, G):
    """The classmate's."""
    H = torch.relu(X @ W1 + b1)
    gH = G @ W2.T
    return X.T @ gH, gH.mean(0), H.T @ G, G.sum(0)


edit("mlp_grads", {" * (Z > 0)": ""}, "the ReLU has no backward step")
edit("mlp_grads", {"gZ.sum(0)": "gZ.mean(0)"}, "b1 is added to every row, so its gradients add up")
edit("mlp_grads", {"gZ.sum(0)": "(G @ W2.T).sum(0)"}, "the ReLU has no backward step")
edit("mlp_grads", {"gZ.sum(0)": "gZ.sum(1)"}, "the gradient for b1 should have the shape of b1")
edit("mlp_grads", {"G.sum(0)": "G.mean(0)"}, "b2 is added to every row, so its gradients add up")
edit("mlp_grads", {"(Z > 0)": "(G @ W2.T > 0)"}, "what counts is Z")
edit("mlp_grads", {"(Z > 0)": "torch.relu(Z)"}, "multiply by its slope")
edit("mlp_grads", {"(Z > 0)": "(Z < 0)"}, "is cut where it is positive")
edit("mlp_grads", {"torch.relu(Z).T @ G": "Z.T @ G"}, "this uses Z")
edit(
    "mlp_grads",
    {"torch.relu(Z).T @ G": "G.T @ torch.relu(Z)"},
    "the gradient for W2 should have the shape of W2",
)
edit("mlp_grads", {"X.T @ gZ": "gZ.T @ X"}, "the gradient for W1 should have the shape of W1")
edit("mlp_grads", {"X.T @ gZ": "X.T @ gZ / len(X)"}, "G already contains the 1/n")
edit(
    "mlp_grads",
    {"X.T @ gZ, gZ.sum(0), torch.relu(Z).T @ G, G.sum(0)": "X.T @ gZ, gZ.sum(0)"},
    "return four gradients",
)


@wrong("autograd")
def mlp_grads(X, W1, b1, W2, b2, G):
    weights = [weight.clone().requires_grad_() for weight in (W1, b1, W2, b2)]
    O = torch.relu(X @ weights[0] + weights[1]) @ weights[2] + weights[3]
    return torch.autograd.grad(O, weights, G)


edit("mlp_grads", {"Z = X @ W1 + b1": "Z = X @ W1"}, "here b1 is missing")
edit("mlp_grads", {"gZ = (G @ W2.T)": "gZ = torch.relu(G @ W2.T)"}, "only Z decides what passes")


edit(
    "mlp_grads",
    {"gZ.sum(0)": "gZ.sum(0, keepdim=True)"},
    "the gradient for b1 should have the shape of b1, (5,)",
)
edit(
    "mlp_grads",
    {"gZ.sum(0), torch.relu(Z).T @ G, G.sum(0)": "torch.relu(Z).T @ G, gZ.sum(0), G.sum(0)"},
    "the order is W1, b1, W2, b2",
)


@odd
def mlp_grads(X, W1, b1, W2, b2, G):
    """One example at a time."""
    grads = [torch.zeros_like(weight) for weight in (W1, b1, W2, b2)]
    for x, g in zip(X, G, strict=True):
        z = x @ W1 + b1
        gz = torch.where(z > 0, W2 @ g, 0)
        for total, grad in zip(
            grads, (torch.outer(x, gz), gz, torch.outer(z.clamp(min=0), g), g), strict=True
        ):
            total += grad
    return grads


odd_edit("mlp_grads", {"X.T @ gZ": "torch.einsum('nd,nh->dh', X, gZ)", "Z > 0": "Z >= 0"})

# --- init_normal_ -----------------------------------------------------------------------------------------

NORMAL = "nn.init.normal_(m.weight, mean=0.0, std=std)"
edit(
    "init_normal_",
    {"isinstance(m, nn.Linear)": "type(m) == nn.Linear"},
    "derived from nn.Linear was passed over",
)
edit("init_normal_", {"mean=0.0, std=std": "std=std**2"}, "this takes std squared")
edit("init_normal_", {"mean=0.0, std=std": "std"}, "the number is the mean")
edit("init_normal_", {"std=std)": "std=0.01)"}, "use the argument std")
edit("init_normal_", {"net.modules()": "net.children()"}, "children() leaves net out")
edit("init_normal_", {"net.modules()": "[]"}, "nothing was changed")
edit(
    "init_normal_",
    {"net.modules()": "[net, *net.children()]"},
    "inside an inner nn.Sequential was passed over",
)
edit("init_normal_", {"std=std)": "std=std**0.5)"}, "is the root of std")
edit("init_normal_", {"nn.init.zeros_(m.bias)": "m.bias = None"}, "the layer has lost its bias")
edit("init_normal_", {"return net": "return None"}, "return net itself")
edit("init_normal_", {"nn.init.zeros_(m.bias)": "pass"}, "the biases should be 0")
edit("init_normal_", {"nn.init.zeros_(m.bias)": "nn.init.normal_(m.bias, std=std)"}, "the biases should be 0")
edit("init_normal_", {"if m.bias is not None:": "if True:"}, "None")
edit(
    "init_normal_",
    {NORMAL: "m.weight = nn.Parameter(std * torch.randn(m.weight.shape))"},
    "a parameter was replaced",
)
edit(
    "init_normal_",
    {NORMAL: "nn.init.uniform_(m.weight, -std * 3**0.5, std * 3**0.5)"},
    "uniform, not normal",
)
edit(
    "init_normal_",
    {NORMAL: "nn.init.constant_(m.weight, std)"},
    "all equal",
)
edit("init_normal_", {"for m in": "torch.manual_seed(0)\n    for m in"}, "two calls give the same numbers")
edit(
    "init_normal_", {NORMAL: f"torch.manual_seed(0)\n            {NORMAL}"}, "two layers start with the same"
)
edit(
    "init_normal_",
    {NORMAL: "nn.init.normal_(m.weight, std=std)\n            m.weight.data[:] = m.weight.data[0].clone()"},
    "all units start with the same weights",
)
edit(
    "init_normal_",
    {NORMAL: "m.weight.data.copy_(std * torch.randn(len(m.weight), 1))"},
    "a unit starts with equal weights",
)


edit("init_normal_", {"std=0.01": "std=0.1"}, "take std itself, by default 0.01")
edit(
    "init_normal_",
    {"isinstance(m, nn.Linear)": "isinstance(m, nn.Linear) and m.weight.requires_grad"},
    "frozen",
)


@wrong("4.weight does not belong to a linear layer")
def init_normal_(net, std=0.01):
    """Whatever has a matrix as its weight."""
    for m in net.modules():
        if getattr(getattr(m, "weight", None), "ndim", 0) == 2:
            nn.init.normal_(m.weight, 0, std)
            if getattr(m, "bias", None) is not None:
                nn.init.zeros_(m.bias)
    return net


@wrong("does not belong to a linear layer")
def init_normal_(net, std=0.01):
    """Every matrix and every bias."""
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(parameter)
        else:
            nn.init.normal_(parameter, std=std)
    return net


@odd
def init_normal_(net, std=0.01):
    def fill(m):
        if isinstance(m, nn.Linear):
            with torch.no_grad():
                m.weight.copy_(torch.randn(m.weight.shape) * std)
                if m.bias is not None:
                    m.bias.fill_(0)

    return net.apply(fill)


@odd
def init_normal_(net, std=0.01):
    """Through .data, and NumPy's random numbers."""
    for m in net.modules():
        if issubclass(type(m), nn.Linear):
            m.weight.data = torch.from_numpy(np.random.normal(0, std, m.weight.shape)).to(m.weight.dtype)
            if isinstance(m.bias, nn.Parameter):
                m.bias.data.zero_()
    return net


# --- dropout_layer ----------------------------------------------------------------------------------------

edit("dropout_layer", {">= dropout": "< dropout"}, "this keeps with that probability")
edit("dropout_layer", {" / (1 - dropout)": ""}, "the kept values are not scaled")
edit("dropout_layer", {"/ (1 - dropout)": "/ dropout"}, "divided by dropout, not by 1 - dropout")
edit("dropout_layer", {"/ (1 - dropout)": "* (1 - dropout)"}, "multiplied by 1 - dropout; divide by it")
edit("dropout_layer", {"return X * keep": "return keep"}, "multiply the mask by X")
edit(
    "dropout_layer",
    {"return X * keep / (1 - dropout)": "return keep.to(X.dtype)"},
    "the mask itself came back",
)
edit("dropout_layer", {"torch.rand_like(X)": "torch.rand(X.shape[-1])"}, "whole columns are dropped together")
edit("dropout_layer", {"torch.rand_like(X)": "torch.rand(X.shape[0], 1)"}, "whole rows are dropped together")
edit("dropout_layer", {"keep = ": "torch.manual_seed(0)\n    keep = "}, "is a seed set inside the function")
edit(
    "dropout_layer",
    {"torch.rand_like(X)": "torch.rand_like(X).argsort(-1).double() / X.shape[-1]"},
    "decide for each element on its own",
)
edit("dropout_layer", {"torch.rand_like(X)": "torch.rand(())"}, "all elements are kept or dropped together")
edit("dropout_layer", {"return X * keep / (1 - dropout)": "return X"}, "nothing is dropped")
edit(
    "dropout_layer",
    {'ValueError(f"dropout must be in [0, 1], got {dropout}")': "ValueError"},
    "should say in its message what was wrong",
)
edit(
    "dropout_layer",
    {"return X * keep / (1 - dropout)": "return (keep * X.detach() / (1 - dropout)).requires_grad_()"},
    "the gradient is wrong",
)
edit("dropout_layer", {"torch.rand_like(X)": "torch.randn_like(X)"}, "the random numbers are normal")
edit("dropout_layer", {"if dropout == 1:\n        return torch.zeros_like(X)": "pass"}, "0 / 0 is nan")
edit("dropout_layer", {"if not 0 <= dropout <= 1:": "if dropout > 1:"}, "should raise ValueError")
edit("dropout_layer", {"if not 0 <= dropout <= 1:": "if False:"}, "should raise ValueError")
edit("dropout_layer", {"if not 0 <= dropout <= 1:": "if not 0 < dropout < 1:"}, "dropout must be in [0, 1]")
edit(
    "dropout_layer",
    {"return X * keep / (1 - dropout)": "return X.mul_(keep).div_(1 - dropout)"},
    "changed its input",
)
edit("dropout_layer", {"return X * keep": "return X.detach() * keep"}, "lost its graph")


@wrong("dropout must be in [0, 1]")
def dropout_layer(X, dropout):
    assert 0 <= dropout <= 1, "dropout must be in [0, 1]"
    return F.dropout(X, dropout)


edit("dropout_layer", {"/ (1 - dropout)": "/ (1 - dropout) ** 2"}, "divided by 1 - dropout twice")
edit(
    "dropout_layer",
    {"return torch.zeros_like(X)": "return torch.zeros(X.shape)"},
    "the dtype should be float64",
)


@wrong("each call drops the same number of elements")
def dropout_layer(X, dropout):
    if not 0 <= dropout <= 1:
        raise ValueError("no probability")
    Y = X.flatten().clone()
    Y[torch.randperm(len(Y))[: round(dropout * len(Y))]] = 0
    return Y.reshape(X.shape) / max(1 - dropout, 1e-9)


@odd
def dropout_layer(X, dropout):
    """torch's own, which raises the right error itself."""
    return F.dropout(X, p=dropout, training=True)


@odd
def dropout_layer(X, dropout):
    return nn.Dropout(dropout)(X)


@odd
def dropout_layer(X, dropout):
    if dropout < 0 or dropout > 1:
        raise ValueError("dropout is a probability")
    keep = torch.bernoulli(torch.full_like(X, 1 - dropout))
    return X * keep / max(1 - dropout, 1e-30)


@odd
def dropout_layer(X, dropout):
    """Positions in a loop over rows, NumPy's random numbers."""
    if not 0 <= dropout <= 1:
        raise ValueError("no probability")
    drop = torch.from_numpy(np.random.random(tuple(X.shape)) < dropout)
    return X.masked_fill(drop, 0) * (0 if dropout == 1 else 1 / (1 - dropout))


edit(
    "dropout_layer",
    {"torch.rand_like(X) >= dropout": "torch.randint(0, 2, X.shape)"},
    "whatever `dropout` is",
)
edit(
    "dropout_layer",
    {"return X * keep / (1 - dropout)": "return X * keep / max(keep.double().mean().item(), 1e-9)"},
    "not by the share that happens to be kept",
)
edit(
    "dropout_layer",
    {"return X * keep / (1 - dropout)": "return F.dropout(X, dropout, training=False)"},
    "or nothing drawn",
)

# --- DropoutMLP -------------------------------------------------------------------------------------------


@wrong("after net.eval() two runs give different scores")
class DropoutMLP(nn.Module):
    """The classmate's, for any number of layers."""

    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        sizes = [num_inputs, *hiddens]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.output = nn.Linear(sizes[-1], num_outputs)
        self.dropouts = dropouts

    def forward(self, X):
        H = X.flatten(1)
        for layer, p in zip(self.layers, self.dropouts, strict=False):
            H = F.dropout(F.relu(layer(H)), p)
        return self.output(H)


@wrong("torch does not find layers in a Python list")
class DropoutMLP(nn.Module):
    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        sizes = [num_inputs, *hiddens, num_outputs]
        self.layers = [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
        self.dropouts = [nn.Dropout(p) for p in dropouts]

    def forward(self, X):
        H = X.flatten(1)
        for layer, drop in zip(self.layers, self.dropouts, strict=False):
            H = drop(F.relu(layer(H)))
        return self.layers[-1](H)


@wrong("weights and biases of these shapes should be in net")
class DropoutMLP(nn.Module):
    """One hidden layer whatever is asked."""

    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(),
            nn.Linear(num_inputs, hiddens[0]),
            nn.ReLU(),
            nn.Dropout(dropouts[0]),
            nn.Linear(hiddens[0], num_outputs),
        )

    def forward(self, X):
        return self.net(X)


@wrong("layers that are in a Python list are not found by torch")
class DropoutMLP(nn.Module):
    """Only the output layer is registered."""

    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        sizes = [num_inputs, *hiddens]
        self.layers = [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
        self.drops = [nn.Dropout(p) for p in dropouts]
        self.output = nn.Linear(sizes[-1], num_outputs)

    def forward(self, X):
        H = X.flatten(1)
        for layer, drop in zip(self.layers, self.drops, strict=True):
            H = drop(F.relu(layer(H)))
        return self.output(H)


@wrong("tuple index out of range")
class DropoutMLP(nn.Module):
    """Two hidden layers whatever is asked."""

    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        self.a = nn.Linear(num_inputs, hiddens[0])
        self.b = nn.Linear(hiddens[0], hiddens[1])
        self.o = nn.Linear(hiddens[1], num_outputs)
        self.p, self.q = nn.Dropout(dropouts[0]), nn.Dropout(dropouts[1])

    def forward(self, X):
        H = self.p(F.relu(self.a(X.flatten(1))))
        return self.o(self.q(F.relu(self.b(H))))


SCORES = "return self.output(self.hidden(X.flatten(1)))"
edit(
    "DropoutMLP",
    {"self.output(self.hidden(X.flatten(1)))": "torch.relu(self.output(self.hidden(X.flatten(1))))"},
    "they may be negative",
)
edit(
    "DropoutMLP",
    {"self.output(self.hidden(X.flatten(1)))": "self.output(self.hidden(X.flatten(1))).softmax(1)"},
    "through a softmax",
)
edit("DropoutMLP", {"nn.ReLU(), ": ""}, "there is no ReLU")
edit("DropoutMLP", {"nn.ReLU(), nn.Dropout(dropout)": "nn.ReLU()"}, "nothing is dropped in training mode")
edit(
    "DropoutMLP",
    {"nn.Dropout(dropout)": "nn.Dropout(1 - dropout)"},
    "dropouts are probabilities of dropping, not of keeping",
)
edit(
    "DropoutMLP",
    {"nn.Dropout(dropout)": "nn.Dropout(dropouts[0])"},
    "both hidden layers use the first number",
)
edit(
    "DropoutMLP",
    {"zip(hiddens, dropouts)": "zip(hiddens, dropouts[::-1])"},
    "the probabilities are exchanged",
)
edit(
    "DropoutMLP",
    {"self.hidden(X.flatten(1))": "self.hidden(F.dropout(X.flatten(1), 0.3, self.training))"},
    "dropout acts on the input",
)
edit(
    "DropoutMLP",
    {SCORES: "return self.hidden[-1](self.output(self.hidden(X.flatten(1))))"},
    "dropout acts on the scores",
)
edit(
    "DropoutMLP",
    {"dropouts=(0.2, 0.5)):\n        super": "dropouts=(0.5, 0.2)):\n        super"},
    "0.2 and then 0.5, are exchanged",
)
edit(
    "DropoutMLP",
    {"self, num_inputs=784, hiddens=(256, 256)": "self, num_inputs=784, hiddens=(256, 128)"},
    "weights and biases of these shapes",
)
edit("DropoutMLP", {"self.hidden(X.flatten(1))": "self.hidden(X)"}, "shapes")
edit("DropoutMLP", {"width = hidden\n": "pass\n"}, "shapes cannot be multiplied")
edit(
    "DropoutMLP",
    {"return self.output": "self.eval()\n        return self.output"},
    "nothing is dropped in training mode",
)
edit(
    "DropoutMLP",
    {"return self.output": "self.train()\n        return self.output"},
    "two runs give different scores",
)
BLOCK = "nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout)"
FIRST = "nn.Dropout(dropout), nn.Linear(width, hidden), nn.ReLU()"
edit("DropoutMLP", {BLOCK: FIRST}, "dropout belongs after the ReLU")
edit(
    "DropoutMLP",
    {"nn.Dropout(dropout)": "nn.Dropout1d(dropout)"},
    "an example loses all of its hidden numbers",
)
edit("DropoutMLP", {"nn.ReLU()": "nn.Sigmoid()"}, "the hidden layers use a sigmoid")
edit("DropoutMLP", {"super().__init__()": "pass"}, "before Module.__init__() call")


@wrong("in evaluation mode nothing is scaled")
class DropoutMLP(nn.Module):
    """The classic form: nothing is scaled in training, everything in evaluation."""

    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        sizes = [num_inputs, *hiddens, num_outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.dropouts = dropouts

    def forward(self, X):
        H = X.flatten(1)
        for layer, p in zip(self.layers, self.dropouts, strict=False):
            H = F.relu(layer(H))
            H = H * (torch.rand_like(H) >= p) if self.training else H * (1 - p)
        return self.layers[-1](H)


@wrong("what is kept should be divided by 1 - p")
class DropoutMLP(nn.Module):
    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        sizes = [num_inputs, *hiddens, num_outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.dropouts = dropouts

    def forward(self, X):
        H = X.flatten(1)
        for layer, p in zip(self.layers, self.dropouts, strict=False):
            H = F.relu(layer(H))
            if self.training:
                H = H * (torch.rand_like(H) >= p)
        return self.layers[-1](H)


@wrong("all examples lose the same hidden numbers")
class DropoutMLP(nn.Module):
    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        sizes = [num_inputs, *hiddens, num_outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.dropouts = dropouts

    def forward(self, X):
        H = X.flatten(1)
        for layer, p in zip(self.layers, self.dropouts, strict=False):
            H = F.relu(layer(H))
            H = H * F.dropout(torch.ones(H.shape[1]), p, self.training)
        return self.layers[-1](H)


@odd
class DropoutMLP(nn.Module):
    """F.dropout, told about the mode; dropout before ReLU is the same."""

    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        sizes = [num_inputs, *hiddens, num_outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.dropouts = dropouts

    def forward(self, X):
        H = X.reshape(len(X), -1)
        for layer, p in zip(self.layers[:-1], self.dropouts, strict=False):
            H = F.relu(F.dropout(layer(H), p, training=self.training))
        return self.layers[-1](H)


@odd
class DropoutMLP(nn.Module):
    """Bare parameters, (in, out), and masks by hand."""

    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        sizes = [num_inputs, *hiddens, num_outputs]
        self.W = nn.ParameterList(torch.randn(a, b) / math.sqrt(a) for a, b in itertools.pairwise(sizes))
        self.b = nn.ParameterList(torch.zeros(b) for b in sizes[1:])
        self.p = list(dropouts)

    def forward(self, X):
        H = X.flatten(1)
        for W, b, p in zip(self.W, self.b, self.p, strict=False):
            H = torch.clamp(H @ W + b, min=0)
            if self.training and p > 0:
                H = torch.where(torch.rand(H.shape) < p, 0, H / (1 - p))
        return H @ self.W[-1] + self.b[-1]


@odd
class DropoutMLP(nn.Module):
    """Lazy layers, which take their shapes from the first input."""

    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        steps = [(nn.LazyLinear(h), nn.ReLU(), nn.Dropout(p)) for h, p in zip(hiddens, dropouts, strict=True)]
        self.net = nn.Sequential(
            nn.Flatten(), *(m for step in steps for m in step), nn.LazyLinear(num_outputs)
        )

    def forward(self, X):
        return self.net(X)


@odd
class DropoutMLP(nn.Sequential):
    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        sizes, layers = [num_inputs, *hiddens], [nn.Flatten()]
        for i, p in enumerate(dropouts):
            layers += [nn.Linear(sizes[i], sizes[i + 1]), nn.ReLU(inplace=True), nn.Dropout(p)]
        super().__init__(*layers, nn.Linear(sizes[-1], num_outputs))


edit("DropoutMLP", {SCORES: "return self.output(self.hidden(X.flatten(1)).detach())"}, "gets no gradient")
odd_edit("DropoutMLP", {"X.flatten(1)": "X.view(len(X), -1)"})
edit(
    "DropoutMLP",
    {"nn.ReLU(), nn.Dropout(dropout)": "nn.ReLU(inplace=True), nn.Dropout(dropout, inplace=True)"},
    "has been modified by an inplace operation",
)


@wrong("each call drops the same numbers")
class DropoutMLP(nn.Module):
    """The masks are drawn once."""

    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        sizes = [num_inputs, *hiddens, num_outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.masks = [(torch.rand(h) >= p) / (1 - p) for h, p in zip(hiddens, dropouts, strict=True)]

    def forward(self, X):
        H = X.flatten(1)
        for layer, mask in zip(self.layers, self.masks, strict=False):
            H = F.relu(layer(H))
            H = H * mask if self.training else H
        return self.layers[-1](H)


@odd
class DropoutMLP(nn.Module):
    """The lowest hidden layer, and a network with the others on top of it."""

    def __init__(self, num_inputs=784, hiddens=(256, 256), num_outputs=10, dropouts=(0.2, 0.5)):
        super().__init__()
        first, *others = hiddens
        self.lower, self.p = nn.Linear(num_inputs, first), dropouts[0]
        self.upper = nn.Linear(first, num_outputs)
        if others:
            self.upper = type(self)(first, others, num_outputs, dropouts[1:])

    def forward(self, X):
        H = self.lower(X.flatten(1)).clamp(min=0)
        return self.upper(F.dropout(H, self.p, self.training))


# --- count_parameters -------------------------------------------------------------------------------------

edit("count_parameters", {" if parameter.requires_grad": ""}, "you counted the frozen parameters; leave out")
edit("count_parameters", {"parameter.requires_grad)": "not parameter.requires_grad)"}, "expected 40, found 0")
edit("count_parameters", {"parameter.numel()": "1"}, "these are the parameter tensors")
edit("count_parameters", {"parameter.numel()": "len(parameter)"}, "expected 40")
edit(
    "count_parameters",
    {"net.parameters() if parameter.requires_grad": "net.state_dict().values()"},
    "you counted frozen parameters and buffers",
)
edit("count_parameters", {"parameter.numel()": "torch.tensor(parameter.numel())"}, "should be a Python int")
edit("count_parameters", {"in net.parameters()": "in net.parameters(recurse=False)"}, "expected 40, found 0")
edit(
    "count_parameters",
    {"in net.parameters()": "in [p for n, p in net.named_parameters() if n.endswith('weight')]"},
    "the biases are missing",
)


@wrong("you counted a shared parameter at each of its uses")
def count_parameters(net):
    """Layer by layer; a shared layer is counted wherever it stands."""
    named = net.named_parameters(remove_duplicate=False)
    return sum(p.numel() for _, p in named if p.requires_grad)


@wrong("you counted a weight twice because two layers share it")
def count_parameters(net):
    return sum(p.numel() for m in net.modules() for p in m.parameters(recurse=False) if p.requires_grad)


@wrong("parts inside parts are missing")
def count_parameters(net):
    return sum(p.numel() for m in net.children() for p in m.parameters(recurse=False) if p.requires_grad)


@wrong("children() leaves net out")
def count_parameters(net):
    """A set of the parameters of the parts."""
    return sum(p.numel() for p in {p for c in net.children() for p in c.parameters() if p.requires_grad})


@odd
def count_parameters(net):
    found = {
        id(p): math.prod(p.shape)
        for m in net.modules()
        for p in m._parameters.values()
        if p is not None and p.requires_grad
    }
    return sum(found.values())


@odd
def count_parameters(net):
    total = 0
    for p in net.parameters():
        if p.requires_grad:
            total += int(np.prod(p.shape))
    return total


@wrong("you counted one")
def count_parameters(net):
    """Takes equal numbers for the same parameter."""
    found = {tuple(p.flatten().tolist()): p.numel() for p in net.parameters() if p.requires_grad}
    return sum(found.values())


@wrong("parameters that belong to no layer")
def count_parameters(net):
    """Knows two names of parameters."""
    owned = (getattr(m, name, None) for m in net.modules() for name in ("weight", "bias"))
    return sum(p.numel() for p in {p for p in owned if p is not None and p.requires_grad})


edit("count_parameters", {"parameter.numel()": "parameter.nbytes // 4"}, "expected 7850, found 3925")


@wrong("these are counted again and again")
def count_parameters(net):
    return sum(p.numel() for m in net.modules() for p in m.parameters() if p.requires_grad)


# --- claims -----------------------------------------------------------------------------------------------

CLAIMS = {
    "any function": "b",
    "perfect fit": "false",
    "zero weights": "c",
    "equal units": "a",
    "fewer numbers": "c",
}
wrong_value("claims_mlp", "answers", {**CLAIMS, "any function": "true"}, "1 of 2")
wrong_value("claims_mlp", "answers", {**CLAIMS, "zero weights": "b", "equal units": "true"}, "2 of 3")
wrong_value("claims_mlp", "answers", {**CLAIMS, "fewer numbers": "a"}, "1 of 3")
wrong_value("claims_mlp", "answers", {**CLAIMS, "perfect fit": "?"}, "not answered yet: 'perfect fit'")
wrong_value("claims_mlp", "answers", {**CLAIMS, "perfect fit": "no"}, "is not one of the answers")
odd_value(
    "claims_mlp", "answers", {**CLAIMS, "any function": "(B)", "perfect fit": False, "equal units": " A"}
)
