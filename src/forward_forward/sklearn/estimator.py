"""An estimator's parameters and X [n, features] -> a network, trained epoch by epoch."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from forward_forward import losses, seeds
from forward_forward.data import Data
from forward_forward.examples import Examples
from forward_forward.forward import Layer, MeanSquareOne, Network, Standardize, mlp
from forward_forward.optimize import Diverged, Trainer
from forward_forward.optimize.schedules import Schedule
from forward_forward.optimize.state import restore, state_of
from forward_forward.recipes.standard import batch_size_for
from forward_forward.sklearn.double import DoubleCopy
from forward_forward.sklearn.exported import export_own
from forward_forward.sklearn.features import Features, categories_of, with_codes
from forward_forward.sklearn.inputs import as_float64, unlabelled
from forward_forward.sklearn.module import module_network
from forward_forward.sklearn.parameters import (
    ACTIVATIONS,
    ARCHITECTURE,
    CONSTRAINTS,
    SCHEDULES,
    SOLVERS,
    by_name,
    goodness_part,
    part,
)
from forward_forward.sklearn.state import plain, restored
from forward_forward.sklearn.stopping import BestScore

ONE_PASS_BATCH = 200  # MLPClassifier's


@dataclass(eq=False, repr=False)
class Estimator(BaseEstimator):  # type: ignore[misc]
    """The parameters that all estimators have, and how a network is built and trained by them.

    Every field is a parameter: the dataclass generates the ``__init__`` that scikit-learn inspects.
    """

    _parameter_constraints = CONSTRAINTS  # the name scikit-learn expects
    _normalized: ClassVar[bool] = True  # whether each layer's input is
    _fills_gaps: ClassVar[bool] = False  # whether features may be missing

    hidden_layer_sizes: int | Sequence[int] = (200, 200)
    activation: Any = "relu"
    _: KW_ONLY
    solver: Any = "adamw"
    alpha: float = 0.0
    batch_size: int | Literal["auto"] = "auto"
    learning_rate: str = "cosine"
    learning_rate_init: float | Literal["auto"] = 3e-3
    max_iter: int = 50
    goodness: Any = "mean_square"
    loss: Any = "SiluPair(alpha=6.0)"
    threshold: Any = "calibrated"
    dropout: float = 0.0
    standardize: bool = True
    warm_start: bool = False
    random_state: Any = None
    device: Any = None
    verbose: bool = False

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle or `skops` holds: plain values, without scratch memory."""
        state = dict(super().__getstate__())  # a copy: it may be the estimator's own dictionary
        trainer = state.pop("_trainer", None)
        if trainer is not None:
            state["_trainer_state"] = state_of(trainer)
        for name in ("_copy", "_trainer_settings"):
            state.pop(name, None)
        return plain(state)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(restored(state))
        self._copy = DoubleCopy()

    def to_onnx(self, path: Path | str) -> None:
        """Write all that the fitted estimator does as one ONNX file, with its own labels.

        Missing values, categories, scaling and temperature are in it. Synthetic rows are
        run by ONNX Runtime and compared before anything is written; see `onnx.to_onnx`, which
        takes rows of yours and pipelines.

        Args:
            path: The file, which is replaced if it exists.

        Raises:
            ImportError: A package that the export needs is missing.
            RuntimeError: An output of the file differs from the estimator's.
        """
        check_is_fitted(self)
        export_own(self, Path(path))

    def _check(self) -> None:
        self._validate_params()
        self._hidden()

    def _hidden(self) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        hidden = (sizes,) if isinstance(sizes, int | np.integer) else tuple(sizes)
        whole = all(isinstance(each, Integral) for each in hidden)
        if not hidden or not whole or min(hidden) < 1:
            raise ValueError(
                f"hidden_layer_sizes expects a whole number of units, 1 or more, for each layer,"
                f" got {sizes}"
            )
        return tuple(int(each) for each in hidden)

    def _continues(self) -> bool:
        """Whether `fit` continues training the existing network."""
        if not (self.warm_start and "network_" in self.__dict__):
            return False
        self._check_architecture("warm_start")
        return True

    def _check_architecture(self, caller: str) -> None:
        """Refuse to continue if a parameter that is fixed once the network is built has changed."""
        for name, value in self._architecture.items():
            now = getattr(self, name)
            if now is not value and not bool(np.all(now == value)):
                raise ValueError(
                    f"{caller} continues training a network with {name}={value!r}, got {now!r}:"
                    " set warm_start=False and call fit to build a new network"
                )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self._fills_gaps
        return tags

    def _validated(self, X: Any, *y: Any, first: bool, **options: Any) -> Any:
        """The network's inputs [n, inputs] in float64, or the pair of them and y."""
        categories = categories_of(X) if first else self._inputs_of.categories
        finite = "allow-nan" if self._fills_gaps else True
        checks = {"dtype": np.float64, "accept_sparse": "csr", "ensure_all_finite": finite}
        found = validate_data(
            self, with_codes(X, categories), *y, reset=first, **{**checks, **options}
        )
        X, *rest = found if y else (found,)
        if first:
            self._inputs_of: Features = Features(X, categories, centre=self.standardize)
        return (self._inputs_of(X), *rest) if y else self._inputs_of(X)

    def _features(self, X: Any) -> torch.Tensor:
        """New samples as the network's input [n, *shape], in float64."""
        check_is_fitted(self)
        # A copy, which torch may write to: the arrays of DataFrames are read-only.
        return torch.from_numpy(self._validated(X, first=False)).view(-1, *self._shape)

    def _build(self, data: Data, examples: Examples, **parts: Any) -> None:
        """Build an untrained network of these goodness, loss and readout, and draw the seed."""
        hidden = self._hidden()
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        layer = functools.partial(
            Layer,
            activation=by_name(self.activation, ACTIVATIONS),
            goodness=parts["goodness"],
            loss=parts["loss"],
            threshold=self.threshold,
            normalize=MeanSquareOne() if self._normalized else None,
        )
        module = getattr(self, "module", None)
        options = {
            "num_classes": examples.num_classes,
            "seed": self._seed,
            "inputs": Standardize.of(data) if self.standardize else None,
            "readout": parts["readout"],
        }
        if module is not None:
            self.network_ = module_network(module, layer, shape=data.shape, **options)
        else:
            self.network_ = mlp(
                math.prod(data.shape),
                *hidden,
                examples=examples,
                layer=layer,
                dropout=[self.dropout, *[0.0] * (len(hidden) - 1)],
                head=not examples.labelled,
                **options,
            )
        if module is None and self.network_.class_wise and self.standardize:
            # The length of a row of few features tells classes apart, and there is no label beside
            # it that a longer row would drown out.
            self.network_.layers[0].normalize = None
        parameters = self.get_params(deep=False)
        self._architecture = {n: parameters[n] for n in ARCHITECTURE if n in parameters}
        self._shape = data.shape
        self._copy = DoubleCopy()
        self.network_.outside = self._outside()
        self.n_layers_ = len(self.network_.layers)
        self.n_iter_ = 0
        self.loss_curve_: list[float] = []
        for name in ("_trainer", "_trainer_state"):
            self.__dict__.pop(name, None)

    def _outside(self) -> str | None:
        """What predictions need besides the network, in words; None if it is all."""
        steps, labels = self._inputs_of.steps, getattr(self, "classes_", None)
        if labels is not None and labels.tolist() != list(range(len(labels))):
            steps.append("names the labels")
        if hasattr(self, "bins_"):
            steps.append("scales the target")
        return f"{type(self).__name__}, which {' and '.join(steps)}" if steps else None

    def _fit_unlabelled(self, X: Any, image_shape: Sequence[int] | None) -> torch.Tensor:
        """Train on samples without labels; returns them as the network's input, in float64."""
        self._check()
        warm = self._continues()
        X = self._validated(X, first=not warm, ensure_min_samples=2)
        data, examples = unlabelled(X, image_shape)
        if not warm:
            found = goodness_part(self.goodness, 1), part(self.loss, losses)
            self._build(data, examples, goodness=found[0], loss=found[1], readout=None)
        self._train(data, self.max_iter)
        return as_float64(X).view(-1, *self._shape)

    def _current_trainer(self) -> Trainer:
        """The network's trainer; rebuilt with its state after unpickling, or for new settings."""
        solver = by_name(self.solver, SOLVERS)
        rate = self._rate if self.learning_rate_init == "auto" else self.learning_rate_init
        settings = {"optimizer": solver, "lr": rate, "weight_decay": self.alpha}
        before: Trainer | None = self.__dict__.get("_trainer")
        if before is None or self.__dict__["_trainer_settings"] != settings:
            device = self.device
            self._trainer = Trainer(self.network_, seed=self._seed, device=device, **settings)
            self._trainer_settings = settings
            if before is not None:
                self._trainer.steps = before.steps  # random draws must not be repeated
            elif "_trainer_state" in self.__dict__:
                restore(self._trainer, *self.__dict__.pop("_trainer_state"))
        return self._trainer

    def _train(
        self,
        data: Data,
        epochs: int,
        stopping: BestScore | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        """Train for some epochs; with early stopping, keep the best weights."""
        trainer = self._current_trainer()
        self.network_.to(trainer.device)
        data = data.to(trainer.device)
        schedule = schedule or by_name(self.learning_rate, SCHEDULES)
        batch = self._samples_per_step(len(data))
        steps = math.ceil(len(data) / batch)
        self.network_.train()
        for epoch in range(epochs):
            order = seeds.generator(self._seed, "order", self.n_iter_)
            total = torch.zeros((), device=trainer.device)
            for step, rows in enumerate(data.batches(batch, shuffle=order)):
                trainer.set_rate(schedule(epoch + step / steps, epochs))
                total += trainer.step(*rows)["loss"].mean()
            self.n_iter_ += 1
            self._record_loss(float(total) / steps)
            if stopping is not None and stopping.should_stop(self.network_):
                break
        if stopping is not None:
            self.network_.load_state_dict(stopping.weights)
        self.network_.eval().cpu()  # predictions are made in float64, which not every device has

    def _samples_per_step(self, samples: int) -> int:
        if self.batch_size != "auto":
            return self.batch_size
        one_pass = self.network_.class_wise
        batch = min(ONE_PASS_BATCH, samples) if one_pass else batch_size_for(samples)
        # A batch of one sample has no second one to mix it with.
        return batch + 1 if samples % batch == 1 else batch

    def _record_loss(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise Diverged(
                f"the loss is {loss} in epoch {self.n_iter_}: lower learning_rate_init (now"
                f" {self._trainer_settings['lr']:g})"
            )
        self.loss_curve_.append(loss)
        self.loss_ = loss
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {loss:.8f}")

    def _double(self) -> Network:
        """The network in float64, with its current weights."""
        return self._copy.current(self.network_)
