"""Activities [batch, *feature], labels [batch] -> similarity matching loss [batch]."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from forward_forward.readouts import by_channel, unit_rows
from forward_forward.terms.term import Term, same_label


class SimilarityMatching(Term):
    """The cosines between the samples of a batch are those between their one-hot labels.

    ``L_i = mean_j (cos(a_i, a_j) - t_ij)^2`` with ``t_ij`` 1 within a class and ``-1 / (classes -
    1)`` between classes. ``a`` are a sample's activities; of maps and tokens, each channel's
    standard deviation over the positions. Its mean is subtracted from each sample first.

    Args:
        num_classes: Number of classes.
        weight: Multiplies the term, beside the layer's loss; above 0.
        units: Values of one sample's activities, or their channels; None for those of the layer it
            is given to.
        kernel: Side of the kernel of a learned convolution of the activities that are compared, an
            odd number: 3 for maps in the paper, 1 for a linear layer. 0 compares the activities
            themselves.
        seed: Seed of the convolution's random start.

    Raises:
        ValueError: An argument is out of range.

    References:
        Nøkland and Eidnes (2019), arXiv 1901.06656: "sim". With a `readouts.LinearReadout` and
        `losses.CrossEntropy` it is "predsim", whose weights are 0.99 and 0.01: ``weight=99``.

    >>> term = SimilarityMatching(num_classes=2)
    >>> h = torch.tensor([[1.0, -1.0], [2.0, -2.0], [-1.0, 1.0]])
    >>> term(h, torch.tensor([0, 0, 1])).allclose(torch.zeros(3))
    True
    """

    mixing: Tensor | None  # [units, units, kernel, kernel]

    def __init__(
        self,
        num_classes: int,
        weight: float = 1.0,
        units: int | None = None,
        kernel: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(weight, units)
        if num_classes < 2 or kernel < 0 or (kernel and kernel % 2 == 0):
            raise ValueError(
                "SimilarityMatching expects at least 2 classes and a kernel of 0 or of odd size,"
                f" got num_classes={num_classes} and kernel={kernel}"
            )
        self.num_classes, self.kernel, self.seed = num_classes, kernel, seed
        drawn = None
        if units is not None and kernel:
            rng = torch.Generator().manual_seed(seed)
            shape = units, units, kernel, kernel
            deviation = 1 / math.sqrt(units * kernel**2)
            drawn = nn.Parameter(torch.randn(*shape, generator=rng) * deviation)
        self.register_parameter("mixing", drawn)

    def extra_repr(self) -> str:
        return (
            f"num_classes={self.num_classes}, {super().extra_repr()}, kernel={self.kernel},"
            f" seed={self.seed}"
        )

    def sized(self, units: int) -> SimilarityMatching:
        return SimilarityMatching(self.num_classes, self.weight, units, self.kernel, self.seed)

    def losses(self, h: Tensor, labels: Tensor) -> Tensor:
        channels = by_channel(self._mixed(h), self.units)
        rows = channels[:, :, 0] if channels.shape[2] == 1 else channels.std(2)
        rows = unit_rows(rows - rows.mean(1, keepdim=True))
        wanted = torch.where(same_label(labels), 1.0, -1 / (self.num_classes - 1)).to(rows)
        return (rows @ rows.t() - wanted).square().mean(1)

    def _mixed(self, h: Tensor) -> Tensor:
        """The activities after the learned layer, if there is one."""
        if not self.kernel:
            return h
        fits = h.dim() == 4 or self.kernel == 1
        if (
            self.mixing is None
            or not fits
            or self.units != (h.shape[1] if h.dim() == 4 else h.shape[-1])
        ):
            raise ValueError(
                f"SimilarityMatching expects activities of {self.units} units or channels, and maps"
                f" unless kernel=1, got {list(h.shape[1:])} per sample and kernel={self.kernel}:"
                f" create it with units={h.shape[1]}, and kernel=1 or 0 unless they are maps"
            )
        if h.dim() == 4:
            return functional.conv2d(h, self.mixing, padding=self.kernel // 2)
        return functional.linear(h, self.mixing[:, :, 0, 0])
