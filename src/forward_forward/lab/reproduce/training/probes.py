"""A network before or after training -> what the poster's figures show of it, in plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

from torch import Tensor

from forward_forward import diagnose, seeds
from forward_forward.forward import Network
from forward_forward.lab.reproduce.job import Split
from forward_forward.lab.reproduce.training.features import features
from forward_forward.lab.reproduce.training.pixels import signed

When = Literal["before", "after"]
LOOKED_AT = 2_000
SHOWN = 6


def probed(
    names: Iterable[str], network: Network, split: Split, seed: int, when: When
) -> dict[str, Any]:
    """What the probes of these names find, by name; only some look before training too.

    Args:
        names: "goodness", "labels" or "features".
        network: The network.
        split: Its data; probes look at validation images.
        seed: The job's; pictures are kept of seed 0 alone.
        when: Whether training is over.
    """
    found: dict[str, Any] = {}
    for name in names:
        if name == "goodness":
            found[f"goodness_{when}"] = goodness(network, split, seed)
        elif when == "after":
            found[name] = _AFTER[name](network, split, seed)
    return found


def goodness(network: Network, split: Split, seed: int) -> list[dict[str, Any]]:
    """Histograms of the goodness of positive and of negative data, one pair a layer (figure 1)."""
    x, y, _ = next(split.validation.batches(LOOKED_AT))
    return diagnose.histograms(network, x, y, seeds.generator(seed, "probe"))


def labels(network: Network, split: Split, seed: int) -> list[dict[str, Any]]:
    """Goodness of every label by layer for a few images, and the label that is read (figure 2)."""
    x, y, _ = next(split.validation.batches(LOOKED_AT))
    by_layer = network.goodness_by_layer(x)
    read = network.read(by_layer).argmax(1).cpu()
    wrong = (read != y.cpu()).nonzero()[:, 0][:2].tolist()
    right = (read == y.cpu()).nonzero()[:, 0][: SHOWN - len(wrong)].tolist()
    return [
        _labelled(x[row], int(y[row]), int(read[row]), by_layer[:, row]) for row in right + wrong
    ]


def _labelled(image: Tensor, true: int, chosen: int, by_layer: Tensor) -> dict[str, Any]:
    height, width = image.shape[-2:]
    values = [[round(float(value), 3) for value in layer] for layer in by_layer]
    return {
        "label": f"true {true}, read {chosen}",
        "height": height,
        "width": width,
        "pixels": signed(image.flatten()[: height * width].cpu().numpy()),
        "layers": [f"layer {index + 1}" for index in range(len(values))],
        "goodness": values,
        "sum": [round(sum(column), 3) for column in zip(*values, strict=True)],
        "chosen": chosen,
        "true": true,
    }


def first_features(network: Network, split: Split, seed: int) -> dict[str, Any]:
    """The first layer's weights, ranked by how much they look like a shape (Figure 5)."""
    found = features(network, split, seed)
    if seed != 0:
        found["images"] = []
    return found


_AFTER: dict[str, Callable[[Network, Split, int], Any]] = {
    "labels": labels,
    "features": first_features,
}
