"""Claims and a scale -> their results in a folder, and a page of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from forward_forward.lab.reproduce import results
from forward_forward.lab.reproduce.arms import FIRST_TUNING_SEED
from forward_forward.lab.reproduce.claims import Claim, named
from forward_forward.lab.reproduce.forecast import forecast
from forward_forward.lab.reproduce.lab import Lab
from forward_forward.lab.reproduce.ledger import Ledger
from forward_forward.lab.reproduce.pool import Watcher
from forward_forward.lab.reproduce.scales import Scale
from forward_forward.optimize.precision import usable


class Silent:
    """A watcher that says nothing."""

    def start(self, work: float) -> None:
        pass

    def claim(self, name: str, number: int, claims: int) -> None:
        pass

    def expect(self, jobs: Sequence[object]) -> None:
        pass

    def done(self, job: object) -> None:
        pass

    def stop(self) -> None:
        pass


def reproduce(
    words: Sequence[str],
    scale: Scale,
    out: Path | str,
    *,
    jobs: int = 1,
    seeds: int | None = None,
    device: str = "cpu",
    watch: Watcher | None = None,
) -> dict[str, results.Result]:
    """Test claims of the poster; runs that are in the folder's ledger are not done again.

    Args:
        words: Names of claims, such as "poster" or "poster.fig6".
        scale: How large: one of `SCALES`.
        out: Folder of the ledger, the results (NAME.json) and whatever else is there.
        jobs: Runs at a time, each with one thread; within ``joblib.parallel_config(...)`` on the
            backend that it names.
        seeds: Final runs of each arm; None for the scale's own numbers.
        device: Where to train.
        watch: Told how far it is.

    Returns:
        The folder's results by name, verdicts settled over all of them.

    Raises:
        ValueError: No such claim or device, no jobs, too few or too many seeds, or results in the
            folder that are of another scale or of more seeds.
    """
    claims = named(words)
    folder = Path(out)
    if jobs < 1:
        raise ValueError(f"expected one run at a time or more, got {jobs} jobs: leave --jobs out")
    usable(device)
    _check(results.read(folder), claims, scale, seeds)
    watch = watch or Silent()
    lab = Lab(scale, Ledger(folder), jobs, watch, seeds, device)
    watch.start(forecast(claims, lab))
    try:
        for number, claim in enumerate(claims):
            watch.claim(claim.name, number, len(claims))
            result = results.result_of(claim, claim.measure(lab), scale)
            # Read anew: another process may have added some. Verdicts change with each that joins.
            results.write(folder, {**results.read(folder), claim.name: result})
    finally:
        watch.stop()
    return results.read(folder)


def _check(
    found: Mapping[str, results.Result],
    claims: Sequence[Claim],
    scale: Scale,
    seeds: int | None,
) -> None:
    """Refuse a number of seeds, or a folder, that would spoil what is there."""
    for name, result in found.items():
        if result["scale"] != scale.name:
            raise ValueError(
                f"expected results of the {scale.name} scale in the folder, but {name}.json is of"
                f" the {result['scale']} scale: give another folder by --out"
            )
    if seeds is None:
        return
    if not 2 <= seeds <= FIRST_TUNING_SEED:
        raise ValueError(
            f"expected two seeds or more, up to {FIRST_TUNING_SEED}, got {seeds}: an interval needs"
            " two, and the seeds beyond are those of tuning"
        )
    for claim in claims:
        arms = found.get(claim.name, {}).get("arms", [])
        most = max((len(arm["seeds"]) for arm in arms), default=0)
        if most > seeds:
            raise ValueError(
                f"{claim.name}.json has {most} seeds, and {seeds} would take its place: leave"
                " --seeds out, or give another folder by --out"
            )
