"""``python -m forward_forward.datasets NAME ...``: sets' names -> the sets, fetched and checked."""

from __future__ import annotations

import logging
import sys

from forward_forward import datasets


def main(names: list[str]) -> None:
    """Fetch sets by name; exit with 1 if one is unavailable, with 2 if its name is unknown."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name in names or datasets.available():
        try:
            train, test = datasets.named(name)
        except (OSError, ValueError) as error:
            print(error, file=sys.stderr)
            sys.exit(2 if isinstance(error, ValueError) else 1)
        print(f"{name}: {len(train):,} training and {len(test):,} test samples")


if __name__ == "__main__":
    main(sys.argv[1:])
