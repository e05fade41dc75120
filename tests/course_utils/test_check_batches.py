"""One pass of a loader over numbered examples."""

from course_utils import check
from course_utils.check import Failed

import pytest
import torch


def plain(batch_size, features, labels, start=0):
    for i in range(start, len(features), batch_size):
        yield features[i : i + batch_size], labels[i : i + batch_size]


def backwards(batch_size, features, labels):
    return plain(batch_size, features.flip(0), labels.flip(0))


def apart(batch_size, features, labels):
    return plain(batch_size, features, labels.flip(0))


def in_place(batch_size, features, labels):
    features.zero_()
    return plain(batch_size, features, labels)


def twice(batch_size, features, labels):
    return [(features[:batch_size], labels[:batch_size])] * 2


def columns(batch_size, features, labels):
    return plain(batch_size, features, labels.reshape(-1, 1))


def one_table(batch_size, features, labels):
    table = torch.cat((features, labels), dim=1)
    return plain(batch_size, table[:, :2], table[:, 2:])


def lists(batch_size, features, labels):
    return [(list(X), list(y)) for X, y in plain(batch_size, features, labels)]


def first(batch_size, features, labels):
    return features[:batch_size], labels[:batch_size]


def test_the_order_of_the_examples_comes_back():
    assert torch.equal(check.one_pass(plain, 5, 2), torch.arange(5.0))
    assert torch.equal(check.one_pass(backwards, 4, 2, labels=(-1,)), torch.tensor([3.0, 2.0, 1.0, 0.0]))
    assert check.one_pass(plain, 3, 5, dtype=torch.float64).dtype == torch.float64
    assert len(check.one_pass(plain, 0, 5)) == 0
    assert torch.equal(check.one_pass(plain, 5, 2, label_dtype=torch.int64), torch.arange(5.0))


@pytest.mark.parametrize(
    ("loader", "options", "message"),
    [
        (lambda *args: None, {}, "nothing was returned"),
        (first, {}, "a single batch was returned"),
        (in_place, {}, "the features that were passed in are changed"),
        (plain, {"start": 2}, "the last batch is missing"),
        (apart, {}, "use one order for both"),
        (twice, {}, "some examples come twice or not at all"),
        (one_table, {"label_dtype": torch.int64}, "the dtype should be int64, found float32"),
        (lists, {}, "each batch should hold two tensors, found a value of type list"),
        (columns, {"labels": (-1,)}, r"labels \(n,\) should stay \(n,\)"),
    ],
)
def test_mistakes_are_named(loader, options, message):
    with pytest.raises(Failed, match=message):
        check.one_pass(loader, 4, 2, **options)


def test_the_smaller_batch_comes_last():
    with pytest.raises(Failed, match="the smaller batch is not the last one"):
        check.one_pass(lambda *args: reversed([*plain(*args)]), 5, 2)


def test_passes_are_looked_at_one_after_the_other():
    def at_most_three(batch_size, features, labels):
        if batch_size > 3:
            raise ValueError(batch_size)
        return plain(batch_size, features, labels)

    assert [len(found) for found in check.passes(plain, [(5, 2), (0, 3), (3, 3)])] == [5, 0, 3]
    found = check.passes(at_most_three, [(5, 2), (5, 4)], dtype=torch.float64)
    assert torch.equal(next(found), torch.arange(5, dtype=torch.float64))
    with pytest.raises(ValueError, match="4"):
        next(found)
    with pytest.raises(Failed, match="some examples come twice"):
        list(check.passes(twice, [(4, 2), (0, 2)]))
