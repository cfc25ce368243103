"""The ff command as a process: terminals, signals, pipes, imports, code that was typed."""

import importlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from forward_forward.checkpoint import Run

pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX")

ENVIRONMENT = {
    **{
        name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")
    },
    "OMP_NUM_THREADS": "1",
    "COLUMNS": "110",
    "TERM": "xterm-256color",
}
COLOUR = re.compile(r"\x1b\[[0-9;]*(?<![0-9])(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")
SMALL = ["train", "--data", "digits", "--hidden", "10", "10", "--batch-size", "64"]


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "forward_forward", *map(str, args)]


def on_terminal(*args: object, **environment: str) -> str:
    """What a command shows on a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command(*args),
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=follower,
        env={**ENVIRONMENT, **environment},
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not part:
            break
        seen += part
    os.close(leader)
    process.wait()
    return seen.decode(errors="replace")


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom forward_forward.cli import main\n"
        "for words in (['--help'], ['train', '--help'], ['predict', '--help'], []):\n"
        "    try: main(words)\n"
        "    except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'sklearn', 'scipy', 'PIL', 'safetensors'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"


@pytest.mark.parametrize("words", [["train", "--help"], ["train", "--nope"]])
def test_help_and_errors_have_no_colour_where_that_is_asked(words):
    coloured = on_terminal(*words)
    assert COLOUR.search(coloured)  # else this test could not fail
    plain = on_terminal(*words, NO_COLOR="1")
    assert not COLOUR.search(plain)
    assert len(plain) > 100


# `ff` that waits for a line on stdin after its second epoch: inside of training.
BLOCKING = """
import sys
from forward_forward.cli import main, progress

epoch = progress.TrainingProgress.epoch

def blocking(self, row):
    epoch(self, row)
    if row["epoch"] == 2:
        sys.stdin.readline()

progress.TrainingProgress.epoch = blocking
main(sys.argv[1:])
"""


def test_ctrl_c_saves_and_the_command_that_it_prints_goes_on(tmp_path, ff):
    out = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", BLOCKING, *SMALL, "--epochs", "4", "--out", str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        text=True,
    )
    for line in process.stderr:
        if line.startswith("epoch 2/"):
            break
    process.send_signal(signal.SIGINT)
    stdout, said = process.communicate("\n")
    assert process.returncode == 130, said
    assert stdout == ""
    assert "Traceback" not in said
    last = said.strip().splitlines()[-1]
    assert last.startswith("ff: saved; continue with: ff train --resume ")
    progress = json.loads((out / "checkpoints/last/progress.json").read_text())["progress"]
    assert 2 <= progress["epoch"] < 4
    assert Run(out).about["status"] == "training"
    done = ff(*shlex.split(last.partition("continue with: ff ")[2]), "--json")
    assert done.code == 0, done.err
    first = next(line for line in done.err.splitlines() if line.startswith("epoch"))
    assert first.startswith(f"epoch {progress['epoch'] + 1}/4")
    assert [row["epoch"] for row in Run(out).metrics.rows()] == [1, 2, 3, 4]


OWN = '''"""Parts of a user's own."""

import pathlib

import torch

pathlib.Path({marker!r}).touch()


def margin(pos, neg):
    return torch.nn.functional.softplus(neg.mean(0) - pos)


def root(h):
    return h.flatten(1).square().mean(1).add(1e-6).sqrt()
'''


@pytest.fixture
def own_parts(tmp_path, monkeypatch) -> Path:
    """A module that can be imported, and the file that it writes when it is."""
    marker = tmp_path / "marker"
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "own_parts.py").write_text(OWN.format(marker=str(marker)))
    monkeypatch.syspath_prepend(folder)
    yield marker
    sys.modules.pop("own_parts", None)


def test_code_runs_where_it_was_typed_and_nowhere_else(tmp_path, ff, own_parts):
    out = tmp_path / "run"
    typed = ["--loss", "own_parts:margin", "--goodness", "own_parts:root"]
    done = ff(*SMALL, "--epochs", "2", "--out", out, *typed, "--json")
    assert done.code == 0, done.err
    assert own_parts.exists()
    own_parts.unlink()
    printed = json.loads(done.out)
    described = Run(out).about["network"]["layers"][0]
    assert (described["loss"], described["goodness"]) == ("own_parts:margin", "own_parts:root")
    for words in (
        ["train", "--resume", out],
        ["train", "--resume", out, *typed[:2]],
        ["evaluate", out],
        ["predict", out, "picture.png"],
    ):
        sys.modules.pop("own_parts", None)
        done = ff(*words)
        assert done.code == 2
        assert "code is never run merely because a file names it" in done.err
        assert own_parts.exists() == ("--loss" in words)
        own_parts.unlink(missing_ok=True)
    done = ff("train", "--resume", out, *typed, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out) == printed


@pytest.mark.parametrize("setting", ["loss", "goodness", "activation", "negatives", "optimizer"])
def test_code_in_a_run_s_settings_is_not_run(digits_run, tmp_path, ff, own_parts, setting):
    about = Run(digits_run.path).about
    about["command"] |= {"recipe": "standard", "settings": {setting: "own_parts:root"}}
    Run.create(tmp_path / "run", about)
    done = ff("train", "--resume", tmp_path / "run")
    assert done.code == 2
    assert "code is never run merely because a file names it" in done.err
    assert not own_parts.exists()


def test_a_recipe_in_a_run_s_file_is_not_run(digits_run, tmp_path, ff, own_parts):
    about = Run(digits_run.path).about
    about["command"]["recipe"] = "own_parts:root"
    Run.create(tmp_path / "run", about)
    assert ff("train", "--resume", tmp_path / "run").code == 2
    assert not own_parts.exists()


def test_a_reader_that_leaves_early_is_no_error(digits_run):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        command("evaluate", digits_run.path),
        stdout=write,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        text=True,
    )
    os.close(write)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    assert done.returncode == 1


@pytest.mark.slow
def test_the_doctor_is_well_without_mnist_and_without_a_network(ff, tmp_path, monkeypatch):
    for name in ("FF_DATA", "FF_CACHE", "PATH"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://[::1]:9")
    done = ff("doctor", "--json")
    found = json.loads(done.out)
    assert [each["what"] for each in found if not each["well"]] == []
    assert done.code == 0
    assert {"versions", "processor", "mnist", "gradients", "training"} <= {e["what"] for e in found}


def test_the_doctor_says_what_is_ill(ff, monkeypatch):
    doctor = importlib.import_module("forward_forward.cli.doctor")
    monkeypatch.setattr(doctor, "_findings", lambda: iter([("training", False, "it is slow")]))
    done = ff("doctor")
    assert done.code == 1
    assert done.out == "BAD  training: it is slow\n"


@pytest.mark.parametrize(("given", "found"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_the_user_decides(given, found):
    code = (
        "import atexit, os; from forward_forward.cli import main;"
        "atexit.register(lambda: print(os.environ['OMP_WAIT_POLICY'])); main(['--version'])"
    )
    environment = {name: each for name, each in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if given is not None:
        environment["OMP_WAIT_POLICY"] = given
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == found
