"""The embedded data sets as files, drawn once and written in the forms of the real ones.

They lie in the folder COURSE_DATA_DIR (default: a cache folder of the user). Nothing here needs PyTorch.
"""

import os
import pickle
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from course_utils import garments, houses, thumbnails

import numpy as np
import platformdirs

GARMENT_SIZES, GARMENT_SEEDS = {"train": 10_000, "t10k": 2_000}, {"train": 1, "t10k": 2}
THUMBNAIL_SIZES, THUMBNAIL_SEEDS = {"train": 5_000, "test": 2_000}, {"train": 1, "test": 2}
HOUSE_FILES = ("train.csv", "test.csv")  # Kaggle's own names
CIFAR_FOLDER = "cifar-10-batches-py"
CIFAR_FILES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
CIFAR_NAMES = "batches.meta"


class DataError(RuntimeError):
    """A data set cannot be had; the message says what to do."""


def data_dir() -> Path:
    """The folder that holds all data sets: COURSE_DATA_DIR, or a cache folder of the user."""
    chosen = os.environ.get("COURSE_DATA_DIR")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("deep-learning-notebooks")


def folder(name: str) -> Path:
    """The folder of an embedded set, whether it is there or not."""
    return data_dir() / "embedded" / SETS[name].folder


def make(name: str) -> Path:
    """Draw an embedded set, unless it is there, and return its folder.

    Another process sees the whole set or none. Raises DataError when the folder cannot be written.
    """
    root = folder(name)
    try:
        if root.exists():
            return root
        root.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root.parent, prefix="unfinished-") as unfinished:
            drawn = Path(unfinished) / root.name
            drawn.mkdir()
            SETS[name].write(drawn)
            _put_in_place(drawn, root)
    except OSError as error:
        raise cannot_write(root.parent, error) from error
    return root


def cannot_write(path: Path, error: OSError) -> DataError:
    """What to say when a folder for data cannot be written."""
    return DataError(
        f"Cannot write to {path} ({error.strerror or error}): "
        "set COURSE_DATA_DIR to a folder that you may write to and that has room."
    )


def _put_in_place(folder: Path, target: Path) -> None:
    """Rename the folder; if another process was first, its folder is as good as ours."""
    try:
        folder.rename(target)
    except OSError:
        if not target.is_dir():
            raise


# IDX files: two zero bytes, the type (8: uint8), the number of axes, each axis as four bytes, then the values


def raw(root: Path) -> Path:
    """Where torchvision looks for the IDX files of Fashion-MNIST."""
    return root / "FashionMNIST" / "raw"


def idx_name(part: str, axes: int) -> str:
    """The name of the file of images (three axes) or labels (one) of the part "train" or "t10k"."""
    return f"{part}-{'images' if axes == 3 else 'labels'}-idx{axes}-ubyte"


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write uint8 values as an IDX file."""
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, dtype=">u4").tobytes()
    path.write_bytes(header + values.tobytes())


# What is written


def _write_garments(folder: Path) -> None:
    raw(folder).mkdir(parents=True)
    for part, count in GARMENT_SIZES.items():
        for values in garments.draw(count, GARMENT_SEEDS[part]):
            write_idx(raw(folder) / idx_name(part, values.ndim), values)


def _write_houses(folder: Path) -> None:
    for name, table in zip(HOUSE_FILES, houses.draw(), strict=True):
        table.to_csv(folder / name, index=False, na_rep="NA", lineterminator="\n")


def _write_thumbnails(folder: Path) -> None:
    """Write the files that CIFAR-10 consists of: five batches for training, one for the test, the names."""
    batches = folder / CIFAR_FOLDER
    batches.mkdir()
    for part, files in CIFAR_FILES.items():
        images, labels = thumbnails.draw(THUMBNAIL_SIZES[part], THUMBNAIL_SEEDS[part])
        rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)  # all red values, then green, then blue
        shares = np.array_split(rows, len(files)), np.array_split(labels, len(files))
        for name, data, some in zip(files, *shares, strict=True):
            (batches / name).write_bytes(pickle.dumps({"data": data, "labels": some.tolist()}))
    (batches / CIFAR_NAMES).write_bytes(pickle.dumps({"label_names": list(thumbnails.THINGS)}))


@dataclass(frozen=True)
class EmbeddedSet:
    """drawing: the module that draws it. `write(folder)` writes the files into a folder."""

    drawing: ModuleType
    write: Callable[[Path], None]

    @property
    def folder(self) -> str:
        """The name of its folder: that of another drawing is another."""
        return f"{self.drawing.__name__.rpartition('.')[2]}-v{self.drawing.VERSION}"


SETS = {
    "fashion_mnist": EmbeddedSet(garments, _write_garments),
    "house_prices": EmbeddedSet(houses, _write_houses),
    "cifar10": EmbeddedSet(thumbnails, _write_thumbnails),
}
