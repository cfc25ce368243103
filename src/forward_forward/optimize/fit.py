"""A trainer and its data -> epochs of steps, their history and, if asked, a run's folder."""

from __future__ import annotations

import copy
import functools
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from forward_forward import seeds
from forward_forward.checkpoint import Run, load
from forward_forward.data import Source
from forward_forward.forward.combination import is_of_readout
from forward_forward.optimize.checks import check_finite, check_scale
from forward_forward.optimize.frozen_cache import FrozenCache, cached, step_cached
from forward_forward.optimize.interrupt import interrupts
from forward_forward.optimize.state import Fitted, Progress, add
from forward_forward.optimize.strategy import Strategy
from forward_forward.optimize.train_step import CALIBRATION_SAMPLES, TrainStep
from forward_forward.predict import fit_readout, readout_entries
from forward_forward.track import Beginning, Callback, Row, StopTraining, notified


def calibrate(trainer: TrainStep, source: Source, batch_size: int) -> None:
    """Set thresholds given by name from training samples, drawn in an order of their own."""
    order = seeds.generator(trainer.seed, "calibration")
    x, y = [], []
    for batch in source.batches(batch_size, shuffle=order):
        x.append(batch.x)
        y.append(batch.y)
        if sum(map(len, y)) >= CALIBRATION_SAMPLES:
            break
    samples = torch.cat(x)[:CALIBRATION_SAMPLES]
    check_scale(trainer.network, samples)
    trainer.calibrate(samples, torch.cat(y)[:CALIBRATION_SAMPLES])


class FitLoop:
    """The epochs of one call of `Trainer.fit`.

    ``source`` and ``judge`` are the data for training and for validation, on the trainer's device;
    ``about`` is the content of run.json. Only the leading process calls the callbacks.
    """

    def __init__(
        self,
        trainer: TrainStep,
        strategy: Strategy,
        source: Source,
        judge: Source | None,
        epochs: int,
        batch_size: int,
        about: Mapping[str, Any],
        callbacks: Sequence[Callback],
    ) -> None:
        self.trainer, self.strategy, self.source, self.judge = trainer, strategy, source, judge
        self.epochs, self.batch_size = epochs, batch_size
        self.about, self.callbacks = about, callbacks if strategy.leads else ()
        self.resumed, self.begun = False, False
        self.progress = Progress()
        self.history: list[Row] = []
        self.sums: dict[str, Tensor] = {}
        self.run: Run | None = None
        self.layer = 0  # in the greedy order: the layer in training
        self.cache: FrozenCache | None = None  # the activities of the layers below it
        self.stopped: str | None = None  # why a callback has stopped the training
        self.began = time.perf_counter()

    def create(self, out: Path | str, *, overwrite: bool) -> None:
        """Make the run's folder."""
        thresholds = [float(layer.threshold_value) for layer in self.trainer.network.layers]
        about = {**self.about, "thresholds": thresholds, "status": "training"}
        self.strategy.lead(lambda: Run.create(out, about, overwrite=overwrite).path)
        self.run = Run(out)

    def resume(self, run: Run) -> None:
        """Continue a run from its last checkpoint."""
        self.run, self.resumed = run, True
        self.stopped = run.about.get("stopped")
        saved = self.strategy.load(run)
        if saved is None and run.about.get("status") != "training":
            raise ValueError(
                f"expected the checkpoint 'last' in {str(run.path / 'checkpoints')!r}, got none,"
                " though the run is finished: restore it from a copy, or start a new run"
            )
        if saved is None:
            calibrate(self.trainer, self.source, self.batch_size)
        else:
            self.sums, progress = saved
            self.progress = Progress(**progress["progress"])
        self.history = self.strategy.lead(lambda: self._kept(run))

    def _kept(self, run: Run) -> list[Row]:
        """The rows of the epochs that are done; those of work that was lost are deleted."""
        run.rows()  # which checks the file before a part of it is deleted
        run.tidy()
        run.adopt()
        return run.metrics.keep(self.progress.epoch)

    def train(self) -> Fitted:
        """Train all epochs that remain."""
        trainer = self.trainer
        trainer.network.train()
        try:
            self._train()
        except BaseException:
            if self.run is not None and self.strategy.leads and not (self.begun or self.resumed):
                self.run.discard()  # nothing was learned yet: free the folder for the next attempt
            raise
        trainer.train_layers(0, len(trainer.network.layers) - 1)
        if trainer.averaged is not None:
            trainer.network.load_state_dict(trainer.evaluated.state_dict())
        progress, path = self.progress, None if self.run is None else self.run.path
        times = progress.seconds, progress.validation_seconds
        best = progress.best_epoch, progress.best_error
        return Fitted(self.history, *best, *times, path, self.stopped, self.about)

    def _train(self) -> None:
        with (
            notified(self.callbacks, self._beginning()),
            interrupts(self.strategy.grace) as request,
        ):
            self.begun = True
            self.began = time.perf_counter() - self.progress.seconds
            while self.progress.epoch < self.epochs and self.stopped is None:
                self._epoch(request)
        self._fit_readout()
        if self.run is not None:
            self.strategy.lead(self._ended)

    def _fit_readout(self) -> None:
        """Fit how the layers are combined, of the last weights and of the best ones in the run."""
        network, judge = self.trainer.evaluated, self.judge
        if network.combination is None or judge is None:
            return

        def fit() -> dict[str, Tensor]:
            if self.run is not None and self.run.about["status"] == "training":
                best = load(self.run.path, network=copy.deepcopy(network))
                fit_readout(best, judge)
                self.run.save("best", best.state_dict())
                self.run.update(**readout_entries(best))
            fit_readout(network, judge)
            state = network.state_dict().items()
            return {name: each.cpu() for name, each in state if is_of_readout(name)}

        fitted = self.strategy.lead(fit)
        for each in (network, self.trainer.network):
            each.load_state_dict(fitted, strict=False)

    def _ended(self) -> None:
        if self.run is not None and self.run.about["status"] == "training":
            self.run.update(
                status="trained",
                best_epoch=self.progress.best_epoch,
                validation_error=self.progress.best_error,
                seconds=round(self.progress.seconds, 3),
                validation_seconds=round(self.progress.validation_seconds, 3),
                **({} if self.stopped is None else {"stopped": self.stopped}),
            )

    def _beginning(self) -> Beginning:
        path = None if self.run is None else self.run.path
        done = self.progress.epoch, self._steps(), self.resumed
        return Beginning(self.epochs, *done, self.about, list(self.history), path)

    def _steps(self) -> int | None:
        return math.ceil(len(self.source) / self.batch_size) if len(self.source) else None

    def _epoch(self, request: threading.Event) -> None:
        trainer, progress, strategy = self.trainer, self.progress, self.strategy
        order = seeds.generator(trainer.seed, "order", progress.epoch)
        trainer.preparer.set_epoch(progress.epoch)
        steps = self._steps() or 1
        self._choose_layers()
        trainer.check_weights()
        source = self.cache or self.source
        step = strategy.step
        if self.cache is not None:
            step = functools.partial(step_cached, trainer, self.cache)

        def set_rates(step: int) -> None:
            epoch, of = self._within(progress.epoch + step / steps)
            trainer.set_rate(trainer.schedule(epoch, of))
            trainer.set_progress(epoch / of)

        batches = source.batches(self.batch_size, shuffle=order, skip=progress.step)
        for batch in strategy.batches(batches, range(progress.step, steps), set_rates):
            self.sums = add(self.sums, step(*batch))
            progress.step += 1
            for callback in self.callbacks:
                callback.step()
            if strategy.stops(request.is_set()):
                self._save()
                raise KeyboardInterrupt
        self._close_epoch()
        if strategy.ends and progress.epoch < self.epochs:
            raise KeyboardInterrupt

    def _greedy(self) -> tuple[int, int, int]:
        """In the greedy order: the layer to train, its first epoch, and the end of its epochs."""
        layers = len(self.trainer.network.layers)
        ends = [round((index + 1) * self.epochs / layers) for index in range(layers)]
        index = next(index for index, end in enumerate(ends) if self.progress.epoch < end)
        return index, ends[index - 1] if index else 0, ends[index]

    def _choose_layers(self) -> None:
        if self.trainer.order == "greedy":
            index, _, _ = self._greedy()
            self.trainer.train_layers(index, index)
            if index != self.layer:
                self.cache = None  # its memory is needed for the next
                self.layer, self.cache = index, cached(self.trainer, self.source, index)

    def _within(self, epoch: float) -> tuple[float, int]:
        """The epoch among those in which these layers are trained, and their number."""
        if self.trainer.order == "greedy":
            _, first, end = self._greedy()
            return epoch - first, end - first
        return epoch, self.epochs

    def _close_epoch(self) -> None:
        progress, trainer = self.progress, self.trainer
        row: Row = {"epoch": progress.epoch + 1}
        if trainer.order == "greedy":
            row["layers"] = [self.layer + 1]  # counted from 1: whose figures follow
        row |= self.strategy.close_epoch(self.sums, progress.step)
        check_finite(row, trainer)
        error: float | None = None
        if self.judge is not None:
            began = time.perf_counter()
            figures = self.strategy.evaluate(self.judge)
            progress.validation_seconds += time.perf_counter() - began
            row |= {f"validation_{name}": value for name, value in figures.items()}
            error = row["validation_error"]
        progress.epoch, progress.step, self.sums = progress.epoch + 1, 0, {}
        progress.seconds = time.perf_counter() - self.began
        row["seconds"] = round(progress.seconds, 3)
        best = progress.best_error
        # Of equal ones the later: on little validation data many epochs are equal by chance.
        better = error is None or best is None or error <= best
        if better:
            progress.best_epoch, progress.best_error = progress.epoch, error
        self.history.append(row)
        if self.run is not None:
            self.strategy.lead(lambda: self._keep(row, better))
            self._save()
        self.stopped = self.strategy.lead(lambda: self._told(row))

    def _told(self, row: Row) -> str | None:
        """Tell all callbacks of an epoch; why one of them stops the training, or None."""
        stopped = None
        for callback in self.callbacks:
            try:
                callback.epoch(row)
            except StopTraining as reason:
                stopped = str(reason) or "a callback asked for it"
        return stopped

    def _keep(self, row: Row, better: bool) -> None:
        if self.run is not None:
            self.run.metrics.append(row)
            if better:
                network = self.trainer.evaluated
                self.run.save("best", network.state_dict())
                if network.chosen is not None and self.judge is not None:
                    self.run.update(readout=list(network.readout))

    def _save(self) -> None:
        if self.run is not None:
            self.progress.seconds = time.perf_counter() - self.began
            self.strategy.save(self.run, self.sums, {"progress": asdict(self.progress)})
