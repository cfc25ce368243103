"""A run <-> its folder of JSON and safetensors files, all written atomically.

runs/NAME/run.json                                  settings, machine and result
runs/NAME/metrics.jsonl                             one line per epoch
runs/NAME/config.yaml                               the options of `ff train`
runs/NAME/checkpoints/last/network.safetensors      the weights, and what resuming needs:
runs/NAME/checkpoints/last/trainer.safetensors      the optimisers' state
runs/NAME/checkpoints/last/progress.json            epochs and steps done
runs/NAME/checkpoints/last/shard-*.safetensors      both safetensors files, if several ranks trained
runs/NAME/checkpoints/best/network.safetensors      the weights with the lowest validation error
runs/NAME/tensorboard/, runs/NAME/mlflow.json       with `ff train --track`
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from forward_forward import files, hub
from forward_forward.forward import Network
from forward_forward.forward.combination import is_of_readout
from forward_forward.forward.description import build
from forward_forward.track import Jsonl, mlflow, tensorboard
from forward_forward.track.run_record import machine, run_table

Which = Literal["best", "last"]

MADE_BY = "forward-forward"

# Why weights do not fit the network that their run.json describes.
INCOMPLETE = "a file of the checkpoint is missing or of another run, so restore it or train again"


class Refused(ValueError):
    """A run that cannot be made or resumed as asked for.

    Args:
        found: What is wrong.
        fix: What to do, in arguments of Python.
        flags: The same for the command line, which prints ``typed``.
    """

    def __init__(self, found: str, fix: str, flags: str) -> None:
        super().__init__(f"{found}: {fix}")
        self.typed = f"{found}: {flags}"


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
        files.write_json(path / "run.json", {"made_by": MADE_BY, **about, "machine": machine()})
        return cls(path)

    @property
    def about(self) -> files.Entries:
        """The content of run.json."""
        return files.read_json(self.path / "run.json")

    def _repr_html_(self) -> str:
        return run_table(self.path, self.about, len(self.metrics.rows()))

    def update(self, **values: Any) -> None:
        """Set entries of run.json."""
        files.write_json(self.path / "run.json", {**self.about, **values})

    def discard(self) -> None:
        """Remove the run, and its folder if it contains nothing else."""
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
        """Write a checkpoint; the previous one is kept until this one is complete."""

        def fill(folder: Path) -> None:
            files.write_tensors(folder / "network.safetensors", network)
            if trainer is not None:
                files.write_tensors(folder / "trainer.safetensors", trainer)
            if progress is not None:
                files.write_json(folder / "progress.json", progress)

        files.replace_folder(self.path / "checkpoints" / which, fill)

    def checkpoint(self, which: Which) -> Path | None:
        """The folder of a checkpoint, or None if there is none yet."""
        return files.whole(self.path / "checkpoints" / which)

    def weights(self, which: Which = "best") -> dict[str, Tensor]:
        """The network's tensors of a checkpoint, or of the last one if there is no best one yet.

        Raises:
            ValueError: There is no checkpoint yet, or a file is broken.
        """
        found = self.checkpoint(which) or self.checkpoint("last")
        if found is None:
            raise ValueError(f"{str(self.path)!r} has no checkpoint yet: train for an epoch first")
        return parted(tensors_of(found))[0]

    def last(self) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]] | None:
        """Network, trainer and progress of the last checkpoint, or None if there is none yet."""
        folder = self.checkpoint("last")
        if folder is None:
            return None
        if not sharded(folder):
            _require(folder / "trainer.safetensors")  # else optimisers would start from nothing
        return *parted(tensors_of(folder)), progress_of(folder)


def sharded(folder: Path) -> bool:
    """Whether a checkpoint was written by several ranks, each its own layers."""
    return any(folder.glob("shard-*.safetensors"))


def tensors_of(folder: Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint, with names that start with ``network.`` or ``trainer.``.

    Raises:
        ValueError: A file is missing or broken.
    """
    if sharded(folder):
        parts = [files.read_tensors(path) for path in sorted(folder.glob("shard-*.safetensors"))]
        return {name: value for part in parts for name, value in part.items()}
    _require(folder / "network.safetensors")
    tensors: dict[str, Tensor] = {}
    for kind in ("network", "trainer"):
        path = folder / f"{kind}.safetensors"
        if path.exists():
            tensors |= {f"{kind}.{name}": value for name, value in files.read_tensors(path).items()}
    return tensors


def _require(path: Path) -> None:
    if not path.exists():
        found = sorted(each.name for each in path.parent.iterdir())
        raise ValueError(
            f"expected the file {path.name} in the checkpoint {str(path.parent)!r}, got"
            f" {', '.join(found) or 'an empty folder'}: {files.RESTORE}"
        )


def parted(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of the network and those of the trainer."""
    kinds: dict[str, dict[str, Tensor]] = {"network": {}, "trainer": {}}
    for full, value in tensors.items():
        kind, _, name = full.partition(".")
        kinds[kind][name] = value
    return kinds["network"], kinds["trainer"]


def progress_of(folder: Path) -> dict[str, Any]:
    """The progress recorded in a checkpoint."""
    _require(folder / "progress.json")
    return files.read_json(folder / "progress.json")


def _holds_something(path: Path) -> bool:
    """Whether a folder contains more than a crash leaves before run.json is complete."""
    return any(entry.name != ".run.json.partial" for entry in path.iterdir())


def _remove(path: Path) -> None:
    """Remove a run's files from its folder, run.json last; the user's own files are kept."""
    for name in ("checkpoints", tensorboard.FOLDER):
        shutil.rmtree(path / name, ignore_errors=True)
    for name in ("metrics.jsonl", mlflow.MEMORY, "config.yaml", "run.json"):
        (path / name).unlink(missing_ok=True)


def is_run(path: Path) -> bool:
    """Whether a folder is a run of this package: other tools write a run.json, too."""
    try:
        _check_run(path)
    except (OSError, ValueError):
        return False
    return True


def _check_run(path: Path) -> None:
    """Reject a folder that is no run; the message tells a missing run.json from a broken one."""
    fix = "use the folder that `ff train` printed"
    expected = "expected a run's folder with a run.json"
    if not (path / "run.json").is_file():
        raise ValueError(f"{expected} in it, got {str(path)!r}: {fix}")
    try:
        about = files.read_json(path / "run.json")
    except ValueError as error:
        raise ValueError(f"{expected} that can be read, got {str(path)!r}: {error}") from error
    if about.get("made_by") != MADE_BY:
        raise ValueError(f"{expected} of this library, got {str(path)!r} of another tool: {fix}")


def load(run: Path | str, *, network: Network | None = None, which: Which = "best") -> Network:
    """Load a trained network from its run.

    Args:
        run: The run's folder, or a run on the Hugging Face Hub: ``hf://user/name`` or, with a
            branch, tag or commit, ``hf://user/name@revision``.
        network: A network of the same shape to load the weights into; needed for blocks or parts of
            your own, since code is never run merely because a file names it.
        which: "best" by validation error, or "last".

    Returns:
        The network in evaluation mode, on the CPU and in the type it was trained in, or on the
        device and in the type of ``network``.

    Raises:
        ValueError: No run, no checkpoint yet, a broken file, or weights that do not fit
            ``network``.
    """
    folder = Run(run)
    weights = folder.weights(which)
    if network is not None:
        load_weights(network, weights, str(run))
    else:
        network = _built(folder.about)
        for name, each in (*network.named_parameters(), *network.named_buffers()):
            if name in weights and each.is_floating_point():
                each.data = each.data.to(weights[name].dtype)
        load_weights(network, weights, str(run), INCOMPLETE)
    return network.eval()


def _built(about: files.Entries) -> Network:
    try:
        return build(about["network"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"expected the description of a network as the entry 'network' in {str(about.path)!r},"
            f" got one that cannot be built ({type(error).__name__}: {error}): restore the file, or"
            " pass network=... to ff.load"
        ) from error


def load_weights(
    network: Network,
    weights: Mapping[str, Tensor],
    source: str,
    fix: str = "build it with the same layers",
) -> None:
    """Load weights into a network, with a clear error if they do not fit.

    How the layers are read may be chosen or fitted in one of the two and fixed in the other.
    """
    own = {name: each for name, each in network.state_dict().items() if is_of_readout(name)}
    readout = {name: weights.get(name, each) for name, each in own.items()}
    weights = {name: each for name, each in weights.items() if not is_of_readout(name)} | readout
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"the weights of {source!r} do not fit this network: {fix}. {error}"
        ) from error
