"""Settings and data -> two small networks trained side by side, and snapshots of them.

One is trained by Forward-Forward; the other has the same layers and sees the same batches, and is
trained by backpropagation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forward_forward import diagnose, predict, recipes, seeds
from forward_forward.data import Batch, Data
from forward_forward.optimize import cosine
from forward_forward.recipes.backprop import backprop_trainer, classifier
from forward_forward.recipes.plan import features

HIDDEN = (200, 200)
SAMPLES = 4_000
VALIDATION = 1_000
BATCH = 64
BACKPROP_RATE = 1e-3
SNAPSHOTS = 30  # at most, besides the first
RATES = {"AdamW": 5e-3, "Adam": 5e-3, "RMSprop": 1e-3, "SGD": 0.1, "AveragedSGD": 0.05}


@dataclass(frozen=True)
class Snapshot:
    """The state of both networks during training."""

    epoch: float  # epochs so far, including the fraction of the current one
    epochs: int  # in total
    layers: Sequence[Mapping[str, Any]]  # of each: threshold, edges of bins, counts
    errors: Mapping[str, Sequence[float]]  # epochs, and both networks' errors in percent, so far
    silent: Sequence[float]  # percentage of each layer's units that are at 0 for every image


class Exploded(ArithmeticError):
    """A loss or goodness is no longer finite."""


def snapshots(
    data: Data, settings: Mapping[str, Any], epochs: int, seed: int = 0
) -> Iterator[Snapshot]:
    """Train both networks; yields a snapshot before the first step, some later, one at the end.

    Some of the data are held out for validation. The settings are those of the standard recipe:
    ``loss``, ``goodness``, ``activation``, ``optimizer``, ``lr``.

    Raises:
        Exploded: A loss or goodness is no longer finite.
        ValueError: The settings are incompatible.
    """
    both = _Comparison(data, settings, epochs, seed)
    yield both.snapshot(0.0)
    steps = math.ceil(len(both.train) / BATCH)
    every = math.ceil(steps * epochs / SNAPSHOTS)
    for done, (epoch, batch) in enumerate(batches_by_epoch(both.train, epochs, seed), 1):
        both.step(batch, epoch)
        if done % every == 0 and done < steps * epochs:
            yield both.snapshot(done / steps)
    yield both.snapshot(float(epochs))


def batches_by_epoch(data: Data, epochs: int, seed: int = 0) -> Iterator[tuple[float, Batch]]:
    """Shuffled batches, each with the epochs so far, including the fraction of the current one."""
    steps = math.ceil(len(data) / BATCH)
    for epoch in range(epochs):
        order = seeds.generator(seed, "order", epoch)
        for step, batch in enumerate(data.batches(BATCH, shuffle=order)):
            yield epoch + step / steps, batch


class _Comparison:
    """Training of both networks."""

    def __init__(self, data: Data, settings: Mapping[str, Any], epochs: int, seed: int) -> None:
        some = data.first(min(SAMPLES + VALIDATION, len(data)))
        self.train, self.validation = some.split(min(VALIDATION, len(some) // 5))
        self.epochs, self.seed = epochs, seed
        plan = recipes.standard(
            self.train,
            seed=seed,
            epochs=epochs,
            hidden=HIDDEN,
            batch_size=BATCH,
            readout=(1, 2),
            **settings,
        )
        self.trainer = plan.trainer
        model = classifier(features(self.train), HIDDEN, len(data.classes), seed=seed)
        classes = len(data.classes)
        self.backprop = backprop_trainer(model, classes, lr=BACKPROP_RATE, seed=seed)
        self.errors: dict[str, list[float]] = {"epoch": [], "forward": [], "backprop": []}
        first = next(iter(self.train.batches(1_024)))
        self.trainer.network.calibrate(first.x, first.y)

    def step(self, batch: Batch, epoch: float) -> None:
        factor = cosine(epoch, self.epochs)
        self.trainer.network.train()
        self.trainer.set_rate(factor)
        self.backprop.set_rate(factor)
        loss = self.trainer.step(batch.x, batch.y)["loss"]
        self.backprop.step(batch.x, batch.y)
        if not bool(loss.isfinite().all()):
            raise Exploded(f"the loss is not finite after {epoch:.1f} epochs")

    def snapshot(self, epoch: float) -> Snapshot:
        network = self.trainer.network.eval()
        x, y, _ = next(iter(self.validation.batches(len(self.validation))))
        rng = seeds.generator(self.seed, "demo", "negatives")
        try:
            layers = diagnose.histograms(network, x, y, rng)
        except ValueError as error:  # from numpy, which cannot bin values that are not finite
            raise Exploded(f"goodness is not finite after {epoch:.1f} epochs") from error
        figures: dict[str, Any] = predict.evaluate(network, self.validation)
        backprop = 100 * float((self.backprop.network.predict(x) != y).double().mean())
        values = {"epoch": epoch, "forward": figures["error"], "backprop": backprop}
        self.errors = {name: [*self.errors[name], value] for name, value in values.items()}
        silent = diagnose.silent_units(network, x, y)
        return Snapshot(epoch, self.epochs, layers, self.errors, silent)
