"""A trainer and its data -> seconds that each layer takes of a step, in one process."""

from __future__ import annotations

import copy
import functools
import statistics
import time
from collections.abc import Callable

import torch

from forward_forward.data import Source
from forward_forward.examples import Inputs
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import ForwardPass, as_source
from forward_forward.optimize.engine import Engine
from forward_forward.optimize.optimizers import forget_gradients, stepper
from forward_forward.optimize.randomness import StepRandomness
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel.trial import examples_of

TIMES = 3
Read = Inputs | Activities


def layer_seconds(trainer: TrainStep, source: Source, batch_size: int) -> list[float]:
    """Median seconds of each layer's own step, and of its part of the looks at batches to come.

    Layers are measured one at a time on copies, which are then forgotten: the network stays as it
    is. Layers that are alike are measured once.

    Args:
        trainer: The trainer.
        source: Training data; its first batch is used.
        batch_size: Samples a step.
    """
    network = trainer.network
    x, y, _ = next(iter(source.batches(batch_size)))
    source_of, looks = _first_inputs(network, x, y)
    share = torch.full((len(x),), 1 / len(x), dtype=network.dtype, device=network.device)
    known: dict[str, float] = {}
    seconds = []
    for index, layer in enumerate(network.layers):
        shape = tuple(source_of.h.shape) if isinstance(source_of, Activities) else "samples"
        kind = f"{index == 0} {shape} {layer}"
        looked = [functools.partial(_activities, trainer, index, look) for look in looks]
        if kind not in known:
            step = _step_of(trainer, index, source_of, share)
            known[kind] = _median(step) + sum(map(_median, looked))
        seconds.append(known[kind])
        source_of = _activities(trainer, index, source_of)
        looks = [look() for look in looked]
    return seconds


def _first_inputs(network: Network, x: torch.Tensor, y: torch.Tensor) -> tuple[Read, list[Read]]:
    """What the first layer reads in a step, and in the looks that go through all layers."""
    examples = network.examples
    positive, shown = examples_of(network, x, y)
    looks: list[Read] = []
    hard = examples.hard_rows(len(x))
    if examples.scores == "goodness" and hard:
        looks.append(as_source(examples.candidates(positive.first(hard))))
    if network.head is not None:
        looks.append(as_source(examples.neutral(positive)))
    return as_source(shown), looks


@torch.no_grad()
def _activities(trainer: TrainStep, index: int, source: Read) -> Activities:
    forward = ForwardPass([trainer.network.layers[index]], trainer.products)
    return next(forward.activities(source))


def _step_of(
    trainer: TrainStep, index: int, source: Read, share: torch.Tensor
) -> Callable[[], None]:
    """A layer's step, on a copy of the layer."""
    layer, optimizer = copy.deepcopy((trainer.network.layers[index], trainer.optimizers[index]))
    if not layer.calibrated:
        layer.threshold_value.fill_(1.0)
    engine = trainer.layer_steps.engine
    gradients = Engine([layer], engine.kind, skip=engine.skip)
    passes = ForwardPass([layer], trainer.products)
    chance = StepRandomness(trainer.seed, 0, trainer.device)

    @torch.no_grad()
    def step() -> None:
        seen = source
        if isinstance(seen, Activities) and index:
            seen = chance.dropped_rows(seen, layer.dropout, len(share), index)
        affine = passes.begin().affines[0]
        gradients.gradients(0, affine, seen, share, (0, "measured"))
        stepper(optimizer)()
        forget_gradients(optimizer)

    return step


def _median(call: Callable[[], object]) -> float:
    call()  # the first time, memory is asked for
    spans = []
    for _ in range(TIMES):
        began = time.perf_counter()
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        spans.append(time.perf_counter() - began)
    return statistics.median(spans)
