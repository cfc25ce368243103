"""A layer's activities, losses and goodness of a batch -> what is kept of its step."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from forward_forward.forward.activities import Activities
from forward_forward.optimize.metrics import Figures, class_figures_of, figures_of
from forward_forward.optimize.targets import Targets, split


class LayerOutcome(NamedTuple):
    """What a layer computed from a batch; its gradients are in its parameters' ``grad``.

    ``activities`` are [variants * batch, *feature], ``rated`` is their goodness as the layer gave
    it, ``figures`` are those of the layer.
    """

    activities: Activities
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
    if rated.dim() == 2:
        figures = class_figures_of(loss, rated, targets.known_labels, silent, targets.weight)
    else:
        figures = figures_of(loss, *split(rated, targets), silent, targets.weight)
    return LayerOutcome(activities, rated, figures)


def silent_fraction(h: Tensor, *, positive: bool) -> Tensor:
    """Fraction of units that are 0 in all of the activities [batch, *feature], a scalar."""
    # Channels-last maps in the order of memory, so that no copy is made.
    h = (h.movedim(1, -1) if h.dim() == 4 and not h.is_contiguous() else h).flatten(1)
    # One sum is the cheapest test; of numbers that are not negative it is 0 only if all are.
    if positive:
        silent = h.sum(0) == 0
    elif h.device.type == "cpu":
        silent = h.sum(0) == 0
        cancelled = silent.nonzero()[:, 0]  # few, if any, of a layer that works
        silent[cancelled] = ~h[:, cancelled].any(0)
    else:
        silent = ~h.any(0)  # nothing is read from the device
    return silent.mean(dtype=h.dtype)
