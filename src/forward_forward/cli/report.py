"""``ff report``: folders of runs, a sweep or a reproduction -> one self-contained HTML page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from pathlib import Path

Folders = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER", name="folders")
]


def report(folders: Folders = (), out: str = "report.html") -> int:
    """Make one page of runs, compared side by side, of a sweep, or of a reproduction's results.

    Args:
        folders: Runs that ff train made, or one folder that ff sweep or ff reproduce made.
        out: The page's file.
    """
    import sys
    from pathlib import Path

    from forward_forward import files

    if not folders:
        raise ValueError("expected folders of runs, got none: ff report runs/first runs/mine")
    paths = [Path(folder) for folder in folders]
    page = _page(paths)
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    files.write(Path(out), page.encode())
    print(f"written: {out}", file=sys.stderr)
    return 0


def _page(paths: list[Path]) -> str:
    from forward_forward.lab.reproduce import results
    from forward_forward.report import runs_page
    from forward_forward.sweep import folder

    if any(map(folder.is_sweep, paths)):
        from forward_forward.cli.sweep_output import page_of as page_of_sweep

        return page_of_sweep(paths)
    if len(paths) == 1 and (found := results.read(paths[0])):
        from forward_forward.cli.claims import page_of
        from forward_forward.lab.reproduce.scales import named

        return page_of(found, named(next(iter(found.values()))["scale"]))
    return runs_page(paths)
