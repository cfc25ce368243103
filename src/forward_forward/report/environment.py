"""A package with a folder ``templates`` -> its jinja2 templates, with filters for numbers."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from forward_forward.display import numerals

LONG_CELL = 40  # letters, above which a cell gets a column wide enough to read it


@cache
def environment(package: str = "forward_forward.report") -> Environment:
    """The templates of a package: values are escaped, and a missing value is an error."""
    made = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters.update(plain=numerals.plain, paragraphs=paragraphs, kind_of_cell=kind_of_cell)
    made.filters["breakable"] = breakable
    return made


@cache
def script_hash() -> str:
    """The hash by which a browser recognises the page's own script, and runs no other."""
    script = environment().get_template("copy.js").render()
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def render(template: str, **values: Any) -> str:
    """A page of this package's templates."""
    return environment().get_template(template).render(script_hash=script_hash(), **values)


def paragraphs(text: Any) -> list[str]:
    """Paragraphs of a text, which are separated by blank lines."""
    return [each.strip() for each in re.split(r"\n\s*\n", str(text or "")) if each.strip()]


def breakable(name: str) -> Markup:
    """A name or value that a narrow page breaks after a sign between words, not within a word.

    >>> breakable("network.layers.activation")
    Markup('network.<wbr>layers.<wbr>activation')
    """
    parts = re.split(r"(?<=[._(=])", name)
    return Markup("<wbr>").join(parts)


def kind_of_cell(text: str) -> str:
    """CSS class of a table's cell: long text and phrases may wrap, numbers stay on one line.

    >>> kind_of_cell("1.50 (1.47 to 1.53)"), kind_of_cell("lr 0.1; data mnist"), kind_of_cell("yes")
    ('short', 'text', 'short')
    """
    if len(text) > LONG_CELL:
        return "long"
    return "text" if " " in text and text[0].isalpha() else "short"
