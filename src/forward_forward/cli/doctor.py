"""``ff doctor``: this machine -> what works on it, what does not, and how to fix it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from forward_forward.cli.flags import Switch

Finding = tuple[str, bool, str]  # what was checked, whether it is well, and what was found


@dataclass(frozen=True)
class DoctorCommand:
    """Check this machine: versions, processor, data, and whether training works."""

    # Print the findings as JSON.
    json: Switch = False

    def __call__(self) -> int:
        findings = list(_findings())
        if self.json:
            keys = ("what", "well", "found")
            print(json.dumps([dict(zip(keys, each, strict=True)) for each in findings]))
        else:
            for what, well, found in findings:
                print(f"{'ok  ' if well else 'BAD '} {what}: {found}")
        return 0 if all(well for _, well, _ in findings) else 1


def _findings() -> Iterator[Finding]:
    for check in CHECKS:
        try:
            yield check()
        except Exception as error:  # a doctor reports what is broken, whatever it is
            yield check.__name__.strip("_"), False, f"{type(error).__name__}: {error}"


def _versions() -> Finding:
    import platform

    import torch

    from forward_forward import __version__

    versions = f"forward-forward {__version__}, torch {torch.__version__}, Python"
    return "versions", True, f"{versions} {platform.python_version()}"


def _processor() -> Finding:
    import torch

    from forward_forward.optimize.precision import products

    capability = torch.backends.cpu.get_cpu_capability()
    fast = products("auto", torch.device("cpu"))
    kind = "bfloat16 matrix products in hardware" if fast else "float32 matrix products only"
    count = torch.get_num_threads()
    threads = "1 thread" if count == 1 else f"{count} threads"
    return "processor", True, f"{threads}, {capability}, {kind}"


def _accelerator() -> Finding:
    import torch

    if torch.cuda.is_available():
        return "accelerator", True, f"CUDA: {torch.cuda.get_device_name()}: use --device cuda"
    if torch.backends.mps.is_available():
        return "accelerator", True, "MPS: use --device mps"
    return "accelerator", True, "none; the CPU is used"


def _mnist() -> Finding:
    from forward_forward import datasets

    try:
        train, test = datasets.mnist()
    except datasets.DataUnavailable as error:
        return "mnist", True, f"not available; --data digits works without it. {error}"
    return "mnist", True, f"{len(train):,} and {len(test):,} images, checksums correct"


def _gradients() -> Finding:
    import torch

    from forward_forward.forward import mlp
    from forward_forward.optimize import Trainer
    from forward_forward.optimize.engine import Kind

    x, y = torch.linspace(0, 1, 40).view(8, 5), torch.arange(8) % 3
    weights = []
    engines: tuple[Kind, ...] = ("closed_form", "autograd")
    for engine in engines:
        network = mlp(5, 7, 6, num_classes=3).double()
        trainer = Trainer(network, optimizer=torch.optim.SGD, lr=1.0, engine=engine)
        trainer.step(x.double(), y)
        weights.append(torch.cat([weight.detach().flatten() for weight in network.parameters()]))
    difference = float((weights[0] - weights[1]).abs().max())
    return "gradients", difference < 1e-9, f"closed form and autograd differ by {difference:.0e}"


def _training() -> Finding:
    import time

    from forward_forward import datasets, predict, recipes

    train, test = datasets.digits()
    began = time.perf_counter()
    plan = recipes.standard(train, epochs=30)
    plan.trainer.fit(train, epochs=plan.epochs, batch_size=plan.batch_size)
    error = predict.evaluate(plan.trainer.network, test)["error"]
    seconds = time.perf_counter() - began
    well = isinstance(error, float) and error < 10
    return "training", well, f"digits to {error:.1f} % test error in {seconds:.1f} s"


CHECKS = (_versions, _processor, _accelerator, _mnist, _gradients, _training)
