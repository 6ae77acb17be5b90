"""The attribution benchmark runs at any size, with and without the optional peers."""

from __future__ import annotations

import argparse

from tests.benchmarks import attribution


def test_a_small_company_is_measured() -> None:
    asked = argparse.Namespace(opportunities=300, threads=1, rounds=1, without_peers=True)

    found = attribution.run(asked)

    assert (found["opportunities"], found["touches"]) == (300, 1200)
    assert found["kernel"]["ours"]["seconds"] > 0
    for engine in ("polars", "duckdb"):
        measured = found["kernel"][engine]
        assert measured.get("credits_are_equal", True) is True
        assert measured.get("not_measured", "uv run --group bench").find("--group bench") >= 0
    assert set(found["growth"]) == {"3", "30", "300"}
