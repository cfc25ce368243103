"""A folder of ``ff sweep``, with its sweep.json and trials.json -> one HTML page."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from forward_forward.report import trials as drawn
from forward_forward.report.environment import environment
from forward_forward.report.figures import Panel, Parts
from forward_forward.report.numerals import MISSING, number, setting
from forward_forward.report.svg import drawing, themed
from forward_forward.sweep import folder
from forward_forward.sweep.record import COUNTED, ENOUGH, Outcome, setting_text, short

DOTS = "Dots: complete trials. Rings: those pruned or diverged, at their best error."


def sweep_page(path: Path | str, *, command: str | None = None) -> str:
    """One HTML page of a sweep; it loads nothing from elsewhere.

    Args:
        path: The sweep's folder.
        command: What makes the best trial's run again, to be shown; None for nothing.

    Returns:
        The page.

    Raises:
        ValueError: The folder holds no sweep.
    """
    path = Path(path)
    about, kept = folder.about(path), folder.trials(path)
    outcome = Outcome(kept["trials"], kept["importance"])
    counted = outcome.counted
    begun = [trial for trial in outcome.trials if trial["state"] != "withdrawn"]
    return (
        environment()
        .get_template("sweep.html")
        .render(
            title=f"Sweep {path.resolve().name}",
            facts=_facts(about, outcome),
            best=outcome.best,
            chosen=_chosen(outcome),
            command=command,
            counted=len(counted),
            history=_history(outcome) if counted else [],
            dots=DOTS,
            importance=_importance(outcome),
            enough=ENOUGH,
            slices=_slices(counted),
            table=_table(begun),
            raw=_raw(begun),
        )
    )


def _facts(about: Mapping[str, Any], outcome: Outcome) -> list[tuple[str, str]]:
    asked = about["asked"]
    states = [trial["state"] for trial in outcome.trials]
    ended = ", ".join(f"{states.count(each)} {each}" for each in COUNTED if each in states)
    lost = states.count("broken off")
    fixed = ", ".join(f"{name} {setting(value)}" for name, value in asked.get("fixed", {}).items())
    samples = asked["samples"]
    facts = {
        "data": f"{asked.get('data', MISSING)}: {samples['train']:,} to train on,"
        f" {samples['validation']:,} to judge by",
        "recipe": str(asked.get("recipe", MISSING)),
        "fixed": fixed,
        "trials": f"{len(outcome.counted)} of {about['trials']}: {ended or 'none over yet'}"
        + (f"; {lost} broken off do not count" if lost else ""),
        "searched": "; ".join(f"{name} {text}" for name, text in asked["space"].items()),
        "storage": about["storage"] or "a journal in the folder",
        "machine": f"{about['machine']['platform']}, torch {about['machine']['torch']}, Optuna"
        f" {about['optuna']}",
    }
    return [(name, text) for name, text in facts.items() if text]


def _chosen(outcome: Outcome) -> list[tuple[str, str]]:
    """The best trial's settings, with all digits."""
    best = outcome.best
    return (
        []
        if best is None
        else [(name, setting_text(each)) for name, each in best["settings"].items()]
    )


def _history(outcome: Outcome) -> list[Markup]:
    best = outcome.best
    said = f"{DOTS} Line: the best so far of the complete ones."
    early = "Thick: the best trial. Grey, with a cross: trials that ended early."
    with drawing():
        history = drawn.history(outcome.counted)
        curves = drawn.curves(outcome.counted, None if best is None else best["number"])
        return [
            _figure("Error by trial", said, history, "history"),
            _figure("Error by epoch", early, curves, "curves"),
        ]


def _importance(outcome: Outcome) -> Markup | None:
    if not outcome.importance:
        return None
    ordered = sorted(outcome.importance.items(), key=lambda each: -each[1])
    whole = sum(trial["state"] == "complete" for trial in outcome.trials)
    caption = (
        f"How far a setting tells the best tenth of the {whole} complete trials from the others"
        " (PED-ANOVA), in shares of all. From few trials it is rough."
    )
    with drawing():
        return _figure("Importance", caption, drawn.bars(dict(ordered)), "importance")


def _slices(counted: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """A figure for each setting that was searched."""
    names = list(dict.fromkeys(name for trial in counted for name in trial["searched"]))
    figures = []
    for place, name in enumerate(names):
        own = [trial for trial in counted if name in trial["searched"]]
        values = [trial["searched"][name] for trial in own]
        with drawing():
            if any(isinstance(value, str) for value in values):
                figure = drawn.slices(own, name)
            else:
                log = min(values) > 0 and max(values) / min(values) >= 5
                figure = drawn.slice_of(own, name, log=log)
            figures.append(_figure(name, "", figure, f"slice-{place}", small=True))
    return figures


def _figure(
    title: str, caption: str, figure: Figure, prefix: str, *, small: bool = False
) -> Markup:
    parts = Parts([Panel(themed(figure, title, prefix))], small=small, note=caption)
    template = environment().get_template("figure.html")
    return Markup(template.render(title=title, caption="", parts=parts, kind="curves"))


def _table(trials: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows, numbers to three digits."""
    names = _names(trials)
    columns = ["trial", "state", "validation error, %", "best epoch", "epochs", "seconds", *names]
    rows = [
        [
            str(trial["number"]),
            trial["state"],
            number(trial["validation_error"], 2),
            number(trial["best_epoch"]),
            str(len(trial["curve"])),
            number(trial["seconds"], 1),
            *(short(trial["settings"].get(name, MISSING)) for name in names),
        ]
        for trial in trials
    ]
    return columns, rows


def _names(trials: Sequence[Mapping[str, Any]]) -> list[str]:
    """The settings that some trial had."""
    return list(dict.fromkeys(name for trial in trials for name in trial["settings"]))


def _raw(trials: Sequence[Mapping[str, Any]]) -> str:
    """The same as comma-separated values, with all digits."""
    names = _names(trials)
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(["trial", "state", "validation_error", "best_epoch", "seconds", *names])
    for trial in trials:
        settings = (setting_text(trial["settings"].get(name, "")) for name in names)
        figures = (trial[key] for key in ("number", "state", "validation_error", "best_epoch"))
        writer.writerow([*figures, trial["seconds"], *settings])
    return content.getvalue()
