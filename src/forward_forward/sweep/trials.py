"""A recipe, its data and a space -> so many trials, shared with whoever else runs the sweep."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from forward_forward.data import checksum
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

POLL = 0.5  # seconds between two looks at trials that others run


class Watcher(Protocol):
    """Follows a sweep."""

    def start(self, outcome: Outcome, trials: int) -> None:
        """The sweep begins, or goes on."""
        ...

    def trial(self, done: Record, outcome: Outcome) -> None:
        """A trial of this process is over."""
        ...

    def wait(self, running: int) -> None:
        """The last trials are run by others."""
        ...


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
    watch: Watcher | None = None,
) -> Outcome:
    """Search settings by validation error, until so many trials are over in all.

    A sweep that was broken off, at any moment and in any way, goes on when this is called again;
    processes that call it with the same folder or storage share its trials.

    Args:
        make: Makes the plan for settings: words, numbers and lists by their names.
        train: Training data.
        validation: Source to judge by, taken from the training set.
        space: What is searched; see `read` and `default_space`.
        trials: How many trials in all that are complete, pruned or diverged.
        out: The sweep's folder; its name is that of the study.
        about: What else makes this sweep and no other, such as the names of data and recipe.
        storage_url: Of a database that machines share; None for a journal in the folder.
        seed: Of the settings that are drawn.
        watch: Called as the search goes on.

    Returns:
        Every trial, and the best.

    Raises:
        ValueError: The folder or the storage holds another sweep, or the recipe refuses settings of
            the space.
        ImportError: Optuna is missing.
        KeyboardInterrupt: After Ctrl-C; the trial under way does not count.
    """
    if trials < 1:
        raise ValueError(f"trials expects 1 or more, got {trials}")
    with storage.quiet():
        plan = _checked(make, space)
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
        study = storage.study_of(path, storage_url, seed=seed, epochs=epochs)
        folder.join(study, asked)
        return _Search(study, path, make, train, validation, space, watch).until(trials)


def _checked(make: Make, space: Space) -> Plan:
    """A plan of the recipe's, once it took each end and option of the space."""
    for settings in one_trial.corners(space):
        try:
            plan = make(settings)
            for name, value in (("epochs", plan.epochs), ("batch_size", plan.batch_size)):
                if value < 1:
                    raise ValueError(f"{name} expects 1 or more, got {value}")
        except ValueError as error:
            said = ", ".join(f"{name} {record.words(value)}" for name, value in settings.items())
            raise ValueError(f"the recipe refuses {said}: {error}") from error
    return plan


class _Search:
    """One process's share of a sweep."""

    def __init__(
        self,
        study: optuna.Study,
        path: Path,
        make: Make,
        train: Source,
        validation: Source,
        space: Space,
        watch: Watcher | None,
    ) -> None:
        self.study, self.path = study, path
        self.make, self.train, self.validation, self.space = make, train, validation, space
        self.watch = watch
        self.deaths = heartbeat.StaleTrials()

    def until(self, trials: int) -> Outcome:
        """Run trials until so many are over, here or elsewhere."""
        self._bury()
        if self.watch is not None:
            self.watch.start(record.outcome(self.study), trials)
        told = False
        try:
            while True:
                over, running = self._standing()
                if over >= trials:
                    break
                if over + running < trials:
                    self._one(trials)
                    continue
                if self.watch is not None and not told:
                    self.watch.wait(running)
                told = True
                time.sleep(POLL)
                self._bury()
        finally:
            found = record.outcome(self.study)
            folder.write_trials(self.path, found)
        return found

    def _bury(self) -> None:
        """End the trials of processes that are gone: they do not count."""
        for each in self.study.get_trials(deepcopy=False):
            if each.state.name == "RUNNING" and self.deaths.dead(each):
                self._tell(each.number, "FAIL")

    def _standing(self, before: int | None = None) -> tuple[int, int]:
        """How many trials are over, and under way; of those with a number below ``before``."""
        names = [
            each.state.name
            for each in self.study.get_trials(deepcopy=False)
            if before is None or each.number < before
        ]
        return names.count("COMPLETE") + names.count("PRUNED"), names.count("RUNNING")

    def _one(self, trials: int) -> None:
        """Run one more trial, unless others began enough of them at the same moment."""
        import optuna

        trial = self._begun()
        try:
            with heartbeat.held(trial):
                # Trials have their numbers in the order in which they were begun. One with as many
                # before it as are asked for is one too many, whatever may become of those.
                if sum(self._standing(before=trial.number)) >= trials:
                    trial.set_user_attr(record.WITHDRAWN, True)
                    self._tell(trial.number, "FAIL")
                    return
                self._train(trial)
        except optuna.exceptions.UpdateFinishedTrialError:
            return  # this process stood still for so long that others gave the trial up
        except BaseException:
            self._tell(trial.number, "FAIL")
            raise
        self._report(trial.number)

    def _begun(self) -> optuna.Trial:
        """A new trial; Ctrl-C in this moment waits until it is known and can be ended."""
        with interrupts() as request:
            trial = self.study.ask()
            if request.stop:
                self._tell(trial.number, "FAIL")
        if request.stop:
            raise KeyboardInterrupt
        return trial

    def _train(self, trial: optuna.Trial) -> None:
        import optuna
        import torch

        from forward_forward.optimize import Diverged

        settings = one_trial.suggested(trial, self.space)
        trial.set_user_attr(record.SETTINGS, settings)
        trial.set_user_attr(record.THREADS, torch.get_num_threads())
        try:
            error = one_trial.run(trial, self.make(settings), self.train, self.validation)
        except optuna.TrialPruned:
            self._tell(trial.number, "PRUNED")
        except Diverged as diverged:
            # Not as a failure, which Optuna's sampler would not learn from.
            trial.set_user_attr(record.DIVERGED, str(diverged))
            self._tell(trial.number, "PRUNED")
        else:
            self._tell(trial.number, "COMPLETE", error)

    def _tell(self, number: int, state: str, value: float | None = None) -> None:
        """End a trial, unless somebody else did so first."""
        import optuna
        from optuna.trial import TrialState

        try:
            self.study.tell(number, value, state=TrialState[state], skip_if_finished=True)
        except optuna.exceptions.UpdateFinishedTrialError:
            return

    def _report(self, number: int) -> None:
        found = record.outcome(self.study)
        folder.write_trials(self.path, found)
        if self.watch is not None:
            self.watch.trial(found.trials[number], found)
