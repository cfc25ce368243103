"""Archives are read whole or refused: cut off, with gaps, with a name twice, with odd names."""

import io
import os
import re
import tarfile
import zipfile

import pytest
from tests.datasets.test_load import packed, pets, png

from forward_forward import datasets

KINDS = ("pets.tar", "pets.tar.gz", "pets.tar.bz2", "pets.tar.xz", "pets.zip")


def samples(path):
    sets = datasets.load(path)
    return sum(map(len, (sets.train, sets.validation, sets.test)))


def refused(path, words="expected a complete archive"):
    with pytest.raises(ValueError, match=f"{words}.*{re.escape(path.name)}"):
        samples(path)
    return True


@pytest.mark.parametrize("name", KINDS)
def test_an_archive_cut_off_anywhere_is_refused_by_name(tmp_path, name):
    path = packed(tmp_path / name, pets())
    whole, content = samples(path), path.read_bytes()
    taken, unnamed = 0, []
    for size in {*range(0, len(content), max(1, len(content) // 60)), 3, len(content) - 5}:
        path.write_bytes(content[:size])
        try:  # of a plain tar, some of the zeros at the end may be missing
            assert samples(path) == whole
            assert name == "pets.tar"
            assert not content[size:].strip(b"\0")
            taken += 1
        except ValueError as error:
            unnamed += [] if name in str(error) else [str(error)]
    assert unnamed == []
    assert taken < 40


def test_a_tar_with_a_gap_or_a_damaged_header_is_not_a_shorter_one(tmp_path):
    path = packed(tmp_path / "pets.tar", pets())
    content = path.read_bytes()
    place = content.index(b"ustar", 4000) // 512 * 512
    for header in (bytes(512), b"\xff" + content[place + 1 : place + 512]):
        path.write_bytes(content[:place] + header + content[place + 512 :])
        assert refused(path)
    path.write_bytes(content + content)
    assert refused(path)


def test_a_gzip_with_another_checksum_is_refused(tmp_path):
    path = packed(tmp_path / "pets.tar.gz", pets())
    content = bytearray(path.read_bytes())
    content[-8] ^= 1
    path.write_bytes(content)
    assert refused(path)


def test_a_tar_of_nested_headers_is_refused(tmp_path):
    link = tarfile.TarInfo("././@LongLink")
    link.type, link.size = tarfile.GNUTYPE_LONGNAME, 2
    path = tmp_path / "pets.tar"
    path.write_bytes((link.tobuf(tarfile.GNU_FORMAT) + b"a".ljust(512, b"\0")) * 5000)
    assert refused(path)


def test_a_zip_s_directory_must_be_complete(tmp_path):
    path = packed(tmp_path / "pets.zip", pets())
    content = bytearray(path.read_bytes())
    for place, value in ((32, 0xFF), (46, ord("x"))):  # the comment's length; the name
        changed = content.copy()
        changed[content.index(b"PK\1\2") + place] = value
        path.write_bytes(changed)
        assert refused(path)


def zipped(path, names, **more):
    with zipfile.ZipFile(path, "w") as made:
        for number, name in enumerate(names):
            made.writestr(name, png(number))
        for name, target in more.items():
            link = zipfile.ZipInfo(f"cat/{name}.png")
            link.external_attr = 0o120777 << 16
            made.writestr(link, target)
    return path


def tarred(path, names):
    with tarfile.open(path, "w") as made:
        for number, name in enumerate(names):
            member = tarfile.TarInfo(name)
            member.size = len(png(number))
            made.addfile(member, io.BytesIO(png(number)))
    return path


NAMES = [f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(8)]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("again", ["cat/0.png", "./cat/0.png", "cat/./0.png", "cat//0.png"])
@pytest.mark.parametrize(("name", "make"), [("a.zip", zipped), ("a.tar", tarred)])
def test_a_name_twice_is_refused(tmp_path, name, make, again):
    path = make(tmp_path / name, [*NAMES, again])
    assert refused(path, "expected each file once, got 'cat/0.png' twice in")


@pytest.mark.parametrize(("name", "make"), [("a.zip", zipped), ("a.tar", tarred)])
def test_other_names_are_other_pictures(tmp_path, name, make):
    """As on a disk: names in another case, the same name in two parts; what is hidden is none."""
    assert samples(make(tmp_path / name, [*NAMES, "cat/0.PNG", "./cat/9.png"])) == 18
    parts = [f"{part}/{each}" for part in ("train", "test") for each in NAMES]
    assert samples(make(tmp_path / name, parts)) == 32
    assert samples(make(tmp_path / name, [*NAMES, "cat/._0.png", "cat/./._0.png"])) == 16


def test_a_link_in_a_zip_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", NAMES, link="../../secret.png")
    assert refused(path, "expected plain files, got 'cat/link.png'")


@pytest.mark.parametrize("ending", [".png", ".csv", ".npz", ".zip", ".tar.gz", ".parquet"])
def test_a_pipe_a_device_and_a_link_loop_are_no_data(tmp_path, ending):
    pipe, device, loop = (tmp_path / f"{kind}{ending}" for kind in ("pipe", "device", "loop"))
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    loop.symlink_to(loop)
    for path in (pipe, device, loop):
        assert refused(path, "expected a file, got")
        with pytest.raises(ValueError, match=r"expected a (file|table), got"):
            datasets.load(([[0.0], [1.0]] * 9, [0, 1] * 9), test=path)


def test_a_pipe_as_options_is_refused(ff, tmp_path):
    os.mkfifo(tmp_path / "a.yaml")
    done = ff("train", "--config", tmp_path / "a.yaml")
    assert done.code == 2
    assert "expected a file, got" in done.err
