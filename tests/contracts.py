"""The public variants of each kind of part, found from the modules' ``__all__``: name -> part.

A new variant that is listed there is tested without a further line.
"""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from torch import Tensor

from forward_forward import examples, goodness, losses
from forward_forward.optimize import schedules

CLASSES = 3


def found(module: ModuleType) -> dict[str, Any]:
    """Instances and functions as they are, classes with their defaults, protocols left out."""
    made = {}
    for name in module.__all__:
        value = getattr(module, name)
        if not inspect.isclass(value):
            made[name] = value
        elif not getattr(value, "_is_protocol", False):
            needs = inspect.signature(value).parameters
            if "num_classes" in needs:
                made[name] = value(num_classes=CLASSES)
            elif all(each.default is not each.empty for each in needs.values()):
                made[name] = value()
    return made


def _having(parts: dict[str, Any], attribute: str) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if hasattr(part, attribute)}


GOODNESS: dict[str, Callable[[Tensor], Tensor]] = found(goodness) | {
    f"PNorm({p})": goodness.PNorm(p) for p in (1.0, 1.5, 3.0, 8.0)
}
GOODNESS["Minimised(max_norm)"] = goodness.Minimised(goodness.max_norm)
NORMS = {name: part for name, part in GOODNESS.items() if isinstance(part, goodness.PNorm)}

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = found(losses)
STRATEGIES: dict[str, Any] = _having(found(examples), "fraction")
MAKERS: dict[str, Any] = _having(found(examples), "candidates")
SCHEDULES: dict[str, Callable[[float, int], float]] = found(schedules)
PARTS = {**GOODNESS, **LOSSES, **STRATEGIES, **MAKERS}
