"""An npz file -> the parts of a set as Sources, x [n, *shape] and labels [n], with notes."""

from __future__ import annotations

from forward_forward.data import Source, as_source
from forward_forward.data.arrays import as_pictures, read_npz


def npz_parts(path: str, name: str) -> tuple[dict[str, Source], list[str]]:
    """The parts of an npz file by name, and what was decided while reading.

    Args:
        path: The file, as `read_npz` takes it.
        name: What reports call the set.

    Raises:
        ValueError: The file cannot be read, or its parts do not fit together.
    """
    found: dict[str, Source] = {}
    notes: list[str] = []
    for part, (x, y) in read_npz(path).items():
        classes = found["train"].classes if found else None
        pictures = as_pictures(x)
        note = f"arrays of bytes {list(x.shape[1:])} are taken as pictures"
        if pictures.shape[1:] != x.shape[1:] and note not in notes:
            notes.append(note)
        try:
            found[part] = as_source((pictures, y), classes=classes, name=name)
        except ValueError as error:
            raise ValueError(f"{path}, its {part} part: {error}") from error
        if found[part].shape != found["train"].shape:
            shapes = [f"{list(found[each].shape)} in its {each} part" for each in (part, "train")]
            got = " and ".join(shapes)
            raise ValueError(f"expected samples of one shape in {path!r}, got {got}")
    return found, notes
