"""The ticket of a confirmed booking: the same token and calendar as in the email.

Its customer's page asks with an access token; who has the link of a guest's email, with the key in it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, Response, jsonify

from backend import logs, schemas
from backend.answers import EmailContext, LinkedTicket
from backend.database import Database
from backend.emails import Emails
from backend.errors import ApiError
from backend.payments import signed_in_user
from backend.qr_codes import qr_code
from backend.request_body import read_json
from backend.sessions import hash_token
from backend.settings import Settings
from backend.tokens import Tokens


def blueprint(settings: Settings, database: Database, tokens: Tokens) -> Blueprint:
    """ticket and ticket.ics under /api/bookings/<id>; open, calendar and cancel under /api/tickets."""
    tickets = Blueprint("tickets", __name__, url_prefix="/api")
    emails = Emails(settings, tokens)

    def own(booking_id: UUID) -> EmailContext:
        """Raises sign_in_required, unknown_booking."""
        logs.add(booking_id=str(booking_id))
        return database.email(booking_id, signed_in_user(tokens))

    def linked() -> LinkedTicket:
        """Raises link_expired."""
        link = read_json(schemas.TicketLink)
        return database.open_ticket(link.reference, hash_token(link.key))

    def ticket_of(context: EmailContext) -> schemas.Ticket | None:
        if context["booking"]["status"] != "confirmed":
            return None
        token = emails.ticket(context)
        return schemas.Ticket(token=token, reference=context["booking"]["reference"], qr=qr_code(token))

    def calendar_of(context: EmailContext) -> Response:
        """Raises no_ticket."""
        if context["booking"]["status"] != "confirmed":
            raise ApiError("no_ticket")
        response = Response(emails.calendar(context, datetime.now(UTC)), content_type="text/calendar; charset=utf-8")
        name = f"frontrow-{context['booking']['reference']}.ics"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def shown(ticket: LinkedTicket) -> Response:
        logs.add(booking_id=ticket["booking"]["id"])
        answer = schemas.LinkedTicket(
            booking=ticket["booking"], ticket=ticket_of(ticket["email"]), cancellable=ticket["cancellable"]
        )
        return jsonify(answer.model_dump())

    @tickets.get("/bookings/<uuid:booking_id>/ticket")
    def own_ticket(booking_id: UUID) -> Response:  # pyright: ignore[reportUnusedFunction]
        ticket = ticket_of(own(booking_id))
        if ticket is None:
            raise ApiError("no_ticket")
        return jsonify(ticket.model_dump())

    @tickets.get("/bookings/<uuid:booking_id>/ticket.ics")
    def own_calendar(booking_id: UUID) -> Response:  # pyright: ignore[reportUnusedFunction]
        return calendar_of(own(booking_id))

    @tickets.post("/tickets/open")
    def open_ticket() -> Response:  # pyright: ignore[reportUnusedFunction]
        return shown(linked())

    @tickets.post("/tickets/calendar")
    def calendar() -> Response:  # pyright: ignore[reportUnusedFunction]
        return calendar_of(linked()["email"])

    @tickets.post("/tickets/cancel")
    def cancel() -> Response:  # pyright: ignore[reportUnusedFunction]
        link = read_json(schemas.TicketLink)
        return shown(database.cancel_by_link(link.reference, hash_token(link.key)))

    return tickets
