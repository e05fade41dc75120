"""The data sets of the course, in memory and in batches.

Everything works without a download: `garments` draws a stand-in for Fashion-MNIST, `houses` one for Kaggle's
House Prices, `thumbnails` one for CIFAR-10. `embedded` writes them once, as IDX, csv and pickle files, and
the loaders read them that read the real sets, which `python -m course_utils.data` fetches.

Two environment variables choose:
- COURSE_DATA: `embedded`, `real`, or `auto` (the default: real if it has been fetched, else embedded);
- COURSE_DATA_DIR: the folder that holds the files (default: a cache folder of the user).
"""

import gzip
import math
import os
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from course_utils import embedded, garments, houses, thumbnails
from course_utils.embedded import HOUSE_FILES, DataError, cannot_write, data_dir, idx_name, raw

import numpy as np
import pandas as pd
import torch
from torchvision.datasets import CIFAR10, FashionMNIST
from torchvision.datasets.utils import check_integrity

FASHION_CLASSES = tuple(garments.GARMENTS)
CIFAR_CLASSES = tuple(thumbnails.THINGS)
FETCH = "`python -m course_utils.data`"
IDX_NAMES = tuple(idx_name(part, axes) for part in ("train", "t10k") for axes in (3, 1))


# Where the files are


def _real_root() -> Path:
    return data_dir() / "real"


def _real_folder(name: str) -> Path:
    return _real_root() / REAL_SETS[name].folder


def source(name: str = "fashion_mnist") -> str:
    """Which version of a data set the course uses: "embedded" or "real".

    Raises DataError when COURSE_DATA is not embedded, real or auto, and when it is real but nothing is there.
    """
    choice = os.environ.get("COURSE_DATA") or "auto"
    if choice not in ("embedded", "real", "auto"):
        raise DataError(f"COURSE_DATA is {choice!r}: set it to embedded, real or auto.")
    if choice == "embedded":
        return "embedded"
    folder = _real_folder(name)
    try:
        fetched = folder.is_dir() and any(folder.iterdir())
    except OSError as error:
        raise _cannot_read(folder, error) from error
    if choice == "real" and not fetched:
        raise DataError(
            f"COURSE_DATA is real, but there is no {REAL_SETS[name].title} in {folder}: "
            f"run {FETCH} to fetch it, or set COURSE_DATA to embedded."
        )
    return "real" if fetched else "embedded"


def idx_shape(path: Path) -> tuple[int, ...] | None:
    """The shape of the uint8 values in an IDX file; None if the file is broken or its size does not fit."""
    with path.open("rb") as file:
        header = file.read(4)
        if len(header) < 4 or header[:3] != b"\0\0\x08":
            return None
        axes = file.read(4 * header[3])
    if len(axes) < 4 * header[3]:
        return None
    shape = tuple(np.frombuffer(axes, dtype=">u4").tolist())
    return shape if path.stat().st_size == len(header) + len(axes) + math.prod(shape) else None


def _check_idx_files(raw: Path, remedy: str) -> None:
    """Raise DataError, ending in the remedy, unless the four files are there, whole, and fit together."""
    shapes = {}
    for name in IDX_NAMES:
        try:
            shapes[name] = idx_shape(raw / name)
        except FileNotFoundError:
            raise DataError(f"{name} is missing in {raw}: {remedy}.") from None
        except OSError as error:
            raise _cannot_read(raw / name, error) from error
        if shapes[name] is None:
            raise DataError(f"{raw / name} is cut short or broken: {remedy}.")
    for part in ("train", "t10k"):
        images, labels = shapes[idx_name(part, 3)], shapes[idx_name(part, 1)]
        if images != (*labels, garments.SIZE, garments.SIZE):
            raise DataError(f"The {part} images and labels in {raw} do not belong together: {remedy}.")


def _cannot_read(path: Path, error: OSError) -> DataError:
    return DataError(
        f"Cannot read {path} ({error.strerror or error}): "
        "make it readable, or set COURSE_DATA_DIR to another folder."
    )


# The real sets


@dataclass(frozen=True)
class RealSet:
    """A data set with a public home.

    `files` maps each file's name to its checksum, an MD5 or "algorithm:checksum"; `folder` lies below the
    folder `real`; `unpack(file, folder)` puts what is in a file into the folder; `check(folder)` raises
    DataError unless all of it is there.
    """

    title: str
    home: str
    files: dict[str, str]
    folder: str
    unpack: Callable[[Path, Path], None]
    check: Callable[[Path], None]


def _gunzip(file: Path, folder: Path) -> None:
    """Unpack name.gz to name; the name appears only when all of it is written."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="unfinished-") as unfinished:
        unpacked = Path(unfinished) / file.stem
        with gzip.open(file) as packed, unpacked.open("wb") as out:
            shutil.copyfileobj(packed, out)
        unpacked.replace(folder / file.stem)


def _rename_houses(file: Path, folder: Path) -> None:
    """Copy ..._train.csv to train.csv; the name appears only when all of it is written."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="unfinished-") as unfinished:
        name = file.name.rsplit("_", 1)[-1]
        copied = Path(shutil.copy(file, Path(unfinished) / name))
        copied.replace(folder / name)


def _untar(file: Path, folder: Path) -> None:
    """Unpack the files of name.tar.gz into the folder; each appears only when it is written whole."""
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix="unfinished-") as unfinished,
        tarfile.open(file) as archive,
    ):
        archive.extractall(unfinished, filter="data")
        for unpacked in sorted(path for path in Path(unfinished).rglob("*") if path.is_file()):
            unpacked.replace(folder / unpacked.name)


def _check_real_fashion_mnist(raw: Path) -> None:
    _check_idx_files(raw, _again(raw))


def _check_real_houses(folder: Path) -> None:
    for name in HOUSE_FILES:
        _read_houses(folder / name, _again(folder))


def _check_real_cifar10(folder: Path) -> None:
    for name, md5 in [
        *CIFAR10.train_list,
        *CIFAR10.test_list,
        [CIFAR10.meta["filename"], CIFAR10.meta["md5"]],
    ]:
        try:
            whole = check_integrity(folder / name, md5)
        except OSError as error:
            raise _cannot_read(folder / name, error) from error
        if not whole:
            raise DataError(f"{folder / name} is missing or broken: {_again(folder)}.")


def _again(folder: Path) -> str:
    return f"run {FETCH} again, or delete the folder {folder} to use the embedded set"


REAL_SETS = {
    "fashion_mnist": RealSet(
        title="Fashion-MNIST",
        home="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        files={
            "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
        },
        folder="FashionMNIST/raw",
        unpack=_gunzip,
        check=_check_real_fashion_mnist,
    ),
    "house_prices": RealSet(
        title="table of house prices",
        home="http://d2l-data.s3-accelerate.amazonaws.com/",
        files={
            "kaggle_house_pred_train.csv": "sha1:585e9cc93e70b39160e7921475f9bcd7d31219ce",
            "kaggle_house_pred_test.csv": "sha1:fa19780a7b011d9b009e8bff8e99922a8ee2eb90",
        },
        folder="HousePrices",
        unpack=_rename_houses,
        check=_check_real_houses,
    ),
    "cifar10": RealSet(
        title="CIFAR-10",
        home="https://www.cs.toronto.edu/~kriz/",
        files={"cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a"},
        folder=CIFAR10.base_folder,  # where torchvision looks for it, in the folder `real`
        unpack=_untar,
        check=_check_real_cifar10,
    ),
}


def download_real(name: str, *, progressbar: bool = True) -> Path:
    """Fetch a real data set unless it is there already, and return its folder.

    Files that came whole in an earlier try are not fetched again. Raises DataError when there is no set of
    this name, its home cannot be reached, a checksum is wrong, or the folder cannot be written.
    """
    if name not in REAL_SETS:
        raise DataError(f"There is no data set {name!r}: choose from {', '.join(REAL_SETS)}.")
    wanted = REAL_SETS[name]
    folder = _real_folder(name)
    if _is_complete(wanted, folder):
        return folder
    packed = [_fetch(wanted.home + file, known, folder, progressbar) for file, known in wanted.files.items()]
    try:
        for file in packed:
            wanted.unpack(file, folder)
        wanted.check(folder)
        for file in packed:
            file.unlink()
    except OSError as error:
        raise cannot_write(folder, error) from error
    return folder


def _is_complete(wanted: RealSet, folder: Path) -> bool:
    try:
        wanted.check(folder)
    except DataError:
        return False
    return True


def _fetch(url: str, checksum: str, folder: Path, progressbar: bool) -> Path:
    """Download one file into the folder unless it is there with the right checksum."""
    import pooch  # here, since no notebook needs it
    import requests

    name = url.rsplit("/", 1)[-1]
    known = checksum if ":" in checksum else f"md5:{checksum}"
    try:
        return Path(pooch.retrieve(url, known, fname=name, path=folder, progressbar=progressbar))
    except requests.RequestException as error:
        raise DataError(
            f"Cannot download {url}: check the network connection, then run {FETCH} again."
        ) from error
    except ValueError as error:
        raise DataError(
            f"{name} came with a wrong checksum from {url}: run {FETCH} again, and if that does not help, "
            "set COURSE_DATA to embedded."
        ) from error
    except OSError as error:
        raise cannot_write(folder, error) from error


# Fashion-MNIST in memory


def fashion_mnist(train: bool) -> FashionMNIST:
    """Fashion-MNIST as a torchvision data set, real or embedded (see `source`).

    The embedded set, 10,000 + 2,000 pictures, is drawn at the first call. Raises DataError as `source` does,
    and when files are broken or cannot be written.
    """
    if source() == "real":
        root = _real_root()
        _check_real_fashion_mnist(raw(root))
    else:
        root = embedded.make("fashion_mnist")
        _check_idx_files(raw(root), f"delete the folder {root} and run again")
    return FashionMNIST(root, train=train, download=False)


class BatchLoader:
    """Pictures in memory, handed out in batches; a batch becomes floats all at once.

    images: uint8 (n, h, w). labels: int64 (n,). Iterating yields X, float32 (b, 1, h, w) in [0, 1], and y,
    int64 (b,), on the device; b is batch_size, or less in the last batch. With shuffle, each pass has a new
    random order, drawn from the generator (default: PyTorch's global one). `len` is the number of batches.

    Raises ValueError when images, labels or batch_size are not as stated.
    """

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        batch_size: int,
        *,
        shuffle: bool = False,
        device: torch.device | str = "cpu",
        generator: torch.Generator | None = None,
    ) -> None:
        _check_tensor("images", images, torch.uint8, "(n, h, w)", 3)
        _check_tensor("labels", labels, torch.int64, "(n,)", 1)
        if len(images) != len(labels) or len(images) == 0:
            raise ValueError(
                f"images and labels must be equally many, at least one, got {len(images)} and {len(labels)}"
            )
        _check_count("batch_size", batch_size)
        self.images = images.to(device)
        self.labels = labels.to(device)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.generator = generator

    def __len__(self) -> int:
        return -(-len(self.labels) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for indices in self._order().split(self.batch_size):
            # index_select copies whole pictures, several times faster than indexing with a tensor
            X = self.images.index_select(0, indices).unsqueeze(1) / 255  # (b, 1, h, w)
            yield X, self.labels[indices]

    def _order(self) -> torch.Tensor:
        """The indices of all pictures in the order of this pass, on the device: int64 (n,)."""
        n = len(self.labels)
        if not self.shuffle:
            return torch.arange(n, device=self.labels.device)
        where = self.generator.device if self.generator is not None else "cpu"
        return torch.randperm(n, generator=self.generator, device=where).to(self.labels.device)


def _check_tensor(name: str, value: object, dtype: torch.dtype, shape: str, axes: int) -> None:
    if not isinstance(value, torch.Tensor):
        raise ValueError(f"{name} must be a tensor, got {type(value).__name__}")
    if value.dtype != dtype or value.dim() != axes:
        kind, found = str(dtype).removeprefix("torch."), str(value.dtype).removeprefix("torch.")
        raise ValueError(f"{name} must be {kind} {shape}, got {found} {tuple(value.shape)}")


def _check_count(name: str, value: object, most: int | None = None) -> None:
    if not isinstance(value, int) or value < 1 or (most is not None and value > most):
        limits = "a positive integer" if most is None else f"an integer from 1 to {most}"
        raise ValueError(f"{name} must be {limits}, got {value!r}")


def load_fashion_mnist(
    batch_size: int,
    *,
    train_size: int | None = None,
    test_size: int | None = None,
    device: torch.device | str = "cpu",
    generator: torch.Generator | None = None,
) -> tuple[BatchLoader, BatchLoader]:
    """Fashion-MNIST in batches: the training set, shuffled in each pass, and the test set, in its order.

    train_size and test_size take the first so many pictures (default: all). Raises ValueError when a size is
    not from 1 to the number of pictures, DataError as `fashion_mnist` does.
    """
    _check_count("batch_size", batch_size)
    train_images, train_labels = _first(fashion_mnist(train=True), train_size, "train_size")
    test_images, test_labels = _first(fashion_mnist(train=False), test_size, "test_size")
    train_iter = BatchLoader(
        train_images, train_labels, batch_size, shuffle=True, device=device, generator=generator
    )
    return train_iter, BatchLoader(test_images, test_labels, batch_size, device=device)


def _first(dataset: FashionMNIST, size: int | None, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The first so many images and labels, or all for None."""
    if size is not None:
        _check_count(name, size, most=len(dataset))
    return dataset.data[:size], dataset.targets[:size]


# CIFAR-10 in memory


class DrawnCIFAR10(CIFAR10):
    """The embedded pictures, in the files and the class of CIFAR-10; they have no official checksums."""

    train_list: ClassVar = [[name, None] for name, _ in CIFAR10.train_list]
    test_list: ClassVar = [[name, None] for name, _ in CIFAR10.test_list]
    meta: ClassVar = CIFAR10.meta | {"md5": None}


def cifar10(train: bool, transform: Callable | None = None) -> CIFAR10:
    """CIFAR-10 as a torchvision data set, real or embedded (see `source`).

    transform: what torchvision does to each picture when it is asked for. The embedded set, 5,000 + 2,000
    pictures, is drawn at the first call. Raises DataError as `source` does, and when files are missing,
    broken or cannot be written.
    """
    if source("cifar10") == "real":
        _check_real_cifar10(_real_folder("cifar10"))
        return CIFAR10(_real_root(), train=train, transform=transform)
    root = embedded.make("cifar10")
    try:
        dataset = DrawnCIFAR10(root, train=train, transform=transform)
        whole = (
            len(dataset.data)
            == len(dataset.targets)
            == embedded.THUMBNAIL_SIZES["train" if train else "test"]
        )
    except PermissionError as error:
        raise _cannot_read(root, error) from error
    except Exception:  # what pickle and torchvision raise for broken files has no common type
        whole = False
    if not whole:
        raise DataError(f"The pictures in {root} are incomplete or broken: delete this folder and run again.")
    return dataset


# House prices in memory


def house_price_files() -> tuple[Path, Path]:
    """The two csv files of the house prices, real or embedded (see `source`): training and test.

    The embedded ones, see `houses`, are written at the first call. Raises DataError as `source` does, and
    when the files cannot be written.
    """
    if source("house_prices") == "real":
        folder = _real_folder("house_prices")
    else:
        folder = embedded.make("house_prices")
    return folder / HOUSE_FILES[0], folder / HOUSE_FILES[1]


def load_house_prices() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The house prices, real or embedded: a training table (1460, 81) and a test table (1459, 80).

    The tables are as `pandas.read_csv` gives them; the test table has no SalePrice.
    Raises DataError as `house_price_files` does, and when a table is not what it should be: a file missing,
    empty or cut short, columns missing or too many, text in a numeric column, a row without a price.
    """
    train_file, test_file = house_price_files()
    folder = train_file.parent
    real = folder == _real_folder("house_prices")
    remedy = _again(folder) if real else f"delete the folder {folder} and run again"
    return _read_houses(train_file, remedy), _read_houses(test_file, remedy)


def _read_houses(file: Path, remedy: str) -> pd.DataFrame:
    """One of the two tables. Raises DataError, ending in the remedy, unless it is whole and right."""
    is_train = file.name == HOUSE_FILES[0]
    columns = [name for name in houses.COLUMNS if is_train or name != "SalePrice"]
    rows = houses.TRAIN_ROWS if is_train else houses.TEST_ROWS
    try:
        table = pd.read_csv(file, dtype=dict.fromkeys(houses.TEXT_COLUMNS, "str"))
    except FileNotFoundError:
        raise DataError(f"{file.name} is missing in {file.parent}: {remedy}.") from None
    except OSError as error:
        raise _cannot_read(file, error) from error
    except pd.errors.EmptyDataError:
        raise DataError(f"{file} is empty: {remedy}.") from None
    except ValueError as error:  # a row with too many entries, or bytes that are no text
        raise DataError(f"{file} is broken, it cannot be read as a table: {remedy}.") from error
    problem = _columns_problem(table, columns) or _entries_problem(table, rows)
    if problem:
        raise DataError(f"{file} {problem}: {remedy}.")
    return table


def _columns_problem(table: pd.DataFrame, columns: list[str]) -> str | None:
    missing = [name for name in columns if name not in table]
    extra = [name for name in table if name not in columns]
    if missing:
        return f"lacks the column {_some(missing)}"
    return f"has a column too many, {_some(extra)}" if extra else None


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} (and {len(names) - 1} more)"


def _entries_problem(table: pd.DataFrame, rows: int) -> str | None:
    if table.empty:
        return "has a heading but no houses"
    for name in table.columns[~table.columns.isin(houses.TEXT_COLUMNS)]:
        numbers = pd.to_numeric(table[name], errors="coerce")
        wrong = table[name][numbers.isna() & table[name].notna()]
        if not pd.api.types.is_numeric_dtype(table[name]) and len(wrong):
            return f"has the text {wrong.iloc[0]!r} in line {wrong.index[0] + 2} of the numeric column {name}"
    if "SalePrice" in table and not (table["SalePrice"] > 0).all():
        line = int((~(table["SalePrice"] > 0)).to_numpy().argmax()) + 2
        return f"has no price in line {line}"
    return f"has {len(table)} houses where {rows} are expected" if len(table) != rows else None


def main() -> int:
    """Fetch every real data set: what `make data` runs."""
    try:
        for name in REAL_SETS:
            print(f"{name}: {download_real(name)}")
    except DataError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
