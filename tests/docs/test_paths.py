"""Documents point at files that exist.

A moved or renamed file breaks no other test when only prose names it; a reader would follow the path and find nothing.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP = "backend|bench|deploy|dev|docs|frontend|sql|supabase|tests"
_CODE_BLOCK = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
_NAMED = re.compile(rf"`((?:{TOP})/[\w./-]*|[\w-]+\.(?:py|toml|txt|md|yaml))`")
_LINK = re.compile(r"""\]\(([^)\s]*)\)|\bsrc="([^"]*)\"""")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def documents() -> list[Path]:
    """Every Markdown file of the project itself."""
    folders = [folder for folder in (ROOT / "docs", ROOT / "dev", ROOT / "tests", ROOT / "deploy") if folder.exists()]
    below = [page for folder in folders for page in folder.rglob("*.md") if "node_modules" not in page.parts]
    return sorted([*ROOT.glob("*.md"), *below])


def named_paths(text: str) -> list[str]:
    """The paths in backticks that begin with a folder of the project, or are a file in its root."""
    return _NAMED.findall(text)


def anchors(text: str) -> set[str]:
    """The ids that headings get on GitHub: lowercase, no punctuation, hyphens for spaces, a number when repeated."""
    ids: set[str] = set()
    for heading in _HEADING.findall(_CODE_BLOCK.sub("", text)):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        ids.add(slug if slug not in ids else f"{slug}-1")
    return ids


def broken_links(page: Path, text: str) -> list[str]:
    """The relative links and images of a page whose file or heading does not exist."""
    broken: list[str] = []
    for link, image in _LINK.findall(_CODE_BLOCK.sub("", text)):
        target = link or image
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        exists = file.exists() and (not anchor or file.suffix != ".md" or anchor in anchors(file.read_text()))
        if not exists:
            broken.append(target)
    return broken


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/alerts.md", "docs/architecture.md", "docs/chaos.md"),
        *("docs/deploy.md", "docs/lifecycle.md", "docs/operations.md", "docs/testing.md"),
    ],
)
def test_named_paths_exist(name: str) -> None:
    named = named_paths((ROOT / name).read_text())
    assert named, f"{name} names no path, so this test would check nothing"
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_resolve(document: Path) -> None:
    assert broken_links(document, document.read_text()) == []


def test_missing_file_and_heading_are_found() -> None:
    text = '[a](no.md) [b](#no-heading) [c](https://example.com) <img src="no.png"> `sql/no_such.sql`\n## One: heading'
    assert broken_links(ROOT / "docs/README.md", text) == ["no.md", "#no-heading", "no.png"]
    assert named_paths(text) == ["sql/no_such.sql"]
    assert anchors(text) == {"one-heading"}


def test_adr_index_lists_each_record_with_its_date_and_status() -> None:
    folder = ROOT / "docs/adr"
    rows = re.findall(r"^\| (\d{4}) \| \[.*\]\((.*)\) \| (\S+) \| (.*) \|$", (folder / "README.md").read_text(), re.M)
    records = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [name for _, name, _, _ in rows] == records
    for number, name, date, status in rows:
        text = (folder / name).read_text()
        assert name.startswith(f"{number}-")
        assert text.startswith(f"# {int(number)}. ")
        assert f"\n- Date: {date}\n- Status: {status}" in text
        assert re.findall(r"^## (.*)$", text, re.M) == ["Context", "Decision", "Consequences"]
