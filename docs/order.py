"""File names of tutorials -> their place in the gallery."""

from __future__ import annotations

TUTORIALS = (
    "first_network",
    "own_block",
    "own_goodness",
    "convolutions",
    "unsupervised",
    "recurrent",
    "scikit_learn",
    "what_a_layer_learned",
    "on_the_device",
)


class InReadingOrder:
    """The order in which tutorials are read; one that is not in the list fails the build."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, filename: str) -> int:
        return TUTORIALS.index(filename.removesuffix(".py"))
