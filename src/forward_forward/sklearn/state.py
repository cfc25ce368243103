"""An estimator's attributes <-> plain values and arrays, as pickle and skops write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from forward_forward.forward import Network
from forward_forward.forward.description import build, describe
from forward_forward.sklearn.features import Features

# What `skops.io.load` must be told to trust, in full: the estimators, and what they consist of.
TRUSTED = [
    "forward_forward.examples.bins.OrdinalBins",
    "forward_forward.sklearn.classifier.FFClassifier",
    "forward_forward.sklearn.detector.FFDetector",
    "forward_forward.sklearn.features.Features",
    "forward_forward.sklearn.regressor.FFRegressor",
    "forward_forward.sklearn.transformer.FFTransformer",
    "numpy.dtype",  # of scikit-learn's SimpleImputer
]


def plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes with the network as its description and arrays, the trainer's state as arrays.

    A network with user-defined code stays as it is, which pickle can write and skops cannot.
    """
    made = dict(state)
    network = made.get("network_")
    if network is not None:
        text = json.dumps(describe(network))
        if _complete(text):
            made["network_"] = {
                "description": text,
                "weights": _arrays(network.state_dict()),
                "outside": network.outside,
            }
    if "_trainer_state" in made:
        tensors, numbers = made["_trainer_state"]
        made["_trainer_state"] = _arrays(tensors), numbers
    return made


def restored(state: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of `plain`, or of a pickle from before there was one, as an estimator's."""
    made = dict(state)
    network = made.get("network_")
    if isinstance(network, dict):
        made["network_"] = _network(**network)
    elif network is not None:
        _check_current(network)
    if "_trainer_state" in made:
        tensors, numbers = made["_trainer_state"]
        copies = {name: torch.as_tensor(each).clone() for name, each in tensors.items()}
        made["_trainer_state"] = copies, numbers
    if "_means" in made:  # before there were `Features`
        made["_inputs_of"] = Features(made.pop("_means")[None], {}, centre=True)
    return made


def _complete(description: str) -> bool:
    """Whether the network of a description is the same, so that nothing in it is user-defined."""
    try:
        return json.dumps(describe(build(json.loads(description)))) == description
    except ValueError:
        return False


def _check_current(network: Network) -> None:
    """Refuse the network of an earlier pickle if its parts lack what they have now.

    Raises:
        ValueError: They do.
    """
    try:
        describe(network)
    except AttributeError as error:
        raise ValueError(
            "expected an estimator that this version can read, got a pickle of an earlier one"
            f" ({error}): fit it again, or load it with the version that wrote it"
        ) from error


def _network(description: str, weights: Mapping[str, Any], outside: str | None) -> Network:
    network = build(json.loads(description))
    tensors = {name: torch.from_numpy(each) for name, each in weights.items()}
    floating = next(each.dtype for each in tensors.values() if each.is_floating_point())
    network.to(floating).load_state_dict(tensors)
    network.outside = outside
    return network.eval()


def _arrays(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    return {name: each.detach().cpu().numpy() for name, each in tensors.items()}
