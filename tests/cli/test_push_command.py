"""``ff push`` and commands on ``hf://`` in processes of their own, which read HF_ENDPOINT."""

import json
import os
import subprocess
import sys
import threading

import pytest
from tests.hub.stand_in import TOKEN, StandIn


@pytest.fixture
def terminal(tmp_path):
    """The ff command in a process whose Hub is a stand-in."""
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub = {"HF_ENDPOINT": server.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    environment = {**os.environ, **hub, "HF_HOME": str(tmp_path / "hf"), "OMP_NUM_THREADS": "1"}

    def run(*args):
        return subprocess.run(
            [sys.executable, "-m", "forward_forward", *map(str, args)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    yield run
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.slow
def test_a_run_is_pushed_evaluated_and_reported(terminal, digits_run, tmp_path):
    pushed = terminal("push", digits_run.path, "me/digits", "--branch", "dev")
    assert pushed.returncode == 0, pushed.stderr
    assert "/me/digits/commit/" in pushed.stdout
    assert pushed.stderr.splitlines()[-1] == "next: ff evaluate hf://me/digits@dev"
    evaluated = terminal("evaluate", "hf://me/digits@dev", "--json")
    assert evaluated.returncode == 0, evaluated.stderr
    found = json.loads(evaluated.stdout)
    assert found["test_error"] == digits_run.printed["test_error"]
    reported = terminal("report", "hf://me/digits@dev")
    assert reported.returncode == 0, reported.stderr
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_a_card_is_written_without_the_hub(ff, digits_run, tmp_path):
    done = ff("push", digits_run.path, "me/digits", "--card", tmp_path / "card.md")
    assert done.code == 0, done.err
    assert "# digits\n" in (tmp_path / "card.md").read_text()


def test_an_address_that_is_none_is_refused(ff):
    done = ff("evaluate", "hf://me")
    assert done.code == 2
    assert "expected hf://user/name" in done.err


def test_an_export_of_an_address_needs_a_folder(ff):
    done = ff("export", "hf://me/net")
    assert done.code == 2
    assert "pass --out" in done.err
