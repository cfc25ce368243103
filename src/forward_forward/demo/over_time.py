"""A sample, shown again and again -> every label's goodness over time in a recurrent network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from forward_forward import goodness, losses, seeds
from forward_forward.data import Data
from forward_forward.examples import AppendLabel, FromFirstLayer
from forward_forward.optimize import cosine
from forward_forward.recipes.plan import features
from forward_forward.recipes.standard import strength_for
from forward_forward.recurrent import RecurrentNetwork, RecurrentTrainer

HIDDEN = (150, 150)
SAMPLES = 3_000
SHOWN = 18_000  # samples in all epochs together: some seconds
BATCH = 64


class Recurrent:
    """A small recurrent network, trained once when it is first asked.

    Args:
        data: What it is trained on.
    """

    def __init__(self, data: Data) -> None:
        self.data = data.first(min(SAMPLES, len(data)))
        self._network: RecurrentNetwork | None = None

    @property
    def ready(self) -> bool:
        """Whether it is trained."""
        return self._network is not None

    @property
    def network(self) -> RecurrentNetwork:
        """The network, trained."""
        if self._network is None:
            self._network = _trained(self.data)
        return self._network

    def goodness(self, sample: Tensor) -> NDArray[np.float64]:
        """Goodness of every label, summed over the layers [iterations, classes].

        Args:
            sample: One picture [1, channels, height, width], 0 to 1.
        """
        by_iteration = self.network.goodness_by_iteration(sample.flatten(1))
        found: NDArray[np.float64] = by_iteration.sum(1)[:, 0].double().cpu().numpy()
        return found


def _trained(data: Data) -> RecurrentNetwork:
    values, classes = features(data), len(data.classes)
    network = RecurrentNetwork(
        values,
        *HIDDEN,
        num_classes=classes,
        examples=AppendLabel(classes, strength=strength_for(values), negatives=FromFirstLayer()),
        goodness=goodness.mean_square,
        loss=losses.SiluPair(alpha=6.0),
    )
    trainer = RecurrentTrainer(network, lr=3e-3)
    epochs = max(1, round(SHOWN / len(data)))
    steps = -(-len(data) // BATCH)
    for epoch in range(epochs):
        order = seeds.generator(0, "order", epoch)
        for step, (x, y, _) in enumerate(data.batches(BATCH, shuffle=order)):
            trainer.set_rate(cosine(epoch + step / steps, epochs))
            trainer.step(x.flatten(1), y)
    return network.eval()


def gap(by_time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each label's goodness above that of the lowest label at the same time.

    >>> gap(np.array([[3.0, 1.0], [2.0, 5.0]])).tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    above: NDArray[np.float64] = by_time - by_time.min(1, keepdims=True)
    return above


def first_settled(by_time: NDArray[np.float64]) -> int:
    """The iteration, counted from 1, from which the answer stays the same to the end.

    >>> first_settled(np.array([[3.0, 1.0], [2.0, 5.0], [1.0, 2.0]]))
    2
    """
    labels = by_time.argmax(1)
    differs = np.nonzero(labels != labels[-1])[0]
    return int(differs[-1]) + 2 if len(differs) else 1
