"""A figure's dictionary, of one of seven kinds -> HTML: inline SVG, pictures or a table."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from forward_forward.display import lines
from forward_forward.display.numerals import (
    array,
    decimals_of,
    number,
    plain,
    setting,
    unit_text,
)
from forward_forward.report import axes, draw
from forward_forward.report.environment import render
from forward_forward.report.svg import drawing, one_line, themed

POSITIVE, NEGATIVE = (222, 58, 38), (59, 118, 220)  # red and blue, on white and on near black


@dataclass(frozen=True)
class Picture:
    """A small picture as a data URI; width and height in pixels of the picture."""

    uri: str
    label: str
    caption: str
    width: int
    height: int


@dataclass(frozen=True)
class Panel:
    """A drawing with its title, and the picture it describes."""

    svg: Markup
    title: str = ""
    picture: Picture | None = None


@dataclass(frozen=True)
class Cells:
    """A table's rows of text; in a heat map, with the strength of each cell's colour, 0 to 1."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    strengths: Sequence[Sequence[float | None]] | None = None
    x_label: str = ""
    y_label: str = ""


@dataclass(frozen=True)
class Content:
    """The content of a figure; each kind fills some of the fields."""

    panels: Sequence[Panel] = ()
    legend: Sequence[str] = ()  # names of the series in the order of their colours
    pictures: Sequence[Picture] = ()
    table: Cells | None = None
    small: bool = False
    note: str = ""


def figure_html(figure: Mapping[str, Any], prefix: str) -> Markup:
    """A figure, given by its kind, title, caption and numbers, as HTML whose ids have a prefix.

    Raises:
        ValueError: The kind is unknown, a key is missing, or numbers do not match each other.

    >>> table = {"kind": "table", "title": "T", "caption": "", "columns": ["a"], "rows": [[1]]}
    >>> '<th scope="row" class="short">1</th>' in figure_html(table, "example")
    True
    """
    kind = figure.get("kind")
    if kind not in KINDS:
        raise ValueError(f"a figure's kind expects one of {', '.join(KINDS)}, got {kind!r}")
    try:
        with drawing():
            content = KINDS[kind](figure, prefix)
        return content_html(kind, figure["title"], figure["caption"], content)
    except KeyError as missing:
        raise ValueError(f"a figure of kind {kind!r} expects the key {missing}: add it") from None


def content_html(kind: str, title: str, caption: str, content: Content) -> Markup:
    """Title, content and caption of a figure as HTML; blank lines separate paragraphs."""
    return Markup(render("figure.html", title=title, caption=caption, content=content, kind=kind))


def _points(figure: Mapping[str, Any], prefix: str) -> Content:
    groups = figure["groups"]
    if not groups:
        return Content(note="No groups.")
    drawn = draw.points(groups, str(figure["x_label"]), log=bool(figure.get("log")))
    note = "Dots: single values. Vertical bar: mean. Horizontal line: its 95 % t interval."
    return Content([Panel(themed(drawn, str(figure["title"]), prefix))], note=note)


def _curves(figure: Mapping[str, Any], prefix: str) -> Content:
    given, small = figure["series"], bool(figure.get("small"))
    if not given:
        return Content(note="No series.")
    width = axes.SMALL if small else axes.WIDTH
    drawn, plane = axes.plane(width, figure["x_label"], figure["y_label"])
    lines.curves(plane, figure, ticks=4 if small else 5)
    legend = [str(each["name"]) for each in given]
    many = any(len(each["y"]) > 1 for each in given)
    seeds = "Thin lines: individual seeds. Thick line: their mean, where every seed has a value."
    note = seeds if many else ""
    panel = Panel(themed(drawn, str(figure["title"]), prefix))
    return Content([panel], legend, small=small, note=note)


def _heatmap(figure: Mapping[str, Any], prefix: str) -> Content:
    columns, names = [setting(x) for x in figure["x"]], [setting(y) for y in figure["y"]]
    rows = figure["values"]
    if len(rows) != len(names) or any(len(row) != len(columns) for row in rows):
        raise ValueError(
            f"a heat map with {len(names)} labels of y and {len(columns)} of x expects"
            f" {len(names)} rows of {len(columns)} values, got rows of {[len(row) for row in rows]}"
        )
    values = np.array([array(row) for row in rows], np.float64).reshape(len(names), len(columns))
    better = "high" if figure.get("good") == "high" else "low"
    strengths, log = strengths_of(values, low_is_good=better == "low")
    unit = unit_text(figure.get("unit")).strip()
    note = f"{f'In {unit}. ' if unit else ''}Stronger colour is better ({better} values are good)"
    digits = decimals_of(values)
    cells = [
        [name, *(number(value, digits) for value in row)]
        for name, row in zip(names, rows, strict=True)
    ]
    labels = (str(figure.get(name, "")) for name in ("x_label", "y_label"))
    table = Cells(columns, cells, strengths, *labels)
    return Content(table=table, note=note + (", on a log scale." if log else "."))


def strengths_of(
    values: NDArray[np.float64], *, low_is_good: bool
) -> tuple[list[list[float | None]], bool]:
    """Strength of each cell's colour, 0 to 1 for the best; and whether the scale is logarithmic.

    It is logarithmic above a ratio of 20, at which one bad cell would hide all other differences.

    >>> strengths_of(np.array([[1.0, 3.0, np.nan]]), low_is_good=True)
    ([[1.0, 0.0, None]], False)
    """
    present = values[~np.isnan(values)]
    if len(present) == 0:
        return [[None] * values.shape[1] for _ in values], False
    log = bool(present.min() > 0 and present.max() > 20 * present.min())
    scaled = np.log(values) if log else values
    low, high = np.nanmin(scaled), np.nanmax(scaled)
    strength = (scaled - low) / (high - low) if high > low else 0 * scaled + 0.5
    strength = 1 - strength if low_is_good else strength
    return [[None if np.isnan(each) else float(each) for each in row] for row in strength], log


def picture(values: Mapping[str, Any], label: str, caption: str = "") -> Picture:
    """Signed pixels as a PNG in a data URI; zero is transparent and shows the page's background.

    ``values`` has ``height``, ``width`` and ``pixels``: base64 of height x width int8 values.

    Raises:
        ValueError: The number of pixels is not height x width.
    """
    height, width = int(values["height"]), int(values["width"])
    try:
        signed = np.frombuffer(base64.b64decode(values["pixels"], validate=True), np.int8)
    except binascii.Error as error:
        raise ValueError(f"picture {label!r} expects base64 in 'pixels', got {error}") from None
    if signed.size != height * width or signed.size == 0:
        raise ValueError(
            f"picture {label!r} expects {height} x {width} int8 pixels, got {signed.size}:"
            " pass base64 of values from -127 to 127, row by row"
        )
    strength = np.minimum(np.abs(signed.astype(np.int16)) * 2, 255).astype(np.uint8)
    colours = np.where((signed > 0)[:, None], POSITIVE, NEGATIVE).astype(np.uint8)
    pixels = np.concatenate([colours, strength[:, None]], 1).reshape(height, width, 4)
    return Picture(png_uri(pixels), label, caption, width, height)


def png_uri(pixels: NDArray[np.uint8]) -> str:
    """Pixels [height, width] or [height, width, channels], 0 to 255, as a PNG in a data URI."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def _images(figure: Mapping[str, Any], prefix: str) -> Content:
    pictures = [
        picture(each, str(each["label"]), str(each.get("caption") or ""))
        for each in figure["images"]
    ]
    return Content(pictures=pictures, note="" if pictures else "No pictures.")


def _histograms(figure: Mapping[str, Any], prefix: str) -> Content:
    panels = figure["panels"]
    names = lines.names_of(panels)
    drawn = []
    for place, panel in enumerate(panels):
        histogram, plane = axes.framed(axes.SMALL, 190, top=10, bottom=46, left=44)
        lines.histogram(plane, panel, names, [panel] if figure.get("own_axes") else panels)
        plane.set_xlabel(one_line(figure["x_label"]))
        title = str(panel["name"])
        svg = themed(histogram, f"{figure['title']}, {title}", f"{prefix}-{place}")
        drawn.append(Panel(svg, title))
    note = "Vertical axis: counts." if drawn else "No panels."
    return Content(drawn, names, small=True, note=note)


def _labels(figure: Mapping[str, Any], prefix: str) -> Content:
    drawn = []
    for place, sample in enumerate(figure["samples"]):
        label, names, goodness = str(sample["label"]), sample["layers"], sample["goodness"]
        if len(names) != len(goodness):
            raise ValueError(
                f"sample {label!r} expects the goodness of {len(names)} layers, as many as it"
                f" names, got {len(goodness)}"
            )
        rows = [(str(name), array(each)) for name, each in zip(names, goodness, strict=True)]
        rows.append(("sum", array(sample["sum"])))
        bars = draw.label_goodness(rows, sample.get("chosen"), sample.get("true"))
        svg = themed(bars, f"Goodness by label, {label}", f"{prefix}-{place}")
        drawn.append(Panel(svg, label, picture(sample, label)))
    note = "Bars: goodness above that of the row's lowest label." if drawn else "No samples."
    return Content(drawn, small=True, note=note)


def _table(figure: Mapping[str, Any], prefix: str) -> Content:
    rows = [[plain(each) for each in row] for row in figure["rows"]]
    return Content(table=Cells([plain(each) for each in figure["columns"]], rows))


KINDS: dict[str, Callable[[Mapping[str, Any], str], Content]] = {
    "points": _points,
    "curves": _curves,
    "heatmap": _heatmap,
    "images": _images,
    "histograms": _histograms,
    "labels": _labels,
    "table": _table,
}
