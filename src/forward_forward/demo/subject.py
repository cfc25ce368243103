"""A run's folder, or nothing -> a network that reads pictures, and samples of its data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock

from forward_forward import checkpoint, datasets, files, recipes, seeds
from forward_forward.data import Data
from forward_forward.data.pictures.framing import Frame, frame_of
from forward_forward.datasets.fetch import DataUnavailable, cache
from forward_forward.datasets.run_data import sets_of_run
from forward_forward.forward import Network
from forward_forward.recipes import Plan

IMAGES = 10_000  # of MNIST: enough for a low error, few enough to train in seconds
HIDDEN = (300, 300, 300)
DARK = 0.25  # median brightness below which a set shows light strokes on a dark background
EPOCHS = {"mnist": 8, "digits": 30}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """The network and data that the page shows."""

    network: Network  # with a goodness for each label
    frame: Frame  # how pictures are framed for it
    classes: tuple[str, ...]
    title: str
    train: Data  # to train small networks on
    unseen: Data  # which the network was not trained on

    @cached_property
    def drawing(self) -> Frame:
        """How a drawing is framed: like a file, unless the set's pictures fill their margins.

        If light strokes on a dark background reach the edge, there is no border by which `frame_of`
        could tell that a drawing, black on white, must be inverted.
        """
        frame = self.frame
        x = next(iter(self.train.batches(500))).x
        strokes = frame.shape[0] == 1 and float(x.median()) < DARK
        return Frame(frame.shape, 0.0) if frame.blank is None and strokes else frame


def subject_of(run: Path | str | None, say: Say) -> Subject:
    """The subject of the page: a run's folder, or a small network trained for the page.

    Raises:
        ValueError: The folder is not a run, its samples are not pictures, or it was trained without
            labels.
    """
    return _default(say) if run is None else _of_run(run, say)


def _of_run(run: Path | str, say: Say) -> Subject:
    about = checkpoint.Run(run).about
    if not about.get("frame"):
        raise ValueError(f"the page needs a network trained on pictures, and {str(run)!r} was not")
    network = checkpoint.load(run)
    if not about["data"]["classes"]:
        raise ValueError(
            f"the page shows labels, but {str(run)!r} predicts numbers: use ff predict"
        )
    if not network.examples.labelled:
        raise ValueError(
            f"the page shows the goodness of labels, but {str(run)!r} was trained without labels"
        )
    if network.readout_setting == "logistic":
        raise ValueError(
            f"the page sums the goodness of layers, but {str(run)!r} reads labels by a logistic"
            ' regression: use ff predict, or train with --readout auto or "weighted"'
        )
    sets = sets_of_run(about)
    train, unseen = (_in_memory(split) for split in (sets.train, sets.test))
    say(f"{run}: {len(network.layers)} layers")
    classes = tuple(about["data"]["classes"])
    frame = Frame.from_json(about["frame"])
    return Subject(network, frame, classes, f"The run {run}", train, unseen)


def _in_memory(source: Any) -> Data:
    """Samples of a set, in random order."""
    x, y, _ = next(iter(source.batches(IMAGES, shuffle=seeds.generator(0, "demo"))))
    return Data(x, y, source.classes, source.name)


def _default(say: Say) -> Subject:
    """A network trained on MNIST or, if that is not available, on digits; it is cached."""
    try:
        train, unseen = datasets.mnist(fetch=False)
        train = train.first(IMAGES)
    except DataUnavailable:
        train, unseen = datasets.digits()
    frame = frame_of(train)
    assert frame is not None
    network = _trained(train, say)
    layers = len(network.layers)
    title = f"A network of {layers} layers, trained on {len(train):,} images of {train.name}"
    return Subject(network, frame, train.classes, title, train, unseen)


def _trained(train: Data, say: Say) -> Network:
    """The network of the page, from the cache or trained now.

    It is trained in a folder beside that of the cache, which is renamed once it is complete: what a
    process that was killed leaves is never taken for a trained network.
    """
    folder = cache() / f"demo-{train.name}"
    if (network := _cached(folder, say)) is not None:
        return network
    plan = _plan(train)

    def fill(out: Path | None) -> None:
        say(f"training a network on {len(train):,} images of {train.name}; this is done only once")
        plan.trainer.fit(train, epochs=plan.epochs, batch_size=plan.batch_size, out=out)

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            # Another process may have trained it while this one waited.
            network = _cached(folder, lambda line: None)
            if network is None:
                files.replace_folder(folder, fill)
    except OSError as error:
        say(f"the network cannot be kept in {folder} ({error}): the next start trains it again")
        plan = _plan(train)
        fill(None)
    return network or plan.trainer.network.eval()


def _plan(train: Data) -> Plan:
    upper = (1, len(HIDDEN))  # the poster's and Hinton's choice: the page shows the first beside it
    return recipes.standard(train, hidden=HIDDEN, epochs=EPOCHS[train.name], readout=upper)


def _cached(folder: Path, say: Say) -> Network | None:
    """The network in the cache, or None if there is none that is trained and whole."""
    if not folder.exists():
        return None
    try:
        status = checkpoint.Run(folder).about["status"]
        if status == "trained":
            return checkpoint.load(folder)
        wrong = f"its status is {status!r}"
    except Exception as error:  # whatever is wrong with a cache, it can be made again
        wrong = str(error) or type(error).__name__
    say(f"the network in {folder} cannot be used, so it is trained again: {wrong}")
    return None
