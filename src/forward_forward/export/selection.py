"""A network, raw training samples [n, *shape] -> its predictors, each with the library's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from torch import Tensor

from forward_forward.data.batch import as_float
from forward_forward.examples import MultiLabel, NextSymbol, OrdinalBins
from forward_forward.export.predictors import OnePass, Scan, Scored, frozen
from forward_forward.export.torch_file import Run
from forward_forward.forward import Network
from forward_forward.predict import two_stage
from forward_forward.predict.two_stage_prediction import TwoStage

Predictor = Literal["scan", "one-pass", "both"]

MEANINGS = {
    "goodness": "goodness of every label, summed over the layers of the readout",
    "logits": "the softmax head's logits on the neutral input",
    "fitted": "linear scores of the activities on the neutral input, fitted to the goodness of the"
    " training samples less its mean; the highest is the predicted label, values have no unit",
}


@dataclass(frozen=True, eq=False)
class Selection:
    """A predictor that was selected for export.

    ``name`` is the file's, ``library`` computes the library's own scores of raw samples, and
    ``scored_by`` is a key of `MEANINGS`.
    """

    name: str
    module: Scan | OnePass
    library: Run
    scored_by: str


def select(network: Network, samples: Tensor, predictor: Predictor = "both") -> list[Selection]:
    """The predictors of a trained network; "both" skips the scan if the input contains no label.

    If the layers answer for every class, the scan is itself a single pass, and "both" means it.

    Without a head, the one-pass predictor is fitted to raw samples [n, *shape], about 10,000.

    Raises:
        ValueError: A scan was requested and there are no candidates, or a sample may have several
            labels, or the target is real-valued.
    """
    check_labels(network)
    network = frozen(network)
    found = []
    if predictor == "scan" or (predictor == "both" and network.examples.labelled):
        scan = Scan(network)
        found.append(Selection("scan", scan, _of_scores(scan.network.goodness), "goodness"))
    if predictor == "one-pass" or (predictor == "both" and not network.class_wise):
        found.append(_one_pass(network, samples))
    return found


def check_labels(network: Network) -> None:
    """Reject a network that does not predict one label per sample."""
    if isinstance(network.examples, MultiLabel):
        raise ValueError(
            "exported predictors return one label per sample, but this network predicts several:"
            " use network.predict"
        )
    if isinstance(network.examples, NextSymbol):
        raise ValueError(
            "exported predictors return one label per sample, but this network predicts the next"
            " symbol at every position: use network.predict or predict.continued"
        )
    if isinstance(network.examples, OrdinalBins):
        raise ValueError(
            "exported predictors return labels, but this network predicts numbers: use"
            " network.predict, or ff predict"
        )


def _of_scores(score: Callable[[Tensor], Tensor]) -> Run:
    """The library's own predictor of raw samples: scores, and the label of the highest."""

    def library(x: Tensor) -> Scored:
        scores = score(as_float(x))
        return scores, scores.argmax(1)

    return library


def _one_pass(network: Network, samples: Tensor) -> Selection:
    if network.head is not None:
        module = OnePass(network)
        library = _of_scores(partial(module.network.scores, by="head"))
        return Selection("one_pass", module, library, "logits")
    # The agreement decides the margin, which is not used: with 1 it needs no number of samples.
    ranking = two_stage(network, as_float(samples), agreement=1).ranking
    module = OnePass(network, ranking)
    library = _of_scores(TwoStage(module.network, ranking, margin=0).scores)
    return Selection("one_pass", module, library, "fitted")
