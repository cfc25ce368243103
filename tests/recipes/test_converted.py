"""A model of one's own, named on the command line, by local losses and by backpropagation."""

import json
import sys

import pytest
import torch
from tests.conftest import called
from torch import nn
from torch.nn import functional

import forward_forward as ff
from forward_forward.optimize import cosine
from forward_forward.recipes import converted
from forward_forward.recipes.converted import built

CODE = """
import torch
from torch import nn
from torch.nn import functional as F

import beside_own_cnn


class OwnCNN(nn.Module):
    def __init__(self, num_classes, width=4):
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.fc = nn.Linear(16 * width, num_classes)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(x + self.conv2(x)), 2)
        return self.fc(x.flatten(1))
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "code" / "own_cnn.py"
    path.parent.mkdir()
    path.write_text(CODE)
    (path.parent / "beside_own_cnn.py").write_text("")
    yield path
    for name in ("own_cnn", "beside_own_cnn"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("rule", ["local", "backprop"])
def test_a_file_s_class_trains_and_its_run_loads_without_the_file(file, tmp_path, rule):
    run = tmp_path / rule
    options = ["--data", "digits", "--epochs", "6", "--lr", "0.003", "--threads", "1", "--json"]
    model = f"{file}:OwnCNN(width=8)"
    done = called("train", *options, "--model", model, "--rule", rule, "--out", run)
    assert done.code == 0, done.err
    assert json.loads(done.out)["test_error"] < 20  # chance is 90
    file.unlink()
    sys.modules.pop("own_cnn")
    assert called("evaluate", run, "--json").code == 0
    assert ff.load(run).layers[0].block[0].out_channels == 8


def test_both_runs_end_in_one_report(file, tmp_path):
    options = ["--data", "digits", "--epochs", "1", "--threads", "1", "--model", f"{file}:OwnCNN"]
    runs = [tmp_path / rule for rule in ("local", "backprop")]
    done = [called("train", *options, "--rule", run.name, "--out", run) for run in runs]
    assert [each.code for each in done] == [0, 0]
    assert "layer 1 alone" in done[0].out
    assert "layer 1 alone" not in done[1].out  # its read-out never learned
    page = tmp_path / "page.html"
    assert called("report", *runs, "--out", page).code == 0
    text = page.read_text()
    assert "local" in text
    assert "backprop" in text


class Own(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.fc = nn.Linear(64, num_classes)

    def forward(self, x):
        return self.fc(functional.max_pool2d(functional.relu(self.conv(x)), 2).flatten(1))


def test_backprop_is_the_loop_written_out_with_the_same_seed():
    """Five epochs on digits by SGD: the model, its batches and its schedule by hand."""
    train, _ = ff.datasets.digits()
    plan = converted(
        train,
        model=Own,
        seed=5,
        epochs=5,
        lr=0.1,
        optimizer=torch.optim.SGD,
        rule="backprop",
        precision="float32",
    )
    plan.trainer.fit(train, epochs=5, batch_size=64)
    torch.manual_seed(5)
    model = Own(10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    steps = -(-len(train) // 64)
    for epoch in range(5):
        order = ff.seeds.generator(5, "order", epoch)
        for step, (x, y, _) in enumerate(train.batches(64, shuffle=order)):
            optimizer.param_groups[0]["lr"] = 0.1 * cosine(epoch + step / steps, 5)
            optimizer.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    found = dict(plan.trainer.network.named_parameters())
    assert len(found) == 4
    for one, other in zip(found.values(), model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (3, "model expects a torch.nn.Module, its class or a function"),
        (lambda: 3, "to return a torch.nn.Module, got int"),
        (lambda width: None, r"got <lambda>\(width\): give the others defaults"),
    ],
)
def test_what_is_no_model_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        built(model, 10, 0)


def test_a_model_is_drawn_from_the_seed_and_the_global_state_is_restored():
    state = torch.get_rng_state()
    one, other = built(Own, 3, 7), built(Own, 3, 7)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(one.conv.weight, other.conv.weight)
    assert one.fc.out_features == 3


def test_a_missing_file_and_a_missing_class_are_said(file):
    options = ["train", "--data", "digits", "--epochs", "1"]
    done = called(*options, "--model", f"{file.parent}/nothing.py:CNN")
    assert (done.code, "there is no file" in done.err) == (2, True)
    done = called(*options, "--model", f"{file}:Nothing")
    assert (done.code, "cannot be imported" in done.err) == (2, True)
    assert "has no attribute 'Nothing': choose from OwnCNN" in done.err
    done = called(*options, "--model", f"{file}:OwmCN(width=3)")
    assert (done.code, "did you mean 'OwnCNN'?" in done.err) == (2, True)
    done = called(*options, "--model", file)
    assert (done.code, "which names no class: choose from OwnCNN" in done.err) == (2, True)
    done = called(*options, "--model", "OwnCNN")
    assert (done.code, "got 'OwnCNN': add the file or the module" in done.err) == (2, True)
    done = called(*options, "--model", f"{file}:OwnCNN", "--hidden", "8")
    assert (done.code, "has no setting 'hidden'" in done.err) == (2, True)


class DropoutBeforeTheEnd(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.hidden = nn.Linear(64, 16)
        self.dropout = nn.Dropout(0.5)
        self.end = nn.Linear(16, num_classes)

    def forward(self, x):
        return self.end(self.dropout(functional.relu(self.hidden(x.flatten(1)))))


@pytest.mark.parametrize("rule", ["local", "backprop"])
def test_dropout_before_the_end_follows_the_seed_and_leaves_torch_s_own(rule):
    train, _ = ff.datasets.digits()

    def weights(elsewhere: int) -> list[torch.Tensor]:
        torch.manual_seed(elsewhere)
        plan = converted(train, model=DropoutBeforeTheEnd, rule=rule, seed=0)
        before = torch.get_rng_state()
        plan.trainer.fit(train, epochs=1, batch_size=256)
        assert torch.equal(torch.get_rng_state(), before)
        return [each.detach().clone() for each in plan.trainer.network.parameters()]

    assert all(map(torch.equal, weights(50), weights(51)))


class Concatenates(nn.Module):
    """Maps of 8 x 8 pixels, and as many channels in each convolution."""

    def __init__(self, num_classes=10):
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.end = nn.Linear(16 * 64, num_classes)

    def forward(self, x):
        first = functional.relu(self.first(x))
        both = torch.cat([first, functional.relu(self.second(first))], 1)
        return self.end(both.flatten(1))


def test_as_many_channels_as_pixels_may_be_concatenated():
    train, test = ff.datasets.digits()
    plan = converted(train, model=Concatenates, seed=0)
    plan.trainer.fit(train, epochs=1, batch_size=256)
    x, _, _ = next(test.batches(5))
    assert plan.trainer.network.goodness(x).shape == (5, 10)
