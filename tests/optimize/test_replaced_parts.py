"""A network changed after it or its trainer was built: refused, not trained without a word."""

import pytest
import torch
from torch import nn

import forward_forward as ff
from forward_forward.examples import AppendLabel, FromSoftmax, NoLabel, Uniform
from forward_forward.forward.head import SoftmaxHead
from forward_forward.optimize import Trainer
from forward_forward.recurrent import RecurrentNetwork, RecurrentTrainer
from forward_forward.terms import SupervisedContrast

X = torch.rand(12, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(12) % 3


def network(head=True, hidden=(9, 8)):
    examples = AppendLabel(3, negatives=Uniform())
    return ff.mlp(6, *hidden, num_classes=3, examples=examples, head=head)


def renew(module, name):
    setattr(module, name, nn.Parameter(getattr(module, name).detach().clone()))


def fit(trainer):
    trainer.fit((X, Y), epochs=1, batch_size=6)


def step(trainer):
    trainer.step(X, Y)


def step_ahead(trainer):
    for batch in trainer.ahead([(X, Y, None)]):
        trainer.step(*batch)


@pytest.mark.parametrize("run", [step, fit])
@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
@pytest.mark.parametrize("name", ["weight", "bias"])
def test_a_replaced_weight_of_a_block_is_refused(engine, name, stepped, run):
    trainer = Trainer(network(), engine=engine)
    if stepped:
        trainer.step(X, Y)
    renew(trainer.network.layers[1].block, name)
    with pytest.raises(ValueError, match=rf"layer 2 .* block\.{name} would .* a new Trainer"):
        run(trainer)


@pytest.mark.parametrize("run", [step_ahead, fit])
@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("look_ahead", [0, 1])
def test_a_replaced_head_is_refused(whole, stepped, run, look_ahead):
    trainer = Trainer(network(hidden=(9, 8, 7)), look_ahead=look_ahead)
    if stepped:
        step_ahead(trainer)
    if whole:
        trainer.network.head = SoftmaxHead((9, 8, 7), 3)
    else:
        renew(trainer.network.head.weights, "1")
    with pytest.raises(ValueError, match=r"the head expects .* weights\.[01] would never learn"):
        run(trainer)


@pytest.mark.parametrize("run", [step, fit])
@pytest.mark.parametrize(
    ("before", "after"), [(True, None), (False, SoftmaxHead((9, 8), 3))], ids=["removed", "added"]
)
def test_a_head_removed_or_added_is_refused(before, after, run):
    trainer = Trainer(network(head=before))
    trainer.network.head = after
    with pytest.raises(ValueError, match=r"the head it had .* got (one|none): build a new Trainer"):
        run(trainer)


def test_a_weight_added_to_a_block_is_refused_by_fit():
    trainer = Trainer(network())
    trainer.network.layers[0].block.register_parameter("scale", nn.Parameter(torch.ones(9)))
    with pytest.raises(ValueError, match=r"layer 1 .* block\.scale would never learn"):
        fit(trainer)


def test_weights_that_do_not_learn_on_purpose_are_accepted():
    net = network()
    net.layers[0].block.bias.requires_grad_(False)
    fit(Trainer(net))
    net.layers[1].block.bias = None
    trainer = Trainer(net)
    step(trainer)
    fit(trainer)


def test_a_weight_that_is_never_used_is_accepted():
    block = nn.Sequential(nn.Linear(9, 9), nn.ReLU())
    block.register_parameter("unused", nn.Parameter(torch.ones(3)))
    net = ff.Network(ff.Layer(block, activation=None), examples=AppendLabel(3))
    trainer = Trainer(net)
    step(trainer)
    fit(trainer)


def test_a_replaced_weight_of_a_recurrent_network_is_refused():
    net = RecurrentNetwork(6, 9, 8, num_classes=3)
    trainer = RecurrentTrainer(net)
    trainer.step(X, Y)
    renew(net.layers[1].block, "weight")
    with pytest.raises(ValueError, match=r"layer 2 .* would never learn: build a new Trainer"):
        trainer.step(X, Y)


class Misspelt(Uniform):
    scores = "goodnes"


def test_examples_set_after_the_network_was_built_are_checked_by_the_trainer():
    net = network(head=False)
    net.examples = AppendLabel(3, negatives=Misspelt())
    with pytest.raises(ValueError, match=r"scores .* first layer, got 'goodnes'"):
        Trainer(net)
    net.examples = AppendLabel(3, negatives=FromSoftmax())
    with pytest.raises(ValueError, match="drawn from the softmax require a head"):
        Trainer(net)
    net.examples = NoLabel(num_classes=3)
    with pytest.raises(ValueError, match="layers whose goodness answers for every class"):
        Trainer(net)
    recurrent = RecurrentNetwork(6, 9, num_classes=3)
    recurrent.examples = AppendLabel(3, negatives=Misspelt())
    with pytest.raises(ValueError, match=r"scores .* first layer, got 'goodnes'"):
        RecurrentTrainer(recurrent)


@pytest.mark.parametrize("stepped", [False, True])
def test_labels_and_weights_of_another_length_are_named(stepped):
    makers = Trainer(network()), RecurrentTrainer(RecurrentNetwork(6, 9, num_classes=3))
    for trainer in makers:
        if stepped:
            trainer.step(X, Y)
        with pytest.raises(ValueError, match=r"a label for each of the 12 samples, got .* \[4\]"):
            trainer.step(X, Y[:4])
    with pytest.raises(ValueError, match=r"a weight for each of the 12 samples, got .* \[13\]"):
        makers[0].step(X, Y, torch.ones(13))
    with pytest.raises(ValueError, match=r"a label for each of the 12 samples, got .* \[4\]"):
        makers[0].calibrate(X, Y[:4])


@pytest.mark.parametrize("run", [step, fit])
@pytest.mark.parametrize("stepped", [False, True])
def test_terms_set_later_belong_to_the_layer_and_are_refused_by_its_trainer(stepped, run):
    trainer = Trainer(network())
    if stepped:
        trainer.step(X, Y)
    layer = trainer.network.layers[1]
    layer.terms = (SupervisedContrast(),)
    assert layer.terms[0].units == 8
    with pytest.raises(ValueError, match=r"layer 2 .*projection would never learn"):
        run(trainer)
    step(Trainer(trainer.network))
    layer.terms = ()
    assert layer.closed_form
    assert not list(layer.term_modules.parameters())
