"""``kill -9`` at any moment costs at most the current epoch and changes no bit of the result."""

import os
import subprocess
import sys

import pytest
from tests.optimize import killed


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and fork are POSIX")
def test_a_killed_run_is_resumed_and_ends_as_an_uninterrupted_one(tmp_path):
    command = [sys.executable, "-m", "tests.optimize.killed", str(tmp_path)]
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == list(killed.MOMENTS)
