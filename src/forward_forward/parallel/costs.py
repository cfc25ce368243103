"""A trainer and its data -> seconds that each layer takes of a step, in one process."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable

import torch

from forward_forward.data import Source
from forward_forward.examples import Inputs, stack
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import ForwardPass, as_source
from forward_forward.optimize.chance import Chance
from forward_forward.optimize.engine import Engine
from forward_forward.optimize.optimizers import forget_gradients, stepper
from forward_forward.optimize.trainer import Trainer

TIMES = 3


def layer_seconds(trainer: Trainer, source: Source, batch_size: int) -> list[float]:
    """Median seconds of each layer's own step: its products, its gradients and its optimiser.

    Layers are measured one at a time on copies, which are then forgotten: the network stays as it
    is. Layers that are alike are measured once.

    Args:
        trainer: The trainer.
        source: Training data; its first batch is used.
        batch_size: Samples a step.
    """
    network = trainer.network
    x, y, _ = next(iter(source.batches(batch_size)))
    source_of = _first_input(network, x, y)
    share = torch.full((len(x),), 1 / len(x), dtype=network.dtype, device=network.device)
    known: dict[str, float] = {}
    seconds = []
    for index, layer in enumerate(network.layers):
        shape = tuple(source_of.h.shape) if isinstance(source_of, Activities) else "samples"
        kind = f"{index == 0} {shape} {layer}"
        call, forward = _step_of(trainer, index, source_of, share)
        if kind not in known:
            known[kind] = _median(call)
        seconds.append(known[kind])
        source_of = next(forward.activities(source_of))
    return seconds


def _first_input(network: Network, x: torch.Tensor, y: torch.Tensor) -> Inputs | Activities:
    y = y.to(network.device)
    positive = network.examples.positive(network.ready(x), y)
    scores = torch.zeros(len(x), network.examples.num_classes, device=network.device)
    rng = torch.Generator(network.device).manual_seed(0)
    negative = network.examples.negative(positive, y, rng, scores)
    return as_source(stack(positive, negative))


def _step_of(
    trainer: Trainer, index: int, source: Inputs | Activities, share: torch.Tensor
) -> tuple[Callable[[], None], ForwardPass]:
    """A layer's step, on a copy of the layer; and passes through the layer itself."""
    layer, optimizer = copy.deepcopy((trainer.network.layers[index], trainer.optimizers[index]))
    if not layer.calibrated:
        layer.threshold_value.fill_(1.0)
    engine = trainer.layer_steps.engine
    gradients = Engine([layer], engine.kind, skip=engine.skip)
    passes = ForwardPass([layer], trainer.products)
    chance = Chance(trainer.seed, 0, trainer.device)

    @torch.no_grad()
    def step() -> None:
        seen = source
        if isinstance(seen, Activities) and index:
            seen = chance.dropped_rows(seen, layer.dropout, len(share), index)
        affine = passes.begin().affines[0]
        gradients.gradients(0, affine, seen, share, (0, "measured"))
        stepper(optimizer)()
        forget_gradients(optimizer)

    return step, ForwardPass([trainer.network.layers[index]], trainer.products)


def _median(call: Callable[[], None]) -> float:
    call()  # the first time, memory is asked for
    spans = []
    for _ in range(TIMES):
        began = time.perf_counter()
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        spans.append(time.perf_counter() - began)
    return statistics.median(spans)
