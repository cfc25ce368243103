"""Weights of a batch's samples [batch] -> each sample's share in the mean over it [batch]."""

from __future__ import annotations

import torch
from torch import Tensor

from forward_forward.forward import Network


class Shares:
    """Makes shares; the equal ones of a batch size are kept for the next batch.

    >>> from forward_forward.forward import mlp
    >>> Shares().of(4, None, mlp(2, 3, num_classes=2))
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def __init__(self) -> None:
        self._equal = torch.empty(0)

    def of(self, batch: int, weight: Tensor | None, network: Network) -> Tensor:
        """Shares on the network's device, in its type.

        Args:
            batch: How many samples there are.
            weight: Their weights [batch], or None for equal ones.
            network: The network.
        """
        device, dtype = network.device, network.dtype
        if weight is not None:
            share = weight.to(device, dtype)
            # Where all weights are 0 there is nothing to learn: no share, rather than 0 / 0.
            return share / share.sum().clamp(min=torch.finfo(dtype).tiny)
        kept = self._equal
        if kept.shape[0] != batch or kept.dtype != dtype or kept.device != device:
            self._equal = torch.full((batch,), 1 / batch, dtype=dtype, device=device)
        return self._equal
