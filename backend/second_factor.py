"""The second factor: set up and removed by who is signed in, and asked for at sign-in where one is confirmed.

A right password is then answered with a challenge instead of a session: a token that is good for five minutes, for this
alone, and while the password stays the same. Challenge and code together open the session. Every attempt is counted by
the database before anything is compared, by the database's clock. No code and no secret is ever logged.
"""

from __future__ import annotations

import logging
from hashlib import sha256
from hmac import compare_digest
from uuid import UUID

from flask import Blueprint, Response, jsonify

from backend import schemas, totp
from backend.answers import SecondFactorCheck, User
from backend.client_address import client_address
from backend.database import Database
from backend.errors import ApiError
from backend.passwords import Passwords
from backend.qr_codes import qr_code
from backend.request_body import read_json
from backend.sessions import PATH, Sessions
from backend.tokens import CHALLENGE_SECONDS, Challenge, TokenError, Tokens
from backend.totp import SecretBox, SecretError

_log = logging.getLogger(__name__)


class SecondFactor:
    """Compares codes, for sign-ins and for those who remove a factor."""

    def __init__(self, database: Database, tokens: Tokens, secret_box: SecretBox) -> None:
        self._database = database
        self._tokens = tokens
        self._secret_box = secret_box

    def challenge(self, user: User, password_hash: str) -> Response:
        """Answer a right password where the account asks for a code as well."""
        token = self._tokens.challenge(Challenge(UUID(user["id"]), _fingerprint(password_hash)))
        return jsonify(schemas.SecondFactorChallenge(challenge=token, expires_in=CHALLENGE_SECONDS).model_dump())

    def sign_in(self, address: str) -> tuple[User, str]:
        """Return whose challenge and code the request has, and the hash of their password; the code is used up. Raises
        sign_in_expired, invalid_code, too_many_attempts."""
        body = read_json(schemas.SecondFactorSignIn)
        _require_one(body)
        try:
            challenge = self._tokens.read_challenge(body.challenge)
        except TokenError:
            raise ApiError("sign_in_expired") from None
        check = self._database.begin_second_factor_check(challenge.user_id, address)
        # A password that was changed meanwhile ends what the old one began; so does a factor that was removed.
        password_hash = check and check["password_hash"]
        if not check or not password_hash or not check["is_confirmed"] or not _is_of(challenge, password_hash):
            raise ApiError("sign_in_expired")
        self.use(check, body, address)
        return check["user"], password_hash

    def use(self, check: SecondFactorCheck, proof: schemas.SecondFactorProof, address: str) -> None:
        """Use up the code or recovery code of somebody whose attempt was counted. Raises invalid_code."""
        user_id = UUID(check["user"]["id"])
        if proof.recovery_code is not None:
            code_hash = totp.recovery_code_hash(user_id, proof.recovery_code)
            used = self._database.use_recovery_code(user_id, address, code_hash)
        else:
            secret = check["secret"] or ""
            step = self.step(check, proof.code or "")
            used = step is not None and self._database.use_second_factor(user_id, address, secret, step)
        if not used:
            raise ApiError("invalid_code")
        if proof.recovery_code is not None:
            _log.info("a recovery code was used", extra={"user_id": str(user_id)})

    def step(self, check: SecondFactorCheck, code: str) -> int | None:
        """Return the time step of somebody's code; None where it is wrong."""
        try:
            secret = self._secret_box.open(UUID(check["user"]["id"]), check["secret"] or "")
        except SecretError:
            # SECOND_FACTOR_KEY lost a key too early, or somebody moved rows about.
            _log.error("no key opens the secret of a second factor")
            raise ApiError("internal") from None
        return totp.matching_step(secret, code, check["checked_at"])


def blueprint(
    factor: SecondFactor, sessions: Sessions, database: Database, passwords: Passwords, secret_box: SecretBox
) -> Blueprint:
    """The three addresses under /api/auth/second-factor of who is signed in."""
    second_factor = Blueprint("second_factor", __name__, url_prefix=f"{PATH}/second-factor")

    def begin_check(user_id: UUID, session_id: UUID) -> SecondFactorCheck:
        """Raises session_ended, too_many_attempts."""
        check = database.begin_second_factor_check(user_id, client_address(), session_id)
        if check is None:
            raise ApiError("session_ended")
        return check

    def require_password(check: SecondFactorCheck, password: str) -> None:
        """Raises invalid_credentials, also for a guest, who has no password."""
        if not passwords.matches(password, check["password_hash"]):
            raise ApiError("invalid_credentials")

    @second_factor.post("/begin")
    def begin() -> Response:  # pyright: ignore[reportUnusedFunction]
        session_id, user_id = sessions.signed_in()
        body = read_json(schemas.Password)
        check = begin_check(user_id, session_id)
        require_password(check, body.password)
        if check["is_confirmed"]:
            raise ApiError("second_factor_exists")
        secret = totp.new_secret()
        database.begin_second_factor(user_id, session_id, client_address(), secret_box.seal(user_id, secret))
        uri = totp.uri(secret, check["user"]["email"] or "")
        answer = schemas.SecondFactorSecret(secret=totp.as_typed(secret), uri=uri, qr=qr_code(uri))
        return jsonify(answer.model_dump())

    @second_factor.post("/confirm")
    def confirm() -> Response:  # pyright: ignore[reportUnusedFunction]
        session_id, user_id = sessions.signed_in()
        body = read_json(schemas.SecondFactorCode)
        check = begin_check(user_id, session_id)
        if check["is_confirmed"]:
            raise ApiError("second_factor_exists")
        if check["secret"] is None:
            raise ApiError("no_second_factor")
        step = factor.step(check, body.code)
        if step is None:
            raise ApiError("invalid_code")
        codes = totp.new_recovery_codes()
        hashes = [totp.recovery_code_hash(user_id, code) for code in codes]
        database.confirm_second_factor(user_id, session_id, client_address(), check["secret"], step, hashes)
        _log.info("a second factor was confirmed", extra={"user_id": str(user_id)})
        return jsonify(schemas.RecoveryCodes(recovery_codes=codes).model_dump())

    @second_factor.post("/remove")
    def remove() -> Response:  # pyright: ignore[reportUnusedFunction]
        session_id, user_id = sessions.signed_in()
        body = read_json(schemas.SecondFactorRemoval)
        _require_one(body)
        check = begin_check(user_id, session_id)
        require_password(check, body.password)
        if not check["is_confirmed"]:
            raise ApiError("no_second_factor")
        factor.use(check, body, client_address())
        database.remove_second_factor(user_id)
        _log.info("a second factor was removed", extra={"user_id": str(user_id)})
        return Response(status=204)

    return second_factor


def rotate_keys(database: Database, secret_box: SecretBox) -> tuple[int, int]:
    """Encrypt all secrets with the first key; return how many are, and how many no key opens."""
    resealed = unreadable = 0
    for row in database.second_factor_secrets():
        try:
            secret = secret_box.reseal(row["secret"])
        except SecretError:
            unreadable += 1
        else:
            # One that is replaced meanwhile was encrypted by a process that has the new key first.
            resealed += database.replace_second_factor_secret(row["user_id"], row["secret"], secret)
    return resealed, unreadable


def _require_one(proof: schemas.SecondFactorProof) -> None:
    """Refuse both kinds of code at once, and none."""
    if (proof.code is None) == (proof.recovery_code is None):
        raise ApiError("invalid_request", {"code": "must be there, or else recovery_code"})


def _fingerprint(password_hash: str) -> str:
    """Name a password by its salted hash, without telling anything of either."""
    return sha256(password_hash.encode()).hexdigest()


def _is_of(challenge: Challenge, password_hash: str) -> bool:
    return compare_digest(challenge.password, _fingerprint(password_hash))
