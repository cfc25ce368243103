"""The public variants of each kind of part, found from the modules' ``__all__``: name -> part.

A new variant that is listed there is tested without a further line.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from forward_forward import examples, goodness, losses, readouts, terms
from forward_forward.contracts.named import public_parts
from forward_forward.optimize import schedules

CLASSES = 3


def _having(parts: dict[str, Any], attribute: str) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if hasattr(part, attribute)}


GOODNESS: dict[str, Callable[[Tensor], Tensor]] = public_parts(goodness) | {
    f"PNorm({p})": goodness.PNorm(p) for p in (1.0, 1.5, 3.0, 8.0)
}
GOODNESS["Minimised(max_norm)"] = goodness.Minimised(goodness.max_norm)

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = public_parts(losses)
READOUTS: dict[str, Any] = public_parts(readouts, num_classes=CLASSES)
READOUTS["FixedReadout(squared)"] = readouts.FixedReadout(CLASSES, grid=2, squared=True)
READOUTS["LinearReadout(detached)"] = readouts.LinearReadout(CLASSES, detached=True)
READOUTS["ChannelGroups(squared)"] = readouts.ChannelGroups(CLASSES, squared=True)
TERMS: dict[str, Any] = public_parts(terms, num_classes=CLASSES)
TERMS["SimilarityMatching(linear)"] = terms.SimilarityMatching(CLASSES, kernel=1)
TERMS["SimilarityMatching(kernel)"] = terms.SimilarityMatching(CLASSES, kernel=3)
TERMS["SupervisedContrast(grid)"] = terms.SupervisedContrast(features=4, grid=2)
STRATEGIES: dict[str, Any] = _having(public_parts(examples, num_classes=CLASSES), "fraction")
MAKERS: dict[str, Any] = _having(public_parts(examples, num_classes=CLASSES), "candidates")
SCHEDULES: dict[str, Callable[[float, int], float]] = public_parts(schedules)
