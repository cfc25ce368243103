"""Folders of runs become a page of settings, errors and goodness; other folders are refused."""

import json
import re
from pathlib import Path

import pytest
from tests.report.reader import Page

from forward_forward.report import runs_page


def made(folder: Path, *, epochs: int = 3, layers: int = 2, seed: int = 0, **about) -> Path:
    """A run's folder such as ``ff train`` leaves."""
    folder.mkdir(parents=True)
    layer = {"block": "Linear(4, 4)", "activation": "ReLU()", "threshold": "'calibrated'"}
    said = {
        "made_by": "forward-forward",
        "command": {"data": "digits", "settings": {"epochs": epochs, "typed": seed}},
        "network": {"layers": [layer] * layers, "head": None, "readout": "'auto'"},
        "readout": [0, 2],
        "trainer": {"lr": 0.00375, "seed": seed, "augment": []},
        "thresholds": [0.5] * layers,
        "status": "finished",
        "machine": {"torch": "2.13.0", "date": f"2026-11-2{seed}"},
        "best_epoch": epochs,
        "validation_error": 8.796,
        "seconds": 2.881,
        "test": {
            "error": 8.3,
            "goodness_error": 8.3,
            "goodness_error_by_layer": [4.735] * layers,
        },
        "test_error": 8.357,
        **about,
    }
    (folder / "run.json").write_text(json.dumps(said))
    rows = [
        {
            "epoch": epoch,
            "goodness_positive": [0.5 + epoch] * layers,
            "goodness_negative": [0.5 - epoch / 10] * layers,
            "validation_error": 40 / epoch,
            "validation_goodness_error": 40 / epoch,
            "validation_goodness_error_by_layer": [50.0, 30 / epoch, *[60.0] * (layers - 2)],
            "seconds": 0.7 * epoch,
        }
        for epoch in range(1, epochs + 1)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def table(page: str, name: str) -> str:
    """The words of the table with this name."""
    found = re.search(rf'aria-label="{name}">(.*?)</table>', page, re.DOTALL)
    assert found is not None
    return Page(found[1]).text


def test_two_runs_are_compared(tmp_path):
    text = runs_page([made(tmp_path / "a"), made(tmp_path / "b", layers=3, seed=4)])
    page = Page(text)
    assert page.text.count("a and b") == 2
    outcomes = table(text, "errors and times")
    assert "a finished 3 3 8.80 8.36 4.74, 4.74 layers 1 and 2; layer 2 alone is better" in outcomes
    differ = table(text, "settings that differ")
    assert "trainer.seed 0 4" in differ
    assert "network.layers.3.block – Linear(4, 4)" in differ
    for left_out in ("network.layers.3.activation", "typed", "2026", "trainer.lr"):
        assert left_out not in differ
    assert "trainer.lr 0.00375" in page.text
    assert "network.layers.1.threshold calibrated" in page.text
    assert len(page.all("svg")) == 2 + (2 + 2) + (2 + 3)  # errors by layer, goodness of each
    assert page.text.count("Line: the threshold, 0.5.") == 5


def test_the_page_loads_nothing_and_has_its_ids_once(tmp_path):
    text = runs_page([made(tmp_path / "a"), made(tmp_path / "<b>&\"'")])
    page = Page(text)
    assert len(page.ids) == len(set(page.ids)) > 10
    assert [each for each in page.links if not each.startswith(("#", "data:"))] == []
    assert "http" not in text.replace("http-equiv", "")
    assert "<b>" not in text


def test_one_run_shows_all_its_settings(tmp_path):
    text = runs_page([made(tmp_path / "alone", checksums={"test": "0123abcd"})])
    assert "settings that differ" not in text
    shown = Page(text).text
    assert shown.index("network.layers.1.block") < shown.index("trainer.seed 0")
    assert shown.index("trainer.seed 0") < shown.index("checksums.test")  # that nobody chooses
    assert "<details open>" in text


def test_equal_runs_are_said_to_be_equal(tmp_path):
    text = runs_page([made(tmp_path / "a"), made(tmp_path / "b")])
    assert "All runs have the same settings." in text


def test_runs_of_one_name_are_told_apart_by_their_path(tmp_path):
    text = runs_page([made(tmp_path / "x" / "run"), made(tmp_path / "y" / "run")])
    assert str(tmp_path / "x" / "run") in Page(text).text


def test_an_interrupted_run_is_shown_up_to_its_last_epoch(tmp_path):
    begun = made(tmp_path / "begun", epochs=0, status="training")
    broken = made(tmp_path / "broken", epochs=2, status="training")
    with (broken / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 3, "goodn')
    for folder in (begun, broken):
        about = json.loads((folder / "run.json").read_text())
        kept = {name: about[name] for name in ("made_by", "status", "network", "trainer")}
        (folder / "run.json").write_text(json.dumps(kept))
    text = runs_page([begun, broken])
    rows = table(text, "errors and times")
    assert "begun training 0" in rows
    assert "broken training 2" in rows
    assert text.count("No epoch has finished.") == 3
    (begun / "metrics.jsonl").unlink()
    assert "No validation errors" in runs_page([begun])


def test_a_real_run_is_shown(digits_run):
    text = runs_page([str(digits_run.path)])
    assert f"{digits_run.printed['test_error']:.2f}" in table(text, "errors and times")
    assert len(Page(text).all("svg")) == 2 + 2 + 2 + 2 + 2 + 2
    assert len(Page(text).all("img")) == 24 + 25


@pytest.mark.parametrize("content", [None, "{", "[]", '{"made_by": "another"}'])
def test_a_folder_without_a_run_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(ValueError, match=r"expected a run's folder with a run.json .* got '/"):
        runs_page([tmp_path])


@pytest.mark.parametrize("line", ["7", '{"step": 1}'])
def test_figures_of_another_tool_are_refused(tmp_path, line):
    folder = made(tmp_path / "a")
    (folder / "metrics.jsonl").write_text(line + "\n")
    with pytest.raises(ValueError, match="one JSON object with an 'epoch' on each line, got"):
        runs_page([folder])


def test_no_run_at_all_is_refused():
    with pytest.raises(ValueError, match="at least one run's folder, got none"):
        runs_page([])


def test_a_page_of_names_that_are_no_text_is_written(ff, tmp_path):
    run = made(tmp_path / "run", command={"data": "caf\udce9", "settings": {}})
    done = ff("report", run, "--out", tmp_path / "page.html")
    assert done.code == 0, done.err
    assert "caf?" in (tmp_path / "page.html").read_text()


def test_the_inside_of_a_block_of_own_code_is_shown_where_runs_differ_in_it_alone(tmp_path):
    traced = "Sequential(GraphBlock(parts=Sequential(Conv2d({0}, {0}, 3)), steps=()), ReLU())"

    def run(name, channels):
        layer = {"block": traced.format(channels), "activation": "None"}
        return made(tmp_path / name, network={"layers": [layer] * 2, "readout": "'auto'"})

    page = Page(runs_page([run("a", 4), run("b", 4)])).text
    assert "Sequential(GraphBlock, ReLU())" in page
    assert "Conv2d" not in page
    assert "Conv2d(8, 8, 3)" in Page(runs_page([tmp_path / "a", run("c", 8)])).text
