"""The Python of the pages under docs/ runs as it stands, and what they show is what comes."""

import importlib.util
import re
from pathlib import Path

import pytest

from forward_forward import __version__
from forward_forward.cli import COMMANDS, doctor

DOCS = Path(__file__).parents[2] / "docs"


def fenced(page: str) -> list[tuple[str, str]]:
    """The language of each fenced block of a page ("" is none) and the block."""
    parts = re.split(r"^```(.*)\n", (DOCS / page).read_text(), flags=re.MULTILINE)
    # Text, then in turn: an opening fence's language, a block, a closing fence, text.
    return list(zip(parts[1::4], parts[2::4], strict=True))


PAGES = [
    "index.md",
    "notebooks.md",
    "own_block.md",
    "own_goodness.md",
    "own_network.md",
    "recurrent.md",
    "resume.md",
    "sklearn.md",
    "text.md",
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
            exec(block, names)  # as a reader pastes it
            said = capsys.readouterr().out
        elif language == "" and said:
            assert block.strip() == said.strip()
            said = ""
    assert said == ""
    if page == "sklearn.md":
        assert names["classifier"].score(names["X_new"], names["y_new"]) > 0.97
        assert names["search"].get_params()["cv"] == 3
    if page == "text.md":
        assert names["error"] < 20
        assert min(names["bits"]) < 1
        assert names["more"].startswith("the rat ")


def test_each_line_for_those_who_come_from_another_library_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    (setup,) = [block for language, block in fenced("coming_from.md") if language == "python"]
    exec(setup, names)
    rows = [
        line.strip("| \n").split(" | ")
        for line in (DOCS / "coming_from.md").read_text().splitlines()
        if line.startswith("| ") and line != "| there | here |"
    ]
    assert len(rows) > 25
    for *_, here in rows:
        exec(re.match("`([^`]+)`", here)[1], names)


def test_the_figures_of_recipes_are_those_of_the_results():
    results = (DOCS.parent / "README.md").read_text()
    # Tables that results/table.py makes are compared with the results by its --check; the page on
    # the field's methods quotes from these.
    made = re.compile(r"<!-- [^>]* made by results/table.py -->.*?<!-- end of", re.DOTALL)
    pages = [page for page in (DOCS / "recipes").glob("*.md") if page.stem != "field"]
    texts = [made.sub("", page.read_text()) for page in pages]
    quoted = [each for text in texts for each in re.findall(r"\d\.\d\d ± \d\.\d\d", text)]
    assert len(quoted) >= 6
    assert [each for each in quoted if each not in results] == []


def test_every_command_of_the_pages_is_one_of_the_library():
    text = "".join(page.read_text() for page in DOCS.rglob("*.md") if "claims" not in page.parts)
    assert set(re.findall(r"^ff (\w+)", text, flags=re.MULTILINE)) <= set(COMMANDS)


def test_what_the_page_on_resuming_quotes_is_said(ff, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begin = ("train", "--data", "digits", "--hidden", "8", "--epochs", "1", "--out", "runs/first")
    assert ff(*begin).code == 0
    said = [ff("train", "--resume", "runs/first", "--lr", "0.01"), ff(*begin)]
    quoted = [block.strip() for _, block in fenced("resume.md")]
    assert [each.code for each in said] == [2, 2]
    assert all(each.err.strip().splitlines()[-1] in quoted for each in said)


def test_the_doctor_says_what_the_page_on_failures_quotes():
    quoted = re.findall(r"^ok   (\w+):", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)
    assert quoted == [check.__name__.strip("_") for check in doctor.CHECKS]


def test_every_page_is_linked_from_the_readme_or_another():
    pages = [*DOCS.glob("*.md"), DOCS.parent / "README.md"]
    linked = set(re.findall(r"(\w+\.md)", "".join(page.read_text() for page in pages)))
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} <= linked


def test_every_file_of_the_repository_that_a_page_names_exists():
    root = DOCS.parent
    pages = [*root.glob("*.md"), *DOCS.glob("*.md"), *DOCS.glob("recipes/*.md")]
    text = "".join(page.read_text() for page in pages)
    named = set(re.findall(r"`((?:[a-z_0-9]+/)+[a-z_0-9]+\.py)`", text))
    places = (root, root / "src" / "forward_forward", DOCS)
    assert len(named) > 20
    assert [name for name in named if not any((place / name).exists() for place in places)] == []


def test_the_citation_and_the_changelog_name_the_version():
    root = DOCS.parent
    citation = (root / "CITATION.cff").read_text()
    assert f"\nversion: {__version__}\n" in citation
    assert "https://arxiv.org/abs/2212.13345" in citation
    assert __version__ in (root / "CHANGELOG.md").read_text()


def helper(name: str):
    """A module beside the pages, which are no package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_tutorial_is_in_the_reading_order_and_ends_in_a_picture():
    tutorials = sorted((DOCS.parent / "tutorials").glob("*.py"))
    assert [path.stem for path in tutorials] == sorted(helper("order").TUTORIALS)
    assert all(path.read_text().endswith("plt.show()\n") for path in tutorials)


def test_every_claim_gets_a_page_with_or_without_a_result(tmp_path):
    claims = helper("claims")
    claims.write(tmp_path)
    assert len(list(tmp_path.glob("*.md"))) == len(claims.CLAIMS) + 1
    for name, claim in claims.CLAIMS.items():
        page = (tmp_path / f"{name.replace('.', '_')}.md").read_text()
        assert claims.escaped(claim.statement) in page
        assert f"ff reproduce poster.{name} " in page
        done = (claims.KEPT / f"{name}.json").exists()
        assert ("Not run yet" in page) != done
        assert ("## Compared with the poster" in page) == done
        assert ("## What the numbers mean" in page) == done
        assert f"claims/{claim.measure.__module__.rpartition('.')[2]}.py`" in page


def test_words_of_a_result_are_shown_as_they_are():
    assert helper("claims").escaped("g = ||h||_2 [a] *b*") == r"g = \|\|h\|\|\_2 \[a\] \*b\*"
