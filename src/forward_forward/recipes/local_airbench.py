"""A small convolutional network for pictures, each of whose layers learns by its own loss.

All recipes train the network of Keller Jordan's airbench94 with its tricks: a whitening first
layer, filters that begin as the identity, alternating flips, mirrored shifts, label smoothing and
Muon. `per_convolution`, `overlapping_pairs` and `per_group` train it by local losses, the others
are there to compare with. Labels are predicted by the mean over six views of each picture;
validation in training uses one view: on CIFAR-10, six would add 25,000 forward passes to the 50,000
of an epoch.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import AdamW

from forward_forward.data import Source
from forward_forward.data.augment import AlternatingFlip, Cutout, MirroredShift, RandomAffine
from forward_forward.forward import Layer, Network, Whitening, cnn
from forward_forward.forward.layer_range import ReadoutSetting
from forward_forward.forward.views import Mirrored, MirroredShifts, Views
from forward_forward.losses import CrossEntropy
from forward_forward.optimize import Muon, Trainer, Warmup
from forward_forward.optimize.order import Order
from forward_forward.optimize.precision import Precision
from forward_forward.optimize.schedules import linear
from forward_forward.readouts import LinearReadout
from forward_forward.recipes.plan import Plan, Recipe, classes_of
from forward_forward.terms import SimilarityMatching, SupervisedContrast, Term

__all__ = [
    "backprop",
    "deep_supervision",
    "overlapping_pairs",
    "per_convolution",
    "per_group",
    "random_features",
]

GRID = 4  # of the averages that a read-out sees of a map
VIEWS: dict[str, Views | None] = {
    "none": None,
    "mirrored": Mirrored(),
    "shifts": MirroredShifts(),
}


def _plan(
    build: Callable[..., Network],
    order: Order,
    train: Source,
    *,
    seed: int = 0,
    epochs: int = 20,
    channels: tuple[int, ...] = (64, 64, 256, 256, 256, 256),
    batch_size: int = 256,
    lr: float = 3e-3,
    matrix_lr: float = 33.0,
    momentum: float = 0.9,
    weight_decay: float = 0.02,
    label_smoothing: float = 0.1,
    shift: int = 2,
    flip: bool = True,
    cutout: int = 0,
    rotation: float = 0.0,
    scale: float = 0.0,
    contrast: float = 0.0,
    similarity: float = 0.0,
    whitening: bool = True,
    muon: bool = True,
    average: float | None = None,
    readout: ReadoutSetting = "auto",
    views: Literal["auto", "none", "mirrored", "shifts"] = "auto",
    precision: Precision = "auto",
    device: torch.device | str | None = None,
) -> Plan:
    """The plan of all recipes here, whose settings are these keywords.

    Args:
        build: Builds the network.
        order: See `Trainer`.
        train: Training data: pictures.
        seed: Random seed of the weights, the measured pictures and the sample order.
        epochs: Passes over the data.
        channels: Channels of each convolution; the first, third and fifth are pooled.
        batch_size: Samples per step.
        lr: Initial learning rate of biases and read-outs.
        matrix_lr: That of the filters, relative to ``lr``.
        momentum: Of the filters' gradients.
        weight_decay: Of filters and read-outs.
        label_smoothing: Of each layer's cross-entropy.
        shift: Largest shift of a picture, in pixels; 0 for none.
        flip: Whether pictures are mirrored; not for digits and letters.
        cutout: Side of a square that is blanked in each picture; 0 for none.
        rotation: Largest rotation of a picture to either side, in degrees.
        scale: Largest change of its size, as a fraction.
        contrast: Weight of `terms.SupervisedContrast` beside each cross-entropy; 0 for none.
        similarity: Weight of `terms.SimilarityMatching`; 0 for none.
        whitening: Whether pictures are whitened first; otherwise the first convolution sees pixels.
        muon: Whether filters are trained by Muon; otherwise all weights by AdamW.
        average: Decay of an average of the weights; None for none.
        readout: See `Network`.
        views: What a prediction is averaged over: "shifts" (six views) or "mirrored" (two); "auto"
            for shifts, or none without ``flip``.
        precision: Precision of products.
        device: Where to train.

    Raises:
        ValueError: Samples that are no pictures, or unknown ``views``.
    """
    if views == "auto":
        views = "shifts" if flip else "none"
    if views not in VIEWS:
        raise ValueError(f'views expects "auto", "none", "mirrored" or "shifts", got {views!r}')
    classes = classes_of(train)
    layer = functools.partial(
        Layer,
        activation=nn.GELU,
        goodness=LinearReadout(classes, grid=GRID),
        loss=CrossEntropy(label_smoothing),
        normalize=None,
        terms=_terms(classes, contrast, similarity),
    )
    network = build(
        train.shape,
        *channels,
        num_classes=classes,
        seed=seed,
        inputs=Whitening.of(train, seed=seed) if whitening else None,
        layer=layer,
        readout=readout,
        views=VIEWS[views],
    )
    flips = [AlternatingFlip()] if flip else []
    shifts = [MirroredShift(shift)] if shift else []
    moves = [RandomAffine(rotation, scale)] if rotation or scale else []
    squares = [Cutout(cutout)] if cutout else []
    trainer = Trainer(
        network,
        optimizer=functools.partial(Muon, matrix_lr=matrix_lr, momentum=momentum)
        if muon
        else AdamW,
        lr=lr,
        weight_decay=weight_decay,
        schedule=Warmup(linear, epochs=epochs / 10),
        order=order,
        augment=[*flips, *moves, *shifts, *squares],
        average=average,
        precision=precision,
        seed=seed,
        device=device,
    )
    return Plan(trainer, epochs, batch_size)


def _terms(classes: int, contrast: float, similarity: float) -> tuple[Term, ...]:
    """The further losses of a layer: those whose weight is not 0."""
    terms: list[Term] = []
    if contrast:
        terms.append(SupervisedContrast(contrast))
    if similarity:
        terms.append(SimilarityMatching(classes, similarity))
    return tuple(terms)


def _recipe(order: Order = "joint") -> Callable[[Callable[..., Network]], Recipe]:
    """Make a recipe of a function that builds the network, with the settings of `_plan`."""

    def recipe_of(build: Callable[..., Network]) -> Recipe:
        @functools.wraps(build)
        def recipe(train: Source, **settings: Any) -> Plan:
            return _plan(build, order, train, **settings)

        own = list(inspect.signature(_plan).parameters.values())[2:]
        recipe.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
        return recipe

    return recipe_of


@_recipe()
def per_convolution(shape: Any, *channels: int, **options: Any) -> Network:
    """Each convolution is a layer with a linear read-out and a cross-entropy of its own."""
    return cnn(shape, *channels, **options)


@_recipe("overlapping")
def overlapping_pairs(shape: Any, *channels: int, **options: Any) -> Network:
    """As `per_convolution`, but each loss reaches the convolution below in every other step."""
    return cnn(shape, *channels, **options)


@_recipe()
def per_group(shape: Any, *channels: int, **options: Any) -> Network:
    """Each pair of convolutions is a layer: errors are backpropagated within a pair."""
    return cnn(shape, *channels, together=2, **options)


@_recipe()
def backprop(shape: Any, *channels: int, **options: Any) -> Network:
    """Backprop from end to end, as one layer whose block is the whole network: not local."""
    return cnn(shape, *channels, together=len(channels), **options)


@_recipe("together")
def deep_supervision(shape: Any, *channels: int, **options: Any) -> Network:
    """Backprop with a loss at each convolution, which reaches all layers below it: not local."""
    return cnn(shape, *channels, **options)


@_recipe()
def random_features(shape: Any, *channels: int, **options: Any) -> Network:
    """Random convolutions that never learn, each with a trained read-out."""
    network = cnn(shape, *channels, **options)
    for layer in network.layers:
        layer.block.requires_grad_(False)
    return network
