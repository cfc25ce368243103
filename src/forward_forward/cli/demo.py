"""``ff demo``: a run, or a small network of its own -> a page to draw on, in the browser."""

from __future__ import annotations

import tyro


def demo(
    run: tyro.conf.Positional[str | None] = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    no_browser: bool = False,
) -> int:
    """Open a page: draw a digit and see what each layer makes of it, or watch a network learn.

    Args:
        run: A run's folder; without one, a small network is trained in seconds, once.
        host: Address to listen at: by default this machine's alone; 0.0.0.0 for all who reach it.
        port: Port to listen at; by default a free one from 7860 on.
        no_browser: Do not open a browser: the address is printed in any case.
    """
    import sys
    import threading

    from forward_forward.demo import launch

    page = launch(
        run,
        host=host,
        port=port,
        browser=not no_browser,
        say=lambda line: print(line, file=sys.stderr, flush=True),
    )
    try:
        threading.Event().wait()  # until Ctrl-C
    except KeyboardInterrupt:
        page.close()
        raise KeyboardInterrupt("the page is closed") from None
    return 0
