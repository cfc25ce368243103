"""What the tests of reports share: one page of many results."""

import pytest
from tests.report.samples import sample

from forward_forward import report


@pytest.fixture(scope="session")
def full() -> str:
    """A page with a figure of every kind."""
    return report.page(sample(), title="The statements", introduction="One.\n\nTwo.")
