"""Runs go to a stand-in of the Hub, by the real client, and come back as they were."""

import json
import re
import sys
import threading
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load as tensors_of_bytes
from tests.hub.stand_in import TOKEN, StandIn

import forward_forward as ff
from forward_forward import files
from forward_forward.hub import local
from forward_forward.hub.upload import without_folders

# The client's own, on how it calls its HTTP library.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

PAGE = Path(__file__).parents[2] / "docs" / "sharing.md"
WEIGHTS = "checkpoints/best/network.safetensors"
MANIFEST = "checkpoints/best/manifest.json"
URL = "{}/{{repo_id}}/resolve/{{revision}}/{{filename}}"


@pytest.fixture
def standin(monkeypatch, tmp_path):
    """The Hub for this process, which has read its address from the environment already."""
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", server.address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", URL.format(server.address))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def same(found, wanted):
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_a_run_comes_back_with_the_same_weights(standin, digits_run):
    url = ff.Run(digits_run.path).push_to_hub("me/digits", private=True)
    assert url == f"{standin.address}/me/digits/commit/{standin.repositories['me/digits']['main']}"
    assert standin.private["me/digits"]
    names = {
        WEIGHTS,
        MANIFEST,
        "README.md",
        "config.yaml",
        "metrics.jsonl",
        "run.json",
        ".gitattributes",
    }
    assert set(standin.files("me/digits")) == names | {".gitattributes"}
    own = ff.load(digits_run.path)
    same(tensors_of_bytes(standin.files("me/digits")[WEIGHTS]), own.state_dict())
    found = ff.load("hf://me/digits")
    same(found.state_dict(), own.state_dict())
    x = next(ff.datasets.digits()[1].batches(50)).x
    assert torch.equal(found.predict(x), own.predict(x))
    assert ff.Run("hf://me/digits").metrics.rows() == ff.Run(digits_run.path).metrics.rows()


def test_the_python_of_the_page_on_sharing_runs(standin, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names = {}
    exec(block, names)
    same(names["net"].state_dict(), ff.load("runs/second").state_dict())
    assert names["url"].startswith(f"{standin.address}/user/name/commit/")


def test_a_revision_is_a_branch_or_a_commit(standin, digits_run, tmp_path):
    run = ff.Run(digits_run.path)
    run.push_to_hub("me/net")
    first = standin.repositories["me/net"]["main"]
    other = ff.Run.create(tmp_path / "other", dict(run.about))
    other.save("last", {name: each + 1 for name, each in run.weights().items()})
    other.push_to_hub("me/net", branch="shifted")
    assert standin.repositories["me/net"]["main"] == first
    for revision, wanted in (("shifted", other), ("main", run), (first, run)):
        same(ff.load(f"hf://me/net@{revision}").state_dict(), dict(wanted.weights()))
    other.push_to_hub("me/net", commit_message="the second")
    same(ff.load("hf://me/net").state_dict(), other.weights())
    same(ff.load(f"hf://me/net@{first}").state_dict(), run.weights())
    assert run.push_to_hub("me/net", create_pr=True).endswith("/me/net/discussions/1")


def test_what_an_earlier_upload_had_and_this_one_lacks_is_deleted(standin, digits_run):
    run = ff.Run(digits_run.path)
    run.push_to_hub("me/net")
    before = standin.files("me/net")
    kept = {"picture.png": b"mine", "checkpoints/best/shard-0.safetensors": b"of another run"}
    standin.commit("me/net", "main", {**before, **kept})
    run.push_to_hub("me/net")
    assert set(standin.files("me/net")) == {*before, "picture.png"}


def test_only_the_files_of_a_run_are_downloaded(standin, digits_run):
    ff.Run(digits_run.path).push_to_hub("me/net")
    more = {"model.pkl": b"a pickle", "code.py": b"raise SystemExit", "checkpoints/a.bin": b"b"}
    standin.commit("me/net", "main", {**standin.files("me/net"), **more})
    folder = local("hf://me/net")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {"run.json", "metrics.jsonl", "config.yaml", WEIGHTS, MANIFEST}
    assert not [each for each in standin.asked if any(name in each for name in more)]


@pytest.mark.parametrize(
    ("path", "content", "message"),
    [
        ("run.json", b'{"network": ', "expected a run's folder with a run.json that can be read"),
        ("run.json", b'{"made_by": "another tool"}', "of another tool"),
        (WEIGHTS, b"no tensors", "expected the file network.safetensors as it was written"),
        (WEIGHTS, None, "expected the file network.safetensors in .*, got none"),
        ("run.json", None, "expected a run that `ff push` uploaded, got 'hf://me/net'"),
    ],
)
def test_files_are_checked_when_they_are_read(standin, digits_run, path, content, message):
    ff.Run(digits_run.path).push_to_hub("me/net")
    changed = {**standin.files("me/net"), path: content}
    standin.commit("me/net", "main", {name: each for name, each in changed.items() if each})
    with pytest.raises(ValueError, match=message):
        ff.load("hf://me/net")


def test_a_description_from_the_hub_runs_no_code(standin, digits_run):
    ff.Run(digits_run.path).push_to_hub("me/net")
    about = json.loads(standin.files("me/net")["run.json"])
    about["network"]["layers"][0]["block"] = "os:system('exit 1')"
    del about["sha256"]
    changed = {**standin.files("me/net"), "run.json": json.dumps(about).encode()}
    standin.commit("me/net", "main", changed)
    with pytest.raises(ValueError, match="code is never run merely because a file names it"):
        ff.load("hf://me/net")


def test_what_was_downloaded_is_read_without_the_hub(standin, digits_run, monkeypatch):
    ff.Run(digits_run.path).push_to_hub("me/net")
    before = ff.load("hf://me/net").state_dict()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    same(ff.load("hf://me/net").state_dict(), before)
    with pytest.raises(ConnectionError, match="'hf://me/other' cannot be downloaded"):
        ff.load("hf://me/other")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("hf://me/missing", "got 'hf://me/missing' .no such repository.: check the name"),
        ("hf://me/net@missing", "got 'hf://me/net@missing' .no such revision.: check"),
        ("hf://me", "expected hf://user/name or hf://user/name@revision, got 'hf://me'"),
        ("hf://me/net/x", "expected hf://user/name or hf://user/name@revision, got"),
        ("hf://me/-net", "expected the name of a repository, got 'hf://me/-net'"),
    ],
)
def test_an_address_without_a_run_is_refused(standin, digits_run, address, message):
    ff.Run(digits_run.path).push_to_hub("me/net")
    with pytest.raises(ValueError, match=message):
        ff.load(address)


def test_a_private_repository_needs_a_token(standin, digits_run, monkeypatch):
    ff.Run(digits_run.path).push_to_hub("me/net", private=True)
    monkeypatch.setenv("HF_TOKEN", "hf_of_somebody_else")
    with pytest.raises(ValueError, match="log in with `hf auth login` if it is private"):
        ff.load("hf://me/net")


@pytest.mark.parametrize("name", ["other/net", "a b"])
def test_a_repository_of_somebody_else_or_a_bad_name_is_refused(standin, digits_run, name):
    with pytest.raises(ValueError, match=f"that you may write to.*got '{name}'"):
        ff.Run(digits_run.path).push_to_hub(name)
    assert standin.repositories == {}


def test_nothing_is_uploaded_of_a_run_without_weights(standin, tmp_path):
    run = ff.Run.create(tmp_path / "run", {})
    with pytest.raises(ValueError, match="has no checkpoint yet: train for an epoch first"):
        run.push_to_hub("me/net")
    assert standin.asked == []


def test_a_hub_that_cannot_be_reached_is_said(digits_run, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(ConnectionError, match=r"the Hub cannot be reached .*check the connection"):
        ff.Run(digits_run.path).push_to_hub("me/net")


def test_folders_of_the_person_who_trained_stay_at_home(standin, digits_run, tmp_path):
    run = ff.Run.create(tmp_path / "run", dict(ff.Run(digits_run.path).about))
    run.update(command={**run.about["command"], "data": str(tmp_path / "secret" / "digits.npz")})
    files.write(run.path / "config.yaml", f"data: {tmp_path}/secret/digits.npz\n".encode())
    run.save("best", ff.Run(digits_run.path).weights())
    run.push_to_hub("me/net")
    uploaded = standin.files("me/net")
    assert json.loads(uploaded["run.json"])["command"]["data"] == "digits.npz"
    assert uploaded["config.yaml"] == b"data: digits.npz\n"
    assert not [name for name, each in uploaded.items() if b"secret" in each]
    assert without_folders({"drop": ["/", 3, None]}) == {"drop": ["/", 3, None]}


def test_without_the_client_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", None)
    with pytest.raises(ImportError, match=r'pip install "forward-forward\[hub\]"'):
        ff.load("hf://me/net")
