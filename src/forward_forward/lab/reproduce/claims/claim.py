"""A statement of the poster, and what a test of it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.arms import Arm, ArmResult
from forward_forward.lab.reproduce.job import Job
from forward_forward.lab.reproduce.runner import Runner
from forward_forward.lab.reproduce.scales import Scale


@dataclass
class Finding:
    """What the runs of a claim show.

    Args:
        statistic: Kind, estimate, interval, p and unit.
        verdict: Reproduced or not; None if it depends on Holm's correction over all claims.
        note: What was measured, in sentences.
        comparisons: Differences between arms.
        checks: Exactness tests, or conditions of the verdict.
        arms: Results of the arms.
        figures: What the page draws.
        beside: The verdict on a part of the claim that has no direction; None if there is none.
        conditions: What the tests have in common; None for what all arms have.
    """

    statistic: dict[str, Any]
    verdict: str | None
    note: str
    comparisons: list[dict[str, Any]] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    arms: list[ArmResult] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    beside: str | None = None
    conditions: dict[str, Any] | None = None


def better(
    deciding: Sequence[rules.Comparison],
    note: str,
    arms: Iterable[ArmResult],
    *,
    further: Iterable[rules.Comparison] = (),
    **more: Any,
) -> Finding:
    """What was found for a claim that one thing is better than another.

    Args:
        deciding: The comparisons that must all hold.
        note: What was measured.
        arms: Results of the arms.
        further: Comparisons that decide nothing.
        more: Other fields of `Finding`.
    """
    statistic = rules.directional(deciding)
    return Finding(statistic, None, note, [*deciding, *further], arms=list(arms), **more)


def similar(
    deciding: Sequence[rules.Comparison],
    note: str,
    arms: Iterable[ArmResult],
    comparisons: Iterable[rules.Comparison],
    figures: list[dict[str, Any]],
) -> Finding:
    """What was found for a claim that all deciding comparisons are of similar errors."""
    statistic, verdict = rules.all_similar(deciding)
    return Finding(statistic, verdict, note, list(comparisons), arms=list(arms), figures=figures)


def exact(checks: list[dict[str, Any]], note: str, **more: Any) -> Finding:
    """What exactness tests found; ``more`` are other fields of `Finding`."""
    statistic, verdict = rules.exact(checks)
    return Finding(statistic, verdict, note, checks=checks, **more)


@dataclass(frozen=True)
class Claim:
    """A statement and its test.

    Args:
        name: Its name.
        title: What it is about.
        statement: The poster's words.
        source: Where the poster makes it.
        rule: How the verdict is reached.
        measure: Tests it.
        arms: The arms it needs at a scale.
        jobs: Runs it needs at a scale, besides those of its arms.
    """

    name: str
    title: str
    statement: str
    source: str
    rule: str
    measure: Callable[[Runner], Finding]
    arms: Callable[[Scale], Sequence[Arm]] = lambda scale: ()
    jobs: Callable[[Scale], Sequence[Job]] = lambda scale: ()
