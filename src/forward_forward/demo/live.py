"""Settings and data -> two small networks in training side by side, a picture of them at a time.

One is trained by Forward-Forward, the other, of the same layers and on the same batches, by
backpropagation.
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
from forward_forward.recipes.plan import Plan, features

HIDDEN = (200, 200)
SAMPLES = 4_000
JUDGED = 1_000
BATCH = 64
RATE_OF_BACKPROP = 1e-3
MOMENTS = 30  # that are shown, but for the first
RATES = {"AdamW": 5e-3, "Adam": 5e-3, "RMSprop": 1e-3, "SGD": 0.1, "AveragedSGD": 0.05}


@dataclass(frozen=True)
class Moment:
    """How far training is.

    Args:
        epoch: Epochs done, with those begun in parts.
        epochs: Epochs in all.
        layers: For each layer its threshold, edges of bins and counts of positives and negatives.
        errors: Epochs, and errors in percent of the two networks, up to now.
        silent: Share of each layer's units, in percent, that are at 0 for every image.
    """

    epoch: float
    epochs: int
    layers: Sequence[Mapping[str, Any]]
    errors: Mapping[str, Sequence[float]]
    silent: Sequence[float]


class Exploded(ArithmeticError):
    """A layer's goodness is no number any more."""


def moments(
    data: Data, settings: Mapping[str, Any], epochs: int, seed: int = 0
) -> Iterator[Moment]:
    """Train both networks, and tell from time to time how far they are.

    Args:
        data: What to train on; some of it is set aside to judge by.
        settings: Of the standard recipe: ``loss``, ``goodness``, ``activation``, ``optimizer``,
            ``lr``.
        epochs: Epochs of both.
        seed: For weights, negatives, dropout and order.

    Yields:
        A moment before the first step, then one after another, and one at the end.

    Raises:
        Exploded: A goodness is no number any more.
        ValueError: The settings do not fit each other.
    """
    yield from _Race(data, settings, epochs, seed).run()


class _Race:
    """One training of both networks."""

    def __init__(self, data: Data, settings: Mapping[str, Any], epochs: int, seed: int) -> None:
        some = data.first(min(SAMPLES + JUDGED, len(data)))
        self.train, self.judge = some.split(min(JUDGED, len(some) // 5))
        self.epochs, self.seed = epochs, seed
        self.plan: Plan = recipes.standard(
            self.train, seed=seed, epochs=epochs, hidden=HIDDEN, batch_size=BATCH, **settings
        )
        network = classifier(features(self.train), HIDDEN, len(data.classes), seed=seed)
        self.backprop = BackpropTrainer(network, RATE_OF_BACKPROP, seed)
        self.errors: dict[str, list[float]] = {"epoch": [], "forward": [], "backprop": []}

    def run(self) -> Iterator[Moment]:
        trainer = self.plan.trainer
        first = next(iter(self.train.batches(1_024)))
        trainer.network.calibrate(first.x, first.y)
        yield self._moment(0.0)
        steps = math.ceil(len(self.train) / BATCH)
        every = max(1, steps * self.epochs // MOMENTS)
        for epoch in range(self.epochs):
            order = seeds.generator(self.seed, "order", epoch)
            for step, (x, y, _) in enumerate(self.train.batches(BATCH, shuffle=order)):
                self._step(x, y, epoch + step / steps)
                done = epoch * steps + step + 1
                if done % every == 0 and done < steps * self.epochs:
                    yield self._moment(done / steps)
        yield self._moment(float(self.epochs))

    def _step(self, x: torch.Tensor, y: torch.Tensor, epoch: float) -> None:
        factor = cosine(epoch, self.epochs)
        trainer = self.plan.trainer
        trainer.network.train()
        for learner in (trainer, self.backprop):
            learner.set_rate(factor)
        loss = trainer.step(x, y)["loss"]
        self.backprop.step(x, y)
        if not bool(loss.isfinite().all()):
            raise Exploded(f"the loss is no number any more after {epoch:.1f} epochs")

    def _moment(self, epoch: float) -> Moment:
        network = self.plan.trainer.network.eval()
        x, y, _ = next(iter(self.judge.batches(len(self.judge))))
        rng = seeds.generator(self.seed, "demo", "negatives")
        try:
            layers = diagnose.histograms(network, x, y, rng)
        except ValueError as error:  # numpy's, of bins for what is no number
            raise Exploded(f"goodness is no number any more after {epoch:.1f} epochs") from error
        self.errors["epoch"].append(epoch)
        figures: dict[str, Any] = predict.evaluate(network, self.judge)
        self.errors["forward"].append(figures["error"])
        wrong = self.backprop.predict(x) != y
        self.errors["backprop"].append(100 * float(wrong.double().mean()))
        errors = {name: list(values) for name, values in self.errors.items()}
        return Moment(epoch, self.epochs, layers, errors, diagnose.silent_units(network, x, y))
