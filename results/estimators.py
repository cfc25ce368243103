"""FFClassifier beside MLPClassifier on scikit-learn's bundled sets -> sklearn/estimators.json.

python results/estimators.py    # ten times five-fold on each set; skips finished folds

Both have their defaults, the same folds and standardised features (StandardScaler, fitted to the
training folds), one thread and the number of the repetition as their seed; they are fitted in
alternation. The time to predict is that of the test fold, the median of 21 calls in turns.
"""

from __future__ import annotations

import json
import statistics
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from forward_forward import files
from forward_forward.sklearn import FFClassifier
from forward_forward.track.run_record import machine
from sklearn import datasets

FILE = Path(__file__).parent / "sklearn" / "estimators.json"
SETS = ("digits", "wine", "breast_cancer", "iris")
FOLDS, REPEATS = 5, 10
CALLS = 21


def fitted(models: Mapping[str, ClassifierMixin], fold: tuple[Any, ...]) -> dict[str, float]:
    """Accuracy of each on the test fold, in percent, and seconds to fit and to predict."""
    x, y, test, truth = fold
    figures: dict[str, float] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its default number of iterations
        for key, classifier in models.items():
            model = make_pipeline(StandardScaler(), classifier)
            figures[f"{key}_seconds"] = round(seconds_of(partial(model.fit, x, y)), 4)
            figures[key] = 100 * model.score(test, truth)
    scaled = StandardScaler().fit(x).transform(test)
    calls: dict[str, list[float]] = {key: [] for key in models}
    for _ in range(CALLS):
        for key, classifier in models.items():
            calls[key].append(seconds_of(partial(classifier.predict, scaled)))
    medians = {f"{key}_predict_seconds": statistics.median(each) for key, each in calls.items()}
    return figures | {name: round(each, 6) for name, each in medians.items()}


def seconds_of(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def fitted_folds(
    file: Path,
    name: str,
    splits: Iterable[tuple[Any, Any]],
    data: tuple[Any, Any],
    models: Mapping[str, Callable[[int], Any]],
    fitted: Callable[[Mapping[str, Any], tuple[Any, ...]], Mapping[str, float]],
) -> dict[str, list[float]]:
    """Figures of each model on every fold of a set; finished ones are kept in the file.

    Args:
        file: The JSON file.
        name: Name of the set in it.
        splits: Rows for training and for testing, of each fold.
        data: Features and target.
        models: By name, what makes a model of a seed.
        fitted: Models by name and a fold -> the figures, by the name of their column.
    """
    found = json.loads(file.read_text()) if file.exists() else {"sets": {}}
    rows: dict[str, list[float]] = found["sets"].setdefault(name, {})
    x, y = data
    torch.set_num_threads(1)
    for number, (train, test) in enumerate(splits):
        if number < min(len(rows.get(key, [])) for key in models):
            continue
        fold = x[train], y[train], x[test], y[test]
        with threadpool_limits(1):
            made = {key: make(number // FOLDS) for key, make in models.items()}
            for column, figure in fitted(made, fold).items():
                rows.setdefault(column, []).append(figure)
        found["machine"] = machine()
        files.write_json(file, found)
    return rows


def main() -> None:
    """Fit both on every fold that is not finished."""
    models = {
        "ff": lambda seed: FFClassifier(random_state=seed),
        "mlp": lambda seed: MLPClassifier(random_state=seed),
    }
    for name in SETS:
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=0)
        rows = fitted_folds(FILE, name, folds.split(x, y), (x, y), models, fitted)
        difference = np.array(rows["ff"]) - np.array(rows["mlp"])
        print(f"{name}: {difference.mean():+.2f} points in {len(difference)} folds", flush=True)


if __name__ == "__main__":
    main()
