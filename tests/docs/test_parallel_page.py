"""The Python of docs/parallel.md: its program on two ranks, and what its session shows."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.parallel.processes import LIMIT

import forward_forward as ff

PAGE = Path(__file__).parents[2] / "docs" / "parallel.md"


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


def test_the_session_of_the_page_prints_what_it_shows():
    session, _ = blocks()
    assert ">>> " in session
    test = doctest.DocTestParser().get_doctest(session, {}, "parallel.md", None, None)
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a busy machine takes long
def test_the_program_of_the_page_trains_on_two_ranks(tmp_path):
    _, program = blocks()
    (tmp_path / "program.py").write_text(program)
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*start, "program.py"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=LIMIT
    )
    assert done.returncode == 0, done.stderr
    network = ff.load(tmp_path / "runs" / "parallel")
    _, test = ff.datasets.named("digits")
    assert ff.predict.evaluate(network, test)["error"] < 10
