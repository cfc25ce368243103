"""Samples [batch, ...] -> every layer's activities, every label's goodness, labels [batch]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from forward_forward.examples import Examples, Inputs, NextSymbol, OrdinalBins
from forward_forward.examples.inputs import check_lengths, floating
from forward_forward.forward.answers import goodness_below, logits_by_layer
from forward_forward.forward.check_stack import stack_problems
from forward_forward.forward.combination import LayerRegression, WeightedLayers, combination_of
from forward_forward.forward.head import SoftmaxHead
from forward_forward.forward.layer import Layer
from forward_forward.forward.layer_range import Range, ReadoutSetting, fixed_range
from forward_forward.forward.learnable import check_learnable, check_network, check_reading
from forward_forward.forward.overview import layers_html
from forward_forward.forward.passes import ForwardPass, as_source, lowered, written_out
from forward_forward.forward.samples import check_weights, finite, tensor_of
from forward_forward.forward.views import Views

Reading = Literal["goodness", "head"]
READINGS = get_args(Reading)


class Network(nn.Module):
    """A stack of layers, each with its own objective, with the way a label enters and is read.

    Args:
        layers: The layers, lowest first.
        examples: How samples become positive, negative, neutral and candidate inputs.
        inputs: Applied to the samples first, such as `Standardize`; None leaves them unchanged.
        head: A softmax head on the activities, or None.
        readout: The range of layers, ``(first, stop)``, whose goodness is summed to read a label;
            None sums over all of them, as the poster does. "auto" starts with all of
            them, and `Trainer.fit` sets the range with the fewest errors on the validation data.
            "weighted" and "logistic" do the same until the last epoch; then `predict.fit_readout`
            fits a weight for each layer, or a logistic regression on all layers' goodness.
        reading: "goodness" or "head": what `predict` uses. By default "goodness" if the examples
            put the label into the input, else "head".
        views: Pictures -> their views, such as `MirroredShifts`, over which goodness and the head's
            logits are averaged, but not in training and its validation; None for the samples alone.

    Raises:
        ValueError: There are no layers, the range is empty, ``readout`` does not suit the examples,
            or ``reading`` needs examples with labels or a head that the network does not have.

    >>> from forward_forward.examples import AppendLabel
    >>> net = Network(Layer(nn.Linear(6, 8)), examples=AppendLabel(num_classes=2))
    >>> net.goodness(torch.rand(3, 4)).shape
    torch.Size([3, 2])
    """

    layers: list[Layer]  # an nn.ModuleList, whose items mypy cannot know
    chosen: Tensor | None  # the range that `choose` has set, if readout is no fixed range
    combination: WeightedLayers | LayerRegression | None  # of readout="weighted" or "logistic"
    outside: str | None = None  # an estimator of which it is a part, and what it does besides

    def __init__(
        self,
        *layers: Layer,
        examples: Examples,
        inputs: nn.Module | None = None,
        head: SoftmaxHead | None = None,
        readout: ReadoutSetting = None,
        reading: Reading | None = None,
        views: Views | None = None,
    ) -> None:
        super().__init__()
        check_network(layers, examples, inputs=inputs, head=head, views=views)
        fixed_range(readout, len(layers))
        self.reading: Reading = reading or ("goodness" if examples.labelled else "head")
        check_reading(self.reading, examples, head)
        check_learnable(examples, layers, head)
        self.layers = nn.ModuleList(layers)  # type: ignore[assignment]
        self.examples = examples
        self.inputs = inputs
        self.blocks: torch.dtype | None = None
        self.head = head
        self.views: Views | None = views
        self.set_readout(readout)

    def set_readout(self, readout: ReadoutSetting) -> None:
        """Read labels in another way, from the sum of all layers if it is still to be chosen.

        Raises:
            ValueError: The range is empty, or ``readout`` does not suit the examples.
        """
        every = 0, len(self.layers)
        self.fixed_readout = fixed_range(readout, every[1])
        made = combination_of(readout, every[1], self.examples)
        self.combination = None if made is None else made.to(self.device, self.dtype)
        # A buffer, so that a choice stays with the weights it was made for.
        start = torch.tensor(every, device=self.device) if isinstance(readout, str) else None
        self.register_buffer("chosen", start)

    @property
    def readout_setting(self) -> ReadoutSetting:
        """The setting of ``readout``, or the range for None."""
        if self.chosen is None:
            return self.fixed_readout
        return "auto" if self.combination is None else self.combination.setting

    @property
    def readout(self) -> Range:
        """The layers whose goodness is summed: the first, and the first above them."""
        if self.chosen is None:
            return self.fixed_readout
        first, stop = self.chosen.tolist()
        return first, stop

    def choose(self, readout: Range) -> None:
        """Read the sum of this range of layers from now on.

        Raises:
            ValueError: The network was built with a fixed range, or it has no such layers.
        """
        first, stop = fixed_range(readout, len(self.layers))
        if self.chosen is None:
            raise ValueError(
                f'a network with readout={self.fixed_readout} reads no others: build it with "auto"'
            )
        self.chosen.copy_(torch.tensor((first, stop)))
        if self.combination is not None:
            self.combination.reset()

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
        """A threshold: it moves with the weights, and reading it needs no search for one."""
        return self.layers[0].threshold_value

    @property
    def class_wise(self) -> bool:
        """Whether each layer answers for every class, in a single pass."""
        return self.layers[0].class_wise

    def ready(self, x: Tensor) -> Tensor:
        """Samples as the examples read them: on the network's device, in its type, standardised."""
        return self.transformed(self.floats(x), self.blocks)

    def floats(self, x: Tensor) -> Tensor:
        """Samples on the network's device, in its type.

        Raises:
            ValueError: They are not floating-point numbers, so their scale is unknown.
        """
        return floating(tensor_of(x)).to(self.device, self.dtype, non_blocking=True)

    @torch.no_grad()
    def transformed(self, x: Tensor, products: torch.dtype | None = None) -> Tensor:
        """Samples after `inputs`, whose products have a type, None for the weights' own."""
        if self.inputs is None:
            return x
        with lowered(x.device, products):
            return self.inputs(x)  # type: ignore[no-any-return]

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **options: Any) -> Any:
        """As in torch; weights with NaN or infinity are a ValueError, and load nothing."""
        check_weights(state_dict)
        return super().load_state_dict(state_dict, *args, **options)

    @contextmanager
    def validating(self, products: torch.dtype | None) -> Iterator[None]:
        """Save time until the context is left: no views, and products of this type in blocks."""
        before = self.blocks, self.views
        self.blocks, self.views = products, None
        try:
            yield
        finally:
            self.blocks, self.views = before

    def forward(self, x: Tensor | Inputs) -> list[Tensor]:
        """Activities of every layer, each [rows, *feature], for rows [rows, *shape] or inputs."""
        return [each.h for each in ForwardPass(self.layers).activities(as_source(x))]

    def read(self, goodness_by_layer: Tensor) -> Tensor:
        """Sum the goodness [layers, batch, classes] over the layers of the readout.

        Of ordered bins, the logarithm of the layers' mean probabilities instead; with
        ``readout="weighted"`` or "logistic", the scores that were fitted.
        """
        return self.read_range(goodness_by_layer[slice(*self.readout)])

    def read_range(self, read: Tensor) -> Tensor:
        """`read` for the goodness of the layers of the readout alone."""
        if self.combination is not None:
            return self.combination(read, self.readout[0])  # type: ignore[no-any-return]
        if isinstance(self.examples, OrdinalBins):
            return self.examples.mixture(read)
        return read.sum(0)

    def goodness_by_layer(self, x: Tensor) -> Tensor:
        """Goodness of every label in every layer.

        Args:
            x: Samples [batch, ...], on the scale of the training data.

        Returns:
            Goodness [layers, batch, classes]; of layers that answer at every position,
            [layers, batch, positions, classes].

        Raises:
            ValueError: The examples put no label into the input, so there are no candidates.

        References:
            The poster, "Method"; Hinton (2022), arXiv 2212.13345, section 3.3.
        """
        return goodness_below(self, finite(x), len(self.layers))

    def head_logits_by_layer(self, x: Tensor) -> Tensor:
        """What each layer adds to the softmax head's logits, computed on the neutral input.

        Args:
            x: Samples [batch, ...], on the scale of the training data.

        Returns:
            Logits [layers the head reads, batch, classes].

        Raises:
            ValueError: The network has no head.
        """
        if self.head is None:
            raise ValueError(
                "the network has no softmax head: build it with head=SoftmaxHead(...), or predict"
                ' by "goodness"'
            )
        return logits_by_layer(self, self.head, finite(x))

    def goodness(self, x: Tensor) -> Tensor:
        """Goodness of every label, summed over the layers of the readout [batch, classes]."""
        return self.read(goodness_below(self, finite(x), self.readout[1]))

    def scores(self, x: Tensor, by: Reading | None = None) -> Tensor:
        """Scores of the labels [batch, classes]: summed goodness or the head's logits."""
        by = by or self.reading
        if not isinstance(by, str) or by not in READINGS:
            raise ValueError(f'by expects "goodness" or "head", got {by!r}')
        if by == "goodness":
            return self.goodness(x)
        return self.head_logits_by_layer(x).sum(0)

    def predict(self, x: Tensor, by: Reading | None = None) -> Tensor:
        """The label of each sample.

        Args:
            x: Samples [batch, ...], on the scale of the training data: a tensor or an array.
            by: "goodness" or "head"; None for the network's own reading.

        Returns:
            Labels [batch]; with several labels per sample, 0 and 1 [batch, labels]; of layers that
            answer at every position [batch, positions]; with ordered bins, the predicted numbers
            [batch].

        Raises:
            ValueError: A sample has NaN or infinity, or is not in floating-point numbers.
        """
        return self.examples.decide(self.scores(x, by))

    def check(self, x: Tensor) -> dict[int, list[str]]:
        """Problems of each layer, by its index: see `Layer.check`.

        Args:
            x: Samples [batch, ...], on the scale of the training data.
        """
        ready, examples = self.ready(finite(x)), self.examples
        texts = ready if isinstance(examples, NextSymbol) else None
        source = written_out(examples.neutral(ready))
        return stack_problems(self.layers, source, texts, examples.num_classes)

    def _repr_html_(self) -> str:
        return layers_html(self.layers, self.examples, self.head)

    def calibrate(self, x: Tensor, y: Tensor | None) -> None:
        """Compute the thresholds named "width" or "calibrated"; others stay.

        Args:
            x: Training samples [batch, ...], about 1,024 of them; NaN and infinity are refused.
            y: Their labels [batch].
        """
        check_lengths(x := finite(x), y)
        y = None if y is None else y.to(self.device)
        positive = self.examples.positive(self.ready(x), y)
        activities = ForwardPass(self.layers).activities(positive)
        for layer, each in zip(self.layers, activities, strict=True):
            if not layer.calibrated:
                layer.calibrate(each.h)
