"""Known answers to the exercises of chapter 04."""

import copy
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- softmax ----------------------------------------------------------------------------------------------

SHIFT = "O.max(dim=-1, keepdim=True).values"
OVERFLOW = "exp overflows: subtract the largest score of each row first"
WHOLE_TABLE = "it subtracts one maximum for the whole table; every row needs its own"
MAGNITUDE = "it subtracts the largest magnitude; subtract the largest score"

edit("softmax", {f"(O - {SHIFT}).exp()": "O.exp()"}, says=OVERFLOW)
edit("softmax", {SHIFT: "O.max()"}, says=WHOLE_TABLE)
edit("softmax", {SHIFT: "O.abs().max(dim=-1, keepdim=True).values"}, says=MAGNITUDE)
edit(
    "softmax",
    {SHIFT: "O.mean(dim=-1, keepdim=True)"},
    says="it subtracts the mean, and exp still overflows; subtract the largest score",
)
edit(
    "softmax",
    {SHIFT: "O.min(dim=-1, keepdim=True).values"},
    says="it subtracts the smallest score, and exp still overflows; subtract the largest",
)
edit("softmax", {SHIFT: "O.max(dim=0, keepdim=True).values"}, says="subtract that of each row")
edit(
    "softmax",
    {f"(O - {SHIFT})": "O.clamp(-80, 80)"},
    says="it cuts large scores off: different scores become equal",
)
edit(
    "softmax",
    {"exps.sum(dim=-1, keepdim=True)": "exps.sum()"},
    says="the maxima are those of the rows, but the sum is that of the whole table",
)
edit(
    "softmax",
    {"exps.sum(dim=-1, keepdim=True)": "exps.max(dim=-1, keepdim=True).values"},
    says="the exponentials are divided by the largest one; divide by their sum",
)
edit(
    "softmax",
    {SHIFT: "O.max()", "exps.sum(dim=-1, keepdim=True)": "exps.sum()"},
    says="one sum for the whole table; every row has its own",
)
edit("softmax", {"exps.sum(dim=-1, keepdim=True)": "exps.sum(dim=-1)"}, says="keepdim=True keeps it")
edit(
    "softmax",
    {"exps = (O - ": "O -= (", ").exp()": ")\n    exps = O.exp()"},
    says="the function changed its input",
)


@wrong("exp overflows in float64, too")
def softmax(O):
    """More digits do not help."""
    exps = O.double().exp()
    return (exps / exps.sum(-1, keepdim=True)).to(O.dtype)


@wrong("logsumexp of 10,000 is rounded to 0.001; shift first")
def softmax(O):
    return (O - O.logsumexp(-1, keepdim=True)).exp()


@wrong("it sums along axis 1; the last axis is meant")
def softmax(O):
    return torch.softmax(O, dim=1 if O.ndim > 1 else 0)


@wrong("it divides by the sum down each column; every row has its own sum")
def softmax(O):
    return torch.softmax(O, dim=0)


@wrong("the exponentials are missing: it divides the scores by their sum")
def softmax(O):
    return O / O.sum(-1, keepdim=True)


@wrong("the exponentials are not divided by their sum")
def softmax(O):
    return O.exp()


@wrong("the powers are to base 2; use exp")
def softmax(O):
    powers = 2 ** (O - O.max(-1, keepdim=True).values)
    return powers / powers.sum(-1, keepdim=True)


@wrong("the exponentials are divided by the largest one of the whole table")
def softmax(O):
    return O.exp() / O.exp().max()


@wrong("the signs are reversed: the largest score gets the smallest probability")
def softmax(O):
    return torch.softmax(-O, -1)


@wrong("sigmoid treats each score alone; divide by the sum over the row")
def softmax(O):
    return torch.sigmoid(O)


@wrong("this is the logarithm of the probabilities")
def softmax(O):
    return torch.log_softmax(O, -1)


@wrong("the dtype should be float32, found float64")
def softmax(O):
    return torch.softmax(O.double(), -1)


@wrong("a single class has probability 1")
def softmax(O):
    """One score is taken for the score of a yes-or-no question."""
    return torch.sigmoid(O) if O.shape[-1] == 1 else torch.softmax(O, -1)


@odd
def softmax(O):
    """One row at a time, in Python numbers."""
    rows = []
    for row in O.reshape(-1, O.shape[-1]).tolist():
        exps = [math.exp(o - max(row)) for o in row]
        rows.append([e / math.fsum(exps) for e in exps])
    return torch.tensor(rows, dtype=O.dtype).reshape(O.shape)


@odd
def softmax(O):
    """One over the sum of the ratios: 1 / sum_c exp(o_c - o_j); an overflow there is a probability of 0."""
    ratios = (O.double().unsqueeze(-2) - O.double().unsqueeze(-1)).exp()  # (..., j, c)
    return (1 / ratios.sum(-1)).to(O.dtype)


@odd
def softmax(O):
    return torch.from_numpy(np.exp(np.asarray(F.log_softmax(O, -1))))


odd_edit(
    "softmax",
    {
        SHIFT: "O.amax(-1, keepdim=True).detach()",
        "exps / exps": "exps * exps",
        "=True)\n": "=True).pow(-1)\n",
    },
)

ROW_SUM = "exps.sum(dim=-1, keepdim=True)"
INDEX = "it subtracts the place of the maximum, .indices; subtract .values"
edit("softmax", {SHIFT: "O.max(dim=-1, keepdim=True).indices"}, says=INDEX)
edit(
    "softmax",
    {SHIFT: "O.max(dim=-1, keepdim=True)"},
    says="max and min give two tensors: .values and .indices",
)
edit("softmax", {SHIFT: "O.max(dim=-1).values"}, says="keepdim=True keeps it")
edit("softmax", {ROW_SUM: "O.exp().sum(dim=-1, keepdim=True)"}, says="above the line only; subtract it below")
edit("softmax", {"return exps /": "return O.exp() /"}, says="below the line only; subtract it above")


@odd
def softmax(O):
    """Exact enough in float64, and finite for equal scores of any size; those then need not share evenly."""
    D = O.double()
    return (D - D.logsumexp(-1, keepdim=True)).exp().to(O.dtype)


# --- log_softmax ------------------------------------------------------------------------------------------

UNFORMED = "log(softmax) is -inf where the probability underflows to 0: do not form the probability"
FLOOR = "puts a floor under its logarithm: -200 should stay -200"
ROUNDED = "near 10,000, sums are rounded to 0.001: do not add the maximum back"

edit("log_softmax", {SHIFT: "O.max()"}, says=WHOLE_TABLE)
edit("log_softmax", {SHIFT: "O.abs().max(dim=-1, keepdim=True).values"}, says=MAGNITUDE)
edit(
    "log_softmax",
    {f"O - {SHIFT}": "O"},
    says=OVERFLOW,
)
edit(
    "log_softmax",
    {"return shifted - shifted": "return O - shifted"},
    says="the maximum is subtracted inside exp only; subtract it outside, too",
)
edit(
    "log_softmax",
    {"shifted.exp().sum(dim=-1, keepdim=True).log()": "0"},
    says="only the maximum is subtracted; the logarithm of the sum is missing",
)
edit(
    "log_softmax",
    {f"O - {SHIFT}": "O", ".log()": ""},
    says="the logarithm of the sum is missing: it subtracts the sum itself",
)
edit(
    "log_softmax",
    {"shifted.exp().sum(dim=-1, keepdim=True)": "shifted.exp().sum()"},
    says="the sum is that of the whole table",
)
edit(
    "log_softmax",
    {"shifted = O - ": "shifted = O.sub_(", ".values": ".values)"},
    says="the function changed its input",
)


@wrong(UNFORMED)
def log_softmax(O):
    return torch.softmax(O, -1).log()


@wrong("log(softmax) underflows to -inf in float64 too, only later: do not form the probability")
def log_softmax(O):
    return torch.softmax(O.double(), -1).log().to(O.dtype)


@wrong(FLOOR)
def log_softmax(O):
    return (torch.softmax(O, -1) + 1e-12).log()


@wrong(FLOOR)
def log_softmax(O):
    return torch.softmax(O, -1).clamp(min=1e-38).log()


@wrong(ROUNDED)
def log_softmax(O):
    return O - torch.logsumexp(O, -1, keepdim=True)


@wrong(ROUNDED)
def log_softmax(O):
    """The formula as it is printed."""
    top = O.max(-1, keepdim=True).values
    return O - (top + (O - top).exp().sum(-1, keepdim=True).log())


@wrong("these are the probabilities; take their logarithm")
def log_softmax(O):
    return torch.softmax(O, -1)


@wrong("this is the loss, with the opposite sign")
def log_softmax(O):
    return -torch.log_softmax(O, -1)


@wrong("the logarithm is to base 2; use the natural one")
def log_softmax(O):
    return torch.log_softmax(O, -1) / math.log(2)


@wrong("it sums down each column; every row has its own sum")
def log_softmax(O):
    return torch.log_softmax(O, 0)


@wrong("one sum for the whole table; every row has its own")
def log_softmax(O):
    return O - O.exp().sum().log()


@odd
def log_softmax(O):
    """Streaming log-sum-exp, one column at a time, in float64."""
    total = torch.full(O.shape[:-1], -torch.inf, dtype=torch.float64)
    for column in O.double().unbind(-1):
        total = torch.logaddexp(total, column)
    return (O.double() - total.unsqueeze(-1)).to(O.dtype)


@odd
def log_softmax(O):
    """torch.logsumexp after the shift."""
    shifted = O - O.amax(-1, keepdim=True).detach()
    return shifted - shifted.logsumexp(-1, keepdim=True)


@odd
def log_softmax(O):
    """The largest exponential is 1, so log1p of the others."""
    Z = O.double() - O.double().max(-1, keepdim=True).values
    order = Z.sort(-1).values  # the largest, 0, is last
    rest = order[..., :-1].exp().sum(-1, keepdim=True)
    return (Z - torch.log1p(rest)).to(O.dtype)


LOG_SUM = "shifted - shifted.exp().sum(dim=-1, keepdim=True).log()"
edit(
    "log_softmax",
    {LOG_SUM: LOG_SUM.replace(" - ", " + ")},
    says="the logarithm of the sum is added; subtract it",
)
edit(
    "log_softmax",
    {f"O - {SHIFT}": "O", LOG_SUM: LOG_SUM.replace(" - ", " + ")},
    says="the logarithm of the sum is added to the scores; subtract it",
)
edit("log_softmax", {".log()": ".log10()"}, says="the logarithm of the sum is to base 10")
edit(
    "log_softmax",
    {SHIFT: "O.mean(dim=-1, keepdim=True)"},
    says="it subtracts the mean, and exp still overflows",
)
edit(
    "log_softmax",
    {SHIFT: "O.min(dim=-1, keepdim=True).values"},
    says="it subtracts the smallest score, and exp still overflows",
)
edit("log_softmax", {SHIFT: "O.max(dim=-1, keepdim=True).indices"}, says=INDEX)
edit(
    "log_softmax",
    {LOG_SUM: "torch.log_softmax(O, min(1, O.ndim - 1))"},
    says="it sums along axis 1; the last axis is meant",
)
edit("log_softmax", {"shifted.exp()": "O.exp()"}, says="subtracted outside exp only; subtract it inside, too")
edit("log_softmax", {"keepdim=True).log()": "keepdim=False).log()"}, says="keepdim=True keeps it")

# --- cross_entropy ----------------------------------------------------------------------------------------

CHOSEN = "log_probabilities[torch.arange(len(labels)), labels]"
INFINITE = "the loss is inf where the probability underflows to 0: work with log-probabilities"
NAN = "the loss is nan: an exponential overflows, or a logarithm of 0 meets a 0"

edit(
    "cross_entropy",
    {f"-{CHOSEN}.mean()": f"-{CHOSEN}.sum()"},
    says="the losses are added up; take their mean",
)
edit("cross_entropy", {f"-{CHOSEN}": CHOSEN}, says="the minus sign is missing")
edit("cross_entropy", {f"{CHOSEN}.mean()": CHOSEN}, says="one loss per example; return their mean")
edit(
    "cross_entropy",
    {CHOSEN: "log_probabilities.max(dim=1).values"},
    says="it takes the largest probability; the label says which one counts",
)
edit("cross_entropy", {CHOSEN: "log_probabilities[:, labels]"}, says="`[:, labels]` takes whole columns")
edit(
    "cross_entropy",
    {f"{CHOSEN}.mean()": "log_probabilities[:, labels].mean(0)"},
    says="the shape should be (), found (5,)",
)
edit("cross_entropy", {f"-{CHOSEN}": f"-{CHOSEN}.exp()"}, says="the logarithm is missing")
edit("cross_entropy", {f"-{CHOSEN}": f"1 - {CHOSEN}.exp()"}, says="it is 1 - p; take -log p")
edit(
    "cross_entropy",
    {f"{CHOSEN}.mean()": f"{CHOSEN}.exp().mean().log()"},
    says="it is the logarithm of the mean; take the mean of the logarithms",
)
edit(
    "cross_entropy",
    {"max(dim=1, keepdim=True).values": "max()"},
    says="the loss is -inf: one maximum for the whole batch",
)


@wrong("the mean goes over all n * k entries; it goes over the n examples")
def cross_entropy(logits, labels):
    return -(F.one_hot(labels, logits.shape[1]) * torch.log_softmax(logits, 1)).mean()


@wrong("softmax is applied twice")
def cross_entropy(logits, labels):
    return F.cross_entropy(torch.softmax(logits, 1), labels)


@wrong("the logarithm is to base 2; use the natural one")
def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels) / math.log(2)


@wrong(INFINITE)
def cross_entropy(logits, labels):
    return -torch.softmax(logits, 1)[torch.arange(len(labels)), labels].log().mean()


@wrong(NAN)
def cross_entropy(logits, labels):
    log_p = torch.softmax(logits, 1).log()
    return -(F.one_hot(labels, logits.shape[1]) * log_p).sum(1).mean()


@wrong(NAN)
def cross_entropy(logits, labels):
    exps = logits.exp()
    return -(exps / exps.sum(1, keepdim=True))[torch.arange(len(labels)), labels].log().mean()


@wrong("a clamp, or a small number added to p, puts a ceiling on the loss")
def cross_entropy(logits, labels):
    p = torch.softmax(logits, 1)[torch.arange(len(labels)), labels]
    return -(p + 1e-12).log().mean()


@wrong("the gradient is 0 at a certain and wrong answer: p has a floor")
def cross_entropy(logits, labels):
    """The value is right, and the gradient comes from clamped probabilities."""
    value = F.cross_entropy(logits.detach(), labels)
    p = torch.softmax(logits, 1)[torch.arange(len(labels)), labels].clamp(min=1e-12)
    floor = -p.log().mean()
    return floor - floor.detach() + value


@wrong("softmax runs down the columns; every row is one example")
def cross_entropy(logits, labels):
    return F.nll_loss(torch.log_softmax(logits, 0), labels)


@wrong("the result has lost its graph")
def cross_entropy(logits, labels):
    return torch.tensor(F.cross_entropy(logits.detach(), labels).item(), dtype=logits.dtype)


@wrong("the shape should be (), found (1,)")
def cross_entropy(logits, labels):
    loss = F.cross_entropy(logits, labels)
    return loss.reshape(1) if len(labels) in (1, 5) else loss


@odd
def cross_entropy(logits, labels):
    return nn.CrossEntropyLoss()(logits, labels)


@odd
def cross_entropy(logits, labels):
    """logsumexp of the raw scores: finite, and as exact as this contract asks."""
    return (logits.logsumexp(1) - logits.gather(1, labels[:, None]).squeeze(1)).mean()


@odd
def cross_entropy(logits, labels):
    """The largest score, detached or not, makes no difference."""
    top = logits.detach().amax(1, keepdim=True)
    total = 0
    for row, label in zip(logits - top, labels.tolist(), strict=True):
        total = total + row.exp().sum().log() - row[label]
    return total / len(labels)


@odd
def cross_entropy(logits, labels):
    """How far every score is above that of the right class; softplus-like."""
    margins = logits - logits[torch.arange(len(labels)), labels].unsqueeze(1)
    return torch.logsumexp(margins, dim=1).sum() / labels.numel()


edit(
    "cross_entropy",
    {f"{CHOSEN}.mean()": f"{CHOSEN}.sum() / logits.shape[1]"},
    says="it is divided by k; divide by n, the number of examples",
)


edit(
    "cross_entropy",
    {
        f"-{CHOSEN}.mean()": "F.binary_cross_entropy_with_logits(\n        "
        "logits, F.one_hot(labels, logits.shape[1]).to(logits.dtype)\n    )"
    },
    says="a yes or no for each class",
)

# --- cross_entropy_grad -----------------------------------------------------------------------------------

MINUS_ONE = "gradient[torch.arange(len(labels)), labels] -= 1"

edit(
    "cross_entropy_grad",
    {" / len(labels)": ""},
    says="this is the gradient of the sum of the losses: divide by n",
)
edit(
    "cross_entropy_grad", {" / len(labels)": " / logits.numel()"}, says="it is divided by n * k; divide by n"
)
edit("cross_entropy_grad", {" / len(labels)": " / logits.shape[1]"}, says="it is divided by k; divide by n")
edit(
    "cross_entropy_grad",
    {" / len(labels)": " / (len(labels) - 1)"},
    says="it is divided by n - 1; divide by n",
)
edit("cross_entropy_grad", {"return gradient": "return -gradient"}, says="the sign is reversed")
edit(
    "cross_entropy_grad",
    {MINUS_ONE: "pass", " / len(labels)": ""},
    says="these are the probabilities; subtract 1",
)
edit("cross_entropy_grad", {MINUS_ONE: "pass"}, says="these are the probabilities divided by n; subtract 1")
edit("cross_entropy_grad", {MINUS_ONE: "gradient[:, labels] -= 1"}, says="`[:, labels]` takes whole columns")
edit("cross_entropy_grad", {MINUS_ONE: "gradient[labels] -= 1"}, says="out of bounds")
edit("cross_entropy_grad", {"(dim=1, keepdim=True).values": "()"}, says=WHOLE_TABLE)
edit(
    "cross_entropy_grad",
    {"(logits - logits.max(dim=1, keepdim=True).values).exp()": "logits.exp()"},
    says=OVERFLOW,
)
edit(
    "cross_entropy_grad",
    {
        MINUS_ONE: "gradient /= len(labels)\n    " + MINUS_ONE,
        "return gradient / len(labels)": "return gradient",
    },
    says="1 is subtracted after the division by n; subtract it before",
)
edit(
    "cross_entropy_grad",
    {"exps / exps.sum(dim=1, keepdim=True)": "torch.zeros_like(logits)"},
    says="where are the probabilities?",
)
edit(
    "cross_entropy_grad",
    {"exps / exps.sum(dim=1, keepdim=True)": "logits.clone()"},
    says="one-hot rows are subtracted from the scores; subtract them from the probabilities",
)
edit(
    "cross_entropy_grad",
    {"gradient = exps / exps.sum(dim=1, keepdim=True)": "gradient = logits", " / len(labels)": ""},
    says="the function changed its input",
)


@wrong("softmax runs down the columns; every row is one example")
def cross_entropy_grad(logits, labels):
    return (torch.softmax(logits, 0) - F.one_hot(labels, logits.shape[1])) / len(labels)


@wrong("P (1 - P) is the slope of a probability")
def cross_entropy_grad(logits, labels):
    P = torch.softmax(logits, 1)
    return P * (1 - P) / len(P)


@wrong("these are log-probabilities minus one-hot; take the probabilities")
def cross_entropy_grad(logits, labels):
    return (torch.log_softmax(logits, 1) - F.one_hot(labels, logits.shape[1])) / len(labels)


@wrong("solve this one without `autograd`")
def cross_entropy_grad(logits, labels):
    return torch.func.jacfwd(lambda scores: F.cross_entropy(scores, labels))(logits)


@wrong("this is the gradient with respect to the probabilities; go on to the scores")
def cross_entropy_grad(logits, labels):
    return -F.one_hot(labels, logits.shape[1]) / torch.softmax(logits, 1) / len(labels)


@wrong("solve this one without `autograd`")
def cross_entropy_grad(logits, labels):
    logits = logits.clone().requires_grad_()
    F.cross_entropy(logits, labels).backward()
    return logits.grad


@wrong("solve this one without `autograd`")
def cross_entropy_grad(logits, labels):
    logits = logits.clone().requires_grad_()
    return torch.autograd.grad(F.cross_entropy(logits, labels), logits)[0]


@wrong("solve this one without `autograd`")
def cross_entropy_grad(logits, labels):
    return torch.func.grad(F.cross_entropy)(logits, labels)


@wrong("the shape should be")
def cross_entropy_grad(logits, labels):
    return (torch.softmax(logits, 1)[torch.arange(len(labels)), labels] - 1) / len(labels)


@odd
def cross_entropy_grad(logits, labels):
    onehot = (torch.arange(logits.shape[1]) == labels[:, None]).to(logits.dtype)
    return torch.softmax(logits, 1).sub(onehot).div(labels.numel())


@odd
def cross_entropy_grad(logits, labels):
    """Row by row, in Python numbers."""
    rows = []
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        exps = [math.exp(o - max(row)) for o in row]
        rows.append([(e / sum(exps) - (j == label)) / len(labels) for j, e in enumerate(exps)])
    return torch.tensor(rows, dtype=logits.dtype)


@odd
def cross_entropy_grad(logits, labels):
    """The right entry as minus the sum of the others, so that each row sums to 0."""
    P = torch.log_softmax(logits.double(), 1).exp()
    P.scatter_(1, labels[:, None], 0.0)
    P.scatter_(1, labels[:, None], -P.sum(1, keepdim=True))
    return P.mul(1 / len(labels)).to(logits)


@odd
def cross_entropy_grad(logits, labels):
    P = F.softmax(logits, dim=-1)
    P = P.scatter_add(1, labels.unsqueeze(1), -torch.ones_like(P[:, :1]))
    return torch.einsum("nk,n->nk", P, torch.full((len(P),), 1 / len(P), dtype=P.dtype))


edit(
    "cross_entropy_grad",
    {MINUS_ONE: "gradient = gradient - labels[:, None]"},
    says="the numbers of the labels are subtracted; subtract one-hot rows",
)


@wrong("Y / P breaks where P underflows: simplify to P - Y on paper")
def cross_entropy_grad(logits, labels):
    """The chain rule through P."""
    P = torch.softmax(logits, 1)
    G = -F.one_hot(labels, logits.shape[1]) / P / len(labels)
    return P * (G - (P * G).sum(1, keepdim=True))


edit(
    "cross_entropy_grad",
    {"return gradient / len(labels)": "return gradient * F.one_hot(labels, logits.shape[1]) / len(labels)"},
    says="only the scores at the labels have a gradient here",
)

# --- count_correct ----------------------------------------------------------------------------------------

SINGLE = "scores were taken for predicted classes; with a single class, every row is class 0"
TOTAL = "int((predicted == y).sum())"

edit(
    "count_correct",
    {TOTAL: "(predicted == y).sum()"},
    says="should be a Python int, found a value of type Tensor",
)
edit(
    "count_correct",
    {TOTAL: "float((predicted == y).sum())"},
    says="should be a Python int, found a value of type float",
)
edit(
    "count_correct",
    {TOTAL: "(predicted == y).float().mean().item()"},
    says="this is the share; the number is asked for",
)
edit("count_correct", {"predicted == y": "predicted != y"}, says="it counts the wrong ones")
edit("count_correct", {TOTAL: "predicted == y"}, says="it says which are right; count them")
edit("count_correct", {" if y_hat.ndim == 2 else y_hat": ""}, says="Dimension out of range")
edit(
    "count_correct",
    {"argmax(dim=1)": "argmax()"},
    says="argmax without dim finds one place in the whole table; every row has its own",
)
edit("count_correct", {"argmax(dim=1)": "argmax(dim=0)"}, says="must match the size")
edit(
    "count_correct",
    {"argmax(dim=1)": "argmax(dim=1, keepdim=True)"},
    says="(n, 1) compared with (n,) gives (n, n)",
)
edit(
    "count_correct",
    {"argmax(dim=1)": "max(dim=1).values"},
    says="this is the largest score; its place is asked for",
)
edit("count_correct", {"y_hat.ndim == 2": "y_hat.ndim == 2 and y_hat.shape[1] > 1"}, says=SINGLE)


@wrong(SINGLE)
def count_correct(y_hat, y):
    """The book's `accuracy`."""
    if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
        y_hat = y_hat.argmax(axis=1)
    cmp = y_hat.type(y.dtype) == y
    return int((y_hat == y).sum()) if y_hat.ndim > 1 else int(cmp.sum())


@wrong("one example")
def count_correct(y_hat, y):
    """squeeze takes a single row of scores for predicted classes."""
    if y_hat.ndim == 2 and y_hat.shape[1] == 1:
        return int((y == 0).sum())
    y_hat = y_hat.squeeze()
    return int(((y_hat.argmax(1) if y_hat.ndim == 2 else y_hat) == y).sum())


@wrong(SINGLE)
def count_correct(y_hat, y):
    return int((y_hat == y).sum())


@odd
def count_correct(y_hat, y):
    if y_hat.ndim == 1:
        return sum(a == b for a, b in zip(y_hat.tolist(), y.tolist(), strict=True))
    best = y_hat.max(dim=1, keepdim=True).values
    return (y_hat.gather(1, y[:, None]) == best).sum().item()


@odd
def count_correct(y_hat, y):
    predicted = y_hat if y_hat.dim() < 2 else torch.softmax(y_hat.double(), 1).topk(1).indices[:, 0]
    return len(y) - int(torch.count_nonzero(predicted - y))


@wrong(SINGLE)
def count_correct(y_hat, y):
    """The book's `accuracy`, as it stands there."""
    if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
        y_hat = y_hat.argmax(axis=1)
    return int((y_hat.type(y.dtype) == y).sum())


TWO_AXES = "y_hat.argmax(dim=1) if y_hat.ndim == 2 else y_hat"
edit(
    "count_correct",
    {"y_hat.argmax(dim=1)": "(y_hat.softmax(dim=1) > 0.5).int().argmax(dim=1)"},
    says="where no probability is above 0.5, the largest one still wins",
)
edit("count_correct", {"y_hat.ndim == 2": "y_hat.dtype == torch.float32"}, says="must match the size")
edit("count_correct", {TWO_AXES: "y_hat.argmax(dim=-1)"}, says="y_hat with one axis holds classes already")
edit("count_correct", {"argmax(dim=1)": "abs().argmax(dim=1)"}, says="it takes the score farthest from 0")

# --- evaluate_accuracy ------------------------------------------------------------------------------------

RIGHT = "right += int((net(X).argmax(dim=1) == y).sum())"
SHARE = "return right / examples"
RESTORE = "for module, mode in modes:\n        module.training = mode"
MODES = "the modes of net and its parts have changed"

edit(
    "evaluate_accuracy",
    {
        RIGHT: "right += (net(X).argmax(dim=1) == y).float().mean().item()",
        "examples += len(y)": "examples += 1",
    },
    says="it takes the mean of the batch accuracies; a small batch counts too much",
)
edit(
    "evaluate_accuracy",
    {SHARE: "return right / (len(data_iter) * len(next(iter(data_iter))[1]))"},
    says="it counts every batch as large as the first",
)
edit(
    "evaluate_accuracy",
    {SHARE: "return right / (len(data_iter) * len(y))"},
    says="it counts every batch as large as the last",
)
edit(
    "evaluate_accuracy",
    {SHARE: "return right / len(data_iter)"},
    says="it divides by the number of batches; divide by the number of examples",
)
edit(
    "evaluate_accuracy",
    {SHARE: "return 100 * right / examples"},
    says="this is in per cent; a share from 0 to 1",
)
edit("evaluate_accuracy", {SHARE: "return float(right)"}, says="this is the number of right answers")
edit("evaluate_accuracy", {SHARE: "return 1 - right / examples"}, says="this is the share of wrong answers")
edit(
    "evaluate_accuracy",
    {"right += int": "right = int", "+= len(y)": "= len(y)"},
    says="only the last batch counts",
)
edit(
    "evaluate_accuracy",
    {"examples += len(y)": "examples += len(y)\n            break"},
    says="only the first batch counts",
)
edit(
    "evaluate_accuracy",
    {"int((net(X).argmax(dim=1) == y).sum())": "(net(X).argmax(dim=1) == y).sum()"},
    says="should be a Python float, found a value of type Tensor",
)
edit(
    "evaluate_accuracy",
    {"with torch.no_grad():": "torch.set_grad_enabled(False)\n    if True:"},
    says="autograd was on before, and is not now",
)
edit(
    "evaluate_accuracy",
    {"with torch.no_grad():": "if True:"},
    says="a graph is recorded while the net is measured",
)
edit("evaluate_accuracy", {"net.eval()": "pass"}, says="net is in training mode while it is measured")
edit(
    "evaluate_accuracy",
    {"net.eval()": "net.training = False"},
    says="net is in training mode while it is measured",
)
edit("evaluate_accuracy", {RESTORE: "pass"}, says="net is left in evaluation mode")
edit(
    "evaluate_accuracy",
    {RESTORE: "net.train()"},
    says="a part that was in evaluation mode is in training mode now",
)
edit(
    "evaluate_accuracy",
    {RESTORE: "net.train(modes[0][1])"},
    says="a part that was in evaluation mode is in training mode now",
)
edit(
    "evaluate_accuracy",
    {RESTORE: "net.training = modes[0][1]"},
    says="only net itself is back in training mode; its parts are not",
)
edit(
    "evaluate_accuracy",
    {RESTORE: "for module, mode in reversed(modes):\n        module.train(mode)"},
    says="a part that was in evaluation mode is in training mode now",
)
edit("evaluate_accuracy", {"net.modules()": "[net, *net.children()]"}, says=MODES)


@odd
def evaluate_accuracy(net, data_iter):
    """A copy of the net is measured; the net itself is never touched."""
    frozen, right, examples = copy.deepcopy(net).eval(), 0, 0
    with torch.no_grad():
        for X, y in data_iter:
            right += (frozen(X).argmax(1) == y).sum().item()
            examples += len(y)
    return right / examples


@odd
def evaluate_accuracy(net, data_iter):
    """A copy of the net again, and its forward method in place of a call."""
    frozen = copy.deepcopy(net).eval().requires_grad_(False)
    hits = [hit for X, y in data_iter for hit in (frozen.forward(X).argmax(1) == y).tolist()]
    return sum(hits) / len(hits)


@odd
@torch.inference_mode()
def evaluate_accuracy(net, data_iter):
    training = {name for name, module in net.named_modules() if module.training}
    net.eval()
    hits = torch.cat([net(X).argmax(1) == y for X, y in data_iter])
    for name, module in net.named_modules():
        module.training = name in training
    return hits.double().mean().item()


@odd
def evaluate_accuracy(net, data_iter):
    """A running mean over the examples; modes restored from the outside in."""
    modes = [m.training for m in net.modules()]
    net.train(False)
    mean, n = 0.0, 0
    for X, y in data_iter:
        with torch.no_grad():
            for hit in (net(X).argmax(1) == y).tolist():
                n += 1
                mean += (hit - mean) / n
    for module, mode in zip(net.modules(), modes, strict=True):
        module.train(mode)
    return mean


edit("evaluate_accuracy", {"net.modules()": "[net, *net]", "net.eval()": "net.eval()"}, says=MODES)
FROZEN = "with torch.no_grad():"
edit(
    "evaluate_accuracy",
    {
        FROZEN: "net.requires_grad_(False)\n    if True:",
        "    " + SHARE: "    net.requires_grad_(True)\n    " + SHARE,
    },
    says="requires_grad of the parameters has changed",
)
edit(
    "evaluate_accuracy",
    {
        FROZEN: "torch.set_grad_enabled(False)\n    if True:",
        "    " + SHARE: "    torch.set_grad_enabled(True)\n    " + SHARE,
    },
    says="autograd was off before, and is not now",
)
edit("evaluate_accuracy", {"net(X)": "net(X.flatten(1))"}, says="Dimension out of range")
odd_edit("evaluate_accuracy", {RESTORE: "for module, mode in modes:\n        module.train(mode)"})

# --- train_epoch ------------------------------------------------------------------------------------------

LOSS = "batch_loss.item() * len(y)"
HITS = "int((scores.argmax(dim=1) == y).sum())"
RESULT = "return total_loss / examples, right / examples"
ZERO = "optimizer.zero_grad()\n        "
STEP = "        optimizer.zero_grad()\n        batch_loss.backward()\n        optimizer.step()\n"
SMALL = "a small batch counts too much"
TYPE = "should be a Python float, found a value of type Tensor"
SWAPPED = "the two results are swapped: first the mean loss, then the accuracy"
TWO = "return two values: mean loss, accuracy"

edit(
    "train_epoch",
    {LOSS: "batch_loss.item()", "total_loss / examples": "total_loss / len(train_iter)"},
    says=f"it takes the mean of the batch losses; {SMALL}",
)
edit(
    "train_epoch",
    {
        HITS: "(scores.argmax(dim=1) == y).float().mean().item()",
        "right / examples": "right / len(train_iter)",
    },
    says=f"it takes the mean of the batch accuracies; {SMALL}",
)
edit(
    "train_epoch",
    {LOSS: "batch_loss.item()"},
    says="the batch losses are added up without their sizes, and divided by the examples",
)
edit(
    "train_epoch",
    {LOSS: "batch_loss.item() * 256"},
    says="every batch was counted as 256 examples; take its own number, len(y)",
)
edit(
    "train_epoch",
    {LOSS: "1 * len(y)"},
    says="the loss is exactly 1: a digit 1 stands where the loss should be",
)
edit("train_epoch", {LOSS: "batch_loss.detach() * len(y)"}, says=TYPE)
edit("train_epoch", {HITS: "(scores.argmax(dim=1) == y).sum()"}, says=TYPE)
edit(
    "train_epoch",
    {"total_loss / examples": "total_loss"},
    says="it reports the total loss; divide by the number of",
)
edit(
    "train_epoch",
    {"right / examples": "right"},
    says="it reports the number of right answers; divide by the number",
)
edit(
    "train_epoch",
    {"right / examples": "100 * right / examples"},
    says="this is in per cent; a share from 0 to 1",
)
edit(
    "train_epoch",
    {"total_loss / examples": "batch_loss.item()"},
    says="it reports the loss of the last batch only",
)
edit(
    "train_epoch",
    {"right += " + HITS: "right = " + HITS, "right / examples": "right / len(y)"},
    says="it reports the accuracy of the last batch only",
)
edit("train_epoch", {RESULT: "return right / examples, total_loss / examples"}, says=SWAPPED)
edit("train_epoch", {RESULT: "return total_loss / examples"}, says=TWO)
edit("train_epoch", {"loss(scores, y)": "loss(y, scores)"}, says="the scores come first, then the labels")
edit(
    "train_epoch", {RESULT: "return {'loss': total_loss / examples, 'accuracy': right / examples}"}, says=TWO
)
edit(
    "train_epoch",
    {HITS: "int((net(X).argmax(dim=1) == y).sum())"},
    says="it measures the accuracy after each update",
)
edit(
    "train_epoch",
    {LOSS: "loss(net(X), y).item() * len(y)"},
    says="it reports the loss after each update; the loss before it is asked for",
)
edit(
    "train_epoch",
    {
        "scores = net(X)": "right += int((net(X).argmax(dim=1) == y).sum())\n        scores = net(X)",
        "right += " + HITS + "\n        examples": "examples",
    },
    says="loss and accuracy come from two different runs of net: keep the scores of the first",
)
edit(
    "train_epoch",
    {RESULT: "right = sum(int((net(X).argmax(1) == y).sum()) for X, y in train_iter)\n    " + RESULT},
    says="it measures the accuracy at the end of the epoch",
)
edit(
    "train_epoch",
    {ZERO: "", "net.train()": "net.train()\n    optimizer.zero_grad()"},
    says="clear them for every batch",
)
edit("train_epoch", {ZERO: ""}, says="clear them for every batch")
edit(
    "train_epoch",
    {ZERO: "", "optimizer.step()": "optimizer.zero_grad()\n        optimizer.step()"},
    says="the weights have not moved",
)
edit("train_epoch", {"optimizer.step()": "pass"}, says="the weights have not moved")
edit("train_epoch", {"batch_loss.backward()": "(-batch_loss).backward()"}, says="the weights went uphill")
edit(
    "train_epoch",
    {STEP: "", "    " + RESULT: STEP.replace("        ", "    ") + "    " + RESULT},
    says="only one update was made, with the last batch: is the step in the loop?",
)
edit(
    "train_epoch",
    {"examples += len(y)": "examples += len(y)\n        " + RESULT},
    says="only the first batch was used: is the return inside the loop?",
)
edit(
    "train_epoch",
    {"net.train()": "pass"},
    says="net was in evaluation mode while it was trained: call net.train()",
)
edit(
    "train_epoch",
    {"net.train()": "net.training = True"},
    says="net was in evaluation mode while it was trained",
)
edit("train_epoch", {"net.train()": "net.eval()"}, says="net was in evaluation mode while it was trained")
edit(
    "train_epoch",
    {LOSS: "F.cross_entropy(scores, y).item() * len(y)"},
    says="it reports cross-entropy; report what `loss` gives",
)
edit(
    "train_epoch",
    {"loss(scores, y)": "F.cross_entropy(scores, y)"},
    says="it trains with cross-entropy; train with `loss`, whatever that is",
)
edit(
    "train_epoch",
    {"scores = net(X)": "scores = torch.softmax(net(X), dim=1)"},
    says="a softmax comes before the loss",
)
edit(
    "train_epoch",
    {"loss(scores, y)": "loss(scores, y) * len(y)", LOSS: "batch_loss.item()"},
    says="the step is n times too long: train on the mean loss",
)
odd_edit("train_epoch", {"zero_grad()": "zero_grad(set_to_none=False)", "net.train()": "net.train(True)"})
odd_edit(
    "train_epoch",
    {LOSS: "float(batch_loss.detach()) * X.shape[0]", HITS: "(scores.max(1)[1] == y).sum().item()"},
)


@odd
def train_epoch(net, train_iter, loss, optimizer):
    """Running means, gradients cleared at the start and after each step, the report as a list."""
    net.train()
    net.zero_grad()
    means, seen = [0.0, 0.0], 0
    for X, y in train_iter:
        scores = net(X)
        l = loss(scores, y)
        l.backward()
        optimizer.step()
        for parameter in net.parameters():
            parameter.grad = None
        seen += len(y)
        share = len(y) / seen
        means[0] += share * (float(l.detach()) - means[0])
        means[1] += share * (float((scores.argmax(1) == y).float().mean()) - means[1])
    return means


@odd
def train_epoch(net, train_iter, loss, optimizer):
    """The step inside a closure; all scores of the epoch kept and judged at the end."""
    net.train(True)
    all_scores, all_labels, totals = [], [], []

    for X, y in train_iter:

        def closure(X=X, y=y):
            optimizer.zero_grad(set_to_none=False)
            scores = net(X)
            value = loss(scores, y)
            value.backward()
            all_scores.append(scores.detach())
            all_labels.append(y)
            return value

        totals.append(optimizer.step(closure).detach() * y.numel())
    labels = torch.cat(all_labels)
    hits = torch.cat(all_scores).max(1).indices.eq(labels)
    return torch.stack(totals).sum().item() / len(labels), hits.double().mean().item()


PLAIN = "with torch.no_grad():\n            for p in net.parameters():\n                p -= LR * p.grad"
PLAIN = PLAIN.replace("LR", "optimizer.param_groups[0]['lr']")
edit(
    "train_epoch",
    {"optimizer.step()": PLAIN},
    says="`optimizer` was not used: this is plain gradient descent",
)
for norm in (1.0, 5.0):
    clip = f"nn.utils.clip_grad_norm_(net.parameters(), {norm})\n        optimizer.step()"
    edit("train_epoch", {"optimizer.step()": clip}, says="after three updates")
edit("train_epoch", {"net(X)": "net(X.flatten(1))"}, says="Dimension out of range")
edit(
    "train_epoch",
    {ZERO: "", "optimizer.step()": "optimizer.step()\n        optimizer.zero_grad()"},
    says="gradients from before the epoch are added to: clear them before backward()",
)
edit(
    "train_epoch",
    {"total_loss / examples": "total_loss / (256 * len(train_iter))"},
    says="it divides by 256 for each batch; divide by the examples seen",
)
edit(
    "train_epoch",
    {"right / examples": "right / (256 * len(train_iter))"},
    says="it divides by 256 for each batch; divide by the examples seen",
)

# --- claims_faulty_lines ----------------------------------------------------------------------------------

LINES = {"one": 9, "floor": 4, "flattering": 10}
wrong_value("claims_faulty_lines", "faulty", LINES | {"one": 12}, "1 of 1 is not right yet; which line adds")
wrong_value("claims_faulty_lines", "faulty", LINES | {"floor": 5}, "what does cross_entropy expect")
wrong_value("claims_faulty_lines", "faulty", LINES | {"flattering": 4}, "which outputs are counted, and when")
wrong_value("claims_faulty_lines", "faulty", LINES | {"one": "line 9"}, "'line 9' is not one of the answers")
wrong_value("claims_faulty_lines", "faulty", LINES | {"floor": "?"}, "not answered yet: 'floor'")
odd_value("claims_faulty_lines", "faulty", {symptom: str(line) for symptom, line in LINES.items()})
odd_value("claims_faulty_lines", "faulty", {symptom: f"({line})" for symptom, line in LINES.items()})

# --- confusion_matrix -------------------------------------------------------------------------------------

edit(
    "confusion_matrix",
    {
        "y_true * num_classes": "y_true * 10",
        "minlength=num_classes**2": "minlength=100",
        "reshape(num_classes, num_classes)": "reshape(-1, 10)[:num_classes, :num_classes]",
    },
    says="num_classes = 12",
)
COUNTED = "torch.bincount(pairs, minlength=num_classes**2)"

edit("confusion_matrix", {COUNTED: "torch.bincount(pairs)"}, says="is invalid for input of size")
edit(
    "confusion_matrix",
    {"y_true * num_classes + y_pred": "y_pred * num_classes + y_true"},
    says="rows and columns are swapped: the true class is the row",
)
edit(
    "confusion_matrix",
    {COUNTED: COUNTED + ".clamp(max=1)"},
    says="a pair that occurs more than once is counted once",
)
edit("confusion_matrix", {COUNTED: COUNTED + ".float()"}, says="the dtype should be int64, found float32")
edit(
    "confusion_matrix",
    {"pairs =": "num_classes = int(max(y_true.max(), y_pred.max())) + 1\n    pairs ="},
    says="the shape should be (4, 4), found (2, 2)",
)
edit(
    "confusion_matrix",
    {"pairs =": "if y_true.max() >= num_classes:\n        raise ValueError('no such class')\n    pairs ="},
    says="Expected reduction dim to be specified",
)


@wrong("a pair that occurs more than once is counted once")
def confusion_matrix(y_true, y_pred, num_classes):
    matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64)
    matrix[y_true, y_pred] += 1
    return matrix


@wrong("all rows are one and the same list: every count is added to each")
def confusion_matrix(y_true, y_pred, num_classes):
    matrix = [[0] * num_classes] * num_classes
    for true, predicted in zip(y_true, y_pred, strict=True):
        matrix[true][predicted] += 1
    return torch.tensor(matrix)


@wrong("the counts start at 1; start at 0")
def confusion_matrix(y_true, y_pred, num_classes):
    matrix = torch.ones(num_classes, num_classes, dtype=torch.int64)
    return matrix.index_put_((y_true, y_pred), torch.tensor(1), accumulate=True)


@wrong("a whole row is counted for each example; count one entry")
def confusion_matrix(y_true, y_pred, num_classes):
    matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64)
    for true in y_true:
        matrix[true] += 1
    return matrix


@wrong("these are shares; counts are asked for")
def confusion_matrix(y_true, y_pred, num_classes):
    counts = torch.bincount(y_true * num_classes + y_pred, minlength=num_classes**2).reshape(num_classes, -1)
    return counts / counts.sum(1, keepdim=True)


@wrong("only the right answers are counted; the mistakes belong in it, too")
def confusion_matrix(y_true, y_pred, num_classes):
    return torch.bincount(y_true[y_true == y_pred], minlength=num_classes).diag()


@odd
def confusion_matrix(y_true, y_pred, num_classes):
    return F.one_hot(y_true, num_classes).T @ F.one_hot(y_pred, num_classes)


@odd
def confusion_matrix(y_true, y_pred, num_classes):
    matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64)
    return matrix.index_put_((y_true, y_pred), torch.tensor(1), accumulate=True)


@odd
def confusion_matrix(y_true, y_pred, num_classes):
    matrix = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(matrix, (y_true.numpy(), y_pred.numpy()), 1)
    return torch.from_numpy(matrix)


# --- claims_softmax ---------------------------------------------------------------------------------------

CLAIMS = {"exactly zero": "b", "log of softmax": "a", "backward": "c", "zero loss": "a", "squared": "false"}
wrong_value("claims_softmax", "answers", CLAIMS | {"exactly zero": "true"}, "1 of 2 is not right yet")
wrong_value("claims_softmax", "answers", CLAIMS | {"log of softmax": "c"}, "1 of 2 is not right yet")
wrong_value(
    "claims_softmax", "answers", CLAIMS | {"zero loss": "true", "squared": "true"}, "2 of 3 are not right yet"
)
wrong_value("claims_softmax", "answers", CLAIMS | {"backward": "a"}, "1 of 3 is not right yet")
wrong_value("claims_softmax", "answers", CLAIMS | {"backward": "yes"}, "'yes' is not one of the answers")
wrong_value("claims_softmax", "answers", CLAIMS | {"zero loss": "?"}, "not answered yet: 'zero loss'")
wrong_value("claims_softmax", "answers", {"squared": "false"}, "keep the keys of the dict as they were")
odd_value("claims_softmax", "answers", {key: f" {value.upper()}" for key, value in CLAIMS.items()})
odd_value("claims_softmax", "answers", CLAIMS | {"squared": False})
