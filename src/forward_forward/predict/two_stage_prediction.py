"""Samples [batch, ...] -> labels [batch]: a neutral pass ranks them, goodness decides close calls.

Scanning every label takes one pass through the upper layers per label. With ten labels, one neutral
pass costs a tenth of that, and a linear ranking of its activities finds the scan's label for most
samples. The exact goodness is computed only for labels that score close to the best one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor

from forward_forward.examples import MultiLabel
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import ROWS, ForwardPass, rows_at_a_time, variants_goodness
from forward_forward.forward.workspace import Workspace
from forward_forward.predict.evaluation import check_network

# Most units a ranking reads, unless the last layer has more: the cost of a fit is cubic in them.
UNITS = 2_000
# Relative to the mean square of a unit, 1. Chosen on MNIST's validation images; not critical.
RIDGE = 0.01
# To find the margin, each sample is ranked by a fit to the other folds; else it is too small.
FOLDS = 5
# The margin is an estimate, so it allows this many times fewer misses than were asked for.
SAFETY = 4


class Report(NamedTuple):
    """How two stages performed on some samples.

    ``agreement`` is the fraction of labels equal to the full scan's, ``share`` the fraction of
    samples that needed the second stage, and ``candidates`` the mean number of labels scanned per
    sample, counting 0 for samples that needed none.
    """

    agreement: float
    share: float
    candidates: float


@dataclass(frozen=True, eq=False)
class Ranking:
    """Linear scores of the labels from the activities of the neutral input, like a head's.

    Args:
        skip: Number of lowest layers that are not read.
        weights: For each layer that is read [classes, units], on activities of mean square 1.
    """

    skip: int
    weights: tuple[Tensor, ...]

    def __call__(self, activities: Iterable[Activities]) -> Tensor:
        """Scores [batch, classes] from the activities of all layers."""
        read = islice(activities, self.skip, self.skip + len(self.weights))
        pairs = zip(read, self.weights, strict=True)
        return torch.stack([_of_unit(each, weight) for each, weight in pairs]).sum(0)


def _of_unit(each: Activities, weight: Tensor | None = None) -> Tensor:
    """Activities scaled to mean square 1 [batch, units], or their products with weights."""
    rows = each.h.flatten(1)
    root = math.sqrt(rows.shape[1])
    # The scale is finite, so that a silent layer's zeros stay zero.
    scale = root / each.length.clamp_min(root * torch.finfo(rows.dtype).tiny)
    return (rows if weight is None else rows @ weight.t()) * scale[:, None]


class TwoStage:
    """Predicts the label of the full goodness scan for nearly all samples, in less time.

    The neutral pass gives every label a score. Labels whose score is at most ``margin`` below the
    best one remain candidates; if there are several, their exact goodness decides.

    Args:
        network: A network whose examples put the label into the input.
        ranking: Scores of the labels from the neutral input's activities; `two_stage` fits one.
        margin: Difference in score, at least 0; with infinity the exact goodness always decides.
        expected: The report of `two_stage` on the samples it was fitted to, or None.

    Raises:
        ValueError: The examples have no candidates, or the margin is below 0.
    """

    def __init__(
        self, network: Network, ranking: Ranking, margin: float, expected: Report | None = None
    ) -> None:
        _check_labelled(network)
        if not margin >= 0:
            raise ValueError(
                f"TwoStage expects a margin of at least 0, got {margin}: use 0 for the ranking"
                " alone, math.inf for the full scan"
            )
        self.network = network
        self.ranking = ranking
        self.margin = margin
        self.expected = expected

    def scores(self, x: Tensor) -> Tensor:
        """The first stage's scores of every label [batch, classes]."""
        forward = ForwardPass(self.network.layers, workspace=Workspace())
        return self._scores(forward, self.network.ready(x))

    def predict(self, x: Tensor) -> Tensor:
        """The label of each sample.

        Args:
            x: Samples [batch, ...], on the scale of the training data.

        Returns:
            Labels [batch].
        """
        return self._read(x)[0]

    def report(self, x: Tensor) -> Report:
        """Predict by two stages and by the full scan, and compare; slower than the scan alone.

        Args:
            x: Samples [batch, ...].
        """
        labels, counts = self._read(x)
        return _report(labels == self.network.goodness(x).argmax(1), counts)

    def agreement(self, x: Tensor) -> float:
        """Fraction of samples [batch, ...] whose label is the full scan's, 0 to 1."""
        return self.report(x).agreement

    def _read(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Labels [batch], and the number of candidates each was chosen from [batch]."""
        x = self.network.ready(x)
        forward = ForwardPass(self.network.layers, workspace=Workspace())
        scores = self._scores(forward, x)
        labels, counts = scores.argmax(1), _candidates(scores, self.margin)
        for count in torch.unique(counts).tolist():
            if count > 1:
                rows = (counts == count).nonzero()[:, 0]
                likely = scores[rows].topk(count).indices
                labels[rows] = self._decided(forward, x[rows], likely)
        return labels, counts

    @torch.no_grad()
    def _scores(self, forward: ForwardPass, x: Tensor) -> Tensor:
        neutral = self.network.examples.neutral
        parts = torch.split(x, ROWS)
        return torch.cat([self.ranking(forward.activities(neutral(part))) for part in parts])

    def _decided(self, forward: ForwardPass, x: Tensor, likely: Tensor) -> Tensor:
        """The candidates [batch, candidates] -> those of the largest goodness [batch]."""
        # Sorted, so that of two labels with equal goodness the first is taken, as in the scan.
        likely = likely.sort(1).values
        rows = rows_at_a_time(likely.shape[1])
        best = []
        for part, labels in zip(torch.split(x, rows), torch.split(likely, rows), strict=True):
            every = self.network.examples.candidates(part)
            inputs = replace(every, index=every.index.gather(0, labels.t()))
            goodness = self.network.read(variants_goodness(forward, inputs))
            best.append(labels.gather(1, goodness.argmax(1, keepdim=True))[:, 0])
        return torch.cat(best)


def two_stage(network: Network, x: Tensor, *, agreement: float = 0.999) -> TwoStage:
    """Fit the first stage to the full scan of some samples, and choose the margin.

    The ranking is a ridge regression of the exact goodness, minus its mean over the labels, on the
    activities of the neutral input, so no true labels are needed. The margin is the smallest that
    keeps the scan's label among the candidates for all but a fraction ``(1 - agreement) / 4`` of
    the samples, each ranked by a fit to the other four fifths.

    Args:
        network: A trained network whose examples put the label into the input. After further
            training, fit the stages again.
        x: Samples [batch, ...], about 10,000, preferably not from the training set, on which the
            network is more certain.
        agreement: Fraction of labels that should equal the full scan's, above 0; 1 scans all.

    Returns:
        The two stages, with the agreement to expect as ``expected``.

    Raises:
        ValueError: The examples put no label into the input, the agreement is out of range, or
            there are too few samples to measure so small a disagreement.

    >>> from forward_forward.forward import mlp
    >>> network, x = mlp(4, 8, 8, num_classes=3), torch.rand(200, 4)
    >>> stages = two_stage(network, x, agreement=0.95)
    >>> stages.predict(x[:5]).shape, stages.expected.agreement >= 0.95
    (torch.Size([5]), True)
    """
    _check_labelled(network)
    if not 0 < agreement <= 1:
        raise ValueError(
            f"two_stage expects an agreement above 0 and up to 1, got {agreement}: use 0.999 for"
            " 99.9 % of the labels"
        )
    allowed = len(x) * (1 - agreement)
    if agreement < 1 and allowed < 1 - 1e-9:  # 1,000 samples are enough for 0.999, rounding or not
        raise ValueError(
            f"an agreement of {agreement} requires {math.ceil(1 / (1 - agreement) - 1e-6)} samples"
            f" or more, got {len(x)}: pass more, or a smaller agreement"
        )
    goodness = network.goodness(x)
    skip, units = _units_read(network, x)
    ranking, scores = _fitted(skip, units, goodness)
    gap = scores.amax(1) - scores.gather(1, goodness.argmax(1, keepdim=True))[:, 0]
    misses = math.floor(allowed / SAFETY)
    margin = math.inf if agreement == 1 else float(gap.sort(descending=True).values[misses])
    counts = _candidates(scores, margin)
    return TwoStage(network, ranking, margin, _report(gap <= margin, counts))


def _check_labelled(network: Network) -> None:
    check_network("two_stage", network)
    if isinstance(network.examples, MultiLabel):
        raise ValueError(
            "two stages require one label per sample, got examples with several labels: use"
            " network.predict, which computes two variants per label"
        )
    if network.class_wise:
        raise ValueError(
            "two stages save passes over the labels, but these layers answer for every class in a"
            " single pass: use network.predict"
        )
    if network.views is not None or network.readout_setting == "logistic":
        what = "views" if network.views is not None else 'readout="logistic"'
        raise ValueError(
            f"two stages compare the goodness of few labels of each sample, but this network has"
            f" {what}, which needs that of all labels or of several pictures: use network.predict"
        )
    if not network.examples.labelled:
        raise ValueError(
            "two stages require examples that put the label into the input, such as AppendLabel,"
            f" got {type(network.examples).__name__}: predict by the head, which needs one pass"
        )


def _candidates(scores: Tensor, margin: float) -> Tensor:
    """Number of candidates [batch]: labels whose score is within the margin of the best one.

    It is rounded up to 2, 4, 8 ... or all, so that samples form few groups of equal shape.
    """
    # Not ">=": if scores are NaN, all labels are candidates.
    counts = (~(scores < scores.amax(1, keepdim=True) - margin)).sum(1)
    classes = scores.shape[1]
    sizes = [2**power for power in range(classes.bit_length()) if 2**power < classes]
    steps = torch.tensor([*sizes, classes], device=scores.device)
    return steps[torch.searchsorted(steps, counts)]


def _report(agrees: Tensor, counts: Tensor) -> Report:
    several, total = counts > 1, len(counts)
    # Divided as Python's numbers: in float32, 999 of 1,000 would not be 0.999.
    sums = agrees.sum(), several.sum(), (counts * several).sum()
    return Report(*(int(each) / total for each in sums))


def _units_read(network: Network, x: Tensor) -> tuple[int, list[Tensor]]:
    """The lowest layer to read, and activities at mean square 1 [batch, units] from it upwards."""
    layers = network.layers[: network.readout[1]]  # those above do not contribute to the label
    forward = ForwardPass(layers, workspace=Workspace())
    parts = []
    for part in torch.split(network.ready(x), ROWS):
        activities = forward.activities(network.examples.neutral(part))
        parts.append([_of_unit(each) for each in activities])
    units = [torch.cat(each) for each in zip(*parts, strict=True)]
    skip = len(units) - 1
    while skip and sum(each.shape[1] for each in units[skip - 1 :]) <= UNITS:
        skip -= 1
    return skip, units[skip:]


def _fitted(skip: int, units: list[Tensor], goodness: Tensor) -> tuple[Ranking, Tensor]:
    """A ranking, and each sample's scores [batch, classes] by a fit to the other folds."""
    widths = [each.shape[1] for each in units]
    # On the CPU in float64, which not every device has.
    rows = torch.cat(units, 1).cpu().double()
    target = (goodness - goodness.mean(1, keepdim=True)).cpu().double()
    folds = [slice(first, None, FOLDS) for first in range(FOLDS)]
    squares = [rows[fold].t() @ rows[fold] for fold in folds]
    products = [rows[fold].t() @ target[fold] for fold in folds]
    square, product = sum(squares, torch.zeros(())), sum(products, torch.zeros(()))
    scores = torch.empty_like(target)
    for fold, own_square, own_product in zip(folds, squares, products, strict=True):
        others = len(rows) - len(rows[fold])
        scores[fold] = rows[fold] @ _ridge(square - own_square, product - own_product, others)
    weight = _ridge(square, product, len(rows)).t().to(goodness)
    return Ranking(skip, torch.split(weight, widths, 1)), scores


def _ridge(square: Tensor, product: Tensor, count: int) -> Tensor:
    """Weights [units, classes] of a ridge regression, from sums over ``count`` rows."""
    penalty = RIDGE * max(1, count) * torch.eye(len(square), dtype=square.dtype)
    return torch.cholesky_solve(product, torch.linalg.cholesky(square + penalty))
