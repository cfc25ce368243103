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


class StepRandomness:
    """The random part of one step.

    Args:
        seed: Of the run.
        step: How many steps were taken before.
        device: Where the numbers are drawn; on the CPU where it has no generator.
        batch: How many samples there are, where the rows at hand are some of them only.
        rows: Which they are; masks are drawn for all, so that they are the same in every process.
    """

    def __init__(
        self,
        seed: int,
        step: int,
        device: torch.device,
        batch: int | None = None,
        rows: slice = slice(None),
    ) -> None:
        self.seed, self.step = seed, step
        self.batch, self.rows = batch, rows
        self.device = torch.device("cpu") if device.type == "meta" else device

    def generator(self, purpose: str, index: int = 0) -> torch.Generator:
        """A generator for one purpose in one layer, on the device."""
        return seeds.generator(self.seed, purpose, self.step, index, device=self.device)

    def key(self, purpose: str, index: int) -> tuple[int | str, ...]:
        """A key for random numbers that a layer draws itself; another for each part of a batch."""
        part = () if self.batch is None else (self.rows.start,)
        return self.seed, purpose, self.step, index, *part

    def augmented(self, x: Tensor, parts: Sequence[Augment]) -> Tensor:
        """Pictures [batch, ...] changed by each part in turn."""
        for index, part in enumerate(parts):
            x = part(x, self.generator("augment", index))
        return x

    def dropped(self, source: Inputs, share: float) -> Inputs:
        """The first layer's input without a share of it: the same for all variants of a sample."""
        if not share:
            return source
        return source.masked(self._mask(source.rest.shape, share, 0, source.rest))

    def dropped_rows(self, source: Activities, share: float, batch: int, layer: int) -> Activities:
        """A higher layer's input [variants * batch, *feature] without a share of it, likewise."""
        if not share:
            return source
        variants = source.h.view(-1, batch, *source.h.shape[1:])
        whole = batch if self.batch is None else self.batch, *source.h.shape[1:]
        mask = self._mask(whole, share, layer, source.h)[self.rows]
        return Activities((variants * mask).flatten(0, 1))

    def _mask(self, shape: Sequence[int], share: float, layer: int, like: Tensor) -> Tensor:
        """Zeros for what is dropped, ``1 / (1 - share)`` for what stays."""
        rng = self.generator("dropout", layer)
        keep = seeds.coins(shape, 1 - share, rng, like.dtype)
        return keep.to(like.device).mul_(1 / (1 - share))
