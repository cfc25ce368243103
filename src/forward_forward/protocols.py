"""``fast_paths`` -> its earlier name, which ``goodness`` and ``losses`` still import."""

from forward_forward.fast_paths import ModuleConstant, fast_path

__all__ = ["ModuleConstant", "fast_path"]
