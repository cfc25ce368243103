"""A set's name, or whatever the user has, in; its parts to train on, choose by and test on out.

``known`` are the sets that have a name, ``fetch`` finds the files of those that are
downloaded and checks them by SHA-256, ``parts`` makes the parts of a set out of anything, and
``alike`` reads more data of that kind.
"""

from forward_forward.datasets.builtin import available, digits, mnist, named
from forward_forward.datasets.fetch import DataUnavailable
from forward_forward.datasets.load_like import alike
from forward_forward.datasets.splits import Sets, load

__all__ = ["DataUnavailable", "Sets", "alike", "available", "digits", "load", "mnist", "named"]
