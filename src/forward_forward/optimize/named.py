"""The name of an optimiser -> its class."""

from __future__ import annotations

from collections.abc import Callable

import torch

from forward_forward import notation
from forward_forward.optimize.averaged_sgd import AveragedSGD
from forward_forward.optimize.muon import Muon

Make = Callable[..., torch.optim.Optimizer]


def optimizer_called(given: Make | str) -> Make:
    """An optimiser's class or partial, unchanged, or by the name of a class, in any case.

    Raises:
        ValueError: It is neither, or torch and this library have no such optimiser.

    >>> optimizer_called("adam")
    <class 'torch.optim.adam.Adam'>
    """
    if isinstance(given, str):
        kinds = {name: getattr(torch.optim, name) for name in vars(torch.optim)}
        known = {
            name.lower(): kind
            for name, kind in {**kinds, "AveragedSGD": AveragedSGD, "Muon": Muon}.items()
            if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)
        }
        for name in ("optimizer", "lbfgs", "sparseadam"):  # they need closures or sparse gradients
            del known[name]
        return notation.looked_up(given.lower(), known)  # type: ignore[no-any-return]
    if not callable(given):
        raise ValueError(
            "optimizer expects a class such as torch.optim.AdamW, or its name, got a"
            f" {type(given).__name__}: the Trainer makes an optimiser for each layer itself"
        )
    return given
