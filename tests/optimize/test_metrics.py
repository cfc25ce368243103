"""Figures of a step are those of slow loops over layers, negatives and samples."""

import math

import pytest
import torch

from forward_forward.optimize.metrics import by_name, class_figures_of, figures_of
from forward_forward.optimize.outcome import silent_fraction
from forward_forward.optimize.targets import Targets, split

BATCH = 5
WIDTHS = (4, 7, 3)
SHARES = {
    "equal": torch.full((BATCH,), 1 / BATCH, dtype=torch.float64),
    "weighted": torch.tensor([0.1, 0.0, 0.4, 0.2, 0.3], dtype=torch.float64),
    "nothing": torch.zeros(BATCH, dtype=torch.float64),
}


def made(negatives: int) -> list[dict[str, torch.Tensor]]:
    """What layers of unequal width may report: few values, so that some goodness is equal."""
    rng, layers = torch.Generator().manual_seed(negatives), []
    for index, width in enumerate(WIDTHS):
        h = torch.rand(BATCH, width, generator=rng, dtype=torch.float64)
        h[:, : index + 1] = 0
        h[1:, -1] = 0
        rated = torch.randint(0, 3, (negatives + 1, BATCH), generator=rng).double()
        loss = torch.randn(BATCH, generator=rng, dtype=torch.float64)
        layers.append({"h": h, "loss": loss, "positive": rated[0], "negative": rated[1:]})
    return layers


def reference(layers: list[dict[str, torch.Tensor]], share: torch.Tensor) -> dict:
    """The same figures, one number after the other."""
    figures: dict[str, list[float]] = {}
    for layer in layers:
        rows = {name: value.tolist() for name, value in layer.items()}
        sums = {"loss": 0.0, "goodness_positive": 0.0}
        if rows["negative"]:
            sums |= {"goodness_negative": 0.0, "separation": 0.0}
        for sample, weight in enumerate(share.tolist()):
            sums["loss"] += weight * rows["loss"][sample]
            sums["goodness_positive"] += weight * rows["positive"][sample]
            for negative in rows["negative"]:
                part = weight / len(rows["negative"])
                sums["goodness_negative"] += part * negative[sample]
                sums["separation"] += part * (rows["positive"][sample] > negative[sample])
        units = len(rows["h"][0])
        silent = [unit for unit in range(units) if all(row[unit] == 0 for row in rows["h"])]
        sums["silent_units"] = len(silent) / units
        for name, value in sums.items():
            figures.setdefault(name, []).append(value)
    return figures


def gathered(layers: list[dict[str, torch.Tensor]], share: torch.Tensor) -> dict:
    of_layers = []
    for layer in layers:
        silent = silent_fraction(layer["h"], positive=True)
        judged = layer["loss"], layer["positive"], layer["negative"]
        of_layers.append(figures_of(*judged, silent, share))
    return by_name(of_layers)


@pytest.mark.parametrize("share", SHARES.values(), ids=SHARES)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("negatives", [0, 1, 3])
def test_figures_are_those_of_slow_loops(negatives, count, share):
    layers = made(negatives)[:count]
    figures, expected = gathered(layers, share), reference(layers, share)
    assert set(figures) == set(expected)
    assert ("separation" in figures) == (negatives > 0)
    for name, values in expected.items():
        assert figures[name].shape == (count,)
        assert figures[name].tolist() == pytest.approx(values, abs=1e-12)


def test_the_made_up_layers_have_ties_and_silent_units():
    layers = made(3)
    assert any(bool((each["positive"] == each["negative"]).any()) for each in layers)
    silent = reference(layers, SHARES["equal"])["silent_units"]
    assert silent == pytest.approx([1 / 4, 2 / 7, 3 / 3])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_figures_keep_the_type_and_carry_no_graph(dtype):
    layers = [{name: each.to(dtype) for name, each in layer.items()} for layer in made(1)]
    figures = gathered(layers, SHARES["equal"].to(dtype))
    assert {value.dtype for value in figures.values()} == {dtype}
    assert not any(value.requires_grad for value in figures.values())


def test_a_layer_whose_loss_is_not_finite_leaves_the_others_as_they_are():
    layers = made(1)
    layers[1]["loss"][0] = math.nan
    loss = gathered(layers, SHARES["equal"])["loss"]
    assert loss.isnan().tolist() == [False, True, False]


def test_a_unit_is_silent_only_where_it_is_0_for_every_positive():
    h = torch.tensor([[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1e-30, 0.0]])
    assert float(silent_fraction(h, positive=True)) == pytest.approx(2 / 4)
    assert float(silent_fraction(h.view(2, 2, 2), positive=False)) == pytest.approx(2 / 4)


def test_a_unit_whose_activities_cancel_is_not_silent():
    # Linear and tanh units have either sign: their sum may be 0 where they are not.
    cancelling = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert float(silent_fraction(cancelling, positive=False)) == pytest.approx(1 / 2)


def test_figures_of_a_table_are_those_of_its_columns():
    rng = torch.Generator().manual_seed(0)
    table = torch.randn(6, 4, generator=rng, dtype=torch.float64)
    labels, weight = torch.tensor([0, 3, 1, 2, 2, 0]), torch.linspace(0.1, 0.4, 6).double()
    rest = labels, torch.zeros((), dtype=torch.float64)
    loss = torch.rand(6, generator=rng, dtype=torch.float64)
    found = class_figures_of(loss, table, *rest, weight).means
    positive, negative = split(table, Targets(weight, labels))
    wanted = figures_of(loss, positive, negative, rest[1], weight).means
    torch.testing.assert_close(found, wanted)
