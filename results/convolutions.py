"""Convolutional networks by local losses -> results/convolutions/runs.jsonl, a line a run.

python results/convolutions.py                                     # all missing runs
python results/convolutions.py --sets cifar10_jpeg --arms per_convolution --seeds 1

Each arm is a recipe of `local_airbench`, with its default settings but for those in ``SETS``. They
were chosen on the validation part of the training data; the best epoch and the reading are chosen
on it too, and the test set is read once. A run that was interrupted continues at its last epoch:
its folder is results/convolutions/run/. `python results/table.py` makes the table.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import torch

import forward_forward as ff
from forward_forward import datasets, predict, recipes
from forward_forward.data import Source
from forward_forward.lab.compare.job import petaflops
from forward_forward.lab.statistics import t_interval
from forward_forward.track.run_record import machine

HERE = Path(__file__).parent / "convolutions"
KEPT, RUN = HERE / "runs.jsonl", HERE / "run"
ARMS = recipes.local_airbench.__all__
# Settings by set, for at most an hour of training on CIFAR-10 and a quarter on the others.
SETS: dict[str, dict[str, Any]] = {
    "cifar10_jpeg": {"epochs": 16},
    "mnist": {"epochs": 9, "flip": False},
    "fashion_mnist": {"epochs": 9},
}
SEEDS = 3


def plan_of(arm: str, name: str, seed: int, train: Source) -> recipes.Plan:
    """An arm's plan on a set."""
    recipe: Any = getattr(recipes.local_airbench, arm)
    return recipe(train, seed=seed, **SETS[name])  # type: ignore[no-any-return]


def run(arm: str, name: str, seed: int) -> dict[str, Any]:
    """Train an arm on a set with a seed, or continue to, and return its results."""
    sets = datasets.load(name)
    plan = plan_of(arm, name, seed, sets.train)
    operations = petaflops(plan_of(arm, name, seed, sets.train), sets.train)
    folder = RUN / f"{name}-{arm}-{seed}"
    plan.trainer.fit(
        sets.train,
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        validation=sets.validation,
        out=folder,
        resume=(folder / "run.json").exists(),
    )
    about = json.loads((folder / "run.json").read_text())
    network = ff.load(folder)
    began = time.perf_counter()
    figures = predict.evaluate(network, sets.test)
    row = {
        "set": name,
        "arm": arm,
        "seed": seed,
        "test_error": figures["error"],
        "test_error_by_layer": figures["goodness_error_by_layer"],
        "validation_error": about["validation_error"],
        "settings": {key: value for key, value in SETS[name].items() if key != "epochs"},
        "epochs": plan.epochs,
        "seconds": about["seconds"],
        "test_seconds": round(time.perf_counter() - began, 1),
        "petaflops": round(operations, 3),
        "threads": torch.get_num_threads(),
        "machine": machine(),
    }
    shutil.rmtree(folder)
    return row


def kept() -> list[dict[str, Any]]:
    """The runs so far."""
    return [*map(json.loads, KEPT.read_text().splitlines())] if KEPT.exists() else []


def main(sets: list[str], arms: list[str], seeds: list[int]) -> None:
    HERE.mkdir(exist_ok=True)
    for seed in seeds:
        for name in sets:
            for arm in arms:
                if not any(
                    (row["set"], row["arm"], row["seed"]) == (name, arm, seed)
                    and {**row["settings"], "epochs": row["epochs"]} == listed(SETS[name])
                    for row in kept()
                ):
                    row = run(arm, name, seed)
                    with KEPT.open("a") as file:
                        file.write(json.dumps(row) + "\n")
                    said = f"{row['test_error']:.2f} %, {row['seconds']:.0f} s"
                    print(name, arm, seed, said, flush=True)


def listed(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as a file of JSON gives them back."""
    return json.loads(json.dumps(settings))  # type: ignore[no-any-return]


def typed(settings: dict[str, Any]) -> str:
    """Settings as they are given to ``ff train --set``."""
    texts = {
        name: "+".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in settings.items()
    }
    return ", ".join(f"`{name}={text}`" for name, text in texts.items())


def grouped(name: str) -> list[tuple[tuple[str, str, int], list[dict[str, Any]]]]:
    """A set's runs by recipe, settings and epochs."""
    groups: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for row in kept():
        if row["set"] == name:
            key = row["arm"], typed(row["settings"]), row["epochs"]
            groups.setdefault(key, []).append(row)
    return sorted(groups.items())


def layers_table(name: str) -> str:
    """The mean error of each layer alone, for docs/recipes/local_airbench.md."""
    lines = ["| recipe | epochs | errors of each layer, the lowest first |", "|---|---|---|"]
    for (arm, _, epochs), rows in grouped(name):
        by_layer = zip(*(row["test_error_by_layer"] for row in rows), strict=True)
        errors = ", ".join(f"{sum(each) / len(each):.1f}" for each in by_layer)
        lines.append(f"| `{arm}` | {epochs} | {errors} |")
    return "\n".join(lines)


def table(name: str) -> str:
    """The table of one set, for docs/recipes/local_airbench.md."""
    lines = [
        "| recipe | settings | test error, % | seeds | epochs | PFLOP | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for (arm, settings, epochs), rows in grouped(name):
        errors = [row["test_error"] for row in rows]
        found = t_interval(errors) if len(errors) >= SEEDS else None
        cells = [
            f"`{arm}`",
            settings,
            f"{found.mean:.2f} ± {found.half:.2f}" if found else f"{sum(errors) / len(rows):.2f}",
            str(len(rows)),
            str(epochs),
            f"{rows[0]['petaflops']:.2f}",
            f"{sum(row['seconds'] for row in rows) / len(rows):.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(SEEDS)))
    options = parser.parse_args()
    main(options.sets, options.arms, options.seeds)
