"""Reading the reports of pip-audit and npm audit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import audit
from tests.audit import UnansweredError, node_findings, python_findings

_SKIPPED = {"name": "flask", "skip_reason": "Dependency not found on PyPI and could not be audited: flask (3.1.3)"}
_SOUND: dict[str, Any] = {"name": "httpx", "version": "0.28.1", "vulns": []}
_BAD = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": ["CVE-2019-10906"], "description": ""}],
}


def said(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


def test_a_vulnerable_package_is_found() -> None:
    assert python_findings(said(_SOUND, _BAD, _SKIPPED), "") == ["jinja2 2.4.1: PYSEC-2019-217, fixed in 2.10.1"]
    assert python_findings(said(_SOUND), "") == []


def test_unrelated_advisories_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(audit.ACCEPTED, "CVE-2019-10906", "no sandbox here")
    assert python_findings(said(_BAD), "") == []


def test_a_registry_without_advisories_counts_as_not_done() -> None:
    with pytest.raises(UnansweredError, match="Dependency not found"):
        python_findings(said(_SKIPPED), "")
    with pytest.raises(UnansweredError, match="connection refused"):
        python_findings("", "Traceback\nconnection refused")
    with pytest.raises(UnansweredError, match="405"):
        node_findings('{"message": "405 Method Not Allowed"}', "npm error audit endpoint returned an error")


def test_npm_names_each_advisory_once() -> None:
    via = {"url": "https://github.com/advisories/GHSA-1", "title": "Prototype pollution", "severity": "high"}
    report = {"vulnerabilities": {"lodash": {"via": [via, via]}, "grunt": {"via": ["lodash"]}}}
    line = "lodash: high: Prototype pollution (https://github.com/advisories/GHSA-1)"
    assert node_findings(json.dumps(report), "") == [line]
    assert node_findings('{"vulnerabilities": {}}', "") == []


@pytest.mark.parametrize(("required", "status"), [("", 0), ("required", 1)])
def test_unreachable_registry_fails_only_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], required: str, status: int
) -> None:
    monkeypatch.setattr(audit, "_run", lambda *_: ("", "no network"))
    monkeypatch.setenv("AUDIT", required)
    assert audit.main() == status
    assert capsys.readouterr().out.count("NOT DONE") == 3


def test_findings_fail_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_run", lambda command, _: (said(_BAD), "") if "npm" not in command else ("", ""))
    assert audit.main() == 1
