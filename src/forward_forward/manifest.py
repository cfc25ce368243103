"""A folder of files <-> manifest.json with the SHA-256 of each, by which damage is found.

A manifest, like a run.json, is a record: JSON with the SHA-256 of its own entries as a last one. A
single flipped bit in any of the files, or a file of another run, is a ValueError that names it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forward_forward import files

NAME = "manifest.json"
SUM = "sha256"


def write_record(path: Path, entries: Mapping[str, Any]) -> None:
    """Write a JSON file atomically, with the SHA-256 of its entries."""
    plain = json.loads(json.dumps(entries, default=files.number))
    plain.pop(SUM, None)
    files.write_json(path, {**plain, SUM: digest(plain)})


def read_record(path: Path, *, editable: bool = True) -> files.Entries:
    """The entries of a JSON file, without their SHA-256.

    Args:
        path: The file.
        editable: Whether the SHA-256 may be missing: a file of an earlier version has none, and
            neither has one that was edited by hand as the message says.

    Raises:
        ValueError: The file is broken, or its entries are not those that were written.
    """
    entries = files.read_json(path)
    expected = entries.pop(SUM, None)
    if expected is None and editable:  # its own name may be what is damaged
        others = ({key: entries[key] for key in entries if key != name} for name in entries)
        editable = not any(
            value == digest(rest) for value, rest in zip(entries.values(), others, strict=True)
        )
    if expected != digest(entries) and not (editable and expected is None):
        fix = f", or if you edited it, delete its entry {SUM!r}" if editable else ""
        raise ValueError(
            f"expected the entries that were written to {str(path)!r}, got changed ones (their"
            f" SHA-256 differs): restore the file from a copy{fix}"
        )
    return entries


def write(folder: Path, **about: Any) -> None:
    """Write the manifest of a folder whose files are complete.

    Args:
        folder: The folder; all its files are listed.
        about: Further entries, which `check` compares.
    """
    found = {path.name: file_digest(path) for path in sorted(folder.iterdir())}
    write_record(folder / NAME, {**about, "files": found})


def check(folder: Path, **about: Any) -> files.Entries:
    """The manifest of a folder, all of whose files are as they were written.

    Args:
        folder: The folder.
        about: Entries that the manifest must have.

    Raises:
        ValueError: A file is missing or damaged, one with tensors is not listed, or the folder is
            of something else.
    """
    path = folder / NAME
    if not path.is_file():
        raise ValueError(_damaged(folder, f"the file {NAME}", "none"))
    entries = read_record(path, editable=False)
    for name, value in about.items():
        if entries.get(name) != value:
            found = f"those of {name} {entries.get(name)!r}"
            raise ValueError(_damaged(folder, f"the files of {name} {value!r}", found))
    listed: Mapping[str, str] = entries["files"]
    for path in folder.glob("*.safetensors"):  # what else is there is not read
        if path.name not in listed:
            raise ValueError(
                f"expected only tensors that {NAME} lists in {str(folder)!r}, got {path.name!r}:"
                " remove it"
            )
    for name in listed:
        if not (folder / name).is_file():
            raise ValueError(_damaged(folder, f"the file {name}", "none"))
        if file_digest(folder / name) != listed[name]:
            found = "a damaged one (its SHA-256 differs)"
            raise ValueError(_damaged(folder, f"the file {name} as it was written", found))
    return entries


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(entries: Mapping[str, Any]) -> str:
    """The SHA-256 of entries, in hexadecimal, whatever their order."""
    return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()


def _damaged(folder: Path, expected: str, found: str) -> str:
    return f"expected {expected} in {str(folder)!r}, got {found}: {files.RESTORE}"
