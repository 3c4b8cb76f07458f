"""Somebody who looks at the map while a crowd is served: how long do the servers themselves let people wait?

The crowd is one process, so its times have its own queue in them. This one asks alone, once at a time.
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
class Seen:
    """Latencies in milliseconds."""

    answered: list[float] = field(default_factory=list[float])
    busy: list[float] = field(default_factory=list[float])
    """503 with Retry-After."""
    wrong: list[str] = field(default_factory=list[str])


class Probe:
    """Asks while its block lasts; `seen` afterwards."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._over = _PROCESSES.Event()
        self._answers, ours = _PROCESSES.Pipe(duplex=False)
        self._process = _PROCESSES.Process(target=_ask, args=(url, headers, self._over, ours), daemon=True)
        self.seen = Seen()

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.seen = self._answers.recv()
        self._process.join()


def _ask(url: str, headers: dict[str, str], over: Event, answers: Connection) -> None:
    to = urlsplit(url)
    seen = Seen()
    connection = http.client.HTTPConnection(to.hostname or "", to.port, timeout=60)
    while not over.wait(_EVERY):
        start = time.perf_counter()
        try:
            connection.request("GET", f"{to.path}?{to.query}", headers=headers)
            answer = connection.getresponse()
            answer.read()
        except (http.client.HTTPException, OSError) as error:
            seen.wrong.append(f"a passer-by: {type(error).__name__}")
            connection.close()
            continue
        took = (time.perf_counter() - start) * 1000
        if answer.status == 200:
            seen.answered.append(took)
        elif answer.status == 503 and answer.headers["Retry-After"]:
            seen.busy.append(took)
        else:
            seen.wrong.append(f"a passer-by: {answer.status}")
    answers.send(seen)
