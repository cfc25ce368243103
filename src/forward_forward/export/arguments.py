"""The arguments that every export takes -> checked."""

from __future__ import annotations

from collections.abc import Sequence

from forward_forward.forward import Network


def check_whole(network: Network) -> None:
    """Refuse the network of an estimator: without the rest, its files would predict otherwise."""
    if network.outside is not None:
        raise ValueError(
            f"expected a network that predicts alone, got a part of {network.outside}: use the"
            " estimator's to_onnx(path), or forward_forward.sklearn.to_onnx for its pipeline"
        )


def class_names(network: Network, classes: Sequence[str] | None) -> list[str]:
    """The names of a network's classes, by default their numbers."""
    count = network.examples.num_classes
    names = [*map(str, range(count))] if classes is None else [*classes]
    if len(names) != count:
        raise ValueError(f"the network has {count} classes, got {len(names)} names: name each one")
    return names
