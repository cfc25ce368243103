"""What a row of layers reads [variants * batch, *feature] -> each layer's own step, its figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from forward_forward.examples import Inputs
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import Affine
from forward_forward.forward.passes import ForwardPass
from forward_forward.forward.workspace import GRADIENT
from forward_forward.optimize.batch_shard import ReplicaGroup
from forward_forward.optimize.engine import Engine
from forward_forward.optimize.metrics import Figures
from forward_forward.optimize.optimizers import forget_gradients, stepper, weights_of
from forward_forward.optimize.randomness import StepRandomness

ON_THE_WAY = 2  # layers whose gradients replicas sum at once, while another one works


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
        self.exchange: ReplicaGroup | None = None
        # Layers whose gradients are on their way, with the rates of the step that they belong to.
        self._summing: dict[int, list[float]] = {}

    def forget(self) -> None:
        """Let go of gradients of a training that was broken off."""
        self._summing.clear()

    def share_batches(self, exchange: ReplicaGroup | None) -> None:
        """Take each batch for a part of one that others have the rest of; None for no others."""
        self.exchange = exchange
        self.engine.share_batches(exchange)

    @torch.no_grad()
    def __call__(
        self,
        forward: ForwardPass,
        source: Inputs | Activities,
        share: torch.Tensor,
        chance: StepRandomness,
        layers: range,
        frozen: int = 0,
    ) -> tuple[list[Figures], Inputs | Activities]:
        """One step of some layers; where replicas sum gradients, the last ones are moved later.

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
            if index in self._summing:  # it was not moved yet for the batch before
                self._end(index)
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
        return nullcontext() if place is None else affine.workspace.lent(GRADIENT, place)

    def _move(self, index: int) -> None:
        """Take a layer's step, or begin to sum its gradients while the next layer works."""
        if self.exchange is None:
            self._step(index)
            return
        self.exchange.begin(index, weights_of(self.optimizers[index]))
        self._summing[index] = [group["lr"] for group in self.optimizers[index].param_groups]
        if len(self._summing) > ON_THE_WAY:
            self._end(next(iter(self._summing)))

    def settle(self) -> None:
        """Take the steps that wait for other replicas."""
        for index in list(self._summing):
            self._end(index)

    def _end(self, index: int) -> None:
        rates = self._summing.pop(index)
        if self.exchange is not None:
            self.exchange.end(index)
        with _at_rates(self.optimizers[index], rates):
            self._step(index)

    def _step(self, index: int) -> None:
        stepper(self.optimizers[index])()
        forget_gradients(self.optimizers[index])  # their memory is the next layer's too


@contextmanager
def _at_rates(optimizer: torch.optim.Optimizer, rates: list[float]) -> Iterator[None]:
    """Let an optimiser's groups have these learning rates for a step."""
    now = [group["lr"] for group in optimizer.param_groups]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    try:
        yield
    finally:
        for group, rate in zip(optimizer.param_groups, now, strict=True):
            group["lr"] = rate
