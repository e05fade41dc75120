"""Pictures of clothes, drawn by code: what the course uses where Fashion-MNIST is not at hand.

Each class of Fashion-MNIST has one short function below that draws it on a `Sheet` of n pictures at once.
Coordinates run from -1 to 1, x to the right and y down. A shape is a coverage: float32 (n, 28, 28), 1 inside,
0 outside, something between on the edge. What differs from picture to picture only is float32 (n, 1, 1).

The drawing adds, multiplies, divides and takes square roots, which are rounded alike on every machine; it
needs no sine, exponential or normal noise, which are not. So one seed gives the same pictures everywhere.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

VERSION = 2  # raise it with every change of the pictures, so that no old file is taken for a new one
SIZE = 28  # pixels, height and width
PIXEL = 2 / SIZE


class Sheet:
    """n blank pictures that a garment is drawn on, and the dice for what varies between them.

    x and y, float32 (n, 28, 28), are the coordinates of the pixels as the garment sees them: each picture is
    a little shifted, turned and scaled.
    """

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        self.n = n
        self.rng = rng
        centres = (np.arange(SIZE, dtype=np.float32) + np.float32(0.5)) * np.float32(PIXEL) - 1
        x = centres[None, None, :] - self.vary(-0.07, 0.07)
        y = centres[None, :, None] - self.vary(-0.07, 0.07)
        tangent = self.vary(-0.07, 0.07)  # of the angle by which the picture is turned
        cosine = 1 / np.sqrt(1 + tangent * tangent)
        zoom = cosine / self.vary(0.86, 1.04)
        self.x = (x + tangent * y) * zoom
        self.y = (y - tangent * x) * zoom

    def vary(self, low: float, high: float) -> np.ndarray:
        """One number per picture, evenly spread from low to high: float32 (n, 1, 1)."""
        return self.rng.uniform(low, high, (self.n, 1, 1)).astype(np.float32)

    def some(self, share: float) -> np.ndarray:
        """1 for about this share of the pictures, 0 for the others: float32 (n, 1, 1)."""
        return (self.rng.random((self.n, 1, 1)) < share).astype(np.float32)

    def grain(self) -> np.ndarray:
        """One number per pixel, evenly spread from -1 to 1: float32 (n, 28, 28)."""
        return self.rng.random((self.n, SIZE, SIZE), dtype=np.float32) * 2 - 1


# Shapes


def inside(distance: np.ndarray) -> np.ndarray:
    """Coverage from the signed distance to an edge, negative inside; the edge is one pixel wide."""
    return np.clip(0.5 - distance * np.float32(1 / PIXEL), 0, 1)


def between(low, t: np.ndarray, high) -> np.ndarray:
    """The band low < t < high."""
    return inside(np.maximum(low - t, t - high))


def ellipse(x: np.ndarray, y: np.ndarray, radius_x, radius_y) -> np.ndarray:
    """An ellipse around (0, 0)."""
    reach = np.sqrt((x / radius_x) ** 2 + (y / radius_y) ** 2)
    return inside((reach - 1) * np.minimum(radius_x, radius_y))


def limb(x: np.ndarray, y: np.ndarray, start: tuple, end: tuple, radius, end_radius) -> np.ndarray:
    """A round stroke from start to end, both (x, y), whose radius changes evenly on the way."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    away = np.sqrt((x - start[0] - along * dx) ** 2 + (y - start[1] - along * dy) ** 2)
    return inside(away - radius - along * (end_radius - radius))


def line(x: np.ndarray, y: np.ndarray, start: tuple, end: tuple, radius) -> np.ndarray:
    """A stroke of one width."""
    return limb(x, y, start, end, radius, radius)


def curve(t: np.ndarray, *knots: tuple) -> np.ndarray:
    """The broken line through the knots (t, value), t rising, level before the first and after the last."""
    height = knots[0][1]
    for (t0, value0), (t1, value1) in pairwise(knots):
        height = height + np.clip((t - t0) / (t1 - t0), 0, 1) * (value1 - value0)
    return height


def waves(t: np.ndarray, length) -> np.ndarray:
    """A zigzag of that wavelength between 0 and 1."""
    return np.abs((t / length) % 1 * 2 - 1)


def paint(picture: np.ndarray, shape: np.ndarray, tone) -> np.ndarray:
    """Lay a shape of the given brightness over the picture."""
    return picture + shape * (tone - picture)


# What several garments share


def fabric(s: Sheet, patterned: float = 0.25) -> np.ndarray:
    """Cloth that fills the whole sheet: brightness, light from one side, folds, and a pattern on some."""
    tone = 1 - s.vary(0, 0.85) * s.vary(0.2, 1)
    light = 1 + s.vary(-0.15, 0.15) * s.x + s.vary(-0.15, 0.15) * s.y
    folds = 1 - s.vary(0, 0.2) * waves(s.x + s.vary(-0.5, 0.5) * s.y + s.vary(0, 1), s.vary(0.3, 0.8))
    stripes = 1 - s.some(patterned) * s.vary(0.2, 0.7) * stripe(s)
    return tone * light * folds * stripes * (1 + s.vary(0.02, 0.12) * s.grain())


def stripe(s: Sheet) -> np.ndarray:
    """Stripes across or along, or both, which makes checks."""
    across, along = s.some(0.7), s.some(0.4)
    width = s.vary(0.22, 0.5)
    return np.maximum(across * (waves(s.y, width) > 0.5), along * (waves(s.x, width) > 0.5))


def cut(s: Sheet, shoulder: tuple, bottom: tuple, flare: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half width of the shoulders, y of the hem, and how far the sleeves stand off, from their usual ranges.

    A third of the tops are cut like any other top instead: there only details tell the classes apart.
    """
    unusual = s.some(0.3)
    usual = np.stack([s.vary(*shoulder), s.vary(*bottom), s.vary(*flare)])
    common = np.stack([s.vary(0.42, 0.58), s.vary(0.6, 0.95), s.vary(0.08, 0.28)])
    return tuple(usual + unusual * (common - usual))


def detail(s: Sheet, cloth: np.ndarray) -> np.ndarray:
    """The brightness of a detail that stands out from the cloth, darker or lighter."""
    return np.where(s.some(0.5) > 0, cloth * s.vary(0.1, 0.6), cloth + s.vary(0.25, 0.6))


def torso(s: Sheet, top, bottom, shoulder, waist, hem) -> np.ndarray:
    """The body of an upper garment; shoulder, waist and hem are half widths."""
    half_width = curve(
        s.y, (top, shoulder * 0.5), (top + 0.2, shoulder), ((top + bottom) / 2, waist), (bottom, hem)
    )
    return inside(np.abs(s.x) - half_width) * between(top, s.y, bottom)


def sleeves(s: Sheet, top, shoulder, cuff: tuple, radius, cuff_radius) -> np.ndarray:
    """A pair of sleeves from the shoulders to the cuffs, cuff being the right one's (x, y)."""
    return limb(np.abs(s.x), s.y, (shoulder - radius, top + 0.28), cuff, radius, cuff_radius)


def neckline(s: Sheet, top, width, depth) -> np.ndarray:
    """What the neck leaves open: a round or a pointed cut."""
    pointed = inside(np.abs(s.x) / width - 1 + (s.y - top) / depth)
    return np.where(s.some(0.25) > 0, pointed, ellipse(s.x, s.y - top, width, depth))


def front(s: Sheet, top, bottom) -> np.ndarray:
    """The line down the middle where a garment opens."""
    return between(-0.05, s.x - s.vary(-0.04, 0.04), 0.05) * between(top, s.y, bottom)


def buttons(s: Sheet, top, bottom) -> np.ndarray:
    """A row of small spots down the middle."""
    spots = waves(s.y + s.vary(0, 1), s.vary(0.25, 0.4)) > 0.6
    return between(-0.07, s.x - s.vary(-0.03, 0.03), 0.07) * between(top, s.y, bottom) * spots


def collar(s: Sheet, top, width, depth) -> np.ndarray:
    """Two flaps from the neck to the middle of the chest."""
    return line(np.abs(s.x), s.y, (width, top), (0.04, top + depth), 0.06)


def long_sleeves(s: Sheet, top, shoulder, flare) -> np.ndarray:
    """Sleeves that hang down beside the body."""
    cuff = (shoulder + flare, s.vary(0.3, 0.75))
    return sleeves(s, top, shoulder, cuff, s.vary(0.16, 0.22), s.vary(0.08, 0.13))


def short_sleeves(s: Sheet, top, shoulder) -> np.ndarray:
    """Sleeves that end above the elbow."""
    cuff = (shoulder + s.vary(0.12, 0.3), top + s.vary(0.35, 0.8))
    return sleeves(s, top, shoulder, cuff, s.vary(0.17, 0.23), s.vary(0.12, 0.18))


def sewn(s: Sheet, body: np.ndarray, arms: np.ndarray, cloth: np.ndarray) -> np.ndarray:
    """Arms under a body of the same cloth, with a dark seam where they meet."""
    picture = paint(np.zeros_like(cloth), arms, cloth * s.vary(0.75, 1.05))
    seam = body * (1 - body) * 4 * arms
    return paint(paint(picture, body, cloth), seam * s.vary(0.1, 0.8), 0.1)


# The ten classes


def t_shirt(s: Sheet) -> np.ndarray:
    top, cloth = s.vary(-0.9, -0.78), fabric(s)
    shoulder, bottom, _ = cut(s, (0.44, 0.58), (0.65, 0.9), (0, 0))
    waist = shoulder * s.vary(0.82, 1)
    body = torso(s, top, bottom, shoulder, waist, waist * s.vary(0.95, 1.15))
    arms = short_sleeves(s, top, shoulder) * s.some(0.8)
    picture = sewn(s, body, arms, cloth)
    logo = ellipse(s.x, s.y + s.vary(0.1, 0.35), s.vary(0.12, 0.3), s.vary(0.1, 0.3)) * s.some(0.3)
    picture = paint(picture, logo, s.vary(0, 1))
    return paint(picture, neckline(s, top, s.vary(0.18, 0.3), s.vary(0.1, 0.35)), 0)


def trouser(s: Sheet) -> np.ndarray:
    top, bottom, waist, cloth = s.vary(-0.95, -0.85), s.vary(0.8, 0.95), s.vary(0.26, 0.4), fabric(s, 0.1)
    fork = s.vary(-0.5, -0.2)
    outer = curve(s.y, (top, waist), (fork, waist * s.vary(1.05, 1.3)), (bottom, s.vary(0.28, 0.55)))
    inner = curve(s.y, (fork, -0.02), (bottom, s.vary(0.0, 0.22)))
    legs = between(inner, np.abs(s.x), np.maximum(outer, inner + 0.16)) * between(top, s.y, bottom)
    belt = between(top, s.y, top + 0.12) * legs
    return paint(paint(np.zeros_like(cloth), legs, cloth), belt, cloth * s.vary(0.6, 1.2))


def pullover(s: Sheet) -> np.ndarray:
    top, cloth = s.vary(-0.9, -0.78), fabric(s)
    shoulder, bottom, flare = cut(s, (0.46, 0.58), (0.5, 0.75), (0.18, 0.32))
    waist = shoulder * s.vary(0.85, 1)
    body = torso(s, top, bottom, shoulder, waist, waist * s.vary(0.9, 1.1))
    picture = sewn(s, body, long_sleeves(s, top, shoulder, flare), cloth)
    rib = between(bottom - 0.13, s.y, bottom) * body * s.some(0.6)
    picture = paint(picture, rib, cloth * s.vary(0.6, 0.9))
    return paint(picture, neckline(s, top, s.vary(0.15, 0.26), s.vary(0.06, 0.2)), 0)


def dress(s: Sheet) -> np.ndarray:
    top, shoulder, cloth = s.vary(-0.97, -0.88), s.vary(0.24, 0.46), fabric(s)
    waist, middle = shoulder * s.vary(0.7, 1), s.vary(-0.35, 0)
    hem = waist + s.vary(0.02, 0.35)
    half_width = curve(s.y, (top, shoulder * 0.8), (top + 0.2, shoulder), (middle, waist), (0.95, hem))
    body = inside(np.abs(s.x) - half_width) * between(top, s.y, s.vary(0.85, 0.97))
    cuff = (shoulder + s.vary(0.08, 0.3), top + s.vary(0.4, 1.2))
    arms = sleeves(s, top, shoulder, cuff, s.vary(0.1, 0.14), s.vary(0.07, 0.1)) * s.some(0.45)
    picture = sewn(s, body, arms, cloth)
    sash = between(middle - 0.04, s.y, middle + 0.04) * body * s.some(0.3)
    picture = paint(picture, sash, s.vary(0, 1))
    return paint(picture, neckline(s, top, shoulder * s.vary(0.4, 0.7), s.vary(0.1, 0.4)), 0)


def coat(s: Sheet) -> np.ndarray:
    top, cloth = s.vary(-0.92, -0.8), fabric(s, 0.12)
    shoulder, bottom, flare = cut(s, (0.46, 0.6), (0.85, 1), (0.06, 0.18))
    waist = shoulder * s.vary(0.82, 1)
    body = torso(s, top, bottom, shoulder, waist, waist * s.vary(0.95, 1.2))
    picture = sewn(s, body, long_sleeves(s, top, shoulder, flare), cloth)
    picture = paint(picture, front(s, top, bottom) * body, detail(s, cloth))
    picture = paint(picture, buttons(s, top + 0.4, bottom) * s.some(0.3), s.vary(0, 1))
    lapels = collar(s, top, s.vary(0.16, 0.26), s.vary(0.35, 0.65)) * s.some(0.85)
    picture = paint(picture, lapels, detail(s, cloth))
    return paint(picture, neckline(s, top, s.vary(0.1, 0.2), s.vary(0.06, 0.25)), 0)


def sandal(s: Sheet) -> np.ndarray:
    heel, ground, cloth = s.vary(0.05, 0.65) * s.some(0.7), s.vary(0.3, 0.7), fabric(s, 0)
    sole_y = curve(s.x, (-0.45, ground), (0.5, ground - heel))
    instep = sole_y - curve(s.x, (-0.9, 0.08), (-0.5, 0.3), (0.4, 0.65)) * s.vary(0.6, 1.1)
    foot = between(instep, s.y, sole_y) * between(-0.9, s.x, 0.88)
    lean = s.x + s.vary(-0.2, 0.7) * (s.y - sole_y)
    picture = np.zeros_like(cloth)
    for middle, share in ((-0.6, 1.0), (-0.25, 0.6), (0.1, 0.5)):
        width = s.vary(0.06, 0.16) + s.some(0.3) * 0.1
        picture = paint(picture, between(middle - width, lean, middle + width) * foot * s.some(share), cloth)
    ankle = between(instep, s.y, instep + s.vary(0.1, 0.2)) * between(s.vary(0, 0.5), s.x, 0.88)
    back = between(s.vary(0.6, 0.78), s.x, 0.88)
    picture = paint(picture, np.maximum(ankle * s.some(0.75), back * s.some(0.6)) * foot, cloth)
    sole = between(sole_y - 0.05, s.y, sole_y + s.vary(0.04, 0.14)) * between(-0.92, s.x, 0.9)
    stem = between(s.vary(0.4, 0.82), s.x, 0.9) * between(sole_y, s.y, ground + 0.06) * (heel > 0)
    return paint(picture, np.maximum(sole, stem), s.vary(0.2, 1))


def shirt(s: Sheet) -> np.ndarray:
    top, cloth = s.vary(-0.92, -0.78), fabric(s, 0.4)
    shoulder, bottom, flare = cut(s, (0.36, 0.48), (0.72, 0.9), (0.08, 0.24))
    waist = shoulder * s.vary(0.82, 1)
    body = torso(s, top, bottom, shoulder, waist, waist * s.vary(0.95, 1.15))
    long, short = long_sleeves(s, top, shoulder, flare), short_sleeves(s, top, shoulder)
    arms = np.where(s.some(0.6) > 0, long, short)
    picture = sewn(s, body, arms, cloth)
    picture = paint(picture, buttons(s, top + 0.2, bottom) * s.some(0.8), detail(s, cloth))
    flaps = collar(s, top, s.vary(0.14, 0.24), s.vary(0.15, 0.3)) * s.some(0.95)
    picture = paint(picture, flaps, detail(s, cloth))
    return paint(picture, neckline(s, top, s.vary(0.1, 0.22), s.vary(0.06, 0.25)), 0)


def sneaker(s: Sheet) -> np.ndarray:
    ground, collar_y, cloth = s.vary(0.3, 0.7), s.vary(-0.4, -0.1) - 0.4 * s.some(0.25), fabric(s, 0.1)
    top = curve(
        s.x,
        (-0.95, ground - 0.1),
        (-0.85, ground - s.vary(0.2, 0.28)),
        (-0.45, ground - s.vary(0.3, 0.42)),
        (s.vary(0, 0.2), collar_y),
        (s.vary(0.3, 0.5), collar_y + s.vary(0, 0.15)),
        (0.8, collar_y - s.vary(-0.05, 0.1)),
    )
    upper = between(top, s.y, ground) * between(-0.93, s.x, 0.92)
    picture = paint(np.zeros_like(cloth), upper, cloth)
    stripe = line(
        s.x, s.y, (s.vary(-0.3, 0.1), ground), (s.vary(0.1, 0.5), collar_y + 0.1), s.vary(0.04, 0.1)
    )
    picture = paint(picture, stripe * upper * s.some(0.6), s.vary(0, 1))
    laces = between(top, s.y, top + 0.12) * between(-0.5, s.x, 0.1) * (waves(s.x, 0.2) > 0.5)
    picture = paint(picture, laces * s.some(0.6), s.vary(0, 1))
    sole = between(ground - s.vary(0.02, 0.12), s.y, ground + s.vary(0.04, 0.1)) * between(-0.95, s.x, 0.94)
    return paint(picture, sole, s.vary(0.3, 1))


def bag(s: Sheet) -> np.ndarray:
    top, cloth = s.vary(-0.55, 0.05), fabric(s, 0.15)
    bottom = top + s.vary(0.5, 1)
    half_width = curve(s.y, (top, s.vary(0.4, 0.9)), (bottom, s.vary(0.45, 0.92)))
    body = inside(np.abs(s.x) - half_width) * between(top, s.y, bottom)
    width, height, strap = s.vary(0.25, 0.6), s.vary(0.2, 0.6), s.vary(0.05, 0.11)
    ring = ellipse(s.x, s.y - top, width, height) - ellipse(s.x, s.y - top, width - strap, height - strap)
    picture = paint(np.zeros_like(cloth), ring * (s.y < top) * s.some(0.85), cloth * s.vary(0.5, 1.1))
    picture = paint(picture, body, cloth)
    flap_y = top + s.vary(0.15, 0.5)
    flap = between(flap_y - 0.03, s.y, flap_y + 0.03) * body * s.some(0.6)
    picture = paint(picture, flap, s.vary(0, 0.6))
    buckle = ellipse(s.x, s.y - flap_y, s.vary(0.06, 0.14), s.vary(0.06, 0.14)) * s.some(0.5)
    return paint(picture, buckle, s.vary(0, 1))


def ankle_boot(s: Sheet) -> np.ndarray:
    ground, shaft_y, cloth = s.vary(0.4, 0.85), s.vary(-0.9, -0.2), fabric(s, 0.05)
    ankle = s.vary(-0.2, 0.1)
    top = curve(
        s.x,
        (-0.95, ground - 0.15),
        (-0.85, ground - 0.32),
        (-0.55, ground - s.vary(0.4, 0.5)),
        (ankle, ground - s.vary(0.65, 0.85)),
        (ankle + s.vary(0.08, 0.25), shaft_y),
        (0.9, shaft_y + s.vary(-0.1, 0.1)),
    )
    heel = s.vary(0, 0.2)
    upper = between(top, s.y, ground - heel * (s.x > 0)) * between(-0.93, s.x, s.vary(0.7, 0.92))
    picture = paint(np.zeros_like(cloth), upper, cloth)
    seam = line(s.x, s.y, (s.vary(0.1, 0.4), shaft_y), (s.vary(0.2, 0.5), ground - 0.5), 0.04) * s.some(0.4)
    picture = paint(picture, seam * upper, s.vary(0, 0.5))
    block = between(s.vary(0.3, 0.6), s.x, 0.85) * between(ground - heel - 0.1, s.y, ground + 0.06)
    sole = between(ground - 0.06, s.y, ground + 0.06) * between(-0.93, s.x, 0.3)
    return paint(picture, np.maximum(block, sole), s.vary(0.1, 1))


GARMENTS: dict[str, Callable[[Sheet], np.ndarray]] = {
    "T-shirt/top": t_shirt,
    "Trouser": trouser,
    "Pullover": pullover,
    "Dress": dress,
    "Coat": coat,
    "Sandal": sandal,
    "Shirt": shirt,
    "Sneaker": sneaker,
    "Bag": bag,
    "Ankle boot": ankle_boot,
}  # names and order of Fashion-MNIST: the place is the label


def draw(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw pictures of all ten classes, equally often and in random order.

    Returns images, uint8 (count, 28, 28), and labels, uint8 (count,).
    Raises ValueError unless count is a positive multiple of ten.
    """
    per_class, rest = divmod(count, len(GARMENTS))
    if per_class < 1 or rest:
        raise ValueError(f"count must be a positive multiple of {len(GARMENTS)}, got {count}")
    rng = np.random.default_rng(seed)
    pictures = np.concatenate([garment(Sheet(per_class, rng)) for garment in GARMENTS.values()])
    images = (np.clip(pictures, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
    labels = np.repeat(np.arange(len(GARMENTS), dtype=np.uint8), per_class)
    order = rng.permutation(count)
    return images[order], labels[order]
