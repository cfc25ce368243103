"""A sweep's page in a real browser: it requests nothing and fits, narrow and wide."""

import pytest
from tests.report.browser import Visit
from tests.report.test_report_sweep import FRACTIONS, SOME, made

from forward_forward.report import sweep_page

pytestmark = pytest.mark.slow


def test_a_sweeps_page_fits_and_keeps_its_text_within_its_figures(browser, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(sweep_page(made(tmp_path / "first", SOME, FRACTIONS), command="ff train " * 40))
    for width, scheme in ((320, "dark"), (1280, "light")):
        seen = Visit(browser, path.as_uri(), width, color_scheme=scheme)
        assert len(seen.check_layout()) == 7
        assert seen.page.locator("details.raw button").count() == 2
        seen.context.close()
