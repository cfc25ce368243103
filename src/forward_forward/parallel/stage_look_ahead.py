"""A batch before training on it -> the scores of its labels, summed stage by stage on the way up.

Only the sum, scores of labels [rows, classes], returns to the first stage. A head's layers train
along the way, each on its own prediction.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from torch import Tensor

from forward_forward.data.batch import Batch
from forward_forward.examples import Inputs
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import ForwardPass
from forward_forward.optimize.prepare import PreparedBatch
from forward_forward.optimize.scores import label_goodness, teach_local_head
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel.channels import ReceiveChannel, SendChannel
from forward_forward.parallel.messages import (
    MessagePlan,
    PackedTensors,
    Probe,
    pack_activities,
    unpack_activities,
)
from forward_forward.parallel.timeouts import Timeout


class StageLookAhead:
    """One stage's part of the probes of batches ahead; ``above`` is None in the highest stage."""

    def __init__(
        self, trainer: TrainStep, plan: MessagePlan, above: SendChannel | None, timeout: Timeout
    ) -> None:
        self.trainer, self.plan, self.above = trainer, plan, above
        place, device = plan.place, trainer.device
        self._scoring = [probe for probe in plan.probes if plan.returns_scores(probe)]
        ends = {plan.last_stage(probe) for probe in self._scoring}
        self.to_first: SendChannel | None = None
        self.scores: ReceiveChannel | None = None
        if place.stage in ends:
            self.to_first = SendChannel(place.at(0), timeout, device)
        if place.first and ends:
            # Scores of every batch that is probed before one is trained on must be able to arrive;
            # otherwise the stages above would wait for this rank, and this rank for them.
            ahead = trainer.look_ahead + 1
            self.scores = ReceiveChannel(place.at(max(ends)), timeout, device, ahead)
        self._awaited: deque[bool] = deque()  # of the queue: whether scores will arrive

    def expect(self, sizes: Iterator[int]) -> None:
        """Start to receive the scores of batches of these sizes, if this rank needs them."""
        self._awaited.clear()
        if self.scores is not None:
            specs = (self.plan.scores(probe, size) for size in sizes for probe in self._scoring)
            self.scores.expect(specs)

    def probe_first(self, batch: Batch) -> None:
        """Probe a batch in the first stage; it then stays in the queue until it is trained on."""
        trainer, queue = self.trainer, self.trainer.queue
        forward, layers = trainer.forward.begin(), len(trainer.network.layers)
        if queue.restored or not self.plan.probes:
            queue.add(forward, *batch, trainer.steps, layers)
            self._awaited.append(False)
            return
        prepared = trainer.preparer.prepare(*batch, trainer.steps + len(queue.pending))
        positive = trainer.preparer.shard.of(prepared.positive, prepared.size)
        assert isinstance(positive, Inputs)  # a shard of inputs is inputs
        forward.share(positive)
        examples, size, weight = trainer.network.examples, prepared.size, prepared.targets.weight
        for probe in self.plan.probes:
            if probe == "head":
                assert prepared.labels is not None  # a head learns from labels
                y = prepared.labels[trainer.preparer.shard.rows(size)]
                self._continue(probe, forward, examples.neutral(positive), size, y, weight)
            else:
                rows = self.plan.scored_rows(probe, size)
                self._continue(probe, forward, examples.candidates(positive.first(rows)), size)
        if "goodness" not in self.plan.probes:
            scores = queue.label_scores(forward, positive, prepared, layers)
            prepared = prepared._replace(scores=scores)
        self._awaited.append(bool(self._scoring))
        queue.pending.append(prepared)

    def probe(self, probe: Probe, message: PackedTensors, batch: int) -> None:
        """Continue the probe of a batch with a message from the stage below."""
        forward = self.trainer.forward.begin()
        y, weight = message.get("y"), message.get("sample_weight")
        source = unpack_activities(message)
        self._continue(probe, forward, source, batch, y, weight, message["scores"])

    def next_batch(self) -> PreparedBatch:
        """The first batch of the queue, with its scores."""
        prepared = self.trainer.queue.pending.popleft()
        return self._with_scores(prepared) if self._awaited.popleft() else prepared

    def settle(self) -> None:
        """Receive the scores of all batches in the queue, because training stops here."""
        pending = self.trainer.queue.pending
        for index, prepared in enumerate(list(pending)):
            if self._awaited and self._awaited.popleft():
                pending[index] = self._with_scores(prepared)

    def drain(self) -> None:
        """Wait until all scores have been received."""
        if self.to_first is not None:
            self.to_first.drain()

    def _with_scores(self, prepared: PreparedBatch) -> PreparedBatch:
        assert self.scores is not None  # else none are awaited
        return prepared._replace(scores=self.scores.receive()["scores"].clone())

    def _continue(
        self,
        probe: Probe,
        forward: ForwardPass,
        source: Inputs | Activities,
        batch: int,
        y: Tensor | None = None,
        weight: Tensor | None = None,
        below: Tensor | None = None,
    ) -> None:
        """Run this stage's layers, and pass on the scores with these layers' part added."""
        trainer, place, plan = self.trainer, self.plan.place, self.plan
        network = trainer.network
        if probe == "head":
            assert y is not None  # a head learns from labels
            assert weight is not None
            own = place.layers
            scores, top = teach_local_head(network, forward, source, y, weight, own, below)
            trainer.queue.move_head()
        else:
            own = range(place.layers.start, min(place.layers.stop, plan.counted.stop))
            variants = plan.shapes.candidates
            scores, top = label_goodness(
                network, forward, source, variants, own, plan.counted, below
            )
        if place.stage < plan.last_stage(probe):
            assert self.above is not None  # the highest stage is the last one of every probe
            out = self.above.message(plan.probing(probe, place.stage + 1, batch))
            pack_activities(out, top)
            for name, values in (("scores", scores), ("y", y), ("sample_weight", weight)):
                if values is not None:
                    out[name].copy_(values)
            self.above.send(out)
        elif self.to_first is not None and plan.returns_scores(probe):
            out = self.to_first.message(plan.scores(probe, batch))
            out["scores"].copy_(scores)
            self.to_first.send(out)
