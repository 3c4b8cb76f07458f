"""Writes private.currencies() as source code: one table of currencies for Flask, the page and the database.

python -m dev.currencies python|typescript                print it, from a throw-away database built from sql/
python -m dev.currencies python|typescript DATABASE_URL   the same, from that database
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from dev import migrations

Currencies = Sequence[tuple[str, int, int, int, int]]
"""Code, digits, step, minimum and maximum of each currency."""


def generate(database_url: str, language: str = "python") -> str:
    """Source code for the currencies of that database; the role must own schema private."""
    with psycopg.connect(database_url) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(
            'select code, digits, step, minimum, maximum from private.currencies() order by code collate "C"'
        ).fetchall()
    return WRITERS[language]([(code, digits, step, low, high) for code, digits, step, low, high in rows])


def _python(currencies: Currencies) -> str:
    entries = "\n".join(
        f'    "{code}": Currency({digits}, {step}, {low:_}, {high:_}),' for code, digits, step, low, high in currencies
    )
    return (
        '"""What Stripe takes in each currency. From sql/platform/currencies.sql by `make types`; do not edit."""\n\n'
        "from typing import Final, NamedTuple\n\n\n"
        "class Currency(NamedTuple):\n"
        '    """Amounts are multiples of step from minimum to maximum; so many last digits stand behind the point."""'
        "\n\n"
        "    digits: int\n    step: int\n    minimum: int\n    maximum: int\n\n\n"
        f"CURRENCIES: Final[dict[str, Currency]] = {{\n{entries}\n}}\n"
    )


def _typescript(currencies: Currencies) -> str:
    entries = "\n".join(f"  {code}: {digits}," for code, digits, *_ in currencies)
    return (
        "// How many of an amount's last digits stand behind the point, as Stripe counts. From\n"
        "// sql/platform/currencies.sql by `make types`; do not edit.\n\n"
        f"export const CURRENCY_DIGITS: Readonly<Record<string, number>> = {{\n{entries}\n}};\n"
    )


WRITERS: dict[str, Callable[[Currencies], str]] = {"python": _python, "typescript": _typescript}


def main() -> int:
    """The command line."""
    match sys.argv[1:]:
        case [language] if language in WRITERS:
            with migrations.described_database() as url:
                sys.stdout.write(generate(url, language))
        case [language, url] if language in WRITERS:
            sys.stdout.write(generate(url, language))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
