"""`AlternatingFlip` shows both versions of each picture in two epochs, also in a resumed run."""

import signal

import pytest
import torch
from torch import Tensor

import forward_forward as ff
from forward_forward import datasets
from forward_forward.data.augment import AlternatingFlip, HasEpoch, Shift
from forward_forward.track import Callback


def drawn(*shape: int) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, generator=rng, dtype=torch.uint8)


def flipped(x: Tensor, epoch: int) -> Tensor:
    """Which pictures are mirrored in an epoch [batch]."""
    part = AlternatingFlip()
    part.set_epoch(epoch)
    made = part(x, torch.Generator())
    mirrored = (made == x.flip(-1)).flatten(1).all(1)
    assert ((made == x).flatten(1).all(1) ^ mirrored).all()
    return mirrored


@pytest.mark.parametrize("shape", [(400, 6, 6), (400, 3, 6, 6)])
def test_both_versions_are_seen_in_two_epochs(shape):
    x = drawn(*shape)
    first = flipped(x, 0)
    assert torch.equal(flipped(x, 1), ~first)
    assert torch.equal(flipped(x, 2), first)
    assert 160 < int(first.sum()) < 240  # 200 and 4 standard deviations


def test_the_version_follows_from_the_pixels_on_either_scale_and_in_any_batch():
    x = drawn(100, 3, 6, 6)
    first = flipped(x, 0)
    assert torch.equal(flipped(x.float() / 255, 0), first)
    order = torch.randperm(100)
    assert torch.equal(flipped(x[order], 0), first[order])


def test_only_what_depends_on_the_epoch_is_told_it():
    assert isinstance(AlternatingFlip(), HasEpoch)
    assert not isinstance(Shift(1), HasEpoch)


class Seen(AlternatingFlip):
    """Notes its epoch at each batch."""

    epochs: list[int]

    def __call__(self, x: Tensor, rng: torch.Generator) -> Tensor:
        self.epochs.append(self.epoch)
        return super().__call__(x, rng)


class Interrupt(Callback):
    """Presses Ctrl-C after the third step, within the second epoch."""

    taken = 0

    def step(self) -> None:
        self.taken += 1
        if self.taken == 3:
            signal.raise_signal(signal.SIGINT)


def trained(train, **options):
    part = Seen()
    part.epochs = []
    trainer = ff.Trainer(ff.mlp(64, 8, num_classes=10, seed=0), augment=[part])
    trainer.fit(train, epochs=4, batch_size=50, **options)
    return part.epochs, [each.detach() for each in trainer.network.parameters()]


def test_training_tells_the_epoch_and_so_does_a_resumed_run(tmp_path):
    train = datasets.digits()[0].first(100)
    epochs, whole = trained(train)
    assert epochs == [0, 0, 1, 1, 2, 2, 3, 3]
    with pytest.raises(KeyboardInterrupt):
        trained(train, out=tmp_path / "run", callbacks=[Interrupt()])
    epochs, resumed = trained(train, out=tmp_path / "run", resume=True)
    assert epochs == [1, 2, 2, 3, 3]
    assert all(map(torch.equal, resumed, whole))
