"""The ticket of a confirmed booking for its customer's page: the same token and calendar as in the email."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import segno
from flask import Blueprint, Response, jsonify

from backend import logs
from backend.answers import EmailContext
from backend.database import Database
from backend.emails import Emails
from backend.errors import ApiError
from backend.payments import signed_in_user
from backend.settings import Settings
from backend.tokens import Tokens


def blueprint(settings: Settings, database: Database, tokens: Tokens) -> Blueprint:
    """GET /api/bookings/<id>/ticket and /api/bookings/<id>/ticket.ics."""
    tickets = Blueprint("tickets", __name__, url_prefix="/api/bookings/<uuid:booking_id>")
    emails = Emails(settings, tokens)

    def own_confirmed(booking_id: UUID) -> EmailContext:
        """Raises sign_in_required, unknown_booking, no_ticket."""
        logs.add(booking_id=str(booking_id))
        context = database.email(booking_id, signed_in_user(tokens))
        if context["booking"]["status"] != "confirmed":
            raise ApiError("no_ticket")
        return context

    @tickets.get("/ticket")
    def ticket(booking_id: UUID) -> Response:  # pyright: ignore[reportUnusedFunction]
        context = own_confirmed(booking_id)
        token = emails.ticket(context)
        return jsonify(token=token, reference=context["booking"]["reference"], qr=_qr(token))

    @tickets.get("/ticket.ics")
    def calendar(booking_id: UUID) -> Response:  # pyright: ignore[reportUnusedFunction]
        context = own_confirmed(booking_id)
        response = Response(emails.calendar(context, datetime.now(UTC)), content_type="text/calendar; charset=utf-8")
        name = f"frontrow-{context['booking']['reference']}.ics"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    return tickets


def _qr(content: str) -> dict[str, int | str]:
    """Return a QR code as an SVG path of its dark modules, and how many a side has with the quiet zone of four."""
    code = segno.make_qr(content, error="l", boost_error=False)
    rows = [bytes(row) for row in code.matrix_iter(border=4)]
    path = "".join(f"M{x} {y}h{length}v1h-{length}z" for y, row in enumerate(rows) for x, length in _runs(row))
    return {"size": len(rows), "path": path}


def _runs(row: bytes) -> list[tuple[int, int]]:
    """Return where dark modules begin, and how many there are in a line."""
    runs: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if dark and x and row[x - 1]:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        elif dark:
            runs.append((x, 1))
    return runs
