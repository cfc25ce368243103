"""A network and batches x [batch, ...], y [batch] -> every layer's own step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from forward_forward import notation
from forward_forward.data import augment as augmenting
from forward_forward.examples import Inputs
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.passes import ForwardPass
from forward_forward.forward.workspace import Workspace
from forward_forward.optimize import schedules
from forward_forward.optimize.engine import Engine, Kind
from forward_forward.optimize.look_ahead import LookAhead, ahead
from forward_forward.optimize.metrics import by_name
from forward_forward.optimize.optimizers import optimizer_of
from forward_forward.optimize.precision import Precision, products, usable
from forward_forward.optimize.prepare import BatchPreparer
from forward_forward.optimize.randomness import Augment, StepRandomness
from forward_forward.optimize.schedules import Schedule, constant
from forward_forward.optimize.steps import LayerSteps

if TYPE_CHECKING:
    from forward_forward.data.batch import Batch
    from forward_forward.optimize.frozen_cache import FrozenCache
    from forward_forward.optimize.progress import Fitted

Order = Literal["joint", "greedy"]

CALIBRATION_SAMPLES = 1024


class Trainer:
    """Trains a network: one optimiser a layer, one more for a softmax head.

    All layers read their input as computed before any layer's step of this batch (Hinton's order).

    Args:
        network: The network; it is moved to ``device``.
        optimizer: A torch optimiser's class, or a ``functools.partial`` of one with options. Fused
            kernels are used where it has them, unless the partial says otherwise.
        lr: Learning rate of every layer.
        weight_decay: Of weights, not of biases; None keeps the optimiser's own default.
        schedule: Factor of the learning rates over the epochs; `fit` moves it.
        order: "joint": all layers learn from each batch; "greedy": one after the other, each for
            an equal share of the epochs, the layers below it frozen.
        engine: "closed_form" gradients, with autograd for blocks that are not linear; or
            "autograd" for all, the slow reference.
        precision: Of the matrix products: "float32", "bfloat16", or "auto" (bfloat16 where the
            device multiplies it in hardware). Weights and sums stay in float32.
        compile: Whether to join the small kernels of linear layers with torch.compile: a tenth
            off the time of small layers, for some seconds at the first step. Layers with peer
            normalisation or an unknown activation run as without. Needs a C++ compiler or a GPU.
        skip: Samples whose slope in a layer is below this share of the batch's steepest are left
            out of its gradients' products; 0 leaves out none. Other blocks than linear ones, and
            layers with peer normalisation, take all samples. On a GPU it waits for the device.
        augment: Random changes of the pictures [batch, (channels,) height, width] of each batch,
            such as ``data.augment.Shift(2)``, in this order; the same for all label variants.
        look_ahead: How many steps before a batch is shown its hard negatives are scored and the
            head learns from it, with the weights of that step; 0 is Hinton's. It lets layers that
            lie in several processes work at once. Batches then come through `ahead`.
        average: Decay of an exponential average of the weights, taken at each step and used for
            validation and by the trained network; None for none.
        head_lr: Learning rate of the softmax head; None for ``lr``.
        head_weight_decay: Weight decay of the head; None for ``weight_decay``.
        seed: For negatives, dropout and the order of samples; torch's global state is left alone.
        device: Where to train; None for where the network is.

    Raises:
        ValueError: An unknown name, a device that is not here, or a weight decay for an optimiser
            that has none.

    >>> from forward_forward.forward import mlp
    >>> trainer = Trainer(mlp(4, 8, num_classes=2), lr=0.01)
    >>> sorted(trainer.step(torch.rand(6, 4), torch.tensor([0, 1, 0, 1, 0, 1])))[:2]
    ['goodness_negative', 'goodness_positive']
    """

    def __init__(
        self,
        network: Network,
        *,
        optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.AdamW,
        lr: float = 1e-3,
        weight_decay: float | None = None,
        schedule: Schedule = constant,
        order: Order = "joint",
        engine: Kind = "closed_form",
        precision: Precision = "float32",
        compile: bool = False,
        skip: float = 0.0,
        augment: Sequence[Augment] = (),
        look_ahead: int = 0,
        average: float | None = None,
        head_lr: float | None = None,
        head_weight_decay: float | None = None,
        seed: int = 0,
        device: torch.device | str | None = None,
    ) -> None:
        if order not in ("joint", "greedy"):
            raise ValueError(f'order expects "joint" or "greedy", got {order!r}')
        if look_ahead < 0 or (look_ahead and order == "greedy"):
            raise ValueError(
                'look_ahead expects 0 or more steps, and 0 with order="greedy", got'
                f" look_ahead={look_ahead} and order={order!r}"
            )
        if device is not None:
            network.to(usable(device))
        self.settings = {
            "optimizer": notation.write_call(optimizer),
            "lr": lr,
            "weight_decay": weight_decay,
            "schedule": notation.write(schedule, notation.public(schedules)),
            "order": order,
            "engine": engine,
            "precision": precision,
            "compile": compile,
            "skip": skip,
            "augment": [notation.write(part, notation.public(augmenting)) for part in augment],
            "average": average,
            **({"look_ahead": look_ahead} if look_ahead else {}),  # as in runs from before it
            "head_lr": head_lr,
            "head_weight_decay": head_weight_decay,
            "seed": seed,
        }
        self.network = network
        self.device = network.device
        self.schedule = schedule
        self.look_ahead = look_ahead
        self.order: Order = order
        self.products = products(precision, self.device)
        self.seed = seed
        optimizers = [optimizer_of(layer, optimizer, lr, weight_decay) for layer in network.layers]
        self.head_optimizer = None
        if network.head is not None:
            decay = weight_decay if head_weight_decay is None else head_weight_decay
            rate = lr if head_lr is None else head_lr
            self.head_optimizer = optimizer_of(network.head, optimizer, rate, decay)
        self.averaged = None
        if average is not None:
            averaging = get_ema_multi_avg_fn(average)  # type: ignore[no-untyped-call]
            self.averaged = AveragedModel(network, multi_avg_fn=averaging)
        self.steps = 0
        self.forward = ForwardPass(network.layers, self.products, Workspace())
        gradients = Engine(network.layers, engine, compile=compile, skip=skip)
        self.layer_steps = LayerSteps(network, optimizers, gradients)
        self.preparing = BatchPreparer(network, tuple(augment), seed)
        self.looking = LookAhead(network, self.preparing, self.head_optimizer)
        self._calibrated = False
        self.first_active = 0
        self.last_active = len(network.layers) - 1

    @property
    def optimizers(self) -> list[torch.optim.Optimizer]:
        """Every layer's own."""
        return self.layer_steps.optimizers

    @optimizers.setter
    def optimizers(self, given: Sequence[torch.optim.Optimizer]) -> None:
        self.layer_steps.optimizers = list(given)

    @property
    def all_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Every optimiser by the name of what it moves."""
        named = {f"layer{index}": each for index, each in enumerate(self.optimizers)}
        return named if self.head_optimizer is None else {**named, "head": self.head_optimizer}

    @property
    def evaluated(self) -> Network:
        """The network to judge: with averaged weights where averaging is on."""
        if self.averaged is None:
            return self.network
        network: Network = self.averaged.module  # type: ignore[assignment]
        for mine, other in zip(network.buffers(), self.network.buffers(), strict=True):
            mine.copy_(other)
        return network

    def set_rate(self, factor: float) -> None:
        """Multiply every optimiser's starting learning rate by a factor."""
        for optimizer in self.all_optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = factor * group["initial_lr"]

    def train_layers(self, first: int, last: int) -> None:
        """Let only layers ``first`` to ``last`` learn; those below are frozen, those above idle."""
        if not 0 <= first <= last < len(self.network.layers):
            raise ValueError(
                f"train_layers expects 0 <= first <= last < {len(self.network.layers)}, got"
                f" first={first} and last={last}"
            )
        self.first_active, self.last_active = first, last

    def ahead(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same batches, each seen `look_ahead` steps before it comes.

        Args:
            batches: Of samples, labels and weights: the arguments of `step`.

        >>> from forward_forward.forward import mlp
        >>> trainer = Trainer(mlp(4, 8, num_classes=2), look_ahead=2)
        >>> batches = [(torch.rand(6, 4), torch.arange(6) % 2, None)] * 5
        >>> len([trainer.step(*batch) for batch in trainer.ahead(batches)])
        5
        """
        if not self.look_ahead:  # `step` sees a batch itself, and its products serve both
            return iter(batches)
        self.looking.waiting.clear()  # of a loop that was left before
        return ahead(batches, self.look_ahead, self._see)

    def step(self, x: Tensor, y: Tensor | None, weight: Tensor | None = None) -> dict[str, Tensor]:
        """Show one batch to all layers; each takes its own step.

        Blocks run in the mode they are in; `fit` puts them into training mode. Thresholds given by
        name are calibrated on the first batch, where `fit` has not done so.

        Args:
            x: Samples [batch, ...], floating point.
            y: Labels [batch]; None where neither the examples nor a head need them.
            weight: Weights of the samples [batch], or None for equal ones.

        Returns:
            Statistics of the layers that learn, each [layers], on the device: ``loss``,
            ``goodness_positive``, ``silent_units`` (share of units at 0 for every positive of the
            batch) and, where there are negatives, ``goodness_negative`` and ``separation`` (share
            of pairs in which the positive has the higher goodness).

        Raises:
            ValueError: With ``look_ahead``, a batch that was not seen before.
        """
        if self.looking.waiting:
            self.forward.begin()
        elif self.look_ahead:
            raise ValueError(
                f"look_ahead={self.look_ahead} expects batches that were seen before: `for batch"
                " in trainer.ahead(batches): trainer.step(*batch)`"
            )
        else:
            self._see(x, y, weight)
        coming = self.looking.waiting.popleft()
        source = self.preparing.source(coming)
        return self._learn(source, coming.share, coming.chance)

    def step_above(
        self, known: FrozenCache, numbers: Tensor, y: Tensor, weight: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The same as `step` in the greedy order, where all below the layer in training is known.

        Args:
            known: What the frozen layers make of the training set.
            numbers: Which of its samples make up the batch [batch].
            y: Their labels [batch].
            weight: Their weights [batch], or None for equal ones.
        """
        chance = StepRandomness(self.seed, self.steps, self.device)
        source = known.source(self.forward.begin(), numbers, y, chance.generator("negatives"))
        return self._learn(source, self.preparing.share(len(y), weight), chance, known.layer)

    def fit(self, train: Any, **settings: Any) -> Fitted:
        """Train for some epochs; see `forward_forward.optimize.fit.fit` for the settings."""
        from forward_forward.optimize.fit import fit

        return fit(self, train, **settings)

    def _see(self, x: Tensor, y: Tensor | None, weight: Tensor | None = None) -> None:
        """Look at a batch that will be shown, with the weights as they are now."""
        self._calibrate(x, y)
        self.looking.see(self.forward.begin(), x, y, weight, self.steps, self.last_active + 1)

    def _calibrate(self, x: Tensor, y: Tensor | None) -> None:
        if self._calibrated:  # asked once: the answer is read from the device
            return
        if not all(layer.calibrated for layer in self.network.layers):
            labels = None if y is None else y[:CALIBRATION_SAMPLES]
            self.network.calibrate(x[:CALIBRATION_SAMPLES], labels)
        self._calibrated = True

    def _learn(
        self, source: Inputs | Activities, share: Tensor, chance: StepRandomness, first: int = 0
    ) -> dict[str, Tensor]:
        """One step of the layers that learn, given what layer ``first`` reads."""
        layers, frozen = range(first, self.last_active + 1), self.first_active
        figures, _ = self.layer_steps(self.forward, source, share, chance, layers, frozen)
        self.layer_steps.settle()
        self.close_step()
        return by_name(figures)

    def close_step(self) -> None:
        """Follow the weights with their average, and count the step."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.network)
        self.steps += 1
