"""Dashboard and alerts: well formed, about metrics that there are, and each explained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dev.config import ROOT

_RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
_DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/frontrow.json").read_text())
_METRIC = re.compile(r"\bfrontrow_\w+")


def _expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in _RULES)
    yield from (target["expr"] for panel in _DASHBOARD["panels"] for target in panel.get("targets", ()))


def _documented() -> dict[str, tuple[str, set[str]]]:
    """The metrics of docs/metrics.md, which a test compares with /metrics: kind and labels by name."""
    rows = re.findall(r"^\| `(frontrow_\w+)` \| (\w+) \| ([\w, ]*) ?\|", (ROOT / "docs/metrics.md").read_text(), re.M)
    return {
        name: (kind, {label.strip() for label in labels.split(",") if label.strip()}) for name, kind, labels in rows
    }


@pytest.mark.parametrize("expression", sorted(set(_expressions())))
def test_each_expression_is_about_metrics_that_there_are(expression: str) -> None:
    known = _documented()
    named = _METRIC.findall(expression)
    assert named or 'up{job="frontrow"}' in expression
    for name in named:
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        assert family in known
        assert (family != name) == (known[family][0] == "histogram")
    for name, matchers in re.findall(r"(frontrow_\w+)\{([^}]*)\}", expression):
        labels = set(re.findall(r"(\w+)\s*[!=]~?", matchers))
        assert labels <= known[re.sub(r"_(bucket|sum|count)$", "", name)][1]
    assert expression.count("(") == expression.count(")")


@pytest.mark.parametrize("expression", sorted(set(_expressions())))
def test_only_counters_and_histograms_have_rates(expression: str) -> None:
    for name in re.findall(r"(?:rate|increase)\((frontrow_\w+)", expression):
        assert _documented()[re.sub(r"_(bucket|sum|count)$", "", name)][0] in ("counter", "histogram")


def test_every_alert_is_explained_and_every_explanation_is_an_alert() -> None:
    explained = re.findall(r"^\| `(Frontrow\w+)` \|", (ROOT / "docs/alerts.md").read_text(), re.M)
    assert sorted(explained) == sorted(rule["alert"] for rule in _RULES)
    pages, _, tickets = (ROOT / "docs/alerts.md").read_text().partition("## In the morning")
    for rule in _RULES:
        assert rule["annotations"]["summary"]
        assert f"`{rule['alert']}`" in (pages if rule["labels"]["severity"] == "page" else tickets)


def test_the_dashboard_can_be_imported() -> None:
    assert _DASHBOARD["uid"] == "frontrow"
    ids = [panel["id"] for panel in _DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    source = _DASHBOARD["templating"]["list"][0]["name"]
    for panel in _DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["title"]
            assert panel["description"]
            assert panel["datasource"]["uid"] == f"${{{source}}}"


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {re.sub(r"_bucket$", "", name) for text in _expressions() for name in _METRIC.findall(text)}
    assert shown == set(_documented())
