"""A float32 .onnx file, raw samples [n, *shape] -> the same predictor with int8 products."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from forward_forward.export import onnx_file
from forward_forward.export.measure import labels

Ranges = Literal["static", "dynamic"]

CALIBRATION = 1_000  # samples; at most half of those available
KEPT = 0.005  # fraction of labels that static ranges may lose compared with dynamic ones

_PRODUCTS = ["MatMul", "Gemm", "Conv"]  # the rest of the graph stays in float32


class _CalibrationSamples:
    """The samples that ONNX Runtime calibrates with."""

    def __init__(self, samples: Tensor) -> None:
        self._parts = iter(torch.split(samples, 100))

    def get_next(self) -> dict[str, Any] | None:
        part = next(self._parts, None)
        return None if part is None else {onnx_file.INPUT: part.numpy()}


def quantized(path: Path, out: Path, samples: Tensor, about: Mapping[str, Any]) -> dict[str, Any]:
    """Quantise a file's products to int8, with the better of two kinds of ranges, and write it.

    Static ranges of the activities are measured on training samples beforehand; dynamic ones are
    those of each batch, so that a sample's scores depend on the rest of its batch. Static ranges
    are used unless they change at least half a percent more labels of other training samples: some
    of the raw samples [n, *shape] calibrate, the rest choose.

    Returns:
        ``way``, and ``labels_kept`` for each kind, in percent of the samples it was chosen by.

    Raises:
        ValueError: There are fewer than two samples.
    """
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    if len(samples) < 2:
        raise ValueError(
            f"int8 requires at least 2 training samples, some to calibrate and some to choose the"
            f" ranges, got {len(samples)}: pass several hundred"
        )
    count = min(CALIBRATION, len(samples) // 2)
    calibration, others = samples[:count], samples[count:]
    shaped = out.with_name(f"{out.name}.shaped")
    # Constants are folded already; without shapes ONNX Runtime warns on the root logger.
    quant_pre_process(str(path), str(shaped), skip_optimization=True, skip_symbolic_shape=True)
    right = labels(onnx_file.opened(path), others)
    kept: dict[Ranges, float] = {}
    made: dict[Ranges, Path] = {}
    for way in ("static", "dynamic"):
        made[way] = out.with_name(f"{out.name}.{way}")
        _quantize(shaped, made[way], way, calibration)
        agreeing = labels(onnx_file.opened(made[way]), others) == right
        kept[way] = float(agreeing.double().mean())
    chosen: Ranges = "static" if kept["static"] >= kept["dynamic"] - KEPT else "dynamic"
    onnx_file.save(onnx.load(str(made[chosen])), out, about)
    for each in (shaped, *made.values()):
        each.unlink()
    return {"way": chosen, "labels_kept": {name: 100 * each for name, each in kept.items()}}


def _quantize(path: Path, out: Path, way: Ranges, calibration: Tensor) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic, quantize_static

    # Weights in 7 bits: with 8, processors without VNNI overflow when they add products.
    options = {
        "op_types_to_quantize": _PRODUCTS,
        "per_channel": True,
        "reduce_range": True,
        "weight_type": QuantType.QInt8,
    }
    if way == "dynamic":
        quantize_dynamic(str(path), str(out), **options)
    else:
        options["activation_type"] = QuantType.QUInt8
        quantize_static(str(path), str(out), _CalibrationSamples(calibration), **options)
