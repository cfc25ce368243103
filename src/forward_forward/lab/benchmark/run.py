"""Settings of a benchmark -> a row of figures for each network and batch, measured in one run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from forward_forward.data import Data
from forward_forward.lab.benchmark.arithmetic import (
    arithmetic_ratio,
    bare_products,
    one_pass_ratio,
)
from forward_forward.lab.benchmark.arms import (
    CLASSES,
    AutogradFF,
    Backprop,
    BackpropByHand,
    DeepSupervision,
    engine,
    gradients_alone,
    one_pass,
    sklearn_step,
)
from forward_forward.lab.benchmark.convolution import convolution_figures
from forward_forward.lab.benchmark.inference import (
    one_pass_figures,
    scan_figures,
    two_stage_figures,
)
from forward_forward.lab.benchmark.learn import until_goal
from forward_forward.lab.benchmark.measure import activity_bytes, medians, peak_bytes
from forward_forward.optimize.precision import Precision, products
from forward_forward.recipes.plan import features
from forward_forward.recipes.standard import SKIP
from forward_forward.track.run_record import machine

WIDE = ((500, 500), (1000, 1000, 1000), (2000, 2000, 2000, 2000))
DEEP = tuple((256,) * depth for depth in (4, 8, 16, 32, 64))
GOAL = WIDE[:2]  # those that train in a minute or two
EPOCH = 50_000
CONVOLVED = 256  # images in a batch of the convolutional network
Row = dict[str, Any]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Setting:
    """What to measure."""

    networks: tuple[tuple[int, ...], ...] = (*WIDE, *DEEP)  # units of the layers of each
    batches: tuple[int, ...] = (512, 100)  # samples per step
    precision: Precision = "auto"  # of the products in training; inference is measured in float32
    seconds: float = 8.0  # time for the steps of one network and batch
    sklearn: bool = True  # whether to time scikit-learn too
    convolution: bool = True  # whether to time a converted convolutional network, in float32
    goal: bool = True  # whether to train the smaller wide networks to 98 % on MNIST

    @property
    def dtype(self) -> torch.dtype:
        """The type of the products on the CPU."""
        return products(self.precision, torch.device("cpu")) or torch.float32


def benchmark(
    train: Data, test: Data, setting: Setting, say: Say = lambda _: None
) -> dict[str, Any]:
    """Compare the engine with autograd, backprop and scikit-learn, on the CPU.

    Args:
        train: Training images; the first ones make the batches.
        test: Images on which two-stage inference is compared with the exact scan.
        setting: What to measure.
        say: Called with a line of text as the benchmark advances.

    Returns:
        ``machine``, ``data`` and ``networks``: a row of figures for each network and batch; and
        ``convolution``, see `convolution_figures`.
    """
    rows = []
    for hidden in setting.networks:
        for batch in setting.batches:
            name = network_name(hidden)
            say(f"{name}, batch {batch}")
            row = _row(train, setting, hidden, batch)
            if batch == setting.batches[0]:
                row |= scan_figures(train, hidden) | one_pass_figures(train, hidden)
                if hidden in WIDE:
                    row["fewer_products"] = _fewer_products(train, setting, hidden, batch)
                if setting.goal and hidden in GOAL and train.name == "mnist":
                    say(f"{name}, to 98 %")
                    row |= _goal(train, test, setting, hidden)
            rows.append(row)
    result = {"machine": machine(), "data": train.name, "networks": rows}
    if setting.convolution:
        say("a converted convolutional network")
        x, y, _ = next(train.batches(CONVOLVED))
        result["convolution"] = convolution_figures(x, y, 2 * setting.seconds)
    return result


def network_name(hidden: Sequence[int]) -> str:
    """A short name of a network's layers.

    >>> network_name((500, 500))
    '2 x 500'
    """
    same = len(set(hidden)) == 1
    return f"{len(hidden)} x {hidden[0]}" if same else "-".join(map(str, hidden))


def _row(train: Data, setting: Setting, hidden: tuple[int, ...], batch: int) -> Row:
    dtype = setting.dtype
    x, y, _ = next(train.batches(batch))
    x = x.flatten(1)
    widths = [x.shape[1], *hidden]
    seconds = medians(_calls(widths, dtype, x, y), budget=setting.seconds)
    if setting.sklearn and (hidden in WIDE or len(hidden) <= 4):
        # Separately: its threads keep spinning for a while and slow down what is timed next.
        alone = {"sklearn": sklearn_step(widths, x, y)}
        seconds |= medians(alone, budget=setting.seconds / 8, block=1)
    return {
        "network": network_name(hidden),
        "hidden": list(hidden),
        "batch": batch,
        "precision": str(dtype).removeprefix("torch."),
        "step_seconds": seconds,
        "seconds_per_50k": seconds["engine"] * EPOCH / batch,
        "step_vs_backprop": seconds["engine"] / seconds["backprop"],
        "arithmetic_ratio": arithmetic_ratio(widths),
        "step_vs_autograd_ff": seconds["engine"] / seconds["autograd_ff"],
        "one_pass_vs_backprop": seconds["one_pass"] / seconds["backprop"],
        "one_pass_vs_backprop_by_hand": seconds["one_pass"] / seconds["backprop_by_hand"],
        "one_pass_arithmetic": one_pass_ratio(widths, CLASSES),
        "deep_supervision_vs_backprop": seconds["deep_supervision"] / seconds["backprop"],
        "gemm_fraction": seconds["products"] / seconds["engine"],
        **_memory(widths, dtype, x, y),
    }


def _calls(
    widths: list[int], dtype: torch.dtype, x: Tensor, y: Tensor
) -> dict[str, Callable[[], object]]:
    arms: dict[str, Any] = {
        "engine": engine(widths, dtype),
        "one_pass": one_pass(widths, dtype),
        "autograd_ff": AutogradFF(widths, dtype),
        "backprop": Backprop(widths, dtype),
        "backprop_by_hand": BackpropByHand(widths, dtype),
        "deep_supervision": DeepSupervision(widths, dtype),
    }
    return {
        **{name: functools.partial(arm.step, x, y) for name, arm in arms.items()},
        "products": bare_products(widths, len(x), dtype),
    }


def _memory(widths: list[int], dtype: torch.dtype, x: Tensor, y: Tensor) -> Row:
    """Peak bytes of a first step beyond the weights, and how many the batch's activities take.

    Activities are twice what the second half of the batch adds to a step on the first, once
    gradients and optimiser state are allocated. Backprop's are measured without the optimiser's
    step, by which time they have been freed; a Forward-Forward step cannot be divided in this way.
    """
    ff, backprop = engine(widths, dtype), Backprop(widths, dtype)
    return {
        "peak_bytes": {
            "ff": peak_bytes(lambda: ff.step(x, y)),
            "backprop": peak_bytes(lambda: backprop.step(x, y)),
        },
        "activity_bytes": {
            "ff": activity_bytes(lambda: engine(widths, dtype).step, x, y),
            "backprop": activity_bytes(lambda: gradients_alone(widths, dtype), x, y),
        },
    }


def _fewer_products(train: Data, setting: Setting, hidden: tuple[int, ...], batch: int) -> Row:
    """A training step that skips samples with a small slope, relative to a step of backprop.

    How many samples are skipped depends on the network's accuracy, so both are timed while they
    train, in the second pass over the data.
    """
    widths = [features(train), *hidden]
    ours, backprop = engine(widths, setting.dtype, skip=SKIP), Backprop(widths, setting.dtype)
    batches = _endless(train, batch)
    for _ in range(min(EPOCH, len(train)) // batch):
        x, y = next(batches)
        ours.step(x, y)
        backprop.step(x, y)
    calls: dict[str, Callable[[], object]] = {
        "engine": lambda: ours.step(*next(batches)),
        "backprop": lambda: backprop.step(*next(batches)),
    }
    seconds = medians(calls, budget=setting.seconds / 2)
    ratio = seconds["engine"] / seconds["backprop"]
    return {"skip": SKIP, "step_seconds": seconds, "step_vs_backprop": ratio}


def _endless(train: Data, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of the same size without end."""
    whole = train.first(len(train) - len(train) % batch or len(train))
    while True:
        for x, y, _ in whole.batches(batch):
            yield x.flatten(1), y


def _goal(train: Data, test: Data, setting: Setting, hidden: tuple[int, ...]) -> Row:
    training, validation = train.split()
    seconds, network = until_goal(training, validation, hidden, setting.precision)
    return {"seconds_to_98": seconds, "two_stage": two_stage_figures(network, validation, test)}
