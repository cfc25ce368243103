"""Samples [batch, ...] -> states of all layers over time, goodness of every label, labels [batch].

A recurrent network has the bottom-up weights of ordinary layers and, for each layer, top-down
weights from the layer above.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn

from forward_forward import goodness as goodnesses
from forward_forward import losses, seeds
from forward_forward.examples import AppendLabel, Examples, Inputs
from forward_forward.examples.inputs import floating
from forward_forward.forward.layer import Layer, Threshold, evaluating
from forward_forward.forward.normalize import MeanSquareOne, Normalize
from forward_forward.forward.passes import rows_at_a_time
from forward_forward.forward.perceptron import drawn_linear
from forward_forward.forward.workspace import Workspace
from forward_forward.recurrent.checks import (
    LabelPlace,
    TopDown,
    Update,
    check_choices,
    check_examples,
    check_layer,
    check_numbers,
)
from forward_forward.recurrent.video import Video


class RecurrentNetwork(nn.Module):
    """A network whose layers read, at time t, the layers below and above at time t - 1.

    ``z_l(t) = U_l n(h_{l-1}(t-1)) + V_l n(h_{l+1}(t-1)) + b_l``,
    ``h_l(t) = damping h_l(t-1) + (1 - damping) activation(z_l(t))``,
    where n is the normalisation, ``h_0`` the image and, with ``label="top"``, the label takes the
    place above the last layer. The states start from one bottom-up pass without top-down input. A
    label at the top is not normalised but multiplied by the square root of the number of classes:
    with strength 1 its mean square is then 1, like that of the states.

    Args:
        features: Values in a sample, without the label.
        hidden: Units of each layer, lowest first.
        num_classes: Number of labels.
        label: "image": the label is part of the input, placed by the examples; "top": it is the
            layer above the last, and the image carries no label.
        examples: The label's strength, its place in the image and the negatives; None appends the
            label and draws negatives uniformly. A label at the top expects `AppendLabel`.
        activation: Of every layer, elementwise and without weights.
        goodness: State [batch, units] -> [batch].
        loss: Margins of positives [batch] and negatives [negatives, batch] -> [batch].
        threshold: A number; "width", the goodness at unit activity; or "calibrated", the mean
            goodness of the untrained layer on positives over the scored iterations.
        threshold_factor: Multiplies a threshold given by name.
        temperature: Divides goodness minus threshold; positive.
        normalize: Normalises the state that a layer's neighbours read; None for no normalisation.
        damping: Weight of the old state, before normalisation, in the new one: 0 to below 1.
        iterations: Number of iterations for which the image is shown.
        scored: First and last iteration, counted from 1, whose mean goodness predicts the label.
        top_down: Weights from the hidden layer above: "learned", "fixed" (random, never trained)
            or "zero" (none). The weights from a label at the top are always learned; with "zero"
            the label reaches only the last layer, and lower layers learn nothing about it.
        update: "synchronous": all layers from the states before; "alternating": layers 2, 4, ...
            from the states before, then layers 1, 3, ... from the newest.
        seed: For the weights; torch's global random state is left alone.

    Raises:
        ValueError: An argument is out of range, or two do not fit each other.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.4; the poster's Figure 10.

    >>> net = RecurrentNetwork(6, 8, 8, num_classes=2, label="top")
    >>> net.goodness(torch.rand(3, 6)).shape, net.predict(torch.rand(3, 6)).shape
    (torch.Size([3, 2]), torch.Size([3]))
    """

    layers: list[Layer]  # an nn.ModuleList, whose items mypy cannot know
    feedback: list[nn.Linear]  # item l maps the states of layer l + 1 to layer l

    def __init__(
        self,
        features: int,
        *hidden: int,
        num_classes: int,
        label: LabelPlace = "image",
        examples: Examples | None = None,
        activation: nn.Module | Callable[[], nn.Module] = nn.ReLU,
        goodness: goodnesses.Goodness = goodnesses.l2_norm,
        loss: losses.LocalLoss = losses.sigmoid,
        threshold: Threshold = "calibrated",
        threshold_factor: float = 1.0,
        temperature: float = 1.0,
        normalize: Normalize | None = MeanSquareOne(),
        damping: float = 0.3,
        iterations: int = 8,
        scored: tuple[int, int] = (3, 5),
        top_down: TopDown = "learned",
        update: Update = "synchronous",
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_choices(label, top_down, update)
        check_numbers(hidden, damping, iterations, scored)
        self.features = features
        self.examples = examples or AppendLabel(num_classes)
        check_examples(self.examples, features, num_classes, label)
        self.label: LabelPlace = label
        self.top_down: TopDown = top_down
        self.update: Update = update
        self.damping = damping
        self.iterations = iterations
        self.scored = scored
        below = [features if label == "top" else self.examples.width(features), *hidden]
        above = [0 if top_down == "zero" else units for units in hidden[1:]]
        above.append(num_classes if label == "top" else 0)
        layers = []
        for index, (inputs, units) in enumerate(pairwise(below)):
            rng = seeds.generator(seed, "weights", index)
            layers.append(
                Layer(
                    drawn_linear(inputs, units, rng, fan_in=inputs + above[index]),
                    activation,
                    goodness=goodness,
                    loss=loss,
                    normalize=normalize,
                    threshold=threshold,
                    threshold_factor=threshold_factor,
                    temperature=temperature,
                )
            )
            check_layer(layers[-1])
        maps = _maps_from_above(hidden, above, below, seed)
        self.layers = nn.ModuleList(layers)  # type: ignore[assignment]
        self.label_map = maps.pop() if label == "top" else None
        self.feedback = nn.ModuleList(maps)  # type: ignore[assignment]
        for each in self.feedback:
            each.weight.requires_grad_(top_down == "learned")

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.layers[0].threshold_value.device

    @property
    def dtype(self) -> torch.dtype:
        """The weights' type."""
        return self.layers[0].threshold_value.dtype

    @property
    def calibrated(self) -> bool:
        """Whether every layer's threshold has its value."""
        return all(layer.calibrated for layer in self.layers)

    def extra_repr(self) -> str:
        return (
            f"examples={self.examples!r}, label={self.label!r}, damping={self.damping},"
            f" iterations={self.iterations}, scored={self.scored}, top_down={self.top_down!r},"
            f" update={self.update!r}"
        )

    @property
    def bottom_up(self) -> list[nn.Linear]:
        """The layers' maps from below, lowest first."""
        return [layer.block for layer in self.layers]  # type: ignore[misc]

    def own(self, index: int) -> nn.ModuleList:
        """Everything layer ``index`` learns: its bottom-up and top-down weights."""
        parts: list[nn.Module] = [self.layers[index]]
        if index < len(self.feedback):
            parts.append(self.feedback[index])
        if index == len(self.layers) - 1 and self.label_map is not None:
            parts.append(self.label_map)
        return nn.ModuleList(parts)

    def ready(self, x: Tensor) -> Tensor:
        """Samples on the network's device, in its type.

        Raises:
            ValueError: They are not floating-point numbers, so their scale is unknown.
        """
        return floating(x).to(self.device, self.dtype, non_blocking=True)

    @torch.no_grad()
    def states(self, inputs: Inputs) -> Iterator[list[Tensor]]:
        """The states of all layers over time, before normalisation.

        Args:
            inputs: Inputs from the network's examples, such as ``examples.positive(x, y)`` or
                ``examples.candidates(x)``, for x from `ready`.

        Yields:
            One state [variants * batch, units] a layer: first after the bottom-up pass, then after
            each iteration.
        """
        with evaluating(self):
            video = Video(self, inputs, Workspace())
        yield [each.clone() for each in video.states]
        for _ in range(self.iterations):
            with evaluating(self):
                video.iterate()
            yield [each.clone() for each in video.states]

    @torch.no_grad()
    def goodness_by_iteration(self, x: Tensor, last: int | None = None) -> Tensor:
        """Goodness of every label in every layer and iteration.

        Args:
            x: Samples [batch, ...], on the scale of the training data.
            last: The last iteration; None for all.

        Returns:
            Goodness [iterations, layers, batch, classes], without the bottom-up pass.
        """
        workspace, count = Workspace(), self.iterations if last is None else last
        classes = self.examples.num_classes
        parts = []
        with evaluating(self):
            for part in torch.split(self.ready(x), rows_at_a_time(classes)):
                video = Video(self, self.examples.candidates(part), workspace)
                rated = []
                for _ in range(count):
                    video.iterate()
                    rated += [video.rate(index) for index in range(len(self.layers))]
                shape = count, len(self.layers), classes, len(part)
                parts.append(torch.stack(rated).view(shape).transpose(2, 3))
        return torch.cat(parts, 2)

    def goodness_by_layer(self, x: Tensor) -> Tensor:
        """Mean goodness over the scored iterations [layers, batch, classes]."""
        first, last = self.scored
        return self.goodness_by_iteration(x, last)[first - 1 :].mean(0)

    def goodness(self, x: Tensor) -> Tensor:
        """Goodness of every label, summed over the layers [batch, classes]."""
        return self.goodness_by_layer(x).sum(0)

    def predict(self, x: Tensor) -> Tensor:
        """The label with the largest goodness [batch] of samples [batch, ...]."""
        return self.goodness(x).argmax(1)

    @torch.no_grad()
    def calibrate(self, x: Tensor, y: Tensor) -> None:
        """Compute thresholds named "width" or "calibrated"; others do not change.

        Args:
            x: Training samples [batch, ...], about 1,024 of them.
            y: Their labels [batch].
        """
        first, last = self.scored
        seen: list[list[Tensor]] = [[] for _ in self.layers]
        with evaluating(self):
            video = Video(
                self, self.examples.positive(self.ready(x), y.to(self.device)), Workspace()
            )
            for iteration in range(1, last + 1):
                video.iterate()
                if iteration >= first:
                    for states, state in zip(seen, video.states, strict=True):
                        states.append(state.clone())
        for layer, states in zip(self.layers, seen, strict=True):
            if not layer.calibrated:
                layer.calibrate(torch.cat(states))


def _maps_from_above(
    hidden: tuple[int, ...], above: list[int], below: list[int], seed: int
) -> list[nn.Linear]:
    """Maps to each layer's units from the layer or label above it, if there is one."""
    maps = []
    for index, (inputs, units) in enumerate(zip(above, hidden, strict=True)):
        if inputs:
            rng = seeds.generator(seed, "top-down weights", index)
            fan_in = below[index] + inputs
            maps.append(drawn_linear(inputs, units, rng, fan_in=fan_in, bias=False))
    return maps
