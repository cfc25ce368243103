"""Symbols of a text [batch, positions] as they are, for layers that predict the next of each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from forward_forward.examples.inputs import Inputs, Samples
from forward_forward.examples.labels import checked_labels
from forward_forward.examples.no_label import NoLabel


@dataclass(frozen=True)
class NextSymbol(NoLabel):
    """Numbers of symbols [batch, positions]; the label at each position is the symbol after it.

    The layers' goodness must be a `readouts.PositionReadout`: the goodness of the true next symbol
    is the positive, that of the other symbols are the negatives, at each position. The layers must
    be causal: what they compute at a position may not depend on later ones.

    Args:
        num_classes: Number of symbols, at least 2.

    Raises:
        ValueError: Fewer than 2 symbols, samples that are not numbers of symbols, or not one label
            for each of them.

    >>> text = torch.tensor([[0.0, 2.0, 1.0]])
    >>> NextSymbol(3).positive(text, torch.tensor([[2, 1, 1]])).dense()
    tensor([[[0., 2., 1.]]])
    """

    def positive(self, x: Samples, y: Tensor | None, rng: torch.Generator | None = None) -> Inputs:
        inputs = self.neutral(x)
        if y is None or y.shape != inputs.rest.shape:
            got = "none" if y is None else list(y.shape)
            raise ValueError(
                f"NextSymbol expects a label at each position {list(inputs.rest.shape)}, the number"
                f" of the next symbol, got {got}: data.Text makes both from a text"
            )
        checked_labels(self, y.flatten())
        return inputs

    def neutral(self, x: Samples) -> Inputs:
        return x if isinstance(x, Inputs) else super().neutral(self._symbols(x))

    def _symbols(self, x: Tensor) -> Tensor:
        # On other devices the check would wait for the device, where an embedding checks as well.
        on_cpu = x.device.type == "cpu" and x.numel()
        wrong = on_cpu and bool(((x < 0) | (x >= self.num_classes) | (x != x.round())).any())
        if x.dim() != 2 or wrong:
            what = f"{list(x.shape)}" + (f" from {x.min():g} to {x.max():g}" if wrong else "")
            raise ValueError(
                f"NextSymbol expects symbols [batch, positions], whole numbers from 0 to"
                f" {self.num_classes - 1} as floating-point numbers, got {what}: use text.encode"
            )
        return x
