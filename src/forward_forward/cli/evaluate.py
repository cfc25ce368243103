"""``ff evaluate``: a run -> its errors on the test set."""

from __future__ import annotations

import tyro


def evaluate(
    run: tyro.conf.Positional[str],
    data: str | None = None,
    json: bool = False,
) -> int:
    """Errors of a trained network on the test set, in percent.

    Args:
        run: The run's folder.
        data: Name of a data set; the run's own by default.
        json: Print them as JSON, with test_error.
    """
    import json as json_format

    from forward_forward import checkpoint, datasets
    from forward_forward import predict as predicting
    from forward_forward.cli import words

    about = checkpoint.Run(run).about
    name = data or about.get("command", {}).get("data")
    if name is None:
        raise ValueError(f"{run!r} does not say what data it was trained on: give --data")
    _, test = datasets.named(name)
    network = checkpoint.load(run)
    if list(test.classes) != about["data"]["classes"]:
        raise ValueError(
            f"the run was trained on the classes {about['data']['classes']}, got data with"
            f" {list(test.classes)}: give --data of the same classes"
        )
    figures = predicting.evaluate(network, test)
    if json:
        print(
            json_format.dumps({"run": run, "data": name, "test_error": figures["error"], **figures})
        )
    else:
        print("\n".join(words.errors(about["network"], figures, f"{name} test")))
    return 0
