"""A batch before it is shown -> each stage's part of its scores, summed on the way up.

Only the sum, scores of labels [rows, classes], returns to the first stage; the head's layers learn
on the way, each from its own guess.
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
from forward_forward.parallel.channels import Inbox, Outbox
from forward_forward.parallel.messages import Look, Mail, activities_of, put
from forward_forward.parallel.parcel import Fields, Parcel
from forward_forward.parallel.timeouts import Timeout


class StageLookAhead:
    """One stage's part of the looks at batches to come.

    Args:
        trainer: Holds the network.
        mail: What travels.
        above: To the stage above, or None at the highest.
        patience: How long to wait for other ranks.
    """

    def __init__(
        self, trainer: TrainStep, mail: Mail, above: Outbox | None, patience: Timeout
    ) -> None:
        self.trainer, self.mail, self.above = trainer, mail, above
        place, device = mail.place, trainer.device
        ends = {mail.end_of(look) for look in mail.looks if mail.answers(look)}
        self.answer: Outbox | None = None
        self.answers: Inbox | None = None
        if place.stage in ends:
            self.answer = Outbox(place.at(0), patience, device)
        if place.first and ends:
            # Of all batches that are seen before one is shown: else those above would wait for
            # this rank to take them, and this rank for those above.
            ahead = trainer.look_ahead + 1
            self.answers = Inbox(place.at(max(ends)), patience, device, ahead)
        self._promised: deque[bool] = deque()  # whether a waiting batch's scores are to come

    def expect(self, sizes: Iterator[int]) -> None:
        """Begin to receive the scores of batches of these sizes, where this rank needs them."""
        self._promised.clear()
        if self.answers is None:
            return
        looks = [look for look in self.mail.looks if self.mail.answers(look)]
        self.answers.expect(self.mail.scores(look, size) for size in sizes for look in looks)

    def see_first(self, batch: Batch) -> None:
        """Look at a batch where its samples come in; it then waits until it is shown."""
        trainer, looking = self.trainer, self.trainer.queue
        forward = trainer.forward.begin()
        if looking.restored or not self.mail.looks:
            layers = len(trainer.network.layers)
            looking.add(forward, *batch, trainer.steps, layers)
            self._promised.append(False)
            return
        coming = trainer.preparer.prepare(*batch, trainer.steps + len(looking.pending))
        positive = trainer.preparer.shard.of(coming.positive, coming.size)
        assert isinstance(positive, Inputs)  # a part of inputs is inputs
        forward.share(positive)
        for look in self.mail.looks:
            self._begin(look, forward, positive, coming)
        looks = self.mail.looks
        if "goodness" not in looks:
            scores = looking.label_scores(forward, positive, coming, len(trainer.network.layers))
            coming = coming._replace(scores=scores)
        self._promised.append(any(self.mail.answers(look) for look in looks))
        looking.pending.append(coming)

    def see(self, look: Look, parcel: Parcel, batch: int) -> None:
        """Look at a batch that comes from the stage below."""
        forward = self.trainer.forward.begin()
        y, share = parcel.get("y"), parcel.get("share")
        self._go_on(look, forward, activities_of(parcel), batch, y, share, parcel["total"])

    def shown(self) -> PreparedBatch:
        """The batch that waits longest, with its scores."""
        coming = self.trainer.queue.pending.popleft()
        return self._with_scores(coming) if self._promised.popleft() else coming

    def settle(self) -> None:
        """Get the scores of all batches that wait: training stops here."""
        waiting = self.trainer.queue.pending
        for index, coming in enumerate(list(waiting)):
            if self._promised and self._promised.popleft():
                waiting[index] = self._with_scores(coming)

    def drain(self) -> None:
        """Wait until all scores are taken."""
        if self.answer is not None:
            self.answer.drain()

    def _with_scores(self, coming: PreparedBatch) -> PreparedBatch:
        assert self.answers is not None  # they were promised
        return coming._replace(scores=self.answers.take()["total"].clone())

    def _begin(
        self, look: Look, forward: ForwardPass, positive: Inputs, coming: PreparedBatch
    ) -> None:
        examples, batch, y = self.trainer.network.examples, coming.size, coming.labels
        if look == "head":
            rows = self.trainer.preparer.shard.rows(batch)
            y = None if y is None else y[rows]
            neutral = examples.neutral(positive)
            self._go_on(look, forward, neutral, batch, y, coming.sample_weight, None)
            return
        candidates = examples.candidates(positive.first(self.mail.scored(look, batch)))
        self._go_on(look, forward, candidates, batch, None, None, None)

    def _go_on(
        self,
        look: Look,
        forward: ForwardPass,
        source: Inputs | Activities,
        batch: int,
        y: Tensor | None,
        share: Tensor | None,
        below: Tensor | None,
    ) -> None:
        """Run this stage's layers, and hand on what they add."""
        trainer, place, mail = self.trainer, self.mail.place, self.mail
        network = trainer.network
        if look == "head":
            assert y is not None  # a head learns from labels
            assert share is not None
            own = place.layers
            total, top = teach_local_head(network, forward, source, y, share, own, below)
            trainer.queue.move_head()
        else:
            own = range(place.layers.start, min(place.layers.stop, mail.counted.stop))
            variants = mail.shapes.candidates
            total, top = label_goodness(
                network, forward, source, variants, own, mail.counted, below
            )
        if place.stage < mail.end_of(look):
            self._send_up(mail.look(look, place.stage + 1, batch), top, total, y, share)
        elif self.answer is not None and mail.answers(look):
            out = self.answer.parcel(mail.scores(look, batch))
            out["total"].copy_(total)
            self.answer.send(out)

    def _send_up(
        self, fields: Fields, top: Activities, total: Tensor, y: Tensor | None, share: Tensor | None
    ) -> None:
        assert self.above is not None  # there is a stage above the end of no look
        out = self.above.parcel(fields)
        put(out, top)
        for name, values in (("total", total), ("y", y), ("share", share)):
            place = out.get(name)
            if place is not None and values is not None:
                place.copy_(values)
        self.above.send(out)
