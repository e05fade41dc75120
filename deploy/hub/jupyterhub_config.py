"""A JupyterHub for one class on one machine: `jupyterhub --config jupyterhub_config.py`, run by root.

Users are those of the machine. docs/hub.md says how to set it up.
"""

import os
import pwd
from pathlib import Path

COURSE = "deep_learning"  # as in nbgrader_config.py
INSTRUCTOR = os.environ.get("COURSE_INSTRUCTOR", "instructor")  # whose account holds the course
FOLDER = "deep-learning-notebooks"  # the clone of the course, in that account's home
EXCHANGE = Path(os.environ.get("COURSE_EXCHANGE", "/srv/nbgrader/exchange"))  # as in nbgrader_config.py
TOOLS = Path(os.environ.get("COURSE_TOOLS", "/opt/course-hub"))  # the virtual environment of all users
# Unless told otherwise, a hub's servers forbid the frame in which JupyterLab shows the formgrader, and
# terminals are login shells, which forget where the tools are.
FOR_INSTRUCTOR = [
    """--ServerApp.tornado_settings={"headers": {"Content-Security-Policy": "frame-ancestors 'self'"}}""",
    """--ServerApp.terminado_settings={"shell_command": ["bash"]}""",
]

c = get_config()  # noqa: F821 (traitlets provides it)

# Loopback only: a web server with a certificate goes in front. See docs/hub.md.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.cookie_secret_file = "/srv/jupyterhub/cookie_secret"
c.JupyterHub.db_url = "sqlite:////srv/jupyterhub/jupyterhub.sqlite"

c.JupyterHub.authenticator_class = "pam"
c.PAMAuthenticator.allowed_groups = {"students"}  # a group of the machine
c.Authenticator.allowed_users = {INSTRUCTOR}


def prepare_server(spawner):
    """Students get the course's JupyterLab; the instructor gets the course's folder and the formgrader."""
    home = Path(pwd.getpwnam(spawner.user.name).pw_dir)
    spawner.environment["PATH"] = os.pathsep.join([str(TOOLS / "bin"), os.environ["PATH"]])
    if spawner.user.name == INSTRUCTOR:
        # nbgrader reads the settings of the folder in which the server starts.
        spawner.cmd = ["env", f"--chdir={home / FOLDER}", str(TOOLS / "bin" / "jupyterhub-singleuser")]
        spawner.notebook_dir = str(home / FOLDER)
        spawner.args = [*(one for one in spawner.args if one not in FOR_INSTRUCTOR), *FOR_INSTRUCTOR]
        # The grader and the build come from this folder, which students cannot read.
        spawner.environment["PYTHONPATH"] = str(home / FOLDER)
    else:
        spawner.cmd = [str(TOOLS / "bin" / "python"), "-m", "course_utils.hub"]
        spawner.environment["COURSE_RELEASED"] = str(EXCHANGE / COURSE / "outbound")


c.Spawner.pre_spawn_hook = prepare_server
c.Spawner.default_url = "/lab"
c.Spawner.environment = {"COURSE_DATA": "embedded"}
c.Spawner.start_timeout = 120  # the first start reads all chapters
c.Spawner.http_timeout = 120
