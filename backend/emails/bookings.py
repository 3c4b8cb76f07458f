"""What emails say of a booking, line by line, and the show as an entry of a calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address

import icalendar

from backend.answers import EmailContext, EmailSeat
from backend.emails.languages import Language
from backend.emails.names import one_line


def facts(context: EmailContext, language: Language) -> list[tuple[str, str]]:
    """Describe the booking: a label and a value each."""
    booking, theater = context["booking"], context["theater"]
    seats = booking["seats"]
    described = [
        (language.gettext("Reference"), booking["reference"]),
        (language.gettext("Film"), context["movie"]["title"]),
        (language.gettext("Theater"), f"{theater['name']}, {context['auditorium']}"),
        (language.gettext("Address"), f"{theater['address']}, {theater['city']}"),
        (language.gettext("Time"), language.time(context["showtime"]["starts_at"], theater["time_zone"])),
        (language.ngettext("Seat", "Seats", len(seats)), ", ".join(_seat(seat, language) for seat in seats)),
        (language.gettext("Total"), language.money(booking["total"], booking["currency"])),
    ]
    return [(what, one_line(value)) for what, value in described]


def _seat(seat: EmailSeat, language: Language) -> str:
    gettext = language.gettext
    kinds = {
        "standard": "",
        "premium": gettext("premium"),
        "wheelchair": gettext("wheelchair place"),
        "companion": gettext("companion"),
        "love": gettext("love seat"),
    }
    remark = kinds.get(seat["kind"], seat["kind"])
    return f"{seat['row']}{seat['number']}" + (f" ({remark})" if remark else "")


def calendar_entry(
    context: EmailContext, language: Language, now: datetime, sender: Address, *, cancel: bool = False
) -> str:
    """Return the show as an .ics, or its cancellation. Its times are UTC, which every program shows in its owner's
    zone: of a local time in the hour that autumn has twice, none could tell which one it is.

    Calendars know it again by its UID and keep what has the higher SEQUENCE (RFC 5546, 2.1.4 and 4.1): the showtime's
    revision, and one more for the cancellation, after which nothing comes."""
    booking, theater, showtime = context["booking"], context["theater"], context["showtime"]
    event = icalendar.Event.new(
        uid=f"{booking['id']}@{sender.domain}",
        stamp=now.astimezone(UTC),
        sequence=showtime["revision"] + (1 if cancel else 0),
        status=icalendar.STATUS.CANCELLED if cancel else icalendar.STATUS.CONFIRMED,
        organizer=icalendar.vCalAddress.new(sender.addr_spec, cn=one_line(sender.display_name) or None),
        start=datetime.fromisoformat(showtime["starts_at"]).astimezone(UTC),
        end=datetime.fromisoformat(showtime["ends_at"]).astimezone(UTC),
        summary=one_line(context["movie"]["title"]),
        location=one_line(f"{theater['name']}, {context['auditorium']}, {theater['address']}, {theater['city']}"),
        description="\n".join(f"{what}: {value}" for what, value in facts(context, language)),
    )
    calendar = icalendar.Calendar.new(
        prodid="-//Frontrow//Tickets//EN",
        method="CANCEL" if cancel else "PUBLISH",
        uid=event.uid,
        subcomponents=[event],
    )
    return calendar.to_ical().decode()
