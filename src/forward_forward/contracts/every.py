"""Any part -> nothing, or `Broken`: what a run's folder and copies of a network ask of it.

Each function is one contract, and its first line says it.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

from forward_forward import notation
from forward_forward.contracts.broken import expect
from forward_forward.forward.description import names

__all__ = ["is_found_under_its_name", "keeps_its_name_in_copies"]


def is_found_under_its_name(part: Any) -> None:
    """Its name, as a run's folder keeps it, leads back to it; one of your own to it or its class.

    Args:
        part: Any part.

    Raises:
        Broken: It does not, as of a lambda or a function within another.

    >>> from forward_forward.losses import SymBa
    >>> is_found_under_its_name(SymBa(alpha=2.0))
    """
    text = notation.write(part, names())
    try:
        found = notation.read(text, names(), typed=True)
    except ValueError:
        found = None
    expect(
        found is not None and (found == part or found is type(part)),
        f"expected {text} to be the part or its class, got {found!r}: define it at the top of its"
        " module, under its own name",
    )


def keeps_its_name_in_copies(part: Any) -> None:
    """It can be copied and pickled, and the copies have its name.

    Args:
        part: Any part.

    Raises:
        Broken: A copy has another name: a copied network could not be resumed.

    >>> from forward_forward.losses import SymBa
    >>> keeps_its_name_in_copies(SymBa(alpha=2.0))
    """
    text = notation.write(part, names())
    for copied in (copy.deepcopy(part), pickle.loads(pickle.dumps(part))):
        name = notation.write(copied, names())
        expect(name == text, f"expected a copy to be {text}, got {name}")
