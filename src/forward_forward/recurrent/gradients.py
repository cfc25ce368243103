"""A video's iterations -> gradients of each layer's own weights, local in space and in time.

In every iteration the loss of a layer is that of its newest state; its neighbours' states and its
own earlier state are constants. The gradients are averaged over the iterations. No graph is needed:
``delta = (1 - damping) dL/dh activation'(z)``, ``dU = delta^T n(h below)``, and so on; the products
with image and label are computed once, with the sum of delta over the iterations.
"""

from __future__ import annotations

import torch
from torch import Tensor

from forward_forward import goodness
from forward_forward.forward.activities import Activities, FusedActivation, fused_activation
from forward_forward.forward.operands import sums_by
from forward_forward.forward.workspace import Slot
from forward_forward.optimize.metrics import Figures, figures_of
from forward_forward.optimize.outcome import silent_fraction
from forward_forward.optimize.slopes import judge
from forward_forward.optimize.targets import Targets, split
from forward_forward.radial import radial_of
from forward_forward.recurrent.video import Video


class VideoGradients:
    """Updates the layers' states as a video does, and sums each layer's gradients as it goes.

    Args:
        video: The video, positives first.
        sample_weight: Each sample's weight in the mean loss [batch].
        count: Number of iterations that are learned from.
    """

    def __init__(self, video: Video, sample_weight: Tensor, count: int) -> None:
        self.video = video
        self.sample_weight = sample_weight
        # A state changes by only a fraction 1 - damping of an activity's change.
        self._targets = Targets(sample_weight * ((1 - video.network.damping) / count))
        each = list(enumerate(video.states))
        self._deltas = [self._zeros("delta sum", index, state.shape) for index, state in each]
        self._from_below: list[Tensor | None] = []
        self._from_above: list[Tensor | None] = []
        for index, state in each:
            below, above = video.neighbours(index)
            if index < len(video.network.feedback) and video.network.top_down == "fixed":
                above = None  # it is read, but its weights do not learn
            units = state.shape[1]
            self._from_below.append(self._product_sum("below", index, units, below))
            self._from_above.append(self._product_sum("above", index, units, above))
        self._means: list[list[Tensor]] = [[] for _ in video.layers]
        self._silent: list[Tensor] = [sample_weight.new_zeros(()) for _ in video.layers]

    def _zeros(self, name: str, index: int, shape: tuple[int, ...]) -> Tensor:
        state = self.video.states[index]
        take = self.video.workspace.take
        return take(Slot(name, index), tuple(shape), state.dtype, state.device).zero_()

    def _product_sum(self, name: str, index: int, units: int, rows: Tensor | None) -> Tensor | None:
        return None if rows is None else self._zeros(name, index, (units, rows.shape[1]))

    def learn(self, index: int, z: Tensor) -> None:
        """Update a layer's state from total inputs [variants * batch, units], and learn from it."""
        activation = fused_activation(self.video.layers[index].activation)
        if activation is None:
            delta = self._delta_by_autograd(index, z)
        else:
            delta = self._delta_by_formula(index, activation, z)
        self._deltas[index].add_(delta)
        below, above = self.video.neighbours(index)
        _add_product(self._from_below[index], delta, below)
        _add_product(self._from_above[index], delta, above)

    def _delta_by_formula(self, index: int, activation: FusedActivation, z: Tensor) -> Tensor:
        layer = self.video.layers[index]
        activity = activation.in_place(z)
        moved = self.video.moved(index, activity)
        upstream = self._judged(index, moved, positive=activation.positive)
        radial = radial_of(layer.goodness)
        if radial is None:
            return activation.slope(goodness.slope_of(layer.goodness, moved.h, upstream), activity)
        gain = radial.gain(moved.length, moved.h.shape[1], upstream)
        shape, h = tuple(moved.h.shape), moved.h
        out = self.video.workspace.take(Slot("slope"), shape, h.dtype, h.device)
        return activation.slope(torch.mul(h, gain[:, None], out=out), activity)

    def _delta_by_autograd(self, index: int, z: Tensor) -> Tensor:
        layer = self.video.layers[index]
        with torch.enable_grad():
            leaf = z.detach().requires_grad_()
            activity = layer.activate(leaf.clone())  # it may work in place
        moved = self.video.moved(index, activity.detach())
        upstream = self._judged(index, moved, positive=False)
        slope = goodness.slope_of(layer.goodness, moved.h, upstream)
        (delta,) = torch.autograd.grad(activity, leaf, slope)
        return delta

    def _judged(self, index: int, moved: Activities, *, positive: bool) -> Tensor:
        """The loss's slope with respect to the activities' goodness [variants * batch]."""
        layer = self.video.layers[index]
        rated = layer.rate(moved)
        loss, upstream = judge(layer.loss, layer.margin(rated), self._targets, layer.temperature)
        good, bad = split(rated, self._targets)
        silent = silent_fraction(moved.h[: len(self.sample_weight)], positive=positive)
        self._means[index].append(figures_of(loss, good, bad, silent, self.sample_weight).means)
        self._silent[index] = silent
        return upstream

    def set_gradients(self, index: int) -> None:
        """Set ``grad`` of the weights that a layer learns to the mean over the iterations."""
        video, delta = self.video, self._deltas[index]
        network, inputs = video.network, video.inputs
        block = network.bottom_up[index]
        if index == 0:
            block.weight.grad, block.bias.grad = video.image.gradients(delta)
        else:
            block.weight.grad, block.bias.grad = self._from_below[index], delta.sum(0)
        if self._from_above[index] is not None:
            network.feedback[index].weight.grad = self._from_above[index]
        if index == video.top and network.label_map is not None:
            patterns = video.label_patterns
            by_pattern, _ = sums_by(inputs.index, delta, None, None, len(patterns))
            network.label_map.weight.grad = by_pattern.t() @ patterns

    def figures(self, index: int) -> Figures:
        """A layer's figures: means over the iterations; silent units of the last one."""
        return Figures(torch.stack(self._means[index]).mean(0), self._silent[index])


def _add_product(total: Tensor | None, delta: Tensor, rows: Tensor | None) -> None:
    if total is not None and rows is not None:
        total.addmm_(delta.t(), rows)
