"""Running mean activity [feature] of a layer's positives -> a pull on each unit's total input."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class PeerNormalization:
    """Pull every unit's mean activity on positives towards the layer's mean, even of silent units.

    ``lambda (mean(m) - m)`` is added to the ascent direction of every positive's total input, after
    the activation's slope and not gated by it; m is the running mean activity of positives, updated
    first.

    Args:
        strength: lambda, for the true gradient of the sum of squares; Hinton's 0.03 is for half of
            that gradient, hence 0.06. For the mean square divide it by the width, as that gradient
            is smaller by this factor.
        decay: Fraction of the running mean that is kept at each step, 0 to 1.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.2, note on peer normalisation; ``ffnew.m``.
    """

    strength: float = 0.06
    decay: float = 0.9


def peer_gradient(peer: PeerNormalization, mean_activity: Tensor, sample_weight: Tensor) -> Tensor:
    """What peer normalisation adds to the gradient of the total inputs [batch, feature].

    Args:
        peer: Its constants.
        mean_activity: Running mean activity of positives [feature].
        sample_weight: Each sample's weight in the mean over the batch [batch].
    """
    pull = peer.strength * (mean_activity.mean() - mean_activity)
    return -sample_weight[:, None] * pull
