"""A run's folder, or nothing -> a network that reads pictures, and samples of its data."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from forward_forward import checkpoint, datasets, recipes
from forward_forward.data import Data
from forward_forward.data.pictures.framing import Frame, frame_of
from forward_forward.datasets.fetch import DataUnavailable, cache
from forward_forward.forward import Network

IMAGES = 10_000  # of MNIST: enough for few errors, few enough to be learned in seconds
HIDDEN = (300, 300, 300)
DARK = 0.25  # brightness of most pixels, below which a set shows light marks on dark ground
EPOCHS = {"mnist": 8, "digits": 30}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Subject:
    """What the page is about.

    Args:
        network: A trained network whose goodness tells labels.
        frame: How pictures are framed for it.
        classes: Names of its labels.
        title: What it is, in words.
        train: Data to train small networks on; those that it was trained on, where they are there.
        unseen: Data that it was not trained on.
    """

    network: Network
    frame: Frame
    classes: tuple[str, ...]
    title: str
    train: Data
    unseen: Data

    @cached_property
    def drawing(self) -> Frame:
        """How a drawing is framed: as files are, but where a set's pictures fill their margins.

        Light marks on dark ground that reach the edge leave no border by which `frame_of` could see
        that a drawing's black on white is the other way round.
        """
        frame = self.frame
        x = next(iter(self.train.batches(500))).x
        marks = frame.shape[0] == 1 and float(x.median()) < DARK
        return Frame(frame.shape, 0.0) if frame.blank is None and marks else frame


def subject_of(run: Path | str | None, say: Say) -> Subject:
    """What the page is about: a run, or a network of its own where none is given.

    Args:
        run: A run's folder, or None.
        say: Is told what takes a while.

    Raises:
        ValueError: The folder is no run, its samples are no pictures, or goodness tells no label.
    """
    return _fresh(say) if run is None else _of_run(run, say)


def _of_run(run: Path | str, say: Say) -> Subject:
    from forward_forward.datasets.run_data import sets_of_run

    about = checkpoint.Run(run).about
    if not about.get("frame"):
        raise ValueError(f"the page draws pictures, and {str(run)!r} was trained on something else")
    network = checkpoint.load(run)
    if not network.examples.labelled:
        raise ValueError(
            f"the page shows the goodness of labels, and {str(run)!r} was trained without any"
        )
    sets = sets_of_run(about)
    train, unseen = (_held(part) for part in (sets.train, sets.test))
    say(f"{run}: {len(network.layers)} layers")
    classes = tuple(about["data"]["classes"])
    return Subject(
        network, Frame.from_json(about["frame"]), classes, f"The run {run}", train, unseen
    )


def _held(source: Any) -> Data:
    """The first samples of a set, in memory and in an order of their own."""
    from forward_forward import seeds

    x, y, _ = next(iter(source.batches(IMAGES, shuffle=seeds.generator(0, "demo"))))
    return Data(x, y, source.classes, source.name)


def _fresh(say: Say) -> Subject:
    """A network trained on the best digits at hand: once, and then kept where caches are."""
    try:
        train, unseen = datasets.mnist(fetch=False)
        train = train.first(IMAGES)
    except DataUnavailable:
        train, unseen = datasets.digits()
    frame = frame_of(train)
    assert frame is not None
    network = _trained(train, say)
    title = f"A network of {len(HIDDEN)} layers, trained on {len(train):,} images of {train.name}"
    return Subject(network, frame, train.classes, title, train, unseen)


def _trained(train: Data, say: Say) -> Network:
    folder = cache() / f"demo-{train.name}"
    try:
        return checkpoint.load(folder)
    except (ValueError, OSError, KeyError):  # none yet, or what an older version or a crash left
        shutil.rmtree(folder, ignore_errors=True)
    plan = recipes.standard(train, hidden=HIDDEN, epochs=EPOCHS[train.name])
    say(f"training a network on {len(train):,} images of {train.name}, once: some seconds")
    out: Path | None = folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        out = None  # a cache that may not be written costs the next start some seconds
    plan.trainer.fit(train, epochs=plan.epochs, batch_size=plan.batch_size, out=out)
    return plan.trainer.network.eval()
