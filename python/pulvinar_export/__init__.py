"""Export trained spiking networks from PyTorch to Pulvinar's native model format.

from pulvinar_export import export
export(model, sample_input, "net/", reference_inputs=inputs, labels=labels)
"""

from .errors import ExportError
from .export import export
from .neurons import EveryStep
from .registry import register
from .verify import verify

__all__ = ["EveryStep", "ExportError", "export", "register", "verify"]
