"""`python -m pulvinar_cluster`: head, worker and submit."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import wheel
from .errors import ClusterError

BACKENDS = ["hq"]


def pulvinar(program: str, *words: str, codes: tuple[int, ...] = (0,)) -> str:
    """What `pulvinar` prints; its own words and exit code if it fails."""
    if shutil.which(program) is None:
        raise ClusterError(f"there is no program `{program}`", "put pulvinar on PATH, or give --pulvinar PATH")
    done = subprocess.run([program, "--quiet", "--json", *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in codes:
        sys.exit(done.returncode)
    return done.stdout


def submit(args: argparse.Namespace) -> int:
    if args.backend not in BACKENDS:
        raise ClusterError(
            f"there is no back end `{args.backend}` here", "use hq, or `pulvinar sweep submit` for local and slurm"
        )
    wheel.engine()
    # Makes the store, and sees that it can be written; no point is begun.
    pulvinar(args.pulvinar, "sweep", "run", args.plan, "--store", args.store, "--limit", "0s", codes=(0, 3, 75))
    plan = ["sweep", "submit", args.plan, "--store", args.store, "--shards", str(args.shards), "--jobs", str(args.jobs)]
    for flag in ("limit", "timeout", "retry"):
        plan += [f"--{flag}", getattr(args, flag)] if getattr(args, flag) else []
    facts = json.loads(pulvinar(args.pulvinar, *plan, "--backend", "local", "--dry-run"))
    if not facts["shards"]:
        print("no point is missing; nothing is submitted")
        return 0
    job = wheel.submit(args.dir, facts, args.wait)
    shards, missing = len(facts["shards"]), facts["missing"]
    print(f"submitted {shards} of {args.shards} shards with {missing} missing points to hq: job {job}")
    print(f"watch:  pulvinar sweep status {args.plan} --store {args.store} --watch")
    print("When it has ended, the same command submits what is still missing.")
    return 0


def absolute(text: str) -> Path:
    """A path as the engine keeps it in links that are read from elsewhere."""
    return Path(text).resolve()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pulvinar_cluster", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    for name, cores, run in (
        ("head", 0, lambda a: wheel.head(a.dir, a.cores)),
        ("worker", 1, lambda a: wheel.worker(a.dir, a.cores)),
    ):
        verb = verbs.add_parser(name, help=getattr(wheel, name).__doc__)
        verb.add_argument("--dir", type=absolute, required=True, help="folder of the head, seen by every host")
        verb.add_argument("--cores", type=int, default=cores, help=f"cores of its worker (default {cores})")
        verb.set_defaults(run=run)
    verb = verbs.add_parser("submit", help="submit the shards that miss points")
    verb.add_argument("plan")
    verb.add_argument("--store", required=True)
    verb.add_argument("--backend", default="hq")
    verb.add_argument("--shards", type=int, required=True)
    verb.add_argument("--jobs", type=int, default=1, help="points at a time, and cores, of a shard")
    verb.add_argument("--dir", type=absolute, required=True, help="folder of the head")
    verb.add_argument("--limit", help="begin no point after this time, in every shard")
    verb.add_argument("--timeout", help="most time of a point")
    verb.add_argument("--retry", help="crash, timeout or both with a comma")
    verb.add_argument("--wait", action="store_true", help="return after the end of the job")
    verb.add_argument("--pulvinar", default="pulvinar", help="the program, under a path that every host knows")
    verb.set_defaults(run=submit)
    return parser.parse_args()


def main() -> int:
    args = arguments()
    try:
        return args.run(args) or 0
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of the engine may not end by themselves.
    os._exit(code)
