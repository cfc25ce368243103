"""A subject -> a page in the browser: a picture to ask about, a network to watch in training."""

from __future__ import annotations

import base64
import binascii
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from forward_forward import goodness, losses
from forward_forward.contracts.named import public_parts
from forward_forward.data.pictures.framing import read_picture
from forward_forward.demo import live, show
from forward_forward.demo.answer import Asker
from forward_forward.demo.over_time import Recurrent
from forward_forward.demo.subject import Say, Subject, subject_of

TITLE = "Forward-Forward"
DRAW = "Draw something, choose a file, or take a picture that the network has not seen."
ACTIVATIONS = ("ReLU", "GELU", "SiLU", "Tanh", "Sigmoid")
EPOCHS = 5
VISITORS = 4  # who may train at a time
CLEAR = "ff-clear"  # tells the field to draw on that something else is asked about
LARGEST = 20  # megabytes of a file


@dataclass(frozen=True)
class Served:
    """A page that is served.

    Args:
        address: Where it is.
        close: Ends it.
    """

    address: str
    close: Callable[[], None]


def launch(
    run: Path | str | None = None,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    browser: bool = True,
    say: Say = lambda line: None,
) -> Served:
    """Serve the page, beside whatever else this process does.

    Args:
        run: A run's folder; None for a small network of its own, trained where there is none yet.
        host: Address to listen at; the default is this machine's alone.
        port: Port to listen at; None takes a free one from 7860 on.
        browser: Whether to open it in the browser.
        say: Is told what takes a while, and where the page is.

    Returns:
        The page, to be closed.

    Raises:
        ImportError: Gradio is missing.
        OSError: The port is taken.
        ValueError: The run is none that the page can show.
    """
    gradio = _gradio()
    subject = subject_of(run, say)
    blocks = _page(gradio, subject)
    _, address, _ = blocks.launch(
        server_name=host,
        server_port=port,
        inbrowser=browser,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        footer_links=[],
        css=show.style(),
        theme=gradio.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
    )
    say(f"the page is at {address}")
    return Served(str(address), blocks.close)


def _gradio() -> Any:
    # It reports its use to its makers unless this is set before it is imported.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import gradio
    except ImportError as error:
        raise ImportError('the page needs Gradio: pip install "forward-forward[demo]"') from error
    return gradio


def _page(gradio: Any, subject: Subject) -> Any:
    with gradio.Blocks(title=TITLE, analytics_enabled=False) as blocks:
        gradio.Markdown(
            f"# {TITLE}\n{subject.title}. Every layer is active for real data with the right label,"
            " and quiet for a wrong one: the label that makes the layers most active is the answer."
        )
        with gradio.Tabs():
            with gradio.Tab("Ask"):
                _Asking(gradio, subject).lay_out()
            with gradio.Tab("Train"):
                _Training(gradio, subject).lay_out()
    return blocks


class _Asking:
    """The tab to ask about a picture."""

    def __init__(self, gradio: Any, subject: Subject) -> None:
        self.gradio, self.subject = gradio, subject
        self.asker, self.recurrent = Asker(subject), Recurrent(subject.train)

    def lay_out(self) -> None:
        gradio = self.gradio
        sample = gradio.State(None)
        turn = gradio.State(0)
        with gradio.Row():
            with gradio.Column(scale=2, min_width=280):
                pen = _html(gradio, show.field(), "pen", js_on_load=show.pen())
                file = gradio.File(label="Or a picture file", elem_id="file", height=120)
                unseen = gradio.Button("A picture it has not seen", elem_id="unseen")
            with gradio.Column(scale=3, min_width=300):
                answer = _html(gradio, show.sentence(DRAW), "answer")
        units = _html(gradio, "", "units")
        ask_time = gradio.Button("Show it to a recurrent network, look by look", elem_id="ask-time")
        over_time = _html(gradio, "", "time")
        shown = [answer, units, over_time, sample]
        # Gradio finds an event's data by this annotation, which must be a class when it is read.
        drawn = _annotated(self._drawn, gradio.EventData)
        # What comes while an answer is on its way is asked next, one by one: the last must win.
        quiet = {"show_progress": "hidden", "trigger_mode": "multiple", "concurrency_id": "ask"}
        pen.input(drawn, None, shown, **quiet)
        # The field for files is emptied, so that another can be dropped there.
        file.upload(self._file, file, [*shown, file], **quiet)
        unseen.click(self._unseen, turn, [*shown, turn], **quiet)
        for other in (file.upload, unseen.click):
            other(None, js=f"() => document.dispatchEvent(new Event({CLEAR!r}))")
        ask_time.click(self._over_time, sample, over_time, show_progress="minimal")

    def _drawn(self, event: Any) -> tuple[Any, ...]:
        try:
            content = base64.b64decode(str(event.drawn).partition(",")[2], validate=True)
        except (AttributeError, binascii.Error):
            return self._refused("The drawing did not arrive whole: draw it again.")
        return self._asked(lambda: read_picture(io.BytesIO(content), self.subject.drawing))

    def _file(self, path: str) -> tuple[Any, ...]:
        name, size = Path(path).name, Path(path).stat().st_size
        if size > LARGEST * 2**20:
            words = f"Expected a file of at most {LARGEST} MB, got {name!r} of {size / 2**20:.0f}."
            return (*self._refused(words), None)
        read = partial(read_picture, path, self.subject.frame)
        return (*self._asked(read, name, path), None)

    def _unseen(self, turn: int) -> tuple[Any, ...]:
        data = self.subject.unseen
        place = (turn * 37 + 11) % len(data)  # neighbours in a set may be of one class
        batch = next(iter(data.subset([place]).batches(1)))
        done = f"A picture of the class {self.subject.classes[int(batch.y[0])]}"
        return (*self._asked(lambda: (batch.x, [done])), turn + 1)

    def _asked(
        self, read: Callable[[], tuple[Tensor, list[str]]], name: str = "", path: str = ""
    ) -> tuple[Any, ...]:
        try:
            sample, done = read()
        except ValueError as error:
            # The file lies in a temporary folder here: its user knows it by its name.
            words = str(error).replace(repr(path), repr(name)) if path else str(error)
            return self._refused(words[:1].upper() + words[1:].rstrip(".") + ".")
        answer = self.asker.ask(sample)
        said = "; ".join(done)
        said = f"{name}: {said or 'as it is'}" if name else said[:1].upper() + said[1:]
        return (
            show.answer_html(answer, self.subject, sample, said),
            show.units_html(answer, self.subject),
            "",
            sample,
        )

    def _refused(self, words: str) -> tuple[Any, ...]:
        return show.sentence(words), "", "", None

    def _over_time(self, sample: Tensor | None) -> Iterator[str]:
        if sample is None:
            yield show.sentence(DRAW)
            return
        if not self.recurrent.ready:
            yield show.sentence("Training a small recurrent network, once: some seconds.")
        yield show.over_time_html(self.recurrent.goodness(sample), self.subject)


class _Training:
    """The tab to watch a network in training."""

    def __init__(self, gradio: Any, subject: Subject) -> None:
        self.gradio, self.subject = gradio, subject

    def lay_out(self) -> None:
        gradio = self.gradio
        gradio.Markdown(
            "Two networks of the same two layers learn from the same batches: one by"
            " Forward-Forward, each layer by itself, the other by backpropagation."
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
            begin = gradio.Button("Train", variant="primary", elem_id="train")
            end = gradio.Button("Stop", elem_id="stop")
        course = _html(gradio, "", "course")
        optimizer.change(live.RATES.get, optimizer, rate, show_progress="hidden")
        settings = [loss, good, activation, optimizer, rate, epochs]
        run = begin.click(
            self._train, settings, course, show_progress="hidden", concurrency_limit=VISITORS
        )
        end.click(show.stopped, course, course, cancels=[run], show_progress="hidden")

    def _train(
        self, loss: str, good: str, activation: str, optimizer: str, rate: float | None, epochs: int
    ) -> Iterator[str]:
        from forward_forward.recipes.settings import parts

        if not rate or rate < 0:
            yield show.sentence(f"The learning rate expects a number above 0, got {rate}.")
            return
        yield show.sentence("Training begins.")
        words = {"loss": loss, "goodness": good, "activation": activation, "optimizer": optimizer}
        try:
            settings = {**parts(words, typed=frozenset()), "lr": float(rate)}
            for moment in live.moments(self.subject.train, settings, int(epochs)):
                yield show.moment_html(moment)
        except live.Exploded as error:
            yield show.sentence(
                f"It exploded: {error}. Lower the learning rate, now {rate:g}, or choose a loss"
                " that does not grow without bound."
            )
        except ValueError as error:
            words_ = str(error)
            yield show.sentence(words_[:1].upper() + words_[1:] + ".")


def _html(gradio: Any, value: str, name: str, **options: Any) -> Any:
    """A part of the page of our own; Gradio's rules for text would draw boxes around its tables."""
    return gradio.HTML(value, elem_id=name, apply_default_css=False, **options)


def _annotated(method: Callable[[Any], Any], kind: type) -> Callable[[Any], Any]:
    def handle(event: Any) -> Any:
        return method(event)

    handle.__annotations__["event"] = kind
    return handle
