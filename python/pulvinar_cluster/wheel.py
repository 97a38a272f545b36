"""HyperQueue's wheel: a head, workers on other hosts, and the job of a sweep.

The wheel can start a server in its own process and add workers to that server, in the same process. A worker reads
where its server is from the link `hq-current` in a folder. So a process on another host starts a server of its own,
which stays idle, points its link to that of the head, and adds a worker: it joins the head. This is how version 0.27.0
works, and no documented interface; hence the exact version.
"""

import os
import signal
import tempfile
import threading
from pathlib import Path

from .errors import ClusterError

WHEEL = "0.27.0"
CRASH_LIMIT = 5
LOOK_EVERY_S = 2.0


def engine():
    """The module `hyperqueue`, of the version that this file knows."""
    try:
        import hyperqueue
    except ImportError:
        raise ClusterError(
            "HyperQueue's wheel is not installed", f"pip install hyperqueue=={WHEEL}, or use another back end"
        ) from None
    found = hyperqueue.get_version().removeprefix("v")
    if found != WHEEL:
        raise ClusterError(
            f"this is HyperQueue {found}, and this package knows {WHEEL}", f"pip install hyperqueue=={WHEEL}"
        )
    return hyperqueue


def current(folder: Path) -> Path | None:
    """What the link of a head leads to; none if there is no head."""
    link = folder / "hq-current"
    return link.resolve() if link.exists() else None


def _until_told(ends) -> None:
    """Waits for SIGINT or SIGTERM, or until `ends()` says why there is nothing to wait for; that is an error."""
    told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    while not told.wait(LOOK_EVERY_S):
        ends()


def head(folder: Path, cores: int) -> None:
    """Runs a server, with a worker if `cores` is above 0, until it is told to end."""
    hyperqueue = engine()
    folder.mkdir(parents=True, exist_ok=True)
    # Whoever can read the access record can run commands as this user.
    folder.chmod(0o700)
    with hyperqueue.LocalCluster(server_dir=str(folder)) as cluster:
        if cores > 0:
            cluster.start_worker(_cores(hyperqueue, cores))
        print(f"head of HyperQueue {WHEEL}: {folder}", flush=True)
        _until_told(lambda: None)


def worker(folder: Path, cores: int) -> None:
    """Joins a head and works for it until it is told to end or the head is gone."""
    hyperqueue = engine()
    record = current(folder)
    if record is None:
        raise ClusterError(f"there is no head in {folder}", "start one: python -m pulvinar_cluster head --dir DIR")
    _connect(hyperqueue, folder)
    with tempfile.TemporaryDirectory(prefix="pulvinar-worker-") as own:
        cluster = hyperqueue.LocalCluster(server_dir=own)
        link = Path(own) / "hq-current"
        link.unlink()
        link.symlink_to(record)
        cluster.start_worker(_cores(hyperqueue, cores))
        print(f"worker with {cores} cores: {folder}", flush=True)
        _until_told(lambda: _is_there(hyperqueue, folder, record))
        # Its own server has had no job; the process ends with its worker.
    os._exit(0)


def _is_there(hyperqueue, folder: Path, record: Path) -> None:
    if current(folder) != record:
        raise ClusterError("another head has taken the place of this worker's", "start the worker again")
    _connect(hyperqueue, folder)


def _connect(hyperqueue, folder: Path):
    if current(folder) is None:
        raise ClusterError(f"there is no head in {folder}", "start one: python -m pulvinar_cluster head --dir DIR")
    try:
        return hyperqueue.Client(folder)
    except Exception as error:  # The wheel raises its own kinds of error from another language.
        words = str(error).strip().splitlines()
        raise ClusterError(
            f"the head of {folder} does not answer: {words[0] if words else 'no reason given'}",
            "start it again: python -m pulvinar_cluster head --dir DIR",
        ) from None


def _cores(hyperqueue, cores: int):
    return hyperqueue.cluster.WorkerConfig(cores=cores)


def submit(folder: Path, facts: dict, wait: bool) -> str:
    """Submits the tasks that `pulvinar sweep submit --dry-run` names as one job; its id, after its end with `wait`."""
    from hyperqueue.ffi.protocol import ResourceRequest
    from hyperqueue.output import StdioDef

    hyperqueue = engine()
    client = _connect(hyperqueue, folder)
    log = Path(facts["log"])
    log.mkdir(exist_ok=True)
    # By default the first failing task would end the job.
    job = hyperqueue.Job(default_workdir=facts["folder"], max_fails=None, name=facts["name"])
    for shard in facts["shards"]:
        job.program(
            facts["command"],
            env={facts["variable"]: str(shard)},
            stdout=None,
            stderr=StdioDef.remove_if_finished(str(log / f"hq-{shard}.txt")),
            name=f"shard {shard}",
            resources=ResourceRequest(cpus=facts["cpus"]),
            crash_limit=CRASH_LIMIT,
        )
    submitted = client.submit(job)
    if wait:
        # Tasks that fail are told by the store.
        client.wait_for_jobs([submitted], raise_on_error=False)
    return str(submitted.id)
