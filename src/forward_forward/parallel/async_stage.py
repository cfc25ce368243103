"""The newest activities from the stage below -> this stage's own steps, at its own pace.

A stage that is faster than the one below trains on the same batch again; a slower one skips
batches. No stage waits, so no two runs end in the same weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor

from forward_forward.data.batch import Batch
from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities
from forward_forward.optimize.metrics import by_name
from forward_forward.optimize.randomness import StepRandomness
from forward_forward.optimize.strategy import SetRates
from forward_forward.optimize.targets import Targets
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel.async_channels import (
    END_OF_EPOCH,
    STOP_TRAINING,
    Latest,
    LatestReceiver,
    LatestSender,
)
from forward_forward.parallel.data_parallel import AllReduceGroup
from forward_forward.parallel.messages import (
    MessagePlan,
    PackedTensors,
    pack_activities,
    pack_targets,
    unpack_activities,
    unpack_targets,
)
from forward_forward.parallel.stage import placeholder
from forward_forward.parallel.timeouts import Timeout


class AsyncStage:
    """Consecutive layers that do not wait for the other stages; the arguments are `Stage`'s."""

    def __init__(
        self,
        trainer: TrainStep,
        plan: MessagePlan,
        timeout: Timeout,
        replicas: AllReduceGroup | None,
    ) -> None:
        self.trainer, self.plan, self.timeout, self.replicas = trainer, plan, timeout, replicas
        self.place = plan.place
        self.stop_requested = self.stops = False
        self._sent = 0  # bytes, in the epochs before
        self._current = Latest(0, 0, PackedTensors({}))
        self.above: LatestSender | None = None
        self.below: LatestReceiver | None = None

    def batches(
        self, batches: Iterable[Batch], steps: range, set_rates: SetRates
    ) -> Iterator[Batch]:
        """An epoch's batches: all of them in the first stage, as many as time allows elsewhere."""
        self._open()
        if self.below is None:
            layers = len(self.trainer.network.layers)
            for number, batch in zip(steps, batches, strict=True):
                set_rates(number)
                self._current = Latest(number, len(batch.x), PackedTensors({}))
                forward = self.trainer.forward.begin()
                self.trainer.queue.add(forward, *batch, self.trainer.steps, layers)
                yield batch
        else:
            yield from self._arriving(self.below, set_rates)
        self._close(END_OF_EPOCH)

    def step(self) -> dict[str, Tensor]:
        """Train on the newest batch; returns the metrics of this stage's layers."""
        trainer = self.trainer
        source, targets, randomness = self._input()
        # If the first stage scored this batch, it did so with these weights: reuse its products.
        forward = trainer.forward if self.below is None else trainer.forward.begin()
        metrics, top = trainer.layer_steps(forward, source, targets, randomness, self.place.layers)
        if self.above is not None:
            number, batch = self._current.step, len(targets.weight)
            specs = self.plan.training(self.place.stage + 1, batch)
            message = PackedTensors(specs, device=trainer.device)
            pack_activities(message, top)
            pack_targets(message, targets)
            self.above.offer(number, batch, message)
        trainer.close_step()
        if self.below is None and self.stop_requested:
            self._close(STOP_TRAINING)
        return by_name(metrics)

    def drain(self) -> None:
        """Nothing to do: no message is in transit once an epoch has ended."""

    @property
    def sent(self) -> int:
        """Bytes sent so far."""
        return self._sent + (0 if self.above is None else self.above.sent)

    def _open(self) -> None:
        place, device = self.place, self.trainer.device
        self.stops = False
        if not place.last:
            self.above = LatestSender(place.at(place.stage + 1), self.timeout, device)
            self.above.start()
        if not place.first:
            peer = place.at(place.stage - 1)
            specs = lambda batch: self.plan.training(place.stage, batch)  # noqa: E731
            self.below = LatestReceiver(peer, self.timeout, device, specs)
            self.below.start()

    def _arriving(self, below: LatestReceiver, set_rates: SetRates) -> Iterator[Batch]:
        while (latest := below.latest()) is not None:
            yield self._take(latest, set_rates)
        if below.signal == STOP_TRAINING and below.received is not None:
            self._close(STOP_TRAINING)  # after one more step, as `stops` says
            yield self._take(below.received, set_rates)

    def _take(self, latest: Latest, set_rates: SetRates) -> Batch:
        self._current = latest
        set_rates(latest.step)
        return placeholder(latest.batch)

    def _input(self) -> tuple[Inputs | Activities, Targets, StepRandomness]:
        preparer = self.trainer.preparer
        if self.below is None:
            prepared = self.trainer.queue.pending.popleft()
            return preparer.source(prepared), prepared.targets, prepared.randomness
        message = self._current.message
        randomness = preparer.randomness(self.trainer.steps, self._current.batch)
        return unpack_activities(message), unpack_targets(message), randomness

    def _close(self, signal: int) -> None:
        """Send what is pending, and the signal that no more follows."""
        if signal == STOP_TRAINING:
            self.stops = True
        if self.above is not None:
            self.above.close(signal)
            self._sent += self.above.sent
            self.above = None
        if self.below is not None and signal == END_OF_EPOCH:
            self.below.join()
