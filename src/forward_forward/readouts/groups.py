"""Activities [batch, *feature] -> goodness of every class, the mean of its own channels."""

from __future__ import annotations

import torch
from torch import nn

from forward_forward.readouts.readout import Readout


class ChannelGroups(Readout):
    """The mean, or mean square, of the channels that belong to each class.

    The channels (the units of a linear layer) are divided, in order, into one group per class; the
    sizes of the groups differ by one at most.

    Args:
        num_classes: Number of classes.
        units: Channels; None for those of the layer it is given to.
        squared: Whether to average the squares of the activities.

    Raises:
        ValueError: Fewer channels than classes.

    References:
        CwComp (AAAI 2024), which averages squares; DeeperForward (ICLR 2025), which averages
        activities.

    >>> ChannelGroups(num_classes=2, units=4)(torch.tensor([[1.0, 3.0, 0.0, 8.0]]))
    tensor([[2., 4.]])
    """

    def __init__(self, num_classes: int, units: int | None = None, squared: bool = False) -> None:
        super().__init__(num_classes, units, squared=squared)
        averages = None
        if units is not None:
            if units < num_classes:
                raise ValueError(
                    f"ChannelGroups expects at least one channel per class, got {units} channels"
                    f" for {num_classes} classes: use a wider layer"
                )
            group = torch.arange(units) * num_classes // units
            members = nn.functional.one_hot(group, num_classes).t().float()
            averages = members / members.sum(1, keepdim=True)
        self.register_buffer("weight", averages, persistent=False)

    def sized(self, units: int) -> ChannelGroups:
        return ChannelGroups(self.num_classes, units, self.squared)
