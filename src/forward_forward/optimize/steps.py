"""What a row of layers reads [variants * batch, *feature] -> each layer's own step, its figures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch

from forward_forward.examples import Inputs
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import Affine
from forward_forward.forward.passes import ForwardPass
from forward_forward.optimize.chance import Chance
from forward_forward.optimize.engine import Engine
from forward_forward.optimize.optimizers import forget_gradients, stepper, weights_of
from forward_forward.optimize.part import Exchange
from forward_forward.optimize.statistics import Figures


class LayerSteps:
    """Lets layers learn from a batch, one after the other.

    Args:
        network: The network.
        optimizers: One for each layer.
        engine: Takes the gradients.
    """

    def __init__(
        self, network: Network, optimizers: Sequence[torch.optim.Optimizer], engine: Engine
    ) -> None:
        self.network, self.optimizers, self.engine = network, list(optimizers), engine
        self.exchange: Exchange | None = None
        self._summing: list[int] = []  # layers whose gradients are on their way

    def share_batches(self, exchange: Exchange) -> None:
        """Take each batch for a part of one that others have the rest of."""
        self.exchange = exchange
        self.engine.share_batches(exchange)

    @torch.no_grad()
    def __call__(
        self,
        forward: ForwardPass,
        source: Inputs | Activities,
        share: torch.Tensor,
        chance: Chance,
        layers: range,
        frozen: int = 0,
    ) -> tuple[list[Figures], Inputs | Activities]:
        """One step of some layers; with other replicas, `settle` takes the last one's.

        Args:
            forward: Passes with the weights of this moment.
            source: What the first of these layers reads, positives first.
            share: Each sample's share in the mean loss [batch].
            chance: What is drawn at random in this step.
            layers: The layers to run through.
            frozen: How many of the lowest of the network do not learn.

        Returns:
            Figures of the layers that learned, and what the next layer reads: activities from
            before the last one's step, as are all that a layer reads.
        """
        figures = []
        for index in layers:
            layer = self.network.layers[index]
            if isinstance(source, Activities) and index > 0:
                source = chance.dropped_rows(source, layer.dropout, share.shape[0], index)
            if index < frozen:
                source = next(forward.activities(source, index))
                continue
            key, affine = chance.key("block", index), forward.affines[index]
            with self._written_in_place(index, affine):
                outcome = self.engine.gradients(index, affine, source, share, key)
            self._move(index)
            figures.append(outcome.figures)
            source = outcome.activities
        return figures, source

    def _written_in_place(self, index: int, affine: Affine | None) -> AbstractContextManager[None]:
        """Let a linear layer's gradient be written where the replicas sum it: a copy less."""
        if self.exchange is None or affine is None or not affine.exact:
            return nullcontext()
        place = self.exchange.place(index, affine.linear.weight)
        return nullcontext() if place is None else affine.room.lent("gradient", place)

    def _move(self, index: int) -> None:
        """Take a layer's step, or begin to sum its gradients while the next layer works."""
        if self.exchange is None:
            self._step(index)
            return
        self.exchange.begin(index, weights_of(self.optimizers[index]))
        self._summing.append(index)
        if len(self._summing) > 1:
            self._end(self._summing.pop(0))

    def settle(self) -> None:
        """Take the steps that wait for other replicas."""
        while self._summing:
            self._end(self._summing.pop(0))

    def _end(self, index: int) -> None:
        if self.exchange is not None:
            self.exchange.end(index)
        self._step(index)

    def _step(self, index: int) -> None:
        stepper(self.optimizers[index])()
        forget_gradients(self.optimizers[index])  # their memory is the next layer's too
