"""Labels and weights of a batch [batch] -> what the losses of its layers compare, and how much."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from forward_forward.examples import Examples, OrdinalBins
from forward_forward.fast_paths import fast_path
from forward_forward.forward.layer import Layer
from forward_forward.losses import HasSoftTargets, LocalLoss


class Targets:
    """The samples' weights in the mean loss, and their labels if layers answer for every class.

    Layers that answer at every position are judged at each of them: there ``batch`` is the number
    of all positions of all samples, and a sample's weight is divided among its positions.

    Args:
        weight: Each sample's weight in the mean over the batch [batch], sum 1.
        labels: True labels [batch], or at each position [batch, positions]; None if the label is
            in the input.
        soft: Probabilities of the classes [batch, classes] that the loss compares with, or None to
            compare the true class with the others.
        others: Other layers' goodness, a constant added to the layer's own, of its shape; or None.

    >>> Targets(torch.tensor([0.4, 0.6]), torch.tensor([[0, 1], [1, 1]])).weight
    tensor([0.2000, 0.2000, 0.3000, 0.3000])
    """

    def __init__(
        self,
        weight: Tensor,
        labels: Tensor | None = None,
        soft: Tensor | None = None,
        others: Tensor | None = None,
    ) -> None:
        if labels is not None and labels.dim() == 2:
            positions, labels = labels.shape[1], labels.flatten()
            weight = (weight / positions).repeat_interleave(positions)
        self.weight, self.labels, self.soft, self.others = weight, labels, soft, others
        self._columns: Tensor | None = None

    @property
    def known_labels(self) -> Tensor:
        """The labels [batch].

        Raises:
            ValueError: There are none.
        """
        if self.labels is None:
            raise ValueError(
                "layers that answer for every class learn from labels, got none: pass y"
            )
        return self.labels

    def beside(self, others: Tensor | None) -> Targets:
        """The same targets for a layer to whose goodness that of others is added."""
        if others is self.others:
            return self
        targets = copy.copy(self)
        targets.others = others
        return targets

    def columns(self, classes: int) -> Tensor:
        """Of each sample the true class, then the others in order [batch, classes].

        Raises:
            ValueError: There are no labels.
        """
        if self._columns is None or self._columns.shape[1] != classes:
            true = self.known_labels[:, None]
            others = torch.arange(classes - 1, device=true.device)
            self._columns = torch.cat([true, others + (others >= true)], 1)
        return self._columns


def margins(layer: Layer, rated: Tensor, targets: Targets) -> Tensor:
    """Margins of a layer's goodness, with that of the other layers added if there is any."""
    return layer.margin(rated if targets.others is None else rated + targets.others)


def targets_of(examples: Examples, weight: Tensor, y: Tensor | None) -> Targets:
    """The targets of a batch's labels, or of its real-valued targets in ordered bins [batch]."""
    if not isinstance(examples, OrdinalBins) or y is None:
        return Targets(weight, y)
    soft = examples.soft(y).to(weight.dtype)
    return Targets(weight, soft.argmax(1), soft)


def loss_of(loss: LocalLoss, margins: Tensor, targets: Targets) -> Tensor:
    """A layer's loss [batch] of its margins in any shape that `split` takes."""
    if targets.soft is None:
        return loss(*split(margins, targets))
    return with_soft_targets(loss).soft(margins, targets.soft)


def with_soft_targets(loss: LocalLoss) -> HasSoftTargets:
    """A loss that takes soft targets; raises a ValueError for any other."""
    found = fast_path(loss, HasSoftTargets)
    if found is None:
        raise ValueError(
            f"ordered bins have soft targets, which {loss!r} does not take: use CrossEntropy(), or"
            " give the loss the methods of losses.HasSoftTargets"
        )
    return found


def split(values: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Values of positives [batch] and of negatives [negatives, batch].

    Args:
        values: Of stacked variants [variants * batch]; or of every class [batch, classes], whose
            positive is the true class.
        targets: The batch's targets.

    >>> table, targets = torch.tensor([[1.0, 2.0, 3.0]]), Targets(torch.ones(1), torch.tensor([1]))
    >>> split(table, targets)
    (tensor([2.]), tensor([[1.],
            [3.]]))
    """
    if values.dim() == 1:
        variants = values.view(-1, len(targets.weight))
        return variants[0], variants[1:]
    columns = targets.columns(values.shape[1])
    ordered = values.gather(1, columns).t()
    return ordered[0], ordered[1:]


def joined(ordered: Tensor, like: Tensor, targets: Targets) -> Tensor:
    """The inverse of `split`, for the positive and the negatives as rows of one matrix.

    ``like`` are values in the shape of the result.
    """
    if like.dim() == 1:
        return ordered.flatten()
    columns = targets.columns(like.shape[1])
    return torch.empty_like(like).scatter_(1, columns, ordered.t())
