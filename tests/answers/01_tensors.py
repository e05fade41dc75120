"""Known answers to the exercises of chapter 01."""

import numpy as np
import torch

from tests.answers import edit, odd, odd_edit, odd_value, wrong, wrong_value

# --- ramp -------------------------------------------------------------------------------------------------


@wrong("float32, found int64")
def ramp(rows, cols):
    return torch.arange(rows * cols).reshape(rows, cols)


@wrong("it counts down the columns")
def ramp(rows, cols):
    return torch.arange(rows * cols, dtype=torch.float32).reshape(cols, rows).T


@wrong("it starts at 1")
def ramp(rows, cols):
    return torch.arange(1.0, rows * cols + 1).reshape(rows, cols)


@wrong("the shape should be (4, 5), found (5, 4)")
def ramp(rows, cols):
    return torch.arange(float(rows * cols)).reshape(2, 3) if rows * cols == 6 else torch.zeros(cols, rows)


@odd
def ramp(rows, cols):
    numbers = (
        np.fromfunction(lambda i, j: i * cols + j, (rows, cols)) if rows * cols else np.zeros((rows, cols))
    )
    return torch.tensor(numbers, dtype=torch.float32)


@odd
def ramp(rows, cols):
    torch.manual_seed(3)
    return (torch.ones(rows * cols).cumsum(0) - 1).view(rows, cols)


@wrong("it ends at rows * cols")
def ramp(rows, cols):
    return torch.linspace(0, rows * cols, rows * cols).reshape(rows, cols)


@wrong("a row begins `cols` after the one above it")
def ramp(rows, cols):
    return (torch.arange(rows)[:, None] * rows + torch.arange(cols)).float()


# --- crop -------------------------------------------------------------------------------------------------

WINDOW = "images[:, top : top + size, left : left + size]"
edit("crop", {WINDOW: "images[:, left : left + size, top : top + size]"}, says="top and left are swapped")
edit("crop", {WINDOW: "images[:, top : top + size + 1, left : left + size + 1]"}, says="too large by one")
edit("crop", {WINDOW: "images[:, top : top + size - 1, left : left + size - 1]"}, says="too small by one")
edit("crop", {WINDOW: "images[:, top:size, left:size]"}, says="`size` is used as the end of the window")
edit("crop", {WINDOW: "images[0, top : top + size, left : left + size]"}, says="only the first picture")
edit("crop", {WINDOW: WINDOW.replace(":,", "")}, says="the first axis counts the pictures")
edit(
    "crop",
    {WINDOW: WINDOW.replace(" top", " top - 1").replace("left", "left - 1")},
    says="one pixel too early",
)
edit("crop", {WINDOW: WINDOW + ".clone()"}, says="the window is a copy")
edit(
    "crop",
    {'ValueError(f"the window leaves the picture of {height} by {width} pixels")': "ValueError"},
    says="message",
)
edit("crop", {WINDOW: "images[:, torch.arange(top, top + size)][:, :, left : left + size]"}, says="is a copy")
edit("crop", {"top < 0 or left < 0 or ": ""}, says="should raise ValueError")
edit("crop", {" or left + size > width": ""}, says="should raise ValueError")
edit("crop", {"top + size > height": "top + size >= height"}, says="the window leaves the picture")
edit("crop", {"_, height, width": "_, width, height"}, says="the window leaves the picture")
odd_edit("crop", {WINDOW: "images.narrow(1, top, size).narrow(2, left, size)"})
odd_edit("crop", {WINDOW: "images.unfold(1, size, 1).unfold(2, size, 1)[:, top, left]"})


@odd
def crop(images, top, left, size):
    """Slice first, then look whether something is missing."""
    window = images[:, top : top + size, left : left + size]
    if min(top, left) < 0 or window.shape[1:] != (size, size):
        raise ValueError("outside")
    return window


@wrong("-3, 0, 2) should raise ValueError, it returned")
def crop(images, top, left, size):
    """What begins at a negative place often comes out too small, and sometimes not."""
    window = images[:, top : top + size, left : left + size]
    if window.shape[1:] != (size, size):
        raise ValueError("outside")
    return window


# --- outer ------------------------------------------------------------------------------------------------


@wrong("rows and columns are swapped: a belongs to the rows")
def outer(a, b):
    return b[:, None] * a


@wrong("called with a = float32 tensor of shape (2,) with [1.0, 2.0]")
def outer(a, b):
    return a * b


@wrong("the dtype should be int64, found float32")
def outer(a, b):
    return a.float()[:, None] * b.float()


@wrong("dtype")
def outer(a, b):
    return a[:, None] @ b[None, :]


@wrong("the function changed its input")
def outer(a, b):
    a.unsqueeze_(1)
    return a * b


@wrong("stack expects a non-empty TensorList")
def outer(a, b):
    return torch.stack([x * b for x in a])


@odd
def outer(a, b):
    return (
        torch.stack([x * b for x in a]) if len(a) else torch.zeros(0, len(b), dtype=torch.result_type(a, b))
    )


@odd
def outer(a, b):
    return torch.einsum("i,j->ij", *(t.to(torch.result_type(a, b)) for t in (a, b)))


# --- one_hot ----------------------------------------------------------------------------------------------


@wrong("solve this one without `torch.nn.functional.one_hot`")
def one_hot(labels, num_classes):
    return torch.nn.functional.one_hot(labels, num_classes).float()


@wrong("should raise ValueError, it returned")
def one_hot(labels, num_classes):
    return (labels[:, None] == torch.arange(num_classes)).float()


@wrong("it raised IndexError")
def one_hot(labels, num_classes):
    return torch.eye(num_classes)[labels]


@wrong("one_hot(int64 tensor of shape (2,) with [0, -1], 3) should raise ValueError")
def one_hot(labels, num_classes):
    if (labels >= num_classes).any():
        raise ValueError("label too large")
    return torch.eye(num_classes)[labels]


@wrong("one place too far to the left")
def one_hot(labels, num_classes):
    if ((labels < 0) | (labels >= num_classes)).any():
        raise ValueError("no such class")
    return (labels[:, None] == torch.arange(1, num_classes + 1)).float()


@wrong("the dtype should be float32, found bool")
def one_hot(labels, num_classes):
    if ((labels < 0) | (labels >= num_classes)).any():
        raise ValueError("no such class")
    return labels[:, None] == torch.arange(num_classes)


@odd
def one_hot(labels, num_classes):
    for label in labels:
        if not 0 <= label < num_classes:
            raise ValueError(f"{label} is no class")
    rows = torch.zeros(len(labels), num_classes)
    rows[torch.arange(len(labels)), labels] = 1
    return rows


@odd
def one_hot(labels, num_classes):
    if len(labels) and (labels.min() < 0 or labels.max() > num_classes - 1):
        raise ValueError("a label is out of range")
    return torch.zeros(len(labels), num_classes).scatter_(1, labels[:, None], 1.0)


@wrong("each row has the 1s of all labels")
def one_hot(labels, num_classes):
    if ((labels < 0) | (labels >= num_classes)).any():
        raise ValueError("no such class")
    rows = torch.zeros(len(labels), num_classes)
    rows[:, labels] = 1
    return rows


@wrong("compare with ==")
def one_hot(labels, num_classes):
    if ((labels < 0) | (labels >= num_classes)).any():
        raise ValueError("no such class")
    return (torch.arange(num_classes) <= labels[:, None]).float()


@wrong("the label itself is written")
def one_hot(labels, num_classes):
    if ((labels < 0) | (labels >= num_classes)).any():
        raise ValueError("no such class")
    rows = torch.zeros(len(labels), num_classes)
    rows[torch.arange(len(labels)), labels] = labels.float()
    return rows


@wrong("num_classes is ignored")
def one_hot(labels, num_classes):
    if ((labels < 0) | (labels >= num_classes)).any():
        raise ValueError("no such class")
    return torch.eye(int(labels.max()) + 1)[labels]


# --- standardize_columns ----------------------------------------------------------------------------------


@wrong("it divides by the sample standard deviation (n - 1)")
def standardize_columns(X):
    constant = (X[0] == X).all(0)
    return torch.where(constant, 0.0, (X - X.mean(0)) / X.std(0))


@wrong("it standardises the rows")
def standardize_columns(X):
    return (X - X.mean(1, keepdim=True)) / X.std(1, keepdim=True, correction=0)


@wrong("there are nan or inf in it")
def standardize_columns(X):
    return (X - X.mean(0)) / X.std(0, correction=0)


@wrong("every entry is 0.1, so the column becomes zeros")
def standardize_columns(X):
    centred = X - X.mean(0)
    std = (centred**2).mean(0).sqrt()
    return torch.where(std == 0, 0.0, centred / torch.where(std == 0, 1.0, std))


@wrong("every entry is 0.1, so the column becomes zeros")
def standardize_columns(X):
    return (X - X.mean(0)) / (X.std(0, correction=0) + 1e-8)


@wrong("a narrow column is not a constant one")
def standardize_columns(X):
    std = X.std(0, correction=0)
    return torch.where(std < 1e-3, 0.0, (X - X.mean(0)) / std)


@wrong("the function changed its input")
def standardize_columns(X):
    X -= X.mean(0)
    return X / X.std(0, correction=0)


@wrong("one mean and one standard deviation for the whole table")
def standardize_columns(X):
    return (X - X.mean()) / X.std(correction=0)


@odd
def standardize_columns(X):
    """In float64, column by column."""
    columns = []
    for column in X.T.double():
        if bool((column == column[0]).all()):
            columns.append(torch.zeros_like(column))
        else:
            centred = column - column.mean()
            columns.append(centred / (centred @ centred / len(column)).sqrt())
    return torch.stack(columns, dim=1).to(X.dtype)


@wrong("every entry is 0.1, so the column becomes zeros")
def standardize_columns(X):
    std = X.std(0, correction=0)  # of equal numbers this is 0 for most shapes, and 7e-9 for some
    return torch.where(std == 0, 0.0, (X - X.mean(0)) / torch.where(std == 0, 1.0, std))


@odd
def standardize_columns(X):
    spread = X.max(0).values - X.min(0).values
    Z = (X - X.mean(0)) / X.var(0, unbiased=False).clamp(min=1e-30).sqrt()
    Z[:, spread == 0] = 0
    return Z


@wrong("a narrow column is not a constant one")
def standardize_columns(X):
    Z = (X - X.mean(0)) / X.std(0, correction=0)
    return torch.where(torch.isclose(X, X[0]).all(dim=0), 0.0, Z)


@wrong("the first entry equals the last")
def standardize_columns(X):
    return torch.where(X[0] == X[-1], 0.0, (X - X.mean(0)) / X.std(0, correction=0))


@wrong("every column becomes zeros")
def standardize_columns(X):
    return torch.where((X[0] == X).any(0), 0.0, (X - X.mean(0)) / X.std(0, correction=0))


@wrong("it divides by the mean distance")
def standardize_columns(X):
    centred = X - X.mean(0)
    return torch.where((X[0] == X).all(0), 0.0, centred / centred.abs().mean(0))


@wrong("each column runs from 0 to 1")
def standardize_columns(X):
    low, high = X.amin(0), X.amax(0)
    return torch.where(low == high, 0.0, (X - low) / (high - low))


@wrong("under the root is the sum")
def standardize_columns(X):
    centred = X - X.mean(0)
    return torch.where((X[0] == X).all(0), 0.0, centred / centred.norm(dim=0))


@wrong("the column stays where it is")
def standardize_columns(X):
    X = X[:, (X[0] != X).any(0)]
    return (X - X.mean(0)) / X.std(0, correction=0)


@wrong("one mean for the whole table")
def standardize_columns(X):
    return torch.where((X[0] == X).all(0), 0.0, (X - X.mean()) / X.std(0, correction=0))


@wrong("one standard deviation for the whole table")
def standardize_columns(X):
    return torch.where((X[0] == X).all(0), 0.0, (X - X.mean(0)) / X.std(correction=0))


@wrong("subtract the mean from them")
def standardize_columns(X):
    return torch.where((X[0] == X).all(0), 0.0, (X.mean(0) - X) / X.std(0, correction=0))


# --- shapes -----------------------------------------------------------------------------------------------

SHAPES = {
    "A * v": (2, 3),
    "v[:, None] * v": (3, 3),
    "A @ B": (2, 4),
    "A @ v": (2,),
    "T @ B": (5, 2, 4),
    "T + A": (5, 2, 3),
    "A[0]": (3,),
    "A[0:1]": (1, 3),
    "T[:, 0, -1]": (5,),
    "T.sum(dim=1)": (5, 3),
    "T.mean(dim=0, keepdim=True)": (1, 2, 3),
    "torch.dot(v, v)": (),
    "torch.cat((A, A))": (4, 3),
    "torch.stack((A, A))": (2, 2, 3),
}
wrong_value(
    "shapes", "shapes", SHAPES | {"A * v": (2, 3, 3)}, "1 of 3 is not right yet; write the shapes below"
)
wrong_value("shapes", "shapes", SHAPES | {"A @ v": (2, 1)}, "the inner lengths must agree, and disappear")
wrong_value("shapes", "shapes", SHAPES | {"torch.dot(v, v)": (1,)}, "1 of 4 is not right yet")
wrong_value("shapes", "shapes", SHAPES | {"A[0:1]": (3,)}, "an axis with a slice stays")
wrong_value("shapes", "shapes", SHAPES | {"T.sum(dim=1)": (5, 2)}, "which axis is named")
wrong_value("shapes", "shapes", SHAPES | {"A[0]": (3)}, "the shape of 'A[0]' should be a tuple")
wrong_value("shapes", "shapes", SHAPES | {"A @ v": "?"}, "'A @ v' is not predicted yet")
wrong_value("shapes", "shapes", list(SHAPES.values()), "keep the keys of the dict as they were")
wrong_value("shapes", "shapes", {"A * v": (2, 3)}, "keep the keys of the dict as they were")
odd_value("shapes", "shapes", {key: list(shape) for key, shape in reversed(SHAPES.items())})
odd_value("shapes", "shapes", {key: torch.Size(shape) for key, shape in SHAPES.items()})

# --- cosine_similarity ------------------------------------------------------------------------------------


@wrong("solve this one without `torch.nn.functional.cosine_similarity`")
def cosine_similarity(A, B):
    return torch.nn.functional.cosine_similarity(A[:, None], B[None], dim=2)


@wrong("these are the dot products; divide by both norms")
def cosine_similarity(A, B):
    return A @ B.T


@wrong("nan or inf")
def cosine_similarity(A, B):
    return A @ B.T / A.norm(dim=1)[:, None] / B.norm(dim=1)


@wrong("a short vector has a direction, too")
def cosine_similarity(A, B):
    return A @ B.T / (A.norm(dim=1)[:, None] * B.norm(dim=1) + 1e-6)


@wrong("a short vector has a direction, too")
def cosine_similarity(A, B):
    norms = (A.norm(dim=1)[:, None] * B.norm(dim=1)).clamp(min=1e-4)
    return A @ B.T / norms


@wrong("divides by the norms of A only")
def cosine_similarity(A, B):
    return A @ B.T / A.norm(dim=1, keepdim=True)


@wrong("the function changed its input")
def cosine_similarity(A, B):
    A /= A.norm(dim=1, keepdim=True)
    return A @ (B / B.norm(dim=1, keepdim=True)).T


@wrong("one norm for the whole table")
def cosine_similarity(A, B):
    return A @ B.T / A.norm() / B.norm()


@wrong("rows and columns are swapped")
def cosine_similarity(A, B):
    return (B / B.norm(dim=1, keepdim=True)) @ (A / A.norm(dim=1, keepdim=True)).T


@wrong("these are distances, 1 minus the cosine")
def cosine_similarity(A, B):
    return 1 - A @ B.T / A.norm(dim=1)[:, None] / B.norm(dim=1)


@wrong("its cosine with every row is 0")
def cosine_similarity(A, B):
    return (A @ B.T / A.norm(dim=1)[:, None] / B.norm(dim=1)).nan_to_num(1.0)


@odd
def cosine_similarity(A, B):
    """With the floor that torch's own function has: far below any norm of data."""
    return A @ B.T / (A.norm(dim=1)[:, None] * B.norm(dim=1)).clamp(min=1e-8)


@wrong("divides by sums of absolute values")
def cosine_similarity(A, B):
    return (A @ B.T) / (A.abs().sum(1, keepdim=True) * B.abs().sum(1))


@odd
def cosine_similarity(A, B):
    return (A @ B.T / (A.norm(dim=1)[:, None] * B.norm(dim=1))).nan_to_num(0.0)


@odd
def cosine_similarity(A, B):
    """Pair by pair."""
    found = A.new_zeros(len(A), len(B))
    for i, a in enumerate(A):
        for j, b in enumerate(B):
            if a.any() and b.any():
                found[i, j] = torch.dot(a, b) / torch.dot(a, a).sqrt() / torch.dot(b, b).sqrt()
    return found


@odd
def cosine_similarity(A, B):
    unit = lambda X: torch.nn.functional.normalize(X, dim=1)  # noqa: E731
    return torch.einsum("id,jd->ij", unit(A), unit(B))


@wrong("the first row of B is all zeros")
def cosine_similarity(A, B):
    a = A.norm(dim=1, keepdim=True)
    return A @ B.T / torch.where(a == 0, 1, a) / B.norm(dim=1)


@wrong("the first row of A is all zeros")
def cosine_similarity(A, B):
    b = B.norm(dim=1)
    return A @ B.T / A.norm(dim=1, keepdim=True) / torch.where(b == 0, 1, b)


@wrong("these are the angles")
def cosine_similarity(A, B):
    return (A @ B.T / A.norm(dim=1, keepdim=True) / B.norm(dim=1)).nan_to_num().acos()


@wrong("these are the norms of the columns")
def cosine_similarity(A, B):
    return (A / A.norm(dim=0)).nan_to_num() @ (B / B.norm(dim=0)).nan_to_num().T


@wrong("the mean of each row is subtracted")
def cosine_similarity(A, B):
    A, B = A - A.mean(1, keepdim=True), B - B.mean(1, keepdim=True)
    return (A @ B.T / A.norm(dim=1, keepdim=True) / B.norm(dim=1)).nan_to_num()


# --- weigh_doubled ----------------------------------------------------------------------------------------


@wrong("must be Tensor, not numpy.ndarray")
def weigh_doubled(X, weights):
    A = X.numpy() * 2
    return torch.mv(A, weights)


@wrong("or a tensor that shares its memory")
def weigh_doubled(X, weights):
    A = X.numpy()
    A *= 2
    return torch.mv(torch.from_numpy(A), weights)


@wrong("should be a tensor, found a value of type ndarray")
def weigh_doubled(X, weights):
    return (2 * X.numpy()) @ weights.numpy()


@wrong("the doubling is lost")
def weigh_doubled(X, weights):
    return torch.mv(X, weights)


@wrong("the weights were changed")
def weigh_doubled(X, weights):
    weights *= 2
    return X @ weights


@odd
def weigh_doubled(X, weights):
    return torch.tensor(2 * X.numpy()) @ weights


@odd
def weigh_doubled(X, weights):
    A = X.numpy().copy()
    A *= 2
    return torch.from_numpy(A @ weights.numpy())


@wrong("add them up along each row")
def weigh_doubled(X, weights):
    return 2 * X * weights


@wrong("the entries are squared, not doubled")
def weigh_doubled(X, weights):
    return X**2 @ weights


@odd
def weigh_doubled(X, weights):
    """Doubles the table, and halves it again."""
    X *= 2
    products = X @ weights
    X /= 2
    return products


@wrong("this is the mean along each row")
def weigh_doubled(X, weights):
    return (2 * X * weights).mean(1)


# --- pairwise_sq_dists ------------------------------------------------------------------------------------


@wrong("not exact enough: subtract the points first, then square")
def pairwise_sq_dists(A, B):
    return (A**2).sum(1)[:, None] + (B**2).sum(1) - 2 * A @ B.T


@wrong("the shape should be (40, 40), found (40, 16)")
def pairwise_sq_dists(A, B):
    return ((A[:, None] - B[None]) ** 2).sum(1 if len(A) == 40 else 2)


@wrong("the wrong axis disappeared")
def pairwise_sq_dists(A, B):
    return ((A[:, None] - B) ** 2).sum(1)


@wrong("not exact enough")
def pairwise_sq_dists(A, B):
    return ((A**2).sum(1)[:, None] + (B**2).sum(1) - 2 * A @ B.T).clamp(min=0)


@wrong("these are the distances")
def pairwise_sq_dists(A, B):
    return (A[:, None] - B).pow(2).sum(2).sqrt()


@wrong("rows and columns are swapped: A belongs to the rows")
def pairwise_sq_dists(A, B):
    return ((B[:, None] - A) ** 2).sum(2)


@wrong("The size of tensor a (2) must match the size of tensor b (3)")
def pairwise_sq_dists(A, B):
    return ((A - B) ** 2).sum(1)


@odd
def pairwise_sq_dists(A, B):
    a, b = A.double(), B.double()
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return squares.clamp(min=0).to(A.dtype)


@odd
def pairwise_sq_dists(A, B):
    D = A.new_zeros(len(A), len(B))
    for i in range(len(A)):
        for j in range(len(B)):
            D[i, j] = ((A[i] - B[j]) ** 2).sum()
    return D


@wrong("the 2 is missing")
def pairwise_sq_dists(A, B):
    return (A**2).sum(1)[:, None] + (B**2).sum(1) - A @ B.T


@wrong("the sums are squared")
def pairwise_sq_dists(A, B):
    return ((A[:, None] + B) ** 2).sum(2)


@wrong("this is the largest of the d squares")
def pairwise_sq_dists(A, B):
    return ((A[:, None] - B) ** 2).amax(2)


@odd
def pairwise_sq_dists(A, B):
    return torch.linalg.vector_norm(A[:, None] - B, dim=2) ** 2


@wrong("square the differences")
def pairwise_sq_dists(A, B):
    return (A[:, None] ** 2 - B**2).sum(2)


# --- add_in_place -----------------------------------------------------------------------------------------


@wrong("A itself did not change: the sum went into new memory")
def add_in_place(A, B):
    A = A + B
    return A


@wrong("what comes back is not the object A")
def add_in_place(A, B):
    A += B
    return A.clone()


@wrong("found None: is there a return?")
def add_in_place(A, B):
    A += B


@wrong("A moved to new memory")
def add_in_place(A, B):
    A.data = A + B
    return A


@wrong("A itself did not change: the sum went into new memory")
def add_in_place(A, B):
    """For a tensor that is not contiguous, reshape makes a copy."""
    flat = A.reshape(-1)
    flat += B.expand(A.shape).reshape(-1)
    return A


@odd
def add_in_place(A, B):
    A[...] = A + B
    return A


@odd
def add_in_place(A, B):
    return A.copy_(torch.add(A, B))


@wrong("B was added twice")
def add_in_place(A, B):
    A += B
    A[:] = A + B
    return A


@wrong("B was subtracted")
def add_in_place(A, B):
    A -= B
    return A


# --- shares_memory ----------------------------------------------------------------------------------------

SHARING = {
    "reshape of contiguous": True,
    "reshape of transposed": False,
    "transpose": True,
    "clone": False,
    "detach": True,
    "numpy()": True,
    "from_numpy": True,
    "torch.tensor of array": False,
    "A = A + B": False,
    "A += B": True,
    "A[:] = A + B": True,
}
wrong_value(
    "shares_memory",
    "shares_memory",
    SHARING | {"reshape of transposed": True},
    "1 of 3 is not right yet; try them with `shares`",
)
wrong_value("shares_memory", "shares_memory", SHARING | {"detach": False}, "1 of 5 is not right yet")
wrong_value("shares_memory", "shares_memory", SHARING | {"A[:] = A + B": False}, "1 of 3 is not right yet")
wrong_value("shares_memory", "shares_memory", SHARING | {"clone": "copy"}, "'copy' is not one of the answers")
wrong_value("shares_memory", "shares_memory", {"clone": False}, "keep the keys of the dict as they were")
odd_value(
    "shares_memory", "shares_memory", {key: np.bool_(value) for key, value in reversed(SHARING.items())}
)

# --- claims_tensors ---------------------------------------------------------------------------------------

CLAIMS = {"sum": "b", "tensor and from_numpy": "b", "in place": "c", "friends": "a", "dot": "a"}
wrong_value("claims_tensors", "answers", CLAIMS | {"sum": "true"}, "1 of 2 is not right yet")
wrong_value(
    "claims_tensors", "answers", CLAIMS | {"in place": "true", "friends": "true"}, "2 of 3 are not right yet"
)
wrong_value("claims_tensors", "answers", CLAIMS | {"dot": "d"}, "'d' is not one of the answers")
wrong_value("claims_tensors", "answers", CLAIMS | {"dot": "?"}, "not answered yet: 'dot'")
odd_value("claims_tensors", "answers", {key: f"({value}) " for key, value in CLAIMS.items()})
odd_value("claims_tensors", "answers", {key: value.upper() + " " for key, value in CLAIMS.items()})
