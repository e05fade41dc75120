"""How nbgrader works on the hub, for all users: goes to etc/jupyter/ of their virtual environment.

The instructor's folder has an nbgrader_config.py of its own, which is read after this one.
"""

import os
import pwd
import secrets
import shutil
from pathlib import Path

from nbgrader.exchange.default import ExchangeCollect
from nbgrader.utils import ignore_patterns

c = get_config()  # noqa: F821 (traitlets provides it)


class Collect(ExchangeCollect):
    """nbgrader's collect, for students who try to hand in as somebody else, or what is not theirs."""

    def _path_to_record(self, path):
        """A submission belongs to the user who owns it. nbgrader goes by its name, and only warns."""
        record = super()._path_to_record(path)
        owner = pwd.getpwuid(os.lstat(path).st_uid).pw_name
        if owner != record["username"]:
            self.log.warning("%s was handed in by %s, and counts as theirs", record["filename"], owner)
        return record | {"username": owner}

    def do_copy(self, src, dest, log=None):
        """Links are left out: they may lead to what the instructor can read and the student cannot."""
        if os.path.islink(src) or self.get_size(src) > 1000 * self.coursedir.max_dir_size:
            self.log.error("NOT COLLECTED, because it is a link or too large: %s", src)
            return
        folder = self.coursedir
        left_out = ignore_patterns(folder.ignore, folder.include, folder.max_file_size, self.log)
        shutil.copytree(src, dest, symlinks=True, ignore=left_out)
        for path in Path(dest).rglob("*"):
            if path.is_symlink():
                self.log.warning("left out, because it is a link: %s", path)
                path.unlink()
        # nbgrader sends no feedback to anybody as long as one submission lacks these.
        for name, text in (("timestamp.txt", ""), ("submission_secret.txt", secrets.token_hex(64))):
            if not (file := Path(dest, name)).is_file():
                self.log.warning("%s was not handed in by nbgrader: it has no %s", dest, name)
                file.write_text(text)


c.CourseDirectory.course_id = "deep_learning"
c.Exchange.root = os.environ.get("COURSE_EXCHANGE", "/srv/nbgrader/exchange")
c.ExchangeFactory.collect = Collect
