"""ff --help and ff COMMAND --help: an example first, groups, 80 columns; completion by shells."""

import shutil
import subprocess
import sys

import pytest
from tests.conftest import called

from forward_forward.cli import COMMANDS
from forward_forward.cli.help import EXAMPLES, GROUPS


@pytest.fixture
def columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    return 80


def test_every_command_is_in_a_group_after_an_example(columns):
    lines = called("--help").out.splitlines()
    assert {*EXAMPLES} == {*COMMANDS}
    assert max(map(len, lines)) <= columns
    places = [lines.index("example:"), *(lines.index(f"{title}:") for title in GROUPS)]
    assert places == sorted(places)
    first = lines.index("prepare and check:")
    assert lines[first + 1].startswith("  datasets   List the data sets with a name")
    done = called()
    assert (done.code, done.err) == (2, called("-h").out)


@pytest.mark.parametrize("command", EXAMPLES)
def test_the_help_of_a_command_begins_with_an_example_and_fits(columns, command):
    done = called(command, "--help")
    lines = done.out.splitlines()
    assert done.code == 0
    assert max(map(len, lines)) <= columns
    usage = lines[: lines.index("")]
    assert usage[0].startswith(f"usage: ff {command}")
    assert lines[len(usage) + 1 : len(usage) + 3] == ["example:", f"  {EXAMPLES[command]}"]
    for word in EXAMPLES[command].split():
        assert not word.startswith("--") or f"{word} " in done.out.split("example:")[1][80:]


def test_the_page_of_a_report_is_a_file():
    assert "--out FILE.html" in called("report", "--help").out


def test_a_command_that_does_not_exist_is_told_from_the_nearest():
    done = called("trian", "--data", "digits")
    assert done.code == 2
    assert done.err.endswith("got 'trian': did you mean 'train'?\n")
    assert called("xyz").err.endswith("got 'xyz': see ff --help\n")


def test_an_option_and_a_column_that_do_not_exist_are_told_from_the_nearest(tmp_path):
    done = called("train", "--hiden", "3")
    assert done.code == 2
    assert "Unrecognized options: --hiden, 3" in done.err
    assert "--hidden N" in done.err
    assert "ff train --help" in done.err
    assert "ff sweep" not in called("train", "--epoch", "3").err
    table = tmp_path / "a.csv"
    table.write_text("age,sex,kind\n" + "3,f,a\n4,m,b\n" * 20)
    done = called("train", "--data", table, "--target", "knd", "--out", tmp_path / "run")
    assert done.code == 2
    assert "got 'knd': did you mean 'kind'?" in done.err


def completed(tmp_path, shell: str, *words: str) -> set[str]:
    """What the script for a shell offers for the last word."""
    script = called("--tyro-print-completion", shell).out
    if shell == "bash":
        (tmp_path / "ff.bash").write_text(script)
        typed = " ".join(f"'{word}'" for word in ("ff", *words))
        ask = f'COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _tyro_ff; echo "${{COMPREPLY[*]}}"'
        command = ["bash", "-c", f"source {tmp_path}/ff.bash; {ask}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return {*done.stdout.split()}
    # In zsh, the same program in Python is asked by the script's own function.
    program = script.split("<< 'PYTHON_EOF'\n")[1].split("\nPYTHON_EOF")[0]
    command = [sys.executable, "-c", program, "ff", *words, str(len(words))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {line.partition(":")[0].partition("\t")[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_shells_complete_commands_options_and_choices(tmp_path, shell):
    assert completed(tmp_path, shell, "re") == {"report", "reproduce"}
    assert {"--track", "--threads"} <= completed(tmp_path, shell, "train", "--t")
    assert completed(tmp_path, shell, "train", "--track", "w") == {"wandb"}


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not on PATH")
def test_zsh_can_read_its_script(tmp_path):
    (tmp_path / "_ff").write_text(called("--tyro-print-completion", "zsh").out)
    subprocess.run(["zsh", "-n", str(tmp_path / "_ff")], check=True)
