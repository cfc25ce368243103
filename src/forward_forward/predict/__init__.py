"""A trained network, samples [batch, ...] -> goodness of every label [batch, classes], errors.

The label whose candidate input makes the layers most active is the answer. ``scan`` looks at every
label of every sample, and at the softmax head; ``stages`` looks at few labels of few samples.
"""

from forward_forward.predict.evaluation import (
    ROWS,
    added,
    count_errors,
    embeddings,
    errors_of,
    evaluate,
    familiarity,
    goodness_by_layer,
    head_logits_by_layer,
)
from forward_forward.predict.two_stage_prediction import Report, TwoStage, two_stage

__all__ = [
    "ROWS",
    "Report",
    "TwoStage",
    "added",
    "count_errors",
    "embeddings",
    "errors_of",
    "evaluate",
    "familiarity",
    "goodness_by_layer",
    "head_logits_by_layer",
    "two_stage",
]
