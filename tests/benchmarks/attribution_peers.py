"""What peers compute: three heuristics, and removal effects, each in its own form.

ChannelAttribution takes paths as text and gives sums by channel; so does mta, whose paths are lists
in Python; Marketing Attribution Models takes a Polars frame of journeys. None gives credits by
touch or whole cents.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.benchmarks import attribution_rows as rows_of

# What takes minutes on a million journeys is measured on a part of them, and says so.
MOST_FOR_MTA: Final = 100_000


def measured(won: rows_of.Company, paths: rows_of.Paths) -> Mapping[str, Any]:
    """Measure every peer that is installed, and the making of the paths of won opportunities."""
    found: dict[str, Any] = {"paths_made_by_polars": _paths_made(won)}
    for name, measure in (
        ("ChannelAttribution", _channel_attribution),
        ("marketing-attribution-models", _marketing_attribution_models),
        ("mta", _mta),
    ):
        with _quiet():
            try:
                found[name] = measure(paths)
            except Exception as error:  # noqa: BLE001 - whatever a peer fails with is reported
                found[name] = {"not_measured": f"{type(error).__name__}: {error}"}
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _timed(compute: Callable[[], object]) -> dict[str, float]:
    started, started_cpu = time.perf_counter(), time.process_time()
    compute()
    return {
        "seconds": round(time.perf_counter() - started, 3),
        "cpu_seconds": round(time.process_time() - started_cpu, 3),
    }


def _paths_made(won: rows_of.Company) -> dict[str, Any]:
    """Join touches to opportunities, put them in order and make one text of each journey."""
    try:
        pl: Any = importlib.import_module("polars")
    except ModuleNotFoundError as error:
        return {"not_measured": str(error), "seconds": 0.0, "cpu_seconds": 0.0}
    own, rows = won.opportunities, won.touches
    deals = pl.DataFrame({"deal": own.id, "account": own.account, "closed_at": own.closed_at})
    touches = pl.DataFrame(
        {"touch": rows.id, "account": rows.account, "occurred_at": rows.occurred_at}
    ).with_columns(channel=pl.Series(rows_of.CHANNELS).gather(pl.Series(rows.channel)))
    window = rows_of.LOOKBACK_DAYS * rows_of.DAY
    made = (
        touches.lazy()
        .join(deals.lazy(), on="account")
        .filter(
            (pl.col("occurred_at") <= pl.col("closed_at"))
            & (pl.col("occurred_at") >= pl.col("closed_at") - window)
        )
        .sort("deal", "occurred_at", "touch")
        .group_by("deal", maintain_order=True)
        .agg(pl.col("channel").str.join(" > "))
    )
    return _timed(made.collect)


def _channel_attribution(paths: rows_of.Paths) -> dict[str, Any]:
    peer, pandas = importlib.import_module("ChannelAttribution"), importlib.import_module("pandas")
    frame = pandas.DataFrame(
        {
            "path": paths.texts().to_pylist(),
            "won": paths.is_won.astype("int64"),
            "lost": (~paths.is_won).astype("int64"),
        }
    )
    won = frame[frame["won"] > 0]
    return {
        "heuristics": _timed(
            lambda: peer.heuristic_models(won, "path", "won", sep=">", flg_pro=False)
        ),
        "markov": _timed(
            lambda: peer.markov_model(
                frame, "path", "won", var_null="lost", sep=">", flg_pro=False, verbose=False
            )
        ),
    }


def _marketing_attribution_models(paths: rows_of.Paths) -> dict[str, Any]:
    peer, polars = importlib.import_module("mam"), importlib.import_module("polars")
    frame = polars.DataFrame(
        {
            "journey": polars.arange(0, len(paths.is_won), eager=True).cast(polars.String),
            "path": polars.from_arrow(paths.texts()),
            "hours": polars.from_arrow(paths.hours()),
            "won": paths.is_won,
        }
    )
    model = peer.MAM(
        frame,
        format_type="journey",
        channels_colname="path",
        journey_with_conv_colname="won",
        user_id_colname="journey",
        time_till_conv_colname="hours",
    )

    def heuristics() -> None:
        model.run_first_click()
        model.run_last_click()
        model.run_linear()

    return {"heuristics": _timed(heuristics), "markov": _timed(model.run_markov)}


def _mta(paths: rows_of.Paths) -> dict[str, Any]:
    peer, pandas = importlib.import_module("mta"), importlib.import_module("pandas")
    count = min(len(paths.is_won), MOST_FOR_MTA)
    texts = paths.texts().slice(0, count).to_pylist()
    frame = pandas.DataFrame(
        {
            "path": texts,
            "total_conversions": paths.is_won[:count].astype("int64"),
            "total_null": (~paths.is_won[:count]).astype("int64"),
            "exposure_times": texts,
        }
    )
    model = peer.MTA(frame, allow_loops=True, add_timepoints=False)

    def heuristics() -> None:
        model.first_touch()
        model.last_touch()
        model.linear(share="proportional")

    return {
        "journeys": count,
        "heuristics": _timed(heuristics),
        "markov": _timed(lambda: model.markov(sim=False)),
    }
