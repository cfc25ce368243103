"""Calls by name -> the median seconds of each, in alternation; and the memory that a step takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils.benchmark import Timer

Step = Callable[[Tensor, Tensor], object]


def seconds(call: Callable[[], object], number: int) -> float:
    """Mean seconds of a call over a number of calls, after warming up, with torch's threads."""
    timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())
    return timer.timeit(number).median


def medians(
    calls: Mapping[str, Callable[[], object]], *, budget: float, least: int = 5, block: int = 4
) -> dict[str, float]:
    """Median of `block_seconds` for each call; the arguments are the same."""
    found = block_seconds(calls, budget=budget, least=least, block=block)
    return {name: statistics.median(each) for name, each in found.items()}


def block_seconds(
    calls: Mapping[str, Callable[[], object]], *, budget: float, least: int = 5, block: int = 4
) -> dict[str, list[float]]:
    """Mean seconds of each call in each of its blocks, timed in alternation.

    If the machine slows down, it slows down all of them, and the ratio of two medians is unchanged.
    The ``budget`` is in seconds for all together; each gets ``least`` blocks even beyond it.
    """
    found: dict[str, list[float]] = {name: [] for name in calls}
    end, rounds = time.perf_counter() + budget, 0
    while rounds < least or time.perf_counter() < end:
        for name, call in calls.items():
            found[name].append(seconds(call, block))
        rounds += 1
    return found


def peak_bytes(call: Callable[[], object]) -> int:
    """Peak bytes of tensors on the CPU during a call, beyond those held before it.

    The call should not have run before: buffers that are kept between calls are allocated in the
    first.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        call()
    held = most = 0
    profiler = record.profiler
    if profiler is None or profiler.kineto_results is None:
        raise RuntimeError(
            "expected torch's profiler to measure memory, but this torch was built without it:"
            " install a build from pytorch.org"
        )
    for event in profiler.kineto_results.events():
        if event.name() == "[memory]" and event.device_type() == torch._C._autograd.DeviceType.CPU:
            held += event.nbytes()
            most = max(most, held)
    return most


def activity_bytes(make: Callable[[], Step], x: Tensor, y: Tensor) -> int:
    """Bytes that a new step holds at its peak for a batch's samples, excluding the weights.

    This is twice the growth of the peak from half the batch to the whole batch.
    """
    half, whole = (_peak_after_one(make(), x[:n], y[:n]) for n in (len(x) // 2, len(x)))
    # With a small batch the peak may occur in the optimiser's step; the difference is then noise.
    return max(0, 2 * (whole - half))


def _peak_after_one(step: Step, x: Tensor, y: Tensor) -> int:
    step(x[:1], y[:1])
    return peak_bytes(lambda: step(x, y))
