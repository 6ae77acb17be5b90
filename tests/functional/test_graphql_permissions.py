"""Who sees what through the API: every role and scope, every list and figure, every way in."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from attribution import models as attribution
from gifting import models
from gifting.domain import access
from gifting.domain.ledger import PeriodStatus
from gifting.selectors import organizations as organization_records
from gifting.services import tenancy
from tests.factories import (
    approvals,
    closes,
    imports,
    ledger,
    opportunities,
    organizations,
    procurement,
    requests,
    sends,
)
from tests.functional import api, selections

pytestmark = pytest.mark.django_db

MEMBER_ROLES = tuple(role for role in access.Role if role is not access.Role.SERVICE)
SENDERS = {access.Role.MARKETING, access.Role.SALES}
PERSONAL_READERS = {access.Role.ADMIN, *SENDERS}
FORBIDDEN = "FORBIDDEN"

LISTS = {
    "accounts": 1,
    "approvalPolicies": 1,
    "approvalRequests": 1,
    "attributionRuns": 1,
    "budgets": 2,
    "campaigns": 2,
    "contractPrices": 1,
    "costCenters": 3,
    "creditNotes": 1,
    "fiscalPeriods": 12,
    "matchExceptions": 1,
    "giftRules": 18,
    "journalBatches": 1,
    "opportunities": 1,
    "outsideSpend": 1,
    "periodCloses": 1,
    "purchaseOrders": 1,
    "receipts": 1,
    "reconciliationRuns": 1,
    "restatements": 1,
    "sends": 2,
    "touchpoints": 2,
    "vendorIdentities": 1,
    "vendorInvoices": 1,
    "vendorMerges": 1,
    "vendors": 2,
}
# For those who close the books, and those who audit them.
BOOKS = {
    "journalBatches": FORBIDDEN,
    "periodCloses": FORBIDDEN,
    "reconciliationRuns": FORBIDDEN,
    "restatements": FORBIDDEN,
}
# Placed on the field team: its own rows, and what belongs to no cost center.
LISTS_OF_A_SENDER = {
    **LISTS,
    **BOOKS,
    "approvalRequests": 0,
    "budgets": 1,
    "campaigns": 1,
    "costCenters": 1,
    "creditNotes": FORBIDDEN,
    "matchExceptions": FORBIDDEN,
    "outsideSpend": 0,
    "purchaseOrders": 0,
    "receipts": 0,
    "sends": 1,
    "touchpoints": 1,
    "vendorInvoices": FORBIDDEN,
}
LISTS_BY_SCOPE: dict[access.Scope, frozenset[str]] = {
    access.Scope.READ_CAMPAIGNS: frozenset(
        {
            "campaigns",
            "vendors",
            "vendorIdentities",
            "vendorMerges",
            "costCenters",
            "fiscalPeriods",
        }
    ),
    access.Scope.READ_SPEND: frozenset(
        {
            "sends",
            "vendors",
            "vendorIdentities",
            "vendorMerges",
            "purchaseOrders",
            "receipts",
            "contractPrices",
            "approvalPolicies",
            "approvalRequests",
            "giftRules",
            "costCenters",
            "fiscalPeriods",
        }
    ),
    access.Scope.READ_BUDGETS: frozenset(
        {
            "budgets",
            "giftRules",
            "purchaseOrders",
            "receipts",
            "contractPrices",
            "outsideSpend",
            "costCenters",
            "fiscalPeriods",
        }
    ),
    access.Scope.WRITE_BUDGETS: frozenset({"vendorInvoices", "creditNotes", "matchExceptions"}),
    access.Scope.READ_ATTRIBUTION: frozenset(
        {
            "accounts",
            "attributionRuns",
            "opportunities",
            "touchpoints",
            "costCenters",
            "fiscalPeriods",
        }
    ),
}
FIGURES = {
    "spend": ("{ spend { total { amount } } }", {access.Scope.READ_SPEND}),
    "attribution": (
        "{ attribution(model: LINEAR) { unattributed { amount } } }",
        {access.Scope.READ_ATTRIBUTION},
    ),
    "roi": (
        "{ roi(model: LINEAR) { spend { amount } } }",
        {access.Scope.READ_ATTRIBUTION, access.Scope.READ_SPEND, access.Scope.READ_BUDGETS},
    ),
}


@dataclass(frozen=True, slots=True)
class Company:
    """Two teams with a campaign each, one deal and the touches of both teams."""

    organization: organization_records.OrganizationRecord
    field_team: models.CostCenter
    field_send: models.Send
    office_send: models.Send
    deal: attribution.Opportunity


@pytest.fixture
def company() -> Company:
    organization = organizations.make_organization()
    with tenancy.organization(organization.id):
        field_send, office_send = _team("field"), _team("office")
        deal = opportunities.make_opportunity()
        contact = opportunities.make_contact(account=deal.account)
        opportunities.make_contact_role(opportunity=deal, contact=contact)
        for send in (field_send, office_send):
            attribution.Touchpoint.objects.filter(
                pk=opportunities.make_touchpoint(
                    account=deal.account, contact=contact, campaign=send.campaign, send=send
                ).pk
            ).update(cost_center=send.cost_center)
        opportunities.make_published_total()
        _buy(field_send, office_send)
        _close(field_send)
        imports.make_import_run()
        organizations.make_service_token()
        approvals.make_request()
    return Company(organization, field_send.cost_center, field_send, office_send, deal)


def _buy(send: models.Send, other: models.Send) -> None:
    """Order for the company as a whole, from the vendor of one team, and have it invoiced."""
    budget = models.Budget.objects.get(campaign=send.campaign)
    ordered = procurement.order_of(10, 5_00, budget=budget)
    line = procurement.make_order(ordered, vendor=send.vendor).lines.get()
    procurement.receive(line, 5)
    procurement.credit(procurement.make_invoice(procurement.invoice_of(line, 6, 30_00)), 1)
    procurement.agree(sends.make_gift_item(vendor=send.vendor))
    procurement.make_identity(send.vendor)
    procurement.merge(other.vendor, send.vendor)
    procurement.make_outside()


def _close(send: models.Send) -> None:
    """Tell and tie out a month, close it, post a fact of it late, and open it again."""
    budget = models.Budget.objects.get(campaign=send.campaign)
    closes.make_chart()
    closes.fact(budget, 1_00, "S-1")
    closes.import_lines(f"{closes.DAY},6420,1.00,USD,S-1,")
    closes.reconcile()
    closes.tell()
    ledger.move_period(PeriodStatus.CLOSED)
    closes.fact(budget, 1_00, "S-2")
    closes.open_periods()


def _team(name: str) -> models.Send:
    center = organizations.make_cost_center(name, name=name)
    send = sends.make_send(name, campaign=sends.make_campaign(name, cost_center=center))
    sends.make_cost_line(send, 50_00)
    sends.make_budget(cost_center=center, campaign=send.campaign)
    return send


def of_role(company: Company, role: access.Role) -> api.Api:
    person = organizations.make_member(
        f"{role.lower()}{organizations.next_number()}",
        organization=company.organization,
        role=role,
        cost_center_id=company.field_team.pk if role in SENDERS else None,
    )
    return api.of_person(person)


def count_of(caller: api.Api, name: str) -> int | str:
    """Return how many rows of a list one sees, or the code of the refusal."""
    reply = caller.ask(f"{{ {name} {{ totalCount edges {{ node {{ id }} }} }} }}")
    if reply.codes:
        assert reply.body["data"] is None
        (code,) = reply.codes
        return str(code)
    found = reply.data[name]
    assert len(found["edges"]) == found["totalCount"]
    return int(found["totalCount"])


def test_every_list_is_tried_here() -> None:
    assert {*LISTS, "importRuns", "serviceTokens"} == set(selections.connections())


@pytest.mark.parametrize("role", MEMBER_ROLES)
def test_each_role_sees_its_rows_of_each_list(company: Company, role: access.Role) -> None:
    caller = of_role(company, role)

    seen = {name: count_of(caller, name) for name in LISTS}

    unseen = BOOKS if role is access.Role.APPROVER else {}
    assert seen == (LISTS_OF_A_SENDER if role in SENDERS else {**LISTS, **unseen})
    assert count_of(caller, "importRuns") == (1 if role is access.Role.ADMIN else FORBIDDEN)
    reads_access = role in {access.Role.ADMIN, access.Role.AUDITOR}
    assert count_of(caller, "serviceTokens") == (1 if reads_access else FORBIDDEN)


@pytest.mark.parametrize("scope", access.Scope)
def test_a_token_sees_the_lists_of_its_scope_alone(company: Company, scope: access.Scope) -> None:
    caller = api.of_token(company.organization, scopes=frozenset({scope}))

    seen = {name: count_of(caller, name) for name in LISTS}

    allowed = LISTS_BY_SCOPE.get(scope, frozenset())
    assert seen == {name: rows if name in allowed else FORBIDDEN for name, rows in LISTS.items()}
    assert count_of(caller, "importRuns") == (
        1 if scope is access.Scope.ADMIN_IMPORT else FORBIDDEN
    )
    assert count_of(caller, "serviceTokens") == FORBIDDEN


@pytest.mark.parametrize("scope", access.Scope)
def test_a_token_with_one_scope_gets_the_figures_that_need_no_other(
    company: Company, scope: access.Scope
) -> None:
    caller = api.of_token(company.organization, scopes=frozenset({scope}))

    codes = {figure: caller.ask(query).codes for figure, (query, _) in FIGURES.items()}

    assert codes == {
        figure: [] if needed == {scope} else [FORBIDDEN] for figure, (_, needed) in FIGURES.items()
    }


@pytest.mark.parametrize("figure", FIGURES)
def test_a_token_with_all_needed_scopes_gets_the_figure(company: Company, figure: str) -> None:
    query, needed = FIGURES[figure]

    reply = api.of_token(company.organization, scopes=frozenset(needed)).ask(query)

    assert reply.codes == []


@pytest.mark.parametrize("role", MEMBER_ROLES)
def test_each_role_gets_each_figure(company: Company, role: access.Role) -> None:
    caller = of_role(company, role)

    codes = {figure: caller.ask(query).codes for figure, (query, _) in FIGURES.items()}

    assert codes == {figure: [] for figure in FIGURES}


@pytest.mark.parametrize("role", MEMBER_ROLES)
def test_senders_get_the_spend_of_their_own_cost_centers(
    company: Company, role: access.Role
) -> None:
    reply = of_role(company, role).ask("{ spend { total { amount } } }")

    total = reply.data["spend"]["total"]["amount"]
    assert total == ("50.00" if role in SENDERS else "100.00")


PERSONAL = """
    { sends { edges { node { senderReference
        recipient { name email country contactReference } campaign { ownerName } } } }
      opportunities { edges { node { ownerReference
        contactRoles { role contact { externalId name email title } } } } }
      touchpoints { edges { node { contact { name email } } } } }
"""


@pytest.mark.parametrize("role", MEMBER_ROLES)
def test_only_those_who_may_read_personal_data_see_people(
    company: Company, role: access.Role
) -> None:
    with tenancy.organization(company.organization.id):
        owner = organizations.make_person(f"owner{organizations.next_number()}")
        models.Campaign.objects.update(owner=owner)
        models.Send.objects.update(sender_reference="seller-7")
        models.Recipient.objects.update(contact_reference="contact-7")
        attribution.Opportunity.objects.update(owner_reference="Sam Sales")

    reply = of_role(company, role).ask(PERSONAL)

    shown = role in PERSONAL_READERS
    send = reply.data["sends"]["edges"][0]["node"]
    deal = reply.data["opportunities"]["edges"][0]["node"]
    touch = reply.data["touchpoints"]["edges"][0]["node"]
    contact = deal["contactRoles"][0]["contact"]
    assert send == {
        "senderReference": "seller-7" if shown else None,
        "recipient": {
            "name": "Rita Recipient" if shown else None,
            "email": "rita@customer.example" if shown else None,
            "country": "US",
            "contactReference": "contact-7" if shown else None,
        },
        "campaign": {"ownerName": owner.username if shown else None},
    }
    assert deal["ownerReference"] == ("Sam Sales" if shown else None)
    assert deal["contactRoles"][0]["role"] == "Decision maker"
    assert (contact["externalId"] is not None) is shown
    assert (contact["name"], contact["email"], contact["title"]) == (
        ("Carla Contact", "carla@customer.example", "Head of Purchasing")
        if shown
        else (None, None, None)
    )
    assert touch["contact"]["name"] == ("Carla Contact" if shown else None)
    for secret in (b"Rita", b"rita@", b"Carla", b"carla@", b"Sam Sales", b"seller-7", b"contact-7"):
        assert (secret in reply.content) is shown


def test_an_edge_to_what_the_viewer_may_not_see_leads_nowhere(company: Company) -> None:
    """A sender's own gift, of a campaign that another team pays for."""
    with tenancy.organization(company.organization.id):
        models.Send.objects.filter(pk=company.field_send.pk).update(
            campaign=company.office_send.campaign
        )
    caller = of_role(company, access.Role.SALES)

    reply = caller.ask(
        "{ sends { edges { node { externalId campaign { name } costCenter { code parent { code } }"
        " } } } }"
    )

    (edge,) = reply.data["sends"]["edges"]
    assert edge["node"] == {
        "externalId": "field",
        "campaign": None,
        "costCenter": {"code": "field", "parent": None},
    }


def test_a_token_follows_no_edge_that_its_scopes_do_not_open(company: Company) -> None:
    caller = api.of_token(company.organization, scopes=frozenset({access.Scope.READ_ATTRIBUTION}))

    reply = caller.ask(
        "{ touchpoints { edges { node { account { name } campaign { name } vendor { name }"
        " costCenter { code } send { externalId costs { amount { amount } } } } } } }"
    )

    (first, _) = (edge["node"] for edge in reply.data["touchpoints"]["edges"])
    assert first["account"] == {"name": "Customer"}
    assert first["costCenter"]["code"] in {"field", "office"}
    assert (first["campaign"], first["send"]) == (None, None)


NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


def ids_in(company: Company) -> dict[str, str]:
    """Return the id of one record of each type that has ids."""
    admin = organizations.make_member(
        f"admin{organizations.next_number()}",
        organization=company.organization,
        role=access.Role.ADMIN,
    )
    caller = api.of_person(admin)
    found = {}
    for name, kind in selections.connections().items():
        rows: list[Any] = caller.ask(f"{{ {name} {{ edges {{ node {{ id }} }} }} }}").data[name][
            "edges"
        ]
        found[kind] = str(rows[0]["node"]["id"])
    with tenancy.organization(company.organization.id):
        contact = attribution.Contact.objects.get(account=company.deal.account)
        item = sends.make_gift_item()
        order_line = models.PurchaseOrderLine.objects.get()
        invoice_line = models.VendorInvoiceLine.objects.get()
        credit = requests.make_credit()
    found["Contact"] = id_of("Contact", contact.public_id)
    found["CreditMemo"] = id_of("CreditMemo", credit)
    found["GiftItem"] = id_of("GiftItem", item.public_id)
    found["PurchaseOrderLine"] = id_of("PurchaseOrderLine", order_line.public_id)
    found["VendorInvoiceLine"] = id_of("VendorInvoiceLine", invoice_line.public_id)
    return found


def id_of(kind: str, public_id: uuid.UUID) -> str:
    return base64.b64encode(f"{kind}:{public_id}".encode()).decode()


def test_every_type_with_an_id_is_tried_here(company: Company) -> None:
    node = selections.CORE.type_map["Node"]
    kinds = {kind.name for kind in selections.CORE.get_possible_types(node)}  # type: ignore[arg-type]  # Node is an interface

    assert set(ids_in(company)) == kinds


def test_ids_of_another_organization_are_answered_like_ids_of_nothing(company: Company) -> None:
    otto = organizations.make_cast().otto
    caller = api.of_person(otto)

    for kind, id_ in ids_in(company).items():
        foreign = caller.ask(NODE, {"id": id_})
        missing = caller.ask(NODE, {"id": id_of(kind, uuid.uuid4())})

        assert foreign.data == {"node": None}
        assert foreign.content == missing.content


def test_an_outsider_sees_nothing_of_another_organization(company: Company) -> None:
    ids = list(ids_in(company).values())
    outsider = organizations.make_cast()
    caller = api.of_person(outsider.otto)

    seen = {name: count_of(caller, name) for name in LISTS}
    nodes = caller.ask(NODES, {"ids": ids}).data["nodes"]
    figures = {figure: caller.ask(query).codes for figure, (query, _) in FIGURES.items()}
    spend = caller.ask("{ spend { total { amount } } }").data["spend"]["total"]["amount"]

    # Every organization has a root and the rules that ship.
    own = {"costCenters": 1, "giftRules": LISTS["giftRules"]}
    assert seen == {name: own.get(name, 0) for name in LISTS}
    assert nodes == [None] * len(ids)
    assert figures == {
        "spend": [],
        "attribution": ["NO_ATTRIBUTION_RUN"],
        "roi": ["NO_ATTRIBUTION_RUN"],
    }
    assert spend == "0.00"


def test_ids_in_filters_and_cursors_say_nothing_of_another_organization(company: Company) -> None:
    ids = ids_in(company)
    caller = api.of_person(organizations.make_cast().otto)
    by_campaign = "query ($id: ID!) { sends(filter: {campaignIds: [$id]}) { totalCount } }"
    after = "query ($cursor: String) { campaigns(after: $cursor) { totalCount } }"

    foreign = caller.ask(by_campaign, {"id": ids["Campaign"]})
    missing = caller.ask(by_campaign, {"id": id_of("Campaign", uuid.uuid4())})
    foreign_cursor = caller.ask(after, {"cursor": str(company.field_send.campaign.public_id)})
    missing_cursor = caller.ask(after, {"cursor": str(uuid.uuid4())})

    assert foreign.content == missing.content
    assert foreign_cursor.codes == ["CURSOR_UNKNOWN"]
    assert foreign_cursor.content == missing_cursor.content


@pytest.mark.parametrize("role", sorted(SENDERS))
def test_a_sender_finds_no_record_of_another_team_by_its_id(
    company: Company, role: access.Role
) -> None:
    caller = of_role(company, role)
    office = company.office_send

    own = caller.ask(NODE, {"id": id_of("Send", company.field_send.public_id)})
    others = [
        caller.ask(NODE, {"id": id_of(kind, public_id)}).data["node"]
        for kind, public_id in (
            ("Send", office.public_id),
            ("Campaign", office.campaign.public_id),
            ("CostCenter", office.cost_center.public_id),
        )
    ]

    assert own.data["node"]["__typename"] == "Send"
    assert others == [None, None, None]


@pytest.mark.parametrize("scope", access.Scope)
def test_a_node_is_read_with_the_permission_of_its_list(
    company: Company, scope: access.Scope
) -> None:
    lists = {kind: name for name, kind in selections.connections().items()}
    caller = api.of_token(company.organization, scopes=frozenset({scope}))
    allowed = LISTS_BY_SCOPE.get(scope, frozenset())

    codes = {
        lists[kind]: caller.ask(NODE, {"id": id_}).codes
        for kind, id_ in ids_in(company).items()
        if lists.get(kind) in LISTS
    }

    assert codes == {name: [] if name in allowed else [FORBIDDEN] for name in LISTS}


def test_nobody_sees_nothing() -> None:
    replies = [api.of_nobody().ask(f"{{ {name} {{ totalCount }} }}") for name in LISTS]

    assert {reply.status for reply in replies} == {401}
