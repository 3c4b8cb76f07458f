"""An email as it goes over the wire: its headers, and its text and HTML with what belongs to them."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256

from backend.emails.rendering import Rendered


def compose(sender: Address, recipient: str, key: str, rendered: Rendered, now: datetime) -> EmailMessage:
    """Return the message of that outbox key: the same key gives the same Message-ID."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = _recipient(recipient)
    message["Subject"] = rendered.subject
    message["Date"] = format_datetime(now)
    # Hashed for its length: a folded Message-ID is one that some programs misread.
    message["Message-ID"] = f"<{sha256(key.encode()).hexdigest()[:32]}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    return message


def add_image(message: EmailMessage, png: bytes, name: str, content_id: str) -> None:
    """Add an image that the HTML shows as cid:content_id."""
    html = message.get_body(("html",))
    assert isinstance(html, EmailMessage), "compose added it"
    html.add_related(png, "image", "png", cid=f"<{content_id}>", filename=name, disposition="inline")


def attach_calendar(message: EmailMessage, calendar: str, method: str, name: str) -> None:
    """Attach an .ics, whose method calendars read here as well."""
    message.add_attachment(calendar, subtype="calendar", filename=name, params={"method": method})


def _recipient(email: str) -> Address:
    """Return the address without a name: a long name with commas is folded into more than one recipient by some
    programs, Python's own among them (gh-80222)."""
    local, _, domain = email.rpartition("@")
    return Address(username=local, domain=domain)
