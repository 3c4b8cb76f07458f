"""A minute of chaos: everything breaks at least once, and nothing is lost."""

from __future__ import annotations

import pytest

from dev.chaos.fault_injection import KINDS
from dev.chaos.mail_proxy import FATES
from dev.chaos.run import run


@pytest.mark.timeout(900)
def test_a_minute_of_chaos() -> None:
    report = run(seconds=60, clients=8, seed=7)
    print(report.table())
    assert list(report.violations) == []
    kinds = [*KINDS, *(f"mail: {fate}" for fate in FATES)]
    assert [kind for kind in kinds if report.faults[kind] == 0] == []
    assert report.confirmed > 0
    assert report.refunded > 0
    assert report.reconciled > 0
    assert report.deeds["paid: declined"] > 0
    assert report.deeds["late: just before the end"] > 0
    assert report.deeds["late: just after the end"] > 0
