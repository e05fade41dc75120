"""The data sets, made or real: which one is chosen, how files come into place, and what is read from them."""

import functools
import gc
import gzip
import hashlib
import http.server
import io
import multiprocessing
import os
import pickle
import re
import shutil
import tarfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from course_utils import data, garments, houses, thumbnails
from course_utils import embedded as embedded_sets

import numpy as np
import pandas as pd
import pytest
import torch
from torchvision.datasets import CIFAR10, FashionMNIST

REAL_FILES = Path(
    os.environ.get("COURSE_REAL_FILES") or Path(__file__).resolve().parents[3] / "shared" / "data"
)


@pytest.fixture(scope="session")
def embedded_cache(tmp_path_factory):
    """A cache folder with the whole embedded set, drawn once."""
    cache = tmp_path_factory.mktemp("embedded_cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", "embedded")
        patch.setenv("COURSE_DATA_DIR", str(cache))
        data.fashion_mnist(train=True)
    return cache


@pytest.fixture
def embedded(embedded_cache, monkeypatch):
    """The course looks into the cache that holds the embedded set."""
    monkeypatch.setenv("COURSE_DATA", "embedded")
    monkeypatch.setenv("COURSE_DATA_DIR", str(embedded_cache))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder; an embedded set drawn there is small."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("COURSE_DATA_DIR", str(folder))
    monkeypatch.delenv("COURSE_DATA", raising=False)
    monkeypatch.setattr(embedded_sets, "GARMENT_SIZES", {"train": 30, "t10k": 10})
    return folder


def write_set(raw, train=20, test=10):
    """Four small IDX files."""
    raw.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", train), ("t10k", test)):
        images, labels = garments.draw(count, seed=5)
        embedded_sets.write_idx(raw / f"{part}-images-idx3-ubyte", images)
        embedded_sets.write_idx(raw / f"{part}-labels-idx1-ubyte", labels)


@pytest.fixture
def real_raw(cache):
    """A small set where the real one belongs."""
    raw = cache / "real" / "FashionMNIST" / "raw"
    write_set(raw)
    return raw


@pytest.fixture(scope="session")
def house_tables(tmp_path_factory):
    """A folder with the two tables of houses, drawn once."""
    folder = tmp_path_factory.mktemp("houses")
    embedded_sets.SETS["house_prices"].write(folder)
    return folder


def embedded_raw(cache):
    return cache / "embedded" / f"garments-v{garments.VERSION}" / "FashionMNIST" / "raw"


def assert_one_sentence(error, *words):
    """The message is one sentence that holds the words."""
    message = str(error.value)
    assert "\n" not in message and message.endswith(".") and ". " not in message
    for word in words:
        assert str(word) in message


# The embedded set


def test_classes_are_named_as_in_fashion_mnist():
    assert tuple(FashionMNIST.classes) == data.FASHION_CLASSES


@pytest.mark.parametrize(("train", "count"), [(True, 10_000), (False, 2_000)])
def test_embedded_set_is_read_by_torchvision(embedded, train, count):
    dataset = data.fashion_mnist(train)
    assert type(dataset) is FashionMNIST
    assert dataset.data.shape == (count, 28, 28) and dataset.data.dtype == torch.uint8
    assert dataset.targets.shape == (count,) and dataset.targets.dtype == torch.int64
    picture, label = dataset[0]
    assert picture.size == (28, 28) and label == dataset.targets[0]


def test_embedded_set_holds_the_drawn_pictures(embedded):
    images, labels = garments.draw(2_000, seed=2)
    dataset = data.fashion_mnist(train=False)
    assert (dataset.data.numpy() == images).all() and (dataset.targets.numpy() == labels).all()


def test_training_and_test_pictures_differ(embedded):
    train, test = data.fashion_mnist(train=True).data, data.fashion_mnist(train=False).data
    assert not set(map(bytes, train.numpy())) & set(map(bytes, test.numpy()))


def test_embedded_set_is_drawn_once(cache, monkeypatch):
    first = data.fashion_mnist(train=True).data
    monkeypatch.delattr(garments, "draw")
    assert (data.fashion_mnist(train=True).data == first).all()


def test_changed_drawing_does_not_meet_old_files(cache, monkeypatch):
    data.fashion_mnist(train=True)
    monkeypatch.setattr(garments, "VERSION", garments.VERSION + 1)
    data.fashion_mnist(train=True)
    assert len(list((cache / "embedded").iterdir())) == 2


def test_nothing_is_left_behind_when_drawing_breaks_off(cache, monkeypatch):
    def interrupted(count, seed):
        if count == 10:  # the second of the two parts
            raise KeyboardInterrupt
        return garments_draw(count, seed)

    garments_draw = garments.draw
    monkeypatch.setattr(garments, "draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.fashion_mnist(train=True)
    assert list((cache / "embedded").iterdir()) == []


def test_two_processes_may_draw_at_once(cache, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "embedded")
    monkeypatch.setattr(embedded_sets, "GARMENT_SIZES", {"train": 1000, "t10k": 200})
    fork = multiprocessing.get_context("fork")  # they have imported torch already
    both, drawn = fork.Barrier(2), fork.SimpleQueue()

    def draw():
        both.wait()
        drawn.put(len(data.fashion_mnist(train=True)))

    processes = [fork.Process(target=draw) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert [drawn.get(), drawn.get()] == [1000, 1000]
    assert [folder.name for folder in (cache / "embedded").iterdir()] == [f"garments-v{garments.VERSION}"]


def test_second_process_uses_what_the_first_put_in_place(cache, monkeypatch):
    def overtaken(count, seed):
        monkeypatch.setattr(garments, "draw", garments_draw)
        write_set(embedded_raw(cache), train=20)
        return garments.draw(count, seed)

    garments_draw = garments.draw
    monkeypatch.setattr(garments, "draw", overtaken)
    assert len(data.fashion_mnist(train=True)) == 20
    assert len(list((cache / "embedded").iterdir())) == 1


# The choice


def test_auto_is_embedded_while_nothing_was_fetched(cache):
    assert data.source() == "embedded"


@pytest.mark.parametrize("choice", ["auto", "", None, "real"])
def test_real_is_taken_when_present(real_raw, monkeypatch, choice):
    if choice is not None:
        monkeypatch.setenv("COURSE_DATA", choice)
    assert data.source() == "real"
    assert len(data.fashion_mnist(train=True)) == 20
    assert len(data.fashion_mnist(train=False)) == 10


def test_embedded_is_taken_when_asked_for(real_raw, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "embedded")
    assert data.source() == "embedded"
    assert len(data.fashion_mnist(train=True)) == 30


def test_unknown_choice(cache, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "mnist")
    with pytest.raises(data.DataError) as error:
        data.source()
    assert_one_sentence(error, "'mnist'", "embedded, real or auto")


def test_real_without_files(cache, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "real")
    with pytest.raises(data.DataError) as error:
        data.fashion_mnist(train=True)
    assert_one_sentence(error, cache, "python -m course_utils.data", "set COURSE_DATA to embedded")


def test_default_folder_is_the_users_cache(monkeypatch):
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    assert "deep-learning-notebooks" in data.data_dir().parts


def test_tilde_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", "~/pictures")
    assert data.data_dir() == Path.home() / "pictures"


# Broken files


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-1])


def cut_in_the_header(path):
    path.write_bytes(path.read_bytes()[:6])


def emptied(path):
    path.write_bytes(b"")


def too_long(path):
    path.write_bytes(path.read_bytes() + b"\0")


def still_packed(path):
    path.write_bytes(gzip.compress(path.read_bytes()))


BREAKS = [cut_short, cut_in_the_header, emptied, too_long, still_packed]
NAMES = ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


@pytest.mark.parametrize("break_file", BREAKS)
@pytest.mark.parametrize("name", NAMES)
def test_broken_real_file(real_raw, break_file, name):
    break_file(real_raw / name)
    with pytest.raises(data.DataError) as error:
        data.fashion_mnist(train=True)
    assert_one_sentence(
        error, real_raw / name, "python -m course_utils.data", f"delete the folder {real_raw}"
    )


@pytest.mark.parametrize("break_file", BREAKS)
@pytest.mark.parametrize("name", NAMES)
def test_broken_embedded_file_and_its_cure(cache, break_file, name):
    data.fashion_mnist(train=True)
    folder = embedded_raw(cache).parents[1]
    break_file(embedded_raw(cache) / name)
    with pytest.raises(data.DataError) as error:
        data.fashion_mnist(train=True)
    assert_one_sentence(error, name, f"delete the folder {folder} and run again")
    shutil.rmtree(folder)
    assert len(data.fashion_mnist(train=True)) == 30


def test_missing_file(real_raw):
    (real_raw / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(data.DataError) as error:
        data.fashion_mnist(train=True)
    assert_one_sentence(error, "t10k-images-idx3-ubyte is missing", "python -m course_utils.data")


def test_half_a_download(cache):
    raw = cache / "real" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"pictures")[:10])
    with pytest.raises(data.DataError) as error:
        data.fashion_mnist(train=True)
    assert_one_sentence(error, "train-images-idx3-ubyte is missing", "python -m course_utils.data")


def test_images_and_labels_of_different_sets(real_raw):
    embedded_sets.write_idx(real_raw / "train-labels-idx1-ubyte", np.zeros(19, np.uint8))
    with pytest.raises(data.DataError) as error:
        data.fashion_mnist(train=True)
    assert_one_sentence(error, "train images and labels", "do not belong together")


def test_folder_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("COURSE_DATA", "embedded")
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "file"))
    with pytest.raises(data.DataError) as error:
        data.fashion_mnist(train=True)
    assert_one_sentence(error, tmp_path / "file", "set COURSE_DATA_DIR to a folder that you may write to")


def test_file_that_cannot_be_read(real_raw):
    (real_raw / NAMES[0]).unlink()
    (real_raw / NAMES[0]).mkdir()
    with pytest.raises(data.DataError) as error:
        data.fashion_mnist(train=True)
    assert_one_sentence(error, real_raw / NAMES[0], "Cannot read")


# Fetching the real sets, here from a server on this machine

HOUSE_NAMES = ("kaggle_house_pred_train.csv", "kaggle_house_pred_test.csv")

POOCH_LEAVES_A_SOCKET_OPEN = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # when the server answers 404


class Home(NamedTuple):
    folder: Path  # what is served
    requests: list[str]  # what was asked for


def write_cifar10(folder, monkeypatch):
    """The packed set as its home has it, ten pictures to a file, and torchvision's checksums for these."""
    sums = {}
    pixels = np.random.default_rng(0).integers(0, 256, (10, 3072), dtype=np.uint8)
    with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as archive:
        for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"]:
            batch = (
                {"label_names": list("abcdefghij")}
                if "meta" in name
                else {"data": pixels, "labels": [*range(10)]}
            )
            content = pickle.dumps(batch)
            sums[name] = hashlib.md5(content).hexdigest()
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    for name in ("train_list", "test_list"):
        monkeypatch.setattr(CIFAR10, name, [[file, sums[file]] for file, _ in getattr(CIFAR10, name)])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": sums["batches.meta"]})


@pytest.fixture
def home(cache, house_tables, tmp_path, monkeypatch):
    """A server of small sets and of the tables of houses, which REAL_SETS points to."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "home"
    write_set(folder)
    for file in list(folder.iterdir()):
        (folder / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    for name, table in zip(HOUSE_NAMES, data.HOUSE_FILES, strict=True):
        shutil.copy(house_tables / table, folder / name)
    write_cifar10(folder, monkeypatch)
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            requests.append(self.path)

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    sets = ("fashion_mnist", "md5", ""), ("house_prices", "sha1", "sha1:"), ("cifar10", "md5", "")
    for name, algorithm, prefix in sets:
        files = {
            file: prefix + hashlib.new(algorithm, (folder / file).read_bytes()).hexdigest()
            for file in data.REAL_SETS[name].files
        }
        here = replace(data.REAL_SETS[name], home=f"http://127.0.0.1:{server.server_port}/", files=files)
        monkeypatch.setitem(data.REAL_SETS, name, here)
    yield Home(folder, requests)
    server.shutdown()
    thread.join()
    server.server_close()
    gc.collect()  # sockets that pooch left open are reported here, not in a later test


def test_download_puts_the_unpacked_files_in_place(home, cache):
    raw = data.download_real("fashion_mnist", progressbar=False)
    assert raw == cache / "real" / "FashionMNIST" / "raw"
    assert sorted(file.name for file in raw.iterdir()) == sorted(data.IDX_NAMES)
    assert data.source() == "real"
    assert len(data.fashion_mnist(train=True)) == 20


def test_download_shows_a_progress_bar(home, capfd):
    data.download_real("fashion_mnist")
    assert "100%" in capfd.readouterr().err


def test_nothing_is_fetched_twice(home):
    data.download_real("fashion_mnist", progressbar=False)
    home.requests.clear()
    data.download_real("fashion_mnist", progressbar=False)
    assert home.requests == []


def test_download_goes_on_where_it_broke_off(home, cache):
    raw = cache / "real" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    whole, half = "train-labels-idx1-ubyte.gz", "train-images-idx3-ubyte.gz"
    shutil.copy(home.folder / whole, raw)
    (raw / half).write_bytes((home.folder / half).read_bytes()[:100])
    data.download_real("fashion_mnist", progressbar=False)
    assert not any(whole in request for request in home.requests)
    assert len(data.fashion_mnist(train=True)) == 20


@pytest.mark.parametrize("break_file", BREAKS)
def test_download_repairs_a_broken_file(home, real_raw, break_file):
    break_file(real_raw / NAMES[0])
    data.download_real("fashion_mnist", progressbar=False)
    assert len(data.fashion_mnist(train=True)) == 20


def test_wrong_checksum(home, cache):
    (home.folder / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(data.DataError) as error:
        data.download_real("fashion_mnist", progressbar=False)
    assert_one_sentence(error, "t10k-labels-idx1-ubyte.gz", "wrong checksum", "python -m course_utils.data")
    assert not list(cache.rglob("*-ubyte")), "nothing may be unpacked before all files are right"


@POOCH_LEAVES_A_SOCKET_OPEN
def test_home_without_the_file(home):
    (home.folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(data.DataError) as error:
        data.download_real("fashion_mnist", progressbar=False)
    assert_one_sentence(error, "Cannot download", "t10k-labels-idx1-ubyte.gz")


def test_no_network(cache, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    nobody = replace(data.REAL_SETS["fashion_mnist"], home="http://127.0.0.1:9/")
    monkeypatch.setitem(data.REAL_SETS, "fashion_mnist", nobody)
    with pytest.raises(data.DataError) as error:
        data.download_real("fashion_mnist", progressbar=False)
    assert_one_sentence(error, "Cannot download", "check the network connection")
    assert data.source() == "embedded"


def test_download_to_a_folder_that_cannot_be_written(home, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "file"))
    with pytest.raises(data.DataError) as error:
        data.download_real("fashion_mnist", progressbar=False)
    assert_one_sentence(error, "Cannot write", "set COURSE_DATA_DIR")


def test_unknown_set(cache):
    with pytest.raises(data.DataError) as error:
        data.download_real("imagenet")
    assert_one_sentence(error, "'imagenet'", "fashion_mnist")


def test_main_fetches_every_set_and_tells_where(home, cache, capsys):
    assert data.main() == 0
    said = capsys.readouterr().out
    assert f"fashion_mnist: {cache / 'real' / 'FashionMNIST' / 'raw'}" in said
    assert f"house_prices: {cache / 'real' / 'HousePrices'}" in said
    assert f"cifar10: {cache / 'real' / 'cifar-10-batches-py'}" in said


def test_download_of_cifar10(home, cache):
    folder = data.download_real("cifar10", progressbar=False)
    assert sorted(file.name for file in folder.iterdir())[0] == "batches.meta"
    assert len(list(folder.iterdir())) == 7, "the packed file and what was unfinished are gone"
    assert len(CIFAR10(cache / "real", train=True)) == 50
    home.requests.clear()
    data.download_real("cifar10", progressbar=False)
    assert home.requests == []


def test_cifar10_with_a_wrong_checksum_is_not_unpacked(home, cache):
    (home.folder / "cifar-10-python.tar.gz").write_bytes(b"something else")
    with pytest.raises(data.DataError) as error:
        data.download_real("cifar10", progressbar=False)
    assert_one_sentence(error, "cifar-10-python.tar.gz", "wrong checksum")
    assert not list(cache.rglob("*batch*_*"))


def test_cifar10_half_on_disk_is_fetched_again(home, cache):
    folder = data.download_real("cifar10", progressbar=False)
    cut_short(folder / "data_batch_3")
    data.download_real("cifar10", progressbar=False)
    assert len(CIFAR10(cache / "real", train=True)) == 50


# CIFAR-10 in memory


@pytest.fixture
def few(monkeypatch):
    """An embedded set of few pictures."""
    monkeypatch.setattr(embedded_sets, "THUMBNAIL_SIZES", {"train": 50, "test": 10})


def test_embedded_cifar10_holds_the_drawn_pictures(cache, few):
    train, test = data.cifar10(train=True), data.cifar10(train=False)
    assert isinstance(train, CIFAR10) and train.classes == list(data.CIFAR_CLASSES) == test.classes
    images, labels = thumbnails.draw(50, embedded_sets.THUMBNAIL_SEEDS["train"])
    assert train.data.dtype == np.uint8 and (train.data == images).all() and train.targets == labels.tolist()
    assert test.data.shape == (10, 32, 32, 3)
    picture, label = train[3]
    assert (np.asarray(picture) == images[3]).all() and label == labels[3]


def test_embedded_cifar10_has_the_file_names_of_the_real_set():
    files = embedded_sets.CIFAR_FILES
    assert CIFAR10.base_folder == embedded_sets.CIFAR_FOLDER
    assert list(files["train"]) == [name for name, _ in CIFAR10.train_list]
    assert list(files["test"]) == [name for name, _ in CIFAR10.test_list]
    assert CIFAR10.meta["filename"] == embedded_sets.CIFAR_NAMES


def test_cifar10_applies_a_transform(cache, few):
    assert data.cifar10(train=False, transform=lambda picture: picture.size)[0][0] == (32, 32)


def test_embedded_cifar10_is_drawn_once(cache, few, monkeypatch):
    data.cifar10(train=True)
    monkeypatch.setattr(thumbnails, "draw", None)
    data.cifar10(train=False)
    monkeypatch.setattr(thumbnails, "VERSION", thumbnails.VERSION + 1)
    with pytest.raises(TypeError):
        data.cifar10(train=True)


@pytest.mark.parametrize("name", ["data_batch_3", "batches.meta"])
@pytest.mark.parametrize("damage", [cut_short, cut_in_the_header, emptied, Path.unlink])
def test_broken_embedded_cifar10_and_its_cure(cache, few, name, damage):
    data.cifar10(train=True)
    root = cache / "embedded" / f"thumbnails-v{thumbnails.VERSION}"
    damage(root / CIFAR10.base_folder / name)
    with pytest.raises(data.DataError) as error:
        data.cifar10(train=True)
    assert_one_sentence(error, str(root), "incomplete or broken", "delete")
    shutil.rmtree(root)
    assert len(data.cifar10(train=True)) == 50


def test_embedded_cifar10_of_another_size(cache, few, monkeypatch):
    data.cifar10(train=True)
    monkeypatch.setattr(embedded_sets, "THUMBNAIL_SIZES", {"train": 60, "test": 10})
    with pytest.raises(data.DataError, match="incomplete or broken"):
        data.cifar10(train=True)


def test_cifar10_that_cannot_be_written(tmp_path, few, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_DATA", "embedded")
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "file"))
    with pytest.raises(data.DataError, match="Cannot write to"):
        data.cifar10(train=True)


@pytest.mark.parametrize("choice", ["auto", "real"])
def test_real_cifar10_is_taken_when_present(home, monkeypatch, choice):
    data.download_real("cifar10", progressbar=False)
    monkeypatch.setenv("COURSE_DATA", choice)
    assert data.source("cifar10") == "real"
    train, test = data.cifar10(train=True), data.cifar10(train=False)
    assert len(train) == 50 and len(test) == 10 and train.classes == list("abcdefghij")


def test_embedded_cifar10_is_taken_when_asked_for(home, few, monkeypatch):
    data.download_real("cifar10", progressbar=False)
    monkeypatch.setenv("COURSE_DATA", "embedded")
    assert data.cifar10(train=False).classes == list(data.CIFAR_CLASSES)


def test_real_cifar10_without_files(cache, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "real")
    with pytest.raises(data.DataError) as error:
        data.cifar10(train=True)
    assert_one_sentence(error, "CIFAR-10", "cifar-10-batches-py", "COURSE_DATA to embedded")


@pytest.mark.parametrize("name", ["data_batch_2", "test_batch", "batches.meta"])
@pytest.mark.parametrize("damage", [cut_short, Path.unlink])
@pytest.mark.parametrize("train", [True, False])
def test_real_cifar10_half_on_disk(home, name, damage, train):
    """Half a set is refused as a whole, also when the files asked for are there."""
    folder = data.download_real("cifar10", progressbar=False)
    damage(folder / name)
    with pytest.raises(data.DataError) as error:
        data.cifar10(train=train)
    assert_one_sentence(error, name, "missing or broken", "again", str(folder))


def test_cifar10_that_was_not_unpacked(cache):
    folder = cache / "real" / CIFAR10.base_folder
    folder.mkdir(parents=True)
    (folder / "cifar-10-python.tar.gz").write_bytes(b"the beginning")
    with pytest.raises(data.DataError) as error:
        data.cifar10(train=True)
    assert_one_sentence(error, "data_batch_1", "missing or broken")


@POOCH_LEAVES_A_SOCKET_OPEN
def test_a_connection_that_is_cut_leaves_nothing_half_written(home, cache, monkeypatch):
    def cut_off(handler):
        body = (home.folder / handler.path.lstrip("/")).read_bytes()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])

    with monkeypatch.context() as patched:
        patched.setattr(http.server.SimpleHTTPRequestHandler, "do_GET", cut_off)
        with pytest.raises(data.DataError) as error:
            data.download_real("cifar10", progressbar=False)
    assert_one_sentence(error, "Cannot download", "check the network connection")
    assert [path for path in cache.rglob("*") if path.is_file()] == []
    data.download_real("cifar10", progressbar=False)
    assert len(CIFAR10(cache / "real", train=False)) == 10


@POOCH_LEAVES_A_SOCKET_OPEN
def test_main_fails_with_the_sentence_only(home, capsys):
    shutil.rmtree(home.folder)
    assert data.main() == 1
    assert "Cannot download" in capsys.readouterr().err.splitlines()[-1]


@pytest.fixture
def official_files(cache):
    """The official files, unpacked where the real set belongs."""
    packed = REAL_FILES / "fashion_mnist"
    if not packed.is_dir():
        pytest.skip(f"the real files are not in {packed}")
    raw = cache / "real" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name, md5 in data.REAL_SETS["fashion_mnist"].files.items():
        content = (packed / name).read_bytes()
        assert hashlib.md5(content).hexdigest() == md5
        (raw / name.removesuffix(".gz")).write_bytes(gzip.decompress(content))


def test_official_files_are_read(official_files):
    train_iter, test_iter = data.load_fashion_mnist(256)
    assert data.source() == "real"
    assert train_iter.images.shape == (60_000, 28, 28) and test_iter.images.shape == (10_000, 28, 28)
    assert train_iter.labels.bincount().tolist() == [6_000] * 10
    assert train_iter.labels[:8].tolist() == [9, 0, 0, 3, 0, 2, 7, 2]


# Batches


@pytest.fixture
def images():
    return torch.randint(0, 256, (10, 4, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels():
    return torch.arange(10)


def test_batches_are_floats_between_0_and_1_in_order(images, labels):
    batches = list(data.BatchLoader(images, labels, 4))
    assert [tuple(X.shape) for X, _ in batches] == [(4, 1, 4, 6), (4, 1, 4, 6), (2, 1, 4, 6)]
    X, y = torch.cat([X for X, _ in batches]), torch.cat([y for _, y in batches])
    assert X.dtype == torch.float32 and y.dtype == torch.int64
    assert torch.equal(X, images.unsqueeze(1) / 255)
    assert torch.equal(y, labels)


@pytest.mark.parametrize(("batch_size", "batches"), [(1, 10), (3, 4), (5, 2), (10, 1), (11, 1)])
def test_length_is_the_number_of_batches(images, labels, batch_size, batches):
    loader = data.BatchLoader(images, labels, batch_size)
    assert len(loader) == len(list(loader)) == batches


def test_attributes(images, labels):
    loader = data.BatchLoader(images, labels, 4)
    assert torch.equal(loader.images, images) and torch.equal(loader.labels, labels)
    assert loader.batch_size == 4


def order(loader):
    return torch.cat([y for _, y in loader]).tolist()


def test_shuffle_gives_every_picture_once_in_a_new_order_each_pass(images, labels):
    loader = data.BatchLoader(images, labels, 4, shuffle=True, generator=torch.Generator().manual_seed(0))
    first, second = order(loader), order(loader)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second and first != list(range(10))


def test_shuffle_keeps_pictures_and_labels_together(images, labels):
    for X, y in data.BatchLoader(images, labels, 4, shuffle=True):
        assert torch.equal(X.squeeze(1) * 255, images[y].float())


def test_same_generator_seed_same_order(images, labels):
    orders = [
        order(data.BatchLoader(images, labels, 4, shuffle=True, generator=torch.Generator().manual_seed(7)))
        for _ in range(2)
    ]
    assert orders[0] == orders[1]


def test_without_generator_the_global_one_decides(images, labels):
    loader = data.BatchLoader(images, labels, 4, shuffle=True)
    torch.manual_seed(3)
    first = order(loader)
    torch.manual_seed(3)
    assert order(loader) == first


def test_generator_of_its_own_leaves_the_global_one_alone(images, labels):
    loader = data.BatchLoader(images, labels, 4, shuffle=True, generator=torch.Generator())
    before = torch.get_rng_state()
    list(loader)
    assert torch.equal(torch.get_rng_state(), before)


def test_batches_are_on_the_device(images, labels):
    X, y = next(iter(data.BatchLoader(images, labels, 4, shuffle=True, device="meta")))
    assert X.device.type == y.device.type == "meta"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((10, 4, 6), np.uint8)}, "images must be a tensor, got ndarray"),
        ({"images": torch.zeros(10, 4, 6)}, "images must be uint8 (n, h, w), got float32 (10, 4, 6)"),
        ({"images": torch.zeros(10, 24, dtype=torch.uint8)}, "images must be uint8 (n, h, w)"),
        ({"labels": torch.zeros(10)}, "labels must be int64 (n,), got float32 (10,)"),
        ({"labels": torch.zeros(10, 1, dtype=torch.int64)}, "labels must be int64 (n,)"),
        ({"labels": torch.arange(9)}, "equally many, at least one, got 10 and 9"),
        (
            {"images": torch.zeros(0, 4, 6, dtype=torch.uint8), "labels": torch.arange(0)},
            "at least one, got 0 and 0",
        ),
        ({"batch_size": 0}, "batch_size must be a positive integer, got 0"),
        ({"batch_size": 2.5}, "batch_size must be a positive integer, got 2.5"),
    ],
)
def test_wrong_input_is_refused(images, labels, change, message):
    arguments = {"images": images, "labels": labels, "batch_size": 4} | change
    with pytest.raises(ValueError, match=re.escape(message)):
        data.BatchLoader(**arguments)


# load_fashion_mnist


def test_load_fashion_mnist_takes_everything_by_default(embedded):
    train_iter, test_iter = data.load_fashion_mnist(256)
    assert len(train_iter) == 40 and len(test_iter) == 8
    assert train_iter.images.shape == (10_000, 28, 28) and test_iter.images.shape == (2_000, 28, 28)


def test_load_fashion_mnist_takes_the_first_pictures(embedded):
    train_iter, test_iter = data.load_fashion_mnist(32, train_size=100, test_size=50)
    assert torch.equal(train_iter.images, data.fashion_mnist(train=True).data[:100])
    assert torch.equal(test_iter.labels, data.fashion_mnist(train=False).targets[:50])


def test_only_the_training_set_is_shuffled(embedded):
    train_iter, test_iter = data.load_fashion_mnist(
        256, train_size=500, test_size=500, generator=torch.Generator().manual_seed(0)
    )
    assert order(train_iter) != train_iter.labels.tolist()
    assert order(test_iter) == test_iter.labels.tolist()


@pytest.mark.parametrize("name", ["train_size", "test_size"])
@pytest.mark.parametrize("size", [0, -1, 10_001, 1.5])
def test_impossible_sizes(embedded, name, size):
    with pytest.raises(ValueError, match=f"{name} must be an integer from 1 to [0-9]+, got {size}"):
        data.load_fashion_mnist(256, **{name: size})


# House prices


@pytest.fixture
def real_houses(cache, house_tables):
    """A made table where the real one belongs."""
    return shutil.copytree(house_tables, cache / "real" / "HousePrices")


def test_houses_are_written_once_and_read_back(cache, monkeypatch):
    train, test = data.load_house_prices()
    drawn = houses.draw()
    assert [file.name for file in (cache / "embedded").iterdir()] == [f"houses-v{houses.VERSION}"]
    for table, made in zip((train, test), drawn, strict=True):
        assert list(table) == list(made)
        for name in table:
            known = table[name].notna()
            assert (known == ~made[name].isin(["NA", "None"]) & made[name].notna()).all()
            assert (table[name][known] == made[name][known]).all()
    monkeypatch.delattr(houses, "draw")
    assert data.load_house_prices()[0].equals(train)


def test_tables_are_what_plain_pandas_reads(cache):
    for file, table in zip(data.house_price_files(), data.load_house_prices(), strict=True):
        pd.testing.assert_frame_equal(pd.read_csv(file), table)


@pytest.mark.parametrize("choice", ["auto", "real", None])
def test_real_houses_are_taken_when_present(real_houses, monkeypatch, choice):
    if choice is not None:
        monkeypatch.setenv("COURSE_DATA", choice)
    assert data.source("house_prices") == "real"
    assert data.house_price_files() == (real_houses / "train.csv", real_houses / "test.csv")
    assert [len(table) for table in data.load_house_prices()] == [1460, 1459]


def test_one_real_set_does_not_stand_for_another(real_houses):
    assert data.source("house_prices") == "real" and data.source() == "embedded"


def test_embedded_houses_are_taken_when_asked_for(real_houses, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "embedded")
    assert "embedded" in data.house_price_files()[0].parts


def test_real_houses_without_files(cache, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", "real")
    with pytest.raises(data.DataError) as error:
        data.load_house_prices()
    assert_one_sentence(error, "no table of house prices", "python -m course_utils.data", "to embedded")


def changed(change):
    """An edit of a table, as an edit of its file; the words that the message must hold."""

    def edit(file):
        table = pd.read_csv(file, dtype="str", keep_default_na=False)
        change(table).to_csv(file, index=False)

    return edit


def with_entry(row, name, value):
    def change(table):
        table.loc[row, name] = value
        return table

    return changed(change)


BROKEN_TABLES = {
    "a missing column": (
        changed(lambda table: table.drop(columns="GarageCars")),
        "lacks the column GarageCars",
    ),
    "two missing columns": (
        changed(lambda table: table.drop(columns=["LotArea", "Fence"])),
        "lacks the column LotArea (and 1 more)",
    ),
    "an extra column": (
        changed(lambda table: table.assign(Owner="Smith")),
        "has a column too many, Owner",
    ),
    "a repeated column": (
        changed(lambda table: pd.concat([table, table[["LotArea"]]], axis=1)),
        "has a column too many, LotArea.1",
    ),
    "text in a numeric column": (
        with_entry(15, "GarageCars", "two"),
        "has the text 'two' in line 17 of the numeric column GarageCars",
    ),
    "no price": (with_entry(7, "SalePrice", "NA"), "has no price in line 9"),
    "a price of 0": (with_entry(7, "SalePrice", "0"), "has no price in line 9"),
    "no houses": (changed(lambda table: table[:0]), "has a heading but no houses"),
    "half of the houses": (changed(lambda table: table[:730]), "has 730 houses where 1460 are expected"),
    "an empty file": (emptied, "is empty"),
    "another file": (still_packed, "cannot be read as a table"),
    "a row too long": (lambda file: file.write_text(file.read_text() + "1," * 90 + "\n"), "as a table"),
}


@pytest.mark.parametrize("kind", BROKEN_TABLES)
def test_broken_real_table(real_houses, kind):
    break_file, words = BROKEN_TABLES[kind]
    break_file(real_houses / "train.csv")
    with pytest.raises(data.DataError) as error:
        data.load_house_prices()
    assert_table_sentence(
        error, real_houses / "train.csv", words, "python -m course_utils.data", "delete the folder"
    )


def assert_table_sentence(error, *words):
    """The message is one line that ends in a full stop and holds the words."""
    message = str(error.value)
    assert "\n" not in message and message.endswith(".")
    for word in words:
        assert str(word) in message


def test_table_that_was_cut_short(real_houses):
    text = (real_houses / "test.csv").read_text()
    (real_houses / "test.csv").write_text(text[: len(text) // 2])
    with pytest.raises(data.DataError) as error:
        data.load_house_prices()
    assert_table_sentence(error, "test.csv", "houses where 1459 are expected")


def test_half_on_disk(real_houses):
    (real_houses / "test.csv").unlink()
    with pytest.raises(data.DataError) as error:
        data.load_house_prices()
    assert_table_sentence(error, "test.csv is missing", real_houses, "delete the folder")


def test_broken_embedded_table_and_its_cure(cache):
    train_file, _ = data.house_price_files()
    cut_short(train_file)
    emptied(train_file)
    with pytest.raises(data.DataError) as error:
        data.load_house_prices()
    assert_table_sentence(error, "train.csv is empty", f"delete the folder {train_file.parent} and run again")
    shutil.rmtree(train_file.parent)
    assert len(data.load_house_prices()[0]) == 1460


def test_houses_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("COURSE_DATA", "embedded")
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "file"))
    with pytest.raises(data.DataError) as error:
        data.load_house_prices()
    assert_one_sentence(error, "Cannot write", "set COURSE_DATA_DIR")


def test_download_of_the_houses(home, cache):
    folder = data.download_real("house_prices", progressbar=False)
    assert folder == cache / "real" / "HousePrices"
    assert sorted(file.name for file in folder.iterdir()) == ["test.csv", "train.csv"]
    assert data.source("house_prices") == "real"
    home.requests.clear()
    data.download_real("house_prices", progressbar=False)
    assert home.requests == []


def test_download_of_the_houses_goes_on_where_it_broke_off(home, cache):
    folder = cache / "real" / "HousePrices"
    folder.mkdir(parents=True)
    shutil.copy(home.folder / HOUSE_NAMES[0], folder)
    data.download_real("house_prices", progressbar=False)
    assert not any(HOUSE_NAMES[0] in request for request in home.requests)
    assert len(data.load_house_prices()[1]) == 1459


def test_wrong_checksum_of_a_table(home, cache):
    (home.folder / HOUSE_NAMES[1]).write_text("something else")
    with pytest.raises(data.DataError) as error:
        data.download_real("house_prices", progressbar=False)
    assert_table_sentence(error, HOUSE_NAMES[1], "wrong checksum")
    assert not [file for file in cache.rglob("*.csv") if file.name in data.HOUSE_FILES]


def test_no_network_for_the_houses(cache, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    nobody = replace(data.REAL_SETS["house_prices"], home="http://127.0.0.1:9/")
    monkeypatch.setitem(data.REAL_SETS, "house_prices", nobody)
    with pytest.raises(data.DataError) as error:
        data.download_real("house_prices", progressbar=False)
    assert_one_sentence(error, "Cannot download", "check the network connection")
    assert data.source("house_prices") == "embedded"
    assert list(cache.rglob("*.csv")) == []


@pytest.fixture
def official_houses(cache):
    """The official tables where the real set belongs."""
    given = REAL_FILES / "house_prices"
    if not given.is_dir():
        pytest.skip(f"the real files are not in {given}")
    folder = cache / "real" / "HousePrices"
    folder.mkdir(parents=True)
    for name, checksum in data.REAL_SETS["house_prices"].files.items():
        assert f"sha1:{hashlib.sha1((given / name).read_bytes()).hexdigest()}" == checksum
        data._rename_houses(given / name, folder)


def test_official_houses_are_read(official_houses):
    train, test = data.load_house_prices()
    assert data.source("house_prices") == "real"
    assert train.shape == (1460, 81) and test.shape == (1459, 80)
    assert list(train) == list(houses.COLUMNS) and set(train["SalePrice"][:3]) == {208500, 181500, 223500}
    assert train["MasVnrType"].isna().sum() == 872
