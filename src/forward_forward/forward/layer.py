"""Inputs [batch, *feature] -> activities [batch, *feature], their goodness and margins.

A layer detaches its input, so no gradient reaches what comes before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from forward_forward import losses
from forward_forward.forward.activities import Activities
from forward_forward.forward.check import problems
from forward_forward.forward.normalize import MeanSquareOne, Normalize
from forward_forward.goodness import Goodness, at_unit_activity, mean_square
from forward_forward.radial import radial_of

Threshold = float | Literal["width", "calibrated"]


@dataclass(frozen=True)
class PeerNormalization:
    """Pull every unit's mean activity on positives towards the layer's mean, even of silent units.

    ``lambda (mean(m) - m)`` is added to the ascent direction of every positive's total input, after
    the activation's slope and not gated by it; m is the running mean activity of positives, updated
    first.

    Args:
        strength: lambda, for the true gradient of the sum of squares; Hinton's 0.03 is for half of
            that gradient, hence 0.06. For the mean square divide it by the width, as that gradient
            is smaller by this factor.
        decay: Fraction of the running mean that is kept at each step, 0 to 1.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.2, note on peer normalisation; ``ffnew.m``.
    """

    strength: float = 0.06
    decay: float = 0.9


def peer_gradient(peer: PeerNormalization, mean_activity: Tensor, sample_weight: Tensor) -> Tensor:
    """What peer normalisation adds to the gradient of the total inputs [batch, feature].

    Args:
        peer: Its constants.
        mean_activity: Running mean activity of positives [feature].
        sample_weight: Each sample's weight in the mean over the batch [batch].
    """
    pull = peer.strength * (mean_activity.mean() - mean_activity)
    return -sample_weight[:, None] * pull


def _activation(given: nn.Module | Callable[[], nn.Module] | None) -> nn.Module | None:
    if given is None or isinstance(given, nn.Module):
        return given
    try:
        return given()
    except TypeError as error:
        raise ValueError(
            f"activation expects a module, or what returns one without arguments, got {given!r}:"
            f" {error}"
        ) from error


class Layer(nn.Module):
    """A layer with its own objective: high goodness for positive data, low for negative.

    ``z = block(normalize(x))``, ``h = activation(z)``, and the loss compares
    ``(goodness(h) - threshold) / temperature`` of positives and negatives.

    Args:
        block: Any module that maps [batch, *feature] to [batch, *feature]; a linear one gets
            closed-form gradients.
        activation: Elementwise activation: a module or a callable that returns one, such as its
            class; None if the block has its own.
        goodness: Activities [batch, *feature] -> [batch].
        loss: Margins of positives [batch] and negatives [negatives, batch] -> [batch].
        normalize: Applied to the input first; None leaves it unchanged.
        threshold: A number; "width", the goodness at unit activity (Hinton's); or "calibrated",
            the mean goodness of the untrained layer on training inputs.
        threshold_factor: Multiplies a threshold given by name.
        temperature: Divides goodness minus threshold; positive.
        peer: Peer normalisation, or None. Needs an ``activation``.
        dropout: Fraction of the inputs dropped in training, before normalisation, 0 to 1; the same
            inputs for all variants of a sample.

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
            if not isinstance(block, nn.Linear):
                raise ValueError(
                    f"peer normalisation expects a linear block, got {type(block).__name__}:"
                    " leave peer=None"
                )
            # Any start will do: only differences between units are used. 0.5 is Hinton's.
            self.mean_activity = torch.full((block.out_features,), 0.5)

    @property
    def linear(self) -> nn.Linear | None:
        """The block if it is linear and closed-form gradients apply; else None."""
        is_linear = type(self.block) is nn.Linear and self.activation is not None
        return self.block if is_linear else None  # type: ignore[return-value]

    @property
    def closed_form(self) -> bool:
        """Whether gradients have a closed form: a linear block holds all the layer's weights."""
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

    def rate(self, activities: Activities) -> Tensor:
        """Goodness [batch] of the layer's activities, from their length if that suffices."""
        radial = radial_of(self.goodness)
        if radial is None:
            return self.goodness(activities.h)
        return radial.of_length(activities.length, activities.h.shape[1:].numel())

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
