"""A C program's folder -> the same functions in Python, compiled by the machine's own compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from forward_forward.export.device.device_layer import Array

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")


def compiler() -> str | None:
    """The path of a C compiler; None if the machine has none."""
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


class Program:
    """A compiled program with its own copy of the memory.

    Args:
        folder: The folder of an export.
        build: Where the compiled library is written.
        options: Further options of the compiler, such as "-DFF_REPLAY=8".

    Raises:
        RuntimeError: There is no compiler, or it refuses the program.
    """

    def __init__(self, folder: Path, build: Path, options: Sequence[str] = ()) -> None:
        found = compiler()
        if found is None:
            raise RuntimeError("expected a C compiler named cc, gcc or clang, found none")
        build.mkdir(parents=True, exist_ok=True)
        made = build / f"ff_model_{len([*build.iterdir()])}.so"
        source = folder / "src" / "ff_model.c"
        flags = [*STRICT, "-O2", "-shared", "-fPIC", *options]
        done = subprocess.run(
            [found, *flags, str(source), "-o", str(made), "-lm"], capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(f"the C compiler refuses {source}:\n{done.stderr[-2000:]}")
        self.library = ctypes.CDLL(str(made))
        header = (folder / "src" / "ff_model.h").read_text()
        self.inputs, self.classes, self.layers = (
            _constant(header, name) for name in ("FF_INPUTS", "FF_CLASSES", "FF_LAYERS")
        )
        self.kind = np.uint8 if "typedef uint8_t ff_input" in header else np.float32
        self.init()

    def init(self) -> None:
        """Start from the exported weights."""
        self.library.ff_init()

    def predict(self, samples: Array) -> list[int]:
        """The label of each sample, or a negative code [n]."""
        return [self.library.ff_predict(self._given(x)) for x in samples]

    def scores(self, samples: Array) -> Array:
        """Scores [n, classes]."""
        return np.stack([self._filled("ff_scores", x, self.classes) for x in samples])

    def goodness(self, sample: Array) -> Array:
        """Goodness [layers, classes] of one sample."""
        table = self._filled("ff_goodness", sample, self.layers * self.classes)
        return table.reshape(self.layers, self.classes)

    def learn(self, sample: Array, label: int) -> int:
        """One step; returns the code."""
        return int(self.library.ff_learn(self._given(sample), label))

    def set_rate(self, rate: float) -> None:
        """Set the learning rate."""
        self.library.ff_set_rate(ctypes.c_float(rate))

    def layer_weights(self, layer: int) -> tuple[bytes, bytes]:
        """The weights and the biases of a layer, as they are in memory."""
        weights, biases = ctypes.c_void_p(), ctypes.c_void_p()
        counts = ctypes.c_uint32(), ctypes.c_uint32()
        places = weights, counts[0], biases, counts[1]
        self.library.ff_layer_weights(layer, *map(ctypes.byref, places))
        return (
            ctypes.string_at(weights.value or 0, counts[0].value),
            ctypes.string_at(biases.value or 0, counts[1].value),
        )

    def _given(self, x: Array) -> Any:
        self._kept = np.ascontiguousarray(x, self.kind)  # until the next call
        return self._kept.ctypes.data_as(ctypes.c_void_p)

    def _filled(self, name: str, x: Array, size: int) -> Array:
        out = np.zeros(size, np.float32)
        code = getattr(self.library, name)(self._given(x), out.ctypes.data_as(ctypes.c_void_p))
        if code:
            raise ValueError(f"{name} returned the code {code}")
        return out


def _constant(header: str, name: str) -> int:
    return int(header.partition(f"#define {name} ")[2].partition("u")[0])
