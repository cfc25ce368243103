"""``hf://user/name`` or ``hf://user/name@revision`` -> a run's folder, downloaded and cached."""

from __future__ import annotations

import importlib.metadata
import os
import re
from pathlib import Path
from typing import Any

NAME = "forward-forward"
# What a run is read from; nothing else in a repository is downloaded.
RUN_FILES = ("run.json", "metrics.jsonl", "config.yaml")
FILES = (*RUN_FILES, "checkpoints/*.safetensors", "checkpoints/*/manifest.json")
# A Path writes hf:// as hf:/.
ADDRESS = re.compile(r"hf:/{1,2}([\w.-]+/[\w.-]+)(?:@(\S+))?")
LOGIN = "check the name and the revision, and log in with `hf auth login` if it is private"


def client() -> Any:
    """The module huggingface_hub.

    Raises:
        ImportError: It is not installed.
    """
    try:
        importlib.import_module("huggingface_hub.errors")
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        fix = 'pip install "forward-forward[hub]"'
        raise ImportError(f"the Hugging Face Hub needs huggingface_hub: {fix}") from error


def sender() -> dict[str, str]:
    """How this library names itself to the Hub."""
    return {"library_name": NAME, "library_version": importlib.metadata.version(NAME)}


def local(run: Path | str) -> Path:
    """The folder of a run, given by its path or by its address on the Hub.

    A repository is downloaded into the cache of huggingface_hub, from which it is read if the Hub
    cannot be reached.

    Args:
        run: A path, ``hf://user/name``, or ``hf://user/name@revision`` with a branch, a tag or a
            commit.

    Raises:
        ValueError: It is no address, there is no such repository or revision, or the repository
            does not contain a run.
        OSError: The Hub cannot be reached, and the cache has no copy.

    >>> local("runs/first").as_posix()
    'runs/first'
    """
    if not isinstance(run, str | os.PathLike):
        raise ValueError(
            f"expected the folder of a run, got {run!r}: pass a path such as 'runs/first'"
        )
    address = str(run)
    if not address.startswith("hf:"):
        return Path(run)
    match = ADDRESS.fullmatch(address)
    if match is None:
        raise ValueError(
            f"expected hf://user/name or hf://user/name@revision, got {address!r}: copy the name"
            " from the repository's page"
        )
    hub = client()
    repository, revision = match.groups()
    try:
        folder = Path(
            hub.snapshot_download(
                repository, revision=revision, allow_patterns=list(FILES), **sender()
            )
        )
    except (hub.errors.RepositoryNotFoundError, hub.errors.RevisionNotFoundError) as error:
        found = "revision" if isinstance(error, hub.errors.RevisionNotFoundError) else "repository"
        raise ValueError(
            f"expected a model repository on the Hub that can be read, got {address!r} (no such"
            f" {found}): {LOGIN}"
        ) from error
    except hub.errors.HFValidationError as error:
        raise ValueError(f"expected the name of a repository, got {address!r}: {error}") from error
    except hub.errors.LocalEntryNotFoundError as error:
        raise ConnectionError(
            f"{address!r} cannot be downloaded, and the cache has no copy: check the connection,"
            " and that HF_HUB_OFFLINE is not set"
        ) from error
    if not (folder / "run.json").is_file():
        raise ValueError(
            f"expected a run that `ff push` uploaded, got {address!r}, a repository without a"
            " run.json: load a model of another library with that library"
        )
    return folder
