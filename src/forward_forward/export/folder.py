"""Files of an export -> its folder, whole or not at all, with export.json beside them."""

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

ABOUT = "export.json"


def fingerprint(network: Network) -> str:
    """SHA-256 of a network's description and weights."""
    weights = {name: each.detach().cpu().clone() for name, each in network.state_dict().items()}
    return hashlib.sha256(json.dumps(describe(network)).encode() + save(weights)).hexdigest()


def check_free(folder: Path) -> None:
    """Refuse a folder that holds anything but an export.

    Raises:
        ValueError: It does, and would be replaced.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"expected a folder for the export, got a file: {str(folder)!r}")
    own = {ABOUT, *_about(folder).get("models", {})}
    other = sorted(each.name for each in folder.iterdir() if each.name not in own)
    if other:
        raise ValueError(
            f"{str(folder)!r} holds {other[0]!r}, which is no part of an export and would be lost:"
            " choose another --out"
        )


def _about(folder: Path) -> dict[str, Any]:
    """What an export's folder says of itself; nothing where it is none."""
    try:
        about = json.loads((folder / ABOUT).read_text())
    except (OSError, ValueError):
        return {}
    ours = isinstance(about, dict) and about.get("made_by") == "forward-forward"
    return about if ours else {}


def put(
    folder: Path, made: Path, about: dict[str, Any], say: Callable[[str], None]
) -> dict[str, Any]:
    """Move the files of an export into its folder.

    Files of an earlier export stay if they are of the same network and data, and were not made
    anew.

    Args:
        folder: Where they go; `check_free` has allowed it.
        made: A folder of the files.
        about: What export.json is to say.
        say: Is told which files of an earlier export are removed.

    Returns:
        What export.json says: the earlier files that stay are in it.
    """
    folder = folder.resolve()  # also "." has a name then
    before = _about(folder)
    same = all(before.get(key) == about[key] for key in about if key != "models")
    earlier = {
        name: each
        for name, each in before.get("models", {}).items()
        if name not in about["models"] and (folder / name).is_file()
    }
    if not same and earlier:
        say(f"removed, for they are of another network or data: {', '.join(earlier)}")
    kept = earlier if same else {}
    whole = {**about, "models": {**kept, **about["models"]}}

    def fill(partial: Path) -> None:
        for name in kept:
            files.write(partial / name, (folder / name).read_bytes())
        for path in sorted(made.iterdir()):
            files.write(partial / path.name, path.read_bytes())
        files.write_json(partial / ABOUT, whole)

    files.replace_folder(folder, fill)
    return whole
