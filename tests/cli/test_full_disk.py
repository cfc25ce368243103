"""A file that cannot be written is named, with what to do: a full disk, a limit of the user's."""

import errno
import os
import re
import subprocess
import sys

import pytest

from forward_forward import files
from forward_forward.cli.errors import said
from forward_forward.lab.ledger import Ledger
from forward_forward.track import Jsonl

resource = pytest.importorskip("resource", reason="limits of processes are POSIX's")


@pytest.mark.parametrize(
    ("number", "fix"),
    [(errno.ENOSPC, "free some space on its disk"), (errno.EFBIG, "`ulimit -f`")],
)
def test_a_file_that_does_not_fit_is_named(tmp_path, monkeypatch, number, fix):
    def full(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    for write, name in (
        (lambda: files.write(tmp_path / "page.html", b"x"), "page.html"),
        (lambda: files.write_json(tmp_path / "a.json", {}), "a.json"),
        (lambda: Ledger(tmp_path).add({"key": "k"}), "runs.jsonl"),
    ):
        with pytest.raises(OSError, match=re.escape(name)) as error:
            write()
        text = said(error.value.with_traceback(None))  # the test is no code of a user
        assert f"got {str(tmp_path / name)!r} ({os.strerror(number)})" in text
        assert fix in text


def test_a_row_that_does_not_fit_names_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr("json.dumps", lambda row: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match=r"metrics\.jsonl"):
        Jsonl(tmp_path / "metrics.jsonl").append({"epoch": 1})


def test_a_name_that_is_known_is_kept(tmp_path):
    with pytest.raises(FileNotFoundError, match="lost"), files.naming(tmp_path / "other"):
        (tmp_path / "lost").read_bytes()


@pytest.mark.slow
def test_a_training_that_reaches_a_limit_names_the_file(tmp_path):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    words = ["train", "--data", "digits", "--hidden", "8", "--epochs", "1", "--out", "run"]
    done = subprocess.run(
        [sys.executable, "-m", "forward_forward", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        preexec_fn=limit,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ff: error: expected a file or folder that can be read or written, got ")
    assert f"({os.strerror(errno.EFBIG)}): raise the limit" in last
    assert "'run/" in last
