"""The letters: a ticket for what was paid, and word of money on its way back.

Each has a text and an HTML part that say the same. The ticket also brings its QR code, shown in the HTML and told of in
the text, and an .ics for the calendar. Times are the theater's, with the name of its zone.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from html import escape
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import icalendar
import segno

from backend.answers import EmailContext, EmailCustomer, RefundOrder
from backend.money import money
from backend.settings import Settings
from backend.tokens import Ticket, Tokens

_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

_KINDS: Final = {
    "standard": "",
    "premium": "premium",
    "wheelchair": "wheelchair place",
    "companion": "companion",
    "love": "love seat",
}

_REASONS: Final = {
    "cancelled_by_customer": "You cancelled this booking.",
    "seats_gone": "Your payment arrived after your seats were no longer held, and somebody else had taken them. We "
    "never swap seats, so nothing was booked.",
    "showtime_closed": "Your payment arrived when this showtime was no longer sold, so nothing was booked.",
    "showtime_cancelled": "The cinema has cancelled this showtime. We are sorry.",
    "too_many_seats": "Your payment arrived after your seats were no longer held, and you had taken others meanwhile; "
    "together they are more than one person may have, so these were not booked.",
    "booking_cancelled": "Your payment arrived after the booking had been cancelled.",
    "second_payment": "This booking was paid twice. The first payment keeps your seats; the second goes back.",
    "amount_differs": "The amount that arrived was not the price of the booking.",
    "made_at_stripe": "The cinema has returned your money.",
}


@dataclass(frozen=True)
class Emails:
    """Writes them. `key` is the outbox key: the same key gives the same Message-ID, so a duplicate can be told."""

    settings: Settings
    tokens: Tokens

    def confirmation(self, key: str, context: EmailContext, now: datetime) -> EmailMessage:
        """The ticket; where the booking has ended since it was paid, word of that, with no ticket."""
        booking, movie = context["booking"], context["movie"]
        if booking["status"] != "confirmed":
            return self._message(
                key,
                context,
                now,
                subject=f"Your booking for {movie['title']} ({booking['reference']})",
                opening=["Your payment for this booking arrived. The booking has been cancelled since."],
                closing=["A context of its own tells you about your money."],
            )
        message = self._message(
            key,
            context,
            now,
            subject=f"Your tickets for {movie['title']} ({booking['reference']})",
            opening=["Your seats are booked. Show the QR code of this context, or tell the reference, at the door."],
            closing=[f"Bookings and cancellation: {self.settings.app_url}"],
            qr=_qr_png(self.ticket(context)),
        )
        message.add_attachment(
            self.calendar(context, now),
            subtype="calendar",
            filename=f"frontrow-{booking['reference']}.ics",
            params={"method": "PUBLISH"},
        )
        return message

    def ticket(self, context: EmailContext) -> str:
        """What the QR code of a confirmed booking holds."""
        booking = context["booking"]
        ticket = Ticket(UUID(booking["id"]), booking["reference"], booking["showtime_id"])
        return self.tokens.ticket(ticket, datetime.fromisoformat(context["showtime"]["ends_at"]))

    def calendar(self, context: EmailContext, now: datetime) -> str:
        """The show as an .ics."""
        return _calendar(context, now, self._domain())

    def refund(self, key: str, context: EmailContext, refund: RefundOrder, now: datetime) -> EmailMessage:
        """Money is on its way back, how much and why."""
        booking, movie = context["booking"], context["movie"]
        amount = money(refund["amount"], refund["currency"])
        return self._message(
            key,
            context,
            now,
            subject=f"Your refund of {amount} for {movie['title']} ({booking['reference']})",
            opening=[
                f"{amount} is on its way back to the card or account that you paid with.",
                _REASONS.get(refund["reason"], "The cinema has returned your money."),
                "Banks take up to ten days to show it.",
            ],
            closing=[f"Your bookings: {self.settings.app_url}"],
        )

    def _message(
        self,
        key: str,
        context: EmailContext,
        now: datetime,
        *,
        subject: str,
        opening: Sequence[str],
        closing: Sequence[str],
        qr: bytes | None = None,
    ) -> EmailMessage:
        facts = _facts(context)
        name = _one_line(context["customer"]["full_name"])
        message = EmailMessage()
        message["From"] = self._sender()
        message["To"] = _recipient(context["customer"])
        message["Subject"] = _one_line(subject)
        message["Date"] = format_datetime(now)
        # Hashed for its length: a folded Message-ID is one that some programs misread.
        message["Message-ID"] = f"<{sha256(key.encode()).hexdigest()[:32]}@{self._domain()}>"
        message["Auto-Submitted"] = "auto-generated"
        lines = [f"Hello {name},", "", *opening, "", *(f"{what}: {value}" for what, value in facts), "", *closing]
        message.set_content("\n".join(lines) + "\n")
        image = f"ticket.{context['booking']['reference']}@{self._domain()}"
        message.add_alternative(_html(name, opening, facts, closing, image if qr else None), subtype="html")
        if qr is not None:
            html = message.get_body(("html",))
            assert isinstance(html, EmailMessage), "the HTML part was just added"
            html.add_related(qr, "image", "png", cid=f"<{image}>", filename="ticket.png", disposition="inline")
        return message

    def _sender(self) -> Address:
        name, address = parseaddr(self.settings.mail_from)
        return Address(name, addr_spec=address)

    def _domain(self) -> str:
        return parseaddr(self.settings.mail_from)[1].rpartition("@")[2]


def local_time(instant: str, time_zone: str) -> str:
    """An ISO 8601 instant as the theater's clock shows it, with the zone's name: Friday, 4 December 2026, 19:30
    (Europe/Vienna)."""
    at = datetime.fromisoformat(instant).astimezone(ZoneInfo(time_zone))
    return f"{_WEEKDAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year}, {at:%H:%M} ({time_zone})"


def _facts(context: EmailContext) -> list[tuple[str, str]]:
    """What the booking is, line by line."""
    booking, theater = context["booking"], context["theater"]
    seats = [_seat(seat["row"], seat["number"], seat["kind"]) for seat in booking["seats"]]
    facts = [
        ("Reference", booking["reference"]),
        ("Film", context["movie"]["title"]),
        ("Theater", f"{theater['name']}, {context['auditorium']}"),
        ("Address", f"{theater['address']}, {theater['city']}"),
        ("Time", local_time(context["showtime"]["starts_at"], theater["time_zone"])),
        ("Seat" if len(seats) == 1 else "Seats", ", ".join(seats)),
        ("Total", money(booking["total"], booking["currency"])),
    ]
    return [(what, _one_line(value)) for what, value in facts]


def _seat(row: str, number: int, kind: str) -> str:
    remark = _KINDS.get(kind, kind)
    return f"{row}{number}" + (f" ({remark})" if remark else "")


def _html(
    name: str, opening: Sequence[str], facts: Sequence[tuple[str, str]], closing: Sequence[str], image: str | None
) -> str:
    rows = "".join(
        f'<tr><th align="left" style="padding:2px 16px 2px 0">{escape(what)}</th><td>{escape(value)}</td></tr>\n'
        for what, value in facts
    )
    code = f'<p><img src="cid:{escape(image)}" alt="Your ticket as a QR code" width="300"></p>\n' if image else ""
    return (
        '<!doctype html>\n<html lang="en">\n<body style="font-family:sans-serif;max-width:36em">\n'
        f"<p>Hello {escape(name)},</p>\n"
        + "".join(f"<p>{escape(line)}</p>\n" for line in opening)
        + f"{code}<table>\n{rows}</table>\n"
        + "".join(f"<p>{escape(line)}</p>\n" for line in closing)
        + "</body>\n</html>\n"
    )


def _qr_png(content: str) -> bytes:
    output = io.BytesIO()
    segno.make_qr(content, error="l", boost_error=False).save(output, kind="png", scale=6, border=4)
    return output.getvalue()


def _calendar(context: EmailContext, now: datetime, domain: str) -> str:
    """The show as a calendar event in the theater's zone, whose rules the file brings along."""
    booking, theater = context["booking"], context["theater"]
    zone = ZoneInfo(theater["time_zone"])
    starts_at = datetime.fromisoformat(context["showtime"]["starts_at"]).astimezone(zone)
    ends_at = datetime.fromisoformat(context["showtime"]["ends_at"]).astimezone(zone)
    event = icalendar.Event.new(
        uid=f"{booking['id']}@{domain}",
        stamp=now.astimezone(UTC),
        start=starts_at,
        end=ends_at,
        summary=_one_line(context["movie"]["title"]),
        location=_one_line(f"{theater['name']}, {context['auditorium']}, {theater['address']}, {theater['city']}"),
        description="\n".join(f"{what}: {value}" for what, value in _facts(context)),
    )
    calendar = icalendar.Calendar.new(
        prodid="-//Frontrow//Tickets//EN", method="PUBLISH", uid=event.uid, subcomponents=[event]
    )
    # The years around the show: a file with a zone's whole history is read by nobody.
    calendar.add_missing_timezones(date(starts_at.year - 1, 1, 1), date(starts_at.year + 2, 1, 1))
    return calendar.to_ical().decode()


def _recipient(customer: EmailCustomer) -> Address:
    local, _, domain = customer["email"].rpartition("@")
    if not domain.isascii():
        domain = domain.encode("idna").decode()
    return Address(_one_line(customer["full_name"]), local, domain)


def _one_line(text: str) -> str:
    """Without line breaks and other control characters, which a header must not have."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
