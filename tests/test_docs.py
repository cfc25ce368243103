"""The Python of the pages under docs/ runs as it stands, and what they show is what comes."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def fenced(page: str) -> list[tuple[str, str]]:
    """The language of each fenced block of a page ("" is none) and the block."""
    parts = re.split(r"^```(.*)\n", (DOCS / page).read_text(), flags=re.MULTILINE)
    # Text, then in turn: an opening fence's language, a block, a closing fence, text.
    return list(zip(parts[1::4], parts[2::4], strict=True))


PAGES = [
    "index.md",
    "own_block.md",
    "own_goodness.md",
    "own_network.md",
    "recurrent.md",
    "resume.md",
    "sklearn.md",
    "troubleshooting.md",
    "unsupervised.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_the_python_of_a_page_runs_as_it_stands(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    said = ""
    for language, block in fenced(page):
        if language == "python":
            exec(block, names)  # noqa: S102: what a reader pastes
            said = capsys.readouterr().out
        elif language == "" and said:
            assert block.strip() == said.strip()
            said = ""
    assert said == ""
    if page == "sklearn.md":
        assert names["classifier"].score(names["X_new"], names["y_new"]) > 0.97
        assert names["search"].get_params()["cv"] == 3


def test_the_figures_of_recipes_are_those_of_the_results():
    results = (DOCS.parent / "README.md").read_text()
    pages = list((DOCS / "recipes").glob("*.md"))
    quoted = [
        each for page in pages for each in re.findall(r"\d\.\d\d ± \d\.\d\d", page.read_text())
    ]
    assert len(quoted) >= 6
    assert [each for each in quoted if each not in results] == []


def test_every_command_of_the_pages_is_one_of_the_library():
    known = {"train", "evaluate", "predict", "export", "reproduce", "report", "sweep", "benchmark"}
    known |= {"doctor"}
    text = "".join(page.read_text() for page in DOCS.rglob("*.md") if "claims" not in page.parts)
    assert set(re.findall(r"^ff (\w+)", text, flags=re.MULTILINE)) <= known


def test_every_page_is_linked_from_the_readme_or_another():
    pages = [*DOCS.glob("*.md"), DOCS.parent / "README.md"]
    linked = set(re.findall(r"(\w+\.md)", "".join(page.read_text() for page in pages)))
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} <= linked
