"""`python -m pulvinar_search SPACE.toml --store S --budget N`: search a space with Optuna's samplers."""

import argparse
import json
import sys

from .errors import SearchError
from .optimise import SAMPLERS, search


def main() -> int:
    parser = argparse.ArgumentParser(prog="pulvinar_search", description=__doc__)
    parser.add_argument("space", help="the space, with objectives and [reference]")
    parser.add_argument("--store", required=True, help="folder of results; it is made if it is not there")
    parser.add_argument("--budget", type=int, required=True, help="different points to look at")
    parser.add_argument("--sampler", default="auto", help=f"{', '.join(SAMPLERS)}; auto is TPE up to 600 points")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sampler")
    parser.add_argument("--batch", type=int, default=8, help="points asked for at a time")
    parser.add_argument("--jobs", type=int, default=0, help="points evaluated at a time; 0 takes every core")
    parser.add_argument("--confirm", action="store_true", help="simulate the front that was found in closed form")
    parser.add_argument("-o", "--output", help="the log to write, a JSON line a point")
    parser.add_argument("--program", default="pulvinar", help="the pulvinar program")
    try:
        report = search(**vars(parser.parse_args()))
    except SearchError as e:
        print(e, file=sys.stderr)
        return 1
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
