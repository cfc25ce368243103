"""The field's methods on Fashion-MNIST -> results/field/fashion_mnist.jsonl, a line a run.

python results/field.py                      # all missing runs, 3 seeds each, on one core
python results/field.py --recipes cwcomp asge --seeds 1

All recipes see the first 20,000 of the 50,000 training images twice, with their default settings,
which were chosen without the test set (docs/recipes/field.md). The test set is read once, with the
weights of the last epoch. `python results/table.py` makes the table.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from forward_forward import datasets, predict, recipes
from forward_forward.forward.description import describe
from forward_forward.lab.statistics import t_interval
from forward_forward.track.run_record import machine

KEPT = Path(__file__).parent / "field" / "fashion_mnist.jsonl"
IMAGES, EPOCHS, SEEDS = 20_000, 2, 3

# Test error in percent of the paper itself, of Fashion-MNIST unless it says otherwise.
PAPERS = {
    "symba": "- (MNIST 1.42)",
    "layer_collaboration": "12.0",
    "trifecta": "8.56 ± 0.49 (12 convolutions)",
    "mono_forward": "9.5",
    "hff": "-",
    "tinyfoa": "-",
    "cwcomp": "7.69",
    "deeper_forward": "8.17 (TinyCNN-4), 6.87 (ResNet-17)",
    "hcl_ff": "6.13 ± 0.24 (17 layers)",
    "predsim": "4.14 (VGG8B, double width, cutout)",
    "asge": "6.59",
    "distance_forward": "6.11",
    "scff": "- (MNIST 1.3)",
    "backprop": "4.53 (VGG8B)",
    "deep_supervision": "-",
    "random_features": "-",
}


def run(name: str, seed: int, sets: datasets.Sets) -> dict[str, Any]:
    """Train a recipe with a seed, and return its results."""
    train = sets.train.first(IMAGES)
    plan = getattr(recipes.field, name)(train, seed=seed, epochs=EPOCHS, precision="float32")
    about = describe(plan.trainer.network)
    began = time.perf_counter()
    cpu = time.process_time()
    plan.trainer.fit(train, epochs=plan.epochs, batch_size=plan.batch_size)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    figures = predict.evaluate(plan.trainer.network, sets.test)
    return {
        "recipe": name,
        "seed": seed,
        "test_error": figures["error"],
        "by_layer": figures.get("goodness_error_by_layer"),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "samples": len(train),
        "epochs": plan.epochs,
        "batch_size": plan.batch_size,
        "machine": machine(),
        # Once: they are those of the other seeds.
        **({"network": about, "trainer": plan.trainer.settings} if seed == 0 else {}),
    }


def kept() -> list[dict[str, Any]]:
    """The runs so far."""
    return [*map(json.loads, KEPT.read_text().splitlines())] if KEPT.exists() else []


def main(names: list[str], seeds: int) -> None:
    torch.set_num_threads(1)
    sets = datasets.load("fashion_mnist")
    for seed in range(seeds):
        for name in names:
            # Read again each time: another process may run other recipes.
            if (name, seed) not in {(row["recipe"], row["seed"]) for row in kept()}:
                row = run(name, seed, sets)
                with KEPT.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(name, seed, f"{row['test_error']:.2f} %, {row['seconds']} s", flush=True)


def table() -> str:
    """The table of docs/recipes/field.md: finished recipes, the lowest error first."""
    lines = [
        "| recipe | test error, % | seeds | CPU seconds of training | the paper's own, % |",
        "|---|---|---|---|---|",
    ]
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in kept():
        rows.setdefault(row["recipe"], []).append(row)
    found = {name: each for name, each in rows.items() if len(each) >= SEEDS}
    for name, each in sorted(found.items(), key=lambda item: _mean(item[1], "test_error")):
        error = t_interval([row["test_error"] for row in each])
        cells = [f"`field.{name}`", f"{error.mean:.2f} ± {error.half:.2f}", str(len(each))]
        cells += [f"{_mean(each, 'cpu_seconds'):.0f}", PAPERS[name]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(rows: list[dict[str, Any]], key: str) -> float:
    return sum(row[key] for row in rows) / len(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipes", nargs="+", default=list(PAPERS), choices=list(PAPERS))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args()
    main(options.recipes, options.seeds)
