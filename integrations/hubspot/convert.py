"""Turn a portal's records into rows of the books."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from integrations.domain import crm, errors, rows, shapes


def convert(raw: crm.Raw, context: rows.Context) -> rows.Row | None:
    """Return the record's row, or None where the books keep nothing of it; raises BadRecord."""
    make = _MAKERS.get(raw.stream)
    return make(raw, context) if make else None


def _text(raw: crm.Raw, name: str) -> str | None:
    return shapes.text(raw.values.get(name), field=name)


def _first(raw: crm.Raw, other: str) -> str | None:
    """Name the linked record that counts: of several companies, the one with the lowest id."""
    links = raw.values.get(other) or []
    return min(links, key=int) if links else None


def _account(raw: crm.Raw, _: rows.Context) -> rows.Account:
    return rows.Account(
        external_id=raw.id,
        name=_text(raw, "name"),
        parent=_text(raw, "hs_parent_company_id"),
        industry=_text(raw, "industry"),
        country=_text(raw, "country"),
        employees=shapes.integer(raw.values.get("numberofemployees"), field="numberofemployees"),
    )


def _contact(raw: crm.Raw, _: rows.Context) -> rows.Contact:
    names = (_text(raw, "firstname"), _text(raw, "lastname"))
    return rows.Contact(
        external_id=raw.id,
        account=_text(raw, "associatedcompanyid") or _first(raw, "companies"),
        name=" ".join(filter(None, names)) or None,
        email=_text(raw, "email"),
        title=_text(raw, "jobtitle"),
    )


def _opportunity(raw: crm.Raw, context: rows.Context) -> rows.Opportunity:
    values = raw.values
    stage = _text(raw, "dealstage")
    if not stage:
        raise errors.BadRecord("the deal has no stage", field="dealstage")
    label, is_closed, is_won = context.stages.get(
        stage,
        (
            stage,
            bool(shapes.boolean(values.get("hs_is_closed"))),
            bool(shapes.boolean(values.get("hs_is_closed_won"))),
        ),
    )
    code = shapes.currency(
        values.get("deal_currency_code"), context.currency, field="deal_currency_code"
    )
    status = rows.status(is_closed=is_closed, is_won=is_won)
    closed_at = None
    if status != rows.OPEN:
        told = shapes.moment(values.get("closedate"), context.zone, field="closedate")
        closed_at = told or raw.stamp
    owner = _text(raw, "hubspot_owner_id")
    return rows.Opportunity(
        external_id=raw.id,
        stage=label,
        status=status,
        account=_first(raw, "companies"),
        name=_text(raw, "dealname"),
        product=_text(raw, "dealtype"),
        owner=context.owners.get(owner, owner) if owner else None,
        amount_minor=shapes.minor_units(values.get("amount"), code, field="amount"),
        currency=code,
        opened_at=shapes.moment(values.get("createdate"), context.zone, field="createdate"),
        closed_at=closed_at,
        closed_on=closed_at.astimezone(context.zone).date() if closed_at else None,
    )


def _activity(raw: crm.Raw, context: rows.Context) -> rows.Touch | None:
    occurred_at = shapes.moment(raw.values.get("hs_timestamp"), context.zone, field="hs_timestamp")
    contact = _first(raw, "contacts")
    if occurred_at is None or contact is None:
        return None
    return rows.Touch(
        external_id=rows.touch_id(raw),
        occurred_at=occurred_at,
        channel=_CHANNELS[raw.stream],
        account=None,
        contact=contact,
        campaign=None,
    )


def _task(raw: crm.Raw, context: rows.Context) -> rows.Touch | None:
    """Take a task that was done for a touch; one that is planned is none yet."""
    is_done = raw.values.get("hs_task_status") == "COMPLETED"
    return _activity(raw, context) if is_done else None


_Version = Mapping[str, Any]

_CHANNELS: Final = {
    crm.Stream.TASKS: "task",
    crm.Stream.MEETINGS: "meeting",
    crm.Stream.CALLS: "call",
    crm.Stream.EMAILS: "email",
}
_MAKERS: Final[Mapping[crm.Stream, Callable[[crm.Raw, rows.Context], rows.Row | None]]] = {
    crm.Stream.ACCOUNTS: _account,
    crm.Stream.CONTACTS: _contact,
    crm.Stream.OPPORTUNITIES: _opportunity,
    crm.Stream.TASKS: _task,
    crm.Stream.MEETINGS: _activity,
    crm.Stream.CALLS: _activity,
    crm.Stream.EMAILS: _activity,
}


def roles(raw: crm.Raw) -> list[rows.ContactRole]:
    """Name the contacts of a deal; the portal does not say which of them leads."""
    return [
        rows.ContactRole(f"{raw.id}:{contact}", raw.id, contact, role="", is_primary=False)
        for contact in raw.values.get("contacts") or []
    ]


def history(told: Sequence[crm.Raw], context: rows.Context) -> crm.History:
    """Read the versions of one deal's properties into what it was set to, the oldest first."""
    changes: list[crm.Change] = []
    bad: list[tuple[crm.Raw, errors.BadRecord]] = []
    for raw in told:
        for name, read in _PROPERTIES.items():
            for version in reversed(raw.values.get(name) or []):
                try:
                    changes.append(read(raw, version, context))
                except errors.BadRecord as error:
                    bad.append((raw, error))
    return changes, bad


def _stage_change(raw: crm.Raw, version: _Version, context: rows.Context) -> crm.Change:
    stage = str(version["value"])
    label, is_closed, is_won = context.stages.get(stage, (stage, False, False))
    status = rows.status(is_closed=is_closed, is_won=is_won)
    at = _at(version, context)
    return crm.Change(raw.parent, _name("dealstage", version), at, stage=label, status=status)


def _amount_change(raw: crm.Raw, version: _Version, context: rows.Context) -> crm.Change:
    code = shapes.currency(
        raw.values.get("deal_currency_code"), context.currency, field="deal_currency_code"
    )
    return crm.Change(
        raw.parent,
        _name("amount", version),
        _at(version, context),
        amount_minor=shapes.minor_units(version["value"], code, field="amount"),
        currency=code,
        sets_amount=True,
    )


def _owner_change(raw: crm.Raw, version: _Version, context: rows.Context) -> crm.Change:
    owner = str(version["value"])
    named = context.owners.get(owner, owner)
    return crm.Change(raw.parent, _name("owner", version), _at(version, context), owner=named)


def _name(what: str, version: _Version) -> str:
    """Name a version so that it stays the same when newer ones come."""
    return f"{what}:{version['timestamp']}"


_PROPERTIES: Final = {
    "dealstage": _stage_change,
    "amount": _amount_change,
    "hubspot_owner_id": _owner_change,
}


def _at(version: _Version, context: rows.Context) -> dt.datetime:
    read = shapes.moment(version["timestamp"], context.zone, field="timestamp")
    if read is None:
        raise errors.BadRecord("a version has no time", field="timestamp")
    return read
