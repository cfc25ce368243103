"""Training data and settings -> a plan: the default, and published experiments.

``one_pass`` is the default of ``ff train``, ``standard`` its counterpart with the label in the
input, ``regression`` the default for a real-valued target, ``converted`` that for your own
model; ``field`` has the methods of the field,
and ``poster`` and ``hinton2022`` are named after the works that they reproduce. ``settings`` (names
-> recipes and parts) and ``parameters`` (text -> values) serve the command line.
"""

from forward_forward.recipes import field, hinton2022, local_airbench, poster
from forward_forward.recipes.converted import converted
from forward_forward.recipes.one_pass import one_pass
from forward_forward.recipes.plan import Plan, Recipe
from forward_forward.recipes.regression import regression
from forward_forward.recipes.standard import standard

__all__ = [
    "Plan",
    "Recipe",
    "converted",
    "field",
    "hinton2022",
    "local_airbench",
    "one_pass",
    "poster",
    "regression",
    "standard",
]
