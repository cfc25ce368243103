"""Goodness of the layers of a step -> for each layer that of the others, a constant in its loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, get_args

from torch import Tensor

from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities
from forward_forward.forward.layer import Layer
from forward_forward.forward.passes import ForwardPass
from forward_forward.readouts import PositionReadout

Collaboration = Literal["below", "all"]
Dropped = Callable[[int, Inputs | Activities], Inputs | Activities]


def check_collaboration(collaboration: Collaboration | None, layers: Iterable[Layer]) -> None:
    """Reject an unknown kind, and layers that it does not suit.

    Raises:
        ValueError: One of these.
    """
    if collaboration not in (None, *get_args(Collaboration)):
        raise ValueError(f'collaboration expects None, "below" or "all", got {collaboration!r}')
    layers = list(layers)
    if collaboration and any(isinstance(layer.goodness, PositionReadout) for layer in layers):
        raise ValueError(
            "collaboration adds a goodness of each sample, got layers that answer at every position"
            " of a text: leave collaboration=None"
        )
    if collaboration == "all" and any(layer.adversarial for layer in layers):
        raise ValueError(
            'collaboration="all" expects layers with adversarial=0: such a layer raises its'
            " goodness of moved inputs while the others, which see the original ones, lower theirs,"
            ' so the sum diverges; use "below", or leave one of them out'
        )


class OthersGoodness:
    """The goodness that is added to each layer's own in one step, without a gradient.

    Goodness is [variants * batch], or [batch, classes] if layers answer for every class.

    Args:
        kind: "below", the sum over the layers below, as they rate the batch in this step; "all",
            that over all other layers that run, by a pass before the step, with the step's dropout
            and blocks in evaluation mode.
        forward: Passes with the current weights.
        source: What the first of the layers reads.
        layers: The layers that run.
        dropped: A layer's index and its input -> the input after dropout.

    References:
        Lorberbom et al. (AAAI 2024), arXiv 2305.12393.
    """

    def __init__(
        self,
        kind: Collaboration | None,
        forward: ForwardPass,
        source: Inputs | Activities,
        layers: range,
        dropped: Dropped,
    ) -> None:
        self.kind = kind
        self._sum: Tensor | None = None
        self._own: dict[int, Tensor] = {}
        if kind == "all":
            for index in layers:
                # The same dropout: the sum would differ from what each layer sees, and diverge.
                activities = next(forward.activities(dropped(index, source), index))
                self._own[index] = forward.layers[index].rate(activities)
                self._add(self._own[index])
                source = activities

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
