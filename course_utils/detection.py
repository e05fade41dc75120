"""Boxes, what a detector does with them, and how it is judged. Boxes are float (n, 4), rows x1, y1, x2, y2.

Chapter 14 builds most of these; its `cu.yours` falls back on them.
"""

from collections.abc import Callable

import torch
from torch.nn import functional as F
from torchvision import ops


def box_iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Intersection over union of the boxes of a (n, 4) and of b (m, 4): (n, m); 0 for empty boxes."""
    return ops.box_iou(a, b).nan_to_num(0.0)  # torchvision gives nan for two empty boxes


def nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Non-maximum suppression: int64 indices of the boxes that stay, highest score first.

    A box goes if its IoU with a box that stays and has a higher score is greater than the threshold.
    """
    order = scores.argsort(descending=True, stable=True)
    too_near = box_iou(boxes[order], boxes[order]) > iou_threshold
    stays = torch.ones(len(order), dtype=torch.bool, device=boxes.device)
    for i in range(len(order)):
        if stays[i]:
            stays[i + 1 :] &= ~too_near[i, i + 1 :]
    return order[stays]


def sliding_windows(height: int, width: int, sizes: list[int], stride: int) -> torch.Tensor:
    """Square boxes inside a picture, for each size row by row from (0, 0) on: float32 (n, 4)."""
    boxes = [torch.zeros(0, 4)]
    for size in sizes:
        tops, lefts = (torch.arange(0, room - size + 1, stride) if room >= size else torch.arange(0)
                       for room in (height, width))  # fmt: skip
        y, x = torch.meshgrid(tops, lefts, indexing="ij")
        boxes.append(torch.stack([x, y, x + size, y + size], -1).reshape(-1, 4).float())
    return torch.cat(boxes)


def crop_and_resize(image: torch.Tensor, boxes: torch.Tensor, size: int) -> torch.Tensor:
    """Cut boxes, rounded to whole pixels, out of an image (c, h, w), and resize each: (n, c, size, size)."""
    crops = [image.new_zeros(0, image.shape[0], size, size)]
    for x1, y1, x2, y2 in boxes.round().long().tolist():
        window = image[None, :, y1:y2, x1:x2]
        crops.append(F.interpolate(window, (size, size), mode="bilinear", align_corners=False))
    return torch.cat(crops)


def label_proposals(
    proposals: torch.Tensor, gt_boxes: torch.Tensor, gt_labels: torch.Tensor, threshold: float = 0.5
) -> torch.Tensor:
    """The label of the object that each proposal overlaps best, 0 if their IoU is below the threshold."""
    if len(gt_boxes) == 0:
        return torch.zeros(len(proposals), dtype=torch.int64, device=proposals.device)
    best, which = box_iou(proposals, gt_boxes).max(1)
    return torch.where(best >= threshold, gt_labels[which], 0)


def average_precision(scores: torch.Tensor, is_match: torch.Tensor, num_objects: int) -> float:
    """Area under the interpolated precision-recall curve of detections (n,); 0.0 without any match."""
    if num_objects == 0 or len(scores) == 0:
        return 0.0
    hits = is_match[scores.argsort(descending=True)].double()
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1, device=hits.device)
    best_later = precision.flip(0).cummax(0).values.flip(0)
    return float((best_later * hits).sum() / num_objects)


def to_centres(boxes: torch.Tensor) -> torch.Tensor:
    """Rows x1, y1, x2, y2 as rows centre x, centre y, width, height."""
    return torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)


def to_corners(boxes: torch.Tensor) -> torch.Tensor:
    """Rows centre x, centre y, width, height as rows x1, y1, x2, y2."""
    return torch.cat([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)


def offsets(boxes: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """What moves each box onto its target: shifts in widths and heights, logarithms of ratios: (n, 4)."""
    here, there = to_centres(boxes), to_centres(targets)
    shift = (there[:, :2] - here[:, :2]) / here[:, 2:]
    return torch.cat([shift, (there[:, 2:] / here[:, 2:]).log()], 1)


def move(boxes: torch.Tensor, by: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Boxes moved by offsets (the inverse of `offsets`), clipped to a picture, at least one pixel wide."""
    here = to_centres(boxes)
    there = torch.cat([here[:, :2] + by[:, :2] * here[:, 2:], here[:, 2:] * by[:, 2:].exp()], 1)
    x1, y1, x2, y2 = to_corners(there).unbind(1)
    x1, y1 = x1.clamp(0, width - 1), y1.clamp(0, height - 1)
    x2, y2 = x2.clamp(max=width).maximum(x1 + 1), y2.clamp(max=height).maximum(y1 + 1)
    return torch.stack([x1, y1, x2, y2], 1)


def flip(image: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """An image (c, h, w) and its boxes, mirrored left to right."""
    x1, y1, x2, y2 = boxes.unbind(1)
    width = image.shape[2]
    return image.flip(2), torch.stack([width - x2, y1, width - x1, y2], 1)


def detect(
    image: torch.Tensor,
    proposals: torch.Tensor,
    crop: Callable,
    features: Callable,
    score: Callable,
    move: Callable,
    suppress: Callable,
    floor: float = -1.0,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """R-CNN on one image (c, h, w): boxes (m, 4), scores (m,) and classes int64 (m,) of what it finds.

    crop(image, proposals) -> crops (n, c, s, s); features(crops) -> rows (n, d); score(rows) -> (n, k);
    move(proposals, rows) -> boxes (n, 4); suppress(boxes, scores) -> indices of those that stay, used for
    each class on its own, on boxes that have been moved and whose score is above the floor.
    """
    rows = features(crop(image, proposals))
    table, moved = score(rows), move(proposals, rows)
    found = []
    for k in range(table.shape[1]):
        sure = (table[:, k] > floor).nonzero().flatten()
        stays = sure[suppress(moved[sure], table[sure, k])]
        found.append((moved[stays], table[stays, k], torch.full_like(stays, k)))
    boxes, scores, classes = (torch.cat(parts) for parts in zip(*found, strict=True))
    return boxes, scores, classes
