"""What PostgREST pays to verify a token that it has not seen, by the kind of its signature."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm

from bench.dataset import CUSTOMERS
from bench.figures import Figure, Run, median
from bench.stack import BenchStack, user_id
from bench.wrk import Request, load
from dev.config import free_ports
from dev.services import postgrest

_CLIENTS = 16
_ROUNDS = 3


@dataclass(frozen=True)
class _Signature:
    """A kind of signature, the key that signs, and the key that PostgREST is given as a JWK."""

    algorithm: str
    key: Any
    jwk: Mapping[str, Any]

    def token(self, number: int) -> str:
        """Sign a token for a customer, as long as an access token, and never the same."""
        now = int(time.time())
        claims = {"sub": user_id(1 + number % CUSTOMERS), "role": "authenticated", "aud": "authenticated", "iat": now}
        claims |= {"exp": now + 900, "session_id": str(uuid4()), "email": "somebody@example.com"}
        return jwt.encode(claims, self.key, self.algorithm, headers={"kid": self.algorithm})


def _signatures() -> list[_Signature]:
    elliptic, edwards = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    secret = os.urandom(32)
    return [
        _Signature("ES256", elliptic, ECAlgorithm.to_jwk(elliptic.public_key(), as_dict=True)),
        _Signature("EdDSA", edwards, OKPAlgorithm.to_jwk(edwards.public_key(), as_dict=True)),
        _Signature("HS256", secret, HMACAlgorithm.to_jwk(secret, as_dict=True)),
    ]


def by_signature(bench: BenchStack, seconds: int) -> Iterator[Figure]:
    """Measure a call that costs the database next to nothing, with tokens seen before and new ones of each kind."""
    signatures = _signatures()
    runs: dict[str, list[Run]] = {}
    with _postgrest(bench, signatures) as url:
        for _ in range(_ROUNDS):
            seen = [signatures[0].token(number) for number in range(100)]
            _call(url, seen, 1, again=True)
            runs.setdefault("seen", []).append(_call(url, seen, seconds, again=True))
            for signature in signatures:
                new = [signature.token(number) for number in range(4_000 * seconds)]
                runs.setdefault(signature.algorithm, []).append(_call(url, new, seconds, again=False))
    for signature in signatures:
        name = f"PostgREST, new {signature.algorithm} tokens, {_CLIENTS} clients"
        yield Figure(name, median(runs[signature.algorithm]), median(runs["seen"]), "tokens seen before")


def _call(url: str, tokens: list[str], seconds: int, *, again: bool) -> Run:
    requests = (Request("GET", "/rpc/server_time", token) for token in tokens)
    return load(url, "", requests, clients=_CLIENTS, seconds=seconds, again=again).run


@contextmanager
def _postgrest(bench: BenchStack, signatures: list[_Signature]) -> Generator[str]:
    """Run another PostgREST at the same database, which knows all these keys."""
    config, (port, admin) = bench.stack.config, free_ports(2)
    service = postgrest(config, bench.stack.keys, bench.stack.cluster)
    keys = [{**each.jwk, "alg": each.algorithm, "kid": each.algorithm} for each in signatures]
    settings = {"PGRST_JWT_SECRET": json.dumps({"keys": keys}), "PGRST_JWT_CACHE_MAX_LIFETIME": "600"}
    settings |= {"PGRST_SERVER_PORT": str(port), "PGRST_ADMIN_SERVER_PORT": str(admin)}
    environment = {**os.environ, **service.environment, **settings}
    with subprocess.Popen(
        service.command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(100):
                time.sleep(0.1)
                try:
                    if httpx.get(f"http://127.0.0.1:{admin}/ready").is_success:
                        break
                except httpx.TransportError:
                    continue
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
