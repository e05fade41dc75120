"""Interactive demonstrations: the picture follows its controls, and has an alt text."""

from course_utils import demo

import ipywidgets
import pytest
from bs4 import BeautifulSoup


@pytest.fixture
def shown(monkeypatch):
    """What a demonstration displays, and the parts of it: control, picture, comment."""
    boxes, bundles = [], []
    real = ipywidgets.VBox

    def box(children):
        boxes.append(children)
        return real(children)

    monkeypatch.setattr(ipywidgets, "VBox", box)
    monkeypatch.setattr(demo, "display", lambda bundle, raw: bundles.append(bundle))

    def draw(ax, slope):
        if slope > 2:
            raise ValueError("too steep")
        ax.plot([0, 1], [0, slope])
        ax.set_ylim(0, 2)
        return f"The slope is {slope:g}."

    slider = ipywidgets.FloatSlider(value=1.0, min=0, max=3)
    demo.explore(draw, alt='a line, "rising"', slope=slider)
    return bundles[0], *boxes[0]


def picture_of(widget):
    return BeautifulSoup(widget.value, "html.parser").img


def test_any_version_of_ipywidgets_shows_it(request, monkeypatch):
    # Version 7, which Colab has had for years, makes no such bundle.
    monkeypatch.delattr(ipywidgets.Widget, "_repr_mimebundle_")
    bundle, *_ = request.getfixturevalue("shown")
    assert set(bundle) == {demo.VIEW, "text/plain"}
    assert bundle[demo.VIEW].keys() == {"version_major", "version_minor", "model_id"}


def test_the_picture_has_the_alt_text_and_its_size(shown):
    _, _, picture, _ = shown
    image = picture_of(picture)
    assert image["alt"] == 'a line, "rising"'
    assert (image["width"], image["height"]) == ("700", "300")


def test_picture_and_comment_follow_the_control(shown):
    _, slider, picture, comment = shown
    before = picture.value
    assert comment.value == "The slope is 1."
    slider.value = 2.0
    assert comment.value == "The slope is 2."
    assert picture.value != before


def test_what_cannot_be_drawn_is_said_and_the_last_picture_stays(shown):
    _, slider, picture, comment = shown
    before = picture.value
    slider.value = 3.0
    assert comment.value == "too steep"
    assert picture.value == before


def test_a_control_without_a_name_gets_that_of_its_argument(shown):
    assert shown[1].description == "slope"


def test_the_stored_output_holds_no_picture(shown):
    bundle = shown[0]
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "text/plain"}
    assert bundle["text/plain"] == "(an interactive demonstration: run this cell)"
