"""What a run's folder says of a service is checked: hosts and files that nobody typed, damage."""

import json

import pytest
from tests.track.tracked import mlflow_client

from forward_forward.cli.trackers import trackers
from forward_forward.track import Beginning, MLflow, mlflow
from forward_forward.track.by_project import Sent, sent
from forward_forward.track.mlflow import Memory, check_chosen, remembered

HOST = "http://127.0.0.1:9"  # no service: whoever asks it fails
HISTORY = [{"epoch": 1, "loss": [0.5], "seconds": 1.0}]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A folder for a run, as a folder in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def remember(run, uri: str) -> Memory:
    memory = Memory(uri, "e", "a" * 32)
    (run / "mlflow.json").write_text(json.dumps(memory._asdict()))
    return memory


@pytest.mark.parametrize(
    "uri", [HOST, "sqlite:////elsewhere/mlflow.db", "sqlite:///run/../other.db", "file:///x", "x"]
)
def test_no_host_is_asked_and_no_file_made_because_a_folder_names_it(run, uri, monkeypatch):
    memory = remember(run, uri)
    said = f"name, got {uri!r} from .*mlflow.json.* set MLFLOW_TRACKING_URI="
    monkeypatch.setattr(mlflow, "_client", lambda uri: pytest.fail("it was asked"))
    begun = Beginning(4, 1, resumed=True, history=HISTORY, run=run)
    with pytest.raises(ValueError, match=said):
        MLflow().start(begun)
    with pytest.raises(ValueError, match=said):
        trackers(["mlflow"], run, resumed=True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{uri}/")
    check_chosen(memory, run)


def test_a_file_that_has_the_run_is_the_user_s_own_and_one_without_it_is_not(run, tmp_path):
    place = tmp_path / "elsewhere"
    place.mkdir()
    uri = f"sqlite:///{place}/mlflow.db"
    tracker = MLflow(uri)
    tracker.start(Beginning(4, settings={}, run=run))
    tracker.stop("interrupted")
    check_chosen(remembered(run), run)
    again = MLflow()
    again.start(Beginning(4, 1, resumed=True, history=HISTORY, run=run))
    again.stop("finished")
    client = mlflow_client(place / "mlflow.db")
    assert client.get_run(remembered(run).run_id).info.status == "FINISHED"
    with pytest.raises(ValueError, match="that you name"):
        check_chosen(remember(run, uri), run)
    (place / "mlflow.db").write_bytes(b"no database")
    with pytest.raises(ValueError, match="that you name"):
        check_chosen(remember(run, uri), run)


def test_the_default_file_needs_no_words(run):
    check_chosen(remember(run, mlflow.default_uri()), run)


DAMAGES = [
    '{"project": "p"',
    "[]",
    "{}",
    '{"project": 3, "run": "r", "uri": 3, "experiment": "e", "run_id": "i"}',
    '{"project": "p", "run": "r", "uri": "u", "experiment": "e", "run_id": "i", "more": 1}',
    '{"project": "p", "run": "r", "epoch": "1"}',
    '{"project": "p", "run": "r", "epoch": true}',
    '{"project": "p", "run": "r", "uri": "u", "experiment": "e", "run_id": "i", "sha256": "0"}',
]


@pytest.mark.parametrize("text", DAMAGES)
@pytest.mark.parametrize("name", ["mlflow.json", "wandb.json", "trackio.json"])
def test_a_damaged_record_is_a_sentence_with_its_name(run, name, text):
    (run / name).write_text(text)
    with pytest.raises(ValueError, match=rf"expected .*{name}.*: restore the|{name}.*: restore it"):
        remembered(run) if name == "mlflow.json" else sent(run, name)


def test_a_record_of_an_earlier_version_has_no_checksum(run):
    (run / "wandb.json").write_text('{"project": "p", "run": "r", "epoch": 2, "tested": false}')
    assert sent(run, "wandb.json") == Sent("p", "r", 2)
    assert sent(run, "trackio.json") is None


def test_a_tracker_that_only_the_folder_names_must_be_one(run):
    with pytest.raises(ValueError, match=r"one of tensorboard, .* as a tracker, got 'os'"):
        trackers(["os"], run, resumed=True)
