"""A trained network, samples [batch, ...] -> errors, activities, familiarity [batch]."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from forward_forward.data import Source, as_source
from forward_forward.examples import OrdinalBins
from forward_forward.examples.bins import check_kind
from forward_forward.forward import Network
from forward_forward.forward.arguments import refuse
from forward_forward.forward.layer_range import range_sums, ranges
from forward_forward.forward.network import Reading
from forward_forward.forward.passes import ROWS, ForwardPass
from forward_forward.forward.workspace import Workspace


def check_network(caller: str, network: object) -> None:
    """Reject what is no network, such as a run's folder."""
    if not isinstance(network, Network):
        refuse(caller, "a Network", network, "load one with ff.load(run)")


def embeddings(network: Network, x: Tensor) -> list[Tensor]:
    """Activities of every layer on the neutral input, each [batch, *feature]."""
    neutral = network.examples.neutral(network.ready(x))
    return [each.h for each in ForwardPass(network.layers).activities(neutral)]


def evaluate(
    network: Network, source: Any, *, batch_size: int | None = None
) -> dict[str, float | list[float]]:
    """Errors of a network on labelled data, in percent of the samples, or of all their labels.

    If the target is real-valued, root-mean-square errors in its units.

    Args:
        network: The network.
        source: The data, in any form that `data.as_source` reads.
        batch_size: Samples at a time; None for the source's own number.

    Returns:
        ``error`` by the network's own reading; with candidates, ``goodness_error`` and
        ``goodness_error_by_layer``, each layer read alone; with a head, ``head_error`` and
        ``head_error_by_layer``, for the layers it reads. If the target is real-valued, ``error``
        and ``rmse``, which are equal, and ``rmse_by_layer``.

    Raises:
        ValueError: The network predicts numbers and the data have classes, or the reverse.
    """
    source = as_source(source, num_classes=network.examples.num_classes)
    return errors_of(network, *count_errors(network, source, batch_size=batch_size))


Counts = tuple[dict[str, Tensor], float]
# Of each batch: samples [batch, ...], labels, weights [batch], the network's own scores.
Recorder = Callable[[Tensor, Tensor, Tensor, Tensor], None]
BY_RANGE = "goodness_error_by_range"  # of every range of layers: see `predict.choose_readout`
COMBINED = "combined_goodness_error"  # of readout="weighted" or "logistic"


def count_errors(
    network: Network,
    source: Source,
    part: tuple[int, int] = (0, 1),
    *,
    batch_size: int | None = None,
    record: Recorder | None = None,
) -> Counts:
    """What `errors_of` divides: weight of wrong samples by name, and of all samples.

    If the target is real-valued, weighted squared errors by name.

    Args:
        network: The network.
        source: The data.
        part: Which batches to count, ``(first, n)``: every n-th batch from the first one on.
        batch_size: Samples at a time; None for the source's own number.
        record: Called with the samples, labels, weights and scores of each batch; None if only the
            counts are of interest.
    """
    wrong: dict[str, Tensor] = {}
    total = 0.0
    batches = source.batches(source.batch_size if batch_size is None else batch_size)
    for x, y, weight in itertools.islice(batches, part[0], None, part[1]):
        y = y.to(network.device)
        weight = torch.ones(len(y)) if weight is None else weight
        check_kind(network.examples, real=y.is_floating_point())
        by_layer = _by_layer(network, x)
        for name, misses in _misses(network, by_layer, y):
            # Counted on the CPU in float64, which not every device has.
            missed = misses.cpu().double() @ weight.cpu().double()
            wrong[name] = wrong[name] + missed if name in wrong else missed
        if record is not None:
            record(x, y, weight, _own_scores(network, by_layer))
        total += float(weight.sum())
    return wrong, total


def _by_layer(network: Network, x: Tensor) -> dict[Reading, Tensor]:
    """What the network has of goodness and head logits, each [layers, batch, classes]."""
    found: dict[Reading, Tensor] = {}
    if network.examples.labelled:
        found["goodness"] = network.goodness_by_layer(x)
    if network.head is not None:
        found["head"] = network.head_logits_by_layer(x)
    return found


def _own_scores(network: Network, by_layer: Mapping[Reading, Tensor]) -> Tensor:
    """`Network.scores` [batch, classes] from what each layer adds to them."""
    own = by_layer[network.reading]
    return network.read(own) if network.reading == "goodness" else own.sum(0)


def added(counts: Sequence[Counts]) -> Counts:
    """The sums of the counts of several parts."""
    wrong: dict[str, Tensor] = {}
    for part, _ in counts:
        for name, missed in part.items():
            wrong[name] = wrong[name] + missed if name in wrong else missed
    return wrong, sum(total for _, total in counts)


def errors_of(
    network: Network, wrong: Mapping[str, Tensor], total: float
) -> dict[str, float | list[float]]:
    """Errors named as in `evaluate`, from counts."""
    if isinstance(network.examples, OrdinalBins):
        roots = {name: (squares / total).sqrt().tolist() for name, squares in wrong.items()}
        return {"error": roots["rmse"], **roots}
    errors = {name: (100 * missed / total).tolist() for name, missed in wrong.items()}
    if BY_RANGE in errors:
        by_range = dict(zip(ranges(len(network.layers)), errors.pop(BY_RANGE), strict=True))
        alone = [by_range[index, index + 1] for index in range(len(network.layers))]
        # Of fitted readouts counted by itself.
        own = errors.pop(COMBINED, by_range[network.readout])
        errors = {"goodness_error": own, "goodness_error_by_layer": alone} | errors
    return {"error": errors[f"{network.reading}_error"], **errors}


def _misses(
    network: Network, by_layer: Mapping[Reading, Tensor], y: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """The samples each reading gets wrong; with several labels, the fraction of each sample's.

    With a real-valued target, their squared errors.
    """

    def wrong(scores: Tensor) -> Tensor:
        misses = network.examples.decide(scores) != y
        return misses.float().mean(-1) if y.dim() == 2 else misses

    if isinstance(network.examples, OrdinalBins):
        goodness = by_layer["goodness"]
        for name, scores in (("rmse", network.read(goodness)), ("rmse_by_layer", goodness)):
            yield name, (network.examples.decide(scores) - y).square()
    elif "goodness" in by_layer:
        goodness = by_layer["goodness"]
        yield BY_RANGE, wrong(range_sums(goodness))
        if network.combination is not None:
            yield COMBINED, wrong(network.read(goodness))
    if "head" in by_layer:
        yield "head_error", wrong(by_layer["head"].sum(0))
        yield "head_error_by_layer", wrong(by_layer["head"])


def familiarity(network: Network, x: Tensor) -> Tensor:
    """Goodness of samples without a label: low for samples unlike the training data.

    Args:
        network: A network, preferably trained without labels (`HybridRows`, `HybridImages`); others
            give the goodness with the neutral label.
        x: Samples [batch, ...].

    Returns:
        Goodness minus threshold, divided by the temperature, summed over the layers of the readout
        [batch].

    Raises:
        ValueError: The layers answer for every class.

    >>> from forward_forward.examples import HybridRows
    >>> from forward_forward.forward import Layer, Network, SoftmaxHead
    >>> layer = Layer(torch.nn.Linear(4, 8), threshold="width")
    >>> net = Network(layer, examples=HybridRows(2), head=SoftmaxHead([8], 2, skip=0))
    >>> familiarity(net, torch.rand(3, 4)).shape
    torch.Size([3])
    """
    if network.class_wise:
        raise ValueError(
            "familiarity is one goodness per sample, but these layers answer for every class: train"
            " without labels, with HybridRows or HybridImages"
        )
    forward = ForwardPass(network.layers, workspace=Workspace())
    parts = []
    for part in torch.split(network.ready(x), ROWS):
        activities = forward.activities(network.examples.neutral(part))
        pairs = zip(network.layers, activities, strict=True)
        rated = torch.stack([layer.margin(layer.rate(each)) for layer, each in pairs])
        parts.append(rated[slice(*network.readout)].sum(0))
    return torch.cat(parts)
