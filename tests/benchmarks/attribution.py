"""Attribution: the kernel beside peers, Polars and DuckDB, on the same opportunities and touches.

    kernel     six models per touch to the cent, beside the same six in Polars and in DuckDB, whose
               credits have to be equal
    models     all heuristic and milestone models of won opportunities, per touch to the cent,
               beside the three heuristics of each peer by channel: on paths that are ready, and
               with the making of the paths by Polars, which here is a part of the kernel's work
    chains     exact removal effects and Shapley values, beside the Markov models of the peers
    growth     the six models at a hundredth, a tenth and the whole
    memory     what the kernel holds at its peak beyond its input, at a tenth and the whole

Seconds are of the wall, `cpu_seconds` of all threads; ratios are of the wall unless said. The data
of every contestant is ready in its own form before its clock starts. Peers come with the optional
group: `uv run --group bench python -m tests.benchmarks attribution`. One that is not there is
named, and left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import gc
import time
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any, Final

from attribution.domain import kernel, markov, multitouch, shapley
from tests.benchmarks import attribution_engines as engines
from tests.benchmarks import attribution_peers as peers
from tests.benchmarks import attribution_rows as rows_of

ROUNDS: Final = 3
MODELS: Final = tuple(
    model
    for model in multitouch.Model
    if model not in {multitouch.Model.PRIMARY_CAMPAIGN_SOURCE, multitouch.Model.CUSTOM}
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--opportunities", type=int, default=100_000, metavar="N")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="the best of so many counts")
    parser.add_argument("--without-peers", action="store_true")


def run(options: argparse.Namespace) -> Mapping[str, Any]:
    """Measure all of it; report seconds, ratios and whether the answers are equal."""
    data = rows_of.Company.of(options.opportunities)
    paths = rows_of.Paths.of(data)
    result: dict[str, Any] = {
        "opportunities": options.opportunities,
        "touches": len(data.touches),
        "pairs": len(paths.channel),
        "threads": options.threads,
    }
    result["kernel"] = _kernel(data, options)
    result["models"] = _models(data, paths, options)
    result["chains"] = _chains(paths, options)
    smaller = [rows_of.Company.of(options.opportunities // part) for part in (100, 10)]
    result["growth"] = {
        str(len(each.opportunities)): _timed(functools.partial(_attributed, each, options), options)
        for each in smaller
    }
    result["growth"] |= {str(options.opportunities): result["kernel"]["ours"]}
    result["memory"] = {
        f"{size}_peak_megabytes": _peak(rows_of.Company.of(size), options)
        for size in (options.opportunities // 10, options.opportunities)
    }
    return result


def _kernel(data: rows_of.Company, options: argparse.Namespace) -> Mapping[str, Any]:
    """Measure the six models here and elsewhere; the credits have to be equal."""
    result: dict[str, Any] = {"ours": _timed(lambda: _attributed(data, options), options)}
    expected = _digests(data, options)
    for name, prepare in (("polars", engines.polars), ("duckdb", engines.duckdb)):
        try:
            compute, digest = prepare(data, options.threads)
        except ModuleNotFoundError as error:
            result[name] = {"not_measured": f"{error}. Run with `uv run --group bench`."}
            continue
        result[name] = {
            **_timed(compute, options),
            "credits_are_equal": digest(compute()) == expected,
        }
        result[name]["times_ours"] = round(result[name]["seconds"] / result["ours"]["seconds"], 2)
        gc.collect()
    return result


def _models(
    data: rows_of.Company, paths: rows_of.Paths, options: argparse.Namespace
) -> Mapping[str, Any]:
    won = dataclasses.replace(data, opportunities=data.opportunities.take(data.is_won.nonzero()[0]))
    result: dict[str, Any] = {
        "ours_all_fourteen": _timed(lambda: _attributed(won, options, MODELS), options)
    }
    if options.without_peers:
        return result
    found = peers.measured(won, paths)
    for name, peer in found.items():
        result[name] = peer
        if "heuristics" not in peer or "journeys" in peer:
            continue
        for clock in ("seconds", "cpu_seconds"):
            ours = result["ours_all_fourteen"][clock]
            alone, made = peer["heuristics"][clock], found["paths_made_by_polars"][clock]
            peer[f"three_heuristics_times_our_fourteen_{clock}"] = round(alone / ours, 2)
            peer[f"from_touches_times_our_fourteen_{clock}"] = round((alone + made) / ours, 2)
    return result


def _chains(paths: rows_of.Paths, options: argparse.Namespace) -> Mapping[str, Any]:
    count = len(rows_of.CHANNELS)
    asked = (paths.channel, paths.offsets, paths.is_won)
    return {
        **{
            f"markov_order_{order}": _timed(
                functools.partial(markov.shares, *asked, channel_count=count, order=order), options
            )
            for order in (1, 2, 3)
        },
        "shapley": _timed(lambda: shapley.values(*asked, channel_count=count), options),
    }


def _attributed(
    data: rows_of.Company,
    options: argparse.Namespace,
    models: tuple[multitouch.Model, ...] = engines.SIX,
) -> int:
    """Compute all credits and let them go; return how many there were."""
    return sum(
        len(given)
        for batch in kernel.attribute(
            data.opportunities,
            data.touches,
            models=models,
            as_of=data.as_of,
            lookback_days=rows_of.LOOKBACK_DAYS,
            threads=options.threads,
        )
        for given in batch.credits.values()
    )


def _digests(data: rows_of.Company, options: argparse.Namespace) -> list[int]:
    sums = dict.fromkeys(engines.SIX, 0)
    for batch in kernel.attribute(
        data.opportunities,
        data.touches,
        models=engines.SIX,
        as_of=data.as_of,
        lookback_days=rows_of.LOOKBACK_DAYS,
        threads=options.threads,
    ):
        for model, given in batch.credits.items():
            sums[model] += engines.checksum(given.opportunity, given.touch, given.amount_minor)
    return list(sums.values())


def _peak(data: rows_of.Company, options: argparse.Namespace) -> float:
    tracemalloc.start()
    _attributed(data, options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round(peak / 2**20, 1)


def _timed(compute: Callable[[], object], options: argparse.Namespace) -> dict[str, float]:
    """Give the best of some rounds."""
    best = (float("inf"), 0.0)
    for _ in range(options.rounds):
        gc.collect()
        started, started_cpu = time.perf_counter(), time.process_time()
        compute()
        took = time.perf_counter() - started, time.process_time() - started_cpu
        best = min(best, took)
    return {"seconds": round(best[0], 4), "cpu_seconds": round(best[1], 4)}
