"""Small networks: FFClassifier, MLPClassifier and each layer alone -> sklearn/small_networks.json.

python results/small_networks.py    # 20 splits of each set and network; skips finished splits

Both have their defaults, the same splits (a quarter to test, stratified, seeded with the split's
number, as both are) and standardised features, and one thread. Then two narrow layers with the
label in the input, on three splits of digits: why an upper layer can be near chance.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from forward_forward import files
from forward_forward.lab.statistics import t_interval
from forward_forward.sklearn import FFClassifier
from forward_forward.track.run_record import machine
from sklearn import datasets

FILE = Path(__file__).parent / "sklearn" / "small_networks.json"
SETS = ("digits", "wine", "breast_cancer")
HIDDEN = ((8,), (16, 16), (32, 16), (32, 32, 32))
SPLITS = 20
FIRST = 3  # splits of which the summary is printed too, and of the networks of two passes
TOP = 3
HARD = {"goodness": "mean_square", "negatives": "FromFirstLayer"}
LABEL_IN_INPUT: dict[str, dict[str, Any]] = {
    "hard negatives": HARD,
    "half of them hard (the default)": {**HARD, "negatives": "FromFirstLayer(fraction=0.5)"},
    "uniform negatives": {**HARD, "negatives": "Uniform"},
    "negatives from the goodness": {**HARD, "negatives": "FromGoodness"},
    "hard negatives, SymBa": {**HARD, "loss": "SymBa"},
    "hard negatives, log_sigmoid": {**HARD, "loss": "log_sigmoid"},
    "hard negatives, tanh": {**HARD, "activation": "tanh"},
    "hard negatives, 16 - 64": {**HARD, "hidden_layer_sizes": (16, 64)},
    "hard negatives, 64 - 16": {**HARD, "hidden_layer_sizes": (64, 16)},
    "hard negatives, 64 - 64": {**HARD, "hidden_layer_sizes": (64, 64)},
    "one pass": {},
}


def split(name: str, number: int) -> tuple[Any, Any, Any, Any]:
    """Standardised features and labels of a set, to train on and to test."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    x, test, y, truth = train_test_split(x, y, random_state=number, stratify=y)
    scaler = StandardScaler().fit(x)
    return scaler.transform(x), scaler.transform(test), y, truth


def layers_measured(name: str, number: int, **parameters: Any) -> dict[str, Any]:
    """Accuracy of the classifier and of each layer alone, in percent.

    ``top`` is that of the uppermost layer, if it decides between the first one's best labels only.
    """
    x, test, y, truth = split(name, number)
    classifier = FFClassifier(random_state=number, **parameters).fit(x, y)
    goodness = classifier.goodness_by_layer(test)
    best = np.argsort(goodness[0], axis=1)[:, -TOP:]
    among = np.take_along_axis(
        best, np.take_along_axis(goodness[-1], best, 1).argmax(1)[:, None], 1
    )
    return {
        "ff": 100 * classifier.score(test, truth),
        "layers": (100 * (goodness.argmax(2) == truth).mean(1)).tolist(),
        "top": 100 * float((among.argmax(1) == truth).mean()),
    }


def mlp_measured(name: str, number: int, hidden: tuple[int, ...]) -> float:
    """Accuracy of MLPClassifier, in percent."""
    x, test, y, truth = split(name, number)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # its default number of iterations
        return 100 * float(MLPClassifier(hidden, random_state=number).fit(x, y).score(test, truth))


def summary(rows: list[dict[str, Any]]) -> Mapping[str, float]:
    """Mean accuracies, and what the classifier has more than MLPClassifier and its best layer."""
    ours, theirs = (float(np.mean([row[key] for row in rows])) for key in ("ff", "mlp"))
    layer = float(np.mean([row["layers"] for row in rows], axis=0).max())
    more = {"over_mlp": ours - theirs, "over_layer": ours - layer}
    return {"ff": ours, "mlp": theirs, "layer": layer, **more}


def table() -> str:
    """FFClassifier, MLPClassifier and the best layer alone, with few units, in Markdown."""
    lines = [
        "| set | units | splits | FFClassifier, % | MLPClassifier, % | best layer alone, %"
        " | FFClassifier less MLPClassifier, points | less the best layer |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, rows in json.loads(FILE.read_text())["small"].items():
        data, _, units = name.partition(" ")
        ours, theirs = (np.array([row[key] for row in rows]) for key in ("ff", "mlp"))
        layers = np.array([row["layers"] for row in rows])
        best = layers[:, layers.mean(0).argmax()]
        cells = [data.replace("_", " "), units, str(len(rows))]
        cells += [f"{each.mean():.2f}" for each in (ours, theirs, best)]
        cells += [interval(ours - each, "+") for each in (theirs, best)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def upper_layers_table() -> str:
    """Two narrow layers with the label in the input: the accuracy of each alone, in Markdown."""
    lines = [
        f"| two layers of 16 units on digits | layer 1, % | layer 2, % | layer 2, among layer 1's"
        f" {TOP} best labels, % | as read, % |",
        "|---|---|---|---|---|",
    ]
    for name, rows in json.loads(FILE.read_text())["label_in_input"].items():
        columns = [*np.transpose([row["layers"] for row in rows])]
        columns += [[row[key] for row in rows] for key in ("top", "ff")]
        lines.append(f"| {' | '.join([name, *map(interval, columns)])} |")
    return "\n".join(lines)


def interval(values: Any, sign: str = "") -> str:
    """Mean and half the width of its 95 % t interval."""
    found = t_interval([float(each) for each in values])
    return f"{found.mean:{sign}.2f} ± {found.half:.2f}"


def main() -> None:
    """Fit on every split that is not finished."""
    found = json.loads(FILE.read_text()) if FILE.exists() else {"small": {}, "label_in_input": {}}

    def rows_of(part: str, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = found[part].setdefault(name, [])
        return rows

    def keep(rows: list[dict[str, Any]], row: dict[str, Any]) -> None:
        rows.append(row)
        files.write_json(FILE, {**found, "machine": machine()})

    torch.set_num_threads(1)
    with threadpool_limits(1):
        for name in SETS:
            for hidden in HIDDEN:
                rows = rows_of("small", f"{name} {' - '.join(map(str, hidden))}")
                for number in range(len(rows), SPLITS):
                    row = layers_measured(name, number, hidden_layer_sizes=hidden)
                    keep(rows, {**row, "mlp": mlp_measured(name, number, hidden)})
                for each in (rows[:FIRST], rows):
                    figures = (f"{key} {value:.2f}" for key, value in summary(each).items())
                    print(name, hidden, f"{len(each)} splits:", *figures, flush=True)
        for arm, parameters in LABEL_IN_INPUT.items():
            rows = rows_of("label_in_input", arm)
            for number in range(len(rows), FIRST):
                settings = {"hidden_layer_sizes": (16, 16), **parameters}
                keep(rows, layers_measured("digits", number, **settings))
            print(arm, np.mean([row["layers"] for row in rows], axis=0), flush=True)


if __name__ == "__main__":
    main()
