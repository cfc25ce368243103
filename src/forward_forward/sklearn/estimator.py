"""An estimator's parameters and X [n, features] -> a network, trained epoch by epoch."""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, Literal

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from forward_forward import goodness, losses, seeds
from forward_forward.data import Data
from forward_forward.examples import Examples
from forward_forward.forward import Layer, MeanSquareOne, Network, Standardize, mlp
from forward_forward.forward.normalize import Normalize
from forward_forward.optimize import Diverged, Trainer
from forward_forward.optimize.schedules import Schedule
from forward_forward.optimize.state import restore, state_of
from forward_forward.recipes.standard import batch_size_for
from forward_forward.sklearn.parameters import (
    ACTIVATIONS,
    CONSTRAINTS,
    MADE_WITH,
    SCHEDULES,
    SOLVERS,
    named,
    part,
)

Array = np.ndarray[Any, Any]


class Estimator(BaseEstimator):  # type: ignore[misc]
    """What the estimators share; the parameters are those of the subclasses."""

    _parameter_constraints = CONSTRAINTS  # where scikit-learn looks for them

    hidden_layer_sizes: int | Sequence[int]
    activation: Any
    solver: Any
    alpha: float
    batch_size: int | Literal["auto"]
    learning_rate: str
    learning_rate_init: float
    max_iter: int
    goodness: Any
    loss: Any
    threshold: Any
    dropout: float
    standardize: bool
    random_state: Any
    verbose: bool
    warm_start: bool
    _trainer: Trainer
    _steps_by: tuple[Any, float, float]

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle holds: no part of the engine, whose memory is made anew at need."""
        state = dict(super().__getstate__())  # a copy: it may be the estimator's own
        trainer = state.pop("_trainer", None)
        state.pop("_exact", None)
        return state if trainer is None else {**state, "_memory": state_of(trainer)}

    def _goes_on(self) -> bool:
        """Whether `fit` goes on with the network that is there, which parameters must then fit."""
        if not (self.warm_start and "network_" in self.__dict__):
            return False
        self._check_made_with("warm_start")
        return True

    def _check_made_with(self, way: str) -> None:
        """Refuse to go on where a parameter that a network has once and for all was changed."""
        for name, value in self._made_with.items():
            now = getattr(self, name)
            if now is not value and not bool(np.all(now == value)):
                raise ValueError(
                    f"{way} goes on with the network that is there, of {name}={value!r}, got"
                    f" {now!r}: fit a new one, with warm_start=False"
                )

    def _centred(self, x: Array, *, first: bool) -> Array:
        """Features less their means, in float64: in float32 large ones could not be told apart."""
        if first:
            self._means = x.mean(0) if self.standardize else np.zeros(x.shape[1])
        centred: Array = x - self._means
        return centred

    def _start(self, data: Data, examples: Examples, *, head: bool = False) -> None:
        """Make an untrained network for some data, and draw the seed."""
        hidden = self._hidden()
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        layer = functools.partial(
            Layer,
            activation=named(self.activation, ACTIVATIONS),
            goodness=part(self.goodness, goodness),
            loss=part(self.loss, losses),
            threshold=self.threshold,
            normalize=self._normalize(),
        )
        self.network_ = mlp(
            math.prod(data.shape),
            *hidden,
            num_classes=examples.num_classes,
            seed=self._seed,
            examples=examples,
            inputs=Standardize.of(data) if self.standardize else None,
            layer=layer,
            dropout=[self.dropout, *[0.0] * (len(hidden) - 1)],
            head=head,
            readout=self._readout(len(hidden)),
        )
        made_with = self.get_params(deep=False)
        self._made_with = {name: made_with[name] for name in MADE_WITH if name in made_with}
        self._shape = data.shape
        self.n_layers_ = len(hidden)
        self.n_iter_ = 0
        self.loss_curve_: list[float] = []
        self.__dict__.pop("_memory", None)
        self.__dict__.pop("_trainer", None)

    def _normalize(self) -> Normalize | None:
        """What a layer does to its input first."""
        return MeanSquareOne()

    def _readout(self, layers: int) -> tuple[int, int]:
        return min(1, layers - 1), layers

    def _steps(self) -> Trainer:
        """The trainer of the network; after a pickle, made again with all that it remembered."""
        steps_by = self.solver, self.learning_rate_init, self.alpha
        if "_trainer" in self.__dict__ and self._steps_by != steps_by:
            self._trainer = self._new_trainer(self._trainer.steps)
        elif "_trainer" not in self.__dict__:
            self._trainer = self._new_trainer(0)
            if "_memory" in self.__dict__:
                restore(self._trainer, *self.__dict__.pop("_memory"))
        self._steps_by = steps_by
        return self._trainer

    def _new_trainer(self, steps: int) -> Trainer:
        trainer = Trainer(
            self.network_,
            optimizer=named(self.solver, SOLVERS),
            lr=self.learning_rate_init,
            weight_decay=self.alpha,
            seed=self._seed,
        )
        trainer.steps = steps  # what is drawn at random does not begin again
        return trainer

    def _train(
        self, data: Data, epochs: int, judge: Judge | None = None, schedule: Schedule | None = None
    ) -> None:
        """Train for some epochs, or until the judge has seen enough; the best weights are kept."""
        trainer, schedule = self._steps(), schedule or named(self.learning_rate, SCHEDULES)
        batch = batch_size_for(len(data)) if self.batch_size == "auto" else self.batch_size
        if self.batch_size == "auto" and len(data) % batch == 1:
            batch += 1  # a sample alone at the end makes no hybrid
        steps = math.ceil(len(data) / batch)
        self.__dict__.pop("_exact", None)
        self.network_.train()
        for epoch in range(epochs):
            order = seeds.generator(self._seed, "order", self.n_iter_)
            total = torch.zeros(())
            for step, rows in enumerate(data.batches(batch, shuffle=order)):
                trainer.set_rate(schedule(epoch + step / steps, epochs))
                total += trainer.step(*rows)["loss"].mean()
            self.n_iter_ += 1
            self._note(float(total) / steps)
            if judge is not None and judge.enough(self):
                break
        if judge is not None:
            judge.settle(self)
        self.network_.eval()
        self._double()  # now: to predict changes nothing in an estimator

    def _note(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise Diverged(
                f"the loss is {loss} in epoch {self.n_iter_}: lower learning_rate_init (now"
                f" {self.learning_rate_init})"
            )
        self.loss_curve_.append(loss)
        self.loss_ = loss
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {loss:.8f}")

    def _double(self) -> Network:
        """The network in float64, so that a sample's answer does not depend on those beside it."""
        if "_exact" not in self.__dict__:
            self._exact = copy.deepcopy(self.network_).double().eval()
        return self._exact

    def _hidden(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        hidden = (sizes,) if isinstance(sizes, int | np.integer) else tuple(sizes)
        whole = all(isinstance(each, Integral) for each in hidden)
        if not hidden or not whole or min(hidden) < 1:
            raise ValueError(
                "hidden_layer_sizes expects 1 unit or more in a layer, in whole numbers, got"
                f" {sizes}"
            )
        return tuple(int(each) for each in hidden)

    def _check(self) -> None:
        self._validate_params()
        self._hidden()


class Judge:
    """Watches a score as training goes on, keeps the best weights, and says when to stop.

    Args:
        score: The score of an estimator; more is better.
        patience: Epochs without a better one before it is enough.
        least: What counts as better.
    """

    def __init__(
        self, score: Callable[[Estimator], float], patience: int, least: float = 0.0
    ) -> None:
        self.score, self.patience, self.least = score, patience, least
        self.scores: list[float] = []
        self.best = -math.inf
        self.since = 0
        self.weights: dict[str, torch.Tensor] = {}

    def enough(self, estimator: Estimator) -> bool:
        """Score the present weights."""
        estimator.network_.eval()
        self.scores.append(self.score(estimator))
        estimator.network_.train()
        estimator.__dict__.pop("_exact", None)
        self.since += 1
        if self.scores[-1] > self.best + self.least:
            self.since = 0
        if self.scores[-1] > self.best:
            self.best = self.scores[-1]
            state = estimator.network_.state_dict()
            self.weights = {name: value.clone() for name, value in state.items()}
        return self.since >= self.patience

    def settle(self, estimator: Estimator) -> None:
        """Take the best weights."""
        estimator.network_.load_state_dict(self.weights)


def samples(x: Array) -> torch.Tensor:
    """X [n, features] as the network takes it."""
    return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))


def exact(x: Array) -> torch.Tensor:
    """X [n, features] in float64."""
    return torch.from_numpy(np.array(x, dtype=np.float64))  # a copy: frames are read-only
