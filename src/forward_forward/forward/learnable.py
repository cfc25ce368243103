"""Examples, layers and a head -> nothing, or an error that says why they cannot learn together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import nn

from forward_forward.examples import Examples, OrdinalBins
from forward_forward.examples.inputs import check_scores
from forward_forward.examples.no_label import SinglePass
from forward_forward.forward.arguments import refuse
from forward_forward.forward.head import SoftmaxHead
from forward_forward.forward.layer import Layer
from forward_forward.forward.symbols import check_positions
from forward_forward.readouts import Readout
from forward_forward.terms import Term


def check_examples(examples: object) -> None:
    """Reject what does not make positives and negatives of samples."""
    needed = ("labelled", "scores", "num_classes", "positive", "negative", "width")
    if isinstance(examples, type) or not all(hasattr(examples, name) for name in needed):
        refuse("examples", "such as AppendLabel(10)", examples, "ff.examples has them")


def check_network(layers: Sequence[object], examples: object, **parts: object) -> None:
    """Reject what are no parts of a network; of those by name, each may be None."""
    for number, layer in enumerate(layers, 1):
        if not isinstance(layer, Layer):
            refuse(f"layer {number}", "a Layer", layer, "write Layer(block), *[a, b] for a list")
    check_examples(examples)
    if not isinstance(parts["head"], SoftmaxHead | None):
        refuse(
            "head", "a SoftmaxHead or None", parts["head"], "such as SoftmaxHead((500, 500), 10)"
        )
    for name in ("inputs", "views"):
        if not (parts[name] is None or callable(parts[name])):
            refuse(name, "a module or another callable", parts[name], f"or leave {name} out")


def check_learnable(examples: Examples, layers: Sequence[Layer], head: SoftmaxHead | None) -> None:
    """Reject examples that a network with these layers and this head cannot learn from."""
    if head is not None:
        _check_head(head, layers, examples)
    check_scores(examples)
    _check_readouts(layers, examples)
    check_positions(layers, examples, head)
    if examples.scores == "softmax" and head is None:
        raise ValueError(
            "negatives drawn from the softmax require a head: add head=SoftmaxHead(...), or use"
            " FromGoodness() or Uniform() negatives"
        )


def check_reading(reading: str, examples: Examples, head: SoftmaxHead | None) -> None:
    """Reject a reading that the examples or the missing head rule out."""
    possible = {"goodness": examples.labelled, "head": head is not None}
    if not isinstance(reading, str) or not possible.get(reading, False):
        raise ValueError(
            f'reading={reading!r} is not possible here: "goodness" expects examples with'
            ' labels, and "head" expects head=SoftmaxHead(...)'
        )


def _check_readouts(layers: Sequence[Layer], examples: Examples) -> None:
    counts = {
        layer.goodness.num_classes if isinstance(layer.goodness, Readout) else None
        for layer in layers
    }
    if counts != ({examples.num_classes} if isinstance(examples, SinglePass) else {None}):
        raise ValueError(
            "layers whose goodness answers for every class, such as LinearReadout(num_classes=10),"
            " go with examples=NoLabel(num_classes=10), and then all layers must have one for the"
            f" same classes; got {examples!r} and layers for {_listed(counts)} classes (None: one"
            " number per sample)"
        )
    if isinstance(examples, OrdinalBins) and any(layer.temperature != 1 for layer in layers):
        raise ValueError(
            "ordered bins are read from the softmax of the goodness, as they are trained: expected"
            f" temperature=1, got {[layer.temperature for layer in layers]}"
        )
    for number, layer in enumerate(layers, 1):
        for part in (layer.goodness, *layer.terms):
            if isinstance(part, Readout | Term) and part.units is None:
                raise ValueError(
                    f"the width of layer {number} is not known from its"
                    f" {type(layer.block).__name__}: give its {type(part).__name__} the number of"
                    " its units or channels, as units=..."
                )


def _listed(counts: Iterable[int | None]) -> str:
    return " and ".join(sorted(map(str, counts)))


def _check_head(head: SoftmaxHead, layers: Sequence[Layer], examples: Examples) -> None:
    blocks = [layer.block for layer in layers]
    pairs = zip(head.widths, blocks, strict=False)
    fits = all(block.out_features == width for width, block in pairs if type(block) is nn.Linear)
    if len(head.widths) != len(layers) or head.num_classes != examples.num_classes or not fits:
        raise ValueError(
            f"the head expects {len(head.widths)} layers of {head.widths} units and"
            f" {head.num_classes} classes, got {len(layers)} layers and {examples.num_classes}"
            " classes: pass SoftmaxHead the units of every layer, lowest first"
        )
