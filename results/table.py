"""Finished runs -> a tracked JSON file and the README's table.

python results/table.py NAME RUN RUN RUN   # runs of one command with different seeds -> NAME.json
python results/table.py                    # all JSON files here -> the table in README.md
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
START, END = "<!-- results: made by results/table.py -->", "<!-- end of results -->"
LEAST = 3


def collect(name: str, runs: list[str]) -> None:
    """Keep what finished runs of one command say."""
    rows = [json.loads((Path(run) / "run.json").read_text()) for run in runs]
    seeds = [row["trainer"]["seed"] for row in rows]
    settings = [_settings(row) for row in rows]
    if len(set(seeds)) < LEAST or any(each != settings[0] for each in settings):
        sys.exit(f"expected runs of one command with at least {LEAST} seeds, got seeds {seeds}")
    kept = {
        "name": name,
        "command": _command(rows[0]["command"]),
        **settings[0],
        "seeds": seeds,
        "test_errors": [row["test_error"] for row in rows],
        "validation_errors": [row["validation_error"] for row in rows],
        "seconds": [row["seconds"] for row in rows],
        "test": [row["test"] for row in rows],
        "machine": [row["machine"] for row in rows],
    }
    (HERE / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")


def _settings(row: dict[str, Any]) -> dict[str, Any]:
    """What runs of one command have in common: all but the seed."""
    return {
        "network": row["network"],
        "trainer": {**row["trainer"], "seed": None},
        "fit": row["fit"],
        "data": row["data"],
    }


def _command(command: dict[str, object]) -> str:
    words = ["ff", "train", "--data", str(command["data"])]
    if command["recipe"] != "standard":
        words += ["--recipe", str(command["recipe"])]
    settings = command["settings"]
    if isinstance(settings, dict):
        for option, value in settings.items():
            if option != "seed":
                values = value if isinstance(value, list) else [value]
                words += [f"--{option.replace('_', '-')}", *map(str, values)]
    return shlex.join(words)


def interval(values: list[float]) -> str:
    """Mean and half the width of its 95 % t interval."""
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{np.mean(values):.2f} ± {half:.2f}"


def table() -> str:
    """The README's table in Markdown."""
    lines = [
        "| command (with `--seed`) | test error, % | seeds | seconds of training |",
        "|---|---|---|---|",
    ]
    for path in sorted(HERE.glob("*.json")):
        kept = json.loads(path.read_text())
        seconds = f"{np.mean(kept['seconds']):.0f}"
        cells = f"`{kept['command']}` | {interval(kept['test_errors'])}"
        lines.append(f"| {cells} | {len(kept['seeds'])} | {seconds} |")
    return "\n".join(lines)


def main() -> None:
    if len(sys.argv) > 1:
        collect(sys.argv[1], sys.argv[2:])
    before, _, rest = README.read_text().partition(START)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{START}\n{table()}\n{END}{after}")


if __name__ == "__main__":
    main()
