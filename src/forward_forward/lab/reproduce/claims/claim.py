"""A statement of the poster, and what a test of it found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from forward_forward.lab.reproduce.arms import Arm, ArmResult
from forward_forward.lab.reproduce.job import Job
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale


@dataclass
class Finding:
    """What the runs of a claim say.

    Args:
        statistic: Kind, estimate, interval, p and unit.
        verdict: Reproduced or not; None where Holm's correction over all claims has a say in it.
        note: What was measured, in words.
        comparisons: Of arms, in pairs.
        checks: Exactness tests, or conditions that a verdict rests on.
        outcomes: Of the arms.
        figures: What the page draws.
        conditions: What the tests have in common; None for what all arms have.
        beside: The verdict of a part of the claim that no direction is tested in, or None.
    """

    statistic: dict[str, Any]
    verdict: str | None
    note: str
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[ArmResult] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    beside: str | None = None
    conditions: dict[str, Any] | None = None


@dataclass(frozen=True)
class Claim:
    """A statement and its test.

    Args:
        name: Its name.
        title: What it is about.
        statement: The poster's words.
        source: Where they stand.
        rule: How the verdict is reached.
        measure: Tests it.
        arms: The arms it needs.
        jobs: Runs it needs in any case, besides those of its arms.
    """

    name: str
    title: str
    statement: str
    source: str
    rule: str
    measure: Callable[[Runner], Finding]
    arms: Callable[[Scale], Sequence[Arm]] = lambda scale: ()
    jobs: Callable[[Scale], Sequence[Job]] = lambda scale: ()
