"""Finds the submissions of a chapter in what one student uploaded: loose files, and zips of them."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

import nbformat

from course_format.cells import is_answer, nbgrader
from course_format.chapter import Chapter, chapters
from course_grader.collecting import uploads
from course_grader.collecting.uploads import Refused, Upload, is_zip
from course_grader.handed_in import timestamps
from course_grader.handed_in.parse import UnreadableNotebook, parse_notebook
from course_grader.handed_in.submission import MOST_FILES, is_notebook, printable

STAMP = "timestamp.txt"
PACKED = re.compile(r"-(\d{4}-\d\d-\d\d-\d{6})[^/]*\.zip$")  # when hand-in packed it, by the student's clock
MADE = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)

Files = dict[str, bytes]  # path in the submission -> content


@dataclass(frozen=True)
class Submission:
    """One notebook of the chapter, under the chapter's name, with the files beside it.

    source: the path of what was uploaded. name: of the notebook in it. stamp: what timestamp.txt is to say;
    may be empty. when: in UTC. order: of the upload. packed: when hand-in packed it. These three are empty
    where they are not known.
    """

    source: str
    name: str
    files: Files
    stamp: str
    when: datetime | None
    order: int
    packed: str

    def is_newer_than(self, other: "Submission") -> bool:
        """Whether one of the two is known to have been handed in after the other; sorting tells which."""
        mine, theirs = (self.when, self.order, self.packed), (other.when, other.order, other.packed)
        return any(one and two and one != two for one, two in zip(mine, theirs, strict=True))


class Finder:
    """What was found in one student's uploads. notes: sentences. refused: path -> why it is not taken.

    trusted: whether timestamp.txt among the uploads is not the student's own.
    """

    def __init__(self, chapter: Chapter, trusted: bool) -> None:
        self._chapter, self._trusted = chapter, trusted
        self.notes: list[str] = []
        self.refused: dict[str, str] = {}

    def find(self, theirs: list[Upload]) -> list[Submission]:
        """The submissions, the newest first. What was uploaded beside zips goes with each."""
        zipped: list[Submission] = []
        loose: dict[str, tuple[Upload, bytes]] = {}
        for upload, content in self._contents(theirs):
            if is_zip(upload.name, content):
                zipped += self._from_zip(upload, content)
                continue
            name = upload.name
            while name in loose:
                name = f"again-{name}"
            loose[name] = (upload, content)
        files = {name: content for name, (_, content) in loose.items()}
        stamp = self._take_stamp(files)
        apart, beside, reasons = self._split(files)
        found = [replace(one, files=_joined(one.files, beside)) for one in zipped]
        for name, own in apart:
            upload = loose[name][0]
            found.append(self._submission(upload, upload.entry.path, name, own, stamp))
        found = self._sorted(found)
        if not found:
            for name in beside:
                upload, content = loose[name]
                reason = reasons.get(name) or uploads.other_archive(content)
                self.refused[upload.entry.path] = reason or "no notebook of the chapter came with it"
        elif len(found) > 1 and not found[0].is_newer_than(found[1]):
            self.notes.append("which of the submissions is the newest is not known: look at them")
        return found

    def _contents(self, theirs: list[Upload]) -> Iterator[tuple[Upload, bytes]]:
        """The uploads with their contents, notebooks and small ones first, as far as the limits allow."""
        left = uploads.LIMIT
        in_order = sorted(theirs, key=lambda one: uploads.notebooks_first(one.name, one.entry))
        for place, upload in enumerate(in_order):
            try:
                if place >= MOST_FILES:
                    raise Refused(f"a submission has at most {MOST_FILES:,} files")
                content = upload.entry.read(left)
            except Refused as reason:
                self.refused[upload.entry.path] = str(reason)
                continue
            left -= 0 if is_zip(upload.name, content) else len(content)
            yield upload, content

    def _from_zip(self, upload: Upload, content: bytes) -> list[Submission]:
        """The submissions in the zip of a student; most often one."""
        outer = upload.entry.path
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                entries, strange = uploads.zip_entries(archive)
                files, unread = uploads.files_of(entries, uploads.LIMIT)
        except uploads.BROKEN as error:
            self.refused[outer] = uploads.why_no_zip(content[:6], error)
            return []
        self._take_stamp(files)
        apart, _, reasons = self._split(files)
        why_not = strange | unread | ({} if apart else reasons)
        self.refused |= {f"{outer}: {name}": why for name, why in why_not.items()}
        if not apart and not reasons:
            inner = ", only another zip" if any(is_zip(*one) for one in files.items()) else ""
            self.refused[outer] = f"there is no notebook in the zip{inner}"
        return [self._submission(upload, outer, name, own, "") for name, own in apart]

    def _take_stamp(self, files: Files) -> str:
        """What timestamp.txt says, where nbgrader or the instructor wrote it; the file is taken out."""
        for name in [name for name in files if name.rpartition("/")[2] == STAMP]:
            stamp = files.pop(name).decode("utf-8", "replace").strip()
            if self._trusted and name == STAMP:
                return stamp
            self.notes.append(f"the student's own {printable(name)} does not count: the platform says when")
        return ""

    def _split(self, files: Files) -> tuple[list[tuple[str, Files]], Files, dict[str, str]]:
        """Take apart what may hold several notebooks of the chapter.

        Returns [(the notebook's name, the files of its submission)], all other files, and why notebooks among
        these are not of the chapter. In a submission, names begin at the notebook's folder; what is outside
        of it keeps its own.
        """
        reasons = {name: _why_not_of(files[name], self._chapter) for name in files if is_notebook(name)}
        others = {name: content for name, content in files.items() if reasons.get(name) != ""}
        apart = []
        for name in (name for name in files if name not in others):
            folder = name[: name.rfind("/") + 1]
            inside = [other for other in others if other.startswith(folder)]
            beside = {other.removeprefix(folder): others[other] for other in inside}
            outside = {other: content for other, content in others.items() if other not in inside}
            own = {self._chapter.solved.name: files[name]}
            apart.append((name, _joined(_joined(own, beside), outside)))
        return apart, others, {name: reason for name, reason in reasons.items() if reason}

    def _submission(self, upload: Upload, source: str, name: str, files: Files, stamp: str) -> Submission:
        when = timestamps.parse(stamp)[0] if stamp else upload.when
        packed = PACKED.search(source)
        return Submission(
            source, name, files, stamp or stamp_of(when), when, upload.order, packed[1] if packed else ""
        )

    def _sorted(self, found: list[Submission]) -> list[Submission]:
        """The newest first, as far as that is known, and each content once."""

        def newness(one: Submission) -> tuple:
            exact = one.name.rpartition("/")[2] == self._chapter.solved.name
            return one.when or datetime.min, one.order, one.packed, exact, one.source

        found = sorted(found, key=newness, reverse=True)
        return [one for k, one in enumerate(found) if one.files not in [other.files for other in found[:k]]]


def stamp_of(when: datetime | None) -> str:
    """A time in UTC, as timestamp.txt has it; empty if it is not known."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC" if when else ""


def _joined(files: Files, more: Files) -> Files:
    """All files. Of two with the same name and other content, the second goes into the folder `more`."""
    joined = dict(files)
    for name, content in more.items():
        while joined.setdefault(name, content) != content:
            name = f"more/{name}"
    return joined


def _why_not_of(content: bytes, chapter: Chapter) -> str:
    """Why this is no notebook of a chapter; empty if it is one."""
    try:
        cells, _ = parse_notebook(content)
    except UnreadableNotebook as reason:
        return f"it is no notebook: {reason}"
    ids = {nbgrader(cell).get("grade_id") for cell in cells}
    if len(ids & _exercises(chapter)) > len(_exercises(chapter)) / 2:
        return ""
    made = {name for cell in cells for name in MADE.findall(cell.source)}
    every = [chapter, *chapters(chapter.folder.parent)]
    count = {one.name: len((ids | made) & _exercises(one)) for one in every if one.solved.exists()}
    most = max(count, key=count.get)  # the first of equals, which is the right one
    if not count[most]:
        return f"it has no exercise of {chapter.name}"
    return "" if most == chapter.name else f"it is a notebook of {most}, not of {chapter.name}"


@cache
def _exercises(chapter: Chapter) -> set[str]:
    """The grade_ids of what the students of a chapter write."""
    cells = nbformat.read(chapter.solved, as_version=4).cells
    return {nbgrader(cell)["grade_id"] for cell in cells if is_answer(cell)}
