"""Batches of a text, spread over two ranks, train as in one process up to rounding."""

import functools
from pathlib import Path

import torch
import torch.distributed as dist
from tests.optimize.test_next_symbol import TEXT, network
from tests.parallel.processes import LIMIT, on_ranks

import forward_forward as ff
from forward_forward.parallel import Layout


def trained(parallel: Layout | None = None) -> torch.Tensor:
    net = network(above=0.1).double()
    momentum = functools.partial(torch.optim.SGD, momentum=0.9)
    trainer = ff.Trainer(net, optimizer=momentum, lr=0.05, seed=3)
    trainer.fit(TEXT, epochs=2, batch_size=16, validation=TEXT, parallel=parallel)
    return torch.cat([weight.detach().flatten() for weight in net.parameters()])


def compare(out: Path) -> None:
    alone, together = trained(), trained(Layout(stages=1, replicas=None, timeout=LIMIT))
    if dist.get_rank() == 0:
        out.write_text(str(float((alone - together).abs().max())))


def test_batches_over_ranks_train_as_in_one_process(tmp_path):
    on_ranks(2, compare, tmp_path / "gap")
    assert float((tmp_path / "gap").read_text()) < 1e-12
