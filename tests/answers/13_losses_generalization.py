"""Known answers to the exercises of chapter 13."""

import itertools
import math

import torch
from torch.nn import functional as F

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- binary_cross_entropy -----------------------------------------------------------------------------------

BCE = "(F.softplus(logits) - targets * logits).mean()"
edit("binary_cross_entropy", {".mean()": ".sum()"}, "this is the sum over the examples")
edit("binary_cross_entropy", {".mean()": ""}, "there is one loss for each example")
edit("binary_cross_entropy", {BCE: "-" + BCE}, "the sign is wrong")
edit("binary_cross_entropy", {"F.softplus(logits)": "F.softplus(-logits)"}, "softplus(z), not softplus(-z)")
edit("binary_cross_entropy", {"targets * logits": "(1 - targets) * logits"}, "the two targets are exchanged")
edit("binary_cross_entropy", {" - targets": " + targets"}, "y * z is subtracted, not added")
edit("binary_cross_entropy", {"F.softplus(logits)": "(1 + logits.exp()).log()"}, "exp(z) overflows")
edit(
    "binary_cross_entropy",
    {BCE: "F.binary_cross_entropy_with_logits(torch.sigmoid(logits), targets)"},
    "through the sigmoid twice",
)
edit(
    "binary_cross_entropy",
    {BCE: "F.binary_cross_entropy(torch.sigmoid(logits), targets)"},
    "the logarithm is cut off at -100",
)
edit(
    "binary_cross_entropy",
    {BCE: "((torch.sigmoid(logits) - targets) ** 2).mean()"},
    "this is the squared error",
)
edit(
    "binary_cross_entropy",
    {BCE: "-(targets * F.logsigmoid(logits)).mean()"},
    "the second term, of 1 - y, is missing",
)
edit("binary_cross_entropy", {".mean()": ".mean().item()"}, "should be a tensor")
edit("binary_cross_entropy", {BCE: BCE + ".detach()"}, "lost its graph")
edit("binary_cross_entropy", {"F.softplus(logits)": "F.softplus(logits.detach())"}, "the gradient is wrong")
edit(
    "binary_cross_entropy",
    {BCE: BCE.replace("logits", "logits.clamp(-50, 50)")},
    "the logits are cut off at 50",
)


@wrong("sigmoid(z) is 0, and its logarithm -inf")
def binary_cross_entropy(logits, targets):
    p = torch.sigmoid(logits)
    return -(targets * p.log() + (1 - targets) * (1 - p).log()).mean()


@wrong("sigmoid(z) is 0, and its logarithm -inf")
def binary_cross_entropy(logits, targets):
    """xlogy saves 0 log 0, but not log 0."""
    p = torch.sigmoid(logits)
    return -(torch.special.xlogy(targets, p) + torch.special.xlogy(1 - targets, 1 - p)).mean()


@wrong("probabilities are cut off at 1e-07")
def binary_cross_entropy(logits, targets):
    p = torch.sigmoid(logits).clamp(1e-7, 1 - 1e-7)
    return -(targets * p.log() + (1 - targets) * (1 - p).log()).mean()


@wrong("inside the logarithm limits the loss")
def binary_cross_entropy(logits, targets):
    p = torch.sigmoid(logits)
    return -(targets * (p + 1e-8).log() + (1 - targets) * (1 - p + 1e-8).log()).mean()


@wrong("multiplies the branch that it does not take by 0")
def binary_cross_entropy(logits, targets):
    """The loss is right, the gradient nan where exp overflows in the branch that is not taken."""
    softplus = torch.where(logits > 20, logits, torch.log(1 + torch.exp(logits)))
    return (softplus - targets * logits).mean()


@odd
def binary_cross_entropy(logits, targets):
    """The form with the size of z."""
    terms = logits.clamp(min=0) - logits * targets + torch.log1p(torch.exp(-logits.abs()))
    return terms.sum() / len(logits)


@odd
def binary_cross_entropy(logits, targets):
    return -(targets * F.logsigmoid(logits) + (1 - targets) * F.logsigmoid(-logits)).mean()


@odd
def binary_cross_entropy(logits, targets):
    """As a softmax over two classes."""
    both = torch.stack([torch.zeros_like(logits), logits], dim=1)
    return F.cross_entropy(both, torch.stack([1 - targets, targets], dim=1))


odd_edit("binary_cross_entropy", {BCE: "F.binary_cross_entropy_with_logits(logits, targets)"})
odd_edit("binary_cross_entropy", {"F.softplus(logits)": "torch.logaddexp(logits, torch.zeros_like(logits))"})

# --- entropy ------------------------------------------------------------------------------------------------

H = "-torch.special.xlogy(p, p).sum(dim=-1)"
edit("entropy", {"-torch": "torch"}, "the sign is wrong")
edit("entropy", {"dim=-1": "dim=0"}, "the sum runs over the first axis")
edit("entropy", {"dim=-1": ""}, "all distributions are thrown together")
edit("entropy", {".sum(dim=-1)": ".mean(dim=-1)"}, "this is the mean of the terms")
edit("entropy", {"dim=-1)": "dim=-1).mean()"}, "the entropies are averaged")
edit("entropy", {"dim=-1": "dim=-1, keepdim=True"}, "the axis of the classes is still there")
edit("entropy", {H: "-(p * p.log()).sum(-1)"}, "0 * log 0 is nan")
edit("entropy", {H: "-(p * p.log2()).sum(-1)"}, "this is in bits")
edit("entropy", {H: "-p.log().sum(-1)"}, "the surprises are not weighted")
edit("entropy", {H: H + " / math.log(2)"}, "this is in bits")
edit("entropy", {H: H + " / math.log(p.shape[-1])"}, "this has the base k")
edit("entropy", {H: "torch.distributions.Categorical(logits=p).entropy()"}, "applies softmax")
edit("entropy", {H: "1 - (p * p).sum(-1)"}, "which is no entropy")


@wrong("changed its input p")
def entropy(p):
    p[p == 0] = 1
    return -(p * p.log()).sum(dim=-1)


odd_edit("entropy", {H: "torch.special.entr(p).sum(-1)"})
odd_edit("entropy", {H: "-(p * torch.where(p > 0, p, torch.ones_like(p)).log()).sum(-1)"})
odd_edit("entropy", {H: "-(p * (p + 1e-12).log()).sum(-1)"})
odd_edit("entropy", {H: "-torch.nan_to_num(p * p.log()).sum(-1)"})
odd_edit("entropy", {H: "-torch.einsum('...k,...k->...', p, p.clamp(min=1e-30).log())"})


@odd
def entropy(p):
    """One Python number at a time."""
    rows = [[-sum(x * math.log(x) for x in row if x > 0)] for row in p.reshape(-1, p.shape[-1]).tolist()]
    return torch.tensor(rows, dtype=p.dtype).reshape(p.shape[:-1])


# --- cross_entropy ------------------------------------------------------------------------------------------

CE = "-torch.special.xlogy(p, q).sum(dim=-1)"
edit("cross_entropy", {"xlogy(p, q)": "xlogy(q, p)"}, "p and q are exchanged")
edit("cross_entropy", {"-torch": "torch"}, "the sign is wrong")
edit("cross_entropy", {"dim=-1": "dim=0"}, "the sum runs over the first axis")
edit("cross_entropy", {"dim=-1": ""}, "all pairs are added up")
edit("cross_entropy", {"dim=-1)": "dim=-1).mean()"}, "the results are averaged")
edit("cross_entropy", {"xlogy(p, q)": "xlogy(p, p)"}, "this is the entropy of p")
edit("cross_entropy", {CE: "-(p * q.log()).sum(-1)"}, "0 * log 0 is nan")
edit("cross_entropy", {CE: "-(p * (q + 1e-8).log()).sum(-1)"}, "makes the result finite")
edit("cross_entropy", {CE: "-(p * q.log().clamp(min=-100)).sum(-1)"}, "makes the result finite")
edit("cross_entropy", {CE: "-torch.nan_to_num(p * q.log()).sum(-1)"}, "makes the result finite")
edit("cross_entropy", {CE: "F.cross_entropy(q, p)"}, "F.cross_entropy takes scores, and averages")
edit("cross_entropy", {CE: "F.cross_entropy(q, p, reduction='none')"}, "q went through softmax once more")
edit(
    "cross_entropy",
    {CE: "(torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum(-1)"},
    "this is the KL divergence",
)
edit(
    "cross_entropy", {CE: "-(p * torch.where(q > 0, q, 1.0).log()).sum(-1)"}, "terms with q = 0 are left out"
)
edit("cross_entropy", {CE: "-(p * q.log2()).sum(-1)"}, "this is in bits")
edit(
    "cross_entropy",
    {CE: "-(p * q.masked_fill_((p == 0) & (q == 0), 1).log()).sum(-1)"},
    "changed its input q",
)
odd_edit("cross_entropy", {CE: "-torch.where(p > 0, p * q.log(), torch.zeros_like(p)).sum(-1)"})
odd_edit(
    "cross_entropy",
    {CE: "torch.special.entr(p).sum(-1) + torch.where(p > 0, p * (p / q).log(), 0.0).sum(-1)"},
)
odd_edit(
    "cross_entropy",
    {CE: "-torch.where(p == 0, torch.zeros_like(p), p * torch.log(q)).double().sum(-1).to(p.dtype)"},
)

# --- kl_divergence ------------------------------------------------------------------------------------------

KL = "(torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum(dim=-1)"
edit("kl_divergence", {KL: "F.kl_div(p.log(), q, reduction='none').sum(-1)"}, "this is D(q || p)")
edit(
    "kl_divergence",
    {KL: "F.kl_div(q.log(), p, reduction='none').sum(-1)"},
    "0 * log q is nan where both are 0",
)
edit("kl_divergence", {KL: "F.kl_div(q.log(), p, reduction='batchmean')"}, "the results are averaged")
edit("kl_divergence", {KL: "F.kl_div(q, p, reduction='none').sum(-1)"}, "F.kl_div takes log q")
edit("kl_divergence", {KL: "(p * (p / q).log()).sum(-1)"}, "0 * log 0 is nan")
edit("kl_divergence", {KL: "(torch.special.xlogy(p, p / q)).sum(-1)"}, "expected")
edit("kl_divergence", {KL: "-" + KL}, "the sign is wrong")
edit("kl_divergence", {"sum(dim=-1)\n    ###": "mean(dim=-1)\n    ###"}, "this is the mean over the classes")
edit("kl_divergence", {"torch.special.xlogy(p, p) - ": "-"}, "this is the cross-entropy")
edit("kl_divergence", {"xlogy(p, p) -": "xlogy(p, p) +"}, "expected")
edit("kl_divergence", {"xlogy(p, p)": "xlogy(q, q)"}, "expected")
edit("kl_divergence", {KL: KL + ".mean()"}, "the results are averaged")
edit("kl_divergence", {KL: "(p * ((p + 1e-10) / (q + 1e-10)).log()).sum(-1)"}, "makes the result finite")
edit(
    "kl_divergence",
    {KL: "torch.nansum(p * (p / q).log(), dim=-1).nan_to_num(posinf=50.0)"},
    "makes the result finite",
)
edit("kl_divergence", {"raise ValueError": "print"}, "should raise ValueError")
edit("kl_divergence", {'("p", p), ("q", q)': '("p", p),'}, "should raise ValueError")
edit("kl_divergence", {"> 5e-3": "> 0"}, "less than 0.001 is rounding")
edit("kl_divergence", {"> 5e-3": "> 0.05"}, "should raise ValueError")
edit("kl_divergence", {KL: "((p - q) * (p / q).log()).sum(-1) / 2"}, "this is the mean of both directions")
edit(
    "kl_divergence",
    {"((x.sum(dim=-1) - 1).abs() > 5e-3).any()": "(x.sum() - x[..., 0].numel()).abs() > 5e-3"},
    "should raise ValueError",
)
edit(
    "kl_divergence",
    {"((x.sum(dim=-1) - 1).abs() > 5e-3)": "(x.sum(dim=-1) < 0.99)"},
    "should raise ValueError",
)
edit("kl_divergence", {KL: KL.replace("(p, p)", "(p.masked_fill_(p == 0, 1), p)")}, "changed its input p")
edit("kl_divergence", {KL: KL + " / math.log(2)"}, "this is in bits")
odd_edit("kl_divergence", {KL: "torch.where(p > 0, p * (p.log() - q.log()), torch.zeros_like(p)).sum(-1)"})
odd_edit("kl_divergence", {KL: "torch.nansum(torch.where(p > 0, p * (p / q).log(), 0.0), dim=-1)"})
odd_edit("kl_divergence", {KL: "-torch.special.xlogy(p, q).sum(-1) - torch.special.entr(p).sum(-1)"})
odd_edit("kl_divergence", {"> 5e-3": "> 1e-3"})


@odd
def kl_divergence(p, q):
    """With torch's own sum, in float64."""
    for x in (p, q):
        if not torch.allclose(x.double().sum(-1), torch.ones((), dtype=torch.float64), atol=2e-3):
            raise ValueError("the probabilities of each distribution must sum to one")
    terms = torch.special.rel_entr(p, q) if hasattr(torch.special, "rel_entr") else p * (p / q).log()
    return torch.where(p > 0, terms, torch.zeros_like(p)).sum(-1)


# --- mse_logit_grad, bce_logit_grad -------------------------------------------------------------------------

MSE = "(s - y) * s * (1 - s)"
edit("mse_logit_grad", {MSE: "s - y"}, "multiply by the slope of the sigmoid")
edit("mse_logit_grad", {MSE: "2 * " + MSE}, "the factor 2 of the square cancels")
edit("mse_logit_grad", {MSE: MSE + " / 2"}, "whose 1/2 cancels")
edit("mse_logit_grad", {"(s - y)": "(y - s)"}, "the sign is wrong")
edit("mse_logit_grad", {MSE: "(s - y) ** 2 / 2"}, "this is the loss itself")
edit("mse_logit_grad", {"(s - y) * ": ""}, "this is the slope of the sigmoid")
edit("mse_logit_grad", {" * (1 - s)": ""}, "the factor 1 - s is missing")
edit("mse_logit_grad", {"(s - y) * s *": "(s - y) *"}, "the factor s is missing")
edit("mse_logit_grad", {"(s - y)": "(z - y)"}, "the error is sigmoid(z) - y, not z - y")
edit("mse_logit_grad", {"torch.sigmoid(z)": "z"}, "z is used where sigmoid(z) belongs")
edit("mse_logit_grad", {MSE: "(" + MSE + ").mean()"}, "the gradients are averaged")
edit("mse_logit_grad", {MSE: MSE + " / len(z)"}, "divided by the number of rows")
edit("mse_logit_grad", {MSE: "(" + MSE + ").sum()"}, "the gradients are added up")
edit("mse_logit_grad", {MSE: "(s - y).abs() * s * (1 - s)"}, "the sign of the error is lost")
edit("mse_logit_grad", {MSE: "(s - y) * (1 - s**2)"}, "this is the slope of tanh")
edit("mse_logit_grad", {MSE: "(s - y.round()) * s * (1 - s)"}, "targets between 0 and 1 are rounded")
edit("mse_logit_grad", {MSE: "(" + MSE + ") / z.numel()"}, "divided by their number")
edit("mse_logit_grad", {MSE: "(s - y) * torch.exp(-z) / (1 + torch.exp(-z)) ** 2"}, "exp(-z) overflows")
edit("mse_logit_grad", {MSE: "z.sub_(z).add_(" + MSE + ")"}, "changed its input z")
edit("mse_logit_grad", {MSE: "(" + MSE + ").float()"}, "dtype")
odd_edit("mse_logit_grad", {"(1 - s)": "torch.sigmoid(-z)"})
odd_edit("mse_logit_grad", {MSE: "s**2 - s**3 - y * s + y * s**2"})


@odd
def mse_logit_grad(z, y):
    """By autograd."""
    z = z.detach().clone().requires_grad_()
    loss = ((torch.sigmoid(z) - y) ** 2 / 2).sum()
    return torch.autograd.grad(loss, z)[0]


BCE_GRAD = "torch.sigmoid(z) - y"
edit("bce_logit_grad", {BCE_GRAD: "y - torch.sigmoid(z)"}, "the sign is wrong")
edit("bce_logit_grad", {BCE_GRAD: "z - y"}, "the error is sigmoid(z) - y, not z - y")
edit(
    "bce_logit_grad",
    {BCE_GRAD: "(torch.sigmoid(z) - y) * torch.sigmoid(z) * torch.sigmoid(-z)"},
    "the squared error",
)
edit(
    "bce_logit_grad",
    {BCE_GRAD: "(torch.sigmoid(z) - y) / (torch.sigmoid(z) * torch.sigmoid(-z))"},
    "this is the derivative with respect to s",
)
edit("bce_logit_grad", {BCE_GRAD: "(torch.sigmoid(z) - y).mean()"}, "the gradients are averaged")
edit("bce_logit_grad", {BCE_GRAD: "(torch.sigmoid(z) - y) / len(z.flatten())"}, "divided by their number")
edit("bce_logit_grad", {BCE_GRAD: "z.exp() / (1 + z.exp()) - y"}, "exp(z) overflows")
edit("bce_logit_grad", {BCE_GRAD: "-y * torch.sigmoid(-z)"}, "the part of 1 - y is missing")
edit("bce_logit_grad", {BCE_GRAD: "(torch.sigmoid(z) - y) / len(z)"}, "divided by the number of rows")
edit("bce_logit_grad", {BCE_GRAD: "torch.softmax(z, dim=-1) - y"}, "this is softmax")
edit("bce_logit_grad", {BCE_GRAD: "torch.sigmoid(z) - y.round()"}, "targets between 0 and 1 are rounded")
edit("bce_logit_grad", {BCE_GRAD: "(z > 0).to(y.dtype) - y"}, "take the probability")
edit(
    "bce_logit_grad",
    {BCE_GRAD: "F.binary_cross_entropy_with_logits(z, y, reduction='none')"},
    "this is the loss itself",
)
odd_edit("bce_logit_grad", {BCE_GRAD: "(1 - y) * torch.sigmoid(z) - y * torch.sigmoid(-z)"})
odd_edit("bce_logit_grad", {BCE_GRAD: "torch.tanh(z / 2) / 2 + 0.5 - y"})


@wrong("which can be 0, gives nan")
def bce_logit_grad(z, y):
    s = torch.sigmoid(z)
    return (-y / s + (1 - y) / (1 - s)) * s * (1 - s)


@odd
def bce_logit_grad(z, y):
    """By autograd."""
    z = z.detach().clone().requires_grad_()
    F.binary_cross_entropy_with_logits(z, y, reduction="sum").backward()
    return z.grad


# --- claim cards --------------------------------------------------------------------------------------------

LOSSES = {"distance": "false", "zero": "a", "squared": "false", "likelihood": "true", "smoothing": "false"}
wrong_value("claims_losses", "losses_answers", LOSSES | {"distance": "true"}, "1 of 3 is not right yet")
wrong_value(
    "claims_losses",
    "losses_answers",
    LOSSES | {"zero": "true", "likelihood": "a"},
    "2 of 3 are not right yet",
)
wrong_value(
    "claims_losses",
    "losses_answers",
    LOSSES | {"squared": "true", "smoothing": "b"},
    "2 of 2 are not right yet",
)
wrong_value("claims_losses", "losses_answers", LOSSES | {"zero": "d"}, "is not one of the answers")
odd_value("claims_losses", "losses_answers", {k: v.upper() for k, v in LOSSES.items()})
GENERAL = {"moredata": "false", "trainloss": "a", "winner": "a", "adam": "b", "capacity": "false"}
wrong_value(
    "claims_generalization", "generalization_answers", GENERAL | {"moredata": "a"}, "1 of 3 is not right yet"
)
wrong_value(
    "claims_generalization", "generalization_answers", GENERAL | {"adam": "true"}, "1 of 2 is not right yet"
)
wrong_value(
    "claims_generalization",
    "generalization_answers",
    GENERAL | {"trainloss": "true", "capacity": "c"},
    "2 of 3 are not right yet",
)
odd_value("claims_generalization", "generalization_answers", {k: f"({v})" for k, v in GENERAL.items()})

# --- squared_bias_and_variance ------------------------------------------------------------------------------

BIAS = "(centre - truth).square().mean()"
VARIANCE = "(predictions - centre).square().mean()"
NAME = "squared_bias_and_variance"
edit(NAME, {BIAS: "(centre - truth).mean()"}, "the bias is not squared")
edit(NAME, {BIAS: "(centre - truth).mean().square()"}, "the biases of the places cancel")
edit(NAME, {BIAS: "(centre - truth).abs().mean()"}, "this is the mean size of the bias")
edit(NAME, {BIAS: "(predictions - truth).square().mean()"}, "this is the whole squared error")
edit(NAME, {BIAS: "(centre - truth).square().sum()"}, "this is the sum over the places")
edit(NAME, {BIAS: "(centre - truth).abs().mean().square()"}, "averaged before they are squared")
edit(NAME, {BIAS: "(predictions.mean() - truth).square().mean()"}, "the mean of all predictions stands")
edit(
    NAME,
    {BIAS: "(predictions.mean(1, keepdim=True) - truth).square().mean()"},
    "the mean runs along each row",
)
edit(NAME, {VARIANCE: "centre.var(correction=0)"}, "the spread of the mean over the places")
edit(
    NAME,
    {VARIANCE: "predictions.std(dim=0, correction=0).mean().square()"},
    "this squares the mean deviation",
)
edit(
    NAME,
    {"squared_bias.item(), variance.item()": "variance.item(), squared_bias.item()"},
    "bias and variance are exchanged",
)
edit(NAME, {VARIANCE: "predictions.var(dim=0).mean()"}, "this divides by repeats - 1")
edit(NAME, {VARIANCE: "predictions.var(dim=1, correction=0).mean()"}, "along each row")
edit(NAME, {VARIANCE: "predictions.var()"}, "all predictions are thrown together")
edit(NAME, {VARIANCE: "predictions.var(correction=0)"}, "all predictions are thrown together")
edit(NAME, {VARIANCE: "predictions.std(dim=0, correction=0).mean()"}, "this is the standard deviation")
edit(
    NAME,
    {VARIANCE: "(predictions - truth).square().mean()"},
    "the spread is around the mean, not around the truth",
)
edit(NAME, {"squared_bias.item(), variance.item()": "squared_bias, variance"}, "should be a Python float")
edit(
    NAME,
    {"squared_bias.item(), variance.item()": "squared_bias.item() + variance.item()"},
    "it should return two numbers",
)
odd_edit(NAME, {VARIANCE: "predictions.var(dim=0, correction=0).mean()"})
odd_edit(NAME, {VARIANCE: "((predictions**2).mean(0) - centre**2).mean()"})
odd_edit(NAME, {VARIANCE: "(predictions - truth).square().mean() - squared_bias"})


@odd
def squared_bias_and_variance(predictions, truth):
    """In numpy."""
    P, t = predictions.double().numpy(), truth.double().numpy()
    return float(((P.mean(axis=0) - t) ** 2).mean()), float(P.var(axis=0).mean())


# --- weight_decay_step --------------------------------------------------------------------------------------

STEP = "param -= lr * (grad + weight_decay * param)"
edit(
    "weight_decay_step", {STEP: "param = param - lr * (grad + weight_decay * param)"}, "`param` is as before"
)
edit("weight_decay_step", {"+ weight_decay": "- weight_decay"}, "the decay has the wrong sign")
edit(
    "weight_decay_step",
    {STEP: "param -= lr * grad + weight_decay * param"},
    "the decay is not multiplied by the learning rate",
)
edit(
    "weight_decay_step",
    {STEP: "param -= lr * grad\n        param -= lr * weight_decay * param"},
    "the gradient step comes first",
)
edit("weight_decay_step", {"weight_decay * param": "2 * weight_decay * param"}, "the decay is twice as large")
edit("weight_decay_step", {"weight_decay * param": "weight_decay / 2 * param"}, "the decay is half as large")
edit("weight_decay_step", {"weight_decay * param": "weight_decay * param.sign()"}, "this is an L1 penalty")
edit("weight_decay_step", {"weight_decay * param": "weight_decay * param**2"}, "the square of w")
edit("weight_decay_step", {" + weight_decay * param": ""}, "the decay is missing")
edit("weight_decay_step", {"-=": "+="}, "the step goes uphill")
edit("weight_decay_step", {STEP: "param *= 1 - lr * weight_decay\n        " + STEP}, "the decay acts twice")
edit(
    "weight_decay_step",
    {"weight_decay * param": "weight_decay * param.norm()"},
    "the norm of w is subtracted",
)
edit(
    "weight_decay_step",
    {STEP: "grad += weight_decay * param\n        param -= lr * grad"},
    "the step changed `grad`",
)
edit("weight_decay_step", {"with torch.no_grad():": "if True:"}, "a leaf Variable that requires grad")
edit("weight_decay_step", {STEP: "param -= lr * (grad + weight_decay)"}, "the decay is a constant")
edit("weight_decay_step", {STEP: "param -= lr * grad + weight_decay"}, "the decay is a constant")
edit(
    "weight_decay_step",
    {STEP: "param.requires_grad_(False)\n        " + STEP},
    "no longer requires a gradient",
)
edit(
    "weight_decay_step",
    {STEP: "param.view(-1).sub_(lr * (grad + weight_decay * param).view(-1))"},
    "view size is not compatible",
)
edit(
    "weight_decay_step",
    {STEP: "param.data = param.data - lr * (grad + weight_decay * param.data)"},
    "moves the parameter to new memory",
)
odd_edit("weight_decay_step", {STEP: "param.mul_(1 - lr * weight_decay).sub_(grad, alpha=lr)"})
odd_edit("weight_decay_step", {STEP: "param.copy_(param - lr * (grad + weight_decay * param))"})
odd_edit(
    "weight_decay_step",
    {"with torch.no_grad():": "if True:", STEP: "param.data.sub_(lr * (grad + weight_decay * param.data))"},
)


@odd
def weight_decay_step(param, grad, lr, weight_decay):
    """Torch's optimizer does the work."""
    twin = param.detach().requires_grad_()
    twin.grad = grad.clone()
    torch.optim.SGD([twin], lr=lr, weight_decay=weight_decay).step()


# --- EarlyStopping ------------------------------------------------------------------------------------------

E = "EarlyStopping"
edit(E, {"self.waited >= self.patience": "int(self.waited >= self.patience)"}, "should return True or False")
edit(E, {"if self.best_loss - loss": "model.eval()\n        if self.best_loss - loss"}, "evaluation mode")
edit(
    E,
    {"if self.best_loss - loss": "if (self.best_loss or math.inf) - loss"},
    "a best loss of 0 was forgotten",
)
edit(
    E,
    {"self.best_loss - loss > self.min_delta": "loss < self.best_loss * (1 - self.min_delta)"},
    "not a share of the best loss",
)
edit(
    E,
    {
        "    def __init__": "    kept = {}\n\n    def __init__",
        "self.best_state = copy": "self.kept.update(copy",
        "state_dict())": "state_dict()))",
        "if self.best_state is not None": "if self.kept",
        "load_state_dict(self.best_state)": "load_state_dict(self.kept)",
    },
    "keep them on self, not on the class",
)
COPIED = "copy.deepcopy(model.state_dict())"
BETTER = "self.best_loss - loss > self.min_delta"
WAIT = "            self.waited += 1"
LOAD = "model.load_state_dict(self.best_state)"
SHARED = "shares its memory with the model"
edit(E, {COPIED: "model.state_dict()"}, SHARED)
edit(E, {COPIED: "model.state_dict().copy()"}, SHARED)
edit(E, {COPIED: "copy.copy(model.state_dict())"}, SHARED)
edit(E, {COPIED: "{k: v.detach() for k, v in model.state_dict().items()}"}, SHARED)
edit(E, {">= self.patience": "> self.patience"}, "it stops one check too late")
edit(E, {">= self.patience": "== self.patience"}, "True should stay True")
edit(E, {">= self.patience": ">= self.patience - 1"}, "it stops one check too early")
edit(E, {"> self.min_delta": ">= self.min_delta"}, "does not improve by more than min_delta")
edit(E, {"> self.min_delta": "> 0"}, "min_delta has no effect")
edit(E, {"> self.min_delta": "> -self.min_delta"}, "min_delta has the wrong sign")
edit(E, {"self.best_loss, self.waited = loss, 0": "self.best_loss = loss"}, "must be in a row")
edit(
    E,
    {
        BETTER: "self.last - loss > self.min_delta",
        WAIT: WAIT + "\n        self.last = loss",
        "0, None": "0, None\n        self.last = math.inf",
        "loss, 0": "loss, 0\n            self.last = loss",
    },
    "compares with the previous loss",
)
edit(
    E,
    {WAIT: WAIT + "\n            self.best_loss = min(self.best_loss, loss)"},
    "too small to count still became the best",
)
edit(E, {BETTER: "not loss >= self.best_loss - self.min_delta"}, "nan counted as better")
edit(E, {"self.waited += 1": "pass"}, "it never stops")
edit(E, {"if self.best_state is not None:": "if True:"}, "restore")
edit(
    E,
    {
        COPIED: "{k: v.detach().clone() for k, v in model.named_parameters()}",
        LOAD: "model.load_state_dict(self.best_state, strict=False)",
    },
    "only the parameters came back",
)
edit(E, {LOAD: "model = self.best_state"}, "restoring changes nothing")
edit(E, {LOAD: "model.load_state_dict(self.best_state, assign=True)"}, "copy when restoring, too")
edit(E, {LOAD: LOAD + "\n            self.best_state = None"}, "what was kept is gone")
edit(
    E,
    {"return self.waited >= self.patience": "if self.waited >= self.patience:\n            return True"},
    "step returned None",
)
edit(E, {"patience < 1": "patience < 0"}, "should raise ValueError")
edit(E, {"raise ValueError": "print"}, "should raise ValueError")
edit(E, {"math.inf, 0, None": "1e9, 0, None"}, "best_loss before any check")
edit(E, {WAIT: WAIT + f"\n        self.best_state = {COPIED}"}, "a check that did not improve")
edit(
    E,
    {
        WAIT: WAIT
        + f"\n            if self.best_state is not None:\n                self.best_state = {COPIED}"
    },
    "this brings back the last check",
)
STOP = "return self.waited >= self.patience"
edit(
    E,
    {STOP: f"if self.waited >= self.patience:\n            self.restore(model)\n        {STOP}"},
    "step should leave the model as it is",
)
edit(
    E,
    {WAIT: WAIT + f"\n            self.best_state = self.best_state or {COPIED}"},
    "a check that did not improve",
)
edit(
    E,
    {
        "self.best_loss, self.waited, self.best_state =": f"{E}.best_loss, self.waited, self.best_state =",
        "self.best_loss - loss": f"{E}.best_loss - loss",
        "self.best_loss, self.waited = loss": f"{E}.best_loss, self.waited = loss",
    },
    "two stoppers share one best loss",
)
edit(
    E,
    {
        "self.waited, self.best_state =": f"self.waited, {E}.best_state =",
        f"self.best_state = {COPIED}": f"{E}.best_state = {COPIED}",
        "self.best_state is not None": f"{E}.best_state is not None",
        LOAD: LOAD.replace("self", E),
    },
    "what another stopper kept",
)
edit(
    E,
    {WAIT: "            self.waited += not math.isnan(loss)"},
    "a loss of nan counts as a check",
)
edit(
    E,
    {"return self.waited >= self.patience": "return self.waited < self.patience"},
    "True and False are exchanged",
)
odd_edit(E, {"self.best_loss - loss > self.min_delta": "loss < self.best_loss - self.min_delta"})
odd_edit(
    E, {"copy.deepcopy(model.state_dict())": "{k: v.detach().clone() for k, v in model.state_dict().items()}"}
)
odd_edit(
    E,
    {
        "copy.deepcopy(model.state_dict())": "copy.deepcopy(model)",
        "load_state_dict(self.best_state)": "load_state_dict(self.best_state.state_dict())",
    },
)


@odd
class EarlyStopping:
    """Keeps all losses, and the tensors in a list."""

    def __init__(self, patience, min_delta=0.0):
        if not patience >= 1:
            raise ValueError("patience must be 1 or more")
        self.patience, self.delta, self.best_loss, self.flags, self.saved = (
            patience,
            min_delta,
            float("inf"),
            [],
            None,
        )

    def step(self, loss, model):
        self.flags.append(loss + self.delta < self.best_loss)
        if self.flags[-1]:
            self.best_loss = loss
            self.saved = [t.detach().clone() for t in itertools.chain(model.parameters(), model.buffers())]
        return len(self.flags) >= self.patience and not any(self.flags[-self.patience :])

    def restore(self, model):
        if self.saved is None:
            return
        with torch.no_grad():
            for tensor, old in zip(
                itertools.chain(model.parameters(), model.buffers()), self.saved, strict=False
            ):
                tensor.copy_(old)


# --- grid, random_search ------------------------------------------------------------------------------------

GRID = "[dict(zip(space, values)) for values in itertools.product(*space.values())]"
edit(
    "grid",
    {GRID: "[dict(zip(space, values)) for values in zip(*space.values())]"},
    "it pairs the lists one by one",
)
edit("grid", {GRID: "list(itertools.product(*space.values()))"}, "these are tuples without names")
edit(
    "grid",
    {GRID: "[dict(zip(list(space)[::-1], v)) for v in itertools.product(*list(space.values())[::-1])]"},
    "the last name changes fastest",
)
edit("grid", {GRID: GRID + "[:-1]"}, "the last combination is missing")
edit("grid", {"zip(space, values)": "reversed(list(zip(space, values)))"}, "keep the order of `space`")
edit("grid", {"*space.values()": "*map(sorted, space.values())"}, "the values are sorted")
edit(
    "grid",
    {GRID: "[dict(zip(values, space)) for values in itertools.product(*space.values())]"},
    "the names and the values are exchanged",
)
edit(
    "grid",
    {GRID: "(dict(zip(space, values)) for values in itertools.product(*space.values()))"},
    "it should return a list",
)
edit(
    "grid",
    {GRID: "[dict(pairs) for pairs in dict.fromkeys(tuple(d.items()) for d in " + GRID + ")]"},
    "[{'a': None}, {'a': None}]",
)
edit("grid", {"raise ValueError": "print"}, "should raise ValueError")
edit("grid", {"not space or ": ""}, "should raise ValueError")


@wrong("all entries are the same dict")
def grid(space):
    if not space or not all(space.values()):
        raise ValueError("empty")
    found, trial = [], {}
    for values in itertools.product(*space.values()):
        trial.update(zip(space, values, strict=False))
        found.append(trial)
    return found


@odd
def grid(space):
    """Name by name."""
    if len(space) == 0 or min(len(v) for v in space.values()) == 0:
        raise ValueError("nothing to search")
    found = [{}]
    for name, values in space.items():
        found = [{**trial, name: value} for trial in found for value in values]
    return found


R = "random_search"
DRAW = "torch.randint(len(values), (1,), generator=generator).item()"
edit(R, {DRAW: "0"}, "all trials are the same")
edit(R, {"len(values), (1,)": "len(values) - 1, (1,)"}, "the last value of a list is never drawn")
edit(R, {", generator=generator": ""}, "two generators with the same seed")
edit(R, {"for _ in range(n)]": "for _ in range(n - 1)]"}, "the number of dicts")
edit(R, {"range(n)": "range(1)"}, "the number of dicts")
edit(R, {"for _ in range(n)]": "] * n"}, "all trials are the same")
edit(
    R,
    {"    def draw": "    generator = generator or torch.Generator().manual_seed(0)\n\n    def draw"},
    "with no fixed seed",
)
edit(
    R,
    {
        "    def draw": "    if generator is not None:\n"
        "        generator = torch.Generator().manual_seed(generator.initial_seed())\n\n    def draw"
    },
    "repeats the first",
)
edit(
    R,
    {"len(values), (1,), generator=generator": "len(values), (1,), generator=torch.Generator()"},
    "all trials are the same",
)
edit(R, {"raise ValueError": "print"}, "should raise ValueError")


@wrong("comes exactly equally often")
def random_search(space, n, generator=None):
    """Each list is dealt out evenly, in random order."""
    if not space or not all(space.values()):
        raise ValueError("empty")
    columns = {
        k: [v[i % len(v)] for i in torch.randperm(n, generator=generator).tolist()] for k, v in space.items()
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@wrong("the same index is used for all names")
def random_search(space, n, generator=None):
    if not space or not all(space.values()):
        raise ValueError("empty")
    shortest = min(map(len, space.values()))
    picks = [torch.randint(shortest, (1,), generator=generator).item() for _ in range(n)]
    return [{name: values[i] for name, values in space.items()} for i in picks]


@wrong("each combination occurs at most once")
def random_search(space, n, generator=None):
    if not space or not all(space.values()):
        raise ValueError("empty")
    every = [dict(zip(space, v, strict=False)) for v in itertools.product(*space.values())]
    return [every[i] for i in torch.randperm(len(every), generator=generator)[:n].tolist()]


@wrong("it goes on and on")
def random_search(space, n, generator=None):
    """Different combinations only: more than there are never come."""
    if not space or not all(space.values()):
        raise ValueError("empty")
    found = []
    while len(found) < n:
        trial = {k: v[torch.randint(len(v), (1,), generator=generator).item()] for k, v in space.items()}
        if trial not in found:
            found.append(trial)
    return found


@odd
def random_search(space, n, generator=None):
    """Indices of whole combinations."""
    if not space or any(len(v) == 0 for v in space.values()):
        raise ValueError("empty")
    every = [dict(zip(space, v, strict=False)) for v in itertools.product(*space.values())]
    return [dict(every[i]) for i in torch.randint(len(every), (n,), generator=generator).tolist()]


@odd
def random_search(space, n, generator=None):
    """Column by column, from uniform numbers."""
    if not space or any(len(v) == 0 for v in space.values()):
        raise ValueError("empty")
    columns = {k: (torch.rand(n, generator=generator) * len(v)).long().tolist() for k, v in space.items()}
    return [{k: space[k][columns[k][i]] for k in space} for i in range(n)]


# --- pca_whiten ---------------------------------------------------------------------------------------------

P = "pca_whiten"
edit(P, {" - X.double().mean(dim=0)": ""}, "expected")
edit(
    P,
    {"variances.flip(0).clamp(min=0), axes.flip(1)": "variances.clamp(min=0), axes"},
    "the smallest variance comes first",
)
edit(P, {"variances.flip(0).clamp(min=0)": "variances.clamp(min=0)"}, "flip both")
edit(P, {"(variances + eps).sqrt())": "(variances + eps).sqrt() @ axes.T)"}, "this is ZCA whitening")
edit(P, {"(variances + eps).sqrt()": "(variances + eps)"}, "take the square root")
edit(P, {"(variances + eps).sqrt()": "(variances.sqrt() + eps)"}, "eps belongs inside the root")
edit(P, {"(variances + eps).sqrt()": "(variances + 1e-5).sqrt()"}, "eps is 1e-5 whatever")
edit(P, {" / (variances + eps).sqrt()": ""}, "not divided by sqrt(variance + eps)")
edit(P, {"(centred @ axes / ": "(centred / "}, "expected")
edit(P, {" / len(X)": ""}, "the sum of squares is not divided by n")
edit(P, {"/ len(X)": "/ X.shape[1]"}, "divided by d, not by n")
edit(
    P,
    {
        "variances.flip(0).clamp(min=0), axes.flip(1)": "variances.clamp(min=0), axes",
        "(variances + eps).sqrt()).to": "(variances + eps).sqrt()).flip(0).to",
    },
    "the rows are turned round",
)
edit(P, {"(variances + eps).sqrt()": "variances.clamp(min=eps).sqrt()"}, "eps is a lower limit")
edit(P, {"mean(dim=0)": "mean()"}, "expected")
edit(P, {"mean(dim=0)": "mean(dim=1, keepdim=True)"}, "expected")
edit(P, {".to(X.dtype)": ""}, "dtype")
edit(P, {"return (": "X -= X.mean(dim=0)\n    return ("}, "changed its input X")
edit(P, {"/ len(X)": "/ (len(X) - 1)"}, "for one row the covariance is 0 / 0")
edit(
    P,
    {"    variances, axes = torch": "    centred /= centred.std(dim=0)\n    variances, axes = torch"},
    "standardised before",
)
odd_edit(P, {"/ len(X)": "/ max(len(X) - 1, 1)"})


@odd
def pca_whiten(X, eps=1e-5):
    """By the singular values, in float64, with n - 1."""
    n, d = X.shape
    centred = (X - X.mean(dim=0)).double()
    _U, s, Vh = torch.linalg.svd(centred, full_matrices=True)
    variances = torch.zeros(d, dtype=torch.float64)
    variances[: len(s)] = s**2 / max(n - 1, 1)
    return (centred @ Vh.T / torch.sqrt(variances + eps)).to(X.dtype)


@odd
def pca_whiten(X, eps=1e-5):
    """In X's own dtype."""
    centred = X - X.mean(dim=0, keepdim=True)
    variances, axes = torch.linalg.eigh(centred.T @ centred / X.shape[0])
    order = variances.argsort(descending=True)
    return -(centred @ axes[:, order]) / torch.sqrt(variances[order].clamp(min=0) + eps)


@wrong("cut them off at 0")
def pca_whiten(X, eps=1e-5):
    """In X's own dtype, without a lower limit for the variances."""
    centred = X - X.mean(dim=0)
    variances, axes = torch.linalg.eigh(centred.T @ centred / len(X))
    return centred @ axes.flip(1) / (variances.flip(0) + eps).sqrt()


edit(P, {"eps=1e-5": "eps=1e-8"}, "eps = 1e-05, the default")
edit(
    P,
    {"eigh(centred.T @ centred / len(X))": "eigh(torch.corrcoef(centred.T).nan_to_num())"},
    "the axes are those of the correlations",
)
