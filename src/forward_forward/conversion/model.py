"""A PyTorch model -> a network of local layers, and what each of its modules became."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral

import torch
from torch import Tensor, nn

from forward_forward import seeds
from forward_forward.conversion.answers import check_causal, examples_of, probes
from forward_forward.conversion.groups import Group, grouped
from forward_forward.conversion.modules import (
    ModelPart,
    check_shared,
    copy_of,
    has_own_weight,
    input_shape_of,
    parts_of,
    probed,
    takes_channels,
    work_out_of_place,
)
from forward_forward.conversion.widen import widened
from forward_forward.conversion.widths import fit_parts
from forward_forward.examples import AppendLabel, FromGoodness, NextSymbol, WrongLabels
from forward_forward.forward import Layer, Network
from forward_forward.forward.check import SAME
from forward_forward.forward.label_input import LabelInput, Way
from forward_forward.forward.layer import evaluating
from forward_forward.forward.layer_range import ReadoutSetting


@dataclass(frozen=True)
class Step:
    """What one module of a model became."""

    part: str
    became: str


@dataclass(frozen=True)
class Conversion:
    """A network of local layers; printed, it shows what each module of the model became.

    Args:
        network: The network, with copies of the model's weights and otherwise untrained.
        steps: One for each module of the model, in the order they run.
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
    readout: ReadoutSetting = "auto",
    seed: int = 0,
) -> Conversion:
    """Convert a model into local layers, each with its own objective.

    Each module with weights becomes a layer, together with the norms and activations after it;
    pooling, flattening and dropout prepare the input of the next. A module with several weight
    layers inside, such as a residual or an attention block, becomes one layer: errors are
    backpropagated within it and nowhere else. A final linear layer with ``num_classes`` outputs is
    left out. The label enters the first layer: appended to the inputs of a linear layer, as
    constant channels of a convolution's input, or as a learned embedding that is added to the
    input of any other module. It enters nowhere if the layers answer for every class: with
    ``layer=functools.partial(Layer, goodness=LinearReadout(10), loss=CrossEntropy())`` they read
    what the model's own modules would. If they answer at every position, with
    ``goodness=PositionReadout(num_classes)``, the model reads symbols [batch, positions].

    Args:
        model: An ``nn.Sequential`` of any modules, which may be nested. It is not changed: the
            layers start with copies of its weights.
        num_classes: Number of labels.
        input_shape: Shape of one sample; optional if the model begins with a linear layer.
        strength: Strength of the label; None for 0.3 if it enters as channels, which cover the
            whole image, and 1 otherwise. Unused, like ``negatives``, if it enters nowhere.
        negatives: Strategy that chooses wrong labels.
        layer: A block -> its layer; ``functools.partial(Layer, loss=...)`` passes options.
        readout: The layers whose goodness is summed to read a label: see `Network`.
        seed: Seed of the label's weights.

    Returns:
        The network, and what each module became.

    Raises:
        ValueError: The order of the modules is unknown, modules share weights, there is no hidden
            layer, or a module does not return a tensor with a row for each sample.

    >>> model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    >>> print(convert(model, num_classes=10))
    0 Linear  layer 1, the label appended to its inputs
    1 ReLU    the activation of layer 1
    2 Linear  left out: the label is read from the goodness of all layers, not from scores
    """
    if isinstance(num_classes, bool) or not isinstance(num_classes, Integral) or num_classes < 2:
        raise ValueError(f"num_classes expects a whole number of 2 or more, got {num_classes!r}")
    num_classes = int(num_classes)
    if not isinstance(model, nn.Sequential) or type(model).forward is not nn.Sequential.forward:
        raise ValueError(
            f"convert expects an nn.Sequential, got a {type(model).__name__}: its code decides in"
            " which order its modules run; put them into an nn.Sequential, or build the layers"
            " yourself, Network(Layer(block), ...)"
        )
    weight = next(model.parameters(), torch.zeros(()))
    plain = copy_of(model)
    parts = list(parts_of(plain))
    check_shared(parts)
    shape = input_shape_of(parts, input_shape)
    one_pass = examples_of(layer(nn.Linear(1, num_classes), nn.ReLU()), num_classes)
    parts = probed(plain, parts, probes(shape, one_pass, torch.Generator().manual_seed(0)))
    groups, dropped = grouped(parts, num_classes)
    rng = seeds.generator(seed, "convert")
    seen = probes(shape, one_pass, rng)
    builder = _Builder(num_classes, layer, rng, seen, class_wise=one_pass is not None)
    layers = [builder.layer(number, group) for number, group in enumerate(groups, 1)]
    builder.note_end(groups[-1])
    for part, why in dropped:
        builder.note(part, f"left out: {why}")
    strength = builder.strength if strength is None else strength
    labelled = AppendLabel(num_classes, strength=strength, negatives=negatives)
    network = Network(
        *layers,
        examples=labelled if one_pass is None else one_pass,
        readout=readout,
    )
    if isinstance(one_pass, NextSymbol):
        check_causal(layers, seen, one_pass)
    network.to(weight.device, weight.dtype)
    steps = (Step(part.title, builder.notes[part.name]) for part in parts)
    return Conversion(network, tuple(steps))


class _Builder:
    """Builds the layers one by one, passing a few samples through them."""

    def __init__(
        self,
        num_classes: int,
        layer: Callable[..., Layer],
        rng: torch.Generator,
        seen: Tensor,
        *,
        class_wise: bool,
    ) -> None:
        self.num_classes, self.make, self.rng, self.seen = num_classes, layer, rng, seen
        self.class_wise = class_wise
        self.shape = tuple(seen.shape[1:])
        self.notes: dict[str, str] = {}
        self.strength = 1.0

    def note(self, part: ModelPart, became: str) -> None:
        self.notes[part.name] = became

    def note_end(self, last: Group) -> None:
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
