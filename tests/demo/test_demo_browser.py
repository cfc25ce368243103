"""The demo in a real browser: a drawn 1 is recognised, training runs, bad input gets a message."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from forward_forward.demo import subject

pytest.importorskip("gradio", reason="gradio is not installed")

pytestmark = pytest.mark.slow
MNIST = Path(os.environ.get("FF_DATA", ".")) / "mnist"


def _restore_ctrl_c() -> None:
    """A shell's background processes ignore SIGINT, and so do their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def address(browser, tmp_path_factory) -> Iterator[str]:
    """A page about a small network, on MNIST if it is available, else on digits."""
    cache = str(tmp_path_factory.mktemp("cache"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FF_CACHE", cache)
        patch.setattr(subject, "HIDDEN", (100, 100))
        patch.setattr(subject, "IMAGES", 5_000)
        patch.setattr(subject, "EPOCHS", {"mnist": 3, "digits": 10})
        subject.subject_of(None, print)  # the command finds it in the cache
    command = [sys.executable, "-m", "forward_forward", "demo", "--no-browser"]
    environment = {**os.environ, "FF_CACHE": cache, "OMP_NUM_THREADS": "1"}
    page = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=_restore_ctrl_c
    )
    try:
        lines = iter(page.stderr.readline, "")
        line = next(line for line in lines if line.startswith("the page is at "))
        yield line.removeprefix("the page is at ").strip()
        page.send_signal(signal.SIGINT)
        assert page.wait(300) == 130
        assert page.stderr.read().strip() == "ff: the page is closed"
    finally:
        page.kill()
        page.wait()
        page.stderr.close()


@pytest.fixture
def visit(browser, address):
    """Opens the page; at the end no request may have left this machine, and no script failed."""
    opened = []
    asked: list[str] = []
    errors: list[str] = []

    def go(width: int = 1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(300_000)  # as long as a busy machine needs
        opened.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#pen canvas")
        return page

    yield go
    for each in opened:
        each.close()
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
    assert errors == []


def draw_one(page) -> None:
    box = page.locator("#pen canvas").bounding_box()
    x, y, side = box["x"] + box["width"] / 2, box["y"], box["height"]
    page.mouse.move(x, y + 0.15 * side)
    page.mouse.down()
    for step in range(1, 13):
        page.mouse.move(x, y + (0.15 + 0.7 * step / 12) * side)
    page.mouse.up()


def answer(page) -> str:
    page.wait_for_selector("#answer table.bars")
    return page.locator("#answer .says .label").inner_text()


def test_a_drawn_one_is_recognised_and_explained(visit):
    page = visit()
    draw_one(page)
    assert answer(page) == "1"
    assert page.locator("#answer .bar").count() == 10
    assert page.locator("#answer tr.best").count() == 1
    assert "The strongest wrong label is" in page.locator("#answer .why").inner_text()
    assert page.locator("#units img").count() == 6
    page.click("#ask-time")
    page.wait_for_selector("#time svg")
    assert "over time" in page.locator("#time").inner_text()


def test_a_telephone_shows_the_answer_without_scrolling(visit):
    page = visit(390)
    draw_one(page)
    assert answer(page) == "1"
    label = page.locator("#answer .says .label").bounding_box()
    assert label["y"] + label["height"] < 780  # of 844, less the browser's own bar
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_it_works_by_keys_alone(visit):
    page = visit()
    canvas = page.locator("#pen canvas")
    for _ in range(30):
        page.keyboard.press("Tab")
        if canvas.evaluate("each => each === document.activeElement"):
            break
    assert "arrows move the pen" in canvas.get_attribute("aria-label")
    for _ in range(16):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(32):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert answer(page) == "1"
    page.keyboard.press("Delete")
    page.wait_for_selector("#answer .sentence")
    page.locator("#unseen").focus()
    page.keyboard.press("Enter")
    assert answer(page)


def test_a_file_that_is_not_a_picture_gets_a_message_and_a_picture_an_answer(visit, tmp_path):
    page = visit()
    (tmp_path / "bad.png").write_text("miaow")
    page.set_input_files("#file input[type=file]", tmp_path / "bad.png")
    page.wait_for_selector("#answer [role=alert] >> text=Expected a picture file")
    said = page.locator("#answer").inner_text()
    assert "got 'bad.png'" in said
    assert "Traceback" not in said
    from PIL import Image, ImageDraw

    picture = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(picture).line((100, 20, 100, 180), fill=0, width=18)
    picture.save(tmp_path / "one.png")
    page.set_input_files("#file input[type=file]", tmp_path / "one.png")  # without a reload
    assert answer(page)
    assert "one.png" in page.locator("#answer").inner_text()
    if MNIST.is_dir():
        assert answer(page) == "1"


def test_two_strokes_in_a_hurry_and_clear_are_not_lost(visit):
    page = visit()
    box = page.locator("#pen canvas").bounding_box()
    for _ in range(3):
        draw_one(page)
    page.mouse.move(box["x"] + 60, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 45, steps=4)
    page.mouse.up()
    page.click("#pen .clear")
    page.wait_for_selector("#answer [role=alert] >> text=blank")
    assert page.locator("#answer table.bars").count() == 0


def test_an_invalid_learning_rate_gets_a_message(visit):
    page = visit()
    page.get_by_role("tab", name="Train").click()
    page.get_by_label("Learning rate").fill("-1")
    page.click("#train")
    page.wait_for_selector("#course [role=alert] >> text=a number above 0, got -1")


def test_live_training_moves(visit):
    page = visit()
    page.get_by_role("tab", name="Train").click()
    page.get_by_label("number input for Epochs").fill("1")
    page.click("#train")
    page.wait_for_selector("#course svg")
    page.wait_for_selector("#course .state >> text=Done")
    said = page.locator("#course").inner_text()
    assert "Forward-Forward" in said
    assert "backpropagation" in said
    assert page.locator("#course svg").count() == 3


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_needs_no_sideways_scrolling_and_follows_light_and_dark(visit, width, scheme):
    page = visit(width, color_scheme=scheme)
    page.click("#unseen")
    answer(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ink = page.evaluate("getComputedStyle(document.querySelector('#answer .why')).color")
    dark = sum(int(each) for each in ink[4:-1].split(",")[:3]) > 384
    assert dark == (scheme == "dark")


def test_every_field_has_a_name(visit):
    page = visit()
    for tab in ("Classify", "Train"):
        page.get_by_role("tab", name=tab).click()
        nameless = page.evaluate(
            """[...document.querySelectorAll("button, input, canvas, select")].filter(each =>
                each.getClientRects().length && each.type !== "file" &&
                !(each.innerText || "").trim() && !each.getAttribute("aria-label") &&
                !each.title && !(each.labels || []).length
            ).map(each => each.outerHTML.slice(0, 100))"""
        )
        assert nameless == []
