"""Known answers to the exercises of chapter 09."""

import copy
import itertools

import torch
from torch import nn
from torch.nn import functional as F

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- vgg_block --------------------------------------------------------------------------------------------

edit("vgg_block", {", padding=1": ""}, says="padding=1")
edit("vgg_block", {"MaxPool2d(2)": "AvgPool2d(2)"}, says="pooling takes the mean")
edit("vgg_block", {"MaxPool2d(2)": "MaxPool2d(2, stride=1)"}, says="stride 1")
edit("vgg_block", {"nn.ReLU()": "nn.Sigmoid()"}, says="sigmoids")
edit("vgg_block", {"nn.ReLU()": "nn.Identity()"}, says="there are no ReLUs")
edit("vgg_block", {", nn.MaxPool2d(2))": ")"}, says="there is no pooling")
edit("vgg_block", {"        in_channels = out_channels\n": ""}, says="from the second on it is out_channels")
edit("vgg_block", {"padding=1)": "padding=1, bias=False)"}, says="no biases")
edit("vgg_block", {"range(num_convs)": "range(num_convs - 1)"}, says="one convolution too few")
edit("vgg_block", {"    return nn": "        return nn"}, says="only one convolution")
edit(
    "vgg_block",
    {"nn.Conv2d(in_channels, out_channels": "nn.Conv2d(out_channels, in_channels"},
    says="weights and biases",
)
edit(
    "vgg_block",
    {"nn.Sequential(*layers, nn.MaxPool2d(2))": "[*layers, nn.MaxPool2d(2)]"},
    says="nn.Sequential",
)


@wrong("only the last convolution has a ReLU")
def vgg_block(num_convs, in_channels, out_channels):
    convs = [
        nn.Conv2d(in_channels if i == 0 else out_channels, out_channels, 3, padding=1)
        for i in range(num_convs)
    ]
    return nn.Sequential(*convs, nn.ReLU(), nn.MaxPool2d(2))


@wrong("it pools after each convolution")
def vgg_block(num_convs, in_channels, out_channels):
    layers = []
    for _ in range(num_convs):
        layers += [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        in_channels = out_channels
    return nn.Sequential(*layers)


@odd
def vgg_block(num_convs, in_channels, out_channels):
    """Pairs, nested."""
    sizes = [in_channels] + [out_channels] * num_convs
    pairs = [
        nn.Sequential(nn.Conv2d(a, b, (3, 3), padding="same"), nn.ReLU(inplace=True))
        for a, b in itertools.pairwise(sizes)
    ]
    return nn.Sequential(*pairs, nn.MaxPool2d(kernel_size=2, stride=2))


@odd
def vgg_block(num_convs, in_channels, out_channels):
    """With add_module."""
    block = nn.Sequential()
    for i in range(num_convs):
        block.add_module(f"conv{i}", nn.Conv2d(in_channels, out_channels, 3, 1, 1))
        block.add_module(f"relu{i}", nn.ReLU())
        in_channels = out_channels
    block.add_module("pool", nn.MaxPool2d(2, 2))
    return block


edit("vgg_block", {"kernel_size=3, padding=1": "kernel_size=5, padding=2"}, says="the kernels are 5 x 5")
edit("vgg_block", {"nn.Conv2d(in_channels, ": "nn.LazyConv2d("}, says="a lazy layer does not know its shape")


@wrong("or one is used twice")
def vgg_block(num_convs, in_channels, out_channels):
    first = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    conv = nn.Conv2d(out_channels, out_channels, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), *[conv, nn.ReLU()] * (num_convs - 1), nn.MaxPool2d(2))


edit("vgg_block", {"nn.ReLU()": "nn.LeakyReLU()"}, says="leaky ReLUs")
edit("vgg_block", {"MaxPool2d(2)": "MaxPool2d(3, stride=2, padding=1)"}, says="the pooling are 3 x 3")
edit("vgg_block", {"MaxPool2d(2)": "MaxPool2d(1, stride=2)"}, says="every second value")
edit("vgg_block", {"MaxPool2d(2)": "MaxPool2d(2, ceil_mode=True)"}, says="h // 2 rounds down")
edit("vgg_block", {"nn.ReLU()": "nn.BatchNorm2d(out_channels), nn.ReLU()"}, says="a batch norm after each")
edit("vgg_block", {"range(num_convs)": "range(3)"}, says="for num_convs=2")

# --- vgg --------------------------------------------------------------------------------------------------

edit("vgg", {"            in_channels = out_channels\n": ""}, says="the shapes of the weights")
edit(
    "vgg",
    {
        "        layers = []\n": "        layers, before = [], in_channels\n",
        "size //= 2\n": "size //= 2\n        in_channels = before\n",
    },
    says="in_channels stays 2",
)
edit("vgg", {"in_channels * size**2": "in_channels * size"}, says="height is not squared")
edit("vgg", {"in_channels * size**2": "in_channels * 7 * 7"}, says="7 x 7 pixels")
edit(
    "vgg",
    {"nn.Linear(hidden, num_classes),": "nn.Linear(hidden, num_classes),\n        nn.Softmax(1),"},
    says="an activation after the scores",
)
edit("vgg", {"nn.Dropout(0.5)": "nn.Dropout(0.2)"}, says="probabilities of the dropouts")
edit("vgg", {"        nn.Dropout(0.5),\n": ""}, says="dropout is missing")
edit("vgg", {"*blocks,": "nn.Sequential(*blocks),"}, says="wrapped in a Sequential")
edit("vgg", {"num_classes),": "10),"}, says="num_classes is fixed")
edit("vgg", {"hidden=4096": "hidden=1024"}, says="default of hidden")
edit("vgg", {"image_size=224": "image_size=28"}, says="")
edit("vgg", {"        size //= 2\n": ""}, says="each block halves it")
edit(
    "vgg",
    {
        '    if size == 0:\n        raise ValueError(f"{len(blocks)} blocks '
        'leave nothing of a picture of {image_size} pixels")\n': ""
    },
    says="should raise ValueError",
)
edit("vgg", {"nn.MaxPool2d(2)": "nn.AvgPool2d(2)"}, says="expected")
edit("vgg", {"3, padding=1), nn.ReLU()]": "3, padding=1)]"}, says="expected")


@odd
def vgg(conv_arch, in_channels=1, image_size=224, num_classes=10, hidden=4096):
    """Sizes by a power of two, blocks in a helper."""

    def block(n, a, b):
        layers = []
        for i in range(n):
            layers += [nn.Conv2d(a if i == 0 else b, b, kernel_size=3, padding=1), nn.ReLU()]
        return nn.Sequential(*layers, nn.MaxPool2d(kernel_size=2, stride=2))

    side = image_size // 2 ** len(conv_arch)
    if side < 1:
        raise ValueError("the picture is too small")
    channels = [in_channels] + [c for _, c in conv_arch]
    net = nn.Sequential()
    for (n, _), a, b in zip(conv_arch, channels, channels[1:], strict=False):
        net.append(block(n, a, b))
    net.append(nn.Flatten())
    for a, b in ((channels[-1] * side * side, hidden), (hidden, hidden)):
        net.append(nn.Linear(a, b))
        net.append(nn.ReLU())
        net.append(nn.Dropout())
    return net.append(nn.Linear(hidden, num_classes))


edit("vgg", {"        size //= 2\n": "        size = (size + 1) // 2\n"}, says="rounds the size down")
edit("vgg", {"        size //= 2\n    if": "    size //= 2\n    if"}, says="the size is halved once")
edit("vgg", {"        nn.Flatten(),\n": ""}, says="Flatten is missing")
edit(
    "vgg",
    {
        "        nn.Linear(hidden, hidden),\n        nn.ReLU(),\n        nn.Dropout(0.5),\n"
        "        nn.Linear(hidden, num": "        nn.Linear(hidden, num"
    },
    says="there are two Linear layers",
)
edit(
    "vgg", {"num_classes),\n    )": "num_classes),\n        nn.ReLU(),\n    )"}, says="after the scores: ReLU"
)
edit(
    "vgg", {"nn.Linear(in_channels * size**2,": "nn.LazyLinear("}, says="a lazy layer does not know its shape"
)
edit("vgg", {"if size == 0:": "if size < 2:"}, says="ValueError")
odd_edit("vgg", {"if size == 0:": "if image_size < 2 ** len(conv_arch):"})
edit(
    "vgg",
    {"nn.Linear(in_channels * size**2,": "nn.Linear(max(c for _, c in conv_arch) * size**2,"},
    says="mat1 and mat2",
)
edit(
    "vgg",
    {"nn.Dropout(0.5),\n        nn.Linear(hidden, num": "nn.Dropout2d(0.5),\n        nn.Linear(hidden, num"},
    says="at [8]: expected 'Dropout', found 'Dropout2d'",
)

# --- batch_norm -------------------------------------------------------------------------------------------

edit(
    "batch_norm",
    {"var = X.mean(axes), X.var(axes, unbiased=False)": "var = X.mean(axes), X.var(axes)"},
    says="divided by m - 1",
)
edit("batch_norm", {"(0, 2, 3)": "(0,)"}, says="")
edit(
    "batch_norm",
    {"torch.sqrt(var.reshape(wide) + eps)": "(var.reshape(wide) + eps)"},
    says="take its square root",
)
edit(
    "batch_norm",
    {"torch.sqrt(var.reshape(wide) + eps)": "(torch.sqrt(var.reshape(wide)) + eps)"},
    says="under the root",
)
edit("batch_norm", {" + eps)": ")"}, says="eps is missing")
edit(
    "batch_norm",
    {"gamma.reshape(wide) * X_hat + beta.reshape(wide)": "X_hat"},
    says="gamma and beta are not applied",
)
edit("batch_norm", {" + beta.reshape(wide)": ""}, says="beta is not added")
edit("batch_norm", {"gamma.reshape(wide) * X_hat": "X_hat"}, says="gamma is not applied")
edit(
    "batch_norm",
    {
        "momentum * moving_mean + (1 - momentum) * "
        "new_mean": "(1 - momentum) * moving_mean + momentum * new_mean"
    },
    says="weight of the old value",
)
edit(
    "batch_norm",
    {"momentum * moving_var + (1 - momentum) * new_var": "(1 - momentum) * moving_var + momentum * new_var"},
    says="moving_var: the weights of old and new are exchanged",
)
edit("batch_norm", {"if training:": "if torch.is_grad_enabled():"}, says="ask training")
edit(
    "batch_norm",
    {"if training:": "if training and torch.is_grad_enabled():"},
    says="not whether there is a graph",
)
edit("batch_norm", {"mean.detach()": "mean"}, says="carry a graph")
edit("batch_norm", {".reshape(moving_mean.shape)": ""}, says="new moving_mean")
edit(
    "batch_norm",
    {
        '    if X.ndim not in (2, 4):\n        raise ValueError(f"batch_norm '
        'takes inputs with 2 or 4 axes, got {X.ndim}")\n': ""
    },
    says="should raise ValueError",
)
edit("batch_norm", {"(X - mean.reshape(wide))": "X"}, says="the mean is not subtracted")


@wrong("the function changed its input")
def batch_norm(X, gamma, beta, moving_mean, moving_var, eps=1e-5, momentum=0.9, training=True):
    if X.ndim not in (2, 4):
        raise ValueError("2 or 4 axes")
    axes, wide = ((0,), (1, -1)) if X.ndim == 2 else ((0, 2, 3), (1, -1, 1, 1))
    mean, var = moving_mean, moving_var
    if training:
        mean, var = X.mean(axes), X.var(axes, unbiased=False)
        moving_mean.mul_(momentum).add_((1 - momentum) * mean.detach().reshape(moving_mean.shape))
        moving_var.mul_(momentum).add_((1 - momentum) * var.detach().reshape(moving_var.shape))
    X_hat = (X - mean.reshape(wide)) / (var.reshape(wide) + eps).sqrt()
    return gamma.reshape(wide) * X_hat + beta.reshape(wide), moving_mean, moving_var


@wrong("X_hat")
def batch_norm(X, gamma, beta, moving_mean, moving_var, eps=1e-5, momentum=0.9, training=True):
    """The first try, with the mode repaired."""
    if not training:
        X_hat = (X - moving_mean) / torch.sqrt(moving_var + eps)
    else:
        if X.ndim == 2:
            mean = X.mean(dim=0)
            var = ((X - mean) ** 2).mean(dim=0)
        else:
            mean = X.mean(dim=(0, 2, 3), keepdim=True)
            var = ((X - mean) ** 2).mean(dim=(0, 2, 3), keepdim=True)
            X_hat = (X - mean) / torch.sqrt(var + eps)
    return gamma * X_hat + beta, moving_mean, moving_var


@odd
def batch_norm(X, gamma, beta, moving_mean, moving_var, eps=1e-5, momentum=0.9, training=True):
    """Channels last, as rows."""
    if X.ndim not in (2, 4):
        raise ValueError("X needs 2 or 4 axes")
    rows = X if X.ndim == 2 else X.permute(0, 2, 3, 1)
    flat = rows.reshape(-1, X.shape[1])
    mean, var = moving_mean.flatten(), moving_var.flatten()
    if training:
        mean = flat.mean(0)
        var = (flat**2).mean(0) - mean**2
        with torch.no_grad():
            moving_mean = moving_mean.lerp(mean.view_as(moving_mean), 1 - momentum)
            moving_var = moving_var.lerp(var.view_as(moving_var), 1 - momentum)
    Y = gamma.flatten() * (rows - mean) * (var + eps).rsqrt() + beta.flatten()
    return (Y if X.ndim == 2 else Y.permute(0, 3, 1, 2)), moving_mean, moving_var


@wrong("solve this one without `torch.nn.functional.batch_norm`")
def batch_norm(X, gamma, beta, moving_mean, moving_var, eps=1e-5, momentum=0.9, training=True):
    """Torch for the output, by hand for the rest."""
    if X.dim() != 2 and X.dim() != 4:
        raise ValueError("shape")
    g, b = gamma.reshape(-1), beta.reshape(-1)
    if not training:
        return (
            F.batch_norm(X, moving_mean.reshape(-1), moving_var.reshape(-1), g, b, eps=eps),
            moving_mean,
            moving_var,
        )
    Y = F.batch_norm(X, None, None, g, b, training=True, eps=eps) if X.numel() > X.shape[1] else b + 0 * X
    columns = X.detach().transpose(0, 1).flatten(1)
    mean, var = columns.mean(1), columns.var(1, correction=0)
    new = [
        momentum * m + (1 - momentum) * v.reshape(m.shape)
        for m, v in ((moving_mean, mean), (moving_var, var))
    ]
    return Y, *new


edit(
    "batch_norm",
    {"+ beta.reshape(wide), moving_mean, moving_var": "+ beta.reshape(wide)"},
    says="return Y, moving_mean",
)
edit("batch_norm", {"X.var(axes, unbiased=False)": "X.std(axes, unbiased=False)"}, says="one root too many")

edit("batch_norm", {" + eps)": " + 1e-5)"}, says="eps is missing, or fixed at 1e-5")
edit(
    "batch_norm",
    {"mean, var = X.mean(axes), X.var(": "mean, var = X.detach().mean(axes), X.detach().var("},
    says="detached too early",
)
edit(
    "batch_norm",
    {
        "mean, var = moving_mean, moving_var": "mean, var = X.mean(axes), moving_var",
    },
    says="evaluation mode uses the mean of the batch",
)
edit(
    "batch_norm",
    {
        "mean, var = moving_mean, moving_var": "mean, var = moving_mean, X.var(axes, unbiased=False)",
    },
    says="evaluation mode uses the variance of the batch",
)


@wrong("each picture has its own means")
def batch_norm(X, gamma, beta, moving_mean, moving_var, eps=1e-5, momentum=0.9, training=True):
    if X.ndim not in (2, 4):
        raise ValueError("2 or 4 axes")
    axes, wide = ((0,), (1, -1)) if X.ndim == 2 else ((2, 3), (1, -1, 1, 1))
    mean, var = moving_mean.reshape(wide), moving_var.reshape(wide)
    if training:
        mean, var = X.mean(axes, keepdim=True), X.var(axes, keepdim=True, unbiased=False)
        new = mean.detach().mean(0).reshape(moving_mean.shape), var.detach().mean(0).reshape(moving_var.shape)
        moving_mean = momentum * moving_mean + (1 - momentum) * new[0]
        moving_var = momentum * moving_var + (1 - momentum) * new[1]
    return gamma.reshape(wide) * (X - mean) / (var + eps).sqrt() + beta.reshape(wide), moving_mean, moving_var


edit("batch_norm", {"if X.ndim not in (2, 4):": "if training and X.ndim not in (2, 4):"}, says="0.9, False)")
edit("batch_norm", {"if training:": "if training and len(X) > 1:"}, says="expected")
edit("batch_norm", {"momentum=0.9": "momentum=0.1"}, says="default momentum")
edit("batch_norm", {"gamma.reshape(wide)": "gamma.detach().reshape(wide)"}, says="the gradient for gamma")
edit("batch_norm", {"eps=1e-5": "eps=1e-3"}, says="the default of eps is 1e-3")


@odd
def batch_norm(X, gamma, beta, moving_mean, moving_var, eps=1e-5, momentum=0.9, training=True):
    """By layer norm: the channels of the batch are examples of a transposed one."""
    if X.ndim not in (2, 4):
        raise ValueError("2 or 4 axes")
    wide = (1, -1, 1, 1)[: X.ndim]
    if training:
        turned = X.transpose(0, 1)
        flat = turned.flatten(1)
        X_hat = F.layer_norm(flat, flat.shape[1:], eps=eps).reshape(turned.shape).transpose(0, 1)
        var, mean = torch.var_mean(flat.detach(), 1, correction=0)
        moving_mean = torch.lerp(mean.reshape(moving_mean.shape), moving_mean, momentum)
        moving_var = torch.lerp(var.reshape(moving_var.shape), moving_var, momentum)
    else:
        X_hat = (X - moving_mean.reshape(wide)) / torch.sqrt(moving_var.reshape(wide) + eps)
    return gamma.reshape(wide) * X_hat + beta.reshape(wide), moving_mean.clone(), moving_var.clone()


# --- BatchNorm --------------------------------------------------------------------------------------------

edit("BatchNorm", {"var * m / (m - 1)": "var"}, says="takes the unbiased variance")
edit(
    "BatchNorm",
    {"mean, var = X.mean(axes), X.var(axes, unbiased=False)": "mean, var = X.mean(axes), X.var(axes)"},
    says="the output needs the biased one",
)
edit(
    "BatchNorm",
    {"lerp_(mean, self.momentum)": "lerp_(mean, 1 - self.momentum)"},
    says="momentum is the weight of the new value",
)
edit(
    "BatchNorm",
    {"lerp_(var * m / (m - 1), self.momentum)": "lerp_(var * m / (m - 1), 1 - self.momentum)"},
    says="running_var: the weights of old and new are exchanged",
)
edit(
    "BatchNorm",
    {"if self.training:": "if torch.is_grad_enabled():"},
    says="evaluation mode uses the statistics of the batch",
)
edit(
    "BatchNorm",
    {
        'self.register_buffer("running_mean", '
        "torch.zeros(num_features))": "self.running_mean = torch.zeros(num_features)",
        'self.register_buffer("running_var", '
        "torch.ones(num_features))": "self.running_var = torch.ones(num_features)",
    },
    says="register_buffer saves them",
)
edit(
    "BatchNorm",
    {
        'self.register_buffer("running_mean", '
        "torch.zeros(num_features))": "self.running_mean = nn.Parameter(torch.zeros(num_features))",
        'self.register_buffer("running_var", '
        "torch.ones(num_features))": "self.running_var = nn.Parameter(torch.ones(num_features))",
    },
    says="make them buffers",
)
edit(
    "BatchNorm",
    {"nn.Parameter(torch.ones(num_features))": "nn.Parameter(torch.zeros(num_features))"},
    says="the start of weight",
)
edit(
    "BatchNorm", {'"running_var", torch.ones': '"running_var", torch.zeros'}, says="the start of running_var"
)
edit("BatchNorm", {" + self.eps)": " + 1e-5)"}, says="eps is missing, or fixed at 1e-5")
edit("BatchNorm", {" + self.eps)": ")"}, says="eps is missing, or fixed")
edit(
    "BatchNorm",
    {"self.weight.reshape(wide) * X_hat + self.bias.reshape(wide)": "X_hat"},
    says="weight and bias are not applied",
)
edit(
    "BatchNorm",
    {"m, axes = X.numel() // X.shape[1]": "m, axes = X.shape[0]"},
    says="m counts the values of a channel",
)
edit(
    "BatchNorm",
    {"num_dims, eps, momentum\n": "num_dims, eps, 0.1\n"},
    says="momentum is fixed at its default",
)
edit(
    "BatchNorm",
    {"                self.running_mean.lerp_(mean, self.momentum)\n": ""},
    says="running_mean has not changed",
)
edit(
    "BatchNorm",
    {
        '                raise ValueError("in training mode, a channel needs '
        'more than one value")\n': "                pass\n"
    },
    says="",
)
edit(
    "BatchNorm",
    {
        "        if X.ndim != self.num_dims:\n            raise "
        'ValueError(f"expected an input with {self.num_dims} axes, got {X.ndim}")\n': ""
    },
    says="should raise ValueError",
)


@odd
class BatchNorm(nn.Module):
    """With assignments to the buffers, and torch.var_mean."""

    def __init__(self, num_features, num_dims, eps=1e-5, momentum=0.1):
        super().__init__()
        if num_dims not in (2, 4):
            raise ValueError("num_dims is 2 or 4")
        self.dims, self.eps, self.momentum = num_dims, eps, momentum
        self.weight = nn.Parameter(torch.empty(num_features).fill_(1))
        self.bias = nn.Parameter(torch.empty(num_features).fill_(0))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, X):
        if X.dim() != self.dims:
            raise ValueError("wrong number of axes")
        over = [0] if self.dims == 2 else [0, 2, 3]
        view = [1, X.shape[1]] + [1] * (self.dims - 2)
        if self.training:
            if X.numel() == X.shape[1]:
                raise ValueError("one value per channel")
            unbiased, mean = torch.var_mean(X.detach(), over)
            self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
            self.running_var = (1 - self.momentum) * self.running_var + self.momentum * unbiased
            centred = X - X.mean(over, keepdim=True)
            normal = centred / (centred.pow(2).mean(over, keepdim=True) + self.eps) ** 0.5
        else:
            normal = (X - self.running_mean.view(view)) / (self.running_var.view(view) + self.eps) ** 0.5
        return self.weight.view(view) * normal + self.bias.view(view)


@wrong("solve this one without `torch.nn.functional.batch_norm`")
class BatchNorm(nn.Module):
    """Torch's function does the work."""

    def __init__(self, num_features, num_dims, eps=1e-5, momentum=0.1):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.options = {"eps": eps, "momentum": momentum}
        self.num_dims = num_dims

    def forward(self, X):
        if X.ndim != self.num_dims:
            raise ValueError(f"{self.num_dims} axes, please")
        if self.training and X[:, 0].numel() == 1:
            raise ValueError("no variance")
        statistics = self.running_mean, self.running_var
        return F.batch_norm(X, *statistics, self.weight, self.bias, self.training, **self.options)


edit("BatchNorm", {"            with torch.no_grad():": "            if True:"}, says="carry a graph")
edit(
    "BatchNorm",
    {"mean, var = X.mean(axes), X.var(": "mean, var = X.detach().mean(axes), X.detach().var("},
    says="detached too early",
)

edit(
    "BatchNorm", {"if X.ndim != self": "if self.training and X.ndim != self"}, says="should raise ValueError"
)
edit("BatchNorm", {"if m < 2:": "if X.shape[0] < 2:"}, says="more than one value")
edit(
    "BatchNorm",
    {
        "self.weight = nn.Parameter(torch.ones(num_features))": "self.register_buffer("
        '"weight", torch.ones(num_features))'
    },
    says="must be nn.Parameter",
)

edit("BatchNorm", {"self.weight.reshape": "self.weight.data.reshape"}, says="the gradient for weight")
edit("BatchNorm", {"self.bias.reshape": "self.bias.detach().reshape"}, says="the gradient for bias")
edit(
    "BatchNorm",
    {
        '_mean", torch.zeros(num_features))': '_mean", torch.zeros(num_features), persistent=False)',
        '_var", torch.ones(num_features))': '_var", torch.ones(num_features), persistent=False)',
    },
    says="unless persistent=False",
)
edit(
    "BatchNorm",
    {
        "/ torch.sqrt(var.reshape(wide) + self.eps)\n": "/ torch.sqrt(var.reshape(wide) + self.eps)\n"
        "        X_hat = X_hat if self.training else X_hat.detach()\n"
    },
    says="the gradient is wrong",
)
edit("BatchNorm", {"if m < 2:": "if len(X) < 2:"}, says="more than one value")


@odd
class BatchNorm(nn.Module):
    """By the function of exercise 9.3, whose variance is corrected afterwards."""

    def __init__(self, num_features, num_dims, eps=1e-5, momentum=0.1):
        super().__init__()
        self.num_dims, self.eps, self.momentum = num_dims, eps, momentum
        self.weight, self.bias = (
            nn.Parameter(torch.ones(num_features)),
            nn.Parameter(torch.zeros(num_features)),
        )
        self.running_mean, self.running_var = (
            nn.Buffer(torch.zeros(num_features)),
            nn.Buffer(torch.ones(num_features)),
        )

    def forward(self, X):
        if X.ndim != self.num_dims:
            raise ValueError("wrong number of axes")
        m, share = X.numel() // X.shape[1], 1 - self.momentum
        if self.training and m == 1:
            raise ValueError("one value has no variance")
        old = self.running_mean, self.running_var
        Y, mean, var = batch_norm(X, self.weight, self.bias, *old, self.eps, share, self.training)
        if self.training:
            self.running_mean, self.running_var = mean, share * old[1] + (var - share * old[1]) * m / (m - 1)
        return Y


# --- fuse_conv_bn -----------------------------------------------------------------------------------------

edit(
    "fuse_conv_bn",
    {"-bn.running_mean if conv.bias is None else conv.bias - bn.running_mean": "-bn.running_mean"},
    says="bias of the convolution is lost",
)
edit("fuse_conv_bn", {"bn.running_var + bn.eps": "bn.running_var"}, says="eps is missing")
edit("fuse_conv_bn", {"bn.running_var + bn.eps": "bn.running_var + 1e-5"}, says="eps is fixed")
edit(
    "fuse_conv_bn",
    {"torch.sqrt(bn.running_var + bn.eps)": "(bn.running_var + bn.eps)"},
    says="not by the variance",
)
edit("fuse_conv_bn", {"conv.bias - bn.running_mean": "conv.bias + bn.running_mean"}, says="subtract it")
edit("fuse_conv_bn", {"        bias = bias + bn.bias": "        pass"}, says="the bias of bn is missing")
edit(
    "fuse_conv_bn", {"        scale = scale * bn.weight": "        pass"}, says="the weight of bn is missing"
)
edit("fuse_conv_bn", {"copy.deepcopy(conv)": "conv"}, says="")
edit("fuse_conv_bn", {"    fused.bias = nn.Parameter(bias.detach())\n": ""}, says="the bias is not changed")
edit(
    "fuse_conv_bn",
    {"(conv.weight * scale.reshape(-1, 1, 1, 1))": "conv.weight"},
    says="the weights are not scaled",
)
edit("fuse_conv_bn", {"    bias = scale * bias\n": ""}, says="")
edit("fuse_conv_bn", {"if bn.weight is not None": "if True"}, says="NoneType")


@wrong("stride")
def fuse_conv_bn(conv, bn):
    """A new convolution that has forgotten stride, padding, groups and dilation."""
    fused = nn.Conv2d(conv.in_channels // conv.groups, conv.out_channels, conv.kernel_size)
    s = (bn.running_var + bn.eps).rsqrt() * (1 if bn.weight is None else bn.weight)
    b = 0 if conv.bias is None else conv.bias
    with torch.no_grad():
        fused.weight.copy_(conv.weight * s[:, None, None, None])
        fused.bias.copy_(s * (b - bn.running_mean) + (0 if bn.bias is None else bn.bias))
    return fused


@odd
def fuse_conv_bn(conv, bn):
    """A new convolution, filled under no_grad."""
    fused = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        stride=conv.stride,
        padding=conv.padding,
        dilation=conv.dilation,
        groups=conv.groups,
        padding_mode=conv.padding_mode,
    )
    gamma = torch.ones_like(bn.running_var) if bn.weight is None else bn.weight
    beta = torch.zeros_like(bn.running_var) if bn.bias is None else bn.bias
    b = torch.zeros_like(bn.running_var) if conv.bias is None else conv.bias
    with torch.no_grad():
        s = gamma / torch.sqrt(bn.running_var + bn.eps)
        fused.weight.copy_(torch.einsum("k,kcij->kcij", s, conv.weight))
        fused.bias.copy_(beta + (b - bn.running_mean) * s)
    return fused


@odd
def fuse_conv_bn(conv, bn):
    """By torch, on copies in evaluation mode."""
    return nn.utils.fusion.fuse_conv_bn_eval(copy.deepcopy(conv).eval(), copy.deepcopy(bn).eval())


edit("fuse_conv_bn", {"scale = scale * bn.weight": "scale = scale * bn.weight.abs()"}, says="expected")

edit("fuse_conv_bn", {"copy.deepcopy(conv)": "copy.copy(conv)"}, says="work on a deep copy")
edit(
    "fuse_conv_bn",
    {
        "    scale = 1 / torch.sqrt(bn.running_var + bn.eps)\n"
        "    if bn.weight is not None:\n        scale = scale": ""
        "    scale = torch.ones_like(bn.running_var)\n    if bn.weight is not None:\n"
        "        scale = torch.rsqrt(bn.running_var + bn.eps)"
    },
    says="bn still divides by the standard deviation",
)


@odd
def fuse_conv_bn(conv, bn):
    """Scale and shift are what a frozen bn makes of zeros and ones."""
    frozen, fused = copy.deepcopy(bn).eval(), copy.deepcopy(conv)
    with torch.no_grad():
        zero = torch.zeros(1, conv.out_channels, 1, 1)
        shift, scale = frozen(zero), frozen(zero + 1) - frozen(zero)
        fused.weight = nn.Parameter((conv.weight.transpose(0, 1) * scale).transpose(0, 1))
        bias = 0 if conv.bias is None else conv.bias
        fused.bias = nn.Parameter(shift.flatten() + scale.flatten() * bias)
    return fused


# --- depthwise_separable ----------------------------------------------------------------------------------

edit("depthwise_separable", {", groups=in_channels": ""}, says="groups=in_channels")
edit("depthwise_separable", {", padding=kernel_size // 2": ""}, says="needs a padding")
edit("depthwise_separable", {"padding=kernel_size // 2": "padding=1"}, says="kernels of size 3 only")
edit(
    "depthwise_separable",
    {"groups=in_channels)": "groups=in_channels, bias=False)"},
    says="the depthwise convolution has no bias",
)
edit(
    "depthwise_separable",
    {"kernel_size=1)": "kernel_size=1, bias=False)"},
    says="the pointwise convolution has no bias",
)
edit("depthwise_separable", {"kernel_size=1)": "kernel_size=kernel_size)"}, says="should be 1 x 1")
edit("depthwise_separable", {"kernel_size=1)": "kernel_size=1, padding=1)"}, says="has one as well")


@wrong("there should be nothing between the two")
def depthwise_separable(in_channels, out_channels, kernel_size):
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, kernel_size, padding=kernel_size // 2, groups=in_channels),
        nn.ReLU(),
        nn.Conv2d(in_channels, out_channels, kernel_size=1),
    )


@wrong("the pointwise convolution comes first")
def depthwise_separable(in_channels, out_channels, kernel_size):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=1),
        nn.Conv2d(out_channels, out_channels, kernel_size, padding=kernel_size // 2, groups=out_channels),
    )


@odd
def depthwise_separable(in_channels, out_channels, kernel_size):
    net = nn.Sequential()
    net.append(nn.Conv2d(in_channels, in_channels, kernel_size, padding="same", groups=in_channels))
    net.append(nn.Conv2d(in_channels, out_channels, (1, 1)))
    return net


edit(
    "depthwise_separable",
    {"nn.Conv2d(in_channels, out_channels,": "nn.LazyConv2d(out_channels,"},
    says="a lazy layer",
)

edit(
    "depthwise_separable",
    {"padding=kernel_size // 2": "padding=kernel_size - 1"},
    says="padding is too large",
)
edit(
    "depthwise_separable",
    {"kernel_size, padding=kernel_size // 2": "3, padding=1"},
    says="the depthwise kernel for kernel_size=5",
)

# --- claim cards ------------------------------------------------------------------------------------------

RIGHT = {"independent": "false", "one function": "b", "fewer": "false", "bias": "true", "no_grad": "a"}
wrong_value("claims_batch_norm", "answers", {**RIGHT, "independent": "c"}, "1 of 3 is not right yet")
wrong_value("claims_batch_norm", "answers", {**RIGHT, "no_grad": "true"}, "1 of 2 is not right yet")
wrong_value("claims_batch_norm", "answers", {**RIGHT, "fewer": "?"}, "not answered yet")
wrong_value("claims_batch_norm", "answers", {**RIGHT, "bias": "d"}, "is not one of the answers")
odd_value(
    "claims_batch_norm", "answers", {**RIGHT, "independent": False, "one function": "(B)", "bias": True}
)
