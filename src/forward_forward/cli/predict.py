"""``ff predict``: a run and picture files -> labels, with the goodness of every label."""

from __future__ import annotations

import tyro


def predict(
    run: tyro.conf.Positional[str],
    pictures: tyro.conf.Positional[tuple[str, ...]],
    json: bool = False,
) -> int:
    """The label of picture files of any size.

    Args:
        run: The run's folder.
        pictures: One or more picture files.
        json: Print one JSON object a picture.
    """
    import json as json_format
    import sys

    from forward_forward import checkpoint
    from forward_forward.pictures import Frame, read_picture

    if not pictures:
        raise ValueError("expected at least one picture file: ff predict RUN picture.png")
    about = checkpoint.Run(run).about
    if not about.get("frame"):
        raise ValueError(f"{run!r} was not trained on pictures: predict from Python, ff.load(run)")
    frame = Frame.from_json(about["frame"])
    network = checkpoint.load(run)
    classes = about["data"]["classes"]
    for path in pictures:
        sample, done = read_picture(path, frame)
        for words in done:
            print(f"{path}: {words}", file=sys.stderr)
        scores = network.scores(sample)[0].tolist()
        label = classes[max(range(len(scores)), key=scores.__getitem__)]
        named = dict(zip(classes, scores, strict=True))
        if json:
            found = {"picture": path, "label": label, "read_by": network.reading, "scores": named}
            print(json_format.dumps(found))
            continue
        print(f"{path}: {label}")
        for name, score in sorted(named.items(), key=lambda pair: -pair[1]):
            print(f"  {network.reading} of {name}: {score:.4f}")
    return 0
