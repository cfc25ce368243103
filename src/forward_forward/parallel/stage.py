"""Messages from the stage below -> this stage's own steps, and messages to the stage above.

Nothing flows back: each stage is one step behind the stage below, and no batch waits for another to
finish. Hard negatives need scores from the stages above before the first stage trains on a batch;
a look-ahead gives them the time to arrive.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from forward_forward.data.batch import Batch
from forward_forward.optimize.metrics import by_name
from forward_forward.optimize.steps import IN_FLIGHT
from forward_forward.optimize.strategy import SetRates
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel.channels import ReceiveChannel, SendChannel
from forward_forward.parallel.data_parallel import AllReduceGroup
from forward_forward.parallel.messages import (
    NO_STOP,
    MessagePlan,
    PackedTensors,
    Probe,
    TensorSpecs,
    pack_activities,
    pack_targets,
    schedule,
    unpack_activities,
    unpack_targets,
)
from forward_forward.parallel.stage_look_ahead import StageLookAhead
from forward_forward.parallel.timeouts import Timeout


class Stage:
    """Consecutive layers of a network, in step with the stages below and above.

    Args:
        trainer: Holds the whole network; only this stage's layers are updated.
        plan: The messages between stages.
        timeout: How long to wait for other ranks.
        replicas: The replicas of this stage, or None if this rank is the only one.
    """

    def __init__(
        self,
        trainer: TrainStep,
        plan: MessagePlan,
        timeout: Timeout,
        replicas: AllReduceGroup | None,
    ) -> None:
        self.trainer, self.plan, self.replicas = trainer, plan, replicas
        place = self.place = plan.place
        stage, device = place.stage, trainer.device
        self.below = None if place.first else ReceiveChannel(place.at(stage - 1), timeout, device)
        self.above = None if place.last else SendChannel(place.at(stage + 1), timeout, device)
        self.look_ahead = StageLookAhead(trainer, plan, self.above, timeout)
        self._overlaps = len(place.layers) > IN_FLIGHT and _reads_first_layer_at_most(trainer)
        self.stop_requested = False  # by this rank
        self.last_step = NO_STOP
        self._number = 0  # of the current step
        self._restored = range(0)  # steps whose batches were probed before the run was resumed

    def batches(
        self, batches: Iterable[Batch], steps: range, set_rates: SetRates
    ) -> Iterator[Batch]:
        """An epoch's batches to train on; placeholders above the first stage.

        ``batches`` are read in the first stage only; ``set_rates`` is called before each step.
        """
        look_ahead, sizes = self.trainer.look_ahead, self.plan.sizes
        scores = self.trainer.queue.restored
        self.last_step, self._restored = NO_STOP, steps[: len(scores)]
        if not self.place.first:
            scores.clear()
        unprobed = (n for n in steps[len(self._restored) :] if not self._beyond_stop("probe", n))
        self.look_ahead.expect(sizes[number] for number in unprobed)
        if self.below is not None:
            self.below.expect(self._from_below(steps))
        loaded, probed = iter(batches), deque[Batch]()
        for action, number in schedule(steps, look_ahead):
            if self._beyond_stop(action, number):
                break
            set_rates(max(steps.start, number - look_ahead) if action == "probe" else number)
            if action == "train":
                self._number = number
                yield probed.popleft()
            elif self.place.first:
                probed.append(_of_size(next(loaded, None), sizes[number], number))
                self.look_ahead.probe_first(probed[-1])
            else:
                probed.append(placeholder(sizes[number]))
                self._probe(number)

    def step(self) -> dict[str, Tensor]:
        """Train on the current batch; returns the metrics of this stage's layers."""
        trainer, place, batch = self.trainer, self.place, self.plan.sizes[self._number]
        forward = trainer.forward
        if self.below is not None or trainer.look_ahead:
            forward.begin()  # else the probe ran with these weights: reuse its products
        if self.below is None:
            self._announce_stop()
            prepared = self.look_ahead.next_batch()
            source = trainer.preparer.source(prepared)
            targets, randomness = prepared.targets, prepared.randomness
        else:
            message = self.below.receive()
            self.last_step = int(message["stop"])
            source, targets = unpack_activities(message), unpack_targets(message)
            randomness = trainer.preparer.randomness(trainer.steps, batch)
        if self.above is None:
            metrics, _ = trainer.layer_steps(forward, source, targets, randomness, place.layers)
        else:
            lower, highest = place.layers[:-1], place.layers[-1:]
            metrics, below = trainer.layer_steps(forward, source, targets, randomness, lower)
            out = self.above.message(self.plan.training(place.stage + 1, batch))
            with self._computed_into(out, highest[0]):
                last, top = trainer.layer_steps(forward, below, targets, randomness, highest)
            pack_activities(out, top)
            pack_targets(out, targets)
            out["stop"].fill_(self.last_step)
            self.above.send(out)
            metrics += last
        if not self._overlaps:
            trainer.layer_steps.settle()
        trainer.close_step()
        return by_name(metrics)

    @property
    def stops(self) -> bool:
        """Whether the step that was just taken is the last one."""
        return self.last_step == self._number

    def drain(self) -> None:
        """Wait until all that was sent has been received, and all expected scores are here."""
        self.trainer.layer_steps.settle()
        self.look_ahead.settle()
        if self.above is not None:
            self.above.drain()
        self.look_ahead.drain()

    @property
    def sent(self) -> int:
        """Bytes sent so far."""
        senders = (self.above, self.look_ahead.to_first, self.replicas)
        return sum(each.sent for each in senders if each is not None)

    def _computed_into(self, message: PackedTensors, layer: int) -> AbstractContextManager[None]:
        """Let a layer compute its activities in the message itself, if they need no other form.

        A copy would take as long as several kernels of a small layer.
        """
        affine = self.trainer.forward.affines[layer]
        if affine is None or not affine.exact:
            return nullcontext()
        return affine.workspace.lent(affine.activities, message["h"])

    def _probe(self, number: int) -> None:
        if number in self._restored or self.below is None:
            return
        for probe in self._probes_here():
            self.look_ahead.probe(probe, self.below.receive(), self.plan.sizes[number])

    def _probes_here(self) -> list[Probe]:
        """The probes that reach this stage."""
        return [each for each in self.plan.probes if self.place.stage <= self.plan.last_stage(each)]

    def _from_below(self, steps: range) -> Iterator[TensorSpecs]:
        """The messages of an epoch, up to the last step that is announced meanwhile."""
        stage = self.place.stage
        for action, number in schedule(steps, self.trainer.look_ahead):
            if self._beyond_stop(action, number):
                return
            if action == "train":
                yield self.plan.training(stage, self.plan.sizes[number])
            elif number not in self._restored:
                for probe in self._probes_here():
                    yield self.plan.probing(probe, stage, self.plan.sizes[number])

    def _beyond_stop(self, action: str, number: int) -> bool:
        """Whether an action comes after the last step."""
        if self.last_step == NO_STOP:
            return False
        step = number - self.trainer.look_ahead if action == "probe" else number
        return step > self.last_step

    def _announce_stop(self) -> None:
        """Announce the last step in the one before it: its message is requested by then."""
        stop = self.stop_requested
        if self.replicas is not None:
            self.replicas.stop_requested = stop
            stop = self.replicas.stop_agreed
        if stop and self.last_step == NO_STOP:
            self.last_step = self._number + (0 if self.above is None else 1)


def _of_size(batch: Batch | None, size: int, number: int) -> Batch:
    """The batch, if it has the size that the other ranks expect."""
    found = 0 if batch is None else len(batch.y)
    if batch is None or found != size:
        raise ValueError(
            f"expected {size} samples in batch {number + 1} of the epoch, as on every rank, got"
            f" {found}: use batches of equal size, or pass the data as arrays or a Dataset"
        )
    return batch


def _reads_first_layer_at_most(trainer: TrainStep) -> bool:
    """Whether the highest layers may be updated as late as during the next step.

    Nothing reads them before, so the all-reduce of their gradients overlaps with the next batch.
    """
    network = trainer.network
    within = network.examples.scores in ("nothing", "first layer") and network.head is None
    before = trainer.layer_steps.collaboration == "all"  # a pass of all layers before the step
    return within and trainer.averaged is None and not before


def placeholder(batch: int) -> Batch:
    """A batch without content, for the stages that do not read samples."""
    return Batch(torch.empty(batch, 0), torch.empty(batch, 0), None)
