"""``hf:NAME``, a set of Hugging Face -> its parts: (X, y) of pictures or arrays, or frames."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forward_forward.data.arrays import LABELS, PARTS, as_pictures
from forward_forward.data.pictures.decode import as_array
from forward_forward.data.pictures.folder import Size, sides_of
from forward_forward.datasets.fetch import DataUnavailable

HUB = "hf:"
NAMED = (*LABELS, "class")
FORM = "expected hf:NAME or hf:NAME:CONFIG, such as hf:ylecun/mnist, or hf:FOLDER, such as hf:./set"
UNLABELLED = -1  # the class of a sample whose class is not published


def is_hub(name: str) -> bool:
    """Whether a name is that of a set of Hugging Face, or of a folder of one.

    >>> is_hub("hf:ylecun/mnist"), is_hub("hf:./set"), is_hub("mnist")
    (True, True, False)
    """
    return name.startswith(HUB)


def absolute_hub(name: str) -> str:
    """The name of a folder as one that is valid from any folder; other names unchanged."""
    place = os.path.expanduser(name.removeprefix(HUB))
    return f"{HUB}{os.path.abspath(place)}" if os.path.isdir(place) else name


@dataclass(frozen=True)
class HubSet:
    """An open set of Hugging Face: its parts, and which columns are inputs and labels.

    Attributes:
        parts: By "train", and "validation" and "test" if there are any.
        target: The column of labels.
        inputs: The column of pictures or arrays, or all columns of a table.
        kind: "pictures", "arrays" or "table".
        classes: Their names, if the set has them.
        notes: What was decided while reading, for the user to check.
    """

    parts: Mapping[str, Any]
    target: str
    inputs: tuple[str, ...]
    kind: str
    classes: tuple[str, ...] | None
    notes: tuple[str, ...]

    def read(self, part: str, size: Size = None, channels: int | None = None) -> Any:
        """A part as (X, y), or as a frame if the set is a table.

        Args:
            part: Its name in ``parts``.
            size: (height, width) or one side that pictures are scaled to.
            channels: 1 or 3, of pictures; None takes 1 if all of them are grey.

        Raises:
            ValueError: Samples are missing, or differ in shape; the message names the row.
        """
        found = self.parts[part]
        if self.kind == "table":
            return self._frame(found)
        labels = self._named(found, self.target)
        for row, label in enumerate(labels):
            if label is None:
                raise ValueError(
                    f"{part}, row {row}: expected a label, got none: leave out the row"
                )
        if self.kind == "pictures":
            return _pictures(found, part, self.inputs[0], size, channels), labels
        x = found.with_format("numpy")[:][self.inputs[0]]
        if not isinstance(x, np.ndarray) or x.dtype == object:
            expected = f"expected arrays of one shape in the column {self.inputs[0]!r} of {part}"
            raise ValueError(f"{expected}, got several: resize or pad them")
        # The library returns bytes as int64, and only bytes are taken for pixels.
        is_bytes = _innermost(found.features[self.inputs[0]]).dtype == "uint8"
        return as_pictures(x.astype(np.uint8) if is_bytes else x), labels

    def _frame(self, found: Any) -> Any:
        frame = found.select_columns([*self.inputs, self.target]).to_pandas()
        for name in frame:
            if getattr(found.features[name], "names", None):
                frame[name] = self._named(found, name)
        return frame

    def _named(self, found: Any, column: str) -> list[Any]:
        """A column's values, with the names of classes in place of their numbers."""
        values = found.with_format(None)[:][column]
        if not (names := getattr(found.features[column], "names", None)):
            return list(values)
        return [None if each in (None, UNLABELLED) else names[each] for each in values]


def open_hub(name: str, target: str | int | None = None, drop: Sequence[str | int] = ()) -> HubSet:
    """Open a set of Hugging Face, downloaded once by its library, or from a folder.

    Args:
        name: ``hf:NAME`` or ``hf:NAME:CONFIG``; or ``hf:FOLDER`` that ``save_to_disk`` wrote.
        target: The column of labels; None takes one called label, target, class or y, or else the
            only one that has the names of classes.
        drop: Columns that are no inputs.

    Returns:
        The set. Inputs are its column of pictures; or else its column of arrays; or else all
        columns of numbers and texts, as a table.

    Raises:
        ImportError: The package datasets is missing.
        DataUnavailable: Hugging Face has no such set, or cannot be reached.
        ValueError: There is no such column, or the set has no inputs or labels that can be read.

    >>> open_hub("hf:ylecun/mnist").kind  # doctest: +SKIP
    'pictures'
    """
    notes: list[str] = []
    parts = _parts(name, _opened(name), notes)
    features = parts["train"].features
    labels = _target(name, features, target)
    for each in drop:
        _known(name, features, each, "columns to leave out (drop)")
    kinds = {
        each: _kind(feature)
        for each, feature in features.items()
        if each != labels and each not in {*map(str, drop)}
    }
    kind, inputs = _inputs(name, kinds)
    if others := [each for each in kinds if each not in inputs]:
        notes.append(f"inputs are the {kind} in {inputs[0]!r}; left out: {', '.join(others)}")
    names = getattr(features[labels], "names", None)
    labelled = {part: each for part, each in parts.items() if _has_labels(each, labels, names)}
    if "train" not in labelled:
        fix = "name another column with --target (target=...)"
        raise ValueError(f"expected labels to train on in {name!r}, got none in {labels!r}: {fix}")
    unlabelled = [part for part in parts if part not in labelled]
    notes += [f"the {part} part has no labels and is not used" for part in unlabelled]
    classes = None if names is None else tuple(names)
    return HubSet(labelled, labels, inputs, kind, classes, tuple(notes))


def _opened(name: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        fix = 'pip install "forward-forward[hf]"'
        raise ImportError(f"sets of Hugging Face need the package datasets: {fix}") from error
    place = os.path.expanduser(name.removeprefix(HUB))
    title, _, config = place.partition(":")
    if not title:
        raise ValueError(f"{FORM}, got {name!r}")
    if os.path.isdir(place):
        try:
            return datasets.load_from_disk(place)
        except (OSError, ValueError, KeyError) as error:
            fix = "for a folder of pictures or a table, leave out hf:"
            expected = "expected a folder that save_to_disk of Hugging Face's datasets wrote"
            raise ValueError(f"{expected}, got {place!r}: {fix}") from error
    if os.path.isabs(place) or place.startswith((".", os.sep)):
        raise ValueError(f"{FORM}, got {name!r}, which does not exist: check the path")
    try:
        return datasets.load_dataset(title, config or None)
    except (OSError, ValueError, RuntimeError) as error:
        why = textwrap.shorten(f"{type(error).__name__}: {error}", 400, placeholder=" ...")
        raise DataUnavailable(
            f"{name} could not be read from Hugging Face ({why}): check the name at"
            " https://huggingface.co/datasets and the connection"
        ) from error


def _parts(name: str, found: Any, notes: list[str]) -> dict[str, Any]:
    """The parts of a set by their usual names; a set with one part is to train on."""
    if not isinstance(found, Mapping):
        return {"train": found}
    if len(found) == 1:
        return {"train": next(iter(found.values()))}
    names = {each: part for part, several in PARTS.items() for each in several}
    parts = {names[key]: each for key, each in found.items() if key in names}
    if "train" not in parts:
        got = ", ".join(found)
        raise ValueError(f"expected a part called train in {name!r}, got {got}: save one such part")
    if others := [key for key in found if key not in names]:
        notes.append(f"parts that are not used: {', '.join(others)}")
    return parts


def _kind(feature: Any) -> str:
    """What a column holds: "pictures", "arrays", "table" for one value a row, or its type."""
    import datasets

    if isinstance(feature, datasets.Image):
        return "pictures"
    if isinstance(feature, datasets.ClassLabel | datasets.Value):
        return "table"
    if isinstance(feature, datasets.Array2D | datasets.Array3D | datasets.Array4D):
        return "arrays"
    inner = _innermost(feature)
    numbers = isinstance(inner, datasets.Value) and inner.dtype.startswith(("int", "uint", "float"))
    return "arrays" if numbers else type(feature).__name__


def _innermost(feature: Any) -> Any:
    """What lists of lists hold; a column of anything else, unchanged."""
    while hasattr(feature, "feature"):
        feature = feature.feature
    return feature


def _inputs(name: str, kinds: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    for kind in ("pictures", "arrays", "table"):
        columns = tuple(each for each, found in kinds.items() if found == kind)
        if len(columns) > 1 and kind != "table":
            fix = "leave out others with --drop (drop=[...])"
            got = ", ".join(columns)
            raise ValueError(f"expected one column of {kind} in {name!r}, got {got}: {fix}")
        if columns:
            return kind, columns
    got = ", ".join(f"{each} ({kind})" for each, kind in kinds.items()) or "none"
    expected = f"expected a column of pictures, arrays of numbers, numbers or texts in {name!r}"
    raise ValueError(f"{expected}, got {got}: choose another set, or pass (X, y) from Python")


def _target(name: str, features: Mapping[str, Any], wanted: str | int | None) -> str:
    if wanted is not None:
        return _known(name, features, wanted, "the column of labels")
    named = [each for each in features if each.lower() in NAMED]
    classes = [each for each, feature in features.items() if getattr(feature, "names", None)]
    found = named or classes
    if len(found) != 1:
        got = ", ".join(found or features)
        fix = "name it with --target (target=...)"
        raise ValueError(f"expected one column of labels in {name!r}, got {got}: {fix}")
    return found[0]


def _known(name: str, columns: Iterable[str], wanted: str | int, purpose: str) -> str:
    from forward_forward.data.tables.cells import nearest

    if str(wanted) in columns:
        return str(wanted)
    near = nearest(str(wanted), columns)
    fix = "name one of them" if near is None else f"did you mean {near!r}?"
    expected = f"expected {purpose} among {', '.join(columns)} in {name!r}"
    raise ValueError(f"{expected}, got {wanted!r}: {fix}")


def _has_labels(part: Any, target: str, names: Sequence[str] | None) -> bool:
    """Whether a part has labels: test sets of competitions have -1 for all, or no column."""
    if target not in part.features:
        return False
    return names is None or any(each != UNLABELLED for each in part.with_format(None)[:][target])


def _pictures(part: Any, name: str, column: str, size: Size, channels: int | None) -> Any:
    """Pictures uint8 [n, 1 or 3, height, width]."""
    sides = sides_of(size)
    mode = None if channels is None else {1: "L", 3: "RGB"}[channels]
    found = []
    for row, sample in enumerate(part.with_format(None).select_columns([column])):
        if sample[column] is None:
            raise ValueError(f"{name}, row {row}: expected a picture, got none: remove the row")
        found.append(as_array(sample[column], sides, mode))
        if (got := found[-1].shape[1:]) != (expected := found[0].shape[1:]):
            raise ValueError(
                f"{name}, row {row}: expected a picture of {expected[0]} x {expected[1]} (height x"
                f" width) like row 0, got {got[0]} x {got[1]}: --size N (size=...) scales all"
            )
    depth = max(each.shape[0] for each in found)
    return np.stack([np.broadcast_to(each, (depth, *each.shape[1:])) for each in found])
