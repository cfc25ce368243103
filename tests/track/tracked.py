"""Folders and files that trackers wrote -> what their own readers, or ours, find in them."""

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Points = dict[str, list[tuple[int, float]]]  # (step, value) in the order in which they are read


def tensorboard_read(folder: Path) -> tuple[Points, dict[str, Any]]:
    """Scalars by their tags, and the hparams plugin's messages by theirs."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    read = EventAccumulator(str(folder))
    read.Reload()
    points = {
        tag: [(event.step, event.value) for event in read.Scalars(tag)]
        for tag in read.Tags()["scalars"]
    }
    messages = {
        tag.removeprefix("_hparams_/"): HParamsPluginData.FromString(content)
        for tag, content in read.PluginTagToContent("hparams").items()
    }
    return points, messages


def mlflow_client(database: Path) -> Any:
    """MLflow's own client of an sqlite file."""
    from forward_forward.track.mlflow import _client, _import

    _import()
    return _client(f"sqlite:///{database}")


def mlflow_points(client: Any, run: str) -> Points:
    """Metrics of a run with all their points."""
    return {
        name: [(point.step, point.value) for point in client.get_metric_history(run, name)]
        for name in client.get_run(run).data.metrics
    }


def only_run(client: Any, experiment: str = "forward-forward") -> Any:
    """The one run of an experiment."""
    found = client.get_experiment_by_name(experiment)
    (run,) = client.search_runs([found.experiment_id])
    return run


def wandb_records(folder: Path) -> list[list[Any]]:
    """The records of each offline run in a folder, the oldest first.

    Another process writes them, and not all are there when `finish` returns.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    found: list[list[Any]] = []
    until = time.monotonic() + 60
    while time.monotonic() < until:
        places = sorted(folder.glob("wandb/offline-run-*"))
        files = [path for place in places for path in place.glob("*.wandb")]
        found = [[Record.FromString(each) for each in _logged(path.read_bytes())] for path in files]
        ended = [any(each.HasField("exit") for each in records) for records in found]
        if len(found) == len(places) and all(ended):
            break
        time.sleep(0.05)
    return found


def _logged(raw: bytes) -> Iterator[bytes]:
    """The entries of a log in LevelDB's format: blocks of 32 KiB, whose parts have 7 bytes each."""
    block, place, entry = 32 * 1024, 7, b""
    while place + 7 <= len(raw):
        if block - place % block < 7:
            place += block - place % block
            continue
        _, length, kind = struct.unpack("<IHB", raw[place : place + 7])
        entry += raw[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # a whole entry, or the last part of one
            yield entry
            entry = b""


def wandb_points(folder: Path) -> Points:
    """All points of the offline runs in a folder, by epoch."""
    points: Points = {}
    for records in wandb_records(folder):
        for record in records:
            items = {
                (each.key or "/".join(each.nested_key)): json.loads(each.value_json)
                for each in record.history.item
            }
            for name, value in items.items():
                if "epoch" in items and name != "epoch" and not name.startswith("_"):
                    points.setdefault(name, []).append((items["epoch"], value))
    return points


def trackio_points(project: str, run: str) -> Points:
    """All points of one run of trackio."""
    from trackio.sqlite_storage import SQLiteStorage

    points: Points = {}
    for row in SQLiteStorage.get_logs(project, run):
        for name, value in row.items():
            if name not in ("step", "timestamp"):
                points.setdefault(name, []).append((row["step"], value))
    return points
