"""A sweep's folder becomes a page of its history, its settings and its trials."""

import json
from pathlib import Path

import pytest
from tests.report.reader import Page

from forward_forward.report import sweep_page, trials
from forward_forward.report.svg import drawing


def trial(number: int, curve: list[float], state: str = "complete", **settings) -> dict:
    values = {"lr": 10.0 ** -(1 + number % 4), "loss": "sigmoid", "hidden": [20 + number] * 2}
    searched = {"lr": values["lr"], "loss": "sigmoid", "hidden": 20 + number}
    if number % 2:
        alpha = 1.234375 + number
        values["loss"] = f"SymBa(alpha={alpha})"
        searched |= {"loss": "SymBa(alpha=1..20)", "loss.SymBa.alpha": alpha}
    return {
        "number": number,
        "state": state,
        "validation_error": min(curve, default=None),
        "best_epoch": len(curve) or None,
        "curve": curve,
        "settings": {**values, **settings},
        "searched": searched,
        "seconds": 1.25,
        "threads": 1,
        "why": None,
    }


SOME = [
    *(trial(number, [90.0 / epoch + number for epoch in range(1, 5)]) for number in range(11)),
    trial(11, [88.0, 80.0], "pruned"),
    trial(12, [], "diverged"),
    trial(13, [70.0], "broken off"),  # as version 0.1 wrote it
    trial(14, [], "withdrawn"),
]
FRACTIONS = {"lr": 0.6, "loss": 0.3, "loss.SymBa.alpha": 0.1}


def made(folder: Path, kept: list[dict], importance: dict | None = None) -> Path:
    """A sweep's folder such as ``ff sweep`` leaves."""
    folder.mkdir(parents=True)
    asked = {
        "data": "digits",
        "recipe": "standard",
        "fixed": {"epochs": 4},
        "space": {"lr": "0.0001..0.1", "loss": "sigmoid,SymBa(alpha=1..20)", "hidden": "2x20..40"},
        "samples": {"train": 1222, "validation": 216},
        "seed": 0,
    }
    machine = {"platform": "Linux", "torch": "2.13.0"}
    about = {"made_by": "forward-forward", "optuna": "5.0.0", "machine": machine, "trials": 13}
    (folder / "sweep.json").write_text(json.dumps({**about, "storage": None, "asked": asked}))
    (folder / "trials.json").write_text(json.dumps({"trials": kept, "importance": importance}))
    return folder


def test_the_page_shows_the_history_the_settings_and_the_trials(tmp_path):
    text = sweep_page(made(tmp_path / "first", SOME, FRACTIONS), command="ff train --lr 0.1")
    page = Page(text)
    for said in (
        "Sweep first",
        "1,222 training and 216 validation samples",
        "13 of 13: 11 complete, 1 pruned, 1 diverged; 1 interrupted, not counted",
        "Trial 0: a validation error of 22.50 % after epoch 4.",
        "ff train --lr 0.1",
        "The best of 13 trials on the validation data that selected it",
    ):
        assert said in page.text
    # history, curves, importance, and a slice for each of lr, loss, hidden and loss.SymBa.alpha
    assert len(page.all("svg")) == 3 + 4
    labels = [each["aria-label"] for each in page.all("svg")]
    assert labels[:3] == ["Error by trial", "Error by epoch", "Importance"]
    assert set(labels[3:]) == {"lr", "loss", "hidden", "loss.SymBa.alpha"}
    assert "1 complete 23.50" in page.text
    assert "SymBa(alpha=2.23)" in page.text
    assert "13 interrupted 70.00" in page.text
    assert "withdrawn" not in page.text
    copied = text[text.index("comma-separated") :]
    assert "trial,state,validation_error,best_epoch,seconds,lr,loss,hidden" in copied
    assert "1,complete,23.5,4,1.25,0.01,SymBa(alpha=2.234375),21 21" in copied
    assert "12,diverged,,,1.25,0.1,sigmoid,32 32" in copied


def test_the_page_loads_nothing_and_has_its_ids_once(tmp_path):
    odd = [*SOME, trial(15, [50.0], loss="<b>&")]
    text = sweep_page(made(tmp_path / "<b>&\"'", odd, FRACTIONS))
    page = Page(text)
    assert len(page.ids) == len(set(page.ids)) > 10
    assert [each for each in page.links if not each.startswith(("#", "data:"))] == []
    assert "http" not in text.replace("http-equiv", "")
    assert "<b>" not in text


@pytest.mark.parametrize(
    ("kept", "said", "figures"),
    [
        ([], "No trial is complete.", 0),
        ([trial(0, [], "running")], "No trial is complete.", 0),
        ([trial(0, [], "diverged")], "No trial is complete.", 2 + 3),
        ([trial(0, [50.0])], "Trial 0: a validation error of 50.00 %", 2 + 3),
        ([trial(0, [0.0, 0.0])], "Trial 0: a validation error of 0.00 %", 2 + 3),
    ],
)
def test_a_sweep_of_few_trials_has_a_page(tmp_path, kept, said, figures):
    page = Page(sweep_page(made(tmp_path / "few", kept)))
    assert said in page.text
    assert len(page.all("svg")) == figures


def test_the_best_so_far_never_rises_and_leaves_out_what_is_not_complete():
    kept = [
        trial(0, [5.0], "pruned"),
        trial(1, [30.0]),
        trial(2, [10.0], "pruned"),
        trial(3, [40.0]),
        trial(4, [20.0]),
    ]
    with drawing():
        line = trials.history(kept).axes[0].lines[0]
        assert [str(each) for each in line.get_ydata()] == ["nan", "30.0", "30.0", "30.0", "20.0"]
        drawn = trials.curves(kept, best=4).axes[0]
    assert len(drawn.lines) == 5
    crosses, dots = drawn.collections[:1], drawn.collections
    assert len(dots) == 5  # curves of one epoch are points, or crosses
    assert crosses[0].get_offsets().tolist() == [[1, 5.0]]


def test_the_bars_are_the_fractions():
    with drawing():
        drawn = trials.bars(FRACTIONS).axes[0]
    assert [bar.get_width() for bar in drawn.patches] == list(FRACTIONS.values())


def test_the_command_makes_the_page_of_one_sweep(tmp_path, ff):
    one, two = (made(tmp_path / name, SOME, FRACTIONS) for name in ("one", "two"))
    page = tmp_path / "page.html"
    assert ff("report", one, "--out", page).code == 0
    text = Page(page.read_text()).text
    assert "ff train --data digits --recipe standard --epochs 4 --lr 0.1 --loss sigmoid" in text
    assert f"--hidden 20 20 --threads 1 --out {one}/trial-0" in text
    refused = ff("report", one, two, "--out", page)
    assert refused.code == 2
    assert "a page shows one sweep, got 2 folders" in refused.err


def test_what_is_no_sweep_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected a sweep's folder with a sweep\.json"):
        sweep_page(tmp_path)
