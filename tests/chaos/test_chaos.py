"""A small campaign of kills, damage and flipped bits; `python -m tests.chaos` does a larger one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_nothing_is_lost_and_nothing_damaged_is_taken_as_whole():
    counts = ["--kills", "12", "--damages", "200", "--flips", "300", "--seed", "3"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *counts],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    assert "kills: 12" in done.stdout
    assert "flips: 300, 0 accepted" in done.stdout
