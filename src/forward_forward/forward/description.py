"""A network <-> a description in plain values, from which it can be rebuilt, without weights."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from forward_forward import examples, goodness, losses, notation, readouts, terms
from forward_forward.forward import blocks, normalize, peer, symbols, views
from forward_forward.forward.graph_block import GraphBlock, StoredTensor
from forward_forward.forward.head import SoftmaxHead
from forward_forward.forward.label_input import LabelInput
from forward_forward.forward.layer import Layer
from forward_forward.forward.network import Network
from forward_forward.forward.standardize import Standardize
from forward_forward.forward.triangle import Triangle
from forward_forward.forward.whitening import Whitening

_LAYER = list(inspect.signature(Layer).parameters)
_NETWORK = ("examples", "readout", "reading")


def names() -> dict[str, Any]:
    """Every name that a description may contain."""
    parts = notation.public(blocks, examples, goodness, losses, normalize, readouts, terms, views)
    modules = (peer.PeerNormalization, Standardize, LabelInput, Triangle, Whitening)
    of_text = (symbols.SymbolEmbedding, symbols.CausalBlock, readouts.PositionReadout)
    of_models = (GraphBlock, StoredTensor, readouts.ModuleReadout)
    own = {each.__name__: each for each in (*modules, *of_text, *of_models)}
    earlier = {"Entrance": LabelInput}  # its name in earlier runs
    return {**notation.torch_modules(), **parts, **own, **earlier}


def describe(network: Network) -> dict[str, Any]:
    """The network in plain values.

    Args:
        network: The network; its user-defined parts are named, but not rebuilt from the name.

    Returns:
        ``layers`` (one dictionary each), ``examples``, ``readout``, ``reading`` and ``head``, and
        ``inputs`` if the network transforms samples first, and ``views`` if it has any.

    >>> from forward_forward.forward import mlp
    >>> describe(mlp(4, 8, num_classes=2))["layers"][0]["activation"]
    'ReLU()'
    """
    known = names()
    rows = [
        {name: notation.write(getattr(layer, name), known) for name in _LAYER}
        for layer in network.layers
    ]
    head, about_head = network.head, None
    if head is not None:
        about_head = {
            "widths": list(head.widths),
            "num_classes": head.num_classes,
            "skip": head.skip,
            "normalize": notation.write(head.normalize, known),
            **({"local": True} if head.local else {}),
        }
    settings = {
        "examples": network.examples,
        "readout": network.readout_setting,
        "reading": network.reading,
    }
    about = {name: notation.write(value, known) for name, value in settings.items()}
    if network.inputs is not None:
        about["inputs"] = notation.write(network.inputs, known)
    if network.views is not None:
        about["views"] = notation.write(network.views, known)
    return {"layers": rows, "head": about_head, **about}


def rewritten(description: Mapping[str, Any]) -> dict[str, Any]:
    """A description of any version, with its texts as `describe` writes them now.

    It makes descriptions comparable. The names of user-defined code stay as they are.
    """
    known = names()

    def text(value: Any) -> Any:
        try:
            return notation.write(notation.read(value, known), known)
        except (ValueError, TypeError):
            return value

    # Options that are newer than the description had their defaults.
    defaults = {
        each.name: notation.write(each.default, known)
        for each in inspect.signature(Layer).parameters.values()
        if each.default is not each.empty
    }
    rows = [
        defaults | {name: text(value) for name, value in row.items()}
        for row in description["layers"]
    ]
    return {name: text(value) for name, value in description.items()} | {"layers": rows}


def buildable(description: dict[str, Any]) -> bool:
    """Whether a description can be built: whether it names no user-defined code."""
    try:
        build(description)
    except ValueError:
        return False
    return True


def build(description: dict[str, Any]) -> Network:
    """The untrained network of a description.

    A user-defined loss is replaced by the default one, since prediction does not use the loss.

    Raises:
        ValueError: A part is user-defined code, never run merely because a file names it.
    """
    known = names()
    # A layer without a loss that is code has the default loss.
    needed = [
        {name: text for name, text in row.items() if name != "loss" or ":" not in text}
        for row in description["layers"]
    ]
    rows = [Layer(**{name: notation.read(row[name], known) for name in row}) for row in needed]
    head = description["head"]
    if head is not None:
        head = SoftmaxHead(**{**head, "normalize": notation.read(head["normalize"], known)})
    about = {name: notation.read(description[name], known) for name in _NETWORK}
    optional = {name for name in ("inputs", "views") if name in description}
    about |= {name: notation.read(description[name], known) for name in sorted(optional)}
    return Network(*rows, head=head, **about)
