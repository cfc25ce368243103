"""What the C program cannot compute is refused by name, and nothing is written."""

import pytest
import torch
from torch import nn

from forward_forward.examples import HybridImages, NoLabel
from forward_forward.export.device import NotForDevice, c, web
from forward_forward.forward import Layer, Network, mlp
from forward_forward.goodness import PNorm
from forward_forward.losses import CrossEntropy
from forward_forward.readouts import ChannelGroups, LinearReadout

LABELS = torch.arange(9) % 3
X = torch.rand(9, 6, generator=torch.Generator().manual_seed(0))
MAPS = torch.rand(9, 2, 8, 8, generator=torch.Generator().manual_seed(0))


def one(block=None, *, activation=nn.ReLU, examples=None, **settings):
    settings = {"goodness": LinearReadout(3), "loss": CrossEntropy(), **settings}
    layer = Layer(block or nn.Linear(6, 4), activation, **settings)
    return Network(layer, examples=examples or NoLabel(3))


def custom_loss(positive, negative):
    return nn.functional.softplus(negative - positive)


REFUSED = {
    "activation": (lambda: one(activation=nn.Mish), X, r"layer 1: .*got Mish"),
    "dilation": (
        lambda: one(nn.Conv2d(2, 4, 3, dilation=2), goodness=LinearReadout(3, 4, grid=2)),
        MAPS,
        "without groups or dilation",
    ),
    "two products": (
        lambda: one(nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 4)), goodness=LinearReadout(3, 4)),
        X,
        "expected one linear or convolutional part, got 2",
    ),
    "pooling": (
        lambda: one(
            nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.MaxPool2d(3, 2)),
            goodness=LinearReadout(3, 4, grid=2),
        ),
        MAPS,
        "windows that touch",
    ),
    "recurrent block": (
        lambda: one(nn.GRU(6, 4), goodness=LinearReadout(3, 4)),
        X,
        "expected one linear or convolutional part",
    ),
    "normalisation": (lambda: one(normalize=nn.LayerNorm(6)), X, "got LayerNorm"),
    "loss": (lambda: one(loss=custom_loss), X, "got .*custom_loss"),
    "goodness": (
        lambda: mlp(6, 8, num_classes=3, layer=lambda block: Layer(block, goodness=PNorm(3))),
        X,
        "got PNorm",
    ),
    "examples": (
        lambda: mlp(6, 8, num_classes=3, examples=HybridImages(3), head=True),
        X,
        "got HybridImages",
    ),
    "shape": (lambda: one(), torch.rand(2, 3, 4, 5, 6), "expected samples .features. or pictures"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_form_in_c_is_refused_by_name(name, tmp_path):
    make, x, message = REFUSED[name]
    with pytest.raises(NotForDevice, match=message):
        c(make(), x, tmp_path / "device")
    assert not any(tmp_path.iterdir())


def test_settings_out_of_range_are_refused(tmp_path):
    network, folder = one(), tmp_path / "device"
    for settings, message in (
        ({"spare_classes": -1}, "whole number from 0 to 1000, got -1"),
        ({"spare_classes": True}, "whole number from 0 to 1000, got True"),
        ({"rate": -0.1}, "rate expects a number from 0 on, got -0.1"),
        ({"rate": float("nan")}, "got nan"),
        ({"classes": ["a"]}, "the network has 3 classes, got 1 names"),
        ({"numbers": "int4"}, "float32, int16 or int8, got 'int4'"),
    ):
        with pytest.raises(ValueError, match=message):
            c(network, X, folder, **settings)
    assert not any(tmp_path.iterdir())


def test_the_network_of_an_estimator_is_refused_without_its_scaling(tmp_path):
    network = one()
    network.outside = "FFClassifier"
    with pytest.raises(ValueError, match="expected a network that predicts alone, got a part of"):
        c(network, X, tmp_path / "a")
    with pytest.raises(ValueError, match="expected a network that predicts alone, got a part of"):
        web(network, X, LABELS, tmp_path / "b")
    assert not any(tmp_path.iterdir())


def test_spare_classes_need_a_readout_that_can_grow(tmp_path):
    with pytest.raises(NotForDevice, match="ChannelGroups has no channels left for spare classes"):
        c(
            one(goodness=ChannelGroups(2, units=4), examples=NoLabel(2)),
            X,
            tmp_path / "a",
            spare_classes=1,
        )
    with pytest.raises(NotForDevice, match="spare classes need layers that answer for every class"):
        c(mlp(6, 8, num_classes=3), X, tmp_path / "b", spare_classes=1)


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(ValueError, match=r"holds 'thesis.tex', which is not part of an export"):
        c(one(), X, tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years"


def test_what_is_not_learned_on_the_device_is_noted(tmp_path):
    block = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2))
    about = c(
        one(block, activation=None, goodness=LinearReadout(3, 4, grid=1)), MAPS, tmp_path / "a"
    )
    notes = about["layers"][0]["notes"]
    assert "its batch normalisation is folded into its weights, and learns no more" in notes
    assert "does not learn on the device: its average pooling follows the activation" in notes
    about = c(one(dropout=0.5), X, tmp_path / "b")
    assert "learns on the device by its loss alone" in about["layers"][0]["notes"][0]
