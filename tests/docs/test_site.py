"""The built site of docs/ (`make docs`): no page asks another host for anything."""

import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from forward_forward import (
    examples,
    export,
    goodness,
    losses,
    optimize,
    plot,
    predict,
    recurrent,
    sklearn,
    sweep,
    track,
)

SITE = Path(__file__).parents[2] / "docs" / "_build" / "html"
pytest.importorskip("sphinx", reason="Sphinx is not installed: the extra `docs` has it")
pytestmark = pytest.mark.skipif(
    not (SITE / "index.html").exists(), reason="the site is not built: `make docs`"
)
PAGES = [
    "index.html",
    "concepts.html",
    "claims/fig4.html",
    "recipes/standard.html",
    "tutorials/first_network.html",
    "api/forward_forward.goodness.html",
]


class Asked(HTMLParser):
    """What a browser fetches by itself when it opens a page, links apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {"link": ("href",), "a": ()}.get(tag, ("src", "srcset", "data", "poster", "href"))
        self.addresses += [value for name, value in attrs if name in names and value]


def elsewhere(address: str) -> bool:
    return bool(urlsplit(address).netloc) or urlsplit(address).scheme not in ("", "data")


def test_the_parser_sees_what_a_browser_fetches():
    page = (
        '<img src="http://a/b.png"><a href="http://c"></a><link href="//d/e.css"><script src="f">'
    )
    assert [each for each in Asked(page).addresses if elsewhere(each)] == [
        "http://a/b.png",
        "//d/e.css",
    ]


def test_no_page_names_something_of_another_host_to_be_fetched():
    pages = sorted(SITE.rglob("*.html"))
    assert len(pages) > 40
    found = {
        str(page.relative_to(SITE)): wrong
        for page in pages
        if (wrong := [each for each in Asked(page.read_text()).addresses if elsewhere(each)])
    }
    assert found == {}


def test_no_style_fetches_something_of_another_host():
    styles = "".join(path.read_text() for path in SITE.rglob("*.css"))
    assert "url(http" not in styles.replace('"', "").replace("'", "")
    assert "@import" not in styles


def test_what_a_page_fetches_is_there():
    missing = [
        (page.name, each)
        for page in SITE.rglob("*.html")
        for each in Asked(page.read_text()).addresses
        if not each.startswith("data:") and not (page.parent / urlsplit(each).path).exists()
    ]
    assert missing == []


MODULES = (examples, goodness, losses, optimize, plot, predict, recurrent, export)
MODULES += (sklearn, sweep, track)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_public_name_has_its_place_in_the_reference(module):
    page = (SITE / "api" / f"{module.__name__}.html").read_text()
    places = {each: f'id="{module.__name__}.{each}"' for each in module.__all__}
    assert [each for each, place in places.items() if place not in page] == []


def test_tutorials_show_tables_and_figures_as_a_notebook_does():
    page = (SITE / "tutorials" / "first_network.html").read_text()
    assert page.count('class="dataframe"') == 3
    assert '<img src="data:image/png;base64,' in page


def test_the_notebooks_to_download_hold_tables_and_plots():
    found = {
        path.stem: {
            kind
            for cell in json.loads(path.read_text())["cells"]
            for output in cell.get("outputs", [])
            for kind in output.get("data", {})
        }
        for path in (SITE / "_downloads").rglob("*.ipynb")
    }
    assert {*found} == {path.stem for path in (SITE.parents[2] / "tutorials").glob("*.py")}
    assert all("image/png" in kinds for kinds in found.values())
    assert "text/html" in found["first_network"]


def test_nothing_of_the_machine_that_built_it_is_in_a_page():
    root = str(SITE.parents[2])
    assert [page.name for page in SITE.rglob("*.html") if root in page.read_text()] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", PAGES)
def test_an_opened_page_stays_within_the_site(browser, address, scheme):
    context = browser.new_context(color_scheme=scheme, viewport={"width": 360, "height": 800})
    page = context.new_page()
    asked, complaints = [], []

    def allow_files(route):
        asked.append(route.request.url)
        route.continue_() if asked[-1].startswith(("file://", "data:")) else route.abort()

    page.route("**/*", allow_files)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((SITE / address).as_uri())
    page.wait_for_load_state("networkidle")
    assert asked
    assert [each for each in asked if not each.startswith(("file://", "data:"))] == []
    assert complaints == []
    shown = "[...document.images].filter(each => getComputedStyle(each).display != 'none')"
    page.evaluate("document.querySelectorAll('img').forEach(each => each.loading = 'eager')")
    assert page.evaluate(f"Promise.all({shown}.map(each => each.decode())).then(() => true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()
