"""The Python of the pages under docs/ runs as it stands, and what they show is what comes."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page: str, language: str = "python") -> list[str]:
    """The fenced blocks of a page in a language; "" is that of none."""
    parts = re.split(r"^```(.*)\n", (DOCS / page).read_text(), flags=re.MULTILINE)
    # Text, then in turn: an opening fence's language, a block, a closing fence, text.
    return [block for said, block in zip(parts[1::4], parts[2::4], strict=True) if said == language]


@pytest.mark.parametrize("page", ["sklearn.md", "own_network.md"])
def test_the_python_of_a_page_runs_as_it_stands(page, capsys):
    names: dict[str, object] = {}
    for block in blocks(page):
        exec(block, names)  # noqa: S102: what a reader pastes
    shown = [block.strip() for block in blocks(page, "")]
    assert shown == ([capsys.readouterr().out.strip()] if page == "own_network.md" else [])
    if page == "sklearn.md":
        assert names["classifier"].score(names["X_new"], names["y_new"]) > 0.97
        assert names["search"].get_params()["cv"] == 3


def test_every_page_is_linked_from_the_readme_or_another():
    pages = [*DOCS.glob("*.md"), DOCS.parent / "README.md"]
    linked = set(re.findall(r"(\w+\.md)", "".join(page.read_text() for page in pages)))
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} <= linked
