"""The port to the human check: asks the provider, Turnstile or hCaptcha, what the token of its widget is worth.

Both speak one protocol. A token is good once and for some minutes; a provider that does not answer, or that our keys
are wrong for, is never taken for a yes.
"""

from __future__ import annotations

import logging
import re
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

import httpx

from backend.errors import UnavailableError
from backend.settings import Settings

_log = logging.getLogger(__name__)

# Short: a gunicorn thread that waits serves no request.
_TIMEOUT: Final = httpx.Timeout(5.0, connect=3.0)
_OUR_FAULT: Final = frozenset(
    ("missing-input-secret", "invalid-input-secret", "sitekey-secret-mismatch", "not-using-dummy-passcode")
)
_THEIR_FAULT: Final = frozenset(("internal-error",))
_CODE: Final = re.compile(r"[a-z-]{1,60}")


class HumanCheck(Protocol):
    """The one question. Raises UnavailableError where there is no answer that counts."""

    def passed(self, token: str, address: str | None) -> bool:
        """Say if the token proves a check on our page; `address` is the visitor's."""
        ...


class Siteverify:
    """A provider's siteverify endpoint, or whatever speaks its protocol at HUMAN_CHECK_VERIFY_URL."""

    def __init__(self, settings: Settings, transport: httpx.BaseTransport | None = None) -> None:
        self._url = settings.human_check_verify_url
        self._fields = {"secret": settings.human_check_secret_key or ""}
        self._hosts: frozenset[str | None] | None = None
        if settings.human_check == "hcaptcha":
            # Its own word is that nobody is to rely on the host name; the site key binds a token to us instead.
            self._fields["sitekey"] = settings.human_check_site_key or ""
        else:
            self._hosts = frozenset(urlsplit(origin).hostname for origin in settings.allowed_origins)
        self._http = httpx.Client(timeout=_TIMEOUT, transport=transport)

    @classmethod
    def of(cls, settings: Settings) -> Siteverify | None:
        """Return the provider that the settings name; None where the check is off."""
        return cls(settings) if settings.human_check else None

    def passed(self, token: str, address: str | None) -> bool:
        """As HumanCheck says."""
        answer = self._ask({**self._fields, "response": token, **({"remoteip": address} if address else {})})
        if answer.get("success") is not True:
            return self._refused(answer.get("error-codes"))
        if self._hosts is not None and answer.get("hostname") not in self._hosts:
            _log.warning("a human check was passed on another host")
            return False
        return True

    def _ask(self, fields: dict[str, str]) -> dict[str, Any]:
        try:
            response = self._http.post(self._url, data=fields)
            answer: object = response.json()
        except (httpx.HTTPError, ValueError) as error:
            _log.error("the human check's provider does not answer", extra={"error": type(error).__name__})
            raise UnavailableError("the human check's provider does not answer") from error
        known = cast(dict[str, Any], answer) if isinstance(answer, dict) else {}
        if response.status_code >= 500 or not isinstance(known.get("success"), bool):
            _log.error("unexpected answer of the human check's provider", extra={"status": response.status_code})
            raise UnavailableError("the human check's provider does not answer")
        return known

    def _refused(self, said: object) -> bool:
        """Return False for a token that is worth nothing. Raises UnavailableError where the token is not why."""
        listed = cast(list[object], said) if isinstance(said, list) else []
        codes = [code for code in listed if isinstance(code, str) and _CODE.fullmatch(code)][:5]
        if _OUR_FAULT & {*codes}:
            _log.error("the human check's keys are wrong", extra={"provider_codes": codes})
        elif not _THEIR_FAULT & {*codes}:
            _log.info("a human check was refused", extra={"provider_codes": codes})
            return False
        raise UnavailableError("the human check's provider verifies nothing")
