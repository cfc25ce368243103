"""Activities [batch, *feature] and labels [batch] -> a further loss of a layer, over the batch.

A term is any callable of a layer's activities and the labels that returns a number, the mean over
the batch, or one number a sample [batch]; `Layer` adds it to the layer's own loss. A module's
weights are trained with the layer's. Activities are those of positives only.

``term`` is what the library's own share, ``contrast`` and ``similarity`` compare the samples of a
batch with each other.
"""

from forward_forward.terms.contrast import SupervisedContrast
from forward_forward.terms.similarity import SimilarityMatching
from forward_forward.terms.term import HasProgress as HasProgress
from forward_forward.terms.term import LocalTerm as LocalTerm
from forward_forward.terms.term import Term as Term
from forward_forward.terms.term import each_sample as each_sample

__all__ = ["SimilarityMatching", "SupervisedContrast"]
