"""Every list of the API: its pages, its filters and orders, and what it costs the database."""

from __future__ import annotations

import base64
import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from graphql import GraphQLEnumType, GraphQLInputField, GraphQLInputObjectType, get_named_type

from gifting.domain import access, lifecycle
from gifting.selectors import organizations as organization_records
from gifting.selectors import records
from gifting.services import tenancy
from tests.factories import (
    approvals,
    closes,
    imports,
    ledger,
    opportunities,
    organizations,
    procurement,
    sends,
)
from tests.functional import api, selections

pytestmark = pytest.mark.django_db

FEW, MANY = 1, 20
# Of no record: parameters must be the same in every process of the suite.
NOBODYS = "3f2b8c1e-0d4a-4c55-9c6e-1f7a2b3c4d5e"
MAY_FIRST = dt.date(2025, 5, 1)


def make_campaign() -> object:
    parent = organizations.make_cost_center()
    return sends.make_campaign(cost_center=organizations.make_cost_center(parent=parent))


def make_send() -> object:
    item = sends.make_gift_item()
    send = sends.make_send(
        campaign=sends.make_campaign(cost_center=organizations.make_cost_center()),
        vendor=item.vendor,
        states=(lifecycle.State.SHIPPED, lifecycle.State.DELIVERED),
    )
    type(send).objects.filter(pk=send.pk).update(gift_item=item)
    sends.make_cost_line(send, 50_00)
    return send


def make_budget() -> object:
    return sends.make_budget(
        campaign=sends.make_campaign(cost_center=organizations.make_cost_center()),
        cost_center=organizations.make_cost_center(),
    )


def make_account() -> object:
    parent = opportunities.make_account(parent=opportunities.make_account())
    return opportunities.make_account(parent=parent)


def make_opportunity() -> object:
    account = opportunities.make_account(parent=opportunities.make_account())
    deal = opportunities.make_opportunity(account=account)
    opportunities.make_contact_role(
        opportunity=deal, contact=opportunities.make_contact(account=account)
    )
    return deal


def make_touchpoint() -> object:
    send = sends.make_send(campaign=sends.make_campaign())
    account = opportunities.make_account(parent=opportunities.make_account())
    return opportunities.make_touchpoint(
        account=account,
        contact=opportunities.make_contact(account=account),
        campaign=send.campaign,
        send=send,
    )


def make_run() -> object:
    return opportunities.make_published_total(is_current=False)


def make_fiscal_period() -> object:
    return sends.period_of(dt.date(1950 + organizations.next_number() % 100, 1, 1))


def make_credit_note() -> object:
    return procurement.credit(procurement.make_match().invoice_line.invoice, 1_00)


MAKERS: dict[str, Callable[[], object]] = {
    "accounts": make_account,
    "approvalPolicies": approvals.make_policy,
    "approvalRequests": approvals.make_request,
    "attributionRuns": make_run,
    "budgets": make_budget,
    "campaigns": make_campaign,
    "contractPrices": procurement.agree,
    "costCenters": lambda: organizations.make_cost_center(parent=organizations.make_cost_center()),
    "creditNotes": make_credit_note,
    "fiscalPeriods": make_fiscal_period,
    "giftRules": lambda: approvals.own_rule(f"OWN-{organizations.next_number()}"),
    "importRuns": imports.make_import_run,
    "journalBatches": closes.make_journal_batch,
    "matchExceptions": procurement.make_exception,
    "opportunities": make_opportunity,
    "outsideSpend": lambda: procurement.claim(
        procurement.make_outside(), ledger.make_budget(campaign=sends.make_campaign())
    ),
    "periodCloses": closes.make_period_close,
    "purchaseOrders": procurement.make_order,
    "receipts": lambda: procurement.receive(procurement.make_order_line(), send=sends.make_send()),
    "reconciliationRuns": closes.make_run,
    "restatements": closes.make_restatement,
    "sends": make_send,
    "serviceTokens": organizations.make_service_token,
    "touchpoints": make_touchpoint,
    "vendorIdentities": procurement.make_identity,
    "vendorInvoices": lambda: procurement.make_match().invoice_line.invoice,
    "vendorMerges": procurement.merge,
    "vendors": sends.make_vendor,
}


@pytest.fixture
def company() -> organization_records.OrganizationRecord:
    return organizations.make_organization()


def of_admin(company: organization_records.OrganizationRecord) -> api.Api:
    """Return the API as one sees it who may read every list."""
    name = f"admin{organizations.next_number()}"
    return api.of_person(
        organizations.make_member(name, organization=company, role=access.Role.ADMIN)
    )


def statements_for(name: str, kind: str, rows: int) -> tuple[int, int]:
    """Return how many rows a list of a new company gives, and by how many statements."""
    company = organizations.make_organization()
    with tenancy.organization(company.id):
        for _ in range(rows):
            MAKERS[name]()
    caller = of_admin(company)
    selection = selections.everything_of(kind, levels=2)
    query = f"{{ {name}(first: {MANY}) {{ totalCount edges {{ cursor node {selection} }} }} }}"

    with CaptureQueriesContext(connection) as captured:
        found = caller.ask(query).data[name]

    assert found["totalCount"] >= rows
    return len(found["edges"]), len(captured)


def test_every_connection_of_the_schema_is_tried_here() -> None:
    assert set(MAKERS) == set(selections.connections())


@pytest.mark.parametrize(("name", "kind"), sorted(selections.connections().items()))
def test_a_list_takes_as_many_statements_for_many_rows_as_for_one(name: str, kind: str) -> None:
    few_rows, few_statements = statements_for(name, kind, FEW)
    many_rows, many_statements = statements_for(name, kind, MANY)

    assert few_rows < many_rows
    assert many_statements == few_statements


def ids_of(found: dict[str, Any]) -> list[str]:
    return [edge["node"]["code"] for edge in found["edges"]]


CODES = """
    query ($first: Int, $after: String, $last: Int, $before: String, $orderBy: CampaignOrder) {
        campaigns(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
            totalCount
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
            edges { cursor node { code } } } }
"""


def make_campaigns(company: organization_records.OrganizationRecord, *codes: str) -> None:
    with tenancy.organization(company.id):
        for code in codes:
            sends.make_campaign(code)


def test_pages_follow_each_other_forward_without_a_gap(
    company: organization_records.OrganizationRecord,
) -> None:
    make_campaigns(company, "c", "a", "e", "b", "d")
    caller = api.of_token(company)

    start = caller.ask(CODES, {"first": 2}).data["campaigns"]
    middle = caller.ask(CODES, {"first": 2, "after": start["pageInfo"]["endCursor"]}).data[
        "campaigns"
    ]
    end = caller.ask(CODES, {"first": 2, "after": middle["pageInfo"]["endCursor"]}).data[
        "campaigns"
    ]

    assert [ids_of(page) for page in (start, middle, end)] == [["a", "b"], ["c", "d"], ["e"]]
    assert [page["pageInfo"]["hasNextPage"] for page in (start, middle, end)] == [True, True, False]
    assert [page["pageInfo"]["hasPreviousPage"] for page in (start, middle, end)] == [
        False,
        True,
        True,
    ]
    assert [page["totalCount"] for page in (start, middle, end)] == [5, 5, 5]


def test_pages_follow_each_other_backward_in_the_same_order(
    company: organization_records.OrganizationRecord,
) -> None:
    make_campaigns(company, "c", "a", "e", "b", "d")
    caller = api.of_token(company)

    end = caller.ask(CODES, {"last": 2}).data["campaigns"]
    before = caller.ask(CODES, {"last": 2, "before": end["pageInfo"]["startCursor"]}).data[
        "campaigns"
    ]

    assert ids_of(end) == ["d", "e"]
    assert ids_of(before) == ["b", "c"]
    assert end["pageInfo"]["hasNextPage"] is False
    assert before["pageInfo"]["hasNextPage"] is True
    assert before["pageInfo"]["hasPreviousPage"] is True


def test_rows_between_two_cursors_can_be_asked_for_from_either_end(
    company: organization_records.OrganizationRecord,
) -> None:
    make_campaigns(company, "a", "b", "c", "d", "e")
    caller = api.of_token(company)
    edges = caller.ask(CODES).data["campaigns"]["edges"]
    between = {"after": edges[0]["cursor"], "before": edges[4]["cursor"]}

    from_start = caller.ask(CODES, {"first": 2, **between}).data["campaigns"]
    from_end = caller.ask(CODES, {"last": 2, **between}).data["campaigns"]
    all_of_them = caller.ask(CODES, {"first": 9, **between}).data["campaigns"]

    assert (ids_of(from_start), ids_of(from_end)) == (["b", "c"], ["c", "d"])
    assert ids_of(all_of_them) == ["b", "c", "d"]


def test_a_row_recorded_between_two_pages_shifts_nothing(
    company: organization_records.OrganizationRecord,
) -> None:
    make_campaigns(company, "b", "c", "d")
    caller = api.of_token(company)
    start = caller.ask(CODES, {"first": 2}).data["campaigns"]

    make_campaigns(company, "a")
    following = caller.ask(CODES, {"first": 2, "after": start["pageInfo"]["endCursor"]})

    assert ids_of(following.data["campaigns"]) == ["d"]


def test_an_order_can_be_turned_around(company: organization_records.OrganizationRecord) -> None:
    make_campaigns(company, "a", "b", "c")
    caller = api.of_token(company)
    order = {"field": "CODE", "direction": "DESCENDING"}

    found = caller.ask(CODES, {"first": 2, "orderBy": order}).data["campaigns"]
    rest = caller.ask(
        CODES, {"first": 2, "orderBy": order, "after": found["pageInfo"]["endCursor"]}
    ).data["campaigns"]

    assert (ids_of(found), ids_of(rest)) == (["c", "b"], ["a"])


def test_an_empty_page_has_no_cursors(company: organization_records.OrganizationRecord) -> None:
    found = api.of_token(company).ask(CODES).data["campaigns"]

    assert found == {
        "totalCount": 0,
        "edges": [],
        "pageInfo": {
            "hasNextPage": False,
            "hasPreviousPage": False,
            "startCursor": None,
            "endCursor": None,
        },
    }


def test_twenty_rows_come_when_no_number_is_given(
    company: organization_records.OrganizationRecord,
) -> None:
    make_campaigns(company, *(f"{number:02}" for number in range(21)))

    reply = api.of_token(company).ask("{ campaigns { edges { node { code } } } }")

    assert ids_of(reply.data["campaigns"]) == [f"{number:02}" for number in range(20)]
    assert reply.body["extensions"]["cost"]["requested"] == 20


def test_the_first_and_the_last_rows_at_once_are_refused(
    company: organization_records.OrganizationRecord,
) -> None:
    reply = api.of_token(company).ask(CODES, {"first": 1, "last": 1})

    assert reply.error["message"] == "Ask for the first or the last rows, not for both."
    assert reply.codes == ["PAGE_UNUSABLE"]


@pytest.mark.parametrize(
    ("cursor", "code"),
    [("", "BAD_USER_INPUT"), ("2", "BAD_USER_INPUT"), (NOBODYS, "CURSOR_UNKNOWN")],
)
def test_a_cursor_that_was_not_given_out_is_refused(
    company: organization_records.OrganizationRecord, cursor: str, code: str
) -> None:
    reply = api.of_token(company).ask(CODES, {"first": 1, "after": cursor})

    assert reply.codes == [code]
    assert reply.error["extensions"]["field"] == "after"


def test_counting_stops_and_says_more(
    company: organization_records.OrganizationRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOST_COUNTED", 3)
    make_campaigns(company, "a", "b", "c", "d", "e")

    found = api.of_token(company).ask("{ campaigns { totalCount } }").data["campaigns"]

    assert found["totalCount"] == 4


SENT = """
    query ($filter: SendFilter, $after: String, $direction: OrderDirection!) {
        sends(filter: $filter, first: 2, after: $after,
              orderBy: {field: SENT_AT, direction: $direction}) {
            pageInfo { endCursor hasNextPage } edges { node { externalId } } } }
"""


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("ASCENDING", ["early", "late", "later", "draft", "draft too"]),
        ("DESCENDING", ["draft too", "draft", "later", "late", "early"]),
    ],
)
def test_sends_not_sent_yet_count_as_the_latest(
    company: organization_records.OrganizationRecord, direction: str, expected: list[str]
) -> None:
    with tenancy.organization(company.id):
        campaign = sends.make_campaign()
        for name, hours in (("late", 2), ("draft", None), ("early", 1), ("later", 3)):
            states = () if hours is None else (lifecycle.State.SHIPPED,)
            at = organizations.NOON + dt.timedelta(hours=hours or 0)
            sends.make_send(name, campaign=campaign, states=states, at=at)
        sends.make_send("draft too", campaign=campaign)
    caller = api.of_token(company)

    found: list[str] = []
    after = None
    while True:
        page = caller.ask(SENT, {"after": after, "direction": direction}).data["sends"]
        found += [edge["node"]["externalId"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert found == expected


def test_a_filter_holds_for_all_its_conditions_at_once(
    company: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(company.id):
        spring, autumn = sends.make_campaign("spring"), sends.make_campaign("autumn")
        shipped = (lifecycle.State.SHIPPED,)
        sends.make_send("wanted", campaign=spring, states=shipped)
        sends.make_send("not sent", campaign=spring)
        sends.make_send("another campaign", campaign=autumn, states=shipped)
        sends.make_send(
            "too late",
            campaign=spring,
            states=shipped,
            at=organizations.NOON + dt.timedelta(days=9),
        )
    campaign_id = base64.b64encode(f"Campaign:{spring.public_id}".encode()).decode()
    conditions = {
        "campaignIds": [campaign_id],
        "states": ["SHIPPED"],
        "sentFrom": "2025-03-14T12:00:00Z",
        "sentBefore": "2025-03-15T00:00:00+02:00",
    }

    reply = api.of_token(company).ask(SENT, {"filter": conditions, "direction": "ASCENDING"})

    assert [edge["node"]["externalId"] for edge in reply.data["sends"]["edges"]] == ["wanted"]


def test_an_empty_list_of_conditions_fits_nothing(
    company: organization_records.OrganizationRecord,
) -> None:
    make_campaigns(company, "a")

    reply = api.of_token(company).ask("{ campaigns(filter: {codes: []}) { totalCount } }")

    assert reply.data["campaigns"]["totalCount"] == 0


def test_an_id_of_another_type_in_a_filter_is_refused(
    company: organization_records.OrganizationRecord,
) -> None:
    vendor_id = base64.b64encode(f"Vendor:{uuid.uuid4()}".encode()).decode()

    reply = api.of_token(company).ask(
        f'{{ sends(filter: {{campaignIds: ["{vendor_id}"]}}) {{ totalCount }} }}'
    )

    assert reply.codes == ["BAD_USER_INPUT"]
    assert reply.error["extensions"]["field"] == "campaignIds"


def test_fiscal_periods_are_found_by_the_days_they_share(
    company: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(company.id):
        sends.period_of(MAY_FIRST)

    reply = api.of_token(company).ask(
        '{ fiscalPeriods(filter: {meetsFrom: "2025-04-30", meetsBefore: "2025-05-02"}) '
        "{ edges { node { startsOn endsOn } } } }"
    )

    assert [edge["node"] for edge in reply.data["fiscalPeriods"]["edges"]] == [
        {"startsOn": "2025-04-01", "endsOn": "2025-05-01"},
        {"startsOn": "2025-05-01", "endsOn": "2025-06-01"},
    ]


def test_a_send_shows_the_latest_version_of_each_cost_and_its_life(
    company: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(company.id):
        send = sends.make_send(states=(lifecycle.State.SHIPPED, lifecycle.State.DELIVERED))
        sends.make_cost_line(send, 50_00)
        sends.make_cost_line(send, 48_50)

    found = (
        api.of_token(company)
        .ask(
            "{ sends { edges { node { state deliveredAt"
            " costs { component version amount { amountMinor amount currency } }"
            " events { number fromState toState } } } } }"
        )
        .data["sends"]["edges"][0]["node"]
    )

    assert found == {
        "state": "DELIVERED",
        "deliveredAt": "2025-03-14T12:00:00Z",
        "costs": [
            {
                "component": "ITEM",
                "version": 2,
                "amount": {"amountMinor": 4850, "amount": "48.50", "currency": "USD"},
            }
        ],
        "events": [
            {"number": 1, "fromState": None, "toState": "SHIPPED"},
            {"number": 2, "fromState": "SHIPPED", "toState": "DELIVERED"},
        ],
    }


NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Campaign { code } } }"


def id_of(kind: str, public_id: uuid.UUID) -> str:
    return base64.b64encode(f"{kind}:{public_id}".encode()).decode()


def test_nodes_of_any_type_come_in_the_order_of_their_ids(
    company: organization_records.OrganizationRecord,
) -> None:
    with tenancy.organization(company.id):
        campaign, account = sends.make_campaign("spring"), opportunities.make_account()
    ids = [
        id_of("Account", account.public_id),
        id_of("Campaign", uuid.uuid4()),
        id_of("Campaign", campaign.public_id),
        id_of("Campaign", account.public_id),
    ]

    found = api.of_token(company).ask(NODES, {"ids": ids}).data["nodes"]

    assert found == [
        {"__typename": "Account", "id": ids[0]},
        None,
        {"__typename": "Campaign", "id": ids[2], "code": "spring"},
        None,
    ]


def test_each_record_of_a_list_is_found_by_its_id(
    company: organization_records.OrganizationRecord,
) -> None:
    caller = of_admin(company)
    for name, make in MAKERS.items():
        with tenancy.organization(company.id):
            make()
        (edge, *_) = caller.ask(f"{{ {name} {{ edges {{ node {{ id }} }} }} }}").data[name]["edges"]

        found = caller.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": edge["node"]["id"]})

        assert found.data == {"node": edge["node"]}, name


@pytest.mark.parametrize(
    "text",
    ["", "x", "Campaign:1", f"Query:{NOBODYS}", f"Money:{NOBODYS}", "Nope:1"],
)
def test_an_id_that_was_not_given_out_is_refused(
    company: organization_records.OrganizationRecord, text: str
) -> None:
    id_ = base64.b64encode(text.encode()).decode()

    reply = api.of_token(company).ask("query ($id: ID!) { node(id: $id) { id } }", {"id": id_})

    assert reply.codes == ["BAD_USER_INPUT"]


def test_more_ids_than_a_page_are_refused(
    company: organization_records.OrganizationRecord,
) -> None:
    ids = [id_of("Campaign", uuid.uuid4()) for _ in range(101)]

    reply = api.of_token(company).ask(NODES, {"ids": ids})

    assert reply.codes == ["PAGE_UNUSABLE"]


def orders() -> list[tuple[str, str, str]]:
    """Return every list with every field and direction that it can be ordered by."""
    return [
        (name, field, direction)
        for name, kind in sorted(selections.connections().items())
        # A list that has one order alone has no words for others.
        if f"{kind}OrderField" in selections.CORE.type_map
        for field in enum_values(f"{kind}OrderField")
        for direction in ("ASCENDING", "DESCENDING")
    ]


def enum_values(name: str) -> list[str]:
    enum = selections.CORE.type_map[name]
    assert isinstance(enum, GraphQLEnumType)
    return list(enum.values)


def walk(caller: api.Api, name: str, order: str, *, backward: bool) -> list[str]:
    """Return the ids of a list by pages of two, from either end, in the list's order."""
    found: list[str] = []
    cursor = None
    size, side = ("last", "before") if backward else ("first", "after")
    while True:
        page = caller.ask(
            f"query ($cursor: String) {{ {name}({size}: 2, {side}: $cursor, orderBy: {order}) {{"
            " pageInfo { startCursor endCursor hasNextPage hasPreviousPage }"
            " edges { node { id } } } }",
            {"cursor": cursor},
        ).data[name]
        ids = [edge["node"]["id"] for edge in page["edges"]]
        found = ids + found if backward else found + ids
        cursor = page["pageInfo"]["startCursor" if backward else "endCursor"]
        if not page["pageInfo"]["hasPreviousPage" if backward else "hasNextPage"]:
            return found


@pytest.mark.parametrize(("name", "field", "direction"), orders())
def test_pages_from_either_end_make_up_the_whole_list_in_every_order(
    company: organization_records.OrganizationRecord, name: str, field: str, direction: str
) -> None:
    with tenancy.organization(company.id):
        for _ in range(5):
            MAKERS[name]()
    caller = of_admin(company)
    order = f"{{field: {field}, direction: {direction}}}"

    whole = caller.ask(
        f"{{ {name}(first: 100, orderBy: {order}) {{ edges {{ node {{ id }} }} }} }}"
    ).data[name]["edges"]

    ids = [edge["node"]["id"] for edge in whole]
    assert len(ids) >= 5
    assert walk(caller, name, order, backward=False) == ids
    assert walk(caller, name, order, backward=True) == ids


VALUES = {
    "String": '"x"',
    "Int": "1",
    "Boolean": "true",
    "Date": '"2025-03-14"',
    "DateTime": '"2025-03-14T12:00:00Z"',
}


# Conditions that are not called by the kind of record that they name.
NODES_CALLED = {
    "parent": "Account",
    "belongsTo": "FiscalPeriod",
    "postedTo": "FiscalPeriod",
}


def conditions() -> list[tuple[str, str, str]]:
    """Return every list with every condition of its filter and a value for it."""
    return [
        (name, condition, value_for(condition, get_named_type(field.type).name))
        for name, kind in sorted(selections.connections().items())
        for condition, field in filter_fields(f"{kind}Filter").items()
    ]


def filter_fields(name: str) -> dict[str, GraphQLInputField]:
    kind = selections.CORE.type_map[name]
    assert isinstance(kind, GraphQLInputObjectType)
    return dict(kind.fields)


def value_for(condition: str, kind: str) -> str:
    if kind == "ID":
        node = condition.removesuffix("Ids")
        node = NODES_CALLED.get(node, node[0].upper() + node[1:])
        return f'"{id_of(node, uuid.UUID(NOBODYS))}"'
    return VALUES.get(kind) or enum_values(kind)[0]


@pytest.mark.parametrize(("name", "condition", "value"), conditions())
def test_every_condition_of_every_filter_can_be_asked_for(
    company: organization_records.OrganizationRecord, name: str, condition: str, value: str
) -> None:
    if (name, condition) == ("costCenters", "parentIds"):
        value = f'"{id_of("CostCenter", uuid.UUID(NOBODYS))}"'

    reply = of_admin(company).ask(
        f"{{ {name}(filter: {{{condition}: {value}}}) {{ totalCount edges {{ cursor }} }} }}"
    )

    found = reply.data[name]
    assert found["totalCount"] == len(found["edges"])
