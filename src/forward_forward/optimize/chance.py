"""What is drawn at random in a step: augmented pictures, dropped inputs, generators for labels.

Every draw has a generator of its own, keyed by (seed, purpose, step, layer), so that a resumed run
draws what an undisturbed one does. Masks are drawn where they are used: none cross to a device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from forward_forward import seeds
from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities

Augment = Callable[[Tensor, torch.Generator], Tensor]


class Chance:
    """The random part of one step.

    Args:
        seed: Of the run.
        step: How many steps were taken before.
        device: Where the numbers are drawn; on the CPU where it has no generator.
    """

    def __init__(self, seed: int, step: int, device: torch.device) -> None:
        self.seed, self.step = seed, step
        self.device = torch.device("cpu") if device.type == "meta" else device

    def generator(self, purpose: str, index: int = 0) -> torch.Generator:
        """A generator for one purpose in one layer, on the device."""
        return seeds.generator(self.seed, purpose, self.step, index, device=self.device)

    def augmented(self, x: Tensor, parts: Sequence[Augment]) -> Tensor:
        """Pictures [batch, ...] changed by each part in turn."""
        for index, part in enumerate(parts):
            x = part(x, self.generator("augment", index))
        return x

    def dropped(self, source: Inputs, share: float) -> Inputs:
        """The first layer's input without a share of it: the same for all variants of a sample."""
        if not share:
            return source
        return source.masked(self._mask(source.rest, share, 0))

    def dropped_rows(self, source: Activities, share: float, batch: int, layer: int) -> Activities:
        """A higher layer's input [variants * batch, *feature] without a share of it, likewise."""
        if not share:
            return source
        variants = source.h.view(-1, batch, *source.h.shape[1:])
        mask = self._mask(variants[0], share, layer)
        return Activities((variants * mask).flatten(0, 1))

    def _mask(self, like: Tensor, share: float, layer: int) -> Tensor:
        """Zeros for what is dropped, ``1 / (1 - share)`` for what stays."""
        rng = self.generator("dropout", layer)
        keep = seeds.coins(like.shape, 1 - share, rng, like.dtype)
        return keep.to(like.device).mul_(1 / (1 - share))
