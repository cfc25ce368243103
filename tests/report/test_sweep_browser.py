"""A sweep's page in a real browser: it asks for nothing and fits, narrow and wide."""

import pytest
from tests.chromium import BROWSER, chromium
from tests.report.test_report_browser import Visit
from tests.report.test_report_sweep import SHARES, SOME, made

from forward_forward.report import sweep_page

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome is installed")


def test_in_a_browser_it_fits_and_keeps_its_words_within_its_figures(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(sweep_page(made(tmp_path / "first", SOME, SHARES), command="ff train " * 40))
    outside = """[...document.querySelectorAll("svg.drawing")].flatMap(svg => {
        const box = svg.getBoundingClientRect();
        return [...svg.querySelectorAll("text")].filter(each => {
            const own = each.getBoundingClientRect();
            return own.left < box.left - 2 || own.right > box.right + 2
                || own.top < box.top - 2 || own.bottom > box.bottom + 2;
        }).map(each => each.textContent)})"""
    with chromium() as browser:
        for width, scheme in ((320, "dark"), (1280, "light")):
            view = {"width": width, "height": 800}
            seen = Visit(browser, path.as_uri(), viewport=view, color_scheme=scheme)
            seen.page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
            assert seen.asked == [path.as_uri()]
            assert seen.complaints == []
            assert seen.page.evaluate("document.documentElement.scrollWidth") == width
            assert seen.page.evaluate(outside) == []
            assert seen.page.locator("details.raw button").count() == 2
            seen.context.close()
