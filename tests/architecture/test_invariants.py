"""The page of invariants names all of them, and tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from django.conf import settings

TESTS = Path(settings.BASE_DIR) / "tests"
PAGE = Path(settings.BASE_DIR) / "docs" / "invariants.md"
INVARIANTS = range(1, 34)
ROW = re.compile(r"^\| (\d+) \|(.*)$", re.MULTILINE)
NAMED = re.compile(r"`([a-z]+/test_\w+\.py)::(test_\w+)`")


def test_every_invariant_names_tests_that_exist() -> None:
    rows = dict(ROW.findall(PAGE.read_text()))

    missing = {
        f"{number}: {path}::{name}"
        for number, row in rows.items()
        for path, name in NAMED.findall(row)
        if name not in _tests(TESTS / path)
    }

    assert [int(number) for number in rows] == list(INVARIANTS)
    assert [number for number, row in rows.items() if not NAMED.search(row)] == []
    assert missing == set()


def _tests(path: Path) -> set[str]:
    if not path.exists():
        return set()
    return {
        node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)
    }
