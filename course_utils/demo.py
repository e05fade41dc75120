"""Interactive demonstrations: a picture that follows its controls."""

from collections.abc import Callable

from course_utils import plots

import ipywidgets
from IPython.display import display

VIEW = "application/vnd.jupyter.widget-view+json"


def explore(
    draw: Callable[..., str | None],
    *,
    alt: str,
    width: float = 7.0,
    height: float = 3.0,
    **controls: ipywidgets.ValueWidget,
) -> None:
    """Show the controls, and under them the picture that draw(ax, **values) draws; redraw on every change.

    draw: draws on an empty matplotlib Axes and returns a comment to show below (or None); a ValueError in
    it is shown as the comment, and the last picture stays.
    controls: a widget for each further argument of draw. alt: what the picture shows, in a sentence.

    The picture is a widget, not an output, so the stored notebook holds nothing that could change.
    """
    picture = ipywidgets.HTML()  # its Image has no alt text
    comment = ipywidgets.Label()

    def redraw(_: object = None) -> None:
        values = {name: widget.value for name, widget in controls.items()}
        said: list[str | None] = []
        try:
            png = plots._png(lambda axes: said.append(draw(axes[0], **values)), width=width, height=height)
            picture.value = plots.as_html(png, alt)
            comment.value = said[0] or ""
        except ValueError as error:
            comment.value = str(error)

    for name, widget in controls.items():
        widget.description = widget.description or name
        widget.observe(redraw, names="value")
    redraw()
    box = ipywidgets.VBox([*controls.values(), picture, comment])
    # Written out, because version 7 of ipywidgets, which Colab has had for years, has no such bundle.
    bundle = {
        VIEW: {"version_major": 2, "version_minor": 0, "model_id": box.model_id},
        "text/plain": "(an interactive demonstration: run this cell)",
    }
    display(bundle, raw=True)
