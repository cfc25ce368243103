"""A network before or after training -> what the poster's figures show of it, in plain values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from torch import Tensor

from forward_forward import diagnose, seeds
from forward_forward.forward import Network
from forward_forward.lab.reproduce.job import Split
from forward_forward.lab.reproduce.training.features import sensible_features

When = Literal["before", "after"]
IMAGES = 2_000
SHOWN = 6


def probed(
    names: Iterable[str], network: Network, split: Split, seed: int, when: When
) -> dict[str, Any]:
    """The findings of probes, by name; all read validation images, and keep some for seed 0 only.

    ``goodness``: histograms of positive and negative data, one pair per layer (Figure 1; before
    training too). ``labels``: the goodness of every label for a few images (Figure 2).
    ``features``: how sensible the first layer's weights are (Figure 5).
    """
    x, y, _ = next(split.validation.batches(IMAGES))
    found: dict[str, Any] = {}
    for name in names:
        if name == "goodness":
            rng = seeds.generator(seed, "probe")
            found[f"goodness_{when}"] = diagnose.histograms(network, x, y, rng)
        elif when == "after" and name == "labels":
            found[name] = _labels(network, x, y)
        elif when == "after":
            found[name] = sensible_features(network, split, seed)
            if seed != 0:
                found[name]["images"] = []
    return found


def _labels(network: Network, x: Tensor, y: Tensor) -> list[dict[str, Any]]:
    by_layer = network.goodness_by_layer(x)
    read = network.read(by_layer).argmax(1).cpu()
    wrong = (read != y.cpu()).nonzero()[:, 0][:2].tolist()
    right = (read == y.cpu()).nonzero()[:, 0][: SHOWN - len(wrong)].tolist()
    rows = right + wrong
    return [_labelled(x[row], int(y[row]), int(read[row]), by_layer[:, row]) for row in rows]


def _labelled(image: Tensor, true: int, chosen: int, by_layer: Tensor) -> dict[str, Any]:
    height, width = image.shape[-2:]
    values = [[round(float(value), 3) for value in layer] for layer in by_layer]
    return {
        "label": f"true {true}, read {chosen}",
        "height": height,
        "width": width,
        "pixels": diagnose.signed_base64(image.flatten()[: height * width].cpu().numpy()),
        "layers": [f"layer {index + 1}" for index in range(len(values))],
        "goodness": values,
        "sum": [round(sum(column), 3) for column in zip(*values, strict=True)],
        "chosen": chosen,
        "true": true,
    }
