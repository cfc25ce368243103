"""``ff benchmark``: this machine -> how fast the engine trains, beside autograd and backprop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

if TYPE_CHECKING:
    from collections.abc import Callable

    from forward_forward.data import Data

Precision = Literal["auto", "float32", "bfloat16"]
Parts = Annotated[
    tuple[str, ...] | None, tyro.conf.arg(metavar="[PART ...]", help_behavior_hint="")
]


def benchmark(
    data: str | None = None,
    out: str | None = None,
    precision: Precision = "auto",
    threads: int | None = None,
    quick: bool = False,
    parts: Parts = None,
    parallel: bool = False,
    json: bool = False,
) -> int:
    """Time the engine beside FF by autograd, backprop and scikit-learn, in one process, in turn.

    All have the same data, threads, optimiser and precision (scikit-learn has its own). About a
    quarter of an hour on two cores; nothing else should run meanwhile.

    With --parts, compare parts instead, one exchanged at a time in the standard recipe: the time of
    a step, and the validation error after an equal small budget. A minute or two on one core.

    With --parallel, compare one process with two, one thread each, on random images: layers spread,
    batches spread, and backprop spread, with the bytes of a step and what the simulator foretells.
    A quarter of an hour on two cores.

    Args:
        data: Data set; mnist by default, random images of its size where it is not to be had;
            digits with --parts.
        out: Folder for benchmark.json and benchmark.png; parts.json and parts.png with --parts,
            parallel.json and parallel.png with --parallel.
        precision: Of the matrix products; auto takes bfloat16 where the hardware multiplies it.
        threads: CPU threads; by default torch's choice.
        quick: One small network, in half a minute.
        parts: Compare all losses, goodnesses and ways of choosing wrong labels, and those named
            here: your own as package.module:name, or the library's such as "SymBa(alpha=2)".
        parallel: Compare one process with two.
        json: Print the result as one JSON object.
    """
    import os

    # The profiler, which measures memory, writes of its own starts and stops; before torch is here.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")

    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    if parallel:
        if data is not None or precision != "auto" or threads is not None or parts is not None:
            raise ValueError(
                "--parallel measures random images in float32 with one thread a process: leave"
                " --data, --precision, --threads and --parts out"
            )
        return _parallel(out, quick=quick, as_json=json)
    if parts is not None:
        return _parts(parts, data, out, precision, quick=quick, as_json=json)
    return _speed(data, out, precision, quick=quick, as_json=json)


def _speed(
    data: str | None, out: str | None, precision: Precision, *, quick: bool, as_json: bool
) -> int:
    from forward_forward.lab.benchmark import Setting
    from forward_forward.lab.benchmark import benchmark as measure
    from forward_forward.lab.benchmark.show import plot, table

    setting = Setting(precision=precision)
    if quick:
        setting = Setting(((500, 500),), (512,), precision, seconds=8, goal=False)
    train, test = _images(data)
    result = measure(train, test, setting, _say)
    _give(result, out, "benchmark", table, plot, as_json=as_json)
    return 0


def _parts(
    words: tuple[str, ...],
    data: str | None,
    out: str | None,
    precision: Precision,
    *,
    quick: bool,
    as_json: bool,
) -> int:
    import dataclasses

    from forward_forward import contracts, datasets
    from forward_forward.lab.benchmark.parts import QUICK, Budget, benchmark_parts
    from forward_forward.lab.benchmark.show_parts import plot, table

    own = contracts.typed_parts(words)
    budget = dataclasses.replace(QUICK if quick else Budget(), precision=precision)
    train, _ = datasets.named(data or "digits")  # the test set is not read
    result = benchmark_parts(train, own, budget, _say)
    _give(result, out, "parts", table, plot, as_json=as_json)
    return 0


def _parallel(out: str | None, *, quick: bool, as_json: bool) -> int:
    from forward_forward.lab.benchmark.parallel import QUICK, ParallelSetting, benchmark_parallel
    from forward_forward.lab.benchmark.show_parallel import plot, table

    result = benchmark_parallel(QUICK if quick else ParallelSetting(), _say)
    _give(result, out, "parallel", table, plot, as_json=as_json)
    return 0


def _say(line: str) -> None:
    import sys

    print(line, file=sys.stderr)


def _give(
    result: dict[str, Any],
    out: str | None,
    name: str,
    table: Callable[[dict[str, Any]], str],
    plot: Callable[[dict[str, Any]], bytes],
    *,
    as_json: bool,
) -> None:
    """Print the figures, and write them and their plot."""
    import json
    from pathlib import Path

    from forward_forward import files

    print(json.dumps(result) if as_json else table(result))
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
        files.write_json(Path(out, f"{name}.json"), result)
        files.write(Path(out, f"{name}.png"), plot(result))
        _say(f"written to {out}: {name}.json, {name}.png")


def _images(name: str | None) -> tuple[Data, Data]:
    from forward_forward import datasets

    try:
        return datasets.named(name or "mnist")
    except datasets.DataUnavailable:
        if name is not None:
            raise
        _say("MNIST is not to be had here: random images are taken instead")
        return _random(10_000), _random(1_000)


def _random(images: int) -> Data:
    import torch

    from forward_forward.data import Data

    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (images, 1, 28, 28), generator=rng, dtype=torch.uint8)
    return Data(pixels, torch.arange(images) % 10, tuple("0123456789"), "random images")
