"""`ff export --to c` and `--to web`."""

import json
import shutil

import pytest
from tests.conftest import called

TRAIN = ("train", "--data", "digits", "--hidden", "24", "--epochs", "3", "--threads", "1")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("c") / "run"
    done = called(*TRAIN, "--out", path)
    assert done.code == 0, done.err
    return path


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler named cc")
def test_a_run_becomes_a_program_that_agrees_with_it(run):
    done = called("export", run, "--to", "c")
    assert done.code == 0, done.err
    assert (run / "device" / "src" / "ff_model.c").is_file()
    lines = dict(line.split("\t", 1) for line in done.out.splitlines() if "\t" in line)
    assert lines[""] == "this program\tby backprop"
    assert lines["RAM to learn layer by layer, bytes"].endswith("\t-")
    assert "100.00 % of the labels equal" in done.out
    assert "layer 1 learns on the device by its loss alone" in done.out
    assert done.out.splitlines()[-1] == f"folder: {run / 'device'}"


def test_integers_spare_classes_and_a_rate_are_in_the_record(run, tmp_path):
    given = "--numbers", "int8", "--spare-classes", "2", "--rate", "0.02"
    done = called("export", run, "--to", "c", "--out", tmp_path / "d", *given, "--json")
    about = json.loads(done.out)
    assert (about["numbers"], about["rate"], about["spare_classes"]) == ("int8", 0.02, 2)
    assert about["classes"][-2:] == ["spare 1", "spare 2"]
    assert json.loads((tmp_path / "d" / "export.json").read_text())["memory"] == about["memory"]


def test_a_run_becomes_a_page(run, tmp_path):
    done = called("export", run, "--to", "web", "--spare-classes", "1")
    assert done.code == 0, done.err
    page = run / "page" / "index.html"
    size = f"{page.stat().st_size:,}"
    assert done.out.splitlines()[-1] == f"page: {page} ({size} bytes): open it in a browser"
    assert "spare 1" in page.read_text()
    done = called("export", run, "--to", "web", "--out", tmp_path / "a.html", "--json")
    assert json.loads(done.out)["bytes"] == (tmp_path / "a.html").stat().st_size


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--to", "c", "--int8"), "for integers in C: --numbers"),
        (("--to", "c", "--predictor", "scan"), "--predictor and --int8 are for onnx and torch"),
        (("--spare-classes", "1"), "--spare-classes and --rate are for --to c and --to web"),
        (("--to", "web", "--numbers", "int8"), "--numbers is for --to c"),
        (("--to", "web", "--int8"), "--predictor and --int8 are for onnx and torch"),
        (("--to", "c", "--spare-classes", "-1"), "whole number from 0 to 1000, got -1"),
        (("--to", "c", "--rate", "-1"), "rate expects a number from 0 on, got -1"),
    ],
)
def test_options_that_do_not_fit_are_refused(run, given, message, tmp_path):
    done = called("export", run, "--out", tmp_path / "d", *given)
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "d").exists()
