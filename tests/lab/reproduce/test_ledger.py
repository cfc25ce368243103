"""Runs have keys that can be read and do not change; their records outlive a crash."""

import functools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from forward_forward import losses
from forward_forward.examples import FromGoodness
from forward_forward.goodness import PNorm
from forward_forward.lab.reproduce.claims import CLAIMS
from forward_forward.lab.reproduce.job import Job, Record, Split, written
from forward_forward.lab.reproduce.ledger import NAME, Ledger
from forward_forward.lab.reproduce.scales import SCALES
from forward_forward.optimize import constant


def counted(job: Job, split: Split) -> Record:
    """A way to train; keys need no more of it than its name."""
    raise AssertionError("nothing is to be trained")


def other(job: Job, split: Split) -> Record:
    """Another way to train."""
    return counted(job, split)


JOB = Job(counted, {"lr": 0.1, "hidden": (8, 8)}, "digits", None, 2.5, 3)


def test_equal_jobs_have_one_key():
    same = Job(counted, {"hidden": [8, 8], "lr": 0.1}, "digits", None, 2.5 + 1e-9, 3)
    assert same.key == JOB.key
    assert replace(JOB, device="cuda:0").key == JOB.key


def test_keys_are_those_of_ledgers_that_there_are():
    # If this fails, every run of older ledgers is done again: then PROTOCOL is to be raised.
    assert JOB.key == "6d20149683f4aa7bd0bf"


@pytest.mark.parametrize(
    "change",
    [
        {"train": other},
        {"settings": {"lr": 0.2, "hidden": (8, 8)}},
        {"settings": {"lr": 0.1, "hidden": (8,)}},
        {"settings": {"lr": 0.1}},
        {"settings": {"lr": 0.1, "hidden": (8, 8), "loss": losses.log_sigmoid}},
        {"data": "mnist"},
        {"images": 100},
        {"epochs": 2.0},
        {"seed": 4},
        {"final": True},
    ],
    ids=lambda part: re.sub(" at 0x[0-9a-f]+", "", str(part)),
)
def test_whatever_changes_a_run_changes_its_key(change):
    assert replace(JOB, **change).key != JOB.key


@pytest.mark.parametrize(
    ("part", "name"),
    [
        (functools.partial(torch.optim.SGD, momentum=0.9), "SGD(momentum=0.9)"),
        (functools.partial(torch.optim.Adam, betas=(0.0, 0.999)), "Adam(betas=[0.0, 0.999])"),
        (functools.partial(counted, split=nn.Tanh), "counted(split=Tanh)"),
        (nn.Tanh, "Tanh"),
        (constant, "constant"),
        (losses.log_sigmoid, "log_sigmoid"),
        (losses.SymBa(alpha=2.0), "SymBa(alpha=2.0)"),
        (FromGoodness(1.0, 0.5), "FromGoodness(temperature=1.0, fraction=0.5)"),
        (PNorm(3), "PNorm(p=3)"),
        ((500, (nn.ReLU, None)), [500, ["ReLU", None]]),
        (True, True),
        (None, None),
    ],
    ids=lambda part: re.sub(" at 0x[0-9a-f]+", "", str(part)),
)
def test_parts_are_written_as_one_reads_them(part, name):
    assert written({"part": part}) == {"part": name}


def test_settings_are_written_by_name_and_come_back_from_json():
    assert list(written({"b": 1, "a": 2})) == ["a", "b"]
    assert json.loads(json.dumps(JOB.about)) == JOB.about


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_no_key_of_a_claim_holds_an_address(scale):
    # Such a name differs from process to process, and its runs would never be found again.
    arms = [arm for claim in CLAIMS.values() for arm in claim.arms(scale)]
    jobs = [job for claim in CLAIMS.values() for job in claim.jobs(scale)]
    told = [written(each.settings) for each in [*arms, *jobs]]
    assert len(told) > 100
    assert [each for each in told if " at 0x" in str(each)] == []


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


@pytest.mark.parametrize(
    "lost", [1, 2, 20, -20, -1], ids=lambda part: re.sub(" at 0x[0-9a-f]+", "", str(part))
)
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
    (tmp_path / NAME).write_text(f'3\n{{"seed": 1}}\n\n{json.dumps(record_of(FIRST))}\nnull\n')
    assert list(Ledger(tmp_path).records) == [FIRST.key]
