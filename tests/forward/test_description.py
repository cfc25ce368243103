"""Descriptions that earlier versions wrote are read, and compared with those of today."""

from forward_forward.forward import LabelInput, Standardize, mlp
from forward_forward.forward.description import build, describe, rewritten


def test_a_description_of_an_earlier_version_is_read_and_compared():
    entrance = "Entrance(shape=(1, 4, 4), classes=3, way='channels', before=None, embedded=None)"
    block = "Conv2d(4, 2, kernel_size=(3, 3), stride=(1, 1))"
    inside = f"Sequential({entrance}, {block}, ReLU())"
    net = mlp(16, 5, num_classes=3, inputs=Standardize(16))
    now = describe(net)
    rows = [{**now["layers"][0], "block": inside, "activation": "None"}]
    earlier = {**now, "inputs": "Standardize(16)", "layers": rows}
    again = build(earlier)
    assert isinstance(again.layers[0].block[0], LabelInput)
    assert "LabelInput" in describe(again)["layers"][0]["block"]
    assert rewritten(earlier) == describe(again)
