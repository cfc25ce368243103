"""A trained network and labelled data, read once -> its errors, its answer to every sample [n]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from forward_forward.data import Source
from forward_forward.examples import MultiLabel, NextSymbol, OrdinalBins
from forward_forward.examples.bins import check_kind
from forward_forward.forward import Network
from forward_forward.predict import calibration
from forward_forward.predict.evaluation import count_errors, errors_of

Array = NDArray[Any]

WORST = 25  # samples that are kept with their inputs


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a network predicts for each sample of a set, in the order of the set.

    Attributes:
        errors: As of `evaluate`, from the same pass.
        classes: Names of the classes; () for a real-valued target.
        true: Class indices [n], or float32 targets [n].
        predicted: The same as the network predicts them [n].
        probabilities: Of every class, float32 [n, classes]; [n, 0] for a real-valued target. The
            softmax of the scores over the temperature.
        weights: Weights of the samples, float32 [n].
        temperature: Fitted to the validation data, in units of the scores; None if there were none,
            and then the scores were divided by 1.
        worst: Indices of the up to 25 worst samples, the worst first: those whose true class has
            the lowest probability, or with the largest residuals.
        worst_inputs: Their inputs [k, *shape].
    """

    errors: dict[str, float | list[float]]
    classes: tuple[str, ...]
    true: Array
    predicted: Array
    probabilities: Array
    weights: Array
    temperature: float | None
    worst: Array
    worst_inputs: Tensor

    def columns(self) -> dict[str, Array]:
        """A table with a row per sample: ``true``, ``predicted``, ``probability_CLASS``."""
        if not self.classes:
            return {"true": self.true, "predicted": self.predicted}
        names = np.array(self.classes, object)
        return {"true": names[self.true], "predicted": names[self.predicted]} | {
            f"probability_{name}": self.probabilities[:, place]
            for place, name in enumerate(self.classes)
        }


def predictions(
    network: Network,
    source: Source,
    validation: Source | None = None,
    *,
    temperature: float | None = None,
    batch_size: int | None = None,
) -> Predictions:
    """Predict every sample of labelled data and measure the errors, in one pass over the data.

    Args:
        network: A trained network.
        source: The data, such as a test set.
        validation: Data to calibrate the probabilities on, which neither the layers learned from
            nor ``source`` has; None leaves them uncalibrated. Numbers need no calibration.
        temperature: One that was fitted before, such as the entry of run.json; validation data are
            then not read.
        batch_size: Samples at a time; None for the source's own number.

    Raises:
        ValueError: The samples have several labels, or the network predicts numbers and the data
            have classes, or the reverse.

    References:
        Guo, Pleiss, Sun and Weinberger (2017), "On Calibration of Modern Neural Networks", for the
        temperature.

    >>> from forward_forward.data import Data
    >>> from forward_forward.forward import mlp
    >>> data = Data(torch.rand(40, 4), torch.arange(40) % 2, ("cat", "dog"))
    >>> found = predictions(mlp(4, 8, num_classes=2), data)
    >>> found.probabilities.shape, list(found.columns())
    ((40, 2), ['true', 'predicted', 'probability_cat', 'probability_dog'])
    """
    if isinstance(network.examples, MultiLabel | NextSymbol):
        raise ValueError(
            "expected a network that predicts one label or number per sample, got one with"
            f" {type(network.examples).__name__}: use predict.evaluate for its errors"
        )
    real = isinstance(network.examples, OrdinalBins)
    fitted = None if real else temperature
    if fitted is None and validation is not None and not real:
        fitted = fitted_temperature(network, validation)
    record = _Collector(network, 1.0 if fitted is None else fitted)
    counts = count_errors(network, source, batch_size=batch_size, record=record)
    return record.predictions(errors_of(network, *counts), tuple(source.classes), fitted)


def fitted_temperature(network: Network, validation: Source) -> float:
    """The temperature at which the scores of validation data become probabilities of classes."""
    scores, labels, weights = [], [], []
    for x, y, weight in validation.batches(validation.batch_size):
        check_kind(network.examples, real=y.is_floating_point())
        scores.append(network.scores(x).cpu())
        labels.append(y.cpu())
        weights.append(torch.ones(len(y)) if weight is None else weight.cpu())
    found = (torch.cat(scores).double(), torch.cat(labels), torch.cat(weights).double())
    return calibration.temperature(*(each.numpy() for each in found))


class _Collector:
    """Collects what a pass over the data computes, batch by batch."""

    def __init__(self, network: Network, temperature: float) -> None:
        self.examples, self.temperature = network.examples, temperature
        # True, predicted, probabilities and weights of each batch.
        self.batches: list[tuple[Tensor, ...]] = []
        self.count = 0
        self.worst: tuple[Tensor, Tensor, Tensor] | None = None  # losses, indices, inputs

    def __call__(self, x: Tensor, y: Tensor, weight: Tensor, scores: Tensor) -> None:
        predicted, y, scores = self.examples.decide(scores).cpu(), y.cpu(), scores.cpu().float()
        if isinstance(self.examples, OrdinalBins):
            losses, probabilities = (predicted - y).abs(), scores[:, :0]
        else:
            logs = (scores / self.temperature).log_softmax(1)
            losses, probabilities = -logs.gather(1, y[:, None])[:, 0], logs.exp()
        self.batches.append((y, predicted, probabilities, weight.cpu()))
        self._keep_worst(losses, x)

    def _keep_worst(self, losses: Tensor, x: Tensor) -> None:
        found = losses, torch.arange(self.count, self.count + len(x)), x.cpu()
        self.count += len(x)
        if self.worst is not None:
            found = tuple(map(torch.cat, zip(self.worst, found, strict=True)))  # type: ignore[assignment]
        # Stable: of equal losses the first sample.
        first = found[0].sort(descending=True, stable=True).indices[:WORST]
        losses, indices, inputs = (each[first] for each in found)
        self.worst = losses, indices, inputs

    def predictions(
        self, errors: dict[str, float | list[float]], classes: tuple[str, ...], fitted: float | None
    ) -> Predictions:
        if self.worst is None:
            raise ValueError("expected data with a sample or more, got none: pass other data")
        true, predicted, probabilities, weights = (
            torch.cat(each).numpy() for each in zip(*self.batches, strict=True)
        )
        _, indices, inputs = self.worst
        return Predictions(
            errors,
            classes,
            true,
            predicted,
            probabilities,
            weights,
            fitted,
            indices.numpy(),
            inputs,
        )
