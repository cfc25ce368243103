"""Seconds and bytes of each layer in one process, and a link -> a step's seconds on several ranks.

Nothing is fitted: every figure follows from when a rank is free, when a message has arrived and
when the link is free. Stages and links are counted from 1; link k connects stages k and k + 1.

In reading order: ``forecast`` (the inputs and the result), ``stages`` (Forward-Forward with its
layers distributed) and ``ring`` (with its samples distributed).
"""

from forward_forward.lab.simulate.forecast import Forecast, Link, Work
from forward_forward.lab.simulate.ring import data
from forward_forward.lab.simulate.stages import layers, plan, timeline

__all__ = ["Forecast", "Link", "Work", "data", "layers", "plan", "timeline"]
