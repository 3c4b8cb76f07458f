"""Writes docs/permissions.md: who may do what with every table, column, sequence and function of ours, and with the
table of Realtime that ours send through. The roles that clients become have a column each; what any other role was
granted is a list of its own.

python -m tests.sql.permissions                 rewrite the page, from a throw-away database built from sql/
python -m tests.sql.permissions DATABASE_URL    print the tables of that database, a hosted one too

A test compares the page with the database, so that no right is won or lost unnoticed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import psycopg

from dev import migrations
from dev.config import ROOT

PAGE: Final = ROOT / "docs" / "permissions.md"
_MARK: Final = "<!-- Written by `python -m tests.sql.permissions`; everything below is overwritten. -->\n"
_ROLES: Final = ("anon", "authenticated", "service_role", "authenticator", "public")
# Members of these read or write everything.
_MIGHTY: Final = ("postgres", "pg_read_all_data", "pg_write_all_data")

Row = tuple[Any, ...]

_TABLE_PRIVILEGES: Final = ("select", "insert", "update", "delete", "truncate", "references", "trigger")


def table_privileges(server_version: int) -> list[str]:
    """List what can be granted on a table; 16 refuses to be asked about `maintain`, which came with 17."""
    return [*_TABLE_PRIVILEGES, *(["maintain"] if server_version >= 170000 else [])]


_MEMBERS: Final = """
select r.rolname, r.rolsuper, r.rolbypassrls, r.rolcanlogin, r.rolinherit,
       array(select m.roleid::regrole::text from pg_auth_members m where m.member = r.oid order by 1),
       array(select m.member::regrole::text from pg_auth_members m where m.roleid = r.oid order by 1)
from pg_roles r where r.rolname = any (%s) order by array_position(%s, r.rolname::text)
"""
_USAGE: Final = """
select n.nspname, array(select array_to_string(array(
         select p from unnest(array['usage', 'create']) p where has_schema_privilege(r.role, n.oid, p)), ', ')
       from unnest(%s::text[]) with ordinality r (role, place) order by r.place)
from pg_namespace n where n.nspname in ('public', 'private', 'realtime') order by n.nspname desc
"""
# A right on a table is one on all its columns; what somebody has on some columns alone is listed with them.
_TABLES: Final = """
select n.nspname || '.' || c.relname, c.relrowsecurity,
       array(select concat_ws(', ',
         nullif(array_to_string(array(
           select p from unnest(%s::text[]) p
           where has_table_privilege(r.role, c.oid, p)), ', '), ''),
         nullif(array_to_string(array(
           select p || ' (' || string_agg(a.attname, ', ' order by a.attnum) || ')'
           from unnest(array['select', 'insert', 'update', 'references']) p, pg_attribute a
           where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             and not has_table_privilege(r.role, c.oid, p) and has_column_privilege(r.role, c.oid, a.attnum, p)
           group by p order by p), ', '), ''))
       from unnest(%s::text[]) with ordinality r (role, place) order by r.place)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where (n.nspname in ('public', 'private') or (n.nspname, c.relname) = ('realtime', 'messages'))
  and c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition
order by n.nspname desc, c.relname
"""
_SEQUENCES: Final = """
select n.nspname || '.' || c.relname, array(select array_to_string(array(
         select p from unnest(array['usage', 'select', 'update']) p where has_sequence_privilege(r.role, c.oid, p)),
         ', ')
       from unnest(%s::text[]) with ordinality r (role, place) order by r.place)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'private') and c.relkind = 'S' order by n.nspname desc, c.relname
"""
_FUNCTIONS: Final = """
select n.nspname || '.' || p.proname || '(' || oidvectortypes(p.proargtypes) || ')',
       case when p.prosecdef then 'its owner' else 'the caller' end,
       array(select case when has_function_privilege(r.role, p.oid, 'execute') then 'execute' else '' end
       from unnest(%s::text[]) with ordinality r (role, place) order by r.place)
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('public', 'private')
  and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
order by n.nspname desc, 1
"""
# What was granted to a role without a column here, what a role with one may pass on, and what the database's owner does
# not own: an owner has all rights. An object without a list of rights has the built-in one: its owner and public.
_GRANTS: Final = """
with ours as (
  select oid, nspname from pg_namespace where nspname in ('public', 'private', 'realtime')
), relations as (
  select c.*, n.nspname || '.' || c.relname as name from pg_class c join ours n on n.oid = c.relnamespace
  where n.nspname <> 'realtime' or c.relname = 'messages'
), lists (kind, name, owner, acl) as (
  select 'schema', nspname, nspowner, nspacl from pg_namespace where oid in (select oid from ours)
  union all
  select case relkind when 'S' then 'sequence' else 'table' end, name, relowner, relacl from relations
  union all
  select 'column', r.name || '.' || a.attname, r.relowner, a.attacl
  from relations r join pg_attribute a on a.attrelid = r.oid where not a.attisdropped
  union all
  select 'function', n.nspname || '.' || p.proname || '(' || oidvectortypes(p.proargtypes) || ')', p.proowner, p.proacl
  from pg_proc p join ours n on n.oid = p.pronamespace where n.nspname <> 'realtime'
  union all
  select 'type', n.nspname || '.' || t.typname, t.typowner, t.typacl
  from pg_type t join ours n on n.oid = t.typnamespace where n.nspname <> 'realtime'
)
select l.kind, l.name, g.grantee::regrole::text,
       string_agg(lower(g.privilege_type) || case when g.is_grantable then ' (may pass it on)' else '' end, ', '
                  order by g.privilege_type)
from lists l cross join aclexplode(l.acl) g
where g.grantee <> l.owner and (g.is_grantable or g.grantee <> 0 and g.grantee::regrole::text <> all (%s))
group by l.kind, l.name, g.grantee
union all
select l.kind, l.name, l.owner::regrole::text, 'owns it'
from lists l
where l.kind <> 'column'
  and l.owner <> (select d.datdba from pg_database d where d.datname = current_database())
order by 1, 2, 3
"""
_POLICIES: Final = """
select schemaname || '.' || tablename, policyname, lower(cmd), array_to_string(roles, ', '), permissive = 'PERMISSIVE',
       regexp_replace(coalesce(qual, ''), '\\s+', ' ', 'g'), regexp_replace(coalesce(with_check, ''), '\\s+', ' ', 'g')
from pg_policies where schemaname in ('public', 'private') or (schemaname, tablename) = ('realtime', 'messages')
order by schemaname, tablename, policyname
"""
_DEFAULTS: Final = """
select coalesce(n.nspname, 'every schema'), pg_get_userbyid(d.defaclrole),
       case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
         when 'T' then 'types' when 'n' then 'schemas' else 'others' end,
       array(select acl::text from unnest(d.defaclacl) acl order by 1)
from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
where n.nspname is null or n.nspname in ('public', 'private', 'realtime') order by 1, 2, 3
"""


def tables(connection: psycopg.Connection[Row]) -> str:
    """The tables of the page, as that database has them."""
    roles = list(_ROLES)
    privileges = table_privileges(connection.info.server_version)

    def ask(sql: str, *parameters: object) -> list[Row]:
        return connection.execute(sql.encode(), parameters).fetchall()

    sections = [
        _section(
            "Roles",
            ("role", "superuser", "passes row security", "may log in", "inherits", "may become", "who may become it"),
            (
                (f"`{name}`", *map(_yes, flags), _code(of), _code(by))
                for name, *flags, of, by in ask(_MEMBERS, [*roles, *_MIGHTY], [*roles, *_MIGHTY])
            ),
        ),
        _section("Schemas", ("schema", *_ROLES), ((f"`{name}`", *map(_cell, of)) for name, of in ask(_USAGE, roles))),
        _section(
            "Tables and columns",
            ("table", *_ROLES, "row security"),
            ((f"`{name}`", *map(_cell, of), _yes(secured)) for name, secured, of in ask(_TABLES, privileges, roles)),
        ),
        _section(
            "Row security",
            ("table", "policy", "for", "to", "permissive", "using", "with check"),
            (
                (f"`{table}`", name, command, to, _yes(permissive), _code([using]), _code([check]))
                for table, name, command, to, permissive, using, check in ask(_POLICIES)
            ),
        ),
        _section(
            "Sequences", ("sequence", *_ROLES), ((f"`{name}`", *map(_cell, of)) for name, of in ask(_SEQUENCES, roles))
        ),
        _section(
            "Functions",
            ("function", *_ROLES, "runs with the rights of"),
            ((f"`{name}`", *map(_cell, of), rights) for name, rights, of in ask(_FUNCTIONS, roles)),
        ),
        _section(
            "What other roles have, and what may be passed on",
            ("kind", "name", "role", "rights"),
            ((kind, f"`{name}`", f"`{to}`", rights) for kind, name, to, rights in ask(_GRANTS, roles)),
        ),
        _section(
            "What is granted on new objects by default",
            ("in", "made by", "on", "to"),
            ((where, f"`{owner}`", kind, _code(to)) for where, owner, kind, to in ask(_DEFAULTS)),
        ),
    ]
    return "\n".join(sections)


def page(connection: psycopg.Connection[Row]) -> str:
    """The page with the tables of that database: what people wrote above the mark stays."""
    return PAGE.read_text().partition(_MARK)[0] + _MARK + "\n" + tables(connection)


def _section(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"## {title}", "", _line(head), _line(["---"] * len(head)), *map(_line, rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _cell(rights: str) -> str:
    return rights or "-"


def _yes(whether: bool) -> str:
    return "yes" if whether else "no"


def _code(parts: Sequence[str]) -> str:
    return ", ".join(f"`{part}`" for part in parts if part) or "-"


def main() -> int:
    """The command line."""
    match sys.argv[1:]:
        case []:
            with migrations.described_database() as url, psycopg.connect(url) as connection:
                PAGE.write_text(page(connection))
        case [url]:
            with psycopg.connect(url) as connection:
                sys.stdout.write(tables(connection))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
