"""A run, or a small network of its own -> a page to draw on and to train on, in a browser.

In reading order: ``subject`` (the network and what is known of its data), ``answer`` (a picture's
goodness, label by label and layer by layer, and the units that fire), ``over_time`` (the same of a
recurrent network), ``live`` (a network in training beside backprop's), ``show`` (all of these as
HTML) and ``page`` (the page, its events, and where it listens).
"""

from forward_forward.demo.page import launch

__all__ = ["launch"]
