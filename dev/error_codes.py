"""Writes backend/error_codes.py from private.error_catalogue(), so that Flask and the database share one list.

python -m dev.error_codes              print it, from the catalogue of a throw-away database built from sql/
python -m dev.error_codes DATABASE_URL the same, from that database
"""

from __future__ import annotations

import json
import sys

import psycopg

from dev import migrations, schema


def generate(database_url: str) -> str:
    """The source of backend/error_codes.py for the catalogue of that database; the role must own schema private."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select code, status, sentence"
            " from private.error_catalogue() with ordinality as c (code, status, sentence, place) order by place"
        ).fetchall()
    codes = "\n".join(f"    {json.dumps(code)}," for code, _, _ in rows)
    entries = "\n".join(
        f"    {json.dumps(code)}: ({status}, {json.dumps(sentence, ensure_ascii=False)}),"
        for code, status, sentence in rows
    )
    return (
        '"""Every error that a client can meet. Generated from sql/errors.sql by `python -m dev.error_codes`; '
        'do not edit."""\n\n'
        "from typing import Final, Literal\n\n"
        f"ErrorCode = Literal[\n{codes}\n]\n\n"
        f"ERRORS: Final[dict[ErrorCode, tuple[int, str]]] = {{\n{entries}\n}}\n"
        '"""Code -> HTTP status and the sentence for people."""\n'
    )


def main() -> int:
    """The command line."""
    match sys.argv[1:]:
        case []:
            with migrations.throwaway_databases("described") as (url,):
                migrations.load_schema(url, schema.script())
                sys.stdout.write(generate(url))
        case [url]:
            sys.stdout.write(generate(url))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
