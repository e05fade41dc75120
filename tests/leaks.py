"""What of a chapter must not reach students, and whether it did."""

from course_format.cells import nbgrader
from course_format.chapter import Chapter

SHORT = 20  # a shorter line may well stand elsewhere by chance


def secret_lines(chapter: Chapter, *regions: str) -> set[str]:
    """The lines that stand in these regions ("SOLUTION", "HIDDEN TESTS") and nowhere else in the chapter.

    A model answer in a written question counts as a solution.
    """
    secret: set[str] = set()
    shown: set[str] = set()
    for cell in chapter.read().cells:
        model_answer = (
            cell.cell_type == "markdown" and nbgrader(cell).get("solution") and "SOLUTION" in regions
        )
        inside = False
        for line in map(str.strip, cell.source.splitlines()):
            if line.startswith("### "):
                inside = line.startswith("### BEGIN") and line.removeprefix("### BEGIN ") in regions
            else:
                (secret if inside or model_answer else shown).add(line)
    found = {line for line in secret - shown if len(line) > SHORT}
    assert found, f"{chapter.name} has nothing to hide in {regions}: the test would see nothing"
    return found


def leaked(secrets: set[str], text: str) -> set[str]:
    """The secret lines that stand in this text, as whole lines."""
    return secrets & set(map(str.strip, text.splitlines()))
