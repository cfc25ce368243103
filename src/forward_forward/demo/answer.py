"""A sample [1, channels, height, width] -> every label's goodness, layer by layer, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from forward_forward import diagnose, predict
from forward_forward.demo.subject import Subject
from forward_forward.forward.passes import ForwardPass

UNITS = 6  # of the first layer, that are shown
MATCHES = 0.9  # area under the curve from which a unit is said to match a class
KNOWN = 2_000  # samples by which the units' classes are found


@dataclass(frozen=True)
class Unit:
    """A unit of the first layer.

    Args:
        number: Its place in the layer.
        activity: What it gives for the sample with the label that is the answer.
        weights: What it looks for [height, width]; None where weights are no pictures.
        label: The class it tells best from the others.
        area: How well: the area under the curve of its activity, 0.5 by chance and 1 if perfect.
    """

    number: int
    activity: float
    weights: NDArray[np.float64] | None
    label: int
    area: float

    @property
    def matches(self) -> bool:
        """Whether its activity is a good guess of the class."""
        return self.area >= MATCHES


@dataclass(frozen=True)
class Answer:
    """What the layers make of a sample.

    Args:
        goodness: Of every label in every layer [layers, classes].
        counted: First layer whose goodness is summed, and the one after the last.
        units: Those of the first layer that fire most.
        chosen: The label that the network says, which may be a softmax head's.
    """

    goodness: NDArray[np.float64]
    counted: tuple[int, int]
    units: Sequence[Unit]
    chosen: int

    @cached_property
    def total(self) -> NDArray[np.float64]:
        """Goodness of every label, summed over the layers that count [classes]."""
        found: NDArray[np.float64] = self.goodness[slice(*self.counted)].sum(0)
        return found

    @property
    def best(self) -> int:
        """The label of the largest sum."""
        return int(self.total.argmax())

    @property
    def hardest(self) -> int:
        """The wrong label that comes nearest to the best."""
        rest = self.total.copy()
        rest[self.best] = -np.inf
        return int(rest.argmax())

    @property
    def ahead(self) -> NDArray[np.float64]:
        """How much more goodness the best label has than the hardest wrong one [layers]."""
        found: NDArray[np.float64] = self.goodness[:, self.best] - self.goodness[:, self.hardest]
        return found


class Asker:
    """Asks one network again and again; what its units are for is found once."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.network = subject, subject.network

    @cached_property
    def areas(self) -> NDArray[np.float64]:
        """How well each unit of the first layer tells each class [units, classes]."""
        x, y, _ = next(iter(self.subject.train.batches(KNOWN)))
        activity = predict.embeddings(self.network, x)[0].double().cpu().numpy()
        found: NDArray[np.float64] = diagnose.areas(
            activity, y.cpu().numpy(), len(self.subject.classes)
        )
        return found

    @cached_property
    def weights(self) -> NDArray[np.float64] | None:
        """The first layer's weights as pictures, if that is what they are [units, h, w]."""
        x, _, _ = next(iter(self.subject.train.batches(KNOWN)))
        try:
            return diagnose.fields(self.network, self.subject.frame.shape, x)
        except ValueError:
            return None

    @torch.no_grad()
    def ask(self, sample: Tensor) -> Answer:
        """What the layers make of a sample.

        Args:
            sample: One picture [1, channels, height, width], 0 to 1.
        """
        by_layer = self.network.goodness_by_layer(sample)[:, 0].double().cpu().numpy()
        chosen = int(self.network.predict(sample)[0])
        first, stop = self.network.readout
        answer = Answer(by_layer, (first, stop), (), chosen)
        return Answer(by_layer, (first, stop), self._units(sample, answer.best), chosen)

    def _units(self, sample: Tensor, label: int) -> list[Unit]:
        inputs = self.network.examples.positive(self.network.ready(sample), torch.tensor([label]))
        first = next(iter(ForwardPass(self.network.layers).activities(inputs)))
        activity = first.h[0].double().cpu().numpy()
        # A convolution's unit is a channel, wherever in the picture it fires.
        activity = activity.reshape(len(activity), -1).max(1)
        order = [unit for unit in np.argsort(-activity, kind="stable") if activity[unit] > 0]
        return [self._unit(int(unit), float(activity[unit])) for unit in order[:UNITS]]

    def _unit(self, number: int, activity: float) -> Unit:
        weights = None if self.weights is None else self.weights[number]
        areas = self.areas[number] if len(self.areas) > number else np.array([0.5])
        return Unit(number, activity, weights, int(areas.argmax()), float(areas.max()))
