"""What a sweep's folder says is checked: where it writes, and damage in each of its files."""

import json
import shutil
from pathlib import Path

import pytest
from tests.conftest import called

from forward_forward.sweep.storage import is_within

SMALL = ("--data", "digits", "--epochs", "1", "--threads", "1")
SPACE = ("--search", "lr=1e-3..1e-1", "batch_size=256", "hidden=8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a sweep of two trials."""
    out = tmp_path_factory.mktemp("sweeps") / "s"
    done = called("sweep", *SMALL, *SPACE, "--trials", "2", "--out", out)
    assert done.code == 0, done.err
    return out


@pytest.fixture
def swept(finished, tmp_path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "s"))


def rewrite(path: Path, change) -> None:
    """Change a JSON file as somebody would who wants it to be read."""
    entries = json.loads(path.read_text())
    entries.pop("sha256")
    change(entries)
    path.write_text(json.dumps(entries))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("place", ["{}/elsewhere.db", "{}/s/../elsewhere.db", "elsewhere.db"])
def test_a_folder_does_not_decide_where_a_sweep_writes(swept, ff, tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{place.format(tmp_path)}"
    rewrite(swept / "sweep.json", lambda about: about.update(storage=url))
    before = contents(swept)
    refused = ff("sweep", "--out", swept, "--trials", "3")
    assert refused.code == 2
    assert f"got {url!r} from its sweep.json: to continue there, add --storage" in refused.err
    assert not (tmp_path / "elsewhere.db").exists()
    assert contents(swept) == before
    (swept / "trials.json").unlink()  # of the trials that this database lacks
    typed = ff("sweep", "--out", swept, "--trials", "1", "--storage", url)
    assert typed.code == 0, typed.err
    assert (tmp_path / "elsewhere.db").exists()


def test_a_database_in_the_folder_is_continued_without_being_typed(ff, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [*SMALL, *SPACE, "--trials", "1", "--storage", "sqlite:///s/trials.db"]
    assert ff("sweep", *words, "--out", "s").code == 0
    done = ff("sweep", "--out", "s", "--trials", "2", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["trials"] == 2


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///other/trials.db",
        "sqlite:///s/trials.db?mode=rwc",
        "sqlite:///file:s/trials.db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://host/s",
        "nonsense",
        "",
    ],
)
def test_only_a_file_in_the_folder_may_be_named_by_it(url):
    assert not is_within(Path("s"), url)


def test_a_journal_that_is_a_link_is_not_written_to(swept, ff, tmp_path):
    (swept / "journal.log").rename(tmp_path / "mine")
    (swept / "journal.log").symlink_to(tmp_path / "mine")
    before = (tmp_path / "mine").read_bytes()
    refused = ff("sweep", "--out", swept, "--trials", "3")
    assert refused.code == 2
    assert "got the link" in refused.err
    assert (tmp_path / "mine").read_bytes() == before


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def flipped(path: Path) -> None:
    """One bit of a digit, after which the file still is valid JSON."""
    content = path.read_bytes()
    place = next(i for i in range(len(content) // 2, len(content)) if chr(content[i]) in "2468")
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])


def binary(path: Path) -> None:
    path.write_bytes(b"\xff\x00\xfe" * 50 + b"\n")


def is_list(path: Path) -> None:
    path.write_text("[1, 2]\n")


@pytest.mark.parametrize("damage", [cut, flipped, binary, is_list])
@pytest.mark.parametrize("name", ["sweep.json", "trials.json"])
@pytest.mark.parametrize("command", ["sweep", "report"])
def test_damage_in_a_sweep_s_files_is_a_sentence_with_its_name(swept, ff, name, damage, command):
    damage(swept / name)
    words = ["--out", swept] if command == "sweep" else [swept, "--out", swept / "x.html"]
    done = ff(command, *words)
    assert done.code == 2, done.err
    assert str(swept / name) in done.err
    assert len(done.err.splitlines()[-1].split(": ")) >= 3


def test_trials_json_may_be_removed_and_is_written_again(swept, ff):
    before = (swept / "trials.json").read_text()
    (swept / "trials.json").unlink()
    assert ff("sweep", "--out", swept).code == 0
    assert (swept / "trials.json").read_text() == before


@pytest.mark.parametrize(
    "change",
    [
        {"asked": []},
        {"asked": {"space": 3}},
        {"asked": {"space": {}, "samples": {"train": "many"}}},
        {"trials": "ten"},
        {"storage": 4},
    ],
    ids=str,
)
def test_entries_of_another_type_are_a_sentence(swept, ff, change):
    rewrite(swept / "sweep.json", lambda about: about.update(change))
    for done in (ff("sweep", "--out", swept), ff("report", swept, "--out", swept / "x.html")):
        assert done.code == 2
        assert str(swept / "sweep.json") in done.err


@pytest.mark.parametrize("change", [{"number": "x"}, {"curve": 3}, {"settings": None}], ids=str)
def test_trials_of_another_type_are_a_sentence(swept, ff, change):
    rewrite(swept / "trials.json", lambda kept: kept["trials"][1].update(change))
    done = ff("report", swept, "--out", swept / "x.html")
    assert done.code == 2
    assert f"as the entry {next(iter(change))!r} in {str(swept / 'trials.json')!r}" in done.err


@pytest.mark.parametrize("line", [b"\xff\xfe\n", b"{\n", b"3\n", b'{"op_code": 99}\n', b"{}\n"])
def test_a_damaged_line_of_the_journal_is_a_sentence(swept, ff, line):
    path = swept / "journal.log"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], line, *lines[4:]]))
    done = ff("sweep", "--out", swept, "--trials", "3")
    assert done.code == 2, done.err
    assert f"expected the trials of a sweep in {str(path)!r}, got a damaged record" in done.err


def test_a_damaged_figure_in_the_journal_is_found_by_trials_json(swept, ff):
    path = swept / "journal.log"
    error = json.loads((swept / "trials.json").read_text())["trials"][1]["validation_error"]
    content = path.read_text()
    assert str(error) in content
    path.write_text(content.replace(str(error), "1.5"))
    done = ff("sweep", "--out", swept, "--trials", "3")
    assert done.code == 2, done.err
    assert "expected trial 1 as in" in done.err
    assert str(path) in done.err
    assert str(swept / "trials.json") in done.err
