"""A network and the size of a batch -> what travels between stages, and in which order.

Forward go the activities that a stage reads, with the figures that all stages need of a batch;
scores of labels go from a later stage to the first. No gradient goes anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from forward_forward.data import Source
from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import divisor_of
from forward_forward.forward.passes import ForwardPass, as_source, written_out
from forward_forward.optimize.batch_shard import BatchShard
from forward_forward.optimize.scores import scored_layers
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel.parcel import Fields, Parcel
from forward_forward.parallel.place import Place
from forward_forward.parallel.trial import examples_of

Look = Literal["head", "goodness"]
MANY = 2**40  # samples: of so many, some are scored unless none ever is
GOES_ON = -1  # instead of a step that is the last one


@dataclass(frozen=True)
class Shapes:
    """What a sample becomes.

    Args:
        variants: Positives and negatives of a sample in training.
        candidates: Candidates of a sample; 0 where no label is in the input.
        features: Shape of each layer's activities.
        label: Shape of a sample's label.
    """

    variants: int
    candidates: int
    features: tuple[tuple[int, ...], ...]
    label: tuple[int, ...]

    @classmethod
    @torch.no_grad()
    def of(cls, trainer: TrainStep, source: Source, batch_size: int) -> Shapes:
        """Those of a trainer's network on some data, read in batches of a size."""
        network = trainer.network
        x, y, _ = next(iter(source.batches(batch_size)))
        x, y = x[:2], y[:2]
        positive, shown = examples_of(network, x, y)
        rows = written_out(as_source(shown))
        candidates = 0
        if network.examples.labelled:
            candidates = network.examples.candidates(positive).variants
        activities = ForwardPass(network.layers).activities(as_source(rows))
        features = tuple(tuple(each.h.shape[1:]) for each in activities)
        return cls(len(rows) // len(x), candidates, features, tuple(y.shape[1:]))


class Mail:
    """The parcels between the stages of a network.

    Args:
        trainer: The trainer.
        shapes: Of a sample.
        place: Where this rank stands.
    """

    def __init__(self, trainer: TrainStep, shapes: Shapes, place: Place) -> None:
        self.trainer, self.shapes, self.place = trainer, shapes, place
        self.part = BatchShard(place.replica, place.replicas)
        self.counted = scored_layers(trainer.network, len(trainer.network.layers))
        self.dtype = trainer.network.dtype

    @property
    def looks(self) -> tuple[Look, ...]:
        """The passes over a batch to come in which more than the first stage has a part."""
        network = self.trainer.network
        looks: list[Look] = []
        if self.place.stages == 1:
            return ()
        if network.head is not None:
            looks.append("head")
        hard = network.examples.hard_rows(MANY)
        beyond = self.place.stage_of(self.counted.stop - 1) > 0
        if network.examples.scores in ("goodness", "first layer") and hard and beyond:
            looks.append("goodness")
        return tuple(looks)

    def end_of(self, look: Look) -> int:
        """The last stage of a look."""
        if look == "head":
            return self.place.stages - 1
        return self.place.stage_of(self.counted.stop - 1)

    def answers(self, look: Look) -> bool:
        """Whether the first stage wants the result of a look."""
        return look == "goodness" or self.trainer.network.examples.scores == "softmax"

    def rows(self, batch: int) -> int:
        """How many samples of a batch are this replica's."""
        rows = self.part.rows(batch)
        return int(rows.stop - rows.start)

    def scored(self, look: Look, batch: int) -> int:
        """How many of them are scored in a look."""
        if look == "head":
            return self.rows(batch)
        return self.part.hard(batch, self.trainer.network.examples.hard_rows(batch))

    def show(self, stage: int, batch: int) -> Fields:
        """What a stage reads to learn from a batch; ``stop`` is the last step, or `GOES_ON`."""
        rows = self.rows(batch)
        activities = self._activities(stage, self.shapes.variants * rows)
        return {**activities, "share": ((rows,), self.dtype), "stop": ((1,), torch.int64)}

    def look(self, look: Look, stage: int, batch: int) -> Fields:
        """What a stage reads to look at a batch; ``total`` are the scores of the layers below."""
        rows = self.scored(look, batch)
        if look == "goodness":
            candidates = self._activities(stage, self.shapes.candidates * rows)
            return {**candidates, **self.scores(look, batch)}
        labels = ((rows, *self.shapes.label), torch.int64)
        shares = ((rows,), self.dtype)
        neutral = self._activities(stage, rows)
        return {**neutral, **self.scores(look, batch), "y": labels, "share": shares}

    def scores(self, look: Look, batch: int) -> Fields:
        """Scores of labels."""
        classes = self.trainer.network.examples.num_classes
        width = classes if look == "head" else self.shapes.candidates
        return {"total": ((self.scored(look, batch), width), self.dtype)}

    def _activities(self, stage: int, rows: int) -> Fields:
        above = Place(stage * self.place.replicas, self.place.split, self.place.replicas).layers
        h = ((rows, *self.shapes.features[above.start - 1]), self.dtype)
        if not self.measures(above.start):
            return {"h": h}
        return {"h": h, "length": ((rows,), self.dtype)}

    def measures(self, layer: int) -> bool:
        """Whether a layer needs the lengths of the activities that it reads."""
        above = self.trainer.network.layers[layer]
        return above.linear is not None and divisor_of(above.normalize) is not None


def put(parcel: Parcel, activities: Inputs | Activities) -> None:
    """Put activities into a parcel, with their length where it is wanted."""
    assert isinstance(activities, Activities)  # a stage has a layer
    if parcel["h"].data_ptr() != activities.h.data_ptr():  # else they were written there
        parcel["h"].copy_(activities.h)
    length = parcel.get("length")
    if length is not None:
        length.copy_(activities.length)


def activities_of(parcel: Parcel) -> Activities:
    """The activities in a parcel."""
    return Activities(parcel["h"], parcel.get("length"))


def turns(steps: range, look_ahead: int) -> Iterator[tuple[Literal["see", "show"], int]]:
    """Batches by their step, in the order in which they are seen and shown.

    >>> list(turns(range(3), 1))[:4]
    [('see', 0), ('see', 1), ('show', 0), ('see', 2)]
    """
    for number in steps:
        yield "see", number
        if number - look_ahead >= steps.start:
            yield "show", number - look_ahead
    for number in steps[max(0, len(steps) - look_ahead) :]:
        yield "show", number
