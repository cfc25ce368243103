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
are found when they are read. Runs from before there were manifests are read unchecked until they
are resumed.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from torch import Tensor

from forward_forward import files, hub, manifest
from forward_forward.checkpoint import lock
from forward_forward.checkpoint.identity import MADE_BY, REMOVED, about_of, is_run
from forward_forward.checkpoint.refused import Refused
from forward_forward.checkpoint.tensors import parted, progress_of, tensors_of
from forward_forward.track import Jsonl, Row, mlflow, tensorboard, trackio, wandb
from forward_forward.track.run_record import machine, run_table

Which = Literal["best", "last"]
Read = TypeVar("Read")

# Files in which a tracker remembers its run: a new run in the folder is another one.
MEMORIES = (mlflow.MEMORY, trackio.Trackio.memory, wandb.WandB.memory)


class Run(hub.SharedRun):
    """The folder of one run.

    Args:
        path: The folder, or ``hf://user/name`` for a copy of a run on the Hugging Face Hub.

    Raises:
        ValueError: The folder does not contain a run.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = hub.local(path)
        self._id = about_of(self.path).get("id")
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
        entries = {**about, "made_by": MADE_BY, "id": _new_id(), "machine": machine()}
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
            folder = files.whole(self.path / "checkpoints" / which) or self.path
            try:
                kept = manifest.read_record(folder / manifest.NAME, editable=False)["metrics"]
            except FileNotFoundError:
                continue  # there is none, or a training is just replacing it
            if kept != self._metrics(kept["bytes"]):
                exists = self.metrics.path.exists()
                found = "changed ones (their SHA-256 differs)" if exists else "no such file"
                raise ValueError(
                    f"expected the figures that were written to {str(self.metrics.path)!r},"
                    f" got {found}: restore it from a copy, or train again"
                )
        return self.metrics.rows()

    def _metrics(self, size: int | None = None) -> dict[str, Any]:
        """Length and SHA-256 of metrics.jsonl, or of its first bytes."""
        path = self.metrics.path
        content = (path.read_bytes() if path.exists() else b"")[:size]
        return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def seal(self, folder: Path, which: Which) -> None:
        """Write the manifest of a checkpoint's folder, whose other files are complete."""
        manifest.write(folder, run=self._id, checkpoint=which, metrics=self._metrics())

    def adopt(self) -> None:
        """Give a run from before there were manifests a number, and its checkpoints manifests."""
        if self._id is None:
            self._id = _new_id()
            for which in get_args(Which):
                if (folder := files.whole(self.path / "checkpoints" / which)) is not None:
                    (folder / manifest.NAME).unlink(missing_ok=True)
                    self.seal(folder, which)
            manifest.write_record(self.path / "run.json", {**self.about, "id": self._id})

    def _repr_html_(self) -> str:
        return run_table(self.path, self.about, len(self.rows()))

    def update(self, **values: Any) -> None:
        """Set entries of run.json.

        Raises:
            ValueError: Another run has taken the folder meanwhile.
        """
        if self.about.get("id") != self._id:
            raise ValueError(
                f"expected this run in {str(self.path)!r}, got another one, which has overwritten"
                " it: train into a folder of its own"
            )
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
            self.seal(folder, which)

        files.replace_folder(self.path / "checkpoints" / which, fill)

    def checkpoint(self, which: Which) -> Path | None:
        """The folder of a checkpoint whose files are as they were written, or None without one.

        Raises:
            ValueError: A file is missing, damaged or of another run.
        """
        return self._read(which, lambda folder: folder)

    def weights(self, which: Which = "best") -> dict[str, Tensor]:
        """The network's tensors of a checkpoint, or of the last one if no epoch is complete.

        Raises:
            ValueError: There is no checkpoint yet, or a file is missing or damaged.
        """
        if which not in get_args(Which):
            raise ValueError(f"which expects 'best' or 'last', got {which!r}: choose one of them")
        found = self._read(which, tensors_of)
        if found is None and which == "best":
            if self._read("last", _has_best):
                raise ValueError(
                    f"expected the checkpoint 'best' in {str(self.path / 'checkpoints')!r}, got"
                    " only 'last': restore it from a copy, or load the last weights with"
                    ' which="last"'
                )
            found = self._read("last", tensors_of)
        if found is None:
            raise ValueError(f"{str(self.path)!r} has no checkpoint yet: train for an epoch first")
        return parted(found)[0]

    def last(self) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]] | None:
        """Network, trainer and progress of the last checkpoint, or None if there is none yet."""
        return self._read(
            "last",
            lambda folder: (*parted(tensors_of(folder, trainer=True)), progress_of(folder)),
        )

    def _read(self, which: Which, read: Callable[[Path], Read]) -> Read | None:
        """What is read from a checkpoint's folder; None if there is none.

        A training may replace the folder meanwhile: then it is read again.
        """
        while (folder := files.whole(self.path / "checkpoints" / which)) is not None:
            before = _state(folder)
            try:
                if self._id is not None:
                    manifest.check(folder, run=self._id, checkpoint=which)
                found = read(folder)
            except (OSError, ValueError):
                if _state(folder) == before:
                    raise
                continue
            if _state(folder) == before:
                return found
        return None


def _state(folder: Path) -> tuple[int, int] | None:
    """What differs if a folder is replaced by another one of its name."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_ctime_ns


def _new_id() -> str:
    return secrets.token_hex(8)


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
