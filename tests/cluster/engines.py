"""Engines on the hosts: how each is started there, and how a sweep is submitted to it."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from hosts import Hosts

ROOT = Path(__file__).resolve().parents[2]
SHARDS = 20


def wait(what: str, seconds: float, ready) -> None:
    start = time.monotonic()
    while not ready():
        if time.monotonic() - start > seconds:
            raise RuntimeError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


class Engine:
    """One engine on three hosts. The sweep is PLAN and S in the folder."""

    name = ""
    backend = ""

    def __init__(self, hosts: Hosts, folder: Path, pulvinar: str, python: str):
        self.hosts, self.folder, self.pulvinar, self.python = hosts, folder, pulvinar, python
        self.round = 0
        self.more: list[subprocess.Popen] = []

    @staticmethod
    def missing(python: str) -> str | None:
        """Why this engine cannot be tried here; none if it can."""
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def ask(self, *words: str) -> tuple[int, str]:
        """A command on the head."""
        return self.hosts.ask("h0", list(words), cwd=self.folder, env=self.environment())

    def submit_words(self) -> list[str]:
        plan = ["sweep", "submit", "PLAN", "--store", "S", "--backend", self.backend, "--shards", str(SHARDS)]
        return [self.pulvinar, *plan]

    def submit(self) -> str:
        code, said = self.ask(*self.submit_words())
        if code != 0:
            raise RuntimeError(f"submit: exit code {code}: {said}")
        return said

    def doctor(self) -> tuple[int, str] | None:
        return self.ask(self.pulvinar, "cluster", "doctor", "--backend", self.backend, "--store", ".")

    def close(self) -> None:
        for process in self.more:
            process.kill()
            process.wait()


class Wheel(Engine):
    """HyperQueue by its Python wheel alone."""

    name, backend = "wheel", "hq"

    @staticmethod
    def missing(python: str) -> str | None:
        probe = "import hyperqueue; assert hyperqueue.get_version() == 'v0.27.0'"
        done = subprocess.run([python, "-c", probe], capture_output=True, check=False)
        return None if done.returncode == 0 else f"{python} has no hyperqueue 0.27.0 (--python names another)"

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT / "python")}

    def start(self) -> None:
        self.round += 1
        head = self.folder / f"head{self.round}"
        own = [self.python, "-m", "pulvinar_cluster"]
        self.hosts.start("h0", [*own, "head", "--dir", str(head)], env=self.environment())
        wait("the head", 60, (head / "hq-current").exists)
        for name in ["h1", "h2"]:
            self.hosts.start(name, [*own, "worker", "--dir", str(head), "--cores", "1"], env=self.environment())

    def submit_words(self) -> list[str]:
        head = self.folder / f"head{self.round}"
        plan = ["submit", "PLAN", "--store", "S", "--backend", "hq", "--shards", str(SHARDS), "--dir", str(head)]
        return [self.python, "-m", "pulvinar_cluster", *plan, "--pulvinar", self.pulvinar]

    def doctor(self) -> None:
        return None


class Hq(Engine):
    """HyperQueue by its program."""

    name, backend = "hq", "hq"

    @staticmethod
    def missing(python: str) -> str | None:
        return None if shutil.which("hq") else "there is no program `hq` on PATH"

    def environment(self) -> dict[str, str]:
        return {**os.environ, "HQ_SERVER_DIR": str(self.folder / f"server{self.round}")}

    def start(self) -> None:
        self.round += 1
        self.hosts.start("h0", ["hq", "server", "start", "--host", "h0"], env=self.environment())
        wait("the server", 60, lambda: self.ask("hq", "server", "info")[0] == 0)
        for name in ["h1", "h2"]:
            words = ["hq", "worker", "start", "--cpus", "1", "--manager", "none"]
            self.hosts.start(name, words, env=self.environment())


CONFIG = """ClusterName=drill
SlurmctldHost=h0
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state{round}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmdSpoolDir={folder}/spool-%n
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
JobRequeue=1
MaxArraySize=16
NodeName=h[1-2] CPUs=1 State=UNKNOWN
PartitionName=drill Nodes=h[1-2] Default=YES MaxTime=INFINITE State=UP
"""


class Slurm(Engine):
    """Slurm with one controller and two nodes. Arrays hold 16 tasks, so the shards need two."""

    name, backend = "slurm", "slurm"

    @staticmethod
    def missing(python: str) -> str | None:
        tools = ["slurmctld", "slurmd", "sbatch", "scontrol", "munged"]
        lost = [tool for tool in tools if not shutil.which(tool)]
        if lost:
            return f"not installed: {', '.join(lost)} (Debian: slurm-wlm, munge)"
        if os.stat("/dev/null").st_mode & 0o777 != 0o666:
            return "/dev/null cannot be written by everyone, and munged needs that"
        return None

    def environment(self) -> dict[str, str]:
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def munge(self) -> None:
        """The daemon that signs messages; it listens on a file only."""
        folder = self.folder / "munge"
        folder.mkdir()
        key = folder / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        shutil.chown(key, "munge", "munge")
        shutil.chown(folder, "munge", "munge")
        folder.chmod(0o755)
        options = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        words = [f"--{option}={folder}/{file}" for option, file in options.items()]
        command = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged", "-F", "-f", *words]
        with (self.folder / "munged.log").open("w") as log:
            self.more.append(subprocess.Popen(command, stdout=log, stderr=log))
        wait("munged", 30, (folder / "socket").exists)

    def start(self) -> None:
        self.round += 1
        if self.round == 1:
            self.munge()
        (self.folder / f"state{self.round}").mkdir()
        (self.folder / "slurm.conf").write_text(CONFIG.format(folder=self.folder, round=self.round))
        self.hosts.start("h0", ["slurmctld", "-D"], env=self.environment())
        for name in ["h1", "h2"]:
            (self.folder / f"spool-{name}").mkdir(exist_ok=True)
            self.hosts.start(name, ["slurmd", "-D", "-N", name], env=self.environment())
        idle = ["sinfo", "--noheader", "--states=idle", "--format=%D"]
        wait("two nodes", 90, lambda: self.ask(*idle)[1].strip() == "2")


class HqOverSlurm(Slurm):
    """HyperQueue by its program; its workers are jobs that it asks Slurm for."""

    name, backend = "hqslurm", "hq"

    @staticmethod
    def missing(python: str) -> str | None:
        return Hq.missing(python) or Slurm.missing(python)

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "HQ_SERVER_DIR": str(self.folder / f"server{self.round}")}

    def start(self) -> None:
        super().start()
        self.hosts.start("h0", ["hq", "server", "start", "--host", "h0"], env=self.environment())
        wait("the server", 60, lambda: self.ask("hq", "server", "info")[0] == 0)
        queue = ["--time-limit", "10m", "--backlog", "2", "--max-worker-count", "2", "--cpus", "1"]
        code, said = self.ask("hq", "alloc", "add", "slurm", *queue, "--worker-start-cmd", "true")
        if code != 0:
            raise RuntimeError(f"hq alloc: exit code {code}: {said}")


ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (Wheel, Hq, Slurm, HqOverSlurm)}

if __name__ == "__main__":
    for engine in ENGINES.values():
        print(f"{engine.name:6} {engine.missing(sys.executable) or 'can be tried here'}")
