"""Raw samples [batch, *shape] -> scores [batch, classes] and label [batch], as modules to export.

The library's own passes reuse memory, which a graph cannot express. These modules compute the same
without it. The batch size is dynamic, and what all labels share is still computed only once.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from forward_forward.data.batch import as_float
from forward_forward.examples import AppendLabel, Inputs, OverlayLabel
from forward_forward.forward import Layer, Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import divisor_of
from forward_forward.forward.operands import variant_factors, variant_totals
from forward_forward.forward.passes import added_by
from forward_forward.forward.views import averaged
from forward_forward.goodness import length_of
from forward_forward.predict.two_stage_prediction import Ranking

__all__ = ["OnePass", "Scan"]

Scored = tuple[Tensor, Tensor]


class Scan(nn.Module):
    """The label with the highest goodness, computed for every label.

    The first layer's product with the sample is computed once for all labels; the upper layers
    process every label of every sample. Layers above the readout are omitted.

    Args:
        network: A network whose examples put the label into the input. It is copied, in float32.

    Raises:
        ValueError: The examples have no labels, and so no candidates.

    >>> from forward_forward.forward import mlp
    >>> goodness, label = Scan(mlp(4, 8, num_classes=3))(torch.rand(5, 4))
    >>> goodness.shape, label.shape
    (torch.Size([5, 3]), torch.Size([5]))
    """

    scores = "goodness"

    def __init__(self, network: Network) -> None:
        super().__init__()
        if not network.examples.labelled:
            raise ValueError(
                "a scan of all labels requires examples that put the label into the input, such as"
                f" AppendLabel, got {type(network.examples).__name__}: export the one-pass"
                " predictor, which reads the head"
            )
        self.network = frozen(network)
        self.counted = self.network.readout  # a constant of the graph
        self.eval()

    def forward(self, x: Tensor) -> Scored:
        """Summed goodness [batch, classes] and labels [batch] of raw samples [batch, *shape]."""
        network = self.network
        goodness = averaged(network.views, network.floats(as_float(x)), self.goodness)
        return goodness, goodness.argmax(1)

    def goodness(self, x: Tensor) -> Tensor:
        """Summed goodness [batch, classes] of samples in the network's own type of numbers."""
        network = self.network
        inputs = network.examples.candidates(_transformed(network, x))
        first, stop = self.counted
        activities = passed(network, inputs, stop)[first:]
        tables = [
            layer.table(each, inputs.variants)
            for layer, each in zip(network.layers[first:stop], activities, strict=True)
        ]
        return network.read_range(torch.stack(tables))


class OnePass(nn.Module):
    """The label by the activities on the neutral input: one pass for any number of labels.

    Args:
        network: The network. It is copied, in float32.
        ranking: Linear scores from the activities, such as ``two_stage(network, x).ranking``; None
            for the network's own softmax head.

    Raises:
        ValueError: Neither a head nor a ranking.

    >>> from forward_forward.forward import mlp
    >>> scores, label = OnePass(mlp(4, 8, num_classes=3, head=True))(torch.rand(5, 4))
    >>> scores.shape, label.shape
    (torch.Size([5, 3]), torch.Size([5]))
    """

    scores = "scores"

    def __init__(self, network: Network, ranking: Ranking | None = None) -> None:
        super().__init__()
        if ranking is None and network.head is None:
            raise ValueError(
                "OnePass expects a network with a softmax head, or a ranking, got neither: pass"
                " ranking=two_stage(network, x).ranking"
            )
        self.network = frozen(network)
        self.eval()
        self.skip = 0 if ranking is None else ranking.skip
        # Parameters, since only those and buffers are stored by name.
        self.ranking = nn.ParameterList(
            nn.Parameter(weight.detach().float().cpu().clone(), requires_grad=False)
            for weight in (() if ranking is None else ranking.weights)
        )

    def forward(self, x: Tensor) -> Scored:
        """Scores [batch, classes] and labels [batch] of raw samples [batch, *shape]."""
        network = self.network
        scores = averaged(network.views, network.floats(as_float(x)), self._scores)
        return scores, scores.argmax(1)

    def _scores(self, x: Tensor) -> Tensor:
        network = self.network
        inputs = network.examples.neutral(_transformed(network, x))
        stop = self.skip + len(self.ranking) if len(self.ranking) else len(network.layers)
        activities = passed(network, inputs, stop)
        if len(self.ranking):
            return Ranking(self.skip, tuple(self.ranking))(activities)
        return _head_logits(network, activities)


def _transformed(network: Network, x: Tensor) -> Tensor:
    """Samples after the network's `inputs`, without the context that `Network.transformed` enters.

    A frozen network needs none, and torch.export cannot write one down.
    """
    return x if network.inputs is None else network.inputs(x)


def frozen(network: Network) -> Network:
    """A copy for export: on the CPU, in float32, in evaluation mode, without gradients."""
    return copy.deepcopy(network).cpu().float().eval().requires_grad_(False)


def passed(network: Network, inputs: Inputs, stop: int) -> list[Activities]:
    """Activities [variants * batch, *feature] of the layers below ``stop``, lowest first."""
    first, *upper = network.layers[:stop]
    h = _first(first, inputs, type(network.examples) in (AppendLabel, OverlayLabel))
    found = [Activities(h, added=added_by(first, inputs))]
    for layer in upper:
        x = found[-1].onward.h
        found.append(Activities(layer(x), added=layer.added(x)))
    return found


def _first(layer: Layer, inputs: Inputs, in_order: bool) -> Tensor:
    """The lowest layer's activities; one product serves all variants if normalisation allows it.

    If ``in_order``, each variant has the pattern of its own number, as with the library's examples,
    and the graph needs no look-up.
    """
    divisor = divisor_of(layer.normalize)
    linear, rest, patterns = layer.linear, inputs.rest, inputs.patterns
    if linear is None or rest.dim() != 2 or (layer.normalize is not None and divisor is None):
        activities: Tensor = layer(inputs.dense().flatten(0, 1))
        return activities
    width = rest.shape[1] + (patterns.shape[1] if inputs.appended else 0)
    layer.check_width(width)

    def of_variants(rows: Tensor) -> Tensor:
        return rows[:, None] if in_order else rows[inputs.index]

    labels = of_variants(patterns @ linear.weight[:, inputs.columns].t())
    squares = of_variants(patterns.square().sum(1)[:, None])[..., 0]
    factor = variant_factors(divisor, length_of(rest), squares, width)
    product = rest @ linear.weight[:, : rest.shape[1]].t()
    return layer.activate(variant_totals(product, labels, factor, linear.bias))


def _head_logits(network: Network, activities: Iterable[Activities]) -> Tensor:
    """The softmax head's logits [batch, classes]."""
    head = network.head
    if head is None:
        raise ValueError("the network has no softmax head: build it with head=SoftmaxHead(...)")
    rows = [each.h.flatten(1) for each in activities][head.skip :]
    if head.normalize is not None:
        rows = [head.normalize(row) for row in rows]
    return head.logits(rows).sum(0)
