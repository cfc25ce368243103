"""A run's run.json and metrics.jsonl, and those of other seeds -> its model card, a README.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, Template

from forward_forward import manifest
from forward_forward.display.numerals import MISSING, mean_interval, number, setting
from forward_forward.forward.description import build
from forward_forward.hub.address import client, local, sender
from forward_forward.notation import OwnCode
from forward_forward.predict import better_layer, read_from
from forward_forward.track import Jsonl
from forward_forward.track.numbers import by_layer, error_text, settings_of, unit_of

TAGS = ("forward-forward", "local-learning", "backpropagation-free")
MOST_CLASSES = 20  # listed by name
# Sections of run.json that the table of settings shows, and entries that other sections show.
SECTIONS = ("command", "trainer", "fit", "network")
SHOWN = {"command.data", "fit.samples", "fit.validation"}


def model_card(
    run: Path | str,
    repo_id: str = "user/name",
    *,
    license: str | None = None,
    seeds: Sequence[Path | str] = (),
) -> str:
    """The model card of a run: what it was trained on, its errors, how to use it, its limits.

    Every figure comes from the run's own files; what they do not record is said to be missing.

    Args:
        run: The run's folder.
        repo_id: The repository that the card is for.
        license: The licence of the weights, or None.
        seeds: Folders of runs that differ from this one by their seed alone.

    Returns:
        Markdown, with the Hub's metadata as YAML at its top.

    Raises:
        ValueError: A file is broken, or ``seeds`` names a run with other settings.
        ImportError: huggingface_hub is not installed.
    """
    hub = client()
    folder = local(run)
    about = manifest.read_record(folder / "run.json")
    rows = Jsonl(folder / "metrics.jsonl").rows()
    data, name = about["data"], repo_id.rpartition("/")[2]
    results = _results(hub, about)
    metadata = hub.ModelCardData(
        library_name=sender()["library_name"],
        license=license,
        tags=list(TAGS),
        pipeline_tag=_task(about),
        model_name=name if results else None,
        eval_results=results,
    )
    page = _template().render(
        metadata=metadata.to_yaml(),
        name=name,
        repo_id=repo_id,
        about=dict(about),  # in which an entry may be missing
        data=data,
        is_backprop=(about.get("trainer") or {}).get("rule") == "backprop",
        unit="percent" if unit_of(about) == "%" else "root mean square, in units of the target",
        classes=_classes(data["classes"]),
        shape=" × ".join(map(str, data["shape"] or ())),
        test_error=error_text(about.get("test_error"), about),
        test_interval=_wilson(about),
        validation_error=error_text(about.get("validation_error"), about),
        layers=_layers(about, rows),
        read_from=read_from(about) if _is_read(about) else None,
        better=better_layer(about, rows),
        seeds=_over_seeds(
            about, [manifest.read_record(local(each) / "run.json") for each in seeds]
        ),
        settings=_settings(about),
        machine=about.get("machine", {}),
        own_code=_own_code(about),
        version=sender()["library_version"],
        MISSING=MISSING,
    )
    return str(hub.ModelCard(page))  # which checks the metadata


def _template() -> Template:
    loader = PackageLoader("forward_forward.hub")
    made = Environment(loader=loader, trim_blocks=True, lstrip_blocks=True)
    return made.get_template("card.md")


def _task(about: Mapping[str, Any]) -> str | None:
    """The Hub's name of the task, if it has one."""
    shape, is_table = about["data"]["shape"] or (), bool(about.get("table"))
    if about["data"]["classes"] == []:
        return "tabular-regression" if len(shape) == 1 else None
    if "NextSymbol" in about["network"]["examples"]:
        return "text-generation"
    if about.get("frame") or len(shape) == 3:
        return "image-classification"
    return "tabular-classification" if is_table or len(shape) == 1 else None


def _results(hub: Any, about: Mapping[str, Any]) -> list[Any] | None:
    """The test error as the Hub's model index holds it."""
    error, task = about.get("test_error"), _task(about)
    if error is None or task is None or "error" not in about.get("test", {}):
        return None
    is_number = unit_of(about) != "%"
    return [
        hub.EvalResult(
            task_type=task,
            dataset_type=about["data"]["name"],
            dataset_name=about["data"]["name"],
            dataset_split="test",
            metric_type="rmse" if is_number else "accuracy",
            metric_value=error if is_number else round(1 - error / 100, 6),
        )
    ]


def _wilson(about: Mapping[str, Any]) -> str | None:
    """The 95 % interval of an error in percent over its test samples, if their number is known."""
    count, error = about.get("test_samples"), about.get("test_error")
    if not count or error is None or unit_of(about) != "%":
        return None
    from scipy import stats

    wrong = round(count * error / 100)
    low, high = stats.binomtest(wrong, count).proportion_ci(method="wilson")
    return f"{100 * low:.2f} to {100 * high:.2f}"


def _classes(classes: Sequence[str]) -> str:
    """Names of classes, or of some of them."""
    names = ", ".join(map(str, classes[:MOST_CLASSES]))
    return (
        names
        if len(classes) <= MOST_CLASSES
        else f"{names} and {len(classes) - MOST_CLASSES:,} more"
    )


def _is_read(about: Mapping[str, Any]) -> bool:
    """Whether labels are read from the goodness of layers."""
    return "goodness_error" in (about.get("test") or {})


def _layers(
    about: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> list[tuple[int, str, str]]:
    """For each layer alone: its number, and its errors on the validation and the test set."""
    row = next((each for each in rows if each["epoch"] == about.get("best_epoch")), {})
    for name in ("rmse", "goodness_error", "head_error"):
        test = by_layer(about.get("test") or {}, f"{name}_by_layer", about)
        validation = by_layer(row, f"validation_{name}_by_layer", about)
        if test or validation:
            return [
                (
                    layer,
                    error_text(validation.get(layer), about),
                    error_text(test.get(layer), about),
                )
                for layer in sorted({*test, *validation})
            ]
    return []


def _over_seeds(
    about: Mapping[str, Any], others: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Mean and interval of the test error over runs that differ by their seed alone."""
    if not others:
        return None
    runs = [about, *others]
    settings = [_but_seed(each) for each in runs]
    for other, each in zip(others, settings[1:], strict=True):
        differ = [key for key in {**settings[0], **each} if settings[0].get(key) != each.get(key)]
        if differ:
            raise ValueError(
                "expected runs that differ by their seed alone, got one with another"
                f" {sorted(differ)[0]!r}: leave it out of seeds"
            )
        if other.get("test_error") is None:
            raise ValueError(
                "expected runs with a test error, got one without: finish it with `ff train"
                " --resume`"
            )
    numbers = [each["trainer"]["seed"] for each in runs]
    if len({*numbers}) < len(numbers):
        raise ValueError(f"expected runs with different seeds, got {numbers}: name each run once")
    mean, half = mean_interval([each.get("test_error") for each in runs])
    decimals = 2 if unit_of(about) == "%" else None
    ordered = ", ".join(map(str, sorted(numbers)))
    return {"mean": number(mean, decimals), "half": number(half, decimals), "numbers": ordered}


def _but_seed(about: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that runs of several seeds share."""
    found = settings_of(about)
    return {
        name: value
        for name, value in found.items()
        if name.split(".")[0] in (*SECTIONS, "checksums") and name != "trainer.seed"
    }


def _settings(about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values of the settings, as text that a table of Markdown holds."""
    return [
        (name, setting(value).replace("|", "\\|"))
        for name, value in settings_of(about).items()
        if name.split(".")[0] in SECTIONS and name not in SHOWN and value is not None
    ]


def _own_code(about: Mapping[str, Any]) -> str | None:
    """The part of the network that is code of the person who trained it, if there is one."""
    try:
        build(about["network"])
    except OwnCode as error:
        return error.text
    return None
