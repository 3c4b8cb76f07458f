"""A customer's calls as the page makes them, each timed, by a client that costs as little as it can."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import aiohttp

from backend.settings import Settings
from backend.tokens import Person, Tokens
from dev.config import LocalConfig
from dev.keys import Keys
from dev.services import backend_environment

Json = dict[str, Any]


@dataclass
class Counters:
    """Counts over all customers: latencies in milliseconds by call, and refusals by their code."""

    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refusals: Counter[str] = field(default_factory=Counter[str])


class RefusedError(Exception):
    """The answer was a refusal."""

    def __init__(self, status: int, code: str, retry_after: str | None) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.retry_after = status, code, retry_after


class UnansweredError(Exception):
    """The connection broke, or no answer came within a minute."""


class Customer:
    """The calls of one browser. `http` may be shared, the token is the customer's own."""

    def __init__(
        self, http: aiohttp.ClientSession, config: LocalConfig, keys: Keys, counters: Counters, token: str
    ) -> None:
        self._http, self._config, self._keys, self._counters, self.token = http, config, keys, counters, token

    async def sign_in(self, email: str, password: str) -> None:
        """Sign in at Flask."""
        url = f"{self._config.api_url}/api/auth/login"
        answer = await self._ask("sign in", "POST", url, json={"email": email, "password": password})
        self.token = answer["access_token"]

    async def read(self, function: str, **arguments: object) -> Json:
        """Call a reading SQL function through the Data API, as pages do: by GET."""
        query = "&".join(f"{name}={value}" for name, value in arguments.items())
        url = f"{self._config.supabase_url}/rest/v1/rpc/{function}?{query}"
        return await self._ask(function, "GET", url, headers=self._data_headers())

    async def rpc(self, function: str, **arguments: object) -> Json:
        """Call a SQL function through the Data API."""
        url = f"{self._config.supabase_url}/rest/v1/rpc/{function}"
        return await self._ask(function, "POST", url, json=arguments, headers=self._data_headers())

    async def create_intent(self, booking: Json) -> Json:
        """Create the payment intent at Flask."""
        url = f"{self._config.api_url}/api/payments/create-intent"
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self._ask("create-intent", "POST", url, json={"booking_id": booking["id"]}, headers=headers)

    async def pay(self, intent: Json, card: str = "pm_card_visa") -> str:
        """Confirm at Stripe, as the card form does; return the intent's status, or `declined`."""
        url = f"{self._config.stripe_url}/v1/payment_intents/{intent['payment_intent_id']}/confirm"
        form = {
            "payment_method": card,
            "client_secret": intent["client_secret"],
            "return_url": self._config.app_url,
            "key": self._keys.stripe_publishable,
        }
        try:
            return str((await self._ask("pay at Stripe", "POST", url, data=form))["status"])
        except RefusedError as refused:
            if refused.status == 402:
                return "declined"
            raise

    async def status(self, booking: Json) -> str:
        """Read a booking's status, as its owner does."""
        return str((await self.read("my_booking", booking_id=booking["id"]))["status"])

    def _data_headers(self) -> dict[str, str]:
        return {"apikey": self._keys.publishable, "Authorization": f"Bearer {self.token}"}

    async def _ask(self, what: str, method: str, url: str, **request: Any) -> Any:
        """Send one request and time it. Raises RefusedError for an answer that is no success, UnansweredError."""
        start = time.perf_counter()
        try:
            async with self._http.request(method, url, **request) as response:
                body = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnansweredError(f"no answer to {what}: {type(error).__name__}") from error
        took = (time.perf_counter() - start) * 1000
        if response.status < 400:
            self._counters.latencies[what].append(took)
            return body
        refused = cast(Json, body) if isinstance(body, dict) else {}
        code = str(refused.get("message") or refused.get("error", {}).get("code") or "?")
        status, retry_after = response.status, response.headers.get("Retry-After")
        if refused.get("code") == "57014":  # over its role's time limit, which pages take for busy
            status, code, retry_after = 503, "busy", "1"
        refusal = f"{status} {code}"
        self._counters.latencies[refusal if status == 503 else what].append(took)
        self._counters.refusals[refusal] += 1
        raise RefusedError(status, code, retry_after)


def session() -> aiohttp.ClientSession:
    """Open a session without a limit on connections. None is kept for longer than any server keeps it."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=2), timeout=aiohttp.ClientTimeout(total=60)
    )


def access_tokens(config: LocalConfig, keys: Keys, user_ids: Iterable[str]) -> list[str]:
    """Sign the tokens that these people would get by signing in; they last 15 minutes."""
    tokens = Tokens.of(Settings.from_environment(backend_environment(config, keys)))
    return [tokens.access_token(Person(UUID(each), "somebody@example.com", "", "customer")) for each in user_ids]
