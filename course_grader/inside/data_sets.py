"""The embedded data sets: named in the code that will run, drawn by the server before it runs."""

from collections.abc import Iterable

# data set -> words in the code that loads it; scenes are made of the pictures of clothes
NAMED = {
    "fashion_mnist": ("fashion_mnist", "scenes"),
    "house_prices": ("house_price",),
    "cifar10": ("cifar10",),
}


def named_in(sources: Iterable[str]) -> frozenset[str]:
    """The sets that these pieces of code may load, as far as their text tells."""
    text = "\n".join(sources)
    return frozenset(name for name, words in NAMED.items() if any(word in text for word in words))


def draw(names: Iterable[str]) -> None:
    """Draw these sets, unless they are there; each takes up to two seconds."""
    from course_utils import embedded

    for name in names:
        embedded.make(name)
