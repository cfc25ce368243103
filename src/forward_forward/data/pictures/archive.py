"""A folder, a zip or a tar in; the paths of the files below it, and the bytes of each, out.

An archive is read where it lies: nothing of it is ever written to the disk.
"""

from __future__ import annotations

import io
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")

LARGEST = 2**30  # bytes of one file: an archive of a few bytes may hold any number of zeros

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError)


class Store(Protocol):
    """Where files lie: their paths with slashes, below the store's root."""

    @property
    def path(self) -> str: ...
    def files(self) -> list[str]: ...
    def folders(self) -> list[str]: ...
    def open(self, file: str) -> BinaryIO: ...
    def mark(self, file: str) -> str: ...


@dataclass(frozen=True)
class Tree:
    """The files of a store, or those below one of its folders.

    Args:
        store: Where they lie.
        root: The folder, "" for all of the store.
    """

    store: Store
    root: str = ""

    def folders(self) -> list[str]:
        """Names of the folders right below the root, sorted; hidden ones are left out."""
        return sorted({each.split("/")[0] for each in self._below(self.store.folders())})

    def files(self) -> list[str]:
        """Paths of all files below the root, sorted; hidden ones are left out."""
        return sorted(self._below(self.store.files()))

    def _below(self, paths: list[str]) -> Iterator[str]:
        start = f"{self.root}/" if self.root else ""
        for path in paths:
            if path.startswith(start) and not hidden(path):
                yield path[len(start) :]

    def below(self, folder: str) -> Tree:
        """The tree below one of its folders."""
        return replace(self, root=f"{self.root}/{folder}" if self.root else folder)

    def open(self, file: str) -> BinaryIO:
        """A file's bytes, to be read and closed."""
        return self.store.open(f"{self.root}/{file}" if self.root else file)

    def mark(self, file: str) -> str:
        """What tells a file from another of the same path: its size; in an archive its content."""
        return self.store.mark(f"{self.root}/{file}" if self.root else file)

    def shown(self, file: str = "") -> str:
        """A file's path, or the root's, as messages name it."""
        return os.path.join(self.store.path, self.root, file).rstrip(os.sep)


def hidden(path: str) -> bool:
    """Whether a path leads through a hidden folder or to a hidden file, or is macOS's rubbish."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name is that of an archive which `tree_of` reads."""
    return os.fspath(path).lower().endswith(ARCHIVES)


def tree_of(path: str | os.PathLike[str]) -> Tree:
    """The tree of a folder or an archive.

    An archive that holds one folder alone, as most do, is taken as that folder.

    Args:
        path: The folder, or a file that ends as one of `ARCHIVES`.

    Raises:
        ValueError: There is no such thing, or an archive that is broken, encrypted, or holds paths
            that lead out of it.

    >>> "tree.py" in tree_of(Path(__file__).parent).files()
    True
    """
    if not is_archive(path) or os.path.isdir(path):
        return Tree(_FolderStore(os.fspath(path)))
    store: Store
    with broken_is_said(os.fspath(path)):
        if os.fspath(path).lower().endswith(".zip"):
            store = _ZipStore(os.fspath(path))
        else:
            store = _TarStore(os.fspath(path))
    tree = Tree(store)
    if len(tree.folders()) == 1 and not any("/" not in file for file in tree.files()):
        return tree.below(tree.folders()[0])
    return tree


@contextmanager
def broken_is_said(path: str) -> Iterator[None]:
    """Turn what the readers of archives raise into an error that names the archive."""
    try:
        yield
    except _BROKEN as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # the file system's own words, which name the file
        raise ValueError(
            f"expected a whole archive, got {path!r}: {error}. Fetch or pack it again"
        ) from error
    except RuntimeError as error:  # what zipfile says of encrypted files
        raise ValueError(
            f"expected an archive without a password, got {path!r}: {error}"
        ) from error


def _check(file: str, size: int, archive: str) -> None:
    """Refuse what an honest archive of pictures does not hold."""
    if file.startswith(("/", "\\")) or ".." in PurePosixPath(file).parts or ":" in file[:2]:
        raise ValueError(
            f"expected files below the archive's root, got {file!r} in {archive!r}: such an archive"
            " is not to be trusted, pack it again"
        )
    if size > LARGEST:
        raise ValueError(
            f"expected files of at most {LARGEST:,} bytes, got {file!r} of {size:,} in {archive!r}:"
            " remove it, or unpack the archive and name the folder"
        )


@dataclass(frozen=True)
class _FolderStore:
    path: str

    def files(self) -> list[str]:
        return [
            self._relative(place, each) for place, folders, files in self._walk() for each in files
        ]

    def folders(self) -> list[str]:
        return [
            self._relative(place, each)
            for place, folders, files in self._walk()
            for each in folders
        ]

    def _walk(self) -> Iterator[tuple[str, list[str], list[str]]]:
        def fail(error: OSError) -> None:  # os.walk would leave out a folder that may not be read
            raise error

        for place, folders, files in os.walk(self.path, onerror=fail, followlinks=True):
            folders[:] = [each for each in folders if not each.startswith(".")]
            yield place, folders, files

    def _relative(self, place: str, name: str) -> str:
        return Path(place, name).relative_to(self.path).as_posix()

    def open(self, file: str) -> BinaryIO:
        return open(os.path.join(self.path, file), "rb")

    def mark(self, file: str) -> str:
        return str(os.path.getsize(os.path.join(self.path, file)))


class _ZipStore:
    """A zip: each file is decompressed when it is read, so it may be larger than memory."""

    def __init__(self, path: str) -> None:
        self.path = path
        # A process of its own needs a handle of its own: forked ones share the place in the file.
        self._handle: tuple[int, zipfile.ZipFile] | None = None
        self._entries = [each.filename for each in self._zip().infolist()]
        for each in self._zip().infolist():
            _check(each.filename, each.file_size, path)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_handle": None}

    def _zip(self) -> zipfile.ZipFile:
        if self._handle is None or self._handle[0] != os.getpid():
            self._handle = os.getpid(), zipfile.ZipFile(self.path)
        return self._handle[1]

    def files(self) -> list[str]:
        return [each for each in self._entries if not each.endswith("/")]

    def folders(self) -> list[str]:
        return _folders(
            self.files(), [each.rstrip("/") for each in self._entries if each[-1:] == "/"]
        )

    def open(self, file: str) -> BinaryIO:
        with broken_is_said(self.path):
            return io.BytesIO(self._zip().read(file))

    def mark(self, file: str) -> str:
        entry = self._zip().getinfo(file)
        return f"{entry.file_size} {entry.CRC:08x}"


class _TarStore:
    """A tar: read once from end to end; its files are kept in memory as they are, compressed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._bytes: dict[str, bytes] = {}
        self._folders: list[str] = []
        with tarfile.open(path, "r|*") as tar:
            for member in tar:
                self._take(tar, member)

    def _take(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        name = member.name.removeprefix("./")
        _check(name, member.size, self.path)
        if member.isdir():
            self._folders.append(name)
            return
        if hidden(name):
            return
        content = tar.extractfile(member) if member.isreg() else None
        if content is None:
            raise ValueError(
                f"expected plain files, got {name!r} in {self.path!r}, a link or a device: pack the"
                " files themselves, as with tar --dereference --hard-dereference"
            )
        self._bytes[name] = content.read()

    def files(self) -> list[str]:
        return list(self._bytes)

    def folders(self) -> list[str]:
        return _folders(self.files(), self._folders)

    def open(self, file: str) -> BinaryIO:
        return io.BytesIO(self._bytes[file])

    def mark(self, file: str) -> str:
        return f"{len(self._bytes[file])} {zlib.crc32(self._bytes[file]):08x}"


def _folders(files: list[str], named: list[str]) -> list[str]:
    """All folders of an archive, which need not name them all."""
    around = {str(each) for file in files for each in PurePosixPath(file).parents}
    return sorted({*around, *(each for each in named if each)} - {"."})
