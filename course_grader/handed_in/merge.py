"""Merges a submission with its chapter: the student's cells in their order, the chapter's own tests."""

import copy
from collections import Counter
from collections.abc import Iterator
from functools import cached_property

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import is_solution

from course_format.cells import EXPERIMENT, exercise_of, is_test, nbgrader
from course_grader.handed_in import written
from course_grader.handed_in.recognise import Recognised
from course_grader.handed_in.released import definitions_in, is_answer_code, visible_source

ANOTHER = "no cell of this chapter is in it: is it another notebook?"
Placed = list[tuple[int | None, NotebookNode]]  # cells, with their places in the submission


def merge(found: Recognised, documents: list[str]) -> tuple[list[NotebookNode], list[str]]:
    """The cells to run, and sentences about what was missing, repeated or changed.

    documents: names of texts and pictures that were handed in beside the notebook.
    """
    return _Merge(found, documents).result()


def is_imports(cell: NotebookNode, imports: NotebookNode) -> bool:
    """Whether this is the cell with the imports, as it was handed out or with most of what it held."""
    theirs, ours = ({*source.split("\n")} - {""} for source in (cell.source, imports.source))
    most = 2 * len(theirs & ours) >= len(ours)
    return (cell.get("id") == imports.id or most) and cell.cell_type == "code"


class _Merge:
    def __init__(self, found: Recognised, documents: list[str]) -> None:
        self.found = found
        self.cells, self.names, self.released = found.cells, found.names, found.released
        self.graded = self.released.graded
        self.documents = documents

    def result(self) -> tuple[list[NotebookNode], list[str]]:
        written_elsewhere = written.collect(self.found, self.chosen, self.documents) if self.names else {}
        cells = self._cells(written_elsewhere)
        notes = [*self._notes(), *(f"{name}: {answer.note}" for name, answer in written_elsewhere.items())]
        if not any(is_imports(cell, self.released.imports) for cell in self.cells):
            cells.insert(0, copy.deepcopy(self.released.imports))
            notes.append("the first code cell, with the imports, is missing and was put back")
        return cells, notes if self.names else [ANOTHER]

    def _cells(self, written_elsewhere: dict[str, written.Found]) -> list[NotebookNode]:
        merged = list(self._in_order())
        for name in self.graded:
            if name in self.early or name in self.put_back:
                self._insert(merged, name)
        for _, cell in merged:
            if nbgrader(cell).get("grade_id") in written_elsewhere:
                written_elsewhere[nbgrader(cell)["grade_id"]].write_into(cell)
        return [cell for _, cell in merged]

    @cached_property
    def chosen(self) -> dict[str, int]:
        """grade_id -> the place of the cell that counts."""
        return {name: place for name, place in self._candidates.items() if name not in self.homes}

    @cached_property
    def _candidates(self) -> dict[str, int]:
        """grade_id -> the place of the cell that bears it and counts, if it has an answer.

        It matters only where several have the same name. Of tests that is the last one. Of answers it is the
        last before the test in which something was written: that one the test would see if the notebook ran
        from top to bottom.
        """
        chosen: dict[str, int] = {}
        for name in sorted(set(self.names.values()), key=lambda name: is_solution(self.graded[name])):
            places = [place for place in self.names if self.names[place] == name]
            if is_solution(self.graded[name]):
                places = [place for place in places if self._answered(name, place)] or places[:1]
                test = chosen.get(f"test_{name}", len(self.cells))
                places = [place for place in places if place < test] or places[:1]
            else:
                places = [place for place in places if self._as_released(name, place)] or places
            chosen[name] = max(places)
        return chosen

    @cached_property
    def homes(self) -> dict[str, int]:
        """grade_id -> the place of an answer in the cell of another one: some write all into one."""
        tests = {place for place, name in self.names.items() if is_test(self.graded[name])}
        defined = {
            place: definitions_in(cell.source)
            for place, cell in enumerate(self.cells)
            if cell.cell_type == "code" and place not in tests and not self.released.was_given(cell)
        }
        homes = {}
        for name, needed in self.released.definitions.items():
            if name in self._candidates and self._answered(name, self._candidates[name]):
                continue
            places = [place for place, there in defined.items() if needed <= there]
            if places:
                homes[name] = places[-1]
        return homes

    @cached_property
    def missing(self) -> list[str]:
        return [name for name in self.graded if name not in self.chosen and name not in self.homes]

    @cached_property
    def put_back(self) -> list[str]:
        """What is missing, but for stubs of answers in code: they would hide an answer elsewhere."""
        return [name for name in self.missing if not is_answer_code(self.graded[name])]

    @cached_property
    def early(self) -> list[str]:
        """The tests that are above their answers."""
        answers = self.chosen | self.homes
        found = [name for name in self.graded if name in self.chosen]
        return [name for name in found if self.chosen[name] < answers.get(exercise_of(name), -1)]

    def _answered(self, name: str, place: int) -> bool:
        return self.released.answered(name, self.cells[place])

    def _as_released(self, name: str, place: int) -> bool:
        return self.cells[place].source.strip() == visible_source(self.graded[name])

    def _in_order(self) -> Iterator[tuple[int | None, NotebookNode]]:
        """The student's cells and their places, but for tests that come later, and copies of given cells."""
        for place, cell in enumerate(self.cells):
            name = self.names.get(place)
            if name is not None and self.chosen.get(name) == place:
                if name not in self.early:
                    yield place, _graded(self.graded[name], cell)
            elif cell.source.strip() not in self.released.by_source:
                yield place, self._plain(cell)

    def _plain(self, cell: NotebookNode) -> NotebookNode:
        """A cell that is not graded. Only what equals an experiment of the chapter's is one."""
        tags = {"tags": [EXPERIMENT]} if self.released.is_experiment(cell) else {}
        cell.metadata = nbformat.from_dict(tags)
        return cell

    def _insert(self, merged: Placed, name: str) -> None:
        """Put a cell behind its exercise, or else behind the graded cell before it, and what was added there.

        If the answer that the cell tests has no cell of its own, behind the one that has it.
        """
        order, home = list(self.graded), self.homes.get(exercise_of(name))
        places = {nbgrader(other)["grade_id"]: n for n, (_, other) in enumerate(merged) if nbgrader(other)}
        before = [other for other in order[: order.index(name)] if other in places]
        nearest = exercise_of(name) if exercise_of(name) in places else before[-1] if before else None
        place = places[nearest] + 1 if nearest else 0
        if home is not None:
            place = max(n for n, (origin, _) in enumerate(merged) if origin == home) + 1
        while place < len(merged) and not nbgrader(merged[place][1]):
            place += 1
        merged.insert(place, (None, copy.deepcopy(self.graded[name])))

    def _notes(self) -> Iterator[str]:
        graded = self.graded
        found = {name: self.cells[self.chosen[name]] for name in graded if name in self.chosen}
        strange = [
            name
            for name, cell in found.items()
            if name not in (nbgrader(cell).get("grade_id"), cell.get("id"))
        ]
        times = Counter(self.names.values())
        lost = [name for name in self.missing if is_answer_code(graded[name])]
        changed = [n for n in found if is_test(graded[n]) and not self._as_released(n, self.chosen[n])]
        yield from _about("are missing", lost)
        yield from _about("are missing, and were put back", self.put_back)
        yield from _about("are in the cell of another exercise, and were found there", list(self.homes))
        yield from _about("have lost their names, and were recognised by what they contain", strange)
        yield from _about(
            "are there more than once, and one of each counts",
            [name for name in found if times[name] > 1 and name not in strange],
        )
        yield from _about("were changed, and the chapter's own were run", changed)
        yield from _about(
            "had their type changed, and were graded in their own",
            [name for name in found if found[name].cell_type != graded[name].cell_type],
        )
        yield from _about("stood before their exercise, and were run behind it", self.early)


def _graded(own: NotebookNode, cell: NotebookNode) -> NotebookNode:
    """The chapter's cell; with the student's source if it is there for an answer."""
    result = copy.deepcopy(own)
    if is_solution(own):
        result.source = cell.source
        if "attachments" in cell and own.cell_type == "markdown":
            result["attachments"] = cell.attachments
    return result


def _about(what: str, names: list[str]) -> Iterator[str]:
    if names:
        yield f"these cells {what}: {', '.join(names)}"
