"""A seed and a step -> its random draws: augmented pictures, dropped inputs, generators.

Every draw has its own generator, keyed by (seed, purpose, step, layer), so that a resumed run draws
what an uninterrupted one does. Masks are drawn on the device that uses them.
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
    """The random draws of one step.

    Args:
        seed: The run's seed.
        step: How many steps were taken before.
        device: Where the numbers are drawn; the CPU if that device has no generator.
        batch: Number of samples in the whole batch, if this process has a shard of it.
        rows: The shard's rows; masks are drawn for all, so that they are equal in every process.
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
        """A key for random numbers that a layer draws itself; it differs between shards."""
        shard = () if self.batch is None else (self.rows.start,)
        return self.seed, purpose, self.step, index, *shard

    def augmented(self, x: Tensor, changes: Sequence[Augment]) -> Tensor:
        """Pictures [batch, ...] after each random change in turn."""
        for index, change in enumerate(changes):
            x = change(x, self.generator("augment", index))
        return x

    def dropped(self, source: Inputs, rate: float) -> Inputs:
        """The first layer's input after dropout, with one mask for all variants of a sample."""
        if not rate:
            return source
        return source.masked(self._mask(source.rest.shape, rate, 0, source.rest))

    def dropped_rows(self, source: Activities, rate: float, batch: int, layer: int) -> Activities:
        """A higher layer's input [variants * batch, *feature] after dropout, likewise."""
        source = source.onward
        if not rate:
            return source
        variants = source.h.view(-1, batch, *source.h.shape[1:])
        whole = batch if self.batch is None else self.batch, *source.h.shape[1:]
        mask = self._mask(whole, rate, layer, source.h)[self.rows]
        return Activities((variants * mask).flatten(0, 1))

    def _mask(self, shape: Sequence[int], rate: float, layer: int, like: Tensor) -> Tensor:
        """Zeros for what is dropped, ``1 / (1 - rate)`` for what is kept."""
        rng = self.generator("dropout", layer)
        keep = seeds.coins(shape, 1 - rate, rng, like.dtype)
        return keep.to(like.device).mul_(1 / (1 - rate))
