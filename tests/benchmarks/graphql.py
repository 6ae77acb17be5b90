"""CPU per request of the GraphQL API, beside raw SQL to JSON and stock strawberry-django.

All three answer the same HTTP requests in the same process and database, behind the same token and
row-level security, through the WSGI application without a socket; what is counted is the time of
this process's processors, not PostgreSQL's. A page of 1,000 rows is more than a client may ask for
(100): the served limits are raised for all shapes. `empty` is a request that reads no table but
those that tell who asks: the floor under all the others.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import override_settings
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from strawberry.schema.config import StrawberryConfig

from config import execution, limits, ownership, schema, view
from gifting.domain import access
from gifting.graphql import scalars
from gifting.services import access as tokens
from gifting.services import fiscal, tenancy
from tests import databases
from tests.benchmarks import stock_graphql
from tests.factories import organizations

CAMPAIGNS: Final = 200
VENDORS: Final = 12
COST_CENTERS: Final = 20
PAGE_ROWS: Final = 1_000
WARM_UP: Final = 10

Served = Callable[[HttpRequest], HttpResponseBase]

COLUMNS: Final = (
    "id source externalId quantity state sentAt deliveredAt recordedAt accountReference isSynthetic"
)
AGGREGATE: Final = """
    { spend(groupBy: CAMPAIGN) {
        total { amountMinor currency }
        slices { label amount { amountMinor currency } } } }
"""
NESTED: Final = """
    { sends(first: 100) { edges { node {
        id externalId state sentAt
        campaign { id code name costCenter { id code name } }
        vendor { id code name } } } } }
"""
PAGE: Final = f"""
    {{ sends(first: 1000) {{
        pageInfo {{ hasNextPage endCursor }}
        edges {{ node {{ {COLUMNS} }} }} }} }}
"""

RAW: Final = {
    "aggregate": """
        SELECT json_build_object('total', sum(slice.amount), 'slices', json_agg(slice)) FROM (
            SELECT campaign.name AS label, sum(rollup.amount_minor) AS amount, rollup.currency
            FROM gifting_spendrollup AS rollup
            JOIN gifting_campaign AS campaign ON campaign.id = rollup.campaign_id
            WHERE rollup.currency = 'USD'
            GROUP BY campaign.id, campaign.name, rollup.currency
            ORDER BY 2 DESC
        ) AS slice
    """,
    "nested": """
        SELECT json_agg(row) FROM (
            SELECT send.public_id, send.external_id, send.state, send.sent_at,
                json_build_object('id', campaign.public_id, 'code', campaign.code,
                    'name', campaign.name, 'costCenter', json_build_object('id', center.public_id,
                        'code', center.code, 'name', center.name)) AS campaign,
                json_build_object('id', vendor.public_id, 'code', vendor.code,
                    'name', vendor.name) AS vendor
            FROM (SELECT * FROM gifting_send ORDER BY id DESC LIMIT 100) AS send
            JOIN gifting_campaign AS campaign ON campaign.id = send.campaign_id
            JOIN gifting_costcenter AS center ON center.id = campaign.cost_center_id
            JOIN gifting_vendor AS vendor ON vendor.id = send.vendor_id
            ORDER BY send.id DESC
        ) AS row
    """,
    "page": """
        SELECT json_agg(row) FROM (
            SELECT public_id, source, external_id, quantity, state, sent_at, delivered_at,
                recorded_at, account_reference, is_synthetic
            FROM gifting_send ORDER BY id DESC LIMIT 1000
        ) AS row
    """,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sends", type=int, default=200_000, help="how many sends there are")
    parser.add_argument("--requests", type=int, default=40, help="how many requests are measured")


def run(options: argparse.Namespace) -> Mapping[str, Any]:
    """Seed a database, measure every shape of request on all three, and compare."""
    database = databases.Database("benchmark")
    try:
        started = time.monotonic()
        company = _seed(options.sends)
        seeding_seconds = time.monotonic() - started
        return {
            "sends": options.sends,
            "requests": options.requests,
            "seeding_seconds": round(seeding_seconds, 1),
            "cpu_ms": _measured(company, options.requests),
        }
    finally:
        database.leave()
        databases.drop_abandoned()


@dataclass(frozen=True, slots=True)
class Company:
    """Whose rows are read, and with which token."""

    organization_id: UUID
    secret: str


def _measured(company: Company, rounds: int) -> Mapping[str, Any]:
    queries = {"aggregate": AGGREGATE, "nested": NESTED, "page": PAGE}
    ours = _ours()
    figures: dict[str, Any] = {}
    for shape, query in queries.items():
        spent = _cpu_ms(
            company,
            {
                "ours": (ours, query),
                "stock": (stock_graphql.view, stock_graphql.QUERIES[shape]),
                "raw": (_raw(shape), query),
                "empty": (ours, "{ viewer { role } }"),
            },
            rounds,
        )
        figures[shape] = {
            **spent,
            "stock_over_ours": round(spent["stock"] / spent["ours"], 2),
            "ours_over_raw": round(spent["ours"] / spent["raw"], 2),
        }
    return figures


def _cpu_ms(
    company: Company, asked: Mapping[str, tuple[Served, str]], rounds: int
) -> dict[str, float]:
    """Return the median processor time of a request to each; they take turns on a busy machine."""
    served = tuple(path(f"{name}/", view) for name, (view, _) in asked.items())
    bodies = {name: orjson.dumps({"query": query}) for name, (_, query) in asked.items()}
    spent: dict[str, list[int]] = {name: [] for name in asked}
    with override_settings(ROOT_URLCONF=served):
        application = get_wsgi_application()
        for turn in range(WARM_UP + rounds):
            for name, body in bodies.items():
                before = time.process_time_ns()
                answer = _send(application, company, name, body)
                if turn >= WARM_UP:
                    spent[name].append(time.process_time_ns() - before)
                elif b'"errors"' in answer:
                    raise AssertionError(f"{name}: {answer[:2_000]!r}")
    return {name: round(statistics.median(each) / 1e6, 2) for name, each in spent.items()}


def _send(application: Any, company: Company, name: str, body: bytes) -> bytes:
    response = application(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/{name}/",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_AUTHORIZATION": f"Bearer {company.secret}",
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
            "wsgi.errors": io.StringIO(),
        },
        lambda status, headers: None,
    )
    try:
        return b"".join(response)
    finally:
        response.close()


def _ours() -> view.GraphQLView:
    """Serve the product's schema with pages of up to 1,000 rows."""
    served = schema.Schema(
        query=schema.Query,
        config=StrawberryConfig(scalar_map=scalars.SCALARS, relay_max_results=PAGE_ROWS),
        execution_context_class=execution.Executor,
    )
    bounds = limits.Limits(page=PAGE_ROWS, cost=10 * PAGE_ROWS)
    return view.GraphQLView(served, bounds=bounds, is_production=False)


def _raw(shape: str) -> Served:
    def answer(request: HttpRequest) -> HttpResponse:
        actor = stock_graphql.actor(request)
        with tenancy.organization(actor.organization_id), connection.cursor() as cursor:
            cursor.execute(f"SELECT ({RAW[shape]})::text")
            return HttpResponse(cursor.fetchone()[0], content_type="application/json")

    return csrf_exempt(answer)


def _seed(sends: int) -> Company:
    organization = organizations.make_organization("Benchmark")
    at = timezone.now()
    with tenancy.organization(organization.id), connection.cursor() as cursor:
        fiscal.ensure_periods(organization_id=organization.id, dates=[at.date()])
        for statement in SEED:
            cursor.execute(
                statement,
                {
                    "organization": organization.id,
                    "sends": sends,
                    "campaigns": CAMPAIGNS,
                    "vendors": VENDORS,
                    "centers": COST_CENTERS,
                    "at": at,
                },
            )
        issued = tokens.issue_token(
            actor=access.Actor.system(organization_id=organization.id),
            name="benchmark",
            scopes=frozenset(access.Scope),
            lifetime=timedelta(days=1),
            at=at,
        )
    # Only the owner of a table may have its statistics taken.
    with ownership.owner() as owner, owner.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Company(organization.id, issued.secret)


SEED: Final = (
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
    INSERT INTO gifting_campaign
        (organization_id, code, name, kind, motion, channel, personalization, cost_center_id)
    SELECT %(organization)s, 'campaign-' || n, 'Campaign ' || n, 'EVENT', 'ABM', 'direct_mail',
        'NONE', (SELECT id FROM gifting_costcenter ORDER BY id OFFSET n %% %(centers)s LIMIT 1)
    FROM generate_series(1, %(campaigns)s) AS n
    """,
    """
    INSERT INTO gifting_send (organization_id, source, external_id, campaign_id, vendor_id,
        cost_center_id, account_reference, sender_reference, quantity, state, last_event_number,
        is_synthetic)
    SELECT %(organization)s, 'giftshop', 'send-' || n, campaign.id, vendor.id,
        campaign.cost_center_id, 'account-' || n %% 5000, 'seller-' || n %% 50, 1, 'DRAFT', 0, true
    FROM generate_series(1, %(sends)s) AS n
    JOIN (SELECT id, cost_center_id, row_number() OVER (ORDER BY id) AS place
          FROM gifting_campaign) AS campaign ON campaign.place = n %% %(campaigns)s + 1
    JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place
          FROM gifting_vendor) AS vendor ON vendor.place = n %% %(vendors)s + 1
    ORDER BY n
    """,
    """
    INSERT INTO gifting_sendevent (organization_id, send_id, number, from_state, to_state,
        occurred_at, source, source_event_id, vendor_status)
    SELECT %(organization)s, id, 0, '', 'DELIVERED', %(at)s - id %% 300 * interval '1 day',
        'giftshop', external_id, 'delivered'
    FROM gifting_send
    """,
    """
    INSERT INTO gifting_costline (organization_id, send_id, component, version, basis, amount_minor,
        change_minor, currency, occurred_on, fiscal_period_id, campaign_id, vendor_id,
        cost_center_id)
    SELECT %(organization)s, send.id, component, 1, 'ACTUAL', amount, amount, 'USD', %(at)s,
        period.id, send.campaign_id, send.vendor_id, send.cost_center_id
    FROM gifting_send AS send
    CROSS JOIN (VALUES ('ITEM', 5000), ('SHIPPING', 900)) AS part (component, amount)
    CROSS JOIN LATERAL (SELECT id FROM gifting_fiscalperiod
        ORDER BY starts_on OFFSET send.id %% 12 LIMIT 1) AS period
    """,
)
