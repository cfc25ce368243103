"""A recurrent network and batches x [batch, ...], y [batch] -> every layer's own step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor

from forward_forward import seeds
from forward_forward.examples import Inputs, stack
from forward_forward.examples.inputs import check_lengths, check_scores
from forward_forward.forward.workspace import Workspace
from forward_forward.optimize.gradients import draws
from forward_forward.optimize.metrics import by_name
from forward_forward.optimize.optimizers import (
    check_held,
    forget_gradients,
    lacks_gradients,
    optimizer_of,
    stepper,
)
from forward_forward.optimize.randomness import StepRandomness
from forward_forward.optimize.train_step import CALIBRATION_SAMPLES
from forward_forward.recurrent.gradients import VideoGradients
from forward_forward.recurrent.network import RecurrentNetwork
from forward_forward.recurrent.video import Video


class RecurrentTrainer:
    """Trains a recurrent network: one optimiser per layer, one step of each per batch.

    A layer's gradient is the mean over the iterations that are learned from, each computed with all
    earlier states held constant: nothing is propagated back through time or between layers.

    Args:
        network: The network.
        optimizer: A torch optimiser's class, or a ``functools.partial`` of one with options.
        lr: Learning rate of every layer.
        weight_decay: Of weights, not of biases; None keeps the optimiser's own default.
        learned: First and last iteration, counted from 1, that are learned from; None for all.
        seed: For the negatives; torch's global random state is left alone.

    Raises:
        ValueError: ``learned`` is not a range of the network's iterations, or the optimiser has no
            weight decay.

    References:
        Hinton (2022), arXiv 2212.13345, section 3.4.

    >>> trainer = RecurrentTrainer(RecurrentNetwork(4, 8, num_classes=2), lr=0.01)
    >>> trainer.step(torch.rand(4, 4), torch.tensor([0, 1, 0, 1]))["loss"].shape
    torch.Size([1])
    """

    def __init__(
        self,
        network: RecurrentNetwork,
        *,
        optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam,
        lr: float = 1e-3,
        weight_decay: float | None = None,
        learned: tuple[int, int] | None = None,
        seed: int = 0,
    ) -> None:
        self.learned = learned or (1, network.iterations)
        if not 1 <= self.learned[0] <= self.learned[1] <= network.iterations:
            raise ValueError(
                f"learned expects 1 <= first <= last <= {network.iterations} iterations, got"
                f" {learned}"
            )
        check_scores(network.examples)
        self.network = network
        self.seed = seed
        self.optimizers = [
            optimizer_of(network.own(index), optimizer, lr, weight_decay)
            for index in range(len(network.layers))
        ]
        self.steps = 0
        self._workspace = Workspace()
        self._draws = any(draws(layer) for layer in network.layers)

    def set_rate(self, factor: float) -> None:
        """Set every learning rate to ``factor`` times its initial value."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = factor * group["initial_lr"]

    @torch.no_grad()
    def step(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Run the network on one batch for all iterations; then each layer takes its own step.

        Thresholds given by name are calibrated on the first batch, unless that was done before.

        Args:
            x: Samples [batch, ...], floating point.
            y: Labels [batch].

        Returns:
            Statistics, each [layers], on the device, means over the iterations learned from:
            ``loss``, ``goodness_positive``, ``goodness_negative``, ``separation`` (fraction of
            pairs in which the positive has the higher goodness); and ``silent_units`` (fraction of
            units that are 0 for every positive) in the last of them.
        """
        check_lengths(x, y)
        x, y = self.network.ready(x).detach(), y.to(self.network.device)
        if self.steps == 0 and not self.network.calibrated:
            self.network.calibrate(x[:CALIBRATION_SAMPLES], y[:CALIBRATION_SAMPLES])
        inputs = self._inputs(x, y)
        # An activation that draws random numbers must not move torch's global state.
        with seeds.forked(self.seed, "block", self.steps) if self._draws else nullcontext():
            gradients = self._run(inputs)
        figures = []
        for index, optimizer in enumerate(self.optimizers):
            gradients.set_gradients(index)
            if lacks_gradients(optimizer):
                check_held(self.network.own(index), optimizer, f"layer {index + 1}")
            stepper(optimizer)()
            forget_gradients(optimizer)
            figures.append(gradients.figures(index))
        self.steps += 1
        return by_name(figures)

    def _inputs(self, x: Tensor, y: Tensor) -> Inputs:
        """Positives and negatives as one batch of variants, positives first."""
        examples = self.network.examples
        positive = examples.positive(x, y)
        rng = StepRandomness(self.seed, self.steps, self.network.device).generator("negatives")
        inputs = stack(positive, examples.negative(positive, y, rng, self._scores(x)))
        if not isinstance(inputs, Inputs):
            raise ValueError(
                "a recurrent network expects variants that share their image, got"
                f" {examples!r}, which makes others: use AppendLabel or OverlayLabel"
            )
        return inputs

    def _scores(self, x: Tensor) -> Tensor | None:
        """Scores from which hard negatives are drawn [rows, classes], or None."""
        examples = self.network.examples
        rows = examples.hard_rows(len(x))
        if examples.scores == "nothing" or not rows:
            return None
        by_layer = self.network.goodness_by_layer(x[:rows])
        return by_layer[0] if examples.scores == "first layer" else by_layer.sum(0)

    def _run(self, inputs: Inputs) -> VideoGradients:
        """Run the batch's video up to the last iteration that is learned from."""
        first, last = self.learned
        video = Video(self.network, inputs, self._workspace)
        weight = video.states[0].new_full(inputs.rest.shape[:1], 1 / len(inputs.rest))
        gradients = VideoGradients(video, weight, last - first + 1)
        for iteration in range(1, last + 1):
            video.iterate(gradients.learn if iteration >= first else None)
        return gradients
