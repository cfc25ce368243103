"""A trainer on each of several ranks -> one training: the strategy by which `fit` runs on them."""

from __future__ import annotations

import functools
import os
import re
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
from forward_forward.optimize.strategy import SetRates, chosen_errors, sums_of
from forward_forward.optimize.train_step import TrainStep
from forward_forward.parallel import sharded_checkpoint
from forward_forward.parallel.async_stage import AsyncStage
from forward_forward.parallel.place import Place
from forward_forward.parallel.stage import Stage
from forward_forward.parallel.timeouts import Timeout
from forward_forward.track.numbers import SILENT

Result = TypeVar("Result")
# "layers.1.block.weight", "head.weights.0"; "layer1.exp_avg.0", "head.0.exp_avg" of optimisers
OWNER = re.compile(r"(averaged\.module\.)?(layers?\.?|(?P<head>head\.(weights\.)?))(?P<index>\d+)")
GRACE = 30.0  # seconds that torchrun waits before it kills a process


class DistributedStrategy:
    """One of the ranks that train a network together; it updates the layers of its stage."""

    def __init__(self, trainer: TrainStep, stage: Stage | AsyncStage, timeout: Timeout) -> None:
        self.trainer, self.stage, self.timeout = trainer, stage, timeout
        self.place: Place = stage.place
        self.leads = self.place.rank == 0
        self.grace = GRACE
        self._stop_requested = False  # by any rank, as far as this one knows
        self._parent = os.getppid()

    def batches(
        self, batches: Iterable[Batch], steps: range, set_rates: SetRates
    ) -> Iterator[Batch]:
        return self.stage.batches(batches, steps, set_rates)

    def step(self, x: Tensor, y: Tensor | None, weight: Tensor | None) -> dict[str, Tensor]:
        return self.stage.step()

    def stops(self, requested: bool) -> bool:
        # Ranks whose torchrun was killed would train on unnoticed, and disturb a new start.
        orphaned = "TORCHELASTIC_RUN_ID" in os.environ and os.getppid() != self._parent
        self._stop_requested = self._stop_requested or requested or orphaned
        self.stage.stop_requested = self._stop_requested
        if self.stage.stops:  # on all ranks after this step, whether they save then or not
            self.stage.drain()
        return self.stage.stops

    @property
    def ends(self) -> bool:
        return self._stop_requested

    def close_epoch(self, sums: Mapping[str, Tensor], steps: int) -> dict[str, list[float]]:
        self.stage.drain()
        self.share_weights()
        # Within an epoch only the first stage can announce the last step.
        self._stop_requested = any(self._gather(self._stop_requested))
        return {name: values.tolist() for name, values in self._whole(sums, steps).items()}

    def evaluate(self, judge: Source) -> dict[str, Any]:
        """Errors on data, of which each rank evaluates every n-th batch, n being their number."""
        network = self.trainer.evaluated
        with network.validating(self.trainer.products):
            count, total = predict.count_errors(network, judge, (self.place.rank, self._world))
        return chosen_errors(self.trainer, predict.added(self._gather((count, total))))

    def lead(self, act: Callable[[], Result]) -> Result:
        outcome: list[Any] = [None, None]
        if self.leads:
            try:
                outcome[0] = act()
            except Exception as error:
                outcome[1] = error
        self.timeout.guard(lambda: dist.broadcast_object_list(outcome, src=0), 0, "waits for")
        if outcome[1] is not None:
            raise outcome[1]
        result: Result = outcome[0]
        return result

    def save(self, run: Run, sums: Mapping[str, Tensor], progress: Mapping[str, Any]) -> None:
        self.stage.drain()
        # Asynchronous stages take different numbers of steps; the first one's is saved.
        steps = self._gather(max(progress["progress"]["step"], 1))
        scale = steps[0] / steps[self.place.rank]
        tensors, numbers = self._state({name: value * scale for name, value in sums.items()})
        folder = run.path / "checkpoints" / "last"

        def fill(partial: Path) -> None:
            self._barrier()  # the folder exists
            write = functools.partial(sharded_checkpoint.write, partial, tensors)
            self.timeout.guard(write, None, "writes a checkpoint with")
            self._barrier()  # all ranks have written
            if self.leads:
                files.write_json(partial / "progress.json", {**progress, **numbers})
                run.seal(partial, "last")

        if self.leads:
            files.replace_folder(folder, fill)
        else:
            fill(files.partial(folder))
        self._barrier()  # the folder has replaced the one before

    def load(self, run: Run) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        folder = run.checkpoint("last")
        if folder is None:
            return None
        if checkpoint.sharded(folder):
            read = functools.partial(sharded_checkpoint.read, folder, self._wants)
            tensors = self.timeout.guard(read, None, "reads a checkpoint with")
        else:
            tensors = {k: v for k, v in checkpoint.tensors_of(folder).items() if self._wants(k)}
        weights, others = checkpoint.parted(tensors)
        progress = checkpoint.progress_of(folder)
        fix = checkpoint.INCOMPLETE
        checkpoint.load_weights(self.trainer.network, weights, str(run.path), fix)
        progress["optimizers"] = {
            name: value for name, value in progress["optimizers"].items() if self._owns(name)
        }
        restore(self.trainer, others, progress)
        return self._own_sums(sums_of(others, self.trainer)), progress

    # What each rank holds, and what all of them hold together

    @property
    def _world(self) -> int:
        return self.place.stages * self.place.replicas

    def _gather(self, value: Result) -> list[Result]:
        """The values of all ranks, in the order of their numbers."""
        found: list[Any] = [None] * self._world
        gather = functools.partial(dist.all_gather_object, found, value)
        self.timeout.guard(gather, None, "gathers metrics from")
        return found

    def _barrier(self) -> None:
        self.timeout.guard(dist.barrier, None, "writes a checkpoint with")

    def _whole(self, sums: Mapping[str, Tensor], steps: int) -> dict[str, Tensor]:
        """Sums of all layers over all replicas, per step; silent units are averaged."""
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
        """Return this rank's part of an epoch's sums; the first replica of a stage keeps them."""
        own = self.place.layers
        mine = {name: value[own.start : own.stop].clone() for name, value in whole.items()}
        for name, value in mine.items():
            if name != SILENT and self.place.replica > 0:
                value.zero_()
        return mine

    @torch.no_grad()
    def share_weights(self) -> None:
        """Send each layer's weights to all ranks, from the lowest rank that updates the layer."""
        networks = [self.trainer.network]
        if self.trainer.averaged is not None:
            networks.append(self.trainer.averaged.module)  # type: ignore[arg-type]
        for network in networks:
            for stage in range(self.place.stages):
                source = stage * self.place.replicas
                for values in self._tensors(network, stage):
                    send = functools.partial(dist.broadcast, values, source)
                    self.timeout.guard(send, source, "receives weights from")

    def _tensors(self, network: Any, stage: int) -> list[Tensor]:
        """The tensors of a stage's layers, and the head's weights for their activities."""
        own = Place(stage * self.place.replicas, self.place.split, self.place.replicas).layers
        tensors = [each for i in own for each in network.layers[i].state_dict().values()]
        head = network.head
        if head is not None:
            tensors += [head.weights[i - head.skip].data for i in own if i >= head.skip]
        return tensors

    def _state(self, sums: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors that this rank writes, and the numbers of all ranks."""
        tensors, numbers = state_of(self.trainer)
        tensors = {name: value for name, value in tensors.items() if self._owns(name)}
        tensors |= {f"sum.{name}": value for name, value in self._whole(sums, 1).items()}
        tensors |= self._pending_scores()
        for name, value in self.trainer.network.state_dict().items():
            if self._owns(name):
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

    def _pending_scores(self) -> dict[str, Tensor]:
        """Scores of the batches that were probed and not yet trained on, of all replicas."""
        pending = self.trainer.queue.pending
        rows = [(each.size, each.scores) for each in pending] if self.place.first else []
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
        """Whether this rank needs a tensor of a checkpoint: not the optimisers of other layers."""
        kind, _, rest = name.partition(".")
        everywhere = rest.startswith(("sum.", "waiting.", "averaged."))
        return kind == "network" or everywhere or self._owns(rest)

    def _owns(self, name: str) -> bool:
        """Whether a value of the network, the average or an optimiser belongs to this rank.

        Values of a layer, or of the head's weights for its activities, belong to the ranks that
        update it; all others to those of the first stage.
        """
        found = OWNER.match(name)
        if found is None:
            return self.place.first
        head = self.trainer.network.head
        skip = head.skip if found["head"] and head is not None else 0
        return int(found["index"]) + skip in self.place.layers
