"""A network -> its layers as the C program's tables hold them, weights with the channels last.

What the program cannot compute is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from forward_forward.examples import AppendLabel, NoLabel, OverlayLabel
from forward_forward.export.device.device_layer import (
    Array,
    DeviceLayer,
    NotForDevice,
    Shape,
    refused,
)
from forward_forward.export.device.goals import judge, loss_of, normalized
from forward_forward.export.device.products import IGNORED, follow, parts_of, product_of
from forward_forward.forward import Layer, Network
from forward_forward.forward.combination import WeightedLayers


def layers_of(
    network: Network, shape: Sequence[int], spare: int = 0, backprop: bool = False
) -> list[DeviceLayer]:
    """The layers of a trained network, for samples of a shape.

    Args:
        network: The network.
        shape: Shape of one sample: [features], [height, width] or [channels, height, width].
        spare: Classes to be learned later, which get a read-out too.
        backprop: Whether a single loss trains all layers.

    Raises:
        NotForDevice: A part of the network is not among those that the C program knows.
    """
    examples = network.examples
    if type(examples) not in (NoLabel, AppendLabel, OverlayLabel):
        raise refused("examples", examples, "NoLabel, AppendLabel or OverlayLabel")
    if network.reading != "goodness":
        raise NotForDevice(
            "the C program reads labels from goodness, but this network reads its softmax head:"
            " export a network with reading='goodness'"
        )
    if network.views is not None:
        raise refused("views", network.views, "none (--set views=none)")
    if network.combination is not None and not isinstance(network.combination, WeightedLayers):
        raise refused("readout", network.combination, 'a range of layers, "auto" or "weighted"')
    if spare and not isinstance(examples, NoLabel):
        raise NotForDevice("spare classes need layers that answer for every class (NoLabel)")
    below = map_of(shape)
    found = []
    first, stop = network.readout
    for index, layer in enumerate(network.layers):
        where = f"layer {index + 1}"
        try:
            made = _layer(layer, below, examples.num_classes, spare)
        except NotForDevice as error:
            raise NotForDevice(f"{where}: {error}") from None
        made.fields["counted"] = int(first <= index < stop)
        weights = network.combination.weights if network.combination is not None else None
        made.fields["share"] = 1.0 if weights is None else float(weights[index])
        if backprop and index + 1 < len(network.layers):
            made.fields |= {"goodness": "FF_NO_GOODNESS", "counted": 0}
            made.readout = made.readout[:0]
        if backprop and (made["residual"] or not isinstance(examples, NoLabel)):
            raise NotForDevice(f"{where}: backpropagation in C knows no residual or labelled input")
        if index == 0 and isinstance(examples, AppendLabel | OverlayLabel):
            _place_label(made, examples)
        found.append(made)
        below = made.out
    return found


def map_of(shape: Sequence[int]) -> Shape:
    """A sample's shape as a map."""
    if len(shape) == 1:
        return shape[0], 1, 1
    if len(shape) == 2:
        return 1, shape[0], shape[1]
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    raise NotForDevice(f"expected samples [features] or pictures, got samples of {list(shape)}")


def channels_last(samples: Tensor) -> Array:
    """Samples [n, *shape] as rows [n, values] in the program's order."""
    shape: Shape = map_of(samples.shape[1:])
    placed: Array = samples.reshape(-1, *shape).permute(0, 2, 3, 1).flatten(1).numpy()
    return placed


def _place_label(made: DeviceLayer, examples: AppendLabel | OverlayLabel) -> None:
    """Where the first layer of a two-pass network finds the label among its inputs."""
    classes = examples.num_classes
    width = made.weights.shape[1]
    if isinstance(examples, AppendLabel):
        place = {"input_at": 0, "input_skip": 0, "label_at": width - classes}
    else:
        place = {"input_at": classes, "input_skip": classes, "label_at": 0}
    made.fields |= {**place, "input_count": width - classes, "strength": examples.strength}


def _layer(layer: Layer, below: Shape, classes: int, spare: int) -> DeviceLayer:
    """A layer on maps of a shape."""
    parts = [*parts_of(layer.block), *([] if layer.activation is None else [layer.activation])]
    product = [each for each in parts if isinstance(each, nn.Linear | nn.Conv2d)]
    if len(product) != 1:
        raise NotForDevice(f"expected one linear or convolutional part, got {len(product)}")
    made = product_of(product[0], below)
    made.fields |= normalized(layer) | loss_of(layer) | {"residual": int(layer.residual)}
    follow(made, parts[parts.index(product[0]) + 1 :])
    before = [each for each in parts[: parts.index(product[0])] if not isinstance(each, IGNORED)]
    if before:
        raise refused("a block's first part", before[0], "a linear or convolutional part")
    if made["residual"] and (made["normalize"] == "FF_CLASS_GROUPS" or made.out != below):
        raise NotForDevice("a residual layer needs maps of one shape and no normalised groups")
    judge(made, layer, classes, spare)
    if layer.terms or layer.adversarial or layer.dropout or layer.peer is not None:
        made.notes.append(
            "learns on the device by its loss alone, without the further terms, dropout, peer"
            " normalisation or adversarial step of its training"
        )
    return made
