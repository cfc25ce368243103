"""Damaged results and ledgers are a sentence with the file's name; no result is made of them."""

import json
import shutil
from pathlib import Path

import pytest

from forward_forward.lab.ledger import NAME, Ledger
from forward_forward.lab.reproduce import results

KEPT = Path(__file__).parents[3] / "results" / "poster"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with one result."""
    (tmp_path / "res").mkdir()
    shutil.copy(KEPT / "fig6.json", tmp_path / "res")
    return tmp_path / "res"


def edited(change):
    """Damage to a file without a checksum, as of version 0.1 or written by hand."""

    def damage(text: str) -> str:
        result = json.loads(text)
        result.pop("sha256")
        change(result)
        return json.dumps(result)

    return damage


DAMAGES = {
    "short": lambda text: '{"name": "fig6",',
    "empty": lambda text: "",
    "list": lambda text: "[]",
    "a digit": lambda text: text.replace("1.66875", "1.66874", 1),
    "no scale": edited(lambda result: result.pop("scale")),
    "another scale": edited(lambda result: result.update(scale="huge")),
    "another name": edited(lambda result: result.update(name="../fig6")),
    "a text as arms": edited(lambda result: result.update(arms="none")),
    "a number as an arm": edited(lambda result: result.update(arms=[3])),
    "a text as p": edited(lambda result: result["statistic"].update(p="small")),
    "no opposite": edited(lambda result: result["statistic"].pop("p_opposite")),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_result_is_a_sentence_with_its_name(folder, ff, damage):
    path = folder / "fig6.json"
    path.write_text(damage(path.read_text()))
    before = path.read_text()
    for done in (
        ff("report", folder, "--out", folder / "x.html"),
        ff("reproduce", "--list", "--out", folder),
        ff("reproduce", "poster.fig6", "--out", folder),
    ):
        assert done.code == 2, done.err
        assert str(path) in done.err
        assert ": restore" in done.err
    assert path.read_text() == before
    assert sorted(each.name for each in folder.iterdir()) == ["fig6.json"]


def test_results_are_read_as_they_were_written(folder):
    found = results.read(folder)
    results.write(folder / "again", found)
    again = results.read(folder / "again")["fig6"]
    assert again.keys() == found["fig6"].keys()
    assert "sha256" not in again
    assert "sha256" in json.loads((folder / "again" / "fig6.json").read_text())


def test_results_without_a_checksum_are_read(folder):
    path = folder / "fig6.json"
    path.write_text(edited(lambda result: None)(path.read_text()))
    assert results.read(folder)["fig6"]["verdict"] == "not reproduced"


def records(count: int) -> list[dict]:
    return [{"key": f"k{place}", "job": {}, "validation_error": place} for place in range(count)]


@pytest.fixture
def ledger(tmp_path) -> Path:
    """The file of a ledger with three records."""
    made = Ledger(tmp_path)
    for record in records(3):
        made.add(record)
    return tmp_path / NAME


@pytest.mark.parametrize(
    "line",
    [
        b'{"key": "k1", "job": {}, "validation_error": 0, "sha256": "0"}',
        b'{"job": {}}',
        b'{"key": 3}',
        b"\xff}",
        b"}",
        b"[{}]}",
    ],
)
def test_a_damaged_line_of_a_ledger_is_a_sentence_with_its_number(ledger, line):
    lines = ledger.read_bytes().splitlines()
    ledger.write_bytes(b"\n".join([lines[0], line, lines[2], b""]))
    with pytest.raises(ValueError, match=r"in line 2 of .*runs\.jsonl.*, got a damaged .* remove"):
        Ledger(ledger.parent)


def test_no_changed_figure_in_a_ledger_is_taken(ledger):
    text = ledger.read_text()
    ledger.write_text(text.replace('"validation_error": 1', '"validation_error": 3'))
    with pytest.raises(ValueError, match=r"line 2 .*SHA-256 differs"):
        Ledger(ledger.parent)


def test_the_records_of_a_ledger_have_no_checksum_in_memory(ledger):
    assert list(Ledger(ledger.parent).records.values()) == records(3)
