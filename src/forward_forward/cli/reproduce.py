"""``ff reproduce``: names of claims -> their results, as JSON files and one page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

if TYPE_CHECKING:
    from pathlib import Path

    from forward_forward.lab.reproduce.scales import Scale

Claims = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="CLAIM", name="claims")
]
ScaleName = Literal["smoke", "quick", "default", "full"]


def reproduce(
    claims: Claims = (),
    scale: ScaleName = "default",
    list: bool = False,
    seeds: int | None = None,
    jobs: int | None = None,
    out: str | None = None,
    device: str = "cpu",
    json: bool = False,
) -> int:
    """Test the claims of the poster: seeds, statistics, verdicts, figures and a page.

    Runs that are finished are kept and not done again, so that a reproduction that was broken off
    goes on with the same command. The default scale takes the night on two cores.

    Args:
        claims: poster for all nineteen, or names such as poster.fig6; see --list.
        scale: smoke (digits, a minute or two; shows that it runs), quick (10,000 images of
            MNIST, about an hour), default (50,000, seven hours or so; the one that counts) or
            full (4 x 2000 units, 60 epochs, for a GPU).
        list: List every claim and recipe with its source and, where finished, its result.
        seeds: Final runs of every arm; by default 8 where they decide a claim, else 5.
        jobs: Runs side by side, each with one thread; all cores by default, one on a GPU.
        out: Folder for results; results/poster by default, with the scale's name behind it where
            that is not the default one.
        device: Where to train, such as cuda.
        json: Print the results as one JSON object.
    """
    import json as json_format
    import os
    import shlex
    import sys

    # The profiler, which measures memory, writes of its own starts and stops; before torch is here.
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")

    from forward_forward.lab.reproduce.scales import named

    chosen = named(scale)
    folder = _folder(out, chosen)
    if list:
        _list(folder)
        return 0
    if not claims:
        raise ValueError(
            "expected claims to test, got none: ff reproduce poster tests all of them, ff reproduce"
            " --list names them"
        )
    from forward_forward.cli.claims import write_page
    from forward_forward.cli.runs_progress import progress
    from forward_forward.lab.reproduce import reproduce as test
    from forward_forward.lab.reproduce.claims import named as claims_named

    workers = jobs if jobs is not None else (os.cpu_count() or 1) if device == "cpu" else 1
    watch = progress()
    try:
        results = test(
            claims, chosen, folder, jobs=workers, seeds=seeds, device=device, progress=watch
        )
    except KeyboardInterrupt:
        again = ["ff", "reproduce", *claims, "--scale", scale]
        again += ["--out", out] if out is not None else []
        again += ["--seeds", str(seeds)] if seeds is not None else []
        again += ["--jobs", str(jobs)] if jobs is not None else []
        again += ["--device", device] if device != "cpu" else []
        again += ["--json"] if json else []
        raise KeyboardInterrupt(
            f"stopped; finished runs are kept, go on with: {shlex.join(again)}"
        ) from None
    page = write_page(folder, results, chosen)
    asked = {claim.name: results[claim.name] for claim in claims_named(claims)}
    if json:
        print(json_format.dumps(asked))
    else:
        _table(asked)
    print(f"written to {folder}: NAME.json for each claim, {page.name}", file=sys.stderr)
    return 0


def _folder(out: str | None, scale: Scale) -> Path:
    from pathlib import Path

    if out is not None:
        return Path(out)
    name = "poster" if scale.name == "default" else f"poster-{scale.name}"
    return Path("results", name)


def _list(folder: Path) -> None:
    from forward_forward.cli.claims import claims_table, print_table, recipes_table

    print_table(f"Claims (results: {folder})", claims_table(folder))
    print_table("Recipes (ff train --recipe NAME)", recipes_table())


def _table(results: dict[str, Any]) -> None:
    from forward_forward.cli.claims import print_table, results_table

    print_table("", results_table(results))
