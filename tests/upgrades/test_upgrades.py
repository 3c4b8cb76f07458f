"""Released migrations never change, and every later one can be pushed onto a database that is full of sales."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from dev import migrations, schema
from dev.postgres import ADMIN, Cluster
from tests.cinema import CinemaFixture
from tests.conftest import CLOCK
from tests.sql.catalog import CATALOG

MIGRATIONS = schema.ROOT / "supabase" / "migrations"
COPIES = sorted(Path(__file__).parent.glob("*.sql"))
"""A populated copy of each released version, by its name. populate.py writes them."""


def versions() -> list[str]:
    return sorted(file.name.partition("_")[0] for file in MIGRATIONS.glob("*.sql"))


# What is released ----------------------------------------------------------------------------------------------------


def test_released_migrations_are_as_they_were_released() -> None:
    released = migrations.released()
    assert released
    now = {name: sha256((MIGRATIONS / name).read_bytes()).hexdigest() for name in released}
    assert now == released


def test_every_released_version_has_a_populated_copy() -> None:
    """Several migrations may be released together; the newest of them has the copy."""
    assert COPIES[-1].stem == max(migrations.released()).partition("_")[0]


def test_every_later_migration_says_whether_it_comes_before_or_after_the_new_code() -> None:
    _, *later = sorted(file.name for file in MIGRATIONS.glob("*.sql"))
    assert [name for name in later if not re.fullmatch(r"\d{14}_(pre|post)_[a-z0-9_]+\.sql", name)] == []


BEFORE_ANY_DEPLOYMENT = {"20261128000000_pre_one_sweep_and_limits.sql"}
"""Migrations that drop what older code calls, from when no older code was deployed anywhere."""


def test_a_migration_before_the_new_code_drops_nothing_that_the_old_code_calls() -> None:
    """A function may go in the same file that makes it anew: then only its definition changes."""
    for file in MIGRATIONS.glob("*_pre_*.sql"):
        script = re.sub(r"--.*", "", file.read_text()).lower()
        dropped = set(re.findall(r"\bdrop (?:table|function|type|view|column|schema) (?:if exists )?([\w.]+)", script))
        made = set(re.findall(r"\bcreate (?:or replace )?(?:table|function|type|view) ([\w.]+)", script))
        assert dropped <= made or file.name in BEFORE_ANY_DEPLOYMENT, file.name


def test_the_schema_knows_its_version(cinema: CinemaFixture) -> None:
    assert cinema.service().call("schema_version") == versions()[-1]
    for role in ("anon", "authenticated"):
        with pytest.raises(errors.InsufficientPrivilege):
            cinema.caller(role).call("schema_version")


@pytest.mark.parametrize("name", ["add_reviews", "pre_", "pre-reviews", "later_pre_reviews"])
def test_a_migration_that_does_not_say_when_it_is_pushed_is_not_drafted(tmp_path: Path, name: str) -> None:
    with pytest.raises(migrations.MigrationError, match="post_"):
        migrations.draft(name, "select 1", tmp_path)


def test_a_released_migration_is_not_drawn_anew(tmp_path: Path) -> None:
    shutil.copytree(MIGRATIONS, tmp_path / "supabase/migrations")
    version = min(versions())
    with pytest.raises(migrations.MigrationError, match="is released"):
        migrations.draft("pre_anything", "select 1", tmp_path, version)
    assert len(list((tmp_path / "supabase/migrations").glob(f"{version}_*.sql"))) == 1


def test_a_release_notes_only_what_is_new(tmp_path: Path) -> None:
    shutil.copytree(MIGRATIONS, tmp_path / "supabase/migrations")
    (tmp_path / "supabase/migrations/29990101000000_pre_last.sql").write_text("select 1;\n")
    before = migrations.released(tmp_path)
    assert "29990101000000_pre_last.sql" in migrations.release(tmp_path)
    after = migrations.released(tmp_path)
    assert {name: after[name] for name in before} == before
    assert after["29990101000000_pre_last.sql"] == sha256(b"select 1;\n").hexdigest()
    assert migrations.release(tmp_path) == []


@pytest.mark.usefixtures("template")
def test_a_postgresql_before_16_is_refused_with_a_sentence(cluster: Cluster) -> None:
    """No such server is at hand, so the first migration is asked about another number than the server's own."""
    (first,) = MIGRATIONS.glob(f"{min(versions())}_*.sql")
    asks = "current_setting('server_version_num')"
    assert asks in first.read_text()
    with (
        psycopg.connect(cluster.url()) as connection,
        pytest.raises(errors.FeatureNotSupported, match="Frontrow needs PostgreSQL 16 or newer"),
    ):
        connection.execute(first.read_text().replace(asks, "'150013'").encode())
    # It is the first thing that is asked: nothing is half made.
    statements = re.sub(r"^\s*--.*$", "", first.read_text(), flags=re.MULTILINE).lstrip()
    assert statements.startswith("do $$")
    assert asks in statements.partition("$$;")[0]


# What is pushed onto sales -------------------------------------------------------------------------------------------


def stopped_at(copy: Path) -> str:
    """The time at which the copy was made."""
    found = re.search(r"^-- The clock stood at (\S+)\.$", copy.read_text(), re.MULTILINE)
    assert found
    return found[1]


def make_older(url: str, copy: Path, folder: Path) -> None:
    """Bring an empty database to the copy's version, by the CLI."""
    (folder / "supabase/migrations").mkdir(parents=True)
    shutil.copy(schema.CONFIG, folder / "supabase/config.toml")
    for file in MIGRATIONS.glob("*.sql"):
        if file.name.partition("_")[0] <= copy.stem:
            shutil.copy(file, folder / "supabase/migrations")
    migrations.push(url, seed=False, project=folder)


@pytest.fixture(scope="module", params=COPIES, ids=lambda copy: copy.stem)
def upgraded(request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: Any) -> Iterator[tuple[Path, str]]:
    """The copy, and the name of a database that had its version and its sales when the later migrations came."""
    copy: Path = request.param
    name = f"upgraded_{copy.stem}"
    cluster.create_database(name)
    cluster.apply_supabase_shim(name)
    make_older(cluster.url(name), copy, tmp_path_factory.mktemp(name))
    with psycopg.connect(cluster.url(name, ADMIN), autocommit=True) as connection:
        connection.execute(copy.read_bytes())
    migrations.push(cluster.url(name), seed=False)
    yield copy, name
    cluster.drop_database(name)


@pytest.fixture
def sales(upgraded: tuple[Path, str], cluster: Cluster) -> Iterator[tuple[Path, str]]:
    """The copy, and the URL of an upgraded database in which the clock stands where it stood when the copy was made."""
    copy, name = upgraded
    cluster.create_database("upgraded_sales", name)
    url = cluster.url("upgraded_sales")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CLOCK)
        connection.execute("update private.test_clock set fixed = %s", [stopped_at(copy)])
    yield copy, url
    cluster.drop_database("upgraded_sales")


def catalog(url: str) -> list[tuple[str, str | None]]:
    """Everything that a migration can get wrong; but for rows, which are the older database's own."""
    with psycopg.connect(url) as connection:
        connection.execute("set search_path = ''")
        return [(name, value) for name, value in connection.execute(CATALOG) if name not in ("settings", "sweeps")]


def test_an_upgraded_database_is_the_one_that_sql_describes(upgraded: tuple[Path, str], cluster: Cluster) -> None:
    cluster.create_database("described_for_upgrades")
    cluster.apply_supabase_shim("described_for_upgrades")
    try:
        migrations.load_schema(cluster.url("described_for_upgrades"), schema.script())
        assert catalog(cluster.url(upgraded[1])) == catalog(cluster.url("described_for_upgrades"))
    finally:
        cluster.drop_database("described_for_upgrades")


def test_sales_that_were_made_before_go_on_after(sales: tuple[Path, str]) -> None:
    """Nothing that must hold is broken by the upgrade, nor when what was under way comes to its end. The copy has an
    email that was given up, which is a violation until somebody discards it."""
    with CinemaFixture.attach(sales[1]) as cinema:
        assert [row["invariant"] for row in cinema.violations()] == ["I6 an email was given up"]
        service = cinema.service()
        for row in cinema.rows("select id from private.outbox where state = 'failed'"):
            service.call("discard_email", id=row["id"])
        (under_way,) = cinema.rows(
            "select b.id::text, b.total, b.currency from public.bookings b"
            " join public.payments p on p.booking_id = b.id where p.payment_intent_id = 'pi_under_way'"
        )
        assert cinema.pay(under_way, "pi_under_way")["outcome"] == "confirmed"
        assert cinema.violations() == []
        cinema.advance("11 minutes")
        cinema.sweep()
        cinema.sweep()
        assert cinema.rows("select id from public.bookings where status = 'pending'") == []
        assert cinema.violations() == []
        cinema.advance("8 days")
        cinema.sweep()
        assert cinema.rows("select id from public.seat_locks") == []
        assert cinema.violations() == []


@pytest.mark.slow  # it makes and upgrades a database of its own
@pytest.mark.usefixtures("template")
def test_emails_about_old_cancellations_are_not_sent(cluster: Cluster, tmp_path: Path) -> None:
    """The migration of 2026-11-28 adds emails that a cancellation would have had, and sends those of the last week."""
    copy = COPIES[0]
    name = "upgraded_cancellations"
    cluster.create_database(name)
    cluster.apply_supabase_shim(name)
    try:
        make_older(cluster.url(name), copy, tmp_path)
        with psycopg.connect(cluster.url(name, ADMIN), autocommit=True) as connection:
            connection.execute(copy.read_bytes())
            connection.execute("delete from private.outbox where kind = 'mail_refund'")
            cancelled = (
                "select id from public.bookings where confirmed_at is not null and status = 'cancelled' order by id"
            )
            old, recent = [row[0] for row in connection.execute(f"{cancelled} limit 2".encode())]
            age = "update public.bookings set cancelled_at = now() - interval '7 days' + %s::interval where id = %s"
            connection.execute(age, ["-1 hour", old])
            connection.execute(age, ["1 hour", recent])
        migrations.push(cluster.url(name), seed=False)
        with psycopg.connect(cluster.url(name)) as connection:
            emails = connection.execute(
                "select booking_id, state::text, completed_at is null from private.outbox"
                " where kind = 'mail_cancellation' and booking_id = any (%s)",
                [[old, recent]],
            )
            assert sorted(emails.fetchall(), key=str) == sorted(
                [(old, "discarded", False), (recent, "queued", True)], key=str
            )
    finally:
        cluster.drop_database(name)


SHORT_LIVED = {"private.attempts", "private.sign_in_attempts"}
"""Tables that a later migration drops with all that they hold."""


def test_nothing_is_lost_on_the_way(upgraded: tuple[Path, str], cluster: Cluster) -> None:
    """Rows of before are there after, whatever columns they have won; but for attempts, which count for minutes."""
    copy, name = upgraded
    rows = dict.fromkeys(re.findall(r"^INSERT INTO (\S+) ", copy.read_text(), re.MULTILINE), 0)
    table = ""
    for line in copy.read_text().splitlines():
        if found := re.match(r"INSERT INTO (\S+) ", line):
            table = found[1]
        elif line.startswith("\t("):
            rows[table] += 1
    assert sum(rows.values()) > 400
    with psycopg.connect(cluster.url(name)) as connection:
        for table in {*rows} - SHORT_LIVED:
            found_rows = connection.execute(f"select count(*) from {table}".encode()).fetchone()
            assert found_rows is not None
            assert found_rows[0] >= rows[table], table


ALL_LABELS = """
select t.typname || ' ' || e.enumlabel from pg_type t join pg_enum e on e.enumtypid = t.oid
where t.typname in ('booking_status', 'payment_status', 'refund_status', 'lock_end', 'outbox_kind', 'outbox_state',
                    'showtime_status')
"""
LABELS_USED = """
select 'booking_status ' || status from public.bookings union select 'payment_status ' || status from public.payments
union select 'refund_status ' || status from public.refunds
union select 'lock_end ' || end_reason from private.seat_lock_history
union select 'outbox_kind ' || kind from private.outbox union select 'outbox_state ' || state from private.outbox
union select 'showtime_status ' || status from public.showtimes
"""


def test_the_newest_copy_has_sales_of_every_kind(cluster: Cluster) -> None:
    cluster.create_database("copied")
    cluster.apply_supabase_shim("copied")
    try:
        for file in sorted(MIGRATIONS.glob("*.sql")):
            if file.name.partition("_")[0] <= COPIES[-1].stem:
                migrations.load_schema(cluster.url("copied"), file.read_text())
        with psycopg.connect(cluster.url("copied", ADMIN), autocommit=True) as connection:
            connection.execute(COPIES[-1].read_bytes())
            known, used = ({label for (label,) in connection.execute(query)} for query in (ALL_LABELS, LABELS_USED))
            assert known - used == set()
            assert connection.execute("select count(*) from public.disputes group by status").fetchall() == [(1,)] * 3
    finally:
        cluster.drop_database("copied")
