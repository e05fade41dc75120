"""`nbgrader generate_assignment`, in this process."""

import copy
import os
import sys
from pathlib import Path

from traitlets.config import Config


def generate_assignment(config: Config, name: str, log_level: str) -> None:
    """Do what `nbgrader generate_assignment NAME` does: release the assignment, put it into the gradebook.

    Raises what nbgrader raises. log_level: of what it says besides.
    """
    # Imported late: these take a second, and a mistake in a text should be told at once.
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory

    find_alembic()
    config = copy.deepcopy(config)
    config.CourseDirectory.assignment_id = name
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
    converter.log.setLevel(log_level)
    converter.start()


def find_alembic() -> None:
    """nbgrader runs alembic, its database tool, by name: it must be found beside this Python."""
    own = str(Path(sys.executable).parent)
    if own not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([own, os.environ["PATH"]])
