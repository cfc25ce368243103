"""A run's page in a real browser: it asks for nothing, fits a phone, and all its figures show."""

from collections.abc import Iterator

import pytest
from tests.chromium import BROWSER, chromium
from tests.report.test_report_browser import Visit

from forward_forward.report import runs_page

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome is installed")


@pytest.fixture(scope="module")
def address(digits_run, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("runs") / "report.html"
    path.write_text(runs_page([digits_run.path]))
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as opened:
        yield opened


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
def test_a_runs_page_is_whole_at_any_width(browser, address, width, scheme):
    viewport = {"width": width, "height": 800}
    seen = Visit(browser, address, viewport=viewport, color_scheme=scheme)
    assert seen.asked == [address]
    assert seen.complaints == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") == width
    sizes = seen.page.evaluate(
        """[...document.querySelectorAll("svg.drawing, .figure img")].map(each => {
            const box = each.getBoundingClientRect(); return [box.width, box.height]})"""
    )
    assert len(sizes) == 10 + 24
    assert all(across > 60 and down > 40 for across, down in sizes)
    assert seen.page.evaluate("[...document.images].every(each => each.naturalWidth === 8)")
    outside = """[...document.querySelectorAll("svg.drawing")].flatMap(svg => {
        const box = svg.getBoundingClientRect();
        return [...svg.querySelectorAll("text")].filter(each => {
            const own = each.getBoundingClientRect();
            return own.left < box.left - 2 || own.right > box.right + 2;
        }).map(each => each.textContent)})"""
    assert seen.page.evaluate(outside) == []
    seen.context.close()
