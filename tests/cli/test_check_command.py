"""``ff check``: contracts by name, as text or JSON; a broken part exits 1."""

import json

import pytest

from forward_forward import contracts
from forward_forward.losses import SymBa

MINE = '''"""Parts of a user's own."""

from torch.nn.functional import softplus


def good(pos, neg):
    return softplus(-pos) + softplus(neg).sum(0) / max(len(neg), 1)


def rising(pos, neg):
    return -good(pos, neg)


def three(a, b, c):
    return a


class Next:
    scores = "nothing"
    fraction = 0.0

    def __call__(self, y, classes, rng, scores):
        return (y[None] + 1) % classes


number = 3
'''


@pytest.fixture
def rules(tmp_path, monkeypatch):
    """A module of one's own in the current folder."""
    (tmp_path / "rules_of_mine.py").write_text(MINE)
    (tmp_path / "rules_with_a_slip.py").write_text("def loss(pos, neg)\n    return pos\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return "rules_of_mine"


def test_a_good_part_keeps_all_and_a_broken_one_says_what_it_does_not(ff, rules):
    done = ff("check", f"{rules}:good", f"{rules}:Next", "SymBa(alpha=2)", "l2_norm")
    assert done.code == 0, done.err
    heads = [line for line in done.out.splitlines() if line.endswith(")") and ":" in line]
    assert heads[:2] == [f"{rules}:good (loss)", f"{rules}:Next (negatives)"]
    assert "BAD" not in done.out
    count = len(contracts.contracts_of(SymBa()))
    assert done.out.count(f"{count} of {count} contracts passed") == 2
    done = ff("check", f"{rules}:rising")
    assert done.code == 1
    assert f"{count - 1} of {count} contracts passed" in done.out
    assert "BAD  At zero margins it decreases in the positive's goodness" in done.out
    assert "expected a slope below 0 for positives, got 0.5" in done.out


def test_verdicts_are_json_where_that_is_asked(ff, rules):
    done = ff("check", "--json", f"{rules}:rising")
    assert done.code == 1
    rows = json.loads(done.out)
    assert {row["part"] for row in rows} == {f"{rules}:rising"}
    assert {row["kind"] for row in rows} == {"loss"}
    (broken,) = [row for row in rows if not row["kept"]]
    assert broken["contract"] == "falls with positives and rises with negatives"
    assert broken["reason"].startswith("expected a slope below 0")
    assert all(row["reason"] == "" for row in rows if row["kept"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "ff check my_rules:my_loss"),
        (["l2norm"], "did you mean 'l2_norm'?"),
        (["rules_of_mine:nothing"], "has no attribute 'nothing'"),
        (["no_such_module:loss"], "No module named 'no_such_module'"),
        (["rules_with_a_slip:loss"], "cannot be imported: SyntaxError: expected ':'"),
        (["rules_of_mine:three"], "rules_of_mine:three: a part is called with"),
        (["rules_of_mine:number"], "expected the name of a part, got 3"),
    ],
)
def test_what_is_no_part_exits_2_with_what_to_do(ff, rules, words, said):
    done = ff("check", *words)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_a_way_of_negatives_that_does_not_say_its_scores_is_refused_in_training(ff, rules):
    done = ff("train", "--data", "digits", "--negatives", f"{rules}:three")
    assert done.code == 2
    assert "negatives expects an object with the attribute scores" in done.err
