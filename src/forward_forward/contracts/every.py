"""Contracts of any part, for training, a run's folder and copies: each passes or raises `Broken`.

Each function is one contract; its first line states it.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import torch
from torch import Tensor, nn

from forward_forward import notation
from forward_forward.contracts.broken import expect, expect_close
from forward_forward.contracts.training import batch_for, small_network
from forward_forward.forward.description import names
from forward_forward.optimize import Trainer
from forward_forward.optimize.engine import Kind as Engine

__all__ = [
    "is_found_under_its_name",
    "keeps_its_name_in_copies",
    "takes_the_same_steps_in_closed_form_and_with_autograd",
]


def is_found_under_its_name(part: Any) -> None:
    """The stored name resolves to the part or, if it is user-defined, to the part or its class.

    Raises:
        Broken: It does not: it is, for example, a lambda or a function inside another.

    >>> from forward_forward.losses import SymBa
    >>> is_found_under_its_name(SymBa(alpha=2.0))
    """
    text = notation.write(part, names())
    try:
        found = notation.read(text, names(), typed=True)
    except ValueError:
        found = None
    # Modules are equal if they are one object; a module of the library is read with its arguments.
    like = isinstance(part, nn.Module) and repr(found) == repr(part)
    expect(
        found is not None and (found == part or found is type(part) or like),
        f"expected {text} to be the part or its class, got {found!r}: define it at the top of its"
        " module, under its own name",
    )


def keeps_its_name_in_copies(part: Any) -> None:
    """It can be copied and pickled, and the copies keep its name.

    Raises:
        Broken: A copy has another name: a copied network could not be resumed.

    >>> from forward_forward.losses import SymBa
    >>> keeps_its_name_in_copies(SymBa(alpha=2.0))
    """
    text = notation.write(part, names())
    for copied in (copy.deepcopy(part), pickle.loads(pickle.dumps(part))):
        name = notation.write(copied, names())
        expect(name == text, f"expected a copy to be {text}, got {name}")


def takes_the_same_steps_in_closed_form_and_with_autograd(part: Any) -> None:
    """A small network trained with it learns; closed-form and autograd steps are equal.

    Raises:
        Broken: Its weights after three steps differ by more than 1e-9, have not changed, or are
            NaN.

    >>> takes_the_same_steps_in_closed_form_and_with_autograd(lambda pos, neg: neg.mean(0) - pos)
    """
    before = _weights(part, "closed_form", steps=0)
    by_hand, by_autograd = _weights(part, "closed_form"), _weights(part, "autograd")
    expect(
        by_autograd.isfinite().all(),
        "expected finite weights after three steps, got NaN or infinity",
    )
    expect(
        not torch.equal(before, by_autograd),
        "expected the weights to change, but they did not",
    )
    expect_close(
        by_hand, by_autograd, "a weight after three steps in closed form", rtol=1e-9, atol=1e-9
    )


def _weights(part: Any, engine: Engine, steps: int = 3) -> Tensor:
    network, (x, y) = small_network(part), batch_for(part)
    trainer = Trainer(network, optimizer=torch.optim.SGD, lr=0.1, engine=engine)
    for _ in range(steps):
        trainer.step(x, y)
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])
