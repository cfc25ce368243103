"""A softmax head whose layers learn apart: each from its own guess, all read together."""

import pytest
import torch
from torch.nn import functional

import forward_forward as ff
from forward_forward.examples import AppendLabel, FromSoftmax
from forward_forward.forward.description import build, describe
from forward_forward.optimize.scores import teach_head

CLASSES, FEATURES = 3, 5
X = torch.rand(12, FEATURES, generator=torch.Generator().manual_seed(0))
Y = torch.arange(12) % CLASSES
SHARE = torch.full((12,), 1 / 12)


def network(head: object = "local") -> ff.Network:
    net = ff.mlp(
        FEATURES,
        8,
        7,
        6,
        num_classes=CLASSES,
        head=head,
        examples=AppendLabel(CLASSES, negatives=FromSoftmax()),
    )
    net.calibrate(X, Y)
    return net


def taught(net: ff.Network) -> torch.Tensor:
    trainer = ff.Trainer(net)
    positive = net.examples.positive(X, Y)
    return teach_head(net, trainer.forward.begin(), positive, Y, SHARE)


def test_each_layer_learns_from_the_softmax_of_its_own_logits():
    net = network()
    generator = torch.Generator().manual_seed(1)
    for weight in net.head.weights:
        weight.data.normal_(generator=generator)
    logits = taught(net)
    activities = [h.detach() for h in net(net.examples.neutral(X))][1:]
    total = torch.zeros_like(logits)
    for weight, h in zip(net.head.weights, activities, strict=True):
        alone = weight.detach().clone().requires_grad_()
        own = net.head.row(h) @ alone.t()
        functional.cross_entropy(own, Y).backward()
        torch.testing.assert_close(weight.grad, alone.grad)
        total = total + own.detach()
    torch.testing.assert_close(logits, total)


def test_one_head_learns_from_all_logits_together():
    local, joint = network(), network(head=True)
    for net in (local, joint):
        for index, weight in enumerate(net.head.weights):
            weight.data.fill_(0).diagonal().fill_(1.0 + index)
    torch.testing.assert_close(taught(local), taught(joint))
    pairs = zip(local.head.weights, joint.head.weights, strict=True)
    assert not any(torch.allclose(mine.grad, other.grad) for mine, other in pairs)


def test_training_teaches_it():
    train, test = ff.datasets.named("digits")
    net = ff.mlp(64, 64, 64, 64, num_classes=10, head="local")
    trainer = ff.Trainer(net, lr=0.005)
    trainer.fit(train, epochs=8, batch_size=64)
    assert ff.predict.evaluate(net, test)["head_error"] < 15


@pytest.mark.parametrize("head", [True, "local"])
def test_it_is_described_and_built_again(head):
    net = network(head)
    about = describe(net)
    assert build(about).head.local is (head == "local")
    # As runs were written before there was such a head: they resume.
    assert ("local" in about["head"]) is (head == "local")
