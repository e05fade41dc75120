# ---
# jupyter:
#   course:
#     prerequisites:
#     - 08_convolutions_lenet
#     - 13_losses_generalization
#     summary: Find each garment in a picture, name it, and put a box around it
#     title: Object detection
#   jupytext:
#     cell_metadata_filter: all,-nbgrader
#     formats: ipynb,py:percent
#     notebook_metadata_filter: course,kernelspec,jupytext,-jupytext.text_representation
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
r"""
# 14 Object detection

**Time:** about 4 hours. **You need:** chapters 1 to 5, 7, 8, 10, 12 and 13. **Points:** 28.

A classifier says what a picture shows. A detector says what is in a picture *and where*, for any number of objects.
This chapter builds a detector step by step, mostly from functions that you write. After it you can

- **compute** how well two boxes agree, and **predict** what a shift or a wrong shape costs;
- **cut** a picture into candidate windows, and **label** them for training;
- **repair** a detection pipeline whose stages are in the wrong order;
- **remove** duplicate detections, and **judge** a detector by its average precision;
- **explain** what R-CNN computes again and again, and how Fast and Faster R-CNN avoid it.

| English | Chinese (中文) | what it is |
|---|---|---|
| object detection | 目标检测 | find all objects of some classes, each with a box |
| bounding box | 边界框 | the smallest upright rectangle around an object |
| ground truth | 真实标注 | the boxes and classes that people have marked |
| intersection over union, IoU | 交并比 | common area of two boxes divided by the area they cover together |
| sliding window | 滑动窗口 | one classifier applied to a window at each place of a grid |
| region proposal | 候选区域 | a box that may contain an object |
| anchor box | 锚框 | one of several boxes of fixed shapes at each place of a grid |
| background | 背景 | the class of windows without an object |
| hard negative mining | 难负样本挖掘 | train again with the background that was mistaken for an object |
| bounding-box regression | 边界框回归 | predict how to move and stretch a box |
| non-maximum suppression, NMS | 非极大值抑制 | keep the surest of several boxes on the same object |
| precision, recall | 精确率，召回率 | share of detections that are right; share of objects that are found |
| average precision, AP; mAP | 平均精度；平均精度均值 | area under the precision-recall curve; its mean over classes |
| region of interest pooling | 感兴趣区域汇聚 | features of fixed size for any box, cut from a map that is computed once |

**How the exercises work.** Replace both lines, `# YOUR CODE HERE` and the `raise` below it, by your answer, run the
cell, then run the check below it. The check tells you what is still wrong. Some checks are hidden: they ask for the
same on other numbers, and run when your work is graded. Once the checks of an exercise pass, the next cells work with
*your* function, and say so. When you come back after a break, the kernel has forgotten everything: click the cell where
you want to go on and choose *Run > Run All Above Selected Cell*.
"""

# %%
import course_utils as cu
from course_utils import check, detection, scenes

import ipywidgets
import torch
from matplotlib.patches import Rectangle
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)  # networks as small as these only wait for a second thread

# %% jupyter={"source_hidden": true}
NAMES = [name.split("/")[0] for name in cu.data.FASHION_CLASSES]
BLUE, ORANGE, GREEN, PINK, YELLOW = cu.plots.COLOURS[:5]


def draw_scene(ax, image, boxes=(), texts=None, colour=YELLOW, title="", dashed=False):
    """Draw a picture (1, h, w) and boxes on it, each with a short text."""
    h, w = image.shape[1:]
    ax.imshow(image[0].numpy(), cmap="gray", vmin=0, vmax=1, extent=(0, w, h, 0))
    for i, (x1, y1, x2, y2) in enumerate(torch.as_tensor(boxes).tolist()):
        style = {"edgecolor": colour, "linewidth": 1.8, "linestyle": "--" if dashed else "-"}
        ax.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, **style))
        if texts is not None:
            label = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
            ax.text(x1 + 1, max(y1, 7), texts[i], fontsize=7, color="black", bbox=label)
    ax.set(xlim=(0, w), ylim=(h, 0), title=title)
    ax.set_axis_off()


# %% [markdown]
r"""
## 1 What and where

Four scenes. Each has 1 to 4 garments, drawn at random sizes on a wall with blotches, strokes and scraps. The box
around a garment is tight, and each box has a class. This is the data of a detector: a picture, n boxes, n classes.
"""

# %% tags=["experiment"]
train_scenes = scenes.make(320, seed=1, split="train")
valid_scenes = scenes.make(40, seed=4, split="valid")  # other garments than in training
test_scenes = scenes.make(40, seed=3, split="test")  # the garments of the test set


def draw_four(*axes):
    for ax, scene in zip(axes, valid_scenes):
        draw_scene(ax, scene.image, scene.boxes, [NAMES[label] for label in scene.labels])


cu.plots.figure(
    draw_four,
    panels=4,
    height=1.9,
    alt="Four grey scenes with textured walls; each garment on them has a yellow box with the name of its class",
)
first = valid_scenes[0]
print("image", tuple(first.image.shape), " boxes", tuple(first.boxes.shape), " labels", first.labels.tolist())

# %% [markdown]
r"""
**Coordinates.** A box is $(x_1, y_1, x_2, y_2)$, in pixels: the corner at the upper left and the corner at the lower
right. $x$ counts columns and grows to the right, $y$ counts rows and grows downwards. A picture is stored by rows, so
the box is cut out by `image[:, y1:y2, x1:x2]`: **y first**. As with Python's slices, $x_2$ and $y_2$ are excluded; the
box is $x_2 - x_1$ pixels wide. (Some older data sets include the last pixel, and then the width is
$x_2 - x_1 + 1$. Others give fractions of the picture instead of pixels.)

The other common form is $(c_x, c_y, w, h)$: centre, width and height. **Predict** the shape of the cut-out and the second
form of this box before you run the cell:
"""

# %%
picture = torch.arange(48.0).reshape(1, 6, 8)  # 6 rows, 8 columns
box = torch.tensor([[2.0, 1, 7, 3]])
x1, y1, x2, y2 = box[0].int().tolist()
print("cut-out:", tuple(picture[:, y1:y2, x1:x2].shape))
print("centre x, centre y, width, height:", detection.to_centres(box).tolist())
print("and back:", detection.to_corners(detection.to_centres(box)).tolist())

# %% [markdown]
r"""
**Batches.** Pictures have different numbers of objects. Either the boxes of a batch stay in a list, or they are padded to
a tensor (n, most, 5) with rows $(\text{class}, x_1, y_1, x_2, y_2)$, where the class −1 marks a row of padding.
`scenes.collate` does the second.

**What goes in must make sense.** A box that leaves its picture or has no area, or a picture of another size than a
detector was made for, would give wrong results later and no error. `course_utils.scenes` checks for them and raises an
error at once. A scene without objects is fine; it has boxes of shape (0, 4).
"""

# %% tags=["experiment"]
images, objects = scenes.collate(valid_scenes[:2])
print("images", tuple(images.shape), " objects", tuple(objects.shape))
print(objects[0, :, 0].int().tolist(), "are the classes of the first scene")
nothing = scenes.make(1, seed=6, split="valid", objects=(0, 0))[0]
print("a scene without objects has boxes", tuple(nothing.boxes.shape))
for bad in (
    lambda: scenes.check_boxes(torch.tensor([[90.0, 10, 110, 30]]), height=96, width=96),
    lambda: scenes.check_boxes(torch.tensor([[40.0, 10, 30, 30]]), height=96, width=96),
    lambda: scenes.check_image(torch.zeros(1, 64, 80), size=(96, 96)),
):
    try:
        bad()
    except ValueError as problem:
        print("ValueError:", problem)

# %% [markdown]
r"""
**Augmentation moves boxes, too.** If a picture is mirrored, the boxes must be mirrored with it. Here is a function that
does it, and one scene before and after. The scene has more columns than rows.
"""


# %%
def broken_flip(image, boxes):
    """Mirror an image (c, h, w) left to right, and its boxes (n, 4) with it."""
    width = image.shape[1]
    flipped = boxes.clone()
    flipped[:, 0] = width - boxes[:, 0]
    flipped[:, 2] = width - boxes[:, 2]
    return image.flip(2), flipped


# %% tags=["experiment"]
broad = scenes.make(2, seed=8, split="valid", size=(72, 110))[1]


def draw_flip(flip):
    """Draw the scene as it is, and mirrored by the function."""
    image, boxes = flip(broad.image, broad.boxes)

    def draw(left, right):
        draw_scene(left, broad.image, broad.boxes, title="before")
        draw_scene(right, image, boxes, title="mirrored")

    return draw


cu.plots.figure(
    draw_flip(broken_flip),
    panels=2,
    height=2.5,
    alt="Left: a scene with boxes around its garments. Right: the mirrored scene, whose boxes miss the garments",
)
print("rows and columns:", tuple(broad.image.shape[1:]))
print("first box before:", broad.boxes[0].int().tolist())
print("first box after: ", broken_flip(broad.image, broad.boxes)[1][0].int().tolist())

# %% [markdown]
r"""
### Exercise 14.1: spot the bug, `repaired_flip` &nbsp; (2 points, about 5 minutes, ★☆☆)

Write a correct version. Draw a box on paper, mirror it, and ask where its *left* border comes from.

<details><summary>Hint 1</summary>

There are two mistakes. One of them cannot be seen on square pictures. The other one makes boxes whose $x_1$ is larger than
their $x_2$.
</details>
"""


# %% exercise="repaired_flip"
def repaired_flip(image, boxes):
    """Mirror an image left to right, and its boxes with it.

    image: float tensor (c, h, w). boxes: float (n, 4), rows x1, y1, x2, y2 with x1 < x2 and y1 < y2; n may be 0.
    Returns (image, boxes) of the same shapes; again x1 < x2. The arguments are unchanged.
    """
    ### BEGIN SOLUTION
    x1, y1, x2, y2 = boxes.unbind(1)
    width = image.shape[2]
    return image.flip(2), torch.stack([width - x2, y1, width - x1, y2], dim=1)
    ### END SOLUTION


# %% test="repaired_flip"
check.exercise("repaired_flip", points=2)


def upright(boxes, width, shift=0.0):
    """The boxes mirrored in a picture of this width."""
    x1, y1, x2, y2 = boxes.unbind(1)
    return torch.stack([width - x2 + shift, y1, width - x1 + shift, y2], 1)


with check.case("mirrors the picture and the boxes of a picture that is not square", points=1):
    picture = check.uniform((2, 6, 9))
    boxes = torch.tensor([[1.0, 2, 4, 6], [0, 1, 2, 3], [5, 0, 9, 5]])
    found = check.unchanged(repaired_flip, picture, boxes)
    check.that(
        isinstance(found, tuple | list) and len(found) == 2, "return two things: the image and the boxes"
    )
    right, crossed = upright(boxes, 9), upright(boxes, 9)[:, [2, 1, 0, 3]]
    wrong = {"x1 is larger than x2: the left border of the mirrored box comes from the right one": crossed}
    wrong["the width is image.shape[2]; image.shape[1] is the height"] = upright(boxes, 6)
    wrong["two mistakes: the width is image.shape[2], and x1 must stay the smaller one"] = upright(boxes, 6)[
        :, [2, 1, 0, 3]
    ]
    wrong["one pixel too far left: x2 is excluded, so the border 0 becomes the border w, not w - 1"] = (
        upright(boxes, 9, -1)
    )
    wrong["x2 is as before: x1 was overwritten before x2 was computed from it"] = torch.cat(
        [right[:, :2], boxes[:, 2:]], 1
    )
    wrong["the boxes are as before: they must move with the picture"] = boxes
    wrong["return the image first, then the boxes"] = picture.flip(2)
    wrong["the boxes are turned upside down; y stays as it is"] = torch.stack(
        [boxes[:, 0], 6 - boxes[:, 3], boxes[:, 2], 6 - boxes[:, 1]], 1
    )
    wrong["y is mirrored, too; left to right changes x alone"] = torch.stack(
        [9 - boxes[:, 2], 6 - boxes[:, 3], 9 - boxes[:, 0], 6 - boxes[:, 1]], 1
    )
    check.close(found[1], right, known=wrong)
    wrong = {"the picture is turned upside down; left to right is the last axis": picture.flip(1)}
    wrong["the picture is as before"] = picture
    wrong["the picture is mirrored along both axes"] = picture.flip(1, 2)
    wrong["the channels are exchanged"] = picture.flip(0)
    check.close(found[0], picture.flip(2), known=wrong)
    check.like(found[1], boxes)
with check.case("a picture without objects", points=0.5):
    found = repaired_flip(check.uniform((1, 3, 4)), torch.zeros(0, 4))
    check.like(found[1], torch.zeros(0, 4))
### BEGIN HIDDEN TESTS
with check.case("the same on other pictures", points=0.5, hidden=True):
    picture, boxes = check.uniform((3, 8, 5), dtype=torch.float64), torch.tensor([[0.5, 1, 3.25, 8]])
    found = check.unchanged(repaired_flip, picture, boxes.double())
    check.close(found[0], picture.flip(2))
    check.close(found[1], torch.tensor([[1.75, 1, 4.5, 8]]))
    check.like(found[1], boxes.double())
### END HIDDEN TESTS
check.score()

# %% tags=["experiment"]
mirror = cu.yours(repaired_flip, instead=detection.flip)
cu.plots.figure(
    draw_flip(mirror),
    panels=2,
    height=2.5,
    alt="Left: a scene with boxes around its garments. Right: the mirrored scene, its boxes around the same garments",
)

# %% [markdown]
r"""
In torchvision, boxes can be of the class `tv_tensors.BoundingBoxes`, and the transforms of `torchvision.transforms.v2`
then move picture and boxes together. A flip is the easy case: after a rotation by 10°, an upright box around the
turned box is no longer tight.

## 2 How well do two boxes agree?

A detector's box will not match the marked one to the pixel. We need a number: 1 for equal boxes, 0 for boxes without a
common pixel, whatever the size of the objects. **Intersection over union** is such a number:

$$\text{IoU}(A, B) = \frac{|A \cap B|}{|A \cup B|} = \frac{|A \cap B|}{|A| + |B| - |A \cap B|} .$$

The intersection of two upright boxes is empty or a box again: its left border is the larger of the two left borders, its
right border the smaller of the two right ones, and the same in $y$.

**Predict** on paper, for $A$ = (0, 0, 10, 10): the IoU with $A$ shifted to the right by 1 (a tenth of its width);
shifted by 5; shifted by 1 in both directions; and with (0, 0, 20, 20), which contains it.

### Exercise 14.2: `box_iou` &nbsp; (3 points, about 12 minutes, ★★☆)

Write it for all pairs of two sets of boxes at once.

<details><summary>Hint 1</summary>

`a[:, None, :2]` is (n, 1, 2), and `b[None, :, :2]` is (1, m, 2): `torch.maximum` of the two gives the upper left
corners of all n × m intersections.

<details><summary>Hint 2</summary>

For boxes that do not meet, right minus left is negative. If it is negative in *both* directions, the product is positive.
What must happen before you multiply? And what is 0/0, if both boxes are empty?

</details></details>
"""


# %% exercise="box_iou"
def box_iou(a, b):
    """Intersection over union of all pairs of boxes.

    a: float tensor (n, 4), b: float tensor (m, 4), same dtype, rows x1, y1, x2, y2 with x1 <= x2 and y1 <= y2.
    Returns (n, m) of the same dtype; a and b are unchanged. An empty box (without area) has IoU 0 with each box. n or m
    may be 0.
    """
    ### BEGIN SOLUTION
    upper_left = torch.maximum(a[:, None, :2], b[None, :, :2])  # (n, m, 2)
    lower_right = torch.minimum(a[:, None, 2:], b[None, :, 2:])
    common = (lower_right - upper_left).clamp(min=0).prod(dim=2)  # (n, m)
    area_a = (a[:, 2:] - a[:, :2]).prod(dim=1)
    area_b = (b[:, 2:] - b[:, :2]).prod(dim=1)
    union = area_a[:, None] + area_b[None, :] - common
    return torch.where(union > 0, common / union, torch.zeros_like(common))
    ### END SOLUTION


# %% test="box_iou"
check.exercise("box_iou", points=3)


def parts(a, b, extra=0.0):
    """Intersections and areas of all pairs; extra is added to each width and height."""
    low, high = torch.maximum(a[:, None, :2], b[None, :, :2]), torch.minimum(a[:, None, 2:], b[None, :, 2:])
    sides = high - low + extra
    areas = [(boxes[:, 2:] - boxes[:, :2] + extra).prod(1) for boxes in (a, b)]
    return sides, areas[0][:, None], areas[1][None, :]


def mistaken(a, b):
    """What known mistakes give."""
    sides, A, B = parts(a, b)
    common, raw = sides.clamp(min=0).prod(2), sides.prod(2)
    wide_sides, wide_A, wide_B = parts(a, b, 1.0)
    wider = wide_sides.clamp(min=0).prod(2)
    wrong = {"negative sides must become 0 before they are multiplied": raw / (A + B - raw)}
    wrong["clamp the sides, not their product: two negative sides have a positive product"] = raw.clamp(
        min=0
    ) / (A + B - raw.clamp(min=0))
    wrong["the magnitudes of negative sides are used; they must become 0"] = sides.abs().prod(2) / (
        A + B - sides.abs().prod(2)
    )
    wrong["the union counts the intersection twice: subtract it"] = common / (A + B)
    wrong["the intersection is subtracted twice from the union"] = common / (A + B - 2 * common)
    wrong["divided by the area of a; divide by the union"] = common / A.expand_as(common)
    wrong["divided by the area of b; divide by the union"] = common / B.expand_as(common)
    wrong["divided by the smaller area; divide by the union"] = common / torch.minimum(A, B)
    wrong["divided by the larger area; divide by the union"] = common / torch.maximum(A, B)
    hull = torch.maximum(a[:, None, 2:], b[:, 2:]) - torch.minimum(a[:, None, :2], b[:, :2])
    wrong["divided by the box around both; divide by the union"] = common / hull.prod(2)
    union = A + B - common
    wrong["this is the generalised IoU; no more than intersection / union is asked for"] = (
        common / union + union / hull.prod(2) - 1
    )
    x2y2 = a[:, 2:].prod(1)[:, None] + b[:, 2:].prod(1)
    wrong["an area is (x2 - x1) times (y2 - y1), not x2 times y2"] = common / (x2y2 - common)
    wrong["this is the Dice coefficient, 2 I / (|A| + |B|)"] = 2 * common / (A + B)
    wrong["this is the intersection; divide it by the union"] = common
    wrong["a width is x2 - x1, without + 1"] = wider / (wide_A + wide_B - wider)
    wrong["this is 1 - IoU"] = 1 - common / (A + B - common)
    wrong["the result is transposed: rows belong to a"] = (common / (A + B - common)).T
    wrong["only pairs (i, i) are compared"] = (common / (A + B - common)).diagonal()
    return wrong


with check.case("divides intersection by union, for all pairs", points=1):
    a = torch.tensor([[0.0, 0, 10, 8], [4, 2, 12, 14]])
    b = torch.tensor([[2.0, 4, 16, 10], [0, 0, 10, 8], [5, 3, 9, 7]])
    expected = torch.tensor([[32 / 132, 1, 16 / 80], [48 / 132, 36 / 140, 16 / 96]])
    found = check.unchanged(box_iou, a, b)
    check.close(found, expected, known=mistaken(a, b))
    check.like(found, expected)
with check.case("boxes that do not meet, or only touch, have IoU 0", points=0.75):
    a = torch.tensor([[0.0, 0, 4, 4]])
    b = torch.tensor([[8.0, 8, 14, 14], [4, 0, 9, 4], [8, 0, 12, 3], [0, 7, 4, 9], [1, 1, 4, 4]])
    check.close(box_iou(a, b), torch.tensor([[0.0, 0, 0, 0, 9 / 16]]), known=mistaken(a, b))
with check.case("empty boxes, and no boxes at all", points=0.5):
    empty = torch.tensor([[3.0, 3, 3, 3], [1, 2, 6, 2]])
    whole = torch.tensor([[0.0, 0, 6, 6], [3, 3, 3, 3]])
    found = box_iou(empty, whole)
    check.that(not found.isnan().any(), "0 / 0 is nan: two empty boxes have IoU 0")
    check.close(found, torch.zeros(2, 2), "one box of each pair is empty")
    check.like(box_iou(torch.zeros(0, 4), whole), torch.zeros(0, 2))
    check.like(box_iou(whole, torch.zeros(0, 4)), torch.zeros(2, 0))
### BEGIN HIDDEN TESTS
with check.case("the same on other boxes", points=0.75, hidden=True):
    for n, m, dtype in ((7, 5, torch.float32), (1, 9, torch.float64), (6, 1, torch.float32)):
        corners = [check.integers((k, 2), -20, 20).to(dtype) for k in (n, m)]
        a, b = (torch.cat([c, c + check.integers(c.shape, 1, 30).to(dtype)], 1) for c in corners)
        found = check.unchanged(box_iou, a, b)
        check.close(found, detection.box_iou(a, b))
        check.like(found, detection.box_iou(a, b))
    small = check.uniform((4, 2)) / 100  # boxes in fractions of a picture
    a = torch.cat([small, small + 0.01], 1)
    sides, A, B = parts(a, a[:2])
    wrong = {
        "a union below 1 counts as 1 here: boxes can be smaller than a pixel": sides.clamp(min=0).prod(2)
    }
    check.close(box_iou(a, a[:2]), detection.box_iou(a, a[:2]), known=wrong)
    check.close(box_iou(torch.tensor([[5.0, 5, 5, 9]]), a), torch.zeros(1, 4))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
Compare with your predictions, then see how fast IoU falls when a box moves:
"""

# %% tags=["experiment"]
iou = cu.yours(box_iou, instead=detection.box_iou)
A = torch.tensor([[0.0, 0, 10, 10]])
for text, other in (
    ("shifted by a tenth", [1.0, 0, 11, 10]),
    ("shifted by half", [5.0, 0, 15, 10]),
    ("by a tenth, both ways", [1.0, 1, 11, 11]),
    ("twice as wide and high", [0.0, 0, 20, 20]),
):
    print(f"{text:24}{iou(A, torch.tensor([other])).item():.3f}")
shift = torch.linspace(0, 1, 51)
along = torch.stack([10 * shift, 0 * shift, 10 + 10 * shift, 10 + 0 * shift], 1)
slanted = torch.stack([10 * shift, 10 * shift, 10 + 10 * shift, 10 + 10 * shift], 1)
bigger = torch.stack([0 * shift, 0 * shift, 10 + 10 * shift, 10 + 10 * shift], 1)
cu.plots.curves(
    {"to the right": iou(A, along)[0], "right and down": iou(A, slanted)[0], "larger": iou(A, bigger)[0]},
    xs=shift,
    x="shift, or growth, in widths",
    y="IoU",
    title="An IoU of 0.5 allows a shift by a third of the width",
    alt="Three falling curves of IoU against shift: to the right from 1 to 0, reaching 0.5 at one third; right and down "
    "faster, reaching 0.5 at 0.18; growth from 1 to 0.25",
)

# %% [markdown]
r"""
A shift by a fraction $s$ of the width leaves $1 - s$ of the box in common, and the two cover $1 + s$ together:
$\text{IoU} = (1 - s)/(1 + s)$. A tenth costs almost a fifth. So an IoU of 0.9 means a very good box, and 0.5, the usual
threshold for "found", is generous.

**Try it.** Put the box around the garment: choose its left and upper border, its width and its height. *Goal: an IoU of
at least 0.9.* The marked box is tight, and it is not drawn.
"""


# %% jupyter={"source_hidden": true}
game = scenes.make(1, seed=31, split="train", size=(72, 96), objects=(1, 1), scale=(44, 52))[0]


def draw_game(ax, left, top, wide, high):
    """Draw the scene and the chosen box. Returns a comment on the IoU."""
    chosen = torch.tensor([[left, top, left + wide, top + high]]).float()
    value = detection.box_iou(chosen, game.boxes).item()
    draw_scene(ax, game.image, chosen, colour=ORANGE if value < 0.9 else GREEN, title=f"IoU {value:.2f}")
    if value >= 0.9:
        return f"IoU {value:.3f}. Goal reached. How far off are your borders?"
    return f"IoU {value:.3f}. " + (
        "The usual threshold of 0.5 is passed." if value >= 0.5 else "Below the usual threshold of 0.5."
    )


BEGIN = {"left": 20, "top": 20, "wide": 30, "high": 30}
cu.demo.explore(
    draw_game,
    **{
        name: ipywidgets.IntSlider(value=value, min=0 if name in ("left", "top") else 4, max=70)
        for name, value in BEGIN.items()
    },
    alt="A scene with one garment and the chosen box; the title gives the IoU of the box with the marked one",
)

# %% tags=["still", "experiment"]
cu.plots.figure(
    lambda ax: draw_game(ax, **BEGIN),
    alt="A scene with one garment and a box that covers a part of it; the title gives their IoU, which is below 0.9",
)

# %% [markdown]
r"""
**What IoU does not say.** It is 0 for a near miss and for a far one, so its gradient cannot tell a lost box where to
go. It does not say *how* two boxes differ: too large, too small and shifted can give the same number. And it is about
boxes, not about objects: two sandals crossed like an X can have nearly the same box.

## 3 Where could an object be?

The oldest idea: look everywhere. Put a window on the picture, ask a classifier, move on. But a box in 96×96 pixels
has two different vertical borders out of 97 and two horizontal ones: $(97 \cdot 96/2)^2 = 21{,}678{,}336$ boxes. At a
tenth of a millisecond each, that is 36 minutes for one small picture. So we take a few sizes, and a **stride** $t$
between windows. A row of $w$ pixels has $\lfloor (w - s)/t \rfloor + 1$ places for a window of size $s$ (chapter 8),
so that

$$n = \sum_{s} \left( \left\lfloor \frac{h - s}{t} \right\rfloor + 1 \right)
\left( \left\lfloor \frac{w - s}{t} \right\rfloor + 1 \right) .$$

**Predict** $n$ for 96×96 pixels: size 20 with stride 5, size 28 with stride 7, size 40 with stride 10.

### Exercise 14.3: `sliding_windows` &nbsp; (2 points, about 8 minutes, ★☆☆)

Write the boxes of all windows of a grid.

<details><summary>Hint 1</summary>

Three loops: sizes, rows, columns. Where does the last window start that still lies inside?

<details><summary>Hint 2</summary>

`range(0, n, t)` excludes n. And `torch.tensor([])` has the shape (0,); what makes it (0, 4) when no window fits?

</details></details>
"""


# %% exercise="sliding_windows"
def sliding_windows(height, width, sizes, stride):
    """Square windows inside a picture.

    height, width: of the picture, ints. sizes: list of ints, the sides of the squares. stride: int, at least 1.
    Returns float32 (n, 4), rows x1, y1, x2, y2: for each size in turn, row by row, each row from left to right, from
    the corner (0, 0) on. A size that does not fit into the picture has no windows; n may be 0.
    """
    ### BEGIN SOLUTION
    boxes = [
        (x, y, x + size, y + size)
        for size in sizes
        for y in range(0, height - size + 1, stride)
        for x in range(0, width - size + 1, stride)
    ]
    return torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    ### END SOLUTION


# %% test="sliding_windows"
check.exercise("sliding_windows", points=2)


def grid_of(height, width, sizes, stride, more=1, order="rows", centred=False, inclusive=0, border=False):
    """The windows as a list of lists, rightly or with one of the known mistakes."""
    found = []
    for s in sizes:
        ys, xs = range(0, height - s + more, stride), range(0, width - s + more, stride)
        if border and ys and xs:
            ys, xs = sorted({*ys, height - s}), sorted({*xs, width - s})
        places = [(x, y) for x in xs for y in ys] if order == "columns" else [(x, y) for y in ys for x in xs]
        half = s // 2 if centred else 0
        found += [[x - half, y - half, x + s - half - inclusive, y + s - half - inclusive] for x, y in places]
    return torch.tensor(found).float().reshape(-1, 4)


def mistakes(height, width, sizes, stride):
    """What known mistakes give, if it differs from the right answer."""
    right = grid_of(height, width, sizes, stride)
    wrong = {"the last window of each row and column is missing: it may end at the border": grid_of(
        height, width, sizes, stride, more=0)}  # fmt: skip
    outside = torch.cat([grid_of(height + s - 1, width + s - 1, [s], stride) for s in sizes])
    wrong["windows leave the picture"] = outside
    wrong["windows that leave the picture are cut off; leave them out"] = outside.minimum(
        torch.tensor([width, height] * 2)
    )
    order = (right[:, 1] * width + right[:, 0]).sort(stable=True).indices
    wrong["the sizes alternate from place to place; take all windows of a size before the next size"] = right[
        order
    ]
    wrong["the windows come column by column; row by row is asked for"] = grid_of(
        height, width, sizes, stride, order="columns"
    )
    wrong["x and y are exchanged: a row is x1, y1, x2, y2"] = right[:, [1, 0, 3, 2]]
    wrong["height and width are exchanged"] = grid_of(width, height, sizes, stride)
    wrong["the width stands for the height, too"] = grid_of(width, width, sizes, stride)
    wrong["the height stands for the width, too"] = grid_of(height, height, sizes, stride)
    wrong["the stride is ignored"] = grid_of(height, width, sizes, 1)
    wrong["the windows are moved by their own size; use the stride"] = torch.cat(
        [grid_of(height, width, [s], s) for s in sizes]
    )
    wrong["rows are x, y, width, height; x1, y1, x2, y2 is asked for"] = torch.cat(
        [right[:, :2], right[:, 2:] - right[:, :2]], 1
    )
    wrong["x2 and y2 are excluded: x2 = x1 + size"] = grid_of(height, width, sizes, stride, inclusive=1)
    wrong["x and y of the grid should be upper left corners, not centres"] = grid_of(
        height, width, sizes, stride, centred=True
    )
    wrong["a last window is added at the border; all windows are `stride` pixels apart"] = grid_of(
        height, width, sizes, stride, border=True
    )
    wrong["only the first size is used: is the return inside the loop?"] = grid_of(
        height, width, sizes[:1], stride
    )
    wrong["only the last size is left"] = grid_of(height, width, sizes[-1:], stride)
    wrong["the sizes come from the smallest to the largest; keep their order"] = grid_of(
        height, width, sorted(sizes), stride
    )
    return {words: boxes for words, boxes in wrong.items() if not torch.equal(boxes, right)}


with check.case("steps through the picture, row by row", points=0.75):
    for settings in ((7, 11, [3], 2), (9, 8, [4], 3)):
        found, words = (
            sliding_windows(*settings),
            "height {}, width {}, sizes {}, stride {}".format(*settings),
        )
        check.close(found, grid_of(*settings), words, known=mistakes(*settings))
        check.like(found, grid_of(*settings))
with check.case("several sizes in their order; sizes that do not fit", points=0.75):
    settings = (8, 6, [5, 2, 6], 2)
    found = sliding_windows(*settings)
    check.close(found, grid_of(*settings), "height 8, width 6, sizes [5, 2, 6]", known=mistakes(*settings))
    check.close(sliding_windows(8, 6, [7, 5], 2), grid_of(8, 6, [5], 2), "7 does not fit into a width of 6")
    check.like(sliding_windows(8, 6, [9], 1), torch.zeros(0, 4))
### BEGIN HIDDEN TESTS
with check.case("the same on other pictures", points=0.5, hidden=True):
    for settings in ((10, 10, [10], 1), (12, 5, [1, 4], 5), (5, 12, [4, 3], 1), (3, 3, [4, 5], 2)):
        check.close(sliding_windows(*settings), grid_of(*settings), known=mistakes(*settings))
        check.like(sliding_windows(*settings), grid_of(*settings))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
How good can a detector be that only offers squares? For each object take the best window: if even that has an IoU below
0.5, the object is lost before any network has looked. The share of objects with a good enough window is the **recall** of
the proposals. It is the *ceiling* for the recall of the detector, as long as boxes stay where they are (section 5 moves
them).
"""

# %% tags=["experiment"]
windows = cu.yours(sliding_windows, instead=detection.sliding_windows)
squares = torch.cat([windows(96, 96, [size], size // 4) for size in (20, 28, 40)])
print("squares:", len(squares), "= 16 * 16 + 10 * 10 + 6 * 6")


def stretched(boxes, ratios=(0.5, 1, 2), side=96):
    """Each box in several ratios width / height, with the same area; those that leave the picture are dropped."""
    cx, cy, w, h = detection.to_centres(boxes).unbind(1)
    found = [detection.to_corners(torch.stack([cx, cy, w * r**0.5, h / r**0.5], 1)).round() for r in ratios]
    found = torch.cat(found)
    return found[((found >= 0) & (found <= side)).all(1)]


proposals = stretched(squares)
print("with three ratios of width to height:", len(proposals))


def best_window(boxes, some_scenes):
    """For each object of the scenes: its class, and its IoU with the best of the boxes."""
    seen = [(scene.labels, iou(boxes, scene.boxes).amax(0)) for scene in some_scenes if len(scene.labels)]
    return (torch.cat(parts) for parts in zip(*seen))


def draw_ceiling(ax):
    for i, (name, boxes) in enumerate({"squares": squares, "three ratios": proposals}.items()):
        classes, best = best_window(boxes, train_scenes)
        print(f"recall of {name} at IoU 0.5: {(best >= 0.5).float().mean():.2f}")
        shares = [(best[classes == k] >= 0.5).float().mean().item() for k in range(10)]
        ax.bar([k + 0.4 * i - 0.2 for k in range(10)], shares, 0.38, color=cu.plots.COLOURS[i], label=name)
    ax.set_xticks(range(10), NAMES, rotation=40, ha="right", rotation_mode="anchor")
    ax.set(
        ylabel="share of objects",
        ylim=(0, 1.3),
        title="Squares lose flat shoes, dresses and trousers; three ratios hardly any",
    )
    ax.legend(ncols=2, loc="upper right")


cu.plots.figure(
    draw_ceiling,
    alt="Two bars for each class: the share of objects with a window of IoU 0.5. Squares lose many sandals and sneakers, "
    "and some dresses and trousers; with three ratios nearly all objects have one",
)

# %% [markdown]
r"""
Why do squares fail? Take a box with area 1 and ratio $r = w/h \ge 1$, so it is $\sqrt r$ wide and $1/\sqrt r$ high, and a
square of side $a$ on the same centre, with $1/\sqrt r \le a \le \sqrt r$:

$$|A \cap B| = \frac{a}{\sqrt r}, \qquad |A \cup B| = a^2 + 1 - \frac{a}{\sqrt r}, \qquad
\frac{1}{\text{IoU}} = \sqrt r \left(a + \frac 1a\right) - 1 .$$

$a + 1/a$ is smallest at $a = 1$, so the best square has the same area as the box, and $\text{IoU} = 1/(2\sqrt r -
1)$: 0.547 for $r = 2$, and 0.5 for $r = 2.25$. A longer object has *no* square window that counts, however dense the
grid is.

Boxes of several sizes and ratios at each place of a grid are called **anchor boxes**. A common recipe combines $n$
sizes with one ratio and one size with $m$ ratios, which makes $n + m - 1$ boxes per place: with 3 sizes and 3 ratios
at each pixel of a picture of 561×728 pixels, $561 \cdot 728 \cdot 5 = 2{,}042{,}040$. Nearly all of them show
background.

R-CNN proposes fewer boxes with more thought: *selective search* merges neighbouring patches of similar colour and
texture step by step, and proposes a box around each patch that appears on the way, about 2,000 per photograph. We
keep our grid of some thousand boxes.

## 4 Cut, and classify

A network for 28×28 pixels needs crops of 28×28 pixels, whatever the size of the box. R-CNN simply stretches each crop to
the right size.

### Exercise 14.4: `crop_and_resize` &nbsp; (3 points, about 10 minutes, ★★☆)

Cut each box out of the picture and resize it.

<details><summary>Hint 1</summary>

`boxes.round().long().tolist()` gives whole numbers for slices. Remember which of x and y comes first in a slice.

<details><summary>Hint 2</summary>

`F.interpolate(X, (size, size), mode="bilinear", align_corners=False)` wants X with four axes. `torch.stack` and
`torch.cat` refuse an empty list: what can you put into the list first, or return early?

</details></details>
"""


# %% exercise="crop_and_resize"
def crop_and_resize(image, boxes, size):
    """Cut boxes out of an image and resize each crop to size x size pixels.

    image: float tensor (c, h, w). boxes: float (n, 4), rows x1, y1, x2, y2; they are rounded by torch.round, lie inside
    the image, and are at least one pixel wide and high. size: int.
    Each crop image[:, y1:y2, x1:x2] is resized as F.interpolate does with mode="bilinear" and align_corners=False,
    without antialiasing. Returns (n, c, size, size) of image's dtype; the arguments are unchanged. n may be 0.
    """
    ### BEGIN SOLUTION
    crops = [image.new_zeros(0, image.shape[0], size, size)]
    for x1, y1, x2, y2 in boxes.round().long().tolist():
        crop = image[None, :, y1:y2, x1:x2]
        crops.append(F.interpolate(crop, (size, size), mode="bilinear", align_corners=False))
    return torch.cat(crops)
    ### END SOLUTION


# %% test="crop_and_resize"
check.exercise("crop_and_resize", points=3)


def cut_out(image, boxes, size, whole=torch.round, turn=False, **options):
    """The crops, by slices and F.interpolate, rightly or with one of the known mistakes."""
    options = {"mode": "bilinear", "align_corners": False} | options
    crops = []
    for box in boxes:
        x1, y1, x2, y2 = whole(box).long().tolist()
        part = image[None, :, x1:x2, y1:y2] if turn else image[None, :, y1:y2, x1:x2]
        crops.append(F.interpolate(part, (size, size), **options))
    return torch.cat(crops)


def mistaken(image, boxes, size):
    """What known mistakes give."""
    wrong = {
        "x and y are exchanged: a slice is image[:, y1:y2, x1:x2]": cut_out(image, boxes, size, turn=True)
    }
    wrong["align_corners should be False"] = cut_out(image, boxes, size, align_corners=True)
    wrong["antialias should be off"] = cut_out(image, boxes, size, antialias=True)
    wrong['mode="bilinear" is asked for; this is the nearest pixel'] = cut_out(
        image, boxes, size, mode="nearest", align_corners=None
    )
    wrong['mode="bilinear" is asked for; this is bicubic'] = cut_out(image, boxes, size, mode="bicubic")
    wrong['mode="bilinear" is asked for; this is the mean of each area'] = cut_out(
        image, boxes, size, mode="area", align_corners=None
    )
    wrong["the boxes are cut to whole numbers; round them"] = cut_out(image, boxes, size, whole=torch.floor)
    wrong["the boxes are rounded up; round them to the nearest"] = cut_out(
        image, boxes, size, whole=torch.ceil
    )
    wrong["the last row and column are included: x2 and y2 are excluded"] = cut_out(
        image, boxes + torch.tensor([0, 0, 1, 1]), size
    )
    wrong["only the first box is cut: is the return inside the loop?"] = cut_out(image, boxes[:1], size)
    wrong["the axis of channels is lost: (n, c, size, size)"] = cut_out(image, boxes, size)[:, 0]
    wrong["only the first channel is left"] = cut_out(image, boxes, size)[:, :1]
    right = cut_out(image, boxes, size)
    return {words: crops for words, crops in wrong.items() if not torch.equal(crops, right)}


with check.case("cuts each box out, and resizes it with all channels", points=1.25):
    image, boxes = check.uniform((2, 12, 13)), torch.tensor([[1.0, 2, 4, 10], [0, 0, 11, 11], [5, 3, 8, 6]])
    found = check.unchanged(crop_and_resize, image, boxes, 5)
    check.close(found, cut_out(image, boxes, 5), known=mistaken(image, boxes, 5), atol=1e-5)
    check.like(found, torch.zeros(3, 2, 5, 5))
with check.case("rounds the corners to whole pixels, as torch.round does", points=0.5):
    image, boxes = check.uniform((1, 11, 12)), torch.tensor([[0.7, 1.2, 6.4, 7.9], [1.8, 2.6, 9.2, 8.7]])
    check.close(
        crop_and_resize(image, boxes, 4), cut_out(image, boxes, 4), known=mistaken(image, boxes, 4), atol=1e-5
    )
    boxes, halves_up = torch.tensor([[0.5, 2.5, 6.5, 8.5]]), torch.tensor([[1.0, 3, 7, 9]])
    wrong = {"torch.round takes halves to the even number: 0.5 becomes 0": cut_out(image, halves_up, 4)}
    check.close(
        crop_and_resize(image, boxes, 4),
        cut_out(image, boxes, 4),
        "0.5, 2.5, 6.5, 8.5",
        known=wrong,
        atol=1e-5,
    )
with check.case("boxes of one pixel, and no boxes", points=0.5):
    image = check.uniform((3, 6, 7))
    found = crop_and_resize(image, torch.tensor([[3.0, 2, 4, 3]]), 2)
    check.close(found, image[:, 2, 3].reshape(1, 3, 1, 1).expand(1, 3, 2, 2), "a box of one pixel")
    for given in (image, image.double()):
        check.like(crop_and_resize(given, torch.zeros(0, 4), 4), given.new_zeros(0, 3, 4, 4))
### BEGIN HIDDEN TESTS
with check.case("the same on other pictures", points=0.75, hidden=True):
    for shape, size, dtype in (((1, 20, 15), 7, torch.float32), ((3, 9, 14), 3, torch.float64)):
        image, start = check.uniform(shape, dtype=dtype), check.uniform((6, 2), 0, 5)
        boxes = torch.cat([start, start + check.uniform((6, 2), 1.5, 4)], 1)
        found = check.unchanged(crop_and_resize, image, boxes, size)
        check.close(found, cut_out(image, boxes, size), atol=1e-5)
        check.like(found, cut_out(image, boxes, size))
### END HIDDEN TESTS
check.score()

# %% tags=["experiment"]
cut = cu.yours(crop_and_resize, instead=detection.crop_and_resize)
scene = valid_scenes[1]
g = torch.Generator().manual_seed(14)
some = torch.cat([scene.boxes[:3], proposals[torch.randperm(len(proposals), generator=g)[:9]]])
names = [NAMES[label] for label in scene.labels[:3]]
cu.plots.images(
    cut(scene.image, some, 28),
    titles=[*names, *["?"] * (len(some) - len(names))],
    columns=6,
    title="Crops of one scene: its objects, and windows taken at random",
    alt="Crops of 28 by 28 pixels: first the objects of a scene, stretched to squares, then random windows that show parts "
    "of garments or bare wall",
)

# %% [markdown]
r"""
**A classifier as a detector.** Train a network on garments, as in chapter 8: two convolutions, here without padding,
and two dense layers. Then slide it over scenes: 324 windows of 28 pixels, stride 4. **Predict**: what does it say
where there is only wall? It has ten classes to choose from.
"""

# %% tags=["experiment"]
garments, new_garments = cu.data.fashion_mnist(train=True), cu.data.fashion_mnist(train=False)


def new_net(num_classes):
    """Convolutions 1 -> 8 -> 24 channels, each with ReLU and pooling; then 84 units, and the classes."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2)),  # (n, 8, 12, 12)
        *(nn.Conv2d(8, 24, 5), nn.ReLU(), nn.MaxPool2d(2)),  # (n, 24, 4, 4)
        nn.Flatten(),  # (n, 384)
        *(nn.Linear(384, 84), nn.ReLU(), nn.Linear(84, num_classes)),
    )


cu.training.seed_everything(14)
classifier = new_net(10)
history = cu.training.train_classifier(
    classifier,
    cu.data.BatchLoader(garments.data[:8000], garments.targets[:8000], 64, shuffle=True),
    cu.data.BatchLoader(new_garments.data[:1000], new_garments.targets[:1000], 500),
    num_epochs=3,
    optimizer=torch.optim.Adam(classifier.parameters(), lr=3e-3),
    live=False,
)
print("at least 80 % of new garments right:", history.test_accuracy[-1] > 0.8)

# %% tags=["experiment"]
grid = windows(96, 96, [28], 4)


def surest(net, scene, boxes):
    """The largest probability of a garment in each box; with 11 scores, the first is for background."""
    with torch.no_grad():
        probabilities = net(cut(scene.image, boxes, 28)).softmax(1)
    return probabilities[:, -10:].amax(1)


def on_wall(net):
    """The surest garment in each window that overlaps no object: one number per window of all validation scenes."""
    empty = [(s, grid[iou(grid, s.boxes).sum(1) == 0]) for s in valid_scenes]
    return torch.cat([surest(net, s, boxes) for s, boxes in empty if len(boxes)])


def draw_heat(net, name):
    def draw(left, right):
        draw_scene(left, valid_scenes[2].image, valid_scenes[2].boxes, title="a scene")
        heat = surest(net, valid_scenes[2], grid).reshape(18, 18)
        shown = right.imshow(heat.numpy(), cmap=cu.plots.SEQUENTIAL, vmin=0, vmax=1, extent=(14, 82, 82, 14))
        right.set(
            xlim=(0, 96), ylim=(96, 0), xlabel="centre of the window, x (pixels)", ylabel="y", title=name
        )
        right.figure.colorbar(shown, ax=right)

    return draw


cu.plots.figure(
    draw_heat(classifier, "probability of the surest garment"),
    panels=2,
    height=3.1,
    alt="Left: a scene with boxes. Right: a map of 18 by 18 probabilities; it is dark blue in many places, also where there "
    "is only wall or half a garment",
)
print("windows of a scene:", len(grid))
lies = on_wall(classifier)
print(
    "on bare wall, a garment gets more than 0.5 in over 1 % of the windows:",
    (lies > 0.5).float().mean().item() > 0.01,
)

# %% [markdown]
r"""
Softmax must divide a probability of 1 among ten garments. The network has never seen a wall or half a boot, and calls
them something, sometimes with conviction. A scene has a few objects and hundreds of other windows, so even a small
share of such answers buries the right ones. The detector needs an eleventh class, **background**, and examples of it.

**Which windows are background?** The labels come from IoU: a proposal gets the class of the object that it overlaps best,
if that IoU is at least 0.5, and background otherwise. In this chapter's detector, class $k$ of the garments becomes label
$k + 1$, and label 0 is background.

### Exercise 14.5: `label_proposals` &nbsp; (3 points, about 8 minutes, ★★☆)

Label the proposals of a picture. Your `box_iou` may help.

<details><summary>Hint 1</summary>

A table (n, m) of IoUs. For each proposal you need its largest entry, and at which object it is. Which axis is that?

<details><summary>Hint 2</summary>

`.max(dim=...)` gives both at once, and fails on an axis of length 0. Treat "no objects" first.

</details></details>
"""


# %% exercise="label_proposals"
def label_proposals(proposals, gt_boxes, gt_labels, threshold=0.5):
    """Labels for proposals, from the objects of the picture.

    proposals: float (n, 4). gt_boxes: float (m, 4), the marked objects ("ground truth"), gt_labels: int64 (m,), their
    labels from 1 on; m may be 0. threshold: the IoU from which on a proposal counts as an object.
    Returns int64 (n,): the label of the object with the largest IoU if that IoU is at least the threshold, else 0,
    which stands for background. The arguments are unchanged.
    """
    ### BEGIN SOLUTION
    if len(gt_boxes) == 0:
        return torch.zeros(len(proposals), dtype=torch.int64, device=proposals.device)
    best, which = box_iou(proposals, gt_boxes).max(dim=1)
    return torch.where(best >= threshold, gt_labels[which], 0)
    ### END SOLUTION


# %% test="label_proposals"
check.exercise("label_proposals", points=3)


def labelled(proposals, gt_boxes, gt_labels, threshold=0.5, strict=False):
    """The labels, by IoU."""
    best, which = detection.box_iou(proposals, gt_boxes).max(1)
    return torch.where(best > threshold if strict else best >= threshold, gt_labels[which], 0)


with check.case("gives each proposal the label of the object that it overlaps best", points=1):
    objects, labels = (
        torch.tensor([[0.0, 0, 10, 10], [2, 0, 12, 10], [30, 30, 40, 50], [33, 30, 43, 50]]),
        torch.tensor([3, 9, 5, 2]),
    )
    proposals = torch.tensor(
        [[2.0, 0, 12, 9], [0, 0, 9, 10], [31, 30, 41, 50], [60, 60, 70, 70], [0, 0, 30, 30]]
    )
    table = detection.box_iou(proposals, objects)
    best, which = table.max(1)
    over, right = table >= 0.5, labelled(proposals, objects, labels)
    wrong = {"the first object above the threshold is taken; take the one with the largest IoU": torch.where(
        over.any(1), labels[over.int().argmax(1)], 0)}  # fmt: skip
    wrong["the last object above the threshold is taken; take the one with the largest IoU"] = torch.where(
        over.any(1), labels[3 - over.flip(1).int().argmax(1)], 0
    )
    wrong["the largest label above the threshold is taken; take the one with the largest IoU"] = (
        over * labels
    ).amax(1)
    wrong["labels of several objects are added; take the one with the largest IoU"] = (over * labels).sum(1)
    wrong["the numbers of the objects are returned; return their labels"] = torch.where(best >= 0.5, which, 0)
    wrong["the numbers of the objects, from 1 on, are returned; return their labels"] = torch.where(
        best >= 0.5, which + 1, 0
    )
    wrong["1 is added to the labels; they already start from 1"] = torch.where(
        best >= 0.5, labels[which] + 1, 0
    )
    wrong["background should be 0, not -1"] = torch.where(best >= 0.5, labels[which], -1)
    wrong["the threshold is ignored: the best object may be far away"] = labels[which]
    wrong["objects and background are exchanged"] = torch.where(best >= 0.5, 0, labels[which])
    wrong["each proposal is compared with the first object only"] = torch.where(over[:, 0], 3, 0)
    wrong["this is 1 for objects; their labels are asked for"] = (best >= 0.5).long()
    found = check.unchanged(label_proposals, proposals, objects, labels)
    if isinstance(found, torch.Tensor) and found.shape == labels.shape:
        check.fail("one label for each object; one for each proposal is asked for: look along the other axis")
    check.close(found, right, known=wrong)
    check.like(found, right)
with check.case("takes an IoU equal to the threshold, and other thresholds", points=0.75):
    proposals, objects = (
        torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 6], [0, 0, 4, 3.75], [0, 0, 4, 4.25]]),
        torch.tensor([[0.0, 0, 4, 8]]),
    )
    right, ious = torch.tensor([7, 7, 0, 7]), "IoUs 0.5, 0.75, 0.47 and 0.53"
    wrong = {"an IoU equal to the threshold counts: >=": torch.tensor([0, 7, 0, 7])}
    found = label_proposals(proposals, objects, torch.tensor([7]))
    check.close(found, right, f"{ious}, and the default threshold, which is 0.5", known=wrong)
    found = label_proposals(proposals, objects, torch.tensor([7]), threshold=0.75)
    wrong = {"the threshold is 0.5 whatever is passed": right}
    wrong["an IoU equal to the threshold counts: >="] = torch.tensor([0, 0, 0, 0])
    check.close(found, torch.tensor([0, 7, 0, 0]), f"{ious}, threshold 0.75", known=wrong)
    found = label_proposals(proposals, objects, torch.tensor([7]), threshold=0.9)
    wrong = {
        "the best proposal of an object is background, too, below the threshold": torch.tensor([0, 7, 0, 0])
    }
    check.close(found, torch.tensor([0, 0, 0, 0]), f"{ious}, threshold 0.9", known=wrong)
with check.case("a picture without objects", points=0.5):
    found = label_proposals(
        torch.tensor([[0.0, 0, 4, 4], [1, 1, 3, 3]]), torch.zeros(0, 4), torch.zeros(0).long()
    )
    check.close(found, torch.zeros(2).long(), "without objects, each proposal is background")
    check.like(found, torch.zeros(2).long())
### BEGIN HIDDEN TESTS
with check.case("the same on other boxes", points=0.75, hidden=True):
    for n, m, threshold in ((12, 4, 0.5), (1, 3, 0.3), (9, 1, 0.6)):
        corners = [check.uniform((k, 2), 0, 20) for k in (n, m)]
        a, b = (torch.cat([c, c + check.uniform(c.shape, 10, 30)], 1) for c in corners)
        labels = check.integers((m,), 1, 11)
        found = check.unchanged(label_proposals, a, b, labels, threshold)
        check.close(found, labelled(a, b, labels, threshold))
        check.like(found, labels.new_zeros(n))
    check.like(label_proposals(torch.zeros(0, 4), b, labels), labels[:0])
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Fine-tuning.** R-CNN takes a network that was trained on single pictures, gives it a new last layer with one more
class, and trains on with crops of proposals. If it took proposals at random, 98 of 100 would be background, and
"background" alone would be 98 % right. So from each scene we take up to 10 proposals of objects, 12 of background,
and the marked boxes themselves.
"""

# %% tags=["experiment"]
assign = cu.yours(label_proposals, instead=detection.label_proposals)
g = torch.Generator().manual_seed(15)
crops, crop_labels, shares = [], [], []
for scene in train_scenes:
    labels = assign(proposals, scene.boxes, scene.labels + 1)
    shares.append((labels > 0).float().mean())
    for part, most in ((labels > 0, 10), (labels == 0, 12)):
        chosen = part.nonzero().flatten()
        chosen = chosen[torch.randperm(len(chosen), generator=g)[:most]]
        crops.append(cut(scene.image, proposals[chosen], 28))
        crop_labels.append(labels[chosen])
    crops.append(cut(scene.image, scene.boxes, 28))
    crop_labels.append(scene.labels + 1)
crops, crop_labels = torch.cat(crops), torch.cat(crop_labels)
print(f"share of proposals that are objects: {sum(shares) / len(shares):.3f}")
print("crops:", tuple(crops.shape))

cu.training.seed_everything(15)
net = new_net(11)
net[:9].load_state_dict(classifier[:9].state_dict())  # all but the last layer
adam = torch.optim.Adam(net.parameters(), lr=3e-3)
epoch_losses = []
for _ in range(5):
    losses = []
    for batch in torch.randperm(len(crops)).split(64):
        l = F.cross_entropy(net(crops[batch]), crop_labels[batch])
        adam.zero_grad()
        l.backward()
        adam.step()
        losses.append(l.item())
    epoch_losses.append(sum(losses) / len(losses))
cu.plots.curves(
    {"training loss": epoch_losses},
    y="mean cross-entropy",
    title="Fine-tuning on proposals: ten garments and background",
    alt="The training loss falls over five epochs",
)
print("the loss has fallen by more than a third:", epoch_losses[-1] < 2 / 3 * epoch_losses[0])

# %% tags=["experiment"]
cu.plots.figure(
    draw_heat(net, "after fine-tuning, with background"),
    panels=2,
    height=3.1,
    alt="Left: a scene with boxes. Right: the map of probabilities of garments after fine-tuning; it is pale on the wall and "
    "dark near the garments",
)
fewer = (on_wall(net) > 0.5).float().mean() / (lies > 0.5).float().mean()
print("on bare wall, less than half as many windows are taken for garments:", fewer.item() < 0.5)

# %% [markdown]
r"""
The map is pale where there is only wall, and dark near objects. But one object makes a whole patch of windows dark,
none of them fits it tightly, and some windows still report garments that are not there. The next sections deal with
the three problems in turn.

Two remarks on the labels. With our grid, 99 of 100 objects have a proposal above 0.5. The others would be trained as
background. The remedy: let each object first claim its best proposal, whatever the IoU, and apply the threshold to
the other proposals. And 0.5 is a choice: a proposal with IoU 0.49 shows half a shirt and is told "background".

**A good place to stop.** You have boxes, proposals, crops, labels, and a network that knows what nothing looks like.
"""

# %% [markdown]
r"""
## 5 R-CNN: regions with CNN features

R-CNN (2014) raised the mAP, the usual measure of a detector (section 7), on a well-known benchmark by more than 30 %
relative to the best result before, and made convolutional networks the standard for detection. Its stages, in order,
for one picture:

1. **Propose** regions.
2. **Cut** each region out and stretch it to the network's input size.
3. **Compute features** of each crop with the fine-tuned network, without its last layer.
4. **Score** the features with one linear support vector machine (SVM) per class.
5. **Move** each box with a linear regression on the features.
6. **Suppress** duplicates, class by class.

Regions come first, features second: the network never sees the whole picture. Keep this order in mind for section 9.

**Features.** We use the 384 numbers behind the second pooling layer: 24 maps of 4×4. They still know *where* in the crop
something is, which stage 5 needs. (R-CNN used a later layer for the SVMs.)

**Support vector machines.** A linear SVM finds $w$ and $b$ for two classes $y_i = \pm 1$ by

$$\min_{w, b}\; \tfrac12 \lVert w \rVert^2 + C \sum_i \max\big(0,\; 1 - y_i (w^\top x_i + b)\big)^2 .$$

Examples that are right by a margin of 1 cost nothing, so a million easy walls do not matter, and the hard cases
decide. (This is the squared hinge loss, the default of scikit-learn's `LinearSVC`.) Why not the network's own
softmax? The SVMs are trained with stricter labels: the *marked boxes* alone are positive, proposals with IoU below 0.3
are negative, and everything between is left out. The authors of R-CNN measured 54.2 % mAP with SVMs and 50.9 % with
their softmax, whose positives begin at 0.5.

**Hard negatives.** With hundreds of background windows per object, most are so easy that they teach nothing. So train
once with random background, score many background windows, and train again with those that look most like garments.
"""

# %% tags=["experiment"]
from sklearn.svm import LinearSVC


def features(crops):
    """(n, 1, 28, 28) -> (n, 384): the fine-tuned network up to its second pooling layer."""
    with torch.no_grad():
        return net[:7](crops)


def background_of(scene):
    """The proposals that overlap no object by 0.3 or more."""
    return proposals[(iou(proposals, scene.boxes) < 0.3).all(1)]


def fit_svms(rows, classes, negatives):
    """One SVM per class, against all other classes and background: weights (384, 10), biases (10,)."""
    X = torch.cat([rows, negatives]).numpy()
    y = torch.cat([classes, torch.full((len(negatives),), -1)])
    weights, biases = [], []
    for k in range(10):  # C and the weight 5 of the rare class were chosen on validation scenes
        svm = LinearSVC(C=0.01, dual=False, class_weight={1: 5.0}).fit(X, (y == k).int().numpy())
        weights.append(torch.from_numpy(svm.coef_[0]).float())
        biases.append(float(svm.intercept_[0]))
    return torch.stack(weights, 1), torch.tensor(biases)


def train_svms(features_of):
    """SVMs with random negatives, and with hard ones. features_of(scene, boxes) -> rows."""
    g = torch.Generator().manual_seed(16)
    rows = torch.cat([features_of(scene, scene.boxes) for scene in train_scenes])
    classes = torch.cat([scene.labels for scene in train_scenes])
    walls = [background_of(scene) for scene in train_scenes]
    chance = [w[torch.randperm(len(w), generator=g)[:20]] for w in walls]
    chance = torch.cat([features_of(scene, w) for scene, w in zip(train_scenes, chance)])
    first = fit_svms(rows, classes, chance)
    many = torch.cat([features_of(scene, w) for scene, w in zip(train_scenes[:30], walls)])
    hardest = (many @ first[0] + first[1]).amax(1).argsort(descending=True)[:2000]
    return first, fit_svms(rows, classes, torch.cat([chance, many[hardest]]))


def crop_features(scene, boxes):
    return features(cut(scene.image, boxes, 28))


first_svms, svms = train_svms(crop_features)
scores = crop_features(valid_scenes[2], proposals) @ svms[0] + svms[1]  # (n, 10)
print("scores of one scene:", tuple(scores.shape))
print("more than 90 % of them are negative:", (scores < 0).float().mean().item() > 0.9)

# %% [markdown]
r"""
**Box regression.** A proposal with IoU 0.6 shows enough to guess how the box should move. The regression learns
offsets that do not depend on the size of the box $(c_x, c_y, w, h)$; for a target $(c_x', c_y', w', h')$,

$$t_x = \frac{c_x' - c_x}{w}, \quad t_y = \frac{c_y' - c_y}{h}, \quad t_w = \log \frac{w'}{w}, \quad t_h = \log \frac{h'}{h} ,$$

and back: $c_x' = c_x + w\, t_x$, $w' = w\, e^{t_w}$, and so on. The same shift in pixels is a large one for a small
box, and with the logarithm "twice as wide" and "half as wide" are equally far from 0; $e^{t}$ is never negative. Only
proposals near an object take part (we take IoU ≥ 0.5; R-CNN took 0.6): for a box on bare wall there is no right
answer. Four linear functions of the features are fitted by ridge regression, $(X^\top X + \lambda I)\, W = X^\top T$,
with $X$ (n, 385), $T$ (n, 4).
"""


# %% tags=["experiment"]
def with_ones(rows):
    return torch.cat([rows, torch.ones(len(rows), 1)], 1)


def train_regression(features_of, penalty=100.0):
    """Ridge regression from features to offsets: (385, 4)."""
    X, T = [], []
    for scene in train_scenes[:160]:
        best, which = iou(proposals, scene.boxes).max(1)
        near = best >= 0.5
        X.append(features_of(scene, proposals[near]))
        T.append(detection.offsets(proposals[near], scene.boxes[which[near]]))
    X, T = with_ones(torch.cat(X)), torch.cat(T)
    return torch.linalg.solve(X.T @ X + penalty * torch.eye(X.shape[1]), X.T @ T)


regression = train_regression(crop_features)
before, after, shown = [], [], None
for scene in valid_scenes:
    if len(scene.boxes):
        best, which = iou(proposals, scene.boxes).max(1)
        near = best >= 0.5
        by = with_ones(crop_features(scene, proposals[near])) @ regression
        moved = detection.move(proposals[near], by, 96, 96)
        new = iou(moved, scene.boxes)[torch.arange(len(moved)), which[near]]
        before.append(best[near])
        after.append(new)
        if len(new) and (shown is None or (new - best[near]).max() > shown[3]):
            i = (new - best[near]).argmax()
            shown = (
                scene,
                proposals[near][i : i + 1],
                moved[i : i + 1],
                (new - best[near])[i],
                best[near][i],
                new[i],
            )
before, after = torch.cat(before), torch.cat(after)


def draw_regression(left, right):
    scene, old, new, _, low, high = shown
    draw_scene(
        left, scene.image, old, [f"IoU {low:.2f}"], ORANGE, "the proposal, and where it is moved", dashed=True
    )
    draw_scene(left, scene.image, new, [f"IoU {high:.2f}"], GREEN, "the proposal, and where it is moved")
    bins = torch.linspace(0.2, 1, 33).numpy()
    right.hist(before.numpy(), bins, color=ORANGE, alpha=0.7, label="before")
    right.hist(after.numpy(), bins, color=GREEN, alpha=0.6, label="after")
    right.set(xlabel="IoU with the object", ylabel="proposals", title="Most boxes fit better when moved")
    right.legend(loc="upper left")


cu.plots.figure(
    draw_regression,
    panels=2,
    height=3.1,
    alt="Left: a proposal that cuts off a part of a garment, and a moved box that fits better. Right: histograms of IoU: before, "
    "it falls from 0.5 on; after, it has its peak near 0.7",
)
print("mean IoU rises by more than 0.05:", (after.mean() - before.mean()).item() > 0.05)

# %% [markdown]
r"""
## 6 One box for each object

Here are all boxes of one scene whose best score is above 0.5, after they have been moved:
"""


# %% tags=["experiment"]
def score(rows):
    """SVM scores (n, 10) of feature rows (n, 384)."""
    return rows @ svms[0] + svms[1]


def move(boxes, rows):
    """The boxes moved by the regression."""
    return detection.move(boxes, with_ones(rows) @ regression, 96, 96)


remembered = {}  # crops and features are slow: once per scene


def rows_of(scene):
    """The features of all proposals of a scene."""
    if id(scene) not in remembered:
        remembered[id(scene)] = crop_features(scene, proposals)
    return remembered[id(scene)]


SHOWN = 0.5  # pictures show boxes with a higher score than this
# The validation scene with three objects that has the most such boxes
crowd = max(
    (scene for scene in valid_scenes if len(scene.labels) == 3),
    key=lambda scene: (score(rows_of(scene)) > SHOWN).any(1).sum().item(),
)
scene, rows = crowd, rows_of(crowd)
best, best_class = score(rows).max(1)
sure = best > SHOWN
cu.plots.figure(
    lambda left, right: (
        draw_scene(
            left, scene.image, scene.boxes, [NAMES[k] for k in scene.labels], title="the three objects"
        ),
        draw_scene(right, scene.image, move(proposals, rows)[sure], title="all boxes with a score above 0.5"),
    ),
    panels=2,
    height=3.1,
    alt="Left: a scene with three marked garments. Right: the same scene with a bundle of overlapping boxes on the garments",
)
print("more boxes than objects:", int(sure.sum()) > len(scene.labels))

# %% [markdown]
r"""
Neighbouring windows see the same garment. **Non-maximum suppression** keeps the box with the highest score, removes all
boxes that overlap it too much, then takes the best of the rest, and so on. A box that has been removed removes nobody.

**Predict**: three boxes in a row, A, B and C, with scores 0.9, 0.8 and 0.7. A and B have IoU 0.4, B and C have IoU
0.4, A and C have 0.08. Which boxes stay with the threshold 0.3, and which with 0.5?

### Exercise 14.6: `nms` &nbsp; (4 points, about 12 minutes, ★★★)

Write it. Your `box_iou` may help.

<details><summary>Hint 1</summary>

`scores.argsort(descending=True)` gives the order in which boxes get their turn. Keep a list of those that stay.

<details><summary>Hint 2</summary>

A box stays if its IoU with each box *in the list* is at most the threshold. Collect places in the original `boxes`,
not in the sorted order.

</details></details>
"""


# %% exercise="nms"
def nms(boxes, scores, iou_threshold):
    """Non-maximum suppression.

    boxes: float (n, 4). scores: float (n,), no two equal. iou_threshold: a number in [0, 1].
    Returns the indices of the boxes that stay, int64 (kept,), highest score first. A box goes if, and only if, its IoU
    with a box that stays and has a higher score is greater than the threshold. The arguments are unchanged; n may be 0.
    """
    ### BEGIN SOLUTION
    order = scores.argsort(descending=True)
    kept = []
    while len(order) > 0:
        first, rest = order[0], order[1:]
        kept.append(first)
        overlap = box_iou(boxes[first][None], boxes[rest])[0]
        order = rest[overlap <= iou_threshold]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.int64)
    ### END SOLUTION


# %% test="nms"
check.exercise("nms", points=4)


def suppressed(boxes, scores, limit, order=None, strict=False, rivals=lambda above, kept: kept):
    """The kept indices, rightly or with one of the known mistakes."""
    order = (scores.argsort(descending=True) if order is None else order).tolist()
    table, kept = detection.box_iou(boxes, boxes), []
    for place, i in enumerate(order):
        over = [table[i, j] >= limit if strict else table[i, j] > limit for j in rivals(order[:place], kept)]
        if not any(over):
            kept.append(i)
    return torch.tensor(kept, dtype=torch.int64)


def mistaken(boxes, scores, limit):
    """What known mistakes give, if it differs from the right answer."""

    def by(**mistake):
        return suppressed(boxes, scores, limit, **mistake)

    right, order = by(), scores.argsort(descending=True)
    mask = torch.zeros(len(boxes), dtype=torch.bool)
    mask[right] = True
    near_best = detection.box_iou(boxes[order], boxes[order[:1]])[:, 0] > limit
    wrong = {"the lowest score comes first; begin with the highest": by(order=order.flip(0))}
    wrong["boxes are taken by their numbers; begin with the highest score"] = by(order=order.sort().values)
    wrong["the right boxes, but the lowest score comes first"] = right.flip(0)
    numbers = "the right boxes, but in the order of their numbers; the highest score comes first"
    wrong[numbers] = right.sort().values
    wrong["a box that has been removed must not remove others"] = by(rivals=lambda above, kept: above)
    wrong["only the best box removes others; each box that stays does"] = by(rivals=lambda _, kept: kept[:1])
    last = by(rivals=lambda _, kept: kept[-1:])
    wrong["only the last box kept removes others; each box that stays does"] = last
    wrong["a box with an IoU equal to the threshold stays"] = by(strict=True)
    wrong["the threshold is 0.5 whatever is passed"] = suppressed(boxes, scores, 0.5)
    wrong["negative scores are scores, too"] = right[scores[right] > 0]
    wrong["scores are compared with iou_threshold; compare IoUs with it"] = right[scores[right] > limit]
    wrong["these are places in the sorted order; return the numbers of the boxes"] = order.argsort()[right]
    wrong["these are the boxes; return their numbers"] = boxes[right]
    wrong["a mask is returned; return the numbers of the boxes"] = mask
    wrong["these are scores; return the numbers of the boxes"] = scores[right]
    wrong["nothing is removed"] = order
    wrong["only the best box is left: take the best of the rest, and so on"] = right[:1]
    wrong["these are the boxes that go; return those that stay"] = order[~mask[order]]
    wrong["the boxes that stay are those that overlap"] = order[near_best]
    return {w: v for w, v in wrong.items() if v.shape != right.shape or not torch.equal(v.long(), right)}


with check.case("keeps the surest box of each bundle, highest score first", points=1.25):
    boxes = torch.tensor([[22.0, 0, 32, 8], [0, 0, 10, 9], [20, 0, 30, 8], [1, 0, 11, 9], [50, 50, 60, 60]])
    scores = torch.tensor([0.9, 0.3, 0.7, 0.4, 0.6])
    found = check.unchanged(nms, boxes, scores, 0.5)
    check.close(found, torch.tensor([0, 4, 3]), known=mistaken(boxes, scores, 0.5))
    check.like(found, torch.zeros(3, dtype=torch.int64))
with check.case("a box that has been removed removes nobody", points=1):
    left = torch.tensor([4.0, 0, 16, 12, 8, 1, 60])
    boxes = torch.stack([left, 0 * left, left + 10, 0 * left + 10], 1)
    scores = torch.tensor([0.8, 0.9, 0.5, 0.6, 0.7, 0.4, 0.2])
    found, known = nms(boxes, scores, 0.3), mistaken(boxes, scores, 0.3)
    check.close(found, torch.tensor([1, 4, 2, 6]), "seven boxes in a row", known=known)
with check.case("an IoU equal to the threshold stays, twins go, and no boxes give none", points=0.75):
    boxes = torch.tensor([[0.0, 0, 4, 4], [0, 0, 4, 8], [0, 0, 4, 8], [0, 0, 4, 4]])
    scores = torch.tensor([-1.0, -2, -3, -4])
    found, none = nms(boxes, scores, 0.5), torch.zeros(0, dtype=torch.int64)
    known = mistaken(boxes, scores, 0.5)
    check.close(
        found, torch.tensor([0, 1]), "IoUs of exactly 0.5, and of 1; the threshold is 0.5", known=known
    )
    known = mistaken(boxes, scores, 0.4)
    check.close(nms(boxes, scores, 0.4), torch.tensor([0]), "the threshold is 0.4", known=known)
    check.like(nms(torch.zeros(0, 4), torch.zeros(0), 0.5), none)
### BEGIN HIDDEN TESTS
with check.case("the same on other boxes", points=1, hidden=True):
    for n, limit, dtype in ((25, 0.3, torch.float32), (40, 0.15, torch.float64), (1, 0.5, torch.float32)):
        corner = check.uniform((n, 2), 0, 30, dtype)
        boxes = torch.cat([corner, corner + check.uniform((n, 2), 8, 24, dtype)], 1)
        scores = check.normal((n,), dtype=dtype)
        found = check.unchanged(nms, boxes, scores, limit)
        check.close(found, suppressed(boxes, scores, limit), known=mistaken(boxes, scores, limit))
        check.like(found, torch.zeros(len(found), dtype=torch.int64))
    boxes = torch.tensor([[0.0, 0, 5, 5], [0, 0, 5, 5], [5, 0, 9, 5]])
    check.close(nms(boxes, torch.tensor([0.1, 0.2, 0.3]), 1.0), torch.tensor([2, 1, 0]))
    check.close(nms(boxes, torch.tensor([0.1, 0.2, 0.3]), 0.0), torch.tensor([2, 1]))
### END HIDDEN TESTS
check.score()

# %% tags=["experiment"]
keep = cu.yours(nms, instead=detection.nms)
row_of_three = torch.tensor([[0.0, 0, 7, 10], [3, 0, 10, 10], [6, 0, 13, 10]])
print(
    "IoU of A with B and C:",
    [round(value, 2) for value in iou(row_of_three[:1], row_of_three[1:])[0].tolist()],
)
for limit in (0.3, 0.5):
    print(
        f"threshold {limit}: the boxes {keep(row_of_three, torch.tensor([0.9, 0.8, 0.7]), limit).tolist()} stay"
    )

# %% [markdown]
r"""
With 0.3, A stays, B goes, and C stays, since B can no longer remove it. With 0.5 all three stay.

NMS is done **for each class on its own**: a bag in front of a coat must not vanish because the coat is surer. And the
boxes are first moved and then suppressed: two proposals that look like two objects may move onto the same one.

**The pipeline.** A colleague has put the six stages together. The function runs and returns boxes for each picture, and
yet it is useless:
"""


# %%
def broken_detect(image, proposals, crop, features, score, move, suppress, floor=-1.0):
    """R-CNN on one picture. The stages are functions; the docstring of the exercise says which."""
    height, width = image.shape[1:]
    whole = torch.tensor([[0.0, 0.0, width, height]])
    rows = features(crop(image, whole)).expand(len(proposals), -1)  # the features (n, d)
    scores, classes = score(rows).max(1)  # the best class
    sure = scores > floor
    boxes, rows, scores, classes = proposals[sure], rows[sure], scores[sure], classes[sure]
    stays = suppress(boxes, scores)
    return move(boxes[stays], rows[stays]), scores[stays], classes[stays]


# %% tags=["experiment"]
_, scores, classes = broken_detect(
    crowd.image,
    proposals,
    lambda image, boxes: cut(image, boxes, 28),
    features,
    score,
    move,
    lambda boxes, scores: keep(boxes, scores, 0.3),
    floor=-9.0,
)
print("different scores:", len((100 * scores).round().unique()), " different classes:", len(classes.unique()))

# %% [markdown]
r"""
### Exercise 14.7: spot the bug, `repaired_detect` &nbsp; (3 points, about 12 minutes, ★★★)

Compare `broken_detect` with the six stages above, and write it correctly. Three mistakes are worth one point each:
what the features are computed from, on which boxes NMS works, and between which boxes it chooses.

<details><summary>Hint 1</summary>

What shape has `crop(image, whole)`, and what shape should the crops have? Then ask which boxes suppress each other in
`broken_detect`: boxes of one class, or of all classes?

<details><summary>Hint 2</summary>

A loop over the columns of the scores. In each turn: the places above the floor, their moved boxes, what `suppress`
keeps of them. The indices that `suppress` returns count within what you gave it. Join the results with `torch.cat`.

</details></details>
"""


# %% exercise="repaired_detect"
def repaired_detect(image, proposals, crop, features, score, move, suppress, floor=-1.0):
    """R-CNN on one picture.

    image: float (c, h, w). proposals: float (n, 4), n at least 1. The stages are functions:
    crop(image, boxes) -> (n, c, s, s); features(crops) -> (n, d); score(rows) -> (n, k), a score for each class;
    move(boxes, rows) -> (n, 4), boxes moved by what their features say; suppress(boxes, scores) -> indices that stay.
    A proposal takes part in each class whose score is greater than the floor. `suppress` is called for each class on its
    own, with moved boxes. Returns boxes (m, 4), scores (m,), classes int64 (m,), in any order; m may be 0.
    """
    ### BEGIN SOLUTION
    rows = features(crop(image, proposals))
    table, moved = score(rows), move(proposals, rows)
    boxes, scores, classes = [], [], []
    for k in range(table.shape[1]):
        sure = (table[:, k] > floor).nonzero().flatten()
        stays = sure[suppress(moved[sure], table[sure, k])]
        boxes.append(moved[stays])
        scores.append(table[stays, k])
        classes.append(torch.full_like(stays, k))
    return torch.cat(boxes), torch.cat(scores), torch.cat(classes)
    ### END SOLUTION


# %% test="repaired_detect"
check.exercise("repaired_detect", points=3)


def mean_crops(image, boxes):
    """The mean of each crop of a picture (1, h, w) as a crop of one pixel."""
    means = [image[:, int(y1) : int(y2), int(x1) : int(x2)].mean() for x1, y1, x2, y2 in boxes.tolist()]
    return torch.stack(means).reshape(-1, 1, 1, 1)


def play(answer, table, boxes, shifts, *floor, limit=0.3):
    """Call the answer on a picture whose proposals have these scores, and are moved right by these shifts."""
    image = torch.zeros(1, 10, 60)
    for i, (x1, y1, x2, y2) in enumerate(boxes.int().tolist()):
        image[:, y1:y2, x1:x2] = i + 1.0  # the mean of a crop says which proposal it is
    values = mean_crops(image, boxes).flatten()

    def scores_of(rows):
        near = (rows[:, :1] - values[None]).abs()
        known = near.amin(1) < 0.01  # the features of a whole picture are none of these
        return torch.where(known[:, None], table[near.argmin(1)], table.mean(0))

    def moved(some, rows):
        by = shifts[(rows[:, :1] - values[None]).abs().argmin(1)]
        return some + torch.stack([by, 0 * by, by, 0 * by], 1)

    stages = (mean_crops, lambda crops: crops.flatten(1), scores_of, moved)
    found = answer(image, boxes, *stages, lambda some, scores: detection.nms(some, scores, limit), *floor)
    check.that(isinstance(found, tuple | list) and len(found) == 3, "return boxes, scores and classes")
    tensors = all(isinstance(part, torch.Tensor) for part in found)
    check.that(tensors, "boxes, scores and classes should be tensors")
    check.that(len({len(part) for part in found}) == 1, "boxes, scores and classes should be equally many")
    order = found[1].argsort(descending=True)
    return tuple(part[order] for part in found)


LEFT = torch.tensor([[0.0, 0, 9, 10], [15, 0, 24, 10], [30, 0, 39, 10], [45, 0, 54, 10]])
with check.case("each region has features of its own", points=1):
    table = torch.tensor([[2.0, -3], [-4, 1.5], [-0.5, -2], [-3, -2.5]])
    boxes, scores, classes = play(repaired_detect, table, LEFT, torch.zeros(4))
    check.that(len(scores) != 8, "the floor is ignored: a score must be greater than it")
    check.that(scores.tolist() != [2.0, 1.5], "the default floor is -1: -0.5 is greater than it")
    few = "a region is missing or one too many: use the features of each crop, and go through all classes"
    check.that(len(scores) == 3, few)
    places = "what `suppress` returns counts within the boxes that you gave it"
    expected, wrong = torch.tensor([2.0, 1.5, -0.5]), {places: torch.tensor([2.0, -3, -4])}
    check.close(scores, expected, "the scores of three regions; the fourth is below the floor", known=wrong)
    wrong = {places: LEFT[[0, 0, 1]]}
    check.close(boxes, LEFT[:3], "the boxes of three regions", known=wrong)
    wrong = {"classes count from 0, the first column of the scores": torch.tensor([1, 2, 1])}
    check.equal(classes, torch.tensor([0, 1, 0]), "the classes of three regions", known=wrong)
with check.case("boxes are moved before they are suppressed", points=1):
    table = torch.tensor([[2.0], [1.5], [1], [0.5]])
    shifts = torch.tensor([0.0, -14, 0, 0])  # the second box moves onto the first
    boxes, scores, _ = play(repaired_detect, table, LEFT, shifts)
    late = "two boxes lie on each other: suppress the boxes after they have been moved, not the proposals"
    check.that(len(scores) != 4, late)
    check.close(scores, torch.tensor([2.0, 1, 0.5]), "the second proposal moves onto the first and goes")
    apart = torch.tensor([[0.0, 0, 9, 10], [1, 0, 10, 10], [30, 0, 39, 10]])
    boxes, scores, _ = play(repaired_detect, table[:3], apart, torch.tensor([0.0, 14, 0]))
    twice = torch.tensor([[0.0, 0, 9, 10], [29, 0, 38, 10], [30, 0, 39, 10]])
    wrong = {"the boxes that stay are returned unmoved": apart, "the boxes are moved twice": twice}
    check.that(len(scores) == 3, "two proposals lie on each other, move apart, and both should stay")
    check.close(boxes, torch.tensor([[0.0, 0, 9, 10], [15, 0, 24, 10], [30, 0, 39, 10]]), known=wrong)
with check.case("suppresses each class on its own", points=0.5):
    table = torch.tensor([[2.0, 0.5], [-2, 1], [1.5, -3]])
    near = torch.tensor([[0.0, 0, 9, 10], [1, 0, 10, 10], [30, 0, 39, 10]])
    boxes, scores, classes = play(repaired_detect, table, near, torch.zeros(3))
    check.that(1.0 in scores.tolist(), "a box of one class has removed a box of another class")
    check.close(scores, torch.tensor([2.0, 1.5, 1]), "within class 1, the surer box removes the other one")
    check.equal(classes, torch.tensor([0, 0, 1]), "the classes")
    table = torch.tensor([[2.0, 0.5], [-2, -3], [1.5, 1]])
    scores = play(repaired_detect, table, LEFT[:3], torch.zeros(3))[1]
    best = "a region takes part in each class above the floor, not only in its best class"
    check.close(scores, torch.tensor([2.0, 1.5, 1, 0.5]), known={best: torch.tensor([2.0, 1.5])})
### BEGIN HIDDEN TESTS
with check.case("the same on other scores, floors and pictures", points=0.5, hidden=True):
    table, shifts = check.normal((4, 3)), torch.tensor([3.0, -12, 5, -1])
    for floor in (-0.5, 0.2):
        found, right = (play(f, table, LEFT, shifts, floor) for f in (repaired_detect, detection.detect))
        for mine, expected in zip(found, right):
            check.close(mine, expected)
        check.like(found[2], right[2])
    scores = play(repaired_detect, torch.tensor([[0.5], [1], [0], [-1]]), LEFT, torch.zeros(4), 0.5)[1]
    check.close(scores, torch.tensor([1.0]), "a score equal to the floor is not greater than the floor")
    found = play(repaired_detect, table, LEFT, shifts, 9.0)
    check.equal([len(part) for part in found], [0, 0, 0], "no score is above the floor")
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
The broken version follows a common summary of R-CNN: "extract the features of the picture, and give them to SVMs".
With features of the whole picture, each region gets the same scores. Now the stages in the right order, with your
functions, on a scene that no training has used:
"""

# %% tags=["experiment"]
find = cu.yours(repaired_detect, instead=detection.detect)


def run(scene, scorer=score, mover=move, limit=0.3, floor=-0.5):
    """All stages on one scene: boxes, scores, classes."""
    scenes.check_image(scene.image, (96, 96))  # our proposals are made for this size
    return find(
        scene.image,
        proposals,
        lambda image, boxes: rows_of(scene),  # cut and features, remembered
        lambda rows: rows,
        scorer,
        mover,
        lambda boxes, scores: keep(boxes, scores, limit),
        floor,
    )


scene, rows = crowd, rows_of(crowd)
best, best_class = score(rows).max(1)
sure, few = (best > SHOWN).nonzero().flatten(), torch.linspace(0, len(proposals) - 1, 40).long()
kept_boxes, kept_scores, kept_classes = run(scene, floor=SHOWN)


def draw_stages(*axes):
    draw_scene(axes[0], scene.image, proposals[few], title="1 propose")
    draw_scene(axes[1], scene.image, proposals[sure], title="2-4 score")
    draw_scene(axes[2], scene.image, move(proposals, rows)[sure], title="5 move")
    texts = [f"{NAMES[k]} {s:.1f}" for k, s in zip(kept_classes, kept_scores)]
    draw_scene(axes[3], scene.image, kept_boxes, texts, title="6 suppress")


cu.plots.figure(
    draw_stages,
    panels=4,
    height=2.1,
    alt="One scene four times: covered with boxes, 40 of the proposals; with the boxes that score above 0.5; with the same boxes moved; and with the "
    "few boxes that are left, each with a class and a score",
)
print("suppression leaves fewer boxes:", len(kept_boxes) < len(sure))

# %% [markdown]
r"""
## 7 How good is it? Average precision

A detector returns boxes with scores. Which of them count? The rule:

1. Take one class, and the detections of *all* scenes together, the surest first.
2. A detection is a **match** if it has IoU ≥ 0.5 with an object of its class that no surer detection has taken. A second
   box on the same object is a mistake, however well it fits.
3. After each detection, note the **precision** (the share of detections so far that are matches) and the **recall** (the share
   of objects found so far).

There is no threshold on the score: a low one finds more objects with more mistakes. The whole curve counts, and the area
under it is the **average precision** (AP). Precision jumps up and down along the way. It is *interpolated* first: at each
point it is replaced by the best precision at this or any later point, so that it never rises with recall.

**Predict** by hand: 4 objects, and detections with scores 0.9, 0.8, 0.6, 0.5, of which the 1st, 3rd and 4th are matches.
Precisions: 1, 1/2, 2/3, 3/4. Interpolated from the right: 1, 3/4, 3/4, 3/4. Each match adds 1/4 of recall. The area?

### Exercise 14.8: `average_precision` &nbsp; (3 points, about 12 minutes, ★★★)

Write it for the detections of one class.

<details><summary>Hint 1</summary>

Sort both by score. `cumsum` counts the matches so far; dividing by 1, 2, 3, ... gives the precision after each detection.

<details><summary>Hint 2</summary>

The largest value from here to the end: flip, `torch.cummax`, flip back. Recall grows by 1/num_objects at each match and
nowhere else, so the area is a sum over matches.

</details></details>
"""


# %% exercise="average_precision"
def average_precision(scores, is_match, num_objects):
    """Area under the interpolated precision-recall curve.

    scores: float (n,), no two equal, in any order. is_match: bool (n,), whether each detection is a match. num_objects: how
    many objects there are, found or not, an int. Precision is made non-increasing from the right before the area is taken.
    Returns a Python float; 0.0 with no detections, no matches or no objects. The arguments are unchanged.
    """
    ### BEGIN SOLUTION
    if num_objects == 0 or len(scores) == 0:
        return 0.0
    hits = is_match[scores.argsort(descending=True)].double()
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1, dtype=torch.float64)
    precision = precision.flip(0).cummax(0).values.flip(0)
    return ((precision * hits).sum() / num_objects).item()
    ### END SOLUTION


# %% test="average_precision"
check.exercise("average_precision", points=3)


def curve_of(scores, is_match, order=None):
    """Matches in the order of the scores, and the precision after each detection."""
    order = scores.argsort(descending=True) if order is None else order
    hits = is_match[order].double()
    return hits, hits.cumsum(0) / torch.arange(1, len(hits) + 1)


def right_area(hits, precision, num_objects):
    best = precision.flip(0).cummax(0).values.flip(0)
    return float((best * hits).sum() / num_objects)


def mistaken(scores, is_match, num_objects):
    """What known mistakes give."""
    hits, precision = curve_of(scores, is_match)
    best, recall = precision.flip(0).cummax(0).values.flip(0), hits.cumsum(0) / num_objects
    by_number = curve_of(scores, is_match, torch.arange(len(scores)))
    wrong = {
        "the matches are not in the order of the scores: sort them first": right_area(*by_number, num_objects)
    }
    wrong["the surest detection comes first: sort in descending order"] = right_area(
        *curve_of(scores, is_match, scores.argsort()), num_objects
    )
    wrong["the precision is not interpolated: from the right, it must not rise with recall"] = float(
        (precision * hits).sum() / num_objects
    )
    wrong["the precision is interpolated from the left; take the best at this or any later point"] = float(
        (precision.cummax(0).values * hits).sum() / num_objects
    )
    wrong["divided by the number of matches; objects that were missed count as well"] = float(
        (best * hits).sum() / hits.sum()
    )
    wrong["the mean over all detections; only matches add recall"] = float(best.mean())
    wrong["divided by the number of detections; divide by the number of objects"] = float(
        (best * hits).sum() / len(hits)
    )
    wrong["each detection adds area; only matches add recall"] = float(best.sum() / num_objects)
    wrong["this is the sum; divide by the number of objects"] = float((best * hits).sum())
    wrong["this is the mean at the eleven recalls 0, 0.1, ..., 1; take the whole area"] = float(
        sum(best[recall >= r / 10 - 1e-9].amax() if (recall >= r / 10 - 1e-9).any() else 0 for r in range(11))
        / 11
    )
    wrong["the area is made of trapezoids under the raw curve: interpolate first"] = float(
        torch.trapezoid(torch.cat([precision[:1], precision]), torch.cat([recall[:1] * 0, recall]))
    )
    wrong["the first match is left out: recall starts from 0"] = float(
        (best * hits).sum() / num_objects - best[0] * hits[0] / num_objects
    )
    wrong["this is the precision after all detections"] = float(precision[-1])
    wrong["this is the recall after all detections"] = float(recall[-1])
    return wrong


def judge(scores, matches, num_objects, expected, words="", known=None):
    found = check.unchanged(average_precision, scores, matches, num_objects)
    check.close(found, expected, words, known=known, rtol=1e-5)
    check.number(found, float)


with check.case("takes the area under the interpolated curve", points=1.25):
    scores = torch.tensor([0.6, 0.95, 0.2, 0.8, 0.5, 0.3, 0.7])
    matches = torch.tensor([False, False, True, True, True, False, True])
    # in order: 0 1 1 0 1 0 1: precisions 0, 1/2, 2/3, 1/2, 3/5, 1/2, 4/7
    expected, known = (2 / 3 + 2 / 3 + 3 / 5 + 4 / 7) / 6, mistaken(scores, matches, 6)
    judge(scores, matches, 6, expected, "7 detections, 4 matches, 6 objects", known)
with check.case("a perfect detector, and one whose first answers are wrong", points=0.5):
    scores, matches = torch.tensor([0.3, 0.9, 0.6]), torch.tensor([True, True, True])
    judge(scores, matches, 3, 1.0, "all objects found, no mistakes", mistaken(scores, matches, 3))
    judge(scores, matches, 4, 0.75, "no mistakes, one of four objects missed")
    scores, matches = torch.tensor([0.9, 0.8, 0.7, 0.1]), torch.tensor([False, False, True, True])
    judge(scores, matches, 2, 0.5, "two mistakes, then two matches", mistaken(scores, matches, 2))
with check.case("no detections, no matches, no objects", points=0.5):
    none, no = torch.zeros(0), torch.zeros(0, dtype=torch.bool)
    judge(none, no, 3, 0.0, "no detections")
    judge(scores, torch.zeros(4, dtype=torch.bool), 3, 0.0, "no matches")
    judge(scores, torch.zeros(4, dtype=torch.bool), 0, 0.0, "no objects")
    judge(none, no, 0, 0.0, "no detections and no objects")
### BEGIN HIDDEN TESTS
with check.case("the same on other detections", points=0.75, hidden=True):
    for n, num_objects in ((40, 30), (9, 9), (1, 1), (25, 100)):
        scores, matches = check.normal((n,)), check.uniform((n,)) < 0.6
        matches[scores.argmax()] = True
        judge(scores, matches, num_objects, right_area(*curve_of(scores, matches), num_objects))
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
**Three numbers under one name.** Besides the whole area, there is the mean of the precision at the eleven recalls 0,
0.1, ..., 1 (the older rule of the VOC challenge). The COCO challenge averages AP over ten IoU thresholds, 0.5, 0.55,
..., 0.95. The same detections get different numbers, so a number without its rule says little. **mAP** is the mean
over classes.
"""


# %% tags=["experiment"]
area = cu.yours(average_precision, instead=detection.average_precision)
order_of_hits = torch.tensor([True, False, True, True, False, False, True])
falling = torch.linspace(0.9, 0.3, 7)
by_hand = area(torch.tensor([0.9, 0.8, 0.6, 0.5]), torch.tensor([True, False, True, True]), 4)
print("by hand, 4 objects:", by_hand)
three_scores = torch.tensor([0.9, 0.8, 0.7])
print("three objects, three matches:", area(three_scores, torch.tensor([True] * 3), 3))
for late in (0.1, 0.85):
    more, hits = torch.cat([three_scores, torch.tensor([late])]), torch.tensor([True, True, True, False])
    print(f"and a second box on one of them, with score {late}: {area(more, hits, 3):.3f}")
precision = order_of_hits.cumsum(0) / torch.arange(1, 8)
recall = order_of_hits.cumsum(0) / 5
eleven = [precision[recall >= r / 10 - 1e-6].amax().item() if r <= 8 else 0.0 for r in range(11)]
print(f"whole area {area(falling, order_of_hits, 5):.3f}, eleven points {sum(eleven) / 11:.3f}")


def match(found, some_scenes, least=0.5):
    """Judge the detections (boxes, scores, classes) of each scene.

    Returns for each class that has objects: scores (n,), is_match (n,), number of objects.
    """
    if not any(len(scene.labels) for scene in some_scenes):
        raise ValueError("none of these scenes has an object: average precision needs something to find")
    judged = {}
    for k in range(10):
        all_scores, matches, num_objects = [torch.zeros(0)], [], 0
        for (boxes, scores, classes), scene in zip(found, some_scenes):
            order = (classes == k).nonzero().flatten()
            order = order[scores[order].argsort(descending=True)]  # the surest first
            targets = scene.boxes[scene.labels == k]
            taken = torch.zeros(len(targets), dtype=torch.bool)
            for overlaps in iou(boxes[order], targets):  # (number of targets,)
                overlaps = overlaps.masked_fill(taken, 0.0)
                hit = len(targets) > 0 and bool(overlaps.max() >= least)
                if hit:
                    taken[overlaps.argmax()] = True
                matches.append(hit)
            all_scores.append(scores[order])
            num_objects += len(targets)
        if num_objects:
            judged[k] = torch.cat(all_scores), torch.tensor(matches, dtype=torch.bool), num_objects
    return judged


def mean_ap(found, some_scenes, least=0.5):
    """The mean of AP over the classes."""
    judged = match(found, some_scenes, least).values()
    return sum(area(*of_class) for of_class in judged) / len(judged)


try:
    mean_ap([], [])
except ValueError as problem:
    print("ValueError:", problem)

# %% [markdown]
r"""
**What does each stage contribute?** On validation scenes: SVMs with random negatives, with hard negatives, with boxes
moved, and, after that, one NMS for all classes together. **Predict** which step helps most, and whether the last one
helps or harms.
"""


# %% tags=["experiment"]
def stay(boxes, rows):
    """In the place of box regression: leave the boxes where they are."""
    return boxes


def scorer_of(machines):
    return lambda rows: rows @ machines[0] + machines[1]


variants = {
    "random\nnegatives": [run(scene, scorer_of(first_svms), stay) for scene in valid_scenes],
    "hard\nnegatives": [run(scene, score, stay) for scene in valid_scenes],
    "and boxes\nmoved": [run(scene) for scene in valid_scenes],
}
full = variants["and boxes\nmoved"]
across = []
for boxes, scores, classes in full:
    stays = keep(boxes, scores, 0.3)
    across.append((boxes[stays], scores[stays], classes[stays]))
variants["and NMS\nacross classes"] = across
at_half = {name: mean_ap(found, valid_scenes) for name, found in variants.items()}
at_tight = {name: mean_ap(found, valid_scenes, 0.7) for name, found in variants.items()}


def draw_variants(ax):
    for i, (threshold, values) in enumerate((("IoU 0.5", at_half), ("IoU 0.7", at_tight))):
        places = [k + 0.4 * i - 0.2 for k in range(len(values))]
        ax.bar(places, values.values(), 0.38, color=cu.plots.COLOURS[i], label=f"a match needs {threshold}")
    ax.set_xticks(range(len(at_half)), at_half)
    ax.set(ylabel="mAP on validation scenes", title="Moving the boxes is the step that helps")
    ax.legend()


cu.plots.figure(
    draw_variants,
    alt="Four pairs of bars of mAP: it rises from random to hard negatives and again with moved boxes; the second bar of each "
    "pair, for tight matches, is much lower",
)
hard, moved_too = "hard\nnegatives", "and boxes\nmoved"
gain = (at_half[moved_too] + at_tight[moved_too]) / (at_half[hard] + at_tight[hard])
print("over both thresholds, moving the boxes raises mAP by more than a tenth:", gain > 1.1)
print(
    "at IoU 0.7, mAP is less than two thirds of mAP at 0.5:", at_tight[moved_too] < 2 / 3 * at_half[moved_too]
)

# %% [markdown]
r"""
Moving the boxes helps most; on the drawn garments the relative gain is largest where matches must be tight. Hard
negatives add little here, because our walls are easy and fine-tuning has dealt with them; R-CNN needed them on
photographs. One NMS for all classes removes the second-best class of an object: if a coat is found as a pullover with a
slightly higher score, the right answer goes. Here this costs little, as many second-best classes are wrong, too.

**A number to choose: the threshold of NMS.** If it is low, neighbours in a crowd are lost. If it is high, duplicates
stay, and each is a mistake. What do you expect at 0.9? The choice is made on validation scenes. (The floor of the
scores only has to be low enough, since AP ranks.)
"""

# %% tags=["experiment"]
limits = [0.1, 0.3, 0.5, 0.7, 0.9]
by_limit = [
    mean_ap([run(scene, limit=limit) for scene in valid_scenes[:25]], valid_scenes[:25]) for limit in limits
]
cu.plots.curves(
    {"mAP": by_limit},
    xs=limits,
    x="IoU threshold of NMS",
    y="mAP on 25 validation scenes",
    title="Too high a threshold leaves duplicates",
    alt="mAP against the threshold of NMS: nearly flat for thresholds up to 0.5, then falling towards 0.9",
)
best_limit = limits[by_limit.index(max(by_limit))]
print("0.9 is worse than the best of them:", by_limit[4] < max(by_limit))

# %% [markdown]
r"""
Below 0.5 the curve is nearly flat; the best threshold on these scenes is used from here on. With everything chosen,
the test scenes are used, once:
"""

# %% tags=["experiment"]
found = [run(scene, limit=best_limit) for scene in test_scenes]
judged = match(found, test_scenes)
final = mean_ap(found, test_scenes)
thresholds = [0.5 + 0.05 * i for i in range(10)]
by_threshold = [mean_ap(found, test_scenes, least) for least in thresholds]
each = {k: area(*of_class) for k, of_class in judged.items()}
three = sorted(each, key=each.get)
three = [three[-1], three[len(three) // 2], three[0]]  # best, middle, worst


def draw_precision(left, right):
    for i, k in enumerate(three):
        scores, matches, num_objects = judged[k]
        hits = matches[scores.argsort(descending=True)].double()
        precision = (hits.cumsum(0) / torch.arange(1, len(hits) + 1)).flip(0).cummax(0).values.flip(0)
        recall = hits.cumsum(0) / num_objects
        label = f"{NAMES[k]}: {each[k]:.2f}"
        left.step([0, *recall.tolist()], [precision[0].item(), *precision.tolist()], where="pre", color=cu.plots.COLOURS[i],
                  linestyle=cu.plots.DASHES[i], label=label)  # fmt: skip
    left.set(
        xlabel="recall",
        ylabel="interpolated precision",
        xlim=(0, 1),
        yticks=[0, 0.25, 0.5, 0.75, 1],
        ylim=(0, 1.5),  # room for the legend
        title="Best, middle and worst AP",
    )
    left.legend(loc="upper right")
    right.plot(thresholds, by_threshold, color=BLUE, marker="o")
    right.set(
        xlabel="IoU that a match needs",
        ylabel="mAP",
        ylim=(0, None),
        title="mAP falls as the threshold rises",
    )


cu.plots.figure(
    draw_precision,
    panels=2,
    height=3.2,
    alt="Left: three falling curves of precision against recall, for the best, a middle and the worst class. Right: mAP "
    "falls from its value at IoU 0.5 to almost 0 at 0.95",
)
print("mAP on the test scenes is between 0.2 and 0.7:", 0.2 < final < 0.7)
print("COCO's mean over ten thresholds is less than half of it:", sum(by_threshold) / 10 < final / 2)

# %% [markdown]
r"""
Compare with the classifier of section 4, which is right on more than 80 of 100 garments. Detection asks for more: the
class, the place, one box only, and nothing elsewhere.

The number also depends on which rule is used, on the test scenes and on chance: with some nine objects of each class,
one object more or less moves the AP of the class by several points.

## 8 What goes wrong

The mAP does not say what to improve. Take the detections with a score above 0.5, and sort the mistakes by their best
IoU with an object of their own class ($s$) and of any class ($o$):

| kind | rule |
|---|---|
| duplicate | $s \ge 0.5$, but the object is taken |
| wrong class | $o \ge 0.5$ with an object of another class |
| badly placed | $0.1 \le s < 0.5$ |
| another garment, badly placed | $0.1 \le o < 0.5$ |
| background | $o < 0.1$ |

and objects that no detection matches are **missed**. **Predict** which kind is the most frequent.
"""

# %% tags=["experiment"]
KINDS = ["right", "duplicate", "wrong class", "badly placed", "another garment", "background", "missed"]
counts, gallery = dict.fromkeys(KINDS, 0), []


def kind_of(box, k, scene, taken):
    """The kind of one detection of class k; marks the object as taken if it is right."""
    if len(scene.labels) == 0:
        return "background"
    overlaps = iou(box[None], scene.boxes)[0]
    own = overlaps.masked_fill(scene.labels != k, 0.0)
    free = own.masked_fill(taken, 0.0)
    if free.max() >= 0.5:
        taken[free.argmax()] = True
        return "right"
    if own.max() >= 0.5:
        return "duplicate"
    if overlaps.max() >= 0.5:
        return "wrong class"
    if own.max() >= 0.1:
        return "badly placed"
    return "another garment" if overlaps.max() >= 0.1 else "background"


for (boxes, scores, classes), scene in zip(found, test_scenes):
    taken = torch.zeros(len(scene.labels), dtype=torch.bool)
    for i in scores.argsort(descending=True):
        if scores[i] > SHOWN:
            kind = kind_of(boxes[i], classes[i], scene, taken)
            counts[kind] += 1
            gallery.append((scores[i].item(), kind, scene, boxes[i], f"{NAMES[classes[i]]} {scores[i]:.1f}"))
    counts["missed"] += int((~taken).sum())
    gallery += [
        (0.0, "missed", scene, scene.boxes[j], NAMES[scene.labels[j]]) for j in (~taken).nonzero().flatten()
    ]
cu.plots.bars(
    list(counts.values()),
    labels=KINDS,
    y="detections, or objects",
    title="Test scenes: what the detections with a score above 0.5 are",
    alt="Seven bars: right detections, and the numbers of duplicates, wrong classes, badly placed boxes, other garments, "
    "background, and missed objects",
)
surest_of = {
    kind: sorted((one for one in gallery if one[1] == kind), key=lambda one: -one[0])[:1]
    for kind in KINDS[1:]
}
shown = [one[0] for one in surest_of.values() if one]


def draw_gallery(*axes):
    for ax, (_, kind, scene, box, text) in zip(axes, shown):
        draw_scene(ax, scene.image, scene.boxes, colour=YELLOW, dashed=True)
        draw_scene(ax, scene.image, box[None], [text], colour=ORANGE, title=kind.replace(" ", "\n"))


cu.plots.figure(
    draw_gallery,
    panels=len(shown),
    height=1.7,
    alt="One scene for each kind of mistake, with the marked boxes dashed and the wrong detection, or the missed object, in "
    "orange",
)
print("at most three duplicates:", counts["duplicate"] <= 3)
print("wrong classes are more frequent than background:", counts["wrong class"] > counts["background"])

# %% [markdown]
r"""
Finding *something* is not the problem: false detections on bare background are rare after fine-tuning, and duplicates
are rare after NMS. Most false detections have the wrong class, with a good box or a bad one. Shirts, coats, pullovers
and T-shirts are confused, as in chapter 4. One object can be found as two classes at once, since NMS compares boxes
within a class only, and a box that shows half a coat looks like another garment. An object that is found only with a
wrong class counts twice: as a wrong class, and as missed. Dark garments on dark walls and garments that others cover
are missed, too. Each kind asks for another remedy: NMS for duplicates, a better classifier for wrong classes, box
regression or finer proposals for badly placed boxes, hard negatives for background, other proposals or a lower floor
for what is missed.

## 9 What is computed twice

**One pass is 324 detectors.** Neighbouring windows share most of their pixels, and R-CNN computes them again for each
window. Chapter 8 slid LeNet over a scene as one convolution. Our network has no padding, so the same weights, applied
once to 96×96 pixels, should give the scores of all 324 windows of 28 pixels at stride 4. **Predict** the numbers of
multiplications. One crop: the first convolution has $24 \cdot 24$ outputs for 8 channels with 25 weights each,
115,200; the second $8 \cdot 8 \cdot 24 \cdot 200 = 307{,}200$; the dense layers 384 · 84 + 84 · 11 = 33,180. And one
pass over the whole scene?
"""


# %% tags=["experiment"]
one_pass = nn.Sequential(*net[:6], nn.Conv2d(24, 84, 4), nn.ReLU(), nn.Conv2d(84, 11, 1))
with torch.no_grad():
    for here, there in ((6, 7), (8, 9)):
        one_pass[here].weight.copy_(net[there].weight.reshape(one_pass[here].weight.shape))
        one_pass[here].bias.copy_(net[there].bias)
    scene = valid_scenes[2]
    maps = one_pass(scene.image[None])[0]  # (11, 18, 18)
    by_crops = net(cut(scene.image, grid, 28)).T.reshape(11, 18, 18)
print(
    "scores of one pass:",
    tuple(maps.shape),
    " equal to those of 324 crops:",
    torch.allclose(maps, by_crops, atol=1e-3),
)


def multiplications(layers, side):
    """How many multiplications the layers need for side x side pixels: a list with a number per layer."""
    counts, X = [], torch.zeros(1, 1, side, side)
    for layer in layers:
        X = layer(X)
        if isinstance(layer, nn.Conv2d):
            counts.append(X[0, 0].numel() * layer.weight.numel())
        elif isinstance(layer, nn.Linear):
            counts.append(layer.weight.numel())
    return counts


crop_cost, pass_cost = multiplications(net, 28), multiplications(one_pass, 96)
print("one crop:", crop_cost, " sum", f"{sum(crop_cost):,}")
print("324 crops:", f"{324 * sum(crop_cost):,}", " one pass:", f"{sum(pass_cost):,}")
print(f"saving: {324 * sum(crop_cost) / sum(pass_cost):.1f} times; in the convolutions alone "
      f"{324 * sum(crop_cost[:2]) / sum(pass_cost[:2]):.1f} times")  # fmt: skip

# %% [markdown]
r"""
The same scores for a seventh of the work, and the larger the overlap of the windows, the larger the saving. The
equality needs what our network has: no padding (a crop would see zeros where the scene goes on), and windows whose
places are multiples of the total stride, 4. But it covers windows of one size only.

**Fast R-CNN** (2015) shares the convolutions among proposals of *any* size. It computes one feature map of the whole
picture, projects each proposal onto it (divide by the stride of the map), and pools what lies inside to a fixed size:
**region of interest (RoI) pooling**. The region is divided into, say, 2×2 parts, and the maximum of each part is
taken. On paper: the upper left 3×3 corner of this map, pooled to 2×2?
"""

# %%
small_map = torch.arange(16.0).reshape(1, 4, 4)
region = small_map[:, 0:3, 0:3]
print("pooled to 2 x 2:", F.adaptive_max_pool2d(region, 2).int().tolist())

# %% [markdown]
r"""
Three rows do not divide evenly into two parts; the parts overlap by a row here. Rounding like this, and rounding the
projected box to whole cells, moves the features by up to half a cell, which is several pixels of the picture.
*RoIAlign* (2017) does not round; it interpolates the map at evenly spaced points instead. That matters for
tight boxes, and for *Mask R-CNN*, which also says for each pixel of the box whether it belongs to the object.

**Fast R-CNN in miniature.** We keep the fine-tuned convolutions, apply them once per scene, and pool 4×4 parts for
each proposal from the map behind the second convolution (stride 2; cell $u$ sees the pixels $2u$ to $2u + 13$ and has
its centre at $2u + 7$). Then the same SVMs and the same regression are trained, on these features.
"""


# %% tags=["experiment"]
def shared_map(scene):
    """The map behind the second convolution, once for the whole scene: (24, 42, 42)."""
    with torch.no_grad():
        return net[:5](scene.image[None])[0]


def pooled_features(scene, boxes):
    """4 x 4 maxima of each box on the shared map: (n, 384)."""
    fmap = shared_map(scene)
    cells = ((boxes - 6) / 2).round().long()  # from pixels to cells
    low, high = cells[:, :2].clamp(0, 41), cells[:, 2:].clamp(1, 42)
    high = torch.maximum(high, low + 1)
    parts = [fmap[:, y1:y2, x1:x2] for (x1, y1), (x2, y2) in zip(low.tolist(), high.tolist())]
    rows = [F.adaptive_max_pool2d(part, 4).flatten() for part in parts]
    return torch.stack(rows) if rows else torch.zeros(0, 384)


_, fast_svms = train_svms(pooled_features)
fast_regression = train_regression(pooled_features)


def run_fast(scene, boxes=proposals, limit=0.3):
    """The same stages on pooled features."""
    return find(
        scene.image,
        boxes,
        lambda image, some: pooled_features(scene, some),
        lambda rows: rows,
        scorer_of(fast_svms),
        lambda some, rows: detection.move(some, with_ones(rows) @ fast_regression, 96, 96),
        lambda some, scores: keep(some, scores, limit),
        floor=-0.5,
    )


fast = mean_ap([run_fast(scene) for scene in valid_scenes], valid_scenes)
slow_cost = len(proposals) * sum(multiplications(net[:6], 28))
fast_cost = sum(multiplications(net[:5], 96))
print("mAP on validation scenes within 0.15 of R-CNN's, or better:", fast > at_half[moved_too] - 0.15)
print(
    f"multiplications in convolutions: {slow_cost:,} by crops, {fast_cost:,} shared: {slow_cost / fast_cost:.0f} times fewer"
)

# %% [markdown]
r"""
The convolutions cost less than a fortieth, and the detector is about as good. (One reason why it need not be worse:
the pooled features see a little beyond the border of their box, and nothing is stretched.)

Fast R-CNN also gets rid of the separate stages. The network itself ends in two layers: scores for $q$ classes *and
background*, $n \times (q + 1)$, and offsets for each class, $n \times 4q$. One loss trains all layers together:
cross-entropy for the classes, and for the offsets a *smooth* absolute error (quadratic near 0), which counts for
proposals of objects only. The offsets are often divided by 0.1 and 0.2 so that their spread is about 1.

**Faster R-CNN** (2015). Now the proposals are the slow part: selective search takes seconds on a CPU. But the feature
map already knows a lot about where objects are. A **region proposal network** reads it: a 3×3 convolution, then at
each place, for each of $k$ anchors, a score "object or not" and 4 offsets: two layers of 1×1 with $k$ (or, with two
classes, $2k$) and $4k$ channels. Anchors are labelled by IoU, nearly as in exercise 14.5 (object above 0.7, background
below 0.3), and NMS leaves a few hundred proposals. Here is the score part, with $k = 9$ anchors per place, trained on our maps:
"""


# %% tags=["experiment"]
def deep_map(scene):
    """The map behind the second pooling layer, stride 4: (24, 21, 21)."""
    with torch.no_grad():
        return net[:6](scene.image[None])[0]


centres = torch.tensor([[4.0 * x + 8, 4.0 * y + 8] for y in range(21) for x in range(21)])  # (441, 2)
shapes = torch.tensor([[s * r**0.5, s / r**0.5] for s in (20, 28, 40) for r in (0.5, 1, 2)])  # (9, 2)
anchors = torch.cat([centres[:, None].expand(-1, 9, -1), shapes[None].expand(441, -1, -1)], 2)
anchors = detection.to_corners(anchors.reshape(-1, 4))  # (3969, 4), place by place
inside = ((anchors >= 0) & (anchors <= 96)).all(1)

is_object = torch.stack([assign(anchors, s.boxes, torch.ones_like(s.labels)) for s in train_scenes]).float()
deep_maps = torch.stack([deep_map(scene) for scene in train_scenes])
cu.training.seed_everything(17)
rpn = nn.Sequential(nn.Conv2d(24, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 9, 1))
adam = torch.optim.Adam(rpn.parameters(), lr=5e-3)
for _ in range(15):
    for batch in torch.randperm(len(deep_maps)).split(10):
        logits = rpn(deep_maps[batch]).permute(0, 2, 3, 1).flatten(1)  # (b, 3969), as the anchors
        l = F.binary_cross_entropy_with_logits(logits[:, inside], is_object[batch][:, inside])
        adam.zero_grad()
        l.backward()
        adam.step()


def propose(scene, count):
    """The `count` anchors that look most like an object, after NMS."""
    with torch.no_grad():
        logits = rpn(deep_map(scene)[None])[0].permute(1, 2, 0).flatten()[inside]
    top = logits.argsort(descending=True)[:500]
    boxes = anchors[inside][top]
    return boxes[keep(boxes, logits[top], 0.5)[:count]]


some_scenes = valid_scenes[:20]
ranked = [propose(scene, 200) for scene in some_scenes]
g = torch.Generator().manual_seed(18)
shuffled = proposals[torch.randperm(len(proposals), generator=g)]
numbers = [5, 10, 20, 50, 100, 200]


def recall_of(per_scene, count):
    best = [iou(boxes[:count], s.boxes).amax(0) for boxes, s in zip(per_scene, some_scenes) if len(s.labels)]
    return (torch.cat(best) >= 0.5).float().mean().item()


by_network = [recall_of(ranked, count) for count in numbers]
by_chance = [recall_of([shuffled] * len(some_scenes), count) for count in numbers]
cu.plots.curves(
    {"region proposal network": by_network, "our grid, in random order": by_chance},
    xs=numbers,
    x="proposals per scene",
    y="recall at IoU 0.5",
    title="A network that knows where to look needs far fewer proposals",
    alt="Recall against the number of proposals: the network finds most objects with 20 proposals; windows in random order "
    "need more than 200 for the same",
)
print("20 proposals of the network find more objects than 50 random windows:", by_network[2] > by_chance[3])
print("parameters of the proposal network:", sum(p.numel() for p in rpn.parameters()))

# %% [markdown]
r"""
| | proposals | convolutions per picture | classes and boxes |
|---|---|---|---|
| R-CNN | selective search | once per proposal | SVMs and ridge, trained one after another |
| Fast R-CNN | selective search | once | two layers on RoI-pooled features, one loss |
| Faster R-CNN | a network on the shared map | once, shared with the proposals | the same |

Each step asks what is computed twice: first the pixels that windows share, then the search for proposals beside a
network that has seen the picture already. Published times per photograph, with the same large network on a GPU: 47 s
for R-CNN; 0.3 s for Fast R-CNN, plus about 2 s for its proposals on a CPU; 0.2 s for Faster R-CNN, proposals
included.

<details><summary>Aside: one-stage detectors</summary>

SSD and YOLO drop the second stage. At each place of a map, for each of $a$ anchors, a convolution gives $q + 1$ class
scores and 4 offsets: $a(q + 1) + 4a$ channels. Maps of several sizes are used: a coarse one, whose cells see much of
the picture, for large objects, and a fine one for small objects. The balance of objects and background, which we fixed
by choosing 10 and 12, is then a matter of the loss (hard negatives, or the *focal* loss, which gives easy examples less
weight).
</details>

### Exercise 14.9: claim cards &nbsp; (3 points, about 7 minutes, ★★☆)

Decide with the experiments of this chapter: "true", "false", or the letter of the condition under which the claim is
true.

1. **"features first"**: "The features of the whole picture are computed first; regions are then cut from them."
   (a) for Fast and Faster R-CNN, (b) for R-CNN, (c) only if SVMs are used.
2. **"dense grid"**: "If the grid of square windows has enough sizes and places, each object has a window with IoU of at least 0.5."
   (a) only for objects up to twice as long as wide, or a little more, (b) only for objects that do not overlap, (c) only with NMS.
3. **"second box"**: "A second box on an object that is already found lowers AP."
   (a) only if it has another class, (b) only if its score is higher than that of some match, (c) only if its IoU is below 0.5.
4. **"one pass"**: "One pass of a convolutional network over the picture gives the scores of all crops, without approximation."
   (a) only after fine-tuning, (b) only for linear networks, (c) only without padding, for windows of one size on the grid of the total stride.
5. **"doubled scores"**: "If all scores of a detector are doubled, its AP changes."
   (a) only if some scores are above 1, (b) only if scores are negative, (c) only with few objects.
"""

# %% exercise="claims_detection"
claims_detection = {
    "features first": "?",
    "dense grid": "?",
    "second box": "?",
    "one pass": "?",
    "doubled scores": "?",
}
### BEGIN SOLUTION
claims_detection = {
    "features first": "a",
    "dense grid": "a",
    "second box": "b",
    "one pass": "c",
    "doubled scores": "false",
}
### END SOLUTION

# %% test="claims_detection"
check.exercise("claims_detection", points=3)
CLAIMS = ("features first", "dense grid", "second box", "one pass", "doubled scores")
with check.case("every claim is answered with true, false, a, b or c", points=0):
    check.claims(claims_detection, {claim: ["true", "false", "a", "b", "c"] for claim in CLAIMS})
### BEGIN HIDDEN TESTS
with check.case("claims about regions and windows", points=1.8, hidden=True):
    check.right(
        claims_detection,
        {"features first": "a", "dense grid": "a", "one pass": "c"},
        "look at sections 3, 5 and 9",
    )
with check.case("claims about average precision", points=1.2, hidden=True):
    check.right(
        claims_detection,
        {"second box": "b", "doubled scores": "false"},
        "try it with `average_precision`: what changes the order, and what changes the matches?",
    )
### END HIDDEN TESTS
check.score()

# %% [markdown]
r"""
### Exercise 14.10: in your own words &nbsp; (2 points, about 8 minutes, marked by your instructor)

"Our detector is excellent," says a report. "It classifies 99.5 % of all windows of our test scenes correctly." Its
mAP on the same scenes is 0.08. Explain how both numbers can be true. Then name two changes that could raise the mAP,
say for each which kind of mistake it addresses, and say how you would find out, without touching the test scenes,
whether it has helped.
"""

# %% [markdown] written="windows_right" points=2
r"""
**Model answer.** Nearly all windows show background (here about 98 %; with a denser grid more), so a classifier that
always says "background" is right on nearly all of them. AP ignores the true background windows. It asks, among the
windows that are called a garment, how many are right, and how many objects are found. With some thousand windows and
two or three objects per scene, 0.5 % wrong windows are about five false detections per scene, more than there are
objects; and if it is the windows of objects that are wrong, nothing is found. Changes: hard negatives (background
taken for garments), NMS or a lower threshold for it (duplicates), box regression or finer proposals (badly placed),
more ratios (missed long objects), a better network or more training garments (wrong class). Measure mAP, or the
counts by kind of mistake, on validation scenes with and without the change, with all else equal; look at the test
scenes once at the end.

**Mark scheme.** ½ point: most windows are background. ½ point: AP does not reward true background, and a small share
of many windows is many false detections (or: all objects can be missed at that accuracy). ½ point: two changes with
the kinds of mistake they address (¼ each). ½ point: compares on validation scenes, not on test scenes.
"""

# %% [markdown]
r"""
## Recap

- A box is $x_1, y_1, x_2, y_2$; a slice is `[:, y1:y2, x1:x2]`. What moves the picture must move the boxes.
- IoU is intersection over union. A shift by a fraction $s$ of the width gives $(1 - s)/(1 + s)$; the best square for the
  ratio $r$ gives $1/(2\sqrt r - 1)$.
- A classifier slid over a picture sees garments in walls. It needs background as a class, and the background that it gets wrong as examples.
- R-CNN: propose, cut, features, score, move, suppress. NMS works within a class, on boxes that have been moved.
- AP is the area under the interpolated precision-recall curve. Each object is matched once, the surest first; mAP is the mean over classes.
- Fast R-CNN computes the convolutions once per picture, Faster R-CNN also lets a network propose.

**What people get wrong.** They exchange x and y in a slice, or height and width; forget to clamp each side before
multiplying; use squares for sandals; train without background, or with random background only; let removed boxes
remove others; suppress across classes, or before boxes are moved; count a second box on an object as right; divide AP
by the objects found; compare numbers of different rules; choose the threshold of NMS on the test scenes.

**Read on.** [Girshick et al. 2014: Rich feature hierarchies (R-CNN)](https://arxiv.org/abs/1311.2524) · [Girshick
2015: Fast R-CNN](https://arxiv.org/abs/1504.08083) · [Ren et al. 2015: Faster
R-CNN](https://arxiv.org/abs/1506.01497) · [Hoiem et al. 2012: Diagnosing error in object
detectors](https://doi.org/10.1007/978-3-642-33712-3_25) · [torchvision: models for
detection](https://pytorch.org/vision/stable/models.html) · [Dive into Deep Learning, chapter
14](https://d2l.ai/chapter_computer-vision/index.html).

**Next:** [`15_cifar10`](../15_cifar10/cifar10.ipynb), a whole project from data to model card.
"""
