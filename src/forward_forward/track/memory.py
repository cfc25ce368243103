"""The file in a run's folder that says where a service keeps the run -> its entries, checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from forward_forward import manifest

Kept = TypeVar("Kept")


def recorded(path: Path, kind: type[Kept]) -> Kept | None:
    """The entries of a file as a named tuple of this type, or None if there is no file.

    Raises:
        ValueError: The file is broken, or has other entries.
    """
    if not path.is_file():
        return None
    entries = manifest.read_record(path)
    kinds = get_type_hints(kind)
    optional: dict[str, Any] = getattr(kind, "_field_defaults", {})
    needed = kinds.keys() - optional.keys()
    if not needed <= entries.keys() <= kinds.keys() or not all(
        type(value) is kinds[name] for name, value in entries.items()
    ):
        raise ValueError(
            f"expected the entries {', '.join(kinds)} in {str(path)!r}, got {dict(entries)}:"
            " restore the file from a copy, or remove it to start a new run of the service"
        )
    return kind(**entries)
