"""Scores at which the textbook formula of the softmax breaks, and the shifts that do not repair it."""

import torch


def extreme_scores() -> torch.Tensor:
    """Scores (5, 3) in float32.

    Two rows around 10,000 and -10,000, one with both; one that only a small shift saves from overflow, and
    one whose exponentials all underflow in float32, not in float64. A shift by its mean saves the last one, a
    shift by its smallest score does not.
    """
    high, low = [1e4, 1e4 - 1.25, 1e4 - 2.5], [-1e4, -1e4, -1e4 + 1.5]
    return torch.tensor([high, low, [1e4, -1e4, 0.0], [-90.0, 0.5, 89.5], [-110.0, -200.0, -109.0]])


def wrong_shifts(scores: torch.Tensor) -> dict[str, torch.Tensor]:
    """What people subtract from scores (n, k) before exp: sentence -> the tensor that is subtracted."""
    nothing, largest = torch.zeros(1, 1), scores.max()
    return {
        "exp overflows: subtract the largest score of each row first": nothing,
        "exp overflows in float64, too: subtract the largest score of each row first": nothing.double(),
        "it subtracts one maximum for the whole table; every row needs its own": largest,
        "it subtracts the largest magnitude; subtract the largest score": scores.abs().amax(1, True),
        "it subtracts the mean, and exp still overflows; subtract the largest score": scores.mean(1, True),
        "it subtracts the smallest score, and exp still overflows; subtract the largest": scores.amin(
            1, True
        ),
        "it subtracts the place of the maximum, .indices; subtract .values": scores.argmax(1, True),
    }
