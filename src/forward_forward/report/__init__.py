"""Results and run folders -> one self-contained HTML file: nothing is loaded from elsewhere.

In reading order: ``page`` (results of a reproduction), ``runs`` (folders of ``ff train``), ``read``
(what is in such a folder), ``diagnostics`` (figures of its layers and units), ``sweep`` (a folder
of ``ff sweep``), ``trials`` (its trials -> matplotlib), ``arms`` (the tables and tuning curves of a
result), ``figures`` (a figure's dictionary -> HTML), ``draw`` (its numbers -> matplotlib), ``axes``
(their scales), ``heat`` (shares of colour), ``svg`` (matplotlib -> SVG in the page's colours),
``numerals`` (numbers as a reader wants them), ``environment`` (the templates).
"""

from __future__ import annotations

from forward_forward.report.page import page
from forward_forward.report.runs import runs_page
from forward_forward.report.sweep import sweep_page

__all__ = ["page", "runs_page", "sweep_page"]
