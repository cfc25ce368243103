"""An answer, a course over time, a moment of training -> HTML for the page."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray
from torch import Tensor

from forward_forward.demo.answer import Answer, Unit
from forward_forward.demo.live import Moment
from forward_forward.demo.over_time import first_settled, gap
from forward_forward.demo.subject import Subject
from forward_forward.diagnose import signed_base64
from forward_forward.report.environment import environment as report_environment
from forward_forward.report.figures import figure_html
from forward_forward.report.numerals import decimals_for, number

LABELS = 6  # whose goodness over time is drawn
SILENT = 90.0  # percent of a layer's units, above which it is said


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("forward_forward.demo"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def style() -> str:
    """The page's CSS: the reports' colours and figures, and what is the page's own."""
    report = report_environment()
    colours = report.get_template("colours.css").render()
    dark = colours.partition("@media")[2].partition(":root {")[2].partition("}")[0]
    figures = report.get_template("figures.css").render()
    own = _templates().get_template("page.css").render()
    # Gradio may be dark where the system is light: it then has the class, and the media do not say.
    return f"{colours}\n.dark {{{dark}}}\n.ff {{ {figures} }}\n{own}"


def pen() -> str:
    """The script of the field to draw on."""
    return _templates().get_template("pen.js").render()


def field() -> str:
    """The field to draw on."""
    return _templates().get_template("pen.html").render()


def sentence(text: str) -> str:
    """What is wrong, in a sentence."""
    return str(Markup('<div class="ff"><p class="sentence" role="alert">{}</p></div>').format(text))


def answer_html(answer: Answer, subject: Subject, sample: Tensor, done: str) -> str:
    """The goodness of every label, as bars that grow layer by layer, and why the answer wins.

    Args:
        answer: What the layers made of it.
        subject: Whose layers they are.
        sample: What the network saw [1, channels, height, width].
        done: What was done to the picture before.
    """
    first, stop = answer.counted
    above = answer.goodness - answer.goodness.min(1, keepdims=True)
    digits = 1 + decimals_for(float(answer.total.max()))
    longest = max(float(above[first:stop].sum(0).max()), 1e-30)
    rows = [
        {
            "name": name,
            "parts": [100 * float(above[layer, label]) / longest for layer in range(first, stop)],
            "total": number(float(answer.total[label]), digits),
            "layers": [number(float(value), digits) for value in answer.goodness[:, label]],
            "best": label == answer.best,
        }
        for label, name in enumerate(subject.classes)
    ]
    return (
        _templates()
        .get_template("answer.html")
        .render(
            rows=rows,
            layers=list(range(1, len(answer.goodness) + 1)),
            first=first + 1,
            stop=stop,
            best=subject.classes[answer.best],
            chosen=subject.classes[answer.chosen],
            reading=subject.network.reading,
            seen=_seen(sample),
            done=done,
            why=_why(answer, subject),
        )
    )


def _why(answer: Answer, subject: Subject) -> str:
    """Why the hardest wrong label loses."""
    best, hardest = subject.classes[answer.best], subject.classes[answer.hardest]
    first, stop = answer.counted
    ahead = answer.ahead[first:stop]
    digits = 1 + decimals_for(float(abs(ahead).max()))
    parts = [round(float(each), digits) for each in ahead]
    words = ", ".join(
        f"layer {layer} prefers {best if each >= 0 else hardest} by {number(abs(each), digits)}"
        for layer, each in enumerate(parts, first + 1)
    )
    return (
        f"The hardest wrong label is {hardest}. It loses by {number(sum(parts), digits)}: {words}."
    )


def _seen(sample: Tensor) -> str:
    """What the network saw, as a picture in a data URI."""
    import base64
    import io

    from PIL import Image

    pixels = (sample[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    content = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def units_html(answer: Answer, subject: Subject) -> str:
    """The units of the first layer that fire most, as the pictures they look for."""
    best = subject.classes[answer.best]
    shown = [unit for unit in answer.units if unit.weights is not None]
    caption = (
        f"The units of the first layer that are most active for this picture with the label {best}."
        " Red pixels excite a unit, blue ones inhibit it. A unit matches a class if its activity"
        " alone tells the class from all others: the number is the area under that curve, 0.5 by"
        " chance, 1 if perfect."
    )
    if not shown:
        return sentence("The first layer's weights are no pictures of the size of the samples.")
    images = [
        {
            "label": f"unit {unit.number}",
            "caption": _unit_words(unit, subject),
            "height": unit.weights.shape[0],
            "width": unit.weights.shape[1],
            "pixels": signed_base64(unit.weights),
        }
        for unit in shown
        if unit.weights is not None
    ]
    figure = {"kind": "images", "title": "What fires", "caption": caption, "images": images}
    return f'<div class="ff">{figure_html(figure, "units")}</div>'


def _unit_words(unit: Unit, subject: Subject) -> str:
    name = subject.classes[unit.label]
    kind = f"matches {name}s" if unit.matches else f"best at {name}s"
    return f"{kind} ({unit.area:.2f}), activity {number(unit.activity)}"


def over_time_html(by_time: NDArray[np.float64], subject: Subject) -> str:
    """The goodness of every label over time.

    Args:
        by_time: Goodness [iterations, classes].
        subject: Whose labels they are.
    """
    above = gap(by_time)
    shown = sorted(np.argsort(-by_time[-1], kind="stable")[:LABELS].tolist())
    settled, last = first_settled(by_time), subject.classes[int(by_time[-1].argmax())]
    when = "from the first look on" if settled == 1 else f"from look {settled} on"
    steps = list(range(1, len(by_time) + 1))
    figure = {
        "kind": "curves",
        "title": "Goodness of each label, look by look",
        "caption": f"The same picture, shown again and again to a small recurrent network, whose"
        f" layers see the layers above them too. It says {last}, {when}. Goodness is that of all"
        f" layers, above the lowest label's; shown are the {len(shown)} labels that are highest in"
        " the end.",
        "x_label": "look",
        "y_label": "goodness above the lowest",
        "series": [
            {"name": name, "x": steps, "y": [above[:, label].tolist()]}
            for label, name in ((each, subject.classes[each]) for each in shown)
        ],
    }
    return f'<div class="ff">{figure_html(figure, "time")}</div>'


def moment_html(moment: Moment) -> str:
    """Histograms of goodness, layer by layer, and the two error curves."""
    panels = [
        {
            "name": f"Layer {number_}: {found['separation']:.0f} % apart",
            "level": found["threshold"],
            "series": [
                {"name": f"{kind}s", "edges": found["edges"], "counts": found[kind]}
                for kind in ("positive", "negative")
            ],
        }
        for number_, found in enumerate(moment.layers, 1)
    ]
    histograms = {
        "kind": "histograms",
        "title": "Goodness of positives and negatives",
        "caption": "Images it was not trained on, with their own label and with a wrong one."
        " Dotted line: the threshold. Apart: pairs in which the positive has more. A loss of pairs"
        " (SiluPair, SymBa) asks no more than that; with log_sigmoid the two histograms part.",
        "x_label": "goodness",
        "own_axes": True,
        "panels": panels,
    }
    errors = moment.errors
    curves = {
        "kind": "curves",
        "title": "Errors on images not trained on",
        "caption": f"Forward-Forward {errors['forward'][-1]:.1f} %, backpropagation"
        f" {errors['backprop'][-1]:.1f} %, the same layers, batches and start. Neither is tuned:"
        " a race of two settings, no result.",
        "x_label": "epoch",
        "y_label": "error, %",
        "series": [
            {"name": name, "x": errors["epoch"], "y": [errors[key]]}
            for name, key in (("Forward-Forward", "forward"), ("backpropagation", "backprop"))
        ],
    }
    drawn = figure_html(histograms, "live-h") + figure_html(curves, "live-c")
    over = moment.epoch >= moment.epochs
    state = "Done" if over else f"Epoch {moment.epoch:.1f} of {moment.epochs}"
    silent = [
        f"Layer {layer} has fallen silent: {share:.0f} % of its units are at 0 for every image."
        " Lower the learning rate."
        for layer, share in enumerate(moment.silent, 1)
        if share > SILENT
    ]
    warned = "".join(sentence(words) for words in silent)
    return f'<div class="ff"><p class="state" role="status">{state}</p>{warned}{drawn}</div>'


def stopped(html: str) -> str:
    """What was shown of a training, with the word that it was stopped, if it was not over."""
    return re.sub(r"(Epoch [\d.]+ of \d+)</p>", r"\1, stopped</p>", html or "")
