"""A float32 .onnx file, raw samples [n, *shape] -> the same predictor with int8 products."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from forward_forward.export import onnx_file
from forward_forward.export.measure import labels

Way = Literal["static", "dynamic"]

CALIBRATION = 1_000  # samples; at most half of what there is
KEPT = 0.005  # share of labels that static ranges may lose against dynamic ones

_PRODUCTS = ["MatMul", "Gemm", "Conv"]  # the rest of the graph stays in float32


class _Reader:
    """What ONNX Runtime calibrates with."""

    def __init__(self, samples: Tensor) -> None:
        self._parts = iter(torch.split(samples, 100))

    def get_next(self) -> dict[str, Any] | None:
        part = next(self._parts, None)
        return None if part is None else {onnx_file.INPUT: part.numpy()}


def quantized(path: Path, out: Path, samples: Tensor, about: Mapping[str, Any]) -> dict[str, Any]:
    """Quantise a file's products to int8, in the better of two ways, and write it.

    Static ranges of the activities are found on training samples beforehand; dynamic ones are those
    of each batch, so that a sample's scores depend on the others of its batch. Static ones are
    taken unless they lose more than half a percent of the labels more, on other training samples.

    Args:
        path: The float32 file.
        out: The int8 file.
        samples: Raw training samples [n, *shape]: some to calibrate with, the others to choose by.
        about: What goes into the file's ``metadata_props``.

    Returns:
        ``way``, and ``labels_kept`` by each way, in percent of the samples it was chosen by.

    Raises:
        ValueError: There are fewer than two samples.
    """
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    if len(samples) < 2:
        raise ValueError(
            "int8 expects training samples to calibrate with and others to choose by, got"
            f" {len(samples)}: give some hundreds"
        )
    count = min(CALIBRATION, len(samples) // 2)
    calibration, others = samples[:count], samples[count:]
    shaped = out.with_name(f"{out.name}.shaped")
    # Constants are folded already; without the shapes ONNX Runtime warns, on the root logger.
    quant_pre_process(str(path), str(shaped), skip_optimization=True, skip_symbolic_shape=True)
    right = labels(onnx_file.opened(path), others)
    kept: dict[Way, float] = {}
    made: dict[Way, Path] = {}
    for way in ("static", "dynamic"):
        made[way] = out.with_name(f"{out.name}.{way}")
        _quantize(shaped, made[way], way, calibration)
        agreeing = labels(onnx_file.opened(made[way]), others) == right
        kept[way] = float(agreeing.double().mean())
    chosen: Way = "static" if kept["static"] >= kept["dynamic"] - KEPT else "dynamic"
    onnx_file.save(onnx.load(str(made[chosen])), out, about)
    for each in (shaped, *made.values()):
        each.unlink()
    return {"way": chosen, "labels_kept": {name: 100 * share for name, share in kept.items()}}


def _quantize(path: Path, out: Path, way: Way, calibration: Tensor) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic, quantize_static

    # Weights in 7 bits: without them, processors that lack VNNI overflow as they add products.
    options = {
        "op_types_to_quantize": _PRODUCTS,
        "per_channel": True,
        "reduce_range": True,
        "weight_type": QuantType.QInt8,
    }
    if way == "dynamic":
        quantize_dynamic(str(path), str(out), **options)
    else:
        quantize_static(
            str(path), str(out), _Reader(calibration), activation_type=QuantType.QUInt8, **options
        )
