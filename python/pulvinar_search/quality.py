"""Hypervolume of samplers at equal budget, medians over seeds.

python -m pulvinar_search.quality SPACE.toml --store S --budget 200 --samplers random,nsga2,tpe
python -m pulvinar_search.quality --dtlz2 target/release/examples/dtlz2 --budget 600 --samplers tpe
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from .errors import SearchError
from .optimise import drive, search
from .pipe import Answer, Pipe

# Those that the program has itself; others are Optuna's.
OWN = ("random", "sobol", "nsga2")


def curve(args, sampler: str, seed: int) -> list[float]:
    """Hypervolume after every point."""
    volumes: list[float] = []

    def watch(answer: Answer):
        volumes.append(answer.hypervolume)

    if args.dtlz2:
        with Pipe([args.dtlz2, "pipe", str(args.budget)]) as pipe:
            ideal = drive(pipe, sampler, args.budget, seed, args.batch, watch)["ideal"]
        return [v / ideal for v in volumes]
    if sampler not in OWN:
        options = {"seed": seed, "batch": args.batch, "program": args.program, "watch": watch}
        search(args.space, args.store, args.budget, sampler=sampler, **options)
        return volumes
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        command = [args.program, "--quiet", "--json", "explore", "search", args.space, "--store", args.store]
        command += ["--budget", str(args.budget), "--sampler", sampler, "--seed", str(seed), "-o", str(log)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise SearchError(done.stderr.strip())
        return [json.loads(line)["hypervolume"] for line in log.read_text().splitlines()]


def main() -> int:
    parser = argparse.ArgumentParser(prog="pulvinar_search.quality", description=__doc__.splitlines()[0])
    parser.add_argument("space", nargs="?", help="a space")
    parser.add_argument("--store", help="its store")
    parser.add_argument("--dtlz2", help="the example program `dtlz2`, in place of a space: shares of the ideal")
    parser.add_argument("--budget", type=int, default=600)
    parser.add_argument("--samplers", default="random,nsga2,tpe")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8, help="points asked for at a time from Optuna")
    parser.add_argument("--program", default="pulvinar", help="the pulvinar program")
    args = parser.parse_args()
    if not args.dtlz2 and not (args.space and args.store):
        parser.error("give a space and its --store, or --dtlz2")
    after = [args.budget // 4, args.budget // 2, args.budget]
    print(f"{'points':10}" + "".join(f"{n:<28}" for n in after))
    for sampler in args.samplers.split(","):
        try:
            curves = [curve(args, sampler, seed) for seed in range(1, args.seeds + 1)]
        except SearchError as e:
            print(e, file=sys.stderr)
            return 1
        cells = []
        for n in after:
            # A space that is used up earlier keeps what it has.
            values = [c[min(n, len(c)) - 1] for c in curves]
            cells.append(f"{statistics.median(values):.4f} ({min(values):.4f} to {max(values):.4f})")
        print(f"{sampler:10}" + "".join(f"{c:<28}" for c in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
