"""A run with a missing or broken file: the message names the file, and tells the two apart.

The runs are from before there were manifests, which find all this first: see test_manifest.py.
"""

import shutil

import pytest
from tests.test_checkpoint import new_run
from tests.test_checkpoint import save as save_with_manifest

import forward_forward as ff
from forward_forward import files, manifest
from forward_forward.checkpoint import Run


def save(run: Run, network: ff.Network, value: int) -> None:
    save_with_manifest(run, network, value)
    (run.path / "checkpoints/last" / manifest.NAME).unlink()
    without_id(run)


def without_id(run: Run) -> None:
    about = {name: value for name, value in run.about.items() if name != "id"}
    files.write_json(run.path / "run.json", about)
    run._id = None


BROKEN = {"empty": b"", "garbage": b"no tensors at all", "truncated": None}


@pytest.mark.parametrize("content", BROKEN)
@pytest.mark.parametrize("name", ["network", "trainer", "shard-00001-model-00001-of-00001"])
def test_a_broken_file_of_tensors_is_named(tmp_path, name, content):
    run, network = new_run(tmp_path / "run")
    save(run, network, 1)
    path = run.path / "checkpoints/last" / f"{name}.safetensors"
    whole = (path.parent / "network.safetensors").read_bytes()
    path.write_bytes(whole[:-1] if content == "truncated" else BROKEN[content])
    wanted = rf"expected a whole safetensors file, got .*{name}.*another checkpoint, or train again"
    with pytest.raises(ValueError, match=wanted):
        run.last()
    with pytest.raises(ValueError, match=wanted):
        ff.load(run.path)


@pytest.mark.parametrize("name", ["network.safetensors", "trainer.safetensors", "progress.json"])
def test_a_missing_file_of_a_checkpoint_is_named(tmp_path, name):
    run, network = new_run(tmp_path / "run")
    save(run, network, 1)
    (run.path / "checkpoints/last" / name).unlink()
    with pytest.raises(ValueError, match=rf"expected the file {name} in the checkpoint '.*last'"):
        run.last()


def test_an_empty_checkpoint_is_not_said_to_have_other_layers(tmp_path):
    run, network = new_run(tmp_path / "run")
    save(run, network, 1)
    shutil.rmtree(run.path / "checkpoints/last")
    (run.path / "checkpoints/last").mkdir()
    with pytest.raises(
        ValueError, match=r"expected the file network\.safetensors.*an empty folder"
    ):
        ff.load(run.path)


def test_a_checkpoint_without_one_of_its_shards_is_said_to_lack_a_file(tmp_path):
    run, network = new_run(tmp_path / "run")
    weights = {f"network.{name}": each for name, each in network.state_dict().items()}
    weights.popitem()
    (folder := run.path / "checkpoints/last").mkdir(parents=True)
    without_id(run)
    files.write_tensors(folder / "shard-00001-model-00001-of-00001.safetensors", weights)
    with pytest.raises(ValueError, match="network: a file of the checkpoint is missing"):
        ff.load(run.path)


@pytest.mark.parametrize(("content", "said"), [("", "whole JSON"), ("7", "JSON object")])
def test_a_broken_progress_is_named(tmp_path, content, said):
    run, network = new_run(tmp_path / "run")
    save(run, network, 1)
    (run.path / "checkpoints/last/progress.json").write_text(content)
    with pytest.raises(ValueError, match=rf"{said}.*progress\.json|progress\.json.*{said}"):
        run.last()
    (run.path / "checkpoints/last/progress.json").write_text("{}")
    with pytest.raises(ValueError, match=r"expected an entry 'steps' in '.*progress\.json'"):
        run.last()[2]["steps"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"with a run\.json in it, got"),
        ("{", r"a run\.json that can be read, got.*expected a whole JSON file, got '.*run\.json'"),
        ("[]", r"a run\.json that can be read, got.*expected a JSON object"),
        ('{"made_by": "another"}', r"a run\.json of this library, got"),
    ],
)
def test_a_missing_run_json_a_broken_one_and_another_tools_are_told_apart(tmp_path, content, said):
    run, network = new_run(tmp_path / "run")
    save(run, network, 1)
    (run.path / "run.json").unlink()
    if content is not None:
        (run.path / "run.json").write_text(content)
    with pytest.raises(ValueError, match=said):
        ff.load(run.path)


@pytest.mark.parametrize("entry", [None, {}, {"layers": [{"nope": "1"}]}, {"layers": 7}])
def test_a_run_json_without_a_network_or_with_a_broken_one_is_named(tmp_path, entry):
    run = Run.create(tmp_path / "run", {} if entry is None else {"network": entry})
    save(run, ff.mlp(3, 4, num_classes=2), 1)
    with pytest.raises(ValueError, match=r"entry 'network' in '.*run\.json', got"):
        ff.load(run.path)
