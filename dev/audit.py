"""Asks the registries whether a package that is installed has a known vulnerability: pip-audit for .venv, npm audit for
the page and for dev/.

Found ones fail. Where a registry gives no advisories (no network, a mirror that has none) nothing can be said, and that
is what is said; AUDIT=required makes it a failure, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from dev.config import ROOT

ACCEPTED: dict[str, str] = {}
"""Ids of advisories that do not concern us, each with the reason."""

_SECONDS = 120

Json = dict[str, Any]


class UnansweredError(Exception):
    """The registry said nothing about vulnerabilities; the message is what it said instead."""


def python_findings(output: str, errors: str) -> list[str]:
    """What pip-audit found, a line each. Raises UnansweredError when it could look up nothing."""
    document = _document(output, errors)
    packages = cast(list[Json], document.get("dependencies", []))
    answered = [package for package in packages if "skip_reason" not in package]
    if not answered:
        raise UnansweredError(packages[0]["skip_reason"] if packages else "it names no package")
    return [
        f"{package['name']} {package['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none'}"
        for package in answered
        for found in cast(list[Json], package["vulns"])
        if not {found["id"], *found.get("aliases", ())} & set(ACCEPTED)
    ]


def node_findings(output: str, errors: str) -> list[str]:
    """What npm audit found, a line each. Raises UnansweredError when the registry did not answer."""
    document = _document(output, errors)
    if "vulnerabilities" not in document:
        raise UnansweredError(str(document.get("message") or document.get("error") or "no answer"))
    found = cast(dict[str, Json], document["vulnerabilities"])
    # A package that only depends on a bad one names that instead, as text.
    advisories = {
        (name, str(via["url"]), str(via["title"]), str(via["severity"]))
        for name, package in found.items()
        for via in cast(list[Json | str], package["via"])
        if not isinstance(via, str)
    }
    return [
        f"{name}: {severity}: {title} ({url})"
        for name, url, title, severity in sorted(advisories)
        if url.rsplit("/", 1)[-1] not in ACCEPTED
    ]


def _document(output: str, errors: str) -> Json:
    try:
        document: object = json.loads(output)
    except ValueError:
        lines = errors.strip().splitlines()
        raise UnansweredError(lines[-1] if lines else "it said nothing") from None
    return cast(Json, document) if isinstance(document, dict) else {}


def _run(command: Sequence[str | Path], folder: Path) -> tuple[str, str]:
    try:
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return "", f"no answer in {_SECONDS} s"
    return run.stdout, run.stderr


def main() -> int:
    """Audit all three; 1 when something was found, or nothing could be asked and AUDIT=required."""
    python = [sys.executable, "-m", "pip_audit", "--local", "--format", "json", "--progress-spinner", "off"]
    audits = [
        ("Python packages", python_findings, python, ROOT),
        ("the page's packages", node_findings, ["npm", "audit", "--json"], ROOT / "frontend"),
        ("dev's packages", node_findings, ["npm", "audit", "--json"], ROOT / "dev"),
    ]
    failed = False
    for name, findings, command, folder in audits:
        try:
            found = findings(*_run(command, folder))
        except UnansweredError as error:
            print(f"audit of {name}: NOT DONE, the registry gives no advisories here ({error})")
            failed |= os.environ.get("AUDIT") == "required"
            continue
        print(f"audit of {name}: " + ("\n  ".join(["", *found]).lstrip() if found else "nothing known"))
        failed |= bool(found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
