"""Files of an export -> its folder, all or none, with export.json."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import save

from forward_forward import files, manifest
from forward_forward.forward import Network
from forward_forward.forward.description import describe

ABOUT, MADE_BY = "export.json", "forward-forward"
# The names of the files that an export writes: no other file is replaced because a file names it.
OWN = re.compile(r"(scan|one_pass)(\.int8)?\.onnx|(scan|one_pass)\.pt2")
FIX = "choose another folder, or remove this one"


def fingerprint(network: Network) -> str:
    """SHA-256 of a network's description and weights."""
    weights = {name: each.detach().cpu().clone() for name, each in network.state_dict().items()}
    return hashlib.sha256(json.dumps(describe(network)).encode() + save(weights)).hexdigest()


def check_replaceable(folder: Path) -> None:
    """Refuse, with a ValueError, a folder with anything but an export: it would be lost."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"expected a folder for the export, got a file: {str(folder)!r}")
    own = {ABOUT, *_models(folder)}
    other = [each for each in sorted(folder.iterdir()) if each.name not in own or not _plain(each)]
    if other:
        raise ValueError(
            f"{str(folder)!r} holds {other[0].name!r}, which is not part of an export and would be"
            " lost: choose another folder"
        )


def _plain(path: Path) -> bool:
    """Whether a path is a file in its folder, and no link to one elsewhere."""
    return path.is_file() and not path.is_symlink()


def _about(folder: Path) -> dict[str, Any]:
    """The export.json of a folder; empty if there is none.

    Raises:
        ValueError: It is broken, was changed, or is no file of an export.
    """
    path = folder / ABOUT
    if not path.is_file():
        return {}
    try:
        about = manifest.read_record(path)
    except ValueError as error:
        raise ValueError(f"{error}, or {FIX}") from error
    if about.get("made_by") != MADE_BY:
        raise ValueError(
            f"expected the {ABOUT} of an export in {str(folder)!r}, got one of another tool: {FIX}"
        )
    return about


def _models(folder: Path) -> dict[str, dict[str, Any]]:
    """The files of the export in a folder, as its export.json describes them.

    Raises:
        ValueError: It is broken, or names a file that no export writes.
    """
    models = _about(folder).get("models", {})
    named = models.items() if isinstance(models, dict) else [(str(models)[:40], None)]
    for name, about in named:
        if OWN.fullmatch(name) is None or not isinstance(about, dict):
            raise ValueError(
                f"expected descriptions of files such as 'scan.onnx' under 'models' in"
                f" {str(folder / ABOUT)!r}, got {name!r}: {FIX}"
            )
    return dict(models)


def put(
    folder: Path, temporary: Path, about: dict[str, Any], say: Callable[[str], None]
) -> dict[str, Any]:
    """Move an export from a temporary folder into its own, which `check_replaceable` allowed.

    Files of an earlier export are kept if they are of the same network and data, are not replaced
    and are as they were written. Returns the content of export.json: ``about``, with the files
    that are kept and the SHA-256 of each file.
    """
    folder = folder.resolve()  # so that "." has a name
    check_replaceable(folder)  # again: the export took a while
    kept = _kept(folder, about, say)
    made = {
        name: {**each, manifest.SUM: manifest.file_digest(temporary / name)}
        for name, each in about["models"].items()
    }
    whole = {**about, "models": {**kept, **made}}

    def fill(partial: Path) -> None:
        for path in (*(folder / name for name in kept), *sorted(temporary.iterdir())):
            files.write(partial / path.name, path.read_bytes())
        manifest.write_record(partial / ABOUT, whole)

    files.replace_folder(folder, fill)
    return whole


def _kept(
    folder: Path, about: dict[str, Any], say: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """The files of an earlier export that stay valid; the others are named, and go."""
    before = _about(folder)
    same = all(before.get(key) == about[key] for key in about if key != "models")
    earlier = {
        name: each
        for name, each in _models(folder).items()
        if name not in about["models"] and (folder / name).is_file()
    }
    if not same:
        if earlier:
            say(f"removed files of another network or of other data: {', '.join(earlier)}")
        return {}
    damaged = [name for name, each in earlier.items() if not _as_written(folder / name, each)]
    if damaged:
        # Their description says that they were verified, which is no longer so.
        say(
            f"removed files that have changed since they were verified: {', '.join(damaged)};"
            " export them again"
        )
    return {name: each for name, each in earlier.items() if name not in damaged}


def _as_written(path: Path, about: dict[str, Any]) -> bool:
    """Whether a file has the SHA-256 of its description; those of version 0.1 have none."""
    return about.get(manifest.SUM) in (None, manifest.file_digest(path))
