"""A layer and its input -> its gradients, by the method that suits its block and the settings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Literal

import torch

from forward_forward import seeds
from forward_forward.examples import Inputs
from forward_forward.forward import Layer
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import Affine
from forward_forward.forward.passes import added_by
from forward_forward.optimize.batch_shard import ReplicaGroup
from forward_forward.optimize.blocks import block_gradients
from forward_forward.optimize.collaboration import Dropped
from forward_forward.optimize.gradients import by_autograd, closed_form, draws
from forward_forward.optimize.outcome import LayerOutcome
from forward_forward.optimize.targets import Targets

Kind = Literal["closed_form", "autograd"]


class Engine:
    """Computes the gradients of each layer.

    Args:
        layers: The layers, lowest first.
        kind: "closed_form" gradients, with autograd for blocks that are not linear; or "autograd"
            for all, the slow reference.
        skip: See `closed_form`.
        products: Type of the products within blocks that are not linear; None for the weights' own.
        last_only: Whether layers that are trained together learn from the loss of the last one.

    Raises:
        ValueError: An unknown kind, a ``skip`` not within 0 to below 1, or ``skip`` together with
            autograd.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        kind: Kind,
        *,
        skip: float = 0.0,
        products: torch.dtype | None = None,
        last_only: bool = False,
    ) -> None:
        if kind not in ("closed_form", "autograd"):
            raise ValueError(f'engine expects "closed_form" or "autograd", got {kind!r}')
        if not 0 <= skip < 1:
            raise ValueError(f"skip expects a fraction from 0 to below 1, got {skip}")
        if kind == "autograd" and skip:
            raise ValueError(
                f'skip requires engine="closed_form", got skip={skip} and engine={kind!r}: leave'
                " one of them out"
            )
        self.layers, self.kind, self.skip, self.products = list(layers), kind, skip, products
        self.last_only = last_only
        self.replicas: ReplicaGroup | None = None
        # Kept, since counting a layer's weights takes longer than its small kernels.
        self._parts = [_parts(layer) for layer in self.layers]
        self._by_formula = [self._has_formula(layer) for layer in self.layers]
        self._draws = [*map(self._may_draw, self.layers)]

    def refresh(self, index: int) -> bool:
        """Read a layer's parts again if one was replaced; returns whether one was."""
        layer, before = self.layers[index], self._parts[index]
        parts = _parts(layer)
        if all(now is then for now, then in zip(parts, before, strict=True)):
            return False
        self._parts[index] = parts
        self._by_formula[index] = self._has_formula(layer)
        self._draws[index] = self._may_draw(layer)
        return True

    def gradients(
        self,
        index: int,
        affine: Affine | None,
        source: Inputs | Activities,
        targets: Targets,
        key: tuple[int | str, ...],
    ) -> LayerOutcome:
        """Set the gradients of a layer's own weights.

        Args:
            index: Which layer.
            affine: Its products in this step; None if its block is not linear.
            source: Its input: positives first, then the negatives.
            targets: The samples' weights in the mean loss, and their labels.
            key: For the random numbers that the layer draws itself.
        """
        layer = self.layers[index]
        added = added_by(layer, source)
        # A layer that draws random numbers must not move torch's global state.
        with seeds.forked(*key) if self._draws[index] else nullcontext():
            if affine is None or not self._by_formula[index]:
                products = self.products if affine is None else None
                outcome = by_autograd(layer, source, targets, self.replicas, products)
            else:
                outcome = closed_form(layer, affine, source, targets, self.skip, self.replicas)
        outcome.activities.added = added
        return outcome

    def block(
        self,
        indices: range,
        source: Inputs | Activities,
        targets: Targets,
        key: tuple[int | str, ...],
        dropped: Dropped,
    ) -> list[LayerOutcome]:
        """Set the gradients of layers that are trained together: see `block_gradients`."""
        layers = {index: self.layers[index] for index in indices}
        draw = any(self._draws[index] for index in indices)
        with seeds.forked(*key) if draw else nullcontext():
            return block_gradients(
                layers, source, targets, dropped, self.products, last_only=self.last_only
            )

    def _may_draw(self, layer: Layer) -> bool:
        """Whether its block, or a read-out or loss without a formula, may draw random numbers."""
        return draws(layer) or not self._has_formula(layer)

    def _has_formula(self, layer: Layer) -> bool:
        return self.kind == "closed_form" and layer.closed_form


def _parts(layer: Layer) -> tuple[object, ...]:
    parts = layer.block, layer.activation, layer.normalize, layer.goodness, layer.loss, layer.peer
    learns = layer.linear is None or layer.linear.weight.requires_grad
    return *parts, layer.terms, learns
