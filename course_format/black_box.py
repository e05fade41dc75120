"""What a test may do with an answer, which may run in another process: call it, look at its result."""

import ast
from collections.abc import Iterator

# What shows how an answer is written, or reaches around it.
INSIDE = {
    *("inspect", "linecache", "gc", "sys", "globals", "locals", "vars"),
    *("__code__", "__closure__", "__globals__", "__dict__", "__defaults__", "__wrapped__", "__main__"),
}


def breaches(test: ast.Module, answers: set[str]) -> Iterator[tuple[int, str]]:
    """(line, sentence) for each breach in a test cell.

    answers: what the answer's cell defines, with the methods of its classes: a `backward` of the student's
    own is no gradient of torch's.
    """
    for node in ast.walk(test):
        for name in _named(node) & INSIDE:
            yield node.lineno, f"a test looks at answers from outside, and `{name}` looks inside"
    kept: set[str] = set()  # names of earlier cases for what an answer returned
    for statement in test.body:
        if not _is_case(statement):
            for call in _calls(statement, answers):
                yield (
                    call.lineno,
                    f"call `{ast.unparse(call.func)}` in a case, so that its errors are told there",
                )
            continue
        own, stored = _returned(statement, answers), _stored(statement)
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id in kept - stored:
                yield node.lineno, f"`{node.id}` is from an earlier case: call the answer again"
            value = None if "backward" in answers else _differentiated(node)
            if value is not None and _names(value) & (own | answers):
                yield node.lineno, "gradients through an answer need check.gradient or check.backward"
        kept = (kept - stored) | own


def _named(node: ast.AST) -> set[str]:
    """The names that this node itself consists of."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return {name}
        case ast.Import() | ast.ImportFrom():
            return {alias.name for alias in node.names}
    return set()


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _is_case(statement: ast.stmt) -> bool:
    """Whether a statement of the top level has all that it does in cases; one in a loop is as good."""
    if isinstance(statement, ast.With):
        return any(ast.unparse(item.context_expr).startswith("check.case(") for item in statement.items)
    return isinstance(statement, ast.For) and all(map(_is_case, statement.body))


def _calls(statement: ast.stmt, answers: set[str]) -> Iterator[ast.Call]:
    """The calls of answers that a statement makes at once; functions that it defines make them later."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in answers:
            yield node
        waiting += ast.iter_child_nodes(node)


def _stored(statement: ast.AST) -> set[str]:
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}


def _returned(statement: ast.stmt, answers: set[str]) -> set[str]:
    """The names that stand for what an answer returned: `y = f(x)`, `y, z = f(x)`."""
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            function = node.value.func
            if isinstance(function, ast.Name) and function.id in answers:
                found |= _stored(node)
    return found


def _differentiated(node: ast.AST) -> ast.AST | None:
    """What is differentiated by `value.backward()` or `torch.autograd.grad(value, ...)`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    if node.func.attr == "backward" and ast.unparse(node.func.value) != "check":
        return node.func.value
    return node.args[0] if ast.unparse(node.func) == "torch.autograd.grad" and node.args else None
