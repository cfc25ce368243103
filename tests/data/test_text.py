"""Windows of a text: symbols, the next of each, parts, and what is refused."""

import pytest
import torch

from forward_forward.data import Source, Text, as_source, checksum

ALPHABET = "abcdefghij"
TEXT = Text(ALPHABET * 5, window=4, name="letters")


def test_windows_follow_each_other_and_labels_are_the_next_symbols():
    assert isinstance(TEXT, Source)
    assert as_source(TEXT) is TEXT
    assert (TEXT.classes, TEXT.shape, len(TEXT)) == (tuple(ALPHABET), (4,), 12)
    batches = list(TEXT.batches(5))
    assert [len(batch.x) for batch in batches] == [5, 5, 2]
    x, y = (torch.cat([batch[part] for batch in batches]) for part in (0, 1))
    assert TEXT.decode(x.flatten()) == TEXT.text[:48]
    assert TEXT.decode(y.flatten()) == TEXT.text[1:49]
    assert (x.dtype, y.dtype) == (torch.float32, torch.int64)


def test_shuffled_windows_begin_anywhere_and_skipped_ones_are_those_left_out():
    def drawn(skip=0):
        rng = torch.Generator().manual_seed(3)
        return list(TEXT.batches(5, shuffle=rng, skip=skip))

    starts = torch.cat([batch.x[:, 0] for batch in drawn()])
    assert len(starts) == len(TEXT)
    assert len(set(starts.tolist())) > 4
    for batch in drawn():
        assert torch.equal(batch.y.float(), (batch.x + 1) % 10)
    for one, other in zip(drawn(skip=1), drawn()[1:], strict=True):
        assert torch.equal(one.x, other.x)
    assert drawn(skip=3) == []


def test_the_end_of_the_text_is_held_out():
    train, test = TEXT.split(0.2)
    assert train.text + test.text == TEXT.text
    assert len(test.text) == 10
    assert test.classes == TEXT.classes
    with pytest.raises(ValueError, match="leaves more than 4 symbols in each part"):
        TEXT.split(0.05)


def test_the_bytes_of_a_file_are_symbols(tmp_path):
    path = tmp_path / "book"
    path.write_bytes(bytes(range(256)))
    text = Text(path.read_bytes().decode("latin-1"), 8)
    assert len(text.classes) == 256


def test_a_text_is_recognised_by_its_symbols_windows_and_alphabet():
    assert checksum(TEXT) == checksum(Text(TEXT.text, 4))
    others = [
        Text(TEXT.text[1:], 4),
        Text(TEXT.text, 5),
        Text(TEXT.text, 4, symbols=ALPHABET + "k"),
    ]
    assert checksum(TEXT) not in map(checksum, others)


def test_what_is_no_text_is_refused():
    with pytest.raises(ValueError, match="a window of 1 to 2 symbols for a text of 3, got 3"):
        Text("abc", 3)
    with pytest.raises(ValueError, match="expected the 10 symbols of 'letters', got 'X' at 2"):
        TEXT.encode("abX")
    with pytest.raises(ValueError, match="batch_size >= 1"):
        TEXT.batches(0)
