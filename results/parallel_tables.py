"""Results of several processes (results/parallel/) -> the tables of docs/parallel.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pipelines
from scipy import stats

from forward_forward.lab import simulate
from forward_forward.lab.benchmark.parallel import work_of
from forward_forward.lab.benchmark.show_parallel import megabytes

KEPT = Path(__file__).parent / "parallel"
TEN_GIGABIT = simulate.Link(bandwidth=1.25e9, delay=50e-6)
PLANNED = (2, 4, 8, 16, 32, 64, 128)
LAYERS = 128
NEAR = 0.15


def kept(name: str) -> Any:
    """A result, or the rows of one."""
    text = (KEPT / name).read_text()
    return json.loads(text) if name.endswith(".json") else [*map(json.loads, text.splitlines())]


def speed_table(result: dict[str, Any]) -> str:
    lines = [
        "| network | batch | one process | two unconnected | layers x 2 | bound"
        " | fraction of bound | simulated | batches x 2 | backprop x 2 | MB a step: layers"
        " | batches | backprop |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        speed, sent = row["speed_up"], megabytes(row)
        split = " + ".join(map(str, row["split"]))
        cells = [
            row["network"],
            str(row["batch"]),
            f"{1e3 * row['step_seconds']['one process']:.1f} ms",
            f"{speed['unconnected']:.2f}",
            f"**{speed['layers']:.2f}** ({split})",
            f"{row['balance_bound']:.2f}",
            f"{row['of_bound']:.2f}",
            f"{row['simulated']:.2f}",
            f"**{speed['data']:.2f}**",
            f"{speed['backprop, data']:.2f}",
            *(f"{each:.1f}" for each in sent),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    rows = result["rows"]
    steps = min(row["steps_compared"] for row in rows)
    equal = sum(row["weights"]["layers"] == 0 for row in rows)
    worst = max(row["weights"]["data"] for row in rows)
    machine = result["machine"]
    counts = [len(row["rounds"]["layers"]) for row in rows]
    fewest, most = min(counts), max(counts)
    lines += [
        "",
        "Speed-ups are those of steps in the steady state, medians of"
        f" {fewest} to {most} rounds (in parentheses, the layers of each process). After at least"
        f" {steps} steps, the weights of *layers x 2* equalled those of one process bit for bit in"
        f" {equal} of {len(rows)} rows; a tensor of *batches x 2* differed by at most {worst:.1g}"
        " of its length."
        f" ({machine['cpu_capability']}, torch {machine['torch']}, float32.)",
    ]
    return "\n".join(lines)


def network_table(result: dict[str, Any]) -> str:
    lines = [
        "| network | link | raw throughput | one process | step | speed-up | simulated |"
        " measured step over simulated |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in result["found"].items():
        network, link = name.split()
        cells = [
            network.replace("x", " x "),
            "not limited" if link == "veth" else f"{link} Mbit/s",
            f"{row['link']['bandwidth'] / 1e6:,.0f} MB/s",
            f"{1e3 * row['one_process_seconds']:.1f} ms",
            f"{1e3 * row['measured']:.1f} ms",
            f"{row['speed_up']:.2f}",
            f"{row['predicted_speed_up']:.2f}",
            f"{row['ratio']:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def simulator_line(speed: dict[str, Any], network: dict[str, Any]) -> str:
    """The simulator's predictions beside all measurements: of speed-ups, and of steps."""
    links = network["found"].values()
    pairs = [(row["speed_up"]["layers"], row["simulated"]) for row in speed["rows"]]
    pairs += [(row["speed_up"], row["predicted_speed_up"]) for row in links]
    ups = [predicted / found for found, predicted in pairs]
    steps = [row["ratio"] for row in links]
    return (
        f"Of the {len(ups)} speed-ups of distributed layers in both tables, {_near(ups)} lie within"
        f" {100 * NEAR:.0f} % of the simulator's prediction (simulated over measured from"
        f" {min(ups):.2f} to {max(ups):.2f}); of the {len(steps)} step times over a link, which"
        f" need no second measurement in one process, {_near(steps)} lie within it (measured over"
        f" simulated from {min(steps):.2f} to {max(steps):.2f})."
    )


def _near(ratios: list[float]) -> int:
    return sum(abs(ratio - 1) <= NEAR for ratio in ratios)


def accuracy_table(rows: list[dict[str, Any]]) -> str:
    """Test errors of each arm, and the paired difference to the one it is compared with."""
    errors: dict[str, dict[int, float]] = {}
    for row in rows:
        errors.setdefault(row["arm"], {})[row["seed"]] = row["test_error"]
    lines = [
        "| arm | seeds | test error, % | against | difference, points | 95 % interval |",
        "|---|---|---|---|---|---|",
    ]
    for arm, against in _compared(errors).items():
        mine = errors[arm]
        cells = [arm, str(len(mine)), f"{np.mean([*mine.values()]):.2f}", against, "", ""]
        if against:
            theirs = errors[against]
            gaps = np.array([mine[seed] - theirs[seed] for seed in sorted(mine.keys() & theirs)])
            low, high = stats.t.interval(0.95, len(gaps) - 1, gaps.mean(), stats.sem(gaps))
            cells[4:] = [f"{gaps.mean():+.2f}", f"{low:+.2f} to {high:+.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _compared(arms: Any) -> dict[str, str]:
    """Each arm, in the order of the table, and the one that it is compared with."""
    order = [arm for arm in arms if arm in ("exact", "softmax, one head")]
    against: dict[str, str] = {}
    for arm in sorted(arms, key=lambda arm: (arm not in order, arm)):
        if arm.startswith("async"):
            against[arm] = "exact"
        elif arm == "softmax, d = 0":
            against[arm] = "softmax, one head"
        elif "d = " in arm and not arm.endswith("d = 0"):
            against[arm] = f"{arm.partition(',')[0]}, d = 0"
        else:
            against[arm] = ""
    return against


def kills_line(rows: list[dict[str, Any]]) -> str:
    rows = [row for row in rows if row["hit"]]  # in the others, training had ended before
    equal = sum(row["equal"] and row["code"] == 0 for row in rows)
    hung = sum(row.get("hung", False) for row in rows)
    return (
        f"Of {len(rows)} training runs on digits in which one process was killed by SIGKILL at a"
        f" random moment (`python results/kills.py`), {equal} ended with weights bit-for-bit"
        f" identical to those of an undisturbed run, and {hung} hung."
    )


def plan_table(result: dict[str, Any]) -> str:
    """A deep network on many ranks, predicted from measured seconds of layers."""
    row = next(row for row in result["rows"] if len(row["hidden"]) == 5 and row["batch"] == 1024)
    one = work_of(row)
    work = simulate.Work(
        (one.seconds[1],) * LAYERS, (one.sent[1],) * LAYERS, (one.weights[1],) * LAYERS
    )
    lines = [
        "| processes | distributed layers | backprop, GPipe, 8 microbatches | GPipe, 32 |"
        " 1F1B, 32 | microbatches kept, GPipe | 1F1B |",
        "|---|---|---|---|---|---|---|",
    ]
    back = row["step_seconds"]["backprop"] / len(row["hidden"])
    ways = [back / 3] * LAYERS, [2 * back / 3] * LAYERS
    sent = [4 * row["batch"] * row["hidden"][1]] * LAYERS
    for forecast in simulate.plan(work, PLANNED, TEN_GIGABIT):
        few, many = (
            pipelines.gpipe(*ways, forecast.split, microbatches, TEN_GIGABIT, sent)
            for microbatches in (8, 32)
        )
        early = pipelines.one_f_one_b(*ways, forecast.split, 32, TEN_GIGABIT, sent)
        cells = [str(forecast.ranks)]
        cells += [f"{each.speed_up:.1f}" for each in (forecast, few, many, early)]
        cells += [str(many.held), str(early.held)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def tables() -> dict[str, str]:
    """Every table of the page by name."""
    speed, network = kept("parallel.json"), kept("network.json")
    return {
        "parallel speed": speed_table(speed),
        "parallel network": network_table(network),
        "parallel simulator": simulator_line(speed, network),
        "parallel accuracy": accuracy_table(kept("accuracy.jsonl")),
        "parallel kills": kills_line(kept("kills.jsonl")),
        "parallel plan": plan_table(speed),
    }
