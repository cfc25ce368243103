"""Settings of a benchmark -> a row of figures for each network and batch, measured in one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from forward_forward.checkpoint import machine
from forward_forward.data import Data
from forward_forward.lab.benchmark.arithmetic import arithmetic_ratio, bare_products, scan_bound
from forward_forward.lab.benchmark.arms import (
    CLASSES,
    Arm,
    AutogradFF,
    Backprop,
    engine,
    gradients_alone,
    sklearn_step,
)
from forward_forward.lab.benchmark.learn import two_stage_figures, until_goal
from forward_forward.lab.benchmark.measure import Step, activity_bytes, medians, peak_bytes
from forward_forward.lab.benchmark.scan import naive_scan
from forward_forward.optimize.compiled import compiler
from forward_forward.optimize.precision import Precision, products
from forward_forward.recipes.plan import features
from forward_forward.recipes.standard import SKIP

WIDE = ((500, 500), (1000, 1000, 1000), (2000, 2000, 2000, 2000))
DEEP = tuple((256,) * depth for depth in (4, 8, 16, 32, 64))
GOAL = WIDE[:2]  # those that train in a minute or two
BATCHES = (512, 100)
EPOCH = 50_000
SCANNED = 1_000
Row = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Setting:
    """What to measure.

    Args:
        networks: Units of the layers of each network.
        batches: Samples a step.
        precision: Of the products in training; inference is measured in float32.
        seconds: Time for the steps of one network and batch.
        compile: Whether compiled kernels are tried too, for the engine and for backprop, in
            networks of up to four layers, where there is a C++ compiler.
        sklearn: Whether scikit-learn is timed too.
        goal: Whether the smaller wide networks are trained to 98 % on MNIST.
    """

    networks: tuple[tuple[int, ...], ...] = (*WIDE, *DEEP)
    batches: tuple[int, ...] = BATCHES
    precision: Precision = "auto"
    seconds: float = 8.0
    compile: bool = True
    sklearn: bool = True
    goal: bool = True


def benchmark(
    train: Data, test: Data, setting: Setting, say: Say = lambda _: None
) -> dict[str, Any]:
    """Measure the engine beside autograd, backprop and scikit-learn, on the CPU.

    Args:
        train: Training images; their first ones make the batches.
        test: Images on which the two-stage inference is compared with the scan.
        setting: What to measure.
        say: Called with a line as the benchmark goes on.

    Returns:
        ``machine``, ``data`` and ``networks``: a row of figures for each network and batch.
    """
    rows = []
    for hidden in setting.networks:
        for batch in setting.batches:
            name = network_name(hidden)
            say(f"{name}, batch {batch}")
            row = _row(train, setting, hidden, batch)
            if batch == setting.batches[0]:
                row |= _scan(train, hidden)
                if hidden in WIDE:
                    row["fewer_products"] = _fewer_products(train, setting, hidden, batch)
                if setting.goal and hidden in GOAL and train.name == "mnist":
                    say(f"{name}, to 98 %")
                    row |= _goal(train, test, setting, hidden)
            rows.append(row)
    return {"machine": machine(), "data": train.name, "networks": rows}


def network_name(hidden: Sequence[int]) -> str:
    """Such as "2 x 500".

    >>> network_name((500, 500))
    '2 x 500'
    """
    same = len(set(hidden)) == 1
    return f"{len(hidden)} x {hidden[0]}" if same else "-".join(map(str, hidden))


def _row(train: Data, setting: Setting, hidden: tuple[int, ...], batch: int) -> Row:
    dtype = products(setting.precision, torch.device("cpu")) or torch.float32
    x, y, _ = next(train.batches(batch))
    x = x.flatten(1)
    widths = [x.shape[1], *hidden]
    wide = hidden in WIDE or len(hidden) <= 4
    calls = _steps(widths, dtype, x, y, compile=setting.compile and wide and compiler() is not None)
    seconds = medians(calls, budget=setting.seconds)
    if setting.sklearn and wide:
        # Apart: its threads go on spinning for a while, and slow down whatever comes next.
        alone = {"sklearn": sklearn_step(widths, x, y)}
        seconds |= medians(alone, budget=setting.seconds / 8, block=1)
    ours = _fastest(seconds, "engine")
    return {
        "network": network_name(hidden),
        "hidden": list(hidden),
        "batch": batch,
        "precision": str(dtype).removeprefix("torch."),
        "step_seconds": seconds,
        "seconds_per_50k": ours * EPOCH / batch,
        "step_vs_backprop": ours / _fastest(seconds, "backprop"),
        "arithmetic_ratio": arithmetic_ratio(widths),
        "step_vs_autograd_ff": ours / seconds["autograd_ff"],
        "gemm_fraction": seconds["products"] / ours,
        **_memory(widths, dtype, x, y),
    }


def _steps(
    widths: list[int], dtype: torch.dtype, x: Tensor, y: Tensor, *, compile: bool
) -> dict[str, Callable[[], object]]:
    arms = {
        "engine": engine(widths, dtype),
        "autograd_ff": AutogradFF(widths, dtype),
        "backprop": Backprop(widths, dtype),
    }
    if compile:
        arms["engine_compiled"] = engine(widths, dtype, compile=True)
        arms["backprop_compiled"] = Backprop(widths, dtype).compiled()

    def step_of(arm: Any) -> Callable[[], object]:
        return lambda: arm.step(x, y)

    calls = {name: step_of(arm) for name, arm in arms.items()}
    return {**calls, "products": bare_products(widths, len(x), dtype)}


def _fastest(seconds: dict[str, float], arm: str) -> float:
    """Of an arm run eagerly and compiled."""
    return min(value for name, value in seconds.items() if name.startswith(arm))


def _memory(widths: list[int], dtype: torch.dtype, x: Tensor, y: Tensor) -> Row:
    """Bytes of a first step beyond the weights; and what of them a batch's activities take.

    Activities are twice what the second half of the batch adds to a step on the first, once
    gradients and optimiser state are there. Backprop's are measured without the optimiser's step,
    in which they are gone; Forward-Forward's steps cannot be taken apart.
    """
    return {
        "peak_bytes": {
            "ff": _peak(engine(widths, dtype).step, x, y),
            "backprop": _peak(Backprop(widths, dtype).step, x, y),
        },
        "activity_bytes": {
            "ff": activity_bytes(lambda: engine(widths, dtype).step, x, y),
            "backprop": activity_bytes(lambda: gradients_alone(widths, dtype), x, y),
        },
    }


def _peak(step: Step, x: Tensor, y: Tensor) -> int:
    return peak_bytes(lambda: step(x, y))


def _fewer_products(train: Data, setting: Setting, hidden: tuple[int, ...], batch: int) -> Row:
    """A step that leaves out samples of shallow slope, in training, over one of backprop.

    How many are left out depends on how well the network does, so this is measured while both
    train, in the second pass over the data.
    """
    dtype = products(setting.precision, torch.device("cpu")) or torch.float32
    widths = [features(train), *hidden]
    arms: dict[str, Any] = {
        "engine": engine(widths, dtype, skip=SKIP),
        "backprop": Backprop(widths, dtype),
    }
    if setting.compile and compiler() is not None:
        arms["engine_compiled"] = engine(widths, dtype, skip=SKIP, compile=True)
        arms["backprop_compiled"] = Backprop(widths, dtype).compiled()
    batches = _endless(train, batch)
    for _ in range(min(EPOCH, len(train)) // batch):
        x, y = next(batches)
        for arm in arms.values():
            arm.step(x, y)

    def step_of(arm: Arm) -> Callable[[], object]:
        return lambda: arm.step(*next(batches))

    calls = {name: step_of(arm) for name, arm in arms.items()}
    seconds = medians(calls, budget=setting.seconds / 2)
    ratio = _fastest(seconds, "engine") / _fastest(seconds, "backprop")
    return {"skip": SKIP, "step_seconds": seconds, "step_vs_backprop": ratio}


def _endless(train: Data, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Whole batches without end: what is compiled would be compiled again for a smaller one."""
    whole = train.first(len(train) - len(train) % batch or len(train))
    while True:
        for x, y, _ in whole.batches(batch):
            yield x.flatten(1), y


def _scan(train: Data, hidden: tuple[int, ...]) -> Row:
    x = next(train.batches(SCANNED)).x.flatten(1)
    widths = [x.shape[1], *hidden]
    network = engine(widths, torch.float32).network
    calls: dict[str, Callable[[], object]] = {
        "naive": lambda: naive_scan(network, x),
        "shared": lambda: network.goodness_by_layer(x),
    }
    seconds = medians(calls, budget=5, least=3, block=1)
    ratio = seconds["shared"] / seconds["naive"]
    return {"scan_vs_naive": ratio, "scan_bound": scan_bound(widths, CLASSES)}


def _goal(train: Data, test: Data, setting: Setting, hidden: tuple[int, ...]) -> Row:
    training, validation = train.split()
    seconds, network = until_goal(training, validation, hidden, setting.precision)
    return {"seconds_to_98": seconds, "two_stage": two_stage_figures(network, validation, test)}
