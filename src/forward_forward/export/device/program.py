"""A C program's folder -> the same functions in Python, compiled by the machine's own compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from torch import Tensor

from forward_forward.export.device.device_layer import Array
from forward_forward.export.device.layers import channels_last

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")


def compiler() -> str | None:
    """The path of a C compiler; None if the machine has none."""
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


class Program:
    """An exported program, compiled for this machine, with its own copy of the memory.

    Samples are tensors [n, *shape] as they were given to the export, or arrays [n, values] in the
    order of the program, with the channels of a pixel together.

    Args:
        folder: The folder of an export.
        options: Further options of the compiler, such as "-DFF_REPLAY=8".
        build: Where the compiled library is kept; by default nowhere.

    Raises:
        RuntimeError: There is no compiler, or it refuses the program.

    >>> import torch
    >>> from tempfile import mkdtemp
    >>> from forward_forward.export import c
    >>> from forward_forward.forward import mlp
    >>> folder = mkdtemp()
    >>> _ = c(mlp(4, 8, num_classes=3), torch.rand(9, 4), folder)
    >>> program = Program(folder)
    >>> program.learn(torch.rand(1, 4), 2)
    0
    >>> program.scores(torch.rand(5, 4)).shape
    (5, 3)
    """

    def __init__(
        self, folder: Path | str, options: Sequence[str] = (), *, build: Path | None = None
    ) -> None:
        found = compiler()
        if found is None:
            raise RuntimeError("expected a C compiler named cc, gcc or clang, found none")
        source = Path(folder) / "src" / "ff_model.c"
        with TemporaryDirectory() as temporary:
            place = Path(temporary) if build is None else build
            place.mkdir(parents=True, exist_ok=True)
            made = place / f"ff_model_{len([*place.iterdir()])}.so"
            flags = [*STRICT, "-O2", "-shared", "-fPIC", *options]
            command = [found, *flags, str(source), "-o", str(made), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"the C compiler refuses {source}:\n{done.stderr[-2000:]}")
            self.library = ctypes.CDLL(str(made))
        self.library.ff_class_name.restype = ctypes.c_char_p
        header = source.with_suffix(".h").read_text()
        self.inputs, self.classes, self.layers = (
            _constant(header, name) for name in ("FF_INPUTS", "FF_CLASSES", "FF_LAYERS")
        )
        self.kind = np.uint8 if "typedef uint8_t ff_input" in header else np.float32
        self.init()

    def init(self) -> None:
        """Start from the exported weights."""
        self.library.ff_init()

    def predict(self, samples: Tensor | Array) -> list[int]:
        """The label of each sample, or a negative code [n]."""
        return [self.library.ff_predict(self._given(x)) for x in self._rows(samples)]

    def scores(self, samples: Tensor | Array) -> Array:
        """Scores [n, classes]."""
        rows = self._rows(samples)
        return np.stack([self._filled("ff_scores", x, (self.classes,)) for x in rows])

    def goodness(self, samples: Tensor | Array) -> Array:
        """Goodness [n, layers, classes]."""
        shape = self.layers, self.classes
        return np.stack([self._filled("ff_goodness", x, shape) for x in self._rows(samples)])

    def learn(self, sample: Tensor | Array, label: int) -> int:
        """One step on a sample [1, *shape]; returns 0, or a negative code."""
        return self._called("ff_learn", sample, label)

    def remember(self, sample: Tensor | Array, label: int) -> int:
        """Keep a sample [1, *shape] to be repeated; needs the option -DFF_REPLAY=N."""
        return self._called("ff_remember", sample, label)

    def _called(self, name: str, sample: Tensor | Array, label: int) -> int:
        (row,) = self._rows(sample)
        return int(getattr(self.library, name)(self._given(row), int(label)))

    def class_name(self, label: int) -> str:
        """The name of a label."""
        return str(self.library.ff_class_name(label).decode())

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

    def _rows(self, samples: Tensor | Array) -> Array:
        rows = channels_last(samples.cpu()) if isinstance(samples, Tensor) else samples
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise ValueError(
                f"the program expects samples of {self.inputs} values, got an array of"
                f" {list(samples.shape)}"
            )
        return np.ascontiguousarray(rows, self.kind)

    def _given(self, row: Array) -> ctypes.c_void_p:
        return row.ctypes.data_as(ctypes.c_void_p)

    def _filled(self, name: str, row: Array, shape: tuple[int, ...]) -> Array:
        out = np.zeros(shape, np.float32)
        code = getattr(self.library, name)(self._given(row), self._given(out))
        if code:
            raise ValueError(f"{name} returned the code {code}")
        return out


def _constant(header: str, name: str) -> int:
    return int(header.partition(f"#define {name} ")[2].partition("u")[0])
