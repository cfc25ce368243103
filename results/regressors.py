"""FFRegressor beside MLPRegressor on one real and two generated sets -> sklearn/regressors.json.

python results/regressors.py    # ten times five-fold on each set; skips finished folds

Both have their defaults, the same folds and standardised features (StandardScaler, fitted to the
training folds), one thread and the number of the repetition as their seed; they are fitted in
alternation. FFRegressor standardises the target itself; MLPRegressor does not, so
TransformedTargetRegressor does it for it, without which it is far worse on targets of this size.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from estimators import FOLDS, REPEATS, fitted_folds, seconds_of
from sklearn.base import RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_friedman1, make_friedman2
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import RepeatedKFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from forward_forward.sklearn import FFRegressor

FILE = Path(__file__).parent / "sklearn" / "regressors.json"
ROWS = 5_000


def read(name: str) -> tuple[Any, Any]:
    """Features [n, features] and targets [n] of a set."""
    if name == "diabetes":
        return load_diabetes(return_X_y=True)  # type: ignore[no-any-return]
    make = {"friedman1": make_friedman1, "friedman2": make_friedman2}[name]
    return make(ROWS, noise=1.0, random_state=0)  # type: ignore[no-any-return]


def mlp(seed: int) -> RegressorMixin:
    return TransformedTargetRegressor(MLPRegressor(random_state=seed), transformer=StandardScaler())


def ff(seed: int) -> RegressorMixin:
    return FFRegressor(random_state=seed)


def fitted(models: Mapping[str, RegressorMixin], fold: tuple[Any, ...]) -> dict[str, float]:
    """Root-mean-square error of each on the test fold, and seconds to fit."""
    x, y, test, truth = fold
    figures: dict[str, float] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its default number of iterations
        for key, regressor in models.items():
            model = make_pipeline(StandardScaler(), regressor)
            figures[f"{key}_seconds"] = round(seconds_of(partial(model.fit, x, y)), 4)
            figures[key] = float(root_mean_squared_error(truth, model.predict(test)))
    return figures


def main() -> None:
    """Fit both on every fold that is not finished."""
    for name in ("diabetes", "friedman1", "friedman2"):
        data = read(name)
        folds = RepeatedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=1)
        models = {"ff": ff, "mlp": mlp}
        rows = fitted_folds(FILE, name, folds.split(*data), data, models, fitted)
        ratio = np.mean(rows["ff"]) / np.mean(rows["mlp"])
        print(f"{name}: {ratio:.3f} times its error in {len(rows['ff'])} folds", flush=True)


if __name__ == "__main__":
    main()
