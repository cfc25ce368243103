"""`ff train --readout weighted`, and `ff evaluate --readout` on a run of another readout."""

import json

import pytest
from tests.conftest import called

import forward_forward as ff
from forward_forward import checkpoint, datasets, predict
from forward_forward.datasets.run_data import sets_of_run

TRAIN = ("train", "--data", "digits", "--hidden", "30", "30", "--epochs", "3", "--threads", "1")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs that read labels in each way, and what was printed."""
    found = {}
    for readout in ("auto", "weighted", "logistic"):
        path = tmp_path_factory.mktemp(readout) / "run"
        done = called(*TRAIN, "--readout", readout, "--out", path)
        assert done.code == 0, done.err
        found[readout] = path, done.out
    return found


def said(readout, about):
    if readout == "logistic":
        return "labels are read from layers 1 and 2 by a logistic regression (fitted to the"
    first, stop = about["readout"]
    weights = ", ".join(f"{each:.3g}" for each in about["fitted_readout"]["weights"][first:stop])
    layers = "layers 1 and 2" if stop - first == 2 else f"layer {stop}"
    return f"labels are read from {layers}, weighted {weights} (fitted to the validation data"


@pytest.mark.parametrize("readout", ["weighted", "logistic"])
def test_training_prints_and_keeps_the_fitted_readout(runs, readout):
    path, printed = runs[readout]
    about = checkpoint.Run(path).about
    assert said(readout, about) in printed
    assert said(readout, about) in called("evaluate", path).out
    errors = predict.evaluate(ff.load(path), datasets.digits()[1])
    assert errors["error"] == pytest.approx(about["test_error"])
    page = path.parent / "page.html"
    assert called("report", path, "--out", page).code == 0
    assert said(readout, about).split("from ")[1].split(" (")[0] in page.read_text()


@pytest.mark.parametrize("readout", ["weighted", "logistic"])
def test_a_run_is_evaluated_with_another_readout_and_stays_as_it_is(runs, readout):
    path, _ = runs["auto"]
    before = (path / "run.json").read_bytes()
    done = called("evaluate", path, "--readout", readout, "--json")
    network, sets = ff.load(path), sets_of_run(checkpoint.Run(path).about)
    network.set_readout(readout)
    predict.fit_readout(network, sets.validation)
    expected = predict.evaluate(network, sets.test)["error"]
    assert json.loads(done.out)["test_error"] == pytest.approx(expected)
    assert "(fitted to the validation data)" in called("evaluate", path, "--readout", readout).out
    assert (path / "run.json").read_bytes() == before


def test_a_fitted_run_is_evaluated_with_a_range(runs):
    path, _ = runs["weighted"]
    network = ff.load(path)
    for readout, range_of in (("2", (1, 2)), ("all", None)):
        network.set_readout(range_of)
        expected = predict.evaluate(network, datasets.digits()[1])["error"]
        done = called("evaluate", path, "--readout", readout, "--json")
        assert json.loads(done.out)["test_error"] == pytest.approx(expected)
    assert "labels are read from layer 2:" in called("evaluate", path, "--readout", "2").out
    assert "(chosen on the validation" in called("evaluate", path, "--readout", "auto").out


def test_an_unknown_readout_is_refused(runs):
    done = called("evaluate", runs["auto"][0], "--readout", "best")
    assert done.code == 2
    assert 'readout expects "auto", "weighted", "logistic", "all"' in done.err
