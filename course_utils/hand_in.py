"""`make hand-in CHAPTER=01_tensors`: check a chapter's notebook, run it once from the top, and pack it.

The notebook in work/ is read and never written. What is unfinished is said, and packed all the same.
"""

import argparse
import ast
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from course_format import record
from course_format.cells import cases, exercise_of, is_experiment, is_test, is_written, nbgrader
from course_format.record import Record

CELL_SECONDS, SECONDS = 120, 600  # the first cell imports torch, which takes a slow disk a minute
MOST_BYTES = 50 * 2**20  # of all files together; the grader reads no more
MOST_FILES = 1_000  # packed
MOST_NAMES, MOST_LETTERS = 10, 160  # in one sentence, of one message
JUNK = ("__pycache__", "__MACOSX")
HEADING = re.compile(r"^### (Exercise [^&(\n]+?) *(?:&nbsp;|\(|$)", re.MULTILINE)


class CannotHandIn(Exception):
    """There is nothing to pack; the message says why and what to do."""


@dataclass(frozen=True)
class Work:
    """A chapter as it was handed out, and the student's own copy of it.

    content: the bytes of the student's notebook, which are what gets packed.
    """

    name: str
    path: Path
    content: bytes
    notebook: NotebookNode
    released: NotebookNode

    @property
    def folder(self) -> Path:
        return self.path.parent


@dataclass
class Run:
    """How the notebook ran. saved: it was not run, the records are those in the file.

    records: of all cases. errors: sentences about cells that failed. skipped: how many experiments were left
    out. seconds: that it took. cut: what stopped the run before its end.
    """

    saved: bool
    records: list[Record] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    skipped: int = 0
    seconds: float = 0.0
    cut: str = ""


# ---- finding the notebook


def find(chapter: str, notebooks: Path, work: Path) -> Work:
    """The student's copy of a chapter, named as 01_tensors, 01, 1 or tensors.

    Raises CannotHandIn if there is no such chapter, no copy of it, or the copy is not a notebook of it.
    """
    name = _chapter(chapter, notebooks)
    released = next((notebooks / name).glob("*.ipynb"))
    path = work / name / released.name
    if not path.is_file():
        raise CannotHandIn(_missing(path))
    content = path.read_bytes()
    found = Work(name, path, content, _notebook(content, path), nbformat.read(released, as_version=4))
    made = set().union(*(_made(cell.source) for cell in found.notebook.cells if cell.cell_type == "code"))
    if not (_ids(found.notebook) | made) & _ids(found.released):
        raise CannotHandIn(f"{path} holds no exercise of {name}: is it the notebook of another chapter?")
    return found


def _chapter(wanted: str, notebooks: Path) -> str:
    names = sorted(path.parent.name for path in notebooks.glob("*/*.ipynb"))
    if not names:
        raise CannotHandIn(f"there are no chapters in {notebooks}: run this in the top folder of the course")
    number = f"{int(wanted):02}" if wanted.isdecimal() else wanted
    fitting = [name for name in names if number in (name, *name.split("_", 1))]
    if not fitting:
        said = f"there is no chapter {wanted!r}" if wanted else "say which chapter"
        raise CannotHandIn(f"{said}, as in `make hand-in CHAPTER={names[0]}`: there are {', '.join(names)}")
    return fitting[0]


def _missing(path: Path) -> str:
    others = sorted(other.name for other in path.parent.glob("*.ipynb*") if other.is_file())
    if others:
        return (
            f"there is no {path}, only {', '.join(others)}: rename the one that is your work to {path.name}"
        )
    return f"there is no {path}: `make lab` copies the chapters into {path.parent.parent}/"


def _notebook(content: bytes, path: Path) -> NotebookNode:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about ids of cells, which older programs do not write
            return nbformat.reads(content.decode("utf-8"), as_version=4)
    except Exception:  # nbformat fails in many ways on what is no notebook
        copy = path.parent / ".ipynb_checkpoints" / f"{path.stem}-checkpoint.ipynb"
        help = f": JupyterLab keeps an older copy in {copy}" if copy.exists() else ""
        raise CannotHandIn(f"{path} is not a notebook any more, so nothing was packed{help}") from None


def _ids(notebook: NotebookNode) -> set[str]:
    return {nbgrader(cell).get("grade_id", "") for cell in notebook.cells} - {""}


# ---- what is beside it


def files(work: Work) -> tuple[dict[str, bytes], list[str]]:
    """(path in the chapter's folder -> content, sentences about what is left out).

    The notebook, and what is beside it but for other notebooks, hidden files and caches; small files first.
    """
    packed, left = {work.path.name: work.content}, MOST_BYTES - len(work.content)
    problems, others = [], []
    if left < 0:
        problems.append(
            f"the notebook has {_mib(len(work.content))}, and grading reads {_mib(MOST_BYTES)} at most: "
            "choose Edit > Clear Outputs of All Cells, save, and hand in again"
        )
    for path in sorted(_beside(work), key=lambda path: (path.stat().st_size, path)):
        name, size = path.relative_to(work.folder).as_posix(), path.stat().st_size
        if path.suffix == ".ipynb":
            others.append(name)
            continue
        if size > left or len(packed) == MOST_FILES:
            problems.append(
                f"{name} ({_mib(size)}) is not packed: grading reads at most {MOST_FILES:,} files of "
                f"{_mib(MOST_BYTES)} together"
            )
            continue
        packed[name], left = path.read_bytes(), left - size
    if others:
        problems.append(f"other notebooks are not packed: {_list(others)}")
    return packed, problems


def _beside(work: Work) -> list[Path]:
    """What is in the chapter's folder besides the notebook; hidden files, caches and links left out."""
    found = []
    for path in sorted(work.folder.rglob("*")):
        inside = path.relative_to(work.folder).parts
        hidden = any(part in JUNK or part.startswith(".") for part in inside)
        if path.is_file() and not path.is_symlink() and not hidden and path != work.path:
            found.append(path)
    return found


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _list(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


# ---- looking at it


def compared(work: Work) -> Iterator[str]:
    """What differs from the chapter as it was handed out, as far as it matters."""
    count = Counter(nbgrader(cell).get("grade_id", "") for cell in work.notebook.cells)
    mine = {nbgrader(cell).get("grade_id", ""): cell for cell in work.notebook.cells}
    changed = []
    if not count.keys() & _ids(work.released):
        yield "its cells have lost what marks them as the course's; grading finds the answers by their names"
        return
    for cell in work.released.cells:
        name = nbgrader(cell).get("grade_id")
        if name and not count[name]:
            what = f"check of `{exercise_of(name)}`" if is_test(cell) else f"answer cell `{name}`"
            yield f"the {what} is missing: copy it from a fresh notebook of the chapter"
        elif name and count[name] > 1:
            yield f"the cell `{name}` is there {count[name]} times: keep one"
        elif is_test(cell) and mine[name].source.strip() != cell.source.strip():
            changed.append(exercise_of(name))
    if changed:
        yield (
            f"these checks are not as in the course: {_list(changed)} (you changed them, or the course was "
            "updated); grading uses the course's own"
        )


def unanswered(work: Work) -> list[str]:
    """The grade_ids of the written questions without an answer."""
    stubs = {nbgrader(cell)["grade_id"]: cell.source for cell in work.released.cells if is_written(cell)}
    answers = {
        name: cell for cell in work.notebook.cells if (name := nbgrader(cell).get("grade_id")) in stubs
    }
    return [name for name, cell in answers.items() if cell.source.strip() in ("", stubs[name].strip())]


def newer(work: Work) -> list[str]:
    """Other notebooks in the folder that were saved later than the one that is handed in."""
    others = [path for path in work.folder.glob("*.ipynb") if path != work.path]
    saved = work.path.stat().st_mtime
    return sorted(path.name for path in others if path.stat().st_mtime > saved)


# ---- running it


def records(work: Work) -> Run:
    """The check records that the notebook was saved with."""
    return Run(saved=True, records=[one for cell in work.notebook.cells for one in _records(cell)])


def _records(cell: NotebookNode) -> list[Record]:
    return record.read(cell.get("outputs", []))


def run(work: Work, packed: dict[str, bytes], *, experiments: bool = False, seconds: float = SECONDS) -> Run:
    """Run the notebook in a fresh kernel, in a folder that holds what was packed and nothing else.

    experiments: also the cells with this tag, which grading leaves out. seconds: for all cells together.
    """
    notebook = nbformat.from_dict(json.loads(json.dumps(work.notebook)))
    result, started = Run(saved=False), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hand-in-") as folder:
        for name, content in packed.items():
            (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder) / name).write_bytes(content)
        _run_cells(notebook, Path(folder), result, experiments, started + seconds)
    result.seconds = time.monotonic() - started
    return result


def _run_cells(notebook: NotebookNode, folder: Path, result: Run, experiments: bool, end: float) -> None:
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        allow_errors=True,
        interrupt_on_timeout=True,
        iopub_timeout=60,
    )
    client.log.setLevel("CRITICAL")
    skipped = [] if experiments else [cell for cell in notebook.cells if _is_left_out(cell)]
    with client.setup_kernel(stderr=subprocess.DEVNULL):  # where it warns of its own sockets
        for place, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            cell.outputs = []
            if not experiments and _is_left_out(cell):
                result.skipped += 1
            elif end <= time.monotonic():
                result.cut = f"the time was used up before {_named(cell, place)}"
                return
            elif not _run_cell(client, cell, place, result, end):
                result.cut = f"{_named(cell, place)} ended the kernel, so the cells below it did not run"
                return
            result.errors += _errors(cell, place, skipped)


def _is_left_out(cell: NotebookNode) -> bool:
    return is_experiment(cell) and not nbgrader(cell)


def _run_cell(client: NotebookClient, cell: NotebookNode, place: int, result: Run, end: float) -> bool:
    """Run one cell and note its records. False if the kernel is gone."""
    started = time.monotonic()
    client.timeout = _limit(end)
    try:
        client.execute_cell(cell, place)
    except DeadKernelError:
        return False
    if time.monotonic() - started >= client.timeout:
        result.errors.append(f"{_named(cell, place)} was stopped after {client.timeout} s")
    result.records += _records(cell)
    return True


def _limit(end: float) -> int:
    """How many seconds the next cell may take."""
    return max(1, min(CELL_SECONDS, int(end - time.monotonic())))


def _errors(cell: NotebookNode, place: int, skipped: list[NotebookNode]) -> Iterator[str]:
    for output in cell.outputs:
        if output.output_type != "error" or output.ename == "KeyboardInterrupt":
            continue  # the latter: it was stopped, which is said already
        first = output.evalue.strip().splitlines()[:1]
        said = ": ".join([output.ename, *first])
        name = output.evalue.split("'")[1] if output.ename == "NameError" and "'" in output.evalue else ""
        if output.ename == "StdinNotImplementedError":
            said = "it waits for input, and nobody answers when it is graded"
        elif any(name in _made(other.source) for other in skipped):
            said += f" (an experiment makes `{name}`, and experiments were left out: --experiments runs them)"
        yield f"{_named(cell, place)}: {said}"


def _made(source: str) -> set[str]:
    """The names that a cell gives a meaning."""
    try:
        body = ast.parse(source)
    except SyntaxError:  # a cell with magics
        return set()
    stored = {
        node.id for node in ast.walk(body) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return stored | {node.name for node in ast.walk(body) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def _named(cell: NotebookNode, place: int) -> str:
    """How a person finds a cell: by its exercise, or by its number and first line."""
    name = nbgrader(cell).get("grade_id", "")
    if name:
        return f"the check of `{exercise_of(name)}`" if exercise_of(name) else f"the cell `{name}`"
    lines = [line.strip() for line in cell.source.splitlines() if line.strip()] or ["empty"]
    return f"cell {place + 1} (`{lines[0][:50]}`)"


# ---- what is left to do


def unfinished(work: Work, run: Run) -> Iterator[tuple[str, str]]:
    """(exercise, what is left to do, with the points) of each that is not finished, in order."""
    for name, offered in _exercises(work.released).items():
        found = [one for one in run.records if one.exercise == name and not one.hidden]
        failed = [one for one in found if one.status == "failed"]
        earned = sum(one.earned for one in found)
        of = f", {earned:g} of {offered:g} points" if offered else ""
        open_ones = [one.message for one in found if one.status == "not done"]
        if not found:
            yield name, ": you have not run its check" if run.saved else ": its check did not run"
        elif failed:
            yield name, f"{of}: {_failure(failed)}"
        elif open_ones:
            yield name, f"{of}: {open_ones[0]}"


def _failure(failed: list[Record]) -> str:
    """What went wrong first, in a line, and how much more."""
    first, more = failed[0], len(failed) - 1
    message = " ".join(first.message.split())
    message = message if len(message) <= MOST_LETTERS else f"{message[:MOST_LETTERS]}..."
    return message + (f" (and {more} more)" if more else "")


def lost(work: Work, run: Run) -> list[str]:
    """The exercises that pass in the saved notebook, and do not in a fresh kernel."""
    if run.saved:
        return []
    gone = _passed(records(work).records) - _passed(run.records)
    if run.cut:  # whose check did not run has lost nothing
        gone &= {one.exercise for one in run.records}
    return [name for name in _exercises(work.released) if name in gone]


def _passed(found: list[Record]) -> set[str]:
    return {one.exercise for one in found} - {one.exercise for one in found if one.status != "passed"}


def _exercises(released: NotebookNode) -> dict[str, float]:
    """Exercise -> points of its visible cases, in the order of the chapter."""
    tests = [cell for cell in released.cells if is_test(cell)]
    return {
        exercise_of(nbgrader(cell)["grade_id"]): sum(one.points for one in cases(cell.source))
        for cell in tests
    }


# ---- packing it


def pack(work: Work, packed: dict[str, bytes], to: Path, now: datetime) -> Path:
    """Write the zip: a folder with the chapter's name, as the grader expects it. Returns its path."""
    to.mkdir(parents=True, exist_ok=True)
    path = to / f"{work.name}-{now:%Y-%m-%d-%H%M%S}.zip"
    unfinished = path.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in packed.items():
            info = zipfile.ZipInfo(f"{work.name}/{name}", now.timetuple()[:6])
            info.external_attr, info.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    unfinished.replace(path)
    return path


# ---- saying it


def report(work: Work, run: Run, problems: list[str]) -> Iterator[str]:
    """What the student should know before handing in, line by line."""
    titles = _titles(work.released)
    open_ones = [f"{titles[name]}{said}" for name, said in unfinished(work, run)]
    open_ones += [f"{titles[name]}: no answer yet" for name in unanswered(work)]
    look = [
        f"{titles[name]} passes in your notebook, and not in a fresh kernel: it needs something that the "
        "notebook does not make any more, or makes further below"
        for name in lost(work, run)
    ]
    more = len(run.errors) - MOST_NAMES
    look += run.errors[:MOST_NAMES] + ([f"{more} more cells fail"] if more > 0 else [])
    look += [*([run.cut] if run.cut else []), *compared(work), *problems]
    look += [
        f"{name} was saved later than {work.path.name}: which of them is your work?" for name in newer(work)
    ]
    yield from _section("Not finished:", open_ones)
    yield from _section("Look at this:", look)
    earned = sum(one.earned for one in run.records if not one.hidden)
    points = sum(nbgrader(cell).get("points", 0) for cell in work.released.cells)
    offered = sum(_exercises(work.released).values())
    where = "as you saved it" if run.saved else "in a fresh kernel"
    yield ""
    yield (
        f"Visible checks, {where}: {earned:g} of {offered:g} points. The chapter has {points:g}: "
        "hidden checks and written answers are judged when it is graded."
    )


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield from ["", title, *(f"  - {line}" for line in lines)]


def _titles(released: NotebookNode) -> dict[str, str]:
    """Exercise or written question -> what its heading calls it, such as "Exercise 1.1: `ramp`"."""
    titles, heading = {}, ""
    for cell in released.cells:
        if cell.cell_type == "markdown":
            heading = [heading, *HEADING.findall(cell.source)][-1]
        name = nbgrader(cell).get("grade_id")
        if name:
            titles[exercise_of(name) or name] = heading or f"`{exercise_of(name) or name}`"
    return titles


def main(arguments: list[str] | None = None) -> int:
    """Check, run and pack one chapter. Returns the exit status: 0 if there is a file to hand in."""
    chosen = _parser().parse_args(arguments)
    sys.stdout.reconfigure(errors="replace")  # a console of Windows may lack a letter of a message
    try:
        work = find(chosen.chapter, Path("notebooks"), Path("work"))
        _hand_in(work, chosen)
    except CannotHandIn as error:
        print(f"hand-in: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("hand-in: stopped, so nothing was packed", file=sys.stderr)
        return 130
    return 0


def _hand_in(work: Work, chosen: argparse.Namespace) -> None:
    saved = datetime.fromtimestamp(work.path.stat().st_mtime)
    print(f"{work.path.as_posix()}, as you saved it at {saved:%H:%M} on {saved.day} {saved:%B %Y}.")
    print("If you have changed it since, save it (Ctrl-S) and run this again.")
    packed, problems = files(work)
    if chosen.run:
        left_out = "" if chosen.experiments else ", without the experiments"
        print(f"Running it in a fresh kernel{left_out}; this may take some minutes ...", flush=True)
        result = run(work, packed, experiments=chosen.experiments, seconds=chosen.seconds)
    else:
        result = records(work)
    for line in report(work, result, problems):
        print(line)
    now = datetime.now().astimezone()
    path = pack(work, packed, Path("hand-in"), now)
    print(f"\nPacked: {path.as_posix()}, with {_list(sorted(packed))}")
    print(f"Checksum (SHA-256): {hashlib.sha256(path.read_bytes()).hexdigest()}")
    print(f"Time: {now:%H:%M:%S} on {now.day} {now:%B %Y} (UTC{now:%z})")
    print(f"\nTo hand in, upload {path.name} to the page of your course: nothing is sent by itself.")
    print("You may go on working and pack again at any time.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m course_utils.hand_in",
        description="Check a chapter of work/, run it once in a fresh kernel, and pack it for handing in.",
    )
    parser.add_argument("chapter", nargs="?", default="", help="such as 01_tensors, or 1")
    parser.add_argument(
        "--run", action=argparse.BooleanOptionalAction, default=True, help="in a fresh kernel, before packing"
    )
    parser.add_argument("--experiments", action="store_true", help="run the experiments, too")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="N", help="stop the run after so long"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
