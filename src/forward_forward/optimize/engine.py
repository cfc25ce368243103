"""A layer and its input -> its gradients, by the path that suits its block and the settings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Literal

from torch import Tensor

from forward_forward import seeds
from forward_forward.examples import Inputs
from forward_forward.forward import Layer
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import Affine
from forward_forward.optimize.batch_shard import ReplicaGroup
from forward_forward.optimize.compiled import Compiled
from forward_forward.optimize.gradients import Outcome, by_autograd, closed_form, draws

Kind = Literal["closed_form", "autograd"]


class Engine:
    """Takes the gradients of each layer.

    Args:
        layers: The layers, lowest first.
        kind: "closed_form" gradients, with autograd for blocks that are not linear; or "autograd"
            for all, the slow reference.
        compile: Whether to compile what lies between a linear layer's products.
        skip: See `closed_form`.

    Raises:
        ValueError: An unknown kind, a ``skip`` not within 0 to below 1, or ``skip`` or ``compile``
            together with autograd.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        kind: Kind,
        *,
        compile: bool = False,
        skip: float = 0.0,
    ) -> None:
        if kind not in ("closed_form", "autograd"):
            raise ValueError(f'engine expects "closed_form" or "autograd", got {kind!r}')
        if not 0 <= skip < 1:
            raise ValueError(f"skip expects a share from 0 to below 1, got {skip}")
        if kind == "autograd" and (skip or compile):
            raise ValueError(
                'skip and compile go with engine="closed_form", got'
                f" skip={skip}, compile={compile} and engine={kind!r}: leave them out"
            )
        self.layers, self.kind = list(layers), kind
        # Asked once: counting a layer's weights takes longer than its small kernels.
        self.by_hand = [kind == "closed_form" and layer.closed_form for layer in layers]
        self.draws = [draws(layer) for layer in layers]
        self.compiled = [Compiled(skip) for _ in layers] if compile else []
        self.skip = skip
        self.exchange: ReplicaGroup | None = None

    def share_batches(self, exchange: ReplicaGroup | None) -> None:
        """Take each batch for a part of one that others have the rest of; None for no others."""
        self.exchange = exchange
        for each in self.compiled:
            each.exchange = exchange

    def gradients(
        self,
        index: int,
        affine: Affine | None,
        source: Inputs | Activities,
        share: Tensor,
        key: tuple[int | str, ...],
    ) -> Outcome:
        """Set the gradients of a layer's own weights.

        Args:
            index: Which layer.
            affine: Its products in this step; None where its block is not linear.
            source: Its input: positives first, then the negatives.
            share: Each sample's share in the mean loss [batch].
            key: For the random numbers that the layer draws itself.
        """
        layer = self.layers[index]
        # A layer that draws random numbers must not move torch's global state.
        with seeds.forked(*key) if self.draws[index] else nullcontext():
            if affine is None or not self.by_hand[index]:
                return by_autograd(layer, source, share, self.exchange)
            if self.compiled:
                return self.compiled[index](layer, affine, source, share)
            return closed_form(layer, affine, source, share, self.skip, self.exchange)
