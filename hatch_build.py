"""README.md and the repository's address, if it is known -> the page on PyPI and its links.

On PyPI, relative links and pictures lead nowhere. GitHub Actions say where the repository is
(GITHUB_SERVER_URL, GITHUB_REPOSITORY): links then become absolute, to the tag of this version.
Elsewhere they become plain text, and what stands between the marks of the repository is left out.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

ROOT = Path(__file__).parent
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
PARTS = re.compile(r"<!-- repository -->\n.*?<!-- end of repository -->\n\n", re.DOTALL)


def repository() -> str | None:
    """The address of the repository, or None."""
    server, name = os.environ.get("GITHUB_SERVER_URL"), os.environ.get("GITHUB_REPOSITORY")
    return f"{server}/{name}" if server and name else None


def page(readme: str, address: str | None, version: str) -> str:
    """The README without relative links."""

    def absolute(match: re.Match[str]) -> str:
        picture, words, path, anchor = match.groups(default="")
        if address is not None:
            kind = "raw" if picture else "blob"
            return f"{picture}[{words}]({address}/{kind}/v{version}/{path}{anchor})"
        return f"`{path}`" if words.strip("`") in path else f"{words} (`{path}`)"

    return LINK.sub(absolute, readme if address else PARTS.sub("", readme))


class Metadata(MetadataHookInterface):
    """Sets the fields that pyproject.toml names as dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the page, and the addresses if there are any."""
        address, readme = repository(), (ROOT / "README.md").read_text(encoding="utf-8")
        text = page(readme, address, metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        if address is not None:
            changes = f"{address}/blob/v{metadata['version']}/CHANGELOG.md"
            issues = f"{address}/issues"
            metadata["urls"] = {"Repository": address, "Changelog": changes, "Issues": issues}
