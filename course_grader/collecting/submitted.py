"""Puts a submission into submitted/, and what it replaces into a folder beside."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from course_grader.collecting import uploads
from course_grader.collecting.submissions import STAMP, Files, Submission
from course_grader.collecting.uploads import OLDER, Refused
from course_grader.files import replace_folder
from course_grader.handed_in import timestamps
from course_grader.handed_in.submission import printable
from course_grader.job import digest

RENAMED = r"{}(-\d+| ?\(\d+\))?\.ipynb"  # as platforms and browsers do, of what comes a second time


@dataclass
class SubmittedFolder:
    """A student's folder submitted/STUDENT/CHAPTER. notes: sentences about what was done.

    update: whether what is there may be replaced by what is newer. dry_run: nothing is written.
    """

    path: Path
    stem: str  # of the chapter
    update: bool
    dry_run: bool
    notes: list[str] = field(default_factory=list)

    def take(self, newest: Submission, others: list[Submission]) -> str:
        """Put a submission into the folder and keep the others. Returns what was done, in a few words.

        Raises Refused if something else is there.
        """
        done = self._put(newest)
        if not re.fullmatch(RENAMED.format(re.escape(self.stem)), newest.name.rpartition("/")[2]):
            self.notes.append(f"{printable(newest.name)} was taken as {self.stem}.ipynb")
        for other in others:
            older = self._older(other.files)
            if not older.exists():
                self._write(other, older)
            inside = f"{other.name} in " if other.source == newest.source else ""
            kept = f"kept in {shown(older)}"
            self.notes.append(f"{printable(inside + other.source)} is another submission: {kept}")
        return done

    @property
    def stamp(self) -> str:
        """What timestamp.txt says now; empty if there is none."""
        path = self.path / STAMP
        return path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""

    def _put(self, new: Submission) -> str:
        if not os.path.lexists(self.path):
            self._write(new, self.path)
            return "collected"
        entries, _ = uploads.folder_entries(self.path)
        old, _ = uploads.files_of(entries, 2 * uploads.LIMIT)
        old.pop(STAMP, None)
        if old == new.files:
            return self._set_stamp(new)
        before, _ = timestamps.parse(self.stamp)
        if not self.update:
            raise Refused(f"{shown(self.path)} holds something else: --update replaces it by what is newer")
        if new.when and before and new.when <= before:
            raise Refused(f"{shown(self.path)} holds what was handed in later, at {before} UTC")
        older = self._older(old)
        self.notes.append(f"what was there before is kept in {shown(older)}")
        if not (new.when and before):
            self.notes.append("which of the two is newer is not known: look at them")
        if not self.dry_run and not older.exists():
            older.parent.mkdir(exist_ok=True)
            self.path.rename(older)
        self._write(new, self.path)
        return "updated"

    def _set_stamp(self, new: Submission) -> str:
        """The files are there already; perhaps not the time."""
        before = self.stamp
        if not new.stamp or timestamps.parse(before)[0] == new.when:
            return "unchanged"
        if before and not self.update:
            said = f"{STAMP} says {printable(before)}, and the platform {new.stamp}"
            self.notes.append(f"{said}: --update writes the latter")
            return "unchanged"
        if not self.dry_run:
            (self.path / STAMP).write_text(f"{new.stamp}\n", encoding="utf-8")
        return "time updated" if before else "time added"

    def _write(self, new: Submission, folder: Path) -> None:
        if not self.dry_run:
            stamp = {STAMP: f"{new.stamp}\n".encode()} if new.stamp else {}
            replace_folder(folder, new.files | stamp)

    def _older(self, files: Files) -> Path:
        """Where these files of an older submission are kept."""
        return self.path.with_name(self.path.name + OLDER) / digest(files)[:8]


def shown(path: Path) -> str:
    """A path from submitted/ on, for sentences."""
    return "/".join(path.parts[-4 if OLDER in path.parent.name else -3 :])
