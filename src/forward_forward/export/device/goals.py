"""A layer's goodness, loss and normalisation -> the fields that C reads."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from forward_forward.export.device.device_layer import (
    DeviceLayer,
    Fields,
    NotForDevice,
    array,
    refused,
)
from forward_forward.forward import ClassGroupNorm, Layer, MeanSquareOne, UnitLength
from forward_forward.goodness import Minimised, PNorm, mean_square, sum_of_squares
from forward_forward.losses import CrossEntropy, SiluPair, SymBa, log_sigmoid, sigmoid
from forward_forward.readouts import ChannelGroups, FixedReadout, LinearReadout


def normalized(layer: Layer) -> Fields:
    normalize = layer.normalize
    kinds = {MeanSquareOne: "FF_MEAN_SQUARE_ONE", UnitLength: "FF_UNIT_LENGTH"}
    if normalize is None:
        return {"normalize": "FF_NO_NORM", "groups": 0, "eps": 0.0}
    if type(normalize) in kinds:
        return {"normalize": kinds[type(normalize)], "groups": 0, "eps": normalize.eps}  # type: ignore[attr-defined]
    if isinstance(normalize, ClassGroupNorm):
        groups, eps = normalize.num_classes, normalize.eps
        return {"normalize": "FF_CLASS_GROUPS", "groups": groups, "eps": eps}
    raise refused("normalisation", normalize, "MeanSquareOne, UnitLength or ClassGroupNorm")


def loss_of(layer: Layer) -> Fields:
    loss: Any = layer.loss
    threshold = float(layer.threshold_value)
    fields: Fields = {
        "alpha": 1.0,
        "smoothing": 0.0,
        "margin": 0.0,
        "temperature": layer.temperature,
        "threshold": 0.0 if math.isnan(threshold) else threshold,
    }
    if isinstance(loss, CrossEntropy):
        return fields | {
            "loss": "FF_CROSS_ENTROPY",
            "smoothing": loss.label_smoothing,
            "margin": loss.margin,
        }
    if isinstance(loss, SymBa | SiluPair):
        name = "FF_SYMBA" if isinstance(loss, SymBa) else "FF_SILU_PAIR"
        return fields | {"loss": name, "alpha": loss.alpha}
    if loss is log_sigmoid or loss is sigmoid:
        return fields | {"loss": "FF_LOG_SIGMOID" if loss is log_sigmoid else "FF_SIGMOID_LOSS"}
    raise refused("loss", loss, "CrossEntropy, SymBa, SiluPair, log_sigmoid or sigmoid")


def judge(made: DeviceLayer, layer: Layer, classes: int, spare: int) -> None:
    """A layer's goodness, with the weights of a read-out."""
    goodness: Any = layer.goodness
    channels, height, width = made.out
    fields: Fields = {"squared": 0, "grid_height": 1, "grid_width": 1}
    if isinstance(goodness, ChannelGroups):
        if spare:
            raise NotForDevice("ChannelGroups has no channels left for spare classes")
        made.fields |= {**fields, "goodness": "FF_CHANNEL_GROUPS"}
        made.fields["squared"] = int(goodness.squared)
        return
    if type(goodness) in (LinearReadout, FixedReadout):
        if getattr(goodness, "detached", False):
            raise refused("goodness", goodness, "a read-out that is not detached")
        grid = goodness.grid, goodness.grid
        weight = goodness.weight.detach()
        if goodness.units == channels * height * width:  # of every position, without averages
            grid = height, width
        weight = torch.cat([weight, _spare_rows(goodness, spare)])
        weight = weight.view(len(weight), channels, *grid).permute(2, 3, 1, 0)
        made.readout = array(weight.flatten(0, 2))
        learned = isinstance(goodness, LinearReadout)
        made.fields |= {
            **fields,
            "goodness": "FF_LEARNED_READOUT" if learned else "FF_FIXED_READOUT",
            "squared": int(goodness.squared),
            "grid_height": grid[0],
            "grid_width": grid[1],
        }
        return
    if isinstance(goodness, Minimised):
        goodness, made.fields["sign"] = goodness.goodness, -1.0
    if goodness is mean_square or goodness is sum_of_squares:
        kind = "FF_MEAN_SQUARE" if goodness is mean_square else "FF_SUM_OF_SQUARES"
    elif isinstance(goodness, PNorm) and goodness.p == 2:
        kind = "FF_L2_NORM"
    else:
        known = "LinearReadout, FixedReadout, ChannelGroups, mean_square, sum_of_squares or l2_norm"
        raise refused("goodness", goodness, known)
    if height * width > 1 or made["kernel_height"] != 1 or made["kernel_width"] != 1:
        raise NotForDevice("a layer that is shown each label in turn must be linear")
    made.fields |= {**fields, "goodness": kind}


def _spare_rows(readout: LinearReadout | FixedReadout, spare: int) -> Tensor:
    """Rows of a read-out for classes to come: as they begin in training."""
    assert readout.weight is not None
    width = readout.weight.shape[1]
    if isinstance(readout, LinearReadout):
        return torch.zeros(spare, width)
    rng = torch.Generator().manual_seed(readout.seed + 1)
    drawn: Tensor = torch.randn(spare, width, generator=rng) * (2 / width) ** 0.5
    return drawn
