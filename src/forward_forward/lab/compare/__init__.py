"""Learning rules side by side: the same data, network, epochs, trials and seeds for each.

In reading order: ``rule`` (a text such as "one_pass rule=backprop" -> a recipe with settings),
``tuning`` (its learning rate and constant, on the validation data), ``job`` (a run in plain values
-> its record), ``table`` (records -> intervals, paired differences, ranks), ``run``.
"""

from forward_forward.lab.compare.run import CompareProgress, compare, read
from forward_forward.lab.compare.table import formatted, frame_of, texts

__all__ = ["CompareProgress", "compare", "formatted", "frame_of", "read", "texts"]
