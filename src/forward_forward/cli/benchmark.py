"""``ff benchmark``: this machine -> how fast the engine trains, beside autograd and backprop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from forward_forward.data import Data


def benchmark(
    data: str | None = None,
    out: str | None = None,
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
    threads: int | None = None,
    quick: bool = False,
    json: bool = False,
) -> int:
    """Time the engine beside FF by autograd, backprop and scikit-learn, in one process, in turn.

    All have the same data, threads, optimiser and precision (scikit-learn has its own). About a
    quarter of an hour on two cores; nothing else should run meanwhile.

    Args:
        data: Data set; mnist by default, random images of its size where it is not to be had.
        out: Folder for benchmark.json and benchmark.png.
        precision: Of the matrix products; auto takes bfloat16 where the hardware multiplies it.
        threads: CPU threads; by default torch's choice.
        quick: One small network, in half a minute.
        json: Print the result as one JSON object.
    """
    import json as json_format
    import os
    import sys
    from pathlib import Path

    # The profiler, which measures memory, writes of its own starts and stops; before torch is here.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")

    import torch

    from forward_forward import files
    from forward_forward.benchmark import Setting
    from forward_forward.benchmark import benchmark as measure
    from forward_forward.benchmark.show import plot, table

    if threads is not None:
        torch.set_num_threads(threads)
    setting = Setting(precision=precision)
    if quick:
        setting = Setting(((500, 500),), (512,), precision, seconds=8, goal=False)
    train, test = _images(data)
    result = measure(train, test, setting, lambda line: print(line, file=sys.stderr))
    print(json_format.dumps(result) if json else table(result))
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
        files.write_json(Path(out, "benchmark.json"), result)
        files.write(Path(out, "benchmark.png"), plot(result))
        print(f"written to {out}: benchmark.json, benchmark.png", file=sys.stderr)
    return 0


def _images(name: str | None) -> tuple[Data, Data]:
    import sys

    from forward_forward import datasets

    try:
        return datasets.named(name or "mnist")
    except datasets.DataUnavailable:
        if name is not None:
            raise
        print("MNIST is not to be had here: random images are taken instead", file=sys.stderr)
        return _random(10_000), _random(1_000)


def _random(images: int) -> Data:
    import torch

    from forward_forward.data import Data

    rng = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (images, 1, 28, 28), generator=rng, dtype=torch.uint8)
    return Data(pixels, torch.arange(images) % 10, tuple("0123456789"), "random images")
