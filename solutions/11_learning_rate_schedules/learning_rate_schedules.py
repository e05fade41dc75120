# ---
# jupyter:
#   course:
#     prerequisites:
#     - 08_convolutions_lenet
#     - 10_optimizers
#     summary: Why the rate should change during training, which schedules there are,
#       and how to run them in PyTorch
#     title: Learning rate schedules
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
# 11 Learning rate schedules

**Time:** about 3.5 hours. **You need:** chapters 1 to 5, 7, 8 and 10. **Points:** 31.

Chapter 10 asked which way to step, and how far. This chapter asks how the learning rate should change while a network
trains. After it you can

- **write** the usual schedules as functions of the step: step, inverse time, exponential, cosine, warm-up, cyclical;
- **predict** the rate that a scheduler of PyTorch uses at any step, and **record** it;
- **build** a warm-up with a cosine from PyTorch's parts, and use it to save a run that diverges;
- **diagnose** a training whose schedule is wrong;
- **judge** common claims about schedules by an experiment.

| English | Chinese (中文) | what it is |
|---|---|---|
| learning rate schedule | 学习率调度 | a rule that gives the learning rate of each step |
| scheduler | 学习率调度器 | PyTorch's object that sets an optimizer's rate |
| decay | 衰减 | the rate falls |
| half-life | 半衰期 | how many steps until the rate has halved |
| milestone | 里程碑 | a step at which the rate changes abruptly |
| cosine annealing | 余弦退火 | the rate falls along half a cosine |
| warm-up | 预热 | the rate rises during the first steps |
| warm restart | 热重启 | the rate jumps back up and falls again |
| cyclical rate | 循环学习率 | the rate rises and falls again and again |
| peak rate | 峰值学习率 | the largest rate of a schedule |
| range test | 学习率范围测试 | one short run with a growing rate, to find a good one |

A word on counting. A **step** is one update of the weights, with one batch. Steps are numbered from 0, so a
schedule is a function of $t = 0, 1, 2, \dots$, and step 0 already uses the rate $\eta_0$. An **epoch** is one pass over the
data. "The rate" is short for the learning rate.

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. The check tells you what is still wrong. Some checks are hidden: they ask for the
same on other numbers, and run when your work is graded. Once the checks of an exercise pass, the next cells work with
*your* function, and say so. When you come back after a break, the kernel has forgotten everything: click the cell where
you want to go on and choose *Run > Run All Above Selected Cell*.
"""

# %%
import math
import warnings

import course_utils as cu
from course_utils import check, schedules

import ipywidgets
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

torch.set_num_threads(1)  # networks as small as these only wait for a second thread

# %% [markdown]
r"""
## 1 Why one rate is not enough

Chapter 10 measured two facts. With noisy gradients and a fixed rate $\eta$, a walk on the parabola $\frac12 x^2$ ends
in a **noise floor**, a mean loss of about $\eta\sigma^2/4$ for small rates: small rate, low floor. And each step multiplies the
expected distance to the minimum by $1 - \eta$: small rate, slow walk. Early on, the distance is the problem. Later,
the noise is. So start fast and end slowly.

Predict the mean loss of many walks after 100 steps, from $x = 5$ and with noise of variance 1. At rate 0.5, the
floor is $\frac{\eta}{2(2-\eta)} = 0.5/3 = 0.17$. At rate 0.02, the distance has only shrunk to $5 \cdot 0.98^{100} = 0.66$, a loss
of 0.22, and a little noise. And what if the rate falls from 0.5 like $0.5/(1 + t/4)$?
"""


# %%
def noisy_walks(rate_at, num_steps=100, num_walks=4000):
    """Mean loss x^2 / 2 before each step and at the end; gradients have noise of variance 1."""
    g = torch.Generator().manual_seed(0)
    x, losses = torch.full((num_walks,), 5.0), []
    for t in range(num_steps):
        losses.append((x**2).mean().item() / 2)
        x = x - rate_at(t) * (x + torch.randn(num_walks, generator=g))
    return [*losses, (x**2).mean().item() / 2]


walks = {
    "constant 0.5": noisy_walks(lambda t: 0.5),
    "constant 0.02": noisy_walks(lambda t: 0.02),
    "0.5 / (1 + t/4)": noisy_walks(lambda t: 0.5 / (1 + t / 4)),
}
for name, losses in walks.items():
    print(f"{name:15}: mean loss after 100 steps {losses[-1]:.2f}")

# %% tags=["experiment"]
cu.plots.curves(
    walks,
    xs=range(101),
    x="step",
    y="mean loss",
    log_y=True,
    title="A falling rate is fast at first and quiet at the end",
    alt="Mean loss over 100 steps: the constant rate 0.5 falls at once and stays near 0.17, the constant 0.02 falls "
    "slowly and the falling rate ends far below both",
)

# %% [markdown]
r"""
The falling rate wins by far, although it starts at the same 0.5 as the first walk.

### How fast may it fall?

Take the noise away, start at $x = -5$, and let the rate fall as $\eta_t = 0.1\, e^{-0.1 t}$. Each step multiplies $x$ by $1 - \eta_t
\approx e^{-\eta_t}$, so after all steps the factor is about $e^{-S}$, where $S = \sum_t \eta_t$ is the sum of all rates. It is a
geometric series: $S = 0.1/(1 - e^{-0.1}) = 1.05$. Predict: the walk stops near $-5 e^{-1.05} = -1.75$, however long
you wait.
"""

# %%
for name, rate_at in (
    ("0.1 e^(-0.1 t)", lambda t: 0.1 * math.exp(-0.1 * t)),
    ("0.1 / (1 + 0.1 t)", lambda t: 0.1 / (1 + 0.1 * t)),
):
    x, total = -5.0, 0.0
    for t in range(10_001):
        if t in (10, 100, 10_000):
            print(f"{name:17} after {t:6} steps: x = {x:7.4f}, sum of the rates {total:5.2f}")
        x, total = x - rate_at(t) * x, total + rate_at(t)

# %% [markdown]
r"""
The sum of the rates limits how far a walk can get. If it is finite, the walk can stop short of the minimum. The
inverse-time rates add up without limit, and that walk gets as close as you like.

Both demands fit into one inequality. Let $f$ be convex with its minimum at $x^*$, $r = \|x_0 - x^*\|$ the distance at
the start, and let no gradient be longer than $L$. One step gives

$$\|x_{t+1} - x^*\|^2 = \|x_t - x^*\|^2 - 2\eta_t\, g_t \cdot (x_t - x^*) + \eta_t^2 \|g_t\|^2
\le \|x_t - x^*\|^2 - 2\eta_t \big(f(x_t) - f(x^*)\big) + \eta_t^2 L^2,$$

since the graph of a convex function is nowhere below its tangents: $f(x^*) \ge f(x_t) + g_t \cdot (x^* - x_t)$. Add this up over all steps; the
distances cancel in pairs, and the last one is not negative:

$$2 \sum_t \eta_t \big(f(x_t) - f(x^*)\big) \le r^2 + L^2 \sum_t \eta_t^2
\quad\Longrightarrow\quad
\text{mean of } f(x_t) - f(x^*) \;\le\; \frac{r^2 + L^2 \sum_t \eta_t^2}{2 \sum_t \eta_t},$$

where the mean weights step $t$ by $\eta_t$. For noisy gradients the same holds for expected values, if the mean of $\|g_t\|^2$
is at most $L^2$. There are two terms: to forget the start, $\sum \eta_t$ must grow without limit; to beat the noise, $\sum \eta_t^2$
must grow more slowly than $\sum \eta_t$. The classical conditions are $\sum \eta_t = \infty$ and $\sum \eta_t^2 < \infty$, which $1/t$ meets. $1/\sqrt t$ does not meet the second, but the
bound goes to zero all the same.
"""

# %% [markdown]
r"""
## 2 Four ways to fall

| schedule | rate at step t | in PyTorch |
|---|---|---|
| step decay | $\eta_0\, \gamma^{\lfloor t/s \rfloor}$: times $\gamma$ once every $s$ steps | `StepLR(step_size, gamma)` |
| inverse time | $\eta_0 / (1 + k t)$ | `LambdaLR` |
| exponential | $\eta_0\, \gamma^t$ | `ExponentialLR(gamma)` |
| natural exponential | $\eta_0\, e^{-k t}$ | `ExponentialLR(math.exp(-k))` |

The last two are the same family: $\gamma = e^{-k}$. To see what a value of $\gamma$ means, compute the **half-life**: $\gamma^t = \frac12$ at $t = \log 2 /
(-\log \gamma)$. For $\gamma = 0.9$ that is 6.6 steps; for $\gamma = 0.999$ it is 693. Per *step*, a useful $\gamma$ is very close to 1.

Relatives you will meet: `MultiStepLR(milestones=[30, 60, 80])` falls at any steps you name (a *piecewise constant* rate);
a decay with a *floor*, $\max(\eta_{\min}, \eta_0 \gamma^t)$; the *polynomial* decay $\eta_0 (1 + \beta t)^{-\alpha}$, which is inverse time for $\alpha
= 1$ and *inverse square root* for $\alpha = \frac12$. (PyTorch's `PolynomialLR` is another one: $\eta_0 (1 - t/T)^p$, which for $p = 1$ is a
straight line to zero.)

Write them as functions of $t$ alone. A function that keeps its own count is wrong as soon as somebody calls
it twice for the same step, for a picture for example.
"""

# %% [markdown]
r"""
### Exercise 11.1: `step_decay` &nbsp; (2 points, about 5 minutes, ★☆☆)

By hand first: `step_decay(25, 0.8, 0.5, 10)`?

<details><summary>Hint 1</summary>

How often has the rate been cut before step t? Try t = 9, 10, 19 and 20 with `step_size` 10.

<details><summary>Hint 2</summary>

Python's `//` divides and rounds down.

</details></details>
"""


# %% exercise="step_decay"
def step_decay(t, lr0, gamma, step_size):
    """The rate lr0, multiplied by gamma once every step_size steps.

    t: int, the step, at least 0, also very large. lr0, gamma: floats. step_size: int, at least 1.
    Returns a float: lr0 at steps 0 to step_size - 1, lr0 * gamma at the next step_size steps, and so on.
    Raises ValueError, with a message, if t is negative or step_size is less than 1.
    """
    ### BEGIN SOLUTION
    if t < 0 or step_size < 1:
        raise ValueError(f"t must be at least 0 and step_size at least 1, got {t} and {step_size}")
    return lr0 * gamma ** (t // step_size)
    ### END SOLUTION


# %% test="step_decay"
check.exercise("step_decay", points=2)
close, rates_of, ts = schedules.close, schedules.rates_of, [0, 1, 9, 10, 11, 19, 20, 25, 35]
with check.case("falls once every step_size steps, and at no other step", points=1):
    wrong = {
        "it falls a little at each step: count whole blocks of step_size": lambda t: 0.8 * 0.4 ** (t / 10),
        "the cut comes one step late: step 10 is the first with the lower rate": lambda t: 0.8 * 0.4 ** (max(t - 1, 0) // 10),
        "the cut comes one step early: step 9 still has the higher rate": lambda t: 0.8 * 0.4 ** ((t + 1) // 10),
        "it is cut already in the first block": lambda t: 0.8 * 0.4 ** (t // 10 + 1),
        "the blocks are rounded up: round t / step_size down": lambda t: 0.8 * 0.4 ** math.ceil(t / 10),
        "the blocks are rounded to the nearest: round t / step_size down": lambda t: 0.8 * 0.4 ** round(t / 10),
        "it is cut at each step": lambda t: 0.8 * 0.4**t,
        "it is cut only once": lambda t: 0.8 * 0.4 ** (t >= 10),
        "% is what is left over; count the whole blocks": lambda t: 0.8 * 0.4 ** (t % 10),
        "it is cut at the milestones only and then goes back": lambda t: 0.8 * 0.4 ** (t // 10 if t % 10 == 0 else 0),
        "a cut lasts for one step only: it should last, and the next one adds to it": lambda t: 0.8 * 0.4 ** (t > 0 and t % 10 == 0),
        "step 0 is cut, and a cut lasts for one step only": lambda t: 0.8 * 0.4 ** (t % 10 == 0),
        "the rate grows: multiply by gamma, do not divide": lambda t: 0.8 / 0.4 ** (t // 10),
        "lr0 is missing": lambda t: 0.4 ** (t // 10),
        "gamma is multiplied by the number of blocks: raise it to that power": lambda t: 0.8 * 0.4 * (t // 10),
        "gamma is subtracted at each cut: multiply by it": lambda t: 0.8 - 0.4 * (t // 10),
        "1 - gamma takes the place of gamma": lambda t: 0.8 * 0.6 ** (t // 10),
        "the exponent is step_size: it should be the number of cuts so far": lambda t: 0.8 * 0.4**10,
        "this is e^(-gamma n); gamma^n is asked for": lambda t: 0.8 * math.exp(-0.4 * (t // 10)),
        "the power applies to gamma alone, not to lr0": lambda t: 0.32 ** (t // 10),
    }  # fmt: skip
    known = {sentence: rates_of(rate, ts) for sentence, rate in wrong.items()}
    expected = [0.8] * 3 + [0.32] * 3 + [0.128] * 2 + [0.0512]
    close(rates_of(step_decay, ts, 0.8, 0.4, 10), torch.tensor(expected).double(), known=known)
with check.case("is quick for a very large step, and refuses impossible arguments", points=0.5):
    with check.at_most(
        50_000, "it counts step by step or block by block, which takes too long for a large t"
    ):
        late = step_decay(10**12, 0.8, 1.0, 7)
    close(late, 0.8, "at step 10^12, with gamma = 1")
    calls = [(-1, 0.8, 0.5, 10), (3, 0.8, 0.5, 0), (3, 0.8, 0.5, -10)]
    check.each_raises(ValueError, step_decay, calls)
### BEGIN HIDDEN TESTS
with check.case("the same for other settings", points=0.5, hidden=True):
    right = 0.3 * 0.1 ** torch.arange(5).double()
    close(rates_of(step_decay, range(5), 0.3, 0.1, 1), right, "for gamma 0.1, step_size 1")
    right = torch.tensor([0.3 * 0.9**8, 0.3 * 0.9**9]).double()
    close(rates_of(step_decay, [62, 63], 0.3, 0.9, 7), right, "for gamma 0.9, step_size 7")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 11.2: `inverse_time_decay` &nbsp; (1 point, about 2 minutes, ★☆☆)

By hand: with k = 0.1, at which step has the rate halved? At which is it a tenth?

<details><summary>Hint</summary>

Mind the brackets around the denominator.

</details>
"""


# %% exercise="inverse_time_decay"
def inverse_time_decay(t, lr0, k):
    """The rate lr0 / (1 + k t). t: int, at least 0, also very large. lr0, k: floats. Returns a float."""
    ### BEGIN SOLUTION
    return lr0 / (1 + k * t)
    ### END SOLUTION


# %% test="inverse_time_decay"
check.exercise("inverse_time_decay", points=1)
rates_of, ts = schedules.rates_of, [0, 1, 2, 10, 90]
with check.case("has halved at step 1 / k", points=0.5):
    wrong = {
        "brackets: the whole of 1 + k t is the denominator": lambda t: 0.8 / 1 + 0.1 * t,
        "brackets: this is lr0 / (1 + k), and that times t": lambda t: 0.8 / 1.1 * t,
        "k and t are multiplied, not added": lambda t: 0.8 / (1 + 0.1 + t),
        "this is the straight line lr0 - k t": lambda t: 0.8 - 0.1 * t,
        "step 0 uses lr0 itself: t starts from 0, not from 1": lambda t: 0.8 / (1 + 0.1 * (t + 1)),
        "1 + k is raised to a power: that is an exponential decay": lambda t: 0.8 / 1.1**t,
        "k is missing": lambda t: 0.8 / (1 + t),
        "k t, not t / k": lambda t: 0.8 / (1 + t / 0.1),
        "the rate grows: divide": lambda t: 0.8 * (1 + 0.1 * t),
        "this is the inverse square root": lambda t: 0.8 / math.sqrt(1 + 0.1 * t),
        "this is the exponential decay e^(-k t)": lambda t: 0.8 * math.exp(-0.1 * t),
        "this is the straight line lr0 (1 - k t)": lambda t: 0.8 * (1 - 0.1 * t),
        "lr0 is missing": lambda t: 1 / (1 + 0.1 * t),
        "lr0 is in the denominator, too": lambda t: 0.8 / (1 + 0.8 * 0.1 * t),
        "each step divides the rate before it: divide lr0, once": lambda t: (
            0.8 / math.prod(1 + 0.1 * i for i in range(1, t + 1))
        ),
    }
    known = {sentence: rates_of(rate, ts) for sentence, rate in wrong.items()}
    expected = torch.tensor([0.8, 0.8 / 1.1, 0.8 / 1.2, 0.4, 0.08]).double()
    check.close(rates_of(inverse_time_decay, ts, 0.8, 0.1), expected, known=known, rtol=1e-6)
    with check.at_most(50_000, "it goes through the steps one by one, which takes too long for a large t"):
        late = inverse_time_decay(10**12 - 10, 0.8, 0.1)
    check.close(late, 8e-12, "at step 10^12 - 10", rtol=1e-6, atol=0)
### BEGIN HIDDEN TESTS
with check.case("the same for other settings", points=0.5, hidden=True):
    t = torch.tensor([0, 3, 17, 200])
    expected = 0.05 / (1 + 2.5 * t.double())
    check.close(rates_of(inverse_time_decay, t.tolist(), 0.05, 2.5), expected, "for k 2.5", rtol=1e-6)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
The answer: at step 10, and at step 90.

### Exercise 11.3: `exponential_decay` &nbsp; (1 point, about 2 minutes, ★☆☆)

By hand: `exponential_decay(2, 0.8, 0.5)`?

<details><summary>Hint</summary>

How does Python write a power?

</details>
"""


# %% exercise="exponential_decay"
def exponential_decay(t, lr0, gamma):
    """The rate lr0 * gamma^t. t: int, at least 0, also very large. lr0, gamma: floats. Returns a float."""
    ### BEGIN SOLUTION
    return lr0 * gamma**t
    ### END SOLUTION


# %% test="exponential_decay"
check.exercise("exponential_decay", points=1)
rates_of, ts = schedules.rates_of, [0, 1, 2, 7, 30]
with check.case("multiplies the rate by gamma at each step", points=0.5):
    wrong = {
        "step 0 uses lr0 itself": lambda t: 0.8 * 0.9 ** (t + 1),
        "step 0 uses lr0 itself: t, not t - 1": lambda t: 0.8 * 0.9 ** (t - 1),
        "lr0 is missing": lambda t: 0.9**t,
        "the power applies to gamma alone, not to lr0": lambda t: (0.8 * 0.9) ** t,
        "gamma is multiplied by t: raise it to the power t": lambda t: 0.8 * 0.9 * t,
        "^ is not a power in Python: use **": lambda t: 0.8 * (1 ^ t),
        "this is e^(-gamma t)": lambda t: 0.8 * math.exp(-0.9 * t),
        "this is e^(gamma t), and grows": lambda t: 0.8 * math.exp(0.9 * t),
        "gamma is a factor, not a loss: this is 1 - gamma t": lambda t: 0.8 * (1 - 0.9 * t),
        "this is t^gamma: the step is the exponent": lambda t: 0.8 * t**0.9,
        "the rate grows: multiply by gamma^t": lambda t: 0.8 / 0.9**t,
        "1 - gamma takes the place of gamma": lambda t: 0.8 * 0.1**t,
        "this is gamma * lr0^t: gamma gets the power": lambda t: 0.9 * 0.8**t,
    }
    known = {sentence: rates_of(rate, ts) for sentence, rate in wrong.items()}
    expected = 0.8 * 0.9 ** torch.tensor(ts).double()
    check.close(rates_of(exponential_decay, ts, 0.8, 0.9), expected, known=known, rtol=1e-5)
    with check.at_most(50_000, "it goes through the steps one by one, which takes too long for a large t"):
        rate = exponential_decay(10**9, 0.8, 0.9)
    check.close(rate, 0.0, "at step 10^9")
### BEGIN HIDDEN TESTS
with check.case("the same for other settings, also for a rate that grows", points=0.5, hidden=True):
    t = torch.arange(0, 60, 7)
    expected = 0.05 * 1.1 ** t.double()
    check.close(
        rates_of(exponential_decay, t.tolist(), 0.05, 1.1),
        expected,
        "for gamma 1.1",
        rtol=1e-5,
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 11.4: `natural_exp_decay` &nbsp; (1 point, about 2 minutes, ★☆☆)

Which gamma makes `exponential_decay` equal to `natural_exp_decay` with k = 0.1? Check your answer once both work.
"""


# %% exercise="natural_exp_decay"
def natural_exp_decay(t, lr0, k):
    """The rate lr0 * e^(-k t). t: int, at least 0, also very large. lr0, k: floats. Returns a float."""
    ### BEGIN SOLUTION
    return lr0 * math.exp(-k * t)
    ### END SOLUTION


# %% test="natural_exp_decay"
check.exercise("natural_exp_decay", points=1)
rates_of, ts = schedules.rates_of, [0, 1, 2, 7, 30]
with check.case("has fallen by a factor of e at step 1 / k", points=0.5):
    wrong = {
        "the rate grows: the exponent is negative": lambda t: 0.8 * math.exp(0.1 * t),
        "lr0 is missing": lambda t: math.exp(-0.1 * t),
        "k is missing": lambda t: 0.8 * math.exp(-t),
        "k t, not t / k": lambda t: 0.8 * math.exp(-t / 0.1),
        "t is missing from the exponent": lambda t: 0.8 * math.exp(-0.1) * t,
        "step 0 uses lr0 itself": lambda t: 0.8 * math.exp(-0.1 * (t + 1)),
        "this is (1 - k)^t, which is near e^(-k t) and not equal to it": lambda t: 0.8 * 0.9**t,
        "this is k^t": lambda t: 0.8 * 0.1**t,
        "e is 2.71828...: take math.exp": lambda t: 0.8 * 2.718 ** (-0.1 * t),
        "this is 1 - e^(-k t), which rises": lambda t: 0.8 * (1 - math.exp(-0.1 * t)),
        "lr0 is a factor, outside of the exponent": lambda t: math.exp(-0.1 * t * 0.8),
        "the base is e, not 10": lambda t: 0.8 * 10 ** (-0.1 * t),
        "the base is e, not 2": lambda t: 0.8 * 2 ** (-0.1 * t),
        "this is the inverse-time decay": lambda t: 0.8 / (1 + 0.1 * t),
        "t is missing: the exponent is -k t": lambda t: 0.8 * math.exp(-0.1),
    }
    known = {sentence: rates_of(rate, ts) for sentence, rate in wrong.items()}
    expected = 0.8 * (-0.1 * torch.tensor(ts).double()).exp()
    check.close(rates_of(natural_exp_decay, ts, 0.8, 0.1), expected, known=known, rtol=1e-6)
    with check.at_most(50_000, "it goes through the steps one by one, which takes too long for a large t"):
        late = natural_exp_decay(10**12, 0.8, 0.1)
    check.close(late, 0.0, "at step 10^12")
### BEGIN HIDDEN TESTS
with check.case("the same for other settings", points=0.5, hidden=True):
    t = torch.arange(0, 900, 70)
    expected = 0.05 * (-0.003 * t.double()).exp()
    check.close(rates_of(natural_exp_decay, t.tolist(), 0.05, 0.003), expected, "for k 0.003", rtol=1e-6)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
(γ = e^-0.1 = 0.905.) **How differently do they end?** Set each of them so that the rate has halved at step 10, and look at step 100. By
hand: step and exponential decay have halved ten times, to 1/1024; inverse time is at 1/11.
"""

# %% tags=["experiment"]
falls = {
    "step": (cu.yours(step_decay, instead=schedules.step_decay), (0.5, 10)),
    "inverse time": (cu.yours(inverse_time_decay, instead=schedules.inverse_time_decay), (0.1,)),
    "exponential": (cu.yours(exponential_decay, instead=schedules.exponential_decay), (0.5**0.1,)),
    "natural exponential": (
        cu.yours(natural_exp_decay, instead=schedules.natural_exp_decay),
        (math.log(2) / 10,),
    ),
}
rates = {
    name: [schedule(t, 0.5, *settings) for t in range(101)] for name, (schedule, settings) in falls.items()
}
cu.plots.curves(
    rates,
    xs=range(101),
    x="step",
    y="learning rate",
    log_y=True,
    title="Inverse time slows down; the others keep halving",
    alt="Four falling rates on a logarithmic axis: the exponentials are one straight line, step decay a staircase along it, "
    "inverse time flattens out",
)
for name in rates:
    losses = noisy_walks(lambda t: falls[name][0](t, 0.5, *falls[name][1]))
    print(
        f"{name:19}: rate at step 100 {rates[name][100]:.4f}, noisy walks end at mean loss {losses[-1]:.3f}"
    )

# %% [markdown]
r"""
On the walks of section 1, all of these beat a constant rate, by a factor of ten and more. A half-life of ten steps is slow enough for
the exponentials here: their rates add up to about 7.5, and $e^{-7.5}$ of the start is next to nothing. With a half-life of two, the sum
is 1.7, and they would freeze.

## 3 Half a cosine

An exponential decay that ends near zero spends most of its steps at tiny rates. **Cosine annealing** does not. It is given its length $T$
in advance, stays near the top for a while, falls quickest in the middle, and lands gently at $\eta_{\min}$:

$$\eta_t = \eta_{\min} + \tfrac12 (\eta_0 - \eta_{\min}) \Big(1 + \cos \frac{\pi t}{T}\Big), \qquad 0 \le t \le T .$$

Check the ends: $\cos 0 = 1$ gives $\eta_0$, $\cos \pi = -1$ gives $\eta_{\min}$. Halfway, $\cos \frac{\pi}{2} = 0$ gives the mean of both. By symmetry the
sum of the rates is about $T (\eta_0 + \eta_{\min})/2$, the same as for a straight line. So with $\eta_{\min} = 0$ a cosine gets about as far as a constant rate
of half its size, and ends at zero.
"""

# %% [markdown]
r"""
### Exercise 11.5: `cosine_decay` &nbsp; (2 points, about 6 minutes, ★★☆)

By hand: `cosine_decay(5, 0.1, 20, 0.05)`, with $\cos 45° = 0.707$?

<details><summary>Hint 1</summary>

`math.cos` takes radians, and `math.pi` is 180°.

<details><summary>Hint 2</summary>

What does the formula do after step `total`? Decide what t may be before you put it into the formula.

</details></details>
"""


# %% exercise="cosine_decay"
def cosine_decay(t, lr0, total, lr_min=0.0):
    """Half a cosine from lr0 at step 0 to lr_min at step total, and lr_min at all later steps.

    t: int, the step, at least 0, also very large. lr0, lr_min: floats. total: int, at least 1.
    Returns a float. Raises ValueError, with a message, if t is negative or total is less than 1.
    """
    ### BEGIN SOLUTION
    if t < 0 or total < 1:
        raise ValueError(f"t must be at least 0 and total at least 1, got {t} and {total}")
    return lr_min + (lr0 - lr_min) * (1 + math.cos(math.pi * min(t, total) / total)) / 2
    ### END SOLUTION


# %% test="cosine_decay"
check.exercise("cosine_decay", points=2)
close, rates_of, ts, cos, pi = schedules.close, schedules.rates_of, [0, 1, 5, 10, 19, 20], math.cos, math.pi
with check.case("falls from lr0 to lr_min along half a cosine", points=1):
    wrong = {
        "this is a whole period, and at step total the rate is back at lr0": lambda t: (
            0.02 + 0.04 * (1 + cos(2 * pi * t / 20))
        ),
        "this is a quarter of a period": lambda t: 0.02 + 0.08 * cos(pi * t / 40),
        "the half is missing: 1 + cos reaches 2": lambda t: 0.02 + 0.08 * (1 + cos(pi * t / 20)),
        "lr_min is ignored": lambda t: 0.05 * (1 + cos(pi * t / 20)),
        "lr_min is added, and the cosine still has the full height lr0": lambda t: (
            0.02 + 0.05 * (1 + cos(pi * t / 20))
        ),
        "lr_min is missing in front: the curve ends at 0": lambda t: 0.04 * (1 + cos(pi * t / 20)),
        "lr_min cuts the curve off; it should be where the curve ends": lambda t: max(
            0.02, 0.05 * (1 + cos(pi * t / 20))
        ),
        "it rises: 1 + cos, not 1 - cos": lambda t: 0.02 + 0.04 * (1 - cos(pi * t / 20)),
        "the 1 is missing: a cosine alone runs from 1 to -1": lambda t: 0.02 + 0.04 * cos(pi * t / 20),
        "the sine takes the place of the cosine": lambda t: 0.02 + 0.04 * (1 + math.sin(pi * t / 20)),
        "pi is missing: math.cos takes radians": lambda t: 0.02 + 0.04 * (1 + cos(t / 20)),
        "math.cos takes radians, not degrees": lambda t: 0.02 + 0.04 * (1 + cos(180 * t / 20)),
        "this is a straight line": lambda t: 0.1 - 0.08 * t / 20,
        "it reaches lr_min one step early": lambda t: 0.02 + 0.04 * (1 + cos(pi * min(t, 19) / 19)),
        "step 0 uses lr0 itself": lambda t: 0.02 + 0.04 * (1 + cos(pi * min(t + 1, 20) / 20)),
        "it reaches lr_min one step late": lambda t: 0.02 + 0.04 * (1 + cos(pi * t / 21)),
        "step total has the rate lr_min, not the one of step total - 1": lambda t: 0.02 + 0.04 * (1 + cos(pi * min(t, 19) / 20)),
        "% makes it start again at step total": lambda t: 0.02 + 0.04 * (1 + cos(pi * (t % 20) / 20)),
        "the height is lr0 - lr_min, not lr0 + lr_min": lambda t: 0.02 + 0.06 * (1 + cos(pi * t / 20)),
        "brackets around lr0 - lr_min": lambda t: 0.02 + 0.05 - 0.02 * (1 + cos(pi * t / 20)),
        "brackets around 1 + cos": lambda t: 0.02 + 0.04 + cos(pi * t / 20),
        "t / total belongs inside the cosine": lambda t: 0.02 + 0.04 * (1 + cos(pi) * t / 20),
        "pi is more than 3.14: take math.pi": lambda t: 0.02 + 0.04 * (1 + cos(3.14 * t / 20)),
        "// rounds down: use /": lambda t: 0.02 + 0.04 * (1 + cos(pi * t // 20)),
        "it is lr_min at once: min(t, total), not max": lambda t: 0.02,
    }  # fmt: skip
    known = {sentence: rates_of(rate, ts) for sentence, rate in wrong.items()}
    expected = rates_of(lambda t: 0.02 + 0.04 * (1 + cos(pi * t / 20)), ts)
    close(rates_of(cosine_decay, ts, 0.1, 20, 0.02), expected, known=known)
    close(rates_of(cosine_decay, [0, 10, 20], 0.1, 20), torch.tensor([0.1, 0.05, 0.0]).double(), "lr_min is 0 by default")  # fmt: skip
with check.case("stays at lr_min, and refuses impossible arguments", points=0.5):
    wrong = {
        "it rises again: after step total the rate stays at lr_min": rates_of(
            lambda t: 0.02 + 0.04 * (1 + cos(pi * t / 20)), [21, 40, 50]
        )
    }
    wrong["after step total the rate is lr_min, not 0"] = torch.zeros(3).double()
    wrong["after step total the rate is lr_min, not lr0"] = torch.full((3,), 0.1).double()
    wrong["it starts again after step total: there the rate stays at lr_min"] = rates_of(
        lambda t: 0.02 + 0.04 * (1 + cos(pi * (t % 21) / 20)), [21, 40, 50]
    )
    late = rates_of(cosine_decay, [21, 40, 50], 0.1, 20, 0.02)
    close(late, torch.full((3,), 0.02).double(), known=wrong)
    check.each_raises(ValueError, cosine_decay, [(-1, 0.1, 20), (1, 0.1, 0), (1, 0.1, -20)])
### BEGIN HIDDEN TESTS
with check.case("the same for other settings", points=0.5, hidden=True):
    expected = torch.tensor([0.3, 0.01, 0.01, 0.01]).double()
    close(rates_of(cosine_decay, [0, 1, 2, 10**12], 0.3, 1, 0.01), expected, "for total 1")
    expected = rates_of(lambda t: 0.01 + 0.145 * (1 + cos(pi * t / 7)), range(8))
    close(
        rates_of(cosine_decay, range(8), 0.3, 7, lr_min=0.01),
        expected,
        "for total 7, lr_min 0.01",
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Read a loss curve.** Now a network: 196-64-10, trained on 3,000 garments at half size with momentum 0.9 and batches of 32. All runs of this
chapter use the loop below, which asks a schedule for the rate before each step. The schedule may also be your
own function, so the loop checks what it gets.

First run: rate 0.05, cut to a tenth at step 400 of 600. Predict what the loss does at the cut.
"""


# %% tags=["experiment"]
def garments(start, count):
    """Training pictures at half size, (count, 196), and their labels."""
    data = cu.data.fashion_mnist(train=True)
    pictures = F.avg_pool2d(data.data[start : start + count].unsqueeze(1).float() / 255, 2)
    return pictures.flatten(1), data.targets[start : start + count]


X, y = garments(0, 3000)
X_valid, y_valid = garments(5000, 2000)
mean, std = X.mean(), X.std()
X, X_valid = (X - mean) / std, (X_valid - mean) / std


def make_net(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(196, 64), nn.ReLU(), nn.Linear(64, 10))


def mean_loss(net, pictures, labels):
    with torch.no_grad():
        return F.cross_entropy(net(pictures), labels).item()


def set_rate(optimizer, rate, t):
    """Give all parameter groups this rate. Raises ValueError for a rate that no step can use."""
    if not (math.isfinite(rate) and rate >= 0):
        raise ValueError(f"at step {t} the schedule gives the rate {rate}: it must be finite and at least 0")
    for group in optimizer.param_groups:
        group["lr"] = rate


def train(net, rate_at, num_steps, *, momentum=0.9, batch_size=32, seed=0, after_step=None):
    """Train with SGD, at step t with rate rate_at(t), and return the loss of each batch."""
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0, momentum=momentum)
    g, queue, losses = torch.Generator().manual_seed(seed), torch.empty(0, dtype=torch.int64), []
    for t in range(num_steps):
        if len(queue) < batch_size:
            queue = torch.randperm(len(y), generator=g)
        rows, queue = queue[:batch_size], queue[batch_size:]
        set_rate(optimizer, rate_at(t), t)
        loss = F.cross_entropy(net(X[rows]), y[rows])
        losses.append(loss.item())
        if not math.isfinite(losses[-1]):
            break  # it has diverged
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if after_step is not None:
            after_step(t, net)
    return losses


found = {}
for name, late in (("0.05 throughout", 0.05), ("0.05, from step 400 on 0.005", 0.005)):
    found[name] = []
    train(
        make_net(0),
        lambda t: 0.05 if t < 400 else late,
        600,
        after_step=lambda t, net: found[name].append(mean_loss(net, X, y)) if t % 10 == 9 else None,
    )
found["0.005 throughout"] = []
train(
    make_net(0),
    lambda t: 0.005,
    600,
    after_step=lambda t, net: found["0.005 throughout"].append(mean_loss(net, X, y)) if t % 10 == 9 else None,
)
cu.plots.curves(
    found,
    xs=range(10, 601, 10),
    x="step",
    y="loss on all 3,000 training pictures",
    log_y=True,
    title="The cliff: a cut in the rate removes noise at once",
    alt="The loss at rate 0.05 jumps up and down; at the cut it falls sharply and becomes smooth; the small rate alone is smooth and higher",
)
loud, cut, quiet = (torch.tensor(losses) for losses in found.values())
assert cut[45:].mean() < loud[45:].mean() - 0.02 and cut[45:].mean() < quiet[45:].mean() - 0.05
print("last 150 steps: with the cut, the loss is at least 0.02 below rate 0.05 and 0.05 below rate 0.005")

# %% [markdown]
r"""
The loss falls off a cliff at the cut. It looks as if the small rate were the better one, but the curve of the small rate *alone* is
higher. The large rate had moved the network further, and its noise hid the progress. The cut reveals it. That is the
idea of all decays: *first far, then quiet*. It also warns you: a method that cuts its rate earlier looks better for
a while, without being better.
"""

# %% [markdown]
r"""
## 4 Warm-up

Some networks do not survive their first steps. Here is one with four hidden layers of 64 units whose initial weights are too large
(standard deviation $3/\sqrt{n}$, with $n$ the number of inputs; chapter 12 says what is right), trained by SGD without momentum. The
rate 0.1 should be harmless.
"""


# %% tags=["experiment"]
def make_wild_net(seed):
    """196-64-64-64-64-10 with ReLU and weights that are too large."""
    torch.manual_seed(seed)
    layers = [nn.Linear(196, 64)]
    for _ in range(3):
        layers += [nn.ReLU(), nn.Linear(64, 64)]
    layers += [nn.ReLU(), nn.Linear(64, 10)]
    for layer in layers[::2]:
        nn.init.normal_(layer.weight, std=3 / math.sqrt(layer.in_features))
        nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def wild_run(rate_at, seed, num_steps=300, after_step=None):
    return train(
        make_wild_net(seed), rate_at, num_steps, momentum=0.0, batch_size=64, seed=seed, after_step=after_step
    )


for seed in range(3):
    losses = wild_run(lambda t: 0.1, seed)
    assert len(losses) < 30
print("rate 0.1 from the start: in 3 of 3 runs the loss is nan or infinite within 30 steps")

# %% [markdown]
r"""
Why? Chapter 10: a step is stable while the rate is below $2/\lambda$, with $\lambda$ the largest curvature. At 0.1, the limit for $\lambda$ is
20. Large weights make a steep and strongly curved loss. A small rate would survive, but would be slow
for the rest of the training. **Warm-up** starts with a small rate and raises it, over a *number of steps that is fixed in advance*.


### Exercise 11.6: `linear_warmup` &nbsp; (2 points, about 5 minutes, ★☆☆)

If the rate were $\eta t / w$, step 0 would have rate 0 and waste a batch. So step $t$ gets $\eta (t+1)/w$. By hand: for $w = 4$ and $\eta =
0.8$, the rates of the first five steps?

<details><summary>Hint</summary>

When does $(t+1)/w$ become 1? What would the formula do after that?

</details>
"""


# %% exercise="linear_warmup"
def linear_warmup(t, lr, warmup):
    """The rate lr * (t + 1) / warmup while that is at most lr, and lr afterwards.

    t: int, the step, at least 0, also very large. lr: float. warmup: int, at least 1.
    Returns a float: lr / warmup at step 0, lr from step warmup - 1 on.
    """
    ### BEGIN SOLUTION
    return lr * min(1.0, (t + 1) / warmup)
    ### END SOLUTION


# %% test="linear_warmup"
check.exercise("linear_warmup", points=2)
close, rates_of, ts = schedules.close, schedules.rates_of, [0, 1, 2, 3]
with check.case("rises in equal steps and reaches lr at step warmup - 1", points=1):
    wrong = {
        "step 0 has rate 0 and wastes a batch: t + 1, not t": lambda t: 0.8 * t / 4,
        "step 0 has rate 0 and wastes a batch: count from t + 1": lambda t: 0.8 * t / 3,
        "it reaches lr one step late: divide by warmup": lambda t: 0.8 * (t + 1) / 5,
        "it reaches lr one step early": lambda t: 0.8 * min(1, (t + 2) / 4),
        "it reaches lr too early: divide by warmup, not by warmup - 1": lambda t: 0.8 * min(1, (t + 1) / 3),
        "there is no warm-up in this": lambda t: 0.8,
        "lr is missing": lambda t: (t + 1) / 4,
        "it falls: the rate should rise": lambda t: 0.8 * (4 - t) / 4,
        "this is lr * (t + 1 / warmup): brackets": lambda t: 0.8 * (t + 1 / 4),
        "t + 1 / warmup is not (t + 1) / warmup: brackets": lambda t: 0.8 * min(1, t + 1 / 4),
        "// rounds down: use /": lambda t: 0.8 * ((t + 1) // 4),
        "this is lr / (warmup - t), whose steps are not equal": lambda t: 0.8 / (4 - t),
        "% makes it start again at step warmup - 1": lambda t: 0.8 * ((t + 1) % 4) / 4,
        "the rate is divided by warmup until the warm-up is over; it should rise in steps": lambda t: (
            0.2 if t < 3 else 0.8
        ),
        "this is a cosine; a straight line is asked for": lambda t: (
            0.4 * (1 - math.cos(math.pi * (t + 1) / 4))
        ),
    }
    known = {sentence: rates_of(rate, ts) for sentence, rate in wrong.items()}
    close(rates_of(linear_warmup, ts, 0.8, 4), torch.tensor([0.2, 0.4, 0.6, 0.8]).double(), known=known)
with check.case("stays at lr afterwards", points=0.5):
    ts = [4, 5, 100]
    wrong = {"it goes on rising": 0.2 * (torch.tensor(ts).double() + 1), "after the warm-up the rate is lr, not 0": torch.zeros(3).double()}  # fmt: skip
    wrong["it starts again from below"] = rates_of(lambda t: 0.8 * (t % 4 + 1) / 4, ts)
    wrong["step warmup comes after the warm-up: its rate is lr, not more"] = torch.tensor(
        [1.0, 0.8, 0.8]
    ).double()
    wrong["after the warm-up the rate is lr, not lr / warmup"] = torch.full((3,), 0.2).double()
    wrong["after the warm-up the rate is lr, not 1"] = torch.ones(3).double()
    close(rates_of(linear_warmup, ts, 0.8, 4), torch.full((3,), 0.8).double(), known=wrong)
    with check.at_most(50_000, "it goes through the steps one by one, which takes too long for a large t"):
        late = linear_warmup(10**12, 0.8, 4)
    close(late, 0.8, "at step 10^12")
### BEGIN HIDDEN TESTS
with check.case("the same for other settings", points=0.5, hidden=True):
    close(rates_of(linear_warmup, [0, 1, 500], 0.3, 1), torch.full((3,), 0.3).double(), "for warmup 1")
    expected = torch.arange(1, 13).clamp(max=10).double() / 10 * 0.05
    close(rates_of(linear_warmup, range(12), 0.05, 10), expected, "for warmup 10")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**The same run, saved.** Now the same networks with your warm-up, over 30 and over 100 of 300 steps. (With 10 steps it is a matter
of luck: try it.)
"""

# %% tags=["experiment"]
warm = cu.yours(linear_warmup, instead=schedules.linear_warmup)
last_losses = {}
for warmup in (30, 100):
    runs = [wild_run(lambda t: warm(t, 0.1, warmup), seed) for seed in range(3)]
    last_losses[warmup] = sorted(
        sum(losses[-30:]) / 30 if len(losses) == 300 else math.inf for losses in runs
    )
    alive = sum(len(losses) == 300 for losses in runs)
    print(f"{warmup:3} steps of warm-up: {alive} of 3 runs survive 300 steps")
assert last_losses[30][-1] < 0.9 and last_losses[100][-1] < 0.9
print("with 30 or 100 steps, the loss of the last 30 batches is below 0.9 in each run")

# %% [markdown]
r"""
How can the rate 0.1 be fatal at step 0 and harmless at step 100? Measure the largest curvature on the way, by the
repeated products $Hv$ of chapter 10 (called *power iteration*), and put the limit $2/\eta_t$ beside it.
"""


# %% tags=["experiment"]
def largest_curvature(net, num_rounds=15):
    """Size of the largest eigenvalue of the Hessian on 500 training pictures."""
    params = list(net.parameters())
    grads = torch.autograd.grad(F.cross_entropy(net(X[:500]), y[:500]), params, create_graph=True)
    g = torch.Generator().manual_seed(0)
    v = [torch.randn(p.shape, generator=g) for p in params]
    for _ in range(num_rounds):
        size = math.sqrt(sum(a.square().sum().item() for a in v))
        v = torch.autograd.grad(grads, params, [a / size for a in v], retain_graph=True)
    return math.sqrt(sum(a.square().sum().item() for a in v))


curvatures = {-1: largest_curvature(make_wild_net(0))}
wild_run(
    lambda t: warm(t, 0.1, 100),
    0,
    after_step=lambda t, net: curvatures.update({t: largest_curvature(net)}) if t % 20 == 19 else None,
)
cu.plots.curves(
    {
        "largest curvature": list(curvatures.values()),
        "limit 2 / rate": [2 / warm(t + 1, 0.1, 100) for t in curvatures],
    },
    xs=[t + 1 for t in curvatures],
    x="step",
    y="curvature",
    log_y=True,
    title="The curvature follows the limit 2 / rate down",
    alt="The largest curvature starts near 1000 and falls to about 20; the limit 2 / rate falls from 2000 to 20 a little below it",
)
assert curvatures[-1] > 300 and sum(list(curvatures.values())[-5:]) / 5 < 40
print("largest curvature at the start: above 300, so the largest stable rate is below 0.007")
print("over the last 100 steps: below 40 on average")

# %% [markdown]
r"""
Each time the rate is raised, the steepest directions become unstable, and the walk leaves them for
flatter places. So a warm-up is not only patience: it *changes the place* where the training goes on, until the full rate
fits. Adam has another reason to warm up: its first steps have the full length η in every coordinate, whatever the gradient
(chapter 10), although $v$ has seen only a few gradients.

### Exercise 11.7: `warmup_cosine` &nbsp; (3 points, about 10 minutes, ★★☆)

The schedule that many large models are trained with: up in a straight line, down along a cosine. Step $w - 1$ has the full
rate, and so does step $w$, where the cosine begins. By hand: for $w = 4$ and $T = 12$, which step is halfway down?

<details><summary>Hint 1</summary>

How many steps does the cosine take from its start to its end? And at step t, how many of them are behind you?

<details><summary>Hint 2</summary>

Once the checks of your `linear_warmup` and `cosine_decay` pass, you may call them. Which t, and which total, does
the cosine get?

</details></details>
"""


# %% exercise="warmup_cosine"
def warmup_cosine(t, lr, warmup, total, lr_min=0.0):
    """Linear warm-up to lr, then half a cosine from lr at step warmup to lr_min at step total.

    t: int, the step, at least 0, also very large. lr, lr_min: floats. warmup, total: ints, 1 <= warmup < total.
    Returns a float: lr * (t + 1) / warmup for t < warmup, the cosine up to step total, lr_min after it.
    Raises ValueError, with a message, if t is negative or not 1 <= warmup < total.
    """
    ### BEGIN SOLUTION
    if t < 0 or not 1 <= warmup < total:
        raise ValueError(f"t >= 0 and 1 <= warmup < total must hold, got {t=}, {warmup=}, {total=}")
    if t < warmup:
        return lr * (t + 1) / warmup
    share = min(1.0, (t - warmup) / (total - warmup))
    return lr_min + (lr - lr_min) * (1 + math.cos(math.pi * share)) / 2
    ### END SOLUTION


# %% test="warmup_cosine"
check.exercise("warmup_cosine", points=3)
close, rates_of, cos, pi = schedules.close, schedules.rates_of, math.cos, math.pi


def play(up=lambda t: 0.2 * (t + 1), share=lambda t: (t - 4) / 8, low=0.05, height=0.75, warmup=4):
    """The rates of steps 0 to 12 for lr 0.8, warmup 4, total 12, lr_min 0.05, right by default."""
    return rates_of(lambda t: up(t) if t < warmup else low + height / 2 * (1 + cos(pi * share(t))), range(13))


with check.case("rises, has the full rate at steps 3 and 4, and falls to lr_min at step 12", points=1.5):
    wrong = {
        "step 0 has rate 0 and wastes a batch: t + 1, not t": play(up=lambda t: 0.2 * t),
        "the cosine starts in the middle: subtract warmup from t": play(share=lambda t: t / 12),
        "the cosine starts in the middle: subtract warmup from t, and end at total": play(share=lambda t: min(t / 8, 1)),
        "the cosine is too long: it has total - warmup steps": play(share=lambda t: (t - 4) / 12),
        "the cosine starts one step early, at warmup - 1, and ends early": play(share=lambda t: min((t - 3) / 8, 1)),
        "the cosine starts one step early, at warmup - 1": play(share=lambda t: (t - 3) / 9),
        "the cosine reaches lr_min one step early": play(share=lambda t: min((t - 4) / 7, 1)),
        "the warm-up ends one step late: step warmup is the first of the cosine": play(
            up=lambda t: min(0.2 * (t + 1), 1.0), warmup=5
        ),
        "lr_min is ignored": play(low=0.0, height=0.8),
        "lr_min is added, and the cosine still has the full height lr": play(height=0.8),
        "the half is missing: 1 + cos reaches 2": play(height=1.5),
        "this is a whole period of the cosine": play(share=lambda t: (t - 4) / 4),
        "this is a quarter of a period of the cosine": rates_of(
            lambda t: 0.2 * (t + 1) if t < 4 else 0.05 + 0.75 * cos(pi / 2 * (t - 4) / 8), range(13)
        ),
        "there is no warm-up in this": play(up=lambda t: 0.8),
        "the warm-up starts at lr_min; it should start at lr / warmup": play(
            up=lambda t: 0.05 + 0.75 * (t + 1) / 4
        ),
        "the two parts are multiplied: after the warm-up the cosine starts from its top": rates_of(
            lambda t: min(1, (t + 1) / 4) * (0.05 + 0.375 * (1 + cos(pi * t / 12))), range(13)
        ),
        "the smaller of the two is taken, and this cosine has been falling from step 0 on": rates_of(
            lambda t: min(0.2 * (t + 1), 0.05 + 0.375 * (1 + cos(pi * t / 12))), range(13)
        ),
        "after the warm-up lr comes in twice: the cosine alone starts from lr": play(low=0.04, height=0.6),
        "step 0 has the rate lr_min: it should have lr / warmup": play(up=lambda t: 0.05 + 0.75 * t / 4),
        "the cosine starts one step late: step warmup is its first": play(share=lambda t: max(t - 5, 0) / 8),
        "the cosine starts one step late: step warmup is its first, and total its last": play(share=lambda t: max(t - 5, 0) / 7),
        "the cosine is missing: the rate stays at lr": play(share=lambda t: 0),
        "the cosine rises: lr and lr_min are swapped in it": play(low=0.8, height=-0.75),
        "this is a straight line down; a cosine is asked for": rates_of(
            lambda t: 0.2 * (t + 1) if t < 4 else 0.8 - 0.75 * (t - 4) / 8, range(13)
        ),
        "lr_min cuts the curve off; it should be where the curve ends": rates_of(
            lambda t: 0.2 * (t + 1) if t < 4 else max(0.05, 0.4 * (1 + cos(pi * (t - 4) / 8))), range(13)
        ),
    }  # fmt: skip
    close(rates_of(warmup_cosine, range(13), 0.8, 4, 12, 0.05), play(), known=wrong)
    right = play(low=0.0, height=0.8)
    close(rates_of(warmup_cosine, range(13), 0.8, 4, 12), right, "lr_min is 0 by default")
    wrong = {
        "lr_min is no floor for the warm-up: it starts at lr / warmup": torch.tensor([0.5, 0.5]).double()
    }
    right = torch.tensor([0.2, 0.4]).double()
    close(rates_of(warmup_cosine, [0, 1], 0.8, 4, 12, 0.5), right, "for lr_min = 0.5", known=wrong)
with check.case("stays at lr_min, and refuses impossible arguments", points=0.75):
    wrong = {"it rises again after step total": rates_of(lambda t: 0.05 + 0.375 * (1 + cos(pi * (t - 4) / 8)), [13, 20])}  # fmt: skip
    wrong["after step total the rate is lr_min, not 0"] = torch.zeros(2).double()
    late = rates_of(warmup_cosine, [13, 20], 0.8, 4, 12, 0.05)
    close(late, torch.full((2,), 0.05).double(), known=wrong)
    calls = [(3, 0.8, 0, 12), (3, 0.8, -4, 12), (3, 0.8, 12, 12), (-1, 0.8, 4, 12)]
    check.each_raises(ValueError, warmup_cosine, calls)
### BEGIN HIDDEN TESTS
with check.case("the same for other settings", points=0.75, hidden=True):
    right = torch.tensor([0.3, 0.3, 0.2, 0.1, 0.1]).double()
    close(rates_of(warmup_cosine, [0, 1, 2, 3, 10**12], 0.3, 1, 3, 0.1), right, "for warmup 1, total 3")
    right = torch.tensor([0.1, 0.2, 0.3, 0.3, 0.1]).double()
    close(rates_of(warmup_cosine, range(5), 0.3, 3, 4, 0.1), right, "for warmup 3, total 4")
    right = rates_of(lambda t: 0.01 * (t + 1) if t < 10 else 0.05 * (1 + cos(pi * (t - 10) / 7)), range(18))
    close(rates_of(warmup_cosine, range(18), 0.1, 10, 17), right, "for warmup 10, total 17")
    check.raises(ValueError, warmup_cosine, 30, 0.8, 13, 12)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
(Step 8.)
"""

# %% [markdown]
r"""
**A good place to stop.** What comes next: rates that rise again, and the schedulers of PyTorch.

## 5 Rates that rise again

A **cyclical** rate goes up and down for the whole training. The *triangular* one has straight sides, between $\eta_{\min}$ and
$\eta_{\max}$. With **warm restarts** (SGDR), the rate falls along half a cosine, jumps back to the top, and falls again, often
over a longer period each time. Both have two uses. Near the end of each cycle the rate is low and the network is good, so you can
stop at several moments, or keep several networks. And you need not know the length of the training in advance.
"""

# %% [markdown]
r"""
### Exercise 11.8: `triangular` &nbsp; (2 points, about 8 minutes, ★★☆)

By hand: `triangular(7, 0.1, 0.6, 5)`?

<details><summary>Hint 1</summary>

Where in the current period of `2 * half_period` steps is step t? The operator `%` tells.

<details><summary>Hint 2</summary>

Call that place s. On the way up, the share of the height is s / half_period. What is it on the way down? It is
0 again at s = 2 half_period.

</details></details>
"""


# %% exercise="triangular"
def triangular(t, lr_min, lr_max, half_period):
    """A rate that runs in straight lines from lr_min up to lr_max and down again, over and over.

    t: int, the step, at least 0, also very large. lr_min, lr_max: floats. half_period: int, at least 1.
    Returns a float: lr_min at step 0, lr_max at half_period, lr_min at 2 * half_period, and so on.
    """
    ### BEGIN SOLUTION
    s = t % (2 * half_period)
    share = min(s, 2 * half_period - s) / half_period
    return lr_min + (lr_max - lr_min) * share
    ### END SOLUTION


# %% test="triangular"
check.exercise("triangular", points=2)
close, rates_of, ts = schedules.close, schedules.rates_of, [0, 1, 4, 5, 6, 7, 9, 10, 11, 15, 17]


def play(share, low=0.1, height=0.5):
    return rates_of(lambda t: low + height * share(t), ts)


def right_share(t):
    return 1 - abs(t % 10 - 5) / 5


with check.case("rises for half a period and falls for half a period", points=1.25):
    wrong = {
        "it jumps at the top: the way down is missing": play(lambda t: t % 5 / 5),
        "it jumps at the end of the period: the way down is missing": play(lambda t: t % 10 / 10),
        "it jumps at the end of the period, and goes on to twice the height": play(lambda t: t % 10 / 5),
        "it starts at lr_max; it should start at lr_min": play(lambda t: 1 - right_share(t)),
        "the period is 2 * half_period, not half_period": play(lambda t: 1 - abs(t % 5 - 2.5) / 2.5),
        "it stays at lr_max": play(lambda t: min(1.0, t / 5)),
        "it goes up and down only once": play(lambda t: max(0.0, 1 - abs(t - 5) / 5)),
        "it never comes down": play(lambda t: t / 5),
        "lr_min is missing in front: the lowest rate is 0": play(right_share, low=0.0),
        "lr_min is missing: lr_max is the height": play(right_share, low=0.0, height=0.6),
        "the height is lr_max - lr_min": play(right_share, height=0.6),
        "lr_min cuts the curve off; it should be where the curve starts": rates_of(
            lambda t: max(0.1, 0.6 * right_share(t)), ts
        ),
        "this is a cosine; straight lines are asked for": play(lambda t: (1 - math.cos(math.pi * t / 5)) / 2),
        "it reaches the top one step early": play(lambda t: 1 - abs((t + 1) % 10 - 5) / 5),
        "on the way down the share is 2 - s / half_period, where s is the place in the period": play(
            lambda t: t % 10 / 5 if t % 10 <= 5 else 1 - t % 10 / 10
        ),
        "after the top the rate falls below lr_min: there the share is 2 - s / half_period": play(lambda t: t % 10 / 5 if t % 10 <= 5 else 1 - t % 10 / 5),
        "at half_period the rate should be lr_max, and is halfway": play(lambda t: right_share(t) / 2),
        "it goes on falling after the first period: use %": play(lambda t: min(t, 10 - t) / 5),
        "the period has one step too many: 2 * half_period": play(lambda t: min(t % 11, 10 - t % 11) / 5),
        "the period is one step too short: 2 * half_period": play(lambda t: min(t % 9, 10 - t % 9) / 5),
        "% comes before *: t % (2 * half_period)": play(lambda t: t % 2),
        "// rounds down: use /": play(lambda t: min(t % 10, 10 - t % 10) // 5),
        "this is a sine; straight lines are asked for": play(lambda t: abs(math.sin(math.pi * t / 10))),
        "the way down starts one step too low, and lr_max is never reached": play(lambda t: min(t % 10, 9 - t % 10) / 5),
        "the way down ends at 0, not at lr_min": rates_of(lambda t: 0.1 + 0.1 * t if t < 6 else 1.2 - 0.12 * t if t < 10 else 0.1 * (t % 5 + 1) if t < 15 else 0.6 - 0.12 * (t % 5), ts),
    }  # fmt: skip
    close(rates_of(triangular, ts, 0.1, 0.6, 5), play(right_share), known=wrong)
    with check.at_most(
        50_000, "it takes the periods away one by one, which is too slow for a large t: use %"
    ):
        late = triangular(10**12 + 2, 0.1, 0.6, 5)
    close(late, 0.3, "at step 10^12 + 2", rtol=1e-3)
### BEGIN HIDDEN TESTS
with check.case("the same for other settings", points=0.75, hidden=True):
    expected = torch.tensor([0.01, 0.3, 0.01, 0.3, 0.01]).double()
    close(rates_of(triangular, range(5), 0.01, 0.3, 1), expected, "for half_period 1")
    ts = [1400 + s for s in range(-2, 15)]
    expected = rates_of(lambda t: 0.01 + 0.29 * (7 - abs(t % 14 - 7)) / 7, ts)
    close(rates_of(triangular, ts, 0.01, 0.3, 7), expected, "for half_period 7", rtol=1e-5)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
(7 is 2 steps after the top: 0.6 − 0.5 · 2/5 = 0.4.)

### Exercise 11.9: `cosine_restarts` &nbsp; (3 points, about 12 minutes, ★★★)

Period $k = 0, 1, 2, \dots$ has $P_k = P_0\, m^k$ steps. $s$ steps into a period of length $P$ the rate is
$\eta_{\min} + \frac12 (\eta_{\max} - \eta_{\min})(1 + \cos(\pi s/P))$. With $P_0 = 4$ and $m = 2$: at which steps does a period begin?

<details><summary>Hint 1</summary>

Take whole periods away from t as long as t is at least one period long. What is left is s.

<details><summary>Hint 2</summary>

For m = 1 and a step of a million million, a loop over the periods takes hours. What finds the remainder of a
division at once?

</details></details>
"""


# %% exercise="cosine_restarts"
def cosine_restarts(t, lr_max, lr_min, first_period, mult=1):
    """Half cosines from lr_max to lr_min, one after another; each period is mult times as long as the one before.

    t: int, the step, at least 0, also very large. lr_max, lr_min: floats. first_period, mult: ints, at least 1.
    Returns a float: lr_max at the first step of each period. (lr_min itself would be reached at the step
    that is the first of the next period.) A very large t must not take long.
    Raises ValueError, with a message, if t is negative, or first_period or mult is less than 1.
    """
    ### BEGIN SOLUTION
    if t < 0 or first_period < 1 or mult < 1:
        raise ValueError(f"t >= 0, first_period >= 1, mult >= 1 must hold, got {t}, {first_period}, {mult}")
    s, period = t, first_period
    if mult == 1:
        s = t % period
    while s >= period:
        s, period = s - period, period * mult
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * s / period)) / 2
    ### END SOLUTION


# %% test="cosine_restarts"
check.exercise("cosine_restarts", points=3)
close, rates_of, cos, pi = schedules.close, schedules.rates_of, math.cos, math.pi


def play(places, low=0.1, height=0.8, turns=1):
    """The rates at places (s, P) in periods."""
    return torch.tensor([low + height / 2 * (1 + cos(turns * pi * s / P)) for s, P in places]).double()


with check.case("periods of the same length", points=0.75):
    ts = [0, 1, 3, 4, 5, 8, 11, 14]
    wrong = {
        "it does not restart: after a period the rate jumps back to lr_max": play([(t, 4) for t in ts]),
        "it does not restart, it stays at lr_min": play([(min(t, 4), 4) for t in ts]),
        "lr_max and lr_min are swapped": play([(t % 4, 4) for t in ts], low=0.9, height=-0.8),
        "this is a whole period of the cosine; half of one is asked for": play([(t % 4, 4) for t in ts], turns=2),
        "the restart comes one step late: step first_period has the rate lr_max": play(
            [(t, 4) if t <= 4 else ((t - 1) % 4 + 1, 4) for t in ts]
        ),
        "the period ends at its last step; lr_min would come one step later": play([(t % 4, 3) for t in ts]),
        "lr_min is ignored": play([(t % 4, 4) for t in ts], low=0.0, height=0.9),
        "the height is lr_max - lr_min": play([(t % 4, 4) for t in ts], height=0.9),
        "the half is missing: 1 + cos reaches 2": play([(t % 4, 4) for t in ts], height=1.6),
        "these are straight lines; a cosine is asked for": torch.tensor([0.9 - 0.2 * (t % 4) for t in ts]).double(),
        "mult is 1 by default: the periods do not grow": play(
            [(0, 4), (1, 4), (3, 4), (0, 8), (1, 8), (4, 8), (7, 8), (2, 16)]
        ),
    }  # fmt: skip
    close(rates_of(cosine_restarts, ts, 0.9, 0.1, 4), play([(t % 4, 4) for t in ts]), known=wrong)
with check.case("periods that grow", points=0.75):
    ts = [0, 3, 4, 8, 11, 12, 20, 27, 28, 29]
    right = [(0, 4), (3, 4), (0, 8), (4, 8), (7, 8), (0, 16), (8, 16), (15, 16), (0, 32), (1, 32)]
    wrong = {"mult is ignored": play([(t % 4, 4) for t in ts])}
    linear = [(0, 4), (3, 4), (0, 8), (4, 8), (7, 8), (0, 12), (8, 12), (3, 16), (4, 16), (5, 16)]
    wrong["the length grows by the same amount each time: multiply it by mult"] = play(linear)
    once = [(0, 4), (3, 4), (0, 8), (4, 8), (7, 8), (0, 8), (0, 8), (7, 8), (0, 8), (1, 8)]
    wrong["only the second period is longer: each one is mult times the one before"] = play(once)
    early = [(0, 8), (3, 8), (4, 8), (0, 16), (3, 16), (4, 16), (12, 16), (3, 32), (4, 32), (5, 32)]
    wrong["period 0 has first_period steps: the first factor is mult^0"] = play(early)
    short = [(s, 4) for s, _ in right]
    wrong["the cosine is still as long as the first period: divide s by the current length"] = play(short)
    late = [(0, 4), (3, 4), (4, 4), *right[3:5], (8, 8), (8, 16), (15, 16), (16, 16), (1, 32)]
    wrong["a restart comes one step late: t >= P, not t > P"] = play(late)
    added = [(0, 4), (3, 4), (0, 6), (4, 6), (1, 8), (2, 8), (2, 10), (9, 10), (0, 12), (1, 12)]
    wrong["mult is added to the length: multiply by it"] = play(added)
    early = [(0, 4), (3, 4), (-4, 8), (0, 8), (3, 8), (4, 8), (-4, 16), (3, 16), (4, 16), (5, 16)]
    wrong["the next length is taken away from t: take the old one away first"] = play(early)
    whole = [(0, 4), (3, 4), (4, 8), (8, 16), (11, 16), (12, 16), (20, 32), (27, 32), (28, 32), (29, 32)]
    wrong["the earlier periods are still in s: take them away from t"] = play(whole)
    single = [*right[:5], (8, 8), (16, 8), (23, 8), (24, 8), (25, 8)]
    wrong["only one period is taken away from t: repeat it"] = play(single)
    quick = [*right[:6], (8, 32), (15, 32), (16, 32), (17, 32)]
    wrong["the lengths grow too fast: each is mult times the one before"] = play(quick)
    count = [(0, 4), (3, 4), (4, 8), (8, 16), (11, 16), (12, 32), (20, 128), (27, 256), (28, 512), (29, 512)]
    wrong["t // first_period is not the number of the period: later ones are longer"] = play(count)
    close(rates_of(cosine_restarts, ts, 0.9, 0.1, 4, 2), play(right), known=wrong)
with check.case("is quick for a very large step, and refuses impossible arguments", points=0.75):
    with check.at_most(50_000, "for mult = 1 it walks through the periods one by one, which takes too long for a large t"):  # fmt: skip
        late = rates_of(cosine_restarts, [4 * 10**12 + 1], 0.9, 0.1, 4)
    close(late, play([(1, 4)]))
    calls = [
        (-1, 0.9, 0.1, 4),
        (1, 0.9, 0.1, 0),
        (1, 0.9, 0.1, -4),
        (1, 0.9, 0.1, 4, 0),
        (1, 0.9, 0.1, 4, -1),
    ]
    with check.at_most(50_000, "it does not end where first_period is less than 1: refuse that first"):
        check.each_raises(ValueError, cosine_restarts, calls)
### BEGIN HIDDEN TESTS
with check.case("the same for other settings", points=0.75, hidden=True):
    close(
        rates_of(cosine_restarts, [0, 1, 7], 0.9, 0.1, 1),
        torch.full((3,), 0.9).double(),
        "for first_period 1",
    )
    starts = [5 * (3**k - 1) // 2 for k in range(12)]  # of the periods, for mult 3
    for k, start in enumerate(starts):
        P = 5 * 3**k
        found = rates_of(cosine_restarts, [start, start + P // 2, start + P - 1], 0.2, 0.02, 5, mult=3)
        close(found, play([(0, P), (P // 2, P), (P - 1, P)], 0.02, 0.18), f"for mult 3, in period {k}")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
(At steps 0, 4, 12, 28, 60, ...) **All on one page**, drawn by your functions.
"""


# %% tags=["experiment"]
yours = {
    schedule.__name__: cu.yours(schedule, instead=getattr(schedules, schedule.__name__))
    for schedule in (
        *(step_decay, inverse_time_decay, exponential_decay, natural_exp_decay),
        *(cosine_decay, linear_warmup, warmup_cosine, triangular, cosine_restarts),
    )
}
settings = (
    {"step_decay": (1.0, 0.5, 25), "inverse_time_decay": (1.0, 0.1), "exponential_decay": (1.0, 0.97)},
    {"cosine_decay": (1.0, 100), "natural_exp_decay": (1.0, 0.03), "linear_warmup": (1.0, 20)},
    {
        "warmup_cosine": (1.0, 20, 100, 0.1),
        "triangular": (0.1, 1.0, 10),
        "cosine_restarts": (1.0, 0.1, 14, 2),
    },
)


def draw_page(*panels):
    for panel, group in zip(panels, settings):
        for (name, values), colour, dash in zip(group.items(), cu.plots.COLOURS, cu.plots.DASHES):
            panel.plot(
                [yours[name](t, *values) for t in range(101)], color=colour, linestyle=dash, label=name
            )
        panel.set(xlabel="step", ylim=(0, 1.75), yticks=[0, 0.5, 1])
        panel.legend(loc="upper right")
        panel.grid()
    panels[0].set(ylabel="rate / peak rate")
    panels[0].set_title("Nine schedules over 100 steps")


cu.plots.figure(
    draw_page,
    alt="Nine schedules in three panels: staircase, inverse time, exponential; cosine, natural exponential, warm-up; "
    "warm-up with cosine, triangles, and cosines with restarts at steps 14 and 42",
    panels=3,
    width=9.0,
    height=3.2,
)

# %% [markdown]
r"""
### A rate that only rises: the range test

How do you find a good peak rate with a single short run? Let the rate grow exponentially, from far too small to far too large, and
plot the loss against the *rate*. Where it falls fastest, the rate is useful; just before it blows up, the rate is at
its limit. Your `exponential_decay` does it with a gamma above 1. From 0.0005 to 5 in 200 steps: by hand, $\gamma = 10^{4/200} =
1.047$.
"""

# %% tags=["experiment"]
grow = yours["exponential_decay"]
losses = train(make_net(0), lambda t: grow(t, 0.0005, 10 ** (4 / 200)), 201)
smooth, tried = [], [0.0005 * 10 ** (4 * t / 200) for t in range(len(losses))]
for t in range(len(losses)):
    smooth.append(sum(losses[max(0, t - 9) : t + 1]) / len(losses[max(0, t - 9) : t + 1]))
lowest = min(range(len(smooth)), key=smooth.__getitem__)


def draw_range_test(ax):
    ax.plot(tried, losses, color="#bbbbbb", linewidth=1, label="one batch")
    ax.plot(tried, smooth, color=cu.plots.COLOURS[0], label="mean of the last 10")
    ax.axvline(tried[lowest] / 3, color=cu.plots.COLOURS[1], linestyle="--", label="lowest point / 3")
    ax.set(
        xscale="log",
        ylim=(0, 4),
        xlabel="learning rate (it grows with each step)",
        ylabel="training loss",
        title="Range test: the loss falls, stalls, and blows up",
    )
    ax.legend()


cu.plots.figure(
    draw_range_test,
    alt="Loss over the rate: flat at 2.5, a fall from about 0.002 on, a lowest point between 0.02 and 0.3, and then a steep rise",
)
assert 0.006 < tried[lowest] / 3 < 0.12
print("a third of the rate at the lowest point lies between 0.006 and 0.12")

# %% [markdown]
r"""
The lowest point itself is already close to the limit, so people take a rate somewhat below it: a third, or the point of the steepest
fall. The answer is rough: it belongs to *these* early weights, this batch size and this optimizer. Section 8
searches the rate properly, and will tell whether 200 steps gave a good first guess.
"""

# %% [markdown]
r"""
## 6 Schedulers in PyTorch

In PyTorch an optimizer owns its rate: `optimizer.param_groups[0]["lr"]`. A **scheduler** is an object that changes it. Each call of
`scheduler.step()` means "one more step has passed", and what a *step* is, a batch or an epoch, is decided by where you
call it:

```python
scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=num_epochs * len(train_iter))
for epoch in range(num_epochs):
    for X, y in train_iter:
        optimizer.zero_grad()
        loss(net(X), y).backward()
        optimizer.step()      # uses the current rate
        scheduler.step()      # sets the rate of the next step
```

**The order.** `scheduler.step()` comes after `optimizer.step()`. The other way round, the first rate is never used.

**The unit.** All numbers of a scheduler (`T_max`, `step_size`, milestones, `total_iters`) count calls of its `step`.

**It only acts when called**, and it keeps its own count. So a scheduler belongs in a checkpoint: `scheduler.state_dict()`, as for the
optimizer (chapter 7). Several parameter groups keep their own rates; most schedulers scale each from its own start. In SGD and AdamW the weight
decay per step is `lr * weight_decay`, so a schedule scales the decay as well.
"""

# %%
optimizer = schedules.optimizer_at(0.1)
scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    used = []
    for _ in range(3):
        scheduler.step()  # the wrong order
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
print("rates in use:", used)
print(str(caught[0].message).split(". In PyTorch")[0])

# %% [markdown]
r"""
The rate 0.1 was never used. PyTorch warns once; in a long log, that is easily missed.

### Exercise 11.10: `record_schedule` &nbsp; (2 points, about 6 minutes, ★☆☆)

The tool for the rest of this section: run optimizer and scheduler without any training, and note which rate
each step *uses*. An optimizer whose parameters have no gradient changes nothing in its step, so nothing has to be computed.

<details><summary>Hint</summary>

Three lines in a loop. At which of the three moments (before, between, after the two calls) is the rate in place that this step
uses?

</details>
"""


# %% exercise="record_schedule"
def record_schedule(optimizer, scheduler, num_steps):
    """The learning rates in use at num_steps steps.

    optimizer: an optimizer of torch. scheduler: a scheduler of torch for it. num_steps: int, at least 0.
    At each step the optimizer steps first, then the scheduler.
    Returns a list of num_steps floats: the rate of the first parameter group that each step used.
    """
    ### BEGIN SOLUTION
    rates = []
    for _ in range(num_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates
    ### END SOLUTION


# %% test="record_schedule"
check.exercise("record_schedule", points=2)


class Counting(torch.optim.SGD):
    steps = 0

    def step(self, closure=None):
        self.steps += 1
        return super().step(closure)


def played(num_steps):
    """record_schedule with rates that double, and that tell whether the optimizer has stepped as often."""
    weights = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))]
    optimizer = Counting([{"params": weights[:1]}, {"params": weights[1:], "lr": 7.0}], lr=0.5)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda t: 2.0**t * 3.0 ** (t - optimizer.steps))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a wrong order
        found = record_schedule(optimizer, scheduler, num_steps)
    check.that(isinstance(found, list), "should be a list of floats")
    for rate in found:
        check.number(rate, float)
    return found, optimizer.steps, scheduler.last_epoch


with check.case("notes the rate that each step uses", points=1):
    wrong = {
        "the first rate is missing: note the rate before the scheduler steps": [1.0, 2.0, 4.0, 8.0],
        "the scheduler steps first, and so the first rate is never used": [3.0, 6.0, 12.0, 24.0],
        "the scheduler steps before the optimizer": [0.5, 3.0, 6.0, 12.0],
        "the optimizer does not step": [0.5, 3.0, 18.0, 108.0],
        "the optimizer does not step, and the first rate is missing": [3.0, 18.0, 108.0, 648.0],
        "each rate is the first: step the scheduler, and read the rate of param_groups[0]": [0.5] * 4,
        "this is the rate after the last step, again and again": [8.0] * 4,
        "it stops after the first step: the return belongs behind the loop": [0.5],
        "the rate of the first group is asked for, not of the last": [7.0, 14.0, 28.0, 56.0],
        "one step too many": [0.5, 1.0, 2.0, 4.0, 8.0],
        "one step is missing": [0.5, 1.0, 2.0],
        "this is the last rate, again and again": [4.0] * 4,
        "these are the rates of all groups: the first group alone is asked for": [
            *(0.5, 7.0, 1.0, 14.0, 2.0, 28.0, 4.0, 56.0)
        ],
        "the scheduler counts its steps itself: call scheduler.step() without a number": [
            *(0.5, 0.5 / 3, 1 / 3, 2 / 3)
        ],
    }
    check.equal(played(4)[0], [0.5, 1.0, 2.0, 4.0], known=wrong)
with check.case("steps both of them num_steps times", points=0.5):
    _, optimizer_steps, scheduler_steps = played(4)
    check.equal(optimizer_steps, 4, "optimizer.step() should be called once in each step")
    check.equal(scheduler_steps, 4, "scheduler.step() should be called once in each step")
    check.equal(played(0)[0], [])
### BEGIN HIDDEN TESTS
with check.case("the same with other schedulers", points=0.5, hidden=True):
    optimizer = schedules.optimizer_at(0.8)
    found = record_schedule(optimizer, lr_scheduler.StepLR(optimizer, 3, 0.5), 8)
    check.equal(found, [0.8] * 3 + [0.4] * 3 + [0.2] * 2, "with StepLR")
    optimizer = torch.optim.Adam([nn.Parameter(torch.zeros(3))], lr=1e-5)
    found = record_schedule(optimizer, lr_scheduler.LinearLR(optimizer, 0.25, total_iters=3), 5)
    check.that(isinstance(found, list), "should be a list of floats")
    right = torch.tensor([0.25, 0.5, 0.75, 1, 1]) * 1e-5
    check.close(torch.tensor(found), right, "for a rate of 1e-5", atol=1e-10)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Read a scheduler

| scheduler | what it does | beware |
|---|---|---|
| `LinearLR(start_factor, end_factor, total_iters)` | a straight line from start to end factor, then flat | the default start factor is 1/3 |
| `CosineAnnealingLR(T_max, eta_min)` | half a cosine in `T_max` steps | `T_max` is *half* a period: after it, the rate climbs again |
| `SequentialLR([a, b], milestones=[m])` | a for m steps, then b, which starts from its own step 0 | |
| `ChainedScheduler([a, b])` | both at each step: their factors *multiply* | so do two schedulers that you step one after the other |
| `LambdaLR(f)` | the first rate times f(t) | f gives a *factor*, not a rate |
| `ReduceLROnPlateau(patience=10, factor=0.1)` | cuts when a metric has not improved for more than `patience` calls | `step(metric)`; `mode="min"` expects one that falls |
| `CosineAnnealingWarmRestarts(T_0, T_mult)` | `cosine_restarts` | |
| `CyclicLR(base_lr, max_lr, step_size_up)` | `triangular` | cycles the momentum, too, unless told not to |
| `OneCycleLR(max_lr, total_steps)` | up to max_lr in 30 % of the steps, down to almost nothing | steps past the end are refused |

If two schedules leave a gap between them, the rate simply keeps its last value.

### Exercise 11.11: `scheduler_rates` &nbsp; (2 points, about 8 minutes, ★★☆)

Work these out on paper, then give numbers, correct to 2 %. Each optimizer starts at 0.1 and each step calls both `step` methods. "At step t"
is the rate that step t uses, counted from 0.

- **line**: `LinearLR(optimizer, start_factor=1, end_factor=0.1, total_iters=80)` at step 40, and at step 200.
- **cosine**: `CosineAnnealingLR(optimizer, T_max=20, eta_min=0.05)` at step 10, at step 20 and at step 40.
- **both**: `SequentialLR` of `LinearLR(optimizer, start_factor=0.01, total_iters=100)` and `CosineAnnealingLR(optimizer, T_max=800)`
  with `milestones=[100]`, at step 0, at step 500 and at step 1700.

<details><summary>Hint</summary>

For the last one: how many steps has the cosine taken, and how long is its whole period?

</details>
"""

# %% exercise="scheduler_rates"
scheduler_rates = {
    "line 40": "?",
    "line 200": "?",
    "cosine 10": "?",
    "cosine 20": "?",
    "cosine 40": "?",
    "both 0": "?",
    "both 500": "?",
    "both 1700": "?",
}
### BEGIN SOLUTION
scheduler_rates = {
    "line 40": 0.055,
    "line 200": 0.01,
    "cosine 10": 0.075,
    "cosine 20": 0.05,
    "cosine 40": 0.1,
    "both 0": 0.001,
    "both 500": 0.05,
    "both 1700": 0.1,
}
### END SOLUTION

# %% test="scheduler_rates"
check.exercise("scheduler_rates", points=2)


def given(name):
    """The number given for this entry."""
    there = isinstance(scheduler_rates, dict) and name in scheduler_rates
    check.that(there, f"no answer for {name!r}: keep the keys as they were")
    if scheduler_rates[name] == "?":
        raise check.NotDoneYet
    return scheduler_rates[name]


with check.case("the line", points=0.5):
    wrong = {"halfway between 0.1 and 0.01: the end is end_factor times the first rate": 0.05}
    wrong["these are factors; multiply by the first rate 0.1"] = 0.55
    wrong["halfway between 0.1 and 0.01: this is the geometric mean"] = math.sqrt(0.001)
    wrong["the line is half done, not finished"] = 0.01
    wrong["the line is half done: this is its drop, not its height"] = 0.045
    check.close(given("line 40"), 0.055, "line, step 40", known=wrong, rtol=0.02)
    wrong = {
        "after total_iters it stays where it is": 0.1,
        "these are factors; multiply by the first rate 0.1": 0.1,
    }
    wrong["after total_iters it stays at the end, it does not fall to 0"] = 0.0
    wrong["after total_iters the line does not go on falling"] = 0.1 - 200 * 0.09 / 80
    check.close(given("line 200"), 0.01, "line, step 200", known=wrong, rtol=0.02)
### BEGIN HIDDEN TESTS
with check.case("the cosine", points=0.75, hidden=True):
    wrong = {"the cosine ends at eta_min, not at 0": 0.05, "halfway, it is the mean of both ends": 0.1}
    check.close(given("cosine 10"), 0.075, "cosine, step 10", known=wrong, rtol=0.02)
    wrong = {
        "T_max is half a period: at T_max the rate is eta_min": 0.1,
        "the cosine ends at eta_min, not at 0": 0.0,
    }
    check.close(given("cosine 20"), 0.05, "cosine, step 20", known=wrong, rtol=0.02)
    wrong = {"after T_max the rate climbs again, and after 2 T_max it is back": 0.05}
    wrong["at 2 T_max it is back at the top, not halfway"] = 0.075
    check.close(given("cosine 40"), 0.1, "cosine, step 40", known=wrong, rtol=0.02)
with check.case("both", points=0.75, hidden=True):
    wrong = {"LinearLR begins at start_factor times the rate, not at 0": 0.0}
    wrong["these are factors; multiply by the first rate 0.1"] = 0.01
    wrong["the warm-up starts at start_factor times the rate"] = 0.1
    wrong["start_factor is given here: it is not the default 1/3"] = 0.1 / 3
    check.close(given("both 0"), 0.001, "both, step 0", known=wrong, rtol=0.02)
    wrong = {"the cosine counts from its own start, at step 100": 0.1 * (1 + math.cos(5 / 8 * math.pi)) / 2}
    wrong["T_max is half a period: 400 steps are half of T_max"] = 0.0
    check.close(given("both 500"), 0.05, "both, step 500", known=wrong, rtol=0.02)
    wrong = {"after T_max the rate climbs again": 0.0}
    wrong["1,600 steps of the cosine are a whole period, not a quarter or three quarters"] = 0.05
    wrong["SequentialLR does not go back to its first part"] = 0.001
    check.close(given("both 1700"), 0.1, "both, step 1700: 1,600 steps of the cosine", known=wrong, rtol=0.02)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**See it.** Your recorder draws the three, the last one over its whole length and beyond, and a chain of two schedulers.
"""

# %% tags=["experiment"]
recorder = cu.yours(record_schedule, instead=schedules.record)


def recorded(make, num_steps, lr=0.1):
    optimizer = schedules.optimizer_at(lr)
    return recorder(optimizer, make(optimizer), num_steps)


def both(optimizer):
    up = lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=100)
    down = lr_scheduler.CosineAnnealingLR(optimizer, T_max=800)
    return lr_scheduler.SequentialLR(optimizer, [up, down], milestones=[100])


line = recorded(lambda o: lr_scheduler.LinearLR(o, start_factor=1, end_factor=0.1, total_iters=80), 101)
waves = recorded(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=20, eta_min=0.05), 101)


def draw_recorded(left, right):
    left.plot(line, color=cu.plots.COLOURS[0], label="LinearLR")
    left.plot(waves, "--", color=cu.plots.COLOURS[1], label="CosineAnnealingLR, T_max = 20")
    left.set(xlabel="step", ylabel="learning rate", ylim=(0, 0.15))
    left.set_title("T_max is half a period")
    right.plot(recorded(both, 1800), color=cu.plots.COLOURS[2], label="warm-up 100, T_max = 800")
    right.axvline(900, color=cu.plots.INK, linestyle=":", label="stop here")
    right.set(xlabel="step", ylim=(0, 0.15))
    right.set_title("After 900 steps it climbs again")
    for ax in (left, right):
        ax.legend(loc="upper right")
        ax.grid()


cu.plots.figure(
    draw_recorded,
    alt="Left: a line that falls from 0.1 to 0.01 and a cosine that swings between 0.1 and 0.05 every 20 steps. Right: a warm-up, "
    "half a cosine down to 0 at step 900, and the climb back to 0.1 at step 1700",
    panels=2,
    width=9.0,
)
chain = recorded(
    lambda o: lr_scheduler.ChainedScheduler(
        [
            lr_scheduler.LinearLR(o, start_factor=1, end_factor=0.1, total_iters=80),
            lr_scheduler.ExponentialLR(o, 0.98),
        ]
    ),
    41,
)
print(f"chain of the line and 0.98^t at step 40: {chain[40]:.4f}, product {0.055 * 0.98**40:.4f}")
plateau = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
scheduler, used = lr_scheduler.ReduceLROnPlateau(plateau, patience=2, factor=0.1), []
for loss in (1.0, 0.8, 0.7, 0.7, 0.7, 0.7, 0.7):
    used.append(round(plateau.param_groups[0]["lr"], 6))
    plateau.step()
    scheduler.step(loss)
print("validation losses 1.0 0.8 0.7 0.7 0.7 0.7 0.7, patience 2: rates in use", used)

# %% [markdown]
r"""
The plateau scheduler waits for more than `patience` calls without improvement: three equal losses after the best one, then it cuts.

### Exercise 11.12: `make_warmup_cosine` &nbsp; (3 points, about 10 minutes, ★★★)

Build your `warmup_cosine` from PyTorch's parts: `LinearLR`, `CosineAnnealingLR` and `SequentialLR`. The difficulty is all in
four numbers. `start_factor` is 1/warmup. Everything else is counting.

<details><summary>Hint 1</summary>

`LinearLR` goes from its start factor (at step 0) to 1 in `total_iters` steps. At which step must it have arrived?

<details><summary>Hint 2</summary>

The milestone is the step at which the cosine begins, with the full rate. How many steps does it have from there to `total`? Check with
`record_schedule` against `warmup_cosine`, for warmup = 4 and total = 12.

</details></details>
"""


# %% exercise="make_warmup_cosine"
def make_warmup_cosine(optimizer, warmup, total):
    """A scheduler of torch that gives warmup_cosine(t, lr, warmup, total) for t = 0 to total, lr_min = 0.

    optimizer: an optimizer of torch; the rate of each of its parameter groups is the peak rate lr of that group.
    warmup, total: ints, 1 <= warmup < total.
    Returns a SequentialLR of a LinearLR (rate lr at step warmup - 1) and a CosineAnnealingLR (0 at step total).
    Raises ValueError, with a message, unless 1 <= warmup < total.
    """
    ### BEGIN SOLUTION
    if not 1 <= warmup < total:
        raise ValueError(f"1 <= warmup < total must hold, got {warmup} and {total}")
    up = lr_scheduler.LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1)
    down = lr_scheduler.CosineAnnealingLR(optimizer, T_max=total - warmup)
    return lr_scheduler.SequentialLR(optimizer, [up, down], milestones=[warmup])
    ### END SOLUTION


# %% test="make_warmup_cosine"
check.exercise("make_warmup_cosine", points=3)


def played(warmup, total, lrs=(0.6,), kind=torch.optim.SGD):
    """The rates of all groups at steps 0 to total: (total + 1, groups)."""
    optimizer = kind([{"params": [nn.Parameter(torch.zeros(2))], "lr": lr} for lr in lrs])
    scheduler = make_warmup_cosine(optimizer, warmup, total)
    check.that(scheduler is not None, "it returns None: is there a return?")
    check.that(
        hasattr(scheduler, "get_last_lr"), "should be one scheduler of torch: join the two by SequentialLR"
    )

    def rates():
        for _ in range(total + 1):
            yield list(scheduler.get_last_lr())
            scheduler.optimizer.step()
            scheduler.step()

    return torch.tensor(check.made(lambda: list(rates())), dtype=torch.float64)


def rate(t, w=4, T=12, lr=0.6, length=None, up=None, start=None):
    """The rate at step t, right by default: a cosine of this length from step start on."""
    length, start = length or T - w, w if start is None else start
    if t < start:
        return lr * min(1, up(t) if up else (t + 1) / w)
    return lr * (1 + math.cos(math.pi * (t - start) / length)) / 2


with check.case("gives the rates of warmup_cosine", points=1.5):
    mistakes = {
        "LinearLR arrives one step late: at step warmup - 1 the rate is full": {"up": lambda t: 1 / 4 + 3 / 4 * t / 4},
        "start_factor should be 1 / warmup; this is the default 1/3": {"up": lambda t: 1 / 3 + 2 / 3 * t / 3},
        "start_factor should be 1 / warmup; this is the default 1/3, and LinearLR arrives one step late": {"up": lambda t: 1 / 3 + 2 / 3 * t / 4},
        "T_max counts the steps of the cosine alone, total - warmup": {"length": 12},
        "T_max counts the steps of the cosine alone, total - warmup; and LinearLR arrives one step late": {"length": 12, "up": lambda t: 1 / 4 + 3 / 4 * t / 4},
        "the cosine reaches 0 one step early": {"length": 7},
        "the cosine reaches 0 one step late": {"length": 9},
        "T_max is half a period: the cosine runs up again": {"length": 4},
        "the cosine begins one step early: the milestone is warmup": {"start": 3},
        "the cosine begins one step early, and then it is one step too long": {"start": 3, "length": 9},
        "the cosine begins one step late: the milestone is warmup": {"start": 5},
        "the warm-up is missing": {"up": lambda t: 1},
        "the cosine never begins: the milestone is warmup": {"start": 99},
        "the rate should rise at each step: LinearLR, not ConstantLR": {"up": lambda t: 1 if t == 3 else 1 / 4},
        "start_factor is 1 / warmup, not 1 / (warmup + 1)": {"up": lambda t: 1 / 5 + 4 / 5 * t / 3},
        "T_max is half a period, total - warmup; here it is twice that": {"length": 16},
        "step 0 has almost no rate: start_factor is 1 / warmup": {"up": lambda t: t / 3},
        "end_factor multiplies the rate lr, too: it is 1": {"up": lambda t: 1 / 4 + (0.6 - 1 / 4) * t / 3},
        "LinearLR is too long: total_iters counts the steps of the warm-up": {"up": lambda t: 1 / 4 + 3 / 4 * t / 12},
        "start_factor multiplies the rate lr: it is 1 / warmup, not lr / warmup": {"up": lambda t: 0.15 + 0.85 * t / 3},
        "LinearLR arrives one step late, and the cosine begins one step late": {"up": lambda t: 1 / 4 + 3 / 4 * t / 4, "start": 5},
    }  # fmt: skip
    known = {
        sentence: torch.tensor([[rate(t, **how)] for t in range(13)]).double()
        for sentence, how in mistakes.items()
    }
    chain = [[rate(t, start=99) * rate(t, w=0, length=8) / 0.6] for t in range(13)]
    known["the two run at the same time and their factors multiply: join them by SequentialLR"] = torch.tensor(chain).double()  # fmt: skip
    early = [[rate(t + 1)] for t in range(13)]
    known["the scheduler has taken a step already: leave the steps to the training"] = torch.tensor(early).double()  # fmt: skip
    swapped = [[rate(t, w=0, length=8) if t < 4 else 0.6 * min(1, (t - 3) / 4)] for t in range(13)]
    known["the cosine comes first: LinearLR belongs before it"] = torch.tensor(swapped).double()
    expected = torch.tensor([[rate(t)] for t in range(13)]).double()
    known["at step total the rate is 0: CosineAnnealingWarmRestarts jumps back there"] = expected.index_fill(
        0, torch.tensor(12), 0.6
    )
    check.close(played(4, 12), expected, known=known, rtol=1e-5, atol=1e-8)
with check.case("is a SequentialLR, and refuses impossible lengths", points=0.5):
    optimizer = schedules.optimizer_at(0.1)
    joined = make_warmup_cosine(optimizer, 4, 12)
    check.that(
        isinstance(joined, lr_scheduler.SequentialLR),
        "should be a SequentialLR of a LinearLR and a CosineAnnealingLR",
    )
    for warmup, total in ((0, 5), (-1, 5), (5, 5), (6, 5)):
        check.raises(ValueError, make_warmup_cosine, optimizer, warmup, total)
### BEGIN HIDDEN TESTS
with check.case("the same for other lengths, optimizers and groups", points=1, hidden=True):
    for w, T, lrs in ((1, 2, (0.3,)), (1, 9, (0.1,)), (2, 5, (0.5, 0.02)), (30, 100, (0.1,))):
        expected = torch.tensor([[rate(t, w, T, lr) for lr in lrs] for t in range(T + 1)]).double()
        found = played(w, T, lrs, torch.optim.AdamW)
        check.close(found, expected, f"for warmup = {w}, total = {T}", rtol=1e-5, atol=1e-8)
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Yours at work**: the wild network of section 4, trained by the usual loop with a scheduler.
"""

# %% tags=["experiment"]
make_scheduler = cu.yours(make_warmup_cosine, instead=schedules.make_warmup_cosine)
net = make_wild_net(0)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
scheduler = make_scheduler(optimizer, 60, 400)
g, losses, used = torch.Generator().manual_seed(0), [], []
for _ in range(400):
    rows = torch.randint(len(y), (64,), generator=g)
    loss = F.cross_entropy(net(X[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    used.append(optimizer.param_groups[0]["lr"])
    optimizer.step()
    scheduler.step()
    losses.append(loss.item())


def draw_saved(left, right):
    left.plot(used, color=cu.plots.COLOURS[1])
    left.set(xlabel="step", ylabel="learning rate in use")
    left.set_title("Up in 60 steps, down in 340")
    right.plot(losses, color=cu.plots.COLOURS[0], linewidth=1)
    right.set(xlabel="step", ylabel="loss of the batch", yscale="log")
    right.set_title("The run that diverged is saved")
    for ax in (left, right):
        ax.grid()


cu.plots.figure(
    draw_saved,
    alt="Left: the rate rises to 0.1 at step 59 and falls to 0 at step 400. Right: the loss falls from far above 3 to about 0.4",
    panels=2,
    width=9.0,
)
assert sum(losses[-50:]) / 50 < 0.8 and max(used) == used[59]
print("mean loss of the last 50 batches: below 0.8")

# %% [markdown]
r"""
**What is refused.** A wrong number should fail at once and say why, rather than train badly.
"""

# %% tags=["experiment"]
weight = nn.Parameter(torch.zeros(1))
for name, call in {
    "no parameters": lambda: torch.optim.SGD([], lr=0.1),
    "negative rate": lambda: torch.optim.SGD([weight], lr=-0.1),
    "a schedule that gives nan": lambda: set_rate(torch.optim.SGD([weight], lr=0.1), math.nan, 7),
    "a negative step": lambda: yours["cosine_decay"](-1, 0.1, 20),
    "a start factor of 0": lambda: lr_scheduler.LinearLR(torch.optim.SGD([weight], lr=0.1), start_factor=0),
}.items():
    try:
        call()
    except ValueError as error:
        print(f"{name}: {error}")

# %% [markdown]
r"""
**One cycle.** `OneCycleLR` is a warm-up and a decay in one, both along a cosine, with a twist: as the rate rises, the momentum falls, and the
other way round. By default it starts at `max_lr / 25`, peaks after 30 % of the steps, ends at `max_lr / 250,000`; the momentum goes 0.95, 0.85,
0.95.
"""

# %% tags=["experiment"]
optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=100)
cycle = []
for t in range(100):
    cycle.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
    optimizer.step()
    if t < 99:  # it refuses to step past its end
        scheduler.step()


def draw_cycle(left, right):
    left.plot([lr for lr, _ in cycle], color=cu.plots.COLOURS[0])
    right.plot([momentum for _, momentum in cycle], color=cu.plots.COLOURS[1])
    left.set(xlabel="step", ylabel="learning rate")
    right.set(xlabel="step", ylabel="momentum")
    left.set_title("OneCycleLR: the rate goes up and down,")
    right.set_title("and the momentum does the opposite")
    for ax in (left, right):
        ax.grid()


cu.plots.figure(
    draw_cycle,
    alt="Left: the rate rises from 0.004 to 0.1 at step 29 and falls to nearly 0. Right: the momentum falls from 0.95 to 0.85 and rises again",
    panels=2,
    width=9.0,
)
print(
    f"rate: first {cycle[0][0]:.4f}, peak {max(cycle)[0]:.2f} at step {cycle.index(max(cycle))}, last {cycle[-1][0]:.1e}"
)

# %% [markdown]
r"""
### Exercise 11.13: spot the bug &nbsp; (2.5 points, about 8 minutes, ★★★)

Five trainings of 4 epochs with 5 batches each, without the forward and backward passes. The comment says what the author wanted. At most
one thing is wrong with each. The table shows the rates that the 20 steps used.
"""


# %%
def train_1(optimizer):  # half a cosine over the whole training
    scheduler, used = lr_scheduler.CosineAnnealingLR(optimizer, T_max=4), []
    for _ in range(4):
        for _ in range(5):
            used.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return used


def train_2(optimizer):  # a rate for each epoch: warm-up over 4 epochs, 0.1, 0.2, 0.3, 0.4
    used = []
    for epoch in range(4):
        for _ in range(5):
            used.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
        optimizer.param_groups[0]["lr"] = 0.4 * (epoch + 1) / 4
    return used


def train_3(optimizer):  # halved after 10 and after 15 steps
    scheduler, used = lr_scheduler.MultiStepLR(optimizer, milestones=[10, 15], gamma=0.5), []
    schedules.record(optimizer, scheduler, 20)  # for a picture of the schedule
    for _ in range(20):
        used.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return used


def train_4(optimizer):  # halved after each epoch
    scheduler, used = lr_scheduler.ExponentialLR(optimizer, gamma=0.5), []
    for _ in range(4):
        for _ in range(5):
            used.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
        scheduler.step()
    return used


def train_5(optimizer):  # cut to a tenth when the validation accuracy gets no better
    scheduler, used = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.1), []
    for accuracy in (0.61, 0.74, 0.80, 0.83):  # measured after each epoch
        for _ in range(5):
            used.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
        scheduler.step(accuracy)
    return used


for run in (train_1, train_2, train_3, train_4, train_5):
    used = run(schedules.optimizer_at(0.4))
    print(f"{run.__name__}: " + " ".join(f"{rate:5.3f}" for rate in used[:12]) + f" ... {used[-1]:.4f}")

# %% [markdown]
r"""
Which diagnosis belongs to which training? Each letter can be used once, more than once, or not at all.

(a) Nothing is wrong. (b) The length is given in epochs, and the scheduler steps once per batch. (c) Each rate is set after the epoch that it
was meant for. (d) The scheduler's steps had been used up before the training. (e) The scheduler belongs to another
optimizer. (f) The scheduler expects a metric that falls, and gets one that should rise. (g) The scheduler steps before the optimizer.
"""

# %% exercise="claims_bugs"
claims_bugs = {
    "train_1": "?",
    "train_2": "?",
    "train_3": "?",
    "train_4": "?",
    "train_5": "?",
}
### BEGIN SOLUTION
claims_bugs = {
    "train_1": "b",
    "train_2": "c",
    "train_3": "d",
    "train_4": "a",
    "train_5": "f",
}
### END SOLUTION

# %% test="claims_bugs"
check.exercise("claims_bugs", points=2.5)
with check.case("each training has a diagnosis from a to g"):
    check.claims(claims_bugs, {f"train_{i}": list("abcdefg") for i in range(1, 6)})
### BEGIN HIDDEN TESTS
with check.case("trainings 1 to 3", points=1.5, hidden=True):
    check.right(
        claims_bugs,
        {"train_1": "b", "train_2": "c", "train_3": "d"},
        "compare the rates in the table with the comment, and find the first step that differs",
    )
with check.case("trainings 4 and 5", points=1, hidden=True):
    check.right(
        claims_bugs,
        {"train_4": "a", "train_5": "f"},
        "when should the rate fall, according to the comment, and when does it?",
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
## 7 Try it: fast, then quiet

Three hundred walks go down the ravine of chapter 10 (curvatures 0.2 and 4), with noise in each gradient. You have 100 steps. The largest
stable rate is 2/4 = 0.5. *Goal: end with a mean loss below 0.05.* First find out how close a constant rate comes.
Then choose a shape, and move its peak.
"""


# %% jupyter={"source_hidden": true}
def ravine_walks(rate_at, num_steps=100):
    """Mean loss before each step and at the end."""
    g = torch.Generator().manual_seed(0)
    curvature, x, losses = torch.tensor([0.2, 4.0]), torch.tensor([-5.0, -2.0]).expand(300, 2), []
    for t in range(num_steps + 1):
        losses.append((curvature * x**2).sum(1).mean().item() / 2)
        x = x - rate_at(t) * (curvature * x + torch.randn(300, 2, generator=g))
    return losses


SHAPES = {
    "constant": lambda t, peak: peak,
    "inverse time": lambda t, peak: peak / (1 + t / 10),
    "exponential, too fast": lambda t, peak: peak * math.exp(-t / 8),
    "step": lambda t, peak: peak * 0.2 ** (t // 40),
    "cosine": lambda t, peak: peak * (1 + math.cos(math.pi * t / 100)) / 2,
    "triangular, ends low": lambda t, peak: peak * (1 - abs(t % 50 - 25) / 25),
}


def draw_ravine_walks(ax, shape, peak):
    """Draw rate and loss. Returns a comment on the goal."""
    losses = ravine_walks(lambda t: SHAPES[shape](t, peak))
    ax.plot(losses, color=cu.plots.COLOURS[0], label="mean loss")
    ax.plot(
        [SHAPES[shape](t, peak) for t in range(100)], "--", color=cu.plots.COLOURS[1], label="learning rate"
    )
    ax.axhline(0.05, color="#999999", linewidth=1, label="goal")
    ax.set(yscale="log", ylim=(1e-3, 30), xlabel="step", ylabel="loss, and rate")
    ax.set_title(f"{shape}, peak {peak:g}: loss {losses[-1]:.2g} after 100 steps")
    ax.legend(loc="upper right", ncols=3)
    if losses[-1] < 0.05:
        return f"Goal reached: {losses[-1]:.3f}. Which peaks reach it, too?"
    return f"Mean loss at the end: {losses[-1]:.3f}. Is it the noise that is left, or the distance?"


cu.demo.explore(
    draw_ravine_walks,
    shape=ipywidgets.Dropdown(options=list(SHAPES), value="constant"),
    peak=ipywidgets.FloatSlider(value=0.2, min=0.02, max=0.48, step=0.02),
    alt="Mean loss and learning rate over 100 steps, on a logarithmic axis, with the goal as a grey line",
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_ravine_walks(ax, "constant", 0.2),
    alt="Constant rate 0.2: the mean loss falls from 10 to about 0.13 within 60 steps and stays there, above the goal",
)

# %% tags=["experiment"]
peaks = [0.02 * i for i in range(1, 25)]
ends = {name: min(ravine_walks(lambda t: shape(t, p))[-1] for p in peaks) for name, shape in SHAPES.items()}
reached = [name for name, loss in ends.items() if loss < 0.05]
print(f"best constant rate: mean loss {ends['constant']:.2f}")
print("shapes that reach the goal with a well-chosen peak:", ", ".join(reached))

# %% [markdown]
r"""
## 8 Which schedule is best?

Now the garments, 480 steps each, one budget for all. A schedule has a peak rate, and each schedule gets the same three
tries: 0.01, 0.03 and 0.1, with two seeds each. Validation data decide. Predict: which schedule is best at 0.01, and
which is worst at 0.1?
"""

# %% tags=["experiment"]
T = 480
PEAKS = (0.01, 0.03, 0.1)
contest = {
    "constant": lambda t, peak: peak,
    "inverse root": lambda t, peak: peak / math.sqrt(1 + t / 20),
    "exponential": lambda t, peak: yours["natural_exp_decay"](t, peak, 4 / T),
    "step": lambda t, peak: yours["step_decay"](t, peak, 0.3, T // 4),
    "linear to 0": lambda t, peak: peak * (1 - t / T),
    "cosine": lambda t, peak: yours["cosine_decay"](t, peak, T),
    "warm-up + cosine": lambda t, peak: yours["warmup_cosine"](t, peak, T // 10, T),
    "restarts": lambda t, peak: yours["cosine_restarts"](t, peak, 0.0, T // 3),
}


def score(shape, peak):
    """Validation loss after T steps, mean of two seeds."""
    losses = []
    for seed in range(2):
        net = make_net(seed)
        train(net, lambda t: shape(t, peak), T, seed=seed)
        losses.append(mean_loss(net, X_valid, y_valid))
    return sum(losses) / 2


valid = {name: [score(shape, peak) for peak in PEAKS] for name, shape in contest.items()}
cu.plots.heatmap(
    [list(row) for row in valid.values()],
    rows=list(contest),
    columns=[f"peak {peak:g}" for peak in PEAKS],
    title="The ranking depends on the peak",
    alt="Table of validation losses, eight schedules by three peak rates: constant is the best or nearly so at 0.01 and by far the worst at 0.1",
)
best = {name: min(row) for name, row in valid.items()}

falling = [name for name in contest if name != "constant"]
assert sum(best[name] for name in falling) / 7 < best["constant"] - 0.02
assert max(best[name] for name in falling) - min(best[name] for name in falling) < 0.06
assert all(min(valid[name][1:]) < valid[name][0] for name in falling)
assert valid["constant"][0] < valid["inverse root"][0] - 0.03
assert valid["inverse root"][2] < valid["constant"][2] - 0.15
print("Each at its best peak: on average, the falling schedules are more than 0.02 below the constant rate,")
print("and the seven of them lie within 0.06 of each other.")
print("Peak 0.01: constant beats the inverse root. Peak 0.1: the inverse root wins by more than 0.15.")


# %% [markdown]
r"""
Read the table by columns, and then by its best entries. In the column 0.01, the constant rate is better than the inverse root: the
rate is too small anyway, and decay makes it smaller. In the column 0.1, it is far worse. So "schedule A beats schedule B"
means little without a peak. With each at its own best peak, the falling schedules beat the constant rate
clearly, and each other hardly. What they have in common matters: *a peak that is too high to stay at, and a low end.* This network needs no warm-up, and the
warm-up changes little: it is for networks that would not survive without it.

And the range test? It suggested a rate between 0.006 and 0.12. The best peak in the table is 0.03 or 0.1 for each schedule that falls, and
0.01 for the constant rate, which must live with its noise to the end.

### Quiet without a schedule: average the weights

Noise can also be removed by averaging. Keep the rate constant, and take the mean of the weights over the last quarter of
the steps. On a parabola the walk jumps around the minimum, and its mean is closer to the middle than nearly all of
its points.
"""

# %% tags=["experiment"]
for seed in range(2):
    late, net = [], make_net(seed)
    train(
        net,
        lambda t: 0.03,
        T,
        seed=seed,
        after_step=lambda t, net: (
            late.append([p.detach().clone() for p in net.parameters()]) if t >= 3 * T // 4 else None
        ),
    )
    last = mean_loss(net, X_valid, y_valid)
    with torch.no_grad():
        for p, *values in zip(net.parameters(), *late):
            p.copy_(torch.stack(values).mean(0))
    averaged = mean_loss(net, X_valid, y_valid)
    assert averaged < last - 0.02 and averaged < best["constant"] - 0.03
print("constant rate 0.03, two seeds: the mean of the last 120 weights has a validation loss")
print("at least 0.02 below that of the last weights")

# %% [markdown]
r"""
The averaged network is about as good as the ones with a schedule. (With batch norm, chapter 9, the running means must be measured anew
for averaged weights. `torch.optim.swa_utils` helps with both.)

### Beside published results

The book *Dive into Deep Learning* trained a LeNet-like network with ReLU on the real Fashion-MNIST for 30 epochs with peak rate 0.3: test
accuracy 0.877 with a constant rate, 0.904 with cosine, at training accuracies of 0.944 and 0.942. (It lists a square root, a
multi-factor and a warm-up schedule as well. In that code the rate is set *after* each epoch, and one scheduler had already been stepped
for its plot, so these rows are not what their names say. Exercise 11.13 has both mistakes.)

Ours is a smaller network of the same kind, on 3,000 drawn garments at half size for 15 epochs. We keep the book's rate 0.3 for all,
without momentum. This is the book's comparison, not a fair contest: nobody searched for the best peak of each.
"""


# %% tags=["experiment"]
def make_small_lenet(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Unflatten(1, (1, 14, 14)),
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),  # (n, 6, 7, 7)
        *(nn.Conv2d(6, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),  # (n, 16, 3, 3)
        *(nn.Flatten(), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


STEPS = 15 * 60  # epochs times batches of 50
small_lenet, curves = {}, {}
for name, shape in {
    "constant": lambda t: 0.3,
    "cosine": lambda t: yours["cosine_decay"](t, 0.3, STEPS),
    "warm-up + cosine": lambda t: yours["warmup_cosine"](t, 0.3, STEPS // 10, STEPS),
}.items():
    net, curves[name] = make_small_lenet(0), []
    train(
        net,
        shape,
        STEPS,
        momentum=0.0,
        batch_size=50,
        after_step=lambda t, net: (
            curves[name].append(mean_loss(net, X_valid, y_valid)) if t % 60 == 59 else None
        ),
    )
    with torch.no_grad():
        right = [
            (net(pictures).argmax(1) == labels).float().mean().item()
            for pictures, labels in ((X, y), (X_valid, y_valid))
        ]
    small_lenet[name] = (mean_loss(net, X, y), *right)
cu.plots.curves(
    curves,
    x="epoch",
    y="validation loss",
    title="The falling rates end lower, and without jumps",
    alt="Validation loss over 15 epochs: the constant rate jumps up and down to the end, the two cosines settle below it",
)
losses = {name: row[0] for name, row in small_lenet.items()}
assert losses["constant"] > max(losses["cosine"], losses["warm-up + cosine"]) + 0.02
assert all(0.82 < row[2] < 0.93 for row in small_lenet.values())
print("training loss: both cosines are more than 0.02 below the constant rate")
print("validation accuracy of all three: between 0.82 and 0.93")

# %% [markdown]
r"""
As in the book, the constant rate is behind the cosine, and its curve says why.

### Exercise 11.14: claim cards &nbsp; (2.5 points, about 6 minutes, ★★☆)

"true", "false", or the letter of the condition under which it is true.

1. **"warm-up"**: "The warm-up ends when the gradient has become small enough."
   (a) with PyTorch's `LinearLR`, (b) only for Adam, (c) only if it is followed by a cosine.
2. **"T_max"**: "`CosineAnnealingLR` jumps back to its first rate after `T_max` steps."
   (a) only if `eta_min` is 0, (b) not this one, but `CosineAnnealingWarmRestarts` with `T_0` in place of `T_max`, (c) only as a
   part of `SequentialLR`.
3. **"to zero"**: "On a parabola without noise, with rates that start below the largest stable rate and fall to zero, the walk gets as close
   to the minimum as you like." (a) if the sum of the rates grows without limit, (b) if the sum of the rates is finite, (c) if the rates
   fall exponentially.
4. **"inverse root"**: "An inverse-root decay beats a constant rate."
   (a) at a peak that is too high to stay at, not at a low one, (b) only at a low peak, (c) at the same peak, whichever it is.
5. **"chain"**: "Two schedulers of one optimizer, stepped one after the other, give the sum of their two rates."
   (a) only for `ChainedScheduler`, (b) only if both fall, (c) only in the first step.
"""

# %% exercise="claims_schedules"
claims_schedules = {
    "warm-up": "?",
    "T_max": "?",
    "to zero": "?",
    "inverse root": "?",
    "chain": "?",
}
### BEGIN SOLUTION
claims_schedules = {
    "warm-up": "false",
    "T_max": "b",
    "to zero": "a",
    "inverse root": "a",
    "chain": "false",
}
### END SOLUTION

# %% test="claims_schedules"
check.exercise("claims_schedules", points=2.5)
with check.case("each claim is answered with true, false, a, b or c"):
    names = ("warm-up", "T_max", "to zero", "inverse root", "chain")
    check.claims(claims_schedules, {claim: ["true", "false", "a", "b", "c"] for claim in names})
### BEGIN HIDDEN TESTS
with check.case("claims about schedulers", points=1.5, hidden=True):
    check.right(
        claims_schedules,
        {"warm-up": "false", "T_max": "b", "chain": "false"},
        "see section 4, and what your recorder drew in section 6",
    )
with check.case("claims about what helps", points=1, hidden=True):
    check.right(
        claims_schedules,
        {"to zero": "a", "inverse root": "a"},
        "see the two sums in section 1 and the table of section 8",
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 11.15: in your own words &nbsp; (2 points, about 8 minutes, marked by your instructor)

An interview question. A colleague trains for 50 epochs with 200 batches each, and calls `scheduler.step()` after every batch of a
`CosineAnnealingLR(optimizer, T_max=50)`. The loss goes up and down all the time, and the result is worse than with a constant rate. "Cosine
does not work on our data." What has happened, and how would you prove it within five minutes? Give two ways to fix
it. After the fix the loss is still falling at the end, and the colleague wants to add ten more epochs with the same scheduler: what do
you say?
"""

# %% [markdown] written="cosine_fails" points=2
r"""
**Model answer.** `T_max` counts calls of `step`. It was given in epochs, and the scheduler steps once per batch: the rate falls to zero in
50 batches, climbs back in the next 50, and so on, two full periods per epoch and 100 in all. Proof: record the rates of a few hundred
steps (or log `get_last_lr()`) and plot them. Fixes: `T_max=50 * 200` with a step per batch, or `T_max=50` with one `scheduler.step()` per
epoch, after the inner loop. More epochs: after `T_max` the rate climbs again towards the peak, so the loss first gets worse, and the ten epochs end at
a rate that is not near zero. Better: train again with the longer schedule, or go on with a new short one (for example a warm restart with a
small peak that falls to zero).

**Mark scheme.** ½ point: the unit (steps against epochs), with the rate swinging within an epoch. ½ point: a proof by looking at the rates,
not by another training. ½ point: two fixes that fit together (number and place of the call). ½ point: after `T_max` the rate of this scheduler rises,
with a sensible alternative. "Use a smaller rate" or "use another schedule" earns nothing.
"""

# %% [markdown]
r"""
## Recap

- The sum of the rates limits how far a walk can get; the last rates decide how much noise is left. Hence: first far, then quiet.
- Step, exponential, inverse time, cosine: each is a function of $t$ alone. A cosine is given its length in advance and ends at its minimum.
- Warm-up lasts a fixed number of steps. It lets the curvature come down before the full rate is there, and saves runs that would diverge.
- Cyclical rates and restarts go up again. A rate that only rises is a test for a good peak.
- PyTorch: `optimizer.step()`, then `scheduler.step()`; all lengths count calls of `step`; `T_max` is half a period; schedulers that
  step together multiply; a scheduler belongs in the checkpoint.
- Compare schedules at their own best peaks. Averaging the weights is an alternative.

**What people get wrong.** They give `T_max` in epochs and step per batch. They step the scheduler for a picture and then train with it. They set
the rate after the epoch it was meant for. They let a cosine run past its end. They judge by the cliff, and cut too early.
They compare two schedules at one peak. They forget the scheduler when they resume a training.

**Read on.** [Loshchilov and Hutter 2017: SGDR, warm restarts](https://arxiv.org/abs/1608.03983) · [Smith 2017: Cyclical learning
rates](https://arxiv.org/abs/1506.01186), with the range test · [Smith and Topin 2019:
Super-convergence](https://arxiv.org/abs/1708.07120), one cycle · [Goyal et al. 2017: Accurate, large minibatch
SGD](https://arxiv.org/abs/1706.02677), warm-up · [Izmailov et al. 2018: Averaging weights](https://arxiv.org/abs/1803.05407) · [Dive into
Deep Learning, 12.11](https://d2l.ai/chapter_optimization/lr-scheduler.html) · [How to adjust the learning
rate](https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate).

**Next:** [`12_activations_initialization`](../12_activations_initialization/activations_initialization.ipynb), which explains why the
wild network of section 4 was wild.
"""
