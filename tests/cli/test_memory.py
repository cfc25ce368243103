"""Too little memory, and values nested too deeply: one sentence that says what to do."""

import json
import shutil

import numpy as np
import pytest
import torch

from forward_forward import datasets, examples, notation
from forward_forward.cli import errors
from forward_forward.data import arrays
from forward_forward.optimize import fit

SENTENCE = "ff: error: expected more free memory, got too little while "


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize(
    ("place", "doing"),
    [
        (arrays, "reading the data"),
        (fit, "training"),
    ],
)
def test_too_little_memory_says_for_what_and_what_to_do(ff, tmp_path, monkeypatch, place, doing):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.eye(40), y=np.arange(40) % 2)
    if place is arrays:
        monkeypatch.setattr(np, "load", raising(MemoryError("Unable to allocate 7.28 TiB")))
    else:
        found = "[enforce fail at x.cpp:1] DefaultCPUAllocator: can't allocate memory: 9 bytes\nat"
        monkeypatch.setattr(fit, "add", raising(RuntimeError(found)))
    done = ff("train", "--data", path, "--hidden", "4", "--epochs", "1", "--out", tmp_path / "run")
    assert done.code == 1
    said = done.err.strip().splitlines()[-1]
    assert said.startswith(SENTENCE + doing)
    detail = "allocate 7.28 TiB, for the arrays of '" if place is arrays else "memory: 9 bytes)"
    assert detail in said
    assert said.endswith("use a smaller batch size, fewer or narrower layers, or less data")


def test_an_accelerator_without_memory_gets_the_same_sentence(ff, monkeypatch):
    error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
    monkeypatch.setattr(datasets.splits, "named", raising(error))
    done = ff("train", "--data", "digits", "--epochs", "1")
    assert done.code == 1
    assert f"{SENTENCE}reading the data (CUDA out of memory. Tried" in done.err


def test_values_of_many_levels_get_a_sentence():
    with pytest.raises(RecursionError) as raised:
        json.loads("[" * 10**5)
    assert errors.said(raised.value).startswith("expected files and settings of a few levels, got")


DEEP = ["-" * 100_000 + "1", "(" * 5000 + ")" * 5000, "f(" * 90 + ")" * 90, "-" * 2000 + "1", "a\0"]


@pytest.mark.parametrize("text", [*DEEP, "+".join(["1"] * 50_000), "[" * 4000])
def test_a_text_of_many_levels_names_no_part(text):
    with pytest.raises(ValueError, match=r"expected|unknown name") as raised:
        notation.read(text, notation.public(examples))
    assert len(str(raised.value)) < 500


def test_a_run_whose_description_was_made_to_crash_is_refused(ff, digits_run, tmp_path):
    run = shutil.copytree(digits_run.path, tmp_path / "run")
    about = json.loads((run / "run.json").read_text())
    about["network"]["layers"][0]["block"] = DEEP[0]
    (run / "run.json").write_text(json.dumps(about))
    done = ff("evaluate", run)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert len(done.err.strip().splitlines()) == 1
