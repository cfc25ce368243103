"""A text file, compressed or not -> its text as a stream, with its line endings unchanged."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TextIO

# What opens a file that begins with these bytes.
_OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}

_BROKEN = (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def opener_of(path: str) -> Any:
    """What opens a file: `open`, or what decompresses it, as its first bytes say."""
    with open(path, "rb") as raw:
        start = raw.read(5)
    return next((each for magic, each in _OPENERS.items() if start.startswith(magic)), open)


@contextmanager
def text_of(path: str, encoding: str) -> Iterator[TextIO]:
    """Open a text file, or the only one in a zip.

    Raises:
        ValueError: A compressed file is broken, or a zip holds several files.
    """
    with open(path, "rb") as raw:
        start = raw.read(5)
    opener = opener_of(path)
    if start.startswith(b"BZh") and not path.lower().endswith(".bz2"):
        opener = open  # it may well be text
    try:
        with ExitStack() as stack:
            if start.startswith(b"PK\x03\x04"):
                archive = stack.enter_context(zipfile.ZipFile(path))
                content: Any = stack.enter_context(archive.open(_only(archive, path)))
            else:
                content = stack.enter_context(opener(path, "rb"))
            yield stack.enter_context(io.TextIOWrapper(content, encoding, newline=""))
    except (*_BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # of the file system, which names the file itself
        kind = "zip" if start.startswith(b"PK") else "compressed"
        kind = "gzip" if opener is gzip.open else kind
        raise ValueError(f"expected a whole {kind} file, got {path!r}: {error}") from error


def _only(archive: zipfile.ZipFile, path: str) -> str:
    names = [each for each in archive.namelist() if not each.endswith("/")]
    names = [each for each in names if not each.startswith("__MACOSX/")]
    if len(names) != 1:
        fix = "unpack it, and name the table"
        raise ValueError(f"expected a zip of one table, got {len(names)} files in {path!r}: {fix}")
    return names[0]
