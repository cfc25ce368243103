"""A report in a real browser: it requests nothing, fits a phone, follows light and dark."""

import pytest
from tests.report.browser import Visit

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(full, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(full)
    return path.as_uri()


@pytest.fixture
def visit(browser, address):
    opened = []

    def go(width: int = 1280, **context) -> Visit:
        opened.append(Visit(browser, address, width, **context))
        return opened[-1]

    yield go
    for each in opened:
        each.context.close()


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_a_page_fits_and_all_its_figures_are_shown(visit, width):
    seen = visit(width)
    assert len(seen.check_layout()) > 40
    decoded = "[...document.images].every(each => each.complete && each.naturalWidth > 0)"
    assert seen.page.evaluate(decoded)


LUMINANCE = """(() => {
    const canvas = document.createElement("canvas").getContext("2d");
    const lightness = colour => {
        canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(each => each / 255)
            .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
            .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
    };
    const contrast = (a, b) => {
        const [low, high] = [lightness(a), lightness(b)].sort((x, y) => x - y);
        return (high + 0.05) / (low + 0.05);
    };
    const style = getComputedStyle(document.documentElement);
    const named = name => style.getPropertyValue("--" + name).trim();
    const texts = ["ink", "muted", "link", "good", "bad", "open"];
    const series = [1, 2, 3, 4, 5, 6, 7, 8].map(each => "series-" + each);
    return {
        text: texts.flatMap(each => ["paper", "raised"].map(b => contrast(named(each), named(b)))),
        lines: series.map(each => contrast(named(each), named("paper"))),
        cells: [...document.querySelectorAll(".heat td")].map(each =>
            contrast(getComputedStyle(each).color, getComputedStyle(each).backgroundColor)),
        paper: lightness(getComputedStyle(document.body).backgroundColor),
    };
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_lines_and_cells_stand_out(visit, scheme):
    seen = visit(color_scheme=scheme).page.evaluate(LUMINANCE)
    assert min(seen["text"]) >= 4.5
    assert min(seen["lines"]) >= 3
    assert len(seen["cells"]) == 35
    assert min(seen["cells"]) >= 4.5
    assert (seen["paper"] > 0.5) == (scheme == "light")


def test_a_drawing_changes_with_the_scheme(visit):
    paint = """(() => { const style = getComputedStyle(document.querySelector("svg.drawing text"));
        return style.fill })()"""
    light, dark = (visit(color_scheme=scheme).page for scheme in ("light", "dark"))
    assert light.evaluate(paint) != dark.evaluate(paint)
    shots = [page.locator("svg.drawing").first.screenshot() for page in (light, dark)]
    assert shots[0] != shots[1]


def test_it_is_whole_without_scripts(visit):
    page = visit(java_script_enabled=False).page
    assert page.locator("section").count() == 8
    assert page.locator("button").count() == 0
    page.locator("details.raw summary").first.click()
    assert page.locator("details.raw pre").first.is_visible()


def test_the_raw_numbers_are_copied(visit):
    page = visit(permissions=["clipboard-read", "clipboard-write"]).page
    page.locator("details.raw summary").first.click()
    page.locator("details.raw button").first.click()
    page.locator("details.raw button", has_text="Copied").first.wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("details.raw pre").first.text_content()


def test_a_link_of_the_summary_leads_to_its_section(visit):
    page = visit().page
    page.locator(".summary a", has_text="fig4").click()
    assert page.evaluate("location.hash") == "#fig4"
    top = page.locator("section#fig4").bounding_box()["y"]
    assert abs(top) < 40


def test_it_prints_on_white_with_its_details_closed(visit):
    page = visit(color_scheme="dark").page
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("details.raw").first.is_visible()
    assert page.pdf().startswith(b"%PDF")
