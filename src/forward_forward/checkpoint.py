"""A run and its folder: run.json, metrics.jsonl, checkpoints of safetensors and JSON, all atomic.

runs/NAME/run.json                                  what was asked, where it ran, how it ended
runs/NAME/metrics.jsonl                             one line an epoch
runs/NAME/checkpoints/last/network.safetensors      weights, and all that resuming needs:
runs/NAME/checkpoints/last/trainer.safetensors      the optimisers' memory
runs/NAME/checkpoints/last/progress.json            where training stands
runs/NAME/checkpoints/last/shard-*.safetensors      both of them, where several ranks trained
runs/NAME/checkpoints/best/network.safetensors      the weights of the best validation error
runs/NAME/tensorboard/, runs/NAME/mlflow.json       where `ff train --track` is asked for
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from torch import Tensor

from forward_forward import files
from forward_forward.forward import Network
from forward_forward.forward.description import build
from forward_forward.track import Jsonl, mlflow, tensorboard

Which = Literal["best", "last"]

MADE_BY = "forward-forward"


class Run:
    """The folder of one run.

    Args:
        path: The folder.

    Raises:
        ValueError: The folder holds no run.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not is_run(self.path):
            raise ValueError(
                f"expected a run's folder with a run.json in it, got {str(self.path)!r}: name the"
                " folder that `ff train --out` printed"
            )
        self.metrics = Jsonl(self.path / "metrics.jsonl")

    @classmethod
    def create(cls, path: Path | str, about: Mapping[str, Any], *, overwrite: bool = False) -> Run:
        """Make a run's folder.

        Args:
            path: Where; it must not exist, be empty, or hold a run that may be overwritten.
            about: What run.json says.
            overwrite: Whether the files of a run that is there already are removed first.

        Raises:
            ValueError: Something is there already.
        """
        path = Path(path)
        if path.exists() and (not path.is_dir() or _holds_something(path)):
            run = is_run(path)
            if not (overwrite and run):
                known = "a run" if run else "something that is no run"
                fix = "--resume it, --overwrite it, or choose" if run else "choose"
                raise ValueError(f"{str(path)!r} holds {known} already: {fix} another --out")
            _remove(path)
        path.mkdir(parents=True, exist_ok=True)
        files.write_json(path / "run.json", {"made_by": MADE_BY, **about, "machine": machine()})
        return cls(path)

    @property
    def about(self) -> dict[str, Any]:
        """What run.json says."""
        about: dict[str, Any] = json.loads((self.path / "run.json").read_text())
        return about

    def update(self, **values: Any) -> None:
        """Set values in run.json."""
        files.write_json(self.path / "run.json", {**self.about, **values})

    def discard(self) -> None:
        """Remove the run, and its folder if nothing else is in it."""
        _remove(self.path)
        if not any(self.path.iterdir()):
            self.path.rmdir()

    def save(
        self,
        which: Which,
        network: Mapping[str, Tensor],
        trainer: Mapping[str, Tensor] | None = None,
        progress: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a checkpoint; the one before it stays until this one is whole."""

        def fill(folder: Path) -> None:
            files.write_tensors(folder / "network.safetensors", network)
            if trainer is not None:
                files.write_tensors(folder / "trainer.safetensors", trainer)
            if progress is not None:
                files.write_json(folder / "progress.json", progress)

        files.replace_folder(self.path / "checkpoints" / which, fill)

    def checkpoint(self, which: Which) -> Path | None:
        """The folder of a checkpoint, or None where there is none yet."""
        return files.whole(self.path / "checkpoints" / which)

    def last(self) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]] | None:
        """Network, trainer and progress of the last checkpoint, or None before the first."""
        folder = self.checkpoint("last")
        if folder is None:
            return None
        return *parted(tensors_of(folder)), progress_of(folder)


def sharded(folder: Path) -> bool:
    """Whether a checkpoint was written by several ranks, each what it holds."""
    return not (folder / "network.safetensors").exists()


def tensors_of(folder: Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint; names begin with ``network.`` or ``trainer.``."""
    if sharded(folder):
        parts = [load_file(path) for path in sorted(folder.glob("*.safetensors"))]
        return {name: value for part in parts for name, value in part.items()}
    tensors: dict[str, Tensor] = {}
    for kind in ("network", "trainer"):
        path = folder / f"{kind}.safetensors"
        if path.exists():
            tensors |= {f"{kind}.{name}": value for name, value in load_file(path).items()}
    return tensors


def parted(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of the network, and those of the trainer."""
    kinds: dict[str, dict[str, Tensor]] = {"network": {}, "trainer": {}}
    for full, value in tensors.items():
        kind, _, name = full.partition(".")
        kinds[kind][name] = value
    return kinds["network"], kinds["trainer"]


def progress_of(folder: Path) -> dict[str, Any]:
    """Where training stands in a checkpoint."""
    progress: dict[str, Any] = json.loads((folder / "progress.json").read_text())
    return progress


def _holds_something(path: Path) -> bool:
    """Whether a folder holds more than what a crash left as a run was begun."""
    return any(entry.name != ".run.json.partial" for entry in path.iterdir())


def _remove(path: Path) -> None:
    """Remove what a run wrote into its folder; files of the user's own stay. run.json goes last."""
    for name in ("checkpoints", tensorboard.FOLDER):
        shutil.rmtree(path / name, ignore_errors=True)
    for name in ("metrics.jsonl", mlflow.MEMORY, "run.json"):
        (path / name).unlink(missing_ok=True)


def is_run(path: Path) -> bool:
    """Whether a folder is a run of this package: other tools write a run.json too."""
    try:
        about = json.loads((path / "run.json").read_text())
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and about.get("made_by") == MADE_BY


def machine() -> dict[str, Any]:
    """What the figures of a run may depend on besides its settings."""
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def load(run: Path | str, *, network: Network | None = None, which: Which = "best") -> Network:
    """A trained network from its run.

    Args:
        run: The run's folder.
        network: A network of the same shape to put the weights into; needed where it has blocks or
            parts of your own, since code is never run because a file names it.
        which: "best" by validation error, or "last".

    Returns:
        The network, on the CPU unless ``network`` was elsewhere, in evaluation mode.

    Raises:
        ValueError: No run, no checkpoint yet, or weights that do not fit ``network``.
    """
    folder = Run(run)
    found = folder.checkpoint(which) or folder.checkpoint("last")
    if found is None:
        raise ValueError(f"{str(run)!r} has no checkpoint yet: train for an epoch first")
    if network is None:
        network = build(folder.about["network"])
    load_weights(network, parted(tensors_of(found))[0], str(run))
    return network.eval()


def load_weights(network: Network, weights: Mapping[str, Tensor], source: str) -> None:
    """Put weights into a network, with a clear error where they do not fit."""
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"the weights of {source!r} do not fit this network: build it with the same layers."
            f" {error}"
        ) from error
