"""A network and raw samples [n, *shape] -> a folder with a C program that predicts and learns."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forward_forward import files, manifest
from forward_forward.data.batch import as_float
from forward_forward.examples import NoLabel
from forward_forward.export.arguments import check_whole, class_names
from forward_forward.export.device.device_layer import DeviceLayer, NotForDevice, Shape
from forward_forward.export.device.layers import layers_of, map_of
from forward_forward.export.device.program import Program, compiler
from forward_forward.export.device.settings import (
    agreement,
    check_settings,
    record_of,
    spare_names,
)
from forward_forward.export.device.sizes import BITS, Numbers, Sizes
from forward_forward.export.device.source import Scaling, filled, program
from forward_forward.export.predictors import frozen
from forward_forward.forward import Network, Standardize

OURS = frozenset(
    {
        "src/ff_model.h", "src/ff_model.c", "examples/Learn/Learn.ino", "CMakeLists.txt",
        "library.properties", "library.json", "idf_component.yml", "export.json",
    }
)  # fmt: skip
RATE = 0.01
CHECKED = 200  # samples on which the program is compared with the library
TOLERANCE = 1e-4  # relative to a row's largest score


def c(
    network: Network,
    samples: Tensor,
    folder: Path | str,
    *,
    classes: Sequence[str] | None = None,
    spare_classes: int = 0,
    numbers: Numbers = "float32",
    rate: float = RATE,
    backprop: bool = False,
    test: tuple[Tensor, Tensor] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Write a network as one C99 source and its header, which predict and go on learning.

    The program needs no heap and only libm. If the machine has a C compiler, the program is
    compiled and compared with the library first; if they differ, nothing is written.

    Args:
        network: The trained network.
        samples: Raw training samples [n, *shape]: uint8 for pictures whose values are divided by
            255, otherwise floating-point numbers as the network was trained on.
        folder: A new or empty folder, or that of an earlier export for devices.
        classes: Names of the labels; by default their numbers.
        spare_classes: Classes that the device can learn besides.
        numbers: Type of the weights. Integers have a scale for each unit; steps that are smaller
            than it are taken at random, with the right mean.
        rate: Learning rate of the device, of plain SGD with one sample a step.
        backprop: Whether the program trains by backpropagation, to compare with.
        test: Raw test samples [n, *shape] and labels [n], to measure the error of integers.
        say: Called with a line of text as each step begins.

    Returns:
        The content of export.json: memory, multiply-accumulates, how it was verified.

    Raises:
        NotForDevice: The program cannot compute a part of the network; a ValueError.
        RuntimeError: The compiled program differs from the network.
        ValueError: A setting is invalid, or the folder holds other files.

    >>> import torch
    >>> from tempfile import mkdtemp
    >>> from forward_forward.forward import mlp
    >>> made = c(mlp(4, 8, num_classes=3), torch.rand(9, 4), mkdtemp())
    >>> made["memory"]["ram_to_learn"]["weights"]
    256
    """
    folder = Path(folder)
    check_whole(network)
    check_settings(spare_classes, rate)
    _check(folder, numbers)
    network = frozen(network)
    last = len(network.layers) - 1, len(network.layers)
    if backprop and network.readout != last:
        raise ValueError(
            "a network trained by backprop is read from its last layer, this one from"
            f" {network.readout}: call network.set_readout first"
        )
    names = class_names(network, classes) + spare_names(spare_classes)
    shape, pixels = tuple(samples.shape[1:]), samples.dtype == torch.uint8
    layers = layers_of(network, shape, spare_classes, backprop)
    scaling = scaling_of(network, map_of(shape), pixels)

    def sizes_of(layers: Sequence[DeviceLayer], backprop: bool) -> Sizes:
        return Sizes(
            layers=layers,
            inputs=int(np.prod(shape)),
            classes=len(names),
            numbers=numbers,
            backprop=backprop,
            two_pass=not isinstance(network.examples, NoLabel),
            scaled=scaling.needed or layers[0]["normalize"] == "FF_CLASS_GROUPS",
        )

    sizes = sizes_of(layers, backprop)
    about = record_of(network, layers, names, spare_classes, rate) | {
        "numbers": numbers,
        "rule": "backprop" if backprop else "local",
        "input": {
            "type": "uint8" if pixels else "float32",
            "shape": list(shape),
            "order": "row by row, the channels of a pixel together",
        },
        "memory": sizes.report(),
    }
    if not backprop and not sizes.two_pass:
        try:
            twin = layers_of(network, shape, spare_classes, True)
            about["memory_of_backprop"] = sizes_of(twin, True).report()
        except NotForDevice:
            say("no figures of backpropagation: its program knows no residual layers")
    texts = _texts(about, layers, sizes, scaling)
    with TemporaryDirectory() as temporary:
        _write(Path(temporary), texts)
        about |= _verified(network, samples, Path(temporary), about, test, say)
    folder = folder.resolve()

    def fill(partial: Path) -> None:
        _write(partial, texts)
        manifest.write_record(partial / "export.json", about)

    files.replace_folder(folder, fill)
    return about


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        files.write(folder / name, text.encode())


def _check(folder: Path, numbers: str) -> None:
    """Refuse an unknown type of numbers, and a folder with files of somebody else."""
    if numbers not in BITS:
        raise ValueError(
            f"numbers expects {', '.join([*BITS][:-1])} or {[*BITS][-1]}, got {numbers!r}"
        )
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"expected a folder for the export, got a file: {str(folder)!r}")
    for path in sorted(folder.rglob("*")) if folder.exists() else ():
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and any(each.startswith(f"{name}/") for each in OURS):
            continue
        if name not in OURS or path.is_symlink():
            raise ValueError(
                f"{str(folder)!r} holds {name!r}, which is not part of an export for devices and"
                " would be lost: choose another folder"
            )


def scaling_of(network: Network, below: Shape, pixels: bool) -> Scaling:
    """How the program scales a raw value: what the network's inputs do, and the 255 of pixels."""
    inputs, whole = network.inputs, 255.0 if pixels else 1.0
    if inputs is None or isinstance(inputs, torch.nn.Unflatten):
        return Scaling(np.zeros(1, np.float32), np.full(1, 1 / whole, np.float32))
    if isinstance(inputs, Standardize):
        values = torch.stack(
            [inputs.mean.double() * whole, 1 / (inputs.deviation.double() * whole)]
        )
        placed = values.view(2, *below).permute(0, 2, 3, 1).flatten(1).float().numpy()
        return Scaling(placed[0], placed[1])
    raise NotForDevice(
        f"expected Standardize or nothing before the layers, got {type(inputs).__name__}, which has"
        " no form in C"
    )


def _texts(
    about: dict[str, Any], layers: Sequence[DeviceLayer], sizes: Sizes, scaling: Scaling
) -> dict[str, str]:
    """The files of the folder but export.json, by their names."""
    pixels = about["input"]["type"] == "uint8"
    shape = " x ".join(map(str, about["input"]["shape"]))
    spare, names = about["spare_classes"], about["classes"]
    listed = ", ".join(names[: len(names) - spare][:20]).encode("ascii", "replace").decode()
    scale = "bytes from 0 to 255, scaled inside" if pixels else "numbers as in training"
    values = {
        "title": f"{len(layers)} layers for {len(names)} classes",
        "version": about["version"],
        "fingerprint": about["weights"],
        "input": f"{shape} {scale}, the channels of a pixel together",
        "classes": listed.replace("*/", "* /"),
        "spare": spare,
        "inputs": sizes.inputs,
        "count": len(names),
        "layers": len(layers),
        "input_type": "uint8_t" if pixels else "float",
        "two_pass": sizes.two_pass,
        "backprop": sizes.backprop,
        "rate": about["rate"],
        "pixels": pixels,
    }
    identity = json.dumps([about[each] for each in ("weights", "spare_classes", "numbers", "rule")])
    source = program(
        layers, sizes, scaling, names, rate=about["rate"], pixels=pixels, about=identity
    )
    return {
        "src/ff_model.h": filled("ff_model.h", values),
        "src/ff_model.c": source,
        "examples/Learn/Learn.ino": filled("Learn.ino", values),
        **{
            name: filled(name, values)
            for name in (
                "CMakeLists.txt",
                "library.properties",
                "library.json",
                "idf_component.yml",
            )
        },
    }


def _verified(
    network: Network,
    samples: Tensor,
    folder: Path,
    about: dict[str, Any],
    test: tuple[Tensor, Tensor] | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """How far the compiled program's scores are from the network's."""
    if compiler() is None:
        say("not verified: this machine has no C compiler (cc)")
        return {"verified": None}
    say("compiling, and comparing with the network")
    made = Program(folder, build=folder / "build")
    raw, labels = (samples[:CHECKED], None) if test is None else test
    raw = raw.cpu()
    right = network.goodness(as_float(raw)).cpu()
    found = made.scores(raw)
    verified = agreement(found, right)
    difference = verified["largest_relative_difference"]
    if about["numbers"] == "float32" and not difference <= TOLERANCE:
        raise RuntimeError(
            f"the C program differs from the network by {difference:.1e} relative to a row's"
            f" largest score, expected at most {TOLERANCE:.0e}; nothing was written"
        )
    if labels is not None:
        truth, own = labels.cpu(), torch.from_numpy(found[:, : right.shape[1]])
        verified["test_error"] = _error(own, truth)
        verified["test_error_of_the_library"] = _error(right, truth)
    return {"verified": verified}


def _error(scores: Tensor, labels: Tensor) -> float:
    """Error in %."""
    return 100 * float((scores.argmax(1) != labels).double().mean())
