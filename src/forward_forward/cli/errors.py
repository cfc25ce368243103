"""An error -> what the command line prints of it; of the user's own code, the line as well."""

from __future__ import annotations

import errno
import site
import sysconfig
import traceback
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
FULL = "free some space on its disk, or choose another"
FIXES = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: "raise the limit of the size of files, as with `ulimit -f`",
}
KNOWN = (ValueError, ArithmeticError, OSError, ImportError, RuntimeError)


def said(error: Exception) -> str | None:
    """What to print of an error: its own words for what is typed, and words for system errors.

    Of an error that the user's own code raises, such as a loss, its kind and the line; None for a
    fault of this package, whose traceback is of use.
    """
    if isinstance(typed := getattr(error, "typed", None), str):
        return typed
    if (place := _own_line(error)) is not None:
        kind = type(error).__name__
        return f"{kind}: {error} ({place}; FF_TRACEBACK=1 prints the whole traceback)"
    if not isinstance(error, KNOWN):
        return None
    if not isinstance(error, OSError) or error.filename is None or error.strerror is None:
        return str(error)
    expected = "expected a file or folder that can be read or written"
    fix = FIXES.get(error.errno or 0, "check the path and its permissions, or choose another")
    return f"{expected}, got {str(error.filename)!r} ({error.strerror}): {fix}"


def _own_line(error: Exception) -> str | None:
    """The last line of code of the user's own that this package called, if there is any."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [place for place, each in enumerate(frames) if _is_below(each.filename, [str(PACKAGE)])]
    installed = [str(PACKAGE), *map(sysconfig.get_path, ("stdlib", "purelib", "platlib"))]
    installed += [*site.getsitepackages(), "<"]
    called = frames[ours[0] :] if ours else []
    own = [each for each in called if not _is_below(each.filename, installed)]
    if not own:
        return None
    last = own[-1]
    return f"{last.filename}, line {last.lineno}, in {last.name}"


def _is_below(path: str, folders: list[str]) -> bool:
    return any(path.startswith(folder) for folder in folders)
