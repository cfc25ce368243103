"""A trained network and samples [batch, ...] -> errors, embeddings, familiarity, fast labels.

``evaluation`` measures errors by the goodness of every label and by the softmax head;
``predictions`` keeps what it predicts for each sample, with probabilities by ``calibration``, and
``quality`` measures these; ``readout`` chooses the layers whose goodness is summed, and
``fitted_readout`` their weights; ``two_stage_prediction`` computes the goodness of few labels of
few samples; ``next_symbol`` measures predictions in bits and continues a text.
"""

from forward_forward.predict.evaluation import (
    Counts,
    added,
    count_errors,
    embeddings,
    errors_of,
    evaluate,
    familiarity,
)
from forward_forward.predict.fitted_readout import check_fit, fit_readout
from forward_forward.predict.next_symbol import bits, continued
from forward_forward.predict.predictions import Predictions, fitted_temperature, predictions
from forward_forward.predict.quality import quality
from forward_forward.predict.readout import (
    better_layer,
    choose_readout,
    read_from,
    readout_entries,
    readout_of,
)
from forward_forward.predict.two_stage_prediction import Report, TwoStage, two_stage

__all__ = [
    "Counts",
    "Predictions",
    "Report",
    "TwoStage",
    "added",
    "better_layer",
    "bits",
    "check_fit",
    "choose_readout",
    "continued",
    "count_errors",
    "embeddings",
    "errors_of",
    "evaluate",
    "familiarity",
    "fit_readout",
    "fitted_temperature",
    "predictions",
    "quality",
    "read_from",
    "readout_entries",
    "readout_of",
    "two_stage",
]
