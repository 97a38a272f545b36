"""From a PyTorch model to the native graph: torch.fx with framework modules as leaves."""

import contextlib
from collections import Counter

import torch
from torch import fx, nn

from . import functions
from .builder import Graph, Value, fresh_name
from .emit import Emit
from .errors import ExportError
from .registry import adapter_of, is_neuron

#: torch.nn containers are looked into; every other module of these packages is a leaf
_FRAMEWORKS = ("torch.nn.", "spikingjelly.", "snntorch", "norse.", "sinabs.")


class _Tracer(fx.Tracer):
    """Stops at framework modules and remembers which module was being traced when it failed."""

    def __init__(self):
        super().__init__()
        self.where: list[tuple[str, str]] = []

    def is_leaf_module(self, module: nn.Module, path: str) -> bool:
        if adapter_of(module) is not None:
            return True
        if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
            return False
        return type(module).__module__.startswith(_FRAMEWORKS)

    def call_module(self, module, forward, args, kwargs):
        self.where.append((self.path_of_module(module), type(module).__name__))
        result = super().call_module(module, forward, args, kwargs)
        self.where.pop()
        return result


def _trace(model: nn.Module) -> fx.GraphModule:
    tracer = _Tracer()
    try:
        return fx.GraphModule(model, tracer.trace(model))
    except Exception as error:
        path, name = tracer.where[-1] if tracer.where else ("the model", type(model).__name__)
        raise ExportError(
            f"{path} ({name}): its forward cannot be traced ({error}); "
            "avoid control flow on tensors, or register an adapter for the class (pulvinar_export.register)"
        ) from error


class _Results(fx.Interpreter):
    """Runs the graph and keeps every node's result: shapes of tensors, other objects as they are."""

    def __init__(self, module):
        super().__init__(module)
        self.results: dict[fx.Node, object] = {}

    def run_node(self, node):
        try:
            result = super().run_node(node)
        except Exception as error:
            raise ExportError(f"{node.target}: the model does not run on the sample input: {error}") from error
        self.results[node] = result
        return result


@contextlib.contextmanager
def _shapes_of(model: nn.Module):
    """Shape of each submodule's last output, by path."""
    shapes: dict[str, tuple[int, ...]] = {}

    def keep(path):
        def hook(_module, _inputs, out):
            out = out[0] if isinstance(out, tuple) and out else out
            if isinstance(out, torch.Tensor):
                shapes[path] = tuple(out.shape)

        return hook

    handles = [m.register_forward_hook(keep(p)) for p, m in model.named_modules() if p]
    try:
        yield shapes
    finally:
        for handle in handles:
            handle.remove()


def reset(model: nn.Module) -> None:
    """Sets every membrane to its start value."""
    for module in model.modules():
        if module is not model and callable(getattr(module, "reset", None)):
            module.reset()


class _Converter:
    def __init__(self, model: nn.Module, traced: fx.GraphModule, results, shapes):
        self.model = model
        self.traced = traced
        self.results = results
        self.shapes = shapes
        self.graph = Graph()
        self.values: dict[fx.Node, object] = {}

    def shape(self, node: fx.Node):
        result = self.results[node]
        result = result[0] if isinstance(result, tuple) and result else result
        return tuple(result.shape) if isinstance(result, torch.Tensor) else None

    def argument(self, node):
        """A tensor's Value, or the plain object that the node computed."""
        if self.values.get(node) is not None:
            return self.values[node]
        result = self.results[node]
        if isinstance(result, torch.Tensor):
            if result.numel() != 1:
                raise ExportError(
                    f"{node.target}: a parameter of shape {tuple(result.shape)} is used outside a module; "
                    "only single numbers can be, so put it into a module and register an adapter"
                )
            return float(result.detach())
        return result

    def module(self, node: fx.Node) -> Value:
        module = self.traced.get_submodule(node.target)
        emit = Emit(self.graph, node.target, type(module).__name__, self.shape(node), self.shapes)
        adapter = adapter_of(module)
        if adapter is None:
            emit.fail("no adapter is registered for this class", "replace it or see pulvinar_export.register")
        if len(node.args) != 1 or node.kwargs:
            emit.fail("it is called with more than one argument", "call it with one tensor")
        return adapter(emit, module, self.argument(node.args[0]))

    def function(self, node: fx.Node):
        name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
        tensors = [n for n in node.all_input_nodes if isinstance(self.values.get(n), Value)]
        if not tensors or (self.shape(node) is None and name != "getattr"):
            return None
        if name == "getattr" and node.args[1] in ("shape", "ndim", "dtype", "device"):
            return None
        emit = Emit(self.graph, node.name, name, self.shape(node), self.shapes)
        emit.of_pair = isinstance(self.results[tensors[0]], tuple)
        translate = functions.lookup(node.target)
        if translate is None:
            emit.fail("this operation is not supported", "express it with supported ones or register an adapter")
        args = fx.map_arg(node.args, self.argument)
        kwargs = fx.map_arg(node.kwargs, self.argument)
        try:
            return translate(emit, *args, **kwargs)
        except TypeError as error:
            raise ExportError(f"{emit.path} ({name}): its arguments are not supported: {error}") from error

    def run(self) -> Value:
        placeholders = [n for n in self.traced.graph.nodes if n.op == "placeholder"]
        if len(placeholders) != 1:
            raise ExportError(f"the model takes {len(placeholders)} inputs; it must take one")
        for node in self.traced.graph.nodes:
            if node.op == "placeholder":
                shape = self.shape(node)
                self.values[node] = Value("input", ("t", "b", "c", "h", "w")[: len(shape)], shape)
            elif node.op == "call_module":
                self.values[node] = self.module(node)
            elif node.op in ("call_function", "call_method"):
                self.values[node] = self.function(node)
            elif node.op == "output":
                out = node.args[0]
                value = self.values.get(out) if isinstance(out, fx.Node) else None
                if not isinstance(value, Value):
                    raise ExportError("the model must return one tensor")
                return value
        raise ExportError("the model returns nothing")


def _readout(graph: Graph, out: Value) -> str:
    """Turns the last reduction over time into the readout; behind one inside the model the answer is a layer."""
    node = graph.node(out.node)
    if any(n["op"] == "reduce" and n["attrs"]["kind"] == "last" and n is not node for n in graph.nodes):
        raise ExportError("it takes the last step inside the model; take it at the end, as in x[-1]")
    users = [n for n in graph.nodes if out.node in n["inputs"]]
    fits = node and node["op"] == "reduce" and node["attrs"]["axes"] == ["t"] and node["attrs"]["kind"] != "max"
    if node and not fits and "t" not in out.axes:
        return out.node
    if not fits or users:
        raise ExportError("the model must end with the mean or sum over time of its last layer, as in x.mean(0)")
    node["op"], node["attrs"] = "readout", {"kind": node["attrs"]["kind"]}
    rest = {n["name"] for n in graph.nodes} - {out.node}
    node["name"] = fresh_name("readout", {"input", *rest})
    return node["name"]


def _layers(graph: Graph) -> None:
    """Maps of pooled values that end in no gate, as after global pooling, are layers."""
    gates: set[str] = set()
    for node in reversed(graph.nodes):
        users = [n for n in graph.nodes if node["name"] in n["inputs"]]
        gated = any(n["op"] == "mul" or n["name"] in gates for n in users)
        if gated and node["op"] != "neuron":
            gates.add(node["name"])
        if node["op"] == "dense" and node["attrs"]["axis"] == "c" and not gated:
            node["op"] = "linear"
            del node["attrs"]["axis"]


def _prune(graph: Graph, output: str) -> None:
    """Drops nodes and tensors that the output does not depend on."""
    needed = {output}
    for node in reversed(graph.nodes):
        if node["name"] in needed:
            needed.update(node["inputs"])
    graph.nodes = [n for n in graph.nodes if n["name"] in needed]
    used = {v for n in graph.nodes for v in n["attrs"].values() if isinstance(v, str)}
    graph.tensors = {k: v for k, v in graph.tensors.items() if k in used}


def convert(model: nn.Module, sample: torch.Tensor) -> tuple[Graph, str, dict[str, str]]:
    """(graph, output node, neuron node -> module path) of a model in eval mode."""
    traced = _trace(model)
    calls = Counter(n.target for n in traced.graph.nodes if n.op == "call_module")
    for path, count in calls.items():
        if count > 1 and any(is_neuron(m) for m in traced.get_submodule(path).modules()):
            raise ExportError(
                f"{path} ({type(traced.get_submodule(path)).__name__}): it is called {count} times, but its "
                "membrane can serve one layer only; use one neuron module a layer and multi-step mode"
            )
    reset(model)
    with torch.no_grad(), _shapes_of(model) as shapes:
        # Two samples, so that the batch axis is never mistaken for an axis of size 1.
        batch = sample if sample.shape[1] > 1 else sample.repeat_interleave(2, 1)
        runner = _Results(traced)
        runner.run(batch)
    reset(model)
    converter = _Converter(model, traced, runner.results, shapes)
    output = _readout(converter.graph, converter.run())
    _prune(converter.graph, output)
    _layers(converter.graph)
    graph = converter.graph
    neurons = {n["name"]: graph.paths[n["name"]] for n in graph.nodes if n["op"] == "neuron"}
    return graph, output, neurons
