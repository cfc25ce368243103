"""Seconds and bytes of each layer in one process, and a link -> a step's seconds on several ranks.

Nothing is fitted: a number follows from when a rank is free, when a message is there and when the
link is free. Stages and links are counted from 1; link k joins stage k to stage k + 1.

In reading order: ``forecast`` (what goes in and comes out), ``stages`` (Forward-Forward with its
layers spread), ``ring`` (with its samples spread), ``flushed`` (backprop's pipelines, which wait
for one another at the end of each batch).
"""

from forward_forward.lab.simulate.flushed import gpipe, one_f_one_b
from forward_forward.lab.simulate.forecast import Forecast, Link, Work
from forward_forward.lab.simulate.ring import data
from forward_forward.lab.simulate.stages import layers, plan, timeline

__all__ = ["Forecast", "Link", "Work", "data", "gpipe", "layers", "one_f_one_b", "plan", "timeline"]
