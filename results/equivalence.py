"""Ways to save work -> whether the validation error stays within +-0.10 points of the full work's.

python results/equivalence.py 20 27    # seeds 20 to 26, into results/engine/equivalence.json

The standard recipe on MNIST, each way against the same work without it, paired by seed; evaluated
on the 10,000 validation images. A way is equivalent if the 90 % t interval of the mean paired
difference (two one-sided tests at 5 %) lies within the margin. Finished runs are kept. bfloat16
products are tried if the processor multiplies them in hardware.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import forward_forward as ff
from forward_forward import files, losses, predict, recipes, seeds
from forward_forward.examples import AppendLabel, Inputs
from forward_forward.lab.statistics import t_interval
from forward_forward.optimize import cosine
from forward_forward.optimize.precision import products
from forward_forward.track.run_record import machine

KEPT = Path(__file__).parent / "engine" / "equivalence.json"
MARGIN = 0.10


class EveryOther(AppendLabel):
    """`AppendLabel` with negatives in every other step only.

    Such a step has two of them, so that both signs have the same weight in total.
    """

    steps = 0

    def negative(
        self, x: Any, y: Tensor | None, rng: torch.Generator, scores: Tensor | None = None
    ) -> Inputs:
        type(self).steps += 1
        once = super().negative(x, y, rng, scores)
        if self.steps % 2:
            return dataclasses.replace(once, index=once.index[:0])
        twice = super().negative(x, y, rng, scores)
        return dataclasses.replace(once, index=torch.cat([once.index, twice.index]))


def steep(network: ff.Network) -> None:
    for layer in network.layers:
        layer.temperature = 0.1


def every_other(network: ff.Network) -> None:
    steep(network)
    EveryOther.steps = 0
    examples = network.examples
    fields = {each.name: getattr(examples, each.name) for each in dataclasses.fields(AppendLabel)}
    network.examples = EveryOther(**fields)


@dataclasses.dataclass(frozen=True)
class Way:
    """Settings of the standard recipe, a change to its network, and the arm to compare with."""

    settings: dict[str, Any]
    against: str = ""
    change: Callable[[ff.Network], None] = lambda network: None


LOG = {"loss": losses.log_sigmoid, "threshold": "width", "lr": 2e-3}
LOW = "bfloat16" if products("auto", torch.device("cpu")) else "float32"
WAYS = {
    "full work": Way({"precision": LOW, "skip": 0.0}),
    **{
        f"skip {skip}": Way({"precision": LOW, "skip": skip}, "full work")
        for skip in (0.05, 0.1, 0.2)
    },
    "log-sigmoid": Way({"precision": LOW, **LOG}, "", steep),
    "log-sigmoid, negatives every other step": Way(
        {"precision": LOW, **LOG}, "log-sigmoid", every_other
    ),
}
if LOW == "bfloat16":
    WAYS["float32 products"] = Way({"precision": "float32", "skip": 0.0}, "full work")


def error(seed: int, way: Way) -> float:
    """Validation error of one run, in percent."""
    train, validation = ff.datasets.mnist()[0].split()
    plan = recipes.standard(train, seed=seed, **way.settings)
    way.change(plan.trainer.network)
    plan.trainer.network.train()
    for epoch in range(plan.epochs):  # not `fit`, whose figures are those of steps of one kind
        order = seeds.generator(seed, "order", epoch)
        batches = list(train.batches(plan.batch_size, shuffle=order))
        for step, batch in enumerate(batches):
            plan.trainer.set_rate(cosine(epoch + step / len(batches), plan.epochs))
            plan.trainer.step(*batch)
    return float(predict.evaluate(plan.trainer.network, validation)["error"])


def judged(errors: dict[str, dict[str, float]], name: str) -> dict[str, Any]:
    """Mean paired difference of an arm to the one it is compared with, and the verdict."""
    mine, theirs = errors[name], errors[WAYS[name].against]
    gaps = [mine[seed] - theirs[seed] for seed in sorted(mine.keys() & theirs.keys())]
    found = t_interval(gaps, 0.9)
    return {
        "against": WAYS[name].against,
        "seeds": len(gaps),
        "difference": round(found.mean, 3),
        "low": round(found.low, 3),
        "high": round(found.high, 3),
        "equivalent": found.low > -MARGIN and found.high < MARGIN,
    }


def main(first: int, stop: int) -> None:
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {"errors": {}}
    kept["machine"] = {**machine(), "products": LOW}
    for seed in range(first, stop):
        for name, way in WAYS.items():
            errors = kept["errors"].setdefault(name, {})
            if str(seed) not in errors:
                errors[str(seed)] = error(seed, way)
                files.write_json(KEPT, kept)
                print(seed, name, errors[str(seed)], flush=True)
    compared = [name for name, way in WAYS.items() if way.against]
    kept["verdicts"] = {name: judged(kept["errors"], name) for name in compared}
    files.write_json(KEPT, kept)
    print(json.dumps(kept["verdicts"], indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
