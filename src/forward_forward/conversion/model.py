"""A PyTorch model -> a network of local layers, and what each of its modules became."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral

import torch
from torch import nn

from forward_forward import seeds
from forward_forward.conversion.answers import check_causal, examples_of, probes
from forward_forward.conversion.builder import LayerBuilder
from forward_forward.conversion.groups import grouped
from forward_forward.conversion.modules import (
    ModelPart,
    check_shared,
    copy_of,
    input_shape_of,
    is_sequence,
    part_of,
    parts_of,
    probed,
)
from forward_forward.conversion.tracing import traced
from forward_forward.display.html import table
from forward_forward.examples import (
    AppendLabel,
    FromGoodness,
    NextSymbol,
    NoLabel,
    WrongLabels,
)
from forward_forward.forward import Layer, Network
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

    def _repr_html_(self) -> str:
        rows = [(step.part, step.became) for step in self.steps]
        return table(f"Conversion of {len(rows)} modules", ("module", "became"), rows)


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
    left out; it is the read-out of the last layer if all layers have a `LinearReadout`. The label
    enters the first layer: appended to the inputs of a linear layer, as
    constant channels of a convolution's input, or as a learned embedding that is added to the
    input of any other module. It enters nowhere if the layers answer for every class: with
    ``layer=functools.partial(Layer, goodness=LinearReadout(10), loss=CrossEntropy())`` they read
    what the model's own modules would. If they answer at every position, with
    ``goodness=PositionReadout(num_classes)``, the model reads symbols [batch, positions].

    Args:
        model: An ``nn.Sequential`` of any modules, which may be nested, or a model of your own
            class that takes one tensor. `torch.fx` then follows its code, which is cut wherever a
            single tensor is all that the rest reads: what a residual addition or a concatenation
            joins is one layer. The model is not changed: layers start with copies of its weights.
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
        ValueError: The code of the model cannot be followed, modules share weights, there is no
            hidden layer, or a module does not return a tensor with a row for each sample.

    >>> model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    >>> print(convert(model, num_classes=10))
    0 Linear  layer 1, the label appended to its inputs
    1 ReLU    the activation of layer 1
    2 Linear  left out: the label is read from the goodness of all layers, not from scores
    """
    if isinstance(num_classes, bool) or not isinstance(num_classes, Integral) or num_classes < 2:
        raise ValueError(f"num_classes expects a whole number of 2 or more, got {num_classes!r}")
    num_classes = int(num_classes)
    weight = next(model.parameters(), torch.zeros(()))
    plain = copy_of(model)
    one_pass = examples_of(layer(nn.Linear(1, num_classes), nn.ReLU()), num_classes)
    shape, parts = taken_apart(plain, input_shape, one_pass)
    groups, dropped = grouped(parts, num_classes)
    rng = seeds.generator(seed, "convert")
    seen = probes(shape, one_pass, rng)
    builder = LayerBuilder(num_classes, layer, rng, seen, class_wise=one_pass is not None)
    layers = [builder.layer(number, group) for number, group in enumerate(groups, 1)]
    builder.end(layers, groups[-1], dropped)
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


def taken_apart(
    model: nn.Module, input_shape: int | Sequence[int] | None, one_pass: NoLabel | None
) -> tuple[tuple[int, ...], list[ModelPart]]:
    """The shape of one sample, and the modules of a model in the order they run.

    Args:
        model: A copy of the model.
        input_shape: Shape of one sample, if given.
        one_pass: The examples of layers that answer for every class; None if the label is an input.
    """
    leaves = [each for each in model.named_modules() if not any(each[1].children())]
    shape = input_shape_of([part_of(*each) for each in leaves], input_shape)
    samples = probes(shape, one_pass, torch.Generator().manual_seed(0))
    sequence = is_sequence(model)
    if sequence:
        parts = list(parts_of(model))
    else:
        parts = [part_of(name, module) for name, module in traced(model, samples)]
    check_shared(parts)
    chain = model if sequence else nn.Sequential(*(part.module for part in parts))
    return shape, probed(chain, parts, samples)
