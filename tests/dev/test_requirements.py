"""What is installed is what was tested: requirements*.txt pin all that comes with the packages of requirements*.in.

Who changes one of those and forgets `make lock` fails here, without asking any registry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dev.config import ROOT

PAIRS = [("requirements.in", "requirements.txt"), ("requirements-dev.in", "requirements-dev.txt")]


def direct(file: Path) -> Iterator[Requirement]:
    """Return the packages that a file of direct requirements names, with the files that it includes."""
    for line in file.read_text().splitlines():
        if line.startswith("-r "):
            yield from direct(file.with_name(line.removeprefix("-r ")))
        elif line and not line.startswith("#"):
            yield Requirement(line)


def locked(file: str) -> dict[str, Requirement]:
    """Return the versions that a lock pins for this machine, by name."""
    text = re.sub(r"(?m)^ *#.*\n", "", (ROOT / file).read_text())
    entries = [entry for entry in re.split(r"\n(?! )", text) if entry]
    pins: dict[str, Requirement] = {}
    for entry in entries:
        pin = Requirement(entry.partition("\\")[0].strip())
        assert re.fullmatch(r"==[^*,]+", str(pin.specifier)), f"{file}: {pin} may be several versions"
        assert "--hash=sha256:" in entry, f"{file}: {pin} may be any file of that name"
        if pin.marker is None or pin.marker.evaluate():
            pins[canonicalize_name(pin.name)] = pin
    return pins


def with_all_that_comes_along(wanted: Iterator[Requirement]) -> set[str]:
    """The names of all packages that these need here, by what the installed ones say of themselves."""
    seen: set[tuple[str, str]] = set()
    queue = list(wanted)
    while queue:
        each = queue.pop()
        for extra in ("", *each.extras):
            key = (canonicalize_name(each.name), extra)
            if key in seen:
                continue
            seen.add(key)
            needed = [Requirement(line) for line in requires(each.name) or []]
            queue += [one for one in needed if one.marker is None or one.marker.evaluate({"extra": extra})]
    return {name for name, _ in seen}


@pytest.mark.parametrize(("names", "lock"), PAIRS)
def test_a_lock_pins_what_is_wanted_and_all_that_comes_along_and_nothing_else(names: str, lock: str) -> None:
    pins = locked(lock)
    wanted = list(direct(ROOT / names))
    assert [str(each) for each in wanted if each.specifier != pins[canonicalize_name(each.name)].specifier] == []
    assert with_all_that_comes_along(iter(wanted)) == set(pins)


def test_installed_packages_match_the_lock() -> None:
    pins = locked("requirements-dev.txt")
    del pins["pip"]  # pip-audit names it; it is what installs, and Frontrow does not run on it
    assert [str(pin) for pin in pins.values() if not pin.specifier.contains(version(pin.name))] == []


def test_production_gets_what_was_tested() -> None:
    tested, shipped = locked("requirements-dev.txt"), locked("requirements.txt")
    assert {name: str(pin.specifier) for name, pin in shipped.items()} == {
        name: str(tested[name].specifier) for name in shipped
    }


@pytest.mark.parametrize("lock", [lock for _, lock in PAIRS])
def test_a_lock_names_no_registry(lock: str) -> None:
    assert not re.search(r"://|(?m:^-)", (ROOT / lock).read_text())
