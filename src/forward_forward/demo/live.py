"""Settings and data -> two small networks trained side by side, and snapshots of them.

One is trained by Forward-Forward; the other has the same layers and sees the same batches, and is
trained by backpropagation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from forward_forward import diagnose, predict, recipes, seeds
from forward_forward.data import Data
from forward_forward.optimize import cosine
from forward_forward.recipes.backprop import BackpropTrainer, classifier
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
    """The state of both networks during training.

    Args:
        epoch: Epochs so far, including the fraction of the current one.
        epochs: Epochs in total.
        layers: For each layer its threshold, edges of bins and counts of positives and negatives.
        errors: Epochs, and errors in percent of the two networks, so far.
        silent: Percentage of each layer's units that are at 0 for every image.
    """

    epoch: float
    epochs: int
    layers: Sequence[Mapping[str, Any]]
    errors: Mapping[str, Sequence[float]]
    silent: Sequence[float]


class Exploded(ArithmeticError):
    """A loss or goodness is no longer finite."""


def snapshots(
    data: Data, settings: Mapping[str, Any], epochs: int, seed: int = 0
) -> Iterator[Snapshot]:
    """Train both networks and report their state from time to time.

    Args:
        data: The training data, some of which are held out for validation.
        settings: Settings of the standard recipe: ``loss``, ``goodness``, ``activation``,
            ``optimizer``, ``lr``.
        epochs: Epochs of both.
        seed: Seed of weights, negatives, dropout and sample order.

    Yields:
        A snapshot before the first step, some during training, and one at the end.

    Raises:
        Exploded: A loss or goodness is no longer finite.
        ValueError: The settings are incompatible.
    """
    yield from _Comparison(data, settings, epochs, seed).run()


class _Comparison:
    """Training of both networks."""

    def __init__(self, data: Data, settings: Mapping[str, Any], epochs: int, seed: int) -> None:
        some = data.first(min(SAMPLES + VALIDATION, len(data)))
        self.train, self.validation = some.split(min(VALIDATION, len(some) // 5))
        self.epochs, self.seed = epochs, seed
        plan = recipes.standard(
            self.train, seed=seed, epochs=epochs, hidden=HIDDEN, batch_size=BATCH, **settings
        )
        self.trainer = plan.trainer
        network = classifier(features(self.train), HIDDEN, len(data.classes), seed=seed)
        self.backprop = BackpropTrainer(network, BACKPROP_RATE, seed)
        self.errors: dict[str, list[float]] = {"epoch": [], "forward": [], "backprop": []}

    def run(self) -> Iterator[Snapshot]:
        first = next(iter(self.train.batches(1_024)))
        self.trainer.network.calibrate(first.x, first.y)
        yield self._snapshot(0.0)
        steps = math.ceil(len(self.train) / BATCH)
        every = math.ceil(steps * self.epochs / SNAPSHOTS)
        for epoch in range(self.epochs):
            order = seeds.generator(self.seed, "order", epoch)
            for step, (x, y, _) in enumerate(self.train.batches(BATCH, shuffle=order)):
                self._step(x, y, epoch + step / steps)
                done = epoch * steps + step + 1
                if done % every == 0 and done < steps * self.epochs:
                    yield self._snapshot(done / steps)
        yield self._snapshot(float(self.epochs))

    def _step(self, x: torch.Tensor, y: torch.Tensor, epoch: float) -> None:
        factor = cosine(epoch, self.epochs)
        self.trainer.network.train()
        self.trainer.set_rate(factor)
        self.backprop.set_rate(factor)
        loss = self.trainer.step(x, y)["loss"]
        self.backprop.step(x, y)
        if not bool(loss.isfinite().all()):
            raise Exploded(f"the loss is not finite after {epoch:.1f} epochs")

    def _snapshot(self, epoch: float) -> Snapshot:
        network = self.trainer.network.eval()
        x, y, _ = next(iter(self.validation.batches(len(self.validation))))
        rng = seeds.generator(self.seed, "demo", "negatives")
        try:
            layers = diagnose.histograms(network, x, y, rng)
        except ValueError as error:  # from numpy, which cannot bin values that are not finite
            raise Exploded(f"goodness is not finite after {epoch:.1f} epochs") from error
        figures: dict[str, Any] = predict.evaluate(network, self.validation)
        wrong = self.backprop.predict(x) != y
        backprop = 100 * float(wrong.double().mean())
        values = {"epoch": epoch, "forward": figures["error"], "backprop": backprop}
        self.errors = {name: [*self.errors[name], value] for name, value in values.items()}
        silent = diagnose.silent_units(network, x, y)
        return Snapshot(epoch, self.epochs, layers, self.errors, silent)
