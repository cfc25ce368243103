"""docs/own_rule.md is followed to the letter: in a folder of its own, then in a copy of a clone."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.conftest import called

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "own_rule.md"
OWN = {("goodness", "my_rules:log_energy"), ("loss", "my_rules:HingePair")}
COMMAND = "from forward_forward.cli import main; main()"  # what the installed `ff` script does


class Block(NamedTuple):
    """A fenced block: the heading above it, its language, its text."""

    heading: str
    language: str
    text: str


def blocks() -> list[Block]:
    found, heading, language, lines = [], "", None, []
    for line in PAGE.read_text().splitlines():
        if language is None and line.startswith("## "):
            heading = line.removeprefix("## ")
        if not line.startswith("```"):
            lines.append(line)
        elif language is None:
            language, lines = line.removeprefix("```"), []
        else:
            found.append(Block(heading, language, "\n".join(lines)))
            language = None
    return found


BLOCKS = blocks()
INTO = [each for each in BLOCKS if each.heading == "Into the library"]
ALONE = BLOCKS[: -len(INTO)]


def environment(**further: str) -> dict[str, str]:
    """This process's, without what pytest leaves there for its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return {**kept, "OMP_NUM_THREADS": "1", **further}


def run(*words: str, folder: Path, **further: str) -> str:
    """Stdout of a Python that does not look into the current folder by itself, as a script."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=environment(**further),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def masked(text: str) -> list[list[str]]:
    """The words of each line without numbers, signs and what the machine is called."""
    lines = [line for line in text.strip().splitlines() if not line.startswith("step:")]
    return [re.sub(r"[+−]?\d+(\.\d+)?", "#", line).split() for line in lines]


def test_the_file_is_a_whole_rule_of_under_40_lines():
    file = ALONE[0]
    assert file.language == "python"
    assert len(file.text.splitlines()) < 40
    assert all(
        ast.get_docstring(part)
        for part in ast.walk(ast.parse(file.text))
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and not part.name.startswith("_")
    )


@pytest.mark.slow
def test_every_step_of_the_page_gives_what_it_shows(tmp_path, monkeypatch):
    # One test: each step needs those before it.
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    done = []
    for place, block in enumerate(ALONE):
        if block.language == "python" and block.text.startswith("from forward_forward"):
            exec(block.text, {})  # as a reader pastes it
        elif block.language == "python":
            with open("my_rules.py", "a") as file:
                file.write(f"{block.text}\n")
            sys.modules.pop("my_rules", None)
        elif block.language == "bash":
            ff, command, *words = shlex.split(block.text)
            assert ff == "ff"
            # The first command is a process that does not look into its folder, as the script.
            came = in_process(command, *words) if done else script(command, *words)
            done.append(command)
            assert_shown(command, came, ALONE[place + 1])
    assert done == ["check", "train", "benchmark", "check", "check"]
    assert_in_the_benchmark(Path("compared", "parts.json"))
    again = re.search(r"`ff (train --resume[^`]*)`", PAGE.read_text())[1]
    assert "test error" in in_process(*shlex.split(again))
    sys.modules.pop("my_rules", None)


def script(*words: str) -> str:
    return run("-P", "-c", COMMAND, *words, folder=Path.cwd())


def in_process(*words: str) -> str:
    done = called(*words)
    assert not done.code, done.err
    return done.out


def assert_shown(command: str, came: str, shown: Block) -> None:
    assert shown.language == ""
    if command != "check":
        assert masked(came) == masked(shown.text)
        return
    assert came.strip() == shown.text
    assert "BAD" not in came
    counts = re.findall(r"(?m)^(\d+) of (\d+) contracts passed$", came)
    assert counts
    assert all(kept == all_of_them for kept, all_of_them in counts)


def assert_in_the_benchmark(path: Path) -> None:
    """The rules are in the table, beside the library's parts, with figures of their own."""
    rows = json.loads(path.read_text())["parts"]
    assert {(row["kind"], row["name"]) for row in rows if row["own"]} == OWN
    assert len(rows) > len(OWN) + 10
    for row in rows:
        assert len(row["errors"]) == 3
        if row["own"]:
            assert row["error"] < 50  # chance is 90
            assert row["gradients"] == "autograd"


def test_the_whole_table_has_the_rows_of_the_quick_one():
    quick, whole = (
        [line[:60].strip() for line in each.text.splitlines() if line.startswith("   ")]
        for each in ALONE
        if each.heading.startswith("4") and each.language == ""
    )
    assert quick == whole


def put_into(clone: Path) -> None:
    """Do what the page says: move the parts to the modules' ends, and name them."""
    tree = ast.parse(ALONE[0].text)
    lines = ALONE[0].text.splitlines()
    for name, module in (("log_energy", "goodness.py"), ("HingePair", "losses/relative.py")):
        (part,) = [each for each in tree.body if getattr(each, "name", None) == name]
        first = min([part.lineno, *(each.lineno for each in part.decorator_list)])
        with open(clone / "src" / "forward_forward" / module, "a") as file:
            file.write("\n\n" + "\n".join(lines[first - 1 : part.end_lineno]) + "\n")
    (diff,) = [each.text for each in INTO if each.language == "diff"]
    for part in diff.split("--- ")[1:]:
        file, _, changes = part.partition("\n")
        before = (clone / file).read_text()
        for old, new in re.findall(r"(?m)((?:^-.*\n)+)((?:^\+.*(?:\n|$))+)", changes):
            gone, come = (re.sub(r"(?m)^.", "", each).rstrip("\n") for each in (old, new))
            assert before.count(gone) == 1, (file, gone)
            before = before.replace(gone, come)
        (clone / file).write_text(before)


@pytest.mark.slow
def test_in_the_library_the_contract_tests_and_the_benchmark_find_them(tmp_path):
    clone = tmp_path / "clone"
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    for folder in ("src", "tests"):
        shutil.copytree(ROOT / folder, clone / folder, ignore=skip)
    for file in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / file, clone / file)
    put_into(clone)
    path = str(clone / "src")
    (command,) = [each.text for each in INTO if each.language == ""]
    words = shlex.split(command.replace("\\\n", " "))
    options = ["-v", "-p", "no:cacheprovider"]
    out = run("-m", *words, *options, folder=clone, PYTHONPATH=path)
    for name in ("HingePair", "log_energy"):
        assert len(re.findall(rf"test_a_part_keeps_its_contracts\[{name}-.* PASSED", out)) >= 8
    assert "test_the_readme_names_every_part" in out
    listed = (
        "from forward_forward import contracts as c; print([each.name for each in c.library()])"
    )
    names = ast.literal_eval(run("-c", listed, folder=clone, PYTHONPATH=path))
    assert {"HingePair(gap=1.0)", "log_energy"} <= set(names)
