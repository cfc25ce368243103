"""Training data -> a plan: the default, and published experiments, one function each.

``standard`` is what ``ff train`` does; ``poster`` and ``hinton2022`` are the works they name.
"""

from forward_forward.recipes import hinton2022, poster
from forward_forward.recipes.plan import Plan, Recipe
from forward_forward.recipes.standard import standard

__all__ = ["Plan", "Recipe", "hinton2022", "poster", "standard"]
