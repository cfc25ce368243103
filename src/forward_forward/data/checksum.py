"""A source -> a checksum of its samples and labels, by which a run recognises its data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

from forward_forward.data.batch import Source
from forward_forward.data.in_memory import Data
from forward_forward.data.pictures.folder import Folder
from forward_forward.data.text import Text

Checksums = Mapping[str, str | None]

CHUNK = 4096  # rows that are hashed at once


def checksum(source: Source | None) -> str | None:
    """SHA-256 of a set's samples, labels, weights and classes.

    Args:
        source: The set. For pictures on disk, paths and sizes are hashed (in an archive, also their
            content): reading all of them would take as long as an epoch.

    Returns:
        64 hexadecimal digits; None for a stream, which may differ each time it is read, and for
        other classes of sources.

    >>> one, other = (Data(torch.full((2, 3), x), torch.arange(2), ("a", "b")) for x in (0.5, 0.6))
    >>> checksum(one) == checksum(one), checksum(one) == checksum(other)
    (True, False)
    """
    found = hashlib.sha256()
    if isinstance(source, Data):
        for values in (source.inputs, source.labels, source.weights):
            _add(found, values)
    elif isinstance(source, Folder):
        reader = source.reader
        found.update(repr((reader.mode, reader.shape, reader.scaled)).encode())
        for file in source.files:
            found.update(f"{file}\0{reader.tree.mark(file)}\0".encode())
        _add(found, source.labels)
    elif isinstance(source, Text):
        found.update(f"{source.window}\0{source.text}".encode())
    else:
        return None
    found.update(repr(source.classes).encode())
    return found.hexdigest()


def _add(found: hashlib._Hash, values: Tensor | None) -> None:
    if values is None:
        return
    found.update(f"{values.dtype} {list(values.shape)}".encode())
    for part in torch.split(values.detach(), CHUNK):
        found.update(part.cpu().contiguous().view(torch.uint8).numpy().data)


def check_unchanged(noted: Checksums, parts: Mapping[str, Source | None], fix: str) -> None:
    """Reject data that have changed since a run was trained on them.

    Args:
        noted: Checksums by part, as run.json keeps them; other parts are not checked.
        parts: The parts now.
        fix: What the user may do.

    Raises:
        ValueError: Samples or labels of a part differ.
    """
    for part, source in parts.items():
        then, now = noted.get(part), checksum(source)
        if source is not None and then is not None and now is not None and then != now:
            raise ValueError(
                f"expected the {part} samples that the run was trained with, got others in"
                f" {source.name!r} ({len(source):,} samples): the data have changed since. {fix}"
            )
