"""The README, and a use of each extra -> the steps that the wheel is checked with.

A step is what ``wheel_steps.py`` reads: ["code", TEXT], ["ff", ARGUMENT, ...] or
["script", PATH, ARGUMENT, ...].
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Parts of commands, and the extra that they need.
NEEDS = {
    "houses.parquet": "parquet",
    "--track tensorboard": "tensorboard",
    "--track mlflow": "mlflow",
    "--track wandb": "wandb",
    "--track trackio": "trackio",
    "--data hf:": "hf",
    "ff export": "onnx",
    "ff sweep": "sweep",
    "postgresql://": "postgresql",
    "ff demo": "demo",
    "ff push": "hub",
    "hf://": "hub",
}
# What the README does not run: a use of an extra that no command of its own has.
MORE = (
    "ff train --data houses.parquet --target price",
    *(f"ff train --data digits --track {name}" for name in ("mlflow", "wandb", "trackio")),
    "ff evaluate hf://user/name",
    "ff sweep --data digits --trials 1 --storage postgresql://",
)
# Python of the docs that imports an extra's package itself: nothing could name the extra.
CODE = {
    "skops": """
import skops.io
from sklearn.datasets import load_iris
from forward_forward.sklearn import TRUSTED, FFClassifier
x, y = load_iris(return_X_y=True)
fitted = FFClassifier(hidden_layer_sizes=(20, 20), max_iter=5).fit(x, y)
again = skops.io.loads(skops.io.dumps(fitted), trusted=TRUSTED)
assert (again.predict(x) == fitted.predict(x)).all()
"""
}
EXAMPLES = {
    "mnist": ("--data", "digits", "--epochs", "2"),
    "own_cnn": ("--epochs", "2"),
    "own_loss": ("--epochs", "2"),
}
# Smaller data and shorter trainings than in the README; what is not a command line stays out.
SHORTER = [
    (r"--data (?:fashion_)?mnist\b", "--data digits"),
    (r"--data cifar10\b", "--data colours.npz"),
    (r"--data hf:\S+", "--data hf:pictures"),
    (r"--hidden 1000 1000", "--hidden 100 100"),
    (r"--epochs \d+", "--epochs 1"),
    (r"--trials \d+", "--trials 2 --epochs 1"),
    (r"(ff benchmark(?!.*--parts).*)", r"\1 --quick"),
    (r"(ff benchmark --parts.*)", r"\1 --quick"),
    (r"--scale quick", "--scale smoke"),
    (r"(ff demo .*)", r"\1 --no-browser"),
]
FILES = '''
import importlib.util, numpy, pandas
from PIL import Image
from pathlib import Path
rng = numpy.random.default_rng(0)
frame = pandas.DataFrame({"rooms": rng.integers(1, 9, 300), "age": rng.integers(0, 90, 300)})
houses = frame.assign(price=frame.rooms * 50_000.5 - frame.age)
houses.to_csv("houses.csv", index=False)
if importlib.util.find_spec("pyarrow"):
    houses.to_parquet("houses.parquet")
else:
    Path("houses.parquet").write_bytes(b"PAR1")
frame.assign(target=frame.rooms > 4).to_csv("churn.csv", index=False)
frame.to_csv("new_customers.csv", index=False)
Image.fromarray(rng.integers(0, 255, (40, 30), dtype=numpy.uint8)).save("picture.png")
for kind in "ab":
    Path("my_images", kind).mkdir(parents=True)
    for n in range(20):
        pixels = rng.integers(0, 128 + 127 * (kind == "b"), (12, 12), dtype=numpy.uint8)
        Image.fromarray(pixels).save(f"my_images/{kind}/{n}.png")
colours = rng.integers(0, 255, (200, 32, 32, 3), dtype=numpy.uint8)
numpy.savez("colours.npz", x=colours, y=rng.integers(0, 10, 200))
if importlib.util.find_spec("datasets"):
    import datasets
    kinds = datasets.ClassLabel(names=["a", "b"])
    kept = datasets.Features({"image": datasets.Image(), "label": kinds})
    pictures = [Image.open(f"my_images/{kind}/{n}.png") for kind in "ab" for n in range(20)]
    columns = {"image": pictures, "label": [0] * 20 + [1] * 20}
    datasets.Dataset.from_dict(columns, features=kept).save_to_disk("pictures")
Path("my_rules.py").write_text("""
def my_loss(pos, neg):
    \\"\\"\\"Squared hinge of each pair.

    Raises:
        ValueError: There are no negatives.
    \\"\\"\\"
    if len(neg) == 0:
        raise ValueError("my_loss expected at least one negative, got none: use log_sigmoid")
    return (1 + neg - pos).relu().square().mean(0)
""")
'''


def shorter(line: str) -> str:
    """A command of the README with little to do."""
    for pattern, replacement in SHORTER:
        line = re.sub(pattern, replacement, line)
    if line.startswith("ff train") and not re.search("--(resume|config)", line):
        line += "" if "--epochs" in line else " --epochs 1"
        line += "" if "--data" in line else " --data digits"
    return line.replace("examples/own_cnn.py", (ROOT / "examples" / "own_cnn.py").as_posix())


def steps(extras: set[str], database: str) -> dict[str, list[str]]:
    """Everything that runs where these extras are installed, by what to print.

    ``database`` is the URL of a PostgreSQL server; it replaces ``postgresql://``.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```python\n(.*?)```", readme, re.DOTALL))
    section = readme.partition("## From a terminal")[2].partition("```bash\n")[2]
    lines = [line.partition("#")[0].strip() for line in section.partition("```")[0].splitlines()]
    lines = ["ff train --data churn.csv --out runs/churn", *lines, *MORE]
    commands = {
        line: ["ff", *(database if word == "postgresql://" else word for word in words)]
        for line in map(shorter, lines)
        for words in [shlex.split(line)[1:]]
    }
    code = {f"code that uses {name}": ["code", CODE[name]] for name in CODE if name in extras}
    examples = {
        f"examples/{name}.py": ["script", str(ROOT / "examples" / f"{name}.py"), *options]
        for name, options in EXAMPLES.items()
    }
    files = {"files to work with": ["code", FILES]}
    return {**files, "the README's Python": ["code", blocks], **commands, **code, **examples}


def needs(line: str) -> set[str]:
    """The extras that a command needs.

    >>> needs("ff train --data hf:pictures --track wandb") == {"hf", "wandb"}
    True
    """
    return {extra for part, extra in NEEDS.items() if part in line}
