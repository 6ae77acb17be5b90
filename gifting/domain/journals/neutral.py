"""The neutral layouts, CSV and JSON: every line with the id of our transfer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from gifting.domain.journals import batches, cells

HEADER: Final = (
    "journal",
    "kind",
    "period",
    "date",
    "item",
    "transfer_id",
    "account_code",
    "account_name",
    "debit",
    "credit",
    "currency",
    "memo",
    "tag",
    "department",
    "class",
    "location",
    "subsidiary",
    "payee",
)


def render_csv(batch: batches.Batch) -> tuple[batches.File, ...]:
    """Write two lines an item; raises CellUnusable."""
    return (batches.File(f"{batch.reference}.csv", cells.table(HEADER, _rows(batch))),)


def render_json(batch: batches.Batch) -> tuple[batches.File, ...]:
    """Write one object; amounts are whole minor units as text, exact in every reader."""
    for item in batch.items:
        for text in (item.memo, item.tag, item.payee):
            cells.require(text)
    content = json.dumps(as_plain(batch), ensure_ascii=False, indent=1, sort_keys=True)
    return (batches.File(f"{batch.reference}.json", f"{content}\n".encode()),)


def as_plain(batch: batches.Batch) -> dict[str, Any]:
    """Return the whole batch as plain values, from which its content is hashed as well."""
    return {
        "journal": batch.reference,
        "kind": batch.kind.value,
        "organization": batch.organization,
        "period": batch.period,
        "date": batch.dated_on.isoformat(),
        "currency": batch.currency,
        "items": [_plain_item(item) for item in batch.items],
    }


def _plain_item(item: batches.Item) -> dict[str, Any]:
    return {
        "item": item.number,
        "transfer_id": str(item.transfer),
        "amount_minor": str(item.amount_minor),
        "debit": {"code": item.debit.code, "name": item.debit.path},
        "credit": {"code": item.credit.code, "name": item.credit.path},
        "memo": item.memo,
        "tag": item.tag,
        "department": item.department,
        "class": item.class_name,
        "location": item.location,
        "subsidiary": item.subsidiary,
        "payee": item.payee,
    }


def _rows(batch: batches.Batch) -> Iterator[list[str]]:
    for line in batch.lines():
        item = line.item
        yield [
            batch.reference,
            batch.kind.value,
            cells.text(batch.period),
            batch.dated_on.isoformat(),
            str(item.number),
            str(item.transfer),
            cells.text(line.account.code),
            cells.text(line.account.path),
            cells.amount(line.debit),
            cells.amount(line.credit),
            batch.currency,
            cells.text(item.memo),
            cells.text(item.tag),
            cells.text(item.department),
            cells.text(item.class_name),
            cells.text(item.location),
            cells.text(item.subsidiary),
            cells.text(item.payee),
        ]
