"""A layer and its activities [batch, *feature] -> the layer with parts for so many channels."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from forward_forward import readouts
from forward_forward.forward import Layer


def fit_parts(layer: Layer, h: Tensor) -> None:
    """Make its read-out and terms for its activities: channels are those of the last width."""
    wide = [each for each in layer.block.modules() if _width(each)]
    widths = [_width(each) for each in wide]
    at_positions = isinstance(layer.goodness, readouts.PositionReadout)
    # A convolution's channels come first, of several that are concatenated too.
    convolved = hasattr(wide[-1], "out_channels") if wide else False
    last = not convolved and h.shape[1] not in widths[-1:] and h.shape[-1] in widths
    channels_last = at_positions or last

    def fitted(part: Any) -> Any:
        if getattr(part, "units", 0) is not None:
            return part
        maps = h.dim() == 4
        channels = h.shape[-1 if channels_last else 1]
        return readouts.of_units(part, channels, maps=maps, side=min(h.shape[2:]) if maps else None)

    layer.goodness = fitted(layer.goodness)
    layer.terms = tuple(map(fitted, layer.terms))


def _width(module: nn.Module) -> int | None:
    return getattr(module, "out_features", None) or getattr(module, "out_channels", None)
