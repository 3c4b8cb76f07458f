"""Emails of every kind, as they go over the wire; the languages that they are written in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import getaddresses
from html.parser import HTMLParser
from pathlib import Path

import icalendar
import pytest
from jinja2 import UndefinedError

from backend.answers import EmailCinema
from backend.emails import AccountEmail, languages, rendering
from backend.emails.languages import Language, available, language
from backend.emails.rendering import TEMPLATES
from dev import email_catalogs
from tests.emails.__main__ import FOLDER, as_text, content, previews, reread
from tests.emails.examples import ACCOUNT, CINEMA, EXAMPLES, NOW, example_emails, write

UNKNOWN_CINEMA: EmailCinema = {"name": "Frontrow", "contact_email": None, "contact_url": None, "postal_address": None}
CINEMAS = {
    "all": CINEMA,
    "none": UNKNOWN_CINEMA,
    "page": {**UNKNOWN_CINEMA, "contact_url": "https://scala.example/?a=1&b=2"},
    "odd": {**CINEMA, "name": "Bed & <Breakfast>", "postal_address": "1 <b>Ring</b>\n\n\u00a0\nWien"},
}


class Visible(HTMLParser):
    """Gathers what a reader sees of HTML, in the form of the text part: a link as LABEL: ADDRESS, a row as
    LABEL: VALUE, images left out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self._hidden, self._links = "", 0, [""]
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("head", "style")
        if tag == "a":
            self._links = [dict(attrs)["href"] or "", ""]
        self.text += "\n" if tag in ("p", "br", "tr", "table") else ""

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("head", "style")
        if tag == "th" or (tag == "a" and self._links[0] != self._links[1]):
            self.text += ": "
            self.text += self._links[0] if tag == "a" else ""
        self.text += "\n" if tag == "p" else ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text += data
            self._links[-1] += data


def lines(text: str) -> list[str]:
    """The lines of a text that are not empty."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


# Every kind ----------------------------------------------------------------------------------------------------------


def test_the_previews_are_what_readers_get() -> None:
    """And so each kind says today what it said when somebody looked at it last; `make emails` writes them."""
    assert {path.name: path.read_text() for path in FOLDER.iterdir() if path.suffix != ".md"} == previews()


def test_every_template_has_a_preview_that_the_documents_show() -> None:
    shared = {"sentences"}
    assert {example.kind for example in EXAMPLES.values()} == {path.stem for path in TEMPLATES.glob("*.jinja")} - shared
    page = (FOLDER / "README.md").read_text()
    assert [name for name in previews() if name.endswith("html") and f"]({name})" not in page] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_email_has_these_headers_and_one_recipient(name: str) -> None:
    message = reread(write(name))
    assert sorted(message.keys()) == [
        *("Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"),
    ]
    assert message["From"] == "Frontrow <tickets@frontrow.example>"
    assert getaddresses(message.get_all("To", [])) == [("", "ada@example.com")]
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<[0-9a-f]{32}@frontrow\.example>", message["Message-ID"])
    assert re.fullmatch(r"[A-Z][^\r\n]{10,100}", message["Subject"])


ALTERNATIVE = ["multipart/alternative", "text/plain", "text/html"]
WITH_CALENDAR = ["multipart/mixed", *ALTERNATIVE, "text/calendar"]
TICKET = [*WITH_CALENDAR[:3], "multipart/related", "text/html", "image/png", "text/calendar"]
PARTS = {
    **dict.fromkeys(("confirmation", "confirmation-of-a-moved-showtime", "showtime_moved"), TICKET),
    **dict.fromkeys(("refund", "cancellation"), WITH_CALENDAR),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_email_has_these_parts(name: str) -> None:
    message = reread(write(name))
    assert [part.get_content_type() for part in message.walk()] == PARTS.get(name, ALTERNATIVE)


@pytest.mark.parametrize("cinema", CINEMAS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_text_and_html_say_the_same(name: str, cinema: str) -> None:
    for tag in available():
        message = reread(write(name, tag, CINEMAS[cinema]))
        html, text = content(message, "text/html"), content(message, "text/plain")
        assert lines(Visible(html).text) == lines(text)
        assert "\n\n\n" not in text
        assert text.startswith(CINEMAS[cinema]["name"] + "\n\n")


@pytest.mark.parametrize("name", EXAMPLES)
def test_html_is_read_aloud_well_and_fetches_nothing(name: str) -> None:
    message = reread(write(name, "en-GB", CINEMAS["odd"]))
    html = content(message, "text/html")
    assert '<html lang="en-GB">' in html
    assert re.findall("<title>(.+)</title>", html) != []
    for table in re.findall(r"<table.*?>\s*\S+", html):
        assert 'role="presentation"' in table or table.endswith("<tr><th")
    assert all(re.search(r'alt="[^"]+"', image) for image in re.findall("<img.*?>", html))
    assert re.findall(r'src="(?!cid:)|url\(|@import|<link|<script|<b>|&amp;amp;', html) == []


@pytest.mark.parametrize("name", ["refund_failed", "email_changed", "password_changed"])
def test_who_has_to_contact_the_cinema_learns_how(name: str) -> None:
    def says(cinema: EmailCinema) -> str:
        return content(reread(write(name, cinema=cinema)), "text/plain")

    assert "You can reach the cinema at office@scala.example." in says(CINEMA)
    assert "You can reach the cinema at https://scala.example/contact." in says({**CINEMA, "contact_email": None})
    assert "You can reach" not in says(UNKNOWN_CINEMA)
    assert "contact the cinema" in says(UNKNOWN_CINEMA)


def test_the_cinema_stands_above_and_its_contacts_below() -> None:
    text = lines(content(reread(write("no_account")), "text/plain"))
    assert text[0] == "Scala Wien"
    assert text[-6:] == [
        *("Scala Wien", "Scala Kinos KG", "Ring 1", "1010 Wien"),
        *("Contact: office@scala.example", "https://scala.example/contact"),
    ]


# Accounts ------------------------------------------------------------------------------------------------------------

LINKS: dict[AccountEmail, str | None] = {
    "verify_email": "24 hours",
    "reset_password": "24 hours",
    "change_email": "24 hours",
    "account_exists": None,
}


@pytest.mark.parametrize("kind", LINKS)
def test_a_link_stands_in_both_parts_and_says_for_how_long(kind: AccountEmail) -> None:
    link = "https://frontrow.example/x?a=1&b=2#token"
    message = reread(example_emails().account(kind, "mail:1", ACCOUNT, NOW, link=link, valid_minutes=24 * 60))
    text = content(message, "text/plain")
    assert f": {link}\n" in text
    assert 'href="https://frontrow.example/x?a=1&amp;b=2#token"' in content(message, "text/html")
    assert ("24 hours" in text) is (LINKS[kind] is not None)


@pytest.mark.parametrize("kind", LINKS)
def test_an_email_without_the_link_that_it_is_about_is_not_written(kind: AccountEmail) -> None:
    with pytest.raises(UndefinedError, match="link_url"):
        example_emails().account(kind, "mail:1", ACCOUNT, NOW, valid_minutes=30)
    if LINKS[kind]:
        with pytest.raises(UndefinedError, match="valid_for"):
            example_emails().account(kind, "mail:1", ACCOUNT, NOW, link="https://frontrow.example/")


def test_who_never_said_a_name_is_greeted_without() -> None:
    context = {**ACCOUNT, "customer": {"email": "ada@example.com", "full_name": None}}
    message = example_emails().account("no_account", "mail:1", context, NOW)  # pyright: ignore[reportArgumentType]
    assert "\n\nHello,\n\n" in content(reread(message), "text/plain")


@pytest.mark.parametrize(("minutes", "said"), [(1, "1 minute"), (30, "30 minutes"), (60, "1 hour"), (90, "90 minutes")])
def test_a_duration_is_exact(minutes: int, said: str) -> None:
    assert language("en-US").duration(minutes) == said


# Languages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "had"),
    [
        *(("en-US", "en-US"), ("en-GB", "en-GB"), ("en-AU", "en-US"), ("en", "en-US")),
        *(("xx", "en-US"), ("", "en-US"), ("../en-GB", "en-US"), ("en-GB\n", "en-US")),
    ],
)
def test_a_language_without_texts_falls_back(wanted: str, had: str) -> None:
    assert language(wanted).tag == had


def test_britons_read_british_english() -> None:
    message = reread(write("confirmation", "en-GB"))
    assert "Cinema: Scala, Saal 1\nAddress" in content(message, "text/plain")
    assert "Friday, 4 December 2026, 19:30 (Europe/Vienna)" in content(message, "text/html")


@pytest.mark.parametrize("tag", available()[1:])
def test_catalogs_have_the_sentences_of_templates_and_code(tag: str) -> None:
    """`make emails` sees to it."""
    text = (languages.LOCALES / f"{tag}.po").read_text()
    assert email_catalogs.updated(tag, text) == text


@pytest.mark.parametrize("tag", [tag for tag in available() if tag != "en-US"])
def test_sentences_are_plain_text_with_the_placeholders_of_the_original(tag: str) -> None:
    """What a catalog says goes into HTML as it stands."""
    text = (languages.LOCALES / f"{tag}.po").read_text()
    assert re.findall("^.*[<>&].*$", text, re.MULTILINE) == []
    lacking = email_catalogs.lacks(text)
    assert lacking == [] or tag.startswith("en")


GERMAN = {
    "Your tickets for %(title)s (%(reference)s)": "Ihre Karten f\u00fcr %(title)s (%(reference)s)",
    "Hello %(name)s,": "Guten Tag, %(name)s!",
    "Theater": "Kino",
}


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Language]:
    """A language whose catalog has just been begun."""
    catalog = email_catalogs.updated("de")
    for sentence, translated in GERMAN.items():
        begun = f'msgid "{sentence}"\nmsgstr "'
        assert begun in catalog
        catalog = catalog.replace(begun, begun + translated)
    (tmp_path / "de.po").write_text(catalog)
    monkeypatch.setattr(languages, "LOCALES", tmp_path)
    yield language("de-AT")
    languages._load.cache_clear()
    rendering._environment.cache_clear()


def test_another_language_needs_a_catalog_and_nothing_else(german: Language) -> None:
    """Subject, both parts and the calendar are in it, with its dates and amounts; what it lacks is in English."""
    assert german.tag == "de"
    message = reread(write("confirmation", "de-AT"))
    text, html = content(message, "text/plain"), content(message, "text/html")
    assert message["Subject"] == "Ihre Karten f\u00fcr Nosferatu <1922> & more (ABCD2345)"
    for part in (text, html):
        assert "Guten Tag, Ada Lovelace!" in part
        assert "Freitag, 4. Dezember 2026, 19:30 (Europe/Vienna)" in part
        assert "1.234,50 EUR" in part
        assert "Your seats are booked." in part
    assert lines(Visible(html).text) == lines(text)
    assert '<html lang="de">' in html
    assert "Ihre Karten f\u00fcr Nosferatu &lt;1922&gt;" in html
    event = calendar_of(message)
    assert "Kino: Scala, Saal 1" in event["description"]


def calendar_of(message: EmailMessage) -> icalendar.Event:
    calendar = icalendar.Calendar.from_ical(content(message, "text/calendar"))
    assert isinstance(calendar, icalendar.Calendar)
    (event,) = calendar.events
    return event


@pytest.mark.usefixtures("german")
def test_a_catalog_is_known_to_lack_what_it_does_not_say_or_says_with_other_placeholders() -> None:
    text = (languages.LOCALES / "de.po").read_text()
    lacking = email_catalogs.lacks(text)
    assert set(GERMAN) & set(lacking) == set()
    assert "Your seats are booked. Show the QR code in this email at the door, or give your reference." in lacking
    assert any("Seats" in sentence for sentence in lacking)
    assert "Hello %(name)s," in email_catalogs.lacks(text.replace("Tag, %(name)s", "Tag, %(nom)s"))
    renamed = text.replace('msgid "Theater"', 'msgid "Theatre"')
    assert "Kino" not in email_catalogs.updated("de", renamed)


def test_a_preview_shows_the_headers_and_names_the_other_parts() -> None:
    shown = as_text(reread(write("confirmation")))
    assert shown.startswith("From: Frontrow <tickets@frontrow.example>\nTo: ada@example.com\nSubject: Your tickets for")
    assert shown.endswith("[image/png: ticket.png]\n[text/calendar PUBLISH: frontrow-ABCD2345.ics]\n")
