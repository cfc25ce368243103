"""Predictors, raw samples [n, *shape], labels [n] -> errors, equal labels, times per sample."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from forward_forward.export.torch_file import Run

SIZES = 1, 256

_ROUNDS = {1: 200, 256: 20}


def labels(run: Run, samples: Tensor) -> Tensor:
    """The labels [n] that a predictor assigns to raw samples [n, *shape]."""
    return torch.cat([run(part)[1] for part in torch.split(samples, SIZES[-1])])


def measured(runs: Mapping[str, Run], samples: Tensor, truth: Tensor) -> dict[str, dict[str, Any]]:
    """Measure predictors side by side on raw test samples [n, *shape] and their labels [n].

    Returns for each name ``test_error`` and ``labels_equal`` (to those of the first predictor) in
    percent, and ``seconds_a_sample`` by batch size: the median over runs that alternate.
    """
    found = {name: labels(run, samples) for name, run in runs.items()}
    first = next(iter(found.values()))
    seconds = {size: _seconds(runs, samples, size) for size in SIZES}
    return {
        name: {
            "test_error": _percent(each != truth),
            "labels_equal": _percent(each == first),
            "seconds_a_sample": {str(size): seconds[size][name] for size in SIZES},
        }
        for name, each in found.items()
    }


def _percent(which: Tensor) -> float:
    return 100 * float(which.double().mean())


def _seconds(runs: Mapping[str, Run], samples: Tensor, size: int) -> dict[str, float]:
    """Median seconds per sample; predictors alternate, so that other load affects all equally."""
    batch = samples[torch.arange(size) % len(samples)]
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(1 + _ROUNDS[size]):
        for name, run in runs.items():
            began = time.perf_counter()
            run(batch)
            if turn:  # the first one allocates memory
                times[name].append(time.perf_counter() - began)
    return {name: statistics.median(each) / size for name, each in times.items()}
