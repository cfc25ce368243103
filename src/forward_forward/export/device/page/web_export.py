"""A network and raw samples [n, *shape] -> an HTML file in which the network goes on learning."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forward_forward import files
from forward_forward.data.batch import as_float
from forward_forward.examples import NoLabel
from forward_forward.export.arguments import check_whole, class_names
from forward_forward.export.device.c_export import RATE, scaling_of
from forward_forward.export.device.device_layer import Array, DeviceLayer
from forward_forward.export.device.kernel import BLOCK, kernel_file
from forward_forward.export.device.layers import channels_last, layers_of, map_of
from forward_forward.export.device.page.block import Block, block_of
from forward_forward.export.device.page.check import scores_in_node
from forward_forward.export.device.page.choice import chosen, features_of, picture_of
from forward_forward.export.device.page.html import page_text
from forward_forward.export.device.settings import (
    agreement,
    check_settings,
    record_of,
    spare_names,
)
from forward_forward.export.device.sizes import Sizes
from forward_forward.export.folder import MADE_BY
from forward_forward.export.predictors import frozen
from forward_forward.forward import Network

LIMIT = 2_000_000  # bytes of the file
CHECKED = 50  # samples on which the kernel is compared with the library
TOLERANCE = {"float32": 1e-4, "float16": 0.05}  # relative to a row's largest score


def web(
    network: Network,
    samples: Tensor,
    labels: Tensor,
    path: Path | str,
    *,
    classes: Sequence[str] | None = None,
    spare_classes: int = 0,
    rate: float = RATE,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Write a network as a page that predicts and goes on learning, in one HTML file.

    The file works from disk, without a server, and requests nothing. Weights are float32 if they
    fit into two million bytes, otherwise float16. If Node is installed, the page's kernel is
    compared with the library first; if they differ, nothing is written.

    Args:
        network: The trained network.
        samples: Raw training samples [n, *shape]: uint8 for pictures whose values are divided by
            255, otherwise floating-point numbers as the network was trained on. The page shows a
            few of each class.
        labels: Their labels [n].
        path: A file named .html, or a folder, which gets an index.html.
        classes: Names of the labels; by default their numbers.
        spare_classes: Classes that the network can learn besides, in the page.
        rate: Learning rate at the start, of plain SGD with one sample a step.
        say: Called with a line of text as each step begins.

    Returns:
        What was written: ``file``, ``bytes``, ``numbers``, the layers, how it was verified.

    Raises:
        NotForDevice: The kernel cannot compute a part of the network; a ValueError.
        RuntimeError: The kernel differs from the network.
        ValueError: A setting is invalid, the file would be too large, or another file is there.

    >>> from tempfile import mkdtemp
    >>> from forward_forward.forward import mlp
    >>> made = web(mlp(4, 8, num_classes=3), torch.rand(9, 4), torch.arange(9) % 3, mkdtemp())
    >>> made["numbers"], made["bytes"] < 100_000
    ('float32', True)
    """
    file = _file_of(Path(path))
    check_whole(network)
    check_settings(spare_classes, rate)
    _check_samples(network, samples, labels)
    network = frozen(network)
    names = class_names(network, classes) + spare_names(spare_classes)
    samples, labels = samples.cpu(), labels.cpu()
    layers = layers_of(network, samples.shape[1:], spare_classes)
    block, two_pass = _memory(network, layers, samples, len(names), spare_classes, rate)
    about = record_of(network, layers, names, spare_classes, rate)
    shown = _shown(network, samples, labels)
    for half in (False, True):
        parts = _parts(block, layers, about, two_pass=two_pass, half=half)
        about["numbers"] = "float16" if half else "float32"
        page = page_text(network, layers, about, parts, shown).encode()
        if len(page) <= LIMIT:
            break
    else:
        raise ValueError(
            f"the page would have {len(page):,} bytes, even with its {block.weights.size:,} weights"
            f" as float16; expected at most {LIMIT:,}: train a smaller network"
        )
    if about["numbers"] == "float16":
        say(f"weights are float16: as float32 they would not fit into {LIMIT:,} bytes")
    about["verified"] = _verified(network, samples[:CHECKED], parts, str(about["numbers"]), say)
    file.parent.mkdir(parents=True, exist_ok=True)
    files.write(file, page)
    return {"file": str(file), "bytes": len(page), "samples": len(shown["labels"]), **about}


def _file_of(path: Path) -> Path:
    """The file to write; one that is there must be an earlier export."""
    file = path if path.suffix == ".html" and not path.is_dir() else path / "index.html"
    if path.exists() and not path.is_dir() and file != path:
        raise ValueError(f"expected a folder or a name ending in .html, got a file: {str(path)!r}")
    if file.exists() and f'content="{MADE_BY} ' not in file.read_text(errors="replace")[:2000]:
        raise ValueError(
            f"{str(file)!r} is not a page of an earlier export and would be lost: choose another"
            " file or folder"
        )
    return file


def _check_samples(network: Network, samples: Tensor, labels: Tensor) -> None:
    count = network.examples.num_classes
    if samples.dim() < 2 or labels.shape != samples.shape[:1] or not len(samples):
        raise ValueError(
            "expected samples [n, *shape] and as many labels [n], got shapes"
            f" {list(samples.shape)} and {list(labels.shape)}"
        )
    if labels.is_floating_point() or not 0 <= int(labels.min()) <= int(labels.max()) < count:
        found = f"{labels.dtype} from {labels.min().item()} to {labels.max().item()}"
        raise ValueError(f"expected labels from 0 to {count - 1}, got {found}")


def _memory(
    network: Network,
    layers: Sequence[DeviceLayer],
    samples: Tensor,
    classes: int,
    spare: int,
    rate: float,
) -> tuple[Block, bool]:
    """The network's memory, and whether its layers are shown each label in turn."""
    two_pass = not isinstance(network.examples, NoLabel)
    sizes = Sizes(
        layers=layers,
        inputs=math.prod(samples.shape[1:]),
        classes=classes,
        numbers="float32",
        backprop=False,
        two_pass=two_pass,
        scaled=True,
    )
    scaling = scaling_of(network, map_of(samples.shape[1:]), samples.dtype == torch.uint8)
    return block_of(layers, sizes, scaling, spare=spare, rate=rate), two_pass


def _shown(network: Network, samples: Tensor, labels: Tensor) -> dict[str, Any]:
    """The samples that the page shows."""
    rows = chosen(network, samples, labels)
    picture = picture_of(samples)
    found = labels[rows].tolist()
    values: Array = channels_last(samples[rows])
    pixels = samples.dtype == torch.uint8
    return {
        "picture": picture,
        "features": [] if picture else features_of(samples),
        "labels": found,
        "rows": max(map(found.count, found)),
        "pixels": pixels,
        "values": _text(np.ascontiguousarray(values, np.uint8 if pixels else "<f4").tobytes()),
    }


def _parts(
    block: Block,
    layers: Sequence[DeviceLayer],
    about: dict[str, Any],
    *,
    two_pass: bool,
    half: bool,
) -> dict[str, Any]:
    """What the page's script loads: addresses, and the kernel and the memory in base64."""
    with np.errstate(over="ignore"):  # a weight that float16 cannot hold fails the comparison
        weights = block.weights.astype("<f2" if half else "<f4")
    return {
        "memory": {
            "block": BLOCK,
            "size": block.size,
            "sample": block.sample,
            "answer": block.answer,
            "inputs": block.inputs,
            "layers": len(layers),
            "classes": len(about["classes"]),
            "spare": about["spare_classes"],
            "half": half,
        },
        "kernel": _text(kernel_file(two_pass).read_bytes()),
        "head": _text(block.head),
        "weights": _text(weights.tobytes()),
    }


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _verified(
    network: Network,
    raw: Tensor,
    parts: dict[str, Any],
    numbers: str,
    say: Callable[[str], None],
) -> dict[str, Any] | None:
    """How far the kernel's scores are from the network's; None without Node."""
    say("comparing the page's kernel with the network")
    found = scores_in_node(parts, channels_last(raw))
    if found is None:
        say("not verified: this machine has no Node (node)")
        return None
    checked = agreement(found, network.goodness(as_float(raw)))
    difference = checked["largest_relative_difference"]
    if not difference <= TOLERANCE[numbers]:
        raise RuntimeError(
            f"the page's kernel differs from the network by {difference:.1e} relative to a row's"
            f" largest score, expected at most {TOLERANCE[numbers]:.0e}; nothing was written"
        )
    return checked
