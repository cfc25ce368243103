"""A trained network, samples [batch, ...] -> goodness of every label [batch, classes], errors.

The label whose candidate input makes the layers most active is the answer. ``scan`` looks at every
label of every sample, and at the softmax head; ``stages`` looks at few labels of few samples.
"""

from forward_forward.predict.evaluation import (
    added,
    count_errors,
    embeddings,
    errors_of,
    evaluate,
    familiarity,
)
from forward_forward.predict.two_stage_prediction import Report, TwoStage, two_stage

__all__ = [
    "Report",
    "TwoStage",
    "added",
    "count_errors",
    "embeddings",
    "errors_of",
    "evaluate",
    "familiarity",
    "two_stage",
]
