"""A recipe, its data and a space -> trials, shared by all processes that run the same sweep."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forward_forward.data import checksum
from forward_forward.optimize import Diverged
from forward_forward.optimize.interrupt import interrupts
from forward_forward.sweep import folder, heartbeat, record, storage
from forward_forward.sweep import trial as one_trial
from forward_forward.sweep.record import Outcome, Record
from forward_forward.sweep.space import Space
from forward_forward.sweep.trial import Make

if TYPE_CHECKING:
    import optuna

    from forward_forward.data import Source
    from forward_forward.recipes import Plan

POLL = 0.5  # seconds between two looks at the trials of other processes


class TrialCallback:
    """Follows a sweep; by default, nothing is done."""

    def start(self, outcome: Outcome, trials: int) -> None:
        """The sweep starts or continues, up to so many trials."""

    def trial(self, done: Record, outcome: Outcome) -> None:
        """A trial of this process has ended."""

    def wait(self, running: int) -> None:
        """The last trials are running in other processes."""

    def stop(self) -> None:
        """The sweep has ended or was interrupted."""


def search(
    make: Make,
    train: Source,
    validation: Source,
    space: Space,
    *,
    trials: int,
    out: Path | str,
    about: Mapping[str, Any] | None = None,
    storage_url: str | None = None,
    seed: int = 0,
    callback: TrialCallback | None = None,
) -> Outcome:
    """Search settings by validation error until the given number of trials is done.

    The same call continues a sweep that was interrupted or killed at any moment; processes that
    call it with the same folder or storage share its trials.

    Args:
        make: Makes the plan for settings: text, numbers and lists by name.
        train: Training data.
        validation: Data on which trials are compared, taken from the training set.
        space: What is searched; see `read` and `default_space`.
        trials: Total number of trials that are complete, pruned or diverged.
        out: The sweep's folder; its name is that of the study.
        about: What else identifies this sweep, such as the names of data and recipe.
        storage_url: URL of a database that machines share; None for a journal in the folder.
        seed: Random seed of the settings that are drawn.
        callback: Called as the search proceeds.

    Returns:
        All trials, and the best one.

    Raises:
        ValueError: The folder or the storage holds another sweep, or the recipe rejects settings of
            the space.
        ImportError: Optuna is missing.
        KeyboardInterrupt: After Ctrl-C; the running trial does not count.
    """
    if trials < 1:
        raise ValueError(f"trials expects 1 or more, got {trials}")
    with storage.quiet():
        plan = _check_space(make, space)
        asked = {
            **(about or {}),
            "space": {name: str(each) for name, each in space.items()},
            "samples": {"train": len(train), "validation": len(validation)},
            "checksums": {"train": checksum(train), "validation": checksum(validation)},
            "seed": seed,
        }
        path = Path(out)
        url = None if storage_url is None else storage.hidden(storage_url)
        folder.begin(path, asked, trials=trials, storage=url)
        epochs = None if "epochs" in space else plan.epochs
        with storage.readable(path, storage_url):
            study = storage.study_of(path, storage_url, epochs=epochs)
            folder.join(study, asked)
            folder.check_recorded(path, study, storage.place_of(path, storage_url))

        def run(trial: optuna.Trial, settings: dict[str, Any]) -> float:
            return one_trial.run(trial, make(settings), train, validation)

        return _Search(study, path, run, space, seed, callback or TrialCallback()).until(trials)


def _check_space(make: Make, space: Space) -> Plan:
    """Make a plan with each end and option of the space; returns the last one."""
    for settings in one_trial.corners(space):
        try:
            plan = make(settings)
            for name, value in (("epochs", plan.epochs), ("batch_size", plan.batch_size)):
                if value < 1:
                    raise ValueError(f"{name} expects 1 or more, got {value}")
        except ValueError as error:
            pairs = (f"{name} {record.setting_text(value)}" for name, value in settings.items())
            raise ValueError(f"the recipe rejects {', '.join(pairs)}: {error}") from error
    return plan


@dataclass
class _Search:
    """The part of one process in a sweep."""

    study: optuna.Study
    path: Path
    run: one_trial.Run
    space: Space
    seed: int
    callback: TrialCallback
    stale: heartbeat.StaleTrials = field(default_factory=heartbeat.StaleTrials)

    def until(self, trials: int) -> Outcome:
        """Run trials until so many are done, here or in other processes."""
        self._fail_stale()
        self.callback.start(record.outcome(self.study), trials)
        waiting = False
        try:
            while True:
                done, running = self._count()
                if done >= trials:
                    break
                if done + running < trials:
                    self._one(trials)
                    continue
                if not waiting:
                    self.callback.wait(running)
                waiting = True
                time.sleep(POLL)
                self._fail_stale()
        finally:
            self.callback.stop()
            found = record.outcome(self.study)
            folder.write_trials(self.path, found)
        return found

    def _fail_stale(self) -> None:
        """End the trials of processes that no longer exist: they do not count."""
        for each in self.study.get_trials(deepcopy=False):
            if each.state.name == "RUNNING" and self.stale.is_stale(each):
                self._tell(each.number, "FAIL")

    def _count(self, before: int | None = None) -> tuple[int, int]:
        """The number of trials that are done and running; of those below a number, if given."""
        trials = self.study.get_trials(deepcopy=False)[:before]  # in the order of their numbers
        states = [each.state.name for each in trials]
        return states.count("COMPLETE") + states.count("PRUNED"), states.count("RUNNING")

    def _one(self, trials: int) -> None:
        """Run one more trial, unless other processes started enough of them at the same moment."""
        import optuna

        trial = self._start()
        try:
            with heartbeat.beating(trial):
                # Trials are numbered in the order in which they start. One with as many before it
                # as were requested is one too many, whatever becomes of those.
                if sum(self._count(before=trial.number)) >= trials:
                    trial.set_user_attr(record.WITHDRAWN, True)
                    self._tell(trial.number, "FAIL")
                    return
                self._train(trial)
        except optuna.exceptions.UpdateFinishedTrialError:
            return  # this process was suspended for so long that others gave the trial up
        except BaseException:
            self._tell(trial.number, "FAIL")
            raise
        found = record.outcome(self.study)
        folder.write_trials(self.path, found)
        self.callback.trial(found.trials[trial.number], found)

    def _start(self) -> optuna.Trial:
        """A new trial; Ctrl-C at this moment waits until the trial is known and can be ended."""
        with interrupts() as interrupt:
            trial = self.study.ask()
            if interrupt.is_set():
                self._tell(trial.number, "FAIL")
        if interrupt.is_set():
            raise KeyboardInterrupt
        self.study.sampler = storage.sampler(self.seed, trial.number)
        return trial

    def _train(self, trial: optuna.Trial) -> None:
        import optuna
        import torch

        settings = one_trial.suggested(trial, self.space)
        trial.set_user_attr(record.SETTINGS, settings)
        trial.set_user_attr(record.THREADS, torch.get_num_threads())
        try:
            error = self.run(trial, settings)
        except optuna.TrialPruned:
            self._tell(trial.number, "PRUNED")
        except Diverged as diverged:
            # Not as a failure, which Optuna's sampler would not learn from.
            trial.set_user_attr(record.DIVERGED, str(diverged))
            self._tell(trial.number, "PRUNED")
        else:
            self._tell(trial.number, "COMPLETE", error)

    def _tell(self, number: int, state: str, value: float | None = None) -> None:
        """End a trial, unless another process did so first."""
        import optuna
        from optuna.trial import TrialState

        with suppress(optuna.exceptions.UpdateFinishedTrialError):
            self.study.tell(number, value, state=TrialState[state], skip_if_finished=True)
