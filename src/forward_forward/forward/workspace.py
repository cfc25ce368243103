"""Named slots and shapes -> scratch memory for large matrices, reused by every layer and step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

CPU = torch.device("cpu")


class Slot(NamedTuple):
    """One buffer of a workspace: what it holds, and of which layer, if each layer has its own."""

    holds: str
    layer: int = 0


# The slots of a linear layer's step. All layers share them, except where a layer is named.
REST = Slot("inputs without their label part, in the products' type")
REST_PRODUCT = Slot("product of those inputs with the first layer's weights")
ROWS = Slot("inputs of a layer, in the products' type")
PRODUCT = Slot("a product in the products' type, before it is converted")
DELTA = Slot("slopes with respect to the totals")
MOVED = Slot("totals of inputs that were moved")
SLOPES = Slot("slopes with respect to the activities")
INPUT_GRADIENT = Slot("gradient of the inputs")
GRADIENT = Slot("gradient of the weights")
BLOCK = Slot("a block of rows on its way into another type")


class Workspace:
    """Scratch memory for large matrices: a buffer is valid until its slot is taken again.

    In Forward-Forward nothing of a layer's work outlives the layer's own step, so all layers share
    one workspace, and the memory for activities does not grow with depth. Allocating it at every
    step would cost up to a tenth of the step in page faults.

    Set ``debug`` to find code that reads a buffer after its slot was taken again: each `take` then
    returns new memory, and overwrites what the slot held before with NaN.

    Args:
        keep: Whether to reuse memory; if not, `take` always returns new memory.

    >>> workspace, z = Workspace(), Slot("totals")
    >>> workspace.take(z, (2, 3), torch.float32).fill_(1).shape
    torch.Size([2, 3])
    >>> workspace.take(z, (1, 3), torch.float32)
    tensor([[1., 1., 1.]])
    """

    debug = False

    def __init__(self, *, keep: bool = True) -> None:
        self.keep = keep
        self._memory: dict[tuple[Slot, torch.dtype], Tensor] = {}
        self._views: dict[tuple[object, ...], Tensor] = {}
        self._lent: set[tuple[Slot, torch.dtype]] = set()

    def take(
        self, slot: Slot, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device = CPU
    ) -> Tensor:
        """A tensor of unspecified content in a slot's memory.

        Args:
            slot: The slot. In each type it has a buffer of its own.
            shape: Shape of the tensor.
            dtype: Its type.
            device: Its device.

        Returns:
            The tensor; the one taken from this slot before must no longer be in use.
        """
        if not self.keep:
            return torch.empty(shape, dtype=dtype, device=device)
        if self.debug:
            self._release(slot, dtype)
        key = slot, dtype, device, shape
        view = self._views.get(key)
        if view is None:  # nearly every step finds one: making it takes two more calls
            memory = self._enough(slot, math.prod(shape), dtype, device)
            view = self._views[key] = memory.view(shape)
        return view

    @contextmanager
    def lent(self, slot: Slot, memory: Tensor) -> Iterator[None]:
        """Within the block, let a slot use this memory, which must be contiguous."""
        key = slot, memory.dtype
        own, views = self._memory.get(key), self._pop_views(key)
        self._memory[key] = memory.flatten()
        self._lent.add(key)
        try:
            yield
        finally:
            self._lent.discard(key)
            self._pop_views(key)
            self._views |= views
            if own is None:
                del self._memory[key]
            else:
                self._memory[key] = own

    def _release(self, slot: Slot, dtype: torch.dtype) -> None:
        """Fill what a slot holds with NaN and forget it; memory that is lent stays in its place."""
        key = slot, dtype
        if key in self._memory:
            self._memory[key].fill_(torch.nan)
            if key not in self._lent:
                del self._memory[key]
                self._pop_views(key)

    def _enough(self, slot: Slot, count: int, dtype: torch.dtype, device: torch.device) -> Tensor:
        memory = self._memory.get((slot, dtype))
        if memory is None or len(memory) < count or memory.device != device:
            memory = torch.empty(count, dtype=dtype, device=device)
            self._memory[slot, dtype] = memory
            self._pop_views((slot, dtype))  # views of the old memory would keep it alive
        return memory[:count]

    def _pop_views(self, key: tuple[Slot, torch.dtype]) -> dict[tuple[object, ...], Tensor]:
        """Remove the views of one buffer and return them."""
        popped = {view: kept for view, kept in self._views.items() if view[:2] == key}
        self._views = {view: kept for view, kept in self._views.items() if view[:2] != key}
        return popped
