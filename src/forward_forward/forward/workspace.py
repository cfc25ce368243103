"""Names and shapes -> memory for a step's large matrices, used again by every layer and step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

CPU = torch.device("cpu")


class Workspace:
    """Memory for large matrices, by name: what is taken stands until the name is taken again.

    Nothing of a layer's work outlives its own step in Forward-Forward, so all layers share one
    room, and the memory for activities does not grow with depth. Asking the system for the memory
    anew would cost up to a tenth of a step in page faults.

    Args:
        keep: Whether to keep the memory; otherwise whatever is taken is new.

    >>> room = Workspace()
    >>> room.take("z", (2, 3), torch.float32).fill_(1).shape
    torch.Size([2, 3])
    >>> room.take("z", (1, 3), torch.float32)
    tensor([[1., 1., 1.]])
    """

    def __init__(self, *, keep: bool = True) -> None:
        self.keep = keep
        self._memory: dict[tuple[str, torch.dtype], Tensor] = {}
        self._views: dict[tuple[object, ...], Tensor] = {}

    def take(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: torch.dtype,
        device: torch.device = CPU,
    ) -> Tensor:
        """A tensor of unknown content.

        Args:
            name: What it is for.
            shape: Its shape.
            dtype: Its type.
            device: Where it is.

        Returns:
            The tensor; the one taken by this name before must no longer be in use.
        """
        if not self.keep:
            return torch.empty(shape, dtype=dtype, device=device)
        key = name, dtype, device, shape
        view = self._views.get(key)
        if view is None:  # in nearly every step there is one: making it takes two calls more
            view = self._views[key] = self._enough(name, math.prod(shape), dtype, device).view(
                shape
            )
        return view

    @contextmanager
    def lent(self, name: str, memory: Tensor) -> Iterator[None]:
        """Meanwhile, let what is taken by a name lie in this memory, which is in one piece."""
        key = name, memory.dtype
        own, views = self._memory.get(key), self._split(key)
        self._memory[key] = memory.flatten()
        try:
            yield
        finally:
            self._split(key)
            self._views |= views
            if own is None:
                del self._memory[key]
            else:
                self._memory[key] = own

    def _enough(self, name: str, count: int, dtype: torch.dtype, device: torch.device) -> Tensor:
        memory = self._memory.get((name, dtype))
        if memory is None or len(memory) < count or memory.device != device:
            memory = torch.empty(count, dtype=dtype, device=device)
            self._memory[name, dtype] = memory
            self._split((name, dtype))  # views of the old memory would keep it alive
        return memory[:count]

    def _split(self, key: tuple[str, torch.dtype]) -> dict[tuple[object, ...], Tensor]:
        """Take out the views of one memory."""
        taken = {view: kept for view, kept in self._views.items() if view[:2] == key}
        self._views = {view: kept for view, kept in self._views.items() if view[:2] != key}
        return taken
