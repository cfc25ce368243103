"""The README's picture: a digit, every label's goodness layer by layer, and the sum that decides.

    python results/picture.py        # docs/picture.png; about half a minute

Trains three layers on 10,000 images of MNIST (or on scikit-learn's digits if it is not available)
and shows the first test image that all layers together classify correctly and one alone does not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from forward_forward.demo.answer import Answer, Explainer
from forward_forward.demo.subject import Subject, subject_of

PICTURE = Path(__file__).parents[1] / "docs" / "picture.png"
RIGHT, OTHER, INK = "#c2500a", "#9db4cc", "#1b1f24"


def chosen(subject: Subject) -> tuple[torch.Tensor, Answer]:
    """A test image on which a single layer errs and the sum does not, and what was made of it."""
    explainer = Explainer(subject)
    for place in range(len(subject.unseen)):
        batch = next(iter(subject.unseen.subset([place]).batches(1)))
        answer = explainer.explain(batch.x)
        truth = int(batch.y[0])
        wrong = answer.goodness[1:].argmax(1) != truth
        if answer.best == truth and wrong.any() and not wrong.all():
            return batch.x, answer
    raise RuntimeError("expected an image on which one layer errs and the sum does not, found none")


def drawn(subject: Subject) -> Figure:
    """The picture."""
    sample, answer = chosen(subject)
    figure = Figure(figsize=(9.6, 2.6), dpi=150, facecolor="white")
    layers = len(answer.goodness)
    axes = figure.subplots(1, layers + 2, width_ratios=[1.1, *[1] * layers, 1.25])
    axes[0].imshow(sample[0].mean(0), cmap="gray_r")
    axes[0].set_axis_off()
    axes[0].set_title("a picture that it\nhas not seen", fontsize=9, color=INK)
    first, stop = answer.counted
    for number in range(layers):
        counted = first <= number < stop
        title = f"layer {number + 1}" + ("" if counted else "\n(does not count)")
        _bars(axes[number + 1], answer.goodness[number], subject, answer.best, title)
    _bars(
        axes[-1], answer.total, subject, answer.best, f"the sum says {subject.classes[answer.best]}"
    )
    axes[1].set_ylabel("label", fontsize=9, color=INK)
    figure.supxlabel("goodness above the lowest label's", fontsize=9, color=INK)
    figure.tight_layout(w_pad=1.2)
    return figure


def _bars(axes: object, values: np.ndarray, subject: Subject, best: int, title: str) -> None:
    above = values - values.min()
    colours = [RIGHT if label == best else OTHER for label in range(len(above))]
    axes.barh(range(len(above)), above, color=colours, height=0.75)
    axes.set_yticks(range(len(above)), subject.classes, fontsize=8, color=INK)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.set_title(title, fontsize=9, color=INK)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)


if __name__ == "__main__":
    drawn(subject_of(None, print)).savefig(PICTURE)
    print(f"written: {PICTURE}")
