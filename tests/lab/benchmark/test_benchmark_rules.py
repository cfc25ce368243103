"""``ff benchmark --parts``: every part of the library and one's own, in one table."""

import dataclasses
import json

import pytest
import torch

from forward_forward import contracts, datasets, losses, predict, recipes
from forward_forward.data import Data
from forward_forward.lab.benchmark import parts, show_parts

PNG = b"\x89PNG\r\n\x1a\n"
RNG = torch.Generator().manual_seed(0)
DATA = Data(torch.rand(80, 16, generator=RNG), torch.arange(80) % 10, tuple("0123456789"), "tiny")
TINY = parts.Budget((12, 12), shown=140, seeds=(0, 1), seconds=0.0, turns=1, precision="float32")
STANDARD = {
    "loss": "SiluPair(alpha=6.0)",
    "goodness": "mean_square",
    "negatives": "FromFirstLayer(temperature=0.03, fraction=1.0)",
}
ONE_PASS = ("readout", "LinearReadout(num_classes=10)")


def mine(pos, neg):
    """A loss of one's own."""
    return (1 + neg - pos).relu().square().mean(0)


def a_term(h, y):
    """A term of one's own."""
    return h.square().mean()


class Hand:
    """A goodness of one's own with a slope by hand."""

    def __call__(self, h):
        return h.flatten(1).mean(1)

    def slope(self, h, upstream):
        return upstream[:, None].expand_as(h) / h.shape[1]


def named(name, part):
    return contracts.Named(contracts.kind_of(part), name, part, own=True)


@pytest.fixture
def few(monkeypatch):
    """The library has its standard parts and one loss alone."""
    every = contracts.library()
    kept = [each for each in every if each.name in {*STANDARD.values(), "sigmoid"}]
    assert len(kept) == 4
    monkeypatch.setattr(parts, "library", lambda num_classes: kept)


def by_name(result):
    return {(row["kind"], row["name"]): row for row in result["parts"]}


def test_there_is_a_row_for_each_public_part_and_each_of_ones_own():
    own = [named("own:mine", mine), named("own:hand", Hand()), named("own:term", a_term)]
    said = []
    result = parts.benchmark_parts(DATA, own, TINY, said.append)
    assert json.loads(json.dumps(result)) == result
    rows = by_name(result)
    expected = [(each.kind, each.name) for each in contracts.library(10)]
    for kind in parts.RECIPES:
        assert [name for of, name in rows if of == kind] == [
            *(name for of, name in expected if of == kind),
            *(each.name for each in own if each.kind == kind),
        ]
    standard = {key for key, row in rows.items() if row["standard"]}
    assert standard == {*STANDARD.items(), ONE_PASS}
    one_pass = {row["recipe"] for (kind, _), row in rows.items() if kind in ("readout", "term")}
    assert one_pass == {"one_pass"}
    first = rows[ONE_PASS]
    assert (first["step_vs_standard"], first["difference"]) == (1, 0)
    assert first["errors"] != rows["loss", STANDARD["loss"]]["errors"]
    row = rows["term", "own:term"]
    assert row["difference"] == pytest.approx(row["error"] - first["error"])
    assert (row["gradients"], first["gradients"]) == ("autograd", "closed form")
    assert rows["readout", "Prototypes(num_classes=10)"]["gradients"] == "autograd"
    assert {key for key, row in rows.items() if row["own"]} == {
        ("loss", "own:mine"),
        ("goodness", "own:hand"),
        ("term", "own:term"),
    }
    gradients = {row["gradients"] for (kind, _), row in rows.items() if kind == "negatives"}
    assert gradients == {None}
    assert rows["loss", "own:mine"]["gradients"] == "autograd"
    assert rows["goodness", "own:hand"]["gradients"] == "closed form"
    assert rows["loss", "SymBa(alpha=4.0)"]["gradients"] == "closed form"
    for row in rows.values():
        assert row["step_seconds"] > 0
        assert len(row["errors"]) == 2
        low, high = row["interval"]
        assert row["error"] == pytest.approx(sum(row["errors"]) / 2)
        assert low <= row["error"] <= high
    assert said[0] == f"{len(rows)} parts: timing steps"
    assert len(said) == 1 + len(rows) - 2  # the three standard parts are one run


def test_rows_are_the_standard_recipe_with_one_part_exchanged(few, monkeypatch):
    judged = []
    evaluate = predict.evaluate

    def watched(network, source):
        judged.append(source)
        return evaluate(network, source)

    monkeypatch.setattr(parts.predict, "evaluate", watched)
    result = parts.benchmark_parts(DATA, [named("own:mine", mine)], TINY)
    training, validation = DATA.split()
    assert {len(source) for source in judged} == {len(validation)}
    budget = result["budget"]
    assert (budget["epochs"], budget["training"]) == (2, len(training))
    for settings, key in (({}, ("loss", STANDARD["loss"])), ({"loss": mine}, ("loss", "own:mine"))):
        errors = []
        for seed in TINY.seeds:
            plan = recipes.standard(
                training, seed=seed, epochs=2, hidden=(12, 12), precision="float32", **settings
            )
            plan.trainer.fit(training, epochs=2, batch_size=plan.batch_size)
            errors.append(evaluate(plan.trainer.network, validation)["error"])
        assert by_name(result)[key]["errors"] == errors
    rows = by_name(result)
    standard = [rows[key] for key in STANDARD.items()]
    for row in standard:
        assert (row["step_vs_standard"], row["difference"]) == (1, 0)
        assert row["errors"] == standard[0]["errors"]
    row = rows["loss", "own:mine"]
    pairs = zip(row["errors"], standard[0]["errors"], strict=True)
    assert row["difference"] == pytest.approx(sum(one - other for one, other in pairs) / 2)
    assert row["step_vs_standard"] == pytest.approx(
        row["step_seconds"] / standard[0]["step_seconds"]
    )


def test_a_part_that_is_added_to_a_module_appears_by_itself(monkeypatch):
    monkeypatch.setattr(losses, "mine", mine, raising=False)
    monkeypatch.setattr(losses, "__all__", [*losses.__all__, "mine"])
    assert ("loss", "mine") in {(each.kind, each.name) for each in contracts.library()}


def test_a_part_that_diverges_is_a_row_that_says_so(few):
    def never_a_number(pos, neg):
        return (neg.mean(0) - pos) * float("nan")

    result = parts.benchmark_parts(DATA, [named("own:bad", never_a_number)], TINY)
    row = by_name(result)["loss", "own:bad"]
    assert (row["error"], row["errors"]) == (None, [])
    assert "loss of layer 1 is nan" in row["failed"]
    assert by_name(result)["loss", "sigmoid"]["error"] is not None
    text = show_parts.table(result)
    assert "own:bad: loss of layer 1 is nan" in text
    assert show_parts.plot(result).startswith(PNG)


def test_a_part_whose_step_fails_is_named_before_time_is_spent(few):
    def of_another_shape(h):
        return h.mean(0)

    with pytest.raises(ValueError, match=r"a step with goodness own:bad fails, see `ff check`"):
        parts.benchmark_parts(DATA, [named("own:bad", of_another_shape)], TINY)


def test_the_table_and_the_plot_have_every_part(few):
    result = parts.benchmark_parts(DATA, [named("own:mine", mine)], TINY)
    text = show_parts.table(result)
    for row in result["parts"]:
        assert row["name"] in text
    assert text.count("(standard)") == 3
    assert text.count("(own)") == 1
    for column, _ in show_parts._cells(result["parts"][0]):
        assert column in text
    assert "validation" in text
    assert "12 - 12 units, 2 epochs, 2 seeds" in text
    assert show_parts.plot(result).startswith(PNG)


@pytest.fixture
def tiny_command(monkeypatch, few):
    """``ff benchmark --parts`` on tiny data; the names of the sets that were asked for."""
    asked = []

    def tiny_set(name):
        asked.append(name)
        return DATA, None

    monkeypatch.setattr(datasets, "named", tiny_set)
    monkeypatch.setattr(parts, "QUICK", TINY)
    return asked


def test_the_command_takes_parts_by_name_or_none(ff, tiny_command, tmp_path):
    words = ["benchmark", "--quick", "--precision", "float32", "--parts"]
    done = ff(*words, "SymBa(alpha=2)", "PNorm(p=3)", "--json", "--out", tmp_path / "new")
    assert done.code == 0, done.err
    result = json.loads(done.out)
    assert json.loads((tmp_path / "new" / "parts.json").read_text()) == result
    assert (tmp_path / "new" / "parts.png").read_bytes().startswith(PNG)
    assert {("loss", "SymBa(alpha=2)"), ("goodness", "PNorm(p=3)")} < by_name(result).keys()
    assert not any(row["own"] for row in result["parts"])
    assert tiny_command == ["digits"]
    done = ff(*words)
    assert done.code == 0, done.err
    assert "sigmoid" in done.out
    assert "(own)" not in done.out


def test_the_command_refuses_what_is_no_part(ff, tiny_command):
    done = ff("benchmark", "--quick", "--parts", "symba")
    assert done.code == 2
    assert "did you mean 'SymBa'?" in done.err
    assert tiny_command == []


def test_the_budget_is_equal_and_the_quick_one_smaller():
    whole, quick = parts.Budget(), parts.QUICK
    assert whole.seeds == quick.seeds == (0, 1, 2)
    assert quick.shown < whole.shown
    assert whole.epochs(50_000) == 1
    assert dataclasses.replace(whole, shown=1).epochs(1_000) == 1
