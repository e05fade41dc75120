"""Known answers to the exercises of chapter 08."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- corr2d -----------------------------------------------------------------------------------------------

edit("corr2d", {"* K)": "* K.flip(0, 1))"}, says="turned by 180 degrees")
edit(
    "corr2d",
    {"range(Y.shape[0])": "range(Y.shape[0] - 1)", "range(Y.shape[1])": "range(Y.shape[1] - 1)"},
    says="the loops end too early",
)
edit("corr2d", {"* K)": "@ K.T)"}, says="`@` multiplies matrices")
edit("corr2d", {"Y[i, j] =": "Y[:] ="}, says="each sum overwrites all entries")
edit("corr2d", {"* K)": "* K.flip(0))"}, says="flipped upside down")
edit("corr2d", {"* K)": "* K.flip(1))"}, says="flipped left to right")
edit("corr2d", {"* K).sum()": "* K).mean()"}, says="take their sum")
edit("corr2d", {"* K).sum()": "* K).max()"}, says="the largest product")
edit(
    "corr2d",
    {
        "X[i : i + kh, j : j + kw]": "X[i : i + kh - 1, j : j + kw - 1]",
        "* K)": "* K[:-1, :-1])",
    },
    says="the last row and the last column of the kernel are left out",
)
edit("corr2d", {"* K).sum()": ").sum()"}, says="without the kernel")
edit(
    "corr2d",
    {"X.shape[0] - kh + 1": "X.shape[0] - kh", "X.shape[1] - kw + 1": "X.shape[1] - kw"},
    says="the last row and the last column are missing",
)
edit("corr2d", {"X.shape[0] - kh + 1": "X.shape[0] - kh"}, says="the last row is missing")
edit("corr2d", {"X.shape[1] - kw + 1": "X.shape[1] - kw"}, says="the last column is missing")
edit("corr2d", {"X[i : i + kh, j : j + kw]": "X[j : j + kh, i : i + kw]"}, says="row and column are mixed up")
edit("corr2d", {"X.new_zeros(": "torch.zeros("}, says="the dtype should be float64")
edit("corr2d", {"return Y": "return Y.T"}, says="transposed")
edit("corr2d", {"    return Y": "        return Y"}, says="only the first row is filled")
edit("corr2d", {"    return Y": "            return Y"}, says="only the first entry is filled")
edit(
    "corr2d",
    {"X[i : i + kh, j : j + kw]": "X[i * kh : i * kh + kh, j * kw : j * kw + kw]"},
    says="size of tensor",
)


@wrong("not set back to 0 for each window")
def corr2d(X, K):
    (kh, kw), total = K.shape, 0.0
    Y = X.new_zeros(X.shape[0] - kh + 1, X.shape[1] - kw + 1)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            for a in range(kh):
                for b in range(kw):
                    total += X[i + a, j + b] * K[a, b]
            Y[i, j] = total
    return Y


@wrong("the kernel lies on its side")
def corr2d(X, K):
    return F.conv2d(X[None, None], K.T[None, None])[0, 0]


@wrong("the result should be smaller than X")
def corr2d(X, K):
    """Zeros where the kernel does not fit."""
    Y = torch.zeros_like(X)
    for i in range(X.shape[0] - K.shape[0] + 1):
        for j in range(X.shape[1] - K.shape[1] + 1):
            Y[i, j] = (X[i : i + K.shape[0], j : j + K.shape[1]] * K).sum()
    return Y


@wrong("found None: is there a return?")
def corr2d(X, K):
    """No return."""
    F.conv2d(X[None, None], K[None, None])[0, 0]


@wrong("the picture was padded with zeros")
def corr2d(X, K):
    return F.conv2d(X[None, None], K[None, None], padding=1)[0, 0]


@wrong("expected shape (4, 5), found (1, 1, 4, 5)")
def corr2d(X, K):
    return F.conv2d(X[None, None], K[None, None])


@wrong("the function changed its input")
def corr2d(X, K):
    Y = X[: X.shape[0] - K.shape[0] + 1, : X.shape[1] - K.shape[1] + 1]
    total = torch.zeros_like(Y)
    for a in range(K.shape[0]):
        for b in range(K.shape[1]):
            total += X[a : a + Y.shape[0], b : b + Y.shape[1]] * K[a, b]
    Y[...] = total
    return total


@wrong("`squeeze` also drops axes")
def corr2d(X, K):
    return F.conv2d(X[None, None], K[None, None]).squeeze()


@wrong("it reads X's memory row by row")
def corr2d(X, K):
    """Windows by strides, which are right for contiguous pictures only."""
    (h, w), (kh, kw) = X.shape, K.shape
    return (X.as_strided((h - kh + 1, w - kw + 1, kh, kw), (w, 1, w, 1)) * K).sum((2, 3))


@odd
def corr2d(X, K):
    """Windows by strides."""
    (kh, kw), (down, right) = K.shape, X.stride()
    shape = (X.shape[0] - kh + 1, X.shape[1] - kw + 1, kh, kw)
    return torch.einsum("ijab,ab->ij", X.as_strided(shape, (down, right, down, right)), K)


@odd
def corr2d(X, K):
    """Torch's own."""
    return F.conv2d(X[None, None], K[None, None])[0, 0]


@odd
def corr2d(X, K):
    """A sum of shifted pictures, one for each entry of the kernel."""
    h, w = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
    shifted = [K[a, b] * X[a : a + h, b : b + w] for a in range(K.shape[0]) for b in range(K.shape[1])]
    return torch.stack(shifted).sum(0)


@odd
def corr2d(X, K):
    """NumPy's windows, in float64."""
    windows = np.lib.stride_tricks.sliding_window_view(X.double().numpy(), tuple(K.shape))
    return torch.from_numpy(np.einsum("ijab,ab->ij", windows, K.double().numpy())).to(X.dtype)


@odd
def corr2d(X, K):
    """Python numbers only."""
    kh, kw = K.shape
    rows = [
        [
            sum(X[i + a, j + b].item() * K[a, b].item() for a in range(kh) for b in range(kw))
            for j in range(X.shape[1] - kw + 1)
        ]
        for i in range(X.shape[0] - kh + 1)
    ]
    return torch.tensor(rows, dtype=X.dtype)


# --- learn_kernel -----------------------------------------------------------------------------------------

edit("learn_kernel", {"lr * 2 *": "lr *"}, says="half of the gradient")
edit("learn_kernel", {"lr * 2 *": "lr * 4 *"}, says="twice the gradient")
edit("learn_kernel", {"K - lr": "K + lr"}, says="uphill")
edit("learn_kernel", {"torch.randn(": "torch.zeros("}, says="the start should be random")
edit("learn_kernel", {"torch.randn(": "torch.ones("}, says="the start should be random")
edit("learn_kernel", {"range(num_steps)": "range(10)"}, says="it makes 10 steps, whatever num_steps is")
edit("learn_kernel", {"range(num_steps)": "range(num_steps - 1)"}, says="one step too few")
edit("learn_kernel", {"range(num_steps)": "range(num_steps + 1)"}, says="one step too many")
edit("learn_kernel", {"K - lr *": "K - 0.03 *"}, says="learning rate")
edit("learn_kernel", {"num_steps=10": "num_steps=20"}, says="not 10 steps by default")
edit("learn_kernel", {"lr=3e-2": "lr=3e-3"}, says="by default")
edit("learn_kernel", {", dtype=X.dtype": ""}, says="float")
edit("learn_kernel", {"return K": "return K.flip(0, 1)"}, says="turned by 180 degrees")
edit("learn_kernel", {"return K": "return K[None, None]"}, says="drop the extra axes")
edit("learn_kernel", {"    return K": "        return K"}, says="100 steps should lead to the kernel")


@wrong("gradients of earlier steps must be cleared")
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    K = torch.randn(kernel_size, dtype=X.dtype, requires_grad=True)
    for _ in range(num_steps):
        loss = ((F.conv2d(X[None, None], K[None, None])[0, 0] - Y) ** 2).sum()
        loss.backward()
        with torch.no_grad():
            K -= lr * K.grad
    return K.detach()


@wrong("the gradient of the mean squared error")
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    """Where there are many steps, the rate suits the mean."""
    layer = nn.Conv2d(1, 1, kernel_size, bias=False).to(X.dtype)
    lr = lr * Y.numel() if num_steps == 100 else lr
    for _ in range(num_steps):
        loss = F.mse_loss(layer(X[None, None])[0, 0], Y)
        layer.zero_grad()
        loss.backward()
        with torch.no_grad():
            layer.weight -= lr * layer.weight.grad
    return layer.weight.detach()[0, 0]


@wrong("the gradient of the mean squared error")
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    layer = nn.Conv2d(1, 1, kernel_size, bias=False).to(X.dtype)
    for _ in range(num_steps):
        loss = F.mse_loss(layer(X[None, None])[0, 0], Y)
        layer.zero_grad()
        loss.backward()
        with torch.no_grad():
            layer.weight -= lr * layer.weight.grad
    return layer.weight.detach()[0, 0]


@wrong("the result still has its graph")
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    layer = nn.Conv2d(1, 1, kernel_size, bias=False).to(X.dtype)
    descent = torch.optim.SGD(layer.parameters(), lr=lr)
    for _ in range(num_steps):
        loss = ((layer(X[None, None])[0, 0] - Y) ** 2).sum()
        descent.zero_grad()
        loss.backward()
        descent.step()
    return layer.weight[0, 0]


@wrong("it solves for it, and does not take steps")
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    """Least squares."""
    windows = F.unfold(X[None, None], kernel_size)[0].T
    return (torch.linalg.pinv(windows, rtol=1e-3) @ Y.flatten()).reshape(kernel_size)


@wrong("not 3 steps, or steps of another size")
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    """The absolute error."""
    K = torch.randn(kernel_size, dtype=X.dtype, requires_grad=True)
    for _ in range(num_steps):
        K.grad = None
        (F.conv2d(X[None, None], K[None, None])[0, 0] - Y).abs().sum().backward()
        with torch.no_grad():
            K -= lr * K.grad
    return K.detach()


@wrong("scalar outputs")
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    """The table of squared errors is not summed."""
    K = torch.randn(kernel_size, dtype=X.dtype, requires_grad=True)
    for _ in range(num_steps):
        K.grad = None
        ((F.conv2d(X[None, None], K[None, None])[0, 0] - Y) ** 2).backward()
        with torch.no_grad():
            K -= lr * K.grad
    return K.detach()


@wrong("no bias, no momentum, no Adam")
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    """The layer has a bias, which learns, too."""
    layer = nn.Conv2d(1, 1, kernel_size).to(X.dtype)
    descent = torch.optim.SGD(layer.parameters(), lr=lr)
    for _ in range(num_steps):
        loss = ((layer(X[None, None])[0, 0] - Y) ** 2).sum()
        descent.zero_grad()
        loss.backward()
        descent.step()
    return layer.weight.detach()[0, 0]


@wrong("(and no momentum)")
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    """Momentum."""
    K = torch.randn(kernel_size, dtype=X.dtype, requires_grad=True)
    descent = torch.optim.SGD([K], lr=lr, momentum=0.9)
    for _ in range(num_steps):
        loss = ((F.conv2d(X[None, None], K[None, None])[0, 0] - Y) ** 2).sum()
        descent.zero_grad()
        loss.backward()
        descent.step()
    return K.detach()


@wrong("no bias, no momentum, no Adam")
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    """Adam."""
    K = torch.randn(kernel_size, dtype=X.dtype, requires_grad=True)
    adam = torch.optim.Adam([K], lr=lr)
    for _ in range(num_steps):
        loss = ((F.conv2d(X[None, None], K[None, None])[0, 0] - Y) ** 2).sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return K.detach()


@odd
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    """A layer and torch's optimizer."""
    layer = nn.Conv2d(1, 1, kernel_size, bias=False).to(X.dtype)
    descent = torch.optim.SGD(layer.parameters(), lr=lr)
    for _ in range(num_steps):
        loss = F.mse_loss(layer(X[None, None])[0, 0], Y, reduction="sum")
        descent.zero_grad()
        loss.backward()
        descent.step()
    return layer.weight.detach()[0, 0]


@odd
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    """The windows as a table, in float64, from a small uniform start."""
    windows = F.unfold(X.double()[None, None], kernel_size)[0]  # (kh * kw, windows)
    k = 0.01 * torch.rand(windows.shape[0], dtype=torch.float64)
    for _ in range(num_steps):
        k = k - 2 * lr * (windows @ (windows.T @ k - Y.double().flatten()))
    return k.reshape(kernel_size).to(X.dtype)


@odd
def learn_kernel(X, Y, kernel_size, lr=3e-2, num_steps=10):
    """Autograd, a start of its own generator, and a loop as in the notes."""
    K = torch.randn(1, 1, *kernel_size, dtype=X.dtype, generator=torch.Generator().manual_seed(7))
    K.requires_grad_(True)
    for _ in range(num_steps):
        l = (F.conv2d(X.reshape(1, 1, *X.shape), K) - Y.reshape(1, 1, *Y.shape)) ** 2
        l.sum().backward()
        with torch.no_grad():
            K -= lr * K.grad
            K.grad.zero_()
    return K.detach().reshape(kernel_size)


# --- conv_output_size -------------------------------------------------------------------------------------

edit("conv_output_size", {"// stride + 1": "// stride"}, says="the + 1 is missing")
edit("conv_output_size", {"// stride + 1": "// stride + 2"}, says="one window too many")
edit("conv_output_size", {"stride=1, padding=0": "padding=0, stride=1"}, says="the stride comes first")
edit(
    "conv_output_size",
    {"// stride + 1": "// (kernel if stride == 1 else stride) + 1"},
    says="the stride is 1",
)
edit("conv_output_size", {"// stride + 1": "/ stride + 1"}, says="should be a Python int")
edit("conv_output_size", {"room // stride + 1": "-(-room // stride) + 1"}, says="round down")
edit(
    "conv_output_size",
    {"room // stride + 1": "round(room / stride) + 1"},
    says="rounds to the nearest number",
)
edit(
    "conv_output_size",
    {"dilation * (kernel - 1) + 1": "kernel + dilation - 1"},
    says="covers 5 pixels, not 4",
)
edit("conv_output_size", {"room // stride + 1": "room + 1"}, says="the stride is ignored")
edit(
    "conv_output_size",
    {"room // stride + 1": "(room + 1) // stride"},
    says="the + 1 comes before the division",
)
edit("conv_output_size", {"2 * padding": "padding"}, says="padding lies on both sides")
edit("conv_output_size", {"dilation * (kernel - 1) + 1": "kernel"}, says="dilation is ignored")
edit("conv_output_size", {"dilation * (kernel - 1) + 1": "dilation * kernel"}, says="covers 5 pixels, not 6")
edit(
    "conv_output_size", {"dilation * (kernel - 1) + 1": "dilation * (kernel - 1)"}, says="one window too many"
)
edit("conv_output_size", {"room < 0": "room <= 0"}, says="does not fit into 4")
edit("conv_output_size", {"room < 0": "kernel > size"}, says="should raise ValueError")
edit("conv_output_size", {"room < 0": "room // stride + 1 < 0"}, says="should raise ValueError")
edit("conv_output_size", {"raise ValueError": "raise RuntimeError"}, says="should raise ValueError")


@wrong("should raise ValueError")
def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    """int() rounds towards zero."""
    out = int((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1
    if out <= 0:
        raise ValueError("no output")
    return out


@odd
def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    """Count the windows."""
    last = size + 2 * padding - dilation * (kernel - 1)
    windows = len(range(0, last, stride)) if last > 0 else 0
    if windows == 0:
        raise ValueError("the kernel is larger than the picture")
    return windows


@odd
def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    """The formula as printed, and a check of its result."""
    out = math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1)
    if out < 1:
        raise ValueError(f"no window of {kernel} fits")
    return out


@odd
def conv_output_size(size, kernel, stride=1, padding=0, dilation=1):
    """Ask torch."""
    X = torch.zeros(1, 1, size + 2 * padding)
    try:
        return F.conv1d(X, torch.zeros(1, 1, kernel), stride=stride, dilation=dilation).shape[-1]
    except RuntimeError as error:
        raise ValueError("the kernel does not fit") from error


# --- corr2d_multi -----------------------------------------------------------------------------------------

edit("corr2d_multi", {"windows, K)": "windows, K.flip(2, 3))"}, says="turned by 180 degrees")
edit("corr2d_multi", {"->ohw": "->ochw"}, says="the channels must be summed")
edit("corr2d_multi", {"->ohw": "->hwo"}, says="the maps should come first")
edit("corr2d_multi", {"->ohw": "->hw"}, says="each kernel has a map of its own")
edit("corr2d_multi", {"windows, K)": "windows, K) / X.shape[0]"}, says="the mean over the channels")
edit("corr2d_multi", {"(padding, padding, padding, padding)": "(0, 0, 0, 0)"}, says="padding is ignored")
edit(
    "corr2d_multi",
    {"(padding, padding, padding, padding)": "(0, padding, 0, padding)"},
    says="only added below and on the right",
)
edit(
    "corr2d_multi",
    {"(padding, padding, padding, padding)": "(padding, 0, padding, 0)"},
    says="zeros below and on the right",
)
edit(
    "corr2d_multi",
    {"(padding, padding, padding, padding)": "(padding, padding)"},
    says="only added left and right",
)
edit(
    "corr2d_multi",
    {"(padding, padding, padding, padding)": "(2 * padding,) * 4"},
    says="twice as many zeros as asked",
)
edit(
    "corr2d_multi",
    {"windows, K)": "windows, K[:, :1].expand_as(K))"},
    says="serves all channels",
)
edit(
    "corr2d_multi",
    {"windows, K)": "windows.sum(0, True), K.sum(1, True))"},
    says="added before the product",
)
edit("corr2d_multi", {"K.shape[3], stride": "K.shape[3], 1"}, says="only acts on the rows")
edit("corr2d_multi", {"K.shape[2], stride": "K.shape[2], 1"}, says="only acts on the columns")
edit(
    "corr2d_multi",
    {"K.shape[2], stride": "K.shape[2], 1", "K.shape[3], stride": "K.shape[3], 1"},
    says="the stride is ignored",
)
edit(
    "corr2d_multi",
    {"K.shape[2]": "K.shape[3]", "unfold(2, K.shape[3]": "unfold(2, K.shape[2]"},
    says="einsum",
)
edit("corr2d_multi", {"stride=1, padding=0": "padding=0, stride=1"}, says="the stride comes first")


@wrong("only the first channel of X is used")
def corr2d_multi(X, K, stride=1, padding=0):
    return F.conv2d(X[None, :1], K[:, :1], stride=stride, padding=padding)[0]


@wrong("only the last channel of X is used")
def corr2d_multi(X, K, stride=1, padding=0):
    """The sum is overwritten."""
    for c in range(X.shape[0]):
        Y = F.conv2d(X[None, c : c + 1], K[:, c : c + 1], stride=stride, padding=padding)[0]
    return Y


@wrong("the border mirrors the picture")
def corr2d_multi(X, K, stride=1, padding=0):
    padded = F.pad(X[None], (padding,) * 4, mode="reflect") if padding else X[None]
    return F.conv2d(padded, K, stride=stride)[0]


@wrong("leave the bias out")
def corr2d_multi(X, K, stride=1, padding=0):
    c_out, c_in, *size = K.shape
    layer = nn.Conv2d(c_in, c_out, size, stride, padding, dtype=X.dtype)
    layer.weight.data = K
    return layer(X[None])[0].detach()


@wrong("is there a + 1?")
def corr2d_multi(X, K, stride=1, padding=0):
    """A loop that ends one window too early along both axes."""
    X, (kh, kw) = F.pad(X, (padding,) * 4), K.shape[2:]
    Y = X.new_zeros(len(K), (X.shape[1] - kh) // stride, (X.shape[2] - kw) // stride)
    for i in range(Y.shape[1]):
        for j in range(Y.shape[2]):
            window = X[:, i * stride : i * stride + kh, j * stride : j * stride + kw]
            Y[:, i, j] = (window * K).sum((1, 2, 3))
    return Y


@wrong("the border repeats the pixels")
def corr2d_multi(X, K, stride=1, padding=0):
    padded = F.pad(X[None], (padding,) * 4, mode="replicate") if padding else X[None]
    return F.conv2d(padded, K, stride=stride)[0]


@wrong("the zeros were added around the result")
def corr2d_multi(X, K, stride=1, padding=0):
    return F.pad(F.conv2d(X[None], K, stride=stride)[0], (padding,) * 4)


@wrong("only the shape follows the stride")
def corr2d_multi(X, K, stride=1, padding=0):
    X = F.pad(X, (padding,) * 4)
    kh, kw = K.shape[2:]
    h, w = (X.shape[1] - kh) // stride + 1, (X.shape[2] - kw) // stride + 1
    Y = X.new_zeros(K.shape[0], h, w)
    for i in range(h):
        for j in range(w):
            Y[:, i, j] = (X[:, i : i + kh, j : j + kw] * K).sum((1, 2, 3))
    return Y


@wrong("`squeeze` also drops axes")
def corr2d_multi(X, K, stride=1, padding=0):
    return F.conv2d(X[None], K, stride=stride, padding=padding).squeeze()


@wrong("or their windows, are missing")
def corr2d_multi(X, K, stride=1, padding=0):
    """The zeros are there, but counted once."""
    padded, (kh, kw) = F.pad(X, (padding,) * 4), K.shape[2:]
    h, w = (X.shape[1] + padding - kh) // stride + 1, (X.shape[2] + padding - kw) // stride + 1
    return F.conv2d(padded[None], K, stride=stride)[0, :, :h, :w]


@wrong("only the first kernel is used")
def corr2d_multi(X, K, stride=1, padding=0):
    return F.conv2d(X[None], K[:1], stride=stride, padding=padding)[0]


@wrong("expected shape (3, 4, 4), found (1, 3, 4, 4)")
def corr2d_multi(X, K, stride=1, padding=0):
    return F.conv2d(X[None], K, stride=stride, padding=padding)


@odd
def corr2d_multi(X, K, stride=1, padding=0):
    """Torch's own."""
    return F.conv2d(X.unsqueeze(0), K, stride=stride, padding=padding).squeeze(0)


@odd
def corr2d_multi(X, K, stride=1, padding=0):
    """One matrix product over unfolded windows."""
    (c_out, _, kh, kw), (_, h, w) = K.shape, X.shape
    U = F.unfold(X[None], (kh, kw), padding=padding, stride=stride)[0]
    out = ((h + 2 * padding - kh) // stride + 1, (w + 2 * padding - kw) // stride + 1)
    return (K.flatten(1) @ U).reshape(c_out, *out)


@odd
def corr2d_multi(X, K, stride=1, padding=0):
    """Loops in float64, and all windows first, of which every stride-th is kept."""
    c_in, h, w = X.shape
    big = torch.zeros(c_in, h + 2 * padding, w + 2 * padding, dtype=torch.float64)
    big[:, padding : padding + h, padding : padding + w] = X
    kh, kw = K.shape[2:]
    out = []
    for kernel in K.double():
        rows = [
            [(big[:, i : i + kh, j : j + kw] * kernel).sum() for j in range(big.shape[2] - kw + 1)]
            for i in range(big.shape[1] - kh + 1)
        ]
        out.append(torch.tensor(rows)[::stride, ::stride])
    return torch.stack(out).to(X.dtype)


# --- pool2d -----------------------------------------------------------------------------------------------

edit("pool2d", {"stride or pool_size": "stride or (1, 1)"}, says="by default the windows lie side by side")
edit("pool2d", {"stride or pool_size": "pool_size"}, says="the stride is ignored")
edit("pool2d", {"(sh, sw) =": "(sw, sh) ="}, says="the stride is turned")
edit("pool2d", {"(ph, pw), (sh": "(pw, ph), (sh"}, says="the window is turned")
edit("pool2d", {"unfold(1, pw, sw)": "unfold(1, pw, sh)"}, says="the first stride is used for both axes")
edit("pool2d", {"unfold(0, ph, sh)": "unfold(0, ph, sw)"}, says="the second stride is used for both axes")
edit("pool2d", {'mode == "max"': 'mode == "avg"'}, says="this is the mean")
edit("pool2d", {'windows.amax((2, 3)) if mode == "max" else ': ""}, says="this is the mean")
edit("pool2d", {' if mode == "max" else windows.mean((2, 3))': ""}, says="mode is ignored")
edit("pool2d", {"windows.mean(": "windows.sum("}, says="this is the sum")
edit(
    "pool2d",
    {"windows.mean((2, 3))": "windows.sum((2, 3)) / (sh * sw)"},
    says="divide by that of the window",
)
edit("pool2d", {"windows.amax(": "windows.amin("}, says="the smallest entry")
edit("pool2d", {"windows.amax(": "windows.abs().amax("}, says="maximum of magnitudes")
edit("pool2d", {'("max", "avg")': '("max", "avg", "mean", "MAX")'}, says="should raise ValueError")
edit("pool2d", {"raise ValueError(": "return print("}, says="should raise ValueError")


@wrong("start from the window itself, not from 0")
def pool2d(X, pool_size, mode="max", stride=None):
    """The largest so far starts from 0."""
    if mode not in ("max", "avg"):
        raise ValueError(mode)
    (ph, pw), (sh, sw) = pool_size, stride or pool_size
    Y = X.new_zeros((X.shape[0] - ph) // sh + 1, (X.shape[1] - pw) // sw + 1)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            for value in X[i * sh : i * sh + ph, j * sw : j * sw + pw].flatten():
                Y[i, j] = max(Y[i, j], value) if mode == "max" else Y[i, j] + value / (ph * pw)
    return Y


@wrong("incomplete windows at the border do not count")
def pool2d(X, pool_size, mode="max", stride=None):
    if mode not in ("max", "avg"):
        raise ValueError(mode)
    pool = F.max_pool2d if mode == "max" else F.avg_pool2d
    return pool(X[None], pool_size, stride, ceil_mode=True)[0]


@wrong("only the shape follows the stride")
def pool2d(X, pool_size, mode="max", stride=None):
    if mode not in ("max", "avg"):
        raise ValueError(mode)
    (ph, pw), (sh, sw) = pool_size, stride or pool_size
    Y = X.new_zeros((X.shape[0] - ph) // sh + 1, (X.shape[1] - pw) // sw + 1)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            at = (i, j) if stride else (i * sh, j * sw)
            window = X[at[0] : at[0] + ph, at[1] : at[1] + pw]
            Y[i, j] = window.max() if mode == "max" else window.mean()
    return Y


@wrong("invalid for input of size")
def pool2d(X, pool_size, mode="max", stride=None):
    """A reshape, which only works if the windows divide the map."""
    if mode not in ("max", "avg"):
        raise ValueError(mode)
    (ph, pw), (h, w) = pool_size, X.shape
    blocks = X.reshape(h // ph, ph, w // pw, pw)
    return blocks.amax((1, 3)) if mode == "max" else blocks.mean((1, 3))


@wrong("`squeeze` also drops axes")
def pool2d(X, pool_size, mode="max", stride=None):
    pools = {"max": F.max_pool2d, "avg": F.avg_pool2d}
    if mode not in pools:
        raise ValueError(f"unknown mode {mode}")
    return pools[mode](X[None, None], pool_size, stride).squeeze()


@odd
def pool2d(X, pool_size, mode="max", stride=None):
    """Torch's own."""
    pools = {"max": F.max_pool2d, "avg": F.avg_pool2d}
    if mode not in pools:
        raise ValueError(f"unknown mode {mode}")
    return pools[mode](X[None, None], tuple(pool_size), stride)[0, 0]


@odd
def pool2d(X, pool_size, mode="max", stride=None):
    """A loop over windows."""
    functions = {"max": torch.max, "avg": torch.mean}
    if mode not in functions:
        raise ValueError(f"unknown mode {mode}")
    stride = pool_size if stride is None else stride
    rows = range(0, X.shape[0] - pool_size[0] + 1, stride[0])
    columns = range(0, X.shape[1] - pool_size[1] + 1, stride[1])
    windows = [[X[i : i + pool_size[0], j : j + pool_size[1]] for j in columns] for i in rows]
    return torch.stack([torch.stack([functions[mode](window) for window in row]) for row in windows])


# --- receptive_field --------------------------------------------------------------------------------------

edit("receptive_field", {"pixels, jump = 1, 1": "pixels, jump = 0, 1"}, says="start from 1 pixel, not from 0")
edit("receptive_field", {"(kernel - 1) * jump": "kernel * jump"}, says="(kernel - 1) jumps, not kernel")
edit("receptive_field", {"(kernel - 1) * jump": "kernel - 1"}, says="the strides are ignored")
edit(
    "receptive_field",
    {"(kernel - 1) * jump": "(kernel - 1) * stride"},
    says="its own stride stands for the jump",
)
edit("receptive_field", {"for kernel, stride": "for stride, kernel"}, says="kernel and stride are exchanged")
edit("receptive_field", {"jump *= stride": "jump *= min(kernel, stride)"}, says="the pixels in the gaps")
edit("receptive_field", {"jump *= stride": "jump = stride"}, says="not the last of them")
edit("receptive_field", {"jump *= stride": "jump += stride"}, says="here they are added")
edit("receptive_field", {"in layers:": "in reversed(layers):"}, says="from the last to the first")
edit("receptive_field", {"    return pixels": "        return pixels"}, says="is the return inside the loop?")


@wrong("must not contain the layer's own stride")
def receptive_field(layers):
    pixels, jump = 1, 1
    for kernel, stride in layers:
        jump *= stride
        pixels += (kernel - 1) * jump
    return pixels


@wrong("this is an area")
def receptive_field(layers):
    pixels, jump = 1, 1
    for kernel, stride in layers:
        pixels += (kernel - 1) * jump
        jump *= stride
    return pixels**2


@wrong("the kernel sizes are added")
def receptive_field(layers):
    return sum(kernel for kernel, _ in layers)


@wrong("the kernel sizes are multiplied")
def receptive_field(layers):
    return math.prod(kernel for kernel, _ in layers)


@wrong("should be a Python int")
def receptive_field(layers):
    pixels, jump = 1.0, 1
    for kernel, stride in layers:
        pixels += (kernel - 1) * jump
        jump *= stride
    return pixels


@odd
def receptive_field(layers):
    """Backwards: how many inputs does a run of outputs need?"""
    pixels = 1
    for kernel, stride in reversed(layers):
        pixels = (pixels - 1) * stride + kernel
    return pixels


@odd
def receptive_field(layers):
    """By recursion, without a loop."""
    if not layers:
        return 1
    (kernel, stride), *rest = layers
    return kernel + (receptive_field(rest) - 1) * stride


@odd
def receptive_field(layers):
    """Product and sum in one."""
    return 1 + sum((k - 1) * math.prod(s for _, s in layers[:i]) for i, (k, _) in enumerate(layers))


# --- make_lenet -------------------------------------------------------------------------------------------

edit("make_lenet", {", padding=2": ""}, says="needs padding=2")
edit("make_lenet", {"padding=2": "padding=1"}, says="it needs padding=2")
edit("make_lenet", {"nn.Linear(84, 10),": "nn.Linear(84, 10), nn.Sigmoid(),"}, says="no sigmoid after it")
edit("make_lenet", {"nn.Linear(84, 10),": "nn.Linear(84, 10), nn.ReLU(),"}, says="no ReLU after it")
edit(
    "make_lenet",
    {"nn.Linear(84, 10),": "nn.Linear(84, 10), nn.Softmax(dim=1),"},
    says="no softmax after it",
)
edit(
    "make_lenet",
    {"nn.Linear(84, 10),": "nn.Linear(84, 10), nn.LogSoftmax(dim=1),"},
    says="no log-softmax after it",
)
edit("make_lenet", {"AvgPool2d(2)": "MaxPool2d(2)"}, says="the first pooling takes the maximum")
edit(
    "make_lenet",
    {
        "AvgPool2d(2)": "MaxPool2d(2)",
        "AvgPool2d(2),\n        nn.Flatten": "MaxPool2d(2),\n        nn.Flatten",
    },
    says="the pooling takes the maximum",
)
edit(
    "make_lenet",
    {"padding=2),\n        nn.Sigmoid(),": "padding=2),"},
    says="the activation after the first convolution is missing",
)
edit(
    "make_lenet",
    {"(6, 16, kernel_size=5),\n        nn.Sigmoid(),": "(6, 16, kernel_size=5),"},
    says="the activation after the second convolution is missing",
)
edit(
    "make_lenet",
    {"120),\n        nn.Sigmoid(),": "120),"},
    says="the activation after the first dense layer is missing",
)
edit(
    "make_lenet",
    {"84),\n        nn.Sigmoid(),": "84),"},
    says="the activation after the second dense layer is missing",
)
edit("make_lenet", {"        nn.Flatten(),\n": ""}, says="flatten the maps first")
edit(
    "make_lenet",
    {"nn.Linear(120, 84),\n        nn.Sigmoid(),\n        nn.Linear(84": "nn.Linear(120"},
    says="84 units is missing",
)
edit(
    "make_lenet",
    {"(6, 16, kernel_size=5)": "(6, 16, kernel_size=3)"},
    says="gives (16, 12, 12): this is not in the table",
)


edit(
    "make_lenet",
    {"(6, 16, kernel_size=5)": "(6, 16, kernel_size=5, padding=2)"},
    says="gives (16, 14, 14): this is not in the table",
)
edit(
    "make_lenet",
    {"AvgPool2d(2)": "AvgPool2d(2, stride=1)"},
    says="gives (6, 27, 27): this is not in the table",
)


@wrong("the activations are relu")
def make_lenet():
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


@wrong("ReLU and max pooling")
def make_lenet():
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


@wrong("not into a Sequential inside another")
def make_lenet():
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2)),
        nn.Sequential(nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2)),
        *(
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.Sigmoid(),
            nn.Linear(120, 84),
            nn.Sigmoid(),
            nn.Linear(84, 10),
        ),
    )


@wrong("an nn.Sequential is asked for")
def make_lenet():
    return [nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2)]


@wrong("the convolutions have no biases")
def make_lenet():
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2, bias=False), nn.Sigmoid(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5, bias=False), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10)),
    )


_NET = nn.Sequential(
    *(nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2)),
    *(nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten()),
    *(nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10)),
)


@wrong("each call should make a new network")
def make_lenet():
    return _NET


@wrong("new layers, with their own weights")
def make_lenet():
    return nn.Sequential(*_NET)


edit("make_lenet", {"nn.Linear(84, 10),": "nn.Dropout(0.5), nn.Linear(84, 10),"}, says="no dropout")
edit("make_lenet", {"nn.Sigmoid()": "nn.Sigmoid(), nn.Dropout2d(0.5)"}, says="no dropout")
BIASED = ("120)", "84)", "10)")
edit(
    "make_lenet",
    {f", {end},": f", {end[:-1]}, bias=False)," for end in BIASED},
    says="the dense layers have no biases",
)


@wrong("pooling comes before the sigmoid")
def make_lenet():
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.AvgPool2d(2), nn.Sigmoid()),
        *(nn.Conv2d(6, 16, 5), nn.AvgPool2d(2), nn.Sigmoid(), nn.Flatten()),
        *(nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10)),
    )


@odd
def make_lenet():
    """A list of layers, pairs for sizes, and a pooling with a stride of its own."""
    layers = []
    for c_in, c_out, padding in ((1, 6, (2, 2)), (6, 16, 0)):
        layers += [
            nn.Conv2d(c_in, c_out, (5, 5), padding=padding),
            nn.Sigmoid(),
            nn.AvgPool2d((2, 2), stride=2),
        ]
    layers.append(nn.Flatten(start_dim=1))
    for d_in, d_out in ((400, 120), (120, 84)):
        layers += [nn.Linear(d_in, d_out), nn.Sigmoid()]
    return nn.Sequential(*layers, nn.Linear(84, 10))


@odd
def make_lenet():
    """Lazy layers, which learn their input sizes at the first picture, and padding='same'."""
    return nn.Sequential(
        *(nn.LazyConv2d(6, 5, padding="same"), nn.Sigmoid(), nn.AvgPool2d(2)),
        *(nn.LazyConv2d(16, 5), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.LazyLinear(120), nn.Sigmoid(), nn.LazyLinear(84), nn.Sigmoid(), nn.LazyLinear(10)),
    )


# --- mean_loss --------------------------------------------------------------------------------------------

edit("mean_loss", {"float(loss) * size": "1 * size"}, says="a digit 1 in place of a letter l")
edit("mean_loss", {"float(loss) * size": "float(loss)"}, says="summed without the sizes")
edit("mean_loss", {"total / sum(batch_sizes)": "total"}, says="divide it by their number")
edit("mean_loss", {"total / sum(batch_sizes)": "total / len(batch_sizes)"}, says="not of batches")
edit(
    "mean_loss", {"float(loss) * size": "float(loss) * batch_sizes[0]"}, says="by the size of the first batch"
)
edit("mean_loss", {"total / sum(": "total // sum("}, says="rounds down to a whole number")
edit("mean_loss", {"float(loss) * size": "loss * size"}, says="should be a Python float")


@wrong("a mean of the batch means")
def mean_loss(batch_losses, batch_sizes):
    return float(sum(batch_losses) / len(batch_losses))


@wrong("this is the loss of the last batch")
def mean_loss(batch_losses, batch_sizes):
    return float(batch_losses[-1])


@wrong("is the return inside the loop?")
def mean_loss(batch_losses, batch_sizes):
    for loss, size in zip(batch_losses, batch_sizes, strict=True):
        return float(loss) * size / size


@wrong("this is the sum of the batch losses")
def mean_loss(batch_losses, batch_sizes):
    return float(sum(batch_losses))


@wrong("the function changed its input batch_losses")
def mean_loss(batch_losses, batch_sizes):
    """The sum begins with the first loss itself, which `*=` changes if it is a tensor."""
    total = batch_losses[0]
    total *= batch_sizes[0]
    for loss, size in zip(batch_losses[1:], batch_sizes[1:], strict=True):
        total += loss * size
    return float(total / sum(batch_sizes))


@wrong("all batches but the last are taken to be as large as the first")
def mean_loss(batch_losses, batch_sizes):
    full, last, size = sum(map(float, batch_losses[:-1])), batch_sizes[-1], batch_sizes[0]
    count = len(batch_sizes) - 1
    return (full * size + float(batch_losses[-1]) * last) / (count * size + last)


edit("mean_loss", {"float(loss)": "int(loss)"}, says="the losses are cut to whole numbers")


@wrong("the last batch is left out")
def mean_loss(batch_losses, batch_sizes):
    """The loop ends too early."""
    total, count = 0.0, 0
    for i in range(len(batch_losses) - 1):
        total += float(batch_losses[i]) * batch_sizes[i]
        count += batch_sizes[i]
    return total / max(count, 1)


@wrong("the result is rounded")
def mean_loss(batch_losses, batch_sizes):
    total = sum(float(loss) * size for loss, size in zip(batch_losses, batch_sizes, strict=True))
    return round(total / sum(batch_sizes), 3)


@wrong("as large as the first")
def mean_loss(batch_losses, batch_sizes):
    total = sum(float(l) * n for l, n in zip(batch_losses, batch_sizes, strict=True))
    return total / (batch_sizes[0] * len(batch_sizes))


@odd
def mean_loss(batch_losses, batch_sizes):
    """NumPy's weighted average."""
    return float(np.average([float(l) for l in batch_losses], weights=batch_sizes))


@odd
def mean_loss(batch_losses, batch_sizes):
    """Tensors."""
    losses = torch.tensor([float(l) for l in batch_losses], dtype=torch.float64)
    sizes = torch.tensor(batch_sizes, dtype=torch.float64)
    return (losses @ sizes / sizes.sum()).item()


@odd
def mean_loss(batch_losses, batch_sizes):
    """A running mean."""
    mean, count = 0.0, 0
    for l, n in zip(batch_losses, batch_sizes, strict=True):
        count += n
        mean += (float(l) - mean) * n / count
    return mean


# --- claims_convolutions ----------------------------------------------------------------------------------

RIGHT = {"moves along": "c", "same class": "false", "each error": "a", "size": "b", "cost": "b"}
wrong_value("claims_convolutions", "answers", RIGHT | {"moves along": "true"}, "not right yet")
wrong_value("claims_convolutions", "answers", RIGHT | {"same class": "a"}, "not right yet")
wrong_value("claims_convolutions", "answers", RIGHT | {"each error": "false"}, "not right yet")
wrong_value("claims_convolutions", "answers", RIGHT | {"size": "true"}, "not right yet")
wrong_value("claims_convolutions", "answers", RIGHT | {"cost": "a"}, "not right yet")
wrong_value("claims_convolutions", "answers", RIGHT | {"cost": "?"}, "not answered yet")
odd_value("claims_convolutions", "answers", RIGHT | {"same class": False, "cost": "(B)"})
odd_edit("claims_convolutions", {'"size": "b"': '"size": " B "'})
