"""An error -> what the command line prints of it; of the user's own code, the line as well."""

from __future__ import annotations

import errno
import site
import sysconfig
import traceback
from pathlib import Path
from types import CodeType

PACKAGE = Path(__file__).parents[1]
FULL = "free some space on its disk, or choose another"
FIXES = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EFBIG: "raise the limit of the size of files, as with `ulimit -f`",
}
# What the package does in its parts, for errors that do not say it themselves.
DOING = {
    "checkpoint": "reading or writing a run",
    "files": "reading or writing a run",
    "forward": "building a network",
    "notation": "reading a network's description",
    **dict.fromkeys(("data", "datasets"), "reading the data"),
    **dict.fromkeys(("optimize", "parallel", "recurrent"), "training"),
    **dict.fromkeys(("predict", "diagnose"), "computing predictions"),
    **dict.fromkeys(("plot", "report"), "making a report"),
}
KNOWN = (ValueError, ArithmeticError, OSError, ImportError, RuntimeError)


def said(error: Exception) -> str | None:
    """What to print of an error: its own words for what is typed, and words for system errors.

    Of an error that the user's own code raises, such as a loss, its kind and the line; None for a
    fault of this package, whose traceback is of use.
    """
    if isinstance(typed := getattr(error, "typed", None), str):
        return typed
    if _lacks_memory(error):  # first: there may be too little to find the line
        # Torch puts the place in its source first, and a trace below it.
        found = str(error).partition("DefaultCPUAllocator: ")[2] or str(error)
        found = f" ({found.splitlines()[0]})" if found else ""
        fix = "use a smaller batch size, fewer or narrower layers, or less data"
        return f"expected more free memory, got too little while {_doing(error)}{found}: {fix}"
    if (place := _own_line(error)) is not None:
        kind = type(error).__name__
        return f"{kind}: {error} ({place}; FF_TRACEBACK=1 prints the whole traceback)"
    if isinstance(error, RecursionError):
        found = f"got values nested too deeply while {_doing(error)}"
        fix = "restore the file, or simplify what is typed"
        return f"expected files and settings of a few levels, {found}: {fix}"
    if not isinstance(error, KNOWN):
        return None
    if not isinstance(error, OSError) or error.filename is None or error.strerror is None:
        return str(error)
    expected = "expected a file or folder that can be read or written"
    fix = FIXES.get(error.errno or 0, "check the path and its permissions, or choose another")
    return f"{expected}, got {str(error.filename)!r} ({error.strerror}): {fix}"


def _lacks_memory(error: Exception) -> bool:
    """Whether memory has run out: of Python, of torch on a CPU, or of an accelerator."""
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, SystemError):  # an allocation inside Python that failed unnoticed
        return "without exception set" in str(error)
    said_by_torch = ("can't allocate memory", "out of memory")
    return isinstance(error, RuntimeError) and any(each in str(error) for each in said_by_torch)


def _doing(error: Exception) -> str:
    """What the package was doing, by the last of its parts that is called for a purpose."""
    files = [Path(code.co_filename) for code, _ in _called(error)]
    parts = [file.relative_to(PACKAGE).parts[0] for file in files if PACKAGE in file.parents]
    known = [DOING[name] for part in parts if (name := part.removesuffix(".py")) in DOING]
    return known[-1] if known else "starting"


def _called(error: Exception) -> list[tuple[CodeType, int]]:
    """The functions that were called, and their lines, read without their source's text."""
    return [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]


def _own_line(error: Exception) -> str | None:
    """The last line of code of the user's own that this package called, if there is any."""
    frames = _called(error)
    files = [code.co_filename for code, _ in frames]
    ours = [place for place, each in enumerate(files) if _is_below(each, [str(PACKAGE)])]
    installed = [str(PACKAGE), *map(sysconfig.get_path, ("stdlib", "purelib", "platlib"))]
    installed += [*site.getsitepackages(), "<"]
    called = frames[ours[0] :] if ours else []
    own = [each for each in called if not _is_below(each[0].co_filename, installed)]
    if not own:
        return None
    code, line = own[-1]
    return f"{code.co_filename}, line {line}, in {code.co_name}"


def _is_below(path: str, folders: list[str]) -> bool:
    return any(path.startswith(folder) for folder in folders)
