"""A run, a host and a port -> its page, served in the background until it is closed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from forward_forward.demo import show
from forward_forward.demo.page import LARGEST, page_of
from forward_forward.demo.subject import Say, subject_of

UPLOADS = "GRADIO_TEMP_DIR"  # the variable that says where Gradio stores uploads


@dataclass(frozen=True)
class RunningPage:
    """A page that is being served: its URL, and how to stop serving it."""

    address: str
    close: Callable[[], None]


def launch(
    run: Path | str | None = None,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    browser: bool = True,
    say: Say = lambda line: None,
) -> RunningPage:
    """Serve the page in background threads.

    Files that are uploaded to the page are limited in size and stored in a temporary folder, which
    is removed when the page is closed.

    Args:
        run: A run's folder; None for a small network, which is trained the first time.
        host: Address to listen on; by default only this machine can connect.
        port: Port to listen on; None selects a free one, from 7860 on.
        browser: Whether to open the page in the browser.
        say: Called with a line of text before anything that takes a while, and with the address.

    Returns:
        The running page, which the caller must close.

    Raises:
        ImportError: Gradio is not installed.
        OSError: The port is in use.
        ValueError: The page cannot show this run, or the host is none of this machine.
    """
    check_host(host)
    with ExitStack() as opened:
        opened.enter_context(_uploads())
        with _environment(host):
            gradio = _gradio()
            blocks = page_of(gradio, subject_of(run, say))
            opened.callback(blocks.close)
            address = _served(gradio, blocks, host, port, browser)
        say(f"the page is at {address}")
        return RunningPage(address, opened.pop_all().close)


def check_host(host: str) -> None:
    """Refuse a host that has no address on this machine: Gradio would take it for a used port."""
    reason = ""
    try:
        name = host.removeprefix("[").removesuffix("]")
        for family, kind, _, _, address in socket.getaddrinfo(name, 0, type=socket.SOCK_STREAM):
            try:
                with socket.socket(family, kind) as tried:
                    tried.bind(address)
                return
            except OSError as error:  # perhaps the next address, as where there is no IPv6
                reason = error.strerror or str(error)
    except OSError as error:
        reason = error.strerror or str(error)
    except UnicodeError:
        reason = "it is no name of a host"
    raise ValueError(
        f"expected the name or address of this machine as the host, got {host!r} ({reason}): use"
        " 127.0.0.1 for this machine alone, or 0.0.0.0 to admit others"
    )


def _served(gradio: Any, blocks: Any, host: str, port: int | None, browser: bool) -> str:
    """The address at which Gradio serves a page from now on."""
    fonts = {"font": ["system-ui", "sans-serif"], "font_mono": ["monospace"]}
    try:
        _, address, _ = blocks.launch(
            server_name=host,
            server_port=port,
            inbrowser=browser,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            footer_links=[],
            css=show.style(),
            theme=gradio.themes.Base(**fonts),
            max_file_size=LARGEST,
        )
    except OSError as error:
        if "empty port" not in str(error):
            raise
        found = "all ports from 7860 to 7959 are" if port is None else f"port {port} is"
        raise OSError(f"{found} in use on {host}: choose another port, with --port") from error
    return str(address)


@contextmanager
def _uploads() -> Iterator[None]:
    """Within the block, Gradio stores uploads in a folder that is removed at the end.

    Gradio reads the variable whenever a file is uploaded, so it is set as long as the page is
    served. If the user has set it, the folder is made there.
    """
    before = os.environ.get(UPLOADS)
    if before:
        Path(before).mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(
            prefix="forward-forward-", dir=before or None, ignore_cleanup_errors=True
        ) as folder:
            os.environ[UPLOADS] = folder
            yield
    finally:
        _restore({UPLOADS: before})


@contextmanager
def _environment(host: str) -> Iterator[None]:
    """Within the block Gradio sends no usage statistics, and asks for its own page without a proxy.

    Gradio reads these variables when it is imported and when it begins to serve a page. Those of
    statistics stay as they are if the user has set them.
    """
    defaults = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    changed = {name: os.environ.get(name, value) for name, value in defaults.items()}
    for name in ("no_proxy", "NO_PROXY"):
        own = f"localhost,127.0.0.1,{host}"
        changed[name] = f"{os.environ[name]},{own}" if os.environ.get(name) else own
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        _restore(before)


def _restore(before: dict[str, str | None]) -> None:
    """Set variables of the environment to what they were; None if they were not set."""
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _gradio() -> Any:
    try:
        import gradio
    except ImportError as error:
        raise ImportError('the page needs Gradio: pip install "forward-forward[demo]"') from error
    return gradio
