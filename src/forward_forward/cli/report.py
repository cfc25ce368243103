"""``ff report``: folders of runs, or one of another command -> one self-contained HTML page."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from forward_forward.cli.flags import option


@dataclass(frozen=True)
class ReportCommand:
    """Write a page that compares runs, or one of a sweep, a comparison or a reproduction."""

    # Runs of ff train, or one folder of ff sweep, ff compare or ff reproduce.
    folders: Annotated[tuple[str, ...], tyro.conf.Positional, option("FOLDER")] = ()
    # HTML file to write.
    out: Annotated[str, tyro.conf.arg(metavar="FILE.html")] = "report.html"

    def __call__(self) -> int:
        from forward_forward import files

        if not self.folders:
            raise ValueError("expected folders of runs, got none: ff report runs/first runs/mine")
        page = _page([Path(folder) for folder in self.folders])
        Path(self.out).parent.mkdir(parents=True, exist_ok=True)
        files.write(Path(self.out), page.encode(errors="replace"))  # names of files may be no text
        print(f"written: {self.out}", file=sys.stderr)
        return 0


def _page(paths: list[Path]) -> str:
    from forward_forward.lab.compare.run import NAME as COMPARED
    from forward_forward.lab.reproduce import results
    from forward_forward.report import runs_page
    from forward_forward.sweep import folder

    if any(map(folder.is_sweep, paths)):
        from forward_forward.cli.sweep_output import page_of as page_of_sweep

        return page_of_sweep(paths)
    if len(paths) == 1 and (paths[0] / COMPARED).exists():
        from forward_forward.cli.compare_output import page_of as page_of_comparison

        return page_of_comparison(paths[0])
    if len(paths) == 1 and (found := results.read(paths[0])):
        from forward_forward.cli.reproduce_output import page_of
        from forward_forward.lab.reproduce.scales import named

        return page_of(found, named(next(iter(found.values()))["scale"]))
    return runs_page(paths)
