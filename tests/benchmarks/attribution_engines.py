"""Six models per touch to the cent as Polars and DuckDB compute them, with a checksum of credits.

The definitions are the kernel's: the window, the order by time and id, the whole-number weights and
the largest remainder. Each engine starts from opportunities and touches in its own tables and ends
with one row for each pair of them, six credits wide.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa

from attribution.domain import multitouch
from tests.benchmarks import attribution_rows as rows_of

SIX: Final = (
    multitouch.Model.FIRST_TOUCH,
    multitouch.Model.LAST_TOUCH,
    multitouch.Model.LINEAR,
    multitouch.Model.U_SHAPED,
    multitouch.Model.W_SHAPED,
    multitouch.Model.TIME_DECAY_STEP,
)
_WINDOW: Final = rows_of.LOOKBACK_DAYS * rows_of.DAY
_STEP: Final = multitouch.DEFAULTS.step
# A window of 180 days has at most 26 steps of a week.
_STEP_BITS: Final = 26
_NAMES: Final = tuple(model.lower() for model in SIX)
_SPREAD: Final = 1009

Engine = tuple[Callable[[], Any], Callable[[Any], list[int]]]


def polars(data: rows_of.Company, threads: int) -> Engine:
    """Prepare Polars; give what computes and what sums up the credits found."""
    pl: Any = importlib.import_module("polars")
    deals, touches = (pl.from_arrow(table) for table in _tables(data))
    n, k, mid, parts, multiple = (pl.col(name) for name in ("n", "k", "mid", "parts", "multiple"))
    weights = {
        "first_touch": (k == 1).cast(pl.Int64),
        "last_touch": (k == n).cast(pl.Int64),
        "linear": pl.lit(1, pl.Int64),
        "u_shaped": pl.when(n <= 2)
        .then(1)
        .when((k == 1) | (k == n))
        .then(2 * (n - 2))
        .otherwise(1),
        "w_shaped": pl.when(mid == 0)
        .then(multiple)
        .when(multiple > 0)
        .then(9 * multiple * mid)
        .otherwise(parts),
        "time_decay_step": pl.lit(2, pl.Int64).pow(_STEP_BITS - pl.col("behind")),
    }

    def compute() -> Any:
        pairs = (
            touches.lazy()
            .join(deals.lazy(), on="account")
            .filter(
                (pl.col("occurred_at") <= pl.col("closed_at"))
                & (pl.col("occurred_at") >= pl.col("closed_at") - _WINDOW)
            )
            .sort("deal", "occurred_at", "touch")
            .with_columns(
                n=pl.len().over("deal").cast(pl.Int64),
                k=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("deal"),
                lead_k=(pl.col("occurred_at") <= pl.col("lead_at"))
                .sum()
                .over("deal")
                .cast(pl.Int64),
                open_k=(pl.col("occurred_at") <= pl.col("opened_at"))
                .sum()
                .over("deal")
                .cast(pl.Int64),
                steps=(pl.col("closed_at") - pl.col("occurred_at")) // _STEP,
            )
            .with_columns(
                behind=pl.col("steps") - pl.col("steps").min().over("deal"),
                parts=1
                + (pl.col("lead_k") > 0).cast(pl.Int64)
                + (pl.col("open_k") > 0).cast(pl.Int64),
                multiple=(k == 1).cast(pl.Int64)
                + (k == pl.col("lead_k")).cast(pl.Int64)
                + (k == pl.col("open_k")).cast(pl.Int64),
            )
            .with_columns(mid=(multiple == 0).sum().over("deal").cast(pl.Int64))
        )
        amount = pl.col("amount")
        for name, weight in weights.items():
            pairs = (
                pairs.with_columns(weight=weight.cast(pl.Int64))
                .with_columns(whole=pl.col("weight").sum().over("deal"))
                .with_columns(
                    part=amount * pl.col("weight") // pl.col("whole"),
                    rest=amount * pl.col("weight") % pl.col("whole"),
                )
                .with_columns(
                    left=amount - pl.col("part").sum().over("deal"),
                    place=pl.col("rest").rank("ordinal", descending=True).over("deal"),
                )
                .with_columns(
                    (pl.col("part") + (pl.col("place") <= pl.col("left")).cast(pl.Int64)).alias(
                        name
                    )
                )
            )
        return pairs.select("deal", "touch", *_NAMES).collect()

    def digest(found: Any) -> list[int]:
        factor = (pl.col("deal") * 31 + pl.col("touch")) % _SPREAD
        return list(found.select([(pl.col(name) * factor).sum() for name in _NAMES]).row(0))

    return compute, digest


def duckdb(data: rows_of.Company, threads: int) -> Engine:
    """Prepare DuckDB in the same way."""
    peer: Any = importlib.import_module("duckdb")
    connection = peer.connect(config={"threads": threads})
    for name, table in zip(("deals", "touches"), _tables(data), strict=True):
        connection.register("arrow_table", table)
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM arrow_table")
        connection.unregister("arrow_table")

    def compute() -> Any:
        connection.execute("DROP TABLE IF EXISTS found")
        connection.execute(_sql())
        return connection

    def digest(_: Any) -> list[int]:
        columns = ", ".join(f"sum({name} * ((deal * 31 + touch) % {_SPREAD}))" for name in _NAMES)
        return [int(each) for each in connection.execute(f"SELECT {columns} FROM found").fetchone()]

    return compute, digest


def _sql() -> str:
    weights = {
        "first_touch": "(k = 1)::BIGINT",
        "last_touch": "(k = n)::BIGINT",
        "linear": "1",
        "u_shaped": "CASE WHEN n <= 2 THEN 1 WHEN k = 1 OR k = n THEN 2 * (n - 2) ELSE 1 END",
        "w_shaped": "CASE WHEN mid = 0 THEN multiple WHEN multiple > 0 THEN 9 * multiple * mid "
        "ELSE parts END",
        "time_decay_step": f"(1::BIGINT << ({_STEP_BITS} - behind)::INT)",
    }
    each = ", ".join(f"{weight} AS {name}_w" for name, weight in weights.items())
    divided = ", ".join(
        f"amount * {name}_w // sum({name}_w) OVER own AS {name}_part, "
        f"amount * {name}_w % (sum({name}_w) OVER own) AS {name}_rest"
        for name in weights
    )
    ranked = ", ".join(
        f"{name}_part, amount - sum({name}_part) OVER own AS {name}_left, "
        f"row_number() OVER (PARTITION BY deal ORDER BY {name}_rest DESC, k) AS {name}_place"
        for name in weights
    )
    whole = ", ".join(
        f"({name}_part + ({name}_place <= {name}_left)::BIGINT)::BIGINT AS {name}"
        for name in weights
    )
    return f"""
        CREATE TEMP TABLE found AS
        WITH pairs AS (
            SELECT deal, touch, amount, occurred_at, opened_at, lead_at,
                (closed_at - occurred_at) // {_STEP} AS steps
            FROM touches JOIN deals USING (account)
            WHERE occurred_at <= closed_at AND occurred_at >= closed_at - {_WINDOW}
        ), placed AS (
            SELECT *, count(*) OVER own AS n,
                row_number() OVER (PARTITION BY deal ORDER BY occurred_at, touch) AS k,
                count(*) FILTER (occurred_at <= lead_at) OVER own AS lead_k,
                count(*) FILTER (occurred_at <= opened_at) OVER own AS open_k,
                steps - min(steps) OVER own AS behind
            FROM pairs WINDOW own AS (PARTITION BY deal)
        ), marked AS (
            SELECT *, 1 + (lead_k > 0)::INT + (open_k > 0)::INT AS parts,
                (k = 1)::INT + (k = lead_k)::INT + (k = open_k)::INT AS multiple
            FROM placed
        ), counted AS (
            SELECT *, count(*) FILTER (multiple = 0) OVER (PARTITION BY deal) AS mid FROM marked
        ), weighed AS (
            SELECT deal, touch, amount, k, {each} FROM counted
        ), divided AS (
            SELECT deal, touch, amount, k, {divided}
            FROM weighed WINDOW own AS (PARTITION BY deal)
        ), ranked AS (
            SELECT deal, touch, {ranked} FROM divided WINDOW own AS (PARTITION BY deal)
        )
        SELECT deal, touch, {whole} FROM ranked
    """


def checksum(deal: Any, touch: Any, amount_minor: Any) -> int:
    """Sum credits as the engines do, over any part of them."""
    return int((amount_minor * ((deal * 31 + touch) % _SPREAD)).sum())


def _tables(data: rows_of.Company) -> tuple[Any, Any]:
    own = data.opportunities
    deals = pa.table(
        {
            "deal": own.id,
            "account": own.account,
            "opened_at": own.opened_at,
            "lead_at": own.lead_created_at
            if own.lead_created_at is not None
            else np.zeros_like(own.id),
            "closed_at": own.closed_at,
            "amount": own.amount_minor,
        }
    )
    touches = pa.table(
        {
            "touch": data.touches.id,
            "account": data.touches.account,
            "occurred_at": data.touches.occurred_at,
        }
    )
    return deals, touches
