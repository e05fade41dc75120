"""What a detector does with boxes, against slow loops and numbers worked out by hand."""

from course_utils import detection

import pytest
import torch


def random_boxes(n, seed, side=40):
    g = torch.Generator().manual_seed(seed)
    corner = torch.randint(0, side, (n, 2), generator=g)
    return torch.cat([corner, corner + torch.randint(1, side, (n, 2), generator=g)], 1).float()


def iou_by_pixels(a, b):
    cover = torch.zeros(2, 100, 100)
    for plane, (x1, y1, x2, y2) in zip(cover, (a.int().tolist(), b.int().tolist()), strict=True):
        plane[y1:y2, x1:x2] = 1
    union = cover.amax(0).sum()
    return float(cover.amin(0).sum() / union) if union else 0.0


def test_iou_counts_pixels():
    a, b = random_boxes(5, 1), random_boxes(7, 2)
    found = detection.box_iou(a, b)
    for i in range(5):
        for j in range(7):
            assert found[i, j] == pytest.approx(iou_by_pixels(a[i], b[j]), abs=1e-6)


def test_iou_of_empty_boxes_is_zero():
    empty = torch.tensor([[3.0, 3, 3, 3]])
    assert detection.box_iou(empty, empty).item() == 0
    assert detection.box_iou(torch.zeros(0, 4), empty).shape == (0, 1)


def test_nms_by_hand():
    boxes = torch.tensor([[4.0, 0, 14, 10], [0, 0, 10, 10], [8, 0, 18, 10], [50, 50, 60, 60]])
    scores = torch.tensor([0.8, 0.9, 0.7, 0.95])
    # neighbours overlap by 6 of 14; the first and the third of the chain by 2 of 18
    assert detection.nms(boxes, scores, 0.3).tolist() == [3, 1, 2]
    assert detection.nms(boxes, scores, 6 / 14).tolist() == [3, 1, 0, 2]
    assert detection.nms(boxes, scores, 0.1).tolist() == [3, 1]
    assert detection.nms(torch.zeros(0, 4), torch.zeros(0), 0.5).dtype == torch.int64


def test_windows_row_by_row():
    found = detection.sliding_windows(5, 7, [3, 9, 5], 2)
    first = [[x, y, x + 3, y + 3] for y in (0, 2) for x in (0, 2, 4)]
    assert found.tolist() == [*first, [0, 0, 5, 5], [2, 0, 7, 5]]
    assert detection.sliding_windows(5, 7, [9], 2).shape == (0, 4)


def test_crops_are_resized_windows():
    image = torch.arange(48.0).reshape(1, 6, 8)
    boxes = torch.tensor([[1.0, 2, 4, 5], [0, 0, 8, 6]])
    found = detection.crop_and_resize(image, boxes, 3)
    assert found.shape == (2, 1, 3, 3)
    assert torch.equal(found[0], image[:, 2:5, 1:4])
    assert detection.crop_and_resize(image, boxes[:0], 3).shape == (0, 1, 3, 3)


def test_proposals_get_the_label_of_the_best_object():
    proposals = torch.tensor([[0.0, 0, 10, 10], [30, 30, 40, 40], [0, 0, 20, 10]])
    objects = torch.tensor([[0.0, 0, 10, 8], [0, 0, 20, 9]])
    assert detection.label_proposals(proposals, objects, torch.tensor([4, 7])).tolist() == [4, 0, 7]
    assert detection.label_proposals(proposals, objects[:0], torch.tensor([4, 7])[:0]).tolist() == [0, 0, 0]


def test_average_precision_by_hand():
    scores, hits = torch.tensor([0.2, 0.9, 0.5, 0.7]), torch.tensor([True, True, True, False])
    # in order: hit, miss, hit, hit: precisions 1, 1/2, 2/3, 3/4, and from the right 1, 3/4, 3/4, 3/4
    assert detection.average_precision(scores, hits, 4) == pytest.approx((1 + 0.75 + 0.75) / 4)
    assert detection.average_precision(scores[:0], hits[:0], 4) == 0.0
    assert detection.average_precision(scores, hits & False, 4) == 0.0
    assert detection.average_precision(scores, hits & False, 0) == 0.0


def test_moving_undoes_offsets_and_stays_inside():
    boxes, targets = random_boxes(20, 3), random_boxes(20, 4)
    assert torch.allclose(detection.to_corners(detection.to_centres(boxes)), boxes)
    moved = detection.move(boxes, detection.offsets(boxes, targets), 200, 200)
    assert torch.allclose(moved, targets, atol=1e-3)
    wild = detection.move(boxes, 5 * torch.ones(20, 4), 50, 60)
    assert (wild >= 0).all() and (wild[:, [0, 2]] <= 60).all() and (wild[:, [1, 3]] <= 50).all()
    assert ((wild[:, 2:] - wild[:, :2]) >= 1).all()


def test_flip_moves_image_and_boxes_alike():
    image = torch.rand(2, 6, 9)
    boxes = torch.tensor([[1.0, 2, 4, 5]])
    flipped, moved = detection.flip(image, boxes)
    assert moved.tolist() == [[5, 2, 8, 5]]
    assert torch.equal(flipped[:, 2:5, 5:8], image[:, 2:5, 1:4].flip(2))


def test_detect_moves_before_it_suppresses_each_class_alone():
    image = torch.rand(1, 20, 20)
    proposals = torch.tensor([[0.0, 0, 8, 8], [1, 0, 9, 8], [10, 10, 18, 18]])
    table = torch.tensor([[2.0, -3], [1, 1.5], [-2, 0.5]])

    def apart(boxes, rows):
        return boxes + torch.tensor([[0.0], [8], [0]])

    def suppress(boxes, scores):
        return detection.nms(boxes, scores, 0.3)

    boxes, scores, classes = detection.detect(
        image, proposals, lambda *_: table, lambda crops: crops, lambda rows: rows, apart, suppress
    )
    # the first two lie on each other until they are moved; the second then covers most of the third
    assert scores.tolist() == [2, 1, 1.5] and classes.tolist() == [0, 0, 1]
    assert torch.equal(boxes, apart(proposals, None)[[0, 1, 1]])
