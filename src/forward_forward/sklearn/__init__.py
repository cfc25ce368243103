"""X [n, features] -> scikit-learn estimators that are trained without backpropagation.

``parameters`` and ``inputs`` turn parameters and arrays into parts and tensors, ``estimator``
builds and trains the network, ``targets`` encodes labels, ``calibration`` turns goodness into
probabilities; ``classifier``, ``regressor``, ``transformer`` and ``detector`` are the estimators.

``onnx`` writes them, and pipelines that contain them, as one file, by ``graph`` (all that an
estimator computes), ``converter`` (its nodes for skl2onnx) and ``exported`` (the verified file);
``state`` is what a pickle or a file of skops holds, and lists the types to trust.
"""

from forward_forward.sklearn.classifier import FFClassifier
from forward_forward.sklearn.detector import FFDetector
from forward_forward.sklearn.onnx import to_onnx
from forward_forward.sklearn.regressor import FFRegressor
from forward_forward.sklearn.state import TRUSTED
from forward_forward.sklearn.transformer import FFTransformer

__all__ = ["TRUSTED", "FFClassifier", "FFDetector", "FFRegressor", "FFTransformer", "to_onnx"]
