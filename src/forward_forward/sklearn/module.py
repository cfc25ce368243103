"""A torch module of your own and the shape of a sample -> the network of an estimator."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from forward_forward.conversion import convert
from forward_forward.forward import Layer, Network
from forward_forward.forward.layer_range import ReadoutSetting
from forward_forward.recipes.converted import built


def module_network(
    module: nn.Module | Callable[..., nn.Module],
    layer: functools.partial[Layer],
    *,
    shape: tuple[int, ...],
    num_classes: int,
    inputs: nn.Module | None,
    readout: ReadoutSetting,
    seed: int,
) -> Network:
    """The layers of a module, each with its own classifier; see `conversion.convert`.

    Args:
        module: The module, which is copied, or its class or a function that makes it.
        layer: Makes a layer of a block, with the activation that the module gives it.
        shape: Shape of one sample.
        num_classes: Number of classes.
        inputs: Transforms the samples first.
        readout: See `Network`.
        seed: Of the weights.
    """
    options: dict[str, Any] = dict(layer.keywords)
    options.pop("activation")
    made = convert(
        built(module, num_classes, seed),
        num_classes=num_classes,
        input_shape=shape,
        layer=functools.partial(Layer, **{**options, "normalize": None}),
        readout=readout,
        seed=seed,
    )
    made.network.inputs = inputs
    return made.network


def readout_of(module: Any, goodness: Any) -> Any:
    """The goodness as it is; of a module's layers, "auto" is read from a grid of averages of maps.

    >>> readout_of(None, "auto"), readout_of(nn.Linear(2, 2), "auto")
    ('auto', 'LinearReadout(grid=4)')
    """
    return "LinearReadout(grid=4)" if module is not None and goodness == "auto" else goodness


def picture_shape(image_shape: Sequence[int] | None, features: int) -> tuple[int, ...]:
    """The shape of one sample for a module: rows of features, unless they are pictures.

    Raises:
        ValueError: ``image_shape`` has another number of values.

    >>> picture_shape((1, 8, 8), 64), picture_shape(None, 4)
    ((1, 8, 8), (4,))
    """
    shape = (features,) if image_shape is None else tuple(int(side) for side in image_shape)
    if math.prod(shape) != features:
        raise ValueError(
            f"image_shape expects the shape of a sample of {features} values, got {image_shape}"
        )
    return shape
