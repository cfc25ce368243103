"""Aesop's fables symbol by symbol, by local blocks and by backprop -> text/aesop.json.

python results/aesop.py --tune    # learning rates, on the validation part, one seed
python results/aesop.py           # three seeds of each arm; then the table of docs/text.md

Three arms with the same model, windows and steps: an embedding and the first of three causal
transformer blocks are layer 1, each other block is a layer; every layer has a linear read-out.

- local: each layer learns from its own read-out (`ff.convert`); nothing crosses a layer.
- deep supervision: the sum of the layers' losses, by backpropagation through all of them.
- backprop: the loss of the top layer's read-out alone, through all of them.

Scaled down to minutes on one core: far from converged. The test part, the last tenth of the text,
is read once by each run; the layer that is read is chosen on the validation part.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

import forward_forward as ff
from forward_forward import files, seeds
from forward_forward.forward import CausalBlock, SymbolEmbedding
from forward_forward.lab.statistics import t_interval
from forward_forward.optimize import cosine
from forward_forward.track.run_record import machine

FILE = Path(__file__).parent / "text" / "aesop.json"
PAGE = Path(__file__).parents[1] / "docs" / "text.md"
WINDOW, WIDTH, BLOCKS = 64, 128, 3
EPOCHS, BATCH, SEEDS = 2, 16, 3
RATES = (3e-3, 6e-3, 1.2e-2)
ARMS = ("local", "deep supervision", "backprop")


def network(symbols: int, seed: int) -> ff.Network:
    """The untrained layers, which are the same in every arm."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Sequential(
            SymbolEmbedding(symbols, WIDTH, WINDOW), *(CausalBlock(WIDTH) for _ in range(BLOCKS))
        )
    layer = functools.partial(
        ff.Layer,
        goodness=ff.readouts.PositionReadout(symbols),
        loss=ff.losses.CrossEntropy(),
        normalize=None,
    )
    made = ff.convert(model, num_classes=symbols, input_shape=WINDOW, layer=layer)
    return made.network


def train_locally(net: ff.Network, text: ff.data.Text, rate: float, seed: int) -> None:
    """Each layer by its own loss."""
    trainer = ff.Trainer(net, lr=rate, schedule=cosine, weight_decay=0.0, seed=seed)
    trainer.fit(text, epochs=EPOCHS, batch_size=BATCH)


def train_through(
    net: ff.Network, text: ff.data.Text, rate: float, seed: int, *, every: bool
) -> None:
    """The same layers by backpropagation through all of them, from every loss or the top one."""
    net.train()
    optimizer = torch.optim.AdamW(net.parameters(), rate, weight_decay=0.0, fused=True)
    steps = -(-len(text) // BATCH)
    for epoch in range(EPOCHS):
        order = seeds.generator(seed, "order", epoch)  # as `fit` draws it
        for step, (x, y, _) in enumerate(text.batches(BATCH, shuffle=order)):
            optimizer.param_groups[0]["lr"] = rate * cosine(epoch + step / steps, EPOCHS)
            losses, h = [], x
            for layer in net.layers:
                h = layer.block(h)
                if every or layer is net.layers[-1]:
                    scores = layer.goodness(h).flatten(0, 1)
                    losses.append(functional.cross_entropy(scores, y.flatten()))
            optimizer.zero_grad()
            torch.stack(losses).sum().backward()
            optimizer.step()


def trained(
    arm: str, text: ff.data.Text, judge: ff.data.Text, rate: float, seed: int
) -> tuple[ff.Network, dict[str, Any]]:
    """A run of an arm: its network, and what is known without test data."""
    net = network(len(text.classes), seed)
    began = time.perf_counter()
    if arm == "local":
        train_locally(net, text, rate, seed)
    else:
        train_through(net, text, rate, seed, every=arm == "deep supervision")
    seconds = round(time.perf_counter() - began, 1)
    bits = ff.predict.bits(net, judge)["bits_by_layer"]
    return net, {"arm": arm, "seed": seed, "seconds": seconds, "validation_bits": bits}


def read_layer(arm: str, bits: list[float]) -> int:
    """The best layer on the validation part; of backprop the top one, which alone was read."""
    return BLOCKS - 1 if arm == "backprop" else bits.index(min(bits))


def tune(text: ff.data.Text, judge: ff.data.Text) -> None:
    """The learning rate of each arm with the fewest bits on the validation part."""
    tried = {}
    for arm in ARMS:
        for rate in RATES:
            bits = trained(arm, text, judge, rate, seed=100)[1]["validation_bits"]
            tried[f"{arm}, {rate:g}"] = bits[read_layer(arm, bits)]
            print(arm, rate, bits, flush=True)
    best = {arm: min(RATES, key=lambda rate: tried[f"{arm}, {rate:g}"]) for arm in ARMS}
    FILE.parent.mkdir(exist_ok=True)
    files.write_json(FILE, {"tried": tried, "rates": best})


def measure(text: ff.data.Text, judge: ff.data.Text, test: ff.data.Text) -> None:
    """Every run that is missing."""
    kept = json.loads(FILE.read_text()) | {"pairs": pairs(text, test)}
    files.write_json(FILE, kept)
    runs = kept.setdefault("runs", [])
    done = {(run["arm"], run["seed"]) for run in runs}
    for arm, seed in [(arm, seed) for seed in range(SEEDS) for arm in ARMS]:
        if (arm, seed) in done:
            continue
        net, run = trained(arm, text, judge, kept["rates"][arm], seed)
        chosen = read_layer(arm, run["validation_bits"])
        run["layer"] = chosen + 1
        errors, found = ff.predict.evaluate(net, test), ff.predict.bits(net, test)
        by_layer = errors["goodness_error_by_layer"], found["bits_by_layer"]
        run["errors_by_layer"], run["bits_by_layer"] = by_layer
        run["error"], run["bits"] = (each[chosen] for each in by_layer)
        if arm != "backprop":  # all layers but the first together, as the network reads them
            run["error_together"], run["bits_together"] = errors["error"], found["bits"]
        runs.append(run)
        kept |= {"settings": _settings(text, judge, test), "machine": machine()}
        files.write_json(FILE, kept)
        print(arm, seed, run["layer"], run["error"], run["bits"], run["seconds"], flush=True)


def pairs(text: ff.data.Text, test: ff.data.Text) -> dict[str, float]:
    """Error and bits of the counts of pairs of symbols, each with 1 more: no network at all."""
    size = len(text.classes)
    counts = torch.ones(size, size)
    counts.index_put_((text.numbers[:-1], text.numbers[1:]), torch.ones(1), accumulate=True)
    logits, labels = counts.log()[test.numbers[:-1]], test.numbers[1:]
    error = 100 * float((logits.argmax(1) != labels).double().mean())
    return {"error": error, "bits": float(functional.cross_entropy(logits, labels)) / math.log(2)}


def _settings(*parts: ff.data.Text) -> dict[str, Any]:
    names = ("train_symbols", "validation_symbols", "test_symbols")
    sizes = {name: len(part.text) for name, part in zip(names, parts, strict=True)}
    steps = EPOCHS * -(-len(parts[0]) // BATCH)
    model = {"window": WINDOW, "width": WIDTH, "blocks": BLOCKS, "batch": BATCH}
    return {**model, "steps": steps, "symbols": len(parts[0].classes), **sizes}


def table() -> str:
    """The table of docs/text.md: means of the seeds with 95 % t intervals."""
    kept = json.loads(FILE.read_text())
    lines = [
        "| training | learning rate | wrong symbols, % | bits a symbol | by layer | layers 2 and 3"
        " | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for arm in ARMS:
        runs = [run for run in kept["runs"] if run["arm"] == arm]
        error, bits = (t_interval([run[key] for run in runs]) for key in ("error", "bits"))
        layers = zip(*(run["bits_by_layer"] for run in runs), strict=True)
        each = ", ".join(f"{sum(layer) / len(runs):.2f}" for layer in layers)
        together = "-"
        if arm == "backprop":
            each = "-"
        else:
            together = f"{sum(run['bits_together'] for run in runs) / len(runs):.2f}"
        seconds = sum(run["seconds"] for run in runs) / len(runs)
        cells = [
            arm,
            f"{kept['rates'][arm]:g}",
            f"{error.mean:.1f} ± {error.half:.1f}",
            f"{bits.mean:.2f} ± {bits.half:.2f}",
            each,
            together,
            f"{seconds:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    counted = kept["pairs"]
    cells = f"{counted['error']:.1f} | {counted['bits']:.2f}"
    lines.append(f"| counts of pairs of symbols | - | {cells} | - | - | - |")
    return "\n".join(lines)


def write_table() -> None:
    """Put the table into the page."""
    start, end = "<!-- aesop: made by results/aesop.py -->", "<!-- end of aesop -->"
    page = PAGE.read_text()
    before, after = page.partition(start)[0], page.partition(end)[2]
    PAGE.write_text(f"{before}{start}\n{table()}\n{end}{after}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tune", action="store_true")
    torch.set_num_threads(1)
    whole, test_part = ff.datasets.aesop(window=WINDOW)
    train_part, validation_part = whole.split(0.1)
    if parser.parse_args().tune:
        tune(train_part, validation_part)
    else:
        measure(train_part, validation_part, test_part)
        write_table()
