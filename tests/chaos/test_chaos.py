"""A minute of chaos: everything breaks at least once, and nothing is lost."""

from __future__ import annotations

import pytest

from dev.chaos.mail_proxy import FATES
from dev.chaos.mischief import KINDS
from dev.chaos.run import run


@pytest.mark.timeout(900)
def test_a_minute_of_chaos() -> None:
    verdict = run(seconds=60, clients=8, seed=7)
    print(verdict.table())
    assert list(verdict.violations) == []
    kinds = [*KINDS, *(f"mail: {fate}" for fate in FATES)]
    assert [kind for kind in kinds if verdict.faults[kind] == 0] == []
    assert verdict.confirmed > 0
    assert verdict.refunded > 0
    assert verdict.reconciled > 0
    assert verdict.deeds["paid: declined"] > 0
    assert verdict.deeds["late: just before the end"] > 0
    assert verdict.deeds["late: just after the end"] > 0
