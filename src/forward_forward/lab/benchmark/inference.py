"""A network and samples -> the time to predict labels, relative to the usual scan of them all."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from forward_forward import predict
from forward_forward.data import Data
from forward_forward.forward import Network
from forward_forward.forward.passes import rows_at_a_time
from forward_forward.lab.benchmark.arithmetic import scan_bound
from forward_forward.lab.benchmark.arms import CLASSES, Backprop, engine, one_pass
from forward_forward.lab.benchmark.measure import medians

SCANNED = 1_000


@torch.no_grad()
def naive_scan(network: Network, x: Tensor) -> Tensor:
    """Goodness [layers, n, classes] as usually computed: a row for each sample and label.

    The network has linear layers with ReLU and the label appended; samples are [n, features].
    """
    classes = network.examples.num_classes
    chunks = torch.split(x, rows_at_a_time(classes))
    return torch.cat([_chunk(network, chunk, classes) for chunk in chunks], 1)


def _chunk(network: Network, x: Tensor, classes: int) -> Tensor:
    labels = torch.eye(classes).repeat_interleave(len(x), 0)
    h = torch.cat([x.repeat(classes, 1), labels], 1)
    goodness = []
    for layer in network.layers:
        linear = layer.linear
        if linear is None:
            raise ValueError("the naive scan expects a network of linear layers")
        h = h / (h.square().mean(1, keepdim=True).sqrt() + 1e-8)
        h = functional.linear(h, linear.weight, linear.bias).relu()
        goodness.append(h.square().mean(1))
    return torch.stack(goodness).view(len(goodness), classes, len(x)).transpose(1, 2)


def scan_figures(train: Data, hidden: tuple[int, ...]) -> dict[str, float]:
    """The scan of 1,000 images with a shared first layer: ``scan_vs_naive``, ``scan_bound``."""
    x = next(train.batches(SCANNED)).x.flatten(1)
    widths = [x.shape[1], *hidden]
    network = engine(widths, torch.float32).network
    ratio = _vs_naive(lambda: network.goodness_by_layer(x), network, x)
    return {"scan_vs_naive": ratio, "scan_bound": scan_bound(widths, CLASSES)}


def one_pass_figures(train: Data, hidden: tuple[int, ...]) -> dict[str, float]:
    """Labels of 1,000 images by layers that answer for every class, relative to backprop's."""
    x = next(train.batches(SCANNED)).x.flatten(1)
    widths = [x.shape[1], *hidden]
    network, backprop = one_pass(widths, torch.float32).network, Backprop(widths, torch.float32)

    @torch.no_grad()
    def plain() -> None:
        backprop.logits(x).argmax(1)

    calls: dict[str, Callable[[], object]] = {"one_pass": lambda: network.predict(x)}
    calls["backprop"] = plain
    seconds = medians(calls, budget=2, least=3, block=2)
    return {"one_pass_inference_vs_backprop": seconds["one_pass"] / seconds["backprop"]}


def _vs_naive(call: Callable[[], object], network: Network, x: Tensor) -> float:
    """Time of a call relative to the naive scan of samples."""
    calls = {"naive": lambda: naive_scan(network, x), "call": call}
    seconds = medians(calls, budget=5, least=3, block=1)
    return seconds["call"] / seconds["naive"]


def two_stage_figures(network: Network, validation: Data, test: Data) -> dict[str, float]:
    """Two-stage inference on the test images, compared with the naive scan of all labels.

    Returns:
        ``vs_naive``, its time relative to the naive scan's; ``agreement`` with the labels of the
        exact scan, in percent; and ``second_stage``, the percentage of images that needed it.
    """
    calibration, images = (next(data.batches(len(data))).x for data in (validation, test))
    images = images.flatten(1)
    stages = predict.two_stage(network, calibration)
    report = stages.report(images)
    return {
        "vs_naive": _vs_naive(lambda: stages.predict(images), network, images),
        "agreement": 100 * report.agreement,
        "second_stage": 100 * report.share,
    }
