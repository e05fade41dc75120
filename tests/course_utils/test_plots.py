import base64
import copy
import io
import os
import subprocess
import sys
from pathlib import Path

from course_utils import plots

import matplotlib
import nbclient
import nbconvert
import nbformat
import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from matplotlib import pyplot
from PIL import Image

ROOT = Path(__file__).parents[2]
NAN = float("nan")

DRAWINGS = {
    "one line": lambda: plots.curves({"loss": [3, 2, 1]}, title="t", alt="a line falls"),
    "one value": lambda: plots.curves({"loss": [1.0]}, title="t", alt="a dot"),
    "runs": lambda: plots.curves(
        {"without": [[1, 2], [2, 3]], "with": torch.rand(3, 2)}, y="y", title="t", alt="five runs"
    ),
    "many lines": lambda: plots.curves(
        {str(i): torch.arange(1, 40.0) ** i for i in range(6)}, y="y", log_y=True, title="t", alt="six powers"
    ),
    "bars": lambda: plots.bars(torch.tensor([1, -2.5, 3]), x="x", y="y", title="t", alt="three bars"),
    "named bars": lambda: plots.bars([1, 2], labels=["a", "b"], x="x", y="y", title="t", alt="two bars"),
    "slanted names": lambda: plots.bars(
        range(20), labels=["a long name"] * 20, x="x", y="y", title="t", alt="20 bars"
    ),
    "points": lambda: plots.points(
        {"a": torch.rand(9, 2), "b": [[0, 1]]},
        x="x",
        y="y",
        title="t",
        alt="dots",
        lines={"l": ([0, 1], [1, 0])},
    ),
    "grey images": lambda: plots.images(torch.rand(5, 1, 8, 9), title="t", alt="five grey pictures"),
    "colour images": lambda: plots.images(
        torch.zeros(3, 3, 8, 8, dtype=torch.uint8),
        titles=["a\nb", "c", ""],
        title="t",
        alt="three black ones",
    ),
    "heatmap with numbers": lambda: plots.heatmap(
        [[1, 2], [3, NAN]], rows="ab", columns="cd", title="t", alt="4"
    ),
    "heatmap": lambda: plots.heatmap(torch.randn(20, 30), centre_zero=True, title="t", alt="noise"),
    "wide heatmap": lambda: plots.heatmap(torch.rand(2, 90), title="t", alt="two stripes"),
    "confusion": lambda: plots.confusion([[9, 1], [0, 8]], ["cat", "dog"], title="t", alt="one mistake"),
    "own figure": lambda: plots.figure(
        lambda ax: (ax.plot([0, 1]), ax.set(xlabel="x", ylabel="y", title="t")), alt="a diagonal"
    ),
}
WITHOUT_AXES = {"grey images", "colour images", "heatmap with numbers", "heatmap", "wide heatmap"}


@pytest.fixture
def page(monkeypatch):
    """The notebook page, as a list of its outputs: dictionaries with png, text and metadata."""
    outputs = []

    class Handle:
        def __init__(self, place):
            self.place = place

        def update(self, bundle, **options):
            outputs[self.place] = read(bundle, **options) | {
                "redraws": outputs[self.place].get("redraws", 0) + 1
            }

    def read(bundle, *, metadata, raw, display_id=False):
        assert raw
        assert set(bundle) == {"image/png", "text/plain"}
        png = base64.b64decode(bundle["image/png"])
        return {"png": png, "text": bundle["text/plain"], "metadata": metadata["image/png"]}

    def display(bundle, **options):
        outputs.append(read(bundle, **options))
        return Handle(len(outputs) - 1) if options.get("display_id") else None

    monkeypatch.setattr(plots, "_in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", display)
    return outputs


@pytest.fixture
def figures(monkeypatch):
    """The matplotlib figures that are made."""
    made = []

    class Figure(matplotlib.figure.Figure):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(plots, "Figure", Figure)
    return made


class TestEveryPicture:
    @pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
    def test_is_one_png_on_the_page_with_its_alt_text(self, draw, page):
        assert draw() is None
        (output,) = page
        assert output["text"] == output["metadata"]["alt"] != ""
        picture = Image.open(io.BytesIO(output["png"]))
        assert picture.format == "PNG"
        assert set(picture.info) == {"dpi"}  # neither software nor date
        assert picture.width <= 7 * plots.SHARPNESS
        assert output["metadata"]["width"] == round(picture.width / plots.SHARPNESS * plots.SHOWN)

    @pytest.mark.parametrize("name", DRAWINGS)
    def test_is_readable(self, name, figures):
        DRAWINGS[name]()
        (figure,) = figures
        texts = [
            text for text in figure.findobj(matplotlib.text.Text) if text.get_text() and text.get_visible()
        ]
        assert min(text.get_fontsize() for text in texts) >= 9
        ax = figure.axes[0]
        assert ax.get_title(loc="left") == "t"
        assert (ax.get_xlabel() != "" and ax.get_ylabel() != "") or name in WITHOUT_AXES

    @pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
    def test_does_not_depend_on_the_readers_settings(self, draw, page):
        torch.manual_seed(0)
        draw()
        torch.manual_seed(0)
        with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "lines.linewidth": 9}):
            draw()
        assert page[0]["png"] == page[1]["png"]

    @pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
    def test_is_silent_outside_a_notebook(self, draw, capfd):
        draw()
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("alt", ["", "  ", None])
    def test_needs_an_alt_text(self, alt):
        with pytest.raises(ValueError, match="alt should say"):
            plots.bars([1], alt=alt)

    def test_a_picture_of_your_own_may_have_panels(self, page, figures):
        def draw(left, right):
            left.plot([1, 2])
            right.bar([0], [1])

        plots.figure(draw, panels=2, alt="a line beside a bar")
        assert [len(ax.lines) for ax in figures[-1].axes] == [1, 0]

    @pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
    def test_leaves_no_open_figure(self, draw):
        draw()
        assert pyplot.get_fignums() == []


class TestBlankPicturesAreRefused:
    @pytest.mark.parametrize(
        ("draw", "reason"),
        [
            (lambda: plots.curves({}, alt="a"), "at least one line"),
            (lambda: plots.curves({"loss": []}, alt="a"), "'loss' has no finite value"),
            (lambda: plots.curves({"good": [1, 2], "bad": [NAN, NAN]}, alt="a"), "'bad' has no finite value"),
            (lambda: plots.curves({"loss": [-1, -2]}, log_y=True, alt="a"), "'loss' has no positive value"),
            (lambda: plots.curves({"loss": [1, 2]}, xs=[-1, 0], log_x=True, alt="a"), "no positive value"),
            (lambda: plots.curves({"loss": [1, 2]}, xs=[1, 2, 3], alt="a"), r"\(2,\) at xs of shape \(3,\)"),
            (lambda: plots.bars([], alt="a"), "at least one of them finite"),
            (lambda: plots.bars([NAN], alt="a"), "at least one of them finite"),
            (lambda: plots.bars([1, 2], labels=["a"], alt="a"), "2 values but 1 labels"),
            (lambda: plots.points({}, x="x", y="y", title="t", alt="a"), "nothing is drawn"),
            (
                lambda: plots.points({"a": np.zeros((0, 2))}, x="x", y="y", title="t", alt="a"),
                "nothing is drawn",
            ),
            (lambda: plots.points({"a": [1, 2, 3]}, x="x", y="y", title="t", alt="a"), r"shape \(n, 2\)"),
            (lambda: plots.images([], alt="a"), "images needs pictures of shape"),
            (lambda: plots.images(torch.rand(2, 4, 8, 8), alt="a"), r"got shape \(2, 4, 8, 8\)"),
            (lambda: plots.images(torch.rand(2, 8, 8) * 255, alt="a"), "undo the normalisation"),
            (lambda: plots.images(torch.full((2, 8, 8), NAN), alt="a"), "undo the normalisation"),
            (lambda: plots.images(torch.rand(2, 8, 8), titles=["a"], alt="a"), "2 pictures but 1 titles"),
            (lambda: plots.images(torch.rand(2, 8, 8), columns=0, alt="a"), "columns must be at least 1"),
            (lambda: plots.heatmap([[NAN, NAN]], alt="a"), "finite value"),
            (lambda: plots.heatmap([1, 2], alt="a"), "2-D"),
            (lambda: plots.heatmap([[1, 2]], columns=["a"], alt="a"), "2 columns, but 1 names"),
            (lambda: plots.heatmap([[1, 2]], rows=["a", "b"], alt="a"), "1 rows, but 2 names"),
            (lambda: plots.confusion([[1, 0], [0, 1]], ["a"], alt="a"), r"shape \(1, 1\), got \(2, 2\)"),
            (lambda: plots.confusion([[0, 0], [0, 0]], ["a", "b"], alt="a"), "not all zero"),
            (lambda: plots.confusion([[-1, 0], [0, 1]], ["a", "b"], alt="a"), "not negative"),
            (lambda: plots.figure(lambda ax: ax.set_title("empty"), alt="a"), "nothing is drawn"),
            (
                lambda: plots.figure(lambda ax: (ax.plot([NAN]), ax.legend(["x"])), alt="a"),
                "nothing is drawn",
            ),
            (
                lambda: plots.figure(lambda ax: (ax.plot([1, 2]), ax.set_xlim(5, 6)), alt="a"),
                "nothing is drawn",
            ),
        ],
    )
    def test_with_a_reason(self, draw, reason, page):
        with pytest.raises(ValueError, match=reason):
            draw()
        assert page == []

    @pytest.mark.parametrize(
        "draw",
        [
            lambda ax: ax.text(0.5, 0.5, "text"),
            lambda ax: ax.imshow([[1.0]]),
            lambda ax: ax.scatter([0], [0]),
            lambda ax: ax.axvline(0),
            lambda ax: ax.annotate("", (0, 0), (1, 1), arrowprops={"arrowstyle": "->"}),
            lambda ax: ax.fill_between([0, 1], [0, 1]),
        ],
    )
    def test_but_any_kind_of_mark_is_a_picture(self, draw, page):
        plots.figure(draw, alt="a mark")
        assert len(page) == 1


class TestCurves:
    def test_values_may_be_tensors_with_a_graph_in_a_list(self, figures):
        weight = torch.ones((), requires_grad=True)
        plots.curves({"loss": [2 * weight, 3 * weight]}, alt="a line rises")
        (line,) = figures[0].axes[0].lines
        assert line.get_ydata().tolist() == [2, 3]
        assert line.get_xdata().tolist() == [1, 2]

    def test_runs_share_a_colour_and_one_entry_of_the_legend(self, figures):
        plots.curves({"a": [[1, 2], [2, 3], [3, 4]], "b": [0, 1]}, alt="four lines")
        ax = figures[0].axes[0]
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
        assert [line.get_color() for line in ax.lines] == [plots.COLOURS[0]] * 3 + [plots.COLOURS[1]]

    def test_runs_may_differ_in_length(self, figures):
        plots.curves({"a": [[1, 2, 3], [2, 3]]}, alt="two lines")
        assert [len(line.get_ydata()) for line in figures[0].axes[0].lines] == [3, 2]

    def test_xs_may_differ_from_line_to_line(self, figures):
        plots.curves({"a": [1, 2], "b": [1, 2, 3]}, xs={"a": [0, 4], "b": [0, 2, 4]}, alt="two lines")
        assert [line.get_xdata().tolist() for line in figures[0].axes[0].lines] == [[0, 4], [0, 2, 4]]

    def test_lines_differ_in_more_than_colour(self, figures):
        plots.curves({str(i): [i, i + 1] for i in range(28)}, alt="28 lines")
        styles = {(line.get_color(), line.get_linestyle()) for line in figures[0].axes[0].lines}
        assert len(styles) == 28

    def test_epochs_have_whole_numbers(self, figures):
        plots.curves({"a": [1, 2, 3]}, alt="a line")
        plots.curves({"a": [1]}, alt="a dot")
        for figure in figures:
            ticks = figure.axes[0].get_xticks()
            assert (ticks == ticks.round()).all()

    def test_half_precision_can_be_drawn(self, page):
        plots.curves({"a": torch.rand(3, dtype=torch.bfloat16)}, alt="a line")
        assert len(page) == 1


class TestImages:
    def test_bytes_and_floats_look_the_same(self, page):
        pictures = torch.randint(0, 256, (4, 1, 6, 6), dtype=torch.uint8)
        plots.images(pictures, alt="noise")
        plots.images(pictures[:, 0].double() / 255, alt="noise")
        plots.images([picture[0] for picture in pictures], alt="noise")
        read_only = pictures.numpy().copy()
        read_only.flags.writeable = False
        plots.images(read_only, alt="noise")
        assert len({output["png"] for output in page}) == 1

    def test_grey_is_not_stretched(self, page):
        plots.images(torch.full((1, 8, 8), 0.5), alt="a grey square")
        grey = np.asarray(Image.open(io.BytesIO(page[0]["png"])).convert("L"))
        assert 126 <= grey.min() <= 129

    def test_colours_keep_their_place(self, page):
        red = torch.zeros(1, 3, 8, 8)
        red[:, 0] = 1
        plots.images(red, alt="a red square")
        picture = np.asarray(Image.open(io.BytesIO(page[0]["png"])).convert("RGB"))
        assert (picture == [255, 0, 0]).all(axis=2).any()

    def test_long_titles_get_fewer_columns(self, figures):
        for titles in (None, ["a title of many letters"] * 8):
            plots.images(torch.rand(8, 4, 4), titles=titles, alt="eight pictures")
        first, second = (
            len({image.get_extent()[0] for image in figure.axes[0].images}) for figure in figures
        )
        assert (first, second) == (8, 3)


class TestTables:
    def test_numbers_are_written_when_they_fit(self, figures):
        plots.heatmap([[1, 2], [3, 4]], alt="a table")
        plots.heatmap([[0.25, 2]], alt="a table")
        plots.heatmap([[1, 2], [3, 4]], values=False, alt="colours")
        plots.heatmap(torch.rand(30, 30), alt="colours")
        texts = [[text.get_text() for text in figure.axes[0].texts] for figure in figures]
        assert texts == [["1", "2", "3", "4"], ["0.25", "2.00"], [], []]

    def test_zero_is_white_when_centred(self, page, figures):
        plots.heatmap([[-1, 0, 4]], centre_zero=True, alt="blue, white, red")
        (image,) = figures[0].axes[0].images
        blue, white, red = image.to_rgba(image.get_array())[0, :, :3]
        assert white.min() > 0.95
        assert blue[2] > blue[0]
        assert red[0] > red[2]

    def test_mistakes_stand_out_of_a_confusion_matrix(self, figures):
        plots.confusion(torch.tensor([[90, 0, 10], [1, 99, 0], [0, 0, 100]]), ["a", "b", "c"], alt="a table")
        ax = figures[0].axes[0]
        colours = ax.images[0].get_array()[..., :3]
        assert (colours[[0, 1, 2], [0, 1, 2]] == 0.93).all()  # the diagonal is grey
        assert colours[0, 2].sum() < colours[1, 0].sum() < colours[1, 2].sum() == 3  # 10 % < 1 % < none
        assert [text.get_text() for text in ax.texts] == ["90", "", "10", "1", "99", "", "", "", "100"]
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")

    def test_without_mistakes_nothing_is_divided_by_zero(self, page):
        plots.confusion([[5, 0], [0, 0]], ["a", "b"], alt="no mistake")
        assert len(page) == 1


class TestLiveCurves:
    def test_end_as_one_picture_with_constant_text(self, page):
        with plots.LiveCurves(["training", "test"], y="accuracy", alt="both rise.") as live:
            for epoch in range(1, 200):
                live.add(epoch, {"training": 1 - 1 / epoch, "test": 0.9 - 1 / epoch})
                assert page[0]["text"] == "both rise."
        (output,) = page
        assert output["text"] == "both rise."
        assert output["metadata"]["alt"] == "both rise. Last values: training 0.995, test 0.895."

    def test_redraw_only_when_due(self, page, monkeypatch):
        now = 0.0
        monkeypatch.setattr(plots.time, "monotonic", lambda: now)
        live = plots.LiveCurves(["a"], alt="a rises")
        for now in np.arange(0, 1, 0.01):  # the clock reads now
            live.add(now, {"a": now})
        live.close()
        assert page[0]["redraws"] == 4 + 1

    def test_redraw_takes_a_small_share_of_the_time(self, page, monkeypatch):
        now = 0.0
        png = plots._png

        def slow_png(*args, **options):
            nonlocal now
            now += 1.0
            return png(*args, **options)

        monkeypatch.setattr(plots.time, "monotonic", lambda: now)
        monkeypatch.setattr(plots, "_png", slow_png)
        live = plots.LiveCurves(["a"], alt="a rises")
        for x in range(100):
            live.add(x, {"a": x})
            now += 0.5
        live.close()
        assert page[0]["redraws"] <= 0.1 * now

    def test_lines_may_have_points_at_different_xs(self, page, figures):
        with plots.LiveCurves(["loss", "accuracy"], alt="two lines") as live:
            live.add(0.5, {"loss": 2})
            live.add(1, {"loss": torch.tensor(1.0), "accuracy": np.float32(0.5)})
        loss, accuracy = figures[-1].axes[0].lines
        assert loss.get_xdata().tolist() == [0.5, 1]
        assert accuracy.get_xdata().tolist() == [1]

    def test_panels_have_their_own_axes_and_go_on_with_the_colours(self, page, figures):
        with plots.LiveCurves({"loss": ["a"], "accuracy": ["b", "c"]}, until=5, alt="three lines") as live:
            live.add(1, {"a": 1, "b": 2, "c": 3})
        left, right = figures[-1].axes
        assert (left.get_ylabel(), right.get_ylabel()) == ("loss", "accuracy")
        assert [line.get_color() for ax in (left, right) for line in ax.lines] == plots.COLOURS[:3]
        assert left.get_xlim()[1] >= 5

    def test_refuse_bad_use(self, page):
        with pytest.raises(ValueError, match="name of at least one line"):
            plots.LiveCurves([], alt="a")
        with pytest.raises(ValueError, match="alt should say"):
            plots.LiveCurves(["a"], alt="")
        live = plots.LiveCurves(["a"], alt="a")
        with pytest.raises(ValueError, match=r"unknown line 'b': the lines are \['a'\]"):
            live.add(1, {"b": 1})
        with pytest.raises(ValueError, match=r"at least one of \['a'\]"):
            live.add(1, {})
        live.add(1, {"a": NAN})
        with pytest.raises(ValueError, match="nothing is drawn"):
            live.close()
        with pytest.raises(RuntimeError, match="closed"):
            live.add(2, {"a": 1})

    def test_without_a_value_are_a_blank_picture(self, page):
        with pytest.raises(ValueError, match="nothing is drawn"):
            plots.LiveCurves(["a"], alt="a").close()
        assert page == []

    def test_keep_what_there_was_when_the_training_fails(self, page):
        with pytest.raises(ZeroDivisionError), plots.LiveCurves(["a"], alt="a dot.") as live:
            live.add(1, {"a": 1})
            raise ZeroDivisionError
        assert page[0]["metadata"]["alt"] == "a dot. Last values: a 1."
        with pytest.raises(ZeroDivisionError), plots.LiveCurves(["a"], alt="nothing") as live:
            raise ZeroDivisionError
        assert len(page) == 1


CELLS = [
    "from course_utils import plots\nplots.curves({'a': [1, 2]}, alt='a \"line\" rises, a < b')",
    """
import time
live = plots.LiveCurves(["a", "b"], alt="two lines")
for x in range(60):
    live.add(x, {"a": x, "b": time.time()})
    time.sleep(0.01)
live.close()
""",
    "plots.bars([1], alt='a bar')\nplots.bars([2], alt='another bar')",
]


class TestInANotebook:
    @pytest.fixture(scope="class")
    @staticmethod
    def notebook():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbclient.NotebookClient(notebook, resources={"metadata": {"path": ROOT}}).execute()
        return notebook

    def test_every_picture_is_one_stored_output(self, notebook):
        stored = [
            [(output.output_type, sorted(output.data), output.data["text/plain"]) for output in cell.outputs]
            for cell in notebook.cells
        ]
        kinds = ["image/png", "text/plain"]
        assert stored == [
            [("display_data", kinds, 'a "line" rises, a < b')],
            [("display_data", kinds, "two lines")],
            [("display_data", kinds, "a bar"), ("display_data", kinds, "another bar")],
        ]

    def test_live_curves_store_their_last_picture(self, notebook):
        metadata = notebook.cells[1].outputs[0].metadata["image/png"]
        assert metadata["alt"].startswith("two lines Last values: a 59, b ")

    def test_notebook_is_valid(self, notebook):
        nbformat.validate(notebook)

    def test_alt_reaches_html(self, notebook):
        html, _ = nbconvert.HTMLExporter(template_name="classic").from_notebook_node(notebook)
        alts = [picture["alt"] for picture in BeautifulSoup(html, "html.parser").select("img")]
        assert [alts[0], *alts[2:]] == ['a "line" rises, a < b', "a bar", "another bar"]
        assert alts[1].startswith("two lines Last values")

    def test_a_page_gets_alt_texts_that_jupyterlab_shows(self, monkeypatch):
        """A Jupyter server names its session to its kernels, and JupyterLab drops the alt text of a PNG."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
        environment = os.environ | {"JPY_SESSION_NAME": "a page"}
        client = nbclient.NotebookClient(notebook, resources={"metadata": {"path": ROOT}})
        client.execute(env=environment)
        outputs = [output for cell in notebook.cells for output in cell.outputs]
        assert [sorted(output.data) for output in outputs] == [["text/html", "text/plain"]] * 4
        shown = [BeautifulSoup(output.data["text/html"], "html.parser").img for output in outputs]
        assert [picture["alt"] for picture in (shown[0], *shown[2:])] == [
            'a "line" rises, a < b',
            "a bar",
            "another bar",
        ]
        assert shown[1]["alt"].startswith("two lines Last values: a 59, b ")
        for picture in shown:
            assert (picture["width"], picture["height"]) == ("700", "300")
            png = base64.b64decode(picture["src"].removeprefix("data:image/png;base64,"))
            assert Image.open(io.BytesIO(png)).size == (1008, 432)

    def test_nbval_replays_it_and_compares_alt_texts(self, notebook, tmp_path):
        other = copy.deepcopy(notebook)
        other.cells[2].outputs[0].data["text/plain"] = "a line"
        report = replay(other, tmp_path).stdout
        assert "1 failed, 2 passed" in report
        assert "FAILED pictures.ipynb::Cell 2" in report


def replay(notebook, folder):
    nbformat.write(notebook, folder / "pictures.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "pictures.ipynb"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
