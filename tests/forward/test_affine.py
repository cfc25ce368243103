"""Products shared by label variants are those of the rows written out, in training and export."""

import pytest
import torch
from torch import nn

from forward_forward.examples import AppendLabel, OverlayLabel, Uniform, stack
from forward_forward.export.predictors import Scan
from forward_forward.forward import Layer, mlp, operands
from forward_forward.forward.activities import Activities
from forward_forward.forward.affine import Affine
from forward_forward.forward.normalize import MeanSquareOne, UnitLength
from forward_forward.forward.operands import DenseOperand, LabelledOperand, operand_of
from forward_forward.forward.workspace import Workspace

CLASSES = 3
X = torch.rand(10, 6, generator=torch.Generator().manual_seed(0)).double()
Y = torch.arange(10) % CLASSES


def halved(x):
    return x / 2


def written_out(inputs):
    return Activities(inputs.dense().flatten(0, 1))


@pytest.mark.parametrize("place", [AppendLabel, OverlayLabel])
@pytest.mark.parametrize("normalize", [MeanSquareOne(), UnitLength(), None, halved])
@pytest.mark.parametrize("bias", [True, False])
def test_the_first_layers_shared_product_is_exact(place, normalize, bias):
    x = X.clone()
    x[2] = 0
    examples = place(CLASSES, negatives=Uniform(count=3))
    linear = nn.Linear(examples.width(6), 8, bias=bias).double()
    affine = Affine(Layer(linear, normalize=normalize).double(), torch.float64)
    positive = examples.positive(x, Y)
    negative = examples.negative(positive, Y, torch.Generator())
    for inputs in (stack(positive, negative), examples.candidates(x), examples.neutral(x)):
        shared, dense = (
            operand_of(affine, inputs),
            DenseOperand(affine, written_out(inputs)),
        )
        assert isinstance(shared, LabelledOperand) == (normalize is not halved)
        totals = shared.totals()
        rows = affine.layer.rows(written_out(inputs).h)
        by_torch = linear(rows).detach()
        torch.testing.assert_close(totals, by_torch, rtol=0, atol=1e-12)
        torch.testing.assert_close(totals, dense.totals(), rtol=0, atol=1e-12)
        delta = torch.randn(totals.shape, generator=torch.Generator().manual_seed(1)).double()
        scale = torch.rand(len(delta), generator=torch.Generator().manual_seed(2)).double()
        for each in (None, scale):
            scaled = delta if each is None else delta * each[:, None]
            expected = scaled.t() @ rows, scaled.sum(0)
            torch.testing.assert_close(shared.gradients(delta, each), expected, rtol=0, atol=1e-12)
            torch.testing.assert_close(dense.gradients(delta, each), expected, rtol=0, atol=1e-12)


def test_shared_products_serve_the_first_rows_and_no_others():
    affine = Affine(Layer(nn.Linear(9, 4)).double(), torch.float64)
    candidates = AppendLabel(CLASSES).candidates(X)
    affine.share(candidates)
    for inputs in (candidates.first(2), AppendLabel(CLASSES).candidates(1 - X), candidates):
        dense = DenseOperand(affine, written_out(inputs)).totals()
        torch.testing.assert_close(operand_of(affine, inputs).totals(), dense)


def test_a_cached_product_serves_no_rows_of_another_stride_or_width():
    affine = Affine(Layer(nn.Linear(9, 4)).double(), torch.float64)
    affine.share(AppendLabel(CLASSES).candidates(X))
    every_second = AppendLabel(CLASSES).candidates(X[::2])
    narrow = AppendLabel(CLASSES + 1).candidates(X[:, :5])
    for inputs in (every_second, narrow):
        dense = DenseOperand(affine, written_out(inputs)).totals()
        torch.testing.assert_close(operand_of(affine, inputs).totals(), dense)
        affine.share(AppendLabel(CLASSES).candidates(X))


def test_training_and_export_compute_the_totals_of_variants_by_one_function(monkeypatch):
    net = mlp(6, 5, num_classes=CLASSES)
    scan, before = Scan(net), net.goodness(X.float())
    torch.testing.assert_close(scan(X.float())[0], before)
    plain = operands.scaled_and_biased
    monkeypatch.setattr(operands, "scaled_and_biased", lambda *a, **k: 2 * plain(*a, **k))
    torch.testing.assert_close(net.goodness(X.float()), 4 * before)
    torch.testing.assert_close(scan(X.float())[0], 4 * before)


@pytest.mark.parametrize("products", [torch.float64, torch.bfloat16])
def test_layers_that_share_a_workspace_compute_as_those_that_do_not(products):
    layers = [Layer(nn.Linear(9, 4)).double(), Layer(nn.Linear(4, 4), normalize=None).double()]
    inputs = AppendLabel(CLASSES).candidates(X)
    gradients = []
    for workspace in (None, Workspace()):
        first, second = (Affine(layer, products, workspace, k) for k, layer in enumerate(layers))
        h = Activities(operand_of(first, inputs).totals().relu_())
        operand, length = operand_of(second, h), h.length
        delta = operand.totals()
        gradients.append([each.clone() for each in operand.gradients(delta, length)])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=0)
