"""Data and a user's parts -> a row of figures for each part of a kind that training can exchange.

A row is a recipe with one part exchanged, or a term added: the time of a step relative to the
recipe's own, where its slope comes from, and its validation error after an equal, small budget. The
recipe is the standard one; for read-outs and terms it is that of one pass.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forward_forward import goodness, losses, predict, recipes
from forward_forward.contracts import Named, library
from forward_forward.data import Data
from forward_forward.fast_paths import fast_path
from forward_forward.lab.benchmark.measure import block_seconds
from forward_forward.lab.statistics import paired
from forward_forward.optimize import Trainer
from forward_forward.optimize.precision import Precision
from forward_forward.readouts import HasReadoutSlopes
from forward_forward.recipes import Plan
from forward_forward.track.run_record import machine

Row = dict[str, Any]
Say = Callable[[str], None]
RECIPES: dict[str, Callable[..., Plan]] = {
    "loss": recipes.standard,
    "goodness": recipes.standard,
    "negatives": recipes.standard,
    "readout": recipes.one_pass,
    "term": recipes.one_pass,
}


def _default(recipe: Callable[..., Plan], name: str) -> Any:
    return inspect.signature(recipe).parameters[name].default


@dataclass(frozen=True)
class Budget:
    """How large the runs of each part are."""

    hidden: tuple[int, ...] = (500, 500)  # units of each layer
    shown: int = 18_000  # samples that each run is trained on, rounded to whole epochs
    seeds: tuple[int, ...] = (0, 1, 2)
    seconds: float = 10.0  # time for the steps of all parts together
    turns: int = 40  # steps to time for each part, even if that exceeds ``seconds``
    precision: Precision = "auto"  # of the products

    def epochs(self, samples: int) -> int:
        """Passes over a training set of this many samples.

        >>> Budget().epochs(1_222)
        15
        """
        return max(1, round(self.shown / samples))


QUICK = Budget((100, 100), shown=5_000, seconds=3.0)


def benchmark_parts(
    data: Data, own: Sequence[Named], budget: Budget, say: Say = lambda _: None
) -> dict[str, Any]:
    """Compare the library's parts, and the user's own, in one run.

    A fraction of the data is held out for validation; ``say`` gets a line of text as the benchmark
    advances.

    Returns:
        ``machine``, ``data``, the ``budget`` and ``parts``: for each its ``kind``, its ``name``,
        whether it is the user's ``own``, the ``recipe`` and whether it is the recipe's
        ``standard``; ``step_seconds`` and ``step_vs_standard``; ``gradients`` ("closed form" or
        "autograd", None for negatives); ``errors`` by seed in percent, their mean ``error`` and its
        ``interval`` [low, high], and the same for the ``difference`` from the recipe's own parts,
        paired by seed;
        ``failed``, the reason if there are no errors, else None.
    """
    training, validation = data.split()
    rows = _rows([*library(len(data.classes)), *own])
    say(f"{len(rows)} parts: timing steps")
    seconds = _step_seconds(training, rows, budget)
    trained: dict[str, Row] = {}
    for row in rows:
        run = _run_name(row)
        if run not in trained:
            say(f"{run}: {len(budget.seeds)} runs")
            trained[run] = _errors(training, validation, row, budget)
        row |= trained[run]
    for row in rows:
        row["step_seconds"] = seconds[_run_name(row)]
        row["step_vs_standard"] = row["step_seconds"] / seconds[row["recipe"]]
        row |= _estimates(row["errors"], trained[row["recipe"]]["errors"])
        del row["part"]
    return {
        "machine": machine(),
        "data": data.name,
        "budget": {
            "hidden": list(budget.hidden),
            "epochs": budget.epochs(len(training)),
            "training": len(training),
            "validation": len(validation),
            "seeds": list(budget.seeds),
            "precision": budget.precision,
        },
        "parts": rows,
    }


def _rows(parts: Sequence[Named]) -> list[Row]:
    """A row for each part, grouped by kind, the library's first."""
    return [
        {
            "kind": kind,
            "name": each.name,
            "own": each.own,
            "recipe": recipe.__name__,
            "standard": _is_standard(each, recipe),
            "gradients": gradients_of(each),
            "part": each.part,
        }
        for kind, recipe in RECIPES.items()
        for each in parts
        if each.kind == kind
    ]


def _is_standard(each: Named, recipe: Callable[..., Plan]) -> bool:
    """Whether a part is the one that its recipe has by default; none has a term."""
    if each.kind == "readout":
        return not each.own and type(each.part) is _default(recipe, "goodness")
    return each.kind != "term" and bool(each.part == _default(recipe, each.kind))


def gradients_of(each: Named) -> str | None:
    """How the slope of a part is computed: "closed form", "autograd", or None if it has none.

    >>> from forward_forward.contracts import typed_parts
    >>> gradients_of(typed_parts(["l2_norm"])[0])
    'closed form'
    """
    if each.kind == "negatives":
        return None
    closed_form: Any = {
        "goodness": goodness.HasSlope,
        "loss": losses.HasSlopes,
        "readout": HasReadoutSlopes,
    }.get(each.kind)
    by_hand = closed_form is not None and fast_path(each.part, closed_form) is not None
    return "closed form" if by_hand else "autograd"


def _run_name(row: Row) -> str:
    """The standard parts of all kinds of a recipe share one run, under the recipe's name."""
    return str(row["recipe"] if row["standard"] else f"{row['kind']} {row['name']}")


def _settings(row: Row) -> Mapping[str, Any]:
    if row["standard"]:
        return {}
    # Read-outs and terms with weights: each network trains its own copy.
    part = row["part"]
    if row["kind"] == "readout":
        return {"goodness": copy.deepcopy(part)}
    if row["kind"] == "term":
        return {"terms": (copy.deepcopy(part),)}
    return {row["kind"]: part}


def _step_seconds(training: Data, rows: Sequence[Row], budget: Budget) -> dict[str, float]:
    def call_of(row: Row) -> Callable[[], object]:
        # No samples are skipped and the weights do not change: how many samples are skipped, and
        # so the time, depends on the network's accuracy.
        further = {"skip": 0.0} if row["recipe"] == "standard" else {}
        try:
            plan = _plan(training, row, budget, **further)
            trainer: Trainer = plan.trainer
            trainer.network.train()
            trainer.set_rate(0.0)
            x, y, _ = next(training.batches(plan.batch_size))
            trainer.step(x, y)
        except Exception as error:  # a user's part: name it before time is spent
            kind = type(error).__name__
            raise ValueError(
                f"a step with {_run_name(row)} fails, see `ff check`: {kind}: {error}"
            ) from error
        return lambda: trainer.step(x, y)

    calls = {_run_name(row): call_of(row) for row in rows}
    least = max(1, budget.turns // 2)
    found = block_seconds(calls, budget=budget.seconds, least=least, block=2)
    # Not the median: other work on the machine may disturb every second of such short steps.
    return {name: sorted(each)[len(each) // 10] for name, each in found.items()}


def _plan(training: Data, row: Row, budget: Budget, **further: Any) -> Plan:
    return RECIPES[row["kind"]](
        training,
        epochs=budget.epochs(len(training)),
        hidden=budget.hidden,
        precision=budget.precision,
        **_settings(row),
        **further,
    )


def _errors(training: Data, validation: Data, row: Row, budget: Budget) -> Row:
    """Validation errors in percent, by seed, with the weights at the end of training."""
    errors = []
    for seed in budget.seeds:
        plan = _plan(training, row, budget, seed=seed)
        try:
            plan.trainer.fit(training, epochs=plan.epochs, batch_size=plan.batch_size)
        except ArithmeticError as error:  # it diverged, which is a result
            return {"errors": [], "failed": str(error)}
        errors.append(float(predict.evaluate(plan.trainer.network, validation)["error"]))  # type: ignore[arg-type]
    return {"errors": errors, "failed": None}


def _estimates(errors: Sequence[float], standard: Sequence[float]) -> Row:
    if not errors or not standard:
        return {"error": None, "interval": None, "difference": None, "difference_interval": None}
    mean = paired(errors)
    less = paired([mine - its for mine, its in zip(errors, standard, strict=True)])
    return {
        "error": mean.estimate,
        "interval": [mean.low, mean.high],
        "difference": less.estimate,
        "difference_interval": [less.low, less.high],
    }
