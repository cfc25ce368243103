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
from forward_forward.forward.combination import WeightedLayers
from forward_forward.forward.passes import ForwardPass

UNITS = 6  # units of the first layer that are shown
MATCHES = 0.9  # area under the ROC curve from which a unit is said to match a class
CLASSIFIED = 2_000  # samples from which the classes of units are determined


@dataclass(frozen=True)
class Unit:
    """A unit of the first layer."""

    number: int
    activity: float  # for the sample with the predicted label
    weights: NDArray[np.float64] | None  # [height, width]; None if they are not a picture
    label: int  # the class that its activity distinguishes best from the others
    area: float  # how well: the area under the ROC curve, 0.5 by chance and 1 if perfect

    @property
    def matches(self) -> bool:
        """Whether its activity predicts the class well."""
        return self.area >= MATCHES


@dataclass(frozen=True)
class Answer:
    """The goodness that the layers compute for a sample, and the label it results in."""

    # Of every label in every layer [layers, classes]; times the layer's weight if it has one.
    goodness: NDArray[np.float64]
    counted: tuple[int, int]  # the first layer whose goodness is summed, and the first above them
    units: Sequence[Unit]  # the most active ones of the first layer
    predicted: int  # the network's prediction, which may be that of a softmax head

    @cached_property
    def total(self) -> NDArray[np.float64]:
        """Goodness of every label, summed over the counted layers [classes]."""
        found: NDArray[np.float64] = self.goodness[slice(*self.counted)].sum(0)
        return found

    @property
    def best(self) -> int:
        """The label with the highest sum."""
        return int(self.total.argmax())

    @property
    def runner_up(self) -> int:
        """The label with the second highest sum."""
        return int(np.argsort(-self.total, kind="stable")[1])

    @property
    def margin(self) -> NDArray[np.float64]:
        """Goodness of the best label less that of the runner-up [layers]."""
        found: NDArray[np.float64] = self.goodness[:, self.best] - self.goodness[:, self.runner_up]
        return found


def _of_channels(activity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Activities [n, units]: a unit of a convolution is a channel, at its most active place."""
    found: NDArray[np.float64] = activity.reshape(*activity.shape[:2], -1).max(2)
    return found


class Explainer:
    """Answers for samples of one subject; the classes of its units are determined only once."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.network = subject, subject.network

    @cached_property
    def areas(self) -> NDArray[np.float64]:
        """How well each unit of the first layer distinguishes each class [units, classes]."""
        x, y, _ = next(iter(self.subject.train.batches(CLASSIFIED)))
        activity = _of_channels(predict.embeddings(self.network, x)[0].double().cpu().numpy())
        return diagnose.areas(activity, y.cpu().numpy(), len(self.subject.classes))

    @cached_property
    def weights(self) -> NDArray[np.float64] | None:
        """The first layer's weights [units, height, width], or None if they are not pictures."""
        x, _, _ = next(iter(self.subject.train.batches(CLASSIFIED)))
        try:
            return diagnose.fields(self.network, self.subject.frame.shape, x)
        except ValueError:
            return None

    @torch.no_grad()
    def explain(self, sample: Tensor) -> Answer:
        """The answer for one picture [1, channels, height, width], 0 to 1."""
        by_layer = self.network.goodness_by_layer(sample)[:, 0].double().cpu().numpy()
        if isinstance(combination := self.network.combination, WeightedLayers):
            by_layer *= combination.weights.double().cpu().numpy()[:, None]
        first, stop = self.network.readout
        units = self._units(sample, int(by_layer[first:stop].sum(0).argmax()))
        return Answer(by_layer, (first, stop), units, int(self.network.predict(sample)[0]))

    def _units(self, sample: Tensor, label: int) -> list[Unit]:
        inputs = self.network.examples.positive(self.network.ready(sample), torch.tensor([label]))
        first = next(iter(ForwardPass(self.network.layers).activities(inputs)))
        activity = _of_channels(first.h[:1].double().cpu().numpy())[0]
        order = [unit for unit in np.argsort(-activity, kind="stable") if activity[unit] > 0]
        return [self._unit(int(unit), float(activity[unit])) for unit in order[:UNITS]]

    def _unit(self, number: int, activity: float) -> Unit:
        weights = None if self.weights is None else self.weights[number]
        areas = self.areas[number] if len(self.areas) > number else np.array([0.5])
        return Unit(number, activity, weights, int(areas.argmax()), float(areas.max()))
