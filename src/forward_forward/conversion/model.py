"""A model of torch -> a network of local layers, and what became of each of its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from forward_forward import seeds
from forward_forward.conversion.groups import Group, grouped
from forward_forward.conversion.modules import (
    ModelPart,
    has_own_weight,
    parts_of,
    probed,
    takes_channels,
)
from forward_forward.conversion.ready import (
    check_shared,
    copy_of,
    input_shape_of,
    work_out_of_place,
)
from forward_forward.conversion.widen import widened
from forward_forward.examples import AppendLabel, FromGoodness, WrongLabels
from forward_forward.forward import Layer, Network
from forward_forward.forward.check import SAME
from forward_forward.forward.label_input import LabelInput, Way
from forward_forward.forward.mode import evaluating


@dataclass(frozen=True)
class Step:
    """What became of one part of a model."""

    part: str
    became: str


@dataclass(frozen=True)
class Conversion:
    """A network of local layers, and how it was made; printed, it says what became of each part.

    Args:
        network: The network, untrained but for the weights that the model had.
        steps: One for each part of the model, in the order they run.
    """

    network: Network
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        width = max(len(step.part) for step in self.steps)
        return "\n".join(f"{step.part:<{width}}  {step.became}" for step in self.steps)


def convert(
    model: nn.Module,
    *,
    num_classes: int,
    input_shape: int | Sequence[int] | None = None,
    strength: float | None = None,
    negatives: WrongLabels = FromGoodness(),
    layer: Callable[..., Layer] = Layer,
    seed: int = 0,
) -> Conversion:
    """Turn a model into local layers, each with a goal of its own.

    Each part with weights becomes a layer, with the norms and activations that follow it; what
    pools, flattens or drops prepares the next. A part with several weight layers inside, such as a
    residual or an attention block, becomes one layer: within it, and nowhere else, an error is
    propagated backward. A last linear layer of ``num_classes`` outputs is left out. The label goes
    into the first layer: appended to the inputs of a linear layer, as constant channels into a
    convolution, as a learned embedding that is added into anything else.

    Args:
        model: An ``nn.Sequential``, of such and of any other modules; it is left as it is, and the
            layers begin with copies of its weights.
        num_classes: How many labels there are.
        input_shape: One sample's shape; None is enough where the model begins with a linear layer.
        strength: Of the label; None takes 0.3 where it enters in channels, which cover all of a
            picture, and else 1.
        negatives: How wrong labels are chosen.
        layer: Makes a layer of a block; ``functools.partial(Layer, loss=...)`` passes options.
        seed: For the weights of the label.

    Returns:
        The network, and what became of each part.

    Raises:
        ValueError: The order of the parts cannot be known, parts share weights, there is no hidden
            layer, or a part gives something that is no tensor of a row for each sample.

    >>> model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    >>> print(convert(model, num_classes=10))
    0 Linear  layer 1, the label appended to its inputs
    1 ReLU    the activation of layer 1
    2 Linear  left out: the label is read from the goodness of all layers, not from scores
    """
    if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 2:
        raise ValueError(f"num_classes expects a whole number of 2 or more, got {num_classes!r}")
    if not isinstance(model, nn.Sequential) or type(model).forward is not nn.Sequential.forward:
        raise ValueError(
            f"convert expects an nn.Sequential, got a {type(model).__name__}: what order its parts"
            " run in is code of its own; put them into an nn.Sequential, or make the layers"
            " yourself, Network(Layer(block), ...)"
        )
    weight = next(model.parameters(), torch.zeros(()))
    plain = copy_of(model)
    parts = list(parts_of(plain))
    check_shared(parts)
    shape = input_shape_of(parts, input_shape)
    parts = probed(plain, parts, shape)
    made = grouped(parts, num_classes)
    builder = _Builder(num_classes, layer, seeds.generator(seed, "convert"), shape)
    layers = [builder.layer(number, group) for number, group in enumerate(made.groups, 1)]
    builder.note_end(made.groups[-1])
    for part, why in made.dropped:
        builder.note(part, f"left out: {why}")
    strength = builder.strength if strength is None else strength
    network = Network(
        *layers,
        examples=AppendLabel(num_classes, strength=strength, negatives=negatives),
        readout=(min(1, len(layers) - 1), len(layers)),
    ).to(weight.device, weight.dtype)
    steps = (Step(part.title, builder.notes[part.name]) for part in parts)
    return Conversion(network, tuple(steps))


class _Builder:
    """Makes the layers one by one, following the shape of a sample through them."""

    def __init__(
        self,
        num_classes: int,
        layer: Callable[..., Layer],
        rng: torch.Generator,
        shape: tuple[int, ...],
    ) -> None:
        self.num_classes, self.make, self.rng, self.shape = num_classes, layer, rng, shape
        self.notes: dict[str, str] = {}
        self.strength = 1.0
        # Two samples, of which a norm over the batch may take the spread.
        self.seen = torch.randn(4, *shape, generator=rng)

    def note(self, part: ModelPart, words: str) -> None:
        self.notes[part.name] = words

    def note_end(self, last: Group) -> None:
        """Say so where a model ends in scores of something else than the labels."""
        end = last.after[-1] if last.after else last.core
        if last.is_projection and isinstance(end.module, nn.Linear):
            self.notes[end.name] += (
                f"; it is taken for a hidden layer: scores of {self.num_classes} labels would be"
                f" left out, it has {end.module.out_features} outputs"
            )

    def layer(self, number: int, group: Group) -> Layer:
        """One layer of a group; ``seen`` becomes what it gives."""
        for each in (*group.before, group.core, *group.after):
            work_out_of_place(each.module)
        self._describe(number, group)
        if number == 1:
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
                what = "joined with what is before it, which no activation follows: part"
            self.note(part, f"{what} of layer {number}")
        inside = group.weight_layers
        self.note(group.core, f"layer {number}{_whole(inside) if inside > 1 else ''}")

    def _first(self, group: Group) -> Layer:
        """The layer that the label goes into."""
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
        entrance = LabelInput(self.shape, self.num_classes, way, before, embedded)
        entrance.draw(self.rng)
        return self._block(group, [ModelPart("label", entrance, "shape")])

    def _plain(self, group: Group, dimensions: int) -> Layer | None:
        """A layer of a linear block with an activation, for which gradients have a closed form."""
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
        share = float(drops[0].p) if drops else 0.0  # type: ignore[arg-type]
        return self.make(core, after[0], dropout=share) if share else self.make(core, after[0])

    def _block(self, group: Group, before: list[ModelPart]) -> Layer:
        modules = [part.module for part in (*before, group.core, *group.after)]
        block = modules[0] if len(modules) == 1 else nn.Sequential(*modules)
        return self.make(nn.Sequential(block) if isinstance(block, nn.Linear) else block, None)

    def _follow(self, made: Layer, group: Group, number: int) -> None:
        """What the layer gives for the samples so far; a ReLU is added where goodness needs one."""
        with evaluating(made), torch.no_grad():
            try:
                seen = made(self.seen)
            except Exception as error:  # a user's module may raise anything
                raise ValueError(
                    f"{group.core.title} cannot become layer {number}: given samples of"
                    f" {list(self.seen.shape[1:])} it says {type(error).__name__}: {error}"
                ) from error
            if not isinstance(seen, Tensor) or seen.shape[:1] != self.seen.shape[:1]:
                got = list(seen.shape) if isinstance(seen, Tensor) else type(seen).__name__
                raise ValueError(
                    f"{group.core.title} cannot become layer {number}: a block gives one tensor"
                    f" [batch, ...], this one gives {got} for a batch of {len(self.seen)}; wrap it"
                    " in a module that gives such a tensor"
                )
            goodness = made.goodness(seen)
            if float(goodness.std()) <= SAME * float(goodness.abs().mean()):
                made.activation = nn.ReLU()
                seen = made(self.seen)
                self.notes[group.core.name] += (
                    "; its outputs have the same length for all samples, as after a norm, so a ReLU"
                    " follows"
                )
        self.seen = seen


_ENTERS = {
    "appended": ", the label appended to its inputs",
    "channels": ", the label in channels of its own",
    "embedding": ", one of them an embedding of the label that is added to its input",
}


def _whole(inside: int) -> str:
    return f" as a whole: inside, {inside} weight layers are trained by backpropagation"


def _way(core: nn.Module, ready: Tensor) -> Way:
    if type(core) is nn.Linear and ready.dim() == 2 and has_own_weight(core):
        return "appended"
    return "channels" if takes_channels(core) else "embedding"
