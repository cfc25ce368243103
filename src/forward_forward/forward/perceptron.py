"""Widths and a seed -> a network of linear layers, its initial weights drawn from the seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import nn

from forward_forward import readouts, seeds
from forward_forward.examples import AppendLabel, Examples, FromGoodness
from forward_forward.forward.arguments import check_number, refuse, whole_number, whole_numbers
from forward_forward.forward.head import SoftmaxHead
from forward_forward.forward.layer import Layer
from forward_forward.forward.layer_range import ReadoutSetting
from forward_forward.forward.learnable import check_examples
from forward_forward.forward.network import Network


def mlp(
    features: int,
    *hidden: int,
    num_classes: int,
    seed: int = 0,
    examples: Examples | None = None,
    inputs: nn.Module | None = None,
    layer: Callable[[nn.Linear], Layer] = Layer,
    dropout: Sequence[float] | float | None = None,
    head: bool | Literal["local"] = False,
    readout: ReadoutSetting = None,
) -> Network:
    """A network of linear layers: weights normal with variance 1 / inputs, biases 0.

    Args:
        features: Values per sample, without the label.
        hidden: Units of each layer, lowest first.
        num_classes: Number of labels.
        seed: Seed of the weights; torch's global random state is not used.
        examples: How samples become inputs. By default the label is appended, and a fraction of
            the negatives is drawn from the goodness of the labels.
        inputs: See `Network`.
        layer: A linear block -> its layer; ``functools.partial(Layer, threshold="width")`` passes
            options.
        dropout: Dropout of every layer's inputs, or a list with one for each layer; None for that
            of ``layer``.
        head: Whether to add a softmax head on all layers but the first (on a single layer, on that
            one); "local" for one whose layers learn independently: see `SoftmaxHead`.
        readout: See `Network`.

    Returns:
        The network, untrained.

    Raises:
        ValueError: There is no hidden layer, ``dropout`` has another length, or one is out of
            range.

    References:
        Hinton (2022), ``ffnew.m``, for the weights.

    >>> mlp(64, 500, 500, num_classes=10).predict(torch.rand(3, 64)).shape
    torch.Size([3])
    """
    num_classes, features, *units = whole_numbers("mlp", num_classes, features, *hidden)
    hidden = tuple(units)
    if not hidden or min(hidden) < 1:
        raise ValueError(
            f"mlp expects the units of at least one hidden layer, each 1 or more, got {hidden}:"
            " such as 500, 500 for two layers"
        )
    seed = whole_number("seed", seed, "0")
    if not isinstance(head, bool | int | str) or head not in (True, False, "local"):
        refuse("head", 'True, False or "local"', head, "or use ff.Network(head=SoftmaxHead(...))")
    if not callable(layer):
        refuse("layer", "a callable that makes a Layer", layer, "such as partial(Layer, ...)")
    rates = list(dropout) if isinstance(dropout, Sequence) else [dropout] * len(hidden)
    for rate in rates:
        if rate is not None:
            check_number("dropout", rate, "0.1", finite=False)
    if len(rates) != len(hidden) or not all(rate is None or 0 <= rate < 1 for rate in rates):
        raise ValueError(
            f"mlp expects a dropout from 0 to below 1, or {len(hidden)} of them, one per layer, got"
            f" {dropout}"
        )
    if examples is None:
        examples = AppendLabel(num_classes, negatives=FromGoodness())
    check_examples(examples)
    sizes = [examples.width(features), *hidden]
    layers = []
    for index, rate in enumerate(rates):
        made = layer(
            drawn_linear(sizes[index], sizes[index + 1], seeds.generator(seed, "weights", index))
        )
        if rate is not None:
            made.dropout = rate
        own = seeds.number(seed, "parts", index)  # read-outs of layers must not be equal
        made.goodness = readouts.redrawn(made.goodness, own)
        made.terms = tuple(readouts.redrawn(term, own) for term in made.terms)
        layers.append(made)
    softmax = None
    if head:
        skip = min(1, len(hidden) - 1)
        softmax = SoftmaxHead(hidden, num_classes, skip=skip, local=head == "local")
    return Network(*layers, examples=examples, inputs=inputs, head=softmax, readout=readout)


def drawn_linear(
    inputs: int, units: int, rng: torch.Generator, *, fan_in: int | None = None, bias: bool = True
) -> nn.Linear:
    """A linear layer with normal weights of variance ``1 / fan_in`` and biases 0.

    Torch's global random state is not used.

    Args:
        inputs: Width of its input.
        units: Width of its output.
        rng: Generator of the weights.
        fan_in: Number of all inputs of a unit, if other layers feed it too; None for ``inputs``.
        bias: Whether it has biases.

    References:
        Hinton (2022), ``ffnew.m``.

    >>> drawn_linear(3, 2, torch.Generator().manual_seed(0)).bias.tolist()
    [0.0, 0.0]
    """
    linear: nn.Linear = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Linear, inputs, units, bias=bias
    )
    with torch.no_grad():
        linear.weight.normal_(0, 1 / math.sqrt(fan_in or inputs), generator=rng)
        if bias:
            linear.bias.zero_()
    return linear
