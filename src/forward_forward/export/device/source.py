"""Layers and sizes -> the text of the C program: tables, then the runtime."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np

from forward_forward.export.device.device_layer import Array, DeviceLayer, Fields
from forward_forward.export.device.sizes import BITS, Numbers, Sizes, biases_of, weights_of

RUNTIME = (
    "types",
    "state",
    "arithmetic",
    "forward",
    "loss",
    "learn",
    "backprop",
    "interface",
    "storage",
)
HEADROOM = 2.0  # how far an integer weight may grow beyond the largest of its row


@dataclass(frozen=True)
class Scaling:
    """How a raw value becomes an input: ``(value - shift) * factor``, one number or one each."""

    shift: Array
    factor: Array

    @property
    def needed(self) -> bool:
        return bool((self.shift != 0).any() or (self.factor != 1).any())


def part(name: str) -> str:
    """A file of the runtime."""
    return (files("forward_forward.export.device") / "runtime" / f"{name}.c").read_text()


def program(
    layers: Sequence[DeviceLayer],
    sizes: Sizes,
    scaling: Scaling,
    names: Sequence[str],
    *,
    rate: float,
    pixels: bool,
    about: str,
) -> str:
    """The C source that goes with the header.

    Args:
        layers: The layers.
        sizes: The sizes of its memory.
        scaling: Of the input.
        names: Of all classes.
        rate: Learning rate at the start.
        pixels: Whether a sample's values are bytes.
        about: What identifies the model; what was saved of another is not loaded.
    """
    read = max(index + 1 for index, each in enumerate(layers) if each["counted"])
    activations = {each["activation"] for each in layers}
    macros = {
        "FF_NUMBERS": BITS[sizes.numbers],
        "FF_BACKPROP": int(sizes.backprop),
        "FF_TWO_PASS": int(sizes.two_pass),
        "FF_MAPS": int(sizes.maps),
        "FF_MAX_POOLED": int(sizes.max_pooled),
        "FF_GROUP_NORM": int(any(each["groups"] for each in layers)),
        "FF_SMOOTH": int(bool(activations & {"FF_TANH", "FF_SIGMOID", "FF_GELU", "FF_SILU"})),
        "FF_INPUT_IS_FLOAT": int(not pixels),
        "FF_FRONT_HOLDS_INPUT": int(sizes.scaled),
        "FF_READ": f"{read}u",
        "FF_GROUPS": f"{len(names)}u",
        "FF_HUGE": "1e18f",
        "FF_RATE": _number(rate),
        "FF_MODEL": f"0x{zlib.crc32(about.encode()):08x}u",
        "FF_SCALED(value, i)": _scaled(scaling),
        **{name: f"{size}u" for name, size in sizes.macros.items()},
    }
    lines = [
        '#include "ff_model.h"',
        "",
        "#include <math.h>",
        "#include <stddef.h>",
        "",
        *(f"#define {name} {value}" for name, value in macros.items()),
        "",
        part("types"),
        f"static const char *const ff_names[] = {{{', '.join(map(_quoted, names))}}};",
        *_scaling_tables(scaling),
        *_tables(layers, sizes),
    ]
    return "\n".join([*lines, *map(part, RUNTIME[1:])])


def _scaled(scaling: Scaling) -> str:
    if scaling.shift.size == 1:
        shift, factor = float(scaling.shift[0]), float(scaling.factor[0])
        value = "(value)" if shift == 0 else f"((value) - {_number(shift)})"
        return f"((void)(i), {value} * {_number(factor)})"
    return "(((value) - ff_input_shift[i]) * ff_input_factor[i])"


def _scaling_tables(scaling: Scaling) -> Iterator[str]:
    if scaling.shift.size > 1:
        yield _array("float", "ff_input_shift", scaling.shift)
        yield _array("float", "ff_input_factor", scaling.factor)


def _tables(layers: Sequence[DeviceLayer], sizes: Sizes) -> Iterator[str]:
    """The weights of all layers, and their descriptions."""
    rows = []
    for index, (layer, fields) in enumerate(zip(layers, placed(layers), strict=True)):
        blocks = [layer.weights, layer.readout.T]
        scales = [scales_of(block, sizes.numbers, learns=bool(layer["learns"])) for block in blocks]
        grids = [quantised(*each, sizes.numbers) for each in zip(blocks, scales, strict=True)]
        numbers = np.concatenate([grids[0].ravel(), grids[1].T.ravel()])
        kind = {"float32": "float", "int16": "int16_t", "int8": "int8_t"}[sizes.numbers]
        yield _array(kind, f"ff_weights_{index}", numbers)
        yield _array("float", f"ff_biases_{index}", layer.biases)
        names: dict[str, Any] = {
            "weights": f"ff_weights_{index}",
            "biases": f"ff_biases_{index}",
            "scales": "0",
        }
        if sizes.numbers != "float32":
            yield _array("float", f"ff_scales_{index}", np.concatenate(scales))
            names["scales"] = f"ff_scales_{index}"
        texts = [f".{name} = {_field(value)}" for name, value in {**fields, **names}.items()]
        rows.append("    {" + ",\n     ".join(texts) + "}")
    yield "static const ff_layer ff_layers[FF_LAYERS] = {\n" + ",\n".join(rows) + "};\n"


def placed(layers: Sequence[DeviceLayer]) -> Iterator[Fields]:
    """The fields of each layer's C structure, with the places of its parts among all layers'."""
    ram_weight = ram_bias = output = 0
    for layer in layers:
        yield {
            **layer.fields,
            **dict(zip(("channels", "height", "width"), layer.out, strict=True)),
            "fan_in": layer.weights.shape[1],
            "readout_at": layer.weights.size,
            "weight_count": weights_of(layer),
            "bias_count": biases_of(layer),
            "ram_weight": ram_weight,
            "ram_bias": ram_bias,
            "output_at": output,
        }
        if layer["learns"]:
            ram_weight += weights_of(layer)
            ram_bias += biases_of(layer)
        output += int(np.prod(layer.out))


def scales_of(block: Array, numbers: Numbers, *, learns: bool) -> Array:
    """The step of the grid of each row of weights [rows]; ones for float32.

    A row of zeros, such as of a class to come, gets the largest step of the others.
    """
    if numbers == "float32" or not block.size:
        return np.ones(len(block), np.float32)
    largest = np.abs(block).max(1)
    room = HEADROOM if learns and numbers == "int16" else 1.0
    steps = largest * room / (2 ** (BITS[numbers] - 1) - 1)
    fallback = steps.max() or 1 / (2 ** (BITS[numbers] - 1) - 1)
    found: Array = np.where(steps > 0, steps, fallback).astype(np.float32)
    return found


def quantised(block: Array, scales: Array, numbers: Numbers) -> np.ndarray[Any, Any]:
    """Weights [rows, columns] on the grids of their rows; as they are for float32."""
    if numbers == "float32" or not block.size:
        return block
    limit = 2 ** (BITS[numbers] - 1) - 1
    grid: np.ndarray[Any, Any] = np.rint(block / scales[:, None]).clip(-limit, limit)
    return grid.astype(np.int64)


def _field(value: object) -> str:
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    """A float32 of C that reads back as the same bits."""
    text = f"{value:.9g}"
    return f"{text}f" if any(sign in text for sign in ".en") else f"{text}.0f"


def _quoted(text: str) -> str:
    """A string of C, in UTF-8 bytes that no compiler reads otherwise."""
    plain = [
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    ]
    return '"' + "".join(plain) + '"'


def _array(kind: str, name: str, values: np.ndarray[Any, Any]) -> str:
    """A constant array; of no values, one that is never read."""
    values = values.ravel() if values.size else np.zeros(1, np.float32)
    texts = [_number(float(x)) if kind == "float" else str(int(x)) for x in values]
    rows = (", ".join(texts[at : at + 10]) for at in range(0, len(texts), 10))
    return f"static const {kind} {name}[{len(texts)}] = {{\n    " + ",\n    ".join(rows) + "};\n"


def filled(name: str, values: Mapping[str, Any]) -> str:
    """A template of the folder, with its values."""
    from jinja2 import Environment, StrictUndefined

    text = (files("forward_forward.export.device") / "templates" / name).read_text()
    made = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return made.from_string(text, globals=dict(values)).render()
