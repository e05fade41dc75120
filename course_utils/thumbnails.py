"""Small colour pictures of ten kinds of things, drawn by code: used where CIFAR-10 is not at hand.

Each class of CIFAR-10 has one short function below that paints it onto a `Canvas` of n pictures at once, over
surroundings with a texture. Shapes are as in `garments`: coverages, float32 (n, 32, 32), in coordinates from
-1 to 1, x to the right and y down. Every animal and vehicle is drawn looking to the right; the canvas mirrors
half of them. A colour is float32 (n, 3, 1, 1), a picture float32 (n, 3, 32, 32) around [0, 1].

Own surroundings, such as the sea for a ship, are drawn with the probability `habitat`, else any others.
Objects and surroundings have dice of their own, so the same objects can be drawn in different surroundings.

As in `garments`, one seed gives the same pictures everywhere.
"""

from collections.abc import Callable

from course_utils.garments import between, curve, ellipse, inside, limb, line, waves

import numpy as np

VERSION = 1  # raise it with every change of the pictures, so that no old file is taken for a new one
SIZE = 32  # pixels, height and width
HABITAT = 0.6  # how often a thing is where it belongs

Colour = tuple[float, float, float]

FUR = [(0.15, 0.13, 0.12), (0.45, 0.3, 0.18), (0.7, 0.5, 0.3), (0.9, 0.88, 0.84), (0.5, 0.48, 0.46)]
HIDE = [(0.2, 0.13, 0.09), (0.42, 0.26, 0.15), (0.6, 0.42, 0.26), (0.75, 0.62, 0.45), (0.85, 0.83, 0.8)]
PAINT = [(0.8, 0.12, 0.1), (0.12, 0.25, 0.7), (0.9, 0.9, 0.9), (0.1, 0.1, 0.12), (0.55, 0.57, 0.6),
         (0.9, 0.75, 0.1), (0.15, 0.5, 0.25)]  # fmt: skip
METAL = [(0.9, 0.9, 0.92), (0.7, 0.72, 0.76), (0.5, 0.53, 0.58), (0.25, 0.3, 0.45), (0.75, 0.2, 0.15)]
SKIN = [(0.35, 0.6, 0.15), (0.2, 0.4, 0.12), (0.5, 0.42, 0.2), (0.6, 0.65, 0.3), (0.4, 0.28, 0.18)]
FEATHERS = [(0.2, 0.2, 0.22), (0.55, 0.38, 0.22), (0.9, 0.9, 0.88), (0.75, 0.25, 0.15), (0.3, 0.45, 0.7),
            (0.85, 0.75, 0.25)]  # fmt: skip
DARK: Colour = (0.08, 0.08, 0.1)
GLASS: Colour = (0.35, 0.45, 0.55)


class Dice:
    """What varies between n pictures."""

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        self.n = n
        self.rng = rng

    def vary(self, low: float, high: float) -> np.ndarray:
        """One number per picture, evenly spread from low to high: float32 (n, 1, 1)."""
        return self.rng.uniform(low, high, (self.n, 1, 1)).astype(np.float32)

    def some(self, share: float) -> np.ndarray:
        """1 for about this share of the pictures, 0 for the others: float32 (n, 1, 1)."""
        return (self.rng.random((self.n, 1, 1)) < share).astype(np.float32)

    def colour(self, *palette: Colour, spread: float = 0.1) -> np.ndarray:
        """One colour per picture, near one of the palette: float32 (n, 3, 1, 1)."""
        chosen = np.array(palette, dtype=np.float32)[self.rng.integers(0, len(palette), self.n)]
        change = self.rng.uniform(-spread, spread, (self.n, 3)).astype(np.float32)
        return (chosen + change)[:, :, None, None]

    def clouds(self, cells: int) -> np.ndarray:
        """Smooth noise between 0 and 1 with so many cells along each axis: float32 (n, 32, 32)."""
        knots = self.rng.random((self.n, cells + 1, cells + 1), dtype=np.float32)
        place = (np.arange(SIZE, dtype=np.float32) + np.float32(0.5)) * np.float32(cells / SIZE)
        low = place.astype(int)
        part = place - low
        rows = knots[:, low] + (knots[:, low + 1] - knots[:, low]) * part[:, None]
        return rows[:, :, low] + (rows[:, :, low + 1] - rows[:, :, low]) * part

    def grain(self) -> np.ndarray:
        """One number per pixel, evenly spread from -1 to 1: float32 (n, 32, 32)."""
        return self.rng.random((self.n, SIZE, SIZE), dtype=np.float32) * 2 - 1


class Canvas(Dice):
    """n pictures to paint on.

    x and y, float32 (n, 32, 32), are the coordinates as the thing sees them: each picture is shifted, turned,
    scaled, narrowed and perhaps mirrored in its own way.
    """

    def __init__(self, picture: np.ndarray, rng: np.random.Generator) -> None:
        super().__init__(len(picture), rng)
        self.picture = picture
        x = _centres()[None, None, :] - self.vary(-0.25, 0.25)
        y = _centres()[None, :, None] - self.vary(-0.22, 0.22)
        tangent = self.vary(-0.16, 0.16)  # of the angle by which the picture is turned
        zoom = 1 / np.sqrt(1 + tangent * tangent) / self.vary(0.75, 1.12)
        mirror = 1 - 2 * self.some(0.5)
        self.x = (x + tangent * y) * zoom * mirror / self.vary(0.8, 1.05)
        self.y = (y - tangent * x) * zoom

    def paint(self, shape: np.ndarray, colour: np.ndarray | Colour) -> None:
        """Lay a shape of this colour over the pictures."""
        if isinstance(colour, tuple):
            colour = np.array(colour, dtype=np.float32)[:, None, None]
        self.picture += shape[:, None] * (colour - self.picture)


def _centres() -> np.ndarray:
    """The coordinates of the 32 pixels along an axis."""
    return (np.arange(SIZE, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / SIZE) - 1


def shade(colour: np.ndarray, amount: np.ndarray | float) -> np.ndarray:
    """The colour, darker or lighter: a number, or one per picture (n, 1, 1) or pixel (n, 32, 32)."""
    return colour * (amount[:, None] if isinstance(amount, np.ndarray) else amount)


def wedge(x: np.ndarray, y: np.ndarray, base_y, tip_y, half_width) -> np.ndarray:
    """A triangle around x = 0 from a base to a tip above it (tip_y < base_y)."""
    return inside(np.maximum(np.abs(x) - half_width * (y - tip_y) / (base_y - tip_y), y - base_y))


# Surroundings


def _two_bands(d: Dice, far: list[Colour], near: list[Colour], rough: float) -> np.ndarray:
    """Something far above a horizon, something near below it."""
    y = _centres()[None, :, None] + 0.15 * d.clouds(3)
    below = inside(d.vary(-0.4, 0.6) - y)[:, None]
    top, bottom = d.colour(*far, spread=0.08), d.colour(*near, spread=0.08)
    top = shade(top, 1 + d.vary(-0.3, 0.3) * y)
    texture = 1 + rough * (d.clouds(8) - 0.5) + rough * 0.5 * d.grain()
    return top + below * (shade(bottom, texture) - top)


def sky(d: Dice) -> np.ndarray:
    y = _centres()[None, :, None] + 0 * d.clouds(1)
    blue = d.colour((0.45, 0.65, 0.9), (0.6, 0.75, 0.9), (0.75, 0.78, 0.82), (0.85, 0.65, 0.5))
    white = np.clip(d.clouds(4) * d.vary(1, 2.2) - 0.8, 0, 1)[:, None]
    return shade(blue, 1 + d.vary(-0.1, 0.25) * y) * (1 - white) + white * 0.95


def sea(d: Dice) -> np.ndarray:
    colours = [(0.15, 0.35, 0.5), (0.1, 0.25, 0.4), (0.3, 0.45, 0.5), (0.4, 0.5, 0.5)]
    return _two_bands(d, [(0.6, 0.75, 0.9), (0.75, 0.78, 0.8), (0.85, 0.7, 0.55)], colours, 0.4)


def meadow(d: Dice) -> np.ndarray:
    far = [(0.6, 0.75, 0.9), (0.2, 0.35, 0.15), (0.75, 0.8, 0.8)]
    return _two_bands(d, far, [(0.35, 0.55, 0.2), (0.5, 0.6, 0.25), (0.65, 0.6, 0.35)], 0.5)


def wood(d: Dice) -> np.ndarray:
    x = _centres()[None, None, :] + 0.1 * d.clouds(2)
    trunks = (waves(x + d.vary(0, 1), d.vary(0.4, 0.9)) > 0.75) * d.clouds(2)
    green = d.colour((0.12, 0.25, 0.1), (0.25, 0.4, 0.15), (0.4, 0.35, 0.15))
    return shade(green, 0.6 + 0.9 * d.clouds(6) - 0.5 * trunks + 0.15 * d.grain())


def road(d: Dice) -> np.ndarray:
    far = [(0.7, 0.75, 0.8), (0.55, 0.5, 0.45), (0.3, 0.4, 0.25), (0.6, 0.6, 0.62)]
    return _two_bands(d, far, [(0.4, 0.4, 0.42), (0.55, 0.54, 0.52), (0.3, 0.3, 0.32)], 0.25)


def room(d: Dice) -> np.ndarray:
    walls = [(0.85, 0.8, 0.7), (0.7, 0.75, 0.8), (0.6, 0.4, 0.35), (0.5, 0.55, 0.45)]
    return _two_bands(d, walls, [(0.6, 0.42, 0.28), (0.7, 0.65, 0.6), (0.35, 0.3, 0.35)], 0.2)


SURROUNDINGS = (sky, sea, meadow, wood, road, room)


def background(d: Dice, own: tuple[Callable, ...], habitat: float) -> np.ndarray:
    """A picture of surroundings: with probability habitat one of the thing's own, else one of the others."""
    at_home = d.rng.random(d.n) < habitat
    mine = [SURROUNDINGS.index(kind) for kind in own]
    others = [i for i in range(len(SURROUNDINGS)) if i not in mine]
    own_place, other_place = d.rng.choice(mine, d.n), d.rng.choice(others, d.n)
    place = np.where(at_home, own_place, other_place)
    picture = np.empty((d.n, 3, SIZE, SIZE), dtype=np.float32)
    for i, kind in enumerate(SURROUNDINGS):
        here = place == i
        if here.any():
            picture[here] = kind(Dice(int(here.sum()), d.rng))
    return picture


# What several things share


def shadow(c: Canvas, ground, width) -> None:
    """A dark patch on the ground below."""
    c.paint(ellipse(c.x, c.y - ground, width, 0.09) * c.vary(0.2, 0.7), DARK)


def fur(c: Canvas, *palette: Colour, patterned: float = 0.3) -> np.ndarray:
    """A coat of hair: float32 (n, 3, 32, 32), lighter towards the light, with stripes or patches on some."""
    light = 1 + c.vary(-0.25, 0.25) * c.x - c.vary(0, 0.35) * c.y
    patches = 1 - c.some(patterned) * c.vary(0.2, 0.6) * (c.clouds(5) > 0.55)
    return shade(c.colour(*palette), light * patches * (1 + 0.12 * c.grain()))


def legs(c: Canvas, coat: np.ndarray, front, back, top, ground, width) -> None:
    """Four legs that stand or walk; the two on the far side are darker."""
    stride = c.vary(0, 0.14)
    for far, swing in ((True, -1), (False, 1)):
        tone = shade(coat, 0.65) if far else coat
        for x in (front, back):
            foot = (x + swing * stride, ground)
            c.paint(line(c.x, c.y, (x + 0.02 * swing, top), foot, width), tone)


def wheel(c: Canvas, x, ground, radius) -> None:
    c.paint(ellipse(c.x - x, c.y - (ground - radius), radius, radius), DARK)
    c.paint(ellipse(c.x - x, c.y - (ground - radius), radius * 0.45, radius * 0.45), (0.6, 0.6, 0.62))


def eyes(c: Canvas, x, y, apart, radius) -> None:
    """A pair of dark eyes, to the left and the right of x."""
    c.paint(ellipse(np.abs(c.x - x) - apart, c.y - y, radius, radius), DARK)


def upright(c: Canvas, face: Callable[[], None], body: Callable[[], None], share: float) -> None:
    """The face for this share of the pictures, the body from the side for the others."""
    before, is_face = c.picture.copy(), c.some(share)[:, None] > 0
    face()
    faces, c.picture = c.picture, before
    body()
    c.picture = np.where(is_face, faces, c.picture)


# The ten classes


def airplane(c: Canvas) -> None:
    hull, wing = c.colour(*METAL), c.vary(0.75, 1.15)
    span, sweep, thick = c.vary(0.45, 0.85), c.vary(0.15, 0.5), c.vary(0.09, 0.15)
    for side in (-1, 1):  # the far wing, then hull and near wing
        root, tip = (c.vary(0, 0.2), 0.0), (-sweep, side * span * c.vary(0.3, 0.8))
        c.paint(limb(c.x, c.y, root, tip, 0.14, 0.05), shade(hull, 0.8 * wing if side < 0 else wing))
        if side < 0:
            body = shade(hull, 1 - c.vary(0, 2.5) * (c.y + 0.05))
            c.paint(limb(c.x, c.y, (-0.75, -0.04), (0.6, 0.02), thick * 0.5, thick), body)
    c.paint(limb(c.x, c.y, (-0.6, -0.05), (-0.78, -c.vary(0.2, 0.42)), 0.1, 0.06), c.colour(*METAL, *PAINT))
    c.paint(between(-0.03, c.y + 0.03, 0.02) * between(-0.5, c.x, 0.5) * c.some(0.6), DARK)
    c.paint(ellipse(c.x - 0.1, c.y - 0.18, 0.13, 0.06) * c.some(0.5), shade(hull, 0.5))


def automobile(c: Canvas) -> None:
    ground, coat = c.vary(0.3, 0.42), c.colour(*PAINT)
    shadow(c, ground, 0.8)
    roof, waist = c.vary(-0.35, -0.12), c.vary(-0.02, 0.08)
    front, back = c.vary(0.3, 0.5), c.vary(-0.75, -0.35)
    cabin = between(back + 0.5 * (waist - c.y) * 0.5, c.x, front - 0.8 * (waist - c.y)) * between(
        roof, c.y, waist
    )
    c.paint(cabin, coat)
    glass = between(back + 0.1 + 0.3 * (waist - c.y), c.x, front - 0.1 - 0.8 * (waist - c.y))
    c.paint(glass * between(roof + 0.06, c.y, waist), c.colour(GLASS, DARK))
    post = (back + front) / 2
    c.paint(between(post - 0.03, c.x, post + 0.03) * between(roof, c.y, waist), coat)
    top = curve(c.x, (-0.8, waist + 0.08), (-0.6, waist), (0.4, waist + 0.02), (0.8, waist + 0.14))
    c.paint(
        between(top, c.y, ground - 0.08) * between(-0.8, c.x, 0.8), shade(coat, 1.05 - c.vary(0, 0.8) * c.y)
    )
    radius = c.vary(0.13, 0.18)
    wheel(c, -c.vary(0.42, 0.55), ground, radius)
    wheel(c, c.vary(0.42, 0.55), ground, radius)
    c.paint(ellipse(c.x - 0.76, c.y - waist - 0.14, 0.06, 0.05), c.colour((0.95, 0.9, 0.6), (0.9, 0.3, 0.2)))


def truck(c: Canvas) -> None:
    ground, coat, load = c.vary(0.34, 0.46), c.colour(*PAINT), c.colour(*PAINT, *METAL)
    shadow(c, ground, 0.85)
    seam = c.vary(0.2, 0.42)  # between the box and the cab
    is_pickup = c.some(0.4)
    box_top = np.where(is_pickup > 0, c.vary(-0.1, 0.06), c.vary(-0.55, -0.25))
    box = between(-0.82, c.x, seam - 0.04) * between(box_top, c.y, ground - 0.12)
    ribs = 1 - c.some(0.5) * 0.25 * (waves(c.x, 0.22) > 0.6)
    c.paint(box, shade(np.where(is_pickup[:, None] > 0, coat, load), ribs * (1.05 - c.vary(0, 0.6) * c.y)))
    cab_top = np.where(is_pickup > 0, c.vary(-0.35, -0.15), c.vary(-0.4, -0.1))
    rear = seam - 0.38 * is_pickup
    c.paint(between(rear, c.x, 0.66 - 0.3 * (0.1 - c.y) * (c.y < 0.1)) * between(cab_top, c.y, 0.12), coat)
    c.paint(between(rear, c.x, 0.8) * between(c.vary(0.02, 0.1), c.y, ground - 0.1), coat)
    c.paint(
        between(rear + 0.1, c.x, 0.6) * between(cab_top + 0.07, c.y, c.vary(0, 0.06)), c.colour(GLASS, DARK)
    )
    radius = c.vary(0.13, 0.18)
    for x in (-0.58, 0.52):
        wheel(c, x, ground, radius)
    c.paint(ellipse(c.x + 0.22, c.y - ground + radius, radius, radius) * c.some(0.4), DARK)


def ship(c: Canvas) -> None:
    water, hull = c.vary(0.25, 0.45), c.colour(*PAINT, *METAL)
    deck = water - c.vary(0.18, 0.34)
    length = c.vary(0.65, 0.85)
    sails = c.some(0.3)
    house = c.colour((0.92, 0.92, 0.9), (0.8, 0.75, 0.65), *METAL) * np.ones_like(c.picture)
    width, left = c.vary(0.2, 0.5), c.vary(-0.45, -0.2)
    tall = deck - c.vary(0.12, 0.4)
    block = between(left, c.x, left + width) * between(tall, c.y, deck + 0.05) * (1 - sails)
    c.paint(block, house)
    c.paint(block * between(tall + 0.07, c.y, tall + 0.13) * (waves(c.x, 0.12) > 0.4), DARK)
    funnel = between(left + 0.08, c.x, left + 0.2) * between(tall - c.vary(0.12, 0.25), c.y, tall)
    c.paint(funnel * (1 - sails) * c.some(0.7), c.colour(*PAINT))
    mast = c.vary(-0.1, 0.15)
    c.paint(
        line(c.x, c.y, (mast, deck), (mast, -c.vary(0.5, 0.75)), 0.025) * np.maximum(sails, c.some(0.5)), DARK
    )
    sail = wedge(c.x - mast, c.y, deck - 0.06, -0.65, c.vary(0.3, 0.55)) * (np.abs(c.x - mast) > 0.03) * sails
    c.paint(sail, c.colour((0.95, 0.94, 0.9), (0.9, 0.8, 0.6), *PAINT))
    side = length - 0.5 * (c.y - deck)
    body = between(-side + 0.1, c.x, side) * between(deck, c.y, water)
    c.paint(body, shade(hull, 1.05 - c.vary(0, 0.6) * (c.y - deck)))
    c.paint(body * between(water - 0.08, c.y, water) * c.some(0.5), c.colour(*PAINT))


def bird(c: Canvas) -> None:
    coat, flies = fur(c, *FEATHERS, patterned=0.2), c.some(0.45)
    perch = c.vary(0.4, 0.6)
    for x in (-0.02, 0.08):
        c.paint(line(c.x, c.y, (x, 0.15), (x + 0.05, perch), 0.03) * (1 - flies), (0.5, 0.35, 0.2))
    c.paint(
        limb(c.x, c.y, (-0.3, 0.08), (-c.vary(0.6, 0.85), c.vary(0.05, 0.35)), 0.1, 0.07), shade(coat, 0.8)
    )
    lift, span = c.vary(-0.1, 0.1), c.vary(0.35, 0.7)
    far = limb(c.x, c.y, (0.05, -0.02), (0.2 + lift, -span), 0.15, 0.05) * flies
    c.paint(far, shade(coat, 0.7))
    c.paint(limb(c.x, c.y, (-0.25, 0.06), (0.15, 0), c.vary(0.14, 0.2), c.vary(0.18, 0.26)), coat)
    belly = ellipse(c.x - 0.1, c.y - 0.12, 0.25, 0.12) * c.some(0.6)
    c.paint(belly, c.colour((0.9, 0.85, 0.75), (0.8, 0.4, 0.2), (0.85, 0.8, 0.4)))
    wing = shade(coat, c.vary(0.55, 0.95))
    c.paint(limb(c.x, c.y, (0, 0), (-0.25 + lift, -span), 0.17, 0.05) * flies, wing)
    c.paint(limb(c.x, c.y, (0.05, 0), (-0.4, 0.1), 0.13, 0.05) * (1 - flies), wing)
    head_x, head_y = c.vary(0.28, 0.4), c.vary(-0.3, -0.12)
    c.paint(limb(c.x, c.y, (0.18, -0.02), (head_x, head_y), 0.14, 0.12), coat)
    c.paint(ellipse(c.x - head_x, c.y - head_y, 0.16, 0.15), coat)
    beak = limb(c.x, c.y, (head_x + 0.12, head_y), (head_x + c.vary(0.25, 0.4), head_y + 0.04), 0.06, 0.02)
    c.paint(beak, c.colour((0.9, 0.6, 0.1), (0.2, 0.2, 0.2)))
    c.paint(ellipse(c.x - head_x - 0.04, c.y - head_y + 0.03, 0.035, 0.035), DARK)


def _pet(c: Canvas, *, is_dog: bool) -> None:
    """A cat or a dog: they share the body and differ in ears, muzzle and tail."""
    coat = fur(c, *FUR, patterned=0.3 if is_dog else 0.5)
    inner = c.colour((0.85, 0.6, 0.55), (0.3, 0.2, 0.18))
    droops = c.some(0.75 if is_dog else 0.08)[:, None] > 0
    pale = c.colour((0.92, 0.9, 0.86), *FUR)

    def ears(x, y, apart, size) -> None:
        off = np.abs(c.x - x) - apart
        before = c.picture.copy()
        c.paint(wedge(off, c.y - y, 0.0, -1.5 * size, 0.75 * size), shade(coat, 0.9))
        c.paint(wedge(off, c.y - y, 0.0, -0.8 * size, 0.35 * size), inner)
        pointed, c.picture = c.picture, before
        c.paint(
            limb(off, c.y - y, (0.0, -0.02), (0.6 * size, 1.5 * size), 0.35 * size, 0.5 * size),
            shade(coat, 0.6),
        )
        c.picture = np.where(droops, c.picture, pointed)

    def face() -> None:
        radius = c.vary(0.4, 0.52)
        wide = radius * (c.vary(0.75, 1) if is_dog else c.vary(0.95, 1.15))
        c.paint(limb(c.x, c.y, (0.0, 0.3), (0, 0.9), 0.35, 0.5), shade(coat, 0.85))
        c.paint(ellipse(c.x, c.y, wide, radius), coat)
        ears(0.0, -0.75 * radius, wide * 0.68, c.vary(0.24, 0.34))
        snout = c.vary(0.18, 0.28) if is_dog else c.vary(0.1, 0.18)
        c.paint(ellipse(c.x, c.y - 0.2, snout * 0.95, snout) * c.some(0.8), pale)
        eyes(c, 0.0, -0.08, c.vary(0.15, 0.22), c.vary(0.05, 0.08))
        nose = 0.09 if is_dog else 0.05
        c.paint(ellipse(c.x, c.y - 0.14, nose, nose * 0.8), inner if not is_dog else DARK)

    def body() -> None:
        ground, back = c.vary(0.45, 0.6), c.vary(-0.02, 0.1)
        shadow(c, ground, 0.6)
        thin = (0.07, 0.05) if not is_dog else (0.06, 0.04)
        up = c.vary(-0.45, 0.1)
        c.paint(limb(c.x, c.y, (-0.4, back), (-c.vary(0.55, 0.75), up), *thin), shade(coat, 0.85))
        legs(c, coat, 0.25, -0.35, back, ground, c.vary(0.055, 0.08))
        c.paint(
            limb(c.x, c.y, (-0.3, back + 0.02), (0.25, back), c.vary(0.14, 0.2), c.vary(0.15, 0.22)), coat
        )
        head_x, head_y = c.vary(0.38, 0.5), back - c.vary(0.2, 0.35)
        c.paint(limb(c.x, c.y, (0.25, back - 0.03), (head_x, head_y), 0.14, 0.13), coat)
        c.paint(ellipse(c.x - head_x, c.y - head_y, 0.19, 0.18), coat)
        reach = c.vary(0.14, 0.28) if is_dog else c.vary(0.04, 0.12)
        c.paint(
            limb(
                c.x, c.y, (head_x + 0.08, head_y + 0.04), (head_x + 0.08 + reach, head_y + 0.07), 0.11, 0.08
            ),
            pale,
        )
        ears(head_x - 0.04, head_y - 0.1, 0.09, c.vary(0.13, 0.18))
        c.paint(ellipse(c.x - head_x - 0.08, c.y - head_y + 0.03, 0.03, 0.035), DARK)

    upright(c, face, body, 0.5)


def cat(c: Canvas) -> None:
    _pet(c, is_dog=False)


def dog(c: Canvas) -> None:
    _pet(c, is_dog=True)


def deer(c: Canvas) -> None:
    coat, ground, back = fur(c, *HIDE[1:4], patterned=0.25), c.vary(0.55, 0.72), c.vary(-0.1, 0.02)
    shadow(c, ground, 0.5)
    legs(c, coat, 0.22, -0.32, back, ground, c.vary(0.04, 0.06))
    c.paint(limb(c.x, c.y, (-0.3, back), (0.2, back), c.vary(0.14, 0.19), c.vary(0.14, 0.18)), coat)
    c.paint(ellipse(c.x + 0.45, c.y - back - 0.02, 0.07, 0.09), c.colour((0.95, 0.92, 0.88), *HIDE))
    grazes = c.some(0.25)
    head_x, head_y = c.vary(0.36, 0.52), back - c.vary(0.35, 0.5) + grazes * 0.75
    c.paint(limb(c.x, c.y, (0.2, back - 0.04), (head_x, head_y), 0.11, 0.08), coat)
    c.paint(limb(c.x, c.y, (head_x, head_y), (head_x + 0.18, head_y + 0.08), 0.1, 0.05), coat)
    c.paint(
        limb(c.x, c.y, (head_x - 0.04, head_y - 0.08), (head_x - 0.16, head_y - 0.16), 0.04, 0.03),
        shade(coat, 0.8),
    )
    horns, bone = c.some(0.55), (0.75, 0.65, 0.5)
    for x in (-0.12, 0.1):
        tip = (head_x + x, head_y - c.vary(0.32, 0.45))
        c.paint(line(c.x, c.y, (head_x - 0.02, head_y - 0.08), tip, 0.025) * horns, bone)
        fork = (head_x + x * 0.6, head_y - 0.24), (head_x + x * 2, head_y - 0.3)
        c.paint(line(c.x, c.y, *fork, 0.02) * horns, bone)


def horse(c: Canvas) -> None:
    coat, ground, back = fur(c, *HIDE, patterned=0.2), c.vary(0.55, 0.7), c.vary(-0.1, 0.04)
    mane = c.colour(DARK, *HIDE)
    shadow(c, ground, 0.6)
    c.paint(
        limb(c.x, c.y, (-0.45, back - 0.05), (-c.vary(0.58, 0.75), back + c.vary(0.25, 0.45)), 0.06, 0.08),
        mane,
    )
    legs(c, coat, 0.28, -0.36, back, ground, c.vary(0.05, 0.075))
    c.paint(limb(c.x, c.y, (-0.32, back), (0.26, back), c.vary(0.17, 0.23), c.vary(0.17, 0.22)), coat)
    grazes = c.some(0.25)
    head_x, head_y = c.vary(0.46, 0.6), back - c.vary(0.32, 0.46) + grazes * 0.75
    c.paint(limb(c.x, c.y, (0.14, back - 0.16), (head_x - 0.1, head_y - 0.06), 0.1, 0.09), mane)
    c.paint(limb(c.x, c.y, (0.26, back - 0.06), (head_x, head_y), 0.16, 0.1), coat)
    c.paint(limb(c.x, c.y, (head_x, head_y), (head_x + 0.2, head_y + 0.18), 0.12, 0.075), coat)
    c.paint(limb(c.x, c.y, (head_x - 0.03, head_y - 0.08), (head_x - 0.02, head_y - 0.2), 0.04, 0.02), coat)


def frog(c: Canvas) -> None:
    coat, ground = fur(c, *SKIN, patterned=0.5), c.vary(0.3, 0.45)
    pale = c.colour((0.8, 0.8, 0.5), (0.9, 0.88, 0.8), *SKIN)
    shadow(c, ground, 0.65)

    def front() -> None:
        c.paint(ellipse(np.abs(c.x) - 0.5, c.y - ground + 0.12, 0.25, 0.16), shade(coat, 0.8))
        c.paint(ellipse(c.x, c.y - ground + 0.35, c.vary(0.45, 0.6), 0.36), coat)
        c.paint(ellipse(c.x, c.y - ground + 0.18, 0.35, 0.2), pale)
        c.paint(ellipse(np.abs(c.x) - 0.3, c.y - ground + 0.68, 0.16, 0.15), coat)
        eyes(c, 0.0, ground - 0.68, 0.3, 0.08)
        c.paint(between(-0.02, c.y - ground + 0.38, 0.02) * between(-0.35, c.x, 0.35), DARK)

    def side() -> None:
        slope = c.vary(0.1, 0.3)
        c.paint(limb(c.x, c.y, (-0.35, ground - 0.18), (0.3, ground - 0.25 - slope), 0.24, 0.2), coat)
        c.paint(limb(c.x, c.y, (-0.15, ground - 0.1), (0.3, ground - 0.15 - slope * 0.5), 0.12, 0.12), pale)
        c.paint(ellipse(c.x - 0.3, c.y - ground + 0.42 + slope, 0.11, 0.11), coat)
        c.paint(ellipse(c.x - 0.33, c.y - ground + 0.42 + slope, 0.055, 0.055), DARK)
        knee = (-c.vary(0.0, 0.2), ground - 0.22)
        c.paint(limb(c.x, c.y, (-0.45, ground - 0.12), knee, 0.15, 0.1), shade(coat, 0.85))
        c.paint(limb(c.x, c.y, knee, (-0.4, ground), 0.07, 0.05), shade(coat, 0.7))
        c.paint(limb(c.x, c.y, (0.2, ground - 0.2), (0.32, ground), 0.07, 0.05), shade(coat, 0.75))

    upright(c, front, side, 0.4)


THINGS: dict[str, tuple[Callable[[Canvas], None], tuple[Callable, ...]]] = {
    "airplane": (airplane, (sky,)),
    "automobile": (automobile, (road,)),
    "bird": (bird, (sky, wood)),
    "cat": (cat, (room,)),
    "deer": (deer, (wood, meadow)),
    "dog": (dog, (room, meadow)),
    "frog": (frog, (wood, meadow)),
    "horse": (horse, (meadow,)),
    "ship": (ship, (sea,)),
    "truck": (truck, (road,)),
}  # names and order of CIFAR-10: the place is the label; then the surroundings where the thing belongs


def _photograph(picture: np.ndarray, d: Dice) -> np.ndarray:
    """What a cheap camera makes of it: something in front, light and its colour, contrast, blur, noise."""
    across = _centres()[None, :, None] + d.vary(-1, 1) * _centres()[None, None, :] - d.vary(-1.2, 1.2)
    bar = between(-0.07, across, 0.07) * d.some(0.15)
    picture = picture + bar[:, None] * (
        d.colour((0.2, 0.15, 0.1), (0.3, 0.4, 0.2), (0.5, 0.5, 0.5)) - picture
    )
    light = d.vary(0.75, 1.2)[:, None] * d.colour((1.0, 1.0, 1.0), spread=0.1)
    contrast = d.vary(0.65, 1.15)[:, None]
    picture = (0.5 + (picture - 0.5) * contrast) * light
    blurred = picture.copy()
    middle, rows, columns = picture[:, :, 1:-1, 1:-1], picture[:, :, :, 1:-1], picture[:, :, 1:-1]
    around = rows[:, :, :-2] + rows[:, :, 2:] + columns[..., :-2] + columns[..., 2:]
    blurred[:, :, 1:-1, 1:-1] = (2 * middle + around) / 6
    picture = np.where(d.some(0.6)[:, None] > 0, blurred, picture)
    return picture + (d.vary(0.0, 0.05) * d.grain())[:, None]


def draw(count: int, seed: int, *, habitat: float = HABITAT) -> tuple[np.ndarray, np.ndarray]:
    """Draw pictures of all ten classes, equally often and in random order.

    habitat: how often a thing is where it belongs; with one seed and another habitat, the same things are
    drawn in the same order. Returns images, uint8 (count, 32, 32, 3), and labels, uint8 (count,).
    Raises ValueError unless count is a positive multiple of ten, and habitat is in [0, 1].
    """
    per_class, rest = divmod(count, len(THINGS))
    if per_class < 1 or rest:
        raise ValueError(f"count must be a positive multiple of {len(THINGS)}, got {count}")
    if not 0 <= habitat <= 1:
        raise ValueError(f"habitat is a probability, from 0 to 1, got {habitat}")
    around, things, camera, order = (np.random.default_rng([seed, part]) for part in range(4))
    images = np.empty((count, SIZE, SIZE, 3), dtype=np.uint8)
    for label, (thing, own) in enumerate(THINGS.values()):
        canvas = Canvas(background(Dice(per_class, around), own, habitat), things)
        thing(canvas)
        picture = _photograph(canvas.picture, Dice(per_class, camera))
        pixels = (np.clip(picture, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
        images[label * per_class : (label + 1) * per_class] = pixels.transpose(0, 2, 3, 1)
    labels = np.repeat(np.arange(len(THINGS), dtype=np.uint8), per_class)
    places = order.permutation(count)
    return images[places], labels[places]
