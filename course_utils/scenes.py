"""Scenes for object detection: several garments on a textured background, with a tight box around each.

The garments are those of Fashion-MNIST, real or embedded (see `data.source`). Scenes for training, for
validation and for the test share no garment. One seed gives the same scenes everywhere: all randomness comes
from NumPy's generator, and enlarging a picture only adds and multiplies.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from course_utils import data

import numpy as np
import torch

PATCH = 28  # pixels of a garment's picture
VISIBLE = 0.12  # a pixel of a garment at least this bright belongs to it, and to its box
LARGEST_OVERLAP = 0.25  # of two boxes in a scene, as a share of the smaller one
TRIES = 60  # to find a place for one garment
SPLITS = (
    "train",
    "valid",
    "test",
)  # the first 80 % of the training pictures, the other 20 %, the test pictures


@dataclass(frozen=True)
class Scene:
    """A grey picture and its objects.

    image: float32 (1, h, w) in [0, 1]. boxes: float32 (n, 4), rows x1, y1, x2, y2 in pixels, the right and
    lower border excluded, so that image[:, y1:y2, x1:x2] shows the object. labels: int64 (n,), classes 0..9.
    n may be 0.
    Raises ValueError when they are not as stated, or a box leaves the picture or is empty.
    """

    image: torch.Tensor
    boxes: torch.Tensor
    labels: torch.Tensor

    def __post_init__(self) -> None:
        check_image(self.image)
        check_boxes(self.boxes, *self.image.shape[1:])
        if self.labels.dtype != torch.int64 or self.labels.shape != self.boxes.shape[:1]:
            raise ValueError(
                f"labels must be int64 ({len(self.boxes)},), one for each box, got "
                f"{_kind(self.labels)} {tuple(self.labels.shape)}"
            )


def check_image(image: torch.Tensor, size: tuple[int, int] | None = None) -> None:
    """Raise ValueError unless image is float32 (1, h, w), of height and width `size` if that is given."""
    if image.ndim != 3 or image.shape[0] != 1 or image.dtype != torch.float32:
        raise ValueError(
            f"a scene's image must be float32 (1, height, width), got {_kind(image)} {tuple(image.shape)}"
        )
    if size is not None and tuple(image.shape[1:]) != tuple(size):
        raise ValueError(
            f"this detector was made for pictures of {size[0]} x {size[1]} pixels, got "
            f"{image.shape[1]} x {image.shape[2]}: resize the picture first, and its boxes with it"
        )


def check_boxes(boxes: torch.Tensor, height: int, width: int) -> None:
    """Raise ValueError unless boxes is float (n, 4), each box inside height x width pixels and not empty."""
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not boxes.is_floating_point():
        raise ValueError(f"boxes must be float (n, 4), got {_kind(boxes)} {tuple(boxes.shape)}")
    limit = torch.tensor([width, height, width, height], dtype=boxes.dtype, device=boxes.device)
    for i in ((boxes < 0) | (boxes > limit)).any(1).nonzero().flatten()[:1].tolist():
        raise ValueError(
            f"box {i}, {boxes[i].tolist()}, leaves the picture, {height} pixels high and {width} wide: "
            "clip it, or check the order x1, y1, x2, y2"
        )
    for i in (boxes[:, 2:] <= boxes[:, :2]).any(1).nonzero().flatten()[:1].tolist():
        raise ValueError(f"box {i}, {boxes[i].tolist()}, is empty: x2 > x1 and y2 > y1 are needed")


def make(
    count: int,
    seed: int,
    *,
    split: str,
    size: tuple[int, int] = (96, 96),
    objects: tuple[int, int] = (1, 4),
    scale: tuple[int, int] = (28, 52),
) -> list[Scene]:
    """Random scenes; the same ones for the same arguments.

    split: whose garments to take, "train", "valid" or "test". size: height and width in pixels.
    objects: fewest and most garments; fewer where no room is left. scale: smallest and largest side of a
    garment's picture in pixels; the box around the garment is tight, and mostly smaller.
    Raises ValueError for sizes and numbers that cannot be met.
    """
    _check_settings(count, split, size, objects, scale)
    pictures, labels = _garments(split)
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    return [_scene(rng, pictures, labels, size, objects, scale) for _ in range(count)]


def collate(scenes: Sequence[Scene]) -> tuple[torch.Tensor, torch.Tensor]:
    """Scenes of one size as a batch: images (n, 1, h, w), and objects (n, most, 5).

    A row of objects is class, x1, y1, x2, y2; rows that fill up have class -1.
    Raises ValueError for no scenes, or scenes of different sizes.
    """
    if not scenes:
        raise ValueError("collate needs at least one scene")
    sizes = {tuple(scene.image.shape[1:]) for scene in scenes}
    if len(sizes) > 1:
        raise ValueError(f"a batch needs pictures of one size, got heights and widths {sorted(sizes)}")
    objects = torch.full((len(scenes), max(len(scene.labels) for scene in scenes), 5), -1.0)
    for row, scene in zip(objects, scenes, strict=True):
        row[: len(scene.labels)] = torch.cat([scene.labels[:, None], scene.boxes], 1)
    return torch.stack([scene.image for scene in scenes]), objects


def _garments(split: str) -> tuple[np.ndarray, np.ndarray]:
    """The pictures and labels of a split."""
    source = data.fashion_mnist(train=split != "test")
    border = len(source) * 4 // 5
    part = {"train": slice(border), "valid": slice(border, None), "test": slice(None)}[split]
    return source.data[part].numpy(), source.targets[part].numpy()


def _check_settings(
    count: int, split: str, size: tuple[int, int], objects: tuple[int, int], scale: tuple[int, int]
) -> None:
    if count < 0:
        raise ValueError(f"count must be 0 or more, got {count}")
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(map(repr, SPLITS))}, got {split!r}")
    if not 0 <= objects[0] <= objects[1]:
        raise ValueError(f"objects must be (fewest, most) with 0 <= fewest <= most, got {objects}")
    if not 8 <= scale[0] <= scale[1] <= min(size):
        raise ValueError(
            f"scale must be (smallest, largest), from 8 up to the shorter side of the scene, {min(size)}; "
            f"got {scale}"
        )


def _scene(
    rng: np.random.Generator,
    pictures: np.ndarray,
    labels: np.ndarray,
    size: tuple[int, int],
    objects: tuple[int, int],
    scale: tuple[int, int],
) -> Scene:
    canvas, boxes, classes = _background(rng, *size), [], []
    for _ in range(int(rng.integers(objects[0], objects[1] + 1))):
        i = int(rng.integers(len(labels)))
        garment = _resized(pictures[i].astype(np.float32) / 255, int(rng.integers(scale[0], scale[1] + 1)))
        rows, columns = (np.flatnonzero((garment > VISIBLE).any(axis=axis)) for axis in (1, 0))
        if len(rows) == 0:
            continue
        cut = garment[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        box = _free_place(rng, cut.shape, size, boxes)
        if box is not None:
            x1, y1, x2, y2 = box
            cover = np.clip(cut / np.float32(VISIBLE), 0, 1)
            canvas[y1:y2, x1:x2] = canvas[y1:y2, x1:x2] * (1 - cover) + cut * cover
            boxes.append(box)
            classes.append(int(labels[i]))
    noise = rng.random(size, dtype=np.float32) - np.float32(0.5)
    canvas = np.clip(canvas + np.float32(0.08) * noise, 0, 1)
    return Scene(
        torch.from_numpy(canvas)[None],
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(classes, dtype=torch.int64),
    )


def _free_place(
    rng: np.random.Generator, shape: tuple[int, int], size: tuple[int, int], boxes: list[tuple]
) -> tuple[int, int, int, int] | None:
    """A box for an object of this shape that hardly overlaps the others; None if it finds none."""
    for _ in range(TRIES):
        y1, x1 = (int(rng.integers(room - side + 1)) for room, side in zip(size, shape, strict=True))
        box = (x1, y1, x1 + shape[1], y1 + shape[0])
        if all(_overlap(box, other) <= LARGEST_OVERLAP for other in boxes):
            return box
    return None


def _overlap(a: tuple, b: tuple) -> float:
    """The intersection as a share of the smaller box."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return max(width, 0) * max(height, 0) / min(areas)


def _background(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A wall: a slope of grey, blotches, and some strokes and scraps that are no garments."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    vary = rng.uniform(-1, 1, 2).astype(np.float32)
    wall = np.float32(rng.uniform(0.1, 0.4)) + np.float32(0.1) * (vary[0] * x / width + vary[1] * y / height)
    blotches = _resized(rng.random((7, 7), dtype=np.float32), max(height, width))[:height, :width]
    wall = wall + np.float32(rng.uniform(0.05, 0.25)) * (blotches - np.float32(0.5))
    for _ in range(int(rng.integers(2, 6))):
        top, left = int(rng.integers(height - 6)), int(rng.integers(width - 6))
        tone = np.float32(rng.uniform(0, 0.9))
        if rng.random() < 0.6:  # a stroke
            long, thin = int(rng.integers(10, 40)), int(rng.integers(1, 4))
            tall, wide = (long, thin) if rng.random() < 0.5 else (thin, long)
        else:  # a scrap
            tall, wide = (int(side) for side in rng.integers(4, 15, 2))
        wall[top : top + tall, left : left + wide] = tone
    return np.clip(wall, 0, 1)


def _resized(picture: np.ndarray, side: int) -> np.ndarray:
    """A square picture at another size, bilinear, with the corners of both pictures on each other."""
    places = np.linspace(0, len(picture) - 1, side, dtype=np.float32)
    low = np.minimum(places.astype(int), len(picture) - 2)
    share = places - low.astype(np.float32)
    rows = picture[low] * (1 - share)[:, None] + picture[low + 1] * share[:, None]
    return rows[:, low] * (1 - share) + rows[:, low + 1] * share


def _kind(value: torch.Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
