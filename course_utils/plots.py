"""The pictures of the course, in one style.

Every function shows one PNG below the cell, returns None, and asks for `alt`: a sentence that says what
the picture shows, for people who cannot see it. It travels as the output's `text/plain`, which every
program can read and nbval compares, and as `metadata["image/png"]["alt"]`, the place that
`IPython.display.Image(alt=...)` and nbconvert's classic template agree on. JupyterLab reads neither of them
to a blind person: a page of it gets the PNG inside of HTML, whose `alt` it does read. A picture on which
nothing is drawn is a ValueError. Outside a notebook nothing is shown or printed.

Numbers may come as lists, arrays or tensors, on any device, with or without a graph.
"""

import base64
import html
import io
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import matplotlib
import numpy as np
import torch
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Okabe and Ito's colours, which differ for every kind of colour vision; their yellow is too pale for lines.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555"]
DASHES = ["-", "--", "-.", ":"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]

SHARPNESS = 144  # dots per inch in the file
SHOWN = 100  # and on the page: a picture 7 inches wide is 700 pixels there
INK = "#333333"
STYLE = {
    "figure.dpi": SHARPNESS,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 10,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": True,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#999999",
    "xtick.color": "#666666",
    "ytick.color": "#666666",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
}
NOT_FINITE = "#dddddd"  # the colour of a cell whose value is nan or infinite
SEQUENTIAL = matplotlib.colormaps["Blues"].with_extremes(bad=NOT_FINITE)
DIVERGING = matplotlib.colormaps["RdBu_r"].with_extremes(bad=NOT_FINITE)
MISTAKES = LinearSegmentedColormap.from_list("mistakes", ["#ffffff", "#f2a481", "#b23a00"])
WHOLE_NUMBERS = partial(MaxNLocator, integer=True, steps=[1, 2, 5, 10])


# --- the kinds of pictures ------------------------------------------------------------------------------


def curves(
    lines: Mapping[str, Sequence],
    *,
    x: str = "epoch",
    y: str = "",
    title: str = "",
    alt: str,
    log_x: bool = False,
    log_y: bool = False,
    xs: Sequence | Mapping[str, Sequence] | None = None,
    marker: str | None = None,
) -> None:
    """Lines, one for each name. d2l: plot.

    lines: name -> n numbers, or a list of runs of n numbers each, drawn thin in one colour.
    xs: where the values stand on the x axis, for all lines or per name; 1, 2, 3, ... by default.
    marker: matplotlib's name of a marker; by default short lines get dots.
    Raises ValueError if xs and a line differ in length, or if a line has no finite value to draw, or no
    positive one on a logarithmic axis.
    """
    if not lines:
        raise ValueError("curves needs at least one line, got none")
    runs = {name: _runs(name, values, _xs_of(name, xs)) for name, values in lines.items()}
    for name, pairs in runs.items():
        if (log_x and not _any_positive(at for at, _ in pairs)) or (
            log_y and not _any_positive(ys for _, ys in pairs)
        ):
            raise ValueError(f"line {name!r} has no positive value, and a logarithmic axis shows only those")

    def draw(ax: Axes) -> None:
        ax.set_xscale("log" if log_x else "linear")
        ax.set_yscale("log" if log_y else "linear")
        _draw_lines(ax, runs, marker)
        _label(ax, x, y or (next(iter(runs)) if len(runs) == 1 else ""), title)

    figure(draw, alt=alt)


def bars(
    values: Sequence,
    *,
    labels: Sequence[str] | None = None,
    title: str = "",
    x: str = "",
    y: str = "",
    alt: str,
) -> None:
    """A bar for each of n values. With labels, the value is written at each of up to 12 bars.

    Raises ValueError if there is no finite value, or not one label for each value.
    """
    heights = _array(values)
    if heights.ndim != 1 or not np.isfinite(heights).any():
        raise ValueError("bars needs a sequence of numbers, at least one of them finite")
    if labels is not None and len(labels) != len(heights):
        raise ValueError(f"bars got {len(heights)} values but {len(labels)} labels")

    def draw(ax: Axes) -> None:
        drawn = ax.bar(range(len(heights)), heights, color=COLOURS[0], width=0.7 if labels else 1.0)
        ax.axhline(0, color="#999999", linewidth=0.8)
        ax.grid(axis="y")
        if labels is not None:
            _name_ticks(ax.xaxis, [str(label) for label in labels], room=6.0)
            if len(heights) <= 12:
                ax.bar_label(drawn, fmt="{:.3g}", padding=2, fontsize=9)
                ax.margins(y=0.12)
        _label(ax, x, y, title)

    figure(draw, alt=alt)


def points(
    groups: Mapping[str, Sequence],
    *,
    x: str,
    y: str,
    title: str,
    alt: str,
    lines: Mapping[str, tuple[Sequence, Sequence]] | None = None,
) -> None:
    """Clouds of points: name -> (n, 2) numbers, and lines over them: name -> (xs, ys).

    Raises ValueError if a group is not of shape (n, 2), or if no point is finite.
    """
    clouds = {name: _array(group) for name, group in groups.items()}
    for name, cloud in clouds.items():
        if cloud.ndim != 2 or cloud.shape[1] != 2:
            raise ValueError(f"the points of {name!r} should have shape (n, 2), got {cloud.shape}")

    def draw(ax: Axes) -> None:
        for i, (name, cloud) in enumerate(clouds.items()):
            size = 26 if len(cloud) <= 300 else 10
            ax.scatter(
                *cloud.T, s=size, color=_cycle(COLOURS, i), marker=_cycle(MARKERS, i), alpha=0.7, linewidths=0
            ).set_label(name)
        for i, (name, (xs, ys)) in enumerate((lines or {}).items()):
            ax.plot(_array(xs), _array(ys), color=INK, linestyle=_cycle(DASHES, i), label=name)
        ax.grid()
        if len(clouds) + len(lines or {}) > 1:
            ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        _label(ax, x, y, title)

    figure(draw, alt=alt, height=3.5)


def images(
    pictures: Sequence,
    *,
    titles: Sequence[str] | None = None,
    columns: int = 8,
    title: str = "",
    alt: str,
) -> None:
    """A grid of n pictures of one size, row by row. d2l: show_images.

    pictures: (n, h, w), (n, 1, h, w) grey or (n, 3, h, w) colour; floats in [0, 1] or uint8.
    titles: n texts above the pictures; long ones get fewer, wider columns.
    Raises ValueError for other shapes or values, no pictures, or not one title for each picture.
    """
    shown = _pictures(pictures)
    if titles is not None and len(titles) != len(shown):
        raise ValueError(f"images got {len(shown)} pictures but {len(titles)} titles")
    if columns < 1:
        raise ValueError(f"columns must be at least 1, got {columns}")
    texts = [str(text) for text in titles or [""] * len(shown)]
    text_lines = [line for text in texts for line in text.split("\n")]
    widest = 0.16 + 0.073 * max(len(line) for line in text_lines)  # inches, at 9 points
    columns = min(columns, max(1, int(7 / widest)))
    cell = min(7 / columns, 1.75)  # inches
    rows = math.ceil(len(shown) / columns)
    picture_height = shown.shape[1] / shown.shape[2]  # from here on, 1 is the width of a cell
    line_height = 0.16 / cell
    text_height = line_height * max(text.count("\n") + 1 if text else 0 for text in texts)
    text_height += 0.04 / cell
    row_height = 0.94 * picture_height + text_height + 0.06

    def draw(ax: Axes) -> None:
        for i, (picture, text) in enumerate(zip(shown, texts, strict=True)):
            left, top = i % columns + 0.03, i // columns * row_height + text_height
            ax.imshow(
                picture,
                cmap="gray",
                vmin=0,
                vmax=1,
                extent=(left, left + 0.94, top + 0.94 * picture_height, top),
                interpolation="nearest",
            )
            for k, line in enumerate(reversed(text.split("\n"))):
                ax.text(left + 0.47, top - 0.04 / cell - k * line_height, line, ha="center", fontsize=9)
        ax.set(xlim=(0, 7 / cell), ylim=(rows * row_height, 0))
        ax.set_axis_off()
        ax.set_title(title)

    figure(draw, alt=alt, height=rows * row_height * cell + (0.3 if title else 0.1))


def heatmap(
    matrix: Sequence,
    *,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    title: str = "",
    alt: str,
    values: bool = True,
    centre_zero: bool = False,
) -> None:
    """A matrix as a table of colours, with the numbers in the cells when they fit. d2l: show_heatmaps.

    rows, columns: names of the rows and columns. centre_zero: white is 0, red above, blue below.
    Raises ValueError if the matrix is not 2-D, has no finite value, or does not fit the names.
    """
    table = _array(matrix)
    if table.ndim != 2 or not np.isfinite(table).any():
        raise ValueError(f"heatmap needs a 2-D matrix with a finite value, got shape {table.shape}")
    _check_names(rows, table.shape[0], "rows")
    _check_names(columns, table.shape[1], "columns")
    texts = _cell_texts(table)
    widest = max(len(text) for row in texts for text in row)
    with_numbers = values and table.shape[0] <= 16 and table.shape[1] * (widest + 1) <= 80
    square = not with_numbers and 1 / 3 <= table.shape[0] / table.shape[1] <= 3
    largest = np.abs(table[np.isfinite(table)]).max()
    limits = {"vmin": -largest, "vmax": largest} if centre_zero else {}

    def draw(ax: Axes) -> None:
        shown = ax.imshow(
            np.ma.masked_invalid(table),
            cmap=DIVERGING if centre_zero else SEQUENTIAL,
            aspect="equal" if square else "auto",
            interpolation="nearest",
            **limits,
        )
        if with_numbers:
            _write_cells(ax, texts, shown.to_rgba(np.ma.masked_invalid(table)))
        else:
            ax.figure.colorbar(shown, ax=ax)
        _table_axes(ax, rows, columns)
        ax.set_title(title)

    if with_numbers:
        figure(draw, alt=alt, width=_table_width(table.shape[1], title), height=0.3 * table.shape[0] + 0.9)
    elif square:
        figure(draw, alt=alt, width=max(4.4, 0.09 * len(title) + 1.5), height=3.6)
    else:
        figure(draw, alt=alt, height=2.5)


def confusion(matrix: Sequence, names: Sequence[str], *, title: str = "", alt: str) -> None:
    """A confusion matrix: row = true class, column = predicted class, cell = number of examples.

    The mistakes are coloured by their share of the row; the right answers, on the diagonal, stay grey.
    matrix: (k, k) counts. names: the k classes.
    Raises ValueError if the shapes do not fit, or if the counts are negative or all zero.
    """
    counts = _array(matrix)
    if counts.shape != (len(names), len(names)):
        raise ValueError(
            f"{len(names)} names need a matrix of shape {(len(names), len(names))}, got {counts.shape}"
        )
    if not (np.isfinite(counts).all() and (counts >= 0).all() and counts.any()):
        raise ValueError("the counts of a confusion matrix are finite, not negative, and not all zero")
    right = np.eye(len(names), dtype=bool)
    shares = np.where(right, 0, counts) / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    colours = MISTAKES(shares / max(shares.max(), 1e-12))
    colours[right] = (0.93, 0.93, 0.93, 1)
    texts = [[text if float(count) else "" for text, count in zip(*pair, strict=True)]
             for pair in zip(_cell_texts(counts), counts, strict=True)]  # fmt: skip

    def draw(ax: Axes) -> None:
        ax.imshow(colours, aspect="auto", interpolation="nearest")
        _write_cells(ax, texts, colours)
        _table_axes(ax, names, names)
        _label(ax, "predicted class", "true class", title)

    figure(draw, alt=alt, width=_table_width(len(names), title), height=0.3 * len(names) + 1.4)


def figure(
    draw: Callable[..., object], *, alt: str, width: float = 7.0, height: float = 3.0, panels: int = 1
) -> None:
    """A picture of your own: draw(ax) draws on an empty matplotlib Axes. Sizes in inches.

    With several panels side by side, draw gets one Axes for each: draw(left, right).
    Raises ValueError if nothing is drawn.
    """
    _check_alt(alt)
    _show(_png(lambda axes: draw(*axes), width=width, height=height, panels=panels), alt, width=width)


class LiveCurves:
    """Learning curves that grow while a network trains, and end as one picture. d2l: Animator.

    names: the lines; or, for several panels side by side, the label of a panel's y axis -> its lines.
    until: how far the x axis reaches from the start, so that the reader sees what is left.

        with LiveCurves(["training", "test"], y="accuracy", alt="Both curves rise") as live:
            live.add(1, {"training": 0.7, "test": 0.68})

    `add` redraws at most five times per second, and so rarely that drawing takes under a tenth of the
    time; `close`, called at the end of `with`, draws all. The values at the end are added to alt in the
    metadata, which nobody compares.
    """

    def __init__(
        self,
        names: Iterable[str] | Mapping[str, Iterable[str]],
        *,
        x: str = "epoch",
        y: str = "",
        title: str = "",
        alt: str,
        until: float | None = None,
    ):
        _check_alt(alt)
        panels = names if isinstance(names, Mapping) else {y: names}
        self._panels = {label: list(lines) for label, lines in panels.items()}
        self._lines = {name: ([], []) for lines in self._panels.values() for name in lines}
        if not self._lines:
            raise ValueError("LiveCurves needs the name of at least one line")
        self._x, self._title, self._alt, self._until = x, title, alt, until
        self._handle = None
        self._closed = False
        self._due = 0.0  # when the next picture may be drawn, on time.monotonic()'s clock

    def add(self, x: float, values: Mapping[str, float]) -> None:
        """Add one point at x to each line named in values.

        Raises ValueError for a name that was not announced, RuntimeError after close().
        """
        if self._closed:
            raise RuntimeError("these LiveCurves are closed: make new ones for a new training")
        if not values:
            raise ValueError(f"add needs a value for at least one of {list(self._lines)}")
        unknown = [name for name in values if name not in self._lines]
        if unknown:
            raise ValueError(f"unknown line {unknown[0]!r}: the lines are {list(self._lines)}")
        for name, value in values.items():
            xs, ys = self._lines[name]
            xs.append(float(x))
            ys.append(float(value))
        if _in_notebook() and time.monotonic() >= self._due:
            self._redraw(self._alt, must_show=False)

    def close(self) -> None:
        """Draw the last picture. Raises ValueError if there is no finite value to draw."""
        if not self._closed:
            self._closed = True
            self._redraw(self._alt + self._last_values(), must_show=True)

    def __enter__(self) -> "LiveCurves":
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        # After an exception, the picture so far is kept, and a missing one is no second complaint.
        if kind is None or self._handle is not None:
            self.close()

    def _last_values(self) -> str:
        last = [f"{name} {ys[-1]:.3g}" for name, (_, ys) in self._lines.items() if ys]
        return f" Last values: {', '.join(last)}."

    def _redraw(self, alt: str, *, must_show: bool) -> None:
        start = time.monotonic()
        png = _png(self._draw, width=7.0, height=3.0, panels=len(self._panels), must_show=must_show)
        self._handle = _show(png, self._alt, width=7.0, metadata_alt=alt, handle=self._handle, live=True)
        now = time.monotonic()
        self._due = now + max(0.2, 10 * (now - start))

    def _draw(self, axes: Sequence[Axes]) -> None:
        first = 0
        for ax, (label, names) in zip(axes, self._panels.items(), strict=True):
            lines = {name: [tuple(map(np.array, self._lines[name]))] for name in names}
            _draw_lines(ax, lines, marker=None, first=first)
            _label(
                ax, self._x, label or (names[0] if len(names) == 1 else ""), self._title if not first else ""
            )
            if self._until is not None:
                places = [x for xs, _ in self._lines.values() for x in xs]
                begin, end = min(places), max([self._until, *places])
                room = 0.04 * (end - begin) or 0.5
                ax.set_xlim(begin - room, end + room)
            first += len(names)


# --- from numbers to artists ----------------------------------------------------------------------------


def _array(values: object) -> np.ndarray:
    """Lists, arrays and tensors, nested or not, as one array of float64."""
    if isinstance(values, torch.Tensor):
        return values.detach().cpu().to(torch.float64).numpy()
    if isinstance(values, list | tuple):
        return np.array([_array(value) for value in values], dtype=np.float64)
    return np.asarray(values, dtype=np.float64)


def _xs_of(name: str, xs: Sequence | Mapping[str, Sequence] | None) -> Sequence | None:
    return xs[name] if isinstance(xs, Mapping) else xs


def _runs(name: str, values: Sequence, xs: Sequence | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """One line or a list of lines as (xs, ys) pairs."""
    is_list = isinstance(values, list | tuple) and len(values) > 0 and np.ndim(_array(values[0])) > 0
    is_table = not isinstance(values, list | tuple) and np.ndim(_array(values)) == 2
    pairs = []
    for ys in map(_array, values if is_list or is_table else [values]):
        at = np.arange(1.0, len(ys) + 1) if xs is None else _array(xs)
        if ys.ndim != 1 or at.shape != ys.shape:
            raise ValueError(f"line {name!r} has values of shape {ys.shape} at xs of shape {at.shape}")
        pairs.append((at, ys))
    if not any(np.isfinite(ys).any() for _, ys in pairs):
        raise ValueError(f"line {name!r} has no finite value to draw")
    return pairs


def _any_positive(arrays: Iterable[np.ndarray]) -> bool:
    return any((array > 0).any() for array in arrays)


def _tensor(picture: object) -> torch.Tensor:
    # The copy is for arrays that cannot be written to, of which torch warns.
    return torch.as_tensor(picture.copy() if isinstance(picture, np.ndarray) else picture)


def _pictures(pictures: Sequence) -> np.ndarray:
    """Pictures as (n, h, w) or (n, h, w, 3) in [0, 1]."""
    if isinstance(pictures, list | tuple):
        pictures = torch.stack([_tensor(picture) for picture in pictures]) if pictures else ()
    given = _tensor(pictures).detach().cpu()
    grey = given.ndim == 3 or (given.ndim == 4 and given.shape[1] == 1)
    colour = given.ndim == 4 and given.shape[1] == 3
    if given.numel() == 0 or not (grey or colour):
        raise ValueError(
            "images needs pictures of shape (n, h, w), (n, 1, h, w) or (n, 3, h, w), got shape "
            f"{tuple(given.shape)}"
        )
    values = _array(given / 255 if given.dtype == torch.uint8 else given)
    if not (values.min() >= -1e-6 and values.max() <= 1 + 1e-6):
        raise ValueError(
            f"pictures are floats in [0, 1] or uint8, but these reach from {values.min():.3g} to "
            f"{values.max():.3g}: undo the normalisation, or divide by the largest value"
        )
    values = values.clip(0, 1)
    return values.transpose(0, 2, 3, 1) if colour else values.reshape(len(values), *values.shape[-2:])


def _cycle(styles: list[str], i: int) -> str:
    return styles[i % len(styles)]


def _label(ax: Axes, x: str, y: str, title: str) -> None:
    ax.set(xlabel=x, ylabel=y, title=title)


def _draw_lines(
    ax: Axes, lines: Mapping[str, list[tuple[np.ndarray, np.ndarray]]], marker: str | None, first: int = 0
) -> None:
    """Draw the runs of each name; `first` is the number of the first line in the row of colours."""
    longest = max(len(ys) for runs in lines.values() for _, ys in runs)
    for i, (name, runs) in enumerate(lines.items(), first):
        several = len(runs) > 1
        for k, (xs, ys) in enumerate(runs):
            ax.plot(
                xs,
                ys,
                color=_cycle(COLOURS, i),
                linestyle="-" if several else _cycle(DASHES, i),
                linewidth=1.0 if several else None,
                alpha=0.75 if several else None,
                marker=marker or ("o" if (longest <= 15 and not several) or len(ys) == 1 else None),
                label=name if k == 0 else None,
            )
    ax.grid()
    places = np.concatenate([xs for runs in lines.values() for xs, _ in runs])
    if (places == places.round()).all() and ax.get_xscale() == "linear":
        ax.xaxis.set_major_locator(WHOLE_NUMBERS())
        if len(places) and places.min() == places.max():
            ax.set_xlim(places.min() - 1, places.max() + 1)
    if len(lines) > 1:
        _add_legend(ax, len(lines), sum(len(ys) for runs in lines.values() for _, ys in runs))


def _add_legend(ax: Axes, entries: int, values: int) -> None:
    if entries > 4:
        legend = ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), ncols=math.ceil(entries / 10))
    else:
        # The search for the best place warns on stderr when many points make it slow.
        legend = ax.legend(loc="best" if values <= 5000 else "upper right")
    for handle in legend.legend_handles:
        handle.set(linewidth=1.8, alpha=1)


def _name_ticks(axis: matplotlib.axis.Axis, names: Sequence[str], room: float) -> None:
    """Name the ticks 0, 1, 2, ... of an x axis `room` inches wide; slanted if they would collide."""
    longest = max(len(name) for name in names)
    slanted = 0.08 * (longest + 1) * len(names) > room
    turn = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    axis.set_ticks(range(len(names)), names, **turn)


def _check_names(names: Sequence[str] | None, size: int, what: str) -> None:
    if names is not None and len(names) != size:
        raise ValueError(f"the matrix has {size} {what}, but {len(names)} names for them")


def _table_axes(ax: Axes, rows: Sequence[str] | None, columns: Sequence[str] | None) -> None:
    if rows is not None:
        ax.yaxis.set_ticks(range(len(rows)), rows)
    else:
        ax.yaxis.set_major_locator(WHOLE_NUMBERS())
    if columns is not None:
        _name_ticks(ax.xaxis, [str(name) for name in columns], room=5.6)
    else:
        ax.xaxis.set_major_locator(WHOLE_NUMBERS())
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _table_width(columns: int, title: str) -> float:
    """Inches for a table with numbers: cells of at most 0.9, room for the names of rows and the title."""
    return min(7.0, max(0.9 * columns + 1.2, 0.09 * len(title) + 0.3))


def _cell_texts(table: np.ndarray) -> list[list[str]]:
    finite = table[np.isfinite(table)]
    if (finite == finite.round()).all() and np.abs(finite).max(initial=0) < 1e6:
        form = "{:.0f}"
    else:
        form = "{:.2f}" if 0.1 <= np.abs(finite).max(initial=0) < 1000 else "{:.2g}"
    return [[form.format(value) for value in row] for row in table]


def _write_cells(ax: Axes, texts: list[list[str]], colours: np.ndarray) -> None:
    """Write a text into each cell, white on dark colours. colours: (rows, columns, 4) in [0, 1]."""
    brightness = colours[..., :3] @ [0.299, 0.587, 0.114]
    for r, row in enumerate(texts):
        for c, text in enumerate(row):
            ink = INK if brightness[r, c] > 0.55 else "white"
            ax.text(c, r, text, ha="center", va="center", color=ink, fontsize=9)


# --- from artists to the page ---------------------------------------------------------------------------


def _check_alt(alt: str) -> None:
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError("alt should say in a sentence what the picture shows, for people who cannot see it")


def _png(
    draw: Callable[[Sequence[Axes]], object],
    *,
    width: float,
    height: float,
    panels: int = 1,
    must_show: bool = True,
) -> bytes:
    """The PNG file of a figure with `panels` axes side by side, drawn by draw(axes)."""
    with style.context(["default", STYLE]):
        # No pyplot: nothing to close, and no second picture from the inline backend.
        page = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(page)
        axes = page.subplots(1, panels, squeeze=False)[0]
        draw(axes)
        file = io.BytesIO()
        page.savefig(file, format="png", metadata={"Software": None})
        if must_show and not any(_is_drawn(ax) for ax in axes):
            raise ValueError(
                "nothing is drawn on this picture: there is no data, all of it is nan or outside the axes, "
                "or it was drawn on other axes than those given"
            )
    return file.getvalue()


def _is_drawn(ax: Axes) -> bool:
    """Whether the data leave a trace inside the axes, titles, ticks and grid aside."""
    renderer = RendererAgg(*ax.figure.canvas.get_width_height(), ax.figure.dpi)
    for artist in [*ax.images, *ax.collections, *ax.patches, *ax.lines, *ax.texts, *ax.tables]:
        artist.draw(renderer)
    return bool(np.asarray(renderer.buffer_rgba())[..., 3].any())


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this code: elsewhere display() would print."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


def _before_a_person() -> bool:
    """Whether a page such as JupyterLab's shows the outputs: a Jupyter server tells the kernels of its pages.

    The kernels of the build, the replay and the grader have no page.
    """
    return "JPY_SESSION_NAME" in os.environ


def as_html(png: bytes, alt: str) -> str:
    """A picture of this module as an HTML element, no wider than its page."""
    width, height = (round(int.from_bytes(png[at : at + 4]) * SHOWN / SHARPNESS) for at in (16, 20))
    data = base64.b64encode(png).decode()
    return (
        f'<img alt="{html.escape(alt)}" width="{width}" height="{height}" '
        f'style="max-width: 100%; height: auto" src="data:image/png;base64,{data}">'
    )


def _show(
    png: bytes,
    alt: str,
    *,
    width: float,
    metadata_alt: str | None = None,
    handle: object | None = None,
    live: bool = False,
) -> object | None:
    """Show a picture, or put it in the place of handle's. Returns the handle of a live one."""
    if not _in_notebook():
        return None
    from IPython.display import display

    bundle: dict[str, str] = {"text/plain": alt}
    metadata: dict[str, dict] = {}
    if _before_a_person():
        bundle["text/html"] = as_html(png, metadata_alt or alt)
    else:
        bundle["image/png"] = base64.b64encode(png).decode()
        metadata["image/png"] = {"alt": metadata_alt or alt, "width": round(width * SHOWN)}
    if handle is not None:
        handle.update(bundle, metadata=metadata, raw=True)
        return handle
    if live:
        return display(bundle, metadata=metadata, raw=True, display_id=True)
    display(bundle, metadata=metadata, raw=True)
    return None
