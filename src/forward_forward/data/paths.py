"""A user's path -> an error, unless it can be read to an end."""

from __future__ import annotations

import os


def check_regular(path: str) -> None:
    """Reject a pipe or a device, from which reading would wait for ever, and a broken link."""
    if os.path.lexists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        found = "a pipe, a device or a broken link"
        raise ValueError(f"expected a file, got {path!r}, {found}: remove it or name another")
