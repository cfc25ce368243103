"""A tar, compressed or not -> its members and their bytes, or an error if it is not whole."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, Self

from forward_forward.data.tables.compressed import opener_of


class _WholeInfo(tarfile.TarInfo):
    """A member's header, which must be whole: tarfile takes a broken one for the archive's end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":  # a block of zeros, which ends an archive
                raise
            reason = f"it is cut off or damaged ({error} where a file or the end should be)"
            raise tarfile.ReadError(reason) from error


def members_of(path: str) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Each member, and its content if it is a file, to be read before the next one.

    The archive is read to its end, so that the checksum of a compressed one is compared.

    Raises:
        tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError: The archive is not whole.
    """
    with (
        opener_of(path)(path, "rb") as content,
        tarfile.open(fileobj=content, mode="r:", tarinfo=_WholeInfo) as archive,
    ):
        for member in archive:
            yield member, archive.extractfile(member) if member.isreg() else None
        # Where a download left a gap there are zeros, too, and files after them.
        while rest := content.read(2**20):
            if rest.strip(b"\0"):
                raise tarfile.ReadError("its end is followed by further bytes")
