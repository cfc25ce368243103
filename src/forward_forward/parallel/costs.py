"""A trainer and its data -> the seconds that each layer needs for a step, in one process."""

from __future__ import annotations

import copy
import functools
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from forward_forward.data import Source
from forward_forward.examples import Inputs
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import ForwardPass, as_source
from forward_forward.optimize.engine import Engine
from forward_forward.optimize.optimizers import forget_gradients, stepper
from forward_forward.optimize.randomness import StepRandomness
from forward_forward.optimize.targets import Targets, targets_of
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel.messages import stacked_examples

REPEATS = 3
LayerInput = Inputs | Activities


def layer_seconds(trainer: TrainStep, source: Source, batch_size: int) -> list[float]:
    """Median seconds of each layer's step, and of its part of the probes of batches ahead.

    Layers are measured one at a time on temporary copies, so the network does not change. Of layers
    with the same description and input shape, one is measured. The data's first batch is used.
    """
    network = trainer.network
    x, y, _ = next(iter(source.batches(batch_size)))
    source_of, probes = _first_inputs(network, x, y)
    weight = torch.full((len(x),), 1 / len(x), dtype=network.dtype, device=network.device)
    labels = y.to(network.device) if network.class_wise else None
    targets = targets_of(network.examples, weight, labels)
    measured: dict[str, float] = {}
    seconds = []
    for index, layer in enumerate(network.layers):
        shape = tuple(source_of.h.shape) if isinstance(source_of, Activities) else "samples"
        kind = f"{index == 0} {shape} {layer}"
        probing = [functools.partial(_activities, trainer, index, each) for each in probes]
        if kind not in measured:
            step = _step_of(trainer, index, source_of, targets)
            measured[kind] = _median(step) + sum(map(_median, probing))
        seconds.append(measured[kind])
        source_of = _activities(trainer, index, source_of)
        probes = [each() for each in probing]
    return seconds


def _first_inputs(network: Network, x: Tensor, y: Tensor) -> tuple[LayerInput, list[LayerInput]]:
    """The first layer's input in a step, and in the probes that pass through all layers."""
    examples = network.examples
    positive, stacked = stacked_examples(network, x, y)
    probes: list[LayerInput] = []
    hard = examples.hard_rows(len(x))
    if examples.scores == "goodness" and hard:
        probes.append(as_source(examples.candidates(positive.first(hard))))
    if network.head is not None:
        probes.append(as_source(examples.neutral(positive)))
    return as_source(stacked), probes


@torch.no_grad()
def _activities(trainer: TrainStep, index: int, source: LayerInput) -> Activities:
    forward = ForwardPass([trainer.network.layers[index]], trainer.products)
    return next(forward.activities(source))


def _step_of(
    trainer: TrainStep, index: int, source: LayerInput, targets: Targets
) -> Callable[[], None]:
    """A step of a copy of one layer."""
    layer, optimizer = copy.deepcopy((trainer.network.layers[index], trainer.optimizers[index]))
    if not layer.calibrated:
        layer.threshold_value.fill_(1.0)
    engine = trainer.layer_steps.engine
    gradients = Engine([layer], engine.kind, skip=engine.skip, products=engine.products)
    passes = ForwardPass([layer], trainer.products)
    randomness = StepRandomness(trainer.seed, 0, trainer.device)

    @torch.no_grad()
    def step() -> None:
        seen = source
        if isinstance(seen, Activities) and index:
            seen = randomness.dropped_rows(seen, layer.dropout, len(targets.weight), index)
        affine = passes.begin().affines[0]
        gradients.gradients(0, affine, seen, targets, (0, "measured"))
        stepper(optimizer)()
        forget_gradients(optimizer)

    return step


def _median(call: Callable[[], object]) -> float:
    call()  # the first call allocates memory
    spans = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        spans.append(time.perf_counter() - began)
    return statistics.median(spans)
