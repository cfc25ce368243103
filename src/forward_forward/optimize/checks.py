"""A run's data, figures and settings -> nothing, or an error that says what to do."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from forward_forward.checkpoint import Refused
from forward_forward.data import Data, Source, Text
from forward_forward.examples import MultiLabel, NextSymbol, OverlayLabel
from forward_forward.examples.bins import check_kind
from forward_forward.examples.hybrids import OfTwoSamples
from forward_forward.forward import Network
from forward_forward.forward.arguments import whole_number
from forward_forward.forward.description import rewritten
from forward_forward.optimize.train_step import TrainStep
from forward_forward.track import Callback, ProgressBar, Row, as_callback, interactive
from forward_forward.track.run_record import machine

# Settings of earlier versions, with the only value that this version can continue.
RETIRED = (("compile", False),)


class Diverged(ArithmeticError):
    """A layer's loss or goodness is no longer a number."""


def check_data(trainer: TrainStep, source: Source, epochs: int, batch_size: int) -> None:
    """Reject data or epochs that do not fit; warn if a label would overwrite real features."""
    classes = trainer.network.examples.num_classes
    whole_number("epochs", epochs, "10")
    whole_number("batch_size", batch_size, "256")
    check_kind(trainer.network.examples, real=not source.classes)
    if isinstance(trainer.network.examples, MultiLabel) and len(source.classes) != classes:
        raise ValueError(
            f"the network expects {classes} labels per sample, got data with {len(source.classes)}:"
            f" build it with MultiLabel(num_classes={len(source.classes)})"
        )
    if len(source.classes) > classes:
        raise ValueError(
            f"the network expects labels 0 to {classes - 1}, got data with {len(source.classes)}"
            f" classes: build it with num_classes={len(source.classes)}"
        )
    predicts = isinstance(trainer.network.examples, NextSymbol)
    if isinstance(source, Text | Data) and isinstance(source, Text) != predicts:
        raise ValueError(
            "a data.Text goes with a network of examples=NextSymbol(...), which predicts the next"
            f" symbol, and only with it; got {source!r} and {trainer.network.examples!r}"
        )
    if isinstance(source, Data) and source.classes and len(source.classes) < classes:
        warnings.warn(
            f"the data have {len(source.classes)} classes, the network has {classes}: their labels"
            f" {', '.join(source.classes[:5])}... are numbered from 0, in this order",
            stacklevel=4,
        )
    layers = len(trainer.network.layers)
    if epochs < 1 or (trainer.order == "greedy" and epochs < layers):
        least = layers if trainer.order == "greedy" else 1
        raise ValueError(
            f"epochs expects at least {least} here, got {epochs}: set the number of"
            ' passes over the data, at least one for each layer with order="greedy"'
        )
    if batch_size < 1:
        raise ValueError(
            f"batch_size expects at least 1, got {batch_size}: pass the samples per step, such as"
            " 256"
        )
    examples = trainer.network.examples
    if isinstance(examples, OfTwoSamples) and len(source) % batch_size == 1:
        raise ValueError(
            f"{len(source)} samples in batches of {batch_size} leave a last batch of one, but a"
            f" negative is made of two samples: use a batch_size such as {batch_size + 1}"
        )
    if isinstance(examples, OverlayLabel) and isinstance(source, Data):
        used = int((~source.constant_inputs()[:classes]).sum())
        if used:
            warnings.warn(
                f"the label overwrites {used} features of the data that are not constant:"
                f" AppendLabel(num_classes={classes}) keeps them",
                stacklevel=4,
            )


def checked_callbacks(callbacks: Sequence[Any], verbose: bool | None) -> list[Callback]:
    """The callbacks of a training, before a run is created; a progress bar if one is wanted.

    Raises:
        ValueError: An object that is no callback.
    """
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Sequence):
        got = type(callbacks).__name__
        raise ValueError(f"callbacks expects a list of callbacks, got a {got}: write [it]")
    shown = interactive() if verbose is None else verbose
    return [*map(as_callback, callbacks), *([ProgressBar()] if shown else [])]


def check_scale(network: Network, samples: Tensor) -> None:
    """Warn if inputs are far from the size of 1 that a label beside them has.

    Args:
        network: The network; one that transforms its inputs first is not checked.
        samples: Training samples [batch, ...].
    """
    if network.inputs is not None or isinstance(network.examples, NextSymbol):
        return
    mean, size = float(samples.mean()), float(samples.square().mean().sqrt())
    deviation = float(samples.std())
    if deviation > 0 and (not 0.02 < size < 10 or abs(mean) > 5 * deviation):
        warnings.warn(
            f"the inputs have the mean {mean:.3g} and the standard deviation {deviation:.3g}, and"
            " layers learn badly from such a scale: scale them to 0 to 1 or to mean 0 and deviation"
            " 1, or build the network with inputs=ff.forward.Standardize.of(data)",
            stacklevel=4,
        )


def check_finite(row: Row, trainer: TrainStep) -> None:
    """Stop if a layer's figures are no longer finite numbers."""
    for name in ("loss", "goodness_positive", "goodness_negative"):
        for index, value in enumerate(row.get(name, ())):
            if not math.isfinite(value):
                raise Diverged(
                    f"{name} of layer {trainer.first_active + index + 1} is {value} in epoch"
                    f" {row['epoch']}: lower the learning rate (now"
                    f" {trainer.settings['lr']}), or normalise the layers' inputs"
                )


def check_same(about: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Refuse to resume with other settings; warn if the machine differs."""
    for section, values in settings.items():
        before = about.get(section)
        if section == "trainer" and isinstance(before, Mapping):
            before = {key: old for key, old in before.items() if (key, old) not in RETIRED}
        if section == "network" and isinstance(before, Mapping):
            before = rewritten(before)
        if before != values:
            old = before if isinstance(before, Mapping) else {}
            changed = [
                f"{key} was {old.get(key)!r}, is now {values.get(key)!r}"
                for key in {**old, **values}
                if old.get(key) != values.get(key)
            ]
            raise Refused(
                f"a resumed run must keep its settings, but its {section} differs"
                f" ({'; '.join(changed)})",
                "restore them, or train network=ff.load(...) of the old run in a new one",
                "restore them, or start a new run from the old weights with --init-from",
            )
    now = machine()
    differs = [
        f"{key} was {about['machine'].get(key)}, is now {now[key]}"
        for key in ("torch", "threads", "cpu_capability")
        if about["machine"].get(key) != now[key]
    ]
    if differs:
        warnings.warn(
            f"the machine differs ({'; '.join(differs)}): the resumed run may differ in the last"
            " bits from an uninterrupted one",
            stacklevel=4,
        )
