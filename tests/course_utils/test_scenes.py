"""Scenes: the same for the same seed, well formed, and plain words about boxes and pictures that are not."""

import re

from course_utils import data, scenes

import pytest
import torch


@pytest.fixture(scope="module")
def some():
    return scenes.make(20, seed=4, split="train")


def test_a_scene_is_as_its_docstring_says(some):
    assert len(some) == 20
    for scene in some:
        assert scene.image.shape == (1, 96, 96) and scene.image.dtype == torch.float32
        assert scene.image.min() >= 0 and scene.image.max() <= 1
        assert scene.boxes.dtype == torch.float32 and scene.labels.dtype == torch.int64
        assert len(scene.boxes) == len(scene.labels) <= 4
        assert ((scene.labels >= 0) & (scene.labels < 10)).all()
    assert sum(len(scene.labels) for scene in some) > 30


def test_one_seed_gives_one_set_of_scenes(some):
    again, other = scenes.make(20, seed=4, split="train"), scenes.make(20, seed=5, split="train")
    for a, b in zip(some, again, strict=True):
        assert torch.equal(a.image, b.image) and torch.equal(a.boxes, b.boxes)
        assert torch.equal(a.labels, b.labels)
    assert not torch.equal(some[0].image, other[0].image)


def test_splits_share_no_garment():
    (train, _), (valid, _), (test, _) = map(scenes._garments, scenes.SPLITS)
    assert len(train) == 4 * len(valid)
    source = data.fashion_mnist(train=True).data.numpy()
    assert (train[-1] == source[len(train) - 1]).all() and (valid[0] == source[len(train)]).all()
    assert (test == data.fashion_mnist(train=False).data.numpy()).all()


def test_boxes_are_tight_and_hardly_overlap(monkeypatch):
    def plain(rng, height, width):
        return scenes.np.zeros((height, width), scenes.np.float32)

    monkeypatch.setattr(scenes, "_background", plain)
    for scene in scenes.make(12, seed=1, split="test"):
        bright = scene.image[0] > scenes.VISIBLE + 0.05
        for i, (x1, y1, x2, y2) in enumerate(scene.boxes.int().tolist()):
            inside = bright[y1:y2, x1:x2]
            assert inside.any(0).float().mean() > 0.8 and inside.any(1).float().mean() > 0.8
            for other in scene.boxes[:i].tolist():
                assert scenes._overlap((x1, y1, x2, y2), tuple(other)) <= scenes.LARGEST_OVERLAP


def test_sizes_and_numbers_of_objects_can_be_chosen():
    for scene in scenes.make(6, seed=2, split="valid", size=(64, 80), objects=(0, 0)):
        assert scene.image.shape == (1, 64, 80)
        assert scene.boxes.shape == (0, 4) and scene.labels.shape == (0,)
    wide = scenes.make(8, seed=2, split="valid", size=(40, 96), objects=(1, 1), scale=(30, 40))
    sides = torch.cat([scene.boxes[:, 2:] - scene.boxes[:, :2] for scene in wide])
    assert sides.max() <= 40 and len(sides) >= 7
    assert scenes.make(0, seed=2, split="test") == []


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"count": -1}, "count must be 0 or more"),
        ({"split": "training"}, "split must be one of 'train', 'valid', 'test', got 'training'"),
        ({"objects": (3, 2)}, "fewest <= most"),
        ({"scale": (28, 100)}, "shorter side of the scene, 96"),
        ({"scale": (4, 20)}, "from 8 up"),
    ],
)
def test_settings_that_cannot_be_met_are_refused(settings, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        scenes.make(**({"count": 1, "seed": 0, "split": "train"} | settings))


@pytest.mark.parametrize(
    "box, words",
    [
        ([90.0, 10, 110, 30], "leaves the picture, 96 pixels high and 96 wide"),
        ([-1.0, 10, 20, 30], "leaves the picture"),
        ([20.0, 30, 10, 40], "is empty: x2 > x1 and y2 > y1"),
        ([20.0, 30, 30, 30], "is empty"),
    ],
)
def test_a_box_outside_or_without_inside_is_named(box, words):
    boxes = torch.tensor([[0.0, 0, 5, 5], box])
    with pytest.raises(ValueError, match=re.escape(words)) as refused:
        scenes.check_boxes(boxes, 96, 96)
    assert str(refused.value).startswith("box 1, [")


def test_other_shapes_and_types_are_named():
    for boxes, words in (
        (torch.zeros(3, 5), "boxes must be float (n, 4), got float32 (3, 5)"),
        (torch.zeros(1, 4, dtype=torch.int64), "got int64 (1, 4)"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            scenes.check_boxes(boxes, 96, 96)
    with pytest.raises(ValueError, match=re.escape("float32 (1, height, width), got float32 (96, 96)")):
        scenes.check_image(torch.zeros(96, 96))
    with pytest.raises(ValueError, match="made for pictures of 96 x 96 pixels, got 64 x 80"):
        scenes.check_image(torch.zeros(1, 64, 80), (96, 96))
    with pytest.raises(ValueError, match=re.escape("labels must be int64 (1,), one for each box")):
        scenes.Scene(torch.zeros(1, 9, 9), torch.tensor([[0.0, 0, 3, 3]]), torch.zeros(2).long())


def test_collate_fills_up_with_class_minus_one(some):
    images, objects = scenes.collate(some[:5])
    assert images.shape == (5, 1, 96, 96)
    for row, scene in zip(objects, some, strict=False):
        n = len(scene.labels)
        assert (row[n:, 0] == -1).all()
        assert torch.equal(row[:n, 1:], scene.boxes) and torch.equal(row[:n, 0].long(), scene.labels)
    assert scenes.collate(scenes.make(2, seed=0, split="test", objects=(0, 0)))[1].shape == (2, 0, 5)


def test_collate_wants_scenes_of_one_size(some):
    with pytest.raises(ValueError, match="at least one"):
        scenes.collate([])
    with pytest.raises(ValueError, match="one size"):
        scenes.collate([some[0], *scenes.make(1, seed=0, split="train", size=(64, 64))])
