"""A test cell on its way to the examiner: compiled once for a whole class."""

import ast
import base64
import builtins
import marshal
from functools import cache
from types import CodeType

from course_grader.inside import own_cell


@cache
def request(source: str, exercise: str) -> dict:
    """What a session is asked in order to run a test cell: see course_grader.inside.session."""
    *statements, _ = ast.parse(source).body  # the last one asks for the score
    code = compile(ast.Module(statements, []), file_of(exercise), "exec")
    own, used = own_cell.names_in(source)
    return {
        "test": source,
        "exercise": exercise,
        "code": base64.b64encode(marshal.dumps(code)).decode(),
        "names": sorted({*used} - {*own} - {*dir(builtins)} | {exercise}),
    }


def code_of(request: dict) -> CodeType:
    """The compiled statements. The other side of the request runs the same Python."""
    return marshal.loads(base64.b64decode(request["code"]))


def file_of(exercise: str) -> str:
    """The file name of an exercise's test in tracebacks."""
    return f"<test {exercise}>"
