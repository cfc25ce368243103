"""Entries of a JSON file, and the types they must have -> nothing, or a ValueError that says which.

What this library writes has a checksum (see ``manifest``); a file that was edited by hand, or that
somebody else made, may hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any

Kind = type | tuple[type, ...]

NUMBER = int, float
OPTIONAL_NUMBER = int, float, NoneType

_NAMES = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    NoneType: "null",
}
_ABSENT = object()


def check_kinds(path: Path, entries: Any, kinds: Mapping[str, Kind]) -> None:
    """Refuse entries of another type, or that are absent.

    Args:
        path: The file, for the message.
        entries: Its entries, or those of an object in it.
        kinds: The type, or the types, of each entry that is needed.

    Raises:
        ValueError: The message names the file and the entry.

    >>> check_kinds(Path("a.json"), {"trials": "ten"}, {"trials": int})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: expected a number as the entry 'trials' in 'a.json', got 'ten': restore the file ...
    """
    for name, kind in kinds.items():
        value = entries.get(name, _ABSENT) if isinstance(entries, dict) else _ABSENT
        if isinstance(value, kind):
            continue
        several = kind if isinstance(kind, tuple) else (kind,)
        expected = " or ".join(dict.fromkeys(_NAMES[each] for each in several))
        found = "none" if value is _ABSENT else repr(value)[:40]
        raise ValueError(
            f"expected {expected} as the entry {name!r} in {str(path)!r}, got {found}: restore the"
            " file from a copy"
        )
