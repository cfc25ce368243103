"""A run, or a network and samples -> figures whose lines are the run's numbers."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

import forward_forward as ff
from forward_forward import diagnose
from forward_forward.checkpoint import Run


@pytest.fixture(scope="module")
def data():
    rng = torch.Generator().manual_seed(0)
    return torch.rand(40, 1, 4, 4, generator=rng), torch.arange(40) % 2


@pytest.fixture(scope="module")
def network():
    return ff.mlp(16, 12, 12, num_classes=2, head=True, seed=0)


@pytest.fixture(scope="module")
def fitted(data, network, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    trainer = ff.Trainer(network, lr=0.01, seed=0)
    return trainer.fit(data, epochs=3, batch_size=10, validation=data, out=out)


def drawn(axes) -> dict[str, list[float]]:
    """The values of y of the lines that the legend names."""
    lines = axes.get_legend_handles_labels()
    return {name: line.get_ydata().tolist() for line, name in zip(*lines, strict=True)}


def column(fitted, name, factor=1.0):
    return pytest.approx([factor * value for value in fitted.frame()[name]])


@pytest.mark.parametrize("kind", ["fitted", "folder", "text", "run"])
def test_a_run_is_given_by_its_folder_or_by_what_fit_returned(fitted, kind):
    given = {
        "fitted": fitted,
        "folder": fitted.run,
        "text": str(fitted.run),
        "run": Run(fitted.run),
    }
    (axes,) = ff.plot.losses(given[kind]).axes
    assert axes.get_xlabel() == "epoch"
    assert drawn(axes) == {f"layer {layer}": column(fitted, f"loss_{layer}") for layer in (1, 2)}


def test_the_plot_of_a_training_shows_errors_and_losses(fitted):
    whole, alone, head, losses = fitted.plot().axes
    assert drawn(whole) == {"the network": column(fitted, "validation_error")}
    assert drawn(alone)["layer 2"] == column(fitted, "validation_goodness_error_2")
    # The head reads the upper layer alone.
    assert drawn(head) == {"layer 2": column(fitted, "validation_head_error_2")}
    assert drawn(losses)["layer 1"] == column(fitted, "loss_1")


def test_without_validation_data_the_plot_shows_losses(data):
    fitted = ff.Trainer(ff.mlp(16, 8, num_classes=2)).fit(data, epochs=2)
    assert [axes.get_ylabel() for axes in fitted.plot().axes] == ["loss"]
    with pytest.raises(ValueError, match="none of the figures to draw"):
        ff.plot.errors(fitted)


def test_separation_and_silent_units_are_in_percent(fitted):
    for make, name in ((ff.plot.separation, "separation"), (ff.plot.silent_units, "silent_units")):
        (axes,) = make(fitted).axes
        assert drawn(axes)["layer 2"] == column(fitted, f"{name}_2", 100)


def test_goodness_has_a_panel_for_each_layer_with_its_threshold(fitted, network):
    for layer, axes in enumerate(ff.plot.goodness(fitted).axes, 1):
        assert drawn(axes)["negatives"] == column(fitted, f"goodness_negative_{layer}")
        level = axes.lines[0].get_ydata()[0]
        assert level == pytest.approx(float(network.layers[layer - 1].threshold_value))


def test_errors_of_a_run_that_was_evaluated_have_a_panel_for_the_test_set(digits_run):
    first, *others = ff.plot.errors(digits_run.path).axes
    test = Run(digits_run.path).about["test"]
    assert first.get_ylabel() == "test error, %"
    assert drawn(first)["by its goodness"] == test["goodness_error_by_layer"]
    assert {axes.get_ylabel() for axes in others} == {"validation error, %"}


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected a run's folder with a run\.json"):
        ff.plot.training(tmp_path)


def test_histograms_count_every_sample_once(network, data):
    x, y = data
    figure = ff.plot.histograms(network, x, y)
    assert len(figure.axes) == len(network.layers)
    for axes in figure.axes:
        assert "% separated" in axes.get_title()
        steps, names = axes.get_legend_handles_labels()
        assert names == ["positives", "negatives"]
        assert [step.get_data().values.sum() for step in steps] == [len(x), len(x)]


def test_fields_are_those_of_the_units_with_the_largest_weights(network, data):
    pictures = diagnose.fields(network, (1, 4, 4), data[0])
    figure = ff.plot.fields(network, (1, 4, 4), data[0], count=10)
    assert len(figure.axes) == 10
    for axes, unit in zip(figure.axes, diagnose.strongest(pictures, 10), strict=True):
        assert axes.get_title().startswith(f"unit {unit}\n")
        np.testing.assert_array_equal(axes.images[0].get_array(), pictures[unit])


def test_a_figure_is_a_png_in_a_notebook_and_none_of_pyplots(fitted):
    figure = ff.plot.losses(fitted)
    assert plt.get_fignums() == []
    content, about = figure._repr_png_()
    assert content[1:4] == b"PNG"
    assert about == {"alt": "Loss of each layer", "width": round(96 * figure.get_figwidth())}


def test_figures_are_drawn_in_the_current_style(fitted):
    with mpl.rc_context({"axes.prop_cycle": mpl.rcsetup.cycler(color=["#123456"])}):
        figure = ff.plot.losses(fitted)
        figure.canvas.draw()
        assert mpl.colors.to_hex(figure.axes[0].lines[0].get_color()) == "#123456"


def test_the_frame_of_a_training_has_numbers_by_epoch_and_layer(fitted):
    frame = fitted.frame()
    assert frame.index.tolist() == [1, 2, 3]
    assert frame.index.name == "epoch"
    assert {str(kind) for kind in frame.dtypes} == {"float64"}
    expected = {"loss_1", "loss_2", "validation_error", "validation_goodness_error_2", "seconds"}
    assert expected <= set(frame.columns)
    assert frame["loss_2"].tolist() == [row["loss"][1] for row in fitted.history]
    # The head skips the lowest layer.
    assert "validation_head_error_1" not in frame


def test_in_the_greedy_order_the_frame_lacks_numbers_of_layers_that_do_not_train(data):
    trainer = ff.Trainer(ff.mlp(16, 8, 8, num_classes=2), order="greedy")
    frame = trainer.fit(data, epochs=2).frame()
    assert frame["loss_1"].isna().tolist() == [False, True]
    assert frame["loss_2"].isna().tolist() == [True, False]
