"""A goodness, loss or way of choosing wrong labels -> which contracts it keeps, and why not.

The tests hold the library's own parts to them; ``ff check my_rules:my_loss`` and `check` do so with
any other. In reading order: ``samples`` (what parts are tried on), ``goodness``, ``losses``,
``negatives`` and ``every`` (one function a contract), ``kind`` (what a part is),
``check`` (all that it must keep) and ``named`` (parts by their names).
"""

from forward_forward.contracts.broken import Broken
from forward_forward.contracts.check import Verdict, check, contracts_of
from forward_forward.contracts.kind import kind_of
from forward_forward.contracts.named import Named, library, public_parts, typed_parts

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
