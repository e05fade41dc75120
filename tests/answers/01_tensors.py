"""Known answers to the exercises of chapter 01."""

import numpy as np
import torch

from tests.answers import odd, odd_value, wrong, wrong_value

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


# --- weigh_doubled ----------------------------------------------------------------------------------------


@wrong("must be Tensor, not numpy.ndarray")
def weigh_doubled(X, weights):
    A = X.numpy() * 2
    return torch.mv(A, weights)


@wrong("what you doubled shares its memory")
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


# --- pairwise_sq_dists ------------------------------------------------------------------------------------


@wrong("not exact enough: subtract the points first, then square")
def pairwise_sq_dists(A, B):
    return (A**2).sum(1)[:, None] + (B**2).sum(1) - 2 * A @ B.T


@wrong("the shape should be (40, 40), found (40, 16)")
def pairwise_sq_dists(A, B):
    return ((A[:, None] - B[None]) ** 2).sum(1 if len(A) == 40 else 2)


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
