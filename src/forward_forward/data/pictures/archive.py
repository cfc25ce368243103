"""A folder, a zip or a tar -> the paths of the files below it, and the bytes of each.

Archives are never unpacked: nothing of them is written to the disk.
"""

from __future__ import annotations

import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from forward_forward.data.paths import check_regular
from forward_forward.data.pictures.tar import members_of

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

# Folders that systems leave behind, beside those that begin with a dot: macOS in archives, network
# drives of Synology and QNAP for thumbnails and deleted files, Windows and Linux on whole drives.
SYSTEM = {"__macosx", "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot"}
SYSTEM |= {"$recycle.bin", "system volume information", "lost+found"}

LARGEST = 2**30  # bytes of one file: an archive of a few bytes may hold any number of zeros

_BROKEN: tuple[type[Exception], ...] = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError)
_BROKEN += (zlib.error, struct.error, EOFError, OSError, UnicodeError, OverflowError)
_BROKEN += (NotImplementedError, RecursionError)  # before RuntimeError, of which they are kinds


class Store(Protocol):
    """Files in a folder or an archive, by their paths with slashes below its root."""

    @property
    def path(self) -> str: ...
    def paths(self) -> Iterable[str]:
        """Of all files, and of folders, which end in a slash; folders with files may be missing."""
        ...

    def open(self, file: str) -> BinaryIO: ...
    def mark(self, file: str) -> str: ...


@dataclass(frozen=True)
class Tree:
    """The files of a store, or those below one of its folders.

    Args:
        store: The folder or archive.
        root: The folder in it, with a slash at its end; "" for the whole store.
    """

    store: Store
    root: str = ""

    def folders(self) -> list[str]:
        """Names of the folders directly below the root, sorted, without hidden ones."""
        return sorted({each.split("/")[0] for each in self._below() if "/" in each})

    def files(self) -> list[str]:
        """Paths of all files below the root, sorted, without hidden ones."""
        return sorted(each for each in self._below() if not each.endswith("/"))

    def _below(self) -> Iterator[str]:
        for path in self.store.paths():
            if path.startswith(self.root) and path != self.root and not hidden(path):
                yield path.removeprefix(self.root)

    def below(self, folder: str) -> Tree:
        """The tree below one of its folders."""
        return replace(self, root=f"{self.root}{folder}/")

    def open(self, file: str) -> BinaryIO:
        """A file's bytes, to be read and closed."""
        return self.store.open(self.root + file)

    def mark(self, file: str) -> str:
        """What distinguishes files of the same path: the size; in an archive, the content too."""
        return self.store.mark(self.root + file)

    def shown(self, file: str = "") -> str:
        """The path of a file, or of the root, for messages."""
        return os.path.join(self.store.path, self.root, file).rstrip(os.sep)


def hidden(path: str) -> bool:
    """Whether a file, or a folder on its path, is hidden or one that a system leaves behind.

    >>> hidden("cat/@eaDir/0.png/SYNOPHOTO_THUMB_M.jpg"), hidden("cat/eaDir/0.png")
    (True, False)
    """
    return any(part.startswith(".") or part.lower() in SYSTEM for part in path.split("/"))


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether a file name ends as that of an archive that `tree_of` reads."""
    return os.fspath(path).lower().endswith(ARCHIVES)


def tree_of(path: str | os.PathLike[str]) -> Tree:
    """The tree of a folder or an archive.

    Args:
        path: The folder, or a file that ends in one of `ARCHIVES`.

    Raises:
        ValueError: The archive is broken or encrypted, or has paths that lead out of it.
        OSError: There is no such file.

    >>> "archive.py" in tree_of(Path(__file__).parent).files()
    True
    """
    path = os.fspath(path)
    if not is_archive(path) or os.path.isdir(path):
        return Tree(_FolderStore(path))
    with broken_archive_named(path):
        return Tree(_ZipStore(path) if path.lower().endswith(".zip") else _TarStore(path))


@contextmanager
def broken_archive_named(path: str) -> Iterator[None]:
    """Turn what the readers of archives raise into an error that names the archive."""
    try:
        yield
    except _BROKEN as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # of the file system, which names the file itself
        fix = "download or pack it again"
        raise ValueError(f"expected a complete archive, got {path!r}: {error}: {fix}") from error
    except RuntimeError as error:  # how zipfile refuses encrypted files
        fix = "pack it without a password"
        raise ValueError(f"expected no encrypted archive, got {path!r}: {error}: {fix}") from error


def _checked(file: str, size: int, archive: str, plain: bool, known: Container[str]) -> str:
    """The path of a file in an archive, or of a folder, which ends in a slash; "" for the root.

    Raises:
        ValueError: No honest archive of pictures holds it, or it holds the file twice.
    """
    if file.startswith(("/", "\\")) or ".." in PurePosixPath(file).parts or ":" in file[:2]:
        fix = "the archive may be malicious; if you trust it, repack it with relative paths"
        found = f"got {file!r} in {archive!r}: {fix}"
        raise ValueError(f"expected files below the archive's root, {found}")
    if size > LARGEST:
        fix = "remove it, or unpack the archive and name the folder"
        found = f"got {file!r} of {size:,} in {archive!r}: {fix}"
        raise ValueError(f"expected files of at most {LARGEST:,} bytes, {found}")
    path = "/".join(part for part in file.split("/") if part not in ("", "."))
    if not path or file.endswith("/") or hidden(path):
        return f"{path}/" if path and file.endswith("/") else path
    if not plain:
        found = f"got {file!r} in {archive!r}, a link or a device"
        fix = "pack the files themselves, as with tar --dereference"
        raise ValueError(f"expected plain files, {found}: {fix} --hard-dereference")
    if path in known:
        fix = "it would count twice; pack the folder again"
        raise ValueError(f"expected each file once, got {path!r} twice in {archive!r}: {fix}")
    return path


@dataclass(frozen=True)
class _FolderStore:
    path: str

    def paths(self) -> Iterator[str]:
        def fail(error: OSError) -> None:  # os.walk would skip a folder that may not be read
            raise error

        # A link to a folder that it lies in would show all files again, without end.
        above = {self.path: {os.path.realpath(self.path)}}
        for place, folders, files in os.walk(self.path, onerror=fail, followlinks=True):
            within = above.pop(place)
            real = {each: os.path.realpath(os.path.join(place, each)) for each in folders}
            folders[:] = [each for each in folders if not hidden(each) and real[each] not in within]
            above |= {os.path.join(place, each): {*within, real[each]} for each in folders}
            below = Path(place).relative_to(self.path)
            yield from ((below / each).as_posix() for each in files)
            yield from (f"{(below / each).as_posix()}/" for each in folders)

    def open(self, file: str) -> BinaryIO:
        path = os.path.join(self.path, file)
        check_regular(path)
        return open(path, "rb")

    def mark(self, file: str) -> str:
        return str(os.path.getsize(os.path.join(self.path, file)))


class _ZipStore:
    """A zip archive: files are decompressed when they are read, so it may exceed the memory."""

    def __init__(self, path: str) -> None:
        self.path = path
        # Each process needs its own handle: forked ones share the position in the file.
        self._handle: tuple[int, zipfile.ZipFile] | None = None
        self._names: dict[str, str] = {}  # in the archive, by path
        for each in self._zip().infolist():
            plain = not stat.S_ISLNK(each.external_attr >> 16)
            file = _checked(each.filename, each.file_size, path, plain, self._names)
            if file:
                self._names[file] = each.filename
            self._zip().open(each).close()  # compares the name with the one beside the content
        _check_count(path, len(self._zip().infolist()))

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_handle": None}

    def _zip(self) -> zipfile.ZipFile:
        if self._handle is None or self._handle[0] != os.getpid():
            self._handle = os.getpid(), zipfile.ZipFile(self.path)
        return self._handle[1]

    def paths(self) -> list[str]:
        return list(self._names)

    def open(self, file: str) -> BinaryIO:
        with broken_archive_named(self.path):
            return io.BytesIO(self._zip().read(self._names[file]))

    def mark(self, file: str) -> str:
        entry = self._zip().getinfo(self._names[file])
        return f"{entry.file_size} {entry.CRC:08x}"


def _check_count(path: str, found: int) -> None:
    """Reject a zip whose directory, which ends where an entry is damaged, lacks some entries."""
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - 2**16 - 22))
        ending = file.read()
    place = ending.rfind(b"PK\5\6") + 10
    (count,) = struct.unpack("<H", ending[place : place + 2])
    if count not in (0xFFFF, found % 2**16):  # 0xFFFF: the number is in another place
        raise zipfile.BadZipFile(
            f"its directory lists {count:,} files, of which {found:,} are left"
        )


class _TarStore:
    """A tar archive: read once, from end to end; its files are kept in memory, still encoded."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._files: dict[str, bytes] = {}  # b"" for folders
        for member, content in members_of(path):
            name = f"{member.name}/" if member.isdir() else member.name
            file = _checked(name, member.size, path, content is not None, self._files)
            if file.endswith("/") or (file and not hidden(file)):
                self._files[file] = b"" if content is None else content.read()

    def paths(self) -> list[str]:
        return list(self._files)

    def open(self, file: str) -> BinaryIO:
        return io.BytesIO(self._files[file])

    def mark(self, file: str) -> str:
        return f"{len(self._files[file])} {zlib.crc32(self._files[file]):08x}"
