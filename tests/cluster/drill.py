"""Drills of sweeps on a cluster of three hosts: a worker is killed midway, or everything. Run on request, as root:

python3 tests/cluster/drill.py wheel-worker     # or wheel-all; and the same with hq, slurm, hqslurm
python3 tests/cluster/drill.py                  # all eight

Every point must be in the store once, with the content of an undisturbed run. What cannot be tried is said.
"""

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engines import ENGINES, ROOT, SHARDS, Engine, wait
from hosts import NAMES, Hosts, unfit

SPACE = """
name = "drill"
[set]
model = "ma-snn-tcsa"
input.count = 2
input.simulate = 2
[keys]
core.lanes = { from = 1, to = 12 }
core.queue_events = [1, 8, 16, 32, 64]
core.state_kib = [1, 16]
"""
POINTS = 120
PATIENCE_S = 400


class Sweep:
    """A plan and a store in a folder, looked at from outside the hosts."""

    def __init__(self, pulvinar: str, folder: Path):
        self.pulvinar, self.folder = pulvinar, folder
        (folder / "SPACE.toml").write_text(SPACE)
        self.run("explore", "plan", "SPACE.toml", "-o", "PLAN", "--no-pilot")

    def run(self, *words: str, codes: tuple[int, ...] = (0,)) -> dict:
        command = [self.pulvinar, "--quiet", "--json", *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode in codes, f"{words}: exit code {done.returncode}: {done.stderr}"
        return json.loads(done.stdout)

    def known(self) -> int:
        """Points with a row."""
        if not (self.folder / "S" / "schema.json").exists():
            return 0
        summary = self.run("sweep", "status", "PLAN", "--store", "S", codes=(0, 4))
        return summary["points"] - summary["missing"]

    def wait(self, wanted: int) -> int:
        start = time.monotonic()
        while (known := self.known()) < wanted:
            waited = time.monotonic() - start
            assert waited < PATIENCE_S, f"{known} of {wanted} points after {waited:.0f} s"
            time.sleep(0.1)
        return known

    def rows(self, store: str) -> list[dict]:
        self.run("store", "export", store, "-o", "rows.jsonl")
        return [json.loads(line) for line in (self.folder / "rows.jsonl").read_text().splitlines()]

    def unsealed(self) -> set[str]:
        """Hosts of shards that have rows and go on."""
        hosts = set()
        for path in (self.folder / "S" / "seg").glob("*.jsonl"):
            # It may be sealed and gone meanwhile.
            with contextlib.suppress(FileNotFoundError):
                whole = [line for line in path.read_text().splitlines(True) if line.endswith("\n")]
                hosts |= {json.loads(line)["facts"]["host"] for line in whole}
        return hosts

    def content(self, store: str) -> list[str]:
        """Rows without what may differ from run to run, sorted."""
        free = {"wall_s", "cpu_s", "host", "attempt"}
        kept = ({k: v for k, v in row.items() if k not in free} for row in self.rows(store))
        return sorted(json.dumps(row, sort_keys=True) for row in kept)

    def verdict(self) -> str:
        """Holds that every point is there once and as it should be; what was seen."""
        check = self.run("store", "check", "S")
        assert (check["keys"], check["run_twice"]) == (POINTS, 0), check
        self.run("sweep", "run", "PLAN", "--store", "whole", "--jobs", "2")
        assert self.content("S") == self.content("whole"), "the content is not that of an undisturbed run"
        rows = self.rows("S")
        hosts = {name: sum(row["host"] == name for row in rows) for name in NAMES}
        attempts = len({row["attempt"] for row in rows})
        assert hosts["h1"] > 0 and hosts["h2"] > 0 and hosts["h0"] == 0, f"rows by host: {hosts}"
        status = {s: sum(row["status"] == s for row in rows) for s in ("ok", "infeasible")}
        return (
            f"{check['keys']} points once ({status['ok']} ok, {status['infeasible']} infeasible), content as of an "
            f"undisturbed run; computed twice: {check['run_twice']}; rows of h1 {hosts['h1']}, of h2 {hosts['h2']}, by "
            f"{attempts} processes for {SHARDS} shards; torn lines left: {check['torn']}"
        )


def begin(engine: Engine, sweep: Sweep) -> None:
    """Submits, and waits until a fifth of the points are there and a shard of h1 is in its midst."""
    engine.submit()
    sweep.wait(POINTS // 5)
    wait("a shard of h1 with a row", PATIENCE_S, lambda: "h1" in sweep.unsealed())


def kill_worker(engine: Engine, sweep: Sweep) -> str:
    begin(engine, sweep)
    killed = engine.hosts.kill("h1")
    known = sweep.known()
    assert known < POINTS, "the sweep was over before anything was killed"
    sweep.wait(POINTS)
    return f"{killed} processes of h1 killed after {known} of {POINTS} points; {sweep.verdict()}"


def kill_everything(engine: Engine, sweep: Sweep) -> str:
    begin(engine, sweep)
    killed = sum(engine.hosts.kill(name) for name in NAMES)
    before = {row["key"]: row["attempt"] for row in sweep.rows("S")}
    assert len(before) < POINTS, "the sweep was over before everything was killed"
    engine.start()
    said = engine.submit()
    sweep.wait(POINTS)
    after = {row["key"]: row["attempt"] for row in sweep.rows("S")}
    kept = sum(after[key] == attempt for key, attempt in before.items())
    assert kept == len(before), f"{len(before) - kept} points were computed again"
    return (
        f"{killed} processes killed after {len(before)} of {POINTS} points, which were all kept; started again: "
        f"{said.splitlines()[0]}; {sweep.verdict()}"
    )


DRILLS = {"worker": kill_worker, "all": kill_everything}


def run(name: str, pulvinar: str, python: str) -> bool:
    """One drill; true unless it fails."""
    engine_name, what = name.split("-")
    kind = ENGINES[engine_name]
    reason = unfit() or kind.missing(python)
    if reason:
        print(f"{name}: not tested here: {reason}", flush=True)
        return True
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pulvinar-drill-") as text:
        folder = Path(text)
        # Daemons that are not root's have to reach their files in it.
        folder.chmod(0o755)
        sweep = Sweep(pulvinar, folder)
        with Hosts(folder) as hosts:
            engine = kind(hosts, folder, pulvinar, python)
            try:
                engine.start()
                examined = engine.doctor()
                if examined:
                    print("  doctor: " + examined[1].strip().replace("\n", "\n  doctor: "), flush=True)
                    assert examined[0] == 0, "the doctor found a fault"
                seen = DRILLS[what](engine, sweep)
            except (AssertionError, RuntimeError, subprocess.TimeoutExpired) as fault:
                print(f"{name}: FAILED: {fault}", flush=True)
                for log in sorted(folder.glob("*.log")):
                    print(f"--- {log.name}\n{log.read_text()[-2000:]}", flush=True)
                return False
            finally:
                engine.close()
    print(f"{name}: passed in {time.monotonic() - start:.0f} s: {seen}", flush=True)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [f"{engine}-{what}" for what in DRILLS for engine in ENGINES]
    parser.add_argument("drills", nargs="*", metavar="DRILL", help=", ".join(names))
    parser.add_argument("--pulvinar", default=str(ROOT / "target" / "release" / "pulvinar"), help="the program")
    parser.add_argument("--python", default=sys.executable, help="a Python with hyperqueue==0.27.0, for the wheel")
    args = parser.parse_args()
    unknown = [drill for drill in args.drills if drill not in names]
    if unknown:
        parser.error(f"there is no drill {', '.join(unknown)}; there are {', '.join(names)}")
    # Hosts and daemons end with the drill, also if it is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    pulvinar = str(Path(args.pulvinar).resolve())
    if not Path(pulvinar).is_file():
        parser.error(f"{pulvinar} is missing: cargo build --release, or give --pulvinar")
    return 0 if all([run(name, pulvinar, args.python) for name in args.drills or names]) else 1


if __name__ == "__main__":
    sys.exit(main())
