"""A rule -> its learning rate and constant, by the same number of trials for every rule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from forward_forward.files import as_name
from forward_forward.lab.compare.job import data_of
from forward_forward.lab.compare.rule import Rule, search_space
from forward_forward.lab.workers import leave_interrupts
from forward_forward.recipes import Plan

SEED = 1_000  # of all trials, so that no final run repeats one


@dataclass(frozen=True)
class RuleTuning:
    """What is needed to tune a rule, in another process too.

    Args:
        rule: The rule.
        data: The command line's data, as JSON.
        images: Training samples; None for all.
        epochs: Of each trial.
        trials: How many.
        folder: Of all tunings.
        device: Where to train.
    """

    rule: Rule
    data: str
    images: int | None
    epochs: int
    trials: int
    folder: Path
    device: str | None = None

    @property
    def out(self) -> Path:
        return self.folder / as_name(self.rule.text)


def tune(tuning: RuleTuning) -> tuple[RuleTuning, dict[str, Any]]:
    """The same, and the settings of the trial with the lowest validation error by name.

    Interrupted, it continues where it was.

    Raises:
        ValueError: No trial is complete: all diverged.
    """
    from forward_forward.sweep import read, search

    leave_interrupts()
    rule, space = tuning.rule, search_space(tuning.rule)
    if not tuning.trials or not space:
        return tuning, {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    sets = data_of(tuning.data, tuning.images)
    fixed = {"epochs": tuning.epochs, "seed": SEED, "device": tuning.device}

    def make(settings: Mapping[str, Any]) -> Plan:
        return rule.plan(sets.train, {**fixed, **settings})

    try:
        outcome = search(
            make,
            sets.train,
            sets.validation,
            read([f"{name}={text}" for name, text in space.items()], rule.recipe),
            trials=tuning.trials,
            out=tuning.out,
            about={
                **json.loads(tuning.data),
                "recipe": rule.name,
                "fixed": {**rule.settings, "epochs": tuning.epochs, "seed": SEED},
            },
        )
    finally:
        torch.set_num_threads(threads)
    best = outcome.best
    if best is None:
        raise ValueError(
            f"expected a trial of {rule.text!r} that learns, but all {tuning.trials} diverged:"
            " give it a lower learning rate, such as lr=1e-4, or more trials"
        )
    return tuning, {name: best["settings"][name] for name in space}
