"""Why a run cannot be made or resumed -> an error for Python, and one for the command line."""

from __future__ import annotations


class Refused(ValueError):
    """A run that cannot be made or resumed as asked for.

    Args:
        found: What is wrong.
        fix: What to do, in arguments of Python.
        flags: The same for the command line, which prints ``typed``.
    """

    def __init__(self, found: str, fix: str, flags: str) -> None:
        super().__init__(f"{found}: {fix}")
        self.typed = f"{found}: {flags}"
