"""Turn an org's records into rows of the books."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from integrations.domain import crm, errors, rows, shapes

# A history row says no more of its stage than its forecast: won deals are forecast as closed, lost
# ones are left out of the forecast.
_FORECAST: Final = {"Closed": rows.WON, "Omitted": rows.LOST}


def convert(raw: crm.Raw, context: rows.Context) -> rows.Row | None:
    """Return the record's row, or None where the books keep nothing of it; raises BadRecord."""
    make = _MAKERS.get(raw.stream)
    return make(raw, context) if make else None


def _text(raw: crm.Raw, name: str) -> str | None:
    return shapes.text(raw.values.get(name), field=name)


def _account(raw: crm.Raw, _: rows.Context) -> rows.Account:
    return rows.Account(
        external_id=raw.id,
        name=_text(raw, "Name"),
        parent=_text(raw, "ParentId"),
        industry=_text(raw, "Industry"),
        country=_text(raw, "BillingCountry"),
        employees=shapes.integer(raw.values.get("NumberOfEmployees"), field="NumberOfEmployees"),
    )


def _contact(raw: crm.Raw, _: rows.Context) -> rows.Contact:
    names = (_text(raw, "FirstName"), _text(raw, "LastName"))
    return rows.Contact(
        external_id=raw.id,
        account=_text(raw, "AccountId"),
        name=" ".join(filter(None, names)) or None,
        email=_text(raw, "Email"),
        title=_text(raw, "Title"),
    )


def _opportunity(raw: crm.Raw, context: rows.Context) -> rows.Opportunity:
    values = raw.values
    stage = _text(raw, "StageName")
    if not stage:
        raise errors.BadRecord("the opportunity has no stage", field="StageName")
    code = shapes.currency(values.get("CurrencyIsoCode"), context.currency, field="CurrencyIsoCode")
    status = rows.status(
        is_closed=shapes.boolean(values.get("IsClosed")),
        is_won=shapes.boolean(values.get("IsWon")),
    )
    closed_at = None
    if status != rows.OPEN:
        told = shapes.moment(values.get("CloseDate"), context.zone, field="CloseDate", at_end=True)
        closed_at = told or raw.stamp
    owner = _text(raw, "OwnerId")
    return rows.Opportunity(
        external_id=raw.id,
        stage=stage,
        status=status,
        account=_text(raw, "AccountId"),
        name=_text(raw, "Name"),
        product=_text(raw, "Type"),
        owner=context.owners.get(owner, owner) if owner else None,
        amount_minor=shapes.minor_units(values.get("Amount"), code, field="Amount"),
        currency=code,
        opened_at=shapes.moment(values.get("CreatedDate"), context.zone, field="CreatedDate"),
        closed_at=closed_at,
        closed_on=closed_at.astimezone(context.zone).date() if closed_at else None,
    )


def _role(raw: crm.Raw, _: rows.Context) -> rows.ContactRole | None:
    opportunity, contact = _text(raw, "OpportunityId"), _text(raw, "ContactId")
    if not opportunity or not contact:
        return None
    return rows.ContactRole(
        external_id=raw.id,
        opportunity=opportunity,
        contact=contact,
        role=_text(raw, "Role") or "",
        is_primary=bool(shapes.boolean(raw.values.get("IsPrimary"))),
    )


def _member(raw: crm.Raw, context: rows.Context) -> rows.Touch | None:
    """Take a response for a touch on its day; a member who did not respond is none."""
    if not shapes.boolean(raw.values.get("HasResponded")):
        return None
    occurred_at = shapes.moment(
        raw.values.get("FirstRespondedDate") or raw.values.get("CreatedDate"),
        context.zone,
        field="FirstRespondedDate",
    )
    contact = _text(raw, "ContactId")
    if occurred_at is None or not contact:
        return None
    return rows.Touch(
        external_id=rows.touch_id(raw),
        occurred_at=occurred_at,
        channel="campaign",
        account=None,
        contact=contact,
        campaign=_text(raw, "CampaignId"),
    )


def _task(raw: crm.Raw, context: rows.Context) -> rows.Touch | None:
    """Take a task that was done for a touch; one that is planned is none yet."""
    if not shapes.boolean(raw.values.get("IsClosed")):
        return None
    done = raw.values.get("CompletedDateTime") or raw.values.get("ActivityDate")
    channel = (_text(raw, "TaskSubtype") or "task").lower()
    return _activity(raw, context, done, channel=channel)


def _meeting(raw: crm.Raw, context: rows.Context) -> rows.Touch | None:
    start = raw.values.get("StartDateTime")
    return _activity(raw, context, start, channel="meeting")


def _activity(
    raw: crm.Raw, context: rows.Context, moment: Any, *, channel: str
) -> rows.Touch | None:
    occurred_at = shapes.moment(moment, context.zone, field="ActivityDate")
    who, account = _text(raw, "WhoId") or "", _text(raw, "AccountId")
    contact = who if who.startswith(_CONTACT_PREFIX) else None
    if occurred_at is None or not (contact or account):
        return None
    return rows.Touch(
        external_id=rows.touch_id(raw),
        occurred_at=occurred_at,
        channel=channel,
        account=None if contact else account,
        contact=contact,
        campaign=None,
    )


_CONTACT_PREFIX: Final = "003"

_MAKERS: Final[Mapping[crm.Stream, Callable[[crm.Raw, rows.Context], rows.Row | None]]] = {
    crm.Stream.ACCOUNTS: _account,
    crm.Stream.CONTACTS: _contact,
    crm.Stream.OPPORTUNITIES: _opportunity,
    crm.Stream.CONTACT_ROLES: _role,
    crm.Stream.CAMPAIGN_MEMBERS: _member,
    crm.Stream.TASKS: _task,
    crm.Stream.MEETINGS: _meeting,
}


def history(told: Sequence[crm.Raw], context: rows.Context) -> crm.History:
    """Read the history rows of one opportunity into what it was set to, in order; no repeats."""
    changes: list[crm.Change] = []
    bad: list[tuple[crm.Raw, errors.BadRecord]] = []
    stage: str | None = None
    worth: tuple[int | None, str] | None = None
    for raw in sorted(told, key=lambda each: (each.stamp, each.id)):
        try:
            entered, found = _entered(raw, context), _worth(raw, context)
        except errors.BadRecord as error:
            bad.append((raw, error))
            continue
        if entered.stage and entered.stage != stage:
            stage = entered.stage
            changes.append(entered)
        if found != worth:
            worth = found
            changes.append(
                crm.Change(
                    raw.parent,
                    raw.id,
                    entered.changed_at,
                    amount_minor=found[0],
                    currency=found[1],
                    sets_amount=True,
                )
            )
    return changes, bad


def _entered(raw: crm.Raw, context: rows.Context) -> crm.Change:
    told = shapes.moment(raw.values.get("CreatedDate"), context.zone, field="CreatedDate")
    status = _FORECAST.get(str(raw.values.get("ForecastCategory")), rows.OPEN)
    stage = _text(raw, "StageName")
    return crm.Change(raw.parent, raw.id, told or raw.stamp, stage=stage, status=status)


def _worth(raw: crm.Raw, context: rows.Context) -> tuple[int | None, str]:
    code = shapes.currency(
        raw.values.get("CurrencyIsoCode"), context.currency, field="CurrencyIsoCode"
    )
    return shapes.minor_units(raw.values.get("Amount"), code, field="Amount"), code
