"""nbgrader where users share no disk: ngshare carries the notebooks. Part of the single-user image."""

from ngshare_exchange import configureExchange

c = get_config()  # noqa: F821 (traitlets provides it)

c.CourseDirectory.course_id = "deep_learning"
configureExchange(c)  # at http://proxy-public/services/ngshare
