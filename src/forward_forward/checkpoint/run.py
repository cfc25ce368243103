"""A run <-> its folder of JSON and safetensors files, all written atomically.

runs/NAME/run.json                                  settings, machine and result
runs/NAME/metrics.jsonl                             one line per epoch
runs/NAME/config.yaml                               the options of `ff train`
runs/NAME/checkpoints/last/network.safetensors      the weights, and what resuming needs:
runs/NAME/checkpoints/last/trainer.safetensors      the optimisers' state
runs/NAME/checkpoints/last/progress.json            epochs and steps done
runs/NAME/checkpoints/last/shard-*.safetensors      both safetensors files, if several ranks trained
runs/NAME/checkpoints/best/network.safetensors      the weights with the lowest validation error
runs/NAME/checkpoints/*/manifest.json               the SHA-256 of a checkpoint's files
runs/NAME/tensorboard/, runs/NAME/mlflow.json       with `ff train --track`

Each run has a number of its own, which its manifests name, so that damage and files of another run
are found when they are read. Runs from before there were manifests are read unchecked.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from forward_forward import files, hub, manifest
from forward_forward.checkpoint import lock
from forward_forward.checkpoint.refused import Refused
from forward_forward.checkpoint.tensors import parted, progress_of, tensors_of
from forward_forward.track import Jsonl, Row, mlflow, tensorboard, trackio, wandb
from forward_forward.track.run_record import machine, run_table

Which = Literal["best", "last"]

MADE_BY = "forward-forward"
# Files in which a tracker remembers its run: a new run in the folder is another one.
MEMORIES = (mlflow.MEMORY, trackio.Trackio.memory, wandb.WandB.memory)
REMOVED = "removed"  # the status of a run that is being deleted


class Run(hub.SharedRun):
    """The folder of one run.

    Args:
        path: The folder, or ``hf://user/name`` for a copy of a run on the Hugging Face Hub.

    Raises:
        ValueError: The folder does not contain a run.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = hub.local(path)
        _check_run(self.path)
        self.metrics = Jsonl(self.path / "metrics.jsonl")

    @classmethod
    def create(cls, path: Path | str, about: Mapping[str, Any], *, overwrite: bool = False) -> Run:
        """Create a run's folder.

        Args:
            path: The folder; it must be missing, empty, or a run that may be overwritten.
            about: The content of run.json.
            overwrite: Whether to remove the files of an existing run first.

        Raises:
            ValueError: The folder contains something else, or a run and ``overwrite`` is off.
        """
        path = Path(path)
        if path.exists() and (not path.is_dir() or _holds_something(path)):
            run = is_run(path)
            if not (overwrite and run):
                content = "a run" if run else "files that are not a run"
                raise Refused(
                    f"{str(path)!r} already contains {content}",
                    f"{'pass resume=True or overwrite=True, or ' if run else ''}choose another out",
                    f"{'--resume it, --overwrite it, or ' if run else ''}choose another --out",
                )
            _remove(path)
        path.mkdir(parents=True, exist_ok=True)
        entries = {"made_by": MADE_BY, "id": secrets.token_hex(8), **about, "machine": machine()}
        manifest.write_record(path / "run.json", entries)
        return cls(path)

    @property
    def about(self) -> files.Entries:
        """The content of run.json."""
        return manifest.read_record(self.path / "run.json")

    def rows(self) -> list[Row]:
        """The figures of each epoch.

        Raises:
            ValueError: A line is damaged, or differs from what it was when a checkpoint was made.
        """
        for which in ("best", "last"):
            folder = files.whole(self.path / "checkpoints" / which)
            if folder is not None and (folder / manifest.NAME).is_file():
                kept = manifest.read_record(folder / manifest.NAME, editable=False)["metrics"]
                if kept != self._metrics(kept["bytes"]):
                    raise ValueError(
                        f"expected the figures that were written to {str(self.metrics.path)!r},"
                        " got changed ones (their SHA-256 differs): restore the file from a copy,"
                        " or train again"
                    )
        return self.metrics.rows()

    def _metrics(self, size: int | None = None) -> dict[str, Any]:
        """Length and SHA-256 of metrics.jsonl, or of its first bytes."""
        path = self.metrics.path
        content = (path.read_bytes() if path.exists() else b"")[:size]
        return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def seal(self, folder: Path) -> None:
        """Write the manifest of a checkpoint's folder, whose other files are complete."""
        manifest.write(folder, run=self.about.get("id"), metrics=self._metrics())

    def _repr_html_(self) -> str:
        return run_table(self.path, self.about, len(self.rows()))

    def update(self, **values: Any) -> None:
        """Set entries of run.json."""
        manifest.write_record(self.path / "run.json", {**self.about, **values})

    def discard(self) -> None:
        """Remove the run, and its folder if it contains nothing else."""
        _remove(self.path)
        if not any(self.path.iterdir()):
            self.path.rmdir()

    def tidy(self) -> None:
        """Remove what a process that was killed left beside the checkpoints."""
        for which in ("best", "last"):
            files.tidy(self.path / "checkpoints" / which)

    def save(
        self,
        which: Which,
        network: Mapping[str, Tensor],
        trainer: Mapping[str, Tensor] | None = None,
        progress: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a checkpoint; the previous one is kept until this one is complete."""

        def fill(folder: Path) -> None:
            files.write_tensors(folder / "network.safetensors", network)
            if trainer is not None:
                files.write_tensors(folder / "trainer.safetensors", trainer)
            if progress is not None:
                files.write_json(folder / "progress.json", progress)
            self.seal(folder)

        files.replace_folder(self.path / "checkpoints" / which, fill)

    def checkpoint(self, which: Which) -> Path | None:
        """The folder of a checkpoint whose files are as they were written, or None without one.

        Raises:
            ValueError: A file is missing, damaged or of another run.
        """
        folder = files.whole(self.path / "checkpoints" / which)
        if folder is not None and (run := self.about.get("id")) is not None:
            manifest.check(folder, run=run)
        return folder

    def weights(self, which: Which = "best") -> dict[str, Tensor]:
        """The network's tensors of a checkpoint, or of the last one if no epoch is complete.

        Raises:
            ValueError: There is no checkpoint yet, or a file is missing or damaged.
        """
        last = self.checkpoint("last")
        found = last if which == "last" else self.checkpoint("best")
        if found is None and last is not None:
            if _has_best(last):
                raise ValueError(
                    f"expected the checkpoint 'best' in {str(self.path / 'checkpoints')!r}, got"
                    " only 'last': restore it from a copy, or load the last weights with"
                    ' which="last"'
                )
            found = last
        if found is None:
            raise ValueError(f"{str(self.path)!r} has no checkpoint yet: train for an epoch first")
        return parted(tensors_of(found))[0]

    def last(self) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]] | None:
        """Network, trainer and progress of the last checkpoint, or None if there is none yet."""
        folder = self.checkpoint("last")
        if folder is None:
            return None
        return *parted(tensors_of(folder, trainer=True)), progress_of(folder)


def _has_best(last: Path) -> bool:
    """Whether an epoch was complete when the last checkpoint was made."""
    return (last / "progress.json").exists() and bool(
        progress_of(last).get("progress", {}).get("best_epoch")
    )


def _holds_something(path: Path) -> bool:
    """Whether a folder contains more than a crash leaves before run.json is complete."""
    return any(each.name not in (".run.json.partial", lock.NAME) for each in path.iterdir())


def _remove(path: Path) -> None:
    """Remove a run's files from its folder; the user's own files are kept.

    First its status is changed, so that what a kill leaves is not taken for the whole run, and
    run.json is removed last, so that it is taken for a run.
    """
    manifest.write_record(path / "run.json", {"made_by": MADE_BY, "status": REMOVED})
    for name in ("checkpoints", tensorboard.FOLDER):
        shutil.rmtree(path / name, ignore_errors=True)
    for name in ("metrics.jsonl", *MEMORIES, "config.yaml", "run.json"):
        (path / name).unlink(missing_ok=True)


def is_run(path: Path) -> bool:
    """Whether a folder is a run of this package, or what a kill left of one.

    Other tools write a run.json, too.
    """
    try:
        _made_here(path)
    except (OSError, ValueError):
        return False
    return True


def _check_run(path: Path) -> None:
    """Reject a folder that is no run; the message tells a missing run.json from a broken one."""
    if _made_here(path).get("status") == REMOVED:
        raise ValueError(
            f"expected a whole run, got {str(path)!r}, whose process was killed while it deleted"
            " the run: train into the folder again, with overwrite"
        )


def _made_here(path: Path) -> files.Entries:
    """The content of a run.json of this package."""
    fix = "use the folder that `ff train` printed"
    expected = "expected a run's folder with a run.json"
    if not (path / "run.json").is_file():
        raise ValueError(f"{expected} in it, got {str(path)!r}: {fix}")
    try:
        about = manifest.read_record(path / "run.json")
    except ValueError as error:
        raise ValueError(f"{expected} that can be read, got {str(path)!r}: {error}") from error
    if about.get("made_by") != MADE_BY:
        raise ValueError(f"{expected} of this library, got {str(path)!r} of another tool: {fix}")
    return about
