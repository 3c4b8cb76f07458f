"""One run from its own stack to its report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psycopg

from bench.dataset import NO_LIMITS
from dev.config import ROOT, LocalConfig, throwaway_folder
from dev.stack import Stack
from tests.chaos.counters import Counters, chance
from tests.chaos.customers import Customers, Endpoints, Program
from tests.chaos.drain import drain, wait_until_all_answer
from tests.chaos.fault_injection import Canceler, Killer, StripeFaults
from tests.chaos.mail_proxy import MailProxy
from tests.chaos.report import Report, judge
from tests.cinema import NO_LIMITS_ON_HOLDING

_PARTS: Final = ("postgres", "postgrest", "gateway", "realtime", "stripe", "mail", "api", "worker")
_ENVIRONMENT: Final = {
    "WORKER_POLL_SECONDS": "0.3",
    "SWEEP_SECONDS": "2",
    "RECONCILE_SECONDS": "2",
    "RECONCILE_AFTER_SECONDS": "3",
    "STRIPE_RETRY_SECONDS": "0.5",
    "STRIPE_RETRY_LONGEST_SECONDS": "4",
    # So few that a webhook may be given up while the database is away.
    "STRIPE_WEBHOOK_ATTEMPTS": "4",
}
_SETTINGS: Final = """
update private.settings
set lock_duration = '8 seconds', payment_duration = '10 seconds'
where true
"""
"""Times so short that many end in a run. They stay to the end: the report holds locks against them."""

_PROGRESS_SECONDS: Final = 30.0


def run(seconds: float, clients: int, seed: int, say: Callable[[str], None] = print) -> Report:
    """Start a stack, run customers and faults on it for so long, drain it, and judge."""
    counters = Counters()
    # Kept for the case that something goes wrong.
    deaths: list[str] = []
    with ExitStack() as exits:
        local = exits.enter_context(throwaway_folder())
        config = LocalConfig.throwaway(local)
        proxy = exits.enter_context(MailProxy(config.smtp.number, counters, chance(seed, "mail")))
        stack = Stack(
            config,
            parts=_PARTS,
            environment={**_ENVIRONMENT, "SMTP_URL": f"smtp://127.0.0.1:{proxy.port}"},
            report=lambda sentence: deaths.append(f"{time.monotonic():.1f} {sentence}"),
        )
        # Root's cluster may stand outside the folder.
        exits.callback(stack.cluster.erase)
        say(f"Starting; seed {seed} ...")
        exits.enter_context(stack)
        try:
            report = _run(stack, proxy, counters, seconds, clients, seed, say)
        except Exception as error:
            say(f"The logs are kept in {_keep(config.local / 'log', seed, deaths, repr(error))}.")
            raise
        if not report.good:
            say(f"The logs are kept in {_keep(config.local / 'log', seed, deaths, report.table())}.")
    return report


def _run(
    stack: Stack,
    proxy: MailProxy,
    counters: Counters,
    seconds: float,
    clients: int,
    seed: int,
    say: Callable[[str], None],
) -> Report:
    endpoints = Endpoints(
        api=stack.config.api_url,
        supabase=stack.config.supabase_url,
        supabase_key=stack.keys.publishable,
        stripe=stack.config.stripe_url,
        stripe_key=stack.keys.stripe_publishable,
        page=stack.config.app_url,
    )
    program = _prepare(stack)
    customers = Customers(endpoints, program, counters, seed, clients)
    canceler = Canceler(stack, program, counters, chance(seed, "canceler"))
    killer = Killer(stack, counters, chance(seed, "kills"))
    stripe = StripeFaults(stack.config.stripe_url, counters, seed)

    say(f"{clients} customers and every kind of fault for {seconds:.0f} s ...")
    began = time.monotonic()
    stripe.begin()
    proxy.flaky = True
    with ExitStack() as threads:
        for each in (customers, killer, canceler):
            each.start()
            threads.callback(each.stop)
        while (left := began + seconds - time.monotonic()) > 0:
            time.sleep(min(left, _PROGRESS_SECONDS))
            faults = counters.faults.total() + stripe.so_far()
            say(f"{time.monotonic() - began:5.0f} s  {faults} faults  {counters.events['bookings']} bookings")

        say("No more faults; the customers finish ...")
        canceler.stop()
        killer.stop()
        proxy.flaky = False
        stripe.end()
        wait_until_all_answer(stack)
    played = time.monotonic() - began
    say("Draining ...")
    took = drain(stack, counters)
    return judge(
        stack,
        counters,
        seed,
        played,
        {
            "longest absence of PostgreSQL": f"{killer.longest_outage:.1f} s",
            "drained within": f"{took:.1f} s",
        },
    )


def _prepare(stack: Stack) -> Program:
    """Short times, and the showtimes that may still be cancelled after paying."""
    with psycopg.connect(stack.cluster.url(), autocommit=True) as connection:
        # A few customers stand for a crowd.
        connection.execute(NO_LIMITS)
        connection.execute(NO_LIMITS_ON_HOLDING)
        connection.execute(_SETTINGS)
        rows = connection.execute(
            "select id from public.showtimes"
            " where status = 'scheduled' and starts_at > private.now() + interval '6 hours' order by starts_at, id"
        ).fetchall()
    return Program([showtime_id for (showtime_id,) in rows])


def _keep(logs: Path, seed: int, deaths: list[str], report: str) -> Path:
    """Copy the logs to a folder that stays; return it."""
    kept = ROOT / ".local" / "chaos" / str(seed)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(logs, kept)
    (kept / "supervisor.txt").write_text("\n".join(deaths) + "\n")
    (kept / "report.txt").write_text(f"{report}\n")
    return kept
