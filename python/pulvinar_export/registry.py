"""Which adapter translates which module class."""

from collections.abc import Callable

from torch import nn

#: class -> adapter(emit, module, value) -> Value
_MODULES: dict[type, Callable] = {}
#: classes that keep a membrane; their outputs are stored as reference spikes
_NEURONS: set[type] = set()
#: a subclass may define these and still behave as its base class
_HARMLESS = {"__init__", "extra_repr", "__repr__", "reset_parameters"}


def register(*classes: type, neuron: bool = False) -> Callable:
    """Decorator: `adapter(emit, module, value)` returns the value of calling a module of these classes.

    `emit(op, inputs, attrs, axes=..., shape=...)` adds a node and returns its Value;
    `emit.tensor(suffix, tensor)` stores a weight and returns its name; `emit.fail(what, remedy)`
    raises. Set `neuron` for a module with a membrane and a binary output.
    """

    def keep(adapter: Callable) -> Callable:
        for cls in classes:
            _MODULES[cls] = adapter
            if neuron:
                _NEURONS.add(cls)
        return adapter

    return keep


def _registered_class(module: nn.Module) -> type | None:
    """The registered class whose behaviour `module` has, if any."""
    for cls in type(module).__mro__:
        if cls in _MODULES:
            return cls
        if {k for k, v in vars(cls).items() if callable(v)} - _HARMLESS:
            return None
    return None


def adapter_of(module: nn.Module) -> Callable | None:
    return _MODULES.get(_registered_class(module))


def is_neuron(module: nn.Module) -> bool:
    return _registered_class(module) in _NEURONS
