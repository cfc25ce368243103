"""A folder of ``ff sweep``, with its sweep.json and trials.json -> one HTML page."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from forward_forward.display.numerals import MISSING, number, setting
from forward_forward.report import trials as draw
from forward_forward.report.environment import render
from forward_forward.report.figures import Content, Panel, content_html
from forward_forward.report.svg import drawing, themed
from forward_forward.sweep import folder
from forward_forward.sweep.record import COUNTED, ENOUGH, Outcome, setting_text, short

INTERRUPTED = ("interrupted", "broken off")  # the latter in files of version 0.1
DOTS = "Dots: complete trials. Rings: pruned or diverged trials, at their lowest error."


def sweep_page(path: Path | str, *, command: str | None = None) -> str:
    """A self-contained HTML page of a sweep.

    Args:
        path: The sweep's folder.
        command: The command that repeats the best trial, to be shown; None for no command.

    Raises:
        ValueError: The folder holds no sweep.
    """
    path = Path(path)
    about, kept = folder.about(path), folder.trials(path)
    outcome = Outcome(kept["trials"], kept["importance"])
    best, counted = outcome.best, outcome.counted
    settings = {} if best is None else best["settings"]
    started = [trial for trial in outcome.trials if trial["state"] != "withdrawn"]
    with drawing():
        return render(
            "sweep.html",
            title=f"Sweep {path.resolve().name}",
            facts=_facts(about, outcome),
            best=best,
            chosen=[(name, setting_text(value)) for name, value in settings.items()],
            command=command,
            counted=len(counted),
            history=_history(outcome) if counted else [],
            dots=DOTS,
            importance=_importance(outcome),
            enough=ENOUGH,
            slices=_slices(counted),
            table=_table(started),
            raw=_raw(started),
        )


def _facts(about: Mapping[str, Any], outcome: Outcome) -> list[tuple[str, str]]:
    asked = about["asked"]
    states = [trial["state"] for trial in outcome.trials]
    ended = ", ".join(f"{states.count(each)} {each}" for each in COUNTED if each in states)
    interrupted = sum(state in INTERRUPTED for state in states)
    fixed = ", ".join(f"{name} {setting(value)}" for name, value in asked.get("fixed", {}).items())
    samples = asked["samples"]
    facts = {
        "data": f"{asked.get('data', MISSING)}: {samples['train']:,} training and"
        f" {samples['validation']:,} validation samples",
        "recipe": str(asked.get("recipe", MISSING)),
        "fixed": fixed,
        "trials": f"{len(outcome.counted)} of {about['trials']}: {ended or 'none finished yet'}"
        + (f"; {interrupted} interrupted, not counted" if interrupted else ""),
        "searched": "; ".join(f"{name} {text}" for name, text in asked["space"].items()),
        "storage": about["storage"] or "a journal in the folder",
        "machine": f"{about['machine']['platform']}, torch {about['machine']['torch']}, Optuna"
        f" {about['optuna']}",
    }
    return [(name, text) for name, text in facts.items() if text]


def _history(outcome: Outcome) -> list[Markup]:
    best = outcome.best
    history = draw.history(outcome.counted)
    curves = draw.curves(outcome.counted, None if best is None else best["number"])
    dots = f"{DOTS} Line: the lowest error of the complete trials so far."
    lines = "Thick: the best trial. Grey, with a cross: trials that ended early."
    return [
        _figure("Error by trial", dots, history, "history"),
        _figure("Error by epoch", lines, curves, "curves"),
    ]


def _importance(outcome: Outcome) -> Markup | None:
    if not outcome.importance:
        return None
    ordered = sorted(outcome.importance.items(), key=lambda each: -each[1])
    complete = sum(trial["state"] == "complete" for trial in outcome.trials)
    caption = (
        f"How well a setting distinguishes the best tenth of the {complete} complete trials from"
        " the others (PED-ANOVA), as a fraction of the total. With few trials it is imprecise."
    )
    return _figure("Importance", caption, draw.bars(dict(ordered)), "importance")


def _slices(counted: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """A figure for each setting that was searched."""
    names = list(dict.fromkeys(name for trial in counted for name in trial["searched"]))
    figures = []
    for place, name in enumerate(names):
        own = [trial for trial in counted if name in trial["searched"]]
        values = [trial["searched"][name] for trial in own]
        if any(isinstance(value, str) for value in values):
            figure = draw.option_slice(own, name)
        else:
            log = min(values) > 0 and max(values) / min(values) >= 5
            figure = draw.numeric_slice(own, name, log=log)
        figures.append(_figure(name, "", figure, f"slice-{place}", small=True))
    return figures


def _figure(title: str, note: str, figure: Figure, prefix: str, *, small: bool = False) -> Markup:
    content = Content([Panel(themed(figure, title, prefix))], small=small, note=note)
    return content_html("curves", title, "", content)


def _table(trials: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows, numbers to three digits."""
    names = _names(trials)
    rows = [
        {
            "trial": str(trial["number"]),
            "state": INTERRUPTED[0] if trial["state"] in INTERRUPTED else trial["state"],
            "validation error, %": number(trial["validation_error"], 2),
            "best epoch": number(trial["best_epoch"]),
            "epochs": str(len(trial["curve"])),
            "seconds": number(trial["seconds"], 1),
            **{name: short(trial["settings"].get(name, MISSING)) for name in names},
        }
        for trial in trials
    ]
    return list(rows[0]) if rows else [], [list(row.values()) for row in rows]


def _names(trials: Sequence[Mapping[str, Any]]) -> list[str]:
    """The settings that any trial had."""
    return list(dict.fromkeys(name for trial in trials for name in trial["settings"]))


def _raw(trials: Sequence[Mapping[str, Any]]) -> str:
    """The same as comma-separated values, with all digits."""
    keys, names = ("number", "state", "validation_error", "best_epoch", "seconds"), _names(trials)
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(["trial", *keys[1:], *names])
    for trial in trials:
        settings = (setting_text(trial["settings"].get(name, "")) for name in names)
        writer.writerow([*(trial[key] for key in keys), *settings])
    return content.getvalue()
