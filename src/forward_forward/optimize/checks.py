"""What may go wrong in a run, each with an error that says what to do: data, figures, resuming."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from forward_forward.checkpoint import machine
from forward_forward.data import Data, Source
from forward_forward.examples import HybridImages, HybridRows, MultiLabel, OverlayLabel
from forward_forward.forward.description import rewritten
from forward_forward.optimize.trainer import Trainer
from forward_forward.track import Row, Watcher


class Diverged(ArithmeticError):
    """A layer's loss or goodness is no longer a number."""


def check_data(trainer: Trainer, source: Source, epochs: int, batch_size: int) -> None:
    """Refuse data or epochs that do not fit; warn where a label would wipe real features."""
    classes = trainer.network.examples.num_classes
    if isinstance(trainer.network.examples, MultiLabel) and len(source.classes) != classes:
        raise ValueError(
            f"the network expects {classes} labels a sample, got data of {len(source.classes)}:"
            f" build it with MultiLabel(num_classes={len(source.classes)})"
        )
    if len(source.classes) > classes:
        raise ValueError(
            f"the network expects labels 0 to {classes - 1}, got data of {len(source.classes)}"
            f" classes: build it with num_classes={len(source.classes)}"
        )
    layers = len(trainer.network.layers)
    if epochs < 1 or (trainer.order == "greedy" and epochs < layers):
        least = layers if trainer.order == "greedy" else 1
        raise ValueError(f"epochs expects at least {least} here, got {epochs}")
    examples = trainer.network.examples
    if isinstance(examples, HybridImages | HybridRows) and len(source) % batch_size == 1:
        raise ValueError(
            f"{len(source)} samples in batches of {batch_size} leave one alone at the end, and a"
            f" hybrid needs two: use a batch_size such as {batch_size + 1}"
        )
    if isinstance(examples, OverlayLabel) and isinstance(source, Data):
        used = int((~source.constant_inputs()[:classes]).sum())
        if used:
            warnings.warn(
                f"the label overlays {used} of the data's features that are in use, and so wipes"
                f" them: AppendLabel(num_classes={classes}) keeps them",
                stacklevel=4,
            )


def check_watchers(watch: Sequence[Watcher]) -> None:
    """Refuse what cannot follow a run, before there is one."""
    if not isinstance(watch, Sequence):
        raise ValueError(f"watch expects a list of watchers, got a {type(watch).__name__}: [it]")
    for each in watch:
        missing = [name for name in ("start", "step", "epoch", "stop") if not hasattr(each, name)]
        if missing:
            raise ValueError(
                f"watch expects watchers with start, step, epoch and stop, got a"
                f" {type(each).__name__} without {missing[0]}"
            )


def check_finite(row: Row, trainer: Trainer) -> None:
    """Refuse to go on where a layer's figures are no numbers any more."""
    for name in ("loss", "goodness_positive", "goodness_negative"):
        for index, value in enumerate(row.get(name, ())):
            if not math.isfinite(value):
                raise Diverged(
                    f"{name} of layer {trainer.first_active + index + 1} is {value} in epoch"
                    f" {row['epoch']}: lower the learning rate (now"
                    f" {trainer.settings['lr']}), or normalise the layers' inputs"
                )


def check_same(about: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Refuse to resume with other settings; warn where the machine differs."""
    for part, values in settings.items():
        before = about.get(part)
        if part == "network" and isinstance(before, Mapping):
            before = rewritten(before)
        if before != values:
            changed = [
                f"{key}: {before.get(key)!r} then, {value!r} now"
                for key, value in values.items()
                if isinstance(before, Mapping) and before.get(key) != value
            ]
            raise ValueError(
                f"a resumed run is the same run, but its {part} differs ({'; '.join(changed)}):"
                " leave it as it was, or begin a new run from the old weights with --init-from"
            )
    now = machine()
    differs = [
        f"{key} {about['machine'].get(key)} then, {now[key]} now"
        for key in ("torch", "threads", "cpu_capability")
        if about["machine"].get(key) != now[key]
    ]
    if differs:
        warnings.warn(
            f"the machine differs ({'; '.join(differs)}): the resumed run may differ in the last"
            " bits from an undisturbed one",
            stacklevel=4,
        )
