"""``ff reproduce`` and ``ff report``: results, page, resuming, errors."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats
from tests.conftest import Done, called

from forward_forward.lab import reproduce as reproducing
from forward_forward.lab.reproduce import SCALES, reproduce, rules, workers
from forward_forward.lab.reproduce.claims import CLAIMS, named
from forward_forward.lab.reproduce.runner import RunProgress

NAMES = ("fig8.right", "method.inference", "limit.feedback", "fig5")
WORDS = [f"poster.{name}" for name in NAMES]
STATEMENTS = [
    "method.local",
    "method.goodness",
    "method.loss",
    "method.inference",
    "motive.async",
    "motive.plausible",
    "motive.analog",
    "motive.unsupervised",
    "limit.scope",
    "limit.slower",
    "limit.feedback",
    "fig3",
    "fig4",
    "fig5",
    "fig6",
    "fig8.left",
    "fig8.right",
    "fig9",
    "fig10",
]
PROMISED = {
    "name",
    "statement",
    "source",
    "scale",
    "arms",
    "statistic",
    "rule",
    "verdict",
    "note",
    "versions",
    "device",
    "date",
}


class Reproduced(NamedTuple):
    """What the command made of some claims at the smoke scale."""

    folder: Path
    done: Done
    results: dict


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """The smoke scale with fewer images and one epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SCALES, "smoke", replace(SCALES["smoke"], images=320, epochs=1))
        yield


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Reproduced:
    folder = tmp_path_factory.mktemp("reproduce") / "poster"
    command = ["reproduce", *WORDS, "--scale", "smoke", "--jobs", 1, "--out", folder]
    done = called(*command)
    assert done.code == 0, done.err
    results = {name: json.loads((folder / f"{name}.json").read_text()) for name in NAMES}
    return Reproduced(folder, done, results)


def lines(folder: Path) -> list[str]:
    return (folder / "runs.jsonl").read_text().splitlines()


def test_the_claims_are_the_statements_of_the_poster_in_its_order():
    assert list(CLAIMS) == STATEMENTS
    for claim in CLAIMS.values():
        assert claim.statement.endswith((".", ".)"))
        assert claim.rule
        assert claim.source.startswith("poster, ")


def test_every_result_holds_what_is_promised(few):
    for name, result in few.results.items():
        assert set(result) >= PROMISED
        assert (result["name"], result["scale"]) == (name, "smoke")
        assert set(result["statistic"]) >= {"kind", "estimate", "low", "high", "p"}
        assert result["note"]
        assert result["versions"]["torch"]
        for arm in result["arms"]:
            seeds = len(arm["seeds"])
            assert seeds >= 2
            for figures in ("errors", "validation_errors", "seconds"):
                assert len(arm[figures]) == seeds
            assert set(arm["start"]) >= {"threshold", "goodness", "slope"}
            assert len(arm["tuning"]) == 2
            assert arm["settings"]["lr"] in [row["lr"] for row in arm["tuning"]]


def test_the_statistic_is_that_of_the_errors(few):
    result = few.results["fig8.right"]
    arms = {arm["name"]: np.array(arm["errors"]) for arm in result["arms"]}
    differences = arms["sigmoid"] - arms["log-sigmoid"]
    statistic = result["statistic"]
    assert statistic["estimate"] == pytest.approx(differences.mean())
    theirs = stats.ttest_1samp(differences, 0, alternative="greater")
    assert statistic["p"] == pytest.approx(theirs.pvalue)
    assert statistic["p_holm"] == pytest.approx(statistic["p"])  # the only directional claim here
    assert result["verdict"] == rules.directional_verdict(statistic)


def test_what_holds_by_construction_passes_its_checks(few):
    for name in ("method.inference", "limit.feedback"):
        assert few.results[name]["verdict"] == "holds by construction"
        assert few.results[name]["statistic"]["p"] is None
        assert all(row["passed"] for row in few.results[name]["checks"])


def test_the_command_prints_a_row_a_claim_and_writes_a_page(few):
    rows = [line.split("\t") for line in few.done.out.splitlines()]
    assert [row[0] for row in rows] == ["claim", *NAMES]
    assert rows[2][1] == "holds by construction"
    page = (few.folder / "report.html").read_text()
    for name in NAMES:
        assert f'id="{name}"' in page
        assert CLAIMS[name].title in page
    assert "smoke scale" in page


def test_nothing_is_run_twice(few):
    before = lines(few.folder)
    done = called("reproduce", *WORDS, "--scale", "smoke", "--jobs", 1, "--out", few.folder)
    assert done.code == 0
    assert lines(few.folder) == before
    again = json.loads((few.folder / "fig8.right.json").read_text())
    assert again == few.results["fig8.right"]


def test_the_list_names_all_claims_and_recipes_and_what_was_found(few):
    done = called("reproduce", "--list", "--scale", "smoke", "--out", few.folder)
    assert done.code == 0
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in done.out.splitlines()}
    assert [f"poster.{name}" in rows for name in STATEMENTS] == [True] * 19
    assert rows["poster.fig8.right"][2] == few.results["fig8.right"]["verdict"]
    assert rows["poster.fig9"][2] == "not run"
    assert "MNIST" in rows["poster.method"][0]
    assert {"standard", "hinton2022.mnist_supervised_matlab"} <= set(rows)


def test_more_seeds_keep_the_old_runs(few):
    before = lines(few.folder)
    results = reproduce(["fig8.right"], SCALES["smoke"], few.folder, seeds=3)
    assert lines(few.folder)[: len(before)] == before
    assert [arm["seeds"] for arm in results["fig8.right"]["arms"]] == [[0, 1, 2]] * 3
    old = few.results["fig8.right"]["arms"]
    for arm, other in zip(results["fig8.right"]["arms"], old, strict=True):
        assert arm["errors"][:2] == other["errors"]


class Interrupting(RunProgress):
    """Presses Ctrl-C after some runs."""

    def __init__(self, runs):
        self.left = runs

    def done(self, job):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def test_an_interrupted_reproduction_continues_where_it_stopped(few, tmp_path):
    for runs in (3, 5):
        with pytest.raises(KeyboardInterrupt):
            reproduce(["poster.fig8.right"], SCALES["smoke"], tmp_path, progress=Interrupting(runs))
    assert len(lines(tmp_path)) == 8
    results = reproduce(["poster.fig8.right"], SCALES["smoke"], tmp_path)
    keys = [json.loads(line)["key"] for line in lines(tmp_path)]
    assert len(keys) == len(set(keys)) == 2 * 3 + 2 * 3
    mine, theirs = results["fig8.right"], few.results["fig8.right"]
    assert [arm["errors"] for arm in mine["arms"]] == [arm["errors"][:2] for arm in theirs["arms"]]
    assert mine["statistic"] == theirs["statistic"]


def test_ctrl_c_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(job):
        raise KeyboardInterrupt

    monkeypatch.setattr(workers, "perform", interrupted)
    command = ["reproduce", "poster.fig8.right", "--scale", "smoke", "--jobs", 1]
    done = called(*command, "--out", tmp_path, "--seeds", 4)
    assert done.code == 130
    assert "ff reproduce poster.fig8.right --scale smoke" in done.err
    assert f"--out {tmp_path}" in done.err
    assert "--seeds 4" in done.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "ff reproduce poster tests all of them"),
        (["poster.fig8.rihgt"], "did you mean poster.fig8.right"),
        (["nonsense"], "expected a claim such as poster"),
        (["poster.fig5", "--seeds", "1"], "expected 2 to 100 seeds"),
        (["poster.fig5", "--jobs", "0"], "at least one run at a time"),
    ],
)
def test_what_is_asked_wrongly_is_refused(words, says, tmp_path):
    done = called("reproduce", *words, "--scale", "smoke", "--out", tmp_path)
    assert done.code == 2
    assert says in done.err
    assert not list(tmp_path.iterdir())


def test_results_of_another_scale_are_not_mixed(few):
    done = called("reproduce", "poster.method.local", "--scale", "quick", "--out", few.folder)
    assert done.code == 2
    assert "of the smoke scale" in done.err


def test_a_claim_is_named_with_and_without_the_poster():
    assert named(["poster.fig9", "fig9"]) == [CLAIMS["fig9"]]
    assert named(["poster"]) == list(CLAIMS.values())


def test_the_page_of_a_reproduction_can_be_made_again(few, tmp_path):
    done = called("report", few.folder, "--out", tmp_path / "new" / "page.html")
    assert done.code == 0, done.err
    page = (tmp_path / "new" / "page.html").read_text()
    assert [f'id="{name}"' in page for name in NAMES] == [True] * len(NAMES)


def test_runs_are_compared_on_a_page(digits_run, tmp_path):
    out = tmp_path / "runs.html"
    done = called("report", digits_run.path, digits_run.path, "--out", out)
    assert done.code == 0, done.err
    assert "validation error" in out.read_text()


@pytest.mark.parametrize("folders", [[], ["nowhere"]])
def test_a_report_of_nothing_is_refused(folders, tmp_path):
    done = called("report", *folders, "--out", tmp_path / "page.html")
    assert done.code == 2
    assert "expected" in done.err
    assert not list(tmp_path.iterdir())


def test_the_package_offers_it():
    assert set(reproducing.__all__) == {"SCALES", "Scale", "reproduce"}
