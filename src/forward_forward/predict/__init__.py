"""A trained network and samples [batch, ...] -> errors, embeddings, familiarity, fast labels.

``evaluation`` measures errors by the goodness of every label and by the softmax head;
``two_stage_prediction`` computes the goodness of few labels of few samples; ``next_symbol``
measures predictions in bits and continues a text.
"""

from forward_forward.predict.evaluation import (
    added,
    count_errors,
    embeddings,
    errors_of,
    evaluate,
    familiarity,
)
from forward_forward.predict.next_symbol import bits, continued
from forward_forward.predict.two_stage_prediction import Report, TwoStage, two_stage

__all__ = [
    "Report",
    "TwoStage",
    "added",
    "bits",
    "continued",
    "count_errors",
    "embeddings",
    "errors_of",
    "evaluate",
    "familiarity",
    "two_stage",
]
