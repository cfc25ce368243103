"""``ff reproduce``: names of claims -> their results, as JSON files and one page."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from forward_forward.cli.flags import Count, Folder, Switch, option

if TYPE_CHECKING:
    from forward_forward.lab.reproduce.scales import Scale


@dataclass(frozen=True)
class ReproduceCommand:
    """Test the claims of the poster: seeds, statistics, verdicts, figures and a page.

    Finished runs are kept and not repeated: the same command continues an interrupted
    reproduction. The default scale takes about seven hours on two cores.
    """

    # poster for all nineteen claims, or names such as poster.fig6; see --list.
    claims: Annotated[tuple[str, ...], tyro.conf.Positional, option("CLAIM")] = ()
    # smoke (digits, a minute or two; a test of the installation), quick (10,000 images of MNIST,
    # about an hour), default (50,000 images, about seven hours; the scale of the published results)
    # or full (4 x 2000 units, 60 epochs, for a GPU).
    scale: Literal["smoke", "quick", "default", "full"] = "default"
    # List every claim and recipe with its source and, if there is one, its result.
    list: Switch = False
    # Final runs of each arm; by default 8 if they decide a claim, otherwise 5.
    seeds: Count = None
    # Runs at the same time, each with one thread; by default one per core, or one on a GPU.
    jobs: Count = None
    # Folder of the results; results/poster by default, followed by the scale's name if the scale is
    # not the default one.
    out: Folder = None
    # cpu (the default), cuda or mps.
    device: str = "cpu"
    # Print the results as one JSON object.
    json: Switch = False

    def __call__(self) -> int:
        from forward_forward.cli.benchmark import silence_profiler

        silence_profiler()
        from forward_forward.cli import reproduce_output
        from forward_forward.cli.tables import print_table
        from forward_forward.lab.reproduce.claims import named as claims_named
        from forward_forward.lab.reproduce.scales import named

        scale = named(self.scale)
        folder = self._folder(scale)
        if self.list:
            print_table(f"Claims (results: {folder})", reproduce_output.claims_rows(folder))
            print_table("Recipes (ff train --recipe NAME)", reproduce_output.recipes_rows())
            return 0
        if not self.claims:
            fix = "ff reproduce poster tests all of them, ff reproduce --list lists them"
            raise ValueError(f"expected claims to test, got none: {fix}")
        results = self._run(scale, folder)
        page = reproduce_output.write_page(folder, results, scale)
        requested = {claim.name: results[claim.name] for claim in claims_named(self.claims)}
        if self.json:
            print(json.dumps(requested))
        else:
            print_table("", reproduce_output.results_rows(requested))
        print(f"written to {folder}: NAME.json for each claim, {page.name}", file=sys.stderr)
        return 0

    def _run(self, scale: Scale, folder: Path) -> dict[str, Any]:
        from forward_forward.cli.reproduce_output import ReproductionProgress
        from forward_forward.lab.reproduce import reproduce

        jobs = self.jobs
        if jobs is None:
            jobs = (os.cpu_count() or 1) if self.device == "cpu" else 1
        try:
            return reproduce(
                self.claims,
                scale,
                folder,
                jobs=jobs,
                seeds=self.seeds,
                device=self.device,
                progress=ReproductionProgress(),
            )
        except KeyboardInterrupt:
            message = f"stopped; finished runs are kept, continue with: {_command(self)}"
            raise KeyboardInterrupt(message) from None

    def _folder(self, scale: Scale) -> Path:
        if self.out is not None:
            return Path(self.out)
        return Path("results", "poster" if scale.name == "default" else f"poster-{scale.name}")


def _command(options: ReproduceCommand) -> str:
    """The same command, as it can be typed again."""
    args = ["ff", "reproduce", *options.claims, "--scale", options.scale]
    for name, default in (("out", None), ("seeds", None), ("jobs", None), ("device", "cpu")):
        value = getattr(options, name)
        args += [f"--{name}", str(value)] if value != default else []
    return shlex.join([*args, *(["--json"] if options.json else [])])
