"""A matplotlib figure -> SVG for a page, in the page's colours and with unique ids.

Figures are drawn in placeholder colours that are replaced by the page's CSS variables, so one
drawing serves light and dark. Text stays text, in the page's font. The output is deterministic.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree

import matplotlib
import matplotlib.rcsetup
import matplotlib.style
from markupsafe import Markup
from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#00000a", "#00000b", "#00000c", "#00000d"
SERIES = tuple(f"#0000a{index}" for index in range(1, 9))
VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--grid)",
    PAPER: "var(--paper)",
    **{colour: f"var(--series-{index})" for index, colour in enumerate(SERIES, 1)},
}

REFERENCE = re.compile(r"^#(\S+)$|url\(#(\S+)\)")

# A phone shows a figure 300 pixels wide, so text of 13 pixels is 9 there. Text is measured with
# DejaVu, which is wider than most fonts of a page: text that fits here fits there.
FONT_SIZE = 13
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "forward-forward",
    "text.parse_math": False,  # a dollar in a name is a dollar
    "font.size": FONT_SIZE,
    **dict.fromkeys(("axes.facecolor", "figure.facecolor", "savefig.facecolor"), "none"),
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    **dict.fromkeys(("axes.spines.top", "axes.spines.right"), False),
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "axes.prop_cycle": matplotlib.rcsetup.cycler(color=SERIES),
    **dict.fromkeys(("xtick.color", "ytick.color"), MUTED),
    **{f"{axis}tick.{kind}.size": 0 for axis in "xy" for kind in ("major", "minor")},
}


@contextmanager
def drawing() -> Iterator[None]:
    """Within this context figures are drawn and saved with the report's matplotlib settings."""
    with (
        matplotlib.style.context("default"),
        matplotlib.rc_context(STYLE),
        warnings.catch_warnings(),
    ):
        # The page's font has its own glyphs; DejaVu only measures the text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def canvas(width: float, height: float) -> Figure:
    """An empty figure of a width and height in CSS pixels."""
    return Figure(figsize=(width / 72, height / 72), dpi=72)


def one_line(text: Any) -> str:
    """Text valid in XML: on one line, without control characters or lone surrogates.

    >>> one_line("a" + chr(9) + "b" + chr(0) + " c")
    'a b c'
    """
    clean = "".join(each if each.isprintable() else " " for each in str(text))
    return " ".join(clean.split())


def themed(figure: Figure, label: str, prefix: str) -> Markup:
    """A figure as an ``svg`` element without namespaces, dates or a fixed size.

    Call it within `drawing`. The label is for screen readers; all ids start with the prefix.
    """
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(content.getvalue())
    attributes = [value for element in root.iter() for value in element.attrib.values()]
    used = {"".join(each) for text in attributes for each in REFERENCE.findall(text)}
    _clean(root, prefix, used)
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-label": one_line(label),
        "class": "drawing",
    }
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _clean(element: ElementTree.Element, prefix: str, used: set[str]) -> None:
    """Drop namespaces, which inline SVG does not need, metadata and unused ids."""
    element.tag = _local(element.tag)
    element.text = element.text if element.text and element.text.strip() else None
    element.tail = None
    element.attrib = {
        _local(name): _attribute(_local(name), value, prefix)
        for name, value in element.attrib.items()
        if name != "id" or value in used
    }
    for child in list(element):
        if _local(child.tag) in ("metadata", "style"):
            element.remove(child)
        else:
            _clean(child, prefix, used)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _attribute(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return f"{prefix}-{value}"
    if name == "style":
        return _style(value)
    value = re.sub(r"^#(?=\S+$)", f"#{prefix}-", value)
    value = value.replace("url(#", f"url(#{prefix}-")
    if name in ("d", "x", "y", "width", "height", "transform", "points"):
        # A hundredth of a pixel will do: a third of matplotlib's digits.
        value = re.sub(r"-?\d+\.\d{3,}", lambda found: f"{round(float(found[0]), 2):g}", value)
        value = " ".join(value.split())
    return value


def _style(value: str) -> str:
    """Declarations in the page's colours, without a font family."""
    kept = []
    for declaration in value.split(";"):
        name, _, setting = (each.strip() for each in declaration.partition(":"))
        if name == "font":  # matplotlib before 3.10: style, weight, size and family in one
            size = re.search(r"[\d.]+px", setting)
            name, setting = "font-size", size[0] if size else f"{FONT_SIZE}px"
        if name and name != "font-family":
            kept.append(f"{name}:{VARIABLES.get(setting, setting)}")
    return ";".join(kept)
