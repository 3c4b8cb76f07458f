"""The transport: what goes over the wire to the Data API, and what its answers mean to us."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any, cast
from uuid import UUID

import httpx
import postgrest
import pytest

from backend import database as database_module
from backend.database import DataApi, Database
from backend.errors import AnswerError, ApiError, UnavailableError
from dev.config import free_ports
from dev.keys import Keys
from tests.backend.test_emails import CONTEXT, REFUND
from tests.backend.test_webhook import FIGURES

KEY = "sb_secret_hidden"


@dataclass
class Recorder:
    """A Data API that answers as instructed and keeps what it was asked."""

    status: int = 200
    body: bytes = b"null"
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    url: str = ""

    def answer(self, status: int, body: object) -> None:
        self.status, self.body = status, body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            # The test goes on, and says the next answer, as soon as it has the head of this one.
            status, body = recorder.status, recorder.body
            sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            recorder.requests.append((self.command, self.path, headers, json.loads(sent) if sent else None))
            recorder.connections.add(self.client_address)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _serve  # noqa: N815 - the base class looks for these names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    recorder.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield recorder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def api(recorder: Recorder) -> Iterator[DataApi]:
    api = DataApi(recorder.url, KEY)
    yield api
    api.close()


@pytest.fixture
def database(api: DataApi) -> Database:
    return Database(api)


@pytest.mark.parametrize("key", [KEY, Keys.generate().service_role_jwt])
def test_both_kinds_of_keys_travel_as_apikey(recorder: Recorder, key: str) -> None:
    api = DataApi(recorder.url, key)
    recorder.answer(200, {"seats_released": 1})
    assert Database(api).release_expired_locks() == {"seats_released": 1}
    api.close()
    ((method, path, headers, body),) = recorder.requests
    assert (method, path, body) == ("POST", "/rest/v1/rpc/release_expired_locks", {})
    assert (headers["apikey"], headers["authorization"]) == (key, f"Bearer {key}")


def test_arguments_are_the_functions(recorder: Recorder, database: Database) -> None:
    recorder.answer(200, {"outcome": "confirmed"})
    outcome = database.confirm_booking(
        event_id="evt_1",
        event_type="t",
        payment_intent_id="pi_1",
        amount=5,
        currency="eur",
        booking_id=UUID(int=7),
    )
    assert outcome == {"outcome": "confirmed"}
    assert recorder.requests[0][3] == {
        "event_id": "evt_1",
        "event_type": "t",
        "payment_intent_id": "pi_1",
        "amount": 5,
        "currency": "eur",
        "booking_id": "00000000-0000-0000-0000-000000000007",
    }


def test_void_and_scalar_answers_are_read(recorder: Recorder, database: Database) -> None:
    recorder.answer(204, b"")
    database.close_session("00", everywhere=False)
    recorder.answer(200, False)
    row: Any = {"id": 1, "attempt": 1}
    assert database.complete_outbox(row, None) is False
    recorder.answer(200, {"status": "refused"})
    assert database.rotate_session("00", "11") is None


PAYMENT = {
    "payment_id": "p",
    "booking_id": "b",
    "reference": "ABCD2345",
    "amount": 2400,
    "currency": "EUR",
    "payment_intent_id": None,
    "expires_at": "2026-12-02T10:00:00+00:00",
}


def test_fields_of_a_newer_database_are_left_out(recorder: Recorder, database: Database) -> None:
    recorder.answer(200, {**PAYMENT, "tip": 100})
    assert database.start_payment(UUID(int=1), UUID(int=2)) == PAYMENT


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ({**PAYMENT, "amount": "hidden"}, "amount: int_type"),
        ({**PAYMENT, "amount": 24.5}, "amount: int_type"),
        ({**PAYMENT, "amount": True}, "amount: int_type"),
        ({name: value for name, value in PAYMENT.items() if name != "currency"}, "currency: missing"),
        ([PAYMENT], "answer: dict_type"),
        (None, "answer: dict_type"),
    ],
)
def test_an_answer_of_another_shape_is_an_error_that_quotes_nothing(
    recorder: Recorder, database: Database, caplog: pytest.LogCaptureFixture, answer: object, field: str
) -> None:
    recorder.answer(200, answer)
    with pytest.raises(AnswerError, match=f"^start_payment answered in another shape: {field}$"):
        database.start_payment(UUID(int=1), UUID(int=2))
    (line,) = [record for record in caplog.records if record.name == "backend.answers"]
    assert (vars(line)["function"], vars(line)["fields"]) == ("start_payment", [field])
    assert "hidden" not in str(vars(line))


def test_each_row_of_a_page_is_checked(recorder: Recorder, database: Database) -> None:
    recorder.answer(200, [{"payment_id": "p", "payment_intent_id": "pi"}, {"payment_id": "q"}])
    with pytest.raises(AnswerError, match=r"1\.payment_intent_id: missing"):
        database.claim_payments_to_reconcile(120, 20)


def test_work_of_tomorrow_does_not_hide_the_metrics(recorder: Recorder, database: Database) -> None:
    """An older Flask meets a newer database in every deployment; its alerts must not say that nothing answers."""
    outbox = [{"kind": "of_tomorrow", "state": "queued", "rows": 1, "oldest_seconds": 2, "overdue_seconds": 0.5}]
    recorder.answer(200, {**FIGURES, "outbox": outbox})
    assert database.operational_metrics()["outbox"] == outbox


def test_labels_of_tomorrow_refuse_nothing(recorder: Recorder, database: Database) -> None:
    user = {"id": "u", "email": "ada@example.com", "full_name": "Ada", "role": "of_tomorrow"}
    recorder.answer(200, {"status": "known", "user": user, "password_hash": "h"})
    assert database.begin_sign_in("ada@example.com", "10.0.0.7")["status"] == "known"
    email = copy.deepcopy(cast(dict[str, Any], CONTEXT))
    email["booking"]["status"] = email["movie"]["certificate"] = "of_tomorrow"
    email["booking"]["seats"][0]["kind"] = "of_tomorrow"
    row = {"id": 1, "attempt": 1, "kind": "mail_refund", "key": "k", "booking_id": "b", "payload": {}}
    recorder.answer(200, [{**row, "email": email, "refund": {**REFUND, "status": "of_tomorrow"}}])
    assert len(database.claim_outbox(1, 60, ["mail_refund"])) == 1
    recorder.answer(200, {**FIGURES, "refunds": {"of_tomorrow": 1}, "bookings_recent": {"of_tomorrow": 1}})
    assert database.operational_metrics()["refunds"] == {"of_tomorrow": 1}


def test_no_question_is_asked_about_no_refunds(recorder: Recorder, database: Database) -> None:
    assert database.compare_refunds([]) == {}
    assert recorder.requests == []


def test_pages_are_asked_for_until_one_is_not_full(recorder: Recorder, database: Database) -> None:
    paid = {"booking_id": "b", "payment_intent_id": "pi", "amount": 2400, "currency": "EUR", "refunds": []}
    page = [{"payment_id": f"p{number}", **paid} for number in range(200)]
    recorder.answer(200, page)
    payments = database.payments_to_verify(datetime(2026, 11, 1, tzinfo=UTC))
    assert len(list(islice(payments, 200))) == 200
    recorder.answer(200, page[:3])
    assert len(list(payments)) == 3
    asked = [body for _, _, _, body in recorder.requests]
    assert [arguments["after"] for arguments in asked] == [None, "p199"]


def test_refusals_become_api_errors(recorder: Recorder, database: Database) -> None:
    recorder.answer(
        409, {"code": "PT409", "message": "email_taken", "details": '{"x": [7]}', "hint": "There is an account."}
    )
    with pytest.raises(ApiError) as refused:
        database.register_user("a@example.com", "h", "A")
    assert (refused.value.code, refused.value.status, refused.value.details) == ("email_taken", 409, {"x": [7]})


@pytest.mark.parametrize("details", [None, "", "text", "[7]", {"not": "text"}])
def test_malformed_details_are_ignored(recorder: Recorder, database: Database, details: object) -> None:
    recorder.answer(404, {"code": "PT404", "message": "unknown_user", "details": details, "hint": None})
    with pytest.raises(ApiError):
        database.open_session("u", "00", None, "192.0.2.1", "hash")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, {"code": "PGRST001", "message": "Database client error."}),
        (503, {"code": "PGRST002", "message": "Could not query the schema cache."}),
        (504, {"code": "PGRST003", "message": "Timed out acquiring connection."}),
        (503, {"code": "57P01", "message": "terminating connection"}),
        (400, {"code": "", "details": None, "hint": None, "message": ""}),
        (500, {"code": "57014", "message": "canceling statement"}),
        (500, {"code": "40P01", "message": "deadlock detected"}),
        (500, {"code": "55P03", "message": "lock timeout"}),
        (503, {"code": "53300", "message": "too many connections"}),
        (503, {"code": "PT503", "message": "busy", "details": None, "hint": "Ours, and our gateway's."}),
        (503, {"code": "503", "message": "unavailable", "details": None, "hint": "The gateway."}),
        (502, b"<html>Bad gateway</html>"),
        (504, b""),
    ],
)
def test_contention_and_outages_are_unavailable(
    recorder: Recorder, database: Database, status: int, body: object
) -> None:
    recorder.answer(status, body)
    with pytest.raises(UnavailableError):
        database.release_expired_locks()
    assert len(recorder.requests) == 1, "only a refused connection is tried again"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"code": "PGRST202", "message": "Could not find the function"}),
        (401, {"code": "42501", "message": "permission denied"}),
        (401, {"message": "Invalid API key"}),
        (400, {"code": "23514", "message": "violates check constraint"}),
        (409, {"code": "PT409", "message": "a_code_of_tomorrow"}),
    ],
)
def test_other_errors_are_raised_as_they_are(recorder: Recorder, database: Database, status: int, body: object) -> None:
    recorder.answer(status, body)
    with pytest.raises(postgrest.APIError):
        database.release_expired_locks()


def test_a_refused_connection_is_tried_once_more_where_that_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(database_module.time, "sleep", pauses.append)
    api = DataApi(f"http://127.0.0.1:{free_ports(1)[0]}", KEY)
    with pytest.raises(UnavailableError) as away:
        Database(api).release_expired_locks()
    assert isinstance(away.value.__cause__, httpx.ConnectError)
    assert len(pauses) == 1
    with pytest.raises(UnavailableError):
        Database(api).rotate_session("00", "11")
    with pytest.raises(UnavailableError):
        Database(api).register_user("a@example.com", "h", "A")
    assert len(pauses) == 1
    api.close()


def test_threads_share_the_connections(recorder: Recorder, database: Database) -> None:
    recorder.answer(200, {"seats_released": 1})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: database.release_expired_locks(), range(80)))
    assert answers == [{"seats_released": 1}] * 80
    assert len(recorder.connections) <= 8
