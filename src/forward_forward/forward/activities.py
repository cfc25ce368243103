"""A layer's activities [rows, *feature] -> the same with their lengths, computed once."""

from __future__ import annotations

from torch import Tensor

from forward_forward.goodness import length_of


class Activities:
    """A layer's activities and, on demand, the length of each row.

    Both a radial goodness and the normalisation of the next layer use the length.

    Args:
        h: Activities [rows, *feature].
        length: Their lengths [rows], if known.

    >>> import torch
    >>> Activities(torch.tensor([[3.0, 4.0]])).length
    tensor([5.])
    """

    def __init__(self, h: Tensor, length: Tensor | None = None) -> None:
        self.h = h
        self._length = length

    @property
    def length(self) -> Tensor:
        """L2 norm of each row [rows], computed at first use, while the buffer of ``h`` is valid."""
        if self._length is None:
            self._length = length_of(self.h)
        return self._length
