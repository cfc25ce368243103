"""The name of a table -> its frame and the column of labels: scikit-learn's, or OpenML's."""

from __future__ import annotations

from typing import Any
from urllib.error import URLError

from forward_forward.datasets.fetch import DataUnavailable

BUNDLED = "breast_cancer", "diabetes", "iris", "wine"  # installed with scikit-learn
OPENML = "openml:"


def is_frame(name: str) -> bool:
    """Whether a name is that of a table, such as ``iris`` or ``openml:credit-g``.

    >>> is_frame("iris"), is_frame("openml:31"), is_frame("mnist")
    (True, True, False)
    """
    return name in BUNDLED or name.startswith(OPENML)


def frame_of(name: str) -> tuple[Any, str]:
    """A table with its labels, and the name of their column.

    Args:
        name: One of ``BUNDLED``; or ``openml:NAME`` or ``openml:NAME@VERSION``, the first version
            by default; or ``openml:ID``. Tables of OpenML are downloaded once, and kept where
            scikit-learn keeps its sets.

    Raises:
        DataUnavailable: OpenML has no such table, or cannot be reached.

    >>> frame, labels = frame_of("iris")
    >>> frame.shape, labels, sorted(frame[labels].unique())[0]
    ((150, 5), 'target', 'setosa')
    """
    if name in BUNDLED:
        import sklearn.datasets

        found = getattr(sklearn.datasets, f"load_{name}")(as_frame=True)
        frame = found.frame
        if "target_names" in found:
            frame["target"] = found.target_names[found.target.to_numpy()]
        return frame, "target"
    return _of_openml(name)


def _of_openml(name: str) -> tuple[Any, str]:
    from sklearn.datasets import fetch_openml

    title, _, version = name.removeprefix(OPENML).partition("@")
    if not title or (version and not version.isdecimal()):
        raise ValueError(
            "expected openml:NAME, openml:NAME@VERSION or openml:ID, such as openml:credit-g or"
            f" openml:31, got {name!r}"
        )
    which: dict[str, Any] = {"name": title, "version": int(version or 1)}
    if title.isdecimal():
        which = {"data_id": int(title)}
    try:
        found = fetch_openml(**which, as_frame=True, parser="auto")
    except (URLError, ValueError, OSError) as error:
        raise DataUnavailable(
            f"{name} could not be read from OpenML ({type(error).__name__}: {error}): check the"
            " name at https://www.openml.org and the connection, or download it as a table"
        ) from error
    targets = found.target_names
    if len(targets) != 1:
        raise ValueError(
            f"expected a table of OpenML with one target column, got {name} with"
            f" {len(targets)}: {', '.join(targets) or 'none'}; download it as a table, and name the"
            " column with --target"
        )
    return found.frame, targets[0]
