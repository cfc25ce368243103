"""Calls by name -> the median seconds of each, taken in turn so that all meet the same machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

Step = Callable[[Tensor, Tensor], object]


def medians(
    calls: Mapping[str, Callable[[], object]], *, budget: float, least: int = 5, block: int = 4
) -> dict[str, float]:
    """Median seconds of each call; the arguments are those of `spans`."""
    found = spans(calls, budget=budget, least=least, block=block)
    return {name: statistics.median(each) for name, each in found.items()}


def spans(
    calls: Mapping[str, Callable[[], object]], *, budget: float, least: int = 5, block: int = 4
) -> dict[str, list[float]]:
    """Seconds of each call, time after time.

    The calls take turns in short blocks: a machine that slows down slows all of them, and a ratio
    of two medians stays what it was.

    Args:
        calls: What to time.
        budget: Seconds for all of them together.
        least: Turns that each call gets, whatever the budget.
        block: Calls in a row at each turn.

    Returns:
        Seconds by name.
    """
    for call in calls.values():
        for _ in range(2):
            call()
    found: dict[str, list[float]] = {name: [] for name in calls}
    end, turns = time.perf_counter() + budget, 0
    while turns < least or time.perf_counter() < end:
        for name, call in calls.items():
            for _ in range(block):
                began = time.perf_counter()
                call()
                found[name].append(time.perf_counter() - began)
        turns += 1
    return found


def peak_bytes(call: Callable[[], object]) -> int:
    """Most bytes of tensors that a call holds at once, on the CPU, beyond those held before it.

    Args:
        call: The call; its first time, since memory that is kept is asked for then.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        call()
    held = most = 0
    profiler = record.profiler
    if profiler is None or profiler.kineto_results is None:
        raise RuntimeError("this torch was built without its profiler: memory cannot be measured")
    for event in profiler.kineto_results.events():
        if event.name() == "[memory]" and event.device_type() == torch._C._autograd.DeviceType.CPU:
            held += event.nbytes()
            most = max(most, held)
    return most


def activity_bytes(make: Callable[[], Step], x: Tensor, y: Tensor) -> int:
    """Bytes that a step holds at its peak for the samples of a batch, and so not for the weights.

    It is twice what the peak grows by from half the batch to the whole.

    Args:
        make: Makes a new network and gives its step.
        x: Samples [batch, features].
        y: Their labels [batch].
    """
    half, whole = (_peak_after_one(make(), x[:n], y[:n]) for n in (len(x) // 2, len(x)))
    # Of a small batch the peak may lie in the optimiser's step, and then varies by chance.
    return max(0, 2 * (whole - half))


def _peak_after_one(step: Step, x: Tensor, y: Tensor) -> int:
    step(x[:1], y[:1])
    return peak_bytes(lambda: step(x, y))
