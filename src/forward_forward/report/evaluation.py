"""Predictions of a test set, or their measures -> matplotlib figures, as drawings or PNG files.

Text and axes have the colours of matplotlib's settings, so that one drawing serves files and the
page. scikit-learn draws what it can.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import ConfusionMatrixDisplay, PredictionErrorDisplay

from forward_forward import files
from forward_forward.display.numerals import tick
from forward_forward.predict import Predictions, quality
from forward_forward.report.figures import NEGATIVE
from forward_forward.report.svg import canvas, one_line

BLUE = tuple(each / 255 for each in NEGATIVE)  # on white and on near black
SHADES = LinearSegmentedColormap.from_list("shades", [(*BLUE, 0.0), (*BLUE, 0.85)])
SIDE = 420  # pixels of a figure, which is square
MOST_NUMBERS = 20  # classes, above which the cells of a confusion matrix have no room for numbers
DOTS = 2_000  # of a scatter plot, drawn at random from more
LETTERS = 16  # of a class's name on an axis
SMALLEST = 6  # pixels of text, below which names are left out


def pixels(found: Predictions) -> list[NDArray[np.uint8]]:
    """The worst samples as pictures [height, width] or [height, width, 3]; none if they are not.

    Values outside 0 to 1 are scaled to that range, picture by picture.
    """
    inputs = found.worst_inputs.float().numpy()
    if inputs.ndim != 4 or inputs.shape[1] not in (1, 3):
        return []
    pictures = []
    for each in inputs:
        low, high = min(0.0, float(each.min())), max(1.0, float(each.max()))
        shown = (255 * (each - low) / (high - low)).round().astype(np.uint8)
        pictures.append(shown[0] if len(shown) == 1 else np.moveaxis(shown, 0, 2))
    return pictures


def _square(side: int = SIDE) -> tuple[Figure, Any]:
    figure = canvas(side, side)
    figure.set_layout_engine("constrained")
    return figure, figure.add_subplot()


def confusions(measured: Mapping[str, Any], side: int = SIDE) -> Figure:
    """The confusion matrix; its colours have a square-root scale, on which few errors show."""
    names = [_short(name) for name in measured["classes"]]
    matrix = np.array(measured["confusion_matrix"])
    figure, axes = _square(side)
    largest, cell = matplotlib.rcParams["font.size"], side / len(names)
    text = {"color": matplotlib.rcParams["text.color"], "fontsize": min(largest, 0.3 * cell)}
    ConfusionMatrixDisplay(matrix, display_labels=names).plot(
        ax=axes,
        cmap=SHADES,
        colorbar=False,
        include_values=len(names) <= MOST_NUMBERS,
        values_format="d" if matrix.dtype.kind == "i" else ".3g",
        xticks_rotation="vertical" if max(map(len, names)) > 2 else "horizontal",
        im_kw={"norm": PowerNorm(0.5, vmin=0, vmax=max(1, matrix.max()))},
        text_kw=text,
    )
    axes.grid(visible=False)
    axes.set(xlabel="predicted", ylabel="true")
    if (size := min(largest, 0.6 * cell)) < SMALLEST:
        axes.set(xticks=[], yticks=[])
    axes.tick_params(labelsize=size)
    return figure


def reliability(measured: Mapping[str, Any]) -> Figure:
    """Fraction predicted correctly by the probability of the predicted class."""
    figure, axes = _square()
    bins = measured["calibration"]["bins"]
    accuracy, probability = (
        np.array([each[name] for each in bins]) for name in ("accuracy", "probability")
    )
    shown = CalibrationDisplay(accuracy, probability, probability)
    shown.plot(ax=axes, color=BLUE, markersize=5)
    # The area of a dot is the fraction of the samples in its bin.
    areas = [8 + 500 * each["fraction"] for each in bins]
    axes.scatter(probability, accuracy, areas, color=[(*BLUE, 0.3)], linewidth=0)
    axes.legend().remove()
    axes.set_title(f"expected calibration error {measured['calibration']['expected_error']:.3f}")
    axes.lines[0].set_color(matplotlib.rcParams["text.color"])
    axes.set(xlabel="probability of the predicted class", ylabel="fraction predicted correctly")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    return figure


def agreement(found: Predictions) -> Figure:
    """True numbers by predicted ones."""
    figure, axes = _square()
    PredictionErrorDisplay.from_predictions(
        found.true,
        found.predicted,
        kind="actual_vs_predicted",
        subsample=min(DOTS, len(found.true)),
        random_state=0,
        ax=axes,
        scatter_kwargs={"color": BLUE, "alpha": 0.5, "s": 12, "linewidth": 0},
        line_kwargs={"color": matplotlib.rcParams["text.color"]},
    )
    axes.set(xlabel="predicted", ylabel="true")
    for axis in (axes.xaxis, axes.yaxis):  # scikit-learn's ticks are no round numbers
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(FuncFormatter(tick))
    return figure


def worst_pictures(measured: Mapping[str, Any], pictures: list[NDArray[np.uint8]]) -> Figure:
    """The worst samples in rows of five, with what they are and what was predicted."""
    rows = math.ceil(len(pictures) / 5)
    figure = canvas(5 * 120, rows * 150)
    figure.set_layout_engine("constrained")
    grid = figure.subplots(rows, 5, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, picture, about in zip(grid, pictures, measured["worst"], strict=False):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axes.set_title("\n".join(captions(about)), fontsize=8)
    return figure


def captions(worst: Mapping[str, Any]) -> tuple[str, str]:
    """One of the worst samples in two lines: its index and true label, and the predicted one."""
    names = (worst[name] for name in ("true", "predicted"))
    true, predicted = (_short(x) if isinstance(x, str) else f"{x:.4g}" for x in names)
    claimed = f" ({worst['probability_of_true']:.3f})" if "probability_of_true" in worst else ""
    return f"{worst['index']}: {true}{claimed}", f"predicted {predicted}"


def _short(name: str) -> str:
    """A name that is shortened in its middle: names of classes often share their beginning."""
    name = one_line(name)
    half = LETTERS // 2
    return name if len(name) <= LETTERS else f"{name[: half - 1]}…{name[-half:]}"


def save_figures(found: Predictions, folder: Path) -> list[Path]:
    """Write the figures of predictions as PNG files into a folder.

    They are ``confusion_matrix.png`` and ``calibration.png``, or ``predicted_vs_true.png`` if the
    target is real-valued; and ``worst.png`` if the samples are pictures.

    Args:
        found: The predictions, from `forward_forward.predict.predictions`.
        folder: An existing folder.

    Returns:
        The files.
    """
    measured, pictures = quality(found), pixels(found)
    drawn: dict[str, Callable[[], Figure]] = {"predicted_vs_true": lambda: agreement(found)}
    if found.classes:
        side = max(SIDE, min(1_600, 40 * len(found.classes)))
        drawn = {
            "confusion_matrix": lambda: confusions(measured, side),
            "calibration": lambda: reliability(measured),
        }
    if pictures:
        drawn["worst"] = lambda: worst_pictures(measured, pictures)
    paths = []
    with matplotlib.style.context("default"), matplotlib.rc_context({"text.parse_math": False}):
        for name, draw in drawn.items():
            content = io.BytesIO()
            draw().savefig(content, format="png", dpi=144)
            files.write(folder / f"{name}.png", content.getvalue())
            paths.append(folder / f"{name}.png")
    return paths
