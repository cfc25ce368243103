"""The parts of a model in order -> groups of one part with weights each, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import nn

from forward_forward.conversion.modules import ENDS, ModelPart


@dataclass
class Group:
    """What becomes one layer.

    Args:
        core: The part with weights.
        before: What prepares its input.
        after: What follows it; another part with weights where the first is a mere projection.
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
        """Whether nothing but a product comes of it, of which goodness can tell little."""
        return self.core.affine and all(part.affine for part in self.after)

    @property
    def weight_layers(self) -> int:
        """How many modules with weights to learn are inside."""
        return sum(len(part.weight_layers) for part in (self.core, *self.after))


@dataclass(frozen=True)
class Grouped:
    """The groups, and the parts that no layer takes over, each with the reason."""

    groups: list[Group]
    dropped: list[tuple[ModelPart, str]]


def grouped(parts: Sequence[ModelPart], num_classes: int) -> Grouped:
    """Group the parts of a model around those with weights.

    A norm or an activation belongs to the weights before it; what drops values or changes the
    shape, and a norm after an activation, prepares the input of the weights after it. Weights that
    no activation follows are a projection, and are joined with those after them.

    Args:
        parts: In the order they run.
        num_classes: A last linear layer of as many outputs is left out: it scores the labels.

    Raises:
        ValueError: No part has weights, but for one that scores the labels.
    """
    kept, dropped = _without_head(list(parts), num_classes)
    groups: list[Group] = []
    waiting: list[ModelPart] = []
    for part in kept:
        if part.kind == "weights" and groups and groups[-1].is_projection:
            groups[-1].after += [*waiting, part]
            waiting = []
        elif part.kind == "weights":
            groups.append(Group(part, waiting))
            waiting = []
        elif groups and _belongs(part, groups[-1], waiting):
            groups[-1].after += [*waiting, part]
            waiting = []
        else:
            waiting.append(part)
    if not groups:
        raise ValueError(
            "convert expects a hidden layer with weights, got none"
            + (" but the one that scores the labels" if dropped else "")
            + ": a layer of Forward-Forward is active for a label, it does not score them"
        )
    dropped += [(part, "no layer comes after it to read what it gives") for part in waiting]
    return Grouped(groups, dropped)


def _belongs(part: ModelPart, group: Group, waiting: list[ModelPart]) -> bool:
    if part.kind == "activation":
        return True
    return part.kind == "norm" and not waiting and not group.activated


def _without_head(
    parts: list[ModelPart], num_classes: int
) -> tuple[list[ModelPart], list[tuple[ModelPart, str]]]:
    """The parts before a last linear layer that scores the labels, and that one and all after."""
    places = [place for place, part in enumerate(parts) if part.kind == "weights"]
    if not places:
        return parts, []
    last = parts[places[-1]].module
    after = parts[places[-1] + 1 :]
    scores = isinstance(last, nn.Linear) and last.out_features == num_classes
    if not scores or not all(isinstance(part.module, ENDS) for part in after):
        return parts, []
    why = "the label is read from the goodness of all layers, not from scores"
    return parts[: places[-1]], [(part, why) for part in parts[places[-1] :]]
