"""Inputs [batch, *feature] -> activities [batch, *feature] and what is needed to judge them.

A layer detaches its input, so nothing that happens after it can reach what lies before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from forward_forward import losses
from forward_forward.forward.activities import Activities
from forward_forward.forward.check import problems
from forward_forward.forward.mode import evaluating
from forward_forward.forward.normalize import MeanSquareOne, Normalize
from forward_forward.goodness import Goodness, at_unit_activity, mean_square
from forward_forward.radial import radial_of

Threshold = float | Literal["width", "calibrated"]


@dataclass(frozen=True)
class PeerNormalization:
    """Pull every unit's mean activity on positives towards the layer's mean, silent units too.

    ``lambda (mean(m) - m)`` is added to the uphill gradient of every positive case's total input,
    after the activation's slope and not gated by it; m is the running mean activity of positives,
    updated first.

    Args:
        strength: lambda, for the true gradient of the sum of squares; Hinton's 0.03 is for half of
            it, so 0.06. Divide it by the width for the mean square, whose gradient is so much less.
        decay: Share of the running mean that is kept at each step, 0 to 1.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.2, note on peer normalisation; ``ffnew.m``.
    """

    strength: float = 0.06
    decay: float = 0.9


def peer_gradient(peer: PeerNormalization, mean_activity: Tensor, share: Tensor) -> Tensor:
    """What peer normalisation adds to the downhill gradient of the positives' total inputs.

    Args:
        peer: Its constants.
        mean_activity: Running mean activity of positives [feature].
        share: Each case's share in the mean over the batch [batch]; ``1 / batch`` unweighted.

    Returns:
        Gradient [batch, feature].
    """
    pull = peer.strength * (mean_activity.mean() - mean_activity)
    return -share[:, None] * pull


def _activation(given: nn.Module | Callable[[], nn.Module] | None) -> nn.Module | None:
    if given is None or isinstance(given, nn.Module):
        return given
    try:
        return given()
    except TypeError as error:
        raise ValueError(f"activation expects what makes one without arguments: {error}") from error


class Layer(nn.Module):
    """A layer with its own goal: high goodness for positive data, low for negative.

    ``z = block(normalize(x))``, ``h = activation(z)``, and the loss compares
    ``(goodness(h) - threshold) / temperature`` of positives and negatives.

    Args:
        block: Any module that maps [batch, *feature] to [batch, *feature]; a linear one gets
            closed-form gradients.
        activation: Elementwise activation: a module, or what makes one, such as its class; None
            where the block has its own.
        goodness: Activities [batch, *feature] -> [batch].
        loss: Margins of positives [batch] and negatives [negatives, batch] -> [batch].
        normalize: Applied to the input first; None leaves it as it is.
        threshold: A number; "width", the goodness at unit activity (Hinton's); or "calibrated",
            the mean goodness of the untrained layer on training inputs.
        threshold_factor: Multiplies a threshold that was given by name.
        temperature: Divides goodness minus threshold; positive.
        peer: Peer normalisation, or None. Needs an ``activation``.
        dropout: Share of the inputs dropped in training, before normalisation, 0 to 1; the same
            ones for all variants of a sample.

    Raises:
        ValueError: An argument is out of range, or peer normalisation was asked of a block with
            its own activation.

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
        goodness: Goodness = mean_square,
        loss: losses.LocalLoss = losses.SiluPair(),
        normalize: Normalize | None = MeanSquareOne(),
        threshold: Threshold = "calibrated",
        threshold_factor: float = 1.0,
        temperature: float = 1.0,
        peer: PeerNormalization | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not temperature > 0 or not 0 <= dropout < 1:
            raise ValueError(
                "Layer expects temperature > 0 and dropout from 0 to below 1, got "
                f"temperature={temperature} and dropout={dropout}"
            )
        if isinstance(threshold, str) and threshold not in ("width", "calibrated"):
            raise ValueError(
                f'threshold expects a number, "width" or "calibrated", got {threshold!r}'
            )
        for name, part in {"goodness": goodness, "loss": loss, "normalize": normalize}.items():
            if not callable(part) and not (name == "normalize" and part is None):
                raise ValueError(f"{name} expects a callable, got {part!r}")
        if isinstance(threshold, int | float) and not math.isfinite(threshold):
            raise ValueError(f"threshold expects a finite number, got {threshold}")
        if peer is not None and activation is None:
            raise ValueError(
                "peer normalisation works on the input of the layer's activation, got"
                " activation=None: give the activation to the Layer, not to the block"
            )
        self.block = block
        self.activation = _activation(activation)
        self.goodness = goodness
        self.loss = loss
        self.normalize = normalize
        self.threshold = threshold
        self.threshold_factor = threshold_factor
        self.temperature = temperature
        self.peer = peer
        self.dropout = dropout
        value = math.nan if isinstance(threshold, str) else float(threshold)
        self.register_buffer("threshold_value", torch.tensor(value))
        self.register_buffer("mean_activity", None)
        if peer is not None:
            self._start_mean_activity()

    def _start_mean_activity(self) -> None:
        if not isinstance(self.block, nn.Linear):
            raise ValueError(
                f"peer normalisation expects a linear block, got {type(self.block).__name__}:"
                " leave peer=None"
            )
        # Any start will do: only differences between units are used. 0.5 is Hinton's.
        self.mean_activity = torch.full((self.block.out_features,), 0.5)

    @property
    def linear(self) -> nn.Linear | None:
        """The block, where it is linear and closed-form gradients apply; else None."""
        is_linear = type(self.block) is nn.Linear and self.activation is not None
        return self.block if is_linear else None  # type: ignore[return-value]

    @property
    def closed_form(self) -> bool:
        """Whether gradients can be taken by hand: a linear block holds all the layer's weights."""
        linear = self.linear
        return linear is not None and len(list(self.parameters())) == len(list(linear.parameters()))

    def rows(self, x: Tensor) -> Tensor:
        """The detached, normalised input of the block; flat for a linear one."""
        x = x.detach()
        if isinstance(self.block, nn.Linear):
            x = x.flatten(1)
            self.check_width(x.shape[1])
        return x if self.normalize is None else self.normalize(x)

    def check_width(self, width: int) -> None:
        """Refuse inputs of another width than a linear block takes."""
        if isinstance(self.block, nn.Linear) and width != self.block.in_features:
            raise ValueError(
                f"the layer expects {self.block.in_features} inputs, the label's among them, got"
                f" {width}: are the samples of the shape that the network was built for?"
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

    def rate(self, activities: Activities) -> Tensor:
        """Goodness [batch] of the layer's activities, from their length where that is enough."""
        radial = radial_of(self.goodness)
        if radial is None:
            return self.goodness(activities.h)
        return radial.of_length(activities.length, activities.h.shape[1:].numel())

    def margin(self, goodness: Tensor) -> Tensor:
        """Goodness minus threshold, over the temperature: what the loss compares."""
        above = goodness - self.threshold_value
        return above if self.temperature == 1 else above / self.temperature

    def check(self, x: Tensor) -> list[str]:
        """What is wrong with the layer, or may surprise, in sentences.

        Args:
            x: What goes into it [batch, *feature], some samples of different kinds.

        Returns:
            A sentence for each problem, an empty list where there is none: no weights, several
            weight layers, shared weights, parts that work in place, an output that is no row for
            each sample, goodness that is not finite or the same for all samples.

        >>> Layer(nn.Flatten(), activation=None).check(torch.rand(4, 3))
        ['it has no weights to learn: join its block with one that has, or leave it out']
        """
        with evaluating(self):  # a norm in training mode would update its running statistics
            return problems(self, x)

    @property
    def calibrated(self) -> bool:
        """Whether the threshold has its value."""
        return not bool(self.threshold_value.isnan())

    @torch.no_grad()
    def calibrate(self, h: Tensor) -> None:
        """Give a threshold named "width" or "calibrated" its value.

        Args:
            h: The untrained layer's activities on training inputs [batch, *feature].
        """
        if self.threshold == "width":
            value = at_unit_activity(self.goodness, h)
        elif self.threshold == "calibrated":
            value = float(self.goodness(h).mean())
        else:
            return
        self.threshold_value.fill_(self.threshold_factor * value)

    def follow_mean_activity(self, mean: Tensor) -> Tensor:
        """Move the running mean activity towards this batch's and return it [feature].

        Args:
            mean: Mean activity of the batch's positive cases [feature].
        """
        if self.peer is None or self.mean_activity is None:
            raise ValueError("the layer has no peer normalisation: build it with peer=...")
        return self.mean_activity.mul_(self.peer.decay).add_(mean, alpha=1 - self.peer.decay)
