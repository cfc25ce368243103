"""Runs, a sweep, an export and results of version 0.1 -> read, resumed and extended as ever."""

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.conftest import called
from tests.fixtures.v0_1 import make

import forward_forward as ff

WRITTEN = Path(__file__).parent / "fixtures" / "v0_1"
EXPECTED: dict[str, Any] = json.loads((WRITTEN / "expected.json").read_text())
ROUNDING = {"rtol": 1e-4, "atol": 1e-5}  # processors add products in different orders

# The fixture was written on another machine, of which `ff` warns.
pytestmark = pytest.mark.filterwarnings("ignore:the machine differs")


@pytest.fixture
def written(tmp_path, monkeypatch) -> Path:
    """A copy of all that version 0.1 wrote, as the working folder."""
    shutil.copytree(WRITTEN, tmp_path / "written")
    monkeypatch.chdir(tmp_path / "written")
    return tmp_path / "written"


def digits_rows() -> torch.Tensor:
    return next(ff.datasets.digits()[1].batches(make.ROWS))[0]


def decided(goodness: torch.Tensor) -> torch.Tensor:
    """Which samples have a best label, beyond rounding: the smallest network has many ties."""
    best, second = goodness.topk(2).values.unbind(1)
    return best - second > 1e-4


@pytest.mark.parametrize("run", sorted(EXPECTED))
def test_a_run_gives_the_same_labels_and_goodness(run):
    net, x = ff.load(WRITTEN / run), digits_rows()
    expected = torch.tensor(EXPECTED[run]["goodness"])
    torch.testing.assert_close(net.goodness(x), expected, **ROUNDING)
    sure = decided(expected) if net.head is None else slice(None)
    assert torch.equal(net.predict(x)[sure], torch.tensor(EXPECTED[run]["labels"])[sure])


@pytest.mark.parametrize("run", ["head", "trained"])
def test_a_run_is_evaluated_to_the_errors_it_recorded(run, written):
    done = called("evaluate", run, "--json")
    assert done.code == 0, done.err
    recorded = json.loads((written / run / "run.json").read_text())
    assert json.loads(done.out)["test_error"] == pytest.approx(recorded["test_error"])


def test_a_finished_run_resumed_prints_its_result(written):
    weights = (written / "standard" / "checkpoints" / "last" / "network.safetensors").read_bytes()
    done = called("train", "--resume", "standard", "--json")
    assert done.code == 0, done.err
    recorded = json.loads((written / "standard" / "run.json").read_text())
    assert json.loads(done.out)["test_error"] == recorded["test_error"]
    after = (written / "standard" / "checkpoints" / "last" / "network.safetensors").read_bytes()
    assert after == weights


def test_a_run_of_a_table_predicts_new_rows_by_its_stored_layout(written):
    expected = [
        json.loads(line) for line in (written / "expected_table.jsonl").read_text().splitlines()
    ]
    done = called("predict", "table", "new.csv", "--json")
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["label"] for row in rows] == [row["label"] for row in expected]
    for row, before in zip(rows, expected, strict=True):
        assert row["scores"] == pytest.approx(before["scores"], rel=1e-4, abs=1e-5)
    assert called("evaluate", "table", "--json").code == 0
    assert called("train", "--resume", "table").code == 0


def test_an_interrupted_run_ends_as_if_it_had_not_been(written):
    train, test = ff.datasets.digits()
    net = ff.mlp(64, 8, 8, num_classes=10, seed=0)
    trainer = ff.Trainer(net, lr=0.01, seed=0, order="greedy", precision="float32")
    with contextlib.chdir(written):
        fitted = trainer.fit(
            train, epochs=4, batch_size=64, validation=test, out="greedy", resume=True
        )
    assert [row["epoch"] for row in fitted.history] == [1, 2, 3, 4]
    # Exact on the processor that made the fixture; others may round the products differently.
    whole = load_file(written / "greedy_whole.safetensors")
    for name, weights in net.state_dict().items():
        torch.testing.assert_close(weights, whole[name], rtol=1e-3, atol=1e-4)


def test_a_sweep_goes_on(written):
    done = called("sweep", "--out", "sweep", "--trials", "3", "--json")
    assert done.code == 0, done.err
    trials, before = (
        json.loads((folder / "sweep" / "trials.json").read_text())["trials"]
        for folder in (written, WRITTEN)
    )
    assert len(trials) == 3
    assert trials[:2] == before


def test_runs_and_a_sweep_get_their_pages(written):
    for subjects in (("head", "converted"), ("table",), ("sweep",)):
        page = written / f"{subjects[0]}.html"
        done = called("report", *subjects, "--out", page)
        assert done.code == 0, done.err
        assert all(name in page.read_text() for name in subjects)


def test_the_results_of_a_reproduction_are_kept(written):
    ledger = (written / "poster-smoke" / "runs.jsonl").read_bytes()
    before = json.loads((written / "poster-smoke" / "fig8.right.json").read_text())
    claim = ("reproduce", "poster.fig8.right", "--scale", "smoke", "--out", "poster-smoke")
    done = called(*claim, "--json")
    assert done.code == 0, done.err
    assert (written / "poster-smoke" / "runs.jsonl").read_bytes() == ledger
    after = json.loads((written / "poster-smoke" / "fig8.right.json").read_text())
    assert after["verdict"] == before["verdict"]
    assert len(after["arms"]) == len(before["arms"])
    assert called("report", "poster-smoke", "--out", "poster.html").code == 0


def test_an_exported_network_still_answers_as_its_run():
    session = pytest.importorskip("onnxruntime").InferenceSession(WRITTEN / "export" / "scan.onnx")
    x = digits_rows().view(-1, 1, 8, 8)
    goodness, labels = session.run(["goodness", "label"], {"samples": x.numpy()})
    assert labels.tolist() == EXPECTED["head"]["labels"]
    expected = torch.tensor(EXPECTED["head"]["goodness"])
    torch.testing.assert_close(torch.from_numpy(goodness), expected, **ROUNDING)
