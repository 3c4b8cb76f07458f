"""python -m backend: what a command says when the database does not answer as it should."""

from __future__ import annotations

import pytest

from backend import __main__ as commands
from backend.errors import UnavailableError
from tests.backend.ports import FakeDataApi


def test_an_operator_signs_everyone_out(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api = FakeDataApi({"end_all_sessions": 3})
    monkeypatch.setattr(commands, "DataApi", lambda *_: api)
    assert commands.main(["end-sessions"], environment) == 0
    assert capsys.readouterr().out == "3 sessions have ended\n"
    assert api.calls == [("end_all_sessions", {})]


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
