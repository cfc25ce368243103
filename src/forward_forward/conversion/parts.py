"""A module -> its parts in the order they run, each with what it is to a layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torch import nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd

from forward_forward.forward.check import NORMS, weight_layers

Kind = Literal["weights", "norm", "activation", "dropout", "shape"]

ENDS = (nn.Softmax, nn.LogSoftmax)  # what only makes probabilities of a classifier's outputs


@dataclass(frozen=True)
class Part:
    """One module of a model.

    Args:
        name: Where it is in the model, as in its state's keys.
        module: The module itself.
        kind: Whether it holds weights, scales, is elementwise, drops, or changes the shape alone.
    """

    name: str
    module: nn.Module
    kind: Kind

    @property
    def is_nonlinear(self) -> bool:
        """Whether there is more than a product inside, as far as its modules tell."""
        inside = [each for each in self.module.modules() if next(each.children(), None) is None]
        activated = any(_kind(each) == "activation" for each in inside)
        return activated or len(self.weight_layers) > 1

    @property
    def weight_layers(self) -> list[nn.Module]:
        """The modules inside that have weights to learn, norms left out."""
        return weight_layers(self.module)


def parts_of(model: nn.Sequential, before: str = "") -> Iterator[Part]:
    """The modules of a sequence, those of a sequence within it in its place."""
    for name, module in model._modules.items():  # named_children leaves out what comes twice
        if module is None:
            continue
        path = f"{before}{name}"
        if type(module) is nn.Sequential:
            yield from parts_of(module, f"{path}.")
        else:
            yield Part(path, module, _kind(module))


def _kind(module: nn.Module) -> Kind:
    if isinstance(module, NORMS):
        return "norm"
    if isinstance(module, _DropoutNd):
        return "dropout"
    if weight_layers(module):
        return "weights"
    # Any other module without weights is taken to do to a sample what the next layer needs.
    own = type(module).__module__ == "torch.nn.modules.activation" or isinstance(module, nn.PReLU)
    return "activation" if own else "shape"


def is_convolution(module: nn.Module) -> bool:
    """Whether a module is a convolution that takes channels [batch, channels, ...]."""
    return isinstance(module, _ConvNd) and not module.transposed
