"""Results, runs and sweeps -> one self-contained HTML file, which loads nothing from elsewhere.

In reading order: ``page`` (results of a reproduction), ``arms`` (their tables and tuning curves),
``runs`` (folders of ``ff train``), ``read`` (the content of such a folder), ``diagnostics``
(figures of its layers, from ``plot``, and of its units), ``evaluation`` (its predictions ->
matplotlib), ``predicted`` (these -> HTML), ``sweep`` (folders of ``ff sweep``), ``trials`` (its
trials -> matplotlib), ``comparison`` (what ``ff compare`` found), ``figures`` (a figure's
dictionary -> HTML), ``draw`` (its numbers -> matplotlib), ``axes`` (the axes that they are drawn
in), ``svg`` (matplotlib -> SVG in the page's colours), ``environment`` (the templates).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from forward_forward.report.page import page

if TYPE_CHECKING:
    from forward_forward.report.comparison import comparison_page
    from forward_forward.report.evaluation import save_figures
    from forward_forward.report.runs import runs_page
    from forward_forward.report.sweep import sweep_page

# Loaded at first use: the pages of runs and sweeps need torch, that of results does not.
_HOME = {
    "comparison_page": "comparison",
    "runs_page": "runs",
    "save_figures": "evaluation",
    "sweep_page": "sweep",
}

__all__ = ["comparison_page", "page", "runs_page", "save_figures", "sweep_page"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"forward_forward.report.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
