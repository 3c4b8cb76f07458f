"""Writes the codes of private.error_catalog() as source code: one list for Flask, the page and the database.

python -m dev.error_codes python|typescript                print it, from a throw-away database built from sql/
python -m dev.error_codes python|typescript DATABASE_URL   the same, from that database
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from dev import migrations

Catalog = Sequence[tuple[str, int, str]]
"""Code, HTTP status and sentence of each error."""


def generate(database_url: str, language: str = "python") -> str:
    """Source code for the catalog of that database; the role must own schema private."""
    with psycopg.connect(database_url) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(
            "select code, status, sentence"
            " from private.error_catalog() with ordinality as c (code, status, sentence, place) order by place"
        ).fetchall()
    return WRITERS[language]([(code, status, sentence) for code, status, sentence in rows])


def _python(catalog: Catalog) -> str:
    codes = "\n".join(f"    {json.dumps(code)}," for code, _, _ in catalog)
    entries = "\n".join(
        f"    {json.dumps(code)}: ({status}, {json.dumps(sentence, ensure_ascii=False)}),"
        for code, status, sentence in catalog
    )
    return (
        '"""Every error that a client can meet. From sql/platform/errors.sql by `make types`; do not edit."""\n\n'
        "from typing import Final, Literal\n\n"
        f"ErrorCode = Literal[\n{codes}\n]\n\n"
        f"ERRORS: Final[dict[ErrorCode, tuple[int, str]]] = {{\n{entries}\n}}\n"
        '"""Code -> HTTP status and the sentence for people."""\n'
    )


def _typescript(catalog: Catalog) -> str:
    codes = "\n".join(f"  '{code}'," for code, _, _ in catalog)
    return (
        "// Every error that a client can meet. From sql/platform/errors.sql by `make types`; do not edit.\n\n"
        f"export const ERROR_CODES = [\n{codes}\n] as const;\n\n"
        "export type ErrorCode = (typeof ERROR_CODES)[number];\n"
    )


WRITERS: dict[str, Callable[[Catalog], str]] = {"python": _python, "typescript": _typescript}


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
