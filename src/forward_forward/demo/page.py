"""A subject -> a page in the browser, to ask about a picture and to watch a network train."""

from __future__ import annotations

import base64
import binascii
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from forward_forward import goodness, losses
from forward_forward.contracts.named import public_parts
from forward_forward.data.pictures.framing import read_picture
from forward_forward.demo import live, show
from forward_forward.demo.answer import Explainer
from forward_forward.demo.over_time import TrainedOnce
from forward_forward.demo.subject import Say, Subject, subject_of
from forward_forward.recipes.settings import parts

TITLE = "Forward-Forward"
DRAW = "Draw a digit, choose a file, or pick a picture that the network was not trained on."
ACTIVATIONS = ("ReLU", "GELU", "SiLU", "Tanh", "Sigmoid")
EPOCHS = 5
TRAINING_USERS = 4  # who may train at the same time
CLEAR = "ff-clear"  # the event that clears the drawing field
LARGEST = 20  # megabytes of a file


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
        ValueError: The page cannot show this run.
    """
    with _environment(host):
        gradio = _gradio()
        blocks = _page(gradio, subject_of(run, say))
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
            )
        except OSError as error:
            if "empty port" not in str(error):
                raise
            found = "all ports from 7860 to 7959 are" if port is None else f"port {port} is"
            raise OSError(f"{found} in use on {host}: choose another port, with --port") from error
    say(f"the page is at {address}")
    return RunningPage(str(address), blocks.close)


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
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _gradio() -> Any:
    try:
        import gradio
    except ImportError as error:
        raise ImportError('the page needs Gradio: pip install "forward-forward[demo]"') from error
    return gradio


def _page(gradio: Any, subject: Subject) -> Any:
    with gradio.Blocks(title=TITLE, analytics_enabled=False) as blocks:
        gradio.Markdown(
            f"# {TITLE}\n{subject.title}. Every layer is active for real data with the correct"
            " label and quiet for a wrong one; the predicted label is the one that makes the layers"
            " most active."
        )
        with gradio.Tabs():
            with gradio.Tab("Ask"):
                _AskTab(gradio, subject).lay_out()
            with gradio.Tab("Train"):
                _TrainTab(gradio, subject).lay_out()
    return blocks


class _AskTab:
    """The tab to ask about a picture."""

    def __init__(self, gradio: Any, subject: Subject) -> None:
        self.gradio, self.subject = gradio, subject
        self.explainer, self.recurrent = Explainer(subject), TrainedOnce(subject.train)

    def lay_out(self) -> None:
        gradio = self.gradio
        sample, clicks = gradio.State(None), gradio.State(0)
        with gradio.Row():
            with gradio.Column(scale=2, min_width=280):
                pen = _html(gradio, show.field(), "pen", js_on_load=show.pen())
            with gradio.Column(scale=3, min_width=300):
                answer = _html(gradio, show.sentence(DRAW), "answer")
        with gradio.Row():  # below the answer, which a telephone shows below the drawing
            unseen = gradio.Button("An unseen picture", elem_id="unseen")
            file = gradio.File(label="Or a picture file", elem_id="file", height=120)
        units = _html(gradio, "", "units")
        ask_time = gradio.Button("Show it to a recurrent network", elem_id="ask-time")
        over_time = _html(gradio, "", "time")
        shown = [answer, units, over_time, sample]
        # Gradio recognises an event's data by this annotation, which must be a class at run time.
        drawn = _annotated(self._drawn, gradio.EventData)
        # Events during an answer are queued, not dropped: the last one must win.
        quiet = {"show_progress": "hidden", "trigger_mode": "multiple", "concurrency_id": "ask"}
        pen.input(drawn, None, shown, **quiet)
        # The file field is emptied, so that the next file can be dropped there.
        file.upload(self._file, file, [*shown, file], **quiet)
        unseen.click(self._unseen, clicks, [*shown, clicks], **quiet)
        for other in (file.upload, unseen.click):
            other(None, js=f"() => document.dispatchEvent(new Event({CLEAR!r}))")
        ask_time.click(self._over_time, sample, over_time, show_progress="minimal")

    def _drawn(self, event: Any) -> tuple[Any, ...]:
        try:
            content = base64.b64decode(str(event.drawn).partition(",")[2], validate=True)
        except (AttributeError, binascii.Error):
            return self._refused("The drawing arrived incomplete: draw it again.")
        return self._ask(lambda: read_picture(io.BytesIO(content), self.subject.drawing))

    def _file(self, path: str) -> tuple[Any, ...]:
        name, size = Path(path).name, Path(path).stat().st_size
        if size > LARGEST * 2**20:
            text = f"Expected a file of at most {LARGEST} MB, got {name!r} of {size / 2**20:.0f}."
            return (*self._refused(text), None)
        read = partial(read_picture, path, self.subject.frame)
        return (*self._ask(read, name, path), None)

    def _unseen(self, clicks: int) -> tuple[Any, ...]:
        data = self.subject.unseen
        place = (clicks * 37 + 11) % len(data)  # neighbours in a set may be of the same class
        batch = next(iter(data.subset([place]).batches(1)))
        note = f"A picture of class {self.subject.classes[int(batch.y[0])]}"
        return (*self._ask(lambda: (batch.x, [note])), clicks + 1)

    def _ask(
        self, read: Callable[[], tuple[Tensor, list[str]]], name: str = "", path: str = ""
    ) -> tuple[Any, ...]:
        try:
            sample, steps = read()
        except ValueError as error:
            # The file is in a temporary folder here; the user knows only its name.
            text = str(error).replace(repr(path), repr(name)) if path else str(error)
            return self._refused(_as_sentence(text))
        answer = self.explainer.explain(sample)
        note = "; ".join(steps)
        note = f"{name}: {note or 'unchanged'}" if name else note[:1].upper() + note[1:]
        return (
            show.answer_html(answer, self.subject, sample, note),
            show.units_html(answer, self.subject),
            "",
            sample,
        )

    def _refused(self, text: str) -> tuple[Any, ...]:
        return show.sentence(text), "", "", None

    def _over_time(self, sample: Tensor | None) -> Iterator[str]:
        if sample is None:
            yield show.sentence(DRAW)
            return
        if not self.recurrent.ready:
            yield show.sentence("Training a small recurrent network, once; this takes seconds.")
        yield show.over_time_html(self.recurrent.goodness(sample), self.subject)


class _TrainTab:
    """The tab to watch a network train."""

    def __init__(self, gradio: Any, subject: Subject) -> None:
        self.gradio, self.subject = gradio, subject

    def lay_out(self) -> None:
        gradio = self.gradio
        gradio.Markdown(
            "Two networks with the same two layers learn from the same batches: one by"
            " Forward-Forward, each layer on its own, the other by backpropagation."
        )
        with gradio.Row():
            loss = gradio.Dropdown(sorted(public_parts(losses)), value="SiluPair", label="Loss")
            good = gradio.Dropdown(
                sorted(public_parts(goodness)), value="mean_square", label="Goodness"
            )
            activation = gradio.Dropdown(list(ACTIVATIONS), value="ReLU", label="Activation")
            optimizer = gradio.Dropdown(list(live.RATES), value="AdamW", label="Optimiser")
            rate = gradio.Number(live.RATES["AdamW"], label="Learning rate", step=0.001)
            epochs = gradio.Slider(1, 20, EPOCHS, step=1, label="Epochs")
        with gradio.Row():
            train = gradio.Button("Train", variant="primary", elem_id="train")
            stop = gradio.Button("Stop", elem_id="stop")
        course = _html(gradio, "", "course")
        optimizer.change(live.RATES.get, optimizer, rate, show_progress="hidden")
        settings = [loss, good, activation, optimizer, rate, epochs]
        run = train.click(
            self._train, settings, course, show_progress="hidden", concurrency_limit=TRAINING_USERS
        )
        stop.click(show.stopped, course, course, cancels=[run], show_progress="hidden")

    def _train(
        self, loss: str, good: str, activation: str, optimizer: str, rate: float | None, epochs: int
    ) -> Iterator[str]:
        if not rate or rate < 0:
            yield show.sentence(f"The learning rate must be a number above 0, got {rate}.")
            return
        yield show.sentence("Training starts.")
        names = {"loss": loss, "goodness": good, "activation": activation, "optimizer": optimizer}
        try:
            settings = {**parts(names, typed=frozenset()), "lr": float(rate)}
            for snapshot in live.snapshots(self.subject.train, settings, int(epochs)):
                yield show.snapshot_html(snapshot)
        except live.Exploded as error:
            yield show.sentence(
                f"Training diverged: {error}. Lower the learning rate, now {rate:g}, or choose a"
                " bounded loss."
            )
        except ValueError as error:
            yield show.sentence(_as_sentence(str(error)))


def _as_sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _html(gradio: Any, value: str, name: str, **options: Any) -> Any:
    """An element with our own HTML; Gradio's text styles would draw boxes around its tables."""
    return gradio.HTML(value, elem_id=name, apply_default_css=False, **options)


def _annotated(method: Callable[[Any], Any], kind: type) -> Callable[[Any], Any]:
    def handle(event: Any) -> Any:
        return method(event)

    handle.__annotations__["event"] = kind
    return handle
