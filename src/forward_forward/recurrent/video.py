"""Inputs of a batch, shown repeatedly -> states [variants * batch, units] of every layer.

The image and the label do not change, so their contribution to the units is computed once: an
iteration needs only the products between hidden layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor, nn

from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities, fused_activation
from forward_forward.forward.affine import Affine, divisor_of
from forward_forward.forward.layer import Layer
from forward_forward.forward.operands import operand_of
from forward_forward.forward.workspace import Slot, Workspace
from forward_forward.recurrent.checks import LabelPlace, TopDown, Update


class VideoNetwork(Protocol):
    """The part of a `RecurrentNetwork` that a video needs; its attributes are described there."""

    layers: list[Layer]
    feedback: list[nn.Linear]
    label_map: nn.Linear | None
    label: LabelPlace
    top_down: TopDown
    update: Update
    damping: float

    @property
    def bottom_up(self) -> list[nn.Linear]:
        """The layers' maps from below, lowest first."""


class Video:
    """A batch and the states of the layers, from the bottom-up pass on.

    Args:
        network: The network; its weights must not change while the video runs.
        inputs: Variants of the batch.
        workspace: Memory for the states, which each iteration overwrites.

    ``states`` are the states before normalisation; ``read`` the normalised ones that the neighbours
    read, None for a layer that no other reads.
    """

    def __init__(self, network: VideoNetwork, inputs: Inputs, workspace: Workspace) -> None:
        self.network = network
        self.inputs = inputs
        self.workspace = workspace
        self.layers = list(network.layers)
        self.top = len(self.layers) - 1
        self.image = operand_of(Affine(self.layers[0], None, workspace), _image(network, inputs))
        self.states: list[Tensor] = []
        self.activities: list[Activities] = []
        self.read: list[Tensor | None] = []
        self.groups = _groups(network.update, len(self.layers))
        self._constant = [self._constant_drive(index) for index in range(len(self.layers))]
        self._begin()

    @property
    def label_patterns(self) -> Tensor:
        """Label patterns [patterns, classes], scaled as the last layer reads them."""
        patterns = self.inputs.patterns
        return patterns * math.sqrt(patterns.shape[1])

    def iterate(self, move: Callable[[int, Tensor], None] | None = None) -> None:
        """Run one iteration, which updates every layer's state once.

        Args:
            move: Updates the state of a layer, given its index and its total inputs
                [variants * batch, units], which it may overwrite; `settle` by default.
        """
        for group in self.groups:
            for index in group:
                (move or self.settle)(index, self.total(index))
            for index in group:  # only now: layers of a group read each other's old states
                self._normalize(index)

    def settle(self, index: int, z: Tensor) -> None:
        """Update a layer's state from total inputs [variants * batch, units]."""
        self.moved(index, activated(self.layers[index], z))

    def moved(self, index: int, activity: Tensor) -> Activities:
        """Set a layer's state to ``damping h + (1 - damping) a`` for its new activity a."""
        state = self.states[index].lerp_(activity, 1 - self.network.damping)
        self.activities[index] = Activities(state)
        return self.activities[index]

    def rate(self, index: int) -> Tensor:
        """Goodness [variants * batch] of a layer's state."""
        return self.layers[index].rate(self.activities[index])

    def total(self, index: int) -> Tensor:
        """Total inputs [variants * batch, units] of a layer, from its neighbours' states.

        They are valid until the next call for a layer with as many units.
        """
        below, above = self.neighbours(index)
        constant = self._constant[index]
        out = self.workspace.take(
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
        """States that a layer reads from the hidden layers below and above; None without one."""
        below = self.read[index - 1] if index else None
        above = self.read[index + 1] if index < len(self.network.feedback) else None
        return below, above

    @property
    def _rows(self) -> int:
        return self.inputs.index.numel()

    def _units(self, index: int) -> int:
        return self.network.bottom_up[index].out_features

    def _constant_drive(self, index: int) -> Tensor:
        """Input from image, label and biases: [rows, units], or the biases alone [units]."""
        bias = self.network.bottom_up[index].bias.detach()
        drive = self.image.totals() if index == 0 else bias
        label_map = self.network.label_map
        if index < self.top or label_map is None:
            return drive
        by_pattern = self.label_patterns @ label_map.weight.detach().t()
        if index:  # cheaper to add the biases to the few patterns than to all rows
            return (by_pattern + bias)[self.inputs.index.flatten()]
        return drive + by_pattern[self.inputs.index.flatten()]

    def _begin(self) -> None:
        """Run the bottom-up pass, without input from the hidden layers above."""
        for index, layer in enumerate(self.layers):
            constant = self._constant[index]
            shape = self._rows, self._units(index)
            state = self.workspace.take(
                Slot("state", index), shape, constant.dtype, constant.device
            )
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
        """Update what the neighbours read of a layer's state."""
        if index == self.top and not self.network.feedback:
            return
        normalize, state = self.layers[index].normalize, self.states[index]
        divisor = divisor_of(normalize)
        if divisor is None:
            # A user's normalisation, or none, may return the state's own memory.
            self.read[index] = state.clone() if normalize is None else normalize(state.clone())
            return
        factor = divisor(self.activities[index].length, state.shape[1]).reciprocal_()
        out = self.workspace.take(
            Slot("read", index), tuple(state.shape), state.dtype, state.device
        )
        self.read[index] = torch.mul(state, factor[:, None], out=out)


def activated(layer: Layer, z: Tensor) -> Tensor:
    """A layer's activities for total inputs [rows, units], in place if the activation allows."""
    activation = fused_activation(layer.activation)
    return layer.activate(z) if activation is None else activation.in_place(z)


def _image(network: VideoNetwork, inputs: Inputs) -> Inputs:
    """The first layer's inputs: without the label, if that is at the top."""
    if network.label == "image":
        return inputs
    if not inputs.appended:
        raise ValueError(
            'label="top" requires inputs whose label part follows the image, got one at column'
            f" {inputs.start}: create them with the network's own examples"
        )
    return replace(inputs, patterns=inputs.patterns[:, :0])


def _groups(update: Update, layers: int) -> Sequence[range]:
    """Indices of the layers updated together: layers 2, 4, ... have odd indices."""
    if update == "synchronous":
        return [range(layers)]
    return [range(1, layers, 2), range(0, layers, 2)]
