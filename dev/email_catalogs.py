"""Keeps the catalogs of emails (backend/emails/locales) at the sentences that templates and code have.

python -m dev.email_catalogs        take new sentences into every catalog, and drop those that are no more
python -m dev.email_catalogs de     the same, and begin that language's

Says which sentences each language lacks. English of another region than the United States need not have any: it says
only what it says otherwise.
"""

from __future__ import annotations

import io
import re
import sys
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from backend.emails.languages import LOCALES, SOURCE

_METHODS: Final = [("templates/**", "jinja2.ext:babel_extract"), ("**.py", "python")]
_OPTIONS: Final = {"templates/**": {"trimmed": "true", "newstyle_gettext": "true"}}
_NEEDLESS_HEADERS: Final = re.compile(
    r'^"(?!Language: |Plural-Forms: |MIME-Version: |Content-)[A-Z][A-Za-z-]+: .*\n',
    re.MULTILINE,
)
"""Would differ from day to day, or from one version of Babel to the next, or say nothing."""


def updated(tag: str, text: str = "") -> str:
    """Return that catalog with the sentences of today, and what it had for them."""
    locale = tag.replace("-", "_")
    before = read_po(io.StringIO(text), locale=locale)
    catalog = Catalog(locale, header_comment=f"# What emails say in {tag}.", fuzzy=False)
    for file, _, sentence, _, _ in extract_from_dir(LOCALES.parent, _METHODS, _OPTIONS):
        catalog.add(sentence, before[sentence].string if sentence in before else "", [(file, 0)])
    output = io.BytesIO()
    write_po(output, catalog, sort_by_file=True, include_lineno=False)
    return _NEEDLESS_HEADERS.sub("", output.getvalue().decode())


def lacks(text: str) -> list[str]:
    """Return the sentences that a catalog does not have, or has with other placeholders."""
    catalog = read_po(io.StringIO(text))
    wrong = [message.id for message, _ in catalog.check()]
    return [str(message.id) for message in catalog if message.id and (_is_empty(message) or message.id in wrong)]


def _is_empty(message: Message) -> bool:
    strings = [message.string] if isinstance(message.string, str) else message.string or [""]
    return not all(strings)


def main() -> int:
    """The command line."""
    match sys.argv[1:]:
        case []:
            paths = sorted(LOCALES.glob("*.po"))
        case [tag] if re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", tag) and tag != SOURCE:
            paths = sorted({*LOCALES.glob("*.po"), LOCALES / f"{tag}.po"})
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    for path in paths:
        text = updated(path.stem, path.read_text() if path.exists() else "")
        path.write_text(text)
        if not path.stem.startswith("en"):
            for sentence in lacks(text):
                print(f"{path.stem} lacks: {sentence}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
