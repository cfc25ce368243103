"""A trainer and its data -> what run.json says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forward_forward.data import Source, checksum
from forward_forward.data.pictures.framing import frame_of
from forward_forward.forward.description import describe
from forward_forward.optimize.train_step import TrainStep


def settings_of(
    trainer: TrainStep, source: Source, judge: Source | None, epochs: int, batch_size: int
) -> dict[str, Any]:
    """The settings that a resumed run must share, for run.json."""
    return {
        "network": describe(trainer.network),
        "trainer": trainer.settings,
        "fit": {
            "epochs": epochs,
            "batch_size": batch_size,
            "samples": len(source),
            "validation": 0 if judge is None else len(judge),
        },
        "data": {"name": source.name, "classes": list(source.classes), "shape": list(source.shape)},
    }


def recorded(about: Mapping[str, Any], sources: Mapping[str, Source | None]) -> dict[str, Any]:
    """``about`` with the data's checksums and the frame of its pictures, for run.json."""
    frame = None if sources["train"] is None else frame_of(sources["train"])
    sums = {name: checksum(each) for name, each in sources.items() if each is not None}
    return {
        **about,
        "frame": None if frame is None else frame.as_json(),
        "checksums": {**about.get("checksums", {}), **sums},
    }
