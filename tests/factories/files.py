"""Files to import: a mapping for each kind, and one call that imports as the product does."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path

from gifting.domain import access
from integrations.domain import fields
from integrations.services import imports
from tests.factories import organizations

OPPORTUNITIES = """
kind = "opportunities"
source = "crm"
currency = "USD"
date_formats = ["%Y-%m-%d", "ISO"]
[columns]
external_id = "id"
account = "account"
stage = "stage"
opened_at = "opened"
closed_at = "closed"
amount = "amount"
owner = "owner"
product = "product"
[replace.product]
"GTXPro" = "GTX Pro"
[stages]
open = ["Prospecting", "Engaging"]
won = ["Won"]
lost = ["Lost"]
"""
OPPORTUNITIES_HEADER = "id,account,stage,opened,closed,amount,owner,product\n"

ACCOUNTS = """
kind = "accounts"
source = "crm"
currency = "USD"
[columns]
external_id = "id"
name = "name"
parent = "parent"
industry = "industry"
country = "country"
employees = "employees"
"""
ACCOUNTS_HEADER = "id,name,parent,industry,country,employees\n"

TOUCHES = """
kind = "touches"
source = "crm"
currency = "USD"
[columns]
external_id = "id"
occurred_at = "when"
channel = "channel"
account = "account"
contact = "contact"
campaign = "campaign"
cost_center = "center"
"""
TOUCHES_HEADER = "id,when,channel,account,contact,campaign,center\n"

SENDS = """
kind = "sends"
source = "sendoso"
currency = "USD"
[columns]
external_id = "id"
campaign = "campaign"
cost_center = "center"
gift = "sku"
gift_price = "price"
recipient = "recipient"
recipient_name = "name"
recipient_email = "email"
recipient_country = "country"
account = "account"
sender = "sender"
quantity = "quantity"
status = "status"
offered_at = "sent"
delivered_at = "delivered"
item_amount = "item"
shipping_amount = "shipping"
cost_basis = "basis"
[constants]
vendor = "sendoso"
[states]
"On its way" = "SHIPPED"
"""
SENDS_HEADER = (
    "id,campaign,center,sku,price,recipient,name,email,country,account,sender,quantity,status,"
    "sent,delivered,item,shipping,basis\n"
)

_TEXTS = {
    fields.Kind.ACCOUNTS: (ACCOUNTS, ACCOUNTS_HEADER),
    fields.Kind.OPPORTUNITIES: (OPPORTUNITIES, OPPORTUNITIES_HEADER),
    fields.Kind.SENDS: (SENDS, SENDS_HEADER),
    fields.Kind.TOUCHES: (TOUCHES, TOUCHES_HEADER),
}


def import_rows(
    kind: fields.Kind,
    rows: str,
    *,
    folder: Path,
    at: dt.datetime = organizations.NOON,
    is_dry_run: bool = False,
) -> imports.Report:
    """Import rows under the kind's usual header and mapping."""
    mapping, header = _TEXTS[kind]
    return import_bytes(
        kind, (header + rows).encode(), mapping=mapping, folder=folder, at=at, is_dry_run=is_dry_run
    )


def import_bytes(
    kind: fields.Kind,
    content: bytes,
    *,
    mapping: str,
    folder: Path,
    at: dt.datetime = organizations.NOON,
    is_dry_run: bool = False,
) -> imports.Report:
    """Import a whole file into the organization that the test has entered."""
    path = folder / f"{kind.lower()}.csv"
    path.write_bytes(content)
    return imports.run(
        actor=access.Actor.system(organization_id=organizations.here()),
        kind=kind,
        path=path,
        mapping_text=mapping,
        run_id=uuid.uuid4(),
        at=at,
        is_dry_run=is_dry_run,
    )


def counts(report: imports.Report) -> tuple[int, int, int, int]:
    """Return how many rows were new, changed, unchanged and rejected."""
    return report.new, report.changed, report.unchanged, report.rejected


def reasons(report: imports.Report) -> list[tuple[int, str, str]]:
    """Return line, column and reason of each rejected row."""
    return [(row.line, row.column, row.reason) for row in report.rejections]
