"""scikit-learn's digits -> the figures of docs/concepts.md, drawn when the site is built.

Each is drawn twice, for light and for dark pages. `numbers` trains the networks, in seconds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

import forward_forward as ff
from forward_forward import diagnose
from forward_forward.data import Data
from forward_forward.plot.figures import NotebookFigure

PALETTES = {
    "light": {"ink": "#24292f", "muted": "#6a737d", "pos": "#1668c7", "neg": "#c9402f"},
    "dark": {"ink": "#dfe4ea", "muted": "#98a2ad", "pos": "#62aaff", "neg": "#ff8370"},
}
FLAT = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "savefig.transparent": True,
    "svg.hashsalt": "forward-forward",
}
Palette = dict[str, str]


def inked(ink: str) -> dict[str, Any]:
    """Settings of matplotlib that write and draw axes in one colour, on no ground."""
    names = "text.color axes.labelcolor axes.edgecolor xtick.color ytick.color axes.titlecolor"
    return {**FLAT, **dict.fromkeys(names.split(), ink)}


ON_EITHER = {
    **inked("#7d8590"),
    "figure.dpi": 110,
    "axes.prop_cycle": mpl.cycler(color=["#3b87e0", "#e0604e", "#4aa564", "#b07cd8", "#d29922"]),
}


def tutorial_style(gallery_conf: dict[str, Any], script: str) -> None:
    """Before each tutorial: its pictures can be read on light and on dark pages."""
    mpl.rcParams.update(ON_EITHER)
    NotebookFigure._repr_html_ = _html  # Sphinx-Gallery asks for nothing else


def _html(figure: NotebookFigure) -> str:
    content, about = figure._repr_png_()
    return (
        f'<img src="data:image/png;base64,{base64.b64encode(content).decode()}"'
        f' alt="{escape(about["alt"])}" width="{about["width"]}"'
        ' style="max-width: 100%; height: auto">'
    )


def network(seed: int = 0, **options: Any) -> ff.Network:
    """Two layers of 100 units, the label appended."""
    negatives = options.pop("negatives", ff.examples.FromGoodness(0.1, 1.0))
    examples = ff.examples.AppendLabel(10, strength=3.0, negatives=negatives)
    return ff.mlp(64, 100, 100, num_classes=10, seed=seed, examples=examples, **options)


def fitted(train: Data, seed: int = 0, epochs: int = 20, **options: Any) -> tuple[Any, list[Any]]:
    """A trained network and its history."""
    validation = options.pop("validation", None)
    net = network(seed, **options)
    trainer = ff.Trainer(net, lr=5e-3, seed=seed)
    done = trainer.fit(train, epochs=epochs, batch_size=64, validation=validation)
    return net, done.history


def numbers() -> dict[str, Any]:
    """What the figures show, from networks that are trained here."""
    everything, test = ff.datasets.digits()
    train, validation = everything.split()
    x, y, _ = next(test.batches(len(test)))
    rng = torch.Generator().manual_seed(0)
    untrained = network()
    untrained.calibrate(x, y)
    trained, _ = fitted(everything, head=True)
    ways = {"uniform": ff.examples.Uniform(), "hard": ff.examples.FromGoodness(0.1, 1.0)}
    curves = {
        name: [
            [row["validation_error"] for row in each]
            for seed in range(5)
            for each in [fitted(train, seed, 12, negatives=way, validation=validation)[1]]
        ]
        for name, way in ways.items()
    }
    sure = trained.goodness(x).sort(1).values
    close = int((sure[:, -1] - sure[:, -2]).topk(9, largest=False).indices[-1])
    return {
        "x": x,
        "y": y,
        "close": close,
        "before": diagnose.histograms(untrained, x, y, rng),
        "after": diagnose.histograms(trained, x, y, rng),
        "second": {norm: second_layer(trained, x, y, norm) for norm in (False, True)},
        "by_layer": trained.goodness_by_layer(x[close : close + 1])[:, 0],
        "softmax": trained.scores(x[close : close + 1], "head")[0].softmax(0),
        "curves": curves,
    }


@torch.no_grad()
def second_layer(trained: ff.Network, x: Any, y: Any, norm: bool) -> tuple[Any, Any]:
    """Goodness that a new second layer gives to a trained first layer's positives, negatives."""
    first, second = trained.layers[0], network(seed=1).layers[1]
    if not norm:
        second.normalize = None
    rng = torch.Generator().manual_seed(1)
    makers = trained.examples
    scores = torch.zeros(len(x), 10)
    both = [makers.positive(x, y), makers.negative(x, y, rng, scores)]
    goods = [second.goodness(second(first(each.dense().flatten(0, 1)))) for each in both]
    middle = torch.cat(goods).mean()
    return goods[0] / middle, goods[1] / middle


def draw(folder: Path) -> None:
    """Draw every figure, where it is not there already."""
    folder.mkdir(exist_ok=True)
    if len(list(folder.glob("*.svg"))) == len(PALETTES) * len(FIGURES):
        return
    known = numbers()
    for theme, palette in PALETTES.items():
        with mpl.rc_context(inked(palette["ink"])):
            for name, (make, size) in FIGURES.items():
                figure = Figure(figsize=size, layout="constrained")
                make(figure, known, palette)
                figure.savefig(folder / f"{name}-{theme}.svg", metadata={"Date": None})


def examples(figure: Figure, known: dict[str, Any], palette: Palette) -> None:
    """One image with its label, with a wrong one, with the neutral one and with every one."""
    image, label = known["x"][3, 0].numpy(), int(known["y"][3])
    makers, wrong = ff.examples.AppendLabel(10), (label + 5) % 10
    flat = known["x"][3:4]
    shown = {
        "positive": (makers.positive(flat, torch.tensor([label])).label[0, 0], f"label {label}"),
        "negative": (makers.positive(flat, torch.tensor([wrong])).label[0, 0], f"label {wrong}"),
        "neutral": (makers.neutral(flat).label[0, 0], "no label"),
        "candidates": (makers.candidates(flat).label[:, 0], "each label in turn"),
    }
    grid = figure.subplots(2, 4, gridspec_kw={"height_ratios": [8, 2.4]})
    colours = [palette["pos"], palette["neg"], palette["muted"], palette["muted"]]
    for axes, (name, (units, words)), colour in zip(grid.T, shown.items(), colours, strict=True):
        axes[0].imshow(image, cmap="gray_r" if palette is PALETTES["light"] else "gray")
        axes[0].set_title(f"{name}\n{words}", color=colour, loc="center")
        rows = np.atleast_2d(units.numpy())
        edge = 0.4 if len(rows) == 1 else 0.1
        axes[1].pcolormesh(rows, cmap=_fade(colour), vmin=0, vmax=1, edgecolors=colour, lw=edge)
        axes[1].invert_yaxis()
        axes[1].set_xticks(np.arange(10) + 0.5, range(10), fontsize=7)
        for each in axes:
            each.tick_params(length=0)
            each.set_yticks([])
        axes[0].set_xticks([])
        axes[1].spines[:].set_visible(False)


def _fade(colour: str) -> Any:
    return mpl.colors.LinearSegmentedColormap.from_list("fade", [(0, 0, 0, 0), colour])


def histograms(figure: Figure, known: dict[str, Any], palette: Palette) -> None:
    """Goodness of positives and negatives, before and after training, in both layers."""
    grid = figure.subplots(2, 2)
    for row, when in zip(grid, ("before", "after"), strict=True):
        for number, (axes, counts) in enumerate(zip(row, known[when], strict=True), 1):
            edges = np.array(counts["edges"])
            for sign in ("negative", "positive"):
                axes.stairs(counts[sign], edges, fill=True, alpha=0.55, color=palette[sign[:3]])
                axes.stairs(counts[sign], edges, color=palette[sign[:3]], label=sign)
            words = f"layer {number}, {when} training: {counts['separation']:.0f} % separated"
            axes.set(title=words, yticks=[], xlabel="goodness (mean square)")
            axes.spines.left.set_visible(False)
    grid[0, 0].legend(loc="upper right")


def normalised(figure: Figure, known: dict[str, Any], palette: Palette) -> None:
    """What a second layer that has learned nothing gives, with and without normalisation."""
    titles = {False: "its input as it is", True: "its input normalised"}
    everything = torch.cat([part for pair in known["second"].values() for part in pair])
    edges = np.linspace(float(everything.min()), float(everything.quantile(0.995)), 45)
    for axes, (norm, (good, bad)) in zip(
        figure.subplots(1, 2), known["second"].items(), strict=True
    ):
        for name, values in {"negative": bad, "positive": good}.items():
            axes.hist(values, edges, alpha=0.55, color=palette[name[:3]], label=name)
        share = 100 * float((good > bad).float().mean())
        axes.set(title=f"{titles[norm]}: {share:.0f} % separated", yticks=[])
        axes.set_xlabel("goodness in an untrained second layer, over its mean")
        axes.spines.left.set_visible(False)
    figure.axes[0].legend(loc="upper right")


def negatives(figure: Figure, known: dict[str, Any], palette: Palette) -> None:
    """Which wrong labels are drawn, and how much sooner a network learns of the hard ones."""
    left, right = figure.subplots(1, 2)
    at, label = known["close"], int(known["y"][known["close"]])
    goodness = known["by_layer"].sum(0) / 0.1
    goodness[label] = -torch.inf
    chance = goodness.softmax(0)
    uniform = torch.where(torch.arange(10) == label, 0.0, 1 / 9)
    left.bar(np.arange(10) - 0.2, uniform, 0.4, color=palette["muted"], label="uniform")
    left.bar(np.arange(10) + 0.2, chance, 0.4, color=palette["neg"], label="hard")
    left.set(xticks=range(10), xlabel="label", ylabel="chance of being drawn")
    left.set_title(f"wrong labels for an image of a {label}")
    left.legend(loc="upper left")
    inset = left.inset_axes((0.46, 0.68, 0.26, 0.32))
    inset.imshow(
        known["x"][at, 0].numpy(), cmap="gray_r" if palette is PALETTES["light"] else "gray"
    )
    inset.set(xticks=[], yticks=[])
    inset.spines[:].set_visible(False)
    for (name, runs), colour in zip(known["curves"].items(), ("muted", "neg"), strict=True):
        runs = np.array(runs)
        epochs = np.arange(1, runs.shape[1] + 1)
        right.plot(epochs, runs.mean(0), color=palette[colour], label=name)
        right.fill_between(epochs, runs.min(0), runs.max(0), color=palette[colour], alpha=0.2, lw=0)
    right.set(xlabel="epoch", ylabel="validation error, %", ylim=(0, None))
    right.set_title("mean and range of five seeds")
    right.legend()


def readings(figure: Figure, known: dict[str, Any], palette: Palette) -> None:
    """A label read from ten passes with a label each, and from one pass without."""
    left, right = figure.subplots(1, 2)
    bottom = np.zeros(10)
    shades = (0.55, 1.0)
    for number, (row, alpha) in enumerate(zip(known["by_layer"], shades, strict=True), 1):
        left.bar(range(10), row.numpy(), bottom=bottom, alpha=alpha, color=palette["pos"], lw=0)
        left.bar(0, 0, alpha=alpha, color=palette["pos"], label=f"layer {number}")
        bottom += row.numpy()
    left.set(
        xticks=range(10), xlabel="label that was put in", ylabel="goodness", title="ten passes"
    )
    left.legend(ncols=2, loc="upper left")
    left.set_ylim(0, 1.25 * bottom.max())
    right.bar(range(10), known["softmax"].numpy(), color=palette["pos"])
    right.set(
        xticks=range(10), xlabel="label", ylabel="probability", title="one pass, softmax head"
    )


def steps(figure: Figure, known: dict[str, Any], palette: Palette) -> None:
    """What passes between layers in backpropagation, and what in Forward-Forward."""
    for axes, title in zip(
        figure.subplots(1, 2), ("backpropagation", "Forward-Forward"), strict=True
    ):
        back = title == "backpropagation"
        for level, name in enumerate(("input", "layer 1", "layer 2", "layer 3")):
            _box(axes, 0.32, level, name, palette["ink"])
            if level:
                _arrow(axes, (0.32, level - 0.72), (0.32, level - 0.28), palette["pos"])
            if level > 1 and back:
                _arrow(axes, (0.5, level - 0.28), (0.5, level - 0.72), palette["neg"])
            if level and not back:
                _box(axes, 0.82, level, "own goodness,\nown step", palette["pos"], 0.2)
                _arrow(axes, (0.56, level + 0.1), (0.61, level + 0.1), palette["pos"])
                _arrow(axes, (0.61, level - 0.1), (0.56, level - 0.1), palette["neg"])
        if back:
            _box(axes, 0.32, 4, "error", palette["neg"])
            _arrow(axes, (0.32, 3.28), (0.32, 3.72), palette["pos"])
            _arrow(axes, (0.5, 3.72), (0.5, 3.28), palette["neg"])
        axes.set(xlim=(0, 1.05), ylim=(-0.5, 4.5), title=title)
        axes.axis("off")


def _box(axes: Axes, x: float, y: float, words: str, colour: str, half: float = 0.22) -> None:
    shape = FancyBboxPatch(
        (x - half, y - 0.24), 2 * half, 0.48, "round,pad=0,rounding_size=0.04", ec=colour, fc="none"
    )
    axes.add_patch(shape)
    axes.text(x, y, words, ha="center", va="center", fontsize=9, color=colour, linespacing=1.0)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    kind = partial(FancyArrowPatch, arrowstyle="-|>", mutation_scale=10, shrinkA=0, shrinkB=0)
    axes.add_patch(kind(start, end, color=colour, lw=1.4))


Make = Callable[[Figure, dict[str, Any], Palette], None]
FIGURES: dict[str, tuple[Make, tuple[float, float]]] = {
    "examples": (examples, (7.2, 2.9)),
    "histograms": (histograms, (7.2, 4.2)),
    "normalised": (normalised, (7.2, 2.5)),
    "negatives": (negatives, (7.2, 2.8)),
    "readings": (readings, (7.2, 2.6)),
    "steps": (steps, (7.2, 3.0)),
}
