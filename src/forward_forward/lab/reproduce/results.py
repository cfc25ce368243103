"""Findings -> results in plain values and their files, with verdicts corrected for their number."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from types import NoneType
from typing import Any

import torch

from forward_forward import __version__, manifest
from forward_forward.entries import NUMBER, OPTIONAL_NUMBER, Kind, check_kinds
from forward_forward.lab.reproduce import rules
from forward_forward.lab.reproduce.claims import CLAIMS
from forward_forward.lab.reproduce.claims.claim import Claim, Finding
from forward_forward.lab.reproduce.scales import SCALES, Scale
from forward_forward.lab.statistics import holm

Result = dict[str, Any]
# The entries of a result, and of its statistic, and their types.
KINDS: dict[str, Kind] = {
    **dict.fromkeys(("name", "title", "statement", "source", "scale", "rule", "note"), str),
    **dict.fromkeys(("comparisons", "checks", "arms", "figures"), list),
    **dict.fromkeys(("statistic", "conditions", "versions"), dict),
    **dict.fromkeys(("verdict", "device", "date"), str),
    "beside": (str, NoneType),
}
STATISTIC: dict[str, Kind] = {
    "kind": str,
    "unit": str,
    **dict.fromkeys(("estimate", "low", "high", "p"), OPTIONAL_NUMBER),
}
PACKAGES = ("numpy", "scipy", "scikit-learn")


def result_of(claim: Claim, finding: Finding, scale: Scale) -> Result:
    """A claim's result; its verdict is None if it depends on Holm's correction, see `settle`."""
    arms = [arm.json() for arm in finding.arms]
    dates = [date for arm in finding.arms for date in arm.each("date")]
    devices = sorted({device for arm in arms for device in arm["devices"]}) or ["cpu"]
    return {
        "name": claim.name,
        "title": claim.title,
        "statement": claim.statement,
        "source": claim.source,
        "scale": scale.name,
        "verdict": finding.verdict,
        "rule": claim.rule,
        "note": finding.note + _diverged(finding),
        "statistic": finding.statistic,
        "beside": finding.beside,
        "comparisons": finding.comparisons,
        "checks": finding.checks,
        "arms": arms,
        "figures": finding.figures,
        "conditions": finding.conditions or conditions(scale),
        "versions": versions(),
        "device": ", ".join(devices),
        "date": max(dates, default=time.strftime("%Y-%m-%d", time.gmtime())),
    }


def _diverged(finding: Finding) -> str:
    """A paragraph on the runs that diverged, if any did."""
    counts = [(arm.name, sum(arm.each("diverged")), len(arm.seeds)) for arm in finding.arms]
    rows = [f"{name}: {count} of {runs}" for name, count, runs in counts if count]
    if not rows:
        return ""
    return f"\n\nRuns that diverged count with their error at that time ({'; '.join(rows)})."


def conditions(scale: Scale) -> dict[str, Any]:
    """What all arms have in common unless their settings differ."""
    return {
        "data": scale.data,
        "training images": "all except the held-out ones" if scale.images is None else scale.images,
        "hidden layers": ", ".join(map(str, scale.hidden)),
        "epochs": scale.epochs,
        "batch size": scale.batch_size,
        "normalisation": "each input row, and each layer's, to mean square 1",
        "initialisation": "weights normal with variance 1 / inputs, biases 0",
        "label": "over the first ten pixels",
        "threshold": "calibrated: mean goodness of the untrained layer, times a tuned factor",
        "schedule": "half a cosine to 0",
        "tuning": _tuning(scale),
    }


def _tuning(scale: Scale) -> str:
    text = f"{scale.rates} learning rates, a factor of the root of ten apart"
    if scale.factors > 1:
        text += f", each with {scale.factors} values of a second setting"
    if scale.extensions:
        text += ", and further ones while a neighbour of the best is untried"
    text += f", for {scale.tuning_fraction:g} of the epochs"
    if scale.tuning_seeds > 1:
        text += f"; then the best three on {scale.tuning_seeds} seeds"
    return f"{text}; validation images choose"


def versions() -> dict[str, str]:
    """Versions of this library and of those that the results depend on."""
    return {
        "forward-forward": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in PACKAGES},
    }


def settle(results: Iterable[Result]) -> list[Result]:
    """Correct the p of a scale's directional claims for their number, and decide their verdicts."""
    settled = [{**result, "statistic": dict(result["statistic"])} for result in results]
    open_ones = [each for each in settled if each["statistic"]["kind"] == "paired t"]
    adjusted = holm([each["statistic"]["p"] for each in open_ones])
    opposite = holm([each["statistic"]["p_opposite"] for each in open_ones])
    for result, p, other in zip(open_ones, adjusted, opposite, strict=True):
        result["statistic"]["p_holm"] = p
        result["statistic"]["p_opposite_holm"] = other
        result["statistic"]["family"] = len(open_ones)
        verdict = rules.directional_verdict(result["statistic"])
        result["verdict"] = rules.both(verdict, result["beside"]) if result["beside"] else verdict
    return settled


def estimate(result: Result) -> str:
    """A result's estimate with its unit and interval, as text."""
    statistic = result["statistic"]
    if statistic["estimate"] is None:
        return str(statistic["unit"])
    numbers = (f"{statistic[key]:.2f}".replace("-", "−") for key in ("estimate", "low", "high"))
    mean, low, high = numbers
    level = " (90 %)" if statistic["kind"] == "equivalence" else ""
    return f"{mean} {statistic['unit']}, {low} to {high}{level}"


def read(folder: Path) -> dict[str, Result]:
    """The results in a folder, in the poster's order.

    Raises:
        ValueError: A file is broken; the message names it.
    """
    paths = {name: folder / f"{name}.json" for name in CLAIMS}
    return {name: _read(path, name) for name, path in paths.items() if path.exists()}


def _read(path: Path, name: str) -> Result:
    result = dict(manifest.read_record(path))
    check_kinds(path, result, KINDS)
    check_kinds(path, result["statistic"], STATISTIC)
    if result["statistic"]["kind"] == "paired t":
        check_kinds(path, result["statistic"], {"p": NUMBER, "p_opposite": NUMBER})
    for part in (*result["comparisons"], *result["checks"], *result["arms"]):
        check_kinds(path, part, {"name": str})
    for arm in result["arms"]:
        check_kinds(path, arm, {"seeds": list})
    for entry, expected in (("name", [name]), ("scale", SCALES)):
        if result[entry] not in expected:
            raise ValueError(
                f"expected the {entry} {' or '.join(expected)} in {str(path)!r}, got"
                f" {result[entry]!r}: restore the file from a copy"
            )
    return result


def write(folder: Path, results: Mapping[str, Result]) -> None:
    """Settle results and write each into its file."""
    folder.mkdir(parents=True, exist_ok=True)
    for result in settle(results.values()):
        manifest.write_record(folder / f"{result['name']}.json", result)
