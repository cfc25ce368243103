"""A sample, shown repeatedly -> every label's goodness over time in a recurrent network."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from forward_forward import goodness, losses
from forward_forward.data import Data
from forward_forward.demo.live import batches_by_epoch
from forward_forward.examples import AppendLabel, FromFirstLayer
from forward_forward.optimize import cosine
from forward_forward.recipes.plan import features
from forward_forward.recipes.standard import strength_for
from forward_forward.recurrent import RecurrentNetwork, RecurrentTrainer

HIDDEN = (150, 150)
SAMPLES = 3_000
SHOWN = 18_000  # samples in all epochs together: a few seconds


class TrainedOnce:
    """A small recurrent network, trained on some of the data when it is first used."""

    def __init__(self, data: Data) -> None:
        self.data = data.first(min(SAMPLES, len(data)))

    @property
    def ready(self) -> bool:
        """Whether it has been trained."""
        return "network" in self.__dict__

    @cached_property
    def network(self) -> RecurrentNetwork:
        """The trained network."""
        values, classes = features(self.data), len(self.data.classes)
        strength = strength_for(values)
        network = RecurrentNetwork(
            values,
            *HIDDEN,
            num_classes=classes,
            examples=AppendLabel(classes, strength=strength, negatives=FromFirstLayer()),
            goodness=goodness.mean_square,
            loss=losses.SiluPair(alpha=6.0),
        )
        trainer = RecurrentTrainer(network, lr=3e-3)
        epochs = max(1, round(SHOWN / len(self.data)))
        for epoch, batch in batches_by_epoch(self.data, epochs):
            trainer.set_rate(cosine(epoch, epochs))
            trainer.step(batch.x.flatten(1), batch.y)
        return network.eval()

    def goodness(self, sample: Tensor) -> NDArray[np.float64]:
        """Goodness of every label, summed over the layers [iterations, classes], for a picture."""
        by_iteration = self.network.goodness_by_iteration(sample.flatten(1))
        found: NDArray[np.float64] = by_iteration.sum(1)[:, 0].double().cpu().numpy()
        return found


def first_settled(by_time: NDArray[np.float64]) -> int:
    """The iteration, counted from 1, from which the predicted label no longer changes.

    >>> first_settled(np.array([[3.0, 1.0], [2.0, 5.0], [1.0, 2.0]]))
    2
    """
    labels = by_time.argmax(1)
    differs = np.nonzero(labels != labels[-1])[0]
    return int(differs[-1]) + 2 if len(differs) else 1
