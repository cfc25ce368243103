"""``ff benchmark``: this machine -> how fast the engine trains, against autograd and backprop."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from forward_forward.cli.flags import Count, Folder, Name, Switch, option

if TYPE_CHECKING:
    from types import ModuleType

    from forward_forward.data import Data


@dataclasses.dataclass(frozen=True)
class BenchmarkCommand:
    """Time the engine and, in the same process, FF by autograd, backprop and scikit-learn.

    All get the same data, threads, optimizer and precision (scikit-learn has its own). This takes
    about 15 minutes on two cores; nothing else should be running.

    With --parts, compare parts instead, one replaced at a time in the standard recipe, or in that
    of one pass for read-outs and terms: the time of a step, and the validation error after the same
    small budget. A few minutes on one core.

    With --parallel, compare one process with two, one thread each, on random images: distributed
    layers, distributed batches and distributed backprop, with the bytes per step and the time that
    the simulator predicts. About 15 minutes on two cores.

    With --convolutions, compare the local layers of local_airbench with backprop in the same
    network, and with its convolutions alone, on random colour pictures. About 5 minutes.
    """

    # Data set; mnist by default, random images of the same size if it is not available; digits with
    # --parts.
    data: Name = None
    # Folder for benchmark.json and benchmark.png; parts.json and parts.png with --parts,
    # parallel.json and parallel.png with --parallel, and so on.
    out: Folder = None
    # Precision of matrix products; auto uses bfloat16 if the hardware supports it.
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    # Number of CPU threads; torch's choice by default.
    threads: Count = None
    # Measure one small network, in half a minute.
    quick: Switch = False
    # Compare all losses, goodness functions, strategies for wrong labels, read-outs and terms, and
    # those named here: your own as package.module:name, or the library's such as "SymBa(alpha=2)".
    parts: Annotated[tuple[str, ...] | None, option("[PART ...]")] = None
    # Compare one process with two.
    parallel: Switch = False
    # Compare local convolutional layers with backprop.
    convolutions: Switch = False
    # Print the result as one JSON object.
    json: Switch = False

    def __call__(self) -> int:
        silence_profiler()
        from forward_forward.cli.training import set_threads

        set_threads(self.threads)
        if self.convolutions:
            if self.parallel or self.data is not None or self.parts is not None:
                raise ValueError(
                    "--convolutions measures random colour pictures in one process: omit --data,"
                    " --parts and --parallel"
                )
            self._convolutions()
        elif self.parallel:
            if (self.data, self.precision, self.threads, self.parts) != (None, "auto", None, None):
                measured = "random images in float32 with one thread per process"
                fix = "omit --data, --precision, --threads and --parts"
                raise ValueError(f"--parallel measures {measured}: {fix}")
            self._parallel()
        elif self.parts is not None:
            self._parts(self.parts)
        else:
            self._speed()
        return 0

    def _speed(self) -> None:
        from forward_forward.lab.benchmark import Setting, benchmark, show

        setting = Setting(precision=self.precision)
        if self.quick:
            setting = Setting(((500, 500),), (512,), self.precision, seconds=8, goal=False)
        train, test = _images(self.data)
        self._write(benchmark(train, test, setting, _message), "benchmark", show)

    def _parts(self, names: tuple[str, ...]) -> None:
        from forward_forward import contracts, datasets
        from forward_forward.lab.benchmark import show_parts
        from forward_forward.lab.benchmark.parts import QUICK, Budget, benchmark_parts

        budget = dataclasses.replace(QUICK if self.quick else Budget(), precision=self.precision)
        contracts.typed_parts(names)  # a mistake is told before data is loaded
        train, _ = datasets.named(self.data or "digits")  # the test set is not read
        own = contracts.typed_parts(names, len(train.classes))
        self._write(benchmark_parts(train, own, budget, _message), "parts", show_parts)

    def _parallel(self) -> None:
        from forward_forward.lab.benchmark import parallel, show_parallel

        setting = parallel.QUICK if self.quick else parallel.ParallelSetting()
        self._write(parallel.benchmark_parallel(setting, _message), "parallel", show_parallel)

    def _convolutions(self) -> None:
        from forward_forward.lab.benchmark import local_convolutions, show_convolutions

        measured = local_convolutions.ConvolutionSetting()
        setting = local_convolutions.QUICK if self.quick else measured
        setting = dataclasses.replace(setting, precision=self.precision)
        result = local_convolutions.benchmark_convolutions(setting, _message)
        self._write(result, "convolutions", show_convolutions)

    def _write(self, result: dict[str, Any], name: str, show: ModuleType) -> None:
        """Print the result, and write it and its plot to the folder."""
        from forward_forward import files

        print(json.dumps(result) if self.json else show.table(result))
        if self.out is not None:
            Path(self.out).mkdir(parents=True, exist_ok=True)
            files.write_json(Path(self.out, f"{name}.json"), result)
            files.write(Path(self.out, f"{name}.png"), show.plot(result))
            _message(f"written to {self.out}: {name}.json, {name}.png")


def silence_profiler() -> None:
    """Keep torch's profiler, which measures memory, from logging; call before torch is imported."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


def _message(line: str) -> None:
    print(line, file=sys.stderr)


def _images(name: str | None) -> tuple[Data, Data]:
    from forward_forward import datasets

    try:
        return datasets.named(name or "mnist")
    except datasets.DataUnavailable:
        if name is not None:
            raise
        _message("MNIST is not available: random images are used instead")
        return _random(10_000), _random(1_000)


def _random(images: int) -> Data:
    import torch

    from forward_forward.data import Data

    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (images, 1, 28, 28), generator=rng, dtype=torch.uint8)
    return Data(pixels, torch.arange(images) % 10, tuple("0123456789"), "random images")
