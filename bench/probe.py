"""A probe that reads the seat map while the load is served: how long do the servers themselves take?

The load is one process, so its times have its own queue in them. The probe is another, and asks once at a time.
"""

from __future__ import annotations

import http.client
import multiprocessing
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from typing import Self
from urllib.parse import urlsplit

_EVERY = 0.2
_PROCESSES = multiprocessing.get_context("spawn")


@dataclass
class Samples:
    """Latencies in milliseconds."""

    answered: list[float] = field(default_factory=list[float])
    busy: list[float] = field(default_factory=list[float])
    """503 with Retry-After, or over the time limit of strangers."""
    wrong: list[str] = field(default_factory=list[str])


class Probe:
    """Asks while its block lasts; `samples` afterwards."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._over = _PROCESSES.Event()
        self._answers, ours = _PROCESSES.Pipe(duplex=False)
        self._process = _PROCESSES.Process(target=_sample, args=(url, headers, self._over, ours), daemon=True)
        self.samples = Samples()

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.samples = self._answers.recv()
        self._process.join()


def _sample(url: str, headers: dict[str, str], over: Event, answers: Connection) -> None:
    to = urlsplit(url)
    samples = Samples()
    connection = http.client.HTTPConnection(to.hostname or "", to.port, timeout=60)
    while not over.wait(_EVERY):
        start = time.perf_counter()
        try:
            connection.request("GET", f"{to.path}?{to.query}", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except (http.client.HTTPException, OSError) as error:
            samples.wrong.append(f"the probe: {type(error).__name__}")
            connection.close()
            continue
        took = (time.perf_counter() - start) * 1000
        if answer.status == 200:
            samples.answered.append(took)
        elif (answer.status == 503 and answer.headers["Retry-After"]) or b'"57014"' in body:
            samples.busy.append(took)
        else:
            samples.wrong.append(f"the probe: {answer.status}")
    answers.send(samples)
