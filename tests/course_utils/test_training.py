import copy
import random
import sys
from pathlib import Path

from course_utils import plots, training

import nbclient
import nbformat
import numpy as np
import pytest
import torch
from torch import nn

ROOT = Path(__file__).parents[2]


class Batches:
    """Two classes of points, in batches of `size`; the last batch may be smaller."""

    def __init__(self, n=50, size=16):
        generator = torch.Generator().manual_seed(0)
        self.y = torch.arange(n) % 2
        self.X = torch.randn(n, 2, generator=generator) + 2.0 * self.y[:, None]
        self.size = size

    def __iter__(self):
        return zip(self.X.split(self.size), self.y.split(self.size), strict=True)


def make_net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Linear(2, 2)


class Spy(nn.Module):
    """Notes in which mode, and whether with gradients, it was called."""

    def __init__(self):
        super().__init__()
        self.layer = make_net()
        self.calls = []

    def forward(self, X):
        self.calls.append((self.training, torch.is_grad_enabled()))
        return self.layer(X)


class TestSeedEverything:
    def test_repeats_all_three_generators(self):
        draws = []
        for _ in range(2):
            training.seed_everything(3)
            draws.append((random.random(), np.random.rand(), torch.rand(1).item()))
        assert draws[0] == draws[1]

    def test_another_seed_is_another_draw(self):
        draws = []
        for seed in range(2):
            training.seed_everything(seed)
            draws.append((random.random(), np.random.rand(), torch.rand(1).item()))
        assert all(a != b for a, b in zip(*draws, strict=True))


class TestTimer:
    @pytest.fixture(autouse=True)
    def clock(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(training.time, "perf_counter", lambda: self.now)

    def test_runs_inside_with_and_then_stands_still(self):
        with training.Timer() as timer:
            self.now += 2
            assert timer.seconds == 2
            self.now += 1
        self.now += 5
        assert timer.seconds == 3

    def test_starts_again_at_zero(self):
        timer = training.Timer()
        for seconds in (4, 1):
            with timer:
                self.now += seconds
        assert timer.seconds == 1

    def test_waits_for_a_gpu_at_both_ends(self, monkeypatch):
        def synchronize(device):
            assert device == torch.device("cuda:1")
            self.now += 10

        monkeypatch.setattr(torch.accelerator, "synchronize", synchronize)
        with training.Timer(device="cuda:1") as timer:
            self.now += 1
        assert timer.seconds == 1 + 10  # what was queued before does not count
        assert self.now == 121

    def test_does_not_wait_for_the_cpu(self, monkeypatch):
        monkeypatch.setattr(torch.accelerator, "synchronize", None)
        with training.Timer(device=torch.device("cpu")) as timer:
            self.now += 1
        assert timer.seconds == 1

    def test_must_be_started(self):
        with pytest.raises(RuntimeError, match="not been started"):
            _ = training.Timer().seconds


class TestEvaluateAccuracy:
    def test_counts_examples_not_batches(self):
        batches = [(torch.eye(2)[[0, 0, 0]], torch.tensor([0, 0, 0])), (torch.eye(2)[[0]], torch.tensor([1]))]
        assert training.evaluate_accuracy(lambda X: X, batches) == 0.75

    def test_evaluates_without_a_graph_and_restores_every_mode(self):
        net = nn.Sequential(Spy(), nn.Dropout(), nn.BatchNorm1d(2))
        net[1].eval()
        modes = [module.training for module in net.modules()]
        training.evaluate_accuracy(net, Batches())
        assert net[0].calls == [(False, False)] * 4
        assert [module.training for module in net.modules()] == modes
        assert torch.is_grad_enabled()

    def test_restores_the_modes_after_an_error(self):
        net = nn.Sequential(nn.Linear(3, 2))
        with pytest.raises(RuntimeError, match="shapes"):
            training.evaluate_accuracy(net, Batches())
        assert net.training
        assert net[0].training

    def test_leaves_the_statistics_of_batch_norm_alone(self):
        net = nn.BatchNorm1d(2)
        before = copy.deepcopy(net.state_dict())
        training.evaluate_accuracy(net, Batches())
        assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())

    @pytest.mark.parametrize("batches", [[], [(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long))]])
    def test_refuses_an_empty_iterator(self, batches):
        with pytest.raises(ValueError, match="no example"):
            training.evaluate_accuracy(make_net(), batches)

    @pytest.mark.parametrize(
        "net", [lambda X: X.sum(1), lambda X: X[:1], lambda X: X[:, None]], ids=["flat", "short", "deep"]
    )
    def test_refuses_scores_of_another_shape(self, net):
        with pytest.raises(ValueError, match=r"scores of shape \(batch, classes\)"):
            training.evaluate_accuracy(net, Batches())


class TestCounting:
    def test_counts_the_rows_whose_largest_score_is_at_the_label(self):
        scores = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0]])
        assert training.count_correct(scores, torch.tensor([1, 0, 0])) == 2

    def test_confusion_matrix_has_true_rows_and_predicted_columns(self):
        y_true, y_pred = torch.tensor([0, 0, 2, 0]), torch.tensor([0, 2, 2, 2])
        assert training.confusion_matrix(y_true, y_pred, 3).tolist() == [[1, 0, 2], [0, 0, 0], [0, 0, 1]]

    def test_no_examples_make_a_matrix_of_zeros(self):
        nobody = torch.zeros(0, dtype=torch.int64)
        assert training.confusion_matrix(nobody, nobody, 2).tolist() == [[0, 0], [0, 0]]


def test_train_epoch_is_one_epoch_of_train_classifier():
    net, batches, loss = make_net(), Batches(), nn.CrossEntropyLoss()
    history = train(make_net(), num_epochs=1)
    found = training.train_epoch(net, batches, loss, torch.optim.SGD(net.parameters(), lr=0.1))
    assert found == (history.train_loss[0], history.train_accuracy[0])


def train(net=None, train_iter=None, test_iter=None, **options):
    """train_classifier with the options that most tests do not care about."""
    return training.train_classifier(
        net or make_net(), train_iter or Batches(), test_iter or Batches(), **{"num_epochs": 3} | options
    )


class TestTrainClassifier:
    def test_matches_a_training_written_by_hand(self):
        net, data, expected = make_net(), Batches(), []
        for _ in range(3):
            losses, right = [], 0
            for X, y in data:
                scores = net(X)
                loss = nn.functional.cross_entropy(scores, y, reduction="none")
                losses += loss.tolist()
                right += (scores.argmax(1) == y).sum().item()
                gradients = torch.autograd.grad(loss.mean(), net.parameters())
                with torch.no_grad():
                    for parameter, gradient in zip(net.parameters(), gradients, strict=True):
                        parameter -= 0.1 * gradient
            test_accuracy = (net(data.X).argmax(1) == data.y).float().mean().item()
            expected.append((sum(losses) / 50, right / 50, test_accuracy))
        history = train(trained := make_net())
        lists = (history.train_loss, history.train_accuracy, history.test_accuracy)
        assert list(zip(*lists, strict=True)) == [pytest.approx(row) for row in expected]
        torch.testing.assert_close(trained.state_dict(), net.state_dict())

    def test_small_last_batch_weighs_less(self):
        def loss(scores, y):
            return (scores * 0).sum() + len(y)

        assert train(loss=loss, num_epochs=1).train_loss == [pytest.approx((3 * 16 * 16 + 2 * 2) / 50)]

    def test_loss_may_come_per_example(self):
        one = train(loss=nn.CrossEntropyLoss(reduction="none"))
        assert one.train_loss == pytest.approx(train().train_loss)

    def test_uses_the_optimizer_that_it_is_given(self):
        net = make_net()
        before = copy.deepcopy(net.state_dict())
        train(net, optimizer=torch.optim.SGD(net.parameters(), lr=0.0), lr=1.0)
        assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())

    def test_trains_in_training_mode_and_tests_in_evaluation_mode(self):
        net = Spy()
        net.eval()
        train(net, num_epochs=2)
        assert net.calls == ([(True, True)] * 4 + [(False, False)] * 4) * 2
        assert net.training

    def test_measures_its_speed(self, monkeypatch):
        now = iter(range(100))
        monkeypatch.setattr(training.time, "perf_counter", lambda: next(now))
        history = train(live=False, num_epochs=3)
        assert history.seconds == 3  # the clock is read at the start and the end of each epoch, 1 apart
        assert history.examples_per_second == 50

    def test_moves_net_and_batches_to_the_device(self, monkeypatch):
        # No second device is sure to be here; "meta" has shapes only, and so stops where a number is read.
        monkeypatch.setattr(torch.accelerator, "synchronize", lambda device: None)
        net, devices = make_net(), []

        def loss(scores, y):
            devices.extend([scores.device.type, y.device.type])
            return scores.sum()

        with pytest.raises((NotImplementedError, RuntimeError)):
            train(net, device="meta", loss=loss, live=False)
        assert net.weight.device.type == "meta"
        assert set(devices) == {"meta"}

    @pytest.mark.parametrize("bad", [float("nan"), float("inf")])
    def test_stops_when_the_loss_is_not_finite(self, bad):
        epochs = []

        def loss(scores, y):
            epochs.append(1)
            return 0.0 * scores.sum() + (bad if len(epochs) == 7 else 0.0)  # the weights stay finite

        with pytest.raises(FloatingPointError, match=r"in epoch 2: try a smaller learning rate than 0\.25"):
            train(loss=loss, lr=0.25)
        assert len(epochs) == 2 * 4

    def test_refuses_iterators_that_end(self):
        with pytest.raises(ValueError, match="train_iter gave no examples"):
            train(train_iter=iter(Batches()))
        with pytest.raises(ValueError, match="no example to measure"):
            train(test_iter=iter(Batches()))

    def test_refuses_no_epochs(self):
        with pytest.raises(ValueError, match="num_epochs must be at least 1, got 0"):
            train(num_epochs=0)


class TestWhatTheReaderSees:
    def test_silence_where_there_is_neither_notebook_nor_terminal(self, capfd):
        train()
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize(("live", "shown"), [(True, True), (False, False)])
    def test_bar_on_a_terminal(self, live, shown, capsys, monkeypatch):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        train(live=live, title="A small net")
        out, err = capsys.readouterr()
        assert out == ""
        assert ("A small net" in err and "3/3" in err) == shown

    def test_no_bar_in_a_notebook(self, capsys, monkeypatch):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        monkeypatch.setattr(plots, "_in_notebook", lambda: True)
        train(title="A small net")
        assert "A small net" not in capsys.readouterr().err

    def test_one_picture_and_no_text_in_a_notebook(self):
        source = """
import torch
from course_utils import training
y = torch.arange(40) % 2
batches = [(torch.eye(2)[y], y)]
net = torch.nn.Linear(2, 2)
history = training.train_classifier(net, batches, batches, num_epochs=20, title="A small net")
"""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        nbclient.NotebookClient(notebook, resources={"metadata": {"path": ROOT}}).execute()
        (output,) = notebook.cells[0].outputs
        alt = "A small net: learning curves over 20 epochs"
        assert output.output_type == "display_data"
        assert output.data["text/plain"].startswith(alt)
        assert "Last values: training loss 0." in output.metadata["image/png"]["alt"]
