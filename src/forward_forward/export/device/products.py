"""A layer's block and a map's shape -> its product, pooling and activation, as C computes them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from forward_forward.export.device.device_layer import (
    DeviceLayer,
    Fields,
    NotForDevice,
    Shape,
    array,
    refused,
)

ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.Identity: "FF_IDENTITY",
    nn.ReLU: "FF_RELU",
    nn.LeakyReLU: "FF_LEAKY_RELU",
    nn.ReLU6: "FF_RELU6",
    nn.Tanh: "FF_TANH",
    nn.Sigmoid: "FF_SIGMOID",
    nn.ELU: "FF_ELU",
    nn.GELU: "FF_GELU",
    nn.SiLU: "FF_SILU",
}
IGNORED = nn.Dropout, nn.Dropout2d, nn.Identity, nn.Flatten, nn.Unflatten


def parts_of(module: nn.Module) -> Iterable[nn.Module]:
    """The modules of a block, in the order in which they are called."""
    if isinstance(module, nn.Sequential):
        for each in module:
            yield from parts_of(each)
    else:
        yield module


def product_of(part: nn.Linear | nn.Conv2d, below: Shape) -> DeviceLayer:
    """The product of a layer, with its weights in the order of the program."""
    channels, height, width = below
    weight = part.weight.detach()
    if isinstance(part, nn.Linear):
        inputs = math.prod(below)
        if height * width > 1 and channels > 1:
            if part.in_features != inputs:
                raise NotForDevice("a label cannot be appended to a map of several channels")
            weight = weight.view(-1, *below).permute(0, 2, 3, 1).flatten(1)
        inputs, kernel, out = part.in_features, (1, 1), (part.out_features, 1, 1)
        place, stride, padding = (inputs, 1, 1), 1, 0
    else:
        stride, kernel = part.stride[0], (part.kernel_size[0], part.kernel_size[1])
        pad = _padding(part)
        plain = part.groups == 1 and part.dilation == (1, 1) and part.padding_mode == "zeros"
        if not plain or pad is None or len({*part.stride}) > 1 or part.in_channels != channels:
            raise NotForDevice(
                f"expected a convolution of {channels} channels without groups or dilation, with"
                f" equal strides and zero padding, got {part}"
            )
        padding = pad
        out = (
            part.out_channels,
            (height + 2 * padding - kernel[0]) // stride + 1,
            (width + 2 * padding - kernel[1]) // stride + 1,
        )
        place = below
        if height * width == 1:  # padding is all that the other weights see
            weight, kernel = weight[:, :, padding, padding, None, None], (1, 1)
            stride, padding = 1, 0
        weight = weight.permute(0, 2, 3, 1).flatten(1)
    bias = torch.zeros(len(weight)) if part.bias is None else part.bias.detach()
    fields: Fields = {
        **dict(zip(("in_channels", "in_height", "in_width"), place, strict=True)),
        "kernel_height": kernel[0],
        "kernel_width": kernel[1],
        "stride": stride,
        "padding": padding,
        "pool": 1,
        "pooling": "FF_NO_POOL",
        "activation": "FF_IDENTITY",
        "activation_first": 0,
        "slope": 0.0,
        "has_bias": int(part.bias is not None),
        "input_at": 0,
        "input_skip": 0,
        "input_count": math.prod(place),
        "label_at": 0,
        "strength": 0.0,
        "learns": 1,
        "sign": 1.0,
    }
    return DeviceLayer(fields, array(weight), array(bias), np.zeros((0, 0), np.float32), out)


def follow(made: DeviceLayer, parts: Iterable[nn.Module]) -> None:
    """What follows the product in a layer: pooling, batch normalisation and an activation."""
    active = False
    for part in parts:
        if isinstance(part, IGNORED):
            continue
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) and not active:
            _fold(made, part)
        elif isinstance(part, nn.MaxPool2d | nn.AvgPool2d) and made["pool"] == 1:
            size, stride = _number(part.kernel_size), _number(part.stride or part.kernel_size)
            if size != stride or _number(part.padding) or part.ceil_mode:
                raise refused("pooling", part, "windows that touch, without padding")
            kind = "FF_MAX_POOL" if isinstance(part, nn.MaxPool2d) else "FF_AVERAGE_POOL"
            made.fields |= {"pool": size, "pooling": kind, "activation_first": int(active)}
            made.out = made.out[0], made.out[1] // size, made.out[2] // size
            if kind == "FF_AVERAGE_POOL" and active and made["activation"] != "FF_IDENTITY":
                made.fields["learns"] = 0
                made.notes.append(
                    "does not learn on the device: its average pooling follows the activation"
                )
        elif type(part) in ACTIVATIONS and not active:
            active = True
            if isinstance(part, nn.GELU) and part.approximate != "none":
                raise refused("activation", part, "the exact GELU")
            slope = getattr(part, "negative_slope", getattr(part, "alpha", 0.0))
            made.fields |= {"activation": ACTIVATIONS[type(part)], "slope": float(slope)}
        else:
            names = ", ".join(kind.__name__ for kind in ACTIVATIONS)
            raise refused("a part after the product", part, f"pooling, batch norm or {names} once")


def _padding(part: nn.Conv2d) -> int | None:
    """Zeros at each side of a map; None if they differ."""
    sides: object = part.padding
    if sides == "valid":
        return 0
    if sides == "same":
        sides = tuple((size - 1) / 2 for size in part.kernel_size)
    if not isinstance(sides, tuple) or len({*sides}) > 1 or sides[0] != int(sides[0]):
        return None
    return int(sides[0])


def _number(setting: int | tuple[int, ...]) -> int:
    if isinstance(setting, int):
        return setting
    if len({*setting}) > 1:
        raise NotForDevice(f"expected square windows, got {setting}")
    return setting[0]


def _fold(made: DeviceLayer, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    """Batch normalisation by its running statistics, folded into the weights."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise refused("batch normalisation", norm, "running statistics")
    scale = (variance + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight.detach()
    if made["pooling"] == "FF_MAX_POOL" and bool((scale <= 0).any()):
        raise NotForDevice("batch normalisation after max pooling needs positive scales")
    offset = torch.zeros_like(mean) if norm.bias is None else norm.bias.detach()
    made.biases = array(torch.from_numpy(made.biases) * scale + offset - mean * scale)
    made.weights = array(torch.from_numpy(made.weights) * scale[:, None])
    made.fields["has_bias"] = 1
    made.notes.append("its batch normalisation is folded into its weights, and learns no more")
