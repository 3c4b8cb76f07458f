"""Links that prove an address, replace a password or change either; blocked accounts and sessions."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from tests.cinema import PASSWORD_HASH, Caller, CinemaFixture, Json, Refused

HOME = "192.0.2.1"
ANOTHER_HASH = PASSWORD_HASH[:-4] + "AAAA"
EMAIL = "ada@example.com"


@pytest.fixture
def ada(cinema: CinemaFixture) -> Caller:
    """A person who has registered and opened nothing yet."""
    user = cinema.call_service("register_user", email=EMAIL, password_hash=PASSWORD_HASH, full_name="Ada")
    return cinema.caller("authenticated", user["id"])


def emails(cinema: CinemaFixture) -> list[Json]:
    """The emails about accounts that wait for the worker, with what they say."""
    rows = cinema.call_service("claim_outbox", max_rows=100, lease_seconds=0)
    return [row for row in rows if row["booking_id"] is None]


def kinds(cinema: CinemaFixture) -> list[str]:
    return [row["kind"] for row in emails(cinema)]


def link(cinema: CinemaFixture, kind: str, purpose: str) -> str:
    """The hash of the token in the newest email of that kind, issued as the worker issues it."""
    row = [row for row in emails(cinema) if row["kind"] == kind][-1]
    token_hash = sha256(secrets.token_bytes(32)).hexdigest()
    answer = cinema.call_service("issue_account_token", outbox_id=row["id"], purpose=purpose, token_hash=token_hash)
    assert answer["valid_minutes"] == (30 if purpose == "reset_password" else 24 * 60)
    return token_hash


def prove(cinema: CinemaFixture, token_hash: str) -> Json:
    """Use a link as who knows the password of its account."""
    return cinema.call_service("prove_email", token_hash=token_hash, password_hash=PASSWORD_HASH)


def own(cinema: CinemaFixture, email: str) -> None:
    """Somebody else registers with that address and proves it."""
    cinema.call_service("register_user", email=email, password_hash=PASSWORD_HASH, full_name="Bob")
    prove(cinema, link(cinema, "mail_verify_email", "verify_email"))


def forget(cinema: CinemaFixture, email: str = EMAIL, address: str = HOME) -> Json:
    return cinema.call_service("request_password_reset", email=email, address=address)


def reset(cinema: CinemaFixture, token_hash: str, password_hash: str = ANOTHER_HASH) -> Json:
    return cinema.call_service("reset_password", token_hash=token_hash, password_hash=password_hash)


def open_session(cinema: CinemaFixture, who: Caller, password_hash: str | None = None) -> Json:
    return cinema.call_service(
        "open_session",
        user_id=who.user_id,
        token_hash=secrets.token_hex(32),
        address=HOME,
        password_hash=password_hash,
    )


def ended(cinema: CinemaFixture) -> list[str | None]:
    return [row["end_reason"] for row in cinema.rows("select end_reason from private.sessions order by created_at")]


def refused(cinema: CinemaFixture, function: str, **arguments: Any) -> tuple[str | None, str | None]:
    with pytest.raises(Refused) as refusal:
        cinema.call_service(function, **arguments)
    return refusal.value.sqlstate, refusal.value.code


EXPIRED = ("PT410", "link_expired")
PASSWORD_REQUIRED = ("PT403", "password_required")

# A first proof -------------------------------------------------------------------------------------------------------


def test_who_registers_is_sent_a_link_that_proves_the_address(cinema: CinemaFixture, ada: Caller) -> None:
    (email,) = emails(cinema)
    assert (email["kind"], email["email"]) == ("mail_verify_email", None)
    assert email["account"] == {
        "customer": {"email": EMAIL, "full_name": "Ada"},
        "language": "en-US",
        "cinema": {"name": "Frontrow", "contact_email": None, "contact_url": None, "postal_address": None},
        "known": True,
        "taken": False,
    }
    assert ada.call("my_account")["email_verified"] is False
    token_hash = link(cinema, "mail_verify_email", "verify_email")
    answer = prove(cinema, token_hash)
    assert answer == {"email": EMAIL, "purpose": "verify_email"}
    assert ada.call("my_account")["email_verified"] is True


@pytest.mark.usefixtures("ada")
def test_a_link_is_good_once(cinema: CinemaFixture) -> None:
    token_hash = link(cinema, "mail_verify_email", "verify_email")
    prove(cinema, token_hash)
    assert refused(cinema, "prove_email", token_hash=token_hash) == EXPIRED


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("kind", "purpose", "use", "good"),
    [
        ("mail_verify_email", "verify_email", "prove_email", "24 hours"),
        ("mail_reset_password", "reset_password", "reset_password", "30 minutes"),
    ],
)
def test_a_link_ends(cinema: CinemaFixture, kind: str, purpose: str, use: str, good: str) -> None:
    cinema.freeze()
    forget(cinema)
    token_hash = link(cinema, kind, purpose)
    more = {"password_hash": ANOTHER_HASH if use == "reset_password" else PASSWORD_HASH}
    cinema.advance(good)
    assert refused(cinema, use, token_hash=token_hash, **more) == EXPIRED
    cinema.advance("-1 microsecond")
    cinema.call_service(use, token_hash=token_hash, **more)


@pytest.mark.usefixtures("ada")
def test_a_link_does_only_what_it_was_sent_for(cinema: CinemaFixture) -> None:
    forget(cinema)
    verification = link(cinema, "mail_verify_email", "verify_email")
    replacement = link(cinema, "mail_reset_password", "reset_password")
    assert refused(cinema, "reset_password", token_hash=verification, password_hash=ANOTHER_HASH) == EXPIRED
    assert refused(cinema, "prove_email", token_hash=replacement) == EXPIRED
    assert refused(cinema, "prove_email", token_hash="0" * 64) == EXPIRED


def test_the_newest_link_counts(cinema: CinemaFixture, ada: Caller) -> None:
    first = link(cinema, "mail_verify_email", "verify_email")
    ada.call("send_verification_again")
    second = link(cinema, "mail_verify_email", "verify_email")
    assert refused(cinema, "prove_email", token_hash=first) == EXPIRED
    prove(cinema, second)


@pytest.mark.usefixtures("ada")
def test_the_database_holds_no_token(cinema: CinemaFixture) -> None:
    """Neither before the email is written, nor afterwards."""
    token = secrets.token_urlsafe(32)
    forget(cinema)
    (row,) = [row for row in emails(cinema) if row["kind"] == "mail_reset_password"]
    token_hash = sha256(token.encode()).hexdigest()
    cinema.call_service("issue_account_token", outbox_id=row["id"], purpose="reset_password", token_hash=token_hash)
    for table in ("private.outbox", "private.account_tokens"):
        assert token not in cinema.value(f"select coalesce(json_agg(t), '[]')::text from {table} t")
    assert refused(cinema, "reset_password", token_hash=token, password_hash=ANOTHER_HASH) == EXPIRED


def test_a_proved_address_is_sent_no_further_link(cinema: CinemaFixture, ada: Caller) -> None:
    assert ada.call("send_verification_again") == {"sent_to": EMAIL, "email_verified": False}
    assert kinds(cinema) == ["mail_verify_email"] * 2
    prove(cinema, link(cinema, "mail_verify_email", "verify_email"))
    assert ada.call("send_verification_again") == {"sent_to": EMAIL, "email_verified": True}
    assert kinds(cinema) == ["mail_verify_email"] * 2


def test_an_address_is_proved_in_a_session_of_its_account(cinema: CinemaFixture, ada: Caller) -> None:
    session_id = open_session(cinema, ada)["session_id"]
    token_hash = link(cinema, "mail_verify_email", "verify_email")
    cinema.call_service("prove_email", token_hash=token_hash, session_id=session_id)
    assert ada.call("my_account")["email_verified"] is True


SHOWN: dict[str, Callable[[CinemaFixture, Caller], Json]] = {
    "nothing": lambda _cinema, _ada: {},
    "another's session": lambda cinema, _: {"session_id": open_session(cinema, cinema.customer())["session_id"]},
    "a session that has ended": lambda cinema, ada: {"session_id": ended_session(cinema, ada)},
    "a session that has run out": lambda cinema, ada: {"session_id": old_session(cinema, ada)},
    "another password": lambda _cinema, _ada: {"password_hash": ANOTHER_HASH},
}


def ended_session(cinema: CinemaFixture, who: Caller) -> str:
    session_id = open_session(cinema, who)["session_id"]
    cinema.owner.execute("select private.end_sessions(%s, 'signed_out')", [who.user_id])
    return session_id


def old_session(cinema: CinemaFixture, who: Caller) -> str:
    session_id = open_session(cinema, who)["session_id"]
    cinema.owner.execute("update private.sessions set expires_at = private.now() where id = %s", [session_id])
    return session_id


@pytest.mark.parametrize("shown", SHOWN)
def test_a_link_alone_proves_nothing(cinema: CinemaFixture, ada: Caller, shown: str) -> None:
    """Else a stranger registers with the address of somebody who takes the email for an answer to something of their
    own, opens the link, and has given the stranger the address with all tickets that were bought with it."""
    token_hash = link(cinema, "mail_verify_email", "verify_email")
    assert refused(cinema, "prove_email", token_hash=token_hash, **SHOWN[shown](cinema, ada)) == PASSWORD_REQUIRED
    assert ada.call("my_account")["email_verified"] is False
    prove(cinema, token_hash)
    assert ada.call("my_account")["email_verified"] is True, "The link stays good for who has the account."


def test_a_link_to_another_address_proves_nothing_alone_either(cinema: CinemaFixture, ada: Caller) -> None:
    """Else a stranger has it sent to somebody, who opens it and has given them the address."""
    change_email(cinema, ada, "bob@example.com")
    token_hash = link(cinema, "mail_change_email", "change_email")
    assert refused(cinema, "prove_email", token_hash=token_hash) == PASSWORD_REQUIRED
    assert ada.call("my_account")["email"] == EMAIL


def begin_proof(cinema: CinemaFixture, token_hash: str) -> Json:
    return cinema.call_service("begin_proof", token_hash=token_hash, address=HOME)


@pytest.mark.usefixtures("ada")
def test_a_password_is_guessed_by_a_link_no_more_often_than_at_a_sign_in(cinema: CinemaFixture) -> None:
    """Else whoever reads the mailbox of an account guesses at its password for as long as the link is good."""
    token_hash = link(cinema, "mail_verify_email", "verify_email")
    assert begin_proof(cinema, token_hash) == {"status": "known", "password_hash": PASSWORD_HASH}
    assert [begin_proof(cinema, token_hash)["status"] for _ in range(10)] == ["known"] * 9 + ["limited"]
    assert cinema.call_service("begin_sign_in", email=EMAIL, address=HOME)["status"] == "limited"


@pytest.mark.usefixtures("ada")
def test_a_link_that_proves_nothing_any_more_tells_no_password(cinema: CinemaFixture) -> None:
    forget(cinema)
    used = link(cinema, "mail_verify_email", "verify_email")
    prove(cinema, used)
    for token_hash in (used, link(cinema, "mail_reset_password", "reset_password"), "0" * 64):
        assert refused(cinema, "begin_proof", token_hash=token_hash, address=HOME) == EXPIRED


@pytest.mark.parametrize("role", ["staff", "admin"])
def test_a_role_counts_for_a_proved_address_alone(cinema: CinemaFixture, ada: Caller, role: str) -> None:
    cinema.owner.execute("update public.users set role = %s", [role])
    assert open_session(cinema, ada)["user"]["role"] == "customer"
    prove(cinema, link(cinema, "mail_verify_email", "verify_email"))
    assert open_session(cinema, ada)["user"]["role"] == role


# A forgotten password ------------------------------------------------------------------------------------------------


def test_a_reset_replaces_the_password_and_ends_all_sessions(cinema: CinemaFixture, ada: Caller) -> None:
    prove(cinema, link(cinema, "mail_verify_email", "verify_email"))
    open_session(cinema, ada)
    open_session(cinema, ada)
    forget(cinema)
    assert reset(cinema, link(cinema, "mail_reset_password", "reset_password")) == {"email": EMAIL}
    assert ended(cinema) == ["password_changed"] * 2
    assert cinema.value("select password_hash from private.credentials") == ANOTHER_HASH
    assert kinds(cinema)[-1] == "mail_password_changed"


def test_a_reset_of_an_account_that_is_not_proved_opens_another_in_its_place(
    cinema: CinemaFixture, ada: Caller
) -> None:
    """Somebody registered with the address of another, who has the mailbox: else the stranger's access token, which
    lives on for a while, would be one to the owner's account."""
    open_session(cinema, ada)
    cinema.owner.execute("update public.users set role = 'staff', language = 'de'")
    forget(cinema)
    reset(cinema, link(cinema, "mail_reset_password", "reset_password"))
    (account,) = cinema.call_service("begin_sign_in", email=EMAIL, address=HOME)["accounts"]
    assert account == {
        "user": {
            "id": account["user"]["id"],
            "kind": "registered",
            "email": EMAIL,
            "full_name": "Ada",
            "role": "customer",
            "email_verified": True,
        },
        "password_hash": ANOTHER_HASH,
    }
    assert account["user"]["id"] != str(ada.user_id)
    owner = cinema.caller("authenticated", account["user"]["id"])
    assert owner.call("my_account")["language"] == "de"
    left = ada.call("my_account")
    assert (left["kind"], left["role"], left["email"], left["email_verified"]) == ("guest", "customer", None, False)
    assert ended(cinema) == ["email_proved"]
    with pytest.raises(Refused, match="invalid_credentials"):
        open_session(cinema, ada, PASSWORD_HASH)
    assert cinema.violations() == []


def test_whom_an_operator_keeps_out_does_not_come_in_by_a_reset(cinema: CinemaFixture, ada: Caller) -> None:
    """The account that is opened in place of theirs is blocked as it was."""
    cinema.call_service("block_user", email=EMAIL)
    forget(cinema)
    reset(cinema, link(cinema, "mail_reset_password", "reset_password"))
    (account,) = cinema.call_service("begin_sign_in", email=EMAIL, address=HOME)["accounts"]
    assert account["user"]["id"] != str(ada.user_id)
    assert refused(
        cinema, "open_session", user_id=account["user"]["id"], token_hash="a" * 64, password_hash=ANOTHER_HASH
    ) == ("PT403", "account_blocked")


def begin_reset(cinema: CinemaFixture, token_hash: str) -> Json:
    return cinema.call_service("begin_password_reset", token_hash=token_hash, address=HOME)


@pytest.mark.usefixtures("ada")
def test_no_password_is_hashed_for_a_link_that_resets_none(cinema: CinemaFixture) -> None:
    """Else anybody keeps Flask busy with hashes, for links that they made up."""
    cinema.freeze()
    forget(cinema)
    token_hash = link(cinema, "mail_reset_password", "reset_password")
    for other in (link(cinema, "mail_verify_email", "verify_email"), "0" * 64):
        assert begin_reset(cinema, other) == {"status": "expired"}
    cinema.advance("30 minutes")
    assert begin_reset(cinema, token_hash) == {"status": "expired"}
    cinema.advance("-1 microsecond")
    assert begin_reset(cinema, token_hash) == {"status": "good"}
    reset(cinema, token_hash)
    assert begin_reset(cinema, token_hash) == {"status": "expired"}


def test_links_are_tried_so_often_from_an_address(cinema: CinemaFixture) -> None:
    cinema.freeze()
    cinema.owner.execute("update private.settings set sign_in_attempts_per_address = 2")
    answers = [begin_reset(cinema, "0" * 64) for _ in range(3)]
    assert answers == [{"status": "expired"}] * 2 + [{"status": "limited", "retry_after": 900}]
    assert refused(cinema, "begin_password_reset", token_hash="0" * 64, address=None) == ("PT400", "invalid_request")


@pytest.mark.usefixtures("ada")
def test_an_account_without_a_password_gets_one(cinema: CinemaFixture) -> None:
    cinema.owner.execute("delete from private.credentials where true")
    forget(cinema)
    reset(cinema, link(cinema, "mail_reset_password", "reset_password"))
    assert cinema.value("select password_hash from private.credentials") == ANOTHER_HASH


def test_other_links_end_with_the_password(cinema: CinemaFixture, ada: Caller) -> None:
    """Who knew the old password may have asked for them."""
    cinema.call_service(
        "request_email_change", user_id=ada.user_id, password_hash=PASSWORD_HASH, email="eve@example.com", address=HOME
    )
    change = link(cinema, "mail_change_email", "change_email")
    forget(cinema)
    reset(cinema, link(cinema, "mail_reset_password", "reset_password"))
    assert refused(cinema, "prove_email", token_hash=change) == EXPIRED
    assert cinema.value("select email from public.users where kind = 'registered'") == EMAIL


@pytest.mark.parametrize("proved", [True, False])
def test_a_change_of_the_address_that_waits_for_the_worker_ends_with_the_password(
    cinema: CinemaFixture, ada: Caller, proved: bool
) -> None:
    """Else whoever knew the old password asks for it just before, and has the account again once it is sent."""
    if proved:
        prove(cinema, link(cinema, "mail_verify_email", "verify_email"))
    change_email(cinema, ada, "eve@example.com")
    row = emails(cinema)[-1]
    forget(cinema)
    reset(cinema, link(cinema, "mail_reset_password", "reset_password"))
    answer = cinema.call_service(
        "issue_account_token", outbox_id=row["id"], purpose="change_email", token_hash="e" * 64
    )
    assert answer == {"valid_minutes": None}
    assert cinema.rows("select state, payload from private.outbox where id = %s", [row["id"]]) == [
        {"state": "discarded", "payload": {}}
    ]
    assert "mail_change_email" not in kinds(cinema)


@pytest.mark.parametrize("kind", ["mail_verify_email", "mail_change_email"])
def test_an_email_that_is_not_to_be_sent_any_more_gets_no_link(cinema: CinemaFixture, ada: Caller, kind: str) -> None:
    """A slow worker asks for it after another has sent it, or after it was discarded: its link would undo a newer."""
    change_email(cinema, ada, "ada@new.example")
    (row,) = [row for row in emails(cinema) if row["kind"] == kind]
    cinema.call_service("complete_outbox", id=row["id"], attempt=row["attempt"])
    answer = cinema.call_service(
        "issue_account_token", outbox_id=row["id"], purpose=kind.removeprefix("mail_"), token_hash="e" * 64
    )
    assert answer == {"valid_minutes": None}
    assert cinema.value("select count(*) from private.account_tokens") == 0


@pytest.mark.parametrize("claims", ["tickets", "nothing"])
def test_no_email_waits_for_an_account_that_is_none_any_more(cinema: CinemaFixture, ada: Caller, claims: str) -> None:
    """Nobody is named in the row of who was here before: the worker would have an email without an address, and all
    that it claims with it."""
    if claims == "tickets":
        cinema.buy(ada, 0)
    forget(cinema)
    reset(cinema, link(cinema, "mail_reset_password", "reset_password"))
    assert all(row["account"]["customer"]["email"] for row in emails(cinema))
    assert "mail_verify_email" not in kinds(cinema)


@pytest.mark.usefixtures("ada")
def test_a_reset_lets_an_owner_in_whom_guesses_had_kept_out(cinema: CinemaFixture) -> None:
    def attempt() -> str:
        return cinema.call_service("begin_sign_in", email=EMAIL, address=HOME)["status"]

    assert [attempt() for _ in range(11)][-1] == "limited"
    forget(cinema)
    reset(cinema, link(cinema, "mail_reset_password", "reset_password"))
    assert attempt() == "known"


@pytest.mark.usefixtures("ada")
def test_a_forgotten_password_is_asked_for_alike_with_and_without_an_account(cinema: CinemaFixture) -> None:
    """Same answer, same rows; only the worker, which writes to the mailbox, finds out."""
    rows = []
    for email in (EMAIL, "nobody@example.com"):
        before = cinema.value("select count(*) from private.outbox")
        assert forget(cinema, email) == {"status": "sent"}
        assert cinema.value("select count(*) from private.outbox") == before + 1
        rows.append(emails(cinema)[-1])
    assert [row["account"]["known"] for row in rows] == [True, False]
    assert [row["kind"] for row in rows] == ["mail_reset_password"] * 2
    answer = cinema.call_service(
        "issue_account_token", outbox_id=rows[1]["id"], purpose="reset_password", token_hash="0" * 64
    )
    assert answer == {"valid_minutes": None}
    assert cinema.value("select count(*) from private.account_tokens") == 0


@pytest.mark.usefixtures("ada")
def test_nobody_fills_a_mailbox_with_links(cinema: CinemaFixture) -> None:
    """Three an hour to one address, from wherever they are asked for."""
    answers = [forget(cinema, address=f"192.0.2.{n}")["status"] for n in range(4)]
    assert answers == ["sent"] * 3 + ["limited"]
    assert [forget(cinema, f"{n}@example.com", "192.0.2.99")["status"] for n in range(31)].count("sent") == 30
    cinema.advance("1 hour")
    assert forget(cinema)["status"] == "sent"


def test_who_registers_over_and_over_fills_no_mailbox(cinema: CinemaFixture) -> None:
    """The accounts are there all the same: the answer tells nothing of what was sent."""
    for _ in range(5):
        cinema.call_service("register_user", email=EMAIL, password_hash=PASSWORD_HASH, full_name="Eve")
    assert kinds(cinema) == ["mail_verify_email"] * 3
    assert cinema.value("select count(*) from private.credentials") == 5


def test_strangers_who_register_with_an_address_do_not_use_up_its_owners_resets(cinema: CinemaFixture) -> None:
    """Else anybody keeps out an owner who has forgotten the password, for as long as they like."""
    own(cinema, EMAIL)
    for _ in range(5):
        cinema.call_service("register_user", email=EMAIL, password_hash=PASSWORD_HASH, full_name="Eve")
    assert [forget(cinema)["status"] for _ in range(4)] == ["sent"] * 3 + ["limited"]


@pytest.mark.parametrize("email", ["", "no address", "a@b", "x" * 300])
def test_what_is_no_address_is_sent_nothing(cinema: CinemaFixture, email: str) -> None:
    assert refused(cinema, "request_password_reset", email=email, address=HOME) == ("PT400", "invalid_request")


# Another password ----------------------------------------------------------------------------------------------------


def change_password(cinema: CinemaFixture, who: Caller, session: Json, password_hash: str) -> None:
    cinema.call_service(
        "change_password",
        user_id=who.user_id,
        session_id=session["session_id"],
        password_hash=password_hash,
        new_password_hash=ANOTHER_HASH,
        address=HOME,
    )


def test_a_change_of_the_password_keeps_this_session_and_ends_the_others(cinema: CinemaFixture, ada: Caller) -> None:
    prove(cinema, link(cinema, "mail_verify_email", "verify_email"))
    open_session(cinema, ada)
    here = open_session(cinema, ada)
    change_password(cinema, ada, here, PASSWORD_HASH)
    assert ended(cinema) == ["password_changed", None]
    assert kinds(cinema) == ["mail_verify_email", "mail_password_changed"]


def test_a_password_that_was_changed_meanwhile_changes_nothing(cinema: CinemaFixture, ada: Caller) -> None:
    here = open_session(cinema, ada)
    change_password(cinema, ada, here, PASSWORD_HASH)
    with pytest.raises(Refused, match="invalid_credentials"):
        change_password(cinema, ada, here, PASSWORD_HASH)
    with pytest.raises(Refused, match="invalid_credentials"):
        open_session(cinema, ada, PASSWORD_HASH)
    assert open_session(cinema, ada, ANOTHER_HASH)["user"]["email"] == EMAIL


def test_who_changes_the_password_over_and_over_fills_no_strangers_mailbox(cinema: CinemaFixture, ada: Caller) -> None:
    """Whose address nobody has proved may be anybody's: each change would be one email more to them."""
    here = open_session(cinema, ada)
    for _ in range(3):
        change_password(cinema, ada, here, PASSWORD_HASH)
        cinema.owner.execute("update private.credentials set password_hash = %s", [PASSWORD_HASH])
    assert kinds(cinema) == ["mail_verify_email"]


def test_a_change_of_the_address_that_waits_ends_with_a_change_of_the_password(
    cinema: CinemaFixture, ada: Caller
) -> None:
    """Who changes it may do so because somebody else has it, who has just asked for another address."""
    here = open_session(cinema, ada)
    change_email(cinema, ada, "eve@example.com")
    change_password(cinema, ada, here, PASSWORD_HASH)
    assert kinds(cinema) == ["mail_verify_email"]


def test_a_right_password_clears_the_attempts_before_it(cinema: CinemaFixture, ada: Caller) -> None:
    prove(cinema, link(cinema, "mail_verify_email", "verify_email"))
    here = open_session(cinema, ada)
    for _ in range(9):
        cinema.call_service("begin_password_check", user_id=ada.user_id, address=HOME)
    change_password(cinema, ada, here, PASSWORD_HASH)
    answers = [
        cinema.call_service("begin_password_check", user_id=ada.user_id, address=HOME)["status"] for _ in range(11)
    ]
    assert answers == ["known"] * 10 + ["limited"]


# Another address -----------------------------------------------------------------------------------------------------


def change_email(cinema: CinemaFixture, who: Caller, email: str, password_hash: str = PASSWORD_HASH) -> Json:
    return cinema.call_service(
        "request_email_change", user_id=who.user_id, password_hash=password_hash, email=email, address=HOME
    )


def test_an_address_changes_when_its_owner_proves_it(cinema: CinemaFixture, ada: Caller) -> None:
    assert change_email(cinema, ada, " Ada@New.Example ") == {"status": "sent"}
    assert emails(cinema)[-1]["account"]["customer"] == {"email": "ada@new.example", "full_name": "Ada"}
    assert ada.call("my_account")["email"] == EMAIL
    token_hash = link(cinema, "mail_change_email", "change_email")
    assert prove(cinema, token_hash)["purpose"] == "change_email"
    account = ada.call("my_account")
    assert (account["email"], account["email_verified"]) == ("ada@new.example", True)
    told = emails(cinema)[-1]
    assert (told["kind"], told["account"]["customer"]["email"]) == ("mail_email_changed", EMAIL)


def test_an_address_that_is_taken_is_asked_for_alike(cinema: CinemaFixture, ada: Caller) -> None:
    own(cinema, "bob@example.com")
    assert change_email(cinema, ada, "bob@example.com") == change_email(cinema, ada, "free@example.com")
    taken, free = (row["account"] for row in emails(cinema) if row["kind"] == "mail_change_email")
    assert (taken["taken"], free["taken"]) == (True, False)
    assert taken["customer"] == {"email": "bob@example.com", "full_name": None}, "Bob reads it, and knows no Ada."


def test_an_address_that_was_taken_meanwhile_stays_with_its_account(cinema: CinemaFixture, ada: Caller) -> None:
    change_email(cinema, ada, "bob@example.com")
    token_hash = link(cinema, "mail_change_email", "change_email")
    own(cinema, "bob@example.com")
    shown = {"token_hash": token_hash, "password_hash": PASSWORD_HASH}
    assert refused(cinema, "prove_email", **shown) == ("PT409", "email_taken")
    assert ada.call("my_account")["email"] == EMAIL


def test_links_to_an_earlier_address_prove_nothing(cinema: CinemaFixture, ada: Caller) -> None:
    forget(cinema)
    old = [link(cinema, "mail_verify_email", "verify_email"), link(cinema, "mail_reset_password", "reset_password")]
    change_email(cinema, ada, "ada@new.example")
    prove(cinema, link(cinema, "mail_change_email", "change_email"))
    assert refused(cinema, "prove_email", token_hash=old[0]) == EXPIRED
    assert refused(cinema, "reset_password", token_hash=old[1], password_hash=ANOTHER_HASH) == EXPIRED


def test_an_address_changes_only_with_the_password(cinema: CinemaFixture, ada: Caller) -> None:
    with pytest.raises(Refused, match="invalid_credentials"):
        change_email(cinema, ada, "eve@example.com", ANOTHER_HASH)
    with pytest.raises(Refused, match="invalid_email"):
        change_email(cinema, ada, "no address")
    assert kinds(cinema) == ["mail_verify_email"]


# Blocked accounts, and sessions --------------------------------------------------------------------------------------


def test_a_blocked_person_has_no_session_and_gets_no_seat(cinema: CinemaFixture, ada: Caller) -> None:
    token = secrets.token_hex(32)
    cinema.call_service("open_session", user_id=ada.user_id, token_hash=token)
    assert cinema.call_service("block_user", email=EMAIL.upper()) is True
    assert ended(cinema) == ["blocked"]
    answer = cinema.call_service("rotate_session", token_hash=token, new_token_hash=secrets.token_hex(32))
    assert answer == {"status": "refused"}
    with pytest.raises(Refused) as refusal:
        open_session(cinema, ada)
    assert (refusal.value.sqlstate, refusal.value.code) == ("PT403", "account_blocked")
    with pytest.raises(Refused, match="account_blocked"):
        cinema.lock(ada, 0)


def test_a_blocked_person_neither_orders_nor_pays(cinema: CinemaFixture, ada: Caller) -> None:
    """Who held seats before that would buy them by an access token that lives on for a while."""
    second = cinema.add_showtime("3 days")
    booking = cinema.book(ada, 0, showtime_id=second)
    cinema.lock(ada, 1)
    cinema.call_service("block_user", email=EMAIL)
    with pytest.raises(Refused, match="PT403 account_blocked"):
        ada.call("create_booking", showtime_id=cinema.showtime_id)
    payment = {"booking_id": booking["id"], "user_id": ada.user_id}
    assert refused(cinema, "start_payment", **payment) == ("PT403", "account_blocked")
    cinema.call_service("block_user", email=EMAIL, blocked=False)
    ada.call("create_booking", showtime_id=cinema.showtime_id)
    assert cinema.call_service("start_payment", **payment)["booking_id"] == booking["id"]


def test_who_is_no_longer_blocked_may_come_in(cinema: CinemaFixture, ada: Caller) -> None:
    cinema.call_service("block_user", email=EMAIL)
    assert cinema.call_service("block_user", email=EMAIL, blocked=False) is True
    open_session(cinema, ada)
    cinema.lock(ada, 0)
    assert cinema.call_service("block_user", email="nobody@example.com") is False


def test_people_see_their_sessions_and_end_one(cinema: CinemaFixture, ada: Caller) -> None:
    phone, here = open_session(cinema, ada), open_session(cinema, ada)
    other = open_session(cinema, cinema.customer("Bob"))
    ada.claims["session_id"] = here["session_id"]
    found = ada.call("my_sessions")["sessions"]
    assert [(each["id"], each["current"]) for each in found] == [
        (here["session_id"], True),
        (phone["session_id"], False),
    ]
    for session_id in (phone["session_id"], other["session_id"], uuid.uuid4()):
        ada.call("end_my_session", session_id=session_id)
    assert [each["id"] for each in ada.call("my_sessions")["sessions"]] == [here["session_id"]]
    assert ended(cinema) == ["signed_out", None, None]


@pytest.mark.usefixtures("ada")
def test_an_email_about_an_account_is_dropped_after_a_day(cinema: CinemaFixture) -> None:
    """Its address may be mistyped, and no operator can do anything about it."""
    (row,) = emails(cinema)
    cinema.advance("25 hours")
    (row,) = emails(cinema)
    cinema.call_service("complete_outbox", id=row["id"], attempt=row["attempt"], error="no such mailbox")
    assert cinema.value("select state from private.outbox") == "discarded"
    assert cinema.violations() == []


@pytest.mark.parametrize("error", [None, "no such mailbox"])
def test_an_email_about_an_account_leaves_no_address_behind(cinema: CinemaFixture, error: str | None) -> None:
    """Anybody types anybody's: it would be kept for ninety days of somebody who never was here, and in each backup."""
    forget(cinema, "nobody@example.com")
    (row,) = emails(cinema)
    assert row["payload"] == {"email": "nobody@example.com"}
    cinema.call_service("complete_outbox", id=row["id"], attempt=row["attempt"], error="450 later")
    (row,) = cinema.outbox()
    assert (row["state"], row["payload"]) == ("queued", {"email": "nobody@example.com"}), "It is tried once more."
    cinema.advance("25 hours")
    (row,) = emails(cinema)
    cinema.call_service("complete_outbox", id=row["id"], attempt=row["attempt"], error=error)
    (row,) = cinema.outbox()
    assert (row["state"], row["payload"]) == ("sent" if error is None else "discarded", {})
