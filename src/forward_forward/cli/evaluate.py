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
        data: Other data of the same classes, as `ff train` takes them; the run's own by default.
        json: Print them as JSON, with test_error.
    """
    import json as json_format

    from forward_forward import checkpoint
    from forward_forward import predict as predicting
    from forward_forward.cli import train_output
    from forward_forward.datasets.run_data import test_of

    about = checkpoint.Run(run).about
    network = checkpoint.load(run)
    name = data or about.get("command", {}).get("data", about["data"]["name"])
    train_output.say_reading(name)
    figures = predicting.evaluate(network, test_of(about, data))
    if json:
        print(
            json_format.dumps({"run": run, "data": name, "test_error": figures["error"], **figures})
        )
    else:
        print("\n".join(train_output.errors(about["network"], figures, f"{name} test")))
    return 0
