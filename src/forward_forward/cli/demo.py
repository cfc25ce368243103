"""``ff demo``: a run, or a small network trained for it -> an interactive page in the browser."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from typing import Annotated

import tyro

from forward_forward.cli.flags import Count, Switch, option


@dataclass(frozen=True)
class DemoCommand:
    """Open a page: draw a digit and see how each layer reads it, or watch a network learn."""

    # The run's folder; without one, a small network is trained in seconds, once.
    run: Annotated[str | None, tyro.conf.Positional, option("[RUN]")] = None
    # Address to listen on; by default only this machine can connect; 0.0.0.0 admits others.
    host: str = "127.0.0.1"
    # Port to listen on; by default the first free one from 7860.
    port: Count = None
    # Do not open a browser; the address is printed in any case.
    no_browser: Switch = False

    def __call__(self) -> int:
        from forward_forward.demo import launch

        page = launch(
            self.run,
            host=self.host,
            port=self.port,
            browser=not self.no_browser,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )
        try:
            threading.Event().wait()  # until Ctrl-C
        except KeyboardInterrupt:
            raise KeyboardInterrupt("the page is closed") from None
        finally:  # however the process is ended
            page.close()
        return 0
