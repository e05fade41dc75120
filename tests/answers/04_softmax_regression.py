"""Known answers to the exercises of chapter 04."""

import copy
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.answers import odd, odd_value, wrong, wrong_value

# --- softmax ----------------------------------------------------------------------------------------------


@wrong("exp overflows, and inf / inf is nan: subtract a number from each row first")
def softmax(O):
    return O.exp() / O.exp().sum(-1, keepdim=True)


@wrong("exp overflows, and inf / inf is nan: subtract a number from each row first")
def softmax(O):
    """More digits do not help."""
    exps = O.double().exp()
    return (exps / exps.sum(-1, keepdim=True)).to(O.dtype)


@wrong("it subtracts one maximum for the whole table; every row needs its own")
def softmax(O):
    exps = (O - O.max()).exp()
    return exps / exps.sum(-1, keepdim=True)


@wrong("not exact enough: logsumexp of scores near 10,000 is rounded to steps of 0.001; shift first")
def softmax(O):
    return (O - O.logsumexp(-1, keepdim=True)).exp()


@wrong("it sums along axis 1; the last axis is meant")
def softmax(O):
    return torch.softmax(O, dim=1 if O.ndim > 1 else 0)


@wrong("it divides by the sum down each column; every row has its own sum")
def softmax(O):
    return torch.softmax(O, dim=0)


@wrong("one sum for the whole table; every row has its own")
def softmax(O):
    exps = (O - O.max()).exp()
    return exps / exps.sum()


@wrong("the exponentials are missing: it divides the scores by their sum")
def softmax(O):
    return O / O.sum(-1, keepdim=True)


@wrong("the exponentials are not divided by their sum")
def softmax(O):
    return O.exp()


@wrong("this is the logarithm of the probabilities")
def softmax(O):
    return torch.log_softmax(O, -1)


@wrong("the function changed its input")
def softmax(O):
    O -= O.max(-1, keepdim=True).values
    exps = O.exp()
    return exps / exps.sum(-1, keepdim=True)


@wrong("must match the size of tensor b")
def softmax(O):
    exps = (O - O.max(-1, keepdim=True).values).exp()
    return exps / exps.sum(-1)


@wrong("the dtype should be float32, found float64")
def softmax(O):
    return torch.softmax(O.double(), -1)


@wrong("it cuts large scores off, so that different scores become equal")
def softmax(O):
    """Against overflow, all large scores become equal."""
    exps = O.clamp(-80, 80).exp()
    return exps / exps.sum(-1, keepdim=True)


@wrong("a single class has probability 1")
def softmax(O):
    """One score is taken for the score of a yes-or-no question."""
    return torch.sigmoid(O) if O.shape[-1] == 1 else torch.softmax(O, -1)


@wrong("it subtracts the largest magnitude; subtract the largest score")
def softmax(O):
    exps = (O - O.abs().max(-1, keepdim=True).values).exp()
    return exps / exps.sum(-1, keepdim=True)


@wrong("the maxima are those of the rows, but the sum is that of the whole table")
def softmax(O):
    exps = (O - O.max(-1, keepdim=True).values).exp()
    return exps / exps.sum()


@wrong("it subtracts the mean of each row, and exp still overflows; subtract the largest score")
def softmax(O):
    exps = (O - O.mean(-1, keepdim=True)).exp()
    return exps / exps.sum(-1, keepdim=True)


@wrong("it subtracts the smallest score, and exp still overflows; subtract the largest")
def softmax(O):
    exps = (O - O.min(-1, keepdim=True).values).exp()
    return exps / exps.sum(-1, keepdim=True)


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
    return torch.nn.Softmax(dim=-1)(O)


@odd
def softmax(O):
    return torch.from_numpy(np.exp(np.asarray(F.log_softmax(O, -1))))


# --- log_softmax ------------------------------------------------------------------------------------------


@wrong("log(softmax) is -inf where the probability underflows to 0: do not form the probability")
def log_softmax(O):
    return torch.softmax(O, -1).log()


@wrong("log(softmax) underflows to -inf in float64 too, only later: do not form the probability")
def log_softmax(O):
    return torch.softmax(O.double(), -1).log().to(O.dtype)


@wrong("a floor under its logarithm: -200 should stay -200")
def log_softmax(O):
    return (torch.softmax(O, -1) + 1e-12).log()


@wrong("a floor under its logarithm: -200 should stay -200")
def log_softmax(O):
    return torch.softmax(O, -1).clamp(min=1e-38).log()


@wrong("logsumexp near 10,000 is rounded to steps of 0.001: subtract the maximum first, do not add it back")
def log_softmax(O):
    return O - torch.logsumexp(O, -1, keepdim=True)


@wrong("logsumexp near 10,000 is rounded to steps of 0.001: subtract the maximum first, do not add it back")
def log_softmax(O):
    """The formula as it is printed."""
    top = O.max(-1, keepdim=True).values
    return O - (top + (O - top).exp().sum(-1, keepdim=True).log())


@wrong("it subtracts one maximum for the whole table; every row needs its own")
def log_softmax(O):
    shifted = O - O.max()
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


@wrong("exp overflows: subtract a number from each row first")
def log_softmax(O):
    return O - O.exp().sum(-1, keepdim=True).log()


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


@wrong("only the maximum is subtracted; the logarithm of the sum is missing")
def log_softmax(O):
    return O - O.max(-1, keepdim=True).values


@wrong("the function changed its input")
def log_softmax(O):
    O.sub_(O.max(-1, keepdim=True).values)
    return O - O.exp().sum(-1, keepdim=True).log()


@wrong("the maximum is subtracted inside exp only; outside, too, the shifted scores are needed")
def log_softmax(O):
    """The maximum is subtracted for the exponentials and forgotten outside."""
    top = O.max(-1, keepdim=True).values
    return O - (O - top).exp().sum(-1, keepdim=True).log()


@wrong("it subtracts the largest magnitude; subtract the largest score")
def log_softmax(O):
    """The largest magnitude in place of the maximum."""
    shifted = O - O.abs().max(-1, keepdim=True).values
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


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
    """Shifted by the score of the first class, which log1p-like accuracy does not need in float64."""
    Z = O.double() - O.double().max(-1, keepdim=True).values
    order = Z.sort(-1).values  # the largest, 0, is last
    rest = order[..., :-1].exp().sum(-1, keepdim=True)
    return (Z - torch.log1p(rest)).to(O.dtype)


# --- cross_entropy ----------------------------------------------------------------------------------------


@wrong("the losses are added up; take their mean")
def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels, reduction="sum")


@wrong("the mean goes over all n * k entries; it goes over the n examples")
def cross_entropy(logits, labels):
    return -(F.one_hot(labels, logits.shape[1]) * torch.log_softmax(logits, 1)).mean()


@wrong("the minus sign is missing")
def cross_entropy(logits, labels):
    return torch.log_softmax(logits, 1)[torch.arange(len(labels)), labels].mean()


@wrong("softmax is applied twice")
def cross_entropy(logits, labels):
    return F.cross_entropy(torch.softmax(logits, 1), labels)


@wrong("it is 1 - p; take -log p")
def cross_entropy(logits, labels):
    return (1 - torch.softmax(logits, 1)[torch.arange(len(labels)), labels]).mean()


@wrong("the loss is inf where the probability underflows to 0: work with log-probabilities")
def cross_entropy(logits, labels):
    return -torch.softmax(logits, 1)[torch.arange(len(labels)), labels].log().mean()


@wrong("the loss is nan: an exponential overflows, or a logarithm of 0 meets a 0")
def cross_entropy(logits, labels):
    log_p = torch.softmax(logits, 1).log()
    return -(F.one_hot(labels, logits.shape[1]) * log_p).sum(1).mean()


@wrong("the loss is nan: an exponential overflows, or a logarithm of 0 meets a 0")
def cross_entropy(logits, labels):
    exps = logits.exp()
    return -(exps / exps.sum(1, keepdim=True))[torch.arange(len(labels)), labels].log().mean()


@wrong("a clamp, or a small number added to p, puts a ceiling on the loss")
def cross_entropy(logits, labels):
    p = torch.softmax(logits, 1)[torch.arange(len(labels)), labels]
    return -(p + 1e-12).log().mean()


@wrong("the gradient is 0 at a certain and wrong answer: there is a floor under p")
def cross_entropy(logits, labels):
    """The value is right, and the gradient comes from clamped probabilities."""
    value = F.cross_entropy(logits.detach(), labels)
    p = torch.softmax(logits, 1)[torch.arange(len(labels)), labels].clamp(min=1e-12)
    floor = -p.log().mean()
    return floor - floor.detach() + value


@wrong("softmax runs down the columns; every row is one example")
def cross_entropy(logits, labels):
    return F.nll_loss(torch.log_softmax(logits, 0), labels)


@wrong("one loss per example; return their mean")
def cross_entropy(logits, labels):
    return F.cross_entropy(logits, labels, reduction="none")


@wrong("it takes the largest probability; the label says which one counts")
def cross_entropy(logits, labels):
    return -torch.log_softmax(logits, 1).max(1).values.mean()


@wrong("the result has lost its graph")
def cross_entropy(logits, labels):
    return torch.tensor(F.cross_entropy(logits.detach(), labels).item(), dtype=logits.dtype)


@wrong("the shape should be (), found (1,)")
def cross_entropy(logits, labels):
    loss = F.cross_entropy(logits, labels)
    return loss.reshape(1) if len(labels) in (1, 5) else loss


@wrong("the loss is inf where the probability underflows to 0")
def cross_entropy(logits, labels):
    """One maximum for the whole batch."""
    shifted = logits - logits.max()
    each = shifted.exp().sum(1).log() - shifted[torch.arange(len(labels)), labels]
    return torch.where(each.isfinite(), each, torch.inf).mean()


@wrong("the shape should be (), found (5,)")
def cross_entropy(logits, labels):
    """`[:, labels]` picks whole columns."""
    return -torch.log_softmax(logits, 1)[:, labels].mean(0)


@wrong("`[:, labels]` takes whole columns; every row has one label")
def cross_entropy(logits, labels):
    return -torch.log_softmax(logits, 1)[:, labels].mean()


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


# --- repaired_step ----------------------------------------------------------------------------------------


@wrong("grad can be implicitly created only for scalar outputs")
def repaired_step(net, loss, optimizer, X, y):
    losses = loss(net(X), y)
    optimizer.zero_grad()
    losses.backward()
    optimizer.step()
    return losses


@wrong("the step is n times too long: take the mean of the losses, not their sum")
def repaired_step(net, loss, optimizer, X, y):
    losses = loss(net(X), y)
    optimizer.zero_grad()
    losses.sum().backward()
    optimizer.step()
    return losses.detach()


@wrong("the step is n times too long: take the mean of the losses, not their sum")
def repaired_step(net, loss, optimizer, X, y):
    losses = loss(net(X), y)
    optimizer.zero_grad()
    losses.backward(torch.ones_like(losses))
    optimizer.step()
    return losses.detach()


@wrong("the returned losses still hold the graph of the whole batch")
def repaired_step(net, loss, optimizer, X, y):
    losses = loss(net(X), y)
    optimizer.zero_grad()
    losses.mean().backward()
    optimizer.step()
    return losses


@wrong("the gradient from before was added to: clear it first")
def repaired_step(net, loss, optimizer, X, y):
    losses = loss(net(X), y)
    losses.mean().backward()
    optimizer.step()
    return losses.detach()


@wrong("no update was made")
def repaired_step(net, loss, optimizer, X, y):
    losses = loss(net(X), y)
    losses.mean().backward()
    optimizer.zero_grad()
    optimizer.step()
    return losses.detach()


@wrong("it returns the mean; the n losses are asked for")
def repaired_step(net, loss, optimizer, X, y):
    mean = loss(net(X), y).mean()
    optimizer.zero_grad()
    mean.backward()
    optimizer.step()
    return mean.detach()


@wrong("it returns the losses from after the update")
def repaired_step(net, loss, optimizer, X, y):
    optimizer.zero_grad()
    loss(net(X), y).mean().backward()
    optimizer.step()
    return loss(net(X), y).detach()


@wrong("should be a tensor, found a value of type list")
def repaired_step(net, loss, optimizer, X, y):
    losses = loss(net(X), y)
    optimizer.zero_grad()
    losses.mean().backward()
    optimizer.step()
    return losses.tolist()


@wrong("should be a tensor, found a value of type ndarray")
def repaired_step(net, loss, optimizer, X, y):
    losses = loss(net(X), y)
    optimizer.zero_grad()
    losses.mean().backward()
    optimizer.step()
    return losses.detach().numpy()


@odd
def repaired_step(net, loss, optimizer, X, y):
    """One vector-Jacobian product with 1/n."""
    for parameter in net.parameters():
        parameter.grad = None
    losses = loss(net(X), y)
    losses.backward(torch.full_like(losses, 1 / len(losses)))
    optimizer.step()
    return losses.data.clone()


@odd
def repaired_step(net, loss, optimizer, X, y):
    """Example by example; the losses as a tensor made of numbers."""
    optimizer.zero_grad()
    numbers = []
    for i in range(len(y)):
        one = loss(net(X[i : i + 1]), y[i : i + 1]).squeeze()
        (one / len(y)).backward()
        numbers.append(one.item())
    optimizer.step()
    return torch.tensor(numbers)


# --- count_correct ----------------------------------------------------------------------------------------


@wrong("scores were taken for predicted classes; with a single class, every row is class 0")
def count_correct(y_hat, y):
    """The book's `accuracy`."""
    if len(y_hat.shape) > 1 and y_hat.shape[1] > 1:
        y_hat = y_hat.argmax(axis=1)
    cmp = y_hat.type(y.dtype) == y
    return int((y_hat == y).sum()) if y_hat.ndim > 1 else int(cmp.sum())


@wrong("should be a Python int, found a value of type Tensor")
def count_correct(y_hat, y):
    return ((y_hat.argmax(1) if y_hat.ndim == 2 else y_hat) == y).sum()


@wrong("should be a Python int, found a value of type float")
def count_correct(y_hat, y):
    return ((y_hat.argmax(1) if y_hat.ndim == 2 else y_hat) == y).float().sum().item()


@wrong("this is the share; the number is asked for")
def count_correct(y_hat, y):
    return ((y_hat.argmax(1) if y_hat.ndim == 2 else y_hat) == y).float().mean().item()


@wrong("it counts the wrong ones")
def count_correct(y_hat, y):
    return int(((y_hat.argmax(1) if y_hat.ndim == 2 else y_hat) != y).sum())


@wrong("Dimension out of range")
def count_correct(y_hat, y):
    return int((y_hat.argmax(1) == y).sum())


@wrong("a batch of one example")
def count_correct(y_hat, y):
    """squeeze takes a single row of scores for predicted classes."""
    if y_hat.ndim == 2 and y_hat.shape[1] == 1:
        return int((y == 0).sum())
    y_hat = y_hat.squeeze()
    return int(((y_hat.argmax(1) if y_hat.ndim == 2 else y_hat) == y).sum())


@wrong("argmax without dim finds one place in the whole table; every row has its own")
def count_correct(y_hat, y):
    return int(((y_hat.argmax() if y_hat.ndim == 2 else y_hat) == y).sum())


@wrong("scores were taken for predicted classes; with a single class, every row is class 0")
def count_correct(y_hat, y):
    return int((y_hat == y).sum())


@wrong("it says which are right; count them")
def count_correct(y_hat, y):
    return (y_hat.argmax(1) if y_hat.ndim == 2 else y_hat) == y


@wrong("must match the size")
def count_correct(y_hat, y):
    return int(((y_hat.argmax(0) if y_hat.ndim == 2 else y_hat) == y).sum())


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


# --- evaluate_accuracy ------------------------------------------------------------------------------------


@wrong("it takes the mean of the batch accuracies; a small batch counts too much")
def evaluate_accuracy(net, data_iter):
    net.eval()
    with torch.no_grad():
        shares = [(net(X).argmax(1) == y).float().mean().item() for X, y in data_iter]
    return sum(shares) / len(shares)


@wrong("it counts every batch as large as the first")
def evaluate_accuracy(net, data_iter):
    net.eval()
    with torch.no_grad():
        right = [(net(X).argmax(1) == y).sum().item() for X, y in data_iter]
    return sum(right) / (len(data_iter) * len(next(iter(data_iter))[1]))


@wrong("it counts every batch as large as the last")
def evaluate_accuracy(net, data_iter):
    net.eval()
    right = 0
    with torch.no_grad():
        for X, y in data_iter:
            right += (net(X).argmax(1) == y).sum().item()
    return right / (len(data_iter) * len(y))


@wrong("it divides by the number of batches; divide by the number of examples")
def evaluate_accuracy(net, data_iter):
    net.eval()
    with torch.no_grad():
        right = [(net(X).argmax(1) == y).sum().item() for X, y in data_iter]
    return sum(right) / len(right)


@wrong("this is in per cent; a share from 0 to 1 is asked for")
def evaluate_accuracy(net, data_iter):
    net.eval()
    return 100 * share_right(net, data_iter)


@wrong("autograd is still switched off afterwards: nothing can be trained")
def evaluate_accuracy(net, data_iter):
    modes = [(m, m.training) for m in net.modules()]
    net.eval()
    torch.set_grad_enabled(False)
    share = share_right(net, data_iter)
    for m, mode in modes:
        m.training = mode
    return share


@wrong("net is in training mode while it is measured")
def evaluate_accuracy(net, data_iter):
    right, examples = 0, 0
    with torch.no_grad():
        for X, y in data_iter:
            right += (net(X).argmax(1) == y).sum().item()
            examples += len(y)
    return right / examples


@wrong("a graph is recorded while the net is measured")
def evaluate_accuracy(net, data_iter):
    modes = [(m, m.training) for m in net.modules()]
    net.eval()
    right, examples = 0, 0
    for X, y in data_iter:
        right += (net(X).argmax(1) == y).sum().item()
        examples += len(y)
    for m, mode in modes:
        m.training = mode
    return right / examples


def share_right(net, data_iter):
    right, examples = 0, 0
    with torch.no_grad():
        for X, y in data_iter:
            right += (net(X).argmax(1) == y).sum().item()
            examples += len(y)
    return right / examples


@wrong("net is left in evaluation mode")
def evaluate_accuracy(net, data_iter):
    net.eval()
    return share_right(net, data_iter)


@wrong("a part that was in evaluation mode is in training mode now")
def evaluate_accuracy(net, data_iter):
    net.eval()
    share = share_right(net, data_iter)
    net.train()
    return share


@wrong("a part that was in evaluation mode is in training mode now")
def evaluate_accuracy(net, data_iter):
    was_training = net.training
    net.eval()
    share = share_right(net, data_iter)
    net.train(was_training)
    return share


@wrong("the modes of net and its parts have changed")
def evaluate_accuracy(net, data_iter):
    """Restored in an order in which a parent overwrites its children."""
    modes = [(m, m.training) for m in net.modules()]
    net.eval()
    share = share_right(net, data_iter)
    for m, mode in reversed(modes):
        m.train(mode)
    return share


@wrong("the modes of net and its parts have changed")
def evaluate_accuracy(net, data_iter):
    """Only the direct children are remembered."""
    modes = [(m, m.training) for m in [net, *net.children()]]
    net.eval()
    share = share_right(net, data_iter)
    for m, mode in modes:
        m.train(mode)
        m.training = mode
    return share


@wrong("net is in training mode while it is measured")
def evaluate_accuracy(net, data_iter):
    """Only the outermost module is put in evaluation mode."""
    was = net.training
    net.training = False
    share = share_right(net, data_iter)
    net.training = was
    return share


@wrong("should be a Python float, found a value of type Tensor")
def evaluate_accuracy(net, data_iter):
    net.eval()
    right = examples = 0
    with torch.no_grad():
        for X, y in data_iter:
            right += (net(X).argmax(1) == y).sum()
            examples += len(y)
    return right / examples


@wrong("only the last batch counts")
def evaluate_accuracy(net, data_iter):
    net.eval()
    with torch.no_grad():
        for X, y in data_iter:
            share = (net(X).argmax(1) == y).float().mean().item()
    return share


@wrong("only the first batch counts")
def evaluate_accuracy(net, data_iter):
    net.eval()
    with torch.no_grad():
        for X, y in data_iter:
            return (net(X).argmax(1) == y).float().mean().item()


@wrong("this is the number of right answers")
def evaluate_accuracy(net, data_iter):
    net.eval()
    with torch.no_grad():
        return float(sum((net(X).argmax(1) == y).sum().item() for X, y in data_iter))


@odd
def evaluate_accuracy(net, data_iter):
    """A copy of the net is measured; the net itself is never touched."""
    return share_right(copy.deepcopy(net).eval(), data_iter)


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


# --- train_epoch ------------------------------------------------------------------------------------------


def epoch(net, train_iter, loss, optimizer, report):
    """A right epoch; report turns the list of (loss, right, n) per batch into what is returned."""
    net.train()
    batches = []
    for X, y in train_iter:
        scores = net(X)
        l = loss(scores, y)
        optimizer.zero_grad()
        l.backward()
        optimizer.step()
        batches.append((l.item(), (scores.argmax(1) == y).sum().item(), len(y)))
    return report(*map(torch.tensor, zip(*batches, strict=True)))


def mean_loss_and_accuracy(losses, right, n):
    return (losses @ (n / n.sum())).item(), (right.sum() / n.sum()).item()


@wrong("it takes the mean of the batch losses; a small batch counts too much")
def train_epoch(net, train_iter, loss, optimizer):
    return epoch(
        net,
        train_iter,
        loss,
        optimizer,
        lambda losses, right, n: (losses.mean().item(), (right.sum() / n.sum()).item()),
    )


@wrong("it takes the mean of the batch accuracies; a small batch counts too much")
def train_epoch(net, train_iter, loss, optimizer):
    return epoch(
        net,
        train_iter,
        loss,
        optimizer,
        lambda losses, right, n: ((losses @ (n / n.sum())).item(), (right / n).mean().item()),
    )


@wrong("the batch losses are added up without the batch sizes, and divided by the examples")
def train_epoch(net, train_iter, loss, optimizer):
    return epoch(
        net,
        train_iter,
        loss,
        optimizer,
        lambda losses, right, n: ((losses.sum() / n.sum()).item(), (right.sum() / n.sum()).item()),
    )


@wrong("every batch was counted as 256 examples; take its own number, len(y)")
def train_epoch(net, train_iter, loss, optimizer):
    return epoch(
        net,
        train_iter,
        loss,
        optimizer,
        lambda losses, right, n: ((losses.sum() * 256 / n.sum()).item(), (right.sum() / n.sum()).item()),
    )


@wrong("the loss is exactly 1: a digit 1 stands where the loss should be")
def train_epoch(net, train_iter, loss, optimizer):
    """The notes' `metric.add(1 * X.shape[0], ...)`."""
    return epoch(
        net, train_iter, loss, optimizer, lambda losses, right, n: (1.0, (right.sum() / n.sum()).item())
    )


@wrong("should be a Python float, found a value of type Tensor")
def train_epoch(net, train_iter, loss, optimizer):
    return epoch(
        net,
        train_iter,
        loss,
        optimizer,
        lambda losses, right, n: (losses @ (n / n.sum()), right.sum() / n.sum()),
    )


@wrong("it measures the accuracy after each update")
def train_epoch(net, train_iter, loss, optimizer):
    net.train()
    total, right, n = 0.0, 0, 0
    for X, y in train_iter:
        l = loss(net(X), y)
        optimizer.zero_grad()
        l.backward()
        optimizer.step()
        total += l.item() * len(y)
        right += (net(X).argmax(1) == y).sum().item()
        n += len(y)
    return total / n, right / n


@wrong("loss and accuracy come from two different runs of net: keep the scores of the first")
def train_epoch(net, train_iter, loss, optimizer):
    net.train()
    total, right, n = 0.0, 0, 0
    for X, y in train_iter:
        right += (net(X).argmax(1) == y).sum().item()
        l = loss(net(X), y)
        optimizer.zero_grad()
        l.backward()
        optimizer.step()
        total += l.item() * len(y)
        n += len(y)
    return total / n, right / n


@wrong("it measures the accuracy at the end of the epoch")
def train_epoch(net, train_iter, loss, optimizer):
    mean_loss = epoch(
        net, train_iter, loss, optimizer, lambda losses, right, n: (losses @ (n / n.sum())).item()
    )
    return mean_loss, share_right(net, train_iter)


@wrong("the gradients of earlier batches were added to: clear them for every batch")
def train_epoch(net, train_iter, loss, optimizer):
    net.train()
    optimizer.zero_grad()
    total, right, n = 0.0, 0, 0
    for X, y in train_iter:
        scores = net(X)
        l = loss(scores, y)
        l.backward()
        optimizer.step()
        total += l.item() * len(y)
        right += (scores.argmax(1) == y).sum().item()
        n += len(y)
    return total / n, right / n


@wrong("the weights have not moved")
def train_epoch(net, train_iter, loss, optimizer):
    net.train()
    total, right, n = 0.0, 0, 0
    for X, y in train_iter:
        scores = net(X)
        l = loss(scores, y)
        l.backward()
        optimizer.zero_grad()
        optimizer.step()
        total += l.item() * len(y)
        right += (scores.argmax(1) == y).sum().item()
        n += len(y)
    return total / n, right / n


@wrong("only one update was made, with the last batch: is the step inside the loop?")
def train_epoch(net, train_iter, loss, optimizer):
    net.train()
    total, right, n = 0.0, 0, 0
    for X, y in train_iter:
        scores = net(X)
        l = loss(scores, y)
        total += l.item() * len(y)
        right += (scores.argmax(1) == y).sum().item()
        n += len(y)
    optimizer.zero_grad()
    l.backward()
    optimizer.step()
    return total / n, right / n


@wrong("only the first batch was used: is the return inside the loop?")
def train_epoch(net, train_iter, loss, optimizer):
    for X, y in train_iter:
        scores = net(X)
        l = loss(scores, y)
        optimizer.zero_grad()
        l.backward()
        optimizer.step()
        return l.item(), (scores.argmax(1) == y).float().mean().item()


@wrong("net was in evaluation mode while it was trained: call net.train()")
def train_epoch(net, train_iter, loss, optimizer):
    total, right, n = 0.0, 0, 0
    for X, y in train_iter:
        scores = net(X)
        l = loss(scores, y)
        optimizer.zero_grad()
        l.backward()
        optimizer.step()
        total += l.item() * len(y)
        right += (scores.argmax(1) == y).sum().item()
        n += len(y)
    return total / n, right / n


@wrong("net was in evaluation mode while it was trained: call net.train()")
def train_epoch(net, train_iter, loss, optimizer):
    """Only the outermost module is switched."""
    trained = net.train
    net.train = lambda mode=True: setattr(net, "training", mode)
    try:
        return epoch(
            net,
            train_iter,
            loss,
            optimizer,
            lambda losses, right, n: ((losses @ (n / n.sum())).item(), (right.sum() / n.sum()).item()),
        )
    finally:
        net.train = trained


@wrong("it reports the loss after each update; the loss before it is asked for")
def train_epoch(net, train_iter, loss, optimizer):
    net.train()
    total, right, n = 0.0, 0, 0
    for X, y in train_iter:
        scores = net(X)
        optimizer.zero_grad()
        loss(scores, y).backward()
        optimizer.step()
        total += loss(net(X), y).item() * len(y)
        right += (scores.argmax(1) == y).sum().item()
        n += len(y)
    return total / n, right / n


@wrong("it reports cross-entropy; report what `loss` gives")
def train_epoch(net, train_iter, loss, optimizer):
    """Trains with the loss that it is given, and reports another one."""
    net.train()
    total, right, n = 0.0, 0, 0
    for X, y in train_iter:
        scores = net(X)
        optimizer.zero_grad()
        loss(scores, y).backward()
        optimizer.step()
        total += F.cross_entropy(scores, y, reduction="sum").item()
        right += (scores.argmax(1) == y).sum().item()
        n += len(y)
    return total / n, right / n


@wrong("it trains with cross-entropy; train with `loss`, whatever that is")
def train_epoch(net, train_iter, loss, optimizer):
    return epoch(net, train_iter, F.cross_entropy, optimizer, mean_loss_and_accuracy)


@wrong("return two values: mean loss, accuracy")
def train_epoch(net, train_iter, loss, optimizer):
    return epoch(net, train_iter, loss, optimizer, mean_loss_and_accuracy)[0]


@wrong("return two values: mean loss, accuracy")
def train_epoch(net, train_iter, loss, optimizer):
    mean_loss, accuracy = epoch(net, train_iter, loss, optimizer, mean_loss_and_accuracy)
    return {"loss": mean_loss, "accuracy": accuracy}


@wrong("the two results are swapped: first the mean loss, then the accuracy")
def train_epoch(net, train_iter, loss, optimizer):
    return epoch(net, train_iter, loss, optimizer, mean_loss_and_accuracy)[::-1]


@wrong("this is in per cent; a share from 0 to 1 is asked for")
def train_epoch(net, train_iter, loss, optimizer):
    mean_loss, accuracy = epoch(net, train_iter, loss, optimizer, mean_loss_and_accuracy)
    return mean_loss, 100 * accuracy


@wrong("it reports the total loss; divide by the number of examples")
def train_epoch(net, train_iter, loss, optimizer):
    return epoch(
        net,
        train_iter,
        loss,
        optimizer,
        lambda losses, right, n: ((losses @ n.float()).item(), (right.sum() / n.sum()).item()),
    )


@wrong("it reports the loss of the last batch only")
def train_epoch(net, train_iter, loss, optimizer):
    return epoch(
        net,
        train_iter,
        loss,
        optimizer,
        lambda losses, right, n: (losses[-1].item(), (right.sum() / n.sum()).item()),
    )


@odd
def train_epoch(net, train_iter, loss, optimizer):
    """Running means, gradients cleared at the end of each step, the report as a list."""
    net.train()
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


# --- confusion_matrix -------------------------------------------------------------------------------------


@wrong("a pair that occurs more than once is counted once")
def confusion_matrix(y_true, y_pred, num_classes):
    matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64)
    matrix[y_true, y_pred] += 1
    return matrix


@wrong("rows and columns are swapped: the true class is the row")
def confusion_matrix(y_true, y_pred, num_classes):
    matrix = torch.zeros(num_classes, num_classes, dtype=torch.int64)
    for true, predicted in zip(y_true, y_pred, strict=True):
        matrix[predicted, true] += 1
    return matrix


@wrong("the dtype should be int64, found float32")
def confusion_matrix(y_true, y_pred, num_classes):
    matrix = torch.zeros(num_classes, num_classes)
    for true, predicted in zip(y_true, y_pred, strict=True):
        matrix[true, predicted] += 1
    return matrix


@wrong("is invalid for input of size")
def confusion_matrix(y_true, y_pred, num_classes):
    return torch.bincount(y_true * num_classes + y_pred).reshape(num_classes, num_classes)


@wrong("the shape should be (4, 4), found (2, 2)")
def confusion_matrix(y_true, y_pred, num_classes):
    k = int(max(y_true.max(), y_pred.max())) + 1
    return torch.bincount(y_true * k + y_pred, minlength=k * k).reshape(k, k)


@wrong("these are shares; counts are asked for")
def confusion_matrix(y_true, y_pred, num_classes):
    counts = torch.bincount(y_true * num_classes + y_pred, minlength=num_classes**2).reshape(num_classes, -1)
    return counts / counts.sum(1, keepdim=True)


@wrong("Expected reduction dim to be specified")
def confusion_matrix(y_true, y_pred, num_classes):
    if y_true.max() >= num_classes:
        raise ValueError("no such class")
    return torch.bincount(y_true * num_classes + y_pred, minlength=num_classes**2).reshape(num_classes, -1)


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

CLAIMS = {
    "exactly zero": "b",
    "log of softmax": "a",
    "hidden": "false",
    "backward": "c",
    "distance": "false",
    "lowest": "a",
    "same goal": "true",
    "squared": "false",
    "batches": "b",
}
wrong_value("claims_softmax", "answers", CLAIMS | {"exactly zero": "true"}, "1 of 3 are not right yet")
wrong_value(
    "claims_softmax", "answers", CLAIMS | {"distance": "true", "squared": "true"}, "2 of 4 are not right yet"
)
wrong_value("claims_softmax", "answers", CLAIMS | {"batches": "true"}, "1 of 2 are not right yet")
wrong_value("claims_softmax", "answers", CLAIMS | {"hidden": "yes"}, "'yes' is not one of the answers")
wrong_value("claims_softmax", "answers", CLAIMS | {"lowest": "?"}, "not answered yet: 'lowest'")
wrong_value("claims_softmax", "answers", {"hidden": "false"}, "keep the keys of the dict as they were")
odd_value("claims_softmax", "answers", {key: f" {value.upper()}" for key, value in CLAIMS.items()})
odd_value("claims_softmax", "answers", CLAIMS | {"same goal": True, "hidden": False})
