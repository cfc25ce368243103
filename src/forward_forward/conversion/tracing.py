"""A model of any class -> its modules and functions in the order they run, by torch.fx.

The graph is cut wherever a single tensor is all that the rest of the model reads. Between two cuts
stands one module, or several that belong together, such as a residual block: a `GraphBlock`.
"""

from __future__ import annotations

import linecache
import posixpath
import re
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn

from forward_forward.conversion.functions import as_module, flattens, name_of
from forward_forward.forward.graph_block import (
    METHODS,
    REST,
    RESULT,
    SLICE,
    GraphBlock,
    Step,
    StoredTensor,
)
from forward_forward.forward.layer import evaluating

ALLOWED = "call_module", "call_function", "call_method", "get_attr"
_NOT_THE_USERS = torch.__path__[0], str(Path(__file__).parents[1])


class _Tracer(fx.Tracer):
    """Looks into modules of the model's own, except those whose code it cannot follow."""

    def __init__(self) -> None:
        super().__init__()
        self.record_stack_traces = True  # for the lines in messages

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if super().is_leaf_module(m, module_qualified_name):
            return True
        if isinstance(m, nn.Sequential):
            return False
        try:
            _Tracer().trace(m)
        except Exception:  # its code may do anything
            return True
        return False


def traced(model: nn.Module, samples: Tensor) -> list[tuple[str, nn.Module]]:
    """The modules of a model in the order they run, by name.

    Args:
        model: The model, which takes one tensor and returns one.
        samples: A few samples [n, *shape].

    Raises:
        ValueError: Its code cannot be followed: it decides by values, or calls a function that is
            not among those of `GraphBlock`; the message names the line.
    """
    kind = type(model).__name__
    graph = _graph(model, kind)
    nodes = [node for node in graph.nodes if node.op in ALLOWED]
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    if len(inputs) != 1:
        raise ValueError(
            f"convert expects a model that takes one tensor, but {kind}.forward takes"
            f" {len(inputs)}: {', '.join(node.name for node in inputs)}"
        )
    built = _Modules(model, dict(model.named_modules()))
    parts = [
        built.part(segment, start)
        for start, segment in _segments(nodes, inputs[0], _output(graph, kind))
    ]
    _check_equal(model, [module for _, module in parts], samples, kind)
    return parts


def _graph(model: nn.Module, kind: str) -> fx.Graph:
    tracer = _Tracer()
    try:
        graph = fx.GraphModule(model, tracer.trace(model)).graph
    except Exception as error:  # a user's module may raise anything
        raise ValueError(
            f"convert cannot follow the code of {kind}{_place(error)}: {error}. Move what depends"
            " on values into a module of its own, which then becomes a layer as a whole, or build"
            " the layers yourself: Network(Layer(block), ...)"
        ) from error
    for node in graph.nodes:
        if flattens(node):  # then nothing reads the number of samples
            node.op, node.target = "call_function", torch.flatten
            node.args, node.kwargs = (node.args[0], 1), {}
    graph.eliminate_dead_code()
    return graph


def _place(error: BaseException) -> str:
    """The line of the user's code that raised."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if not each.filename.startswith(_NOT_THE_USERS)]
    return _quoted(ours[-1].filename, ours[-1].lineno or 0) if ours else ""


def _output(graph: fx.Graph, kind: str) -> fx.Node:
    found = next(node for node in graph.nodes if node.op == "output").args[0]
    if not isinstance(found, fx.Node) or found.op == "placeholder":
        raise ValueError(
            f"convert expects a model that returns one tensor, but {kind}.forward returns {found}"
        )
    return found


def _segments(
    nodes: Sequence[fx.Node], source: fx.Node, end: fx.Node
) -> Iterator[tuple[fx.Node, list[fx.Node]]]:
    """Runs of nodes between two cuts, each with the node whose result it reads."""
    place = {node: number for number, node in enumerate([source, *nodes])}
    last_use = {
        node: max((place.get(user, len(place)) for user in node.users), default=0) for node in place
    }
    segment: list[fx.Node] = []
    start = source
    for number, node in enumerate(nodes, 1):
        segment.append(node)
        alive = [each for each in [source, *nodes[:number]] if last_use[each] > number]
        if alive == [node] or node is end:
            yield start, segment
            start, segment = node, []


class _Modules:
    """Makes modules of segments of a graph."""

    def __init__(self, model: nn.Module, modules: dict[str, nn.Module]) -> None:
        self.model, self.modules = model, modules
        self.used: set[str] = set()

    def part(self, segment: Sequence[fx.Node], start: fx.Node) -> tuple[str, nn.Module]:
        """The name and module of a segment that reads the result of ``start``."""
        if len(segment) == 1:
            module = self._alone(segment[0], start)
            if module is not None:
                return self._name(segment), module
        results = {start: 0}
        parts: list[nn.Module] = []
        steps = [self._step(node, results, parts) for node in segment]
        return self._name(segment), GraphBlock(nn.Sequential(*parts), tuple(steps))

    def _alone(self, node: fx.Node, start: fx.Node) -> nn.Module | None:
        if node.op == "call_module" and node.args == (start,) and not node.kwargs:
            return self.modules[str(node.target)]
        return as_module(node) if node.args[:1] == (start,) else None

    def _name(self, segment: Sequence[fx.Node]) -> str:
        """A name that no other part has: a module's own, or that of the block around several."""
        targets = [str(node.target) for node in segment if node.op == "call_module"]
        if len(segment) == 1:
            name = targets[0] if targets else segment[0].name
        else:
            owners = [each.rpartition(".")[0].replace(".", "/") for each in targets] or [""]
            name = posixpath.commonpath(owners).replace("/", ".") or segment[-1].name
        name = name if name not in self.used else segment[-1].name
        self.used.add(name)
        return name

    def _step(self, node: fx.Node, results: dict[fx.Node, int], parts: list[nn.Module]) -> Step:
        results_before = dict(results)
        results[node] = len(results)
        given = tuple(self._argument(each, results_before, node) for each in node.args)
        named = tuple(
            (name, self._argument(each, results_before, node)) for name, each in node.kwargs.items()
        )
        module = self._module(node)
        if module is not None:
            parts.append(module)
            plain = given[:1] if node.op != "call_module" else given
            return f"part {len(parts) - 1}", plain, named if node.op == "call_module" else ()
        if node.op == "call_method" and node.target in METHODS:
            return f"method {node.target}", given, named
        if node.target is getattr and given[1:] == ("shape",):
            return "shape", given[:1], ()
        name = name_of(node.target) if node.op == "call_function" else None
        if name is None:
            raise ValueError(
                f"convert cannot take over {_said(node)}{_line(node)}: move it into a module of its"
                " own, which then becomes a layer, or a part of one, as a whole"
            )
        return name, given, tuple(each for each in named if each[0] != "inplace")

    def _module(self, node: fx.Node) -> nn.Module | None:
        if node.op == "call_module":
            return self.modules[str(node.target)]
        if node.op != "get_attr":
            return as_module(node)
        owner, _, name = str(node.target).rpartition(".")
        value = getattr(self.model.get_submodule(owner), name)
        stored = StoredTensor(tuple(value.shape), isinstance(value, nn.Parameter))
        stored.value = value
        return stored

    def _argument(self, given: Any, results: dict[fx.Node, int], node: fx.Node) -> Any:
        """An argument in plain values."""
        if isinstance(given, fx.Node):
            return RESULT, results[given]
        if isinstance(given, slice):
            ends = given.start, given.stop, given.step
            return SLICE, *(self._argument(each, results, node) for each in ends)
        if given is ...:
            return (REST,)
        if isinstance(given, list | tuple):
            return tuple(self._argument(each, results, node) for each in given)
        if given is None or isinstance(given, bool | int | float | str):
            return given
        raise ValueError(
            f"convert cannot take over {_said(node)}{_line(node)} with the argument"
            f" {given!r}: move it into a module of its own"
        )


def _said(node: fx.Node) -> str:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "?")
    return f"{'the method ' if node.op == 'call_method' else ''}{name}"


def _line(node: fx.Node) -> str:
    """The line of the user's code that a node comes from."""
    places = re.findall(r'File "(.+)", line (\d+)', node.stack_trace or "")
    ours = [(file, int(line)) for file, line in places if not file.startswith(_NOT_THE_USERS)]
    return "" if not ours else _quoted(*ours[-1])


def _quoted(file: str, line: int) -> str:
    return f" in {file}, line {line}: `{linecache.getline(file, line).strip()}`"


@torch.no_grad()
def _check_equal(model: nn.Module, parts: Sequence[nn.Module], samples: Tensor, kind: str) -> None:
    """Reject parts that do not compute what the model does."""
    chain = nn.Sequential(*parts)
    with evaluating(model), evaluating(chain):
        try:
            expected = model(samples)
        except Exception:  # said by the check of the parts, which names the module
            return
        try:
            same = torch.allclose(chain(samples), expected, rtol=1e-4, atol=1e-5, equal_nan=True)
        except RuntimeError:  # another shape
            same = False
        if not same:
            raise ValueError(
                f"convert cannot take {kind} apart: its modules in the order of the trace give"
                " other outputs than the model, so its code does something that torch.fx does not"
                " record, such as changing a tensor in place"
            )
