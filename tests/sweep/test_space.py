"""Words -> what is searched: ranges, lists, parts with ranges, and sentences for all else."""

import re

import pytest

from forward_forward.recipes import hinton2022, poster, standard
from forward_forward.sweep import Choice, PartTemplate, Range, default_space, read
from forward_forward.sweep.trial import corners


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("lr=1e-4..1e-2", Range(1e-4, 1e-2)),
        ("lr=1..9", Range(1.0, 9.0)),
        ("lr=.5", Choice((0.5,))),
        ("batch_size=16..256", Range(16, 256, whole=True)),
        ("epochs=3,5", Choice((3, 5))),
        ("hidden=200,2x500,800+200", Choice(((200,), (500, 500), (800, 200)))),
        ("hidden=100..400", Range(100, 400, whole=True, layers=1)),
        ("hidden=3x10..400", Range(10, 400, whole=True, layers=3)),
        ("threshold=width,0.5", Choice(("width", 0.5))),
        ("label=append,overlay", Choice(("append", "overlay"))),
        ("loss=sigmoid,SymBa(alpha=4)", Choice(("sigmoid", "SymBa(alpha=4)"))),
        ("goodness=Minimised(PNorm(p=3))", Choice(("Minimised(PNorm(p=3))",))),
        (
            "negatives=Uniform,FromGoodness(temperature=0.01..1, fraction=0.1..0.5)",
            Choice(
                (
                    "Uniform",
                    PartTemplate(
                        ("FromGoodness(temperature=", ", fraction=", ")"),
                        (
                            ("FromGoodness.temperature", Range(0.01, 1.0)),
                            ("FromGoodness.fraction", Range(0.1, 0.5)),
                        ),
                    ),
                )
            ),
        ),
    ],
)
def test_words_are_read_and_written_and_read_again(word, expected):
    space = read([word], standard)
    assert [*space.values()] == [expected]
    ((name, dimension),) = space.items()
    assert read([f"{name}={dimension}"], standard) == space


@pytest.mark.parametrize(
    ("ends", "log"), [((1, 9.9), False), ((1, 10), True), ((0, 10), False), ((-10, 10), False)]
)
def test_a_range_of_a_factor_of_ten_is_on_a_log_scale(ends, log):
    assert Range(*ends).log == log


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("lr", "expected name=low..high"),
        ("lr=", "expected name=low..high"),
        ("lrr=1..2", "did you mean 'lr'?"),
        ("xyz=1..2", "it takes seed, epochs"),
        ("lr=1..", "lr expects a range such as 1..10, got '1..'"),
        ("lr=2..1", "swap the ends"),
        ("lr=1..2,5", "give the range alone"),
        ("lr=1,,2", "nothing between two commas"),
        ("lr=fast", "lr expects a number, got 'fast'"),
        ("lr=nan", "lr expects a number, got 'nan'"),
        ("threshold=widht", "did you mean 'width'?"),
        ("epochs=2.5", "epochs expects a whole number, got '2.5'"),
        ("batch_size=1.5..8", "batch_size expects whole numbers"),
        ("hidden=big", "widths of layers such as 500, 2x500 or 800+200, got 'big'"),
        ("hidden=500+", "widths of layers"),
        ("label=apend", "did you mean 'append'?"),
        ("loss=1..2", "loss expects a list of values"),
        ("loss=SymBa(alpha=4", "an unbalanced bracket"),
        ("loss=SymBa(alpha=4..1)", "SymBa.alpha, expects a range from low to high"),
        ("loss=SymBa(alpha=a..b)", "expects a range such as alpha=1..8"),
        ("loss=SymBa(alpha=1..2),SymBa(alpha=3..4)", "has SymBa.alpha twice"),
        ("lr=1,1.0", "has 1.0 twice"),
        ("seed=1,2", "fix it with --seed"),
    ],
)
def test_other_words_get_a_sentence(word, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        read([word], standard)


def test_a_setting_is_given_once_and_something_is_searched():
    with pytest.raises(ValueError, match="lr is given twice"):
        read(["lr=1..2", "lr=3"], standard)
    with pytest.raises(ValueError, match="expected settings to search"):
        read([], standard)


@pytest.mark.parametrize(
    ("recipe", "names"),
    [
        (standard, "lr hidden batch_size loss goodness negatives activation"),
        (poster.method, "lr hidden batch_size threshold_factor"),
        (hinton2022.mnist_supervised_matlab, "hidden batch_size"),
    ],
)
def test_the_default_space_is_what_the_recipe_takes(recipe, names):
    assert [*default_space(recipe)] == names.split()
    assert read(["default"], recipe) == default_space(recipe)


def test_own_settings_replace_those_of_the_default_space():
    space = read(["lr=1", "default", "epochs=2"], standard)
    assert space["lr"] == Choice((1.0,))
    assert {**space, "lr": None, "epochs": None} == {
        **default_space(standard),
        "lr": None,
        "epochs": None,
    }


def test_a_recipe_without_such_settings_has_no_default_space():
    with pytest.raises(ValueError, match="name the settings to search"):
        default_space(lambda train, *, rounds=3: None)


def test_the_ends_and_options_are_tried_one_at_a_time():
    words = ["lr=1..2", "hidden=2x3..4", "loss=sigmoid,SymBa(alpha=1..8)", "epochs=5"]
    first = {"lr": 1.0, "hidden": [3, 3], "loss": "sigmoid", "epochs": 5}
    assert [*corners(read(words, standard))] == [
        first,
        {**first, "lr": 2.0},
        {**first, "hidden": [4, 4]},
        {**first, "loss": "SymBa(alpha=1.0)"},
        {**first, "loss": "SymBa(alpha=8.0)"},
    ]
