"""Runs have keys that can be read and do not change; their records outlive a crash."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from forward_forward.lab.ledger import NAME, Ledger
from forward_forward.lab.reproduce.claims import CLAIMS
from forward_forward.lab.reproduce.job import Job, Record
from forward_forward.lab.reproduce.methods import METHODS, train
from forward_forward.lab.reproduce.parts import PARTS, with_parts
from forward_forward.lab.reproduce.scales import SCALES

KEPT = Path(__file__).parents[3] / "results" / "poster" / NAME
JOB = Job("counted", {"lr": 0.1, "hidden": (8, 8)}, "digits", None, 2.5, 3)


def test_equal_jobs_have_one_key():
    same = Job("counted", {"hidden": [8, 8], "lr": 0.1}, "digits", None, 2.5 + 1e-9, 3)
    assert same.key == JOB.key
    assert replace(JOB, device="cuda:0").key == JOB.key


def test_every_run_of_the_committed_ledger_keeps_its_key():
    # If this fails, every run of older ledgers would be repeated.
    assert JOB.key == "6d20149683f4aa7bd0bf"
    rows = [json.loads(line) for line in KEPT.read_text().splitlines()]
    for row in rows:
        about = dict(row["job"])
        method = about.pop("train")
        assert Job(method, **about).key == row["key"]
    used = {row["job"]["train"] for row in rows}
    assert used - set(METHODS) == {"pace"}  # the earlier name of step_times, measured again since


def test_every_part_of_the_committed_ledger_is_known():
    settings = [json.loads(line)["job"]["settings"] for line in KEPT.read_text().splitlines()]
    used = {(name, each[name]) for each in settings for name in PARTS.keys() & each.keys()}
    assert used == {(name, part) for name, parts in PARTS.items() for part in parts}


def test_a_run_keeps_its_key_when_its_function_is_renamed(monkeypatch):
    before = Job("forward_forward", {}, "digits", None, 1, 0).key
    monkeypatch.setattr(METHODS["forward_forward"], "__name__", "renamed")
    assert Job("forward_forward", {}, "digits", None, 1, 0).key == before


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="expected a method among forward_forward"):
        train(replace(JOB, method="forward"))


@pytest.mark.parametrize(
    "change",
    [
        {"method": "other"},
        {"settings": {"lr": 0.2, "hidden": (8, 8)}},
        {"settings": {"lr": 0.1, "hidden": (8,)}},
        {"settings": {"lr": 0.1}},
        {"settings": {"lr": 0.1, "hidden": (8, 8), "loss": "log_sigmoid"}},
        {"data": "mnist"},
        {"images": 100},
        {"epochs": 2.0},
        {"seed": 4},
        {"final": True},
    ],
    ids=str,
)
def test_whatever_changes_a_run_changes_its_key(change):
    assert replace(JOB, **change).key != JOB.key


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_jobs_are_plain_values_and_come_back_from_json(scale):
    arms = [arm for claim in CLAIMS.values() for arm in claim.arms(scale)]
    jobs = [job for claim in CLAIMS.values() for job in claim.jobs(scale)]
    jobs += [Job(arm.method, arm.settings, scale.data, scale.images, 1, 0) for arm in arms]
    assert len(jobs) > 100
    for job in jobs:
        assert json.loads(json.dumps(job.about)) == job.about
        assert job.method in METHODS
        with_parts(job.settings)  # fails if a part is not known by its name


def record_of(job: Job) -> Record:
    return {"key": job.key, "job": job.about, "validation_error": 5.0}


FIRST, SECOND, THIRD = (replace(JOB, seed=seed) for seed in range(3))


def filled(folder: Path, *jobs: Job) -> Ledger:
    ledger = Ledger(folder)
    for job in jobs:
        ledger.add(record_of(job))
    return ledger


def test_a_ledger_keeps_what_it_is_told(tmp_path):
    ledger = filled(tmp_path / "new" / "folder", FIRST, SECOND)
    again = Ledger(tmp_path / "new" / "folder")
    assert again.records == ledger.records
    assert again[SECOND] == record_of(SECOND)
    assert FIRST in again
    assert THIRD not in again
    assert again.missing([THIRD, FIRST, THIRD]) == [THIRD]


@pytest.mark.parametrize("lost", [1, 2, 20, -20, -1])
def test_a_ledger_outlives_a_line_that_was_cut_off(tmp_path, lost):
    filled(tmp_path, FIRST, SECOND)
    path = tmp_path / NAME
    whole = path.read_text().splitlines(keepends=True)
    path.write_text(whole[0] + whole[1][:-lost])
    torn = Ledger(tmp_path)
    assert (FIRST in torn, SECOND in torn) == (True, lost == 1)  # 1 is the end of the line alone
    for job in [*torn.missing([SECOND]), THIRD]:
        torn.add(record_of(job))
    again = Ledger(tmp_path)
    assert list(again.records) == [FIRST.key, SECOND.key, THIRD.key]
    assert path.read_text().endswith("\n")


def test_lines_that_are_no_records_are_left_out(tmp_path):
    (tmp_path / NAME).write_text(f"3\n\n{json.dumps(record_of(FIRST))}\nnull\n")
    assert list(Ledger(tmp_path).records) == [FIRST.key]
