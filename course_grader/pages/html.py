"""What the HTML pages share: the templates, and small texts made safe."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course_format.record import with_code

LONGEST_CODE = 20_000  # characters of one cell that a page shows
# Every colour of these two has a contrast of 4.5:1 on the page's card.
LIGHT, DARK = HtmlFormatter(style="xcode", nowrap=True), HtmlFormatter(style="lightbulb", nowrap=True)


def render(template: str, **values: object) -> str:
    """One page. Every value is escaped unless it is Markup."""
    return _environment().get_template(template).render(**values)


def number(value: float) -> str:
    """A number of points as people write it: at most two decimal places."""
    return f"{round(value, 2) + 0:.2f}".rstrip("0").rstrip(".")


def words(text: str) -> Markup:
    """A sentence, escaped, with its `names` set as code."""
    return Markup(with_code(str(escape(text))))


def code(source: str) -> Markup:
    """Python source, escaped and coloured, one element per line; the end of a very long one is left out."""
    lines = highlight(cut(source, LONGEST_CODE), PythonLexer(stripnl=False), LIGHT).rstrip("\n").split("\n")
    return Markup("").join(Markup(f'<span class="line">{line}\n</span>') for line in lines)


def cut(text: str, length: int) -> str:
    """The beginning of a text, and a note if there was more."""
    return text if len(text) <= length else f"{text[:length]}\n... and more, which is left out here"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("course_grader.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "words": words, "code": code}
    environment.globals["code_colours"] = Markup(
        f"{LIGHT.get_style_defs('.code')}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ {DARK.get_style_defs('.code')} }}"
    )
    return environment
