"""The table of Aesop's fables in docs/text.md is that of the runs."""

import importlib.util
import json
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]


def script():
    """results/aesop.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("aesop", ROOT / "results" / "aesop.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_made_of_three_seeds_of_each_arm():
    aesop = script()
    assert aesop.table() in (ROOT / "docs" / "text.md").read_text()
    runs = json.loads(aesop.FILE.read_text())["runs"]
    assert {(run["arm"], run["seed"]) for run in runs} == {
        (arm, seed) for arm in aesop.ARMS for seed in range(3)
    }


def test_arms_have_the_same_first_weights():
    one, same, other = (
        torch.cat([weight.flatten() for weight in script().network(5, seed).parameters()])
        for seed in (0, 0, 1)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
