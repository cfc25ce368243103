"""Files of an export -> its folder, all or none, with export.json."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import save

from forward_forward import files
from forward_forward.forward import Network
from forward_forward.forward.description import describe

ABOUT, MADE_BY = "export.json", "forward-forward"


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
    own = {ABOUT, *_about(folder).get("models", {})}
    other = sorted(each.name for each in folder.iterdir() if each.name not in own)
    if other:
        raise ValueError(
            f"{str(folder)!r} holds {other[0]!r}, which is not part of an export and would be lost:"
            " choose another folder"
        )


def _about(folder: Path) -> dict[str, Any]:
    """The export.json of a folder; empty if the folder is no export."""
    try:
        about = json.loads((folder / ABOUT).read_text())
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) and about.get("made_by") == MADE_BY else {}


def put(
    folder: Path, temporary: Path, about: dict[str, Any], say: Callable[[str], None]
) -> dict[str, Any]:
    """Move an export from a temporary folder into its own, which `check_replaceable` allowed.

    Files of an earlier export are kept if they are of the same network and data and are not
    replaced. Returns the content of export.json: ``about``, with the files that are kept.
    """
    folder = folder.resolve()  # so that "." has a name
    before = _about(folder)
    same = all(before.get(key) == about[key] for key in about if key != "models")
    earlier = {
        name: each
        for name, each in before.get("models", {}).items()
        if name not in about["models"] and (folder / name).is_file()
    }
    if not same and earlier:
        say(f"removed files of another network or of other data: {', '.join(earlier)}")
    kept = earlier if same else {}
    whole = {**about, "models": {**kept, **about["models"]}}

    def fill(partial: Path) -> None:
        for path in (*(folder / name for name in kept), *sorted(temporary.iterdir())):
            files.write(partial / path.name, path.read_bytes())
        files.write_json(partial / ABOUT, whole)

    files.replace_folder(folder, fill)
    return whole
