"""Neurons of published models that no framework ships as a module."""

import torch
from torch import nn


class _Fire(torch.autograd.Function):
    """Heaviside step (1 at >= 0); the gradient is that of a scaled arctangent."""

    @staticmethod
    def forward(ctx, x, width):
        ctx.save_for_backward(x)
        ctx.width = width
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        scaled = x * (torch.pi / 2 * ctx.width)
        return grad * (ctx.width / 2) / (1 + scaled * scaled), None


class MaSnnNeuron(nn.Module):
    """The neuron of the MA-SNN authors' code (BICLab/Attention-SNN, module/LIF.py).

    Per step, from h = 0:  u = h + x;  s = [u >= threshold];  h = alpha * (threshold if s else u).
    After a spike the membrane is set to the threshold and then decays, unlike a reset to zero.

    Input and output: [T, B, ...], the first axis is time. The output is 0 or 1.
    The state starts at zero in every call. `grad_width` shapes the surrogate gradient only.
    """

    def __init__(self, threshold: float = 0.3, alpha: float = 0.3, grad_width: float = 2.0):
        super().__init__()
        self.threshold = float(threshold)
        self.alpha = float(alpha)
        self.grad_width = float(grad_width)

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        h = torch.zeros_like(x_seq[0])
        spikes = []
        for x in x_seq:
            u = h + x
            s = _Fire.apply(u - self.threshold, self.grad_width)
            h = self.alpha * torch.where(s > 0, self.threshold, u)
            spikes.append(s)
        return torch.stack(spikes)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, alpha={self.alpha}"


class EveryStep(nn.Sequential):
    """Calls its modules, in order, on every step of [T, B, ...], from fresh states in every call.

    For frameworks whose neurons take one step at a time: snnTorch (`init_hidden=True`), whose modules keep their state,
    Norse's cells, which are handed it, and sinabs, whose layers take [B, T, ...] and are given one step.
    """

    def forward(self, x_seq: torch.Tensor) -> torch.Tensor:
        for module in self.modules():
            for name in ("reset_mem", "reset_states"):
                if callable(getattr(module, name, None)):
                    getattr(module, name)()
        steps, states = [], {}
        for x in x_seq:
            for path, module in self.named_children():
                if hasattr(module, "state_fallback"):
                    x, states[path] = module(x, states.get(path))
                elif type(module).__module__.startswith("sinabs."):
                    x = module(x.unsqueeze(1)).squeeze(1)
                else:
                    x = module(x)
                if not isinstance(x, torch.Tensor):
                    raise TypeError(f"{path} returns its state; set init_hidden=True and output=False")
            steps.append(x)
        return torch.stack(steps)
