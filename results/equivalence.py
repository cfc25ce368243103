"""Ways to save work -> whether the validation error stays within +-0.10 points of the full work's.

python results/equivalence.py 20 27    # seeds 20 to 26, into results/equivalence.json

The standard recipe on MNIST, float32 products against bfloat16 ones, and samples of shallow slope
left out against none, each seed by seed; judged on the 10,000 validation images. An arm is
equivalent where the 90 % t interval of the mean paired difference (two one-sided tests at 5 %) lies
within the margin. Runs that were finished before are kept.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import forward_forward as ff
from forward_forward import predict, recipes
from forward_forward.recipes.standard import SKIP

KEPT = Path(__file__).parent / "equivalence.json"
MARGIN = 0.10
FULL = "full work"
ARMS: dict[str, dict[str, Any]] = {
    FULL: {"precision": "bfloat16", "skip": 0.0},
    "float32 products": {"precision": "float32", "skip": 0.0},
    f"skip {SKIP}": {"precision": "bfloat16", "skip": SKIP},
}


def error(seed: int, settings: dict[str, Any]) -> float:
    """Validation error of one run, in percent."""
    train, validation = ff.datasets.mnist()[0].split()
    plan = recipes.standard(train, seed=seed, **settings)
    plan.trainer.fit(train, epochs=plan.epochs, batch_size=plan.batch_size)
    return float(predict.evaluate(plan.trainer.network, validation)["error"])


def judged(errors: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Mean paired difference to the full work, its 90 % interval, and the verdict, by arm."""
    verdicts = {}
    for arm in list(ARMS)[1:]:
        seeds = sorted(errors[arm].keys() & errors[FULL].keys())
        gaps = np.array([errors[arm][seed] - errors[FULL][seed] for seed in seeds])
        low, high = stats.t.interval(0.9, len(gaps) - 1, gaps.mean(), stats.sem(gaps))
        verdicts[arm] = {
            "seeds": len(seeds),
            "difference": round(float(gaps.mean()), 3),
            "low": round(float(low), 3),
            "high": round(float(high), 3),
            "equivalent": bool(low > -MARGIN and high < MARGIN),
        }
    return verdicts


def main(first: int, stop: int) -> None:
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {"errors": {arm: {} for arm in ARMS}}
    for seed in range(first, stop):
        for arm, settings in ARMS.items():
            if str(seed) not in kept["errors"][arm]:
                kept["errors"][arm][str(seed)] = error(seed, settings)
                KEPT.write_text(json.dumps(kept, indent=1) + "\n")
                print(seed, arm, kept["errors"][arm][str(seed)], flush=True)
    kept["verdicts"] = judged(kept["errors"])
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    print(json.dumps(kept["verdicts"], indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
