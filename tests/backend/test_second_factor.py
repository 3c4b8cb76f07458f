"""The second factor from the first scan to the last code: Flask over the functions of a real database."""

from __future__ import annotations

import base64
import hmac
import io
import os
import re
import struct
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend import logs
from backend.app import create_app
from backend.database import Database
from backend.error_codes import ErrorCode
from backend.errors import ApiError
from backend.passwords import Passwords
from backend.qr_codes import qr_code
from backend.second_factor import rotate_keys
from backend.settings import Settings
from backend.tokens import Ticket, TokenError, Tokens
from backend.totp import SecretBox
from dev.keys import Keys
from dev.postgres import ADMIN, Cluster
from tests.backend.ports import FakeStripe
from tests.cinema import CinemaFixture, Json, Refused

PASSWORD = "correct horse battery"
WRONG = "wrong horse battery"


class DirectDataApi:
    """Calls the functions as the Data API would, with the secret key."""

    def __init__(self, cinema: CinemaFixture) -> None:
        self._cinema = cinema

    def call(self, function: str, arguments: Mapping[str, object], *, idempotent: bool) -> object:
        del idempotent
        try:
            return self._cinema.call_service(function, **arguments)
        except Refused as refused:
            raise ApiError(cast(ErrorCode, refused.code), refused.details) from None


class Person:
    """Somebody with a browser, an account and, later, an authenticator app of their own making."""

    def __init__(self, app: Flask, cinema: CinemaFixture) -> None:
        self.app, self.cinema = app, cinema
        self.client: FlaskClient = app.test_client()
        self.email = f"{uuid.uuid4().hex[:12]}@example.com"
        self.token = ""
        self.secret = ""
        self.codes: list[str] = []
        body = {"email": self.email, "password": PASSWORD, "full_name": "Ada Lovelace"}
        self.keep(self.post("/register", body))
        self.id = uuid.UUID(self.claims["sub"])

    def post(self, path: str, body: Json | None = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.client.post(f"/api/auth{path}", json=body, headers=headers)

    def keep(self, answer: TestResponse) -> None:
        assert answer.status_code in (200, 201), answer.text
        self.token = answer.get_json()["access_token"]

    @property
    def claims(self) -> Json:
        return jwt.decode(self.token, options={"verify_signature": False})

    def begin(self, password: str = PASSWORD) -> TestResponse:
        return self.post("/second-factor/begin", {"password": password})

    def set_up(self) -> None:
        """Scan, and show a first code. The next one is a step later."""
        self.secret = self.begin().get_json()["secret"]
        answer = self.post("/second-factor/confirm", {"code": self.code()})
        assert answer.status_code == 200, answer.text
        self.codes = answer.get_json()["recovery_codes"]
        self.cinema.advance("30 seconds")

    def code(self, steps: int = 0) -> str:
        """Return what the app shows so many steps from now: RFC 6238 once more, by the standard library alone."""
        now: int = self.cinema.value("select extract(epoch from private.now())::bigint")
        digest = hmac.digest(base64.b32decode(self.secret), struct.pack(">Q", now // 30 + steps), "sha1")
        offset = digest[-1] & 15
        (number,) = struct.unpack(">I", digest[offset : offset + 4])
        return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"

    def wrong_code(self) -> str:
        """Return a code that is none of those that would be taken."""
        taken = {self.code(steps) for steps in range(-2, 3)}
        return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555") if code not in taken)

    def login(self, password: str = PASSWORD, email: str | None = None) -> TestResponse:
        body = {"email": email or self.email, "password": password}
        return self.app.test_client().post("/api/auth/login", json=body)

    def challenge(self) -> str:
        return self.login().get_json()["challenge"]

    def answer(self, challenge: str | None = None, **proof: object) -> TestResponse:
        return self.post("/second-factor", {"challenge": challenge or self.challenge(), **proof})


def refusal(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["message"]


@pytest.fixture
def frozen(cinema: CinemaFixture) -> CinemaFixture:
    """A cinema whose clock stands, so that no step passes unseen."""
    cinema.freeze()
    return cinema


@pytest.fixture
def start(settings: Settings, frozen: CinemaFixture, passwords: Passwords) -> Callable[..., Flask]:
    """Start an app over the database, with other settings if need be."""

    def app(settings: Settings = settings) -> Flask:
        database = Database(DirectDataApi(frozen))
        return create_app(settings, stripe=FakeStripe(), database=database, passwords=passwords)

    return app


@pytest.fixture
def app(start: Callable[..., Flask]) -> Flask:
    return start()


@pytest.fixture
def ada(app: Flask, frozen: CinemaFixture) -> Person:
    return Person(app, frozen)


@pytest.fixture
def protected(ada: Person) -> Person:
    """Ada with a second factor."""
    ada.set_up()
    return ada


@pytest.fixture
def lines() -> Iterator[Callable[[], str]]:
    """Return what is logged, at the finest level."""
    stream = io.StringIO()
    logs.configure("DEBUG", stream)
    yield stream.getvalue
    logs.configure("INFO")


# Setting up -----------------------------------------------------------------------------------------------------------


def test_an_app_gets_the_secret_by_camera_or_by_hand(ada: Person) -> None:
    answer = ada.begin()
    assert answer.status_code == 200
    body = answer.get_json()
    assert len(body["secret"]) == 32
    assert f"secret={body['secret']}" in body["uri"]
    assert body["qr"] == qr_code(body["uri"]).model_dump()
    assert answer.headers["Cache-Control"] == "no-store"
    assert ada.begin().get_json()["secret"] != body["secret"]


def test_setting_up_asks_for_the_password_again(ada: Person, frozen: CinemaFixture) -> None:
    assert refusal(ada.begin(WRONG)) == (401, "invalid_credentials")
    frozen.owner.execute("delete from private.credentials")  # as a guest has none
    assert refusal(ada.begin()) == (401, "invalid_credentials")
    assert frozen.rows("select * from private.second_factors") == []


@pytest.mark.parametrize("path", ["begin", "confirm", "remove"])
def test_changes_are_for_who_is_signed_in(app: Flask, ada: Person, path: str) -> None:
    body = {"password": PASSWORD, "code": "123456"}
    headers = {"Authorization": f"Bearer {ada.token}x"}
    for answer in (
        app.test_client().post(f"/api/auth/second-factor/{path}", json=body),
        app.test_client().post(f"/api/auth/second-factor/{path}", json=body, headers=headers),
    ):
        assert refusal(answer) == (401, "sign_in_required")


def test_a_session_that_has_ended_changes_nothing(ada: Person) -> None:
    assert ada.post("/logout").status_code == 204
    assert refusal(ada.begin()) == (401, "session_ended")
    assert refusal(ada.post("/second-factor/confirm", {"code": "123456"})) == (401, "session_ended")
    assert refusal(ada.post("/second-factor/remove", {"password": PASSWORD, "code": "1"})) == (401, "session_ended")


def test_nothing_is_asked_for_before_a_code_was_right(ada: Person) -> None:
    assert refusal(ada.post("/second-factor/confirm", {"code": "123456"})) == (409, "no_second_factor")
    ada.secret = ada.begin().get_json()["secret"]
    assert refusal(ada.post("/second-factor/confirm", {"code": ada.wrong_code()})) == (422, "invalid_code")
    assert "access_token" in ada.login().get_json()
    answer = ada.post("/second-factor/confirm", {"code": f" {ada.code()[:3]} {ada.code()[3:]} "})
    assert len(answer.get_json()["recovery_codes"]) == 10
    assert "access_token" not in ada.login().get_json()


def test_a_factor_is_set_up_once(protected: Person) -> None:
    assert refusal(protected.begin()) == (409, "second_factor_exists")
    again = protected.post("/second-factor/confirm", {"code": protected.code()})
    assert refusal(again) == (409, "second_factor_exists")
    assert protected.answer(code=protected.code()).status_code == 200


def test_setting_up_signs_all_other_browsers_out(ada: Person) -> None:
    other = ada.app.test_client()
    assert other.post("/api/auth/login", json={"email": ada.email, "password": PASSWORD}).status_code == 200
    ada.set_up()
    assert refusal(other.post("/api/auth/refresh")) == (401, "session_ended")
    ada.keep(ada.post("/refresh"))
    assert (ada.claims["aal"], ada.claims["amr"]) == ("aal2", ["pwd", "otp"])


# Signing in -----------------------------------------------------------------------------------------------------------


def test_a_password_alone_opens_no_session(protected: Person, frozen: CinemaFixture) -> None:
    before = frozen.value("select count(*) from private.sessions")
    answer = protected.login()
    body = answer.get_json()
    assert (answer.status_code, set(body)) == (200, {"second_factor", "challenge", "expires_in"})
    assert (body["second_factor"], body["expires_in"]) == (True, 300)
    assert answer.headers.getlist("Set-Cookie") == []
    assert frozen.value("select count(*) from private.sessions") == before


def test_password_and_code_open_a_session_that_says_so(protected: Person) -> None:
    answer = protected.answer(code=protected.code())
    protected.keep(answer)
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert "HttpOnly" in cookie
    assert (protected.claims["aal"], protected.claims["amr"]) == ("aal2", ["pwd", "otp"])
    protected.keep(protected.post("/refresh"))
    assert (protected.claims["aal"], protected.claims["amr"]) == ("aal2", ["pwd", "otp"])


def test_without_a_factor_a_session_says_that_too(ada: Person) -> None:
    ada.keep(ada.login())
    assert (ada.claims["aal"], ada.claims["amr"]) == ("aal1", ["pwd"])


@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (-1, 200), (0, 200), (1, 200), (2, 422)])
def test_a_phones_clock_may_be_a_step_off(protected: Person, frozen: CinemaFixture, steps: int, status: int) -> None:
    frozen.advance("5 minutes")
    assert protected.answer(code=protected.code(steps)).status_code == status


def test_a_code_counts_once(protected: Person) -> None:
    code = protected.code()
    assert protected.answer(code=code).status_code == 200
    assert refusal(protected.answer(code=code)) == (422, "invalid_code")
    assert refusal(protected.answer(code=protected.code(-1))) == (422, "invalid_code")
    assert protected.answer(code=protected.code(1)).status_code == 200


def test_the_code_that_set_it_up_signs_nobody_in(ada: Person) -> None:
    ada.set_up()
    assert refusal(ada.answer(code=ada.code(-1))) == (422, "invalid_code")


def test_a_recovery_code_counts_once_in_place_of_a_code(protected: Person, frozen: CinemaFixture) -> None:
    first, second = protected.codes[:2]
    assert protected.answer(recovery_code=first).status_code == 200
    assert refusal(protected.answer(recovery_code=first)) == (422, "invalid_code")
    assert protected.answer(recovery_code=second.replace("-", " ").lower()).status_code == 200
    other = Person(protected.app, frozen)
    other.set_up()
    assert refusal(other.answer(recovery_code=protected.codes[2])) == (422, "invalid_code")


def test_a_code_of_somebody_else_is_wrong(protected: Person, frozen: CinemaFixture) -> None:
    other = Person(protected.app, frozen)
    other.set_up()
    if other.code() not in {protected.code(steps) for steps in (-1, 0, 1)}:  # one in three hundred thousand
        assert refusal(protected.answer(code=other.code())) == (422, "invalid_code")


@pytest.mark.parametrize(
    "code", ["x", "12345", "1234567", "\u0661\u0662\u0663\u0664\u0665\u0666", "-00001", "1e5", "      "]
)
def test_odd_codes_are_wrong_and_counted(protected: Person, frozen: CinemaFixture, code: str) -> None:
    assert refusal(protected.answer(code=code)) == (422, "invalid_code")
    assert frozen.value("select count(*) from private.rate_limit_hits where starts_with(key, 'second_factor:')") == 1


@pytest.mark.parametrize(
    "proof",
    [
        {},
        {"code": None},
        {"code": "123456", "recovery_code": "ABCD"},
        {"code": 123456},
        {"code": ""},
        {"code": "1" * 33},
    ],
)
def test_it_takes_one_code_of_one_kind(protected: Person, frozen: CinemaFixture, proof: Json) -> None:
    assert refusal(protected.answer(**proof)) == (400, "invalid_request")
    assert frozen.value("select count(*) from private.rate_limit_hits where starts_with(key, 'second_factor:')") == 0


def test_a_guest_is_taken_over_once_the_code_is_right(protected: Person, frozen: CinemaFixture) -> None:
    """The guest's access token goes with both steps; the right password alone moves nothing."""
    browser = protected.app.test_client()
    token = browser.post("/api/auth/guest").get_json()["access_token"]
    headers, claims = {"Authorization": f"Bearer {token}"}, jwt.decode(token, options={"verify_signature": False})
    held = frozen.lock(frozen.caller("authenticated", claims["sub"]), 0)
    ada = frozen.caller("authenticated", protected.id)

    def holds() -> Json:
        return frozen.value("select private.selection_json(%s, %s, private.now())", [frozen.showtime_id, ada.user_id])

    login = {"email": protected.email, "password": PASSWORD}
    challenge = browser.post("/api/auth/login", json=login, headers=headers).get_json()["challenge"]
    assert holds()["seat_ids"] == []
    proof = {"challenge": challenge, "code": protected.code()}
    assert browser.post("/api/auth/second-factor", json=proof, headers=headers).status_code == 200
    assert holds() == held


# The challenge --------------------------------------------------------------------------------------------------------


def test_a_challenge_lives_five_minutes(protected: Person, settings: Settings) -> None:
    read = Tokens.of(settings).read_challenge(protected.challenge())
    for age, status in ((301, 401), (299, 200)):
        token = Tokens.of(settings, lambda age=age: time.time() - age).challenge(read)
        answer = protected.answer(token, code=protected.code())
        assert answer.status_code == status
        if status == 401:
            assert refusal(answer) == (401, "sign_in_expired")


def test_a_challenge_is_no_access_token_and_the_other_way_round(protected: Person, settings: Settings) -> None:
    tokens, challenge = Tokens.of(settings), protected.challenge()
    for reader in (tokens.user_id, tokens.session, tokens.read_ticket):
        with pytest.raises(TokenError):
            reader(challenge)
    claims = jwt.decode(challenge, options={"verify_signature": False})
    assert not {"role", "sub"} & set(claims), "the Data API takes its bearer for nobody"
    ticket = tokens.ticket(Ticket(uuid.uuid4(), "ABCD2345", 1))
    for other in (protected.token, ticket, "a.b.c", "x"):
        assert refusal(protected.answer(other, code=protected.code())) == (401, "sign_in_expired")
    protected.token = challenge
    assert refusal(protected.begin()) == (401, "sign_in_required")


def test_a_challenge_of_another_key_is_none(protected: Person, settings: Settings) -> None:
    read = Tokens.of(settings).read_challenge(protected.challenge())
    forger = Tokens.of(settings.model_copy(update={"jwt_signing_key": None, "jwt_secret": "x" * 32}))
    assert refusal(protected.answer(forger.challenge(read), code=protected.code())) == (401, "sign_in_expired")


def test_a_changed_password_ends_the_challenges_of_the_old_one(
    protected: Person, frozen: CinemaFixture, passwords: Passwords
) -> None:
    challenge = protected.challenge()
    frozen.owner.execute("update private.credentials set password_hash = %s", [passwords.hash(PASSWORD)])
    assert refusal(protected.answer(challenge, code=protected.code())) == (401, "sign_in_expired")
    assert protected.answer(code=protected.code()).status_code == 200


def test_a_challenge_names_no_password_and_no_hash(
    protected: Person, settings: Settings, frozen: CinemaFixture
) -> None:
    challenge = Tokens.of(settings).read_challenge(protected.challenge())
    assert challenge.user_id == protected.id
    stored = frozen.value("select password_hash from private.credentials")
    assert len(challenge.password) == 64
    assert challenge.password not in stored
    assert stored not in challenge.password


@pytest.mark.parametrize("gone", ["factor", "account"])
def test_a_challenge_ends_with_what_it_is_about(protected: Person, frozen: CinemaFixture, gone: str) -> None:
    challenge = protected.challenge()
    table = "private.second_factors" if gone == "factor" else "public.users"
    frozen.owner.execute(f"delete from {table} where true".encode())
    assert refusal(protected.answer(challenge, code=protected.code())) == (401, "sign_in_expired")


def test_a_wrong_password_is_answered_alike_with_a_factor_and_without(
    protected: Person, frozen: CinemaFixture, passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Person(protected.app, frozen)
    verified: list[str] = []
    verify = passwords._hasher.verify

    def counted(_self: object, stored: str, password: str) -> bool:
        verified.append(stored)
        return verify(stored, password)

    monkeypatch.setattr(type(passwords._hasher), "verify", counted)
    seen = []
    for email in (protected.email, plain.email, "nobody@example.com"):
        answer = protected.login(WRONG, email)
        assert refusal(answer) == (401, "invalid_credentials")
        headers = [each for each in answer.headers if each[0] != "X-Request-Id"]
        seen.append((answer.data, headers, len(verified)))
        verified.clear()
    assert seen[0] == seen[1] == seen[2]


# Limits ---------------------------------------------------------------------------------------------------------------


def test_the_sixth_code_waits_even_if_it_is_right(protected: Person, frozen: CinemaFixture) -> None:
    challenge = protected.challenge()
    for _ in range(5):
        assert refusal(protected.answer(challenge, code=protected.wrong_code())) == (422, "invalid_code")
    for proof in ({"code": protected.code()}, {"recovery_code": protected.codes[0]}):
        answer = protected.answer(challenge, **proof)
        assert refusal(answer) == (429, "too_many_attempts")
        assert answer.headers["Retry-After"] == "900"
    frozen.advance("15 minutes")
    assert protected.answer(code=protected.code()).status_code == 200


def test_a_right_code_clears_the_wrong_ones_before_it(protected: Person, frozen: CinemaFixture) -> None:
    for _ in range(3):
        challenge = protected.challenge()
        for _ in range(4):
            assert refusal(protected.answer(challenge, code=protected.wrong_code())) == (422, "invalid_code")
        assert protected.answer(challenge, code=protected.code()).status_code == 200
        frozen.advance("30 seconds")


def test_guesses_at_the_password_of_an_open_session_are_limited(ada: Person) -> None:
    for _ in range(5):
        assert refusal(ada.begin(WRONG)) == (401, "invalid_credentials")
    assert refusal(ada.begin()) == (429, "too_many_attempts")


def test_passwords_without_codes_use_up_the_limit_on_sign_ins(protected: Person) -> None:
    """What failed is cleared by the session, not by the password: it may be in the wrong hands."""
    for _ in range(10):
        assert "challenge" in protected.login().get_json()
    assert refusal(protected.login()) == (429, "too_many_attempts")


# Removing -------------------------------------------------------------------------------------------------------------


def test_removing_needs_the_password_and_a_code(protected: Person) -> None:
    def remove(password: str, **proof: str) -> TestResponse:
        return protected.post("/second-factor/remove", {"password": password, **proof})

    code = protected.code()
    assert refusal(remove(WRONG, code=code)) == (401, "invalid_credentials")
    assert refusal(remove(PASSWORD, code=protected.wrong_code())) == (422, "invalid_code")
    assert refusal(remove(PASSWORD)) == (400, "invalid_request")
    assert "challenge" in protected.login().get_json()
    assert remove(PASSWORD, code=code).status_code == 204
    assert "access_token" in protected.login().get_json()
    assert refusal(remove(PASSWORD, code=protected.code(1))) == (409, "no_second_factor")
    protected.keep(protected.post("/refresh"))
    assert protected.claims["aal"] == "aal1"


def test_who_has_lost_the_app_removes_it_by_a_recovery_code(protected: Person) -> None:
    body = {"password": PASSWORD, "recovery_code": protected.codes[0]}
    assert protected.post("/second-factor/remove", body).status_code == 204
    assert protected.begin().status_code == 200


# Staff ----------------------------------------------------------------------------------------------------------------


def test_staff_have_their_powers_once_they_have_proven_a_factor(ada: Person, frozen: CinemaFixture) -> None:
    frozen.owner.execute("update public.users set role = 'staff', email_verified_at = private.now() where true")
    ada.keep(ada.login())
    assert ada.claims["app_metadata"] == {"role": "staff"}
    frozen.owner.execute("update private.settings set staff_second_factor = true where true")
    other = Person(ada.app, frozen)
    ada.keep(ada.login())
    assert ada.claims["app_metadata"] == {"role": "customer"}
    ada.client.post("/api/auth/login", json={"email": ada.email, "password": PASSWORD})
    ada.keep(ada.post("/refresh"))
    assert ada.claims["app_metadata"] == {"role": "customer"}
    ada.set_up()
    ada.keep(ada.post("/refresh"))
    assert ada.claims["app_metadata"] == {"role": "staff"}
    ada.keep(ada.answer(code=ada.code()))
    assert ada.claims["app_metadata"] == {"role": "staff"}
    assert other.claims["app_metadata"] == {"role": "customer"}


# What is kept and written ---------------------------------------------------------------------------------------------


def forms(secret: str) -> list[str]:
    """Return the ways in which a dump could spell a secret: as people type it, its bytes, and both in base 64."""
    raw = base64.b32decode(secret)
    return [secret, raw.hex(), base64.b64encode(raw).decode(), base64.b64encode(secret.encode()).decode()]


def test_a_dump_of_the_database_opens_no_account(protected: Person, cluster: Cluster) -> None:
    name = protected.cinema.url.rsplit("/", 1)[1].partition("?")[0]
    command = [str(cluster.binary("pg_dump")), "--data-only", "--column-inserts", cluster.url(name, ADMIN)]
    dump = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=True).stdout
    assert str(protected.id) in dump
    assert "private.second_factors" in dump
    for secret in (*forms(protected.secret), protected.code(), *protected.codes):
        assert f"'{secret}'" not in dump
        assert len(secret) == 6 or secret not in dump
    assert not any(code.replace("-", "") in dump for code in protected.codes)


def test_no_log_line_and_no_metric_holds_a_code_or_a_secret(
    app: Flask, frozen: CinemaFixture, lines: Callable[[], str]
) -> None:
    ada = Person(app, frozen)
    ada.set_up()
    challenge, code, wrong = ada.challenge(), ada.code(), ada.wrong_code()
    for proof in ({"code": wrong}, {"code": code}, {"code": code}, {"recovery_code": ada.codes[0]}):
        ada.answer(challenge, **proof)
    ada.post("/second-factor/remove", {"password": PASSWORD, "recovery_code": ada.codes[1]})
    app.test_client().post("/api/auth/second-factor", json={"challenge": challenge, "code": code, "more": code})
    written = lines() + app.test_client().get("/metrics").get_data(as_text=True)
    assert "a recovery code was used" in written
    assert 'code="invalid_code"' in written
    for secret in (*forms(ada.secret), challenge, *ada.codes, ada.email, PASSWORD):
        assert secret not in written
    for shown in (code, wrong):  # but as a part of an id or of a fraction, which are random
        assert not re.search(rf"(?<![0-9a-f.]){shown}(?![0-9a-f])", written)


# The key --------------------------------------------------------------------------------------------------------------


def with_keys(settings: Settings, *keys: str) -> Settings:
    return settings.model_copy(update={"second_factor_keys": keys})


def test_without_its_key_a_secret_is_an_error_of_ours_and_recovery_codes_go_on(
    protected: Person, settings: Settings, start: Callable[..., Flask], lines: Callable[[], str]
) -> None:
    protected.app = start(with_keys(settings, Keys.generate().second_factor_key))
    protected.client = protected.app.test_client()
    assert refusal(protected.answer(code=protected.code())) == (500, "internal")
    assert "no key opens the secret of a second factor" in lines()
    assert protected.answer(recovery_code=protected.codes[0]).status_code == 200


def test_a_secret_in_another_persons_row_is_not_opened(protected: Person, frozen: CinemaFixture) -> None:
    other = Person(protected.app, frozen)
    other.set_up()
    frozen.owner.execute(
        "update private.second_factors f set secret = o.secret from private.second_factors o"
        " where f.user_id = %s and o.user_id = %s",
        [protected.id, other.id],
    )
    assert refusal(protected.answer(code=other.code())) == (500, "internal")


def test_a_key_is_changed_without_anybody_noticing(
    protected: Person, settings: Settings, start: Callable[..., Flask], frozen: CinemaFixture
) -> None:
    (old,), new = settings.second_factor_keys, Keys.generate().second_factor_key
    for keys in ((old, new), (new, old), (new,)):
        protected.app = start(with_keys(settings, *keys))
        protected.client = protected.app.test_client()
        assert protected.answer(code=protected.code()).status_code == 200
        frozen.advance("30 seconds")
        if keys == (new, old):
            assert rotate_keys(Database(DirectDataApi(frozen)), SecretBox(keys)) == (1, 0)
