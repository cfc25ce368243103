"""The ff command in other terminals: narrow ones, and encodings that lack a character."""

import io
import sys
from importlib.metadata import version

import pytest

from forward_forward import cli


def printed(monkeypatch, *args: str, encoding: str = "utf-8", errors: str = "strict") -> tuple:
    """The exit code of a command, and the bytes that it prints."""
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding, errors))
    with pytest.raises(SystemExit) as ended:
        cli.main(args)
    sys.stdout.flush()
    return ended.value.code or 0, out.getvalue()


def test_the_version_is_printed(ff):
    done = ff("--version")
    assert (done.code, done.out) == (0, f"ff {version('forward-forward')}\n")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_help_is_whole_in_ascii(monkeypatch, errors):
    code, out = printed(monkeypatch, "--help", encoding="ascii", errors=errors)
    assert code == 0
    assert b"doctor" in out


def test_a_path_that_is_no_text_can_be_printed(monkeypatch):
    code, out = printed(monkeypatch, "report", "caf\udce9")
    assert (code, out) == (2, b"")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "utf-8"))
    cli._fit_terminal()
    print("caf\udce9", flush=True)


@pytest.mark.parametrize("columns", ["1", "5", "12"])
def test_help_ends_however_narrow_the_terminal_is(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    code, out = printed(monkeypatch, "--help")
    assert code == 0
    assert b"doctor" in out


def test_what_python_calls_arguments_are_options_here(ff, digits_run):
    done = ff("train", "--data", "digits", "--out", digits_run.path)
    assert done.code == 2
    assert "a run: --resume it, --overwrite it, or choose another --out" in done.err
