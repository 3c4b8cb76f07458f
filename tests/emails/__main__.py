"""`make emails`: an email of every kind into docs/emails, as a reader sees it: NAME.html, and NAME.txt with the headers
and the other parts."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Final

import segno

from dev.config import ROOT
from tests.emails.examples import EXAMPLES, PAGE, write

FOLDER: Final = ROOT / "docs" / "emails"
_QR_CODE: Final = "qr-code.svg"
_BRITISH: Final = {"confirmation-in-British-English": ("confirmation", "en-GB")}


def previews() -> Mapping[str, str]:
    """Return the previews by the names of their files. Nothing in them differs from run to run or from machine to
    machine: in place of the QR code, a compressed image, they have a drawing."""
    files: dict[str, str] = {_QR_CODE: _qr_code()}
    shown = {name: (name, "en-US") for name in EXAMPLES} | _BRITISH
    for name, (example, language) in shown.items():
        message = reread(write(example, language))
        files[f"{name}.txt"] = as_text(message)
        files[f"{name}.html"] = _html(message)
    return files


def reread(message: EmailMessage) -> EmailMessage:
    """Return a message as a mail program reads it from the wire."""
    return message_from_bytes(message.as_bytes(policy=policy.SMTP), policy=policy.default)


def as_text(message: EmailMessage) -> str:
    """Return the headers that people see, the text, and what else the message holds."""
    headers = "".join(f"{name}: {message[name]}\n" for name in ("From", "To", "Subject"))
    others = "".join(f"[{other}]\n" for other in _others(message))
    return f"{headers}\n{content(message, 'text/plain')}{others}"


def content(message: EmailMessage, content_type: str) -> str:
    """Return the one part of that type."""
    (found,) = [part for part in message.walk() if part.get_content_type() == content_type]
    assert isinstance(found, EmailMessage)
    return found.get_content().replace("\r\n", "\n")


def _others(message: EmailMessage) -> list[str]:
    named = [(part, part.get_filename()) for part in message.walk() if part.get_filename()]
    return [f"{part.get_content_type()} {part.get_param('method', '')}".strip() + f": {name}" for part, name in named]


def _html(message: EmailMessage) -> str:
    return re.sub(r'"cid:[^"]*"', f'"{_QR_CODE}"', content(message, "text/html"))


def _qr_code() -> str:
    output = io.BytesIO()
    segno.make_qr(PAGE, error="l").save(output, kind="svg", scale=6, light="#fff")
    return output.getvalue().decode()


def main() -> int:
    """Write them, and remove those of what is no more."""
    files = previews()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        if path.name not in files and path.suffix != ".md":
            path.unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text)
    print(f"{len(files)} files in {FOLDER.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
