"""Access tokens and tickets."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from uuid import UUID

import jwt
import pytest

from backend.settings import Settings
from backend.tokens import Person, Ticket, TokenError, Tokens
from dev.keys import Keys

PERSON = Person(UUID(int=7), "ada@example.com", "session", "staff")
TICKET = Ticket(UUID(int=9), "ABCD2345", 3)
NOON = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(settings: Settings, clock: Clock) -> Tokens:
    return Tokens.of(settings, clock)


@pytest.fixture
def shared(environment: dict[str, str], clock: Clock) -> Tokens:
    """HS256."""
    secret = "a shared secret of thirty-two bytes"
    return Tokens.of(Settings.from_environment({**environment, "JWT_SIGNING_KEY": "", "JWT_SECRET": secret}), clock)


def test_the_claims_are_supabases(tokens: Tokens, settings: Settings) -> None:
    token = tokens.access_token(PERSON)
    assert jwt.decode(token, options={"verify_signature": False}) == {
        "iss": settings.issuer,
        "sub": str(PERSON.id),
        "role": "authenticated",
        "aud": "authenticated",
        "iat": int(NOON),
        "exp": int(NOON) + 900,
        "session_id": "session",
        "email": "ada@example.com",
        "is_anonymous": False,
        "app_metadata": {"role": "staff"},
        "aal": "aal1",
        "amr": ["pwd"],
    }
    kid = json.loads(json.dumps(dict(settings.jwt_signing_key or {})))["kid"]
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": kid}


def test_a_guests_claims_are_those_of_supabases_anonymous_people(tokens: Tokens) -> None:
    claims = jwt.decode(
        tokens.access_token(Person(UUID(int=8), None, "session", "customer", is_guest=True)),
        options={"verify_signature": False},
    )
    assert (claims["role"], claims["is_anonymous"], claims["email"], claims["amr"]) == (
        *("authenticated", True, ""),
        ["anonymous"],
    )


def test_a_token_lives_fifteen_minutes(tokens: Tokens, clock: Clock) -> None:
    token = tokens.access_token(PERSON)
    clock.now = NOON + 899
    assert tokens.user_id(token) == PERSON.id
    clock.now = NOON + 900
    with pytest.raises(TokenError):
        tokens.user_id(token)


def test_the_signing_key_wins(environment: dict[str, str], tokens: Tokens) -> None:
    both = Settings.from_environment({**environment, "JWT_SECRET": "another secret of thirty-two bytes.."})
    assert Tokens.of(both).algorithm == "ES256"
    assert Tokens.of(both).jwks() == tokens.jwks()


def test_the_published_key_is_public_and_verifies(tokens: Tokens) -> None:
    (key,) = tokens.jwks()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
    jwt.decode(
        tokens.access_token(PERSON), jwt.PyJWK(dict(key)), audience="authenticated", options={"verify_iat": False}
    )


def test_a_key_without_a_name_gets_its_thumbprint(environment: dict[str, str]) -> None:
    # The example of RFC 7517, A.1, without its kid.
    public = {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    }
    private = {**public, "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}
    tokens = Tokens.of(Settings.from_environment({**environment, "JWT_SIGNING_KEY": json.dumps(private)}))
    assert tokens.key_id == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"


def test_a_shared_secret_signs_hs256_and_is_not_published(shared: Tokens) -> None:
    token = shared.access_token(PERSON)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    assert shared.user_id(token) == PERSON.id
    assert shared.jwks() == {"keys": []}


def test_the_public_key_is_no_shared_secret(tokens: Tokens) -> None:
    (key,) = tokens.jwks()["keys"]
    claims = jwt.decode(tokens.access_token(PERSON), options={"verify_signature": False})
    for headers in (None, {"kid": key["kid"]}):
        forged = jwt.encode(claims, key["x"] + key["y"], "HS256", headers)
        with pytest.raises(TokenError):
            tokens.user_id(forged)
    with pytest.raises(TokenError):
        tokens.user_id(jwt.encode(claims, None, "none", {"kid": key["kid"]}))


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "\0", "é" * 9])
def test_garbage_is_no_token(tokens: Tokens, token: str) -> None:
    with pytest.raises(TokenError):
        tokens.user_id(token)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": "never"},
        {"exp": True, "nbf": []},
        {"nbf": NOON + 60},
        {"sub": "7"},
        {"role": "anon"},
        {"iss": "https://elsewhere.example"},
        {"aud": ["other"]},
    ],
)
def test_wrong_claims_are_refused(tokens: Tokens, changes: dict[str, object]) -> None:
    claims = jwt.decode(tokens.access_token(PERSON), options={"verify_signature": False}) | changes
    signed = jwt.encode(claims, tokens.signing_key, "ES256", {"kid": tokens.key_id})
    with pytest.raises(TokenError):
        tokens.user_id(signed)


def test_unchanged_claims_are_accepted(tokens: Tokens) -> None:
    claims = jwt.decode(tokens.access_token(PERSON), options={"verify_signature": False})
    assert tokens.user_id(jwt.encode(claims, tokens.signing_key, "ES256", {"kid": tokens.key_id})) == PERSON.id


def test_a_ticket_is_no_access_token_and_the_other_way_round(tokens: Tokens) -> None:
    ticket = tokens.ticket(TICKET)
    assert tokens.read_ticket(ticket) == TICKET
    claims = jwt.decode(ticket, options={"verify_signature": False})
    assert not {"role", "sub", "email"} & set(claims)
    with pytest.raises(TokenError):
        tokens.user_id(ticket)
    with pytest.raises(TokenError):
        tokens.read_ticket(tokens.access_token(PERSON))


def test_a_ticket_outlives_the_time_for_which_it_was_sold(tokens: Tokens, clock: Clock) -> None:
    """Its showtime may be moved: no expiry, and none of those that tickets had."""
    ticket = tokens.ticket(TICKET)
    claims = jwt.decode(ticket, options={"verify_signature": False})
    assert set(claims) == {"iss", "aud", "iat", "booking_id", "reference", "showtime_id"}
    earlier = jwt.encode({**claims, "exp": NOON + 3600}, tokens.signing_key, "ES256", {"kid": tokens.key_id})
    clock.now = NOON + 400 * 86_400
    assert [tokens.read_ticket(token) for token in (ticket, earlier)] == [TICKET, TICKET]


@pytest.mark.parametrize("expiry", [None, "soon", [], float("nan")])
def test_an_access_token_without_an_expiry_is_refused(tokens: Tokens, expiry: object) -> None:
    claims = jwt.decode(tokens.access_token(PERSON), options={"verify_signature": False})
    changed = {name: value for name, value in {**claims, "exp": expiry}.items() if value is not None}
    with pytest.raises(TokenError):
        tokens.user_id(jwt.encode(changed, tokens.signing_key, "ES256", {"kid": tokens.key_id}))


def test_tokens_of_other_keys_are_refused(environment: dict[str, str], tokens: Tokens, clock: Clock) -> None:
    other = Settings.from_environment({**environment, "JWT_SIGNING_KEY": Keys.generate().signing_key})
    token = Tokens.of(other, clock).access_token(PERSON)
    claims = jwt.decode(token, options={"verify_signature": False})
    under_our_name = jwt.encode(claims, Tokens.of(other).signing_key, "ES256", {"kid": tokens.key_id})
    without_a_name = jwt.encode(claims, tokens.signing_key, "ES256")
    for refused in (token, under_our_name, without_a_name):
        with pytest.raises(TokenError):
            tokens.user_id(refused)


# A key changes: docs/deploy.md, "Changing keys and secrets" -----------------------------------------------------------


def public(*keys: str) -> str:
    """The key set of these private keys."""
    halves = [{name: part for name, part in json.loads(key).items() if name != "d"} for key in keys]
    return json.dumps({"keys": halves})


def agree(one: Tokens, other: Tokens) -> bool:
    """Check that what each signs is valid for both."""
    try:
        for signer, reader in ((one, other), (other, one), (one, one), (other, other)):
            assert reader.user_id(signer.access_token(PERSON)) == PERSON.id
            assert reader.read_ticket(signer.ticket(TICKET)) == TICKET
    except TokenError:
        return False
    return True


@pytest.fixture
def processes(environment: dict[str, str], clock: Clock) -> Callable[..., Tokens]:
    """A process with these settings instead of the environment's JWT_SIGNING_KEY."""

    def start(**settings: str) -> Tokens:
        return Tokens.of(Settings.from_environment({**environment, "JWT_SIGNING_KEY": "", **settings}), clock)

    return start


def test_processes_of_two_steps_that_follow_each_other_agree(processes: Callable[..., Tokens]) -> None:
    old, new = Keys.generate().signing_key, Keys.generate().signing_key
    steps = [
        processes(JWT_SIGNING_KEY=old),
        processes(JWT_SIGNING_KEY=old, JWT_ACCEPTED_KEYS=public(new)),
        processes(JWT_SIGNING_KEY=new, JWT_ACCEPTED_KEYS=public(old)),
        processes(JWT_SIGNING_KEY=new),
    ]
    assert [agree(one, other) for one, other in itertools.pairwise(steps)] == [True, True, True]
    assert not agree(steps[0], steps[2])  # so the second step cannot be left out
    ticket = steps[1].ticket(TICKET)
    assert steps[2].read_ticket(ticket) == TICKET
    with pytest.raises(TokenError):
        steps[3].read_ticket(ticket)


def test_the_keys_of_a_change_are_all_published_the_signing_one_first(processes: Callable[..., Tokens]) -> None:
    old, new = Keys.generate().signing_key, Keys.generate().signing_key
    both = processes(JWT_SIGNING_KEY=new, JWT_ACCEPTED_KEYS=public(old)).jwks()["keys"]
    assert [key["kid"] for key in both] == [json.loads(key)["kid"] for key in (new, old)]
    assert all(set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"} for key in both)
    # What is published may be set as it stands, the signing key once more among it.
    again = processes(JWT_SIGNING_KEY=new, JWT_ACCEPTED_KEYS=json.dumps({"keys": both}))
    assert again.jwks()["keys"] == both


def test_a_project_moves_from_its_shared_secret_to_a_key(processes: Callable[..., Tokens]) -> None:
    secret, key = "a shared secret of thirty-two bytes", Keys.generate().signing_key
    steps = [
        processes(JWT_SECRET=secret),
        processes(JWT_SECRET=secret, JWT_ACCEPTED_KEYS=public(key)),
        processes(JWT_SECRET=secret, JWT_SIGNING_KEY=key),
    ]
    assert [agree(one, other) for one, other in itertools.pairwise(steps)] == [True, True]
    assert jwt.get_unverified_header(steps[2].access_token(PERSON))["alg"] == "ES256"
    with pytest.raises(TokenError):
        processes(JWT_SIGNING_KEY=key).user_id(steps[0].access_token(PERSON))


def test_keys_are_hidden_in_repr(tokens: Tokens, shared: Tokens) -> None:
    assert "PrivateKey" not in repr(tokens)
    assert "secret" not in repr(shared)
