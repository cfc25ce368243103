"""Colour pictures [batch, 3, side, side] -> seconds of a step of local layers and of backprop.

The network is that of `recipes.local_airbench`. All ways to train it have the same convolutions,
norms, activation, whitening, optimiser, precision and channels-last layout, and no augmentation.
"""

from __future__ import annotations

import copy
import functools
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from forward_forward.data import Data
from forward_forward.forward import Network
from forward_forward.forward.passes import lowered
from forward_forward.lab.benchmark.arms import CLASSES
from forward_forward.lab.benchmark.measure import block_seconds
from forward_forward.lab.benchmark.run import Say
from forward_forward.optimize import Muon
from forward_forward.optimize.precision import Precision, products
from forward_forward.recipes import Plan, local_airbench
from forward_forward.track.run_record import machine

MEASURED = 500  # pictures that the whitening is measured on
SMOOTHING = 0.1  # of the labels


@dataclass(frozen=True)
class ConvolutionSetting:
    """What to measure: random pictures of a side, in batches of a size."""

    channels: tuple[int, ...] = (64, 64, 256, 256, 256, 256)
    side: int = 32
    batch: int = 512
    precision: Precision = "auto"
    seconds: float = 240.0  # time for all together; each is timed at least ``least`` times
    least: int = 5

    @property
    def products(self) -> torch.dtype | None:
        """The type of the products on the CPU; None for float32."""
        return products(self.precision, torch.device("cpu"))


QUICK = ConvolutionSetting((16, 16, 32, 32, 32, 32), side=16, batch=128, seconds=5.0)


class BackpropCNN:
    """The network trained from end to end as is usual in torch: one graph and one optimiser.

    Args:
        plan: A plan of `local_airbench.per_convolution`, whose weights are copied and whose
            optimiser's settings are used.
    """

    def __init__(self, plan: Plan) -> None:
        network = copy.deepcopy(plan.trainer.network)
        self.products, self.whitening = plan.trainer.products, network.inputs
        self.blocks = nn.Sequential(
            *(nn.Sequential(layer.block, nn.GELU()) for layer in network.layers)
        )
        top: Any = network.layers[-1].goodness
        self.grid = top.grid
        self.head = nn.Linear(top.weight.shape[1], CLASSES, bias=False)
        nn.init.zeros_(self.head.weight)
        made = plan.trainer.optimizers[0].param_groups[0]
        names = ("lr", "matrix_lr", "momentum", "weight_decay")
        weights = [each for each in self.blocks.parameters() if each.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": weights},
            {"params": [self.head.weight], "readout": True},
        ]
        self.optimizer = Muon(groups, **{name: made[name] for name in names})

    def logits(self, x: Tensor) -> Tensor:
        """Scores of the labels [batch, classes]."""
        with lowered(x.device, self.products):
            with torch.no_grad():
                h = x if self.whitening is None else self.whitening(x)
            h = self.blocks(h)
        values = functional.avg_pool2d(h, h.shape[-1] // self.grid).flatten(1)
        scores: Tensor = self.head(values.to(self.head.weight.dtype))
        return scores

    def step(self, x: Tensor, y: Tensor) -> None:
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(self.logits(x), y, label_smoothing=SMOOTHING)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


@torch.no_grad()
def bare_convolutions(
    network: Network, x: Tensor, products: torch.dtype | None
) -> list[Callable[[], object]]:
    """The convolutions of a local step, as calls: forward, and the gradients of the filters.

    The whitening's, which is not trained, has no gradient.
    """
    network = copy.deepcopy(network)
    calls: list[Callable[[], object]] = []

    def laid(maps: Tensor) -> Tensor:
        return maps.to(products or maps.dtype).contiguous(memory_format=torch.channels_last)

    whitening: Any = network.inputs
    calls.append(_convolution(laid(x), laid(whitening.filters)))
    h = network.ready(x)
    for layer in network.layers:
        convolution: Any = layer.block.get_submodule("0")
        maps, filters = laid(h), laid(convolution.weight)
        forward = _convolution(maps, filters)
        calls += [forward, functools.partial(_filter_gradient, forward(), maps, filters)]
        h = layer(h)
    return calls


def _convolution(maps: Tensor, filters: Tensor) -> functools.partial[Tensor]:
    return functools.partial(functional.conv2d, maps, filters, padding=1)


def _filter_gradient(slope: Tensor, maps: Tensor, filters: Tensor) -> Any:
    """The gradient of 3 x 3 filters alone, for slopes of the shape of the outputs."""
    ones, mask = [1, 1], [False, True, False]
    return torch.ops.aten.convolution_backward(
        slope, maps, filters, None, ones, ones, ones, False, [0, 0], 1, mask
    )


def planned(name: str, setting: ConvolutionSetting) -> Plan:
    """A recipe's plan without augmentation, its whitening measured on random pictures."""
    rng = torch.Generator().manual_seed(0)
    shape = (MEASURED, 3, setting.side, setting.side)
    x = torch.randint(0, 256, shape, generator=rng, dtype=torch.uint8)
    data = Data(x, torch.arange(MEASURED) % CLASSES, tuple("0123456789"))
    recipe = getattr(local_airbench, name)
    plan: Plan = recipe(
        data,
        channels=setting.channels,
        precision=setting.precision,
        label_smoothing=SMOOTHING,
        flip=False,
        shift=0,
    )
    plan.trainer.network.train()
    return plan


def benchmark_convolutions(
    setting: ConvolutionSetting, say: Say = lambda _: None
) -> dict[str, Any]:
    """Time a step of local layers, of backprop and of the convolutions alone, in alternation.

    Returns:
        ``step_seconds``, medians; the ratios ``per_convolution_vs_backprop``,
        ``per_group_vs_backprop`` and ``convolutions_share`` (of the step of per_convolution),
        medians of the ratios within each round; and what was measured.
    """
    rng = torch.Generator().manual_seed(1)
    x = torch.rand(setting.batch, 3, setting.side, setting.side, generator=rng)
    y = torch.arange(setting.batch) % CLASSES
    plans = {name: planned(name, setting) for name in ("per_convolution", "per_group")}
    bare = bare_convolutions(plans["per_convolution"].trainer.network, x, setting.products)
    steps: dict[str, Callable[[Tensor, Tensor], object]] = {
        **{name: plan.trainer.step for name, plan in plans.items()},
        "backprop": BackpropCNN(plans["per_convolution"]).step,
        "convolutions": lambda *_: [call() for call in bare],
    }
    calls = {name: functools.partial(step, x, y) for name, step in steps.items()}
    say(f"{'-'.join(map(str, setting.channels))} channels, batch {setting.batch}")
    found = block_seconds(calls, budget=setting.seconds, least=setting.least, block=1)
    return {
        "machine": machine(),
        "channels": list(setting.channels),
        "side": setting.side,
        "batch": setting.batch,
        "precision": str(setting.products or torch.float32).removeprefix("torch."),
        "step_seconds": {name: statistics.median(each) for name, each in found.items()},
        "per_convolution_vs_backprop": _ratio(found, "per_convolution", "backprop"),
        "per_group_vs_backprop": _ratio(found, "per_group", "backprop"),
        "convolutions_share": _ratio(found, "convolutions", "per_convolution"),
    }


def _ratio(found: dict[str, list[float]], one: str, other: str) -> float:
    """Median of the ratios within each round, which other load on the machine changes least."""
    return statistics.median(a / b for a, b in zip(found[one], found[other], strict=True))
