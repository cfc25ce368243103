"""Networks -> how fast the engine trains them, compared with others, in one run: ``ff benchmark``.

In reading order: ``arms`` (the ways to train), ``measure`` (times and memory), ``arithmetic`` (the
cost of the products alone), ``inference`` (scans of all labels), ``convolution`` (a converted
convolutional network), ``learn`` (seconds to 98 %),
``run`` (all of these) and ``show`` (the table and the plot); ``parts`` and ``show_parts`` (the
standard recipe with one part exchanged: ``ff benchmark --parts``); ``local_convolutions`` and
``show_convolutions`` (local convolutional layers and backprop: ``ff benchmark --convolutions``).
"""

from forward_forward.lab.benchmark.run import DEEP, WIDE, Setting, benchmark

__all__ = ["DEEP", "WIDE", "Setting", "benchmark"]
