"""A subject -> a page in the browser, to ask about a picture and to watch a network train."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Callable, Iterator
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
from forward_forward.demo.subject import Subject
from forward_forward.recipes.settings import parts

TITLE = "Forward-Forward"
DRAW = "Draw a digit, choose a file, or pick a picture that the network was not trained on."
ACTIVATIONS = ("ReLU", "GELU", "SiLU", "Tanh", "Sigmoid")
EPOCHS = 5
TRAINING_USERS = 4  # who may train at the same time
CLEAR = "ff-clear"  # the event that clears the drawing field
LARGEST = 20 * 2**20  # bytes of a picture
DELETED = 60, 600  # every so many seconds, uploads that are older than so many seconds are deleted


def page_of(gradio: Any, subject: Subject) -> Any:
    """Gradio's page of a subject, which is not served yet."""
    with gradio.Blocks(title=TITLE, analytics_enabled=False, delete_cache=DELETED) as blocks:
        gradio.Markdown(
            f"# {TITLE}\n{subject.title}. Every layer measures how well a picture goes with"
            " each label, its goodness; the predicted label is the one with the highest sum."
        )
        with gradio.Tabs():
            with gradio.Tab("Classify"):
                _ClassifyTab(gradio, subject).lay_out()
            with gradio.Tab("Train"):
                _TrainTab(gradio, subject).lay_out()
    return blocks


class _ClassifyTab:
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
            text = str(event.drawn)
            if len(text) > LARGEST:
                return self._refused(f"Expected a drawing of at most {LARGEST / 2**20:.0f} MB.")
            content = base64.b64decode(text.partition(",")[2], validate=True)
        except (AttributeError, binascii.Error):
            return self._refused("The drawing arrived incomplete: draw it again.")
        return self._ask(lambda: read_picture(io.BytesIO(content), self.subject.drawing))

    def _file(self, path: str) -> tuple[Any, ...]:
        name = Path(path).name
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
