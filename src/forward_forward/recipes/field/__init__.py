"""Published layer-local methods as recipes of parts, scaled down, and the controls beside them.

``two_pass`` shows the label to a layer; in ``linear_layers`` and ``convolutions`` a layer answers for
every class; ``controls`` are backprop and random layers. ``networks`` holds the two small networks
that all of them use. docs/recipes/field.md says what each takes from its paper.
"""

from forward_forward.recipes.field.linear_layers import mono_forward, tinyfoa
from forward_forward.recipes.field.controls import backprop, random_features
from forward_forward.recipes.field.convolutions import cwcomp
from forward_forward.recipes.field.two_pass import symba

__all__ = ["backprop", "cwcomp", "mono_forward", "random_features", "symba", "tinyfoa"]
