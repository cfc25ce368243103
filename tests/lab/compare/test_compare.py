"""Rules are compared on equal terms; a comparison is continued, and no run made twice."""

import json
import shutil
import subprocess

import joblib
import numpy as np
import pytest
from scipy import stats

import forward_forward as ff
from forward_forward.lab.compare import compare, formatted, read, run
from forward_forward.lab.compare.job import CompareJob, guessing_error, perform
from forward_forward.lab.compare.rule import read_rule, search_space
from forward_forward.lab.compare.table import differences, epochs_to, ranks, rows_of, texts

QUICK = {"data": "digits", "network": "mlp-2x16", "epochs": 2, "images": 300}
RULES = ["one_pass", "one_pass rule=backprop", "field.symba"]
OWN = """
from forward_forward import recipes


def wide(train, *, seed=0, epochs=None, hidden=(8, 8), lr=3e-3, margin=0.5, device=None):
    return recipes.one_pass(train, seed=seed, epochs=epochs, hidden=hidden, lr=lr, device=device)
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared") / "first"
    return folder, compare(RULES, seeds=3, out=folder, **QUICK)


def test_a_table_has_a_row_for_each_rule_the_best_first(finished):
    folder, frame = finished
    assert {*frame.index} == {*RULES}
    assert frame.test_error.is_monotonic_increasing
    assert frame.loc["one_pass"].isna()[["difference", "p_holm"]].all()
    records = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    errors = [row["test_error"] for row in records if row["rule"] == "field.symba"]
    assert frame.test_error["field.symba"] == pytest.approx(np.mean(errors))
    assert frame.petaflops["one_pass rule=backprop"] > 0
    assert (folder / "compare.json").is_file()


def test_a_run_of_a_comparison_is_that_of_the_recipe(finished):
    folder, _ = finished
    record = json.loads((folder / "runs.jsonl").read_text().splitlines()[0])
    sets = ff.datasets.load("digits")
    train = sets.train.first(300)
    plan = ff.recipes.one_pass(train, hidden=(16, 16), epochs=2, seed=record["seed"])
    plan.trainer.fit(train, epochs=2, batch_size=plan.batch_size, validation=sets.validation)
    assert ff.predict.evaluate(plan.trainer.network, sets.test)["error"] == record["test_error"]


def test_rules_and_seeds_are_added_without_repeating_a_run(tmp_path, monkeypatch):
    out = tmp_path / "c"
    compare(RULES[:2], seeds=2, out=out, **QUICK)
    before = (out / "runs.jsonl").read_text()
    compare(RULES[:2], seeds=2, out=out, **QUICK)
    assert (out / "runs.jsonl").read_text() == before
    compare(RULES, seeds=3, out=out, **QUICK)
    after = (out / "runs.jsonl").read_text()
    assert after.startswith(before)
    assert len(after.splitlines()) == 9


def test_an_interrupted_comparison_is_continued(tmp_path, monkeypatch):
    done = []

    def interrupted(job):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(job)
        return perform(job)

    monkeypatch.setattr(run, "perform", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare(RULES[:2], seeds=2, out=tmp_path / "c", **QUICK)
    assert len((tmp_path / "c" / "runs.jsonl").read_text().splitlines()) == 2
    monkeypatch.undo()
    whole = compare(RULES[:2], seeds=2, **QUICK)
    continued = compare(RULES[:2], seeds=2, out=tmp_path / "c", **QUICK)
    assert continued.test_error.equals(whole.test_error)


@pytest.mark.slow
def test_workers_find_the_same_as_this_process(finished, tmp_path):
    with joblib.parallel_config(backend="loky"):
        frame = compare(RULES[:2], seeds=2, jobs=2, out=tmp_path / "c", **QUICK)
    alone = compare(RULES[:2], seeds=2, **QUICK)
    assert frame.test_error.equals(alone.test_error)


@pytest.mark.slow
def test_the_runs_of_two_dask_workers_are_those_of_this_process(tmp_path):
    from distributed import Client, LocalCluster

    cluster = {"n_workers": 2, "threads_per_worker": 1, "memory_limit": None}
    place = {"dashboard_address": ":0", "local_directory": tmp_path / "dask"}
    with (
        LocalCluster(**cluster, **place) as found,
        Client(found),
        joblib.parallel_config(backend="dask"),
    ):
        frame = compare(RULES[:2], seeds=2, jobs=2, out=tmp_path / "c", **QUICK)
    assert frame.test_error.equals(compare(RULES[:2], seeds=2, **QUICK).test_error)


def test_every_rule_gets_the_same_number_of_trials(tmp_path):
    out = tmp_path / "c"
    compare(RULES[::2], seeds=2, trials=2, out=out, **QUICK)
    found = read(out)
    assert found["searched"] == {rule: search_space(read_rule(rule)) for rule in RULES[::2]}
    for rule, row in ((row["rule"], row) for row in found["rows"]):
        assert {*row["chosen"]} == {*found["searched"][rule]}
        trials = json.loads((out / "tuning" / rule / "trials.json").read_text())["trials"]
        assert [trial["settings"]["lr"] for trial in trials if trial["state"] == "complete"]
        assert len(trials) == 2


def test_what_is_typed_is_not_tuned():
    assert search_space(read_rule("field.symba")) == {"lr": "0.0003..0.03", "alpha": "1..16"}
    assert search_space(read_rule("field.symba lr=0.01 alpha=2")) == {}


def test_a_rule_of_ones_own_file_stands_in_the_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_rule.py").write_text(OWN)
    frame = compare(["my_rule.py:wide", "one_pass"], seeds=2, **{**QUICK, "network": "2x8"})
    assert "my_rule.py:wide" in frame.index


def test_a_run_that_diverges_counts_as_guessing():
    job = CompareJob(
        "one_pass lr=1e30 optimizer=SGD", "mlp-8", "{}", '{"data": "digits"}', 200, 1, 0
    )
    record = perform(job)
    assert record["diverged"]
    assert record["test_error"] == guessing_error(ff.datasets.load("digits").test) > 85
    assert record["validation_error"] is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rules": ["one_pass"]}, "expected two or more different rules"),
        ({"rules": ["one_pass", "one_pass"]}, "expected two or more different rules"),
        ({"rules": ["one_pass", "one_pas"]}, "did you mean 'one_pass'"),
        ({"rules": ["one_pass", "standard lr"]}, "expected settings such as lr=0.01 after"),
        ({"rules": ["one_pass", "standard seed=1"]}, "seed is the same for every rule"),
        ({"rules": ["one_pass", "standard epoch_s=1"]}, "did you mean 'epochs'"),
        ({"seeds": 1}, "seeds expects a whole number of 2 or more, got 1"),
        ({"trials": -1}, "trials expects a whole number of 0 or more"),
        ({"network": "rnn-5"}, "expected a network such as mlp-2x1000"),
        ({"network": "cnn-8+8"}, "the recipe 'one_pass' cannot have the network 'cnn-8[+]8'"),
        ({"reference": "symba"}, "reference expects one of the rules, got 'symba'"),
        ({"data": "diabetes"}, "expected data with classes"),
    ],
)
def test_what_cannot_be_compared_is_refused(given, message, tmp_path):
    settings = {"rules": RULES[:2], "seeds": 2, **QUICK, **given}
    with pytest.raises(ValueError, match=message):
        compare(settings.pop("rules"), out=tmp_path / "c", **settings)
    assert not (tmp_path / "c" / "runs.jsonl").exists()


def test_a_folder_of_another_comparison_is_refused(finished, tmp_path):
    folder, _ = finished
    with pytest.raises(ValueError, match="with epochs 2, got 3: choose another folder"):
        compare(RULES, seeds=3, out=folder, **{**QUICK, "epochs": 3})
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="expected a new folder or a comparison"):
        compare(RULES, seeds=3, out=tmp_path, **QUICK)


def records(**errors):
    return {
        rule: [
            {
                "test_error": error, "diverged": False, "chosen": {}, "curve": [50.0, error],
                "validation_error": error, "seconds": 1.0, "cpu_seconds": 1.0,
                "petaflops": 1e-6, "peak_bytes": None,
            }
            for error in each
        ]
        for rule, each in errors.items()
    }  # fmt: skip


def test_differences_are_those_of_scipy_with_holms_correction():
    a, b, c = [2.0, 2.2, 1.9, 2.1], [2.5, 2.6, 2.6, 2.4], [2.1, 2.0, 2.2, 2.3]
    found = {(row["first"], row["second"]): row for row in differences(records(a=a, b=b, c=c))}
    right = stats.ttest_rel(b, a)
    assert found["a", "b"]["p"] == pytest.approx(right.pvalue)
    assert found["a", "b"]["low"] == pytest.approx(right.confidence_interval().low)
    ordered = sorted(found.values(), key=lambda row: row["p"])
    assert ordered[0]["holm"] == pytest.approx(3 * ordered[0]["p"])


def test_ranks_and_the_critical_difference_are_those_of_demsar():
    found = ranks(records(a=[1.0, 1.0, 1.0], b=[2.0, 2.0, 3.0], c=[3.0, 3.0, 2.0]))
    assert found["ranks"] == pytest.approx({"a": 1, "b": 7 / 3, "c": 8 / 3})
    assert found["critical"] == pytest.approx(2.343 * (3 * 4 / 18) ** 0.5, abs=1e-3)  # table 5
    assert found["friedman"] == stats.friedmanchisquare([1, 1, 1], [2, 2, 3], [3, 3, 2]).pvalue
    assert ranks(records(a=[1.0, 1.0], b=[2.0, 2.0])) is None


def test_epochs_to_a_part_of_the_best_accuracy():
    assert epochs_to([50.0, 10.0, 6.0, 5.0], 0.95) == 3 - 1 * (90 >= 0.95 * 95)
    assert epochs_to([], 0.95) is None


def test_the_table_is_printed_in_every_form(finished):
    found = read(finished[0])
    names, *rows = texts(found)
    assert len(rows) == 3
    assert formatted(found, "md").splitlines()[0] == f"| {' | '.join(names)} |"
    assert formatted(found, "csv").startswith("rule,test_error,low,high,seeds")
    assert len(json.loads(formatted(found, "json"))) == 3
    assert r"field.symba & " in formatted(found, "latex")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not on PATH")
def test_the_latex_table_compiles(finished, tmp_path):
    table = formatted(read(finished[0]), "latex")
    text = f"\\documentclass{{article}}\\begin{{document}}{table}\\end{{document}}"
    (tmp_path / "table.tex").write_text(text)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "table.pdf").stat().st_size > 1000


def test_rows_count_runs_that_diverged():
    kept = records(a=[90.0, 2.0], b=[1.0, 2.0])
    kept["a"][0] |= {"diverged": True, "validation_error": None, "curve": []}
    row = rows_of(kept)[1]
    assert (row["rule"], row["diverged"], row["validation_error"]) == ("a", 1, None)
    assert row["epochs_to_95"] is None
