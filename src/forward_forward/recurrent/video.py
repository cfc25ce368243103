"""Inputs of a batch, shown again and again -> states [variants * batch, units] of every layer.

The image and the label do not change, so that what they send to the units is computed once: the
products of an iteration are those between hidden layers alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from forward_forward.examples import Inputs
from forward_forward.forward.activation import fused_activation
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import Affine, divisor_of
from forward_forward.forward.layer import Layer
from forward_forward.forward.operands import operand_of
from forward_forward.forward.workspace import Slot, Workspace

if TYPE_CHECKING:
    from forward_forward.recurrent.network import RecurrentNetwork


class Video:
    """A batch and the states that the layers are in, from the bottom-up pass on.

    Args:
        network: The network; its weights must stay as they are meanwhile.
        inputs: Variants of the batch.
        room: Memory for the states, which are overwritten by each iteration.

    ``states`` are those before normalisation, ``read`` what the neighbours read: the states
    normalised, and None where no layer reads them.
    """

    def __init__(self, network: RecurrentNetwork, inputs: Inputs, room: Workspace) -> None:
        self.network = network
        self.inputs = inputs
        self.room = room
        self.layers = list(network.layers)
        self.top = len(self.layers) - 1
        self.image = operand_of(Affine(self.layers[0], None, room), _seen_below(network, inputs))
        self.states: list[Tensor] = []
        self.activities: list[Activities] = []
        self.read: list[Tensor | None] = []
        self.groups = _groups(network.update, len(self.layers))
        self._constant = [self._constant_drive(index) for index in range(len(self.layers))]
        self._begin()

    @property
    def label_patterns(self) -> Tensor:
        """Label patterns [patterns, classes] as the last layer reads them from the top."""
        patterns = self.inputs.patterns
        return patterns * math.sqrt(patterns.shape[1])

    def iterate(self, move: Callable[[int, Tensor], None] | None = None) -> None:
        """One iteration: every layer's state moves once.

        Args:
            move: What moves the state of a layer, given its index and its units' total inputs
                [variants * batch, units], which it may overwrite; by default `settle` does.
        """
        for group in self.groups:
            for index in group:
                (move or self.settle)(index, self.total(index))
            for index in group:  # only now: the layers of a group do not see each other's news
                self._normalize(index)

    def settle(self, index: int, z: Tensor) -> None:
        """Move a layer's state by total inputs [variants * batch, units]."""
        self.moved(index, activated(self.layers[index], z))

    def moved(self, index: int, activity: Tensor) -> Activities:
        """The state ``damping h + (1 - damping) a`` of a layer, for its new activity a."""
        state = self.states[index].lerp_(activity, 1 - self.network.damping)
        self.activities[index] = Activities(state)
        return self.activities[index]

    def rate(self, index: int) -> Tensor:
        """Goodness [variants * batch] of a layer's state."""
        return self.layers[index].rate(self.activities[index])

    def total(self, index: int) -> Tensor:
        """Total inputs [variants * batch, units] of a layer's units, from what its neighbours show.

        They stand until they are asked for again, of any layer of as many units.
        """
        below, above = self.neighbours(index)
        constant = self._constant[index]
        out = self.room.take(
            Slot("total"), (self._rows, self._units(index)), constant.dtype, constant.device
        )
        if below is None:
            if above is None:
                return out.copy_(constant)
            return torch.addmm(constant, above, self.network.feedback[index].weight.t(), out=out)
        torch.addmm(constant, below, self.network.bottom_up[index].weight.t(), out=out)
        if above is not None:
            out.addmm_(above, self.network.feedback[index].weight.t())
        return out

    def neighbours(self, index: int) -> tuple[Tensor | None, Tensor | None]:
        """What a layer reads of the hidden layers below and above it, each None where none is."""
        below = self.read[index - 1] if index else None
        above = self.read[index + 1] if index < len(self.network.feedback) else None
        return below, above

    @property
    def _rows(self) -> int:
        return self.inputs.index.numel()

    def _units(self, index: int) -> int:
        return self.network.bottom_up[index].out_features

    def _constant_drive(self, index: int) -> Tensor:
        """What reaches a layer from image, label and biases: [rows, units], or the biases alone."""
        bias = self.network.bottom_up[index].bias.detach()
        drive = self.image.totals() if index == 0 else bias
        label_map = self.network.label_map
        if index < self.top or label_map is None:
            return drive
        by_pattern = self.label_patterns @ label_map.weight.detach().t()
        if index:  # few rows: to add the biases before they are looked up is cheaper
            return (by_pattern + bias)[self.inputs.index.flatten()]
        return drive + by_pattern[self.inputs.index.flatten()]

    def _begin(self) -> None:
        """The bottom-up pass: nothing comes from the hidden layers above yet."""
        for index, layer in enumerate(self.layers):
            constant = self._constant[index]
            shape = self._rows, self._units(index)
            state = self.room.take(Slot("state", index), shape, constant.dtype, constant.device)
            below = self.read[index - 1] if index else None
            if below is None:
                state.copy_(constant)
            else:
                torch.addmm(constant, below, self.network.bottom_up[index].weight.t(), out=state)
            activity = activated(layer, state)
            if activity is not state:
                state.copy_(activity)
            self.states.append(state)
            self.activities.append(Activities(state))
            self.read.append(None)
            self._normalize(index)

    def _normalize(self, index: int) -> None:
        """Show the neighbours a layer's newest state."""
        if index == self.top and not self.network.feedback:
            return
        normalize, state = self.layers[index].normalize, self.states[index]
        divisor = divisor_of(normalize)
        if divisor is None:
            # A normalisation of the user's own, or none, may return the state's own memory.
            self.read[index] = state.clone() if normalize is None else normalize(state.clone())
            return
        factor = divisor(self.activities[index].length, state.shape[1]).reciprocal_()
        out = self.room.take(Slot("read", index), tuple(state.shape), state.dtype, state.device)
        self.read[index] = torch.mul(state, factor[:, None], out=out)


def activated(layer: Layer, z: Tensor) -> Tensor:
    """A layer's activities for total inputs [rows, units], in their memory where that is known."""
    activation = fused_activation(layer.activation)
    return layer.activate(z) if activation is None else activation.in_place(z)


def _seen_below(network: RecurrentNetwork, inputs: Inputs) -> Inputs:
    """The inputs as the first layer gets them: without the label, if that is given at the top."""
    if network.label == "image":
        return inputs
    if not inputs.appended:
        raise ValueError(
            'label="top" expects inputs whose label part follows the image, got one at column'
            f" {inputs.start}: make them by the network's own examples"
        )
    return replace(inputs, patterns=inputs.patterns[:, :0])


def _groups(update: str, layers: int) -> Sequence[range]:
    """Layers that move together, by index: layers 2, 4, ... are those of odd index."""
    if update == "synchronous":
        return [range(layers)]
    return [range(1, layers, 2), range(0, layers, 2)]
