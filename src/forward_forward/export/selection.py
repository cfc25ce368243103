"""A network, raw training samples [n, *shape] -> its predictors, each beside the library's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from forward_forward.data.batch import as_float
from forward_forward.examples import MultiLabel
from forward_forward.export.predictors import OnePass, Scan, Scored, frozen
from forward_forward.export.torch_file import Run
from forward_forward.forward import Network
from forward_forward.predict import two_stage
from forward_forward.predict.two_stage_prediction import Ranking, TwoStage

Predictor = Literal["scan", "one-pass", "both"]

MEANINGS = {
    "goodness": "goodness of every label, summed over the layers of the readout",
    "logits": "the softmax head's logits on the neutral input",
    "fitted": "linear scores of the neutral input's activities, fitted to the goodness of the"
    " training samples less its mean; the best is the likely label, their size means nothing",
}


@dataclass(frozen=True, eq=False)
class Served:
    """A predictor that is to be exported.

    ``name`` is the file's, ``library`` gives what the library itself says of raw samples, and
    ``scored_by`` is a key of `MEANINGS`.
    """

    name: str
    module: Scan | OnePass
    library: Run
    scored_by: str


def served(network: Network, samples: Tensor, predictor: Predictor = "both") -> list[Served]:
    """The predictors of a network.

    Args:
        network: The network, trained.
        samples: Raw training samples [n, *shape], about 10,000; without a head, the one-pass
            predictor is fitted to them.
        predictor: Which; "both" leaves the scan out where no label is in the input.

    Raises:
        ValueError: A scan was asked for and there are no candidates, or a sample may have several
            labels.
    """
    if isinstance(network.examples, MultiLabel):
        raise ValueError(
            "the exported predictors give one label a sample, got a network of several: predict"
            " with network.predict"
        )
    network = frozen(network)
    found = []
    if predictor == "scan" or (predictor == "both" and network.examples.labelled):
        found.append(_scan(Scan(network)))
    if predictor != "scan":
        found.append(_one_pass(network, samples))
    return found


def _scan(module: Scan) -> Served:
    def library(x: Tensor) -> Scored:
        goodness = module.network.goodness(as_float(x))
        return goodness, goodness.argmax(1)

    return Served("scan", module, library, "goodness")


def _one_pass(network: Network, samples: Tensor) -> Served:
    if network.head is not None:
        module = OnePass(network)

        def by_head(x: Tensor) -> Scored:
            logits = module.network.scores(as_float(x), by="head")
            return logits, logits.argmax(1)

        return Served("one_pass", module, by_head, "logits")
    ranking = fitted(network, samples)
    module = OnePass(network, ranking)
    stages = TwoStage(module.network, ranking, margin=0)

    def by_ranking(x: Tensor) -> Scored:
        scores = stages.scores(as_float(x))
        return scores, scores.argmax(1)

    return Served("one_pass", module, by_ranking, "fitted")


def fitted(network: Network, samples: Tensor) -> Ranking:
    """The first stage of `two_stage`, fitted to the scan of raw samples [n, *shape]."""
    # An agreement of 1 asks for no number of samples: it decides the margin, which is not used.
    return two_stage(network, as_float(samples), agreement=1).ranking
