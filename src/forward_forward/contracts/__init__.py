"""A goodness, loss or way of choosing wrong labels -> which contracts it keeps, and why not.

The tests hold the library's own parts to them; ``ff check my_rules:my_loss`` and `check` do so with
any other. In reading order: ``samples`` (what parts are tried on), ``goodness``, ``losses``,
``negatives`` and ``every`` (one function a contract), ``check`` (all that a part must keep).
"""

from forward_forward.contracts.broken import Broken
from forward_forward.contracts.check import Verdict, check, contracts_of, kind_of

__all__ = ["Broken", "Verdict", "check", "contracts_of", "kind_of"]
