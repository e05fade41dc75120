"""Normalisation by channel: the right values, and what people compute instead (sentence -> value).

X is (n, c) or (n, c, h, w). Scales, shifts, means and variances have c entries, in any shape.
"""

from collections.abc import Sequence

import torch


def channel_statistics(X: torch.Tensor, unbiased: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of each channel of the batch, (c,) both."""
    over = (0, *range(2, X.ndim))
    return X.mean(over), X.var(over, unbiased=unbiased)


def normed(
    X: torch.Tensor,
    scale: torch.Tensor,
    shift: torch.Tensor,
    mean: torch.Tensor | None = None,
    var: torch.Tensor | None = None,
    eps: float = 1e-5,
) -> torch.Tensor:
    """scale * (X - mean) / sqrt(var + eps) + shift; mean and (biased) variance are by default the batch's."""
    wide = (1, -1) + (1,) * (X.ndim - 2)
    own = channel_statistics(X)
    mean, var = own[0] if mean is None else mean, own[1] if var is None else var
    scale, shift, mean, var = (values.reshape(wide) for values in (scale, shift, mean, var))
    return scale * (X - mean) / torch.sqrt(var + eps) + shift


def detached_norm(
    X: torch.Tensor, scale: torch.Tensor | None = None, shift: torch.Tensor | None = None
) -> torch.Tensor:
    """As `normed` in training, but no gradient goes through mean and variance.

    By default, scale is 1 and shift is 0.
    """
    mean, var = channel_statistics(X.detach())
    scale = torch.ones_like(mean) if scale is None else scale
    return normed(X, scale, torch.zeros_like(mean) if shift is None else shift, mean, var)


def wrong_in_training(
    X: torch.Tensor,
    scale: torch.Tensor,
    shift: torch.Tensor,
    old: Sequence[torch.Tensor],
    updated: Sequence[torch.Tensor],
    eps: float,
    names: tuple[str, str] = ("gamma", "beta"),
) -> dict[str, torch.Tensor]:
    """What people compute in the training mode of batch norm.

    old, updated: the averages (mean, var) before and after this batch. names: those of scale and shift.
    eps: far from 0 and from 1e-5, or mistakes look alike.
    """
    mean, var = channel_statistics(X)
    none, one = torch.zeros_like(mean), torch.ones_like(mean)

    def by(mean=mean, var=var, scale=scale, shift=shift, eps=eps):
        return normed(X, scale, shift, mean, var, eps)

    def within(*axes):
        spread = X.var(axes, unbiased=False, keepdim=True) + eps
        return normed((X - X.mean(axes, keepdim=True)) / spread.sqrt(), scale, shift, none, one, 0)

    a, b = names
    every = X.mean().expand_as(mean), X.var(unbiased=False).expand_as(var)
    unbiased = channel_statistics(X, unbiased=True)[1]
    known = {
        "training mode uses the statistics of the batch, not the old averages": by(*old),
        "the updated averages normalise X; take the statistics of the batch": by(*updated),
        "the variance is divided by m - 1; the output needs the biased one, divided by m": by(var=unbiased),
        "the squares are summed; the variance is their mean": by(var=X[:, 0].numel() * var),
        "it divides by the variance; take its square root": by(var=(var + eps) ** 2, eps=0),
        "the standard deviation is taken for the variance: one root too many": by(var=var.sqrt()),
        "eps should be added to the variance, under the root": by(var=(var.sqrt() + eps) ** 2, eps=0),
        "eps is missing, or fixed at 1e-5; take the argument": by(eps=1e-5),
        f"{a} and {b} are not applied": by(scale=one, shift=none),
        f"{a} is not applied": by(scale=one),
        f"{b} is not added": by(shift=none),
        f"{b} is subtracted; add it": by(shift=-shift),
        f"{a} and {b} are exchanged": by(scale=shift, shift=scale),
        "the mean is not subtracted": by(mean=none),
        "there is one mean and variance for all channels; take one for each": by(*every),
        "each example is normalised by itself; the statistics go over the batch": within(*range(1, X.ndim)),
    }
    if X.ndim == 4:
        known["each pixel has its own mean; average over height and width as well"] = within(0)
        known["each picture has its own means; average over the batch as well"] = within(2, 3)
    return known


def wrong_in_evaluation(
    X: torch.Tensor,
    scale: torch.Tensor,
    shift: torch.Tensor,
    old: Sequence[torch.Tensor],
    mode: str,
    eps: float = 1e-5,
) -> dict[str, torch.Tensor]:
    """What people compute in evaluation mode, where the averages old (mean, var) should be used.

    mode: what the exercise calls the mode.
    """
    mean, var = old
    one, none = torch.ones_like(scale), torch.zeros_like(shift)
    return {
        f"evaluation mode uses the statistics of the batch: ask {mode}": normed(X, scale, shift, eps=eps),
        "evaluation mode uses the mean of the batch": normed(X, scale, shift, None, var, eps),
        "evaluation mode uses the variance of the batch": normed(X, scale, shift, mean, None, eps),
        "evaluation mode divides by the variance; take its square root": normed(
            X, scale, shift, mean, (var + eps) ** 2, 0
        ),
        "in evaluation mode, scale and shift are not applied": normed(X, one, none, mean, var, eps),
    }


def wrong_averages(
    name: str, old: torch.Tensor, new: torch.Tensor, share: float, usual: float, convention: str
) -> dict[str, torch.Tensor]:
    """What people make of a moving average that should become old.lerp(new, share).

    usual: the share by default. convention: says what momentum is the weight of.
    """
    return {
        f"{name}: the weights of old and new are exchanged; {convention}": old.lerp(new, 1 - share),
        f"{name} has not changed": old,
        f"{name} is the value of the last batch; keep a part of the old one": new,
        f"{name}: the momentum is fixed at its default": old.lerp(new, usual),
    }
