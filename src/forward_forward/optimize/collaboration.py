"""Goodness of the layers of a step -> for each layer that of the others, a constant in its loss."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import ForwardPass

Collaboration = Literal["below", "all"]


class OthersGoodness:
    """The goodness that is added to each layer's own in one step, without a gradient.

    Goodness is [variants * batch], or [batch, classes] if layers answer for every class.

    Args:
        kind: "below", the sum over the layers below, as they rate the batch in this step; "all",
            that over all other layers that run, by a pass before the step, in evaluation mode.
        forward: Passes with the current weights.
        source: What the first of the layers reads.
        layers: The layers that run.

    References:
        Lorberbom et al. (AAAI 2024), arXiv 2305.12393.
    """

    def __init__(
        self,
        kind: Collaboration | None,
        forward: ForwardPass,
        source: Inputs | Activities,
        layers: range,
    ) -> None:
        self.kind = kind
        self._sum: Tensor | None = None
        self._own: dict[int, Tensor] = {}
        if kind == "all":
            run = zip(layers, forward.activities(source, layers.start), strict=False)
            for index, each in run:
                self._own[index] = forward.layers[index].rate(each)
                self._add(self._own[index])

    def of(self, index: int) -> Tensor | None:
        """What is added to the goodness of a layer, or None."""
        if self._sum is None or not self._own:
            return self._sum
        return self._sum - self._own[index]

    def add(self, rated: Tensor) -> None:
        """Count the goodness of the layer that has just run, for those above it."""
        if self.kind == "below":
            self._add(rated)

    def _add(self, rated: Tensor) -> None:
        self._sum = rated if self._sum is None else self._sum + rated
