"""A plain numpy interpreter of the native format. It shares no code with the exporter.

Values are float32 arrays [N, T, C, H, W]; reduced axes have size 1.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load

_AXIS = {"t": 1, "c": 2, "h": 3, "w": 4}


def read(folder: str | Path) -> tuple[dict, dict, dict]:
    """(graph document, weights, vectors); the files' hashes are checked."""
    folder = Path(folder)
    document = json.loads((folder / "graph.json").read_text())
    parts = []
    for key in ("weights", "vectors"):
        entry = document[key]
        data = (folder / entry["file"]).read_bytes() if entry else b""
        if entry and hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise ValueError(f"{entry['file']}: its SHA-256 is not the one in graph.json")
        parts.append(load(data) if entry else {})
    return document, parts[0], parts[1]


def _windows(x, kernel, stride, padding, dilation=(1, 1), fill=0.0):
    """[N, T, C, Ho, Wo, kh, kw]"""
    top, bottom, left, right = padding
    x = np.pad(x, ((0, 0),) * 3 + ((top, bottom), (left, right)), constant_values=fill)
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    windows = np.lib.stride_tricks.sliding_window_view(x, reach, (3, 4))
    return windows[:, :, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


def _conv2d(x, weight, bias, a):
    groups = a["groups"]
    windows = _windows(x, weight.shape[2:], a["stride"], a["padding"], a["dilation"])
    n, t, c, h, w = windows.shape[:5]
    parts = []
    for g in range(groups):
        inside = windows[:, :, g * c // groups : (g + 1) * c // groups]
        columns = inside.transpose(0, 1, 3, 4, 2, 5, 6).reshape(n * t * h * w, -1)
        kernels = weight[g * len(weight) // groups : (g + 1) * len(weight) // groups]
        parts.append(columns @ kernels.reshape(len(kernels), -1).T)
    y = np.concatenate(parts, 1).reshape(n, t, h, w, -1).transpose(0, 1, 4, 2, 3)
    return y if bias is None else y + bias[:, None, None]


def _conv_transpose2d(x, weight, bias, a):
    groups, (kh, kw) = a["groups"], weight.shape[2:]
    (sh, sw), (dh, dw), (top, bottom, left, right) = a["stride"], a["dilation"], a["padding"]
    n, t, c, h, w = x.shape
    rows, columns = (h - 1) * sh + dh * (kh - 1) + 1, (w - 1) * sw + dw * (kw - 1) + 1
    more = a["output_padding"]
    y = np.zeros((n, t, len(weight), rows + more[0], columns + more[1]), np.float32)
    o, i = len(weight) // groups, c // groups
    for g in range(groups):
        for ky in range(kh):
            for kx in range(kw):
                kernel = weight[g * o : (g + 1) * o, :, ky, kx]
                part = np.einsum("ntchw,oc->ntohw", x[:, :, g * i : (g + 1) * i], kernel)
                rows_hit = slice(ky * dh, ky * dh + (h - 1) * sh + 1, sh)
                y[:, :, g * o : (g + 1) * o, rows_hit, kx * dw : kx * dw + (w - 1) * sw + 1 : sw] += part
    y = y[:, :, :, top : y.shape[3] - bottom, left : y.shape[4] - right]
    return y if bias is None else y + bias[:, None, None]


def _along(x, weight, axis: str):
    """Linear map along one native axis."""
    i = _AXIS[axis]
    return np.moveaxis(np.moveaxis(x, i, -1) @ weight.T, -1, i)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _gate(x, w0, w1, axis: str):
    """sigmoid(MLP(mean) + MLP(max)) over all axes but one."""
    others = tuple(i for a, i in _AXIS.items() if a != axis)
    branches = (x.mean(others, keepdims=True), x.max(others, keepdims=True))
    return _sigmoid(sum(_along(np.maximum(_along(b, w0, axis), 0), w1, axis) for b in branches))


def _ma_attention(x, w, a):
    for gate in a["gates"]:
        if gate == "s":
            kernel = w[a["sa"]]
            maps = np.concatenate([x.mean((1, 2), keepdims=True), x.max((1, 2), keepdims=True)], 2)
            before, after = (kernel.shape[2] - 1) // 2, kernel.shape[2] // 2
            attrs = {"groups": 1, "stride": (1, 1), "padding": (before, after) * 2, "dilation": (1, 1)}
            x = x * _sigmoid(_conv2d(maps, kernel, None, attrs))
        else:
            x = x * _gate(x, w[a[f"{gate}a0"]], w[a[f"{gate}a1"]], gate)
    return np.maximum(x, 0) if a["relu"] else x


def _neuron(x, a):
    f = np.float32
    previous = np.full_like(x[:, 0], a["initial"])
    current, synapse = np.zeros_like(previous), a.get("current")
    if synapse and (synapse["delayed"] or synapse["reset"]):
        raise ValueError("a current that is delayed or reset is not evaluated here")
    pending = np.zeros(previous.shape, bool)
    spikes = np.zeros_like(x)
    kind, amount = a["reset"]["kind"], f(a["reset"].get("value") or 0)

    def reset(v, fired):
        if kind == "none":
            return v
        return np.where(fired, amount if kind == "value" else v - amount, v)

    for t in range(x.shape[1]):
        if a["reset_timing"] == "next_step":
            previous = reset(previous, pending)
        drive = x[:, t]
        if synapse:
            current = drive = f(synapse["leak"]) * current + drive
        h = f(a["leak"]) * previous + f(a["input_gain"]) * drive + f(a["input_bias"])
        if a["reset_timing"] == "next_charge":
            h = reset(h, pending)
        pending = h >= f(a["threshold"]) if a["compare"] == ">=" else h > f(a["threshold"])
        previous = reset(h, pending) if a["reset_timing"] == "same_step" else h
        if a["clamp_min"] is not None:
            previous = np.maximum(previous, f(a["clamp_min"]))
        spikes[:, t] = pending * f(a.get("amplitude", 1.0))
    return spikes


def _evaluate(node: dict, xs: list, w: dict):
    op, a, x = node["op"], node["attrs"], xs[0]
    bias = w[a["bias"]] if a.get("bias") else None
    if op == "conv2d":
        return _conv2d(x, w[a["weight"]], bias, a)
    if op == "conv_transpose2d":
        return _conv_transpose2d(x, w[a["weight"]], bias, a)
    if op == "upsample":
        return x.repeat(a["scale"][0], 3).repeat(a["scale"][1], 4)
    if op in ("linear", "dense"):
        axis = a.get("axis", "c")
        y = _along(x, w[a["weight"]], axis)
        return y if bias is None else y + bias.reshape([-1 if i == _AXIS[axis] else 1 for i in range(5)])
    if op == "batch_norm":
        gain, mean, var = (w[a[k]][:, None, None] for k in ("weight", "mean", "var"))
        return (x - mean) / np.sqrt(var + np.float32(a["eps"])) * gain + bias[:, None, None]
    if op == "avg_pool":
        return _windows(x, a["kernel"], a["stride"], a["padding"]).mean((5, 6), dtype=np.float32)
    if op == "max_pool":
        return _windows(x, a["kernel"], a["stride"], a["padding"], fill=-np.inf).max((5, 6))
    if op == "flatten":
        return x.reshape(*x.shape[:2], -1, 1, 1)
    if op == "readout" and a["kind"] == "last":
        return x[:, -1:]
    if op in ("reduce", "readout"):
        axes = tuple(_AXIS[i] for i in a.get("axes", ["t"]))
        return getattr(x, a["kind"])(axes, keepdims=True)
    if op == "affine":
        return np.float32(a["mul"]) * x + np.float32(a["add"])
    if op == "t_attention":
        return x * _gate(x, w[a["w0"]], w[a["w1"]], "t")
    simple = {
        "add": lambda: x + xs[1],
        "mul": lambda: x * xs[1],
        "relu": lambda: np.maximum(x, 0),
        "sigmoid": lambda: _sigmoid(x),
        "concat": lambda: np.concatenate(xs, 2),
        "ma_attention": lambda: _ma_attention(x, w, a),
        "neuron": lambda: _neuron(x, a),
    }
    return simple[op]()


def run(document: dict, weights: dict, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Every node's value for inputs [N, T, C, H, W]."""
    values = {"input": inputs.astype(np.float32)}
    for node in document["nodes"]:
        values[node["name"]] = _evaluate(node, [values[i] for i in node["inputs"]], weights)
    return values
