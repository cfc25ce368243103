"""A layer's activities [rows, *feature] -> the same with their length, found once for all uses."""

from __future__ import annotations

from torch import Tensor

from forward_forward.goodness import length_of


class Activities:
    """What a layer gives: its activities, and on demand their length.

    The length serves a radial goodness and the normalisation of the next layer alike.

    Args:
        h: Activities [rows, *feature].
        length: Their length [rows], where it is known.

    >>> import torch
    >>> Activities(torch.tensor([[3.0, 4.0]])).length
    tensor([5.])
    """

    def __init__(self, h: Tensor, length: Tensor | None = None) -> None:
        self.h = h
        self._length = length

    @property
    def length(self) -> Tensor:
        """L2 norm of each row [rows], found at the first call, while ``h`` still stands."""
        if self._length is None:
            self._length = length_of(self.h)
        return self._length
