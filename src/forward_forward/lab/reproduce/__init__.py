"""The poster's statements -> tests of them, with seeds, statistics and figures: ``ff reproduce``.

In reading order: ``scales`` (how large), ``arms`` (what is compared), ``job`` (one run),
``training`` (how a run trains), ``ledger`` and ``workers`` (runs, done once and side by side),
``tuning``, ``runner`` (arms -> their results), ``rules`` (results -> verdicts),
``claims`` (the nineteen statements), ``results`` (files), ``forecast`` (work left) and ``run``.
"""

from forward_forward.lab.reproduce.run import reproduce
from forward_forward.lab.reproduce.scales import SCALES, Scale

__all__ = ["SCALES", "Scale", "reproduce"]
