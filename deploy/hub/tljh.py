"""For The Littlest JupyterHub: goes to /opt/tljh/config/jupyterhub_config.d/course.py.

TLJH makes the users of the machine, each named jupyter-NAME: that is a student's id in the gradebook.
"""

from pathlib import Path

INSTRUCTOR = "instructor"  # an admin of TLJH, whose account holds the course
COURSE = Path("/home", f"jupyter-{INSTRUCTOR}", "deep-learning-notebooks")
# Unless told otherwise, a hub's servers forbid the frame in which JupyterLab shows the formgrader, and
# terminals are login shells, which forget where the tools are.
FOR_INSTRUCTOR = [
    """--ServerApp.tornado_settings={"headers": {"Content-Security-Policy": "frame-ancestors 'self'"}}""",
    """--ServerApp.terminado_settings={"shell_command": ["bash"]}""",
]

c = get_config()  # noqa: F821 (traitlets provides it)


def prepare_server(spawner):
    """Students get the course's JupyterLab; the instructor gets the course's folder and the formgrader."""
    if spawner.user.name == INSTRUCTOR:
        # nbgrader reads the settings of the folder in which the server starts.
        spawner.cmd = ["env", f"--chdir={COURSE}", "/opt/tljh/user/bin/jupyterhub-singleuser"]
        spawner.notebook_dir = str(COURSE)
        spawner.args = [*(one for one in spawner.args if one not in FOR_INSTRUCTOR), *FOR_INSTRUCTOR]
        spawner.environment["PYTHONPATH"] = str(COURSE)
    else:
        spawner.cmd = ["/opt/tljh/user/bin/python", "-m", "course_utils.hub"]
        spawner.environment["COURSE_RELEASED"] = "/srv/nbgrader/exchange/deep_learning/outbound"


c.Spawner.pre_spawn_hook = prepare_server
