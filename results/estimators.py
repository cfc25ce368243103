"""FFClassifier beside MLPClassifier on scikit-learn's bundled sets -> sklearn/estimators.json.

python results/estimators.py    # ten times five-fold on each set; skips finished folds

Both have their defaults, the same folds and standardised features (StandardScaler, fitted to the
training folds), one thread and the number of the repetition as their seed; they are fitted in
alternation.
"""

from __future__ import annotations

import json
import time
import warnings
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
from forward_forward.checkpoint import machine
from forward_forward.sklearn import FFClassifier
from sklearn import datasets

FILE = Path(__file__).parent / "sklearn" / "estimators.json"
SETS = ("digits", "wine", "breast_cancer", "iris")
FOLDS, REPEATS = 5, 10


def fitted(classifier: ClassifierMixin, fold: tuple[Any, ...]) -> tuple[float, float]:
    """Accuracy on the test fold, in percent, and seconds to fit."""
    x, y, test, truth = fold
    model = make_pipeline(StandardScaler(), classifier)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its default number of iterations
        model.fit(x, y)
    seconds = time.perf_counter() - began
    return 100 * model.score(test, truth), seconds


def main() -> None:
    """Fit both on every fold that is not finished."""
    found = json.loads(FILE.read_text()) if FILE.exists() else {"sets": {}}
    torch.set_num_threads(1)
    for name in SETS:
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        rows = found["sets"].setdefault(
            name, {"ff": [], "mlp": [], "ff_seconds": [], "mlp_seconds": []}
        )
        folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=REPEATS, random_state=0)
        for number, (train, test) in enumerate(folds.split(x, y)):
            if number < len(rows["ff"]):
                continue
            fold, seed = (x[train], y[train], x[test], y[test]), number // FOLDS
            with threadpool_limits(1):
                for key, each in (("ff", FFClassifier), ("mlp", MLPClassifier)):
                    score, seconds = fitted(each(random_state=seed), fold)
                    rows[key].append(score)
                    rows[f"{key}_seconds"].append(round(seconds, 4))
            found["machine"] = machine()
            files.write_json(FILE, found)
        difference = np.array(rows["ff"]) - np.array(rows["mlp"])
        print(f"{name}: {difference.mean():+.2f} points in {len(difference)} folds", flush=True)


if __name__ == "__main__":
    main()
