"""Published layer-local methods as recipes of parts, scaled down, and the controls beside them.

``two_pass`` shows the label to a layer; in ``linear_layers`` and ``convolutions`` a layer answers
for every class; ``unsupervised`` needs no labels; ``controls`` are backprop and random layers.
``networks`` holds the two small networks that all of them use, ``method`` their settings.
docs/recipes/field.md says what each takes from its paper.
"""

from forward_forward.recipes.field.controls import backprop, deep_supervision, random_features
from forward_forward.recipes.field.convolutions import (
    asge,
    cwcomp,
    deeper_forward,
    distance_forward,
    hcl_ff,
    predsim,
)
from forward_forward.recipes.field.linear_layers import hff, mono_forward, tinyfoa
from forward_forward.recipes.field.two_pass import layer_collaboration, symba, trifecta
from forward_forward.recipes.field.unsupervised import scff

__all__ = [
    "asge",
    "backprop",
    "cwcomp",
    "deep_supervision",
    "deeper_forward",
    "distance_forward",
    "hcl_ff",
    "hff",
    "layer_collaboration",
    "mono_forward",
    "predsim",
    "random_features",
    "scff",
    "symba",
    "tinyfoa",
    "trifecta",
]
