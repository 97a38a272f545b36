"""Hosts on one machine: network and host-name namespaces joined by a bridge in one more namespace.

Entered by nsenter and unshare: `ip netns exec` mounts /sys anew and hides the control groups, without which slurmd does
not start.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

NAMES = ["h0", "h1", "h2"]


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def unfit() -> str | None:
    """Why there can be no hosts here; none if there can."""
    if os.geteuid() != 0:
        return "namespaces need root"
    name = f"pulv{os.getpid()}x"
    try:
        run("ip", "netns", "add", name)
        try:
            run("nsenter", f"--net=/run/netns/{name}", "unshare", "--uts", "--mount", "hostname", "probe")
        finally:
            run("ip", "netns", "del", name)
    except (RuntimeError, OSError) as error:
        return f"no namespaces: {error}"
    return None


class Hosts:
    """h0, h1 and h2; every process in them ends with the block."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.mark = f"pulv{os.getpid()}"
        self.started: list[subprocess.Popen] = []
        (folder / "hosts").write_text(
            "127.0.0.1 localhost\n" + "".join(f"10.77.0.{i + 1} {name}\n" for i, name in enumerate(NAMES))
        )

    def net(self, name: str) -> str:
        return f"{self.mark}{name}"

    def __enter__(self) -> "Hosts":
        try:
            self.join()
        except RuntimeError:
            self.__exit__()
            raise
        return self

    def join(self) -> None:
        bridge = self.net("br")
        run("ip", "netns", "add", bridge)
        run("ip", "-n", bridge, "link", "add", "name", "bridge0", "type", "bridge")
        run("ip", "-n", bridge, "link", "set", "bridge0", "up")
        for i, name in enumerate(NAMES):
            net = self.net(name)
            run("ip", "netns", "add", net)
            run(
                "ip", "-n", bridge, "link", "add", "name", f"v{i}", "type", "veth", "peer", "name", "eth0", "netns", net
            )
            run("ip", "-n", bridge, "link", "set", f"v{i}", "master", "bridge0", "up")
            run("ip", "-n", net, "addr", "add", f"10.77.0.{i + 1}/24", "dev", "eth0")
            run("ip", "-n", net, "link", "set", "eth0", "up")
            run("ip", "-n", net, "link", "set", "lo", "up")

    def __exit__(self, *_) -> None:
        made = [name for name in [*NAMES, "br"] if Path(f"/run/netns/{self.net(name)}").exists()]
        for name in made:
            self.kill(name)
        for process in self.started:
            process.wait()
        for name in made:
            run("ip", "netns", "del", self.net(name))

    def command(self, name: str, words: list[str]) -> list[str]:
        enter = f'mount --bind {self.folder}/hosts /etc/hosts && hostname {name} && exec "$@"'
        space = ["nsenter", f"--net=/run/netns/{self.net(name)}", "unshare", "--uts", "--mount"]
        return [*space, "sh", "-c", enter, "sh", *words]

    def start(self, name: str, words: list[str], **more) -> subprocess.Popen:
        """Starts a process that stays; what it says is in a file."""
        path = self.folder / f"{name}-{Path(words[0]).name}-{len(self.started)}.log"
        with path.open("w") as log:
            out = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": subprocess.STDOUT}
            process = subprocess.Popen(self.command(name, words), **out, **more)
        self.started.append(process)
        return process

    def ask(self, name: str, words: list[str], timeout: float = 120, **more) -> tuple[int, str]:
        """Exit code and words of a process that ends."""
        done = subprocess.run(
            self.command(name, words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **more,
        )
        return done.returncode, done.stdout + done.stderr

    def pids(self, name: str) -> list[int]:
        return [int(pid) for pid in run("ip", "netns", "pids", self.net(name)).split()]

    def kill(self, name: str) -> int:
        """SIGKILL for every process of a host; how many there were."""
        killed = set()
        for _ in range(100):
            pids = self.pids(name)
            if not pids:
                break
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                killed.add(pid)
            for process in self.started:
                process.poll()
            time.sleep(0.02)
        return len(killed)
