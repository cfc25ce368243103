"""The options of ``ff train``, each named once: a command line -> data, settings, run."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from forward_forward.cli import flags

if TYPE_CHECKING:
    from forward_forward.recipes import Recipe


@dataclasses.dataclass(frozen=True)
class DataOptions:
    """The data, and the recipe that is trained on them."""

    # mnist (the default), fashion_mnist, kmnist, cifar10, cifar100, cifar10_jpeg or digits; iris,
    # wine, breast_cancer or diabetes; openml:NAME or openml:ID; hf:NAME or hf:FOLDER, a set of
    # Hugging Face; a folder or archive of images, with one sub-folder per class, optionally below
    # train, val and test; a table (.csv, .tsv, .parquet); or an .npz file.
    data: flags.Name = None
    # Label column of a table or a set of Hugging Face. By default the column called target, label,
    # class or y; failing that, the last column of a table.
    target: flags.Name = None
    # Whether to predict the target of a table as classes or as a number. By default, numbers with
    # fractions, and more than 20 different numbers that are each rare, are predicted as numbers.
    task: flags.Task = None
    # Columns of a table that are not to be inputs.
    drop: flags.Columns = ()
    # Missing cells of a table: impute (the default) fills in the median or a category of its own,
    # drop leaves out rows that have any, and error refuses them.
    missing: flags.Missing = None
    # Width and height in pixels to which the images of a folder or archive are resized.
    size: flags.Count = None
    # one_pass, the default; converted, the default for --model; standard, the default if you name a
    # setting that only it has, such as --negatives; regression, the default for a number to
    # predict; poster.method, hinton2022.mnist_supervised_matlab; field.NAME for a published method
    # (docs/recipes/field.md); or your own function as package.module:name.
    recipe: flags.Name = None


@dataclasses.dataclass(frozen=True)
class RecipeSettings:
    """Settings of the recipe; if one is omitted, the recipe's default applies."""

    # Your own network instead: a torch.nn.Module's class, or a function that returns one, as
    # my_file.py:CNN or package.module:CNN. Its layers are trained by the recipe converted.
    model: flags.Name = None
    # local (the default): each layer learns by its own loss; backprop: all layers learn by the loss
    # of the last one, to compare with.
    rule: flags.Rule = None
    # Units of each hidden layer, lowest layer first; 1000 1000 in one_pass, 500 500 in standard.
    hidden: flags.Counts = None
    # Passes over the training data; 6 to 55 by default, for about 300,000 samples in total.
    epochs: flags.Count = None
    # Samples per step; 256 in one_pass, 320 in standard, fewer for small data sets.
    batch_size: flags.Count = None
    # Initial learning rate; 0.003 in one_pass, 0.005 in standard.
    lr: flags.Number = None
    # AdamW (the default), Adam, RMSprop, AveragedSGD, "SGD(momentum=0.9)" or any other optimizer of
    # torch.optim; your own as package.module:name, as for every part below.
    optimizer: flags.Name = None
    # "CrossEntropy(label_smoothing=0.1)" (one_pass), "SiluPair(alpha=6)" (standard), sigmoid,
    # log_sigmoid, log_sigmoid_literal or "SymBa(alpha=4)".
    loss: flags.Name = None
    # LinearReadout (one_pass), FixedReadout, ChannelGroups or Prototypes, which answer for every
    # class; mean_square (standard), sum_of_squares, l2_norm, max_norm, or a name with arguments
    # such as "PNorm(p=4)", which are one number per sample.
    goodness: flags.Name = None
    # A number, width or calibrated (the default).
    threshold: flags.Name = None
    # ReLU (the default), Tanh, Sigmoid or any other activation of torch.nn.
    activation: flags.Name = None
    # FromFirstLayer (standard), "FromGoodness(temperature=0.1, fraction=0.3)", FromSoftmax or
    # Uniform.
    negatives: flags.Name = None
    # append the label to the input (standard), or overlay the first input values with it.
    label: flags.Label = None
    # The layers whose summed goodness is read: auto (the default), which chooses them on the
    # validation data; all; or their numbers, such as 2 or 2-3. weighted and logistic fit a weight
    # for each layer, or a logistic regression on all of them, to the validation data at the end.
    readout: flags.Name = None
    # Random seed of weights, negatives, dropout and sample order; 0 by default.
    seed: flags.Count = None
    # cpu (the default), cuda or mps.
    device: flags.Name = None
    # Precision of matrix products; auto uses bfloat16 if the hardware supports it.
    precision: flags.Precision = None
    # How many steps before its own step a batch is scored for hard negatives; 0 by default. Higher
    # values let groups of layers train concurrently if negatives depend on all layers.
    look_ahead: flags.Count = None


@dataclasses.dataclass(frozen=True)
class ParallelOptions:
    """Training in several processes, which torchrun starts."""

    # layers distributes the layers over the processes, data distributes each batch, both does both.
    parallel: flags.Parallel = None
    # With --parallel both: number of groups of layers; each group gets as many processes.
    stages: flags.Count = None
    # Number of layers in each group, such as 3 2; by default, groups are balanced by measured cost.
    split: flags.Counts = None
    # exact gives the same weights as one process (up to rounding if batches are distributed); async
    # lets each group of layers run at its own pace on the most recent input.
    sync: flags.Sync = "exact"
    # Seconds after which a process that does not answer is considered lost; 120 by default.
    timeout: flags.Number = None


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """The run's folder and what goes into it."""

    # Folder of the run; runs/DATA-DATE by default. An existing run is not overwritten.
    out: flags.Folder = None
    # Settings of the recipe without a flag, such as dropout=0.1.
    set: flags.Pairs = ()
    # Number of CPU threads; torch's choice by default.
    threads: flags.Count = None
    # Stop when the validation error has not fallen for this many epochs.
    patience: flags.Count = None
    # Also log the metrics to TensorBoard, MLflow, Weights & Biases or trackio; repeat the option
    # for several.
    track: flags.Track = ()
    # YAML file of options, such as the config.yaml in a run's folder, which trains the same network
    # again; options beside it replace those in the file.
    config: flags.File = None
    # Continue an interrupted run.
    resume: flags.Folder = None
    # Start from the weights of this run.
    init_from: flags.Folder = None
    # Replace the run in --out.
    overwrite: flags.Switch = False
    # Print the result as one JSON object.
    json: flags.Switch = False


@dataclasses.dataclass(frozen=True)
class TrainOptions:
    """All options of ``ff train``."""

    data: DataOptions
    training: RecipeSettings
    parallel: ParallelOptions
    run: RunOptions


GROUPS = (DataOptions, RecipeSettings, ParallelOptions, RunOptions)
FLAGS = tuple(field.name for group in GROUPS for field in dataclasses.fields(group))


def flag(name: str) -> str:
    """The flag of an option.

    >>> flag("batch_size")
    '--batch-size'
    """
    return f"--{name.replace('_', '-')}"


def chosen(options: Any) -> dict[str, Any]:
    """The options of a dataclass that were given on the command line, by name."""
    found = {name: value for name, value in vars(options).items() if value is not None}
    if drop := found.pop("drop", ()):  # flat, and a list, as in JSON
        found["drop"] = [name for names in drop for name in names]
    return found


MORE = (("batch_size", "320"), ("patience", "5"))


def check_counts(settings: Mapping[str, Any]) -> None:
    """Reject a number below 1 where there must be at least one, before anything is read."""
    for name, example in (("hidden", "500 500"), ("epochs", "10"), *MORE):
        value = settings.get(name)
        counts = value if isinstance(value, tuple) else () if value is None else (value,)
        if counts and min(counts) < 1:
            expected = "1 unit or more in each layer" if name == "hidden" else "1 or more"
            got = " ".join(map(str, counts))
            fix = f"use {flag(name)} {example}, for example"
            raise ValueError(f"{flag(name)} expects {expected}, got {got}: {fix}")


def settings_without_flag(pairs: Sequence[str], recipe: Recipe) -> dict[str, Any]:
    """Settings given as ``--set name=value`` that have no flag, as JSON stores them."""
    from forward_forward.recipes.parameters import read_setting

    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ValueError(f"--set expects name=value, got {pair!r}: such as dropout=0.1")
        if name in FLAGS:
            raise ValueError(f"{name} has a flag: use {flag(name)} {text}")
        # As in JSON: the run's file must equal the settings of the command that resumes it.
        found[name] = read_setting(recipe, name, text)
    return found


def check_settings(recipe: Recipe, name: str, settings: Iterable[str]) -> None:
    """Reject settings that the recipe of this name does not have."""
    allowed = inspect.signature(recipe).parameters
    for setting in settings:
        if setting not in allowed:
            takes = ", ".join(flag(each) for each in FLAGS if each in allowed) or "no flags"
            raise ValueError(
                f"the recipe {name!r} has no setting {setting!r}: omit {flag(setting)} (it takes"
                f" {takes}), or use another --recipe"
            )
