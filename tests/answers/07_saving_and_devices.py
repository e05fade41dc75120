"""Known answers to the exercises of chapter 07."""

import copy

import torch
from torch.utils._pytree import tree_map

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- save_checkpoint and load_checkpoint ------------------------------------------------------------------

SAVE = """\
    checkpoint = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}
    unfinished = f"{path}.unfinished"
    torch.save(checkpoint, unfinished)
    os.replace(unfinished, path)
"""
LOAD = """\
    checkpoint = torch.load(path, map_location=device, weights_only=True)
    old_model, old_optimizer = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    try:
        epoch = checkpoint["epoch"]
        model.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
    except Exception:
        model.load_state_dict(old_model)
        optimizer.load_state_dict(old_optimizer)
        raise
    return epoch
"""


def both(save, load, says):
    """Bodies of the two functions in place of the solution's."""
    changes = {SAVE: save, LOAD: load}
    if says is None:
        odd_edit("save_checkpoint", changes)
    else:
        edit("save_checkpoint", changes, says)


edit(
    "save_checkpoint",
    {"        optimizer.load_state_dict(checkpoint": "        (checkpoint"},
    "optimizer's step of parameter 0",
)
edit(
    "save_checkpoint",
    {"        model.load_state_dict(checkpoint": "        (checkpoint"},
    "after loading, the model's 0.weight is not what was saved",
)
edit("save_checkpoint", {"    return epoch\n": ""}, "load_checkpoint returns nothing")
edit("save_checkpoint", {"return epoch": "return epoch + 1"}, "it returns the epoch plus 1")
edit("save_checkpoint", {"map_location=device, ": ""}, "comes from a GPU that is not here")
edit(
    "save_checkpoint",
    {"copy.deepcopy(model.state_dict())": "model.state_dict()"},
    "and yet it has changed the model's",
)
edit(
    "save_checkpoint",
    {"copy.deepcopy(model.state_dict())": "dict(model.state_dict())"},
    "and yet it has changed the model's",
)
edit(
    "save_checkpoint",
    {"        model.load_state_dict(old_model)\n": ""},
    "and yet it has changed the model's",
)
edit(
    "save_checkpoint",
    {"        raise\n": "        return 0\n"},
    "should raise an error, and load_checkpoint says nothing",
)
edit(
    "save_checkpoint",
    {'checkpoint["epoch"]': 'checkpoint.get("epoch", 0)'},
    "raised no error, and the epoch is wrong",
)
edit(
    "save_checkpoint",
    {'checkpoint["model"])': 'checkpoint["model"], strict=False)'},
    "should raise an error, and load_checkpoint says nothing",
)
edit("save_checkpoint", {"    os.replace(unfinished, path)\n": ""}, "written no file at this path")
edit("save_checkpoint", {'"epoch": epoch': '"epoch": epoch + 1'}, "it returns the epoch plus 1")

SIMPLE_SAVE = """\
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}, path)
"""
both(
    SIMPLE_SAVE,
    """\
    checkpoint = torch.load(path, map_location=device)
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    return checkpoint["epoch"]
""",
    "the file of a shorter model raised an error, and yet it has changed the model's",
)
both(
    SIMPLE_SAVE,
    """\
    checkpoint = torch.load(path, map_location=device)
    if set(checkpoint["model"]) != set(model.state_dict()):
        raise ValueError("another model")
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    return checkpoint["epoch"]
""",
    "a file without the entry 'optimizer' raised an error, and yet it has changed the model's",
)
both(
    "    torch.save(model.state_dict(), path)\n",
    """\
    model.load_state_dict(torch.load(path, map_location=device))
""",
    "load_checkpoint returns nothing",
)
both(
    '    torch.save({"model": model.state_dict(), "epoch": epoch}, path)\n',
    """\
    checkpoint = torch.load(path, map_location=device)
    model.load_state_dict(checkpoint["model"])
    return checkpoint["epoch"]
""",
    "the optimizer's step of parameter 0 is not what was saved: it is missing",
)
both(  # whole objects, which pickle takes and weights_only=True refuses
    '    torch.save({"model": model, "optimizer": optimizer, "epoch": epoch}, path)\n',
    """\
    checkpoint = torch.load(path, map_location=device, weights_only=False)
    new = checkpoint["model"].state_dict()
    if new.keys() != model.state_dict().keys():
        raise ValueError("another model")
    model.load_state_dict(new)
    optimizer.load_state_dict(checkpoint["optimizer"].state_dict())
    return checkpoint["epoch"]
""",
    "weights_only=True refuses the file",
)
both(  # parameters without buffers
    """\
    torch.save([[p.detach() for p in model.parameters()], optimizer.state_dict(), epoch], path)
""",
    """\
    parameters, optimizer_state, epoch = torch.load(path, map_location=device)
    if [p.shape for p in parameters] != [p.shape for p in model.parameters()]:
        raise ValueError("another model")
    optimizer.load_state_dict(optimizer_state)
    with torch.no_grad():
        for mine, saved in zip(model.parameters(), parameters):
            mine.copy_(saved)
    return epoch
""",
    "after loading, the model's 1.running_mean is not what was saved",
)
both(  # rebinds its own argument only
    SIMPLE_SAVE,
    """\
    checkpoint = torch.load(path, map_location=device)
    model = copy.deepcopy(model)
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    return checkpoint["epoch"]
""",
    "after loading, the model's 0.weight is not what was saved",
)
both(  # float16 to save room
    """\
    half = {name: t.half() if t.is_floating_point() else t for name, t in model.state_dict().items()}
    torch.save({"model": half, "optimizer": optimizer.state_dict(), "epoch": epoch}, path)
""",
    LOAD,
    "after loading, the model's 0.weight is not what was saved",
)
both(  # does not take a Path
    SIMPLE_SAVE.replace("path)", "path + '')"),
    LOAD,
    "your code stopped with TypeError",
)
both(  # saving in evaluation mode, with the model moved to float64
    "    model.double()\n" + SIMPLE_SAVE,
    LOAD,
    "saving changed the dtype of the model's 0.weight",
)

both(SIMPLE_SAVE, LOAD, None)
both(  # compare first, change afterwards
    """\
    torch.save((epoch, model.state_dict(), optimizer.state_dict()), path)
""",
    """\
    epoch, weights, steps = torch.load(path, map_location=device)
    now = model.state_dict()
    if weights.keys() != now.keys() or any(weights[name].shape != now[name].shape for name in now):
        raise ValueError("this is the checkpoint of another model")
    optimizer.load_state_dict(steps)
    model.load_state_dict(weights)
    return epoch
""",
    None,
)
both(  # try it on copies
    """\
    from pathlib import Path
    content = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    content["rest"] = {"optimizer": optimizer.state_dict(), "epoch": [epoch], "format": "mine"}
    torch.save(content, Path(path))
""",
    """\
    content = torch.load(str(path), map_location="cpu", weights_only=True)
    rest = content.pop("rest")
    weights = {name.split("/")[1]: tensor for name, tensor in content.items()}
    trial = copy.deepcopy(model)
    trial.load_state_dict(weights)
    optimizer.load_state_dict(rest["optimizer"])
    model.load_state_dict(trial.state_dict())
    return rest["epoch"][0]
""",
    None,
)
both(  # an entry more than is needed, and old ones that share nothing
    """\
    state = dict(model=model.state_dict(), optimizer=optimizer.state_dict(), epoch=epoch)
    state["rng"] = torch.get_rng_state()
    with open(path, "wb") as file:
        torch.save(state, file)
""",
    """\
    with open(path, "rb") as file:
        state = torch.load(file, map_location=torch.device(device))
    if not {"model", "optimizer", "epoch"} <= state.keys():
        raise KeyError("an entry is missing")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    try:
        model.load_state_dict(state["model"], strict=True)
        optimizer.load_state_dict(state["optimizer"])
    except (RuntimeError, ValueError, KeyError):
        model.load_state_dict(before)
        raise
    return state["epoch"]
""",
    None,
)

both(  # the optimizer first, and only the model is put back
    SIMPLE_SAVE,
    """\
    checkpoint = torch.load(path, map_location=device)
    if checkpoint.keys() != {"model", "optimizer", "epoch"}:
        raise ValueError("not complete")
    optimizer.load_state_dict(checkpoint["optimizer"])
    before = copy.deepcopy(model.state_dict())
    try:
        model.load_state_dict(checkpoint["model"])
    except RuntimeError:
        model.load_state_dict(before)
        raise
    return checkpoint["epoch"]
""",
    "the file of a shorter model raised an error, and yet it has changed the optimizer's",
)
both(  # an error in each case is not all that is asked for
    SIMPLE_SAVE,
    """\
    raise ValueError("this file cannot be read")
""",
    "your code stopped with ValueError: this file cannot be read",
)
both(  # new parameters, of which the optimizer knows nothing
    SIMPLE_SAVE,
    LOAD.replace('checkpoint["model"])', 'checkpoint["model"], assign=True)'),
    "after going on, the model's 0.weight is not the same",
)

edit("save_checkpoint", {"return epoch": "return checkpoint"}, "the epoch alone, as an int")
edit(
    "save_checkpoint",
    {"    torch.save(checkpoint": "    path = f'{path}.pt'\n    torch.save(checkpoint"},
    "save_checkpoint has written no file at this path",
)
both(  # a pickle without torch
    """\
    import pickle
    with open(path, "wb") as file:
        pickle.dump({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}, file)
""",
    LOAD.replace(
        "torch.load(path, map_location=device, weights_only=True)",
        "__import__('pickle').load(open(path, 'rb'))",
    ),
    "weights_only=True refuses the file",
)
both(  # says so on the screen, and goes on
    SIMPLE_SAVE,
    LOAD.replace("        raise\n", "        print('could not be loaded')\n        return None\n"),
    "should raise an error, and load_checkpoint says nothing",
)

both(  # leaves the model in evaluation mode
    SIMPLE_SAVE,
    LOAD.replace("    return epoch", "    model.eval()\n    return epoch"),
    "loading left the model in evaluation mode",
)
both(
    "    model.eval()\n" + SIMPLE_SAVE,
    LOAD,
    "saving left the model in evaluation mode",
)
both(  # compares names, not shapes
    SIMPLE_SAVE,
    """\
    checkpoint = torch.load(path, map_location=device)
    epoch, optimizer_state = checkpoint["epoch"], checkpoint["optimizer"]
    if checkpoint["model"].keys() != model.state_dict().keys():
        raise KeyError("the names differ")
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(optimizer_state)
    return epoch
""",
    "the file of a narrower model raised an error, and yet it has changed the model's",
)
both(  # compares names, and reads from a list one by one
    "    torch.save([model.state_dict(), optimizer.state_dict(), epoch], path)\n",
    """\
    content = torch.load(path, map_location=device)
    before = copy.deepcopy(model.state_dict())
    try:
        model.load_state_dict(content[0])
    except RuntimeError:
        model.load_state_dict(before)
        raise
    optimizer.load_state_dict(content[1])
    return content[2]
""",
    "a file without the entry 1 raised an error, and yet it has changed the model's",
)
both(
    "    torch.save([model.state_dict(), optimizer.state_dict(), epoch], path)\n",
    LOAD.replace("    try:", "    model_state, optimizer_state, epoch = checkpoint\n    try:")
    .replace('        epoch = checkpoint["epoch"]\n', "")
    .replace('checkpoint["model"]', "model_state")
    .replace('checkpoint["optimizer"]', "optimizer_state"),
    None,
)

edit("save_checkpoint", {"weights_only=True)": "weights_only=False)"}, "has run the code in a file")

edit("save_checkpoint", {'"epoch": epoch}': '"epoch": torch.tensor(epoch)}'}, "the epoch alone, as an int")
both(
    "    model.train()\n" + SIMPLE_SAVE,
    LOAD,
    "saving put the model into training mode",
)
both(  # copy_ stretches what is too narrow
    SIMPLE_SAVE,
    """\
    checkpoint = torch.load(path, map_location=device)
    epoch, optimizer_state = checkpoint["epoch"], checkpoint["optimizer"]
    if checkpoint["model"].keys() != model.state_dict().keys():
        raise KeyError("the names differ")
    for name, tensor in model.state_dict().items():
        tensor.copy_(checkpoint["model"][name])
    optimizer.load_state_dict(optimizer_state)
    return epoch
""",
    "the file of a narrower model should raise an error",
)
both(  # looks at the model's names only
    SIMPLE_SAVE,
    """\
    checkpoint = torch.load(path, map_location=device)
    epoch, optimizer_state = checkpoint["epoch"], checkpoint["optimizer"]
    saved, now = checkpoint["model"], model.state_dict()
    if not all(name in saved and saved[name].shape == tensor.shape for name, tensor in now.items()):
        raise ValueError("this is the checkpoint of another model")
    for name, tensor in now.items():
        tensor.copy_(saved[name])
    optimizer.load_state_dict(optimizer_state)
    return epoch
""",
    "the file of a longer model should raise an error",
)
both(  # one flat dict, by way of bytes
    """\
    import io
    flat = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    buffer = io.BytesIO()
    torch.save(flat | {"optimizer": optimizer.state_dict(), "epoch": torch.tensor(epoch)}, buffer)
    with open(path, "wb") as file:
        file.write(buffer.getvalue())
""",
    """\
    flat = torch.load(path, map_location=device, weights_only=True)
    optimizer_state, epoch = flat.pop("optimizer"), flat.pop("epoch").item()
    now = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    if {name: tensor.shape for name, tensor in now.items()} != {name: t.shape for name, t in flat.items()}:
        raise ValueError("this is the checkpoint of another model")
    optimizer.load_state_dict(optimizer_state)
    for name, tensor in now.items():
        tensor.copy_(flat[name])
    return epoch
""",
    None,
)

# --- load_matching ----------------------------------------------------------------------------------------


@wrong("your code stopped with RuntimeError")
def load_matching(net, state_dict):
    """strict=False forgives names, not shapes."""
    report = net.load_state_dict(state_dict, strict=False)
    return sorted(report.missing_keys), sorted(report.unexpected_keys), []


@wrong("a name whose shape is wrong is not missing: it is mismatched")
def load_matching(net, state_dict):
    own = net.state_dict()
    fitting = {name: t for name, t in state_dict.items() if name in own and t.shape == own[name].shape}
    report = net.load_state_dict(fitting, strict=False)
    unexpected = sorted(set(state_dict) - set(own))
    return sorted(report.missing_keys), unexpected, sorted(set(state_dict) - set(fitting) - set(unexpected))


@wrong("a name whose shape is wrong is not unexpected: it is mismatched")
def load_matching(net, state_dict):
    own = net.state_dict()
    fitting = {name: t for name, t in state_dict.items() if name in own and t.shape == own[name].shape}
    net.load_state_dict(fitting, strict=False)
    mismatched = sorted(name for name in state_dict if name in own and name not in fitting)
    return sorted(own.keys() - state_dict.keys()), sorted(state_dict.keys() - fitting.keys()), mismatched


@wrong("the function changed its input state_dict")
def load_matching(net, state_dict):
    """Empties the given dict."""
    own = net.state_dict()
    unexpected = sorted(
        name for name in list(state_dict) if name not in own and state_dict.pop(name) is not None
    )
    mismatched = sorted(name for name in list(state_dict) if state_dict[name].shape != own[name].shape)
    for name in mismatched:
        del state_dict[name]
    net.load_state_dict(state_dict, strict=False)
    return sorted(own.keys() - state_dict.keys() - set(mismatched)), unexpected, mismatched


edit(
    "load_matching",
    {"sorted(own.keys() - state_dict.keys())": "own.keys() - state_dict.keys()"},
    "a set has no order",
)
edit(
    "load_matching",
    {"sorted(state_dict.keys() - own.keys())": "[name for name in state_dict if name not in own]"},
    "the names are not sorted",
)
edit(
    "load_matching",
    {"return missing, unexpected,": "return unexpected, missing,"},
    "missing and unexpected are swapped",
)
edit(
    "load_matching",
    {"own[name].shape != state_dict[name].shape": "own[name].numel() != state_dict[name].numel()"},
    "your code stopped with RuntimeError",
)
edit(
    "load_matching",
    {"    net.load_state_dict(fitting, strict=False)\n": ""},
    "0.weight fits, and was not loaded",
)
edit(
    "load_matching",
    {
        "    net.load_state_dict(fitting, strict=False)": "    own = dict(net.named_parameters())\n"
        "    for name, value in fitting.items():\n        own[name].copy_(value)"
    },
    "change a parameter under no_grad",
)
edit("load_matching", {"strict=False)": "strict=False, assign=True)"}, "0.weight is a new object")
edit("load_matching", {"    return missing, unexpected, mismatched\n": ""}, "is there a return?")
edit(
    "load_matching",
    {"return missing, unexpected, mismatched": "return missing, unexpected"},
    "three lists should come back in a tuple",
)
edit("load_matching", {".shape != state_dict": ".shape == state_dict"}, "your code stopped with RuntimeError")


@wrong("(4, 2) and (2, 4) hold as many numbers, but are not the same shape")
def load_matching(net, state_dict):
    own = net.state_dict()
    mismatched = sorted(n for n in own.keys() & state_dict.keys() if own[n].numel() != state_dict[n].numel())
    for name in own.keys() & state_dict.keys() - set(mismatched):
        own[name].copy_(state_dict[name].reshape(own[name].shape))
    return sorted(own.keys() - state_dict.keys()), sorted(state_dict.keys() - own.keys()), mismatched


@wrong("(1, 2) can be broadcast to (5, 2), but is not the same shape")
def load_matching(net, state_dict):
    """Lets copy_ decide what fits."""
    own, mismatched = net.state_dict(), []
    for name in own.keys() & state_dict.keys():
        try:
            own[name].copy_(state_dict[name])
        except RuntimeError:
            mismatched.append(name)
    return sorted(own.keys() - state_dict.keys()), sorted(state_dict.keys() - own.keys()), sorted(mismatched)


@wrong("network and state_dict share memory")
def load_matching(net, state_dict):
    """Points the parameters at the given tensors."""
    own = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    mismatched = sorted(n for n in own.keys() & state_dict.keys() if own[n].shape != state_dict[n].shape)
    for name in own.keys() & state_dict.keys() - set(mismatched):
        own[name].data = state_dict[name]
    return sorted(own.keys() - state_dict.keys()), sorted(state_dict.keys() - own.keys()), mismatched


@wrong("the buffers are left out")
def load_matching(net, state_dict):
    """Looks at parameters only: in a network with buffers these are unexpected."""
    own = dict(net.named_parameters())
    mismatched = sorted(n for n in own.keys() & state_dict.keys() if own[n].shape != state_dict[n].shape)
    with torch.no_grad():
        for name in own.keys() & state_dict.keys() - set(mismatched):
            own[name].copy_(state_dict[name])
    return sorted(own.keys() - state_dict.keys()), sorted(state_dict.keys() - own.keys()), mismatched


@odd
def load_matching(net, state_dict):
    """Copies one by one, with lists and loops."""
    missing, unexpected, mismatched = [], [], []
    own = net.state_dict()
    for name, tensor in own.items():
        if name not in state_dict:
            missing.append(name)
        elif list(tensor.shape) != list(state_dict[name].shape):
            mismatched.append(name)
        else:
            tensor.copy_(state_dict[name])
    for name in state_dict:
        if name not in own:
            unexpected.append(name)
    missing.sort()
    unexpected.sort()
    mismatched.sort()
    return missing, unexpected, mismatched


@odd
def load_matching(net, state_dict):
    """Lets torch's report say what is missing."""
    own = net.state_dict()
    mismatched = {name for name in state_dict if name in own and own[name].shape != state_dict[name].shape}
    fitting = {name: tensor for name, tensor in state_dict.items() if name not in mismatched}
    report = net.load_state_dict(fitting, strict=False)
    missing = [name for name in report.missing_keys if name not in mismatched]
    return sorted(missing), sorted(report.unexpected_keys), sorted(mismatched)


@odd
def load_matching(net, state_dict):
    """A complete dict, old values where nothing fits, loaded strictly."""
    own = copy.deepcopy(net.state_dict())
    shared = [name for name in own if name in state_dict]
    mismatched = [name for name in shared if own[name].size() != state_dict[name].size()]
    own.update({name: state_dict[name] for name in shared if name not in mismatched})
    net.load_state_dict(own)
    lists = [n for n in own if n not in state_dict], [n for n in state_dict if n not in own], mismatched
    return [sorted(names) for names in lists]


edit(
    "load_matching",
    {"return missing, unexpected, mismatched": "return dict(m=missing, u=unexpected, s=mismatched)"},
    "three lists should come back in a tuple",
)
edit(
    "load_matching",
    {"own[name].shape != state_dict[name].shape": "own[name].ndim != state_dict[name].ndim"},
    "RuntimeError",
)
edit(
    "load_matching",
    {"    net.load_state_dict(fitting, strict=False)\n": "    own.update(fitting)\n"},
    "was not loaded",
)


@wrong("(1, 1) is as long as (1, 3)")
def load_matching(net, state_dict):
    """Compares lengths."""
    own = net.state_dict()
    mismatched = sorted(
        n for n in own.keys() & state_dict.keys() if own[n].shape[:1] != state_dict[n].shape[:1]
    )
    for name in own.keys() & state_dict.keys() - set(mismatched):
        own[name].copy_(state_dict[name])
    return sorted(own.keys() - state_dict.keys()), sorted(state_dict.keys() - own.keys()), mismatched


edit(
    "load_matching",
    {"sorted(own.keys() - state_dict.keys())": "[*reversed(sorted(own.keys() - state_dict.keys()))]"},
    "the names are not sorted",
)


@wrong("1.not_saved is not in net.state_dict()")
def load_matching(net, state_dict):
    """Counts buffers that are not saved."""
    own = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    mismatched = sorted(n for n in own.keys() & state_dict.keys() if own[n].shape != state_dict[n].shape)
    with torch.no_grad():
        for name in own.keys() & state_dict.keys() - set(mismatched):
            own[name].copy_(state_dict[name])
    return sorted(own.keys() - state_dict.keys()), sorted(state_dict.keys() - own.keys()), mismatched


# --- try_gpu ----------------------------------------------------------------------------------------------


@wrong("this is a string; return a torch.device")
def try_gpu(i=0):
    return f"cuda:{i}" if 0 <= i < torch.cuda.device_count() else "cpu"


@wrong("three GPUs have the numbers 0, 1 and 2, so number 3 is not there")
def try_gpu(i=0):
    return torch.device("cuda", i) if 0 <= i <= torch.cuda.device_count() else torch.device("cpu")


@wrong("three GPUs have the numbers 0, 1 and 2, so number 3 is not there")
def try_gpu(i=0):
    return torch.device("cuda", i) if torch.cuda.is_available() else torch.device("cpu")


@wrong("give the number")
def try_gpu(i=0):
    return torch.device("cuda") if 0 <= i < torch.cuda.device_count() else torch.device("cpu")


@wrong("this is GPU 0; number i was asked for")
def try_gpu(i=0):
    return torch.device("cuda:0") if 0 <= i < torch.cuda.device_count() else torch.device("cpu")


@wrong("Invalid device string")
def try_gpu(i=0):
    """d2l's."""
    if torch.cuda.device_count() >= i + 1:
        return torch.device(f"cuda:{i}")
    return torch.device("cpu")


@wrong("a negative number is no GPU")
def try_gpu(i=0):
    """Counts from the end, as lists do."""
    gpus = [torch.device("cuda", k) for k in range(torch.cuda.device_count())]
    try:
        return gpus[i]
    except IndexError:
        return torch.device("cpu")


@wrong("GPU 2 is there, and this is the CPU: ask device_count()")
def try_gpu(i=0):
    return torch.device("cpu")


@wrong("a negative number is no GPU")
def try_gpu(i=0):
    return torch.device("cuda", abs(i)) if abs(i) < torch.cuda.device_count() else torch.device("cpu")


@odd
def try_gpu(i=0):
    return torch.device(f"cuda:{i}" if i in range(torch.cuda.device_count()) else "cpu")


@odd
def try_gpu(i=0):
    """Asks for any accelerator."""
    count = torch.accelerator.device_count() if torch.cuda.is_available() else 0
    return torch.device("cuda", i) if i > -1 and i + 1 <= count else torch.device("cpu")


@wrong("the CPU has no number")
def try_gpu(i=0):
    return torch.device("cuda" if 0 <= i < torch.cuda.device_count() else "cpu", max(i, 0))


@wrong("without a GPU nothing comes back")
def try_gpu(i=0):
    if 0 <= i < torch.cuda.device_count():
        return torch.device("cuda", i)


@wrong("there is no GPU")
def try_gpu(i=0):
    """Making the object needs no GPU."""
    try:
        return torch.device(f"cuda:{i}")
    except RuntimeError:
        return torch.device("cpu")


@wrong("return the CPU, not the last GPU")
def try_gpu(i=0):
    last = torch.cuda.device_count() - 1
    return torch.device("cuda", max(0, min(i, last))) if last >= 0 else torch.device("cpu")


# --- try_all_gpus -----------------------------------------------------------------------------------------


@wrong("UnboundLocalError")
def try_all_gpus():
    """The page of notes."""
    devices = [torch.device(f"cuda:{i}")]  # noqa: F821
    for i in range(torch.cuda.device_count()):
        devices.append(torch.device(f"cuda:{i}"))
        return devices if devices else [torch.device("cpu")]


@wrong("only the first GPU comes back")
def try_all_gpus():
    devices = []
    for i in range(torch.cuda.device_count()):
        devices.append(torch.device(f"cuda:{i}"))
        return devices if devices else [torch.device("cpu")]


@wrong("a `return` inside the loop is never reached")
def try_all_gpus():
    devices = []
    for i in range(torch.cuda.device_count()):
        devices.append(torch.device(f"cuda:{i}"))
        if i == torch.cuda.device_count() - 1:
            return devices if devices else [torch.device("cpu")]


@wrong("the list is empty; without a GPU it holds the CPU")
def try_all_gpus():
    """d2l's."""
    return [torch.device(f"cuda:{i}") for i in range(torch.cuda.device_count())]


@wrong("the CPU is in the list, although there are GPUs")
def try_all_gpus():
    return [torch.device("cpu")] + [torch.device(f"cuda:{i}") for i in range(torch.cuda.device_count())]


@wrong("the CPU is in the list, although there are GPUs")
def try_all_gpus():
    return [torch.device(f"cuda:{i}") for i in range(torch.cuda.device_count())] + [torch.device("cpu")]


@wrong("GPU 0 is in the list twice")
def try_all_gpus():
    devices = [torch.device("cuda:0")]
    for i in range(torch.cuda.device_count()):
        devices.append(torch.device(f"cuda:{i}"))
    return devices if torch.cuda.is_available() else [torch.device("cpu")]


@wrong("this is GPU 0, which is not there")
def try_all_gpus():
    devices = [torch.device("cuda:0")]
    for i in range(1, torch.cuda.device_count()):
        devices.append(torch.device(f"cuda:{i}"))
    return devices if devices else [torch.device("cpu")]


@wrong("these are strings")
def try_all_gpus():
    return [f"cuda:{i}" for i in range(torch.cuda.device_count())] or ["cpu"]


@wrong("this is the CPU, and not a list with it")
def try_all_gpus():
    return [torch.device("cuda", i) for i in range(torch.cuda.device_count())] or torch.device("cpu")


@wrong("the numbers begin at 0, and this begins at 1")
def try_all_gpus():
    return [torch.device("cuda", i + 1) for i in range(torch.cuda.device_count())] or [torch.device("cpu")]


@wrong("the last GPU is missing")
def try_all_gpus():
    return [torch.device("cuda", i) for i in range(torch.cuda.device_count() - 1)] or [torch.device("cpu")]


@wrong("give the numbers")
def try_all_gpus():
    return [torch.device("cuda")] * torch.cuda.device_count() or [torch.device("cpu")]


@odd
def try_all_gpus():
    devices, i = [], 0
    while i < torch.cuda.device_count():
        devices += [torch.device(f"cuda:{i}")]
        i += 1
    if len(devices) == 0:
        devices.append(torch.device("cpu"))
    return devices


@odd
def try_all_gpus():
    if not torch.cuda.is_available():
        return [torch.device("cpu")]
    return (
        list(map(torch.device, range(torch.cuda.device_count())))
        if False
        else [torch.device(type="cuda", index=i) for i in range(torch.cuda.device_count())]
    )


@wrong("there is one GPU too many")
def try_all_gpus():
    return [torch.device("cuda", i) for i in range(torch.cuda.device_count() + 1)]


@wrong("the order is reversed")
def try_all_gpus():
    devices, i = [], torch.cuda.device_count()
    while i > 0:
        i -= 1
        devices.append(torch.device("cuda", i))
    return devices or [torch.device("cpu")]


@wrong("these are the GPUs of an earlier call")
def try_all_gpus(devices=[]):  # noqa: B006
    for i in range(torch.cuda.device_count()):
        devices.append(torch.device("cuda", i))
    return devices or [torch.device("cpu")]


@odd
def try_all_gpus():
    return [*map(torch.device, [f"cuda:{i}" for i in range(torch.cuda.device_count())] or ["cpu"])]


# --- move_batch: edits of the cell, since these functions call themselves by name ---------------------------

MOVE = """\
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: move_batch(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(move_batch(value, device) for value in batch))
    if isinstance(batch, (list, tuple)):
        return type(batch)(move_batch(value, device) for value in batch)
    return batch
"""
NAMED = """\
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(move_batch(value, device) for value in batch))
"""
DICT = """\
    if isinstance(batch, dict):
        return {key: move_batch(value, device) for key, value in batch.items()}
"""


def moving(body, says):
    """A body in place of the solution's."""
    if says is None:
        odd_edit("move_batch", {MOVE: body})
    else:
        edit("move_batch", {MOVE: body}, says)


moving(  # throws the moved tensors away
    """\
    if isinstance(batch, torch.Tensor):
        batch.to(device)
    elif isinstance(batch, (list, tuple)):
        for value in batch:
            move_batch(value, device)
    elif isinstance(batch, dict):
        for value in batch.values():
            move_batch(value, device)
    return batch
""",
    "nothing was moved",
)
edit(
    "move_batch",
    {
        "isinstance(batch, (list, tuple))": "hasattr(batch, '__iter__')",
        "type(batch)(move_batch(value, device) for": "list(move_batch(value, device) for",
    },
    "calls itself too often, perhaps without end",
)
edit("move_batch", {"type(batch)(move": "list(move"}, "a list comes back; the batch was a tuple")
edit("move_batch", {"type(batch)(move": "tuple(move"}, "a tuple comes back; the batch was a list")
edit(
    "move_batch",
    {"type(batch)(move": "(move"},
    "an iterator comes back",
)
edit("move_batch", {NAMED: ""}, "missing 1 required positional argument")
edit(
    "move_batch",
    {"type(batch)(*(move_batch": "tuple((move_batch"},
    "a plain tuple comes back; the batch was a named tuple",
)
edit(
    "move_batch",
    {NAMED: "", "type(batch)(move": "[*batch] and list(move"},
    "a list comes back; the batch was a tuple",
)
edit("move_batch", {DICT: ""}, "nothing was moved")
edit(
    "move_batch",
    {
        "{key: move": "[move",
        "for key, value in batch.items()}": "for value in batch.values()]",
    },
    "the keys of the dict are lost",
)
edit(
    "move_batch",
    {"batch.items()}": "batch.items() if isinstance(value, torch.Tensor)}"},
    "entries of the dict are gone",
)
edit(
    "move_batch",
    {"    return batch\n": "    return batch.to(device)\n"},
    "AttributeError: 'str' object has no attribute 'to'",
)
edit("move_batch", {"    return batch\n": "    raise TypeError(type(batch))\n"}, "TypeError: <class 'str'>")
edit("move_batch", {"    return batch\n": ""}, "what is no tensor comes back as None")
edit(
    "move_batch",
    {"        return batch.to(device)": "        return torch.zeros_like(batch, device=device)"},
    "the numbers of X have changed",
)
edit(
    "move_batch",
    {"batch.to(device)": "batch.to(device, torch.float32)"},
    "the dtype should be int64, found float32",
)
edit(
    "move_batch",
    {"        return batch.to(device)": "        batch.to(device)"},
    "nothing was moved: `to` returns",
)
edit(
    "move_batch",
    {"        return batch.to(device)": "        return batch.cuda()"},
    "on cuda:0" if torch.cuda.is_available() else "CUDA",
)
moving(  # one level deep
    """\
    def move(value):
        return value.to(device) if isinstance(value, torch.Tensor) else value

    if isinstance(batch, dict):
        return {key: move(value) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*map(move, batch))
    if isinstance(batch, (list, tuple)):
        return type(batch)(map(move, batch))
    return move(batch)
""",
    "what is inside the inner containers was not moved",
)
moving(  # puts the moved tensors into the given containers
    """\
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        for key in batch:
            batch[key] = move_batch(batch[key], device)
    elif isinstance(batch, list):
        for i, value in enumerate(batch):
            batch[i] = move_batch(value, device)
    elif isinstance(batch, tuple):
        values = [move_batch(value, device) for value in batch]
        return type(batch)(*values) if hasattr(batch, "_fields") else tuple(values)
    return batch
""",
    "the given batch was changed",
)
moving(
    """\
    if hasattr(batch, "_asdict"):
        batch = batch._asdict()
"""
    + MOVE,
    "a dict comes back; the batch was a named tuple",
)
edit(
    "move_batch",
    {"batch.to(device)": "batch.to(device) if batch.is_floating_point() else batch"},
    "tensors of whole numbers move as well",
)
edit("move_batch", {"batch.to(device)": 'batch.to("meta")'}, "the device should be cpu, found meta")
moving(  # whatever can be iterated is a list
    """\
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, tuple):
        values = [move_batch(value, device) for value in batch]
        return type(batch)(*values) if hasattr(batch, "_fields") else tuple(values)
    if hasattr(batch, "__iter__") and not isinstance(batch, str):
        return [move_batch(value, device) for value in batch]
    return batch
""",
    "a list of the keys comes back; the batch was a dict",
)


@odd
def move_batch(batch, device):
    """torch's own walk through nests."""
    return tree_map(lambda value: value.to(device) if isinstance(value, torch.Tensor) else value, batch)


moving(
    """\
    if hasattr(batch, "to"):
        return batch.to(device, non_blocking=True)
    if hasattr(batch, "keys"):
        return type(batch)({key: move_batch(batch[key], device) for key in batch})
    if hasattr(batch, "_make"):
        return batch._make([move_batch(value, device) for value in batch])
    if type(batch) in (tuple, list):
        return type(batch)([move_batch(value, device) for value in batch])
    return batch
""",
    None,
)
moving(  # a copy even where the tensor is there already
    """\
    match batch:
        case torch.Tensor():
            return batch.to(device, copy=True)
        case dict():
            return dict(zip(batch, (move_batch(value, device) for value in batch.values())))
        case [*values]:
            moved = [move_batch(value, device) for value in values]
            if isinstance(batch, list):
                return moved
            if hasattr(batch, "_fields"):
                return batch._replace(**dict(zip(batch._fields, moved)))
            return tuple(moved)
    return batch
""",
    None,
)

# --- module_device ----------------------------------------------------------------------------------------


@wrong("StopIteration")
def module_device(net):
    return next(net.parameters()).device


@wrong("this is a string; return the torch.device")
def module_device(net):
    devices = {str(tensor.device) for tensor in [*net.parameters(), *net.buffers()]}
    if len(devices) != 1:
        raise ValueError("not on one device")
    return devices.pop()


@wrong("this is a set; return the one in it")
def module_device(net):
    devices = {tensor.device for tensor in [*net.parameters(), *net.buffers()]}
    if len(devices) != 1:
        raise ValueError("not on one device")
    return devices


@wrong("a buffer with persistent=False alone")
def module_device(net):
    """The state dict does not list all buffers."""
    devices = {tensor.device for tensor in net.state_dict().values()}
    if len(devices) != 1:
        return torch.device("cpu") if not devices else None
    return devices.pop()


@wrong("your code stopped with ValueError")
def module_device(net):
    """The state dict does not list all buffers."""
    devices = {tensor.device for tensor in net.state_dict().values()}
    if len(devices) != 1:
        raise ValueError("not on one device")
    return devices.pop()


@wrong("your code stopped with ValueError")
def module_device(net):
    """Parameters only."""
    devices = {parameter.device for parameter in net.parameters()}
    if len(devices) != 1:
        raise ValueError("not on one device")
    return devices.pop()


@wrong("should raise ValueError, it returned")
def module_device(net):
    """The first parameter, or else the first buffer."""
    for tensor in [*net.parameters(), *net.buffers()]:
        return tensor.device
    raise ValueError("nothing in this network")


@wrong("should raise ValueError, it returned device(type='cpu')")
def module_device(net):
    """No parameters, no problem."""
    devices = {tensor.device for tensor in [*net.parameters(), *net.buffers()]} or {torch.device("cpu")}
    if len(devices) > 1:
        raise ValueError("on several devices")
    return devices.pop()


@wrong("whatever the network says")
def module_device(net):
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@wrong("GPU 0, whatever the network says")
def module_device(net):
    return torch.device("cuda", 0)


@wrong("it raised RuntimeError")
def module_device(net):
    devices = {tensor.device for tensor in [*net.parameters(), *net.buffers()]}
    if len(devices) != 1:
        raise RuntimeError("not on one device")
    return devices.pop()


@wrong("should say in its message what was wrong")
def module_device(net):
    devices = {tensor.device for tensor in [*net.parameters(), *net.buffers()]}
    if len(devices) != 1:
        raise ValueError
    return devices.pop()


@wrong("should raise ValueError")
def module_device(net):
    """Frozen parameters are left out."""
    devices = {
        t.device
        for t in [*net.parameters(), *net.buffers()]
        if t.requires_grad or not isinstance(t, torch.nn.Parameter)
    }
    if not devices:
        return torch.device("cpu")
    if len(devices) > 1:
        raise ValueError("on several devices")
    return devices.pop()


@wrong("should raise ValueError, it returned")
def module_device(net):
    """Parameters on one device are enough."""
    devices = {parameter.device for parameter in net.parameters()} or {
        buffer.device for buffer in net.buffers()
    }
    if len(devices) != 1:
        raise ValueError("not on one device")
    return devices.pop()


@wrong("should raise ValueError, it returned")
def module_device(net):
    """First and last agree."""
    tensors = [*net.parameters(), *net.buffers()]
    if not tensors:
        raise ValueError("nothing in this network")
    devices = [tensor.device for tensor in tensors]
    if tensors[0].device != tensors[len(tensors) // 3].device:
        raise ValueError("on several devices")
    return devices[0]


@odd
def module_device(net):
    """Compares each with the first one."""
    found = None
    for module in net.modules():
        for tensor in [*module._parameters.values(), *module._buffers.values()]:
            if tensor is None:
                continue
            if found is not None and tensor.device != found:
                raise ValueError(f"on {found} and on {tensor.device}")
            found = tensor.device
    if found is None:
        raise ValueError("there is nothing in this network")
    return found


@odd
def module_device(net):
    try:
        (device,) = {str(t.device) for t in list(net.parameters()) + list(net.buffers())}
    except ValueError:
        raise ValueError("not on exactly one device") from None
    return torch.device(device)


edit(
    "module_device", {"net.buffers()": "(b for b in net.buffers() if b.is_floating_point())"}, "should raise"
)


@wrong("should raise ValueError, it returned device(type='cpu')")
def module_device(net):
    """The two ends agree."""
    tensors = [*net.parameters(), *net.buffers()]
    if not tensors:
        raise ValueError("nothing in this network")
    if tensors[0].device != tensors[-1].device:
        raise ValueError("on several devices")
    return tensors[0].device


edit("module_device", {"net.buffers()": "net.buffers(recurse=False)"}, "should raise ValueError, it returned")
edit(
    "module_device",
    {"net.parameters()": "net.parameters(recurse=False)"},
    "your code stopped with ValueError",
)

# --- claims_saving ----------------------------------------------------------------------------------------

RIGHT = {"best": "b", "to": "a", "weights only": "c", "single number": "true", "half": "false"}
wrong_value("claims_saving", "answers", RIGHT | {"best": "true"}, "1 of 2 is not right yet")
wrong_value("claims_saving", "answers", RIGHT | {"half": "a"}, "1 of 2 is not right yet")
wrong_value("claims_saving", "answers", RIGHT | {"weights only": "b"}, "1 of 1 is not right yet")
wrong_value(
    "claims_saving", "answers", RIGHT | {"to": "true", "single number": "b"}, "2 of 2 are not right yet"
)
wrong_value("claims_saving", "answers", RIGHT | {"to": "d"}, "is not one of the answers")
wrong_value("claims_saving", "answers", {**RIGHT, "to": "?"}, "not answered yet")
odd_value("claims_saving", "answers", {name: f" ({answer.upper()})" for name, answer in RIGHT.items()})
odd_value("claims_saving", "answers", RIGHT | {"single number": True, "half": False})
