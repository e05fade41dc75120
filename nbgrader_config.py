"""How nbgrader works in this course: `nbgrader ...`, run in the top folder, reads this file."""

from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader import preprocessors as nbgrader

from course_grader import nbgrader_steps, term

c = get_config()  # noqa: F821 (traitlets provides it)

c.CourseDirectory.course_id = "deep_learning"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
# *.py and worked.md: the texts beside the solved notebooks tell the solutions, and no step may copy them.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.py", "worked.md"]

c.GenerateAssignment.preprocessors = [
    nbgrader.LockCells,
    nbgrader_steps.MakeStubs,
    nbgrader_steps.ClearMostOutput,
    nbgrader.CheckCellMetadata,
    nbgrader.ComputeChecksums,
    nbgrader.SaveCells,
    nbgrader.ClearHiddenTests,
    nbgrader.ClearMarkScheme,
    nbgrader.ComputeChecksums,
    nbgrader.CheckCellMetadata,
    nbgrader_steps.FoldTests,
    nbgrader_steps.PutFrame,
    nbgrader_steps.SealRelease,
]

# On a busy machine a cell's outputs may take longer than nbclient's 4 seconds, and be lost.
c.Execute.iopub_timeout = 60

c.Autograde.autograde_preprocessors = [
    nbgrader_steps.SkipExperiments,
    nbgrader.Execute,
    nbgrader_steps.RequireScore,
    nbgrader.LimitOutput,
    nbgrader.SaveAutoGrades,
    nbgrader.AssignLatePenalties,
    nbgrader.CheckCellMetadata,
]

c.GenerateFeedback.preprocessors = [nbgrader.GetGrades, nbgrader_steps.HideTests, CSSHTMLHeaderPreprocessor]

# What late work costs in this term: docs/term.md.
term.configure(c, Path(__file__).with_name("term.toml"))
