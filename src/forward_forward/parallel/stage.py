"""Parcels from the stage below -> this stage's own steps, and parcels for the stage above.

Nothing flows back: each stage is a step behind the one below it, and no batch waits for another's
end. With hard negatives the first stage needs scores of labels from above; a look-ahead gives them
time to come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from forward_forward.data.batch import Batch
from forward_forward.optimize.metrics import by_name
from forward_forward.optimize.steps import IN_FLIGHT
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel.data_parallel import Replicas
from forward_forward.parallel.messages import GOES_ON, Look, Mail, activities_of, put, turns
from forward_forward.parallel.parcel import Fields, Parcel
from forward_forward.parallel.shared import inbox, outbox
from forward_forward.parallel.stage_look_ahead import StageLookAhead
from forward_forward.parallel.timeouts import Timeout

Pace = Callable[[int], None]


class Stage:
    """Consecutive layers of a network, in step with the stages below and above.

    Args:
        trainer: Holds the network; only this stage's layers are moved.
        mail: What travels.
        patience: How long to wait for other ranks.
        replicas: The other replicas of this stage, or None.
    """

    def __init__(
        self, trainer: TrainStep, mail: Mail, patience: Timeout, replicas: Replicas | None
    ) -> None:
        self.trainer, self.mail, self.replicas = trainer, mail, replicas
        place = self.place = mail.place
        device = trainer.device
        self.below = None if place.first else inbox(place.at(place.stage - 1), patience, device)
        self.above = None if place.last else outbox(place.at(place.stage + 1), patience, device)
        self.looks = StageLookAhead(trainer, mail, self.above, patience)
        self._overlaps = len(place.layers) > IN_FLIGHT and _reads_first_layer_at_most(trainer)
        self.wished = False  # whether this rank wishes to stop
        self.last_step = GOES_ON
        self._sizes: list[int] = []
        self._number = 0  # of the step that is shown
        self._known = range(0)  # batches that were seen before the run was resumed

    def turns(
        self, batches: Iterable[Batch], steps: range, sizes: list[int], pace: Pace, restored: int
    ) -> Iterator[Batch]:
        """An epoch's batches to be shown; above the first stage they hold nothing.

        Args:
            batches: Of samples, labels and weights; used in the first stage alone.
            steps: Their numbers.
            sizes: Samples in the batch of each number.
            pace: Told the step whose turn it is.
            restored: How many of the first batches were seen before the run was resumed.
        """
        look_ahead = self.trainer.look_ahead
        self._sizes, self.last_step = sizes, GOES_ON
        self._known = steps[:restored]
        unknown = (n for n in steps[restored:] if not self._stopped("see", n))
        self.looks.expect(sizes[number] for number in unknown)
        if self.below is not None:
            self.below.expect(self._from_below(steps))
        ready, seen = iter(batches), deque[Batch]()
        for deed, number in turns(steps, look_ahead):
            if self._stopped(deed, number):
                break
            pace(max(steps.start, number - look_ahead) if deed == "see" else number)
            if deed == "show":
                self._number = number
                yield seen.popleft()
            elif self.place.first:
                seen.append(_of_size(next(ready, None), sizes[number], number))
                self.looks.see_first(seen[-1])
            else:
                seen.append(_nothing(sizes[number]))
                self._see(number)

    def step(self) -> dict[str, Tensor]:
        """Learn from the batch whose turn it is; the statistics of this stage's layers."""
        trainer, place, batch = self.trainer, self.place, self._sizes[self._number]
        forward = trainer.forward
        if self.below is not None or trainer.look_ahead:
            forward.begin()  # else the look was with these weights: its products serve again
        if self.below is None:
            self._notice()
            coming = self.looks.shown()
            source = trainer.preparer.source(coming)
            share, chance = coming.sample_weight, coming.randomness
        else:
            parcel = self.below.take()
            self.last_step = int(parcel["stop"])
            source, share = activities_of(parcel), parcel["share"]
            chance = trainer.preparer.randomness(trainer.steps, batch)
        lower, highest = place.layers[:-1], place.layers[-1:]
        figures, below = trainer.layer_steps(forward, source, share, chance, lower)
        if self.above is None:
            last, _ = trainer.layer_steps(forward, below, share, chance, highest)
        else:
            out = self.above.parcel(self.mail.show(place.stage + 1, batch))
            with self._written_into(out, highest[0]):
                last, top = trainer.layer_steps(forward, below, share, chance, highest)
            put(out, top)
            out["share"].copy_(share)
            out["stop"].fill_(self.last_step)
            self.above.send(out)
        if not self._overlaps:
            trainer.layer_steps.settle()
        figures += last
        trainer.close_step()
        return by_name(figures)

    @property
    def stops(self) -> bool:
        """Whether the step that was taken is the last one."""
        return self.last_step == self._number

    def drain(self) -> None:
        """Wait until all that was sent is taken, and all that was promised is here."""
        self.trainer.layer_steps.settle()
        self.looks.settle()
        if self.above is not None:
            self.above.drain()
        if self.below is not None:
            self.below.drain()
        self.looks.drain()

    @property
    def sent(self) -> int:
        """Bytes sent so far."""
        boxes = (self.above, self.looks.answer, self.replicas)
        return sum(box.sent for box in boxes if box is not None)

    def _written_into(self, parcel: Parcel, layer: int) -> AbstractContextManager[None]:
        """Let a layer's activities come to lie in the parcel itself, where they need no other form.

        A copy would take as long as several of a small layer's kernels.
        """
        affine = self.trainer.forward.affines[layer]
        if affine is None or not affine.exact:
            return nullcontext()
        return affine.workspace.lent(affine.activities, parcel["h"])

    def _see(self, number: int) -> None:
        if number in self._known or self.below is None:
            return
        for look in self._looks_here():
            self.looks.see(look, self.below.take(), self._sizes[number])

    def _looks_here(self) -> list[Look]:
        """The looks that come as far as this stage."""
        return [look for look in self.mail.looks if self.place.stage <= self.mail.end_of(look)]

    def _from_below(self, steps: range) -> Iterator[Fields]:
        """The parcels of an epoch, as they are asked for: none after the last step."""
        stage = self.place.stage
        for deed, number in turns(steps, self.trainer.look_ahead):
            if self._stopped(deed, number):
                return
            if deed == "show":
                yield self.mail.show(stage, self._sizes[number])
            elif number not in self._known:
                for look in self._looks_here():
                    yield self.mail.look(look, stage, self._sizes[number])

    def _stopped(self, deed: str, number: int) -> bool:
        """Whether a turn lies beyond the last step."""
        if self.last_step == GOES_ON:
            return False
        step = number - self.trainer.look_ahead if deed == "see" else number
        return step > self.last_step

    def _notice(self) -> None:
        """Say in the next-to-last step which is the last: its parcel is asked for by then."""
        wished = self.wished
        if self.replicas is not None:
            self.replicas.wished = wished
            wished = self.replicas.agreed
        if wished and self.last_step == GOES_ON:
            self.last_step = self._number + (0 if self.above is None else 1)


def _of_size(batch: Batch | None, size: int, number: int) -> Batch:
    """A batch, refused where it is not of the size that the other ranks expect."""
    found = 0 if batch is None else len(batch.y)
    if batch is None or found != size:
        raise ValueError(
            f"batch {number + 1} of the epoch is expected to have {size} samples, as all ranks"
            f" reckon with, got {found}: give batches of one size, or the data as arrays or a"
            " Dataset"
        )
    return batch


def _reads_first_layer_at_most(trainer: TrainStep) -> bool:
    """Whether the highest layers may be moved as late as in the next step: nothing reads them.

    So their gradients, which replicas sum, travel while the next batch is begun.
    """
    network = trainer.network
    within = network.examples.scores in ("nothing", "first layer") and network.head is None
    return within and trainer.averaged is None


def _nothing(batch: int) -> Batch:
    """A batch as it is seen where no samples come in."""
    return Batch(torch.empty(batch, 0), torch.empty(batch, 0), None)
