"""A layer's activities, losses and goodness of a batch -> what is kept of its step."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from forward_forward.forward.activities import Activities
from forward_forward.optimize.metrics import Figures, figures_of
from forward_forward.optimize.targets import Targets, split


class LayerOutcome(NamedTuple):
    """What a layer computed from a batch; its gradients are in its parameters' ``grad``.

    ``activities`` are [variants * batch, *feature], ``loss`` is [batch], ``positive`` [batch] and
    ``negative`` [negatives, batch] are goodness, ``rated`` is the same as the layer gave it,
    ``figures`` are those of the layer.
    """

    activities: Activities
    loss: Tensor
    positive: Tensor
    negative: Tensor
    rated: Tensor
    figures: Figures


def outcome_of(
    activities: Activities,
    loss: Tensor,
    rated: Tensor,
    targets: Targets,
    *,
    positive: bool = False,
) -> LayerOutcome:
    """The outcome of activities, losses [batch], goodness as of `split`, and targets.

    ``positive`` says that no activity is below 0, which makes a cheaper test for silent units.
    """
    batch = loss.shape[0]
    silent = silent_fraction(activities.h[:batch], positive=positive)
    good, bad = split(rated, targets)
    figures = figures_of(loss, good, bad, silent, targets.weight)
    return LayerOutcome(activities, loss, good, bad, rated, figures)


def silent_fraction(h: Tensor, *, positive: bool) -> Tensor:
    """Fraction of units that are 0 in all of the activities [batch, *feature], a scalar."""
    h = h.flatten(1)
    # One sum is the cheapest test; of numbers that are not negative it is 0 only if all are.
    silent = h.sum(0) == 0 if positive else ~h.any(0)
    return silent.mean(dtype=h.dtype)
