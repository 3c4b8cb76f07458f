"""Which module may import which: no cycles, and nothing of the product leans on what only stands beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("backend", "wsgi.py", "gunicorn.conf.py")
BESIDE = ("dev", "bench", "tests")


def modules(*tops: str) -> dict[str, Path]:
    """Files by the name that imports use."""
    found: dict[str, Path] = {}
    for top in tops:
        path = ROOT / top
        files = [path] if path.is_file() else [file for file in path.rglob("*.py") if "node_modules" not in file.parts]
        for file in files:
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported(tree: ast.AST, known: dict[str, Path]) -> Iterator[str]:
    """Every module that is imported anywhere in a file, in functions too: a hidden cycle is one as well."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from inner & known.keys()
            if not inner <= known.keys():
                yield node.module


def graph(known: dict[str, Path]) -> dict[str, set[str]]:
    """Return what each module imports."""
    return {name: set(imported(ast.parse(path.read_bytes()), known)) - {name} for name, path in known.items()}


@pytest.mark.parametrize("top", ["backend", "dev", "bench"])
def test_no_module_imports_itself_by_way_of_others(top: str) -> None:
    known = modules(top)
    assert len(known) > 5
    try:
        TopologicalSorter(graph(known)).prepare()
    except CycleError as error:
        pytest.fail(f"imports go in a circle: {' -> '.join(error.args[1])}")


def test_the_product_imports_nothing_that_stands_beside_it() -> None:
    everything = graph(modules(*PRODUCT))
    assert "backend.app" in everything["wsgi"]
    leaning = {
        f"{name} imports {other}"
        for name, others in everything.items()
        for other in others
        if other.split(".")[0] in BESIDE
    }
    assert leaning == set()


def test_a_cycle_in_a_function_is_found(tmp_path: Path) -> None:
    """The control."""
    (tmp_path / "a.py").write_text("from pkg import b\n")
    (tmp_path / "b.py").write_text("def late():\n    from pkg.a import x\n    return x\n")
    known = {f"pkg.{name}": tmp_path / f"{name}.py" for name in ("a", "b")}
    with pytest.raises(CycleError):
        TopologicalSorter(graph(known)).prepare()
