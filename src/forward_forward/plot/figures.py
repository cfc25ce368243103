"""A run's metrics, or a network and samples -> matplotlib figures that a notebook shows."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from matplotlib.figure import Figure
from torch import Tensor

from forward_forward import checkpoint, diagnose
from forward_forward.display import lines
from forward_forward.display.numerals import number
from forward_forward.forward import Network
from forward_forward.plot import layers, units
from forward_forward.plot.layers import Metrics

WIDTH, HEIGHT = 4.2, 3.0  # inches of a panel
ACROSS = 2  # panels in a row
TITLE = 42  # letters in a line of a panel's title


class NotebookFigure(Figure):
    """A matplotlib figure that a notebook shows once, as a PNG.

    It is not one of pyplot's: `plt.show` does not know of it, and nothing has to be closed.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=144)
        titles = (" ".join(axes.get_title().split()) for axes in self.axes)
        alt = textwrap.shorten("; ".join(each for each in titles if each), 200, placeholder=" ...")
        return content.getvalue(), {"alt": alt, "width": round(self.get_figwidth() * 96)}


@runtime_checkable
class HasHistory(Protocol):
    """What `Trainer.fit` returns: rows by epoch, the settings, and perhaps the run's folder."""

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """A row of figures per epoch."""

    @property
    def about(self) -> Mapping[str, Any]:
        """The settings, as in run.json."""

    @property
    def run(self) -> Path | None:
        """The run's folder."""


RunLike = HasHistory | checkpoint.Run | Path | str


def metrics_of(run: RunLike) -> Metrics:
    """The rows and the settings of a run, given by its folder or by what `Trainer.fit` returned.

    Raises:
        ValueError: The folder holds no run.
    """
    if isinstance(run, HasHistory):
        about = run.about if run.run is None else checkpoint.Run(run.run).about
        return Metrics(run.history, about)
    run = run if isinstance(run, checkpoint.Run) else checkpoint.Run(run)
    return Metrics(run.rows(), run.about)


def errors(run: RunLike) -> Figure:
    """Errors of each layer alone: on the test set, and on the validation set by epoch.

    Args:
        run: A run's folder, a `checkpoint.Run`, or what `Trainer.fit` returned.

    Returns:
        A panel each for the test set, if the run was evaluated, and for each way to read a layer.

    Raises:
        ValueError: The run has no such figures, or the folder holds no run.

    >>> import torch
    >>> from forward_forward.forward import mlp
    >>> from forward_forward.optimize import Trainer
    >>> data = torch.rand(20, 4), torch.arange(20) % 2
    >>> fitted = Trainer(mlp(4, 8, num_classes=2)).fit(data, epochs=2, validation=data)
    >>> [axes.get_ylabel() for axes in errors(fitted).axes]
    ['validation error, %']
    """
    return _figure(run, layers.errors)


def losses(run: RunLike) -> Figure:
    """The loss of each layer by epoch; arguments and errors are those of `errors`."""
    return _figure(run, layers.losses)


def training(run: RunLike) -> Figure:
    """The validation error, that of each layer alone, and each layer's loss, by epoch.

    Arguments and errors are those of `errors`; without validation data there are only losses.
    """
    return _figure(run, layers.whole, layers.errors_by_epoch, layers.losses)


def separation(run: RunLike) -> Figure:
    """How often a positive has a higher goodness than its negative, in percent, by epoch.

    Of each layer, over the training batches; 50 % is chance. Arguments and errors: see `errors`.
    """
    return _figure(run, layers.separation)


def silent_units(run: RunLike) -> Figure:
    """Percentage of each layer's units that are 0 for every positive of a batch, by epoch.

    Arguments and errors are those of `errors`.
    """
    return _figure(run, layers.silent_units)


def goodness(run: RunLike) -> Figure:
    """Mean goodness of positives and negatives by epoch, a panel for each layer.

    A dotted line marks the threshold, if the run has a folder, which records it. Arguments and
    errors are those of `errors`.
    """
    return _figure(run, layers.goodness)


def histograms(network: Network, x: Tensor, y: Tensor | None) -> Figure:
    """Goodness of positives and of negatives among samples, a panel for each layer.

    Negatives are drawn as by `diagnose.histograms`. A dotted line marks the threshold.

    Args:
        network: The network.
        x: Samples [batch, ...].
        y: Their labels [batch]; None if the examples use no labels.

    >>> import torch
    >>> from forward_forward.forward import mlp
    >>> network = mlp(4, 8, 8, num_classes=2)
    >>> len(histograms(network, torch.rand(20, 4), torch.arange(20) % 2).axes)
    2
    """
    figure = units.goodness_figure(units.by_layer(network, x, y))
    panels = figure["panels"]
    drawn, grid = _panels(len(panels))
    for axes, panel in zip(grid, panels, strict=True):
        lines.histogram(axes, panel, lines.names_of(panels), [panel])
        axes.set(title=panel["name"].replace(": ", "\n"), xlabel="goodness", ylabel="samples")
    grid[0].legend(fontsize="small")
    return drawn


def fields(
    network: Network, shape: tuple[int, int, int], x: Tensor | None = None, *, count: int = 24
) -> Figure:
    """Weights of the first layer's units as images: red pixels excite the unit, blue inhibit it.

    Args:
        network: A network whose first block, linear or convolutional, reads images.
        shape: Shape of an image: channels, height, width.
        x: Samples [batch, channels, height, width] that show which pixels vary; None keeps all.
        count: The units with the largest weights, as many as this at most.

    Raises:
        ValueError: The first block's weights cannot be shown as images.

    >>> from forward_forward.forward import mlp
    >>> len(fields(mlp(64, 20, num_classes=10), (1, 8, 8), count=6).axes)
    6
    """
    pictures = diagnose.fields(network, shape, x)
    shown = diagnose.strongest(pictures, count)
    columns = min(8, len(shown))
    rows = -(-len(shown) // columns)
    figure = NotebookFigure(figsize=(1.2 * columns, 1.4 * rows), layout="constrained")
    for place, (unit, norm) in enumerate(shown.items(), 1):
        axes = figure.add_subplot(rows, columns, place)
        size = abs(pictures[unit]).max()
        axes.imshow(pictures[unit], cmap="RdBu_r", vmin=-size, vmax=size)
        axes.set_title(f"unit {unit}\nnorm {number(norm)}", fontsize="small")
        axes.set_axis_off()
    return figure


def _figure(run: RunLike, *made: Callable[[Metrics], list[dict[str, Any]]]) -> Figure:
    """A panel for each of the figures that are made of a run."""
    metrics = metrics_of(run)
    figures = [each for make in made for each in make(metrics)]
    if not figures:
        raise ValueError(
            "the run has none of the figures to draw: train for an epoch first, with validation"
            " data for errors"
        )
    drawn, grid = _panels(len(figures))
    for axes, figure in zip(grid, figures, strict=True):
        lines.curves(axes, figure)
        title = textwrap.fill(figure["title"], TITLE)
        axes.set(title=title, xlabel=figure["x_label"], ylabel=figure["y_label"])
        axes.legend(fontsize="small")
    return drawn


def _panels(count: int) -> tuple[Figure, list[Any]]:
    columns = min(count, ACROSS)
    rows = -(-count // columns)
    figure = NotebookFigure(figsize=(WIDTH * columns, HEIGHT * rows), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, place + 1) for place in range(count)]
