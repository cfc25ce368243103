"""Inputs of consecutive layers [variants * batch, *feature] -> each layer's own step, figures."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from forward_forward.examples import Inputs
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import Affine
from forward_forward.forward.passes import ForwardPass
from forward_forward.forward.workspace import GRADIENT
from forward_forward.optimize.batch_shard import ReplicaGroup
from forward_forward.optimize.collaboration import Collaboration, OthersGoodness
from forward_forward.optimize.engine import Engine
from forward_forward.optimize.metrics import Figures
from forward_forward.optimize.optimizers import (
    check_held,
    forget_gradients,
    lacks_gradients,
    stepper,
    weights_of,
)
from forward_forward.optimize.outcome import LayerOutcome
from forward_forward.optimize.randomness import StepRandomness
from forward_forward.optimize.targets import Targets
from forward_forward.readouts import Readout

IN_FLIGHT = 2  # layers whose gradients the replicas sum while another layer works


class LayerSteps:
    """Takes the layers' steps on a batch, one after the other, each with its own optimiser."""

    def __init__(
        self,
        network: Network,
        optimizers: Sequence[torch.optim.Optimizer],
        engine: Engine,
        collaboration: Collaboration | None = None,
        blocks: Callable[[range, int], list[range]] | None = None,
    ) -> None:
        self.network, self.optimizers, self.engine = network, list(optimizers), engine
        self.collaboration, self.blocks = collaboration, blocks
        self.replicas: ReplicaGroup | None = None
        # Layers whose gradients are being summed, with the learning rates of that step.
        self._summing: dict[int, list[float]] = {}

    def clear(self) -> None:
        """Drop the gradients of a training that did not finish."""
        self._summing.clear()

    @torch.no_grad()
    def __call__(
        self,
        forward: ForwardPass,
        source: Inputs | Activities,
        targets: Targets,
        randomness: StepRandomness,
        layers: range,
        frozen: int = 0,
    ) -> tuple[list[Figures], Inputs | Activities]:
        """Take one step of some layers; with replicas, call `settle` to take the last ones.

        Args:
            forward: Passes with the current weights.
            source: What the first of these layers reads, positives first.
            targets: The samples' weights in the mean loss, and their labels.
            randomness: What is drawn at random in this step.
            layers: The layers to run, lowest first.
            frozen: How many of the network's lowest layers do not learn.

        Returns:
            Figures of the layers that learned, and what the next layer reads: like every layer's
            input, activities from before this step.

        Raises:
            ValueError: A part of a layer was replaced by one whose weights no optimiser holds.
        """
        if self.blocks is not None:
            blocks = self.blocks(layers, randomness.step)
            return self._in_blocks(source, targets, randomness, blocks)
        figures = []
        dropped = functools.partial(self._dropped, targets=targets, randomness=randomness)
        others = OthersGoodness(self.collaboration, forward, source, layers, dropped)
        for index in layers:
            self._begin(index)
            layer = self.network.layers[index]
            source = dropped(index, source)
            if index < frozen:
                source = next(forward.activities(source, index))
                if others.kind == "below":
                    others.add(layer.rate(source))
                continue
            self._refresh(index)
            key, affine = randomness.key("block", index), forward.affines[index]
            with self._in_place(index, affine):
                judged = targets.beside(others.of(index))
                outcome = self.engine.gradients(index, affine, source, judged, key)
            others.add(outcome.rated)
            self._follow(index, outcome, targets)
            self._move(index)
            figures.append(outcome.figures)
            source = outcome.activities
        return figures, source

    def _in_blocks(
        self,
        source: Inputs | Activities,
        targets: Targets,
        randomness: StepRandomness,
        blocks: list[range],
    ) -> tuple[list[Figures], Inputs | Activities]:
        """One step of all layers, those of each block together."""
        figures = []
        for block in blocks:
            for index in block:
                self._begin(index)
                self._refresh(index)
            dropped = functools.partial(self._dropped, targets=targets, randomness=randomness)
            key = randomness.key("block", block[0])
            outcomes = self.engine.block(block, source, targets, key, dropped)
            for index, outcome in zip(block, outcomes, strict=True):
                self._follow(index, outcome, targets)
                self._move(index)
                figures.append(outcome.figures)
                source = outcome.activities
        return figures, source

    def check_weights(self) -> None:
        """Reject layers with weights that no optimiser updates."""
        for index in range(len(self.optimizers)):
            self._check_weights(index)

    def _check_weights(self, index: int) -> None:
        check_held(self.network.layers[index], self.optimizers[index], f"layer {index + 1}")

    def _in_place(self, index: int, affine: Affine | None) -> AbstractContextManager[None]:
        """Write a linear layer's gradient where the replicas sum it, which saves a copy."""
        if self.replicas is None or affine is None or not affine.exact:
            return nullcontext()
        place = self.replicas.place(index, affine.linear.weight)
        return nullcontext() if place is None else affine.workspace.lent(GRADIENT, place)

    def _begin(self, index: int) -> None:
        """Take the layer's step on the batch before, if that is still to be taken."""
        if index in self._summing:
            self._end(index)

    def _refresh(self, index: int) -> None:
        if self.engine.refresh(index):
            self._check_weights(index)

    def _dropped(
        self,
        index: int,
        source: Inputs | Activities,
        targets: Targets,
        randomness: StepRandomness,
    ) -> Inputs | Activities:
        """A layer's input after dropout; that of the first layer comes with it."""
        if index == 0 or not isinstance(source, Activities):
            return source
        layer = self.network.layers[index]
        # Layers that answer for every class have one variant, perhaps of many targets.
        batch = len(source.h) if layer.class_wise else len(targets.weight)
        return randomness.dropped_rows(source, layer.dropout, batch, index)

    def _follow(self, index: int, outcome: LayerOutcome, targets: Targets) -> None:
        """Update what a read-out learns without gradients, such as its centroids."""
        readout = self.network.layers[index].goodness
        if isinstance(readout, Readout) and targets.labels is not None:
            add = None if self.replicas is None else self.replicas.add
            readout.follow(outcome.activities.h, targets.labels, targets.weight, add)

    def _move(self, index: int) -> None:
        """Take a layer's step, or begin to sum its gradients while the next layer works."""
        if lacks_gradients(self.optimizers[index]):
            self._check_weights(index)
        if self.replicas is None:
            self._step(index)
            return
        self.replicas.begin(index, weights_of(self.optimizers[index]))
        self._summing[index] = [group["lr"] for group in self.optimizers[index].param_groups]
        if len(self._summing) > IN_FLIGHT:
            self._end(next(iter(self._summing)))

    def settle(self) -> None:
        """Take the steps whose gradients are still being summed."""
        for index in list(self._summing):
            self._end(index)

    def _end(self, index: int) -> None:
        rates = self._summing.pop(index)
        if self.replicas is not None:
            self.replicas.end(index)
        with _at_rates(self.optimizers[index], rates):
            self._step(index)

    def _step(self, index: int) -> None:
        stepper(self.optimizers[index])()
        forget_gradients(self.optimizers[index])  # their memory is the next layer's too


@contextmanager
def _at_rates(optimizer: torch.optim.Optimizer, rates: list[float]) -> Iterator[None]:
    """Set an optimiser's learning rates, one a group, for one step."""
    now = [group["lr"] for group in optimizer.param_groups]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    try:
        yield
    finally:
        for group, rate in zip(optimizer.param_groups, now, strict=True):
            group["lr"] = rate
