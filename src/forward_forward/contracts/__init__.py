"""A goodness, a loss, a term or another part -> the contracts it keeps or breaks, and why.

The tests check the library's own parts; ``ff check my_rules:my_loss`` and `check` check any other.
In reading order: ``named`` (parts by kind and name), ``samples`` and ``training`` (the inputs that
parts are tested on, and networks that learn with them), ``goodness``, ``readouts``, ``losses``,
``terms``, ``negatives`` and ``every`` (one function per contract), and ``check`` (all contracts of
a part).
"""

from forward_forward.contracts.broken import Broken
from forward_forward.contracts.check import Verdict, check, contracts_of
from forward_forward.contracts.named import Named, kind_of, library, public_parts, typed_parts

__all__ = [
    "Broken",
    "Named",
    "Verdict",
    "check",
    "contracts_of",
    "kind_of",
    "library",
    "public_parts",
    "typed_parts",
]
