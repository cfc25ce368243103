"""python -m tests.chaos --kills 500 --damages 3000 --flips 3000 --seed 7

Kills commands that write, damages files that are read, and prints what was lost or taken as whole.
"""

import argparse
import collections
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import filelock  # noqa: F401, forks have what is imported here
import optuna  # noqa: F401
import safetensors.torch  # noqa: F401
import sklearn.datasets  # noqa: F401
import torch
import torch._dynamo  # of torch's optimisers
import torch.onnx
from tests.chaos.damages import Damager, flips
from tests.chaos.kills import Killer

from forward_forward import datasets, recipes, report, sweep  # noqa: F401


def repeat(what: str, count: int, strike: Callable[[], tuple[str, str | None]]) -> list[str]:
    """Strike some times, print the counts, and return what went wrong."""
    began, struck, wrong = time.monotonic(), collections.Counter[str](), []
    for number in range(1, count + 1):
        name, found = strike()
        struck[name] += 1
        if found is not None:
            wrong.append(f"{what} {number}, {name}: {found}")
            print(wrong[-1], file=sys.stderr, flush=True)
    counts = ", ".join(f"{name} {times}" for name, times in sorted(struck.items()))
    seconds = time.monotonic() - began
    print(f"{what}s: {count} ({counts}), {len(wrong)} wrong, {seconds:.0f} s", flush=True)
    return wrong


def main() -> None:
    """Run the campaign; the exit code is 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--damages", type=int, default=300)
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # a fork has no other threads
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "kills").mkdir()
        wrong = repeat("kill", options.kills, Killer(folder / "kills", options.seed).strike)
        wrong += repeat("damage", options.damages, Damager(folder, options.seed).strike)
        accepted = flips(folder, options.flips, options.seed)
        print(f"flips: {options.flips}, {len(accepted)} accepted")
    sys.exit(1 if wrong or accepted else 0)


if __name__ == "__main__":
    main()
