"""What a chapter, a cell, a region, a case and a check record are: one grammar, parsed here and nowhere else.

text.py reads a chapter's text source, chapter.py turns it into a notebook, rules.py holds it to the rules,
cells.py knows the roles of cells and what is in them, record.py what a case leaves behind, term.py reads the
plan of a term. Nothing here imports torch, nbgrader or another package of the course.
"""


class CourseError(Exception):
    """A command cannot go on; the message says why and what to do."""
