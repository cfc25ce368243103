"""A folder -> whether it holds a run of this library, and the content of its run.json."""

from __future__ import annotations

from pathlib import Path

from forward_forward import files, manifest

MADE_BY = "forward-forward"
REMOVED = "removed"  # the status of a run that is being deleted


def is_run(path: Path) -> bool:
    """Whether a folder is a run of this package, or what a kill left of one.

    Other tools write a run.json, too.
    """
    try:
        _made_here(path)
    except (OSError, ValueError):
        return False
    return True


def about_of(path: Path) -> files.Entries:
    """The content of a run.json; the error of a missing one differs from that of a broken one."""
    about = _made_here(path)
    if about.get("status") == REMOVED:
        raise ValueError(
            f"expected a whole run, got {str(path)!r}, whose process was killed while it deleted"
            " the run: train into the folder again, with overwrite"
        )
    return about


def _made_here(path: Path) -> files.Entries:
    """The content of a run.json of this package."""
    fix = "use the folder that `ff train` printed"
    expected = "expected a run's folder with a run.json"
    if not (path / "run.json").is_file():
        raise ValueError(f"{expected} in it, got {str(path)!r}: {fix}")
    try:
        about = manifest.read_record(path / "run.json")
    except ValueError as error:
        raise ValueError(f"{expected} that can be read, got {str(path)!r}: {error}") from error
    if about.get("made_by") != MADE_BY:
        raise ValueError(f"{expected} of this library, got {str(path)!r} of another tool: {fix}")
    return about
