"""The score after each epoch -> when to stop, and the weights of the best one."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from forward_forward.forward import Network


class BestScore:
    """Keeps the weights of the best score; stops after ``patience`` epochs of rises below ``tol``.

    ``score`` returns the current score; higher is better.
    """

    def __init__(self, score: Callable[[], float], patience: int, tol: float) -> None:
        self.score, self.patience, self.tol = score, patience, tol
        self.scores: list[float] = []
        self.best = -math.inf
        self.weights: dict[str, torch.Tensor] = {}
        self._epochs_without_rise = 0

    def should_stop(self, network: Network) -> bool:
        """Score the current weights; whether it is time to stop."""
        self.scores.append(self.score())
        rise = self.scores[-1] - self.best
        self._epochs_without_rise = 0 if rise > self.tol else self._epochs_without_rise + 1
        if rise > 0:
            self.best = self.scores[-1]
            self.weights = {name: each.clone() for name, each in network.state_dict().items()}
        return self._epochs_without_rise >= self.patience
