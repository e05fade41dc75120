"""What a learning platform gives, a zip or a folder of uploads: read without trusting a name or a size."""

import lzma
import os
import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from course_grader.collecting.roster import Who
from course_grader.handed_in.submission import JUNK, MOST_FILES, is_notebook
from course_grader.job import LIMITS, GraderError

LIMIT = LIMITS.files  # bytes that one student may hand in
# What reading a zip may raise; NotImplementedError is a RuntimeError.
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OSError, ValueError)
OTHER_ARCHIVES = {
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zX": "an xz archive",
}
# What editors and archives leave behind; timestamp.txt is looked at elsewhere.
LEFTOVERS = {*JUNK, "__pycache__", "Thumbs.db", "desktop.ini", ".git", ".github"} - {"timestamp.txt"}

NBGRADER = "nbgrader's folders"
OLDER = ".older"  # behind a chapter's name: what a student handed in before, or besides

# Moodle: "Ada Lovelace_123_assignsubmission_file_/tensors.ipynb", or "..._file_tensors.ipynb"; since 4.1 a
# folder ends without the underscore. 123 is the Identifier in the grading worksheet.
MOODLE = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_(?P<file>.*))?")
# Canvas: "lovelaceada_LATE_123_456_tensors-1.ipynb": 123 is the student, 456 the file, 1 a second upload.
CANVAS = re.compile(
    r"(?P<name>.+?)(?P<late>_LATE)?_(?P<number>\d+)_(?:(?P<order>\d+)_(?P<file>.+)|(?P<page>text|link)\.html)"
)
# Blackboard, as in nbgrader's own example: "ps1_ada_attempt_2016-01-30-15-30-10_tensors.ipynb".
BLACKBOARD = re.compile(
    r".*_(?P<name>[^_]+)_attempt_(?P<time>\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)(?:_(?P<file>.+)|\.txt)"
)


class Refused(Exception):
    """An upload, or a file in one, is not taken; the message says why."""


@dataclass(frozen=True)
class Entry:
    """A file in a zip or a folder. path: with "/", as text. when: as the zip says, without a zone."""

    path: str
    size: int
    open: Callable[[], BinaryIO]
    when: datetime | None = None

    def read(self, most: int) -> bytes:
        """The whole file. Raises Refused where it has more bytes, whatever it says about its size."""
        try:
            with self.open() as file:
                content = file.read(most + 1)
        except BROKEN as error:
            raise Refused(_why_broken(error)) from None
        if len(content) > most:
            raise Refused(f"a submission has at most {LIMIT / 2**20:g} MiB, and this is more")
        return content


@dataclass(frozen=True)
class Upload:
    """One file that a student uploaded. name: of the file, perhaps in folders. late: says the platform.

    order: grows with every upload, or 0. when: handed in, in the platform's zone; None if it does not say.
    """

    entry: Entry
    who: Who
    name: str
    late: bool = False
    order: int = 0
    when: datetime | None = None


@contextmanager
def opened(path: Path) -> Iterator[tuple[list[Entry], dict[str, str]]]:
    """(entries, path -> why it is refused) of a folder or a zip. Raises GraderError if it is neither."""
    if path.is_dir():
        yield folder_entries(path)
        return
    if not path.is_file():
        raise GraderError(f"there is no {path}: name the zip of the platform, or a folder")
    with path.open("rb") as file:
        try:
            archive = zipfile.ZipFile(file)
        except BROKEN as error:
            file.seek(0)
            raise GraderError(f"{path} cannot be opened: {why_no_zip(file.read(6), error)}") from None
        yield zip_entries(archive)


def folder_entries(folder: Path) -> tuple[list[Entry], dict[str, str]]:
    """All regular files below a folder, and what is none."""
    entries, refused = [], {}
    for parent, folders, files in os.walk(folder):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for name in sorted(files + links):
            path = Path(parent, name)
            shown = path.relative_to(folder).as_posix().encode(errors="replace").decode()
            if _is_leftover(shown):
                continue
            if stat.S_ISREG(path.lstat().st_mode):
                entries.append(Entry(shown, path.lstat().st_size, partial(path.open, "rb")))
            else:
                refused[shown] = "it is a link or no regular file"
    return entries, refused


def zip_entries(archive: zipfile.ZipFile) -> tuple[list[Entry], dict[str, str]]:
    """The files of a zip whose names are harmless, and why others are not taken."""
    entries, refused, seen = [], {}, set()
    for info in archive.infolist():
        path = _decoded(info).replace("\\", "/")
        if path.endswith("/") or _is_leftover(path):
            continue
        try:
            path = _harmless(path)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise Refused("it is a link or no regular file")
            if path in seen:
                raise Refused("a file of the same name comes before it in the zip")
        except Refused as reason:
            refused[path if path not in seen else f"{path} (again)"] = str(reason)
            continue
        seen.add(path)
        entries.append(Entry(path, info.file_size, partial(archive.open, info), _time(info)))
    return entries, refused


def _decoded(info: zipfile.ZipInfo) -> str:
    """The name of a member. Canvas and old programs write UTF-8 without saying so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _harmless(path: str) -> str:
    """A path that stays inside a folder. Raises Refused."""
    parts = path.split("/")
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in parts:
        raise Refused("its name leads out of the folder")
    if not path.isprintable():
        raise Refused("its name has characters that cannot be shown")
    return "/".join(part for part in parts if part not in ("", "."))


def _time(info: zipfile.ZipInfo) -> datetime | None:
    try:
        when = datetime(*info.date_time)
    except ValueError:
        return None
    return when if when.year > 1980 else None  # where no time is known, zips say 1980


def _is_leftover(path: str) -> bool:
    return any(part in LEFTOVERS or part.startswith("._") for part in path.split("/"))


def why_no_zip(start: bytes, error: Exception) -> str:
    """Why something is no zip that can be read. start: its first bytes."""
    return other_archive(start) or ("it is no zip" if "not a zip" in str(error) else _why_broken(error))


def other_archive(start: bytes) -> str:
    """A sentence about an archive that is not opened; empty if it is none."""
    names = (name for begins, name in OTHER_ARCHIVES.items() if start.startswith(begins))
    return next((f"it is {name}: ask for a zip" for name in names), "")


def _why_broken(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"it cannot be read ({error.strerror})"
    if "password" in str(error) or "encrypted" in str(error):
        return "it is locked with a password: ask for a zip without one"
    return f"it is broken ({error or type(error).__name__})"


def notebooks_first(name: str, entry: Entry) -> tuple[bool, int, str]:
    """A key that sorts files into the order in which they are read: then the small ones, by their path."""
    return not is_notebook(name), entry.size, entry.path


def files_of(entries: list[Entry], limit: int) -> tuple[dict[str, bytes], dict[str, str]]:
    """(path -> content, path -> why it is refused): notebooks and small files first, up to `limit` bytes."""
    files, refused = {}, {}
    for entry in sorted(entries, key=lambda one: notebooks_first(one.path, one)):
        try:
            if len(files) >= MOST_FILES:
                raise Refused(f"a submission has at most {MOST_FILES:,} files")
            files[entry.path] = entry.read(limit)
            limit -= len(files[entry.path])
        except Refused as reason:
            refused[entry.path] = str(reason)
    return files, refused


def is_zip(name: str, content: bytes) -> bool:
    """Whether this is to be opened as a zip, by its name or by its first bytes."""
    return name.lower().endswith(".zip") or content.startswith(b"PK\x03\x04")


# ---- whose file it is


def parsed(entries: list[Entry], assignment: str) -> tuple[str, list[Upload], dict[str, str]]:
    """(where the files come from, uploads, path -> why nobody knows whose it is).

    The platform is the one whose way of naming files most of them have; else they are in nbgrader's folders,
    STUDENT/01_tensors/..., or in one folder, clone or file for each student.
    """
    forms = {
        "files from Moodle": _moodle,
        "files from Canvas": _canvas,
        "files from Blackboard": _blackboard,
        NBGRADER: partial(_nbgrader, assignment=assignment),
    }
    count = Counter(name for name, form in forms.items() for entry in entries if form(entry))
    name = count.most_common(1)[0][0] if count else "folders or files with the names of students"
    plain = partial(_plain, assignment=assignment, prefix=_prefix(entries, assignment))
    expected = f"STUDENT/{assignment}/..." if name == NBGRADER else f"as {name}"
    uploads, refused = [], {}
    for entry in entries:
        if name == NBGRADER and f"{assignment}{OLDER}" in entry.path.split("/"):
            continue
        upload = forms.get(name, plain)(entry)
        if upload is None:
            refused[entry.path] = f"it is not named {expected}, and the other files are"
        else:
            uploads.append(upload)
    return name, uploads, refused


def _moodle(entry: Entry) -> Upload | None:
    parts = entry.path.split("/")
    for place, part in enumerate(parts):
        if match := MOODLE.fullmatch(part):
            name = "/".join([*filter(None, [match["file"]]), *parts[place + 1 :]])
            return Upload(entry, Who((match["name"],), match["number"]), name or part)
    return None


def _canvas(entry: Entry) -> Upload | None:
    match = CANVAS.fullmatch(entry.path.rpartition("/")[2])
    if not match:
        return None
    # A module that came again as helper-1.py could not be imported.
    name = re.sub(r"-\d+(?=\.py$)", "", match["file"] or f"{match['page']}.html")
    who = Who((match["name"],), match["number"])
    return Upload(entry, who, name, late=bool(match["late"]), order=int(match["order"] or 0))


def _blackboard(entry: Entry) -> Upload | None:
    match = BLACKBOARD.fullmatch(entry.path.rpartition("/")[2])
    if not match:
        return None
    when = datetime.strptime(match["time"], "%Y-%m-%d-%H-%M-%S")
    return Upload(entry, Who((match["name"],)), match["file"] or "blackboard.txt", when=when)


def _nbgrader(entry: Entry, assignment: str) -> Upload | None:
    parts = entry.path.split("/")
    if assignment not in parts[1:-1]:
        return None
    place = parts.index(assignment, 1)
    return Upload(entry, Who((parts[place - 1],)), "/".join(parts[place + 1 :]))


def _plain(entry: Entry, assignment: str, prefix: str) -> Upload:
    """A student's folder, or a file named by the student and perhaps the chapter.

    prefix: what the names of all folders begin with, which may be none of the student's.
    """
    first, _, rest = entry.path.partition("/")
    if rest:
        return Upload(entry, Who(tuple(dict.fromkeys((first, first.removeprefix(prefix))))), rest)
    chapter = assignment.split("_", 1)[1]
    stem = re.sub(r"(\.ipynb|\.zip)(\.\w+)?$", "", first, flags=re.IGNORECASE)
    short = re.sub(rf"[-_. ]*({re.escape(assignment)}|{re.escape(chapter)})[-_. ]*", "", stem)
    texts = tuple(dict.fromkeys(text for text in (stem, short) if text)) or (first,)
    return Upload(entry, Who(texts), f"{chapter}.ipynb" if is_notebook(first) else first)


def _prefix(entries: list[Entry], assignment: str) -> str:
    """What the names of all folders begin with, as `tensors-` of clones from GitHub; or nothing."""
    folders = {entry.path.partition("/")[0] for entry in entries if "/" in entry.path}
    for chapter in (assignment, assignment.replace("_", "-"), assignment.split("_", 1)[1]):
        if folders and all(folder.startswith(f"{chapter}-") for folder in folders):
            return f"{chapter}-"
    shared = os.path.commonprefix(sorted(folders)) if len(folders) > 1 else ""  # noqa: RUF071 (characters)
    return shared[: shared.rfind("-") + 1]
