"""Layers -> the block of memory that the kernel reads: structures, weights, then room to compute.

The structures are those of ``runtime/types.c`` and ``kernel/kernel.c``, read from their text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from forward_forward.export.device.device_layer import Array, DeviceLayer, NotForDevice
from forward_forward.export.device.kernel import BLOCK, source_text
from forward_forward.export.device.sizes import Sizes
from forward_forward.export.device.source import Scaling, part, placed

MOST_LAYERS, MOST_CLASSES = 32, 256  # of kernel.c
KINDS = {"uint32_t": "<u4", "uint8_t": "u1", "float": "<f4"}
MEMBER = re.compile(r"^ *(?:const )?(\w+) ([^;()]+);", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A network in the kernel's memory.

    Args:
        head: Its first bytes: the structures, and the scaling.
        weights: What follows them, float32.
        inputs: Values of a sample.
        size: Bytes of the whole block, with the room to compute in.
        sample: Address of the sample that the kernel is given.
        answer: Address of what it answers.
    """

    head: bytes
    weights: Array
    inputs: int
    size: int
    sample: int
    answer: int


def block_of(
    layers: Sequence[DeviceLayer], sizes: Sizes, scaling: Scaling, *, spare: int, rate: float
) -> Block:
    """Lay out the memory of a network.

    Args:
        layers: The layers.
        sizes: The sizes of its buffers; its input must be counted as scaled.
        scaling: Of the input.
        spare: Classes, the last ones, that are unknown at first.
        rate: Learning rate at the start.

    Raises:
        NotForDevice: There are more layers or classes than the kernel has room for.
    """
    if len(layers) > MOST_LAYERS or sizes.classes > MOST_CLASSES:
        raise NotForDevice(
            f"the page has room for {MOST_LAYERS} layers and {MOST_CLASSES} classes, the network"
            f" has {len(layers)} and {sizes.classes}"
        )
    block = np.zeros(1, structure(source_text(), "ff_block"))
    kind = structure(part("types"), "ff_layer")
    table_at = BLOCK + block.nbytes
    constants = [*_scaled(scaling, sizes.inputs), *_weights(layers)]
    first = table_at + len(layers) * kind.itemsize
    *places, end = _addresses(first, [each.nbytes for each in constants])
    table = _table(layers, kind, places[2:])
    buffers = _buffers(layers, sizes)
    *free, stop = _addresses(end, [4 * count for count in buffers.values()])
    rooms = dict(zip(buffers, free, strict=True))
    about = {
        "layers": len(layers),
        "classes": sizes.classes,
        "spare": spare,
        "inputs": sizes.inputs,
        "read": max(index + 1 for index, each in enumerate(layers) if each["counted"]),
        "rate": rate,
        "table": table_at,
        "shift": places[0],
        "factor": places[1],
        **rooms,
    }
    for name, value in about.items():
        block[0][name] = value
    return Block(
        head=b"".join(each.tobytes() for each in (block, table, *constants[:2])),
        weights=np.concatenate(constants[2:]),
        inputs=sizes.inputs,
        size=stop - BLOCK,
        sample=rooms["sample"],
        answer=rooms["answer"],
    )


def structure(text: str, name: str) -> np.dtype[Any]:
    r"""A structure of a C source as numpy's type; pointers have four bytes.

    >>> structure("typedef struct {\n    uint8_t a, b;\n    const float *c;\n} pair;", "pair")
    dtype([('a', 'u1'), ('b', 'u1'), ('c', '<u4')], align=True)
    """
    body = text.partition(f"}} {name};")[0].rpartition("typedef struct {")[2]
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL).replace("const ff_", "ff_")
    members = [
        (member.strip(" *"), "<u4" if "*" in member else KINDS[kind])
        for kind, listed in MEMBER.findall(body)
        for member in listed.split(",")
    ]
    return np.dtype(members, align=True)


@cache
def constants_of_types() -> dict[str, int]:
    """The values of the runtime's named constants."""
    listed = re.findall(r"^enum \{([^}]*)\}", part("types"), re.MULTILINE)
    return {name: value for text in listed for value, name in enumerate(re.findall(r"\w+", text))}


def _table(
    layers: Sequence[DeviceLayer], kind: np.dtype[Any], places: Sequence[int]
) -> np.ndarray[Any, Any]:
    """The structures of the layers, whose weights and biases lie at the places in turn."""
    named, table = constants_of_types(), np.zeros(len(layers), kind)
    for row, fields, at in zip(table, placed(layers), range(0, len(places), 2), strict=True):
        for name, value in {**fields, "weights": places[at], "biases": places[at + 1]}.items():
            row[name] = named[value] if isinstance(value, str) else value
    return table


def _scaled(scaling: Scaling, inputs: int) -> Iterator[Array]:
    """Shift and factor of each value of a sample [inputs]."""
    for each in (scaling.shift, scaling.factor):
        yield np.broadcast_to(each, inputs).astype(np.float32)


def _weights(layers: Sequence[DeviceLayer]) -> Iterator[Array]:
    """The weights and the biases of each layer in turn."""
    for layer in layers:
        yield np.concatenate([layer.weights.ravel(), layer.readout.ravel()])
        yield layer.biases


def _addresses(start: int, sizes: Sequence[int]) -> list[int]:
    """Where arrays of so many bytes lie one after the other, and where they end."""
    return [start + int(each) for each in np.cumsum([0, *sizes])]


def _buffers(layers: Sequence[DeviceLayer], sizes: Sizes) -> dict[str, int]:
    """Numbers in each array that the kernel writes to."""
    macros = sizes.macros
    front, back = max(macros["FF_FRONT"], 1), macros["FF_BACK"]
    two_pass, one_pass = int(sizes.two_pass), int(not sizes.two_pass)
    return {
        "front": front,
        "back": back,
        "values": one_pass * macros["FF_MOST_VALUES"],
        "slopes": one_pass * macros["FF_POSITIONS"],
        "choice": one_pass * macros["FF_WIDEST"],
        "scaled": two_pass * sizes.inputs,
        "base": two_pass * macros["FF_FIRST_UNITS"],
        "wrong_front": two_pass * front,
        "wrong_back": two_pass * back,
        "ram_weights": macros["FF_ALL_WEIGHTS"],
        "ram_biases": macros["FF_ALL_BIASES"],
        "sample": sizes.inputs,
        "answer": max(len(layers) * sizes.classes, 4),  # four addresses of ff_layer_weights
    }
