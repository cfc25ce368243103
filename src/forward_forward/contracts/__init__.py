"""A goodness, a loss or a strategy for wrong labels -> the contracts it keeps or breaks, and why.

The tests check the library's own parts; ``ff check my_rules:my_loss`` and `check` check any other.
In reading order: ``samples`` (the inputs that parts are tested on), ``goodness``, ``losses``,
``negatives`` and ``every`` (one function per contract), ``named`` (parts by kind and name) and
``check`` (all contracts of a part).
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
