"""The stack under the Realtime contract tests: any Supabase named by the environment, or one of their own.

Against a running one, SUPABASE_URL and SUPABASE_ANON_KEY are needed; SUPABASE_SERVICE_ROLE_KEY, DATABASE_URL and
JWT_SIGNING_KEY (a private ES256 JWK that the project trusts) each let more of the tests run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import psycopg
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dev.keys import Keys
from dev.postgres import ADMIN, EPHEMERAL, Cluster, PostgresError, RunningCluster

ROOT = Path(__file__).parents[2]
DEADLINE = 15.0
"""Seconds until something that must happen counts as not happening."""

# Log that is not flushed is not sent, so a commit has to flush here as it does in earnest.
_SETTINGS = {**EPHEMERAL, "synchronous_commit": "on"}

_POLICIES = """
create policy "anyone may follow showtimes" on realtime.messages for select to anon, authenticated
  using (extension = 'broadcast'
         and ((select realtime.topic()) like 'showtime:%' or (select realtime.topic()) like 'movie:%'));
create policy "members see each other" on realtime.messages for select to authenticated
  using ((select realtime.topic()) like 'room:%');
create policy "members send" on realtime.messages for insert to authenticated
  with check ((select realtime.topic()) like 'room:%');
create policy "people receive what is theirs" on realtime.messages for select to authenticated
  using (extension = 'broadcast' and (select realtime.topic()) = 'own:' || (select auth.uid()));
create policy "a policy that fails" on realtime.messages for select to authenticated
  using (case when (select realtime.topic()) = 'broken' then 1 / (length(extension) * 0) = 1 else false end);
"""


@dataclass(frozen=True)
class Stack:
    """A Supabase to talk to. `own` says that it is ours: with the policies above, and free to be broken."""

    url: str
    key: str
    service_key: str | None = None
    database_url: str | None = None
    signing_key: dict[str, Any] | None = None
    own: bool = False

    @property
    def endpoint(self) -> str:
        return f"{self.url}/realtime/v1"

    def brief_token(self) -> str:
        """A signed-in person's token that expires in one to two seconds."""
        return self.token(exp=math.ceil(time.time()) + 1)

    def token(self, key: dict[str, Any] | None = None, **claims: Any) -> str:
        """A signed-in person's token, good for five minutes; a claim given as None is left out."""
        signing_key = key or self.signing_key
        if signing_key is None:
            pytest.skip("JWT_SIGNING_KEY is not given")
        content = {"sub": str(uuid4()), "role": "authenticated", "exp": int(time.time()) + 300, **claims}
        content = {name: value for name, value in content.items() if value is not None}
        return jwt.encode(content, jwt.PyJWK(signing_key).key, algorithm="ES256", headers={"kid": signing_key["kid"]})

    def database(self) -> psycopg.Connection[Any]:
        """A connection that may call realtime.send."""
        if self.database_url is None:
            pytest.skip("DATABASE_URL is not given")
        return psycopg.connect(self.database_url)

    def send(self, topic: str, event: str = "seat:lock", payload: Any = None, private: bool = True) -> None:
        """One broadcast from the database, committed."""
        with self.database() as connection:
            send(connection, topic, event, payload, private)

    def must_be_own(self) -> None:
        if not self.own:
            pytest.skip("needs policies, or damage, that only a stack of our own allows")


def send(
    connection: psycopg.Connection[Any],
    topic: str,
    event: str = "seat:lock",
    payload: Any = None,
    private: bool = True,
) -> None:
    """One broadcast from the database, in the transaction of that connection."""
    body = json.dumps({"seat_ids": [1]} if payload is None else payload)
    connection.execute("select realtime.send(%s::jsonb, %s, %s, %s)", (body, event, topic, private))


def fresh(prefix: str = "showtime") -> str:
    """A topic that no other test listens to."""
    return f"{prefix}:{uuid4().int % 10**15}"


# The stack of our own


@dataclass
class OwnStack:
    """PostgreSQL and the Realtime server as processes, from start to finish."""

    folder: Path
    keys: Keys = field(default_factory=Keys.generate)
    stack: Stack = field(init=False)
    pid: int = field(init=False)
    """The server's process."""

    @contextlib.contextmanager
    def running(self) -> Generator[OwnStack]:
        self.cluster = Cluster(self.folder / "pg", free_port(), _SETTINGS)
        self._postgres = RunningCluster(self.cluster)
        with self._postgres:
            self.cluster.apply_supabase_shim()
            with psycopg.connect(self.cluster.url()) as connection:
                connection.execute(_POLICIES.encode())
            with self.server() as (self.stack, self.pid):
                yield self
        self.cluster.erase()

    @contextlib.contextmanager
    def server(self, **settings: object) -> Generator[tuple[Stack, int]]:
        """A Realtime server for the database, with further settings, and its process."""
        port = free_port()
        with self._log.open("a") as log:
            server = subprocess.Popen(
                [sys.executable, "-m", "dev.realtime"],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "REALTIME_PORT": str(port),
                    "DATABASE_URL": self.cluster.url("postgres", ADMIN),
                    "JWT_JWKS": self.keys.jwks,
                    **{name: str(value) for name, value in settings.items()},
                },
                stdout=log,
                stderr=log,
            )
        stack = Stack(
            url=f"http://127.0.0.1:{port}",
            key=self.keys.publishable,
            service_key=self.keys.service_role_jwt,
            database_url=self.cluster.url(),
            signing_key=json.loads(self.keys.signing_key),
            own=True,
        )
        try:
            poll(lambda: is_ready(stack), self.log)
            yield stack, server.pid
        finally:
            server.terminate()
            server.wait(20)

    @property
    def _log(self) -> Path:
        return self.folder / "realtime.log"

    def log(self) -> str:
        return self._log.read_text()

    def wait_until_ready(self, wanted: bool = True) -> None:
        poll(lambda: is_ready(self.stack) is wanted, lambda: f"ready is not {wanted}: {self.log()}")

    def kill_postgres(self) -> None:
        """Kill it as a power cut would, without a farewell to its clients."""
        pid = int((self.cluster.home / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        self._postgres.__exit__()

    def start_postgres(self) -> None:
        """Start it again; the orphans of the killed one may need a moment to go."""

        def start() -> bool:
            try:
                self._postgres.__enter__()
            except PostgresError:
                return False
            return True

        poll(start, lambda: "PostgreSQL does not come back")


def is_ready(stack: Stack) -> bool:
    """Ask the stand-in whether broadcasts from the database arrive."""
    try:
        return httpx.get(f"{stack.url}/health").status_code == 200
    except httpx.TransportError:
        return False


def poll(condition: Callable[[], object], complaint: Callable[[], str]) -> None:
    """Ask again and again, for what sends no event of its own."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session", name="own")
def own_stack() -> Generator[OwnStack]:
    """A stack of our own, which tests may break as long as they repair it."""
    if "SUPABASE_URL" in os.environ:
        pytest.skip("needs a stack of our own")
    # Not pytest's folder: another account runs PostgreSQL when we are root, and has to reach its data.
    folder = Path(tempfile.mkdtemp(prefix="frontrow-realtime-"))
    folder.chmod(0o755)
    try:
        with OwnStack(folder).running() as own:
            yield own
            assert "Traceback" not in own.log()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", name="stack")
def running_stack(request: pytest.FixtureRequest) -> Stack:
    """The Supabase under test."""
    if "SUPABASE_URL" not in os.environ:
        return request.getfixturevalue("own").stack
    signing_key = os.environ.get("JWT_SIGNING_KEY")
    return Stack(
        url=os.environ["SUPABASE_URL"].rstrip("/"),
        key=os.environ["SUPABASE_ANON_KEY"],
        service_key=os.environ.get("SUPABASE_SERVICE_ROLE_KEY"),
        database_url=os.environ.get("DATABASE_URL"),
        signing_key=json.loads(signing_key) if signing_key else None,
    )


# The wire


@dataclass(frozen=True)
class Message:
    """A frame from the server, of either protocol."""

    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: Any
    binary: bool = False


class Wire:
    """A WebSocket for bare frames, for what no client library would send."""

    def __init__(self, connection: ClientConnection, version: str) -> None:
        self.connection = connection
        self.version = version
        self._refs = 0
        self._joins: dict[str, str] = {}

    async def push(self, topic: str, event: str, payload: Any, join_ref: str | None = None) -> str:
        """Send a frame on a topic (without prefix); its reference."""
        self._refs += 1
        ref = str(self._refs)
        joined = join_ref or self._joins.get(topic)
        full = topic if topic == "phoenix" else f"realtime:{topic}"
        frame: Any = [joined, ref, full, event, payload]
        if self.version == "1.0.0":
            frame = {"topic": full, "event": event, "payload": payload, "ref": ref, "join_ref": joined}
        await self.connection.send(json.dumps(frame))
        return ref

    async def receive(self) -> Message:
        async with asyncio.timeout(DEADLINE):
            return read(self.version, await self.connection.recv())

    async def until(self, event: str, topic: str | None = None) -> Message:
        """The next message of that event; others before it are passed over."""
        while True:
            message = await self.receive()
            if message.event == event and topic in (None, message.topic.removeprefix("realtime:")):
                return message

    async def reply(self, ref: str) -> Any:
        """The payload of the reply to that reference, `{status, response}`."""
        while True:
            message = await self.receive()
            if message.event == "phx_reply" and message.ref == ref:
                return message.payload

    async def ask(self, topic: str, event: str, payload: Any) -> Any:
        return await self.reply(await self.push(topic, event, payload))

    async def heartbeat(self) -> None:
        """Returns once everything sent before has been dealt with and answered."""
        assert await self.ask("phoenix", "heartbeat", {}) == {"status": "ok", "response": {}}

    async def join(
        self,
        topic: str,
        /,
        token: str | None = None,
        private: bool = False,
        presence: dict[str, Any] | None = None,
        **broadcast: Any,
    ) -> Any:
        """Join; the payload of the reply."""
        self._joins[topic] = str(self._refs + 1)
        config = {
            "broadcast": {"ack": False, "self": False, **broadcast},
            "presence": presence or {"key": "", "enabled": False},
            "postgres_changes": [],
            "private": private,
        }
        return await self.ask(
            topic, "phx_join", {"config": config} | ({} if token is None else {"access_token": token})
        )

    async def joined(self, topic: str, /, *arguments: Any, **options: Any) -> None:
        reply = await self.join(topic, *arguments, **options)
        assert reply == {"status": "ok", "response": {"postgres_changes": []}}

    async def refused(self, topic: str, /, *arguments: Any, **options: Any) -> str:
        """Join in vain; the reason."""
        reply = await self.join(topic, *arguments, **options)
        assert reply["status"] == "error", reply
        return reply["response"]["reason"]

    async def broadcast(self, topic: str, event: str, payload: Any) -> str:
        return await self.push(topic, "broadcast", {"type": "broadcast", "event": event, "payload": payload})

    async def code(self) -> int:
        """The code that the server closes the socket with."""
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(DEADLINE):
                while True:
                    await self.connection.recv()
        code = self.connection.close_code
        assert code is not None
        return code


def read(version: str, data: str | bytes) -> Message:
    """A frame from the server, read by the protocol and by nothing of the server's own."""
    if isinstance(data, bytes):
        assert version == "2.0.0"
        kind, topic_size, event_size, meta_size, encoding = data[:5]
        assert kind == 4
        topic, event = 5 + topic_size, 5 + topic_size + event_size
        meta, body = data[event : event + meta_size], data[event + meta_size :]
        payload: Any = {"type": "broadcast", "event": data[topic:event].decode()}
        payload["payload"] = json.loads(body) if encoding == 1 else body
        if meta:
            payload["meta"] = json.loads(meta)
        return Message(None, None, data[5:topic].decode(), "broadcast", payload, binary=True)
    content = json.loads(data)
    if version == "1.0.0":
        assert set(content) == {"topic", "event", "payload", "ref"}
        return Message(None, content["ref"], content["topic"], content["event"], content["payload"])
    return Message(*content)


@contextlib.asynccontextmanager
async def wire(stack: Stack, version: str = "2.0.0", key: str | None = None) -> AsyncGenerator[Wire]:
    url = stack.endpoint.replace("http", "ws", 1)
    address = f"{url}/websocket?apikey={key or stack.key}&vsn={version}"
    async with connect(address, max_size=None, compression=None, ping_interval=None) as connection:
        yield Wire(connection, version)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 120))
