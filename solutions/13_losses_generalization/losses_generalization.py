# ---
# jupyter:
#   course:
#     prerequisites:
#     - 05_mlp_dropout
#     - 10_optimizers
#     - 12_activations_initialization
#     summary: What to minimise, and what a low loss on the training data is worth on
#       new data
#     title: Losses and generalisation
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
# 13 Losses and generalisation

**Time:** about 4 hours. **You need:** chapters 1 to 5, 7, 8, 10 and 12. **Points:** 28.

Training makes a number small. Which number, and does it help on data that the network has not seen? After this chapter you can

- **write** binary cross-entropy, entropy, cross-entropy and KL divergence so that no legal input gives nan;
- **explain** by gradients why a classifier is not trained on squared error;
- **split** an error into bias, variance and noise, and **predict** what more data or more units will do to it;
- **limit** overfitting by weight decay and early stopping, and **measure** what each of them does;
- **search** for hyper-parameters, and **report** a number that the search has not made too good.

| English | Chinese (中文) | what it is |
|---|---|---|
| risk, empirical risk | 风险，经验风险 | the mean loss over all possible data; over the examples at hand |
| likelihood | 似然 | the probability that a model gives to the data that were seen |
| entropy | 熵 | the mean surprise −log p of a distribution |
| KL divergence | KL 散度 | cross-entropy minus entropy: the extra surprise of believing q when p is true |
| label smoothing | 标签平滑 | a target that gives the wrong classes a small probability, too |
| generalisation gap | 泛化差距 | error on new data minus error on the training data |
| bias, variance | 偏差，方差 | error of the average fit; spread of the fits around their average |
| weight decay | 权重衰减 | each step also shrinks the weights |
| early stopping | 早停 | stop when the validation loss no longer falls, and go back to the best weights |
| hyper-parameter | 超参数 | a setting that gradient descent does not fit |
| validation set, test set | 验证集，测试集 | the data that may choose; the data that may report |

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. The check tells you what is still wrong. Some checks are hidden: they ask for the
same on other numbers, and run when your work is graded. Once the checks of an exercise pass, the next cells work with
*your* function, and say so. When you come back after a break, the kernel has forgotten everything: click the cell where
you want to go on and choose *Run > Run All Above Selected Cell*.
"""

# %%
import copy
import itertools
import math

import course_utils as cu
from course_utils import check, stopping

import ipywidgets
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)  # networks as small as these only wait for a second thread

# %% [markdown]
r"""
## 1 A network that corrects its teacher

The garments again: 3,000 pictures to train on, 1,000 for validation, 2,000 for the test, standardised by two numbers.
"""

# %%
train_iter, test_iter = cu.data.load_fashion_mnist(batch_size=256, train_size=4_000, test_size=2_000)
pixels, test_pixels = train_iter.images.flatten(1).float(), test_iter.images.flatten(1).float()
centre, spread = pixels[:3_000].mean(), pixels[:3_000].std()
X_train, y_train = (pixels[:3_000] - centre) / spread, train_iter.labels[:3_000]  # (3000, 784), (3000,)
X_valid, y_valid = (pixels[3_000:] - centre) / spread, train_iter.labels[3_000:]
X_test, y_test = (test_pixels - centre) / spread, test_iter.labels


def mlp(width=128, seed=0, *extra):
    """784 - width - 10 with ReLU; `extra` are layers that follow the ReLU."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(784, width), nn.ReLU(), *extra, nn.Linear(width, 10))


def fit(
    net, X, y, epochs, lr=1e-3, batch_size=50, seed=0, loss=F.cross_entropy, change=None, each=None, **options
):
    """Train with Adam. change(X) alters a batch of pictures; each(net, epoch) runs after each epoch, True stops."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)  # for dropout
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr, **{"weight_decay": 0.0, **options})
    for epoch in range(1, epochs + 1):
        net.train()
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            batch = X[rows] if change is None else change(X[rows], generator)
            optimizer.zero_grad()
            loss(net(batch), y[rows]).backward()
            optimizer.step()
        if each is not None and each(net, epoch):
            break
    return net


@torch.no_grad()
def measure(net, X, y):
    """Mean cross-entropy and accuracy, in evaluation mode."""
    scores = net.eval()(X)
    return F.cross_entropy(scores, y).item(), (scores.argmax(dim=1) == y).float().mean().item()


# %% [markdown]
r"""
Take 1,000 pictures and give 30 % of them, picked at random, a wrong label. The network sees nothing else. After some epochs, ask it about the very
pictures whose labels are wrong. Predict: which class will it give, the true one or the one it was taught?
"""


# %%
def lie(labels, share, seed):
    """Labels of which this share is replaced by another class, and a mask of the places."""
    generator = torch.Generator().manual_seed(seed)
    bad = torch.rand(len(labels), generator=generator) < share
    shift = torch.randint(1, 10, labels.shape, generator=generator)
    return torch.where(bad, (labels + shift) % 10, labels), bad


lied, bad = lie(y_train[:1_000], 0.3, seed=0)

# %% tags=["experiment"]
log = {"gives the true class": [], "repeats the wrong label": [], "right on test pictures": []}


@torch.no_grad()
def ask(net, epoch):
    answer = net(X_train[:1_000][bad]).argmax(dim=1)
    log["gives the true class"].append((answer == y_train[:1_000][bad]).float().mean().item())
    log["repeats the wrong label"].append((answer == lied[bad]).float().mean().item())
    log["right on test pictures"].append(measure(net, X_test, y_test)[1])


fit(mlp(), X_train[:1_000], lied, 50, each=ask)
cu.plots.curves(
    log,
    y="share of pictures",
    title="First the network gives the true class, then it learns the wrong labels",
    alt="The share of wrongly labelled pictures given their true class rises to about 0.7 by epoch 6 and falls below 0.1; "
    "the share of repeated wrong labels rises to above 0.9; test accuracy peaks near 0.78 and falls to about 0.67",
)
truth, repeated, tested = log.values()
assert max(truth) > 0.65 and repeated[-1] > 0.85 and max(tested) - tested[-1] > 0.05
print("best epoch: over 65 % of the wrong labels corrected.  epoch 50: over 85 % of them repeated")
print("test accuracy: more than 5 points lower at the end than at its best")

# %% [markdown]
r"""
All that time the training loss fell. In the first epochs the network learns what many pictures share; the wrong labels share nothing.
Later they are most of the loss that is left.

Two questions follow. Which loss should fall (sections 2 to 5)? And what does a low training loss say about new data (sections 6 to 12)?

## 2 Losses from probabilities

Toss a coin 13 times: 9 heads, 4 tails. If heads have the probability θ, the data have the **likelihood**
$\theta^9 (1-\theta)^4$. Which θ makes it largest? Take the logarithm, which has its maximum in the same place, and set the slope to zero:

$$\begin{aligned}
\ell(\theta) &= 9 \log\theta + 4 \log(1-\theta) \\
\ell'(\theta) &= \frac{9}{\theta} - \frac{4}{1-\theta} = 0 \\
9\,(1-\theta) &= 4\,\theta \\
\theta &= \tfrac{9}{13} \approx 0.692 .
\end{aligned}$$

The logarithm is needed for another reason, too. The likelihood of 150 tosses of a fair coin is $0.5^{150}$:
"""

# %%
half = torch.tensor(0.5)
print("0.5 ** 150 in float32:", (half**150).item(), "  its logarithm:", round(150 * half.log().item(), 2))

# %% [markdown]
r"""
**Maximum likelihood** is a recipe for losses: say how the target is distributed around the model's output, and take minus the mean of the
log-likelihood. Constants that do not depend on the model drop out.

| the target y, given the model's output | −log-likelihood of one example | the loss |
|---|---|---|
| 0 or 1, with P(1) = σ(z) | $-y\log\sigma(z) - (1-y)\log(1-\sigma(z))$ | binary cross-entropy |
| one of k classes, with softmax(z) | $-\log \mathrm{softmax}(z)_y$ | cross-entropy |
| ŷ plus Gaussian noise | $(y-\hat y)^2 / 2\sigma^2$ + const | squared error |
| ŷ plus Laplace noise (heavier tails) | $\lvert y-\hat y\rvert / b$ + const | absolute error |

The first row, averaged over n examples with logits $z$ (n,) and targets $y$ (n,), is what you write next. Take care at the ends:
for $z = -200$, σ(z) is 0 in float32, and log 0 is −inf. A way around it needs two lines. Since $-\log\sigma(z) = \log(1+e^{-z})$ and $-\log(1-\sigma(z)) = \log(1+e^{z})$,

$$-y\log\sigma(z) - (1-y)\log(1-\sigma(z)) = y\,(\log(1+e^{z}) - z) + (1-y)\log(1+e^{z}) .$$

`F.softplus(z)` is $\log(1+e^z)$, computed without overflow.

### Exercise 13.1: `binary_cross_entropy` &nbsp; (2 points, about 7 minutes, ★★☆)

Torch's own is called `F.binary_cross_entropy_with_logits`; write yours from the formula, so that you know what is in it.

<details><summary>Hint 1</summary>

Simplify the right-hand side: the two terms with $\log(1 + e^z)$ have the factors $y$ and $1 - y$.

<details><summary>Hint 2</summary>

Two terms remain, one with `F.softplus` and one without. Then average.

</details></details>
"""


# %% exercise="binary_cross_entropy"
def binary_cross_entropy(logits, targets):
    """The mean binary cross-entropy, computed from logits.

    logits: float tensor (n,), n >= 1. targets: float tensor (n,) of the same dtype, probabilities in [0, 1].
    Returns a scalar tensor of this dtype, through which gradients flow; the loss and its gradients are finite for
    logits within +-1e4.
    """
    ### BEGIN SOLUTION
    return (F.softplus(logits) - targets * logits).mean()
    ### END SOLUTION


# %% test="binary_cross_entropy"
check.exercise("binary_cross_entropy", points=2)
with check.case("is right for logits of moderate size", points=0.7):
    z = torch.tensor([-2.5, -1.0, -0.25, 0.0, 0.5, 1.5, 3.0])
    y = torch.tensor([0.0, 1.0, 0.25, 1.0, 0.0, 0.75, 1.0])
    found = check.unchanged(binary_cross_entropy, z, y)
    s = torch.sigmoid(z)
    yes, no = y * s.log(), (1 - y) * (1 - s).log()
    wrong = {}
    wrong["this is the sum over the examples; take the mean"] = -(yes + no).sum()
    wrong["there is one loss for each example; average them"] = -(yes + no)
    wrong["the sign is wrong: a loss is not negative"] = (yes + no).mean()
    wrong["the second term, of 1 - y, is missing"] = -yes.mean()
    wrong["the first term, of y, is missing"] = -no.mean()
    wrong["the two targets are exchanged: this is small when the answer is wrong"] = (
        F.softplus(z).mean() - ((1 - y) * z).mean()
    )
    wrong["the logits have gone through the sigmoid twice"] = F.binary_cross_entropy_with_logits(s, y)
    wrong["this is the squared error of the probabilities"] = (s - y).square().mean()
    wrong["the logarithm is natural; this one has base 2"] = -(yes + no).mean() / math.log(2)
    wrong["the term y * z is missing"] = F.softplus(z).mean()
    wrong["y * z is subtracted, not added"] = (F.softplus(z) + y * z).mean()
    wrong["the exponent needs the sign of z: softplus(z), not softplus(-z)"] = (F.softplus(-z) - y * z).mean()
    wrong["targets between 0 and 1 are rounded; they count as they are"] = F.binary_cross_entropy_with_logits(
        z, y.round()
    )
    wrong["it is divided by n - 1; the mean divides by n"] = -(yes + no).sum() / 6
    wrong["the weights of the two terms should be y and 1 - y"] = -(s.log() + (1 - s).log()).mean()
    check.close(found, F.binary_cross_entropy_with_logits(z, y), known=wrong)
    check.like(found, torch.tensor(0.0))
with check.case("stays right for logits of up to 10,000", points=0.6):
    finite = binary_cross_entropy(torch.tensor([-200.0]), torch.tensor([1.0])) < math.inf
    words = "sigmoid(z) is 0, and its logarithm -inf; exp(-z) is inf"
    check.that(finite, f"for z = -200 and y = 1 the loss is 200. In float32, {words}")
    for z, y in (([-1e4, 200.0, 1e4], [1.0, 0.0, 1.0]), ([30.0, -60.0], [0.25, 0.5]), ([1e4], [0.0])):
        z, y = torch.tensor(z), torch.tensor(y)
        s = torch.sigmoid(z)
        wrong = {}
        wrong["sigmoid gives 0 or 1, and 0 * log 0 is nan"] = -(y * s.log() + (1 - y) * (1 - s).log()).mean()
        for limit in (20, 30, 50, 80) if z.abs().max() > 100 else ():
            words = f"the logits are cut off at {limit}: a surer mistake costs more"
            wrong[words] = F.binary_cross_entropy_with_logits(z.clamp(-limit, limit), y)
        wrong["exp(z) overflows: log(1 + exp(z)) is inf"] = ((1 + z.exp()).log() - y * z).mean()
        wrong["the logarithm is cut off at -100: a surer mistake costs more"] = F.binary_cross_entropy(s, y)
        for eps in (1e-12, 1e-10, 1e-8, 1e-7, 1e-6, 1e-5):
            p = s.clamp(eps, 1 - eps)
            words = f"probabilities are cut off at {eps:g}: a surer mistake costs more"
            wrong[words] = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
            words = f"{eps:g} inside the logarithm limits the loss: a surer mistake costs more"
            wrong[words] = -(y * (s + eps).log() + (1 - y) * (1 - s + eps).log()).mean()
        check.close(
            check.unchanged(binary_cross_entropy, z, y),
            F.binary_cross_entropy_with_logits(z, y),
            f"for z = {z.tolist()}",
            known=wrong,
        )
with check.case("its gradient is right", points=0.4):
    y = check.uniform((6,))
    check.gradient(
        binary_cross_entropy,
        F.binary_cross_entropy_with_logits,
        check.normal((6,), std=2),
        fixed=(y,),
        atol=1e-6,
    )
    z, y = torch.tensor([-1e4, 90.0, 0.5, 1e4]), torch.tensor([1.0, 0.0, 0.25, 0.75])
    z = z.requires_grad_()
    check.backward(check.made(binary_cross_entropy, z, y))
    words = "torch.where multiplies the branch that it does not take by 0, and 0 * inf is nan"
    check.that(z.grad.isfinite().all(), f"for z = {z.tolist()} the gradient is nan or inf; {words}")
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers", points=0.3, hidden=True):
    for n, std, dtype in ((1, 1.0, torch.float32), (40, 3.0, torch.float64), (9, 4000.0, torch.float32)):
        z, y = check.normal((n,), std=std, dtype=dtype).clamp(-1e4, 1e4), check.uniform((n,), dtype=dtype)
        found = check.unchanged(binary_cross_entropy, z, y)
        check.like(found, z.sum())
        check.close(found, F.binary_cross_entropy_with_logits(z, y))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Your loss at work: tell shirts (class 6) from T-shirts (class 0) by one logit, $z = Xw + b$. By hand first: with zeros at the
start, σ(z) = ½ for each picture, so the loss begins at log 2 = 0.693.
"""

# %% tags=["experiment"]
bce = cu.yours(binary_cross_entropy, instead=F.binary_cross_entropy_with_logits)


def tops(X, y):
    """The pictures of shirts and T-shirts, and 1.0 for a shirt."""
    rows = (y == 0) | (y == 6)
    return X[rows], (y[rows] == 6).float()


X_tops, y_tops = tops(X_train, y_train)
w = torch.zeros(785, requires_grad=True)
losses = []
for _ in range(200):
    loss = bce(X_tops @ w[:784] + w[784], y_tops)
    losses.append(loss.item())
    (slope,) = torch.autograd.grad(loss, w)
    with torch.no_grad():
        w -= 0.01 * slope
X_new, y_new = tops(X_test, y_test)
right = ((X_new @ w[:784] + w[784] > 0) == (y_new == 1)).float().mean().item()
cu.plots.curves(
    {"training loss": losses},
    x="step",
    y="binary cross-entropy",
    title="Shirt or T-shirt: the loss starts at log 2",
    alt="A loss curve that starts at 0.69 and falls, first fast, then slowly",
)
assert abs(losses[0] - math.log(2)) < 1e-4 and losses[-1] < 0.6 and right > 0.65
print(f"first loss: {losses[0]:.3f}.  more than 65 % of the test pictures right")

# %% [markdown]
r"""
## 3 Entropy, cross-entropy, KL divergence

Chapter 4 called $-\log p$ the **surprise** of an outcome of probability p. It is 0 for a certain outcome, and the
surprises of independent outcomes add up. With the base 2 it counts bits: an outcome of probability 1/8 is worth
$-\log_2 \frac18 = 3$ bits, as many as a good code spends on it. With the natural logarithm, as in this chapter, the unit
is the nat; one nat is $1/\log 2 = 1.4427$ bits.

Three means over surprises, for distributions $p, q$ of shape (k,):

$$\underbrace{H(p) = -\sum_i p_i \log p_i}_{\text{entropy: mean surprise}} \qquad
\underbrace{H(p, q) = -\sum_i p_i \log q_i}_{\text{cross-entropy: believing } q} \qquad
\underbrace{D(p\,\|\,q) = H(p,q) - H(p) = \sum_i p_i \log \frac{p_i}{q_i}}_{\text{KL divergence: what the wrong belief costs}}$$

Terms with $p_i = 0$ count as 0, since $p \log p \to 0$ for $p \to 0$. Where $q_i = 0$ and $p_i > 0$, something happens that q calls impossible, and both results are infinite. By hand: a fair die has $H = \log 6$.
If you believe that a die is fair, each throw surprises you by $\log 6$, whatever the die really does.

Why is the divergence never negative? Because $\log x \le x - 1$:

$$-D(p\,\|\,q) = \sum_{p_i>0} p_i \log\frac{q_i}{p_i} \;\le\; \sum_{p_i>0} p_i \Big(\frac{q_i}{p_i} - 1\Big) = \sum_{p_i>0} q_i - 1 \;\le\; 0 .$$

With $q$ uniform this says $H(p) \le \log k$.

### Exercise 13.2: `entropy` &nbsp; (1 point, about 4 minutes, ★☆☆)

<details><summary>Hint 1</summary>

`p * p.log()` is right except for p = 0, where it is 0 · (−inf) = nan. Look for a function of torch that knows 0 log 0, or choose by `torch.where`.

<details><summary>Hint 2</summary>

`torch.special.xlogy(a, b)` is a log b, and 0 where a is 0. What is left is a sum over one axis, and a sign.

</details></details>
"""


# %% exercise="entropy"
def entropy(p):
    """The entropy of each distribution, in nats.

    p: float tensor (..., k), distributions over the last axis; entries can be 0, and 0 log 0 is 0.
    Returns a tensor (...) of p's dtype, one entropy for each distribution.
    """
    ### BEGIN SOLUTION
    return -torch.special.xlogy(p, p).sum(dim=-1)
    ### END SOLUTION


# %% test="entropy"
check.exercise("entropy", points=1)
with check.case("one entropy for each distribution over the last axis", points=0.4):
    p = torch.tensor([[0.5, 0.25, 0.125, 0.125], [0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25]])
    found = check.unchanged(entropy, p)
    terms = p * p.log()
    wrong = {}
    wrong["the sign is wrong: entropy is not negative"] = terms.sum(-1)
    wrong["this is in bits, with log2; use the natural logarithm"] = -terms.sum(-1) / math.log(2)
    wrong["this has the base 10; use the natural logarithm"] = -terms.sum(-1) / math.log(10)
    wrong["this has the base k, the number of outcomes; use the natural logarithm"] = -terms.sum(
        -1
    ) / math.log(4)
    wrong["this is the mean of the terms; add them up"] = -terms.mean(-1)
    wrong["the sum runs over the first axis; each row is a distribution"] = -terms.sum(0)
    wrong["all distributions are thrown together; keep one number for each"] = -terms.sum()
    wrong["the entropies are averaged; keep one number for each distribution"] = -terms.sum(-1).mean()
    wrong["the axis of the classes is still there, with length 1"] = -terms.sum(-1, keepdim=True)
    wrong["these are the terms; add them up along the last axis"] = -terms
    wrong["the surprises are not weighted by p"] = -p.log().sum(-1)
    wrong["each surprise is weighted by p squared"] = -(p * terms).sum(-1)
    wrong["this is 1 - sum p², which is no entropy"] = 1 - p.square().sum(-1)
    wrong["it takes p for scores and applies softmax"] = torch.special.entr(p.softmax(-1)).sum(-1)
    check.close(found, -terms.sum(-1), known=wrong)
    check.like(found, p[:, 0])
with check.case("0 log 0 is 0", points=0.4):
    p = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    wrong = {"0 * log 0 is nan; such terms count as 0": torch.full((2,), math.nan)}
    check.close(check.unchanged(entropy, p), torch.tensor([0.0, math.log(2)]), known=wrong, atol=1e-5)
    check.close(entropy(p[0]), 0.0, "for one distribution alone", atol=1e-5)
### BEGIN HIDDEN TESTS
with check.case("the same on other distributions", points=0.2, hidden=True):
    for shape, dtype in (((2, 3, 5), torch.float64), ((7,), torch.float32), ((4, 1), torch.float32)):
        p = check.uniform(shape, dtype=dtype)
        p = p / p.sum(-1, keepdim=True)
        check.like(check.unchanged(entropy, p), p[..., 0])
        check.close(entropy(p), torch.special.entr(p).sum(-1), atol=1e-5)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
A coin shows heads with probability p. For which p is its entropy largest, and how large is it there? Predict, then run the cell.
"""

# %% tags=["experiment"]
H = cu.yours(entropy, instead=lambda p: torch.special.entr(p).sum(dim=-1))
heads = torch.linspace(0, 1, 101)
cu.plots.curves(
    {
        "entropy (nats)": H(torch.stack([heads, 1 - heads], dim=1)),
        "entropy (bits)": H(torch.stack([heads, 1 - heads], dim=1)) * 1.4427,
    },
    xs=heads,
    x="probability of heads",
    y="mean surprise",
    title="A fair coin is the most surprising one: log 2 = 0.693 nats = 1 bit",
    alt="Two arches over the probability of heads, 0 at both ends, with maxima of 0.69 and 1 at 0.5",
)

# %% [markdown]
r"""
### Exercise 13.3: `cross_entropy` &nbsp; (1 point, about 4 minutes, ★☆☆)

<details><summary>Hint 1</summary>

Which of the two distributions weights the surprises, and whose surprises are they? A term is 0 if p is 0 there, even if q is 0, too.

</details>
"""


# %% exercise="cross_entropy"
def cross_entropy(p, q):
    """The cross-entropy H(p, q) of each pair of distributions, in nats: p is true, q is believed.

    p, q: float tensors (..., k) of one shape, distributions over the last axis.
    Returns a tensor (...), not averaged. Terms with p = 0 are 0; +inf where q is 0 and p is not.
    """
    ### BEGIN SOLUTION
    return -torch.special.xlogy(p, q).sum(dim=-1)
    ### END SOLUTION


# %% test="cross_entropy"
check.exercise("cross_entropy", points=1)
with check.case("is right where no probability is 0", points=0.3):
    p = torch.tensor([[0.5, 0.25, 0.125, 0.125], [0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25]])
    q = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.4, 0.1, 0.2, 0.3], [0.6, 0.2, 0.15, 0.05]])
    found = check.unchanged(cross_entropy, p, q)
    right = -(p * q.log()).sum(-1)
    wrong = {}
    wrong["p and q are exchanged: the true p weights the surprises of q"] = -(q * p.log()).sum(-1)
    wrong["the sign is wrong: cross-entropy is not negative"] = -right
    wrong["this is in bits, with log2; use the natural logarithm"] = right / math.log(2)
    wrong["this is the mean over the classes; add the terms up"] = right / 4
    wrong["the sum runs over the first axis; each row is a distribution"] = -(p * q.log()).sum(0)
    wrong["the results are averaged; keep one for each pair"] = right.mean()
    wrong["all pairs are added up; keep one result for each"] = right.sum()
    wrong["the axis of the classes is still there, with length 1"] = right[:, None]
    wrong["this is the KL divergence: the entropy of p is subtracted"] = (p * (p / q).log()).sum(-1)
    wrong["this is the entropy of p; where is q?"] = -(p * p.log()).sum(-1)
    wrong["F.cross_entropy takes scores: q went through softmax once more"] = F.cross_entropy(
        q, p, reduction="none"
    )
    wrong["F.cross_entropy takes scores, and averages"] = F.cross_entropy(q, p)
    wrong["this is the loss for independent classes: terms of (1 - p) log(1 - q) are too many"] = (
        F.binary_cross_entropy(q, p, reduction="none").sum(-1)
    )
    check.close(found, right, known=wrong)
    check.like(found, right)
with check.case("is right where probabilities are 0", points=0.4):
    p = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.75, 0.25]])
    q = torch.tensor([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]])
    found, right = check.unchanged(cross_entropy, p, q), torch.tensor([math.log(2), math.inf, math.log(2)])
    wrong = {"0 * log 0 is nan; a term with p = 0 counts as 0": -(p * q.log()).sum(-1)}
    wrong["terms with q = 0 are left out; where p is not 0, the result is inf"] = torch.tensor(
        [math.log(2), math.log(2) / 2, math.log(2)]
    )
    if isinstance(found, torch.Tensor) and found.shape == (3,):
        finite = bool(found[1].isfinite())
        check.that(
            not (finite and found[1] > 2),
            "a small number inside the logarithm, or a limit, makes the result finite; it is inf",
        )
    check.close(found, right, known=wrong, atol=1e-5)
### BEGIN HIDDEN TESTS
with check.case("the same on other distributions", points=0.3, hidden=True):
    for shape, dtype in (((2, 3, 5), torch.float64), ((7,), torch.float32), ((4, 1), torch.float32)):
        p, q = (
            x / x.sum(-1, keepdim=True)
            for x in (check.uniform(shape, dtype=dtype), check.uniform(shape, 0.1, 1, dtype))
        )
        found = check.unchanged(cross_entropy, p, q)
        check.like(found, p[..., 0])
        check.close(found, -(p * q.log()).sum(-1), atol=1e-5)
    p, q = torch.tensor([[0.0, 1.0], [0.5, 0.5]]), torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    check.close(cross_entropy(p, q), torch.tensor([0.0, math.inf]), atol=1e-5)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
A classmate needs $D(p\,\|\,q)$ and finds `F.kl_div` in torch. The test is worked out by hand: for p = (0.2, 0.8) and q = (0.8, 0.2),
$0.2 \log\frac14 + 0.8 \log 4 = 0.6 \log 4 = 0.832$.
"""


# %%
def kl_by_a_classmate(p, q):
    return F.kl_div(p.log(), q, reduction="none").sum(dim=-1)


print("found:", round(kl_by_a_classmate(torch.tensor([0.2, 0.8]), torch.tensor([0.8, 0.2])).item(), 3))

# %% [markdown]
r"""
The test passes. Yet the function does not compute $D(p\,\|\,q)$.

### Exercise 13.4: spot the bugs, then write `kl_divergence` &nbsp; (2 points, about 7 minutes, ★★☆)

Find a pair for which the classmate's result is wrong, and a pair for which it is nan although the divergence is finite. Why did the test not notice? Then write the function.

A list that does not add up to 1 is no distribution; for such lists the "divergence" can even be negative, for example for p = (0.1, 0.1) and q = (0.5, 0.5). Your function raises an error then, and says why.

<details><summary>Hint 1</summary>

Try p = (0.9, 0.1), q = (0.5, 0.5), by hand and with the function. Then put a 0 into both.

<details><summary>Hint 2</summary>

$D = H(p, q) - H(p)$. Each of the two is one line, safe at 0. Think about what inf − (a finite number) is.

</details></details>
"""


# %% exercise="kl_divergence"
def kl_divergence(p, q):
    """The KL divergence D(p || q) of each pair of distributions, in nats.

    p, q: float tensors (..., k) of one shape, distributions over the last axis.
    Returns a tensor (...), not averaged. Terms with p = 0 are 0; +inf where q is 0 and p is not.
    Raises ValueError if a distribution's sum differs from 1 by more than 0.01 (less than 0.001 is rounding),
    with a message that says what is wrong.
    """
    ### BEGIN SOLUTION
    for name, x in (("p", p), ("q", q)):
        if ((x.sum(dim=-1) - 1).abs() > 5e-3).any():
            raise ValueError(f"{name} should add up to 1 along the last axis")
    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum(dim=-1)
    ### END SOLUTION


# %% test="kl_divergence"
check.exercise("kl_divergence", points=2)
with check.case("is right where no probability is 0", points=0.7):
    p = torch.tensor([[0.5, 0.25, 0.125, 0.125], [0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25]])
    q = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.4, 0.1, 0.2, 0.3], [0.6, 0.2, 0.15, 0.05]])
    found = check.unchanged(kl_divergence, p, q)
    right = (p * (p / q).log()).sum(-1)
    wrong = {}
    wrong["this is D(q || p): F.kl_div takes log q first, and then p"] = (q * (q / p).log()).sum(-1)
    wrong["the sign is wrong: the divergence is not negative"] = -right
    wrong["this is in bits; use the natural logarithm"] = right / math.log(2)
    wrong["this is the mean over the classes; add the terms up"] = right / 4
    wrong["this is the mean over all entries; keep one result for each pair"] = right.mean() / 4
    wrong["the sum runs over the first axis; each row is a distribution"] = (p * (p / q).log()).sum(0)
    wrong["the results are averaged; keep one for each pair"] = right.mean()
    wrong["all pairs are added up; keep one result for each"] = right.sum()
    wrong["the axis of the classes is still there, with length 1"] = right[:, None]
    wrong["this is the cross-entropy; subtract the entropy of p"] = -(p * q.log()).sum(-1)
    wrong["the entropy of p is added; subtract it"] = -(p * q.log() + p * p.log()).sum(-1)
    wrong["this is the sum of both directions"] = ((p - q) * (p / q).log()).sum(-1)
    wrong["this is the mean of both directions"] = ((p - q) * (p / q).log()).sum(-1) / 2
    wrong["H(q) is subtracted where H(p) should be"] = -(p * q.log() - q * q.log()).sum(-1)
    wrong["the logarithms of p / q are not weighted by p"] = (p / q).log().sum(-1)
    wrong["F.kl_div takes log q; this gave it q itself"] = F.kl_div(q, p, reduction="none").sum(-1)
    wrong["the terms are taken without their signs"] = (p * (p / q).log()).abs().sum(-1)
    check.close(found, right, known=wrong)
    check.like(found, right)
with check.case("is right where probabilities are 0", points=0.6):
    p = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.0, 0.75, 0.25]])
    q = torch.tensor([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]])
    found, third = check.unchanged(kl_divergence, p, q), 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    nan = math.nan
    wrong = {"0 * log 0 is nan; a term with p = 0 counts as 0": torch.tensor([nan, nan, nan])}
    wrong["log 0 - log 0 is nan where both are 0; such a term counts as 0"] = torch.tensor(
        [math.log(2), math.inf, nan]
    )
    wrong["0 * log q is nan where both are 0; such a term counts as 0"] = F.kl_div(
        q.log(), p, reduction="none"
    ).sum(-1)
    wrong["terms with q = 0 are left out; where p is not 0, the result is inf"] = torch.tensor(
        [math.log(2), 0.0, third]
    )
    if isinstance(found, torch.Tensor) and found.shape == (3,):
        finite = bool(found[1].isfinite())
        check.that(
            not (finite and found[1] > 1),
            "a small number inside the logarithm, or a limit, makes the result finite; it is inf",
        )
    check.close(found, torch.tensor([math.log(2), math.inf, third]), known=wrong, atol=1e-5)
with check.case("refuses what does not add up to 1", points=0.3):
    fine, short = torch.tensor([[0.5, 0.5], [0.25, 0.75]]), torch.tensor([[0.5, 0.5], [0.1, 0.1]])
    check.raises(ValueError, kl_divergence, short, fine)
    check.raises(ValueError, kl_divergence, fine, short)
    try:
        rounded = kl_divergence(fine * 1.0009, fine)
    except ValueError:
        check.fail("a sum of 1.0009 is refused: less than 0.001 is rounding")
    check.close(rounded, torch.zeros(2), "for a sum of 1.0009, which is rounding", atol=2e-3)
### BEGIN HIDDEN TESTS
with check.case("the same on other distributions", points=0.4, hidden=True):
    for shape, dtype in (((2, 3, 5), torch.float64), ((7,), torch.float32), ((4, 1), torch.float32)):
        p, q = (
            x / x.sum(-1, keepdim=True)
            for x in (check.uniform(shape, dtype=dtype), check.uniform(shape, 0.1, 1, dtype))
        )
        found = check.unchanged(kl_divergence, p, q)
        check.like(found, p[..., 0])
        check.close(found, (p * (p / q).log()).sum(-1), atol=1e-5)
    p, q = torch.tensor([[0.0, 1.0], [0.5, 0.5]]), torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    check.close(kl_divergence(p, q), torch.tensor([0.0, math.inf]), atol=1e-5)
    pair = [[0.5, 0.5], [0.5, 0.5]], [[0.25, 0.25], [0.75, 0.75]]
    for p, q in (([1.5, 0.5], [0.5, 0.5]), ([0.5, 0.5], [0.5, 0.515]), pair):
        check.raises(ValueError, kl_divergence, torch.tensor(p), torch.tensor(q))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Is D a distance? A distance would be the same in both directions. Take two bell curves, N(0, 1) and N(0, 2²), in narrow bins.
On paper $D = \log 2 + \frac18 - \frac12 = 0.318$ one way and $-\log 2 + 2 - \frac12 = 0.807$ the other. And the cross-entropy of a distribution with itself?
"""

# %% tags=["experiment"]
D = cu.yours(kl_divergence, instead=lambda p, q: F.kl_div(q.log(), p, reduction="none").sum(dim=-1))
CE = cu.yours(cross_entropy, instead=lambda p, q: -torch.special.xlogy(p, q).sum(dim=-1))
places = torch.linspace(-12, 12, 2_401, dtype=torch.float64)


def bell(mean, std):
    """A normal distribution in bins of width 0.01."""
    return torch.softmax(-(((places - mean) / std) ** 2) / 2, dim=0)


narrow, wide = bell(0, 1), bell(0, 2)
print(f"D(narrow || wide) = {D(narrow, wide):.3f},  D(wide || narrow) = {D(wide, narrow):.3f}")
die = torch.full((6,), 1 / 6)
sure = torch.eye(6)[0]
print(f"H(die, die) = {CE(die, die):.3f} = log 6,  D(die || die) = {abs(D(die, die)):.3f}")
print(f"H(sure, sure) = {abs(CE(sure, sure)):.3f}: zero for a distribution without surprise")

# %% [markdown]
r"""
So D is no distance. And a cross-entropy has its minimum at q = p, but the minimum is H(p), not 0.

**Try it.** p has two bumps. You choose one bell curve q, by its centre and its width. *Goal: first bring D(p ‖ q) below 0.57. Then, starting again,
bring D(q ‖ p) below 0.72. Why do the two goals lead to such different curves?*
"""


# %% jupyter={"source_hidden": true}
def draw_two_bumps(ax, centre_of_q, width_of_q):
    """Draw p and q. Returns the divergences, and which goals are reached."""
    x = torch.linspace(-8, 8, 801, dtype=torch.float64)
    p = torch.exp(-(((x - 2) / 0.6) ** 2) / 2) + torch.exp(-(((x + 2) / 0.6) ** 2) / 2)
    p = p / p.sum()
    log_q = torch.log_softmax(-(((x - centre_of_q) / width_of_q) ** 2) / 2, dim=0)
    q = log_q.exp()
    log_p = (p + 1e-300).log()
    h, ce = -(p * log_p).sum().item(), -(p * log_q).sum().item()
    back = torch.special.xlogy(q, q / (p + 1e-300)).sum().item()
    for y, name, colour, dash in ((p, "p", cu.plots.COLOURS[0], "-"), (q, "q", cu.plots.COLOURS[1], "--")):
        ax.plot(x, y / 0.02, dash, color=colour, label=name)
    ax.set(xlabel="x", ylabel="density", ylim=(0, 0.8))
    ax.set_title(f"H(p) = {h:.2f}   H(p, q) = {ce:.2f}   D(p ‖ q) = {ce - h:.2f}   D(q ‖ p) = {back:.2f}")
    ax.legend(loc="upper right")
    reached = [
        text
        for text, ok in (("first goal reached", ce - h < 0.57), ("second goal reached", back < 0.72))
        if ok
    ]
    return ", ".join(reached) or "no goal reached yet"


cu.demo.explore(
    draw_two_bumps,
    centre_of_q=ipywidgets.FloatSlider(value=1.0, min=-4, max=4, step=0.1, description="centre"),
    width_of_q=ipywidgets.FloatSlider(value=1.0, min=0.5, max=4, step=0.1, description="width"),
    alt="Two bumps at -2 and 2, and a bell curve with a centre and width to choose; the divergences in both directions",
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_two_bumps(ax, 1.0, 1.0),
    alt="A bell curve q at 1 of width 1 between the two bumps of p: D(p || q) is large, because q gives the left bump hardly any probability",
)

# %% [markdown]
r"""
$D(p\,\|\,q)$ is large if q is almost 0 where p is not, so q must cover both bumps. $D(q\,\|\,p)$ is large if p is almost 0
where q is not, so q covers one bump only. Training by cross-entropy is of the first kind, with the data as p.

**Three names, one set of weights.** Let $\hat p$ be the shares of the labels in the data and $q_w$ the model. Then

$$\begin{aligned}
-\tfrac1n \log \prod_{i=1}^n q_w(y_i) &= -\tfrac1n \sum_i \log q_w(y_i) && \text{(minus the log-likelihood, per example)} \\
&= -\sum_y \hat p(y) \log q_w(y) && \text{(collect equal labels)} \\
&= H(\hat p, q_w) && \text{(cross-entropy)} \\
&= D(\hat p\,\|\,q_w) + H(\hat p) && (H(\hat p) \text{ does not depend on } w).
\end{aligned}$$

Minus the log-likelihood per example *is* the cross-entropy, and the divergence differs from it by a constant. So all three have the same gradient and the same best weights. On the coin of section 2:
"""

# %% tags=["experiment"]
H, CE, D = (
    cu.yours(entropy, instead=lambda p: torch.special.entr(p).sum(dim=-1)),
    cu.yours(cross_entropy, instead=lambda p, q: -torch.special.xlogy(p, q).sum(dim=-1)),
    cu.yours(kl_divergence, instead=lambda p, q: F.kl_div(q.log(), p, reduction="none").sum(dim=-1)),
)
theta = torch.linspace(0.3, 0.95, 651, dtype=torch.float64)
model = torch.stack([theta, 1 - theta], dim=1)  # (651, 2)
seen = torch.tensor([9 / 13, 4 / 13], dtype=torch.float64).expand_as(model)
likelihood = theta**9 * (1 - theta) ** 4
cu.plots.curves(
    {
        "-log likelihood / 13": -likelihood.log() / 13,
        "cross-entropy": CE(seen, model),
        "KL divergence": D(seen, model),
        "cross-entropy - entropy": CE(seen, model) - H(seen),
    },
    xs=theta,
    x="θ, the model's probability of heads",
    y="loss (nats)",
    title="Two pairs of equal curves, shifted by H(p): one minimum at 9/13",
    alt="Two bowls, each drawn twice on top of one another, one 0.62 above the other, with their lowest points at 0.69",
)
print(
    [f"{theta[loss.argmin()]:.3f}" for loss in (-likelihood, CE(seen, model), D(seen, model))],
    " 9/13 =",
    round(9 / 13, 3),
)

# %% [markdown]
r"""
**Label smoothing.** A one-hot target asks for probability 1, which no finite scores give, so the weights keep growing. A smoothed target gives the right class
$1 - \varepsilon + \varepsilon/k$ and each other $\varepsilon/k$. Predict for ε = 0.1 and k = 10: the right class gets 0.91, the others 0.01.
The smallest loss possible is the entropy of this target, $-0.91\log 0.91 - 9 \cdot 0.01 \log 0.01 = 0.500$, not 0. It is reached where the score of the right class leads by
$\log(0.91/0.01) = 4.51$.
"""

# %% tags=["experiment"]
smooth = torch.full((10,), 0.01)
smooth[3] = 0.91
print(f"entropy of the target: {H(smooth):.3f}")
leads = torch.linspace(0, 12, 121)
scores = torch.zeros(121, 10)
scores[:, 3] = leads
targets = torch.full((121,), 3)
cu.plots.curves(
    {
        "one-hot target": F.cross_entropy(scores, targets, reduction="none"),
        "smoothed, ε = 0.1": F.cross_entropy(scores, targets, reduction="none", label_smoothing=0.1),
    },
    xs=leads,
    x="lead of the right class's score",
    y="loss",
    title="With smoothing, too much certainty costs: the minimum is at a lead of 4.51",
    alt="The one-hot loss falls towards 0; the smoothed one has a minimum of 0.5 at 4.5 and rises again",
)

# %% [markdown]
r"""
## 4 Why not squared error for classes?

Squared error on probabilities has the right minimum. If heads have the probability p and you predict s, the mean squared error is
$p(1-s)^2 + (1-p)s^2$, with slope $2(s - p)$: the best prediction is $s = p$, as for cross-entropy. (Chapter 4 met it as the Brier score, a good *measure*.)
That labels are 0 or 1 is no obstacle either. The reason is the **gradient**, as a curve in chapter 4 showed; now you write it. The network gives a logit z, $s = \sigma(z)$, and $\sigma' = s(1-s)$:

$$\frac{d}{dz}\,\tfrac12 (s-y)^2 = (s - y)\,s\,(1 - s), \qquad
\frac{d}{dz}\Big[-y\log s - (1-y)\log(1-s)\Big] = \Big[-\frac ys + \frac{1-y}{1-s}\Big] s(1-s) = s - y .$$

Take y = 1 and z = −10: sure, and wrong. Then $s \approx 4.5 \cdot 10^{-5}$. Predict both gradients before you go on.

### Exercise 13.5: `mse_logit_grad` &nbsp; (2 points, about 5 minutes, ★★☆)

<details><summary>Hint 1</summary>

Three factors. One is an error, the two others are the slope of the sigmoid. All of them act entry by entry.

</details>
"""


# %% exercise="mse_logit_grad"
def mse_logit_grad(z, y):
    """The derivative of (sigmoid(z) - y)^2 / 2 with respect to the logit z, for each example.

    z, y: float tensors of one shape; y in [0, 1]. Returns a tensor of this shape and dtype; finite for z within +-1e4.
    """
    ### BEGIN SOLUTION
    s = torch.sigmoid(z)
    return (s - y) * s * (1 - s)
    ### END SOLUTION


# %% test="mse_logit_grad"
check.exercise("mse_logit_grad", points=2)
with check.case("is the derivative for each example", points=1):
    z = torch.tensor([[-2.0, -0.5], [0.25, 1.0], [2.5, -1.0]])
    y = torch.tensor([[1.0, 0.0], [1.0, 0.25], [0.0, 1.0]])
    s = torch.sigmoid(z)
    right = (s - y) * s * (1 - s)
    wrong = {}
    wrong["this is the derivative with respect to s; multiply by the slope of the sigmoid"] = s - y
    wrong["the factor 2 of the square cancels with the 1/2 in front"] = 2 * right
    wrong["the loss has a 1/2 in front, whose 1/2 cancels with the 2 of the square"] = right / 2
    wrong["the sign is wrong: the loss falls with z where y = 1"] = -right
    wrong["this is the loss itself"] = (s - y).square() / 2
    wrong["this is the slope of the sigmoid; multiply by the error s - y"] = s * (1 - s)
    wrong["the error is squared; the derivative has its first power"] = (s - y).square() * s * (1 - s)
    wrong["the factor 1 - s is missing: the slope of the sigmoid is s (1 - s)"] = (s - y) * s
    wrong["the factor s is missing: the slope of the sigmoid is s (1 - s)"] = (s - y) * (1 - s)
    wrong["z is used where sigmoid(z) belongs"] = (z - y) * z * (1 - z)
    wrong["the error is sigmoid(z) - y, not z - y"] = (z - y) * s * (1 - s)
    wrong["the error is divided by the slope of the sigmoid; multiply"] = (s - y) / (s * (1 - s))
    wrong["the slope belongs to sigmoid(z); the sigmoid was applied twice"] = (
        (s - y) * torch.sigmoid(s) * (1 - torch.sigmoid(s))
    )
    wrong["the gradients are divided by their number; keep one for each example"] = right / 6
    wrong["the gradients are divided by the number of rows; keep one for each example"] = right / 3
    wrong["the gradients are averaged; keep one for each example"] = right.mean()
    wrong["the gradients are added up; keep one for each example"] = right.sum()
    wrong["the sign of the error is lost"] = right.abs()
    wrong["this is the slope of tanh, 1 - s²; that of the sigmoid is s (1 - s)"] = (s - y) * (1 - s.square())
    wrong["targets between 0 and 1 are rounded; they count as they are"] = (s - y.round()) * s * (1 - s)
    check.close(check.unchanged(mse_logit_grad, z, y), right, known=wrong, rtol=1e-3, atol=1e-6)
with check.case("at logits that are sure and wrong, and keeps shape and dtype", points=0.6):
    z = torch.tensor([-10.0, -20.0, 10.0, -1e4, 1e4], dtype=torch.float64)
    y = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    s = torch.sigmoid(z)
    found, right = mse_logit_grad(z, y), (s - y) * s * torch.sigmoid(-z)
    wrong = {}
    wrong["exp(-z) overflows, and inf / inf is nan"] = (s - y) * s * s * (-z).exp()
    wrong["exp(-z) overflows in the slope exp(-z) / (1 + exp(-z))^2"] = (
        (s - y) * (-z).exp() / (1 + (-z).exp()) ** 2
    )
    check.close(found, right, known=wrong, rtol=1e-3, atol=1e-12)
    check.like(found, z)
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers", points=0.4, hidden=True):
    for shape, dtype in (((7,), torch.float32), ((2, 3, 2), torch.float64), ((), torch.float32)):
        z, y = check.normal(shape, std=3, dtype=dtype), check.uniform(shape, dtype=dtype)
        s, found = torch.sigmoid(z), check.unchanged(mse_logit_grad, z, y)
        check.like(found, z)
        check.close(found, (s - y) * s * (1 - s), rtol=1e-3, atol=1e-6)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 13.6: `bce_logit_grad` &nbsp; (1 point, about 3 minutes, ★☆☆)

<details><summary>Hint 1</summary>

The last formula above, after everything has cancelled. Do not divide by s (1 − s): it can be 0.

</details>
"""


# %% exercise="bce_logit_grad"
def bce_logit_grad(z, y):
    """The derivative of binary cross-entropy with respect to the logit z, for each example (not averaged).

    z, y: float tensors of one shape; y in [0, 1]. Returns a tensor of this shape and dtype; finite for z within +-1e4.
    """
    ### BEGIN SOLUTION
    return torch.sigmoid(z) - y
    ### END SOLUTION


# %% test="bce_logit_grad"
check.exercise("bce_logit_grad", points=1)
with check.case("is the derivative for each example", points=0.5):
    z = torch.tensor([[-2.0, -0.5], [0.25, 1.0], [2.5, -1.0]])
    y = torch.tensor([[1.0, 0.0], [1.0, 0.25], [0.0, 1.0]])
    s = torch.sigmoid(z)
    wrong = {}
    wrong["the sign is wrong: the loss falls with z where y = 1"] = y - s
    wrong["this is the derivative with respect to s; multiply by the slope of the sigmoid"] = (s - y) / (
        s * (1 - s)
    )
    wrong["this is the derivative of the squared error"] = (s - y) * s * (1 - s)
    wrong["the error is sigmoid(z) - y, not z - y"] = z - y
    wrong["this is the loss itself"] = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    wrong["the gradients are divided by their number; keep one for each example"] = (s - y) / 6
    wrong["the gradients are divided by the number of rows; keep one for each example"] = (s - y) / 3
    wrong["this is softmax; each logit goes through the sigmoid alone"] = z.softmax(-1) - y
    wrong["targets between 0 and 1 are rounded; they count as they are"] = s - y.round()
    wrong["this is the mistake of the decision, 0 or 1; take the probability"] = (z > 0).float() - y
    wrong["the gradients are averaged; keep one for each example"] = (s - y).mean()
    wrong["the part of 1 - y is missing"] = -y * (1 - s)
    wrong["the sign of the error is lost"] = (s - y).abs()
    wrong["there is no factor of 2 here"] = 2 * (s - y)
    check.close(check.unchanged(bce_logit_grad, z, y), s - y, known=wrong, rtol=1e-3, atol=1e-6)
with check.case("at logits that are sure and wrong, and keeps shape and dtype", points=0.3):
    z = torch.tensor([-10.0, -200.0, 10.0, -1e4, 1e4])
    y = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0])
    s = torch.sigmoid(z)
    wrong = {}
    wrong["a division by s or 1 - s, which can be 0, gives nan: let them cancel on paper"] = (
        (-y / s + (1 - y) / (1 - s)) * s * (1 - s)
    )
    wrong["exp(z) overflows, and inf / inf is nan"] = z.exp() / (1 + z.exp()) - y
    found = bce_logit_grad(z, y)
    check.close(found, s - y, known=wrong, rtol=1e-3, atol=1e-6)
    check.like(found, z)
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers", points=0.2, hidden=True):
    for shape, dtype in (((7,), torch.float32), ((2, 3, 2), torch.float64), ((), torch.float32)):
        z, y = check.normal(shape, std=3, dtype=dtype), check.uniform(shape, dtype=dtype)
        found = check.unchanged(bce_logit_grad, z, y)
        check.like(found, z)
        check.close(found, torch.sigmoid(z) - y, rtol=1e-3, atol=1e-6)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
The two gradients, drawn by your functions, for y = 1:
"""

# %% tags=["experiment"]
g_mse = cu.yours(
    mse_logit_grad, instead=torch.func.vmap(torch.func.grad(lambda z, y: (torch.sigmoid(z) - y) ** 2 / 2))
)
g_bce = cu.yours(bce_logit_grad, instead=lambda z, y: torch.sigmoid(z) - y)
z = torch.linspace(-20, 5, 251)
one = torch.ones_like(z)
cu.plots.curves(
    {"squared error": -g_mse(z, one), "binary cross-entropy": -g_bce(z, one)},
    xs=z,
    x="logit z (the right answer is 1)",
    y="size of the gradient",
    log_y=True,
    title="The more wrong, the weaker the pull of squared error",
    alt="Cross-entropy's gradient approaches 1 to the left; that of squared error falls by a factor of e for each unit of z",
)
for logit in (-2.0, -5.0, -10.0, -20.0):
    z1, y1 = torch.tensor([logit]), torch.ones(1)
    print(
        f"z = {logit:4.0f}: squared error {-g_mse(z1, y1).item():.1e}, cross-entropy {-g_bce(z1, y1).item():.2f}"
    )

# %% [markdown]
r"""
At z = −10 the gradients are 4.5 · 10⁻⁵ and 1.00. (Some texts leave out the ½; then it is 9 · 10⁻⁵.) Does it matter in training? The classifier for shirts, with your gradients, from two
starts: bias 0, and bias −15, at which all answers are a sure "no". Each loss gets the best of nine rates, from 0.001 to 10, chosen on validation data.
"""

# %% tags=["experiment"]
X_choose, y_choose = tops(X_valid, y_valid)


def train_logit(grad, start, lr, num_steps=100):
    """Full-batch gradient descent on one logit. Returns weights (784,) and bias ()."""
    w, b = torch.zeros(784), torch.tensor(start)
    for _ in range(num_steps):
        g = grad(X_tops @ w + b, y_tops) / len(X_tops)  # (n,)
        w, b = w - lr * g @ X_tops, b - lr * g.sum()
    return w, b


def share_right(w, b, X, y):
    return ((X @ w + b > 0) == (y == 1)).float().mean().item()


rates = [10 ** (k / 2) for k in range(-6, 3)]
best = {}
for loss_name, grad in (("squared error", g_mse), ("cross-entropy", g_bce)):
    for start in (0.0, -15.0):
        runs = [train_logit(grad, start, lr) for lr in rates]
        w, b = max(runs, key=lambda run: share_right(*run, X_choose, y_choose))
        best[loss_name, start] = share_right(w, b, X_new, y_new)
cu.plots.heatmap(
    [[best[name, start] for start in (0.0, -15.0)] for name in ("squared error", "cross-entropy")],
    rows=["squared error", "cross-entropy"],
    columns=["bias 0", "bias -15"],
    title="Test accuracy after 100 steps, best of nine rates",
    alt="From bias 0 both losses reach almost 0.9; from bias -15 only cross-entropy does, squared error stays at about 0.5",
)
assert abs(best["squared error", 0.0] - best["cross-entropy", 0.0]) < 0.06
assert best["cross-entropy", -15.0] > best["squared error", -15.0] + 0.1
print(
    "from a good start the two are within 6 points; from the bad one cross-entropy is more than 10 points ahead"
)

# %% [markdown]
r"""
From a good start, squared error is fine. From the bad start it does not get away: at z = −15 the factor s(1 − s) is about 3 · 10⁻⁷.

## 5 Squared, absolute, Huber

For numbers, squared error is the usual choice. Five prices, 1, 2, 3, 4 and 100 (the last one is a typing error). Which *constant* c fits best? The squared error's slope
is zero at the mean, 22. The absolute error's slope counts points: as many below as above, so the median, 3. The **Huber loss** is squared for errors up to δ and goes on
as a straight line, with slope δ:

$$h_\delta(e) = \begin{cases} \tfrac12 e^2 & |e| \le \delta \\ \delta\,(|e| - \tfrac12\delta) & |e| > \delta \end{cases}
\qquad h_\delta'(e) = e \text{, cut off at } \pm\delta .$$

By hand for δ = 1 and c = 3: the cut-off errors are 1, 1, 0, −1, −1, and their sum is 0: c = 3 is best.
"""

# %%
prices = torch.tensor([1.0, 2.0, 3.0, 4.0, 100.0])
constants = torch.linspace(0, 40, 4_001)
for name, loss in (("squared", F.mse_loss), ("absolute", F.l1_loss), ("Huber, δ = 1", F.huber_loss)):
    means = torch.stack([loss(c.expand(5), prices) for c in constants])
    print(f"{name:13} best constant: {constants[means.argmin()]:.1f}")

# %% [markdown]
r"""
The same on a line. Twenty points on $y = x$ with a little noise, three of them misread:
"""

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(4)
x = torch.linspace(0, 4, 20)
y = x + 0.2 * torch.randn(20, generator=generator)
y[[16, 17, 19]] = torch.tensor([0.2, -0.5, 0.0])
fitted = {}
for name, loss in (
    ("squared", F.mse_loss),
    ("absolute", F.l1_loss),
    ("Huber, δ = 0.5", lambda a, b: F.huber_loss(a, b, delta=0.5)),
):
    line = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([line], lr=0.05)
    for step in range(800):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / 800)
        optimizer.zero_grad()
        loss(line[0] * x + line[1], y).backward()
        optimizer.step()
    fitted[name] = line.detach()
cu.plots.points(
    {"data": torch.stack([x, y], dim=1)},
    lines={name: (x, line[0] * x + line[1]) for name, line in fitted.items()},
    x="x",
    y="y",
    title="Three misread points pull the squared error's line down",
    alt="Points along the diagonal and three near the bottom right; the squared-error line is much flatter than the other two",
)
slopes = [line[0].item() for line in fitted.values()]
assert slopes[0] < 0.6 and min(slopes[1:]) > 0.8
print("slope with squared error: below 0.6; with the two others: above 0.8.  The truth is 1")

# %% [markdown]
r"""
The absolute error has its price: its slope does not get smaller near the minimum, so at a fixed learning rate the fit keeps jumping around the minimum, and under Gaussian noise its estimate is less exact. The Huber loss is smooth at the minimum.
Both help only if the outliers are *errors*. If they are real, such as a few expensive houses, a loss that gives them little weight predicts them badly.

**Two checks before a long training.** (1) With balanced classes, the loss of the untrained network should be near log k, here log 10 = 2.303. (2) The network should be able to fit 20 examples to a loss of almost 0.
If not, look for a mistake in the loss, the labels or the loop before you change the network.
"""

# %% tags=["experiment"]
net = mlp()
first, _ = measure(net, X_train, y_train)
few, _ = measure(fit(net, X_train[:20], y_train[:20], 100), X_train[:20], y_train[:20])
assert abs(first - math.log(10)) < 0.25 and few < 0.01
print("first loss within 0.25 of 2.303; 20 examples fitted to below 0.01")

# %% [markdown]
r"""
### Exercise 13.7: claims about losses &nbsp; (2 points, about 6 minutes, ★★☆)

Answer "true", "false", or the letter of the one condition under which the claim is true.

1. **"distance"**: "D(p ‖ q) is a distance between p and q: it is the same in both directions."
   (a) for bell curves, (b) in bits, (c) if all probabilities are above 0.
2. **"zero"**: "The cross-entropy H(p, q) is 0 when q = p."
   (a) if p gives one outcome the probability 1, (b) if p is uniform, (c) if p has no zeros.
3. **"squared"**: "For a classifier with a sigmoid, squared error has its minimum at wrong probabilities, since labels are not continuous."
   (a) for rare classes, (b) from a bad start, (c) if the labels are noisy.
4. **"likelihood"**: "The weights that make the labels most probable also minimise the cross-entropy and the KL divergence from the labels' distribution to the model's."
   (a) if the classes are balanced, (b) if the noise is Gaussian, (c) if the model can reach the entropy.
5. **"smoothing"**: "With label smoothing 0.1 the smallest possible loss is 0."
   (a) for two classes, (b) with enough units, (c) after long training.
"""

# %% exercise="claims_losses"
losses_answers = {
    "distance": "?",
    "zero": "?",
    "squared": "?",
    "likelihood": "?",
    "smoothing": "?",
}
### BEGIN SOLUTION
losses_answers = {
    "distance": "false",
    "zero": "a",
    "squared": "false",
    "likelihood": "true",
    "smoothing": "false",
}
### END SOLUTION

# %% test="claims_losses"
check.exercise("claims_losses", points=2)
CLAIMS = ["distance", "zero", "squared", "likelihood", "smoothing"]
with check.case("every claim is answered with true, false, a, b or c"):
    check.claims(losses_answers, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("the claims about entropies", points=1.2, hidden=True):
    check.right(
        losses_answers,
        {"distance": "false", "zero": "a", "likelihood": "true"},
        "the experiments are in section 3",
    )
with check.case("the claims about minima", points=0.8, hidden=True):
    check.right(
        losses_answers,
        {"squared": "false", "smoothing": "false"},
        "section 4 has the slope 2(s - p), section 3 the smoothed target",
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**A good place to stop.** The second half needs about as long as the first.

## 6 How much is a test error worth?

The **risk** of a model is its mean loss over all data that could come; nobody can compute it. The **empirical risk** is the mean over the examples at hand. On the training data, a network
can make it small by learning by heart. How far does that go? Draw the labels of 1,000 garments at random, so that there is nothing to learn. Predict the accuracy on these labels and on test pictures.
"""

# %% tags=["experiment"]
random_labels = torch.randint(0, 10, (1_000,), generator=torch.Generator().manual_seed(0))
net = fit(mlp(), X_train[:1_000], random_labels, 80)
learned, general = measure(net, X_train[:1_000], random_labels)[1], measure(net, X_test, y_test)[1]
assert learned > 0.95 and general < 0.2
print("random labels: over 95 % right in training, below 20 % on test pictures (by chance: 10 %)")

# %% [markdown]
r"""
A low training loss alone certifies nothing. On n *new* examples, drawn independently from the same source, the error rate is the mean of n coin tosses with probability e. Its standard error is

$$\sqrt{e(1-e)/n} \;\le\; \tfrac12 / \sqrt n .$$

How large must n be for ±0.01 in the worst case? One standard error: $n = (0.5/0.01)^2 = 2{,}500$. For 95 % take 1.96 of them: 9,604. Hoeffding's inequality, which holds
for independent examples, any e and any n, asks for $\log(2/0.05)/(2 \cdot 0.01^2) = 18{,}445$. Our 2,000 test pictures give ±0.02 (95 %): below, a difference of one point between two networks can be luck.

All of this holds for *one* model, fixed before it saw the test set. What if you try 1,000 models and report the best? Let each be truly right on 80 %, so none
is better than another. Predict the best score on 100 test examples.
"""

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(0)
sizes = [100, 1_000, 10_000]
scores = {
    n: torch.binomial(torch.full((1_000,), float(n)), torch.full((1_000,), 0.8), generator=generator) / n
    for n in sizes
}


def draw_luck(ax):
    for n, colour in zip(sizes, cu.plots.COLOURS):
        ax.hist(
            scores[n],
            bins=torch.linspace(0.64, 0.96, 65).tolist(),
            color=colour,
            alpha=0.6,
            label=f"n = {n:,}, best {scores[n].max():.2f}",
        )
    ax.axvline(0.8, color=cu.plots.INK, linestyle="--", label="the truth")
    ax.set(xlabel="test accuracy", ylabel="number of models", yscale="log")
    ax.set_title("A thousand equal models: the best one looks better than it is")
    ax.legend(loc="upper left", fontsize=8)


cu.plots.figure(
    draw_luck, alt="Three histograms around 0.8; the one for 100 examples is wide and reaches above 0.9"
)
assert 0.89 < scores[100].max() < 0.96 and 0.83 < scores[1_000].max() < 0.86 and scores[10_000].max() < 0.82
print(
    "best of 1,000 equal models: about 0.9 or more on 100 examples, above 0.83 on 1,000, below 0.82 on 10,000"
)

# %% [markdown]
r"""
Hence three sets. The *training set* fits the weights. The *validation set* chooses: learning rate, width, number of epochs, also which of ten models is best. The *test set* reports, once, at the end. A score that was used to choose is, on average, too good.
(The experiments here look at the test set more often, to show the gap, but choose nothing by it.)
With few data, cross-validation (chapter 6) lets each example take its turn in the validation set. It, too, chooses settings; the weights are fitted on the training part of each fold.

## 7 Bias and variance

Draw the training data again and again, and train each time: you get many models instead of one. At a place x with true value f(x), let $\bar f(x)$ be the mean of the predictions $\hat f(x)$. The mean over the data sets of the squared error splits:

$$\begin{aligned}
E\,(\hat f - f)^2 &= E\,\big((\hat f - \bar f) + (\bar f - f)\big)^2 \\
&= E\,(\hat f - \bar f)^2 + 2\,(\bar f - f)\,E(\hat f - \bar f) + (\bar f - f)^2 \\
&= \underbrace{E\,(\hat f - \bar f)^2}_{\text{variance}} + \underbrace{(\bar f - f)^2}_{\text{bias}^2}, \qquad \text{since } E(\hat f - \bar f) = 0 .
\end{aligned}$$

On new data with noise of variance σ², the noise adds to this: error = bias² + variance + σ². A model that is too stiff has a large bias (**underfitting**), one that follows the noise a large variance (**overfitting**).

### Exercise 13.8: `squared_bias_and_variance` &nbsp; (2 points, about 6 minutes, ★★☆)

<details><summary>Hint 1</summary>

First the mean over the repeats at each place, (n,). Which two things are compared with it?

<details><summary>Hint 2</summary>

Square before you average over the places: a bias of +1 here and −1 there must not cancel. Torch's `var` divides by the number minus 1 unless you tell it otherwise (`correction`).

</details></details>
"""


# %% exercise="squared_bias_and_variance"
def squared_bias_and_variance(predictions, truth):
    """Squared bias and variance of refitted models, each averaged over n places.

    predictions: float tensor (repeats, n), one row for each training set; repeats and n at least 1. truth: (n,).
    Returns two Python floats, (bias^2, variance). The variance over the repeats divides by their number.
    """
    ### BEGIN SOLUTION
    centre = predictions.mean(dim=0)
    squared_bias = (centre - truth).square().mean()
    variance = (predictions - centre).square().mean()
    return squared_bias.item(), variance.item()
    ### END SOLUTION


# %% test="squared_bias_and_variance"
check.exercise("squared_bias_and_variance", points=2)


def both(P, t):
    m = P.mean(0)
    return [(m - t).square().mean().item(), P.var(0, correction=0).mean().item()]


def found_for(P, t):
    found = check.unchanged(squared_bias_and_variance, P, t)
    check.that(
        isinstance(found, (tuple, list)) and len(found) == 2, "it should return two numbers: bias^2, variance"
    )
    for value in found:
        check.number(value, float)
    return found


with check.case("the squared bias", points=0.7):
    P = torch.tensor([[1.0, 5.0, -2.0, 0.5], [3.0, 4.0, -1.0, 3.5], [2.0, 0.0, 3.0, -1.0]])
    t = torch.tensor([0.5, 4.0, 1.0, 2.5])
    m, (right, variance) = P.mean(0), both(P, t)
    wrong = {}
    wrong["bias and variance are exchanged"] = variance
    wrong["this is the whole squared error: average over the repeats before you square"] = (
        (P - t).square().mean()
    )
    wrong["the mean runs along each row; the repeats are the rows, so go along the columns"] = (
        (P.mean(1, keepdim=True) - t).square().mean()
    )
    wrong["the mean of all predictions stands for that of each place"] = (P.mean() - t).square().mean()
    wrong["the sizes of the biases are averaged before they are squared"] = (m - t).abs().mean().square()
    wrong["the biases of the places cancel: square before you average over the places"] = (
        (m - t).mean().square()
    )
    wrong["the bias is not squared"] = (m - t).mean()
    wrong["this is the mean size of the bias; square it at each place"] = (m - t).abs().mean()
    wrong["this is the root; the bias stays squared"] = (m - t).square().mean().sqrt()
    wrong["this is the sum over the places; average"] = (m - t).square().sum()
    wrong["the square of the truth is missing: the bias is the mean minus the truth"] = m.square().mean()
    wrong["the biases are squared after they were added up"] = (m - t).sum().square()
    wrong["the median stands for the mean"] = (P.median(0).values - t).square().mean()
    check.close(found_for(P, t)[0], right, known=wrong, rtol=1e-4)
with check.case("the variance", points=0.8):
    found = found_for(P, t)[1]
    wrong = {}
    wrong["this divides by repeats - 1; divide by repeats (correction=0)"] = P.var(0).mean()
    wrong["the spread is taken along each row; the repeats are the rows, so go along the columns"] = P.var(
        1, correction=0
    ).mean()
    wrong["the spread is taken along each row, and divided by n - 1"] = P.var(1).mean()
    wrong["all predictions are thrown together; the spread is that of each place"] = P.var(correction=0)
    wrong["all predictions are thrown together; the spread is that of each place, around its mean"] = P.var()
    wrong["this is the standard deviation; square it"] = P.std(0, correction=0).mean()
    wrong["this is the standard deviation; square it, and divide by repeats"] = P.std(0).mean()
    wrong["this is the squared error: the spread is around the mean, not around the truth"] = (
        (P - t).square().mean()
    )
    wrong["this is the sum over the places; average"] = P.var(0, correction=0).sum()
    wrong["this is the sum over everything; average"] = 3 * P.var(0, correction=0).sum()
    wrong["bias and variance are exchanged"] = right
    wrong["the mean of the squares needs the squared mean subtracted"] = P.square().mean()
    wrong["this is the mean distance from the mean; square the distances"] = (P - m).abs().mean()
    wrong["this squares the mean deviation; average the squares"] = P.std(0, correction=0).mean().square()
    wrong["this is the spread of the mean over the places; compare the repeats"] = m.var(correction=0)
    check.close(found, variance, known=wrong, rtol=1e-4)
### BEGIN HIDDEN TESTS
with check.case("the same on other predictions", points=0.5, hidden=True):
    for repeats, n, dtype in (
        (1, 5, torch.float32),
        (40, 1, torch.float32),
        (6, 6, torch.float64),
        (30, 11, torch.float32),
    ):
        P, t = check.normal((repeats, n), mean=1, dtype=dtype), check.normal((n,), dtype=dtype)
        check.close(found_for(P, t), both(P, t), f"for shape {repeats, n}", rtol=1e-4, atol=1e-6)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Polynomials of degree d, fitted by least squares to 30 noisy points (σ = 0.3) of one wave, 300 times with new noise. A prediction by hand: the fit is the projection of the 30 noisy numbers onto d + 1
dimensions, and noise has the variance σ² in each. So the variance, averaged over the 30 places, is $\sigma^2 (d+1)/30$. For d = 3: 0.012; for d = 15: 0.048.
"""


# %%
def refit(degree, n=30, repeats=300, noise=0.3):
    """Predictions (repeats, n) of polynomials refitted to new noise, and the truth (n,)."""
    generator = torch.Generator().manual_seed(degree)
    x = torch.linspace(-1, 1, n, dtype=torch.float64)
    truth = torch.sin(4 * x)
    seen = truth + noise * torch.randn(repeats, n, generator=generator, dtype=torch.float64)
    powers = x[:, None] ** torch.arange(degree + 1)  # (n, degree + 1)
    return seen @ torch.linalg.pinv(powers).T @ powers.T, truth


# %% tags=["experiment"]
split = cu.yours(
    squared_bias_and_variance,
    instead=lambda P, t: (
        (P.mean(0) - t).square().mean().item(),
        torch.cov(P.T, correction=0).diag().mean().item(),
    ),
)


def draw_clouds(*panels):
    x = torch.linspace(-1, 1, 30)
    for ax, degree in zip(panels, (1, 5, 15)):
        P, truth = refit(degree)
        ax.plot(x, P[:30].T, color=cu.plots.COLOURS[5], linewidth=0.5, alpha=0.6)
        ax.plot(x, P.mean(dim=0), color=cu.plots.COLOURS[1], label="mean of 300 fits")
        ax.plot(x, truth, "--", color=cu.plots.INK, label="truth")
        ax.set(xlabel="x", ylim=(-2, 2), title=f"degree {degree}")
    panels[0].set_ylabel("y")
    panels[0].legend(loc="upper left", fontsize=8)


cu.plots.figure(
    draw_clouds,
    panels=3,
    height=3.2,
    alt="Degree 1: all fits are alike and all miss the wave; degree 5: narrow cloud around the truth; degree 15: a wide cloud whose mean follows the truth",
)
degrees = list(range(0, 21))
parts = torch.tensor([split(*refit(degree)) for degree in degrees])  # (21, 2)
cu.plots.curves(
    {
        "bias²": parts[:, 0],
        "variance": parts[:, 1],
        "variance by hand": [0.09 * (d + 1) / 30 for d in degrees],
        "bias² + variance + noise": parts.sum(dim=1) + 0.09,
    },
    xs=degrees,
    x="degree of the polynomial",
    y="squared error",
    title="Bias falls, variance rises along the line predicted by hand",
    alt="Bias falls to 0 by degree 5; the variance rises in a straight line; their sum plus 0.09 is lowest at degree 5",
)
assert abs(parts[3, 1] - 0.012) < 0.002 and abs(parts[15, 1] - 0.048) < 0.004 and parts[5:, 0].max() < 0.002
print(
    f"variance: degree 3 about {parts[3, 1]:.3f}, degree 15 about {parts[15, 1]:.2f}; lowest sum at degree {parts.sum(dim=1).argmin()}"
)

# %% [markdown]
r"""
**Capacity against data.** On garments: a small network (8 hidden units) and a larger one (128), each trained for 300 steps on 100 to 3,000 pictures, at the better of two rates. Predict, for each: does the training error rise or fall with more data? And the test error?
"""

# %% tags=["experiment"]
counts, errors = [100, 300, 1_000, 3_000], {}
for width in (8, 128):
    runs = []
    for n in counts:
        nets = [fit(mlp(width), X_train[:n], y_train[:n], 300 * 50 // n, lr) for lr in (3e-3, 1e-2)]
        runs.append(max(nets, key=lambda net: measure(net, X_valid, y_valid)[1]))
    errors[f"{width} units, training"] = [
        1 - measure(net, X_train[:n], y_train[:n])[1] for net, n in zip(runs, counts)
    ]
    errors[f"{width} units, test"] = [1 - measure(net, X_test, y_test)[1] for net in runs]
cu.plots.curves(
    errors,
    xs=counts,
    log_x=True,
    x="number of training pictures",
    y="share of wrong answers",
    title="More data: the gap between training and test shrinks",
    alt="For both widths the training error rises with more data and the test error is far lower at 3,000 pictures than at 100; the small network ends with the higher test error",
)
small_train, small_test, large_train, large_test = errors.values()
assert all(e[0] > e[-1] + 0.03 for e in (small_test, large_test))
assert small_train[-1] > small_train[0] + 0.03 and large_train[-1] >= large_train[0]
assert small_test[-1] - small_train[-1] < small_test[0] - small_train[0]
print(
    "both networks: test error lower by more than 3 points with 3,000 pictures than with 100, and a smaller gap"
)

# %% [markdown]
r"""
With more data the *training* error of the small network rises: it can no longer learn them all by heart. That may look like "too much data causes underfitting". But its test error falls. Underfitting is cured by more units, features or steps, overfitting by more data or by the means of sections 8 to 10.

<details><summary>Aside: more data usually helps, not always</summary>

Without any regularisation, a model that just reaches zero training error can get worse with more data; the next picture shows the same peak, reached from the other side.

</details>

**Beyond the U.** The picture of bias and variance suggests a U: with more and more parameters the test error must rise in the end. Test it. 300 garments, a fifth of the labels redrawn, and p fixed random ReLU features; only the last layer is fitted, by least squares (of all
perfect fits, the one with the smallest weights). Predict the test error at p = 300, where the fit becomes perfect, and at p = 4,000.
"""


# %%
def random_features(p, seed, penalty=0.0, n=300):
    """Test error of least squares on p random ReLU features of n garments, with 20 % of the labels redrawn."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(3_000, generator=generator)[:n]
    redrawn = torch.rand(n, generator=generator) < 0.2
    labels = torch.where(redrawn, torch.randint(0, 10, (n,), generator=generator), y_train[rows])
    W = torch.randn(784, p, generator=generator) / 28
    A, A_test = torch.relu(X_train[rows] @ W).double(), torch.relu(X_test[:1_000] @ W).double()
    targets = F.one_hot(labels, 10).double()
    U, d, Vh = torch.linalg.svd(A, full_matrices=False)
    d_inverse = torch.where(d > 1e-9 * d[0], d / (d.square() + penalty), 0.0)
    weights = Vh.T @ (d_inverse[:, None] * (U.T @ targets))  # (p, 10)
    return ((A_test @ weights).argmax(dim=1) != y_test[:1_000]).double().mean().item()


# %% tags=["experiment"]
features = [20, 60, 150, 250, 300, 350, 600, 1_500, 4_000]
descent = {
    "least squares": [sum(random_features(p, seed) for seed in range(2)) / 2 for p in features],
    "with a penalty on the weights": [
        sum(random_features(p, seed, 30.0) for seed in range(2)) / 2 for p in features
    ],
}
cu.plots.curves(
    descent,
    xs=features,
    log_x=True,
    x="number of random features p (300 examples)",
    y="test error",
    title="The error peaks where p = 300 and falls again beyond",
    alt="The test error falls to about 0.4, rises to almost 0.9 at 300 features and falls again below 0.4; with a penalty there is no peak",
)
plain, penalised = descent.values()
assert plain[4] > 0.7 and plain[1] < 0.5 and plain[-1] < 0.45 and max(penalised[1:]) < 0.45
print(
    "p = 60: below 0.5.  p = 300: above 0.7.  p = 4,000: below 0.45.  With a penalty: below 0.45 from p = 60 on"
)

# %% [markdown]
r"""
At p = 300 there is one perfect fit, with enormous weights. Beyond, there are many, and the one with the smallest weights is moderate: the error falls again (**double descent**). The number of parameters alone does not tell whether a model overfits; the size of its weights matters, too. A penalty on that size removes the peak.
"""

# %% [markdown]
r"""
## 8 Weight decay

Add $\frac\lambda2 \lVert w\rVert^2$ to the loss. Its gradient is λw, so a step of plain SGD with learning rate η and loss gradient g is

$$w \leftarrow w - \eta\,(g + \lambda w) = (1 - \eta\lambda)\,w - \eta\,g .$$

Each step first shrinks the weights by a factor, hence the name. The same penalty follows from an assumption: if weights come from N(0, τ²) and the noise has variance σ², then minus the log of (likelihood × prior), multiplied by σ²/n, is

$$\frac{1}{2n}\sum_i (y_i - \hat y_i)^2 + \frac{\sigma^2}{n\tau^2}\cdot\frac{1}{2}\lVert w\rVert^2, \qquad\text{so}\qquad \lambda = \frac{\sigma^2}{n\,\tau^2} :$$

more data, less decay.

### Exercise 13.9: `weight_decay_step` &nbsp; (2 points, about 4 minutes, ★☆☆)

<details><summary>Hint 1</summary>

The parameter may require a gradient, and the step must not become part of a graph. Change it in place, and leave `grad` alone.

</details>
"""


# %% exercise="weight_decay_step"
def weight_decay_step(param, grad, lr, weight_decay):
    """One step of plain SGD with weight decay, in place: param becomes param - lr * (g + λ param).

    g is `grad`, λ is `weight_decay`; both terms use param as it was before the step.
    param: float tensor of any shape, also one that requires a gradient; no graph is recorded. grad: same shape, unchanged.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        param -= lr * (grad + weight_decay * param)
    ### END SOLUTION


# %% test="weight_decay_step"
check.exercise("weight_decay_step", points=2)
G = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.25, -1.0]])


def after(param, lr=0.4, weight_decay=0.3):
    grad = G.clone()
    weight_decay_step(param, grad, lr, weight_decay)
    check.equal(grad, G, "the step changed `grad`; only `param` may change")
    return param


with check.case("shrinks the parameter and follows the gradient", points=1):
    w = torch.tensor([[2.0, -3.0, 1.0], [0.5, 4.0, -1.5]])
    wrong = {"`param` is as before: change it in place, with -= or a method that ends in _": w}
    wrong["the decay has the wrong sign: this makes weights larger"] = w - 0.4 * (G - 0.3 * w)
    wrong["the decay is missing: this is plain SGD"] = w - 0.4 * G
    wrong["the gradient is missing: this only shrinks the weights"] = w - 0.12 * w
    wrong["the decay is twice as large: the penalty is weight_decay / 2 times w squared"] = w - 0.4 * (
        G + 0.6 * w
    )
    wrong["the decay is half as large: the 1/2 of the penalty cancels with the 2 of the square"] = w - 0.4 * (
        G + 0.15 * w
    )
    wrong["the decay is not multiplied by the learning rate"] = w - 0.4 * G - 0.3 * w
    wrong["the gradient is not multiplied by the learning rate"] = w - G - 0.12 * w
    wrong["nothing is multiplied by the learning rate"] = w - G - 0.3 * w
    wrong["the decay is a constant; it pulls in proportion to param"] = w - 0.4 * (G + 0.3)
    wrong["the decay is a constant; it is weight_decay times param, and lr multiplies it"] = w - 0.4 * G - 0.3
    wrong["the learning rate multiplies the decay twice"] = w - 0.4 * (G + 0.12 * w)
    wrong["the step goes uphill: subtract"] = w + 0.4 * (G + 0.3 * w)
    wrong["the step goes along the gradient: subtract it"] = w * 0.88 + 0.4 * G
    wrong["the gradient step comes first, and the decay takes its result; both use the old one"] = (
        w - 0.4 * G
    ) * 0.88
    wrong["the decay pulls with the sign of w: this is an L1 penalty"] = w - 0.4 * (G + 0.3 * w.sign())
    wrong["the decay multiplies the gradient, too"] = w - 0.12 * (G + w)
    wrong["the decay acts on the gradient, not on the parameter"] = w - 0.4 * 1.3 * G
    wrong["the decay uses the square of w; its derivative has the first power"] = w - 0.4 * (
        G + 0.3 * w.square()
    )
    wrong["the decay uses the size of w; its sign is lost"] = w - 0.4 * (G + 0.3 * w.abs())
    wrong["the decay acts twice: once on the parameter, and once more in the step"] = 0.88 * w - 0.4 * (
        G + 0.3 * 0.88 * w
    )
    wrong["the norm of w is subtracted from each entry; each entry shrinks by itself"] = w - 0.4 * (
        G + 0.3 * w.norm()
    )
    wrong["lr and weight_decay are exchanged"] = w - 0.3 * (G + 0.4 * w)
    wrong["`param` is replaced, not changed by a step: subtract the step from it"] = 0.4 * (G + 0.3 * w)
    check.close(after(w.clone()), w - 0.4 * (G + 0.3 * w), known=wrong)
with check.case("for parameters that require a gradient, and in any layout of memory", points=0.6):
    start = check.normal((2, 3))
    expected = start - 0.4 * (G + 0.3 * start)
    param = after(nn.Parameter(start.clone()))
    check.that(param.requires_grad, "the parameter no longer requires a gradient; leave that as it was")
    check.that(param.is_leaf, "the parameter became the result of a computation: work without a graph")
    check.close(param, expected)
    for name, param in check.layouts(start).items():
        view = param.detach()
        check.close(after(param), expected, f"for a parameter that is {name} in memory")
        check.that(
            torch.equal(view, param),
            "`param.data = ...` moves the parameter to new memory; change it in place",
        )
### BEGIN HIDDEN TESTS
with check.case("the same on other numbers", points=0.4, hidden=True):
    for lr, decay, dtype in (
        (0.1, 0.0, torch.float32),
        (0.01, 3.0, torch.float64),
        (1.0, 1.0, torch.float32),
    ):
        w, g = check.normal((4,), dtype=dtype), check.normal((4,), dtype=dtype)
        param = w.clone()
        weight_decay_step(param, g.clone(), lr, decay)
        check.close(param, w - lr * (g + decay * w), atol=1e-6)
        check.like(param, w)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**What does it shrink?** For least squares on X (n, k) with singular values $d_j$, the minimum has each component (along the j-th singular direction) multiplied by

$$\frac{d_j^2}{d_j^2 + n\lambda}$$

compared to no decay. Components along which the data vary a lot hardly shrink; those along which they vary little almost vanish. Take $d_j^2/n$ = 4, 1, 0.25, 0.06, 0.01 and λ = 0.25. Predict the five factors; then your step runs 500 times.
"""

# %% tags=["experiment"]


def sgd_step(param, grad, lr, weight_decay):
    optimizer = torch.optim.SGD([param], lr=lr, weight_decay=weight_decay)
    param.grad = grad
    optimizer.step()


decay_step = cu.yours(weight_decay_step, instead=sgd_step)
strengths, weight_decay = torch.tensor([4.0, 1.0, 0.25, 0.06, 0.01]), 0.25
generator = torch.Generator().manual_seed(0)
U = torch.linalg.qr(torch.randn(30, 5, generator=generator)).Q  # orthonormal columns
V = torch.linalg.qr(torch.randn(5, 5, generator=generator)).Q
A = U @ torch.diag((30 * strengths).sqrt()) @ V.T  # (30, 5)
w_true = V @ torch.ones(5)  # each component is 1
w = torch.zeros(5)
for _ in range(500):
    decay_step(w, A.T @ (A @ w - A @ w_true) / 30, 0.3, weight_decay)
measured = V.T @ w
print("by hand: ", [f"{value:.2f}" for value in (strengths / (strengths + weight_decay)).tolist()])
print("measured:", [f"{value:.2f}" for value in measured.tolist()])

# %% [markdown]
r"""
**L1.** The penalty λ|w| pulls with constant strength λ until the weight is 0. A step that stops there instead of jumping over it is $w \leftarrow \mathrm{sign}(w) \max(|w| - \eta\lambda, 0)$, after the step along
the gradient. Eight inputs, three of which matter. Predict: under which penalty do the five others become exactly 0?
"""

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(1)
A = torch.randn(40, 8, generator=generator)
y = A[:, :3] @ torch.tensor([1.0, -0.7, 0.4]) + 0.5 * torch.randn(40, generator=generator)
penalties = torch.logspace(-2.5, 0.5, 25)
ridge, lasso = [], []
for penalty in penalties:
    ridge.append(torch.linalg.solve(A.T @ A / 40 + penalty * torch.eye(8), A.T @ y / 40))
    w = torch.zeros(8)
    for _ in range(300):
        w = w - 0.3 * A.T @ (A @ w - y) / 40
        w = w.sign() * (w.abs() - 0.3 * penalty).clamp(min=0)
    lasso.append(w)
ridge, lasso = torch.stack(ridge), torch.stack(lasso)  # (25, 8)


def draw_paths(*panels):
    for ax, (name, path) in zip(panels, {"λ w² / 2 (weight decay)": ridge, "λ |w| (L1)": lasso}.items()):
        for j in range(8):
            ax.plot(
                penalties,
                path[:, j],
                color=cu.plots.COLOURS[0 if j < 3 else 1],
                linestyle="-" if j < 3 else "--",
                linewidth=1.4,
            )
        ax.set(xscale="log", xlabel="λ", title=name)
        ax.grid()
    panels[0].set_ylabel("weight (solid: the input matters)")


cu.plots.figure(
    draw_paths,
    panels=2,
    alt="Under weight decay all eight weights shrink smoothly; under L1 the five useless ones are exactly 0 from a certain λ on, and the others follow one by one",
)
middle = 15
assert (lasso[middle, 3:] == 0).all() and (ridge[middle] != 0).all() and (lasso[middle, :2] != 0).all()
print(
    f"at λ = {penalties[middle]:.2f}: L1 has {int((lasso[middle] == 0).sum())} weights at exactly 0, weight decay has none"
)

# %% [markdown]
r"""
**Under Adam it is something else.** Adam divides the gradient by its typical size. If λw was added to the gradient first, it is divided as well: weights with large gradients hardly decay. AdamW (chapter 10) shrinks the weights separately, without the division. One weight that starts at 1, a gradient that alternates between +g and −g, 200 steps, η = 0.01, λ = 0.5. By hand for a factor of (1 − ηλ) per step: $0.995^{200} = 0.37$.
"""

# %% tags=["experiment"]
left = {"Adam with weight_decay": [], "AdamW": []}
gradient_sizes = (0.1, 1.0, 10.0)
for series, optimizer_class in zip(left.values(), (torch.optim.Adam, torch.optim.AdamW)):
    for g in gradient_sizes:
        weight = torch.ones(1, requires_grad=True)
        optimizer = optimizer_class([weight], lr=0.01, weight_decay=0.5)
        for step in range(200):
            weight.grad = torch.tensor([g * (-1) ** step])
            optimizer.step()
        series.append(weight.item())
cu.plots.heatmap(
    list(left.values()),
    rows=list(left),
    columns=[f"g = {g:g}" for g in gradient_sizes],
    title="The weight after 200 steps",
    alt="AdamW leaves about 0.37 for each gradient; Adam with weight_decay leaves about 0 for small, 0.4 for middle and 0.9 for large gradients",
)
assert max(left["AdamW"]) - min(left["AdamW"]) < 0.02 and left["Adam with weight_decay"][-1] > 0.8
print("AdamW: the same for each gradient.  Adam: above 0.8 for the largest gradient")

# %% [markdown]
r"""
Usually only the weight matrices decay; biases and the scales of batch normalisation are left alone. An optimizer takes groups of parameters for that:
"""

# %%
net = mlp(128, 0, nn.BatchNorm1d(128))
groups = [
    {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": 0.05},
    {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, lr=1e-3)
print("decaying tensors:", len(groups[0]["params"]), "  left alone:", len(groups[1]["params"]))

# %% [markdown]
r"""
## 9 Early stopping

In section 1 the best epoch was an early one. Stop there: after each epoch compute the validation loss, remember the weights whenever it improves, give up after
`patience` checks in a row without improvement, and put the best weights back. A classmate has written it:
"""


# %%
class StopperOfAClassmate:
    def __init__(self, patience):
        self.patience, self.best_loss, self.waited = patience, math.inf, 0

    def step(self, loss, model):
        if loss < self.best_loss:
            self.best_loss, self.waited = loss, 0
            self.best_weights = model.state_dict()
        else:
            self.waited += 1
        return self.waited >= self.patience

    def restore(self, model):
        model.load_state_dict(self.best_weights)


# %% tags=["experiment"]
stopper = StopperOfAClassmate(patience=2)
net = fit(
    mlp(),
    X_train[:1_000],
    lied,
    40,
    each=lambda net, epoch: stopper.step(measure(net, X_valid, y_valid)[0], net),
)
before = measure(net, X_valid, y_valid)[0]
stopper.restore(net)
print(
    "it stopped; did restoring change the validation loss?",
    abs(measure(net, X_valid, y_valid)[0] - before) > 1e-6,
)

# %% [markdown]
r"""
### Exercise 13.10: spot the bug, then write `EarlyStopping` &nbsp; (4 points, about 14 minutes, ★★★)

It stops in time, and restoring does nothing. Why? Write the class so that it works. Improvements of `min_delta` or less do not count, neither as a reset of the patience nor as the best.

<details><summary>Hint 1</summary>

Which memory do the tensors in `model.state_dict()` use? Chapter 1 has a word for it.

<details><summary>Hint 2</summary>

Keep copies, not references. A dictionary's own `.copy()` copies the dictionary, not the tensors in it. And what should `restore` do if no check ever improved?

<details><summary>Hint 3</summary>

`nan < x` is False. Ask whether the new loss is better, rather than whether it is worse.

</details></details></details>
"""


# %% exercise="EarlyStopping"
class EarlyStopping:
    """Tells when to stop training, and brings the best weights back.

    EarlyStopping(patience, min_delta=0.0). Raises ValueError, with a message that says what is wrong, if patience is below 1.
    best_loss: the loss of the last check that improved on the best by more than min_delta; inf before any.
    """

    def __init__(self, patience, min_delta=0.0):
        ### BEGIN SOLUTION
        if patience < 1:
            raise ValueError(f"patience should be at least 1, got {patience}")
        self.patience, self.min_delta = patience, min_delta
        self.best_loss, self.waited, self.best_state = math.inf, 0, None
        ### END SOLUTION

    def step(self, loss, model):
        """One check. loss: a float; nan never counts as better. Returns a bool: True once `patience` checks in a
        row have not improved on best_loss by more than min_delta. model stays as it is."""
        ### BEGIN SOLUTION
        if self.best_loss - loss > self.min_delta:
            self.best_loss, self.waited = loss, 0
            self.best_state = copy.deepcopy(model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience
        ### END SOLUTION

    def restore(self, model):
        """Put the parameters and buffers of the best check back into model, as often as called; nothing if
        no check improved."""
        ### BEGIN SOLUTION
        if self.best_state is not None:
            model.load_state_dict(self.best_state)
        ### END SOLUTION


# %% test="EarlyStopping"
check.exercise("EarlyStopping", points=4)
NAN, MODEL = math.nan, nn.Linear(1, 1)
with check.case("stops after `patience` checks in a row without improvement", points=1):
    stopping.check_stops(EarlyStopping, [6.0, 4.0, 5.5, 4.25, 1.25, 4.0, 5.5, 4.25, 1.25], 2)
    stopping.check_stops(EarlyStopping, [6.0, 1.5, 1.25, 1.25, 4.75, 3.0, 1.0, 5.0, 5.5, 5.5, 2.5], 3)
with check.case("improvements of min_delta or less do not count", points=0.6):
    stopping.check_stops(EarlyStopping, [6.0, 3.0, 6.0, 4.0, 2.5, 2.25, 4.5, 1.0, 2.25, 1.0, 2.25], 2, 0.5)
with check.case("best_loss, and a loss that is nan", points=0.6):
    stopper, other = EarlyStopping(3, min_delta=0.25), EarlyStopping(3)
    other.step(0.5, MODEL)
    wrong = {"two stoppers share one best loss: keep it on self, not on the class": 0.5}
    check.equal(stopper.best_loss, math.inf, "best_loss before any check", known=wrong)
    losses = (NAN, 3.0, 2.875, 2.0, NAN, 2.5, 1.5, 0.0, 0.5, -1.0)
    bests = (math.inf, 3.0, 3.0, 2.0, 2.0, 2.0, 1.5, 0.0, 0.0, -1.0)
    for loss, best, found in zip(losses, bests, stopping.bests(stopper, losses, MODEL)):
        wrong = {"nan counted as better: ask whether the loss is better, not whether it is worse": NAN}
        wrong["an improvement of min_delta or less became the best loss"] = 2.875
        wrong["a best loss of 0 was forgotten: `if` and `or` take 0 for False"] = 0.5
        check.equal(found, best, f"best_loss after a loss of {loss}", known=wrong)
    found = stopping.answers(EarlyStopping(2), (NAN, 1.0, NAN, NAN, 0.5), MODEL)
    decide = [False, False, False, True, False]
    wrong = {"a loss of nan counts as a check without improvement, like any other": [False] * 5}
    check.equal(found, decide, "for nan, 1, nan, nan, 0.5 and patience 2", known=wrong)
with check.case("restore brings the best parameters and buffers back", points=1):
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    stopper, other = EarlyStopping(1), EarlyStopping(5)
    message = "no check has improved yet, so restore should do nothing"
    try:
        (found,) = stopping.uses(net, (7, stopper.restore))
    except RuntimeError as error:
        other_net = "Unexpected key" in str(error)
        check.that(
            not other_net, "a new stopper has weights of another one: keep them on self, not on the class"
        )
        raise
    check.equal(found, [[7], [7]], message)
    _, found = stopping.uses(net, (5, stopper.step, NAN), (7, stopper.restore))
    wrong = {"this brings back a check that did not improve": [[5], [5]]}
    check.equal(found, [[7], [7]], message, known=wrong)
    steps = (10, stopper.step, 2.0), (20, stopper.step, 1.0), (30, stopper.step, 3.0)
    for (number, *_), found in zip(steps, stopping.uses(net, *steps)):
        check.equal(found, [[number], [number]], "step should leave the model as it is")
    check.that(net.training, "step put the model into evaluation mode; it should leave the model as it is")
    _, found = stopping.uses(net, (35, other.step, 0.5), (40, stopper.restore))
    wrong = {}
    wrong[
        "restoring changes nothing: what was kept shares its memory with the model, or is not put into it"
    ] = 40
    wrong["this brings back the last check, not the best"] = 30
    wrong["this brings back the first check, not the best"] = 10
    wrong["this brings back what another stopper kept: keep it on self, not on the class"] = 35
    wrong = {words: [[number], [number]] for words, number in wrong.items()}
    wrong["only the parameters came back; the buffers of batch norm belong to the model, too"] = [[20], [40]]
    check.equal(found, [[20], [20]], "the best check had 20 everywhere", known=wrong)
    words = (
        "after the first restore, what was kept is gone, or changes with the model: copy when restoring, too"
    )
    once_more = (50, stopper.restore), (60, stopper.restore)
    for (number, _), found in zip(once_more, stopping.uses(net, *once_more)):
        wrong = {words: [[number], [number]]}
        check.equal(found, [[20], [20]], "restored once more", known=wrong)
with check.case("refuses a patience below 1", points=0.2):
    check.raises(ValueError, EarlyStopping, 0)
    check.raises(ValueError, EarlyStopping, -2, 0.1)
### BEGIN HIDDEN TESTS
with check.case("the same on other losses and nets", points=0.6, hidden=True):
    for patience, delta in ((1, 0.0), (2, 0.125), (4, 0.0), (3, 1.0)):
        losses = (check.integers((40,), 0, 40) / 8 + torch.arange(40).flip(0) / 8).tolist()
        stopping.check_stops(EarlyStopping, losses, patience, delta)
    net, stopper = (
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 2)),
        EarlyStopping(1, 0.5),
    )
    steps = [(n, stopper.step, loss) for n, loss in enumerate((NAN, 9.0, 8.5, 8.0, 7.75), 1)]
    *_, found = stopping.uses(net, *steps, (6, stopper.restore))
    check.equal(found, [[4], [4]], "the last check that improved by more than min_delta had 4")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Your class at work on the network of section 1. The validation labels are right here. What if 30 % of them were wrong, too? Try it: `lie(y_valid, 0.3, seed=1)[0]`.
"""

# %% tags=["experiment"]


class TorchStopper:
    """Keeps the best weights in a list of tensors."""

    def __init__(self, patience, min_delta=0.0):
        self.limit, self.since, self.best_loss, self.kept = patience, 0, math.inf, []

    def step(self, loss, model):
        better = loss < self.best_loss
        if better:
            self.best_loss, self.kept = loss, [t.detach().clone() for t in model.state_dict().values()]
        self.since = 0 if better else self.since + 1
        return self.since >= self.limit

    def restore(self, model):
        for tensor, old in zip(model.state_dict().values(), self.kept):
            tensor.copy_(old)


stopper, validation = cu.yours(EarlyStopping, instead=TorchStopper)(patience=5), []
ends = {}


def check_epoch(net, epoch):
    validation.append(measure(net, X_valid, y_valid)[0])
    return stopper.step(validation[-1], net)


net = fit(mlp(), X_train[:1_000], lied, 50, each=check_epoch)
ends["where it stopped"] = measure(net, X_test, y_test)[1]
stopper.restore(net)
ends["restored"] = measure(net, X_test, y_test)[1]
ends["after 50 epochs"] = tested[-1]
cu.plots.curves(
    {"validation loss": validation},
    title="Training ends five epochs after the lowest validation loss",
    alt="The validation loss falls from 1.2 to about 0.8 and begins to rise; the curve ends five epochs after its minimum",
)
again = measure(net, X_valid, y_valid)[0]
assert (
    abs(again - min(validation)) < 1e-6
    and len(validation) < 35
    and ends["restored"] > ends["after 50 epochs"] + 0.04
)
print("restored validation loss = lowest validation loss:", abs(again - min(validation)) < 1e-6)
print("test accuracy: the restored network is more than 4 points ahead of the one after 50 epochs")

# %% [markdown]
r"""
<details><summary>Aside: what early stopping and weight decay have in common</summary>

From zero, t steps of gradient descent on least squares reach the fraction $1 - (1 - \eta d_j^2/n)^t$ of each component's final value: strong directions soon, weak ones late. That is a shrinkage like
$d_j^2/(d_j^2 + n\lambda)$, with 1/(ηt) in the role of λ.

</details>

## 10 What else closes the gap?

Five means, on 500 garments: **dropout** (chapter 5), **augmentation** (each time a picture is used, it is shifted by up to two pixels and perhaps mirrored: new pictures without new labels), **batch normalisation**, **weight decay** (AdamW), and label smoothing. 30 epochs each, each at the better of two rates on the validation data. Predict: with which of them does the *training* accuracy stay below 100 %?
"""


# %%
def shift_and_flip(X, generator):
    """Each picture (784,) of a batch (b, 784) moved by -2 to 2 pixels each way, and mirrored or not."""
    padded = F.pad(X.view(-1, 28, 28), (2, 2, 2, 2), value=X.min().item())  # (b, 32, 32)
    dy, dx, mirror = torch.randint(0, 5, (3, len(X), 1), generator=generator)
    rows, columns = dy + torch.arange(28), dx + torch.arange(28)  # (b, 28) each
    columns = torch.where(mirror % 2 == 1, columns.flip(1), columns)
    return padded[torch.arange(len(X))[:, None, None], rows[:, :, None], columns[:, None, :]].flatten(1)


# %% tags=["experiment"]
means = {
    "none": ((), {}),
    "dropout 0.5": ((nn.Dropout(0.5),), {}),
    "shift and flip": ((), {"change": shift_and_flip}),
    "batch norm": ((nn.BatchNorm1d(128),), {}),
    "weight decay 1": ((), {"weight_decay": 1.0}),
    "smoothing 0.1": ((), {"loss": nn.CrossEntropyLoss(label_smoothing=0.1)}),
}
table = {}
for name, (extra, options) in means.items():
    runs = [
        fit(mlp(128, 0, *copy.deepcopy(extra)), X_train[:500], y_train[:500], 30, lr, **options)
        for lr in (1e-3, 3e-3)
    ]
    net = max(runs, key=lambda net: measure(net, X_valid, y_valid)[1])
    train_loss, train_right = measure(net, X_train[:500], y_train[:500])
    test_loss, test_right = measure(net, X_test, y_test)
    table[name] = [train_right, test_right, train_right - test_right, test_loss - train_loss]
cu.plots.heatmap(
    list(table.values()),
    rows=list(table),
    columns=["training", "test", "gap", "gap of the loss"],
    title="Accuracy on training and test data, and the gaps",
    alt="All means reach about the same test accuracy within a few points; augmentation has the smallest gap",
)
gaps = {name: row[2] for name, row in table.items()}
tests = [row[1] for row in table.values()]
assert min(gaps, key=gaps.get) == "shift and flip" and gaps["shift and flip"] < 0.7 * gaps["none"]
assert max(tests) - min(tests) < 0.05
print(
    "shift and flip: the smallest gap, less than 70 % of that without any of them; test accuracies within 5 points"
)

# %% [markdown]
r"""
With dropout and with augmentation, the network no longer gets all training pictures right, and augmentation cuts the gap to about half in accuracy and to about a third in the loss.
Smoothing and weight decay at this strength change the gap little here. With batch normalisation the gap of the loss is even larger: its purpose is easier training (chapter 9). Now look at the test column: all six are within a few points of one another, and
section 6 says that 2,000 pictures cannot tell one or two points from luck. A smaller gap is not yet a better network.

## 11 Searching for settings

Rates, widths and decays are chosen by trying. Where a setting matters by orders of magnitude, try it on a logarithmic scale: $10^{-4}, 10^{-3}, \dots$ A **grid** tries every combination. **Random search** draws each setting anew for each trial.

### Exercise 13.11: `grid` &nbsp; (1 point, about 4 minutes, ★☆☆)

<details><summary>Hint 1</summary>

`itertools.product(*lists)` gives one tuple for each combination, the last list changing fastest. A dictionary has `.keys()` and `.values()` in the same order; `zip` pairs a tuple with the names.

</details>
"""


# %% exercise="grid"
def grid(space):
    """Every combination of the settings.

    space: dict from a name to a list of values. Returns a list of dicts, name -> value, with the names in the order
    of `space` and the combinations in the order of itertools.product: the last name changes fastest.
    Raises ValueError, with a message that says what is wrong, if there is no name, or a name without values.
    """
    ### BEGIN SOLUTION
    if not space or not all(len(values) for values in space.values()):
        raise ValueError("the search space needs at least one name, and a value for each name")
    return [dict(zip(space, values)) for values in itertools.product(*space.values())]
    ### END SOLUTION


# %% test="grid"
check.exercise("grid", points=1)
with check.case("every combination, in order", points=0.6):
    space = {"width": [128, 64], "lr": [0.1, 0.01, 0.001]}
    pairs = [(width, lr) for width in space["width"] for lr in space["lr"]]
    right = [{"width": width, "lr": lr} for width, lr in pairs]
    found = check.unchanged(grid, space)
    check.that(isinstance(found, list), f"it should return a list, found a {type(found).__name__}")
    wrong = {}
    wrong["it pairs the lists one by one, as zip does; each value meets each other one"] = [
        {"width": 128, "lr": 0.1},
        {"width": 64, "lr": 0.01},
    ]
    wrong["the order is that of itertools.product: the last name changes fastest"] = [
        {"width": width, "lr": lr} for lr in space["lr"] for width in space["width"]
    ]
    wrong["the values are sorted; keep the order of the lists"] = right[::-1]
    wrong["these are tuples without names; make a dict of each"] = pairs
    wrong["these are lists without names; make a dict of each"] = [list(pair) for pair in pairs]
    wrong["each combination should be one dict; these are separate entries"] = [
        {name: v} for name in space for v in space[name]
    ]
    wrong["the names and the values are exchanged in the dicts"] = [
        {v: k for k, v in d.items()} for d in right
    ]
    wrong["all entries are the same dict, changed again and again: make a new one for each"] = [right[-1]] * 6
    wrong["the last combination is missing"] = right[:-1]
    check.equal(found, right, known=wrong)
    check.equal(
        [list(d) for d in found], [["width", "lr"]] * 6, "the names in each dict keep the order of `space`"
    )
with check.case("refuses an empty space", points=0.2):
    check.raises(ValueError, grid, {})
    check.raises(ValueError, grid, {"lr": [0.1], "width": []})
### BEGIN HIDDEN TESTS
with check.case("the same on other spaces", points=0.2, hidden=True):
    check.equal(grid({"a": [None, None]}), [{"a": None}] * 2)
    space = {"b": ["x", "y"], "a": [0, 1, 2], "c": [True, False]}
    check.equal(
        grid(space), [{"b": b, "a": a, "c": c} for b in space["b"] for a in space["a"] for c in space["c"]]
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 13.12: `random_search` &nbsp; (1 point, about 5 minutes, ★★☆)

<details><summary>Hint 1</summary>

`torch.randint(high, (1,), generator=generator).item()` is a random index from 0 to high − 1. Each name in each trial needs one of its own.

</details>
"""


# %% exercise="random_search"
def random_search(space, n, generator=None):
    """n random combinations.

    space: dict from a name to a list of values. Each value is drawn independently and uniformly from its list, so
    combinations can repeat. All randomness comes from `generator` if one is given.
    Returns a list of n dicts, name -> value. Raises ValueError, with a message that says what is wrong, if there is
    no name, or a name without values.
    """
    ### BEGIN SOLUTION
    if not space or not all(len(values) for values in space.values()):
        raise ValueError("the search space needs at least one name, and a value for each name")

    def draw(values):
        return values[torch.randint(len(values), (1,), generator=generator).item()]

    return [{name: draw(values) for name, values in space.items()} for _ in range(n)]
    ### END SOLUTION


# %% test="random_search"
check.exercise("random_search", points=1)
ENDLESS = "it goes on and on: combinations can repeat, so n draws are enough"


def columns(space, n, seed):
    """The values of n trials, by their names."""
    trials = random_search(space, n, check.generator(seed))
    return {name: [trial[name] for trial in trials] for name in space}


def drawn(space, n, seed):
    """The same for many trials. The case ends if already a few of them have no end."""
    with check.at_most(100_000, ENDLESS):
        check.made(columns, space, 24, seed)
    return check.made(columns, space, n, seed)


with check.case("n dicts with values from the lists, repeatable with a generator", points=0.3):
    space = {"lr": [0.1, 0.01, 0.001], "act": ["relu", "tanh"], "p": [None, 0.5]}
    with check.at_most(100_000, ENDLESS):
        trials = check.unchanged(random_search, space, 16)
    check.that(
        isinstance(trials, list) and all(isinstance(t, dict) for t in trials),
        "it should return a list of dicts",
    )
    known = {"each combination occurs at most once; draw each trial independently": 12}
    check.equal(len(trials), 16, "the number of dicts", known=known)
    for trial in trials:
        check.equal(sorted(trial), ["act", "lr", "p"], "each dict should have the names of the space")
        check.that(all(trial[name] in space[name] for name in space), "a value is not from its list")
    check.that(any(t != trials[0] for t in trials), "all trials are the same: draw anew for each")
    one = check.generator(3)
    calls = [(space, 16), *((space, 16, g) for g in (check.generator(3), check.generator(3), one, one))]
    with check.at_most(400_000, ENDLESS):
        new, same, other, first, second = check.each(random_search, calls)
    check.that(
        new != trials,
        "without a generator, every call gave the same trials: take torch's global random numbers, with no fixed seed",
    )
    check.equal(
        other, same, "two generators with the same seed should give the same trials: draw with `generator`"
    )
    check.that(
        first != second, "a second call with the same generator repeats the first: do not seed it anew"
    )
with check.case("each value is drawn uniformly, and independently of the others", points=0.4):
    space = {"a": [0, 1, 2, 3], "b": [0, 1, 2, 3]}
    found = drawn(space, 800, 1)
    trials = list(zip(found["a"], found["b"]))
    check.equal(len(trials), 800, "the number of dicts")
    check.that(any(a != b for a, b in trials), "the same index is used for all names: draw one for each")
    for name in space:
        counts = [found[name].count(v) for v in space[name]]
        check.that(counts[3] > 0, "the last value of a list is never drawn")
        check.that(counts[0] > 0, "the first value of a list is never drawn")
        check.that(
            all(130 < count < 270 for count in counts),
            f"each of 4 values should come about 200 times in 800 trials, found {counts}",
        )
    exact = all(found[name].count(v) == 200 for name in space for v in space[name])
    check.that(
        not exact, "each value comes exactly equally often: draw each one anew, so that chance decides"
    )
    table = [trials.count((a, b)) for a in range(4) for b in range(4)]
    check.that(
        all(15 < count < 95 for count in table),
        f"each of 16 pairs should come about 50 times in 800 trials, found {table}: draw the values independently",
    )
    check.that(trials != sorted(trials), "the trials are sorted")
    repeats = sum(s == t for s, t in itertools.pairwise(found["a"]))
    check.between(repeats, 130, 270, "trials depend on the trial before: equal neighbours among 800")
with check.case("refuses an empty space", points=0.1):
    check.raises(ValueError, random_search, {}, 3)
    check.raises(ValueError, random_search, {"lr": [0.1], "width": []}, 3)
### BEGIN HIDDEN TESTS
with check.case("the same on other spaces", points=0.2, hidden=True):
    with check.at_most(100_000, ENDLESS):
        check.equal(random_search({"a": ["only"]}, 3), [{"a": "only"}] * 3)
    found = drawn({"x": list(range(5)), "y": [True, False]}, 400, 9)
    counts = [found["x"].count(v) for v in range(5)]
    check.that(
        all(38 < count < 125 for count in counts),
        f"each of 5 values should come about 80 times in 400 trials, found {counts}",
    )
    check.between(sum(found["y"]), 146, 254, "the number of True among 400")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**The same budget.** Nine trials, two settings: the learning rate (25 values from $10^{-6}$ to 10) and the weight decay (3 values). A grid of 3 × 3 tries three different rates. Nine random trials try up to nine. If only the rate matters, random search should
win. To compare fairly, all 75 networks are trained once; then the grid is put at each of nine places, and random search is repeated 500 times.
"""

# %% tags=["experiment"]
make_grid = cu.yours(grid, instead=lambda s: [dict(zip(s, v)) for v in itertools.product(*s.values())])


def by_choice(space, n, generator=None):
    picks = {name: torch.randint(len(v), (n,), generator=generator).tolist() for name, v in space.items()}
    return [{name: space[name][picks[name][i]] for name in space} for i in range(n)]


search = cu.yours(random_search, instead=by_choice)
space = {"lr": [10 ** (k * 7 / 24 - 6) for k in range(25)], "weight_decay": [0.0, 0.003, 0.03]}
result = {}
for trial in make_grid(space):
    net = fit(mlp(32), X_train[:600], y_train[:600], 3, **trial)
    result[tuple(trial.values())] = measure(net, X_valid, y_valid)[1]


def best_result(trials):
    return max(result[tuple(trial.values())] for trial in trials)


grids = [
    best_result(make_grid({"lr": space["lr"][start::8][:3], "weight_decay": space["weight_decay"]}))
    for start in range(9)
]
generator = torch.Generator().manual_seed(0)
luck = [best_result(search(space, 9, generator)) for _ in range(500)]
shown = search(space, 9, generator)


def draw_search(*panels):
    for ax, name, trials in zip(
        panels,
        ("grid", "random"),
        (make_grid({"lr": space["lr"][4::8], "weight_decay": space["weight_decay"]}), shown),
    ):
        for wd, colour in zip(space["weight_decay"], cu.plots.COLOURS):
            ax.plot(
                space["lr"], [result[lr, wd] for lr in space["lr"]], color=colour, linewidth=0.7, alpha=0.5
            )
        rates_tried = [t["lr"] for t in trials]
        ax.plot(
            rates_tried, [result[tuple(t.values())] for t in trials], "o", color=cu.plots.INK, markersize=6
        )
        ax.set(xscale="log", xlabel="learning rate", title=f"{name}: {len(set(rates_tried))} different rates")
    panels[0].set_ylabel("validation accuracy")


cu.plots.figure(
    draw_search,
    panels=2,
    alt="Three almost equal curves of validation accuracy against the learning rate with a broad hill; the grid's nine points lie at three rates, the random ones at nine",
)
grid_mean, random_mean = sum(grids) / len(grids), sum(luck) / len(luck)
assert random_mean > grid_mean + 0.03
assert sum(result[lr, 0.0] > max(result.values()) - 0.05 for lr in space["lr"]) < 5
print("best of nine trials, mean over the repetitions: random search is more than 3 points ahead of the grid")

# %% [markdown]
r"""
The rates within 5 points of the best cover less than a fifth of the range, on the logarithmic scale. Three rates often miss them, nine seldom do. The weight decay hardly matters here, and the grid spends two thirds of its trials on other decays at the same rates. You do not know beforehand which setting matters; random search need not know. Four habits:

- Search rates and decays on a logarithmic scale.
- If the winner lies on the border of the range, widen the range.
- Each trial has a seed; the difference between two close winners may come from the seed. Repeat the finalists.
- The winner's validation score is too good (section 6). Its test score is the one to report.

<details><summary>Aside: stop bad trials early</summary>

**Successive halving** starts many trials with little training, keeps the best part, and trains these longer. With 16 starts, one epoch each, the better half kept and the epochs doubled each time (16·1 + 8·2 + 4·4 + 2·8 + 1·16), it costs 80 epochs.
Training all 16 for 16 epochs costs 256. It fails where good settings start slowly.

</details>

## 12 What comes in: whitening, codes, shift

In chapter 12 a cloud was rotated to its main axes and divided by the standard deviations. For X (n, d): centre the columns, $X_c$; compute the covariance $C = X_c^\top X_c / n$ (d, d); its eigenvectors V (d, d) are the axes, its eigenvalues the
variances along them. The new columns are $X_c V$, each divided by $\sqrt{\text{variance} + \varepsilon}$, where ε keeps a direction without variance from a division by 0.

### Exercise 13.13: `pca_whiten` &nbsp; (3 points, about 12 minutes, ★★★)

<details><summary>Hint 1</summary>

`torch.linalg.eigh` gives eigenvalues in *rising* order, and one eigenvector per *column*.

<details><summary>Hint 2</summary>

With rounding, an eigenvalue that should be 0 can be −1e-7, and its column 1e-6 instead of 0; divided by a small root this grows. Compute in float64 inside, and cut variances off at 0 from below.

</details></details>
"""


# %% exercise="pca_whiten"
def pca_whiten(X, eps=1e-5):
    """PCA whitening.

    X: float tensor (n, d), n and d at least 1, also n < d. eps > 0.
    Returns (n, d) of X's dtype: X centred, rotated to its principal axes (largest variance first, signs free), each
    column divided by sqrt(variance + eps); the variance divides by n or n - 1 (by 1 if n is 1). Directions without
    variance become 0.
    Always finite.
    """
    ### BEGIN SOLUTION
    centred = X.double() - X.double().mean(dim=0)
    variances, axes = torch.linalg.eigh(centred.T @ centred / len(X))
    variances, axes = variances.flip(0).clamp(min=0), axes.flip(1)
    return (centred @ axes / (variances + eps).sqrt()).to(X.dtype)
    ### END SOLUTION


# %% test="pca_whiten"
check.exercise("pca_whiten", points=3)


def parts_of(X, n):
    """Centred data, axes (largest variance first) and variances."""
    C = X.double() - X.double().mean(0)
    variances, V = torch.linalg.eigh(C.T @ C / n)
    return C, V.flip(1), variances.flip(0).clamp(min=0)


def compare(X, *eps, wrong=None):
    words = f"for X of shape {tuple(X.shape)} and eps = {(*eps, 1e-5)[0]}{'' if eps else ', the default'}"
    found = check.unchanged(pca_whiten, X, *eps)
    check.like(found, X)

    def signed(Y):
        return torch.where((Y * found).sum(0) < 0, -Y, Y)

    right = []
    for n in {len(X), max(len(X) - 1, 1)}:
        C, V, variances = parts_of(X, n)
        right.append(signed(C @ V / (variances + (*eps, 1e-5)[0]).sqrt()))
    check.that(found.isfinite().all(), f"{words}: there are nan or inf in the result")
    empty = found[:, variances < 1e-9].abs()
    check.that((empty < 0.02).all(), f"{words}: a direction without variance should become 0")
    nearest = min(right, key=lambda Y: (Y - found).abs().max())
    known = {words: signed(Y) for words, Y in (wrong or {}).items()}
    check.close(found, nearest, words, known=known, rtol=2e-3, atol=5e-3)


def cloud(n, stds, dtype=torch.float32):
    """n rows with these standard deviations along axes askew, away from the origin."""
    turn = torch.linalg.qr(check.normal((len(stds), len(stds)), dtype=torch.float64)).Q
    return (check.normal((n, len(stds)), dtype=torch.float64) * torch.tensor(stds) @ turn + 2).to(dtype)


with check.case("centred, rotated, and divided by sqrt(variance + eps)", points=1.5):
    X, eps = cloud(200, [3.0, 1.0, 0.4]), 0.5
    (C, V, variances), D = parts_of(X, 200), X.double()
    S, turned, spreads = parts_of(C / C.std(0), 200)
    Z, root, scaled = C @ V, (variances + eps).sqrt(), S @ turned / (spreads + eps).sqrt()
    wrong = {}
    wrong["X is not centred: subtract the mean of each column"] = D @ V / root
    wrong["the smallest variance comes first; eigh gives rising order"] = (Z / root).flip(1)
    wrong["the columns are turned round, the variances are not: flip both"] = Z / root.flip(0)
    wrong["the rows are turned round; flip the columns"] = (Z / root).flip(1).flip(0)
    wrong["the columns are rotated back: this is ZCA whitening"] = Z / root @ V.T
    wrong["each column is divided by its deviation, not rotated: this is standardising"] = C / C.std(0)
    wrong["the columns were standardised before the rotation; only centre them"] = scaled
    wrong["the axes are those of the correlations; take the covariance"] = C @ turned / (spreads + eps).sqrt()
    wrong["centred and rotated, but not divided by sqrt(variance + eps)"] = Z
    wrong["divided by the variance; take the square root"] = Z / (variances + eps)
    wrong["eps belongs inside the root: sqrt(variance + eps)"] = Z / (variances.sqrt() + eps)
    wrong["eps is a lower limit here; add it to the variance"] = Z / variances.clamp(min=eps).sqrt()
    wrong["the axes are the columns of eigh's matrix; do not transpose it"] = C @ V.flip(1).T / root.flip(0)
    wrong["the axes are the rows of Vh from svd: multiply by Vh.T, not by Vh"] = C @ V.T / root
    wrong["multiplied by the root; divide"] = Z * root
    wrong["the sum of squares is not divided by n"] = Z / (200 * variances + eps).sqrt()
    wrong["the sum of squares is divided by d, not by n"] = Z / (200 / 3 * variances + eps).sqrt()
    wrong["divided by the singular values themselves"] = Z / ((200 * variances).sqrt() + eps)
    wrong["eps is 1e-5 whatever is asked for"] = Z / (variances + 1e-5).sqrt()
    wrong["the mean of all entries was subtracted; each column has its own"] = (D - D.mean()) @ V / root
    wrong["the mean of each row was subtracted; take that of each column"] = (
        (D - D.mean(1, keepdim=True)) @ V / root
    )
    compare(X, eps, wrong=wrong)
    compare(cloud(60, [5.0, 2.0, 1.0, 0.3]))
    compare(cloud(60, [0.1, 0.004]))
with check.case("directions without variance become 0, and the result is finite", points=1):
    flat = torch.cat([cloud(50, [2.0, 0.7]), torch.full((50, 1), 3.0)], dim=1)
    for X in (flat, cloud(3, [3.0, 2.0, 1.0, 0.5, 0.2]), torch.ones(1, 4), torch.full((5, 1), 7.0)):
        try:
            compare(X)
        except RuntimeError as error:
            nan = len(X) == 1 and "linalg" in str(error)
            check.that(not nan, "for one row the covariance is 0 / 0, which is nan: divide by 1 then")
            raise
    words = "rounding makes variances negative that should be 0, and their root is nan: cut them off at 0"
    check.that(pca_whiten(check.normal((3, 20), std=40)).isfinite().all(), words)
### BEGIN HIDDEN TESTS
with check.case("the same on other clouds", points=0.5, hidden=True):
    for sizes in ((100, [4.0, 2.0], torch.float64), (7, [9.0, 3.0, 1.0]), (300, [1.0])):
        compare(cloud(*sizes))
    compare(cloud(80, [2.0, 1.0, 0.5]), 0.1)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
The garments, averaged over blocks of 4 × 4 pixels: 49 columns. Their covariance before whitening, and after it with your function:
"""

# %% tags=["experiment"]


def by_svd(X, eps=1e-5):
    centred = X - X.mean(dim=0)
    U, s, _ = torch.linalg.svd(centred, full_matrices=False)
    return U * s / (s.square() / len(X) + eps).sqrt()


whiten = cu.yours(pca_whiten, instead=by_svd)
blocks = F.avg_pool2d(X_train.view(-1, 1, 28, 28), 4).flatten(1)  # (3000, 49)
white = whiten(blocks)
before, after_whitening = torch.cov(blocks.T), torch.cov(white.T)


def draw_covariances(*panels):
    for ax, (name, C) in zip(panels, {"before": before, "after": after_whitening}.items()):
        ax.imshow(C, cmap="RdBu_r", vmin=-1, vmax=1)
        ax.set(xlabel="column", title=f"covariance {name} whitening")
    panels[0].set_ylabel("column")


cu.plots.figure(
    draw_covariances,
    panels=2,
    alt="Before: many large positive and negative covariances in a pattern of blocks; after: a diagonal of ones on white",
)
off = (after_whitening - torch.diag(after_whitening.diag())).abs().max().item()
held_back = (after_whitening.diag() < 0.9).sum().item()
assert off < 0.01 and held_back < 10 and abs(after_whitening.diag().median() - 1) < 0.02
print(f"covariances below 0.01; variances close to 1, but for {held_back} of 49")

# %% [markdown]
r"""
The new variance of a direction is variance / (variance + ε). Where the old one is as small as ε, this is ½, not 1. Without ε such noise would become as large as everything else. In an experiment, axes and variances come from the training data alone, and are then applied to validation and test data.

**Local and distributed codes.** Inside a network, a class or a word is a pattern of numbers. In a *local* code each thing has a unit of its own (one-hot): n units, n things. In a *distributed* code each thing is a pattern over many units, and each
unit takes part in many things: n binary units have $2^n$ patterns. Ten units for ten classes in both cases. What is lost if one unit fails?
"""

# %% tags=["experiment"]
generator = torch.Generator().manual_seed(3)
local = 2 * torch.eye(10) - 1  # (10 classes, 10 units), entries +-1
distributed = torch.where(torch.rand(10, 10, generator=generator) < 0.5, -1.0, 1.0)
for name, code in (("local", local), ("distributed", distributed)):
    confused = []
    for unit in range(10):
        broken = code.clone()
        broken[:, unit] = -1.0
        distance = torch.cdist(broken, code)  # to which class is each broken pattern nearest?
        own = distance.diag()[:, None]
        confused.append(((distance <= own + 1e-6).sum(dim=1) > 1).sum().item())
    print(
        f"{name:11} code: classes that one broken unit makes ambiguous, on average {sum(confused) / 10:.1f} of 10"
    )
print("patterns possible with 10 units: local 10, distributed", 2**10)

# %% [markdown]
r"""
In the local code, the class of the broken unit is lost. In the distributed one, most classes are still nearest to their own pattern: two random patterns differ in about five units. (Dropout makes units fail on purpose, which favours codes of this kind.)

**When the test data are different.** So far, training and test data came from one source. If only p(x) changes (*covariate shift*: the same clothes, another camera), reweight the training examples by $q(x)/p(x)$, new over old density. A classifier that tells new from
old inputs gives this ratio: with logit h(x), it is $(n_{\text{old}}/n_{\text{new}})\,e^{h(x)}$. If only p(y) changes (*label shift*: another season), the mean prediction on new data and the confusion matrix give the new p(y). If p(y | x) changes (*concept shift*), only new labels help. The first one, with a line
fitted to a curve, and your loss of section 2 in the classifier:
"""

# %% tags=["experiment"]
bce = cu.yours(binary_cross_entropy, instead=F.binary_cross_entropy_with_logits)
generator = torch.Generator().manual_seed(0)
old = torch.randn(2_000, generator=generator)
new = 1.5 + 0.5 * torch.randn(1_000, generator=generator)
targets = torch.sin(1.5 * old) + 0.1 * torch.randn(
    2_000, generator=generator
)  # labels for the old inputs only
inputs, is_new = torch.cat([old, new]), torch.cat([torch.zeros(2_000), torch.ones(1_000)])
terms = torch.stack([torch.ones(3_000), inputs, inputs**2], dim=1)
h = torch.zeros(3, requires_grad=True)
for _ in range(300):
    (slope,) = torch.autograd.grad(bce(terms @ h, is_new), h)
    with torch.no_grad():
        h -= 0.3 * slope
ratio = (2_000 / 1_000 * (terms[:2_000] @ h.detach()).exp()).clamp(max=20)  # q(x) / p(x)
line = terms[:2_000, :2]
truth_new = torch.sin(1.5 * new)
errors_new = {}
for name, weight in (("unweighted", torch.ones(2_000)), ("weighted", ratio)):
    w = torch.linalg.solve(line.T @ (weight[:, None] * line), line.T @ (weight * targets))
    errors_new[name] = (w[0] + w[1] * new - truth_new).square().mean().item()
print(
    f"squared error on the new inputs: unweighted {errors_new['unweighted']:.1f}, weighted {errors_new['weighted']:.1f}"
)
confusion = torch.tensor([[0.8, 0.3], [0.2, 0.7]])  # P(predicted i | true j)
p_new = torch.linalg.solve(confusion, torch.tensor([0.35, 0.65]))  # mean prediction on new data
print(
    "label shift, from a confusion matrix and a mean prediction: p(y) =", [f"{v:.1f}" for v in p_new.tolist()]
)

# %% [markdown]
r"""
Mind the confusion matrix: its columns are *conditional* on the true class and add up to 1. With joint frequencies the same equation gives the ratios of new to old probabilities instead.

### Exercise 13.14: claims about generalisation &nbsp; (2 points, about 6 minutes, ★★☆)

Answer "true", "false", or the letter of the one condition under which the claim is true.

1. **"moredata"**: "A training set that is too large makes a network underfit: its test error rises."
   (a) for small networks, (b) for large networks, (c) if all labels are right.
2. **"trainloss"**: "A training loss near 0 shows that the network has learned the true classes of its training pictures."
   (a) if the labels are right, (b) if the network is large enough, (c) after enough epochs.
3. **"winner"**: "The validation accuracy of a model is, on average, its accuracy on new data."
   (a) if the model was not chosen by these validation data, (b) if it is the best of many models, (c) if the training error is 0.
4. **"adam"**: "An Adam optimizer with weight decay λ shrinks a weight by the same factor 1 − ηλ per step, whatever the size of its gradients."
   (a) if λw is added to the gradient, (b) if the decay is decoupled, as in AdamW, (c) if λ is small.
5. **"capacity"**: "Once the training data are fitted perfectly, each further parameter makes the test error larger."
   (a) without a penalty, (b) with noisy labels, (c) for random features.
"""

# %% exercise="claims_generalization"
generalization_answers = {
    "moredata": "?",
    "trainloss": "?",
    "winner": "?",
    "adam": "?",
    "capacity": "?",
}
### BEGIN SOLUTION
generalization_answers = {
    "moredata": "false",
    "trainloss": "a",
    "winner": "a",
    "adam": "b",
    "capacity": "false",
}
### END SOLUTION

# %% test="claims_generalization"
check.exercise("claims_generalization", points=2)
CLAIMS = ["moredata", "trainloss", "winner", "adam", "capacity"]
with check.case("every claim is answered with true, false, a, b or c"):
    check.claims(generalization_answers, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("the claims about data and capacity", points=1.2, hidden=True):
    check.right(
        generalization_answers,
        {"moredata": "false", "trainloss": "a", "capacity": "false"},
        "look at the first picture of the chapter and at the last two of section 7",
    )
with check.case("the claims about choosing and shrinking", points=0.8, hidden=True):
    check.right(
        generalization_answers, {"winner": "a", "adam": "b"}, "the experiments are in sections 6 and 8"
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 13.15: in your own words &nbsp; (2 points, about 8 minutes, marked by your instructor)

A job interview. "Our classifier has 99 % accuracy on the training data and 81 % on 2,000 test examples. A colleague has five ideas: (1) twice as many units, (2) ten times as many labelled examples, (3) augmentation, (4) stop at the epoch at which the *test* accuracy is highest,
and report that accuracy, (5) choose among 200 settings by the validation accuracy, and report the winner's validation accuracy." What is the problem called, and which ideas attack it, by which mechanism? Which two numbers must not be reported, in which direction are they wrong, and what do you propose instead? How far apart must two
test accuracies be here before you take the difference seriously?
"""

# %% [markdown] written="interview_gap" points=2
r"""
**Model answer.** The problem is overfitting: a gap of 18 points, a large variance. (2) and (3) attack it: more (or more varied) examples leave less noise to learn by heart, so the training accuracy may fall while the test accuracy rises. (1) raises the capacity; by itself
it does not attack the gap (it need not hurt, as double descent shows, but that has to be tried on validation data). (4) and (5) report the maximum of many noisy numbers on the data that chose it, so both are too high on average. Instead: choose the epoch and the settings on validation data, restore those weights, and measure once on test data that have chosen nothing.
The standard error is √(0.81 · 0.19 / 2000) ≈ 0.009, so one accuracy is known to about ±0.017 (95 %), and a difference of two such numbers from independent test sets to about ±0.025; on the same test examples a paired comparison can be sharper. Differences of one point are noise.

**Mark scheme.** ½ point: overfitting or large gap (or variance), and (2) and (3) with a mechanism. ½ point: (1) does not attack the gap by itself (accept "may raise the variance" and "may help, has to be tried"; "cures overfitting" does not count). ½ point: (4) and (5) are both too good, because of choosing by them, and a clean test set (or nested
validation) as the remedy. ½ point: a standard error of about 0.01, or ±0.02, with a conclusion (accept 2 to 3 points, or a paired test).
"""

# %% [markdown]
r"""
## Recap

- Likelihood gives losses: coin → binary cross-entropy, classes → cross-entropy, Gaussian noise → squared error, Laplace noise → absolute error. Compute the first two from logits.
- $D(p\,\|\,q) = H(p,q) - H(p) \ge 0$, and not the same in both directions. Maximum likelihood, cross-entropy and KL have the same minimum.
- Squared error has the right minimum for probabilities, but its gradient carries s(1 − s), which vanishes where the answer is sure and wrong.
- A test accuracy has a standard error of at most ½/√n. The best of many looks better than it is.
- Error = bias² + variance + noise. More data usually shrinks the gap. The number of parameters alone does not decide.
- Weight decay multiplies by 1 − ηλ in SGD and AdamW, not in Adam with an L2 term. Early stopping needs copies of the weights.
- Choose on validation data, report on test data. Vanishing and exploding gradients are a matter of weights and slopes (chapter 12), not of overfitting.

**What people get wrong.** They take log of a sigmoid; call KL a distance; expect a cross-entropy of 0; blame discrete labels for squared error's trouble; take a training loss for quality, or a rising training error for a bad sign; keep references instead of copies of the best weights; count bad checks in total rather than in a row; average the bias before they square it; report the number that chose the model; search a learning rate on a linear scale.

**Read on.** [Bishop and Bishop, Deep Learning: Foundations and Concepts](https://www.bishopbook.com/) · [Zhang and others 2017: Understanding deep learning requires rethinking generalization](https://arxiv.org/abs/1611.03530) · [Belkin and others 2019: Reconciling modern machine learning and the bias-variance trade-off](https://arxiv.org/abs/1812.11118) · [Loshchilov and Hutter 2019: Decoupled weight decay regularization](https://arxiv.org/abs/1711.05101) ·
[Bergstra and Bengio 2012: Random search for hyper-parameter optimization](https://www.jmlr.org/papers/v13/bergstra12a.html) · [Dive into Deep Learning, generalization](https://d2l.ai/chapter_linear-regression/generalization.html).

**Next:** [`14_object_detection`](../14_object_detection/object_detection.ipynb), where a network says what is in a picture, and where.
"""
