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

from course_utils.check._cell import MIME_TYPE, Record, case, exercise, records, score
from course_utils.check._data import generator, integers, normal, permutation, uniform
from course_utils.check._failure import Failed, NotDoneYet
from course_utils.check._statements import (
    between,
    claims,
    close,
    equal,
    fail,
    gradient,
    like,
    number,
    one_of,
    raises,
    right,
    some,
    that,
    unchanged,
    without,
)

__all__ = [
    "MIME_TYPE",
    "Failed",
    "NotDoneYet",
    "Record",
    "between",
    "case",
    "claims",
    "close",
    "equal",
    "exercise",
    "fail",
    "generator",
    "gradient",
    "integers",
    "like",
    "normal",
    "number",
    "one_of",
    "permutation",
    "raises",
    "records",
    "right",
    "score",
    "some",
    "that",
    "unchanged",
    "uniform",
    "without",
]
