"""The recipe step by step, at a small scale -> results/convolutions/ladder.jsonl and ladder.svg.

python results/ladder.py                  # all missing runs
python results/ladder.py --steps whitening muon --seeds 0

Each rung is the one before it and one more part of `local_airbench.per_convolution`; then come
parts that are not in the recipe and what it is compared with, each a change of the last rung. All
train on the first 10,000 pictures of CIFAR-10 (JPEG), for six epochs, with half the channels. The
errors are on the validation part, 5,000 pictures: the test set is not read.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot as plt

from forward_forward import datasets, predict, recipes
from forward_forward.data import Data
from forward_forward.lab.compare.job import petaflops
from forward_forward.lab.statistics import t_interval

HERE = Path(__file__).parent / "convolutions"
KEPT, FIGURE = HERE / "ladder.jsonl", HERE / "ladder.svg"
SAMPLES = 10_000
SMALL = {"channels": (32, 32, 128, 128, 128, 128), "epochs": 6}
BARE = {
    "whitening": False,
    "muon": False,
    "flip": False,
    "shift": 0,
    "label_smoothing": 0.0,
    "views": "none",
}
# A rung's name -> the settings that it takes back to those of the recipe.
RUNGS: dict[str, tuple[str, ...]] = {
    "bare": (),
    "whitening": ("whitening",),
    "muon": ("muon",),
    "flips and shifts": ("flip", "shift"),
    "label smoothing": ("label_smoothing",),
    "six views": ("views",),
}
# A change's name -> its arm and settings.
CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "cutout 8": ("per_convolution", {"cutout": 8}),
    "contrast 0.3": ("per_convolution", {"contrast": 0.3}),
    "similarity 1": ("per_convolution", {"similarity": 1.0}),
    "overlapping pairs": ("overlapping_pairs", {}),
    "per group": ("per_group", {}),
    "deep supervision": ("deep_supervision", {}),
    "backprop": ("backprop", {}),
    "random features": ("random_features", {}),
}
STEPS = (*RUNGS, *CHANGES)
SEEDS = 3


def settings_of(step: str) -> tuple[str, dict[str, Any]]:
    """The arm and the settings of a rung or a change."""
    if step in CHANGES:
        return CHANGES[step]
    names = list(RUNGS)
    climbed = {name for each in names[: names.index(step) + 1] for name in RUNGS[each]}
    return "per_convolution", {name: value for name, value in BARE.items() if name not in climbed}


def run(step: str, seed: int) -> dict[str, Any]:
    """Train a step with a seed, and return its figures."""
    sets = datasets.load("cifar10_jpeg")
    train = Data(sets.train.inputs[:SAMPLES], sets.train.labels[:SAMPLES], sets.train.classes)
    arm, settings = settings_of(step)
    recipe: Any = getattr(recipes.local_airbench, arm)

    def plan() -> recipes.Plan:
        return recipe(train, seed=seed, **SMALL, **settings)  # type: ignore[no-any-return]

    planned, began = plan(), time.process_time()
    planned.trainer.fit(train, epochs=planned.epochs, batch_size=planned.batch_size)
    seconds = time.process_time() - began
    figures = predict.evaluate(planned.trainer.network.eval(), sets.validation)
    return {
        "step": step,
        "seed": seed,
        "validation_error": figures["error"],
        "validation_error_by_layer": figures["goodness_error_by_layer"],
        "cpu_seconds": round(seconds, 1),
        "petaflops": round(petaflops(plan(), train), 5),
    }


def kept() -> list[dict[str, Any]]:
    """The runs so far."""
    return [*map(json.loads, KEPT.read_text().splitlines())] if KEPT.exists() else []


def main(steps: list[str], seeds: list[int]) -> None:
    HERE.mkdir(exist_ok=True)
    for seed in seeds:
        for step in steps:
            if (step, seed) not in {(row["step"], row["seed"]) for row in kept()}:
                row = run(step, seed)
                with KEPT.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(step, seed, f"{row['validation_error']:.2f} %", flush=True)
    draw()


def of_step(step: str) -> list[dict[str, Any]]:
    """The runs of a step."""
    return [row for row in kept() if row["step"] == step]


def labelled(step: str) -> str:
    """A step's name in the table and the figure: with a plus sign if it adds to the one before."""
    return step if step in ("bare", *list(CHANGES)[4:]) else f"+ {step}"


def table() -> str:
    """The table of all steps, for docs/recipes/local_airbench.md."""
    lines = ["| step | validation error, % | PFLOP | CPU seconds |", "|---|---|---|---|"]
    for step in STEPS:
        if len(rows := of_step(step)) >= SEEDS:
            found = t_interval([row["validation_error"] for row in rows])
            seconds = np.mean([row["cpu_seconds"] for row in rows])
            cells = [f"{found.mean:.2f} ± {found.half:.2f}", f"{rows[0]['petaflops']:.4f}"]
            lines.append(f"| {labelled(step)} | {' | '.join(cells)} | {seconds:.0f} |")
    return "\n".join(lines)


def draw() -> None:
    """Draw the steps, the first at the top: a point for each seed, and a bar for the mean."""
    done = [step for step in STEPS if of_step(step)]
    matplotlib.rcParams.update({"svg.hashsalt": "forward-forward", "font.size": 9})
    figure, axes = plt.subplots(figsize=(7, 0.32 * len(done) + 0.9), layout="constrained")
    for place, step in enumerate(done):
        errors = [row["validation_error"] for row in of_step(step)]
        colour = "#1668c7" if step in RUNGS else "#7d8590"
        axes.plot(errors, [place] * len(errors), "o", color=colour, alpha=0.6, markersize=4)
        axes.plot([np.mean(errors)], [place], "|", color=colour, markersize=14, markeredgewidth=2)
    axes.set_yticks(range(len(done)), [*map(labelled, done)])
    axes.invert_yaxis()
    axes.axhline(len(RUNGS) - 0.5, color="#c8ccd0", linewidth=0.8)
    axes.set_xlabel("validation error, %; points are seeds, bars their mean")
    axes.grid(axis="x", color="#e1e4e8", linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.savefig(FIGURE, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", nargs="+", default=list(STEPS), choices=list(STEPS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(SEEDS)))
    options = parser.parse_args()
    main(options.steps, options.seeds)
