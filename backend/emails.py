"""The emails: the ticket for what was paid, another time for it, a refund that is on its way or was refused, a
cancellation.

Each has a text and an HTML part that say the same. The ticket also has its QR code, shown in the HTML and mentioned in
the text, and an .ics for the calendar, which later emails replace or cancel. Times are the theater's, with the name of
its zone; in the .ics they are UTC.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from html import escape
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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
    "seats_gone": "Your payment arrived after your hold had expired, and someone else had booked the seats. We "
    "never swap seats, so nothing was booked.",
    "showtime_closed": "Your payment arrived when this showtime was no longer on sale, so nothing was booked.",
    "showtime_cancelled": "The cinema has cancelled this showtime. We are sorry.",
    "too_many_seats": "Your payment arrived after your hold had expired, and you had chosen other seats meanwhile; "
    "together they are more than one person may book, so these were not booked.",
    "booking_cancelled": "Your payment arrived after the booking had been cancelled.",
    "second_payment": "This booking was paid twice. Your tickets stay valid; we refund the second payment.",
    "amount_differs": "The amount that arrived was not the price of the booking.",
    "made_at_stripe": "The cinema has refunded you.",
}

_ENDED: Final = ("cancelled", "refunded")
_FREE_CANCELLATION: Final = (
    "If the new time does not suit you, you can cancel this booking free of charge until the showtime starts."
)


@dataclass(frozen=True)
class Emails:
    """Writes them. `key` is the outbox key: the same key gives the same Message-ID, which shows a duplicate as one."""

    settings: Settings
    tokens: Tokens

    def confirmation(self, key: str, context: EmailContext, now: datetime) -> EmailMessage:
        """Write the ticket; where the booking has ended since it was paid, say so and leave the ticket out."""
        booking, movie = context["booking"], context["movie"]
        if booking["status"] != "confirmed":
            return self._message(
                key,
                context,
                now,
                subject=f"Your booking for {movie['title']} ({booking['reference']})",
                opening=["Your payment for this booking arrived. The booking has been cancelled since."],
                closing=["A separate email covers the cancellation and your refund."],
            )
        message = self._message(
            key,
            context,
            now,
            subject=f"Your tickets for {movie['title']} ({booking['reference']})",
            opening=[
                "Your seats are booked. Show the QR code in this email at the door, or give your reference.",
                *_moved_since(context),
            ],
            link=("View or cancel this booking", self._booking_page(context)),
            qr=_qr_png(self.ticket(context)),
        )
        self._attach_calendar(message, context, self.calendar(context, now), "PUBLISH")
        return message

    def showtime_moved(self, key: str, context: EmailContext, was: str, now: datetime) -> EmailMessage:
        """Say that the showtime of a ticket, which was to start at that instant, has another time; where the booking
        has ended since, say so and leave the ticket out."""
        booking, movie = context["booking"], context["movie"]
        zone = context["theater"]["time_zone"]
        moved = [
            "The cinema has moved this showtime.",
            f"It was: {local_time(was, zone)}",
            f"It now starts: {local_time(context['showtime']['starts_at'], zone)}",
        ]
        subject = f"New time for {movie['title']} ({booking['reference']})"
        if booking["status"] != "confirmed":
            return self._message(
                key,
                context,
                now,
                subject=subject,
                opening=[*moved, "The booking has been cancelled since, so you don't need to do anything."],
            )
        message = self._message(
            key,
            context,
            now,
            subject=subject,
            opening=[
                *moved,
                "Your seats are the same, and your tickets stay valid. The calendar entry in this email replaces the "
                "earlier one.",
                _FREE_CANCELLATION,
            ],
            link=("View or cancel this booking", self._booking_page(context)),
            qr=_qr_png(self.ticket(context)),
        )
        self._attach_calendar(message, context, self.calendar(context, now), "PUBLISH")
        return message

    def ticket(self, context: EmailContext) -> str:
        """Return what the QR code of a confirmed booking holds."""
        booking = context["booking"]
        return self.tokens.ticket(Ticket(UUID(booking["id"]), booking["reference"], booking["showtime_id"]))

    def calendar(self, context: EmailContext, now: datetime) -> str:
        """Return the show as an .ics, which replaces those of its earlier times."""
        return _calendar(context, now, self._sender())

    def refund(self, key: str, context: EmailContext, refund: RefundOrder, now: datetime) -> EmailMessage:
        """Say how much is on its way back and why, and, where it was not for the whole, that the tickets stay valid."""
        booking, movie = context["booking"], context["movie"]
        amount = money(refund["amount"], refund["currency"])
        reason = [_REASONS.get(refund["reason"], _REASONS["made_at_stripe"])]
        has_ended = booking["status"] in _ENDED
        if refund["reason"] == "made_at_stripe" and booking["status"] == "confirmed" and refund["kept"] > 0:
            reason = ["The cinema has refunded part of the price. Your booking and your tickets stay valid."]
        elif refund["reason"] == "made_at_stripe" and booking["status"] != "expired":
            reason.append("The booking is cancelled, and its tickets are no longer valid.")
            has_ended = True
        message = self._message(
            key,
            context,
            now,
            subject=f"Your refund of {amount} for {movie['title']} ({booking['reference']})",
            opening=[
                f"{amount} is on its way back to the card or account that you paid with.",
                *reason,
                "Banks take up to ten days to show it.",
            ],
            link=("Your bookings", self.settings.app_url),
        )
        if has_ended:
            self._attach_cancellation(message, context, now)
        return message

    def refund_failed(self, key: str, context: EmailContext, refund: RefundOrder, now: datetime) -> EmailMessage:
        """Say that the customer's bank refused a refund, and what happens next."""
        booking, movie = context["booking"], context["movie"]
        amount = money(refund["amount"], refund["currency"])
        again = refund["reason"] != "made_at_stripe"
        return self._message(
            key,
            context,
            now,
            subject=f"Your bank refused a refund of {amount} for {movie['title']} ({booking['reference']})",
            opening=[
                f"Your bank did not accept {amount} for the card or account that you paid with.",
                *(["We still owe you this money and will keep trying."] if again else []),
                "If that card or account is closed, contact the cinema and give your reference.",
            ],
            link=("Your bookings", self.settings.app_url),
        )

    def cancellation(self, key: str, context: EmailContext, reason: str, now: datetime) -> EmailMessage:
        """Say that a paid booking has ended of which nothing is left to refund."""
        booking, movie = context["booking"], context["movie"]
        message = self._message(
            key,
            context,
            now,
            subject=f"Your booking for {movie['title']} is cancelled ({booking['reference']})",
            opening=[
                _REASONS.get(reason, "This booking is cancelled."),
                "Its tickets are no longer valid.",
                "There is nothing left to refund: what you paid has already gone back to you or to your bank.",
            ],
            link=("Your bookings", self.settings.app_url),
        )
        self._attach_cancellation(message, context, now)
        return message

    def _message(
        self,
        key: str,
        context: EmailContext,
        now: datetime,
        *,
        subject: str,
        opening: Sequence[str],
        closing: Sequence[str] = (),
        link: tuple[str, str] | None = None,
        qr: bytes | None = None,
    ) -> EmailMessage:
        facts = _facts(context)
        greeting = _greeting(context["customer"]["full_name"])
        message = EmailMessage()
        message["From"] = self._sender()
        message["To"] = _recipient(context["customer"])
        message["Subject"] = _one_line(subject)
        message["Date"] = format_datetime(now)
        # Hashed for its length: a folded Message-ID is one that some programs misread.
        message["Message-ID"] = f"<{sha256(key.encode()).hexdigest()[:32]}@{self._domain()}>"
        message["Auto-Submitted"] = "auto-generated"
        lines = [greeting, "", *opening, "", *(f"{what}: {value}" for what, value in facts), "", *closing]
        if link is not None:
            lines.append(f"{link[0]}: {link[1]}")
        message.set_content("\n".join(lines) + "\n")
        image = f"ticket.{context['booking']['reference']}@{self._domain()}"
        message.add_alternative(_html(greeting, opening, facts, closing, link, image if qr else None), subtype="html")
        if qr is not None:
            html = message.get_body(("html",))
            assert isinstance(html, EmailMessage), "the HTML part was just added"
            html.add_related(qr, "image", "png", cid=f"<{image}>", filename="ticket.png", disposition="inline")
        return message

    def _attach_cancellation(self, message: EmailMessage, context: EmailContext, now: datetime) -> None:
        """Take the show out of the calendar of a customer who had a ticket."""
        if context["was_confirmed"]:
            self._attach_calendar(message, context, _calendar(context, now, self._sender(), cancel=True), "CANCEL")

    def _attach_calendar(self, message: EmailMessage, context: EmailContext, calendar: str, method: str) -> None:
        name = f"frontrow-{context['booking']['reference']}.ics"
        message.add_attachment(calendar, subtype="calendar", filename=name, params={"method": method})

    def _booking_page(self, context: EmailContext) -> str:
        return f"{self.settings.app_url}/bookings/{context['booking']['id']}"

    def _sender(self) -> Address:
        name, address = parseaddr(self.settings.mail_from)
        return Address(name, addr_spec=address)

    def _domain(self) -> str:
        return self._sender().domain


def local_time(instant: str, time_zone: str) -> str:
    """Return an ISO 8601 instant as the theater's clock shows it, with the zone's name: Friday, 4 December 2026, 19:30
    (Europe/Vienna). In the hour that autumn has twice it says which one: 01:30 EDT."""
    zone = _zone(time_zone)
    at = datetime.fromisoformat(instant).astimezone(zone)
    clock = f"{at:%H:%M} {_zone_then(at)}" if _is_doubled(at) else f"{at:%H:%M}"
    return f"{_WEEKDAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year}, {clock} ({zone.key})"


def _zone(name: str) -> ZoneInfo:
    """Return that zone, or UTC where it is younger than this machine's list: an email must leave all the same."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _is_doubled(at: datetime) -> bool:
    """Tell whether the clocks there show this time twice, before and after they are put back."""
    return at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()


def _zone_then(at: datetime) -> str:
    """Return EDT, CET and the like; where a zone has no letters, its distance: UTC+1030."""
    name = at.tzname() or ""
    return name if name[:1].isalpha() else f"UTC{name}"


def _facts(context: EmailContext) -> list[tuple[str, str]]:
    """Describe the booking, line by line."""
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
    greeting: str,
    opening: Sequence[str],
    facts: Sequence[tuple[str, str]],
    closing: Sequence[str],
    link: tuple[str, str] | None,
    image: str | None,
) -> str:
    rows = "".join(
        f'<tr><th align="left" style="padding:2px 16px 2px 0">{escape(what)}</th><td>{escape(value)}</td></tr>\n'
        for what, value in facts
    )
    code = f'<p><img src="cid:{escape(image)}" alt="Your ticket as a QR code" width="300"></p>\n' if image else ""
    return (
        '<!doctype html>\n<html lang="en">\n<body style="font-family:sans-serif;max-width:36em">\n'
        f"<p>{escape(greeting)}</p>\n"
        + "".join(f"<p>{escape(line)}</p>\n" for line in opening)
        + f"{code}<table>\n{rows}</table>\n"
        + "".join(f"<p>{escape(line)}</p>\n" for line in closing)
        + (f'<p><a href="{escape(link[1])}">{escape(link[0])}</a></p>\n' if link else "")
        + "</body>\n</html>\n"
    )


def _qr_png(content: str) -> bytes:
    output = io.BytesIO()
    segno.make_qr(content, error="l", boost_error=False).save(output, kind="png", scale=6, border=4)
    return output.getvalue()


def _moved_since(context: EmailContext) -> list[str]:
    """Say for which time a ticket was booked, where that is not when its showtime starts."""
    was, starts_at = context["moved_from"], context["showtime"]["starts_at"]
    if was is None or datetime.fromisoformat(was) == datetime.fromisoformat(starts_at):
        return []
    before = local_time(was, context["theater"]["time_zone"])
    return [f"This showtime was moved after you had chosen it. It was: {before}", _FREE_CANCELLATION]


def _calendar(context: EmailContext, now: datetime, sender: Address, *, cancel: bool = False) -> str:
    """Return the show as a calendar event, or its cancellation. Its times are UTC, which every program shows in its
    owner's zone: of a local time in the hour that autumn has twice, none could tell which one it is.

    Calendars know it again by its UID and keep what has the higher SEQUENCE (RFC 5546, 2.1.4 and 4.1): the showtime's
    revision, and one more for the cancellation, after which nothing comes."""
    booking, theater, showtime = context["booking"], context["theater"], context["showtime"]
    event = icalendar.Event.new(
        uid=f"{booking['id']}@{sender.domain}",
        stamp=now.astimezone(UTC),
        sequence=showtime["revision"] + (1 if cancel else 0),
        status=icalendar.STATUS.CANCELLED if cancel else icalendar.STATUS.CONFIRMED,
        organizer=icalendar.vCalAddress.new(sender.addr_spec, cn=_one_line(sender.display_name) or None),
        start=datetime.fromisoformat(showtime["starts_at"]).astimezone(UTC),
        end=datetime.fromisoformat(showtime["ends_at"]).astimezone(UTC),
        summary=_one_line(context["movie"]["title"]),
        location=_one_line(f"{theater['name']}, {context['auditorium']}, {theater['address']}, {theater['city']}"),
        description="\n".join(f"{what}: {value}" for what, value in _facts(context)),
    )
    calendar = icalendar.Calendar.new(
        prodid="-//Frontrow//Tickets//EN",
        method="CANCEL" if cancel else "PUBLISH",
        uid=event.uid,
        subcomponents=[event],
    )
    return calendar.to_ical().decode()


def _recipient(customer: EmailCustomer) -> Address:
    """Return the address without the name: a long name with commas is folded into more than one recipient by some
    programs, Python's own among them (gh-80222)."""
    local, _, domain = customer["email"].rpartition("@")
    return Address(username=local, domain=domain)


_LONGEST_GREETED, _MOST_WORDS_GREETED = 40, 5
_WORD = re.compile(r"(?:[^\W\d_]\.)+|(?:[^\W\d_]\.)*[^\W\d_]+(?:['’\u2010·-][^\W\d_]+)*\.?")
"""Letters with apostrophes and hyphens between them, initials with their dots, and an abbreviation's dot."""


def _greeting(full_name: str) -> str:
    """Greet by name where it is plainly one, of a few words of letters. Anybody may register with somebody else's
    address, and the name is theirs to choose: no number to call, no domain, no sentence of theirs gets into our email.
    """
    words = _bare(full_name).split()
    plain = (
        0 < len(words) <= _MOST_WORDS_GREETED
        and len(full_name) <= _LONGEST_GREETED
        and all(_WORD.fullmatch(word) for word in words)
    )
    return f"Hello {full_name}," if plain else "Hello,"


def _bare(name: str) -> str:
    """Return a name without marks and joiners, which are no letters to a regular expression."""
    return "".join(c for c in name if unicodedata.category(c) not in ("Mn", "Mc") and c not in "\u200c\u200d")


def _one_line(text: str) -> str:
    """Replace line breaks and other control characters, which a header must not have."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
