"""The newest activities from below -> this stage's own steps, at its own pace.

A stage that is quicker than the one below it learns from the same batch again, one that is slower
leaves batches out. No stage waits, and the weights are those of no other run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from forward_forward.data.batch import Batch
from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities
from forward_forward.optimize.metrics import by_name
from forward_forward.optimize.randomness import StepRandomness
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel.async_channels import END, STOP, Receiver, Sender
from forward_forward.parallel.data_parallel import Replicas
from forward_forward.parallel.messages import Mail, activities_of, put
from forward_forward.parallel.parcel import Parcel
from forward_forward.parallel.stage import Pace
from forward_forward.parallel.timeouts import Timeout


class FreshStage:
    """Consecutive layers of a network, out of step with the others; the arguments are `Stage`'s."""

    def __init__(
        self, trainer: TrainStep, mail: Mail, patience: Timeout, replicas: Replicas | None
    ) -> None:
        self.trainer, self.mail, self.patience, self.replicas = trainer, mail, patience, replicas
        self.place = mail.place
        self.wished = self.stops = False
        self._sent = 0
        self._number = 0
        self._parcel: tuple[int, Parcel] | None = None
        self.above: Sender | None = None
        self.below: Receiver | None = None

    def turns(
        self, batches: Iterable[Batch], steps: range, sizes: list[int], pace: Pace, restored: int
    ) -> Iterator[Batch]:
        """An epoch's turns: a batch each in the first stage, elsewhere as many as there is time."""
        self._begin()
        if self.below is None:
            for number, batch in zip(steps, batches, strict=True):
                pace(number)
                self._number = number
                self.trainer.queue.add(
                    self.trainer.forward.begin(),
                    *batch,
                    self.trainer.steps,
                    len(self.trainer.network.layers),
                )
                yield batch
        else:
            yield from self._as_they_come(self.below, pace)
        self._end(END)

    def step(self) -> dict[str, Tensor]:
        """Learn from the newest batch; the statistics of this stage's layers."""
        trainer = self.trainer
        source, share, chance = self._input()
        # The first stage's look, if any, was with these weights: its products serve again.
        forward = trainer.forward if self.below is None else trainer.forward.begin()
        figures, top = trainer.layer_steps(forward, source, share, chance, self.place.layers)
        if self.above is not None:
            batch = len(share)

            def fill(parcel: Parcel) -> None:
                put(parcel, top)
                parcel["share"].copy_(share)

            fields = self.mail.show(self.place.stage + 1, batch)
            self.above.offer((self._number, batch), fields, fill)
        trainer.close_step()
        if self.below is None and self.wished:
            self._end(STOP)
        return by_name(figures)

    def drain(self) -> None:
        """Nothing is on its way once an epoch has ended."""

    @property
    def sent(self) -> int:
        """Bytes sent so far."""
        return self._sent + (0 if self.above is None else self.above.sent)

    def _begin(self) -> None:
        place, device = self.place, self.trainer.device
        self.stops = False
        if not place.last:
            self.above = Sender(place.at(place.stage + 1), self.patience, device)
            self.above.start()
        if not place.first:
            peer = place.at(place.stage - 1)
            fields = lambda batch: self.mail.show(place.stage, batch)  # noqa: E731
            self.below = Receiver(peer, self.patience, device, fields)
            self.below.start()

    def _as_they_come(self, below: Receiver, pace: Pace) -> Iterator[Batch]:
        while (found := below.newest()) is not None:
            yield self._turn(found, pace)
        if below.word == STOP:  # one more, after which all stop
            self._end(STOP)
            yield self._turn(below.again(), pace)

    def _turn(self, found: tuple[int, int, Parcel], pace: Pace) -> Batch:
        self._number, batch, parcel = found
        self._parcel = (batch, parcel)
        pace(self._number)
        return Batch(torch.empty(batch, 0), torch.empty(batch, 0), None)

    def _input(self) -> tuple[Inputs | Activities, Tensor, StepRandomness]:
        preparing = self.trainer.preparer
        if self.below is None:
            coming = self.trainer.queue.pending.popleft()
            return preparing.source(coming), coming.sample_weight, coming.randomness
        assert self._parcel is not None  # it is this stage's turn
        batch, parcel = self._parcel
        chance = preparing.randomness(self.trainer.steps, batch)
        return activities_of(parcel), parcel["share"], chance

    def _end(self, word: int) -> None:
        """Send what waits, and the word that no more comes."""
        if word == STOP:
            self.stops = True
        if self.above is not None:
            self.above.end(word)
            self._sent += self.above.sent
            self.above = None
        if self.below is not None and word == END:
            self.below.join()
