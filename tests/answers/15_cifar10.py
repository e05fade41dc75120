"""Known answers to the exercises of chapter 15."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.transforms import v2

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- split_indices ----------------------------------------------------------------------------------------

edit(
    "split_indices",
    {"order[num_valid:], order[:num_valid]": "order[:num_valid], order[num_valid:]"},
    says="exchanged",
)
edit(
    "split_indices",
    {"num_valid = round(n * valid_fraction)": "num_valid = int(n * valid_fraction)"},
    says="rounded down",
)
edit(
    "split_indices",
    {"num_valid = round(n * valid_fraction)": "num_valid = math.ceil(n * valid_fraction)"},
    says="rounded up",
)
edit(
    "split_indices",
    {"num_valid = round(n * valid_fraction)": "num_valid = int(n * valid_fraction + 0.5)"},
    says="the even number",
)
edit(
    "split_indices",
    {"order[num_valid:], order[:num_valid]": "order[:-num_valid], order[-num_valid:]"},
    says="[-0:] is the whole order",
)
edit(
    "split_indices",
    {"num_valid = round(n * valid_fraction)": "num_valid = n - round(n * (1 - valid_fraction))"},
    says="not the one for training",
)
edit("split_indices", {"order[num_valid:], order": "order, order"}, says="all indices are used for training")
edit(
    "split_indices",
    {"torch.randperm(n, generator=generator)": "torch.arange(n)"},
    says="always chosen for validation",
)
edit(
    "split_indices",
    {"generator=generator": "generator=torch.Generator().manual_seed(0)"},
    says="always chosen",
)
edit("split_indices", {", generator=generator": ""}, says="does not come from `generator`")
edit(
    "split_indices",
    {"torch.randperm(n, generator=generator)": "1 + torch.randperm(n, generator=generator)"},
    says="start from 0",
)
edit(
    "split_indices", {"return order": "order = order.float()\n    return order"}, says="dtype should be int64"
)
edit("split_indices", {"return order": "order"}, says="two tensors are asked for")


@wrong("indices that are in both parts")
def split_indices(n, valid_fraction, generator=None):
    """Two permutations."""
    few = round(n * valid_fraction)
    train = torch.randperm(n, generator=generator)[few:]
    return train, torch.randperm(n, generator=generator)[:few]


@wrong("the validation indices are neighbours")
def split_indices(n, valid_fraction, generator=None):
    """A block at a random place."""
    few = round(n * valid_fraction)
    order = torch.arange(n).roll(int(torch.randint(0, max(n, 1), (), generator=generator)))
    return order[few:], order[:few]


@wrong("do not toss a coin for each index")
def split_indices(n, valid_fraction, generator=None):
    """A coin for each index."""
    coins = torch.rand(n, generator=generator) < valid_fraction
    return (~coins).nonzero().flatten(), coins.nonzero().flatten()


@wrong("never chosen together")
def split_indices(n, valid_fraction, generator=None):
    """Every third or so, from a random place on."""
    few = round(n * valid_fraction)
    step = n // max(few, 1)
    valid = torch.arange(n).roll(int(torch.randint(n, (), generator=generator)))[: few * step : max(step, 1)]
    rest = sorted(set(range(n)) - set(valid.tolist()))
    return torch.tensor(rest, dtype=torch.int64), valid


@wrong("draw without replacement")
def split_indices(n, valid_fraction, generator=None):
    valid = torch.randint(0, n, (round(n * valid_fraction),), generator=generator)
    return torch.tensor([i for i in range(n) if i not in valid.tolist()], dtype=torch.int64), valid


@wrong("should be a tensor")
def split_indices(n, valid_fraction, generator=None):
    order = torch.randperm(n, generator=generator).tolist()
    few = round(n * valid_fraction)
    return order[few:], order[:few]


@odd
def split_indices(n, valid_fraction, generator=None):
    """Sort random numbers; the indices in rising order."""
    few = round(n * valid_fraction)
    order = torch.rand(n, generator=generator, dtype=torch.float64).argsort()
    return order[few:].sort().values, order[:few].sort().values


@odd
def split_indices(n, valid_fraction, generator=None):
    """Torch's random_split."""
    few = round(n * valid_fraction)
    train, valid = torch.utils.data.random_split(range(n), [n - few, few], generator=generator)
    return torch.tensor(train.indices, dtype=torch.long), torch.tensor(valid.indices, dtype=torch.long)


@odd
def split_indices(n, valid_fraction, generator=None):
    """A mask, and validation at the end of the order."""
    chosen = torch.zeros(n, dtype=torch.bool)
    chosen[torch.randperm(n, generator=generator)[n - round(n * valid_fraction) :]] = True
    return torch.arange(n)[~chosen], torch.where(chosen)[0]


@odd
def split_indices(n, valid_fraction, generator=None):
    """torch.split gives a tuple; the answer is a list."""
    few = round(n * valid_fraction)
    return list(torch.split(torch.randperm(n, generator=generator), [n - few, few]))


# --- normalize_images -------------------------------------------------------------------------------------

edit("normalize_images", {".reshape(-1, 1, 1)": ""}, says="along the width")
edit(
    "normalize_images",
    {"x.float() / 255 if x.dtype == torch.uint8 else x.float()": "x.float() / 255"},
    says="divide only uint8 by 255",
)
edit(
    "normalize_images",
    {"x.float() / 255 if x.dtype == torch.uint8 else x.float()": "x.float()"},
    says="uint8 is not scaled",
)
edit("normalize_images", {"/ 255": "/ 256"}, says="its largest is 255")
edit("normalize_images", {"x.float() / 255 if": "(x // 255).float() if"}, says="at [0, 0, 0, 0]")
edit("normalize_images", {"(scaled - mean) / std": "(scaled - mean) * std"}, says="it multiplies by std")
edit("normalize_images", {"(scaled - mean) / std": "scaled - mean / std"}, says="expected")
edit("normalize_images", {"(scaled - mean) / std": "scaled / std - mean"}, says="before it subtracts")
edit("normalize_images", {"(scaled - mean) / std": "scaled / std"}, says="the mean is not subtracted")
edit("normalize_images", {"(scaled - mean) / std": "(scaled + mean) / std"}, says="the mean is added")
edit("normalize_images", {"(scaled - mean) / std": "scaled - mean"}, says="does not divide by std")
edit("normalize_images", {"(scaled - mean) / std": "(scaled - mean) / std**2"}, says="variance")
edit("normalize_images", {"(scaled - mean) / std": "(scaled - std) / mean"}, says="exchanged")
edit("normalize_images", {"(scaled - mean) / std": "((scaled - mean) / std).clamp(-1, 1)"}, says="clipped")
edit(
    "normalize_images",
    {"(scaled - mean) / std": "((scaled - mean) / std).double()"},
    says="dtype should be float32",
)
edit("normalize_images", {"(scaled - mean) / std": "scaled.sub_(mean).div_(std)"}, says="changed its input")
edit("normalize_images", {"return (scaled": "(scaled"}, says="is there a return?")
edit("normalize_images", {"x.dtype == torch.uint8": "x.max() > 1"}, says="also if its largest value is 1")
edit(
    "normalize_images",
    {"scaled - mean) / std": "scaled - scaled.mean((0, 2, 3), True)) / scaled.std((0, 2, 3), keepdim=True)"},
    says="statistics of the batch",
)
edit(
    "normalize_images",
    {"(scaled - mean) / std": "(scaled - mean[0]) / std[0]"},
    says="the first mean and std",
)


edit("normalize_images", {"if x.dtype == torch.uint8": "if x.max() > 1"}, says="also above 1")
edit("normalize_images", {"(scaled - mean) / std": "(scaled - 0.5) / 0.5"}, says="takes 0.5 for mean and std")
edit(
    "normalize_images", {"v, dtype=torch.float32": "v, dtype=x.dtype"}, says="mean and std have become uint8"
)


@wrong("uint8 is not scaled")
def normalize_images(x, mean, std):
    """Torchvision's Normalize on floats that were not scaled."""
    return v2.functional.normalize(x.float(), list(map(float, mean)), list(map(float, std)))


@wrong("three")
def normalize_images(x, mean, std):
    """Three channels only."""
    if x.shape[1] != 3:
        raise IndexError("three channels")
    x = x / 255 if x.dtype == torch.uint8 else x.float()
    return torch.stack([(x[:, c] - mean[c]) / std[c] for c in range(3)], 1)


@odd
def normalize_images(x, mean, std):
    """Torchvision's own functions."""
    x = v2.functional.to_dtype(x, torch.float32, scale=x.dtype == torch.uint8)
    return v2.functional.normalize(x, [float(m) for m in mean], [float(s) for s in std])


@odd
def normalize_images(x, mean, std):
    """Channel by channel, in float64."""
    y = x.double() / (255 if x.dtype == torch.uint8 else 1)
    for c, (m, s) in enumerate(zip(mean, std, strict=False)):
        y[:, c] = (y[:, c] - float(m)) / float(s)
    return y.float() if x.dtype != torch.float64 else y.to(torch.float32)


@odd
def normalize_images(x, mean, std):
    """One multiplication and one addition; channels last."""
    m, s = (torch.tensor([float(v) for v in values]) for values in (mean, std))
    factor = 1 / 255 if x.dtype == torch.uint8 else 1.0
    return (x.permute(0, 2, 3, 1).float() * (factor / s) - m / s).permute(0, 3, 1, 2)


@odd
def normalize_images(x, mean, std):
    """By way of NumPy."""
    a = x.numpy() / np.float32(255) if x.dtype == torch.uint8 else x.numpy()
    m, s = (np.asarray(values, dtype=np.float32)[None, :, None, None] for values in (mean, std))
    return torch.from_numpy(((a - m) / s).astype(np.float32))


edit("normalize_images", {"v, dtype=torch.float32, device": "v, device"}, says="float64 mean and std")


# --- CNNNet -----------------------------------------------------------------------------------------------

OUT = "self.fc2(F.relu(self.fc1(x.flatten(1))))"

edit(
    "CNNNet",
    {"return self.fc2(": "return F.relu(self.fc2(", "x.flatten(1))))": "x.flatten(1)))))"},
    says="ReLU after the last layer",
)
edit(
    "CNNNet",
    {f"return {OUT}": f"return F.softmax({OUT}, 1)"},
    says="softmax after the last layer",
)
edit(
    "CNNNet",
    {f"return {OUT}": f"return F.log_softmax({OUT}, 1)"},
    says="log-softmax",
)
edit(
    "CNNNet",
    {f"return {OUT}": f"return torch.sigmoid({OUT})"},
    says="sigmoid after the last layer",
)
edit(
    "CNNNet",
    {
        "F.max_pool2d(F.relu(self.conv1(x)), 2)": "F.avg_pool2d(F.relu(self.conv1(x)), 2)",
        "F.max_pool2d(F.relu(self.conv2(x)), 2)": "F.avg_pool2d(F.relu(self.conv2(x)), 2)",
    },
    says="takes the mean",
)
edit(
    "CNNNet",
    {"F.max_pool2d(F.relu(self.conv1(x)), 2)": "F.avg_pool2d(F.relu(self.conv1(x)), 2)"},
    says="expected",
)
edit("CNNNet", {"F.relu(self.conv1(x))": "self.conv1(x)"}, says="no ReLU after the first convolution")
edit("CNNNet", {"F.relu(self.conv2(x))": "self.conv2(x)"}, says="no ReLU after the second convolution")
edit(
    "CNNNet",
    {OUT: "self.fc2(self.fc1(x.flatten(1)))"},
    says="no ReLU after the dense layer",
)
edit(
    "CNNNet",
    {
        "F.relu(self.conv1(x))": "torch.sigmoid(self.conv1(x))",
        "F.relu(self.conv2(x))": "torch.sigmoid(self.conv2(x))",
        "F.relu(self.fc1": "torch.sigmoid(self.fc1",
    },
    says="activations are sigmoid",
)
edit(
    "CNNNet",
    {f"F.relu({part}": f"F.gelu({part}" for part in ("self.conv1", "self.conv2", "self.fc1")},
    says="the activations are gelu",
)
edit("CNNNet", {f"return {OUT}": f"return F.softmax({OUT}, 0)"}, says="softmax over the pictures")
edit("CNNNet", {"self.conv1(x)": "self.conv1((x - 0.5) / 0.5)"}, says="forward normalises the pictures")
edit("CNNNet", {"x.ndim != 4 or x.shape[1:] != (3, 32, 32)": "False"}, says="should raise ValueError")
edit("CNNNet", {"x.shape[1:] != (3, 32, 32)": "x.shape[1] != 3"}, says="should raise ValueError")
edit("CNNNet", {"x.shape[1:] != (3, 32, 32)": "x.shape[2] != 32"}, says="should raise ValueError")
edit("CNNNet", {"ValueError(f": "TypeError(f"}, says="should raise ValueError, it raised TypeError")
edit(
    "CNNNet",
    {
        "x.flatten(1)": "x.view(-1, 1296)",
        "if x.ndim != 4 or x.shape[1:] != (3, 32, 32)": "if x.ndim != 4 or x.shape[1] != 3",
    },
    says="should raise ValueError",
)
edit("CNNNet", {"super().__init__()": "pass"}, says="Module.__init__()")
edit(
    "CNNNet",
    {
        "nn.Conv2d(3, 16, kernel_size=5)": "nn.Conv2d(3, 16, kernel_size=5, bias=False)",
        "nn.Conv2d(16, 36, kernel_size=3)": "nn.Conv2d(16, 36, kernel_size=3, bias=False)",
    },
    says="biases of the convolutions",
)
edit(
    "CNNNet",
    {
        "nn.Conv2d(3, 16, kernel_size=5)": "nn.Conv2d(3, 16, kernel_size=5, padding=2)",
        "nn.Conv2d(16, 36, kernel_size=3)": "nn.Conv2d(16, 36, kernel_size=3, padding=1)",
        "36 * 6 * 6": "36 * 8 * 8",
    },
    says="the convolutions have padding",
)
edit(
    "CNNNet",
    {OUT: "self.fc2(F.dropout(F.relu(self.fc1(x.flatten(1))), 0.5, self.training))"},
    says="is there a dropout",
)
edit(
    "CNNNet",
    {f"return {OUT}": f"return {OUT}.detach()"},
    says="lost their graph",
)
edit("CNNNet", {"x.flatten(1)": "x.flatten(1).detach()"}, says="some layers get no gradient")
edit("CNNNet", {"self.fc2(F": "nn.Linear(128, 10)(F"}, says="a layer that forward makes anew")
edit("CNNNet", {"kernel_size=5": "kernel_size=5, stride=1, dilation=1, bias=False"}, says="other sizes")
edit("CNNNet", {"return self.fc2(": "self.fc2("}, says="found None: is there a return?")
edit("CNNNet", {"36 * 6 * 6": "36 * 7 * 7"}, says="the number of parameters")


@wrong("two nets have the same weights")
class CNNNet(nn.Module):
    """The layers belong to the class."""

    layers = nn.Sequential(
        nn.Conv2d(3, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 36, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1296, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip

    def __init__(self):
        super().__init__()
        self.net = self.layers

    def forward(self, x):
        if x.ndim != 4 or x.shape[1:] != (3, 32, 32):
            raise ValueError(f"pictures (n, 3, 32, 32), please, not {tuple(x.shape)}")
        return self.net(x)


@wrong("the layers must be attributes")
class CNNNet(nn.Module):
    def forward(self, x):
        layers = nn.Sequential(
            nn.Conv2d(3, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 36, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(1296, 128), nn.ReLU(), nn.Linear(128, 10),
        )  # fmt: skip
        return layers(x)


@odd
class CNNNet(nn.Module):
    """One Sequential, pooling before ReLU."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 16, 5), nn.MaxPool2d(2), nn.ReLU(inplace=True),
            nn.Conv2d(16, 36, 3), nn.MaxPool2d(2, 2), nn.ReLU(),
            nn.Flatten(), nn.Linear(1296, 128), nn.ReLU(), nn.Linear(128, 10),
        )  # fmt: skip

    def forward(self, x):
        if tuple(x.shape[1:]) != (3, 32, 32):
            raise ValueError("pictures (n, 3, 32, 32), please")
        return self.layers(x)


@odd
class CNNNet(nn.Module):
    """Dense layers as convolutions, in another order."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(128, 10, 1)
        self.dense = nn.Conv2d(36, 128, 6)
        self.second = nn.Conv2d(16, 36, 3)
        self.first = nn.Conv2d(3, 16, 5)

    def forward(self, x):
        n = len(x)
        if x.dim() != 4 or list(x.shape) != [n, 3, 32, 32]:
            raise ValueError(f"wrong shape: {x.shape}")
        pool = nn.MaxPool2d(2)
        x = pool(torch.relu(self.first(x)))
        x = pool(self.second(x).clamp(min=0))
        return self.head(torch.relu(self.dense(x))).squeeze((2, 3))


@odd
class CNNNet(nn.Sequential):
    """A subclass of Sequential."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 36, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(1296, 128), nn.ReLU(), nn.Linear(128, 10),
        )  # fmt: skip

    def forward(self, x):
        if x.shape != (len(x), 3, 32, 32):
            raise ValueError("the shape should be (n, 3, 32, 32)")
        return super().forward(x)


odd_edit("CNNNet", {"x.flatten(1)": "x.reshape(len(x), -1)"})
odd_edit("CNNNet", {"x.flatten(1)": "x.view(x.size(0), 1296)"})

# --- running_means ----------------------------------------------------------------------------------------

edit("running_means", {"(start + len(block)": "(start"}, says="steps where the blocks start")
edit("running_means", {"(start + len(block)": "(start + len(block) - 1"}, says="steps are counted from 1")
edit("running_means", {"(start + len(block)": "(start // every + 1"}, says="numbers of the blocks")
edit("running_means", {"(start + len(block)": "(start + every"}, says="the last step is len(losses)")
edit("running_means", {"sum(block) / len(block)": "sum(block) / every"}, says="not by every")
edit("running_means", {"sum(block) / len(block)": "sum(block)"}, says="sums of the blocks")
edit("running_means", {"sum(block) / len(block)": "block[-1]"}, says="last loss of each block")
edit("running_means", {"sum(block) / len(block)": "block[0]"}, says="first loss of each block")
edit(
    "running_means",
    {
        "block = losses[start : start + every]": "block = losses[: start + every]",
        "start + len(block)": "len(block)",
    },
    says="mean of all losses so far",
)
edit("running_means", {"    return report": "        return report"}, says="only the first block")
edit(
    "running_means",
    {"len(losses), every": "len(losses) - every + 1, every"},
    says="the two losses at the end are missing",
)
edit("running_means", {"return report": "report"}, says="return it, do not print it")
edit(
    "running_means",
    {"return report": "return [pair[::-1] for pair in report]"},
    says="exchanged: (step, mean)",
)
edit("running_means", {"return report": "return report[-1:]"}, says="only the last block is reported")
edit(
    "running_means",
    {"(start + len(block), sum(block) / len(block))": "sum(block) / len(block)"},
    says="each entry is a pair",
)


@wrong("not set back to 0")
def running_means(losses, every):
    report, total = [], 0.0
    for i, loss in enumerate(losses, 1):
        total += loss
        if i % every == 0:
            report.append((i, total / every))
    return report


@wrong("the two losses at the end are missing")
def running_means(losses, every):
    """The loop as it was meant, without a tail."""
    report, total = [], 0.0
    for i, loss in enumerate(losses):
        total += loss
        if i % every == every - 1:
            report.append((i + 1, total / every))
            total = 0.0
    return report


@wrong("ZeroDivisionError")
def running_means(losses, every):
    """A tail also where nothing is left over."""
    report = [(i, sum(losses[i - every : i]) / every) for i in range(every, len(losses) + 1, every)]
    tail = losses[len(losses) // every * every :]
    return [*report, (len(losses), sum(tail) / len(tail))]


@wrong("only two are left over")
def running_means(losses, every):
    """The last entry overlaps the block before."""
    steps = list(range(every, len(losses) + 1, every))
    if len(losses) % every:
        steps.append(len(losses))
    return [(i, sum(losses[max(0, i - every) : i]) / len(losses[max(0, i - every) : i])) for i in steps]


@wrong("one for each block")
def running_means(losses, every):
    """A sliding window."""
    return [(i, sum(losses[max(0, i - every) : i]) / min(i, every)) for i in range(1, len(losses) + 1)]


@wrong("the blocks overlap")
def running_means(losses, every):
    """A sliding window, full ones only."""
    return [(i, sum(losses[i - every : i]) / every) for i in range(every, len(losses) + 1)]


@wrong("numbers, not texts")
def running_means(losses, every):
    blocks = [losses[i : i + every] for i in range(0, len(losses), every)]
    return [(min(k * every, len(losses)), f"{np.mean(b):.3f}") for k, b in enumerate(blocks, 1)]


edit("running_means", {"sum(block) / len(block)": "round(sum(block) / len(block), 2)"}, says="is rounded")


@wrong("found a value of type dict")
def running_means(losses, every):
    return {i + every: sum(losses[i : i + every]) / every for i in range(0, len(losses), every)}


@wrong("changed its input")
def running_means(losses, every):
    report, step = [], 0
    while losses:
        block = [losses.pop(0) for _ in range(min(every, len(losses)))]
        step += len(block)
        report.append((step, sum(block) / len(block)))
    return report


@odd
def running_means(losses, every):
    """With tensors."""
    parts = torch.tensor(losses, dtype=torch.float64).split(every) if losses else []
    steps = np.cumsum([len(part) for part in parts]).tolist()
    return [(step, part.mean().item()) for step, part in zip(steps, parts, strict=False)]


@odd
def running_means(losses, every):
    """A running sum, with lists as pairs and numpy floats as means."""
    report, block = [], []
    for step, loss in enumerate(losses, 1):
        block.append(loss)
        if step % every == 0 or step == len(losses):
            report.append([step, np.mean(block)])
            block = []
    return report


@odd
def running_means(losses, every):
    """Differences of cumulative sums."""
    sums = [0.0]
    for loss in losses:
        sums.append(sums[-1] + loss)
    ends = sorted({*range(every, len(losses) + 1, every), *([len(losses)] if losses else [])})
    return [(b, (sums[b] - sums[a]) / (b - a)) for a, b in zip([0, *ends], ends, strict=False)]


# --- random_crop_flip -------------------------------------------------------------------------------------

TOP = "top = torch.randint(0, 2 * padding + 1, (n,), generator=generator)"
LEFT = "left = torch.randint(0, 2 * padding + 1, (n,), generator=generator)"
COIN = "flip = torch.rand(n, generator=generator) < 0.5"
COLUMNS = "columns = torch.where(flip[:, None], columns.flip(1), columns)"

edit(
    "random_crop_flip",
    {"torch.where(flip[:, None], columns.flip(1), columns)": "columns"},
    says="no picture is mirrored",
)
edit(
    "random_crop_flip",
    {"torch.where(flip[:, None], columns.flip(1), columns)": "columns.flip(1)"},
    says="all pictures are mirrored",
)
edit(
    "random_crop_flip",
    {COLUMNS: "rows = torch.where(flip[:, None], rows.flip(1), rows)"},
    says="upside down",
)
edit(
    "random_crop_flip",
    {COLUMNS: f"{COLUMNS}\n    rows = torch.where(flip[:, None], rows.flip(1), rows)"},
    says="flipped together",
)
edit(
    "random_crop_flip",
    {"top = torch.randint(0, 2 * padding + 1": "top = torch.randint(0, max(1, 2 * padding)"},
    says="the last place is missing along the rows",
)
edit(
    "random_crop_flip",
    {"left = torch.randint(0, 2 * padding + 1": "left = torch.randint(0, max(1, 2 * padding)"},
    says="the last place is missing along the columns",
)
edit(
    "random_crop_flip",
    {"top = torch.randint(0, 2 * padding + 1": "top = torch.randint(min(1, padding), 2 * padding + 1"},
    says="place 0 is missing along the rows",
)
edit(
    "random_crop_flip",
    {LEFT: "left = top"},
    says="the column depends on the row",
)
edit("random_crop_flip", {LEFT: "left = 2 * padding - top"}, says="the column depends on the row")
edit(
    "random_crop_flip",
    {TOP: TOP.replace("(n,)", "(1,)") + ".expand(n)"},
    says="the same row",
)
edit(
    "random_crop_flip",
    {LEFT: LEFT.replace("(n,)", "(1,)") + ".expand(n)"},
    says="the same column",
)
edit(
    "random_crop_flip",
    {COIN: "flip = torch.rand(n, generator=generator) < 0.25"},
    says="share of mirrored",
)
edit(
    "random_crop_flip",
    {COIN: "flip = (torch.rand(1, generator=generator) < 0.5).expand(n)"},
    says="mirrored",
)
edit(
    "random_crop_flip",
    {COIN: "flip = torch.rand(n) < 0.5"},
    says="the flip does not come from `generator`",
)
edit(
    "random_crop_flip",
    {TOP: TOP.replace(", generator=generator", "")},
    says="the crop does not come from `generator`",
)
edit(
    "random_crop_flip",
    {"F.pad(x, (padding,) * 4)": 'F.pad(x, (padding,) * 4, mode="reflect")'},
    says="mirrors the picture",
)
edit(
    "random_crop_flip",
    {"F.pad(x, (padding,) * 4)": 'F.pad(x, (padding,) * 4, mode="replicate")'},
    says="repeats the pixels",
)
edit(
    "random_crop_flip",
    {"F.pad(x, (padding,) * 4)": 'F.pad(x, (padding,) * 4, mode="circular")'},
    says="comes back on the other",
)
edit(
    "random_crop_flip",
    {COIN: "flip = torch.randperm(n, generator=generator) < n // 2"},
    says="60 batches of one picture",
)
edit("random_crop_flip", {"padding=4": "padding=2"}, says="by default, padding is 4")
edit("random_crop_flip", {"padding=4": "padding=8"}, says="4 zeros, as many as by default")
edit("random_crop_flip", {"return padded": "return padded.float()"}, says="dtype should be float64")
edit(
    "random_crop_flip",
    {"F.pad(x, (padding,) * 4)": "F.pad(x, (padding,) * 4, value=1.0)"},
    says="with `padding` zeros around it",
)
edit("random_crop_flip", {"return padded.permute": "padded.permute"}, says="is there a return?")


@wrong("all pictures are cropped at the same place")
def random_crop_flip(x, padding=4, generator=None):
    """One crop for the batch."""
    h, w = x.shape[2:]
    padded = F.pad(x, (padding,) * 4)
    top, left = torch.randint(0, 2 * padding + 1, (2,), generator=generator).tolist()
    crop = padded[:, :, top : top + h, left : left + w]
    coin = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
    return torch.where(coin, crop.flip(3), crop)


@wrong("channels of a picture move separately")
def random_crop_flip(x, padding=4, generator=None):
    n, c, h, w = x.shape
    padded, out = F.pad(x, (padding,) * 4), torch.empty_like(x)
    for i in range(n):
        for k in range(c):
            top, left = torch.randint(0, 2 * padding + 1, (2,), generator=generator).tolist()
            out[i, k] = padded[i, k, top : top + h, left : left + w]
    return out


@wrong("left and right are the last axis")
def random_crop_flip(x, padding=4, generator=None):
    """The first axis of one picture is that of the channels."""
    h, w = x.shape[2:]
    out = []
    for picture in F.pad(x, (padding,) * 4):
        top, left = torch.randint(2 * padding + 1, (2,), generator=generator).tolist()
        crop = picture[:, top : top + h, left : left + w]
        out.append(crop.flip(0) if torch.rand((), generator=generator) < 0.5 else crop)
    return torch.stack(out)


@wrong("the shape should be")
def random_crop_flip(x, padding=4, generator=None):
    """The padded pictures."""
    coin = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
    padded = F.pad(x, (padding,) * 4)
    return torch.where(coin, padded.flip(3), padded)


@wrong("changed its input")
def random_crop_flip(x, padding=4, generator=None):
    n, _, h, w = x.shape
    padded = F.pad(x, (padding,) * 4)
    for i in range(n):
        top, left = torch.randint(0, 2 * padding + 1, (2,), generator=generator).tolist()
        crop = padded[i, :, top : top + h, left : left + w]
        x[i] = crop.flip(2) if torch.rand((), generator=generator) < 0.5 else crop
    return x


@wrong("the crop does not come from `generator`")
def random_crop_flip(x, padding=4, generator=None):
    """Torchvision's transforms, with global random numbers."""
    crop = v2.RandomCrop(tuple(x.shape[2:]), padding=padding)
    coin = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
    cropped = torch.stack([crop(picture) for picture in x])
    return torch.where(coin, cropped.flip(3), cropped)


@wrong("round() halves the share of the ends")
def random_crop_flip(x, padding=4, generator=None):
    n, _, h, w = x.shape
    padded = F.pad(x, (padding,) * 4)
    places = (torch.rand(n, 2, generator=generator) * 2 * padding).round().long().tolist()
    crops = torch.stack([padded[i, :, a : a + h, b : b + w] for i, (a, b) in enumerate(places)])
    return torch.where(torch.rand(n, 1, 1, 1, generator=generator) < 0.5, crops.flip(3), crops)


@wrong("draw it separately")
def random_crop_flip(x, padding=4, generator=None):
    """The coin is the parity of one number that also gives the column."""
    n, _, h, w = x.shape
    padded, out = F.pad(x, (padding,) * 4), torch.empty_like(x)
    for i in range(n):
        top, both = (
            torch.randint(0, 2 * padding + 1, (), generator=generator),
            torch.rand((), generator=generator),
        )
        left = int(both * (2 * padding + 1))
        crop = padded[i, :, top : top + h, left : left + w]
        out[i] = crop.flip(2) if both < 0.5 else crop
    return out


@odd
def random_crop_flip(x, padding=4, generator=None):
    """A loop; flip first, then crop."""
    h, w = x.shape[2:]
    out = []
    for picture in x:
        if torch.rand(1, generator=generator).item() >= 0.5:
            picture = torch.flip(picture, (2,))
        big = picture.new_zeros(picture.shape[0], h + 2 * padding, w + 2 * padding)
        big[:, padding : padding + h, padding : padding + w] = picture
        top, left = torch.randint(2 * padding + 1, (2,), generator=generator)
        out.append(big[:, top : top + h, left : left + w])
    return torch.stack(out)


@odd
def random_crop_flip(x, padding=4, generator=None):
    """Windows by unfold, and coins from randint."""
    n, _, h, w = x.shape
    windows = F.pad(x, (padding, padding, padding, padding)).unfold(2, h, 1).unfold(3, w, 1)
    places = torch.randint(0, 2 * padding + 1, (n, 2), generator=generator)
    out = windows[torch.arange(n), :, places[:, 0], places[:, 1]].clone()
    mirrored = torch.randint(0, 2, (n,), generator=generator).bool()
    out[mirrored] = out[mirrored].flip(3)
    return out


@odd
def random_crop_flip(x, padding=4, generator=None):
    """Place and coin from one number each, and torchvision's functions."""
    side = 2 * padding + 1
    numbers = torch.randint(0, side * side * 2, (len(x),), generator=generator).tolist()
    out = []
    for picture, number in zip(x, numbers, strict=False):
        place, coin = divmod(number, 2)
        padded = F.pad(picture[None], [padding] * 4)[0]
        crop = v2.functional.crop(padded, place // side, place % side, *x.shape[2:])
        out.append(v2.functional.horizontal_flip(crop) if coin else crop)
    return torch.stack(out)


# --- per_class_accuracy -----------------------------------------------------------------------------------

BACK = "    for module, training in modes:\n        module.training = training"

edit(
    "per_class_accuracy",
    {"torch.bincount(y, minlength": "torch.bincount(net(X).argmax(dim=1), minlength"},
    says="(precision)",
)
edit(
    "per_class_accuracy",
    {"right / total": "right / total.sum()"},
    says="divides by the number of all examples",
)
edit("per_class_accuracy", {"right / total": "right"}, says="these are counts")
edit("per_class_accuracy", {"right / total": "1 - right / total"}, says="shares of wrong answers")
edit("per_class_accuracy", {"right / total": "100 * right / total"}, says="per cent")
edit("per_class_accuracy", {"right / total": "right / total.clamp(min=1)"}, says="give nan, not 0")
edit(
    "per_class_accuracy",
    {"right / total": "torch.where(right == 0, torch.nan, right / total)"},
    says="accuracy 0, not nan",
)
edit(
    "per_class_accuracy",
    {"right / total": "(right.sum() / total.sum()).expand(num_classes)"},
    says="the same number",
)
edit(
    "per_class_accuracy",
    {"right / total": "[r / t if t else math.nan for r, t in zip(right.tolist(), total.tolist())]"},
    says="a tensor of floats",
)
edit(
    "per_class_accuracy",
    {"total += torch": "total = torch", "right += torch": "right = torch"},
    says="only the last batch",
)
edit(
    "per_class_accuracy",
    {"    for module, training in modes:": "            break\n    for module, training in modes:"},
    says="only the first batch",
)
edit(
    "per_class_accuracy",
    {"net(X).argmax(dim=1) == y": "net(X).softmax(1)[range(len(y)), y] > 0.5"},
    says="expected",
)
edit("per_class_accuracy", {"    net.eval()\n": ""}, says="training mode while it is measured")
edit("per_class_accuracy", {"with torch.no_grad():": "if True:"}, says="a graph is recorded")
edit("per_class_accuracy", {"module.training = training": "pass"}, says="left in evaluation mode")
edit("per_class_accuracy", {"module.training = training": "net.train()"}, says="some were not before")
edit(
    "per_class_accuracy",
    {BACK: "    net.training = modes[0][1]"},
    says="only net itself",
)
edit(
    "per_class_accuracy",
    {BACK: "    net.train(modes[0][1])"},
    says="some were not before",
)
edit(
    "per_class_accuracy",
    {"with torch.no_grad():": "torch.set_grad_enabled(False)\n    if True:"},
    says="autograd is switched off",
)
edit("per_class_accuracy", {"return right": "right"}, says="is there a return?")
edit("per_class_accuracy", {"argmax(dim=1)": "argmax(dim=0)"}, says="")
edit("per_class_accuracy", {"argmax(dim=1)": "amax(dim=1)"}, says="max in place of argmax")
edit("per_class_accuracy", {"right / total": "right.long() // total.clamp(min=1)"}, says="in place of `/`")


@wrong("refusals count as right answers")
def per_class_accuracy(net, data_iter, num_classes):
    """For each class, the accuracy of the question whether a picture belongs to it."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    with torch.no_grad():
        given, truth = map(torch.cat, zip(*((net(X).argmax(1), y) for X, y in data_iter), strict=True))
    for module, mode in modes.items():
        module.training = mode
    return torch.stack([((given == k) == (truth == k)).float().mean() for k in range(num_classes)])


@wrong("counts a class once in each batch")
def per_class_accuracy(net, data_iter, num_classes):
    modes = {module: module.training for module in net.modules()}
    net.eval()
    right, total = torch.zeros(num_classes), torch.zeros(num_classes)
    with torch.no_grad():
        for X, y in data_iter:
            right[y[net(X).argmax(1) == y]] += 1
            total[y] += 1
    for module, mode in modes.items():
        module.training = mode
    return right / total


@wrong("mean of the batches' accuracies")
def per_class_accuracy(net, data_iter, num_classes):
    modes = {module: module.training for module in net.modules()}
    net.eval()
    rows = []
    with torch.no_grad():
        for X, y in data_iter:
            hits = (net(X).argmax(1) == y).float()
            rows.append(torch.stack([hits[y == k].mean() for k in range(num_classes)]))
    for module, mode in modes.items():
        module.training = mode
    return torch.stack(rows).nanmean(0)


@odd
def per_class_accuracy(net, data_iter, num_classes):
    """The diagonal of the confusion matrix; batches glued together; float64."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    with torch.inference_mode():
        given, truth = zip(*((net(X).argmax(-1), y) for X, y in data_iter), strict=False)
    for module, mode in modes.items():
        module.training = mode
    counts = torch.zeros(num_classes, num_classes, dtype=torch.float64)
    for t, p in zip(torch.cat(truth), torch.cat(given), strict=False):
        counts[t, p] += 1
    return counts.diag() / counts.sum(1)


@odd
def per_class_accuracy(net, data_iter, num_classes):
    """Python counters and try/finally."""
    before = [m.training for m in net.modules()]
    right, total = [0] * num_classes, [0] * num_classes
    try:
        net.eval()
        for X, y in data_iter:
            with torch.no_grad():
                best = net(X).max(dim=1).indices
            for t, p in zip(y.tolist(), best.tolist(), strict=False):
                total[t] += 1
                right[t] += t == p
    finally:
        for m, mode in zip(net.modules(), before, strict=False):
            m.training = mode
    return torch.tensor([r / t if t else float("nan") for r, t in zip(right, total, strict=False)])


@odd
def per_class_accuracy(net, data_iter, num_classes):
    """One-hot products."""
    before = [(m, m.training) for m in net.modules()]
    net.train(False)
    sums = torch.zeros(2, num_classes)
    with torch.set_grad_enabled(False):
        for X, y in data_iter:
            members = F.one_hot(y, num_classes).float()
            hits = (net(X).softmax(1).argmax(1) == y).float()
            sums += torch.stack([hits @ members, members.sum(0)])
    for m, mode in before:
        m.training = mode
    return sums[0] / sums[1]


# --- claims -----------------------------------------------------------------------------------------------

RIGHT = {"half": "a", "view": "b", "last relu": "a", "silence": "false", "own numbers": "false"}
for claim, answer in (
    ("half", "true"),
    ("view", "true"),
    ("last relu", "true"),
    ("silence", "true"),
    ("own numbers", "true"),
    ("view", "a"),
    ("half", "c"),
    ("last relu", "c"),
):
    wrong_value("claims_repairs", "claims_repairs", RIGHT | {claim: answer}, "not right yet")
wrong_value("claims_repairs", "claims_repairs", RIGHT | {"half": "d"}, "not one of the answers")
odd_value("claims_repairs", "claims_repairs", RIGHT | {"half": "(A)", "silence": False})

REPORTS = {"mirror": "a", "test too": "false", "sure": "a", "temperature": "false", "elsewhere": "a"}
for claim, answer in (
    ("mirror", "true"),
    ("mirror", "false"),
    ("test too", "true"),
    ("sure", "c"),
    ("temperature", "a"),
    ("elsewhere", "true"),
):
    wrong_value("claims_reports", "claims_reports", REPORTS | {claim: answer}, "not right yet")
wrong_value("claims_reports", "claims_reports", REPORTS | {"sure": "?"}, "not answered yet")
odd_value("claims_reports", "claims_reports", REPORTS | {"mirror": " A.", "temperature": False})
