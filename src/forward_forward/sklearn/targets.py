"""Labels y [n], or [n, labels] of 0 and 1 -> places among the classes, and rows to hold out."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.model_selection import train_test_split
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight

from forward_forward.sklearn.estimator import Array


def several(y: Array) -> bool:
    """Whether a sample may have several labels."""
    return bool(type_of_target(y) == "multilabel-indicator")


def dense(y: Any) -> Any:
    """Labels as an array, where scikit-learn keeps those of many samples as a sparse matrix."""
    return y.toarray() if issparse(y) else y


def places_of(y: Array, known: Array | None) -> tuple[Array, Array]:
    """Labels as places among the classes.

    Args:
        y: Labels [n], or 0 and 1 [n, labels].
        known: The classes [classes]; None finds them.

    Returns:
        Places [n], or 0 and 1 [n, labels]; and the classes, of several labels their numbers.

    Raises:
        ValueError: There is one class alone, or a label that is not known.

    >>> places_of(np.array(["dog", "cat"]), None)[0]
    array([1, 0])
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    check_classification_targets(y)
    if y.ndim == 2 and not several(y):
        raise ValueError(
            f"expected labels [n], or [n, labels] of 0 and 1, got {list(y.shape)} of"
            f" {type_of_target(y)} values: fit a classifier for each column, as"
            " sklearn.multioutput.MultiOutputClassifier does"
        )
    if several(y):
        if known is not None and len(known) != y.shape[1]:
            raise ValueError(f"expected {len(known)} labels a sample, got {y.shape[1]}")
        return np.asarray(y, dtype=np.int64), np.arange(y.shape[1])
    found = np.unique(y)
    classes = found if known is None else known
    if len(classes) < 2:
        raise ValueError(f"FFClassifier expects 2 or more classes, got 1 class alone: {found[0]!r}")
    new = np.setdiff1d(found, classes)
    if len(new):
        raise ValueError(f"expected labels among {classes}, got {new[0]!r}")
    return np.searchsorted(classes, y), classes


def check_kind(places: Array, *, several_before: bool) -> None:
    """Refuse several labels a sample in a network that tells one, and one where it tells several.

    Raises:
        ValueError: The labels are of the other kind.
    """
    if several_before != (places.ndim == 2):
        kinds = "one label a sample", "several labels a sample"
        raise ValueError(
            f"expected {kinds[several_before]}, as the network was made for, got"
            f" {kinds[places.ndim == 2]}: fit a new one"
        )


def weights_of(X: Array, y: Array, sample_weight: Any, class_weight: Any) -> Array | None:
    """Weights of samples [n], those of their classes in them; None where all are equal.

    Raises:
        ValueError: They are not one a sample and 0 or more, or all are 0.
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


def parted(
    places: Array, fraction: float, random_state: Any, *, needed: bool
) -> tuple[Array, Array]:
    """Rows to train on and rows held out; all rows twice where too few are there to be parted.

    Args:
        places: Labels as places [n], or 0 and 1 [n, labels].
        fraction: Of the rows that is held out, 0 to below 1.
        random_state: Of the draw, which is class by class.
        needed: Whether rows that are trained on cannot stand in for those held out.

    Raises:
        ValueError: They are needed, and there are too few.
    """
    rows = np.arange(len(places))
    one = places.ndim == 1
    counts = np.bincount(places) if one else np.array([len(places)])
    counts = counts[counts > 0]
    count = round(fraction * len(rows))
    if count < len(counts) or counts.min() < 2:
        if needed:
            raise ValueError(
                "early_stopping expects samples of every class to validate on, got"
                f" validation_fraction={fraction} of {len(rows)} samples: raise it, or set"
                " early_stopping=False"
            )
        return rows, rows
    stratify = places if one else None
    kept, held = train_test_split(
        rows, test_size=count, random_state=random_state, stratify=stratify
    )
    return np.sort(kept), np.sort(held)


def by_label(goodness: Array) -> Array:
    """Goodness of each label on and off [n, labels, 2] from the candidates' [n, 2 labels]."""
    on, off = np.split(goodness, 2, axis=1)
    return np.stack([on, off], axis=2)
