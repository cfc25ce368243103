"""A trainer and labelled data -> a trained network, its history and, if asked, a run's folder."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from forward_forward import seeds
from forward_forward.checkpoint import Run
from forward_forward.data import Data, Source, as_source, check_unchanged, checksum
from forward_forward.data.pictures.framing import frame_of
from forward_forward.forward.description import describe
from forward_forward.optimize.calibrate import calibrate
from forward_forward.optimize.checks import check_data, check_finite, check_same, check_watchers
from forward_forward.optimize.frozen_cache import FrozenCache, below
from forward_forward.optimize.interrupt import Wish, interrupts
from forward_forward.optimize.progress import Fitted, Progress
from forward_forward.optimize.state import add
from forward_forward.optimize.strategy import SingleProcess, Strategy
from forward_forward.optimize.trainer import Trainer
from forward_forward.track import Beginning, Row, Watcher, watched

if TYPE_CHECKING:
    from forward_forward.parallel import Layout


def fit(
    trainer: Trainer,
    train: Any,
    *,
    epochs: int,
    batch_size: int | None = None,
    validation: Any = None,
    out: Path | str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    about: Mapping[str, Any] | None = None,
    watch: Sequence[Watcher] = (),
    parallel: Layout | None = None,
) -> Fitted:
    """Train a network for some epochs.

    With ``out``, a checkpoint is written after each epoch, and at Ctrl-C; a run that was broken
    off at any moment goes on with ``resume=True`` and ends in the weights of an undisturbed one.
    In the greedy order each layer gets an equal share of the epochs, and the schedule begins anew;
    where they fit into memory, the activities below the layer are computed once for all of these.

    Args:
        trainer: The trainer, built with the same settings where a run is resumed.
        train: Training data: `Data`, (X, y), a Dataset, a DataLoader.
        epochs: Epochs in all.
        batch_size: Samples a step; None for the source's own, 256 of data held in memory.
        validation: Data to choose the best epoch by; None chooses the last one.
        out: The run's folder; None keeps everything in memory.
        resume: Whether to go on with the run in ``out``.
        overwrite: Whether a run in ``out`` may be removed first.
        about: More to be kept in run.json.
        watch: Called as training goes on.
        parallel: How the layers, or the batches, are spread over the processes of `torchrun`, all
            of which call this; None for one process.

    Returns:
        The history. The network holds the weights of the last epoch, averaged where averaging is
        on; ``ff.load(out)`` gives the best ones.

    Raises:
        ValueError: Settings that do not fit the data, or the run that is resumed.
        Diverged: A loss or a goodness is no longer finite; the last checkpoint stands.
        KeyboardInterrupt: After Ctrl-C, once the checkpoint is written.
    """
    source, judge = as_source(train), None
    if validation is not None:
        judge = as_source(validation, classes=source.classes)
    parts = {"train": source, "validation": judge}
    batch_size = source.batch_size if batch_size is None else batch_size
    check_data(trainer, source, epochs, batch_size)
    settings = {
        "network": describe(trainer.network),
        "trainer": trainer.settings,
        "fit": {
            "epochs": epochs,
            "batch_size": batch_size,
            "samples": len(source),
            "validation": 0 if judge is None else len(judge),
        },
        "data": {"name": source.name, "classes": list(source.classes), "shape": list(source.shape)},
    }
    check_watchers(watch)
    source, judge = _on_device(source, trainer), _on_device(judge, trainer)
    said = {**(about or {}), **settings}
    if out is not None:
        frame = frame_of(source)
        said["frame"] = None if frame is None else frame.as_json()
        sums = {name: checksum(part) for name, part in parts.items() if part is not None}
        said["checksums"] = {**said.get("checksums", {}), **sums}
    crew: Strategy = SingleProcess(trainer)
    if parallel is not None:
        from forward_forward.parallel import join

        crew = join(trainer, parallel, source, batch_size)
    loop = _Loop(trainer, crew, source, judge, epochs, batch_size, said, watch)
    if out is not None and resume:
        run = Run(out)
        check_same(run.about, settings)
        check_unchanged(run.about.get("checksums", {}), parts, "Put them back, or begin a new run")
        loop.resume(run)
    else:
        calibrate(trainer, source, batch_size)
        if out is not None:
            loop.create(out, overwrite=overwrite)
    trainer.network.train()
    try:
        loop.train()
    except BaseException:
        if loop.run is not None and crew.leads and not (loop.begun or loop.resumed):
            loop.run.discard()  # nothing was learned yet, and the folder is free for the next try
        raise
    trainer.train_layers(0, len(trainer.network.layers) - 1)
    if trainer.averaged is not None:
        trainer.network.load_state_dict(trainer.evaluated.state_dict())
    return loop.fitted()


class _Loop:
    """The epochs of one call of `fit`."""

    def __init__(
        self,
        trainer: Trainer,
        crew: Strategy,
        source: Source,
        judge: Source | None,
        epochs: int,
        batch_size: int,
        said: Mapping[str, Any],
        watch: Sequence[Watcher],
    ) -> None:
        self.trainer, self.crew, self.source, self.judge = trainer, crew, source, judge
        self.epochs, self.batch_size = epochs, batch_size
        self.said, self.watch = said, watch if crew.leads else ()
        self.resumed, self.begun = False, False
        self.progress = Progress()
        self.history: list[Row] = []
        self.sums: dict[str, Tensor] = {}
        self.run: Run | None = None
        self.turn = 0  # in the greedy order: the layer to train, and what is known of those below
        self.known: FrozenCache | None = None
        self.began = time.perf_counter()

    def create(self, out: Path | str, *, overwrite: bool) -> None:
        """Make the run's folder."""
        thresholds = [float(layer.threshold_value) for layer in self.trainer.network.layers]
        about = {**self.said, "thresholds": thresholds, "status": "training"}
        self.crew.lead(lambda: Run.create(out, about, overwrite=overwrite).path)
        self.run = Run(out)

    def resume(self, run: Run) -> None:
        """Take up a run where its last checkpoint stands."""
        self.run, self.resumed = run, True
        saved = self.crew.load(run)
        if saved is None:
            calibrate(self.trainer, self.source, self.batch_size)
        else:
            self.sums, progress = saved
            self.progress = Progress(**progress["progress"])
        self.history = self.crew.lead(lambda: run.metrics.keep(self.progress.epoch))

    def train(self) -> None:
        with watched(self.watch, self._beginning()), interrupts(self.crew.grace) as wish:
            self.begun = True
            self.began = time.perf_counter() - self.progress.seconds
            while self.progress.epoch < self.epochs:
                self._epoch(wish)
        if self.run is not None:
            self.crew.lead(self._ended)

    def _ended(self) -> None:
        if self.run is not None and self.run.about["status"] == "training":
            self.run.update(
                status="trained",
                best_epoch=self.progress.best_epoch,
                validation_error=self.progress.best_error,
                seconds=round(self.progress.seconds, 3),
                validation_seconds=round(self.progress.validation_seconds, 3),
            )

    def _beginning(self) -> Beginning:
        path = None if self.run is None else self.run.path
        done = self.progress.epoch, self._steps(), self.resumed
        return Beginning(self.epochs, *done, self.said, list(self.history), path)

    def _steps(self) -> int | None:
        return math.ceil(len(self.source) / self.batch_size) if len(self.source) else None

    def _epoch(self, wish: Wish) -> None:
        trainer, progress = self.trainer, self.progress
        order = seeds.generator(trainer.seed, "order", progress.epoch)
        steps = self._steps() or 1
        self._choose_layers()
        source = self.known or self.source
        known = self.known and functools.partial(trainer.step_above, self.known)
        step = known or self.crew.step

        def pace(step: int) -> None:
            trainer.set_rate(self._factor(progress.epoch + step / steps))

        batches = source.batches(self.batch_size, shuffle=order, skip=progress.step)
        for batch in self.crew.turns(batches, range(progress.step, steps), pace):
            self.sums = add(self.sums, step(*batch))
            progress.step += 1
            for watcher in self.watch:
                watcher.step()
            if self.crew.stops(wish.stop):
                self._save()
                raise KeyboardInterrupt
        self._close_epoch()
        if self.crew.ends and progress.epoch < self.epochs:
            raise KeyboardInterrupt

    def _share(self) -> tuple[int, int, int]:
        """In the greedy order: the layer to train, and the first and last epoch of its share."""
        layers = len(self.trainer.network.layers)
        ends = [round((index + 1) * self.epochs / layers) for index in range(layers)]
        index = next(index for index, end in enumerate(ends) if self.progress.epoch < end)
        return index, ends[index - 1] if index else 0, ends[index]

    def _choose_layers(self) -> None:
        if self.trainer.order == "greedy":
            index, _, _ = self._share()
            self.trainer.train_layers(index, index)
            if index != self.turn:
                self.known = None  # its memory is needed for the next
                self.turn, self.known = index, below(self.trainer, self.source, index)

    def _factor(self, epoch: float) -> float:
        if self.trainer.order == "greedy":
            _, first, end = self._share()
            return self.trainer.schedule(epoch - first, end - first)
        return self.trainer.schedule(epoch, self.epochs)

    def _close_epoch(self) -> None:
        progress, trainer = self.progress, self.trainer
        row: Row = {"epoch": progress.epoch + 1}
        if trainer.order == "greedy":
            row["layers"] = [self.turn + 1]  # counted from 1: whose figures follow
        row |= self.crew.close_epoch(self.sums, progress.step)
        check_finite(row, trainer)
        error: float | None = None
        if self.judge is not None:
            began = time.perf_counter()
            figures = self.crew.evaluate(self.judge)
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
            self.crew.lead(lambda: self._keep(row, better))
            self._save()
        for watcher in self.watch:
            watcher.epoch(row)

    def _keep(self, row: Row, better: bool) -> None:
        if self.run is not None:
            self.run.metrics.append(row)
            if better:
                self.run.save("best", self.trainer.evaluated.state_dict())

    def _save(self) -> None:
        if self.run is not None:
            self.progress.seconds = time.perf_counter() - self.began
            self.crew.save(self.run, self.sums, {"progress": asdict(self.progress)})

    def fitted(self) -> Fitted:
        progress = self.progress
        path = None if self.run is None else self.run.path
        times = progress.seconds, progress.validation_seconds
        return Fitted(self.history, progress.best_epoch, progress.best_error, *times, path)


def _on_device(source: Any, trainer: Trainer) -> Any:
    return source.to(trainer.device) if isinstance(source, Data) else source
