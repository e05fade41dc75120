"""How values appear in messages: short, and exact where it matters."""

import re

import torch

FEW = 8  # as many entries as a message shows of a tensor


def show(value: object) -> str:
    """One short line for any value."""
    if isinstance(value, torch.Tensor):
        return _show_tensor(value)
    if isinstance(value, torch.Size):
        return str(tuple(value))
    text = " ".join(line.strip() for line in repr(value).splitlines())
    text = re.sub(r" at 0x[0-9a-f]+", "", text)  # says nothing, and is another one in every run
    return text if len(text) <= 80 else text[:77] + "..."


def show_dtype(dtype: torch.dtype) -> str:
    """'float32' for torch.float32."""
    return str(dtype).removeprefix("torch.")


def _show_tensor(tensor: torch.Tensor) -> str:
    if tensor.dim() == 0:
        return f"{tensor.item():.6g}" if tensor.is_floating_point() else str(tensor.item())
    kind = f"{show_dtype(tensor.dtype)} tensor of shape {tuple(tensor.shape)}"
    if tensor.numel() > FEW:
        return kind
    entries = [_round(entry) for entry in tensor.detach().flatten().tolist()]
    return f"{kind} with {entries}"


def _round(entry: object) -> object:
    return float(f"{entry:.5g}") if isinstance(entry, float) else entry


def first_difference(found: torch.Tensor, expected: torch.Tensor, wrong: torch.Tensor) -> str:
    """Where two tensors of one shape differ first, and how often. wrong: bool, True where they differ."""
    place = tuple(torch.nonzero(wrong)[0].tolist()) if wrong.dim() else ()
    pair = _pair(expected[place].item(), found[place].item())
    if not wrong.dim():
        return pair
    return f"at {list(place)}: {pair} ({int(wrong.sum())} of {wrong.numel()} entries are off)"


def _pair(expected: float, found: float) -> str:
    """Both numbers, with as many digits as it takes to tell them apart."""
    for digits in (6, 9, 12, 17):
        texts = [
            f"{number:.{digits}g}" if isinstance(number, float) else str(number)
            for number in (expected, found)
        ]
        if texts[0] != texts[1]:
            break
    return f"expected {texts[0]}, found {texts[1]}"
