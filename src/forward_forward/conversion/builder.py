"""Groups of modules, one after the other -> layers, and a note on what each module became."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from forward_forward.conversion.groups import Group
from forward_forward.conversion.modules import (
    ENDS,
    ModelPart,
    has_own_weight,
    takes_channels,
    work_out_of_place,
)
from forward_forward.conversion.widen import widened
from forward_forward.conversion.widths import fit_parts
from forward_forward.forward import Layer
from forward_forward.forward.check import SAME
from forward_forward.forward.label_input import LabelInput, Way
from forward_forward.forward.layer import evaluating
from forward_forward.readouts import LinearReadout
from forward_forward.readouts.module import ModuleReadout


class LayerBuilder:
    """Builds the layers one by one, passing a few samples through them.

    Args:
        num_classes: Number of labels.
        make: A block -> its layer.
        rng: For the label's weights.
        seen: A few samples [n, *shape].
        class_wise: Whether the layers answer for every class, and the label enters nowhere.
    """

    def __init__(
        self,
        num_classes: int,
        make: Callable[..., Layer],
        rng: torch.Generator,
        seen: Tensor,
        *,
        class_wise: bool,
    ) -> None:
        self.num_classes, self.make, self.rng, self.seen = num_classes, make, rng, seen
        self.class_wise = class_wise
        self.shape = tuple(seen.shape[1:])
        self.notes: dict[str, str] = {}
        self.strength = 1.0

    def note(self, part: ModelPart, became: str) -> None:
        self.notes[part.name] = became

    def end(
        self, layers: Sequence[Layer], last: Group, dropped: Sequence[tuple[ModelPart, str]]
    ) -> None:
        """Make the model's end the last layer's read-out, if those are learned, and note it.

        Args:
            layers: The layers.
            last: The group of the last one.
            dropped: The modules that no layer has taken over, each with the reason.
        """
        reads = type(layers[-1].goodness) is LinearReadout and not layers[-1].goodness.detached
        head = next((part for part, _ in dropped if isinstance(part.module, nn.Linear)), None)
        for part, why in dropped:
            self.note(part, f"left out: {why}")
        self._note_hidden_end(last)
        if not reads or head is None:
            return
        end = [part for part, _ in dropped if not isinstance(part.module, ENDS)]
        for part in end:
            self.note(
                part, f"{'part of ' if len(end) > 1 else ''}the read-out of layer {len(layers)}"
            )
        modules = [part.module for part in end]
        module = modules[0] if len(modules) == 1 else nn.Sequential(*modules)
        layers[-1].goodness = ModuleReadout(module, self.num_classes)

    def _note_hidden_end(self, last: Group) -> None:
        """Note a final linear layer that does not score the labels."""
        end = last.after[-1] if last.after else last.core
        if last.is_projection and isinstance(end.module, nn.Linear):
            self.notes[end.name] += (
                f"; it is treated as a hidden layer, since it has {end.module.out_features} outputs"
                f" and does not score the {self.num_classes} labels"
            )

    def layer(self, number: int, group: Group) -> Layer:
        """The layer of a group; ``seen`` becomes its output."""
        for each in (*group.before, group.core, *group.after):
            work_out_of_place(each.module)
        self._describe(number, group)
        if number == 1 and not self.class_wise:
            made = self._first(group)
        else:
            made = self._plain(group, self.seen.dim()) or self._block(group, [*group.before])
        self._follow(made, group, number)
        return made

    def _describe(self, number: int, group: Group) -> None:
        for part in group.before:
            self.note(part, f"prepares the input of layer {number}")
        for part in group.after:
            what = "the activation" if part.kind == "activation" else "part"
            if part.kind == "weights":
                what = "joined with the weights before it, which no activation follows: part"
            self.note(part, f"{what} of layer {number}")
        inside = group.weight_layers
        self.note(group.core, f"layer {number}{_whole(inside) if inside > 1 else ''}")

    def _first(self, group: Group) -> Layer:
        """The layer that the label enters."""
        core = group.core.module
        flat = all(isinstance(part.module, nn.Flatten) for part in group.before)
        before = nn.Sequential(*(part.module for part in group.before)) if group.before else None
        with evaluating(nn.ModuleList([before] if before is not None else [])), torch.no_grad():
            ready = self.seen if before is None else before(self.seen)
        way = _way(core, ready)
        self.strength = 0.3 if way == "channels" else 1.0
        if way == "embedding":
            self.note(group.core, f"layer 1{_whole(group.weight_layers + 1)}{_ENTERS[way]}")
        else:
            self.notes[group.core.name] += _ENTERS[way]
            core = widened(core, self.num_classes, self.rng)
        group.core = ModelPart(group.core.name, core, "weights")
        label = torch.zeros(len(self.seen), self.num_classes)
        self.seen = torch.cat([self.seen.flatten(1), label], 1)
        if way == "appended" and flat:
            plain = self._plain(Group(group.core, [], group.after), 2)
            if plain is not None:
                return plain
        embedded = tuple(ready.shape[1:]) if way == "embedding" else None
        label_input = LabelInput(self.shape, self.num_classes, way, before, embedded)
        label_input.draw(self.rng)
        return self._block(group, [ModelPart("label", label_input, "shape")])

    def _plain(self, group: Group, dimensions: int) -> Layer | None:
        """A layer with a linear block and an activation, whose gradients have a closed form."""
        core, after = group.core.module, [part.module for part in group.after]
        shapes = [part.module for part in group.before if part.kind != "dropout"]
        drops = [part.module for part in group.before if part.kind == "dropout"]
        flat = dimensions == 2 or any(isinstance(each, nn.Flatten) for each in shapes)
        fits = (
            type(core) is nn.Linear
            and len(after) == 1
            and group.after[0].kind == "activation"
            and not isinstance(after[0], nn.PReLU)
            and all(isinstance(each, nn.Flatten) for each in shapes)
            and all(type(each) is nn.Dropout for each in drops)
            and len(drops) < 2
        )
        if not (fits and flat):
            return None
        rate = float(drops[0].p) if drops else 0.0  # type: ignore[arg-type]
        return self.make(core, after[0], dropout=rate) if rate else self.make(core, after[0])

    def _block(self, group: Group, before: list[ModelPart]) -> Layer:
        modules = [part.module for part in (*before, group.core, *group.after)]
        block = modules[0] if len(modules) == 1 else nn.Sequential(*modules)
        return self.make(nn.Sequential(block) if isinstance(block, nn.Linear) else block, None)

    def _follow(self, made: Layer, group: Group, number: int) -> None:
        """Pass the samples through the layer; add a ReLU if all goodness would be the same."""
        with evaluating(made), torch.no_grad():
            try:
                seen = made(self.seen)
            except Exception as error:  # a user's module may raise anything
                raise ValueError(
                    f"{group.core.title} cannot become layer {number}: for samples of"
                    f" {list(self.seen.shape[1:])} it raises {type(error).__name__}: {error}"
                ) from error
            if not isinstance(seen, Tensor) or seen.shape[:1] != self.seen.shape[:1]:
                got = list(seen.shape) if isinstance(seen, Tensor) else type(seen).__name__
                raise ValueError(
                    f"{group.core.title} cannot become layer {number}: a block returns one tensor"
                    f" [batch, ...], this one returns {got} for a batch of {len(self.seen)}; wrap"
                    " it in a module that returns such a tensor"
                )
            fit_parts(made, seen)
            goodness = made.goodness(seen)
            same = float(goodness.std()) <= SAME * float(goodness.abs().mean())
            if same and not made.class_wise:
                made.activation = nn.ReLU()
                seen = made(self.seen)
                self.notes[group.core.name] += (
                    "; its outputs have the same length for all samples, as after a norm, so a ReLU"
                    " is added"
                )
        self.seen = seen


_ENTERS = {
    "appended": ", the label appended to its inputs",
    "channels": ", the label as additional channels",
    "embedding": ", one of them an embedding of the label, which is added to its input",
}


def _whole(inside: int) -> str:
    return f" as a whole: inside, {inside} weight layers are trained by backpropagation"


def _way(core: nn.Module, ready: Tensor) -> Way:
    if type(core) is nn.Linear and ready.dim() == 2 and has_own_weight(core):
        return "appended"
    return "channels" if takes_channels(core) else "embedding"
