"""A small company's CRM, the same in both systems: accounts, people, deals with a past, touches.

Everything follows from the seed. Each deal moves through its stages on days before the CRM's now.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Any, Final

from tests.simulators.hubspot import application as hubspot_application
from tests.simulators.salesforce import application as salesforce_application

_WORDS: Final = ("North", "Blue", "Granite", "Cedar", "Harbor", "Summit", "Quartz", "Willow")
_KINDS: Final = ("Logistics", "Health", "Foods", "Software", "Energy", "Textiles")
_FIRST: Final = ("Ada", "Ben", "Cleo", "Dara", "Eli", "Fay", "Gus", "Hana")
_LAST: Final = ("Moss", "Okoye", "Petit", "Ruiz", "Sato", "Tanaka", "Unger", "Vale")
_OPEN: Final = ("Prospecting", "Qualification", "Proposal", "Negotiation")
_HUBSPOT_STAGES: Final = {
    "Prospecting": "appointmentscheduled",
    "Qualification": "qualifiedtobuy",
    "Proposal": "presentationscheduled",
    "Negotiation": "contractsent",
    "Closed Won": "closedwon",
    "Closed Lost": "closedlost",
}
HISTORY_DAYS: Final = 300


@dataclass(frozen=True, slots=True)
class Step:
    """A stage that a deal reached, and what it was worth then."""

    stage: str
    amount: int
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal with its whole past; `touches` are days on which someone was written to."""

    name: str
    account: int
    contact: int
    steps: tuple[Step, ...]
    touches: tuple[dt.datetime, ...]


def deals(count: int, *, seed: int, now: dt.datetime) -> list[Deal]:
    """Invent deals, three to an account."""
    chance = random.Random(seed)
    return [_deal(number, chance, now) for number in range(count)]


def _deal(number: int, chance: random.Random, now: dt.datetime) -> Deal:
    at = (now - dt.timedelta(days=chance.randint(30, HISTORY_DAYS))).replace(microsecond=0)
    amount = chance.randrange(5_000, 90_000, 250)
    end = chance.choice(("Closed Won", "Closed Lost", "Negotiation", "Proposal"))
    path = [*_OPEN[: chance.randint(1, 4)], end]
    steps = []
    for stage in dict.fromkeys(path):
        steps.append(Step(stage, amount, at))
        at = min(at + dt.timedelta(days=chance.randint(2, 40), hours=chance.randint(0, 9)), now)
        amount += chance.choice((0, 0, 0, 1_000, -500))
    first = steps[0].at
    touches = tuple(
        first + dt.timedelta(days=chance.randint(0, 25)) for _ in range(chance.randint(0, 3))
    )
    account = number // 3
    return Deal(f"Deal {number}", account, account * 2 + number % 2, tuple(steps), touches)


def _account(number: int) -> str:
    word, kind = _WORDS[number % len(_WORDS)], _KINDS[number // len(_WORDS) % len(_KINDS)]
    return f"{word} {kind} {number}"


def _person(number: int) -> tuple[str, str, str]:
    first, last = _FIRST[number % len(_FIRST)], _LAST[number // len(_FIRST) % len(_LAST)]
    return first, last, f"{first}.{last}.{number}@example.com".lower()


def fill_salesforce(
    org: salesforce_application.Application,
    *,
    deal_count: int,
    seed: int,
    until: dt.datetime | None = None,
) -> None:
    """Fill an org; the stages of each deal are written in the order of their days."""
    records = org.store
    invented = deals(deal_count, seed=seed, now=until or org.clock.now())
    past = _past(invented[0].steps[0].at - dt.timedelta(days=2))
    records.create("User", {"Name": "Integration", "IsActive": True, **past})
    records.create("User", {"Name": "Sam Seller", "IsActive": True, **past})
    records.create("Organization", {"Name": "Example", "FiscalYearStartMonth": 2, **past})
    campaign = records.create("Campaign", {"Name": "Spring mailing", "Type": "Email", **past})
    accounts: dict[int, str] = {}
    contacts: dict[int, str] = {}
    for deal in invented:
        past = _past(deal.steps[0].at - dt.timedelta(days=1))
        if deal.account not in accounts:
            values = {"Name": _account(deal.account), "CurrencyIsoCode": "USD", **past}
            accounts[deal.account] = records.create("Account", values)
        if deal.contact not in contacts:
            first, last, email = _person(deal.contact)
            values = {"FirstName": first, "LastName": last, "Email": email, **past}
            contacts[deal.contact] = records.create(
                "Contact", {**values, "AccountId": accounts[deal.account]}
            )
        of = _opportunity(org, deal, accounts[deal.account])
        contact = contacts[deal.contact]
        role = {"OpportunityId": of, "ContactId": contact, "Role": "Decision Maker"}
        records.create("OpportunityContactRole", {**role, "IsPrimary": True, **past})
        for touched_at in deal.touches:
            _touch(org, campaign, contact, of, touched_at)


def _past(at: dt.datetime) -> dict[str, dt.datetime]:
    return {"CreatedDate": at, "SystemModstamp": at, "LastModifiedDate": at}


def _opportunity(org: salesforce_application.Application, deal: Deal, account: str) -> str:
    first, *later = deal.steps
    of = org.store.create(
        "Opportunity",
        {
            "Name": deal.name,
            "AccountId": account,
            "StageName": first.stage,
            "Amount": float(first.amount),
            "CloseDate": deal.steps[-1].at.date().isoformat(),
            "CurrencyIsoCode": "USD",
            **_past(first.at),
        },
    )
    for step in later:
        values = {"StageName": step.stage, "Amount": float(step.amount)}
        org.store.update("Opportunity", of, values, at=step.at)
    return of


def _touch(
    org: salesforce_application.Application,
    campaign: str,
    contact: str,
    opportunity: str,
    at: dt.datetime,
) -> None:
    member = {"CampaignId": campaign, "ContactId": contact, "Status": "Responded"}
    responded = {"HasResponded": True, "FirstRespondedDate": at.date().isoformat()}
    org.store.create("CampaignMember", {**member, **responded, **_past(at)})
    task = {"WhoId": contact, "WhatId": opportunity, "Subject": "Call", "Status": "Completed"}
    closed = {"IsClosed": True, "CompletedDateTime": at, "ActivityDate": at.date().isoformat()}
    org.store.create("Task", {**task, **closed, "TaskSubtype": "Call", **_past(at)})


def fill_hubspot(
    portal: hubspot_application.Application,
    *,
    deal_count: int,
    seed: int,
    until: dt.datetime | None = None,
) -> None:
    """Fill a portal with the same company."""
    records = portal.store
    records.owners.append(
        {"id": "1", "email": "sam@example.com", "firstName": "Sam", "lastName": "Seller",
         "userId": 1, "archived": False}
    )  # fmt: skip
    accounts: dict[int, str] = {}
    contacts: dict[int, str] = {}
    for deal in deals(deal_count, seed=seed, now=until or portal.clock.now()):
        past = (deal.steps[0].at - dt.timedelta(days=1)).isoformat()
        if deal.account not in accounts:
            values = {"name": _account(deal.account), "domain": f"a{deal.account}.example"}
            accounts[deal.account] = records.create("companies", values, at=past)
        if deal.contact not in contacts:
            first, last, email = _person(deal.contact)
            person: dict[str, Any] = {"firstname": first, "lastname": last, "email": email}
            contacts[deal.contact] = records.create("contacts", person, at=past)
            records.link("contacts", contacts[deal.contact], "companies", accounts[deal.account])
        of = _hubspot_deal(portal, deal)
        records.link("deals", of, "companies", accounts[deal.account])
        records.link("deals", of, "contacts", contacts[deal.contact])
        for touched_at in deal.touches:
            meeting = {"hs_meeting_title": "Call", "hs_timestamp": touched_at.isoformat()}
            note = records.create("meetings", meeting, at=touched_at.isoformat())
            records.link("meetings", note, "contacts", contacts[deal.contact])
    records.take_events()


def _hubspot_deal(portal: hubspot_application.Application, deal: Deal) -> str:
    first, *later = deal.steps
    of = portal.store.create(
        "deals",
        {
            "dealname": deal.name,
            "pipeline": "default",
            "dealstage": _HUBSPOT_STAGES[first.stage],
            "amount": str(first.amount),
            "deal_currency_code": "USD",
            "closedate": deal.steps[-1].at.isoformat(),
        },
        at=first.at.isoformat(),
    )
    for step in later:
        values = {"dealstage": _HUBSPOT_STAGES[step.stage], "amount": str(step.amount)}
        portal.store.update("deals", of, values, at=step.at.isoformat())
    return of
