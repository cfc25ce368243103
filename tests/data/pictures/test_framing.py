"""Picture files of any size and kind become samples framed as in training, or one sentence."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

import forward_forward as ff
from forward_forward import datasets, recipes
from forward_forward.data import Data
from forward_forward.data.pictures.framing import Frame, frame_of, read_picture

FILLED = Frame((1, 8, 8))
FRAMED = Frame((1, 28, 28), blank=0.0, content=0.7)
COLOUR = Frame((3, 10, 12))


def stroke(
    size: int = 100, ink: int = 0, paper: int = 255, at: tuple[int, int] = (20, 10)
) -> Image:
    """A thick 7 on paper, off the centre."""
    picture = Image.new("L", (size, size), paper)
    x, y = at
    corners = [(x, y), (x + 40, y), (x + 15, y + 60)]
    ImageDraw.Draw(picture).line(corners, fill=ink, width=9, joint="curve")
    return picture


def saved(folder: Path, picture: Image.Image, name: str = "picture.png", **options) -> Path:
    picture.save(folder / name, **options)
    return folder / name


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I", "CMYK", "F"]
FORMATS = {"CMYK": "jpg", "F": "tiff", "I": "tiff"}


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (8, 8), (28, 28), (301, 77)])
@pytest.mark.parametrize("frame", [FILLED, COLOUR])
@pytest.mark.parametrize("mode", MODES)
def test_any_mode_and_size_is_read(tmp_path, mode, size, frame):
    picture = Image.effect_noise(size, 50).convert("L")
    picture = picture.convert("RGB").convert("P") if mode == "P" else picture.convert(mode)
    path = saved(tmp_path, picture, f"picture.{FORMATS.get(mode, 'png')}")
    sample, done = read_picture(path, frame)
    assert sample.shape == (1, *frame.shape)
    assert sample.dtype == torch.float32
    assert 0 <= float(sample.min()) <= float(sample.max()) <= 1
    assert len(done) == (0 if size == frame.shape[:0:-1] else 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_of_the_training_size_is_taken_as_it_is(tmp_path, channels):
    values = np.random.default_rng(0).integers(0, 256, (28, 28, channels), dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(values[:, :, 0] if channels == 1 else values))
    sample, done = read_picture(path, Frame((channels, 28, 28), blank=0.0, content=0.7))
    assert torch.equal(sample[0], torch.from_numpy(values / np.float32(255)).permute(2, 0, 1))
    assert done == []


def middle(sample: torch.Tensor) -> tuple[float, float]:
    """Centre of mass, down and across, in shares of the picture."""
    mass = sample[0].mean(0)
    rows = (torch.arange(mass.shape[0]) + 0.5) / mass.shape[0]
    columns = (torch.arange(mass.shape[1]) + 0.5) / mass.shape[1]
    total = mass.sum()
    return float((mass.sum(1) @ rows) / total), float((mass.sum(0) @ columns) / total)


@pytest.mark.parametrize("at", [(10, 10), (45, 30), (5, 30)])
@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0), (60, 200), (180, 20)])
def test_a_digit_is_turned_scaled_and_centred(tmp_path, ink, paper, at):
    path = saved(tmp_path, stroke(ink=ink, paper=paper, at=at))
    sample, done = read_picture(path, FRAMED)
    down, across = middle(sample)
    assert abs(down - 0.5) < 0.03
    assert abs(across - 0.5) < 0.03
    marks = sample[0, 0] > 0.2
    tall, wide = int(marks.any(1).sum()), int(marks.any(0).sum())
    assert abs(max(tall, wide) - 0.7 * 28) <= 1.5
    assert float(sample[0, 0, 0].max()) < 0.05  # the border is blank
    assert any("inverted" in each for each in done) == (ink < paper)
    assert any("100 x 100" in words and "28 x 28" in words for words in done)


def test_dark_ink_on_light_is_the_same_as_light_on_dark(tmp_path):
    dark, _ = read_picture(saved(tmp_path, stroke(), "dark.png"), FRAMED)
    light, _ = read_picture(saved(tmp_path, stroke(ink=255, paper=0), "light.png"), FRAMED)
    torch.testing.assert_close(dark, light)


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0)])
def test_training_pictures_on_white_get_dark_ink_on_white(tmp_path, ink, paper):
    on_white = Frame((1, 28, 28), blank=1.0, content=0.7)
    sample, _ = read_picture(saved(tmp_path, stroke(ink=ink, paper=paper)), on_white)
    on_black, _ = read_picture(saved(tmp_path, stroke(ink=255, paper=0)), FRAMED)
    torch.testing.assert_close(sample, 1 - on_black, atol=1e-5, rtol=0)


def test_a_thin_stroke_keeps_its_shape(tmp_path):
    picture = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(picture).line([(150, 40), (150, 260)], fill=0, width=30)
    sample, _ = read_picture(saved(tmp_path, picture), FRAMED)
    marks = sample[0, 0] > 0.2
    assert 19 <= int(marks.any(1).sum()) <= 21
    assert 2 <= int(marks.any(0).sum()) <= 4


def test_what_is_transparent_is_paper(tmp_path):
    ink = stroke().point(lambda value: 255 - value)
    clear = Image.merge("RGBA", [Image.new("L", ink.size, 0)] * 3 + [ink])
    sample, _ = read_picture(saved(tmp_path, clear, "clear.png"), FRAMED)
    expected, _ = read_picture(saved(tmp_path, stroke(), "plain.png"), FRAMED)
    torch.testing.assert_close(sample, expected)


def test_sixteen_bits_are_read_in_full(tmp_path):
    wide = np.asarray(stroke(ink=255, paper=0)).astype(np.uint16) * 257
    sample, _ = read_picture(saved(tmp_path, Image.fromarray(wide), "wide.png"), FRAMED)
    expected, _ = read_picture(saved(tmp_path, stroke(ink=255, paper=0), "plain.png"), FRAMED)
    torch.testing.assert_close(sample, expected, atol=0.01, rtol=0)


def test_a_photograph_that_a_camera_turned_is_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    turned = stroke().transpose(Image.Transpose.ROTATE_90)
    path = saved(tmp_path, turned, "turned.jpg", exif=exif, quality=95)
    plain = saved(tmp_path, stroke(), "plain.jpg", quality=95)
    sample, expected = read_picture(path, FRAMED)[0], read_picture(plain, FRAMED)[0]
    assert float((sample - expected).abs().max()) < 0.1


def test_the_first_picture_of_an_animation_is_read(tmp_path):
    frames = [stroke(at=(20 + 5 * number, 10)) for number in range(3)]
    frames[1:] = [frame.rotate(90) for frame in frames[1:]]
    path = saved(tmp_path, frames[0], "moving.gif", save_all=True, append_images=frames[1:], loop=0)
    expected = read_picture(saved(tmp_path, frames[0], "still.gif"), FRAMED)[0]
    assert torch.equal(read_picture(path, FRAMED)[0], expected)


@pytest.mark.parametrize("size", [(1, 1), (100, 60)])
@pytest.mark.parametrize("colour", [0, 255, 130])
def test_a_blank_picture_is_refused_where_content_is_sought(tmp_path, colour, size):
    path = saved(tmp_path, Image.new("L", size, colour))
    with pytest.raises(ValueError, match="blank"):
        read_picture(path, FRAMED)
    assert read_picture(path, FILLED)[0].shape == (1, 1, 8, 8)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"<svg></svg>", b"P5 x"])
def test_what_is_no_picture_gets_a_sentence(tmp_path, content):
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"expected a picture file, got .*picture\.png"):
        read_picture(path, FRAMED)


@pytest.mark.parametrize("name", ["missing.png", "."])
def test_a_missing_file_or_a_folder_gets_a_sentence(tmp_path, name):
    with pytest.raises(ValueError, match="expected a picture file"):
        read_picture(tmp_path / name, FRAMED)


def sentence_of(path: Path) -> str:
    """What reading a file is refused with; nothing where it can be read."""
    try:
        sample, _ = read_picture(path, FRAMED)
    except ValueError as error:
        return str(error)
    assert 0 <= float(sample.min()) <= float(sample.max()) <= 1
    return ""


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's own, on broken headers
@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp", "tiff", "webp", "ppm"])
def test_a_file_cut_short_is_read_or_gets_a_sentence(tmp_path, kind):
    whole = saved(tmp_path, stroke().convert("RGB"), f"whole.{kind}").read_bytes()
    cut = tmp_path / f"cut.{kind}"
    said = []
    for length in {*range(0, 64, 3), *range(64, len(whole), max(1, len(whole) // 40))}:
        cut.write_bytes(whole[:length])
        said.append(sentence_of(cut))
    refused = [each for each in said if each]
    assert len(refused) > 10
    # Content that was cut off may also leave a blank picture.
    assert [each for each in refused if "expected" not in each] == []


def test_a_picture_that_would_fill_the_memory_gets_a_sentence(tmp_path):
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0))
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    assert "expected a picture file" in sentence_of(path)


def framed_set(blank: float, n: int = 30) -> Data:
    """Boxes of 14 pixels in pictures of 28, on an even ground."""
    pictures = torch.full((n, 1, 28, 28), blank)
    pictures[:, :, 7:21, 9:19] = 1 - blank
    return Data(pictures, torch.arange(n) % 3, ("a", "b", "c"))


@pytest.mark.parametrize("blank", [0.0, 1.0])
def test_the_frame_of_pictures_with_a_border(blank):
    assert frame_of(framed_set(blank)) == Frame((1, 28, 28), blank, 0.5)


def test_the_frame_of_pictures_that_fill_theirs():
    assert frame_of(datasets.digits()[0]) == Frame((1, 8, 8), None, 1.0)


def test_a_frame_is_found_for_pictures_alone_and_comes_back_from_json():
    rows = Data(torch.rand(6, 5), torch.arange(6) % 2, ("a", "b"))
    assert frame_of(rows) is None
    assert Frame.from_json(FRAMED.as_json()) == FRAMED


def test_a_set_of_blank_pictures_has_a_frame():
    blank = Data(torch.zeros(6, 1, 9, 9), torch.arange(6) % 2, ("a", "b"))
    assert frame_of(blank) == Frame((1, 9, 9), 0.0, 1.0)


@pytest.fixture(scope="session")
def mnist() -> tuple[ff.Network, Frame, Data]:
    """A network trained on 6,000 images for one epoch, their frame, and the test set."""
    if not os.environ.get("FF_DATA"):
        pytest.skip("FF_DATA is not set: it names the folder that holds mnist/")
    train, test = datasets.mnist()
    train = train.first(6_000)
    plan = recipes.standard(train, hidden=(200, 200), epochs=1, batch_size=64)
    plan.trainer.fit(train, epochs=1, batch_size=plan.batch_size)
    return plan.trainer.network, frame_of(train), test


@pytest.mark.slow
def test_the_frame_of_mnist(mnist):
    _, frame, _ = mnist
    assert frame.blank == pytest.approx(0, abs=0.01)
    assert 0.65 < frame.content < 0.75


@pytest.mark.slow
@pytest.mark.parametrize("turn", [True, False])
def test_pictures_made_elsewhere_are_recognised(tmp_path, mnist, turn):
    network, frame, test = mnist
    right = 0
    for index in range(10):
        values = test.inputs[index, 0].numpy()
        picture = Image.fromarray(255 - values if turn else values)
        picture = picture.resize((100, 100), Image.Resampling.BICUBIC)
        sample, done = read_picture(saved(tmp_path, picture, f"{index}.png"), frame)
        assert len(done) == 1 + turn
        right += int(network.predict(sample)) == int(test.labels[index])
    assert right >= 9
