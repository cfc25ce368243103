"""A network and a batch size -> the messages between stages: which tensors, and in which order.

Activities travel upwards, together with the sample weights that every stage needs; scores of labels
return from a later stage to the first. Gradients never leave the stage that computes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from forward_forward.data import Source
from forward_forward.examples import Inputs, OrdinalBins, stack
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import divisor_of
from forward_forward.forward.passes import ForwardPass, as_source, written_out
from forward_forward.optimize.batch_shard import BatchShard
from forward_forward.optimize.scores import scored_layers
from forward_forward.optimize.targets import Targets
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel.place import Place

Probe = Literal["head", "goodness"]  # a pass over a batch before any layer trains on it
TensorSpecs = Mapping[str, tuple[tuple[int, ...], torch.dtype]]
ALIGNMENT = 64  # bytes: matrix products of unaligned operands round differently
LARGE_BATCH = 2**40  # samples: if none of so many is scored, none ever is
NO_STOP = -1  # in place of the number of the last step


class PackedTensors:
    """Named tensors that are views of one buffer, so that a single call sends or receives them all.

    Args:
        specs: Shape and type of each tensor.
        buffer: Memory to use, uint8 [at least ``packed_size(specs)``]; allocated if omitted.
        device: Where to allocate it.

    >>> message = PackedTensors({"h": ((2, 3), torch.float32), "stop": ((), torch.int64)})
    >>> message["h"].shape, message.payload.shape
    (torch.Size([2, 3]), torch.Size([72]))
    """

    def __init__(
        self, specs: TensorSpecs, buffer: Tensor | None = None, device: torch.device | None = None
    ) -> None:
        needed = packed_size(specs)
        if buffer is None:
            buffer = torch.empty(needed, dtype=torch.uint8, device=device)
        self.buffer = buffer
        self.payload = self.buffer[:needed]
        self._views: dict[str, Tensor] = {}
        start = 0
        for name, (shape, dtype) in specs.items():
            length = math.prod(shape) * dtype.itemsize
            self._views[name] = self.buffer[start : start + length].view(dtype).view(shape)
            start += _aligned(length)

    def __getitem__(self, name: str) -> Tensor:
        return self._views[name]

    def get(self, name: str) -> Tensor | None:
        """The tensor with this name, or None if there is no such tensor."""
        return self._views.get(name)


def packed_size(specs: TensorSpecs) -> int:
    """Bytes that the tensors occupy when packed."""
    lengths = [math.prod(shape) * dtype.itemsize for shape, dtype in specs.values()]
    return sum(map(_aligned, lengths[:-1])) + sum(lengths[-1:])


def _aligned(length: int) -> int:
    return -(-length // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True)
class SampleShapes:
    """The shapes of everything that is computed from one sample.

    Args:
        variants: Positives and negatives of a sample in training.
        candidates: Candidates of a sample; 0 if the input contains no label.
        features: Shape of each layer's activities.
        label: Shape of a sample's label.
    """

    variants: int
    candidates: int
    features: tuple[tuple[int, ...], ...]
    label: tuple[int, ...]

    @classmethod
    @torch.no_grad()
    def of(cls, trainer: TrainStep, source: Source, batch_size: int) -> SampleShapes:
        """The shapes for a trainer's network, found by passing two samples through it."""
        network = trainer.network
        x, y, _ = next(iter(source.batches(batch_size)))
        x, y = x[:2], y[:2]
        positive, examples = stacked_examples(network, x, y)
        rows = written_out(as_source(examples))
        candidates = 0
        if network.examples.labelled:
            candidates = network.examples.candidates(positive).variants
        activities = ForwardPass(network.layers).activities(as_source(rows))
        features = tuple(tuple(each.h.shape[1:]) for each in activities)
        return cls(len(rows) // len(x), candidates, features, tuple(y.shape[1:]))


def stacked_examples(network: Network, x: Tensor, y: Tensor) -> tuple[Inputs, Inputs | Tensor]:
    """Positives, and positives stacked with negatives, as in a training step without scores."""
    examples, y = network.examples, y.to(network.device)
    positive = examples.positive(network.ready(x), y)
    scores = torch.zeros(len(x), examples.num_classes, device=network.device)
    rng = torch.Generator(network.device).manual_seed(0)
    return positive, stack(positive, examples.negative(positive, y, rng, scores))


class MessagePlan:
    """The contents of every message between the stages of a network.

    Args:
        trainer: The trainer.
        shapes: Shapes of what is computed from a sample.
        place: This rank's stage and replica.
        sizes: Samples in each batch of an epoch.
    """

    def __init__(
        self, trainer: TrainStep, shapes: SampleShapes, place: Place, sizes: list[int]
    ) -> None:
        self.trainer, self.shapes, self.place, self.sizes = trainer, shapes, place, sizes
        self.part = BatchShard(place.replica, place.replicas)
        self.counted = scored_layers(trainer.network, len(trainer.network.layers))
        self.dtype = trainer.network.dtype

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The probes that involve stages above the first."""
        network = self.trainer.network
        probes: list[Probe] = []
        if self.place.stages == 1:
            return ()
        if network.head is not None:
            probes.append("head")
        hard = network.examples.hard_rows(LARGE_BATCH)
        beyond = self.place.stage_of(self.counted.stop - 1) > 0
        if network.examples.scores in ("goodness", "first layer") and hard and beyond:
            probes.append("goodness")
        return tuple(probes)

    def last_stage(self, probe: Probe) -> int:
        """The highest stage that a probe reaches."""
        if probe == "head":
            return self.place.stages - 1
        return self.place.stage_of(self.counted.stop - 1)

    def returns_scores(self, probe: Probe) -> bool:
        """Whether the first stage needs the result of a probe."""
        return probe == "goodness" or self.trainer.network.examples.scores == "softmax"

    def rows(self, batch: int) -> int:
        """How many samples of a batch belong to this replica."""
        rows = self.part.rows(batch)
        return int(rows.stop - rows.start)

    def scored_rows(self, probe: Probe, batch: int) -> int:
        """How many of these samples a probe scores."""
        if probe == "head":
            return self.rows(batch)
        return self.part.hard(batch, self.trainer.network.examples.hard_rows(batch))

    def training(self, stage: int, batch: int) -> TensorSpecs:
        """The message a stage trains on; ``stop`` is the number of the last step, or `NO_STOP`."""
        rows = self.rows(batch)
        activities = self._activities(stage, self.shapes.variants * rows)
        network = self.trainer.network
        about = {"sample_weight": ((rows,), self.dtype), "stop": ((1,), torch.int64)}
        labels: TensorSpecs = {}
        if any(layer.class_wise or layer.terms for layer in network.layers):
            labels = {"labels": ((rows, *self.shapes.label), torch.int64)}
        if isinstance(network.examples, OrdinalBins):
            labels = {**labels, "soft": ((rows, network.examples.num_classes), self.dtype)}
        return {**activities, **about, **labels}

    def probing(self, probe: Probe, stage: int, batch: int) -> TensorSpecs:
        """The message of a probe to a stage; ``scores`` are summed over the layers below."""
        rows = self.scored_rows(probe, batch)
        if probe == "goodness":
            candidates = self._activities(stage, self.shapes.candidates * rows)
            return {**candidates, **self.scores(probe, batch)}
        labels = ((rows, *self.shapes.label), torch.int64)
        weights = ((rows,), self.dtype)
        neutral = self._activities(stage, rows)
        return {**neutral, **self.scores(probe, batch), "y": labels, "sample_weight": weights}

    def scores(self, probe: Probe, batch: int) -> TensorSpecs:
        """The message with the scores of labels, ``scores`` [scored rows, classes]."""
        classes = self.trainer.network.examples.num_classes
        width = classes if probe == "head" else self.shapes.candidates
        return {"scores": ((self.scored_rows(probe, batch), width), self.dtype)}

    def _activities(self, stage: int, rows: int) -> TensorSpecs:
        above = Place(stage * self.place.replicas, self.place.split, self.place.replicas).layers
        h = ((rows, *self.shapes.features[above.start - 1]), self.dtype)
        layer = self.trainer.network.layers[above.start]
        if layer.linear is None or divisor_of(layer.normalize) is None:
            return {"h": h}
        return {"h": h, "length": ((rows,), self.dtype)}  # by which the layer normalises them


def pack_activities(message: PackedTensors, activities: Inputs | Activities) -> None:
    """Copy activities into a message, with their lengths if the message includes them."""
    assert isinstance(activities, Activities)  # a stage has at least one layer
    activities = activities.onward
    if message["h"].data_ptr() != activities.h.data_ptr():  # else they were computed in place
        message["h"].copy_(activities.h)
    length = message.get("length")
    if length is not None:
        length.copy_(activities.length)


def unpack_activities(message: PackedTensors) -> Activities:
    """The activities in a message."""
    return Activities(message["h"], message.get("length"))


def pack_targets(message: PackedTensors, targets: Targets) -> None:
    """Copy samples' weights into a message, and their labels and soft targets if it has them."""
    message["sample_weight"].copy_(targets.weight)
    labels = message.get("labels")
    if labels is not None and targets.labels is not None:
        labels.copy_(targets.labels)
    soft = message.get("soft")
    if soft is not None and targets.soft is not None:
        soft.copy_(targets.soft)


def unpack_targets(message: PackedTensors) -> Targets:
    """The targets in a message."""
    return Targets(message["sample_weight"], message.get("labels"), message.get("soft"))


def schedule(steps: range, look_ahead: int) -> Iterator[tuple[Literal["probe", "train"], int]]:
    """The order in which the batches of some steps are probed and trained on.

    >>> list(schedule(range(3), 1))[:4]
    [('probe', 0), ('probe', 1), ('train', 0), ('probe', 2)]
    """
    for number in steps:
        yield "probe", number
        if number - look_ahead >= steps.start:
            yield "train", number - look_ahead
    for number in steps[max(0, len(steps) - look_ahead) :]:
        yield "train", number
