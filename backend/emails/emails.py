"""The emails, one method each for those about bookings, and one for all about accounts."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Final, Literal
from uuid import UUID

import segno

from backend.answers import AccountEmailContext, EmailCinema, EmailContext, RefundOrder
from backend.emails.bookings import calendar_entry, facts
from backend.emails.languages import language
from backend.emails.message import add_image, attach_calendar, compose
from backend.emails.names import greeted
from backend.emails.rendering import render
from backend.settings import Settings
from backend.tokens import Ticket, Tokens

AccountEmail = Literal[
    "verify_email",  # proof of an address; has a link
    "reset_password",  # has a link
    "change_email",  # to the new address; has a link
    "email_changed",  # to the old address
    "password_changed",  # may have a link, to where one asks for another
    "account_exists",  # somebody registered with this address; has a link to where one signs in
    "no_account",  # somebody asked for another password where there is no account
    "second_factor_changed",
]
"""The kinds of emails about an account. What has a link to prove something by says for how long it is valid."""

_ENDED: Final = ("cancelled", "refunded")


@dataclass(frozen=True)
class Emails:
    """Writes them. `key` is the outbox key: the same key gives the same Message-ID, which shows a duplicate as one."""

    settings: Settings
    tokens: Tokens

    def confirmation(self, key: str, context: EmailContext, now: datetime) -> EmailMessage:
        """Write the ticket; where the booking has ended since it was paid, say so and leave the ticket out."""
        was = context["moved_from"]
        message = self._about_booking("confirmation", key, context, now, was=self._moved(context, was))
        self._add_ticket(message, context, now)
        return message

    def showtime_moved(self, key: str, context: EmailContext, was: str, now: datetime) -> EmailMessage:
        """Say that the showtime of a ticket, which was to start at that instant, has another time; where the booking
        has ended since, say so and leave the ticket out."""
        zone = context["theater"]["time_zone"]
        times = [language(context["language"]).time(at, zone) for at in (was, context["showtime"]["starts_at"])]
        message = self._about_booking("showtime_moved", key, context, now, was=times[0], starts_at=times[1])
        self._add_ticket(message, context, now)
        return message

    def refund(self, key: str, context: EmailContext, refund: RefundOrder, now: datetime) -> EmailMessage:
        """Say how much is on its way back and why, and, where it was not for the whole, that the tickets stay valid."""
        status = context["booking"]["status"]
        by_cinema = refund["reason"] == "made_at_stripe"
        is_part = by_cinema and status == "confirmed" and refund["kept"] > 0
        ends_booking = by_cinema and not is_part and status != "expired"
        message = self._about_booking(
            "refund",
            key,
            context,
            now,
            amount=language(context["language"]).money(refund["amount"], refund["currency"]),
            reason="part" if is_part else refund["reason"],
            ends_booking=ends_booking,
        )
        if ends_booking or status in _ENDED:
            self._attach_cancellation(message, context, now)
        return message

    def refund_failed(self, key: str, context: EmailContext, refund: RefundOrder, now: datetime) -> EmailMessage:
        """Say that the customer's bank refused a refund, and what happens next."""
        return self._about_booking(
            "refund_failed",
            key,
            context,
            now,
            amount=language(context["language"]).money(refund["amount"], refund["currency"]),
            is_tried_again=refund["reason"] != "made_at_stripe",
        )

    def cancellation(self, key: str, context: EmailContext, reason: str, now: datetime) -> EmailMessage:
        """Say that a paid booking has ended of which nothing is left to refund."""
        message = self._about_booking("cancellation", key, context, now, reason=reason)
        self._attach_cancellation(message, context, now)
        return message

    def account(
        self,
        kind: AccountEmail,
        key: str,
        context: AccountEmailContext,
        now: datetime,
        *,
        link: str | None = None,
        valid_minutes: int | None = None,
    ) -> EmailMessage:
        """Write one about an account. Raises UndefinedError where the kind needs a link, or for how long it is valid,
        and none is given."""
        written_in = language(context["language"])
        given = {
            "link_url": link,
            "valid_for": None if valid_minutes is None else written_in.duration(valid_minutes),
        }
        return self._message(kind, key, context, now, {name: value for name, value in given.items() if value})

    def ticket(self, context: EmailContext) -> str:
        """Return what the QR code of a confirmed booking holds."""
        booking = context["booking"]
        return self.tokens.ticket(Ticket(UUID(booking["id"]), booking["reference"], booking["showtime_id"]))

    def calendar(self, context: EmailContext, now: datetime) -> str:
        """Return the show as an .ics, which replaces those of its earlier times."""
        return calendar_entry(context, language(context["language"]), now, self._sender())

    def _about_booking(self, kind: str, key: str, context: EmailContext, now: datetime, **more: object) -> EmailMessage:
        booking = context["booking"]
        about: Mapping[str, object] = {
            "title": context["movie"]["title"],
            "reference": booking["reference"],
            "is_confirmed": booking["status"] == "confirmed",
            "facts": facts(context, language(context["language"])),
            "qr_code_id": self._image(context),
            "booking_page": context.get("booking_page", f"{self.settings.app_url}/bookings/{booking['id']}"),
            "bookings_page": context.get("booking_page", self.settings.app_url),
        }
        return self._message(kind, key, context, now, {**about, **more})

    def _message(
        self,
        kind: str,
        key: str,
        context: EmailContext | AccountEmailContext,
        now: datetime,
        variables: Mapping[str, object],
    ) -> EmailMessage:
        customer = context["customer"]
        common = {"name": greeted(customer["full_name"]), "cinema": _cinema(context["cinema"])}
        rendered = render(kind, language(context["language"]), {**common, **variables})
        return compose(self._sender(), customer["email"], key, rendered, now)

    def _moved(self, context: EmailContext, was: str | None) -> str | None:
        """Return for which time a ticket was booked, where that is not when its showtime starts."""
        starts_at = context["showtime"]["starts_at"]
        if was is None or datetime.fromisoformat(was) == datetime.fromisoformat(starts_at):
            return None
        return language(context["language"]).time(was, context["theater"]["time_zone"])

    def _add_ticket(self, message: EmailMessage, context: EmailContext, now: datetime) -> None:
        if context["booking"]["status"] == "confirmed":
            add_image(message, _qr_png(self.ticket(context)), "ticket.png", self._image(context))
            attach_calendar(message, self.calendar(context, now), "PUBLISH", _calendar_name(context))

    def _attach_cancellation(self, message: EmailMessage, context: EmailContext, now: datetime) -> None:
        """Take the show out of the calendar of a customer who had a ticket."""
        if context["was_confirmed"]:
            cancelled = calendar_entry(context, language(context["language"]), now, self._sender(), cancel=True)
            attach_calendar(message, cancelled, "CANCEL", _calendar_name(context))

    def _image(self, context: EmailContext) -> str:
        return f"ticket.{context['booking']['reference']}@{self._sender().domain}"

    def _sender(self) -> Address:
        name, address = parseaddr(self.settings.mail_from)
        return Address(name, addr_spec=address)


def _cinema(cinema: EmailCinema) -> dict[str, object]:
    """Return the cinema as templates name it; its address line by line."""
    return {**cinema, "postal_address": (cinema["postal_address"] or "").strip().splitlines()}


def _calendar_name(context: EmailContext) -> str:
    return f"frontrow-{context['booking']['reference']}.ics"


def _qr_png(content: str) -> bytes:
    output = io.BytesIO()
    segno.make_qr(content, error="l", boost_error=False).save(output, kind="png", scale=6, border=4)
    return output.getvalue()
