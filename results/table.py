"""Finished runs -> a tracked JSON file, and the tables of README.md and docs/engine.md.

python results/table.py NAME RUN RUN RUN   # runs of one command with different seeds -> NAME.json
python results/table.py                    # all JSON files here -> the tables
python results/table.py --check            # fails if a table differs from the files

Those of docs/engine.md come from engine/benchmark.json (`ff benchmark --out`),
engine/equivalence.json, engine/many_runs.json and mnist/ (`python results/mnist.py`); the README's
table of the poster's claims comes from poster/*.json (`ff reproduce poster`), those of
docs/sklearn.md from sklearn/estimators.json, sklearn/regressors.json and
sklearn/small_networks.json (`python results/estimators.py`, `regressors.py`, `small_networks.py`;
the last also makes that of docs/troubleshooting.md), those of docs/parallel.md from parallel/
(parallel_tables.py), that of docs/recipes/field.md from field/ (`python results/field.py`), and
those of docs/recipes/local_airbench.md from convolutions/ (`python results/convolutions.py` and
`ladder.py`), those of docs/on_the_device.md from device/ (`device.py`, `device_numbers.py` and
`device_aifes.py`).
"""

from __future__ import annotations

import functools
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import busy
import convolutions
import device_numbers
import device_tables
import field
import ladder
import mnist
import numpy as np
import parallel_tables
import small_networks
from scipy import stats

from forward_forward.lab.reproduce import results
from forward_forward.lab.reproduce.claims import CLAIMS
from forward_forward.lab.statistics import t_interval

HERE = Path(__file__).parent
README, DOCS = HERE.parent / "README.md", HERE.parent / "docs" / "engine.md"
SKLEARN = HERE.parent / "docs" / "sklearn.md"
TROUBLESHOOTING = HERE.parent / "docs" / "troubleshooting.md"
PARALLEL = HERE.parent / "docs" / "parallel.md"
FIELD = HERE.parent / "docs" / "recipes" / "field.md"
CONVOLUTIONS = HERE.parent / "docs" / "recipes" / "local_airbench.md"
DEVICE = HERE.parent / "docs" / "on_the_device.md"
ESTIMATORS = HERE / "sklearn" / "estimators.json"
REGRESSORS = HERE / "sklearn" / "regressors.json"
LEAST = 3


def collect(name: str, runs: list[str]) -> None:
    """Write the figures of finished runs of one command to a file."""
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
        "validation_seconds": [row.get("validation_seconds") for row in rows],
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
    if command["recipe"] != "one_pass":
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
    found = t_interval(values)
    return f"{found.mean:.2f} ± {found.half:.2f}"


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


def steps_table(rows: list[dict[str, Any]]) -> str:
    """Step times of the engine at one batch size; compiled arms of earlier versions are omitted."""
    lines = [
        "| network | step | 50,000 images | ratio to backprop | products alone"
        " | ratio to FF by autograd | in products | exact scan, ratio to naive | bound"
        " | skipping, ratio to backprop |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        seconds = row["step_seconds"]
        step = seconds["engine"]
        cells = [
            row["network"],
            f"{step * 1e3:.1f} ms",
            f"{step * 50_000 / row['batch']:.1f} s",
            f"{step / seconds['backprop']:.2f}",
            f"{row['arithmetic_ratio']:.2f}",
            f"{step / seconds['autograd_ff']:.2f}",
            f"{seconds['products'] / step:.2f}",
            *(
                f"{row[name]:.3f}" if name in row else ""
                for name in ("scan_vs_naive", "scan_bound")
            ),
            _skipping(row["fewer_products"]["step_seconds"]) if "fewer_products" in row else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _skipping(seconds: dict[str, float]) -> str:
    return f"{seconds['engine'] / seconds['backprop']:.2f}"


def memory_table(rows: list[dict[str, Any]]) -> str:
    """Memory of a batch's activities, and the peak of a first step, against depth."""
    lines = [
        "| layers of 256 units | activities, MB | backprop's | peak of a step, MB | backprop's |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        sizes = [
            f"{row[kind][arm] / 1e6:.1f}"
            for kind in ("activity_bytes", "peak_bytes")
            for arm in ("ff", "backprop")
        ]
        lines.append(f"| {len(row['hidden'])} | {' | '.join(sizes)} |")
    return "\n".join(lines)


def equivalence_table(kept: dict[str, Any]) -> str:
    """Ways to save work, compared with the full work."""
    lines = [
        "| variant | baseline | seeds | mean error, % | difference | 90 % interval"
        " | within +-0.10 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, each in kept["verdicts"].items():
        mean = np.mean(list(kept["errors"][name].values()))
        theirs = np.mean(list(kept["errors"][each["against"]].values()))
        cells = [
            name,
            f"{each['against']} ({theirs:.2f} %)",
            str(each["seeds"]),
            f"{mean:.2f}",
            f"{each['difference']:+.2f}",
            f"{each['low']:.2f} to {each['high']:.2f}",
            "yes" if each["equivalent"] else "no",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def many_runs_table(kept: dict[str, Any]) -> str:
    """Milliseconds for a step of one of several runs."""
    rows = kept["milliseconds_a_run_and_step"]
    counts = [name for name in rows[0] if name.isdigit()]
    together = " | ".join(f"{count} together" for count in counts)
    lines = [
        f"| network | batch | one after the other | side by side | {together} |",
        "|---" * (4 + len(counts)) + "|",
    ]
    for row in rows:
        spans = [row["alone"], row["side_by_side"], *(row[count] for count in counts)]
        widths = "-".join(map(str, row["widths"]))
        lines.append(
            f"| {widths} | {row['batch']} | {' | '.join(f'{each:.2f}' for each in spans)} |"
        )
    return "\n".join(lines)


def poster_table(found: dict[str, results.Result]) -> str:
    """Every statement of the poster with its verdict, in Markdown."""
    lines = [
        "| the poster says | verdict | estimate, 95 % interval | p |",
        "|---|---|---|---|",
    ]
    for name, claim in CLAIMS.items():
        statement = f"**{name}** {claim.statement.replace('|', chr(92) + '|')}"
        if name not in found:
            lines.append(f"| {statement} | not run yet | | |")
            continue
        statistic = found[name]["statistic"]
        p = statistic.get("p_holm", statistic["p"])
        small = "" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"
        cells = [statement, found[name]["verdict"], results.estimate(found[name]), small]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def estimators_table(kept: dict[str, Any]) -> str:
    """FFClassifier and MLPClassifier: accuracy, its difference, and times to fit and to predict."""
    lines = [
        "| set | folds | FFClassifier, % | MLPClassifier, % | difference, points | 95 % interval"
        " | seconds to fit | MLPClassifier's | milliseconds to predict | MLPClassifier's |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, rows in kept["sets"].items():
        ours, theirs = np.array(rows["ff"]), np.array(rows["mlp"])
        low, high = corrected_interval(ours - theirs)
        cells = [
            name.replace("_", " "),
            str(len(ours)),
            f"{ours.mean():.2f}",
            f"{theirs.mean():.2f}",
            f"{(ours - theirs).mean():+.2f}",
            f"{low:+.2f} to {high:+.2f}",
            f"{np.median(rows['ff_seconds']):.2f}",
            f"{np.median(rows['mlp_seconds']):.2f}",
            f"{1e3 * np.median(rows['ff_predict_seconds']):.2f}",
            f"{1e3 * np.median(rows['mlp_predict_seconds']):.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def regressors_table(kept: dict[str, Any]) -> str:
    """FFRegressor and MLPRegressor: root-mean-square error, the mean ratio, and seconds to fit."""
    lines = [
        "| set | folds | FFRegressor's error | MLPRegressor's | ratio of the folds | 95 % interval"
        " | seconds to fit | MLPRegressor's |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, rows in kept["sets"].items():
        ours, theirs = np.array(rows["ff"]), np.array(rows["mlp"])
        low, high = corrected_interval(ours / theirs)
        cells = [
            name,
            str(len(ours)),
            f"{ours.mean():.4g}",
            f"{theirs.mean():.4g}",
            f"{(ours / theirs).mean():.3f}",
            f"{low:.3f} to {high:.3f}",
            f"{np.median(rows['ff_seconds']):.2f}",
            f"{np.median(rows['mlp_seconds']):.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def corrected_interval(differences: Any, folds: int = 5) -> tuple[float, float]:
    """A t interval of repeated cross-validation, wider since the folds share training data.

    References:
        Nadeau and Bengio (2003), "Inference for the Generalization Error".
    """
    count = len(differences)
    error = np.sqrt((1 / count + 1 / (folds - 1)) * np.var(differences, ddof=1))
    low, high = stats.t.interval(0.95, count - 1, differences.mean(), error)
    return float(low), float(high)


def written(page: Path, name: str, text: str, *, check: bool) -> None:
    """Write a table into a page, between the marks with its name, or check that it is there."""
    start, end = f"<!-- {name}: made by results/table.py -->", f"<!-- end of {name} -->"
    before, found, rest = page.read_text().partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"{page} expects the marks {start} and {end}")
    new = f"{before}{start}\n{text}\n{end}{after}"
    if check and page.read_text() != new:
        sys.exit(
            f"{page}: the table {name!r} differs from the results: run python results/table.py"
        )
    page.write_text(new)


def of_engine(name: str) -> Any:
    return json.loads((HERE / "engine" / f"{name}.json").read_text())


def main() -> None:
    check = sys.argv[1:] == ["--check"]
    if len(sys.argv) > 1 and not check:
        collect(sys.argv[1], sys.argv[2:])
    put = functools.partial(written, check=check)
    put(README, "results", table())
    put(README, "poster", poster_table(results.read(HERE / "poster")))
    rows = [row for row in of_engine("benchmark")["networks"] if row["batch"] == 512]
    put(DOCS, "steps", steps_table([row for row in rows if row["hidden"][0] != 256]))
    put(DOCS, "memory", memory_table([row for row in rows if row["hidden"][0] == 256]))
    put(DOCS, "equivalence", equivalence_table(of_engine("equivalence")))
    put(DOCS, "many runs", many_runs_table(of_engine("many_runs")))
    for name, text in parallel_tables.tables().items():
        put(PARALLEL, name, text)
    put(DOCS, "budgets", mnist.table())
    put(FIELD, "field", field.table())
    for name in dict.fromkeys(row["set"] for row in convolutions.kept()):
        put(CONVOLUTIONS, name, convolutions.table(name))
    put(CONVOLUTIONS, "layers", convolutions.layers_table("cifar10_jpeg"))
    put(CONVOLUTIONS, "ladder", ladder.table())
    put(DEVICE, "device", device_tables.networks())
    put(DEVICE, "depths", device_tables.depths())
    put(DEVICE, "numbers", device_numbers.table())
    put(SKLEARN, "estimators", estimators_table(json.loads(ESTIMATORS.read_text())))
    put(SKLEARN, "small networks", small_networks.table())
    put(TROUBLESHOOTING, "upper layers", small_networks.upper_layers_table())
    put(TROUBLESHOOTING, "busy", busy.table())
    put(SKLEARN, "regressors", regressors_table(json.loads(REGRESSORS.read_text())))


if __name__ == "__main__":
    main()
