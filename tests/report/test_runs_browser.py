"""A run's page in a real browser: it requests nothing, fits a phone, and shows all its figures."""

import pytest
from tests.report.browser import Visit

from forward_forward.report import runs_page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(digits_run, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("runs") / "report.html"
    path.write_text(runs_page([digits_run.path]))
    return path.as_uri()


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
def test_a_runs_page_fits_and_shows_all_figures(browser, address, width, scheme):
    seen = Visit(browser, address, width, color_scheme=scheme)
    assert len(seen.check_layout()) == 10 + 24 + (2 + 25 + 1)  # the latter of the test set
    assert seen.page.evaluate("[...document.images].every(each => each.naturalWidth === 8)")
    seen.context.close()
