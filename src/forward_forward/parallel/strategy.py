"""A trainer on each of several ranks -> one training: what `fit` asks of them all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from forward_forward import checkpoint, files, predict
from forward_forward.checkpoint import Run
from forward_forward.data import Source
from forward_forward.data.batch import Batch
from forward_forward.optimize.state import restore, state_of
from forward_forward.optimize.strategy import SetRates, sums_of
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel import sharded_checkpoint
from forward_forward.parallel.async_stage import FreshStage
from forward_forward.parallel.place import Place
from forward_forward.parallel.stage import Stage
from forward_forward.parallel.timeouts import Timeout

Result = TypeVar("Result")
SILENT = "silent_units"
GRACE = 30.0  # as long as torchrun waits before it kills


class DistributedStrategy:
    """One rank among those that share a training.

    Args:
        trainer: Holds the whole network, of which this rank moves its own layers.
        stage: Those layers.
        patience: How long to wait for other ranks.
        sizes: Samples in each batch of an epoch.
    """

    def __init__(
        self,
        trainer: TrainStep,
        stage: Stage | FreshStage,
        patience: Timeout,
        sizes: list[int],
    ) -> None:
        self.trainer, self.stage, self.patience, self.sizes = trainer, stage, patience, sizes
        self.place: Place = stage.place
        self.leads = self.place.rank == 0
        self.grace = GRACE
        self._wished = False  # whether any rank, as far as is known here, wishes to stop
        self._parent = os.getppid()

    def batches(self, batches: Iterable[Batch], steps: range, pace: SetRates) -> Iterator[Batch]:
        waiting = self.trainer.queue.restored
        restored = len(waiting)
        if not self.place.first:
            waiting.clear()
        return self.stage.turns(batches, steps, self.sizes, pace, restored)

    def step(self, x: Tensor, y: Tensor | None, weight: Tensor | None) -> dict[str, Tensor]:
        return self.stage.step()

    def stops(self, wished: bool) -> bool:
        # Ranks whose torchrun was killed would train on, unseen and in the way of a new start.
        orphaned = "TORCHELASTIC_RUN_ID" in os.environ and os.getppid() != self._parent
        self._wished = self._wished or wished or orphaned
        self.stage.wished = self._wished
        if self.stage.stops:  # on all ranks after this step, whether they save then or not
            self.stage.drain()
        return self.stage.stops

    @property
    def ends(self) -> bool:
        return self._wished

    def close_epoch(self, sums: Mapping[str, Tensor], steps: int) -> dict[str, list[float]]:
        self.stage.drain()
        self.share_weights()
        # Within an epoch the first stage alone can say which step is the last.
        self._wished = any(self._gather(self._wished))
        return {name: values.tolist() for name, values in self._whole(sums, steps).items()}

    def evaluate(self, judge: Source) -> dict[str, Any]:
        """Each rank takes every so-manieth batch."""
        network = self.trainer.evaluated
        count, total = predict.count_errors(network, judge, (self.place.rank, self._world))
        counts = self._gather((count, total))
        return predict.errors_of(network, *predict.added(counts))

    def lead(self, act: Callable[[], Result]) -> Result:
        outcome: list[Any] = [None, None]
        if self.leads:
            try:
                outcome[0] = act()
            except Exception as error:
                outcome[1] = error
        self.patience.guard(lambda: dist.broadcast_object_list(outcome, src=0), 0, "waits for")
        if outcome[1] is not None:
            raise outcome[1]
        result: Result = outcome[0]
        return result

    def save(self, run: Run, sums: Mapping[str, Tensor], progress: Mapping[str, Any]) -> None:
        self.stage.drain()
        # At their own pace, stages take other numbers of steps: the first one's are those kept.
        steps = self._gather(max(progress["progress"]["step"], 1))
        scale = steps[0] / steps[self.place.rank]
        tensors, numbers = self._state({name: value * scale for name, value in sums.items()})
        folder = run.path / "checkpoints" / "last"

        def fill(partial: Path) -> None:
            self._meet()  # the folder is there
            self.patience.guard(
                lambda: sharded_checkpoint.write(partial, tensors), None, "writes a checkpoint with"
            )
            self._meet()  # all have written
            if self.leads:
                files.write_json(partial / "progress.json", {**progress, **numbers})

        if self.leads:
            files.replace_folder(folder, fill)
        else:
            fill(files.partial(folder))
        self._meet()  # it is in its place

    def load(self, run: Run) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        folder = run.checkpoint("last")
        if folder is None:
            return None
        if checkpoint.sharded(folder):
            tensors = self.patience.guard(
                lambda: sharded_checkpoint.read(folder, self._wants),
                None,
                "reads a checkpoint with",
            )
        else:
            tensors = {k: v for k, v in checkpoint.tensors_of(folder).items() if self._wants(k)}
        weights, others = checkpoint.parted(tensors)
        progress = checkpoint.progress_of(folder)
        checkpoint.load_weights(self.trainer.network, weights, str(run.path))
        progress["optimizers"] = {
            name: value for name, value in progress["optimizers"].items() if self._moves(name)
        }
        restore(self.trainer, others, progress)
        return self._own_sums(sums_of(others, self.trainer)), progress

    # What each rank holds, and what all of them hold together

    @property
    def _world(self) -> int:
        return self.place.stages * self.place.replicas

    def _gather(self, value: Result) -> list[Result]:
        """Every rank's value, lowest rank first."""
        found: list[Any] = [None] * self._world
        self.patience.guard(
            lambda: dist.all_gather_object(found, value), None, "gathers figures of"
        )
        return found

    def _meet(self) -> None:
        self.patience.guard(lambda: dist.barrier(), None, "writes a checkpoint with")

    def _whole(self, sums: Mapping[str, Tensor], steps: int) -> dict[str, Tensor]:
        """Sums of all layers over all replicas, divided by the steps; silent units are a mean."""
        own = {name: value.cpu() / max(steps, 1) for name, value in sums.items()}
        everyone = self._gather((self.place, own))
        whole: dict[str, Tensor] = {}
        for name in own or everyone[0][1]:
            rows = []
            for stage in range(self.place.stages):
                parts = [each[name] for place, each in everyone if place.stage == stage]
                added = torch.stack(parts).sum(0)
                rows.append(added / len(parts) if name == SILENT else added)
            whole[name] = torch.cat(rows)
        return whole

    def _own_sums(self, whole: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Its part of an epoch's sums so far: those of a stage stay with one replica."""
        own = self.place.layers
        mine = {name: value[own.start : own.stop].clone() for name, value in whole.items()}
        for name, value in mine.items():
            if name != SILENT and self.place.replica > 0:
                value.zero_()
        return mine

    def share_weights(self) -> None:
        """Give each layer's weights to all ranks, from the lowest that moves it."""
        networks = [self.trainer.network]
        if self.trainer.averaged is not None:
            networks.append(self.trainer.averaged.module)  # type: ignore[arg-type]
        for network in networks:
            for stage in range(self.place.stages):
                source = stage * self.place.replicas
                for part in self._parts(network, stage):
                    self._broadcast(part, source)

    def _parts(self, network: Any, stage: int) -> list[Tensor]:
        """The tensors of a stage's layers, and of the head's weights on them."""
        own = Place(stage * self.place.replicas, self.place.split, self.place.replicas).layers
        parts = [each for i in own for each in network.layers[i].state_dict().values()]
        head = network.head
        if head is not None:
            parts += [head.weights[i - head.skip].data for i in own if i >= head.skip]
        return parts

    def _broadcast(self, values: Tensor, source: int) -> None:
        with torch.no_grad():
            self.patience.guard(lambda: dist.broadcast(values, source), source, "takes weights of")

    def _state(self, sums: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors that this rank writes, and the numbers of all."""
        tensors, numbers = state_of(self.trainer)
        tensors = {name: value for name, value in tensors.items() if self._moves(name)}
        tensors |= {f"sum.{name}": value for name, value in self._whole(sums, 1).items()}
        tensors |= self._waiting_scores()
        for name, value in self.trainer.network.state_dict().items():
            if self._has(name):
                tensors[f"network.{name}"] = value
        everyone = self._gather(numbers)
        merged = {**everyone[0]}
        for each in everyone[1:]:
            merged["optimizers"] = {**merged["optimizers"], **each["optimizers"]}
        trained = {
            name if name.startswith("network.") else f"trainer.{name}": value
            for name, value in tensors.items()
        }
        return trained, merged

    def _waiting_scores(self) -> dict[str, Tensor]:
        """Scores of the batches that were seen and not yet shown, of all replicas together."""
        waiting = self.trainer.queue.pending
        rows = [(each.size, each.scores) for each in waiting] if self.place.first else []
        examples, found = self.trainer.network.examples, {}
        for index, (batch, scores) in enumerate(rows):
            if scores is not None:
                softmax = examples.scores == "softmax"
                hard = batch if softmax else examples.hard_rows(batch)
                whole = self.trainer.preparer.shard.spread(scores, batch, hard)
                if self.stage.replicas is not None:
                    whole = self.stage.replicas.add(whole.clone())
                found[f"waiting.{index}"] = whole
        return found

    def _wants(self, name: str) -> bool:
        """Whether a tensor of a checkpoint is needed here: other layers' optimisers are not."""
        kind, _, rest = name.partition(".")
        everywhere = rest.startswith(("sum.", "waiting.", "averaged."))
        return kind == "network" or everywhere or self._moves(rest)

    def _has(self, name: str) -> bool:
        """Whether a tensor of the network is this rank's to write."""
        parts = name.split(".")
        own = self.place.layers
        if parts[0] == "layers":
            return int(parts[1]) in own
        head = self.trainer.network.head
        if parts[:2] == ["head", "weights"] and head is not None:
            return int(parts[2]) + head.skip in own
        return self.place.first

    def _moves(self, name: str) -> bool:
        """Whether something an optimiser or the average remembers is of this rank's layers."""
        owner, _, rest = name.partition(".")
        if owner.startswith("layer"):
            return int(owner.removeprefix("layer")) in self.place.layers
        head = self.trainer.network.head
        if owner == "head" and head is not None:
            return int(rest.partition(".")[0]) + head.skip in self.place.layers
        if owner == "averaged":
            return not rest.startswith("module.") or self._has(rest.removeprefix("module."))
        return False
