"""The emails about bookings: what they say, and that calendars and mail programs can read them."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, message_from_string, policy
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any, cast

import icalendar
import pytest
import segno

from backend.answers import RefundOrder
from backend.emails import Emails
from backend.emails.languages import language
from backend.money import money
from backend.settings import Settings
from backend.tokens import Tokens
from tests.emails.examples import BOOKING, NOW, REFUND, WAS, changed

KEY = "mail:confirmation:5f0c0f4e-0b9c-4b57-9d6c-4c1d6a1b9d11"
CONTEXT = BOOKING


@dataclass
class Read:
    """An email as a mail program reads it from the wire."""

    message: EmailMessage

    @classmethod
    def of(cls, message: EmailMessage) -> Read:
        return cls(cast(EmailMessage, message_from_bytes(message.as_bytes(), policy=policy.default)))

    def part(self, content_type: str) -> Any:
        (found,) = [part for part in self.message.walk() if part.get_content_type() == content_type]
        return found

    @property
    def text(self) -> str:
        return self.part("text/plain").get_content()

    @property
    def html(self) -> str:
        return self.part("text/html").get_content()


@pytest.fixture
def emails(settings: Settings) -> Emails:
    return Emails(settings, Tokens.of(settings))


def test_the_ticket_says_everything(emails: Emails) -> None:
    read = Read.of(emails.confirmation(KEY, CONTEXT, NOW))
    for fact in (
        *("Ada Lovelace", "ABCD2345", "Scala, Saal 1", "Ring 1, Top 2, Wien", "F7, F8 (love seat)", "EUR 1,234.50"),
        "Friday, December 4, 2026, 7:30 PM (Europe/Vienna)",
    ):
        assert fact in read.text
        assert fact in read.html
    assert "Nosferatu <1922> & more" in read.text
    assert "Nosferatu &lt;1922&gt; &amp; more" in read.html
    assert read.message["Subject"] == "Your tickets for Nosferatu <1922> & more (ABCD2345)"
    assert read.message["From"] == "Frontrow <tickets@frontrow.example>"
    assert read.message["To"] == "ada@example.com"
    assert "\n\nHello Ada Lovelace,\n\n" in read.text
    assert "<p>Hello Ada Lovelace,</p>" in read.html
    assert read.message["Auto-Submitted"] == "auto-generated"
    link = f"{emails.settings.app_url}/bookings/{CONTEXT['booking']['id']}"
    assert f"View or cancel this booking: {link}\n" in read.text
    assert f'href="{link}"' in read.html


def test_the_message_id_is_the_outbox_keys(emails: Emails) -> None:
    one, two = (emails.confirmation(KEY, CONTEXT, NOW + timedelta(days=days)) for days in (0, 1))
    assert one["Message-ID"] == two["Message-ID"]
    assert one["Message-ID"] != emails.confirmation(KEY + "x", CONTEXT, NOW)["Message-ID"]
    assert re.fullmatch(r"<[0-9a-f]{32}@frontrow\.example>", Read.of(one).message["Message-ID"])


@pytest.mark.parametrize("zone", ["Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "UTC"])
def test_the_calendar_has_instants_in_utc(emails: Emails, zone: str) -> None:
    read = Read.of(emails.confirmation(KEY, changed(theater={"time_zone": zone}), NOW))
    attachment = read.part("text/calendar")
    assert attachment.get_filename() == "frontrow-ABCD2345.ics"
    assert attachment["Content-Type"].params["method"] == "PUBLISH"
    calendar = icalendar.Calendar.from_ical(attachment.get_content())
    (event,) = calendar.events
    assert re.findall("^DT(?:START|END).*", attachment.get_content().replace("\r", ""), re.MULTILINE) == [
        "DTSTART:20261204T183000Z",
        "DTEND:20261204T202000Z",
    ]
    assert calendar.timezones == []
    assert str(event["uid"]).startswith(CONTEXT["booking"]["id"])
    assert "ABCD2345" in event["description"]
    assert event["location"] == "Scala, Saal 1, Ring 1, Top 2, Wien"


def test_the_qr_code_holds_a_signed_ticket(emails: Emails, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    contents: list[str] = []
    make = segno.make_qr

    def noted(content: str, **options: Any) -> segno.QRCode:
        contents.append(content)
        return make(content, **options)

    monkeypatch.setattr(segno, "make_qr", noted)
    starts = datetime.now(UTC) + timedelta(days=1)
    showtime = {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(hours=2)).isoformat()}
    read = Read.of(emails.confirmation(KEY, changed(showtime=showtime), NOW))
    image = read.part("image/png")
    assert image.get_content_disposition() == "inline"
    assert f'src="cid:{image["Content-ID"].strip("<>")}"' in read.html
    (token,) = contents
    ticket = Tokens.of(settings).read_ticket(token)
    assert (str(ticket.booking_id), ticket.reference, ticket.showtime_id) == (
        CONTEXT["booking"]["id"],
        "ABCD2345",
        3,
    )
    expected = io.BytesIO()
    make(token, error="l", boost_error=False).save(expected, kind="png", scale=6, border=4)
    assert image.get_content() == expected.getvalue()


def test_email_of_a_cancelled_booking_has_no_ticket(emails: Emails) -> None:
    read = Read.of(emails.confirmation(KEY, changed(booking={"status": "cancelled"}), NOW))
    assert "cancelled since" in read.text
    types = {part.get_content_type() for part in read.message.walk()}
    assert not {"image/png", "text/calendar"} & types


REASONS = {
    "cancelled_by_customer": "You cancelled this booking.",
    "seats_gone": "Your payment arrived after your hold had expired, and someone else had booked the seats. We never "
    "swap seats, so nothing was booked.",
    "showtime_closed": "Your payment arrived when this showtime was no longer on sale, so nothing was booked.",
    "showtime_cancelled": "The cinema has cancelled this showtime. We are sorry.",
    "too_many_seats": "Your payment arrived after your hold had expired, and you had chosen other seats meanwhile;"
    " together they are more than one person may book, so these were not booked.",
    "booking_cancelled": "Your payment arrived after the booking had been cancelled.",
    "second_payment": "This booking was paid twice. Your tickets stay valid; we refund the second payment.",
    "amount_differs": "The amount that arrived was not the price of the booking.",
    "made_at_stripe": "The cinema has refunded you.",
}


@pytest.mark.parametrize("reason", [*REASONS, "of_tomorrow"])
def test_a_refund_says_how_much_and_why(emails: Emails, reason: str) -> None:
    read = Read.of(emails.refund("mail:refund:1", CONTEXT, {**REFUND, "reason": reason}, NOW))
    assert read.message["Subject"] == "Your refund of EUR 1,234.50 for Nosferatu <1922> & more (ABCD2345)"
    assert REASONS.get(reason, "The cinema has refunded you.") in read.text
    assert "ABCD2345" in read.html


@pytest.mark.parametrize(
    ("status", "kept", "says"),
    [
        ("confirmed", 500, "Your booking and your tickets stay valid."),
        # The whole price is on its way; Stripe has yet to say that it went.
        ("confirmed", 0, "its tickets are no longer valid"),
        ("refunded", 0, "its tickets are no longer valid"),
        ("cancelled", 500, "its tickets are no longer valid"),
    ],
)
def test_a_refund_of_the_cinema_says_whether_the_tickets_stay_valid(
    emails: Emails, status: str, kept: int, says: str
) -> None:
    refund: RefundOrder = {**REFUND, "reason": "made_at_stripe", "kept": kept}
    read = Read.of(emails.refund("mail:refund:1", changed(booking={"status": status}), refund, NOW))
    assert says in read.text
    assert says in read.html
    assert ("stay valid" in read.text) is (says.endswith("stay valid."))


@pytest.mark.parametrize(("reason", "tried_again"), [("cancelled_by_customer", True), ("made_at_stripe", False)])
def test_a_refused_refund_says_what_happens_next(emails: Emails, reason: str, tried_again: bool) -> None:
    read = Read.of(emails.refund_failed("mail:refund_failed:1", CONTEXT, {**REFUND, "reason": reason}, NOW))
    assert "Your bank refused a refund of EUR 1,234.50" in read.message["Subject"]
    assert "did not accept EUR 1,234.50" in read.html
    assert ("keep trying" in read.text) is tried_again


@pytest.mark.parametrize("reason", ["cancelled_by_customer", "showtime_cancelled", "of_tomorrow"])
def test_a_cancellation_without_a_refund_says_why_there_is_none(emails: Emails, reason: str) -> None:
    read = Read.of(emails.cancellation("mail:cancellation:1", changed(booking={"status": "cancelled"}), reason, NOW))
    assert "is cancelled (ABCD2345)" in read.message["Subject"]
    assert REASONS.get(reason, "This booking is cancelled.") in read.text
    assert "nothing left to refund" in read.html
    assert "image/png" not in {part.get_content_type() for part in read.message.walk()}


# Calendars -----------------------------------------------------------------------------------------------------------


def calendar_of(message: EmailMessage) -> tuple[icalendar.Calendar, icalendar.Event] | None:
    """The calendar and its event that an email carries; the method is the same in both places that name it."""
    read = Read.of(message)
    if "text/calendar" not in {part.get_content_type() for part in read.message.walk()}:
        return None
    attachment = read.part("text/calendar")
    calendar = icalendar.Calendar.from_ical(attachment.get_content())
    assert isinstance(calendar, icalendar.Calendar)
    assert attachment["Content-Type"].params["method"] == calendar.method
    (event,) = calendar.events
    return calendar, event


def test_the_entry_of_a_move_replaces_the_one_of_the_ticket(emails: Emails) -> None:
    """RFC 5546, 4.1: the same UID and organizer, and a higher SEQUENCE."""
    before = calendar_of(emails.confirmation(KEY, changed(showtime={"starts_at": WAS, "revision": 3}), NOW))
    after = calendar_of(emails.showtime_moved("mail:showtime_moved:1", CONTEXT, WAS, NOW + timedelta(days=1)))
    assert before
    assert after
    for calendar, event in (before, after):
        assert calendar.method == "PUBLISH"
        assert event["status"] == "CONFIRMED"
        assert event["organizer"] == "mailto:tickets@frontrow.example"
        assert event["organizer"].params["cn"] == "Frontrow"
        assert not event.attendees
    assert before[1]["uid"] == after[1]["uid"]
    assert (before[1].sequence, after[1].sequence) == (3, 4)
    assert before[1].stamp < after[1].stamp
    assert (before[1].start, after[1].start) == (
        datetime.fromisoformat(WAS),
        datetime.fromisoformat(CONTEXT["showtime"]["starts_at"]),
    )


@pytest.mark.parametrize("email", ["refund", "cancellation"])
@pytest.mark.parametrize("status", ["cancelled", "refunded"])
def test_a_booking_that_has_ended_leaves_the_calendar(emails: Emails, email: str, status: str) -> None:
    ticket = calendar_of(emails.confirmation(KEY, CONTEXT, NOW))
    context = changed(booking={"status": status})
    found = calendar_of(
        emails.refund("mail:refund:1", context, {**REFUND, "reason": "showtime_cancelled"}, NOW)
        if email == "refund"
        else emails.cancellation("mail:cancellation:1", context, "showtime_cancelled", NOW)
    )
    assert ticket
    assert found
    calendar, event = found
    assert calendar.method == "CANCEL"
    assert (event["status"], event.sequence) == ("CANCELLED", 5)
    assert (event["uid"], event["organizer"], event.start) == (
        ticket[1]["uid"],
        ticket[1]["organizer"],
        ticket[1].start,
    )


@pytest.mark.parametrize(
    ("changes", "reason", "kept", "cancels"),
    [
        ({"booking": {"status": "confirmed"}}, "second_payment", 0, False),
        ({"booking": {"status": "confirmed"}}, "made_at_stripe", 500, False),
        ({"booking": {"status": "confirmed"}}, "made_at_stripe", 0, True),
        ({"booking": {"status": "cancelled"}}, "made_at_stripe", 0, True),
        ({"booking": {"status": "cancelled"}, "was_confirmed": False}, "booking_cancelled", 0, False),
        ({"booking": {"status": "expired"}, "was_confirmed": False}, "seats_gone", 0, False),
    ],
)
def test_a_refund_takes_out_of_the_calendar_what_was_in_it_and_has_ended(
    emails: Emails, changes: dict[str, Any], reason: str, kept: int, cancels: bool
) -> None:
    refund: RefundOrder = {**REFUND, "reason": reason, "kept": kept}
    found = calendar_of(emails.refund("mail:refund:1", changed(**changes), refund, NOW))
    assert (found is not None) is cancels


# Moved showtimes -----------------------------------------------------------------------------------------------------


def test_a_move_says_both_times_and_that_one_may_cancel(emails: Emails) -> None:
    read = Read.of(emails.showtime_moved("mail:showtime_moved:1", CONTEXT, WAS, NOW))
    assert read.message["Subject"] == "New time for Nosferatu <1922> & more (ABCD2345)"
    link = f"{emails.settings.app_url}/bookings/{CONTEXT['booking']['id']}"
    for sentence in (
        "It was: Thursday, December 3, 2026, 8:00 PM (Europe/Vienna)",
        "It now starts: Friday, December 4, 2026, 7:30 PM (Europe/Vienna)",
        "your tickets stay valid",
        "you can cancel this booking free of charge until the showtime starts",
    ):
        assert sentence in read.text
        assert sentence in read.html
    assert f"View or cancel this booking: {link}\n" in read.text
    assert f'href="{link}"' in read.html
    assert read.part("image/png")


def test_a_move_within_the_hour_that_autumn_has_twice_says_which(emails: Emails) -> None:
    showtime = {"starts_at": "2027-11-07T06:30:00+00:00", "ends_at": "2027-11-07T08:15:00+00:00"}
    context = changed(showtime=showtime, theater={"time_zone": "America/New_York"})
    read = Read.of(emails.showtime_moved("mail:showtime_moved:1", context, "2027-11-07T05:30:00+00:00", NOW))
    assert f"It was: {NIGHT_OF_25_HOURS}, 1:30 AM EDT (America/New_York)" in read.text
    assert f"It now starts: {NIGHT_OF_25_HOURS}, 1:30 AM EST (America/New_York)" in read.text


@pytest.mark.parametrize("status", ["cancelled", "refunded"])
def test_a_move_of_what_was_cancelled_since_promises_nothing(emails: Emails, status: str) -> None:
    """The email about the cancellation takes it out of the calendar."""
    read = Read.of(emails.showtime_moved("mail:showtime_moved:1", changed(booking={"status": status}), WAS, NOW))
    assert "cancelled since" in read.text
    assert "valid" not in read.text
    assert not {"image/png", "text/calendar"} & {part.get_content_type() for part in read.message.walk()}


NAMES_THAT_MEAN_MORE = [
    "Ada\r\nBcc: eve@example.com",
    "Lovelace, Ada",
    "x" * 200,
    "a, " * 66,
    "Ada: Lovelace, " * 12,  # CPython gh-80222 folded the quotes away
    "Ada <eve@other.example>, Bob",
    "a@victim.example>,<b\uff20other.example",
    '"Ada" <eve@other.example>',
    "=?utf-8?q?eve=40other.example=2C?=",
    "group: eve@other.example;",
]


@pytest.mark.parametrize("full_name", NAMES_THAT_MEAN_MORE)
@pytest.mark.parametrize("address", ["ada@example.com", "zo\u00eb@xn--mller-kva.example"])
def test_an_email_has_one_recipient_whatever_the_name(emails: Emails, full_name: str, address: str) -> None:
    message = emails.confirmation(KEY, changed(customer={"full_name": full_name, "email": address}), NOW)
    wire = message.as_bytes(policy=policy.SMTPUTF8 if not address.isascii() else policy.SMTP).decode()
    read = message_from_string(wire, policy=policy.SMTP)
    assert [(each.display_name, each.addr_spec) for each in read["To"].addresses] == [("", address)]
    assert {"cc", "bcc", "resent-to"} & {name.lower() for name in read} == set()
    by_older_programs = message_from_string(wire, policy=policy.compat32)
    assert getaddresses(by_older_programs.get_all("To", [])) == [("", address)]


@pytest.mark.parametrize(("moved_from", "says"), [(WAS, True), (None, False), ("2026-12-04T19:30:00+01:00", False)])
def test_a_ticket_says_for_which_other_time_it_was_booked(emails: Emails, moved_from: str | None, says: bool) -> None:
    """Not where the showtime was moved and moved back."""
    read = Read.of(emails.confirmation(KEY, changed(moved_from=moved_from), NOW))
    assert ("It was: Thursday, December 3, 2026, 8:00 PM (Europe/Vienna)" in read.text) is says
    assert ("free of charge" in read.html) is says


@pytest.mark.parametrize(
    "full_name",
    [
        "Ada",
        "Ada Lovelace",
        "Zo\u00eb \u674e",
        "J.R.R. Tolkien",
        "Dr. Strange",
        "O\u2019Brien-Smith",
        "\u0645\u06cc\u200c\u0646\u0648",
        "\u0906\u0930\u0924\u0940",
    ],
)
def test_a_plain_name_is_greeted(emails: Emails, full_name: str) -> None:
    read = Read.of(emails.confirmation(KEY, changed(customer={"full_name": full_name}), NOW))
    assert f"\n\nHello {full_name},\n\n" in read.text


@pytest.mark.parametrize(
    "full_name",
    [
        *NAMES_THAT_MEAN_MORE,
        "URGENT: pay at https://evil.example",
        "evil.example",
        "Call 0900 123456",
        "Your account is locked. Write to eve",
        "Ada \U0001f469\u200d\U0001f680",
        "Ada!",
        "",
    ],
)
def test_what_might_be_a_message_of_its_own_is_not_greeted(emails: Emails, full_name: str) -> None:
    read = Read.of(emails.confirmation(KEY, changed(customer={"full_name": full_name}), NOW))
    assert "\n\nHello,\n\n" in read.text
    assert "<p>Hello,</p>" in read.html
    assert not full_name or full_name not in read.text + read.html


def test_markup_in_names_stays_text(emails: Emails) -> None:
    email = changed(customer={"full_name": "<script>alert(1)</script>"}, movie={"title": "<img src=x>"})
    html = Read.of(emails.confirmation(KEY, email, NOW)).html
    assert "<script" not in html
    assert "<img src=x>" not in html


@pytest.mark.parametrize(
    ("tag", "instant", "said"),
    [
        ("en-US", "2026-07-01T18:30:00+00:00", "Wednesday, July 1, 2026, 8:30 PM (Europe/Vienna)"),
        ("en-US", "2026-12-31T23:30:00+00:00", "Friday, January 1, 2027, 12:30 AM (Europe/Vienna)"),
        ("en-GB", "2026-07-01T18:30:00+00:00", "Wednesday, 1 July 2026, 20:30 (Europe/Vienna)"),
        ("en-GB", "2026-12-31T23:30:00+00:00", "Friday, 1 January 2027, 00:30 (Europe/Vienna)"),
    ],
)
def test_summer_and_winter_in_the_order_of_each_country(tag: str, instant: str, said: str) -> None:
    assert language(tag).time(instant, "Europe/Vienna") == said


NIGHT_OF_25_HOURS = "Sunday, November 7, 2027"


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "clock"),
    [
        ("05:30", "06:15", "1:30 AM EDT"),  # an end that the clock shows before the start
        ("06:30", "07:15", "1:30 AM EST"),
        ("04:30", "05:15", "12:30 AM"),
        ("07:30", "08:15", "2:30 AM"),
    ],
)
def test_the_hour_that_autumn_has_twice(emails: Emails, starts_at: str, ends_at: str, clock: str) -> None:
    showtime = {"starts_at": f"2027-11-07T{starts_at}:00+00:00", "ends_at": f"2027-11-07T{ends_at}:00+00:00"}
    context = changed(showtime=showtime, theater={"time_zone": "America/New_York"})
    read = Read.of(emails.confirmation(KEY, context, NOW))
    line = f"{NIGHT_OF_25_HOURS}, {clock} (America/New_York)"
    assert line in read.text
    assert line in read.html
    (event,) = icalendar.Calendar.from_ical(emails.calendar(context, NOW)).events
    assert event.start == datetime.fromisoformat(showtime["starts_at"])
    assert event.end == datetime.fromisoformat(showtime["ends_at"])
    assert line in event["description"]


def test_a_zone_that_python_does_not_know_keeps_no_email_back(emails: Emails) -> None:
    context = changed(theater={"time_zone": "Mars/Olympus"})
    assert "December 4, 2026, 6:30 PM (UTC)" in Read.of(emails.confirmation(KEY, context, NOW)).text


def test_a_doubled_hour_of_a_zone_without_letters() -> None:
    # Lord Howe puts its clocks back by half an hour: 01:45 at +11, and again at +1030.
    time = language("en-GB").time
    assert "01:45 UTC+11 (Australia/Lord_Howe)" in time("2027-04-03T14:45:00+00:00", "Australia/Lord_Howe")
    assert "01:45 UTC+1030 (Australia/Lord_Howe)" in time("2027-04-03T15:15:00+00:00", "Australia/Lord_Howe")


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (0, "EUR", "EUR 0.00"),
        (5, "EUR", "EUR 0.05"),
        (2400, "GBP", "GBP 24.00"),
        (-150, "USD", "USD -1.50"),
        (4500, "JPY", "JPY 4,500"),
        (12345, "KWD", "KWD 12.345"),
        (123456789, "EUR", "EUR 1,234,567.89"),
        # As Stripe counts, not as people write.
        (250_000, "HUF", "HUF 2,500.00"),
        (50_000, "TWD", "TWD 500.00"),
        (150_000, "ISK", "ISK 1,500.00"),
        (2_500_000, "UGX", "UGX 25,000.00"),
        # Given up by Stripe when Croatia took the euro.
        (1234, "HRK", "HRK 12.34"),
    ],
)
def test_money(amount: int, currency: str, text: str) -> None:
    assert money(amount, currency) == text
    if amount >= 0:  # no email has less
        assert language("en-US").money(amount, currency) == language("en-GB").money(amount, currency) == text
