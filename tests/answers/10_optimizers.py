"""Known answers to the exercises of chapter 10."""

import math

import torch

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- gradient_descent -------------------------------------------------------------------------------------

edit("gradient_descent", {"- lr *": "+ lr *"}, says="it climbs: subtract the gradient")
edit("gradient_descent", {"points = [x0]": "points = []\n    x = x0"}, says="IndexError")
edit(
    "gradient_descent",
    {"return torch.stack(points)": "return torch.stack(points[1:])"},
    says="the start is missing",
)
edit("gradient_descent", {"range(num_steps)": "range(num_steps - 1)"}, says="the last point is missing")
edit("gradient_descent", {"range(num_steps)": "range(num_steps + 1)"}, says="one step too many")
edit("gradient_descent", {"grad(points[-1])": "grad(x0)"}, says="take it at the current point")
edit("gradient_descent", {"points[-1] - lr": "lr"}, says="each row is the step alone")
edit("gradient_descent", {"- lr * grad": "- grad"}, says="the learning rate is missing")
edit("gradient_descent", {"torch.stack(points)": "points[-1]"}, says="every point is asked for")
edit("gradient_descent", {"torch.stack(points)": "points"}, says="should be a tensor")
edit(
    "gradient_descent",
    {"torch.stack(points)": "torch.stack(points, dim=1)"},
    says="rows and columns are swapped",
)
edit(
    "gradient_descent",
    {"torch.stack(points)": "torch.stack(points).float()"},
    says="the dtype should be float64",
)


@wrong("where the gradient is 0 the walk stays")
def gradient_descent(grad, x0, lr, num_steps):
    points = [x0]
    for _ in range(num_steps):
        slope = grad(points[-1])
        if slope.norm() < 1e-3:
            break
        points.append(points[-1] - lr * slope)
    return torch.stack(points)


@wrong("do not differentiate it once more")
def gradient_descent(grad, x0, lr, num_steps):
    x = x0.clone().requires_grad_()
    points = [x0]
    for _ in range(num_steps):
        (slope,) = torch.autograd.grad(grad(x).sum(), x)
        x = (x - lr * slope).detach().requires_grad_()
        points.append(x.detach())
    return torch.stack(points)


@wrong("the function changed its input")
def gradient_descent(grad, x0, lr, num_steps):
    points = [x0]
    for _ in range(num_steps):
        x0 -= lr * grad(x0)
        points.append(x0)
    return torch.stack(points)


@wrong("every row is the same tensor")
def gradient_descent(grad, x0, lr, num_steps):
    x = x0.clone()
    points = [x]
    for _ in range(num_steps):
        x -= lr * grad(x)
        points.append(x)
    return torch.stack(points)


@wrong("the start is missing from the trajectory")
def gradient_descent(grad, x0, lr, num_steps):
    points, x = [], x0
    for _ in range(num_steps + 1):
        x = x - lr * grad(x)
        points.append(x)
    return torch.stack(points)


@odd
def gradient_descent(grad, x0, lr, num_steps):
    """A tensor filled row by row."""
    path = x0.new_empty(num_steps + 1, len(x0))
    path[0] = x0
    for t in range(num_steps):
        path[t + 1] = path[t] - lr * grad(path[t])
    return path


@odd
def gradient_descent(grad, x0, lr, num_steps):
    """torch's optimizer walks."""
    x = x0.clone().requires_grad_()
    optimizer = torch.optim.SGD([x], lr=lr)
    points = [x0]
    for _ in range(num_steps):
        x.grad = grad(x.detach()).clone()
        optimizer.step()
        points.append(x.detach().clone())
    return torch.stack(points)


@odd
def gradient_descent(grad, x0, lr, num_steps):
    """By recursion."""
    if num_steps == 0:
        return x0[None].clone()
    rest = gradient_descent(grad, x0 - lr * grad(x0), lr, num_steps - 1)
    return torch.cat([x0[None], rest])


edit(
    "gradient_descent",
    {"grad(points[-1])": "F.normalize(grad(points[-1]), dim=0)"},
    says="divided by its length",
)

# --- minibatch_mean_variance ------------------------------------------------------------------------------

edit("minibatch_mean_variance", {"correction=0": "correction=1"}, says="so divide by N")
edit("minibatch_mean_variance", {"values.var(correction=0)": "values.std(correction=0)"}, says="expected")
edit("minibatch_mean_variance", {"/ batch_size": "/ batch_size**2"}, says="not by its square")
edit("minibatch_mean_variance", {"/ batch_size": "/ batch_size**0.5"}, says="not by its square root")
edit("minibatch_mean_variance", {"/ batch_size": "* batch_size"}, says="the sum of a batch")
edit("minibatch_mean_variance", {"/ batch_size": "/ max(batch_size - 1, 1)"}, says="not by batch_size - 1")
edit("minibatch_mean_variance", {".item() / batch_size": ".item()"}, says="a single value")
edit("minibatch_mean_variance", {"/ batch_size": "/ n"}, says="divide by the batch size, not by N")
edit(
    "minibatch_mean_variance",
    {"if replacement:": "if not replacement:"},
    says="with replacement there is no factor",
)
edit(
    "minibatch_mean_variance", {"if replacement:": "if True:"}, says="the factor (N - K) / (N - 1) is missing"
)
edit("minibatch_mean_variance", {"(n - 1) if n > 1": "n if n > 1"}, says="not (N - K) / N")
edit(
    "minibatch_mean_variance",
    {"(n - batch_size) / (n - 1)": "(n - 1) / (n - batch_size)"},
    says="upside down",
)
edit("minibatch_mean_variance", {"(n - batch_size)": "(n - batch_size + 1)"}, says="expected")
edit("minibatch_mean_variance", {" if n > 1 else 0.0": ""}, says="ZeroDivisionError")
edit("minibatch_mean_variance", {".item()": ""}, says="should be a Python float")


@wrong("this is the standard deviation")
def minibatch_mean_variance(values, batch_size, replacement):
    n = len(values)
    std = values.std(correction=0).item() / batch_size**0.5
    return std if replacement else std * ((n - batch_size) / max(n - 1, 1)) ** 0.5


@wrong("expected")
def minibatch_mean_variance(values, batch_size, replacement):
    """By simulation."""
    means = []
    for _ in range(2000):
        rows = (
            torch.randint(len(values), (batch_size,))
            if replacement
            else torch.randperm(len(values))[:batch_size]
        )
        means.append(values[rows].mean())
    return torch.stack(means).var(correction=0).item()


@odd
def minibatch_mean_variance(values, batch_size, replacement):
    """From the covariance of two draws."""
    n = values.numel()
    if n == 1:
        return 0.0
    s2 = float(((values - values.mean()) ** 2).mean())
    c = 0.0 if replacement else -s2 / (n - 1)
    return (batch_size * s2 + batch_size * (batch_size - 1) * c) / batch_size**2


@odd
def minibatch_mean_variance(values, batch_size, replacement):
    """Plain Python."""
    numbers = values.tolist()
    n = len(numbers)
    mean = sum(numbers) / n
    s2 = sum((v - mean) ** 2 for v in numbers) / n
    factor = 1.0 if replacement or n == 1 else (n - batch_size) / (n - 1)
    return s2 / batch_size * factor


# --- sgd_momentum_step ------------------------------------------------------------------------------------

SGD = "sgd_momentum_step"
edit(SGD, {"param -=": "param +="}, says="it climbs")
edit(SGD, {"param -=": "param = param -"}, says="`param` is unchanged")
edit(SGD, {'state["velocity"] = momentum': 'state["velocity"] = 0 * momentum'}, says="plain SGD")
edit(SGD, {", 0) + grad": ", 0) + (1 - momentum) * grad"}, says="has weight 1, not 1 - momentum")
edit(
    SGD, {", 0) + grad": ", 0) + (1 if not state else 1 - momentum) * grad"}, says="also after the first step"
)
edit(SGD, {"momentum * state.get": "0.9 * state.get"}, says="the default momentum 0.9 is used")
edit(SGD, {"momentum * state.get": "state.get"}, says="do not fade")
edit(SGD, {"if nesterov else": "if True else"}, says="this is Nesterov's step")
edit(SGD, {"if nesterov else": "if False else"}, says="`nesterov` makes no difference")
edit(SGD, {"grad + momentum * state": "grad + state"}, says="without the factor momentum")
edit(SGD, {"grad + momentum * state": "momentum * state"}, says="momentum * velocity alone")
edit(SGD, {"grad + momentum * state": "(1 + momentum) * state"}, says="this is (1 + momentum) * velocity")
edit(SGD, {"grad + weight_decay * param": "grad"}, says="`weight_decay` makes no difference")
edit(SGD, {"grad + weight_decay * param": "grad - weight_decay * param"}, says="wrong sign")
edit(SGD, {"grad + weight_decay * param": "grad + 2 * weight_decay * param"}, says="twice as large")
edit(
    SGD,
    {"grad + weight_decay * param": "grad + lr * weight_decay * param"},
    says="the rate is in the decay twice",
)
edit(SGD, {"with torch.no_grad():": "if True:"}, says="a leaf Variable that requires grad")
edit(SGD, {"with torch.no_grad():": "if True:", "param -=": "param.data -="}, says="keeps a graph alive")
edit(SGD, {"momentum=0.9": "momentum=0.0"}, says="the default momentum is 0.9")
edit(
    SGD,
    {"grad = grad + weight_decay * param": "grad += weight_decay * param"},
    says="the step changed `grad`",
)


@wrong("the rate is inside the velocity")
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    state["v"] = momentum * state.get("v", 0) + lr * (grad + weight_decay * param)
    param -= state["v"]


@wrong("`state` holds the gradient tensor itself")
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    g = grad if weight_decay == 0 else grad + weight_decay * param
    state["v"] = momentum * state["v"] + g if state else g
    param -= lr * (g + momentum * state["v"] if nesterov else state["v"])


@wrong("the step changed `grad`")
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    v = state.setdefault("v", grad)
    if v is not grad:
        v.mul_(momentum).add_(grad)
    else:
        state["v"].mul_(1 + momentum)
    param -= lr * v


_VELOCITY = {}


@wrong("two parameters disturb each other")
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0, kept=_VELOCITY):
    """Forgets about state: one velocity for all, kept between calls for as long as state is not empty."""
    g = grad + weight_decay * param
    kept["v"] = momentum * kept["v"] + g if state else g
    state["begun"] = True
    param -= lr * (g + momentum * kept["v"] if nesterov else kept["v"])


@wrong("keep nothing outside `state`")
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    """The velocity is an attribute of the parameter."""
    x = param.data
    g = grad + weight_decay * x
    v = param.velocity = momentum * getattr(param, "velocity", 0) + g
    x -= lr * (g + momentum * v if nesterov else v)


@wrong("for an nn.Parameter")
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    """Takes the parameter's own gradient where there is one."""
    g = (grad if param.grad is None else param.grad) + weight_decay * param
    v = state["v"] = momentum * state.get("v", 0) + g
    param -= lr * (g + momentum * v if nesterov else v)


@wrong("this is plain SGD")
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    state = {"v": grad + weight_decay * param + momentum * state.get("v", 0)}
    param -= lr * state["v"]


@wrong("the step uses the old velocity")
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    v = state.get("v", torch.zeros_like(param))
    param -= lr * v
    state["v"] = momentum * v + grad


@wrong("here the velocity is not kept")
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    g = grad + weight_decay * param
    v = momentum * state.get("v", 0) + g
    if nesterov:
        param -= lr * (g + momentum * v)
    else:
        state["v"] = v
        param -= lr * v


@wrong("the look-ahead belongs in the step only")
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    g = grad + weight_decay * param
    v = momentum * state.get("v", 0) + g
    if nesterov:
        v = g + momentum * v
    state["v"] = v
    param -= lr * v


@wrong("inside the velocity")
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    """Decoupled decay."""
    param *= 1 - lr * weight_decay
    state["v"] = momentum * state.get("v", 0) + grad
    param -= lr * (grad + momentum * state["v"] if nesterov else state["v"])


@wrong("for a parameter that is")
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    """Flattens, which copies a parameter that is not contiguous."""
    flat, g = param.reshape(-1), grad.reshape(-1)
    g = g + weight_decay * flat
    state["v"] = momentum * state.get("v", 0) + g
    flat -= lr * (g + momentum * state["v"] if nesterov else state["v"])


@odd
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    """Works on param.data, with foreign words in state."""
    x = param.data
    g = grad.add(x, alpha=weight_decay)
    if "buffer" not in state:
        state["buffer"] = g.clone()
    else:
        state["buffer"].mul_(momentum).add_(g)
    x.add_(g.add(state["buffer"], alpha=momentum) if nesterov else state["buffer"], alpha=-lr)


@odd
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    """copy_ at the end, and a list of old gradients."""
    with torch.no_grad():
        old = state.setdefault("gradients", [])
        old.append(grad + weight_decay * param)
        v = sum(momentum**k * g for k, g in enumerate(reversed(old)))
        param.copy_(param - lr * (old[-1] + momentum * v if nesterov else v))


@odd
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    """torch's own optimizer."""
    if not state:
        twin = param.detach().requires_grad_()
        state["optimizer"] = torch.optim.SGD(
            [twin], lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
        )
    group = state["optimizer"].param_groups[0]
    group["lr"], group["params"][0].grad = lr, grad
    state["optimizer"].step()


@odd
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    """Keeps a twin of the parameter that requires a gradient, and so a leaf, not a graph."""
    state.setdefault("twin", param.detach().requires_grad_())
    g = grad + weight_decay * param
    v = state["v"] = momentum * state.get("v", 0) + g
    param -= lr * (g + momentum * v if nesterov else v)


edit(
    SGD,
    {'state["velocity"] = ': 'nesterov = nesterov and bool(state)\n        state["velocity"] = '},
    says="the first step looks ahead, too",
)
edit(
    SGD,
    {
        "grad = grad + weight_decay * param": "plain = grad\n        grad = grad + weight_decay * param",
        "(grad + momentum": "(plain + momentum",
    },
    says="that Nesterov's step adds has no decay",
)
edit(SGD, {"param -= lr * (": "param.data = param - lr * ("}, says="moves the parameter to new memory")
edit(
    SGD,
    {
        "grad = grad + weight_decay * param": "pass",
        'else state["velocity"])': 'else state["velocity"])\n        param *= 1 - lr * weight_decay',
    },
    says="acts on the parameter after the step",
)
_VELOCITIES = {}


@wrong("keep nothing outside `state`")
@torch.no_grad()
def sgd_momentum_step(param, grad, state, lr, momentum=0.9, nesterov=False, weight_decay=0.0):
    g = grad + weight_decay * param
    v = _VELOCITIES[param.shape] = momentum * _VELOCITIES.get(param.shape, 0) + g
    param -= lr * (g + momentum * v if nesterov else v)


# --- adagrad_step -----------------------------------------------------------------------------------------

ADA = "adagrad_step"
edit(ADA, {"param -=": "param +="}, says="it climbs")
edit(ADA, {"param -=": "param = param -"}, says="`param` is unchanged")
edit(ADA, {"lr * grad / (": "lr * grad * ("}, says="it multiplies by the root")
edit(ADA, {".sqrt()": ""}, says="the root is missing")
edit(ADA, {"grad**2": "grad.abs()"}, says="not squared in the sum")
edit(ADA, {"lr * grad /": "lr /"}, says="the gradient itself is missing")
edit(ADA, {"grad**2": "(grad**2).sum()"}, says="one sum for the whole tensor")
edit(ADA, {'state.get("sum", 0)': "0"}, says="only the newest gradient counts")
edit(
    ADA,
    {'state.get("sum", 0) + grad**2': '0.99 * state.get("sum", 0) + 0.01 * grad**2'},
    says="as in RMSprop",
)
edit(ADA, {'(state["sum"].sqrt() + eps)': '(state["sum"] + eps).sqrt()'}, says="eps is under the root")
edit(ADA, {".sqrt() + eps": ".sqrt() + 1e-10"}, says="the argument eps is not used")
edit(ADA, {"eps=1e-10": "eps=1e-8"}, says="the default eps is 1e-10")
edit(ADA, {"grad**2": "grad", ".sqrt()": ".abs()"}, says="square first")
edit(ADA, {'(state["sum"].sqrt() + eps)': 'state["sum"].sqrt() + eps'}, says="in parentheses")
edit(ADA, {"grad**2": "grad.abs()", ".sqrt()": ""}, says="take the root of the sum of squares")
edit(ADA, {".sqrt() + eps": ".sqrt()"}, says="the argument eps is not used")
edit(ADA, {"@torch.no_grad()\n": ""}, says="a leaf Variable that requires grad")


@wrong("the sum lacks the newest gradient")
@torch.no_grad()
def adagrad_step(param, grad, state, lr, eps=1e-10):
    s = state.get("s", torch.zeros_like(grad))
    param -= lr * grad / (s.sqrt() + eps)
    state["s"] = s + grad**2


@wrong("the root of the mean square")
@torch.no_grad()
def adagrad_step(param, grad, state, lr, eps=1e-10):
    state["t"] = state.get("t", 0) + 1
    state["s"] = state.get("s", 0) + grad**2
    param -= lr * grad / ((state["s"] / state["t"]).sqrt() + eps)


@wrong("the step changed `grad`")
@torch.no_grad()
def adagrad_step(param, grad, state, lr, eps=1e-10):
    state["s"] = state.get("s", 0) + grad**2
    grad /= state["s"].sqrt() + eps
    param -= lr * grad


@odd
def adagrad_step(param, grad, state, lr, eps=1e-10):
    if "s" not in state:
        state["s"] = torch.zeros_like(param.data)
    state["s"].addcmul_(grad, grad)
    param.data.addcdiv_(grad, state["s"].sqrt().add_(eps), value=-lr)


@odd
@torch.no_grad()
def adagrad_step(param, grad, state, lr, eps=1e-10):
    """Keeps all gradients."""
    state.setdefault("all", []).append(grad.clone())
    scale = torch.stack(state["all"]).norm(dim=0)
    param.sub_(lr * grad / (scale + eps))


edit(ADA, {"param -= lr": "param.data = param - lr"}, says="moves the parameter to new memory")

# --- rmsprop_step -----------------------------------------------------------------------------------------

RMS = "rmsprop_step"
edit(RMS, {"param -=": "param +="}, says="it climbs")
edit(RMS, {"param -=": "param = param -"}, says="`param` is unchanged")
edit(
    RMS,
    {"alpha * state": "(1 - alpha) * state", "+ (1 - alpha) * grad": "+ alpha * grad"},
    says="the weights are swapped",
)
edit(RMS, {"(1 - alpha) * grad": "grad"}, says="has weight 1, not 1 - alpha")
edit(RMS, {"alpha * state": "state", "(1 - alpha) * grad": "grad"}, says="do not fade")
edit(RMS, {"alpha * state": "0.99 * state", "(1 - alpha)": "0.01"}, says="the default alpha 0.99 is used")
edit(RMS, {'state.get("mean", 0)': 'state.get("mean", grad**2)'}, says="starts with the first square")
edit(RMS, {'state.get("mean", 0)': "0"}, says="only the newest gradient counts")
edit(RMS, {"lr * grad / (": "lr * grad * ("}, says="it multiplies by the root")
edit(RMS, {".sqrt()": ""}, says="the root is missing")
edit(RMS, {"grad**2": "grad.abs()"}, says="square them")
edit(RMS, {'(state["mean"].sqrt() + eps)': '(state["mean"] + eps).sqrt()'}, says="eps is under the root")
edit(RMS, {".sqrt() + eps": ".sqrt() + 1e-8"}, says="the argument eps is not used")
edit(RMS, {"alpha=0.99": "alpha=0.999"}, says="the default alpha is 0.99")
edit(RMS, {"alpha=0.99": "alpha=0.9"}, says="the default alpha is 0.99")
edit(RMS, {"eps=1e-8": "eps=1e-6"}, says="the default eps is 1e-8")
edit(RMS, {'(state["mean"].sqrt() + eps)': 'state["mean"].sqrt() + eps'}, says="in parentheses")
edit(RMS, {".sqrt() + eps": ".sqrt()"}, says="the argument eps is not used")
edit(RMS, {"grad**2": "(grad**2).mean()"}, says="one running mean for the whole tensor")
edit(RMS, {"grad**2": "grad", ".sqrt()": ".abs()"}, says="square them first")
edit(RMS, {"lr * grad /": "lr /"}, says="the gradient itself is missing")
edit(RMS, {"@torch.no_grad()\n": ""}, says="a leaf Variable that requires grad")


@wrong("the mean of all squares so far")
@torch.no_grad()
def rmsprop_step(param, grad, state, lr, alpha=0.99, eps=1e-8):
    t = state["t"] = state.get("t", 0) + 1
    state["s"] = state.get("s", 0) + grad**2
    param -= lr * grad / ((state["s"] / t).sqrt() + eps)


@wrong("this corrects the bias")
@torch.no_grad()
def rmsprop_step(param, grad, state, lr, alpha=0.99, eps=1e-8):
    t = state["t"] = state.get("t", 0) + 1
    state["s"] = alpha * state.get("s", 0) + (1 - alpha) * grad**2
    param -= lr * grad / ((state["s"] / (1 - alpha**t)).sqrt() + eps)


@wrong("update it first")
@torch.no_grad()
def rmsprop_step(param, grad, state, lr, alpha=0.99, eps=1e-8):
    s = state.get("s", torch.zeros_like(grad))
    param -= lr * grad / (s.sqrt() + eps)
    state["s"] = alpha * s + (1 - alpha) * grad**2


@odd
def rmsprop_step(param, grad, state, lr, alpha=0.99, eps=1e-8):
    s = state.setdefault("square_avg", torch.zeros_like(param.detach()))
    s.lerp_(grad * grad, 1 - alpha)
    param.data.addcdiv_(grad, s.sqrt() + eps, value=-lr)


@odd
@torch.no_grad()
def rmsprop_step(param, grad, state, lr, alpha=0.99, eps=1e-8):
    """The step through the scaled rate of each entry."""
    old = state["v"] if "v" in state else torch.zeros(param.shape, dtype=param.dtype)
    state["v"] = old + (1 - alpha) * (grad.square() - old)
    rates = lr / (torch.sqrt(state["v"]) + eps)
    param.add_(-rates * grad)


edit(RMS, {"    state[": "    alpha = alpha or 0.99\n    state["}, says="alpha = 0.0, eps = 0.1")

# --- first_steps ------------------------------------------------------------------------------------------

STEPS = {
    "SGD": 0.002,
    "AdaGrad": 0.1,
    "RMSprop": 1.0,
    "Adam without bias correction": 0.316,
    "Adam": 0.1,
    "Adam, second step": 0.00526,
}
wrong_value("first_steps", "first_steps", STEPS | {"SGD": 0.02}, "the rate is missing")
wrong_value("first_steps", "first_steps", STEPS | {"AdaGrad": 0.002}, "divided by its own size")
wrong_value("first_steps", "first_steps", STEPS | {"AdaGrad": 1.0}, "the rate remains")
wrong_value("first_steps", "first_steps", STEPS | {"RMSprop": 0.1}, "s is 0.01 times the square")
wrong_value("first_steps", "first_steps", STEPS | {"RMSprop": 10.0}, "the root of 0.01 is 0.1")
wrong_value(
    "first_steps", "first_steps", STEPS | {"Adam without bias correction": 0.01}, "v is too small as well"
)
wrong_value("first_steps", "first_steps", STEPS | {"Adam": 0.316}, "with the correction, m is g")
wrong_value("first_steps", "first_steps", STEPS | {"Adam, second step": 0.0}, "do not cancel")
wrong_value(
    "first_steps", "first_steps", STEPS | {"Adam, second step": 0.0224}, "without the bias correction"
)
wrong_value("first_steps", "first_steps", STEPS | {"Adam, second step": -0.00526}, "without a sign")
wrong_value("first_steps", "first_steps", STEPS | {"Adam, second step": 0.001}, "without the bias correction")
wrong_value("first_steps", "first_steps", STEPS | {"Adam, second step": 0.1}, "not the second alone")
wrong_value(
    "first_steps", "first_steps", STEPS | {"Adam without bias correction": 3.16}, "divided by the rate"
)
wrong_value(
    "first_steps", "first_steps", STEPS | {"Adam without bias correction": 0.1}, "with the correction"
)
SECOND = '"Adam, second step": 0.1 * 0.01 / (1 - 0.9**2),\n}\n'
TENSORS = "first_steps = {name: torch.tensor(size) for name, size in first_steps.items()}\n"
odd_edit("first_steps", {SECOND: SECOND + TENSORS})
odd_value(
    "first_steps", "first_steps", STEPS | {"RMSprop": 1, "Adam without bias correction": 0.1 * math.sqrt(10)}
)
wrong_value("first_steps", "first_steps", STEPS | {"SGD": "0.002"}, "write a number, without quotation marks")

# --- adam_step --------------------------------------------------------------------------------------------

ADAM = "adam_step"
edit(ADAM, {"param -= lr * m_hat": "param += lr * m_hat"}, says="it climbs")
edit(ADAM, {"param -= lr * m_hat": "param = param - lr * m_hat"}, says="`param` is unchanged")
edit(ADAM, {" / (1 - beta1**t)": "", " / (1 - beta2**t)": ""}, says="no bias correction")
edit(ADAM, {" / (1 - beta1**t)": ""}, says="m is not corrected")
edit(ADAM, {" / (1 - beta2**t)": ""}, says="v is not corrected")
edit(ADAM, {'state.get("t", 0) + 1': 'state.get("t", 1) + 1'}, says="t is one too large")
edit(ADAM, {'state.get("t", 0) + 1': 'state.get("t", -1) + 1'}, says="t counts from 1")
edit(ADAM, {".sqrt()": ""}, says="the root of v is missing")
edit(ADAM, {'state["t"] = state.get("t", 0) + 1': "1"}, says="t stays 1: count the steps in `state`")
edit(
    ADAM,
    {'state["m"] = beta1 * state.get("m", 0)': 'state["m"] = beta1 * 0'},
    says="m is not kept in `state`",
)
edit(
    ADAM,
    {'state["v"] = beta2 * state.get("v", 0)': 'state["v"] = beta2 * 0'},
    says="v is not kept in `state`",
)
edit(ADAM, {"beta1, beta2 = betas": "beta2, beta1 = betas"}, says="the two betas are swapped")
edit(ADAM, {"beta1, beta2 = betas": "beta1, beta2 = 0.9, 0.999"}, says="the default betas are used")
edit(ADAM, {"(1 - beta1) * grad": "grad"}, says="m is a sum here")
edit(ADAM, {"(1 - beta2) * grad": "grad"}, says="v is a sum here")
edit(ADAM, {"betas=(0.9, 0.999)": "betas=(0.9, 0.99)"}, says="the default betas are 0.9 and 0.999")
edit(ADAM, {"grad = grad + weight_decay * param": "pass"}, says="`weight_decay` makes no difference")
edit(ADAM, {"grad = grad + weight_decay": "grad = grad - weight_decay"}, says="wrong sign")
edit(ADAM, {"if decoupled:": "if not decoupled:"}, says="this decay is decoupled")
edit(ADAM, {"if decoupled:": "if False:"}, says="`decoupled` makes no difference")
edit(ADAM, {"if decoupled:": "if True:"}, says="this decay is decoupled")
edit(ADAM, {"    else:\n        grad =": "    if True:\n        grad ="}, says="the decay is there twice")
edit(ADAM, {"grad = grad + weight_decay": "grad = grad + lr * weight_decay"}, says="without the rate")
edit(ADAM, {"* grad**2": "* grad"}, says="not squared in v")
edit(
    ADAM,
    {
        'm_hat = state["m"]': 'm_hat = state["m"] = state["m"]',
        'v_hat = state["v"]': 'v_hat = state["v"] = state["v"]',
    },
    says="without the correction, which changes with t",
)
edit(ADAM, {"1 - lr * weight_decay": "1 - weight_decay"}, says="the decay lacks the rate")
edit(ADAM, {"(v_hat.sqrt() + eps)": "(v_hat + eps).sqrt()"}, says="eps is under the root")
edit(ADAM, {"eps=1e-8": "eps=1e-6"}, says="the default eps is 1e-8")
edit(ADAM, {"(v_hat.sqrt() + eps)": "v_hat.sqrt() + eps"}, says="in parentheses")
edit(ADAM, {"eps=1e-8": "eps=1e-10"}, says="the default eps is 1e-8")
edit(ADAM, {"* grad**2": "* (grad**2).mean()"}, says="one v for the whole tensor")
edit(ADAM, {"(1 - beta2**t)": "(1 - beta1**t)"}, says="its own beta is beta2")
edit(
    ADAM,
    {" / (1 - beta2**t)": "", "v_hat.sqrt()": "v_hat.sqrt() / (1 - beta2**t)"},
    says="belongs under the root",
)
edit(
    ADAM,
    {"param *= 1 - lr * weight_decay": "param = param * (1 - lr * weight_decay)"},
    says="`param` is unchanged",
)
edit(
    ADAM,
    {
        "param *= 1 - lr * weight_decay": "pass",
        "param -= lr * m_hat": "param -= lr * (m_hat + decoupled * weight_decay * param)",
    },
    says="it is added to the quotient",
)
edit(ADAM, {".sqrt() + eps": ".sqrt() + 1e-8"}, says="the argument eps is not used")
edit(ADAM, {".sqrt() + eps": ".sqrt()"}, says="the argument eps is not used")
edit(
    ADAM,
    {"grad = grad + weight_decay * param": "grad += weight_decay * param"},
    says="the step changed `grad`",
)
edit(ADAM, {"@torch.no_grad()\n": ""}, says="a leaf Variable that requires grad")
edit(ADAM, {"beta1, beta2 = betas": "beta1, beta2 = betas[0] or 0.9, betas[1]"}, says="betas = (0.0, 0.9)")
edit(
    ADAM,
    {"    t = state": "    if not state:\n        state.update(m=grad.clone(), v=grad**2)\n    t = state"},
    says="m and v begin with the first gradient",
)


@wrong("take the value before it")
@torch.no_grad()
def adam_step(param, grad, state, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    g = grad if decoupled else grad + weight_decay * param
    t = state["t"] = state.get("t", 0) + 1
    m = state["m"] = betas[0] * state.get("m", 0) + (1 - betas[0]) * g
    v = state["v"] = betas[1] * state.get("v", 0) + (1 - betas[1]) * g**2
    param -= lr * (m / (1 - betas[0] ** t)) / ((v / (1 - betas[1] ** t)).sqrt() + eps)
    if decoupled:
        param *= 1 - lr * weight_decay


_MEMORY = {"t": 0, "m": 0, "v": 0}


@wrong("two parameters disturb each other")
@torch.no_grad()
def adam_step(param, grad, state, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    """m and v belong to the parameter, but all share one t while it runs."""
    if decoupled:
        param *= 1 - lr * weight_decay
    else:
        grad = grad + weight_decay * param
    if not state:
        _MEMORY["t"] = 0
    t = _MEMORY["t"] = _MEMORY["t"] + 1
    m = state["m"] = betas[0] * state.get("m", 0) + (1 - betas[0]) * grad
    v = state["v"] = betas[1] * state.get("v", 0) + (1 - betas[1]) * grad**2
    param -= lr * (m / (1 - betas[0] ** t)) / ((v / (1 - betas[1] ** t)).sqrt() + eps)


@odd
def adam_step(param, grad, state, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    """The corrections folded into the rate, epsilon beside the uncorrected root."""
    with torch.no_grad():
        g = grad.clone()
        if decoupled:
            param.sub_(lr * weight_decay * param)
        else:
            g += weight_decay * param
        if not state:
            state.update(step=0, m=torch.zeros_like(g), v=torch.zeros_like(g))
        state["step"] += 1
        state["m"].lerp_(g, 1 - betas[0])
        state["v"].mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
        rate = lr * math.sqrt(1 - betas[1] ** state["step"]) / (1 - betas[0] ** state["step"])
        param.addcdiv_(state["m"], state["v"].sqrt() + eps, value=-rate)


@odd
def adam_step(param, grad, state, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    """The corrections folded into the rate and into epsilon."""
    with torch.no_grad():
        g = grad.clone()
        if decoupled:
            param.sub_(lr * weight_decay * param)
        else:
            g += weight_decay * param
        if not state:
            state.update(step=0, m=torch.zeros_like(g), v=torch.zeros_like(g))
        state["step"] += 1
        state["m"].lerp_(g, 1 - betas[0])
        state["v"].mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
        root = math.sqrt(1 - betas[1] ** state["step"])
        rate = lr * root / (1 - betas[0] ** state["step"])
        param.addcdiv_(state["m"], state["v"].sqrt() + eps * root, value=-rate)


@odd
@torch.no_grad()
def adam_step(param, grad, state, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    """AdamW in one expression; t is a tensor."""
    g = grad + (0 if decoupled else weight_decay) * param
    state["t"] = state.get("t", torch.tensor(0.0, dtype=torch.float64)) + 1
    t = state["t"].item()
    for name, beta, value in (("m", betas[0], g), ("v", betas[1], g * g)):
        state[name] = beta * state.get(name, torch.zeros_like(g)) + (1 - beta) * value
    direction = state["m"] / (1 - betas[0] ** t) / (torch.sqrt(state["v"] / (1 - betas[1] ** t)) + eps)
    param.copy_(param - lr * (direction + (weight_decay if decoupled else 0) * param))


@odd
def adam_step(param, grad, state, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
    """torch's own optimizer."""
    if not state:
        kind = torch.optim.AdamW if decoupled else torch.optim.Adam
        twin = param.detach().requires_grad_()
        state["optimizer"] = kind([twin], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
    group = state["optimizer"].param_groups[0]
    group["lr"], group["params"][0].grad = lr, grad
    state["optimizer"].step()


# --- weights_left -----------------------------------------------------------------------------------------

LEFT = {
    "AdamW, |g| = 10": 0.82,
    "AdamW, |g| = 0.001": 0.82,
    "Adam with L2, |g| = 10": 0.98,
    "Adam with L2, |g| = 1": 0.82,
    "Adam with L2, |g| = 0.001": 0.0,
}
wrong_value("weights_left", "weights_left", dict.fromkeys(LEFT, 0.82), "the decay is divided by 10")
wrong_value("weights_left", "weights_left", LEFT | {"AdamW, |g| = 10": 0.98}, "plays no role")
wrong_value("weights_left", "weights_left", LEFT | {"AdamW, |g| = 0.001": 0.0}, "the rate is missing here")
wrong_value("weights_left", "weights_left", LEFT | {"AdamW, |g| = 10": 0.999}, "each of the 200 steps counts")
wrong_value("weights_left", "weights_left", LEFT | {"Adam with L2, |g| = 1": 0.98}, "divided by 1 here")
wrong_value(
    "weights_left", "weights_left", LEFT | {"Adam with L2, |g| = 0.001": 0.82}, "full steps towards 0"
)
wrong_value("weights_left", "weights_left", LEFT | {"AdamW, |g| = 10": 82}, "between 0 and 1")
odd_value(
    "weights_left",
    "weights_left",
    LEFT | {"AdamW, |g| = 10": math.exp(-0.2), "Adam with L2, |g| = 0.001": 0.02},
)
wrong_value("weights_left", "weights_left", LEFT | {"AdamW, |g| = 10": "0.82"}, "without quotation marks")

# --- clip_grad_norm ---------------------------------------------------------------------------------------

CLIP = "clip_grad_norm"
edit(CLIP, {"return norm": "return min(norm, max_norm)"}, says="the norm after clipping")
edit(
    CLIP,
    {"math.sqrt(sum(g.square().sum().item() for g in grads))": "sum(g.square().sum().item() for g in grads)"},
    says="the root is missing",
)
edit(CLIP, {"if norm > max_norm:": "if norm > 0:"}, says="short gradients are enlarged")
edit(CLIP, {"if norm > max_norm:": "if norm < max_norm:"}, says="the gradients are unchanged")
edit(CLIP, {"max_norm / norm": "norm / max_norm"}, says="upside down")
edit(CLIP, {"max_norm / norm": "1 / norm"}, says="multiply by max_norm")
edit(CLIP, {"g.mul_(max_norm / norm)": "g.clamp_(-max_norm, max_norm)"}, says="this clips by value")
edit(CLIP, {"g.mul_(max_norm / norm)": "g = g * max_norm / norm"}, says="the gradients are unchanged")
edit(
    CLIP,
    {"[p.grad for p in params if p.grad is not None]": "[p.data for p in params]"},
    says="the norm of the parameters",
)
edit(CLIP, {"g.square().sum()": "g.square().mean()"}, says="the squares are averaged")
edit(CLIP, {"if p.grad is not None": ""}, says="AttributeError")
edit(CLIP, {"g.square()": "g.abs()", "math.sqrt": ""}, says="the sum of the magnitudes")
edit(CLIP, {".item() for g": " for g", "math.sqrt(": "torch.sqrt(0 + "}, says="should be a Python float")
edit(
    CLIP,
    {"math.sqrt(sum(g.square().sum().item() for g in grads))": "sum(g.norm().item() for g in grads)"},
    says="added up",
)


@wrong("each parameter is clipped on its own")
def clip_grad_norm(params, max_norm):
    total = 0.0
    for p in params:
        if p.grad is not None:
            norm = p.grad.norm().item()
            total += norm**2
            if norm > max_norm:
                p.grad *= max_norm / norm
    return total**0.5


@wrong("a generator is empty after the first time")
def clip_grad_norm(params, max_norm):
    norm = math.sqrt(sum(p.grad.square().sum().item() for p in params if p.grad is not None))
    if norm > max_norm:
        for p in params:
            if p.grad is not None:
                p.grad *= max_norm / norm
    return norm


@wrong("was given one: skip it")
def clip_grad_norm(params, max_norm):
    params = list(params)
    for p in params:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    norm = math.sqrt(sum(p.grad.square().sum().item() for p in params))
    if norm > max_norm:
        for p in params:
            p.grad *= max_norm / norm
    return norm


@wrong("skip it and go on")
def clip_grad_norm(params, max_norm):
    grads = []
    for p in params:
        if p.grad is None:
            break
        grads.append(p.grad)
    norm = math.sqrt(sum(g.square().sum().item() for g in grads))
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm
    return norm


@wrong("the parameters changed")
def clip_grad_norm(params, max_norm):
    params = [p for p in params if p.grad is not None]
    norm = math.sqrt(sum(p.grad.square().sum().item() for p in params))
    if norm > max_norm:
        for p in params:
            p.grad *= max_norm / norm
            p.data *= max_norm / norm
    return norm


@wrong("`.grad` is another tensor now")
def clip_grad_norm(params, max_norm):
    params = [p for p in params if p.grad is not None]
    norm = math.sqrt(sum(p.grad.square().sum().item() for p in params))
    if norm > max_norm:
        for p in params:
            p.grad = p.grad * max_norm / norm
    return norm


@wrong("a gradient of zeros becomes nan")
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    norm = math.sqrt(sum(g.square().sum().item() for g in grads))
    for g in grads:
        g.mul_(
            torch.tensor(max_norm / torch.tensor(norm)).clamp(max=1) * torch.tensor(norm) / norm
            if norm
            else math.nan
        )
    return norm


@wrong("should be a Python float")
def clip_grad_norm(params, max_norm):
    return torch.nn.utils.clip_grad_norm_(params, max_norm)


@wrong("this is the largest entry")
def clip_grad_norm(params, max_norm):
    return float(torch.nn.utils.clip_grad_norm_(params, max_norm, norm_type=math.inf))


@wrong("the norm of the last gradient alone")
def clip_grad_norm(params, max_norm):
    norm = 0.0
    grads = [p.grad for p in params if p.grad is not None]
    for g in grads:
        norm = g.norm().item()
    if norm > max_norm:
        for g in grads:
            g.mul_(max_norm / norm)
    return norm


@odd
def clip_grad_norm(params, max_norm):
    return float(torch.nn.utils.clip_grad_norm_(params, max_norm))


@odd
def clip_grad_norm(params, max_norm):
    """One vector of all entries; the factor is never above 1."""
    grads = [p.grad for p in params if p.grad is not None]
    if not grads:
        return 0.0
    norm = torch.cat([g.flatten() for g in grads]).norm().item()
    scale = min(1.0, max_norm / (norm + 1e-6))
    for g in grads:
        g.copy_(g * scale)
    return norm


@odd
def clip_grad_norm(params, max_norm):
    """The norm of the norms."""
    grads = [p.grad for p in list(params) if p.grad is not None]
    norm = math.hypot(*(g.norm().item() for g in grads)) if grads else 0.0
    if norm > max_norm:
        for g in grads:
            g /= norm / max_norm
    return norm


# --- claim cards ------------------------------------------------------------------------------------------

DESCENT = {"lower": "a", "at rest": "b", "dimension": "false", "bias": "false", "large batch": "a"}
wrong_value("claims_descent", "claims_descent", DESCENT | {"lower": "true"}, "1 of 3 is not right yet")
wrong_value(
    "claims_descent",
    "claims_descent",
    DESCENT | {"at rest": "true", "dimension": "true"},
    "2 of 3 are not right yet",
)
wrong_value("claims_descent", "claims_descent", DESCENT | {"bias": "true"}, "1 of 2 is not right yet")
wrong_value("claims_descent", "claims_descent", DESCENT | {"large batch": "d"}, "not one of the answers")
odd_value("claims_descent", "claims_descent", DESCENT | {"lower": " (A)", "dimension": False})

BUGS = {"step_1": "b", "step_2": "d", "step_3": "c", "step_4": "a", "step_5": "e"}
wrong_value("claims_bugs", "claims_bugs", BUGS | {"step_1": "a"}, "1 of 3 is not right yet")
wrong_value("claims_bugs", "claims_bugs", BUGS | {"step_2": "a", "step_3": "a"}, "2 of 2 are not right yet")
wrong_value("claims_bugs", "claims_bugs", BUGS | {"step_4": "b", "step_5": "f"}, "2 of 3 are not right yet")
odd_value("claims_bugs", "claims_bugs", {step: letter.upper() for step, letter in BUGS.items()})

CLAIMS = {"first step": "false", "decay": "a", "clipping": "false", "recovers": "a", "scale": "a"}
wrong_value("claims_steps", "claims_steps", CLAIMS | {"first step": "true"}, "1 of 2 is not right yet")
wrong_value(
    "claims_steps", "claims_steps", CLAIMS | {"decay": "true", "first step": "b"}, "2 of 2 are not right yet"
)
wrong_value(
    "claims_steps", "claims_steps", CLAIMS | {"recovers": "true", "scale": "true"}, "2 of 3 are not right yet"
)
odd_value("claims_steps", "claims_steps", CLAIMS | {"first step": "False", "scale": "A"})
