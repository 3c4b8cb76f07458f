"""Databases for tests, each as good as new: one is emptied and used again until a test has changed its schema.

Copying a template takes a tenth of a second, and every first connection to a copy builds its caches again; emptying
some thirty small tables takes a few milliseconds. An event trigger notes when a test has run DDL (a mutant, a grant,
a dropped constraint): that database is dropped, and the next test gets a copy of the template.
"""

from __future__ import annotations

import itertools

import psycopg
from psycopg import sql

from dev.postgres import ADMIN, Cluster
from tests.cinema import Caller

_numbers = itertools.count(1)
# The longest that a call of a test may wait for a lock, should the test fail while it holds one.
STATEMENT_TIMEOUT = "20s"

# What the template has in its tables, kept to be put back; and the mark that a test has changed the schema.
KEEP = """
create schema kept;
create table kept.tables (name text primary key);
create table kept.changes (tag text);
do $$
declare
  v_table record;
  v_filled boolean;
begin
  for v_table in
    select c.oid::regclass::text as name, replace(c.oid::regclass::text, '.', '_') as copy
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private') and c.relkind in ('r', 'p') and not c.relispartition
  loop
    execute format('select exists (select from %s)', v_table.name) into v_filled;
    if v_filled then
      execute format('create table kept.%I as table %s', v_table.copy, v_table.name);
      insert into kept.tables values (v_table.name);
    end if;
  end loop;
end
$$;
create table kept.sequences as
  select s.seqrelid::regclass::text as name, coalesce(q.last_value, q.start_value) as last_value,
         q.last_value is not null as is_called
  from pg_sequence s
  join pg_class c on c.oid = s.seqrelid
  join pg_namespace n on n.oid = c.relnamespace
  join pg_sequences q on q.schemaname = n.nspname and q.sequencename = c.relname
  where n.nspname in ('public', 'private');
create function kept.note_change() returns event_trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into kept.changes values (tg_tag);
end
$$;
create event trigger note_change on ddl_command_end execute function kept.note_change();
create event trigger note_drop on sql_drop execute function kept.note_change();
alter event trigger note_change enable always;
alter event trigger note_drop enable always;
"""

# As the template has it. Triggers sleep: they refuse to change what is append-only, and foreign keys want an order.
EMPTY = """
do $$
declare
  v_name text;
begin
  set local session_replication_role = replica;
  set local lock_timeout = '2s';
  for v_name in
    select c.oid::regclass::text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private', 'realtime') and c.relkind in ('r', 'p') and not c.relispartition
  loop
    execute format('delete from %s', v_name);
  end loop;
  for v_name in select name from kept.tables loop
    execute format('insert into %s overriding system value table kept.%I', v_name, replace(v_name, '.', '_'));
  end loop;
  perform setval(s.name, s.last_value, s.is_called) from kept.sequences s;
end
$$
"""


class Databases:
    """A pool that lends one database at a time."""

    def __init__(self, cluster: Cluster, template: str) -> None:
        self._cluster = cluster
        self._template = template
        self._name: str | None = None
        self._admin: psycopg.Connection[tuple[object, ...]] | None = None

    def fresh(self) -> str:
        """The URL of a database that is as the template was, for the role that owns it."""
        if self._name is None or not self._emptied():
            self.drop()
            self._create()
        assert self._name is not None
        return self._cluster.url(self._name)

    def drop(self) -> None:
        """End the one that there is."""
        if self._name is not None:
            Caller.close_idle(self._cluster.url(self._name))
            if self._admin is not None:
                self._admin.close()
            self._cluster.drop_database(self._name)
            self._name = self._admin = None

    def _create(self) -> None:
        self._name = f"test_{next(_numbers)}"
        self._cluster.create_database(self._name, self._template)
        self._admin = psycopg.connect(self._cluster.url(self._name, ADMIN), autocommit=True)
        self._admin.execute(
            sql.SQL("alter database {} set statement_timeout = {}").format(
                sql.Identifier(self._name), sql.Literal(STATEMENT_TIMEOUT)
            )
        )
        self._admin.execute(KEEP)

    def _emptied(self) -> bool:
        """Empty it, if its schema is what it was and nobody holds a row."""
        assert self._admin is not None
        try:
            if self._admin.execute("select exists (select from kept.changes)").fetchone() != (False,):
                return False
            self._admin.execute(EMPTY)
        except psycopg.Error:
            return False
        return True
