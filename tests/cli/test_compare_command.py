"""`ff compare`: a table, a page, and the command that continues it."""

import json

import pytest
from tests.conftest import called

RULES = ("one_pass", "one_pass rule=backprop", "standard")
QUICK = (
    *("--data", "digits", "--network", "2x16", "--epochs", "2", "--images", "300"),
    "--jobs",
    "1",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared") / "first"
    done = called("compare", *RULES, *QUICK, "--seeds", "2", "--out", folder)
    assert done.code == 0, done.err
    return folder, done


def test_a_table_and_a_page_are_written(finished):
    folder, done = finished
    names, *rows = (line.split("\t") for line in done.out.splitlines())
    assert names[:3] == ["rule", "test error, %", "difference"]
    assert {row[0] for row in rows} == {*RULES}
    assert [row[2] for row in rows if row[0] == "one_pass"] == ["reference"]
    page = (folder / "compare.html").read_text()
    assert "Critical differences" in page
    assert "://" not in page.replace("http://www.w3.org", "")
    again = "ff compare one_pass &#39;one_pass rule=backprop&#39; standard --data"
    assert again in page


def test_the_report_of_a_comparison_is_its_page(finished, tmp_path):
    folder, _ = finished
    assert called("report", folder, "--out", tmp_path / "page.html").code == 0
    assert (tmp_path / "page.html").read_text() == (folder / "compare.html").read_text()


def test_the_same_command_prints_the_table_in_other_forms(finished):
    folder, _ = finished
    before = (folder / "runs.jsonl").read_text()
    for form, start in (("md", "| rule |"), ("latex", r"\begin{tabular}"), ("csv", "rule,")):
        given = "--seeds", "2", "--out", folder, "--format", form
        assert called("compare", *RULES, *QUICK, *given).out.startswith(start)
    done = called("compare", *RULES, *QUICK, "--seeds", "2", "--out", folder, "--format", "json")
    assert {row["rule"] for row in json.loads(done.out)} == {*RULES}
    assert (folder / "runs.jsonl").read_text() == before


def test_no_rules_are_an_error_with_an_example():
    done = called("compare", "--data", "digits")
    assert done.code == 2
    assert "expected two or more rules, got none: ff compare one_pass field.symba" in done.err
