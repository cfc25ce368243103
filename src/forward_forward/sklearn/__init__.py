"""X [n, features] -> scikit-learn's estimators, trained without backpropagation.

``estimator`` trains a network by an estimator's parameters, ``calibration`` makes probabilities of
goodness; ``classifier``, ``transformer`` and ``detector`` are what they make.
"""

from forward_forward.sklearn.classifier import FFClassifier
from forward_forward.sklearn.detector import FFDetector
from forward_forward.sklearn.transformer import FFTransformer

__all__ = ["FFClassifier", "FFDetector", "FFTransformer"]
