"""Samples [batch, ...] -> every layer's activities, every label's goodness, labels [batch]."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from forward_forward import predict, seeds
from forward_forward.examples import AppendLabel, Examples, FromGoodness, Inputs
from forward_forward.examples.inputs import floating
from forward_forward.forward.check import shared
from forward_forward.forward.head import SoftmaxHead
from forward_forward.forward.layer import Layer
from forward_forward.forward.linear import drawn_linear
from forward_forward.forward.mode import evaluating
from forward_forward.forward.passes import ForwardPass, as_source, written_out

Reading = Literal["goodness", "head"]
READINGS = get_args(Reading)


class Network(nn.Module):
    """A row of layers, each with its own goal, and the way a label enters and is read.

    Args:
        layers: The layers, lowest first.
        examples: How samples become positive, negative, neutral and candidate inputs.
        inputs: Applied to the samples first, such as `Standardize`; None leaves them as they are.
        head: A softmax head on the activities, or None.
        readout: First layer and the one after the last whose goodness is summed to read a label;
            None sums them all, as the poster does.
        reading: "goodness" or "head": what `predict` uses. By default goodness, if the examples
            put the label into the input.

    Raises:
        ValueError: No layers, a range without layers, or a reading that the parts do not allow.

    >>> net = Network(Layer(nn.Linear(6, 8)), examples=AppendLabel(num_classes=2))
    >>> net.goodness(torch.rand(3, 4)).shape
    torch.Size([3, 2])
    """

    layers: list[Layer]  # an nn.ModuleList, whose items mypy cannot know

    def __init__(
        self,
        *layers: Layer,
        examples: Examples,
        inputs: nn.Module | None = None,
        head: SoftmaxHead | None = None,
        readout: tuple[int, int] | None = None,
        reading: Reading | None = None,
    ) -> None:
        super().__init__()
        first, stop = readout or (0, len(layers))
        if not 0 <= first < stop <= len(layers):
            raise ValueError(
                f"readout expects 0 <= first < stop <= {len(layers)} layers, got {(first, stop)}"
            )
        reading = reading or ("goodness" if examples.labelled else "head")
        possible = {"goodness": examples.labelled, "head": head is not None}
        if not possible.get(reading, False):
            raise ValueError(
                f'reading={reading!r} is not possible here: "goodness" expects examples with'
                ' labels, "head" expects head=SoftmaxHead(...)'
            )
        if head is not None:
            _check_head(head, layers, examples)
        if examples.scores == "softmax" and head is None:
            raise ValueError(
                "negatives drawn from the softmax expect a head: add head=SoftmaxHead(...), or use"
                " FromGoodness() or Uniform() negatives"
            )
        self.layers = nn.ModuleList(layers)  # type: ignore[assignment]
        self.examples = examples
        self.inputs = inputs
        self.head = head
        self.readout = (first, stop)
        self.reading: Reading = reading

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._threshold.device

    @property
    def dtype(self) -> torch.dtype:
        """The weights' type."""
        return self._threshold.dtype

    @property
    def _threshold(self) -> Tensor:
        """A threshold: it goes where the weights go, and is found without a search through them."""
        return self.layers[0].threshold_value

    def ready(self, x: Tensor) -> Tensor:
        """Samples as the examples take them: on the network's device, in its type, standardised.

        Raises:
            ValueError: They are no floating-point numbers, so their scale is unknown.
        """
        x = floating(x).to(self.device, self.dtype, non_blocking=True)
        return x if self.inputs is None else self.inputs(x)

    def forward(self, x: Tensor | Inputs) -> list[Tensor]:
        """Activities of every layer, each [rows, *feature], for rows [rows, *shape] or inputs."""
        return [each.h for each in ForwardPass(self.layers).activities(as_source(x))]

    def read(self, goodness_by_layer: Tensor) -> Tensor:
        """Sum the goodness [layers, batch, classes] over the layers of the readout."""
        return goodness_by_layer[slice(*self.readout)].sum(0)

    def goodness_by_layer(self, x: Tensor) -> Tensor:
        """Goodness of every label in every layer [layers, batch, classes]."""
        return predict.goodness_by_layer(self, x)

    def goodness(self, x: Tensor) -> Tensor:
        """Goodness of every label, summed over the layers of the readout [batch, classes]."""
        return self.read(self.goodness_by_layer(x))

    def scores(self, x: Tensor, by: Reading | None = None) -> Tensor:
        """What a label is read from: summed goodness, or the head's logits [batch, classes]."""
        by = by or self.reading
        if by not in READINGS:
            raise ValueError(f'by expects "goodness" or "head", got {by!r}')
        if by == "goodness":
            return self.goodness(x)
        return predict.head_logits_by_layer(self, x).sum(0)

    def predict(self, x: Tensor, by: Reading | None = None) -> Tensor:
        """The label of each sample.

        Args:
            x: Samples [batch, ...], on the scale of the training data.
            by: "goodness" or "head"; None for the network's own reading.

        Returns:
            Labels [batch]; of several labels a sample, 0 and 1 [batch, labels].
        """
        return self.examples.decide(self.scores(x, by))

    def check(self, x: Tensor) -> dict[int, list[str]]:
        """What is wrong with each layer, by its number from 0: see `Layer.check`.

        Args:
            x: Samples [batch, ...], on the scale of the training data.
        """
        found = shared(self)
        source = written_out(self.examples.neutral(self.ready(x)))
        for number, layer in enumerate(self.layers):
            with evaluating(layer), torch.no_grad():
                own = layer.check(source)
                if own:
                    found[number] = [*own, *found.get(number, [])]
                try:
                    source = layer(source)
                except Exception:  # said by the layer's own check; those above cannot be looked at
                    break
        return dict(sorted(found.items()))

    def calibrate(self, x: Tensor, y: Tensor | None) -> None:
        """Give thresholds named "width" or "calibrated" their values; others stay.

        Args:
            x: Training samples [batch, ...], about 1,024 of them.
            y: Their labels [batch].
        """
        y = None if y is None else y.to(self.device)
        positive = self.examples.positive(self.ready(x), y)
        activities = ForwardPass(self.layers).activities(positive)
        for layer, each in zip(self.layers, activities, strict=True):
            if not layer.calibrated:
                layer.calibrate(each.h)


def _check_head(head: SoftmaxHead, layers: Sequence[Layer], examples: Examples) -> None:
    blocks = [layer.block for layer in layers]
    pairs = zip(head.widths, blocks, strict=False)
    fits = all(block.out_features == width for width, block in pairs if type(block) is nn.Linear)
    if len(head.widths) != len(layers) or head.num_classes != examples.num_classes or not fits:
        raise ValueError(
            f"the head expects {len(head.widths)} layers of {head.widths} units and"
            f" {head.num_classes} classes, got {len(layers)} layers and {examples.num_classes}"
            " classes: give SoftmaxHead the units of every layer, lowest first"
        )


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
    readout: tuple[int, int] | None = None,
) -> Network:
    """A network of linear layers: weights normal with variance 1 / inputs, biases 0.

    Args:
        features: Values in a sample, without the label.
        hidden: Units of each layer, lowest first.
        num_classes: How many labels there are.
        seed: For the weights; torch's global random state is left alone.
        examples: How samples become inputs. By default the label is appended and a share of the
            negatives is drawn from the goodness of the labels.
        inputs: See `Network`.
        layer: Makes a layer of a linear block; ``functools.partial(Layer, threshold="width")``
            passes options.
        dropout: Of every layer's inputs, or one for each layer; None for what ``layer`` says.
        head: Whether to add a softmax head on all layers but the first (on the first, if alone);
            "local" for one whose layers learn apart: see `SoftmaxHead`.
        readout: See `Network`.

    Returns:
        The network, untrained.

    Raises:
        ValueError: No hidden layer, a list of dropouts of another length, or one out of range.

    References:
        Hinton (2022), ``ffnew.m``, for the weights.

    >>> mlp(64, 500, 500, num_classes=10).predict(torch.rand(3, 64)).shape
    torch.Size([3])
    """
    if not hidden or min(hidden) < 1:
        raise ValueError(f"mlp expects the units of at least one hidden layer, got {hidden}")
    shares = list(dropout) if isinstance(dropout, Sequence) else [dropout] * len(hidden)
    if len(shares) != len(hidden) or not all(share is None or 0 <= share < 1 for share in shares):
        raise ValueError(
            f"mlp expects a dropout from 0 to below 1, or {len(hidden)} of them, one a layer, got"
            f" {dropout}"
        )
    examples = examples or AppendLabel(num_classes, negatives=FromGoodness())
    sizes = [examples.width(features), *hidden]
    layers = []
    for index, share in enumerate(shares):
        made = layer(
            drawn_linear(sizes[index], sizes[index + 1], seeds.generator(seed, "weights", index))
        )
        if share is not None:
            made.dropout = share
        layers.append(made)
    softmax = None
    if head:
        skip = min(1, len(hidden) - 1)
        softmax = SoftmaxHead(hidden, num_classes, skip=skip, local=head == "local")
    return Network(*layers, examples=examples, inputs=inputs, head=softmax, readout=readout)
