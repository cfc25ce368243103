"""``ff train``: settings -> a trained network in a run's folder, and its errors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import tyro


def _option(metavar: str) -> Any:
    """An option without a default of its own: what is not given is the recipe's affair."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


Name = Annotated[str | None, _option("NAME")]
Folder = Annotated[str | None, _option("FOLDER")]
Count = Annotated[int | None, _option("N")]
Number = Annotated[float | None, _option("X")]
Counts = Annotated[tuple[int, ...] | None, _option("N [N ...]")]
Words = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME=VALUE [...]", help_behavior_hint="")]
Label = Annotated[Literal["append", "overlay"] | None, _option("append|overlay")]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"] | None, _option("auto|float32|bfloat16")
]
Parallel = Annotated[Literal["layers", "data", "both"] | None, _option("layers|data|both")]
Sync = Annotated[Literal["exact", "async"], tyro.conf.arg(metavar="exact|async")]
# Given once for each: as one option of several words, the second --track would undo the first.
Track = Annotated[
    tuple[Literal["tensorboard", "mlflow"], ...],
    _option("tensorboard|mlflow"),
    tyro.conf.UseAppendAction,
]


def train(
    data: Name = None,
    target: Name = None,
    size: Count = None,
    out: Folder = None,
    recipe: Name = None,
    hidden: Counts = None,
    epochs: Count = None,
    batch_size: Count = None,
    lr: Number = None,
    optimizer: Name = None,
    loss: Name = None,
    goodness: Name = None,
    threshold: Name = None,
    activation: Name = None,
    negatives: Name = None,
    label: Label = None,
    set: Words = (),
    seed: Count = None,
    device: Name = None,
    precision: Precision = None,
    threads: Count = None,
    track: Track = (),
    parallel: Parallel = None,
    stages: Count = None,
    split: Counts = None,
    sync: Sync = "exact",
    look_ahead: Count = None,
    timeout: float | None = None,
    resume: Folder = None,
    init_from: Folder = None,
    overwrite: bool = False,
    json: bool = False,
) -> int:
    """Train a network; its errors are printed per layer and in total.

    Args:
        data: mnist (the default) or digits; a folder or archive of pictures, one sub-folder a
            class, with or without train, val and test; a table (.csv, .tsv, .parquet), or .npz.
        target: The column of labels of a table; by default target, label, class, y, or the last.
        size: Pixels a side that the pictures of a folder or archive are scaled to.
        out: The run's folder, runs/DATA-DATE by default. An existing one is refused.
        recipe: standard (the default), poster.method, hinton2022.mnist_supervised_matlab, or your
            own function as package.module:name. What is not given below is the recipe's own.
        hidden: Units of each hidden layer, lowest first; 500 500 in the standard recipe.
        epochs: Passes over the training data; 6 to 55 in the standard recipe, which shows about
            300,000 samples in all.
        batch_size: Samples a step; 320 in the standard recipe, fewer for small data.
        lr: Learning rate at the start; 0.005 in the standard recipe.
        optimizer: AdamW (standard), Adam, RMSprop, AveragedSGD, "SGD(momentum=0.9)" or any other
            of torch.optim; your own as package.module:name, as with all parts below.
        loss: sigmoid, log_sigmoid, log_sigmoid_literal, "SymBa(alpha=4)" or "SiluPair(alpha=6)"
            (standard).
        goodness: mean_square (standard), sum_of_squares, l2_norm, "PNorm(p=4)", max_norm or
            "Minimised(mean_square)".
        threshold: A number, width or calibrated (standard).
        activation: ReLU (standard), Tanh, Sigmoid or any other of torch.nn.
        negatives: FromFirstLayer (standard), "FromGoodness(temperature=0.1, fraction=0.3)",
            FromSoftmax or Uniform.
        label: append the label to the inputs (standard), or overlay the first of them.
        set: Settings of the recipe that have no flag here, such as threshold_factor=2.
        seed: For weights, negatives, dropout and order; 0 by default.
        device: cpu (the default), cuda or mps.
        precision: Of the matrix products; auto takes bfloat16 where the hardware multiplies it.
        threads: CPU threads; by default torch's choice.
        track: Write the figures for TensorBoard or MLflow too; may be given for both.
        parallel: In each process that torchrun starts: layers spreads the layers over them, data
            spreads each batch, both does both.
        stages: With both: groups of layers; each has as many processes.
        split: Layers of each group, such as 3 2; by default they are balanced by measured cost.
        sync: exact gives the weights of one process, but for rounding where batches are spread;
            async lets each group of layers run at its own pace on the freshest input.
        look_ahead: Steps before a batch is shown at which its hard negatives are scored; 0 by
            default. More let groups of layers work at once where negatives are drawn from them all.
        timeout: Seconds after which a process that does not answer is given up; 120 by default.
        resume: Go on with this run, where it was broken off.
        init_from: Begin from the weights of this run.
        overwrite: Replace the run in --out.
        json: Print the result as one JSON object.
    """
    from forward_forward.cli import distributed
    from forward_forward.cli.training import Training

    told = {
        "hidden": hidden,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "optimizer": optimizer,
        "loss": loss,
        "goodness": goodness,
        "threshold": threshold,
        "activation": activation,
        "negatives": negatives,
        "label": label,
        "seed": seed,
        "device": device,
        "precision": precision,
        "look_ahead": look_ahead,
    }
    given = {name: value for name, value in told.items() if value is not None}
    command = {
        "data": data,
        "target": target,
        "size": size,
        "recipe": recipe,
        "threads": threads,
        "track": list(track) or None,
    }
    asked = distributed.asked(parallel, stages, split, sync, timeout, device)
    if asked is not None:
        distributed.take_device(device)
        again = distributed.started_anew(asked, out, resume)
        if again is not None:  # what was asked of a new run is in its folder
            resume, out, init_from, overwrite = again, None, None, False
    return Training(command, given, set, resume, asked).run(
        out=out, init_from=init_from, overwrite=overwrite, as_json=json
    )
