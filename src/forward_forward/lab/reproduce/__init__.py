"""The poster's statements -> tests of them, with seeds, statistics and figures: ``ff reproduce``.

In reading order: ``scales`` (how large), ``arms`` (what is compared), ``job`` (one run),
``methods`` and ``parts`` (the stable names of ways to train and of parts of the library),
``training`` (how a run trains), ``ledger`` (finished runs), ``workers`` (runs side by side),
``tuning``, ``runner`` (arms -> their results), ``rules`` (results -> verdicts), ``claims`` (the
nineteen statements), ``results`` (their files), ``forecast`` (remaining work) and ``run``.
"""

from forward_forward.lab.reproduce.run import reproduce
from forward_forward.lab.reproduce.scales import SCALES, Scale

__all__ = ["SCALES", "Scale", "reproduce"]
