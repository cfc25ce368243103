"""The process of the ``ff`` command, and of ``python -m forward_forward``.

The modules of the command take half a second to import, and Ctrl-C may come in it.
"""

from __future__ import annotations

import os
import sys

from forward_forward.signals import STOPPED, stoppable


def main() -> None:
    """Run the command line of this process, and exit."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started the process
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, it is used until the exit
    with stoppable() as stopping:
        try:
            from forward_forward.cli import main as command

            command()
        except KeyboardInterrupt:
            stopping.asked = True
            print("\nff: stopped", file=sys.stderr)
            sys.exit(STOPPED)


if __name__ == "__main__":
    main()
