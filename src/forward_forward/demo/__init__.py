"""A run, or a small built-in network -> a page in a browser to draw on and to watch training.

In reading order: ``subject`` (the network and its data), ``answer`` (a picture's goodness by label
and layer, and the most active units), ``over_time`` (the same in a recurrent network), ``live`` (a
network in training, compared with backpropagation), ``show`` (all of these as HTML), ``page``
(the page and its events) and ``serve`` (the page in a browser).
"""

from forward_forward.demo.serve import launch

__all__ = ["launch"]
