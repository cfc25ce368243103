"""X [n, features], dense, sparse or a frame with categories and gaps -> numbers [n, inputs]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.impute import SimpleImputer

from forward_forward.sklearn.inputs import Array

Categories = Mapping[int, Any]  # by the column's place; pandas' type, which lists its categories


def categories_of(X: Any) -> Categories:
    """The columns of categories in a frame of pandas; none in other data.

    Raises:
        ValueError: A column holds dates or text.
    """
    _check_columns(X)
    kinds = [getattr(kind, "categories", None) for kind in getattr(X, "dtypes", ())]
    found = {place for place, categories in enumerate(kinds) if categories is not None}
    return {place: X.dtypes.iloc[place] for place in sorted(found)}


def _check_columns(X: Any) -> None:
    """Reject columns of a frame of pandas whose values are no numbers, by their names."""
    for name, kind in zip(getattr(X, "columns", ()), getattr(X, "dtypes", ()), strict=False):
        found = fix = ""
        if getattr(kind, "kind", "") in ("M", "m"):
            found, fix = "dates or times", f"use numbers, such as X[{name!r}].dt.year"
        elif str(kind) in ("object", "str", "string") and not _are_numbers(X[name]):
            found, fix = "text", f"use X[{name!r}].astype('category')"
        if found:
            raise ValueError(
                f"expected columns of numbers or categories, got {found} in column {name!r}: {fix}"
            )


def _are_numbers(column: Any) -> bool:
    """Whether scikit-learn can read all values of a column as numbers."""
    try:
        np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return True


def with_codes(X: Any, categories: Categories) -> Any:
    """A frame with its categories as their numbers; NaN for missing and unknown ones."""
    if not categories or not hasattr(X, "iloc"):
        return X
    X = X.copy()
    for place, kind in categories.items():
        if place < X.shape[1]:  # else scikit-learn says how many columns it expects
            codes = kind.categories.get_indexer(X.iloc[:, place])
            X.isetitem(place, np.where(codes < 0, np.nan, codes))
    return X


class Features:
    """Turns features [n, features] into a network's inputs [n, inputs], as in training.

    A category becomes a value of 1 in a column of its own, and 0 in all of them if it is missing or
    was not known in training. Other missing values become the mean of their column, and each column
    that had some in training has another one that marks them.

    Args:
        X: Features to train on [n, features], with the codes of categories.
        categories: The columns of categories.
        centre: Whether to subtract the means of the training samples, in float64: float32 cannot
            tell large features apart.
    """

    def __init__(self, X: Any, categories: Categories, *, centre: bool) -> None:
        self.categories = categories
        x = self._one_hot(X)
        self.imputer = SimpleImputer(add_indicator=True, keep_empty_features=True).fit(x)
        filled = self._filled(x)
        self.means = filled.mean(0) if centre else np.zeros(filled.shape[1])

    def __getstate__(self) -> dict[str, Any]:
        """The attributes in plain values: pandas' types of categories as lists."""
        categories = {place: kind.categories.tolist() for place, kind in self.categories.items()}
        return {**vars(self), "categories": categories}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.categories = {place: _kind(each) for place, each in state["categories"].items()}

    @property
    def steps(self) -> list[str]:
        """What it does to features, in words."""
        done = {
            "turns categories into numbers": bool(self.categories),
            "marks missing values": len(self.imputer.indicator_.features_) > 0,
            "subtracts means": bool(self.means.any()),
        }
        return [step for step, does in done.items() if does]

    def __call__(self, X: Any) -> Array:
        """Inputs of the network [n, inputs], in new memory."""
        centred: Array = self._filled(self._one_hot(X)) - self.means
        return centred

    def _one_hot(self, X: Any) -> Array:
        x: Array = X.toarray() if issparse(X) else X
        if not self.categories:
            return x
        parts = [
            x[:, [place]] == np.arange(len(self.categories[place].categories))
            if place in self.categories
            else x[:, [place]]
            for place in range(x.shape[1])
        ]
        return np.concatenate(parts, axis=1, dtype=np.float64)

    def _filled(self, x: Array) -> Array:
        if not len(self.imputer.indicator_.features_) and not np.isnan(x).any():
            return x
        filled: Array = self.imputer.transform(x)
        return filled


def _kind(categories: Any) -> Any:
    """The type of a list of categories, as pandas has it; a pickle may hold the type itself."""
    import pandas as pd

    return pd.CategoricalDtype(categories) if isinstance(categories, list) else categories
