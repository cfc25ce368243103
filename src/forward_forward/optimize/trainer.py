"""A network and labelled data -> a trained network, its history and, if asked, a run's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from forward_forward.checkpoint import Run, locked
from forward_forward.data import Data, as_source, check_unchanged
from forward_forward.optimize.checks import check_data, check_same, checked_callbacks
from forward_forward.optimize.fit import FitLoop, calibrate
from forward_forward.optimize.order import trains_jointly
from forward_forward.optimize.record import recorded, settings_of
from forward_forward.optimize.settings import check_call
from forward_forward.optimize.state import Fitted
from forward_forward.optimize.strategy import Parallel, SingleProcess, Strategy
from forward_forward.optimize.train_step import TrainStep
from forward_forward.predict import check_fit


class Trainer(TrainStep):
    """Trains a network: one optimiser per layer, and one for a softmax head.

    Each layer's input is computed before any layer takes its step on the batch (Hinton's order).

    Args:
        network: The network; it is moved to ``device``.
        optimizer: A torch optimiser's class, its name in any case ("adam"), or a
            ``functools.partial`` of one with options. Its fused kernels are used if it has them,
            unless the partial sets ``fused``.
        lr: Learning rate of every layer.
        weight_decay: Applied to weights, not to biases; None keeps the optimiser's own default.
        schedule: Factor of the learning rates over the epochs, applied by `fit`.
        order: "joint": all layers learn from each batch; "greedy": one layer after the other, each
            for an equal number of epochs, with the layers below it frozen; "overlapping": pairs of
            neighbouring layers together, from the first layer in even steps and from the second in
            odd ones. The upper layer's loss then also reaches the layer below it, and no further,
            so learning is local to a block of two layers, not to a layer (Dooms et al.,
            arXiv 2311.18130); "together": each layer's loss reaches all layers below it, which is
            backprop with deep supervision, to compare with. Both compute all products by autograd.
        rule: "local": each layer learns from its own loss; "backprop": all layers learn from the
            loss of the last one, whose read-out scores the labels, to compare with: the same
            network, data and loop. Labels are then read from the last layer.
        collaboration: Other layers' goodness, added to each layer's own as a constant before its
            loss: "below", that of the layers below it; "all", that of all others, by a first pass
            with the current weights (Lorberbom et al., arXiv 2305.12393). A layer then learns what
            the sum lacks, so read labels from the sum over all layers; and a loss that compares
            with the threshold needs a threshold for that sum. None for none.
        engine: "closed_form" gradients, with autograd for blocks that are not linear; or
            "autograd" for all, the slow reference.
        precision: Precision of the matrix products: "float32", "bfloat16", or "auto" (bfloat16 if
            the device multiplies it in hardware). Weights and sums stay in float32.
        skip: Samples whose slope in a layer is below this fraction of the batch's steepest are left
            out of its gradients' products; 0 leaves out none. Blocks that are not linear, and
            layers with peer normalisation, use all samples. On a GPU it waits for the device.
        augment: Random changes of the pictures [batch, (channels,) height, width] of each batch,
            such as ``data.augment.Shift(2)``, in this order; equal for all label variants.
        look_ahead: How many steps before a batch's own step its hard negatives are scored and the
            head learns from it, with the weights of that moment; 0 is Hinton's order. It lets
            layers in several processes work at the same time. Batches then come from `ahead`.
        average: Decay of an exponential average of the weights, updated at each step and used for
            validation and for the trained network; None for none.
        bias_lr: Learning rate of the layers' biases and vectors; None for ``lr``.
        readout_lr: Learning rate of the weights of the layers' read-outs; None for ``lr``.
        head_lr: Learning rate of the softmax head; None for ``lr``.
        head_weight_decay: Weight decay of the head; None for ``weight_decay``.
        seed: For negatives, dropout and the order of samples; torch's global state is not touched.
        device: Where to train; None for the network's device.

    Raises:
        ValueError: An unknown name, a device that is not available, a weight decay for an
            optimiser that has none, a layer whose weights are all frozen, or weights in float16.

    >>> import torch
    >>> from forward_forward.forward import mlp
    >>> trainer = Trainer(mlp(4, 8, num_classes=2), lr=0.01)
    >>> sorted(trainer.step(torch.rand(6, 4), torch.tensor([0, 1, 0, 1, 0, 1])))[:2]
    ['goodness_negative', 'goodness_positive']
    """

    def fit(
        self,
        train: Any,
        *,
        epochs: int,
        batch_size: int | None = None,
        validation: Any = None,
        out: Path | str | None = None,
        resume: bool = False,
        overwrite: bool = False,
        about: Mapping[str, Any] | None = None,
        callbacks: Sequence[object] = (),
        verbose: bool | None = None,
        watch: Sequence[object] = (),
        parallel: Parallel | None = None,
    ) -> Fitted:
        """Train the network for a number of epochs.

        With ``out``, a checkpoint is written after each epoch and on Ctrl-C. A run interrupted at
        any moment can be continued with ``resume=True`` and ends with the same weights as an
        uninterrupted one. In the greedy order each layer gets an equal number of epochs and the
        schedule restarts for each; if they fit into memory, the activities of the frozen layers
        are computed only once.

        Args:
            train: Training data in any form that `data.as_source` reads: `Data`, (X, y), a Dataset,
                a DataLoader, a list of batches. Integer labels of the network's classes keep their
                values. A warning says if inputs are much larger or smaller than 1.
            epochs: Total number of epochs.
            batch_size: Samples per step; None for the source's own, 256 for data held in memory.
            validation: Data that selects the best epoch; without it the last epoch is the best.
                Errors on them are measured without the network's views. A readout that is
                "weighted" or "logistic" is fitted to them after the last epoch, with the views.
            out: The run's folder; None writes nothing to disk.
            resume: Whether to continue the run in ``out``; the trainer must have the same settings.
            overwrite: Whether a run in ``out`` may be removed first.
            about: Further entries for run.json.
            callbacks: Called as training proceeds: objects with any of the methods of
                `track.Callback`, such as `EarlyStopping`, or functions of an epoch's row.
            watch: Further callbacks; the earlier name of ``callbacks``.
            verbose: Whether to show a progress bar; None for one on a terminal or in a notebook.
            parallel: How to distribute the layers, or the batches, over the processes started by
                `torchrun`, each of which makes this call; such as `parallel.Layout`. None trains
                in this process alone.

        Returns:
            The history. The network holds the weights of the last epoch, averaged if averaging is
            on; ``ff.load(out)`` returns the best ones.

        Raises:
            ValueError: Settings that do not fit the data or the resumed run, a damaged file of it,
                or another process that trains in its folder.
            Diverged: A loss or a goodness is no longer finite; the last checkpoint remains.
            KeyboardInterrupt: After Ctrl-C, once the checkpoint is written.
        """
        check_call(about, parallel)
        classes = self.network.examples.num_classes
        source, judge = as_source(train, num_classes=classes), None
        if validation is not None:
            judge = as_source(validation, classes=source.classes)
        sources = {"train": source, "validation": judge}
        batch_size = source.batch_size if batch_size is None else batch_size
        check_data(self, source, epochs, batch_size)
        check_fit(self.network, judge)
        called = [*checked_callbacks(callbacks, verbose), *checked_callbacks(watch, verbose=False)]
        settings = settings_of(self, source, judge, epochs, batch_size)
        about = {**(about or {}), **settings}
        if out is not None:
            about = recorded(about, sources)
        source, judge = self._on_device(source), self._on_device(judge)
        strategy: Strategy = (
            SingleProcess(self) if parallel is None else parallel.join(self, source, batch_size)
        )
        loop = FitLoop(self, strategy, source, judge, epochs, batch_size, about, called)
        with ExitStack() as held:
            if out is not None:
                strategy.lead(lambda: held.enter_context(locked(Path(out))))
            if out is not None and resume:
                run = Run(out)
                check_same(run.about, settings)
                saved = run.about.get("checksums", {})
                check_unchanged(saved, sources, "Restore them, or start a new run")
                loop.resume(run)
            else:
                calibrate(self, source, batch_size)
                if out is not None:
                    loop.create(out, overwrite=overwrite)
            return loop.train()

    def __repr__(self) -> str:
        given = {name: value for name, value in self.settings.items() if value not in (None, [])}
        if trains_jointly(self.order, self.rule):  # whatever was asked for
            given["engine"] = "autograd"
        done = {"layers": len(self.network.layers), "device": self.device, "steps": self.steps}
        lines = [f"  {name:<16} {value}" for name, value in {**done, **given}.items()]
        return "\n".join(["Trainer", *lines])

    def _on_device(self, source: Any) -> Any:
        return source.to(self.device) if isinstance(source, Data) else source
