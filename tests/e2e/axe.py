"""axe-core in the page that a visitor has before them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from playwright.sync_api import Page

from dev.config import ROOT

_AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"

_SCHEMES: dict[Literal["light", "dark"], list[str]] = {"light": [], "dark": ["color-contrast"]}
"""Colours are all that the dark changes."""
_TWO_FRAMES = "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"


@dataclass(frozen=True)
class Finding:
    """One rule that one element breaks."""

    rule: str
    impact: str
    selector: str
    help: str
    where: str

    def __str__(self) -> str:
        return f"{self.where}: {self.impact}: {self.rule} at {self.selector}: {self.help}"


def findings(page: Page, where: str) -> list[Finding]:
    """Return what axe finds in the page as it is, in both themes; `where` names the state."""
    found: list[Finding] = []
    for scheme, rules in _SCHEMES.items():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.evaluate(_TWO_FRAMES)
        found += [_read(each, f"{where}, {scheme}") for each in _violations(page, rules)]
    return found


def _violations(page: Page, rules: list[str]) -> list[dict[str, Any]]:
    """The violations of these rules, by default of all, an item for each element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.read_text())
    return page.evaluate(
        """async (rules) => {
          const options = { resultTypes: ['violations'], ...(rules.length > 0 && { runOnly: rules }) };
          return (await axe.run(options)).violations.flatMap(({ id, help, nodes }) =>
            nodes.map(({ impact, target, failureSummary }) =>
              ({ id, impact, selector: target.join(' '), help: `${help} (${failureSummary})` })));
        }""",
        rules,
    )


def _read(violation: dict[str, Any], where: str) -> Finding:
    summary = " ".join(violation["help"].split())
    return Finding(violation["id"], violation["impact"], violation["selector"], summary, where)
