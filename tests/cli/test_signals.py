"""Ctrl-C and SIGTERM end ff with a sentence and code 130, wherever they fall."""

import signal
import subprocess
import sys

import pytest

from forward_forward.checkpoint import Run

START = """
import os, signal, sys
def strike(event, args):
    if event == "import" and args[0] == {module!r} and not struck:
        struck.append(1)
        for _ in range({times}):
            os.kill(os.getpid(), signal.{name})
struck = []
sys.addaudithook(strike)
from forward_forward.__main__ import main
main()
"""
IN_A_DESTRUCTOR = """
import os, signal, sys, time
from forward_forward import cli
class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
def doctor(self):
    dying = Dying()
    del dying
    time.sleep(60)
    return 0
cli.DoctorCommand.__call__ = doctor
cli.main(["doctor"])
"""
SWALLOWED = """
import os, signal
from forward_forward import cli
def doctor(self):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        {then}
    return 0
cli.DoctorCommand.__call__ = doctor
cli.main(["doctor"])
"""
AGAIN = "os.kill(os.getpid(), signal.SIGINT)"
TRAIN = ["train", "--data", "digits", "--hidden", "50", "--epochs", "500", "--threads", "1"]


def ended(code: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("module", ["tyro", "torch"])
def test_a_signal_while_modules_are_imported(name, times, module):
    done = ended(START.format(module=module, name=name, times=times), *TRAIN)
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip().splitlines()[-1] == "ff: stopped"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "code",
    [IN_A_DESTRUCTOR, *(SWALLOWED.format(then=each) for each in ("pass", "raise OSError", AGAIN))],
    ids=["destructor", "swallowed", "made another error", "twice"],
)
def test_a_signal_that_a_library_would_swallow(code):
    done = ended(code)
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip() == "ff: stopped"


def test_sigterm_saves_a_training_which_can_be_resumed(tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "forward_forward", *TRAIN, "--out", str(run)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert any(line.startswith("epoch") for line in process.stderr)
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
        assert process.wait() == 130
    assert f"saved; continue with: ff train --resume {run}" in said
    assert Run(run).last() is not None


def test_closed_streams_are_no_error(tmp_path):
    words = " ".join([*TRAIN[:-4], "--epochs", "1", "--out", str(tmp_path / "run")])
    command = f"exec {sys.executable} -m forward_forward {words} >&- 2>&-"
    assert subprocess.run(command, shell=True, check=False).returncode == 0
    assert Run(tmp_path / "run").about["status"] == "finished"
