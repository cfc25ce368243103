"""One batch x [batch, ...], y [batch] -> one step of every layer's own optimiser."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from forward_forward import notation, seeds
from forward_forward.data import augment as augmenting
from forward_forward.data.batch import Batch
from forward_forward.examples import Inputs
from forward_forward.forward import Network
from forward_forward.forward.activities import Activities
from forward_forward.forward.learnable import check_learnable
from forward_forward.forward.passes import ForwardPass
from forward_forward.forward.workspace import Workspace
from forward_forward.optimize import schedules
from forward_forward.optimize.batch_shard import BatchShard, ReplicaGroup
from forward_forward.optimize.blocks import blocks_of
from forward_forward.optimize.collaboration import Collaboration
from forward_forward.optimize.engine import Engine, Kind
from forward_forward.optimize.look_ahead import LookAhead, ahead
from forward_forward.optimize.metrics import by_name
from forward_forward.optimize.named import Make, optimizer_called
from forward_forward.optimize.optimizers import optimizer_of
from forward_forward.optimize.order import Order, Rule, check_order, named, trains_jointly
from forward_forward.optimize.precision import Precision, products, usable
from forward_forward.optimize.prepare import BatchPreparer, check_batch
from forward_forward.optimize.randomness import Augment, StepRandomness
from forward_forward.optimize.schedules import Schedule, constant
from forward_forward.optimize.settings import check_given, check_settings
from forward_forward.optimize.steps import LayerSteps
from forward_forward.optimize.targets import Targets
from forward_forward.terms import HasProgress

CALIBRATION_SAMPLES = 1024


class TrainStep:
    """Takes one training step of every layer at a time; `Trainer` describes the arguments."""

    def __init__(
        self,
        network: Network,
        *,
        optimizer: Make | str = torch.optim.AdamW,
        lr: float = 1e-3,
        weight_decay: float | None = None,
        schedule: Schedule = constant,
        order: Order = "joint",
        rule: Rule = "local",
        collaboration: Collaboration | None = None,
        engine: Kind = "closed_form",
        precision: Precision = "float32",
        skip: float = 0.0,
        augment: Sequence[Augment] = (),
        look_ahead: int = 0,
        average: float | None = None,
        bias_lr: float | None = None,
        readout_lr: float | None = None,
        head_lr: float | None = None,
        head_weight_decay: float | None = None,
        seed: int = 0,
        device: torch.device | str | None = None,
    ) -> None:
        check_given(network, schedule, augment, look_ahead, order, rule, engine, precision)
        optimizer = optimizer_called(optimizer)
        self.settings = {
            "optimizer": notation.write_call(optimizer),
            "lr": lr,
            "weight_decay": weight_decay,
            "schedule": notation.write(schedule, notation.public(schedules)),
            "order": order,
            "engine": engine,
            "precision": precision,
            "skip": skip,
            "augment": [notation.write(part, notation.public(augmenting)) for part in augment],
            "average": average,
            # Left out if unused, as in runs from before them
            **({} if rule == "local" else {"rule": rule}),
            **({"look_ahead": look_ahead} if look_ahead else {}),
            **({"collaboration": collaboration} if collaboration else {}),
            **({} if bias_lr is None else {"bias_lr": bias_lr}),
            **({} if readout_lr is None else {"readout_lr": readout_lr}),
            "head_lr": head_lr,
            "head_weight_decay": head_weight_decay,
            "seed": seed,
        }
        check_settings(self.settings)
        more = {"skip": skip, "collaboration": collaboration, "look_ahead": look_ahead}
        check_order(network, order, rule, **more)  # type: ignore[arg-type]
        if rule == "backprop":
            network.set_readout((len(network.layers) - 1, len(network.layers)))
        if device is not None:
            network.to(usable(device))
        check_learnable(network.examples, network.layers, network.head)
        self.network = network
        self.device = network.device
        self.schedule = schedule
        self.look_ahead = look_ahead
        self.order: Order = order
        self.rule: Rule = rule
        self.products = products(precision, self.device)
        self.seed = seed
        given = functools.partial(optimizer_of, bias_lr=bias_lr, readout_lr=readout_lr)
        optimizers = [given(layer, optimizer, lr, weight_decay) for layer in network.layers]
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
        self.forward = ForwardPass(network.layers, self.products, Workspace(), self.products)
        kept = {"skip": skip, "products": self.products, "last_only": rule == "backprop"}
        gradients = Engine(network.layers, engine, **kept)  # type: ignore[arg-type]
        blocks = None
        if trains_jointly(order, rule):
            blocks = functools.partial(blocks_of, together=order != "overlapping")
        self.layer_steps = LayerSteps(network, optimizers, gradients, collaboration, blocks)
        self.preparer = BatchPreparer(network, tuple(augment), seed, self.products)
        self.queue = LookAhead(network, self.preparer, self.head_optimizer)
        self._calibrated = False
        self.first_active = 0
        self.last_active = len(network.layers) - 1

    @property
    def optimizers(self) -> list[torch.optim.Optimizer]:
        """The layers' optimisers, lowest layer first."""
        return self.layer_steps.optimizers

    @optimizers.setter
    def optimizers(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self.layer_steps.optimizers = list(optimizers)

    @property
    def all_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Every optimiser: "layer0", "layer1", ..., and "head" if there is a head."""
        named = {f"layer{index}": each for index, each in enumerate(self.optimizers)}
        return named if self.head_optimizer is None else {**named, "head": self.head_optimizer}

    @property
    def evaluated(self) -> Network:
        """The network to evaluate: the one with averaged weights if averaging is on."""
        if self.averaged is None:
            return self.network
        network: Network = self.averaged.module  # type: ignore[assignment]
        return network

    def set_rate(self, factor: float) -> None:
        """Set every learning rate to ``factor`` times its initial value."""
        for each in self.all_optimizers.values():
            for group in each.param_groups:
                group["lr"] = factor * group["initial_lr"]

    def set_progress(self, fraction: float) -> None:
        """Tell the terms that change in training how much of it is done, a fraction from 0 to 1."""
        for layer in self.network.layers:
            for term in layer.terms:
                if isinstance(term, HasProgress):
                    term.set_progress(fraction)

    def train_layers(self, first: int, last: int) -> None:
        """Train only layers ``first`` to ``last``: lower ones are frozen, higher ones not run."""
        if not 0 <= first <= last < len(self.network.layers):
            raise ValueError(
                f"train_layers expects 0 <= first <= last < {len(self.network.layers)}, got"
                f" first={first} and last={last}"
            )
        whole = first == 0 and last == len(self.network.layers) - 1
        if trains_jointly(self.order, self.rule) and not whole:
            how = f"{named(self.order, self.rule)} trains all layers"
            raise ValueError(f"{how}, got train_layers({first}, {last}): use another one")
        self.first_active, self.last_active = first, last

    def ahead(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the same batches, each scored `look_ahead` steps before it is yielded.

        Args:
            batches: Of samples, labels and weights: the arguments of `step`.

        >>> from forward_forward.forward import mlp
        >>> trainer = TrainStep(mlp(4, 8, num_classes=2), look_ahead=2)
        >>> batches = [(torch.rand(6, 4), torch.arange(6) % 2, None)] * 5
        >>> len([trainer.step(*batch) for batch in trainer.ahead(batches)])
        5
        """
        if not self.look_ahead:  # `step` scores the batch itself, and its products serve both
            return iter(batches)
        self.queue.pending.clear()  # of an earlier loop that did not finish
        return ahead(batches, self.look_ahead, self._score)

    def step(self, x: Tensor, y: Tensor | None, weight: Tensor | None = None) -> dict[str, Tensor]:
        """Train all layers on one batch; each takes its own step.

        Blocks run in the mode they are in; `fit` puts them into training mode. Thresholds given by
        name are calibrated on the first batch, unless `fit` has done so.

        Args:
            x: Samples [batch, ...], floating point.
            y: Labels [batch]; None if neither the examples nor a head need them.
            weight: Weights of the samples [batch], or None for equal ones.

        Returns:
            Statistics of the layers that learn, each [layers], on the device: ``loss``,
            ``goodness_positive``, ``silent_units`` (fraction of units that are 0 for every positive
            of the batch) and, if there are negatives, ``goodness_negative`` and ``separation``
            (fraction of pairs in which the positive has the higher goodness).

        Raises:
            ValueError: With ``look_ahead``, a batch other than the one that `ahead` yielded last.
        """
        if self.look_ahead:
            self.queue.check_next(x, y, weight, self.look_ahead)
            self.forward.begin()
        else:
            self._score(x, y, weight)
        batch = self.queue.pending.popleft()
        return self.learn(self.preparer.source(batch), batch.targets, batch.randomness)

    def learn(
        self,
        source: Inputs | Activities,
        targets: Targets,
        randomness: StepRandomness,
        first: int = 0,
    ) -> dict[str, Tensor]:
        """Take one step of the layers that learn.

        Args:
            source: What layer ``first`` reads, positives first.
            targets: The samples' weights in the mean loss, and their labels.
            randomness: What is drawn at random in this step.
            first: The lowest layer to run.

        Returns:
            Statistics as `step` returns them.
        """
        layers, frozen = range(first, self.last_active + 1), self.first_active
        figures, _ = self.layer_steps(self.forward, source, targets, randomness, layers, frozen)
        self.layer_steps.settle()
        self.close_step()
        return by_name(figures)

    def calibrate(self, x: Tensor, y: Tensor | None) -> None:
        """Set thresholds given by name from untrained activities of samples [n, ...]."""
        with seeds.forked(self.seed, "calibrate"):  # a layer may draw random numbers
            self.network.calibrate(x, y)
        if self.averaged is not None:
            pairs = zip(self.averaged.module.buffers(), self.network.buffers(), strict=True)
            for averaged, current in pairs:  # `AveragedModel` keeps them equal at each step
                averaged.copy_(current)

    def check_weights(self) -> None:
        """Reject a network with weights that no optimiser updates, as `fit` does in each epoch.

        `step` does so where it takes next to no time.

        Raises:
            ValueError: A part of the network was replaced after the trainer was built.
        """
        self.layer_steps.check_weights()
        self.queue.check_head()

    def close_step(self) -> None:
        """Update the averaged weights, and count the step."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.network)
        self.steps += 1

    def reset(self, shard: BatchShard, replicas: ReplicaGroup | None) -> None:
        """Begin a training that learns from a shard of each batch, without leftovers of another.

        Args:
            shard: The rows of each batch that this process learns from.
            replicas: The processes that learn from the other rows, or None.
        """
        self.queue.clear()
        self.layer_steps.clear()
        self.preparer.shard = shard
        self.layer_steps.replicas = self.layer_steps.engine.replicas = replicas
        self.queue.replicas = replicas

    def _score(self, x: Tensor, y: Tensor | None, weight: Tensor | None = None) -> None:
        """Score a batch and queue it, with the weights as they are now."""
        if not self._calibrated:
            check_batch(x, y, weight)
            # Checked once: the answer is read from the device
            if not all(layer.calibrated for layer in self.network.layers):
                labels = None if y is None else y[:CALIBRATION_SAMPLES]
                self.calibrate(x[:CALIBRATION_SAMPLES], labels)
            self._calibrated = True
        self.queue.add(self.forward.begin(), x, y, weight, self.steps, self.last_active + 1)
