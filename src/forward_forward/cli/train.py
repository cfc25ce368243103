"""``ff train``: options -> a trained network in a run's folder, and its errors."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from forward_forward.cli.train_settings import TrainOptions
from forward_forward.plugins import KINDS, plugin_names


@dataclass(frozen=True)
class TrainCommand(TrainOptions):
    """Train a network, and print its errors in total and by layer."""

    def __call__(self) -> int:
        from forward_forward.cli.training import Training

        return Training(self).run()


def _added() -> str:
    """What installed packages add, for the help."""
    kinds = {kind: ", ".join(plugin_names(kind)) for kind in KINDS}
    lines = [f"{kind}: {names}" for kind, names in kinds.items() if names]
    return "\n\nAdded by installed packages: " + "; ".join(lines) + "." if lines else ""


if {"-h", "--help"} & {*sys.argv}:
    TrainCommand.__doc__ = f"{TrainCommand.__doc__}{_added()}"
