"""How nbgrader works in this course: `nbgrader ...`, run in the top folder, reads this file."""

from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader import preprocessors as nbgrader

from course_builder import release_steps
from course_grader import grading_steps, lateness

c = get_config()  # noqa: F821 (traitlets provides it)

c.CourseDirectory.course_id = "deep_learning"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "notebooks"
# *.py and worked.md: the texts beside the solved notebooks tell the solutions, and no step may copy them.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.py", "worked.md"]

c.GenerateAssignment.preprocessors = [
    nbgrader.LockCells,
    release_steps.MakeStubs,
    release_steps.ClearMostOutput,
    nbgrader.CheckCellMetadata,
    nbgrader.ComputeChecksums,
    nbgrader.SaveCells,
    nbgrader.ClearHiddenTests,
    nbgrader.ClearMarkScheme,
    nbgrader.ComputeChecksums,
    nbgrader.CheckCellMetadata,
    release_steps.FoldTests,
    release_steps.PutFrame,
    release_steps.SealRelease,
]

# On a busy machine a cell's outputs may take longer than nbclient's 4 seconds, and be lost.
c.Execute.iopub_timeout = 60

c.Autograde.autograde_preprocessors = [
    grading_steps.SkipExperiments,
    nbgrader.Execute,
    grading_steps.RequireScore,
    nbgrader.LimitOutput,
    nbgrader.SaveAutoGrades,
    nbgrader.AssignLatePenalties,
    nbgrader.CheckCellMetadata,
]

c.GenerateFeedback.preprocessors = [nbgrader.GetGrades, grading_steps.HideTests, CSSHTMLHeaderPreprocessor]

# The formgrader cleans nothing that students wrote: the last filter that its template calls does that here.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = dict.fromkeys(("clean_html", "strip_files_prefix"), grading_steps.harmless)

# What late work costs in this term: docs/term.md.
lateness.configure(c, Path(__file__).with_name("term.toml"))
