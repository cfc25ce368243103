"""Layers -> the sizes of the C program's memory, and its bytes and multiply-accumulates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from forward_forward.export.device.device_layer import DeviceLayer

Numbers = Literal["float32", "int16", "int8"]
BITS: dict[Numbers, int] = {"float32": 0, "int16": 16, "int8": 8}  # of FF_NUMBERS
BYTES: dict[Numbers, int] = {"float32": 4, "int16": 2, "int8": 1}
assert get_args(Numbers) == tuple(BITS)


@dataclass(frozen=True)
class Sizes:
    """The sizes of an export's memory.

    Args:
        layers: The layers.
        inputs: Values of a sample.
        classes: Labels, including spare ones.
        numbers: Type of the weights.
        backprop: Whether the layers are trained by backpropagation.
        two_pass: Whether the first layer is shown each label in turn.
        scaled: Whether the input is scaled, and so copied.
    """

    layers: Sequence[DeviceLayer]
    inputs: int
    classes: int
    numbers: Numbers
    backprop: bool
    two_pass: bool
    scaled: bool

    def outputs(self, parity: int) -> int:
        """The most activities of a layer with an even or an odd number."""
        return max((math.prod(each.out) for each in self.layers[parity::2]), default=0)

    @property
    def macros(self) -> dict[str, int]:
        """The sizes of the program's arrays, by the names of its macros."""
        layers = self.layers
        held = self.inputs if self.scaled and not self.two_pass else 0
        learning = [each for each in layers if each["learns"]]
        return {
            "FF_HELD": held,
            "FF_FRONT": max(held, self.outputs(1)),
            "FF_BACK": self.outputs(0),
            "FF_OUTPUTS": sum(math.prod(each.out) for each in layers),
            "FF_WIDEST": max(math.prod(each.out) for each in layers),
            "FF_WIDEST_INPUT": max(int(each["input_count"]) for each in layers),
            "FF_MOST_VALUES": max(
                each.out[0] * int(each["grid_height"]) * int(each["grid_width"]) for each in layers
            ),
            "FF_FIRST_UNITS": len(layers[0].weights),
            "FF_POSITIONS": max(math.prod(each.out[1:]) for each in layers),
            "FF_ALL_WEIGHTS": sum(map(weights_of, learning)) or 1,
            "FF_ALL_BIASES": sum(map(biases_of, learning)) or 1,
            "FF_MOST_WEIGHTS": max(map(weights_of, learning), default=1),
            "FF_MOST_BIASES": max(map(biases_of, learning), default=1),
        }

    @property
    def maps(self) -> bool:
        """Whether a layer is convolutional."""
        return any(
            each["in_height"] * each["in_width"] * math.prod(each.out[1:]) * each["pool"] > 1
            for each in self.layers
        )

    @property
    def max_pooled(self) -> bool:
        """Whether a layer has max pooling."""
        return any(each["pooling"] == "FF_MAX_POOL" for each in self.layers)

    def ram(self, learn: Literal["no", "whole", "layer"]) -> dict[str, int]:
        """Bytes of static memory to predict, or to learn: all layers, or one at a time.

        Returns:
            ``weights``, ``other`` (the buffers and the state) and ``total``.
        """
        sizes = self.macros
        state = 8 * len(self.layers) + 4 + 8 + _padded(self.classes) + 4
        learns = learn != "no"
        kept = self.backprop and learns
        floats = sizes["FF_HELD"] if kept else max(sizes["FF_FRONT"], 1)
        floats += sizes["FF_OUTPUTS"] + 2 * sizes["FF_WIDEST"] if kept else sizes["FF_BACK"]
        other = 0
        if self.maps:
            floats += sizes["FF_MOST_VALUES"]
        if self.max_pooled and learns:
            other += _padded(sizes["FF_OUTPUTS"] if kept else sizes["FF_WIDEST"])
        if self.numbers == "int8":
            other += _padded(sizes["FF_WIDEST_INPUT"])
        if self.two_pass:
            floats += sizes["FF_FIRST_UNITS"] + (self.inputs if self.scaled else 0)
            if learns:
                floats += max(sizes["FF_FRONT"], 1) + sizes["FF_BACK"]
        weights = 0
        if learns:
            floats += sizes["FF_POSITIONS"] if self.maps and not self.two_pass else 0
            which = "FF_ALL" if learn == "whole" else "FF_MOST"
            weights = _padded(sizes[f"{which}_WEIGHTS"] * BYTES[self.numbers])
            weights += 4 * sizes[f"{which}_BIASES"]
        return {
            "weights": weights,
            "other": state + other + 4 * floats,
            "total": weights + state + other + 4 * floats,
        }

    @property
    def flash(self) -> int:
        """Bytes of the weights and tables in flash, without the program."""
        each = BYTES[self.numbers]
        scales = 0 if self.numbers == "float32" else 1
        return sum(
            each * weights_of(layer)
            + 4 * biases_of(layer)
            + 4 * scales * (len(layer.weights) + (self.classes if layer.readout.size else 0))
            for layer in self.layers
        )

    def products(self) -> dict[str, int]:
        """Multiply-accumulates of a prediction and of a learning step, all layers.

        A local layer needs the product and its weights' step; backpropagation also the slope of
        each layer's input, but for the first.
        """
        shared = self.layers[0].products if self.two_pass else 0
        passes = self.classes if self.two_pass else 1
        forward = sum(each.products for each in self.layers) - shared
        read = sum(each.readout.size for each in self.layers)
        last = max(index for index, each in enumerate(self.layers) if each["counted"])
        below = self.layers[: last + 1]  # a prediction stops at the last layer that is read
        predict = shared + passes * (sum(each.products for each in below) - shared)
        predict += sum(each.readout.size for each in below)
        pairs = 2 if self.two_pass else 1
        learn = shared + pairs * forward + pairs * sum(each.products for each in self.layers)
        learn += 3 * read
        if self.backprop:
            learn += sum(each.products for each in self.layers[1:])
        return {"predict": predict, "learn": learn}

    def report(self) -> dict[str, Any]:
        """Bytes and multiply-accumulates, for export.json."""
        layer = {} if self.backprop else {"ram_to_learn_a_layer": self.ram("layer")}
        return {
            "flash_for_weights": self.flash,
            "ram_to_predict": self.ram("no"),
            "ram_to_learn": self.ram("whole"),
            **layer,
            "multiply_accumulates": self.products(),
        }


def _padded(size: int) -> int:
    """Bytes with those that keep the next array at a multiple of four."""
    return (size + 3) // 4 * 4


def weights_of(layer: DeviceLayer) -> int:
    """Weights of a layer and its read-out."""
    return layer.weights.size + layer.readout.size


def biases_of(layer: DeviceLayer) -> int:
    """Biases of a layer."""
    return len(layer.biases)


def lines(report: Mapping[str, Any]) -> dict[str, int]:
    """The figures of a report by what a person calls them."""
    learn = report["multiply_accumulates"]
    found = {
        "flash for weights, bytes": report["flash_for_weights"],
        "RAM to predict, bytes": report["ram_to_predict"]["total"],
        "RAM to learn, bytes": report["ram_to_learn"]["total"],
        "  of it beyond the weights": report["ram_to_learn"]["other"],
        "multiply-accumulates to predict": learn["predict"],
        "multiply-accumulates to learn": learn["learn"],
    }
    if "ram_to_learn_a_layer" in report:
        found["RAM to learn layer by layer, bytes"] = report["ram_to_learn_a_layer"]["total"]
    return found
