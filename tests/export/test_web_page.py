"""The page in a real browser: drawn, taught ten samples of a changed digit, and it has learned."""

import math
from pathlib import Path

import pytest
import torch
from tests.report.browser import Visit

import forward_forward as ff
from forward_forward import recipes
from forward_forward.data import Data

pytestmark = pytest.mark.slow
SEVEN = (0.3, 0.15), (0.7, 0.15), (0.4, 0.85)
MIRRORED = (0.7, 0.15), (0.3, 0.15), (0.6, 0.85)


@pytest.fixture(scope="module")
def network():
    train, _ = ff.datasets.digits()
    plan = recipes.one_pass(train, hidden=(32, 32), epochs=10)
    plan.trainer.fit(train, epochs=plan.epochs, batch_size=plan.batch_size)
    return plan.trainer.network, train


@pytest.fixture(scope="module")
def address(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    trained, train = network
    made = ff.export.web(trained, train.inputs, train.labels, folder, spare_classes=1)
    assert made["bytes"] == (folder / "index.html").stat().st_size < 2_000_000
    return (folder / "index.html").as_uri()


@pytest.fixture
def visit(browser, address):
    """Opens the page; at the end it has requested nothing, and no script failed."""
    opened = []

    def go(width: int = 1280, at: str = address, **options) -> Visit:
        opened.append(Visit(browser, at, width, **options))
        opened[-1].page.wait_for_selector("html[data-ready]")
        return opened[-1]

    yield go
    for each in opened:
        assert each.requests == [each.address]
        assert each.complaints == []
        each.context.close()


def draw(page, points, turn: float = 0, shift: float = 0) -> None:
    """Draw a line through points of the field, turned by so many degrees, on an empty field."""
    page.click("#clear")
    page.locator("#field").scroll_into_view_if_needed()
    box = page.locator("#field").bounding_box()
    a, b = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    for index, (x, y) in enumerate(points):
        x, y = x - 0.5, y - 0.5
        x, y = a * x - b * y + 0.5 + shift, b * x + a * y + 0.5
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        if index == 0:
            page.mouse.down()
    page.mouse.up()
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


def answer(page) -> str:
    return page.inner_text("#label")


def teach(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_function("() => !busy")


def test_ten_samples_of_a_mirrored_seven_are_enough(visit):
    page = visit().page
    draw(page, SEVEN)
    assert answer(page) == "7"
    draw(page, MIRRORED, turn=3)
    first = answer(page)
    assert first != "7"
    for index in range(10):
        draw(page, MIRRORED, turn=index - 5, shift=0.01 * (index - 5))
        teach(page, "7")
    assert "7 × 100." in page.inner_text("#taught")
    draw(page, MIRRORED, turn=3)
    assert answer(page) == "7"
    page.click("#forget")
    assert answer(page) == first
    assert "Nothing taught so far" in page.inner_text("#taught")


def test_what_has_changed_is_shown_at_once(visit):
    page = visit(reduced_motion="reduce").page
    draw(page, MIRRORED, turn=3)
    first = answer(page)
    assert page.locator("#scores b").count() == 0
    teach(page, "7")
    assert page.inner_text("#change") == f"before you taught it: {first}"
    assert page.locator("#scores tr.best th").inner_text() == "7"
    assert page.locator("#scores b").count() == 10
    assert page.locator(".panel").count() == 2
    assert all("says 7" in each for each in page.locator(".panel figcaption").all_inner_texts())
    page.fill("#steps", "3")
    teach(page, "7")
    assert "7 × 13." in page.inner_text("#taught")
    page.check("#rehearse")
    teach(page, "7")
    assert "7 × 16." in page.inner_text("#taught")


def test_a_spare_class_is_unknown_until_it_is_taught(visit):
    page = visit().page
    last = page.locator("#scores tr").last
    assert "not taught" in last.inner_text()
    draw(page, ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2)))
    assert answer(page) != "spare 1"
    page.fill("#rate", "-1")
    page.fill("#steps", "50")
    teach(page, "spare 1")
    assert answer(page) == "spare 1"
    assert "not taught" not in last.inner_text()


def test_steps_that_are_too_large_end_in_a_message_and_the_exported_network(visit):
    page = visit().page
    draw(page, SEVEN)
    page.evaluate("network.setRate(1e9)")
    for name in ("1", "2", "3"):
        teach(page, name)
        if page.locator("#failed").is_visible():
            break
    assert "choose a smaller learning rate" in page.inner_text("#failed")
    assert answer(page) == "7"
    assert "Nothing taught so far" in page.inner_text("#taught")
    teach(page, "7")
    assert not page.locator("#failed").is_visible()


def test_it_works_by_keys_alone(visit):
    page = visit().page
    page.locator("#samples button").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.title").endswith(": 1")
    assert page.locator('#samples [aria-pressed="true"]').count() == 1
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.title") == "sample 6: 1"
    page.locator("#field").focus()
    for key in ("Delete", *["ArrowUp"] * 12, "Space", *["ArrowDown"] * 24, "Space"):
        page.keyboard.press(key)
    page.wait_for_function("() => input && input.some(value => value > 0)")
    assert page.locator('#samples [aria-pressed="true"]').count() == 0
    page.get_by_role("button", name="7", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => !busy")
    assert "7 × 10." in page.inner_text("#taught")
    assert page.evaluate("document.activeElement.textContent") == "7"


def test_touch_draws(visit):
    page = visit(390, has_touch=True, is_mobile=True).page
    box = page.locator("#field").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function("() => input.some(value => value > 0)")
    assert page.locator(".quick").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_and_follows_light_and_dark(visit, width, scheme):
    seen = visit(width, color_scheme=scheme)
    teach(seen.page, "7")
    seen.check_layout()
    paper = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 26)")


def test_every_control_has_a_name(visit):
    page = visit().page
    nameless = """[...document.querySelectorAll("button, input, canvas, [role=img]")].filter(each =>
        !(each.getAttribute("aria-label") || each.labels?.length || each.textContent.trim()
          || each.closest("button[aria-label]"))).map(each => each.outerHTML)"""
    assert page.evaluate(nameless) == []


def test_a_drawing_is_framed_as_mnist_frames_its_digits(visit):
    page = visit().page
    draw(page, ((0.1, 0.1), (0.1, 0.5)))  # a stroke in a corner
    framed = page.evaluate("""() => { const strokes = document.createElement("canvas");
        strokes.width = strokes.height = 280;
        const pen = strokes.getContext("2d"); pen.fillRect(20, 30, 40, 100);
        const as = {height: 28, width: 28, fit: "mass", box: 20, blank: 0, full: 255};
        return Array.from(pictureOf(strokes, as)); }""")
    picture = torch.tensor(framed).reshape(28, 28)
    rows, columns = picture.sum(1), picture.sum(0)
    assert [int(rows.nonzero()[0]), int(rows.nonzero()[-1])] == [4, 23]
    assert [int(columns.nonzero()[0]), int(columns.nonzero()[-1])] == [10, 17]
    assert float(picture.max()) == 255


def test_rows_are_entered_as_numbers(visit, tmp_path):
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(300, 3, generator=rng)
    data = Data(x, (x[:, 0] > 0.5).long(), ("low", "high"), "made")
    plan = recipes.one_pass(data, hidden=(16,), epochs=20)
    plan.trainer.fit(data, epochs=20, batch_size=10)
    settings = {"classes": data.classes}
    made = ff.export.web(plan.trainer.network, x, data.labels, tmp_path / "rows.html", **settings)
    seen = visit(390, at=Path(made["file"]).as_uri())
    field = seen.page.get_by_label("value 1")
    for value, expected in (("0.9", "high"), ("0.1", "low")):
        field.fill(value)
        assert answer(seen.page) == expected
    field.fill("1e30")
    assert "cannot answer for these values" in seen.page.inner_text("#failed")
    field.fill("0.2")
    assert not seen.page.locator("#failed").is_visible()
    field.fill("")  # no number: the last answer stays
    assert answer(seen.page) == "low"
    seen.check_layout()
