"""The names of templates -> jinja2 templates, with the filters that write numbers."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from forward_forward.report import numerals

LONG_CELL = 40  # letters, above which a cell gets a column wide enough to read it


@cache
def environment() -> Environment:
    """The templates of this package: what they are given is escaped, what they lack is an error."""
    made = Environment(
        loader=PackageLoader("forward_forward.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters.update(
        plain=numerals.plain,
        paragraphs=numerals.paragraphs,
        kind_of_cell=kind_of_cell,
    )
    made.globals["script_hash"] = _script_hash(made)
    return made


def _script_hash(made: Environment) -> str:
    """What lets a browser run the page's own script and no other that might get into it."""
    script = made.get_template("copy.js").render()
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def kind_of_cell(text: str) -> str:
    """Class of a table's cell: long text and phrases may wrap, numbers stay on one line.

    >>> kind_of_cell("1.50 (1.47 to 1.53)"), kind_of_cell("lr 0.1; data mnist"), kind_of_cell("yes")
    ('short', 'text', 'short')
    """
    if len(text) > LONG_CELL:
        return "long"
    return "text" if " " in text and text[0].isalpha() else "short"
