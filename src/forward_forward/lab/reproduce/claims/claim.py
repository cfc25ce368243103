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
    """What the runs of a claim show."""

    statistic: dict[str, Any]  # kind, estimate, interval, p and unit
    verdict: str | None  # None if it depends on Holm's correction over all claims
    note: str  # what was measured, in sentences
    comparisons: list[dict[str, Any]] = field(default_factory=list)  # differences between arms
    checks: list[dict[str, Any]] = field(default_factory=list)  # of exactness, or conditions
    arms: list[ArmResult] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)  # what the page draws
    beside: str | None = None  # the verdict on a part of the claim that has no direction, if any
    conditions: dict[str, Any] | None = None  # of the tests; None for those of all arms


def better(
    deciding: Sequence[rules.Comparison],
    note: str,
    arms: Iterable[ArmResult],
    *,
    further: Iterable[rules.Comparison] = (),
    **more: Any,
) -> Finding:
    """What was found for a claim that one thing is better than another.

    All deciding comparisons must hold, further ones decide nothing; ``more`` are other fields of
    `Finding`.
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
    """A statement of the poster and its test."""

    name: str
    title: str
    statement: str  # the poster's words
    source: str  # where the poster makes it
    rule: str  # how the verdict is reached
    measure: Callable[[Runner], Finding]
    arms: Callable[[Scale], Sequence[Arm]] = lambda scale: ()  # those it needs at a scale
    jobs: Callable[[Scale], Sequence[Job]] = lambda scale: ()  # besides the runs of its arms
