"""Labels y [n], or [n, labels] of 0 and 1 -> class indices, sample weights and rows to hold out."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.model_selection import train_test_split
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight

from forward_forward.data.labels import label_values
from forward_forward.sklearn.inputs import Array


def is_multilabel(y: Array) -> bool:
    """Whether a sample may have several labels."""
    return bool(type_of_target(y) == "multilabel-indicator")


def plain_labels(y: Any) -> Any:
    """Labels of pandas' own types of numbers [n] or in a sparse matrix as arrays; others unchanged.

    Raises:
        ValueError: Labels are of several types, such as None among texts; the message names one.
    """
    if issparse(y):  # as scikit-learn stores several labels per sample
        return y.toarray()
    kind = getattr(y, "dtype", None)
    known = isinstance(kind, np.dtype) and kind.kind != "O"
    if known or (kind is None and not isinstance(y, list | tuple)):
        return y
    objects = np.asarray(y, dtype=object)
    if objects.ndim != 1 or (kind is None and all(isinstance(each, int | float) for each in y)):
        return y
    values = label_values(objects)
    return values if values.dtype.kind in "biuf" else y


def encode(y: Array, classes: Array | None) -> tuple[Array, Array]:
    """Labels as class indices.

    Args:
        y: Labels [n], or 0 and 1 [n, labels].
        classes: The classes [classes], sorted; None takes those in ``y``.

    Returns:
        Class indices [n], or 0 and 1 [n, labels]; and the classes, or the numbers of the labels.

    Raises:
        ValueError: There is only one class, or a label is not among the classes.

    >>> encode(np.array(["dog", "cat"]), None)[0]
    array([1, 0])
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    if y.ndim == 2 and not is_multilabel(y):
        raise ValueError(
            f"expected labels [n], or [n, labels] of 0 and 1, got {list(y.shape)} of"
            f" {type_of_target(y)} values: fit a classifier for each column, as"
            " sklearn.multioutput.MultiOutputClassifier does"
        )
    if is_multilabel(y):
        if classes is not None and len(classes) != y.shape[1]:
            raise ValueError(f"expected {len(classes)} labels per sample, got {y.shape[1]}")
        return np.asarray(y, dtype=np.int64), np.arange(y.shape[1])
    found = np.unique(y)
    classes = found if classes is None else classes
    if len(classes) < 2:
        raise ValueError(f"FFClassifier expects at least 2 classes, got 1 class: {found.tolist()}")
    new = np.setdiff1d(found, classes)
    if len(new):
        raise ValueError(
            f"expected labels among the classes {classes.tolist()}, with which warm_start and"
            f" partial_fit continue, got {new.tolist()[0]!r}: set warm_start=False, or"
            " give the first partial_fit all classes"
        )
    return np.searchsorted(classes, y), classes


def check_same_kind(targets: Array, *, multilabel: bool) -> None:
    """Reject several labels per sample for a network that predicts one, and the reverse."""
    if multilabel != (targets.ndim == 2):
        kinds = "one label per sample", "several labels per sample"
        raise ValueError(
            f"expected {kinds[multilabel]}, as the network was built for, got"
            f" {kinds[targets.ndim == 2]}: fit a new classifier"
        )


def sample_weights(X: Array, y: Array, sample_weight: Any, class_weight: Any) -> Array | None:
    """Weights of samples [n], multiplied by those of their classes; None if all are equal.

    Raises:
        ValueError: There is not one weight per sample, one is negative, or all are 0.
    """
    if sample_weight is None and class_weight is None:
        return None
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if isinstance(class_weight, dict) and any(not each >= 0 for each in class_weight.values()):
        raise ValueError(f"class_weight expects weights of 0 or more, got {class_weight}")
    if class_weight is not None:
        weight = weight * compute_sample_weight(class_weight, y)
    if not weight.any():
        raise ValueError("sample_weight expects a weight above 0, got only zeros")
    return weight  # type: ignore[no-any-return]


def train_and_holdout(
    targets: Array, fraction: float, random_state: Any, *, required: bool
) -> tuple[Array, Array]:
    """Rows to train on and to hold out, stratified by class; both are all if there are too few.

    Args:
        targets: Class indices [n], or 0 and 1 [n, labels].
        fraction: Fraction of the rows to hold out, 0 to below 1.
        random_state: Seed of the split.
        required: Whether too few rows are a ValueError.
    """
    rows = np.arange(len(targets))
    single = targets.ndim == 1
    counts = np.unique(targets, return_counts=True)[1] if single else np.array([len(targets)])
    count = round(fraction * len(rows))
    if count < len(counts) or counts.min() < 2:
        if required:
            raise ValueError(
                "early_stopping requires validation samples of every class, got"
                f" validation_fraction={fraction} of {len(rows)} samples: raise it, or set"
                " early_stopping=False"
            )
        return rows, rows
    options = {"random_state": random_state, "stratify": targets if single else None}
    train, holdout = train_test_split(rows, test_size=count, **options)
    return np.sort(train), np.sort(holdout)


def on_off(goodness: Array) -> Array:
    """Goodness of each label, on and off [n, labels, 2], from all candidates' [n, 2 labels]."""
    on, off = np.split(goodness, 2, axis=1)
    return np.stack([on, off], axis=2)
