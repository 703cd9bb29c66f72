"""The house keeps its order: imports run one way, and importing is cheap."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import passkeep

ROOT = Path(passkeep.__file__).parent

# Which parts of the package each part may import. What is not named here is an error.
ARROWS = {
    "errors": set(),
    "_native": set(),
    "age": {"errors", "_native"},
    "temporary": set(),
    "output": {"errors", "temporary"},
    "sealed": {"errors", "_native", "age"},
    "incoming": {"errors", "_native", "age", "sealed"},
    "prf": {"errors", "age"},
    "stream": {"errors", "_native", "age", "incoming", "output", "sealed"},
    "keyring": {"errors", "age", "incoming", "output", "prf", "temporary"},
    "memory": {"buffers", "errors", "_native", "age", "sealed", "stream"},
    "digests": {"buffers", "_native", "incoming", "stream"},
    "batch": {"buffers", "errors", "_native", "age", "memory", "stream"},
    "audience": {"errors", "age", "keyring", "stream"},
    "turns": set(),
    "reader": {"buffers", "errors", "_native", "turns"},
    "writer": {"buffers", "errors", "_native", "turns"},
    "fileobj": {
        *("errors", "_native", "audience", "incoming", "keyring", "reader", "sealed"),
        *("stream", "writer"),
    },
    "buffers": set(),
    "copying": set(),
    "replacing": {"errors", "incoming", "keyring"},
    "rewrapping": {
        *("errors", "_native", "age", "audience", "copying", "incoming", "keyring", "output"),
        *("replacing", "sealed", "stream"),
    },
    "tree": {
        *("errors", "_native", "audience", "incoming", "keyring", "output", "replacing"),
        *("sealed", "stream"),
    },
    "benchmark": {
        *("errors", "_native", "age", "batch", "digests", "fileobj", "memory", "sealed"),
        *("stream", "tree"),
    },
    "jobs": {
        *("errors", "_native", "age", "audience", "digests", "incoming", "keyring", "output"),
        *("sealed", "stream", "temporary", "tree"),
    },
    "passkey": {"errors", "age", "prf"},
    "web": {"errors", "age", "incoming", "keyring", "passkey", "prf"},
    "settings": {
        *("errors", "_native", "age", "incoming", "keyring", "output", "passkey", "prf", "stream"),
        *("tree", "web"),
    },
    "cli": {
        *("errors", "_native", "age", "audience", "benchmark", "incoming", "jobs", "keyring"),
        *("output", "passkey", "digests", "prf", "rewrapping", "sealed", "settings", "stream"),
        *("tree",),
    },
    "__main__": {"cli"},
}
PUBLIC = set(ARROWS) - {"cli", "__main__"}  # what `passkeep/__init__.py` may gather

HEAVY = {"fido2", "zxcvbn", "rich", "click", "numpy", "http.server", "ssl", "asyncio"}


# What is loaded only when something of the package is used.
LATER = {"cryptography", "zlib", "hashlib", "platformdirs", "dataclasses", "tempfile"}


def part_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """The parts of the package that a file imports, at its top or in a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found |= (
                {f"passkeep.{alias.name}" for alias in node.names}
                if node.module == "passkeep"
                else {str(node.module)}
            )
    return {name.split(".")[1] for name in found if name.startswith("passkeep.")}


FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_arrows(path):
    part = part_of(path)
    assert part in ARROWS, f"{part} has no place in the order yet"
    assert imports(path) <= ARROWS[part] | {part}


def test_the_arrows_make_no_circle():
    order = []
    left = dict(ARROWS)
    while left:
        free = [part for part, needs in left.items() if needs <= set(order)]
        assert free, f"a circle among {sorted(left)}"
        order += free
        left = {part: needs for part, needs in left.items() if part not in free}
    assert order.index("errors") < order.index("age") < order.index("keyring")


def test_there_is_something_to_check():
    assert {part_of(path) for path in FILES} >= set(ARROWS) - {"_native"}
    assert "age" in imports(ROOT / "keyring" / "keyring.py")


def test_the_package_gathers_no_command_line():
    assert imports(ROOT / "__init__.py") <= PUBLIC


def loaded_by(statement: str) -> set[str]:
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], check=True, capture_output=True, timeout=60
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_is_cheap():
    loaded = loaded_by("import passkeep")
    assert {name for name in loaded if name.startswith("passkeep")} == {
        *("passkeep", "passkeep._native"),
    }
    assert sorted((HEAVY | LATER) & loaded) == []


def test_using_the_package_loads_nothing_heavy():
    loaded = loaded_by("from passkeep import *")
    assert "passkeep.keyring" in loaded
    assert sorted(HEAVY & loaded) == []


def test_starting_the_command_line_is_cheap():
    loaded = loaded_by("import passkeep.cli")
    assert "click" in loaded
    assert sorted(((HEAVY | LATER) - {"click"}) & loaded) == []


def test_what_is_loaded_late_is_what_type_checkers_see():
    """The package's own table and the imports under TYPE_CHECKING tell the same."""
    tree = ast.parse((ROOT / "__init__.py").read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen.keys() | {"__version__"} == set(passkeep.__all__)
    assert seen.pop("passkey") == ("passkeep", "passkey")
    listed = {name: (part, name) for part, names in passkeep._PARTS.items() for name in names}
    assert seen == listed | passkeep._RENAMED
    assert set(passkeep.__all__) <= set(dir(passkeep))
    with pytest.raises(AttributeError, match="no attribute"):
        passkeep.nonsense  # noqa: B018


def test_everything_public_has_a_name_and_exists():
    for name in passkeep.__all__:
        assert getattr(passkeep, name) is not None
    assert len(set(passkeep.__all__)) == len(passkeep.__all__)
    for name in passkeep.passkey.__all__:
        assert getattr(passkeep.passkey, name) is not None
