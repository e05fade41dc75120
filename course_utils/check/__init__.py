"""The language of the test cells.

    check.exercise("ramp", points=2)
    with check.case("counts row by row", points=1):
        check.close(ramp(2, 3), torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]))
    ### BEGIN HIDDEN TESTS
    with check.case("the same on other sizes", points=1, hidden=True):
        check.close(ramp(3, 1), torch.tensor([[0.0], [1.0], [2.0]]))
    ### END HIDDEN TESTS
    check.score()

`exercise` opens the cell, each `case` calls the student's code and prints one line, `score` closes the
cell. Inside a case the statements (`close`, `like`, `raises`, ...) say what should be true; the first one
that is not ends the case with a sentence for the student. Test data comes from the makers (`uniform`,
`normal`, ...), whose numbers depend on the case alone.
"""

from course_utils.check._batches import one_pass, passes
from course_utils.check._bias import bias_path, rows_used, wrong_bias_paths
from course_utils.check._cell import case, exercise, has_passed, has_passed_last, records, score
from course_utils.check._data import generator, integers, normal, uniform
from course_utils.check._failure import Failed, NotDoneYet
from course_utils.check._fixtures import (
    Counted,
    Noting,
    applied,
    batches,
    filled,
    hits,
    layouts,
    linear,
    scored,
    steep_loss,
    trained,
    uneven_loss,
    weights,
    wrong_means,
)
from course_utils.check._graphs import ordered, recorded_slopes
from course_utils.check._machine import folder, from_gpu, gpus, on_meta, steady_lstsq, with_code_in_it
from course_utils.check._norms import (
    channel_statistics,
    detached_norm,
    normed,
    wrong_averages,
    wrong_in_evaluation,
    wrong_in_training,
)
from course_utils.check._random import seeded, unseeded
from course_utils.check._scores import extreme_scores, wrong_shifts
from course_utils.check._statements import (
    at_most,
    backward,
    between,
    claims,
    close,
    each,
    each_raises,
    equal,
    expression,
    fail,
    gradient,
    in_turn,
    like,
    made,
    number,
    own_memory,
    raises,
    right,
    same_object,
    shares_memory,
    that,
    unchanged,
    without,
)
from course_utils.check._tables import (
    features,
    fitted,
    one_hot,
    standardised,
    transformed,
    wrong_standardised,
)
from course_utils.check._training import Training, attempts, resumed, same_state, with_file

__all__ = [
    "Counted",
    "Failed",
    "NotDoneYet",
    "Noting",
    "Training",
    "applied",
    "at_most",
    "attempts",
    "backward",
    "batches",
    "between",
    "bias_path",
    "case",
    "channel_statistics",
    "claims",
    "close",
    "detached_norm",
    "each",
    "each_raises",
    "equal",
    "exercise",
    "expression",
    "extreme_scores",
    "fail",
    "features",
    "filled",
    "fitted",
    "folder",
    "from_gpu",
    "generator",
    "gpus",
    "gradient",
    "has_passed",
    "has_passed_last",
    "hits",
    "in_turn",
    "integers",
    "layouts",
    "like",
    "linear",
    "made",
    "normal",
    "normed",
    "number",
    "on_meta",
    "one_hot",
    "one_pass",
    "ordered",
    "own_memory",
    "passes",
    "raises",
    "recorded_slopes",
    "records",
    "resumed",
    "right",
    "rows_used",
    "same_object",
    "same_state",
    "score",
    "scored",
    "seeded",
    "shares_memory",
    "standardised",
    "steady_lstsq",
    "steep_loss",
    "that",
    "trained",
    "transformed",
    "unchanged",
    "uneven_loss",
    "uniform",
    "unseeded",
    "weights",
    "with_code_in_it",
    "with_file",
    "without",
    "wrong_averages",
    "wrong_bias_paths",
    "wrong_in_evaluation",
    "wrong_in_training",
    "wrong_means",
    "wrong_shifts",
    "wrong_standardised",
]
