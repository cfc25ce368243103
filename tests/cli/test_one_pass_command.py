"""A run whose layers answer for every class: trained, read, shown and exported by the commands."""

import json

import pytest
import torch
from tests.conftest import called

import forward_forward as ff
from forward_forward import predict
from forward_forward.examples import NoLabel
from forward_forward.export.selection import select
from forward_forward.readouts import FixedReadout

SMALL = ("--data", "digits", "--recipe", "one_pass", "--hidden", "60", "60", "--epochs", "15")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("one_pass") / "run"
    done = called("train", *SMALL, "--threads", "1", "--out", path, "--json")
    assert done.code == 0, done.err
    return path, json.loads(done.out)


def samples(count=30):
    return next(ff.datasets.digits()[1].batches(count)).x


def test_it_learns_and_is_read_by_the_goodness_of_every_class(run):
    path, printed = run
    assert printed["test_error"] < 8  # chance is 90
    assert len(printed["test"]["goodness_error_by_layer"]) == 2
    done = called("evaluate", path, "--json")
    assert json.loads(done.out)["test_error"] == pytest.approx(printed["test_error"])
    network = ff.load(path)
    assert network.examples == NoLabel(10)
    assert network.layers[0].adversarial == 0.1
    assert network.check(samples()) == {}


def test_its_settings_are_flags_and_other_settings(tmp_path):
    options = ["--goodness", "FixedReadout", "--loss", "SymBa(alpha=2)", "--set", "adversarial=0"]
    path = tmp_path / "run"
    done = called("train", *SMALL[:-1], "1", *options, "--threads", "1", "--out", path)
    assert done.code == 0, done.err
    (first, _) = ff.load(path).layers
    assert isinstance(first.goodness, FixedReadout)
    assert (first.loss, first.adversarial) == (ff.losses.SymBa(alpha=2), 0)


def test_it_gets_a_page(run, tmp_path):
    done = called("report", run[0], "--out", tmp_path / "page.html")
    assert done.code == 0, done.err
    page = (tmp_path / "page.html").read_text().replace("<wbr>", "")
    assert "one_pass" in page
    assert "Not available" not in page


def test_its_scan_of_all_labels_is_one_pass_and_is_exported(run):
    network = ff.load(run[0])
    x = samples()
    (found,) = select(network, x)
    assert found.name == "scan"
    goodness, label = found.module(x)
    torch.testing.assert_close(goodness, network.goodness(x))
    assert torch.equal(label, network.predict(x))


def test_what_needs_one_goodness_per_sample_is_refused(run):
    network, x = ff.load(run[0]), samples()
    with pytest.raises(ValueError, match="answer for every class: train without"):
        predict.familiarity(network, x)
    with pytest.raises(ValueError, match=r"in a single pass: use network\.predict"):
        select(network, x, "one-pass")
