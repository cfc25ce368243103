"""Each kind of figure becomes HTML with all its numbers; what cannot be drawn is refused."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from tests.report.reader import Page
from tests.report.samples import (
    curves,
    every_figure,
    heatmap,
    histograms,
    images,
    labels,
    pixels,
    points,
    result,
    table,
)

from forward_forward import report
from forward_forward.report.figures import KINDS, figure_html

EMPTY = {
    "points": {"groups": []},
    "curves": {"series": []},
    "heatmap": {"x": [], "y": [], "values": []},
    "images": {"images": []},
    "histograms": {"panels": []},
    "labels": {"samples": []},
    "table": {"columns": [], "rows": []},
}


def test_the_sample_has_every_kind():
    assert [each["kind"] for each in every_figure()] == list(KINDS)


@pytest.mark.parametrize("figure", every_figure(), ids=lambda figure: figure["kind"])
def test_a_figure_has_title_caption_and_content(figure):
    html = figure_html(figure, "x")
    page = Page(html)
    assert figure["title"] in page.text
    assert figure["caption"] in page.text
    assert page.all("svg") or page.all("img") or page.all("td")


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_figure_says_that_it_is_empty(kind):
    figure = {**next(each for each in every_figure() if each["kind"] == kind), **EMPTY[kind]}
    html = figure_html(figure, "x")
    assert "No " in Page(html).text
    assert not Page(html).all("svg")


@pytest.mark.parametrize(
    "figure",
    [
        {**points(), "groups": [{"name": "", "values": [None, float("nan")]}]},
        {**points(), "groups": [{"name": "A", "values": [0.0, 1.0]}]},
        {**points(), "groups": [{"name": "A", "values": [2.0, 2.0]}]},
        {**points(), "groups": [{"name": "A", "values": [3]}]},
        {**curves(), "series": [{"name": "A", "x": [], "y": []}]},
        {**curves(), "series": [{"name": "A", "x": [1, 2], "y": []}]},
        {**curves(), "series": [{"name": "A", "x": [1, 2], "y": [[None, None]]}], "levels": []},
        {**curves(), "series": [{"name": "A", "x": [1, 2], "y": [[0, -1]]}], "levels": [0, None]},
        {**curves(), "series": [{"name": "A", "x": [1], "y": [[5.0], [None]]}]},
        {**curves(), "series": [{"name": "A", "x": [0, 1e9], "y": [[1e-9, 1e12]]}], "x_log": True},
        {**heatmap(), "values": [[None] * 7] * 5},
        {**heatmap(), "values": [[0.0] * 7] * 5, "good": "high", "unit": ""},
        {**histograms(), "panels": [{"name": "A", "series": []}]},
        {
            **histograms(),
            "panels": [{"name": "A", "series": [{"name": "", "edges": [], "counts": []}]}],
        },
        {
            **histograms(),
            "panels": [{"name": "A", "series": [{"name": "", "edges": [1, 1], "counts": [None]}]}],
        },
    ],
)
def test_missing_and_extreme_numbers_are_drawn_without_a_warning(figure):
    assert "</figure>" in figure_html(figure, "x")


def test_labels_without_a_choice_or_with_equal_goodness_are_drawn():
    figure = labels()
    flat = {**figure["samples"][0], "goodness": [[1.0] * 10] * 3, "sum": [None] * 10}
    figure["samples"] = [flat, {**flat, "chosen": None, "true": None, "label": "unknown"}]
    page = Page(figure_html(figure, "x"))
    assert len(page.all("svg")) == len(page.all("img")) == 2
    assert page.text.count("predicted, true") == 1
    assert "sum: – to –" in page.text


def test_a_log_axis_that_cannot_be_says_so():
    groups = [{"name": "A", "values": [0.0, 1.0]}]
    assert "some values are not positive" in figure_html({**points(), "groups": groups}, "x")
    assert "some values are not positive" not in figure_html(points(), "x")


def test_a_mean_goes_on_only_where_every_seed_has_a_number():
    def lines(y):
        series = [{"name": "A", "x": list(range(20)), "y": y}]
        html = figure_html({**curves(), "levels": [], "series": series}, "x")
        paths = re.findall(r'<path d="([^"]+)"[^>]*stroke-width:2.2', html)
        return [path.count("M") for path in paths], sum(path.count("L") for path in paths)

    whole, gap = [[float(i + 1) for i in range(20)]] * 2, [1.0] * 8 + [None] * 4 + [1.0] * 8
    assert lines(whole)[0] == [1]
    assert lines([whole[0], gap])[0] == [2]
    assert lines([whole[0], [None] * 20]) == lines(whole)


def test_the_best_cell_of_a_heat_map_has_the_most_colour():
    figure = {**heatmap(), "x": [1, 2, 3], "y": ["a"], "values": [[1.0, None, 2.0]]}
    shares = [
        re.findall(r"--strength:(\d+)%", figure_html(each, "x"))
        for each in (figure, {**figure, "good": "high"})
    ]
    assert shares == [["100", "0"], ["0", "100"]]
    assert Page(figure_html(figure, "x")).text.count("–") == 1


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([88.7, 2.3], "88.7 2.3"),
        ([1.2345, 2.0], "1.23 2.00"),
        ([3, 4], "3 4"),
        ([0.5, 1200.0], "0.5 1,200.0"),
        ([2e-7, 3.5], "2 × 10⁻⁷ 3.5"),
        ([0.0, 0.0], "0 0"),
    ],
)
def test_cells_of_a_heat_map_have_the_same_decimals_and_no_more_than_given(values, cells):
    figure = {**heatmap(), "x": [1, 2], "y": ["a"], "values": [values]}
    assert f" a {cells} " in Page(figure_html(figure, "x")).text


def test_pixels_are_the_given_ones():
    signed = np.array([[127, 0], [-127, 64]], np.int8)
    given = {"height": 2, "width": 2, "pixels": base64.b64encode(signed.tobytes()).decode()}
    html = figure_html({**images(), "images": [{"label": "a", **given}]}, "x")
    uri = Page(html).all("img")[0]["src"].partition("base64,")[2]
    values = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri))))
    assert values[..., 3].tolist() == [[254, 0], [254, 128]]
    assert values[0, 0, 0] > values[0, 0, 2]  # positive: red
    assert values[1, 0, 2] > values[1, 0, 0]  # negative: blue


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        ({**points(), "kind": "pie"}, "expects one of points, curves, .*, got 'pie'"),
        ({"title": "T"}, "got None"),
        ({"kind": "points", "title": "T", "caption": ""}, "kind 'points' expects the key 'groups'"),
        ({k: v for k, v in points().items() if k != "caption"}, "expects the key 'caption'"),
        ({**curves(), "series": [{"name": "A", "x": [1], "y": [[1, 2]]}]}, "'A' expects 1 values"),
        ({**heatmap(), "x": [1]}, "expects 5 rows of 1 values, got rows of"),
        (
            {**images(), "images": [{"label": "w", **pixels(3, 3), "width": 4}]},
            "3 x 4 int8 pixels, got 9",
        ),
        ({**images(), "images": [{"label": "w", **pixels(3, 3), "pixels": "?"}]}, "expects base64"),
        (
            {**labels(), "samples": [{**labels()["samples"][0], "layers": ["one"]}]},
            "the goodness of 1 layers, as many as it names, got 3",
        ),
        (
            {
                **histograms(),
                "panels": [{"name": "", "series": [{"name": "A", "edges": [1], "counts": [1]}]}],
            },
            "one more edge than its 1 counts, got 1",
        ),
    ],
)
def test_a_figure_that_cannot_be_drawn_is_a_clear_error(figure, message):
    with pytest.raises(ValueError, match=message):
        figure_html(figure, "x")
    with pytest.raises(ValueError, match=f"result 'fig6': .*{message}"):
        report.page([result(figures=[figure])], title="T")


def test_a_table_shows_missing_values_and_words():
    text = Page(figure_html(table(), "x")).text
    assert "1.23 – yes, in part yes" in text
