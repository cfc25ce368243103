"""Folders and files that trackers wrote -> what TensorBoard and MLflow read in them."""

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
