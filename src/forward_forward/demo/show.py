"""An answer, a course over time, a snapshot of training -> HTML for the page."""

from __future__ import annotations

import re

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from torch import Tensor

from forward_forward.demo.answer import Answer, Unit
from forward_forward.demo.live import Snapshot
from forward_forward.demo.over_time import first_settled
from forward_forward.demo.subject import Subject
from forward_forward.display.numerals import decimals_for, number
from forward_forward.plot.layers import curves
from forward_forward.plot.units import goodness_figure
from forward_forward.report.diagnostics import fields_figure
from forward_forward.report.environment import environment
from forward_forward.report.figures import figure_html, png_uri

LABELS = 6  # labels whose goodness over time is drawn
SILENT = 90.0  # percentage of a layer's silent units above which the page warns

_templates = environment("forward_forward.demo")


def style() -> str:
    """The page's CSS: the colours and figures of reports, and its own rules."""
    report = environment()
    colours = report.get_template("colours.css").render()
    dark = colours.partition("@media")[2].partition(":root {")[2].partition("}")[0]
    figures = report.get_template("figures.css").render()
    own = _templates.get_template("page.css").render()
    # Gradio may be dark on a light system: it then sets the class, and the media query is wrong.
    return f"{colours}\n.dark {{{dark}}}\n.ff {{ {figures} }}\n{own}"


def pen() -> str:
    """The script of the drawing field."""
    return _templates.get_template("pen.js").render()


def field() -> str:
    """The drawing field."""
    return _templates.get_template("pen.html").render()


def sentence(text: str) -> str:
    """A message to the user."""
    return str(Markup('<div class="ff"><p class="sentence" role="alert">{}</p></div>').format(text))


def answer_html(answer: Answer, subject: Subject, sample: Tensor, note: str) -> str:
    """The goodness of every label, as bars that grow layer by layer, and why the best one wins.

    ``sample`` [1, channels, height, width] is shown with ``note``: how it was preprocessed.
    """
    first, stop = answer.counted
    above = answer.goodness - answer.goodness.min(1, keepdims=True)
    digits = 1 + decimals_for(float(answer.total.max()))
    longest = max(float(above[first:stop].sum(0).max()), 1e-30)
    rows = [
        {
            "name": name,
            "bars": [100 * float(above[layer, label]) / longest for layer in range(first, stop)],
            "total": number(float(answer.total[label]), digits),
            "layers": [number(float(value), digits) for value in answer.goodness[:, label]],
            "best": label == answer.best,
        }
        for label, name in enumerate(subject.classes)
    ]
    pixels = (sample[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return _templates.get_template("answer.html").render(
        rows=rows,
        layers=list(range(1, len(answer.goodness) + 1)),
        first=first + 1,
        stop=stop,
        best=subject.classes[answer.best],
        predicted=subject.classes[answer.predicted],
        reading=subject.network.reading,
        seen=png_uri(pixels[..., 0] if pixels.shape[2] == 1 else pixels),
        note=note,
        why=_why(answer, subject),
    )


def _why(answer: Answer, subject: Subject) -> str:
    """How far each layer prefers the best label to the runner-up."""
    best, runner_up = subject.classes[answer.best], subject.classes[answer.runner_up]
    first, stop = answer.counted
    margin = answer.margin[first:stop]
    digits = 1 + decimals_for(float(abs(margin).max()))
    margins = [round(float(each), digits) for each in margin]
    layers = ", ".join(
        f"layer {layer} prefers {best if each >= 0 else runner_up} by {number(abs(each), digits)}"
        for layer, each in enumerate(margins, first + 1)
    )
    total = number(sum(margins), digits)
    return f"The strongest wrong label is {runner_up}. It loses by {total}: {layers}."


def units_html(answer: Answer, subject: Subject) -> str:
    """The most active units of the first layer, as pictures of their weights."""
    shown = [unit for unit in answer.units if unit.weights is not None]
    if not shown:
        return sentence("The weights of the first layer are not pictures of the samples' size.")
    figure = fields_figure(
        ((unit.number, _describe(unit, subject), unit.weights) for unit in shown),
        title="The most active units",
        caption="The units of the first layer that are most active for this picture with the label"
        f" {subject.classes[answer.best]}. Red pixels excite a unit, blue ones inhibit it. A unit"
        " matches a class if its activity alone distinguishes the class from all others: the number"
        " is the area under the ROC curve, 0.5 by chance, 1 if perfect.",
    )
    return f'<div class="ff">{figure_html(figure, "units")}</div>'


def _describe(unit: Unit, subject: Subject) -> str:
    name = subject.classes[unit.label]
    kind = f"matches {name}s" if unit.matches else f"best at {name}s"
    return f"{kind} ({unit.area:.2f}), activity {number(unit.activity)}"


def over_time_html(by_time: NDArray[np.float64], subject: Subject) -> str:
    """The goodness of every label over time, from ``by_time`` [iterations, classes]."""
    above = by_time - by_time.min(1, keepdims=True)
    shown = sorted(np.argsort(-by_time[-1], kind="stable")[:LABELS].tolist())
    settled, last = first_settled(by_time), subject.classes[int(by_time[-1].argmax())]
    steps = list(range(1, len(by_time) + 1))
    figure = curves(
        "Goodness of each label over time",
        "The same picture, shown repeatedly to a small recurrent network, whose layers also receive"
        f" input from the layers above them. It predicts {last} from iteration {settled} on."
        " Goodness is summed over all layers, less that of the lowest label; the"
        f" {len(shown)} labels with the highest final goodness are shown.",
        "goodness above the lowest",
        [
            {"name": subject.classes[label], "x": steps, "y": [above[:, label].tolist()]}
            for label in shown
        ],
        x_label="iteration",
    )
    return f'<div class="ff">{figure_html(figure, "time")}</div>'


def snapshot_html(snapshot: Snapshot) -> str:
    """Histograms of goodness, layer by layer, and the two error curves."""
    histograms = goodness_figure(
        {
            layer: {**found, "name": f"{found['separation']:.0f} % separated"}
            for layer, found in enumerate(snapshot.layers, 1)
        },
        title="Goodness of positives and negatives",
        caption="Validation images, with their own label and with a wrong one. Dotted line: the"
        " threshold. Separated: pairs in which the positive has the higher goodness. A loss that"
        " compares pairs (SiluPair, SymBa) requires no more than that; with log_sigmoid the two"
        " histograms move apart.",
    )
    errors = snapshot.errors
    named = {"Forward-Forward": errors["forward"], "backpropagation": errors["backprop"]}
    lines = curves(
        "Validation error",
        f"Forward-Forward {errors['forward'][-1]:.1f} %, backpropagation"
        f" {errors['backprop'][-1]:.1f} %, with the same layers, batches and initial weights."
        " Neither is tuned, so this compares two settings, not the two methods.",
        "error, %",
        [{"name": name, "x": errors["epoch"], "y": [values]} for name, values in named.items()],
    )
    done = snapshot.epoch >= snapshot.epochs
    state = "Done" if done else f"Epoch {snapshot.epoch:.1f} of {snapshot.epochs}"
    warnings = "".join(
        sentence(
            f"Layer {layer} is silent: {percent:.0f} % of its units are at 0 for every image. Lower"
            " the learning rate."
        )
        for layer, percent in enumerate(snapshot.silent, 1)
        if percent > SILENT
    )
    figures = figure_html(histograms, "live-h") + figure_html(lines, "live-c")
    return f'<div class="ff"><p class="state" role="status">{state}</p>{warnings}{figures}</div>'


def stopped(html: str) -> str:
    """The HTML of a snapshot, marked as stopped unless training is done."""
    return re.sub(r"(Epoch [\d.]+ of \d+)</p>", r"\1, stopped</p>", html or "")
