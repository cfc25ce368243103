"""A trained network and a text -> bits a symbol of every layer, and further symbols."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from forward_forward import seeds
from forward_forward.data import Source, Text
from forward_forward.examples import NextSymbol, NoLabel
from forward_forward.forward import Network
from forward_forward.predict.evaluation import check_network


def bits(
    network: Network, source: Source, *, batch_size: int | None = None
) -> dict[str, float | list[float]]:
    """Mean cross-entropy of a network's predictions, in bits a symbol, or a sample.

    A layer's prediction is the softmax of its goodness over the temperature: what it learns by
    `losses.CrossEntropy`. The sum of several layers' goodness is too certain, so their prediction
    is the softmax of the mean, which has the same most likely symbol.

    Args:
        network: A network whose layers answer for every class.
        source: The data.
        batch_size: Samples at a time; None for the source's own number.

    Returns:
        ``bits`` by the mean of the layers of the readout, and ``bits_by_layer``.

    Raises:
        ValueError: The layers do not answer for every class.
    """
    _check(network, NoLabel, "bits needs layers that answer for every class")
    total, weights = torch.zeros(len(network.layers) + 1, dtype=torch.float64), 0.0
    for x, y, weight in source.batches(source.batch_size if batch_size is None else batch_size):
        read, every = _logits(network, x)
        labels = y.to(network.device)
        found = torch.stack([_surprise(each, labels) for each in (read, *every)])
        weight = torch.ones(len(x)) if weight is None else weight
        total += found.cpu().double() @ weight.cpu().double()
        weights += float(weight.sum())
    overall, *by_layer = (total / weights / math.log(2)).tolist()
    return {"bits": overall, "bits_by_layer": by_layer}


def continued(
    network: Network,
    text: Text,
    prompt: str,
    length: int,
    *,
    temperature: float = 1.0,
    seed: int = 0,
) -> str:
    """A text with further symbols, drawn one by one from the network's predictions.

    Args:
        network: A network that predicts the next symbol.
        text: A text with the network's alphabet and window, such as the one it learned from.
        prompt: The beginning, at least one symbol.
        length: How many symbols to add.
        temperature: Divides the mean goodness of the layers of the readout, positive: low ones
            give the most likely symbols, high ones any.
        seed: Seed of the draws.

    Raises:
        ValueError: The network predicts no symbols, or there is no prompt.
    """
    _check(network, NextSymbol, "continued needs a network that predicts the next symbol")
    if not prompt or not temperature > 0:
        raise ValueError(
            "continued expects a prompt of a symbol or more and a temperature above 0, got"
            f" {prompt!r} and {temperature}"
        )
    rng = seeds.generator(seed, "continued")
    numbers = text.encode(prompt)
    for _ in range(length):
        window = numbers[None, -text.window :].float()
        mean, _ = _logits(network, window)
        likely = (mean[0, -1].cpu().double() / temperature).softmax(0)
        numbers = torch.cat([numbers, torch.multinomial(likely, 1, generator=rng)])
    return text.decode(numbers)


def _logits(network: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    """The mean logits of the layers that are read, and those of every layer."""
    goodness = network.goodness_by_layer(x)
    pairs = zip(network.layers, goodness, strict=True)
    every = torch.stack([each / layer.temperature for layer, each in pairs])
    if network.combination is not None:  # its scores are logits, fitted to their cross-entropy
        return network.read(goodness), every
    return network.read(every) / len(range(*network.readout)), every


def _surprise(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each sample [batch], in nats, over all of its positions."""
    each = functional.cross_entropy(logits.flatten(0, -2), labels.flatten(), reduction="none").view(
        labels.shape
    )
    return each.flatten(1).mean(1) if each.dim() > 1 else each


def _check(network: Network, kind: type[NoLabel], what: str) -> None:
    check_network(what.partition(" ")[0], network)
    if not isinstance(network.examples, kind):
        raise ValueError(
            f"{what}, got {network.examples!r}: build it with examples={kind.__name__}(...)"
        )
