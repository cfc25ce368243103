"""Activities of the upper layers, each [batch, width] -> logits of the labels [batch, classes]."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from forward_forward.forward.normalize import MeanSquareOne, Normalize


class SoftmaxHead(nn.Module):
    """A linear softmax on the activities of the neutral input, trained along with the layers.

    Its gradient reaches only its own weights. Weights start at 0; there is no bias. The logits are
    the sum of the layers' contributions.

    Args:
        widths: Units of every layer of the network.
        num_classes: How many labels there are.
        skip: How many of the lowest layers are not read; Hinton skips the first.
        normalize: Applied to the activities first; None leaves them unchanged.
        local: Whether each layer learns from the softmax of its own logits, independently of the
            other layers, for example when they are in several processes. By default all learn from
            the softmax of the summed logits, as Hinton's do.

    Raises:
        ValueError: ``skip`` leaves no layer to read.

    References:
        Hinton (2022), arXiv 2212.13345, sections 3.2 and 3.3; ``ffsoftmaxtest.m``.

    >>> head = SoftmaxHead([8, 8], num_classes=3)
    >>> head([torch.ones(2, 8), torch.ones(2, 8)])
    tensor([[0., 0., 0.],
            [0., 0., 0.]], grad_fn=<SumBackward1>)
    """

    def __init__(
        self,
        widths: Sequence[int],
        num_classes: int,
        *,
        skip: int = 1,
        normalize: Normalize | None = MeanSquareOne(),
        local: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= skip < len(widths):
            raise ValueError(
                f"SoftmaxHead expects to skip 0 to {len(widths) - 1} of {len(widths)} layers, got"
                f" skip={skip}: use skip=0 to read them all"
            )
        self.widths = tuple(widths)
        self.num_classes = num_classes
        self.skip = skip
        self.normalize = normalize
        self.local = local
        # Zeros rather than random numbers: the first prediction is uniform.
        self.weights = nn.ParameterList(
            nn.Parameter(torch.zeros(num_classes, width)) for width in self.widths[skip:]
        )

    def row(self, h: Tensor) -> Tensor:
        """A layer's activities as the head reads them: detached, flat, normalised, a copy."""
        h = h.detach().flatten(1).to(self.weights[0].dtype)  # blocks may compute in bfloat16
        row = h if self.normalize is None else self.normalize(h)
        # The layers' buffers are reused: the head must not keep a view of them.
        return row.clone() if row.data_ptr() == h.data_ptr() else row

    def logits(self, rows: Sequence[Tensor]) -> Tensor:
        """The logits each layer contributes [layers - skip, batch, classes]."""
        pairs = zip(rows, self.weights, strict=True)
        return torch.stack([h @ weight.t() for h, weight in pairs])

    def by_layer(self, activities: Iterable[Tensor]) -> Tensor:
        """The same from the activities of all layers, each [batch, width]."""
        return self.logits([self.row(h) for h in itertools.islice(activities, self.skip, None)])

    def forward(self, activities: Iterable[Tensor]) -> Tensor:
        """Logits [batch, classes] from the activities of all layers, each [batch, width]."""
        return self.by_layer(activities).sum(0)
