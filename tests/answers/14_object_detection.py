"""Known answers to the exercises of chapter 14."""

import numpy as np
import torch
import torchvision
from torch.nn import functional as F
from torchvision import ops, tv_tensors
from torchvision.transforms import v2

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- repaired_flip ----------------------------------------------------------------------------------------

edit(
    "repaired_flip",
    {"width - x2, y1, width - x1, y2": "width - x1, y1, width - x2, y2"},
    says="x1 is larger than x2",
)
edit("repaired_flip", {"image.shape[2]": "image.shape[1]"}, says="image.shape[1] is the height")
edit(
    "repaired_flip",
    {"image.shape[2]": "image.shape[1]", "width - x2, y1, width - x1, y2": "width - x1, y1, width - x2, y2"},
    says="two mistakes",
)
edit("repaired_flip", {"image.shape[2]": "image.shape[2] - 1"}, says="one pixel too far left")
edit("repaired_flip", {"image.flip(2)": "image.flip(1)"}, says="upside down")
edit("repaired_flip", {"image.flip(2)": "image.flip(0)"}, says="channels are exchanged")
edit("repaired_flip", {"image.flip(2)": "image.flip(1, 2)"}, says="along both axes")
edit("repaired_flip", {"image.flip(2)": "image"}, says="the picture is as before")
edit(
    "repaired_flip",
    {"torch.stack([width - x2, y1, width - x1, y2], dim=1)": "boxes"},
    says="move with the picture",
)
edit(
    "repaired_flip",
    {"image.shape[2]": "image.shape[1]", "width - x2, y1, width - x1, y2": "x1, width - y2, x2, width - y1"},
    says="turned upside down; y stays",
)
edit("repaired_flip", {"image.flip(2), torch": "torch"}, says="two things")


@wrong("changed its input")
def repaired_flip(image, boxes):
    boxes[:, [0, 2]] = image.shape[2] - boxes[:, [2, 0]]
    return image.flip(-1), boxes


@wrong("x1 was overwritten before x2 was computed")
def repaired_flip(image, boxes):
    mirrored = boxes.clone()
    mirrored[:, 0] = image.shape[2] - mirrored[:, 2]
    mirrored[:, 2] = image.shape[2] - mirrored[:, 0]
    return image.flip(2), mirrored


@wrong("return the image first")
def repaired_flip(image, boxes):
    x1, y1, x2, y2 = boxes.unbind(1)
    return torch.stack([image.shape[2] - x2, y1, image.shape[2] - x1, y2], 1), image.flip(2)


@odd
def repaired_flip(image, boxes):
    """In place on a copy, two columns at once."""
    mirrored = boxes.clone()
    mirrored[:, [0, 2]] = image.shape[-1] - boxes[:, [2, 0]]
    return torch.flip(image, (-1,)), mirrored


@odd
def repaired_flip(image, boxes):
    """torchvision knows it."""
    size = tuple(image.shape[1:])
    marked = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=size)
    moved = v2.functional.horizontal_flip(marked)
    return v2.functional.horizontal_flip(image), moved.as_subclass(torch.Tensor).to(boxes.dtype).reshape(
        -1, 4
    )


@odd
def repaired_flip(image, boxes):
    """Centres: only the centre's x changes. A list comes back."""
    half, middle = (boxes[:, 2] - boxes[:, 0]) / 2, image.shape[2] - (boxes[:, 0] + boxes[:, 2]) / 2
    boxes = torch.stack((middle - half, boxes[:, 1], middle + half, boxes[:, 3]), -1)
    return [image[..., torch.arange(image.shape[2] - 1, -1, -1)], boxes]


# --- box_iou ----------------------------------------------------------------------------------------------

edit("box_iou", {".clamp(min=0).prod(dim=2)": ".prod(dim=2)"}, says="negative sides must become 0")
edit(
    "box_iou",
    {".clamp(min=0).prod(dim=2)": ".prod(dim=2).clamp(min=0)"},
    says="clamp the sides, not their product",
)
edit("box_iou", {".clamp(min=0).prod(dim=2)": ".abs().prod(dim=2)"}, says="magnitudes of negative sides")
edit("box_iou", {"area_b[None, :] - common": "area_b[None, :]"}, says="counts the intersection twice")
edit("box_iou", {"area_b[None, :] - common": "area_b[None, :] - 2 * common"}, says="subtracted twice")
edit(
    "box_iou",
    {"area_a[:, None] + area_b[None, :] - common": "area_a[:, None] + 0 * common"},
    says="area of a",
)
edit(
    "box_iou",
    {"area_a[:, None] + area_b[None, :] - common": "area_b[None, :] + 0 * common"},
    says="area of b",
)
edit(
    "box_iou",
    {"area_a[:, None] + area_b[None, :] - common": "torch.minimum(area_a[:, None], area_b[None, :])"},
    says="the smaller area",
)
edit(
    "box_iou",
    {"area_a[:, None] + area_b[None, :] - common": "torch.maximum(area_a[:, None], area_b[None, :])"},
    says="the larger area",
)
edit("box_iou", {"common / union, torch": "2 * common / (union + common), torch"}, says="Dice")
edit(
    "box_iou",
    {"torch.where(union > 0, common / union, torch.zeros_like(common))": "common"},
    says="this is the intersection",
)
edit(
    "box_iou",
    {"torch.where(union > 0, common / union, torch.zeros_like(common))": "common / union"},
    says="0 / 0 is nan",
)
edit("box_iou", {"(lower_right - upper_left)": "(lower_right - upper_left + 1)"}, says="expected")
edit(
    "box_iou",
    {
        "(lower_right - upper_left)": "(lower_right - upper_left + 1)",
        "(a[:, 2:] - a[:, :2])": "(a[:, 2:] - a[:, :2] + 1)",
        "(b[:, 2:] - b[:, :2])": "(b[:, 2:] - b[:, :2] + 1)",
    },
    says="without + 1",
)
edit("box_iou", {"return torch": "return 1 - torch"}, says="1 - IoU")
edit("box_iou", {"zeros_like(common))": "zeros_like(common)).T"}, says="transposed")
edit("box_iou", {"zeros_like(common))": "zeros_like(common)).diagonal()"}, says="only pairs (i, i)")
edit("box_iou", {"torch.maximum": "torch.minimum"}, says="expected")
edit("box_iou", {"return torch.where": "torch.where"}, says="None")


@wrong("changed its input")
def box_iou(a, b):
    a.clamp_(min=1)
    return ops.box_iou(a, b).nan_to_num(0)


@wrong("0 / 0 is nan")
def box_iou(a, b):
    return ops.box_iou(a, b)


@wrong("the box around both")
def box_iou(a, b):
    low, high = torch.maximum(a[:, None, :2], b[:, :2]), torch.minimum(a[:, None, 2:], b[:, 2:])
    around = torch.maximum(a[:, None, 2:], b[:, 2:]) - torch.minimum(a[:, None, :2], b[:, :2])
    return ((high - low).clamp(min=0).prod(2) / around.prod(2)).nan_to_num(0)


@wrong("not x2 times y2")
def box_iou(a, b):
    """Boxes taken for x, y, width, height in the areas."""
    low, high = torch.maximum(a[:, None, :2], b[:, :2]), torch.minimum(a[:, None, 2:], b[:, 2:])
    common = (high - low).clamp(min=0).prod(2)
    return common / (a[:, None, 2:].prod(2) + b[:, 2:].prod(1) - common)


@odd
def box_iou(a, b):
    """torchvision, repaired."""
    return torch.nan_to_num(ops.box_iou(a, b), nan=0.0)


@odd
def box_iou(a, b):
    """Loops over plain numbers."""
    result = a.new_zeros(len(a), len(b))
    for i, (ax1, ay1, ax2, ay2) in enumerate(a.tolist()):
        for j, (bx1, by1, bx2, by2) in enumerate(b.tolist()):
            wide, high = min(ax2, bx2) - max(ax1, bx1), min(ay2, by2) - max(ay1, by1)
            if wide > 0 and high > 0:
                common = wide * high
                result[i, j] = common / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - common)
    return result


@odd
def box_iou(a, b):
    """Column by column, a tiny number in the denominator instead of a case."""
    ax1, ay1, ax2, ay2 = (column[:, None] for column in a.T)
    bx1, by1, bx2, by2 = b.T
    wide = F.relu(torch.min(ax2, bx2) - torch.max(ax1, bx1))
    high = F.relu(torch.min(ay2, by2) - torch.max(ay1, by1))
    common = wide * high
    return common / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - common + 1e-12)


@odd
def box_iou(a, b):
    """float64 inside, and expanded copies."""
    n, m = len(a), len(b)
    A, B = a.double().repeat_interleave(m, 0), b.double().repeat(n, 1)
    low, high = torch.max(A[:, :2], B[:, :2]), torch.min(A[:, 2:], B[:, 2:])
    common = torch.clamp(high - low, 0).prod(-1)
    union = (A[:, 2:] - A[:, :2]).prod(-1) + (B[:, 2:] - B[:, :2]).prod(-1) - common
    union[union == 0] = 1
    return (common / union).reshape(n, m).to(a.dtype)


edit(
    "box_iou",
    {"common / union, torch.zeros_like(common)": "common / union.clamp(min=1), torch.zeros_like(common)"},
    says="a union below 1 counts as 1",
)


@wrong("this is the generalised IoU")
def box_iou(a, b):
    low, high = torch.minimum(a[:, None, :2], b[:, :2]), torch.maximum(a[:, None, 2:], b[:, 2:])
    around = (high - low).prod(2)
    areas = (a[:, 2:] - a[:, :2]).prod(1)[:, None] + (b[:, 2:] - b[:, :2]).prod(1)
    sides = torch.minimum(a[:, None, 2:], b[:, 2:]) - torch.maximum(a[:, None, :2], b[:, :2])
    common = sides.clamp(min=0).prod(2)
    return (common / (areas - common) - (around - areas + common) / around).nan_to_num()


# --- sliding_windows --------------------------------------------------------------------------------------

edit("sliding_windows", {"height - size + 1": "height - size"}, says="expected")
edit(
    "sliding_windows",
    {"height - size + 1": "height - size", "width - size + 1": "width - size"},
    says="the last window of each row and column is missing",
)
edit(
    "sliding_windows",
    {"height - size + 1": "height", "width - size + 1": "width"},
    says="windows leave the picture",
)
edit(
    "sliding_windows",
    {"(x, y, x + size, y + size)": "(y, x, y + size, x + size)"},
    says="x and y are exchanged",
)
edit("sliding_windows", {"(x, y, x + size, y + size)": "(x, y, size, size)"}, says="x, y, width, height")
edit("sliding_windows", {"x + size, y + size": "x + size - 1, y + size - 1"}, says="x2 = x1 + size")
edit(
    "sliding_windows",
    {"(x, y, x + size, y + size)": "(x - (h := size // 2), y - h, x + size - h, y + size - h)"},
    says="not centres",
)
edit(
    "sliding_windows",
    {
        "height - size": "width - size",
        "width - size + 1, stride)\n    ]": "height - size + 1, stride)\n    ]",
    },
    says="exchanged",
)
edit("sliding_windows", {"in sizes": "in sizes[:1]"}, says="only the first size")
edit("sliding_windows", {"in sizes": "in sizes[-1:]"}, says="only the last size")
edit("sliding_windows", {"in sizes": "in sorted(sizes)"}, says="keep their order")
edit("sliding_windows", {".reshape(-1, 4)": ""}, says="shape should be (0, 4)")
edit("sliding_windows", {"dtype=torch.float32": "dtype=torch.int64"}, says="dtype should be float32")
edit(
    "sliding_windows",
    {"+ 1, stride)": "+ 1)", "width - size + 1, stride)": "width - size + 1)"},
    says="the stride is ignored",
)
edit(
    "sliding_windows",
    {"+ 1, stride)": "+ 1, size)", "width - size + 1, stride)": "width - size + 1, size)"},
    says="by their own size",
)


@wrong("column by column")
def sliding_windows(height, width, sizes, stride):
    found = []
    for s in sizes:
        for x in range(0, width - s + 1, stride):
            for y in range(0, height - s + 1, stride):
                found.append([x, y, x + s, y + s])
    return torch.tensor(found, dtype=torch.float32).reshape(-1, 4)


@wrong("the sizes alternate")
def sliding_windows(height, width, sizes, stride):
    found = []
    for y in range(0, height, stride):
        for x in range(0, width, stride):
            found += [[x, y, x + s, y + s] for s in sizes if x + s <= width and y + s <= height]
    return torch.tensor(found, dtype=torch.float32).reshape(-1, 4)


@wrong("cut off; leave them out")
def sliding_windows(height, width, sizes, stride):
    found = []
    for s in sizes:
        for y in range(0, height, stride):
            found += [[x, y, min(x + s, width), min(y + s, height)] for x in range(0, width, stride)]
    return torch.tensor(found, dtype=torch.float32).reshape(-1, 4)


@wrong("a width of 6")
def sliding_windows(height, width, sizes, stride):
    """int() rounds towards 0: a size that is slightly too large gets a window."""
    found = []
    for s in sizes:
        for i in range(int((height - s) / stride) + 1):
            for j in range(int((width - s) / stride) + 1):
                found.append([j * stride, i * stride, j * stride + s, i * stride + s])
    return torch.tensor(found, dtype=torch.float32).reshape(-1, 4)


@wrong("RuntimeError")
def sliding_windows(height, width, sizes, stride):
    found = []
    for s in sizes:
        y, x = torch.meshgrid(
            torch.arange(0, height - s + 1, stride), torch.arange(0, width - s + 1, stride), indexing="ij"
        )
        found.append(torch.stack([x, y, x + s, y + s], -1).reshape(-1, 4))
    return torch.cat(found).float()


@odd
def sliding_windows(height, width, sizes, stride):
    """A mesh; the size that does not fit is left out."""
    found = [torch.zeros(0, 4)]
    for s in sizes:
        if s > height or s > width:
            continue
        y, x = torch.meshgrid(
            torch.arange(0, height - s + 1, stride), torch.arange(0, width - s + 1, stride), indexing="ij"
        )
        found.append(torch.stack([x, y, x + s, y + s], -1).flatten(0, 1).float())
    return torch.cat(found)


@odd
def sliding_windows(height, width, sizes, stride):
    """Counted places, and NumPy."""
    found = np.zeros((0, 4), dtype=np.float32)
    for s in sizes:
        down, across = (max((room - s) // stride + 1, 0) for room in (height, width))
        for n in range(down * across):
            y, x = divmod(n, across)
            box = np.array([[x * stride, y * stride, x * stride + s, y * stride + s]], dtype=np.float32)
            found = np.concatenate([found, box])
    return torch.from_numpy(found)


@wrong("a last window is added at the border")
def sliding_windows(height, width, sizes, stride):
    def places(length, size):
        found = list(range(0, length - size + 1, stride))
        return sorted({*found, length - size}) if found else []

    boxes = [(x, y, x + s, y + s) for s in sizes for y in places(height, s) for x in places(width, s)]
    return torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)


edit("sliding_windows", {"height - size": "width - size"}, says="the width stands for the height, too")
edit("sliding_windows", {"width - size": "height - size"}, says="the height stands for the width, too")

# --- crop_and_resize --------------------------------------------------------------------------------------

edit("crop_and_resize", {"[None, :, y1:y2, x1:x2]": "[None, :, x1:x2, y1:y2]"}, says="x and y are exchanged")
edit(
    "crop_and_resize", {", align_corners=False": ", align_corners=True"}, says="align_corners should be False"
)
edit(
    "crop_and_resize",
    {", align_corners=False": ", align_corners=False, antialias=True"},
    says="antialias should be off",
)
edit("crop_and_resize", {'mode="bilinear", align_corners=False': 'mode="nearest"'}, says="nearest pixel")
edit("crop_and_resize", {'mode="bilinear",': 'mode="bicubic",'}, says="bicubic")
edit("crop_and_resize", {'mode="bilinear", align_corners=False': 'mode="area"'}, says="mean of each area")
edit("crop_and_resize", {".round().long()": ".long()"}, says="cut to whole numbers")
edit("crop_and_resize", {".round()": ".ceil()"}, says="rounded up")
edit("crop_and_resize", {"boxes.round()": "(boxes + 0.5).floor()"}, says="halves to the even number")
edit(
    "crop_and_resize",
    {"[None, :, y1:y2, x1:x2]": "[None, :, y1 : y2 + 1, x1 : x2 + 1]"},
    says="x2 and y2 are excluded",
)
edit("crop_and_resize", {"boxes.round().long()": "boxes[:1].round().long()"}, says="only the first box")
edit("crop_and_resize", {"torch.cat(crops)": "torch.cat(crops)[:, 0]"}, says="axis of channels is lost")
edit(
    "crop_and_resize",
    {"image[None, :,": "image[None, :1,", "image.shape[0]": "1"},
    says="only the first channel",
)
edit("crop_and_resize", {"image.new_zeros(0, image.shape[0], size, size)": ""}, says="non-empty list")


@wrong("changed its input boxes")
def crop_and_resize(image, boxes, size):
    crops = [image.new_zeros(0, image.shape[0], size, size)]
    for x1, y1, x2, y2 in boxes.round_().long().tolist():
        crops.append(F.interpolate(image[None, :, y1:y2, x1:x2], (size, size), mode="bilinear"))
    return torch.cat(crops)


@wrong("stack expects a non-empty")
def crop_and_resize(image, boxes, size):
    parts = [image[:, y1:y2, x1:x2] for x1, y1, x2, y2 in boxes.round().long().tolist()]
    return torch.stack([F.interpolate(p[None], (size, size), mode="bilinear")[0] for p in parts])


@odd
def crop_and_resize(image, boxes, size):
    """torchvision resizes."""
    if len(boxes) == 0:
        return torch.empty(0, image.shape[0], size, size, dtype=image.dtype)
    crops = []
    for box in boxes:
        x1, y1, x2, y2 = (int(torch.round(v)) for v in box)
        crops.append(
            torchvision.transforms.functional.resize(image[:, y1:y2, x1:x2], [size, size], antialias=False)
        )
    return torch.stack(crops)


@odd
def crop_and_resize(image, boxes, size):
    """Bilinear by hand: two matrices for each crop. Python's round takes halves to the even number, too."""

    def weights(n):
        places = ((torch.arange(size, dtype=torch.float64) + 0.5) * n / size - 0.5).clamp(0, n - 1)
        low = places.floor().long()
        share, matrix = places - low, torch.zeros(size, n, dtype=torch.float64)
        matrix[torch.arange(size), low] += 1 - share
        matrix[torch.arange(size), (low + 1).clamp(max=n - 1)] += share
        return matrix

    result = torch.zeros(len(boxes), image.shape[0], size, size, dtype=torch.float64)
    for i, box in enumerate(boxes.tolist()):
        x1, y1, x2, y2 = map(round, box)
        result[i] = weights(y2 - y1) @ image[:, y1:y2, x1:x2].double() @ weights(x2 - x1).T
    return result.to(image.dtype)


odd_edit("crop_and_resize", {", align_corners=False": ""})


edit(
    "crop_and_resize",
    {
        "image.new_zeros(0, image.shape[0], size, size)]": "]",
        "torch.cat(crops)": "torch.cat(crops) if crops else torch.zeros(0, len(image), size, size)",
    },
    says="the dtype should be float64",
)

# --- label_proposals --------------------------------------------------------------------------------------

edit(
    "label_proposals", {"best >= threshold": "best > threshold"}, says="an IoU equal to the threshold counts"
)
edit("label_proposals", {"best >= threshold": "best >= 0.5"}, says="0.5 whatever is passed")
edit("label_proposals", {"gt_labels[which], 0)": "which, 0)"}, says="return their labels")
edit("label_proposals", {"gt_labels[which], 0)": "which + 1, 0)"}, says="from 1 on")
edit(
    "label_proposals", {"gt_labels[which], 0)": "gt_labels[which] + 1, 0)"}, says="they already start from 1"
)
edit("label_proposals", {"gt_labels[which], 0)": "gt_labels[which], -1)"}, says="0, not -1")
edit(
    "label_proposals",
    {"torch.where(best >= threshold, gt_labels[which], 0)": "gt_labels[which]"},
    says="the threshold is ignored",
)
edit(
    "label_proposals",
    {"torch.where(best >= threshold, gt_labels[which], 0)": "(best >= threshold).long()"},
    says="their labels are asked for",
)
edit("label_proposals", {"gt_labels[which], 0)": "0, gt_labels[which])"}, says="exchanged")
edit("label_proposals", {"if len(gt_boxes) == 0:": "if False:"}, says="IndexError")
edit(
    "label_proposals",
    {"box_iou(proposals, gt_boxes).max(dim=1)": "box_iou(gt_boxes, proposals).max(dim=1)"},
    says="one label for each object",
)
edit(
    "label_proposals", {"gt_labels[which], 0)": "gt_labels[which].float(), 0)"}, says="dtype should be int64"
)


@wrong("the first object above the threshold")
def label_proposals(proposals, gt_boxes, gt_labels, threshold=0.5):
    labels = torch.zeros(len(proposals), dtype=torch.int64)
    for i in range(len(proposals)):
        for j in range(len(gt_boxes)):
            if ops.box_iou(proposals[i][None], gt_boxes[j][None]) >= threshold:
                labels[i] = gt_labels[j]
                break
    return labels


@wrong("the last object above the threshold")
def label_proposals(proposals, gt_boxes, gt_labels, threshold=0.5):
    labels = torch.zeros(len(proposals), dtype=torch.int64)
    for box, label in zip(gt_boxes, gt_labels, strict=True):
        labels[ops.box_iou(proposals, box[None])[:, 0] >= threshold] = label
    return labels


@wrong("the largest label above the threshold")
def label_proposals(proposals, gt_boxes, gt_labels, threshold=0.5):
    if len(gt_boxes) == 0:
        return torch.zeros(len(proposals)).long()
    return ((ops.box_iou(proposals, gt_boxes) >= threshold) * gt_labels).amax(1)


@wrong("labels of several objects are added")
def label_proposals(proposals, gt_boxes, gt_labels, threshold=0.5):
    return ((ops.box_iou(proposals, gt_boxes) >= threshold) * gt_labels).sum(1)


@wrong("the best proposal of an object is background, too")
def label_proposals(proposals, gt_boxes, gt_labels, threshold=0.5):
    """Each object claims its best proposal first."""
    if len(gt_boxes) == 0 or len(proposals) == 0:
        return torch.zeros(len(proposals)).long()
    table = ops.box_iou(proposals, gt_boxes)
    best, which = table.max(1)
    labels = torch.where(best >= threshold, gt_labels[which], 0)
    labels[table.argmax(0)] = gt_labels
    return labels


@wrong("with the first object only")
def label_proposals(proposals, gt_boxes, gt_labels, threshold=0.5):
    if len(gt_boxes) == 0:
        return torch.zeros(len(proposals)).long()
    overlap = ops.box_iou(proposals, gt_boxes)[:, 0]
    return torch.where(overlap >= threshold, gt_labels[0], 0)


@odd
def label_proposals(proposals, gt_boxes, gt_labels, threshold=0.5):
    """A column of background, whose IoU is just below the threshold."""
    table = ops.box_iou(proposals, gt_boxes).double()
    none = torch.full((len(proposals), 1), threshold - 1e-9, dtype=torch.float64)
    labels = torch.cat([torch.zeros(1, dtype=torch.int64), gt_labels])
    return labels[torch.cat([none, table], 1).argmax(1)]


@odd
def label_proposals(proposals, gt_boxes, gt_labels, threshold=0.5):
    """Loops, with the best so far."""
    labels = torch.zeros(len(proposals), dtype=torch.long)
    for i, box in enumerate(proposals):
        best = 0.0
        for other, label in zip(gt_boxes, gt_labels.tolist(), strict=True):
            overlap = ops.box_iou(box[None], other[None]).item()
            if overlap > best:
                best = overlap
                labels[i] = label if overlap >= threshold else 0
    return labels


edit("label_proposals", {"threshold=0.5": "threshold=0.6"}, says="the default threshold, which is 0.5")
edit("label_proposals", {"threshold=0.5": "threshold=0.45"}, says="the default threshold, which is 0.5")

# --- nms --------------------------------------------------------------------------------------------------

edit("nms", {"descending=True": "descending=False"}, says="the lowest score comes first; begin")
edit("nms", {"overlap <= iou_threshold": "overlap < iou_threshold"}, says="equal to the threshold stays")
edit("nms", {"overlap <= iou_threshold": "overlap <= 0.5"}, says="the threshold is 0.5 whatever")
edit("nms", {"order = rest[overlap <= iou_threshold]": "order = rest"}, says="nothing is removed")
edit("nms", {"order = rest[overlap <= iou_threshold]": "break"}, says="only the best box is left")
edit(
    "nms",
    {"return torch.stack(kept)": "return torch.stack(kept).flip(0)"},
    says="but the lowest score comes first",
)
edit(
    "nms",
    {"return torch.stack(kept)": "return torch.stack(kept).sort().values"},
    says="in the order of their numbers",
)
edit(
    "nms",
    {"return torch.stack(kept)": "return boxes[torch.stack(kept)]"},
    says="these are the boxes; return their numbers",
)
edit("nms", {"return torch.stack(kept)": "return scores[torch.stack(kept)]"}, says="these are scores")
edit("nms", {" if kept else torch.zeros(0, dtype=torch.int64)": ""}, says="non-empty")
edit("nms", {"torch.zeros(0, dtype=torch.int64)": "torch.zeros(0)"}, says="dtype should be int64")
edit("nms", {"rest[overlap <= iou_threshold]": "rest[overlap > iou_threshold]"}, says="expected")


@wrong("a box that has been removed must not remove others")
def nms(boxes, scores, iou_threshold):
    order = scores.argsort(descending=True)
    table = ops.box_iou(boxes[order], boxes[order]).tril(-1)
    return order[(table <= iou_threshold).all(1)]


@wrong("places in the sorted order")
def nms(boxes, scores, iou_threshold):
    boxes = boxes[scores.argsort(descending=True)]
    kept = []
    for i in range(len(boxes)):
        if all(ops.box_iou(boxes[i][None], boxes[j][None]) <= iou_threshold for j in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


@wrong("boxes are taken by their numbers")
def nms(boxes, scores, iou_threshold):
    kept = []
    for i in range(len(boxes)):
        if all(ops.box_iou(boxes[i][None], boxes[j][None]) <= iou_threshold for j in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


@wrong("only the last box kept removes others")
def nms(boxes, scores, iou_threshold):
    kept = []
    for i in scores.argsort(descending=True).tolist():
        if not kept or ops.box_iou(boxes[i][None], boxes[kept[-1:]]) <= iou_threshold:
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


@wrong("scores are compared with iou_threshold")
def nms(boxes, scores, iou_threshold):
    kept = []
    for i in scores.argsort(descending=True).tolist():
        free = all(ops.box_iou(boxes[i][None], boxes[j][None]) <= iou_threshold for j in kept)
        if free and scores[i] > iou_threshold:
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


@wrong("a mask is returned")
def nms(boxes, scores, iou_threshold):
    mask = torch.zeros(len(boxes), dtype=torch.bool)
    for i in scores.argsort(descending=True):
        mask[i] = bool((ops.box_iou(boxes[i][None], boxes[mask]) <= iou_threshold).all())
    return mask


@wrong("negative scores are scores")
def nms(boxes, scores, iou_threshold):
    kept = []
    for i in scores.argsort(descending=True).tolist():
        if scores[i] > 0 and all(ops.box_iou(boxes[i][None], boxes[j][None]) <= iou_threshold for j in kept):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


@wrong("only the best box removes others")
def nms(boxes, scores, iou_threshold):
    order = scores.argsort(descending=True)
    if len(order) == 0:
        return order
    overlap = ops.box_iou(boxes[order[:1]], boxes[order])[0]
    return order[(overlap <= iou_threshold) | (torch.arange(len(order)) == 0)]


@wrong("return those that stay")
def nms(boxes, scores, iou_threshold):
    kept, gone = [], []
    for i in scores.argsort(descending=True).tolist():
        free = all(ops.box_iou(boxes[i][None], boxes[j][None]) <= iou_threshold for j in kept)
        (kept if free else gone).append(i)
    return torch.tensor(gone, dtype=torch.int64)


@odd
def nms(boxes, scores, iou_threshold):
    """A mask of those still alive."""
    alive, kept = torch.ones(len(boxes), dtype=torch.bool), []
    while alive.any():
        i = int(torch.where(alive, scores, -torch.inf).argmax())
        kept.append(i)
        alive &= ~(ops.box_iou(boxes[i : i + 1], boxes)[0] > iou_threshold)
        alive[i] = False
    return torch.tensor(kept, dtype=torch.int64)


@odd
def nms(boxes, scores, iou_threshold):
    """The table of all pairs, and a fixed point: a box stays if no box that stays and is surer covers it."""
    order = scores.argsort(descending=True)
    above = (ops.box_iou(boxes[order], boxes[order]) > iou_threshold).triu(1)
    stays = torch.ones(len(order), dtype=torch.bool)
    while True:
        new = ~(above & stays[:, None]).any(0)
        if torch.equal(new, stays):
            return order[stays]
        stays = new


@odd
def nms(boxes, scores, iou_threshold):
    """Plain lists, sorted by Python."""
    kept = []
    for i in sorted(range(len(scores)), key=lambda k: -scores[k].item()):
        if not any(ops.box_iou(boxes[i][None], boxes[j][None]).item() > iou_threshold for j in kept):
            kept.append(i)
    return torch.LongTensor(kept)


# --- repaired_detect --------------------------------------------------------------------------------------


@wrong("a region is missing")
def repaired_detect(image, proposals, crop, features, score, move, suppress, floor=-1.0):
    """As given."""
    height, width = image.shape[1:]
    whole = torch.tensor([[0.0, 0.0, width, height]])
    rows = features(crop(image, whole)).expand(len(proposals), -1)
    scores, classes = score(rows).max(1)
    sure = scores > floor
    boxes, rows, scores, classes = proposals[sure], rows[sure], scores[sure], classes[sure]
    stays = suppress(boxes, scores)
    return move(boxes[stays], rows[stays]), scores[stays], classes[stays]


@wrong("two boxes lie on each other")
def repaired_detect(image, proposals, crop, features, score, move, suppress, floor=-1.0):
    """Features repaired, classes apart, but NMS works on proposals."""
    rows = features(crop(image, proposals))
    table, moved = score(rows), move(proposals, rows)
    found = []
    for k in range(table.shape[1]):
        sure = (table[:, k] > floor).nonzero().flatten()
        stays = sure[suppress(proposals[sure], table[sure, k])]
        found.append((moved[stays], table[stays, k], torch.full_like(stays, k)))
    return tuple(torch.cat(part) for part in zip(*found, strict=True))


@wrong("a box of one class has removed")
def repaired_detect(image, proposals, crop, features, score, move, suppress, floor=-1.0):
    """The best class only, and one NMS for all."""
    rows = features(crop(image, proposals))
    scores, classes = score(rows).max(1)
    boxes = move(proposals, rows)
    sure = scores > floor
    boxes, scores, classes = boxes[sure], scores[sure], classes[sure]
    stays = suppress(boxes, scores)
    return boxes[stays], scores[stays], classes[stays]


@wrong("not only in its best class")
def repaired_detect(image, proposals, crop, features, score, move, suppress, floor=-1.0):
    """Classes apart, but each region in its best class only."""
    rows = features(crop(image, proposals))
    scores, classes = score(rows).max(1)
    boxes, kept = move(proposals, rows), []
    for k in range(score(rows).shape[1]):
        sure = ((scores > floor) & (classes == k)).nonzero().flatten()
        kept.append(sure[suppress(boxes[sure], scores[sure])])
    kept = torch.cat(kept)
    return boxes[kept], scores[kept], classes[kept]


edit(
    "repaired_detect",
    {"boxes.append(moved[stays])": "boxes.append(proposals[stays])"},
    says="returned unmoved",
)
edit(
    "repaired_detect",
    {"stays = sure[suppress(moved[sure], table[sure, k])]": "stays = suppress(moved[sure], table[sure, k])"},
    says="counts within the boxes that you gave it",
)
edit(
    "repaired_detect",
    {"boxes.append(moved[stays])": "boxes.append(moved[suppress(moved[sure], table[sure, k])])"},
    says="counts within the boxes that you gave it",
)
edit(
    "repaired_detect",
    {"stays = sure[suppress(moved[sure], table[sure, k])]": "stays = sure"},
    says="expected",
)
edit("repaired_detect", {"> floor": "> 0"}, says="expected")
edit("repaired_detect", {"> floor": "> -99"}, says="the floor is ignored")
edit(
    "repaired_detect",
    {"torch.full_like(stays, k)": "torch.full_like(stays, k + 1)"},
    says="classes count from 0",
)
edit(
    "repaired_detect",
    {"boxes.append(moved[stays])": "boxes.append(move(moved[stays], rows[stays]))"},
    says="moved twice",
)
edit(
    "repaired_detect",
    {"torch.full_like(stays, k)": "torch.full_like(stays, k).float()"},
    says="dtype should be int64",
)
edit("repaired_detect", {"torch.full_like(stays, k)": "stays"}, says="the classes of three regions")
edit(
    "repaired_detect",
    {", torch.cat(scores), torch.cat(classes)": ", torch.cat(scores)"},
    says="return boxes, scores and classes",
)
edit(
    "repaired_detect",
    {"return torch.cat(boxes), torch.cat(scores), torch.cat(classes)": "return boxes, scores, classes"},
    says="should be tensors",
)
edit("repaired_detect", {"> floor": "< floor"}, says="a region is missing or one too many")


@odd
def repaired_detect(image, proposals, crop, features, score, move, suppress, floor=-1.0):
    """All pairs of region and class in one row; classes are kept apart one by one, the last class first."""
    rows = features(crop(image, proposals))
    table, moved = score(rows), move(proposals, rows)
    region, classes = (table > floor).nonzero(as_tuple=True)
    boxes, scores = moved[region], table[region, classes]
    kept = torch.zeros(0, dtype=torch.int64)
    for k in range(table.shape[1] - 1, -1, -1):
        of_class = torch.where(classes == k)[0]
        kept = torch.cat([kept, of_class[suppress(boxes[of_class], scores[of_class])]])
    return boxes[kept], scores[kept], classes[kept]


@odd
def repaired_detect(image, proposals, crop, features, score, move, suppress, floor=-1.0):
    """NMS on all boxes of a class first, the floor after it."""
    rows = features(crop(image, proposals))
    moved = move(proposals, rows)
    found = []
    for k, column in enumerate(score(rows).T):
        for i in suppress(moved, column).tolist():
            if column[i] > floor:
                found.append((moved[i], column[i], k))
    boxes = torch.stack([one[0] for one in found]) if found else torch.zeros(0, 4)
    return [
        boxes,
        torch.tensor([one[1] for one in found]),
        torch.tensor([one[2] for one in found], dtype=torch.int64),
    ]


@odd
def repaired_detect(image, proposals, crop, features, score, move, suppress, floor=-1.0):
    """The classes far apart from each other in one NMS."""
    rows = features(crop(image, proposals))
    table, moved = score(rows), move(proposals, rows)
    region, classes = (table > floor).nonzero().T
    boxes, scores = moved[region], table[region, classes]
    kept = suppress(boxes + 1e4 * classes[:, None], scores)
    return boxes[kept], scores[kept], classes[kept]


edit("repaired_detect", {"floor=-1.0": "floor=0.0"}, says="the default floor is -1")

# --- average_precision ------------------------------------------------------------------------------------

edit(
    "average_precision",
    {"is_match[scores.argsort(descending=True)]": "is_match"},
    says="not in the order of the scores",
)
edit("average_precision", {"descending=True": "descending=False"}, says="the surest detection comes first")
edit(
    "average_precision",
    {"precision = precision.flip(0).cummax(0).values.flip(0)": "pass"},
    says="the precision is not interpolated",
)
edit(
    "average_precision",
    {"precision.flip(0).cummax(0).values.flip(0)": "precision.cummax(0).values"},
    says="interpolated from the left",
)
edit("average_precision", {"/ num_objects)": "/ hits.sum())"}, says="divided by the number of matches")
edit("average_precision", {"/ num_objects)": "/ len(hits))"}, says="divided by the number of detections")
edit(
    "average_precision",
    {"(precision * hits).sum() / num_objects": "precision.mean()"},
    says="the mean over all detections",
)
edit("average_precision", {"(precision * hits).sum()": "precision.sum()"}, says="each detection adds area")
edit("average_precision", {" / num_objects)": ")"}, says="this is the sum")
edit(
    "average_precision",
    {"((precision * hits).sum() / num_objects)": "(hits.sum() / num_objects)"},
    says="the recall after all",
)
edit(
    "average_precision",
    {"return ((precision * hits).sum() / num_objects).item()": "return (hits.mean()).item()"},
    says="the precision after all",
)
edit("average_precision", {"num_objects == 0 or ": ""}, says="no objects")
odd_edit("average_precision", {" or len(scores) == 0": ""})
edit("average_precision", {".item()": ""}, says="should be a Python float")
edit("average_precision", {"return ((": "(("}, says="None")


@wrong("eleven recalls")
def average_precision(scores, is_match, num_objects):
    if num_objects == 0 or len(scores) == 0:
        return 0.0
    hits = is_match[scores.argsort(descending=True)].double()
    precision, recall = hits.cumsum(0) / torch.arange(1, len(hits) + 1), hits.cumsum(0) / num_objects
    points = [precision[recall >= r / 10 - 1e-9] for r in range(11)]
    return sum(p.max().item() if len(p) else 0.0 for p in points) / 11


@wrong("the area is made of trapezoids")
def average_precision(scores, is_match, num_objects):
    """Without interpolation."""
    if num_objects == 0 or len(scores) == 0:
        return 0.0
    hits = is_match[scores.argsort(descending=True)].double()
    precision, recall = hits.cumsum(0) / torch.arange(1, len(hits) + 1), hits.cumsum(0) / num_objects
    precision, recall = torch.cat([precision[:1], precision]), torch.cat([torch.zeros(1), recall])
    return torch.trapezoid(precision, recall).item()


@odd
def average_precision(scores, is_match, num_objects):
    """Trapezoids under the interpolated curve, which is level before each match."""
    if num_objects == 0 or len(scores) == 0:
        return 0.0
    hits = is_match[scores.argsort(descending=True)].double()
    precision, recall = hits.cumsum(0) / torch.arange(1, len(hits) + 1), hits.cumsum(0) / num_objects
    precision = precision.flip(0).cummax(0).values.flip(0)
    precision, recall = torch.cat([precision[:1], precision]), torch.cat([torch.zeros(1), recall])
    return torch.trapezoid(precision, recall).item()


@wrong("the first match is left out")
def average_precision(scores, is_match, num_objects):
    if num_objects == 0 or len(scores) == 0:
        return 0.0
    hits = is_match[scores.argsort(descending=True)].double()
    precision, recall = hits.cumsum(0) / torch.arange(1, len(hits) + 1), hits.cumsum(0) / num_objects
    precision = precision.flip(0).cummax(0).values.flip(0)
    return ((recall[1:] - recall[:-1]) * precision[1:]).sum().item()


@odd
def average_precision(scores, is_match, num_objects):
    """Loops over plain lists, from the end."""
    pairs = sorted(zip(scores.tolist(), is_match.tolist(), strict=True), reverse=True)
    best = area = 0.0
    matches = sum(hit for _, hit in pairs)
    for place in range(len(pairs), 0, -1):
        best = max(best, matches / place)
        if pairs[place - 1][1]:
            area += best / num_objects
            matches -= 1
    return area


@odd
def average_precision(scores, is_match, num_objects):
    """Steps of recall with sentinels at both ends, as in the VOC devkit; NumPy."""
    if num_objects == 0:
        return 0.0
    order = np.argsort(-scores.numpy())
    hits = is_match.numpy()[order]
    tp, fp = np.cumsum(hits), np.cumsum(~hits)
    recall = np.concatenate([[0.0], tp / num_objects, [1.0]])
    precision = np.concatenate([[0.0], tp / np.maximum(tp + fp, 1e-12), [0.0]])
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.where(recall[1:] != recall[:-1])[0]
    return float(np.sum((recall[steps + 1] - recall[steps]) * precision[steps + 1]))


@odd
def average_precision(scores, is_match, num_objects):
    """The places of the matches, in float32."""
    places = is_match[scores.argsort(descending=True)].nonzero().flatten() + 1
    if num_objects == 0 or len(places) == 0:
        return 0.0
    precision = torch.arange(1, len(places) + 1) / places
    return float(precision.flip(0).cummax(0).values.sum() / num_objects)


@odd
def average_precision(scores, is_match, num_objects):
    """Trapezoids under the interpolated curve, which is level before each match."""
    if num_objects == 0 or len(scores) == 0:
        return 0.0
    hits = is_match[scores.argsort(descending=True)].double()
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1)
    precision = precision.flip(0).cummax(0).values.flip(0)
    recall = torch.cat([torch.zeros(1), hits.cumsum(0) / num_objects])
    return torch.trapezoid(torch.cat([precision[:1], precision]), recall).item()


# --- claims -----------------------------------------------------------------------------------------------

RIGHT = {
    "features first": "a",
    "dense grid": "a",
    "second box": "b",
    "one pass": "c",
    "doubled scores": "false",
}
for claim, answer in (
    ("features first", "true"),
    ("features first", "b"),
    ("dense grid", "true"),
    ("second box", "false"),
    ("second box", "true"),
    ("one pass", "true"),
    ("doubled scores", "true"),
):
    wrong_value("claims_detection", "claims_detection", RIGHT | {claim: answer}, "not right yet")
wrong_value("claims_detection", "claims_detection", RIGHT | {"one pass": "?"}, "not answered yet")
wrong_value("claims_detection", "claims_detection", RIGHT | {"one pass": "d"}, "not one of the answers")
odd_value("claims_detection", "claims_detection", {k: f" ({v.upper()})" for k, v in RIGHT.items()})
odd_value("claims_detection", "claims_detection", RIGHT | {"doubled scores": False})
