"""Inputs [batch, *feature] -> activities [batch, *feature], their goodness and margins.

A layer detaches its input, so no gradient reaches what comes before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from forward_forward import losses, readouts
from forward_forward.forward.activities import Activities
from forward_forward.forward.arguments import (
    check_adversarial,
    check_block,
    check_numbers,
    check_parts,
    check_peer,
    check_residual,
    made_activation,
)
from forward_forward.forward.check import problems
from forward_forward.forward.normalize import MeanSquareOne, Normalize
from forward_forward.forward.peer import PeerNormalization
from forward_forward.goodness import Goodness, at_unit_activity, mean_square
from forward_forward.radial import radial_of
from forward_forward.readouts import Readout
from forward_forward.terms import LocalTerm

Threshold = float | Literal["width", "calibrated"]


class Layer(nn.Module):
    """A layer with its own objective: high goodness for positive data, low for negative.

    ``z = block(normalize(x))``, ``h = activation(z)``, and the loss compares
    ``(goodness(h) - threshold) / temperature`` of positives and negatives.

    Args:
        block: Any module that maps [batch, *feature] to [batch, *feature]; a linear one gets
            closed-form gradients.
        activation: Elementwise activation: a module or a callable that returns one, such as its
            class; None if the block has its own.
        goodness: Activities [batch, *feature] -> [batch]; or a read-out, which gives the goodness
            of every class [batch, classes] and may have weights (`forward_forward.readouts`).
        loss: Margins of positives [batch] and negatives [negatives, batch] -> [batch].
        normalize: Applied to the input first; None leaves it unchanged.
        threshold: A number; "width", the goodness at unit activity (Hinton's); or "calibrated",
            the mean goodness of the untrained layer on training inputs.
        threshold_factor: Multiplies a threshold given by name.
        temperature: Divides goodness minus threshold; positive.
        peer: Peer normalisation, or None. Needs an ``activation``.
        dropout: Fraction of the inputs dropped in training, before normalisation, 0 to 1; the same
            inputs for all variants of a sample.
        adversarial: In training the layer learns from its input moved along the gradient of its own
            loss, by this fraction of the input's length, 0 for none; the activities of the original
            input are passed on. A label in the input is moved with it, which harms training.
        terms: Further losses that are added to the layer's own: activities of the positives
            [batch, *feature] and labels [batch] -> their mean over the batch, or [batch]
            (`forward_forward.terms`). Gradients are then those of autograd.
        residual: Whether to pass on the activities plus the layer's own input, as it was before
            normalisation; goodness is that of the activities alone. Both must have one shape.

    Raises:
        ValueError: An argument is out of range, or peer normalisation is used with a block that
            has its own activation.

    >>> layer = Layer(nn.Linear(4, 3), threshold="width")
    >>> layer(torch.ones(2, 4)).shape
    torch.Size([2, 3])
    """

    mean_activity: Tensor | None
    threshold_value: Tensor

    def __init__(
        self,
        block: nn.Module,
        activation: nn.Module | Callable[[], nn.Module] | None = nn.ReLU,
        *,
        goodness: Goodness | Readout = mean_square,
        loss: losses.LocalLoss = losses.SiluPair(),
        normalize: Normalize | None = MeanSquareOne(),
        threshold: Threshold = "calibrated",
        threshold_factor: float = 1.0,
        temperature: float = 1.0,
        peer: PeerNormalization | None = None,
        dropout: float = 0.0,
        adversarial: float = 0.0,
        terms: Sequence[LocalTerm] = (),
        residual: bool = False,
    ) -> None:
        super().__init__()
        check_block(block, residual)
        check_numbers(threshold, threshold_factor, temperature, dropout, adversarial)
        check_parts({"goodness": goodness, "loss": loss, "normalize": normalize}, terms)
        if peer is not None:
            check_peer(peer, block, activation, goodness, adversarial)
        if adversarial:
            check_adversarial(goodness, terms)
        if residual:
            check_residual(block)
        self.block = block
        self.activation = made_activation(activation)
        self.goodness = readouts.fitted(goodness, block)
        self.loss = loss
        self.terms = terms
        self.normalize = normalize
        self.threshold = threshold
        self.threshold_factor = threshold_factor
        self.temperature = temperature
        self.peer = peer
        self.dropout = dropout
        self.adversarial = adversarial
        self.residual = residual
        value = math.nan if isinstance(threshold, str) else float(threshold)
        self.register_buffer("threshold_value", torch.tensor(value))
        self.register_buffer("mean_activity", None)
        if peer is not None:
            # Any start will do: only differences between units are used. 0.5 is Hinton's.
            self.mean_activity = torch.full((block.out_features,), 0.5)  # type: ignore[arg-type]

    @property
    def terms(self) -> Sequence[LocalTerm]:
        """Further losses of the layer; a template that is set is sized for the block."""
        return self._terms

    @terms.setter
    def terms(self, terms: Sequence[LocalTerm]) -> None:
        self._terms = tuple(readouts.fitted(term, self.block) for term in terms)
        # Registered, so that their weights are the layer's.
        self.term_modules = nn.ModuleList(
            term for term in self._terms if isinstance(term, nn.Module)
        )

    @property
    def linear(self) -> nn.Linear | None:
        """The block if it is linear and closed-form gradients apply; else None."""
        is_linear = type(self.block) is nn.Linear and self.activation is not None
        return self.block if is_linear else None  # type: ignore[return-value]

    @property
    def closed_form(self) -> bool:
        """Whether gradients have a closed form: those of all weights that the layer holds."""
        if self.linear is None or self.terms or not self.linear.weight.requires_grad:
            return False  # of a frozen block, autograd computes none
        known = {id(weight) for weight in self.linear.parameters()}
        if isinstance(self.goodness, Readout) and readouts.slopes_of(self.goodness) is not None:
            known |= {id(weight) for weight in self.goodness.parameters()}
        return all(id(weight) in known for weight in self.parameters())

    @property
    def class_wise(self) -> bool:
        """Whether the goodness answers for every class."""
        return isinstance(self.goodness, Readout)

    def rows(self, x: Tensor) -> Tensor:
        """The detached, normalised input of the block; flat for a linear one."""
        return self.normalized(x.detach())

    def normalized(self, x: Tensor) -> Tensor:
        """The same with its graph, for layers that are trained together."""
        if isinstance(self.block, nn.Linear):
            x = x.flatten(1).to(self.block.weight.dtype)  # maps below may come in bfloat16
            self.check_width(x.shape[1])
        return x if self.normalize is None else self.normalize(x)

    def check_width(self, width: int) -> None:
        """Raise a ValueError if inputs do not have the width of a linear block."""
        if isinstance(self.block, nn.Linear) and width != self.block.in_features:
            raise ValueError(
                f"the layer expects {self.block.in_features} inputs, including the label's, got"
                f" {width}: pass samples of the shape that the network was built for"
            )

    def preactivation(self, x: Tensor) -> Tensor:
        """The block's output ``z`` [batch, *feature] for an input [batch, *feature]."""
        z: Tensor = self.block(self.rows(x))
        return z

    def activate(self, z: Tensor) -> Tensor:
        """Activities [batch, *feature] of the block's output."""
        return z if self.activation is None else self.activation(z)

    def forward(self, x: Tensor) -> Tensor:
        """Activities [batch, *feature] of an input [batch, *feature], which is detached first."""
        return self.activate(self.preactivation(x))

    def added(self, x: Tensor, *, detached: bool = True) -> Tensor | None:
        """What a residual layer adds to its activities: its input, copied; None for others.

        Not ``detached``, it keeps its graph, for layers that are trained together.
        """
        if not self.residual:
            return None
        copied = (x.flatten(1) if isinstance(self.block, nn.Linear) else x).clone()
        return copied.detach() if detached else copied

    def judge(self, h: Tensor) -> Tensor:
        """Goodness of activities [batch, *feature], in the weights' type whatever their own."""
        # A read-out converts what it reads, which is less than all activities.
        goodness: Tensor = self.goodness(h if self.class_wise else h.to(self.threshold_value.dtype))
        return goodness

    def rate(self, activities: Activities) -> Tensor:
        """Goodness [batch] of the layer's activities, from their length if that suffices.

        Of a read-out it is the goodness of every class [batch, classes], and of one that answers
        at every position [batch, positions, classes].
        """
        radial = radial_of(self.goodness)
        if radial is None:
            return self.judge(activities.h)
        return radial.of_length(activities.length, activities.h.shape[1:].numel())

    def table(self, activities: Activities, variants: int) -> Tensor:
        """Goodness of every label [batch, labels], or at every position [batch, positions, labels].

        Args:
            activities: Of all variants of a batch [variants * batch, *feature]: one for each label,
                or a single one that answers for every class.
            variants: How many there are.
        """
        goodness = self.rate(activities)
        return goodness if self.class_wise else goodness.view(variants, -1).t()

    def margin(self, goodness: Tensor) -> Tensor:
        """Goodness minus threshold, over the temperature: what the loss compares."""
        above = goodness - self.threshold_value
        return above if self.temperature == 1 else above / self.temperature

    def check(self, x: Tensor) -> list[str]:
        """Problems of the layer, and behaviour that may surprise, in sentences.

        Args:
            x: Its input [batch, *feature]: samples of different classes.

        Returns:
            A sentence for each problem, an empty list if there is none: no weights, several weight
            layers, shared weights, modules that work in place, an output without a row for each
            sample, goodness that is not finite or the same for all samples.

        >>> Layer(nn.Flatten(), activation=None).check(torch.rand(4, 3))
        ['it has no trainable weights: merge its block with one that has some, or remove the layer']
        """
        with evaluating(self):  # a norm in training mode would update its running statistics
            return problems(self, x)

    @property
    def calibrated(self) -> bool:
        """Whether the threshold has its value."""
        return not bool(self.threshold_value.isnan())

    @torch.no_grad()
    def calibrate(self, h: Tensor) -> None:
        """Compute the value of a threshold named "width" or "calibrated".

        Args:
            h: The untrained layer's activities on training inputs [batch, *feature].
        """
        if self.threshold == "width":
            value = at_unit_activity(self.goodness, h)
        elif self.threshold == "calibrated":
            value = float(self.judge(h).mean())
        else:
            return
        self.threshold_value.fill_(self.threshold_factor * value)

    def follow_mean_activity(self, mean: Tensor) -> Tensor:
        """Move the running mean activity towards this batch's and return it [feature].

        Args:
            mean: Mean activity of the batch's positive cases [feature].
        """
        if self.peer is None or self.mean_activity is None:
            raise ValueError("the layer has no peer normalisation: create it with peer=...")
        return self.mean_activity.mul_(self.peer.decay).add_(mean, alpha=1 - self.peer.decay)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put a module into evaluation mode within the block; afterwards restore every part's mode."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
