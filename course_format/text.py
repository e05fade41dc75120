"""A chapter's text source: where its cells are, and what is wrong with their headers."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from course_format.cells import EXPERIMENT, STILL

HEAD = re.compile(r"# %%(?P<markdown> \[markdown\])?(?P<options>(?: \w+=.+)?)")
OPTION = re.compile(r" (\w+)=")
TAGS = (EXPERIMENT, STILL)
ROLES = ("exercise", "test", "written")
KEYS = {False: {"exercise", "test", "tags", "jupyter"}, True: {"written", "points", "tags"}}  # by [markdown]
FOLDED = {"source_hidden": True}


@dataclass(frozen=True)
class Head:
    """A cell header of the text source. line: 1-based."""

    line: int
    markdown: bool
    options: dict

    @property
    def name(self) -> str:
        """What the cell is called in messages: its role and name, if it has one."""
        return next((f"{role} {self.options[role]!r}" for role in ROLES if role in self.options), "")


@dataclass(frozen=True)
class Problem:
    """A breach of the rules: where, and one sentence on what to do."""

    line: int
    sentence: str


def scan(text: str) -> tuple[list[Head], list[Problem]]:
    """The heads of all cells, and what is wrong with the text as a text."""
    heads, problems = [], []
    if text.startswith("\ufeff"):
        problems.append(Problem(1, "begins with a byte-order mark: save it as plain UTF-8"))
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if re.match(r"\s*#+\s*%%", line) and not _in_string(lines, number, heads):
            try:
                heads.append(_head(number, line))
            except ValueError as error:
                problems.append(Problem(number, f"malformed cell header: {error}"))
                heads.append(Head(number, "[markdown]" in line, {}))
    problems += _text_problems(lines, heads)
    return heads, problems


def _head(number: int, line: str) -> Head:
    match = HEAD.fullmatch(line.rstrip())
    if not match:
        raise ValueError(
            'write `# %%`, `# %% [markdown]`, or one of them and options such as exercise="name"'
        )
    markdown = match["markdown"] is not None
    options = dict(_options(match["options"]))
    unknown = sorted(options.keys() - KEYS[markdown])
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not one of {', '.join(sorted(KEYS[markdown]))}")
    for role in ROLES:
        if role in options and not (isinstance(options[role], str) and options[role].isidentifier()):
            raise ValueError(f'{role} should be the name of an exercise, such as {role}="softmax"')
    if sum(role in options for role in ROLES) > 1:
        raise ValueError("a cell is an exercise, a test or a written answer, not two of them")
    if ("written" in options) != ("points" in options):
        raise ValueError('a written question needs its name and its points: written="name" points=2')
    if "written" in options and (type(options["points"]) not in (int, float) or options["points"] <= 0):
        raise ValueError("points should be a number above 0")
    strange = [tag for tag in options.get("tags", []) if tag not in TAGS]
    if strange:
        raise ValueError(f"the tag {strange[0]!r} is not one of {', '.join(TAGS)}")
    if options.get("jupyter", FOLDED) != FOLDED:
        raise ValueError('jupyter may only be {"source_hidden": true}')
    return Head(number, markdown, options)


def _options(text: str) -> Iterator[tuple[str, object]]:
    """The options of a header, each a name and a JSON value."""
    while text:
        match = OPTION.match(text)
        if not match:
            raise ValueError(f"{text.strip()!r} is no option")
        try:
            value, end = json.JSONDecoder().raw_decode(text, match.end())
        except json.JSONDecodeError:
            raise ValueError(f"the value of {match[1]!r} is no JSON; a text needs quotes") from None
        yield match[1], value
        text = text[end:]


def _in_string(lines: list[str], number: int, heads: list[Head]) -> bool:
    """Whether this line lies inside the raw string of the text cell above it."""
    if not heads or not heads[-1].markdown:
        return False
    body = lines[heads[-1].line : number - 1]
    return sum(line.count('"""') for line in body) == 1


def _text_problems(lines: list[str], heads: list[Head]) -> Iterator[Problem]:
    """Text cells that are not exactly one string."""
    ends = [head.line - 1 for head in heads[1:]] + [len(lines)]
    for head, end in zip(heads, ends, strict=True):
        body = "\n".join(lines[head.line : end]).strip()
        if not head.markdown or all(line.startswith("#") for line in body.split("\n")):
            continue
        if not body.startswith('r"""'):
            yield Problem(head.line, 'a text cell is a raw string: begin it with r"""')
        elif body.count('"""') < 2:
            yield Problem(head.line, 'the text cell is not closed: end it with """')
        elif not body.endswith('"""') or not _is_one_string(body):
            below = "\n".join(lines[:end]).rstrip().count("\n") + 1
            yield Problem(below, 'there is text below the closing """ of the text cell: move it above')


def _is_one_string(source: str) -> bool:
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return False
    return len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
