"""python -m backend: what a command says when the database does not answer as it should."""

from __future__ import annotations

import pytest

from backend import __main__ as commands
from backend.errors import UnavailableError
from tests.backend.ports import FakeDataApi


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
