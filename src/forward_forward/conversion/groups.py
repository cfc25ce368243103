"""A model's modules in order -> groups around one module with weights each, and the remainder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import nn

from forward_forward.conversion.modules import ENDS, ModelPart


@dataclass
class Group:
    """The modules that become one layer.

    Args:
        core: The module with weights.
        before: Modules that prepare its input.
        after: Modules that follow it; with another one with weights if the core is a projection.
    """

    core: ModelPart
    before: list[ModelPart] = field(default_factory=list)
    after: list[ModelPart] = field(default_factory=list)

    @property
    def activated(self) -> bool:
        """Whether an activation follows the weights."""
        return any(part.kind == "activation" for part in self.after)

    @property
    def is_projection(self) -> bool:
        """Whether its output is affine in its input, which gives goodness little to measure."""
        return self.core.affine and all(part.affine for part in self.after)

    @property
    def weight_layers(self) -> int:
        """Number of modules with trainable weights inside."""
        return sum(len(part.weight_layers) for part in (self.core, *self.after))


def grouped(
    parts: Sequence[ModelPart], num_classes: int
) -> tuple[list[Group], list[tuple[ModelPart, str]]]:
    """Group the modules of a model around those with weights.

    A norm or an activation belongs to the weights before it; dropout, changes of shape, and a norm
    after an activation prepare the input of the weights after them. Weights that no activation
    follows are a projection, and are joined with those after them.

    Args:
        parts: The modules in the order they run.
        num_classes: A final linear layer with this many outputs is left out: it scores the labels.

    Returns:
        The groups, and the modules that no layer takes over, each with the reason.

    Raises:
        ValueError: No module has weights, except one that scores the labels.
    """
    kept, dropped = _without_head(list(parts), num_classes)
    groups: list[Group] = []
    pending: list[ModelPart] = []
    for part in kept:
        if part.kind == "weights" and groups and groups[-1].is_projection:
            groups[-1].after += [*pending, part]
            pending = []
        elif part.kind == "weights":
            groups.append(Group(part, pending))
            pending = []
        elif groups and _belongs(part, groups[-1], pending):
            groups[-1].after += [*pending, part]
            pending = []
        else:
            pending.append(part)
    if not groups:
        raise ValueError(
            "convert expects a hidden layer with weights, got none"
            + (" but the one that scores the labels" if dropped else "")
            + ": add one; a layer of Forward-Forward measures goodness, it does not score labels"
        )
    before = [(part, "no layer after it reads its output") for part in pending]
    return groups, [*before, *dropped]


def _belongs(part: ModelPart, group: Group, pending: list[ModelPart]) -> bool:
    if part.kind == "activation":
        return True
    return part.kind == "norm" and not pending and not group.activated


def _without_head(
    parts: list[ModelPart], num_classes: int
) -> tuple[list[ModelPart], list[tuple[ModelPart, str]]]:
    """The modules before a final linear layer that scores the labels, and the remainder."""
    places = [place for place, part in enumerate(parts) if part.kind == "weights"]
    if not places:
        return parts, []
    last = parts[places[-1]].module
    after = parts[places[-1] + 1 :]
    scores = isinstance(last, nn.Linear) and last.out_features == num_classes
    # A change of shape or dropout leaves scores what they are.
    if not scores or not all(
        isinstance(part.module, ENDS) or part.kind in ("shape", "dropout") for part in after
    ):
        return parts, []
    why = "the label is read from the goodness of all layers, not from scores"
    return parts[: places[-1]], [(part, why) for part in parts[places[-1] :]]
