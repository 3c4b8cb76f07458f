"""python -m backend: what a command says when the database does not answer as it should."""

from __future__ import annotations

from uuid import UUID

import pytest

from backend import __main__ as commands
from backend.errors import UnavailableError
from backend.totp import SecretBox
from dev.keys import Keys
from tests.backend.ports import FakeDataApi


def test_an_operator_signs_everyone_out(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api = FakeDataApi({"end_all_sessions": 3})
    monkeypatch.setattr(commands, "DataApi", lambda *_: api)
    assert commands.main(["end-sessions"], environment) == 0
    assert capsys.readouterr().out == "3 sessions have ended\n"
    assert api.calls == [("end_all_sessions", {})]


@pytest.mark.parametrize(("keys", "status", "printed"), [("new,old", 0, "2 secrets"), ("new", 1, "0 secrets")])
def test_an_operator_moves_all_secrets_to_the_first_key(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    keys: str,
    status: int,
    printed: str,
) -> None:
    named = {name: Keys.generate().second_factor_key for name in ("new", "old")}
    ada, bob = UUID(int=1), UUID(int=2)
    rows = [{"user_id": str(who), "secret": SecretBox([named["old"]]).seal(who, b"hidden" * 4)} for who in (ada, bob)]
    api = FakeDataApi({"second_factor_secrets": rows, "replace_second_factor_secret": True})
    monkeypatch.setattr(commands, "DataApi", lambda *_: api)
    listed = ",".join(named[name] for name in keys.split(","))
    assert commands.main(["rotate-second-factor-keys"], {**environment, "SECOND_FACTOR_KEY": listed}) == status
    assert printed in capsys.readouterr().out
    replaced = api.arguments("replace_second_factor_secret")
    assert [SecretBox([named["new"]]).open(UUID(row["user_id"]), row["new_secret"]) for row in replaced] == [
        b"hidden" * 4
    ] * len(replaced)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"outbox": "hidden"}, "operational_metrics answered in another shape: outbox: list_type"),
        (UnavailableError("the database does not answer"), "the database does not answer"),
    ],
)
def test_a_database_that_cannot_be_read_is_status_3(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: object,
    said: str,
) -> None:
    monkeypatch.setattr(commands, "DataApi", lambda *_: FakeDataApi({"operational_metrics": answer}))
    assert commands.main(["figures"], environment) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert "hidden" not in printed.err
