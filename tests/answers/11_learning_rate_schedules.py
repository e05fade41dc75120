"""Known answers to the exercises of chapter 11."""

import math

import torch
from torch.optim import lr_scheduler

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- step_decay -------------------------------------------------------------------------------------------

edit("step_decay", {"t // step_size)": "t / step_size)"}, says="count whole blocks")
edit("step_decay", {"t // step_size)": "(t + 1) // step_size)"}, says="one step early")
edit("step_decay", {"t // step_size)": "max(t - 1, 0) // step_size)"}, says="one step late")
edit("step_decay", {"t // step_size)": "t % step_size)"}, says="% is what is left over")
edit("step_decay", {"t // step_size)": "math.ceil(t / step_size))"}, says="rounded up")
edit("step_decay", {"t // step_size)": "round(t / step_size))"}, says="rounded to the nearest")
edit("step_decay", {"(t // step_size)": "t"}, says="it is cut at each step")
edit("step_decay", {"return lr0 * gamma": "return lr0 / gamma"}, says="multiply by gamma")
edit("step_decay", {"return lr0 * gamma": "return gamma"}, says="lr0 is missing")
edit("step_decay", {"return lr0 * gamma": "return (lr0 * gamma)"}, says="the power applies to gamma alone")
edit("step_decay", {"gamma ** (t": "gamma * (t"}, says="raise it to that power")
edit("step_decay", {"t < 0 or ": ""}, says="should raise ValueError")
edit("step_decay", {" or step_size < 1": ""}, says="should raise ValueError")
edit("step_decay", {"return lr0": "return torch.tensor(lr0)"}, says="should be a Python float")
edit("step_decay", {"return lr0": "lr0"}, says="None")


@wrong("it is cut only once")
def step_decay(t, lr0, gamma, step_size):
    if t < 0 or step_size < 1:
        raise ValueError("out of range")
    return lr0 * gamma if t >= step_size else lr0


@wrong("cut at the milestones only")
def step_decay(t, lr0, gamma, step_size):
    if t < 0 or step_size < 1:
        raise ValueError("out of range")
    return lr0 * gamma ** (t // step_size) if t % step_size == 0 else lr0


@wrong("cut already in the first block")
def step_decay(t, lr0, gamma, step_size):
    if t < 0 or step_size < 1:
        raise ValueError("out of range")
    return lr0 * gamma ** (1 + t // step_size)


@odd
def step_decay(t, lr0, gamma, step_size):
    """divmod and pow."""
    if min(t, step_size - 1) < 0:
        raise ValueError("t and step_size are out of range")
    return lr0 * math.pow(gamma, divmod(t, step_size)[0])


@odd
def step_decay(t, lr0, gamma, step_size):
    """Round down by hand, in tensors."""
    if t < 0 or step_size <= 0:
        raise ValueError("t and step_size are out of range")
    blocks = (t - t % step_size) // step_size
    return float(torch.tensor(gamma, dtype=torch.float64) ** blocks * lr0)


edit("step_decay", {"gamma **": "(1 - gamma) **"}, says="1 - gamma takes the place")
edit("step_decay", {"(t // step_size)": "step_size"}, says="the exponent is step_size")
edit("step_decay", {"* gamma ** (t": "- gamma * (t"}, says="gamma is subtracted")
edit("step_decay", {"gamma ** (": "math.exp(-gamma) ** ("}, says="this is e^(-gamma n)")
edit("step_decay", {"(t // step_size)": "(t % step_size == 0)"}, says="step 0 is cut")
edit(
    "step_decay",
    {"(t // step_size)": "(t > 0 and t % step_size == 0)"},
    says="lasts for one step only: it should last",
)
edit("step_decay", {"lr0 * gamma ** (": "0.8 * gamma ** ("}, says="for gamma 0.1")


@wrong("block by block")
def step_decay(t, lr0, gamma, step_size):
    if t < 0 or step_size < 1:
        raise ValueError("out of range")
    for _ in range(t // step_size):
        lr0 *= gamma
    return lr0


edit("step_decay", {"step_size < 1": "step_size == 0"}, says="should raise ValueError")


@odd
def step_decay(t, lr0, gamma, step_size):
    """In float32."""
    if t < 0 or step_size < 1:
        raise ValueError("out of range")
    return (lr0 * torch.tensor(gamma) ** (t // step_size)).item()


# --- inverse_time_decay -----------------------------------------------------------------------------------

edit("inverse_time_decay", {"lr0 / (1 + k * t)": "lr0 / 1 + k * t"}, says="brackets")
edit("inverse_time_decay", {"k * t": "k * (t + 1)"}, says="t starts from 0")
edit("inverse_time_decay", {"1 + k * t": "1 + t"}, says="k is missing")
edit("inverse_time_decay", {"(1 + k * t)": "(1 + k) ** t"}, says="that is an exponential decay")
edit("inverse_time_decay", {"/ (1 + k *": "* (1 + k *"}, says="the rate grows")
edit("inverse_time_decay", {"return lr0 /": "return 1 /"}, says="lr0 is missing")
edit("inverse_time_decay", {"k * t": "t / k"}, says="k t, not t / k")
edit("inverse_time_decay", {"1 + k * t": "k * t"}, says="ZeroDivisionError")
edit("inverse_time_decay", {"lr0 / (1 + k * t)": "lr0 / math.sqrt(1 + k * t)"}, says="inverse square root")
edit("inverse_time_decay", {"lr0 / (1 + k * t)": "lr0 * (1 - k * t)"}, says="straight line")


@odd
def inverse_time_decay(t, lr0, k):
    """One over the rate is a straight line."""
    return 1 / (1 / lr0 + t * (k / lr0))


@odd
def inverse_time_decay(t, lr0, k):
    return lr0 * math.pow(1.0 + k * float(t), -1)


edit("inverse_time_decay", {"lr0 / (1 + k * t)": "lr0 / (1 + k) * t"}, says="and that times t")
edit("inverse_time_decay", {"k * t": "k + t"}, says="multiplied, not added")
edit("inverse_time_decay", {"lr0 / (1 + k * t)": "lr0 - k * t"}, says="the straight line lr0 - k t")
edit("inverse_time_decay", {"k * t": "0.1 * t"}, says="for k 2.5")


@wrong("one by one")
def inverse_time_decay(t, lr0, k):
    slowness = 1 / lr0
    for _ in range(t):
        slowness += k / lr0
    return 1 / slowness


@wrong("divide lr0, once")
def inverse_time_decay(t, lr0, k):
    for i in range(min(t, 10_000)):
        lr0 = lr0 / (1 + k * (i + 1))
    return lr0


# --- exponential_decay ------------------------------------------------------------------------------------

edit("exponential_decay", {"gamma**t": "gamma ** (t + 1)"}, says="step 0 uses lr0 itself")
edit("exponential_decay", {"lr0 * gamma**t": "gamma**t"}, says="lr0 is missing")
edit("exponential_decay", {"lr0 * gamma**t": "(lr0 * gamma) ** t"}, says="to gamma alone")
edit("exponential_decay", {"gamma**t": "gamma * t"}, says="raise it to the power t")
edit("exponential_decay", {"gamma**t": "(1 - gamma) ** t"}, says="1 - gamma takes the place")
edit("exponential_decay", {"* gamma**": "/ gamma**"}, says="the rate grows")
edit("exponential_decay", {"gamma**t": "math.exp(-gamma * t)"}, says="e^(-gamma t)")
edit("exponential_decay", {"gamma**t": "(gamma ^ t)"}, says="TypeError")


@wrong("one by one")
def exponential_decay(t, lr0, gamma):
    for _ in range(t):
        lr0 = lr0 * gamma
    return lr0


@odd
def exponential_decay(t, lr0, gamma):
    return lr0 * math.exp(t * math.log(gamma))


@odd
def exponential_decay(t, lr0, gamma):
    """Squaring."""
    while t:
        if t % 2:
            lr0 *= gamma
        gamma, t = gamma * gamma, t // 2
    return lr0


edit("exponential_decay", {"gamma**t": "gamma ** (t - 1)"}, says="t, not t - 1")
edit("exponential_decay", {"gamma**t": "math.exp(gamma * t)"}, says="e^(gamma t)")
edit("exponential_decay", {"gamma**t": "(1 - gamma * t)"}, says="1 - gamma t")


@odd
def exponential_decay(t, lr0, gamma):
    """In float32."""
    return (lr0 * torch.tensor(gamma) ** t).item()


edit("exponential_decay", {"lr0 * gamma**t": "gamma * lr0**t"}, says="gamma gets the power")


# --- natural_exp_decay ------------------------------------------------------------------------------------

edit("natural_exp_decay", {"(-k * t)": "(k * t)"}, says="the exponent is negative")
edit("natural_exp_decay", {"lr0 * math": "math"}, says="lr0 is missing")
edit("natural_exp_decay", {"-k * t": "-t"}, says="k is missing")
edit("natural_exp_decay", {"-k * t": "-t / k"}, says="k t, not t / k")
edit("natural_exp_decay", {"math.exp(-k * t)": "math.exp(-k) * t"}, says="t is missing from the exponent")
edit("natural_exp_decay", {"math.exp(-k * t)": "(1 - k) ** t"}, says="not equal to it")
edit("natural_exp_decay", {"math.exp(-k * t)": "2 ** (-k * t)"}, says="not 2")
edit("natural_exp_decay", {"math.exp(-k * t)": "10 ** (-k * t)"}, says="not 10")


@odd
def natural_exp_decay(t, lr0, k):
    return lr0 * math.e ** (-k * t)


@odd
def natural_exp_decay(t, lr0, k):
    """A power of gamma."""
    return float(lr0 * torch.exp(torch.tensor(-k, dtype=torch.float64)) ** t)


edit("natural_exp_decay", {"math.exp(": "2.718 ** ("}, says="take math.exp")
edit("natural_exp_decay", {"math.exp(-k * t)": "(1 - math.exp(-k * t))"}, says="which rises")
edit("natural_exp_decay", {"lr0 * math.exp(-k": "math.exp(-lr0 * k"}, says="outside of the exponent")


@wrong("one by one")
def natural_exp_decay(t, lr0, k):
    for _ in range(t):
        lr0 *= math.exp(-k)
    return lr0


@wrong("OverflowError")
def natural_exp_decay(t, lr0, k):
    return lr0 / math.exp(k * t)


edit("natural_exp_decay", {"-k * t": "-k"}, says="t is missing: the exponent is -k t")


# --- cosine_decay -----------------------------------------------------------------------------------------

edit("cosine_decay", {"math.pi * min": "2 * math.pi * min"}, says="a whole period")
edit("cosine_decay", {" / 2": ""}, says="the half is missing")
edit("cosine_decay", {"lr_min + (lr0 - lr_min)": "lr0"}, says="lr_min is ignored")
edit("cosine_decay", {"(lr0 - lr_min)": "lr0"}, says="still has the full height")
edit("cosine_decay", {"lr_min + (lr0": "(lr0"}, says="missing in front")
edit(
    "cosine_decay",
    {"lr_min + (lr0 - lr_min)": "max(lr_min, lr0", ") / 2": ") / 2)"},
    says="cuts the curve off",
)
edit("cosine_decay", {"1 + math.cos": "1 - math.cos"}, says="it rises")
edit("cosine_decay", {"(1 + math": "(math"}, says="the 1 is missing")
edit("cosine_decay", {"math.cos": "math.sin"}, says="the sine")
edit("cosine_decay", {"math.pi * ": ""}, says="pi is missing")
edit("cosine_decay", {"math.pi": "180"}, says="not degrees")
edit("cosine_decay", {"min(t, total)": "t"}, says="it rises again")
edit("cosine_decay", {"total) / total": "total) / (total + 1)"}, says="one step late")
edit("cosine_decay", {"min(t, total)": "min(t + 1, total)"}, says="step 0 uses lr0 itself")
edit("cosine_decay", {"t < 0 or ": ""}, says="should raise ValueError")
edit("cosine_decay", {" or total < 1": ""}, says="should raise ValueError")
edit("cosine_decay", {"return lr_min": "return 0.0 if t > total else lr_min"}, says="lr_min, not 0")
edit("cosine_decay", {"return lr_min": "return lr0 if t > total else lr_min"}, says="lr_min, not lr0")


@odd
def cosine_decay(t, lr0, total, lr_min=0.0):
    """The squared cosine of half the angle."""
    if t < 0 or total <= 0:
        raise ValueError("t or total is out of range")
    if t > total:
        return lr_min
    return lr_min + (lr0 - lr_min) * math.cos(math.pi * t / (2 * total)) ** 2


@odd
def cosine_decay(t, lr0, total, lr_min=0.0):
    """torch's scheduler walks there."""
    if t < 0 or total < 1:
        raise ValueError("t or total is out of range")
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr0)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, total, lr_min)
    for _ in range(min(t, total)):
        optimizer.step()
        scheduler.step()
    return scheduler.get_last_lr()[0]


edit("cosine_decay", {"min(t, total)": "min(t, total - 1)"}, says="not the one of step total - 1")
edit("cosine_decay", {"min(t, total)": "(t % total)"}, says="start again at step total")
edit("cosine_decay", {"min(t, total)": "(t % (total + 1))"}, says="it starts again after step total")
edit("cosine_decay", {"(lr0 - lr_min)": "(lr0 + lr_min)"}, says="not lr0 + lr_min")
edit(
    "cosine_decay",
    {"(lr0 - lr_min) * (": "lr0 / 2 - lr_min * (", ") / 2": ")"},
    says="brackets around lr0 - lr_min",
)
edit(
    "cosine_decay",
    {"* (1 + math.cos": "/ 2 + (math.cos", "total)) / 2": "total))"},
    says="brackets around 1 + cos",
)
edit("cosine_decay", {"math.pi * min": "math.pi) * (min"}, says="belongs inside the cosine")
edit("cosine_decay", {"math.pi": "3.14"}, says="take math.pi")
edit("cosine_decay", {"total) / total": "total) // total"}, says="rounds down")
edit("cosine_decay", {"min(t, total)": "max(t, total)"}, says="not max")
edit("cosine_decay", {"total < 1": "total <= 1"}, says="ValueError")


edit("cosine_decay", {"total < 1": "total == 0"}, says="should raise ValueError")


@odd
def cosine_decay(t, lr0, total, lr_min=0.0):
    """In float32."""
    if t < 0 or total < 1:
        raise ValueError("t or total is out of range")
    angle = torch.tensor(math.pi) * min(t, total) / total
    return (lr_min + (lr0 - lr_min) * (1 + angle.cos()) / 2).item()


# --- linear_warmup ----------------------------------------------------------------------------------------

edit("linear_warmup", {"1.0, (t + 1)": "1.0, t"}, says="step 0 has rate 0")
edit("linear_warmup", {"1.0, (t + 1) / warmup": "1.0, t / max(1, warmup - 1)"}, says="step 0 has rate 0")
edit("linear_warmup", {"/ warmup)": "/ (warmup + 1))"}, says="one step late")
edit("linear_warmup", {"1.0, (t + 1)": "1.0, (t + 2)"}, says="one step early")
edit("linear_warmup", {"min(1.0, (t + 1) / warmup)": "(t + 1) / warmup"}, says="it goes on rising")
edit("linear_warmup", {"lr * min": "min"}, says="lr is missing")
edit("linear_warmup", {"min(": "max("}, says="no warm-up")
edit("linear_warmup", {"1.0, (t + 1)": "1.0, (t % warmup + 1)"}, says="it starts again from below")
edit(
    "linear_warmup",
    {"lr * min(1.0, (t + 1) / warmup)": "lr * (t + 1) / warmup if t < warmup else 0.0"},
    says="lr, not 0",
)
edit("linear_warmup", {"1.0, (t + 1) / warmup": "1.0, (t + 1) // warmup"}, says="rounds down")


@odd
def linear_warmup(t, lr, warmup):
    return lr * (t + 1) / warmup if t < warmup - 1 else lr


@odd
def linear_warmup(t, lr, warmup):
    return min(lr, lr / warmup + t * lr / warmup)


edit("linear_warmup", {"1.0, (t + 1) / warmup": "1.0, t + 1 / warmup"}, says="t + 1 / warmup is not")
edit(
    "linear_warmup",
    {"min(1.0, (t + 1) / warmup)": "((t + 1) % warmup) / warmup"},
    says="start again at step warmup - 1",
)
edit(
    "linear_warmup",
    {"lr * min(1.0, (t + 1) / warmup)": "lr / max(1, warmup - t)"},
    says="whose steps are not equal",
)


@wrong("step warmup comes after the warm-up")
def linear_warmup(t, lr, warmup):
    return lr * (t + 1) / warmup if t <= warmup else lr


@wrong("lr, not lr / warmup")
def linear_warmup(t, lr, warmup):
    return lr * (t + 1) / warmup if t < warmup else lr / warmup


@wrong("lr, not 1")
def linear_warmup(t, lr, warmup):
    return lr * (t + 1) / warmup if t < warmup else 1.0


@wrong("one by one")
def linear_warmup(t, lr, warmup):
    rate = 0.0
    for _ in range(t + 1):
        rate += lr / warmup
    return min(lr, rate)


# --- warmup_cosine ----------------------------------------------------------------------------------------

edit("warmup_cosine", {"return lr * (t + 1)": "return lr * t"}, says="step 0 has rate 0")
edit(
    "warmup_cosine", {"(t - warmup) / (total - warmup)": "t / total"}, says="the cosine starts in the middle"
)
edit(
    "warmup_cosine",
    {"(t - warmup) / (total - warmup)": "t / (total - warmup)"},
    says="the cosine starts in the middle",
)
edit("warmup_cosine", {"/ (total - warmup)": "/ total"}, says="the cosine is too long")
edit("warmup_cosine", {"(t - warmup) /": "(t - warmup + 1) /"}, says="one step early")
edit(
    "warmup_cosine",
    {"(t - warmup) / (total - warmup)": "(t - warmup + 1) / (total - warmup + 1)"},
    says="one step early",
)
edit("warmup_cosine", {"(total - warmup))": "(total - warmup - 1))"}, says="reaches lr_min one step early")
edit("warmup_cosine", {"if t < warmup": "if t <= warmup"}, says="one step late")
edit("warmup_cosine", {"lr_min + (lr - lr_min)": "lr"}, says="lr_min is ignored")
edit("warmup_cosine", {"(lr - lr_min)": "lr"}, says="full height")
edit("warmup_cosine", {"* share)) / 2": "* share))"}, says="the half is missing")
edit("warmup_cosine", {"math.pi": "2 * math.pi"}, says="a whole period")
edit(
    "warmup_cosine",
    {"min(1.0, (t - warmup) / (total - warmup))": "(t - warmup) / (total - warmup)"},
    says="it rises again",
)
edit("warmup_cosine", {"t < 0 or ": ""}, says="should raise ValueError")
edit(
    "warmup_cosine",
    {"0 or not 1 <= warmup < total": "0 or not warmup < total"},
    says="should raise ValueError",
)
edit(
    "warmup_cosine",
    {"0 or not 1 <= warmup < total": "0 or not 1 <= warmup <= total"},
    says="should raise ValueError",
)
edit("warmup_cosine", {"return lr * (t + 1) / warmup": "return lr"}, says="no warm-up")
edit(
    "warmup_cosine",
    {"return lr * (t + 1) / warmup": "return lr_min + (lr - lr_min) * (t + 1) / warmup"},
    says="starts at lr_min",
)
edit("warmup_cosine", {"share = ": "if t > total:\n        return 0.0\n    share = "}, says="lr_min, not 0")


@odd
def warmup_cosine(t, lr, warmup, total, lr_min=0.0):
    """With helpers, in another order."""
    if t < 0 or warmup < 1 or warmup >= total:
        raise ValueError("t, warmup or total is out of range")

    def cosine(s, length):
        return lr_min + (lr - lr_min) * 0.5 * (math.cos(s / length * math.pi) + 1)

    if t >= total:
        return lr_min
    return cosine(t - warmup, total - warmup) if t >= warmup else lr / warmup * (t + 1)


edit("warmup_cosine", {"0 or not 1 <= warmup < total": "0 or not 1 <= warmup < total - 1"}, says="ValueError")
edit(
    "warmup_cosine",
    {"share = min(1.0, (t - warmup)": "share = min(1.0, max(t - warmup - 1, 0)"},
    says="one step late: step warmup is its first",
)
edit(
    "warmup_cosine",
    {
        "share = min(1.0, (t - warmup) /": "share = min(1.0, max(t - warmup - 1, 0) /",
        "(total - warmup))\n": "(total - warmup - 1))\n",
    },
    says="and total its last",
)
edit(
    "warmup_cosine",
    {"share = min(1.0, (t - warmup) / (total - warmup))": "share = 0"},
    says="the cosine is missing",
)
edit(
    "warmup_cosine",
    {"lr_min + (lr - lr_min)": "max(lr_min, lr", "* share)) / 2": "* share)) / 2)"},
    says="lr_min cuts the curve off",
)
edit(
    "warmup_cosine",
    {"return lr * (t + 1) / warmup": "return lr_min + (lr - lr_min) * t / warmup"},
    says="step 0 has the rate lr_min",
)
edit("warmup_cosine", {"(1 + math.cos(math.pi * share)) / 2": "(1 - share)"}, says="a straight line down")
edit("warmup_cosine", {"return lr_min +": "return lr * lr_min + lr *"}, says="lr comes in twice")


@wrong("the smaller of the two")
def warmup_cosine(t, lr, warmup, total, lr_min=0.0):
    if t < 0 or not 1 <= warmup < total:
        raise ValueError("out of range")
    up = lr * min(1.0, (t + 1) / warmup)
    return min(up, lr_min + (lr - lr_min) * (1 + math.cos(math.pi * min(t, total) / total)) / 2)


edit("warmup_cosine", {"lr_min + (lr - lr_min)": "lr + (lr_min - lr)"}, says="the cosine rises")
edit(
    "warmup_cosine",
    {"return lr * (t + 1) / warmup": "return max(lr_min, lr * (t + 1) / warmup)"},
    says="no floor",
)


@odd
def warmup_cosine(t, lr, warmup, total, lr_min=0.0):
    """In float32."""
    if t < 0 or not 1 <= warmup < total:
        raise ValueError("out of range")
    if t < warmup:
        return (torch.tensor(lr) * (t + 1) / warmup).item()
    angle = torch.tensor(math.pi) * min(t - warmup, total - warmup) / (total - warmup)
    return (lr_min + (lr - lr_min) * (1 + angle.cos()) / 2).item()


# --- triangular -------------------------------------------------------------------------------------------

edit("triangular", {"min(s, 2 * half_period - s)": "s"}, says="goes on to twice the height")
edit("triangular", {"t % (2 * half_period)": "t % half_period"}, says="the way down is missing")
edit(
    "triangular",
    {"lr_min + (lr_max - lr_min) * share": "lr_max - (lr_max - lr_min) * share"},
    says="it starts at lr_max",
)
edit("triangular", {"lr_min + (lr_max": "(lr_max"}, says="missing in front")
edit("triangular", {"lr_min + (lr_max - lr_min)": "lr_max"}, says="lr_max is the height")
edit("triangular", {"(lr_max - lr_min)": "lr_max"}, says="the height is lr_max - lr_min")
edit("triangular", {"s = t % (2 * half_period)": "s = min(t, 2 * half_period)"}, says="only once")
edit("triangular", {"s = t % (2 * half_period)": "s = min(t, half_period)"}, says="it stays at lr_max")
edit(
    "triangular",
    {"share = min(s, 2 * half_period - s) / half_period": "share = t / half_period"},
    says="it never comes down",
)
edit("triangular", {"s = t % (2": "s = (t + 1) % (2"}, says="one step early")
edit(
    "triangular",
    {"return lr_min + (lr_max - lr_min) * share": "return max(lr_min, lr_max * share)"},
    says="cuts the curve off",
)


@odd
def triangular(t, lr_min, lr_max, half_period):
    """Smith's formula."""
    cycle = math.floor(1 + t / (2 * half_period))
    x = abs(t / half_period - 2 * cycle + 1)
    return lr_min + (lr_max - lr_min) * max(0.0, 1 - x)


@odd
def triangular(t, lr_min, lr_max, half_period):
    """Blocks, up and down in turn."""
    block, s = divmod(t, half_period)
    step = (lr_max - lr_min) / half_period
    return lr_max - s * step if block % 2 else lr_min + s * step


edit(
    "triangular",
    {"min(s, 2 * half_period - s)": "(s if s <= half_period else half_period - s)"},
    says="falls below lr_min",
)
edit("triangular", {"/ half_period": "/ (2 * half_period)"}, says="and is halfway")
edit("triangular", {"s = t % (2 * half_period)": "s = t"}, says="after the first period")
edit("triangular", {"t % (2 * half_period)": "t % (2 * half_period + 1)"}, says="one step too many")
edit("triangular", {"t % (2 * half_period)": "t % (2 * half_period - 1)"}, says="one step too short")
edit("triangular", {"t % (2 * half_period)": "t % 2 * half_period"}, says="% comes before *")
edit("triangular", {"/ half_period": "// half_period"}, says="rounds down")
edit("triangular", {"half_period - s)": "half_period - 1 - s)"}, says="lr_max is never reached")


@wrong("this is a sine")
def triangular(t, lr_min, lr_max, half_period):
    return lr_min + (lr_max - lr_min) * abs(math.sin(math.pi * t / 2 / half_period))


@wrong("ends at 0, not at lr_min")
def triangular(t, lr_min, lr_max, half_period):
    s = t % (2 * half_period)
    if s > half_period:
        return lr_max - lr_max * (s - half_period) / half_period
    return lr_min + (lr_max - lr_min) * s / half_period


@wrong("use %")
def triangular(t, lr_min, lr_max, half_period):
    while t > 2 * half_period:
        t -= 2 * half_period
    return lr_min + (lr_max - lr_min) * min(t, 2 * half_period - t) / half_period


# --- cosine_restarts --------------------------------------------------------------------------------------

edit(
    "cosine_restarts",
    {"period * mult": "period + first_period * (mult - 1)"},
    says="the same amount each time",
)
edit("cosine_restarts", {"period * mult": "period"}, says="mult is ignored")
edit("cosine_restarts", {"period * mult": "first_period * mult"}, says="only the second period is longer")
edit(
    "cosine_restarts",
    {"period = t, first_period": "period = t, first_period * mult"},
    says="the first factor is mult^0",
)
edit("cosine_restarts", {"s / period)": "s / first_period)"}, says="divide s by the current length")
edit("cosine_restarts", {"s >= period": "s > period", "t % period": "t"}, says="one step late")
edit("cosine_restarts", {"    if mult == 1:\n        s = t % period\n": ""}, says="one by one")
edit("cosine_restarts", {"math.pi": "2 * math.pi"}, says="a whole period")
edit("cosine_restarts", {"lr_min + (lr_max - lr_min)": "lr_max + (lr_min - lr_max)"}, says="are swapped")
edit("cosine_restarts", {"lr_min + (lr_max - lr_min)": "lr_max"}, says="lr_min is ignored")
edit("cosine_restarts", {"(lr_max - lr_min)": "lr_max"}, says="the height is lr_max - lr_min")
edit("cosine_restarts", {"/ period)) / 2": "/ period))"}, says="the half is missing")
edit("cosine_restarts", {"s / period)": "s / (period - 1))"}, says="ends at its last step")
edit("cosine_restarts", {"t < 0 or ": ""}, says="should raise ValueError")
edit("cosine_restarts", {"first_period < 1 or ": ""}, says="ZeroDivisionError")
edit("cosine_restarts", {" or mult < 1": ""}, says="should raise ValueError")


@wrong("it does not restart")
def cosine_restarts(t, lr_max, lr_min, first_period, mult=1):
    if t < 0 or first_period < 1 or mult < 1:
        raise ValueError("out of range")
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * t / first_period)) / 2


@wrong("in period")
def cosine_restarts(t, lr_max, lr_min, first_period, mult=1):
    """The number of the period by a logarithm, which is rounded down at the seams."""
    if t < 0 or first_period < 1 or mult < 1:
        raise ValueError("out of range")
    if mult == 1:
        s, period = t % first_period, first_period
    else:
        k = int(math.log(t * (mult - 1) / first_period + 1) / math.log(mult))
        s, period = t - first_period * (mult**k - 1) // (mult - 1), first_period * mult**k
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * s / period)) / 2


@odd
def cosine_restarts(t, lr_max, lr_min, first_period, mult=1):
    """Starts of the periods, from the last to the first."""
    if t < 0 or first_period < 1 or mult < 1:
        raise ValueError("out of range")
    start, period = 0, first_period
    if mult == 1:
        start = t // period * period
    while start + period <= t:
        start += period
        period *= mult
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + math.cos((t - start) / period * math.pi))


@wrong("mult is added")
def cosine_restarts(t, lr_max, lr_min, first_period, mult=1):
    if t < 0 or first_period < 1 or mult < 1:
        raise ValueError("out of range")
    s, P = t % first_period if mult == 1 else t, first_period
    while s >= P:
        s -= P
        P += mult
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * s / P)) / 2


@wrong("t >= P, not t > P")
def cosine_restarts(t, lr_max, lr_min, first_period, mult=1):
    if t < 0 or first_period < 1 or mult < 1:
        raise ValueError("out of range")
    s, P = t % first_period if mult == 1 else t, first_period
    while s > P:
        s -= P
        P *= mult
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * s / P)) / 2


@wrong("the next length is taken away")
def cosine_restarts(t, lr_max, lr_min, first_period, mult=1):
    if t < 0 or first_period < 1 or mult < 1:
        raise ValueError("out of range")
    s, P = t % first_period if mult == 1 else t, first_period
    while s >= P:
        P *= mult
        s -= P
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * s / P)) / 2


@wrong("the earlier periods are still in s")
def cosine_restarts(t, lr_max, lr_min, first_period, mult=1):
    if t < 0 or first_period < 1 or mult < 1:
        raise ValueError("out of range")
    s, P = t % first_period if mult == 1 else t, first_period
    while s >= P:
        P *= mult
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * s / P)) / 2


@wrong("only one period is taken away")
def cosine_restarts(t, lr_max, lr_min, first_period, mult=1):
    if t < 0 or first_period < 1 or mult < 1:
        raise ValueError("out of range")
    s, P = t % first_period if mult == 1 else t, first_period
    if s >= P:
        s -= P
        P *= mult
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * s / P)) / 2


@wrong("the lengths grow too fast")
def cosine_restarts(t, lr_max, lr_min, first_period, mult=1):
    if t < 0 or first_period < 1 or mult < 1:
        raise ValueError("out of range")
    s, P = t % first_period if mult == 1 else t, first_period
    k = 0
    while s >= P:
        k += 1
        s -= P
        P *= mult**k
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * s / P)) / 2


@wrong("is not the number of the period")
def cosine_restarts(t, lr_max, lr_min, first_period, mult=1):
    if t < 0 or first_period < 1 or mult < 1:
        raise ValueError("out of range")
    s, P = t % first_period if mult == 1 else t, first_period
    if mult > 1:
        P = first_period * mult ** (t // first_period)
        s = t % P
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * s / P)) / 2


edit("cosine_restarts", {"mult=1": "mult=2"}, says="mult is 1 by default")
edit("cosine_restarts", {"first_period < 1": "first_period == 0"}, says="it does not end")
edit("cosine_restarts", {"mult < 1": "mult == 0"}, says="should raise ValueError")


@odd
def cosine_restarts(t, lr_max, lr_min, first_period, mult=1):
    """In float32."""
    if t < 0 or first_period < 1 or mult < 1:
        raise ValueError("out of range")
    if mult == 1:
        t %= first_period
    while t >= first_period:
        t, first_period = t - first_period, first_period * mult
    angle = torch.tensor(math.pi) * t / first_period
    return (lr_min + (lr_max - lr_min) * (1 + angle.cos()) / 2).item()


# --- record_schedule --------------------------------------------------------------------------------------

edit(
    "record_schedule",
    {
        "        scheduler.step()\n": "",
        "        optimizer.step()\n": "        scheduler.step()\n        optimizer.step()\n",
    },
    says="before the optimizer",
)
edit("record_schedule", {"        optimizer.step()\n": ""}, says="the optimizer does not step")
edit("record_schedule", {"        scheduler.step()\n": ""}, says="each rate is the first")
edit("record_schedule", {"[0][": "[-1]["}, says="of the first group")
edit("record_schedule", {"range(num_steps)": "range(num_steps + 1)"}, says="one step too many")
edit("record_schedule", {"range(num_steps)": "range(num_steps - 1)"}, says="one step is missing")
edit("record_schedule", {"return rates": "return torch.tensor(rates)"}, says="should be a list")
edit("record_schedule", {'[0]["lr"]': "[0]"}, says="should be a Python float")


@wrong("the first rate is missing")
def record_schedule(optimizer, scheduler, num_steps):
    rates = []
    for _ in range(num_steps):
        optimizer.step()
        scheduler.step()
        rates.append(scheduler.get_last_lr()[0])
    return rates


@wrong("the scheduler steps first")
def record_schedule(optimizer, scheduler, num_steps):
    rates = []
    for _ in range(num_steps):
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
    return rates


@odd
def record_schedule(optimizer, scheduler, num_steps):
    """Between the two calls, from the scheduler."""
    rates = []
    while len(rates) < num_steps:
        optimizer.step()
        rates += scheduler.get_last_lr()[:1]
        scheduler.step()
    return rates


@odd
def record_schedule(optimizer, scheduler, num_steps):
    """As in a training loop."""
    rates = [0.0] * num_steps
    for t in range(num_steps):
        optimizer.zero_grad()
        rates[t] = optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduler.step()
    return rates


@wrong("optimizer.step() should be called once")
def record_schedule(optimizer, scheduler, num_steps):
    rates = []
    for _ in range(num_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    optimizer.step()
    return rates


edit(
    "record_schedule",
    {'optimizer.param_groups[0]["lr"]': 'optimizer.defaults["lr"]'},
    says="each rate is the first",
)
edit("record_schedule", {"    return rates": "        return rates"}, says="behind the loop")
edit(
    "record_schedule",
    {'optimizer.param_groups[0]["lr"]': 'round(optimizer.param_groups[0]["lr"], 4)'},
    says="a rate of 1e-5",
)


@wrong("the rate after the last step")
def record_schedule(optimizer, scheduler, num_steps):
    groups = []
    for _ in range(num_steps):
        groups.append(optimizer.param_groups[0])
        optimizer.step()
        scheduler.step()
    return [group["lr"] for group in groups]


@wrong("without a number")
def record_schedule(optimizer, scheduler, num_steps):
    rates = []
    for t in range(num_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(t)
    return rates


@wrong("the rates of all groups")
def record_schedule(optimizer, scheduler, num_steps):
    rates = []
    for _ in range(num_steps):
        rates += [group["lr"] for group in optimizer.param_groups]
        optimizer.step()
        scheduler.step()
    return rates


# --- scheduler_rates --------------------------------------------------------------------------------------

RIGHT = {
    "line 40": 0.055,
    "line 200": 0.01,
    "cosine 10": 0.075,
    "cosine 20": 0.05,
    "cosine 40": 0.1,
    "both 0": 0.001,
    "both 500": 0.05,
    "both 1700": 0.1,
}
for name, value, says in (
    ("line 40", 0.05, "end_factor times the first rate"),
    ("line 40", 0.55, "multiply by the first rate"),
    ("line 200", 0.0, "it does not fall to 0"),
    ("cosine 10", 0.05, "ends at eta_min"),
    ("cosine 20", 0.1, "T_max is half a period"),
    ("cosine 40", 0.05, "climbs again"),
    ("both 0", 0.0, "start_factor times the rate"),
    ("both 500", 0.0309, "counts from its own start"),
    ("both 1700", 0.0, "climbs again"),
    ("line 40", 0.045, "not its height"),
    ("line 200", -0.125, "does not go on falling"),
    ("cosine 40", 0.075, "not halfway"),
    ("both 0", 0.1, "starts at start_factor"),
    ("both 0", 0.0333, "not the default"),
    ("both 1700", 0.05, "a whole period"),
    ("both 1700", 0.001, "to its first part"),
):
    wrong_value("scheduler_rates", "scheduler_rates", RIGHT | {name: value}, says)
odd_value(
    "scheduler_rates",
    "scheduler_rates",
    RIGHT | {"both 0": 0.1 / 100, "line 40": 0.0545, "cosine 40": 0.1 + 0},
)

# --- make_warmup_cosine -----------------------------------------------------------------------------------

edit("make_warmup_cosine", {"total_iters=warmup - 1": "total_iters=warmup"}, says="arrives one step late")
edit("make_warmup_cosine", {"start_factor=1 / warmup, ": ""}, says="the default 1/3")
edit("make_warmup_cosine", {"T_max=total - warmup": "T_max=total"}, says="the steps of the cosine alone")
edit("make_warmup_cosine", {"T_max=total - warmup": "T_max=total - warmup - 1"}, says="one step early")
edit("make_warmup_cosine", {"T_max=total - warmup": "T_max=total - warmup + 1"}, says="one step late")
edit("make_warmup_cosine", {"T_max=total - warmup": "T_max=(total - warmup) // 2"}, says="half a period")
edit("make_warmup_cosine", {"milestones=[warmup]": "milestones=[warmup - 1]"}, says="begins one step early")
edit("make_warmup_cosine", {"milestones=[warmup]": "milestones=[warmup + 1]"}, says="begins one step late")
edit(
    "make_warmup_cosine",
    {
        "SequentialLR(optimizer, [up, down], milestones=[warmup])": "ChainedScheduler([up, down])",
    },
    says="their factors multiply",
)
edit("make_warmup_cosine", {"return lr": "lr"}, says="is there a return?")
edit("make_warmup_cosine", {"not 1 <= warmup < total": "not warmup < total"}, says="ZeroDivisionError")
edit("make_warmup_cosine", {"not 1 <= warmup < total": "not 1 <= warmup"}, says="should raise ValueError")


@wrong("should be a SequentialLR")
def make_warmup_cosine(optimizer, warmup, total):
    if warmup < 1 or total <= warmup:
        raise ValueError("warmup or total is out of range")

    def factor(t):
        if t < warmup:
            return (t + 1) / warmup
        return (1 + math.cos(math.pi * (t - warmup) / (total - warmup))) / 2

    return lr_scheduler.LambdaLR(optimizer, factor)


odd_edit("make_warmup_cosine", {"T_max=total - warmup": "total - warmup, eta_min=0.0"})

edit("make_warmup_cosine", {"milestones=[warmup]": "milestones=[total]"}, says="the cosine never begins")
edit(
    "make_warmup_cosine",
    {"LinearLR(optimizer, start_factor=": "ConstantLR(optimizer, factor="},
    says="not ConstantLR",
)
edit(
    "make_warmup_cosine",
    {"CosineAnnealingLR(optimizer, T_max=": "CosineAnnealingWarmRestarts(optimizer, T_0="},
    says="jumps back there",
)
edit("make_warmup_cosine", {"1 / warmup": "1 / (warmup + 1)"}, says="not 1 / (warmup + 1)")
edit("make_warmup_cosine", {"T_max=total - warmup": "T_max=2 * (total - warmup)"}, says="twice that")
edit(
    "make_warmup_cosine",
    {"return lr_scheduler.SequentialLR(optimizer, [up, down], milestones=[warmup])": "return [up, down]"},
    says="join the two",
)


edit("make_warmup_cosine", {"1 / warmup": "optimizer.param_groups[0]['lr'] / warmup"}, says="not lr / warmup")
edit(
    "make_warmup_cosine",
    {"total_iters=warmup - 1": "total_iters=warmup", "[warmup]": "[warmup + 1]"},
    says="and the cosine begins one step late",
)
edit(
    "make_warmup_cosine",
    {"total_iters=": "end_factor=optimizer.param_groups[0]['lr'], total_iters="},
    says="end_factor multiplies",
)
edit("make_warmup_cosine", {"[up, down]": "[down, up]"}, says="the cosine comes first")
edit("make_warmup_cosine", {"total_iters=warmup - 1": "total_iters=total"}, says="LinearLR is too long")


@wrong("has taken a step already")
def make_warmup_cosine(optimizer, warmup, total):
    if not 1 <= warmup < total:
        raise ValueError("bad lengths")
    up = lr_scheduler.LinearLR(optimizer, 1 / warmup, total_iters=warmup - 1)
    down = lr_scheduler.CosineAnnealingLR(optimizer, total - warmup)
    scheduler = lr_scheduler.SequentialLR(optimizer, [up, down], [warmup])
    scheduler.step()
    return scheduler


# --- claims -----------------------------------------------------------------------------------------------

BUGS = {"train_1": "b", "train_2": "c", "train_3": "d", "train_4": "a", "train_5": "f"}
wrong_value("claims_bugs", "claims_bugs", BUGS | {"train_1": "g"}, "1 of 3 is not right yet")
wrong_value("claims_bugs", "claims_bugs", BUGS | {"train_4": "b"}, "1 of 2 is not right yet")
wrong_value("claims_bugs", "claims_bugs", BUGS | {"train_2": "d", "train_3": "c"}, "2 of 3 are not right yet")
wrong_value("claims_bugs", "claims_bugs", BUGS | {"train_5": "e"}, "1 of 2 is not right yet")
odd_value("claims_bugs", "claims_bugs", {name: f"({letter.upper()})" for name, letter in BUGS.items()})

CARDS = {"warm-up": "false", "T_max": "b", "to zero": "a", "inverse root": "a", "chain": "false"}
for name, value, says in (
    ("warm-up", "true", "1 of 3 is not right yet"),
    ("T_max", "true", "1 of 3 is not right yet"),
    ("chain", "a", "1 of 3 is not right yet"),
    ("to zero", "true", "1 of 2 is not right yet"),
    ("inverse root", "c", "1 of 2 is not right yet"),
):
    wrong_value("claims_schedules", "claims_schedules", CARDS | {name: value}, says)
odd_value(
    "claims_schedules", "claims_schedules", CARDS | {"warm-up": False, "chain": "False", "T_max": "(b)"}
)
