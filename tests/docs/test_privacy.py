"""docs/privacy.md says for how long what is kept, and the settings keep it for as long."""

from __future__ import annotations

import re

from dev.config import ROOT

SETTINGS = (ROOT / "sql/platform/settings.sql").read_text()
PAGE = (ROOT / "docs/privacy.md").read_text()
ROW = re.compile(r"^\| (?P<what>.*) \| (?P<where>.*) \| (?P<why>.*) \| (?P<how_long>.*) \| (?P<setting>.*) \|$", re.M)


def rows() -> list[re.Match[str]]:
    """Return the rows of the table of what is kept that name a setting."""
    return [row for row in ROW.finditer(PAGE) if row["setting"].startswith("`")]


def defaults() -> dict[str, str]:
    """Return the default of each duration of private.settings."""
    return dict(re.findall(r"^  (\w+) interval(?: not null)? default '([^']+)'", SETTINGS, re.M))


def test_what_is_kept_is_kept_for_as_long_as_the_settings_say() -> None:
    named = [row for row in rows() if "until their last session" not in row["how_long"]]
    assert len(named) >= 7
    for row in named:
        assert row["how_long"].startswith(defaults()[row["setting"].strip("`")]), row["what"]


def test_every_setting_about_retention_is_explained() -> None:
    kept = {name for name in defaults() if name.endswith("_kept")}
    assert len(kept) == 7
    assert kept <= {row["setting"].strip("`") for row in rows()}


def test_every_table_it_names_is_there() -> None:
    sql = "".join(path.read_text() for path in (ROOT / "sql").rglob("*.sql"))
    for table in re.findall(r"`((?:public|private)\.[a-z_]+)`", PAGE):
        assert re.search(rf"create table {re.escape(table)} ", sql) or table == "private.settings", table
