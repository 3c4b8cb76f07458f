"""The languages of emails: their sentences, from the catalogs in the folder locales, and how each writes times and
amounts, from the Unicode CLDR by Babel.

Templates and code hold the sentences in American English. A catalog, named after its language (en-GB.po), holds what
that language says instead. It is compiled when it is first used, so that there is no compiled file to go stale.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.units import format_unit

from backend.money import digits

LOCALES: Final = Path(__file__).parent / "locales"
SOURCE: Final = "en-US"
"""The language of the sentences in templates and code, and of everybody whose own we do not have."""


@dataclass(frozen=True)
class Language:
    """One language: its tag as in HTML's lang, its formats, its sentences."""

    tag: str
    locale: Locale
    translations: NullTranslations

    def gettext(self, sentence: str) -> str:
        """Return a sentence in this language."""
        return self.translations.gettext(sentence)

    def ngettext(self, one: str, several: str, count: int) -> str:
        """Return the sentence for that many in this language."""
        return self.translations.ngettext(one, several, count)

    def time(self, instant: str, time_zone: str) -> str:
        """Return an ISO 8601 instant as the theater's clock shows it, with the zone's name: Friday, December 4, 2026,
        7:30 PM (Europe/Vienna). In the hour that autumn has twice it says which one: 1:30 AM EDT."""
        zone = _zone(time_zone)
        at = datetime.fromisoformat(instant).astimezone(zone)
        clock = format_time(at, "short", tzinfo=zone, locale=self.locale)
        if _is_doubled(at):
            clock = f"{clock} {_zone_then(at)}"
        # The CLDR has narrow spaces, which the fonts of some mail programs lack.
        said = self.gettext("%(date)s, %(time)s (%(zone)s)").replace("\u202f", " ")
        date = format_date(at, "full", locale=self.locale)
        return said % {"date": date, "time": clock.replace("\u202f", " "), "zone": zone.key}

    def money(self, amount: int, currency: str) -> str:
        """Format an amount in minor units with its ISO code, in Stripe's digits: EUR 1,234.50."""
        fraction = digits(currency)
        pattern = "#,##0" + (f".{'0' * fraction}" if fraction else "")
        number = format_decimal(Decimal(amount).scaleb(-fraction), pattern, self.locale).replace("\u202f", "\u00a0")
        leads = self.locale.currency_formats["standard"].pattern.startswith("\u00a4")
        return f"{currency} {number}" if leads else f"{number} {currency}"

    def duration(self, minutes: int) -> str:
        """Return 30 minutes, 24 hours."""
        count, unit = (minutes, "duration-minute") if minutes % 60 else (minutes // 60, "duration-hour")
        return format_unit(count, unit, "long", locale=self.locale)


def available() -> tuple[str, ...]:
    """Return the tags of the languages that there are sentences in, first the one that others fall back to."""
    return (SOURCE, *sorted(path.stem for path in LOCALES.glob("*.po")))


def language(tag: str) -> Language:
    """Return that language; where there is none, the same in another region, and else American English."""
    tags = available()
    same = [known for known in tags if known.partition("-")[0] == tag.partition("-")[0]]
    return _load(tag if tag in tags else same[0] if same else SOURCE)


@cache
def _load(tag: str) -> Language:
    return Language(tag, Locale.parse(tag, sep="-"), _translations(tag))


def _translations(tag: str) -> NullTranslations:
    if tag == SOURCE:
        return NullTranslations()
    compiled = io.BytesIO()
    with (LOCALES / f"{tag}.po").open("rb") as catalog:
        write_mo(compiled, read_po(catalog, locale=tag.replace("-", "_"), abort_invalid=True))
    compiled.seek(0)
    return GNUTranslations(compiled)


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
