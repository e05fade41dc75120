"""The experiments of the d2l book's text, trained here: our numbers beside the published ones.

    COURSE_DATA=real python -m benchmarks.reproduce

Needs the data that `make data` fetches; with the embedded pictures the numbers say nothing about the book's.
Networks, rates, batches and epochs are the book's (PyTorch edition, run 2023-08); so are the numbers in
`published`, where the losses and accuracies of the classifiers are read off plots. Each experiment is run for
three seeds; the table gives our mean and, in brackets, the smallest and the largest value. About fifteen
minutes on two cores. The narrow VGG is trained only where a GPU is: on a CPU its large pictures take hours.
There, examples per second are compared, too: whole epochs with loading and resizing, where the book's clock
stops between two steps.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import course_utils as cu
from course_utils import nets

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 10  # of each classifier

Measures = dict[str, float]


@dataclass(frozen=True)
class Experiment:
    """What the book trains, and what it prints. run: seed -> name of a measure -> value.

    A measure that `run` leaves out, as examples per second on a CPU, is not in the table.
    """

    name: str
    published: Measures
    run: Callable[[int], Measures]
    needs_gpu: bool = False


# Regression


def linear_regression(loss: Callable, report: Callable) -> Callable[[int], Measures]:
    """1,000 examples of y = 2 x1 - 3.4 x2 + 4.2 + noise; rate 0.03, batches of 10, three epochs."""

    def run(seed: int) -> Measures:
        torch.manual_seed(seed)
        X = torch.randn(1000, 2)
        y = X @ torch.tensor([[2.0], [-3.4]]) + 4.2 + 0.01 * torch.randn(1000, 1)
        net = nn.Linear(2, 1)
        nn.init.normal_(net.weight, std=0.01)
        nn.init.zeros_(net.bias)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.03)
        measures = {}
        for epoch in (1, 2, 3):
            cu.training.seed_everything(100 * seed + epoch)
            for rows, labels in DataLoader(TensorDataset(X, y), batch_size=10, shuffle=True):
                optimizer.zero_grad()
                loss(net(rows), labels).backward()
                optimizer.step()
            measures[f"loss, epoch {epoch}"] = report(net(X), y).item()
        return measures

    return run


def half_squared(y_hat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Half the mean squared error: the loss of the book's version from scratch."""
    return F.mse_loss(y_hat, y) / 2


def edge_kernel(seed: int) -> Measures:
    """A 1 x 2 kernel learns to find the edges of a black bar on white; rate 0.03, summed squares."""
    torch.manual_seed(seed)
    X = torch.ones(1, 1, 6, 8)
    X[..., 2:6] = 0
    Y = X[..., :-1] - X[..., 1:]
    conv = nn.Conv2d(1, 1, kernel_size=(1, 2), bias=False)
    measures = {}
    for step in range(1, 11):
        loss = ((conv(X) - Y) ** 2).sum()
        (gradient,) = torch.autograd.grad(loss, conv.weight)
        with torch.no_grad():
            conv.weight -= 0.03 * gradient
        if step % 2 == 0:
            measures[f"loss, step {step}"] = loss.item()
    return measures


# Garments


def small_init(net: nn.Module) -> None:
    """Weights from N(0, 0.01), biases 0."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)


def xavier_init(net: nn.Module) -> None:
    """Xavier's uniform weights in dense and convolutional layers."""
    for layer in net.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(layer.weight)


def softmax() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))


def dropout_mlp() -> nn.Module:
    first = nn.Linear(784, 256), nn.ReLU(), nn.Dropout(0.2)
    second = nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.5)
    return nn.Sequential(nn.Flatten(), *first, *second, nn.Linear(256, 10))


def lenet_with_batch_norm() -> nn.Module:
    """LeNet with batch norm before each sigmoid."""
    layers: list[nn.Module] = []
    for layer in nets.lenet():
        layers.append(layer)
        if isinstance(layer, nn.Conv2d):
            layers.append(nn.BatchNorm2d(layer.out_channels))
        elif isinstance(layer, nn.Linear) and layer.out_features != 10:
            layers.append(nn.BatchNorm1d(layer.out_features))
    return nn.Sequential(*layers)


def narrow_vgg() -> nn.Module:
    """VGG-11 with a quarter of the channels, for pictures (n, 1, 224, 224)."""
    return nets.vgg([(1, 16), (1, 32), (2, 64), (2, 128), (2, 128)])


class Resized:
    """Batches of another iterable with their pictures resized to size x size."""

    def __init__(self, batches: Iterable, size: int) -> None:
        self.batches, self.size = batches, size

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for X, y in self.batches:
            yield F.interpolate(X, size=self.size, mode="bilinear", antialias=True), y


def garments(
    make: Callable[[], nn.Module],
    init: Callable[[nn.Module], None],
    lr: float,
    *,
    batch_size: int = 256,
    size: int | None = None,
) -> Callable[[int], Measures]:
    """Ten epochs of plain SGD on the 60,000 pictures, on a GPU if there is one."""

    def run(seed: int) -> Measures:
        cu.training.seed_everything(seed)
        device = cu.devices.default_device()
        order = torch.Generator().manual_seed(seed)
        batches = cu.data.load_fashion_mnist(batch_size, device=device, generator=order)
        train_iter, test_iter = (Resized(part, size) for part in batches) if size else batches
        net = make().to(device)
        init(net)
        optimizer = torch.optim.SGD(net.parameters(), lr=lr)
        with cu.training.Timer(device) as timer:
            for _ in range(EPOCHS):
                loss, accuracy = cu.training.train_epoch(net, train_iter, nn.CrossEntropyLoss(), optimizer)
        test = cu.training.evaluate_accuracy(net, test_iter)
        speed = EPOCHS * len(batches[0].labels) / timer.seconds
        return of(loss, accuracy, test, speed if device.type == "cuda" else None)

    return run


def of(loss: float, train: float, test: float, speed: float | None = None) -> Measures:
    """What is measured of a classifier. speed: examples per second on a GPU."""
    measures = {"training loss": loss, "training accuracy": train, "test accuracy": test}
    return measures if speed is None else measures | {"examples/s": speed}


# Of the experiments that the book runs twice, from scratch and with torch's layers, the better one is here.
EXPERIMENTS = [
    Experiment(
        "linear regression, half squared error",
        {"loss, epoch 1": 0.042790, "loss, epoch 2": 0.000162, "loss, epoch 3": 0.000051},
        linear_regression(half_squared, half_squared),
    ),
    Experiment(
        "linear regression, squared error",
        {"loss, epoch 1": 0.000248, "loss, epoch 2": 0.000103, "loss, epoch 3": 0.000103},
        linear_regression(F.mse_loss, F.mse_loss),
    ),
    Experiment(
        "1 x 2 edge kernel",
        {
            "loss, step 2": 6.422,
            "loss, step 4": 1.225,
            "loss, step 6": 0.266,
            "loss, step 8": 0.070,
            "loss, step 10": 0.022,
        },
        edge_kernel,
    ),
    Experiment("softmax regression", of(0.448, 0.848, 0.836), garments(softmax, small_init, 0.1)),
    Experiment("MLP", of(0.382, 0.865, 0.838), garments(mlp, small_init, 0.1)),
    Experiment("MLP with dropout", of(0.330, 0.877, 0.857), garments(dropout_mlp, small_init, 0.5)),
    Experiment("LeNet", of(0.469, 0.823, 0.779, 55296.6), garments(nets.lenet, xavier_init, 0.9)),
    Experiment(
        "LeNet with batch norm",
        of(0.273, 0.899, 0.807, 32293.9),
        garments(lenet_with_batch_norm, xavier_init, 1.0),
    ),
    Experiment(
        "narrow VGG, 224 x 224",
        of(0.178, 0.935, 0.920, 2463.7),
        garments(narrow_vgg, xavier_init, 0.05, batch_size=128, size=224),
        needs_gpu=True,
    ),
]


def row(name: str, measure: str, published: float, ours: list[float]) -> str:
    """One line of a Markdown table."""
    digits = 0 if published > 100 else 3 if published > 0.01 else 6
    mean, low, high = (f"{value:,.{digits}f}" for value in (statistics.mean(ours), min(ours), max(ours)))
    return f"| {name} | {measure} | {published:,.{digits}f} | {mean} ({low} to {high}) |"


def rows(experiment: Experiment, seeds: int) -> list[str]:
    """Run an experiment for seeds 0, 1, ...; one line for each measure that it gives."""
    runs = [experiment.run(seed) for seed in range(seeds)]
    return [
        row(experiment.name, measure, value, [found[measure] for found in runs])
        for measure, value in experiment.published.items()
        if measure in runs[0]
    ]


def where() -> str:
    """What the garments are trained on, in words."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "the CPU"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reproduce")
    parser.add_argument("--seeds", type=int, default=3, help="how many trainings of each experiment")
    parser.add_argument("--only", default="", help="experiments whose name contains this")
    options = parser.parse_args()
    try:
        source = cu.data.source("fashion_mnist")
    except cu.data.DataError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{source} pictures, {options.seeds} seeds, torch {torch.__version__}, "
        f"garments on {where()}: the mean (smallest to largest)\n"
    )
    print("| experiment | measure | published | ours |\n|---|---|---|---|")
    for experiment in EXPERIMENTS:
        if options.only not in experiment.name:
            continue
        if experiment.needs_gpu and not torch.cuda.is_available():
            print(f"{experiment.name}: not trained, there is no GPU", file=sys.stderr)
            continue
        print("\n".join(rows(experiment, options.seeds)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
