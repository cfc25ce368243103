"""Several labels per sample: which of them are known, which are wrong, and how they are decided."""

import functools

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from forward_forward import losses, predict
from forward_forward.data import Data
from forward_forward.examples import AppendLabel, MultiLabel
from forward_forward.forward import Layer, Network, mlp
from forward_forward.optimize import Trainer, cosine


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("labels", [1, 2, 5])
@pytest.mark.parametrize("known", [0.0, 0.4, 1.0])
def test_a_negative_has_one_known_label_wrong_and_the_same_unknown(labels, known):
    examples = MultiLabel(labels, strength=2.0, known=known, count=3)
    x, y = torch.rand(50, 4), torch.randint(0, 2, (50, labels), generator=seeded())
    positive = examples.positive(x, y, seeded(1))
    negative = examples.negative(positive, y, seeded(2))
    assert negative.rest is positive.rest
    right, wrong = positive.label[0] / 2, negative.label / 2
    on, off = right.chunk(2, 1)
    assert torch.equal(on + off, torch.ones(50, labels))
    is_known = on != off
    assert bool(is_known.any(1).all())
    assert torch.equal(on[is_known], y[is_known].float())
    changed = wrong[..., :labels] != on
    assert changed.sum(2).eq(1).all()
    assert bool(is_known.expand_as(changed)[changed].all())
    assert torch.equal(wrong[..., :labels] + wrong[..., labels:], torch.ones(3, 50, labels))
    share = float(is_known.float().mean())
    assert share == pytest.approx(max(known, 1 / labels), abs=0.2)


def test_the_length_of_the_input_does_not_tell_how_many_labels_there_are():
    examples = MultiLabel(6)
    x, y = torch.zeros(40, 3), torch.randint(0, 2, (40, 6), generator=seeded())
    assert examples.positive(x, y).dense().square().sum(2).eq(6).all()
    assert examples.neutral(x).dense().square().sum(2).eq(3).all()
    assert examples.candidates(x).dense().square().sum(2).eq(3.5).all()


def test_each_label_is_decided_by_its_being_on_and_off_the_others_unknown():
    examples = MultiLabel(3)
    dense = examples.candidates(torch.zeros(1, 1)).dense()[:, 0, 1:]
    assert dense[1].tolist() == [0.5, 1, 0.5, 0.5, 0, 0.5]
    assert dense[3 + 1].tolist() == [0.5, 0, 0.5, 0.5, 1, 0.5]
    scores = torch.tensor([[1.0, 2.0, 3.0, 2.0, 1.0, 3.0]])
    assert examples.decide(scores).tolist() == [[0, 1, 0]]


def several() -> Network:
    return mlp(4, 5, num_classes=2, examples=MultiLabel(2))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: MultiLabel(0), "num_classes and count of at least 1"),
        (lambda: MultiLabel(2, known=1.5), "known within 0 to 1"),
        (lambda: MultiLabel(2, strength=0), "strength other than 0"),
        (lambda: MultiLabel(2).positive(torch.rand(3, 2), torch.zeros(3)), r"\[batch, 2\], got"),
        (lambda: MultiLabel(2).positive(torch.rand(3, 2), None), "got none"),
        (
            lambda: AppendLabel(2).positive(torch.rand(3, 2), torch.zeros(3, 2).long()),
            "MultiLabel for several",
        ),
        (
            lambda: Data(torch.rand(3, 2), torch.full((3, 2), 2), ("a", "b")),
            r"row 0: expected 0 or 1 for each label, got \[2, 2\]",
        ),
        (
            lambda: predict.two_stage(
                mlp(4, 5, num_classes=2, examples=MultiLabel(2)), torch.ones(2, 4)
            ),
            "two stages require one label",
        ),
        (
            lambda: Trainer(several()).fit(
                Data(torch.rand(9, 4), torch.arange(9) % 3, ("a", "b", "c")), epochs=1
            ),
            r"expects 2 labels per sample, got data with 3",
        ),
    ],
)
def test_what_does_not_fit_is_refused(made, message):
    with pytest.raises(ValueError, match=message):
        made()


def digits_by_trait() -> tuple[Data, Data]:
    """Digits by whether they are odd, above 4, prime, and have a loop."""
    x, y = load_digits(return_X_y=True)
    traits = [y % 2 == 1, y > 4, np.isin(y, [2, 3, 5, 7]), np.isin(y, [0, 6, 8, 9])]
    labels = torch.from_numpy(np.stack(traits, 1)).long()
    names = ("odd", "above 4", "prime", "loop")
    data = Data(torch.from_numpy(x).float() / 16, labels, names)
    return data.split(0.3)


def trained(train: Data) -> Network:
    layer = functools.partial(Layer, loss=losses.SiluPair(6.0))
    network = mlp(64, 100, 100, num_classes=4, examples=MultiLabel(4), layer=layer, readout=(1, 2))
    trainer = Trainer(network, lr=5e-3, weight_decay=0.0, schedule=cosine)
    trainer.fit(train, epochs=12, batch_size=64)
    return network.eval()


def test_digits_are_told_by_four_traits_at_once_as_well_as_by_backpropagation():
    train, test = digits_by_trait()
    network = trained(train)
    figures = predict.evaluate(network, test)
    x, y, _ = next(test.batches(len(test)))
    told = network.predict(x)
    assert told.shape == y.shape
    assert figures["error"] == pytest.approx(100 * float((told != y).float().mean()))
    baseline = MLPClassifier((100,), random_state=0, max_iter=30, early_stopping=False)
    with pytest.warns(UserWarning, match="converge"):
        baseline.fit(train.inputs.numpy(), train.labels.numpy())
    other = 100 * float((baseline.predict(x.numpy()) != y.numpy()).mean())
    assert figures["error"] < other  # 3.5 against 6.6 %
