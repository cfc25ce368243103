"""MNIST after fixed amounts of training -> results/mnist/budgets.jsonl, a line a run.

python results/mnist.py                              # all missing runs, 5 seeds each
python results/mnist.py --arms one_pass --budgets 8s --seeds 1

The arms are local layers by the recipes `one_pass` and `standard` (the label in the input), and
backprop on the network of `one_pass` with the same tricks: dropout, label smoothing, a cosine
schedule, AdamW and, in its second arm, an adversarial step of the input. Settings and epochs were
chosen on the last 10,000 training images; these runs train on all 60,000 and read the test set
once. Seconds are those of training, on all threads of torch. `python results/table.py` makes the
table.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from forward_forward import datasets, recipes
from forward_forward.data import Data
from forward_forward.forward import MeanSquareOne
from forward_forward.lab.statistics import t_interval
from forward_forward.optimize.schedules import cosine
from forward_forward.optimize.slopes import moved
from forward_forward.track.run_record import machine

KEPT = Path(__file__).parent / "mnist" / "budgets.jsonl"
SEEDS = 5
# Epochs by arm: so many that the arms of a budget take about the same seconds.
BUDGETS: dict[str, dict[str, Any]] = {
    "8s": {"one_pass": 2, "standard": 4, "backprop": 2, "adversarial backprop": 1, "dropout": 0.1},
    "25s": {
        "one_pass": 7,
        "standard": 14,
        "backprop": 7,
        "adversarial backprop": 4,
        "dropout": 0.2,
    },
    "35s": {
        "one_pass": 9,
        "standard": 18,
        "backprop": 9,
        "adversarial backprop": 5,
        "dropout": 0.3,
    },
    "long": {"one_pass": 40, "backprop": 40, "adversarial backprop": 20, "dropout": 0.4},
}
ARMS = ("one_pass", "standard", "backprop", "adversarial backprop")
LONG = (1000, 1000, 1000)
SHORT = (1000, 1000)
RATE, ADVERSARIAL, SMOOTHING, BATCH = 2e-3, 0.1, 0.1, 256


def hidden(budget: str) -> tuple[int, ...]:
    """Units of the layers."""
    return LONG if budget == "long" else SHORT


def local(arm: str, train: Data, test: Data, budget: str, seed: int) -> tuple[float, float]:
    """Seconds and test error of local layers."""
    setting = BUDGETS[budget]
    if arm == "standard":
        plan = recipes.standard(train, seed=seed, epochs=setting[arm], readout=(1, 2))
    else:
        units, rate = hidden(budget), setting["dropout"]
        options: dict[str, Any] = {"hidden": units, "dropout": rate, "readout": (1, len(units))}
        plan = recipes.one_pass(train, seed=seed, epochs=setting[arm], **options)
    began = time.perf_counter()
    plan.trainer.fit(train, epochs=plan.epochs, batch_size=plan.batch_size)
    seconds = time.perf_counter() - began
    x, y, _ = next(test.batches(len(test)))
    wrong = plan.trainer.network.eval().predict(x) != y
    return seconds, 100 * float(wrong.float().mean())


class Perceptron(nn.Module):
    """The same layers with an output layer, each row scaled to mean square 1 first."""

    def __init__(self, widths: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, units in zip((784, *widths), widths, strict=False):
            linear = nn.Linear(inputs, units)
            nn.init.kaiming_normal_(linear.weight)
            layers += [linear, nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layers(MeanSquareOne()(x))
        return scores


def backprop(
    train: Data, test: Data, budget: str, seed: int, *, adversarial: bool
) -> tuple[float, float]:
    """Seconds and test error of backprop, with products in bfloat16 like those of local layers."""
    setting = BUDGETS[budget]
    epochs = setting["adversarial backprop" if adversarial else "backprop"]
    torch.manual_seed(seed)
    model = Perceptron(hidden(budget), setting["dropout"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0, fused=True)
    order = torch.Generator().manual_seed(seed)
    steps = len(train) // BATCH
    began = time.perf_counter()
    for epoch in range(epochs):
        for step, (x, y, _) in enumerate(train.batches(BATCH, shuffle=order)):
            for group in optimizer.param_groups:
                group["lr"] = RATE * cosine(epoch + min(step / steps, 1), epochs)
            _step(model, optimizer, x.flatten(1), y, adversarial=adversarial)
    seconds = time.perf_counter() - began
    model.eval()
    x, y, _ = next(test.batches(len(test)))
    with torch.no_grad():
        wrong = model(x.flatten(1)).argmax(1) != y
    return seconds, 100 * float(wrong.float().mean())


def _step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    adversarial: bool,
) -> None:
    if adversarial:
        leaf = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(_loss(model, leaf, y), leaf)
        x = moved(x, slope, ADVERSARIAL)
    optimizer.zero_grad()
    _loss(model, x, y).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _loss(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        scores = model(x)
    return functional.cross_entropy(scores.float(), y, label_smoothing=SMOOTHING)


def run(arm: str, budget: str, seed: int, train: Data, test: Data) -> dict[str, Any]:
    """Train an arm with a seed, and return its results."""
    if arm in ("one_pass", "standard"):
        seconds, error = local(arm, train, test, budget, seed)
    else:
        adversarial = arm == "adversarial backprop"
        seconds, error = backprop(train, test, budget, seed, adversarial=adversarial)
    setting = BUDGETS[budget]
    return {
        "arm": arm,
        "budget": budget,
        "seed": seed,
        "test_error": error,
        "seconds": round(seconds, 2),
        "epochs": setting[arm],
        "hidden": [500, 500] if arm == "standard" else list(hidden(budget)),
        "dropout": setting["dropout"],
        "machine": machine(),
    }


def kept() -> list[dict[str, Any]]:
    """The runs so far."""
    return [*map(json.loads, KEPT.read_text().splitlines())] if KEPT.exists() else []


def main(arms: list[str], budgets: list[str], seeds: int) -> None:
    train, test = datasets.named("mnist")
    KEPT.parent.mkdir(exist_ok=True)
    for seed in range(seeds):
        for budget in budgets:
            for arm in arms:
                done = {(row["arm"], row["budget"], row["seed"]) for row in kept()}
                if arm in BUDGETS[budget] and (arm, budget, seed) not in done:
                    row = run(arm, budget, seed, train, test)
                    with KEPT.open("a") as file:
                        file.write(json.dumps(row) + "\n")
                    said = f"{row['test_error']:.2f} %, {row['seconds']:.1f} s"
                    print(arm, budget, seed, said, flush=True)


def table() -> str:
    """The table of docs/recipes/one_pass.md."""
    lines = [
        "| training | network | epochs | test error, % | seeds | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for budget in BUDGETS:
        for arm in ARMS:
            rows = [row for row in kept() if (row["arm"], row["budget"]) == (arm, budget)]
            if len(rows) >= 3:
                error = t_interval([row["test_error"] for row in rows])
                seconds = sum(row["seconds"] for row in rows) / len(rows)
                units = " - ".join(map(str, rows[0]["hidden"]))
                name = f"local, `{arm}`" if arm in recipes.__all__ else arm
                cells = [
                    name,
                    units,
                    str(rows[0]["epochs"]),
                    f"{error.mean:.2f} ± {error.half:.2f}",
                ]
                lines.append(f"| {' | '.join([*cells, str(len(rows)), f'{seconds:.1f}'])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    parser.add_argument("--budgets", nargs="+", default=list(BUDGETS))
    parser.add_argument("--seeds", type=int, default=SEEDS)
    options = parser.parse_args()
    main(options.arms, options.budgets, options.seeds)
