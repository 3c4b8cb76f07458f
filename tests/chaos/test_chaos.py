"""A minute of chaos: everything breaks at least once, and nothing is lost."""

from __future__ import annotations

import pytest

from tests.chaos.fault_injection import KINDS
from tests.chaos.mail_proxy import FAULTS
from tests.chaos.run import run


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_is_lost_in_a_minute_of_chaos() -> None:
    report = run(seconds=60, clients=8, seed=7)
    print(report.table())
    assert list(report.violations) == []
    kinds = [*KINDS, *(f"mail: {fault}" for fault in FAULTS)]
    assert [kind for kind in kinds if report.faults[kind] == 0] == []
    assert report.confirmed > 0
    assert report.refunded > 0
    assert report.reconciled > 0
    assert report.events["paid: declined"] > 0
    assert report.events["late: just before expiry"] > 0
    assert report.events["late: just after expiry"] > 0
    assert report.events["guests"] > 0
    assert report.events["guests who registered"] > 0
    assert report.events["guests who signed in"] > 0
