"""Names of claims and a scale -> their results, as JSON files in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from forward_forward.lab.ledger import Ledger
from forward_forward.lab.reproduce import results
from forward_forward.lab.reproduce.arms import FIRST_TUNING_SEED
from forward_forward.lab.reproduce.claims import Claim, named
from forward_forward.lab.reproduce.forecast import forecast
from forward_forward.lab.reproduce.runner import Runner, RunProgress
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.optimize.precision import usable


def reproduce(
    names: Sequence[str],
    scale: Scale,
    out: Path | str,
    *,
    jobs: int = 1,
    seeds: int | None = None,
    device: str = "cpu",
    progress: RunProgress | None = None,
) -> dict[str, results.Result]:
    """Test claims of the poster; runs found in the folder's ledger are not repeated.

    Args:
        names: Names of claims, such as "poster" or "poster.fig6".
        scale: Data, network and numbers of runs: one of `SCALES`.
        out: Folder of the ledger (runs.jsonl) and of the results (NAME.json).
        jobs: Runs at a time, each with one thread. They use joblib's current backend, as set by
            ``joblib.parallel_config(...)``.
        seeds: Final runs of each arm; None for the scale's own numbers.
        device: Where to train.
        progress: Called as the runs advance.

    Returns:
        All results in the folder by name, with verdicts corrected for their number.

    Raises:
        ValueError: No such claim or device, fewer than one job, too few or too many seeds, or the
            folder holds results of another scale or of more seeds.
    """
    claims = named(names)
    folder = Path(out)
    if jobs < 1:
        raise ValueError(f"expected at least one run at a time, got {jobs} jobs: omit --jobs")
    usable(device)
    _check(results.read(folder), claims, scale, seeds)
    progress = progress or RunProgress()
    runner = Runner(scale, Ledger(folder), jobs, progress, seeds, device)
    progress.start(forecast(claims, runner))
    try:
        for number, claim in enumerate(claims):
            progress.claim(claim.name, number, len(claims))
            result = results.result_of(claim, claim.measure(runner), scale)
            # Read the folder again: another process may have added results, and each one that is
            # added changes Holm's correction of the others.
            results.write(folder, {**results.read(folder), claim.name: result})
    finally:
        progress.stop()
    return results.read(folder)


def _check(
    found: Mapping[str, results.Result], claims: Sequence[Claim], scale: Scale, seeds: int | None
) -> None:
    """Reject a number of seeds, or a folder, with which results would be lost."""
    for name, result in found.items():
        if result["scale"] != scale.name:
            raise ValueError(
                f"expected a folder with results of the {scale.name} scale, but {name}.json is of"
                f" the {result['scale']} scale: choose another folder with --out"
            )
    if seeds is None:
        return
    if not 2 <= seeds <= FIRST_TUNING_SEED:
        raise ValueError(
            f"expected 2 to {FIRST_TUNING_SEED} seeds, got {seeds}: an interval needs two, and"
            f" seeds from {FIRST_TUNING_SEED} are reserved for tuning"
        )
    for claim in claims:
        arms = found.get(claim.name, {}).get("arms", [])
        most = max((len(arm["seeds"]) for arm in arms), default=0)
        if most > seeds:
            raise ValueError(
                f"expected at least the {most} seeds of {claim.name}.json, got {seeds}, which"
                " would replace it: omit --seeds, or choose another folder with --out"
            )
