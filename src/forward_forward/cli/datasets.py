"""``ff datasets``: nothing -> the sets with a name; names -> the sets, fetched and checked."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from forward_forward.cli.flags import Switch, option

if TYPE_CHECKING:
    from forward_forward.datasets.catalogue import Entry


@dataclass(frozen=True)
class DatasetsCommand:
    """List the data sets with a name and where they are, or fetch those that you name.

    Example: `ff datasets mnist cifar10` downloads and checks both.
    """

    # Sets to fetch and check; anything that `ff train --data` takes.
    names: Annotated[tuple[str, ...], tyro.conf.Positional, option("NAME ...")] = ()
    # Print one JSON object per set.
    json: Switch = False

    def __call__(self) -> int:
        if self.names:
            return self._fetch()
        from forward_forward.cli.tables import print_table
        from forward_forward.datasets.catalogue import catalogue

        entries = catalogue()
        if self.json:
            for each in entries:
                print(json.dumps(_as_json(each)))
            return 0
        head = ("name", "inputs", "classes", "training", "test", "where")
        print_table("", [head, *map(_row, entries)])
        if any(each.shape is None for each in entries):
            print(
                "\n-: known once the package's set is read, by `ff datasets NAME`", file=sys.stderr
            )
        print(
            "\nopenml:NAME and hf:NAME name a set of OpenML or Hugging Face.\n"
            "`ff datasets NAME` fetches any set and checks it.",
            file=sys.stderr,
        )
        return 0

    def _fetch(self) -> int:
        from forward_forward import datasets

        for name in self.names:
            sets = datasets.load(name)
            counts = {
                "training": len(sets.train),
                "validation": len(sets.validation),
                "test": len(sets.test),
            }
            if self.json:
                about = {"name": name, "shape": [*sets.train.shape], "classes": sets.classes}
                print(json.dumps(about | counts))
                continue
            found = ", ".join(f"{count:,} {part}" for part, count in counts.items())
            kind = f"{len(sets.classes)} classes" if sets.classes else "a number to predict"
            print(f"{name}: {found} samples of {[*sets.train.shape]}, {kind}")
        return 0


def _row(entry: Entry) -> tuple[str, ...]:
    classes = "a number" if entry.classes == 0 else _count(entry.classes)
    test = "drawn" if entry.test == 0 else _count(entry.test)
    shape = "-" if entry.shape is None else " x ".join(map(str, entry.shape))
    return entry.name, shape, classes, _count(entry.train), test, _where(entry)


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _where(entry: Entry) -> str:
    if entry.package is not None:
        return f"in {entry.package}"
    if (folder := entry.folder) is not None:
        return str(folder)
    size = entry.megabytes
    return "not here, no download" if size is None else f"not here, {size} MB to download"


def _as_json(entry: Entry) -> dict[str, object]:
    folder = entry.folder
    return {
        "name": entry.name,
        "shape": entry.shape,
        "classes": entry.classes,
        "training": entry.train,
        "test": entry.test,
        "package": entry.package,
        "folder": None if folder is None else str(folder),
        "megabytes": entry.megabytes,
    }
