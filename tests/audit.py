"""Asks the registries for vulnerabilities of what is installed: pip-audit for .venv, npm audit for the page and dev/.

A vulnerability fails. A registry that gives no advisories (no network, a mirror without them) proves nothing, and is
reported as NOT DONE; AUDIT=required makes it a failure, too.
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
    """The registry gave no advisories; the message is its answer."""


def python_findings(output: str, errors: str) -> list[str]:
    """Read pip-audit's report, a line for each finding. Raises UnansweredError when it could look up nothing."""
    packages = cast(list[Json], _document(output, errors).get("dependencies", []))
    answered = [package for package in packages if "skip_reason" not in package]
    if not answered:
        raise UnansweredError(packages[0]["skip_reason"] if packages else "it names no package")
    return [
        f"{package['name']} {package['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'none'}"
        for package in answered
        for found in cast(list[Json], package["vulns"])
        if not {found["id"], *found.get("aliases", ())} & set(ACCEPTED)
    ]


def node_findings(output: str, errors: str) -> list[str]:
    """Read npm audit's report, a line for each finding. Raises UnansweredError when the registry did not answer."""
    document = _document(output, errors)
    if "vulnerabilities" not in document:
        raise UnansweredError(str(document.get("message") or document.get("error") or "no answer"))
    # A package that only depends on a bad one names that instead, as text.
    advisories = {
        (name, str(via["severity"]), str(via["title"]), str(via["url"]))
        for name, package in cast(dict[str, Json], document["vulnerabilities"]).items()
        for via in cast(list[Json | str], package["via"])
        if not isinstance(via, str) and str(via["url"]).rsplit("/", 1)[-1] not in ACCEPTED
    }
    return [f"{name}: {severity}: {title} ({url})" for name, severity, title, url in sorted(advisories)]


def _document(output: str, errors: str) -> Json:
    try:
        return cast(Json, json.loads(output))
    except ValueError:
        raise UnansweredError((errors.strip().splitlines() or ["no answer"])[-1]) from None


def _run(command: Sequence[str], folder: Path) -> tuple[str, str]:
    try:
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return "", f"no answer in {_SECONDS} s"
    return run.stdout, run.stderr


def main() -> int:
    """Audit all three; 1 when something was found, or nothing could be asked and AUDIT=required."""
    python = [sys.executable, "-m", "pip_audit", "--local", "--format", "json", "--progress-spinner", "off"]
    node = ["npm", "audit", "--json"]
    failed = False
    for name, findings, command, folder in (
        ("Python packages", python_findings, python, ROOT),
        ("the page's packages", node_findings, node, ROOT / "frontend"),
        ("dev's packages", node_findings, node, ROOT / "dev"),
    ):
        try:
            found = findings(*_run(command, folder))
        except UnansweredError as error:
            print(f"audit of {name}: NOT DONE, the registry gives no advisories here ({error})")
            failed |= os.environ.get("AUDIT") == "required"
        else:
            print(f"audit of {name}: " + ("\n  ".join(found) or "nothing known"))
            failed |= bool(found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
