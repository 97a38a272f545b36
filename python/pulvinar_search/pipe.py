"""`pulvinar explore search --sampler pipe`: proposals out, answers in, a line of JSON each (docs/explore.md)."""

import json
import subprocess
from dataclasses import dataclass

from .errors import SearchError


@dataclass(frozen=True)
class Answer:
    """What came of a proposal. `unit`: objectives to minimise, 0 ideal, 1 the reference; None without metrics."""

    digits: tuple[int, ...]
    status: str
    number: int | None = None
    key: str | None = None
    unit: tuple[float, ...] | None = None
    hypervolume: float | None = None

    @staticmethod
    def of(line: dict) -> "Answer":
        unit = line.get("unit")
        return Answer(
            digits=tuple(line["digits"]),
            status=line["status"],
            number=line.get("number"),
            key=line.get("key"),
            unit=None if unit is None else tuple(unit),
            hypervolume=line.get("hypervolume"),
        )


class Pipe:
    """A running search that waits for proposals."""

    def __init__(self, command: list[str]):
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
        except OSError as e:
            raise SearchError(f"cannot start `{command[0]}`: {e}; give the path of the program") from e
        self.head = self._line()

    def _line(self):
        text = self.process.stdout.readline()
        if not text:
            self._failed()
        return json.loads(text)

    def _end(self) -> str:
        """What is left to read; the program may have written it together with its last answer."""
        self.process.stdin.close()
        text = self.process.stdout.read()
        self.said = self.process.stderr.read().strip()
        self.process.wait()
        return text

    def _failed(self):
        self._end()
        raise SearchError(self.said or f"the search ended with exit code {self.process.returncode}")

    def ask(self, points: list[tuple[int, ...]]) -> list[Answer]:
        """Answers to proposals, in order of their keys, those that the constraints refuse last."""
        try:
            self.process.stdin.write(json.dumps(points) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            self._failed()
        return [Answer.of(line) for line in self._line()]

    def close(self) -> dict:
        """Ends the search; its report."""
        text = self._end()
        if self.process.returncode not in (0, 75):
            raise SearchError(self.said or f"the search ended with exit code {self.process.returncode}")
        return json.loads(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
