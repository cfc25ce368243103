"""Arguments of a recurrent network -> nothing, or an error that says what to do."""

from __future__ import annotations

from typing import Literal, get_args

from forward_forward.examples import Examples
from forward_forward.examples.inputs import check_scores
from forward_forward.forward.layer import Layer

LabelPlace = Literal["image", "top"]
TopDown = Literal["learned", "zero", "fixed"]
Update = Literal["synchronous", "alternating"]


def check_choices(label: str, top_down: str, update: str) -> None:
    """Reject a name that is not one of the allowed ones."""
    for name, got, kind in (
        ("label", label, LabelPlace),
        ("top_down", top_down, TopDown),
        ("update", update, Update),
    ):
        if got not in get_args(kind):
            choices = ", ".join(f'"{each}"' for each in get_args(kind))
            raise ValueError(f"{name} expects one of {choices}, got {got!r}")


def check_numbers(
    hidden: tuple[int, ...], damping: float, iterations: int, scored: tuple[int, int]
) -> None:
    """Reject a network without hidden layers, a damping or iterations that are out of range."""
    if not hidden or min(hidden) < 1:
        raise ValueError(
            "RecurrentNetwork expects the units of at least one hidden layer, each 1 or more, got"
            f" {hidden}: such as 500, 500 for two layers"
        )
    if not 0 <= damping < 1:
        raise ValueError(f"damping expects a fraction from 0 to below 1, got {damping}")
    if not 1 <= scored[0] <= scored[1] <= iterations:
        raise ValueError(
            f"scored expects 1 <= first <= last <= {iterations} iterations, got {scored}"
        )


def check_layer(layer: Layer) -> None:
    """Reject a layer whose gradients have no closed form."""
    if not layer.closed_form:
        raise ValueError(
            "a recurrent layer expects an activation and other parts without weights, got"
            f" {layer}: use a plain activation such as nn.ReLU"
        )


def check_examples(examples: Examples, features: int, classes: int, label: str) -> None:
    """Reject examples whose labels do not fit the place of the label."""
    if not examples.labelled or examples.num_classes != classes:
        raise ValueError(
            f"a recurrent network expects examples with {classes} labels, got {examples!r}: give it"
            f" AppendLabel(num_classes={classes})"
        )
    check_scores(examples)
    if getattr(examples, "other_images", 0):
        raise ValueError(
            "a recurrent network shows all variants of a sample the same image, got negatives with"
            " other images: leave other_images=0"
        )
    if examples.scores == "softmax":
        raise ValueError(
            "a recurrent network has no softmax head to draw negatives from: use Uniform() or"
            " FromGoodness() negatives"
        )
    if label == "top" and examples.width(features) != features + classes:
        raise ValueError(
            f'label="top" requires examples that leave the image whole, got {examples!r}: use'
            f" AppendLabel(num_classes={classes}), whose label part then goes to the top"
        )
