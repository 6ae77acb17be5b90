"""Consolidated spend by each dimension from the rollups, beside the lines and a bare round trip.

One database grows from the first number of sends to the last. `ours` is the whole call: the
selector with its labels, in a transaction of its own. `database` is what PostgreSQL says its
queries took, `lines` what it says of the same sum over the cost lines, written by hand, and
`floor` is the same transaction around `SELECT 1`. All are medians, in milliseconds; `cpu` is the
time of this process's processor alone.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config import ownership
from gifting.domain import access, cuts
from gifting.selectors import consolidated
from gifting.services import fiscal, tenancy
from tests import databases
from tests.factories import organizations

NAME: Final = "spend"
PROGRAMS: Final = 20
CAMPAIGNS: Final = 200
VENDORS: Final = 12
CENTERS: Final = 20
SENDERS: Final = 500
CHUNK: Final = 100_000

COLUMNS: Final = {
    cuts.Dimension.VENDOR: "line.vendor_id",
    cuts.Dimension.DEPARTMENT: "line.cost_center_id",
    cuts.Dimension.PROGRAM: "campaign.program_id",
    cuts.Dimension.CAMPAIGN: "line.campaign_id",
    cuts.Dimension.PERSON: "send.sender_reference",
    cuts.Dimension.CURRENCY: "line.currency",
    cuts.Dimension.PERIOD: "line.fiscal_period_id",
    cuts.Dimension.COMPONENT: "line.component",
}
JOINS: Final = {
    cuts.Dimension.PROGRAM: "JOIN gifting_campaign AS campaign ON campaign.id = line.campaign_id",
    cuts.Dimension.PERSON: "JOIN gifting_send AS send ON send.id = line.send_id",
}
_TIME: Final = re.compile(r"(?:Planning|Execution) Time: ([0-9.]+) ms")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sends", type=int, nargs="+", default=[100_000, 1_000_000], help="measured at each size"
    )
    parser.add_argument(
        "--vendors-each", type=int, default=4, help=f"vendors of a campaign, to {VENDORS}"
    )
    parser.add_argument(
        "--periods-each", type=int, default=6, help="fiscal periods that a campaign runs in"
    )
    parser.add_argument("--rounds", type=int, default=9, help="how often each cut is asked for")


def run(options: argparse.Namespace) -> Mapping[str, Any]:
    """Grow a company and measure every cut at every size."""
    database = databases.Database("spend")
    try:
        organization = organizations.make_organization("Benchmark")
        actor = access.Actor.system(organization_id=organization.id)
        _open_books(actor)
        sizes = sorted(options.sends)
        result: dict[str, Any] = {"rounds": options.rounds}
        sends = 0
        for size in sizes:
            seconds = _grow(actor, range(sends, size, CHUNK), size, options)
            sends = size
            result[f"{size}_sends"] = {
                "seeding_seconds": seconds,
                **_measured(actor, options.rounds),
            }
        result["growth"] = {
            "sends": sizes[-1] / sizes[0],
            "slowest_cut": round(_slowest(result, sizes[-1]) / _slowest(result, sizes[0]), 2),
        }
        return result
    finally:
        database.leave()
        databases.drop_abandoned()


def _slowest(result: Mapping[str, Any], size: int) -> float:
    return float(result[f"{size}_sends"]["slowest_cut_ms"])


def _measured(actor: access.Actor, rounds: int) -> Mapping[str, Any]:
    figures: dict[str, Any] = {"rows": _rows()}
    with tenancy.organization(actor.organization_id):
        if consolidated.differences(actor=actor):
            raise AssertionError("The rollups are not what the lines add up to.")
    floor, _ = _median(lambda: _ask(actor, _nothing), rounds)
    for cut in cuts.Dimension:

        def get(cut: cuts.Dimension = cut) -> None:
            consolidated.get(actor=actor, cut=cut)

        ours, cpu = _median(lambda get=get: _ask(actor, get), rounds)  # type: ignore[misc]
        lines = _explained(actor, lambda cut=cut: _over_lines(cut), 3)  # type: ignore[misc]
        figures[cut.lower()] = {
            "ours": ours,
            "cpu": cpu,
            "database": _explained(actor, get, rounds),
            "lines": lines,
            "lines_against_ours": round(lines / ours, 1),
        }
    figures["floor"] = floor
    figures["slowest_cut_ms"] = max(figures[cut.lower()]["ours"] for cut in cuts.Dimension)
    return figures


def _ask(actor: access.Actor, work: Callable[[], None]) -> None:
    with tenancy.organization(actor.organization_id):
        work()


def _median(work: Callable[[], None], rounds: int) -> tuple[float, float]:
    """Return wall and processor milliseconds; the first run warms up."""
    work()
    wall, cpu = [], []
    for _ in range(rounds):
        started, spent = time.perf_counter(), time.process_time()
        work()
        wall.append((time.perf_counter() - started) * 1000)
        cpu.append((time.process_time() - spent) * 1000)
    return round(statistics.median(wall), 2), round(statistics.median(cpu), 2)


def _explained(actor: access.Actor, work: Callable[[], None], rounds: int) -> float:
    """Return what PostgreSQL says that the queries took, planning included."""
    with tenancy.organization(actor.organization_id):
        with CaptureQueriesContext(connection) as asked:
            work()
        queries = [query["sql"] for query in asked if query["sql"].startswith("SELECT")]
        took = []
        for _ in range(rounds):
            with connection.cursor() as cursor:
                spent = 0.0
                for query in queries:
                    cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {query}")
                    plan = "\n".join(line for (line,) in cursor.fetchall())
                    spent += sum(float(each) for each in _TIME.findall(plan))
                took.append(spent)
    return round(statistics.median(took), 2)


def _nothing() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _over_lines(cut: cuts.Dimension) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS[cut]}, line.currency, sum(line.change_minor)"
            f" FROM gifting_costline AS line {JOINS.get(cut, '')} GROUP BY 1, 2"
        )
        cursor.fetchall()


def _rows() -> dict[str, int]:
    counts = {}
    with ownership.owner() as owner, owner.cursor() as cursor:
        for table in ("gifting_costline", "gifting_spendrollup", "gifting_senderspend"):
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE relname = %s", [table])
            counts[table] = int(cursor.fetchone()[0])
    return counts


def _open_books(actor: access.Actor) -> None:
    at = timezone.now()
    with tenancy.organization(actor.organization_id), connection.cursor() as cursor:
        for years in (0, 1):
            day = at.date().replace(year=at.year - years, day=1)
            fiscal.ensure_periods(organization_id=actor.organization_id, dates=[day])
        for statement in BOOKS:
            cursor.execute(
                statement,
                {
                    "organization": actor.organization_id,
                    "programs": PROGRAMS,
                    "campaigns": CAMPAIGNS,
                    "vendors": VENDORS,
                    "centers": CENTERS,
                },
            )


def _grow(
    actor: access.Actor, chunks: Iterable[int], end: int, options: argparse.Namespace
) -> float:
    """Add sends with two cost lines each, in files' sizes; return the seconds that it took."""
    started = time.monotonic()
    for first in chunks:
        with tenancy.organization(actor.organization_id), connection.cursor() as cursor:
            numbers: dict[str, Any] = {
                "organization": actor.organization_id,
                "first": first,
                "last": min(first + CHUNK, end) - 1,
                "campaigns": CAMPAIGNS,
                "vendors": VENDORS,
                "senders": SENDERS,
                "centers": CENTERS,
                "each_vendors": options.vendors_each,
                "each_periods": options.periods_each,
            }
            for statement in GIFTS:
                cursor.execute(statement, numbers)
    with ownership.owner() as owner, owner.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return round(time.monotonic() - started, 1)


BOOKS: Final = (
    """
    INSERT INTO gifting_costcenter (organization_id, parent_id, code, name)
    SELECT %(organization)s, (SELECT min(id) FROM gifting_costcenter), 'CC-' || n, 'Team ' || n
    FROM generate_series(1, %(centers)s) AS n
    """,
    """
    INSERT INTO gifting_vendor (organization_id, code, name)
    SELECT %(organization)s, 'vendor-' || n, 'Vendor ' || n
    FROM generate_series(1, %(vendors)s) AS n
    """,
    """
    INSERT INTO gifting_program (organization_id, code, name)
    SELECT %(organization)s, 'program-' || n, 'Program ' || n
    FROM generate_series(1, %(programs)s) AS n
    """,
    # A tenth of the campaigns stands alone.
    """
    INSERT INTO gifting_campaign (organization_id, code, name, kind, motion, channel,
        personalization, cost_center_id, program_id)
    SELECT %(organization)s, 'campaign-' || n, 'Campaign ' || n, 'EVENT', 'ABM', 'direct_mail',
        'NONE', (SELECT id FROM gifting_costcenter ORDER BY id OFFSET n %% %(centers)s LIMIT 1),
        CASE WHEN n %% 10 > 0 THEN
            (SELECT id FROM gifting_program ORDER BY id OFFSET n %% %(programs)s LIMIT 1) END
    FROM generate_series(1, %(campaigns)s) AS n
    """,
)
# Drawn by hashes of the number. A campaign has vendors and periods of its own, and a sender's are
# those of one department; the wider they are drawn, the more rows the rollups have.
GIFTS: Final = (
    """
    INSERT INTO gifting_send (organization_id, source, external_id, campaign_id, vendor_id,
        cost_center_id, account_reference, sender_reference, quantity, state, last_event_number,
        is_synthetic)
    SELECT %(organization)s, 'giftshop', 'send-' || n, campaign.id, vendor.id,
        campaign.cost_center_id, 'account-' || n %% 5000,
        CASE WHEN n %% 20 > 0 THEN 'seller-' || campaign.place %% %(centers)s
            + (hashint8(n + 2) & 1048575) %% (%(senders)s / %(centers)s) * %(centers)s
            ELSE '' END, 1, 'DRAFT', 0, true
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN (SELECT id, cost_center_id, row_number() OVER (ORDER BY id) AS place
          FROM gifting_campaign) AS campaign
        ON campaign.place = (hashint8(n) & 1048575) %% %(campaigns)s + 1
    JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place
          FROM gifting_vendor) AS vendor
        ON vendor.place = (campaign.place
            + (hashint8(n + 1) & 1048575) %% %(each_vendors)s) %% %(vendors)s + 1
    ORDER BY n
    """,
    """
    INSERT INTO gifting_costline (organization_id, send_id, component, version, basis, amount_minor,
        change_minor, currency, occurred_on, fiscal_period_id, campaign_id, vendor_id,
        cost_center_id)
    SELECT %(organization)s, send.id, component, 1, 'ACTUAL', amount, amount, 'USD',
        period.starts_on, period.id, send.campaign_id, send.vendor_id, send.cost_center_id
    FROM generate_series(%(first)s, %(last)s) AS n
    JOIN gifting_send AS send
        ON send.organization_id = %(organization)s AND send.source = 'giftshop'
        AND send.external_id = 'send-' || n
    CROSS JOIN (VALUES ('ITEM', 5000), ('SHIPPING', 900)) AS part (component, amount)
    JOIN (SELECT id, starts_on, row_number() OVER (ORDER BY starts_on) AS place,
              count(*) OVER () AS count FROM gifting_fiscalperiod) AS period
        ON period.place = (send.campaign_id
            + (hashint8(n + 3) & 1048575) %% %(each_periods)s) %% period.count + 1
    """,
)
