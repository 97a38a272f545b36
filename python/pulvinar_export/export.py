"""`export`: a trained PyTorch model to a folder in the native format."""

import hashlib
import json
import shutil
import tempfile
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save
from torch import nn

from . import adapters  # noqa: F401  (registers the adapters)
from .builder import Graph
from .errors import ExportError
from .trace import convert, reset

FORMAT_VERSION = 1
_KINDS = ("binary", "counts", "real")
#: Samples run through the model at a time; a result never depends on the others in its batch.
_CHUNK = 16


def export(
    model: nn.Module,
    sample_input: torch.Tensor,
    path: str | Path,
    *,
    reference_inputs: torch.Tensor | None = None,
    labels=None,
    name: str | None = None,
    input_kind: str = "counts",
) -> Path:
    """Writes `model` to the folder `path` and returns it; an existing folder is replaced.

    Inputs are [T, B, C, H, W], [T, B, C, L] or [T, B, N], the layout of SpikingJelly's multi-step mode; the model
    must return the mean, sum or last step of its last layer, or layers on such a mean or sum. `reference_inputs` (default: the sample)
    are run in eval mode; inputs, spikes of every neuron layer and outputs are stored as reference
    vectors, with `labels` if given. `input_kind`: "binary", "counts" (0..255) or "real".

    Raises ExportError, before anything is written, if the model cannot be exported exactly.
    """
    path = Path(path)
    inputs = sample_input if reference_inputs is None else reference_inputs
    _check_inputs(sample_input, inputs, labels, input_kind)
    mode = [(m, m.training) for m in model.modules()]
    try:
        model.eval()
        graph, output, neurons = convert(model, sample_input.float())
        vectors = _reference(model, inputs.float(), neurons)
    finally:
        for module, training in mode:
            module.training = training
    stored = inputs.transpose(0, 1).cpu().numpy()
    stored = stored.reshape(*stored.shape[:2], *_chw(inputs))
    vectors["input"] = stored.astype(np.float32 if input_kind == "real" else np.uint8)
    if labels is not None:
        vectors["labels"] = np.asarray(labels, np.uint8 if max(labels) < 256 else np.int64)
    document = _document(graph, output, sample_input, name or path.name, input_kind)
    _write(path, document, graph.tensors, vectors)
    return path


def _chw(inputs: torch.Tensor) -> list[int]:
    """Native shape of one step of one sample."""
    return [*inputs.shape[2:], 1, 1][:3]


def _check_inputs(sample, inputs, labels, kind: str) -> None:
    if kind not in _KINDS:
        raise ExportError(f"input_kind is {kind!r}; it must be one of {', '.join(_KINDS)}")
    for what, x in (("sample_input", sample), ("reference_inputs", inputs)):
        if x.ndim not in (3, 4, 5) or 0 in x.shape:
            raise ExportError(f"{what} has shape {tuple(x.shape)}; it must be [T, B, C, H, W], [T, B, C, L] or [T, B, N]")
        if kind != "real" and not bool(((x >= 0) & (x <= (1 if kind == "binary" else 255)) & (x == x.round())).all()):
            raise ExportError(f"{what} is not {kind}; give the right input_kind")
    if inputs.shape[0] != sample.shape[0] or inputs.shape[2:] != sample.shape[2:]:
        raise ExportError("reference_inputs and sample_input differ in more than the batch size")
    if labels is not None and len(labels) != inputs.shape[1]:
        raise ExportError(f"{len(labels)} labels for {inputs.shape[1]} reference inputs")


@torch.no_grad()
def _reference(model: nn.Module, inputs: torch.Tensor, neurons: dict[str, str]) -> dict[str, np.ndarray]:
    """Outputs [N, classes] and packed spikes of every neuron node, as computed by PyTorch."""
    steps = inputs.shape[0]
    current: dict[str, list[torch.Tensor]] = {}
    handles = [
        model.get_submodule(path).register_forward_hook(
            lambda _m, _i, out, node=node: current.setdefault(node, []).append(out[0] if isinstance(out, tuple) else out)
        )
        for node, path in neurons.items()
    ]
    outputs, spikes = [], {node: [] for node in neurons}
    try:
        for i in range(0, inputs.shape[1], _CHUNK):
            current.clear()
            reset(model)
            outputs.append(model(inputs[:, i : i + _CHUNK]).reshape(len(inputs[0, i : i + _CHUNK]), -1).numpy())
            for node, seen in current.items():
                whole = seen[0] if len(seen) == 1 else torch.stack(seen)
                if whole.shape[0] != steps or not bool(((whole == 0) | (whole == 1)).all()):
                    raise ExportError(f"{node}: its output is not one spike or none for each of {steps} steps")
                spikes[node].append(whole.transpose(0, 1).flatten(1).to(torch.uint8).numpy())
    finally:
        for handle in handles:
            handle.remove()
        reset(model)
    packed = {f"spikes.{node}": np.packbits(np.concatenate(s), axis=1) for node, s in spikes.items()}
    return {"output": np.concatenate(outputs).astype(np.float32), **packed}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _document(graph: Graph, output: str, sample: torch.Tensor, name: str, kind: str) -> dict:
    frameworks = [f"{p} {v}" for p in ("spikingjelly", "snntorch", "norse", "sinabs", "torch") if (v := _version(p))]
    return {
        "format_version": FORMAT_VERSION,
        "name": name,
        "producer": {
            "name": "pulvinar-export",
            "version": _version("pulvinar-export") or "source",
            "framework": ", ".join(frameworks),
        },
        "timesteps": sample.shape[0],
        "input": {"name": "input", "shape": _chw(sample), "kind": kind},
        "nodes": graph.nodes,
        "output": output,
        "assumptions": graph.assumptions,
    }


def _write(path: Path, document: dict, weights: dict, vectors: dict) -> None:
    """Writes the folder whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        for key, tensors in (("weights", weights), ("vectors", vectors)):
            data = save({k: np.ascontiguousarray(v) for k, v in tensors.items()})
            (folder / f"{key}.safetensors").write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            document[key] = {"file": f"{key}.safetensors", "sha256": digest}
        (folder / "graph.json").write_text(_render(document))
        folder.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        folder.rename(path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _render(document: dict) -> str:
    """JSON with one node a line."""
    lines = []
    for key, value in document.items():
        if key == "nodes":
            nodes = ",\n".join(f"    {json.dumps(node)}" for node in value)
            lines.append(f'  "nodes": [\n{nodes}\n  ]')
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"
