"""How fast pictures reach a network: the course's loader beside torchvision's usual one.

    python -m benchmarks.input_pipeline

The usual way is torchvision's FashionMNIST with ToTensor and a DataLoader with four workers; the course keeps
all pictures in memory as one uint8 tensor and turns a batch into floats at once. Both hand out the same
batches of 60,000 pictures in the same order, to the same networks; the losses must agree. If there is a GPU,
the networks are trained there, and the course keeps the pictures there, too. They take turns of some epochs,
as a training has them. Prints the seconds of each one's fastest epoch, which other work on the machine
disturbs least, and their ratio. About two minutes.
"""

import argparse
import math
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import course_utils as cu
from course_utils import data, garments, nets
from course_utils.embedded import write_idx

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import FashionMNIST
from torchvision.transforms import ToTensor

SIZE, BATCH, WORKERS = 60_000, 256, 4
EPOCHS = 4  # in a turn
DEVICE = cu.devices.default_device()
TOLERANCE = 1e-4 if DEVICE.type == "cpu" else 1e-3  # a GPU divides by 255, and adds up, in its own way
PAUSE = 1.0  # seconds, in which the workers of the turn before come to their end


def write_pictures(root: Path) -> None:
    """Draw as many pictures as Fashion-MNIST has, as the files that torchvision reads."""
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", SIZE), ("t10k", 10)):  # torchvision looks for both
        images, labels = garments.draw(count, seed=0)
        write_idx(raw / f"{part}-images-idx3-ubyte", images)
        write_idx(raw / f"{part}-labels-idx1-ubyte", labels)


def usual_loader(root: Path) -> Iterable:
    """torchvision's data set and torch's loader, as tutorials use them."""
    pictures = FashionMNIST(root, train=True, transform=ToTensor())
    return DataLoader(pictures, batch_size=BATCH, shuffle=False, num_workers=WORKERS)


def course_loader(root: Path) -> Iterable:
    """The same batches from the course's loader."""
    pictures = FashionMNIST(root, train=True)
    return data.BatchLoader(pictures.data, pictures.targets, batch_size=BATCH, device=DEVICE)


def load(batches: Iterable) -> float:
    """One epoch of loading alone, up to the device. Returns the mean of the last batch, to compare."""
    for X, _ in batches:
        last = X.to(DEVICE)
    return last.mean().item()


def train(make_net: Callable[[], nn.Module], lr: float) -> Callable[[Iterable], float]:
    """One epoch of training by SGD from the same start. Returns the mean loss."""

    def epoch(batches: Iterable) -> float:
        torch.manual_seed(0)
        net = make_net().to(DEVICE)
        optimizer = torch.optim.SGD(net.parameters(), lr=lr)
        return cu.training.train_epoch(net, batches, nn.CrossEntropyLoss(), optimizer)[0]

    return epoch


TASKS = {
    "loading": load,
    "softmax regression": train(lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), 0.1),
    "LeNet": train(nets.lenet, 0.9),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.input_pipeline")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each kind")
    rounds = parser.parse_args().rounds
    warnings.filterwarnings("ignore", "This DataLoader will create")  # more workers than cores, as is usual
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(Path(folder))
        loaders = {"usual": usual_loader(Path(folder)), "course": course_loader(Path(folder))}
        print(
            f"{SIZE:,} pictures, batches of {BATCH}, {torch.get_num_threads()} threads, on {DEVICE}, "
            "seconds of one epoch"
        )
        for task, run in TASKS.items():
            seconds: dict[str, list[float]] = {name: [] for name in loaders}
            results: dict[str, float] = {}
            for _ in range(rounds):
                for name, batches in loaders.items():
                    time.sleep(PAUSE)
                    for _ in range(EPOCHS):
                        start = time.perf_counter()
                        results[name] = run(batches)
                        seconds[name].append(time.perf_counter() - start)
            if not math.isclose(results["usual"], results["course"], rel_tol=TOLERANCE):
                raise SystemExit(f"{task}: the two loaders lead to different results: {results}")
            usual, course = (min(seconds[name]) for name in loaders)
            print(f"{task:18} usual {usual:7.2f}  course {course:7.3f}  {usual / course:6.1f} times faster")


if __name__ == "__main__":
    main()
