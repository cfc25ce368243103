"""A network -> its copy in float64, with the weights that it has now."""

from __future__ import annotations

import copy
import operator
from dataclasses import dataclass, field
from typing import Any

import torch

from forward_forward.forward import Network


@dataclass
class DoubleCopy:
    """A network's float64 copy, its tensors, and the attributes that the original had."""

    attributes: list[Any] = field(default_factory=list)
    network: Network | None = None
    tensors: list[torch.Tensor] = field(default_factory=list)

    def current(self, network: Network) -> Network:
        """The network in float64: a prediction must not depend on the rest of its batch.

        Its weights are copied for each call, since the network may change between two of them; the
        modules are copied only when one of their attributes was replaced.
        """
        now, tensors = _attributes(network)
        if self.network is None or not self._known(now):
            self.attributes, self.network = now, copy.deepcopy(network).cpu().double().eval()
            self.tensors = _attributes(self.network)[1]
        with torch.no_grad():
            for mine, theirs in zip(self.tensors, tensors, strict=True):
                mine.copy_(theirs)
        return self.network

    def _known(self, now: list[Any]) -> bool:
        return len(now) == len(self.attributes) and all(map(operator.is_, now, self.attributes))


def _attributes(network: Network) -> tuple[list[Any], list[torch.Tensor]]:
    """All attributes of a network's modules, and their parameters and buffers."""
    found: list[Any] = []
    tensors: list[torch.Tensor] = []
    modules: list[torch.nn.Module] = [network]
    for module in modules:  # by hand: `modules()` takes as long as a small layer
        found.extend(vars(module).values())
        for named in (module._parameters, module._buffers):
            tensors.extend(each for each in named.values() if each is not None)
        modules.extend(each for each in module._modules.values() if each is not None)
    return found, tensors
