"""Measure the product: `uv run python -m tests.benchmarks NAME [--json]`.

Every module beside this one that has `add_arguments(parser)` and `run(options)` is a benchmark. It
works in a database of its own, which is dropped at the end, and returns plain values to print.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import django
import orjson
from rich.console import Console
from rich.table import Table

from tests import benchmarks

ROOT: Final = Path(__file__).parent.parent.parent
DURABLE: Final = frozenset({"ledger"})


def main(words: list[str]) -> None:
    """Run the benchmark that is named and print what it found."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    if DURABLE & set(words):
        # What a commit costs is what it takes to keep it: on a server that writes as the product's.
        os.environ.setdefault("TRIBUTE_HOME", str(ROOT / ".tribute" / "benchmarks"))
        os.environ.setdefault("TESTS_DURABLE", "true")
    django.setup()
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    named = parser.add_subparsers(dest="name", required=True)
    found = _modules()
    for name, module in found.items():
        options = named.add_parser(name, help=(module.__doc__ or "").splitlines()[0])
        options.add_argument("--json", action="store_true", help="print one JSON object")
        module.add_arguments(options)
    asked = parser.parse_args(words)
    _show(found[asked.name].run(asked), is_json=asked.json)


def _modules() -> dict[str, ModuleType]:
    names = [each.name for each in pkgutil.iter_modules(benchmarks.__path__)]
    modules = {
        name: importlib.import_module(f"{benchmarks.__name__}.{name}")
        for name in names
        if name != "__main__"
    }
    return {
        # A module cannot be called `import`; it says what it is called here.
        getattr(module, "NAME", name): module
        for name, module in modules.items()
        if hasattr(module, "run")
    }


def _show(result: Mapping[str, Any], *, is_json: bool) -> None:
    if is_json:
        sys.stdout.write(orjson.dumps(result).decode() + "\n")
        return
    table = Table("figure", "value")
    for name, value in _flat(result):
        table.add_row(name, str(value))
    Console().print(table)


def _flat(result: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in result.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        else:
            rows.append((f"{prefix}{name}", value))
    return rows


if __name__ == "__main__":
    main(sys.argv[1:])
