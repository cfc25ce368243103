"""Margins of positives [batch] and of negatives [negatives, batch] -> a sum of one term each.

These losses compare goodness with the layer's threshold, so a batch may have no negatives.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from forward_forward.fast_paths import ModuleConstant
from forward_forward.losses.slopes import averaged, mean_of


class _Sigmoid(ModuleConstant):
    """The poster's loss, ``sigma(neg) - sigma(pos)``.

    Its slope vanishes if the goodness is far from the threshold: calibrate the threshold.

    Margins [batch] and [negatives, batch], which may be empty -> [batch], between -1 and 1.

    References:
        The poster, "Method".

    >>> import torch
    >>> sigmoid(torch.zeros(1), torch.zeros(1, 1))
    tensor([0.])
    """

    name = "sigmoid"

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor:
        return mean_of(neg.sigmoid()) - pos.sigmoid()

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]:
        p, n = pos.sigmoid(), neg.sigmoid()
        return -p * (1 - p), averaged(n * (1 - n))


class _LogSigmoid(ModuleConstant):
    """Log-sigmoid loss, ``-log sigma(pos) - log sigma(-neg)``; Hinton's softplus form.

    ``softplus(-pos) + softplus(neg)`` is the same function: minus the log probability that the
    positive is classified as positive and the negative is not.

    Margins [batch] and [negatives, batch], which may be empty -> [batch], in nats, >= 0.

    References:
        The poster's Figure 8, right; Hinton (2022), arXiv 2212.13345, section 2, equation 1.

    >>> import torch
    >>> log_sigmoid(torch.zeros(1), torch.zeros(1, 1))
    tensor([1.3863])
    """

    name = "log_sigmoid"

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor:
        return -functional.logsigmoid(pos) - mean_of(functional.logsigmoid(-neg))

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]:
        return -(-pos).sigmoid(), averaged(neg.sigmoid())


class _LogSigmoidLiteral(ModuleConstant):
    """The poster's log-sigmoid read literally, ``log sigma(neg) - log sigma(pos)``.

    Its slope ``sigma(-neg)`` vanishes for the hard negatives, those of high goodness.

    Margins [batch] and [negatives, batch], which may be empty -> [batch], unbounded below.

    References:
        The poster's Figure 8, right, in its literal reading.

    >>> import torch
    >>> log_sigmoid_literal(torch.zeros(1), torch.zeros(1, 1))
    tensor([0.])
    """

    name = "log_sigmoid_literal"

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor:
        return mean_of(functional.logsigmoid(neg)) - functional.logsigmoid(pos)

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]:
        return -(-pos).sigmoid(), averaged((-neg).sigmoid())


@dataclass(frozen=True)
class TwoThresholds:
    """Log-sigmoid loss with a threshold for each sign, for training without labels.

    ``softplus(positive - pos) + softplus(neg - negative)``: goodness of negatives needs to be low
    only in relation to a threshold of their own.

    Args:
        positive: Threshold of positives, in units of the margins: goodness, with a layer's
            ``threshold=0``.
        negative: Threshold of negatives, likewise.

    Returns:
        Called on margins [batch] and [negatives, batch], which may be empty: loss [batch], in nats.

    References:
        Chen et al. (Nature Communications, 2025), arXiv 2409.11593; without their penalty on the
        length of the goodness.

    >>> import torch
    >>> TwoThresholds(1.0, 2.0)(torch.ones(1), torch.full((1, 1), 2.0))
    tensor([1.3863])
    """

    positive: float = 0.0
    negative: float = 1.0

    def __call__(self, pos: Tensor, neg: Tensor) -> Tensor:
        return log_sigmoid(pos - self.positive, neg - self.negative)

    def slope(self, pos: Tensor, neg: Tensor) -> tuple[Tensor, Tensor]:
        return log_sigmoid.slope(pos - self.positive, neg - self.negative)


sigmoid = _Sigmoid()
log_sigmoid = _LogSigmoid()
log_sigmoid_literal = _LogSigmoidLiteral()
