"""The content of run.json: the machine of a run, and a table of the run for a notebook."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from forward_forward.display.html import table
from forward_forward.display.numerals import MISSING, number
from forward_forward.track.numbers import error_text, unit_of


def machine() -> dict[str, Any]:
    """The machine and versions on which a run's figures may depend."""
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def run_table(path: Path, about: Mapping[str, Any], rows: int) -> str:
    """The outcome of a run as an HTML table: its folder, run.json, and epochs that are done."""
    unit, epochs = unit_of(about), about.get("fit", {}).get("epochs")
    values = {
        "folder": path,
        "status": about.get("status"),
        "data": about.get("data", {}).get("name"),
        "layers": len(about["network"]["layers"]) if "network" in about else None,
        "epochs": rows if epochs is None else f"{rows:,} of {epochs:,}",
        "best epoch": about.get("best_epoch"),
        f"validation error, {unit}": error_text(about.get("validation_error"), about),
        f"test error, {unit}": error_text(about.get("test_error"), about),
        "seconds": number(about.get("seconds"), 1),
    }
    known = {name: value for name, value in values.items() if value not in (None, MISSING)}
    return table(f"Run {path.name}", (), list(known.items()))
