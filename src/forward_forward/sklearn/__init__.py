"""X [n, features] -> scikit-learn estimators that are trained without backpropagation.

``parameters`` and ``inputs`` turn parameters and arrays into parts and tensors, ``estimator``
builds and trains the network, ``targets`` encodes labels, ``calibration`` turns goodness into
probabilities; ``classifier``, ``regressor``, ``transformer`` and ``detector`` are the estimators.
"""

from forward_forward.sklearn.classifier import FFClassifier
from forward_forward.sklearn.detector import FFDetector
from forward_forward.sklearn.regressor import FFRegressor
from forward_forward.sklearn.transformer import FFTransformer

__all__ = ["FFClassifier", "FFDetector", "FFRegressor", "FFTransformer"]
